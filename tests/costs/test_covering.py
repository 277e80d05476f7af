"""What savings plans cover, by hand: states, the order of payment, amounts, and the bill of pools of every kind."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pwsim import SolverError
from pwsim.cluster.pools import CloudPool, OnPremisesPool
from pwsim.common.solver import at_least_0, minimising
from pwsim.costs import charges, commitments_programme, covering, savings_programme
from pwsim.costs.commitments_programme import Committable, committed, problem_with
from pwsim.costs.covering import Joint
from pwsim.costs.savings_programme import programme, scale_of
from pwsim.prices import SavingsPlan
from tests.costs.test_charges import used
from tests.costs.test_money import cloud, own
from tests.costs.test_money import committed as given_nodes


def in_states(nodes, share):
    return Joint(np.array(nodes), np.array(share), np.zeros(2), np.zeros(1, dtype=int))


def pool(name, nodes=4, **more):
    return CloudPool(**{**cloud(nodes, **more), "name": name})


def plan(usd_per_hour, name="all", term="1yr", pools=None):
    return SavingsPlan(name=name, term=term, usd_per_hour=usd_per_hour, pools=pools)


# -- states


def test_states_are_what_is_on_the_bill_together_beyond_commitments():
    # Window of 200 s.  Wide: 2 nodes until 60 s, 3 until 100, 2 until 120, none until 160, and 1 that stays on after
    # the window; one of them is committed.  Up: 2 nodes, of which one is committed; narrow: 1 from 100 to 260.
    pools = [
        pool("wide", commitments=given_nodes((1, 1.0))),
        pool("up", nodes=2, always_up=True, commitments=given_nodes((1, 1.0))),
        pool("narrow"),
    ]
    uses = [used([0, 0, 0, 30, 160], [60, 120, 40, 100, 300]), used([], []), used([100], [260])]
    wide_s, _ = charges.on_the_bill(pools[0], 4, uses[0])
    assert wide_s.tolist() == [0, 30, 60, 100, 120, 160, 300]
    # Wide: 3, 4, 2, 1, 0, 1 nodes, less the committed one: 2, 3, 1, 0, 0, 0.
    use = covering.joint(pools, [4, 2, 4], uses, 200.0)
    assert use.edges_s.tolist() == [0, 30, 60, 100, 120, 160, 200]
    assert use.nodes.tolist() == [[0, 1, 1], [1, 1, 0], [2, 1, 0], [3, 1, 0]]
    assert use.state.tolist() == [2, 3, 1, 0, 0, 0]
    assert use.share.tolist() == pytest.approx([100 / 200, 40 / 200, 30 / 200, 30 / 200])


def test_states_are_told_apart_by_every_pool():
    # From 0 to 60 s one node of the first pool and none of the second, then so of the second, then both twice.
    pools = [pool("first"), pool("second")]
    uses = [used([0, 120, 120, 180], [60, 240, 180, 240]), used([60, 180, 180], [180, 240, 240])]
    use = covering.joint(pools, [4, 4], uses, 240.0)
    assert use.nodes.tolist() == [[0, 1], [1, 0], [2, 1], [2, 2]]
    assert use.state.tolist() == [1, 0, 2, 3]
    assert use.share.tolist() == [0.25] * 4


def test_a_window_may_be_as_short_as_one_likes_and_without_one_there_is_what_stands():
    pools = [pool("least", min_nodes=2, commitments=given_nodes((1, 1.0))), pool("up", nodes=3, always_up=True)]
    uses = [used([0, 0, 0, 0.125], [90, 90, 90, 90]), used([], [])]
    use = covering.joint(pools, [4, 3], uses, 0.5)
    assert (use.nodes.tolist(), use.share.tolist()) == ([[2, 3], [3, 3]], [0.25, 0.75])
    assert (use.edges_s.tolist(), use.state.tolist()) == ([0.0, 0.125, 0.5], [0, 1])
    use = covering.joint(pools, [4, 3], uses, 0.0)
    assert (use.nodes.tolist(), use.share.tolist()) == ([[1, 3]], [1.0])
    assert (use.edges_s.tolist(), use.state.tolist()) == ([0.0, 0.0], [0])


# -- one plan


def test_a_plan_pays_first_where_a_dollar_saves_most():
    # A dollar pays for 1.5, 2, 2 and 2 USD of rent: the last two are cheaper than the second, and the earlier is first.
    rent, price = np.array([3.0, 8.0, 6.0, 6.0]), np.array([2.0, 4.0, 3.0, 3.0])
    assert covering.in_order(rent, price).tolist() == [2, 3, 1, 0]


def test_money_goes_as_far_as_it_does_and_into_parts_of_nodes():
    # 5 USD/h pay for nodes of 4 USD/h of the second pool, then for nodes of 2 USD/h of the first.
    use = in_states([[2, 1], [1, 2], [1, 0], [1, 1]], [0.25] * 4)
    covered = covering.greedy(use, np.array([3.0, 8.0]), np.array([2.0, 4.0]), 5.0)
    assert covered.tolist() == [[0.5, 1.0], [0.0, 1.25], [1.0, 0.0], [0.5, 1.0]]


@pytest.mark.parametrize(
    ("nodes", "share", "rent", "price", "usd"),
    [
        # Second pool first: it spares 2 USD of rent for a dollar, the first 1.5.  The second alone costs 4, 8 and 0
        # USD/h, both 8, 10 and 0.  A dollar more than 4 spares 1.5 × 0.5 in the first state and 2 × 0.3 in the second,
        # which is more than 1; one more than 8 only 1.5 × 0.3.
        ([[2, 1], [1, 2], [0, 0]], [0.5, 0.3, 0.2], [3.0, 8.0], [2.0, 4.0], 8.0),
        # Half as long each: a dollar spares 2 × 0.25 + 2 × 0.15, never more than 1.
        ([[2, 1], [1, 2], [0, 0]], [0.25, 0.15, 0.6], [3.0, 8.0], [2.0, 4.0], 0.0),
        # A dollar spares 2 × 0.6 until 4 USD/h, then 1.5 × 0.4 + 2 × 0.2.  That is 1: of equal amounts the least.
        ([[2, 1], [0, 2], [0, 0]], [0.4, 0.2, 0.4], [3.0, 8.0], [2.0, 4.0], 4.0),
        # What costs as much as rent spares nothing; half a cent less in a hundred dollars, and it does.
        ([[3]], [1.0], [2.0], [2.0], 0.0),
        ([[3]], [1.0], [2.0001], [2.0], 6.0),
        # One, two and three nodes, each for a third; a dollar spares 2.5 × 1, 2.5 × 2/3, and 2.5 × 1/3.
        ([[3], [1], [2]], [1 / 3, 1 / 3, 1 / 3], [5.0], [2.0], 4.0),
        # All of it: 4 × 1/3 are more than 1, too.
        ([[3], [1], [2]], [1 / 3, 1 / 3, 1 / 3], [8.0], [2.0], 6.0),
        # First pool 3 for a dollar, second 1.6, third 1.2: 2 USD/h pay for a node of the first, 5 for one of each of
        # two, 10 for all.  The last part is worth 1.2 all the time; with half of the time without it, 0.6.
        ([[1, 1, 1]], [1.0], [6.0, 4.8, 6.0], [2.0, 3.0, 5.0], 10.0),
        ([[1, 1, 1], [1, 1, 0]], [0.5, 0.5], [6.0, 4.8, 6.0], [2.0, 3.0, 5.0], 5.0),
        ([[1, 1, 1], [1, 0, 0]], [0.5, 0.5], [6.0, 4.8, 6.0], [2.0, 3.0, 5.0], 2.0),
        ([[1, 1, 1], [0, 0, 0]], [0.3, 0.7], [6.0, 4.8, 6.0], [2.0, 3.0, 5.0], 0.0),
    ],
)
def test_the_best_amount_of_one_plan_is_where_one_dollar_more_spares_no_more_than_itself(
    nodes, share, rent, price, usd
):
    assert covering.quantile(in_states(nodes, share), np.array(rent), np.array(price)) == usd


# -- several


def nearly(problem):
    """Give the variables of a model values that hold to the tolerance of a solver only."""
    for variable in problem.variables():
        variable.varValue = {"covered_0_0_0": 1 + 1e-6, "covered_0_1_0": -1e-9, "covered_1_0_0": 2 + 1e-6}.get(
            variable.name, 0.25
        )
    return True


def test_values_that_hold_to_a_tolerance_only_cover_no_more_than_money_and_nodes(monkeypatch):
    monkeypatch.setattr(savings_programme, "solve", nearly)
    use, rent = in_states([[2, 1], [2, 0]], [0.5, 0.5]), np.array([2.0, 2.0])
    # The first plan has 1.25 USD/h: what it covers in the first state, 1 + 1e-6 and 0.25 nodes, is cut down in
    # proportion; in the second state both nodes are more than it pays for.  The second plan covers the other pool only
    # at 0.5, and uses at most what it covers there.
    price = np.array([[1.0, 1.0], [2.0, 0.5]])
    money, covered = programme(use, rent, price, [1.25, None])
    cut = 1.25 / (1.25 + 1e-6)
    assert covered[0, 0].tolist() == pytest.approx([(1 + 1e-6) * cut, 0.25 * cut], rel=1e-12)
    assert covered[1, 0].tolist() == pytest.approx([1.25, 0.0], rel=1e-12)
    assert covered[0, 1].tolist() == [0.0, 0.25]
    assert covered[1, 1].tolist() == [0.25, 0.0]
    assert money.tolist() == [1.25, 0.5]


def test_a_programme_without_a_solution_is_told(monkeypatch):
    use, rent, price = in_states([[2]], [1.0]), np.array([2.0]), np.array([[1.0]])
    monkeypatch.setattr(savings_programme, "solve", lambda _: False)
    monkeypatch.setattr(commitments_programme, "solve", lambda _: False)
    with pytest.raises(SolverError) as caught:
        programme(use, rent, price, [None])
    assert str(caught.value) == "savings plans are said to have no solution: please report this scenario"
    with pytest.raises(SolverError) as caught:
        committed(use, rent, price, [None], [Committable(1.0, 0, ())])
    assert str(caught.value) == "commitments are said to have no solution: please report this scenario"


def test_whole_numbers_go_no_further_than_nodes_do():
    """Four pools at a rent of 4 USD/h and 3 of the plan: how many nodes of each are committed, at most and in fact."""
    use = in_states([[1, 0, 1, 2], [1, 2, 2, 2]], [0.75, 0.25])
    # None of the first.  Of the second two nodes for a quarter of the time: 0.8 < 4 × 1/4.  Of the third one that
    # stands: 2.9 < 3; the next spares 4 × (1/4 + 1/2 + 1/4), one more only 4 × 1/4.  Of the fourth two that stand, for
    # which the plan costs less.
    open_ = [None, Committable(0.8, 0, ()), Committable(2.9, 1, ((1, 0.5), (2, 0.25))), Committable(3.5, 2, ())]
    rent, price = np.full(4, 4.0), np.full((1, 4), 3.0)
    problem, numbers = problem_with(use, rent, price, [None], open_)
    assert [[one.upBound for one in of_pool] for of_pool in numbers] == [[], [0, 2], [1, 2], [2, 0]]
    ordered = [row.name for row in problem.constraints() if row.name.startswith(("first_before", "more_after"))]
    assert sorted(ordered) == ["first_before_more_2", "more_after_first_2"]  # only where it makes a difference
    assert committed(use, rent, price, [None], open_) == [0, 2, 2, 0]


# -- what is paid


def test_what_is_paid_of_pools_of_every_kind():
    # Window of 200 s.  Up: two nodes all year, of which one is committed; 1.8 instead of 3.6 USD/h.  Wide: two nodes in
    # the second half, one of them until 250 s; 3.0 instead of 4.8, or 2.4 by the plan of three years.
    # The first plan pays 1.8 for up, and of its 4.2 the rest for 0.8 nodes of wide; the second 0.6 for 0.25 of them.
    pools = [
        OnPremisesPool(**own(3)),
        pool("up", nodes=2, always_up=True, savings_1yr_usd_per_hour=1.8, commitments=given_nodes((1, 1.0))),
        pool("wide", price_usd_per_hour=4.8, savings_1yr_usd_per_hour=3.0, savings_3yr_usd_per_hour=2.4),
    ]
    uses = [used([], []), used([], []), used([100, 100], [200, 250])]
    plans = (plan(4.2), plan(0.6, name="long", term="3yr"))
    paid = covering.paid(pools, [3, 2, 4], uses.__getitem__, plans, 200.0)
    assert paid.pools == tuple(pools)
    assert paid.cover.plans == plans
    assert paid.cover.usd_per_hour.tolist() == [4.2, 0.6]
    assert paid.cover.used_usd_per_hour.tolist() == pytest.approx([1.8 + 2.4 / 2, 0.6 / 2])
    assert paid.cover.rent_usd_per_hour.tolist() == pytest.approx([3.6 + 0.8 * 4.8 / 2, 0.25 * 4.8 / 2])
    assert paid.cover.unused_usd_per_year.tolist() == pytest.approx([1.2 * 8766, 0.3 * 8766])
    assert list(paid.cover.pools) == ["up", "wide"]
    up, wide = paid.cover.pools.values()
    assert (up.rent_usd_per_hour, up.nodes, up.usd_per_hour) == pytest.approx((3.6, 1.0, 1.8))
    assert (wide.rent_usd_per_hour, wide.nodes, wide.usd_per_hour) == pytest.approx((4.8, 1.05 / 2, 3.0 / 2))
    assert wide.spared_usd_per_year == pytest.approx(1.05 / 2 * 4.8 * 8766)
    assert wide.used_usd_per_year == pytest.approx(1.5 * 8766)
    for one, spared in ((up, [1.8, 1.8]), (wide, [0.0, 1.05 * 4.8 - 3.0])):
        assert (one.from_s.tolist(), one.until_s.tolist()) == ([0, 100], [100, 200])
        assert one.spared_usd_per_hour.tolist() == pytest.approx(spared)
    assert up.spared_usd(np.array([0.0, 100.0, 250.0])).tolist() == pytest.approx([0.0, 0.05, 0.1])
    assert wide.spared_usd(np.array([100.0, 150.0])).tolist() == pytest.approx([0.0, 2.04 * 50 / 3600])


def test_commitments_of_pools_of_every_kind_beside_a_plan():
    # Window of 200 s; a node costs 3.6 USD/h of rent, and 3.5 of the plan.
    best = [{"term": "1yr", "nodes": "best", "price_usd_per_hour": 3.0}]
    pools = [
        OnPremisesPool(**own(3)),
        # Two stand, of which one is committed anyway: the other is, too.  A third one is there for half of the window,
        # and after it for one and a half: it spares 2 × 3.6.
        pool("least", min_nodes=2, savings_1yr_usd_per_hour=3.5, commitments=[*given_nodes((1, 1.0)), *best]),
        # One node for half of the window and as long as that after it: 2 × 1.8 are more than 3.
        pool("elastic", savings_1yr_usd_per_hour=3.5, commitments=best),
        pool("up", nodes=2, always_up=True, savings_1yr_usd_per_hour=3.5, commitments=best),
        # One node is committed, the other is for the plan.
        pool("given", nodes=2, always_up=True, savings_1yr_usd_per_hour=3.5, commitments=given_nodes((1, 1.0))),
        # The plan does not cover it.  One node for 0.9 of the window: 3.24 are more than 3; another for 0.8 is not.
        pool("outside", commitments=best),
    ]
    uses = [
        used([], []), used([0, 0, 100], [500, 300, 500]), used([100], [300]), used([], []), used([], []),
        used([0, 20], [180, 180]),
    ]  # fmt: skip
    asked = []

    def use_of(index):
        asked.append(index)
        return uses[index]

    paid = covering.paid(pools, [3, 4, 4, 2, 2, 4], use_of, (plan("best"),), 200.0)
    numbers = [one.committed_nodes if isinstance(one, CloudPool) else None for one in paid.pools]
    assert numbers == [None, 3, 1, 2, 1, 1]
    least = paid.pools[1]
    assert isinstance(least, CloudPool)
    assert [(one.nodes, one.price_usd_per_hour) for one in least.commitments] == [(1, 1.0), (2, 3.0)]
    assert paid.cover.usd_per_hour.tolist() == pytest.approx([3.5])
    assert set(asked) == {1, 2, 3, 4, 5}
    without = covering.paid(pools, [3, 4, 4, 2, 2, 4], uses.__getitem__, (), 200.0)
    outside = without.pools[5]
    assert isinstance(outside, CloudPool)
    assert outside.committed_nodes == 1
    assert (without.cover.pools, without.cover.usd_per_hour.tolist()) == ({}, [])
    # A plan whose pools have no price of its term pays for nothing.
    idle = covering.paid(pools[:1], [3], uses.__getitem__, (plan(2.0),), 200.0)
    assert (idle.cover.usd_per_hour.tolist(), idle.cover.pools) == ([0.0], {})


@pytest.mark.parametrize(
    ("prices", "given", "asked"),
    [
        # Of equal ones the first stays; the second pays less for the other pool.
        ([[1.0, math.inf], [2.0, 1.0], [1.0, math.inf]], [None, None, None], [0, 1]),
        # The second costs no more for any pool than the first.
        ([[2.0, 2.0], [2.0, 1.0], [1.0, math.inf]], [None, None, None], [1, 2]),
        # So does the second than the last, though the first does not.
        ([[math.inf, 1.0], [1.0, math.inf], [2.0, math.inf]], [None, None, None], [0, 1]),
        # What is promised is paid in any case, and takes no other's place: it may not be enough.
        ([[2.0, 2.0], [1.0, 1.0]], [None, 0.5], [0, 1]),
        ([[2.0, 2.0], [1.0, 1.0], [1.0, 1.0]], [None, 0.5, None], [1, 2]),
        # What pays for nothing is not asked; nor is a programme for one plan.
        ([[2.0, 2.0], [math.inf, math.inf], [1.0, math.inf]], [None, 0.5, None], [0, 2]),
        ([[1.0, 2.0], [1.0, 2.0]], [None, None], []),
        ([[1.0, 2.0], [math.inf, math.inf]], [None, 0.5], []),
    ],
)
def test_plans_that_others_beat_are_not_made(monkeypatch, prices, given, asked):
    found = []

    def noted(use, _rent, price, amounts):
        found.append((price.tolist(), amounts))
        return np.full(len(amounts), 7.0), np.full((len(use.nodes), *price.shape), 0.5)

    monkeypatch.setattr(savings_programme, "programme", noted)
    use, rent = in_states([[1, 1]], [1.0]), np.array([3.0, 3.0])
    money, covered = covering.decided(use, rent, np.array(prices), given)
    assert found == ([([prices[one] for one in asked], [given[one] for one in asked])] if asked else [])
    if asked:
        assert money.tolist() == [7.0 if one in asked else given[one] or 0.0 for one in range(len(given))]
        assert covered[0, :, 0].tolist() == [0.5 if one in asked else 0.0 for one in range(len(given))]
    else:  # a node of 1 USD/h and one of 2, all the time, each for less than its rent of 3
        assert money.tolist() == [3.0, given[1] or 0.0]
        assert covered[0].tolist() == [[1.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("share", "rent", "scale"),
    [
        ([], [], 1.0),
        ([0.75, 0.25], [4.0, 8.0], 1.0),  # a node spares 3 and 2 USD/h
        ([0.998, 0.002], [1.0, 1.0], 500.0),  # 0.998 and 0.002: as much as 1
        ([0.5, 1e-9], [2e4, 1e3], 1000.0),  # 10,000 and 0.000001: no more than makes 10,000,000 of the largest
        ([0.5, 0.5], [4e8, 0.1], 1.0),  # nothing is scaled down
    ],
)
def test_short_states_are_scaled_up_as_far_as_the_solver_goes(share, rent, scale):
    use = in_states(np.ones((len(share), 2), dtype=int), share)
    variable = at_least_0(minimising("any"), "any")
    covers = {(state, 0, state): variable for state in range(len(share))}
    assert scale_of(use, np.array(rent), covers) == pytest.approx(scale, rel=1e-12)
