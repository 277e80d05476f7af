"""The search: against brute force, its proof, its determinism."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, InputError, Target, Trace, costs, generate, load_scenario, optimize, simulate
from pwsim.metrics.measures import NO_TRIM, Trim
from pwsim.prices.terms import UNDISCOUNTED, Economics
from pwsim.search import bounds, judging
from pwsim.search.candidates import Candidates
from pwsim.search.holding import Holding
from pwsim.search.simulate_and_cut import complete_targets, search
from tests.strategies import traces

COST = {"capex_usd": 1000, "lifetime_years": 4, "idle_power": 100, "busy_power": 300, "electricity_usd_per_kwh": 0.2}


def own(nodes: Any, name: str = "own", cores: int = 2, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "on_premises", "nodes": nodes, "node": {"cores": cores}, "cost": COST, **more}


def rented(nodes: Any, price: float, name: str = "rented", cores: int = 2, **more: Any) -> dict[str, Any]:
    pool = {"name": name, "kind": "cloud", "nodes": nodes, "node": {"cores": cores}, "always_up": True}
    return {**pool, "price_usd_per_hour": price, **more}


def cluster_of(*pools: dict[str, Any], policy: Any = "easy") -> Cluster:
    return Cluster.model_validate({"policy": policy, "pools": list(pools)})


def allowing_rejections(trace: Trace, cluster: Cluster, targets: Any) -> list[Target]:
    """Return the targets, the implied ones included, with leave to reject what every setup must reject."""
    return [*complete_targets(Holding(trace, cluster), targets), Target(metric="rejected_work_share", at_most=1)]


def brute_force(trace: Trace, cluster: Cluster, targets: Any, economics: Economics = UNDISCOUNTED) -> tuple[float, Any]:
    """Replay every setup; return the lowest cost that meets the targets, and all (cost, nodes, policy) that do."""
    targets = complete_targets(Holding(trace, cluster), targets)
    good = []
    for counts in itertools.product(*(pool.nodes for pool in cluster.pools)):
        nodes = {pool.name: count for pool, count in zip(cluster.pools, counts, strict=True)}
        for policy in cluster.policy:
            result = simulate(trace, cluster.at(nodes, policy))
            if all(target.met(target.achieved(result)) for target in targets):
                good.append((costs.total(result.cost(economics)), nodes, policy))
    return min((cost for cost, _, _ in good), default=math.inf), good


@pytest.mark.parametrize("scenario", ["kth-refresh"])
def test_kth_scenario_is_what_brute_force_finds(scenario, data_dir, repository):
    loaded = load_scenario(repository / "scenarios" / f"{scenario}.yaml")
    plan = optimize(loaded, draws=False)
    best, good = brute_force(loaded.read_workload(), loaded.cluster, loaded.targets, loaded.economics)
    assert (plan.status, plan.gap) == ("optimal", 0.0)
    assert plan.cost_usd_per_year == pytest.approx(best, rel=1e-12)
    cheapest = [(nodes, policy) for cost, nodes, policy in good if cost <= best * (1 + 1e-12)]
    assert cheapest == [tuple(plan.chosen or ())[:2]]
    assert len(plan.setups) < plan.setups_in_space


limits = st.sampled_from([0, 1, 2, 4, 8, 16])
targets_ = st.lists(
    st.one_of(
        limits.map(lambda limit: Target(metric="wait_s", statistic="p90", at_most=limit)),
        limits.map(lambda limit: Target(metric="wait_s", statistic="max", at_most=limit)),
        limits.map(lambda limit: Target(metric="bounded_slowdown", statistic="mean", at_most=1 + limit / 4)),
        limits.map(lambda limit: Target(metric="jobs_rejected", at_most=limit)),
        limits.map(lambda limit: Target(metric="throughput_jobs_per_hour", at_least=limit * 600)),
    ),
    max_size=3,
)


@given(
    trace=traces.filter(lambda trace: trace.span_s > 0),
    targets=targets_,
    price=st.sampled_from([0.01, 0.05, 0.3]),
    small=st.sampled_from([{}, {"accepts": {"procs": {"at_most": 2}}}]),
    overrun=st.sampled_from(["allow", "kill"]),
)
@settings(max_examples=60)
def test_search_is_what_brute_force_finds(trace, targets, price, small, overrun):
    cluster = Cluster.model_validate(
        {
            "policy": ["easy", "sjf-conservative"],
            "overrun": overrun,
            "pools": [rented({"max": 2}, price, **small), own([0, 1, 3], node={"cores": 2, "speed": 2.0})],
        }
    )
    targets = allowing_rejections(trace, cluster, targets)
    plan = search(trace, cluster, targets, workers=1)
    best, good = brute_force(trace, cluster, targets)
    if not good:
        assert (plan.status, plan.chosen) == ("infeasible", None)
        assert plan.closest is not None
    else:
        assert plan.status == "optimal"
        assert plan.cost_usd_per_year == pytest.approx(best, rel=1e-9)
        assert plan.lower_bound_usd_per_year == pytest.approx(best, rel=1e-9)


@given(
    trace=traces.filter(lambda trace: trace.span_s > 2),
    targets=targets_,
    trim=st.sampled_from([NO_TRIM, NO_TRIM, Trim(1, 0), Trim(0, 2), Trim(1, 1)]),
)
@settings(max_examples=100)
def test_bounds_exclude_no_setup_that_meets_the_targets(trace, targets, trim):
    cluster = cluster_of(rented([0, 1], 0.1, accepts={"procs": {"at_most": 3}}), own({"max": 3}))
    targets = complete_targets(Holding(trace, cluster), targets)
    known = bounds.analyse(Holding(trace, cluster), targets, UNDISCOUNTED, trim)
    candidates = Candidates(cluster, known)
    listed = {}
    previous = -math.inf
    while (candidate := candidates.take()) is not None:
        assert candidate.bound_usd_per_year >= previous - 1e-6, "candidates come in the order of their bounds"
        previous = candidate.bound_usd_per_year
        listed[candidate.choice] = candidate.bound_usd_per_year
    for choice in itertools.product(range(2), range(4)):
        nodes = {pool.name: pool.nodes[one] for pool, one in zip(cluster.pools, choice, strict=True)}
        result = simulate(trace, cluster.at(nodes, cluster.policy[0])).trimmed(*trim)
        if all(target.met(target.achieved(result)) for target in targets):
            assert choice in listed
        if choice in listed:
            assert listed[choice] <= costs.total(result.cost()) * (1 + 1e-9)


def test_same_plan_for_any_number_of_workers():
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    cluster = cluster_of(rented({"max": 3}, 0.05), own({"min": 4, "max": 10}), policy=["easy", "sjf-easy"])
    targets = [Target(metric="wait_s", statistic="p95", at_most=7200)]
    plans = [search(trace, cluster, targets, workers=workers) for workers in (1, 2, 5)]
    for plan in plans[1:]:
        assert plan.chosen == plans[0].chosen
        assert plan.setups.equals(plans[0].setups)


def test_at_equal_cost_the_first_policy_that_works_is_taken():
    trace = generate(jobs=100, cores=16, load=0.3, seed=2)
    for names in (["easy", "sjf-easy"], ["sjf-easy", "easy"]):
        plan = search(trace, cluster_of(own(20), policy=names), [], workers=1)
        assert plan.chosen is not None
        assert str(plan.chosen.policy) == names[0]


def test_without_a_target_on_rejections_nothing_is_rejected_that_could_be_run():
    trace = Trace.from_columns({"submit_s": [0, 60], "run_s": [10, 10], "procs": [8, 1]})
    plan = search(trace, cluster_of(own({"max": 6})), [], workers=1)
    assert plan.chosen is not None
    assert plan.chosen.nodes == {"own": 4}
    # A job that is wider than the largest setup cannot be helped.
    allowed = allowing_rejections(trace, cluster_of(own({"max": 3})), [])
    plan = search(trace, cluster_of(own({"max": 3})), allowed, workers=1)
    assert plan.chosen is not None
    assert (plan.chosen.nodes, plan.result.metrics["jobs_rejected"]) == ({"own": 1}, 1)


def test_search_that_is_cut_short_says_so():
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    targets = [Target(metric="wait_s", statistic="p95", at_most=600)]
    full = search(trace, cluster_of(own({"min": 4, "max": 30})), targets, workers=1)
    assert full.status == "optimal"
    needed = len(full.setups)
    cut = search(trace, cluster_of(own({"min": 4, "max": 30})), targets, workers=1, max_setups=needed - 1)
    assert (cut.status, cut.stopped, cut.chosen) == ("unknown", "max_setups", None)
    assert cut.lower_bound_usd_per_year <= full.cost_usd_per_year
    enough = search(trace, cluster_of(own({"min": 4, "max": 30})), targets, workers=2, max_setups=needed)
    assert enough.chosen == full.chosen


def test_infeasible_search_shows_the_closest_setup():
    trace = Trace.from_columns({"submit_s": [0, 0, 60], "run_s": [10, 10, 10], "procs": [2, 2, 1]})
    targets = [Target(metric="wait_s", statistic="max", at_most=5)]
    plan = search(trace, cluster_of(own([1])), targets, workers=1)
    assert (plan.status, plan.chosen) == ("infeasible", None)
    assert plan.closest is not None
    assert plan.closest.nodes == {"own": 1}
    assert math.isnan(plan.gap)


def test_a_plan_names_all_its_figures():
    plan = search(generate(jobs=20, cores=4, load=0.5, seed=1), cluster_of(own([2, 3])), [], workers=1, engine="simpy")
    with pytest.raises(
        ValueError, match="one of setups, search, frontier, draws, cost_breakdown, horizon_nodes, horizon_cost, tornado"
    ):
        plan.plot("set")


def test_target_about_no_job_is_refused():
    trace = Trace.from_columns({"submit_s": [0, 1], "run_s": [1, 1], "procs": [1, 1]})
    target = Target.model_validate(
        {"metric": "wait_s", "statistic": "max", "at_most": 1, "where": {"procs_at_least": 2}}
    )
    with pytest.raises(InputError, match=r"targets\.0\.where"):
        search(trace, cluster_of(own(1)), [target])


def test_a_job_that_outlives_its_estimate_may_complete_after_an_interruption():
    """It is killed at its estimate, but the estimate of a restarted attempt is at least 1 s (semantics §6)."""
    trace = Trace.from_columns({"submit_s": [0, 400], "run_s": [10.5, 0], "procs": [1, 1], "estimate_s": [10, 1]})
    spot = {
        "name": "s", "kind": "cloud", "nodes": 1, "node": {"cores": 1}, "price_usd_per_hour": 1, "boot_time": 0,
        "interruptions_per_hour": 300, "checkpoint_interval": 9.5, "max_restarts": 1000,
    }  # fmt: skip
    own = {
        "name": "own", "kind": "on_premises", "nodes": [0, 1], "node": {"cores": 1},
        "cost": {"capex_usd": 100_000, "lifetime_years": 5},
    }  # fmt: skip
    cluster = Cluster.model_validate({"overrun": "kill", "pools": [spot, own]})
    both = Target(metric="throughput_jobs_per_hour", at_least=18.0)  # two jobs in 400 s
    plan = search(trace, cluster, [both], engine="simpy", seed=13, workers=1)
    assert plan.chosen is not None
    assert plan.chosen.nodes == {"s": 1, "own": 0}
    assert plan.result.replay.restarts[0] >= 1
    assert not plan.result.replay.killed.any()


def test_an_answer_with_the_fewest_nodes_that_are_allowed_says_so():
    trace = Trace.from_columns({"submit_s": [0, 10, 3600], "run_s": [60, 60, 60], "procs": [2, 2, 2]})
    target = Target(metric="wait_s", statistic="max", at_most=0)
    # With the most nodes that are allowed, and no other pool, more nodes can only be dearer.
    for nodes, edge in (([2, 3, 4], ["fewest"]), ([0, 1, 2], []), ([1, 2, 3], []), (2, [])):
        plan = search(trace, cluster_of(own(nodes)), [target], workers=1)
        assert plan.chosen is not None
        assert plan.chosen.nodes == {"own": 2}
        assert [one.edge for one in plan.edges] == edge
        assert ("fewest nodes of pool own that the scenario allows (2)" in plan.summary["answer"]) == bool(edge)


def test_the_pool_is_named_whose_limit_made_cheaper_setups_fail():
    """Three jobs of one node at once: two rented nodes make one wait, a third one would cost a seventh of the own."""
    trace = Trace.from_columns({"submit_s": [0, 0, 0, 86400], "run_s": [3600] * 4, "procs": [2] * 4})
    dear = own([0, 1], node={"cores": 6}, cost={"capex_usd": 100_000, "lifetime_years": 1})
    target = Target(metric="wait_s", statistic="mean", at_most=60)
    cluster = cluster_of(dear, rented([0, 1, 2], price=0.5))
    plan = search(trace, cluster, [target], workers=1)
    assert plan.chosen is not None
    assert plan.chosen.nodes == {"own": 1, "rented": 0}
    (edge,) = plan.edges
    assert (edge.pool, edge.edge, edge.nodes, edge.failing) == ("rented", "most", 2, {"own": 0, "rented": 2})
    assert edge.cost_usd_per_year == pytest.approx(2 * 0.5 * 8766)
    said = plan.summary["answer"]
    assert (
        "for want of more than the 2 nodes of pool rented that are allowed: with those alone, at $8,766 a year" in said
    )
    assert "the mean waiting time is 15 min instead of at most 1 min" in said
    # What the hint promises: a third rented node does, and costs less.
    more = search(trace, cluster_of(dear, rented([0, 1, 2, 3], price=0.5)), [target], workers=1)
    assert more.chosen is not None
    assert more.chosen.nodes == {"own": 0, "rented": 3}
    assert more.edges == ()


def test_a_limit_that_arithmetic_alone_runs_into_is_named_too():
    """Two rented nodes have too few cores for three jobs that start at once, so they are not even replayed."""
    trace = Trace.from_columns({"submit_s": [0, 0, 0, 86400], "run_s": [3600] * 4, "procs": [2] * 4})
    dear = own([0, 1], node={"cores": 6}, cost={"capex_usd": 100_000, "lifetime_years": 1})
    target = Target(metric="wait_s", statistic="max", at_most=60)
    plan = search(trace, cluster_of(dear, rented([0, 1, 2], price=0.5)), [target], workers=1)
    assert plan.chosen is not None
    assert plan.chosen.nodes == {"own": 1, "rented": 0}
    assert [(one.pool, one.edge, one.nodes, one.failing) for one in plan.edges] == [("rented", "most", 2, None)]
    assert "with those, they have too few cores for the targets" in plan.summary["answer"]
    # Where a third node would be dearer than the own one, or there is no range, nothing is said.
    for counts, price in (([0, 1, 2], 10.0), ([2], 0.5)):
        plan = search(trace, cluster_of(dear, rented(counts, price=price)), [target], workers=1)
        assert plan.edges == ()


@given(
    trace=traces.filter(lambda trace: trace.span_s > 0),
    limit=st.sampled_from([0, 1, 2, 4, 8]),
    factor=st.sampled_from([10.0, 0.1, 3.0]),
)
@settings(max_examples=40)
def test_equal_costs_are_decided_by_nodes_and_policies_whatever_the_currency(trace, limit, factor):
    """Two pools that cost the same a node: which setup is taken follows from the rule alone, in cents as in dollars."""
    plans = []
    for unit in (1.0, factor):
        free = {"capex_usd": 0.7 * unit, "lifetime_years": 3, "busy_power": 0, "idle_power": 0}
        cluster = cluster_of(
            own([0, 1, 2], name="first", cost=free), own([0, 1, 2], name="second", cost=free), policy=["easy", "fcfs"]
        )
        targets = allowing_rejections(trace, cluster, [Target(metric="wait_s", statistic="max", at_most=limit)])
        plans.append(search(trace, cluster, targets, workers=1))
        best, good = brute_force(trace, cluster, targets)
        chosen = plans[-1].chosen
        if not good:
            assert chosen is None
            continue
        assert chosen is not None
        equal = [
            (*nodes.values(), cluster.policy.index(policy))
            for cost, nodes, policy in good
            if cost <= best * 1.000000001
        ]
        assert (*chosen.nodes.values(), cluster.policy.index(chosen.policy)) == min(equal)
    assert plans[0].chosen == plans[1].chosen


def spot(nodes: Any, **more: Any) -> dict[str, Any]:
    pool = {"name": "spot", "kind": "cloud", "market": "spot", "nodes": nodes, "node": {"cores": 1}, "boot_time": 0}
    return {**pool, "price_usd_per_hour": 0.1, "interruptions_per_hour": 2, "max_restarts": 0, **more}


def test_jobs_that_fail_are_not_served_unless_a_target_says_how_many_may():
    trace = Trace.from_columns({"submit_s": np.arange(0, 40_000, 100), "run_s": [1800] * 400, "procs": [1] * 400})
    plan = search(trace, cluster_of(spot(50)), [], workers=1)
    assert plan.result.metrics["jobs_failed"] > 100
    assert (plan.status, plan.chosen) == ("infeasible", None)
    assert "jobs that failed after too many interruptions at most 0 (it reaches " in plan.summary["answer"]
    plan = search(trace, cluster_of(spot(50)), [Target(metric="jobs_failed", at_most=400)], workers=1)
    assert plan.status == "optimal"
    # Where nothing is ever interrupted, nothing is said of it.
    steady = search(trace, cluster_of(own(40)), [], workers=1)
    assert [target.metric for target in steady.targets] == ["jobs_rejected"]


def test_a_setup_that_launches_nodes_in_vain_misses_and_the_search_goes_on():
    trace = Trace.from_columns({"submit_s": [0, 600, 1200], "run_s": [600] * 3, "procs": [1] * 3})
    hopeless = spot([0, 1], boot_time="1 h", interruptions_per_hour=1000)
    accepts = {"accepts": {"procs": {"at_most": 1}}}
    cluster = cluster_of({**hopeless, **accepts}, own([0, 1], cost={"capex_usd": 10**6, "lifetime_years": 5}))
    plan = search(trace, cluster, [], workers=1)
    assert plan.status == "optimal"
    assert plan.chosen is not None
    assert plan.chosen.nodes == {"spot": 0, "own": 1}
    vain = plan.setups[plan.setups["nodes_spot"] == 1]
    assert not vain["meets_targets"].any()
    assert vain["stopped"].str.contains("launched 10,000 nodes in a row").all()
    assert vain[["cost_usd_per_year", "wait_s_mean", "target_0_achieved"]].isna().all().all()
    assert plan.setups[plan.setups["nodes_spot"] == 0]["stopped"].isna().all()
    with pytest.raises(
        InputError, match="no setup could be replayed to its end; the first: pool 'spot' launched 10,000"
    ):
        search(trace, cluster_of(spot(1, boot_time="1 h", interruptions_per_hour=1000)), [], workers=1)


def wide_work(work_share: float) -> Trace:
    """A hundred jobs, one of them too wide for 4 cores, with a share of the work."""
    run_s = 100 * work_share / (1 - work_share) * 99 / 8
    return Trace.from_columns(
        {"submit_s": np.arange(100) * 600.0, "run_s": [100.0] * 99 + [run_s], "procs": [1] * 99 + [8]}
    )


def test_rejected_work_must_be_allowed():
    cluster = cluster_of(own([1, 2]))
    plan = search(wide_work(0.009), cluster, [], workers=1)
    assert plan.status == "optimal"
    assert plan.result.metrics["rejected_work_share"] == pytest.approx(0.009)
    assert "1 job with 0.9 % of the work cannot run on any pool" in plan.summary["answer"]
    with pytest.raises(
        InputError, match=r"1 job with 23 % of the work fit no setup: 1 with more cores.*at_most: 0.23\b"
    ):
        search(wide_work(0.23), cluster, [], workers=1)
    with pytest.raises(InputError, match="23 % of the work"):  # how many jobs, does not tell how much
        search(wide_work(0.23), cluster, [Target(metric="jobs_rejected", at_most=1)], workers=1)
    allowed = Target(metric="rejected_work_share", at_most=0.25)
    assert search(wide_work(0.23), cluster, [allowed], workers=1).status == "optimal"
    assert search(wide_work(0.26), cluster, [allowed], workers=1).status == "infeasible"


@given(trace=traces.filter(lambda trace: trace.span_s > 0), limit=st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
@settings(max_examples=60)
def test_rejected_work_is_what_brute_force_finds(trace, limit):
    cluster = cluster_of(rented([0, 1], 0.05, accepts={"procs": {"at_most": 2}}), own([0, 1, 2], name="wide", cores=1))
    targets = [
        Target(metric="rejected_work_share", at_most=limit),
        Target(metric="wait_s", statistic="p90", at_most=4),
    ]
    plan = search(trace, cluster, targets, workers=1)
    best, good = brute_force(trace, cluster, targets)
    assert (plan.status == "optimal") == bool(good)
    assert plan.chosen is None or plan.cost_usd_per_year == pytest.approx(best, rel=1e-9)


def test_what_is_met_on_the_whole_but_lost_at_the_end_is_said():
    """Forty weeks of one job a day that starts at once; in the last four, two at once, so that one waits for a day."""
    day = 86400.0
    calm, late = np.arange(36 * 7) * day, np.repeat(np.arange(36 * 7, 40 * 7 + 1) * day, 2)
    submit_s = np.concatenate([calm, late])
    trace = Trace.from_columns({"submit_s": submit_s, "run_s": [day / 2] * len(submit_s), "procs": [2] * len(submit_s)})
    target = Target(metric="wait_s", statistic="p90", at_most=4 * 3600)
    plan = search(trace, cluster_of(own(1)), [target], workers=1)
    judged = plan.judged_targets()[0]
    assert (judged["met"], judged["achieved"]) == (True, 0)
    assert (judged["weeks"], judged["weeks_met"]) == (40, 36)
    assert judged["worst_week"]["achieved"] == judged["last_tenth"]["achieved"] == day / 2
    assert judged["worst_week"]["from_s"] == 36 * 7 * day
    assert not judged["worst_week"]["met"]
    assert (
        "But in the last tenth of the log, the 90th percentile of the waiting time is 12 h instead of at most 4 h."
        in (plan.summary["answer"])
    )
    # One figure for the whole replay has no weeks, and nor has a log of days.
    assert plan.judged_targets()[1]["weeks"] == 0
    short = search(trace.take(np.arange(5)), cluster_of(own(1)), [target], workers=1)
    assert short.judged_targets()[0]["worst_week"] is None


def test_metrics_of_a_stretch_of_time_are_those_of_a_trimmed_replay():
    trace = generate(jobs=400, cores=16, load=0.8, seed=3)
    result = simulate(trace, cores=16)
    from_s, until_s = 0.2 * trace.span_s, 0.7 * trace.span_s
    trimmed = result.trimmed(from_s, trace.span_s - until_s)
    for metric in ("utilization", "throughput_jobs_per_hour", "delivered_core_hours_per_day"):
        (value,) = Target(metric=metric, at_least=0).achieved_over(result, [trimmed.window])
        assert value == trimmed.metrics[metric]
    (value,) = Target(metric="wait_s", statistic="p95", at_most=1).achieved_over(result, [trimmed.window])
    assert value == trimmed.metrics["wait_s_p95"]
    with pytest.raises(ValueError, match="one figure for the whole replay"):
        Target(metric="jobs_failed", at_most=1).achieved_over(result, [trimmed.window])


class Interrupting:
    """Sends an interrupt to the search once so many choices of nodes are replayed."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.seen: list[Any] = []

    def __call__(self, at: Any) -> None:
        self.seen.append(at)
        if len(self.seen) == self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [1, 3])
