"""The search pool by pool: against brute force, its two ways to find paths against one another, its rows against replays."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Target, Trace, generate
from pwsim.cluster import Where
from pwsim.metrics import NO_TRIM, Trim
from pwsim.prices import UNDISCOUNTED
from pwsim.search import Holding, complete_targets, decomposition, search
from pwsim.search.additive import Sums
from pwsim.search.decomposition import coupling, paths
from pwsim.search.judging import Judge
from pwsim.search.listing import MOST_LISTED, Listing
from pwsim.search.master import COST_LEEWAY, Master
from pwsim.search.options import bounds_of
from pwsim.search.routing import Path
from tests.search.test_plan import allowing_rejections, brute_force, cluster_of, own, rented
from tests.strategies import traces

limits = st.sampled_from([0, 1, 2, 4, 8, 16])
TARGETS = st.lists(
    st.one_of(
        st.builds(
            lambda limit, metric, statistic: Target(metric=metric, statistic=statistic, at_most=limit),
            limits,
            st.sampled_from(["wait_s", "turnaround_s", "bounded_slowdown"]),
            st.sampled_from(["mean", "p50", "p90", "max"]),
        ),
        limits.map(lambda limit: Target(metric="wait_s", statistic="p50", at_least=limit)),
        limits.map(
            lambda limit: Target(metric="wait_s", statistic="p90", at_most=limit, where=Where(procs_at_least=2))
        ),
        limits.map(lambda limit: Target(metric="jobs_rejected", at_most=limit)),
        limits.map(lambda limit: Target(metric="rejected_work_share", at_most=limit / 16)),
        limits.map(lambda limit: Target(metric="jobs_completed", at_least=limit)),
        limits.map(lambda limit: Target(metric="jobs_killed", at_most=limit)),
        limits.map(lambda limit: Target(metric="throughput_jobs_per_hour", at_least=limit * 200)),
        limits.map(lambda limit: Target(metric="delivered_core_hours_per_day", at_least=limit * 4)),
        limits.map(lambda limit: Target(metric="utilization", at_least=limit / 20)),
        limits.map(lambda limit: Target(metric="utilization", at_most=limit / 16)),
    ),
    max_size=3,
)
DOORS = [{"name": "wide", "pools": ["own"], "where": {"procs_at_least": 2}}, {"name": "rest", "pools": ["rented"]}]
CLUSTERS = st.fixed_dictionaries(
    {
        "policy": st.sampled_from([["easy"], ["fcfs", "easy"], ["sjf-conservative", "easy"]]),
        "overrun": st.sampled_from(["allow", "kill"]),
        "pools": st.sampled_from(
            [
                [own([0, 1, 2]), rented([0, 1, 2], 0.05)],
                [rented({"max": 2}, 0.01, accepts={"procs": {"at_most": 2}}), own([0, 1, 3], node={"cores": 2, "speed": 2.0})],
                [own([0, 1]), rented([0, 2], 0.3, placement="nodes"), rented([0, 1, 2], 0.02, "more", 1)],
                [own([0, 1, 2, 3], cores=1, cost={"capex_usd": 0, "lifetime_years": 5}), rented([0, 1, 2], 0.05)],
            ]
        ),
    },
)  # fmt: skip
WITH_SPAN = traces.filter(lambda trace: trace.span_s > 2)


@given(trace=WITH_SPAN, cluster=CLUSTERS, targets=TARGETS, doors=st.booleans(), programme=st.booleans())
@settings(max_examples=80)
def test_it_is_what_brute_force_finds(trace, cluster, targets, doors, programme):
    names = [pool["name"] for pool in cluster["pools"]]
    partitions = {"partitions": DOORS} if doors and names == ["own", "rented"] else {}
    cluster = Cluster.model_validate({**cluster, **partitions})
    assert coupling(trace, cluster) is None
    targets = allowing_rejections(trace, cluster, targets)
    best, good = brute_force(trace, cluster, targets)
    with pytest.MonkeyPatch.context() as patch:
        if programme:
            patch.setattr(decomposition, "MOST_LISTED", 0)
        plan = search(trace, cluster, targets, workers=1)
    if not good:
        assert (plan.status, plan.chosen) == ("infeasible", None)
        return
    assert (plan.status, plan.gap) == ("optimal", 0)
    assert plan.cost_usd_per_year == pytest.approx(best, rel=1e-9)
    cheapest = [one[1:] for one in good if one[0] <= best * (1 + 1e-9)]
    first = min(cheapest, key=lambda one: (*one[0].values(), cluster.policy.index(one[1])))
    assert tuple(plan.chosen or ())[:2] == first


@given(
    trace=WITH_SPAN, cluster=CLUSTERS, targets=TARGETS,
    trim=st.sampled_from([NO_TRIM, Trim(1, 0), Trim(0, 1), Trim(1, 1)]),
)  # fmt: skip
@settings(max_examples=60)
def test_rows_exclude_no_setup_that_meets_the_targets(trace, cluster, targets, trim):
    """Before any replay, and after all: neither costs nor sums are above what a replay of the whole shows."""
    cluster = Cluster.model_validate(cluster)
    holding = Holding(trace, cluster)
    targets = complete_targets(holding, targets)
    network = paths(holding)
    assert network is not None
    job = Judge(trace, cluster, targets, UNDISCOUNTED, "compiled", 1, trim)
    known = decomposition.Known(job, bounds_of(holding, targets, UNDISCOUNTED, trim), network)
    everything = [
        Path(procedure, network.path(choice))
        for choice in itertools.product(*map(range, network.choices))
        for procedure in range(len(cluster.procedures))
    ]
    least = {path: known.usd_of(path) for path in everything}
    found: dict[Path, Any] = {}
    shown = {
        path: job.evaluate(tuple(network.arcs[arc].choice for arc in path.arcs), cluster.procedures[path.procedure])
        for path in everything
    }
    for learnt in (False, True):
        for path in everything:
            if learnt:
                found[path] = known.evaluate(path, 1)
        listed = Listing(cluster, network, 0.0, known.sums)
        allowed = np.isfinite(listed._usd())
        for path in everything:
            evaluation = shown[path]
            cost = evaluation.cost_usd_per_year
            assert least[path] <= known.usd_of(path) * (1 + 1e-9) + 1e-9
            assert known.usd_of(path) <= cost * (1 + 1e-9) + 1e-9
            if evaluation.met:
                assert allowed[(*listed._choice(path), path.procedure)]
            if learnt:
                assert known.usd_of(path) == pytest.approx(cost, rel=1e-9, abs=1e-9)
                assert found[path].achieved == pytest.approx(evaluation.achieved, nan_ok=True)
                assert (found[path].met, found[path].ran.bill) == (
                    evaluation.met,
                    evaluation.ran and evaluation.ran.bill,
                )


def test_a_list_follows_what_is_learnt():
    """Its sums are kept as long as nothing changes: costs, what is summed for targets, or what is taken out."""
    trace = generate(jobs=40, cores=4, load=0.7, seed=1)
    cluster = cluster_of(own([2, 3]), rented([0, 1], 0.05))
    holding = Holding(trace, cluster)
    targets = complete_targets(holding, [Target(metric="wait_s", statistic="p90", at_most=3600)])
    network = paths(holding)
    assert network is not None
    job = Judge(trace, cluster, targets, UNDISCOUNTED, "compiled", 1, NO_TRIM)
    known = decomposition.Known(job, bounds_of(holding, targets, UNDISCOUNTED, NO_TRIM), network)
    listed = Listing(cluster, network, 0.0, known.sums)
    first = listed.cheapest()
    assert first is not None
    place = first.procedure, first.arcs[0]
    for sums, more in ((known.sums.usd, 1e6), (known.sums.amounts[0], 1e12)):
        sums[place] += more
        other = listed.cheapest()
        assert other is not None
        assert other.arcs[0] != first.arcs[0]
        sums[place] -= more
        assert listed.cheapest() == first
    left = listed.left(np.nan)
    listed.take_out(first)
    assert listed.cheapest() != first
    assert listed.left(np.nan) == left - 1


@pytest.mark.parametrize("kind", [Master, Listing])
def test_of_setups_that_cost_the_same_the_first_is_taken(monkeypatch, kind):
    """By nodes of the first pool, of the second, then by policy; what costs more is no matter."""
    cluster = cluster_of(own([0, 1, 2]), rented([0, 1, 2], 0.05), policy=["fcfs", "easy"])
    trace = Trace.from_columns({"submit_s": [0, 9], "run_s": [1, 1], "procs": [1, 1]})
    network = paths(Holding(trace, cluster))
    assert network is not None
    # No node of the first pool costs 9 USD, any number of them 1; none of the second 5 (with fcfs 6), any 1.
    usd = np.array(
        [[{0: [9, 1, 1], 1: [6 - how, 1, 1]}[arc.pool][arc.choice] for arc in network.arcs] for how in (0, 1)]
    )
    sums = Sums(usd.astype(float), np.zeros((0, *usd.shape)), np.zeros(0))
    asked = []
    stated = Master.problem

    def noted(self, objective, fixed, usd_at_most):
        asked.append((dict(fixed), usd_at_most))
        return stated(self, objective, fixed, usd_at_most)

    monkeypatch.setattr(Master, "problem", noted)

    def earlier(policy, nodes, usd_at_most):
        found = kind(cluster, network, 0.0, sums).earlier(Path(policy, network.path(nodes)), usd_at_most)
        return found and (found.procedure, tuple(network.arcs[arc].choice for arc in found.arcs))

    assert earlier(1, (2, 1), 2.0)[1][0] == 1  # of 2 USD there are four: a node or two of each
    assert earlier(1, (1, 2), 2.0)[1] == (1, 1)
    assert earlier(1, (1, 1), 2.0) == (0, (1, 1))
    assert earlier(0, (1, 1), 2.0) is None
    assert earlier(0, (1, 1), 5.999) is None
    assert earlier(1, (1, 1), 6.0) == (1, (1, 0))  # 1 + 5, with the second policy only
    assert earlier(0, (0, 1), 10.0) is None  # 9 + 1; without any node it is 14
    assert earlier(0, (1, 1), 1.0) is None  # nothing costs so little
    assert earlier(1, (1, 2), 1.999999) is None  # nor so little, to the last digit: the solver's leeway is no other's
    if kind is Master:  # each model is about what costs no more, and has the numbers that are settled
        limits = {usd_at_most for _, usd_at_most in asked}
        assert limits == {one * (1 + COST_LEEWAY) for one in (1.0, 1.999999, 2.0, 5.999, 6.0, 10.0)}
        assert [fixed for fixed, _ in asked[:6]] == [
            {}, {}, {"nodes_0": 1}, {}, {"nodes_0": 1}, {"nodes_0": 1, "nodes_1": 1},
        ]  # fmt: skip


def test_a_list_counts_what_costs_no_more():
    cluster = cluster_of(own([0, 1]), rented([0, 1], 0.05))
    trace = Trace.from_columns({"submit_s": [0, 9], "run_s": [1, 1], "procs": [1, 1]})
    network = paths(Holding(trace, cluster))
    assert network is not None
    usd = np.array([[float(arc.choice) for arc in network.arcs]])  # a dollar a node: 0, 1, 1 and 2 USD
    listed = Listing(cluster, network, 0.0, Sums(usd, np.zeros((0, *usd.shape)), np.zeros(0)))
    assert [listed.left(most) for most in (-1.0, 0.0, 0.5, 1.0, 2.0, np.inf, np.nan)] == [0, 1, 1, 3, 4, 4, 4]


@pytest.mark.parametrize("listed", [0, MOST_LISTED])
@pytest.mark.parametrize(("max_setups", "policies"), [(None, ["fcfs", "easy"]), (1, ["fcfs"])])
def test_where_none_can_do_it_the_largest_shows_how_far_one_gets(monkeypatch, listed, max_setups, policies):
    """With each policy, as far as the search may go; that none does is proven without it."""
    monkeypatch.setattr(decomposition, "MOST_LISTED", listed)
    trace = Trace.from_columns({"submit_s": [0, 9], "run_s": [60, 60], "procs": [1, 1]})
    cluster = cluster_of(own([1, 2]), rented([0, 1], 0.1), policy=["fcfs", "easy"])
    target = Target(metric="jobs_completed", at_least=3)
    plan = search(trace, cluster, [target], workers=1, max_setups=max_setups)
    assert plan.method.method == "by_pool"
    assert (plan.status, plan.stopped, plan.lower_bound_usd_per_year) == ("infeasible", None, np.inf)
    assert plan.setups["policy"].tolist() == policies
    assert plan.closest is not None
    assert plan.closest.nodes == {"own": 2, "rented": 1}
    assert plan.setups["lower_bound_usd_per_year"].tolist() == [np.inf] * len(policies)
    assert plan.setups["jobs_completed"].tolist() == [2] * len(policies)


def test_many_setups_are_proven_with_few_replays():
    trace = generate(jobs=2000, cores=64, load=0.9, seed=3)
    cluster = cluster_of(own({"max": 80}), rented({"max": 60}, 0.09, accepts={"procs": {"at_most": 8}}))
    target = Target(metric="wait_s", statistic="p95", at_most=3600)
    plan = search(trace, cluster, [target], workers=1)
    assert (plan.status, plan.gap, plan.setups_in_space) == ("optimal", 0, 81 * 61)
    assert len(plan.setups) < 400
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pwsim.search.simulate_and_cut.coupling", lambda *_: "not this time")
        slow = search(trace, cluster, [target], workers=1, max_setups=len(plan.setups))
    assert slow.lower_bound_usd_per_year <= plan.cost_usd_per_year


def test_why_a_search_is_not_done_pool_by_pool():
    trace = Trace.from_columns({"submit_s": [0, 0], "run_s": [1, 1], "procs": [1, 1]})
    elastic = {"name": "rented", "kind": "cloud", "nodes": [0, 1], "node": {"cores": 1}, "price_usd_per_hour": 1}
    assert coupling(trace, cluster_of(own([1, 2]))) == "there is one pool"
    assert "come and go" in str(coupling(trace, cluster_of(own([1, 2]), elastic)))
    assert coupling(trace, cluster_of(own([1, 2]), rented([0, 1], 0.1, burst_after=5))) is not None
    shared = {"policy": "multifactor-easy", "multifactor": {"fair_share": 1, "accounts": {"a": {"users": {"ann": 1}}}}}
    together = Cluster.model_validate({**shared, "pools": [own([1]), rented([0, 1], 0.1)]})
    assert "fair share" in str(coupling(trace, together))
