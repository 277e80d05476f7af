"""Intervals from draws: of the next draw without any assumption on its distribution, and of the mean by Student's t."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

MEAN_COVERAGE = 0.95
"""Coverage of intervals of a mean."""


class Interval(NamedTuple):
    """What draws tell of a figure, in its unit."""

    draws: int
    """Draws that have the figure; those whose replay gave up, or that have no job that it is about, do not."""
    low: float
    """Smallest of the draws, and the lower end of the prediction interval of the next draw."""
    high: float
    """Largest of the draws, and the upper end of it."""
    coverage: float
    """Probability that the next draw is in it, if it has the figure."""
    mean: float
    """Mean of the draws."""
    mean_low: float
    """Lower end of the interval of the mean, of coverage :data:`MEAN_COVERAGE`."""
    mean_high: float
    """Upper end of it."""


def coverage(draws: int) -> float:
    """Return the probability that the next draw lies between the smallest and the largest of so many.

    It is ``(j - i) / (m + 1)`` for the i-th and the j-th smallest of m exchangeable draws, whatever their distribution;
    here i = 1 and j = m.  Where values may be equal, it is at least that.

    Parameters
    ----------
    draws
        How many were drawn, m.

    References
    ----------
    G. J. Hahn, W. Q. Meeker: Statistical Intervals. Wiley 1991, chapter 5 (distribution-free intervals).

    Examples
    --------
    >>> coverage(39), round(coverage(20), 3)
    (0.95, 0.905)
    """
    return max(0, draws - 1) / (draws + 1)


def interval(values: ArrayLike) -> Interval | None:
    """Return the intervals of a figure; ``None`` if fewer than two draws have it.

    That of the mean is Student's: the mean of m draws ± the quantile of the t distribution with m - 1 degrees of
    freedom × their standard deviation / √m; it is exact for a normal distribution, and close for others.

    Parameters
    ----------
    values
        Its value in each draw; NaN where a draw has none.

    References
    ----------
    Student: The probable error of a mean. Biometrika 6 (1908), doi:10.1093/biomet/6.1.1.

    Examples
    --------
    >>> found = interval([1.0, 3.0, 2.0])
    >>> found.low, found.high, found.coverage, found.mean, round(found.mean_low, 3), round(found.mean_high, 3)
    (1.0, 3.0, 0.5, 2.0, -0.484, 4.484)
    """
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    number = len(known)
    if number < 2:
        return None
    low, high, mean = float(known.min()), float(known.max()), math.fsum(known) / number
    if low == high:  # a rounding error is no spread
        return Interval(number, low, high, coverage(number), low, low, low)
    half = float(scipy.stats.t.ppf((1 + MEAN_COVERAGE) / 2, number - 1)) * float(known.std(ddof=1)) / math.sqrt(number)
    return Interval(number, low, high, coverage(number), mean, mean - half, mean + half)
