"""The use from which on owning is cheaper than renting, by hand."""

from __future__ import annotations

import math

import pytest

from pwsim.cluster.pools import CloudPool, OnPremisesPool
from pwsim.costs.owning import break_even
from pwsim.costs.terms import Terms
from pwsim.prices.tariffs import Start, parse_local
from tests.costs.test_money import cloud, own

TARIFF = [{"usd_per_kwh": 0.3, "hours": [8, 20]}, {"usd_per_kwh": 0.1}]
COST = {
    "capex_usd": 1000, "lifetime_years": 2, "opex_usd_per_year": 100, "site_usd_per_year": 700, "idle_power": 100,
    "busy_power": 600, "pue": 1.2, "electricity_usd_per_kwh": TARIFF, "carbon_g_per_kwh": 400,
}  # fmt: skip


def owned(node, **cost):
    return OnPremisesPool.model_validate({**own(3, **cost), "node": node})


def rented(node, **more):
    return CloudPool.model_validate({**cloud(3, **more), "node": node})


def test_a_node_that_draws_power_by_the_hour_and_pays_for_carbon():
    # A year has 365 days and 6 hours, here from 8:00 on: 12 h a day and the 6 h cost 0.3 USD/kWh, the rest 0.1.
    # Carbon of 400 g/kWh costs 0.04 USD/kWh at 100 USD/t.
    usd_per_kwh = (365 * 12 * (0.3 + 0.1) + 6 * 0.3) / 8766 + 0.04
    mine = owned({"cores": 8, "speed": 1.5}, **COST)
    theirs = rented({"cores": 4}, price_usd_per_hour=1.0, carbon_g_per_hour=200)
    terms = Terms(carbon_usd_per_tonne=100.0, start=Start(parse_local("2026-01-05T08:00"), "here"))
    found = break_even(mine, theirs, terms)
    assert found is not None
    assert (found.owned, found.rented) == ("own", "cloud")
    assert found.rented_nodes == 8 * 1.5 / 4
    # 500 for the node, 100 to operate it, 0.1 kW × 1.2 idle; what the site costs is left out.
    yearly = 600 + 0.12 * 8766 * usd_per_kwh
    assert found.owned_usd_per_year == pytest.approx(yearly)
    assert found.busy_usd_per_hour == pytest.approx(0.5 * 1.2 * usd_per_kwh)
    assert found.rented_usd_per_hour == pytest.approx(3 * (1.0 + 0.2 * 0.1))
    assert found.utilization == pytest.approx(yearly / (8766 * (3.06 - 0.6 * usd_per_kwh)))


def test_nodes_with_gpus_compare_by_them_and_with_no_others():
    gpus, cores = {"cores": 8, "gpus": 4, "speed": 0.5}, {"cores": 8}
    mine = owned(gpus, capex_usd=8766, lifetime_years=1)
    found = break_even(mine, rented({"cores": 64, "gpus": 1}, price_usd_per_hour=1.0), Terms())
    assert found is not None
    assert (found.rented_nodes, found.utilization) == (2.0, 0.5)
    assert break_even(mine, rented(cores), Terms()) is None
    assert break_even(owned(cores, capex_usd=1), rented(gpus), Terms()) is None
    without = OnPremisesPool.model_validate({"name": "own", "kind": "on_premises", "nodes": 1, "node": cores})
    assert break_even(without, rented(cores), Terms()) is None


@pytest.mark.parametrize(
    ("rent", "use"),
    [(0.5, math.inf), (1.0, math.inf), (1.0 + 1 / 2**14, 2**14 / 4)],
)
def test_what_is_rented_for_less_than_the_energy_is_never_beaten(rent, use):
    # A kilowatt at 1 USD/kWh; a quarter of 8,766 USD a year besides.
    mine = owned({"cores": 1}, opex_usd_per_year=8766 / 4, busy_power=1000, electricity_usd_per_kwh=1.0)
    found = break_even(mine, rented({"cores": 1}, price_usd_per_hour=rent), Terms())
    assert found is not None
    assert found.utilization == use
