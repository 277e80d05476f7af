"""Money (semantics §8): sums worked out by hand, and properties of all sums.

A window of 1,000 s goes into a year of 8,766 h 31,557.6 times; one of an hour, 8,766 times.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pwsim import Cluster, InputError, Trace, compress, costs, grow, load_prices, mix, read_trace, simulate
from pwsim.cluster.pools import CloudPool
from pwsim.costs import annual, charges
from pwsim.prices.tariffs import Band, Start, least_usd_per_kw, parse_local, start_of, usd_per_kw
from pwsim.prices.terms import Economics, SavingsPlan
from pwsim.search import bounds, summary
from pwsim.search.holding import Holding
from pwsim.search.simulate_and_cut import search
from tests.cli.test_hostile import JOB, folder, pwsim  # noqa: F401 - a fixture
from tests.strategies import gpu_traces, traces

DAYTIME = [{"usd_per_kwh": 0.3, "hours": [8, 20], "weekdays": "mon..fri"}, {"usd_per_kwh": 0.1}]
MONDAY_7 = "2026-01-05T07:00"


def own(nodes=1, cores=1, **cost):
    plain = {"capex_usd": 0, "lifetime_years": 1}
    pool = {"name": "own", "kind": "on_premises", "nodes": nodes, "node": {"cores": cores}}
    return {**pool, "cost": {**plain, **cost}}


def cloud(nodes=1, **more):
    pool = {"name": "cloud", "kind": "cloud", "nodes": nodes, "node": {"cores": 1}, "price_usd_per_hour": 3.6}
    times = {} if more.get("always_up") else {"boot_time": 0, "idle_timeout": 0}
    return {**pool, **times, **more}


def committed(*commitments):
    return [{"term": "1yr", "nodes": nodes, "price_usd_per_hour": usd} for nodes, usd in commitments]


def replay(pools, jobs, **columns):
    """Replay jobs (submit, procs, run)."""
    submit_s, procs, run_s = zip(*jobs, strict=True)
    trace = Trace.from_columns({"submit_s": submit_s, "procs": procs, "run_s": run_s, **columns})
    return simulate(trace, Cluster.model_validate({"policy": "fcfs", "pools": pools}))


def nonzero(cost):
    return {part: usd for part, usd in cost.items() if usd}


# -- commitments


def test_commitments_half_used():
    # Three nodes from 0 to 500 and one from 1000 to 1100; two are committed at 1 USD/h, the market takes 3.60 USD/h.
    # Covered: 2 × 500 s within the window, of 2 × 1000 s: half.  The third node's 500 s cost 0.50 USD in a window of
    # 1,000 s; the node at 1000 is covered.  The commitments: 2 × 1 × 8,766 USD.
    result = replay([cloud(3, commitments=committed((2, 1.0)))], [(0, 3, 500), (1000, 1, 100)])
    assert nonzero(result.cost()) == pytest.approx(
        {"cloud_usd_per_year": 0.5 * 31_557.6, "commitment_usd_per_year": 17_532}
    )
    assert result.pools()["commitment_share_used"].tolist() == [0.5]
    # Without: 1,500 + 100 node-seconds.
    assert nonzero(replay([cloud(3)], [(0, 3, 500), (1000, 1, 100)]).cost()) == pytest.approx(
        {"cloud_usd_per_year": 1.6 * 31_557.6}
    )


def test_the_least_time_counts_for_covered_nodes_too():
    # Stays from 0 to 5 and from 30 to 40 are on the bill until 60 and 90: two of them from 30 to 60, of which one is
    # covered; then a stay from 1000 to 1005.  30 s at 3.60 USD/h are 0.03 USD.
    result = replay([cloud(2, commitments=committed((1, 1.0)))], [(0, 1, 5), (30, 1, 10), (1000, 1, 5)])
    assert result.cost()["cloud_usd_per_year"] == pytest.approx(0.03 * 31_557.6)
    # Of the committed 1,000 s of the window, 15 were nodes that were held.
    assert result.pools()["commitment_share_used"].tolist() == pytest.approx([0.015])


@pytest.mark.parametrize(("nodes", "paid", "share"), [(5, 2, 1.0), (3, 0, 1.0), (1, 0, 1 / 3), (0, 0, 0.0)])
def test_commitments_of_nodes_that_are_always_up(nodes, paid, share):
    # Two for a year at 2 USD/h, one for three at 1 USD/h: 5 USD/h whatever is rented; beyond three nodes, 3.60 USD/h.
    pool = cloud(nodes, always_up=True, commitments=committed((2, 2.0), (1, 1.0)))
    result = replay([pool, own(1)], [(0, 1, 5), (1000, 1, 5)])
    assert nonzero(result.cost()) == pytest.approx(
        nonzero({"cloud_usd_per_year": paid * 3.6 * 8766, "commitment_usd_per_year": 5 * 8766})
    )
    assert result.pools()["commitment_share_used"].tolist()[:1] == pytest.approx([share])


def test_the_price_of_a_commitment_is_from_the_table():
    pool = {"name": "cloud", "kind": "cloud", "nodes": 1, "instance": "gcp/us-central1/h3-standard-88"}
    pool["commitments"] = [{"term": "1yr", "nodes": 1}, {"term": "3yr", "nodes": 2, "price_usd_per_hour": 9}]
    first, second = Cluster.model_validate({"pools": [pool]}).pools[0].commitments  # type: ignore[union-attr]
    row = load_prices().query("instance_type == 'h3-standard-88' and region == 'us-central1'").iloc[0]
    assert first.price_usd_per_hour == row["reserved_1yr_usd_per_hour"] == 4.03832
    assert second.price_usd_per_hour == 9


def test_a_price_is_told_with_its_date_and_source():
    pool = {"name": "cloud", "kind": "cloud", "nodes": 1, "instance": "gcp/us-central1/h3-standard-88"}
    row = load_prices().query("instance_type == 'h3-standard-88' and region == 'us-central1'").iloc[0]
    listed = CloudPool.model_validate(pool)
    assert (listed.price_date, listed.price_source) == (row["price_date"], row["source"])
    assert summary.rent(listed) == (
        "A node of pool cloud (gcp/us-central1/h3-standard-88, on demand) costs $4.924 an hour; price of "
        f"{row['price_date']}; source: {row['source']}."
    )
    own = CloudPool.model_validate({**pool, "price_usd_per_hour": 4.5})
    assert "costs $4.500 an hour, as the scenario says." in summary.rent(own)
    quoted = CloudPool.model_validate({**pool, "price_usd_per_hour": 4.5, "price_source": "a quote"})
    assert "an hour; source: a quote." in summary.rent(quoted)


stays_ = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 150)), max_size=8)


@given(stays=stays_, nodes=st.integers(0, 9))
def test_covered_seconds_are_what_counting_them_gives(stays, nodes):
    start_s = np.array([start for start, _ in stays], dtype=float)
    end_s = start_s + np.array([length for _, length in stays], dtype=float)
    from_s, to_s, more = charges.beyond(start_s, end_s, nodes)
    seconds = np.arange(400)[:, None]
    held = ((seconds >= start_s) & (seconds < end_s)).sum(axis=1)
    assert ((to_s - from_s) * more).sum() == np.maximum(held - nodes, 0).sum()


@given(trace=traces.filter(lambda trace: trace.span_s > 0), price=st.sampled_from([0.1, 1.0, 3.6, 7.0]))
@settings(max_examples=40)
def test_commitments_save_what_they_cover_and_no_more(trace, price):
    rents, shares = [], []
    for count in range(6):
        commitments = committed((count, price)) if count else []
        result = simulate(trace, Cluster.model_validate({"pools": [cloud(5, commitments=commitments)]}))
        cost = result.cost()
        assert cost["commitment_usd_per_year"] == pytest.approx(count * price * 8766)
        rents.append(cost["cloud_usd_per_year"])
        shares.append(result.pools()["commitment_share_used"][0])
    assert rents == sorted(rents, reverse=True)
    assert all(0 <= share <= 1 for share in shares[1:])
    # A commitment saves no more than its nodes at the market's price, for as long as any node is on the bill.
    windows_a_year = 8766 * 3600 / trace.span_s
    for count, rent in enumerate(rents):
        assert rents[0] - rent <= count * 0.001 * (result.end_s + 60) * windows_a_year * (1 + 1e-9)


# -- data, site, licences, residual value, carbon


@pytest.mark.parametrize(("storage_time", "gib_months"), [(None, 60 / 730.5), ("730.5 h", 30), (0, 0)])
def test_data_is_kept_and_taken_home(storage_time, gib_months):
    # One node.  Job 0 brings 10 GiB, runs from 0 to 2 h; job 1 brings 20 GiB at 1 h and runs from 2 to 3 h: both are
    # there for 2 h, 60 GiB-hours, of 730.5 hours a month; or for a given month each.  30 GiB leave.
    pool = cloud(1, always_up=True, storage_usd_per_gib_month=0.1, egress_usd_per_gib=0.09, storage_time=storage_time)
    result = replay([pool], [(0, 1, 7200), (3600, 1, 3600)], data_gib=[10, 20])
    cost = result.cost()
    assert cost["storage_usd_per_year"] == pytest.approx(0.1 * gib_months * 8766)
    assert cost["egress_usd_per_year"] == pytest.approx(2.7 * 8766)
    # By the hour: 0.9 USD of egress when job 0 ends, which is the start of the third hour's end, and 1.8 in the last.
    rent = 3.6
    hours = result.timeline["cost_usd"]
    if storage_time == 0:
        assert hours.tolist() == pytest.approx([rent, rent + 0.9, rent + 1.8])
    assert hours.sum() == pytest.approx(3 * rent + 2.7 + 0.1 * gib_months)


def test_data_of_a_job_that_ends_at_once_is_taken_home_in_the_first_hour():
    result = replay([cloud(1, always_up=True, egress_usd_per_gib=1)], [(0, 1, 0), (7200, 1, 0)], data_gib=[3, 4])
    assert result.timeline["cost_usd"].tolist() == pytest.approx([3.6 + 3, 3.6 + 4])


def test_only_the_pool_where_a_job_ends_keeps_its_data():
    pools = [own(1), cloud(1, egress_usd_per_gib=1, burst_after=0)]
    result = replay(pools, [(0, 1, 100), (0, 1, 10), (3600, 1, 1)], data_gib=[4, 5, 6])
    assert result.jobs["pool"].tolist() == ["own", "cloud", "own"]
    assert result.cost()["egress_usd_per_year"] == pytest.approx(5 * 8766)


def test_site_and_licences():
    # Three nodes of 4 cores at 100 USD a core; a room for 5,000 USD, but none where there are no nodes; 70,000 USD of
    # staff and 300 of something else for any setup.
    economics = Economics.model_validate(
        {"site": [{"name": "staff", "usd_per_year": 70_000.0}, {"name": "fence", "usd_per_year": 300.0}]}
    )
    jobs = [(0, 1, 5), (1000, 1, 5)]
    cost = {"licence_usd_per_core_per_year": 100, "site_usd_per_year": 5000}
    result = replay([own(3, cores=4, **cost), cloud(1)], jobs)
    assert nonzero(result.cost(economics)) == {"licence_usd_per_year": 1200, "site_usd_per_year": 75_300}
    assert result.pools(economics)["cost_usd_per_year"].tolist() == [6200, 0]
    result = replay([own(0, cores=4, **cost), cloud(1, always_up=True)], jobs)
    assert nonzero(result.cost(economics)) == pytest.approx(
        {"site_usd_per_year": 70_300, "cloud_usd_per_year": 3.6 * 8766}
    )


def test_what_is_sold_in_the_end_is_discounted():
    # 1,000 USD, a fifth of it back after two years at 10 %.  Annuity: 1000 × 0.1 × 1.21 / 0.21 = 576.190; what 200 USD
    # in two years are worth a year (sinking fund): 200 × 0.1 / 0.21 = 95.238.
    assert annual.annuity_usd(1000, 0.2, 0.1, 2) == pytest.approx(1000 * 0.121 / 0.21 - 200 * 0.1 / 0.21)
    result = replay([own(3, capex_usd=1000, lifetime_years=2, residual_share=0.2)], [(0, 1, 5), (1000, 1, 5)])
    cost = result.cost(Economics(discount_rate=0.1))
    assert nonzero(cost) == pytest.approx({"capex_usd_per_year": 3 * 480.952381})


def test_carbon():
    # Own: two nodes of 2 cores, idle 100 W each, PUE 1.5, 400 g/kWh: 2 × 0.1 × 1.5 × 8766 × 0.4 = 1,051.92 kg.  One
    # core busy for half an hour draws 0.1 kW more: 0.05 × 1.5 kWh × 0.4 = 0.03 kg an hour: 262.98 kg.
    # Rented: one node for 900 s, 800 g/h: 0.2 kg an hour: 1,753.2 kg.
    own_cost = {"idle_power": 100, "busy_power": 300, "pue": 1.5, "carbon_g_per_kwh": 400}
    pools = [
        {**own(2, cores=2, **own_cost), "accepts": {"queue": "own"}},
        cloud(1, carbon_g_per_hour=800),
    ]
    jobs = [(0, 1, 1800), (0, 1, 900), (3600, 1, 0)]
    result = replay(pools, jobs, queue=["own", "cloud", "own"])
    table = result.pools(Economics(carbon_usd_per_tonne=50))
    assert table["carbon_kg_per_year"].tolist() == pytest.approx([1051.92 + 262.98, 1753.2])
    assert table["carbon_usd_per_year"].tolist() == pytest.approx([(1051.92 + 262.98) * 0.05, 1753.2 * 0.05])
    bill = result.bill()
    assert (bill.carbon_kg_per_year, bill.cost["carbon_usd_per_year"]) == (pytest.approx(3068.1), 0)
    # Always up, it emits all year.
    result = replay([cloud(2, always_up=True, carbon_g_per_hour=100)], jobs)
    assert result.bill().carbon_kg_per_year == pytest.approx(2 * 876.6)


def test_gpu_hours_and_lost_work_have_a_price():
    # Two nodes of 4 GPUs at 3.60 USD/h for 8,766 h.  In a window of an hour, jobs hold 2 GPUs for half an hour and 4 for
    # a quarter: 2 GPU-hours; 2 + 1 cores for those: 1.25 core-hours.
    pool = cloud(2, always_up=True, placement="nodes")
    pool["node"] = {"cores": 4, "gpus": 4}
    result = replay([pool], [(0, 2, 1800), (0, 1, 900), (3600, 1, 0)], gpus=[2, 4, 0])
    bill = result.bill()
    assert bill.usd_per_gpu_hour_used == pytest.approx(7.2 / 2)
    assert bill.usd_per_core_hour_used == pytest.approx(7.2 / 1.25)
    assert result.pools()["usd_per_gpu_hour_used"].tolist() == [bill.usd_per_gpu_hour_used]
    assert math.isnan(replay([cloud(1)], [(0, 1, 60), (3600, 1, 0)]).bill().usd_per_gpu_hour_used)


def test_lost_work_costs_what_the_work_of_its_pool_costs(monkeypatch):
    # The node of the first launch is taken back at 100: 100 s in vain, then 300 s in a new one.  All 400 s are paid, 0.40
    # USD, a quarter of which was lost; the last job of 100 s comes in a window of 1,000 s: 500 s in all, 0.50 USD.
    for engine in ("model.model", "compiled.general"):
        monkeypatch.setattr(
            f"pwsim.engine.{engine}.lives", lambda _s, _p, _m, launches: np.array([100.0, *[1e6] * launches][:launches])
        )
    result = replay([cloud(1, interruptions_per_hour=1)], [(0, 1, 300), (1000, 1, 100)])
    bill = result.bill()
    assert bill.cost["cloud_usd_per_year"] == pytest.approx(0.5 * 31_557.6)
    assert bill.lost_work_usd_per_year == pytest.approx(0.1 * 31_557.6)
    assert result.pools()["lost_work_usd_per_year"].tolist() == [bill.lost_work_usd_per_year]


# -- nodes that always stand


def test_min_nodes_cost_their_price_for_a_year_whatever_the_length_of_the_log():
    # Five nodes at 1 USD/h: 43,830 USD.  In a log of 1,000 s whose last job runs for 5,000 s, of which nothing is scaled.
    pool = cloud(5, min_nodes=5, price_usd_per_hour=1, carbon_g_per_hour=100)
    result = replay([pool], [(0, 3, 500), (1000, 5, 5000)])
    assert nonzero(result.cost()) == {"cloud_usd_per_year": 43_830}
    assert result.bill().carbon_kg_per_year == pytest.approx(5 * 876.6)
    assert result.timeline["cost_usd"].tolist() == pytest.approx([5, 5 * 2400 / 3600])
    assert bounds.analyse(Holding(result.trace, result.cluster), [], Economics()).cost_usd_per_year[0].tolist() == [
        43_830
    ]


def test_nodes_beyond_min_nodes_are_elastic():
    # One stands.  From 0 to 500 two more, and from 1000 to 1100 one more: 1,100 s at 3.60 USD/h in a window of 1,000 s.
    pool = cloud(3, min_nodes=1, carbon_g_per_hour=360)
    result = replay([pool], [(0, 3, 500), (1000, 2, 100)])
    assert nonzero(result.cost()) == pytest.approx({"cloud_usd_per_year": 3.6 * 8766 + 1.1 * 31_557.6})
    assert result.bill().carbon_kg_per_year == pytest.approx(0.36 * 8766 + 0.11 * 31_557.6)
    assert result.timeline["cost_usd"].sum() == pytest.approx(3.6 * 1100 / 3600 + 1.1)


def test_the_least_time_is_that_of_elastic_nodes():
    # One stands.  Another for 5 s from 0, for no time at 500, and for 5 s at the end of the replay: 60 s each.
    result = replay([cloud(2, min_nodes=1)], [(0, 2, 5), (500, 2, 0), (1000, 2, 5)])
    assert nonzero(result.cost()) == pytest.approx({"cloud_usd_per_year": 3.6 * 8766 + 0.18 * 31_557.6})
    assert result.timeline["cost_usd"].tolist() == pytest.approx([1.005 + 0.18])


@pytest.mark.parametrize(
    ("count", "standing", "elastic_s", "share"),
    # Two stand; from 0 to 500 four are held, in a window of 1,000 s.  Of commitments for one and for two, all are used;
    # for three, a third for half of the time; for five, two all the time and four for half of it.
    [(1, 1, 1000, 1.0), (2, 0, 1000, 1.0), (3, 0, 500, 5 / 6), (4, 0, 0, 3 / 4), (5, 0, 0, 3 / 5)],
)
def test_commitments_cover_min_nodes_first(count, standing, elastic_s, share):
    pool = cloud(4, min_nodes=2, commitments=committed((count, 1.0)))
    result = replay([pool], [(0, 4, 500), (1000, 1, 0)])
    assert result.cost()["commitment_usd_per_year"] == count * 8766
    assert result.cost()["cloud_usd_per_year"] == pytest.approx(standing * 3.6 * 8766 + elastic_s / 1000 * 31_557.6)
    assert result.pools()["commitment_share_used"].tolist() == pytest.approx([share])


def test_committed_nodes_stand_after_the_last_job_too():
    # The last submission is of a job that no pool holds, at 1000; the replay ends at 10.
    pool = cloud(2, min_nodes=2, commitments=committed((2, 1.0)))
    result = replay([pool], [(0, 1, 10), (1000, 9, 1)])
    assert result.end_s == 10
    assert result.pools()["commitment_share_used"].tolist() == [1.0]


def test_a_standing_node_that_is_taken_back_costs_nothing_besides(monkeypatch):
    # The node that stands is taken back at 5, and replaced at once.
    for engine in ("model.model", "compiled.general"):
        monkeypatch.setattr(
            f"pwsim.engine.{engine}.lives", lambda _s, _p, _m, launches: np.array([5.0, *[1e6] * launches][:launches])
        )
    result = replay([cloud(2, min_nodes=1, interruptions_per_hour=1)], [(0, 1, 20), (1000, 1, 100)])
    assert result.pools()["launches"].tolist() == [2]
    assert nonzero(result.cost()) == pytest.approx({"cloud_usd_per_year": 3.6 * 8766})


def counted_rent_s(stays, least, committed_nodes, end_s):
    """Return the node-seconds of an elastic pool that are paid at the market's price, by the instant."""
    ends = []
    for index, (launch, gone) in enumerate(stays):
        there = [(one, other) for other, (one, end) in enumerate(stays) if one < gone <= end or one == end == gone]
        leaving = sorted(one for one in there if stays[one[1]][1] == gone)
        elastic = (launch, index) in leaving[-max(0, len(there) - least) or len(leaving) :]
        ends.append(max(gone, launch + 60) if elastic else gone)
    instants = sorted({*(launch for launch, _ in stays), *(gone for _, gone in stays), *ends})
    paid_s = 0.0
    for begin, until in itertools.pairwise(instants):
        on_bill = sum(launch <= begin and until <= end for (launch, _), end in zip(stays, ends, strict=True))
        if begin >= end_s:  # of these, those that stand are no longer in the replay
            on_bill += least
        paid_s += max(0, on_bill - max(least, committed_nodes)) * (until - begin)
    return paid_s


