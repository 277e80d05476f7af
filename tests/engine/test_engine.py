"""Engines against the reference, against invariants, and against schedules worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, InputError, Policy, Result, Trace, simulate
from pwsim.engine.inputs import lives, uptimes
from pwsim.engine.outcome import Replay
from pwsim.rules import ORDERS, profile
from tests.conftest import ENGINES
from tests.multifactor_reference import Asks, TooClose
from tests.reference import Job, Pool, Reference
from tests.strategies import (
    changing_clusters,
    clusters,
    crowded_traces,
    feedback_gpu_traces,
    feedback_traces,
    gpu_traces,
    machines,
    packed_clusters,
    reserving_cases,
    shared_machines,
    traces,
)


def by_reference(trace: Trace, cluster: Cluster, seed: int = 1) -> tuple[list[Job], list[Pool]]:
    """Replay with the reference; random draws are the engines' own (semantics §6)."""
    columns = zip(
        trace.submit_s.tolist(), trace.run_s.tolist(), trace.procs.tolist(), trace.estimate_s.tolist(),
        trace.nodes.tolist(), trace.memory_mib.tolist(), trace.gpus.tolist(), strict=True,
    )  # fmt: skip
    jobs = [Job(number, *row) for number, row in enumerate(columns)]
    for job, user, account, queue, qos in zip(jobs, trace.user, trace.user_group, trace.queue, trace.qos, strict=True):
        job.asks = Asks(user, account, queue, qos)
    if trace.feedback is not None:
        for job, follows, think_s in zip(jobs, *trace.feedback, strict=True):
            job.follows, job.think = jobs[follows] if follows >= 0 else None, float(think_s)
    pools = []
    for count, pool in zip(cluster.node_counts(), cluster.pools, strict=True):
        limits = pool.accepts.procs
        made = Pool(count, pool.node.cores, pool.placement, pool.node.speed)
        made.at_least = (limits.at_least if limits else None) or 0
        made.at_most = limits.at_most if limits and limits.at_most is not None else np.inf
        if asked := pool.accepts.gpus:
            made.gpus_at_least = asked.at_least or 0
            made.gpus_at_most = np.inf if asked.at_most is None else asked.at_most
        made.gpus = pool.node.gpus
        made.memory = int(pool.node.memory) if pool.node.memory else None
        made.burst_after = np.inf if pool.burst_after is None else pool.burst_after
        made.checkpoint, made.overhead = pool.checkpoint_interval or 0, pool.restart_overhead
        made.max_restarts = pool.max_restarts
        if pool.kind == "cloud" and pool.elastic:
            made.elastic, made.min_nodes = True, pool.min_nodes
            made.boot, made.idle_timeout = pool.boot_time, pool.idle_timeout
            if rate := pool.interruptions_per_hour:
                made.life = partial(one_of, partial(lives, seed, pool.name, 3600 / rate))
        if pool.kind == "on_premises" and pool.mtbf is not None:
            made.fails, made.repair = True, pool.repair_time
            made.uptime = partial(uptime_of, seed, pool)
        pools.append(made)
    policy = cluster.the_policy()
    reference = Reference(
        jobs, pools, policy.order, policy.backfill, cluster.overrun, policy.passing_order, cluster.depth,
        cluster.multifactor.model_dump(), bool(cluster.multifactor.accounts),
    )  # fmt: skip
    return reference.replay(), pools


def uptime_of(seed: int, pool: Any, node: int, failure: int) -> float:
    """Return how long a node is up until its k-th failure."""
    return one_of(lambda count: uptimes(seed, pool.name, node, pool.mtbf, count), failure)


def one_of(draw: Any, index: int) -> float:
    """Return one of a stream of draws."""
    return float(draw(index + 1)[index])


def compare(trace: Trace, cluster: Cluster, *engines: Any) -> None:
    """Fail unless engines, by default all, and the reference agree to the last bit.

    Where rounding alone decides who comes first, the engines are one another's reference.  Engines that agree have one
    schedule, which is looked at once.
    """
    policy = cluster.the_policy()
    simpy_alone = (
        trace.feedback is not None and bool(policy.passing_order) and ORDERS[policy.passing_order].by_submission
    )
    engines = engines or ENGINES
    if simpy_alone and "compiled" in engines:
        with pytest.raises(InputError, match=r"ranks jobs by submissions.* use the simpy engine"):
            simulate(trace, cluster, engine="compiled")
        engines = tuple(engine for engine in engines if engine != "compiled")
    results = [simulate(trace, cluster, engine=engine) for engine in engines]
    for engine, result in zip(engines, results, strict=True):
        assert result.replay.engine == engine
        assert_same(result.replay, results[0].replay)
    if results:
        compare_with_reference(results[0], simpy_alone)
        check_invariants(results[0])


