"""The solver: what it proves, and what becomes of models that it cannot solve."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pwsim import SolverError
from pwsim.common import solver


def split(variables=40, rows=5):
    """Return a market split problem, which takes a solver long: 0 or 1 of each, so that several sums are halved."""
    rng = np.random.default_rng(1)
    problem = solver.minimising("split")
    takes = [solver.yes_or_no(problem, f"take_{one}") for one in range(variables)]
    problem += solver.weighted((take, 1.0 + place) for place, take in enumerate(takes))
    for row in range(rows):
        weights = rng.integers(0, 100, variables)
        problem += solver.weighted(zip(takes, map(float, weights), strict=True)) == float(weights.sum() // 2), f"{row}"
    return problem


def small(weight=1.0, least=1.5):
    problem = solver.minimising("small")
    much = solver.at_least_0(problem, "much")
    problem += solver.weighted([(much, weight)])
    problem += solver.weighted([(much, 1.0)]) >= least, "enough"
    return problem, much


def test_a_solution_is_proven():
    problem, much = small()
    assert solver.solve(problem)
    assert much.value() == 1.5


def test_that_there_is_none_is_proven_too():
    problem, much = small()
    problem += solver.weighted([(much, 1.0)]) <= 1, "little"
    assert not solver.solve(problem)


@pytest.mark.parametrize("limit_s", [0.0, 0.1, -5.0])
def test_a_time_limit_is_an_error_of_its_own(limit_s):
    shown = f"{max(0, limit_s):g}"
    with pytest.raises(
        solver.OutOfTimeError,
        match=rf"^the solver HiGHS gave no proven answer to the model split of 40 variables: the time limit of {shown} s",
    ):
        solver.solve(split(), limit_s)


def test_an_objective_without_a_least_value_is_not_taken_for_one_without_solutions():
    problem, _ = small(weight=-1.0)
    with pytest.raises(SolverError, match=r"model small of 1 variables: its objective has no least value$"):
        solver.solve(problem)


@pytest.mark.parametrize("price", [math.inf, math.nan])
def test_a_price_that_is_no_number_is_refused(price):
    with pytest.raises(SolverError, match="a price in it is no finite number"):
        solver.solve(small(weight=price)[0])
