"""All that is asked of an answer once it is found: what would change it, and by how much."""

from __future__ import annotations

from typing import NamedTuple

from pwsim import costs
from pwsim.cluster import CloudPool, OnPremisesPool
from pwsim.costs import BreakEven
from pwsim.search.plan import Plan, Stop
from pwsim.search.sensitivity.asked import Sensitivity
from pwsim.search.sensitivity.asker import Asker
from pwsim.search.sensitivity.factors import FACTORS
from pwsim.search.sensitivity.headroom import Headroom, headroom
from pwsim.search.sensitivity.outcomes import Outcome, outcome
from pwsim.search.sensitivity.regret import Regret, least_regret
from pwsim.search.sensitivity.turning import Turns, turns


class Study(NamedTuple):
    """What would change an answer."""

    outcomes: tuple[Outcome, ...]
    """What becomes of setup and answer if one thing is otherwise."""
    break_even: tuple[BreakEven, ...]
    """The use from which on owning is cheaper, of each pool of one's own and each that is rented."""
    turns: Turns | None
    """The prices of rent at which the answer turns; ``None`` if nothing can be rented, or there is no answer."""
    headroom: Headroom | None
    """How much load the setup bears; ``None`` if there is no answer, or the load cannot be made larger."""
    regret: Regret | None
    """The setup that is least wrong over the stated loads; ``None`` if fewer than two can be compared."""
    stopped: Stop | None
    """Why not all of this was done; ``None`` if it was."""


def study(asked: Sensitivity, asker: Asker, plan: Plan) -> Study:
    """Return what would change an answer.

    First comes what needs no replay, then what needs few; where the budget is spent, what is left is not done.

    Parameters
    ----------
    asked
        What may be otherwise.
    asker
        Asks again.
    plan
        The answer.
    """
    prices = [one for one in asked.values() if not FACTORS[one[0]].replayed]
    others = [one for one in asked.values() if FACTORS[one[0]].replayed]
    outcomes = [outcome(asker, plan, *one) for one in prices]
    turned = turns(asker, plan)
    room = headroom(asker, plan)
    outcomes += [outcome(asker, plan, *one) for one in others]
    regret = least_regret(asker, plan, outcomes)
    return Study(tuple(outcomes), _break_evens(plan), turned, room, regret, asker.purse.stopped)


def _break_evens(plan: Plan) -> tuple[BreakEven, ...]:
    """Return each pool of one's own beside each rented one, with the types of node that were chosen."""
    pools = plan.result.cluster.pools
    terms = costs.terms_of(plan.economics, plan.result.trace)
    found = [
        costs.break_even(own, cloud, terms)
        for own in pools
        if isinstance(own, OnPremisesPool)
        for cloud in pools
        if isinstance(cloud, CloudPool)
    ]
    return tuple(one for one in found if one is not None)
