"""The choice of commitments: against every count, a linear programme, and a search through setups and counts."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pwsim import Cluster, InputError, Trace, costs, load_prices, simulate
from pwsim.cluster.pools import CloudPool
from pwsim.common.solver import proven_solver
from pwsim.costs import charges, commitments
from pwsim.prices import Economics
from pwsim.search import bounds
from pwsim.search.holding import Holding
from pwsim.search.simulate_and_cut import search
from pwsim.search.targets import Target
from tests.costs.test_money import cloud, committed, nonzero, own, replay
from tests.strategies import traces

RENT = 3.6
"""What :func:`cloud` rents a node for [USD/h]."""


def best(*prices, **more):
    terms = zip(("1yr", "3yr"), prices, strict=False)
    return [{"term": term, "nodes": "best", "price_usd_per_hour": usd, **more} for term, usd in terms]


def least_usd(pool, in_use):
    """Return the least cost by the hour of every count of every term, as counting gives it [USD/h]."""
    levels, open_ = len(in_use), [one.price_usd_per_hour for one in pool.commitments if one.nodes == "best"]
    given_ = pool.committed_nodes
    fixed = math.fsum(one.nodes * one.price_usd_per_hour for one in pool.commitments if one.nodes != "best")
    return fixed + min(
        sum(nodes * usd for nodes, usd in zip(counts, open_, strict=True))
        + pool.price_usd_per_hour * float(np.sum(in_use[given_ + sum(counts) :]))
        for counts in itertools.product(range(levels + 1), repeat=len(open_))
        if sum(counts) <= levels
    )


def programme_usd(pool, in_use):
    """Return the same by a linear programme on the duration curve, with a level of use for each step of it [USD/h]."""
    problem = pulp.LpProblem("commitments", pulp.LpMinimize)
    open_ = [one for one in pool.commitments if one.nodes == "best"]
    promised = [problem.add_variable(f"nodes_{index}", 0, cat=pulp.LpInteger) for index in range(len(open_))]
    lasts = in_use - np.append(in_use[1:], 0.0)
    rented = [problem.add_variable(f"rented_{level}", 0) for level in range(1, len(in_use) + 1)]
    paid = [promise * one.price_usd_per_hour for promise, one in zip(promised, open_, strict=True)]
    problem += pulp.lpSum(paid) + pulp.lpSum(
        node * (float(part) * pool.price_usd_per_hour) for node, part in zip(rented, lasts, strict=True)
    )
    for level, node in enumerate(rented, start=1):
        problem += node + pulp.lpSum(promised) >= level - pool.committed_nodes
    problem.solve(proven_solver())
    fixed = sum(one.nodes * one.price_usd_per_hour for one in pool.commitments if one.nodes != "best")
    return fixed + pulp.value(problem.objective)


def decided_usd(pool, in_use):
    decided = commitments.decided(pool, in_use)
    assert decided.is_decided
    promised = sum(float(one.nodes) * one.price_usd_per_hour for one in decided.commitments)
    return promised + pool.price_usd_per_hour * float(np.sum(in_use[decided.committed_nodes :]))


curves = st.lists(st.integers(0, 1000), max_size=6).map(lambda parts: np.array(sorted(parts, reverse=True)) / 800)
some_prices = st.lists(st.sampled_from([0.4, 1.0, 1.8, 2.4, 3.6, 5.0]), min_size=1, max_size=2)


@given(in_use=curves, prices=some_prices, fixed=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_quantile_programme_and_counting_agree(in_use, prices, fixed):
    pool = CloudPool(**cloud(9, commitments=[*(committed((fixed, 3.0)) if fixed else []), *best(*prices)]))
    least = least_usd(pool, in_use)
    assert decided_usd(pool, in_use) == pytest.approx(least, abs=1e-9)
    assert programme_usd(pool, in_use) == pytest.approx(least, abs=1e-6)
    # As the quantile has it: the nodes in use for more of the time than r / p, less those that are committed anyway.
    pays = int(np.count_nonzero(RENT * in_use > min(prices) * (1 + 1e-12)))
    assert commitments.decided(pool, in_use).committed_nodes == max(fixed, pays)


def test_a_curve_that_rises_after_the_standing_nodes():
    # One node stands all year; a second one is in use three times as long as the window, since jobs run on after it.
    # It pays to commit both at 6 USD/h, though the first alone does not pay: 12 < 3.6 + 3 × 3.6.
    pool = CloudPool(**cloud(2, min_nodes=1, commitments=best(6.0)))
    assert commitments.decided(pool, np.array([1.0, 3.0])).committed_nodes == 2
    assert commitments.decided(pool, np.array([1.0, 2.0])).committed_nodes == 0


def test_of_equal_counts_the_fewest_and_of_equal_terms_the_shortest():
    pool = CloudPool(**cloud(2, commitments=best(1.8, 1.8)))
    (chosen,) = commitments.decided(pool, np.array([1.0, 0.5])).commitments
    assert (chosen.term, chosen.nodes) == ("1yr", 1)


stays = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 150)), max_size=8)


@given(stays=stays)
def test_the_duration_curve_is_what_counting_seconds_gives(stays):
    start_s = np.array([start for start, _ in stays], dtype=float)
    end_s = start_s + np.array([length for _, length in stays], dtype=float)
    seconds = np.arange(400)[:, None]
    held = ((seconds >= start_s) & (seconds < end_s)).sum(axis=1)
    found = charges.duration_curve(start_s, end_s)
    assert found.tolist() == [float((held > level).sum()) for level in range(len(found))]
    assert held.max(initial=0) <= len(found)


# -- bills


POOLS: dict[str, dict[str, Any]] = {
    "elastic": {},
    "least": {"min_nodes": 1},
    "up": {"always_up": True},
}


@given(trace=traces.filter(lambda trace: trace.span_s > 0), kind=st.sampled_from(sorted(POOLS)), prices=some_prices)
@settings(max_examples=30, deadline=None)
def test_the_bill_is_the_least_of_all_counts(trace, kind, prices):
    def cost(given_):
        pool = cloud(4, commitments=given_, **POOLS[kind])
        return simulate(trace, Cluster.model_validate({"pools": [pool]}))

    result = cost(best(*prices))
    most = 1 + max(4, len(result.stays(0)[0]))  # within the least minute on the bill, more than four may overlap
    by_count = [costs.total(cost(committed((n, min(prices))) if n else []).cost()) for n in range(most)]
    assert costs.total(result.cost()) == pytest.approx(min(by_count))
    told = result.pools().iloc[0]
    nodes = int(told["committed_nodes"])
    assert nodes == told["committed_nodes_1yr"] + told["committed_nodes_3yr"]
    assert by_count[nodes] == pytest.approx(min(by_count))
    assert result.bill().committed_nodes == nodes
    assert math.isnan(told["commitment_share_used"]) == (nodes == 0)
    # The hours of the timeline come to the same as the year does, where nothing is scaled.
    fixed = told["commitment_usd_per_year"] * result.end_s / 3600 / 8766
    assert result.hourly()["cost_usd"].sum() >= fixed * (1 - 1e-9)
    # The bound before the replay holds.
    cluster = Cluster.model_validate({"pools": [cloud(4, commitments=best(*prices), **POOLS[kind])]})
    known = bounds.analyse(Holding(trace, cluster), [], Economics(discount_rate=0.0)).cost_usd_per_year
    assert known[0][0] <= min(by_count) * (1 + 1e-9)


def test_two_thirds_of_the_time_decide():
    # Three nodes from 0 to 700 s of a window of 1,000 s, a fourth from 0 to 600 s; a year costs 2.4 instead of 3.6
    # USD/h: the nodes that are in use for more than two thirds of the time are committed.
    jobs = [(0, 3, 700), (0, 1, 600), (1000, 1, 1)]
    result = replay([cloud(4, commitments=best(2.4))], jobs)
    assert result.pools()["committed_nodes"].tolist() == [3]
    assert nonzero(result.cost()) == pytest.approx(
        {"cloud_usd_per_year": 0.6 * 31_557.6, "commitment_usd_per_year": 3 * 2.4 * 8766}
    )
    # The rest of the minute of the last node is after the window.
    assert result.hourly()["cost_usd"].sum() == pytest.approx(0.6 + 3 * 2.4 * result.end_s / 3600)


@pytest.mark.parametrize(("usd", "nodes", "year"), [(3.0, 5, 3.0), (3.6, 0, 3.6), (4.0, 0, 3.6)])
def test_nodes_that_are_always_up_are_committed_if_that_is_cheaper(usd, nodes, year):
    result = replay([cloud(5, always_up=True, commitments=best(usd)), own(1)], [(0, 1, 5), (1000, 1, 5)])
    assert result.pools()["committed_nodes"].tolist() == [nodes, 0]
    assert costs.total(result.cost()) == pytest.approx(5 * year * 8766)


# -- searches


def every_setup_and_count(trace, pools, targets, usd):
    """Return the least cost of a setup that meets the targets with some count of commitments, by replaying all."""
    found = {}
    for nodes in itertools.product(*(pool["nodes"] for pool in pools)):
        most = 1
        for count in itertools.count():
            if count > most:
                break
            one = [{**pool, "nodes": number} for pool, number in zip(pools, nodes, strict=True)]
            one[0]["commitments"] = committed((count, usd)) if count else []
            result = simulate(trace, Cluster.model_validate({"pools": one}))
            most = max(4, len(result.stays(0)[0]))  # within the least minute on the bill, all may overlap
            if all(target.met(target.achieved(result)) for target in targets):
                found[nodes, count] = costs.total(result.cost())
    return found


@given(
    trace=traces.filter(lambda trace: trace.span_s > 0),
    kind=st.sampled_from(sorted(POOLS)),
    usd=st.sampled_from([0.3, 1.0, 2.9]),
)
@settings(max_examples=12, deadline=None)
def test_a_search_is_as_good_as_all_setups_with_all_counts(trace, kind, usd):
    pools = [cloud([1, 2, 4], **POOLS[kind]), own([0, 1, 3], opex_usd_per_year=9_000)]
    pools[1]["burst_after"] = 0 if kind != "up" else None
    targets = [
        Target(metric="wait_s", statistic="p95", at_most=20.0),
        Target(metric="rejected_work_share", at_most=1.0),
    ]
    found = every_setup_and_count(trace, pools, targets, usd)
    pools[0]["commitments"] = best(usd)
    plan = search(trace, Cluster.model_validate({"pools": pools}), targets, workers=1)
    if not found:
        assert plan.status == "infeasible"
        return
    assert plan.status == "optimal"
    assert plan.cost_usd_per_year == pytest.approx(min(found.values()))
    assert plan.gap == 0
    assert plan.chosen is not None
    count = int(plan.result.pools()["committed_nodes"].sum())
    assert found[tuple(plan.chosen.nodes.values()), count] == pytest.approx(min(found.values()))
    row = plan.setups[plan.setups["meets_targets"]].sort_values("cost_usd_per_year").iloc[0]
    assert row["cost_usd_per_year"] == pytest.approx(plan.cost_usd_per_year)
    assert plan.bill.committed_nodes == count
    assert (plan.setups["lower_bound_usd_per_year"] <= plan.setups["cost_usd_per_year"] * (1 + 1e-9)).all()


def test_the_answer_says_what_is_committed_and_for_how_long():
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [3600, 60], "procs": [2, 1]})
    cluster = Cluster.model_validate({"pools": [cloud([2, 3], commitments=best(3.0, 1.5))]})
    summary = search(trace, cluster, [], workers=1).summary
    assert "commitments for 2 nodes for 3 years" in summary["answer"]
    assert "The commitments last 3 years, the log 1 h: they pay if use goes on like this." in summary["answer"]
    assert any("Of pool cloud, so many nodes are committed as make" in one for one in summary["assumptions"])
    assert (
        "Committed for 3yr (reserved), a node of pool cloud costs $1.500 an hour, as the scenario says."
        in (summary["assumptions"])
    )
    # What was asked is kept with the prices that were taken, so that it can be asked again.
    assert cluster.model_dump()["pools"][0]["commitments"][0]["nodes"] == "best"


# -- prices


def test_best_stands_for_every_term_of_the_table():
    rented = {"name": "a", "kind": "cloud", "nodes": 1, "commitments": "best"}
    pool = CloudPool.model_validate({**rented, "instance": "gcp/us-central1/a2-highgpu-8g"})
    row = load_prices().query("instance_type == 'a2-highgpu-8g' and region == 'us-central1'").iloc[0]
    assert [(one.kind, one.term, one.nodes, one.price_usd_per_hour) for one in pool.commitments] == [
        ("reserved", "1yr", "best", row["reserved_1yr_usd_per_hour"]),
        ("reserved", "3yr", "best", row["reserved_3yr_usd_per_hour"]),
    ]
    savings = CloudPool.model_validate({**rented, "instance": "azure/westeurope/Standard_HB120rs_v3"}).commitments
    assert [(one.kind, one.term, one.price_usd_per_hour) for one in savings] == [("savings", "1yr", 3.895632)]
    assert savings[0].price_date == "2026-08-20"
    assert savings[0].price_source.startswith("andy-diericks/azure-pricing-radar@")


def test_a_table_of_ones_own_gives_the_terms():
    table = pd.DataFrame(load_prices().iloc[:1])
    table["savings_3yr_usd_per_hour"] = 0.5
    row = table.iloc[0]
    pool = {"name": "a", "kind": "cloud", "nodes": 1, "commitments": "best"}
    pool["instance"] = f"{row['provider']}/{row['region']}/{row['instance_type']}"
    found = CloudPool.model_validate(pool, context={"prices": table}).commitments
    assert [(one.market, one.price_usd_per_hour) for one in found][-1] == ("savings_3yr", 0.5)


def test_commitments_cost_less_than_rent_in_the_shipped_table():
    table = load_prices()
    for market in ("reserved_1yr", "reserved_3yr", "savings_1yr"):
        told = table[table[f"{market}_usd_per_hour"] > 0]
        assert (told[f"{market}_usd_per_hour"] < told["on_demand_usd_per_hour"]).all()
        assert (told["commitment_source"] != "").all()
        assert (told["commitment_date"] != "").all()
    assert not ((table["savings_1yr_usd_per_hour"] > 0) & (table["reserved_1yr_usd_per_hour"] > 0)).any()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"market": "spot"}, "nodes of the spot market cannot be committed"),
        ({"instance": "aws/us-east-1/c7a.xlarge"}, "'aws/us-east-1/c7a.xlarge' has no commitments in the price table"),
        ({"commitments": "bst"}, r"must be best, or a list such as \[\{term: 1yr, nodes: 4\}\] \(got 'bst'\)"),
        ({"commitments": [{"term": "1yr", "nodes": "bst"}]}, r"must be a number of nodes, or best \(got 'bst'\)"),
        ({"commitments": [{"term": "1yr", "nodes": 0}]}, r"commitments.0.nodes: must be at least 1 \(got 0\)"),
        ({"commitments": [{"term": "1yr", "kind": "savings", "nodes": 1}]}, "has no savings_1yr price in the table"),
        ({"commitments": [{"term": "1yr", "kind": "plan", "nodes": 1}]}, "must be reserved or savings"),
    ],
)  # fmt: skip
def test_what_cannot_be_committed_is_refused(changes, words):
    pool = {"name": "a", "kind": "cloud", "nodes": 1, "instance": "gcp/us-central1/a2-highgpu-8g"}
    with pytest.raises(InputError, match=words):
        CloudPool(**{**pool, "commitments": "best", **changes})


def test_best_needs_an_instance_or_prices():
    with pytest.raises(ValidationError, match="best needs an instance; give their prices"):
        CloudPool.model_validate(cloud(1, commitments="best"))
