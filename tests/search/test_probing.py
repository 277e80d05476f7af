"""Setups that are replayed before the list: by hand, and that they change no answer."""

from __future__ import annotations

import math
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Target, Trace
from pwsim.common import InputError
from pwsim.engine import LOST
from pwsim.search import early, probing, search, verify
from tests.search.test_accounting import BURSTING
from tests.search.test_decomposition import TARGETS, WITH_SPAN
from tests.search.test_early import GROWING, LENIENT, RUSH, WAITS, check_question, within
from tests.search.test_plan import allowing_rejections
from tests.search.test_renting import burst, own

SOON = [Target(metric="wait_s", statistic="p90", at_most=600), *LENIENT]


def probed(trace, cluster, targets, *, probes=probing.MOST_PROBES, whole=0, **how):
    with within(2, 0), mock.patch.multiple(probing, MANY_SETUPS=1, MOST_PROBES=probes):
        return search(trace, Cluster.model_validate(cluster), targets, whole=whole, **{"workers": 1, **how})


def nodes_of(plan):
    return [(one["nodes_own"], one["nodes_burst"]) for one in plan.setups.to_dict("records")]


def test_the_corners_come_first_and_then_what_is_around_the_best():
    """Own nodes and rented ones: 3 x 4 choices.  Of the corners the first two meet the target, the first for less."""
    plan = probed(RUSH, GROWING, SOON)
    assert nodes_of(plan)[:3] == [(5, 8), (2, 8), (5, 0)]
    best = plan.setups[:3].query("meets_targets").sort_values("cost_usd_per_year").iloc[0]
    assert (best["nodes_own"], best["nodes_burst"]) == (5, 8)
    # One step in own nodes, and two in rented ones; then one in rented ones.
    assert nodes_of(plan)[3:5] == [(4, 8), (5, 2)]
    assert (plan.setups["lower_bound_usd_per_year"][:5] == plan.setups["lower_bound_usd_per_year"].min()).all()
    plain = search(RUSH, Cluster.model_validate(GROWING), SOON, workers=1)
    assert (plan.chosen, plan.cost, plan.status) == (plain.chosen, plain.cost, "optimal")
    assert nodes_of(plain)[0] == (2, 0)
    assert len(set(nodes_of(plan))) == len(nodes_of(plan))
    assert verify(plan.judge, plan.summary, plan.tables()).verified


def test_few_setups_are_not_probed():
    assert probing.MANY_SETUPS >= 12
    with within(2, 0):
        plan = search(RUSH, Cluster.model_validate(GROWING), SOON, workers=1)
    assert nodes_of(plan)[0] == (2, 0)


def test_what_is_found_early_ends_the_first_of_the_list():
    """The cheapest setups, which cannot keep up, are not replayed to their end."""
    plan = probed(RUSH, GROWING, SOON, whole=3)
    assert plan.setups["stopped"][:3].isna().all()
    cheapest = plan.setups[plan.setups["nodes_burst"] + plan.setups["nodes_own"] == 2]
    assert (cheapest["stopped"] == early.TOLD[LOST]).all()


@pytest.mark.parametrize("most", [1, 2, 4])
def test_a_budget_of_setups_holds_for_probes(most):
    plan = probed(RUSH, GROWING, SOON, max_setups=most)
    assert (len(plan.setups), plan.stopped) == (most, "max_setups")
    assert probed(RUSH, GROWING, SOON, max_setups=most, workers=3).setups.equals(plan.setups)


def test_without_time_the_first_of_the_list_is_replayed():
    plan = probed(RUSH, GROWING, SOON, time_limit_s=0, whole=1)
    assert (nodes_of(plan), plan.stopped) == ([(2, 0)], "time_limit")


def test_what_arithmetic_excludes_is_no_probe():
    """Jobs of three nodes must be held: neither corner with fewer of one pool than that of the other holds them."""
    trace = Trace.from_columns({"submit_s": [0, 10, 3600], "run_s": [100] * 3, "procs": [6, 2, 2]})
    cluster = {"pools": [own([1, 2]), burst([0, 1, 3], burst_after=60)]}
    assert nodes_of(probed(trace, cluster, []))[:2] == [(2, 3), (1, 3)]
    assert (2, 0) not in nodes_of(probed(trace, cluster, []))


@given(
    trace=WITH_SPAN,
    cluster=BURSTING,
    targets=st.builds(lambda waits, others: [*waits, *others], st.lists(WAITS, min_size=1, max_size=2), TARGETS),
    probes=st.integers(1, 6),
)
@settings(max_examples=8)
def test_probes_change_no_answer(trace, cluster, targets, probes):
    targets = allowing_rejections(trace, cluster, targets)
    try:
        plain = search(trace, cluster, targets, workers=1)
    except InputError:  # nothing can be replayed to its end
        return
    plan = probed(trace, cluster, targets, probes=probes)
    assert (plan.status, plan.chosen) == (plain.status, plain.chosen)
    assert plan.lower_bound_usd_per_year == plain.lower_bound_usd_per_year
    assert math.isnan(plan.cost_usd_per_year) or plan.cost == plain.cost
    for how in ({"workers": 3}, {"engine": "simpy"}):
        assert probed(trace, cluster, targets, probes=probes, **how).setups.equals(plan.setups)
    assert verify(plan.judge, plan.summary, plan.tables()).verified


@given(trace=WITH_SPAN, cluster=BURSTING, targets=st.lists(WAITS, min_size=1, max_size=2))
@settings(max_examples=3)
def test_early_ends_change_no_verdict_where_setups_are_probed(trace, cluster, targets):
    with mock.patch.multiple(probing, MANY_SETUPS=1, MOST_PROBES=3):
        check_question(trace, cluster, targets, 1, workers=(1, 3))