@given(
    trace=traces.filter(lambda trace: trace.span_s > 0),
    least=st.integers(0, 3),
    count=st.integers(0, 4),
    interruptions=st.sampled_from([0, 0, 60]),
    times=st.tuples(st.sampled_from([0, 1, 30]), st.sampled_from([0, 2, 70]), st.sampled_from([1, 40])),
)
@settings(max_examples=80)
def test_what_is_beyond_min_nodes_is_what_counting_gives(trace, least, count, interruptions, times):
    boot_time, idle_timeout, longer = times
    trace = trace.with_columns(run_s=trace.run_s * longer, submit_s=trace.submit_s * longer)
    pool = cloud([3, 4], min_nodes=least, boot_time=boot_time, idle_timeout=idle_timeout, carbon_g_per_hour=3.6e5)
    pool |= {"interruptions_per_hour": interruptions, "commitments": committed((count, 1.0)) if count else []}
    cluster = Cluster.model_validate({"pools": [pool]})
    result = simulate(trace, cluster.at({"cloud": 4}, cluster.policy[0]))
    launch_s, _, gone_s = result.stays(0)
    assert (gone_s - launch_s).sum() >= least * result.end_s * (1 - 1e-9), "min_nodes are there at every instant"
    scale = 8766 * 3600 / trace.span_s
    rent = counted_rent_s(list(zip(launch_s, gone_s, strict=True)), least, count, result.end_s)
    expected = max(0, least - count) * 3.6 * 8766 + rent * 0.001 * scale
    assert result.cost()["cloud_usd_per_year"] == pytest.approx(expected, abs=1e-9)
    elastic_s = (gone_s - launch_s).sum() - least * result.end_s
    held_s = least * 3600 * 8766 + elastic_s * scale  # at 0.1 kg/s
    assert result.bill().carbon_kg_per_year == pytest.approx(held_s * 0.1)
    known = bounds.analyse(Holding(trace, cluster), [], ECONOMICS).cost_usd_per_year
    assert known[0][1] <= costs.total(result.cost(ECONOMICS)) * (1 + 1e-9)
    fixed = costs.standing(result.cluster.pools[0], 4, costs.terms_of(ECONOMICS, trace))
    caused = costs.total(result.cost(ECONOMICS)) - costs.total(fixed) - 0.3
    hours = costs.total(fixed) * result.end_s / 3600 / 8766 + caused / scale
    assert result.hourly(ECONOMICS)["cost_usd"].sum() == pytest.approx(hours, rel=1e-6, abs=1e-6)


