"""What a setup costs: pure functions (semantics §8).

Every part of the cost has its own name in :data:`PARTS`; the total is their sum in that order.  What stands there
anyway is here, by the year (:func:`standing`); what jobs cause is in :mod:`pwsim.charges`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pwsim.money import Economics
from pwsim.pools import CloudPool, Pool
from pwsim.tariffs import Start, start_of, usd_per_kw
from pwsim.trace import Floats, Trace
from pwsim.units import HOUR_S, YEAR_H

PARTS = (
    "capex_usd_per_year",
    "opex_usd_per_year",
    "licence_usd_per_year",
    "site_usd_per_year",
    "idle_energy_usd_per_year",
    "busy_energy_usd_per_year",
    "cloud_usd_per_year",
    "commitment_usd_per_year",
    "storage_usd_per_year",
    "egress_usd_per_year",
    "carbon_usd_per_year",
)
"""The parts of a setup's cost [USD a year]."""

KG_PER_TONNE = 1000.0
"""Kilograms in a tonne."""

Breakdown = dict[str, float]
"""Cost by part [USD a year]."""


class Bill(NamedTuple):
    """What a setup costs, and what that comes to."""

    cost: Breakdown
    """Cost by part [USD a year]."""
    usd_per_core_hour_used: float
    """Cost by the core-hours that jobs hold [USD]; NaN if they hold none."""
    usd_per_gpu_hour_used: float
    """Cost by the GPU-hours that jobs hold [USD]; NaN if they hold none."""
    carbon_kg_per_year: float
    """Carbon dioxide (equivalent) [kg a year]."""
    lost_work_usd_per_year: float
    """Lost core-hours at what a core-hour used costs in their pool: the cost that was in vain [USD a year]."""

    def figures(self) -> dict[str, float]:
        """Return the total, its parts and what they come to, as columns."""
        return {
            "cost_usd_per_year": total(self.cost),
            **self.cost,
            **dict(zip(self._fields[1:], self[1:], strict=True)),
        }


class Terms(NamedTuple):
    """What costs depend on besides pools and jobs."""

    discount_rate: float = 0.0
    """Interest a year."""
    carbon_usd_per_tonne: float = 0.0
    """Price of carbon dioxide [USD/t]."""
    start: Start | None = None
    """First submission on the site's clock, if that is known."""


def terms_of(economics: Economics, trace: Trace) -> Terms:
    """Return what costs depend on besides pools and jobs.

    Where nobody says when the first submission was, it is taken to be on a Monday at 0:00; only tariffs by the hour
    ask for it.
    """
    start = start_of(trace, economics.start, economics.time_zone)
    return Terms(economics.discount_rate, economics.carbon_usd_per_tonne, start)


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
    """Return what a purchase costs a year, less what it is sold for in the end: ``(P - R/(1+i)^n) × crf(i, n)`` [USD].

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


def standing(pool: Pool, nodes: int, terms: Terms) -> Breakdown:
    """Return what a pool costs a year whether jobs run or not.

    On-premises: annuity, opex, licences, what the pool costs as a whole, and idle power for 8,766 h.  Cloud:
    commitments for 8,766 h, and likewise what no commitment covers of the nodes of an always-up pool, or of the
    ``min_nodes`` of an elastic one.
    """
    cost = dict.fromkeys(PARTS, 0.0)
    if isinstance(pool, CloudPool):
        cost["commitment_usd_per_year"] = math.fsum(
            one.nodes * one.price_usd_per_hour * YEAR_H for one in pool.commitments
        )
        uncovered = max(0, pool.always_there(nodes) - pool.committed_nodes)
        cost["cloud_usd_per_year"] = uncovered * pool.price_usd_per_hour * YEAR_H
    elif pool.cost is not None:
        own = pool.cost
        annuity = annuity_usd(own.capex_usd, own.residual_share, terms.discount_rate, own.lifetime_years)
        cost["capex_usd_per_year"] = nodes * annuity
        cost["opex_usd_per_year"] = nodes * own.opex_usd_per_year
        cost["licence_usd_per_year"] = nodes * pool.node.cores * own.licence_usd_per_core_per_year
        cost["site_usd_per_year"] = own.site_usd_per_year if nodes else 0.0
        cost["idle_energy_usd_per_year"] = float(idle_energy_usd(pool, nodes, np.array([YEAR_H * HOUR_S]), terms)[0])
    cost["carbon_usd_per_year"] = carbon_usd(standing_carbon_kg(pool, nodes), terms)
    return cost


def idle_energy_usd(pool: Pool, nodes: int, until_s: Floats, terms: Terms) -> Floats:
    """Return what the idle power of always-up nodes costs from the start until some times [USD], shape (times,)."""
    if isinstance(pool, CloudPool) or pool.cost is None:
        return np.zeros(len(until_s))
    by_kw = usd_per_kw(pool.cost.electricity_usd_per_kwh, until_s, terms.start)
    return nodes * float(pool.cost.idle_power) / 1000 * pool.cost.pue * by_kw


def standing_carbon_kg(pool: Pool, nodes: int) -> float:
    """Return what nodes that are always up emit a year: idle own nodes, rented ones as they are [kg]."""
    if isinstance(pool, CloudPool):
        return pool.always_there(nodes) * pool.carbon_g_per_hour / 1000 * YEAR_H
    if pool.cost is None:
        return 0.0
    return nodes * float(pool.cost.idle_power) / 1000 * pool.cost.pue * pool.cost.carbon_g_per_kwh / 1000 * YEAR_H


def carbon_usd(carbon_kg: float, terms: Terms) -> float:
    """Return the price of carbon dioxide [USD]."""
    return carbon_kg / KG_PER_TONNE * terms.carbon_usd_per_tonne


def per_year(amount: float, window_s: float) -> float:
    """Scale what jobs cause in a replay to a year, by the length of the measurement window.

    Raises
    ------
    ValueError
        If the window has no length and there is something to scale.
    """
    if amount == 0:
        return 0.0
    if window_s <= 0:
        raise ValueError("the measurement window has no length: all jobs are submitted at the same time")
    return amount * YEAR_H * HOUR_S / window_s


def per_hour_used(cost_usd_per_year: float, used_s: float, window_s: float) -> float:
    """Return the cost by the core-hours (or GPU-hours) that jobs hold, scaled to a year alike [USD]; NaN if none.

    So nodes of one's own and rented ones can be compared at their real utilisation.
    """
    if not used_s or window_s <= 0:
        return math.nan
    return cost_usd_per_year / per_year(used_s / HOUR_S, window_s)


def total(cost: Breakdown) -> float:
    """Return the sum of the parts, in their order [USD a year]."""
    return sum(cost[part] for part in PARTS)
