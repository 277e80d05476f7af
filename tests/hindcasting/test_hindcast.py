"""Recorded beside simulated waits: logs whose waits pwsim made itself, so that what differs is known; and real ones."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import (
    Cluster,
    InputError,
    Trace,
    generate,
    hindcast,
    load_scenario,
    optimize,
    read_trace,
    simulate,
)
from pwsim.common.units import DAY_S, HOUR_S
from pwsim.hindcasting.check import Hindcast
from pwsim.hindcasting.comparison import (
    COMPARED_STATISTICS,
    _long_queues,
    by_group,
    correlation,
    hourly,
    ks_distance,
)
from pwsim.hindcasting.evidence import PARTS, ClosedHours, find_downtimes, moments_of
from pwsim.hindcasting.limits import judge
from pwsim.hindcasting.schedules import Pair, Schedule, busy_of, recorded_schedule
from pwsim.metrics.measures import Trim
from pwsim.scenario.workload import Window
from pwsim.search import simulate_and_cut as plan
from pwsim.trace.formats.reading import write_trace
from tests.cli.test_hostile import GOOD, pwsim
from tests.report.test_results import digests
from tests.strategies import traces

CORES = 64
MONDAY = {"UnixStartTime": "1704067200"}  # 2024-01-01 at 0:00 UTC, a Monday


@pytest.fixture(scope="module")
def trace() -> Trace:
    """A log of 12 users on 64 processors, well loaded, without waits."""
    made = generate(jobs=4000, cores=CORES, load=0.85, seed=3)
    users = np.random.default_rng(1).integers(0, 12, len(made)).astype(str)
    return made.with_columns(user=pd.Categorical(users))


def recorded(trace: Trace, wait_s) -> Trace:
    """Return the log with these waits."""
    return trace.with_columns(recorded_wait_s=np.asarray(wait_s, dtype=float))


def written_by(trace: Trace, **machine) -> Trace:
    """Return the log as a machine would have written it."""
    return recorded(trace, simulate(trace, **machine).wait_s)


def delayed(trace: Trace, until_s, cores: int = CORES) -> Trace:
    """Return the log of a machine on which each job is held back until some time, and then queued."""
    ready_s = np.maximum(trace.submit_s, until_s)
    later = trace.resubmitted(ready_s)
    start_s = dict(zip(later.job_id, simulate(later, cores=cores).replay.start_s + ready_s.min(), strict=True))
    return recorded(trace, [start_s[job] for job in trace.job_id] - trace.submit_s)


def causes(done: Hindcast) -> list[str]:
    return [finding.cause for finding in done.findings]


def finding(done: Hindcast, cause: str):
    found = [one for one in done.findings if one.cause == cause]
    assert found, f"{cause} is not among {causes(done)}"
    return found[0]


def assert_perfect(done: Hindcast) -> None:
    table, hours, figures = done.comparison, done.hourly, done.figures
    for name in COMPARED_STATISTICS:
        assert (table[f"recorded_wait_s_{name}"] == table[f"wait_s_{name}"]).all()
    for name in ("busy_cores", "queued_jobs", "queued_cores"):
        np.testing.assert_allclose(hours[f"recorded_{name}"], hours[name], rtol=1e-9, atol=1e-9)
    assert (figures["ks_distance"], figures["ks_distance_beyond_5_min"]) == (0.0, 0.0)
    for name in ("queued_jobs_correlation", "weekly_wait_correlation"):
        assert figures[name] == pytest.approx(1.0) or math.isnan(figures[name])
    parts = done.evidence
    assert parts.recorded_parts == pytest.approx(parts.simulated_parts)
    enough = figures["jobs_compared"] >= 100
    assert (done.verdict, done.findings) == ("good" if enough else "rough", [])


# What a machine wrote is reproduced by that machine.


@pytest.mark.parametrize("policy", ["easy", "conservative", "sjf-easy", "smallest-easy", "multifactor-easy"])
def test_a_log_of_the_same_machine_is_perfect(trace, policy):
    done = hindcast(written_by(trace, cores=CORES, policy=policy), cores=CORES, policy=policy)
    assert_perfect(done)
    assert "well enough to plan with" in done.text
    assert done.figures["recorded_utilization"] == pytest.approx(done.result.metrics["utilization"])
    assert done.figures["recorded_peak_cores"] <= CORES


def test_two_pools_of_nodes(trace):
    pools = [
        {"name": "small", "kind": "on_premises", "nodes": 4, "node": {"cores": 4}, "accepts": {"procs": {"at_most": 4}}},
        {"name": "large", "kind": "on_premises", "nodes": 16, "node": {"cores": 4}, "placement": "nodes"},
    ]  # fmt: skip
    cluster = Cluster.model_validate({"policy": "easy", "pools": pools})
    done = hindcast(recorded(trace, simulate(trace, cluster).wait_s), cluster)
    assert (done.cores, done.verdict) == (80, "good")
    assert done.figures["ks_distance"] == 0.0


def test_partitions_with_pools_of_their_own(trace):
    """Each job waits for its own pool: neither free cores of the other, nor its jobs, explain anything."""
    name = np.where(np.arange(len(trace)) % 3 == 0, "b", "a")
    name[::500] = "c"
    log = trace.with_columns(partition=pd.Categorical(name), procs=np.minimum(trace.procs, 32))
    pools = [{"name": one, "kind": "on_premises", "nodes": 48, "node": {"cores": 1}} for one in ("left", "right")]
    doors = [
        {"name": pool, "pools": pool, "where": {"partition": name}} for pool, name in (("left", "a"), ("right", "b"))
    ]
    cluster = Cluster.model_validate({"pools": pools, "partitions": doors})
    log = recorded(log, simulate(log, cluster).wait_s)
    log = recorded(log, np.where(name == "c", 60.0, log.recorded_wait_s))
    done = hindcast(log, cluster)
    table = done.comparison
    rows = table[table["class_by"] == "partition"].set_index("class_name")
    assert rows["jobs"].to_dict() == {"left": (name == "a").sum(), "right": (name == "b").sum()}
    assert (rows["recorded_wait_s_mean"] == rows["wait_s_mean"]).all()
    assert (done.cores, done.report["rules"]) == (96, ["partitions"])
    assert "Replayed on 96 cores under EASY backfilling with the site's partitions" in done.text
    assert "By partition of the log: c (8)" in finding(done, "rejected").text
    parts = done.evidence.recorded_parts
    assert parts["held"] + parts["kept_free"] < 0.25 * sum(parts.values())
    whole = hindcast(log, cores=96)
    assert whole.evidence.recorded_parts["queueing"] < parts["queueing"]


@given(traces, st.sampled_from(["fcfs", "easy", "conservative", "sjf-easy", "ljf"]), st.integers(4, 6))
def test_any_log_of_the_same_machine_is_perfect(trace, policy, cores):
    trace = trace.with_columns(gpus=np.zeros(len(trace)))
    assert_perfect(hindcast(written_by(trace, cores=cores, policy=policy), cores=cores, policy=policy))


@given(traces, st.sampled_from(["fcfs", "easy"]))
def test_nobody_is_overtaken_under_first_come_first_served(trace, policy):
    trace = trace.with_columns(gpus=np.zeros(len(trace)))
    # Minutes for seconds, as what is within a minute counts as simultaneous.
    times = {name: trace.table[name] * 100.0 for name in ("submit_s", "run_s", "estimate_s")}
    trace = trace.with_columns(**times)
    result = simulate(trace, cores=4, policy=policy)
    served = ~np.isnan(result.wait_s)
    moments = moments_of(trace, Schedule(result.replay.start_s, result.replay.end_s), 4, served)
    assert not moments.overtaken.any()


# What differs is named.


def test_a_site_that_does_not_backfill(trace):
    light = trace.resubmitted(trace.submit_s * 1.8)
    done = hindcast(written_by(light, cores=CORES, policy="fcfs"), cores=CORES, policy="easy")
    assert done.verdict == "poor"
    assert causes(done)[0] == "no_backfilling"


def test_a_site_that_backfills(trace):
    done = hindcast(written_by(trace, cores=CORES, policy="easy"), cores=CORES, policy="fcfs")
    assert done.verdict == "poor"
    assert causes(done) == ["backfilling"]
    assert "shorter" in done.text


@pytest.mark.parametrize(
    ("policy", "cause"), [("sjf-easy", "priorities_by_estimate"), ("smallest-easy", "priorities_by_size")]
)
def test_another_order(trace, policy, cause):
    heavy = trace.resubmitted(trace.submit_s * 0.9)
    done = hindcast(written_by(heavy, cores=CORES, policy=policy), cores=CORES, policy="easy")
    assert done.verdict != "good"
    assert causes(done)[0] == cause


def test_priorities_of_users(trace):
    heavy = trace.resubmitted(trace.submit_s * 0.9)
    favoured = np.isin(heavy.user, ["0", "1", "2"])
    # Those who are favoured run as if alone; the others get what is left: a job of theirs is held while many wait.
    pool = {"name": "machine", "kind": "on_premises", "nodes": CORES, "node": {"cores": 1}}
    multifactor = {"age": 0, "fair_share": 1000, "shares": {"0": 1e6, "1": 1e6, "2": 1e6}}
    cluster = Cluster.model_validate({"policy": "multifactor-easy", "multifactor": multifactor, "pools": [pool]})
    wait_s = simulate(heavy, cluster).wait_s
    assert wait_s[favoured].mean() < wait_s[~favoured].mean() / 2
    done = hindcast(recorded(heavy, wait_s), cores=CORES)
    assert done.verdict != "good"
    assert causes(done)[0] in ("priorities", "priorities_by_size", "priorities_by_estimate")
    assert finding(done, "priorities").share > 0.2


def test_downtime(trace):
    """A job that fills the machine for two days, and is then struck from the log, leaves what a downtime leaves."""
    middle = len(trace) // 2
    columns = {
        name: np.insert(np.asarray(trace.table[name]), middle, trace.table[name][middle]) for name in trace.table
    }
    columns["run_s"][middle] = columns["estimate_s"][middle] = 2 * DAY_S
    columns["procs"][middle] = CORES
    columns["job_id"] = np.arange(len(trace) + 1)
    result = simulate(Trace.from_columns(columns), cores=CORES)
    down = result.replay.start_s[middle], result.replay.end_s[middle]
    log = recorded(trace, np.delete(result.wait_s, middle))
    found = find_downtimes(log, recorded_schedule(log), CORES)
    assert found.end_s == pytest.approx(down[1:])
    assert found.start_s[0] == pytest.approx(down[0], abs=HOUR_S)
    done = hindcast(log, cores=CORES)
    assert done.verdict != "good"
    assert causes(done)[0] == "downtime"
    assert not len(find_downtimes(log, done.pair.simulated, CORES).start_s)


def test_hours_for_long_jobs(trace):
    """Jobs above 4 h only start from 18:00 on; the clock of the log starts on a Monday at 0:00."""
    long = trace.estimate_s > 4 * HOUR_S
    assert 200 < long.sum() < len(trace) / 2
    log = replace(trace, header=MONDAY)
    day_s = log.submit_s % DAY_S
    weekday = log.submit_s % (7 * DAY_S) < 5 * DAY_S
    shut = long & weekday & (day_s >= 6 * HOUR_S) & (day_s < 18 * HOUR_S)
    light = delayed(log, np.where(shut, log.submit_s - day_s + 18 * HOUR_S, 0.0), cores=2 * CORES)
    done = hindcast(light, cores=2 * CORES)
    found = finding(done, "closed_hours")
    closed = done.evidence.closed
    assert closed is not None
    assert causes(done)[0] == "closed_hours"
    # What long jobs wait in the replay at these hours counts alike, so that the two can be compared.
    assert done.evidence.simulated_parts["closed_hours"] > 0
    assert found.share == pytest.approx(done.evidence.excess("closed_hours"))
    assert (closed.longer_than_s, closed.weekdays_only) == (4 * HOUR_S, True)
    assert (closed.from_h, closed.from_h + closed.hours) == (6, 18)
    assert "on weekdays between 6:00 and 18:00" in found.text


def test_jobs_held_back(trace):
    """Every fifth job is not to start before six hours have passed."""
    held = np.arange(len(trace)) % 5 == 0
    light = trace.resubmitted(trace.submit_s * 2)
    done = hindcast(delayed(light, np.where(held, light.submit_s + 6 * HOUR_S, 0.0)), cores=CORES)
    assert done.verdict == "poor"
    assert causes(done)[0] == "held"
    assert finding(done, "held").share > 0.3
    assert "of 12 users" in finding(done, "held").text


def test_partitions():
    """Two machines of half the size in one log."""
    halves = [generate(jobs=1500, cores=32, load=load, seed=seed) for load, seed in ((0.95, 1), (0.4, 2))]
    waits = [simulate(half, cores=32).wait_s for half in halves]
    submit_s = np.concatenate([half.submit_s for half in halves])
    order = np.argsort(submit_s, kind="stable")
    columns = {
        name: np.concatenate([np.asarray(half.table[name]) for half in halves])[order]
        for name in ("run_s", "procs", "estimate_s")
    }
    log = Trace.from_columns(
        {**columns, "submit_s": submit_s[order], "recorded_wait_s": np.concatenate(waits)[order],
         "partition": np.repeat(["fat", "thin"], 1500)[order]}
    )  # fmt: skip
    done = hindcast(log, cores=64)
    assert causes(done)[0] == "partitions"
    assert "fat and thin" in finding(done, "partitions").text
    assert set(done.comparison[done.comparison["class_by"] == "partition"]["class_name"]) == {"fat", "thin"}


def test_too_few_cores(trace):
    log = written_by(trace, cores=CORES)
    done = hindcast(log, cores=48)
    assert done.verdict == "poor"
    assert causes(done)[0] == "too_few_cores"
    assert f"{done.figures['recorded_peak_cores']} at once" in done.findings[0].text
    assert done.figures["jobs_compared"] == (trace.procs <= 48).sum()
    # Starts that are rounded to minutes let the record exceed the machine a little: that is no larger machine.
    rounded = hindcast(recorded(trace, np.floor(log.recorded_wait_s / 60) * 60), cores=CORES)
    assert "too_few_cores" not in causes(rounded)
    assert rounded.figures["recorded_peak_cores"] > CORES
    assert rounded.figures["recorded_share_of_time_above_cores"] == 0
    assert rounded.verdict == "good"


def test_part_of_the_machine_is_missing(trace):
    light = trace.resubmitted(trace.submit_s * 1.5)
    narrow = light.take(light.procs <= 48)
    done = hindcast(written_by(narrow, cores=48), cores=CORES)
    assert done.verdict == "poor"
    assert {"smaller_machine", "kept_free"} <= set(causes(done))
    assert "never held more than 48 of the 64 cores" in finding(done, "smaller_machine").text


def test_delays_are_told_and_tolerated(trace):
    """A scheduler that looks at its queue every five minutes."""
    light = trace.resubmitted(trace.submit_s * 1.3)
    done = hindcast(delayed(light, np.ceil(light.submit_s / 300) * 300), cores=CORES)
    assert done.verdict == "good"
    assert causes(done) == ["delays"]
    assert re.search("typically [23] min", done.findings[0].text)


def test_waits_that_are_partly_known(trace):
    log = written_by(trace, cores=CORES)
    some = hindcast(recorded(log, np.where(np.arange(len(log)) % 3 == 0, np.nan, log.recorded_wait_s)), cores=CORES)
    assert causes(some)[0] == "incomplete"
    assert some.figures["jobs_compared"] == len(log) - math.ceil(len(log) / 3)
    assert some.comparison.loc[0, "jobs"] == some.figures["jobs_compared"]
    assert (some.comparison["recorded_wait_s_mean"] == some.comparison["wait_s_mean"]).all()
    assert "held" not in causes(some)
    assert not {"smaller_machine", "delays", "too_few_cores"} & set(causes(some))


def test_use_is_not_known_where_waits_are_not(trace):
    """What jobs held whose starts are not known cannot be told; queues are those of the same jobs on both sides."""
    log = written_by(trace.resubmitted(trace.submit_s * 1.5), cores=CORES)
    gone = np.arange(len(log)) % 2 == 0
    done = hindcast(recorded(log, np.where(gone, np.nan, log.recorded_wait_s)), cores=CORES)
    assert done.figures["jobs_without_recorded_wait"] == gone.sum()
    assert math.isnan(done.figures["recorded_utilization"])
    assert math.isnan(done.figures["recorded_peak_cores"])
    assert done.figures["recorded_share_of_time_above_cores"] == 0  # of those that are known, which is the least
    for name in ("busy_cores", "queued_jobs", "queued_cores"):
        np.testing.assert_allclose(done.hourly[f"recorded_{name}"], done.hourly[name], rtol=1e-9, atol=1e-9)
    assert (done.verdict, causes(done)) == ("good", ["incomplete"])
    report = done.report
    assert (report["recorded_utilization"], report["recorded_peak_cores"]) == (None, None)
    assert {part["recorded_s"] for part in report["waiting"].values()} == {None}
    waits_s = simulate(log, cores=CORES).wait_s[~gone]
    assert sum(part["simulated_s"] for part in report["waiting"].values()) == pytest.approx(waits_s.mean())
    free_s = report["waiting"]["kept_free"]["simulated_s"]  # with all that ran, known or not
    whole = hindcast(log, cores=CORES).report["waiting"]
    assert free_s == pytest.approx(whole["kept_free"]["simulated_s"], rel=0.2)
    assert "(recorded: unknown)" in done.text
    # Half of the jobs waited 10 min for nothing: that is no delay of the scheduler, while the record has gaps.
    slow = hindcast(recorded(log, np.where(gone, np.nan, np.maximum(600.0, log.recorded_wait_s))), cores=CORES)
    assert causes(slow) == ["incomplete"]
    # The parts of the mean wait are those of the same jobs, too.
    few = hindcast(recorded(log, np.where(np.arange(len(log)) % 50 == 0, np.nan, log.recorded_wait_s)), cores=CORES)
    assert few.evidence.recorded_parts == few.evidence.simulated_parts
    assert sum(few.evidence.simulated_parts.values()) == pytest.approx(few.figures["wait_s_mean"])
    assert math.isnan(few.figures["recorded_utilization"])


def test_jobs_without_a_start_in_the_replay_do_not_start_at_once():
    """Half of the jobs ask for GPUs, cannot run, and waited for ten minutes on the site; the others never wait."""
    count = 400
    gpus = np.arange(count) % 2
    log = Trace.from_columns(
        {"submit_s": np.arange(count) * 1000.0, "run_s": np.full(count, 60.0), "procs": np.ones(count, int),
         "gpus": gpus, "recorded_wait_s": 600.0 * gpus}
    )  # fmt: skip
    done = hindcast(log, cores=8)
    assert "delays" not in causes(done)
    assert done.figures["jobs_compared"] == count / 2


def test_jobs_that_no_pool_takes_are_named(trace):
    """A handful of jobs with GPUs is no larger machine, and decides nothing; too much of the work does."""
    log = written_by(trace, cores=CORES)
    some = np.isin(np.arange(len(log)), [50, 1500, 2500])
    done = hindcast(log.with_columns(gpus=some.astype(float)), cores=CORES)
    assert (done.figures["jobs_rejected"], done.figures["jobs_too_wide"]) == (3, 0)
    assert done.verdict == "good"
    assert causes(done) == ["rejected"]
    assert "3 jobs of the log cannot run on any pool: 3 with more GPUs than any pool has" in done.findings[0].text
    many = hindcast(log.with_columns(gpus=(np.arange(len(log)) % 2).astype(float)), cores=CORES)
    assert many.verdict == "poor"
    assert "rejected" in causes(many)
    assert "too_few_cores" not in causes(many)
    assert "of the work cannot run on any pool" in many.text
    # One job that is wider than the machine does not make it a larger one, either.
    wide = hindcast(log.with_columns(procs=np.where(np.arange(len(log)) == 50, 65, log.procs)), cores=CORES)
    assert (wide.verdict, wide.figures["jobs_too_wide"]) == ("good", 1)
    assert "1 with more cores than any pool has" in finding(wide, "rejected").text


def test_why_no_pool_takes_a_job():
    """Of two pools of two nodes; by hand."""
    pools = [
        {"name": "thin", "kind": "on_premises", "nodes": 2, "node": {"cores": 8}, "accepts": {"queue": "thin"}},
        {"name": "fat", "kind": "on_premises", "nodes": 2, "node": {"cores": 4, "memory": "8 GiB", "gpus": 2},
         "placement": "nodes", "accepts": {"queue": "fat"}},
    ]  # fmt: skip
    jobs = {
        "procs": [16, 17, 9, 1, 1, 1, 1, 1],
        "gpus": [0, 0, 0, 4, 5, 1, 0, 0],
        "memory_mib": [0, 0, 0, 0, 0, 0, 16384, 16385],
        "queue": ["thin", "thin", "fat", "fat", "fat", "none", "fat", "fat"],
    }
    wanted = ["", "procs", "other", "", "gpus", "accepts", "", "other"]
    log = Trace.from_columns({**jobs, "submit_s": np.zeros(8), "run_s": np.ones(8)})
    cluster = Cluster.model_validate({"policy": "easy", "pools": pools})
    found = cluster.rejections(log)
    assert ["".join(reason for reason in found if found[reason][job]) for job in range(8)] == wanted
    assert np.isnan(simulate(log, cluster).wait_s).tolist() == [bool(reason) for reason in wanted]


@given(traces, st.integers(1, 6))
def test_rejections_are_those_of_the_replay(trace, cores):
    cluster = Cluster.homogeneous(cores)
    rejected = np.logical_or.reduce(list(cluster.rejections(trace).values()))
    assert rejected.tolist() == np.isnan(simulate(trace, cluster).wait_s).tolist()


def test_backfilling_is_advised_only_where_it_is_not_done(trace):
    """Many jobs passed others on the site; the replay's queue is in order because it backfills and hardly waits."""
    light = trace.resubmitted(trace.submit_s * 3)
    log = delayed(light, np.where(np.arange(len(light)) % 5 == 0, light.submit_s + 6 * HOUR_S, 0.0), cores=4 * CORES)
    for policy in ("easy", "fcfs"):
        done = hindcast(log, cores=4 * CORES, policy=policy)
        assert done.evidence.passing[0] > 0.02
        assert done.evidence.passing[1] < 0.002
        assert "backfilling" not in causes(done)
        assert not any("--policy easy" in one.text for one in done.findings)


