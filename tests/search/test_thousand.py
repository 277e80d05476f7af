"""A thousand small scenarios of all kinds: choice, cost, status and frontier are brute force's, and every bound is true.

``pytest -m slow -s tests/search/test_thousand.py`` asks them and prints how many there were of each kind, and the seed,
which is another each time; ``PWSIM_TEST_SEED=… pytest …`` asks the same again.  Brute force replays every setup with the
SimPy model, and the search is done by the compiled engine, but under rules of a site, for which that takes long to
compile.  The scenarios are those of the tests beside this one, put together.
"""

# Questions are plain data here, as in a scenario file, and what a plan may lack is there.
# mypy: disable-error-code="union-attr"

from __future__ import annotations

import itertools
import math
import os
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pwsim import Cluster, HopelessError, InputError, Target, Trace, simulate
from pwsim.engine import Engine
from pwsim.metrics import NO_TRIM
from pwsim.prices import UNDISCOUNTED, Economics, start_of
from pwsim.search import Frontier, Holding, Objective, Plan, ask, complete_targets, following, probing
from pwsim.search.decomposition import Known, coupling, paths
from pwsim.search.judging import Judge
from pwsim.search.options import AllCandidates, bounds_of, choice_of, in_space, many, order_of
from pwsim.search.plan import Setup
from tests.costs.test_commitments import POOLS as COMMITTED
from tests.costs.test_commitments import best as best_of
from tests.costs.test_commitments import every_setup_and_count
from tests.costs.test_money import DAYTIME, cloud
from tests.costs.test_money import own as plain_own
from tests.costs.test_savings import KINDS, two_pools, with_plans
from tests.costs.test_savings import plan as savings_plan
from tests.search import test_accounting, test_renting, test_site_search
from tests.search.test_decomposition import CLUSTERS, DOORS, TARGETS, WITH_SPAN
from tests.search.test_frontier import ASKED, FREE, FRONTIERS, METHODS, MINIMISED, by, meeting, with_carbon
from tests.search.test_plan import own, rented
from tests.search.test_types import BURSTING, STEADY

SEED = int(os.environ.get("PWSIM_TEST_SEED", secrets.randbits(32)))
MOST_SETUPS = 60
"""Larger spaces take brute force too long."""
CLOSE = 1e-9
"""Up to this, costs are equal, and bounds may be above them: sums are rounded."""


@dataclass(frozen=True)
class Question:
    """A scenario, and how its search goes."""

    trace: Trace
    cluster: Cluster
    targets: tuple[Target, ...]
    economics: Economics = UNDISCOUNTED
    method: str = "listed"
    frontier: Frontier | None = None
    objective: Objective | None = None
    engine: Engine = "auto"
    eager: bool = False
    """Whether setups are probed first, and replays end early, as in large searches."""
    least_usd: float = math.nan
    """What the answer costs by counting, where that is known otherwise, too."""

    @property
    def complete(self) -> tuple[Target, ...]:
        """The targets with the implied ones."""
        return complete_targets(Holding(self.trace, self.cluster), self.targets)


POLICIES = st.sampled_from([["easy"], ["fcfs", "easy"], ["sjf-conservative", "easy"]])
FREED = TARGETS.map(lambda targets: (*targets, FREE))


def small(cluster: Cluster) -> bool:
    return in_space(cluster) <= MOST_SETUPS


def _steady(asked: Mapping[str, Any], *, doors: bool) -> Cluster:
    fits = [pool["name"] for pool in asked["pools"]] == ["own", "rented"]
    return Cluster.model_validate({**asked, **({"partitions": DOORS} if doors and fits else {})})


def _typed(pools: Any, policy: Any) -> Cluster:
    return Cluster.model_validate({"policy": policy, "pools": pools})


def _site(stated: Mapping[str, Any], policy: str) -> Cluster:
    pools = [own([1, 2] if "outages" in stated else [0, 1, 2], cores=2), rented([0, 1, 2], 0.3, cores=2)]
    return Cluster.model_validate({"policy": [policy, "sjf"], "pools": pools, **stated})


def _by_the_hour(asked: Mapping[str, Any]) -> Cluster:
    """Return a cluster whose electricity costs another price from eight o'clock on."""
    pools = [
        {**pool, "cost": {**pool["cost"], "idle_power": 100, "busy_power": 9_000, "electricity_usd_per_kwh": DAYTIME}}
        if "cost" in pool
        else pool
        for pool in asked["pools"]
    ]
    return Cluster.model_validate({**asked, "pools": pools})


