"""The nodes of packed pools, empty, and what jobs ask for there (semantics §5)."""

from __future__ import annotations

import numpy as np

from pwsim import rules
from pwsim.cluster import Cluster, admission, plans_anew
from pwsim.engine.inputs import Inputs
from pwsim.rules.site import Packs, Waiting
from pwsim.trace import Integers, Trace


def packs_of(trace: Trace, cluster: Cluster, inputs: Inputs, waiting: Waiting) -> Packs:
    """Return the nodes of packed pools, empty, and what jobs ask for there; without nodes where no pool is packed."""
    counts, need, pools = cluster.node_counts(), np.asarray(waiting.need), len(cluster.pools)
    packed = np.array([pool.placement == "packed" for pool in cluster.pools])
    nodes = np.where(packed, counts, 0)
    width = np.array([pool.node.gpus for pool in cluster.pools])
    most, gpus = int(nodes.max()), int((nodes * width).max())
    here = packed[[way[0] for way in admission(trace, cluster).ways]][np.asarray(waiting.door)] & packed.any()
    moving = packed & [pool.burst_after is not None for pool in cluster.pools]
    held = np.maximum(np.where(here, need, 0), np.where(moving[:, np.newaxis], inputs.needs, 0).max(axis=0))
    cores, memory, milli = (
        np.zeros(len(trace), np.int64),
        np.zeros((pools, len(trace)), np.int64),
        np.zeros(len(trace), np.int64),
    )
    for index, pool in enumerate(cluster.pools):
        if packed[index]:
            cores, memory[index], milli = pool.shares(trace, need)
    rows = np.zeros((pools, most), dtype=np.int64), np.zeros((pools, gpus), dtype=np.int64)
    bins = [rows[0].copy(), rows[0].copy(), rows[0].copy(), rows[1].copy()]
    for index, pool in enumerate(cluster.pools):
        if packed[index]:
            up, whole = nodes[index], pool.node.gpus * rules.WHOLE
            bins[0][index, :up], bins[1][index, :up], bins[2][index, :up] = (
                pool.node.cores,
                pool.node.whole_memory,
                whole,
            )
            bins[3][index, : up * pool.node.gpus] = rules.WHOLE
    widest = int(held.max(initial=0))
    claim = np.zeros((2 * pools, widest), dtype=np.int64)
    shares = np.zeros(int(held.sum()), dtype=np.int64)
    points = np.zeros(point_room(pools * most, len(shares)) if plans_anew(cluster) else 0, dtype=np.int64)
    return Packs(
        packed, nodes, *_sizes(cluster), width, bins[0], bins[1], bins[2], bins[3], bins[0].copy(), bins[1].copy(),
        bins[2].copy(), bins[3].copy(), cores, memory, milli, np.arange(most + 1),
        np.concatenate(([0], np.cumsum(held))), shares, shares.copy(), shares.copy(), claim, claim.copy(), claim.copy(),
        np.zeros(2 * pools, dtype=np.int64), np.zeros(2 * pools), np.zeros(2 * pools), np.zeros(1, dtype=np.int64),
        np.zeros((pools, most), dtype=np.int64), np.zeros((pools, most)), points.astype(np.float64), points,
        points.copy(), points.copy(), points.copy(), np.zeros(len(points) * int(width.max()), dtype=np.int64),
        np.zeros(1, dtype=np.int64), np.zeros(pools, dtype=bool), np.zeros(most, dtype=np.int64),
        np.zeros(widest, dtype=np.int64), np.zeros(widest, dtype=np.int64),
    )  # fmt: skip


def point_room(nodes: int, shares: int) -> int:
    """Return how many points futures may have: two for each node, which may come, and two for each share."""
    return 2 * (nodes + shares)


def _sizes(cluster: Cluster) -> tuple[Integers, Integers]:
    """Return cores and memory [MiB] of a node of each pool."""
    sizes = [(pool.node.cores, pool.node.whole_memory) for pool in cluster.pools]
    cores, memory = np.array(sizes, dtype=np.int64).T.copy()
    return cores, memory