# -- power of nodes with GPUs

GPU_NODE = {"cores": 4, "gpus": 2}
GPU_COST = {"idle_power": 100, "busy_power": 500, "electricity_usd_per_kwh": 0.25, "carbon_g_per_kwh": 400}


def gpu_pool(placement="packed", nodes=1, node=GPU_NODE, **cost):
    return {**own(nodes, **{**GPU_COST, **cost}), "node": node, "placement": placement}


def test_a_node_whose_gpus_are_all_busy_draws_its_busy_power():
    # 8 kW beyond idle at 0.10 USD for 8,766 h, though only 8 of 96 cores are busy: 7,012.80 USD.
    node = {"cores": 96, "gpus": 8}
    cost = {"idle_power": 2000, "busy_power": 10_000, "electricity_usd_per_kwh": 0.1}
    for placement in ("nodes", "packed"):
        pool = gpu_pool(placement, node=node, **cost)
        result = replay([pool], [(0, 8, 3600), (3600, 1, 0)], gpus=[8, 0])
        assert result.cost()["busy_energy_usd_per_year"] == pytest.approx(7012.8)


def test_jobs_that_share_a_node_draw_the_larger_share_of_it():
    # Job 0 has a core and a GPU until 2 h, job 1 three cores from 0:30 to 1:00: half of the GPUs are busy for 2 h, but all
    # of the cores for half an hour of it, 0.2 × 1.5 + 0.4 × 0.5 kWh.  On nodes of their own: 0.2 × 2 + 0.3 × 0.5 kWh.
    jobs = [(0, 1, 7200), (1800, 3, 1800), (7200, 1, 0)]
    for pool, kwh, by_hour in ((gpu_pool(), 0.5, [0.3, 0.2]), (gpu_pool("nodes", nodes=2), 0.55, [0.35, 0.2])):
        result = replay([pool], jobs, gpus=[1, 0, 0])
        assert result.cost()["busy_energy_usd_per_year"] == pytest.approx(kwh * 0.25 * 4383)
        idle_usd = pool["nodes"] * 0.1 * 0.25
        assert result.timeline["cost_usd"].tolist() == pytest.approx([one * 0.25 + idle_usd for one in by_hour])
        idle_kg = pool["nodes"] * 0.1 * 8766 * 0.4
        assert result.bill().carbon_kg_per_year == pytest.approx(idle_kg + kwh * 0.4 * 4383)


