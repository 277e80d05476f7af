"""More or fewer jobs: the level is reached, hours are kept, the log's own jobs stay, and a seed decides all else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Trace, TraceError, generate
from pwsim.workload import Level, with_feedback, with_load

DAY_S, WEEK_S = 86400, 604800
JOBS = st.lists(
    st.tuples(
        st.integers(0, 24 * 25), st.integers(0, 9), st.integers(1, 4), st.sampled_from(["", "ann", "bob"]),
        st.sampled_from(["a", "b"]),
    ),
    min_size=1, max_size=25,
)  # fmt: skip


def log_of(rows):
    """Return jobs at whole hours of some weeks."""
    hours, run_s, procs, user, queue = zip(*rows, strict=True)
    columns = {"submit_s": np.array(hours) * 3600, "run_s": run_s, "procs": procs, "user": user, "queue": queue}
    return Trace.from_columns(columns)


def work(trace):
    return float((trace.procs * trace.run_s).sum())


def whole(trace, level):
    return [Level(trace.procs > 0, level)]


@given(rows=JOBS, level=st.sampled_from([0.1, 0.5, 0.9, 1.0, 1.2, 2.0, 3.7]), seed=st.integers(0, 3))
@settings(max_examples=50)
def test_the_level_is_reached_and_hours_are_kept(rows, level, seed):
    trace = log_of(rows)
    changed = with_load(trace, whole(trace, level), seed)
    period_s = next((one for one in (WEEK_S, DAY_S) if trace.span_s >= 2 * one), None)
    of_period = [one.submit_s if period_s is None else one.submit_s % period_s for one in (trace, changed)]
    assert set(of_period[1]) <= set(of_period[0])  # in shorter logs nothing moves
    assert changed.span_s == trace.span_s
    # What is missing is less than the largest piece; jobs without any work count one each where none has some.
    weights = trace.procs * trace.run_s if work(trace) else np.ones(len(trace))
    now = work(changed) if work(trace) else len(changed)
    assert now <= max(level, 1.0) * weights.sum() * (1 + 1e-9)
    assert now >= level * weights.sum() - weights.sum() * (1e-9 + (level != 1))
    assert changed.digest() == with_load(trace, whole(trace, level), seed).digest()
    if level == 1:
        assert changed is trace


@given(rows=JOBS, seed=st.integers(0, 3))
@settings(max_examples=20)
def test_a_higher_level_keeps_the_jobs_of_the_log(rows, seed):
    trace = log_of(rows)
    more = with_load(trace, whole(trace, 2.0), seed)
    told = [list(zip(one.submit_s, one.run_s, one.procs, map(str, one.user), strict=True)) for one in (trace, more)]
    for job in set(told[0]):
        assert told[1].count(job) >= told[0].count(job)
    assert {str(name).split("+")[0] for name in more.user} == {str(name) for name in trace.user}
    assert not any(str(name).startswith("+") for name in more.user)


@pytest.mark.parametrize("level", [1.2, 1.5, 2.5, 0.6])
def test_a_log_of_months_comes_near_its_level(level):
    trace = generate(jobs=4000, cores=64, load=0.6, seed=5)
    changed = with_load(trace, whole(trace, level))
    largest = float((trace.procs * trace.run_s).max()) / work(trace)  # levels are nested: to less than the next job
    assert largest < 0.02
    assert work(changed) / work(trace) == pytest.approx(level, abs=largest)
    assert len(changed) / len(trace) == pytest.approx(level, rel=0.15)
    # By the hour of the day there are as many as in the log, within chance.
    counts = [
        np.bincount((one.submit_s % DAY_S // 3600).astype(int), minlength=24) / len(one) for one in (trace, changed)
    ]
    assert np.abs(counts[0] - counts[1]).max() < 0.02
    assert f"{level} times the load by more or fewer jobs, hours kept" in changed.changes[-1]


@given(rows=JOBS, level=st.sampled_from([0.3, 1.0, 2.0]), seed=st.integers(0, 2))
@settings(max_examples=20)
def test_classes_change_by_themselves(rows, level, seed):
    trace = log_of(rows)
    mine = np.asarray(trace.queue == "a")
    changed = with_load(trace, [Level(mine, level), Level(~mine, 1.0)], seed)
    others = [int((one.queue == "b").sum()) for one in (trace, changed)]
    assert others[0] == others[1]


def test_by_hand():
    """Two weeks of two users, a job of one core-second each: twice the load is four users' weeks more."""
    submit_s = [0, 3600, WEEK_S, 2 * WEEK_S]
    trace = Trace.from_columns({"submit_s": submit_s, "run_s": [1] * 4, "procs": [1] * 4, "user": ["a", "b", "a", "b"]})
    more = with_load(trace, whole(trace, 2.0))
    # One of the pieces is b's from an hour after a week's start: in the last week it would come after the log's end.
    assert len(more) == 8
    assert set(more.submit_s % WEEK_S) == {0.0, 3600.0}
    assert sorted(set(map(str, more.user)))[:2] == ["a", "a+1"]


def test_another_seed_draws_others():
    trace = generate(jobs=500, cores=32, load=0.5, seed=3)
    assert with_load(trace, whole(trace, 1.5), 1).digest() != with_load(trace, whole(trace, 1.5), 2).digest()


def test_what_cannot_be_changed_is_refused():
    trace = generate(jobs=50, cores=8, load=0.5, seed=3)
    with pytest.raises(TraceError, match="some jobs follow others"):
        with_load(with_feedback(trace.with_columns(recorded_wait_s=np.zeros(50))), whole(trace, 1.5))
    none = trace.take(np.zeros(len(trace), dtype=bool))
    with pytest.raises(TraceError, match="no jobs to draw from"):
        with_load(none, whole(none, 1.5))
