"""What would change an answer: each case against a question that was edited by hand, each search against brute force."""

# What a plan may lack is there, and questions are plain data here.
# mypy: disable-error-code="arg-type, union-attr, attr-defined"
from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Economics, InputError, Target, Trace, costs, optimize, simulate
from pwsim.metrics import NO_TRIM
from pwsim.search import Replays, ask
from pwsim.search.proportion import in_proportion
from pwsim.search.sensitivity import (
    FACTORS,
    Asker,
    Purse,
    Question,
    Sensitivity,
    check,
    headroom,
    least_regret,
    outcome,
    study,
    turns,
)
from pwsim.search.sensitivity.headroom import GRID, Headroom, Point
from pwsim.search.sensitivity.telling import told
from pwsim.search.sensitivity.words import findings
from pwsim.workload import with_estimates, with_job_sizes

HOUR_S = 3600


def pools(rent=1.0, electricity=0.2, capex=9000.0, lifetime=5.0, kind="elastic"):
    """Return pools of one's own and rented, as plain data, with these prices."""
    cost = {
        "capex_usd": capex, "lifetime_years": lifetime, "opex_usd_per_year": 100, "idle_power": 100, "busy_power": 300,
        "electricity_usd_per_kwh": electricity,
    }  # fmt: skip
    own = {"name": "own", "kind": "on_premises", "nodes": [0, 1, 2, 3], "node": {"cores": 2}, "cost": cost}
    cloud = {
        "name": "cloud",
        "kind": "cloud",
        "nodes": [0, 1, 2],
        "node": {"cores": 2},
        "price_usd_per_hour": 0.9 * rent,
    }
    kinds: dict[str, dict[str, Any]] = {"elastic": {"burst_after": HOUR_S}, "steady": {"always_up": True}}
    return [own, {**cloud, **kinds[kind]}]


def log(seed=1, jobs=40):
    """Return a log of small jobs over some days."""
    random = np.random.default_rng(seed)
    return Trace.from_columns(
        {
            "submit_s": np.sort(random.integers(0, 4 * 24, jobs)) * HOUR_S,
            "run_s": random.integers(1, 9, jobs) * HOUR_S,
            "procs": random.integers(1, 3, jobs),
            "estimate_s": random.integers(5, 15, jobs) * HOUR_S,
            "user": [f"u{one}" for one in random.integers(0, 3, jobs)],
        }
    )


TARGETS = (Target(metric="wait_s", statistic="p90", at_most="3 h"),)


def asked(trace, cluster, targets=TARGETS, economics=None, purse=None):
    """Return what asks again, and the answer."""
    question = Question(trace, cluster, tuple(targets), economics or Economics(), 1)
    replays = Replays()
    plan = ask(trace, cluster, targets, economics=question.economics, workers=1, engine="simpy", replays=replays)
    return Asker(question, None, NO_TRIM, "simpy", 1, purse or Purse(None, None), replays), plan


PRICES = {
    "rent": lambda factor: (pools(rent=factor), 0.05),
    "electricity": lambda factor: (pools(electricity=0.2 * factor), 0.05),
    "capex": lambda factor: (pools(capex=9000 * factor), 0.05),
    "lifetime": lambda factor: (pools(lifetime=5 * factor), 0.05),
    "discount_rate": lambda rate: (pools(), rate),
}
"""Pools and discount rate as one would write them by hand for another price."""


