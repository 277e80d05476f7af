"""What a setup costs, and what that comes to (semantics §8)."""

from __future__ import annotations

import math
from typing import NamedTuple

from pwsim.common import HOUR_S
from pwsim.costs.parts import PARTS, Breakdown, total
from pwsim.costs.terms import per_year


class Bill(NamedTuple):
    """What a setup costs, and what that comes to."""

    cost: Breakdown
    """Cost by part [USD a year]."""
    usd_per_core_hour_used: float
    """Cost by the core-hours that jobs hold [USD]; NaN if they hold none."""
    usd_per_gpu_hour_used: float
    """Cost by the GPU-hours that jobs hold [USD]; NaN if they hold none."""
    carbon_kg_per_year: float
    """Carbon dioxide (equivalent) [kg a year]."""
    lost_work_usd_per_year: float
    """Lost core-hours at what a core-hour used costs in their pool: the cost that was in vain [USD a year]."""
    committed_nodes: float
    """Nodes that are paid by commitments, in all pools."""

    def figures(self) -> dict[str, float]:
        """Return the total, its parts and what they come to, as columns."""
        return {
            "cost_usd_per_year": total(self.cost),
            **self.cost,
            **dict(zip(self._fields[1:], self[1:], strict=True)),
        }


def per_hour_used(cost_usd_per_year: float, used_s: float, window_s: float) -> float:
    """Return the cost by the core-hours (or GPU-hours) that jobs hold, scaled to a year alike [USD]; NaN if none.

    So nodes of one's own and rented ones can be compared at their real utilisation.
    """
    if not used_s or window_s <= 0:
        return math.nan
    return cost_usd_per_year / per_year(used_s / HOUR_S, window_s)


WHOLE_SETUP = "the setup as a whole"
"""What costs are called that belong to no pool."""

BILL_COLUMNS: dict[str, tuple[str, str]] = {
    "cost_usd_per_year": ("USD/year", "sum of the parts of the cost"),
    **{one.name: ("USD/year", f"part of the cost: {one.text}") for one in PARTS.values()},
    "usd_per_core_hour_used": ("USD/core-h", "cost by the core-hours that jobs hold"),
    "usd_per_gpu_hour_used": ("USD/GPU-h", "cost by the GPU-hours that jobs hold"),
    "carbon_kg_per_year": ("kg/year", "carbon dioxide (equivalent)"),
    "lost_work_usd_per_year": (
        "USD/year",
        "lost core-hours at what a core-hour used costs in their pool; part of the cost already",
    ),
    "committed_nodes": ("nodes", "nodes that are paid by commitments, in all pools"),
}
"""Unit and meaning of the columns that :meth:`Bill.figures` fills."""
