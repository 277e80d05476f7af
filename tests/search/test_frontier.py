"""Frontier and minimise: against brute force by both methods, what they refuse, budgets, tables and words."""

# Questions are plain data here, as in a scenario file, and what a plan may lack is there.
# mypy: disable-error-code="arg-type, union-attr, attr-defined, func-returns-value"

from __future__ import annotations

import functools
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, InputError, Target, Trace, costs, generate, simulate
from pwsim import optimize as with_draws
from pwsim.prices import UNDISCOUNTED
from pwsim.search import Frontier, Objective, ask, complete_targets, decomposition, simulate_and_cut
from pwsim.search.holding import Holding
from pwsim.search.replays import Replays
from tests.search.test_decomposition import CLUSTERS, WITH_SPAN
from tests.search.test_plan import COST, own, rented

optimize = functools.partial(with_draws, draws=False)
LIMITS = [0, 1, 2, 4, 8, 16]
FREE = Target(metric="rejected_work_share", at_most=1)
DIRTY = {**COST, "carbon_g_per_kwh": 400}
METHODS = st.sampled_from(["by_setup", "listed", "programme"])
FRONTIERS = st.one_of(
    st.builds(
        lambda metric, statistic, limits: Frontier(
            target={"metric": metric, "statistic": statistic}, at_most=sorted(limits)
        ),
        st.sampled_from(["wait_s", "bounded_slowdown"]),
        st.sampled_from(["mean", "p50", "max"]),
        st.sets(st.sampled_from(LIMITS), min_size=1, max_size=4),
    ),
    st.sets(st.sampled_from(LIMITS), min_size=1, max_size=4).map(
        lambda limits: Frontier(target={"metric": "jobs_completed"}, at_least=sorted(limits))
    ),
    st.sets(st.sampled_from([0, 400, 900, 1500]), min_size=1, max_size=3).map(
        lambda limits: Frontier(target={"metric": "carbon_kg_per_year"}, at_most=sorted(limits))
    ),
)
MINIMISED = st.sampled_from(
    [
        Objective(metric="wait_s", statistic="mean"),
        Objective(metric="wait_s", statistic="p50"),
        Objective(metric="bounded_slowdown", statistic="max", where={"procs_at_least": 2}),
        Objective(metric="carbon_kg_per_year"),
        Objective(metric="jobs_rejected"),
        Objective(metric="makespan_s"),
    ]
)
ASKED = st.lists(
    st.one_of(
        st.sampled_from([0, 2, 8]).map(lambda limit: Target(metric="turnaround_s", statistic="p90", at_most=limit * 4)),
        st.sampled_from([300, 900, 2000]).map(lambda usd: Target(metric="cost_usd_per_year", at_most=usd)),
        st.sampled_from([100, 800, 2000]).map(lambda kg: Target(metric="carbon_kg_per_year", at_most=kg)),
    ),
    max_size=2,
    unique_by=lambda target: target.metric,
).map(lambda targets: [*targets, FREE])


def with_carbon(cluster):
    """Return a cluster whose nodes emit carbon dioxide."""
    pools = [
        {**pool, "cost": {**pool["cost"], "idle_power": 100, "busy_power": 300, "carbon_g_per_kwh": 400}}
        if "cost" in pool
        else {**pool, "carbon_g_per_hour": 30}
        for pool in cluster["pools"]
    ]
    return Cluster.model_validate({**cluster, "pools": pools})


def every_setup(trace, cluster):
    """Return every setup with its result and bill, in the order in which ties are decided."""
    found = []
    for counts in itertools.product(*(pool.nodes for pool in cluster.pools)):
        nodes = {pool.name: count for pool, count in zip(cluster.pools, counts, strict=True)}
        for policy in cluster.policy:
            result = simulate(trace, cluster.at(nodes, policy))
            found.append(((nodes, policy), result, result.bill(UNDISCOUNTED)))
    return found


def meeting(trace, cluster, every, targets):
    """Return those of all setups that meet the targets, the implied ones included, with their cost."""
    targets = complete_targets(Holding(trace, cluster), targets)
    return [
        (costs.total(bill.cost), setup, (result, bill))
        for setup, result, bill in every
        if all(target.met(target.achieved(result, bill)) for target in targets)
    ]


