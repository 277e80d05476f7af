"""Savings plans that pools share: against counting, a linear programme over hours, and a search through all amounts."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pwsim import Cluster, InputError, Target, Trace, costs, load_prices, simulate
from pwsim.cluster.pools import CloudPool
from pwsim.common.solver import at_least_0, minimising, solve, weighted
from pwsim.costs import commitments, covering, savings
from pwsim.costs.commitments_programme import Committable, committed, problem_with
from pwsim.costs.covering import Joint
from pwsim.costs.savings_programme import problem_of, programme
from pwsim.prices import Economics, SavingsPlan
from pwsim.search import Holding, bounds, search
from tests.cli.test_hostile import folder, pwsim  # noqa: F401 - a fixture
from tests.costs.test_money import cloud, nonzero, own
from tests.strategies import traces

pytestmark = pytest.mark.usefixtures("blank_figures")

YEAR_H = 8766
GOLDEN = Path(__file__).parent / "golden"
WITH_SPAN = traces.filter(lambda trace: trace.span_s > 0)


def plan(usd_per_hour="best", name="all", term="1yr", **more):
    return {"name": name, "term": term, "usd_per_hour": usd_per_hour, **more}


def with_plans(*plans):
    return {"discount_rate": 0.0, "savings_plans": list(plans)}


def two_pools(nodes=((3,), (3,)), kinds=("elastic", "elastic"), prices=((1.8, 0.9), (3.6, 2.4))):
    """Return a wide and a narrow pool with savings prices of both terms, jobs of up to one processor in the second."""
    more: dict[str, dict[str, Any]] = {"elastic": {}, "least": {"min_nodes": 1}, "up": {"always_up": True}}
    return [
        cloud(
            list(count), **{"name": name, **more[kind], "accepts": accepts, "price_usd_per_hour": rent},
            savings_1yr_usd_per_hour=price[0], savings_3yr_usd_per_hour=price[1],
        )
        for count, name, kind, price, rent, accepts in zip(
            nodes, ("wide", "narrow"), kinds, prices, (3.6, 4.8), ({"procs": {"at_least": 2}}, {}), strict=True
        )
    ]  # fmt: skip


# -- one plan and several, on states


@st.composite
def joints(draw, pools=3):
    """Draw joint uses of up to three pools in few states, with small prices full of ties."""
    count = draw(st.integers(1, pools))
    states = draw(st.lists(st.tuples(*[st.integers(0, 3)] * count), min_size=1, max_size=4, unique=True))
    hours = draw(st.lists(st.integers(1, 4), min_size=len(states), max_size=len(states)))
    rent = np.array(draw(st.lists(st.integers(1, 4), min_size=count, max_size=count)), dtype=float)
    price = np.array(draw(st.lists(st.integers(1, 3), min_size=count, max_size=count)), dtype=float)
    share = np.array(hours) / sum(hours)
    return Joint(np.array(states), share, np.zeros(2), np.zeros(1, dtype=int)), rent, price, hours


def counted_usd(use, rent, price, usd_per_hour):
    """Return what one plan and the rest of the rent cost by the hour, dollar by dollar [USD/h]."""
    paid = usd_per_hour
    for nodes, share in zip(use.nodes.tolist(), use.share, strict=True):
        money, left = float(usd_per_hour), 0.0
        for ratio in sorted(set(price / rent)):
            for pool in np.flatnonzero(price / rent == ratio):
                some = min(float(nodes[pool]), money / price[pool])
                money -= some * price[pool]
                left += (nodes[pool] - some) * rent[pool]
        paid += share * left
    return paid


def usd_of(use, rent, money, covered):
    """Return what amounts and what they cover cost by the hour, with the rest of the rent [USD/h]."""
    return float(np.sum(money) + use.share @ ((use.nodes - covered.sum(axis=1)) @ rent))


def hourly_usd(use, hours, rent, price, amounts):
    """Return the least cost by a linear programme that has every hour by itself, as a check of states [USD/h]."""
    problem = minimising("hours")
    promised = [at_least_0(problem, f"m{plan}") for plan in range(len(amounts))]
    terms = [(money, 1.0) for money in promised]
    each = [state for state, count in enumerate(hours) for _ in range(count)]
    rows, all_rent = [], 0.0
    for hour, state in enumerate(each):
        for pool, nodes in enumerate(use.nodes[state].tolist()):
            covers = [
                (one, at_least_0(problem, f"c{hour}_{one}_{pool}"))
                for one in range(len(amounts))
                if np.isfinite(price[one, pool])
            ]
            terms += [(cover, -rent[pool] / len(each)) for _, cover in covers]
            rows += [(weighted((cover, 1.0) for _, cover in covers), nodes)] if covers else []
            all_rent += nodes * rent[pool] / len(each)
            for one, cover in covers:
                rows.append(((hour, one), (cover, price[one, pool])))
    problem += weighted(terms)
    money_rows: dict[tuple[int, int], list[Any]] = {}
    for left, right in rows:
        if isinstance(left, tuple):
            money_rows.setdefault(left, []).append(right)
        else:
            problem += left <= right
    for (_, one), some in money_rows.items():
        problem += weighted([*some, (promised[one], -1.0)]) <= 0
    for one, amount in enumerate(amounts):
        if amount is not None:
            problem += weighted([(promised[one], 1.0)]) == amount
    assert solve(problem)
    return all_rent + sum(weight * variable.value() for variable, weight in terms)


@given(drawn=joints())
@settings(max_examples=60, deadline=None)
def test_one_plan_quantile_programme_and_counting_agree(drawn):
    use, rent, price, hours = drawn
    most = int((use.nodes @ price).max())
    by_count = [counted_usd(use, rent, price, usd) for usd in range(most + 2)]  # all steps are at whole dollars
    least = min(by_count)
    money, covered = covering.decided(use, rent, price[np.newaxis], [None])
    assert usd_of(use, rent, money, covered) == pytest.approx(least, abs=1e-9)
    assert money[0] == pytest.approx(next(usd for usd, cost in enumerate(by_count) if cost <= least + 1e-9))
    again, covers = programme(use, rent, price[np.newaxis], [None])
    assert usd_of(use, rent, again, covers) == pytest.approx(least, abs=1e-7)
    assert hourly_usd(use, hours, rent, price[np.newaxis], [None]) == pytest.approx(least, abs=1e-7)
    for usd in (0.5, 2.0, most + 1.0):
        given_, covered = covering.decided(use, rent, price[np.newaxis], [usd])
        assert given_.tolist() == [usd]
        assert usd_of(use, rent, given_, covered) == pytest.approx(counted_usd(use, rent, price, usd))
        assert (covered <= use.nodes[:, np.newaxis] + 1e-12).all()
        assert (covered[:, 0] @ price <= usd + 1e-9).all()


@given(drawn=joints(2), data=st.data())
@settings(max_examples=40, deadline=None)
def test_several_plans_cost_what_every_hour_by_itself_gives(drawn, data):
    use, rent, _, hours = drawn
    plans = data.draw(st.integers(2, 3))
    cells = st.sampled_from([0.5, 1.0, 2.0, 3.0, math.inf])
    prices = np.array([data.draw(st.lists(cells, min_size=len(rent), max_size=len(rent))) for _ in range(plans)])
    amounts = data.draw(st.lists(st.sampled_from([None, None, 0.5, 2.0]), min_size=plans, max_size=plans))
    expected = hourly_usd(use, hours, rent, prices, amounts)
    for way in (covering.decided, programme):
        money, covered = way(use, rent, prices, amounts)
        assert usd_of(use, rent, money, covered) == pytest.approx(expected, abs=1e-7)
        used = (covered * np.where(np.isinf(prices), 0.0, prices)).sum(axis=2)
        assert (used <= money + 1e-9).all()
        assert (covered >= 0).all()
        assert (covered.sum(axis=1) <= use.nodes + 1e-9).all()
        assert not covered[:, np.isinf(prices)].any()
        assert all(amount is None or usd == amount for usd, amount in zip(money, amounts, strict=True))


curves = st.lists(st.integers(0, 8), min_size=1, max_size=5).map(lambda parts: sorted(parts, reverse=True))


@given(curve=curves, price=st.sampled_from([0.4, 1.0, 1.8, 2.4, 3.6, 5.0]))
def test_one_plan_for_one_pool_is_a_commitment_of_so_many_nodes(curve, price):
    # At least k nodes are on the bill for curve[k - 1] eighths of the time.
    steps = [*curve, 0]
    nodes = np.array([[0], *([level] for level in range(1, len(steps)))])
    share = np.array([8 - steps[0], *(steps[level - 1] - steps[level] for level in range(1, len(steps)))]) / 8
    use = Joint(nodes, share, np.zeros(2), np.zeros(1, dtype=int))
    money = covering.quantile(use, np.array([3.6]), np.array([price]))
    terms = [{"term": "1yr", "nodes": "best", "price_usd_per_hour": price}]
    pool = CloudPool(**cloud(9, commitments=terms))
    assert money == pytest.approx(price * commitments.decided(pool, np.array(curve) / 8).committed_nodes)


def test_the_programme_is_the_one_that_ships(tmp_path):
    # Two hours in three, two nodes of a pool; in the third, one, and one of another.  A plan of a year for both, one of
    # three years for the second alone, and 0.5 USD/h that were promised before.
    use = Joint(np.array([[2, 0], [1, 1]]), np.array([0.75, 0.25]), np.zeros(2), np.zeros(1, dtype=int))
    price = np.array([[1.0, 2.0], [math.inf, 1.0], [1.0, 2.0]])
    problem, _ = problem_of(use, np.array([2.0, 4.0]), price, [None, None, 0.5])
    problem.writeLP(str(tmp_path / "problem.lp"))
    assert (tmp_path / "problem.lp").read_text() == (GOLDEN / "savings_plans.lp").read_text()
    # Of the first pool one node is always there, and a second in 3/4 of the time, which is more than half; of the other
    # one node for a quarter, which is not more than 1/4 of the time.  0.5 USD/h are there already.
    money, _ = programme(use, np.array([2.0, 4.0]), price, [None, None, 0.5])
    assert money.tolist() == pytest.approx([1.5, 0.0, 0.5])


def test_states_as_short_as_the_tolerance_of_a_solver_count():
    """A year of seconds, each in a state of its own: what each saves is far below 1e-7 USD an hour."""
    rng = np.random.default_rng(1)
    nodes = np.unique(rng.integers(0, 40, (400, 2)), axis=0)
    use = Joint(nodes, np.full(len(nodes), 1e-9), np.zeros(2), np.zeros(1, dtype=int))
    rent, price = np.array([0.2, 0.3]), np.array([[0.1, 0.2], [0.12, 0.15]])
    money, covered = programme(use, rent, price, [3.0, 2.0])
    # So much money covers all that it can: none is left where there are nodes enough.
    enough = (nodes @ rent) > 15
    assert (covered * price).sum(axis=2)[enough] == pytest.approx(np.tile(money, (int(enough.sum()), 1)))


# -- bills


def seconds_usd(result, pools, usd_per_hour):
    """Return the cost a year of one plan and what is left to rent, second by second of the window [USD]."""
    window = int(result.span_s)
    counts = []
    for index, pool in enumerate(pools):
        if pool.get("always_up"):
            counts.append(np.full(10_000, pool["nodes"]))
            continue
        launch_s, _, gone_s = result.stays(index)
        least = pool.get("min_nodes", 0)
        seconds = np.arange(10_000)[:, np.newaxis]
        if least:  # who is one of those that stand has no least time; a single node is enough to tell them here
            launch_s, gone_s = np.sort(launch_s), np.sort(gone_s)
        on_bill = ((seconds >= launch_s) & (seconds < np.maximum(gone_s, launch_s + (0 if least else 60)))).sum(axis=1)
        counts.append(np.maximum(on_bill, least))
    paid = 0.0
    for second in range(10_000):
        if second >= window and not any(count[second] for count in counts):
            continue
        money = usd_per_hour if second < window else 0.0
        for index in np.argsort([pool["savings_1yr_usd_per_hour"] / pool["price_usd_per_hour"] for pool in pools]):
            pool, nodes = pools[index], counts[index][second]
            stands = pool["nodes"] if pool.get("always_up") else pool.get("min_nodes", 0)
            due = nodes if second < window else nodes - stands  # what stands is paid for a year, and no longer
            some = min(due, money / pool["savings_1yr_usd_per_hour"])
            money -= some * pool["savings_1yr_usd_per_hour"]
            paid += (due - some) * pool["price_usd_per_hour"] / 3600
    return usd_per_hour * YEAR_H + paid * YEAR_H * 3600 / window


@given(
    trace=WITH_SPAN, kinds=st.sampled_from([("elastic", "elastic"), ("up", "elastic"), ("up", "up")]),
    usd=st.sampled_from([0.5, 1.8, 4.0, 9.0, 30.0]),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_the_bill_is_what_counting_seconds_gives(trace, kinds, usd):
    pools = two_pools(((3,), (2,)), kinds)
    for pool in pools:
        pool["nodes"] = pool["nodes"][0]
    result = simulate(trace, Cluster.model_validate({"pools": pools}))
    bill = result.bill(with_plans(plan(usd)))
    assert costs.total(bill.cost) == pytest.approx(seconds_usd(result, pools, usd), rel=1e-9)
    table, plans = result.pools(with_plans(plan(usd))), result.savings_plans(with_plans(plan(usd)))
    # What pools bear and what is not used is all that is promised, to the last cent.
    assert bill.cost["savings_usd_per_year"] == usd * YEAR_H
    borne = table["savings_usd_per_year"].sum() + plans["unused_usd_per_year"].sum()
    assert borne == pytest.approx(usd * YEAR_H, abs=1e-6)
    assert table["cost_usd_per_year"].sum() + plans["unused_usd_per_year"].sum() == pytest.approx(
        costs.total(bill.cost)
    )
    # It saves what the bill without it is more.
    without = costs.total(result.cost(with_plans()))
    assert plans["saved_usd_per_year"][0] == pytest.approx(without - costs.total(bill.cost), abs=1e-6)
    # Hours: what the plan spares in the window is less in the timeline, too.
    spared = result.hourly(with_plans())["cost_usd"].sum() - result.hourly(with_plans(plan(usd)))["cost_usd"].sum()
    share = result.span_s / 3600 / YEAR_H
    assert spared == pytest.approx(
        share * (plans["spared_usd_per_year"][0] - usd * YEAR_H + plans["unused_usd_per_year"][0])
    )


KINDS = [("elastic", "elastic"), ("up", "elastic"), ("least", "elastic"), ("least", "up"), ("up", "up")]


@given(trace=WITH_SPAN, kinds=st.sampled_from(KINDS), terms=st.sampled_from([("1yr",), ("1yr", "3yr")]))
@settings(max_examples=20, deadline=None)
def test_no_amount_is_cheaper_than_the_best(trace, kinds, terms):
    result = simulate(trace, Cluster.model_validate({"pools": two_pools(kinds=kinds)}))
    open_ = [plan(name=f"of-{term}", term=term) for term in terms]
    best = costs.total(result.cost(with_plans(*open_)))
    chosen = result.savings_plans(with_plans(*open_))["usd_per_hour"].tolist()
    for factors in itertools.product([0, 0.5, 1, 1.25], repeat=len(terms)):
        amounts = [factor * (usd or 1.0) for factor, usd in zip(factors, chosen, strict=True)]
        some = [{**one, "usd_per_hour": usd} for one, usd in zip(open_, amounts, strict=True) if usd > 0]
        assert best <= costs.total(result.cost(with_plans(*some))) * (1 + 1e-9)
    # Bounds hold for the best, and for every amount.
    for economics in (Economics(**with_plans(*open_)), Economics(**with_plans(plan(0.7)))):
        known = bounds.analyse(Holding(trace, result.cluster), [], economics)
        assert known.usd_of((0, 0)) <= costs.total(result.cost(economics)) * (1 + 1e-9)


def test_what_is_left_when_the_log_ends_pays_rent():
    # Window of an hour; a node from its start until half an hour after.  1 USD/h covers it within, at 3.60 USD/h.
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [5400, 60], "procs": [1, 1]})
    pool = cloud(2, savings_1yr_usd_per_hour=1.0)
    cost = simulate(trace, Cluster.model_validate({"pools": [pool]})).cost(with_plans(plan()))
    assert nonzero(cost) == pytest.approx(
        {"savings_usd_per_year": YEAR_H, "cloud_usd_per_year": (1800 + 60) * 0.001 * YEAR_H}
    )


def test_commitments_come_first_and_spot_is_left_alone():
    # Two nodes all the hour, of which one is committed at 2 USD/h: the plan covers the other.  Spot nodes pay rent.
    trace = Trace.from_columns({"submit_s": [0, 0, 0, 3600], "run_s": [3600, 3600, 3600, 0], "procs": [1, 1, 2, 1]})
    pools = [
        cloud(2, savings_1yr_usd_per_hour=1.0, accepts={"procs": {"at_most": 1}}, always_up=True,
              commitments=[{"term": "1yr", "nodes": 1, "price_usd_per_hour": 2.0}]),
        {**cloud(1, market="spot", savings_1yr_usd_per_hour=0.1), "name": "spot", "node": {"cores": 2}},
    ]  # fmt: skip
    cost = simulate(trace, Cluster.model_validate({"pools": pools})).cost(with_plans(plan()))
    assert nonzero(cost) == pytest.approx(
        {"commitment_usd_per_year": 2 * YEAR_H, "savings_usd_per_year": YEAR_H, "cloud_usd_per_year": 3.6 * YEAR_H}
    )


# -- commitments that are yet to be decided, beside plans


def committing(pools, numbers, prices):
    """Return pools with so many nodes committed of each, at a price; ``None`` for a pool without."""
    return [
        pool if price is None
        else {**pool, "commitments": [{"term": "1yr", "nodes": nodes, "price_usd_per_hour": price}] if nodes else []}
        for pool, nodes, price in zip(pools, numbers, prices, strict=True)
    ]  # fmt: skip


@given(
    trace=WITH_SPAN, kinds=st.sampled_from(KINDS), usd=st.sampled_from(["best", 0.9, 4.0]),
    prices=st.sampled_from([(1.0, 3.0), (2.0, 2.0), (None, 1.5), (3.0, None), (0.1, 0.2)]),
    both_terms=st.booleans(),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_no_numbers_of_commitments_are_cheaper_beside_plans(trace, kinds, usd, prices, both_terms):
    pools = two_pools(((3,), (2,)), kinds)
    for pool in pools:
        pool["nodes"] = pool["nodes"][0]
    plans = [plan(usd), plan(name="long", term="3yr")] if both_terms else [plan(usd)]

    result = simulate(trace, Cluster.model_validate({"pools": committing(pools, ("best", "best"), prices)}))

    def usd_of(numbers):
        cluster = Cluster.model_validate({"pools": committing(pools, numbers, prices)})
        return costs.total(replace(result, cluster=cluster).cost(with_plans(*plans)))

    # More nodes than a pool has may be on the bill, for each is paid for a minute.
    ranges = [range(7) if price is not None else [0] for price in prices]
    least = min(map(usd_of, itertools.product(*ranges)))
    assert costs.total(result.cost(with_plans(*plans))) == pytest.approx(least, rel=1e-7)
    assert usd_of([int(nodes) for nodes in result.pools(with_plans(*plans))["committed_nodes"]]) == pytest.approx(
        least, rel=1e-7
    )
    known = bounds.analyse(Holding(trace, result.cluster), [], Economics(**with_plans(*plans)))
    assert known.usd_of((0, 0)) <= least * (1 + 1e-9)


def test_what_stands_all_year_is_committed_before_what_spares_rent_after_the_window():
    # One node stands; a second is on the bill for a quarter of the window and, after it, for one and a half times its
    # length.  To commit a node for 3 USD/h spares 3.6 of rent, 2 of the plan; a second one 1/4 + 3/2 of as much.
    trace = Trace.from_columns({"submit_s": [0, 2700, 3600], "run_s": [9000, 6300, 0], "procs": [1, 1, 1]})
    pool = cloud(2, min_nodes=1, savings_1yr_usd_per_hour=2.0)
    for price, nodes in ((1.9, 2), (3.0, 2), (4.5, 0)):
        pools = committing([pool], ["best"], [price])
        result = simulate(trace, Cluster.model_validate({"pools": pools}))
        assert result.pools(with_plans(plan()))["committed_nodes"].tolist() == [nodes], price


def test_the_programme_of_commitments_is_the_one_that_ships(tmp_path):
    use = Joint(np.array([[2, 0], [1, 1]]), np.array([0.75, 0.25]), np.zeros(2), np.zeros(1, dtype=int))
    open_ = [Committable(0.8, 1, ((1, 0.5),)), None]
    problem, _ = problem_with(use, np.array([2.0, 4.0]), np.array([[1.0, 2.0]]), [None], open_)
    problem.writeLP(str(tmp_path / "problem.lp"))
    assert (tmp_path / "problem.lp").read_text() == (GOLDEN / "commitments_beside_plans.lp").read_text()
    # The first node is always on the bill, and 0.8 is less than the plan's 1.0; the second spares 3/4 of that, and half
    # of the rent of 2.0 after the window.
    assert committed(use, np.array([2.0, 4.0]), np.array([[1.0, 2.0]]), [None], open_) == [2, 0]


# -- searches


@given(
    trace=WITH_SPAN, kinds=st.sampled_from(KINDS), amounts=st.sampled_from([("best",), (0.9,), (20.0,), ("best", 1.0)]),
    limit=st.sampled_from([0.0, 20.0]), prices=st.sampled_from([(None, None), (1.0, 3.0), (None, 2.0)]),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_a_search_is_as_good_as_all_setups(trace, kinds, amounts, limit, prices):
    rented = committing(two_pools(((1, 3), (1, 2)), kinds), ("best", "best"), prices)
    pools = [*rented, own([0, 1], cores=2, opex_usd_per_year=20_000)]
    if "up" not in kinds:
        pools[2]["burst_after"] = 5.0
    cluster = Cluster.model_validate({"pools": pools})
    plans = [plan(usd, name=f"plan-{place}", term=("1yr", "3yr")[place]) for place, usd in enumerate(amounts)]
    economics = Economics(**with_plans(*plans))
    targets = [Target(metric="wait_s", statistic="p90", at_most=limit), Target(metric="rejected_work_share", at_most=1)]
    found = {}
    for nodes in itertools.product(*(pool["nodes"] for pool in pools)):
        setup = dict(zip(("wide", "narrow", "own"), nodes, strict=True))
        result = simulate(trace, cluster.at(setup, cluster.policy[0]))
        if all(target.met(target.achieved(result)) for target in targets):
            found[nodes] = costs.total(result.cost(economics))
    done = search(trace, cluster, targets, economics=economics, workers=1)
    steady = kinds == ("up", "up")
    by_pool = steady and set(amounts) == {"best"}
    assert done.method.method == ("by_pool" if by_pool else "by_setup")
    if steady and not by_pool:
        assert done.method.because == "a savings plan of a given amount covers nodes of several pools"
    if not found:
        assert done.status == "infeasible"
        return
    assert (done.status, done.gap) == ("optimal", 0)
    assert done.cost_usd_per_year == pytest.approx(min(found.values()), rel=1e-7)
    assert (done.setups["lower_bound_usd_per_year"] <= done.setups["cost_usd_per_year"] * (1 + 1e-9)).all()


# -- files, words and mistakes


SHARED = """\
name: shared
workload:
  trace: tiny.swf
