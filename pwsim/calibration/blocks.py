"""Blocks of weeks, of which half are fitted to and half judge; and by how much a replay is off on some of them.

The whole log is replayed each time, for what ran or queued in one block takes cores from the next; what is measured is
that of some blocks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pwsim.common import DAY_S
from pwsim.hindcasting import NEGLIGIBLE_S, TOLERANCE_S
from pwsim.metrics import Booleans, statistic
from pwsim.trace import Floats, Integers, Trace

BLOCKS_S = (14 * DAY_S, 7 * DAY_S, 2 * DAY_S, DAY_S)
"""Lengths of a block; the first of which there are enough is taken [s]."""
LEAST_BLOCKS = 8
"""So many blocks are enough."""
REJECTED_FACTOR = 100.0
"""A job that a replay rejects though the site ran it counts as off by this factor."""
HALVES = ("even", "odd")
"""What the two halves of the blocks are called."""


class Blocks(NamedTuple):
    """A log cut into blocks, and its jobs with recorded waits."""

    length_s: float
    """Length of a block [s]."""
    member: tuple[Booleans, Booleans, Booleans]
    """Which jobs are of the even blocks, of the odd ones, and of any, each of shape (jobs,)."""
    week: Integers
    """The week of each job, or its day if there are few weeks, shape (jobs,)."""
    recorded_s: Floats
    """The recorded waits [s], shape (jobs,)."""


def cut(trace: Trace, recorded: Booleans) -> Blocks:
    """Cut a log into blocks.

    Parameters
    ----------
    trace
        The jobs.
    recorded
        Which have a recorded wait, shape (jobs,).

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 86400, 86401], "run_s": [1, 1, 1], "procs": [1, 1, 1]})
    >>> blocks = cut(trace, np.array([True, True, False]))
    >>> blocks.length_s / 86400, [one.tolist() for one in blocks.member]
    (1.0, [[True, False, False], [False, True, False], [True, True, False]])
    """
    enough = (one for one in BLOCKS_S if trace.span_s >= LEAST_BLOCKS * one)
    length_s = next(enough, BLOCKS_S[-1])
    odd = (trace.submit_s // length_s).astype(np.int64) % 2 == 1
    week_s = 7 * DAY_S if length_s >= 7 * DAY_S else DAY_S
    week = (trace.submit_s // week_s).astype(np.int64)
    return Blocks(length_s, (recorded & ~odd, recorded & odd, recorded), week, trace.recorded_wait_s)


class Off(NamedTuple):
    """By how much the waits of a replay are off: logarithms of factors, 0 for what is right."""

    mean: float
    """Of the mean wait."""
    p95: float
    """Of the 95th percentile."""
    weeks: float
    """Of the mean waits of the weeks, on average over their jobs."""
    jobs: float
    """Of the waits of the jobs, on average."""

    @property
    def loss(self) -> float:
        """Return the mean of the four."""
        return sum(self) / len(self)

    @property
    def factor(self) -> float:
        """Return the factor by which the waits are typically off."""
        return math.exp(self.loss)


def off(blocks: Blocks, half: int, wait_s: Floats) -> Off:
    """Return by how much the waits of a replay are off.

    Parameters
    ----------
    blocks
        The blocks.
    half
        Of which jobs: 0 for those of the even blocks, 1 of the odd ones, 2 of all.
    wait_s
        The waits of the replay, NaN for rejected jobs [s], shape (jobs,).
    """
    member = blocks.member[half]
    ran = member & ~np.isnan(wait_s)
    if not ran.any():
        lost = math.log(REJECTED_FACTOR)
        return Off(lost, lost, lost, lost)
    recorded_s, simulated_s, week = blocks.recorded_s[ran], wait_s[ran], blocks.week[ran]
    jobs_in = np.bincount(week)
    per_week = [np.bincount(week, one) / np.maximum(jobs_in, 1) for one in (recorded_s, simulated_s)]
    weeks = np.abs(_factors(per_week[0], per_week[1], NEGLIGIBLE_S))
    mean, p95 = (
        abs(math.log(max(statistic(simulated_s, one), NEGLIGIBLE_S) / max(statistic(recorded_s, one), NEGLIGIBLE_S)))
        for one in ("mean", "p95")
    )
    by_job = np.abs(np.log((simulated_s + TOLERANCE_S) / (recorded_s + TOLERANCE_S)))
    rejected = np.count_nonzero(member) - len(by_job)
    jobs = float(by_job.sum() + rejected * math.log(REJECTED_FACTOR)) / np.count_nonzero(member)
    return Off(mean, p95, float((weeks * jobs_in).sum() / len(week)), jobs)


def _factors(recorded_s: Floats, simulated_s: Floats, least_s: float) -> Floats:
    """Return logarithms of how many times as long waits are; what is shorter than the least counts as that."""
    factors: Floats = np.log(np.maximum(simulated_s, least_s) / np.maximum(recorded_s, least_s))
    return factors
