"""Jobs that have waited for long and move to a later pool, out of the queue in which they wait (semantics §5, §9).

Both engines use these functions, as they do those of :mod:`pwsim.engine.site.state`.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence

from pwsim.engine.site.state import BURST, State, count_waiting, enter, row_of, set_length
from pwsim.rules import Bins, has_room, may_move, packed_has_room, place_of, put
from pwsim.rules.site import bins_now, give_up, is_held, note_away, read_clock, shares_in


def waits(job: int, state: State) -> bool:
    """Return whether a job that was submitted waits."""
    return not state.jobs.runs[job] and math.isnan(state.jobs.end_s[job])


def later_than(job: int, state: State) -> int:
    """Return the first pool that is later than the first of a waiting job's door."""
    doors = state.site.doors
    return doors.pool[doors.first[state.site.waiting.door[job]]] + 1


def is_due_to_move(now: float, job: int, ever: bool, state: State) -> bool:
    """Return whether a waiting job is due to move to some pool now, or else will be later."""
    bursts = state.bursts
    if not len(bursts.since_s):
        return False
    for pool in range(later_than(job, state), len(bursts.after_s)):
        due = may_move(now, bursts.since_s[job], bursts.after_s[pool], bursts.need[pool][job])
        if ever:
            due = not due and bursts.after_s[pool] < math.inf and bursts.need[pool][job] > 0
        if due:
            return True
    return False


def note_due(job: int, state: State) -> None:
    """Note that a job is due to move."""
    bursts = state.bursts
    bursts.dues[1] = 1
    place = place_of(bursts.due, bursts.dues[0], job)
    if place == bursts.dues[0] or bursts.due[place] != job:
        put(bursts.due, bursts.dues[0], place, job)
        bursts.dues[0] += 1


def await_bursts(now: float, state: State, agenda: MutableSequence[tuple[float, int, int, int]]) -> None:
    """Let the jobs that have begun to wait be due to move when their waits have lasted that long."""
    bursts = state.bursts
    for index in range(bursts.dues[2]):
        job = bursts.fresh[index]
        for pool in range(later_than(job, state), len(bursts.after_s)):
            if bursts.after_s[pool] < math.inf and bursts.need[pool][job]:
                due_s = bursts.since_s[job] + bursts.after_s[pool]
                if due_s > now:
                    agenda.append((due_s, BURST, job, 0))
                else:
                    note_due(job, state)
    bursts.dues[2] = 0


def burst_is_due(now: float, job: int, state: State) -> bool:
    """Let a job be due to move whose wait has lasted for long; return whether it waits, and is due."""
    if waits(job, state) and is_due_to_move(now, job, False, state):
        note_due(job, state)
        return True
    return False


def move_jobs(now: float, state: State, waited: MutableSequence[tuple[float, float, float, float]]) -> None:
    """Let each job that is due, and not held, move to the first pool that has room for it."""
    bursts, kept = state.bursts, 0
    bursts.dues[1] = 0
    read_clock(now, state.site.hours)  # the last pass may have been before
    for index in range(bursts.dues[0]):
        job = bursts.due[index]
        if not waits(job, state):
            continue
        if not is_held(now, job, state.site):
            for pool in range(later_than(job, state), len(bursts.after_s)):
                due = may_move(now, bursts.since_s[job], bursts.after_s[pool], bursts.need[pool][job])
                if due and takes(now, job, pool, state):
                    move(now, job, pool, state, waited)
                    break
        if is_due_to_move(now, job, False, state):
            bursts.due[kept] = job
            kept += 1
    bursts.dues[0] = kept


