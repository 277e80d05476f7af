"""What jobs cost at least where nodes come and go, in a setup that meets the targets: bounds, each with its proof.

A node of an elastic pool is on the bill from its launch until it is gone.  Of those on the bill at an instant, as many
as are committed or always stand, the *base*, are paid elsewhere; the rest is rent (:mod:`pwsim.costs.charges`).  So
the rent of a pool is its price times the integral of (nodes on the bill - base)⁺, and nodes on the bill are at least
those that jobs hold.  There are three bounds on the rent, of which the largest counts; and to it comes what jobs cost
that are not on rented nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pwsim.costs import Jobs, Terms, least_usd, per_year, savings
from pwsim.search.holding import Holding
from pwsim.search.moving import SAFETY, Moving, base_nodes, checks_of, least_price_usd_per_s
from pwsim.trace import Floats


class ToCome(NamedTuple):
    """What a setup pays in any case, beside what stands there anyway and the rent so far."""

    rent_usd: Floats
    """The least rent after each check, whatever was before, shape (checks,) [USD]."""
    elsewhere_usd: float
    """What jobs cause at least if all that can run elsewhere do [USD]."""
    moved_share: float
    """By what share of all rent that is less, at most."""

    def most_rent_usd(self, usd: float) -> float:
        """Return what all rent may come to, if jobs may cause so much in all [USD].

        With rent R at least R + :attr:`elsewhere_usd` - :attr:`moved_share` R is caused (:meth:`Renting.usd_per_year`),
        and at least R.
        """
        return min(usd, (usd - self.elsewhere_usd) / (1 - self.moved_share)) if self.moved_share < 1 else usd


class Renting:
    """What jobs cause at least in each setup.

    Parameters
    ----------
    holding
        The jobs, and which pools hold them.
    run_s
        Run time of each job at speed 1, shape (jobs,) [s].
    terms
        What costs depend on besides.
    work, until_s
        Core-seconds at speed 1 that throughput asks for, and by when they must be done [s].
    """

    def __init__(self, holding: Holding, run_s: Floats, terms: Terms, work: float, until_s: float) -> None:
        self._pools = [savings.at_least(pool, terms.plans) for pool in holding.cluster.pools]
        self._work, self._until_s = work, until_s
        self._a_year = per_year(1 - SAFETY, holding.trace.span_s)
        self._trace = holding.trace
        self._elastic = [index for index, pool in enumerate(self._pools) if pool.elastic]
        self._others = [index for index, pool in enumerate(self._pools) if not pool.elastic]
        rent_usd, own_usd = self._least_alone(holding, run_s), self._least_elsewhere(holding, run_s, terms)
        self._own_by_rent = self._ratio(holding, rent_usd, own_usd)
        if self._own_by_rent > 1:  # then no more is known than the rent
            self._own_by_rent, own_usd = 0.0, np.zeros(len(own_usd))
        self._classes, members = np.unique(holding.first, axis=0, return_inverse=True)
        self._class_usd = np.bincount(members.ravel(), rent_usd, minlength=len(self._classes))
        self._class_own_usd = np.bincount(members.ravel(), own_usd, minlength=len(self._classes))
        self._moving = Moving(holding, run_s, self._pools, self._elastic[0]) if Moving.covers(self._pools) else None

    def usd_per_year(self, choice: Sequence[int]) -> float:
        """Return what jobs cause at least with a choice of nodes, if it meets the targets [USD a year].

        Of the jobs that other pools hold, let those that run on rented nodes all the same be S.  The others cause what
        they cost at least elsewhere.  Each of S would cause there no more than the share q of its rent alone
        (:meth:`_ratio`); and without a base all rent R is at least the sum of these and of A, that of the jobs which no
        other pool holds.  So with E as what all would cause elsewhere, at least R + E - q (R - A) is paid, which for
        q ≤ 1 grows with R.
        """
        only_rented_usd, elsewhere_usd = self._certain_usd(choice)
        rents = [only_rented_usd, self._of_throughput(choice)]
        if self._moving is not None:
            rents.append(self._moving.usd(choice))
        moved = self._own_by_rent * (max(rents) - only_rented_usd)
        return (max(rents) - moved + elsewhere_usd) * self._a_year

    def to_come(self, choice: Sequence[int]) -> ToCome:
        """Return what a choice of nodes pays in any case, while it is replayed.

        With A and q as for :meth:`usd_per_year`, R + E - q (R - A) = R + (E + q A) - q R.
        """
        only_rented_usd, elsewhere_usd = self._certain_usd(choice)
        checks = len(checks_of(self._trace))
        rest_usd = np.zeros(checks) if self._moving is None else self._moving.rest_usd(choice) * (1 - SAFETY)
        certain_usd = (elsewhere_usd + self._own_by_rent * only_rented_usd) * (1 - SAFETY)
        return ToCome(rest_usd, certain_usd, self._own_by_rent)

    def _certain_usd(self, choice: Sequence[int]) -> tuple[float, float]:
        """Return the rent of the jobs that only rented nodes hold, each alone, and what the others cause elsewhere."""
        held = self._classes <= np.array(choice)
        elsewhere = held[:, self._others].any(axis=1)
        rented = held[:, self._elastic].any(axis=1) & ~elsewhere
        return float(self._class_usd[rented].sum()), float(self._class_own_usd[elsewhere].sum())

    def _least_alone(self, holding: Holding, run_s: Floats) -> Floats:
        """Return what each job costs in rent at least, if it runs in elastic pools, by itself beyond the base [USD].

        A job holds so many nodes, in a packed pool such a part of them, until its work is done.  Where nodes are taken
        back, jobs may be given up before: there it is nothing.

        With x nodes held by some jobs and y by others, (x + y - b)⁺ ≥ (x - b)⁺ + (y - b)⁺ for any base b ≥ 0.  So the
        rent of some jobs is at least the sum of what each costs alone: in all, that of the jobs that no other pool
        holds.
        """
        least = np.full(len(holding.trace), np.inf)
        for index in self._elastic:
            pool = self._pools[index]
            nodes = pool.held(holding.trace)[0] / pool.node.cores
            usd = np.maximum(nodes - base_nodes(pool), 0.0) * run_s / pool.node.speed * least_price_usd_per_s(pool)
            held = holding.first[:, index] < len(pool.nodes)
            least = np.where(held, np.minimum(least, 0.0 if pool.interrupted else usd), least)
        return np.where(np.isinf(least), 0.0, least)

    def _least_elsewhere(self, holding: Holding, run_s: Floats, terms: Terms) -> Floats:
        """Return what each job causes at least if it runs in other pools, to its end [USD]."""
        trace = holding.trace
        least = np.full(len(trace), np.inf)
        if any(pool.interrupted for pool in self._pools):  # jobs may be given up
            return np.zeros(len(trace))
        for index in self._others:
            pool = self._pools[index]
            jobs = Jobs(trace.procs, trace.gpus, run_s / pool.node.speed, trace.data_gib)
            held = holding.first[:, index] < len(pool.nodes)
            least = np.where(held, np.minimum(least, least_usd(pool, jobs, terms)[0]), least)
        return np.where(np.isinf(least), 0.0, least)

    def _ratio(self, holding: Holding, rent_usd: Floats, own_usd: Floats) -> float:
        """Return how many times its rent alone a job causes elsewhere at most; infinite if there is a base."""
        elastic = np.zeros(len(rent_usd), dtype=bool)
        for index in self._elastic:
            if base_nodes(self._pools[index]):
                return np.inf
            elastic |= holding.first[:, index] < len(self._pools[index].nodes)
        both = elastic & (own_usd > 0)
        if np.any(both & (rent_usd <= 0)):
            return np.inf
        return float((own_usd[both] / rent_usd[both]).max(initial=0.0))

    def _of_throughput(self, choice: Sequence[int]) -> float:
        """Return what is left over of the work that throughput asks for costs at least [USD].

        Until the end of the window, nodes of other pools and the base do no more than all their cores could; what is
        missing is done by nodes that are paid by the second, at best by those whose core-seconds are the cheapest.
        """
        cores, prices = 0.0, []
        for pool, one in zip(self._pools, choice, strict=True):
            nodes, size = pool.nodes[one], pool.node.cores * pool.node.speed
            cores += size * (min(nodes, base_nodes(pool)) if pool.elastic else nodes)
            if pool.elastic and nodes:
                prices.append(least_price_usd_per_s(pool) / size)
        return max(0.0, self._work - cores * self._until_s) * min(prices, default=0.0)
