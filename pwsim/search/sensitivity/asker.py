"""The scenario's question asked again under changes: replays are shared, and so is one budget."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pwsim.cluster import Procedure
from pwsim.common import InputError
from pwsim.engine import Engine
from pwsim.metrics import Trim
from pwsim.results import Result
from pwsim.search.deciding import decided_alone
from pwsim.search.fates import Fates
from pwsim.search.frontier import Frontier
from pwsim.search.holding import Holding
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.objective import Objective
from pwsim.search.options import choice_of, in_space
from pwsim.search.plan import Plan, Setup, Stop
from pwsim.search.questions import ask, with_implied
from pwsim.search.replays import Replays
from pwsim.search.replications import Replications
from pwsim.search.sensitivity.factors import Question
from pwsim.search.trail import Progress, labelled, tells
from pwsim.workload import Population


class Purse:
    """What is left of a budget, which many questions share.

    Parameters
    ----------
    setups
        How many setups may be judged; any number if ``None``.
    time_limit_s
        How long that may take [s]; for ever if ``None``.
    stopped
        Why nothing may be done any more, if that is so from the start.
    """

    def __init__(self, setups: int | None, time_limit_s: float | None, stopped: Stop | None = None) -> None:
        self.setups = setups
        self._until_s = None if time_limit_s is None else time.monotonic() + time_limit_s
        self.stopped = stopped
        """Why nothing may be done any more; ``None`` as long as something may."""

    @property
    def left_s(self) -> float | None:
        """How much time is left [s]; ``None`` without a limit."""
        return None if self._until_s is None else self._until_s - time.monotonic()

    def is_open(self) -> bool:
        """Return whether anything may still be begun."""
        left_s = self.left_s
        if self.stopped is None and self.setups is not None and self.setups <= 0:
            self.stopped = "max_setups"
        elif self.stopped is None and left_s is not None and left_s <= 0:
            self.stopped = "time_limit"
        return self.stopped is None

    def spend(self, setups: int) -> None:
        """Note that so many setups were judged."""
        if self.setups is not None:
            self.setups -= setups


class Answer(NamedTuple):
    """What came of a search under a change."""

    plan: Plan | None
    """What was found; ``None`` if the budget was spent, or it could not be asked."""
    fault: str | None
    """Why it could not be asked, such as that every setup must reject too much."""


@dataclass(frozen=True)
class Asker:
    """Asks the same question of other workloads, machines and prices."""

    question: Question
    """The question as the scenario asks it."""
    objective: Objective | None
    """What is to be small instead of the cost."""
    trim: Trim
    """What is cut off the measurement window."""
    engine: Engine
    workers: int | None
    """Which engine replays, and how many replays at once."""
    purse: Purse
    """What may still be spent."""
    replays: Replays = field(default_factory=Replays)
    """What was replayed before, and whatever is to be."""
    progress: Callable[[Progress], None] | None = None
    """Called after each choice of nodes."""
    frontier: Frontier | None = None
    """What is varied besides: nothing is implied about its metric."""
    replications: Replications | None = None
    """What is drawn again, where targets must hold in a share of draws."""
    population: Population | None = None
    """The draws of the scenario's log."""
    fates: Fates = field(default_factory=Fates)
    """What setups achieved on them, whatever things cost."""

    def judge(self, question: Question, *, replayed: bool = True) -> Judge:
        """Return what judges setups by a question.

        Parameters
        ----------
        question
            The question.
        replayed
            Whether jobs run otherwise than in the scenario's; if not, draws are what they were for it.
        """
        holding = Holding(question.trace, question.cluster)
        targets = with_implied(holding, question.targets, self.objective, self.frontier)
        return Judge(
            question.trace, question.cluster, targets, question.economics, self.engine, question.seed, self.trim,
            self.replays, self.replications, **self._draws(question, replayed=replayed),
        )  # fmt: skip

    def _draws(self, question: Question, *, replayed: bool) -> dict[str, Any]:
        """Return the draws of a question, and what is known of them."""
        if self.replications is None:
            return {}
        if not replayed or question is self.question:
            return {"population": self.population, "fates": self.fates}
        return {"population": Population(question.trace, self.replications.by, question.seed), "fates": Fates()}

    def billed(self, judge: Judge, setup: Setup, result: Result, part: str) -> Evaluation | None:
        """Judge a replay by other prices; ``None`` if the budget is spent before draws told of it."""
        again = Result(judge.trace, judge.cluster.at(*setup), result.replay, judge.seed)
        return self._decided(judge, judge.judge(setup, again), part)

    def replayed(self, judge: Judge, setup: Setup) -> Evaluation | None:
        """Replay a setup, and judge it on the log alone; ``None`` if the budget is spent."""
        if not self.purse.is_open():
            return None
        try:
            found = judge.evaluate(choice_of(judge.cluster, setup.nodes, setup.types), Procedure(*setup.how))
        except KeyboardInterrupt:
            self.purse.stopped = "interrupted"
            return None
        self.purse.spend(1)
        return found

    def judged(self, judge: Judge, setup: Setup, part: str) -> Evaluation | None:
        """Replay and judge a setup, on draws as well where targets ask so; ``None`` if the budget is spent.

        Progress says what it is a part of.
        """
        found = self.replayed(judge, setup)
        if found is None:
            return None
        self._tell(judge, found, part)
        return self._decided(judge, found, part)

    def _tell(self, judge: Judge, one: Evaluation, part: str, draw: int = 0) -> None:
        """Tell of a setup that is looked at by itself, and by which draw it is being decided."""
        if self.progress is not None:
            draws = 0 if judge.replications is None else judge.replications.n
            engine = one.engine or judge.engine
            usd = one.cost_usd_per_year
            self.progress(Progress(1, in_space(judge.cluster), usd, -math.inf, engine, 0, math.nan, draw, draws, part))

    def _decided(self, judge: Judge, one: Evaluation, part: str) -> Evaluation | None:
        """Decide by itself on draws whether a setup holds often enough, if it meets the other targets.

        It is one setup, not the first of many that holds: so the whole error is its own.
        """
        if not judge.shared or not one.met:
            return one
        workers = self.workers or os.cpu_count() or 1

        def may_draw(number: int) -> bool:
            if tells(number, workers):
                self._tell(judge, one, part, number)
            return self._has_time()

        try:
            found = decided_alone(judge, one, workers, may_draw)
        except KeyboardInterrupt:
            self.purse.stopped = "interrupted"
            return None
        return None if found is None else replace(one, decided=found)

    def _has_time(self) -> bool:
        """Return whether there is time for a draw; the number of setups limits none."""
        left_s = self.purse.left_s
        if left_s is not None and left_s <= 0:
            self.purse.stopped = "time_limit"
            return False
        return True

    def search(self, question: Question, judge: Judge, part: str) -> Answer:
        """Return the answer to a question; what judges its setups has their draws, and progress says what it is."""
        if not self.purse.is_open():
            return Answer(None, None)
        limits: dict[str, Any] = {"max_setups": self.purse.setups, "time_limit_s": self.purse.left_s}
        try:
            plan = ask(
                question.trace,
                question.cluster,
                question.targets,
                objective=self.objective,
                economics=question.economics,
                workers=self.workers,
                engine=self.engine,
                progress=labelled(self.progress, part),
                seed=question.seed,
                trim=self.trim,
                replays=self.replays,
                replications=self.replications,
                population=judge.population,
                fates=judge.fates,
                **limits,
            )
        except InputError as error:
            return Answer(None, str(error))
        except KeyboardInterrupt:
            self.purse.stopped = "interrupted"
            return Answer(None, None)
        self.purse.spend(len(plan.setups))
        self.purse.stopped = None if plan.stopped == "undecided" else plan.stopped
        return Answer(plan, None)