def test_energy_of_shared_nodes_by_the_hour():
    # Monday 7:00; the same jobs: the first hour at 0.10, the second at 0.30 USD.
    pool = gpu_pool(electricity_usd_per_kwh=DAYTIME, idle_power=0, busy_power=400)
    result = replay([pool], [(0, 1, 7200), (1800, 3, 1800), (7200, 1, 0)], gpus=[1, 0, 0])
    economics = Economics(start=MONDAY_7)
    assert result.hourly(economics)["cost_usd"].tolist() == pytest.approx([0.03, 0.06])
    assert result.cost(economics)["busy_energy_usd_per_year"] == pytest.approx(0.09 * 4383)


def test_wide_jobs_are_spread_over_their_nodes():
    # 6 cores and 2 GPUs on two nodes: 3 of 4 cores and half of the GPUs of each, 0.3 kW each.  A job without GPUs and of
    # one core on two nodes has an eighth of each.
    for placement in ("nodes", "packed"):
        result = replay([gpu_pool(placement, nodes=2)], [(0, 6, 3600), (3600, 1, 3600), (7200, 1, 0)],
                        gpus=[2, 0, 0], nodes=[2, 2, 1])  # fmt: skip
        assert result.cost()["busy_energy_usd_per_year"] == pytest.approx((0.6 + 0.1) * 0.25 * 4383)


def test_power_by_the_core_and_by_the_gpu():
    # A core draws 10 W and a GPU 150 W beyond idle, whoever shares the node: 0.16 × 2 + 0.03 × 0.5 kWh.
    power = {"busy_power_per_core": 10, "busy_power_per_gpu": 150}
    for placement in ("nodes", "packed"):
        pool = gpu_pool(placement, nodes=2, **power)
        del pool["cost"]["busy_power"]
        result = replay([pool], [(0, 1, 7200), (1800, 3, 1800), (7200, 1, 0)], gpus=[1, 0, 0])
        assert result.cost()["busy_energy_usd_per_year"] == pytest.approx(0.335 * 0.25 * 4383)
    pool = own(2, cores=4, busy_power_per_core=10, electricity_usd_per_kwh=0.25)
    result = replay([pool], [(0, 3, 1800), (7200, 1, 0)])
    assert nonzero(result.cost()) == pytest.approx({"busy_energy_usd_per_year": 0.015 * 0.25 * 4383})


@pytest.mark.parametrize(
    ("node", "cost", "words"),
    [
        (GPU_NODE, {"busy_power": 9, "busy_power_per_core": 1, "busy_power_per_gpu": 1}, "either busy_power, or"),
        ({"cores": 4}, {"busy_power": 9, "busy_power_per_core": 1}, "either busy_power, or"),
        (GPU_NODE, {"busy_power_per_gpu": 1}, "busy_power_per_core is missing"),
        (GPU_NODE, {"busy_power_per_core": 1}, "busy_power_per_gpu is missing"),
        ({"cores": 4}, {"busy_power_per_core": 1, "busy_power_per_gpu": 1}, "is for nodes with GPUs"),
        ({"cores": 4}, {"busy_power_per_core": -1}, "greater than or equal to 0"),
    ],
)
def test_power_is_told_in_one_way(node, cost, words):
    with pytest.raises(ValidationError, match=words):
        Cluster.model_validate({"pools": [{**own(1, **cost), "node": node}]})


