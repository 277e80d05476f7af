"""The compiled engine: the same rules, the same schedule, at the speed of the machine.

The rules of :mod:`pwsim.rules` are compiled with numba as they stand.  What is here is the clock, one loop over
instants, and containers that stay fast when 100,000 jobs wait:

- *Slots.*  Where the order of the queue is fixed, a job's place in the order of all jobs of the pool is its slot, so
  that nothing moves when jobs come and go.  Blocks of 64 slots, and of 64 blocks, know the least need and estimate in
  them, or less: a pass only enters a block in which something could start.
- *What is known since the last pass.*  While nothing has ended, the head of the queue stays blocked, shadow and extra
  stay what they are, and those that could not start before cannot start now (§4): only what has arrived since is looked
  at.  This holds until one second before the shadow, after which running jobs may be overdue (§3).
- *Running jobs* in a sorted array by expected end, and in a heap by end.

Pools that are always up do not affect one another, so each is replayed by itself.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from pwsim import rules
from pwsim.engine import ending
from pwsim.engine.compiled.cache import compiled_code
from pwsim.engine.compiled.parts import PartCompiler
from pwsim.engine.compiled.tables import Table, as_table
from pwsim.engine.ending import LOST, Ended, Ends, watch_for
from pwsim.engine.inputs import Inputs, full_error
from pwsim.engine.outcome import REJECTED
from pwsim.engine.priorities import NOTHING, of_pool
from pwsim.rules import ALL, GONE, HEAD, NO_RESERVATION, backfill, conservative, custom, multifactor, profile, rows
from pwsim.trace import Floats, Integers

ORDER = numba.types.FunctionType(numba.float64(numba.float64, numba.float64, numba.float64, numba.int64))
"""Signature of an order."""
EASY, CONSERVATIVE = HEAD, ALL
"""Backfill rules, as the kernel knows them: by who holds a reservation."""
DONE, FULL, ENDED = -1, -2, -3
"""How a replay ended, where it did not because of a job: all have ended, the profile has no room left, or it may end
early."""

_BITS = 6  # a block has 64 slots, a block of blocks 64 blocks
_SIZE = 1 << _BITS


def _inner(function: Callable[..., Any]) -> Any:
    """Return a function compiled, that compiled code alone calls.

    It has no entries for Python and C, and is optimised with what calls it (:mod:`pwsim.engine.compiled.parts`).  numba
    would compile it anew for each number that is written in a call, such as ``place_of(row, 0, value)``: it is told
    the kind only.
    """
    alone = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": PartCompiler}
    made = numba.njit(nogil=True, **alone)(function)
    if not numba.config.DISABLE_JIT:
        for_kinds = made.get_call_template
        made.get_call_template = lambda kinds, named: for_kinds(tuple(map(numba.types.unliteral, kinds)), named)
    return made


SHARED = (f"{rules.__name__}.", "pwsim.engine.site.")
"""Where functions are that SimPy runs as they stand."""
_RULES: dict[types.FunctionType, Any] = {}
_NAMES: dict[int, dict[str, Any]] = {}


def compiled(function: Any) -> Any:
    """Return a function of the rules, compiled.

    What it calls are the names of its own module, those that the module imports from other rules included.
    """
    if function not in _RULES:
        module = function.__globals__
        if id(module) not in _NAMES:
            names = _NAMES[id(module)] = dict(module)
            for name, value in module.items():
                if isinstance(value, types.FunctionType) and value.__module__.startswith(SHARED):
                    names[name] = compiled(value)
        alike = types.FunctionType(
            function.__code__, _NAMES[id(module)], function.__name__, function.__defaults__, function.__closure__
        )
        _RULES[function] = _inner(alike)
    return _RULES[function]


place_of, put, cut = map(compiled, (rows.place_of, rows.put, rows.cut))
heads, reservation, easy = map(compiled, (backfill.heads, backfill.reservation, backfill.easy))
advance, change, full, most_free, room = map(
    compiled,
    (profile.advance, profile.change, profile.full, profile.most_free, profile.room),
)
any_overdue, broken, compress, drop_all, due, gain, give_up, give_up_beyond, hold_overdue, no_gain, place, renew = map(
    compiled,
    (
        conservative.any_overdue, conservative.broken, conservative.compress, conservative.drop_all, conservative.due,
        conservative.gain, conservative.give_up, conservative.give_up_beyond, conservative.hold_overdue,
        conservative.no_gain, conservative.place, conservative.renew,
    ),
)  # fmt: skip
count_late = compiled(ending.count_late)
charge_job, set_priorities = map(compiled, (multifactor.charge_job, multifactor.set_keys))
BOOK = 0
"""Where pools do not meet, each has a book of use of its own (:mod:`pwsim.rules.multifactor`)."""

# -- slots: (need, estimate_s, jobs, block_need, block_estimate_s, block_jobs, upper_need, upper_estimate_s, upper_jobs)


@_inner
def make_slots(jobs):
    """Return empty slots, one a job, and the bounds of their blocks."""
    blocks = (jobs >> _BITS) + 1
    uppers = (blocks >> _BITS) + 1
    return (
        np.full(jobs, GONE, dtype=np.int64),
        np.full(jobs, np.inf),
        np.full(blocks, GONE, dtype=np.int64),
        np.full(blocks, np.inf),
        np.zeros(blocks, dtype=np.int64),
        np.full(uppers, GONE, dtype=np.int64),
        np.full(uppers, np.inf),
        np.zeros(uppers, dtype=np.int64),
    )


@_inner
def enter(slots, slot, units, length_s):
    """Let a job wait in its slot."""
    need, estimate_s, block_need, block_estimate_s, block_jobs, upper_need, upper_estimate_s, upper_jobs = slots
    need[slot] = units
    estimate_s[slot] = length_s
    block, upper = slot >> _BITS, slot >> (2 * _BITS)
    block_need[block] = min(block_need[block], units)
    block_estimate_s[block] = min(block_estimate_s[block], length_s)
    block_jobs[block] += 1
    upper_need[upper] = min(upper_need[upper], units)
    upper_estimate_s[upper] = min(upper_estimate_s[upper], length_s)
    upper_jobs[upper] += 1


@_inner
def leave(slots, slot):
    """Empty a slot; the bounds of its blocks stay, as bounds, until a pass looks into them in vain."""
    need, estimate_s, block_need, block_estimate_s, block_jobs, upper_need, upper_estimate_s, upper_jobs = slots
    need[slot] = GONE
    estimate_s[slot] = np.inf
    block, upper = slot >> _BITS, slot >> (2 * _BITS)
    block_jobs[block] -= 1
    if block_jobs[block] == 0:
        block_need[block] = GONE
        block_estimate_s[block] = np.inf
    upper_jobs[upper] -= 1
    if upper_jobs[upper] == 0:
        upper_need[upper] = GONE
        upper_estimate_s[upper] = np.inf


@_inner
def following(slots, slot, end):
    """Return the first slot from this one on in which a job waits, or ``end``."""
    need, block_jobs, upper_jobs = slots[0], slots[4], slots[7]
    while slot < end:
        if block_jobs[slot >> _BITS] == 0:
            if upper_jobs[slot >> (2 * _BITS)] == 0:
                slot = ((slot >> (2 * _BITS)) + 1) << (2 * _BITS)
            else:
                slot = ((slot >> _BITS) + 1) << _BITS
        elif need[slot] != GONE:
            return slot
        else:
            slot += 1
    return end


@_inner
def measure_block(slots, block):
    """Work the bounds of a block out anew."""
    need, estimate_s, block_need, block_estimate_s = slots[0], slots[1], slots[2], slots[3]
    least, shortest_s = GONE, np.inf
    for slot in range(block << _BITS, min((block + 1) << _BITS, len(need))):
        least = min(least, need[slot])
        shortest_s = min(shortest_s, estimate_s[slot])
    block_need[block] = least
    block_estimate_s[block] = shortest_s


@_inner
def measure_upper(slots, upper):
    """Work the bounds of a block of blocks out anew."""
    block_need, block_estimate_s, upper_need, upper_estimate_s = slots[2], slots[3], slots[5], slots[6]
    least, shortest_s = GONE, np.inf
    for block in range(upper << _BITS, min((upper + 1) << _BITS, len(block_need))):
        least = min(least, block_need[block])
        shortest_s = min(shortest_s, block_estimate_s[block])
    upper_need[upper] = least
    upper_estimate_s[upper] = shortest_s


@_inner
def hopeless(now, free, shadow_s, extra, units, length_s):
    """Return whether nothing can pass the head that needs at least so many units for at least so long."""
    return units > free or (units > extra and now + length_s > shadow_s)


# -- running jobs: (release_s, release_need, end_s, end_job); the first two sorted, the others a heap


@_inner
def make_running(jobs):
    """Return room for so many running jobs: for all, since each runs once."""
    return np.empty(jobs), np.empty(jobs, dtype=np.int64), np.empty(jobs), np.empty(jobs, dtype=np.int64)


@_inner
def run_job(running, count, job, units, expected_s, until_s):
    """Add a running job; return the new count."""
    release_s, release_need, end_s, end_job = running
    index = place_of(release_s, count, expected_s)
    put(release_s, count, index, expected_s)
    put(release_need, count, index, units)
    push(end_s, end_job, count, until_s, job)
    return count + 1


@_inner
def start_job(now, job, jobs, running, count, start_s, priorities):
    """Start a job; return the new count of running jobs."""
    need, estimate_s, held_s = jobs
    start_s[job] = now
    charge_job(now, job, 1.0, BOOK, priorities)
    return run_job(running, count, job, need[job], now + estimate_s[job], now + held_s[job])


@_inner
def end_job_of(running, count, units, expected_s):
    """Remove a running job from the sorted arrays."""
    release_s, release_need = running[0], running[1]
    index = place_of(release_s, count, expected_s)
    while release_need[index] != units:  # jobs of one size and expected end are interchangeable here
        index += 1
    cut(release_s, count, index)
    cut(release_need, count, index)


@_inner
def push(keys, values, count, key, value):
    """Put an entry on a heap that has its smallest key first."""
    child = count
    while child > 0:
        parent = (child - 1) >> 1
        if keys[parent] <= key:
            break
        keys[child] = keys[parent]
        values[child] = values[parent]
        child = parent
    keys[child] = key
    values[child] = value


@_inner
def pop(keys, values, count):
    """Take the first entry off a heap of ``count`` entries."""
    last = count - 1
    key, value = keys[last], values[last]
    parent = 0
    child = 1
    while child < last:
        if child + 1 < last and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[parent] = keys[child]
        values[parent] = values[child]
        parent = child
        child = 2 * parent + 1
    keys[parent] = key
    values[parent] = value


# -- passes


@_inner
def candidates(now, free, shadow_s, extra, slots, begin, end, depth, found):
    """Write the slots of jobs that may be able to pass the head, in the order of the queue; return their number.

    With a ``depth``, of the first so many jobs only.
    """
    need, estimate_s, block_need, block_estimate_s, _, upper_need, upper_estimate_s, _ = slots
    count = 0
    seen = 0
    slot = begin
    while slot < end:
        if depth == 0:
            upper, block = slot >> (2 * _BITS), slot >> _BITS
            if hopeless(now, free, shadow_s, extra, upper_need[upper], upper_estimate_s[upper]):
                slot = (upper + 1) << (2 * _BITS)
                continue
            if hopeless(now, free, shadow_s, extra, block_need[block], block_estimate_s[block]):
                slot = (block + 1) << _BITS
                continue
        else:
            slot = following(slots, slot, end)
            if slot == end or seen == depth:
                break
            seen += 1
        if not hopeless(now, free, shadow_s, extra, need[slot], estimate_s[slot]):
            found[count] = slot
            count += 1
        slot += 1
    return count


@_inner
def least_need(slots, begin, end):
    """Return a lower bound of what the jobs in some slots need."""
    least = GONE
    for upper in range(begin >> (2 * _BITS), ((end - 1) >> (2 * _BITS)) + 1):
        least = min(least, slots[5][upper])
    return least


@_inner
def scan(now, free, shadow_s, extra, slots, begin, end, chosen):
    """Let jobs pass the head, a block after the other; return how many, and what is left of free and extra."""
    need, estimate_s, block_need, block_estimate_s, _, upper_need, upper_estimate_s, _ = slots
    total = 0
    for upper in range(begin >> (2 * _BITS), ((end - 1) >> (2 * _BITS)) + 1):
        if hopeless(now, free, shadow_s, extra, upper_need[upper], upper_estimate_s[upper]):
            continue
        before = total
        first = max(upper << _BITS, begin >> _BITS)
        last = min((upper + 1) << _BITS, ((end - 1) >> _BITS) + 1)
        for block in range(first, last):
            if hopeless(now, free, shadow_s, extra, block_need[block], block_estimate_s[block]):
                continue
            low, high = max(block << _BITS, begin), min((block + 1) << _BITS, end)
            count, free, extra = easy(now, free, shadow_s, extra, need, estimate_s, low, high, chosen[total:])
            total += count
            if count == 0:
                measure_block(slots, block)
        if total == before:
            measure_upper(slots, upper)
    return total, free, extra


@_inner
def compress_slots(
    most, slots, reserved_s, begin, end, gain_s, vacated_s, profile_s, profile_free, first, points, moved
):  # fmt: skip
    """Compress, passing by blocks in which no job is as small as the most that is free."""
    need, estimate_s, block_need, _, block_jobs, upper_need, _, upper_jobs = slots
    total = 0
    block = begin >> _BITS
    last = (end - 1) >> _BITS
    while block <= last:
        upper = block >> _BITS
        if upper_jobs[upper] == 0 or upper_need[upper] > most:
            block = (upper + 1) << _BITS
            continue
        if block_jobs[block] > 0 and block_need[block] <= most:
            low, high = max(block << _BITS, begin), min((block + 1) << _BITS, end)
            most, points, count = compress(
                most, need, estimate_s, reserved_s, low, high, gain_s, vacated_s, profile_s, profile_free,
                first, points, moved[total:],
            )  # fmt: skip
            if count == 0:
                measure_block(slots, block)
            total += count
        block += 1
    return most, points, total


@_inner
def reserve(
    now, free, early, lost, begin, end, depth, slots, reserved_s, gain_s, vacated_s, overdue_until_s, running, count,
    arrive_s, arriving, profile_s, profile_free, first, points, moved,
):  # fmt: skip
    """Bring the reservations in some slots up to date, but for those that hold none yet.

    It is :func:`pwsim.rules.conservative.renew` with blocks of slots passed by; the rest of it, that the engine only
    looks at jobs that have arrived or moved, is in the loop.

    Returns first and points of the profile, how many have moved, whether all have been dropped and whether jobs are
    overdue.
    """
    need, estimate_s = slots[0], slots[1]
    release_s, release_need = running[0], running[1]
    first, points = advance(now, profile_s, profile_free, first, points)
    if depth > 0:
        points = give_up_beyond(
            depth, need, estimate_s, reserved_s, begin, end, gain_s, profile_s, profile_free, first, points
        )
    overdue = any_overdue(now, release_s, count)
    if overdue:
        points = hold_overdue(now, -1, release_s, release_need, count, profile_s, profile_free, first, points)
    dropped = broken(now, overdue, lost, profile_s, profile_free, first, points)
    changed = 0
    if dropped:
        first = 0
        points = drop_all(
            now, free, reserved_s, begin, end, release_s, release_need, count, arrive_s, arriving, gain_s, profile_s,
            profile_free,
        )  # fmt: skip
    elif early:
        gain(gain_s, now, overdue_until_s)
        most = most_free(profile_s, profile_free, first, points, gain_s[0], gain_s[1])
        no_gain(vacated_s)
        most, points, changed = compress_slots(
            most, slots, reserved_s, begin, end, gain_s, vacated_s, profile_s, profile_free, first, points, moved
        )
        gain_s[:] = vacated_s
    return first, points, changed, dropped, overdue


# One function of 300 lines, for speed: what is free, what is known since the last pass, head and tail of the queue and
# the points of the profile are local variables.  Parts of it as functions would hand a dozen of them to and fro at each
# instant.  No rule is in it: it calls those that the SimPy model calls, and the functions above that leave out slots.
def _replay_pool(  # noqa: C901, PLR0912, PLR0915
    order, static, rule, depth, total, submit_s, procs, logged_estimate_s, estimate_s, held_s, job_need,
    slot_of, job_at, passing_order, rank, by_factors, priorities, limit_s, allowed, about, late, start_s,
):  # fmt: skip
    """Replay the jobs of one pool, which are in job order; write their starts.

    Returns the job for which the order gave no number, :data:`DONE`, :data:`FULL` or :data:`ENDED`; and the time [s].
    """
    jobs = len(submit_s)
    facts = job_need, estimate_s, held_s
    running = make_running(jobs)
    release_s, release_need, end_s, end_job = running
    slots = make_slots(jobs)
    need, length_s = slots[0], slots[1]
    nothing, arriving, lost = np.empty(0), 0, 0  # no nodes come or go here
    chosen = np.empty(jobs, dtype=np.int64)
    arrived = np.empty(jobs, dtype=np.int64)
    reserves = rule == CONSERVATIVE
    reserving = jobs if reserves else 0
    reserved_s = np.full(reserving, NO_RESERVATION)
    profile_s = np.zeros(room(reserving))
    profile_free = np.full(len(profile_s), total)
    first, points = 0, 1
    gain_s, vacated_s = np.array([np.inf, -np.inf]), np.array([np.inf, -np.inf])
    overdue_until_s = -np.inf
    due_s, due_slot, dues = np.empty(2 * reserving + 64), np.empty(2 * reserving + 64, dtype=np.int64), 0
    next_due_s = np.inf
    line = np.empty(0 if static else jobs, dtype=np.int64)  # waiting jobs in job order, where the queue's order changes
    key = np.empty(len(line))

    free, count, waiting = total, 0, 0
    head, tail = jobs, -1
    # What is known of the waiting jobs behind the head since the last pass.
    unknown, none_fits, tested = 0, 1, 2
    known, shadow_s, extra = unknown, 0.0, 0
    least = GONE
    in_job_order = static
    for job in range(jobs if static else 0):
        in_job_order = in_job_order and slot_of[job] == job
    waiting_long = np.zeros(len(limit_s), dtype=np.int64)
    next_job = 0
    now = 0.0
    while next_job < jobs or count > 0 or next_due_s < np.inf:
        now = next_due_s
        if next_job < jobs:
            now = min(now, submit_s[next_job])
        if count > 0:
            now = min(now, end_s[0])
        if len(limit_s) and count_late(now, submit_s, start_s, limit_s, allowed, about, waiting_long, late) < np.inf:
            return ENDED, now

        ended = early = False
        while count > 0 and end_s[0] <= now:
            job = end_job[0]
            pop(end_s, end_job, count)
            units = job_need[job]
            expected_s = start_s[job] + estimate_s[job]
            end_job_of(running, count, units, expected_s)
            count -= 1
            free += units
            ended = True
            if by_factors:
                charge_job(now, job, -1.0, BOOK, priorities)
            if reserves and now < expected_s:
                early = True
                gain(gain_s, now, expected_s)
                points = change(profile_s, profile_free, first, points, now, expected_s, units)

        new = 0
        while next_job < jobs and submit_s[next_job] <= now:
            job = next_job
            next_job += 1
            units = job_need[job]
            if waiting == 0 and not reserves and units <= free and (next_job == jobs or submit_s[next_job] > now):
                # Alone in the queue: it is the head, and fits.
                free -= units
                count = start_job(now, job, facts, running, count, start_s, priorities)
                break
            waiting += 1
            if static:
                slot = slot_of[job]
                enter(slots, slot, units, estimate_s[job])
                head, tail = min(head, slot), max(tail, slot)
                arrived[new] = slot
            else:
                line[waiting - 1] = job
                least = min(least, units)
            new += 1
        if waiting == 0:
            if reserves:
                no_gain(gain_s)
            next_due_s = np.inf
            continue

        if not static:
            if not reserves and least > free:
                continue
            # The queue in its order of this instant.
            if by_factors:
                set_priorities(now, BOOK, line, waiting, submit_s, key, priorities)
            else:
                for index in range(waiting):
                    job = line[index]
                    key[job] = order(now, submit_s[job], logged_estimate_s[job], procs[job])
                    if not np.isfinite(key[job]):
                        return job, now
            places = np.argsort(key[line[:waiting]], kind="mergesort")
            queue = line[:waiting][places]
            queue_need, queue_s = job_need[queue], estimate_s[queue]
            begun = 0
            if reserves:
                queue_reserved_s = reserved_s[queue]
                first, points, overdue_until_s = renew(
                    now, free, early, lost, depth or waiting, queue_need, queue_s, queue_reserved_s, waiting,
                    release_s, release_need, count, nothing, arriving, gain_s, vacated_s, overdue_until_s, profile_s,
                    profile_free, first, points, chosen,
                )  # fmt: skip
                if full(profile_s, points):
                    return FULL, now
                for position in range(waiting):
                    reserved_s[queue[position]] = queue_reserved_s[position]
                begun, next_due_s = due(now, queue_reserved_s, waiting, chosen)
            else:
                begun = heads(free, queue_need, 0, waiting)
                left = free
                for position in range(begun):
                    chosen[position] = position
                    left -= queue_need[position]
                if rule == EASY and left > 0 and waiting - begun > 1:
                    # The head's shadow counts the jobs that start now, too.
                    for position in range(begun):
                        job = queue[position]
                        count = start_job(now, job, facts, running, count, start_s, priorities)
                    free = left
                    shadow_s, extra = reservation(
                        now, free, queue_need[begun], release_s, release_need, count, nothing, 0
                    )
                    last = min(waiting, begun + 1 + depth) if depth else waiting
                    if passing_order:
                        passing = queue[begun + 1 : last]
                        by_rank = np.argsort(rank[passing])
                        ranked = passing[by_rank]
                        passed, _, _ = easy(
                            now, free, shadow_s, extra, job_need[ranked], estimate_s[ranked], 0, len(ranked), chosen
                        )
                        for index in range(passed):
                            chosen[index] = begun + 1 + by_rank[chosen[index]]
                    else:
                        passed, _, _ = easy(now, free, shadow_s, extra, queue_need, queue_s, begun + 1, last, chosen)
                    begun = passed
            for index in range(begun):
                job = queue[chosen[index]]
                units = job_need[job]
                free -= units
                count = start_job(now, job, facts, running, count, start_s, priorities)
            kept = 0
            least = GONE
            for index in range(len(queue)):
                job = line[index]
                if np.isnan(start_s[job]):
                    line[kept] = job
                    least = min(least, job_need[job])
                    kept += 1
            waiting = kept
            continue

        if reserves:
            head = following(slots, head, tail + 1)
            first, points, changed, dropped, overdue = reserve(
                now, free, early, lost, head, tail + 1, depth, slots, reserved_s, gain_s, vacated_s, overdue_until_s,
                running, count, nothing, arriving, profile_s, profile_free, first, points, chosen,
            )  # fmt: skip
            if dropped:
                dues = 0
            if dues + changed + waiting >= len(due_s):  # forget what does not hold any more
                dues = 0
                slot = head
                while slot <= tail:
                    if reserved_s[slot] != NO_RESERVATION:
                        push(due_s, due_slot, dues, reserved_s[slot], slot)
                        dues += 1
                    slot = following(slots, slot + 1, tail + 1)
            for index in range(changed):
                push(due_s, due_slot, dues, reserved_s[chosen[index]], chosen[index])
                dues += 1
            if dropped or depth:
                slot, seen = head, 0
                while slot <= tail and (depth == 0 or seen < depth):
                    seen += 1
                    if reserved_s[slot] == NO_RESERVATION:
                        points = place(slot, need, length_s, reserved_s, profile_s, profile_free, first, points)
                        push(due_s, due_slot, dues, reserved_s[slot], slot)
                        dues += 1
                    slot = following(slots, slot + 1, tail + 1)
            else:
                if new > 1:
                    arrived[:new] = np.sort(arrived[:new])
                for index in range(new):
                    slot = arrived[index]
                    points = place(slot, need, length_s, reserved_s, profile_s, profile_free, first, points)
                    push(due_s, due_slot, dues, reserved_s[slot], slot)
                    dues += 1
            if overdue:
                points = hold_overdue(now, 1, release_s, release_need, count, profile_s, profile_free, first, points)
                overdue_until_s = now + 1.0
            if full(profile_s, points):
                return FULL, now
            next_due_s = np.inf
            while dues > 0:
                slot = due_slot[0]
                if need[slot] == GONE or reserved_s[slot] != due_s[0]:
                    pop(due_s, due_slot, dues)
                    dues -= 1
                elif due_s[0] > now:
                    next_due_s = due_s[0]
                    break
                else:
                    pop(due_s, due_slot, dues)
                    dues -= 1
                    job = job_at[slot]
                    free -= need[slot]
                    count = start_job(now, job, facts, running, count, start_s, priorities)
                    reserved_s[slot] = NO_RESERVATION
                    leave(slots, slot)
                    waiting -= 1
            if waiting == 0:
                head, tail = jobs, -1
            continue

        # Since the last pass jobs have only arrived, behind the head, so they alone need be looked at.
        quick = not ended and known != unknown and (new == 1 or in_job_order)
        quick = quick and not (known == tested and shadow_s < now + 1.0) and (depth == 0 or waiting - 1 <= depth)
        quick = quick and not (passing_order and new > 1)
        for index in range(new):
            quick = quick and arrived[index] > head
        if quick:
            if rule == EASY:
                for index in range(new):
                    slot = arrived[index]
                    if need[slot] <= free:
                        if known == none_fits:
                            shadow_s, extra = reservation(
                                now, free, need[head], release_s, release_need, count, nothing, 0
                            )
                            known = tested
                        passed, free, extra = easy(now, free, shadow_s, extra, need, length_s, slot, slot + 1, chosen)
                        if passed:
                            job = job_at[slot]
                            count = start_job(now, job, facts, running, count, start_s, priorities)
                            leave(slots, slot)
                            waiting -= 1
            continue

        head = following(slots, head, tail + 1)
        while head <= tail and heads(free, need, head, head + 1):
            job = job_at[head]
            units = need[head]
            free -= units
            count = start_job(now, job, facts, running, count, start_s, priorities)
            leave(slots, head)
            waiting -= 1
            head = following(slots, head + 1, tail + 1)
        if waiting == 0:
            head, tail = jobs, -1
            known = unknown
            continue
        known = none_fits
        if rule == EASY and waiting > 1 and least_need(slots, head, tail + 1) <= free:
            known = tested
            shadow_s, extra = reservation(now, free, need[head], release_s, release_need, count, nothing, 0)
            if depth or passing_order:
                found = candidates(now, free, shadow_s, extra, slots, head + 1, tail + 1, depth, chosen)
                some = chosen[:found].copy()
                if passing_order:
                    some = some[np.argsort(rank[job_at[some]])]
                passed, _, extra = easy(now, free, shadow_s, extra, need[some], length_s[some], 0, found, chosen)
                for index in range(passed):
                    chosen[index] = some[chosen[index]]
            else:
                passed, _, extra = scan(now, free, shadow_s, extra, slots, head + 1, tail + 1, chosen)
            for index in range(passed):
                slot = chosen[index]
                job = job_at[slot]
                units = need[slot]
                free -= units
                count = start_job(now, job, facts, running, count, start_s, priorities)
                leave(slots, slot)
                waiting -= 1
    return DONE, now


_INTEGERS, _FLOATS = (numba.types.Array(kind, 1, "C", readonly=True) for kind in (numba.int64, numba.float64))
_SIGNATURE = numba.types.Tuple((numba.int64, numba.float64))(
    ORDER, numba.boolean, numba.int64, numba.int64, numba.int64, _FLOATS, _INTEGERS, _FLOATS, _FLOATS, _FLOATS,
    _INTEGERS, _INTEGERS, _INTEGERS, numba.boolean, _INTEGERS, numba.boolean, Table(NOTHING),
    _FLOATS, _INTEGERS, numba.types.Array(numba.boolean, 2, "C", readonly=True), numba.int64[::1],
    numba.float64[::1],
)  # fmt: skip


_COMPILED: dict[Any, Any] = {}
_COMPILED_FOR: dict[Any, Any] = {}
_ONE_AT_A_TIME = threading.RLock()


def _when_needed(signature: Any, function: Callable[..., Any], what: str = "") -> Any:
    """Return a function compiled for a signature, when it is first asked for: nobody waits for what he does not use."""
    with _ONE_AT_A_TIME:
        if function not in _COMPILED:
            _COMPILED[function] = compiled_code(signature, function, what)
        return _COMPILED[function]


def _compiled_key(order: str) -> Any:
    """Return the compiled key of an order; of one that needs more than a key sees, that of fcfs."""
    key = rules.ORDERS[order].key or rules.ORDERS["fcfs"].key
    assert key is not None
    return _when_needed(ORDER.signature, key)


def compiled_for(function: Callable[..., Any], what: str, arguments: tuple[Any, ...]) -> Any:
    """Return a function of an order and of arguments like these, compiled."""
    signature = (ORDER, *map(numba.typeof, arguments))
    with _ONE_AT_A_TIME:
        if signature not in _COMPILED_FOR:
            _COMPILED_FOR[signature] = compiled_code(signature, function, what)
        return _COMPILED_FOR[signature]


def compiled_order(inputs: Inputs) -> Any:
    """Return the compiled order, or ``None`` where numba cannot compile a user's own."""
    if inputs.policy.code is None:
        return _compiled_key(inputs.policy.order)
    assert inputs.order is not None
    try:
        own = numba.njit(nogil=True)(inputs.order)
    except TypeError:  # not a plain function: decorated, or a class
        return None

    def guarded(now: float, submit_s: float, estimate_s: float, procs: int) -> float:
        try:
            return float(own(now, submit_s, estimate_s, procs))
        except Exception:  # noqa: BLE001 - an error cannot leave a compiled callback; Python asks again and reports it
            return np.nan

    try:
        return numba.njit(ORDER.signature, nogil=True)(guarded)
    except numba.core.errors.NumbaError:
        return None