def by(patch, method):
    """Make a search go one of its ways."""
    if method == "by_setup":
        patch.setattr(simulate_and_cut, "coupling", lambda *_: "a test asks for it")
    elif method == "programme":
        patch.setattr(decomposition, "MOST_LISTED", 0)


@given(trace=WITH_SPAN, cluster=CLUSTERS, frontier=FRONTIERS, targets=ASKED, method=METHODS)
@settings(max_examples=12)
def test_every_point_of_a_frontier_is_what_brute_force_finds(trace, cluster, frontier, targets, method):
    cluster = with_carbon(cluster)
    targets = [one for one in targets if one.metric != "cost_usd_per_year"]
    every = every_setup(trace, cluster)
    with pytest.MonkeyPatch.context() as patch:
        by(patch, method)
        plan = ask(trace, cluster, targets, frontier=frontier, workers=1)
        alone = ask(trace, cluster, targets, workers=1)
    assert (plan.chosen, plan.cost_usd_per_year, plan.status) == (alone.chosen, alone.cost_usd_per_year, alone.status)
    points = frontier.points()
    assert [point.required for point in plan.points] == [point.required for point in points]
    for point, target in zip(plan.points, points, strict=True):
        others = [one for one in targets if not frontier.replaces(one)]
        good = meeting(trace, cluster, every, [*others, target])
        if not good:
            assert (point.status, point.chosen, point.lower_bound_usd_per_year) == ("infeasible", None, math.inf)
            continue
        best = min(cost for cost, _, _ in good)
        cheapest = next(setup for cost, setup, _ in good if cost <= best * (1 + 1e-9))
        assert (point.status, point.gap) == ("optimal", 0)
        assert tuple(point.chosen)[:2] == cheapest
        assert point.cost_usd_per_year == pytest.approx(best, rel=1e-9)
        assert target.met(point.achieved)


@given(trace=WITH_SPAN, cluster=CLUSTERS, minimise=MINIMISED, targets=ASKED, method=METHODS)
@settings(max_examples=12)
def test_the_lowest_is_what_brute_force_finds(trace, cluster, minimise, targets, method):
    cluster = with_carbon(cluster)
    if minimise.where is not None and not minimise.where.admit(trace).any():
        return
    good = meeting(trace, cluster, every_setup(trace, cluster), targets)
    good = [(minimise.at_most(0).achieved(*seen), cost, setup) for cost, setup, seen in good]
    good = [one for one in good if not math.isnan(one[0])]
    with pytest.MonkeyPatch.context() as patch:
        by(patch, method)
        plan = ask(trace, cluster, targets, objective=minimise, workers=1)
    if not good:
        assert (plan.status, plan.chosen) == ("infeasible", None)
        return
    lowest = min(value for value, _, _ in good)
    equal = [one for one in good if one[0] <= lowest * (1 + 1e-8) + 1e-8]
    cheapest = min(cost for _, cost, _ in equal)
    assert (plan.status, plan.minimised.gap) == ("optimal", 0)
    assert plan.minimised.achieved == plan.minimised.lower_bound == pytest.approx(lowest, rel=1e-7, abs=1e-7)
    assert tuple(plan.chosen)[:2] == next(setup for _, cost, setup in equal if cost <= cheapest * (1 + 1e-9))
    assert plan.setups["step"].tolist() == list(range(len(plan.setups)))
    assert all(target["met"] for target in plan.judged_targets())


