"""What an engine needs to know, as arrays: worked out once, before the clock starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pwsim.cluster import Cluster
from pwsim.result import REJECTED
from pwsim.rules import Policy
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


def prepare(trace: Trace, cluster: Cluster) -> Inputs:
    """Return the arrays that a replay starts from (semantics §1, §3, §5).

    A job goes to the first pool that accepts it and could ever hold it.

    Raises
    ------
    ValueError
        If the cluster still has choices.
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
        policy=cluster.the_policy(),
    )