def test_an_order_is_advised_only_where_it_is_another(trace):
    heavy = trace.resubmitted(trace.submit_s * 0.9)
    log = written_by(heavy, cores=CORES, policy="sjf-easy")
    fcfs = finding(hindcast(log, cores=CORES, policy="easy"), "priorities_by_estimate")
    assert "Try --policy sjf-easy." in fcfs.text
    # A site that favours short jobs even more than a queue with the shortest first.
    sjf_s = simulate(heavy, cores=CORES, policy="sjf").wait_s
    favoured = recorded(heavy, np.where(heavy.estimate_s <= 12 * HOUR_S, sjf_s / 2, sjf_s * 2))
    done = hindcast(favoured, cores=CORES, policy="sjf")
    assert "instead of" in finding(done, "priorities_by_estimate").text
    assert not any("sjf-easy" in one.text for one in done.findings)


def test_waits_that_nobody_notices(trace):
    """A scheduler that takes up to a minute, on a machine that is never full."""
    wait_s = np.random.default_rng(2).integers(1, 59, len(trace))
    done = hindcast(recorded(trace, wait_s), cores=1000)
    assert (done.verdict, done.findings) == ("good", [])
    assert math.isnan(done.figures["queued_jobs_correlation"])
    assert math.isnan(done.figures["weekly_wait_correlation"])
    assert not any("correlation" in check.name for check in done.checks)
    # Beside waits that count, such short ones do not disturb the queue.
    log = written_by(trace, cores=CORES)
    slow = hindcast(recorded(log, np.where(log.recorded_wait_s > 0, log.recorded_wait_s, wait_s)), cores=CORES)
    assert slow.figures["queued_jobs_correlation"] == pytest.approx(1.0)
    assert slow.verdict == "good"


