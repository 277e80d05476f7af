"""Series: jobs of one user with the same size and the same estimate, in quick succession (:mod:`.twin`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pwsim.common import HOUR_S
from pwsim.trace import Floats, Integers, Trace
from pwsim.workload.twin.making import Activity

GAP_S = HOUR_S
"""Jobs of a series follow one another within this time [s of activity]."""
EXACT_SHARE = 0.99
"""If at least this share of the estimates are the run times, the log is taken to have none."""
LEAST_SERIES = 20
"""Classes have at least so many series."""
SIZE_LIMITS = tuple(4**power for power in range(12))
"""Upper limits of the classes of size [cores]; the last is open."""
ESTIMATE_LIMITS_S = HOUR_S * np.array([1 / 12, 1 / 4, 1, 4, 12, 24])
"""Upper limits of the classes of estimate [s]; the last is open."""


class Series:
    """The jobs of a log, put together into series."""

    def __init__(self, trace: Trace, activity: Activity) -> None:
        shape = np.column_stack((trace.procs, trace.gpus, trace.nodes, trace.memory_mib))
        exact = np.mean(trace.estimate_s == np.maximum(trace.run_s, 1.0)) >= EXACT_SHARE
        self.estimates_recorded = not exact
        """Whether the log has estimates that are more than the run times."""
        asked_s = np.zeros(len(trace)) if exact else trace.estimate_s
        key = np.column_stack((trace.user.codes, trace.procs, trace.gpus, asked_s))
        _, kind = np.unique(key, axis=0, return_inverse=True)
        order = np.argsort(kind.ravel(), kind="stable")
        activity_s = activity.of(trace.submit_s)[order]
        gap_s = np.diff(activity_s, prepend=activity_s[0])
        begins = (np.diff(kind.ravel()[order], prepend=-1) != 0) | (gap_s > GAP_S)
        self.of_job: Integers = np.cumsum(begins) - 1
        """Series of each job, shape (jobs,); jobs are sorted by series."""
        self.gap_s: Floats = gap_s
        """Gap before each job, of no meaning for the first of a series [s of activity], shape (jobs,)."""
        self.begins = begins
        """Whether a job is the first of its series, shape (jobs,)."""
        self.jobs: Integers = np.bincount(self.of_job)
        """Jobs of each series, shape (series,)."""
        first = order[begins]
        self.shape: Floats = shape[first].astype(np.float64)
        """Processors, GPUs, nodes and memory of each series, shape (series, 4)."""
        self.run_s: Floats = np.maximum(trace.run_s, 0.5)[order]
        """Run time, at least half a second, shape (jobs,) [s]."""
        longest_s = np.maximum.reduceat(self.run_s, np.flatnonzero(begins))
        self.estimate_s: Floats = longest_s if exact else trace.estimate_s[first]
        """Estimate of each series, or its longest run time if none is recorded [s], shape (series,)."""
        self.accuracy: Floats = self.run_s / self.estimate_s[self.of_job]
        """Run time over estimate, shape (jobs,)."""
        self.user: Integers = np.asarray(trace.user.codes[first], dtype=np.int64)
        """User of each series, shape (series,)."""

    def sizes(self) -> Iterator[Integers]:
        """Yield the series of each class of size, the smallest first."""
        every = np.arange(len(self.jobs))
        yield from _joined_classes(every, np.searchsorted(SIZE_LIMITS, self.shape[:, 0]))

    def estimates(self, some: Integers) -> Iterator[Integers]:
        """Yield the series of each class of estimate among some series, the shortest first."""
        yield from _joined_classes(some, np.searchsorted(ESTIMATE_LIMITS_S, self.estimate_s[some]))


def cycles(trace: Trace) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the relative rate of arrivals by hour of the day and by day of the week, mean about 1 each.

    Hours and days that the log does not reach have the mean; none falls below a fiftieth of it.
    """
    hour = (trace.submit_s // HOUR_S).astype(np.int64)
    seen = np.arange(int(hour.max()) + 1)  # the last hour counts in full, though the log ends in it

    def rates(place: Integers, lasted: Integers, count: int) -> tuple[float, ...]:
        jobs, hours = np.bincount(place, minlength=count), np.bincount(lasted, minlength=count)
        rate = np.divide(jobs, hours, out=np.full(count, len(hour) / len(seen)), where=hours > 0)
        relative = np.maximum(rate / rate.mean(), 0.02)
        return tuple(rounded(one, 3) for one in relative)

    return rates(hour % 24, seen % 24, 24), rates(hour // 24 % 7, seen // 24 % 7, 7)


def _joined_classes(some: Integers, kind: Integers) -> Iterator[Integers]:
    """Yield things by class, in the order of the classes; a class with few joins the next, the last the one before."""
    groups: list[Integers] = []
    for one in np.unique(kind):
        members = some[kind == one]
        if groups and len(groups[-1]) < LEAST_SERIES:
            groups[-1] = np.concatenate((groups[-1], members))
        else:
            groups.append(members)
    if len(groups) > 1 and len(groups[-1]) < LEAST_SERIES:
        last = groups.pop()
        groups[-1] = np.concatenate((groups[-1], last))
    yield from groups


def rounded(value: float, digits: int) -> float:
    """Return a number rounded to so many digits that count.

    Examples
    --------
    >>> rounded(0.012345, 2), rounded(98765.0, 2)
    (0.012, 99000.0)
    """
    return float(f"{value:.{digits}g}")
