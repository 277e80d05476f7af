"""Conservative backfilling over several pools, with hours, limits and outages (semantics §9).

Every waiting job that is not held has a reservation: a start, and units of each of its pools (``part``).  The profiles
hold running jobs, nodes that come, outages and reservations, and are changed as these come and go.  With one pool and
nothing else, that is :mod:`pwsim.rules.conservative`.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence

from pwsim.rules.conservative import NO_RESERVATION, hold_overdue, no_gain
from pwsim.rules.conservative import gain as note_gain
from pwsim.rules.profile import advance
from pwsim.rules.site.containers import Site, pools_of
from pwsim.rules.site.fitting import draw_profile, first_fit, least_free, set_aside, shift_part, take
from pwsim.rules.site.guards import BEHIND, BLOCKED, INDEX, OVER, START, is_held
from pwsim.rules.site.hours import may_start
from pwsim.rules.site.preempting import fits_in_profiles


def give_up(job: int, site: Site) -> None:
    """Take a job's reservation away."""
    start_s = site.reserved.start_s[job]
    if start_s == NO_RESERVATION:
        return
    end_s = start_s + site.waiting.length_s[job]
    site.reserved.start_s[job] = NO_RESERVATION
    free_part(job, start_s, end_s, site)
    door = site.waiting.door[job]
    for pool in pools_of(door, site.doors):
        site.part[pool][job] = 0


def free_part(job: int, start_s: float, end_s: float, site: Site) -> None:
    """Let what is part of a job be free for some time."""
    door = site.waiting.door[job]
    for pool in pools_of(door, site.doors):
        if site.part[pool][job] and start_s < end_s:
            shift_part(pool, start_s, end_s, site.part[pool][job], site)
            note_gain(site.reserved.gain_s[pool], start_s, end_s)


def place(now: float, job: int, site: Site) -> None:
    """Reserve the earliest start at which a job fits and may start; one that would never fit holds none yet."""
    start_s = first_fit(now, True, job, site)
    if start_s < math.inf:
        site.reserved.start_s[job] = start_s
        take(start_s, job, site)


def may_move(job: int, site: Site) -> bool:
    """Return whether something has become free by which a reservation may change: before it ends, in its pools."""
    if site.reserved.stale[job]:
        return True
    end_s = site.reserved.start_s[job] + site.waiting.length_s[job]
    door = site.waiting.door[job]
    for pool in pools_of(door, site.doors):  # noqa: SIM110 - numba compiles no generators
        if site.reserved.gain_s[pool][0] < end_s:
            return True
    return False


def hold_all_overdue(now: float, row: int, sign: int, site: Site) -> bool:
    """Let jobs that outlive their estimates hold on for a second (-1), or no longer (1); return whether any do."""
    overdue = False
    for pool in pools_of(row, site.rows):
        running = site.capacity.running[pool]
        if running and site.capacity.release_s[pool][0] < now + 1.0:
            overdue = True
            table, capacity = site.profiles, site.capacity
            table.points[pool] = hold_overdue(
                now, sign, capacity.release_s[pool], capacity.release_need[pool], running, table.time_s[pool],
                table.free[pool], table.first[pool], table.points[pool],
            )  # fmt: skip
    return overdue


def kept(jobs: Sequence[int], end: int, row: int, site: Site) -> bool:
    """Return whether all reservations can be kept: none is for a time at which its pool is overcommitted."""
    for pool in pools_of(row, site.rows):
        time_s, free, points = site.profiles.time_s[pool], site.profiles.free[pool], site.profiles.points[pool]
        for point in range(site.profiles.first[pool], points):
            if free[point] >= 0:
                continue
            until_s = time_s[point + 1] if point + 1 < points else math.inf
            for position in range(end):
                job = jobs[position]
                start_s = site.reserved.start_s[job]
                if start_s == NO_RESERVATION or not site.part[pool][job]:
                    continue
                if start_s < until_s and start_s + site.waiting.length_s[job] > time_s[point]:
                    return False
    return True


def reserve(
    now: float,
    row: int,
    jobs: Sequence[int],
    end: int,
    depth: int,
    ended_early: bool,
    lost: bool,
    again: bool,
    site: Site,
) -> None:
    """Bring the reservations of a queue up to date.

    Parameters
    ----------
    depth
        How many jobs that are not held may have a reservation.
    ended_early
        Whether units have become free since the last pass, so that reservations are compressed.
    lost
        Whether nodes were lost, so that reservations may not hold.
    again
        Whether jobs were preempted, so that all are placed again.
    """
    for pool in pools_of(row, site.rows):
        site.profiles.first[pool], site.profiles.points[pool] = advance(
            now,
            site.profiles.time_s[pool],
            site.profiles.free[pool],
            site.profiles.first[pool],
            site.profiles.points[pool],
        )
    give_up_behind(jobs, end, depth, site)
    overdue = hold_all_overdue(now, row, -1, site)
    if again or ((overdue or lost) and not kept(jobs, end, row, site)):
        drop_all(now, row, jobs, end, site)
    elif ended_early:
        compress(now, row, jobs, end, site)
    place_new(now, jobs, end, depth, site)
    if hold_all_overdue(now, row, 1, site):
        for pool in pools_of(row, site.rows):
            site.reserved.overdue_until_s[pool] = now + 1.0


def give_up_behind(jobs: Sequence[int], end: int, depth: int, site: Site) -> None:
    """Take the reservations of jobs away that are not among the first ones that are not held."""
    looked_at = 0
    for position in range(end):
        if not site.reserved.held[jobs[position]]:
            looked_at += 1
            if looked_at > depth:
                give_up(jobs[position], site)


