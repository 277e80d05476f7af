"""Jobs that may run in several pools, with one queue for all of them: the pass with guards (semantics §9).

A *door* is an ordered list of pools; each job comes through one, and takes what is free pool after pool.  A blocked
job becomes the *guard* of those of its pools that have none yet: from its *shadow* on, the earliest time at which it
fits, units are kept for it.  With one pool and nothing else, that is EASY (:mod:`pwsim.rules.backfill`).

What is free is known from the units that are up, the jobs that run, by their expected ends, nodes that are on their
way, and *outages*, a step function of units that are away.  A job fits at a time if it fits for its whole expected
time.

The pass is a walk through the queue that stops at each job that is to start, and at each that may preempt others: what
starts and ends is the engine's part.  All functions are index loops over sequences, in the subset of Python that numba
compiles; a table by pool is a sequence of sequences.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

from pwsim.rules.backfill import reservation
from pwsim.rules.conservative import hold_overdue, running_only
from pwsim.rules.packing import empty
from pwsim.rules.profile import change, find, shift
from pwsim.rules.site.caps import Caps, count, passes_cap
from pwsim.rules.site.hours import ANY_TIME, Hours, may_start, may_start_now, next_opening, next_tick
from pwsim.rules.site.packs import (
    Packs,
    bins_then,
    copy_nodes,
    hold_claim,
    settle,
    share_out,
    shift_job,
    uses,
    write_claim,
)
from pwsim.rules.site.plan import Plan

NOBODY = -1
"""The guard of a pool that has none."""
OVER, START, BLOCKED, GUARDED = range(4)
"""Why a walk stops: nobody else can start; a job starts; one is blocked, and may preempt; the first stands guard, so
that those behind it may be tried in an order of their own."""
INDEX, BEHIND, REFUSED = range(3)
"""Where a walk stands: what it looks at next, how many it has looked at behind the first guard, and whether the job at
which it stopped as blocked could not preempt."""


class Waiting(NamedTuple):
    """What a pass knows of jobs that wait, by job."""

    need: MutableSequence[int]
    """Units of its door that a job takes."""
    length_s: MutableSequence[float]
    """How long it is expected to hold them [s]."""
    door: MutableSequence[int]
    """Its door."""
    table: Sequence[int]
    """The table of hours in which it may start."""
    holding: Sequence[int]
    """The table of hours outside which it is held: of the rules that do not drain."""
    before: MutableSequence[int]
    """How many jobs must end before it may start."""


class Doors(NamedTuple):
    """The pools that each door opens, one list after another."""

    first: Sequence[int]
    """Where the list of each door begins, and after the last the length of all."""
    pool: Sequence[int]
    """Pools, in the order in which jobs take them."""
    tier: Sequence[int]
    """Jobs of higher tiers come first in the queue, and may preempt those of lower ones."""


class Capacity(NamedTuple):
    """What is free in each pool now, and what is known to come."""

    free: MutableSequence[int]
    """Units that are up and that no job holds, by pool, outages left aside."""
    release_s: Sequence[MutableSequence[float]]
    """Expected ends of the jobs that run in each pool, increasing [s]."""
    release_need: Sequence[MutableSequence[int]]
    """Units of each of them there."""
    release_job: Sequence[MutableSequence[int]]
    """The jobs."""
    running: MutableSequence[int]
    """How many they are, by pool."""
    arrive_s: Sequence[MutableSequence[float]]
    """When the nodes that are on their way arrive, increasing, one unit each [s]."""
    arriving: MutableSequence[int]
    """How many they are, by pool."""
    up_s: Sequence[MutableSequence[float]]
    """Where nodes come and go, from when on each is up, by number; infinity if it is not there [s]."""
    away_first: Sequence[int]
    """First step of each pool's outages, and after the last the number of all; the first is at minus infinity."""
    away_s: Sequence[float]
    """When each step begins [s]."""
    away: Sequence[int]
    """Units that are away from then until the next step."""


class Profiles(NamedTuple):
    """A profile for each pool (:mod:`pwsim.rules.profile`)."""

    time_s: Sequence[MutableSequence[float]]
    """When the points are [s]."""
    free: Sequence[MutableSequence[int]]
    """Units that are free from then until the next point."""
    first: MutableSequence[int]
    """First point in use, by pool."""
    points: MutableSequence[int]
    """Number of points, by pool."""


