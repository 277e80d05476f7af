"""The compiled engine where nodes come and go and jobs move: the SimPy model's procedure, with arrays for containers.

:mod:`.steady` replays pools that do not meet, one by one, as fast as can be.  Here pools meet (bursting)
and change (elastic pools, interruptions, failures), or jobs follow others (:mod:`.feedback`), so there is one
clock for all: a heap of events in the order of a round (semantics §2), and a row of each array for each pool.
"""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np

from pwsim.engine.compiled.references import by_reference
from pwsim.engine.compiled.steady import (
    CONSERVATIVE,
    EASY,
    _inner,
    advance,
    change,
    charge_job,
    compiled,
    compiled_for,
    count_late,
    cut,
    easy,
    full,
    gain,
    give_up,
    heads,
    keys,
    no_gain,
    place_of,
    put,
    ranks,
    reservation,
    set_priorities,
)
from pwsim.engine.compiled.tables import as_table
from pwsim.engine.ending import OPEN, TOLERANCE_S, Ended, Ends, first_of, watch_for
from pwsim.engine.inputs import FRUITLESS, Inputs, fruitless_error, full_error, lives, records, uptimes
from pwsim.engine.outcome import REJECTED, Replay
from pwsim.engine.priorities import copied
from pwsim.rules import (
    NO_RESERVATION,
    REMEMBERED,
    WHOLE,
    Bins,
    Places,
    Shares,
    Tried,
    attempts,
    conservative,
    custom,
    packing,
    pools,
    profile,
)

attempt, interruption, is_killed, worked = map(
    compiled, (attempts.attempt, attempts.interruption, attempts.is_killed, attempts.worked)
)
has_room, launches, may_move, shut_down = map(
    compiled, (pools.has_room, pools.launches, pools.may_move, pools.shut_down)
)
due, renew = map(compiled, (conservative.due, conservative.renew))
shift, first_of = compiled(profile.shift), compiled(first_of)
empty, filled, given_back, hold_all, packed_has_room = map(
    compiled, (packing.empty, packing.filled, packing.given_back, packing.hold_all, packing.has_room)
)
pack_past_head, packed_reservation, place_heads = map(
    compiled, (packing.pack_past_head, packing.packed_reservation, packing.place_heads)
)

COMPLETION, LEAVE, ARRIVE, WAKE, BURST, RESERVATION, SUBMISSION = range(7)
"""Kinds of events; at one instant they come in this order.  Submissions are events for jobs that follow others alone;
the rest come by themselves, after all events."""
GONE_NODE, COMING, IDLE, BUSY = range(4)
"""States of a node."""
DONE, NO_NUMBER, FRUITLESS_POOL, MORE_LIVES, MORE_UPTIMES, PROFILE_FULL, ENDED = range(7)
"""Why a replay ended: all jobs have, the order gave no number, nodes are launched in vain, it must be given more draws,
a profile has no room left, or it may end early."""

(SPEED, ELASTIC, LEAST, BOOT, TIMEOUT, BURST_AFTER, CHECKPOINT, OVERHEAD, MAX_RESTARTS, LIVES, FAILS, REPAIR,
 UNITS, NUMBERED, PACKED, CORES, MEMORY, GPUS) = range(18)  # fmt: skip
"""Columns of the facts of a pool."""
(FREE, QUEUE, RUNNING, ARRIVING, FIRST, POINTS, DIRTY, EARLY, LOST, QUEUED, LAUNCHED, FRUITLESS_RUN, IDLE_NODES,
 BUSY_NODES, HELD, TOO_LITTLE) = range(16)  # fmt: skip
"""Columns of the whole numbers that change in a pool."""
DUE, OVERDUE_UNTIL, WAKES, STAYS_UNTIL = range(4)
"""Columns of the times that change in a pool."""
ANY = -(1 << 62)
"""The room that is known to be too little for what is due to move, where none is."""


class Packs(NamedTuple):
    """What packed pools need besides, a row each; without rows where no pool is packed (:mod:`pwsim.rules.packing`)."""

    shares: Any
    bins: Any
    gpu: Any
    then: Any
    then_gpu: Any
    room: Any
    room_gpu: Any
    numbers: Any
    up: Any
    jobs_on: Any
    roomy: Any
    chosen: Any
    unfit: Any
    clock: Any
    shadow_s: Any
    shape_unfit: Any
    shape_delays: Any
    release_job: Any
    first: Any
    place_node: Any
    place_gpus: Any


class World(NamedTuple):
    """All arrays of a replay: of jobs, of pools (a row each), and of nodes by pool and number."""

    facts: Any
    numbers: Any
    times: Any
    kill: Any
    rule: Any
    sorted_queue: Any
    submit_s: Any
    run_s: Any
    logged_s: Any
    procs: Any
    needs: Any
    pool_of: Any
    need: Any
    held_s: Any
    estimate_s: Any
    began_s: Any
    expected_s: Any
    ends_s: Any
    runs: Any
    start_s: Any
    end_s: Any
    killed: Any
    failed: Any
    restarts: Any
    kept_s: Any
    waits_since_s: Any
    queued_since_s: Any
    key: Any
    first_node: Any
    queue: Any
    queue_need: Any
    queue_s: Any
    reserved_s: Any
    release_s: Any
    release_need: Any
    arrive_s: Any
    profile_s: Any
    profile_free: Any
    gain_s: Any
    node_state: Any
    node_job: Any
    next_node: Any
    idle_since_s: Any
    launched_s: Any
    arrives_s: Any
    leaves_s: Any
    failures: Any
    idle: Any
    leaving: Any
    lives_s: Any
    uptimes_s: Any
    by_factors: Any
    priorities: Any
    packs: Any


@_inner
def bins_of(w, pool):
    """Return the free cores, memory and GPUs on the nodes of a packed pool."""
    bins = w.packs.bins[pool]
    return by_reference(Bins(int(w.facts[pool, GPUS]), bins[0], bins[1], bins[2], w.packs.gpu[pool]))


@_inner
def then_of(w, pool):
    """Return room for what will be free on the nodes of a packed pool."""
    then = w.packs.then[pool]
    return by_reference(Bins(int(w.facts[pool, GPUS]), then[0], then[1], then[2], w.packs.then_gpu[pool]))


@_inner
def shares_in(w, pool):
    """Return the cores, memory and GPUs that each job asks for in a packed pool."""
    shares = w.packs.shares
    return by_reference(Shares(w.needs[pool], shares[0, pool], shares[1, pool], shares[2, pool], shares[3, pool]))


@_inner
def places(w):
    """Return where the shares of running jobs are."""
    return by_reference(Places(w.packs.first, w.packs.place_node, w.packs.place_gpus))


@_inner
def room_of(w, pool):
    """Return room to count in the empty nodes that jobs of a packed pool would fill."""
    room = w.packs.room
    return by_reference(Bins(int(w.facts[pool, GPUS]), room[0], room[1], room[2], w.packs.room_gpu))


