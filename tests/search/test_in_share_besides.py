"""What is asked besides targets that must hold in a share of draws: each by brute force over the draws."""

# Questions are plain data here, as in a scenario file, and what a plan may lack is there.
# mypy: disable-error-code="arg-type, index, union-attr, attr-defined"

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Economics, InputError, Target
from pwsim.search import Frontier, ask, simulate_and_cut, verify
from pwsim.search.sensitivity import FACTORS, Question
from pwsim.workload import Population
from tests.search.test_decomposition import WITH_SPAN
from tests.search.test_in_share import (
    FREE,
    PAIR,
    RULES,
    asked,
    every_setup,
    held,
    in_order,
    replications_of,
)
from tests.search.test_plan import cluster_of, own, rented
from tests.search.test_sequential import by_the_book

WIDEST = {"metric": "wait_s", "statistic": "max"}
FEW = {"by": ["shake"], "n": 12, "margin": 0.6, "error": 0.4}
"""Draws that decide soon: 5 that hold after the one that screens, or one that does not."""
LIMITS = {"target": WIDEST, "at_most": [20, 60, 1000]}


@given(
    trace=WITH_SPAN,
    rule=RULES,
    limits=st.sets(st.sampled_from([0, 2, 8, 60]), min_size=2, max_size=3),
    also=st.sampled_from([None, 1, 8]),
    shared=st.booleans(),
    by_pool=st.booleans(),
)
@settings(max_examples=4, deadline=None)
def test_each_limit_is_decided_as_brute_force_does(trace, rule, limits, also, shared, by_pool):
    """Also where the varied target must hold in the log, and another in a share of the draws."""
    cluster = cluster_of(own([0, 1, 2]), rented([0, 2], 0.05), policy=["easy"])
    share, drawn = replications_of(rule, 12, ["shake"])
    varied = {"metric": "wait_s", "statistic": "p50", **({"in_share": share} if shared else {})}
    frontier = Frontier(target=varied, at_most=sorted(limits))
    late = [] if also is None else [Target(metric="wait_s", statistic="max", at_most=also * 10, in_share=share)]
    with pytest.MonkeyPatch.context() as patch:
        if not by_pool:
            patch.setattr(simulate_and_cut, "coupling", lambda *_: "a test asks for it")
        plan = ask(trace, cluster, [*late, FREE], frontier=frontier, replications=drawn, workers=1)
    population, lost = Population(trace, drawn.by, 1), False
    for point, asks in zip(plan.points, frontier.asked([*late, FREE]), strict=True):
        if lost or not any(one.in_share for one in asks):
            continue
        order = in_order(every_setup(trace, cluster, list(asks)))
        fates = [held(trace, cluster, list(asks), setup, population, drawn.n) for _, setup, _ in order]
        expected = by_the_book(fates, rule, drawn.n)
        accepted = bool(expected) and expected[-1][2] == "accepted"
        if accepted:
            assert (point.chosen.nodes, point.chosen.policy) == order[len(expected) - 1][1]
            assert (point.draws, point.draws_met) == expected[-1][:2]
        else:
            assert point.chosen is None
        lost = point.status == "infeasible"
        assert lost <= all(one[2] == "refused" for one in expected)
    if by_pool:  # verify is not told that pools meet
        assert verify(plan.judge, plan.summary, plan.tables(), frontier=frontier, asked=plan.targets).differences == ()


def test_a_frontier_varies_what_must_hold_in_a_share_and_draws_are_replayed_once():
    plan = asked(frontier=LIMITS, draws=False, workers=1)
    assert plan.judge.replays.done == 85 + 85 + len(plan.setups)  # no setup twice on a draw
    assert [point.required for point in plan.points] == [1000, 60, 20]
    assert [point.chosen.nodes for point in plan.points] == [{"own": 1}, {"own": 2}, {"own": 2}]
    assert [point.draws_met for point in plan.points] == [85, 85, 85]
    assert plan.frontier["draws"].tolist() == [85, 85, 85]
    told = plan.summary["frontier"]
    assert told["decisions"]["share"] == 0.9
    assert "each limit by itself at share 0.9, margin 0.05, error 0.05" in plan.summary["answer"]
    assert plan.setups["decision"].tolist() == ["refused", "accepted"]
    shown = verify(plan.judge, plan.summary, plan.tables(), frontier=Frontier(**LIMITS), asked=plan.targets)
    assert shown.differences == ()


