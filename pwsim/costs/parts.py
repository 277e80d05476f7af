"""The parts of a setup's cost: all that is known of each stands in its record (semantics §8).

Bill, bounds, columns, report and reference read the records: a part is added by adding one, and the field of a pool
that it reads.  What stands there anyway is computed in :mod:`pwsim.costs.annual`, what jobs cause in
:mod:`pwsim.costs.charges`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pwsim.cluster import Pool
from pwsim.common import HOUR_S, YEAR_H
from pwsim.costs import annual, charges, commitments, covering
from pwsim.costs.charges import Jobs, Use
from pwsim.costs.covering import PoolCover
from pwsim.costs.terms import Terms, per_year
from pwsim.trace import Floats

Breakdown = dict[str, float]
"""Cost by part [USD a year]."""


@dataclass(frozen=True)
class Part:
    """A part of the cost, and all that is known of it."""

    name: str
    """What it is called in tables and ``summary.json``: an amount in USD a year."""
    words: str
    """What it is called in the report and in figures."""
    text: str
    """What it is exactly, as tables and the reference tell it."""
    standing: Callable[[Pool, int, Terms], float] | None = None
    """Gives what so many nodes of a pool cost whether jobs run or not [USD a year]."""
    summed: Callable[[Pool, int, Floats, Terms], Floats] | None = None
    """Gives what of this has come up by some times, shape (times,) [USD]; if left out, it comes up evenly."""
    caused: Callable[[Pool, Use, Terms, Floats], Floats] | None = None
    """Gives what jobs have caused in a pool by some times, shape (times,) [USD]."""
    shared: Callable[[PoolCover], float] | None = None
    """Gives what savings plans that pools share add to it in one pool, or take off it [USD a year]."""
    by: Literal["held", "paid_energy", "energy", "stored", "taken"] = "held"
    """What a job's share of what jobs cause goes by: the nodes that it holds; the energy that it draws, at the price of
    the hour or in kWh; its data, by the time for which they are kept or as they are."""
    least: Callable[[Pool, Jobs, Terms], tuple[Floats, ...]] | None = None
    """Gives what jobs cause at least in a pool that is always up, whenever they run: see :func:`least_usd`.  If left
    out, bounds take it that they may cause nothing."""


PARTS: Mapping[str, Part] = {
    one.name: one
    for one in (
        Part(
            "capex_usd_per_year",
            words="purchase",
            text="purchase of own nodes, less what they are sold for, as an annuity",
            standing=annual.capex_usd,
        ),
        Part(
            "opex_usd_per_year",
            words="operation",
            text="support, staff and space for own nodes, without energy",
            standing=annual.opex_usd,
        ),
        Part(
            "licence_usd_per_year",
            words="licences",
            text="licences that are paid by the core",
            standing=annual.licence_usd,
        ),
        Part(
            "site_usd_per_year",
            words="site and staff",
            text="what a pool or the whole setup costs, however many nodes it has",
            standing=annual.site_usd,
        ),
        Part(
            "idle_energy_usd_per_year",
            words="energy, idle",
            text="electricity of own nodes as if they were idle all the time",
            standing=annual.idle_energy_usd_per_year,
            summed=annual.idle_energy_usd,
        ),
        Part(
            "busy_energy_usd_per_year",
            words="energy, busy",
            text="electricity that own nodes draw beyond that for jobs",
            caused=charges.busy_energy_usd,
            by="paid_energy",
            least=charges.least_busy_energy_usd,
        ),
        Part(
            "cloud_usd_per_year",
            words="cloud rent",
            text="rent of nodes that no commitment or savings plan covers",
            standing=annual.rent_usd,
            caused=charges.rent_usd,
            shared=lambda cover: -cover.spared_usd_per_year,
        ),
        Part(
            "commitment_usd_per_year",
            words="cloud commitments",
            text="nodes that one has promised to pay for, used or not",
            standing=annual.commitment_usd,
        ),
        Part(
            "savings_usd_per_year",
            words="savings plans",
            text="money that savings plans promise: of pools what pays for their nodes, of the setup all of it",
            shared=lambda cover: cover.used_usd_per_year,
        ),
        Part(
            "storage_usd_per_year",
            words="cloud storage",
            text="data of jobs, for as long as it is kept where they run",
            caused=charges.storage_usd,
            by="stored",
            least=charges.least_storage_usd,
        ),
        Part(
            "egress_usd_per_year",
            words="data transfer out",
            text="data of jobs, taken home at their end",
            caused=charges.egress_usd,
            by="taken",
            least=charges.least_egress_usd,
        ),
        Part(
            "carbon_usd_per_year",
            words="carbon price",
            text="price of the carbon dioxide that is emitted",
            standing=annual.carbon_usd,
            caused=charges.carbon_usd,
            by="energy",
            least=charges.least_carbon_usd,
        ),
    )
}
"""The parts by name, in the order in which they are summed up and shown."""


def total(cost: Breakdown) -> float:
    """Return the sum of the parts, in their order [USD a year]."""
    return sum(cost[part] for part in PARTS)


def standing(pool: Pool, nodes: int, terms: Terms) -> Breakdown:
    """Return the cost of a pool a year that does not depend on jobs, by part.

    On-premises: annuity, opex, licences, what the pool costs as a whole, and idle power for 8,766 h.  Cloud:
    commitments for 8,766 h, and likewise what no commitment covers of the nodes of an always-up pool, or of the
    ``min_nodes`` of an elastic one.  Where the number of commitments is ``best`` still, it is the best one for what
    stands (:func:`.commitments.before_replay`).
    """
    pool = commitments.before_replay(pool, nodes)
    return {name: 0.0 if part.standing is None else part.standing(pool, nodes, terms) for name, part in PARTS.items()}


def caused(pool: Pool, use: Use, terms: Terms, until_s: Floats) -> dict[str, Floats]:
    """Return the cost that jobs have caused in a pool until some times, by part [USD], each of shape (times,)."""
    return {name: part.caused(pool, use, terms, until_s) for name, part in PARTS.items() if part.caused is not None}


def year(
    pool: Pool, nodes: int, use: Use, terms: Terms, window_s: float, cover: PoolCover | None = None
) -> tuple[Breakdown, float]:
    """Return the cost of a pool by part [USD a year], and its emissions [kg a year].

    The numbers of its commitments are given, or chosen before (:func:`.commitments.after_replay`); so is what savings
    plans cover of it (:func:`.covering.cover`).

    Raises
    ------
    ValueError
        If the measurement window has no length and jobs cause costs.
    """
    cost, until_s = standing(pool, nodes, terms), np.array([charges.last_s(pool, use)])
    for name, usd in caused(pool, use, terms, until_s).items():
        cost[name] += per_year(float(usd[0]), window_s)
    for name, part in PARTS.items():
        if cover is not None and part.shared is not None:
            gross, shared = cost[name], part.shared(cover)
            cost[name] = 0.0 if abs(gross + shared) <= covering.ROUNDING * gross else gross + shared
    caused_kg = float(charges.carbon_kg(pool, use, until_s)[0])
    return cost, annual.carbon_kg(pool, nodes) + per_year(caused_kg, window_s)


def hourly_usd(
    pool: Pool, nodes: int, use: Use, terms: Terms, edges_s: Floats, cover: PoolCover | None = None
) -> Floats:
    """Return the cost of a pool from each time to the next [USD], shape (times - 1,).

    What comes due after the last time (data that is kept on, the rest of a node's least time) counts in the last
    stretch.
    """
    cost = standing(pool, nodes, terms)
    uneven = {name: part.summed(pool, nodes, edges_s, terms) for name, part in PARTS.items() if part.summed is not None}
    even = (total(cost) - sum(cost[name] for name in uneven)) / YEAR_H * np.diff(edges_s) / HOUR_S
    until_s = edges_s.copy()
    until_s[0] = -1.0  # what comes due at the first instant counts, too
    until_s[-1] = max(until_s[-1], charges.last_s(pool, use))
    by_jobs = sum(caused(pool, use, terms, until_s).values())
    if cover is not None:
        by_jobs = by_jobs - cover.spared_usd(until_s)
    usd: Floats = even + np.diff(sum(uneven.values())) + np.diff(by_jobs)
    return usd


def least_usd(pool: Pool, jobs: Jobs, terms: Terms) -> tuple[Floats, ...]:
    """Return the least cost that jobs cause if a pool runs them, whenever that is [USD].

    Each row, summed over jobs, is at most what they cause; so the largest of the sums is a bound.  There is one row
    where each job has a power of its own, and there are two where jobs share nodes with GPUs
    (:func:`pwsim.costs.charges.least_busy_w`).

    Parameters
    ----------
    pool
        A pool whose nodes are always up.
    jobs
        The jobs.
    terms
        What costs depend on besides.

    Returns
    -------
    One or more rows, each of shape (jobs,).
    """
    found = [part.least(pool, jobs, terms) for part in PARTS.values() if part.least is not None]
    rows = max(map(len, found))
    # What is known by one row only holds beside each row of another part.
    return tuple(np.sum([one[min(row, len(one) - 1)] for one in found], axis=0) for row in range(rows))
