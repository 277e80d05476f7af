"""The price of rent at which the answer turns: the same search at other prices, halving what lies between."""

from __future__ import annotations

import math
from typing import NamedTuple

from pwsim.search.plan import Plan, Setup
from pwsim.search.sensitivity.asker import Asker
from pwsim.search.sensitivity.factors import FACTORS

FARTHEST = 10.0
"""Prices are looked at from a tenth of today's to ten times as much."""
CLOSE = 1.01
"""The two prices between which the answer turns differ by no more than this factor."""


class Turn(NamedTuple):
    """Two prices of rent between which the answer turns, as factors of the scenario's prices."""

    stays_at: float
    """The answer is the scenario's at this price."""
    turns_at: float | None
    """It is another at this price; ``None`` if it is still the same at the farthest price."""
    chosen: Setup | None
    """What it is then."""
    cost_usd_per_year: float
    """What that costs then [USD a year]."""
    stopped: bool
    """Whether the budget was spent before the two prices were close together."""


class Turns(NamedTuple):
    """Where the answer turns if rent is cheaper, and if it is dearer."""

    below: Turn
    above: Turn


def turns(asker: Asker, plan: Plan) -> Turns | None:
    """Return the prices of rent at which the answer of a search turns; ``None`` if nothing can be rented, or no answer.

    Of the setups that meet the targets, the cost is a straight line over the price of rent, if all rent goes up and
    down alike; so the prices at which one of them is the cheapest are all those between two.  Where amounts of
    commitments are chosen anew at each price, lines become curves: then another turn may lie nearer.  That the answers
    at the two prices differ is true in any case.
    """
    if plan.chosen is None or not FACTORS["rent"].concerns(asker.question):
        return None
    return Turns(*(_turn(asker, plan, farthest) for farthest in (1 / FARTHEST, FARTHEST)))


def _turn(asker: Asker, plan: Plan, farthest: float) -> Turn:
    """Return where the answer turns between the scenario's price and the farthest."""
    stays, far = 1.0, _found(asker, farthest)
    if far is None:
        return Turn(stays, None, None, math.nan, stopped=True)
    if far.chosen == plan.chosen:
        return Turn(farthest, None, None, math.nan, stopped=False)
    turned, at = far, farthest
    while max(at / stays, stays / at) > CLOSE:
        middle = math.sqrt(at * stays)
        found = _found(asker, middle)
        if found is None:
            return Turn(stays, at, turned.chosen, turned.cost_usd_per_year, stopped=True)
        if found.chosen == plan.chosen:
            stays = middle
        else:
            turned, at = found, middle
    return Turn(stays, at, turned.chosen, turned.cost_usd_per_year, stopped=False)


def _found(asker: Asker, factor: float) -> Plan | None:
    """Return the answer at a price; ``None`` if the budget is spent before it is known."""
    question = FACTORS["rent"].change(asker.question, factor)
    plan, _ = asker.search(question, asker.judge(question, replayed=False), f"rent {factor:.4g}")
    return None if plan is None or plan.stopped not in (None, "undecided") else plan
