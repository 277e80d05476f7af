"""Sums over time of what lies in weighted intervals: busy cores, queued jobs, nodes that are up, money by the hour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np

from pwsim.metrics.measures import exact_sum
from pwsim.trace import Floats, Integers


class Intervals:
    """Intervals of time, in the order of their starts and in that of their ends, which many sums go by.

    Parameters
    ----------
    start_s, end_s
        Where they begin and end [s], each of shape (intervals,).
    """

    def __init__(self, start_s: Floats, end_s: Floats) -> None:
        self.start_s = start_s
        self.end_s = end_s

    @cached_property
    def _sides(self) -> list[tuple[float, Integers, Floats]]:
        """Sign of the starts and of the ends, their order, and their times in that order [s]."""
        orders = [np.argsort(times_s, kind="stable") for times_s in (self.start_s, self.end_s)]
        return [(1.0, orders[0], self.start_s[orders[0]]), (-1.0, orders[1], self.end_s[orders[1]])]

    def weighted(self, weight: Floats | Integers) -> Callable[[Floats], Floats]:
        """Return what gives the integral of the intervals with weights up to some times; see :func:`integral`."""
        if not weight.any():
            return lambda until_s: np.zeros(len(until_s))
        last_s = self.end_s.max()
        sums: list[tuple[float, Floats, Floats, Floats]] = []

        def total(until_s: Floats) -> Floats:
            over = until_s >= last_s  # all have ended: sum up whole intervals, to the last bit
            whole = exact_sum(weight * (self.end_s - self.start_s)) if over.any() else 0.0
            if over.all():
                return np.full(len(until_s), whole)
            if not sums:
                sums.extend(self._sums(weight))
            # The sum of w × max(0, t - start), less the same of the ends: two sums over what lies before t.
            summed = np.zeros(len(until_s))
            for sign, times_s, weights, moments in sums:
                before = np.searchsorted(times_s, until_s, side="right")
                summed += sign * (weights[before] * until_s - moments[before])
            summed[over] = whole
            return summed

        return total

    def _sums(self, weight: Floats | Integers) -> Iterator[tuple[float, Floats, Floats, Floats]]:
        """Yield for starts and for ends their sign, their times, and running sums of the weights and their moments."""
        for sign, order, times_s in self._sides:
            sorted_weight = weight[order]
            weights = np.concatenate(([0.0], np.cumsum(sorted_weight, dtype=np.float64)))
            yield sign, times_s, weights, np.concatenate(([0.0], np.cumsum(sorted_weight * times_s, dtype=np.float64)))


def integral(start_s: Floats, end_s: Floats, weight: Floats | Integers, until_s: Floats) -> Floats:
    """Return the integral of weighted intervals up to some times: ``Σ weight × seconds``.

    Parameters
    ----------
    start_s, end_s, weight
        The intervals [s], each of shape (intervals,).
    until_s
        Times [s], shape (times,).

    Returns
    -------
    Shape (times,), in units of the weight times seconds.

    Examples
    --------
    >>> integral(np.array([0.0, 5.0]), np.array([10.0, 6.0]), np.array([2, 1]), np.array([0.0, 5.5, 20.0]))
    array([ 0. , 11.5, 21. ])
    """
    return Intervals(start_s, end_s).weighted(weight)(until_s)


ROUNDING = 2.0**-48
"""What a difference of sums may be off by, over these: 16 times the spacing of numbers."""


def unrounded(difference: Floats, sums: Floats) -> Floats:
    """Return differences of large sums, with 0 for those that are below 0 or no more than a rounding.

    Parameters
    ----------
    difference
        The differences.
    sums
        How large the sums are, or more.

    Examples
    --------
    >>> unrounded(np.array([-1e-6, 1e-6, 1.0]), np.array([1e10, 1e10, 1e10]))
    array([0., 0., 1.])
    """
    return np.where(difference <= ROUNDING * sums, 0.0, difference)


def union(start_s: Floats, end_s: Floats) -> tuple[Floats, Floats]:
    """Return the times that are in some interval, as starts and ends of intervals that do not meet [s].

    Examples
    --------
    >>> union(np.array([0.0, 1.0, 5.0, 5.0]), np.array([2.0, 3.0, 5.0, 6.0]))
    (array([0., 5.]), array([3., 6.]))
    """
    order = np.argsort(start_s, kind="stable")
    order = order[start_s[order] < end_s[order]]
    start_s, until_s = start_s[order], np.maximum.accumulate(end_s[order])
    opens = np.append(True, start_s[1:] > until_s[:-1])[: len(order)]
    return start_s[opens], until_s[np.append(opens[1:], True)[: len(order)]]


def integral_within(total: Callable[[Floats], Floats], within: tuple[Floats, Floats], until_s: Floats) -> Floats:
    """Return the integral up to some times, counting only what falls within given intervals.

    Parameters
    ----------
    total
        Gives what has summed up by any times, intervals or not; never falls.
    within
        Starts and ends of intervals that do not meet, increasing [s].
    until_s
        Times [s], shape (times,).

    Examples
    --------
    >>> integral_within(lambda at: 2 * at, (np.array([1.0, 5.0]), np.array([3.0, 6.0])), np.array([2.0, 4.0, 9.0]))
    array([2., 4., 6.])
    """
    begin_s, end_s = within
    closed = np.append(0.0, np.cumsum(total(end_s) - total(begin_s)))
    begun = np.searchsorted(begin_s, until_s, side="right")
    inside = np.append(-np.inf, end_s)[begun] > until_s
    beyond = np.append(0.0, total(end_s))[begun] - total(until_s)
    summed: Floats = closed[begun] - np.where(inside, beyond, 0.0)
    return summed
