"""What own nodes are worth before the end of their life: pure functions (semantics §8)."""

from __future__ import annotations

import math
from typing import Literal

from pwsim.costs.annual import annuity_usd
from pwsim.prices import OnPremisesCost

Residual = Literal["annuity", "linear", "none"]
"""How a node loses its worth: what is left to pay of its annuity, evenly, or at once."""


def worth_share(own: OnPremisesCost, age_years: int, discount_rate: float, residual: Residual) -> float:
    """Return the share of its price that a node is worth at an age.

    At the end of its life that is ``residual_share``, whatever the rule.  Before, by ``annuity`` it is what is left to
    pay of the price if it is paid by the annuity: so a node that is bought and given back costs its annuity for each
    year between, no more and no less.  By ``linear`` it falls evenly from the price, by ``none`` it is nothing.

    Parameters
    ----------
    own
        What a node costs.
    age_years
        Its age, up to its lifetime.
    discount_rate
        Interest a year.
    residual
        The rule.

    References
    ----------
    E. L. Grant, W. G. Ireson, R. S. Leavenworth: Principles of engineering economy. 8th edition, 1990 (straight-line
    and sinking-fund depreciation, of which the latter leaves what is left to pay).

    Examples
    --------
    >>> own = OnPremisesCost(capex_usd=1000, lifetime_years=5, residual_share=0.1)
    >>> [round(worth_share(own, age, 0.05, "linear"), 3) for age in (0, 1, 5)]
    [1.0, 0.82, 0.1]
    >>> [round(worth_share(own, age, 0.05, "annuity"), 3) for age in (0, 1, 5)]
    [1.0, 0.837, 0.1]
    >>> worth_share(own, 3, 0.05, "none")
    0.0
    """
    left = own.lifetime_years - age_years
    if left <= 0:
        return own.residual_share
    if residual == "none":
        return 0.0
    if residual == "linear" or discount_rate == 0:
        return own.residual_share + (1 - own.residual_share) * left / own.lifetime_years
    yearly = annuity_usd(1.0, own.residual_share, discount_rate, own.lifetime_years)
    discount = math.exp(-left * math.log1p(discount_rate))
    return yearly * (1 - discount) / discount_rate + own.residual_share * discount
