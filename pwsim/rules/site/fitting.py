"""When a job fits over several pools, for its whole expected time (semantics §9).

What is free is known from the units that are up, the jobs that run, by their expected ends, nodes that are on their
way, and *outages*, a step function of units that are away; in the profiles, reservations or guards are taken off it.
A job takes what is free pool after pool of its door.  All functions are index loops, in the subset of Python that
numba compiles.
"""

from __future__ import annotations

import math

from pwsim.rules.conservative import hold_overdue, running_only
from pwsim.rules.profile import change, find, shift
from pwsim.rules.site.containers import Site, pools_of
from pwsim.rules.site.hours import may_start, next_opening, next_tick


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


def next_change(pool: int, time_s: float, site: Site) -> float:
    """Return the first time after another at which a node of a pool arrives, or outages change [s]; or infinity."""
    capacity, next_s = site.capacity, math.inf
    for node in range(capacity.arriving[pool]):
        if capacity.arrive_s[pool][node] > time_s:
            next_s = capacity.arrive_s[pool][node]
            break
    step = away_now(pool, time_s, site) + 1
    return min(next_s, capacity.away_s[step]) if step < capacity.away_first[pool + 1] else next_s


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