def run(inputs: Inputs, order: Any = None, ends: Ends | None = None) -> Floats | Ended:
    """Replay all jobs; return the start of each, NaN for rejected ones [s], shape (jobs,).

    Parameters
    ----------
    inputs
        The jobs and pools as arrays.
    order
        What :func:`compiled_order` gives.
    ends
        When the replay may end early.

    Raises
    ------
    InputError
        If a user's own order gives no number for some job.
    """
    order = order or compiled_order(inputs)
    start_s = np.full(len(inputs.pool), np.nan)
    watch = watch_for(ends, len(start_s), len(inputs.units))
    alone = len(inputs.units) == 1 and not (inputs.pool == REJECTED).any()
    for index, units in enumerate(inputs.units):
        here = slice(None) if alone else np.flatnonzero(inputs.pool == index)
        starts = np.full(len(start_s[here]), np.nan)
        if not len(starts):
            continue
        policy = inputs.policy
        submit_s, procs = inputs.submit_s[here], inputs.procs[here]
        logged_estimate_s = inputs.logged_estimate_s[here]
        none = np.empty(0, dtype=np.int64)
        slot_of = none if inputs.dynamic else ranks(policy.order, submit_s, procs, logged_estimate_s)
        rank = ranks(policy.passing_order, submit_s, procs, logged_estimate_s) if policy.passing_order else none
        job, now = _when_needed(_SIGNATURE, _replay_pool, "steady nodes")(
            order, not inputs.dynamic, policy.rule.holds, inputs.depth, units,
            submit_s, procs, logged_estimate_s, inputs.estimate_s[here], inputs.held_s[here], inputs.need[here],
            slot_of, np.argsort(slot_of), bool(policy.passing_order), rank,
            inputs.order is None, as_table(of_pool(inputs.priorities, index, here)),
            watch.limit_s, watch.allowed, np.ascontiguousarray(watch.about[:, here]), watch.late, starts,
        )  # fmt: skip
        if job == ENDED:
            return watch.ended(LOST, now)
        if job == FULL:
            raise full_error(inputs.pools[index].name)
        if job != DONE:
            assert inputs.order is not None
            facts = float(submit_s[job]), float(logged_estimate_s[job]), int(procs[job])
            custom.refuse(inputs.order, policy.order, now, *facts)
        start_s[here] = starts
    return start_s


def ranks(order: str, submit_s: Floats, procs: Integers, logged_estimate_s: Floats) -> Integers:
    """Return each job's place in an order that does not change, ties by job order, shape (jobs,)."""
    if order == "fcfs":
        return np.arange(len(submit_s))
    rank = np.empty(len(submit_s), dtype=np.int64)
    rank[np.argsort(keys(order, submit_s, procs, logged_estimate_s), kind="stable")] = np.arange(len(submit_s))
    return rank


def keys(order: str, submit_s: Floats, procs: Integers, logged_estimate_s: Floats) -> Floats:
    """Return each job's key in an order that does not change, shape (jobs,)."""
    key: Floats = _when_needed(_KEYS, _each_key)(_compiled_key(order), submit_s, procs, logged_estimate_s)
    return key


def _each_key(order: Any, submit_s: Floats, procs: Integers, logged_estimate_s: Floats) -> Floats:
    keys = np.empty(len(submit_s))
    for job in range(len(submit_s)):
        keys[job] = order(0.0, submit_s[job], logged_estimate_s[job], procs[job])
    return keys


_KEYS = numba.float64[::1](ORDER, _FLOATS, _INTEGERS, _FLOATS)