@_inner
def filled_by_queue(w, pool):
    """Return how many empty nodes the queue of a packed pool would fill."""
    facts = w.facts[pool]
    return filled(
        room_of(w, pool), w.packs.numbers, int(facts[CORES]), int(facts[MEMORY]), shares_in(w, pool), w.queue[pool],
        w.numbers[pool, QUEUE], -1, int(facts[UNITS]), w.packs.chosen,
    )  # fmt: skip


@_inner
def enter(now, w, pool, job):
    """Let a job wait in the queue of a pool, at its place."""
    state = w.numbers[pool]
    count = state[QUEUE]
    queue, key = w.queue[pool], w.key
    low, high = 0, count
    if count and (key[queue[count - 1]], queue[count - 1]) < (key[job], job):
        low = count
    while low < high:
        middle = (low + high) >> 1
        if (key[queue[middle]], queue[middle]) < (key[job], job):
            low = middle + 1
        else:
            high = middle
    put(queue, count, low, job)
    put(w.queue_need[pool], count, low, w.need[job])
    put(w.queue_s[pool], count, low, w.estimate_s[job])
    if w.rule == CONSERVATIVE:
        put(w.reserved_s[pool], count, low, NO_RESERVATION)
    state[QUEUE] += 1
    state[QUEUED] += w.need[job]
    state[DIRTY] = 1
    w.queued_since_s[job] = now


@_inner
def take_out(now, w, pool, position, waits):
    """Take a job out of the queue."""
    state = w.numbers[pool]
    job = w.queue[pool, position]
    waits.append((float(job), float(pool), w.queued_since_s[job], now))
    state[QUEUED] -= w.queue_need[pool, position]
    count = state[QUEUE]
    cut(w.queue[pool], count, position)
    cut(w.queue_need[pool], count, position)
    cut(w.queue_s[pool], count, position)
    if w.rule == CONSERVATIVE:
        cut(w.reserved_s[pool], count, position)
    state[QUEUE] -= 1


@_inner
def set_attempt(w, pool, job):
    """Work out how long the next attempt of a job takes in a pool."""
    facts = w.facts[pool]
    w.need[job] = w.needs[pool, job]
    length_s, estimate_s = attempt(
        w.run_s[job], w.logged_s[job], facts[SPEED], w.kept_s[job], w.restarts[job], facts[OVERHEAD]
    )
    w.killed[job] = is_killed(length_s, estimate_s, w.kill)
    w.held_s[job] = estimate_s if w.killed[job] else length_s
    w.estimate_s[job] = estimate_s


@_inner
def await_followers(now, w, job, followers, think_s, events):
    """Let the jobs that follow a job which ends now be submitted after their think times."""
    follower = followers[0, job]
    followers[0, job] = -1
    while follower >= 0:
        w.submit_s[follower] = w.waits_since_s[follower] = now + think_s[follower]
        if w.pool_of[follower] >= 0:
            heapq.heappush(events, (w.submit_s[follower], SUBMISSION, follower, 0))
        follower = followers[1, follower]


@_inner
def await_bursts(w, job, events):
    """Let a job that waits from now on be due to move when its wait has lasted that long."""
    for pool in range(w.pool_of[job] + 1, len(w.facts)):
        after_s = w.facts[pool, BURST_AFTER]
        if after_s < np.inf and w.needs[pool, job]:
            heapq.heappush(events, (w.waits_since_s[job] + after_s, BURST, job, 0))


@_inner
def set_up(w, pool, number):
    """Let a node of a packed pool be up, and empty."""
    if w.facts[pool, PACKED]:
        state = w.numbers[pool]
        up = state[IDLE_NODES] + state[BUSY_NODES]
        put(w.packs.up[pool], up, place_of(w.packs.up[pool], up, number), number)
        empty(bins_of(w, pool), number, int(w.facts[pool, CORES]), int(w.facts[pool, MEMORY]))
        given_back(w.packs.clock[pool])


@_inner
def await_timeout(now, w, pool, events):
    """Let there be an instant when nodes that are idle from now on have been so for long, one for all of them."""
    wakes_s = now + w.facts[pool, TIMEOUT]
    w.times[pool, STAYS_UNTIL] = min(w.times[pool, STAYS_UNTIL], wakes_s)
    if wakes_s < np.inf and wakes_s != w.times[pool, WAKES]:
        w.times[pool, WAKES] = wakes_s
        heapq.heappush(events, (wakes_s, WAKE, 0, 0))


@_inner
def set_all_idle(now, w, pool, job, events):
    """Let all nodes of a job be idle from now on: they are merged with those that are, the highest numbers first."""
    state, idle = w.numbers[pool], w.idle[pool]
    last = state[IDLE_NODES] - 1
    place = last + w.need[job]
    state[IDLE_NODES] += w.need[job]
    number = w.first_node[job]
    while number >= 0:
        w.node_state[pool, number] = IDLE
        w.idle_since_s[pool, number] = now
        while last >= 0 and idle[last] > number:
            idle[place] = idle[last]
            place -= 1
            last -= 1
        idle[place] = number
        place -= 1
        number = w.next_node[pool, number]
    await_timeout(now, w, pool, events)


@_inner
def set_idle(now, w, pool, number, events):
    """Let a node be idle from now on."""
    state = w.numbers[pool]
    w.node_state[pool, number] = IDLE
    w.idle_since_s[pool, number] = now
    count = state[IDLE_NODES]
    put(w.idle[pool], count, place_of(w.idle[pool], count, number), number)
    state[IDLE_NODES] += 1
    await_timeout(now, w, pool, events)


@_inner
def start_job(now, w, pool, position, events):
    """Start the job at a position of the queue; it stays there."""
    state = w.numbers[pool]
    job = w.queue[pool, position]
    units = w.need[job]
    w.runs[job] = True
    w.began_s[job] = now
    if np.isnan(w.start_s[job]):
        w.start_s[job] = now
    state[FREE] -= units
    state[HELD] += units
    state[FRUITLESS_RUN] = 0
    if w.facts[pool, PACKED]:
        for share in range(w.packs.first[job], w.packs.first[job] + units):
            number = w.packs.place_node[share]
            if w.packs.jobs_on[pool, number] == 0:
                drop_idle(w, pool, number)
                w.node_state[pool, number] = BUSY
                state[BUSY_NODES] += 1
            w.packs.jobs_on[pool, number] += 1
    elif w.facts[pool, NUMBERED]:
        last = -1
        for index in range(units):
            number = w.idle[pool, index]
            w.node_state[pool, number] = BUSY
            w.node_job[pool, number] = job
            w.next_node[pool, number] = last
            last = number
        w.first_node[job] = last
        for index in range(units, state[IDLE_NODES]):
            w.idle[pool, index - units] = w.idle[pool, index]
        state[IDLE_NODES] -= units
        state[BUSY_NODES] += units
    expected_s = now + w.estimate_s[job]
    w.expected_s[job] = expected_s
    count = state[RUNNING]
    index = place_of(w.release_s[pool], count, expected_s)
    put(w.release_s[pool], count, index, expected_s)
    put(w.release_need[pool], count, index, units)
    if w.facts[pool, PACKED]:
        put(w.packs.release_job[pool], count, index, job)
    state[RUNNING] += 1
    w.ends_s[job] = now + w.held_s[job]
    heapq.heappush(events, (w.ends_s[job], COMPLETION, job, 0))
    charge_job(now, job, 1.0, w.priorities.book[pool], w.priorities)