WAIT = {"metric": "wait_s", "statistic": "p95"}
LOG = generate(jobs=200, cores=12, load=0.9, seed=1)
POOLS = {
    "by_setup": [own({"min": 6, "max": 16}, cost=DIRTY)],
    "by_pool": [
        own({"min": 6, "max": 16}, cost=DIRTY),
        rented({"max": 6}, 0.02, accepts={"procs": {"at_most": 2}}),
    ],
}
EVERY = {"target": WAIT, "at_most": ["0 s", "10 min", "1 h", "6 h", "2 d"]}


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("setups", [1, 3])
def test_a_budget_covers_all_points_and_their_bounds_hold(kind, setups):
    truth = optimize(trace=LOG, pools=POOLS[kind], targets=[], frontier=EVERY)
    cut = optimize(trace=LOG, pools=POOLS[kind], targets=[], frontier=EVERY, max_setups=setups)
    assert cut.cut_short_after is not None
    assert any(point.stopped == "max_setups" for point in cut.points)
    for true, known in zip(truth.points, cut.points, strict=True):
        assert true.status in ("optimal", "infeasible")
        best = true.cost_usd_per_year if true.chosen else math.inf
        assert known.lower_bound_usd_per_year <= best * (1 + 1e-9)
        if known.chosen:
            assert known.cost_usd_per_year >= best * (1 - 1e-9)
            assert 0 <= known.gap < 1
        elif known.status == "unknown":
            assert math.isfinite(known.lower_bound_usd_per_year)
    assert cut.run_id != truth.run_id


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("metric", ["wait_s", "carbon_kg_per_year"])
def test_a_budget_ends_minimising_with_a_true_bound(kind, metric):
    asked = {"metric": metric, "statistic": "mean" if metric == "wait_s" else None}
    target = {"metric": "cost_usd_per_year", "at_most": 6000}
    if metric != "wait_s":
        target = {"metric": "wait_s", "statistic": "p95", "at_most": "1 h"}
    truth = optimize(trace=LOG, pools=POOLS[kind], targets=[target], minimise=asked)
    assert truth.status == "optimal"
    for setups in range(1, len(truth.setups), 2):
        cut = optimize(trace=LOG, pools=POOLS[kind], targets=[target], minimise=asked, max_setups=setups)
        assert len(cut.setups) <= setups
        assert cut.minimised.lower_bound <= truth.minimised.achieved * (1 + 1e-9)
        assert cut.status in ("best_found", "unknown", "optimal")
        if cut.chosen:
            assert cut.minimised.achieved >= truth.minimised.achieved * (1 - 1e-9)
            assert 0 <= cut.minimised.gap <= 1
            assert "might have less" in cut.summary["answer"] or cut.status == "optimal"


def test_no_replay_is_done_twice():
    replays = Replays()
    cluster = Cluster.model_validate({"pools": POOLS["by_setup"]})
    ask(LOG, cluster, [], frontier=Frontier(**EVERY), replays=replays, workers=1)
    assert 5 <= replays.done <= 11  # the choices of nodes


@pytest.mark.parametrize("kind", POOLS)
def test_workers_make_no_difference(kind):
    for asked in (
        {"frontier": EVERY},
        {"minimise": WAIT, "targets": [{"metric": "cost_usd_per_year", "at_most": 6000}]},
    ):
        one, two = (optimize(trace=LOG, pools=POOLS[kind], workers=workers, **asked) for workers in (1, 3))
        assert one.summary == two.summary
        for name, table in one.tables().items():
            assert table.equals(two.tables()[name])


def test_the_table_tells_of_each_point_and_the_words_of_each_step():
    plan = optimize(trace=LOG, pools=[own([6, 8, 16])], targets=[{**WAIT, "at_most": "1 h"}], frontier=EVERY)
    table, told = plan.tables()["frontier"], plan.summary["frontier"]
    assert table["required"].tolist() == [172800, 21600, 3600, 600, 0]
    usd, steps = table["cost_usd_per_year"].to_numpy(), table["marginal_usd_per_year"].to_numpy()
    known = [place for place in range(5) if not math.isnan(usd[place])]
    for one, other in itertools.pairwise(known):
        assert steps[other] == pytest.approx(usd[other] - usd[one])
    assert math.isnan(steps[0])
    assert [point["status"] for point in told["points"]] == table["status"].tolist()
    assert "a year more" in plan.summary["answer"]
    assert plan.plot("frontier").get_xlabel() == "95th percentile of the waiting time at most"


def test_what_no_setup_meets_is_said():
    plan = optimize(trace=LOG, pools=[own([6, 7])], targets=[], frontier=EVERY)
    assert plan.points[-1].status == "infeasible"
    assert "no setup allowed reaches" in plan.summary["answer"]
    assert plan.frontier.iloc[-1][["cost_usd_per_year", "nodes_own", "achieved"]].isna().all()


