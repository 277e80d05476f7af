"""The use from which on owning a node is cheaper than renting as much by the hour: a pure function (semantics §8)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pwsim.cluster import CloudPool, OnPremisesPool
from pwsim.common import HOUR_S, YEAR_H
from pwsim.costs import annual
from pwsim.costs.charges import whole_node_busy_w
from pwsim.costs.parts import standing, total
from pwsim.costs.terms import KG_PER_TONNE, Terms
from pwsim.prices import usd_per_kw


class BreakEven(NamedTuple):
    """An owned node beside rented ones that have as much."""

    owned: str
    """Name of the pool of one's own."""
    rented: str
    """Name of the rented one."""
    rented_nodes: float
    """How many rented nodes do as much as an owned one, by GPUs (or else cores) × speed."""
    owned_usd_per_year: float
    """What an owned node costs, used or not [USD a year]."""
    busy_usd_per_hour: float
    """What an hour in which all of it is used costs besides: energy beyond idle power, and its carbon [USD/h]."""
    rented_usd_per_hour: float
    """What renting as much costs for an hour [USD/h]."""
    utilization: float
    """The use from which on owning is cheaper; above 1 it never is, infinite where rent is less than energy."""


def break_even(own: OnPremisesPool, cloud: CloudPool, terms: Terms) -> BreakEven | None:
    """Return the use of an owned node at which it costs as much as renting its hours; ``None`` if they do not compare.

    With ``F`` the yearly cost of an owned node, ``e`` what an hour of its use costs besides, and ``r`` the rent of as
    much for an hour, owning costs ``F + 8766 u e`` a year at a use of ``u``, and renting ``8766 u r``: equal at
    ``u = F / (8766 (r - e))``.  What a pool costs however many nodes it has is left out; so is what boots, idle
    time-outs and interruptions of rented nodes cost.

    Parameters
    ----------
    own, cloud
        The pools, without types of node to choose from.
    terms
        What costs depend on besides.

    References
    ----------
    E. Walker: The real cost of a CPU hour. Computer 42(4), 2009, doi:10.1109/MC.2009.135.

    Examples
    --------
    >>> own = OnPremisesPool(name="own", kind="on_premises", nodes=1, node={"cores": 4},
    ...     cost={"capex_usd": 8766, "lifetime_years": 2})
    >>> cloud = CloudPool(name="cloud", kind="cloud", nodes=1, node={"cores": 2}, price_usd_per_hour=0.5)
    >>> break_even(own, cloud, Terms()).utilization
    0.5
    """
    if own.cost is None or bool(own.node.gpus) != bool(cloud.node.gpus):
        return None
    mine, theirs = ((one.node.gpus or one.node.cores) * one.node.speed for one in (own, cloud))
    cost = standing(own, 1, terms)
    yearly = total(cost) - annual.site_usd(own, 1, terms)
    kw = whole_node_busy_w(own) / 1000 * own.cost.pue
    year_s = np.array([YEAR_H * HOUR_S])
    usd_per_kwh = float(usd_per_kw(own.cost.electricity_usd_per_kwh, year_s, terms.start)[0]) / YEAR_H
    usd_per_kg = terms.carbon_usd_per_tonne / KG_PER_TONNE
    busy = kw * (usd_per_kwh + own.cost.carbon_g_per_kwh / 1000 * usd_per_kg)
    nodes = mine / theirs
    rent = nodes * (cloud.price_usd_per_hour + cloud.carbon_g_per_hour / 1000 * usd_per_kg)
    saved = YEAR_H * (rent - busy)
    use = yearly / saved if saved > 0 else math.inf
    return BreakEven(own.name, cloud.name, nodes, yearly, busy, rent, use)