class Guards(NamedTuple):
    """Who guards what in the pass that is under way."""

    job: MutableSequence[int]
    """The guard of each pool, or :data:`NOBODY`."""
    shadow_s: MutableSequence[float]
    """When the guard of each pool will fit [s]; minus infinity if it is not known ever to."""
    extra: MutableSequence[int]
    """Units of each pool that jobs may still hold beyond that time."""
    taking_pool: MutableSequence[int]
    """Pool of each taking of a guard."""
    taking_s: MutableSequence[float]
    """When each taking begins [s]."""
    taking_end_s: MutableSequence[float]
    """When it ends [s]."""
    taking: MutableSequence[int]
    """Units that it is of."""
    tally: MutableSequence[int]
    """Takings, and guards, so far, and whether all pools of the queue are guarded."""


class Reserved(NamedTuple):
    """The reservations, and what has become free since they were placed."""

    start_s: MutableSequence[float]
    """Start of the reservation of each job [s], or :data:`~pwsim.rules.conservative.NO_RESERVATION`."""
    stale: MutableSequence[bool]
    """Whether a job was held when others were placed again, and has to be tried whatever became free."""
    gain_s: Sequence[MutableSequence[float]]
    """Span of time in which units of each pool have become free [s] (:func:`pwsim.rules.conservative.gain`)."""
    vacated_s: Sequence[MutableSequence[float]]
    """Span of time in which units of each pool were left by jobs that moved; those before them have not tried it."""
    held: MutableSequence[bool]
    """Whether each job is held in the pass that is under way, as it was when the pass began."""
    keeps: MutableSequence[bool]
    """Whether each job has preempted others in this pass, and so keeps its place at now."""
    overdue_until_s: MutableSequence[float]
    """Until when the last pass let jobs of each pool hold on that had outlived their estimates [s]."""


class Site(NamedTuple):
    """All that the passes of a site look at, and write."""

    waiting: Waiting
    """Jobs that wait."""
    rows: Doors
    """The pools of each queue."""
    doors: Doors
    """The doors to pools."""
    capacity: Capacity
    """What is free."""
    profiles: Profiles
    """What will be free."""
    hours: Hours
    """When jobs may start."""
    caps: Caps
    """What may run at once."""
    guards: Guards
    """Who guards what, with the rules ``none`` and ``easy``."""
    reserved: Reserved
    """Who reserved what, with ``conservative``."""
    part: Sequence[MutableSequence[int]]
    """Units of each pool, a row each, that a job holds, has reserved, or is about to take, by job."""
    packs: Packs
    """The nodes of packed pools."""
    plan: Plan
    """The plan, with ``replan``."""
    away_most: MutableSequence[int]
    """Room for the units of each pool that are away at some time."""


def pools_of(door: int, doors: Doors) -> Sequence[int]:
    """Return the pools that a door opens, in their order."""
    return doors.pool[doors.first[door] : doors.first[door + 1]]


def shift_part(pool: int, start_s: float, end_s: float, units: int, site: Site) -> None:
    """Let units of a profile be free for some time, or taken if they are negative."""
    if units:
        table = site.profiles
        table.points[pool] = change(
            table.time_s[pool], table.free[pool], table.first[pool], table.points[pool], start_s, end_s, units
        )


def away_now(pool: int, time_s: float, site: Site) -> int:
    """Return the step of a pool's outages at a time."""
    low, high = site.capacity.away_first[pool], site.capacity.away_first[pool + 1] - 1
    while low < high:
        middle = (low + high + 1) // 2
        if site.capacity.away_s[middle] <= time_s:
            low = middle
        else:
            high = middle - 1
    return low


def room(now: float, pool: int, length_s: float, site: Site) -> int:
    """Return the units of a pool that are free from now on for a number of seconds, whatever guards there are.

    Units come back as jobs end, so that the fewest are free now, or when an outage begins.
    """
    free = site.capacity.free[pool]
    step, end = away_now(pool, now, site), site.capacity.away_first[pool + 1]
    least = free - site.capacity.away[step]
    last = node = 0
    step += 1
    while step < end and site.capacity.away_s[step] < now + length_s:
        time_s = site.capacity.away_s[step]
        while last < site.capacity.running[pool] and max(site.capacity.release_s[pool][last], now + 1.0) <= time_s:
            free += site.capacity.release_need[pool][last]
            last += 1
        while node < site.capacity.arriving[pool] and site.capacity.arrive_s[pool][node] <= time_s:
            free += 1
            node += 1
        least = min(least, free - site.capacity.away[step])
        step += 1
    return max(0, least)


