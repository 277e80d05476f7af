"""Users who wait for their jobs: what follows what in a log, and what comes of it in replays, searches and results."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import (
    Cluster,
    InputError,
    Trace,
    TraceError,
    compress,
    costs,
    load_scenario,
    mix,
    read_trace,
    resample,
    shake,
    simulate,
)
from pwsim.metrics.measures import NO_TRIM, Trim
from pwsim.prices.terms import UNDISCOUNTED
from pwsim.search import bounds
from pwsim.search.candidates import Candidates
from pwsim.search.holding import Holding
from pwsim.search.simulate_and_cut import complete_targets
from pwsim.search.targets import Target
from pwsim.trace.table import Feedback
from pwsim.workload.feedback import with_feedback
from tests.cli.test_hostile import pwsim
from tests.search.test_plan import cluster_of, own, rented, targets_
from tests.strategies import feedback_traces, traces

pytestmark = pytest.mark.usefixtures("blank_figures")


def log(*jobs: tuple[float, float, float, str], **more: object) -> Trace:
    """Return a log of jobs (submission, recorded wait, run time, user) of one processor."""
    submit_s, wait_s, run_s, user = zip(*jobs, strict=True)
    columns = {"submit_s": submit_s, "recorded_wait_s": wait_s, "run_s": run_s, "user": user}
    return Trace.from_columns({"procs": [1] * len(jobs), **columns, **more})


def feedback_of(trace: Trace) -> Feedback:
    assert trace.feedback is not None
    return trace.feedback


def pairs(trace: Trace) -> list[tuple[int, float]]:
    return list(zip(feedback_of(trace).follows.tolist(), feedback_of(trace).think_s.tolist(), strict=True))


def test_a_job_follows_the_job_of_its_user_that_ended_last_before_it():
    trace = log(
        (0, 5, 10, "ann"),  # ends at 15
        (1, 0, 99, "ann"),  # ends at 100
        (2, 0, 10, "bob"),  # ends at 12
        (20, 0, 30, "ann"),  # 5 s after 15; ends at 50
        (50, 0, 1, "ann"),  # at the very end of the fourth
        (60, 0, 1, "bob"),  # 48 s after 12
        (100 + 60, 0, 1, "ann"),  # 60 s after 100, no more than the longest think time
        (300, 0, 1, "ann"),  # long after
    )
    assert pairs(with_feedback(trace, 60)) == [(-1, 0), (-1, 0), (-1, 0), (0, 5), (3, 0), (2, 48), (1, 60), (-1, 0)]
    assert pairs(with_feedback(trace, 47))[5] == (-1, 0)


def test_who_is_not_known_and_what_has_no_end_is_not_followed():
    trace = log((0, 0, 1, ""), (2, 0, 1, ""), (10, np.nan, 1, "ann"), (20, 0, 1, "ann"), (22, 0, 1, "ann"))
    assert pairs(with_feedback(trace)) == [(-1, 0), (-1, 0), (-1, 0), (-1, 0), (3, 1)]


def test_log_without_waits_or_users_is_refused():
    with pytest.raises(TraceError, match=r"no waits\).*use a log that does, or leave feedback out"):
        with_feedback(log((0, np.nan, 1, "ann")))
    with pytest.raises(TraceError, match=r"whose its jobs are \(it names no users\)"):
        with_feedback(log((0, 0, 1, "")))
    with pytest.raises(TraceError, match=r"no waits\) nor whose"):
        with_feedback(log((0, np.nan, 1, "")))


def by_number(trace: Trace) -> dict[int, int]:
    """Return the number of the job that each job follows, by its number."""
    rows = zip(trace.job_id.tolist(), feedback_of(trace).follows.tolist(), strict=True)
    return {number: int(trace.job_id[follows]) for number, follows in rows if follows >= 0}


small_logs = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([np.nan, 0, 0, 1, 3]), st.integers(0, 3), st.sampled_from("aab")),
    min_size=1,
    max_size=12,
).map(lambda rows: log(*rows, (99, 0, 1, "a")))


@given(trace=small_logs, max_think_s=st.integers(0, 4))
@settings(max_examples=500)
def test_what_follows_what_is_what_a_plain_search_finds(trace, max_think_s):
    jobs = list(zip(trace.submit_s, trace.recorded_wait_s, trace.run_s, trace.user, strict=True))
    wanted = []
    for number, (submit_s, *_, user) in enumerate(jobs):
        best = (-1, 0.0)
        for before, (its_s, wait_s, run_s, whose) in enumerate(jobs[:number]):
            think_s = submit_s - (its_s + wait_s + run_s)  # NaN is never between
            if whose == user and 0 <= think_s <= max_think_s and (best[0] < 0 or think_s <= best[1]):
                best = (before, think_s)
        wanted.append(best)
    assert pairs(with_feedback(trace, max_think_s)) == wanted


def test_what_follows_what_survives_changes_of_the_workload():
    trace = with_feedback(
        log((0, 0, 2, "ann"), (3, 0, 2, "ann"), (4, 0, 9, "bob"), (6, 0, 2, "ann"), (14, 0, 1, "bob"))
    )
    assert pairs(trace) == [(-1, 0), (0, 1), (-1, 0), (1, 1), (2, 1)]
    assert pairs(compress(trace, 2)) == pairs(trace)
    assert pairs(trace.without(trace.submit_s == 3, "where")) == [(-1, 0), (-1, 0), (-1, 1), (1, 1)]
    shaken = shake(trace, 50, seed=1)
    assert shaken.job_id.tolist() != trace.job_id.tolist(), "the case is of no use"
    assert by_number(shaken) == by_number(trace) == {2: 1, 4: 2, 5: 3}
    other = log((1, 0, 1, "cyd"), (5, 0, 1, "cyd"))
    assert by_number(mix(trace, other, "ai")) == {2: 1, 4: 2, 5: 3}
    assert by_number(mix(trace, with_feedback(other), "ai")) == {2: 1, 4: 2, 5: 3, 7: 6}
    assert by_number(mix(other, trace, "ai")) == {4: 3, 6: 4, 7: 5}
    assert trace.digest() != replace(trace, feedback=None).digest()
    with pytest.raises(TraceError, match=r"drawn anew.*before with_feedback"):
        resample(trace)


def closed(trace: Trace, *follows: tuple[int, float]) -> Trace:
    rows, think_s = zip(*follows, strict=True)
    return Trace(**{**vars(trace), "feedback": Feedback(np.array(rows), np.array(think_s, dtype=float))})


def test_jobs_come_sooner_on_a_better_machine_and_later_on_an_overloaded_one(engine):
    # Job 1 follows job 0 after 5 s, job 2 follows job 1 after 0 s; job 3 of another user comes at 12.
    jobs = {"submit_s": [0, 30, 50, 12], "run_s": [10, 10, 10, 4], "procs": [2, 2, 2, 1]}
    trace = closed(Trace.from_columns({**jobs, "user": list("aaab")}), (-1, 0), (-1, 0), (0, 5), (2, 0))
    assert trace.submit_s.tolist() == [0, 12, 30, 50], "in job order"
    # 2 processors: 0 to 10; job 1 (one processor) 12 to 16; job 2 comes at 15, runs 16 to 26; job 3 comes at 26.
    result = simulate(trace, cores=2, engine=engine)
    assert result.submit_s.tolist() == [0, 12, 15, 26]
    assert result.replay.start_s.tolist() == [0, 12, 16, 26]
    assert result.wait_s.tolist() == [0, 0, 1, 0]
    table = result.jobs
    assert table["submit_s"].tolist() == [0, 12, 15, 26]
    assert table["recorded_submit_s"].tolist() == [0, 12, 30, 50]
    # The window ends with the last submission, at 26 s, when three jobs are done.
    assert result.metrics["throughput_jobs_per_hour"] == pytest.approx(3 * 3600 / 26)
    assert result.metrics["utilization"] == pytest.approx((20 + 4 + 20) / (2 * 26))
    assert result.summary["workload"]["span_s"] == 26
    # On half the speed, everything comes later: job 0 ends at 20, job 1 runs 20 to 28, job 2 comes at 25.
    pool = {"name": "slow", "kind": "on_premises", "nodes": 2, "node": {"cores": 1, "speed": 0.5}}
    slow = simulate(trace, Cluster.model_validate({"policy": "fcfs", "pools": [pool]}), engine=engine)
    assert slow.submit_s.tolist() == [0, 12, 25, 48]
    assert slow.replay.start_s.tolist() == [0, 20, 28, 48]
    assert (
        "recorded_submit_s"
        not in simulate(Trace.from_columns({"submit_s": [0], "run_s": [1], "procs": [1]}), cores=1).jobs
    )


def test_fcfs_goes_by_the_submissions_of_the_replay(engine):
    # One processor.  In the log job 1 comes at 1 and job 2 at 2, but job 1 follows job 0 after 5 s, and so comes at 15.
    trace = Trace.from_columns({"submit_s": [0, 1, 2], "run_s": [10, 10, 10], "procs": [1, 1, 1]})
    result = simulate(closed(trace, (-1, 0), (0, 5), (-1, 0)), cores=1, policy="fcfs", engine=engine)
    assert result.submit_s.tolist() == [0, 15, 2]
    assert result.replay.start_s.tolist() == [0, 20, 10]
    # Both come at 10: job order breaks the tie.
    result = simulate(closed(trace, (-1, 0), (0, 0), (0, 0)), cores=1, policy="fcfs", engine=engine)
    assert result.replay.start_s.tolist() == [0, 10, 20]


def test_killed_jobs_are_followed_and_rejected_ones_are_not(engine):
    columns = {"submit_s": [0, 1, 2, 3], "run_s": [10, 1, 1, 1], "procs": [1, 9, 1, 1], "estimate_s": [4, 1, 1, 1]}
    # Job 1 follows job 0, is too wide; job 2 follows job 1, so keeps its time; job 3 follows job 0, killed at 4.
    trace = closed(Trace.from_columns(columns), (-1, 0), (0, 2), (1, 7), (0, 3))
    result = simulate(trace, cores=2, overrun="kill", engine=engine)
    assert result.submit_s.tolist() == [0, 6, 2, 7]
    assert result.jobs["status"].tolist() == ["killed", "rejected", "completed", "completed"]


def test_failed_jobs_are_followed(engine):
    # The only node is taken back again and again, and the job gives up at the first time; the next comes 7 s later.
    columns = {"submit_s": [0, 1], "run_s": [1e6, 0], "procs": [1, 1]}
    pool = {"name": "spot", "kind": "cloud", "nodes": 1, "node": {"cores": 1}, "price_usd_per_hour": 1.0}
    pool |= {"interruptions_per_hour": 60, "max_restarts": 0}
    cluster = Cluster.model_validate({"policy": "fcfs", "pools": [pool]})
    result = simulate(closed(Trace.from_columns(columns), (-1, 0), (0, 7)), cluster, engine=engine)
    assert result.replay.failed.tolist() == [True, False]
    assert result.submit_s[1] == result.replay.end_s[0] + 7


@given(trace=traces, cores=st.integers(1, 6))
@settings(max_examples=100)
def test_without_followers_a_closed_loop_is_an_open_one(trace, cores):
    alone = closed(trace, *[(-1, 0.0)] * len(trace))
    one, other = simulate(trace, cores=cores, policy="easy"), simulate(alone, cores=cores, policy="easy")
    np.testing.assert_array_equal(one.replay.start_s, other.replay.start_s)
    assert one.metrics == pytest.approx(other.metrics, nan_ok=True, rel=0, abs=0)


def test_auto_takes_simpy_where_passing_goes_by_submissions(caplog):
    trace = closed(Trace.from_columns({"submit_s": [0, 1], "run_s": [1, 1], "procs": [1, 1]}), (-1, 0), (0, 0))
    assert simulate(trace, cores=1, policy="easy:f1").replay.engine == "simpy"
    assert "ranks jobs by submissions" in caplog.text
    assert simulate(trace, cores=1, policy="f1-easy").replay.engine == "compiled"
    with pytest.raises(InputError, match="use the simpy engine"):
        simulate(trace, cores=1, policy="easy:f1", engine="compiled")


@given(
    trace=feedback_traces.filter(lambda trace: trace.submit_s[feedback_of(trace).follows < 0].max() > 2),
    targets=targets_,
    trim=st.sampled_from([NO_TRIM, NO_TRIM, Trim(1, 0), Trim(0, 2), Trim(1, 1)]),
)
@settings(max_examples=120)
def test_bounds_exclude_no_setup_that_meets_the_targets(trace, targets, trim):
    cluster = cluster_of(rented([0, 1], 0.1, accepts={"procs": {"at_most": 3}}), own({"max": 3}))
    targets = complete_targets(Holding(trace, cluster), targets)
    candidates = Candidates(cluster, bounds.analyse(Holding(trace, cluster), targets, UNDISCOUNTED, trim))
    listed = {}
    while (candidate := candidates.take()) is not None:
        listed[candidate.choice] = candidate.bound_usd_per_year
    for choice in itertools.product(range(2), range(4)):
        nodes = {pool.name: pool.nodes[one] for pool, one in zip(cluster.pools, choice, strict=True)}
        result = simulate(trace, cluster.at(nodes, cluster.policy[0])).trimmed(*trim)
        if all(target.met(target.achieved(result)) for target in targets):
            assert choice in listed
        if choice in listed:
            assert listed[choice] <= costs.total(result.cost()) * (1 + 1e-9)


def test_throughput_still_bounds_the_search():
    # The last job that follows none comes at 3600 s; 2 jobs an hour are asked for, so 2 of them within an hour or
    # more: at least the 100 + 200 core-seconds of the smallest, in 3600 s.
    trace = Trace.from_columns({"submit_s": [0, 10, 20, 3600], "run_s": [100, 200, 300, 400], "procs": [1] * 4})
    trace = closed(trace, (-1, 0), (0, 9), (1, 9), (-1, 0))
    targets = [Target(metric="throughput_jobs_per_hour", at_least=2)]
    known = bounds.analyse(Holding(trace, cluster_of(own({"max": 3}))), targets, UNDISCOUNTED)
    assert known.needed_cores == pytest.approx(300 / 3600)
    # Of 1.5 jobs the second counts by half: a window of 4800 s would ask for two.
    targets = [Target(metric="throughput_jobs_per_hour", at_least=1.5)]
    known = bounds.analyse(Holding(trace, cluster_of(own({"max": 3}))), targets, UNDISCOUNTED)
    assert known.needed_cores == pytest.approx(200 / 3600)


SCENARIO = """\
name: loop
workload:
  trace: LOG
  feedback: FEEDBACK
  load: 4
