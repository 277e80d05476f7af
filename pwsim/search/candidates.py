"""Which setup is the next: the choices of nodes in the order of the least that they cost, from a heap.

A choice of nodes is built up pool by pool.  The heap holds beginnings of choices with the least that anything which
begins so costs: what its pools cost, and of each pool that is left the cheapest choice that some setup may have.  The
least is taken out; in its place come its successor, which has the next dearer choice of the last pool, and its first
continuation by the next pool.  So every choice is reached in one way, none before its time, and most are never built.

The necessary conditions of :mod:`.bounds` get easier with every node more, so a beginning that breaks one even with
all that is left at its largest is dropped with all that begins so; at the last pool that is the condition itself.

Where jobs move to rented nodes, what a setup costs at least depends on all pools together (:mod:`.renting`), and takes
longer to tell: a whole choice is put back once with that as its bound.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np

from pwsim.cluster import Cluster
from pwsim.metrics import Booleans
from pwsim.search.bounds import Bounds
from pwsim.trace import Floats, Integers


class Candidate(NamedTuple):
    """A choice of node counts that no condition excludes."""

    choice: tuple[int, ...]
    """Index of the choice of each pool."""
    bound_usd_per_year: float
    """What it costs at least; no candidate that comes later has a lower bound."""


class _Beginning(NamedTuple):
    """The choices of the first pools, as the heap sorts them."""

    bound_usd_per_year: float
    """No setup that begins so costs less."""
    choice: tuple[int, ...]
    """Index of the choice of each of these pools; of equal bounds the fewest nodes of the first pool come first."""
    allowed: Integers
    """Choices of the last of these pools that conditions allow after those before, the cheapest first."""
    place: int
    """Which of them is chosen; -1 for a whole choice that was put back."""


class Candidates:
    """The choices of node counts in the order of their cost bounds.

    Of equal bounds, fewer nodes of the first pool come first, then of the next.

    Parameters
    ----------
    cluster
        The pools with their choices.
    bounds
        What is known of them before a replay.
    """

    def __init__(self, cluster: Cluster, bounds: Bounds) -> None:
        self._usd = bounds.cost_usd_per_year
        self._bounds = bounds
        self._conditions = _Conditions(cluster, bounds)
        self._pools = len(cluster.pools)
        orders = [np.argsort(usd, kind="stable") for usd in self._usd]
        # What no setup may have, whatever the others have, is never looked at.
        alone = [self._conditions.allow((), pool) for pool in range(self._pools)]
        self._orders = [order[may[order]] for order, may in zip(orders, alone, strict=True)]
        self._heap: list[_Beginning] = []
        if all(map(len, self._orders)):
            self._least = [float(usd[order[0]]) for usd, order in zip(self._usd, self._orders, strict=True)]
            self._begin(())

    def take(self) -> Candidate | None:
        """Return the next candidate, which does not come again; ``None`` if there is none left."""
        while self._heap:
            bound, choice, allowed, place = heapq.heappop(self._heap)
            if place < 0:
                return Candidate(choice, bound)
            self._push(choice[:-1], allowed, place + 1)
            if len(choice) < self._pools:
                self._begin(choice)
                continue
            whole = max(bound, self._bounds.usd_of(choice))
            if whole == bound:
                return Candidate(choice, bound)
            heapq.heappush(self._heap, _Beginning(whole, choice, allowed, -1))
        return None

    def _begin(self, choice: tuple[int, ...]) -> None:
        """Continue a beginning by the cheapest choice of the next pool."""
        pool = len(choice)
        order = self._orders[pool]
        self._push(choice, order[self._conditions.allow(choice, pool)[order]], 0)

    def _push(self, before: tuple[int, ...], allowed: Integers, place: int) -> None:
        """Put a beginning on the heap, if there is one."""
        if place == len(allowed):
            return
        choice = (*before, int(allowed[place]))
        # Summed in the order of pools, so that rounding puts no continuation before its beginning.
        costs = [float(usd[one]) for usd, one in zip(self._usd, choice, strict=False)]
        heapq.heappush(self._heap, _Beginning(sum([*costs, *self._least[len(choice) :]]), choice, allowed, place))


def is_allowed(cluster: Cluster, bounds: Bounds, choice: tuple[int, ...]) -> bool:
    """Return whether no condition excludes a choice of nodes."""
    return bool(_Conditions(cluster, bounds).allow(choice[:-1], len(choice) - 1)[choice[-1]])


class _Conditions:
    """The necessary conditions on choices of nodes: cores enough, and not too many jobs rejected."""

    def __init__(self, cluster: Cluster, bounds: Bounds) -> None:
        self._bounds = bounds
        self._cores: list[Floats] = [np.array(pool.nodes) * pool.node.cores * pool.node.speed for pool in cluster.pools]
        self._choices = [len(pool.nodes) for pool in cluster.pools]
        open_ = ~np.any(bounds.job_classes == 0, axis=1)  # the others are held by every setup
        self._first = bounds.job_classes[open_]
        self._jobs, self._work = bounds.job_class_counts[open_], bounds.job_class_work_shares[open_]

    def allow(self, choice: tuple[int, ...], pool: int) -> Booleans:
        """Return which choices of a pool some allowed setup has that begins with a choice, shape (choices,).

        Nothing is known to be wrong with the others: all other pools that are not chosen yet have their largest.
        """
        chosen = [*choice, *(count - 1 for count in self._choices[len(choice) :])]
        others = [one for one in range(len(chosen)) if one != pool]
        cores = sum((float(self._cores[one][chosen[one]]) for one in others), 0.0)
        allowed: Booleans = cores + self._cores[pool] >= self._bounds.needed_cores
        if not len(self._jobs):
            return allowed
        left = np.all(self._first[:, others] > np.array(chosen)[others], axis=1)
        return allowed & self._hold(self._first[left, pool], self._jobs[left], self._work[left], self._choices[pool])

    def _hold(self, first: Integers, jobs: Integers, work: Floats, choices: int) -> Booleans:
        """Return which choices of a pool leave no more jobs and work rejected than allowed, shape (choices,).

        Parameters
        ----------
        first, jobs, work
            Of each class of jobs that no other pool holds: the first choice that holds it, its jobs, and its share of
            the work.
        choices
            How many choices there are.
        """
        limits = (jobs, self._bounds.rejected_at_most), (work, self._bounds.rejected_work_at_most)
        held = np.ones(choices, dtype=bool)
        for amounts, limit in limits:
            by_first = np.bincount(first, amounts, minlength=choices + 1)
            held &= np.cumsum(by_first[::-1])[::-1][1:] <= limit  # what only later choices hold is rejected
        return held
