"""Which of the setups that a search comes to hold in a large enough share of the draws (:mod:`.sequential`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from pwsim.cluster import Procedure
from pwsim.results import in_parallel
from pwsim.search.decided import Decided, drawn_columns, undrawn
from pwsim.search.fates import Achieved
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.options import choice_of
from pwsim.search.plan import Setup
from pwsim.search.replications import share_of
from pwsim.search.sequential import Sequential


class OutOfDrawsError(Exception):
    """The time was over before a setup was decided."""


class Deciding:
    """Decides setups on the draws, one after the other, each with as few draws as it takes.

    Parameters
    ----------
    job
        What judges a setup on a draw.
    error
        Chance of a wrong decision over all of these setups; that of ``replications`` if left out.
    """

    def __init__(self, job: Judge, error: float | None = None) -> None:
        share = share_of(job.targets)
        assert share is not None
        assert job.replications is not None
        self.job = job
        sure = {} if error is None else {"error": error}
        self.rule = Sequential(share, job.replications.model_copy(update=sure))
        self.decided: list[tuple[Evaluation, Decided]] = []
        """What was decided, in this order, without the replays."""
        self._waiting: list[Evaluation] = []
        self._rows: dict[tuple[Any, ...], dict[str, Any]] = {}

    @property
    def accepted(self) -> bool:
        """Whether a setup is accepted: the last one."""
        return bool(self.decided) and self.decided[-1][1].decision == "accepted"

    @property
    def undecided_usd_per_year(self) -> float:
        """Cost of the cheapest undecided setup [USD a year]; infinite if there is none."""
        usd = [one.cost_usd_per_year for one, decided in self.decided if decided.decision == "undecided"]
        return min(usd, default=math.inf)

    def of(self, setup: Setup) -> Decided:
        """Return what is decided of a setup."""
        found = [decided for one, decided in self.decided if one.setup == setup]
        return found[0] if found else undrawn(self.job.targets) or Decided()

    def note(self, setup: Setup, row: dict[str, Any]) -> None:
        """Take in the row of ``setups`` of one that meets the other targets."""
        self._rows[_key(setup)] = row

    def wait(self, some: Iterable[Evaluation]) -> None:
        """Take in setups that meet the other targets, and are not the cheapest that do; their replays are not held."""
        self._waiting += [_without_replay(one) for one in some]

    def cheapest_waiting(self, tie: float) -> list[Evaluation]:
        """Return the cheapest of those that wait, and those that cost as much; they do not wait any more.

        Parameters
        ----------
        tie
            Costs that differ relatively by no more are equal.
        """
        most = min((one.cost_usd_per_year for one in self._waiting), default=math.inf) * (1 + tie)
        found = [one for one in self._waiting if one.cost_usd_per_year <= most]
        self._waiting = [one for one in self._waiting if one.cost_usd_per_year > most]
        return [self._again(one) for one in found]

    def closest(self) -> Evaluation | None:
        """Return the setup that holds in the largest share of its draws, the cheapest of several; ``None`` if none was.

        One that draws did not decide is nearer than all that they refused.
        """
        if not self.decided:
            return None
        best = max(self.decided, key=lambda one: (one[1].decision != "refused", one[1].draws_met / one[1].draws))
        return self._again(best[0])

    def _again(self, one: Evaluation) -> Evaluation:
        """Judge a setup again: its replay is not held but by what all searches share."""
        choice = choice_of(self.job.cluster, one.setup.nodes, one.setup.types)
        return self.job.evaluate(choice, Procedure(*one.setup.how))

    def decide(self, one: Evaluation, workers: int, begin: Callable[[int], bool]) -> Decided | None:
        """Decide the next setup; ``None`` if the time was over before.

        Some draws are replayed at once, but looked at one by one, so workers make no difference.

        Parameters
        ----------
        one
            The setup.
        workers
            How many draws are replayed at once.
        begin
            Is told the number of a draw before it is replayed, and tells whether there is time for it.
        """
        choice, procedure = choice_of(self.job.cluster, one.setup.nodes, one.setup.types), Procedure(*one.setup.how)
        seen: list[tuple[bool, ...]] = []

        def held() -> Iterator[bool]:
            for met in self._draws(choice, procedure, workers, begin):
                seen.append(met)
                yield all(met)

        try:
            decided = self.rule.decide(held())
        except OutOfDrawsError:
            return None
        decided = decided._replace(by_target=tuple(map(sum, zip(*seen, strict=True))))
        self.decided.append((_without_replay(one), decided))
        told = {**drawn_columns(self.job.targets, decided), "meets_targets": decided.decision == "accepted"}
        self._rows.get(_key(one.setup), {}).update(told)
        return decided

    def _draws(
        self, choice: tuple[int, ...], procedure: Procedure, workers: int, begin: Callable[[int], bool]
    ) -> Iterator[tuple[bool, ...]]:
        """Yield for each draw which targets the setup meets."""
        job, n = self.job, self.rule.replications.n
        for first in range(1, n + 1, workers):
            if not begin(first):
                raise OutOfDrawsError
            for achieved in self._achieved(choice, procedure, range(first, min(first + workers, n + 1)), workers):
                yield tuple(target.met(one) for target, one in zip(job.shared, achieved, strict=True))

    def _achieved(
        self, choice: tuple[int, ...], procedure: Procedure, numbers: Sequence[int], workers: int
    ) -> list[Achieved]:
        """Return what the setup achieves on some draws; what is not known is replayed."""
        job, setup = self.job, _key(self.job.setup(choice, procedure))
        known = {number: job.fates.find(setup, number, job.shared) for number in numbers}
        new = [number for number, one in known.items() if one is None]
        tasks = [(job, number, choice, procedure) for number in new]
        for number, one in zip(new, in_parallel(_achieves, tasks, workers=workers, engine=job.engine), strict=True):
            job.fates.note(setup, number, job.shared, one)
            known[number] = one
        return [one for one in known.values() if one is not None]


def decided_alone(job: Judge, one: Evaluation, workers: int, begin: Callable[[int], bool]) -> Decided | None:
    """Decide a setup that is the first and last; the parameters are those of :meth:`Deciding.decide`."""
    return Deciding(job).decide(one, workers, begin)


def _achieves(job: Judge, number: int, choice: tuple[int, ...], procedure: Procedure) -> Achieved:
    """Return what a setup achieves on a draw of the targets that must hold in a share of them."""
    assert job.population is not None
    return replace(job, targets=job.shared).on(job.population.draw(number)).achieves(choice, procedure)


def _key(setup: Setup) -> tuple[Any, ...]:
    return (*setup.nodes.items(), *setup.types.items(), *setup.how)


def _without_replay(one: Evaluation) -> Evaluation:
    return replace(one, ran=None if one.ran is None else one.ran._replace(replay=None))
