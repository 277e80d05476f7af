"""Several savings plans that may pay for the same nodes: the amounts and what each covers, by a linear programme.

Its rows are states of the joint duration curve, in which so many nodes of each pool are on the bill together; hours
that are alike are one state, so that a year is some hundred rows and not 8,766.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pwsim.common import SolverError
from pwsim.common.solver import LARGEST_COEFFICIENT, Problem, Variable, at_least_0, minimising, solve, weighted
from pwsim.trace import Floats

if TYPE_CHECKING:
    from pwsim.costs.covering import Joint

Covers = dict[tuple[int, int, int], Variable]
"""How many nodes a plan covers, by state, plan and pool."""


def programme(use: Joint, rent: Floats, price: Floats, given: Sequence[float | None]) -> tuple[Floats, Floats]:
    """Return the money of each plan, and the nodes that it covers in each state.

    Parameters
    ----------
    use, rent, price, given
        As for :func:`.covering.decided`.

    Returns
    -------
    Money of shape (plans,) [USD/h], and nodes of shape (states, plans, pools).

    Raises
    ------
    SolverError
        If the solver gives no proven answer.
    """
    problem, covers = problem_of(use, rent, price, given)
    if not solve(problem):
        raise SolverError("savings plans are said to have no solution: please report this scenario")
    covered = np.zeros((len(use.nodes), *price.shape))
    for place, cover in covers.items():
        # Values hold to the solver's tolerance only.
        covered[place] = min(max(cover.value(), 0.0), float(use.nodes[place[0], place[2]]))
    used = (covered * np.where(np.isinf(price), 0.0, price)).sum(axis=2)
    most: Floats = used.max(axis=0)
    for plan, amount in enumerate(given):
        if amount is not None:
            covered[:, plan] *= (amount / np.maximum(used[:, plan], amount))[:, np.newaxis]
    # What the best amounts are is what is used of them at most: with more, money would lie idle in every state.
    money = np.array([most[plan] if amount is None else amount for plan, amount in enumerate(given)])
    return money, covered


def problem_of(use: Joint, rent: Floats, price: Floats, given: Sequence[float | None]) -> tuple[Problem, Covers]:
    """Return the PuLP model, and its variables of what is covered.

    Least is the money of the plans less the rent that they spare, on average over the year; scaled up where states are
    so short that the solver's tolerances would hide them.
    """
    problem = minimising("savings_plans")
    open_ = [plan for plan, amount in enumerate(given) if amount is None]
    promised = {plan: at_least_0(problem, f"usd_per_hour_{plan}") for plan in open_}
    covers: Covers = {
        (state, plan, pool): at_least_0(problem, f"covered_{state}_{plan}_{pool}")
        for state, nodes in enumerate(use.nodes.tolist())
        for plan in range(len(given))
        for pool in range(len(rent))
        if nodes[pool] and np.isfinite(price[plan, pool])
    }
    spared = {place: float(use.share[place[0]] * rent[place[2]]) for place in covers}
    scale = scale_of(use, rent, covers)
    paid = [(money, scale) for money in promised.values()]
    problem += weighted([*paid, *((covers[place], -scale * usd) for place, usd in spared.items())])
    by_nodes: dict[tuple[int, int], list[tuple[Variable, float]]] = {}
    by_money: dict[tuple[int, int], list[tuple[Variable, float]]] = {}
    for (state, plan, pool), cover in covers.items():
        by_nodes.setdefault((state, pool), []).append((cover, 1.0))
        by_money.setdefault((state, plan), []).append((cover, float(price[plan, pool])))
    for (state, pool), terms in by_nodes.items():
        problem += weighted(terms) <= int(use.nodes[state, pool]), f"nodes_{state}_{pool}"
    for (state, plan), terms in by_money.items():
        amount = given[plan]
        if amount is None:
            problem += weighted([*terms, (promised[plan], -1.0)]) <= 0, f"money_{state}_{plan}"
        else:
            problem += weighted(terms) <= amount, f"money_{state}_{plan}"
    return problem, covers


def scale_of(use: Joint, rent: Floats, covers: Covers) -> float:
    """Return by how much the objective is scaled up, so that no state is too short for the solver's tolerances."""
    coefficients = [1.0, *(float(use.share[state] * rent[pool]) for state, _, pool in covers)]  # 1 is that of money
    return max(1.0, min(1 / min(coefficients), LARGEST_COEFFICIENT / max(coefficients)))