def test_the_queue_is_correlated_beyond_five_minutes():
    """Job 1 waits for an hour by the record: submitted at 5 min, it queues from 10 to 65 min beyond 5 min."""
    submit_s = np.array([0.0, 300.0, 30 * HOUR_S])
    log = Trace.from_columns({"submit_s": submit_s, "run_s": [60] * 3, "procs": [1] * 3})
    waits_s = np.array([[0.0, 3600.0, 0.0], [300.0, 0.0, 600.0]])
    slow, quick = (Schedule(submit_s + wait_s, submit_s + wait_s + 60) for wait_s in waits_s)
    pair = Pair(log, slow, quick, 2, (0.0, log.span_s))
    long = _long_queues(pair)
    assert long[0][:3].tolist() == [pytest.approx(50 / 60), pytest.approx(5 / 60), 0.0]
    assert not long[1].any()


def test_cleaned_logs_are_told(trace):
    log = written_by(trace, cores=CORES)
    assert causes(hindcast(replace(log, name="Site-2020-1.1-cln"), cores=CORES)) == ["cleaned"]


# The measures themselves.


def test_schedule_and_hours_by_hand():
    """Two processors: job 1 holds both from 0 to 1800; job 2 waits for half an hour, then holds one for an hour."""
    log = Trace.from_columns(
        {"submit_s": [0, 0, 7200], "run_s": [1800, 3600, 60], "procs": [2, 1, 1], "recorded_wait_s": [0, 1800, 0]}
    )
    schedule = recorded_schedule(log)
    assert schedule.start_s.tolist() == [0, 1800, 7200]
    busy = busy_of(schedule, log.procs)
    assert (busy.time_s.tolist(), busy.cores.tolist()) == ([0, 1800, 5400, 7200, 7260], [2, 1, 0, 1, 0])
    assert busy.at(np.array([-1.0, 0.0, 1799.0, 1800.0, 9000.0])).tolist() == [0, 2, 2, 1, 0]
    at_once = Schedule(log.submit_s, log.submit_s + log.run_s)
    hours = hourly(Pair(log, schedule, at_once, 2, (0.0, log.span_s)))
    assert hours["time_s"].tolist() == [0, 3600]
    assert hours["recorded_busy_cores"].tolist() == [1.5, 0.5]
    assert hours["recorded_queued_jobs"].tolist() == [0.5, 0]
    assert hours["busy_cores"].tolist() == [2.0, 0.0]
    assert hours["queued_jobs"].tolist() == [0, 0]


