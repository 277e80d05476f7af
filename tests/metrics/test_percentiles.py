"""Nearest-rank percentiles are exact: the value of rank ``ceil(p n / 100)``, which floats must not make one more."""

from __future__ import annotations

import numpy as np
import pytest

from pwsim.metrics.measures import nearest_rank


@pytest.mark.parametrize("percent", range(1, 101))
def test_the_rank_is_that_of_whole_numbers(percent):
    for count in (*range(1, 120), 1000, 10_007, 100_000):
        values = np.arange(1.0, count + 1)
        assert nearest_rank(values, float(percent)) == -(-percent * count // 100), count


def test_that_of_numpy_is_not_always():
    """Why there is code of our own: 0.07 of 100 values is 7.000000000000001 of them."""
    values = np.arange(1.0, 101.0)
    assert nearest_rank(values, 7.0) == 7
    assert np.percentile(values, 7, method="inverted_cdf") == 8


def test_that_of_numpy_is_where_logs_are_described():
    percents = [5, 25, 50, 75, 95, 99]
    for count in (*range(1, 3000), 10_007, 100_000, 1_000_000):
        found = np.percentile(np.arange(1.0, count + 1), percents, method="inverted_cdf")
        assert found.tolist() == [-(-percent * count // 100) for percent in percents], count