def test_a_cost_that_nothing_is_below_is_infeasible():
    target = {"metric": "cost_usd_per_year", "at_most": 1}
    plan = optimize(trace=LOG, pools=POOLS["by_setup"], targets=[target], minimise=WAIT)
    assert (plan.status, plan.chosen) == ("infeasible", None)
    assert "cost at most $1" in plan.summary["answer"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"frontier": {"target": {"metric": "waiting"}, "at_most": [1]}}, "metric"),
        ({"frontier": {"target": WAIT, "at_most": []}}, "at_most"),
        ({"frontier": {"target": WAIT, "at_most": ["1 h", "60 min"]}}, "occurs twice"),
        ({"frontier": {"target": WAIT, "at_most": ["1 parsec"]}}, "parsec"),
        ({"frontier": {"target": WAIT}}, "either at_least or at_most"),
        ({"frontier": {"target": {"metric": "cost_usd_per_year"}, "at_most": [1]}}, "vary a target on the service"),
        ({"frontier": {"target": {"metric": "utilization"}, "at_least": [0.5, 50]}}, "share from 0 to 1"),
        ({"frontier": {"target": {**WAIT, "where": {"procs_at_least": 999}}, "at_most": [1]}}, "frontier.target.where"),
        ({"frontier": EVERY, "minimise": WAIT}, "frontier"),
        ({"minimise": {"metric": "throughput_jobs_per_hour"}}, "more of throughput_jobs_per_hour is better"),
        ({"minimise": {"metric": "wait_s"}}, "add a statistic"),
        ({"minimise": {"metric": "cost_usd_per_year"}}, "without minimise"),
        ({"minimise": WAIT, "targets": [{"metric": "cost_usd_per_year", "at_least": 5}]}, "write at_most"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(asked, said):
    with pytest.raises(InputError) as error:
        optimize(trace=LOG, pools=POOLS["by_setup"], **asked)
    assert said in str(error.value)


def test_what_is_implied_of_a_metric_is_not_where_it_is_varied_or_minimised():
    # A job of 8 cores needs two nodes of four; who may leave it out buys one.
    trace = Trace.from_columns({"submit_s": [0, 100], "run_s": [10, 10], "procs": [8, 1]})
    pools = [{**own([1, 2], cost=DIRTY), "node": {"cores": 4}}]
    for metric, limits in (("rejected_work_share", [0, 0.95]), ("jobs_rejected", [0, 1])):
        plan = optimize(trace=trace, pools=pools, frontier={"target": {"metric": metric}, "at_most": limits})
        assert [point.chosen.nodes["own"] for point in plan.points] == [1, 2]
    usd = {"metric": "cost_usd_per_year", "at_most": plan.points[0].cost_usd_per_year * 1.01}
    least = optimize(trace=trace, pools=pools, targets=[usd], minimise={"metric": "jobs_rejected"})
    assert (least.status, least.chosen.nodes, least.minimised.achieved) == ("optimal", {"own": 1}, 1)


def test_a_target_from_the_other_side_stays():
    frontier = {"target": {"metric": "utilization"}, "at_least": [0.2, 0.4]}
    busy = {"metric": "utilization", "at_most": 0.5}
    plan = optimize(trace=LOG, pools=POOLS["by_setup"], targets=[busy], frontier=frontier)
    assert all(point.achieved <= 0.5 for point in plan.points if point.chosen)


def test_an_objective_that_no_setup_serves_is_refused():
    trace = Trace.from_columns({"submit_s": [0, 100], "run_s": [10, 10], "procs": [99, 1]})
    some = {"metric": "rejected_work_share", "at_most": 1}
    asked = {**WAIT, "where": {"procs_at_least": 50}}
    with pytest.raises(InputError, match="no setup that meets the targets serves a job that it is about"):
        optimize(trace=trace, pools=POOLS["by_setup"], targets=[some], minimise=asked)


def test_a_limit_does_not_hide_that_nothing_can_do_it():
    fast = {"metric": "throughput_jobs_per_hour", "at_least": 1e5}
    for pools in POOLS.values():
        plan = optimize(trace=LOG, pools=pools, policy=["easy", "fcfs"], targets=[fast], max_setups=1)
        assert plan.status == "infeasible"


def test_the_answer_says_which_points_are_not_proven():
    plan = optimize(trace=LOG, pools=POOLS["by_pool"], targets=[], frontier=EVERY, max_setups=1)
    assert "the search was cut short before a proof for" in plan.summary["answer"]
    assert "  " not in plan.summary["answer"]


def test_the_proof_of_a_minimum_holds_the_replays_of_all_searches():
    plan = optimize(
        trace=LOG, pools=POOLS["by_pool"], minimise=WAIT, targets=[{"metric": "cost_usd_per_year", "at_most": 6000}]
    )
    assert plan.method.pool_replays == len(plan.proof) > 0
    assert not plan.proof.duplicated().any()
    assert plan.summary["certificate"]["gap"] == 0