def draw_profile(now: float, pool: int, site: Site) -> None:
    """Write the profile of a pool without its waiting jobs: running jobs, nodes on their way, and outages."""
    time_s, free = site.profiles.time_s[pool], site.profiles.free[pool]
    running = site.capacity.release_s[pool], site.capacity.release_need[pool], site.capacity.running[pool]
    points = running_only(now, site.capacity.free[pool], *running, time_s, free)
    points = hold_overdue(now, -1, *running, time_s, free, 0, points)
    for node in range(site.capacity.arriving[pool]):
        points = shift(time_s, free, 0, points, site.capacity.arrive_s[pool][node], 1)
    step = away_now(pool, now, site)
    before = 0
    while step < site.capacity.away_first[pool + 1]:
        points = shift(time_s, free, 0, points, max(now, site.capacity.away_s[step]), before - site.capacity.away[step])
        before = site.capacity.away[step]
        step += 1
    site.profiles.first[pool], site.profiles.points[pool] = 0, points


def least_free(pool: int, start_s: float, length_s: float, site: Site) -> int:
    """Return the units of a profile that are free from a time on for a number of seconds."""
    time_s, free, points = site.profiles.time_s[pool], site.profiles.free[pool], site.profiles.points[pool]
    point = find(time_s, site.profiles.first[pool], points, start_s)
    least = free[point]
    point += 1
    while point < points and time_s[point] < start_s + length_s:
        least = min(least, free[point])
        point += 1
    return max(0, least)


def first_fit(after_s: float, now_too: bool, job: int, site: Site) -> float:
    """Return the earliest time after another, or at it, at which a job fits and may start [s]; infinity if none is.

    What is free changes at the points of the profiles, and what is allowed where the job's hours open; the first
    multiple of the period after such a change is looked at.
    """
    need, length_s, door = site.waiting.need[job], site.waiting.length_s[job], site.waiting.door[job]
    table = site.waiting.table[job]
    time_s, tried_s = after_s, -math.inf
    looks = now_too
    while True:
        start_s = next_tick(time_s, site.hours.period_s)
        if looks and start_s > tried_s:
            tried_s = start_s
            if may_start(site.hours, table, start_s, length_s):
                units = 0
                for pool in pools_of(door, site.doors):
                    units += least_free(pool, start_s, length_s, site)
                    if units >= need:
                        return start_s
        looks = True
        next_s = next_opening(site.hours, table, time_s)
        for pool in pools_of(door, site.doors):
            times, points = site.profiles.time_s[pool], site.profiles.points[pool]
            point = find(times, site.profiles.first[pool], points, time_s) + 1
            if times[point - 1] > time_s:
                point -= 1
            if point < points:
                next_s = min(next_s, times[point])
        if next_s == math.inf:
            return math.inf
        time_s = next_s


def take(start_s: float, job: int, site: Site) -> None:
    """Take a job's units out of the profiles of its pools, in their order; ``part`` tells how many of each."""
    need, length_s, door = site.waiting.need[job], site.waiting.length_s[job], site.waiting.door[job]
    for pool in pools_of(door, site.doors):
        units = min(need, least_free(pool, start_s, length_s, site))
        site.part[pool][job] = units
        need -= units
        shift_part(pool, start_s, start_s + length_s, -units, site)


def set_aside(start_s: float, job: int, site: Site) -> None:
    """Take a job's units at a start out of the profiles of its pools, without anything being ``part`` of it."""
    need, length_s = site.waiting.need[job], site.waiting.length_s[job]
    for pool in pools_of(site.waiting.door[job], site.doors):
        units = min(need, least_free(pool, start_s, length_s, site))
        need -= units
        shift_part(pool, start_s, start_s + length_s, -units, site)