def test_a_search_that_is_interrupted_keeps_what_is_proven(workers):
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    targets = [Target(metric="wait_s", statistic="p95", at_most=7200)]
    # The own nodes' cost is known but for busy energy, so that what is found first need not be the cheapest.  They are
    # just not so many that some are replayed before the list, which misses at first.
    cluster = cluster_of(own({"min": 8, "max": 23}), rented({"max": 3}, 0.0001, min_nodes=0, always_up=False))
    full = search(trace, cluster, targets, workers=workers)
    assert full.status == "optimal"
    met = next(index for index, row in enumerate(full.setups["meets_targets"]) if row)
    with pytest.raises(KeyboardInterrupt):
        search(trace, cluster, targets, workers=workers, progress=Interrupting(met))
    assert met + 1 < len(full.setups)
    plan = search(trace, cluster, targets, workers=workers, progress=Interrupting(met + 1))
    assert (plan.status, plan.stopped) == ("best_found", "interrupted")
    assert plan.lower_bound_usd_per_year <= full.cost_usd_per_year <= plan.cost_usd_per_year
    assert 0 < plan.gap < 1
    assert "cut short, for it was interrupted" in plan.summary["answer"]
    assert plan.setups.equals(full.setups.head(met + 1))


def test_a_time_limit_ends_the_search_with_what_was_found():
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    cluster = cluster_of(own({"min": 4, "max": 30}))
    plan = search(trace, cluster, [Target(metric="wait_s", statistic="p95", at_most=600)], workers=1, time_limit_s=0)
    assert (plan.status, plan.stopped, plan.chosen) == ("unknown", "time_limit", None)
    assert len(plan.setups) == 1
    assert "the time limit was reached" in plan.summary["answer"]