@_inner
def free_shares(now, w, pool, job, events, placed):
    """Take a job off its nodes in a packed pool; those that no other job holds are idle."""
    hold_all(bins_of(w, pool), shares_in(w, pool), places(w), job, 1)
    given_back(w.packs.clock[pool])
    for share in range(w.packs.first[job], w.packs.first[job] + w.need[job]):
        number = w.packs.place_node[share]
        bits = float(w.packs.place_gpus[share])
        placed.append((float(job), float(pool), w.began_s[job], now, float(number), bits))
        w.packs.jobs_on[pool, number] -= 1
        if w.packs.jobs_on[pool, number] == 0:
            set_idle(now, w, pool, number, events)
            w.numbers[pool, BUSY_NODES] -= 1


@_inner
def end_attempt(now, w, job, done_s, events, tried, placed):
    """Take a job off its units, at its end or at an interruption; of the attempt, some seconds count."""
    pool = w.pool_of[job]
    state = w.numbers[pool]
    units, expected_s = w.need[job], w.expected_s[job]
    w.runs[job] = False
    tried.append((float(job), float(pool), w.began_s[job], now, done_s))
    state[FREE] += units
    state[HELD] -= units
    count = state[RUNNING]
    index = place_of(w.release_s[pool], count, expected_s)
    if w.facts[pool, PACKED]:
        free_shares(now, w, pool, job, events, placed)
        while w.packs.release_job[pool, index] != job:
            index += 1
        cut(w.packs.release_job[pool], count, index)
    else:
        if w.facts[pool, NUMBERED]:
            set_all_idle(now, w, pool, job, events)
            state[BUSY_NODES] -= units
        while w.release_need[pool, index] != units:  # jobs of one size and expected end are interchangeable here
            index += 1
    cut(w.release_s[pool], count, index)
    cut(w.release_need[pool], count, index)
    state[RUNNING] -= 1
    charge_job(now, job, -1.0, w.priorities.book[pool], w.priorities)
    if w.rule == CONSERVATIVE and now < expected_s:
        state[EARLY] = 1
        gain(w.gain_s[pool], now, expected_s)
        state[POINTS] = change(
            w.profile_s[pool], w.profile_free[pool], state[FIRST], state[POINTS], now, expected_s, units
        )
    state[DIRTY] = 1


@_inner
def shift_capacity(now, w, pool, from_s, units):
    """Note in the profile that units come or go for good."""
    if w.rule == CONSERVATIVE:
        state, profile_s, profile_free = w.numbers[pool], w.profile_s[pool], w.profile_free[pool]
        first, points = advance(now, profile_s, profile_free, state[FIRST], state[POINTS])
        state[FIRST], state[POINTS] = first, shift(profile_s, profile_free, first, points, from_s, units)


@_inner
def await_leaving(now, w, pool, number, events):
    """Let a node leave when its life ends, or when it fails; return what is missing, if draws are."""
    if w.facts[pool, LIVES]:
        if number >= w.lives_s.shape[1]:
            return MORE_LIVES
        w.leaves_s[pool, number] = now + w.lives_s[pool, number]
        heapq.heappush(events, (w.leaves_s[pool, number], LEAVE, pool, number))
    if w.facts[pool, FAILS]:
        failure = w.failures[pool, number]
        if failure >= w.uptimes_s.shape[2]:
            return MORE_UPTIMES
        w.failures[pool, number] += 1
        w.leaves_s[pool, number] = now + w.uptimes_s[pool, number, failure]
        heapq.heappush(events, (w.leaves_s[pool, number], LEAVE, pool, number))
    return DONE


@_inner
def bring(now, w, pool, number, delay_s, events):
    """Let a node be up after a boot or a repair."""
    state = w.numbers[pool]
    arrive_s = now + delay_s
    w.node_state[pool, number] = COMING
    w.launched_s[pool, number] = now
    w.arrives_s[pool, number] = arrive_s
    count = state[ARRIVING]
    put(w.arrive_s[pool], count, place_of(w.arrive_s[pool], count, arrive_s), arrive_s)
    state[ARRIVING] += 1
    heapq.heappush(events, (arrive_s, ARRIVE, pool, number))
    if w.rule == CONSERVATIVE:
        gain(w.gain_s[pool], arrive_s, np.inf)
        shift_capacity(now, w, pool, arrive_s, 1)


@_inner
def forget_coming(w, pool, number):
    """Take a node off those that are on their way."""
    state = w.numbers[pool]
    count = state[ARRIVING]
    cut(w.arrive_s[pool], count, place_of(w.arrive_s[pool], count, w.arrives_s[pool, number]))
    state[ARRIVING] -= 1


@_inner
def drop_idle(w, pool, number):
    """Take a node off the idle ones."""
    state = w.numbers[pool]
    count = state[IDLE_NODES]
    cut(w.idle[pool], count, place_of(w.idle[pool], count, number))
    state[IDLE_NODES] -= 1


@_inner
def forget_idle(now, w, pool, number, spans):
    """Let an idle node be gone."""
    state = w.numbers[pool]
    if w.facts[pool, PACKED]:
        up = state[IDLE_NODES] + state[BUSY_NODES]
        cut(w.packs.up[pool], up, place_of(w.packs.up[pool], up, number))
    drop_idle(w, pool, number)
    state[FREE] -= 1
    gone(now, w, pool, number, spans)


@_inner
def gone(now, w, pool, number, spans):
    """Record the stay of a node that leaves."""
    w.node_state[pool, number] = GONE_NODE
    spans.append((float(pool), float(number), w.launched_s[pool, number], w.arrives_s[pool, number], now))


@_inner
def interrupt(now, w, job, events, tried, placed):
    """Let a job return to its queue, with what its last checkpoint has kept; return 1 if it is given up."""
    pool = w.pool_of[job]
    facts = w.facts[pool]
    counts_s, kept_s, given_up = interruption(
        now - w.began_s[job], w.restarts[job], facts[OVERHEAD], facts[CHECKPOINT], facts[SPEED], facts[MAX_RESTARTS]
    )
    w.kept_s[job] += kept_s
    end_attempt(now, w, job, counts_s, events, tried, placed)
    w.numbers[pool, EARLY] = 1
    if given_up:
        w.failed[job] = True
        w.killed[job] = False
        w.end_s[job] = now
        return 1
    w.restarts[job] += 1
    w.waits_since_s[job] = now
    set_attempt(w, pool, job)
    enter(now, w, pool, job)
    await_bursts(w, job, events)
    return 0


