"""What an answer rests on: targets week by week, and limits of the scenario that kept cheaper setups from being it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pwsim.cluster import Cluster
from pwsim.common import WEEK_S
from pwsim.results import Result
from pwsim.search.bounds import Bounds
from pwsim.search.targets import Target, judged, missed_by


class Stretch(NamedTuple):
    """What a part of the replay achieved of a target."""

    from_s: float
    """Start [s]."""
    until_s: float
    """End [s]."""
    achieved: float
    """What the target's metric is there."""
    met: bool
    """Whether that would be good enough."""
    miss: float
    """By what share of its limit it is missed; 0 if it is met."""


class OverTime(NamedTuple):
    """A target that is met on the whole may be missed at the end, or in some weeks."""

    weeks: int
    """Whole weeks of the measurement window in which the target says something."""
    weeks_met: int
    """Those in which it is met."""
    worst_week: Stretch | None
    """The week that does worst; ``None`` if there are fewer than two."""
    last_tenth: Stretch | None
    """The last tenth of the window; ``None`` if it has no job that the target is about."""


class Edge(NamedTuple):
    """A limit of the scenario beyond which something cheaper may lie."""

    pool: str
    """Name of the pool."""
    edge: str
    """``most``: cheaper setups fail with the most nodes that are allowed; ``fewest``: the answer has the fewest."""
    nodes: int
    """The number of nodes that is the limit."""
    failing: dict[str, int] | None = None
    """For ``most``: nodes by pool of the cheaper setup that missed by least; ``None`` if none was replayed, for all are
    excluded by arithmetic."""
    cost_usd_per_year: float = math.nan
    """What that costs [USD a year]."""
    missed: tuple[dict[str, Any], ...] = ()
    """The targets that it missed (:meth:`pwsim.search.targets.Target.judge`)."""
    types: dict[str, str] = {}  # noqa: RUF012 - a tuple's field, which nobody changes
    """Type of node by pool name that this is about, of pools that have several to choose from."""


def over_time(target: Target, result: Result) -> OverTime | None:
    """Return a target by weeks, and in the last tenth of the window; ``None`` if it is one figure for the whole."""
    from_s, until_s = result.window
    if not target.over_time or until_s <= from_s:
        return None
    weeks = [(from_s + week * WEEK_S, from_s + (week + 1) * WEEK_S) for week in range(int((until_s - from_s) / WEEK_S))]
    # A job that is submitted as a week ends belongs to the next.
    windows = [(start_s, math.nextafter(end_s, -math.inf)) for start_s, end_s in weeks]
    last_tenth = (until_s - (until_s - from_s) / 10, until_s)
    *by_week, last = [
        Stretch(*ends, value, target.met(value), target.miss(value))
        for ends, value in zip([*weeks, last_tenth], target.achieved_over(result, [*windows, last_tenth]), strict=True)
    ]
    told = [week for week in by_week if not math.isnan(week.achieved)]
    sign = 1 if target.at_least is None else -1
    return OverTime(
        weeks=len(told),
        weeks_met=sum(week.met for week in told),
        worst_week=max(told, key=lambda week: sign * week.achieved) if len(told) > 1 else None,
        last_tenth=None if math.isnan(last.achieved) else last,
    )


