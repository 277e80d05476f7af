"""Who causes what: by hand, and whatever the pools are, the rows sum to the bill to the cent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Economics, InputError, Trace, costs, simulate
from pwsim.costs.sharing import in_whole, shared
from pwsim.results import Attribution, attribution

HOUR_S = 3600
YEAR_H = 8766


def own(nodes=1, cores=2, **more):
    """Return a pool of one's own, as plain data, of which a node costs 1,000 USD a year."""
    cost = {"capex_usd": 1000, "lifetime_years": 1, **more.pop("cost", {})}
    return {"name": "own", "kind": "on_premises", "nodes": nodes, "node": {"cores": cores}, "cost": cost, **more}


def replay(pools, **columns):
    """Return a replay of jobs whose times are in hours."""
    hours = {key: np.asarray(columns.pop(key), dtype=float) * HOUR_S for key in ("submit_s", "run_s")}
    return simulate(Trace.from_columns({**hours, **columns}), Cluster(pools=pools), engine="simpy")


def by_name(result, economics=None, **asked):
    """Return the rows by name."""
    table = attribution(result, economics or Economics(discount_rate=0), Attribution(**{"by": ["user"], **asked}))
    return table.set_index("name")


def test_used_and_idle_by_hand():
    # Two cores for ten hours. Ann holds both for four hours, Bob one twice for one: 8 and 2 of 20 core-hours. So half of the
    # 1,000 USD is used, 400 by Ann and 100 by Bob, and the other half is shared in the same proportion: 400 and 100.
    jobs = {"submit_s": [0, 4, 9], "run_s": [4, 1, 1], "procs": [2, 1, 1], "user": ["ann", "bob", "bob"]}
    result = replay([own()], **jobs)
    rows = by_name(result)
    assert rows.loc["ann", ["used_usd_per_year", "idle_usd_per_year"]].tolist() == [400, 400]
    assert rows.loc["bob", ["used_usd_per_year", "idle_usd_per_year"]].tolist() == [100, 100]
    assert rows["core_hours"].tolist() == [8, 2]
    even = by_name(result, idle="even")
    assert even.loc["ann", ["used_usd_per_year", "idle_usd_per_year"]].tolist() == [400, 250]
    assert even.loc["bob", "cost_usd_per_year"] == 350


def test_what_belongs_to_no_pool_is_shared_like_what_is_idle():
    jobs = {"submit_s": [0, 0], "run_s": [10, 10], "procs": [1, 1], "user": ["ann", "bob"]}
    staff = Economics(discount_rate=0, site=[{"name": "staff", "usd_per_year": 500}])
    rows = by_name(replay([own()], **jobs), staff)
    assert rows["used_usd_per_year"].tolist() == [500, 500]
    assert rows["idle_usd_per_year"].tolist() == [250, 250]


def test_whole_nodes_are_held_whole_and_an_unused_pool_is_borne_by_all():
    jobs = {"submit_s": [0, 0], "run_s": [10, 10], "procs": [1, 4], "user": ["ann", "bob"]}
    spare = {**own(nodes=1), "name": "spare", "placement": "nodes", "accepts": {"queue": ["none"]}}
    rows = by_name(replay([own(nodes=3, placement="nodes"), spare], **jobs))
    # Ann holds one node of two cores with her one, Bob two; of the spare pool's 1,000 they bear as much.
    assert rows.loc["ann", "used_usd_per_year"] == 1000
    assert rows.loc["bob", "used_usd_per_year"] == 2000
    assert rows["idle_usd_per_year"].sort_index().tolist() == [333.33, 666.67]


def test_energy_goes_by_what_is_drawn_at_the_price_of_its_hour():
    # 500 W of two cores: a job on one draws 250 W. Ann runs from 0 to 1 at 0.10 USD/kWh, Bob from 12 to 13 at 0.30.
    bands = [{"usd_per_kwh": 0.3, "hours": [12, 24]}, {"usd_per_kwh": 0.1}]
    cost = {"capex_usd": 0, "busy_power": 500, "electricity_usd_per_kwh": bands, "carbon_g_per_kwh": 100}
    jobs = {"submit_s": [0, 12], "run_s": [1, 1], "procs": [1, 1], "user": ["ann", "bob"]}
    result = replay([own(cost=cost)], **jobs)
    rows = by_name(result, Economics(discount_rate=0, start="2026-01-05T00:00"))
    a_year = YEAR_H / 12  # the log is twelve hours long
    assert rows.loc["ann", "cost_usd_per_year"] == pytest.approx(0.025 * a_year, abs=0.01)
    assert rows.loc["bob", "cost_usd_per_year"] == pytest.approx(0.075 * a_year, abs=0.01)
    assert rows["carbon_kg_per_year"].tolist() == pytest.approx([0.025 * a_year] * 2, abs=1e-3)


def test_rented_nodes_that_wait_are_idle():
    # A node boots for an hour, works for two, and is shut down an hour later: half of its rent is used.
    cloud = {"name": "cloud", "kind": "cloud", "nodes": 1, "node": {"cores": 2}, "price_usd_per_hour": 1.0}
    cloud |= {"boot_time": HOUR_S, "idle_timeout": HOUR_S}
    result = replay([cloud], submit_s=[0, 9], run_s=[2, 2], procs=[2, 1], user=["ann", "bob"])
    launch_s, _, gone_s = result.stays(0)
    assert (gone_s - launch_s).tolist()[0] == 4 * HOUR_S
    rows = by_name(result)
    share = 4 * HOUR_S / float((gone_s - launch_s).sum())
    assert rows["used_usd_per_year"].sum() == pytest.approx(share * rows["cost_usd_per_year"].sum(), abs=0.02)
    assert rows.loc["ann", "used_usd_per_year"] == rows.loc["bob", "used_usd_per_year"]  # whole nodes are held