@_inner
def interrupt_all(now, w, pool, number, events, tried, placed):
    """Interrupt the jobs of a busy node; return the number of those that are given up."""
    if not w.facts[pool, PACKED]:
        return interrupt(now, w, w.node_job[pool, number], events, tried, placed)
    given_up = 0
    while w.packs.jobs_on[pool, number] > 0:
        first = len(w.pool_of)  # in job order
        for index in range(w.numbers[pool, RUNNING]):
            job = w.packs.release_job[pool, index]
            for share in range(w.packs.first[job], w.packs.first[job] + w.need[job]):
                if w.packs.place_node[share] == number:
                    first = min(first, job)
        given_up += interrupt(now, w, first, events, tried, placed)
    return given_up


@_inner
def leave(now, w, pool, number, events, tried, placed, spans):
    """Let a node be taken back, or fail; its job is interrupted.  Return the number of jobs that are given up."""
    state = w.numbers[pool]
    given_up = 0
    if w.node_state[pool, number] == BUSY:
        given_up = interrupt_all(now, w, pool, number, events, tried, placed)
    if w.node_state[pool, number] == COMING:
        forget_coming(w, pool, number)
        shift_capacity(now, w, pool, w.arrives_s[pool, number], -1)
        gone(now, w, pool, number, spans)
    else:
        forget_idle(now, w, pool, number, spans)
        shift_capacity(now, w, pool, now, -1)
    state[LOST] = 1
    if w.facts[pool, FAILS]:
        bring(now, w, pool, number, w.facts[pool, REPAIR], events)
    state[DIRTY] = 1
    return given_up


@_inner
def schedule(now, w, pool, depth, passing_order, rank, vacated_s, chosen, events, waits):
    """Give a pool its pass: decide who starts, start them, and take them out of the queue."""
    state = w.numbers[pool]
    need, length_s = w.queue_need[pool], w.queue_s[pool]
    if w.rule == CONSERVATIVE:
        state[FIRST], state[POINTS], w.times[pool, OVERDUE_UNTIL] = renew(
            now, state[FREE], state[EARLY], state[LOST], depth, need, length_s, w.reserved_s[pool], state[QUEUE],
            w.release_s[pool], w.release_need[pool], state[RUNNING], w.arrive_s[pool], state[ARRIVING], w.gain_s[pool],
            vacated_s, w.times[pool, OVERDUE_UNTIL], w.profile_s[pool], w.profile_free[pool], state[FIRST],
            state[POINTS], chosen,
        )  # fmt: skip
        begun, due_s = due(now, w.reserved_s[pool], state[QUEUE], chosen)
        start_chosen(now, w, pool, begun, chosen, events, waits)
        if due_s < np.inf and due_s != w.times[pool, DUE]:
            heapq.heappush(events, (due_s, RESERVATION, pool, 0))
        w.times[pool, DUE] = due_s
        return
    if w.facts[pool, PACKED]:
        schedule_packed(now, w, pool, depth, passing_order, rank, chosen, events, waits)
        return
    begun = heads(state[FREE], need, 0, state[QUEUE])
    for position in range(begun):
        chosen[position] = position
    start_chosen(now, w, pool, begun, chosen, events, waits)
    if w.rule == EASY and state[FREE] and state[QUEUE] > 1:
        shadow_s, extra = reservation(
            now, state[FREE], need[0], w.release_s[pool], w.release_need[pool], state[RUNNING], w.arrive_s[pool],
            state[ARRIVING],
        )  # fmt: skip
        end = min(state[QUEUE], 1 + depth)
        if passing_order:
            order = 1 + np.argsort(rank[w.queue[pool, 1:end]])
            begun, _, _ = easy(now, state[FREE], shadow_s, extra, need[order], length_s[order], 0, end - 1, chosen)
            chosen[:begun] = np.sort(order[chosen[:begun]])
        else:
            begun, _, _ = easy(now, state[FREE], shadow_s, extra, need, length_s, 1, end, chosen)
        start_chosen(now, w, pool, begun, chosen, events, waits)


@_inner
def schedule_packed(now, w, pool, depth, passing_order, rank, chosen, events, waits):
    """Give a packed pool its pass (§5)."""
    state, packs, queue = w.numbers[pool], w.packs, w.queue[pool]
    bins, then, shares = bins_of(w, pool), then_of(w, pool), shares_in(w, pool)
    count = state[IDLE_NODES] + state[BUSY_NODES]
    begun = place_heads(bins, packs.up[pool], count, shares, places(w), queue, state[QUEUE], packs.chosen)
    for position in range(begun):
        chosen[position] = position
    start_chosen(now, w, pool, begun, chosen, events, waits)
    if w.rule != EASY or state[QUEUE] < 2:
        return
    head = queue[0]
    shadow_s, fitting = packed_reservation(
        now, bins, then, packs.up[pool], count, shares, places(w), head, w.release_s[pool], packs.release_job[pool],
        state[RUNNING], w.arrive_s[pool], state[ARRIVING], packs.roomy[pool],
    )  # fmt: skip
    if fitting < 0:
        return
    end = min(state[QUEUE], 1 + depth)
    tried = by_reference(
        Tried(packs.clock[pool], packs.shadow_s[pool], packs.shape_unfit[pool], packs.shape_delays[pool])
    )
    if passing_order:
        order = 1 + np.argsort(rank[queue[1:end]])
        begun = pack_past_head(
            now, bins, then, packs.up[pool], count, shares, places(w), head, shadow_s, fitting, packs.roomy[pool],
            queue[order], w.queue_s[pool][order], 0, end - 1, packs.chosen, packs.unfit, tried, chosen,
        )  # fmt: skip
        chosen[:begun] = np.sort(order[chosen[:begun]])
    else:
        begun = pack_past_head(
            now, bins, then, packs.up[pool], count, shares, places(w), head, shadow_s, fitting, packs.roomy[pool],
            queue, w.queue_s[pool], 1, end, packs.chosen, packs.unfit, tried, chosen,
        )  # fmt: skip
    start_chosen(now, w, pool, begun, chosen, events, waits)


@_inner
def start_chosen(now, w, pool, begun, chosen, events, waits):
    """Start the jobs at the chosen positions, which increase, and take them out of the queue."""
    for index in range(begun):
        start_job(now, w, pool, chosen[index], events)
    for index in range(begun - 1, -1, -1):
        take_out(now, w, pool, chosen[index], waits)


