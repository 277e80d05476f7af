"""What jobs cause in a pool, as it adds up over a replay: pure functions (semantics §8).

Busy energy, the rent of nodes that come and go, data, and carbon dioxide.  The sums up to any time are here, so that
the year and the hours of the timeline agree; :func:`pwsim.costs.terms.per_year` scales them.

**Nodes that come and go.**  A node is on the bill from its launch until it is gone, and for 60 s at least.  At every
instant, as many of the nodes on the bill as are committed are paid by the commitment.  As many as ``min_nodes`` stand:
those of them that are not committed are paid by the year, whatever the length of the log
(:func:`.annual.rent_usd`).  What is beyond both is elastic, and counts here.  So the least time of 60 s counts for
covered and uncovered nodes alike, and a node may be covered for a part of its time.  Where a node leaves a pool that
holds no more than ``min_nodes``, it has no least time: another takes its place at once, and that is paid.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pwsim.cluster import CloudPool, Pool
from pwsim.common import HOUR_S, YEAR_H
from pwsim.costs.terms import KG_PER_TONNE, Terms
from pwsim.metrics import Booleans, integral
from pwsim.prices import least_usd_per_kw, usd_per_kw
from pwsim.trace import Floats, Integers

LEAST_BILLED_S = 60.0
"""The least time for which an elastic node is paid [s]."""
MONTH_H = YEAR_H / 12
"""Hours in a month."""


class Use(NamedTuple):
    """What jobs and nodes did in one pool, as arrays."""

    start_s: Floats
    """Start of each stretch in which something is busy (:func:`busy_stretches`), shape (stretches,) [s]."""
    end_s: Floats
    """Its end, shape (stretches,) [s]."""
    busy_w: Floats
    """What is drawn then beyond idle power, shape (stretches,) [W]."""
    launch_s: Floats
    """Launch of each stay of a node, shape (stays,) [s]."""
    gone_s: Floats
    """Its end, shape (stays,) [s]."""
    submit_s: Floats
    """Submission of each job that ended here, shape (jobs,) [s]."""
    job_end_s: Floats
    """Its end, shape (jobs,) [s]."""
    data_gib: Floats
    """Its data, shape (jobs,) [GiB]."""


class Jobs(NamedTuple):
    """Jobs that a pool runs, by columns."""

    procs: Integers
    """Size of each, shape (jobs,)."""
    gpus: Floats
    """Its GPUs, shape (jobs,)."""
    run_s: Floats
    """Its run time there, shape (jobs,) [s]."""
    data_gib: Floats
    """Its data, shape (jobs,) [GiB]."""


def last_s(pool: Pool, use: Use) -> float:
    """Return the time after which jobs cause no more costs in a pool [s]."""
    _, paid_s = _billed(pool, use)
    _, kept_s = _kept(pool, use)
    return max(
        (float(times_s.max()) for times_s in (use.end_s, paid_s, use.job_end_s, kept_s) if len(times_s)), default=0.0
    )


def busy_w(pool: Pool, cores: Floats | Integers, gpus: Floats) -> Floats:
    """Return the power of busy cores and GPUs of one node, or of whole nodes alike, beyond idle power [W].

    That is the larger of the share of busy cores and, if there are GPUs, of busy GPUs times (busy - idle) watts, or
    what the scenario says of a core and a GPU (semantics §8).  Of ``n`` nodes that a job holds whole, each has an
    ``n``-th of its cores and of its GPUs, so all together draw as much as one would that had all of them.
    """
    if isinstance(pool, CloudPool) or pool.cost is None:
        return np.zeros(len(cores))
    own = pool.cost
    watts: Floats
    if own.busy_power_per_core is not None:
        watts = cores * own.busy_power_per_core + gpus * (own.busy_power_per_gpu or 0.0)
        return watts
    share = cores / pool.node.cores
    if pool.node.gpus:
        share = np.maximum(share, gpus / pool.node.gpus)
    watts = share * (own.busy_power - own.idle_power)
    return watts


def whole_node_busy_w(pool: Pool) -> float:
    """Return the power of a node all of which is busy, beyond idle power [W]."""
    return float(busy_w(pool, np.array([float(pool.node.cores)]), np.array([float(pool.node.gpus)]))[0])


def busy_by_node(pool: Pool) -> bool:
    """Return whether the power of jobs depends on who shares a node with them: on the larger of two shares of it."""
    if isinstance(pool, CloudPool) or pool.cost is None or pool.cost.busy_power_per_core is not None:
        return False
    return pool.placement == "packed" and pool.node.gpus > 0


def busy_stretches(
    pool: Pool, start_s: Floats, end_s: Floats, cores: Floats | Integers, gpus: Floats, node: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return when how much is drawn beyond idle power.

    Parameters
    ----------
    pool
        The pool.
    start_s, end_s, cores, gpus
        Attempts, or with ``node`` their shares: start and end [s], cores and GPUs that the job asked for, each of shape
        (attempts,).
    node
        Number of the node of each, where :func:`busy_by_node` asks for it.

    Returns
    -------
    Starts, ends [s] and powers [W], each of shape (stretches,).

    Examples
    --------
    A node of 4 cores and 2 GPUs, 100 W idle and 500 W busy: a GPU and a core from 0 to 10, from 4 to 6 also 3 cores.
    Until 4 and from 6 on, half of the GPUs are busy; between, all of the cores.

    >>> from pwsim.cluster import OnPremisesPool
    >>> pool = OnPremisesPool.model_validate({"name": "own", "kind": "on_premises", "nodes": 1, "placement": "packed",
    ...     "node": {"cores": 4, "gpus": 2},
    ...     "cost": {"capex_usd": 0, "lifetime_years": 1, "idle_power": 100, "busy_power": 500}})
    >>> shares = [np.array(one, dtype=float) for one in ([0, 4], [10, 6], [1, 3], [1, 0], [0, 0])]
    >>> busy_stretches(pool, *shares)
    (array([0., 4., 6.]), array([ 4.,  6., 10.]), array([200., 400., 200.]))
    """
    if node is None:
        return start_s, end_s, busy_w(pool, cores, gpus)
    times_s, nodes = np.concatenate((start_s, end_s)), np.concatenate((node, node))
    order = np.lexsort((times_s, nodes))
    # Every share is given back, so that each node begins with none, but for rounding.
    held = [np.maximum(np.cumsum(np.concatenate((one, -one))[order]), 0.0)[:-1] for one in (cores, gpus)]
    times_s, nodes = times_s[order], nodes[order]
    lasts = (nodes[1:] == nodes[:-1]) & (times_s[1:] > times_s[:-1])
    return times_s[:-1][lasts], times_s[1:][lasts], busy_w(pool, held[0][lasts], held[1][lasts])


