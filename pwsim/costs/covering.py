"""What savings plans cover in a setup, and how much to promise (semantics §8).

A plan is money for every hour of the year.  At every instant of the measurement window, nodes on the bill that no
commitment covers are paid by it at their savings price, as far as the money goes, so that what is left to rent costs
least.  Amounts are chosen after the replay, for every setup, from how many nodes of all pools are on the bill together
and for which part of the window (:class:`Joint`).

Of one plan alone, the money goes first where it saves most for what it costs, and the best amount is a quantile
(:func:`quantile`).  Where several plans may pay for the same node, a linear programme tells
(:func:`.savings_programme.programme`); where commitments that are yet to be decided may, one with whole numbers
(:func:`.commitments_programme.committed`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pwsim.cluster import CloudPool, Pool
from pwsim.common import HOUR_S, YEAR_H
from pwsim.costs import charges, commitments
from pwsim.costs.charges import Use
from pwsim.costs.savings import price_usd_per_hour
from pwsim.metrics import integral
from pwsim.prices import SavingsPlan
from pwsim.trace import Floats, Integers

ROUNDING = 1e-12
"""Relative differences that are taken for roundings."""


class Joint(NamedTuple):
    """How many nodes of several pools are on the bill together: their joint duration curve."""

    nodes: Integers
    """Nodes that no commitment covers, in each state, shape (states, pools)."""
    share: Floats
    """For which part of the window each state lasts, shape (states,); 1 in all."""
    edges_s: Floats
    """When the state changes, and the end of the window, shape (stretches + 1,) [s]."""
    state: Integers
    """State of each stretch, shape (stretches,)."""


def joint(pools: Sequence[CloudPool], nodes: Sequence[int], uses: Sequence[Use], window_s: float) -> Joint:
    """Return how many nodes of some pools are on the bill together in the measurement window.

    Parameters
    ----------
    pools, nodes, uses
        The pools, how many nodes each has, and what a replay showed of them.
    window_s
        Length of the window [s]; without any, there is what stands all year.
    """
    if window_s > 0:
        levels = [charges.on_the_bill(*one) for one in zip(pools, nodes, uses, strict=True)]
        inside = np.concatenate([times_s[times_s < window_s] for times_s, _ in levels])
        edges_s = np.unique(np.append(inside, window_s))
    else:
        levels = [(np.zeros(1), np.array([pool.always_there(count)])) for pool, count in zip(pools, nodes, strict=True)]
        edges_s = np.zeros(2)
    counts = [
        np.maximum(count[np.searchsorted(times_s, edges_s[:-1], side="right") - 1] - pool.committed_nodes, 0)
        for pool, (times_s, count) in zip(pools, levels, strict=True)
    ]
    state = np.zeros(len(edges_s) - 1, dtype=np.int64)
    for count in counts:  # one number for each joint state, kept small as it grows
        state = np.unique(state * (int(count.max()) + 1) + count, return_inverse=True)[1].ravel()
    _, first = np.unique(state, return_index=True)
    lasts_s = np.bincount(state, np.diff(edges_s))
    share = lasts_s / window_s if window_s > 0 else np.ones(1)
    return Joint(np.stack([count[first] for count in counts], axis=1), share, edges_s, state)


def in_order(rent: Floats, price: Floats) -> Integers:
    """Return pools in the order in which one plan pays for their nodes: where a dollar of it saves most rent first.

    Of equal ones the pool with the lower savings price comes first, then the earlier one.

    References
    ----------
    Amazon Web Services: Savings Plans user guide, "Understanding how Savings Plans apply to your usage".
    """
    return np.lexsort((price, price / rent))


def greedy(use: Joint, rent: Floats, price: Floats, usd_per_hour: float) -> Floats:
    """Return how many nodes one plan covers in each state, shape (states, pools).

    Parts of nodes are covered, too.  No other way to spend the money leaves less to rent: it is a fractional knapsack,
    whose best filling takes what is worth most for its weight first (Dantzig, 1957).

    Parameters
    ----------
    use
        The nodes on the bill.
    rent, price
        Rent of a node, and its price under the plan, shape (pools,) [USD/h].
    usd_per_hour
        Money of the plan [USD/h].
    """
    order = in_order(rent, price)
    wanted = use.nodes[:, order] * price[order]
    before = np.cumsum(wanted, axis=1) - wanted
    covered = np.empty(use.nodes.shape)
    covered[:, order] = np.minimum(np.maximum(usd_per_hour - before, 0.0) / price[order], use.nodes[:, order])
    return covered


def quantile(use: Joint, rent: Floats, price: Floats) -> float:
    """Return the money by the hour that makes one plan cheapest, of equal amounts the least [USD/h].

    Notes
    -----
    Let pools be in the order in which the plan pays for them, with ``r_k = rent / price`` falling, and ``B_k`` what
    covers all nodes of the first ``k``.  An amount ``S`` spares the rent ``Σ_k (r_k - r_{k+1}) min(S, B_k)``, with
    ``r_{K+1} = 0``, so on average over the year ``S`` costs ``S - Σ_k (r_k - r_{k+1}) E min(S, B_k)``.  That is convex,
    and falls as long as ``Σ_k (r_k - r_{k+1}) P(B_k > S) > 1``: the best amount is a quantile of all ``B_k`` together,
    each state and pool weighed by how long it lasts and by how much the ratio falls behind it.  For one pool it is the
    quantile ``1 - price / rent`` of nodes on the bill, as for commitments (:func:`.commitments.decided`).

    Examples
    --------
    Two nodes of a pool all the time, and one of another for a quarter of it.  A dollar spares 2 USD of rent in the
    first and 3 in the second, which so comes first: for 3 × 1/4 + 2 × 3/4 > 1, one dollar more is worth it until only
    a quarter of the time is left.

    >>> use = Joint(np.array([[2, 0], [2, 1]]), np.array([0.75, 0.25]), np.zeros(3), np.array([0, 1]))
    >>> quantile(use, np.array([2.0, 3.0]), np.array([1.0, 1.0]))
    2.0
    """
    order = in_order(rent, price)
    ratio = rent[order] / price[order]
    falls = ratio - np.append(ratio[1:], 0.0)
    money = np.cumsum(use.nodes[:, order] * price[order], axis=1).ravel()
    weight = np.outer(use.share, falls).ravel()
    at = np.argsort(money, kind="stable")
    beyond = np.cumsum(weight[at][::-1])  # what each amount and all larger ones weigh: more for smaller ones
    pays = int(np.count_nonzero(beyond > 1 + ROUNDING))  # how many of the smallest amounts are worth it
    return float(money[at][pays - 1]) if pays else 0.0


class PoolCover(NamedTuple):
    """What savings plans cover of a pool."""

    rent_usd_per_hour: float
    """Rent of a node [USD/h]."""
    nodes: float
    """Nodes that plans cover, on average over the year."""
    usd_per_hour: float
    """Their money that these nodes use, on average over the year [USD/h]."""
    from_s: Floats
    """Start of each stretch of the window, shape (stretches,) [s]."""
    until_s: Floats
    """Its end, shape (stretches,) [s]."""
    spared_usd_per_hour: Floats
    """Rent that is spared then, less the money that is used, shape (stretches,) [USD/h]."""

    @property
    def spared_usd_per_year(self) -> float:
        """Rent of nodes that plans cover [USD a year]."""
        return self.nodes * self.rent_usd_per_hour * YEAR_H

    @property
    def used_usd_per_year(self) -> float:
        """Money of plans that pays for nodes of the pool [USD a year]."""
        return self.usd_per_hour * YEAR_H

    def spared_usd(self, until_s: Floats) -> Floats:
        """Return how much less than rent nodes have cost until some times [USD], shape (times,)."""
        return integral(self.from_s, self.until_s, self.spared_usd_per_hour, until_s) / HOUR_S


class Cover(NamedTuple):
    """What savings plans cover in a setup."""

    plans: tuple[SavingsPlan, ...]
    """The plans."""
    usd_per_hour: Floats
    """Money of each, given or chosen, shape (plans,) [USD/h]."""
    used_usd_per_hour: Floats
    """What pays for nodes of it, on average over the year, shape (plans,) [USD/h]."""
    rent_usd_per_hour: Floats
    """Rent that it spares, on average over the year, shape (plans,) [USD/h]."""
    pools: dict[str, PoolCover]
    """What all of them cover, by pool."""

    @property
    def unused_usd_per_year(self) -> Floats:
        """Money that pays for nothing, shape (plans,) [USD a year]."""
        unused = self.usd_per_hour - self.used_usd_per_hour
        return np.where(unused <= ROUNDING * self.usd_per_hour, 0.0, unused) * YEAR_H


class Paid(NamedTuple):
    """What is paid in the place of rent."""

    pools: tuple[Pool, ...]
    """The pools, with numbers of committed nodes in the place of ``best``."""
    cover: Cover
    """What savings plans cover."""


def paid(
    pools: Sequence[Pool],
    nodes: Sequence[int],
    use_of: Callable[[int], Use],
    plans: tuple[SavingsPlan, ...],
    window_s: float,
) -> Paid:
    """Return how many nodes are committed, what savings plans cover, and the money of those that are ``best``.

    Parameters
    ----------
    pools, nodes, use_of
        All pools, how many nodes each has, and what gives the use that a replay showed of one; not all are asked for.
    plans
        The plans (:func:`.savings.check`).
    window_s
        Length of the measurement window, which stands for a year [s].

    Raises
    ------
    SolverError
        If a programme is needed, and the solver gives no proven answer.
    """
    prices = np.array([[price_usd_per_hour(plan, pool) or math.inf for pool in pools] for plan in plans])
    shared = [index for index in range(len(pools)) if plans and np.isfinite(prices[:, index]).any()]
    found = list(pools)
    for index, pool in enumerate(pools):
        if index not in shared and isinstance(pool, CloudPool) and not pool.is_decided:
            found[index] = commitments.after_replay(pool, nodes[index], use_of(index), window_s)
    if not shared:
        none = np.zeros(len(plans))
        return Paid(tuple(found), Cover(plans, none, none, none, {}))
    rented = [pool for index in shared if isinstance(pool := pools[index], CloudPool)]
    price = prices[:, shared]
    given = [None if plan.usd_per_hour == "best" else plan.usd_per_hour for plan in plans]
    counts, used = [nodes[index] for index in shared], [use_of(index) for index in shared]
    rented = _committed(rented, counts, used, price, given, window_s)
    for index, pool in zip(shared, rented, strict=True):
        found[index] = pool
    use, rent = joint(rented, counts, used, window_s), np.array([pool.price_usd_per_hour for pool in rented])
    money, covered = decided(use, rent, price, given)
    return Paid(tuple(found), _cover(rented, plans, use, price, money, covered))


def _committed(
    rented: list[CloudPool],
    nodes: list[int],
    uses: list[Use],
    price: Floats,
    given: list[float | None],
    window_s: float,
) -> list[CloudPool]:
    """Return pools that plans cover, with numbers of committed nodes in the place of ``best``."""
    from pwsim.costs.commitments_programme import Committable, committed  # brings PuLP along

    if all(pool.is_decided for pool in rented):
        return rented
    rent = np.array([pool.price_usd_per_hour for pool in rented])
    open_ = [
        None
        if pool.is_decided
        else Committable(
            commitments.cheapest(pool).price_usd_per_hour,
            max(pool.always_there(count) - pool.committed_nodes, 0),
            charges.after_window(pool, count, use, window_s),
        )
        for pool, count, use in zip(rented, nodes, uses, strict=True)
    ]
    numbers = committed(joint(rented, nodes, uses, window_s), rent, price, given, open_)
    return [commitments.of_number(pool, number) for pool, number in zip(rented, numbers, strict=True)]


def _cover(
    rented: Sequence[CloudPool],
    plans: tuple[SavingsPlan, ...],
    use: Joint,
    price: Floats,
    money: Floats,
    covered: Floats,
) -> Cover:
    """Return what plans cover, from their money and the nodes that each covers in each state."""
    rent = np.array([pool.price_usd_per_hour for pool in rented])
    used = covered * np.where(np.isinf(price), 0.0, price)
    spared = (covered * rent).sum(axis=1) - used.sum(axis=1)
    found = {
        pool.name: PoolCover(
            float(rent[index]),
            float(use.share @ covered[:, :, index].sum(axis=1)),
            float(use.share @ used[:, :, index].sum(axis=1)),
            use.edges_s[:-1],
            use.edges_s[1:],
            spared[use.state, index],
        )
        for index, pool in enumerate(rented)
    }
    return Cover(plans, money, use.share @ used.sum(axis=2), use.share @ (covered * rent).sum(axis=2), found)


def decided(use: Joint, rent: Floats, price: Floats, given: Sequence[float | None]) -> tuple[Floats, Floats]:
    """Return the money of each plan, and the nodes that it covers in each state.

    Plans that are open and cost no less than another open one for any node that they cover are not made: whatever they
    cover the other would for no more.  One plan alone is a quantile; several are a linear programme.

    Parameters
    ----------
    use, rent
        The nodes on the bill, and the rent of one, shape (pools,) [USD/h].
    price
        Price of a node under each plan, infinite if it does not cover the pool, shape (plans, pools) [USD/h].
    given
        Money of each plan [USD/h], ``None`` where the best is to be found.

    Returns
    -------
    Money of shape (plans,) [USD/h], and nodes of shape (states, plans, pools).
    """
    from pwsim.costs.savings_programme import programme  # brings PuLP along

    some = [bool(np.isfinite(row).any()) for row in price]
    made = [plan for plan in range(len(given)) if some[plan] and not _is_beaten(plan, price, given)]
    money = np.array([amount or 0.0 for amount in given])
    covered = np.zeros((len(use.nodes), *price.shape))
    if len(made) > 1:
        money[made], covered[:, made] = programme(use, rent, price[made], [given[plan] for plan in made])
        return money, covered
    for plan in made:
        here = np.flatnonzero(np.isfinite(price[plan]))
        mine, amount = use._replace(nodes=use.nodes[:, here]), given[plan]
        money[plan] = quantile(mine, rent[here], price[plan, here]) if amount is None else amount
        covered[:, plan, here] = greedy(mine, rent[here], price[plan, here], money[plan])
    return money, covered


def _is_beaten(plan: int, price: Floats, given: Sequence[float | None]) -> bool:
    """Return whether another open plan covers what an open plan does, for no more; of equal ones the first stays."""
    return given[plan] is None and any(
        given[other] is None
        and (price[other] <= price[plan]).all()
        and (other < plan or (price[other] < price[plan]).any())
        for other in range(len(given))
    )
