"""When jobs ran by the record and in a replay, and which part of the two is compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pwsim import metrics
from pwsim.common import HOUR_S
from pwsim.trace import Floats, Integers, Trace


class Schedule(NamedTuple):
    """When each job started and ended, by the record or in a replay; NaN where that is not known, or it never did."""

    start_s: Floats
    """Start [s], shape (jobs,)."""
    end_s: Floats
    """End [s], shape (jobs,)."""

    def of(self, rows: metrics.Booleans) -> Schedule:
        """Return the schedule of some jobs, a mask of shape (jobs,)."""
        return Schedule(self.start_s[rows], self.end_s[rows])

    def only(self, rows: metrics.Booleans) -> Schedule:
        """Return the schedule as if it were known of some jobs alone, a mask of shape (jobs,)."""
        return Schedule(np.where(rows, self.start_s, np.nan), np.where(rows, self.end_s, np.nan))


class Shares(NamedTuple):
    """Parts of a machine that have no core in common, and which job runs on which."""

    part: Integers
    """The part of each job, shape (jobs,)."""
    cores: Integers
    """Cores of each part; 0 for the part of the jobs that no pool takes."""


@dataclass(frozen=True)
class Pair:
    """Two schedules of the same jobs, and the part of them that is compared.

    Jobs outside the window hold cores and queue beside those within it, so they are here too.
    """

    trace: Trace
    """The jobs."""
    recorded: Schedule
    """When they started and ended by the record."""
    simulated: Schedule
    """When they do in the replay."""
    cores: int
    """Cores of the machine."""
    window: tuple[float, float]
    """First and last submission that are compared [s]."""
    shares: Shares | None = None
    """Parts of the machine that have no core in common; ``None``: jobs share all cores."""

    @cached_property
    def measured(self) -> metrics.Booleans:
        """Whether each job is submitted in the window, shape (jobs,)."""
        return metrics.inside(self.trace.submit_s, self.window)

    @cached_property
    def known(self) -> metrics.Booleans:
        """Whether both starts of each job are known, shape (jobs,)."""
        return ~np.isnan(self.recorded.start_s) & ~np.isnan(self.simulated.start_s)

    @cached_property
    def compared(self) -> metrics.Booleans:
        """Whether the two waits of each job are compared, shape (jobs,)."""
        compared: metrics.Booleans = self.measured & self.known
        return compared

    @cached_property
    def recorded_share(self) -> float:
        """Share of the jobs submitted until the end of the window whose start was recorded."""
        return float(np.mean(~np.isnan(self.recorded.start_s[self.trace.submit_s <= self.window[1]])))

    @property
    def span_s(self) -> float:
        """Length of the window [s]."""
        return self.window[1] - self.window[0]

    @cached_property
    def edges_s(self) -> Floats:
        """Start of each hour of the window, and its end, from its start on [s]."""
        if not self.span_s:
            return np.array([0.0, 0.0])
        return np.append(np.arange(0.0, self.span_s, HOUR_S), self.span_s)


class Busy(NamedTuple):
    """How many cores are held over time: a number of cores from each time to the next."""

    time_s: Floats
    """Times at which it changes, increasing [s]."""
    cores: Integers
    """Cores that are held from then on."""

    def at(self, times_s: Floats) -> Integers:
        """Return the cores that are held at some times, shape (times,)."""
        return np.append(0, self.cores)[np.searchsorted(self.time_s, times_s, side="right")]

    def within(self, window: tuple[float, float]) -> Busy:
        """Return the same within a window, its ends included [s]."""
        inside = (self.time_s > window[0]) & (self.time_s < window[1])
        time_s = np.concatenate([[window[0]], self.time_s[inside], [window[1]]])
        return Busy(time_s, self.at(time_s))


def recorded_schedule(trace: Trace) -> Schedule:
    """Return when jobs started and ended by the record of the log."""
    start_s = trace.submit_s + trace.recorded_wait_s
    return Schedule(start_s, start_s + trace.run_s)


def busy_of(schedule: Schedule, procs: Integers) -> Busy:
    """Return how many cores a schedule holds over time; what ends at a time is free for what starts then."""
    ran = schedule.end_s > schedule.start_s  # neither jobs without a time nor those of no length
    # Sums of times are exact to a millisecond, and what ends when another starts must not seem to end after it.
    times_s = np.round(np.concatenate([schedule.start_s[ran], schedule.end_s[ran]]), 3)
    change = np.concatenate([procs[ran], -procs[ran]])
    order = np.argsort(times_s, kind="stable")
    times_s, held = times_s[order], np.cumsum(change[order])
    last = np.append(times_s[1:] != times_s[:-1], True)[: len(times_s)]
    return Busy(times_s[last], held[last])
