"""What an engine needs to know, as arrays: worked out once, before the clock starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from pwsim.cluster import CloudPool, Cluster, OnPremisesPool, Pool, routed
from pwsim.common import HOUR_S, HopelessError, InputError
from pwsim.engine.outcome import REJECTED, Replay
from pwsim.engine.priorities import priorities_of, together
from pwsim.rules import ORDERS, Key, Policy, Priorities, attempts, custom
from pwsim.trace import Floats, Integers, Trace

FRUITLESS = 10_000
"""Launches in a row without a job that ever runs, after which a replay gives up (semantics §6)."""


def fruitless_error(pool: str) -> HopelessError:
    """Return the error for a pool whose launches are all in vain."""
    return HopelessError(
        f"pool {pool!r} launched {FRUITLESS:,} nodes in a row of which none ran a job while jobs waited: they are "
        "taken back before they are of use; check interruptions_per_hour and boot_time"
    )


def full_error(pool: str) -> RuntimeError:
    """Return the error for a pool whose profile of free units has no room left, though it has room for all there is."""
    return RuntimeError(
        f"pool {pool!r}: the profile of free units that conservative backfilling keeps is full; this is a bug of "
        "pwsim, not a fault of the scenario: please report it"
    )


class PoolInputs(NamedTuple):
    """What an engine needs to know of a pool beside its size."""

    name: str
    """Name of the pool."""
    speed: float
    """Speed of its nodes."""
    elastic: bool
    """Whether nodes are launched and shut down with demand (semantics §6)."""
    least: int
    """``min_nodes`` of an elastic pool."""
    boot_s: float
    """From launch until a node is up [s]."""
    idle_s: float
    """Idle time after which a node is shut down [s]."""
    burst_s: float
    """Wait after which jobs of earlier pools come here [s]; infinite if they never do."""
    checkpoint_s: float
    """Interval between checkpoints [s]; 0 without."""
    overhead_s: float
    """Restart overhead [s]."""
    max_restarts: int
    """Restarts after which the next interruption ends a job."""
    life_s: float
    """Mean time until a launched node is taken back [s]; infinite if it never is."""
    mtbf_s: float
    """Mean time of being up until a node fails [s]; infinite if it never does."""
    repair_s: float
    """From a failure until the node is up again [s]."""
    packed: bool
    """Whether jobs share nodes (semantics §5)."""
    cores: int
    """Cores of a node."""
    memory: int
    """Memory of a node [MiB]; 0 where it is not looked at."""
    gpus: int
    """GPUs of a node."""

    @property
    def numbered(self) -> bool:
        """Whether it matters which of its nodes a job holds."""
        return self.elastic or self.mtbf_s < math.inf or self.packed


@dataclass(frozen=True)
class Inputs:
    """A trace on a cluster, in arrays; jobs in job order, pools in their order."""

    submit_s: Floats
    """Submission [s], shape (jobs,); of jobs that follow another, that of the log."""
    procs: Integers
    """Processors, shape (jobs,)."""
    logged_estimate_s: Floats
    """Estimate of the log, which orders go by [s], shape (jobs,)."""
    pool: Integers
    """Pool to which each job is routed, or :data:`REJECTED`, shape (jobs,)."""
    need: Integers
    """Units (cores or nodes) that each job takes in its pool, shape (jobs,)."""
    held_s: Floats
    """How long the job holds them: its run time there, cut off if it is killed [s], shape (jobs,)."""
    estimate_s: Floats
    """Estimate in its pool [s], shape (jobs,)."""
    killed: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """Whether the job is killed at the end of its estimate, shape (jobs,)."""
    units: tuple[int, ...]
    """Units of each pool: the most that may be up."""
    pools: tuple[PoolInputs, ...]
    """More of each pool."""
    needs: Integers
    """Units that each job takes in each pool, 0 where it could never be held, shape (pools, jobs)."""
    shares: Integers
    """Cores, memory [MiB] and thousandths of a GPU of a share of each job in each packed pool, and the number of its
    shape (:class:`pwsim.rules.packing.Shares`), shape (4, pools, jobs); (4, pools, 0) where no pool is packed."""
    run_s: Floats
    """Run time of the log [s], shape (jobs,)."""
    overrun: str
    """``allow`` or ``kill``."""
    seed: int
    """Seed of everything random."""
    steady: bool
    """Whether all nodes are always up, every job stays where it was routed, and use counts in each pool by itself."""
    policy: Policy
    """How each pool schedules."""
    depth: int
    """Jobs that a backfill rule looks at; 0: all (semantics §4)."""
    order: Key | None
    """The order's function; ``None`` for ``multifactor``, which needs what follows."""
    priorities: Priorities
    """What ``multifactor`` knows of jobs and users; next to nothing under other orders."""
    closed: bool
    """Whether jobs may follow others (:mod:`pwsim.workload.feedback`)."""
    follows: Integers
    """Job after whose end each job is submitted, -1 for its own ``submit_s``, shape (jobs,)."""
    think_s: Floats
    """Time from that end to the submission [s], shape (jobs,)."""
    site: Any = None
    """What rules of the site add (:class:`pwsim.engine.site.Prepared`); ``None`` without any."""

    @property
    def dynamic(self) -> bool:
        """Whether keys change while jobs wait, so that each pass sorts the queue."""
        return self.policy.dynamic