def busy_energy_usd(pool: Pool, use: Use, terms: Terms, until_s: Floats) -> Floats:
    """Return the price of the power that is drawn beyond idle power."""
    if isinstance(pool, CloudPool) or pool.cost is None:
        return np.zeros(len(until_s))
    # With time counted in what a kilowatt has cost until then, the integral of power × price is one of power alone.
    paid = [
        usd_per_kw(pool.cost.electricity_usd_per_kwh, times_s, terms.start)
        for times_s in (use.start_s, use.end_s, until_s)
    ]
    return integral(paid[0], paid[1], use.busy_w, paid[2]) / 1000 * pool.cost.pue


def carbon_usd(pool: Pool, use: Use, terms: Terms, until_s: Floats) -> Floats:
    """Return the price of what jobs emit until some times [USD], shape (times,)."""
    if not terms.carbon_usd_per_tonne:
        return np.zeros(len(until_s))
    return carbon_kg(pool, use, until_s) / KG_PER_TONNE * terms.carbon_usd_per_tonne


def carbon_kg(pool: Pool, use: Use, until_s: Floats) -> Floats:
    """Return the emissions of jobs until some times [kg], shape (times,).

    That is what own nodes draw beyond idle power, and elastic nodes beyond ``min_nodes`` while they are there.
    """
    if isinstance(pool, CloudPool):
        if not pool.elastic:
            return np.zeros(len(until_s))
        held_s = integral(*beyond(use.launch_s, use.gone_s, pool.min_nodes), until_s)
        return held_s / HOUR_S * pool.carbon_g_per_hour / 1000
    if pool.cost is None:
        return np.zeros(len(until_s))
    busy_kwh = integral(use.start_s, use.end_s, use.busy_w, until_s) / 1000 * pool.cost.pue / HOUR_S
    return busy_kwh * pool.cost.carbon_g_per_kwh / 1000


