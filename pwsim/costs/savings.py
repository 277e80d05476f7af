"""Savings plans that nodes of several pools share: which pools they cover, at what price, and what that bounds.

Money only: no plan changes what jobs and nodes do.  What plans cover in a setup is told after its replay, by
:mod:`.covering` (semantics §8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pwsim.cluster import CloudPool, Pool
from pwsim.common import YEAR_H, InputError, did_you_mean, nearest
from pwsim.costs import annual
from pwsim.costs.terms import Terms
from pwsim.prices import SavingsPlan


def price_usd_per_hour(plan: SavingsPlan, pool: Pool) -> float | None:
    """Return what a node of a pool costs if a plan covers it [USD/h]; ``None`` if it does not cover this pool."""
    named = plan.pools is None or pool.name in plan.pools
    if not isinstance(pool, CloudPool) or pool.market != "on_demand" or not named:
        return None
    return pool.savings_1yr_usd_per_hour if plan.term == "1yr" else pool.savings_3yr_usd_per_hour


def at_least(pool: Pool, plans: Sequence[SavingsPlan]) -> Pool:
    """Return a pool at the least price by which its nodes may be paid for, its rent or a savings price: for bounds.

    With ``u`` nodes of a pool on the bill at an instant, of which plans cover ``x_j`` at prices ``s_j``, the rest is
    rented at ``p``: that is ``p (u - Σ x_j)``, and of the money of plans, which is paid whatever is used of it, at
    least ``Σ s_j x_j``.  Both together are at least ``u`` times the least of ``p`` and all ``s_j``.  It holds for every
    instant and pool, so for their sums over the year, whatever is promised; and after the window nodes cost ``p``.
    """
    prices = [price for plan in plans if (price := price_usd_per_hour(plan, pool)) is not None]
    if not isinstance(pool, CloudPool) or not prices:
        return pool
    return pool.model_copy(update={"price_usd_per_hour": min(pool.price_usd_per_hour, *prices)})


def promised_usd_per_year(plans: Sequence[SavingsPlan]) -> float:
    """Return the money of the plans whose amount is given, which every setup pays [USD a year]."""
    return sum(plan.usd_per_hour * YEAR_H for plan in plans if plan.usd_per_hour != "best")


def payable_usd_per_year(pool: Pool, nodes: int, plans: Sequence[SavingsPlan]) -> float:
    """Return what nodes that stand all year cost at least that the money of given amounts may pay for [USD a year].

    It is what :func:`at_least` makes of their rent, so a bound that counts all of that money must leave it out.
    """
    covered = any(plan.usd_per_hour != "best" and price_usd_per_hour(plan, pool) is not None for plan in plans)
    return annual.rent_usd(at_least(pool, plans), nodes, Terms()) if covered else 0.0


def faults(pools: Sequence[Pool], plans: Sequence[SavingsPlan]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what is wrong between plans and the pools that they are to cover, each with its path of keys."""
    by_name = {pool.name: pool for pool in pools}
    for index, plan in enumerate(plans):
        here: tuple[str | int, ...] = ("economics", "savings_plans", index)
        for place, name in enumerate(plan.pools or ()):
            if plan.pools is not None and name in plan.pools[:place]:
                yield (*here, "pools", place), f"{name!r} occurs twice"
            elif fault := _fault(plan, name, by_name):
                yield (*here, "pools", place), fault
        covered = [pool for pool in pools if price_usd_per_hour(plan, pool) is not None]
        if not covered and not plan.pools:
            needs = f"a pool that is rented on demand, with a savings_{plan.term}_usd_per_hour"
            yield here, f"{plan.name!r} covers no pool; it needs {needs}"


def _fault(plan: SavingsPlan, name: str, pools: dict[str, Pool]) -> str | None:
    """Return what is wrong with a pool that a plan names; ``None`` if nothing is."""
    if name not in pools:
        meant = did_you_mean(nearest(name, list(pools))) or f"pools: {', '.join(pools)}"
        return f"there is no pool {name!r}; {meant}"
    pool = pools[name]
    if not isinstance(pool, CloudPool):
        return f"pool {name!r} is not rented; a savings plan is for cloud pools"
    if pool.market != "on_demand":
        return f"pool {name!r} is of the spot market, whose nodes no savings plan covers"
    if price_usd_per_hour(plan, pool) is None:
        lacks = "" if pool.instance is None else f" ({pool.instance!r} has none in the price table)"
        return f"pool {name!r} has no savings price of this term{lacks}; give it savings_{plan.term}_usd_per_hour"
    return None


def check(pools: Sequence[Pool], plans: Sequence[SavingsPlan]) -> None:
    """Make sure that plans go with the pools.

    Raises
    ------
    InputError
        If one does not; with the path of keys.
    """
    for place, fault in faults(pools, plans):
        raise InputError(f"{'.'.join(map(str, place))}: {fault}")
