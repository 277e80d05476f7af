"""All setups accounted for: true to brute force whatever was replayed, and never content with a false claim."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster
from pwsim.metrics import NO_TRIM
from pwsim.prices import UNDISCOUNTED
from pwsim.search import Holding, accounting, bounds
from pwsim.search.accounting import Account, Claimed
from pwsim.search.again import Again
from pwsim.search.decomposition import Known, paths
from pwsim.search.judging import Judge
from pwsim.search.options import Place, bounds_of
from tests.search.test_decomposition import CLUSTERS, TARGETS, WITH_SPAN
from tests.search.test_plan import allowing_rejections
from tests.search.test_renting import burst, cluster_of, own
from tests.search.test_trail import TRACE

BURSTING = st.sampled_from(
    [[own([0, 1, 2])], [own([0, 1, 3]), burst([0, 1, 2], burst_after=1)], [burst({"max": 2}), own([0, 2])]]
).map(lambda pools: Cluster.model_validate({"policy": ["easy", "fcfs"], "pools": pools}))


def question(trace, cluster, targets):
    """Return what judges setups, what is known of them, and the cost of each; NaN if it misses a target."""
    judge = Judge(trace, cluster, tuple(allowing_rejections(trace, cluster, targets)), UNDISCOUNTED, "auto", 1, NO_TRIM)
    known = bounds.analyse(Holding(trace, cluster), judge.targets, UNDISCOUNTED, NO_TRIM)
    choices = itertools.product(*(range(len(pool.nodes)) for pool in cluster.pools))
    places = list(itertools.product(choices, range(len(cluster.procedures))))
    found = {place: judge.evaluate(place[0], cluster.procedures[place[1]]) for place in places}
    return judge, known, {place: one.cost_usd_per_year if one.met else math.nan for place, one in found.items()}


def check(account: Account, usd: dict[Place, float], claimed: Claimed) -> None:
    """Make sure that every setup counts once, and that nothing false is taken for shown."""
    assert sum(account.by_reason.values()) + account.left_in_all == len(usd)
    good = {place: cost for place, cost in usd.items() if not (math.isnan(cost) or claimed.is_forbidden(cost))}
    cheaper = [place for place, cost in good.items() if not claimed.is_dear(cost)]
    assert account.left_in_all >= len(cheaper)
    if account.left_in_all <= accounting.MOST_NAMED:
        assert set(cheaper) <= set(account.left)
    if claimed.replayed.keys() == usd.keys():
        assert account.left_in_all == len(cheaper)


def claims(data, usd):
    """Draw what is claimed, true or not, and which setups were replayed."""
    costs = sorted({cost for cost in usd.values() if not math.isnan(cost)})
    threshold = data.draw(st.sampled_from([*costs, *(cost * 1.01 for cost in costs), math.inf, 0.0]))
    replayed = data.draw(st.one_of(st.just(list(usd)), st.lists(st.sampled_from(list(usd)), unique=True)))
    allowed = data.draw(st.sampled_from([math.inf, *costs]))
    known = {place: math.nan if usd[place] > allowed else usd[place] for place in replayed}
    return Claimed(threshold, known, allowed)


@given(data=st.data(), trace=WITH_SPAN, cluster=BURSTING, targets=TARGETS, piece=st.integers(1, 9))
@settings(max_examples=25)
def test_by_setup(data, trace, cluster, targets, piece):
    _, known, usd = question(trace, cluster, targets)
    claimed = claims(data, usd)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounting, "PIECE", piece)
        account = accounting.by_setup(cluster, known, claimed)
    check(account, usd, claimed)
    assert accounting.by_order(cluster, known, claimed).left_in_all == account.left_in_all


@given(data=st.data(), trace=WITH_SPAN, cluster=CLUSTERS, targets=TARGETS)
@settings(max_examples=25)
def test_by_pool(data, trace, cluster, targets):
    cluster = Cluster.model_validate(cluster)
    judge, _, usd = question(trace, cluster, targets)
    bound = bounds_of(Holding(trace, cluster), judge.targets, UNDISCOUNTED, NO_TRIM)
    claimed = claims(data, usd)
    network = paths(Holding(trace, cluster))
    assert network is not None
    known = Known(judge, bound, network)
    arcs = data.draw(st.lists(st.tuples(st.integers(0, len(cluster.procedures) - 1), st.sampled_from(network.arcs))))
    again = Again(judge, "compiled", 1, thorough=True)
    for (procedure, arc), result in zip(arcs, again.pools(network, arcs), strict=True):
        known.learn(procedure, [arc], result)
    assert again.replays == again.by_other_engine == len(arcs)
    account = accounting.by_pool(cluster, bound, network, known.sums, claimed)
    check(account, usd, claimed)
    by_programme = accounting.by_programme(cluster, bound, network, known.sums, claimed)
    assert bool(by_programme.left) == bool(account.left)


def test_by_hand():
    # Jobs of a processor for 600 s and 60 s that never meet: any node will do, and each costs 250 USD a year.
    cluster = cluster_of(own([1, 2, 3, 4]), policy=["fcfs", "easy"])
    judge, known, usd = question(TRACE, cluster, [])
    assert set(usd.values()) == {250.0, 500.0, 750.0, 1000.0}
    account = accounting.by_setup(cluster, known, Claimed(500.0, {((0,), 0): math.nan, ((1,), 1): 500.0}))
    assert account.by_reason == {
        "replayed_and_missed": 1,
        "replayed_and_dearer": 1,
        "too_few_cores": 0,
        "miss_a_target": 0,
        "at_least_as_dear": 5,
    }
    assert (account.left, account.left_in_all) == ((((0,), 1),), 1)
    assert judge.cluster.procedures[1].policy.backfill == "easy"


def test_a_million_setups_are_listed_in_pieces():
    cluster = cluster_of(*(own({"min": 0, "max": 99}, name) for name in ("one", "two", "three")))
    bound = bounds.analyse(Holding(TRACE, cluster), (), UNDISCOUNTED, NO_TRIM)
    account = accounting.by_setup(cluster, bound, Claimed(250.0 * 3, {}))
    below = sum(1 for sizes in itertools.product(range(3), repeat=3) if sum(sizes) < 3)
    assert account.left_in_all == below == 10
    assert account.by_reason["at_least_as_dear"] == 10**6 - below
    assert np.isclose(sum(cost[1] for cost in bound.cost_usd_per_year), 750.0)
