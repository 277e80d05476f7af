"""Types of node: what is chosen is what brute force over all types finds, whole or pool by pool; words and errors."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, InputError, Trace, costs, optimize, simulate
from pwsim.metrics import NO_TRIM
from pwsim.prices import UNDISCOUNTED, Economics
from pwsim.search import Holding, accounting, complete_targets, decomposition, search
from pwsim.search.accounting import Claimed
from pwsim.search.decomposition import coupling, paths
from pwsim.search.judging import Judge
from pwsim.search.options import Place, bounds_of, count, options, order_of
from tests.search.test_decomposition import TARGETS, WITH_SPAN
from tests.search.test_plan import allowing_rejections, own, rented


def kind(name: str, cores: int = 2, usd: float = 1000, speed: float = 1.0) -> dict[str, Any]:
    return {"name": name, "node": {"cores": cores, "speed": speed}, "cost": {"capex_usd": usd, "lifetime_years": 5}}


def offer(name: str, cores: int = 2, price: float = 0.05, speed: float = 1.0) -> dict[str, Any]:
    return {"name": name, "node": {"cores": cores, "speed": speed}, "price_usd_per_hour": price}


def typed(pool: dict[str, Any], *types: dict[str, Any]) -> dict[str, Any]:
    said = {"node", "cost", "price_usd_per_hour"}
    return {**{key: value for key, value in pool.items() if key not in said}, "types": list(types)}


OWN = [kind("small", 1, 600), kind("large", 3, 1500)]
SAME = [kind("one"), kind("other")]  # every setup has a tie
RENTED = [offer("slow", 2, 0.02), offer("fast", 2, 0.05, 2.0), offer("wide", 4, 0.05)]
STEADY = [
    [typed(own([0, 1, 2]), *OWN), rented([0, 1, 2], 0.05)],
    [typed(own([0, 1, 2]), *SAME), typed(rented([0, 1], 0.05), *RENTED)],
    [rented({"max": 2}, 0.01, accepts={"procs": {"at_most": 2}}), typed(own([0, 1, 3]), *SAME, kind("quick", 1, 900, 2.0))],
]  # fmt: skip
BURSTING = [
    [typed(own([0, 1, 2]), *OWN)],
    [typed(own([0, 1, 2]), *SAME), rented([0, 1], 0.05, burst_after=1)],
    [typed(own([0, 1]), *OWN), typed(rented([0, 1, 2], 0.05, always_up=False, burst_after=1), *RENTED)],
]


def brute_force(trace: Trace, cluster: Cluster, targets: Any, economics: Economics = UNDISCOUNTED) -> tuple[float, Any]:
    """Replay every setup of every type; return the lowest cost that meets the targets, and all that do."""
    good = []
    names = [pool.name for pool in cluster.pools]
    kinds: list[list[Any]] = [[one.name for one in pool.types] or [None] for pool in cluster.pools]
    for counts in itertools.product(*(pool.nodes for pool in cluster.pools)):
        for places in itertools.product(*(range(len(some)) for some in kinds)):
            types = {
                name: some[place]
                for name, some, place in zip(names, kinds, places, strict=True)
                if some[place] is not None
            }
            for policy in cluster.policy:
                result = simulate(trace, cluster.at(dict(zip(names, counts, strict=True)), policy, types=types))
                if all(target.met(target.achieved(result)) for target in targets):
                    rank = (*counts, *places, cluster.policy.index(policy))
                    good.append((costs.total(result.cost(economics)), rank, types))
    return min((one[0] for one in good), default=math.inf), good


@given(
    trace=WITH_SPAN, pools=st.sampled_from(STEADY + BURSTING), targets=TARGETS, programme=st.booleans(),
    policy=st.sampled_from([["easy"], ["fcfs", "easy"]]),
)  # fmt: skip
@settings(max_examples=12)
def test_it_is_what_brute_force_finds(trace, pools, targets, programme, policy):
    cluster = Cluster.model_validate({"policy": policy, "pools": pools})
    targets = allowing_rejections(trace, cluster, targets)
    targets = list(complete_targets(Holding(trace, cluster), targets))
    best, good = brute_force(trace, cluster, targets)
    with pytest.MonkeyPatch.context() as patch:
        if programme:
            patch.setattr(decomposition, "MOST_LISTED", 0)
        plan = search(trace, cluster, targets, workers=1)
    assert plan.method.method == ("by_pool" if coupling(trace, cluster) is None else "by_setup")
    assert plan.setups_in_space == math.prod(len(pool.nodes) * max(1, len(pool.types)) for pool in cluster.pools) * len(
        policy
    )
    if not good:
        assert (plan.status, plan.chosen) == ("infeasible", None)
        return
    assert (plan.status, plan.gap) == ("optimal", 0)
    assert plan.cost_usd_per_year == pytest.approx(best, rel=1e-9)
    _, rank, types = min((one for one in good if one[0] <= best * (1 + 1e-9)), key=lambda one: one[1])
    assert plan.chosen is not None
    assert (tuple(plan.chosen.nodes.values()), plan.chosen.types) == (rank[: len(cluster.pools)], types)
    assert cluster.policy.index(plan.chosen.policy) == rank[-1]


@given(data=st.data(), trace=WITH_SPAN, pools=st.sampled_from(STEADY + BURSTING), targets=TARGETS)
@settings(max_examples=10)
def test_bounds_are_true_and_every_setup_is_accounted_for(data, trace, pools, targets):
    cluster = Cluster.model_validate({"pools": pools})
    judge = Judge(trace, cluster, tuple(allowing_rejections(trace, cluster, targets)), UNDISCOUNTED, "auto", 1, NO_TRIM)
    known = bounds_of(Holding(trace, cluster), judge.targets, UNDISCOUNTED, NO_TRIM)
    every = [options(pool) for pool in cluster.pools]
    usd: dict[Place, float] = {}
    for choice in itertools.product(*(range(count(pool)) for pool in cluster.pools)):
        one = judge.evaluate(choice, cluster.procedures[0])
        usd[choice, 0] = one.cost_usd_per_year if one.met else math.nan
        if one.met:
            variant = known.of_types(choice)
            nodes = [
                pool.nodes.index(some[at].nodes) for pool, some, at in zip(cluster.pools, every, choice, strict=True)
            ]
            assert variant.bounds.usd_of(nodes) <= one.cost_usd_per_year * (1 + 1e-9) + 1e-9
            capacity = sum(some[at].capacity for some, at in zip(every, choice, strict=True))
            assert capacity >= min(variant.bounds.needed_cores, known.needed_cores)
    cheapest = np.nanmin([*usd.values(), math.inf])
    threshold = data.draw(st.sampled_from([cheapest, cheapest * 1.01 + 1, 0.0]))
    replayed = data.draw(st.sampled_from([list(usd), []]))
    claimed = Claimed(threshold, {place: usd[place] for place in replayed})
    account = accounting.by_variant(cluster, known, claimed, accounting.by_setup)
    assert sum(account.by_reason.values()) + account.left_in_all == len(usd)
    assert account.left_in_all >= sum(cost < threshold * (1 - 1e-9) for cost in usd.values())
    if coupling(trace, cluster) is None:
        network = paths(Holding(trace, cluster))
        assert network is not None
        sums = decomposition.Known(judge, known, network).sums
        by_pool = accounting.by_pool(cluster, known, network, sums, claimed)
        assert sum(by_pool.by_reason.values()) + by_pool.left_in_all == len(usd)
        assert by_pool.left_in_all >= sum(cost < threshold * (1 - 1e-9) for cost in usd.values())


SAVED = [
    {**offer("slow", 2, 0.05), "savings_1yr_usd_per_hour": 0.02},
    {**offer("fast", 2, 0.06, 2.0), "savings_1yr_usd_per_hour": 0.05},
    offer("plain", 3, 0.055),  # no plan covers it
]


@given(
    trace=WITH_SPAN, targets=TARGETS, always_up=st.booleans(), programme=st.booleans(),
    amount=st.sampled_from(["best", 0.03, 0.2]),
)  # fmt: skip
@settings(max_examples=12)
def test_savings_plans_over_types_are_what_brute_force_finds(trace, targets, always_up, programme, amount):
    """A plan covers other nodes, at another price, with each type; what was promised is paid whatever is chosen."""
    pools = [
        typed(own([0, 1, 2]), *OWN),
        {**typed(rented([0, 1, 2], 0.05), *SAVED[:2]), **({} if always_up else {"always_up": False, "burst_after": 1})},
        typed(rented([0, 1], 0.05, name="other", always_up=True, accepts={"procs": {"at_most": 1}}), *SAVED),
    ]
    plans = [{"name": "shared", "term": "1yr", "usd_per_hour": amount}]
    economics = Economics.model_validate({"discount_rate": 0.0, "savings_plans": plans})
    cluster = Cluster.model_validate({"pools": pools})
    targets = list(complete_targets(Holding(trace, cluster), allowing_rejections(trace, cluster, targets)))
    best, good = brute_force(trace, cluster, targets, economics)
    with pytest.MonkeyPatch.context() as patch:
        if programme:
            patch.setattr(decomposition, "MOST_LISTED", 0)
        plan = search(trace, cluster, targets, economics=economics, workers=1)
    by_pool = coupling(trace, cluster, economics.savings_plans) is None
    assert by_pool == (always_up and amount == "best")
    assert plan.method.method == ("by_pool" if by_pool else "by_setup")
    if not good:
        assert (plan.status, plan.chosen) == ("infeasible", None)
        return
    assert (plan.status, plan.gap) == ("optimal", 0)
    assert plan.cost_usd_per_year == pytest.approx(best, rel=1e-9)
    _, rank, types = min((one for one in good if one[0] <= best * (1 + 1e-9)), key=lambda one: one[1])
    assert plan.chosen is not None
    assert (tuple(plan.chosen.nodes.values()), plan.chosen.types) == (rank[: len(cluster.pools)], types)
    assert (plan.setups["lower_bound_usd_per_year"] <= plan.setups["cost_usd_per_year"] * (1 + 1e-9)).all()


def test_choices_are_by_nodes_then_type():
    cluster = Cluster.model_validate({"pools": STEADY[1]})
    some = [(one.nodes, one.type) for one in options(cluster.pools[0])]
    assert some == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert order_of(cluster, (3, 5)) == (1, 1, 1, 2)


def test_an_answer_by_hand():
    """Four cores are needed at once: two nodes of two cores at 300 are dearer than one of four at 500, until licences."""
    trace = Trace.from_columns({"submit_s": [0, 1, 2], "run_s": [10, 10, 10], "procs": [4, 4, 4]})
    types = [kind("thin", 2, 1500), kind("thick", 4, 2500)]
    asked = [{"metric": "wait_s", "statistic": "max", "at_most": 20}]
    plan = optimize(
        trace=trace, pools=[typed(own([0, 1, 2, 3]), *types)], targets=asked, economics=UNDISCOUNTED, draws=False
    )
    assert plan.chosen is not None
    assert (plan.chosen.nodes, plan.chosen.types, plan.cost_usd_per_year) == ({"own": 1}, {"own": "thick"}, 500)
    assert "buy 1 node of pool own (type thick, 4 cores)" in plan.summary["answer"].lower()
    assert plan.summary["chosen"]["types"] == {"own": "thick"}
    assert plan.summary["pools"][0]["type"] == "thick"
    assert set(plan.setups["type_own"]) <= {"thin", "thick"}
    assert "thin" in set(plan.neighbours["type_own"])
    assert "1 of type thick" in plan._repr_html_()
    types[1]["cost"]["licence_usd_per_core_per_year"] = 50
    types[0]["cost"]["licence_usd_per_core_per_year"] = 10
    dearer = optimize(
        trace=trace, pools=[typed(own([0, 1, 2, 3]), *types)], targets=asked, economics=UNDISCOUNTED, draws=False
    )
    assert dearer.chosen is not None
    assert (dearer.chosen.nodes, dearer.chosen.types, dearer.cost_usd_per_year) == ({"own": 2}, {"own": "thin"}, 640)


def cluster_built(pools: Any) -> Cluster:
    """Build a cluster as Python does, whose errors name the class."""
    return Cluster(pools=pools)


TYPED = typed(own([0, 1]), *OWN)
CLOUD = typed(rented([0, 1], 0.05), *RENTED)


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        ({**TYPED, "node": {"cores": 2}}, "pools.0.node: is what each of the pool's types says"),
        ({**TYPED, "cost": {"capex_usd": 1, "lifetime_years": 1}}, "pools.0.cost: is what each"),
        ({**CLOUD, "commitments": "best"}, "pools.0.commitments: is what each of the pool's types says"),
        ({**TYPED, "types": []}, "pools.0.types: is empty"),
        ({**TYPED, "types": "thin"}, r"pools.0.types: must be a list of types.*'thin'"),
        ({**TYPED, "types": [3]}, "pools.0.types.0: must be a mapping of keys"),
        ({**TYPED, "types": [SAME[0], SAME[0]]}, "types.1.name: two types are called 'one'"),
        ({**TYPED, "types": [{"node": {"cores": 2}}]}, "types.0.name: is missing"),
        ({**TYPED, "types": [kind("a b")]}, "types.0.name: must be letters"),
        ({**TYPED, "types": [kind("a", cores=0)]}, "types.0.node.cores: must be at least 1"),
        ({**TYPED, "types": [{"name": "a", "cost": SAME[0]["cost"]}]}, "types.0.node: is missing"),
        ({**TYPED, "types": [offer("a")]}, "types.0.price_usd_per_hour: unknown key"),
        ({**CLOUD, "types": [kind("a")]}, "types.0.cost: unknown key"),
        ({**CLOUD, "types": [{**offer("a"), "commitments": "best"}]}, "types.0.commitments: best needs an instance"),
        ({**CLOUD, "types": [{"name": "a", "instance": "aws/us-east-1/none"}]}, "types.0.instance: .*not in the price"),
        ({**TYPED, "placement": "sideways"}, "^Cluster: pools.0.placement"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(pool, message):
    with pytest.raises(InputError, match=message):
        cluster_built([pool])


def test_too_many_choices_of_types_are_refused():
    many = [typed(own([1], name=f"p{place}"), *(kind(f"t{one}") for one in range(20))) for place in range(3)]
    with pytest.raises(InputError, match="allow more than 1,000 choices"):
        cluster_built(many)


def test_a_machine_has_one_type():
    cluster = Cluster.model_validate({"pools": [typed(own([1]), *OWN)]})
    trace = Trace.from_columns({"submit_s": [0], "run_s": [1], "procs": [1]})
    with pytest.raises(ValueError, match="'own' has types of node to choose from"):
        simulate(trace, cluster)
    with pytest.raises(ValueError, match="pool 'own' has no type 'huge'; its types: small, large"):
        cluster.at({"own": 1}, cluster.policy[0], types={"own": "huge"})


def test_types_come_back_as_they_were_told():
    cluster = Cluster.model_validate({"pools": [TYPED, {**CLOUD, "accepts": {"procs": {"at_most": 2}}}]})
    plain = cluster.model_dump(mode="json", exclude_none=True)
    assert "node" not in plain["pools"][0]
    assert "price_usd_per_hour" not in plain["pools"][1]
    assert Cluster.model_validate(plain) == cluster
    assert "types" not in cluster.variants()[0].model_dump()["pools"][0]
