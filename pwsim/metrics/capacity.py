"""What becomes of the cores and the GPUs that are up: asked for, held beside, free while jobs wait, or idle.

At every instant the four add up to what is up in a pool.  Jobs hold more than they ask for where they take whole nodes,
or equal shares that are rounded up (semantics §5).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pwsim.metrics.measures import exact_sum, integral, integral_within, unrounded
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


def split(
    size: int,
    up: tuple[Floats, Floats],
    attempts: tuple[Floats, Floats],
    asked: Floats | Integers,
    held: Floats | Integers,
    waiting: tuple[Floats, Floats],
    times_s: Floats,
) -> Split:
    """Return the use of the cores, or the GPUs, of a pool's nodes: busy, held, free.

    Parameters
    ----------
    size
        Cores, or GPUs, of a node.
    up
        Starts and ends of the stays of its nodes [s].
    attempts
        Starts and ends of the attempts of jobs there [s].
    asked, held
        What the job of each attempt asked for, and what it holds, shape (attempts,).
    waiting
        Starts and ends of the times in which jobs wait there; they do not meet [s].
    times_s
        Increasing times [s].

    Examples
    --------
    One node of 4 cores is up for 10 s.  A job of 1 core holds it whole until 4, and another waits for it; that one has
    the node until 6.

    >>> at = np.array
    >>> jobs = (at([0.0, 4.0]), at([4.0, 6.0])), at([1, 4]), at([4, 4])
    >>> split(4, (at([0.0]), at([10.0])), *jobs, (at([0.0]), at([4.0])), at([0.0, 10.0]))
    Split(used=array([12.]), unused=array([12.]), stranded=array([0.]), idle=array([16.]))
    """
    if not size:
        return Split(*np.zeros((4, len(times_s) - 1)))

    def free_s(until_s: Floats) -> Floats:
        return integral(*up, np.full(len(up[0]), size), until_s) - integral(*attempts, held, until_s)

    sums = (size * len(up[0]) + float(np.sum(held))) * times_s[1:]
    free = unrounded(np.diff(free_s(times_s)), sums)
    stranded = unrounded(np.clip(np.diff(integral_within(free_s, waiting, times_s)), 0.0, free), sums)
    used = unrounded(np.diff(integral(*attempts, asked, times_s)), sums)
    unused = unrounded(np.diff(integral(*attempts, held - asked, times_s)), sums)
    return Split(used, unused, stranded, unrounded(free - stranded, sums))


def together(splits: Iterable[Split]) -> Split:
    """Return the sum of the splits of several pools, of which there is at least one."""
    return Split(*(np.sum(part, axis=0) for part in zip(*splits, strict=True)))
