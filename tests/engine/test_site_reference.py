"""The reference for site rules: without any it is the plain reference, and it keeps to what can be said of all schedules."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Trace
from pwsim.engine.inputs import lives, uptimes
from tests.reference import Job, Pool, Reference
from tests.site_cases import CASES, Case, drawn, replay, takes
from tests.site_reference import (
    Door,
    Hours,
    Limit,
    Outage,
    Partition,
    Rules,
    SiteJob,
    SitePool,
    SiteReference,
    is_about,
)
from tests.site_strategies import site_cases
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


def compare(trace: Trace, cluster: Cluster, rules: Rules | None = None, more: int = 0) -> None:
    """Fail unless both references say the same, whatever the nodes that the one for sites has more of."""
    policy = cluster.the_policy()
    if policy.order == "multifactor" or policy.passing_order == "multifactor":
        return
    asked = (policy.order, policy.backfill, cluster.overrun, policy.passing_order, cluster.depth)
    plain = pools_of(cluster, Pool)
    wanted = Reference(jobs_of(trace, Job), plain, *asked).replay()
    mine = pools_of(cluster, SitePool)
    for pool in mine:
        pool.nodes += more
    got = SiteReference(jobs_of(trace, SiteJob), mine, rules or Rules(), *asked).replay()
    assert [told(job) for job in got] == [told(job) for job in wanted]
    assert more or [sorted(pool.spans) for pool in mine] == [sorted(pool.spans) for pool in plain]


@given(traces, clusters)
@settings(max_examples=30)
def test_no_rules_steady_pools(trace, cluster):
    compare(trace, cluster)


@given(crowded_traces, machines)
@settings(max_examples=30)
def test_no_rules_crowds(trace, cluster):
    compare(trace, cluster)


@given(traces, changing_clusters)
@settings(max_examples=30)
def test_no_rules_nodes_that_come_and_go(trace, cluster):
    compare(trace, cluster)


@given(gpu_traces, packed_clusters)
@settings(max_examples=30)
def test_no_rules_packed_pools(trace, cluster):
    compare(trace, cluster)


@given(gpu_traces, shared_machines)
@settings(max_examples=25)
def test_no_rules_shared_machines(trace, cluster):
    compare(trace, cluster)


@given(reserving_cases)
@settings(max_examples=25)
def test_no_rules_reservations(case):
    compare(*case)


@given(feedback_traces, changing_clusters)
@settings(max_examples=25)
def test_no_rules_feedback(trace, cluster):
    compare(trace, cluster)


@given(feedback_gpu_traces, packed_clusters)
@settings(max_examples=25)
def test_no_rules_feedback_packed(trace, cluster):
    compare(trace, cluster)


@given(traces | crowded_traces, machines)
@settings(max_examples=30)
def test_one_partition_of_one_pool_is_that_pool(trace, cluster):
    compare(trace, cluster, Rules([Partition("all", [0])]))


@given(gpu_traces, shared_machines)
@settings(max_examples=25)
def test_one_partition_of_one_packed_pool_is_that_pool(trace, cluster):
    compare(trace, cluster, Rules([Partition("all", [0])]))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_schedules_worked_out_by_hand(case):
    jobs = replay(case).jobs
    assert [job.start for job in jobs] == case.starts
    assert "".join(job.status[0] for job in jobs) == (case.statuses or "c" * len(jobs))
    assert {number: jobs[number].reason for number in case.reasons} == case.reasons
    if case.ends is not None:
        assert [job.end for job in jobs] == case.ends
    if case.restarts is not None:
        assert [job.restarts for job in jobs] == case.restarts
    if case.used is not None:
        assert [sorted(job.stays[-1][2]) if job.stays else [] for job in jobs] == [sorted(used) for used in case.used]


@given(traces | crowded_traces, machines)
@settings(max_examples=25)
def test_rules_that_forbid_nothing(trace, cluster):
    some = [number for number in range(len(trace)) if number % 2]
    rules = Rules(
        [Partition("odd", [0], some), Partition("even", [0], default=True)],
        [Limit({"cores": 1000, "jobs": 1000, "nodes": 1000, "gpus": 1000})],
        [Hours([(-1, 1e6)], whole=True, drain=True), Hours([(-1, 1e6)], some)],
        [Outage(0, -1, 1e6, 0, stop=True)],
        period=1,
        preemption=True,
    )
    compare(trace, cluster, rules)


@given(traces | crowded_traces, machines, st.integers(1, 2), st.booleans())
@settings(max_examples=25)
def test_nodes_that_are_always_away_are_not_there(trace, cluster, more, parted):
    rules = Rules([Partition("all", [0])] if parted else [], outages=[Outage(0, -1, np.inf, more)])
    compare(trace, cluster, rules, more)


@given(gpu_traces, shared_machines)
@settings(max_examples=25)
def test_packed_nodes_that_are_always_away_are_not_there(trace, cluster):
    compare(trace, cluster, Rules(outages=[Outage(0, -1, np.inf, 1)]), 1)


@given(traces | crowded_traces, st.integers(1, 4), st.integers(1, 4), st.sampled_from(["fcfs", "sjf", "smallest"]))
@settings(max_examples=25)
def test_pools_of_a_partition_without_backfilling_are_one(trace, one, other, order):
    one_pool = Reference(jobs_of(trace, Job), [Pool(one + other)], order, "none", "allow").replay()
    pools = [SitePool(one), SitePool(other)]
    two_pools = SiteReference(jobs_of(trace, SiteJob), pools, Rules([Partition("all", [1, 0])]), order, "none").replay()
    assert [job.start for job in two_pools] == [job.start for job in one_pool]


@given(site_cases())
@settings(max_examples=60)
def test_what_can_be_said_of_all_schedules(case):
    check(case, replay(case, drawn))


def check(case: Case, site: SiteReference) -> None:
    """Fail unless a schedule keeps to the rules."""
    delay = case.start_delay
    stays = [(job, *stay) for job in site.jobs for stay in job.stays]
    for job in site.jobs:
        assert job.status in {"completed", "killed", "failed", "rejected"}
        assert (job.status == "rejected") == (job.end is None) == (not job.stays and job.reason != "never")
        assert (job.start is None) == (all(end < begin + delay for begin, end, _ in job.stays))
        if job.start is not None:
            assert job.end is not None
            assert job.submit + delay <= job.start <= job.end
        waited = [begin - end for (_, end, _), (begin, _, _) in itertools.pairwise(job.stays)]
        assert all(wait >= 0 for wait in waited)
        assert job.killed <= (case.overrun == "kill")
        if job.status == "completed" and len(job.stays) == 1:
            ((begin, end, amounts),) = job.stays
            assert end == begin + delay + job.run / min(case.pools[index].get("speed", 1) for index in amounts)
    for job, begin, _, amounts in stays:
        assert sum(amounts.values()) > 0
        assert begin == site.on_time(begin)
        door = door_at(site, job, amounts)
        assert set(amounts) <= set(door.pools)
        assert sum(amounts.values()) == site.pools[door.pools[0]].need_of(job)
        slowest = min(site.pools[index].speed for index in door.pools)
        for rule in case.hours:
            if is_about(takes(rule["where"]), job) and rule["since"] <= begin < rule["until"]:
                length = delay + job.estimate / slowest if begin == job.stays[0][0] and rule["whole"] else 0
                assert any(start <= begin < end and begin + length <= end for start, end in rule["windows"])
        assert all(before.reason or before.end <= begin for before in job.after if before.end is not None)
        for index in amounts:  # what runs into an outage goes on, but nothing starts into one
            held = sum(other[index] for _, start, end, other in stays if index in other and (start <= begin < end))
            assert held <= site.pools[index].size * (site.pools[index].cores if packed(site, index) else 1)
            if not packed(site, index):
                assert held + site.away(index, begin) <= site.pools[index].size
        running = [(other, there) for other, start, end, there in stays if start <= begin < end]
        assert not job.array or sum(other.array == job.array for other, _ in running) <= (job.array_limit or 0)
        for limit in site.rules.limits:
            if (key := key_at(site, limit, job, amounts)) is not None:
                same = [(other, there) for other, there in running if key_at(site, limit, other, there) == key]
                counts = [site.counts(other, door_at(site, other, there)) for other, there in same]
                assert all(sum(one[what] for one in counts) <= most for what, most in limit.at_most.items())
    check_nodes(site)


def packed(site: SiteReference, index: int) -> bool:
    return site.pools[index].placement == "packed"


def door_at(site: SiteReference, job: SiteJob, amounts: dict[int, int]) -> Door:
    """Return the door through which a job came to where it ran: the last, or that of its partition."""
    if min(amounts) in site.ways:
        return site.ways[min(amounts)]
    door, _ = site.find_door(job)
    assert door is not None
    return door


def key_at(site: SiteReference, limit: Limit, job: SiteJob, amounts: dict[int, int]) -> str | None:
    job.door, origin = door_at(site, job, amounts), job.door
    key = site.key_under(limit, job)
    job.door = origin
    return key


def check_nodes(site: SiteReference) -> None:
    """Fail unless what shares of jobs hold of nodes is there, at any start."""
    places = [(job, *place) for job in site.jobs for place in job.places]
    for _, index, now, _, node, _ in places:
        pool = site.pools[index]
        here = [
            (job, bits)
            for job, *at, start, end, on, bits in places
            if (*at, on) == (index, node) and start <= now < end
        ]
        assert sum(pool.share_of(job)[0] for job, _ in here) <= pool.cores
        assert sum(pool.share_of(job)[1] for job, _ in here) <= (pool.memory or np.inf)
        for gpu in range(pool.gpus):
            on_it = [min(1000, pool.share_of(job)[2]) for job, bits in here if bits >> gpu & 1]
            assert sum(on_it) <= 1000
        away = site.away(index, now)
        assert any(start < now for _, at, start, end, on, _ in places if (at, on) == (index, node) and now < end) or (
            not away or node < pool.nodes - away
        )


class Promises(SiteReference):
    """Notes when the first in the queue is expected to start at the latest, and reservations."""

    def __init__(self, *asked):
        super().__init__(*asked)
        self.promised: dict[SiteJob, float] = {}

    def the_pass(self, group, *, compress):
        super().the_pass(group, compress=compress)
        for job in group.queue if self.backfill == "conservative" else []:
            if job.claim is not None:
                assert job.claim.start <= self.promised.get(job, np.inf)
                self.promised[job] = job.claim.start

    def guard(self, job, pools, guards):
        made = super().guard(job, pools, guards)
        if not guards and made.claim is not None and self.backfill == "easy":
            assert made.shadow <= self.promised.get(job, np.inf)
            self.promised[job] = made.shadow
        return made

    def begin(self, claim):
        assert claim.start <= self.promised.pop(claim.job, np.inf)
        super().begin(claim)


@given(site_cases(), st.sampled_from(["easy", "conservative"]))
@settings(max_examples=60)
def test_nobody_delays_who_is_first_or_holds_a_reservation(case, backfill):
    """Where jobs end as expected at the latest, none is held, and nothing is lost that was not known to be."""
    packed = any(pool["placement"] == "packed" for pool in case.pools)
    changing = {"mtbf", "elastic", "burst_after"}
    quiet = dataclasses.replace(
        case,
        jobs=[row | {"run": min(row["run"], row["estimate"]), "after": [], "array_limit": None} for row in case.jobs],
        pools=[
            {name: value for name, value in pool.items() if name not in changing} | {"speed": min(1, pool["speed"])}
            for pool in case.pools
        ],  # all ends are whole seconds: less than one second from its end, a job is expected to go on for one
        partitions=[partition | {"tier": 0} for partition in case.partitions],
        limits=[],
        hours=[rule | {"drain": True} for rule in case.hours],
        outages=[outage | {"stop": False} for outage in case.outages],
        preemption=False,
        order="fcfs",
        depth=None,
        backfill="easy" if packed else backfill,
    )
    replay(quiet, kind=Promises)