@pytest.mark.parametrize("weekdays_only", [True, False])
def test_closed_hours_by_hand(weekdays_only):
    """From 22:00 for eight hours, for jobs above 4 h; the trace starts on a Monday at 2:00."""
    closed = ClosedHours(4 * HOUR_S, 22, 8, weekdays_only, 0.0, 1.0, week_s=2 * HOUR_S)
    hours = np.array([0.0, 3.9, 4.0, 19.9, 20.0, 5 * 24 + 20])  # 2:00, 5:54, 6:00, 21:54, 22:00, Saturday 22:00
    wanted = [True, True, False, False, True, not weekdays_only]
    assert closed.hold(np.full(6, 5 * HOUR_S), hours * HOUR_S).tolist() == wanted
    assert not closed.hold(np.full(6, 4 * HOUR_S), hours * HOUR_S).any()


def test_downtimes_by_hand():
    """One job ends at 100 s; two more come at 1,000 s and 2,000 s and start at 10,000 s."""
    columns = {"submit_s": [0, 1000, 2000], "run_s": [100, 60, 60], "procs": [1, 1, 1], "estimate_s": [100, 7200, 7200]}
    log = Trace.from_columns({**columns, "recorded_wait_s": [0, 9000, 8000], "user": ["a", "b", "c"]})
    found = find_downtimes(log, recorded_schedule(log), 100)
    assert (found.start_s.tolist(), found.end_s.tolist()) == ([1000], [10000])
    assert found.hold(np.array([999.0, 1000.0, 9999.0, 10000.0])).tolist() == [False, True, True, False]
    # A single user may hold jobs back; long jobs may have hours of their own.
    single = log.with_columns(user=pd.Categorical(["a", "b", "b"]))
    assert not len(find_downtimes(single, recorded_schedule(log), 100).start_s)
    closed = ClosedHours(HOUR_S, 0, 8, False, 0.0, 1.0, week_s=0.0)
    assert not len(find_downtimes(log, recorded_schedule(log), 100, closed).start_s)
    assert len(find_downtimes(log, recorded_schedule(log), 100, closed._replace(longer_than_s=2 * HOUR_S)).start_s)