def test_rejected_jobs_cost_nothing_and_are_counted():
    jobs = {"submit_s": [0, 0], "run_s": [10, 3], "procs": [1, 9], "user": ["ann", "bob"]}
    rows = by_name(replay([own()], **jobs))
    assert rows.loc["bob", ["cost_usd_per_year", "rejected_jobs", "rejected_core_hours"]].tolist() == [0, 1, 27]
    assert np.isnan(rows.loc["bob", "wait_s_mean"])
    assert by_name(replay([own()], **jobs), idle="even").loc["bob", "idle_usd_per_year"] == 250


def test_waits_and_over_asked_time():
    jobs = {"submit_s": [0, 0], "run_s": [4, 2], "procs": [2, 2], "user": ["ann", "ann"]}
    rows = by_name(replay([own()], **jobs, estimate_s=[6 * HOUR_S, 1 * HOUR_S]))
    told = rows.loc["ann", ["wait_s_mean", "wait_s_p95", "waited_job_hours", "over_asked_core_hours"]].tolist()
    assert told in ([2 * HOUR_S, 4 * HOUR_S, 4, 4], [1 * HOUR_S, 2 * HOUR_S, 2, 4])


def test_what_no_job_names_is_refused():
    colour: Any = ["colour"]
    result = replay([own()], submit_s=[0, 1], run_s=[1, 1], procs=[1, 1], user=["ann", "ann"])
    with pytest.raises(InputError, match=r"attribution\.by\.1: no job of .* names its account; use user"):
        attribution(
            result,
            Economics(),
            Attribution(
                by=(
                    "user",
                    "account",
                )
            ),
        )
    with pytest.raises(InputError, match="by"):
        Attribution(by=colour)


JOBS = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(0, 9), st.integers(1, 5), st.sampled_from(["", "ann", "bob", "cyd"]),
        st.sampled_from(["a", "b"]), st.integers(0, 2),
    ),
    min_size=2, max_size=12,
)  # fmt: skip
BANDS = [{"usd_per_kwh": 0.31, "hours": [7, 20]}, {"usd_per_kwh": 0.07}]
POWER = {"idle_power": 90, "busy_power": 333, "electricity_usd_per_kwh": BANDS, "carbon_g_per_kwh": 321}
CLOUD = {"name": "cloud", "kind": "cloud", "nodes": 3, "node": {"cores": 3}, "price_usd_per_hour": 0.77}
MORE = [
    {"always_up": True},
    {"burst_after": 2 * HOUR_S, "carbon_g_per_hour": 17.0, "storage_usd_per_gib_month": 3.0, "egress_usd_per_gib": 0.1},
    {"min_nodes": 1, "commitments": [{"term": "1yr", "nodes": "best", "price_usd_per_hour": 0.4}]},
    {"savings_1yr_usd_per_hour": 0.5, "interruptions_per_hour": 0.05},
    {"placement": "packed"},
]


@given(
    jobs=JOBS, mine=st.sampled_from(["cores", "nodes", "packed"]), theirs=st.sampled_from(MORE),
    idle=st.sampled_from(["usage", "even"]), plans=st.booleans(),
)  # fmt: skip
@settings(max_examples=40)
def test_the_rows_sum_to_the_bill_to_the_cent_whatever_the_pools_are(jobs, mine, theirs, idle, plans):
    submit_s, run_s, procs, user, queue, data_gib = zip(*jobs, strict=True)
    if len(set(submit_s)) < 2 or not any(user):
        return
    columns = {"submit_s": submit_s, "run_s": run_s, "procs": procs, "user": user, "queue": queue, "data_gib": data_gib}
    result = replay([own(nodes=2, placement=mine, cost=POWER), {**CLOUD, **theirs}], **columns)
    savings = [{"name": "plan", "term": "1yr", "usd_per_hour": 0.9}]
    economics = Economics(
        start="2026-01-05T00:00",
        carbon_usd_per_tonne=55,
        site=[{"name": "staff", "usd_per_year": 123.456}],
        savings_plans=savings if plans and "savings_1yr_usd_per_hour" in theirs else (),
    )
    table, bill = (
        attribution(
            result,
            economics,
            Attribution(
                by=(
                    "user",
                    "queue",
                ),
                idle=idle,
            ),
        ),
        result.bill(economics),
    )
    cents = [np.round(100 * table[name]) for name in ("used_usd_per_year", "idle_usd_per_year", "cost_usd_per_year")]
    assert (cents[0] + cents[1] == cents[2]).all()
    assert all((one >= 0).all() for one in cents)
    for by in ("user", "queue"):
        mine_ = table["by"] == by
        assert cents[2][mine_].sum() == round(100 * costs.total(bill.cost))
        assert np.round(1000 * table["carbon_kg_per_year"][mine_]).sum() == round(1000 * bill.carbon_kg_per_year)
        assert table["jobs"][mine_].sum() == len(jobs)
        assert table["core_hours"][mine_].sum() * HOUR_S == pytest.approx(
            float((result.trace.procs[result.attempts.job] * (result.attempts.end_s - result.attempts.start_s)).sum())
        )


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=9))
def test_whole_units_sum_to_the_total_and_are_off_by_less_than_one(amounts):
    values, total = np.array(amounts), float(np.sum(amounts))
    whole = in_whole(values, total, 0.01)
    assert whole.sum() == round(total / 0.01)
    assert (np.abs(whole - values / 0.01) <= 1 + 1e-6).all()


def test_nothing_is_shared_among_none():
    assert shared(5.0, np.zeros(2)).tolist() == [0, 0]
    assert in_whole(np.array([]), 0.0, 0.01).tolist() == []
