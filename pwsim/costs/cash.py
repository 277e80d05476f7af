"""What is paid when, instead of a year's cost: purchases at once, all else as it comes up; nothing is discounted."""

from __future__ import annotations

import math

from pwsim.cluster import Cluster
from pwsim.costs.annual import own_cost


def purchase_usd(cluster: Cluster) -> float:
    """Return the price of all own nodes of a cluster without choices [USD]."""
    return spent_on_nodes_usd(cluster, 0.0)


def spent_usd(cluster: Cluster, cost_usd_per_year: float, capex_usd_per_year: float, years: float) -> float:
    """Return what is paid in some years: purchases, again at the end of each lifetime, and what runs up [USD].

    What old nodes are sold for is not deducted.

    Parameters
    ----------
    cluster
        Without choices.
    cost_usd_per_year, capex_usd_per_year
        Its cost, and the part of it that stands for the purchases [USD a year].
    years
        How many years, from the purchase on.
    """
    return spent_on_nodes_usd(cluster, years) + years * (cost_usd_per_year - capex_usd_per_year)


def spent_on_nodes_usd(cluster: Cluster, years: float) -> float:
    """Return the price of all own nodes that are bought from the start until some years later, that excluded [USD]."""
    usd = 0.0
    for pool, nodes in zip(cluster.pools, cluster.node_counts(), strict=True):
        if (own := own_cost(pool)) is not None:
            usd += nodes * own.capex_usd * max(1, math.ceil(years / own.lifetime_years))
    return usd