@st.composite
def committing(draw: st.DrawFn) -> Question:
    kind, usd = draw(st.sampled_from(sorted(COMMITTED))), draw(st.sampled_from([0.3, 1.0, 2.9]))
    trace, limit = draw(WITH_SPAN), draw(st.sampled_from([0.0, 4.0, 20.0]))
    pools = [cloud([1, 2, 4], **COMMITTED[kind]), plain_own([0, 1, 3], opex_usd_per_year=9_000)]
    pools[1]["burst_after"] = 0 if kind != "up" else None
    targets = (Target(metric="wait_s", statistic="p95", at_most=limit), FREE)
    found = every_setup_and_count(trace, pools, targets, usd)
    pools[0]["commitments"] = best_of(usd)
    cluster = Cluster.model_validate({"pools": pools})
    return Question(trace, cluster, targets, Economics(), least_usd=min(found.values(), default=math.inf))


@st.composite
def saving(draw: st.DrawFn) -> Question:
    kinds, amounts = draw(st.sampled_from(KINDS)), draw(st.sampled_from([("best",), (0.9,), (20.0,), ("best", 1.0)]))
    pools = [*two_pools(((1, 3), (1, 2)), kinds), plain_own([0, 1], cores=2, opex_usd_per_year=20_000)]
    if "up" not in kinds:
        pools[2]["burst_after"] = 5.0
    plans = [savings_plan(usd, name=f"plan-{at}", term=("1yr", "3yr")[at]) for at, usd in enumerate(amounts)]
    targets = (Target(metric="wait_s", statistic="p90", at_most=draw(st.sampled_from([0.0, 20.0]))), FREE)
    economics = Economics(**with_plans(*plans))
    return Question(draw(WITH_SPAN), Cluster.model_validate({"pools": pools}), targets, economics)


EIGHT = Economics(start="2026-01-05T07:59:50", discount_rate=0.0)
"""A Monday, ten seconds before the day's tariff begins."""
ELASTIC_JOBS = test_renting.jobs.filter(lambda trace: trace.span_s > 0)
ASKED_OF_SERVICE = ASKED.map(
    lambda targets: tuple(target for target in targets if target.metric != "cost_usd_per_year")
)
SCENARIOS: dict[str, tuple[int, st.SearchStrategy[Question]]] = {
    "steady": (
        200,
        st.builds(Question, WITH_SPAN, st.builds(_steady, CLUSTERS, doors=st.just(False)), FREED, method=METHODS),
    ),
    "partitions": (
        80,
        st.builds(Question, WITH_SPAN, st.builds(_steady, CLUSTERS, doors=st.just(True)), FREED, method=METHODS),
    ),
    "elastic": (
        150, st.builds(Question, ELASTIC_JOBS, test_renting.clusters().filter(small), FREED, eager=st.booleans())
    ),
    "burst": (100, st.builds(Question, WITH_SPAN, test_accounting.BURSTING, FREED, eager=st.booleans())),
    "types": (
        120,
        st.builds(
            Question, WITH_SPAN, st.builds(_typed, st.sampled_from(STEADY + BURSTING), POLICIES).filter(small), FREED,
            method=METHODS, eager=st.booleans(),
        ),
    ),
    "site rules": (
        80,
        st.builds(
            Question, test_site_search.traces.filter(lambda trace: trace.span_s > 0),
            st.builds(_site, test_site_search.rules, st.sampled_from(["easy", "conservative", "replan"])),
            test_site_search.targets_.map(lambda targets: (*targets, FREE)),
            economics=st.just(test_site_search.ECONOMICS), engine=st.just("simpy"),
        ),
    ),
    "commitments": (80, committing()),
    "savings plans": (60, saving()),
    "hourly tariffs": (
        100,
        st.builds(
            Question, WITH_SPAN, st.builds(_by_the_hour, CLUSTERS), FREED, economics=st.just(EIGHT), method=METHODS,
        ),
    ),
    "minimise": (
        80,
        st.builds(Question, WITH_SPAN, CLUSTERS.map(with_carbon), ASKED.map(tuple), method=METHODS, objective=MINIMISED),
    ),
    "frontier": (
        100,
        st.builds(
            Question, WITH_SPAN, CLUSTERS.map(with_carbon), ASKED_OF_SERVICE, method=METHODS, frontier=FRONTIERS,
        ),
    ),
}  # fmt: skip
"""By kind, how many are asked, and what makes one."""

Good = list[tuple[float, Setup, Any]]
"""Cost of the setups that meet the targets, the setup, and what it was replayed to."""


