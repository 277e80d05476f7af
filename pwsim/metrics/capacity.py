"""What becomes of the cores and the GPUs that are up: asked for, held beside, free while jobs wait, or idle.

At every instant the four add up to what is up in a pool.  Jobs hold more than they ask for where they take whole nodes,
or equal shares that are rounded up (semantics §5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pwsim.metrics.intervals import Intervals, integral_within, union, unrounded
from pwsim.metrics.measures import exact_sum
from pwsim.metrics.seen import Attempts, Waits
from pwsim.trace import Floats, Integers

SHARE_COLUMNS = (
    "utilization", "unused_core_share", "stranded_core_share", "idle_core_share",
    "gpu_utilization", "unused_gpu_share", "stranded_gpu_share", "idle_gpu_share",
)  # fmt: skip
"""Shares of the cores, and of the GPUs, that are up in the measurement window: what running jobs ask for, what they
hold beside it, what is free while jobs wait in the pool, and what is free while none does.  They add up to 1."""


class Split(NamedTuple):
    """Core-seconds, or GPU-seconds, between each two successive times, each of shape (times - 1,)."""

    used: Floats
    """What running jobs asked for."""
    unused: Floats
    """What they hold beside it, and nobody else can use: the rest of their nodes."""
    stranded: Floats
    """What is free although jobs wait in the pool."""
    idle: Floats
    """What is free while nobody waits there."""

    def shares(self) -> tuple[float, float, float, float]:
        """Return the four as shares of their sum over all times; NaN of nothing.

        Examples
        --------
        >>> Split(np.array([4.0, 2.0]), np.array([0.0, 2.0]), np.array([0.0, 1.0]), np.array([2.0, 1.0])).shares()
        (0.5, 0.16666666666666666, 0.08333333333333333, 0.25)
        """
        sums = [exact_sum(part) for part in self]
        whole = math.fsum(sums)
        used, unused, stranded, idle = (one / whole if whole else math.nan for one in sums)
        return used, unused, stranded, idle


class Course(NamedTuple):
    """What happened in a pool."""

    job: Integers
    """Job of each attempt there, shape (attempts,)."""
    part: Floats
    """Which part of its job each attempt is, shape (attempts,)."""
    attempts: Intervals
    """When they ran."""
    up: Intervals
    """When its nodes were up."""
    waiting: Integers
    """Job of each wait there, shape (waits,)."""
    waits: Intervals
    """When they waited."""
    queue: tuple[Floats, Floats]
    """Starts and ends of the times in which jobs wait there; they do not meet [s]."""


def course(index: int, attempts: Attempts, waits: Waits, up: Intervals) -> Course:
    """Return what happened in the pool of a number, of what happened in all of them."""
    job, _, start_s, end_s, _, part = (column[attempts.pool == index] for column in attempts)
    waiting, _, since_s, until_s = (column[waits.pool == index] for column in waits)
    ran, queued = Intervals(start_s, end_s), Intervals(since_s, until_s)
    return Course(job, part, ran, up, waiting, queued, union(since_s, until_s))


def split(size: int, course: Course, asked: Floats | Integers, held: Floats | Integers, times_s: Floats) -> Split:
    """Return the use of the cores, or the GPUs, of a pool's nodes: busy, held, free.

    Parameters
    ----------
    size
        Cores, or GPUs, of a node.
    course
        What happened in the pool.
    asked, held
        What each job asks for, and what it holds there, shape (jobs,).
    times_s
        Increasing times [s].

    Examples
    --------
    One node of 4 cores is up for 10 s.  A job of 1 core holds it whole until 4, and another waits for it; that one has
    the node until 6.

    >>> at = np.array
    >>> ran = Attempts(at([0, 1]), at([0, 0]), at([0.0, 4.0]), at([4.0, 6.0]), at([0.0, 0.0]), at([1.0, 1.0]))
    >>> waited = Waits(at([1]), at([0]), at([0.0]), at([4.0]))
    >>> here = course(0, ran, waited, Intervals(at([0.0]), at([10.0])))
    >>> split(4, here, at([1, 4]), at([4, 4]), at([0.0, 10.0]))
    Split(used=array([12.]), unused=array([12.]), stranded=array([0.]), idle=array([16.]))
    """
    if not size:
        return Split(*np.zeros((4, len(times_s) - 1)))

    nodes, jobs = course.up, course.attempts
    ask: Floats = asked[course.job] * course.part
    hold: Floats = held[course.job] * course.part
    up_s, held_s = nodes.weighted(np.full(len(nodes.start_s), size)), jobs.weighted(hold)

    def free_s(until_s: Floats) -> Floats:
        return up_s(until_s) - held_s(until_s)

    sums = (size * len(nodes.start_s) + float(np.sum(hold))) * times_s[1:]
    free = unrounded(np.diff(free_s(times_s)), sums)
    stranded = unrounded(np.clip(np.diff(integral_within(free_s, course.queue, times_s)), 0.0, free), sums)
    asked_s = held_s if np.array_equal(ask, hold) else jobs.weighted(ask)
    used = unrounded(np.diff(asked_s(times_s)), sums)
    unused = unrounded(np.diff(jobs.weighted(hold - ask)(times_s)), sums)
    return Split(used, unused, stranded, unrounded(free - stranded, sums))


def together(splits: Iterable[Split]) -> Split:
    """Return the sum of the splits of several pools, of which there is at least one."""
    return Split(*(np.sum(part, axis=0) for part in zip(*splits, strict=True)))