cluster:
  policy: easy
  pools:
    - name: own
      kind: on_premises
      nodes: {min: 1, max: 3}
      node: {cores: 1}
      cost: {capex_usd: 1000, lifetime_years: 5}
targets:
  - {metric: wait_s, statistic: mean, at_most: 30 min}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """30 jobs of 30 min, by one user who starts each 10 min after the last has ended; and a log of the same without waits."""
    job = "{} {} {} 1800 1 -1 -1 1 3600 -1 1 {} 1 -1 1 -1 -1 -1\n"
    for name, wait, user in (("log.swf", 0, 1), ("no_waits.swf", -1, 1), ("no_users.swf", 0, -1)):
        (tmp_path / name).write_text("".join(job.format(n + 1, n * 2400, wait, user) for n in range(30)))
    monkeypatch.chdir(tmp_path)

    def written(trace="log.swf", feedback="{max_think: 20 min}"):
        (tmp_path / "scenario.yaml").write_text(SCENARIO.replace("LOG", trace).replace("FEEDBACK", feedback))
        return "scenario.yaml"

    return written


def test_scenario_with_feedback_ends_up_in_summary_report_and_tables(folder, tmp_path, capsys):
    # Four times as dense, one node is asked for 3 times what it can do, but in a closed loop nobody waits.
    for key, nodes in (("{max_think: 20 min}", 1), ("{}", 1), ("{max_think: 9 min}", 3)):
        assert pwsim(capsys, "run", "--no-draws", folder(feedback=key), "--out", "out", "--overwrite")[0] == 0
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        assert summary["chosen"]["nodes"] == {"own": nodes}
        jobs = pd.read_parquet(tmp_path / "out" / "jobs.parquet")
        if nodes == 1:
            assert jobs["submit_s"].tolist() == [2400.0 * n for n in range(30)]
            assert jobs["recorded_submit_s"].tolist() == [600.0 * n for n in range(30)]
    assert pwsim(capsys, "run", "--no-draws", folder(), "--out", "out", "--overwrite")[0] == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    changes = summary["workload"]["changes"]
    assert changes[0].startswith("feedback: 29 jobs are submitted when the job that they followed has ended")
    assert changes[1] == "arrivals 4 times as dense"
    assert summary["workload"]["span_s"] == 29 * 2400
    assert any("neither give up" in one for one in summary["assumptions"])
    assert not any("at the same times" in one for one in summary["assumptions"])
    assert "29 jobs are submitted when" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"trace": "no_waits.swf"}, ["scenario.yaml:4: workload.feedback", "records no waits", "leave feedback out"]),
        ({"trace": "no_users.swf"}, ["scenario.yaml:4: workload.feedback", "names no users"]),
        ({"feedback": "{max_think: soon}"}, ["scenario.yaml:4: workload.feedback.max_think", "'soon'"]),
        ({"feedback": "{think: 1 h}"}, ["scenario.yaml:4: workload.feedback.think", "max_think"]),
        ({"feedback": "yes"}, ["scenario.yaml:4: workload.feedback"]),
    ],
)
def test_wrong_feedback_is_told_with_its_line(folder, capsys, given, told):
    code, _, error = pwsim(capsys, "run", "--no-draws", folder(**given), "--out", "out")
    assert code == 2
    for part in told:
        assert part in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("grow", "ways"), [("{factor: 2}", ["feedback", "grow"]), ("{factor: 2, by: jobs}", ["grow", "feedback"])]
)
def test_what_follows_what_is_looked_up_in_the_times_of_the_log(folder, grow, ways):
    scenario = load_scenario(folder(feedback="{}\n  grow: " + grow))
    steps = [key for key, _ in scenario.workload.steps(scenario.path.parent, 1)]
    assert steps == [*ways, "load"]
    assert scenario.read_workload().feedback is not None


def test_kth_engines_agree_in_a_closed_loop(data_dir):
    trace = with_feedback(read_trace(data_dir / "traces" / "swf" / "KTH-SP2-1996-2.swf.gz"))
    assert np.count_nonzero(feedback_of(trace).follows >= 0) == 11_524
    one, other = (simulate(trace, cores=100, policy="easy", engine=engine) for engine in ("simpy", "compiled"))
    for column in ("submit_s", "start_s", "end_s"):
        np.testing.assert_array_equal(one.jobs[column], other.jobs[column])
    assert (one.submit_s[feedback_of(trace).follows < 0] == trace.submit_s[feedback_of(trace).follows < 0]).all()
    followed = feedback_of(trace).follows >= 0
    gap_s = one.submit_s[followed] - one.replay.end_s[feedback_of(trace).follows[followed]]
    np.testing.assert_array_equal(gap_s, feedback_of(trace).think_s[followed])