def every_setup(asked: Question) -> list[Any]:
    """Return every setup that can be replayed to its end with its result and bill, as ties are decided."""
    cluster, found = asked.cluster, []
    start = start_of(asked.trace, asked.economics.start, asked.economics.time_zone)
    names = [pool.name for pool in cluster.pools]
    kinds: list[list[Any]] = [[one.name for one in pool.types] or [None] for pool in cluster.pools]
    for counts in itertools.product(*(pool.nodes for pool in cluster.pools)):
        for some in itertools.product(*kinds):
            types = {name: one for name, one in zip(names, some, strict=True) if one is not None}
            for procedure in cluster.procedures:
                setup = Setup(dict(zip(names, counts, strict=True)), *procedure, types)
                try:
                    result = simulate(asked.trace, cluster.at(*setup), engine="simpy", start=start)
                except HopelessError:  # nodes are launched in vain: it misses
                    continue
                found.append((setup, result, result.bill(asked.economics)))
    return found


def check_choice(asked: Question, plan: Plan, good: Good) -> None:
    """Compare what a search for the cheapest found with all setups that meet the targets."""
    if not good:
        assert (plan.status, plan.chosen, plan.lower_bound_usd_per_year) == ("infeasible", None, math.inf)
        return
    least = min(cost for cost, _, _ in good)
    assert (plan.status, plan.gap) == ("optimal", 0)
    assert plan.cost_usd_per_year == pytest.approx(least, rel=CLOSE)
    assert plan.chosen == first_of(asked.cluster, [setup for cost, setup, _ in good if cost <= least * (1 + CLOSE)])
    if not math.isnan(asked.least_usd):
        assert least == pytest.approx(asked.least_usd)


def first_of(cluster: Cluster, equal: list[Setup]) -> Setup:
    """Return the setup that is to be taken of several that are as good."""
    choices = {place: choice_of(cluster, one.nodes, one.types) for place, one in enumerate(equal)}
    ways = [tuple(procedure) for procedure in cluster.procedures]
    return equal[min(choices, key=lambda at: (*order_of(cluster, choices[at]), ways.index(tuple(equal[at].how))))]


def valued(objective: Objective, good: Good) -> list[tuple[float, float, Setup]]:
    """Return what setups have of an objective, with cost and setup, of those that serve a job that it is about."""
    found = [(objective.at_most(0).achieved(*seen), cost, setup) for cost, setup, seen in good]
    return [one for one in found if not math.isnan(one[0])]


def check_minimised(objective: Objective, cluster: Cluster, plan: Plan, good: Good) -> None:
    """Compare the lowest value that was found with that of all setups that meet the targets."""
    if not good:
        assert (plan.status, plan.chosen) == ("infeasible", None)
        return
    every = valued(objective, good)
    lowest = min(value for value, _, _ in every)
    equal = [(cost, setup) for value, cost, setup in every if value <= lowest * (1 + 1e-8) + 1e-8]
    least = min(cost for cost, _ in equal)
    assert (plan.status, plan.minimised.gap) == ("optimal", 0)
    assert plan.minimised.achieved == plan.minimised.lower_bound == pytest.approx(lowest, rel=1e-7, abs=1e-7)
    assert plan.chosen == first_of(cluster, [setup for cost, setup in equal if cost <= least * (1 + CLOSE)])


def check_frontier(asked: Question, plan: Plan, every: list[Any]) -> None:
    """Compare each point with the cheapest of all setups that meet its limit."""
    points = asked.frontier.points()
    assert [point.required for point in plan.points] == [target.required for target in points]
    for point, target in zip(plan.points, points, strict=True):
        others = [one for one in asked.targets if not asked.frontier.replaces(one)]
        good = meeting(asked.trace, asked.cluster, every, [*others, target])
        if not good:
            assert (point.status, point.chosen, point.lower_bound_usd_per_year) == ("infeasible", None, math.inf)
            continue
        least = min(cost for cost, _, _ in good)
        assert (point.status, point.gap) == ("optimal", 0)
        assert point.cost_usd_per_year == pytest.approx(least, rel=CLOSE)
        equal = [setup for cost, setup, _ in good if cost <= least * (1 + CLOSE)]
        assert point.chosen == first_of(asked.cluster, equal)
        check_bounds(asked, complete_targets(Holding(asked.trace, asked.cluster), [*others, target]), good)


