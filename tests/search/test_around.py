"""Alternatives, neighbours, what binds and what would have to give: by hand, and against brute force."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Target, generate, simulate
from pwsim.costs import cash
from pwsim.engine import compiling_s
from pwsim.search import around, reasons, search
from pwsim.search.alternatives import alternatives, kind_of
from tests.search.test_accounting import BURSTING, question
from tests.search.test_decomposition import CLUSTERS, TARGETS, WITH_SPAN
from tests.search.test_plan import allowing_rejections
from tests.search.test_renting import cluster_of, own
from tests.search.test_trail import TRACE

ANY = st.one_of(BURSTING, CLUSTERS.map(Cluster.model_validate))


@given(trace=WITH_SPAN, cluster=ANY, targets=TARGETS)
@settings(max_examples=20)
def test_they_are_what_brute_force_finds(trace, cluster, targets):
    targets = allowing_rejections(trace, cluster, targets)
    _, _, usd = question(trace, cluster, targets)
    plan = search(trace, cluster, targets, workers=1)
    good = {place: cost for place, cost in usd.items() if not math.isnan(cost)}
    if plan.chosen is None:
        assert plan.alternatives.empty
        assert plan.neighbours.empty
        check_relaxations(plan, trace, cluster)
        return
    chosen = around.place_of(plan.judge, plan.chosen)
    near = around.rows_of(plan.judge, plan.neighbours)
    assert set(near) <= (next_to := {place for place in usd if is_next(place, chosen)})
    assert len(plan.neighbours) == len(next_to)
    for place, told in near.items():
        assert told["meets_targets"] == (place in good)
        assert told["difference_usd_per_year"] == told["cost_usd_per_year"] - plan.cost_usd_per_year
    check_alternatives(plan, cluster, good)


def is_next(place, chosen):
    """Return whether a setup has one step more or less of one pool, or only other rules."""
    steps = [abs(one - other) for one, other in zip(place[0], chosen[0], strict=True)]
    return (sum(steps) == 1 and place[1] == chosen[1]) or (sum(steps) == 0 and place[1] != chosen[1])


def check_alternatives(plan, cluster, good):
    """Make sure that the cheapest of each kind is, if it is said to be proven, and that none is left out."""
    told = around.records(plan.alternatives)
    kinds = {kind_of(cluster, place[0]) for place in good} - {"nothing"}
    policies = {str(cluster.procedures[place[1]].policy) for place in good}
    named = {one["kind"] for one in told}
    chosen = around.place_of(plan.judge, plan.chosen)
    assert named >= kinds - {kind_of(cluster, chosen[0])}
    assert named >= policies - {str(plan.chosen.policy)}
    for one in told:
        mine = [
            cost
            for place, cost in good.items()
            if one["kind"] in (kind_of(cluster, place[0]), str(cluster.procedures[place[1]].policy))
        ]
        if one["kind"] == "chosen":
            assert one["cost_usd_per_year"] == plan.cost_usd_per_year
        elif one["kind"] == "different":
            assert one["cost_usd_per_year"] <= plan.cost_usd_per_year * 1.05
        elif one["status"] == "optimal":
            assert one["cost_usd_per_year"] == pytest.approx(min(mine), rel=1e-9)
        elif one["status"] == "infeasible":
            assert not mine
        elif one["status"] == "best_found":
            assert one["cost_usd_per_year"] >= min(mine) * (1 - 1e-9)


def check_relaxations(plan, trace, cluster):
    """Make sure that what is said to do would do, and that nothing less would if that is proven."""
    for one in around.relaxations(plan):
        others = [target for index, target in enumerate(plan.targets) if index != one["target"]]
        target = plan.targets[one["target"]]
        reached = []
        for nodes in itertools.product(*(pool.nodes for pool in cluster.pools)):
            for policy in cluster.policy:
                counts = {pool.name: count for pool, count in zip(cluster.pools, nodes, strict=True)}
                result = simulate(trace, cluster.at(counts, policy))
                if all(other.met(other.achieved(result)) for other in others):
                    reached.append(target.achieved(result))
        told = [value for value in reached if not math.isnan(value)]
        best = (min if target.at_least is None else max)(told, default=None)
        if one["would_do"] is None:
            assert best is None or not one["proven"]
        else:
            assert one["would_do"]["achieved"] in told
            assert one["would_do"]["achieved"] == best or not one["proven"]


@pytest.fixture(scope="module")
def plan():
    """The plan of a small cluster of own and rented nodes, under two policies."""
    log = generate(jobs=200, cores=16, load=0.8, seed=1)
    soon = Target(metric="wait_s", statistic="p95", at_most=3600)
    rented = {"name": "rented", "kind": "cloud", "nodes": {"max": 30}, "node": {"cores": 2}, "always_up": True}
    cluster = cluster_of(
        own({"min": 0, "max": 16}), {**rented, "price_usd_per_hour": 0.04}, policy=["easy", "sjf-easy"]
    )
    found = search(log, cluster, [soon], workers=1)
    assert not found.neighbours.empty  # what lies around is looked at before tests change how
    assert not found.alternatives.empty
    return found


def test_the_words_of_an_answer(plan):
    told = plan.summary
    kinds = [reasons.kind_text(one) for one in told["alternatives"] if one["kind"] != "different"]
    assert kinds[0] == "chosen"
    assert "cheapest with rented nodes only" in kinds
    assert any(kind.startswith("cheapest under") for kind in kinds)
    near = {reasons.change_text(one): reasons.misses_text(one) for one in told["neighbours"]}
    most = plan.chosen.nodes["own"]
    assert near[f"fewer nodes of pool own: {most - 1}"].startswith("The 95th percentile of the waiting time is ")
    assert near[f"more nodes of pool own: {most + 1}"] == ""
    (said,) = reasons.binding_texts(told)
    assert said.startswith("95th percentile of the waiting time at most 1 h: this binds. ")
    assert reasons.relaxation_texts(told) == []


def test_an_interrupt_leaves_out_what_is_not_replayed(plan, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pwsim.search.judging.Judge.evaluate", interrupted)
    monkeypatch.setattr("pwsim.search.alternatives.search", interrupted)
    again = replace(plan)
    assert len(again.neighbours) < len(plan.neighbours)
    assert set(alternatives(again)["status"]) <= {"optimal", "not_searched", "best_found"}
    assert again.summary["answer"] == plan.summary["answer"]


def test_the_time_that_is_given_is_for_what_lies_around_too(plan, monkeypatch):
    """After it nothing is replayed, and it is said of what was not searched; a part that has begun has what is left."""

    def too_late(*_, **__):
        raise AssertionError("a replay after the time is over")

    limits = []

    def limited(*args, time_limit_s, **more):
        limits.append(time_limit_s)
        return search(*args, time_limit_s=time_limit_s, **more)

    hour = replace(plan, until_s=time.monotonic() + 3600 - compiling_s())
    monkeypatch.setattr("pwsim.search.alternatives.search", limited)
    assert alternatives(hour).equals(plan.alternatives)
    assert limits
    assert all(0 < one <= 3600 for one in limits)
    over = replace(plan, until_s=time.monotonic() - 1e6)
    monkeypatch.setattr("pwsim.search.judging.Judge.evaluate", too_late)
    monkeypatch.setattr("pwsim.search.alternatives.search", too_late)
    assert len(over.neighbours) < len(plan.neighbours)
    told = over.summary["alternatives"]
    assert [one["kind"] for one in told if one["kind"] != "different"] == [
        one["kind"] for one in plan.summary["alternatives"] if one["kind"] != "different"
    ]
    unsure = [one for one in told if one["status"] == "not_searched"]
    assert unsure
    assert {reasons.STATUS_NAMES[one["status"]] for one in unsure} == {"not searched: the search was cut short"}
    known = around.rows_of(plan.judge, plan.setups) | around.rows_of(plan.judge, over.neighbours)
    assert all(one["status"] in ("optimal", "best_found", "not_searched") for one in told)
    assert sum(one["status"] == "best_found" for one in told) <= len(known)


def test_a_search_that_was_cut_short_replays_nothing_more(monkeypatch):
    log = generate(jobs=200, cores=16, load=0.8, seed=1)
    soon = Target(metric="wait_s", statistic="p95", at_most=3600)
    plan = search(log, cluster_of(own({"min": 1, "max": 12})), [soon], workers=1, max_setups=4)
    monkeypatch.setattr("pwsim.search.judging.Judge.evaluate", None)
    assert (plan.stopped, len(plan.summary["neighbours"])) == ("max_setups", 0 if plan.chosen is None else 1)
    (would,) = [one for one in plan.summary["relaxations"] if one["would_do"] is not None]
    assert not would["proven"]
    (said,) = reasons.relaxation_texts(plan.summary)
    assert "times what is asked, would do (of the setups replayed), with 11 nodes of pool own" in said


def test_what_would_have_to_give_is_proven_if_all_were_replayed():
    # The second job, of 60 s, comes an hour later: nobody waits, and a throughput of 5 jobs an hour is not to be had.
    asked = Target(metric="throughput_jobs_per_hour", at_least=5)
    plan = search(TRACE, cluster_of(own([1, 2])), [asked], workers=1)
    assert plan.status == "infeasible"
    told = {one["target"]: one for one in around.relaxations(plan)}
    assert told[0]["would_do"]["achieved"] == 1.0  # one of two jobs ends within the hour
    assert told[0]["would_do"]["nodes"] == {"own": 2}
    assert not told[0]["proven"]  # what needs more cores than all have is not replayed


def test_what_is_paid_when():
    cluster = cluster_of(own(3), {**own(2, "other"), "cost": {"capex_usd": 100, "lifetime_years": 2}})
    cluster = cluster.at({"own": 3, "other": 2}, cluster.policy[0])
    assert cash.purchase_usd(cluster) == 3 * 1000 + 2 * 100
    # Of 900 USD a year, 850 are the annuity: 50 a year are paid besides.  In 5 years, the second pool is bought 3 times,
    # the first, that lives for 4 years, twice.
    assert cash.spent_usd(cluster, 900.0, 850.0, 1) == 3200 + 50
    assert cash.spent_usd(cluster, 900.0, 850.0, 5) == 2 * 3000 + 3 * 200 + 5 * 50
