"""What a replay shows beside its metrics."""

from __future__ import annotations

import pytest

from pwsim import Trace, simulate


def test_work_that_is_left_when_the_last_job_is_submitted_is_told():
    # One core: 100 s of work from 0, 100 s submitted at 150 runs until 250: half of the work, and 100 of 200 s of it, come
    # after the last submission.
    trace = Trace.from_columns({"submit_s": [0, 150], "run_s": [100, 100], "procs": [1, 1]})
    result = simulate(trace, cores=1)
    assert result.work_left_share == pytest.approx(0.5)
    assert "When the last job is submitted, 50 % of the work is still to be done" in result.summary["answer"]
    # In the end nothing is: a job without work comes last.
    idle = Trace.from_columns({"submit_s": [0, 150, 500], "run_s": [100, 100, 0], "procs": [1, 1, 1]})
    assert simulate(idle, cores=1).work_left_share == 0
    assert "still to be done" not in simulate(idle, cores=1).summary["answer"]
    nothing = Trace.from_columns({"submit_s": [0, 150], "run_s": [100, 100], "procs": [2, 2]})
    assert simulate(nothing, cores=1).work_left_share == 0


def test_figures_that_are_not_there_are_told_with_those_that_are():
    trace = Trace.from_columns({"submit_s": [0, 150], "run_s": [100, 100], "procs": [1, 1]})
    with pytest.raises(ValueError, match=r"one of waits, wait_by_size, capacity, .*timeline, .*queue \(got 'set'\)"):
        simulate(trace, cores=1).plot("set")