def compare_with_reference(result: Result, simpy_alone: bool) -> None:
    """Fail unless the reference says the same of every job, attempt and node, to the last bit."""
    replay = result.replay
    try:
        wanted, pools = by_reference(result.trace, result.cluster)
    except TooClose:
        if not simpy_alone:
            assert_engines_agree(result.trace, result.cluster)
        return
    assert replay.pool.tolist() == [-1 if job.pool is None else job.pool for job in wanted]
    assert replay.killed.tolist() == [job.killed for job in wanted]
    assert replay.failed.tolist() == [job.failed for job in wanted]
    assert replay.restarts.tolist() == [job.restarts for job in wanted]
    np.testing.assert_array_equal(result.submit_s, [job.submit for job in wanted])
    np.testing.assert_array_equal(replay.start_s, [np.nan if job.start is None else job.start for job in wanted])
    np.testing.assert_array_equal(replay.end_s, [np.nan if job.end is None else job.end for job in wanted])
    tried = result.attempts
    attempts = [(job.number, *attempt) for job in wanted for attempt in job.attempts]
    columns = tried.job, tried.pool, tried.start_s, tried.end_s
    assert sorted(zip(*(column.tolist() for column in columns), strict=True)) == sorted(attempts)
    places = [(job.number, *place) for job in wanted for place in job.places]
    assert sorted(map(tuple, [] if replay.places is None else replay.places.tolist())) == sorted(places)
    spans = [(index, *span) for index, pool in enumerate(pools) for span in pool.spans]
    if replay.spans is not None:
        assert sorted(map(tuple, replay.spans.tolist())) == sorted(spans)


def assert_engines_agree(trace: Trace, cluster: Cluster) -> None:
    """Fail unless both engines say the same of every job, attempt, wait and node, to the last bit."""
    one, other = (simulate(trace, cluster, engine=engine).replay for engine in ("simpy", "compiled"))
    assert (one.engine, other.engine) == ("simpy", "compiled")
    assert_same(one, other)


def assert_same(one: Replay, other: Replay) -> None:
    """Fail unless two replays are the same to the last bit, whichever engines they are of."""
    for field in fields(one):
        if field.name != "engine":
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)


