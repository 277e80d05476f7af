"""What jobs cost at least where nodes come and go, in a setup that meets the targets: bounds, each with its proof.

A node of an elastic pool is on the bill from its launch until it is gone.  Of those on the bill at an instant, as many
as are committed or always stand, the *base*, are paid elsewhere; the rest is rent (:mod:`pwsim.costs.charges`).  So
the rent of a pool is its price times the integral of (nodes on the bill - base)⁺, and nodes on the bill are at least
those that jobs hold.  There are three bounds on the rent, of which the largest counts; and to it comes what jobs cost
that are not on rented nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from pwsim.cluster import CloudPool, Pool
from pwsim.common import HOUR_S
from pwsim.costs import Jobs, Terms, least_usd, per_year, savings
from pwsim.metrics import Booleans
from pwsim.search.holding import Holding
from pwsim.trace import Floats, Integers, Trace

MOST_WIDTHS = 16
"""Widths of jobs that :class:`_Moving` looks at."""
SAFETY = 1e-9
"""Relative allowance for rounding, on the side that excludes less."""


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
        self._elastic = [index for index, pool in enumerate(self._pools) if pool.elastic]
        self._others = [index for index, pool in enumerate(self._pools) if not pool.elastic]
        rent_usd, own_usd = self._least_alone(holding, run_s), self._least_elsewhere(holding, run_s, terms)
        self._own_by_rent = self._ratio(holding, rent_usd, own_usd)
        if self._own_by_rent > 1:  # then no more is known than the rent
            self._own_by_rent, own_usd = 0.0, np.zeros(len(own_usd))
        self._classes, members = np.unique(holding.first, axis=0, return_inverse=True)
        self._class_usd = np.bincount(members.ravel(), rent_usd, minlength=len(self._classes))
        self._class_own_usd = np.bincount(members.ravel(), own_usd, minlength=len(self._classes))
        self._moving = _Moving(holding, run_s, self._pools, self._elastic[0]) if _Moving.covers(self._pools) else None

    def usd_per_year(self, choice: Sequence[int]) -> float:
        """Return what jobs cause at least with a choice of nodes, if it meets the targets [USD a year].

        Of the jobs that other pools hold, let those that run on rented nodes all the same be S.  The others cause what
        they cost at least elsewhere.  Each of S would cause there no more than the share q of its rent alone
        (:meth:`_ratio`); and without a base all rent R is at least the sum of these and of A, that of the jobs which no
        other pool holds.  So with E as what all would cause elsewhere, at least R + E - q (R - A) is paid, which for
        q ≤ 1 grows with R.
        """
        held = self._classes <= np.array(choice)
        elsewhere = held[:, self._others].any(axis=1)
        rents = [
            float(self._class_usd[held[:, self._elastic].any(axis=1) & ~elsewhere].sum()),
            self._of_throughput(choice),
        ]
        if self._moving is not None:
            rents.append(self._moving.usd(choice))
        moved = self._own_by_rent * (max(rents) - rents[0])
        usd = max(rents) - moved + float(self._class_own_usd[elsewhere].sum())
        return usd * self._a_year

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


def base_nodes(pool: Pool) -> int:
    """Return how many nodes of an elastic pool are on the bill without rent."""
    assert isinstance(pool, CloudPool)
    return max(pool.min_nodes, pool.committed_nodes)


def least_price_usd_per_s(pool: Pool) -> float:
    """Return the price of a node [USD/s]; 0 where commitments that are yet to be decided may cover it."""
    assert isinstance(pool, CloudPool)
    return pool.price_usd_per_hour / HOUR_S if pool.is_decided else 0.0


class _Moving:
    """The least rent where jobs come to one elastic pool of whole nodes, which take away no job, or move there.

    At an instant, let F be the nodes that jobs want which only this pool holds, and which were submitted but cannot
    have ended; let P be those of jobs no wider than k that other pools hold too, which were submitted ``burst_after``
    ago or longer and cannot have ended; m the nodes that may be rented; and n no less than what jobs of P can hold of
    this pool's nodes by running elsewhere.  Then nodes on the bill are at least **min(F + (P - n)⁺, m - k + 1)**:

    The autoscaler holds at least min(m, what running and waiting jobs of this pool want), once an instant is over.
    If some job of P waits in another pool, it is due, and did not move: running and waiting jobs here left less than it
    wants of m nodes, so they want more than m - k.  Else each job of P runs elsewhere, which no more than n of P do, or
    is here; and all of F is here.

    It holds for every k, so a level v is reached where F + (P - n)⁺ of the jobs no wider than m - v + 1 reaches it.
    """

    def __init__(self, holding: Holding, run_s: Floats, pools: Sequence[Pool], index: int) -> None:
        self._holding, self._index = holding, index
        self._pool = pools[index]
        self._others = [one for one in range(len(holding.cluster.pools)) if one != index]
        self._need = self._pool.need(holding.trace)
        submit_s = holding.trace.submit_s
        end_s = submit_s + run_s / max(pool.node.speed for pool in holding.cluster.pools)
        due_s = submit_s + (np.inf if self._pool.burst_after is None else self._pool.burst_after)
        self._may_move = (due_s < end_s) & (holding.first[:, index] < len(self._pool.nodes))
        self._submit, self._due, self._end, self._length_s = _placed(submit_s, np.minimum(due_s, end_s), end_s)
        self._known: dict[tuple[tuple[int, ...], int], tuple[Integers, Floats]] = {}

    @staticmethod
    def covers(pools: Sequence[Pool]) -> bool:
        """Return whether the proof is about such pools."""
        elastic = [pool for pool in pools if pool.elastic]
        others_burst = any(pool.burst_after is not None for pool in pools if not pool.elastic)
        return (
            len(elastic) == 1
            and elastic[0].placement == "nodes"
            and not others_burst
            and not any(pool.interrupted for pool in pools)
        )

    def usd(self, choice: Sequence[int]) -> float:
        """Return the least rent of a choice of nodes [USD]."""
        most = self._pool.nodes[choice[self._index]]
        only = np.all(self._holding.first[:, self._others] > np.array(choice)[self._others], axis=1)
        here = only & (self._holding.first[:, self._index] <= choice[self._index])
        key = tuple(choice[one] for one in self._others), int(np.count_nonzero(here))
        if key not in self._known:
            self._known[key] = self._levels(here, self._may_move & ~only, choice)
        widths, lasts_s = self._known[key]
        level = np.arange(base_nodes(self._pool) + 1, min(most + 1, lasts_s.shape[1]))
        row = np.searchsorted(widths, most - level + 1, side="right") - 1
        return float(lasts_s[row, level].sum()) * least_price_usd_per_s(self._pool)

    def _levels(self, here: Booleans, moving: Booleans, choice: Sequence[int]) -> tuple[Integers, Floats]:
        """Return widths of jobs, first none, and for how long F + (P - n)⁺ reaches each number of nodes.

        Returns
        -------
        Shape (widths,), and (widths, nodes) [s].
        """
        wanted = self._wanted(self._submit, here)
        away = self._elsewhere(moving, choice)
        widths = np.unique(self._need[moving])
        if len(widths) > MOST_WIDTHS:
            widths = np.unique(np.quantile(widths, np.linspace(0, 1, MOST_WIDTHS), method="lower"))
        widths = np.concatenate(([0], widths)).astype(np.int64)
        nodes = []
        for width in widths:
            late = self._wanted(self._due, moving & (self._need <= width))
            nodes.append((wanted + np.maximum(np.ceil(late - away - SAFETY), 0)).astype(np.int64))
        most = min(self._pool.nodes[-1], max(int(row.max(initial=0)) for row in nodes))
        lasts_s = [np.bincount(np.minimum(row, most), self._length_s, minlength=most + 1) for row in nodes]
        at_least_s: Floats = np.cumsum(np.array(lasts_s, dtype=np.float64)[:, ::-1], axis=1)[:, ::-1]
        return widths, at_least_s

    def _wanted(self, begin: Integers, jobs: Booleans) -> Floats:
        """Return how many nodes jobs want from a place in time until their end, shape (times - 1,)."""
        need = self._need[jobs].astype(np.float64)
        size = len(self._length_s) + 1
        change = np.bincount(begin[jobs], need, minlength=size) - np.bincount(self._end[jobs], need, minlength=size)
        wanted: Floats = np.cumsum(change)[:-1]
        return wanted

    def _elsewhere(self, moving: Booleans, choice: Sequence[int]) -> float:
        """Return how many of this pool's nodes jobs that run in other pools can want at most.

        All that run in a pool hold no more cores than it has; and for every core that it holds there, each wants of
        this pool's nodes no more than the job that wants the most.
        """
        nodes = 0.0
        for index in self._others:
            pool = self._holding.cluster.pools[index]
            there = moving & (self._holding.first[:, index] <= choice[index])
            if there.any():
                ratio = self._need[there] / self._cores[index][there]
                nodes += float(ratio.max()) * pool.nodes[choice[index]] * pool.node.cores
        return nodes

    @cached_property
    def _cores(self) -> list[Integers]:
        """By pool the cores that each job holds there, shape (jobs,)."""
        trace: Trace = self._holding.trace
        return [pool.held(trace)[0] for pool in self._holding.cluster.pools]


def _placed(*times_s: Floats) -> tuple[Integers, Integers, Integers, Floats]:
    """Return the places of three rows of times among all of them, and the lengths between [s]."""
    every, places = np.unique(np.concatenate(times_s), return_inverse=True)
    first, second, third = np.split(places.ravel(), 3)
    return first, second, third, np.diff(every)
