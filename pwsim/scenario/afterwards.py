"""What is asked of an answer once it is found: what would change it, and who causes what."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from pwsim.engine import Engine
from pwsim.results import Attribution, check_named
from pwsim.search import Frontier, Objective, Plan, Progress, Replays, Replications, attributed
from pwsim.search.sensitivity import Asker, Purse, Question, Sensitivity, check, study


class Afterwards(NamedTuple):
    """What is asked of an answer once it is found."""

    sensitivity: Sensitivity | None = None
    """What may be otherwise; that is not asked if ``None``."""
    attribution: Attribution | None = None
    """Who causes what; that is not asked if ``None``."""

    def asked(self) -> dict[str, Any]:
        """Return what is asked as plain data, by the keys of a scenario."""
        parts = self._asdict().items()
        return {key: part.model_dump(mode="json", exclude_none=True) for key, part in parts if part is not None}

    def check(self, question: Question) -> None:
        """Make sure that what is asked goes together with the question, before hours of search.

        Raises
        ------
        InputError
            If it does not.
        """
        if self.sensitivity is not None:
            check(self.sensitivity, question)
        if self.attribution is not None:
            check_named(question.trace, self.attribution)

    def answered(
        self,
        plan: Plan,
        question: Question,
        *,
        objective: Objective | None,
        frontier: Frontier | None,
        engine: Engine,
        workers: int | None,
        replays: Replays,
        progress: Callable[[Progress], None] | None,
        max_setups: int | None,
        replications: Replications | None = None,
    ) -> Plan:
        """Return a plan with what was asked of it.

        Parameters
        ----------
        plan
            The answer.
        question
            What it answers.
        objective, frontier, engine, workers, replays, progress, replications
            As for the search.
        max_setups
            Limit on setups for the search and for this.  The time is what is left of the plan's.
        """
        if self.sensitivity is None and self.attribution is None:
            return plan
        left = None if max_setups is None else max_setups - len(plan.setups)
        stopped = None if plan.stopped == "undecided" else plan.stopped
        purse = Purse(left, None if math.isinf(plan.left_s) else plan.left_s, stopped)
        judge = plan.judge
        asker = Asker(
            question, objective, judge.trim, engine, workers, purse, replays, progress, frontier,
            replications if judge.shared else None, judge.population, judge.fates,
        )  # fmt: skip
        causes = None if self.attribution is None else attributed(self.attribution, asker, plan)
        found = None if self.sensitivity is None else study(self.sensitivity, asker, plan)
        return replace(plan, attributed=causes, study=found)