def check_bounds(asked: Question, targets: tuple[Target, ...], good: Good) -> None:
    """Make sure that no setup that meets the targets costs less than its bounds, or is excluded by one."""
    trace, cluster, economics = asked.trace, asked.cluster, asked.economics
    holding = Holding(trace, cluster)
    known = bounds_of(holding, targets, economics)
    listed = {one.choice: one.bound_usd_per_year for one in iter(AllCandidates(known).take, None)}
    network = paths(holding) if coupling(trace, cluster, economics.savings_plans) is None else None
    pools = None
    if network is not None:
        pools = Known(Judge(trace, cluster, targets, economics, "auto", 1, NO_TRIM), known, network)
    for cost, setup, _ in good:
        most = cost * (1 + CLOSE) + CLOSE
        choice = choice_of(cluster, setup.nodes, setup.types)
        bounds = known.of_types(choice).bounds
        assert bounds.usd_of([one // many(pool) for one, pool in zip(choice, cluster.pools, strict=True)]) <= most
        assert listed[choice] <= most, "it is listed: neither cores nor rejected jobs exclude it"
        if network is not None:
            arcs = list(network.path(choice))
            assert math.fsum(pools.sums.usd[0, arcs]) <= most
            assert (pools.sums.amounts[:, 0, arcs].sum(axis=1) <= pools.sums.limits).all()


def check_steps(asked: Question, plan: Plan, good: Good) -> None:
    """Make sure that at each step of a search, no setup that was left and meets the targets cost less than the bound."""
    left = {str(setup): cost for cost, setup, _ in good}
    told = [name for name in ("limits", "hours") if name in plan.setups]
    # Bounds of the other points of a frontier are about other targets.
    own = plan.setups["lower_bound_usd_per_year"].notna()
    assert own.all() or asked.frontier is not None
    for row in plan.setups[own].to_dict("records"):
        assert row["lower_bound_usd_per_year"] <= min(left.values(), default=math.inf) * (1 + CLOSE) + CLOSE
        nodes = {pool.name: row[f"nodes_{pool.name}"] for pool in asked.cluster.pools}
        types = {pool.name: row[f"type_{pool.name}"] for pool in asked.cluster.pools if pool.types}
        ways = [one for one in asked.cluster.procedures if str(one.policy) == row["policy"]]
        ways = [one for one in ways if all(getattr(one, name) == row[name] for name in told)]
        left.pop(str(Setup(nodes, *ways[0], types)), None)


def check(asked: Question) -> str:
    """Ask a question of a search and of brute force; return how it ended."""
    every = every_setup(asked)
    good = meeting(asked.trace, asked.cluster, every, asked.targets)
    how: dict[str, Any] = {"objective": asked.objective, "frontier": asked.frontier}
    with pytest.MonkeyPatch.context() as patch:
        by(patch, asked.method)
        if asked.eager:
            patch.setattr(probing, "MANY_SETUPS", 1)
            for name, value in (("WHOLE_JOBS", 0), ("WHOLE_SETUPS", 1), ("AHEAD", 1)):
                patch.setattr(following, name, value)
        if asked.objective is not None and good and not valued(asked.objective, good):
            with pytest.raises(InputError, match="serves a job that it is about"):
                ask(asked.trace, asked.cluster, asked.targets, objective=asked.objective, workers=1)
            return "refused"
        plan = ask(
            asked.trace, asked.cluster, asked.targets, economics=asked.economics, engine=asked.engine, workers=1, **how
        )
    assert in_space(asked.cluster) == plan.setups_in_space
    check_bounds(asked, asked.complete, good)
    if asked.objective is not None:
        check_minimised(asked.objective, asked.cluster, plan, good)
    else:
        check_choice(asked, plan, good)
        check_steps(asked, plan, good)
    if asked.frontier is not None:
        check_frontier(asked, plan, every)
    return plan.status


def ask_some(kind: str, count: int, seed: int) -> Counter[str]:
    """Ask so many questions of a kind; return how many ended how."""
    ended: Counter[str] = Counter()

    @hypothesis.seed(seed)
    @settings(
        max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(SCENARIOS[kind][1])
    def each(asked: Question) -> None:
        if asked.objective is not None and asked.objective.where is not None:
            hypothesis.assume(asked.objective.where.admit(asked.trace).any())
        abouts = [target.where for target in asked.targets if target.where is not None]
        hypothesis.assume(all(about.admit(asked.trace).any() for about in abouts))
        ended[check(asked)] += 1

    each()
    return ended


@pytest.mark.slow
@pytest.mark.parametrize("kind", SCENARIOS)
def test_scenarios_are_what_brute_force_finds(kind):
    count, _ = SCENARIOS[kind]
    ended = ask_some(kind, count, SEED)
    told = ", ".join(f"{number} {how}" for how, number in sorted(ended.items()))
    print(f"\n{kind}, seed {SEED}: {ended.total()} scenarios, {told}", flush=True)  # noqa: T201 - who runs it is to see
    assert ended.total() >= count


def test_there_are_a_thousand():
    assert sum(count for count, _ in SCENARIOS.values()) >= 1000


@pytest.mark.parametrize("kind", ["elastic", "hourly tariffs"])
def test_a_handful_of_the_kinds_that_no_other_test_searches(kind):
    assert ask_some(kind, 6, seed=1).total() >= 3
