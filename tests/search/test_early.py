"""Replays that end early change no verdict, no answer and no byte, whoever replays and whatever is kept."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Target, Trace, optimize
from pwsim.common import InputError
from pwsim.common.kept import Kept
from pwsim.engine import DEAR, LOST, Ended, Ends, prepare, replay_until
from pwsim.metrics import NO_TRIM
from pwsim.prices import UNDISCOUNTED
from pwsim.search import early, finishing, following, probing, replays, search, verify
from pwsim.search.holding import Holding
from pwsim.search.judging import Judge
from pwsim.search.options import bounds_of
from pwsim.search.replays import Replays
from tests.search import test_renting
from tests.search.test_accounting import BURSTING
from tests.search.test_decomposition import TARGETS, WITH_SPAN
from tests.search.test_plan import allowing_rejections
from tests.search.test_renting import burst, own

NOTHING_EARLY = 10**9
WAITS = st.builds(
    lambda statistic, limit_s: Target(metric="wait_s", statistic=statistic, at_most=limit_s),
    st.sampled_from(["p50", "p90", "max"]),
    st.integers(0, 5).map(float),
)
DRAWN = {
    "trace": WITH_SPAN,
    "cluster": BURSTING,
    "targets": st.builds(lambda waits, others: [*waits, *others], st.lists(WAITS, min_size=1, max_size=2), TARGETS),
    "ahead": st.integers(1, 3),
}
RUSH = Trace.from_columns(
    {"submit_s": [*range(40), 4000], "run_s": [300] * 41, "procs": [1] * 41, "user": ["ann", "bob"] * 20 + ["ann"]}
)
"""A rush in which all wait on few nodes; what comes later costs nothing more."""
LENIENT = [Target(metric="jobs_rejected", at_most=41), Target(metric="rejected_work_share", at_most=1)]
"""With these, no arithmetic excludes a setup."""
GROWING = {
    "pools": [
        own([2, 4, 5], cost={"capex_usd": 8766, "lifetime_years": 1}),
        burst([0, 2, 4, 8], burst_after=60, idle_timeout=60),
    ]
}
"""Four own nodes with eight rented ones meet the target, five with four for less; with eight for more."""


def within(ahead, whole, share=100):
    """Let a search know costs so many candidates later."""
    return mock.patch.multiple(following, AHEAD=ahead, AHEAD_SHARE=share, WHOLE_JOBS=0, WHOLE_SETUPS=whole)


def asked(trace, cluster, targets, *, whole=0, ahead=2, **how):
    with within(ahead, whole):
        return search(trace, Cluster.model_validate(cluster), targets, whole=whole, **{"workers": 1, **how})


def check_same_answer(plan, other):
    """Make sure that a search with early ends comes to the answer of one without, and that its verdicts are true."""
    assert plan.status == other.status
    assert plan.chosen == other.chosen
    assert plan.lower_bound_usd_per_year == other.lower_bound_usd_per_year
    told = [name for name in map(str, other.setups) if name.startswith("nodes_") or name in ("policy", "step")]
    assert plan.setups[told].equals(other.setups[told])
    if plan.chosen is not None:
        assert plan.cost == other.cost
        assert plan.edges == other.edges
    for one, true in zip(plan.setups.to_dict("records"), other.setups.to_dict("records"), strict=True):
        if one["stopped"] == early.TOLD[LOST]:
            assert (one["meets_targets"], true["meets_targets"]) == (False, False)
        elif one["stopped"] == early.TOLD[DEAR]:
            assert pd.isna(one["meets_targets"])
            assert true["cost_usd_per_year"] > plan.cost_usd_per_year
        else:
            assert one["meets_targets"] == true["meets_targets"]
            assert one["cost_usd_per_year"] == pytest.approx(true["cost_usd_per_year"], rel=0, nan_ok=True)


def test_of_setups_that_cost_nothing_the_first_is_taken():
    """Nodes of which no job makes use cost nothing; the setup without any does not, either, and may not be ended."""
    trace = Trace.from_columns({"submit_s": [0, 1], "procs": [3, 1], "run_s": [0, 0]})
    pools = [burst([0, 1, 2], placement="nodes"), burst([0, 1, 2], name="more", placement="nodes")]
    with mock.patch.object(probing, "MANY_SETUPS", 1):
        plan = asked(trace, {"policy": "fcfs", "pools": pools}, LENIENT, whole=1, ahead=1)
    assert (plan.status, plan.chosen.nodes, plan.cost_usd_per_year) == ("optimal", {"burst": 0, "more": 0}, 0.0)


def check_question(trace, cluster, targets, ahead, workers=(1, 2, 3)):
    """Ask with and without early ends, by several workers, and after another question about the same setups."""
    targets = allowing_rejections(trace, cluster, targets)
    other = [Target(metric="wait_s", statistic="p90", at_most=2.0), *targets[-1:]]
    try:
        whole = asked(trace, cluster, targets, whole=NOTHING_EARLY)
    except InputError:  # nothing can be replayed to its end
        return
    plans = [asked(trace, cluster, targets, ahead=ahead, workers=many) for many in workers]
    for before in (0, NOTHING_EARLY):
        known = Replays()
        asked(trace, cluster, allowing_rejections(trace, cluster, other), whole=before, replays=known)
        plans.append(asked(trace, cluster, targets, ahead=ahead, replays=known))
    plans.append(asked(trace, cluster, targets, ahead=ahead, engine="simpy"))
    check_same_answer(plans[0], whole)
    for plan in plans[1:]:
        assert plan.setups.equals(plans[0].setups)
        assert plan.lower_bound_usd_per_year == plans[0].lower_bound_usd_per_year


@given(**DRAWN)
@settings(max_examples=15)
def test_no_verdict_and_no_byte_changes(trace, cluster, targets, ahead):
    check_question(trace, cluster, targets, ahead)


@pytest.mark.slow
@given(**DRAWN)
@settings(max_examples=400)
def test_no_verdict_and_no_byte_changes_of_many(trace, cluster, targets, ahead):
    check_question(trace, cluster, targets, ahead)


def test_both_ends_occur_and_are_verified():
    """Few nodes are lost, many are dear: the table says which, and the proof holds."""
    soon = [Target(metric="wait_s", statistic="p90", at_most=600), *LENIENT]
    plan = asked(RUSH, GROWING, soon, ahead=1)
    whole = asked(RUSH, GROWING, soon, whole=NOTHING_EARLY)
    check_same_answer(plan, whole)
    assert set(early.TOLD.values()) <= set(plan.setups["stopped"].dropna())
    assert plan.setups["meets_targets"].dtype == plan.setups["at_limit_own"].dtype == "boolean"
    known = Replays()
    asked(RUSH, GROWING, soon, whole=NOTHING_EARLY, replays=known)
    for how in ({"engine": "simpy"}, {"workers": 3}, {"replays": known}):
        assert asked(RUSH, GROWING, soon, ahead=1, **how).setups.equals(plan.setups)
    assert len(plan.setups) == len(whole.setups)
    assert verify(plan.judge, plan.summary, plan.tables()).verified
    (dear,) = plan.setups.index[plan.setups["stopped"] == early.TOLD[DEAR]]
    assert whole.setups["meets_targets"][dear]
    told = plan.setups.copy()
    told.loc[dear, ["stopped", "meets_targets"]] = early.TOLD[LOST], False
    seen = verify(plan.judge, plan.summary, {**plan.tables(), "setups": told})
    assert any("stopped is told as 'ended early: more jobs" in one for one in seen.differences)


def test_as_many_may_wait_as_the_nearest_rank_allows():
    """Of ten jobs one waits: 90 % do not.  Were it of nine, one would be too many."""
    log = Trace.from_columns({"submit_s": [0, *range(0, 900, 100)], "run_s": [50] * 10, "procs": [2] * 10})
    for statistic, status in (("p90", "optimal"), ("max", "infeasible")):
        target = Target(metric="wait_s", statistic=statistic, at_most=10)
        plan = asked(log, {"pools": [own([1])]}, [target, *LENIENT])
        assert plan.status == status


def test_where_nothing_meets_the_targets_the_dearest_are_replayed_to_their_end():
    never = [Target(metric="wait_s", statistic="p90", at_most=200), *LENIENT]
    cluster = {"pools": [own(list(range(1, 9)))]}
    with mock.patch.object(finishing, "MOST", 2):
        plan = asked(RUSH, cluster, never)
    whole = asked(RUSH, cluster, never, whole=NOTHING_EARLY)
    assert plan.status == whole.status == "infeasible"
    assert plan.closest == whole.closest
    assert plan.setups["stopped"].notna().tolist() == [True] * 6 + [False] * 2
    assert plan.setups["meets_targets"].tolist() == [False] * 8
    assert (
        plan.setups[6:]
        .drop(columns="stopped")
        .equals(whole.setups[6:].drop(columns="stopped").astype(plan.setups.dtypes.drop("stopped")))
    )
    told = plan.summary["relaxations"]
    assert told[0]["would_do"]["nodes"] == {"own": 8}
    assert [one["proven"] for one in told] == [False] * 3
    assert verify(plan.judge, plan.summary, plan.tables()).verified


def test_the_first_setups_are_replayed_to_their_end():
    soon = [Target(metric="wait_s", statistic="p90", at_most=600), *LENIENT]
    plan = optimize(trace=RUSH, pools=GROWING["pools"], targets=soon)
    assert plan.setups["stopped"].isna().all()
    assert plan.setups["meets_targets"].dtype == bool
    few = asked(RUSH, GROWING, soon, whole=3)
    assert few.setups["stopped"].isna()[:3].all()
    assert few.setups["stopped"].notna().any()


def test_what_is_kept_serves_what_it_decides(tmp_path):
    """The same question and a tighter limit replay nothing; a looser one needs what was not replayed."""
    cluster = {"pools": [own([1, 2, 3, 4])]}

    def kept(limit_s):
        known, targets = Replays(Kept(tmp_path)), [Target(metric="wait_s", statistic="p90", at_most=limit_s), *LENIENT]
        with mock.patch.object(finishing, "MOST", 1):
            plan, alone = asked(RUSH, cluster, targets, replays=known), asked(RUSH, cluster, targets)
        assert plan.setups.equals(alone.setups)
        return plan, known.done

    assert kept(900)[1] == 5  # none meets it, so the dearest is replayed to its end
    assert kept(900)[1] == 0
    assert kept(800)[1] == 0
    plan, done = kept(1200)
    assert plan.chosen.nodes == {"own": 4}
    assert 0 < done <= 3


# -- what an early end tells of others


def ends(limit_s=10.0, allowed=2, *, about=(True, True, False), most_usd=100.0, price=1.0, base=0):
    return Ends(
        np.array([limit_s]), np.array([allowed]), np.array([about]), np.array([price]), np.array([base]), most_usd
    )  # fmt: skip


def test_a_lost_replay_tells_of_tighter_limits_alone():
    """Three of the jobs had waited longer than 10 s when it ended, and rent had come to 50."""
    kept = early.columns_of(Ended("compiled", LOST, 77.0, np.array([3]), np.array([50.0])), ends())
    told = {
        LOST: [ends(), ends(5.0), ends(allowed=1), ends(most_usd=51.0), ends(price=1.9), ends(most_usd=math.inf)],
        None: [
            ends(11.0), ends(allowed=3), ends(about=(True, True, True)), ends(base=1), ends(most_usd=50.0),
            ends(price=2.1), ends(11.0, most_usd=10.0),
        ],
    }  # fmt: skip
    for how, asked_of in told.items():
        assert [early.decided(kept, one, (4,)) for one in asked_of] == [how] * len(asked_of)


def test_a_dear_replay_tells_of_lower_costs_and_dearer_nodes():
    """One job had waited longer than 10 s when it ended, and rent had come to 110."""
    kept = early.columns_of(Ended("compiled", DEAR, 77.0, np.array([1]), np.array([110.0])), ends())
    told = {
        DEAR: [ends(), ends(12.0), ends(allowed=1), ends(price=3.0), ends(most_usd=20.0)],
        LOST: [ends(allowed=0, most_usd=200.0)],
        None: [ends(5.0), ends(allowed=0), ends(most_usd=111.0), ends(price=0.9), ends(most_usd=109.9)],
    }
    for how, asked_of in told.items():
        assert [early.decided(kept, one, (4,)) for one in asked_of] == [how] * len(asked_of)


def test_what_is_kept_tells_of_each_target_by_itself():
    """Two targets on others of ten jobs, and two pools: three jobs waited too long by the first, none by the second."""

    def two(order=(0, 1), allowed=(2, 1), about=((0, 1, 2, 3), (4, 5, 6)), base=(0, 1), most_usd=100.0):
        jobs = np.array([np.isin(np.arange(10), one) for one in about])
        limit_s, may_wait = np.array([10.0, 20.0]), np.array(allowed)
        place = list(order)
        return Ends(limit_s[place], may_wait[place], jobs[place], np.array([1.0, 0.5]), np.array(base), most_usd)

    lost = early.columns_of(Ended("compiled", LOST, 77.0, np.array([3, 0]), np.array([10.0, 20.0])), two())
    dear = early.columns_of(Ended("compiled", DEAR, 77.0, np.array([1, 0]), np.array([110.0, 0.0])), two())
    for order in ((0, 1), (1, 0)):
        assert early.decided(lost, two(order), (4, 4)) == LOST
        assert early.decided(dear, two(order), (4, 4)) == DEAR
        # By the other target nobody waited too long; one job is allowed by neither.
        assert early.decided(lost, two(order, allowed=(3, 0)), (4, 4)) is None
        assert early.decided(dear, two(order, allowed=(0, 1)), (4, 4)) is None
    for job in range(10):
        assert early.decided(lost, two(about=((job,), (4, 5, 6))), (4, 4)) is None
        assert early.decided(dear, two(about=((job,), (4, 5, 6))), (4, 4)) is None
    for base in ((1, 1), (0, 0), (1, 0)):  # rent was another
        assert early.decided(lost, two(base=base), (4, 4)) is None
        assert early.decided(dear, two(base=base), (4, 4)) is None
    # Rent is known up to what nodes of both pools cost in three tenths of a second.
    known = 110 - 0.3 * (4 * 1.0 + 4 * 0.5)
    assert early.decided(dear, two(most_usd=known), (4, 4)) == DEAR
    assert early.decided(dear, two(most_usd=known + 0.01), (4, 4)) is None


def test_a_replay_that_was_dear_at_a_check_tells_of_what_is_known_at_checks():
    """At 20 s rent had come to 10, at 40 s to 30, and at least 50 and 30 were to come; it ended at 41 s with 31."""

    def checked(most_usd=55.0, rest_usd=(40.0, 30.0, 0.0), check_s=(20.0, 40.0, 60.0), **more):
        return ends(most_usd=most_usd, **more)._replace(check_s=np.array(check_s), rest_usd=np.array(rest_usd))

    def kept(why, late, at_s=41.0):
        seen = np.array([[10.0], [30.0]])
        return early.columns_of(Ended("compiled", why, at_s, np.array([late]), np.array([31.0]), seen), checked())

    def told(columns, *asked_of):
        return [early.decided(columns, one, (4,)) for one in asked_of]

    dear, lost = kept(DEAR, 1), kept(LOST, 3)
    assert told(dear, checked(), checked(50.0), checked(60.0), checked(29.0)) == [DEAR] * 4
    assert told(dear, checked(60.1), checked(rest_usd=(0, 0, 99)), checked(allowed=0), checked(5.0, limit_s=9)) == [
        None, None, None, None,
    ]  # fmt: skip
    assert told(lost, checked(60.1), checked(99.0)) == [LOST] * 2
    assert told(lost, checked(60.0), checked(50.0), checked(99.0, check_s=(10.0, 40.0, 60.0))) == [None] * 3
    # At 40.05 s it may be that a target was lost just then.
    assert told(kept(DEAR, 1, 40.05), checked(60.0), checked(50.0)) == [None, DEAR]


def test_what_is_to_come_ends_no_replay_of_a_setup_that_costs_no_more():
    """Eight nodes of work come last, which one own node cannot do: known at once to those that may cost less."""
    trace = Trace.from_columns({"submit_s": [0, *[3000] * 8, 3600], "run_s": [10, *[5000] * 8, 10], "procs": [2] * 10})
    cluster = Cluster.model_validate({"pools": [own([1, 2]), burst([8], burst_after=60)]})
    known = bounds_of(Holding(trace, cluster), LENIENT, UNDISCOUNTED)
    judge = Judge(trace, cluster, tuple(LENIENT), UNDISCOUNTED, "auto", 1, NO_TRIM)
    to_come = known.to_come((0, 0))
    assert to_come is not None
    assert to_come.rent_usd[0] == pytest.approx(7 * 4940 * 0.001)
    assert to_come.rent_usd[-1] == pytest.approx(7 * (3000 + 5000 - 63 / 64 * 3600) * 0.001)
    whole = judge.evaluate((0, 0), cluster.procedures[0])
    usd = whole.cost_usd_per_year
    for most, stopped in ((usd, None), (usd * 0.9, early.TOLD[DEAR])):
        assert judge.evaluate((0, 0), cluster.procedures[0], most, to_come).stopped == stopped
    inputs = prepare(trace, cluster.at(*whole.setup))
    sooner = early.ends_of(judge, cluster.at(*whole.setup), inputs, usd * 0.9, to_come)
    assert sooner is not None
    seen = replay_until(inputs, "compiled", sooner)
    assert isinstance(seen, Ended)
    assert seen.at_s == 60  # the first instant after the first check


@given(WITH_SPAN, test_renting.clusters())
@settings(max_examples=25, phases=[p for p in Phase if p != Phase.shrink])
def test_no_setup_is_dearer_than_itself(trace, cluster):
    targets = (Target(metric="jobs_rejected", at_most=99), Target(metric="rejected_work_share", at_most=1))
    known = bounds_of(Holding(trace, cluster), targets, UNDISCOUNTED)
    judge = Judge(trace, cluster, targets, UNDISCOUNTED, "auto", 1, NO_TRIM)
    for choice in itertools.product(*(range(len(pool.nodes)) for pool in cluster.pools)):
        whole = judge.evaluate(choice, cluster.procedures[0])
        usd = whole.cost_usd_per_year
        if whole.ran is not None and usd > 0:
            found = replace(judge, replays=Replays()).evaluate(
                choice, cluster.procedures[0], usd, known.to_come(choice)
            )
            assert found.stopped is None


def test_under_rules_of_the_site_and_where_users_wait_replays_go_on():
    soon = (Target(metric="wait_s", statistic="p90", at_most=0),)
    cluster = {"pools": [own([1, 2])], "limits": [{"at_most": {"cores": 1}, "per": "user"}]}
    with mock.patch.object(replays, "replay_until", side_effect=AssertionError):
        assert asked(RUSH, cluster, soon, engine="simpy").setups["stopped"].isna().all()