@pytest.mark.parametrize(
    ("changed", "grade", "name"),
    [
        ({}, "good", ""),
        ({"wait_s_mean": 1250.0}, "good", ""),
        ({"wait_s_mean": 1260.0}, "rough", "wait_s_mean"),
        ({"wait_s_mean": 790.0}, "rough", "wait_s_mean"),
        ({"wait_s_p95": 2010.0}, "poor", "wait_s_p95"),
        ({"wait_s_p50": 490.0}, "poor", "wait_s_p50"),
        ({"wait_s_p50": 0.0, "recorded_wait_s_p50": 299.0}, "good", ""),
        ({"ks_distance_beyond_5_min": 0.15}, "rough", "ks_distance_beyond_5_min"),
        ({"queued_jobs_correlation": 0.7}, "rough", "queued_jobs_correlation"),
        ({"weekly_wait_correlation": 0.4}, "poor", "weekly_wait_correlation"),
        ({"weekly_wait_correlation": math.nan}, "good", ""),
        ({"jobs_compared": 99}, "rough", "jobs_compared"),
        ({"recorded_share_of_time_above_cores": 0.02}, "poor", "recorded_share_of_time_above_cores"),
        ({"share_of_jobs_too_wide": 0.01}, "good", ""),
        ({"share_of_jobs_too_wide": 0.011}, "poor", "share_of_jobs_too_wide"),
        ({"share_of_work_rejected": 0.05}, "good", ""),
        ({"share_of_work_rejected": 0.06}, "rough", "share_of_work_rejected"),
        ({"share_of_work_rejected": 0.11}, "poor", "share_of_work_rejected"),
    ],
)
def test_the_verdict_is_the_worst_grade(changed, grade, name):
    figures = {f"{prefix}wait_s_{one}": 1000.0 for prefix in ("", "recorded_") for one in COMPARED_STATISTICS}
    figures |= {"ks_distance_beyond_5_min": 0.05, "queued_jobs_correlation": 0.9, "weekly_wait_correlation": 0.9}
    figures |= {"jobs_compared": 1000, "recorded_share_of_time_above_cores": 0.0007}
    figures |= {"share_of_jobs_too_wide": 0.0, "share_of_work_rejected": 0.0}
    verdict, checks = judge({**figures, **changed})
    assert verdict == grade
    assert [one.name for one in checks if one.grade != "good"] == ([name] if name else [])


def test_groups_by_hand():
    log = Trace.from_columns(
        {"submit_s": [0, 6.5 * DAY_S, 8 * DAY_S], "run_s": [5, 5, 5], "procs": [1, 4, 3], "estimate_s": [900, 901, 1e6]}
    )
    table = by_group(log, np.array([0.0, 60.0, 30.0]), np.array([10.0, 20.0, 30.0])).set_index(
        ["class_by", "class_name"]
    )
    assert table.loc[("all", "all"), "recorded_wait_s_mean"] == 30
    for column, value in {"jobs": 2, "recorded_wait_s_p95": 60, "wait_s_mean": 25}.items():
        assert table.loc[("procs", "3-4"), column] == value
    assert table.loc["week"]["jobs"].to_dict() == {"0": 2, "1": 1}
    assert table.loc["estimate_s"].index.tolist() == ["up to 15 min", "15 min to 1 h", "above 3 d"]
    assert "partition" not in table.index


@given(st.lists(st.integers(0, 5), min_size=1), st.lists(st.integers(0, 5), min_size=1))
def test_distance_is_the_largest_difference(one, other):
    wanted = max(abs(np.mean(np.array(one) <= at) - np.mean(np.array(other) <= at)) for at in range(6))
    assert ks_distance(np.array(one, float), np.array(other, float)) == pytest.approx(wanted)


