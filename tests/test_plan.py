"""The search: against brute force, its proof, its determinism."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, InputError, Target, Trace, bounds, costs, generate, load_scenario, optimize, simulate
from pwsim.metrics import NO_TRIM, Trim
from pwsim.milp import Candidates
from pwsim.money import UNDISCOUNTED, Economics
from pwsim.plan import complete_targets, search
from tests.strategies import traces

COST = {"capex_usd": 1000, "lifetime_years": 4, "idle_power": 100, "busy_power": 300, "electricity_usd_per_kwh": 0.2}


def own(nodes: Any, name: str = "own", cores: int = 2, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "on_premises", "nodes": nodes, "node": {"cores": cores}, "cost": COST, **more}


def rented(nodes: Any, price: float, name: str = "rented", cores: int = 2, **more: Any) -> dict[str, Any]:
    pool = {"name": name, "kind": "cloud", "nodes": nodes, "node": {"cores": cores}, "always_up": True}
    return {**pool, "price_usd_per_hour": price, **more}


def cluster_of(*pools: dict[str, Any], policy: Any = "easy") -> Cluster:
    return Cluster.model_validate({"policy": policy, "pools": list(pools)})


def brute_force(trace: Trace, cluster: Cluster, targets: Any, economics: Economics = UNDISCOUNTED) -> tuple[float, Any]:
    """Replay every setup; return the lowest cost that meets the targets, and all (cost, nodes, policy) that do."""
    targets = complete_targets(trace, cluster, targets)
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
    plan = optimize(loaded)
    best, good = brute_force(loaded.read_workload(), loaded.cluster, loaded.targets, loaded.economics)
    assert (plan.status, plan.gap) == ("optimal", 0.0)
    assert plan.cost_usd_per_year == pytest.approx(best, rel=1e-12)
    cheapest = [(nodes, policy) for cost, nodes, policy in good if cost <= best * (1 + 1e-12)]
    assert cheapest == [tuple(plan.chosen or ())]
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
    targets = complete_targets(trace, cluster, targets)
    known = bounds.analyse(trace, cluster, targets, UNDISCOUNTED, trim)
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
    plan = search(trace, cluster_of(own({"max": 3})), [], workers=1)
    assert plan.chosen is not None
    assert (plan.chosen.nodes, plan.result.metrics["jobs_rejected"]) == ({"own": 1}, 1)


def test_search_that_is_cut_short_says_so():
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    targets = [Target(metric="wait_s", statistic="p95", at_most=600)]
    full = search(trace, cluster_of(own({"min": 4, "max": 30})), targets, workers=1)
    assert full.status == "optimal"
    needed = len(full.setups)
    cut = search(trace, cluster_of(own({"min": 4, "max": 30})), targets, workers=1, max_setups=needed - 1)
    assert (cut.status, cut.chosen) == ("best_found", None)
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


def test_target_about_no_job_is_refused():
    trace = Trace.from_columns({"submit_s": [0, 1], "run_s": [1, 1], "procs": [1, 1]})
    target = Target.model_validate(
        {"metric": "wait_s", "statistic": "max", "at_most": 1, "where": {"procs_at_least": 2}}
    )
    with pytest.raises(InputError, match=r"targets\.0\.where"):
        search(trace, cluster_of(own(1)), [target])


def test_model_as_text(tmp_path):
    """Two jobs of 3 and 1 processors at once, 10 s each; at least one hour's worth of throughput is asked for."""
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [7200, 10], "procs": [3, 1]})
    cluster = cluster_of(rented([0, 2], 1.0), own([1, 2]))
    targets = complete_targets(trace, cluster, [Target(metric="throughput_jobs_per_hour", at_least=1)])
    known = bounds.analyse(trace, cluster, targets, UNDISCOUNTED)
    Candidates(cluster, known).problem.writeLP(tmp_path / "model.lp")
    text = (tmp_path / "model.lp").read_text()
    # One job must be done within the hour; the smaller is 10 core-seconds: 10 / 3600 cores are needed.
    assert known.needed_cores == pytest.approx(10 / 3600)
    # The wide job is held by 2 rented nodes (second choice) or by 2 own ones (second choice); both jobs must be held.
    assert "held_or_rejected_1: pick_0_2 + pick_1_2 + reject_1 >= 1" in text
    assert "rejected_at_most: reject_1 <= 0" in text
    assert "one_choice_0: pick_0_0 + pick_0_2 = 1" in text
    assert "nodes_of_choice_1: - nodes_1 + pick_1_1 + 2 pick_1_2 = 0" in text


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


def test_an_answer_at_the_edge_of_what_is_allowed_says_so():
    trace = Trace.from_columns({"submit_s": [0, 10, 3600], "run_s": [60, 60, 60], "procs": [2, 2, 2]})
    target = Target(metric="wait_s", statistic="max", at_most=0)
    for nodes, edge in (([2, 3, 4], {"own": "fewest"}), ([0, 1, 2], {"own": "most"}), ([1, 2, 3], {}), (2, {})):
        plan = search(trace, cluster_of(own(nodes)), [target], workers=1)
        assert plan.chosen is not None
        assert (plan.chosen.nodes, plan.at_edge) == ({"own": 2}, edge)
        said = [f"It takes the {one} nodes of pool own that the scenario allows" for one in edge.values()]
        assert all(one in plan.summary["answer"] for one in said)
        assert ("look beyond" in plan.summary["answer"]) == bool(edge)


def test_the_figure_of_the_search_ends_at_its_answer():
    trace = Trace.from_columns({"submit_s": [0, 0, 0, 3600], "run_s": [60, 50, 40, 60], "procs": [2, 2, 2, 2]})
    target = Target(metric="wait_s", statistic="max", at_most=45)
    plan = search(trace, cluster_of(own([1, 2, 3])), [target], workers=1)
    bound, best = plan.plot("search").get_lines()
    assert np.asarray(bound.get_ydata())[-1] == pytest.approx(plan.lower_bound_usd_per_year)
    assert np.asarray(best.get_ydata())[-1] == pytest.approx(plan.cost_usd_per_year)
