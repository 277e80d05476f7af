"""The integer programme over years: its text, its answer by hand, and what nodes are worth."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import Cluster, OnPremisesCost
from pwsim.common.solver import solve
from pwsim.costs import worth_share
from pwsim.costs.annual import annuity_usd
from pwsim.search.horizon import Horizon
from pwsim.search.horizon.capital import Capital
from pwsim.search.horizon.programme import Programme
from pwsim.search.options import options
from tests.search.test_master import text_of
from tests.search.test_plan import own

GOLDEN = Path(__file__).parent / "golden" / "years.lp"
POOL = own([0, 1, 2], cost={"capex_usd": 1000, "lifetime_years": 2})


def programme_of(pool=POOL, rate=0.25, **asked):
    cluster = Cluster.model_validate({"pools": [pool]})
    return Programme(Capital(Horizon(**asked), cluster, rate), {0: options(cluster.pools[0])})


def test_the_programme_is_the_one_that_ships(tmp_path):
    # A node is there that leaves after the first year; one or two run in it, two in the second.
    programme = programme_of(years=2, owned={"own": [{"nodes": 1, "age_years": 1}]}, sell_early=True, residual="linear")
    costs = [{(1,): 100.0, (2,): 50.0}, {(2,): 75.0}]
    model = programme.model(costs)
    assert text_of(model.problem, tmp_path) == GOLDEN.read_text()
    assert solve(model.problem)
    found = programme.cheapest(costs)
    assert found is not None
    # By hand, at 25 % interest.  With one node in year 1: 100 / 1.25 to run it; two are bought in year 2, today's 800
    # each, worth 500 after a year, today's 320 each; 75 / 1.5625 to run them.
    assert (found.own, found.sold) == (((1,), (2,)), {})
    assert found.usd == pytest.approx(100 / 1.25 + 2 * (800 - 320) + 75 / 1.5625)
    assert {programme.capital.cohorts[number].first_year: nodes for number, nodes in found.bought.items()} == {
        0: 1, 1: 0, 2: 2,
    }  # fmt: skip


def test_the_fewest_are_bought_and_those_late():
    free = {**POOL, "cost": {"capex_usd": 0, "lifetime_years": 3}}
    programme = programme_of(free, years=3)
    costs = [{(1,): 1.0}, {(1,): 1.0}, {(2,): 1.0}]
    found = programme.cheapest(costs)
    assert found is not None
    fewest = programme.fewest(found, costs)
    assert list(fewest.bought.values()) == [1, 0, 1]
    assert fewest.usd == pytest.approx(found.usd)


def test_there_is_no_plan_where_nothing_can_run():
    assert programme_of(years=2).cheapest([{(1,): 1.0}, {}]) is None


COSTS = st.builds(
    OnPremisesCost,
    capex_usd=st.just(1000.0),
    lifetime_years=st.sampled_from([1.0, 2.0, 5.0, 10.0]),
    residual_share=st.sampled_from([0.0, 0.1, 1.0]),
)


@given(cost=COSTS, age=st.integers(0, 12), rate=st.sampled_from([0.0, 0.05, 1.0]))
def test_what_is_given_back_costs_its_annuity(cost, age, rate):
    age = min(age, int(cost.lifetime_years))
    yearly = annuity_usd(1.0, cost.residual_share, rate, cost.lifetime_years)
    paid = sum(yearly / (1 + rate) ** (year + 1) for year in range(age))
    assert 1 - worth_share(cost, age, rate, "annuity") / (1 + rate) ** age == pytest.approx(paid, abs=1e-12)
    assert worth_share(cost, age, 0.0, "annuity") == worth_share(cost, age, 0.0, "linear")
    if age == cost.lifetime_years:
        assert {worth_share(cost, age, rate, one) for one in ("annuity", "linear", "none")} == {cost.residual_share}
