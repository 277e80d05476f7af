"""Targets as sums over pools: what each pool adds, known from its replay or, before it, the least that it can add.

Where pools do not meet, a target on a setup is a limit on a sum of what its pools add.  A setup whose sum is above the
limit misses for certain; before a replay, a pool adds what no replay of it is below, so that this holds whatever is
known.  The converse is not needed: what a setup achieves is judged on the replay of the whole (:mod:`.judging`).

* *Percentiles.* The nearest-rank percentile ``p`` of ``n`` values is at most ``W`` just if at least ``⌈p n / 100⌉`` of
  them are: if ``L`` are larger, just if ``100 L - (100 - p) n ≤ 0``.  The largest value is the 100th percentile.
  Before a replay, a value is the least that it can be: nobody waits.
* *Means.* At most ``W`` just if ``Σ (value - W) ≤ 0``.
* *Throughput.* At least ``X`` jobs an hour in ``H`` hours just if ``-completed ≤ -X H``.  Before a replay, each job
  completes in the window that would if it started at once.
* *Delivered work, utilisation.* At least so much just if ``-held ≤ -asked``, or ``asked share × up - held ≤ 0``.
  Before a replay, a job holds its cores for as much of the window as is left after its submission, or for its run time.
* *Rejected, completed and killed jobs* are known before any replay: ``n - held`` are rejected.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pwsim.common import DAY_S, HOUR_S
from pwsim.metrics import Booleans, bounded_slowdown, inside
from pwsim.search.targets import Target
from pwsim.trace import Floats, Trace

LEEWAY = 1e-9
"""Sums may be off by so much of what they are made of, and still count as met: the replay decides."""

ROUNDING = 1e-12
"""By so much of what is summed, sums over pools may be off."""


@dataclass(frozen=True)
class PoolJobs:
    """The jobs of a pool under one choice of nodes, replayed or not."""

    jobs: Booleans
    """Which jobs of the trace come to the pool, shape (jobs,)."""
    held_s: Floats
    """How long each job of the trace would hold what it takes there, shape (jobs,) [s]."""
    killed: Booleans
    """Whether each would be ended at its estimate there, shape (jobs,)."""
    start_s: Floats | None = None
    """Start of each job of the trace, if it was replayed, shape (jobs,) [s]."""


@dataclass(frozen=True)
class Row:
    """A target as a limit on a sum over pools."""

    amount: Callable[[PoolJobs], float]
    """What a pool adds."""
    at_most: float
    """The limit of the sum."""
    per_core: float = 0.0
    """What each core of a pool adds besides."""


class Sums(NamedTuple):
    """What each arc of a network adds, known or as bounds; it changes in place as more becomes known."""

    usd: Floats
    """Cost of each arc under each procedure, shape (procedures, arcs) [USD a year]."""
    amounts: Floats
    """What each arc adds to each row, shape (rows, procedures, arcs)."""
    at_most: Floats
    """Limit of each row, shape (rows,)."""

    @property
    def limits(self) -> Floats:
        """The limits, up to a rounding of the sums: what is above misses for certain, shape (rows,)."""
        largest = np.abs(self.amounts).max(axis=(1, 2), initial=0.0)
        limits: Floats = self.at_most + ROUNDING * (np.abs(self.at_most) + largest)
        return limits


class Asked(NamedTuple):
    """A target on a replay of a trace."""

    trace: Trace
    target: Target
    window: tuple[float, float]
    """Start and end of the measurement window [s]."""

    @property
    def limit(self) -> float:
        """The limit of each job's value, with leeway."""
        return self.target.required * (1 + LEEWAY) + LEEWAY

    @property
    def about(self) -> Booleans:
        """Which jobs the target is about, shape (jobs,)."""
        about = inside(self.trace.submit_s, self.window)
        return about if self.target.where is None else about & self.target.where.admit(self.trace)

    @property
    def window_s(self) -> float:
        """Length of the window [s]."""
        return self.window[1] - self.window[0]


def rows(trace: Trace, targets: Sequence[Target], window: tuple[float, float]) -> list[Row]:
    """Return the targets that are limits on sums over pools; the others are left to the replay of the whole."""
    found = []
    for target in targets:
        kind = "at_least" if target.at_most is None else "at_most"
        metric = target.metric
        if target.statistic is not None:
            metric = "mean" if target.statistic == "mean" else "rank"
        if make := ROWS.get((metric, kind)):
            found.append(make(Asked(trace, target, window)))
    return found


