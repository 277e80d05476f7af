"""How many nodes are rented at least at each instant where jobs move to them, whatever was before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from pwsim.cluster import CloudPool, Pool
from pwsim.common import HOUR_S
from pwsim.metrics import Booleans
from pwsim.search.holding import Holding
from pwsim.trace import Floats, Integers, Trace

MOST_WIDTHS = 16
"""Widths of jobs that :class:`_Moving` looks at."""
CHECKS = 64
"""Into how many parts of equal length a log is divided, after each of which what is to come is known."""
SAFETY = 1e-9
"""Relative allowance for rounding, on the side that excludes less."""


def checks_of(trace: Trace) -> Floats:
    """Return the times at which what is to come is known, before the last submission [s], shape (checks,)."""
    times_s: Floats = trace.span_s * np.arange(1, CHECKS) / CHECKS
    return times_s if trace.span_s > 0 else times_s[:0]


def base_nodes(pool: Pool) -> int:
    """Return how many nodes of an elastic pool are on the bill without rent."""
    assert isinstance(pool, CloudPool)
    return max(pool.min_nodes, pool.committed_nodes)


def least_price_usd_per_s(pool: Pool) -> float:
    """Return the price of a node [USD/s]; 0 where commitments that are yet to be decided may cover it."""
    assert isinstance(pool, CloudPool)
    return pool.price_usd_per_hour / HOUR_S if pool.is_decided else 0.0


class Moving:
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
        self._check_s = checks_of(holding.trace)
        times = submit_s, np.minimum(due_s, end_s), end_s, self._check_s
        self._times_s, places = np.unique(np.concatenate(times), return_inverse=True)
        self._submit, self._due, self._end, self._check = np.split(places.ravel(), np.cumsum([len(submit_s)] * 3))
        self._known: dict[tuple[tuple[int, ...], int], Floats] = {}

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
        return float(self._node_s(choice).sum()) * least_price_usd_per_s(self._pool)

    def rest_usd(self, choice: Sequence[int]) -> Floats:
        """Return the least rent of a choice of nodes after each check, whatever was before [USD], shape (checks,).

        The bound is one on each instant, by jobs that were submitted until then: so it holds of any part of the time.
        """
        rest_s: Floats = np.cumsum(self._node_s(choice)[::-1])[::-1]
        return rest_s[1:] * least_price_usd_per_s(self._pool)

    def _node_s(self, choice: Sequence[int]) -> Floats:
        """Return for how long nodes are rented at least until each check, and after the last, shape (checks + 1,)."""
        only = np.all(self._holding.first[:, self._others] > np.array(choice)[self._others], axis=1)
        here = only & (self._holding.first[:, self._index] <= choice[self._index])
        key = tuple(choice[one] for one in self._others), int(np.count_nonzero(here))
        if key not in self._known:
            self._known[key] = self._levels(here, self._may_move & ~only, choice)
        node_s: Floats = self._known[key][choice[self._index]]
        return node_s

    def _levels(self, here: Booleans, moving: Booleans, choice: Sequence[int]) -> Floats:
        """Return for how long each number of nodes that may be rented is on the bill at least beyond the base.

        The level v is reached where F + (P - n)⁺ of the jobs no wider than m - v + 1 reaches it.  So of each width k,
        with l as the next, the levels from m - l + 2 to m - k + 1 count.

        Parameters
        ----------
        here
            The jobs of F, whenever it is.
        moving
            The jobs of P, whenever it is.
        choice
            The choice of nodes; that of this pool makes no difference.

        Returns
        -------
        Shape (choices of this pool, checks + 1) [node-seconds].
        """
        most, base, checks = np.array(self._pool.nodes), base_nodes(self._pool), len(self._check_s)
        submit, due, end, length_s, part = self._slots(here, moving)
        wanted = self._wanted(here, submit, end, len(length_s))
        away = self._elsewhere(moving, choice)
        widths = np.concatenate(([0], self._widths(moving)))
        found: Floats = np.zeros((len(most), checks + 1))
        for width, wider in zip(widths, [*widths[1:], most[-1] + 2], strict=True):
            late = self._wanted(moving & (self._need <= width), due, end, len(length_s))
            nodes = (wanted + np.maximum(np.ceil(late - away - SAFETY), 0)).astype(np.int64)
            levels = min(int(most[-1]), int(nodes.max(initial=0))) + 1
            index = part * levels + np.minimum(nodes, levels - 1)
            lasts_s = np.bincount(index, length_s, (checks + 1) * levels).astype(np.float64).reshape(-1, levels)
            at_least_s: Floats = np.cumsum(lasts_s[:, ::-1], axis=1)[:, ::-1]
            up_to_s: Floats = np.cumsum(np.column_stack((np.zeros(checks + 1), at_least_s[:, 1:])), axis=1)
            high = np.clip(np.minimum(most, most + 1 - width), 0, levels - 1)
            low = np.minimum(np.maximum(base, most + 1 - wider), high)
            found += np.transpose(up_to_s[:, high] - up_to_s[:, low])
        return found

    def _slots(self, here: Booleans, moving: Booleans) -> tuple[Integers, Integers, Integers, Floats, Integers]:
        """Return by job the slots of time in which it is submitted, due and over, and by slot its length and part.

        Slots are between times at which something changes: jobs of F are submitted or end, jobs of P are due or end, a
        part of the log is over.
        """
        changes = np.zeros(len(self._times_s), dtype=bool)
        for places in (self._submit[here], self._end[here | moving], self._due[moving], self._check):
            changes[places] = True
        slot = np.cumsum(changes) - 1
        times_s = self._times_s[changes]
        part = np.searchsorted(self._check_s, times_s[:-1], side="right")
        return slot[self._submit], slot[self._due], slot[self._end], np.diff(times_s), part

    def _widths(self, moving: Booleans) -> Integers:
        """Return the widths of jobs that are looked at, increasing: all, or some of many."""
        widths = np.unique(self._need[moving])
        if len(widths) > MOST_WIDTHS:
            widths = np.unique(np.quantile(widths, np.linspace(0, 1, MOST_WIDTHS), method="lower"))
        return widths.astype(np.int64)

    def _wanted(self, jobs: Booleans, begin: Integers, end: Integers, slots: int) -> Floats:
        """Return how many nodes jobs want from one slot until another, shape (slots,)."""
        need, size = self._need[jobs].astype(np.float64), slots + 1
        change = np.bincount(begin[jobs], need, minlength=size) - np.bincount(end[jobs], need, minlength=size)
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