def without_rules(trace: Trace, cluster: Cluster, seed: int = 1) -> Inputs:
    """Return the arrays that a replay starts from, most rules of the site left aside (semantics §1, §3, §5).

    A job goes to the first pool that accepts it and could ever hold it; where there are partitions, to the pools of its
    own, or if it has none to those that no partition names.

    Raises
    ------
    ValueError
        If the cluster still has choices.
    InputError
        If the user's own order cannot be loaded.
    """
    counts = cluster.node_counts()
    pool = np.full(len(trace), REJECTED, dtype=np.int64)
    need = np.zeros(len(trace), dtype=np.int64)
    speed = np.ones(len(trace))
    units = tuple(count * one.units_per_node() for count, one in zip(counts, cluster.pools, strict=True))
    needs = np.zeros((len(cluster.pools), len(trace)), dtype=np.int64)
    packed = any(one.placement == "packed" for one in cluster.pools)
    shares = np.zeros((4, len(cluster.pools), len(trace) if packed else 0), dtype=np.int64)
    routes = routed(trace, cluster)
    for index, one in enumerate(cluster.pools):
        needed = one.need(trace)
        held = one.admits(trace) & (needed <= units[index]) & (routes[index] | (one.burst_after is not None))
        needs[index, held] = needed[held]
        if one.placement == "packed":
            shares[:3, index] = one.shares(trace)
            asked = np.vstack((needed, shares[:3, index]))
            shares[3, index] = np.unique(asked, axis=1, return_inverse=True)[1].ravel()
        here = (pool == REJECTED) & held & routes[index]
        pool[here] = index
        need[here] = needed[here]
        speed[here] = one.node.speed
    policy = cluster.the_policy()
    priorities = priorities_of(trace, cluster, [[index] for index in range(len(cluster.pools))], pool, need)
    run_s, estimate_s = trace.run_s / speed, trace.estimate_s / speed
    killed = attempts.is_killed(run_s, estimate_s, cluster.overrun == "kill") & (pool != REJECTED)
    return Inputs(
        submit_s=trace.submit_s,
        procs=trace.procs,
        logged_estimate_s=trace.estimate_s,
        pool=pool,
        need=need,
        held_s=np.where(killed, estimate_s, run_s),
        estimate_s=estimate_s,
        killed=killed,
        units=units,
        pools=tuple(map(_pool_inputs, cluster.pools)),
        needs=needs,
        shares=shares,
        run_s=trace.run_s,
        overrun=cluster.overrun,
        seed=seed,
        steady=cluster.steady and (len(units) == 1 or priorities.fair_share == 0 or not together(cluster)),
        policy=policy,
        depth=cluster.depth or 0,
        order=_order(cluster, policy),
        priorities=priorities,
        **_feedback(trace, pool),
    )


def steady_replay(engine: str, inputs: Inputs, start_s: Floats) -> Replay:
    """Return the replay that starts stand for where nodes stay up and jobs where they are: one attempt a job."""
    end_s = start_s + inputs.held_s  # NaN for rejected jobs
    return Replay(
        engine=engine,
        pool=inputs.pool,
        start_s=start_s,
        end_s=end_s,
        killed=inputs.killed,
        failed=np.zeros(len(start_s), dtype=bool),
        restarts=np.zeros(len(start_s), dtype=np.int64),
    )


