"""One year of a plan: its load, its targets, and its setups by the nodes that one owns in them.

Whatever is bought and when, of the setups of a year that have the same own nodes only the one that costs least to run
can be in a plan.  So a year is a list of choices of own nodes, each with what it costs to run at least: the least bound
of the setups that are left, or what the cheapest costs that met the targets.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pwsim.cluster import CloudPool, Cluster, OnPremisesPool, Pool, Procedure
from pwsim.prices import Economics
from pwsim.search.candidates import Candidate
from pwsim.search.holding import Holding
from pwsim.search.horizon.question import Horizon, levels
from pwsim.search.judging import Evaluation, Judge, scalable
from pwsim.search.options import AllCandidates, bounds_of, largest, order_of
from pwsim.search.trail import TIE
from pwsim.trace import Trace
from pwsim.workload import Level, with_load

Own = tuple[int, ...]
"""Choice of nodes and type of each pool of own nodes (:mod:`pwsim.search.options`), in the order of the pools."""
LONG_TERM = "3yr"
"""Term of commitments that bind more years than one."""


class Met(NamedTuple):
    """A setup that met the targets of a year."""

    usd_per_year: float
    """What it costs to run: all but the purchase of own nodes [USD a year]."""
    choice: tuple[int, ...]
    """Choice of nodes and type of each pool."""
    procedure: int
    """Place of its procedure."""


def workload_of(trace: Trace, horizon: Horizon, year: int, seed: int) -> Trace:
    """Return the workload of a year, counted from 1.

    Raises
    ------
    TraceError
        If the load cannot be changed, or no job is left.
    """
    free, asked = trace.procs > 0, []
    for one in horizon.classes:
        mine = free & one.where.admit(trace)
        free = free & ~mine
        asked.append(Level(mine, levels(one.load_growth, horizon.years)[year - 1]))
    asked.append(Level(free, levels(horizon.load_growth, horizon.years)[year - 1]))
    return with_load(trace, asked, seed)


def to_run(cluster: Cluster) -> Cluster:
    """Return a cluster that costs what it costs to run: own nodes have no price, and no year binds the next.

    Commitments whose number is ``best`` are chosen for each setup of each year, so those of several years are not made.
    """

    def free(pool: Pool) -> Pool:
        if isinstance(pool, CloudPool):
            kept = tuple(one for one in pool.commitments if one.nodes != "best" or one.term != LONG_TERM)
            return pool.model_copy(update={"commitments": kept})
        assert pool.cost is not None  # without a cost there is no search
        return pool.model_copy(update={"cost": pool.cost.model_copy(update={"capex_usd": 0.0})})

    return cluster.model_copy(update={"pools": tuple(pool.with_each_type(free) for pool in cluster.pools)})


def by_the_year(economics: Economics) -> Economics:
    """Return how money is counted without savings plans of several years whose amount is ``best``."""
    plans = tuple(one for one in economics.savings_plans if one.usd_per_hour != "best" or one.term != LONG_TERM)
    return economics.model_copy(update={"savings_plans": plans})


class Year:
    """What is known of the setups of one year.

    Parameters
    ----------
    number
        Which year, from 1.
    load
        Its load, in that of the first year.
    judge
        What replays and judges its setups; the cluster is that of :func:`to_run`.
    """

    def __init__(self, number: int, load: float, judge: Judge) -> None:
        self.number, self.load, self.judge = number, load, judge
        self.best: dict[Own, Met] = {}
        """By own nodes, of the setups that met the targets, the one that costs least to run."""
        self.closest: Evaluation | None = None
        """Of the replayed setups the one that misses the targets by the least share."""
        self.replayed = 0
        """Setups that were replayed."""
        self._own = [index for index, pool in enumerate(judge.cluster.pools) if isinstance(pool, OnPremisesPool)]
        self._left: dict[Own, deque[Candidate]] = {}
        with scalable(judge.trace):
            candidates = AllCandidates(
                bounds_of(Holding(judge.trace, judge.cluster), judge.targets, judge.economics, judge.trim)
            )
        while (one := candidates.take()) is not None:
            self._left.setdefault(self.own_of(one.choice), deque()).append(one)

    def own_of(self, choice: Sequence[int]) -> Own:
        """Return the own nodes of a choice of all pools."""
        return tuple(choice[index] for index in self._own)

    def usd_per_year(self) -> dict[Own, float]:
        """Return, by own nodes, what no setup that meets the targets costs less to run than [USD a year]."""
        return {own: self._least(own) for own in self._left | self.best if self._least(own) < math.inf}

    def met_usd_per_year(self) -> dict[Own, float]:
        """Return, by own nodes, what the cheapest setup costs to run that is known to meet the targets [USD a year]."""
        return {own: met.usd_per_year for own, met in self.best.items()}

    def _least(self, own: Own) -> float:
        left, best = self._left.get(own), self.best.get(own)
        return min(left[0].bound_usd_per_year if left else math.inf, best.usd_per_year if best else math.inf)

    def next(self, own: Own) -> Candidate | None:
        """Return the choice to replay next with these own nodes; ``None`` if no other can cost less than the best."""
        left, best = self._left.get(own), self.best.get(own)
        if not left or (best is not None and best.usd_per_year <= left[0].bound_usd_per_year * (1 + TIE)):
            return None
        return left[0]

    def first_left(self) -> Candidate | None:
        """Return the choice with the least bound of all that are left; ``None`` if all were replayed."""
        firsts = [left[0] for left in self._left.values() if left]
        return min(firsts, key=lambda one: (one.bound_usd_per_year, one.choice), default=None)

    def note(self, choice: tuple[int, ...], evaluations: Sequence[Evaluation]) -> None:
        """Take in the replays of a choice, one for each procedure."""
        own = self.own_of(choice)
        if (left := self._left.get(own)) is not None:
            self._left[own] = deque(one for one in left if one.choice != choice)
        for place, one in enumerate(evaluations):
            self.replayed += 1
            if one.ran is not None and (self.closest is None or one.nearness < self.closest.nearness):
                self.closest = one
            if one.met:
                self._take(own, Met(one.cost_usd_per_year, choice, place))

    def _take(self, own: Own, met: Met) -> None:
        """Keep a setup that met the targets, if it costs less than the best, or as much and comes first in order."""
        best = self.best.get(own)
        if (
            best is None
            or met.usd_per_year < best.usd_per_year * (1 - TIE)
            or (met.usd_per_year <= best.usd_per_year * (1 + TIE) and self._rank(met) < self._rank(best))
        ):
            self.best[own] = met

    def _rank(self, met: Met) -> tuple[int, ...]:
        return *order_of(self.judge.cluster, met.choice), met.procedure

    @property
    def left(self) -> int:
        """How many setups are left at most."""
        return sum(map(len, self._left.values())) * len(self.judge.cluster.procedures)

    @property
    def is_lost(self) -> bool:
        """Whether it is proven that no setup meets the targets."""
        return not self.best and self.first_left() is None

    def is_left(self, choice: tuple[int, ...]) -> bool:
        """Return whether a choice was not replayed, and nothing excludes it."""
        return any(one.choice == choice for one in self._left.get(self.own_of(choice), ()))

    def largest(self) -> tuple[int, ...]:
        """Return the choice of the largest setup."""
        return largest(self.judge.cluster)

    def chosen(self, own: Own) -> Evaluation:
        """Return the setup with own nodes that costs least to run and is known to meet the targets, with its replay."""
        met = self.best[own]
        return self.evaluate(met.choice, met.procedure)

    def evaluate(self, choice: tuple[int, ...], procedure: int) -> Evaluation:
        """Replay a setup, or take what is known of it, and judge it."""
        procedures: Sequence[Procedure] = self.judge.cluster.procedures
        return self.judge.evaluate(choice, procedures[procedure])


Costs = Mapping[Own, float]
"""What own nodes cost to run in a year at least, or truly [USD a year]; others cannot meet its targets."""
