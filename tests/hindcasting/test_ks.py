"""The Kolmogorov-Smirnov distance is that of SciPy, whose import would take longer than most hindcasts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pwsim.hindcasting.comparison import ks_distance

SAMPLES = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=40).map(np.array)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of its p-value, which is not asked for
@given(SAMPLES, SAMPLES)
def test_equal_to_the_bit(one, other):
    assert ks_distance(one, other) == stats.ks_2samp(one, other, method="asymp").statistic
