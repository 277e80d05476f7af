"""Jobs that wait for others, from the key of a cluster to the schedule (semantics §9)."""

import numpy as np
import pytest

from pwsim import Cluster, Trace, simulate
from pwsim.common import InputError
from pwsim.hindcasting import hindcast
from pwsim.workload import resample, with_feedback

ENGINES = ("simpy", "compiled")


def machine(nodes=4, **more):
    return {"name": "a", "kind": "on_premises", "nodes": nodes, "node": {"cores": 1}, **more}


def trace_of(*jobs, **more):
    """Return a trace of jobs: submission, processors, run time, and the jobs before."""
    submit_s, procs, run_s, after = zip(*jobs, strict=True)
    return Trace.from_columns(
        {"submit_s": submit_s, "procs": procs, "run_s": run_s, "estimate_s": run_s, "after": after, **more}
    )


def cluster(**more):
    return Cluster.model_validate({"policy": "easy", "pools": machine(), "dependencies": "log", **more})


def starts(trace, engine, **more):
    return simulate(trace, cluster(**more), engine=engine).replay.start_s.tolist()


@pytest.mark.parametrize("engine", ENGINES)
class TestSchedules:
    def test_a_chain(self, engine):
        trace = trace_of((0, 1, 10, ""), (0, 1, 5, "1"), (0, 1, 5, "2"), (0, 1, 5, ""))
        assert starts(trace, engine) == [0, 10, 15, 0]
        off = simulate(trace, cluster(dependencies=None), engine=engine)
        assert off.replay.start_s.tolist() == [0, 0, 0, 0]

    def test_the_last_of_several_counts(self, engine):
        assert starts(trace_of((0, 1, 10, ""), (0, 1, 20, ""), (0, 1, 5, "1,2")), engine) == [0, 0, 20]

    def test_one_that_ended_long_ago(self, engine):
        assert starts(trace_of((0, 1, 10, ""), (30, 1, 5, "1")), engine) == [0, 30]

    def test_a_killed_job_has_ended(self, engine):
        jobs = {"submit_s": [0, 0], "run_s": [10, 5], "estimate_s": [4, 5], "procs": [1, 1], "after": ["", "1"]}
        trace = Trace.from_columns(jobs)
        assert starts(trace, engine, overrun="kill") == [0, 4]

    def test_rejected_before_and_rejected_after(self, engine):
        trace = trace_of((0, 9, 10, ""), (0, 1, 5, "1"), (1, 9, 5, "2"), (2, 1, 5, "3"))
        start_s = starts(trace, engine)
        assert np.isnan([start_s[0], start_s[2]]).all()
        assert [start_s[1], start_s[3]] == [0, 2]

    def test_it_comes_later_and_is_rejected(self, engine):
        start_s = starts(trace_of((0, 1, 5, "3"), (0, 1, 5, ""), (4, 9, 5, "")), engine)
        assert start_s[:2] == [4, 0]

    def test_two_that_wait_for_each_other_never_start(self, engine):
        trace = trace_of((0, 1, 5, "2"), (0, 1, 5, "1"), (0, 1, 5, "3"))
        result = simulate(trace, cluster(), engine=engine)
        assert result.jobs["status"].tolist() == ["failed", "failed", "completed"]
        assert result.replay.start_s[2] == 0

    def test_whole_arrays(self, engine):
        # Two tasks at once: 0, 0, 4; job 4 waits for the last of them, and job 5, of another array, for nobody.
        trace = trace_of(
            (0, 1, 4, ""), (0, 1, 6, ""), (0, 1, 5, ""), (0, 1, 5, "70"), (0, 1, 5, ""),
            job_array=[70, 70, 70, -1, 80], array_limit=[2, 2, 2, 0, 1],
        )  # fmt: skip
        assert starts(trace, engine) == [0, 0, 4, 9, 0]

    def test_a_guard_counts_in_its_array(self, engine):
        # Task 1 (4 processors) guards until 10.  Task 2 would fit beside job 0, but one at a time.
        trace = trace_of((0, 3, 10, ""), (0, 4, 5, ""), (0, 1, 5, ""), job_array=[-1, 7, 7], array_limit=[0, 1, 1])
        assert starts(trace, engine) == [0, 10, 15]

    def test_held_jobs_are_in_nobodys_way(self, engine):
        trace = trace_of((0, 2, 10, ""), (0, 4, 5, "1"), (1, 2, 20, ""))
        assert starts(trace, engine) == [0, 21, 1]
        assert starts(trace, engine, policy="fcfs-conservative") == [0, 21, 1]
        assert starts(trace, engine, policy="fcfs-none") == [0, 21, 1]

    def test_with_limits_and_whole_nodes(self, engine):
        users = {"user": ["ann", "ann", "bob"]}
        trace = trace_of((0, 1, 10, ""), (0, 1, 5, ""), (0, 1, 5, "2"), **users)
        limits = [{"at_most": {"jobs": 1}, "per": "user"}]
        assert starts(trace, engine, limits=limits, pools=machine(placement="nodes")) == [0, 10, 15]

    def test_packed_nodes(self, engine):
        trace = trace_of((0, 1, 10, ""), (0, 1, 5, "1"))
        assert starts(trace, engine, pools=machine(placement="packed")) == [0, 10]


def test_a_log_that_tells_nothing_is_an_error():
    trace = trace_of((0, 1, 10, ""), (0, 1, 5, ""))
    with pytest.raises(InputError, match=r"cluster\.dependencies: trace tells of no job that waited for another"):
        simulate(trace, cluster())
    drawn = resample(trace_of((0, 1, 10, ""), (9, 1, 5, "1"), user=["ann", "bob"]), seed=1)
    with pytest.raises(InputError, match="nor do jobs that were drawn anew"):
        simulate(drawn, cluster())


def test_nonsense_and_feedback_are_refused():
    with pytest.raises(InputError, match="column 'after' must hold numbers of jobs"):
        simulate(trace_of((0, 1, 10, "x"), (0, 1, 5, "")), cluster())
    trace = trace_of((0, 1, 10, ""), (20, 1, 5, "1"), user=["ann", "ann"], recorded_wait_s=[0, 0])
    with pytest.raises(InputError, match="feedback of users cannot be replayed together with rules of the site"):
        simulate(with_feedback(trace), cluster())


def test_the_hindcast_says_what_waits_count_from():
    jobs = [(10 * number, 1, 5, str(number) if number else "") for number in range(30)]
    held_s = [0.0] + [3.0] * 29
    trace = trace_of(*jobs, recorded_wait_s=[0.0] * 30, held_s=held_s)
    said = "The log counts the waits of 29 jobs that waited for others from when they could first start"
    assert said in hindcast(trace, cluster()).text
    assert said not in hindcast(trace, cluster(dependencies=None)).text
    assert said not in hindcast(trace.with_columns(held_s=np.full(30, np.nan)), cluster()).text