@_inner
def sort_queue(now, w, pool, order):
    """Sort the queue by what the order says now; return the job for which it gives no number, or -1."""
    count = w.numbers[pool, QUEUE]
    queue = w.queue[pool, :count].copy()
    if w.by_factors:
        set_priorities(now, w.priorities.book[pool], queue, count, w.submit_s, w.key, w.priorities)
    else:
        for job in queue:
            w.key[job] = order(now, w.submit_s[job], w.logged_s[job], w.procs[job])
            if not np.isfinite(w.key[job]):
                return job
    by_job = np.argsort(queue)
    places = by_job[np.argsort(w.key[queue[by_job]], kind="mergesort")]
    w.queue[pool, :count] = queue[places]
    w.queue_need[pool, :count] = w.queue_need[pool, :count][places]
    w.queue_s[pool, :count] = w.queue_s[pool, :count][places]
    if w.rule == CONSERVATIVE:
        w.reserved_s[pool, :count] = w.reserved_s[pool, :count][places]
    return -1


@_inner
def takes(w, pool, job):
    """Return whether a job that is due may move to a pool (§5)."""
    state, facts, packs = w.numbers[pool], w.facts[pool], w.packs
    if not facts[PACKED]:
        return has_room(int(facts[UNITS]), state[HELD], state[QUEUED], w.needs[pool, job])
    return packed_has_room(
        room_of(w, pool), packs.numbers, int(facts[CORES]), int(facts[MEMORY]), bins_of(w, pool), packs.up[pool],
        state[IDLE_NODES] + state[BUSY_NODES], int(facts[UNITS]), state[BUSY_NODES], shares_in(w, pool), w.queue[pool],
        state[QUEUE], job, packs.chosen,
    )  # fmt: skip


@_inner
def may_be_room(w):
    """Return whether some pool may have room for a job that is due: more than when none of them found any."""
    for pool in range(len(w.facts)):
        state, facts = w.numbers[pool], w.facts[pool]
        if facts[BURST_AFTER] < np.inf:
            room = facts[UNITS] - state[HELD] - state[QUEUED]
            if facts[PACKED] or (room > 0 and room > state[TOO_LITTLE]):
                return True
    return False


@_inner
def note_room(w, moved):
    """Note the room of each pool, which is too little for all that is due; nothing is known where jobs moved."""
    for pool in range(len(w.facts)):
        state = w.numbers[pool]
        state[TOO_LITTLE] = ANY if moved else int(w.facts[pool, UNITS]) - state[HELD] - state[QUEUED]


@_inner
def move_jobs(now, w, due, dues, waits):
    """Let each job that is due move to the first pool that has room for it; return how many may remain due."""
    if not may_be_room(w):
        return dues
    kept = 0
    any_moved = False
    for index in range(dues):
        job = due[index]
        waiting = not w.runs[job] and np.isnan(w.end_s[job])
        remains = False
        moved = False
        for pool in range(w.pool_of[job] + 1, len(w.facts)):
            if not waiting or not may_move(now, w.waits_since_s[job], w.facts[pool, BURST_AFTER], w.needs[pool, job]):
                continue
            remains = True
            if not moved and takes(w, pool, job):
                move(now, w, job, pool, waits)
                moved, remains, any_moved = True, False, True
        if remains:
            due[kept] = job
            kept += 1
    note_room(w, any_moved)
    return kept


@_inner
def move(now, w, job, to, waits):
    """Move a waiting job to another pool."""
    pool = w.pool_of[job]
    state = w.numbers[pool]
    position = 0
    while w.queue[pool, position] != job:
        position += 1
    if w.rule == CONSERVATIVE and w.reserved_s[pool, position] != NO_RESERVATION:
        state[POINTS] = give_up(
            position, w.queue_need[pool], w.queue_s[pool], w.reserved_s[pool], w.gain_s[pool], w.profile_s[pool],
            w.profile_free[pool], state[FIRST], state[POINTS],
        )  # fmt: skip
    state[EARLY] = 1
    take_out(now, w, pool, position, waits)
    state[DIRTY] = 1
    w.pool_of[job] = to
    set_attempt(w, to, job)
    enter(now, w, to, job)


@_inner
def autoscale(now, w, pool, events, spans):
    """Launch the nodes that waiting jobs need, and shut down those that have been idle for long; return a status."""
    state, facts = w.numbers[pool], w.facts[pool]
    least = int(facts[LEAST])
    wanted = filled_by_queue(w, pool) if facts[PACKED] else state[QUEUED]
    count = launches(wanted, state[IDLE_NODES], state[BUSY_NODES], state[ARRIVING], int(facts[UNITS]), least)
    for _ in range(count):
        number = state[LAUNCHED]
        if number >= w.node_state.shape[1]:
            return MORE_LIVES
        state[LAUNCHED] += 1
        state[FRUITLESS_RUN] = state[FRUITLESS_RUN] + 1 if state[QUEUE] else 0
        if state[FRUITLESS_RUN] >= FRUITLESS:
            return FRUITLESS_POOL
        bring(now, w, pool, number, facts[BOOT], events)
        status = await_leaving(now, w, pool, number, events)
        if status != DONE:
            return status
        state[EARLY] = 1
    if state[QUEUE] == 0 and now >= w.times[pool, STAYS_UNTIL]:
        send_away(now, w, pool, least, spans)
    return DONE


@_inner
def send_away(now, w, pool, least, spans):
    """Shut down the nodes that have been idle for long, and note until when all others stay."""
    state, timeout_s = w.numbers[pool], w.facts[pool, TIMEOUT]
    count = shut_down(
        now, state[QUEUE], w.idle[pool], state[IDLE_NODES], w.idle_since_s[pool], timeout_s, state[BUSY_NODES], least,
        w.leaving,
    )  # fmt: skip
    for index in range(count):
        forget_idle(now, w, pool, w.leaving[index], spans)
        shift_capacity(now, w, pool, now, -1)
    until_s = np.inf
    for index in range(state[IDLE_NODES]):
        until_s = min(until_s, w.idle_since_s[pool, w.idle[pool, index]] + timeout_s)
    w.times[pool, STAYS_UNTIL] = until_s


@_inner
def occur(now, w, event, events, tried, placed, spans, due, dues):
    """Let an event happen, unless it has become void; return status, jobs that end, and jobs that are due to move."""
    time_s, kind, one, other = event
    status, ended = DONE, 0
    if kind == COMPLETION:
        if w.runs[one] and w.ends_s[one] == time_s:
            w.end_s[one] = now
            done_s = worked(w.held_s[one], w.restarts[one], w.facts[w.pool_of[one], OVERHEAD])
            end_attempt(now, w, one, done_s, events, tried, placed)
            ended = 1
    elif kind == LEAVE:
        if w.node_state[one, other] != GONE_NODE and w.leaves_s[one, other] == time_s:
            ended = leave(now, w, one, other, events, tried, placed, spans)
    elif kind == ARRIVE:
        if w.node_state[one, other] == COMING and w.arrives_s[one, other] == time_s:
            status = arrive(now, w, one, other, events)
    elif kind == BURST:
        index = place_of(due, dues, one)
        w.numbers[:, TOO_LITTLE] = ANY
        waiting = not w.runs[one] and np.isnan(w.end_s[one])
        if waiting and (index == dues or due[index] != one):
            put(due, dues, index, one)
            dues += 1
    elif kind == RESERVATION and w.times[one, DUE] == now:
        w.numbers[one, DIRTY] = 1
    return status, ended, dues


