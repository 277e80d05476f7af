"""How well jobs were served: pure functions on arrays (semantics §7).

The measurement window is from the first submission to the last, unless it is trimmed.  Where a figure has no meaning
(no job was served, or the window has no length) it is NaN.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pwsim.common import InputError
from pwsim.trace import Floats, Integers

Booleans = npt.NDArray[np.bool_]

STATISTICS = ("mean", "p50", "p90", "p95", "p99", "max")
"""The statistics that results give for each metric of jobs."""
SLOWDOWN_BOUND_S = 10.0
"""Run times below this count as this in the bounded slowdown [s]."""


class Trim(NamedTuple):
    """What is cut off both ends of the measurement window: the machine is empty at first, and runs dry at last.

    Examples
    --------
    >>> Trim(10.0, 5.0).window(100.0)
    (10.0, 95.0)
    """

    warm_up_s: float = 0.0
    """From the first submission on [s]."""
    cool_down_s: float = 0.0
    """Before the last submission [s]."""

    def window(self, span_s: float) -> tuple[float, float]:
        """Return start and end of the window of a trace whose submissions span ``span_s`` [s]."""
        return self.warm_up_s, max(self.warm_up_s, span_s - self.cool_down_s)


NO_TRIM = Trim()
"""Nothing is cut off."""


def checked_trim(warm_up_s: float, cool_down_s: float, span_s: float) -> Trim:
    """Return the warm-up and cool-down to cut off the measurement window of a trace.

    Raises
    ------
    InputError
        If nothing is left of it.
    """
    if (warm_up_s or cool_down_s) and warm_up_s + cool_down_s >= span_s:
        raise InputError(
            f"a warm-up of {warm_up_s:,.0f} s and a cool-down of {cool_down_s:,.0f} s leave nothing of the "
            f"{span_s:,.0f} s in which jobs are submitted; shorten them"
        )
    return Trim(warm_up_s, cool_down_s)


def inside(submit_s: Floats, window: tuple[float, float]) -> Booleans:
    """Return whether each submission is in a window, its ends included, shape (jobs,)."""
    within: Booleans = (submit_s >= window[0]) & (submit_s <= window[1])
    return within


def bounded_slowdown(turnaround_s: Floats, run_s: Floats, bound_s: float = SLOWDOWN_BOUND_S) -> Floats:
    """Return ``max(1, turnaround / max(run, bound))`` of each job.

    References
    ----------
    D. G. Feitelson, L. Rudolph, U. Schwiegelshohn, K. C. Sevcik, P. Wong: Theory and practice in parallel job
    scheduling. JSSPP 1997, doi:10.1007/3-540-63574-2_14.

    Examples
    --------
    >>> bounded_slowdown(np.array([5.0, 40.0, 300.0]), np.array([2.0, 2.0, 100.0]))
    array([1., 4., 3.])
    """
    return np.maximum(1.0, turnaround_s / np.maximum(run_s, bound_s))


def exact_sum(values: Floats) -> float:
    """Return the sum of an array, rounded once, so that no order of its entries gives another (as ``math.fsum``).

    Whole numbers, such as most logs are made of, add up without rounding as long as no sum reaches 2⁵³: then numpy may
    add them, which takes a hundredth of the time.

    Examples
    --------
    >>> exact_sum(np.array([0.1] * 10)), exact_sum(np.array([3.0, 4.0])), exact_sum(np.array([2.0**53, 1.0, 1.0]))
    (1.0, 7.0, 9007199254740994.0)
    """
    if float(np.abs(values).sum()) < _EXACT and bool((values == np.rint(values)).all()):
        return float(values.sum()) + 0.0
    return math.fsum(values.tolist())


_EXACT = 2.0**53
"""Whole numbers below this are floating-point numbers, and so are their sums below it."""


def nearest_rank(values: Floats, percent: float) -> float:
    """Return the smallest value with at least ``percent`` of all values at or below it; NaN if there is none.

    Examples
    --------
    >>> nearest_rank(np.array([15.0, 20.0, 35.0, 40.0, 50.0]), 40)
    20.0
    """
    if not len(values):
        return math.nan
    # Multiplied before divided, so that 95 % of 20 values is 19 of them, not 19.000000000000004.
    rank = math.ceil(percent * len(values) / 100)
    return float(partitioned(values, rank - 1)[rank - 1])


def partitioned(values: Floats, place: int) -> Floats:
    """Return values with the one at a place where sorting has it, those before it no larger, those after no smaller.

    Of two places numpy does not ask its vector code, which takes as much as 60 times as long where many values are the
    same, as waits of zero are.

    Examples
    --------
    >>> partitioned(np.array([5.0, 0.0, 0.0, 3.0, 0.0]), 3)[3]
    np.float64(3.0)
    """
    return np.partition(values, (place, place))


def statistic(values: Floats, name: str) -> float:
    """Return ``mean``, ``max`` or a nearest-rank percentile such as ``p95``; NaN if there are no values."""
    if not len(values):
        return math.nan
    if name == "mean":
        return exact_sum(values) / len(values)
    if name == "max":
        return float(values.max())
    return nearest_rank(values, float(name[1:]))


def share_of(work: Floats, some: Booleans) -> float:
    """Return the share of the work of all jobs that some of them have; 0 if none of them has work.

    Examples
    --------
    >>> share_of(np.array([30.0, 10.0, 0.0]), np.array([False, True, True]))
    0.25
    """
    part = exact_sum(work[some])
    return part / exact_sum(work) if part else 0.0


def size_class(procs: Integers) -> Integers:
    """Return the class of each size: the exponent of the least power of two that holds it, shape (jobs,).

    Examples
    --------
    >>> size_class(np.array([1, 2, 3, 4, 5]))
    array([0, 1, 2, 2, 3])
    """
    return np.ceil(np.log2(procs)).astype(np.int64)


def size_label(exponent: int) -> str:
    """Return the sizes of a class of :func:`size_class`.

    Examples
    --------
    >>> size_label(0), size_label(1), size_label(2), size_label(11)
    ('1', '2', '3-4', '1,025-2,048')
    """
    low, high = 2 ** (exponent - 1) + 1 if exponent > 0 else 1, 2**exponent
    return f"{high:,}" if low == high else f"{low:,}-{high:,}"


def busy_core_s(
    start_s: Floats, end_s: Floats, procs: Floats | Integers, window: tuple[float, float] = (0.0, np.inf)
) -> float:
    """Return the processor-seconds that jobs held within a window (its start and end) [core-s]."""
    held_s = np.clip(end_s, *window) - np.clip(start_s, *window)
    return exact_sum(procs * held_s)


LEAST_WEEK_JOBS = 30
"""Weeks with fewer jobs than this say too little to be correlated."""

ABSENT_SHARE = 0.9
"""If so many estimates are the run time itself, the log has none: the others are whole minutes by chance (1 in 60)."""
