"""What stands there anyway, whether jobs run or not: pure functions of a pool and its nodes (semantics §8)."""

from __future__ import annotations

import math

import numpy as np

from pwsim.cluster import CloudPool, Pool
from pwsim.common import HOUR_S, YEAR_H
from pwsim.costs.terms import KG_PER_TONNE, Terms
from pwsim.prices import OnPremisesCost, usd_per_kw
from pwsim.trace import Floats


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


def annuity_usd(price_usd: float, residual_share: float, discount_rate: float, lifetime_years: float) -> float:
    """Return the annuity of a purchase, less that of its residual value: ``(P - R/(1+i)^n) × crf(i, n)`` [USD].

    Parameters
    ----------
    price_usd
        Price ``P`` [USD].
    residual_share
        Share of the price that it is sold for after the lifetime: ``R/P``.
    discount_rate, lifetime_years
        See :func:`capital_recovery_factor`.

    References
    ----------
    W. Short, D. J. Packey, T. Holt: A manual for the economic evaluation of energy efficiency and renewable energy
    technologies. NREL/TP-462-5173, 1995.

    Examples
    --------
    >>> annuity_usd(1000, 0.2, 0.0, 4)
    200.0
    """
    today = price_usd * (1 - residual_share * math.exp(-lifetime_years * math.log1p(discount_rate)))
    return today * capital_recovery_factor(discount_rate, lifetime_years)


def own_cost(pool: Pool) -> OnPremisesCost | None:
    """Return the prices of a pool of one's own; ``None`` for a rented one, and where nobody says it."""
    return None if isinstance(pool, CloudPool) else pool.cost


def capex_usd(pool: Pool, nodes: int, terms: Terms) -> float:
    """Return the annuity of own nodes [USD a year]."""
    own = own_cost(pool)
    if own is None:
        return 0.0
    return nodes * annuity_usd(own.capex_usd, own.residual_share, terms.discount_rate, own.lifetime_years)


def opex_usd(pool: Pool, nodes: int, _terms: Terms) -> float:
    """Return the operating cost of own nodes, without energy [USD a year]."""
    own = own_cost(pool)
    return 0.0 if own is None else nodes * own.opex_usd_per_year


def licence_usd(pool: Pool, nodes: int, _terms: Terms) -> float:
    """Return the licences of own cores [USD a year]."""
    own = own_cost(pool)
    return 0.0 if own is None else nodes * pool.node.cores * own.licence_usd_per_core_per_year


def site_usd(pool: Pool, nodes: int, _terms: Terms) -> float:
    """Return the cost of a pool that does not depend on how many nodes it has, if it has any [USD a year]."""
    own = own_cost(pool)
    return 0.0 if own is None or not nodes else own.site_usd_per_year


def commitment_usd(pool: Pool, _nodes: int, _terms: Terms) -> float:
    """Return the cost of committed nodes, used or not [USD a year]."""
    commitments = pool.commitments if isinstance(pool, CloudPool) else ()
    return math.fsum(one.nodes * one.price_usd_per_hour * YEAR_H for one in commitments if isinstance(one.nodes, int))


def rent_usd(pool: Pool, nodes: int, _terms: Terms) -> float:
    """Return the rent of nodes that stand all year and that no commitment covers [USD a year]."""
    if not isinstance(pool, CloudPool):
        return 0.0
    return max(0, pool.always_there(nodes) - pool.committed_nodes) * pool.price_usd_per_hour * YEAR_H


def idle_energy_usd(pool: Pool, nodes: int, until_s: Floats, terms: Terms) -> Floats:
    """Return the cost of the idle power of always-up nodes from the start until some times [USD], shape (times,)."""
    if isinstance(pool, CloudPool) or pool.cost is None:
        return np.zeros(len(until_s))
    by_kw = usd_per_kw(pool.cost.electricity_usd_per_kwh, until_s, terms.start)
    return nodes * float(pool.cost.idle_power) / 1000 * pool.cost.pue * by_kw


def idle_energy_usd_per_year(pool: Pool, nodes: int, terms: Terms) -> float:
    """Return the cost of the idle power of always-up nodes [USD a year]."""
    return float(idle_energy_usd(pool, nodes, np.array([YEAR_H * HOUR_S]), terms)[0])


def carbon_usd(pool: Pool, nodes: int, terms: Terms) -> float:
    """Return the price of what nodes that are always up emit [USD a year]."""
    return carbon_kg(pool, nodes) / KG_PER_TONNE * terms.carbon_usd_per_tonne


def carbon_kg(pool: Pool, nodes: int) -> float:
    """Return the emissions of nodes that are always up: idle own nodes, rented ones as they are [kg a year]."""
    if isinstance(pool, CloudPool):
        return pool.always_there(nodes) * pool.carbon_g_per_hour / 1000 * YEAR_H
    if pool.cost is None:
        return 0.0
    return nodes * float(pool.cost.idle_power) / 1000 * pool.cost.pue * pool.cost.carbon_g_per_kwh / 1000 * YEAR_H