def rent_usd(pool: Pool, use: Use, _terms: Terms, until_s: Floats) -> Floats:
    """Return the rent of an elastic pool's nodes, from launch to end, by the second and at least 60 s each.

    At every instant, as many of the nodes on the bill as are committed, or stand all year, cost nothing here.
    """
    if not isinstance(pool, CloudPool) or not pool.elastic:
        return np.zeros(len(until_s))
    start_s, end_s, nodes = beyond(*_billed(pool, use), max(pool.min_nodes, pool.committed_nodes))
    return integral(start_s, end_s, nodes, until_s) / HOUR_S * pool.price_usd_per_hour


def _billed(pool: Pool, use: Use) -> tuple[Floats, Floats]:
    """Return from when until when nodes are on the bill: a node that is gone within a minute stays for the minute.

    The ``min_nodes`` that are there in the end go on standing as long as any node is on the bill.
    """
    if not isinstance(pool, CloudPool) or not pool.min_nodes:
        return use.launch_s, np.maximum(use.gone_s, use.launch_s + LEAST_BILLED_S)
    stands = _stands(use, pool.min_nodes)
    end_s = np.where(stands, use.gone_s, np.maximum(use.gone_s, use.launch_s + LEAST_BILLED_S))
    return use.launch_s, _going_on(use, stands, end_s, float(end_s.max(initial=0.0)))


def _stands(use: Use, least: int) -> Booleans:
    """Return whether each stay of a node is one of so many that always stand when it ends, shape (stays,).

    Of nodes that leave at once, those that were launched last are the elastic ones.
    """
    passing = np.sort(use.gone_s[use.launch_s == use.gone_s])  # launched and gone at one instant
    held = np.searchsorted(np.sort(use.launch_s), use.gone_s) - np.searchsorted(np.sort(use.gone_s), use.gone_s)
    held += np.searchsorted(passing, use.gone_s, side="right") - np.searchsorted(passing, use.gone_s)
    order = np.lexsort((-use.launch_s, use.gone_s))
    before = np.empty_like(order)  # those that leave at the same instant, before this one
    before[order] = np.arange(len(order)) - np.searchsorted(use.gone_s[order], use.gone_s[order])
    stands: Booleans = held - before <= least
    return stands


def _going_on(use: Use, stands: Booleans, end_s: Floats, until_s: float) -> Floats:
    """Return ends of stays, where nodes that stand when the replay ends do so until a time [s], or longer."""
    last = stands & (use.gone_s == use.gone_s.max(initial=-np.inf))
    return np.where(last, np.maximum(end_s, until_s), end_s)


def beyond(start_s: Floats, end_s: Floats, nodes: int) -> tuple[Floats, Floats, Floats]:
    """Return when more than a number of intervals overlap, and by how many they do.

    Parameters
    ----------
    start_s, end_s
        The intervals [s], each of shape (intervals,).
    nodes
        How many may overlap at no charge.

    Returns
    -------
    Starts, ends [s] and the number of intervals beyond ``nodes``, each of shape (spans,).

    Examples
    --------
    Of three nodes two are covered: the third is from 4 to 8.

    >>> beyond(np.array([0.0, 2.0, 4.0]), np.array([10.0, 9.0, 8.0]), 2)
    (array([4.]), array([8.]), array([1.]))
    """
    if not nodes:
        return start_s, end_s, np.ones(len(start_s))
    times_s = np.concatenate((start_s, end_s))
    change = np.concatenate((np.ones(len(start_s)), -np.ones(len(end_s))))
    order = np.argsort(times_s, kind="stable")
    held = np.cumsum(change[order])[:-1]
    more = np.maximum(held - nodes, 0.0)
    spans = (more > 0) & (np.diff(times_s[order]) > 0)
    return times_s[order][:-1][spans], times_s[order][1:][spans], more[spans]