@pytest.mark.parametrize("factor", PRICES)
@pytest.mark.parametrize("value", [0.3, 0.75])
def test_a_price_is_what_an_edited_scenario_has(factor, value):
    trace, plain = log(), PRICES[factor](value)
    asker, plan = asked(trace, Cluster(pools=pools()))
    before = asker.replays.done
    found = outcome(asker, plan, factor, value)
    edited, money = Cluster(pools=plain[0]), Economics(discount_rate=plain[1])
    by_hand = simulate(trace, edited.at(plan.chosen.nodes, plan.chosen.policy), engine="simpy").bill(money)
    assert found.setup_cost_usd_per_year == pytest.approx(costs.total(by_hand.cost), rel=1e-12)
    fresh = optimize(
        trace=trace, pools=plain[0], targets=TARGETS, economics=money, workers=1, engine="simpy", cache_bytes=0
    )
    assert (found.chosen, found.status) == (fresh.chosen, fresh.status)
    assert found.cost_usd_per_year == pytest.approx(fresh.cost_usd_per_year, rel=1e-12)
    assert found.changes == (fresh.chosen != plan.chosen)
    again = asker.replays.done
    outcome(asker, plan, factor, value)
    assert asker.replays.done == again  # only setups that other prices make worth a look were replayed
    assert again - before <= len(fresh.setups)


def test_a_price_changes_each_type_of_node():
    plain = pools(kind="steady")
    small = {"name": "small", "node": plain[0].pop("node"), "cost": plain[0].pop("cost")}
    plain[0]["types"] = [small, {**small, "name": "large", "node": {"cores": 4}}]
    question = Question(log(), Cluster(pools=plain), TARGETS, Economics(), 1)
    changed = FACTORS["capex"].change(question, 0.5).cluster.pools[0]
    assert [one.cost.capex_usd for one in changed.as_types] == [4500, 4500]
    assert [one.cost.capex_usd for one in question.cluster.pools[0].as_types] == [9000, 9000]


def test_tariffs_commitments_and_savings_prices_change_alike():
    plain = pools(kind="steady")
    bands = [{"usd_per_kwh": 0.3, "hours": [8, 20]}, {"usd_per_kwh": 0.1}]
    plain[0]["cost"]["electricity_usd_per_kwh"] = bands
    commitments = [{"term": "1yr", "nodes": 1, "price_usd_per_hour": 0.6}]
    plain[1] |= {"commitments": commitments, "savings_1yr_usd_per_hour": 0.7}
    question = Question(log(), Cluster(pools=plain), TARGETS, Economics(), 1)
    own = FACTORS["electricity"].change(question, 2).cluster.pools[0]
    assert [band.usd_per_kwh for band in own.cost.electricity_usd_per_kwh] == [0.6, 0.2]
    cloud = FACTORS["rent"].change(question, 2).cluster.pools[1]
    prices = (cloud.price_usd_per_hour, cloud.savings_1yr_usd_per_hour, cloud.commitments[0].price_usd_per_hour)
    assert prices == (1.8, 1.4, 1.2)


@pytest.mark.parametrize("factor", ["load", "job_sizes", "estimates"])
def test_a_changed_workload_is_searched_as_if_it_were_the_scenario_s(factor):
    trace, cluster = log(), Cluster(pools=pools())
    asker, plan = asked(trace, cluster)
    found = outcome(asker, plan, factor, 0.5)
    question = FACTORS[factor].change(asker.question, 0.5)
    fresh = optimize(
        trace=question.trace, pools=pools(), targets=question.targets, workers=1, engine="simpy", cache_bytes=0
    )
    assert (found.chosen, found.cost_usd_per_year) == (fresh.chosen, fresh.cost_usd_per_year)
    stands = simulate(question.trace, cluster.at(plan.chosen.nodes, plan.chosen.policy), engine="simpy")
    assert found.setup_cost_usd_per_year == pytest.approx(costs.total(stands.cost(Economics())), rel=1e-12)
    assert found.achieved[0] == stands.metrics["wait_s_p90"]