def counted_usd(result, pool):
    """Return the busy energy of a pool of 0.4 kW at 0.25 USD/kWh by counting seconds and nodes."""
    need = pool.need(result.trace)
    if pool.placement == "nodes":
        times = enumerate(zip(result.replay.start_s, result.replay.end_s, strict=True))
        rows = [(job, *span, (job, share)) for job, span in times for share in range(need[job])]
    else:
        places = () if result.replay.places is None else result.replay.places
        rows = [(int(job), start, end, node) for job, _, start, end, node, *_ in places]
    watts = 0.0
    for second in range(int(result.end_s)):
        nodes: dict[object, tuple[float, float]] = {}
        for job, start, end, node in rows:
            if start <= second < end:
                cores, gpus = nodes.get(node, (0, 0))
                trace = result.trace
                nodes[node] = cores + trace.procs[job] / need[job], gpus + trace.gpus[job] / need[job]
        watts += sum(max(cores / pool.node.cores, gpus / pool.node.gpus) * 400 for cores, gpus in nodes.values())
    return watts / 3.6e6 * 0.25


@given(
    trace=gpu_traces.filter(lambda trace: trace.span_s > 0),
    placement=st.sampled_from(["packed", "packed", "nodes"]),
    node=st.sampled_from([GPU_NODE, {"cores": 2, "gpus": 2}, {"cores": 3, "gpus": 1}]),
    per_core=st.sampled_from([None, None, None, 30]),
    second=st.booleans(),
)
@settings(max_examples=60)
def test_shared_nodes_cost_what_counting_gives_and_no_less_than_the_bound(trace, placement, node, per_core, second):
    pool = gpu_pool(placement, [1, 2, 4], node)
    if per_core is not None:
        del pool["cost"]["busy_power"]
        pool["cost"] |= {"busy_power_per_core": per_core, "busy_power_per_gpu": 100}
    pools = [pool, {**pool, "name": "other"}] if second else [pool]
    cluster = Cluster.model_validate({"pools": pools})
    known = bounds.analyse(Holding(trace, cluster), [], ECONOMICS).cost_usd_per_year
    for choice in itertools.product(range(3), repeat=len(pools)):
        nodes = {one.name: one.nodes[index] for one, index in zip(cluster.pools, choice, strict=True)}
        result = simulate(trace, cluster.at(nodes, cluster.policy[0]))
        usd = costs.total(result.cost(ECONOMICS))
        assert sum(float(cost[one]) for cost, one in zip(known, choice, strict=True)) <= usd * (1 + 1e-9)
        if not second and per_core is None:
            counted = counted_usd(result, cluster.pools[0]) * 8766 * 3600 / trace.span_s
            assert result.cost()["busy_energy_usd_per_year"] == pytest.approx(counted, rel=1e-12, abs=1e-12)


def test_the_bound_of_shared_nodes_counts_cores_or_gpus():
    # Two jobs beside each other, of three cores and of two GPUs, for an hour each: at least the GPUs of one node, which
    # is what both together draw; on nodes of their own it would be more.
    trace = Trace.from_columns(
        {"submit_s": [0, 0, 3600], "run_s": [3600, 3600, 0], "procs": [3, 1, 1], "gpus": [0, 2, 0]}
    )
    for placement, kwh in (("packed", 0.4), ("nodes", 0.7)):
        cluster = Cluster.model_validate({"pools": [gpu_pool(placement, nodes=[0, 2], idle_power=0, busy_power=400)]})
        known = bounds.analyse(Holding(trace, cluster), [], Economics()).cost_usd_per_year[0]
        assert known.tolist() == pytest.approx([0, kwh * 0.25 * 8766])


def test_who_shares_a_node_matters_for_larger_shares_of_own_gpu_nodes():
    per_core = {"capex_usd": 0, "lifetime_years": 1, "busy_power_per_core": 1, "busy_power_per_gpu": 1}
    rented = {**cloud(1, always_up=True), "node": GPU_NODE, "placement": "packed"}
    pools = [
        (gpu_pool(), True),
        (gpu_pool("nodes"), False),
        (gpu_pool(node={"cores": 4}), False),
        ({**gpu_pool(), "cost": None}, False),
        ({**gpu_pool(), "cost": per_core}, False),
        (rented, False),
    ]
    for pool, by_node in pools:
        assert charges.busy_by_node(Cluster.model_validate({"pools": [pool]}).pools[0]) == by_node


def test_the_least_that_jobs_cause():
    procs, gpus, run_s, data_gib = (
        np.array([1, 2]),
        np.array([2.0, 0.0]),
        np.array([3600.0, 7200.0]),
        np.array([1.0, 2.0]),
    )

    def rows(pool, **terms):
        pool = Cluster.model_validate({"pools": [pool]}).pools[0]
        return [
            row.tolist()
            for row in costs.least_usd(pool, costs.Jobs(procs, gpus, run_s, data_gib), costs.Terms(**terms))
        ]

    assert rows({**gpu_pool(), "cost": None}) == [[0, 0]]
    assert rows(gpu_pool("nodes")) == [pytest.approx([0.4 * 0.25, 0.2 * 2 * 0.25])]
    assert rows(gpu_pool()) == [pytest.approx([0.1 * 0.25, 0.2 * 2 * 0.25]), pytest.approx([0.4 * 0.25, 0])]
    # 0.4 kg/kWh at 1,000 USD/t are 0.40 USD/kWh more.
    assert rows(gpu_pool("nodes", pue=2), carbon_usd_per_tonne=1000) == [pytest.approx([0.4 * 1.3, 0.4 * 1.3])]
    # An hour and two of 730.5, or half a month, at 7.305 USD/GiB and month; 2 USD for each GiB at the end.
    kept = {"storage_usd_per_gib_month": 7.305, "egress_usd_per_gib": 2}
    assert rows(cloud(1, always_up=True, **kept)) == [pytest.approx([2.01, 4.04])]
    assert rows(cloud(1, always_up=True, **kept, storage_time="365.25 h")) == [pytest.approx([2 + 3.6525, 4 + 7.305])]


def test_the_least_of_a_long_job_knows_that_the_clock_may_be_changed():
    bands = [{"usd_per_kwh": 1, "hours": [2, 3], "weekdays": "sun"}, {"usd_per_kwh": 0}]
    pool = Cluster.model_validate({"pools": [own(1, busy_power=1000, electricity_usd_per_kwh=bands)]}).pools[0]
    week = np.array([1]), np.array([0.0]), np.array([7 * 86400.0]), np.array([0.0])
    winter = Start(parse_local("2026-03-29T00:00"), "")
    for start, usd in ((winter, 1), (winter._replace(zone=ZoneInfo("Europe/Paris")), 0)):
        assert [row.tolist() for row in costs.least_usd(pool, costs.Jobs(*week), costs.Terms(start=start))] == [[usd]]