def place_new(now: float, jobs: Sequence[int], end: int, depth: int, site: Site) -> None:
    """Place those of the first jobs that are not held which have no reservation."""
    looked_at = 0
    for position in range(end):
        job = jobs[position]
        if site.reserved.held[job]:
            continue
        looked_at += 1
        if looked_at > depth:
            break
        if site.reserved.start_s[job] == NO_RESERVATION:
            place(now, job, site)


def drop_all(now: float, row: int, jobs: Sequence[int], end: int, site: Site) -> None:
    """Let no job have a reservation but those at now of jobs that have preempted others."""
    for pool in pools_of(row, site.rows):
        draw_profile(now, pool, site)
        no_gain(site.reserved.gain_s[pool])
    for position in range(end):
        job = jobs[position]
        site.reserved.stale[job] = False
        site.reserved.start_s[job] = now if site.reserved.keeps[job] else NO_RESERVATION
        for pool in pools_of(site.waiting.door[job], site.doors):
            if site.reserved.keeps[job]:
                shift_part(pool, now, now + site.waiting.length_s[job], -site.part[pool][job], site)
            else:
                site.part[pool][job] = 0


def compress(now: float, row: int, jobs: Sequence[int], end: int, site: Site) -> None:
    """Place each job again that may now start earlier, or in an earlier pool of its door, in the order of the queue."""
    for pool in pools_of(row, site.rows):
        if site.reserved.overdue_until_s[pool] > now:
            note_gain(site.reserved.gain_s[pool], now, site.reserved.overdue_until_s[pool])
        no_gain(site.reserved.vacated_s[pool])
    for position in range(end):
        job = jobs[position]
        if site.reserved.start_s[job] == NO_RESERVATION:
            continue
        if site.reserved.held[job]:
            site.reserved.stale[job] = True
        elif may_move(job, site):
            site.reserved.stale[job] = False
            place_again(now, job, site)
    for pool in pools_of(row, site.rows):
        site.reserved.gain_s[pool][0], site.reserved.gain_s[pool][1] = (
            site.reserved.vacated_s[pool][0],
            site.reserved.vacated_s[pool][1],
        )


def place_again(now: float, job: int, site: Site) -> None:
    """Take a job out of the profiles and place it anew; what it leaves is free for others, earlier ones next time."""
    need, length_s, door = site.waiting.need[job], site.waiting.length_s[job], site.waiting.door[job]
    old_s = site.reserved.start_s[job]
    for pool in pools_of(door, site.doors):
        shift_part(pool, old_s, old_s + length_s, site.part[pool][job], site)
    start_s = first_fit(now, True, job, site)
    site.reserved.start_s[job] = start_s if start_s < math.inf else NO_RESERVATION
    for pool in pools_of(door, site.doors):
        units = min(need, least_free(pool, start_s, length_s, site)) if start_s < math.inf else 0
        need -= units
        if start_s != old_s or units < site.part[pool][job]:
            note_gain(site.reserved.gain_s[pool], old_s, old_s + length_s)
            note_gain(site.reserved.vacated_s[pool], old_s, old_s + length_s)
        site.part[pool][job] = units
        shift_part(pool, start_s, start_s + length_s, -units, site)


def next_due(now: float, jobs: Sequence[int], end: int, cursor: MutableSequence[int], site: Site) -> int:
    """Go on through a queue until a job whose reservation is now; return whether it starts, is held, or there is none.

    It is ``jobs[cursor[INDEX] - 1]``.  One that is held is to give its reservation up.
    """
    while cursor[INDEX] < end:
        job = jobs[cursor[INDEX]]
        cursor[INDEX] += 1
        if site.reserved.start_s[job] == now:
            return BLOCKED if site.reserved.held[job] or is_held(now, job, site) else START
    return OVER


def next_preemptor(
    now: float, jobs: Sequence[int], end: int, cursor: MutableSequence[int], depth: int, site: Site
) -> int:
    """Place jobs that are not held beside running jobs alone, until one could only start now if it preempted others.

    It is ``jobs[cursor[INDEX] - 1]``; return :data:`~pwsim.rules.site.guards.BLOCKED`, or
    :data:`~pwsim.rules.site.guards.OVER`.  The profiles are drawn without reservations before the first call, and are
    to be drawn again after the last (:func:`draw_again`).
    """
    while cursor[INDEX] < end:
        job = jobs[cursor[INDEX]]
        cursor[INDEX] += 1
        if site.reserved.held[job]:
            continue
        if cursor[BEHIND] >= depth:
            return OVER
        cursor[BEHIND] += 1
        allowed = may_start(site.hours, site.waiting.table[job], now, site.waiting.length_s[job])
        if allowed and not fits_in_profiles(now, job, site):
            return BLOCKED
        put_beside(now, job, site)
    return OVER


def put_beside(now: float, job: int, site: Site) -> None:
    """Take the units of a job's earliest start out of the profiles, without a reservation."""
    start_s = first_fit(now, True, job, site)
    if start_s < math.inf:
        set_aside(start_s, job, site)


def draw_again(now: float, row: int, jobs: Sequence[int], end: int, site: Site) -> None:
    """Draw the profiles of a queue's pools anew, with the reservations as they stand."""
    for pool in pools_of(row, site.rows):
        draw_profile(now, pool, site)
    hold_all_overdue(now, row, 1, site)
    for position in range(end):
        job = jobs[position]
        start_s = site.reserved.start_s[job]
        if start_s != NO_RESERVATION:
            for pool in pools_of(site.waiting.door[job], site.doors):
                shift_part(pool, start_s, start_s + site.waiting.length_s[job], -site.part[pool][job], site)