def check_invariants(result: Result) -> None:
    """Fail if a schedule is impossible, whatever the policy."""
    trace, replay, cluster = result.trace, result.replay, result.cluster
    served = replay.pool >= 0
    assert (np.isnan(replay.start_s) == ~served).all(), "every job that is not rejected runs, no rejected one does"
    assert (replay.start_s[served] >= result.submit_s[served]).all()
    jobs = result.jobs
    assert (jobs["status"] == "rejected").to_numpy().tolist() == (~served).tolist()
    if cluster.overrun == "allow":
        assert not replay.killed.any()
    tried = result.attempts
    assert sorted(set(tried.job.tolist())) == np.flatnonzero(served).tolist(), "no job is lost"
    assert (np.bincount(tried.job, minlength=len(trace))[served] == 1 + replay.restarts[served]).all()
    for job in np.flatnonzero(served):  # no job runs twice at once
        mine = np.flatnonzero(tried.job == job)
        assert (tried.start_s[mine][1:] >= tried.end_s[mine][:-1]).all()
        assert (tried.start_s[mine[0]], tried.end_s[mine[-1]]) == (replay.start_s[job], replay.end_s[job])
    assert result.pools()["restarts"].sum() == replay.restarts.sum() if result.span_s else True
    # Busy time is work done and work lost.
    done_s = tried.end_s - tried.start_s - tried.lost_s
    assert (tried.lost_s >= -1e-9).all()
    speed = np.array([pool.node.speed for pool in cluster.pools])
    work_s = np.bincount(tried.job, done_s * speed[tried.pool], minlength=len(trace))
    completed = served & ~replay.killed & ~replay.failed
    np.testing.assert_allclose(work_s[completed], trace.run_s[completed], atol=1e-9)
    for index, (count, pool) in enumerate(zip(cluster.node_counts(), cluster.pools, strict=True)):
        here = tried.pool == index
        need, start_s, end_s = pool.need(trace)[tried.job[here]], tried.start_s[here], tried.end_s[here]
        launch_s, up_s, gone_s = result.stays(index)
        units = pool.units_per_node()
        if pool.placement == "packed":
            check_nodes(result, index)
        for now in np.unique(start_s) if pool.placement != "packed" else []:  # what is held only grows at a start
            held = need[(start_s <= now) & (now < end_s)].sum()
            assert held <= units * np.count_nonzero((up_s <= now) & (now < gone_s) | (gone_s == result.end_s))
            assert np.count_nonzero((launch_s <= now) & (now < gone_s)) <= count, "never more nodes than the cap"
        # Nodes are there for at least as long as jobs hold them.
        need = trace.procs[tried.job[here]] / pool.node.cores if pool.placement == "packed" else need
        assert units * (gone_s - launch_s).sum() >= (need * (end_s - start_s)).sum() - 1e-9
    timeline = result.timeline
    seconds = np.diff(np.append(timeline["time_s"].unique(), result.end_s))
    hours = seconds.repeat(len(cluster.pools))
    # Little's law, exact for every run: the integral of the queue length is the sum of the waits.
    waited_s = (result.waits.end_s - result.waits.start_s).sum()
    assert float((timeline["queued_jobs"] * hours).sum()) == pytest.approx(waited_s, abs=1e-6)
    held_s = np.bincount(tried.job, tried.end_s - tried.start_s, minlength=len(trace))
    queued_s = np.bincount(result.waits.job, result.waits.end_s - result.waits.start_s, minlength=len(trace))
    np.testing.assert_allclose((held_s + queued_s)[served], result.turnaround_s[served], atol=1e-9)
    busy = (trace.procs * held_s).sum()
    assert float((timeline["busy_cores"] * hours).sum()) == pytest.approx(busy, abs=1e-6)