def test_figures_of_a_bill():
    parts = dict.fromkeys(costs.PARTS, 1.0)
    bill = costs.Bill(parts, 2.0, 3.0, 4.0, 5.0, 6.0)
    others = {"usd_per_core_hour_used": 2.0, "usd_per_gpu_hour_used": 3.0}
    others |= {"carbon_kg_per_year": 4.0, "lost_work_usd_per_year": 5.0, "committed_nodes": 6.0}
    assert bill.figures() == {"cost_usd_per_year": float(len(parts)), **parts, **others}


# -- tariffs


def test_energy_by_the_hour():
    # Monday 7:00.  A core of 1 kW is busy from 7 to 9: an hour at 0.10 and one at 0.30 USD.  The window is one hour.
    pool = own(1, busy_power=1000, electricity_usd_per_kwh=DAYTIME)
    result = replay([pool], [(0, 1, 7200), (3600, 1, 0)])
    economics = Economics(start=MONDAY_7)
    assert nonzero(result.cost(economics)) == pytest.approx({"busy_energy_usd_per_year": 0.4 * 8766})
    assert result.hourly(economics)["cost_usd"].tolist() == pytest.approx([0.1, 0.3])


def test_idle_energy_of_a_year_by_the_hour():
    # A week: 5 × 12 h at 0.30 and 108 h at 0.10 USD: 28.80 USD for 1 kW; 52 of them 1,497.60 USD.  Of the 8,766 h 30 are
    # left, again from Monday 7:00: 1 at 0.10, 12 at 0.30, 12 at 0.10, 5 (Tuesday 8 to 13) at 0.30: 6.40 USD.
    pool = own(2, idle_power=500, busy_power=500, pue=1.0, electricity_usd_per_kwh=DAYTIME)
    result = replay([pool], [(0, 1, 5), (1000, 1, 5)])
    assert nonzero(result.cost(Economics(start=MONDAY_7))) == pytest.approx({"idle_energy_usd_per_year": 1504.0})


def test_a_replay_of_a_year_pays_by_the_hour_what_the_year_costs():
    # One job of 8,766 h: the sum of the hours is the year.
    pool = own(1, idle_power=500, busy_power=1000, electricity_usd_per_kwh=DAYTIME, capex_usd=100)
    result = replay([pool], [(0, 1, 8766 * 3600), (8766 * 3600, 1, 0)])
    economics = Economics(start=MONDAY_7, discount_rate=0.0)
    assert result.hourly(economics)["cost_usd"].sum() == pytest.approx(costs.total(result.cost(economics)))
    assert costs.total(result.cost(economics)) == pytest.approx(1504 + 100)


band = st.builds(
    lambda usd, hours, days: Band(usd_per_kwh=usd / 8, hours=hours, weekdays=days),
    st.integers(0, 8),
    st.tuples(st.integers(0, 23), st.integers(1, 23)).map(lambda pair: (pair[0], (pair[0] + pair[1]) % 24)),
    st.lists(st.sampled_from(["mon", "tue", "sat", "sun", "fri..mon"]), min_size=1, max_size=3),
)


@given(
    bands=st.lists(band, max_size=3).map(lambda some: (*some, Band(usd_per_kwh=0.25))),
    week_h=st.integers(0, 167),
    start_h=st.integers(0, 400),
    length_h=st.integers(0, 400),
)
def test_tariffs_are_what_adding_hours_gives(bands, week_h, start_h, length_h):
    hours = np.arange(start_h, start_h + length_h) + week_h
    prices = [next(one for one in bands if one.holds()[hour % 168]).usd_per_kwh for hour in hours]
    ends_s = np.array([start_h, start_h + length_h]) * 3600.0
    start = Start(parse_local("2026-01-05T00:00") + timedelta(hours=week_h), "")
    from_usd, to_usd = usd_per_kw(bands, ends_s, start)
    assert to_usd - from_usd == pytest.approx(sum(prices), abs=1e-9)
    assert least_usd_per_kw(bands, np.array([length_h * 3600.0]))[0] <= to_usd - from_usd + 1e-9


NIGHT = [{"usd_per_kwh": 0.1, "hours": [22, 6]}, {"usd_per_kwh": 0.3}]


@pytest.mark.parametrize(
    ("start", "cheap", "dear"),
    [
        # 8 h from midnight.  The clock shows 0, 1, 3, 4, 5, 6, 7, 8 on 29 March and 0, 1, 2, 2, 3, 4, 5, 6 on 25 October.
        ("2026-03-28T00:00", 6, 2),
        ("2026-03-29T00:00", 5, 3),
        ("2026-10-25T00:00", 7, 1),
    ],
)
def test_energy_on_the_day_on_which_the_clock_is_changed(start, cheap, dear):
    pool = own(1, busy_power=1000, electricity_usd_per_kwh=NIGHT)
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [8 * 3600, 0], "procs": [1, 1]})
    result = simulate(trace, Cluster.model_validate({"pools": [pool]}))
    usd = 0.1 * cheap + 0.3 * dear
    economics = Economics(start=start, time_zone="Europe/Paris")
    assert nonzero(result.cost(economics)) == pytest.approx({"busy_energy_usd_per_year": usd * 8766})
    assert result.hourly(economics)["cost_usd"].tolist() == pytest.approx([0.1] * cheap + [0.3] * dear)
    # Without a zone the clock goes on.  The log's header may name it, or the zone may say when the log starts.
    assert nonzero(result.cost(Economics(start=start))) == pytest.approx({"busy_energy_usd_per_year": 1.2 * 8766})
    named = replace(result, trace=replace(trace, header={"TimeZoneString": "Europe/Paris"}))
    assert named.cost(Economics(start=start)) == result.cost(economics)
    first_s = parse_local(start).replace(tzinfo=ZoneInfo("Europe/Paris")).timestamp()
    dated = replace(result, trace=replace(trace, header={"UnixStartTime": f"{first_s:.0f}"}))
    assert dated.cost(Economics(time_zone="Europe/Paris")) == result.cost(economics)


def test_idle_energy_of_a_half_year_counts_the_hour_that_is_skipped():
    # From Monday, 5 January 2026, 0:00, for 26 weeks, and 8 h more.  The hour that is skipped on 29 March is at 0.10 USD,
    # and so is the one by which the clock is ahead after 26 weeks, Monday from 0 to 1.  8 h later it shows 9 instead of 8
    # o'clock, an hour at 0.30 instead of one at 0.10 USD.
    bands = (Band(usd_per_kwh=0.3, hours=(8, 20), weekdays=("mon", "tue", "wed", "thu", "fri")), Band(usd_per_kwh=0.1))
    ends_s = np.array([26 * 168, 26 * 168 + 8]) * 3600.0
    winter = Start(parse_local("2026-01-05T00:00"), "")
    paris = winter._replace(zone=ZoneInfo("Europe/Paris"))
    assert usd_per_kw(bands, ends_s, winter).tolist() == pytest.approx([26 * 28.8, 26 * 28.8 + 0.8])
    assert usd_per_kw(bands, ends_s, paris).tolist() == pytest.approx([26 * 28.8, 26 * 28.8 + 1.0])