def test_correlation_of_series_that_do_not_vary():
    assert math.isnan(correlation([], []))
    assert math.isnan(correlation([1.0, 1.0], [1.0, 1.0]))
    assert math.isnan(correlation([1.0, 1.0], [1.0, 2.0]))
    assert correlation([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == pytest.approx(-1.0)


def test_parts_sum_up_to_the_mean_wait(trace):
    done = hindcast(delayed(trace, np.where(np.arange(len(trace)) % 7 == 0, trace.submit_s + HOUR_S, 0.0)), cores=CORES)
    seen = done.evidence
    assert tuple(seen.recorded_parts) == PARTS
    assert sum(seen.recorded_parts.values()) == pytest.approx(done.figures["recorded_wait_s_mean"])
    assert sum(seen.simulated_parts.values()) == pytest.approx(done.figures["wait_s_mean"])


def test_plots_and_an_unknown_one(trace):
    done = hindcast(written_by(trace, cores=CORES), cores=CORES)
    for kind in ("waits", "sizes", "weeks", "queue", "busy"):
        axes = done.plot(kind)
        assert set(axes.get_legend_handles_labels()[1]) == {"recorded", "simulated"}
        plt.close("all")
    with pytest.raises(ValueError, match="must be one of waits, sizes"):
        done.plot("pies")


def test_a_log_without_waits_is_refused(trace):
    with pytest.raises(InputError, match="has no recorded waits"):
        hindcast(trace, cores=CORES)


def test_a_machine_that_holds_no_job_is_refused(trace):
    wide = written_by(trace, cores=CORES).take(trace.procs > 8)
    with pytest.raises(InputError, match="no job with a recorded wait fits on 8 cores"):
        hindcast(wide, cores=8)


def test_few_jobs_of_one_moment():
    log = Trace.from_columns({"submit_s": [0, 0], "run_s": [0, 5], "procs": [1, 2], "recorded_wait_s": [5, 0]})
    done = hindcast(log, cores=2)
    assert (done.verdict, done.findings, done.comparison["jobs"].iloc[0]) == ("rough", [], 2)
    assert "What is off: only 2 jobs can be compared." in done.text
    for kind in ("waits", "sizes", "weeks", "queue", "busy"):
        done.plot(kind)
        plt.close("all")


# Through the command line.


def test_the_command_writes_what_it_found(trace, tmp_path, capsys):
    log = written_by(trace.take(np.arange(1500)), cores=CORES, policy="sjf-easy")
    write_trace(log, tmp_path / "log.parquet")
    arguments = ["hindcast", str(tmp_path / "log.parquet"), "--cores", str(CORES), "--policy", "sjf-easy"]
    code, out, err = pwsim(capsys, *arguments, "--out", str(tmp_path / "r"))
    assert code == 0, err
    assert out.startswith("This log and policy reproduce the site well enough to plan with (good).")
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert (summary["command"], summary["hindcast"]["verdict"], summary["policy"]) == ("hindcast", "good", "sjf-easy")
    assert summary["answer"] == summary["hindcast"]["text"]
    assert summary["hindcast"]["ks_distance"] == 0
    jobs = pd.read_parquet(tmp_path / "r" / "jobs.parquet")
    pd.testing.assert_series_equal(jobs["wait_s"], jobs["recorded_wait_s"], check_names=False, check_exact=False)
    table = pd.read_parquet(tmp_path / "r" / "comparison.parquet")
    assert (table["class_by"].iloc[0], table["jobs"].iloc[0]) == ("all", len(log))
    assert len(pd.read_parquet(tmp_path / "r" / "comparison_hourly.parquet")) == math.ceil(log.span_s / HOUR_S)
    figures = {path.name for path in (tmp_path / "r" / "figures").iterdir()}
    assert {
        f"compared_{name}.{kind}" for name in ("waits", "sizes", "weeks", "queue", "busy") for kind in ("svg", "png")
    } <= figures
    page = (tmp_path / "r" / "report.html").read_text()
    assert "Does the replay reproduce the log?" in page
    assert "What most likely differs" not in page
    # By `report`, over the same again without figures, come the same bytes.
    before = digests(tmp_path / "r")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pwsim.report.directory.write_report", lambda *_: None)
        assert pwsim(capsys, *arguments, "--quiet", "--overwrite", "--out", str(tmp_path / "r"))[0] == 0
    assert not (tmp_path / "r" / "report.html").exists()
    assert pwsim(capsys, "report", str(tmp_path / "r"))[0] == 0
    assert digests(tmp_path / "r") == before
    code, _, err = pwsim(capsys, *arguments, "--out", str(tmp_path / "r"))
    assert (code, "--overwrite" in err) == (2, True)

    # The tables tell their units.
    for name in ("comparison", "comparison_hourly"):
        for field in pq.read_schema(tmp_path / "r" / f"{name}.parquet"):
            assert field.metadata[b"description"]
            assert (field.metadata[b"unit"] == b"s") == bool(re.search(r"_s(_(mean|p\d\d))?$", field.name)), field.name


@pytest.mark.usefixtures("blank_figures")
def test_kth(data_dir, tmp_path, capsys):
    """Jobs above 4 h start after 18:00 on weekdays, and EASY knows nothing of it (docs/explanation/hindcast.md)."""
    log = data_dir / "traces" / "swf" / "KTH-SP2-1996-2.swf.gz"
    code, out, _ = pwsim(capsys, "hindcast", str(log), "--cores", "100", "--out", str(tmp_path / "r"))
    assert code == 0
    assert out.startswith("This log and policy do not reproduce the site well enough")
    assert "What most likely differs: hours for long jobs, cores kept free, jobs held back and priorities." in out
    assert "Real waits were longer" in out
    check = json.loads((tmp_path / "r" / "summary.json").read_text())["hindcast"]
    assert check["verdict"] == "poor"
    assert check["wait_s_mean"] == pytest.approx(6844.6012, abs=1e-4)
    # As recorded: sums over the file itself, field 3.
    assert check["recorded_wait_s_mean"] == pytest.approx(438457452 / 28489)
    assert (check["recorded_wait_s_p50"], check["recorded_wait_s_p95"]) == (300, 84780)
    assert check["recorded_peak_cores"] == 104
    assert check["utilization"] == pytest.approx(0.6877, abs=1e-4)
    found = {one["cause"]: one for one in check["findings"]}
    assert next(iter(found)) == "closed_hours"
    assert "more than 4 h hardly start on weekdays between" in found["closed_hours"]["text"]
    assert "too_few_cores" not in found
    assert {"downtime", "delays", "kept_free"} <= set(found)


@pytest.mark.slow
@pytest.mark.usefixtures("blank_figures")
def test_curie(data_dir, tmp_path, capsys):
    """Most of its waiting is of jobs that were not to start yet, while most of the machine was free."""
    log = data_dir / "traces" / "swf" / "CEA-Curie-2011-2.1-cln.swf.gz"
    code, *_ = pwsim(capsys, "hindcast", str(log), "--cores", "93312", "--out", str(tmp_path / "r"))
    assert code == 0
    check = json.loads((tmp_path / "r" / "summary.json").read_text())["hindcast"]
    assert check["verdict"] == "poor"
    assert [one["cause"] for one in check["findings"]] == ["held", "partitions", "downtime", "cleaned"]
    assert check["findings"][0]["share"] > 0.7


@pytest.mark.usefixtures("blank_figures")
def test_eagle(data_dir, tmp_path, capsys):
    """Four of its thousand jobs ask for GPUs, which a machine of cores has not; a log that small says no more."""
    log = data_dir / "traces" / "accounting" / "nrel-eagle-sample-1000.csv"
    code, out, _ = pwsim(capsys, "hindcast", str(log), "--cores", "76104", "--out", str(tmp_path / "r"))
    assert code == 0
    assert "4 jobs of the log cannot run on any pool: 4 with more GPUs than any pool has" in out
    assert "larger" not in out
    check = json.loads((tmp_path / "r" / "summary.json").read_text())["hindcast"]
    assert (check["verdict"], check["jobs_rejected"], check["jobs_too_wide"]) == ("good", 4, 0)
    code, out, _ = pwsim(capsys, "simulate", str(log), "--cores", "76104", "--out", str(tmp_path / "s"))
    assert (code, "4 jobs with 0.00446 % of the work cannot run on any pool." in out) == (0, True)


def test_a_log_of_starts_only_is_refused(data_dir, tmp_path, capsys):
    log = data_dir / "traces" / "swf" / "NASA-iPSC-1993-3.1-cln.swf.gz"
    code, out, err = pwsim(capsys, "hindcast", str(log), "--cores", "128", "--out", str(tmp_path / "r"))
    assert (code, out) == (2, "")
    assert "has no recorded waits" in err
    assert list(tmp_path.iterdir()) == []


# In a scenario.


def scenario(folder, log: Trace, baseline: str, workload: str = "") -> list[str]:
    """Write a scenario on a log; return the command that runs it."""
    write_trace(log, folder / "log.parquet")
    text = (
        GOOD.replace("tiny.swf", "log.parquet")
        .replace("{min: 1, max: 3}", "32")
        .replace("cluster:", f"{workload}cluster:")
    )
    (folder / "s.yaml").write_text(text.replace("4 h}", "1000 d}") + f"baseline: {baseline}\n")
    return ["run", str(folder / "s.yaml"), "--out", str(folder / "r"), "--workers", "1", "--no-draws"]


@pytest.mark.usefixtures("blank_figures")
def test_a_scenario_checks_its_present_machine(trace, tmp_path, capsys):
    """On the log as it is: neither a heavier load nor fewer jobs change what the machine of the past did."""
    log = written_by(trace.take(np.arange(1500)), cores=CORES)
    workload = "  load: 1.2\n  where: {procs_at_most: 16}\n  window: {start: 0 d}\n"
    command = scenario(tmp_path, log, f"{{cores: {CORES}, policy: easy}}", workload)
    code, out, err = pwsim(capsys, *command)
    assert code == 0, err
    assert "Present machine: This log and policy reproduce the site well enough to plan with (good)." in out
    check = json.loads((tmp_path / "r" / "summary.json").read_text())["hindcast"]
    assert (check["verdict"], check["jobs_compared"], check["ks_distance"]) == ("good", 1500, 0)
    page = (tmp_path / "r" / "report.html").read_text()
    assert page.index("Present machine: This log and policy reproduce") < page.index("<h2>")
    assert "Does the replay reproduce the log?" in page
    assert (tmp_path / "r" / "comparison.parquet").is_file()
    # Another policy did not write this log.
    code, out, _ = pwsim(capsys, *scenario(tmp_path, log, f"{{cores: {CORES}, policy: fcfs}}"), "--overwrite")
    assert (code, "do not reproduce the site" in out) == (0, True)
    # Then waits scaled by what it is off by are shown, marked as what they are.
    assert "Not a forecast" not in page
    assert "Not a forecast" in (tmp_path / "r" / "report.html").read_text()
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    scaled, check = {one["statistic"]: one for one in summary["scaled_waits"]}, summary["hindcast"]
    assert scaled["p95"]["wait_s"] == summary["metrics"]["wait_s_p95"]
    off = max(check["recorded_wait_s_p95"], 300) / max(check["wait_s_p95"], 300)
    assert scaled["p95"]["scaled_wait_s"] == pytest.approx(off * scaled["p95"]["wait_s"])


def test_only_the_window_is_compared(trace, tmp_path):
    log = written_by(trace, cores=CORES)
    command = scenario(tmp_path, log, f"{{cores: {CORES}}}", "  window: {start: 2 d, length: 10 d}\n")
    done = optimize(load_scenario(command[1]), workers=1, draws=False).hindcast
    assert done is not None
    inside = (log.submit_s >= 2 * DAY_S) & (log.submit_s < 12 * DAY_S)
    assert done.figures["jobs_compared"] == inside.sum()
    assert done.figures["recorded_wait_s_mean"] == pytest.approx(log.recorded_wait_s[inside].mean())
    assert done.hourly["time_s"].iloc[0] == 0.0
    assert len(done.hourly) == math.ceil(np.ptp(log.submit_s[inside]) / HOUR_S)
    assert_perfect(done)


def test_what_is_outside_the_window_is_told_to_the_last_job(trace, tmp_path):
    """Submissions are no whole seconds here, and no rounding error may cut off the last."""
    trace = trace.resubmitted(trace.submit_s * 0.9)
    command = scenario(tmp_path, trace, f"{{cores: {CORES}}}", "  window: {start: 2 d, length: 10 d}\n")
    loaded = load_scenario(command[1])
    for last_s in trace.submit_s[500:2500]:
        window = Window(start=DAY_S, length=np.nextafter(last_s, np.inf) - DAY_S + 1e-6)
        changed = loaded.model_copy(update={"workload": loaded.workload.model_copy(update={"window": window})})
        from_s, until_s = changed.outside_window(trace).window(trace.span_s)
        inside = trace.submit_s[(trace.submit_s >= from_s) & (trace.submit_s <= until_s)]
        assert (inside[0], inside[-1]) == (trace.submit_s[trace.submit_s >= DAY_S][0], last_s)


@pytest.mark.parametrize("policy", ["easy", "sjf-easy"])
def test_what_ran_before_the_window_is_there_in_the_replay(trace, tmp_path, policy):
    """A machine that is full when the window begins, and that replays its own log, is found to be itself."""
    log = written_by(trace.resubmitted(trace.submit_s * 0.9), cores=CORES, policy=policy)
    queued = []
    for start_d in (5, 13, 20):
        window = f"  window: {{start: {start_d} d, length: 3 d}}\n"
        command = scenario(tmp_path, log, f"{{cores: {CORES}, policy: {policy}}}", window)
        done = optimize(load_scenario(command[1]), workers=1, draws=False).hindcast
        assert done is not None
        assert_perfect(done)
        assert done.figures["recorded_utilization"] == pytest.approx(done.report["utilization"])
        from_s = log.submit_s[log.submit_s >= start_d * DAY_S][0]
        queued += log.job_id[(log.submit_s < from_s) & (log.submit_s + log.recorded_wait_s > from_s)].tolist()
    assert queued, "no window begins with a queue"


def test_windows_of_kth(data_dir):
    """With the waits of its own replay under EASY, every window of the log is perfect."""
    log = read_trace(data_dir / "traces" / "swf" / "KTH-SP2-1996-2.swf.gz")
    whole = hindcast(written_by(log, cores=100), cores=100)
    for start_d in range(20, 320, 30):
        inside = log.submit_s[(log.submit_s >= start_d * DAY_S) & (log.submit_s < (start_d + 30) * DAY_S)]
        trim = Trim(inside[0], log.span_s - inside[-1])
        done = Hindcast(replace(whole.result, trim=trim))
        assert done.figures["jobs_compared"] == len(inside)
        assert (done.verdict, done.findings) == ("good", [])
        assert_perfect(done)


def test_a_present_machine_of_pools(trace, tmp_path):
    log = written_by(trace.take(np.arange(800)), cores=CORES)
    pools = "{pools: [{name: old, kind: on_premises, nodes: 16, node: {cores: 4}}]}"
    done = optimize(load_scenario(scenario(tmp_path, log, pools)[1]), workers=1, draws=False).hindcast
    assert done is not None
    assert (done.verdict, done.cores) == ("good", CORES)


@pytest.mark.usefixtures("blank_figures")
def test_a_scenario_whose_log_has_no_waits_says_so(trace, tmp_path, capsys):
    command = scenario(tmp_path, trace.take(np.arange(500)), f"{{cores: {CORES}}}")
    code, out, _ = pwsim(capsys, *command)
    assert code == 0
    assert "could not be checked: the log has no recorded waits" in out
    check = json.loads((tmp_path / "r" / "summary.json").read_text())["hindcast"]
    assert check["verdict"] is None
    page = (tmp_path / "r" / "report.html").read_text()
    assert "could not be checked" in page
    assert "Does the replay reproduce the log?" not in page


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        ("{cores: 64, pools: []}", ["s.yaml:19: baseline: give either cores"]),
        ("{policy: easy}", ["s.yaml:19: baseline: give either cores"]),
        ("{cores: 0}", ["s.yaml:19: baseline.cores: must be at least 1 (got 0)"]),
        ("{cores: many}", ["s.yaml:19: baseline.cores: must be a whole number (got 'many')"]),
        ("{cores: 64, policy: [easy, fcfs]}", ["baseline: is the machine as it is: give one policy, not 2"]),
        ("{cores: 64, polcy: easy}", ["baseline.polcy: unknown key", "did you mean 'policy'"]),
        ("64", ["baseline: must be a mapping of keys (got 64)"]),
        (
            "{pools: [{name: a, kind: on_premises, nodes: [1, 2], node: {cores: 4}}]}",
            ["pool 'a' must have one number of nodes"],
        ),
        (
            "{pools: [{name: a, kind: cloud, instance: aws/us-east-1/c7a.xlarge, nodes: 2}]}",
            ["pool 'a' must be always up"],
        ),
    ],
)
def test_a_present_machine_that_is_none(baseline, words, trace, tmp_path, capsys):
    code, out, err = pwsim(capsys, *scenario(tmp_path, trace.take(np.arange(50)), baseline))
    assert (code, out) == (2, "")
    for word in words:
        assert word in err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("baseline", "workload"),
    [("{cores: 2}", ""), ("{cores: 3, policy: fcfs}", "  window: {start: 0 d, length: 1 d}\n")],
)
def test_a_present_machine_that_holds_no_job(baseline, workload, trace, tmp_path, capsys, monkeypatch):
    """That is said by `validate`, and by `run` before it searches."""
    log = written_by(trace.take(trace.procs >= 4).take(np.arange(100)), cores=CORES)
    command = scenario(tmp_path, log, baseline, workload)
    line = (tmp_path / "s.yaml").read_text().splitlines().index(f"baseline: {baseline}") + 1
    monkeypatch.setattr(plan, "search", None)
    for arguments in (["validate", command[1]], command):
        code, out, err = pwsim(capsys, *arguments)
        assert (code, out) == (2, "")
        assert f"s.yaml:{line}: baseline: simple-3: no job with a recorded wait fits on" in err
        assert "100 with more cores than any pool has" in err or workload
    assert not (tmp_path / "r").exists()


def test_a_number_of_cores_that_is_none_is_told_once(trace, tmp_path, capsys):
    code, _, err = pwsim(capsys, *scenario(tmp_path, trace.take(np.arange(50)), "{cores: true}"))
    assert code == 2
    assert err.splitlines() == [f"{tmp_path / 's.yaml'}:19: baseline.cores: must be a whole number (got True)"]


def test_code_of_a_present_machine_runs_only_if_allowed(trace, tmp_path, capsys):
    (tmp_path / "rules.py").write_text("def aging(now, submit_s, estimate_s, procs):\n    return submit_s\n")
    log = written_by(trace.take(np.arange(200)), cores=CORES)
    command = scenario(tmp_path, log, f"{{cores: {CORES}, policy: 'rules.py:aging-easy'}}")
    code, _, err = pwsim(capsys, *command)
    assert (code, "baseline.policy names Python code" in err) == (2, True)
    done = optimize(load_scenario(command[1]), workers=1, allow_code=True, draws=False).hindcast
    assert done is not None
    assert done.verdict == "good"