def _values(trace: Trace, metric: str, here: PoolJobs, some: Booleans) -> Floats:
    """Return a metric of some jobs: what it is, or before a replay the least that it can be."""
    submit_s, held_s = trace.submit_s[some], here.held_s[some]
    start_s = submit_s if here.start_s is None else here.start_s[some]
    if metric == "wait_s":
        return start_s - submit_s
    turnaround_s = start_s + held_s - submit_s
    if metric == "turnaround_s":
        return turnaround_s
    return bounded_slowdown(turnaround_s, np.where(here.killed[some], held_s, trace.run_s[some]))


def _rank(asked: Asked) -> Row:
    statistic, about, limit = str(asked.target.statistic), asked.about, asked.limit
    percent = 100 if statistic == "max" else int(statistic[1:])

    def amount(here: PoolJobs) -> float:
        some = here.jobs & about
        late = np.count_nonzero(_values(asked.trace, asked.target.metric, here, some) > limit)
        return float(100 * late - (100 - percent) * np.count_nonzero(some))

    return Row(amount, 0.0)


def _mean(asked: Asked) -> Row:
    about, limit = asked.about, asked.limit

    def amount(here: PoolJobs) -> float:
        values = _values(asked.trace, asked.target.metric, here, here.jobs & about)
        return math.fsum(values) * (1 - LEEWAY) - limit * len(values)

    return Row(amount, 0.0)


def _rejected(asked: Asked) -> Row:
    return Row(lambda here: -float(np.count_nonzero(here.jobs)), asked.target.required - len(asked.trace))


def _rejected_work(asked: Asked) -> Row:
    work = asked.trace.procs * asked.trace.run_s
    work = work / (math.fsum(work) or 1.0)
    return Row(lambda here: -math.fsum(work[here.jobs]), asked.target.required - math.fsum(work) + LEEWAY)


def _killed(asked: Asked) -> Row:
    return Row(lambda here: float(np.count_nonzero(here.jobs & here.killed)), asked.target.required)


def _completed(asked: Asked) -> Row:
    return Row(lambda here: -float(np.count_nonzero(here.jobs & ~here.killed)), -asked.target.required)


def _throughput(asked: Asked) -> Row:
    submit_s, (from_s, until_s) = asked.trace.submit_s, asked.window

    def amount(here: PoolJobs) -> float:
        some = here.jobs & ~here.killed
        end_s = (submit_s if here.start_s is None else here.start_s)[some] + here.held_s[some]
        late_enough = here.start_s is None or end_s >= from_s
        return -float(np.count_nonzero((end_s <= until_s * (1 + LEEWAY)) & late_enough))

    return Row(amount, -asked.target.required * asked.window_s / HOUR_S * (1 - LEEWAY))


def _held_core_s(asked: Asked, here: PoolJobs) -> float:
    """Return the core-seconds that jobs hold in the window; before a replay the most that they can."""
    start_s = (asked.trace.submit_s if here.start_s is None else here.start_s)[here.jobs]
    held_s, (from_s, until_s) = here.held_s[here.jobs], asked.window
    if here.start_s is None:
        inside_s = np.minimum(held_s, np.maximum(until_s - np.maximum(start_s, from_s), 0.0))
    else:
        inside_s = np.clip(start_s + held_s, from_s, until_s) - np.clip(start_s, from_s, until_s)
    return math.fsum(asked.trace.procs[here.jobs] * inside_s)


def _delivered(asked: Asked) -> Row:
    core_s = asked.target.required * HOUR_S * asked.window_s / DAY_S
    return Row(lambda here: -_held_core_s(asked, here), -core_s * (1 - LEEWAY))


def _utilization(asked: Asked) -> Row:
    return Row(lambda here: -_held_core_s(asked, here), 0.0, asked.target.required * asked.window_s * (1 - LEEWAY))


ROWS: Mapping[tuple[str, str], Callable[[Asked], Row]] = {
    ("rank", "at_most"): _rank,
    ("mean", "at_most"): _mean,
    ("jobs_rejected", "at_most"): _rejected,
    ("rejected_work_share", "at_most"): _rejected_work,
    ("jobs_killed", "at_most"): _killed,
    ("jobs_completed", "at_least"): _completed,
    ("throughput_jobs_per_hour", "at_least"): _throughput,
    ("delivered_core_hours_per_day", "at_least"): _delivered,
    ("utilization", "at_least"): _utilization,
}
"""What makes the row of a target, by its metric, or by its kind of statistic of jobs, and by its kind of limit."""
