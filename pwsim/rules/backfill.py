"""Which waiting jobs of a pool start now (semantics §4).

The rules look at one pool that is a bag of equal units (cores or nodes, §5).  They are index loops over
sequences, in the subset of Python that numba compiles; the SimPy engine gives them plain lists.  A rule only
decides: it writes the positions of the jobs to start into ``chosen``, in increasing order, and returns how many
there are.  Starting them is the engine's part.

Names that recur:

``now``
    The time of the pass [s].
``free``
    Units of the pool that no job holds.
``queue``, ``waiting``
    Waiting jobs in the order of the policy, and how many there are.
``need``, ``estimate_s``
    By job: units that it takes, and its estimated run time in this pool [s].
``release_s``, ``release_need``, ``running``
    Start plus estimate of the running jobs, increasing [s]; the units of each; how many there are.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

NO_RESERVATION = -1.0
"""Stands in ``reserved_s`` for a job that holds no reservation."""


def heads(free: int, queue: Sequence[int], waiting: int, need: Sequence[int]) -> int:
    """Return how many jobs from the head of the queue fit one after another (§4, ``none``)."""
    count = 0
    while count < waiting and need[queue[count]] <= free:
        free -= need[queue[count]]
        count += 1
    return count


def easy(
    now: float,
    free: int,
    queue: Sequence[int],
    waiting: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    release_s: Sequence[float],
    release_need: Sequence[int],
    running: int,
    chosen: MutableSequence[int],
) -> int:
    """Choose the jobs that may pass the head of the queue, which does not fit, without delaying it (§4, ``easy``).

    References
    ----------
    D. Lifka: The ANL/IBM SP scheduling system. JSSPP 1995, doi:10.1007/3-540-60153-8_35.
    """
    # Shadow: the earliest expected end at which the head fits; extra: what is then left over.
    head = need[queue[0]]
    room = free
    last = 0
    shadow_s = now
    while last < running and room < head:
        # A job that has outlived its estimate is expected to end in one second (§3).
        shadow_s = max(release_s[last], now + 1.0)
        while last < running and max(release_s[last], now + 1.0) <= shadow_s:
            room += release_need[last]
            last += 1
    if room < head:
        return 0
    extra = room - head

    count = 0
    for position in range(1, waiting):
        if free == 0:
            break
        job = queue[position]
        units = need[job]
        if units > free:
            continue
        if now + estimate_s[job] > shadow_s:
            if units > extra:
                continue
            extra -= units
        free -= units
        chosen[count] = position
        count += 1
    return count


def conservative(
    now: float,
    free: int,
    queue: Sequence[int],
    waiting: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    release_s: Sequence[float],
    release_need: Sequence[int],
    running: int,
    reserved_s: MutableSequence[float],
    compress: bool,
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    chosen: MutableSequence[int],
) -> int:
    """Give every waiting job a reservation and choose those whose reservation is now (§4, ``conservative``).

    Parameters
    ----------
    reserved_s
        By job: start of its reservation, :data:`NO_RESERVATION` if it holds none [s]; changed in place.
    compress
        Whether a job of this pool ended early since the last pass, so that reservations may move forward.
    profile_s, profile_free
        Room for the profile of free units, at least ``running + 2 × waiting + 1`` entries.

    References
    ----------
    A. W. Mu'alem, D. G. Feitelson: Utilization, predictability, workloads, and user runtime estimates in
    scheduling the IBM SP2 with backfilling. IEEE TPDS 12(6), 2001, doi:10.1109/71.932708.
    """
    points = free_profile(now, free, release_s, release_need, running, profile_s, profile_free)
    for position in range(waiting):
        job = queue[position]
        if reserved_s[job] != NO_RESERVATION:
            end_s = reserved_s[job] + estimate_s[job]
            points = occupy(profile_s, profile_free, points, reserved_s[job], end_s, need[job])

    if overcommitted(profile_free, points):  # a job outlived its estimate: all are dropped and placed again
        points = free_profile(now, free, release_s, release_need, running, profile_s, profile_free)
        for position in range(waiting):
            reserved_s[queue[position]] = NO_RESERVATION
    elif compress:
        for position in range(waiting):
            job = queue[position]
            if reserved_s[job] != NO_RESERVATION:
                end_s = reserved_s[job] + estimate_s[job]
                points = occupy(profile_s, profile_free, points, reserved_s[job], end_s, -need[job])
                points = reserve(job, need, estimate_s, reserved_s, profile_s, profile_free, points)

    count = 0
    for position in range(waiting):
        job = queue[position]
        if reserved_s[job] == NO_RESERVATION:
            points = reserve(job, need, estimate_s, reserved_s, profile_s, profile_free, points)
        if reserved_s[job] == now:
            chosen[count] = position
            count += 1
    return count


def reserve(
    job: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    reserved_s: MutableSequence[float],
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    points: int,
) -> int:
    """Place a job at the earliest start at which it fits for its whole estimate; return the new number of points."""
    start_s = earliest(profile_s, profile_free, points, need[job], estimate_s[job])
    reserved_s[job] = start_s
    return occupy(profile_s, profile_free, points, start_s, start_s + estimate_s[job], need[job])


def free_profile(
    now: float,
    free: int,
    release_s: Sequence[float],
    release_need: Sequence[int],
    running: int,
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
) -> int:
    """Write the free units from each time on, as running jobs are expected to end; return the number of points."""
    profile_s[0] = now
    profile_free[0] = free
    points = 1
    for index in range(running):
        end_s = max(release_s[index], now + 1.0)  # expected end (§3)
        if end_s > profile_s[points - 1]:
            profile_s[points] = end_s
            profile_free[points] = profile_free[points - 1]
            points += 1
        profile_free[points - 1] += release_need[index]
    return points


def overcommitted(profile_free: Sequence[int], points: int) -> bool:
    """Return whether more than what is free is taken at some time, so that reservations cannot be kept."""
    for point in range(points):  # noqa: SIM110 - numba compiles no generator expressions
        if profile_free[point] < 0:
            return True
    return False


def earliest(
    profile_s: Sequence[float], profile_free: Sequence[int], points: int, units: int, length_s: float
) -> float:
    """Return the earliest time from which ``units`` are free for ``length_s`` seconds.

    The profile ends with the whole pool free, so that a job that the pool can hold always finds a place.
    """
    start = 0
    point = 0
    while point < points and profile_s[point] < profile_s[start] + length_s:
        if profile_free[point] < units:
            start = point + 1
        point += 1
    return profile_s[start]


def occupy(
    profile_s: MutableSequence[float],
    profile_free: MutableSequence[int],
    points: int,
    start_s: float,
    end_s: float,
    units: int,
) -> int:
    """Take ``units`` off the profile from ``start_s`` to ``end_s``; return the new number of points."""
    first, points = split(profile_s, profile_free, points, start_s)
    last, points = split(profile_s, profile_free, points, end_s)
    for point in range(first, last):
        profile_free[point] -= units
    return points


def split(
    profile_s: MutableSequence[float], profile_free: MutableSequence[int], points: int, time_s: float
) -> tuple[int, int]:
    """Make sure that the profile has a point at ``time_s``; return its index and the new number of points."""
    low, high = 0, points
    while low < high:
        middle = (low + high) // 2
        if profile_s[middle] < time_s:
            low = middle + 1
        else:
            high = middle
    if low < points and profile_s[low] == time_s:
        return low, points
    for point in range(points, low, -1):
        profile_s[point] = profile_s[point - 1]
        profile_free[point] = profile_free[point - 1]
    profile_s[low] = time_s
    profile_free[low] = profile_free[low - 1]
    return low, points + 1