@_inner
def arrive(now, w, pool, number, events):
    """Let a node be up; return a status."""
    forget_coming(w, pool, number)
    set_up(w, pool, number)
    set_idle(now, w, pool, number, events)
    w.numbers[pool, FREE] += 1
    w.numbers[pool, EARLY] = 1
    w.numbers[pool, DIRTY] = 1
    return await_leaving(now, w, pool, number, events) if w.facts[pool, FAILS] else DONE


@_inner
def pass_each(now, w, order, depth, passing_order, rank, vacated_s, chosen, events, waits):
    """Give a pass to each pool in which something happened; return a job for which the order gives no number, or -1."""
    for pool in range(len(w.facts)):
        state = w.numbers[pool]
        if state[DIRTY]:
            state[DIRTY] = 0
            if state[QUEUE]:
                failing = sort_queue(now, w, pool, order) if w.sorted_queue else -1
                if failing >= 0:
                    return failing
                schedule(now, w, pool, depth, passing_order, rank, vacated_s, chosen, events, waits)
            else:
                no_gain(w.gain_s[pool])
            state[EARLY] = state[LOST] = 0
    return -1


@_inner
def beyond_base(w, watch, pool):
    """Return how many nodes of a pool are on the bill as rent."""
    state = w.numbers[pool]
    nodes = state[IDLE_NODES] + state[BUSY_NODES] + state[ARRIVING] - watch.base[pool]
    return nodes if w.facts[pool, ELASTIC] and nodes > 0 else 0


@_inner
def check(now, before_s, w, watch):
    """Note the rent at each check that is due; return the first since when it, and what is to come, are too much."""
    dear_s = np.inf
    while watch.checked[0] < len(watch.check_s) and watch.check_s[watch.checked[0]] <= now:
        place = watch.checked[0]
        usd = watch.rest_usd[place]
        for pool in range(len(w.facts)):
            since_s = watch.check_s[place] - before_s
            watch.node_s_at[place, pool] = watch.node_s[pool] + beyond_base(w, watch, pool) * since_s
            usd += watch.usd_per_s[pool] * watch.node_s_at[place, pool]
        if usd >= watch.most_usd:
            dear_s = min(dear_s, watch.check_s[place])
        watch.checked[0] += 1
    return dear_s


@_inner
def dear_since(now, before_s, w, watch):
    """Add up the rent since the last instant; return when it was known to be too much, infinite if it is not."""
    checked_s = check(now, before_s, w, watch)
    usd, usd_per_s = 0.0, 0.0
    for pool in range(len(w.facts)):
        usd += watch.usd_per_s[pool] * watch.node_s[pool]
        nodes = beyond_base(w, watch, pool)
        usd_per_s += watch.usd_per_s[pool] * nodes
        watch.node_s[pool] += nodes * (now - before_s)
    if usd + usd_per_s * (now - before_s) < watch.most_usd:
        return checked_s
    since_s = max(0.0, watch.most_usd - usd) / usd_per_s if usd_per_s > 0 else 0.0
    return min(checked_s, before_s + since_s)


@_inner
def certain(now, before_s, w, watch, dear_s):
    """Return how a replay ends early, if it does, and since when it is dear, before anything happens at an instant."""
    lost_s = count_late(
        now, w.submit_s, w.start_s, watch.limit_s, watch.allowed, watch.about, watch.place, watch.late
    )  # fmt: skip
    dear_s = min(dear_s, dear_since(now, before_s, w, watch))
    # Until then a target may be lost that is not known yet.
    if lost_s < np.inf or now >= dear_s + 2 * TOLERANCE_S:
        return first_of(lost_s, dear_s), dear_s
    return OPEN, dear_s


@_inner
def as_rows(records):
    """Return a list of tuples of numbers as an array of rows."""
    rows = np.empty((len(records), len(records[0]) if len(records) else 0))
    for index in range(len(records)):
        for column, value in enumerate(records[index]):
            rows[index, column] = value
    return rows


@_inner
def as_tables(tried, waits, spans, placed):
    """Return the records of a replay as arrays."""
    return as_rows(tried), as_rows(waits), as_rows(spans), as_rows(placed)


