"""The setup that is least wrong over several loads: the largest regret, made as small as can be.

The regret of a setup at a load is what it costs there beyond the cheapest setup that meets the targets there; a setup
that misses a target at one of the loads is out.  Setups are taken in the order of their cost bounds at the hardest
load.  Where the bound alone makes the regret larger than the best found, nothing that is left can be better: that is
the proof (L. J. Savage: The theory of statistical decision. J. American Statistical Association 46(253), 1951,
doi:10.1080/01621459.1951.10500768).  Where targets must hold in a share of draws, no such setup is told: draws would
have a say in the order in which setups are decided, and so no error over all of them could be stated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from pwsim.cluster import Procedure
from pwsim.search.around import place_of
from pwsim.search.holding import Holding
from pwsim.search.judging import Judge
from pwsim.search.options import AllCandidates, bounds_of, order_of
from pwsim.search.plan import Plan, Setup
from pwsim.search.sensitivity.asker import Asker
from pwsim.search.sensitivity.factors import FACTORS
from pwsim.search.sensitivity.outcomes import Outcome
from pwsim.search.trail import TIE

MOST_COMPARED = 500
"""Setups that are compared at most; where more might be better, the best of these is not proven."""

Place = tuple[tuple[int, ...], int]


class AtLoad(NamedTuple):
    """What the setup costs at a load, beside the best there."""

    load: float
    """How many times the work of the log."""
    cost_usd_per_year: float
    """What the setup costs there [USD a year]."""
    best_usd_per_year: float
    """What the cheapest setup that meets the targets there costs [USD a year]."""
    regret_usd_per_year: float
    """The difference [USD a year]."""


class Regret(NamedTuple):
    """The setup whose largest regret is least."""

    setup: Setup | None
    """The setup; ``None`` if none that was replayed meets the targets at all of the loads."""
    regret_usd_per_year: float
    """Its largest regret [USD a year]; NaN if there is none."""
    at_loads: tuple[AtLoad, ...]
    """Its cost at each load."""
    loads: tuple[float, ...]
    """The loads that are compared."""
    left_out: tuple[float, ...]
    """Stated loads at which no setup meets the targets, or none was found."""
    compared: int
    """How many setups were replayed for it."""
    proven: bool
    """Whether no setup allowed has a smaller one."""


class _Best(NamedTuple):
    """The best setup so far."""

    regret: float
    rank: tuple[int, ...]
    place: Place
    costs: tuple[float, ...]


def least_regret(asker: Asker, plan: Plan, outcomes: Sequence[Outcome]) -> Regret | None:
    """Return the setup that is least wrong over the stated loads and the log's; ``None`` with fewer than two loads.

    Parameters
    ----------
    asker
        Asks again.
    plan
        What was found at the log's load.
    outcomes
        What was found at the stated loads, among others.
    """
    stated = [(1.0, plan.chosen, plan.cost_usd_per_year, plan.stopped)]
    stated += [(one.value, one.chosen, one.cost_usd_per_year, one.stopped) for one in outcomes
               if one.factor == "load" and one.value != 1]  # fmt: skip
    usable = sorted(one[:3] for one in stated if one[1] is not None)
    left_out = tuple(sorted(load for load, chosen, *_ in stated if chosen is None))
    shared = any(one.in_share is not None for one in plan.targets)
    if len(stated) < 2 or len(usable) < 2 or asker.objective is not None or shared:
        return None
    best = {load: usd for load, _, usd in usable}
    search = _Comparison(asker, best)
    seeds = [place_of(search.judges[max(best)], setup) for _, setup, _ in usable if setup is not None]
    finished = search.run(list(dict.fromkeys(seeds)))
    proven = finished and all(stopped is None for _, chosen, _, stopped in stated if chosen is not None)
    return search.told(left_out, proven=proven)


class _Comparison:
    """Setups, each replayed at all loads, or until it is known to be no better."""

    def __init__(self, asker: Asker, best: dict[float, float]) -> None:
        self.asker, self.best_usd = asker, best
        self.loads = sorted(best, reverse=True)
        self.judges: dict[float, Judge] = {
            load: asker.judge(FACTORS["load"].change(asker.question, load)) for load in self.loads
        }
        self.best: _Best | None = None
        self.seen: set[Place] = set()

    def run(self, seeds: Sequence[Place]) -> bool:
        """Compare setups; return whether none that is left may be better."""
        hardest = self.judges[self.loads[0]]
        holding = Holding(hardest.trace, hardest.cluster)
        for place in seeds:
            if not self.compare(place):
                return False
        known = bounds_of(holding, hardest.targets, hardest.economics, hardest.trim)
        candidates = AllCandidates(known)
        while (candidate := candidates.take()) is not None:
            over = candidate.bound_usd_per_year - self.best_usd[self.loads[0]]
            if self.best is not None and over > self.best.regret + self.slack:
                return True
            for procedure in range(len(hardest.cluster.procedures)):
                if len(self.seen) >= MOST_COMPARED or not self.compare((candidate.choice, procedure)):
                    return False
        return True

    @property
    def slack(self) -> float:
        """What costs may differ by and be equal [USD a year]."""
        return TIE * max(self.best_usd.values())

    def compare(self, place: Place) -> bool:
        """Replay a setup at the loads, the hardest first; return whether the budget allowed it."""
        if place in self.seen:
            return True
        self.seen.add(place)
        costs: list[float] = []
        for load in self.loads:
            judge = self.judges[load]
            setup = judge.setup(place[0], Procedure(*judge.cluster.procedures[place[1]]))
            found = self.asker.judged(judge, setup, f"least regret, load {load:g}")
            if found is None:
                return False
            costs.append(found.cost_usd_per_year)
            if not found.met or (self.best and self._regret(costs) > self.best.regret + self.slack):
                return True
        cluster = self.judges[self.loads[0]].cluster
        one = _Best(self._regret(costs), (*order_of(cluster, place[0]), place[1]), place, tuple(costs))
        if self.best is None or one.regret < self.best.regret - self.slack or (
            one.regret <= self.best.regret + self.slack and one.rank < self.best.rank
        ):  # fmt: skip
            self.best = one
        return True

    def _regret(self, costs: Sequence[float]) -> float:
        """Return the largest regret at the loads that were replayed."""
        return max(0.0, *(usd - self.best_usd[load] for load, usd in zip(self.loads, costs, strict=False)))

    def told(self, left_out: tuple[float, ...], *, proven: bool) -> Regret:
        """Return what was found."""
        loads, compared = tuple(sorted(self.loads)), len(self.seen)
        if self.best is None:
            return Regret(None, math.nan, (), loads, left_out, compared, proven)
        judge = self.judges[self.loads[0]]
        setup = judge.setup(self.best.place[0], Procedure(*judge.cluster.procedures[self.best.place[1]]))
        told = sorted(zip(self.loads, self.best.costs, strict=True))
        at_loads = tuple(AtLoad(load, usd, self.best_usd[load], usd - self.best_usd[load]) for load, usd in told)
        return Regret(setup, self.best.regret, at_loads, loads, left_out, compared, proven)
