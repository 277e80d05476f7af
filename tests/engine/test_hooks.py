"""What a user adds to a replay: callbacks are called in time, and what a process takes away delays jobs as by hand."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pwsim
from pwsim import Cluster, HopelessError, Trace, simulate
from tests.strategies import traces

BURST = {"name": "burst", "kind": "cloud", "nodes": 2, "node": {"cores": 4}, "price_usd_per_hour": 1.0}
OWN = {"name": "own", "kind": "on_premises", "nodes": 4, "node": {"cores": 1}}


def jobs(**columns: Any) -> Trace:
    return Trace.from_columns(columns)


def away(start_s: float, units: int, length_s: float, for_s: float | None = None) -> Any:
    """Return a process that takes units from a time on, for so long once it has them."""

    def crew(model: pwsim.Model) -> Any:
        yield model.env.timeout(start_s)
        taken = yield model.take(units, for_s=length_s if for_s is None else for_s)
        yield model.env.timeout(length_s)
        model.give_back(taken)

    return crew


def starts(trace: Trace, process: Any, **machine: Any) -> list[float]:
    def extend(model: pwsim.Model) -> None:
        model.process(process)

    return simulate(trace, extend=extend, **machine).replay.start_s.tolist()


def test_callbacks_come_with_their_jobs_in_time():
    """Job 0 holds all until 4, then 1 and 2 run; job 3 is longer than its estimate and is killed at it."""
    trace = jobs(submit_s=[0, 1, 1, 9], run_s=[4, 3, 5, 9], procs=[4, 2, 2, 1], estimate_s=[4, 3, 5, 2])
    said: list[Any] = []

    def extend(model: pwsim.Model) -> None:
        model.on_start(lambda job: said.append((model.env.now, "start", job)))
        model.on_end(lambda job: said.append((model.env.now, "end", job)))
        model.on_pass(lambda _: said.append((model.env.now, "pass", model.waiting(), model.running(), model.free())))

    simulate(trace, cores=4, policy="easy", overrun="kill", extend=extend)
    assert said == [
        (0, "start", 0), (0, "pass", [], [0], 0),
        (1, "pass", [1, 2], [0], 0),
        (4, "end", 0), (4, "start", 1), (4, "start", 2), (4, "pass", [], [1, 2], 0),
        (7, "end", 1), (7, "pass", [], [2], 2),
        (9, "end", 2), (9, "start", 3), (9, "pass", [], [3], 3),
        (11, "end", 3),
    ]  # fmt: skip


def test_a_job_that_is_interrupted_starts_again_and_ends_once():
    spot = {**BURST, "nodes": 1, "interruptions_per_hour": 12, "boot_time": "60 s", "checkpoint_interval": "60 s"}
    started: list[int] = []
    ended: list[int] = []

    def extend(model: pwsim.Model) -> None:
        model.on_start(started.append)
        model.on_end(ended.append)

    cluster = Cluster.model_validate({"pools": [spot]})
    result = simulate(jobs(submit_s=[0], run_s=[400], procs=[4]), cluster, seed=3, extend=extend)
    assert started == [0] * (1 + result.replay.restarts[0])
    assert len(started) > 1
    assert ended == [0]


@pytest.mark.parametrize("policy", ["fcfs", "easy", "conservative"])
def test_a_crew_takes_what_becomes_free_before_any_job(policy):
    """The crew wants three cores at 2, when one is free; it gets it then, and two at 5 as job 0 ends, until 15.

    Job 1 wants two.  At 5 one of the three that job 0 leaves is for it, so that it waits until 15.
    """
    trace = jobs(submit_s=[0, 3], run_s=[5, 4], procs=[3, 2])
    assert starts(trace, away(2, 3, 10), cores=4, policy=policy) == [0, 15]
    assert simulate(trace, cores=4, policy=policy, engine="simpy").replay.start_s.tolist() == [0, 5]


def test_backfilling_counts_on_what_comes_back():
    """Two of four cores are away from 0 to 10; job 0, at 1, wants all: its shadow is 10, with nothing left over.

    Job 1 runs for 9 s and is gone by then.  Job 2, submitted at 2, would run until 11, and waits for job 0.
    """
    trace = jobs(submit_s=[1, 1, 2], run_s=[5, 9, 9], procs=[4, 1, 1])
    # The clock is zero at the first submission: 1 s later than in the text.
    assert starts(trace, away(0, 2, 9), cores=4, policy="easy") == [9, 0, 14]


def test_reservations_that_do_not_hold_are_made_anew():
    """Job 0 runs on two of four cores until 10, and job 1, on all four, has a reservation for 10; job 2 one for 30.

    At 5, the crew takes the two free cores for 10 s.  Job 1 cannot start before 15.
    """
    trace = jobs(submit_s=[0, 1, 2], run_s=[10, 20, 6], procs=[2, 4, 3])
    assert simulate(trace, cores=4, policy="conservative", engine="simpy").replay.start_s.tolist() == [0, 10, 30]
    assert starts(trace, away(5, 2, 10), cores=4, policy="conservative") == [0, 15, 35]


@pytest.mark.parametrize("policy", ["easy", "conservative"])
def test_a_crew_that_is_early_or_late(policy):
    """It says 10 s and is done after 4, or after 20; the job that wants all starts then."""
    trace = jobs(submit_s=[0, 1], run_s=[1, 5], procs=[1, 4])
    assert starts(trace, away(0, 2, 4, for_s=10), cores=4, policy=policy) == [0, 4]
    assert starts(trace, away(0, 2, 20, for_s=10), cores=4, policy=policy) == [0, 20]


def test_crews_are_served_in_turn():
    """The first wants all four from 1 on and has them at 6; the second has its one when they are back, at 16."""
    trace = jobs(submit_s=[0, 2], run_s=[6, 3], procs=[1, 4])

    def extend(model: pwsim.Model) -> None:
        model.process(away(1, 4, 10))
        model.process(away(1, 1, 5))

    assert simulate(trace, cores=4, extend=extend).replay.start_s.tolist() == [0, 21]


def test_a_pool_by_its_name():
    second = {**OWN, "name": "second"}
    trace = jobs(submit_s=[0, 0], run_s=[5, 5], procs=[4, 2])
    cluster = Cluster.model_validate({"policy": "easy", "pools": [OWN, {**second, "burst_after": "1 s"}]})

    def crew(model: pwsim.Model) -> Any:
        taken = yield model.take(3, for_s=100, pool="second")
        yield model.env.timeout(3)
        model.give_back(taken)
        assert model.free("second") == 4

    def extend(model: pwsim.Model) -> None:
        model.process(crew)

    result = simulate(trace, cluster, extend=extend)
    assert result.jobs["pool"].tolist() == ["own", "second"]
    assert result.replay.start_s.tolist() == [0, 3]  # due to move since 1, when there was no room


@settings(max_examples=100)
@given(
    trace=traces, policy=st.sampled_from(["fcfs", "easy", "sjf-easy", "conservative"]), seed=st.integers(0, 1000),
    crews=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6), st.integers(0, 8), st.integers(0, 8)), max_size=3),
)  # fmt: skip
def test_never_more_than_there_is(trace, policy, seed, crews):
    """Jobs and crews never hold more than there is at any time, and all jobs run in the end."""
    taken = {"now": 0}

    def crew(start_s: float, units: int, length_s: float, for_s: float) -> Any:
        def process(model: pwsim.Model) -> Any:
            yield model.env.timeout(start_s)
            got = yield model.take(units, for_s=for_s)
            taken["now"] += units
            yield model.env.timeout(length_s)
            taken["now"] -= units
            model.give_back(got)

        return process

    def extend(model: pwsim.Model) -> None:
        def look(_: str) -> None:
            held = sum(int(trace.procs[job]) for job in model.running())
            assert 0 <= model.free() <= 6 - held - taken["now"]

        model.on_pass(look)
        for one in random.Random(seed).sample(crews, len(crews)):
            model.process(crew(*one))

    result = simulate(trace, cores=6, policy=policy, extend=extend)
    assert not np.isnan(result.replay.end_s[result.replay.pool >= 0]).any()


def test_what_cannot_be_taken():
    trace = jobs(submit_s=[0], run_s=[1], procs=[1])
    cluster = Cluster.model_validate({"pools": [OWN, {**BURST, "burst_after": "1 h"}]})

    def extend(model: pwsim.Model) -> None:
        with pytest.raises(ValueError, match=r"pool 'burst': units can be taken where nodes are always up"):
            model.take(1, 5, pool="burst")
        with pytest.raises(ValueError, match=r"units must be from 1 to 4, all of pool 'own' \(got 5\)"):
            model.take(5, 5)
        with pytest.raises(ValueError, match=r"for_s must be a number from 0 \(got -1\)"):
            model.take(1, -1)
        with pytest.raises(ValueError, match=r"pool must be one of own, burst \(got 'x'\)"):
            model.free("x")
        model.process(twice)

    def twice(model: pwsim.Model) -> Any:
        taken = yield model.take(1, 5)
        model.give_back(taken)
        with pytest.raises(ValueError, match="1 units of pool 'own' were given back before"):
            model.give_back(taken)

    simulate(trace, cluster, extend=extend)


def test_what_is_never_given_back_ends_the_replay():
    def crew(model: pwsim.Model) -> Any:
        yield model.take(1, for_s=10)

    with pytest.raises(HopelessError, match="1 jobs wait for units that a process has taken and never gives back"):
        starts(jobs(submit_s=[0, 1], run_s=[2, 2], procs=[1, 4]), crew, cores=4)


def test_the_compiled_engine_cannot_be_extended():
    with pytest.raises(TypeError, match="extend is given the SimPy model"):
        simulate(jobs(submit_s=[0], run_s=[1], procs=[1]), cores=4, engine="compiled", extend=print)
    assert simulate(jobs(submit_s=[0], run_s=[1], procs=[1]), cores=4, extend=lambda _: None).replay.engine == "simpy"
