"""The search under site rules: against brute force over nodes, policies, and alternatives of limits and hours."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Target, Trace, costs, simulate
from pwsim.prices import Economics, Start, parse_local
from pwsim.search import Holding, complete_targets, search
from tests.search.test_plan import own, rented

ECONOMICS = Economics(start="2026-01-05T08:59:55")
MONDAY = Start(parse_local("2026-01-05T08:59:55"), "")
HOURS = [{"open": "09:00-17:00", "where": {"procs_at_least": 2}}]
"""Wide jobs may start from the fifth second on."""
LIMITS = [{"at_most": {"cores": 3}, "per": "user"}]
DOORS = [
    {"name": "wide", "pools": ["own", "rented"], "where": {"procs_at_least": 2}, "tier": 1},
    {"name": "all", "pools": ["own"], "default": True, "max_time": 8},
]
OUTAGES = [{"pools": ["own"], "nodes": 1, "start": "2026-01-05T09:00:03", "length": 4, "then": "stop"}]

traces = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.integers(0, 9),
        st.integers(1, 9),
        st.sampled_from([1, 1, 2, 3, 4]),
        st.sampled_from("ab"),
    ),
    min_size=2,
    max_size=9,
).map(
    lambda rows: Trace.from_columns(
        dict(zip(("submit_s", "run_s", "estimate_s", "procs", "user"), zip(*sorted(rows), strict=True), strict=True))
    )
)
rules = st.fixed_dictionaries(
    {},
    optional={
        "partitions": st.sampled_from([DOORS, DOORS[1:]]),
        "hours": st.sampled_from([HOURS, {"choices": [HOURS, []]}]),
        "limits": st.sampled_from([LIMITS, {"choices": [[], LIMITS]}]),
        "outages": st.just(OUTAGES),
        "scheduler": st.sampled_from([{"period": 5}, {"start_delay": 2}]),
    },
)
targets_ = st.lists(
    st.one_of(
        st.integers(0, 12).map(lambda limit: Target(metric="wait_s", statistic="p90", at_most=limit)),
        st.integers(0, 12).map(lambda limit: Target(metric="wait_s", statistic="max", at_most=limit)),
        st.integers(0, 3).map(lambda limit: Target(metric="jobs_rejected", at_most=limit)),
        st.integers(0, 9).map(lambda limit: Target(metric="throughput_jobs_per_hour", at_least=limit * 200)),
    ),
    max_size=2,
)


def brute_force(trace: Trace, cluster: Cluster, targets: Any) -> tuple[float, list[Any]]:
    """Replay every setup; return the lowest cost that meets the targets, and the setups that do."""
    good = []
    for counts in itertools.product(*(pool.nodes for pool in cluster.pools)):
        nodes = {pool.name: count for pool, count in zip(cluster.pools, counts, strict=True)}
        for procedure in cluster.procedures:
            result = simulate(trace, cluster.at(nodes, *procedure), engine="simpy", start=MONDAY)
            if all(target.met(target.achieved(result)) for target in targets):
                good.append((costs.total(result.cost(ECONOMICS)), nodes, *procedure))
    return min((one[0] for one in good), default=math.inf), good


CASES = (
    traces.filter(lambda trace: trace.span_s > 0), rules, targets_, st.sampled_from(["easy", "conservative", "replan"]),
)  # fmt: skip


@given(*CASES)
@settings(max_examples=8)
def test_search_is_what_brute_force_finds(trace, stated, targets, policy):
    check_search(trace, stated, targets, policy)


@pytest.mark.slow
@given(*CASES)
@settings(max_examples=300)
def test_search_is_what_brute_force_finds_in_many_cases(trace, stated, targets, policy):
    check_search(trace, stated, targets, policy)


def check_search(trace: Trace, stated: dict[str, Any], targets: list[Target], policy: str) -> None:
    """Fail unless a search finds what replays of all setups show to be the cheapest."""
    pools = [own([0, 1, 2], cores=2), rented([0, 1, 2], 0.3, cores=2)]
    if "outages" in stated:
        pools[0]["nodes"] = [1, 2]
    cluster = Cluster.model_validate({"policy": [policy, "sjf"], "pools": pools, **stated})
    holding = Holding(trace, cluster)
    targets = [*complete_targets(holding, targets), Target(metric="rejected_work_share", at_most=1)]
    best, good = brute_force(trace, cluster, targets)
    plan = search(trace, cluster, targets, economics=ECONOMICS, engine="simpy", workers=1)
    if not good:
        assert (plan.status, plan.chosen) == ("infeasible", None)
        return
    assert plan.status == "optimal"
    assert plan.cost_usd_per_year == pytest.approx(best, rel=1e-9)
    assert plan.chosen is not None
    cheapest = [one[1:] for one in good if one[0] <= best * (1 + 1e-9)]
    first = min(cheapest, key=lambda one: (*one[0].values(), cluster.procedures.index(tuple(one[1:]))))
    assert (plan.chosen.nodes, *plan.chosen.how) == first
