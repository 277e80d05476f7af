"""Measures of a replay, by hand: edges that whole replays seldom meet."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import InputError
from pwsim.metrics import METRICS, exact_sum, measures
from pwsim.metrics.metric import value_text


@pytest.mark.parametrize(("warm_up_s", "cool_down_s"), [(60, 40), (100, 0), (0, 100), (40, 1000)])
def test_a_window_of_which_nothing_is_left_is_refused(warm_up_s, cool_down_s):
    expected = (
        f"a warm-up of {warm_up_s:,} s and a cool-down of {cool_down_s:,} s leave nothing of the 100 s in which jobs "
        "are submitted; shorten them"
    )
    with pytest.raises(InputError, match=re.escape(expected)):
        measures.checked_trim(warm_up_s, cool_down_s, 100)


@pytest.mark.parametrize(("warm_up_s", "cool_down_s", "span_s"), [(60, 39, 100), (99, 0, 100), (0, 99, 100), (0, 0, 0)])
def test_a_window_of_which_something_is_left_is_taken(warm_up_s, cool_down_s, span_s):
    assert measures.checked_trim(warm_up_s, cool_down_s, span_s) == (warm_up_s, cool_down_s)


def test_sizes_by_powers_of_two():
    classes = measures.size_class(np.array([1, 2, 3, 4, 5, 8, 9]))
    assert classes.tolist() == [0, 1, 2, 2, 3, 3, 4]
    assert classes.dtype == np.int64
    labels = [measures.size_label(exponent) for exponent in (0, 1, 2, 3, 11)]
    assert labels == ["1", "2", "3-4", "5-8", "1,025-2,048"]


def test_what_statistics_are_called():
    wait = METRICS["wait_s"]
    assert wait.columns() == {
        "wait_s_mean": ("s", "mean waiting time"),
        "wait_s_p50": ("s", "median waiting time"),
        "wait_s_p90": ("s", "90th percentile of the waiting time"),
        "wait_s_p95": ("s", "95th percentile of the waiting time"),
        "wait_s_p99": ("s", "99th percentile of the waiting time"),
        "wait_s_max": ("s", "largest waiting time"),
    }
    assert wait.named() == "waiting time"
    assert METRICS["jobs_killed"].columns() == {"jobs_killed": ("jobs", "jobs that were ended at their estimate")}


def test_values_carry_their_unit():
    assert value_text("wait_s", 7200.0) == "2 h"
    assert value_text("utilization", 0.25) == "25 %"
    assert value_text("bounded_slowdown", 1.23456) == "1.235"
    assert value_text("wait_s", None) == value_text("wait_s", math.nan) == "no job"


@given(st.lists(st.one_of(st.integers(-(2**54), 2**54).map(float), st.floats(), st.sampled_from([-0.0, 0.1, 2.0**53]))))
def test_sums_are_those_of_fsum(values):
    """To the last bit, sign of zero included; what has none (infinities of both signs, overflow) raises the same."""
    try:
        expected = repr(math.fsum(values))
    except (OverflowError, ValueError) as error:
        with np.errstate(all="ignore"), pytest.raises(type(error)):
            exact_sum(np.array(values))
        return
    with np.errstate(all="ignore"):
        assert repr(exact_sum(np.array(values, dtype=float))) == expected


@given(st.lists(st.integers(-50, 50)))
def test_sums_of_whole_numbers(values):
    assert exact_sum(np.array(values, dtype=float)) == sum(values)
    assert exact_sum(np.array(values, dtype=np.int64)) == sum(values)