def check_nodes(result: Result, index: int) -> None:
    """Fail if at some instant a node of a packed pool gives more cores, memory or GPUs than it has, or is not there."""
    pool, trace = result.cluster.pools[index], result.trace
    if result.replay.places is None:
        assert not (result.attempts.pool == index).any()
        return
    rows = result.replay.places[result.replay.places[:, 1] == index]
    job, _, start_s, end_s, node, bits = rows.T
    job, node, bits = job.astype(int), node.astype(int), bits.astype(int)
    assert result.replay.spans is not None
    number, up_s, gone_s = result.replay.spans[result.replay.spans[:, 0] == index][:, [1, 3, 4]].T
    attempts = list(zip(job.tolist(), start_s.tolist(), strict=True))
    shares = pool.need(trace)
    for one, count in {one: attempts.count(one) for one in attempts}.items():
        assert count == shares[one[0]]
        on = node[[attempt == one for attempt in attempts]]
        assert len(set(on)) == count, "each share has a node of its own"
    cores, memory = -(-trace.procs // shares), -(-trace.memory_mib // shares)
    for now in np.unique(start_s):
        for one in np.unique(node):
            here = (node == one) & (start_s <= now) & (now < end_s)
            if not here.any():
                continue
            assert ((number == one) & (up_s <= now) & (end_s[here].max() <= gone_s)).any()
            assert cores[job[here]].sum() <= pool.node.cores
            assert pool.node.memory is None or memory[job[here]].sum() <= pool.node.memory
            for gpu in range(pool.node.gpus):
                held = job[here][bits[here] >> gpu & 1 == 1]
                part = trace.gpus[held] / shares[held]
                assert np.minimum(part, 1).sum() <= 1 + 1e-9
                assert (part < 1).all() or len(held) == 1, "whole GPUs are exclusive"
            part = trace.gpus[job[here]] / shares[job[here]]
            given = [int(one).bit_count() for one in bits[here]]
            assert given == np.ceil(part).astype(int).tolist()
            assert max([0, *bits[here]]) < 2**pool.node.gpus


@given(trace=traces, cluster=clusters)
@settings(max_examples=100)
def test_agrees_with_the_reference(trace, cluster):
    compare(trace, cluster)


@pytest.mark.slow
@given(trace=traces, cluster=clusters)
@settings(max_examples=20_000)
def test_agrees_with_the_reference_on_many_cases(trace, cluster):
    compare(trace, cluster)


@given(trace=traces, cluster=changing_clusters)
@settings(max_examples=100)
def test_agrees_with_the_reference_where_nodes_come_and_go(trace, cluster):
    compare(trace, cluster)


@pytest.mark.slow
@given(trace=traces, cluster=changing_clusters)
@settings(max_examples=20_000)
def test_agrees_with_the_reference_where_nodes_come_and_go_on_many_cases(trace, cluster):
    compare(trace, cluster)


@given(case=reserving_cases)
@settings(max_examples=100)
def test_reservations_agree_with_the_reference_where_nodes_come_and_go(case):
    trace, cluster = case
    compare(trace, cluster)


def worn(jobs: int = 6) -> tuple[Trace, Cluster]:
    """Jobs of a day on two nodes that fail every quarter of an hour."""
    trace = Trace.from_columns({"submit_s": [0] * jobs, "run_s": [86_400] * jobs, "procs": [2] * jobs})
    pool = {
        "name": "own", "kind": "on_premises", "nodes": 2, "node": {"cores": 1}, "placement": "nodes", "mtbf": "15 min",
        "repair_time": "1 min", "checkpoint_interval": "1 min", "max_restarts": 100_000,
    }  # fmt: skip
    return trace, Cluster.model_validate({"policy": "conservative", "pools": [pool]})


@given(trace=crowded_traces, cluster=machines, order=st.sampled_from(("fcfs", "sjf", "wfp3", "smallest")))
@settings(max_examples=200)
def test_reservations_agree_with_the_reference_where_many_jobs_wait(trace, cluster, order):
    compare(trace, cluster.model_copy(update={"policy": (Policy.parse(f"{order}-conservative"),)}))


def test_reservations_outlast_a_thousand_restarts(engine):
    trace, cluster = worn()
    compare(trace, cluster, engine)
    assert simulate(trace, cluster, engine=engine).replay.restarts.sum() > 1000


def test_a_profile_without_room_is_an_error_and_not_written_past(engine, monkeypatch):
    monkeypatch.setattr(profile, "room", lambda *_: 6)
    with pytest.raises(RuntimeError, match=r"^pool .own.: the profile .* is full; this is a bug of pwsim"):
        simulate(*worn(), engine=engine)


def test_a_full_profile_stays_as_it_is():
    # Room for four points, the last of which is kept free: 9 units, of which 2 are taken from 1 to 2.
    profile_s, profile_free = [0.0] * 4, [9] * 4
    points = profile.change(profile_s, profile_free, 0, 1, 1.0, 2.0, -2)
    assert (profile_s[:points], profile_free[:points]) == ([0, 1, 2], [9, 7, 9])
    assert not profile.full(profile_s, points)
    for start_s in (3.0, 1.5, 2.5, 4.0):  # no other takes a place, and none is given back
        points = profile.change(profile_s, profile_free, 0, points, start_s, start_s + 0.25, -1)
        assert profile.full(profile_s, points)
    points = profile.change(profile_s, profile_free, 0, points, 1.0, 2.0, 2)
    _, points = profile.advance(10.0, profile_s, profile_free, 0, points)
    assert profile.full(profile_s, points)
    assert len(profile_s) == len(profile_free) == 4


def test_passed_points_make_room():
    # A job a second, each gone before the next comes: room for one serves all.
    room = profile.room(1)
    profile_s, profile_free = [0.0] * room, [3] * room
    first, points = 0, 1
    for second in range(10 * room):
        first, points = profile.advance(second, profile_s, profile_free, first, points)
        points = profile.change(profile_s, profile_free, first, points, second + 0.25, second + 0.75, -2)
        assert not profile.full(profile_s, points)
        assert profile_free[first:points] == [3, 1, 3]


@pytest.mark.slow
@given(case=reserving_cases)
@settings(max_examples=20_000)
def test_reservations_agree_with_the_reference_where_nodes_come_and_go_on_many_cases(case):
    trace, cluster = case
    compare(trace, cluster)


@given(trace=gpu_traces, cluster=packed_clusters)
@settings(max_examples=100)
def test_agrees_with_the_reference_where_jobs_share_nodes(trace, cluster):
    compare(trace, cluster)


@given(trace=st.one_of(gpu_traces, crowded_traces), cluster=shared_machines)
@settings(max_examples=150)
def test_agrees_with_the_reference_where_many_jobs_share_a_node(trace, cluster):
    compare(trace, cluster)


@pytest.mark.slow
@given(trace=gpu_traces, cluster=packed_clusters)
@settings(max_examples=20_000)
def test_agrees_with_the_reference_where_jobs_share_nodes_on_many_cases(trace, cluster):
    compare(trace, cluster)


@given(trace=feedback_traces, cluster=clusters)
@settings(max_examples=100)
def test_agrees_with_the_reference_where_jobs_follow_others(trace, cluster):
    compare(trace, cluster)


@given(trace=feedback_traces, cluster=changing_clusters)
@settings(max_examples=100)
def test_agrees_with_the_reference_where_jobs_follow_others_and_nodes_come_and_go(trace, cluster):
    compare(trace, cluster)


@given(trace=feedback_gpu_traces, cluster=packed_clusters)
@settings(max_examples=150)
def test_agrees_with_the_reference_where_jobs_follow_others_and_share_nodes(trace, cluster):
    compare(trace, cluster)


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [clusters, changing_clusters], ids=["steady", "changing"])
@given(data=st.data())
@settings(max_examples=10_000)
def test_agrees_with_the_reference_where_jobs_follow_others_on_many_cases(cluster, data):
    compare(data.draw(feedback_traces), data.draw(cluster))


