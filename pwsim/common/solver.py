"""The solver of every PuLP model: proven answers only, the same each time, and nothing on standard output.

Models are built of what is handed on here, so that PuLP has one home.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pulp
from pulp import LpAffineExpression as Expression
from pulp import LpProblem as Problem
from pulp import LpVariable as Variable

from pwsim.common import SolverError

__all__ = [
    "LARGEST_COEFFICIENT",
    "Expression",
    "OutOfTimeError",
    "Problem",
    "Variable",
    "at_least_0",
    "minimising",
    "proven_solver",
    "solve",
    "status_text",
    "weighted",
    "whole_number",
    "yes_or_no",
]

LARGEST_COEFFICIENT = 1e7
"""Costs are scaled down to this, so that the solver's absolute tolerances stay far below a cent in normal cases."""


class OutOfTimeError(SolverError):
    """The time was over before the solver had a proven answer."""


def minimising(name: str) -> Problem:
    """Return an empty model of which the objective is to be as small as it can."""
    problem: Problem = Problem(name, pulp.LpMinimize)
    return problem


def at_least_0(problem: Problem, name: str) -> Variable:
    """Add a variable to a model that is any number from 0 on, and return it."""
    return problem.add_variable(name, 0)


def whole_number(problem: Problem, name: str, most: int) -> Variable:
    """Add a variable to a model that is a whole number from 0 to another, and return it."""
    return problem.add_variable(name, 0, most, pulp.LpInteger)


def yes_or_no(problem: Problem, name: str) -> Variable:
    """Add a variable to a model that is 0 or 1, and return it."""
    return problem.add_variable(name, 0, 1, pulp.LpBinary)


def weighted(terms: Iterable[tuple[Variable, float]]) -> Expression:
    """Return a sum of variables, each times a weight; weights of 0 are left out."""
    return Expression([(variable, weight) for variable, weight in terms if weight])


def solve(problem: Problem, time_limit_s: float = math.inf) -> bool:
    """Solve a model to proven optimality; its variables then have their values.

    Parameters
    ----------
    problem
        The model.
    time_limit_s
        How long the solver may take [s].

    Returns
    -------
    Whether it has a solution; that it has none is proven as well.

    Raises
    ------
    OutOfTimeError
        If the time was over before that was proven.
    SolverError
        If the objective has no least value or an infinite coefficient, or the solver gives up.
    """
    solver = proven_solver(time_limit_s)
    if not all(map(math.isfinite, problem.objective.values())):
        raise SolverError(_failed(problem, solver, "a price in it is no finite number"))
    try:
        problem.solve(solver)
    except pulp.PulpSolverError as error:
        raise SolverError(_failed(problem, solver, str(error))) from None
    if problem.sol_status == pulp.LpSolutionOptimal:
        return True
    said = _model_status(problem)
    if problem.status == pulp.LpStatusUnbounded or "unbounded" in said:
        raise SolverError(_failed(problem, solver, "its objective has no least value"))
    if problem.sol_status == pulp.LpSolutionInfeasible:
        return False
    if said == "time limit reached" or (not said and math.isfinite(time_limit_s)):
        raise OutOfTimeError(_failed(problem, solver, f"the time limit of {max(time_limit_s, 0.0):.3g} s was reached"))
    raise SolverError(_failed(problem, solver, said or pulp.LpSolution.get(problem.sol_status, "unknown")))


def status_text(problem: Problem) -> str:
    """Return which solver solved a model, and with what status, as PuLP calls it."""
    return f"{problem.solver.name}: {pulp.LpSolution.get(problem.sol_status, 'unknown')}"


def _failed(problem: Problem, solver: Any, why: str) -> str:
    return (
        f"the solver {solver.name} gave no proven answer to the model {problem.name} of {problem.numVariables():,} "
        f"variables: {why}"
    )


def _model_status(problem: Problem) -> str:
    """Return what HiGHS says of a model in small letters; empty where another solver was asked."""
    model = getattr(problem, "solverModel", None)
    return "" if model is None else str(model.modelStatusToString(model.getModelStatus())).lower()


def proven_solver(time_limit_s: float = math.inf) -> Any:
    """Return HiGHS, or CBC where HiGHS is not installed; to optimality, on one thread, so that runs repeat."""
    limit_s = max(0.0, time_limit_s) if math.isfinite(time_limit_s) else None
    highs = _QuietHiGHS(msg=False, mip_rel_gap=0.0, mip_abs_gap=0.0, threads=1, timeLimit=limit_s)
    if highs.available():
        return highs
    return pulp.PULP_CBC_CMD(msg=False, gapRel=0.0, gapAbs=0.0, threads=1, timeLimit=limit_s)


class _QuietHiGHS(pulp.HiGHS):  # type: ignore[misc]  # PuLP has no types
    """HiGHS, told to be quiet before it says anything.

    PuLP sets the option when the solver is there, and by then it has printed a banner: as it is given its callbacks,
    the first thing that happens to it.
    """

    def createAndConfigureSolver(self, lp: Any) -> None:  # noqa: N802 - PuLP's name
        import highspy

        class Quiet(highspy.Highs):  # type: ignore[misc]  # highspy has no types
            def enableCallbacks(self) -> None:  # noqa: N802 - highspy's name
                self.setOptionValue("output_flag", False)
                super().enableCallbacks()

        lp.solverModel = Quiet()
        options = {"output_flag": False, "threads": self.threads, **self.optionsDict}
        if self.timeLimit is not None:
            options["time_limit"] = float(self.timeLimit)
        for option, value in options.items():
            lp.solverModel.setOptionValue(option, value)