def is_packed(door: int, site: Site) -> bool:
    """Return whether the pools of a door are packed; all have one placement."""
    return site.packs.packed[site.doors.pool[site.doors.first[door]]]


def note_away(start_s: float, length_s: float, door: int, site: Site) -> None:
    """Write how many units of each pool of a door are away at some time, from a time on for a number of seconds."""
    for pool in pools_of(door, site.doors):
        step = away_now(pool, start_s, site)
        most = 0
        while step < site.capacity.away_first[pool + 1] and (
            site.capacity.away_s[step] <= start_s or site.capacity.away_s[step] < start_s + length_s
        ):
            most = max(most, site.capacity.away[step])
            step += 1
        site.away_most[pool] = most


def draw_nodes(now: float, start_s: float, end_s: float, door: int, claims: int, site: Site) -> None:
    """Write what will be free on the nodes of a door's pools at a time, beside the first so many guards."""
    packs, need = site.packs, site.waiting.need
    for pool in pools_of(door, site.doors):
        copy_nodes(pool, packs)
        for running in range(site.capacity.running[pool]):
            if max(site.capacity.release_s[pool][running], now + 1.0) <= start_s:
                shift_job(site.capacity.release_job[pool][running], pool, 1, False, need, packs)
        if site.capacity.arriving[pool]:
            for node in range(packs.nodes[pool]):
                if now < site.capacity.up_s[pool][node] <= start_s:
                    empty(bins_then(pool, packs), node, packs.size_cores[pool], packs.size_memory[pool])
        for claim in range(claims):
            if packs.claim_s[claim] < end_s and start_s < packs.claim_end_s[claim]:
                hold_claim(claim, pool, packs.claim_job[claim], need, packs)


def can_be_placed(now: float, start_s: float, job: int, claims: int, site: Site) -> bool:
    """Return whether a job could be placed at a time, beside the first so many guards."""
    door, length_s = site.waiting.door[job], site.waiting.length_s[job]
    draw_nodes(now, start_s, start_s + length_s, door, claims, site)
    note_away(start_s, length_s, door, site)
    for pool in pools_of(door, site.doors):
        site.packs.closed[pool] = False
    return share_out(job, pools_of(door, site.doors), site.away_most, False, site.waiting.need, site.packs)


def first_place(after_s: float, now_too: bool, now: float, job: int, site: Site) -> float:
    """Return the earliest time after another, or at it, at which a job can be placed, and may start [s]."""
    packs, length_s, door = site.packs, site.waiting.length_s[job], site.waiting.door[job]
    time_s, tried_s, looks = after_s, -math.inf, now_too
    while True:
        start_s = next_tick(time_s, site.hours.period_s)
        if looks and start_s > tried_s:
            tried_s = start_s
            allowed = may_start(site.hours, site.waiting.table[job], start_s, length_s)
            if allowed and can_be_placed(now, start_s, job, packs.claims[0], site):
                return start_s
        looks = True
        next_s = next_opening(site.hours, site.waiting.table[job], time_s)
        for pool in pools_of(door, site.doors):
            for running in range(site.capacity.running[pool]):
                end_s = max(site.capacity.release_s[pool][running], now + 1.0)
                if end_s > time_s:
                    next_s = min(next_s, end_s)
                    break
            next_s = min(next_s, next_change(pool, time_s, site))
            for claim in range(packs.claims[0]):
                other = packs.claim_job[claim]
                if packs.claim_end_s[claim] > time_s and uses(claim, pool, site.waiting.need[other], packs):
                    edge_s = packs.claim_s[claim] if packs.claim_s[claim] > time_s else packs.claim_end_s[claim]
                    next_s = min(next_s, edge_s)
        if next_s == math.inf:
            return math.inf
        time_s = next_s


def next_change(pool: int, time_s: float, site: Site) -> float:
    """Return the first time after another at which a node of a pool arrives, or outages change [s]; or infinity."""
    capacity, next_s = site.capacity, math.inf
    for node in range(capacity.arriving[pool]):
        if capacity.arrive_s[pool][node] > time_s:
            next_s = capacity.arrive_s[pool][node]
            break
    step = away_now(pool, time_s, site) + 1
    return min(next_s, capacity.away_s[step]) if step < capacity.away_first[pool + 1] else next_s


