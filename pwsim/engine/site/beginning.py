"""All containers of a replay under site rules, as they stand when it begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pwsim.cluster import Cluster
from pwsim.engine.inputs import Inputs
from pwsim.engine.outcome import REJECTED
from pwsim.engine.site.changing import comes_and_goes, no_nodes
from pwsim.engine.site.state import Bursts, Jobs, Pools, Queues, Settings, State
from pwsim.rules import ALL, LOOKED_AT, NO_RESERVATION, Priorities, profile
from pwsim.rules.site import (
    NOBODY,
    Capacity,
    Caps,
    Doors,
    Guards,
    Hours,
    Packs,
    Plan,
    Profiles,
    Reserved,
    Site,
    Waiting,
)
from pwsim.trace import Floats, Integers

FREE_ENOUGH = 1 << 40
"""More units than any job needs."""


def state_of(
    cluster: Cluster, inputs: Inputs, ways: list[list[int]], waiting: Waiting, masks: Integers, hours: Hours,
    caps: Caps, away: tuple[Integers, Floats, Integers], packs: Packs, plan: Plan, priorities: Priorities,
    bursts: Bursts,
) -> State:  # fmt: skip
    """Return all containers as they stand when a replay begins."""
    jobs, pools, policy = len(inputs.pool), len(cluster.pools), inputs.policy
    rows, row_of_pool = _rows(cluster, ways)
    tiers = [partition.tier for partition in cluster.partitions] + [0] * pools
    row = np.array([row_of_pool[way[0]] for way in ways])[waiting.door]
    planning = policy.rule.holds in (ALL, LOOKED_AT)
    most = (jobs if any(packs.packed) else min(jobs, max(inputs.units))) + 1
    takings = pools * pools
    coming = max(inputs.units) if any(comes_and_goes(inputs)) else 0
    points = profile.room(most + (jobs if planning else 0), len(away[1]) + takings + coming)
    never, ever = np.zeros((pools, 2)), np.zeros(pools)
    never[:] = np.inf, -np.inf
    site = Site(
        waiting=waiting,
        rows=_lists(rows, [0] * len(rows)),
        doors=_lists(ways, tiers),
        capacity=Capacity(
            # Of packed pools, whether a job fits is seen on their nodes alone.
            free=np.array(
                [FREE_ENOUGH if one.packed else units for one, units in zip(inputs.pools, inputs.units, strict=True)]
            ),
            release_s=np.zeros((pools, most)),
            release_need=np.zeros((pools, most), dtype=np.int64),
            release_job=np.zeros((pools, most), dtype=np.int64),
            running=np.zeros(pools, dtype=np.int64),
            arrive_s=np.zeros((pools, 0)),
            arriving=np.zeros(pools, dtype=np.int64),
            up_s=np.zeros((pools, 0)),
            away_first=away[0], away_s=away[1], away=away[2],
        ),
        profiles=Profiles(
            time_s=np.zeros((pools, points)),
            free=np.zeros((pools, points), dtype=np.int64),
            first=np.zeros(pools, dtype=np.int64),
            points=np.zeros(pools, dtype=np.int64),
        ),
        hours=hours,
        caps=caps,
        guards=Guards(
            job=np.full(pools, NOBODY), shadow_s=np.zeros(pools), extra=np.zeros(pools, dtype=np.int64),
            taking_pool=np.zeros(takings, dtype=np.int64), taking_s=np.zeros(takings),
            taking_end_s=np.zeros(takings), taking=np.zeros(takings, dtype=np.int64),
            tally=np.zeros(3, dtype=np.int64),
        ),
        reserved=Reserved(
            start_s=np.full(jobs, NO_RESERVATION), stale=np.zeros(jobs, dtype=bool), held=np.zeros(jobs, dtype=bool),
            keeps=np.zeros(jobs, dtype=bool), gain_s=never,
            vacated_s=never.copy(), overdue_until_s=ever - np.inf,
        ),
        part=np.zeros((pools, jobs), dtype=np.int64),
        packs=packs,
        plan=plan,
        away_most=np.zeros(pools, dtype=np.int64),
    )  # fmt: skip
    return State(
        settings=Settings(
            backfill=policy.rule.holds, kills=inputs.overrun == "kill",
            delay_s=float(cluster.scheduler.start_delay), depth=inputs.depth or max(jobs, 1),
            backfill_period_s=float(cluster.scheduler.backfill_period),
            preempts=cluster.preemption, passing=bool(policy.passing_order),
        ),
        pools=Pools(
            speed=np.array([one.speed for one in inputs.pools]),
            overhead_s=np.array([one.overhead_s for one in inputs.pools]),
            checkpoint_s=np.array([one.checkpoint_s for one in inputs.pools]),
            max_restarts=np.array([one.max_restarts for one in inputs.pools], dtype=np.int64),
        ),
        jobs=_jobs(inputs, row, masks),
        queues=_queues(len(rows), jobs, len(caps.used)),
        site=site,
        priorities=priorities,
        nodes=no_nodes(inputs),
        bursts=bursts,
    )  # fmt: skip


def _rows(cluster: Cluster, ways: list[list[int]]) -> tuple[list[list[int]], dict[int, int]]:
    """Return the pools of each queue, in the order of their first pools, and the queue of each pool.

    Pools that a partition names have one queue, and so have all that are connected by partitions.
    """
    links = [(way[0], pool) for way in ways[: len(cluster.partitions)] for pool in way]
    pools = len(cluster.pools)
    matrix = coo_array((np.ones(len(links)), tuple(np.array(links, dtype=np.int64).reshape(-1, 2).T)), (pools, pools))
    _, queue = connected_components(matrix, directed=False)
    rows = sorted([pool for pool in range(pools) if queue[pool] == one] for one in set(queue.tolist()))
    return rows, {pool: number for number, row in enumerate(rows) for pool in row}


def _lists(lists: Sequence[Sequence[int]], tiers: Sequence[int]) -> Doors:
    return Doors(
        first=np.concatenate(([0], np.cumsum([len(one) for one in lists]))).astype(np.int64),
        pool=np.array([pool for one in lists for pool in one], dtype=np.int64),
        tier=np.array(tiers, dtype=np.int64),
    )


def _jobs(inputs: Inputs, row: Integers, masks: Integers) -> Jobs:
    jobs = len(row)
    return Jobs(
        submit_s=inputs.submit_s.copy(),
        run_s=inputs.run_s.copy(),
        estimate_s=inputs.logged_estimate_s.copy(),
        procs=inputs.procs.copy(),
        row=row,
        rules=masks,
        key=np.zeros(jobs),
        passing_key=np.zeros(jobs),
        runs=np.zeros(jobs, dtype=bool),
        speed=np.ones(jobs),
        began_s=np.zeros(jobs),
        held_s=np.zeros(jobs),
        ends_s=np.zeros(jobs),
        release_s=np.zeros(jobs),
        start_s=np.full(jobs, np.nan),
        end_s=np.full(jobs, np.nan),
        killed=np.zeros(jobs, dtype=bool),
        failed=np.zeros(jobs, dtype=bool),
        restarts=np.zeros(jobs, dtype=np.int64),
        counted=np.zeros(jobs, dtype=np.int64),
        kept_s=np.zeros(jobs),
        queued_s=np.zeros(jobs),
        pool=np.full(jobs, REJECTED),
        next_group=np.zeros(jobs + 1, dtype=np.int64),
        group=np.zeros(0, dtype=np.int64),
        left=np.zeros(0, dtype=np.int64),
        next_after=np.zeros(1, dtype=np.int64),
        after=np.zeros(0, dtype=np.int64),
    )


def _queues(rows: int, jobs: int, counters: int) -> Queues:
    return Queues(
        job=np.zeros((rows, jobs), dtype=np.int64),
        length=np.zeros(rows, dtype=np.int64),
        dirty=np.zeros(rows, dtype=bool),
        early=np.zeros(rows, dtype=bool),
        lost=np.zeros(rows, dtype=bool),
        due_s=np.full(rows, np.inf),
        under=np.zeros((rows, counters), dtype=np.int64),
        look=np.zeros(jobs, dtype=np.int64),
        cursor=np.zeros(3, dtype=np.int64),
        chosen=np.zeros(jobs, dtype=np.int64),
        returning=np.zeros(jobs, dtype=np.int64),
    )