def duration_curve(start_s: Floats, end_s: Floats) -> Floats:
    """Return for how long at least one of some intervals lasts, at least two at once, and so on [s].

    Examples
    --------
    >>> duration_curve(np.array([0.0, 2.0, 4.0]), np.array([10.0, 9.0, 8.0]))
    array([10.,  7.,  4.])
    """
    times_s = np.concatenate((start_s, end_s))
    change = np.repeat((1, -1), len(start_s))
    order = np.argsort(times_s, kind="stable")
    held = np.cumsum(change[order])[:-1]
    by_level = np.bincount(held, np.diff(times_s[order]))
    longer: Floats = np.cumsum(by_level[::-1], dtype=np.float64)[::-1][1:]
    return longer


def on_the_bill(pool: CloudPool, nodes: int, use: Use) -> tuple[Floats, Integers]:
    """Return from when on how many nodes are on the bill: increasing times, of which the first is 0, and counts.

    The ``min_nodes`` of an elastic pool are on it all the time.
    """
    stand = pool.always_there(nodes)
    if not pool.elastic:
        return np.zeros(1), np.array([stand])
    start_s, end_s = _billed(pool, use)
    times_s = np.unique(np.concatenate(([0.0], start_s, end_s)))
    count = np.searchsorted(np.sort(start_s), times_s, "right") - np.searchsorted(np.sort(end_s), times_s, "right")
    return times_s, np.maximum(count, stand)


def in_use(pool: CloudPool, nodes: int, use: Use, window_s: float) -> Floats:
    """Return for which part of a year at least one node is on the bill, at least two, and so on, shape (most nodes,).

    Nodes that stand all year are on it all the time.  Others may be so for more than a year, where jobs run on after
    the window.
    """
    stand = np.ones(pool.always_there(nodes))
    if not pool.elastic or window_s <= 0:
        return stand
    come_and_go_s = duration_curve(*_billed(pool, use))[len(stand) :]
    return np.concatenate((stand, come_and_go_s / window_s))


def after_window(pool: CloudPool, nodes: int, use: Use, window_s: float) -> tuple[tuple[int, float], ...]:
    """Return how many nodes are on the bill after the window, beyond those that are paid all year, and for how long.

    Those are the nodes that always stand, and the committed ones whose number is given.

    Returns
    -------
    Numbers of nodes above 0, each with its part of a window; without a window, none.
    """
    if window_s <= 0:
        return ()
    times_s, counts = on_the_bill(pool, nodes, use)
    beyond_ = counts[:-1] - max(pool.always_there(nodes), pool.committed_nodes)  # in the end, none is
    lasts_s = np.diff(np.maximum(times_s, window_s))
    some = (beyond_ > 0) & (lasts_s > 0)
    levels, level = np.unique(beyond_[some], return_inverse=True)
    return tuple(zip(levels.tolist(), (np.bincount(level, lasts_s[some]) / window_s).tolist(), strict=True))


def commitment_share_used(pool: Pool, nodes: int, use: Use, window_s: float) -> float:
    """Return which share of the committed node-hours were nodes that were held, in the measurement window; NaN if none.

    Always-up nodes are held all the time, and ``min_nodes`` of an elastic pool likewise.
    """
    if not isinstance(pool, CloudPool) or not pool.committed_nodes:
        return math.nan
    if not pool.elastic:
        return min(1.0, nodes / pool.committed_nodes)
    if window_s <= 0:
        return math.nan
    until_s = np.array([window_s])
    gone_s = _going_on(use, _stands(use, pool.min_nodes), use.gone_s, window_s)
    all_s = integral(use.launch_s, gone_s, np.ones(len(use.launch_s)), until_s)
    above_s = integral(*beyond(use.launch_s, gone_s, pool.committed_nodes), until_s)
    return float(all_s[0] - above_s[0]) / (pool.committed_nodes * window_s)


