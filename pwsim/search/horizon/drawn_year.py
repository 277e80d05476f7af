"""A year in which targets must hold in a share of draws: a setup serves it if draws of that year's load accept it.

Setups with the same own nodes are decided in the order of what they cost to run in the replay of the year itself, of
equals the one first that is to be preferred, until one is accepted: a search by itself, whose order no draw decides
(:mod:`pwsim.search.sequential`).  Draws do have a say in which own nodes are looked at next, and how far.  So each year
and choice of own nodes has an equal part of the error, whether it is looked at or not: all together have no more than
the error that is stated, over the whole plan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from pwsim.search.decided import Decided
from pwsim.search.deciding import Deciding
from pwsim.search.horizon.year import Met, Own, Year
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.trail import TIE


class DrawnYear(Year):
    """What is known of the setups of one year whose targets must hold in a share of draws.

    Parameters
    ----------
    number, load, judge
        As for :class:`.Year`.
    error
        The chance of a wrong decision for each choice of own nodes.
    """

    def __init__(self, number: int, load: float, judge: Judge, error: float) -> None:
        super().__init__(number, load, judge)
        self.decided: dict[Met, Decided] = {}
        """What draws decided of setups."""
        self.undecided: dict[Own, float] = {}
        """By own nodes, what the cheapest setup costs to run that draws did not decide [USD a year]."""
        self._error = error
        self._deciding: dict[Own, Deciding] = {}
        self._waiting: dict[Own, list[Met]] = {}
        self._nearest: tuple[bool, float] | None = None

    def _take(self, own: Own, met: Met) -> None:
        """Keep a setup that meets the other targets, until it is decided on draws."""
        self._waiting.setdefault(own, []).append(met)

    def _least(self, own: Own) -> float:
        waiting = min((one.usd_per_year for one in self._waiting.get(own, ())), default=math.inf)
        return min(super()._least(own), math.inf if own in self.best else waiting)

    def note(self, choice: tuple[int, ...], evaluations: Sequence[Evaluation]) -> None:
        """Take in the replays of a choice, one for each procedure."""
        closest = self.closest
        super().note(choice, evaluations)
        if self._nearest is not None:  # one that was drawn is nearer
            self.closest = closest

    def is_due(self, own: Own) -> bool:
        """Return whether it is known which setup with these own nodes is to be decided next."""
        if own in self.best or not self._waiting.get(own):
            return False
        left = self._left.get(own)
        usd = min(one.usd_per_year for one in self._waiting[own])
        return not left or left[0].bound_usd_per_year > usd * (1 + TIE)

    def first_due(self) -> Own | None:
        """Return own nodes with which a setup is to be decided next; ``None`` if there are none."""
        return next(filter(self.is_due, self._waiting), None)

    @property
    def is_lost(self) -> bool:
        """Whether no setup meets the targets, at the error that is stated."""
        return super().is_lost and not any(self._waiting.values()) and not self.undecided

    def decide(self, own: Own, workers: int, begin: Callable[[int], bool]) -> bool:
        """Decide the next setup with these own nodes, as :meth:`.Deciding.decide`; return whether there was time."""
        waiting = self._waiting[own]
        most = min(one.usd_per_year for one in waiting) * (1 + TIE)
        met = min((one for one in waiting if one.usd_per_year <= most), key=self._rank)
        one = self.evaluate(met.choice, met.procedure)
        deciding = self._deciding.setdefault(own, Deciding(self.judge, self._error))
        decided = deciding.decide(one, workers, begin)
        if decided is None:
            return False
        waiting.remove(met)
        self.decided[met] = decided
        if decided.decision == "accepted":
            self.best[own] = met
            return True
        if decided.decision == "undecided":
            self.undecided.setdefault(own, met.usd_per_year)
        nearest = decided.decision == "undecided", decided.draws_met / decided.draws
        if self._nearest is None or nearest > self._nearest:
            self._nearest, self.closest = nearest, replace(one, decided=decided)
        return True

    def chosen(self, own: Own) -> Evaluation:
        """Return the setup with own nodes that is known to do, with its replay and its draws."""
        return replace(super().chosen(own), decided=self.decided[self.best[own]])