@given(
    bands=st.lists(band, max_size=3).map(lambda some: (*some, Band(usd_per_kwh=0.25))),
    zone=st.sampled_from(
        ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tokyo"]
    ),
    day=st.integers(0, 700),
    from_h=st.integers(0, 900),
    length_h=st.sampled_from([0, 1, 5, 30, 167, 168, 170, 400]),
)
def test_tariffs_follow_the_clock_of_a_zone(bands, zone, day, from_h, length_h):
    local = parse_local("2025-01-01T00:00") + timedelta(days=day)
    start = Start(local, "", ZoneInfo(zone))
    moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) + timedelta(hours=from_h)
    usd = 0.0
    for _ in range(2 * length_h):  # Lord Howe's clock is changed by half an hour
        shown = moment.astimezone(ZoneInfo(zone))
        hour = shown.weekday() * 24 + shown.hour
        usd += next(one for one in bands if one.holds()[hour]).usd_per_kwh / 2
        moment += timedelta(minutes=30)
    ends_s = np.array([from_h, from_h + length_h]) * 3600.0
    from_usd, to_usd = usd_per_kw(bands, ends_s, start)
    assert to_usd - from_usd == pytest.approx(usd, abs=1e-9)
    assert least_usd_per_kw(bands, np.array([length_h * 3600.0]), start)[0] <= usd + 1e-9


def test_a_week_in_which_the_clock_is_changed_may_cost_less_than_a_week():
    # From Sunday, 29 March 2026, 0:00: 168 hours, of which the hour from 2 to 3, at 1 USD, is skipped.
    bands = (Band(usd_per_kwh=1, hours=(2, 3), weekdays=("sun",)), Band(usd_per_kwh=0))
    week_s = np.array([7 * 86400.0])
    paris = Start(parse_local("2026-03-29T00:00"), "", ZoneInfo("Europe/Paris"))
    assert usd_per_kw(bands, week_s, paris).tolist() == [0]
    assert least_usd_per_kw(bands, week_s, paris).tolist() == [0]
    assert least_usd_per_kw(bands, week_s, paris._replace(zone=None)).tolist() == [1]


def test_bands_hold_the_hours_that_they_name():
    night = Band(usd_per_kwh=1, hours=[22, 6], weekdays=["sat"]).holds().reshape(7, 24)  # type: ignore[arg-type]
    assert np.flatnonzero(night[5]).tolist() == [0, 1, 2, 3, 4, 5, 22, 23]
    assert not night[[0, 1, 2, 3, 4, 6]].any()
    assert Band(usd_per_kwh=1, weekdays="fri..mon").weekdays == ("mon", "fri", "sat", "sun")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        # `date -u -d @843480031` is 1996-09-23 12:00:31, in Stockholm (summer time) 14:00:31.
        ({"UnixStartTime": "843480031", "TimeZoneString": "Europe/Stockholm"}, ("1996-09-23T14:00:31", "Stockholm")),
        ({"UnixStartTime": "843480031", "TimeZone": "3600"}, ("1996-09-23T13:00:31", "+1 h")),
        ({"UnixStartTime": "843480031", "TimeZoneString": "../../x"}, ("1996-09-23T12:00:31", "UTC")),
        ({"UnixStartTime": "843480031", "TimeZoneString": "Europe"}, ("1996-09-23T12:00:31", "UTC")),
        ({"UnixStartTime": "soon", "TimeZoneString": "Europe/Stockholm"}, None),
        ({"UnixStartTime": "0"}, None),
        ({"UnixStartTime": "-5"}, None),
        ({}, None),
    ],
)
def test_start_of_a_log(header, expected):
    trace = Trace.from_columns({"submit_s": [0, 9], "run_s": [1, 1], "procs": [1, 1]}, header=header)
    start = start_of(trace)
    if expected is None:
        assert start is None
    else:
        assert start is not None
        assert (start.local.isoformat(), expected[1] in start.source) == (expected[0], True)
    given = start_of(trace, "2026-01-07T01:30")
    assert given is not None
    assert given.week_s == (2 * 24 + 1.5) * 3600


def test_the_zone_of_a_scenario_comes_before_the_one_of_the_log():
    header = {"UnixStartTime": "843480031", "TimeZoneString": "Europe/Stockholm"}
    trace = Trace.from_columns({"submit_s": [0, 9], "run_s": [1, 1], "procs": [1, 1]}, header=header)
    stockholm, tokyo = start_of(trace), start_of(trace, None, "Asia/Tokyo")
    assert stockholm is not None
    assert tokyo is not None
    assert str(stockholm.zone) == "Europe/Stockholm"
    # 12:00:31 in UTC.
    assert (tokyo.local.isoformat(), str(tokyo.zone), "Asia/Tokyo" in tokyo.source) == (
        "1996-09-23T21:00:31",
        "Asia/Tokyo",
        True,
    )
    both = start_of(trace, "2026-01-07T01:30", "Asia/Tokyo")
    assert both == Start(parse_local("2026-01-07T01:30"), "economics.start, in Asia/Tokyo", ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize("denser", [lambda trace: compress(trace, 1.1), lambda trace: grow(trace, 2)])
def test_compressed_arrivals_do_not_go_with_tariffs(denser):
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [60, 60], "procs": [1, 1]})
    for electricity, goes in ((0.1, True), (NIGHT, False)):
        cluster = Cluster.model_validate({"pools": [own(1, busy_power=1000, electricity_usd_per_kwh=electricity)]})
        for jobs in (denser(trace), mix(trace, denser(trace), "b"), mix(denser(trace), trace, "b")):
            if goes:
                assert search(jobs, cluster, [], workers=1, economics=Economics(start=MONDAY_7)).chosen
            else:
                with pytest.raises(
                    InputError, match=r"does not go with .* by the hour: .*; use resample, or grow by jobs"
                ):
                    search(jobs, cluster, [], workers=1, economics=Economics(start=MONDAY_7))


def test_a_window_starts_later_and_keeps_its_hour(tmp_path):
    header = {"UnixStartTime": "843480031"}
    trace = Trace.from_columns({"submit_s": [50, 90, 150], "run_s": [1] * 3, "procs": [1] * 3}, header=header)
    later = trace.take(np.array([1, 2]))
    starts = [start_of(one) for one in (trace, later)]
    assert [start.local.isoformat() for start in starts if start] == ["1996-09-23T12:01:21", "1996-09-23T12:02:01"]
    from pwsim.trace.formats import swf

    swf.write(later, tmp_path / "later.swf")
    assert start_of(read_trace(tmp_path / "later.swf")) == starts[1]


# -- all parts

ECONOMICS = Economics.model_validate(
    {
        "discount_rate": 0.05,
        "carbon_usd_per_tonne": 80.0,
        "site": [{"name": "staff", "usd_per_year": 0.3}],
        "start": "2026-01-09T21:59",
    }
)
COST = {
    "capex_usd": 1000, "lifetime_years": 4, "residual_share": 0.1, "opex_usd_per_year": 0.1, "site_usd_per_year": 0.7,
    "licence_usd_per_core_per_year": 0.3, "idle_power": 100, "busy_power": 300, "pue": 1.3, "carbon_g_per_kwh": 350,
    "electricity_usd_per_kwh": [{"usd_per_kwh": 0.1, "hours": [22, 6]}, {"usd_per_kwh": 0.3}],
}  # fmt: skip
RENT = {
    "commitments": committed((1, 2.0)), "storage_usd_per_gib_month": 0.7, "egress_usd_per_gib": 0.1,
    "carbon_g_per_hour": 300,
}  # fmt: skip