def records(inputs: Inputs, noted: Sequence[Any], end_s: float) -> dict[str, Any]:
    """Return the tables of attempts, waits, stays of nodes and places, in an order that no engine decides.

    What would come after the last job's end does not: nodes that were launched at that instant are left out.
    """
    if inputs.steady:
        return {"attempts": None, "waits": None, "spans": None, "places": None}
    tables = [
        np.array(rows, dtype=np.float64).reshape(-1, width) for rows, width in zip(noted, (5, 4, 5, 6), strict=True)
    ]
    tried, waited, stays, placed = tables
    stays = stays[(stays[:, 2] < end_s) | (end_s == 0)]
    return {
        "attempts": tried[np.lexsort((tried[:, 2], tried[:, 0], tried[:, 3]))],
        "waits": waited[np.lexsort((waited[:, 1], waited[:, 2], waited[:, 0], waited[:, 3]))],
        "spans": stays[np.lexsort((stays[:, 4], stays[:, 2], stays[:, 1], stays[:, 0]))],
        "places": placed[np.lexsort((placed[:, 4], placed[:, 2], placed[:, 0]))] if len(placed) else None,
    }


def _pool_inputs(pool: Pool) -> PoolInputs:
    cloud = pool if isinstance(pool, CloudPool) and pool.elastic else None
    owned = pool if isinstance(pool, OnPremisesPool) else None
    return PoolInputs(
        name=pool.name,
        speed=pool.node.speed,
        elastic=cloud is not None,
        least=cloud.min_nodes if cloud else 0,
        boot_s=cloud.boot_time if cloud else 0.0,
        idle_s=cloud.idle_timeout if cloud else math.inf,
        burst_s=math.inf if pool.burst_after is None else pool.burst_after,
        checkpoint_s=pool.checkpoint_interval or 0.0,
        overhead_s=pool.restart_overhead,
        max_restarts=pool.max_restarts,
        life_s=HOUR_S / cloud.interruptions_per_hour if cloud and cloud.interruptions_per_hour else math.inf,
        mtbf_s=math.inf if owned is None or owned.mtbf is None else owned.mtbf,
        repair_s=owned.repair_time if owned else 0.0,
        packed=pool.placement == "packed",
        cores=pool.node.cores,
        memory=pool.node.whole_memory,
        gpus=pool.node.gpus,
    )


def lives(seed: int, pool: str, mean_s: float, launches: int) -> Floats:
    """Return the life of each launch of a pool, exponential [s], shape (launches,).

    Drawn from a stream of the pool's own; more launches give the same lives for the first of them (semantics §6).
    """
    return np.random.default_rng([seed, crc32(pool.encode()), 0]).exponential(mean_s, launches)


def uptimes(seed: int, pool: str, node: int, mean_s: float, failures: int) -> Floats:
    """Return the times that a node is up from one failure to the next, exponential [s], shape (failures,)."""
    return np.random.default_rng([seed, crc32(pool.encode()), 1, node]).exponential(mean_s, failures)


def _order(cluster: Cluster, policy: Policy) -> Key | None:
    if policy.code is not None:
        file, function = policy.code
        try:
            return custom.load(cluster.folder / file, function)
        except ValueError as error:
            raise InputError(f"policy {str(policy)!r}: {error}") from None
    return ORDERS[policy.order].key


def _feedback(trace: Trace, pool: Integers) -> dict[str, Any]:
    """Return which job waits for the end of which; nobody waits for a rejected job, which never ends."""
    if trace.feedback is None:
        return {"closed": False, "follows": np.full(len(trace), -1), "think_s": np.zeros(len(trace))}
    follows, think_s = trace.feedback
    return {"closed": True, "follows": np.where(pool[follows] != REJECTED, follows, -1), "think_s": think_s}


def as_lists(record: Any) -> Any:
    """Return the same containers as lists, which Python is faster with."""
    if isinstance(record, tuple):
        return type(record)(*map(as_lists, record))
    return record.tolist() if isinstance(record, np.ndarray) else record