def pack_now(now: float, job: int, backfills: bool, site: Site) -> bool:
    """Place a job now if it fits and the guards that it would outlast can still be placed; return whether it is."""
    packs, need, guards = site.packs, site.waiting.need, site.guards
    door, length_s = site.waiting.door[job], site.waiting.length_s[job]
    for pool in pools_of(door, site.doors):
        outlasts = guards.job[pool] != NOBODY and (not backfills or now + length_s > guards.shadow_s[pool])
        packs.closed[pool] = outlasts and (not backfills or guards.shadow_s[pool] == -math.inf)
    note_away(now, length_s, door, site)
    if not share_out(job, pools_of(door, site.doors), site.away_most, True, need, packs):
        return False
    settle(job, need, packs)
    for pool in pools_of(door, site.doors):
        site.part[pool][job] = 0
    for share in range(packs.first[job], packs.first[job] + need[job]):
        site.part[packs.place_pool[share]][job] += 1
    if guards_stay(now, job, site):
        return True
    for pool in pools_of(door, site.doors):
        shift_job(job, pool, 1, True, need, packs)
        site.part[pool][job] = 0
    return False


def guards_stay(now: float, job: int, site: Site) -> bool:
    """Return whether the guards whose pools a job uses, and whose shadows it outlasts, can still be placed at them.

    If so, they are from now on where they were found.
    """
    packs, need, guards = site.packs, site.waiting.need, site.guards
    door, end_s, most = site.waiting.door[job], now + site.waiting.length_s[job], packs.claims[0]
    rows = len(packs.claim_job) // 2
    for claim in range(most):  # those that are found are kept in the second half, until all are
        swap_claims(claim, rows + claim, need, packs)
    kept = True
    for claim in range(most):
        guard = packs.claim_job[rows + claim]
        touched = False
        for pool in pools_of(door, site.doors):
            touched = touched or (site.part[pool][job] > 0 and guards.job[pool] == guard)
        if kept and touched and end_s > packs.claim_s[claim] and packs.claim_end_s[claim] > -math.inf:
            kept = can_be_placed(now, packs.claim_s[claim], guard, claim, site)
            if kept:
                write_claim(claim, guard, need, packs)
    if not kept:
        for claim in range(most):
            swap_claims(rows + claim, claim, need, packs)
    return kept


def swap_claims(source: int, target: int, need: Sequence[int], packs: Packs) -> None:
    """Copy what a guard takes from one row to another."""
    job = packs.claim_job[target] = packs.claim_job[source]
    for index in range(need[job]):
        packs.claim_pool[target][index] = packs.claim_pool[source][index]
        packs.claim_node[target][index] = packs.claim_node[source][index]
        packs.claim_bits[target][index] = packs.claim_bits[source][index]


def guard_packed(now: float, job: int, site: Site) -> None:
    """Let a blocked job guard those of its packed pools that nobody guards."""
    packs, guards = site.packs, site.guards
    shadow_s = first_place(now, False, now, job, site)
    claim = packs.claims[0]
    packs.claim_job[claim] = job
    packs.claim_s[claim] = packs.claim_end_s[claim] = -math.inf
    if shadow_s < math.inf:
        packs.claim_s[claim], packs.claim_end_s[claim] = shadow_s, shadow_s + site.waiting.length_s[job]
        write_claim(claim, job, site.waiting.need, packs)
    packs.claims[0] += 1
    for pool in pools_of(site.waiting.door[job], site.doors):
        if guards.job[pool] == NOBODY:
            guards.job[pool] = job
            guards.shadow_s[pool] = shadow_s if shadow_s < math.inf else -math.inf
            guards.extra[pool] = 0
    guards.tally[1] += 1


def is_too_wide(job: int, site: Site) -> bool:
    """Return whether a job needs more than is free in its pools, outages or not."""
    units = 0
    for pool in pools_of(site.waiting.door[job], site.doors):
        units += max(0, site.capacity.free[pool])
    return units < site.waiting.need[job]


def most_free(row: int, site: Site) -> int:
    """Return the units that are free in all pools of a queue, outages or not: more than that no job can take."""
    units = 0
    for pool in pools_of(row, site.rows):
        units += max(0, site.capacity.free[pool])
    return units