def test_the_parts_add_up_and_none_is_forgotten():
    pools = [own(1, cores=2, **COST), cloud(3, burst_after=0, savings_1yr_usd_per_hour=1.0, **RENT)]
    jobs = [(0, 2, 5000), (0, 2, 400), (0, 1, 30), (4000, 1, 7000), (4000, 2, 90)]
    result = replay(pools, jobs, data_gib=[1, 2, 3, 4, 5])
    plans = (SavingsPlan(name="all", term="1yr", usd_per_hour=0.5),)
    economics = ECONOMICS.model_copy(update={"savings_plans": plans})
    cost, table = result.cost(economics), result.pools(economics)
    assert all(cost[part] > 0 for part in costs.PARTS), cost
    assert set(cost) == set(costs.PARTS)
    assert sum(cost[part] for part in costs.PARTS) == costs.total(cost)
    assert (table[list(costs.PARTS)].sum(axis=1) == table["cost_usd_per_year"]).all()
    unused = result.savings_plans(economics)["unused_usd_per_year"].sum()
    assert 0 < unused < 0.5 * 8766
    assert costs.total(cost) == pytest.approx(table["cost_usd_per_year"].sum() + 0.3 + unused, rel=1e-12)


setups = st.fixed_dictionaries(
    {
        "always_up": st.booleans(),
        "commitments": st.sampled_from([[], committed((1, 0.5)), committed((1, 0.5), (2, 0.2))]),
        "storage_time": st.sampled_from([None, None, 5, 1000]),
        "storage_usd_per_gib_month": st.sampled_from([0, 400, 400]),
        "egress_usd_per_gib": st.sampled_from([0, 0.5]),
        "carbon_g_per_hour": st.sampled_from([0, 3e5]),
        "accepts": st.sampled_from([{}, {"procs": {"at_most": 2}}]),
    }
)
prices = st.one_of(st.sampled_from([0, 0.2]), st.just(DAYTIME), st.just(COST["electricity_usd_per_kwh"]))


@given(
    trace=traces.filter(lambda trace: trace.span_s > 0),
    data=st.lists(st.sampled_from([0, 0.5, 2]), min_size=9, max_size=9),
    rented=setups,
    electricity=prices,
    start=st.sampled_from(["2026-01-09T21:59:57", MONDAY_7, "2026-01-05T07:59:57"]),
    cloud_first=st.booleans(),
    slow=st.sampled_from([1.0, 0.001]),
)
@settings(max_examples=40)
def test_no_setup_costs_less_than_its_bound_and_the_hours_add_up(
    trace, data, rented, electricity, start, cloud_first, slow
):
    trace = trace.with_columns(data_gib=np.array(data[: len(trace)], dtype=float))
    economics = ECONOMICS.model_copy(update={"start": start})
    own_pool = own([0, 1, 4], cores=2, **{**COST, "electricity_usd_per_kwh": electricity})
    own_pool["node"]["speed"] = slow  # slow enough for jobs to go on into other bands
    pools = [cloud([0, 1, 3], **rented), own_pool]
    cluster = Cluster.model_validate({"pools": pools if cloud_first else pools[::-1]})
    known = bounds.analyse(Holding(trace, cluster), [], economics).cost_usd_per_year
    for choice in itertools.product(range(3), range(3)):
        nodes = {pool.name: pool.nodes[one] for pool, one in zip(cluster.pools, choice, strict=True)}
        result = simulate(trace, cluster.at(nodes, cluster.policy[0]))
        usd = costs.total(result.cost(economics))
        assert sum(float(cost[one]) for cost, one in zip(known, choice, strict=True)) <= usd * (1 + 1e-9)
        # The hours pay what stands there for as long as the replay lasts, and what jobs cause in full.
        terms, expected = costs.terms_of(economics, trace), 0.0
        for index, pool in enumerate(result.cluster.pools):
            count = pool.nodes[0]
            fixed = costs.standing(pool, count, terms)
            idle = annual.idle_energy_usd(pool, count, np.array([result.end_s]), terms)[0]
            share = result.end_s / 3600 / 8766
            expected += (costs.total(fixed) - fixed["idle_energy_usd_per_year"]) * share + idle
            caused = result.pools(economics).iloc[index]["cost_usd_per_year"] - costs.total(fixed)
            expected += caused * trace.span_s / 3600 / 8766
        assert result.hourly(economics)["cost_usd"].sum() == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("storage_time", [60, None])
def test_the_bound_of_the_first_pool_is_what_it_costs(storage_time):
    # No job waits.  Without tariffs nothing of it is unknown: its jobs, their data, their energy.
    pools = [
        cloud([1, 2], always_up=True, **{**RENT, "storage_time": storage_time}),
        own(1, **{**COST, "site_usd_per_year": 0}),
    ]
    pools[1]["cost"]["electricity_usd_per_kwh"] = 0.2
    trace = Trace.from_columns(
        {"submit_s": [0, 3600, 3600], "run_s": [60, 50, 10], "procs": [1, 1, 3], "data_gib": [1, 2, 3]}
    )
    cluster = Cluster.model_validate({"pools": pools})
    known = bounds.analyse(Holding(trace, cluster), [], ECONOMICS).cost_usd_per_year
    for index, count in enumerate((1, 2)):
        result = simulate(trace, cluster.at({"cloud": count, "own": 1}, cluster.policy[0]))
        assert known[0][index] == pytest.approx(result.pools(ECONOMICS)["cost_usd_per_year"][0] + 0.3)


def test_a_search_weighs_commitments_and_fixed_costs():
    # A job that takes one node the whole time.  Rent is 3.60 USD/h; an own node costs 20,000 USD a year and its room as
    # much again: 40,000 above 3.6 × 8766 = 31,557.60.  With a commitment at 1 USD/h, paid anyway, the node is free.
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [3600, 60], "procs": [1, 1]})
    choices = [cloud([0, 1], always_up=True), own([0, 1], opex_usd_per_year=20_000, site_usd_per_year=20_000)]
    plan = search(trace, Cluster.model_validate({"pools": choices}), [], workers=1, economics=ECONOMICS)
    assert plan.chosen is not None
    assert plan.chosen.nodes == {"cloud": 1, "own": 0}
    assert plan.cost_usd_per_year == pytest.approx(31_557.6 + 0.3)
    choices[0]["commitments"] = committed((1, 1.0))
    plan = search(trace, Cluster.model_validate({"pools": choices}), [], workers=1, economics=ECONOMICS)
    assert nonzero(plan.cost) == pytest.approx({"commitment_usd_per_year": 8766, "site_usd_per_year": 0.3})
    assert plan.gap == 0


def test_jobs_at_one_instant_are_refused_where_nodes_come_and_go():
    trace = Trace.from_columns({"submit_s": [0, 0], "run_s": [3600, 60], "procs": [1, 1]})
    with pytest.raises(InputError, match="scaled to a year"):
        search(trace, Cluster.model_validate({"pools": [cloud(2)]}), [], workers=1)


def test_the_price_table_of_a_python_user():
    pool = {"name": "cloud", "kind": "cloud", "nodes": 1, "instance": "me/here/small"}
    with pytest.raises(ValidationError, match="not in the price table"):
        Cluster.model_validate({"pools": [pool]})


def test_negative_data_is_refused():
    with pytest.raises(InputError, match=r"record 2: data_gib must be a number from 0 to 1,000,000,000 GiB \(got -1\)"):
        Trace.from_columns({"submit_s": [0, 1], "run_s": [1, 1], "procs": [1, 1], "data_gib": [0, -1]})