def ask_at(job: int, door: int, state: State) -> None:
    """Let a job ask for what it asks for at a door: its own, or that of a pool to which it moves."""
    bursts, packs, caps = state.bursts, state.site.packs, state.site.caps
    limits = len(caps.counter)
    state.site.waiting.door[job] = door
    if door == bursts.own_door[job]:
        state.site.waiting.need[job] = bursts.own_need[job]
        for limit in range(limits):
            caps.counter[limit][job] = bursts.own_counter[limit][job]
            caps.amount[limit][job] = bursts.own_amount[limit][job]
        if len(bursts.own_cores):
            packs.share_cores[job], packs.share_milli[job] = bursts.own_cores[job], bursts.own_milli[job]
        return
    pool = state.site.doors.pool[state.site.doors.first[door]]
    state.site.waiting.need[job] = bursts.need[pool][job]
    for limit in range(limits):
        caps.counter[limit][job] = bursts.counter[limit][job]
        caps.amount[limit][job] = bursts.amount[pool * limits + limit][job]
    if len(bursts.own_cores):
        packs.share_cores[job], packs.share_milli[job] = bursts.cores[pool][job], bursts.milli[pool][job]
        packs.share_memory[pool][job] = bursts.memory[pool][job]


def takes(now: float, job: int, pool: int, state: State) -> bool:
    """Return whether a pool has room for a job that is due to move there (§5)."""
    capacity, queues, row, wanted = state.site.capacity, state.queues, row_of(pool, state), 0
    need = state.site.waiting.need
    if state.site.packs.packed[pool]:
        own = state.site.waiting.door[job]
        ask_at(job, state.bursts.door[pool], state)
        fits = has_place(now, job, pool, row, state)
        ask_at(job, own, state)
        set_length(job, state)
        return fits
    for position in range(queues.length[row]):
        wanted += need[queues.job[row][position]]
    held = 0
    for index in range(capacity.running[pool]):
        held += capacity.release_need[pool][index]
    return has_room(state.nodes.most[pool], held, wanted, state.bursts.need[pool][job])


def has_place(now: float, job: int, pool: int, row: int, state: State) -> bool:
    """Return whether a packed pool has room for a job that asks for what it would there."""
    packs, nodes, door = state.site.packs, state.nodes, state.site.waiting.door[job]
    room = Bins(packs.width[pool], nodes.room_cores, nodes.room_memory, nodes.room_gpus, nodes.room_gpu)
    set_length(job, state)
    note_away(now, state.site.waiting.length_s[job], door, state.site)
    return packed_has_room(
        room, packs.numbers, packs.size_cores[pool], packs.size_memory[pool], bins_now(pool, packs), packs.numbers,
        max(0, packs.nodes[pool] - state.site.away_most[pool]), nodes.most[pool], busy_nodes(pool, state),
        shares_in(pool, state.site.waiting.need, packs), state.queues.job[row], state.queues.length[row], job,
        nodes.chosen,
    )  # fmt: skip


def busy_nodes(pool: int, state: State) -> int:
    """Return how many nodes of a packed pool have jobs."""
    packs, busy = state.site.packs, 0
    if state.nodes.numbered[pool]:
        return state.nodes.busy[pool]
    for node in range(packs.nodes[pool]):
        busy += packs.cores[pool][node] < packs.size_cores[pool]
    return busy


def move(
    now: float, job: int, pool: int, state: State, waited: MutableSequence[tuple[float, float, float, float]]
) -> None:
    """Move a waiting job to the queue of a later pool."""
    jobs, queues, bursts, row = state.jobs, state.queues, state.bursts, state.jobs.row[job]
    first = later_than(job, state) - 1
    waited.append((float(job), float(first), jobs.queued_s[job], now))
    give_up(job, state.site)
    left = 0
    for position in range(queues.length[row]):
        if queues.job[row][position] != job:
            queues.job[row][left] = queues.job[row][position]
            left += 1
    queues.length[row] = left
    count_waiting(job, -1, state)
    queues.early[row] = queues.dirty[row] = True
    ask_at(job, bursts.door[pool], state)
    jobs.row[job] = row_of(pool, state)
    since_s, fresh = bursts.since_s[job], bursts.dues[2]
    enter(now, job, state)
    bursts.since_s[job], bursts.dues[2] = since_s, fresh  # it waits on