def test_interruptions():
    plain = pools()
    plain[1]["interruptions_per_hour"] = 0.02
    question = Question(log(), Cluster(pools=plain), TARGETS, Economics(), 1)
    assert FACTORS["interruptions"].change(question, 3).cluster.pools[1].interruptions_per_hour == pytest.approx(0.06)
    plain[0] |= {"mtbf": "100 h", "placement": "nodes"}
    question = question._replace(cluster=Cluster(pools=plain))
    own = FACTORS["interruptions"].change(question, 2).cluster.pools[0]
    assert own.mtbf == 50 * HOUR_S
    assert FACTORS["interruptions"].change(question, 0).cluster.pools[0].mtbf is None


# -- the price of rent at which the answer turns


@pytest.mark.parametrize(("kind", "seed"), [("elastic", 1), ("steady", 2)])
def test_the_answer_turns_between_two_prices_and_nowhere_before(kind, seed):
    trace = log(seed)
    asker, plan = asked(trace, Cluster(pools=pools(kind=kind)))
    found = turns(asker, plan)

    def answer(factor):
        cluster = Cluster(pools=pools(rent=factor, kind=kind))
        how = {"workers": 1, "engine": "simpy", "replays": asker.replays}
        return ask(trace, cluster, TARGETS, economics=Economics(), **how).chosen

    assert (kind == "steady") or found.below.turns_at is not None
    for turn, farthest in ((found.below, 0.1), (found.above, 10.0)):
        if turn.turns_at is None:
            assert answer(farthest) == plan.chosen
            continue
        assert max(turn.stays_at / turn.turns_at, turn.turns_at / turn.stays_at) <= 1.01
        assert answer(turn.stays_at) == plan.chosen
        assert answer(turn.turns_at) == turn.chosen != plan.chosen
        for share in (0.3, 0.8):  # a straight line over the price: the prices at which it is best are one stretch
            assert answer(turn.stays_at**share) == plan.chosen


# -- headroom


def test_headroom_is_about_the_loads_that_were_replayed():
    trace = log()
    cluster = Cluster(pools=pools())
    asker, plan = asked(trace, cluster)
    found = headroom(asker, plan)
    met = {}
    for load in [point.load for point in found.points]:
        question = FACTORS["load"].change(asker.question, load)
        judge = asker.judge(question)
        result = simulate(question.trace, cluster.at(plan.chosen.nodes, plan.chosen.policy), engine="simpy")
        met[load] = judge.targets[0].met(judge.targets[0].achieved(result))
    assert found.points[0].load == 1.0
    bears, misses = found.bears(0), found.misses_at(0)
    assert bears is not None
    assert all(met[load] for load in met if load <= bears)
    assert not met[misses]
    assert misses == pytest.approx(bears + 0.01)
    assert set(GRID[: GRID.index(max(set(GRID) & set(met))) + 1]) <= set(met)  # none of the grid is left out
    # Its figure shows them; where nothing was asked there is none.
    shown = replace(plan, study=study(Sensitivity(), asker, plan)).plot("headroom").get_lines()[0]
    assert shown.get_xdata().tolist() == [point.load for point in found.points]
    with pytest.raises(ValueError, match=r"^nothing was asked of this: "):
        plan.plot("headroom")


def points(*told):
    """Return what a setup did at loads that are 1.0 and on, by the limit 10 on its one target."""
    target = Target(metric="wait_s", statistic="max", at_most=10)
    some = [Point(1 + 0.05 * place, 1, (target,), (value,), 1.0) for place, value in enumerate(told)]
    return Headroom(tuple(some), None)


def test_a_load_that_is_served_better_than_a_smaller_one_proves_nothing_of_it():
    room = points(5, 11, 7, 12)
    assert (room.bears(), room.misses_at(), room.meets_again_at(0)) == (1.0, 1.05, 1.1)
    assert points(11, 5).bears() is None
    assert points(5, 6).misses_at() is None


# -- least wrong over loads