def usable(now: float, pool: int, length_s: float, backfills: bool, site: Site) -> int:
    """Return the units of a pool that a job may take now: what is free, and beyond a guard's shadow the extra."""
    if site.guards.job[pool] == NOBODY:
        return room(now, pool, length_s, site)
    if not backfills:
        return 0
    if now + length_s <= site.guards.shadow_s[pool]:
        return room(now, pool, length_s, site)
    if site.guards.extra[pool] <= 0:
        return 0
    return min(room(now, pool, length_s, site), site.guards.extra[pool])


def fit_now(now: float, job: int, backfills: bool, site: Site) -> bool:
    """Return whether a job fits now; if so, write what it takes of each pool, and take it off the extra of guards."""
    door, length_s = site.waiting.door[job], site.waiting.length_s[job]
    if is_packed(door, site):
        return pack_now(now, job, backfills, site)
    left = site.waiting.need[job]
    for pool in pools_of(door, site.doors):
        units = min(left, usable(now, pool, length_s, backfills, site)) if left else 0
        site.part[pool][job] = units
        left -= units
    if left:
        for pool in pools_of(door, site.doors):
            site.part[pool][job] = 0
        return False
    for pool in pools_of(door, site.doors):
        if site.guards.job[pool] != NOBODY and now + length_s > site.guards.shadow_s[pool]:
            site.guards.extra[pool] -= site.part[pool][job]
    return True


def close_pools(job: int, site: Site) -> bool:
    """Let a blocked job guard those of its pools that nobody guards, where nothing is taken from a guarded pool.

    Return whether there was one.  When the guard will fit does not matter then.
    """
    free = False
    for pool in pools_of(site.waiting.door[job], site.doors):
        if site.guards.job[pool] == NOBODY:
            site.guards.job[pool], site.guards.shadow_s[pool], site.guards.extra[pool] = job, -math.inf, 0
            free = True
    if free:
        site.guards.tally[1] += 1
    return free


def stand_guard(now: float, job: int, site: Site) -> bool:
    """Let a blocked job guard those of its pools that nobody guards; return whether there was one.

    Its shadow is found beside running jobs, outages, and what earlier guards of this pass will take.
    """
    length_s, door = site.waiting.length_s[job], site.waiting.door[job]
    free = 0
    for pool in pools_of(door, site.doors):
        free += site.guards.job[pool] == NOBODY
    if not free:
        return False
    if is_packed(door, site):
        guard_packed(now, job, site)
        return True
    if is_plain(now, door, job, site):
        guard_alone(now, job, site)
        return True
    for pool in pools_of(door, site.doors):
        draw_profile(now, pool, site)
        for taking in range(site.guards.tally[0]):
            if site.guards.taking_pool[taking] == pool:
                begin_s, end_s = site.guards.taking_s[taking], site.guards.taking_end_s[taking]
                shift_part(pool, begin_s, end_s, -site.guards.taking[taking], site)
    shadow_s = first_fit(now, False, job, site)
    known = shadow_s < math.inf
    if known:
        take(shadow_s, job, site)
    for pool in pools_of(door, site.doors):
        if known and site.part[pool][job]:
            taking = site.guards.tally[0]
            site.guards.taking_pool[taking] = pool
            site.guards.taking_s[taking], site.guards.taking_end_s[taking] = shadow_s, shadow_s + length_s
            site.guards.taking[taking] = site.part[pool][job]
            site.guards.tally[0] += 1
        site.part[pool][job] = 0
        if site.guards.job[pool] == NOBODY:
            site.guards.job[pool] = job
            site.guards.shadow_s[pool] = shadow_s if known else -math.inf
            site.guards.extra[pool] = least_free(pool, shadow_s, length_s, site) if known else 0
    site.guards.tally[1] += 1
    return True


def is_plain(now: float, door: int, job: int, site: Site) -> bool:
    """Return whether a job's door is one pool, of which no outage is to come, and the job may start at any time."""
    pool = site.doors.pool[site.doors.first[door]]
    return (
        site.doors.first[door + 1] - site.doors.first[door] == 1
        and site.waiting.table[job] == ANY_TIME
        and site.hours.period_s <= 0.0
        and away_now(pool, now, site) == site.capacity.away_first[pool + 1] - 1
    )


