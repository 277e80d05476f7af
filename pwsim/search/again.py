"""Replays of a proof done anew: to their end, whatever is kept of them; by the other engine if that is affordable."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from pwsim.common import HopelessError
from pwsim.engine import REJECTED, Engine, prepare, replay
from pwsim.results import Result, in_parallel, simulate
from pwsim.search.fates import Achieved
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.options import Place
from pwsim.search.routing import Arc, Network

OTHER_ENGINE_JOBS = 300_000
"""Jobs, over all replays, that the SimPy model replays unless it is to replay all: some tens of seconds."""

Seen = TypeVar("Seen")


class Again:
    """Does replays anew, and counts them.

    Parameters
    ----------
    judge
        The question.
    engine
        The engine of the run.
    workers
        How many replays run at once; as many as there are cores if ``None``.
    thorough
        Whether the other engine does all, however long that takes.
    """

    def __init__(self, judge: Judge, engine: str, workers: int | None, *, thorough: bool) -> None:
        self.judge, self.engine, self.workers = judge, engine, workers
        self.afford_jobs = math.inf if thorough else OTHER_ENGINE_JOBS
        self.replays = self.by_other_engine = 0
        self._spent_jobs = 0

    def setups(self, places: Sequence[Place], order: Sequence[int]) -> list[Evaluation]:
        """Replay and judge setups; in an order, the first are the first to be worth the other engine."""
        tasks = [(self.judge, *place) for place in places]
        return self._all(_whole, tasks, [len(self.judge.trace)] * len(tasks), order)

    def draws(self, judge: Judge, place: Place, numbers: Sequence[int]) -> list[Achieved]:
        """Return for draws what a setup achieves of a judge's targets that must hold in a share of them."""
        tasks = [(judge, *place, number) for number in numbers]
        jobs = [len(self.judge.trace)] * len(tasks)
        return self._all(_on_draw, tasks, jobs, range(len(tasks)))

    def pools(self, network: Network, pools: Sequence[tuple[int, Arc]]) -> list[Result]:
        """Replay pools by themselves, each under a procedure; the jobs of all others count as rejected."""
        tasks = [(self.judge, network, procedure, arc) for procedure, arc in pools]
        jobs = [int(np.count_nonzero(network.held(arc))) for _, arc in pools]
        return self._all(_pool, tasks, jobs, np.argsort(jobs, kind="stable").tolist())

    def _all(
        self,
        do: Callable[..., tuple[str | None, Seen]],
        tasks: Sequence[tuple[Any, ...]],
        jobs: Sequence[int],
        order: Sequence[int],
    ) -> list[Seen]:
        """Do all tasks, and return what each gives."""
        engines: list[Engine] = ["auto"] * len(tasks)
        for index in order:
            self._spent_jobs += max(1, jobs[index])
            if self.engine == "compiled" and self._spent_jobs <= self.afford_jobs:
                engines[index] = "simpy"
        found: dict[int, Seen] = {}
        for engine in dict.fromkeys(engines):
            mine = [index for index, one in enumerate(engines) if one == engine]
            answers = in_parallel(do, [(*tasks[one], engine) for one in mine], workers=self.workers, engine=engine)
            for index, (ran, seen) in zip(mine, answers, strict=True):
                found[index] = seen
                self.replays += 1
                self.by_other_engine += ran not in (None, self.engine)
        return [found[index] for index in range(len(tasks))]


def _whole(judge: Judge, choice: tuple[int, ...], procedure: int, engine: Engine) -> tuple[str | None, Evaluation]:
    """Replay and judge a setup; return the engine that ran, and the judgement."""
    setup = judge.setup(choice, judge.cluster.procedures[procedure])
    try:
        result = simulate(judge.trace, judge.cluster.at(*setup), engine=engine, seed=judge.seed, start=judge.start)
    except HopelessError as error:
        return None, judge.without_figures(setup, str(error), met=False)
    return result.replay.engine, judge.judge(setup, result)


def _on_draw(
    judge: Judge, choice: tuple[int, ...], procedure: int, number: int, engine: Engine
) -> tuple[str | None, Achieved]:
    """Replay a setup on a draw; return the engine that ran, and what is achieved of each target."""
    assert judge.population is not None
    here = replace(judge, targets=judge.shared).on(judge.population.draw(number))
    setup = here.setup(choice, here.cluster.procedures[procedure])
    try:
        result = simulate(here.trace, here.cluster.at(*setup), engine=engine, seed=here.seed, start=here.start)
    except HopelessError:
        return None, (math.nan,) * len(here.targets)
    return result.replay.engine, here.achieved_by(result)


def _pool(judge: Judge, network: Network, procedure: int, arc: Arc, engine: Engine) -> tuple[str, Result]:
    """Replay a pool by itself; return the engine that ran, and the replay."""
    setup = judge.setup(network.leading_to(arc), judge.cluster.procedures[procedure])
    cluster = judge.cluster.at(*setup)
    inputs = prepare(judge.trace, cluster, judge.seed, judge.start)
    alone = replace(inputs, pool=np.where(network.held(arc), arc.pool, REJECTED))
    seen = replay(alone, engine)
    return seen.engine, Result(judge.trace, cluster, seen, judge.seed)
