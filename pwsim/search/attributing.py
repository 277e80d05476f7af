"""Who causes what of an answer, and what the time costs that users ask for and do not use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pwsim.common import count, duration, listed, money, share
from pwsim.results import Attribution, attribution
from pwsim.search.plan import Plan, Stop
from pwsim.search.sensitivity.asker import Asker
from pwsim.search.sensitivity.factors import FACTORS
from pwsim.search.sensitivity.outcomes import shown
from pwsim.search.words import STOPS
from pwsim.workload import over_asked_s

LISTED = 10
"""How many of each are told in ``summary.json`` and the report: those who cause most."""
BETTER = (0.5, 0.0)
"""Estimates that are asked about: what is over-asked halved, and exact."""


class Estimates(NamedTuple):
    """How jobs wait if users asked for less time beyond what they need."""

    factor: float
    """How many times what they over-ask now."""
    wait_s_mean: float
    """The mean wait then [s]."""
    wait_s_p95: float
    """Its 95th percentile [s]."""


class Attributed(NamedTuple):
    """Who causes what of an answer."""

    asked: Attribution
    """What was asked."""
    table: pd.DataFrame
    """One row for each who is named (:data:`pwsim.results.ATTRIBUTION_COLUMNS`)."""
    estimates: tuple[Estimates, ...]
    """Waits with better estimates; empty if nobody over-asks."""
    stopped: Stop | None
    """Why not all was replayed for that; ``None`` if it was."""


def attributed(asked: Attribution, asker: Asker, plan: Plan) -> Attributed:
    """Return who causes what of an answer.

    Parameters
    ----------
    asked
        What is asked.
    asker
        Replays with other estimates.
    plan
        The answer.
    """
    table = attribution(plan.result, plan.economics, asked)
    found = []
    for factor in BETTER if FACTORS["estimates"].concerns(asker.question) else ():
        judge = asker.judge(FACTORS["estimates"].change(asker.question, factor))
        one = asker.replayed(judge, shown(plan))
        if one is not None and one.ran is not None:
            found.append(Estimates(factor, one.ran.metrics["wait_s_mean"], one.ran.metrics["wait_s_p95"]))
    return Attributed(asked, table, tuple(found), asker.purse.stopped)


def told(plan: Plan, found: Attributed) -> dict[str, Any]:
    """Return who causes what, as plain values: ``attribution`` in ``summary.json``."""
    groups = []
    for by in found.asked.by:
        rows = found.table[found.table["by"] == by]
        first: list[Any] = rows.head(LISTED).drop(columns="by").to_dict("records")
        groups.append(
            {
                "by": by,
                "names": len(rows),
                "listed": first,
                "listed_share": float(rows.head(LISTED)["cost_usd_per_year"].sum() / (plan.cost_usd_per_year or 1.0)),
            }
        )
    mine = found.table[found.table["by"] == found.asked.by[0]]
    trace = plan.result.trace
    plain = {
        "by": list(found.asked.by),
        "idle": found.asked.idle,
        "cost_usd_per_year": plan.cost_usd_per_year,
        "idle_usd_per_year": float(mine["idle_usd_per_year"].sum()),
        "groups": groups,
        "over_asked_share": _share_over_asked(plan),
        "wait_s_mean": plan.result.metrics["wait_s_mean"],
        "wait_s_p95": plan.result.metrics["wait_s_p95"],
        "estimates": [one._asdict() for one in found.estimates],
        "stopped": found.stopped,
        "jobs": len(trace),
    }
    return {**plain, "findings": findings(plain)}


def _share_over_asked(plan: Plan) -> float:
    """Return which share of the core-hours that users ask for is beyond the run time; NaN if they ask for none."""
    trace = plan.result.trace
    asked = float(np.dot(trace.procs, trace.estimate_s))
    return float(np.dot(trace.procs, over_asked_s(trace))) / asked if asked else float("nan")


def findings(plain: Mapping[str, Any]) -> list[str]:
    """Return who causes what, in sentences.

    Parameters
    ----------
    plain
        ``attribution`` of ``summary.json``, without these.
    """
    cost = plain["cost_usd_per_year"]
    said = [_most_text(group, cost) for group in plain["groups"]]
    if cost:
        idle = plain["idle_usd_per_year"]
        how = {"usage": "in proportion to use", "even": "evenly"}[plain["idle"]]
        said.append(f"Nobody uses {money(idle)} a year, {share(idle / cost)} of the bill; it is shared out {how}.")
    return [*filter(None, said), *_estimates_text(plain)]


def _most_text(group: Mapping[str, Any], cost: float) -> str:
    """Say who causes most."""
    first = group["listed"][0]
    if not cost:
        return ""
    name, some = first["name"] or "not named", count(group["names"], group["by"])
    alone = f"{group['by'].capitalize()} {name} causes most: {share(first['cost_usd_per_year'] / cost)} of the bill"
    if group["names"] <= LISTED:
        return f"{alone}; there {'is' if group['names'] == 1 else 'are'} {some}."
    return f"{alone}; the {LISTED} who cause most, of {some}, cause {share(group['listed_share'])}."


def _estimates_text(plain: Mapping[str, Any]) -> list[str]:
    """Say what over-asked time costs."""
    if not plain["estimates"]:
        return [f"What over-asked time costs was not replayed: {STOPS[plain['stopped']]}."] if plain["stopped"] else []
    names = {0.5: "with half as much over-asked", 0.0: "with exact estimates"}
    then = listed([f"{duration(one['wait_s_mean'])} {names[one['factor']]}" for one in plain["estimates"]])
    over, now = share(plain["over_asked_share"]), duration(plain["wait_s_mean"])
    text = f"Of the core-hours that users ask for, {over} are beyond what their jobs run; the mean wait is {now}"
    return [f"{text}, and would be {then}."]
