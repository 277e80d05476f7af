"""Nodes that come and go under site rules: failures, repairs, launches and shut-downs (semantics §6, §9).

Both engines use these functions, as they do those of :mod:`pwsim.engine.site.state`.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence

from pwsim.engine.inputs import FRUITLESS as MOST_FRUITLESS
from pwsim.engine.site.moving import burst_is_due, is_due_to_move
from pwsim.engine.site.nodes import (
    BUSY,
    COMING,
    FRUITLESS,
    GONE,
    IDLE,
    SHORT,
    drop_idle,
    set_idle,
    shares_on,
)
from pwsim.engine.site.state import (
    ARRIVE,
    BURST,
    CONSERVATIVE,
    LEAVE,
    NOT_PREEMPTED,
    WAKE,
    State,
    enter,
    interrupt,
    row_of,
)
from pwsim.rules import Bins, advance, cut, empty, filled, launches, place_of, put, shift, shut_down
from pwsim.rules import gain as note_gain
from pwsim.rules.site import bins_now, is_held, read_clock, shares_in


def begin(now: float, state: State, agenda: MutableSequence[tuple[float, int, int, int]]) -> None:
    """Let each node that is up from the start leave when its life ends, or when it fails."""
    nodes = state.nodes
    for pool in range(len(nodes.numbered)):
        if nodes.numbered[pool]:
            for index in range(nodes.idles[pool]):
                await_leaving(now, pool, nodes.idle[pool][index], state, agenda)


def change(
    now: float,
    kind: int,
    one: int,
    other: int,
    state: State,
    agenda: MutableSequence[tuple[float, int, int, int]],
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
    spans: MutableSequence[tuple[float, float, float, float, float]],
) -> int:
    """Let something happen to a node, or the wait of a job be over, unless it has become void.

    Returns
    -------
    int
        The number of jobs that are given up; -1 if it was void.
    """
    nodes = state.nodes
    if kind == LEAVE:
        if nodes.state[one][other] != GONE and nodes.leaves_s[one][other] == now:
            return leave(now, one, other, state, agenda, tried, spans)
    elif kind == ARRIVE:
        if nodes.state[one][other] == COMING and state.site.capacity.up_s[one][other] == now:
            arrive(now, one, other, state, agenda)
            return 0
    elif kind == BURST:
        if burst_is_due(now, one, state):
            return 0
    elif kind == WAKE and nodes.wake_s[one] == now:
        nodes.wake_s[one] = math.inf
        for index in range(nodes.idles[one]):
            if nodes.idle_since_s[one][nodes.idle[one][index]] + nodes.timeout_s[one] == now:
                return 0
    return -1


def await_leaving(
    now: float, pool: int, number: int, state: State, agenda: MutableSequence[tuple[float, int, int, int]]
) -> None:
    """Let a node leave when its life ends, or when it fails; note if draws are missing."""
    nodes = state.nodes
    if nodes.lives[pool]:
        if number >= len(nodes.lives_s[pool]):
            nodes.status[0] = SHORT
            return
        nodes.leaves_s[pool][number] = now + nodes.lives_s[pool][number]
        agenda.append((nodes.leaves_s[pool][number], LEAVE, pool, number))
    if nodes.fails[pool]:
        failure = nodes.failures[pool][number]
        if failure >= len(nodes.uptimes_s[pool][number]):
            nodes.status[0] = SHORT
            return
        nodes.failures[pool][number] += 1
        nodes.leaves_s[pool][number] = now + nodes.uptimes_s[pool][number][failure]
        agenda.append((nodes.leaves_s[pool][number], LEAVE, pool, number))


def leave(
    now: float,
    pool: int,
    number: int,
    state: State,
    agenda: MutableSequence[tuple[float, int, int, int]],
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
    spans: MutableSequence[tuple[float, float, float, float, float]],
) -> int:
    """Let a node be taken back, or fail; its jobs are interrupted.  Return the number of those that are given up."""
    nodes, capacity, given_up = state.nodes, state.site.capacity, 0
    while nodes.state[pool][number] == BUSY:
        job = first_on(pool, number, state)
        if interrupt(now, job, NOT_PREEMPTED, state, tried):
            enter(now, job, state)
        else:
            given_up += 1
    if nodes.state[pool][number] == COMING:
        forget_coming(pool, number, state)
        shift_capacity(now, pool, capacity.up_s[pool][number], -1, state)
    else:
        forget_idle(pool, number, state)
        shift_capacity(now, pool, now, -1, state)
    note_stay(now, pool, number, state, spans)
    row = row_of(pool, state)
    state.queues.lost[row] = state.queues.dirty[row] = True
    if nodes.fails[pool]:
        bring(now, pool, number, nodes.repair_s[pool], state, agenda)
    return given_up


def first_on(pool: int, number: int, state: State) -> int:
    """Return the first in job order of the jobs that hold something of a busy node."""
    packs, capacity, first = state.site.packs, state.site.capacity, -1
    if not packs.packed[pool]:
        return state.nodes.job[pool][number]
    for index in range(capacity.running[pool]):
        job = capacity.release_job[pool][index]
        if (first < 0 or job < first) and shares_on(job, pool, number, state.site.waiting.need, packs):
            first = job
    return first


def shift_capacity(now: float, pool: int, from_s: float, units: int, state: State) -> None:
    """Note in the profile that units come or go for good."""
    if state.settings.backfill == CONSERVATIVE:
        table = state.site.profiles
        first, points = advance(now, table.time_s[pool], table.free[pool], table.first[pool], table.points[pool])
        table.first[pool] = first
        table.points[pool] = shift(table.time_s[pool], table.free[pool], first, points, from_s, units)


def bring(
    now: float, pool: int, number: int, delay_s: float, state: State,
    agenda: MutableSequence[tuple[float, int, int, int]],
) -> None:  # fmt: skip
    """Let a node be up after a boot or a repair."""
    nodes, capacity = state.nodes, state.site.capacity
    up_s = now + delay_s
    nodes.state[pool][number] = COMING
    nodes.launched_s[pool][number] = now
    capacity.up_s[pool][number] = up_s
    coming = capacity.arriving[pool]
    put(capacity.arrive_s[pool], coming, place_of(capacity.arrive_s[pool], coming, up_s), up_s)
    capacity.arriving[pool] += 1
    agenda.append((up_s, ARRIVE, pool, number))
    if state.settings.backfill == CONSERVATIVE:
        note_gain(state.site.reserved.gain_s[pool], up_s, math.inf)
        shift_capacity(now, pool, up_s, 1, state)


def forget_coming(pool: int, number: int, state: State) -> None:
    """Take a node off those that are on their way."""
    capacity = state.site.capacity
    row = capacity.arrive_s[pool]
    coming = capacity.arriving[pool]
    cut(row, coming, place_of(row, coming, capacity.up_s[pool][number]))
    capacity.arriving[pool] -= 1


def forget_idle(pool: int, number: int, state: State) -> None:
    """Let an idle node be there no more."""
    drop_idle(pool, number, state.nodes)
    if state.site.packs.packed[pool]:
        state.site.packs.cores[pool][number] = 0  # every share needs some
    else:
        state.site.capacity.free[pool] -= 1


def note_stay(
    now: float, pool: int, number: int, state: State,
    spans: MutableSequence[tuple[float, float, float, float, float]],
) -> None:  # fmt: skip
    """Note the stay of a node that is there no more."""
    nodes, up_s = state.nodes, state.site.capacity.up_s[pool]
    spans.append((float(pool), float(number), nodes.launched_s[pool][number], up_s[number], now))
    nodes.state[pool][number] = GONE
    up_s[number] = math.inf


def arrive(
    now: float, pool: int, number: int, state: State, agenda: MutableSequence[tuple[float, int, int, int]]
) -> None:
    """Let a node be up, and idle."""
    nodes, packs, row = state.nodes, state.site.packs, row_of(pool, state)
    forget_coming(pool, number, state)
    set_idle(now, pool, number, nodes)
    if packs.packed[pool]:
        empty(bins_now(pool, packs), number, packs.size_cores[pool], packs.size_memory[pool])
    else:
        state.site.capacity.free[pool] += 1
    state.queues.early[row] = state.queues.dirty[row] = True
    if nodes.fails[pool]:
        await_leaving(now, pool, number, state, agenda)


# -- the autoscaler


def autoscale(
    now: float,
    state: State,
    agenda: MutableSequence[tuple[float, int, int, int]],
    spans: MutableSequence[tuple[float, float, float, float, float]],
) -> None:
    """Launch the nodes that waiting jobs need, and shut down those that have been idle for long, in each elastic pool.

    Jobs that are held need none.
    """
    nodes = state.nodes
    read_clock(now, state.site.hours)  # the last pass may have been before
    for pool in range(len(nodes.elastic)):
        if nodes.elastic[pool]:
            waiting = gather(now, pool, state)
            launch(now, pool, waiting, state, agenda)
            count = shut_down(
                now, waiting, nodes.idle[pool], nodes.idles[pool], nodes.idle_since_s[pool], nodes.timeout_s[pool],
                nodes.busy[pool], nodes.least[pool], nodes.leaving,
            )  # fmt: skip
            for index in range(count):
                forget_idle(pool, nodes.leaving[index], state)
                note_stay(now, pool, nodes.leaving[index], state, spans)
                shift_capacity(now, pool, now, -1, state)
            await_timeout(now, pool, state, agenda)


def gather(now: float, pool: int, state: State) -> int:
    """Write the waiting jobs of a pool that are not held; return how many they are."""
    queues, row, waiting = state.queues, row_of(pool, state), 0
    for position in range(queues.length[row]):
        job = queues.job[row][position]
        if not is_held(now, job, state.site):
            state.nodes.asking[waiting] = job
            waiting += 1
    return waiting


def launch(
    now: float, pool: int, waiting: int, state: State, agenda: MutableSequence[tuple[float, int, int, int]]
) -> None:
    """Launch the nodes that the jobs that were gathered need."""
    nodes, arriving = state.nodes, state.site.capacity.arriving[pool]
    wanted = wanted_by(pool, waiting, state)
    up = nodes.idles[pool], nodes.busy[pool]
    for _ in range(launches(wanted, up[0], up[1], arriving, nodes.most[pool], nodes.least[pool])):
        number = nodes.launched[pool]
        if number >= len(nodes.state[pool]):
            nodes.status[0] = SHORT
            return
        nodes.fruitless[pool] = nodes.fruitless[pool] + 1 if waiting else 0
        if nodes.fruitless[pool] >= MOST_FRUITLESS:
            nodes.status[0], nodes.status[1] = FRUITLESS, pool
            return
        nodes.launched[pool] += 1
        if state.site.packs.packed[pool]:
            state.site.packs.nodes[pool] = nodes.launched[pool]
        bring(now, pool, number, nodes.boot_s[pool], state, agenda)
        await_leaving(now, pool, number, state, agenda)
        state.queues.early[row_of(pool, state)] = True


def wanted_by(pool: int, waiting: int, state: State) -> int:
    """Return how many nodes the jobs that were gathered need."""
    nodes, packs, wanted = state.nodes, state.site.packs, 0
    if packs.packed[pool]:
        return filled(
            room_of(pool, state), packs.numbers, packs.size_cores[pool], packs.size_memory[pool],
            shares_in(pool, state.site.waiting.need, packs), nodes.asking, waiting, -1, nodes.most[pool], nodes.chosen,
        )  # fmt: skip
    for index in range(waiting):
        wanted += state.site.waiting.need[nodes.asking[index]]
    return wanted


def room_of(pool: int, state: State) -> Bins:
    """Return room to count in the empty nodes that jobs of a packed pool would fill."""
    nodes = state.nodes
    return Bins(state.site.packs.width[pool], nodes.room_cores, nodes.room_memory, nodes.room_gpus, nodes.room_gpu)


def await_timeout(now: float, pool: int, state: State, agenda: MutableSequence[tuple[float, int, int, int]]) -> None:
    """Let the autoscaler act again when a node will have been idle for long."""
    nodes, next_s = state.nodes, math.inf
    for index in range(nodes.idles[pool]):
        over_s = nodes.idle_since_s[pool][nodes.idle[pool][index]] + nodes.timeout_s[pool]
        if over_s > now:
            next_s = min(next_s, over_s)
    if next_s < math.inf and next_s != nodes.wake_s[pool]:
        agenda.append((next_s, WAKE, pool, 0))
    nodes.wake_s[pool] = next_s


# -- how a replay ends


def nothing_comes(now: float, state: State) -> bool:
    """Return whether nothing is known to come by which a waiting job may start, submissions and what is planned aside.

    That a node may fail, leave or be idle for too long is nothing of the kind.
    """
    capacity, queues, bursts = state.site.capacity, state.queues, state.bursts
    for pool in range(len(capacity.running)):
        if capacity.running[pool] or capacity.arriving[pool]:
            return False
    if bursts.dues[1]:
        return False
    for row in range(len(queues.length)):
        if queues.dirty[row] or queues.due_s[row] < math.inf:
            return False
        for position in range(queues.length[row]):
            if is_due_to_move(now, queues.job[row][position], True, state):
                return False
    return True


def end_stays(now: float, state: State, spans: MutableSequence[tuple[float, float, float, float, float]]) -> None:
    """Note the stays of all nodes that are there when a replay ends."""
    nodes = state.nodes
    for pool in range(len(nodes.numbered)):
        if nodes.numbered[pool]:
            for number in range(nodes.launched[pool]):
                if nodes.state[pool][number] in (COMING, IDLE, BUSY):
                    note_stay(now, pool, number, state, spans)
