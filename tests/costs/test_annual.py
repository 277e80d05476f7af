"""What stands there anyway, what nodes are worth later and what is paid when: by hand, each function by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pwsim import Cluster
from pwsim.cluster.pools import CloudPool, OnPremisesPool
from pwsim.costs import annual, cash
from pwsim.costs.bill import per_hour_used
from pwsim.costs.terms import Terms, per_year
from pwsim.costs.worth import worth_share
from pwsim.prices import OnPremisesCost
from tests.costs.test_money import cloud, committed, own

OWN = OnPremisesPool.model_validate(
    own(
        3, 4, capex_usd=900, lifetime_years=2, residual_share=0.5, opex_usd_per_year=10,
        licence_usd_per_core_per_year=2, site_usd_per_year=70, idle_power=100, busy_power=300, pue=1.5,
        electricity_usd_per_kwh=0.2, carbon_g_per_kwh=400,
    )
)  # fmt: skip
FREE = OnPremisesPool.model_validate({"name": "free", "kind": "on_premises", "nodes": 3, "node": {"cores": 4}})
UP = CloudPool.model_validate(
    cloud(5, always_up=True, carbon_g_per_hour=200, commitments=committed((1, 2.0), (1, 1.5)))
)
ELASTIC = CloudPool.model_validate(cloud(5, min_nodes=2, carbon_g_per_hour=200))


def test_a_price_is_paid_off_evenly():
    # 0.5 × 2.25 / 1.25 a year for two years at a rate of one half; with the interest of one year, 1.25.
    assert annual.capital_recovery_factor(0.5, 2) == pytest.approx(0.9)
    assert annual.capital_recovery_factor(0.25, 1) == pytest.approx(1.25)
    assert annual.capital_recovery_factor(0.0, 4) == 0.25
    # Half of 900 is got back after two years, which is worth 450 / 2.25 today: 700 are paid off.
    assert annual.annuity_usd(900, 0.5, 0.5, 2) == pytest.approx(700 * 0.9)
    assert annual.annuity_usd(900, 0.5, 0.0, 2) == pytest.approx(225)


def test_what_stands_costs_the_same_each_year():
    terms = Terms(discount_rate=0.5, carbon_usd_per_tonne=100.0)
    parts = {
        annual.capex_usd: (3 * 630, 0, 0),
        annual.opex_usd: (30, 0, 0),
        annual.licence_usd: (3 * 4 * 2, 0, 0),
        annual.site_usd: (70, 0, 0),
        annual.commitment_usd: (0, 3.5 * 8766, 0),
        annual.rent_usd: (0, 3 * 3.6 * 8766, 2 * 3.6 * 8766),
        annual.idle_energy_usd_per_year: (3 * 0.1 * 1.5 * 8766 * 0.2, 0, 0),
        # 0.45 kW at 0.4 kg/kWh; nodes at 0.2 kg/h; 0.1 USD/kg.
        annual.carbon_usd: (0.45 * 0.4 * 8766 * 0.1, 5 * 0.2 * 8766 * 0.1, 2 * 0.2 * 8766 * 0.1),
    }
    for part, usd in parts.items():
        found = [part(pool, nodes, terms) for pool, nodes in ((OWN, 3), (UP, 5), (ELASTIC, 5))]
        assert found == pytest.approx(usd), part
        assert part(FREE, 3, terms) == 0.0
    assert (annual.site_usd(OWN, 1, terms), annual.site_usd(OWN, 0, terms)) == (70, 0)
    assert annual.rent_usd(UP, 1, terms) == 0.0  # more are committed than there are
    kg = [annual.carbon_kg(pool, 3) for pool in (OWN, UP, ELASTIC, FREE)]
    assert kg == pytest.approx([0.45 * 0.4 * 8766, 0.6 * 8766, 0.4 * 8766, 0])
    until_s = np.array([0.0, 3600.0, 7200.0])
    assert annual.idle_energy_usd(OWN, 2, until_s, terms).tolist() == pytest.approx([0, 0.06, 0.12])
    assert annual.idle_energy_usd(UP, 2, until_s, terms).tolist() == [0, 0, 0]
    assert annual.idle_energy_usd(FREE, 2, until_s, terms).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("residual", "rate", "shares"),
    [
        # Of 1, 0.7 is paid at the end of the first year, with interest of 0.5: 0.8 is left.
        ("annuity", 0.5, [1.0, 0.8, 0.5, 0.5]),
        ("annuity", 0.0, [1.0, 0.75, 0.5, 0.5]),
        ("linear", 0.5, [1.0, 0.75, 0.5, 0.5]),
        ("none", 0.5, [0.0, 0.0, 0.5, 0.5]),
    ],
)
def test_what_a_node_is_worth_at_each_age(residual, rate, shares):
    node = OnPremisesCost(capex_usd=900, lifetime_years=2, residual_share=0.5)
    assert [worth_share(node, age, rate, residual) for age in range(4)] == pytest.approx(shares)


def test_nodes_are_bought_again_at_the_end_of_their_life():
    second = {**own(2, capex_usd=50, lifetime_years=4), "name": "second"}
    third = {"name": "third", "kind": "on_premises", "nodes": 3, "node": {"cores": 1}}
    cluster = Cluster.model_validate({"pools": [third, own(3, capex_usd=100, lifetime_years=2), cloud(2), second]})
    assert cash.purchase_usd(cluster) == 300 + 100
    assert cash.purchase_usd(Cluster.model_validate({"pools": [own(2, capex_usd=50, lifetime_years=0.5)]})) == 100
    bought = [cash.spent_on_nodes_usd(cluster, years) for years in (0.5, 2, 2.5, 4, 4.5)]
    assert bought == [400, 400, 700, 700, 900 + 200]
    assert cash.spent_usd(cluster, 500.0, 150.0, 2.5) == 700 + 2.5 * 350


def test_what_is_used_is_scaled_to_a_year():
    assert per_hour_used(100.0, 7200.0, 3600.0) == pytest.approx(100 / (2 * 8766))
    assert per_hour_used(100.0, 7200.0, 1.0) == pytest.approx(100 / (2 * 8766 * 3600))
    assert all(math.isnan(per_hour_used(100.0, used_s, window_s)) for used_s, window_s in ((0.0, 9.0), (9.0, 0.0)))
    assert per_year(2.0, 1800.0) == 4 * 8766
    assert per_year(2.0, 1.0) == 2 * 8766 * 3600
    assert per_year(0.0, 0.0) == 0.0
    with pytest.raises(ValueError, match="window") as caught:
        per_year(1e-9, 0.0)
    assert str(caught.value) == "the measurement window has no length: all jobs are submitted at the same time"
