"""The free units of a pool over time, as far as it is known: the table in which reservations are looked up (§4).

A profile is two sequences: ``profile_s[i]`` is a time and ``profile_free[i]`` the units that are free from then until
the next point; the last point holds for ever.  The points in use are ``first`` to ``points - 1``; neighbours differ.
It holds running jobs until their expected end and waiting jobs for the time of their reservation, and is changed as
they come and go, never built anew.  All functions are index loops, in the subset of Python that numba compiles.

Nobody looks at points before ``first`` again.  :func:`advance` moves the others into their place when they fill half of
the sequences, so that :func:`room` depends on what there is at a time, and not on all that ever happened.  Where the
sequences are :func:`full` all the same, nothing is written, and they stay full: engines look after each pass.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence


def room(jobs: int, nodes: int = 0) -> int:
    """Return the length of the sequences that serves any profile of that many jobs and nodes that come and go.

    After now, running jobs have one point each, their expected end; waiting jobs two, start and end of the reservation;
    nodes that are on their way one.  There are up to four more: now, one second from now (§3), and two while a
    reservation moves; and one place to tell when it is full.  Twice that: passed points may fill the other half.
    """
    return 2 * (2 * jobs + nodes + 5)


def advance(
    now: float, profile_s: MutableSequence[float], profile_free: MutableSequence[int], first: int, points: int
) -> tuple[int, int]:
    """Forget the past; return the new first point, which is now, and the new number of points."""
    while first + 1 < points and profile_s[first + 1] <= now:
        first += 1
    profile_s[first] = max(profile_s[first], now)
    if 2 * first >= len(profile_s) and not full(profile_s, points):
        points -= first
        for point in range(points):
            profile_s[point] = profile_s[first + point]
            profile_free[point] = profile_free[first + point]
        first = 0
    return first, points


def full(profile_s: Sequence[float], points: int) -> bool:
    """Return whether no room was left for a point, which :func:`room` rules out: what the profile says is wrong then.

    The last place is never used in earnest, so that no function needs another way to tell.
    """
    return points >= len(profile_s)


def change(
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
    start_s: float,
    end_s: float,
    units: int,
) -> int:
    """Add ``units`` (which may be negative) from ``start_s`` to ``end_s``; return the new number of points."""
    if start_s >= end_s:
        return points
    begin, points = split(profile_s, profile_free, first, points, start_s)
    end, points = split(profile_s, profile_free, begin, points, end_s)
    for point in range(begin, end):
        profile_free[point] += units
    # Where two neighbours have become equal, one point says it all.
    if profile_free[end] == profile_free[end - 1]:
        points = drop(profile_s, profile_free, points, end)
    if begin > first and profile_free[begin] == profile_free[begin - 1]:
        points = drop(profile_s, profile_free, points, begin)
    return points


def shift(
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
    start_s: float,
    units: int,
) -> int:
    """Add ``units`` (which may be negative) from ``start_s`` on, for ever; return the new number of points."""
    begin, points = split(profile_s, profile_free, first, points, start_s)
    for point in range(begin, points):
        profile_free[point] += units
    if begin > first and profile_free[begin] == profile_free[begin - 1]:
        points = drop(profile_s, profile_free, points, begin)
    return points


def split(
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
    time_s: float,
) -> tuple[int, int]:
    """Make sure that there is a point at ``time_s``; return its index and the new number of points."""
    low = find(profile_s, first, points, time_s)
    if profile_s[low] == time_s or full(profile_s, points):
        return low, points
    low += 1
    for point in range(points, low, -1):
        profile_s[point] = profile_s[point - 1]
        profile_free[point] = profile_free[point - 1]
    profile_s[low] = time_s
    profile_free[low] = profile_free[low - 1]
    return low, points + 1


def drop(profile_s: MutableSequence[float], profile_free: MutableSequence[int], points: int, index: int) -> int:
    """Take a point out; return the new number of points."""
    if full(profile_s, points):
        return points
    for point in range(index, points - 1):
        profile_s[point] = profile_s[point + 1]
        profile_free[point] = profile_free[point + 1]
    return points - 1


def find(profile_s: Sequence[float], first: int, points: int, time_s: float) -> int:
    """Return the last point that is not after ``time_s``, or the first point."""
    low, high = first, points - 1
    while low < high:
        middle = (low + high + 1) // 2
        if profile_s[middle] <= time_s:
            low = middle
        else:
            high = middle - 1
    return low


def earliest(
    profile_s: Sequence[float], profile_free: Sequence[int], first: int, points: int, units: int, length_s: float
) -> float:
    """Return the earliest time from which ``units`` are free for ``length_s`` seconds; infinity if they never are.

    Where nodes do not come and go, the last point has the whole pool free, so that every job finds a place.
    """
    start = first
    point = first
    while point < points and profile_s[point] < profile_s[start] + length_s:
        if profile_free[point] < units:
            start = point + 1
            if start == points:
                return math.inf
        point += 1
    return profile_s[start]


def earlier(
    profile_s: Sequence[float],
    profile_free: Sequence[int],
    first: int,
    points: int,
    units: int,
    length_s: float,
    reserved_s: float,
) -> float:
    """Return the earliest start of a job that is in the profile already, at ``reserved_s``.

    From ``reserved_s`` on, the job's own units are there for it; so only points before that can be in the way.
    """
    start = first
    point = first
    while point < points and profile_s[point] < reserved_s and profile_s[point] < profile_s[start] + length_s:
        if profile_free[point] < units:
            start = point + 1
            if start == points:
                return reserved_s
        point += 1
    return min(profile_s[start], reserved_s)


def most_free(
    profile_s: Sequence[float], profile_free: Sequence[int], first: int, points: int, start_s: float, end_s: float
) -> int:
    """Return the largest number of units that are free at some time from ``start_s`` until before ``end_s``."""
    most = 0
    point = find(profile_s, first, points, start_s)
    while point < points and profile_s[point] < end_s:
        most = max(most, profile_free[point])
        point += 1
    return most


def overcommitted(
    profile_s: Sequence[float], profile_free: Sequence[int], first: int, points: int, end_s: float
) -> bool:
    """Return whether more than there is is taken at some time before ``end_s``."""
    point = first
    while point < points and profile_s[point] < end_s:
        if profile_free[point] < 0:
            return True
        point += 1
    return False