def guard_alone(now: float, job: int, site: Site) -> None:
    """Let a job guard its only pool; what is free there only grows, so that the shadow is that of EASY (§4)."""
    pool = site.doors.pool[site.doors.first[site.waiting.door[job]]]
    capacity, need = site.capacity, site.waiting.need[job]
    away = capacity.away[away_now(pool, now, site)]
    shadow_s, extra = reservation(
        now, capacity.free[pool] - away, need, capacity.release_s[pool], capacity.release_need[pool],
        capacity.running[pool], capacity.arrive_s[pool], capacity.arriving[pool],
    )  # fmt: skip
    site.guards.job[pool], site.guards.shadow_s[pool], site.guards.extra[pool] = job, shadow_s, max(0, extra)
    if extra >= 0:
        taking = site.guards.tally[0]
        site.guards.taking_pool[taking], site.guards.taking[taking] = pool, need
        site.guards.taking_s[taking], site.guards.taking_end_s[taking] = shadow_s, shadow_s + site.waiting.length_s[job]
        site.guards.tally[0] += 1
    site.guards.tally[1] += 1


def is_held(now: float, job: int, site: Site) -> bool:
    """Return whether a job is held: by jobs that come before it, by hours, or by a limit."""
    waiting, table = site.waiting, site.waiting.holding[job]
    return (
        waiting.before[job] > 0
        or not may_start_now(now, table, waiting.length_s[job], site.hours.last_now_s)
        or passes_cap(job, site.caps)
    )


def all_guarded(row: int, site: Site) -> bool:
    """Return whether all pools of a queue are guarded."""
    for pool in pools_of(row, site.rows):  # noqa: SIM110 - numba compiles no generators
        if site.guards.job[pool] == NOBODY:
            return False
    return True


def exhausted(row: int, backfills: bool, site: Site) -> bool:
    """Return whether nothing can start any more: all pools of a queue are guarded, and nothing in them is free."""
    if not site.guards.tally[2]:
        return False
    for pool in pools_of(row, site.rows):  # noqa: SIM110 - numba compiles no generators
        if backfills and site.capacity.free[pool] > 0:
            return False
    return True


def walk(
    now: float,
    row: int,
    jobs: Sequence[int],
    end: int,
    cursor: MutableSequence[int],
    backfills: bool,
    depth: int,
    preempts: bool,
    site: Site,
) -> int:
    """Go on with the pass of a queue until a job is to start, or may preempt; return why it stopped.

    The job is the last looked at, ``jobs[cursor[INDEX] - 1]``; of one that starts, ``part`` tells what it takes of each
    pool.  The engine starts it, at once, and calls again.

    Parameters
    ----------
    row
        The queue.
    jobs, end
        The waiting jobs in the order in which they are looked at, and how many they are.
    depth
        How many jobs that are not held are looked at behind the first guard.
    """
    # Passes look at long queues again and again, so that what keeps most jobs from starting is to be seen at a glance.
    tally, last_now_s, length_s = site.guards.tally, site.hours.last_now_s, site.waiting.length_s
    need, table, holding = site.waiting.need, site.waiting.table, site.waiting.holding
    free = most_free(row, site)
    while True:
        if cursor[REFUSED]:
            cursor[REFUSED] = 0
        else:
            guarded = tally[1] > 0
            if cursor[INDEX] >= end or (guarded and cursor[BEHIND] >= depth):
                return OVER
            job = jobs[cursor[INDEX]]
            cursor[INDEX] += 1
            if tally[2] and depth >= end and (need[job] > free or is_too_wide(job, site)):
                continue  # all pools are guarded: it would neither start nor stand guard, held or not
            if not may_start_now(now, holding[job], length_s[job], last_now_s) or is_held(now, job, site):
                continue
            if guarded:
                cursor[BEHIND] += 1
            allowed = may_start_now(now, table[job], length_s[job], last_now_s)
            if allowed and fit_now(now, job, backfills, site):
                return START
            if preempts and allowed and unguarded(site.waiting.door[job], site):
                return BLOCKED
        job = jobs[cursor[INDEX] - 1]
        first = tally[1] == 0
        if stand_guard(now, job, site) if backfills else close_pools(job, site):
            count(job, 1, site.caps)
            tally[2] = all_guarded(row, site)
            if exhausted(row, backfills, site):
                return OVER
            if first:
                return GUARDED