def starts(
    engine: Any, cores: int, policy: str, jobs: Sequence[tuple[float, ...]], overrun: Any = "allow"
) -> list[float]:
    """Return the starts of jobs (submit, procs, run[, estimate])."""
    columns = {
        "submit_s": [job[0] for job in jobs],
        "procs": [job[1] for job in jobs],
        "run_s": [job[2] for job in jobs],
        "estimate_s": [job[3] if len(job) > 3 else -1 for job in jobs],
    }
    result = simulate(Trace.from_columns(columns), cores=cores, policy=policy, overrun=overrun, engine=engine)
    return result.replay.start_s.tolist()


def test_easy_and_conservative_differ_on_four_jobs(engine):
    # 100 processors.  Job 0 has 70 until 100, then job 1 (80) until 200, then job 2 (90) until 300.  Job 3 (20, 250 s)
    # comes at 50 with 30 free.  EASY: the head is job 1, shadow 100, extra 100 - 80 = 20; 50 + 250 > 100, but 20 <= 20:
    # it starts at 50 and ends at 300.  At 200 job 2 needs 90 of 80: it waits until 300, ends at 400.
    jobs = [(0, 70, 100), (1, 80, 100), (2, 90, 100), (50, 20, 250)]
    assert starts(engine, 100, "easy", jobs) == [0, 100, 300, 50]
    # Conservative: job 2 holds [200, 300); 20 processors beside its 90 do not fit, so job 3 starts at 300, ends at 550.
    assert starts(engine, 100, "conservative", jobs) == [0, 100, 200, 300]


def test_more_processors_can_hurt(engine):
    # The first submission is at 3, so the clock's 0 is 3.  On 4 processors: job 0 has 3 until 4 s; job 1 (1) starts at
    # 1; the head job 2 (4) waits for job 1's end at 7: job 3 (3) backfills at 4, ends at 7.  On 5: job 1 starts at 1,
    # job 2 (4) at 4 beside it, until 8; job 3 at 8.
    jobs = [(3, 3, 4), (4, 1, 6), (4, 4, 4), (4, 3, 3)]
    assert starts(engine, 4, "easy", jobs) == [0, 1, 7, 4]
    assert starts(engine, 5, "easy", jobs) == [0, 1, 4, 8]


def test_job_of_no_length_ends_in_the_next_round_of_its_instant(engine):
    # Both want the whole machine at 0; job 0 has no length: it starts, and in the next round of 0 job 1 does.
    assert starts(engine, 2, "fcfs", [(0, 2, 0), (0, 2, 5), (0, 2, 1)]) == [0, 0, 5]


def test_completion_comes_before_submission_at_the_same_instant(engine):
    # Job 0 ends at 5, when job 1 comes: one pass sees both.
    assert starts(engine, 2, "fcfs", [(0, 2, 5), (5, 2, 1)]) == [0, 5]


def test_equal_submissions_keep_the_order_of_the_file(engine):
    assert starts(engine, 1, "fcfs", [(0, 1, 3), (0, 1, 2), (0, 1, 1)]) == [0, 3, 5]


def test_too_wide_job_is_rejected_and_holds_nobody_up(engine):
    got = starts(engine, 4, "fcfs", [(0, 5, 10), (1, 4, 10)])
    # The clock starts at the first submission, rejected or not.
    assert np.isnan(got[0])
    assert got[1] == 1