def at_limit(result: Result) -> tuple[bool, ...]:
    """Return for each pool whether more nodes of it could have made any difference to a replay.

    They could if some job needs more than there are; if an elastic pool had all its nodes up at some time; if a job
    waited in the queue of a pool that is always up, or would have moved there and found no room.
    """
    found = []
    waited_s = result.waits.end_s - result.waits.start_s
    for index, (nodes, pool) in enumerate(zip(result.cluster.node_counts(), result.cluster.pools, strict=True)):
        admitted, need = pool.admits(result.trace), pool.need(result.trace)
        holds = admitted & (need <= nodes * pool.units_per_node())
        full = bool((admitted & ~holds).any())
        if pool.elastic:
            launched_s, _, gone_s = result.stays(index)
            times_s = np.concatenate((launched_s, gone_s))
            up = np.cumsum(np.repeat((1, -1), len(launched_s))[np.lexsort((np.repeat((1, 0), len(gone_s)), times_s))])
            full |= nodes > 0 and int(up.max(initial=0)) >= nodes
        else:
            full |= bool((waited_s[result.waits.pool == index] > 0).any())
            if pool.burst_after is not None:
                before = (result.waits.pool < index) & (waited_s > pool.burst_after)
                full |= bool(holds[result.waits.job[before]].any())
        found.append(full)
    return tuple(found)


def edges(
    cluster: Cluster,
    bounds: Bounds,
    targets: Sequence[Target],
    setups: pd.DataFrame,
    nodes: Mapping[str, int],
    cost_usd_per_year: float,
) -> tuple[Edge, ...]:
    """Return the limits of the scenario beyond which something cheaper than the chosen setup may lie.

    More of a pool may be cheaper if setups with the most nodes that are allowed of it cost less than the chosen one,
    with at least one more node on top, and fail, though more nodes could make a difference (:func:`at_limit`).  Fewer
    may be cheaper if the chosen setup has the fewest.

    Parameters
    ----------
    cluster, bounds, targets
        What was searched.
    setups
        The setups that were replayed, as a table.
    nodes, cost_usd_per_year
        The chosen setup, and its cost.
    """
    found = []
    for index, pool in enumerate(cluster.pools):
        if len(pool.nodes) < 2:
            continue
        if nodes[pool.name] == pool.nodes[0] > 0:
            found.append(Edge(pool.name, "fewest", pool.nodes[0]))
        one_more = bounds.of_one_more(index, pool.nodes)
        cheaper = setups[
            (setups[f"nodes_{pool.name}"] == pool.nodes[-1])
            & setups[f"at_limit_{pool.name}"]
            & (setups["cost_usd_per_year"] + one_more < cost_usd_per_year)
            & ~setups["meets_targets"]
        ]
        if len(cheaper) or _least_beyond(cluster, bounds, index, one_more) < cost_usd_per_year:
            found.append(_most(pool.name, pool.nodes[-1], cluster, targets, cheaper))
    return tuple(found)


def _least_beyond(cluster: Cluster, bounds: Bounds, index: int, one_more: float) -> float:
    """Return the least cost of having the cores that the targets need by more of a pool than is allowed.

    That is with the cheapest choice of every other pool [USD a year]; infinite if what is allowed has cores enough.
    """
    chosen = [int(np.argmin(cost)) for cost in bounds.cost_usd_per_year]
    chosen[index] = len(cluster.pools[index].nodes) - 1
    usd = sum(float(cost[one]) for cost, one in zip(bounds.cost_usd_per_year, chosen, strict=True))
    cores = [pool.node.cores * pool.node.speed for pool in cluster.pools]
    have = sum(pool.nodes[one] * size for pool, one, size in zip(cluster.pools, chosen, cores, strict=True))
    missing = math.ceil((bounds.needed_cores - have) / cores[index])
    return usd + one_more * missing if missing > 0 else math.inf


def _most(name: str, most: int, cluster: Cluster, targets: Sequence[Target], cheaper: pd.DataFrame) -> Edge:
    """Return the limit of a pool with the cheaper setup that missed by least."""
    if cheaper.empty:
        return Edge(name, "most", most)

    rows: list[Any] = cheaper.to_dict("records")
    row = min(rows, key=lambda one: missed_by(targets, one))  # the first of several
    return Edge(
        name,
        "most",
        most,
        {pool.name: int(row[f"nodes_{pool.name}"]) for pool in cluster.pools},
        float(row["cost_usd_per_year"]),
        tuple(one for one in judged(targets, row) if not one["met"]),
    )
