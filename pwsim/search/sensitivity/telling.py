"""What would change an answer, as plain values: ``sensitivity`` in ``summary.json``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pwsim.search.plan import Plan, Setup
from pwsim.search.replications import share_of
from pwsim.search.sensitivity.factors import FACTORS
from pwsim.search.sensitivity.headroom import GRID, Headroom
from pwsim.search.sensitivity.study import Study
from pwsim.search.sensitivity.turning import Turn
from pwsim.search.sensitivity.words import findings, value_text
from pwsim.search.words import target_text

Told = Callable[[Setup | None], dict[str, Any] | None]
"""Gives a setup as ``summary.json`` has it."""


def told(plan: Plan, found: Study, setup_of: Told) -> dict[str, Any]:
    """Return what would change an answer, as plain values.

    Parameters
    ----------
    plan
        The answer.
    found
        What would change it.
    setup_of
        Gives a setup as ``summary.json`` has it.
    """
    outcomes = [
        {
            **one._asdict(),
            "words": FACTORS[one.factor].words,
            "value_text": value_text(one.factor, one.value),
            "replayed": FACTORS[one.factor].replayed,
            "chosen": setup_of(one.chosen),
        }
        for one in found.outcomes
    ]
    replications, share = plan.judge.replications, share_of(plan.targets)
    sure = {} if share is None or replications is None else {"decisions": {**replications.model_dump(), "share": share}}
    plain = {
        **sure,
        "cost_usd_per_year": plan.cost_usd_per_year,
        "outcomes": outcomes,
        "break_even": _break_evens(plan, found),
        "rent": None
        if found.turns is None
        else {name: _turn(one, setup_of) for name, one in found.turns._asdict().items()},
        "headroom": None if found.headroom is None else _headroom(plan, found.headroom),
        "least_regret": _regret(found, setup_of),
        "stopped": found.stopped,
    }
    return {**plain, "findings": findings(plain)}


def _turn(turn: Turn, setup_of: Told) -> dict[str, Any]:
    return {**turn._asdict(), "chosen": setup_of(turn.chosen)}


def _break_evens(plan: Plan, found: Study) -> list[dict[str, Any]]:
    """Return the break-even of each pair, and how much the owned nodes are used."""
    pools = [pool.name for pool in plan.result.cluster.pools]
    rows = []
    for one in found.break_even:
        shares = plan.result.shares(pools.index(one.owned))
        kind = "gpu" if plan.result.cluster.pools[pools.index(one.owned)].node.gpus else "core"
        asked = shares["gpu_utilization" if kind == "gpu" else "utilization"]
        rows.append({**one._asdict(), "held_share": asked + shares[f"unused_{kind}_share"]})
    return rows


def _headroom(plan: Plan, room: Headroom) -> dict[str, Any]:
    """Return how much load each target bears."""
    by_target = []
    for index, target in enumerate(plan.targets):
        again, misses = room.meets_again_at(index), room.misses_at(index)
        achieved = next((point.achieved[index] for point in room.points if point.load == misses), math.nan)
        plain = target.model_dump(mode="json", exclude_none=True)
        by_target.append(
            {
                "target": index,
                "metric": target.metric,
                "text": target_text({"statistic": None, **plain}),
                "bears": room.bears(index),
                "misses_at": misses,
                "achieved": achieved,
                "meets_again_at": again,
            }
        )
    return {
        "bears": room.bears(),
        "misses_at": room.misses_at(),
        "tried": [point.load for point in room.points],
        "largest": GRID[-1],
        "targets": by_target,
        "stopped": room.stopped,
    }


def _regret(found: Study, setup_of: Told) -> dict[str, Any] | None:
    """Return the setup that is least wrong over the loads; ``None`` if fewer than two can be compared."""
    one = found.regret
    if one is None:
        return None
    at_loads = [each._asdict() for each in one.at_loads]
    return {**one._asdict(), "setup": setup_of(one.setup), "at_loads": at_loads}