def test_overrun_is_expected_to_end_in_one_second(engine):
    # 4 processors; job 0 (3) asks for 2 s, runs 10.  Head job 1 (4) waits from 1.  At 5 job 2 (1 processor, 1 s) comes:
    # job 0 has outlived its estimate, expected end 6, shadow 6, 5 + 1 <= 6: job 2 starts.  Job 3 (1, 2 s) comes at 7:
    # shadow 8, 7 + 2 > 8, extra 0: it waits for the head, which runs from 10 to 11.
    jobs = [(0, 3, 10, 2), (1, 4, 1), (5, 1, 1, 1), (7, 1, 2, 2)]
    assert starts(engine, 4, "easy", jobs) == [0, 10, 5, 11]


def test_kill_ends_jobs_at_their_estimate(engine):
    # As before, but job 0 ends at 2: the head runs from 2 to 3.
    jobs = [(0, 3, 10, 2), (1, 4, 1), (5, 1, 1, 1)]
    assert starts(engine, 4, "easy", jobs, "kill") == [0, 2, 5]
    trace = Trace.from_columns({"submit_s": [0], "procs": [3], "run_s": [10], "estimate_s": [2]})
    job = simulate(trace, cores=4, overrun="kill", engine=engine).jobs.iloc[0]
    assert (job["status"], job["end_s"], job["run_s"]) == ("killed", 2, 2)


def test_easy_takes_from_the_spare_processors_once(engine):
    # 6 processors.  Job 0 has 4 until 10.  The head (job 1) wants 4: shadow 10, extra 6 - 4 = 2.  Jobs 2 and 3 want one
    # each for 20 s: both are spare (extra 2, then 1).  Job 4 wants one for 20 s: no processor is free until 10; then the
    # head takes 4 and nothing is left, until 20 when the head ends.
    jobs = [(0, 4, 10), (1, 4, 10), (1, 1, 20), (1, 1, 20), (1, 1, 20)]
    assert starts(engine, 6, "easy", jobs) == [0, 10, 1, 1, 20]


def test_conservative_compresses_when_a_job_ends_early(engine):
    # 2 processors.  Job 0 (2) asks for 10, ends at 4.  Job 1 holds 10, job 2 holds 15.  At 4 both move up: 4 and 9.
    jobs = [(0, 2, 4, 10), (1, 2, 5, 5), (2, 2, 5, 5)]
    assert starts(engine, 2, "conservative", jobs) == [0, 4, 9]


def test_conservative_keeps_reservations_when_nothing_ended_early(engine):
    # 3 processors, under sjf.  Job 0 (2) until 10.  Job 1 (2, 10 s) comes at 1 and holds 10.  Job 2 (3, 4 s) comes at
    # 2, is first in the queue by sjf, but job 1's place stands: it holds 20.  At 10 job 0 ends on time, no compression.
    jobs = [(0, 2, 10), (1, 2, 10), (2, 3, 4)]
    assert starts(engine, 3, "sjf-conservative", jobs) == [0, 10, 20]


def test_conservative_starts_a_job_when_its_reservation_falls_due_and_nothing_else_happens(engine):
    # 4 processors.  Job 0 (2) until 100.  Job 1 (2) asks for 3, runs 5.  Job 2 (2, 2 s) comes at 1, holds 3.  At 3 its
    # reservation is due, job 1 still runs (expected end 4): nothing can be kept, it is placed again at 4, then at 5,
    # when job 1 ends.
    jobs = [(0, 2, 100), (0, 2, 5, 3), (1, 2, 2)]
    assert starts(engine, 4, "conservative", jobs) == [0, 0, 5]


def test_overrun_drops_all_reservations_and_places_them_in_queue_order(engine):
    # 2 processors.  Job 0 (1) asks for 2, runs 6; job 1 (1) until 10.  Job 2 (2, 3 s) holds 10.  Job 3 (1, 8 s) fits
    # from 2 until 10: it holds 2.  At 2 job 0 still runs: all are placed again; job 2 at 10, job 3 at 3 + 8 > 10: at 13.
    # At 6 job 0 ends late (no compression), so job 3 stays at 13.
    jobs = [(0, 1, 6, 2), (0, 1, 10), (1, 2, 3), (1, 1, 8)]
    assert starts(engine, 2, "conservative", jobs) == [0, 0, 10, 13]


