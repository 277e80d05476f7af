"""Conservative backfilling: every waiting job holds a reservation (semantics §4).

The queue is three sequences in queue order: ``need`` (:data:`~pwsim.rules.backfill.GONE` where no job is),
``estimate_s``, and ``reserved_s``, the start of the reservation or :data:`NO_RESERVATION`.  The profile
(:mod:`pwsim.rules.profile`) holds running jobs until start plus estimate, and reservations.

Compression takes each job, in queue order, out of the profile and places it again.  Most cannot move, and that is known
beforehand: a start that was impossible when the job was last placed has become possible only if at some time before
its reservation enough units are free *that were not free then*.  ``gain_s`` is the span of time in which anything has
become free since; a job that needs more than the most that is free in it, or whose reservation starts before it, stays
where it is.  The result is the same as that of trying.

References
----------
A. W. Mu'alem, D. G. Feitelson: Utilization, predictability, workloads, and user runtime estimates in scheduling the IBM
SP2 with backfilling. IEEE TPDS 12(6), 2001, doi:10.1109/71.932708.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence

from pwsim.rules.profile import change, earlier, earliest, full, most_free

NO_RESERVATION = -1.0
"""The start of a reservation that a job does not hold."""


def place(
    position: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    reserved_s: MutableSequence[float],
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
) -> int:
    """Reserve the earliest start at which a job fits for its whole estimate; return the new number of points.

    A job that would not fit even after everything known holds none yet.
    """
    start_s = earliest(profile_s, profile_free, first, points, need[position], estimate_s[position])
    if start_s == math.inf:
        return points
    reserved_s[position] = start_s
    return change(profile_s, profile_free, first, points, start_s, start_s + estimate_s[position], -need[position])


def give_up(
    position: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    reserved_s: MutableSequence[float],
    gain_s: MutableSequence[float],
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
) -> int:
    """Take a job's reservation away; return the new number of points."""
    start_s, end_s = reserved_s[position], reserved_s[position] + estimate_s[position]
    reserved_s[position] = NO_RESERVATION
    gain(gain_s, start_s, end_s)
    return change(profile_s, profile_free, first, points, start_s, end_s, need[position])


def gain(gain_s: MutableSequence[float], start_s: float, end_s: float) -> None:
    """Note that units have become free from ``start_s`` to ``end_s``."""
    gain_s[0] = min(gain_s[0], start_s)
    gain_s[1] = max(gain_s[1], end_s)


def no_gain(gain_s: MutableSequence[float]) -> None:
    """Note that nothing has become free."""
    gain_s[0] = math.inf
    gain_s[1] = -math.inf


def compress(
    most: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    reserved_s: MutableSequence[float],
    begin: int,
    end: int,
    gain_s: MutableSequence[float],
    vacated_s: MutableSequence[float],
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
    moved: MutableSequence[int],
) -> tuple[int, int, int]:
    """Move the reservations of some positions forward, as far as they can go.

    Parameters
    ----------
    most
        At least the largest number of units that are free at some time of ``gain_s``.
    gain_s
        Span of time in which units have become free since the jobs were last placed [s]; what movers leave is added.
    vacated_s
        What movers leave is added here, too: those before them in the queue have not tried it.
    moved
        The positions of those that moved are written here.

    Returns
    -------
    tuple of int
        The new ``most`` and ``points``, and how many moved.
    """
    count = 0
    for position in range(begin, end):
        units, old_s = need[position], reserved_s[position]
        if units > most or old_s <= gain_s[0]:
            continue
        length_s = estimate_s[position]
        new_s = earlier(profile_s, profile_free, first, points, units, length_s, old_s)
        if new_s < old_s:
            points = change(profile_s, profile_free, first, points, old_s, old_s + length_s, units)
            points = change(profile_s, profile_free, first, points, new_s, new_s + length_s, -units)
            reserved_s[position] = new_s
            left_s = max(old_s, new_s + length_s)
            gain(gain_s, left_s, old_s + length_s)
            gain(vacated_s, left_s, old_s + length_s)
            most = max(most, most_free(profile_s, profile_free, first, points, left_s, old_s + length_s))
            moved[count] = position
            count += 1
    return most, points, count


def hold_overdue(
    now: float,
    sign: int,
    release_s: Sequence[float],
    release_need: Sequence[int],
    running: int,
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
) -> int:
    """Let jobs that outlive their estimates hold their units until one second from now (§3); return the points.

    The profile has them end at their estimates.  For the time of a pass they are taken off it (``sign`` -1), and
    then given back (1).
    """
    units = 0
    index = 0
    while index < running and release_s[index] <= now:
        units += release_need[index]
        index += 1
    if units:
        points = change(profile_s, profile_free, first, points, now, now + 1.0, sign * units)
    while index < running and release_s[index] < now + 1.0:
        units = release_need[index]
        points = change(profile_s, profile_free, first, points, release_s[index], now + 1.0, sign * units)
        index += 1
    return points


def running_only(
    now: float,
    free: int,
    release_s: Sequence[float],
    release_need: Sequence[int],
    running: int,
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
) -> int:
    """Write the profile of running jobs alone, from point 0 on; return the number of points.

    Jobs that have outlived their estimates count as ended, as always in the profile.
    """
    profile_s[0] = now
    profile_free[0] = free
    points = 1
    for index in range(running):
        if release_s[index] > profile_s[points - 1] and not full(profile_s, points):
            profile_s[points] = release_s[index]
            profile_free[points] = profile_free[points - 1]
            points += 1
        profile_free[points - 1] += release_need[index]
    return points
