"""Jobs that may run in several pools, with one queue for all of them: the pass with guards (semantics §9).

A *door* is an ordered list of pools; each job comes through one, and takes what is free pool after pool.  A blocked
job becomes the *guard* of those of its pools that have none yet: from its *shadow* on, the earliest time at which it
fits, units are kept for it.  With one pool and nothing else, that is EASY (:mod:`pwsim.rules.backfill`).

The pass is a walk through the queue that stops at each job that is to start, and at each that may preempt others: what
starts and ends is the engine's part.  All functions are index loops over sequences, in the subset of Python that numba
compiles.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence

from pwsim.rules.backfill import reservation
from pwsim.rules.site.caps import count, passes_cap
from pwsim.rules.site.containers import NOBODY, Site, pools_of
from pwsim.rules.site.fitting import (
    away_now,
    draw_profile,
    first_fit,
    is_too_wide,
    least_free,
    most_free,
    room,
    shift_part,
    take,
)
from pwsim.rules.site.hours import ANY_TIME, may_start_now
from pwsim.rules.site.placing import guard_packed, is_packed, pack_now

OVER, START, BLOCKED, GUARDED = range(4)
"""Why a walk stops: nobody else can start; a job starts; one is blocked, and may preempt; the first stands guard, so
that those behind it may be tried in an order of their own."""
INDEX, BEHIND, REFUSED = range(3)
"""Where a walk stands: what it looks at next, how many it has looked at behind the first guard, and whether the job at
which it stopped as blocked could not preempt."""


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
