"""The reference for site rules: without any it is the plain reference, and it keeps to what can be said of all schedules."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from pwsim import Cluster, Trace
from pwsim.engine.inputs import lives, uptimes
from tests.reference import Job, Pool, Reference
from tests.site_cases import CASES, Case, takes
from tests.site_reference import Hours, Limit, Outage, Partition, Rules, SiteJob, SitePool, SiteReference
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


def jobs_of(trace: Trace, kind: Any) -> list[Any]:
    columns = zip(
        trace.submit_s.tolist(), trace.run_s.tolist(), trace.procs.tolist(), trace.estimate_s.tolist(),
        trace.nodes.tolist(), trace.memory_mib.tolist(), trace.gpus.tolist(), strict=True,
    )  # fmt: skip
    jobs = [kind(number, *row) for number, row in enumerate(columns)]
    if trace.feedback is not None:
        for job, follows, think_s in zip(jobs, *trace.feedback, strict=True):
            job.follows, job.think = jobs[follows] if follows >= 0 else None, float(think_s)
    return jobs


def life(pool: Any, launch: int) -> float:
    return float(lives(1, pool.name, 3600 / pool.interruptions_per_hour, launch + 1)[launch])


def uptime(pool: Any, node: int, failure: int) -> float:
    return float(uptimes(1, pool.name, node, pool.mtbf, failure + 1)[failure])


def pools_of(cluster: Cluster, kind: Any) -> list[Any]:
    pools = []
    for count, pool in zip(cluster.node_counts(), cluster.pools, strict=True):
        made = kind(count, pool.node.cores, pool.placement, pool.node.speed)
        for asked, prefix in ((pool.accepts.procs, ""), (pool.accepts.gpus, "gpus_")):
            if asked is not None:
                setattr(made, f"{prefix}at_least", asked.at_least or 0)
                setattr(made, f"{prefix}at_most", np.inf if asked.at_most is None else asked.at_most)
        made.gpus, made.memory = pool.node.gpus, int(pool.node.memory) if pool.node.memory else None
        made.burst_after = np.inf if pool.burst_after is None else pool.burst_after
        made.checkpoint, made.overhead = pool.checkpoint_interval or 0, pool.restart_overhead
        made.max_restarts = pool.max_restarts
        if pool.kind == "cloud" and pool.elastic:
            made.elastic, made.min_nodes = True, pool.min_nodes
            made.boot, made.idle_timeout = pool.boot_time, pool.idle_timeout
            if pool.interruptions_per_hour:
                made.life = lambda launch, pool=pool: life(pool, launch)
        if pool.kind == "on_premises" and pool.mtbf is not None:
            made.fails, made.repair = True, pool.repair_time
            made.uptime = lambda node, failure, pool=pool: uptime(pool, node, failure)
        pools.append(made)
    return pools


def told(job: Job) -> dict[str, Any]:
    names = ("pool", "submit", "start", "end", "killed", "failed", "restarts", "kept", "attempts")
    return {name: getattr(job, name) for name in names} | {"places": sorted(job.places)}


def compare(trace: Trace, cluster: Cluster, rules: Rules | None = None) -> None:
    """Fail unless both references say the same."""
    policy = cluster.the_policy()
    if policy.order == "multifactor" or policy.passing_order == "multifactor":
        return
    asked = (policy.order, policy.backfill, cluster.overrun, policy.passing_order, cluster.depth)
    plain = pools_of(cluster, Pool)
    wanted = Reference(jobs_of(trace, Job), plain, *asked).replay()
    mine = pools_of(cluster, SitePool)
    got = SiteReference(jobs_of(trace, SiteJob), mine, rules or Rules(), *asked).replay()
    assert [told(job) for job in got] == [told(job) for job in wanted]
    assert [sorted(pool.spans) for pool in mine] == [sorted(pool.spans) for pool in plain]


@given(traces, clusters)
@settings(max_examples=150)
def test_no_rules_steady_pools(trace, cluster):
    compare(trace, cluster)


@given(crowded_traces, machines)
@settings(max_examples=150)
def test_no_rules_crowds(trace, cluster):
    compare(trace, cluster)


@given(traces, changing_clusters)
@settings(max_examples=150)
def test_no_rules_nodes_that_come_and_go(trace, cluster):
    compare(trace, cluster)


@given(gpu_traces, packed_clusters)
@settings(max_examples=150)
def test_no_rules_packed_pools(trace, cluster):
    compare(trace, cluster)


@given(gpu_traces, shared_machines)
@settings(max_examples=100)
def test_no_rules_shared_machines(trace, cluster):
    compare(trace, cluster)


@given(reserving_cases)
@settings(max_examples=100)
def test_no_rules_reservations(case):
    compare(*case)


@given(feedback_traces, changing_clusters)
@settings(max_examples=100)
def test_no_rules_feedback(trace, cluster):
    compare(trace, cluster)


@given(feedback_gpu_traces, packed_clusters)
@settings(max_examples=100)
def test_no_rules_feedback_packed(trace, cluster):
    compare(trace, cluster)


@given(traces | crowded_traces, machines)
@settings(max_examples=150)
def test_one_partition_of_one_pool_is_that_pool(trace, cluster):
    compare(trace, cluster, Rules([Partition("all", [0])]))


@given(gpu_traces, shared_machines)
@settings(max_examples=100)
def test_one_partition_of_one_packed_pool_is_that_pool(trace, cluster):
    compare(trace, cluster, Rules([Partition("all", [0])]))


def by_hand(case: Case) -> tuple[list[SiteJob], SiteReference]:
    """Replay a case of the table."""
    jobs, known = [], {field.name for field in fields(SiteJob)}
    for number, told_of in enumerate(case.jobs):
        own = {name: value for name, value in told_of.items() if name in known and name != "after"}
        jobs.append(SiteJob(number, keys={name: str(told_of[name]) for name in told_of if name not in known}, **own))
    for one, told_of in zip(jobs, case.jobs, strict=True):
        one.after = [jobs[number] for number in told_of.get("after", [])]
    pools = [SitePool(**{"placement": "nodes" if pool.get("elastic") else "cores"} | pool) for pool in case.pools]

    def made(kind: Any, stated: list[dict[str, Any]]) -> list[Any]:
        rows = ({name: value for name, value in row.items() if name != "where"} for row in stated)
        return [kind(**row, takes=takes(given.get("where", {}))) for row, given in zip(rows, stated, strict=True)]

    rules = Rules(
        made(Partition, case.partitions), made(Limit, case.limits), made(Hours, case.hours),
        [Outage(**outage) for outage in case.outages], case.period, case.start_delay, case.preemption,
    )  # fmt: skip
    site = SiteReference(jobs, pools, rules, case.order, case.backfill, case.overrun, case.passing_order, case.depth)
    site.replay()
    return jobs, site


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_schedules_worked_out_by_hand(case):
    jobs, _ = by_hand(case)
    assert [job.start for job in jobs] == case.starts
    assert "".join(job.status[0] for job in jobs) == (case.statuses or "c" * len(jobs))
    assert {number: jobs[number].reason for number in case.reasons} == case.reasons
    if case.ends is not None:
        assert [job.end for job in jobs] == case.ends
    if case.restarts is not None:
        assert [job.restarts for job in jobs] == case.restarts
    if case.used is not None:
        assert [sorted(job.stays[-1][2]) if job.stays else [] for job in jobs] == [sorted(used) for used in case.used]
