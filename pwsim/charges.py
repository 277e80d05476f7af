"""What jobs cause in a pool, as it adds up over a replay: pure functions (semantics §8).

Busy energy, the rent of nodes that come and go, data, and carbon dioxide.  The sums up to any time are here, so that
the year and the hours of the timeline agree; :func:`pwsim.costs.per_year` scales them.

**Commitments.**  A node is on the bill from its launch until it is gone, and for 60 s at least.  At every instant, as
many of the nodes on the bill as are committed are paid by the commitment, and those beyond at the market's price.  So
the least time of 60 s counts for covered and uncovered nodes alike, and a node may be covered for a part of its time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pwsim.costs import (
    KG_PER_TONNE,
    Breakdown,
    Terms,
    idle_energy_usd,
    per_year,
    standing,
    standing_carbon_kg,
    total,
)
from pwsim.metrics import integral
from pwsim.pools import CloudPool, OnPremisesPool, Pool
from pwsim.tariffs import least_usd_per_kw, usd_per_kw
from pwsim.trace import Floats, Integers
from pwsim.units import HOUR_S, YEAR_H

LEAST_BILLED_S = 60.0
"""The least time for which an elastic node is paid [s]."""
MONTH_H = YEAR_H / 12
"""Hours in a month."""


class Use(NamedTuple):
    """What jobs and nodes did in one pool, as arrays."""

    start_s: Floats
    """Start of each attempt, shape (attempts,) [s]."""
    end_s: Floats
    """Its end, shape (attempts,) [s]."""
    procs: Integers
    """Processors that it held, shape (attempts,)."""
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


def caused(pool: Pool, use: Use, terms: Terms, until_s: Floats) -> dict[str, Floats]:
    """Return what jobs have caused in a pool until some times, by part [USD], each of shape (times,).

    A part is called as in :data:`pwsim.costs.PARTS`, but without ``_per_year``.
    """
    return {
        "busy_energy_usd": _busy_energy_usd(pool, use, terms, until_s),
        "cloud_usd": _rent_usd(pool, use, until_s),
        **_data_usd(pool, use, until_s),
        "carbon_usd": carbon_kg(pool, use, until_s) / KG_PER_TONNE * terms.carbon_usd_per_tonne,
    }


def year(pool: Pool, nodes: int, use: Use, terms: Terms, window_s: float) -> tuple[Breakdown, float]:
    """Return what a pool costs a year, by part [USD a year], and what it emits [kg a year].

    Raises
    ------
    ValueError
        If the measurement window has no length and jobs cause costs.
    """
    cost, until_s = standing(pool, nodes, terms), np.array([last_s(pool, use)])
    for part, usd in caused(pool, use, terms, until_s).items():
        cost[f"{part}_per_year"] += per_year(float(usd[0]), window_s)
    caused_kg = float(carbon_kg(pool, use, until_s)[0])
    return cost, standing_carbon_kg(pool, nodes) + per_year(caused_kg, window_s)


def hourly_usd(pool: Pool, nodes: int, use: Use, terms: Terms, edges_s: Floats) -> Floats:
    """Return what a pool costs from each time to the next [USD], shape (times - 1,).

    What comes due after the last time (data that is kept on, the rest of a node's least time) counts in the last
    stretch.
    """
    cost = standing(pool, nodes, terms)
    even = (total(cost) - cost["idle_energy_usd_per_year"]) / YEAR_H * np.diff(edges_s) / HOUR_S
    idle = np.diff(idle_energy_usd(pool, nodes, edges_s, terms))
    until_s = edges_s.copy()
    until_s[0] = -1.0  # what comes due at the first instant counts, too
    until_s[-1] = max(until_s[-1], last_s(pool, use))
    usd: Floats = even + idle + np.diff(sum(caused(pool, use, terms, until_s).values()))
    return usd


def last_s(pool: Pool, use: Use) -> float:
    """Return the time after which jobs cause no more costs in a pool [s]."""
    _, paid_s = _billed(use)
    _, kept_s = _kept(pool, use)
    return max(
        (float(times_s.max()) for times_s in (use.end_s, paid_s, use.job_end_s, kept_s) if len(times_s)), default=0.0
    )


def _busy_kw(pool: OnPremisesPool) -> float:
    """Return what a busy core draws beyond idle power, at the meter of the site [kW]."""
    assert pool.cost is not None
    return float(pool.cost.busy_power - pool.cost.idle_power) / 1000 * pool.cost.pue / pool.node.cores


def _busy_energy_usd(pool: Pool, use: Use, terms: Terms, until_s: Floats) -> Floats:
    """Return the price of the power that busy cores draw beyond idle power.

    A node draws its busy share of cores times (busy - idle) watts more than when idle.
    """
    if isinstance(pool, CloudPool) or pool.cost is None:
        return np.zeros(len(until_s))
    # With time counted in what a kilowatt has cost until then, the integral of cores × price is one of cores alone.
    paid = [
        usd_per_kw(pool.cost.electricity_usd_per_kwh, times_s, terms.week_s)
        for times_s in (use.start_s, use.end_s, until_s)
    ]
    return _busy_kw(pool) * integral(paid[0], paid[1], use.procs, paid[2])


def carbon_kg(pool: Pool, use: Use, until_s: Floats) -> Floats:
    """Return what jobs emit until some times [kg], shape (times,).

    That is busy own cores, beyond idle nodes, and elastic nodes while they are there.
    """
    if isinstance(pool, CloudPool):
        if not pool.elastic:
            return np.zeros(len(until_s))
        held_s = integral(use.launch_s, use.gone_s, np.ones(len(use.launch_s)), until_s)
        return held_s / HOUR_S * pool.carbon_g_per_hour / 1000
    if pool.cost is None:
        return np.zeros(len(until_s))
    return (
        _busy_kw(pool)
        * integral(use.start_s, use.end_s, use.procs, until_s)
        / HOUR_S
        * pool.cost.carbon_g_per_kwh
        / 1000
    )


def _rent_usd(pool: Pool, use: Use, until_s: Floats) -> Floats:
    """Return the rent of an elastic pool's nodes, from launch to end, by the second and at least 60 s each.

    At every instant, as many of the nodes on the bill as are committed cost nothing here.
    """
    if not isinstance(pool, CloudPool) or not pool.elastic:
        return np.zeros(len(until_s))
    start_s, end_s, nodes = beyond(*_billed(use), pool.committed_nodes)
    return integral(start_s, end_s, nodes, until_s) / HOUR_S * pool.price_usd_per_hour


def _billed(use: Use) -> tuple[Floats, Floats]:
    """Return from when until when nodes are on the bill: a node that is gone within a minute stays for the minute."""
    return use.launch_s, np.maximum(use.gone_s, use.launch_s + LEAST_BILLED_S)


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


def commitment_share_used(pool: Pool, nodes: int, use: Use, window_s: float) -> float:
    """Return which share of the committed node-hours were nodes that were held, in the measurement window; NaN if none.

    Always-up nodes are held all the time.
    """
    if not isinstance(pool, CloudPool) or not pool.committed_nodes:
        return math.nan
    if not pool.elastic:
        return min(1.0, nodes / pool.committed_nodes)
    if window_s <= 0:
        return math.nan
    until_s = np.array([window_s])
    all_s = integral(use.launch_s, use.gone_s, np.ones(len(use.launch_s)), until_s)
    above_s = integral(*beyond(use.launch_s, use.gone_s, pool.committed_nodes), until_s)
    return float(all_s[0] - above_s[0]) / (pool.committed_nodes * window_s)


def _kept(pool: Pool, use: Use) -> tuple[Floats, Floats]:
    """Return from when until when each job's data is kept."""
    if not isinstance(pool, CloudPool) or pool.storage_time is None:
        return use.submit_s, use.job_end_s
    return use.submit_s, use.submit_s + pool.storage_time


def _data_usd(pool: Pool, use: Use, until_s: Floats) -> dict[str, Floats]:
    """Return the price of jobs' data: kept from submission to end (or for a given time), taken home at the end."""
    if not isinstance(pool, CloudPool):
        return {}
    if not use.data_gib.any():
        return {}
    kept_s, left_s = _kept(pool, use)
    gib_s = integral(kept_s, left_s, use.data_gib, until_s)
    order = np.argsort(use.job_end_s, kind="stable")
    taken = np.concatenate(([0.0], np.cumsum(use.data_gib[order])))
    left = np.searchsorted(use.job_end_s[order], until_s, side="right")
    return {
        "storage_usd": gib_s / HOUR_S / MONTH_H * pool.storage_usd_per_gib_month,
        "egress_usd": taken[left] * pool.egress_usd_per_gib,
    }


def least_usd(pool: Pool, procs: Integers, run_s: Floats, data_gib: Floats, terms: Terms) -> Floats:
    """Return what each job causes at least if a pool runs it, whenever that is [USD], shape (jobs,).

    Parameters
    ----------
    pool
        A pool whose nodes are always up.
    procs, run_s, data_gib
        Size, run time there [s] and data [GiB] of each job, shape (jobs,).
    terms
        What costs depend on besides.
    """
    if isinstance(pool, CloudPool):
        kept_s = run_s if pool.storage_time is None else pool.storage_time
        stored = kept_s / HOUR_S / MONTH_H * pool.storage_usd_per_gib_month
        usd: Floats = data_gib * (stored + pool.egress_usd_per_gib)
        return usd
    if pool.cost is None:
        return np.zeros(len(procs))
    by_kw = least_usd_per_kw(pool.cost.electricity_usd_per_kwh, run_s)
    carbon = run_s / HOUR_S * pool.cost.carbon_g_per_kwh / 1000 / KG_PER_TONNE * terms.carbon_usd_per_tonne
    energy: Floats = procs * _busy_kw(pool) * (by_kw + carbon)
    return energy
