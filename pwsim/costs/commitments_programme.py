"""How many nodes to commit where savings plans may pay for the same: the model of the plans, with whole nodes in it.

A plan's money goes to the pool where it saves most at each instant, so what a commitment spares depends on what plans
pay for, and no pool can be decided alone as in :mod:`.commitments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pwsim.common import SolverError
from pwsim.common.solver import Problem, Variable, at_least_0, solve, weighted, whole_number, yes_or_no
from pwsim.costs.savings_programme import problem_of, scale_of
from pwsim.trace import Floats

if TYPE_CHECKING:
    from pwsim.costs.covering import Joint


class Committable(NamedTuple):
    """Nodes of a pool that may be committed, beyond those that are."""

    price_usd_per_hour: float
    """What each costs, used or not [USD/h]."""
    standing: int
    """How many are on the bill all year: to commit so many spares no rent after the window."""
    after: tuple[tuple[int, float], ...]
    """How many nodes beyond those, and for which part of a year, are on the bill after the window; by state."""


def committed(
    use: Joint, rent: Floats, price: Floats, given: Sequence[float | None], open_: Sequence[Committable | None]
) -> list[int]:
    """Return how many nodes of each pool to commit where plans may pay for them instead; 0 where none may be.

    Parameters
    ----------
    use, rent, price, given
        As for :func:`.covering.decided`.
    open_
        What may be committed of each pool, shape (pools,); plans cover each such pool.

    Raises
    ------
    SolverError
        If the solver gives no proven answer.
    """
    problem, numbers = problem_with(use, rent, price, given, open_)
    if not solve(problem):
        raise SolverError("commitments are said to have no solution: please report this scenario")
    return [sum(round(one.value()) for one in of_pool) for of_pool in numbers]


def problem_with(
    use: Joint, rent: Floats, price: Floats, given: Sequence[float | None], open_: Sequence[Committable | None]
) -> tuple[Problem, list[list[Variable]]]:
    """Return the PuLP model, and for each pool the variables whose sum is how many nodes to commit.

    It is the model of the plans (:func:`.savings_programme.problem_of`) in which, in each state, committed nodes are
    on the bill beside those that plans cover.  In the window, each committed node that is on the bill spares its rent.
    After it, only those beyond the nodes that stand all year do; so these are counted apart, and come when all that
    stand are committed.
    """
    problem, covers = problem_of(use, rent, price, given)
    scale = scale_of(use, rent, covers)
    usd: list[tuple[Variable, float]] = []
    numbers: list[list[Variable]] = []
    covered: dict[tuple[int, int], list[Variable]] = {}
    for (state, _, pool), cover in covers.items():
        covered.setdefault((state, pool), []).append(cover)
    for pool, one in enumerate(open_):
        if one is None:
            numbers.append([])
            continue
        first, more = _numbers(problem, pool, one, int(use.nodes[:, pool].max()))
        usd += [(number, one.price_usd_per_hour) for number in (first, more)]
        for state, nodes in enumerate(use.nodes[:, pool].tolist()):
            held = at_least_0(problem, f"held_{state}_{pool}")
            usd.append((held, -float(use.share[state] * rent[pool])))
            together = [held, *covered.get((state, pool), [])]
            problem += weighted((here, 1.0) for here in together) <= nodes, f"on_the_bill_{state}_{pool}"
            problem += weighted([(held, 1.0), (first, -1.0), (more, -1.0)]) <= 0, f"committed_{state}_{pool}"
        for state, (nodes, share) in enumerate(one.after):
            held = problem.add_variable(f"held_after_{state}_{pool}", 0, nodes)
            usd.append((held, -share * float(rent[pool])))
            problem += weighted([(held, 1.0), (more, -1.0)]) <= 0, f"committed_after_{state}_{pool}"
        numbers.append([first, more])
    problem.setObjective(problem.objective + weighted((variable, scale * one) for variable, one in usd))
    return problem, numbers


def _numbers(problem: Problem, pool: int, one: Committable, most_inside: int) -> tuple[Variable, Variable]:
    """Return variables of nodes to commit: those that stand all year first, and then more."""
    most_after = max((nodes for nodes, _ in one.after), default=0)
    most = max(most_inside - one.standing, most_after)
    first = whole_number(problem, f"first_{pool}", one.standing)
    more = whole_number(problem, f"more_{pool}", most)
    if one.standing and one.after:
        all_first = yes_or_no(problem, f"all_first_{pool}")
        problem += weighted([(first, 1.0), (all_first, -float(one.standing))]) >= 0, f"first_before_more_{pool}"
        problem += weighted([(more, 1.0), (all_first, -float(most))]) <= 0, f"more_after_first_{pool}"
    return first, more
