"""Blocks of weeks, of which half are fitted to and half judge; and by how much a replay is off on some of them.

The whole log is replayed each time, for what ran or queued in one block takes cores from the next; what is measured is
that of some blocks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pwsim.common import DAY_S
from pwsim.hindcasting import ESTIMATE_EDGES_S, NEGLIGIBLE_S, TOLERANCE_S
from pwsim.metrics import Booleans, statistic
from pwsim.trace import Floats, Integers, Trace

BLOCKS_S = (14 * DAY_S, 7 * DAY_S, 2 * DAY_S, DAY_S)
"""Lengths of a block; the first of which there are enough is taken [s]."""
LEAST_BLOCKS = 8
"""So many blocks are enough."""
LEAST_ALIKE = 60
"""Jobs of a partition and a class of estimates are looked at by themselves if there are so many."""
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
    kind: Integers
    """Partition and class of the estimate of each job as one number; -1 where few jobs are alike, shape (jobs,)."""
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
    kinds = len(ESTIMATE_EDGES_S) + 1
    kind = trace.partition.codes.astype(np.int64) * kinds + np.searchsorted(ESTIMATE_EDGES_S, trace.estimate_s)
    enough_alike = np.bincount(kind[recorded], minlength=int(kind.max(initial=0)) + 1) >= LEAST_ALIKE
    kind = np.where(enough_alike[kind], kind, -1)
    return Blocks(length_s, (recorded & ~odd, recorded & odd, recorded), week, kind, trace.recorded_wait_s)


class Off(NamedTuple):
    """By how much the waits of a replay are off: logarithms of factors, 0 for what is right."""

    mean: float
    """Of the mean wait."""
    p95: float
    """Of the 95th percentile."""
    weeks: float
    """Of the mean waits of the weeks, on average over their jobs."""
    kinds: float
    """Of the mean waits of partitions and classes of estimates, likewise."""
    jobs: float
    """Of the waits of the jobs, on average."""

    @property
    def loss(self) -> float:
        """Return the mean of the five."""
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
        return Off(lost, lost, lost, lost, lost)
    recorded_s, simulated_s = blocks.recorded_s[ran], wait_s[ran]
    mean, p95 = (
        abs(math.log(max(statistic(simulated_s, one), NEGLIGIBLE_S) / max(statistic(recorded_s, one), NEGLIGIBLE_S)))
        for one in ("mean", "p95")
    )
    by_job = np.abs(np.log((simulated_s + TOLERANCE_S) / (recorded_s + TOLERANCE_S)))
    rejected = np.count_nonzero(member) - len(by_job)
    jobs = float(by_job.sum() + rejected * math.log(REJECTED_FACTOR)) / np.count_nonzero(member)
    weeks, kinds = (_by_group(one[ran], recorded_s, simulated_s) for one in (blocks.week, blocks.kind))
    return Off(mean, p95, weeks, kinds, jobs)


def _by_group(group: Integers, recorded_s: Floats, simulated_s: Floats) -> float:
    """Return by how much the mean waits of groups of jobs are off, on average over their jobs; -1 is no group."""
    counted = group >= 0
    if not counted.any():
        return 0.0
    group, jobs = group[counted], np.bincount(group[counted])
    recorded, simulated = (
        np.maximum(np.bincount(group, one[counted]) / np.maximum(jobs, 1), NEGLIGIBLE_S)
        for one in (recorded_s, simulated_s)
    )
    return float((np.abs(np.log(simulated / recorded)) * jobs).sum() / jobs.sum())