def _kept(pool: Pool, use: Use) -> tuple[Floats, Floats]:
    """Return from when until when each job's data is kept."""
    if not isinstance(pool, CloudPool) or pool.storage_time is None:
        return use.submit_s, use.job_end_s
    return use.submit_s, use.submit_s + pool.storage_time


def storage_usd(pool: Pool, use: Use, _terms: Terms, until_s: Floats) -> Floats:
    """Return the price of keeping jobs' data, from submission to end or for a given time."""
    if not isinstance(pool, CloudPool) or not use.data_gib.any():
        return np.zeros(len(until_s))
    gib_s = integral(*_kept(pool, use), use.data_gib, until_s)
    return gib_s / HOUR_S / MONTH_H * pool.storage_usd_per_gib_month


def egress_usd(pool: Pool, use: Use, _terms: Terms, until_s: Floats) -> Floats:
    """Return the price of taking jobs' data home at their end."""
    if not isinstance(pool, CloudPool) or not use.data_gib.any():
        return np.zeros(len(until_s))
    order = np.argsort(use.job_end_s, kind="stable")
    taken = np.concatenate(([0.0], np.cumsum(use.data_gib[order])))
    left = np.searchsorted(use.job_end_s[order], until_s, side="right")
    usd: Floats = taken[left] * pool.egress_usd_per_gib
    return usd


def least_busy_w(pool: Pool, jobs: Jobs) -> tuple[Floats, ...]:
    """Return rows of powers that jobs draw at least beyond idle power, each of shape (jobs,) [W].

    There is one row where each job has a power of its own.  Where jobs share nodes with GPUs (:func:`busy_by_node`),
    there is one for cores and one for GPUs: with ``c`` and ``g`` the shares of busy cores and GPUs of a node, at every
    instant ``Σ max(c, g)`` over the nodes is at least ``Σ c``, which is the sum of the cores of the jobs that run by
    those of a node, and at least ``Σ g``.
    """
    none = np.zeros(len(jobs.procs))
    alone = [(jobs.procs, none), (none, jobs.gpus)] if busy_by_node(pool) else [(jobs.procs, jobs.gpus)]
    return tuple(busy_w(pool, *busy) for busy in alone)


def least_busy_energy_usd(pool: Pool, jobs: Jobs, terms: Terms) -> tuple[Floats, ...]:
    """Return the least cost of the power of jobs: at the cheapest price, for their run time."""
    if isinstance(pool, CloudPool) or pool.cost is None:
        return (np.zeros(len(jobs.procs)),)
    by_kw = least_usd_per_kw(pool.cost.electricity_usd_per_kwh, jobs.run_s, terms.start)
    return tuple(watts / 1000 * pool.cost.pue * by_kw for watts in least_busy_w(pool, jobs))


def least_carbon_usd(pool: Pool, jobs: Jobs, terms: Terms) -> tuple[Floats, ...]:
    """Return the least cost of the emissions of jobs."""
    if isinstance(pool, CloudPool) or pool.cost is None:
        return (np.zeros(len(jobs.procs)),)
    by_kw = jobs.run_s / HOUR_S * pool.cost.carbon_g_per_kwh / 1000 / KG_PER_TONNE * terms.carbon_usd_per_tonne
    return tuple(watts / 1000 * pool.cost.pue * by_kw for watts in least_busy_w(pool, jobs))


def least_storage_usd(pool: Pool, jobs: Jobs, _terms: Terms) -> tuple[Floats, ...]:
    """Return the least cost of keeping the data of jobs: for their run time, if no other is given."""
    if not isinstance(pool, CloudPool):
        return (np.zeros(len(jobs.procs)),)
    kept_s = jobs.run_s if pool.storage_time is None else pool.storage_time
    return (jobs.data_gib * (kept_s / HOUR_S / MONTH_H * pool.storage_usd_per_gib_month),)


def least_egress_usd(pool: Pool, jobs: Jobs, _terms: Terms) -> tuple[Floats, ...]:
    """Return the cost of taking the data of jobs home."""
    if not isinstance(pool, CloudPool):
        return (np.zeros(len(jobs.procs)),)
    return (jobs.data_gib * pool.egress_usd_per_gib,)