def test_replays_that_are_done_when_the_time_is_over_count():
    """Several at once under several policies: what was replayed is told, and the bound is of what was not."""
    trace = Trace.from_columns({"submit_s": [0, 0, 0, 36_000], "run_s": [1000, 1000, 1000, 10], "procs": [1] * 4})
    cluster = cluster_of(own([1, 2, 3, 4], cores=1), policy=["fcfs", "easy", "sjf", "ljf-easy"])
    target = Target(metric="wait_s", statistic="mean", at_most=200)  # three nodes
    done = []

    def noting(self, choice, policy, *more):
        done.append((choice, policy))
        time.sleep(0.05)
        return evaluate(self, choice, policy, *more)

    evaluate = judging.Judge.evaluate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging.Judge, "evaluate", noting)
        for workers, limit_s in ((4, 0.0), (4, 0.06), (3, 0.11), (1, 0.3)):
            done.clear()
            plan = search(trace, cluster, [target], workers=workers, time_limit_s=limit_s)
            assert len(plan.setups) == len(done), "what was replayed is there"
            assert len(done) < 16
            whole = plan.setups.groupby("nodes_own").size()
            left = Candidates(cluster, bounds.analyse(Holding(trace, cluster), plan.targets, UNDISCOUNTED, NO_TRIM))
            while (first := left.take()) and whole.get(cluster.pools[0].nodes[first.choice[0]], 0) == 4:
                pass
            assert first is not None
            met = plan.setups["meets_targets"].any()
            assert (plan.status, plan.stopped) == ("best_found" if met else "unknown", "time_limit")
            bound = min(first.bound_usd_per_year, plan.cost_usd_per_year if met else math.inf)
            assert plan.lower_bound_usd_per_year == pytest.approx(bound)