def unguarded(door: int, site: Site) -> bool:
    """Return whether nobody guards any pool of a door."""
    for pool in pools_of(door, site.doors):  # noqa: SIM110 - numba compiles no generators
        if site.guards.job[pool] != NOBODY:
            return False
    return True


def dismiss(row: int, site: Site) -> None:
    """End a pass: guards go, and count under no limit any more."""
    for pool in pools_of(row, site.rows):
        job = site.guards.job[pool]
        if job == NOBODY:
            continue
        for other in pools_of(row, site.rows):
            if site.guards.job[other] == job:
                site.guards.job[other] = NOBODY
        count(job, -1, site.caps)
    site.guards.tally[0] = site.guards.tally[1] = site.guards.tally[2] = site.packs.claims[0] = 0


def draw_door(now: float, job: int, site: Site) -> None:
    """Write what is free in the pools of a job, now and later, without waiting jobs and guards."""
    door = site.waiting.door[job]
    if is_packed(door, site):
        draw_nodes(now, now, now, door, 0, site)
    else:
        for pool in pools_of(door, site.doors):
            draw_profile(now, pool, site)


def victims(now: float, job: int, began_s: Sequence[float], chosen: MutableSequence[int], site: Site) -> int:
    """Choose the running jobs of lower tiers that a blocked job preempts; return how many, 0 if it would not fit.

    The latest start first, until the job fits; then, the earliest first, those without which it still fits are spared.
    The profiles of the job's pools are without those chosen afterwards.
    """
    door = site.waiting.door[job]
    found = 0
    while not fits_in_profiles(now, job, site):
        latest = NOBODY
        for pool in pools_of(door, site.doors):
            for running in range(site.capacity.running[pool]):
                other = site.capacity.release_job[pool][running]
                lower = site.doors.tier[site.waiting.door[other]] < site.doors.tier[door]
                if lower and not among(other, chosen, found):
                    later = latest == NOBODY or began_s[other] > began_s[latest]
                    if later or (began_s[other] == began_s[latest] and other > latest):
                        latest = other
        if latest == NOBODY:
            for index in range(found):
                give_back(now, chosen[index], -1, door, site)
            return 0
        give_back(now, latest, 1, door, site)
        chosen[found] = latest
        found += 1
    for index in range(found - 1, -1, -1):
        other = chosen[index]
        give_back(now, other, -1, door, site)
        if fits_in_profiles(now, job, site):
            chosen[index] = NOBODY
        else:
            give_back(now, other, 1, door, site)
    kept = 0
    for index in range(found):
        if chosen[index] != NOBODY:
            chosen[kept] = chosen[index]
            kept += 1
    return kept


def among(job: int, chosen: Sequence[int], found: int) -> bool:
    """Return whether a job is one of the first so many that are chosen."""
    for index in range(found):  # noqa: SIM110 - numba compiles no generators
        if chosen[index] == job:
            return True
    return False


def fits_in_profiles(now: float, job: int, site: Site) -> bool:
    """Return whether a job fits now, for its whole expected time."""
    door, units = site.waiting.door[job], 0
    if is_packed(door, site):
        note_away(now, site.waiting.length_s[job], door, site)
        for pool in pools_of(door, site.doors):
            site.packs.closed[pool] = False
        return share_out(job, pools_of(door, site.doors), site.away_most, False, site.waiting.need, site.packs)
    for pool in pools_of(door, site.doors):
        units += least_free(pool, now, site.waiting.length_s[job], site)
    return units >= site.waiting.need[job]


def give_back(now: float, job: int, sign: int, door: int, site: Site) -> None:
    """Give what a running job holds in the pools of a door back to their profiles (1), or take it again (-1)."""
    for pool in pools_of(door, site.doors):
        if site.packs.packed[pool]:
            shift_job(job, pool, sign, False, site.waiting.need, site.packs)
            continue
        running = 0
        while running < site.capacity.running[pool] and site.capacity.release_job[pool][running] != job:
            running += 1
        if running < site.capacity.running[pool]:
            end_s = max(site.capacity.release_s[pool][running], now + 1.0)
            shift_part(pool, now, end_s, sign * site.part[pool][job], site)
