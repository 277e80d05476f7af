"""Sums over time within weighted intervals, against counting second by second."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim.metrics import intervals


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 4)), max_size=8),
    st.lists(st.integers(0, 20), min_size=1, max_size=5),
)
def test_integral_is_the_sum_over_seconds(weighted, times):
    start, length, weight = (
        (np.array(column) for column in zip(*weighted, strict=True)) if weighted else [np.empty(0)] * 3
    )
    start_s, end_s = start.astype(float), start + length.astype(float)
    together = intervals.Intervals(start_s, end_s)
    got = intervals.integral(start_s, end_s, weight, np.array(times, dtype=float))
    assert together.weighted(2 * weight)(np.array(times, dtype=float)).tolist() == (2 * got).tolist()
    total = together.weighted(weight)  # asked time by time, it gives the same
    assert [float(total(np.array([time], dtype=float))[0]) for time in times] == got.tolist()
    for time, value in zip(times, got, strict=True):
        assert value == sum(w for s, l, w in weighted for second in range(s, s + l) if second < time)  # noqa: E741


def test_integrals_by_hand():
    # 2 from 1 to 5, 3 from 2 to 4, and nothing that counts from 0 to 9: 2 until 2, 12 until 4, 14 in all.
    together = intervals.Intervals(np.array([2.0, 1.0, 0.0]), np.array([4.0, 5.0, 9.0]))
    total = together.weighted(np.array([3, 2, 0]))
    assert total(np.array([0.5, 1, 2, 3, 4, 4.5, 5, 9, 20])).tolist() == [0, 0, 2, 7, 12, 13, 14, 14, 14]
    assert total(np.array([9.0, 9.5])).tolist() == [14, 14]
    assert total(np.array([0.5, 1.5])).tolist() == [0, 1]
    assert together.weighted(np.zeros(3))(np.array([1.0, 20.0])).tolist() == [0, 0]
    assert intervals.integral(np.empty(0), np.empty(0), np.empty(0), np.array([1.0, 2.0, 3.0])).tolist() == [0, 0, 0]


def test_from_the_last_end_on_the_integral_is_exact():
    # Sums over what lies before would be off by a rounding: 0.8 × 0.7 - 0.15, less 0.8 × 0.7 - 0.28.
    start_s, end_s, weight = np.array([0.1, 0.2]), np.array([0.7, 0.3]), np.array([0.1, 0.7])
    exact = math.fsum(weight * (end_s - start_s))
    assert intervals.integral(start_s, end_s, weight, np.array([0.0, 0.7, 0.8])).tolist() == [0, exact, exact]
    assert intervals.integral(start_s, end_s, weight, np.array([0.7])).tolist() == [exact]


def test_a_difference_of_just_a_rounding_is_none():
    off = intervals.ROUNDING
    assert intervals.unrounded(np.array([4 * off, 5 * off, off]), np.full(3, 4.0)).tolist() == [0, 5 * off, 0]
    assert intervals.unrounded(np.array([off, 2 * off, -1.0]), np.ones(3)).tolist() == [0, 2 * off, 0]


@pytest.mark.parametrize(
    ("times_s", "expected"),
    [
        ([(0, 2), (2, 3)], [(0, 3)]),  # the next begins where this one ends
        ([(0, 2), (7, 7)], [(0, 2)]),  # of no length
        ([(0, 2), (1, 5), (4, 6), (8, 9)], [(0, 6), (8, 9)]),  # each overlaps the next, but not the first
        ([(4, 6), (0, 9), (1, 2)], [(0, 9)]),
        ([], []),
    ],
)
def test_a_union_of_intervals(times_s, expected):
    start_s, end_s = intervals.union(*np.array(times_s, dtype=float).reshape(-1, 2).T)
    assert list(zip(start_s, end_s, strict=True)) == expected


def test_what_is_summed_up_within_intervals():
    # 2 a second, from 1 to 3, from 5 to 6 and from 8 to 9: nothing before 1, 4 until 3, 6 until 6, 8 until 9.
    within = (np.array([1.0, 5.0, 8.0]), np.array([3.0, 6.0, 9.0]))
    until_s = np.array([0.5, 1, 2, 3, 4, 5, 5.5, 6, 7, 8.5, 9, 20])
    summed = intervals.integral_within(lambda at: 2 * at, within, until_s)
    assert summed.tolist() == [0, 0, 2, 4, 4, 4, 5, 6, 6, 7, 8, 8]