cluster:
  pools:
    - name: small
      kind: cloud
      instance: azure/westeurope/Standard_F16s_v2
      nodes: [1, 2]
      always_up: true
      accepts: {procs: {at_most: 1}}
    - name: large
      kind: cloud
      nodes: [2, 3]
      node: {cores: 4}
      price_usd_per_hour: 2.0
      savings_1yr_usd_per_hour: 1.0
economics:
  savings_plans:
    - {name: compute, term: 1yr, usd_per_hour: best}
    - {name: signed, term: 1yr, usd_per_hour: 9.0, pools: [small]}
"""


def test_a_run_tells_what_is_promised_and_what_it_saves(folder, capsys):  # noqa: F811
    (folder / "shared.yaml").write_text(SHARED)
    code, out, err = pwsim(capsys, "run", "--no-draws", "shared.yaml", "--out", "results", "--workers", "1")
    assert code == 0, err
    assert "Promise $9.000 an hour for 1 year by savings plan signed: it costs" in out
    assert "The commitments last 1 year, the log 35 s" in out
    summary = json.loads((folder / "results" / "summary.json").read_text())
    signed = summary["savings_plans"][1]
    assert (signed["name"], signed["pools"], signed["savings_usd_per_year"]) == ("signed", ["small"], 9 * YEAR_H)
    assert summary["savings_plans"][0]["pools"] == ["small", "large"]
    row = load_prices().query("instance_type == 'Standard_F16s_v2' and region == 'westeurope'").iloc[0]
    assert signed["spared_usd_per_year"] == pytest.approx(row["on_demand_usd_per_hour"] * YEAR_H)
    used = row["savings_1yr_usd_per_hour"] * YEAR_H
    assert signed["unused_usd_per_year"] == pytest.approx(signed["savings_usd_per_year"] - used)
    told = [one for one in summary["assumptions"] if "savings plan" in one.lower()]
    assert told[0].startswith(
        "Under savings plan compute (1yr), a node of pool small costs $0.575 an hour; price of 2026"
    )
    assert "a node of pool large costs $1.000 an hour, as the scenario says." in told[1]
    assert "Savings plans are paid every hour of the year" in told[-1]
    page = (folder / "results" / "report.html").read_text()
    for words in ("<th>Savings plan</th>", "<td>signed</td><td>small</td>", "the setup as a whole", ">savings plans<"):
        assert words in page, words
    assert pwsim(capsys, "report", "results")[0] == 0
    # What was asked is kept with its prices, and gives the same answer again.
    (folder / "again.yaml").write_text((folder / "results" / "scenario.yaml").read_text())
    code, again, err = pwsim(capsys, "run", "--no-draws", "again.yaml", "--out", "again", "--workers", "1")
    assert (code, again.splitlines()[:-1]) == (0, out.splitlines()[:-1]), err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("pools: [small]", "pools: [smal]", ["shared.yaml:21", "there is no pool 'smal'", "did you mean 'small'"]),
        ("pools: [small]", "pools: [small, small]", ["savings_plans.1.pools.1", "'small' occurs twice"]),
        ("name: signed", "name: compute", ["names must differ; 'compute' occurs 2 times"]),
        ("always_up: true", "market: spot", ["pool 'small' is of the spot market, whose nodes no savings plan covers"]),
        ("pools: [small]", "pools: [large], term: 3yr", ["term"]),
        ("1yr, usd_per_hour: 9.0", "3yr, usd_per_hour: 9.0",
         ["pool 'small' has no savings price of this term", "'azure/westeurope/Standard_F16s_v2' has none in the price table",
          "give it savings_3yr_usd_per_hour"]),
        ("1yr, usd_per_hour: best", "3yr, usd_per_hour: best", ["'compute' covers no pool", "savings_3yr_usd_per_hour"]),
        ("usd_per_hour: best", "usd_per_hour: bst", ["must be an amount of USD an hour, or best (got 'bst')"]),
        ("usd_per_hour: 9.0", "usd_per_hour: 0", ["savings_plans.1.usd_per_hour", "must be greater than 0 (got 0)"]),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_line(folder, capsys, old, new, words):  # noqa: F811
    assert old in SHARED
    (folder / "shared.yaml").write_text(SHARED.replace(old, new))
    code, _, err = pwsim(capsys, "validate", "shared.yaml")
    assert code == 2
    assert "Traceback" not in err
    for word in words:
        assert word in err, err


def test_what_is_wrong_between_plans_and_pools_is_told_in_full():
    pools = [CloudPool(**{**cloud(1), "name": name}) for name in ("first", "second")]
    plans = [
        SavingsPlan(**plan(name="a", pools=("zzz", "second"))),
        SavingsPlan(**plan(name="b", term="3yr")),
    ]
    assert dict(savings.faults(pools, plans)) == {
        ("economics", "savings_plans", 0, "pools", 0): "there is no pool 'zzz'; pools: first, second",
        ("economics", "savings_plans", 0, "pools", 1): (
            "pool 'second' has no savings price of this term; give it savings_1yr_usd_per_hour"
        ),
        ("economics", "savings_plans", 1): (
            "'b' covers no pool; it needs a pool that is rented on demand, with a savings_3yr_usd_per_hour"
        ),
    }


def test_given_amounts_may_pay_for_what_stands_at_the_least_price():
    # Three nodes stand, one of them is committed; two at 3.6 USD/h, of which plans take 1.8 or 0.9.
    pool = CloudPool(
        **cloud(3, always_up=True, savings_1yr_usd_per_hour=1.8, savings_3yr_usd_per_hour=0.9),
        commitments=[{"term": "1yr", "nodes": 1, "price_usd_per_hour": 2.0}],
    )

    def payable(*plans):
        return savings.payable_usd_per_year(pool, 3, [SavingsPlan(**one) for one in plans])

    assert payable(plan(7.0)) == pytest.approx(2 * 1.8 * YEAR_H)
    assert payable(plan(7.0), plan("best", name="open", term="3yr")) == pytest.approx(2 * 0.9 * YEAR_H)
    # Nothing, where amounts are to be found or are for other pools.
    assert payable(plan("best")) == 0.0
    assert payable(plan("best"), plan(7.0, name="other", pools=("other",))) == 0.0
    assert payable() == 0.0


def test_own_pools_are_not_covered():
    cluster = Cluster.model_validate({"pools": [own(1), cloud(1, savings_1yr_usd_per_hour=1.0)]})
    trace = Trace.from_columns({"submit_s": [0, 9], "run_s": [1, 1], "procs": [1, 1]})
    economics = Economics(**with_plans(plan(pools=["own"])))
    message = r"^economics.savings_plans.0.pools.0: pool 'own' is not rented; a savings plan is for cloud pools$"
    with pytest.raises(InputError, match=message):
        search(trace, cluster, [], economics=economics, workers=1)
    with pytest.raises(InputError, match=message):
        simulate(trace, cluster).cost(economics)


def test_prices_of_savings_plans_come_with_the_instance():
    rented = {"name": "a", "kind": "cloud", "nodes": 1, "instance": "azure/westeurope/Standard_HB120rs_v3"}
    pool = CloudPool.model_validate(rented)
    assert (pool.savings_1yr_usd_per_hour, pool.savings_3yr_usd_per_hour) == (3.895632, None)
    assert (pool.savings_price_date, pool.savings_price_source[:5]) == ("2026-08-20", "andy-")
    mine = CloudPool.model_validate({**rented, "savings_3yr_usd_per_hour": 2.0})
    assert (mine.savings_1yr_usd_per_hour, mine.savings_3yr_usd_per_hour, mine.savings_price_date) == (None, 2.0, "")
    assert CloudPool.model_validate({**rented, "market": "spot"}).savings_1yr_usd_per_hour is None
    table = load_prices().query("instance_type == 'Standard_HB120rs_v3' and region == 'westeurope'")
    own_table = table.assign(savings_3yr_usd_per_hour=1.5)
    assert CloudPool.model_validate(rented, context={"prices": own_table}).savings_3yr_usd_per_hour == 1.5
    with pytest.raises(ValidationError):
        CloudPool.model_validate({**rented, "savings_1yr_usd_per_hour": -1.0})
