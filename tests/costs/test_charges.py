"""Charges by hand: nodes on the bill as a duration curve, whatever came before and after the window, and full power."""

from __future__ import annotations

import numpy as np
import pytest

from pwsim.cluster.pools import CloudPool, OnPremisesPool
from pwsim.costs import charges
from tests.costs.test_money import cloud, own

NONE = np.zeros(0)


def used(launch_s, gone_s):
    return charges.Use(
        NONE, NONE, NONE, np.array(launch_s, dtype=float), np.array(gone_s, dtype=float), NONE, NONE, NONE
    )


def test_a_duration_curve_says_how_long_so_many_overlap():
    # One from 0 to 10, two more from 2 and 4, until 9 and 8; another at 20, after a time without any.
    curve = charges.duration_curve(np.array([0.0, 2.0, 4.0, 20.0]), np.array([10.0, 9.0, 8.0, 25.0]))
    assert curve.tolist() == [15, 7, 4]
    assert curve.dtype == np.float64
    # What ends as another begins does not overlap; what has no length is not there.
    assert charges.duration_curve(np.array([0.0, 5.0]), np.array([5.0, 9.0])).tolist() == [9, 0]
    assert charges.duration_curve(np.array([3.0]), np.array([3.0])).tolist() == [0]
    assert charges.duration_curve(NONE, NONE).tolist() == []


@pytest.mark.parametrize(
    ("more", "nodes", "use", "window_s", "expected"),
    [
        # Two nodes, of which one is gone after 30 s and is paid for 60; the window is of 200 s.
        ({}, 3, used([0, 110], [100, 130]), 200.0, [160 / 200]),
        ({}, 3, used([0, 50], [100, 80]), 200.0, [110 / 200, 50 / 200]),
        ({}, 3, used([0], [100]), 1.0, [100.0]),
        ({}, 3, used([0], [100]), 0.0, []),
        # One that always stands is there all year, the window or not.
        ({"min_nodes": 1}, 3, used([0, 20], [200, 120]), 200.0, [1, 100 / 200]),
        # When it is gone after 30 s, another takes its place at once; it is not paid for 60.
        ({"min_nodes": 1}, 3, used([0, 30], [30, 200]), 200.0, [1, 0]),
        ({"always_up": True}, 2, used([], []), 200.0, [1, 1]),
        ({"always_up": True}, 2, used([], []), 0.0, [1, 1]),
    ],
)
def test_for_which_part_of_a_year_so_many_nodes_are_on_the_bill(more, nodes, use, window_s, expected):
    pool = CloudPool(**cloud([nodes], **more))
    assert charges.in_use(pool, nodes, use, window_s).tolist() == pytest.approx(expected)


def test_from_when_on_how_many_nodes_are_on_the_bill():
    pool = CloudPool(**cloud([3]))
    times_s, counts = charges.on_the_bill(pool, 3, used([100, 110], [300, 120]))
    assert times_s.tolist() == [0, 100, 110, 170, 300]
    assert counts.tolist() == [0, 1, 2, 1, 0]
    stands = CloudPool(**cloud([3], min_nodes=1))
    times_s, counts = charges.on_the_bill(stands, 3, used([0, 110], [300, 120]))
    assert times_s.tolist() == [0, 110, 170, 300]
    assert counts.tolist() == [1, 2, 1, 1]
    # A node that stands has no least time, and another takes its place at once.
    times_s, counts = charges.on_the_bill(stands, 3, used([0, 5], [5, 300]))
    assert times_s.tolist() == [0, 5, 300]
    assert counts.tolist() == [1, 1, 1]


def test_what_is_on_the_bill_after_the_window():
    # Window of 200 s.  Until 250 s two nodes are on it, until 300 s one; one of them stands, or is committed.
    use = used([0, 150], [300, 250])
    assert charges.after_window(CloudPool(**cloud([3])), 3, use, 200.0) == ((1, 0.25), (2, 0.25))
    assert charges.after_window(CloudPool(**cloud([3], min_nodes=1)), 3, use, 200.0) == ((1, 0.25),)
    # A third one that is gone as the window ends is not on it; nor need a window be long.
    more = used([0, 150, 100], [300, 250, 200])
    assert charges.after_window(CloudPool(**cloud([3])), 3, more, 200.0) == ((1, 0.25), (2, 0.25))
    assert charges.after_window(CloudPool(**cloud([3])), 3, used([0, 0], [100.5, 100]), 0.5) == ((1, 1.0), (2, 199.0))
    given = [{"term": "1yr", "nodes": 1, "price_usd_per_hour": 1.0}]
    assert charges.after_window(CloudPool(**cloud([3], commitments=given)), 3, use, 200.0) == ((1, 0.25),)
    assert charges.after_window(CloudPool(**cloud([3])), 3, use, 0.0) == ()
    assert charges.after_window(CloudPool(**cloud([2], always_up=True)), 2, used([], []), 200.0) == ()


def test_the_power_of_a_node_all_of_which_is_busy():
    plain = {**own(idle_power=100, busy_power=500), "node": {"cores": 4, "gpus": 2}, "placement": "packed"}
    assert charges.whole_node_busy_w(OnPremisesPool(**plain)) == 400
    each = own(idle_power=100, busy_power_per_core=20, busy_power_per_gpu=150)
    each |= {"node": {"cores": 4, "gpus": 2}, "placement": "packed"}
    assert charges.whole_node_busy_w(OnPremisesPool.model_validate(each)) == 4 * 20 + 2 * 150