@pytest.mark.parametrize(("kind", "seed"), [("elastic", 1), ("steady", 2)])
def test_the_least_regret_is_what_brute_force_finds(kind, seed):
    trace, cluster = log(seed), Cluster(pools=pools(kind=kind))
    asker, plan = asked(trace, cluster)
    outcomes = [outcome(asker, plan, "load", value) for value in (0.7, 1.3)]
    found = least_regret(asker, plan, outcomes)
    usd = {}
    for load in (0.7, 1.0, 1.3):
        question = FACTORS["load"].change(asker.question, load)
        judge = asker.judge(question)
        for nodes in itertools.product(*(pool.nodes for pool in cluster.pools)):
            setup = dict(zip(("own", "cloud"), nodes, strict=True))
            result = simulate(question.trace, cluster.at(setup, cluster.policy[0]), engine="simpy")
            bill = result.bill(Economics())
            if all(target.met(target.achieved(result, bill)) for target in judge.targets):
                usd[load, nodes] = costs.total(bill.cost)
    loads = sorted({load for load, _ in usd})
    best = {load: min(cost for (one, _), cost in usd.items() if one == load) for load in loads}
    everywhere = [nodes for nodes in {nodes for _, nodes in usd} if all((load, nodes) in usd for load in loads)]
    regret = {nodes: max(usd[load, nodes] - best[load] for load in loads) for nodes in everywhere}
    assert found.proven
    assert list(found.loads) == loads
    assert found.regret_usd_per_year == pytest.approx(min(regret.values()), rel=1e-9, abs=1e-6)
    assert regret[tuple(found.setup.nodes.values())] == pytest.approx(min(regret.values()), rel=1e-9, abs=1e-6)


# -- break-even


def test_break_even_by_hand():
    # A node of 2 cores for 9,000 USD over 5 years without interest, 100 for operation, 100 W idle at 0.20 USD/kWh:
    # 1,800 + 100 + 0.1 x 8,766 x 0.2 = 2,075.32 a year. Busy it draws 200 W more: 0.04 USD an hour. As much is rented
    # for 0.90: equal at 2,075.32 / (8,766 x 0.86) of the time.
    asker, plan = asked(log(), Cluster(pools=pools()), economics=Economics(discount_rate=0))
    asker.purse.setups = 0  # it takes no replay
    (one,) = study(Sensitivity(), asker, plan).break_even
    assert (one.owned, one.rented, one.rented_nodes) == ("own", "cloud", 1)
    assert one.owned_usd_per_year == pytest.approx(2075.32)
    assert one.busy_usd_per_hour == pytest.approx(0.04)
    assert one.utilization == pytest.approx(2075.32 / (8766 * 0.86))


# -- what is asked, and what it may take


@pytest.mark.parametrize(
    ("asked_for", "words"),
    [
        ({"interruptions": [2]}, "no pool has nodes that are taken back or fail"),
        ({"rent": [2]}, "no pool is rented"),
    ],
)
def test_what_is_not_there_cannot_be_otherwise(asked_for, words):
    question = Question(log(), Cluster(pools=pools()[:1]), TARGETS, Economics(), 1)
    with pytest.raises(InputError, match=words):
        check(Sensitivity(**asked_for), question)


@pytest.mark.parametrize(
    "wrong", [{"load": [0]}, {"load": [1.2, 1.2]}, {"discount_rate": [2]}, {"capex": [-1]}, {"x": [1]}]
)
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        Sensitivity(**wrong)


def test_every_key_is_a_factor():
    assert list(Sensitivity.model_fields) == list(FACTORS)


def test_a_budget_that_is_spent_leaves_the_rest_undone_and_says_so():
    asker, plan = asked(log(), Cluster(pools=pools()), purse=Purse(6, None))
    found = study(Sensitivity(capex=[0.5], load=[1.2]), asker, plan)
    assert found.stopped == "max_setups"
    assert found.outcomes[1].stopped == "max_setups"
    assert found.outcomes[1].changes is None
    assert math.isnan(found.outcomes[1].cost_usd_per_year)
    plain = told(plan, found, lambda setup: setup and {"nodes": setup.nodes, "policy": "easy"})
    assert any("Not all of this was done" in text and "1.2 times the load" in text for text in findings(plain))


