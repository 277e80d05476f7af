"""Replays that an executor does: the same answers, whoever replays, and whoever is lost."""

import json
import multiprocessing
import os
import shutil
import signal
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pwsim import InputError, MachineError, generate, optimize, spread_over
from pwsim.results.spreading import Spread, spread_out
from pwsim.trace import Feedback

OWN = {
    "name": "own",
    "kind": "on_premises",
    "nodes": {"min": 1, "max": 4},
    "node": {"cores": 8},
    "cost": {"capex_usd": 9000, "lifetime_years": 5},
}
RENTED = {
    "name": "rented",
    "kind": "cloud",
    "nodes": [0, 1, 2],
    "node": {"cores": 8},
    "price_usd_per_hour": 0.5,
    "burst_after": "10 min",
}
SOON = {"metric": "wait_s", "statistic": "p95", "at_most": "30 min"}
QUESTIONS: dict[str, dict[str, Any]] = {
    "pool by pool": {
        "pools": [OWN],
        "frontier": {"target": {"metric": "wait_s", "statistic": "p95"}, "at_most": [60, 3600]},
    },
    "whole setups": {"pools": [OWN, RENTED]},
    "shares of draws": {
        "pools": [OWN],
        "replications": {"n": 60, "by": ["shake"], "margin": 0.1},
        "targets": [{**SOON, "in_share": 0.7}],
    },
}


def asked(kind: str, workers: int = 2, progress=None) -> str:
    """Return all that is found of a question, as text."""
    question = {"targets": [SOON], **QUESTIONS[kind]}
    trace = generate(jobs=300, cores=16, load=0.8, seed=1)
    plan = optimize(trace=trace, workers=workers, progress=progress, cache_bytes=0, **question)
    tables = {name: table.to_csv() for name, table in plan.tables().items()}
    return json.dumps([plan.summary, tables])


@pytest.mark.parametrize("kind", QUESTIONS)
def test_who_replays_changes_no_answer(kind, tmp_path):
    alone = asked(kind)
    with ThreadPoolExecutor(2) as executor, spread_over(executor, tmp_path / "logs"):
        assert asked(kind, workers=3) == alone
    assert list((tmp_path / "logs").glob("*.arrow"))


def test_processes_of_their_own_give_the_same_answer(tmp_path):
    alone = asked("whole setups")
    context = multiprocessing.get_context("spawn")  # which know nothing but what they are handed
    with ProcessPoolExecutor(1, context) as executor, spread_over(executor, tmp_path / "logs"):
        assert asked("whole setups") == alone


def test_a_task_holds_no_log(tmp_path):
    to = Spread(ThreadPoolExecutor(1), tmp_path / "logs")
    trace = generate(jobs=20_000, cores=16, load=0.8, seed=1)
    assert len(to.packed((len, (trace,)))) < 500
    few = trace.take(np.arange(5))
    assert list(spread_out(to, len, [(trace,), (few,), (trace,)], 2)) == [20_000, 5, 20_000]
    assert len(list((tmp_path / "logs").glob("*.arrow"))) == 2
    # Who follows whom stands in no log: such a workload goes along.
    follows = replace(few, feedback=Feedback(np.array([-1, 0, 1, 2, 3]), np.zeros(5)))
    assert list(spread_out(to, len, [(follows,)], 1)) == [5]
    assert len(list((tmp_path / "logs").glob("*.arrow"))) == 2
    shutil.rmtree(tmp_path / "logs")  # the next one finds none
    assert list(spread_out(to, len, [(trace.take(np.arange(7)),)], 1)) == [7]
    to.packed((len, (trace,)))
    assert len(list((tmp_path / "logs").glob("*.arrow"))) == 2


class Losing(Executor):
    """An executor that loses its workers some times."""

    def __init__(self, losses: int) -> None:
        self.losses = losses

    def submit(self, function, /, *args, **options):
        """Call the function at once, or lose it."""
        future: Future[Any] = Future()
        self.losses -= 1
        if self.losses >= 0:
            future.set_exception(BrokenExecutor("gone"))
        else:
            try:
                future.set_result(function(*args, **options))
            except InputError as error:
                future.set_exception(error)
        return future


def test_what_a_lost_worker_had_is_done_again(tmp_path):
    assert list(spread_out(Spread(Losing(2), tmp_path), abs, [(-1,), (-2,)], 1)) == [1, 2]
    with pytest.raises(MachineError, match="a replay failed at 3 workers, at last with BrokenExecutor: gone"):
        list(spread_out(Spread(Losing(100), tmp_path), abs, [(-1,)], 1))


def _refuse(_: int) -> None:
    raise InputError("wrong input")


def test_wrong_input_is_told_at_once(tmp_path):
    executor = Losing(0)
    with pytest.raises(InputError, match="wrong input"):
        list(spread_out(Spread(executor, tmp_path), _refuse, [(1,)], 1))
    assert executor.losses == -1


def test_tasks_are_asked_for_as_they_are_handed_over(tmp_path):
    begun = []

    def tasks():
        for number in range(100):
            begun.append(number)
            yield (number,)

    answers = spread_out(Spread(Losing(0), tmp_path), abs, tasks(), 2)
    assert next(answers) == 0
    assert len(begun) == 4
    answers.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dask_gives_the_same_answer_though_a_worker_is_lost(tmp_path):
    import distributed

    alone = asked("whole setups")
    killed: list[int] = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        spread_over(client.get_executor(), tmp_path / "logs"),
    ):

        def kill_one(_):
            if not killed:
                killed.append(next(iter(client.run(os.getpid).values())))
                os.kill(killed[0], signal.SIGKILL)

        assert asked("whole setups", progress=kill_one) == alone
    assert len(killed) == 1
