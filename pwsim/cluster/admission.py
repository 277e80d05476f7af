"""Through which door each job goes, what it needs there, and why it is rejected if it is (semantics §5, §9)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pwsim.cluster.partitions import NO_DOOR, doors
from pwsim.cluster.rejections import REJECTIONS
from pwsim.trace import Integers, Trace

if TYPE_CHECKING:
    from pwsim.cluster.cluster import Cluster

_NUMBER = {name: number for number, name in enumerate(REJECTIONS)}


class Admission(NamedTuple):
    """The doors of a cluster, and which jobs go through which."""

    ways: list[list[int]]
    """The pools of each door, in the order in which jobs take them: those of the partitions, then each pool alone."""
    door: Integers
    """The door of each job; of those rejected, any, shape (jobs,)."""
    need: Integers
    """Units (cores or nodes) that each job takes, shape (jobs,)."""
    reason: Integers
    """Why each job is rejected, a place in :data:`~pwsim.cluster.REJECTIONS`; -1 if it is not, shape (jobs,)."""


def admission(trace: Trace, cluster: Cluster) -> Admission:
    """Return which jobs go through which door of a cluster with partitions, limits and hours left aside.

    Raises
    ------
    ValueError
        If a pool still has several choices of nodes.
    """
    index = {pool.name: number for number, pool in enumerate(cluster.pools)}
    ways = [[index[name] for name in partition.pools] for partition in cluster.partitions]
    ways += [[number] for number in range(len(cluster.pools))]
    door = doors(trace, cluster.partitions)
    need = np.zeros(len(trace), dtype=np.int64)
    reason = np.full(len(trace), -1)
    for number, partition in enumerate(cluster.partitions):
        here = door == number
        _through_partition(trace, cluster, ways[number], here, need, reason)
        reason[here & (reason < 0) & (trace.estimate_s > (partition.max_time or math.inf))] = _NUMBER["max_time"]
    _through_pools(trace, cluster, door, need, reason)
    return Admission(ways, door, need, reason)


def routed(trace: Trace, cluster: Cluster) -> np.ndarray:
    """Return by pool which jobs may come to it when they are submitted, shape (pools, jobs).

    Raises
    ------
    ValueError
        If a pool still has several choices of nodes.
    """
    routes = np.ones((len(cluster.pools), len(trace)), dtype=bool)
    if not cluster.partitions:
        return routes
    admitted, outside = admission(trace, cluster), doors(trace, cluster.partitions) == NO_DOOR
    named = {name for partition in cluster.partitions for name in partition.pools}
    for index, pool in enumerate(cluster.pools):
        inside = [door for door, way in enumerate(admitted.ways[: len(cluster.partitions)]) if index in way]
        through = np.isin(admitted.door, inside) & ~outside & (admitted.reason < 0)
        routes[index] = through if pool.name in named else outside
    return routes


def _through_partition(
    trace: Trace, cluster: Cluster, way: list[int], here: np.ndarray, need: Integers, reason: Integers
) -> None:
    """Work out what the jobs of a partition need; reject those that its pools together do not hold."""
    counts, pools = cluster.node_counts(), [cluster.pools[number] for number in way]
    need[here] = pools[0].need(trace)[here]
    fits = np.logical_or.reduce([pool.admits(trace) for pool in pools])
    fits &= need <= sum(counts[number] * cluster.pools[number].units_per_node() for number in way)
    cores = sum(counts[number] * cluster.pools[number].node.cores for number in way)
    gpus = sum(
        0 if cluster.pools[number].placement == "cores" else counts[number] * cluster.pools[number].node.gpus
        for number in way
    )
    for name, fault in (("procs", trace.procs > cores), ("gpus", trace.gpus > gpus), ("other", ~fits)):
        reason[here & (reason < 0) & fault] = _NUMBER[name]


def _through_pools(trace: Trace, cluster: Cluster, door: Integers, need: Integers, reason: Integers) -> None:
    """Send the jobs that no partition takes to the first pool that takes them, of those that no partition names."""
    named = {name for partition in cluster.partitions for name in partition.pools}
    alone = [number for number, pool in enumerate(cluster.pools) if pool.name not in named]
    outside = door == NO_DOOR
    counted = [(cluster.node_counts()[number], cluster.pools[number]) for number in alone]
    for number, (nodes, pool) in zip(alone, counted, strict=True):
        wanted = pool.need(trace)
        here = (door == NO_DOOR) & pool.admits(trace) & (wanted <= nodes * pool.units_per_node())
        door[here] = len(cluster.partitions) + number
        need[here] = wanted[here]
    left = outside & (door == NO_DOOR)
    if not counted:
        reason[left] = _NUMBER["accepts"]
    else:
        for one in REJECTIONS.values():
            reason[left & (reason < 0) & one.jobs(trace, counted)] = _NUMBER[one.name]
    door[left] = len(cluster.partitions)
