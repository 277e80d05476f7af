"""Other answers than the cheapest: the cheapest of each kind, and the most different ones that cost little more.

The cheapest setup of a kind (all own, all rented, both, each policy) is searched for as the answer was, among those of
that kind, but with few replays.  Where these do not do for a proof, what was found is told as such; and where the time
of the search is over, that nothing was looked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from pwsim.cluster import CloudPool, Cluster
from pwsim.common import InputError, retyped
from pwsim.costs import cash
from pwsim.search.around import Row, place_of, rows_of
from pwsim.search.options import many, options
from pwsim.search.simulate_and_cut import search

if TYPE_CHECKING:
    from pwsim.search.options import Place
    from pwsim.search.plan import Plan

MOST_SETUPS = 24
"""Setups that are replayed at most to find the cheapest of a kind."""
MOST_JOBS = 1_000_000
"""Jobs that these replay at most, though four setups always are."""
NEAR = 0.05
"""Setups that cost no more than this share above the chosen one are looked at for how different they are."""
MOST_DIFFERENT = 3
"""Setups that are told for that."""

ALTERNATIVE_COLUMNS: dict[str, tuple[str, str]] = {
    "kind": ("", "chosen; the cheapest that is all_own, all_rented or hybrid, or has the policy; or different"),
    "status": (
        "",
        (
            "optimal: proven cheapest of its kind; best_found: of those replayed; infeasible: proven that none is; "
            "unknown: none was found; not_searched: none was, and the search was cut short before all were looked for"
        ),
    ),
    "purchase_usd": ("USD", "price of all own nodes"),
    "first_year_usd": ("USD", "that, and what comes up in the first year"),
    "five_years_usd": ("USD", "what is paid in five years, purchases after the end of a lifetime included"),
}
"""Unit and meaning of the columns that alternatives have before those of ``setups.parquet``."""


def kind_of(cluster: Cluster, choice: Sequence[int]) -> str:
    """Return whether a choice of nodes is all own, all rented, both or nothing."""
    has = {
        isinstance(pool, CloudPool)
        for pool, one in zip(cluster.pools, choice, strict=True)
        if pool.nodes[one // many(pool)]
    }
    return {(): "nothing", (False,): "all_own", (True,): "all_rented"}.get(tuple(has), "hybrid")


def alternatives(plan: Plan) -> pd.DataFrame:
    """Return the chosen setup, the cheapest of each other kind, and the most different ones that cost little more."""
    names = [*ALTERNATIVE_COLUMNS, *(name for name in plan.setups if name not in ("step", "lower_bound_usd_per_year"))]
    if plan.chosen is None:
        return pd.DataFrame(columns=names)
    judge = plan.judge
    chosen = place_of(judge, plan.chosen)
    known = rows_of(judge, plan.setups) | rows_of(judge, plan.neighbours)
    told: list[tuple[str, str, Place | None]] = [("chosen", plan.status, chosen)]
    over = plan.cut_short_after is not None or plan.interrupted
    for kind, parts in _kinds(judge.cluster, chosen):
        found = []
        for part in parts:
            over = over or plan.left_s <= 0
            status, over = ("not_searched", True) if over else _searched(plan, part, known)
            found.append(status)
        told.append(_cheapest(kind, found, parts, plan, known))
    listed = {place for _, _, place in told if place is not None}
    told += [("different", "best_found", place) for place in _different(plan, known, listed)]
    rows = [
        {"kind": kind, "status": status, **(_paid(plan, place, known[place]) if place is not None else {})}
        for kind, status, place in told
    ]
    whole = dict.fromkeys((name for name in names if str(name).startswith("nodes_")), "Int64")
    return retyped(pd.DataFrame(rows, columns=names), {**whole, "stopped": "str"})


def _kinds(cluster: Cluster, chosen: Place) -> Iterator[tuple[str, list[Cluster]]]:
    """Yield each kind that the chosen setup is not of, with the parts of the space that make it up."""
    own = [index for index, pool in enumerate(cluster.pools) if not isinstance(pool, CloudPool)]
    rented = [index for index in range(len(cluster.pools)) if index not in own]
    kinds = {
        "all_own": [_with(cluster, none=rented, some=[index]) for index in own],
        "all_rented": [_with(cluster, none=own, some=[index]) for index in rented],
        "hybrid": [_with(cluster, none=[], some=[one, other]) for one in own for other in rented],
    }
    for kind, parts in kinds.items():
        allowed = [part for part in parts if part is not None]
        if allowed and kind != kind_of(cluster, chosen[0]):
            yield kind, allowed
    policy = cluster.procedures[chosen[1]].policy
    for other in cluster.policy:
        if other != policy:
            yield str(other), [cluster.model_copy(update={"policy": (other,)})]


def _with(cluster: Cluster, none: Sequence[int], some: Sequence[int]) -> Cluster | None:
    """Return the part of a space where some pools have no nodes and others have some; ``None`` if there is none."""
    pools = []
    for index, pool in enumerate(cluster.pools):
        nodes = tuple(one for one in pool.nodes if (one == 0 or index not in none) and (one > 0 or index not in some))
        if not nodes:
            return None
        pools.append(pool.model_copy(update={"nodes": nodes}))
    return cluster.model_copy(update={"pools": tuple(pools)})


def _searched(plan: Plan, part: Cluster, known: dict[Place, Row]) -> tuple[str, bool]:
    """Search a part of the space with few replays; return how it ended, and whether by an interrupt."""
    judge = plan.judge
    try:
        found = search(
            judge.trace,
            part,
            plan.targets,
            economics=judge.economics,
            max_setups=max(4, min(MOST_SETUPS, MOST_JOBS // len(judge.trace))),
            time_limit_s=None if math.isinf(plan.left_s) else plan.left_s,
            workers=plan.workers,
            engine=judge.engine,
            seed=judge.seed,
            trim=judge.trim,
            replays=judge.replays,
            replications=judge.replications,
            population=judge.population,
            fates=judge.fates,
        )
    except (InputError, KeyboardInterrupt) as error:  # no replay of the part came to its end
        interrupted = isinstance(error, KeyboardInterrupt)
        return "not_searched" if interrupted else "unknown", interrupted
    known |= rows_of(judge, found.setups)
    return found.status, found.stopped == "interrupted"


def _cheapest(
    kind: str, found: Sequence[str], parts: Sequence[Cluster], plan: Plan, known: Mapping[Place, Row]
) -> tuple[str, str, Place | None]:
    """Return the cheapest setup of a kind that is known to meet the targets, and whether that is proven."""
    mine = [place for place in _meeting(known) if any(_is_in(part, plan.judge.cluster, place) for part in parts)]
    best = min(mine, key=lambda place: (known[place]["cost_usd_per_year"], place), default=None)
    proven = all(status in ("optimal", "infeasible") for status in found)
    if best is None:
        unsure = "not_searched" if "not_searched" in found else "unknown"
        return kind, "infeasible" if proven else unsure, None
    return kind, "optimal" if proven else "best_found", best


def _is_in(part: Cluster, cluster: Cluster, place: Place) -> bool:
    """Return whether a setup is in a part of the space."""
    choice, procedure = place
    nodes = [pool.nodes[one // many(pool)] for pool, one in zip(cluster.pools, choice, strict=True)]
    there = all(number in pool.nodes for number, pool in zip(nodes, part.pools, strict=True))
    return there and cluster.procedures[procedure].policy in part.policy


def _meeting(known: Mapping[Place, Row]) -> list[Place]:
    return [place for place, told in known.items() if told["meets_targets"]]


def _different(plan: Plan, known: Mapping[Place, Row], listed: set[Place]) -> list[Place]:
    """Return setups that cost little more than the chosen one, each as different as can be from all that are told."""
    most = plan.cost_usd_per_year * (1 + NEAR)
    near = [place for place in _meeting(known) if known[place]["cost_usd_per_year"] <= most and place not in listed]
    found: list[Place] = []
    while near and len(found) < MOST_DIFFERENT:
        away = {place: min(_distance(plan, place, other) for other in (*listed, *found)) for place in near}
        best = max(near, key=lambda place: (away[place], -known[place]["cost_usd_per_year"], place))
        found.append(best)
        near.remove(best)
    return found


def _distance(plan: Plan, one: Place, other: Place) -> float:
    """Return how different two setups are: the share of their cores that they do not share; and 1 for other rules."""
    pools = plan.judge.cluster.pools
    both = [
        (options(pool)[here], options(pool)[there]) for pool, here, there in zip(pools, one[0], other[0], strict=True)
    ]
    cores = [tuple(it.nodes * it.pool.node.cores for it in pair) for pair in both]
    types = [here.type != there.type for here, there in both]
    apart = sum(max(pair) if unlike else abs(pair[0] - pair[1]) for pair, unlike in zip(cores, types, strict=True))
    return apart / max(1, sum(max(pair) for pair in cores)) + (one[1] != other[1])


def _paid(plan: Plan, place: Place, told: Row) -> Row:
    """Return a setup as a row, with what is paid when."""
    judge = plan.judge
    cluster = judge.cluster.at(*judge.setup(place[0], judge.cluster.procedures[place[1]]))
    usd = float(told["cost_usd_per_year"]), float(told["capex_usd_per_year"])
    if math.isnan(usd[0]):
        return told
    years = {"first_year_usd": 1, "five_years_usd": 5}
    paid = {name: cash.spent_usd(cluster, *usd, number) for name, number in years.items()}
    return {"purchase_usd": cash.purchase_usd(cluster), **paid, **told}
