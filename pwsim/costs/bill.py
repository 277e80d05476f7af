"""The parts of a setup's cost, what they add up to, and how amounts become those of a year (semantics §8)."""

from __future__ import annotations

import math
from typing import NamedTuple

from pwsim.common import HOUR_S, YEAR_H
from pwsim.prices import Economics, Start, start_of
from pwsim.trace import Trace

PARTS = (
    "capex_usd_per_year",
    "opex_usd_per_year",
    "licence_usd_per_year",
    "site_usd_per_year",
    "idle_energy_usd_per_year",
    "busy_energy_usd_per_year",
    "cloud_usd_per_year",
    "commitment_usd_per_year",
    "storage_usd_per_year",
    "egress_usd_per_year",
    "carbon_usd_per_year",
)
"""The parts of a setup's cost [USD a year]."""

KG_PER_TONNE = 1000.0
"""Kilograms in a tonne."""

Breakdown = dict[str, float]
"""Cost by part [USD a year]."""


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

    def figures(self) -> dict[str, float]:
        """Return the total, its parts and what they come to, as columns."""
        return {
            "cost_usd_per_year": total(self.cost),
            **self.cost,
            **dict(zip(self._fields[1:], self[1:], strict=True)),
        }


class Terms(NamedTuple):
    """What costs depend on besides pools and jobs."""

    discount_rate: float = 0.0
    """Interest a year."""
    carbon_usd_per_tonne: float = 0.0
    """Price of carbon dioxide [USD/t]."""
    start: Start | None = None
    """First submission on the site's clock, if that is known."""


def terms_of(economics: Economics, trace: Trace) -> Terms:
    """Return what costs depend on besides pools and jobs.

    Where nobody says when the first submission was, it is taken to be on a Monday at 0:00; only tariffs by the hour
    ask for it.
    """
    start = start_of(trace, economics.start, economics.time_zone)
    return Terms(economics.discount_rate, economics.carbon_usd_per_tonne, start)


def carbon_usd(carbon_kg: float, terms: Terms) -> float:
    """Return the price of carbon dioxide [USD]."""
    return carbon_kg / KG_PER_TONNE * terms.carbon_usd_per_tonne


def per_year(amount: float, window_s: float) -> float:
    """Scale what jobs cause in a replay to a year, by the length of the measurement window.

    Raises
    ------
    ValueError
        If the window has no length and there is something to scale.
    """
    if amount == 0:
        return 0.0
    if window_s <= 0:
        raise ValueError("the measurement window has no length: all jobs are submitted at the same time")
    return amount * YEAR_H * HOUR_S / window_s


def per_hour_used(cost_usd_per_year: float, used_s: float, window_s: float) -> float:
    """Return the cost by the core-hours (or GPU-hours) that jobs hold, scaled to a year alike [USD]; NaN if none.

    So nodes of one's own and rented ones can be compared at their real utilisation.
    """
    if not used_s or window_s <= 0:
        return math.nan
    return cost_usd_per_year / per_year(used_s / HOUR_S, window_s)


def total(cost: Breakdown) -> float:
    """Return the sum of the parts, in their order [USD a year]."""
    return sum(cost[part] for part in PARTS)


PART_NAMES = {
    "capex_usd_per_year": "purchase",
    "opex_usd_per_year": "operation",
    "licence_usd_per_year": "licences",
    "site_usd_per_year": "site and staff",
    "idle_energy_usd_per_year": "energy, idle",
    "busy_energy_usd_per_year": "energy, busy",
    "cloud_usd_per_year": "cloud rent",
    "commitment_usd_per_year": "cloud commitments",
    "storage_usd_per_year": "cloud storage",
    "egress_usd_per_year": "data transfer out",
    "carbon_usd_per_year": "carbon price",
}
"""What each part of the cost is called in tables and figures."""

WHOLE_SETUP = "the setup as a whole"
"""What costs are called that belong to no pool."""
