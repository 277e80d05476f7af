"""When a job may start: hours of the site, and the scheduler's period (semantics §9).

The hours of a job are a table of pieces, by increasing time: within ``[open_s, close_s)`` it may start, if it is
expected to end not after ``last_s``.  Tables stand one after another in three sequences, table ``t`` from ``first[t]``
to ``first[t + 1] - 1``; a job without hours has the table :data:`ANY_TIME`.  All functions are index loops, in the
subset of Python that numba compiles.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

ANY_TIME = -1
"""The table of a job that may start at any time."""


class Hours(NamedTuple):
    """When jobs may start, by table, and how often the scheduler looks."""

    first: Sequence[int]
    """First piece of each table, and after the last the number of all."""
    open_s: Sequence[float]
    """From when jobs may start [s]."""
    close_s: Sequence[float]
    """From when they may not any more [s]."""
    last_s: Sequence[float]
    """When those that start in the piece must be expected to have ended [s]; infinity where that does not matter."""
    period_s: float
    """Passes take place at multiples of this alone [s]; 0: at any time."""
    last_now_s: MutableSequence[float]
    """``last_s`` of the pass that is under way, by table (:func:`read_clock`); minus infinity where none may start."""


def next_tick(time_s: float, period_s: float) -> float:
    """Return the first multiple of the scheduler's period that is not before a time [s].

    Examples
    --------
    >>> next_tick(31.0, 30.0), next_tick(60.0, 30.0), next_tick(31.5, 0.0)
    (60.0, 60.0, 31.5)
    """
    if period_s <= 0.0 or math.isinf(time_s):
        return time_s
    ticks = math.ceil(time_s / period_s)
    if (ticks - 1) * period_s >= time_s:  # the quotient was rounded up
        ticks -= 1
    return ticks * period_s


def piece(hours: Hours, table: int, time_s: float) -> int:
    """Return the first piece of a table that closes after a time, or where the table ends."""
    low, high = hours.first[table], hours.first[table + 1]
    while low < high:
        middle = (low + high) // 2
        if hours.close_s[middle] > time_s:
            high = middle
        else:
            low = middle + 1
    return low


def may_start(hours: Hours, table: int, time_s: float, length_s: float) -> bool:
    """Return whether a job that is expected to take a number of seconds may start at a time."""
    if table == ANY_TIME:
        return True
    index = piece(hours, table, time_s)
    return index < hours.first[table + 1] and hours.open_s[index] <= time_s and time_s + length_s <= hours.last_s[index]


def read_clock(now: float, hours: Hours) -> None:
    """Write what the hours of each table allow now, for all jobs of a pass."""
    for table in range(len(hours.last_now_s)):
        index = piece(hours, table, now)
        is_open = index < hours.first[table + 1] and hours.open_s[index] <= now
        hours.last_now_s[table] = hours.last_s[index] if is_open else -math.inf


def may_start_now(now: float, table: int, length_s: float, last_now_s: Sequence[float]) -> bool:
    """Return whether a job may start in the pass that is under way: :func:`may_start` of the time that was read."""
    return table == ANY_TIME or now + length_s <= last_now_s[table]


def next_opening(hours: Hours, table: int, time_s: float) -> float:
    """Return the first time after another at which a piece opens [s]; infinity if none does."""
    if table == ANY_TIME:
        return math.inf
    index = piece(hours, table, time_s)
    if index < hours.first[table + 1] and hours.open_s[index] <= time_s:
        index += 1
    return hours.open_s[index] if index < hours.first[table + 1] else math.inf
