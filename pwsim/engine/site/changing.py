"""What a replay under site rules begins with, of nodes that come and go and of jobs that move."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pwsim.engine.inputs import Inputs, lives, uptimes
from pwsim.engine.site.nodes import IDLE, Nodes
from pwsim.engine.site.packing import point_room
from pwsim.engine.site.state import Bursts, State
from pwsim.rules.site import Capacity, Caps, Packs, Waiting
from pwsim.trace import Integers

FAILURES = 16
"""Failures of a node that are drawn at first; more are if need be."""


def comes_and_goes(inputs: Inputs) -> list[bool]:
    """Return whether nodes of each pool fail, are taken back, or are launched and shut down."""
    return [one.elastic or one.mtbf_s < math.inf for one in inputs.pools]


def changes(inputs: Inputs) -> bool:
    """Return whether nodes come and go, or jobs move."""
    return any(comes_and_goes(inputs)) or any(one.burst_s < math.inf for one in inputs.pools)


def no_nodes(inputs: Inputs) -> Nodes:
    """Return the containers of nodes where none comes or goes."""
    return _nodes(inputs, [False] * len(inputs.pools), 0, 0)


def laid_out(state: State, inputs: Inputs, more: int) -> State:
    """Return containers of their own for a replay in which nodes come and go.

    Parameters
    ----------
    state
        The containers as if all nodes were up, and stayed.
    inputs
        The jobs and pools.
    more
        How many times as much room, and as many draws, as at first.
    """
    state = _copied(state)
    numbered = comes_and_goes(inputs)
    size = 0
    if any(one.elastic for one in inputs.pools):
        size = more * (1024 + 4 * max(inputs.units) + len(inputs.pool))
    elif any(numbered):
        size = max(inputs.units)
    nodes = _nodes(inputs, numbered, size, more * FAILURES)
    capacity = _capacity(state.site.capacity, inputs, nodes)
    packs = _packs(state.site.packs, inputs, nodes)
    return state._replace(nodes=nodes, site=state.site._replace(capacity=capacity, packs=packs))


def _copied(record: Any) -> Any:
    if isinstance(record, tuple):
        return type(record)(*map(_copied, record))
    return record.copy() if isinstance(record, np.ndarray) else record


def _nodes(inputs: Inputs, numbered: list[bool], size: int, failures: int) -> Nodes:
    """Return the containers of nodes, a line a field."""
    pools, jobs, widest = len(inputs.pools), len(inputs.pool), max(inputs.units)
    each = list(zip(inputs.pools, inputs.units, numbered, strict=True))
    fails = [one.mtbf_s < math.inf and here for one, _, here in each]
    lives_s = np.zeros((pools, size if any(one.life_s < math.inf for one in inputs.pools) else 0))
    uptimes_s = np.zeros((pools, widest if any(fails) else 0, failures))
    state, idle = np.zeros((pools, size), dtype=np.int64), np.zeros((pools, widest if size else 0), dtype=np.int64)
    up = np.array([(one.least if one.elastic else units) if here else 0 for one, units, here in each], dtype=np.int64)
    for index, (one, units, here) in enumerate(each):
        state[index, : up[index]], idle[index, : up[index]] = IDLE, np.arange(up[index])
        if here and one.life_s < math.inf:
            lives_s[index] = lives(inputs.seed, one.name, one.life_s, size)
        for node in range(units if fails[index] else 0):
            uptimes_s[index, node] = uptimes(inputs.seed, one.name, node, one.mtbf_s, failures)
    counting = any(one.packed for one in inputs.pools) and changes(inputs)
    room, width = widest + 2 if counting else 0, max(one.gpus for one in inputs.pools)
    return Nodes(
        numbered=np.array(numbered),
        elastic=np.array([one.elastic and here for one, _, here in each]),
        lives=np.array([one.life_s < math.inf and here for one, _, here in each]),
        fails=np.array(fails),
        most=np.array(inputs.units, dtype=np.int64),
        least=np.array([one.least for one in inputs.pools], dtype=np.int64),
        boot_s=np.array([one.boot_s for one in inputs.pools]),
        timeout_s=np.array([one.idle_s for one in inputs.pools]),
        repair_s=np.array([one.repair_s for one in inputs.pools]),
        lives_s=lives_s,
        uptimes_s=uptimes_s,
        failures=np.zeros((pools, size), dtype=np.int64),
        state=state,
        job=np.zeros((pools, size), dtype=np.int64),
        following=np.zeros((pools, size), dtype=np.int64),
        first=np.full((pools, jobs if size else 0), -1),
        jobs_on=np.zeros((pools, size), dtype=np.int64),
        idle=idle,
        idles=up.copy(),
        idle_since_s=np.zeros((pools, size)),
        busy=np.zeros(pools, dtype=np.int64),
        launched=up,
        launched_s=np.zeros((pools, size)),
        leaves_s=np.full((pools, size), np.inf),
        fruitless=np.zeros(pools, dtype=np.int64),
        wake_s=np.full(pools, np.inf),
        leaving=np.zeros(idle.shape[1], dtype=np.int64),
        asking=np.zeros(jobs if size else 0, dtype=np.int64),
        room_cores=np.zeros(room, dtype=np.int64),
        room_memory=np.zeros(room, dtype=np.int64),
        room_gpus=np.zeros(room, dtype=np.int64),
        room_gpu=np.zeros(room * width, dtype=np.int64),
        chosen=np.zeros(room, dtype=np.int64),
        status=np.zeros(2, dtype=np.int64),
    )


def _capacity(capacity: Capacity, inputs: Inputs, nodes: Nodes) -> Capacity:
    """Return the free capacity where only the nodes that are up from the start are there."""
    numbered, up = np.asarray(nodes.numbered), np.asarray(nodes.launched)
    packed = np.array([one.packed for one in inputs.pools])
    up_s = np.full((len(up), np.asarray(nodes.state).shape[1]), np.inf)
    for pool in np.flatnonzero(numbered):
        up_s[pool, : up[pool]] = 0.0
    return capacity._replace(
        free=np.where(numbered & ~packed, up, capacity.free),
        arrive_s=np.zeros((len(up), max(inputs.units))),
        up_s=up_s,
    )


def _packs(packs: Packs, inputs: Inputs, nodes: Nodes) -> Packs:
    """Return the nodes of packed pools with room for those to come; those that are not there have no free cores."""
    size = np.asarray(nodes.state).shape[1]
    if not any(one.packed for one in inputs.pools) or not size:
        return packs
    own = np.asarray(packs.cores).shape[1]
    size, width = max(size, own), max(one.gpus for one in inputs.pools)
    wide = {name: np.pad(getattr(packs, name), ((0, 0), (0, size - own))) for name in _BY_NODE}
    for name in ("gpu", "then_gpu"):
        rows = np.asarray(getattr(packs, name))
        wide[name] = np.pad(rows, ((0, 0), (0, size * width - rows.shape[1])))
    if len(packs.point_s):
        points = point_room(len(inputs.pools) * size, len(packs.place_pool))
        wide |= {name: np.zeros(points, dtype=np.int64) for name in _BY_POINT}
        wide |= {"point_s": np.zeros(points), "point_gpu": np.zeros(points * width, dtype=np.int64)}
    counts = np.array(packs.nodes)
    for pool, one in enumerate(inputs.pools):
        if one.packed and one.elastic:
            counts[pool] = nodes.launched[pool]
            wide["cores"][pool, counts[pool] :] = 0
    return packs._replace(nodes=counts, numbers=np.arange(size + 1), chosen=np.zeros(size, dtype=np.int64), **wide)


_BY_NODE = ("cores", "memory", "gpus", "then_cores", "then_memory", "then_gpus", "first_point", "fits_s")
"""Fields of packed pools with an entry a node."""


_BY_POINT = ("next_point", "point_cores", "point_memory", "point_gpus")
"""Fields of packed pools with an entry a point in the future of a node."""


def bursts_of(
    inputs: Inputs, waiting: Waiting, first_door: int, packs: Packs, caps: Caps, moved: Caps, needs: Integers
) -> Bursts:
    """Return the containers of jobs that move.

    Parameters
    ----------
    inputs
        The jobs and pools.
    waiting, packs, caps
        What jobs ask for and count at the doors that they came through.
    first_door
        The door of the first pool; those of the others follow.
    moved
        What jobs count under limits once they have moved, the limits of a pool one after another.
    needs
        What each job would take of each pool; 0 if it never moves there.
    """
    after_s = np.array([one.burst_s for one in inputs.pools])
    bursting = bool((after_s < np.inf).any())
    jobs = len(inputs.pool) if bursting else 0
    sharing = jobs if any(one.packed for one in inputs.pools) else 0
    return Bursts(
        after_s=after_s,
        door=first_door + np.arange(len(after_s)),
        need=_first(needs, jobs),
        cores=_first(inputs.shares[0], sharing),
        memory=_first(inputs.shares[1], sharing),
        milli=_first(inputs.shares[2], sharing),
        amount=_first(moved.amount, jobs),
        counter=_first(moved.counter, jobs),
        own_door=_first(waiting.door, jobs),
        own_need=_first(waiting.need, jobs),
        own_cores=_first(packs.share_cores, sharing),
        own_milli=_first(packs.share_milli, sharing),
        own_amount=_first(caps.amount, jobs),
        own_counter=_first(caps.counter, jobs),
        since_s=np.zeros(jobs),
        due=np.zeros(jobs, dtype=np.int64),
        fresh=np.zeros(jobs, dtype=np.int64),
        dues=np.zeros(3, dtype=np.int64),
    )


def _first(rows: Any, jobs: int) -> Any:
    """Return a copy of rows by job, or of nothing of them."""
    return np.ascontiguousarray(np.asarray(rows)[..., :jobs]).copy()