def test_an_interrupt_keeps_what_was_done(monkeypatch):
    asker, plan = asked(log(), Cluster(pools=pools()))
    first = outcome(asker, plan, "capex", 0.5)

    def interrupted(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("pwsim.search.sensitivity.asker.ask", interrupted)
    second = outcome(asker, plan, "capex", 0.6)
    assert first.status == "optimal"
    assert (second.status, second.stopped) == ("unknown", "interrupted")
    assert not math.isnan(second.setup_cost_usd_per_year)  # prices need no replay


# -- targets in proportion, and other jobs


@pytest.mark.parametrize(
    ("target", "limit"),
    [
        ({"metric": "throughput_jobs_per_hour", "at_least": 3.0}, 6.0),
        ({"metric": "jobs_rejected", "at_most": 3}, 6.0),
        ({"metric": "jobs_completed", "at_least": 2}, 4.0),
        ({"metric": "wait_s", "statistic": "p95", "at_most": 60}, 60.0),
        ({"metric": "cost_usd_per_year", "at_most": 100}, 100.0),
    ],
)
def test_amounts_are_in_proportion_and_nothing_else(target, limit):
    one = Trace.from_columns({"submit_s": [0, 100], "run_s": [5, 5], "procs": [1, 1]})
    two = Trace.from_columns({"submit_s": [0, 0, 100, 100], "run_s": [5] * 4, "procs": [1] * 4})
    assert in_proportion(Target(**target), one, two).required == limit


def test_of_a_job_there_is_no_part():
    one = Trace.from_columns({"submit_s": [0, 50, 100], "run_s": [5] * 3, "procs": [1] * 3})
    two = one.take(one.submit_s < 100)
    assert in_proportion(Target(metric="jobs_rejected", at_most=2), one, two).at_most == 2.0


sizes = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 4), st.sampled_from([0, 0.5, 1, 2, 3])), min_size=1, max_size=8
)


@given(sizes, st.floats(0.2, 4), st.floats(0.2, 4))
@settings(max_examples=50)
def test_a_larger_factor_makes_no_job_smaller(jobs, one, other):
    procs, nodes, gpus = zip(*jobs, strict=True)
    count = len(jobs)
    columns = {"submit_s": [0] * count, "run_s": [1] * count, "procs": procs, "nodes": nodes, "gpus": gpus}
    trace = Trace.from_columns(columns)
    small, large = (with_job_sizes(trace, factor) for factor in sorted((one, other)))
    for name in ("procs", "nodes", "gpus", "memory_mib"):
        assert (small.table[name] <= large.table[name]).all()
        assert (large.table[name] <= trace.table[name].max()).all()
    assert (small.procs >= 1).all()
    assert ((small.gpus > 0) == (trace.gpus > 0)).all()


def test_sizes_are_right_on_average():
    count = 4000
    trace = Trace.from_columns({"submit_s": [0] * count, "run_s": [1] * count, "procs": [1] * (count - 1) + [100]})
    assert with_job_sizes(trace, 1.3).procs[:-1].mean() == pytest.approx(1.3, abs=0.03)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20)), min_size=1, max_size=9), st.floats(0, 3))
@settings(max_examples=50)
def test_what_is_over_asked_is_multiplied_and_nothing_else(jobs, factor):
    run_s, estimate_s = zip(*jobs, strict=True)
    count = len(jobs)
    columns = {"submit_s": [0] * count, "run_s": run_s, "procs": [1] * count, "estimate_s": estimate_s}
    trace = Trace.from_columns(columns)
    changed = with_estimates(trace, factor)
    for run, before, after in zip(run_s, trace.estimate_s, changed.estimate_s, strict=True):
        assert after == pytest.approx(max(1, run + factor * (before - run)) if before > run else before)
