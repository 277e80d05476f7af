"""What an engine needs to know, as arrays: worked out once, before the clock starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pwsim.cluster import Cluster
from pwsim.errors import InputError
from pwsim.result import REJECTED
from pwsim.rules import Policy, custom, orders
from pwsim.rules.custom import Order
from pwsim.trace import Floats, Integers, Trace


@dataclass(frozen=True)
class Inputs:
    """A trace on a cluster, in arrays; jobs in job order, pools in their order."""

    submit_s: Floats
    """Submission [s], shape (jobs,)."""
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
    """Units of each pool."""
    policy: Policy
    """How each pool schedules."""
    depth: int
    """Jobs that a backfill rule looks at; 0: all (semantics §4)."""
    order: Order | None
    """The order's function; ``None`` for ``multifactor``, which needs what follows."""
    account: Integers
    """Number of the user of each job, for the fair share, shape (jobs,)."""
    share: Floats
    """Promised part of the machine by user, of 1, shape (users,)."""
    fixed_priority: Floats
    """What size and queue add to the priority of each job, shape (jobs,)."""
    weights: Floats
    """Weight of age, age at which it is full [s], weight of the fair share, decay of usage [1/s], shape (4,)."""

    @property
    def dynamic(self) -> bool:
        """Whether keys change while jobs wait, so that each pass sorts the queue."""
        return self.policy.order in orders.DYNAMIC or self.policy.code is not None


def prepare(trace: Trace, cluster: Cluster) -> Inputs:
    """Return the arrays that a replay starts from (semantics §1, §3, §5).

    A job goes to the first pool that accepts it and could ever hold it.

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
    for index, one in enumerate(cluster.pools):
        needed = one.need(trace)
        here = (pool == REJECTED) & one.admits(trace) & (needed <= units[index])
        pool[here] = index
        need[here] = needed[here]
        speed[here] = one.node.speed
    policy = cluster.the_policy()
    run_s, estimate_s = trace.run_s, trace.estimate_s
    killed = (
        (run_s > estimate_s) & (pool != REJECTED) if cluster.overrun == "kill" else np.zeros(len(trace), dtype=bool)
    )
    return Inputs(
        submit_s=trace.submit_s,
        procs=trace.procs,
        logged_estimate_s=estimate_s,
        pool=pool,
        need=need,
        held_s=np.where(killed, estimate_s, run_s) / speed,
        estimate_s=estimate_s / speed,
        killed=killed,
        units=units,
        policy=policy,
        depth=cluster.depth or 0,
        order=_order(cluster, policy),
        **_multifactor(trace, cluster, need, pool, units),
    )


def _order(cluster: Cluster, policy: Policy) -> Order | None:
    if policy.code is not None:
        file, function = policy.code
        try:
            return custom.load(cluster.folder / file, function)
        except ValueError as error:
            raise InputError(f"policy {str(policy)!r}: {error}") from None
    return None if policy.order == "multifactor" else getattr(orders, policy.order)


def _multifactor(
    trace: Trace, cluster: Cluster, need: Integers, pool: Integers, units: tuple[int, ...]
) -> dict[str, Any]:
    """Return what the multifactor order needs, empty for others; see :mod:`pwsim.rules.multifactor`."""
    if cluster.the_policy().order != "multifactor":
        none = np.empty(0)
        return {"account": none.astype(np.int64), "share": none, "fixed_priority": none, "weights": none}
    factors = cluster.multifactor
    users, account = np.unique(trace.user.codes, return_inverse=True)
    names = [str(trace.user.categories[code]) if code >= 0 else "" for code in users]
    promised = np.array([factors.shares.get(name, 1.0) for name in names])
    fixed_priority = np.zeros(len(trace))
    served = pool != REJECTED
    if served.any():
        fixed_priority[served] = factors.size * need[served] / np.array(units)[pool[served]]
    if factors.queues:
        most = max(factors.queues.values())
        by_queue = np.array([factors.queues.get(str(name), 0.0) / most for name in (*trace.queue.categories, "")])
        fixed_priority += factors.queue * by_queue[trace.queue.codes]
    return {
        "account": account.astype(np.int64),
        "share": promised / promised.sum(),
        "fixed_priority": fixed_priority,
        "weights": np.array(
            [factors.age, factors.max_age, factors.fair_share, math.log(2.0) / factors.half_life], dtype=np.float64
        ),
    }
