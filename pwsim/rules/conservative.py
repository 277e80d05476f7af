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

from pwsim.rules.backfill import GONE
from pwsim.rules.profile import advance, change, earlier, earliest, full, most_free, overcommitted, shift

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


def give_up_beyond(
    depth: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    reserved_s: MutableSequence[float],
    begin: int,
    end: int,
    gain_s: MutableSequence[float],
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
) -> int:
    """Let jobs that are not among the first ``depth`` of the queue give up what they hold; return the points."""
    seen = 0
    for position in range(begin, end):
        if need[position] != GONE:
            seen += 1
            if seen > depth and reserved_s[position] != NO_RESERVATION:
                points = give_up(position, need, estimate_s, reserved_s, gain_s, profile_s, profile_free, first, points)
    return points


def any_overdue(now: float, release_s: Sequence[float], running: int) -> bool:
    """Return whether some job has outlived its estimate, or will within the second in which it is expected to end."""
    return running > 0 and release_s[0] < now + 1.0


def broken(
    now: float,
    overdue: bool,
    lost: int,
    profile_s: Sequence[float],
    profile_free: Sequence[int],
    first: int,
    points: int,
) -> bool:
    """Return whether reservations cannot be kept, so that all are dropped: because of overdue jobs, or nodes lost."""
    until_s = math.inf if lost else now + 1.0
    some = overcommitted(profile_s, profile_free, first, points, until_s) if overdue or lost else False
    return some and not full(profile_s, points)


def drop_all(
    now: float,
    free: int,
    reserved_s: MutableSequence[float],
    begin: int,
    end: int,
    release_s: Sequence[float],
    release_need: Sequence[int],
    running: int,
    arrive_s: Sequence[float],
    arriving: int,
    gain_s: MutableSequence[float],
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
) -> int:
    """Drop all reservations; write what is left of the profile from point 0 on and return the number of points."""
    points = running_only(now, free, release_s, release_need, running, profile_s, profile_free)
    for index in range(arriving):
        points = shift(profile_s, profile_free, 0, points, arrive_s[index], 1)
    points = hold_overdue(now, -1, release_s, release_need, running, profile_s, profile_free, 0, points)
    for position in range(begin, end):
        reserved_s[position] = NO_RESERVATION
    no_gain(gain_s)
    return points


def renew(
    now: float,
    free: int,
    early: int,
    lost: int,
    depth: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    reserved_s: MutableSequence[float],
    waiting: int,
    release_s: Sequence[float],
    release_need: Sequence[int],
    running: int,
    arrive_s: Sequence[float],
    arriving: int,
    gain_s: MutableSequence[float],
    vacated_s: MutableSequence[float],
    overdue_until_s: float,
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    first: int,
    points: int,
    moved: MutableSequence[int],
) -> tuple[int, int, float]:
    """Bring the reservations of a queue up to date: all that a pass does before it starts jobs (§4).

    Parameters
    ----------
    early
        Whether something has happened since the last pass by which reservations may move forward.
    lost
        Whether a node has left since, by which they may not hold.
    depth
        Jobs of the queue that may hold a reservation.
    vacated_s, moved
        Room for :func:`compress`.
    overdue_until_s
        Until when overdue jobs were expected to hold their units at the last pass [s].

    Returns
    -------
    tuple of int, int and float
        First and number of points of the profile, and the new ``overdue_until_s``.
    """
    first, points = advance(now, profile_s, profile_free, first, points)
    if waiting > depth:
        points = give_up_beyond(
            depth, need, estimate_s, reserved_s, 0, waiting, gain_s, profile_s, profile_free, first, points
        )
    overdue = any_overdue(now, release_s, running)
    if overdue:
        points = hold_overdue(now, -1, release_s, release_need, running, profile_s, profile_free, first, points)
    if broken(now, overdue, lost, profile_s, profile_free, first, points):
        first = 0
        points = drop_all(
            now, free, reserved_s, 0, waiting, release_s, release_need, running, arrive_s, arriving, gain_s,
            profile_s, profile_free,
        )  # fmt: skip
    elif early:
        gain(gain_s, now, overdue_until_s)
        most = most_free(profile_s, profile_free, first, points, gain_s[0], gain_s[1])
        no_gain(vacated_s)
        _, points, _ = compress(
            most, need, estimate_s, reserved_s, 0, waiting, gain_s, vacated_s, profile_s, profile_free, first, points,
            moved,
        )  # fmt: skip
        gain_s[0], gain_s[1] = vacated_s[0], vacated_s[1]
    for position in range(min(depth, waiting)):
        if reserved_s[position] == NO_RESERVATION:
            points = place(position, need, estimate_s, reserved_s, profile_s, profile_free, first, points)
    if overdue:
        points = hold_overdue(now, 1, release_s, release_need, running, profile_s, profile_free, first, points)
        overdue_until_s = now + 1.0
    return first, points, overdue_until_s


def due(now: float, reserved_s: Sequence[float], waiting: int, chosen: MutableSequence[int]) -> tuple[int, float]:
    """Choose the jobs whose reservation is now; return how many, and when the next of the others falls due [s].

    Parameters
    ----------
    chosen
        Their positions are written here, in increasing order.
    """
    begun = 0
    next_s = math.inf
    for position in range(waiting):
        if reserved_s[position] == now:
            chosen[begun] = position
            begun += 1
        elif reserved_s[position] != NO_RESERVATION:
            next_s = min(next_s, reserved_s[position])
    return begun, next_s