def test_a_frontier_alone_may_ask_for_a_share():
    often = {"target": {**WIDEST, "in_share": 0.9}, "at_most": [60]}
    plan = asked(targets=[], frontier=often, draws=False)
    assert (plan.chosen.nodes, plan.points[0].chosen.nodes) == ({"own": 1}, {"own": 2})
    assert "decision" not in plan.setups
    assert verify(plan.judge, plan.summary, plan.tables(), frontier=Frontier(**often)).differences == ()
    with pytest.raises(
        InputError, match=r"frontier\.target.in_share: a share of draws is asked, but nothing says what"
    ):
        asked(targets=[], frontier=often, replications=None)


@pytest.mark.parametrize("change", ["draws", "draws_met"])
def test_whatever_is_changed_of_a_point_s_draws_is_noticed(change):
    plan = asked(frontier=LIMITS, draws=False)
    summary, tables = dict(plan.summary), plan.tables()
    points = [dict(one) for one in summary["frontier"]["points"]]
    points[1][change] -= 1
    summary["frontier"] = {**summary["frontier"], "points": points}
    tables["frontier"] = tables["frontier"].assign(**{change: [one[change] for one in points]})
    shown = verify(plan.judge, summary, tables, frontier=Frontier(**LIMITS), asked=plan.targets)
    assert any(f"frontier.points.1: {change} is told as" in one for one in shown.differences)


RENTED = {"name": "cloud", "kind": "cloud", "nodes": [0, 1, 2], "node": {"cores": 1}, "always_up": True}
CHEAP = {**RENTED, "price_usd_per_hour": 0.001}


def decided_by_hand(trace, cluster, targets, setup, n=12):
    """Return what draws decide of a setup that is looked at alone."""
    fates = held(trace, cluster, list(targets), setup, Population(trace, ["shake"], 1), n)
    [(_, _, decision)] = by_the_book([fates], ("0.9", "0.6", "0.4"), n)
    return decision


def test_prices_keep_what_draws_say_and_bill_anew():
    """Two nodes are needed on draws, one in the log: which are cheaper, own or rented, is a matter of the price."""
    own_ = own([0, 1, 2], cores=1)
    told, how = {"rent": [0.5, 20.0], "capex": [0.0]}, {"draws": False, "workers": 1, "replications": FEW}
    studied = asked(pools=[own_, CHEAP], sensitivity=told, **how)
    for one in studied.study.outcomes:
        factor = one.value if one.factor == "rent" else 1.0
        free = {**own_, "cost": {**own_["cost"], "capex_usd": 0.0}}
        pools = [own_ if one.factor == "rent" else free, {**CHEAP, "price_usd_per_hour": 0.001 * factor}]
        fresh = asked(pools=pools, **how)
        assert (one.chosen, one.status) == (fresh.chosen, fresh.status)
        assert one.cost_usd_per_year == pytest.approx(fresh.cost_usd_per_year, rel=1e-12)
        assert one.setup_meets_targets is True
    assert studied.study.turns is not None
    assert studied.study.regret is None


def test_a_price_alone_replays_nothing_on_draws():
    plain = asked(pools=[own([1, 2], cores=1)], draws=False, workers=1)
    studied = asked(
        pools=[own([1, 2], cores=1)], draws=False, workers=1, sensitivity={"electricity": [2.0], "lifetime": [2]}
    )
    loads = len(studied.study.headroom.points)
    assert loads > 1
    drawn = [one.decided.draws for one in studied.study.headroom.points if one.decided is not None]
    assert studied.judge.replays.done <= plain.judge.replays.done + loads + sum(drawn[1:])


def test_each_load_of_the_headroom_is_decided_on_its_draws():
    plan = asked(draws=False, workers=1, replications=FEW, sensitivity={"load": [1.5]})
    room = plan.study.headroom
    for point in room.points:
        question = FACTORS["load"].change(
            Question(PAIR, plan.judge.cluster, plan.targets[:1], Economics(), 1), point.load
        )
        by_hand = decided_by_hand(question.trace, plan.judge.cluster, question.targets, tuple(plan.chosen)[:2])
        assert point.decided.decision == by_hand
        assert point.met(0) == (by_hand == "accepted")
    [one] = plan.study.outcomes
    assert one.setup_meets_targets == (next(it for it in room.points if it.load == 1.5).decided.decision == "accepted")
    assert "the error is that of each by itself" in " ".join(plan.summary["sensitivity"]["findings"])
    assert plan.tables()["headroom"]["decision"].tolist() == [point.decided.decision for point in room.points]
