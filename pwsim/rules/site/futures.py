"""What will be free on each node of packed pools, in a plan that each pass makes anew (semantics §9).

The future of a node is a list of points in time, by ``next_point``: what is free from one until the next.  A share may
have a node for a time if it fits the least that is free there throughout, of cores, of memory and of each GPU.
"""

from __future__ import annotations

import math

from pwsim.rules.packing import WHOLE, Bins, fits, hold
from pwsim.rules.site.containers import Site, pools_of
from pwsim.rules.site.packs import Packs, bins_now, bins_then, shares_in


def points_of(packs: Packs) -> Bins:
    """Return what is free from each point on; a point counts as a node of its own."""
    width = 0
    for pool in range(len(packs.width)):
        width = max(width, packs.width[pool])
    return Bins(width, packs.point_cores, packs.point_memory, packs.point_gpus, packs.point_gpu)


def draw_futures(now: float, row: int, site: Site) -> None:
    """Write what running jobs, and nodes on their way, leave free on the nodes of a queue's packed pools."""
    packs, capacity = site.packs, site.capacity
    packs.points[0] = 0
    for pool in pools_of(row, site.rows):
        if not packs.packed[pool]:
            continue
        for node in range(packs.nodes[pool]):
            begin_future(pool, node, packs)
            if capacity.arriving[pool] and now < capacity.up_s[pool][node] < math.inf:
                arrive(capacity.up_s[pool][node], pool, node, packs)
        for index in range(capacity.running[pool]):
            end_s = max(capacity.release_s[pool][index], now + 1.0)
            reserve_nodes(end_s, math.inf, 1, pool, capacity.release_job[pool][index], site)


def begin_future(pool: int, node: int, packs: Packs) -> None:
    """Let the future of a node be one point, with what is free now."""
    point, points, source = packs.points[0], points_of(packs), bins_now(pool, packs)
    packs.points[0] += 1
    packs.first_point[pool][node] = point
    packs.point_s[point], packs.next_point[point] = -math.inf, -1
    points.cores[point], points.memory[point] = source.cores[node], source.memory[node]
    points.gpus[point] = source.gpus[node]
    for gpu in range(points.width):
        points.gpu[point * points.width + gpu] = source.gpu[node * source.width + gpu] if gpu < source.width else 0


def arrive(up_s: float, pool: int, node: int, packs: Packs) -> None:
    """Let a node be there from a time on, empty."""
    point, points = split_future(up_s, pool, node, packs), points_of(packs)
    points.cores[point], points.memory[point] = packs.size_cores[pool], packs.size_memory[pool]
    points.gpus[point] = packs.width[pool] * WHOLE
    for gpu in range(packs.width[pool]):
        points.gpu[point * points.width + gpu] = WHOLE


def split_future(time_s: float, pool: int, node: int, packs: Packs) -> int:
    """Make sure that the future of a node has a point at a time; return it."""
    before = packs.first_point[pool][node]
    while packs.next_point[before] >= 0 and packs.point_s[packs.next_point[before]] <= time_s:
        before = packs.next_point[before]
    if packs.point_s[before] == time_s:
        return before
    point, points = packs.points[0], points_of(packs)
    packs.points[0] += 1
    packs.point_s[point] = time_s
    packs.next_point[point] = packs.next_point[before]
    packs.next_point[before] = point
    points.cores[point], points.memory[point] = points.cores[before], points.memory[before]
    points.gpus[point] = points.gpus[before]
    for gpu in range(points.width):
        points.gpu[point * points.width + gpu] = points.gpu[before * points.width + gpu]
    return point


def reserve_nodes(start_s: float, end_s: float, sign: int, pool: int, job: int, site: Site) -> None:
    """Take a job's shares in a pool off the futures of their nodes for some time (-1), or give them back (1)."""
    packs = site.packs
    points, shares = points_of(packs), shares_in(pool, site.waiting.need, packs)
    for share in range(packs.first[job], packs.first[job] + site.waiting.need[job]):
        if packs.place_pool[share] == pool:
            node = packs.place_node[share]
            point = split_future(start_s, pool, node, packs)
            if end_s < math.inf:
                split_future(end_s, pool, node, packs)
            while point >= 0 and packs.point_s[point] < end_s:
                hold(points, point, shares, job, packs.place_bits[share], sign)
                point = packs.next_point[point]


def first_on_node(after_s: float, length_s: float, pool: int, node: int, job: int, site: Site) -> float:
    """Return the first time, not before another, from which on a node fits a share for so long [s]; or infinity.

    If so, the least that is free throughout is written for the node, at the time that is being looked at.
    """
    packs = site.packs
    point = packs.first_point[pool][node]
    while packs.next_point[point] >= 0 and packs.point_s[packs.next_point[point]] <= after_s:
        point = packs.next_point[point]
    while point >= 0:
        start_s = max(after_s, packs.point_s[point])
        blocking = blocked_at(point, start_s + length_s, pool, node, job, site)
        if blocking < 0:
            return start_s
        point = packs.next_point[blocking]
    return math.inf


def blocked_at(first: int, end_s: float, pool: int, node: int, job: int, site: Site) -> int:
    """Return a point up to which no start is possible, if a share does not fit from a point to a time; or else -1."""
    packs = site.packs
    points, then, shares = points_of(packs), bins_then(pool, packs), shares_in(pool, site.waiting.need, packs)
    point = first
    while point >= 0 and (point == first or packs.point_s[point] < end_s):
        if not fits(points, point, shares, job):
            return point
        if point == first:
            then.cores[node], then.memory[node] = points.cores[point], points.memory[point]
        then.cores[node] = min(then.cores[node], points.cores[point])
        then.memory[node] = min(then.memory[node], points.memory[point])
        then.gpus[node] = 0
        for gpu in range(then.width):
            place, free = node * then.width + gpu, points.gpu[point * points.width + gpu]
            then.gpu[place] = free if point == first else min(then.gpu[place], free)
            then.gpus[node] += then.gpu[place]
        point = packs.next_point[point]
    # One after another, the GPUs of a share may be others; it has to have the same ones all the time.
    return -1 if fits(then, node, shares, job) else first
