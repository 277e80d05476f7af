"""Changes of a workload: golden cases, and what holds for any trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import (
    Trace,
    TraceError,
    compress,
    faster,
    find_flurries,
    generate,
    grow,
    keep,
    mix,
    resample,
    shake,
    window,
    without_flurries,
)
from tests.strategies import traces

WEEK_S = 7 * 86_400


def trace_of(**columns) -> Trace:
    return Trace.from_columns(columns)


def sizes(trace: Trace) -> Counter[tuple[float, int, float]]:
    """Return how often each job occurs, told by what no change of times touches."""
    return Counter(zip(trace.run_s.tolist(), trace.procs.tolist(), trace.estimate_s.tolist(), strict=True))


def assert_sound(trace: Trace) -> None:
    assert len(set(trace.job_id.tolist())) == len(trace), "numbers are unique"
    assert (np.diff(trace.submit_s) >= 0).all(), "in job order"
    assert not len(trace) or trace.submit_s[0] == 0


# Every change on any trace: sorted, numbers unique, jobs kept or counted, the same seed gives the same trace.
CHANGES: dict[str, Callable[[Trace, int], Trace]] = {
    "load": lambda trace, _: compress(trace, 1.5),
    "faster": lambda trace, _: faster(trace, 2),
    "shake": lambda trace, seed: shake(trace, 3, seed),
    "denser": lambda trace, _: grow(trace, 2.5),
    "sparser": lambda trace, _: grow(trace, 0.4),
    "flurries": lambda trace, _: without_flurries(trace),
    "resample": lambda trace, seed: resample(trace, seed=seed),
    "fewer": lambda trace, seed: grow(trace, 0.3, by="jobs", seed=seed),
}


@given(trace=traces, seed=st.integers(0, 9))
def test_no_job_is_lost_in_silence(trace, seed):
    for name, change in CHANGES.items():
        changed = change(trace, seed)
        assert_sound(changed)
        assert len(changed) + sum(changed.left_out.values()) == len(trace), name
        assert changed.jobs_read == trace.jobs_read, name
        assert changed.digest() == change(trace, seed).digest(), name


@given(trace=traces, users=st.integers(1, 4), seed=st.integers(0, 9))
def test_whole_multiples_of_the_users_are_whole_multiples_of_the_jobs(trace, users, seed):
    """In a log of one week all users stay for good, so that nothing is left to chance."""
    made = resample(trace, users=users, seed=seed)
    assert sizes(made) == Counter({job: users * count for job, count in sizes(trace).items()})
    assert_sound(made)
    names = set(map(str, made.user))
    assert len(names) == users * len(set(map(str, trace.user)))


@given(first=traces, second=traces)
def test_mix_has_all_jobs_of_both(first, second):
    made = mix(first, second, "ai")
    assert_sound(made)
    from_second = made.take(np.asarray(made.queue == "ai"))
    assert sizes(from_second) == sizes(second)
    assert sizes(made) == sizes(first) + sizes(second)
    assert from_second.submit_s.tolist() == second.submit_s.tolist()
    assert {str(name) for name in from_second.user} == {f"ai/{name}" for name in second.user}
    assert made.jobs_read == first.jobs_read + second.jobs_read


def test_mix_by_hand():
    # Jobs 7 and 9 of the first; 7 and 8 of the second become 10 and 11: 10 less 7 is added.  Equal times: first first.
    first = trace_of(job_id=[7, 9], submit_s=[0, 5], run_s=[1, 2], procs=[1, 1], user=["ann", "bob"], queue=["a", ""])
    second = trace_of(job_id=[7, 8], submit_s=[0, 3], run_s=[3, 4], procs=[2, 2], user=["ann", ""])
    made = mix(first, second, "ai")
    assert made.job_id.tolist() == [7, 10, 11, 9]
    assert list(made.queue) == ["a", "ai", "ai", ""]
    assert list(made.user) == ["ann", "ai/ann", "", "bob"]
    assert made.changes == ("2 jobs of trace added as queue ai",)
    with pytest.raises(TraceError, match="has a queue 'a' itself"):
        mix(first, second, "a")


def test_what_is_left_out_is_counted_by_reason():
    trace = trace_of(submit_s=[0, 10, 20, 30], run_s=[1] * 4, procs=[1, 8, 2, 4], queue=["x", "x", "y", "x"])
    some = keep(window(trace, 5), queue=["x"], procs_at_most=4)
    assert some.job_id.tolist() == [4]
    assert some.left_out == {"window": 1, "where": 2}
    assert some.left_out_work == pytest.approx({"window": 1 / 15, "where": 10 / 15})  # of the log's work
    second = keep(trace_of(submit_s=[0, 1], run_s=[5, 10], procs=[1, 1]), procs_at_most=1)
    both = mix(some, window(second, 0, 1), "ai")  # 15 + 15 core-seconds, of which 1 and 10 are outside the windows
    assert both.left_out_work == pytest.approx({"window": 11 / 30, "where": 10 / 30})
    assert some.changes == ("only jobs with queue x and at most 4 processors",)
    assert keep(trace, gpus_at_most=0.0).changes == ("only jobs with at most 0 GPUs",)
    assert len(keep(trace, queue="x")) == len(keep(trace, queue=["x"])) == 3
    with pytest.raises(TraceError, match="no job is like this: user nobody"):
        keep(trace, user=["nobody"])
    with pytest.raises(TraceError, match="no job is like this"):
        faster(trace, 2, procs_at_least=9)


def test_faster_jobs_know_it():
    trace = trace_of(submit_s=[0, 0], run_s=[10, 1], procs=[4, 4], estimate_s=[30, 1])
    quick = faster(trace, 4)
    assert quick.run_s.tolist() == [2.5, 0.25]
    assert quick.estimate_s.tolist() == [7.5, 1]  # never below 1 s


@given(trace=traces, seed=st.integers(0, 99))
def test_shaken_submissions_stay_near(trace, seed):
    shaken = shake(trace, 0.25, seed)
    moved_s = dict(zip(shaken.job_id.tolist(), shaken.submit_s.tolist(), strict=True))
    differences = np.array([moved_s[job] - at for job, at in zip(trace.job_id, trace.submit_s, strict=True)])
    assert np.ptp(differences) <= 0.5  # ±0.25 s, and the clock set anew for all


def test_other_seeds_shake_otherwise():
    trace = generate(jobs=50, cores=8, load=0.7)
    assert shake(trace, 60, 1).digest() != shake(trace, 60, 2).digest()


def hours_apart(users: int) -> int:
    return 150 // (users - 1)


def weekly_users(weeks: int, users: int) -> Trace:
    """Each user submits one job a week, from its first to its seventh day; the run time tells the week and the user."""
    week, user = np.divmod(np.arange(weeks * users), users)
    return trace_of(
        submit_s=week * WEEK_S + user * hours_apart(users) * 3600,
        run_s=1000 * (week + 1) + user,
        procs=np.ones(weeks * users, dtype=int),
        user=[f"u{one}" for one in user],
    )


def test_users_who_stay_go_round_the_log_at_the_same_hour():
    trace = weekly_users(20, 3)
    made = resample(trace, weeks=50, seed=5)
    assert len(made) == 150, "each of them each week"
    hour = (made.submit_s - made.submit_s[0]) % WEEK_S // 3600
    of_user = (made.run_s % 1000).astype(int)
    hour_of_user = of_user * hours_apart(3)
    assert (hour - hour_of_user == hour[0] - hour_of_user[0]).all()
    for user in range(3):
        log_weeks = made.run_s[of_user == user] // 1000 - 1
        assert (np.diff(log_weeks) % 20 == 1).all(), "week after week, the last before the first"


def test_users_who_come_and_go_come_as_often_as_in_the_log():
    # 40 users of one job each in 20 weeks: 2 begin each week, so 2 x 1.5 do in the new trace, exactly.
    users = np.arange(40)
    trace = trace_of(submit_s=users // 2 * WEEK_S, run_s=users + 1, procs=np.ones(40, int), user=users.astype(str))
    made = resample(trace, users=1.5, weeks=30, seed=1)
    assert np.bincount((made.submit_s // WEEK_S).astype(int)).tolist() == [3] * 30
    assert len(set(map(str, made.user))) == 90


def test_a_workload_grows_by_users_evenly():
    # 30 users a week for 20 weeks, growing to 3 times as many: in week w, 30 x 2 x (w + 1/2) / 20 more.
    trace = weekly_users(20, 30)
    grown = grow(trace, 3, by="jobs", seed=2)
    week = (grown.submit_s // WEEK_S).astype(int)
    counts = np.bincount(week)[:-1]  # the last is cut off where the log ends
    assert np.abs(counts - 30 * (1 + 2 * (np.arange(19) + 0.5) * WEEK_S / trace.span_s)).max() <= 1
    hour_of_user = grown.run_s % 1000 * hours_apart(30)
    assert (grown.submit_s % WEEK_S // 3600 == hour_of_user).all(), "everybody at the usual hour"
    assert_sound(grown)
    shrunk = grow(trace, 0.2, by="jobs", seed=2)
    # Week w keeps each of its 30 with 1 - 0.8 (w + 1/2) / 20: 360 of 600 on average, standard deviation 11.
    assert len(shrunk) == pytest.approx(360, abs=4 * 11)
    assert shrunk.left_out == {"growth": 600 - len(shrunk)}


def test_grow_by_arrivals_has_the_rates_that_were_asked_for():
    trace = trace_of(submit_s=np.arange(10_001), run_s=np.ones(10_001), procs=np.ones(10_001, int))
    gaps_s = np.diff(grow(trace, 4).submit_s)
    assert 1 / gaps_s[0] == pytest.approx(1, rel=1e-3)
    assert 1 / gaps_s[-1] == pytest.approx(4, rel=1e-3)
    assert 1 / gaps_s[4999] == pytest.approx(2.5, rel=1e-3)


def test_weeks_of_nobody_cannot_be_drawn():
    trace = trace_of(submit_s=[0, 1], run_s=[1, 1], procs=[1, 1], user=["ann", ""])
    for change in (lambda: resample(trace), lambda: grow(trace, 2, by="jobs")):
        with pytest.raises(TraceError, match="1 of 2 jobs name no user"):
            change()


def flurry(jobs: int, *, procs=1, user="cyd", days=(30,)) -> Trace:
    """10 jobs of 10 users a day for 70 days (70 a week, the median), and a surge."""
    base = np.arange(700)
    surge_s = [86_400 * days[one % len(days)] + 100 + one for one in range(jobs)]
    return trace_of(
        submit_s=[*(base // 10 * 86_400 + 60 * (base % 10)), *surge_s],
        run_s=[60] * (700 + jobs),
        procs=[1] * 700 + [procs(one) if callable(procs) else procs for one in range(jobs)],
        user=[f"u{one % 10}" for one in base] + [user] * jobs,
    )


# A surge: a typical week's jobs (70) by one user within a week, more than half of all on those days, half of a size.
@pytest.mark.parametrize(
    ("trace", "jobs"),
    [
        (flurry(71), [71]),
        (flurry(70), []),  # no more than half of any week
        (flurry(80, days=range(30, 38)), []),  # 10 a day: no more than half of any day
        (flurry(140, days=(30, 31, 50)), [94]),  # 47 each on days 30 and 31; 46 on day 50 are less than a week's
        (flurry(100, procs=lambda one: one + 1), []),  # all of different sizes: not repetitive
        (flurry(100, user=""), []),  # nobody's
        (
            generate(jobs=500, cores=8, load=0.5).with_columns(user=pd.Categorical(["ann"] * 500)),
            [],
        ),  # always dominates
    ],
    ids=["flurry", "small", "spread", "two", "unlike", "nobody", "usual"],
)
def test_flurries(trace, jobs):
    table = find_flurries(trace)
    assert table["jobs"].tolist() == jobs
    without = without_flurries(trace)
    assert len(without) == len(trace) - sum(jobs)
    assert without.left_out == ({"flurries": sum(jobs)} if jobs else {})
    assert len(find_flurries(without)) == 0


def test_a_flurry_by_hand():
    row = find_flurries(flurry(190, procs=lambda one: 4 if one % 2 else 2, days=(30, 31))).iloc[0].to_dict()
    # 95 of a user and 10 others on each of two days; half of them, and so the most, have 2 processors.
    assert row == {
        "user": "cyd",
        "start_s": 30 * 86_400,
        "end_s": 32 * 86_400,
        "jobs": 190,
        "share": 190 / 210,
        "procs": row["procs"],
        "alike": 0.5,
    }
    assert row["procs"] in (2, 4)


def test_no_flurries_in_the_real_logs_that_were_cleaned(data_dir):
    from pwsim import read_trace

    for name in ("NASA-iPSC-1993-3.1-cln", "CEA-Curie-2011-2.1-cln"):
        assert len(find_flurries(read_trace(data_dir / "traces" / "swf" / f"{name}.swf.gz"))) == 0


def steady_log(days: int, jobs_a_day: int = 24) -> Trace:
    """So many jobs a day, evenly, of as many users."""
    count = days * jobs_a_day
    users = [f"u{one % jobs_a_day}" for one in range(count)]
    return trace_of(
        submit_s=np.arange(count) * 86400 // jobs_a_day, run_s=np.ones(count), procs=np.ones(count, int), user=users
    )


@pytest.mark.parametrize("days", [8, 10, 14, 17, 20, 29])
def test_a_last_week_that_is_not_whole_does_not_thin_the_load_out(days):
    log = steady_log(days)
    made = resample(log, seed=3)
    whole = days // 7
    assert len(made) == pytest.approx(whole * 7 * 24, abs=24)
    assert made.left_out == ({"partial_week": (days - 7 * whole) * 24} if days > 7 * whole else {})
    assert f"from its {whole} whole weeks" in made.changes[-1]
    # Grown to 3 times as many, a day in the middle has 2 times as many: twice the log in all.
    grown = grow(log, 3, by="jobs", seed=3)
    assert len(grown) == pytest.approx(2 * len(log), rel=0.06)
    assert grown.span_s == pytest.approx(log.span_s, abs=86400)


def test_weeks_cannot_be_drawn_from_days():
    with pytest.raises(TraceError, match="is shorter than a week, so 4 weeks cannot be drawn"):
        resample(steady_log(5), weeks=4)
    assert len(resample(steady_log(5), users=2)) == 2 * 5 * 24  # as it stands, with twice the users


def test_a_queue_without_jobs_may_be_named_again():
    first = trace_of(submit_s=[0, 5], run_s=[1, 2], procs=[1, 1], queue=["a", "ai"])
    made = mix(keep(first, queue="a"), first, "ai")
    assert list(made.queue) == ["a", "ai", "ai"]