def test_sjf_easy_protects_the_shortest_job(engine):
    # 4 processors; job 0 (3) until 10.  In sjf order the queue is job 2 (4, 2 s), job 1 (2, 5 s), job 3 (1, 20 s) though
    # job 1 came first.  Head job 2: shadow 10, extra 0.  At 4 job 3 would last until 24: not let through.  At 10 job 2
    # runs until 12, then jobs 1 and 3.
    jobs = [(0, 3, 10), (2, 2, 5), (3, 4, 2), (4, 1, 20)]
    assert starts(engine, 4, "sjf-easy", jobs) == [0, 12, 10, 12]


def test_other_orders(engine):
    # One processor, busy until 10; three jobs wait: estimates 3, 1, 2.
    jobs = [(0, 1, 10), (1, 1, 3), (2, 1, 1), (3, 1, 2)]
    assert starts(engine, 1, "sjf", jobs) == [0, 13, 10, 11]
    assert starts(engine, 1, "ljf", jobs) == [0, 10, 15, 13]
    # Three processors, busy until 10; sizes 3, 1, 2: smallest first, 1 and 2 together.
    jobs = [(0, 3, 10), (1, 3, 1), (2, 1, 1), (3, 2, 1)]
    assert starts(engine, 3, "smallest", jobs) == [0, 11, 10, 10]


def test_wfp3_sorts_by_wait_over_estimate_anew_at_each_pass(engine):
    # One processor, busy until 10.  At 10: job 1 has waited 9 of 9 s: 1; job 2 8 of 2 s: 64.  Job 2 first, until 12;
    # then job 1 (11/9)^3 = 1.8 against job 3, which came at 11 and asks for 1 s: 1^3 = 1.  Job 1 next, until 21.
    jobs = [(0, 1, 10), (1, 1, 9), (2, 1, 2), (11, 1, 1)]
    assert starts(engine, 1, "wfp3", jobs) == [0, 12, 10, 21]


def test_whole_nodes_are_rounded_up(engine):
    # Two nodes of 4 cores.  Job 0: 5 cores are 2 nodes.  Job 1: 1 core is a node.  Job 2: 6 GiB are 2 nodes of 4 GiB.
    trace = Trace.from_columns(
        {"submit_s": [0, 0, 0], "procs": [5, 1, 1], "run_s": [10, 10, 10], "memory_mib": [0, 0, 6144]}
    )
    pool = {
        "name": "p",
        "kind": "on_premises",
        "nodes": 2,
        "node": {"cores": 4, "memory": "4 GiB"},
        "placement": "nodes",
    }
    cluster = Cluster.model_validate({"policy": "fcfs", "pools": [pool]})
    assert simulate(trace, cluster, engine=engine).replay.start_s.tolist() == [0, 10, 20]


def test_jobs_go_to_the_first_pool_that_accepts_and_could_hold_them(engine):
    # Pool "small" takes up to 2 processors and has 2; pool "large" has 4 at double speed.
    pools = [
        {
            "name": "small",
            "kind": "on_premises",
            "nodes": 2,
            "node": {"cores": 1},
            "accepts": {"procs": {"at_most": 2}},
        },
        {"name": "large", "kind": "on_premises", "nodes": 4, "node": {"cores": 1, "speed": 2.0}},
    ]
    trace = Trace.from_columns({"submit_s": [0, 0, 0, 1], "procs": [2, 2, 4, 3], "run_s": [10, 10, 10, 10]})
    result = simulate(trace, Cluster.model_validate({"policy": "fcfs", "pools": pools}), engine=engine)
    # Job 1 waits for "small" though "large" could run it; job 2 takes 5 s at double speed, so job 3 starts at 5.
    assert result.jobs["pool"].tolist() == ["small", "small", "large", "large"]
    assert result.replay.start_s.tolist() == [0, 10, 0, 5]
    assert result.replay.end_s.tolist() == [10, 20, 5, 10]


def test_times_that_are_no_binary_fractions_meet_exactly(engine):
    # 0.1 + 0.2 is not 0.3: what counts is that a submission at 0.3 happens at 0.3, whatever the clock stood at.
    jobs = [(0.0, 1, 0.1), (0.1, 1, 0.2), (0.3, 1, 1.0), (0.7, 1, 1.0)]
    assert starts(engine, 4, "conservative", jobs) == [0.0, 0.1, 0.3, 0.7]
