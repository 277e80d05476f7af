"""Loads are nested: a higher level of a log has all the jobs of a lower one, whatever their sizes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Trace
from pwsim.workload import Level, with_load

DAY_S = 86400


def at(trace, level, seed=1):
    """Return a trace with so many times the work of all its jobs."""
    return with_load(trace, [Level(np.ones(len(trace), dtype=bool), level)], seed)


def jobs_of(trace):
    """Return how often each job occurs, but for its number and the name of its user."""
    start_s = round(trace.first_submit_s)
    told = zip(np.round(trace.submit_s) + start_s, trace.run_s, trace.procs, strict=True)
    return Counter((float(submit_s), float(run_s), int(procs)) for submit_s, run_s, procs in told)


@st.composite
def logs(draw, named=True):
    """Draw a log of some days, with jobs of very unequal work."""
    count = draw(st.integers(1, 30))
    column = lambda low, high: draw(st.lists(st.integers(low, high), min_size=count, max_size=count))  # noqa: E731
    columns = {"submit_s": [3600 * one for one in column(0, 24 * 20)], "run_s": column(0, 50), "procs": column(1, 9)}
    if named:
        columns["user"] = [f"u{one}" for one in column(0, 3)]
    return Trace.from_columns(columns)


@settings(max_examples=50)
@given(logs(), st.floats(0.1, 3), st.floats(0.1, 3), st.integers(1, 3))
def test_a_higher_level_has_the_jobs_of_a_lower_one(trace, one, other, seed):
    low, high = sorted((one, other))
    fewer, more = at(trace, low, seed), at(trace, high, seed)
    assert jobs_of(fewer) <= jobs_of(more)


@settings(max_examples=50)
@given(logs(named=False), st.floats(0.2, 3))
def test_less_is_missing_than_a_job(trace, level):
    work = trace.procs * trace.run_s
    if not work.sum():
        return
    changed = at(trace, level)
    over = float(np.dot(changed.procs, changed.run_s)) - level * work.sum()
    kept = work[[0, -1]].sum() if level < 1 else 0.0  # the first and the last job stay
    most, least = (work.max() + kept, -1e-6) if level < 1 else (1e-6, -work.max())
    assert least <= over <= most


def test_the_last_piece_is_cut_where_the_level_is_reached():
    # One user, one day: a piece of five jobs of equal work. Half as much more is two and a half jobs: two.
    jobs = {"submit_s": [0, 10, 20, 30, 40], "run_s": [10] * 5, "procs": [1] * 5, "user": ["ann"] * 5}
    trace = Trace.from_columns(jobs)
    assert len(at(trace, 1.5)) == 7
    assert len(at(trace, 1.6)) == 8
    assert len(at(trace, 0.6)) == 4  # two are to go, of which the first stays


@pytest.mark.parametrize("level", [0.5, 1.0, 2.5])
def test_jobs_keep_their_hour(level):
    submit_s = np.arange(60) * 7 * 3600.0
    trace = Trace.from_columns({"submit_s": submit_s, "run_s": np.full(60, 60), "procs": np.full(60, 2)})
    changed = at(trace, level)
    hours = (changed.submit_s + changed.first_submit_s) % DAY_S
    assert set(hours) <= set(submit_s % DAY_S)
    assert len(changed) == pytest.approx(60 * level, abs=2)