# One function of 90 lines, for it is one loop over the rounds of all instants (§2): the order of a round can be read
# from top to bottom, and it can be left wherever draws are missing or a profile is full.
def _replay(  # noqa: C901, PLR0911, PLR0912, PLR0915
    order, w, watch, watching, arrivals, followers, think_s, depth, passing_order, rank
):
    """Replay all jobs; return status, its job or pool, its time, and the records of what happened."""
    pools, jobs = w.needs.shape
    events = [(0.0, 0, 0, 0)]
    tried = [(0.0, 0.0, 0.0, 0.0, 0.0)]
    waits = [(0.0, 0.0, 0.0, 0.0)]
    spans = [(0.0, 0.0, 0.0, 0.0, 0.0)]
    placed = [(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    events.clear()
    tried.clear()
    waits.clear()
    spans.clear()
    placed.clear()
    chosen = np.empty(jobs, dtype=np.int64)
    due = np.empty(jobs, dtype=np.int64)
    submitted = np.empty(jobs, dtype=np.int64)
    vacated_s = np.array([np.inf, -np.inf])
    dues = 0
    remaining = 0
    for job in range(jobs):
        remaining += w.pool_of[job] >= 0
    following, arrived = 0, 0
    now = 0.0
    before_s, dear_s = 0.0, np.inf
    status = DONE
    for pool in range(pools):
        for index in range(w.numbers[pool, IDLE_NODES]):
            if remaining and status == DONE:
                status = await_leaving(now, w, pool, w.idle[pool, index], events)
                if status != DONE:
                    return status, pool, now, as_tables(tried, waits, spans, placed)
    while remaining:
        now = np.inf
        if following < len(arrivals):
            now = w.submit_s[arrivals[following]]
        if events:
            now = min(now, events[0][0])
        if watching:
            why, dear_s = certain(now, before_s, w, watch, dear_s)
            if why != OPEN:
                return ENDED, why, now, as_tables(tried, waits, spans, placed)
            before_s = now
        while remaining:
            while remaining and events and events[0][0] <= now:
                event = heapq.heappop(events)
                if event[1] == SUBMISSION:
                    submitted[arrived] = event[2]
                    arrived += 1
                    continue
                status, ended, dues = occur(now, w, event, events, tried, placed, spans, due, dues)
                remaining -= ended
                if ended and len(think_s):
                    first, last = (event[2], event[2] + 1) if event[1] == COMPLETION else (0, jobs)
                    for job in range(first, last):  # all where nodes left, for that seldom ends jobs
                        if w.end_s[job] == now:
                            await_followers(now, w, job, followers, think_s, events)
                if status != DONE:
                    return status, event[2], now, as_tables(tried, waits, spans, placed)
            if remaining == 0:
                break
            if arrived and not w.sorted_queue:
                for job in submitted[:arrived]:  # before, it was not known when
                    w.key[job] = order(now, now, w.logged_s[job], w.procs[job])
            while following < len(arrivals) and w.submit_s[arrivals[following]] <= now:
                submitted[arrived] = arrivals[following]
                arrived += 1
                following += 1
            for job in submitted[:arrived]:
                enter(now, w, w.pool_of[job], job)
                await_bursts(w, job, events)
            arrived = 0
            if events and events[0][0] <= now:
                continue  # waits of no length run out before the pass
            failing = pass_each(now, w, order, depth, passing_order, rank, vacated_s, chosen, events, waits)
            if failing >= 0:
                return NO_NUMBER, failing, now, as_tables(tried, waits, spans, placed)
            if dues:
                dues = move_jobs(now, w, due, dues, waits)
            dirty = len(events) > 0 and events[0][0] <= now
            for pool in range(pools):
                if w.rule == CONSERVATIVE and full(w.profile_s[pool], w.numbers[pool, POINTS]):
                    return PROFILE_FULL, pool, now, as_tables(tried, waits, spans, placed)
                dirty = dirty or w.numbers[pool, DIRTY] == 1
            if dirty:
                continue
            for pool in range(pools):
                if w.facts[pool, ELASTIC]:
                    status = autoscale(now, w, pool, events, spans)
                    if status != DONE:
                        return status, pool, now, as_tables(tried, waits, spans, placed)
            if not (events and events[0][0] <= now):
                break
    if dear_s < np.inf:
        return ENDED, first_of(np.inf, dear_s), now, as_tables(tried, waits, spans, placed)
    for pool in range(pools):
        for number in range(w.numbers[pool, LAUNCHED]):
            if w.node_state[pool, number] != GONE_NODE:
                gone(now, w, pool, number, spans)
    return DONE, 0, now, as_tables(tried, waits, spans, placed)


def run(inputs: Inputs, order: Any, ends: Ends | None = None) -> Replay | Ended:
    """Replay all jobs with the compiled order, or until the replay may end early.

    Raises
    ------
    InputError
        If a user's own order gives no number for some job.
    HopelessError
        If an elastic pool launches nodes again and again that never run a job.
    """
    jobs = len(inputs.pool)
    elastic = any(one.elastic for one in inputs.pools)
    nodes = 1024 + 4 * (max(inputs.units) + jobs) if elastic else max(inputs.units)
    failures = 16  # guesses; more is drawn if need be
    rank = np.zeros(0, dtype=np.int64)
    facts = inputs.submit_s, inputs.procs, inputs.logged_estimate_s
    if inputs.policy.passing_order:
        rank = ranks(inputs.policy.passing_order, *facts)
    key = np.zeros(jobs)
    if not inputs.dynamic:
        if inputs.closed:  # some submissions come to be known in the replay, and with them the keys that they go with
            key = keys(inputs.policy.order, *facts)
        elif inputs.policy.order != "fcfs":
            key = ranks(inputs.policy.order, *facts).astype(np.float64)
    arrivals = np.flatnonzero((inputs.pool != REJECTED) & (inputs.follows < 0))
    while True:
        world = _world(inputs, key, nodes, failures)
        watch = watch_for(ends, jobs, len(inputs.pools))
        rest = (
            as_table(world), as_table(watch), watch.watches, arrivals, _followers(inputs),
            inputs.think_s[: jobs if inputs.closed else 0].copy(), inputs.depth or max(jobs, 1),
            bool(inputs.policy.passing_order), rank,
        )  # fmt: skip
        status, one, now, tables = compiled_for(_replay, "nodes that come and go", rest)(order, *rest)
        if status == MORE_LIVES:
            nodes *= 4
        elif status == MORE_UPTIMES:
            failures *= 4
        else:
            break
    if status == ENDED:
        return watch.ended(one, now)
    if status == NO_NUMBER:
        assert inputs.order is not None
        asked = float(world.submit_s[one]), float(inputs.logged_estimate_s[one]), int(inputs.procs[one])
        custom.refuse(inputs.order, inputs.policy.order, now, *asked)
    if status == FRUITLESS_POOL:
        raise fruitless_error(inputs.pools[one].name)
    if status == PROFILE_FULL:
        raise full_error(inputs.pools[one].name)
    return Replay(
        engine="compiled",
        pool=world.pool_of,
        start_s=world.start_s,
        end_s=world.end_s,
        killed=world.killed,
        failed=world.failed,
        restarts=world.restarts,
        submit_s=world.submit_s if inputs.closed else None,
        **records(inputs, tables, now),
    )


def _world(inputs: Inputs, key: Any, nodes: int, failures: int) -> World:
    """Return all arrays of a replay, as they stand when it begins; a line a field."""
    jobs, pools = len(inputs.pool), len(inputs.pools)
    widest = max(inputs.units)
    reserving = jobs if inputs.policy.backfill == "conservative" else 0
    numbers, idle, state, lives_s, uptimes_s = _nodes(inputs, nodes, failures)
    profile_free = np.zeros((pools, profile.room(reserving, widest) if reserving else 0), dtype=np.int64)
    profile_free[:] = numbers[:, FREE, np.newaxis]
    many = (pools, jobs)
    return World(
        facts=_facts(inputs),
        numbers=numbers,
        times=np.tile([np.inf, -np.inf, -np.inf, -np.inf], (pools, 1)),
        kill=inputs.overrun == "kill",
        rule=inputs.policy.rule.holds,
        sorted_queue=inputs.dynamic,
        submit_s=inputs.submit_s.copy(),
        run_s=inputs.run_s.copy(),
        logged_s=inputs.logged_estimate_s.copy(),
        procs=inputs.procs.copy(),
        needs=inputs.needs.copy(),
        pool_of=inputs.pool.copy(),
        need=inputs.need.copy(),
        held_s=inputs.held_s.copy(),
        estimate_s=inputs.estimate_s.copy(),
        began_s=np.zeros(jobs),
        expected_s=np.zeros(jobs),
        ends_s=np.zeros(jobs),
        runs=np.zeros(jobs, dtype=bool),
        start_s=np.full(jobs, np.nan),
        end_s=np.full(jobs, np.nan),
        killed=inputs.killed.copy(),
        failed=np.zeros(jobs, dtype=bool),
        restarts=np.zeros(jobs, dtype=np.int64),
        kept_s=np.zeros(jobs),
        waits_since_s=inputs.submit_s.copy(),
        queued_since_s=inputs.submit_s.copy(),
        key=key.copy(),
        first_node=np.full(jobs, -1),
        queue=np.zeros(many, dtype=np.int64),
        queue_need=np.zeros(many, dtype=np.int64),
        queue_s=np.zeros(many),
        reserved_s=np.full((pools, reserving), NO_RESERVATION),
        release_s=np.zeros((pools, jobs)),
        release_need=np.zeros(many, dtype=np.int64),
        arrive_s=np.zeros((pools, idle.shape[1])),
        profile_s=np.zeros(profile_free.shape),
        profile_free=profile_free,
        gain_s=np.tile([np.inf, -np.inf], (pools, 1)),
        node_state=state,
        node_job=np.zeros((pools, nodes), dtype=np.int64),
        next_node=np.zeros((pools, nodes), dtype=np.int64),
        idle_since_s=np.zeros((pools, nodes)),
        launched_s=np.zeros((pools, nodes)),
        arrives_s=np.zeros((pools, nodes)),
        leaves_s=np.full((pools, nodes), np.inf),
        failures=np.zeros((pools, nodes), dtype=np.int64),
        idle=idle,
        leaving=np.zeros(idle.shape[1], dtype=np.int64),
        lives_s=lives_s,
        uptimes_s=uptimes_s,
        by_factors=inputs.order is None,
        priorities=copied(inputs.priorities),
        packs=_packs(inputs, nodes),
    )


def _facts(inputs: Inputs) -> Any:
    """Return the constants of the pools, a row each."""
    return np.array(
        [
            (
                one.speed, one.elastic, one.least, one.boot_s, one.idle_s, one.burst_s, one.checkpoint_s,
                one.overhead_s, one.max_restarts, one.life_s < np.inf, one.mtbf_s < np.inf, one.repair_s, units,
                one.numbered, one.packed, one.cores, one.memory, one.gpus,
            )
            for one, units in zip(inputs.pools, inputs.units, strict=True)
        ],
        dtype=np.float64,
    )  # fmt: skip


def _nodes(inputs: Inputs, nodes: int, failures: int) -> tuple[Any, ...]:
    """Return the numbers of each pool, its idle nodes, and the states, lives and times of being up of its nodes."""
    pools = len(inputs.pools)
    numbers = np.zeros((pools, TOO_LITTLE + 1), dtype=np.int64)
    numbers[:, POINTS] = 1
    numbers[:, TOO_LITTLE] = ANY
    numbered = any(one.numbered for one in inputs.pools)
    idle = np.zeros((pools, max(inputs.units) if numbered else 0), dtype=np.int64)
    state = np.zeros((pools, nodes), dtype=np.int64)
    lives_s = np.zeros((pools, nodes))
    failing = max(
        [units for one, units in zip(inputs.pools, inputs.units, strict=True) if one.mtbf_s < np.inf], default=0
    )
    uptimes_s = np.zeros((pools, failing, failures))
    for index, (one, units) in enumerate(zip(inputs.pools, inputs.units, strict=True)):
        up = one.least if one.elastic else units
        numbers[index, FREE] = up
        if one.numbered:
            numbers[index, IDLE_NODES] = numbers[index, LAUNCHED] = up
            idle[index, :up] = np.arange(up)
            state[index, :up] = IDLE
        if one.life_s < np.inf:
            lives_s[index] = lives(inputs.seed, one.name, one.life_s, nodes)
        if one.mtbf_s < np.inf:
            for node in range(units):
                uptimes_s[index, node] = uptimes(inputs.seed, one.name, node, one.mtbf_s, failures)
    return numbers, idle, state, lives_s, uptimes_s


def _followers(inputs: Inputs) -> Any:
    """Return the first job that follows each job, and the next that follows the same, or -1; empty without feedback."""
    followers = np.full((2, len(inputs.pool) if inputs.closed else 0), -1)
    first, following = followers
    for job in np.flatnonzero(inputs.follows >= 0):
        before = inputs.follows[job]
        following[job], first[before] = first[before], job
    return followers


def _packs(inputs: Inputs, nodes: int) -> Packs:
    """Return the arrays of packed pools, with the nodes that are up from the start."""
    pools, jobs = len(inputs.pools), inputs.shares.shape[2]
    packed = any(one.packed for one in inputs.pools)
    nodes, most = (nodes, max(inputs.units)) if packed else (0, 0)
    width = max((one.gpus for one in inputs.pools), default=0)
    here = np.array([one.packed for one in inputs.pools])[:, np.newaxis]
    counts = np.where(here, inputs.needs, 0).max(axis=0) if packed else np.zeros(0, dtype=np.int64)
    shares = int(counts.sum())
    shapes = 1 + int(inputs.shares[3].max(initial=0)) if packed else 0
    packs = Packs(
        shares=inputs.shares.copy(),
        bins=np.zeros((pools, 3, nodes), dtype=np.int64),
        gpu=np.zeros((pools, nodes * width), dtype=np.int64),
        then=np.zeros((pools, 3, nodes), dtype=np.int64),
        then_gpu=np.zeros((pools, nodes * width), dtype=np.int64),
        room=np.zeros((3, most + 1), dtype=np.int64),
        room_gpu=np.zeros((most + 1) * width, dtype=np.int64),
        numbers=np.arange(most + 1),
        up=np.zeros((pools, most), dtype=np.int64),
        jobs_on=np.zeros((pools, nodes), dtype=np.int64),
        roomy=np.zeros((pools, nodes), dtype=bool),
        chosen=np.zeros(most, dtype=np.int64),
        unfit=np.zeros(REMEMBERED, dtype=np.int64),
        clock=np.ones((pools, 4), dtype=np.int64),
        shadow_s=np.zeros((pools, 1)),
        shape_unfit=np.zeros((pools, shapes), dtype=np.int64),
        shape_delays=np.zeros((pools, shapes), dtype=np.int64),
        release_job=np.zeros((pools, jobs), dtype=np.int64),
        first=np.concatenate(([0], np.cumsum(counts))),
        place_node=np.zeros(shares, dtype=np.int64),
        place_gpus=np.zeros(shares, dtype=np.int64),
    )
    for index, (one, units) in enumerate(zip(inputs.pools, inputs.units, strict=True)):
        if one.packed:
            up = one.least if one.elastic else units
            packs.up[index, :up] = np.arange(up)
            packs.bins[index, :, :up] = np.array([[one.cores], [one.memory], [one.gpus * WHOLE]])
            packs.gpu[index, : up * one.gpus] = WHOLE
    return packs
