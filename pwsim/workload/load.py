"""More load, or less, all along a log: jobs are added or taken away, and none comes at another hour.

What is added is drawn from the log itself.  All that a user does in a week stays together and becomes the week of one
user more; where jobs name no user, those that come within an hour stay together.  It moves to another week of the log,
drawn so that each week gets as many such pieces as it has; so sessions, bursts, and the cycles of day, week and season
survive.  In logs shorter than two weeks pieces are those of a day and move by days, in those shorter than two days they
do not move.

Where jobs are taken away, the first and the last one stay, so that the log is as long as it was.

The log's own jobs stay where they are, and a higher level adds to what a lower one has: so the years of a plan differ
by their load and by little else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.common import DAY_S, HOUR_S, WEEK_S, TraceError, numeral
from pwsim.trace import Floats, Integers, Trace
from pwsim.workload.resampling import Names

ENOUGH = 1e-9
"""What is missing of a level by no more than this share of the work is not missing."""


class Level(NamedTuple):
    """How much of some jobs there is to be."""

    jobs: npt.NDArray[np.bool_]
    """Which jobs, shape (jobs,)."""
    level: float
    """How many times as much work as the log has of them."""


def with_load(trace: Trace, levels: Sequence[Level], seed: int = 1) -> Trace:
    """Return a trace with so many times the work of some classes of its jobs, by more or fewer jobs.

    Pieces of the log are added, or taken away, in an order drawn at random, until the level is reached; the last one as
    far as it takes, in job order.  So levels are nested: a higher one has all the jobs of a lower one.  In the end,
    less is missing than the work of the next job.

    Parameters
    ----------
    trace
        The workload.
    levels
        Classes of jobs that have none in common, each with its level; other jobs stay as they are.
    seed
        Seed of the random numbers.

    Raises
    ------
    TraceError
        If there are no jobs, or jobs follow others (:func:`.with_feedback`).

    Examples
    --------
    >>> jobs = {"submit_s": [0, 3600, 90000, 180000], "run_s": [60] * 4, "procs": [1] * 4}
    >>> trace = Trace.from_columns(jobs)
    >>> more = with_load(trace, [Level(trace.procs > 0, 1.5)])
    >>> len(more), bool(np.isin(more.submit_s % 86400, trace.submit_s % 86400).all())
    (6, True)
    """
    if all(one.level == 1 for one in levels):
        return trace
    if not len(trace):
        raise TraceError(f"{trace.name}: there are no jobs to draw from")
    if trace.feedback is not None:
        raise TraceError(
            f"{trace.name}: some jobs follow others (workload.feedback), and who follows a job that is added or taken "
            "away is not known; leave feedback out, or the growth"
        )
    streams = [np.random.default_rng((seed, crc32(b"load"), place)) for place in range(len(levels))]
    taken = np.zeros(len(trace), dtype=bool)
    for (jobs, level), random in zip(levels, streams, strict=True):
        if level < 1:
            taken[_fewer(_Pieces(trace, jobs), level, random)] = True
    taken[[0, -1]] = False
    left, levels = trace.without(taken, "growth"), [one._replace(jobs=one.jobs[~taken]) for one in levels]
    rows, moved_s, users = [np.arange(len(left))], [np.zeros(len(left))], [np.asarray(left.user, dtype=object)]
    names = _names(left)
    for (jobs, level), random in zip(levels, streams, strict=True):
        for piece, by_s in _more(_Pieces(left, jobs), level, random) if level > 1 else ():
            rows.append(piece)
            moved_s.append(np.full(len(piece), by_s))
            users.append(np.full(len(piece), names.new(int(piece[0])) if left.user[piece[0]] else "", dtype=object))
    told = ", ".join(numeral(one.level, 4) for one in levels)
    if len(rows) > 1:
        every = np.concatenate(rows)
        named = pd.Categorical(np.concatenate(users))
        left = left.resubmitted(left.submit_s[every] + np.concatenate(moved_s), every, user=named)
    return left.changed(f"{told} times the load by more or fewer jobs, hours kept")


def _names(trace: Trace) -> Names:
    """Return the names for users who are added, none of which the log has."""
    names = Names(trace)
    for row in np.unique(np.asarray(trace.user.codes), return_index=True)[1]:
        names.old(int(row))
    return names


class _Pieces:
    """Jobs of a class in pieces that stay together: of a user and a week, or of an hour where no user is named.

    Parameters
    ----------
    trace
        The workload.
    jobs
        Which jobs, shape (jobs,).
    """

    def __init__(self, trace: Trace, jobs: npt.NDArray[np.bool_]) -> None:
        self.trace = trace
        self.period_s = next((one for one in (WEEK_S, DAY_S) if trace.span_s >= 2 * one), np.inf)
        rows = np.flatnonzero(jobs)
        submit_s = trace.submit_s[rows]
        period = np.floor(submit_s / self.period_s).astype(np.int64)
        named = np.asarray(trace.user != "")[rows]
        whose = np.where(named, np.asarray(trace.user.codes)[rows], -1 - (submit_s // HOUR_S).astype(np.int64))
        order = np.lexsort((rows, whose, period))
        cuts = np.flatnonzero((np.diff(period[order]) != 0) | (np.diff(whose[order]) != 0)) + 1
        self.rows: list[Integers] = np.split(rows[order], cuts) if len(rows) else []
        """The jobs of each piece, in job order."""
        self.period = np.array([period[order[one]] for one in (0, *cuts)] if len(rows) else [], dtype=np.int64)
        """The period of each."""
        work = trace.procs * trace.run_s
        self.weight: Floats = work if work[rows].sum() > 0 else np.ones(len(trace))
        """What counts of each job of the trace: its work, or itself where none has any."""
        self.total = float(self.weight[rows].sum())
        """What counts of all jobs of the class."""

    def moved(self, piece: int, to: int) -> tuple[Integers, float]:
        """Return the jobs of a piece that are within the log if it moves to a period, and by how much it moves [s]."""
        by = int(to - self.period[piece])
        by_s = by * self.period_s if by else 0.0
        rows = self.rows[piece]
        return rows[self.trace.submit_s[rows] + by_s <= self.trace.span_s], by_s

    def until(self, rows: Integers, missing: float) -> Integers:
        """Return the first of some jobs, as many as do not go beyond what is missing."""
        beyond = np.cumsum(self.weight[rows]) > missing + ENOUGH * self.total
        return rows[: int(np.argmax(beyond))] if beyond.any() else rows


def _fewer(pieces: _Pieces, level: float, random: np.random.Generator) -> Integers:
    """Return the jobs to take away."""
    missing, taken = (1 - level) * pieces.total, [np.array([], dtype=np.int64)]
    for piece in random.permutation(len(pieces.rows)):
        rows = pieces.rows[piece]
        few = pieces.until(rows, missing)
        missing -= float(pieces.weight[few].sum())
        taken.append(few)
        if len(few) < len(rows):
            break
    return np.concatenate(taken)


def _more(pieces: _Pieces, level: float, random: np.random.Generator) -> Iterator[tuple[Integers, float]]:
    """Yield the jobs to add, and by how much they move [s]."""
    missing, added = (level - 1) * pieces.total, True
    while added:
        added = False
        places = pieces.period[random.permutation(len(pieces.rows))]
        for piece, to in zip(random.permutation(len(pieces.rows)), places, strict=True):
            rows, by_s = pieces.moved(int(piece), int(to))
            few = pieces.until(rows, missing)
            weight = float(pieces.weight[few].sum())
            missing, added = missing - weight, added or weight > 0
            if len(few):
                yield few, by_s
            if len(few) < len(rows):
                return
