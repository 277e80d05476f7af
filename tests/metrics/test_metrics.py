"""Metrics and costs against sums done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import Cluster, Trace, costs, metrics, simulate
from pwsim.costs import annual


def test_metrics_by_hand(engine):
    # 4 cores.  Job 1 (4 cores) waits for job 0 (2 cores, 0 to 100) until 100, ends at 300; job 2 (1 core) comes at 200
    # and runs from 300 to 310; job 3 is too wide.  The window is 0 to 200.
    trace = Trace.from_columns({"submit_s": [0, 50, 200, 200], "procs": [2, 4, 1, 5], "run_s": [100, 200, 10, 1]})
    got = simulate(trace, cores=4, engine=engine).metrics
    assert (got["jobs_completed"], got["jobs_killed"], got["jobs_rejected"]) == (3, 0, 1)
    assert got["utilization"] == (2 * 100 + 4 * 100) / (4 * 200)
    assert got["throughput_jobs_per_hour"] == 1 / (200 / 3600)
    assert got["delivered_core_hours_per_day"] == pytest.approx(600 / 3600 / (200 / 86400))
    assert got["makespan_s"] == 310
    assert [got[f"wait_s_{name}"] for name in ("mean", "p50", "p90", "max")] == [50, 50, 100, 100]
    # Turnarounds 100, 250, 110 over runs 100, 200, 10.
    assert got["bounded_slowdown_mean"] == pytest.approx((1 + 1.25 + 11) / 3)
    assert got["turnaround_s_max"] == 250


def test_metrics_without_a_window_or_without_jobs_have_no_meaning():
    trace = Trace.from_columns({"submit_s": [0, 0], "procs": [1, 1], "run_s": [10, 10]})
    got = simulate(trace, cores=1).metrics
    assert math.isnan(got["utilization"])
    assert math.isnan(got["throughput_jobs_per_hour"])
    assert got["wait_s_max"] == 10
    assert math.isnan(simulate(trace, cores=0).metrics["wait_s_mean"])


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.integers(1, 100))
def test_nearest_rank_is_the_smallest_value_with_that_share_at_or_below_it(values, percent):
    got = metrics.nearest_rank(np.array(values, dtype=float), percent)
    good = [value for value in values if sum(other <= value for other in values) * 100 >= percent * len(values)]
    assert got == min(good)


def test_annuity():
    assert 2_000_000 * annual.capital_recovery_factor(0.10, 25) == pytest.approx(220_336.144, abs=5e-4)
    assert 1_000_000 * annual.capital_recovery_factor(0.05, 5) == pytest.approx(230_974.798, abs=5e-4)
    assert annual.capital_recovery_factor(0.0, 5) == 0.2
    assert annual.capital_recovery_factor(1e-15, 5) == pytest.approx(0.2, rel=1e-9)
    assert annual.capital_recovery_factor(1.0, 1) == 2.0


def test_cost_by_hand():
    # 3 own nodes of 4 cores; one job of 2 cores for 1,800 s in a window of 3,600 s: a quarter of a node's cores for half
    # a node-hour a node.  1,800 s × 2 / 4 cores = 900 node-seconds of (300 - 100) W = 0.05 kWh; PUE 1.5; 0.2 USD/kWh;
    # 8,766 windows a year: 0.05 × 1.5 × 0.2 × 8766 = 131.49 USD.
    own = {"capex_usd": 1000, "lifetime_years": 4, "opex_usd_per_year": 50, "idle_power": 100, "busy_power": 300,
           "pue": 1.5, "electricity_usd_per_kwh": 0.2}  # fmt: skip
    pools = [
        {"name": "own", "kind": "on_premises", "nodes": 3, "node": {"cores": 4}, "cost": own},
        {
            "name": "rented",
            "kind": "cloud",
            "nodes": 2,
            "node": {"cores": 4},
            "price_usd_per_hour": 0.5,
            "always_up": True,
        },
    ]
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [1800, 0], "procs": [2, 1]})
    result = simulate(trace, Cluster.model_validate({"pools": pools}))
    assert result.cost() == pytest.approx(
        {
            **dict.fromkeys(costs.PARTS, 0),
            "capex_usd_per_year": 3 * 1000 / 4,
            "opex_usd_per_year": 150,
            "idle_energy_usd_per_year": 3 * 0.1 * 8766 * 1.5 * 0.2,
            "busy_energy_usd_per_year": 131.49,
            "cloud_usd_per_year": 2 * 0.5 * 8766,
        }
    )
    table = result.pools()
    assert (table[list(costs.PARTS)].sum(axis=1) == table["cost_usd_per_year"]).all()
    assert table["utilization"].tolist() == [2 * 1800 / (12 * 3600), 0]
    # The hours of the timeline cost what stands there, and what the job adds.
    hour = result.timeline[result.timeline["pool"] == "own"].iloc[0]
    assert hour["cost_usd"] == pytest.approx((750 + 150 + 3 * 0.1 * 8766 * 1.5 * 0.2) / 8766 + 0.05 * 1.5 * 0.2)
    assert (hour["nodes_up"], hour["busy_cores"]) == (3, 1)


def test_whole_nodes_draw_power_by_their_busy_cores():
    own = {"capex_usd": 0, "lifetime_years": 1, "busy_power": 1000, "electricity_usd_per_kwh": 1}
    pool = {"name": "own", "kind": "on_premises", "nodes": 1, "node": {"cores": 4}, "placement": "nodes", "cost": own}
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [3600, 0], "procs": [1, 1]})
    result = simulate(trace, Cluster.model_validate({"pools": [pool]}))
    assert result.cost()["busy_energy_usd_per_year"] == pytest.approx(0.25 * 8766)
