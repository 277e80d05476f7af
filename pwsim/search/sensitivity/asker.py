"""The scenario's question asked again under changes: replays are shared, and so is one budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pwsim.cluster import Procedure
from pwsim.common import InputError
from pwsim.engine import Engine
from pwsim.metrics import Trim
from pwsim.results import Result
from pwsim.search.frontier import Frontier
from pwsim.search.holding import Holding
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.objective import Objective
from pwsim.search.options import choice_of
from pwsim.search.plan import Plan, Setup, Stop
from pwsim.search.questions import ask, with_implied
from pwsim.search.replays import Replays
from pwsim.search.sensitivity.factors import Question
from pwsim.search.trail import Progress


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

    def judge(self, question: Question) -> Judge:
        """Return what judges setups by a question."""
        holding = Holding(question.trace, question.cluster)
        targets = with_implied(holding, question.targets, self.objective, self.frontier)
        return Judge(
            question.trace, question.cluster, targets, question.economics, self.engine, question.seed, self.trim,
            self.replays,
        )  # fmt: skip

    def billed(self, question: Question, setup: Setup, result: Result) -> Evaluation:
        """Judge a replay by other prices."""
        judge = self.judge(question)
        return judge.judge(setup, Result(question.trace, question.cluster.at(*setup), result.replay, question.seed))

    def judged(self, judge: Judge, setup: Setup) -> Evaluation | None:
        """Replay and judge a setup; ``None`` if the budget is spent."""
        if not self.purse.is_open():
            return None
        try:
            found = judge.evaluate(choice_of(judge.cluster, setup.nodes, setup.types), Procedure(*setup.how))
        except KeyboardInterrupt:
            self.purse.stopped = "interrupted"
            return None
        self.purse.spend(1)
        return found

    def search(self, question: Question) -> Answer:
        """Return the answer to a question."""
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
                progress=self.progress,
                seed=question.seed,
                trim=self.trim,
                replays=self.replays,
                **limits,
            )
        except InputError as error:
            return Answer(None, str(error))
        except KeyboardInterrupt:
            self.purse.stopped = "interrupted"
            return Answer(None, None)
        self.purse.spend(len(plan.setups))
        self.purse.stopped = plan.stopped
        return Answer(plan, None)