@pytest.mark.parametrize("policy", ["easy", ["fcfs", "easy"]])
@pytest.mark.parametrize("meet", [{}, {"burst_after": 3600}], ids=["decomposes", "pools-meet"])
def test_a_limit_on_setups_gives_the_same_bound_for_any_number_of_workers(policy, meet):
    """What is taken ahead of the limit is still left, and bounds what is."""
    trace = generate(jobs=60, cores=4, load=0.9, seed=2)
    cluster = cluster_of(own([2, 3, 4, 5, 6, 7], cores=1), rented([0, 1, 2], 0.05, **meet), policy=policy)
    target = Target(metric="wait_s", statistic="mean", at_most=1)
    best, _ = brute_force(trace, cluster, [target])
    for most in (1, 2, 3, 5, 8, 11):
        plans_ = [
            search(trace, cluster, [target], workers=workers, max_setups=most, engine="compiled")
            for workers in (1, 2, 5)
        ]
        one, *others = [(plan.status, plan.stopped, plan.lower_bound_usd_per_year, len(plan.setups)) for plan in plans_]
        assert others == [one, one]
        assert plans_[0].lower_bound_usd_per_year <= best * (1 + 1e-9)
        if not meet:
            continue
        order = Candidates(cluster, bounds.analyse(Holding(trace, cluster), plans_[0].targets, UNDISCOUNTED, NO_TRIM))
        for _ in range(len(plans_[0].setups) // len(cluster.policy)):
            assert order.take() is not None
        following = order.take()
        if plans_[0].stopped:
            assert following is not None
            assert plans_[0].lower_bound_usd_per_year <= following.bound_usd_per_year


def test_what_ties_and_would_not_be_taken_is_not_replayed():
    """Nodes that cost nothing: 300 setups cost the same, and the first that does is the answer."""
    trace = Trace.from_columns({"submit_s": [0, 0, 3600], "run_s": [1000, 1000, 10], "procs": [1, 1, 1]})
    free = {**own({"min": 0, "max": 40}, "free", 1), "cost": {"capex_usd": 0, "lifetime_years": 5}}
    told: list[int] = []
    plan = search(
        trace, cluster_of(own([0, 1, 2, 3], cores=1), free), [], workers=1, max_setups=5,
        progress=lambda reached: told.append(reached.simulated),
    )  # fmt: skip
    assert plan.status == "optimal"
    assert plan.chosen is not None
    assert plan.chosen.nodes == {"own": 0, "free": 1}
    assert len(plan.setups) == told[-1] <= 5


@pytest.mark.parametrize("limit", [{"max_setups": 1}, {"time_limit_s": 0.0}])
def test_a_search_goes_on_until_some_replay_has_come_to_its_end(limit):
    """The cheapest setup launches nodes in vain; one replay is needed to have anything to show."""
    trace = Trace.from_columns({"submit_s": [0, 600, 1200], "run_s": [600] * 3, "procs": [1] * 3})
    hopeless = spot([0, 1], node={"cores": 1}, boot_time=3600, interruptions_per_hour=1000)
    sure = {**own([0, 1, 2], cores=1), "cost": {"capex_usd": 10**6, "lifetime_years": 5}}
    plan = search(trace, cluster_of(hopeless, sure), [], workers=1, engine="simpy", **limit)
    assert plan.status in ("optimal", "best_found")
    assert plan.chosen is not None
    assert plan.chosen.nodes["own"] == 1
    *in_vain, last = plan.setups["stopped"].notna()
    assert in_vain
    assert all(in_vain)
    assert not last


def test_no_pool_is_named_whose_limit_bound_nobody():
    """Narrow jobs may go to the cloud; what is missed is missed by wide ones, and more cloud nodes would not help."""
    trace = Trace.from_columns({"submit_s": [0, 0, 0, 86400], "run_s": [3600, 3600, 60, 60], "procs": [2, 2, 1, 1]})
    soon = Target(metric="wait_s", statistic="mean", at_most=60)
    for most in (2, 5):
        cloud = {"name": "cloud", "kind": "cloud", "nodes": {"min": 0, "max": most}, "node": {"cores": 1}, "boot_time": 0,
                 "price_usd_per_hour": 0.01, "accepts": {"procs": {"at_most": 1}}}  # fmt: skip
        plan = search(trace, cluster_of(cloud, own([1, 2, 3])), [soon], workers=1)
        assert plan.edges == ()
        assert not plan.setups.query("nodes_cloud > 1")["at_limit_cloud"].any()
        assert plan.setups.query("nodes_own == 1")["at_limit_own"].all()


@pytest.mark.parametrize("meet", [{}, {"burst_after": 1800}], ids=["decomposes", "pools-meet"])
def test_progress_counts_no_more_left_than_there_are(meet):
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    seen: list[Any] = []
    cluster = cluster_of(own({"min": 4, "max": 30}), rented({"max": 2}, 0.05, **meet), policy=["easy", "fcfs"])
    plan = search(
        trace, cluster, [Target(metric="wait_s", statistic="p95", at_most=3600)], workers=1, progress=seen.append
    )
    left = [at.left_at_most for at in seen]
    assert left == sorted(left, reverse=True)
    assert left[0] == plan.setups_in_space - 2 if meet else left[0] < plan.setups_in_space - seen[0].simulated
    for at in seen:
        assert at.left_at_most >= len(plan.setups) - at.simulated
        assert at.left_at_most_s >= 0 or at is seen[0]
    assert math.isnan(seen[0].left_at_most_s)  # the first replay may have compiled the engine


def test_the_figure_of_the_search_ends_at_its_answer():
    trace = Trace.from_columns({"submit_s": [0, 0, 0, 3600], "run_s": [60, 50, 40, 60], "procs": [2, 2, 2, 2]})
    target = Target(metric="wait_s", statistic="max", at_most=45)
    plan = search(trace, cluster_of(own([1, 2, 3])), [target], workers=1)
    bound, best = plan.plot("search").get_lines()
    assert np.asarray(bound.get_ydata())[-1] == pytest.approx(plan.lower_bound_usd_per_year)
    assert np.asarray(best.get_ydata())[-1] == pytest.approx(plan.cost_usd_per_year)


def test_what_is_wrong_with_the_log_is_told_with_the_answer():
    trace = Trace.from_columns({"submit_s": [0, 10, 3600], "run_s": [60, 60, 60], "procs": [2, 2, 2]})
    plan = optimize(trace=trace, pools=[own(4)], workers=1, draws=False)
    assert {verdict.level for verdict in plan.verdicts} <= {"problem", "warning"}
    told = plan.summary["log_verdicts"]
    assert [one["topic"] for one in told if one["topic"] == "Number of jobs"] == ["Number of jobs"]
    assert [one["level"] for one in told] == sorted((one["level"] for one in told), key=("problem", "warning").index)


def test_what_no_setup_can_do_for_want_of_jobs_is_told():
    trace = Trace.from_columns({"submit_s": [0, 10, 3600], "run_s": [60, 60, 60], "procs": [2, 2, 2]})
    said = "The log itself submits only 3 jobs an hour, so no setup can complete more."
    for asked, told in ((3.5, True), (3, False)):
        target = Target(metric="throughput_jobs_per_hour", at_least=asked)
        plan = search(trace, cluster_of(own([2, 4])), [target], workers=1)  # two of three have ended by the last
        assert plan.status == "infeasible"
        assert (said in plan.summary["answer"]) == told


def test_by_how_much_a_target_is_missed():
    waits, jobs = Target(metric="wait_s", statistic="max", at_most=10), Target(metric="jobs_failed", at_most=0)
    rate = Target(metric="throughput_jobs_per_hour", at_least=4)
    assert [waits.miss(value) for value in (9, 10, 15, math.nan)] == [0, 0, 0.5, math.inf]
    assert [rate.miss(value) for value in (5, 4, 2, math.nan)] == [0, 0, 0.5, math.inf]
    assert jobs.miss(3) == 3  # there is no share of nothing: of one job
    work = Target(metric="rejected_work_share", at_most=0.05)
    assert work.miss(0.2) == pytest.approx(3)
    use = Target(metric="utilization", at_least=0.2)
    assert use.miss(0.0) == 1


def test_a_target_about_some_jobs_is_about_those_that_are_measured_and_served():
    """Two cores: the first two jobs start at once, the third at 100 s, and the wide one at 200 s, when both are free."""
    trace = Trace.from_columns({"submit_s": [0, 1, 2, 3], "run_s": [100] * 4, "procs": [1, 1, 1, 2]})
    result = simulate(trace, cluster_of(own(1), policy="fcfs"))
    assert result.wait_s.tolist() == [0, 0, 98, 197]
    narrow = Target.model_validate(
        {"metric": "wait_s", "statistic": "max", "at_most": 1, "where": {"procs_at_most": 1}}
    )
    assert narrow.achieved(result) == 98
    assert narrow.achieved_over(result, [(0, 1), (2, 3), (3, 3)])[:2] == [0, 98]
    assert math.isnan(narrow.achieved_over(result, [(3, 3)])[0])
    late = result.trimmed(0, 1.5)
    assert narrow.achieved(late) == 0


def test_nothing_that_the_solver_says_reaches_standard_output():
    code = (
        "import pulp\n"
        "from pwsim.common.solver import proven_solver\n"
        "problem = pulp.LpProblem('small', pulp.LpMinimize)\n"
        "take = problem.add_variable('take', 0, 3, pulp.LpInteger)\n"
        "problem += take\n"
        "problem += 2 * take >= 3, 'enough'\n"
        "problem.solve(proven_solver())\n"
        "assert take.value() == 2\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b""
