"""What a setup costs: pure functions (semantics §8).

Every part of the cost has its own name in :data:`PARTS`; the total is their sum in that order.
"""

from __future__ import annotations

import math

import numpy as np

from pwsim.cluster import CloudPool, OnPremisesPool, Pool
from pwsim.trace import Floats
from pwsim.units import HOUR_S, YEAR_H

PARTS = (
    "capex_usd_per_year",
    "opex_usd_per_year",
    "idle_energy_usd_per_year",
    "busy_energy_usd_per_year",
    "cloud_usd_per_year",
)
"""The parts of a setup's cost [USD a year]."""

LEAST_BILLED_S = 60.0
"""The least time for which an elastic node is paid [s]."""

Breakdown = dict[str, float]
"""Cost by part [USD a year]."""


def capital_recovery_factor(discount_rate: float, lifetime_years: float) -> float:
    """Return the share of a price that is paid each year: ``i(1+i)^n / ((1+i)^n - 1)``, or ``1/n`` for ``i = 0``.

    Parameters
    ----------
    discount_rate
        Interest a year, such as 0.05.
    lifetime_years
        Years over which the price is paid off, above 0.

    References
    ----------
    Semantics §8; W. Short, D. J. Packey, T. Holt: A manual for the economic evaluation of energy efficiency and
    renewable energy technologies. NREL/TP-462-5173, 1995.

    Examples
    --------
    >>> round(1_000_000 * capital_recovery_factor(0.05, 5), 3)
    230974.798
    >>> capital_recovery_factor(0.0, 4)
    0.25
    """
    if discount_rate == 0:
        return 1 / lifetime_years
    # The same formula, divided through by (1+i)^n: exact for small rates, and nothing overflows for long lifetimes.
    return discount_rate / -math.expm1(-lifetime_years * math.log1p(discount_rate))


def energy_usd(power_w: float, hours: float, pool: OnPremisesPool) -> float:
    """Return the price of a power drawn for some hours: power × PUE × tariff [USD]."""
    if pool.cost is None:
        return 0.0
    return power_w / 1000 * hours * pool.cost.pue * pool.cost.electricity_usd_per_kwh


def standing(pool: Pool, nodes: int, discount_rate: float) -> Breakdown:
    """Return what a pool of always-up nodes costs a year, whether jobs run or not.

    On-premises: annuity, opex and idle power for 8,766 h; cloud: the price for 8,766 h.
    """
    cost = dict.fromkeys(PARTS, 0.0)
    if isinstance(pool, CloudPool):
        if pool.elastic:  # min_nodes are launched, and paid, like all others
            return cost
        cost["cloud_usd_per_year"] = nodes * pool.price_usd_per_hour * YEAR_H
    elif pool.cost is not None:
        annuity = pool.cost.capex_usd * capital_recovery_factor(discount_rate, pool.cost.lifetime_years)
        cost["capex_usd_per_year"] = nodes * annuity
        cost["opex_usd_per_year"] = nodes * pool.cost.opex_usd_per_year
        cost["idle_energy_usd_per_year"] = energy_usd(nodes * pool.cost.idle_power, YEAR_H, pool)
    return cost


def elastic_usd(pool: Pool, launch_s: Floats, end_s: Floats) -> float:
    """Return the rent of an elastic pool's nodes, from launch to end, by the second and at least 60 s each [USD].

    Parameters
    ----------
    launch_s, end_s
        When each node was launched, and when it was gone [s], shape (stays,).
    """
    if not isinstance(pool, CloudPool) or not pool.elastic:
        return 0.0
    return math.fsum(np.maximum(end_s - launch_s, LEAST_BILLED_S)) / HOUR_S * pool.price_usd_per_hour


def busy_energy_usd(pool: Pool, busy_core_s: float) -> float:
    """Return the price of the power that busy cores draw beyond idle power [USD].

    A node draws its busy share of cores times (busy - idle) watts more than when idle.

    Parameters
    ----------
    pool
        Where the cores are.
    busy_core_s
        Core-seconds that jobs hold [s].
    """
    if isinstance(pool, CloudPool) or pool.cost is None:
        return 0.0
    return energy_usd(pool.cost.busy_power - pool.cost.idle_power, busy_core_s / pool.node.cores / HOUR_S, pool)


def per_year(usd: float, window_s: float) -> float:
    """Scale what jobs cause in a replay to a year, by the length of the measurement window.

    Raises
    ------
    ValueError
        If the window has no length and there is something to scale.
    """
    if usd == 0:
        return 0.0
    if window_s <= 0:
        raise ValueError("the measurement window has no length: all jobs are submitted at the same time")
    return usd * YEAR_H * HOUR_S / window_s


def per_core_hour(cost: Breakdown, busy_core_s: float, window_s: float) -> float:
    """Return the cost by the core-hours that jobs hold, scaled to a year alike [USD]; NaN if they hold none.

    So nodes of one's own and rented ones can be compared at their real utilisation.
    """
    if not busy_core_s or window_s <= 0:
        return math.nan
    return total(cost) / per_year(busy_core_s / HOUR_S, window_s)


def total(cost: Breakdown) -> float:
    """Return the sum of the parts, in their order [USD a year]."""
    return sum(cost[part] for part in PARTS)
