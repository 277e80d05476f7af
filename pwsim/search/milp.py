"""The optimisation model: which setup is the cheapest that nothing excludes yet.

A binary for each pool and choice of nodes, and the integer node counts that they stand for; the cost or its lower
bound as the objective; the necessary conditions of :mod:`.bounds`; and one cut for each setup that was already
taken.  It is solved again and again, and so lists the setups in the order of their cost bounds.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pulp

from pwsim.cluster import Cluster
from pwsim.common import SolverError
from pwsim.search.bounds import Bounds

LARGEST_COEFFICIENT = 1e7
"""Costs are scaled down to this, so that the solver's absolute tolerances stay far below a cent in normal cases."""


class Candidate(NamedTuple):
    """A choice of node counts that no condition excludes."""

    choice: tuple[int, ...]
    """Index of the choice of each pool."""
    bound_usd_per_year: float
    """What it costs at least; no candidate that comes later has a lower bound."""


class Candidates:
    """The choices of node counts in the order of their cost bounds.

    Parameters
    ----------
    cluster
        The pools with their choices.
    bounds
        What is known of them before a replay.
    """

    def __init__(self, cluster: Cluster, bounds: Bounds) -> None:
        self._bounds = bounds
        self._taken = 0
        self.problem = pulp.LpProblem("cheapest_setup", pulp.LpMinimize)
        """The PuLP model."""
        self._picks = [
            [self.problem.add_variable(f"pick_{index}_{nodes}", 0, 1, pulp.LpBinary) for nodes in pool.nodes]
            for index, pool in enumerate(cluster.pools)
        ]
        self._state_objective()
        self._state_nodes(cluster)
        self._state_holding()
        self._solver = proven_solver()

    def _state_objective(self) -> None:
        costs = self._bounds.cost_usd_per_year
        scale = max(1.0, max(float(cost.max()) for cost in costs) / LARGEST_COEFFICIENT)
        self.problem += pulp.LpAffineExpression(
            [
                (pick, float(usd) / scale)
                for picks, cost in zip(self._picks, costs, strict=True)
                for pick, usd in zip(picks, cost, strict=True)
            ]
        )

    def _state_nodes(self, cluster: Cluster) -> None:
        """Each pool has one of its choices, and together they have the cores that the targets need."""
        needed = self._bounds.needed_cores
        capacity = []
        for index, (pool, picks) in enumerate(zip(cluster.pools, self._picks, strict=True)):
            nodes = self.problem.add_variable(f"nodes_{index}", 0, max(pool.nodes), pulp.LpInteger)
            self.problem += pulp.lpSum(picks) == 1, f"one_choice_{index}"
            chosen = [(pick, float(count)) for pick, count in zip(picks, pool.nodes, strict=True)]
            self.problem += pulp.LpAffineExpression(chosen) - nodes == 0, f"nodes_of_choice_{index}"
            capacity.append((nodes, pool.node.cores * pool.node.speed / needed if needed else 0.0))
        if needed:
            self.problem += pulp.LpAffineExpression(capacity) >= 1, "needed_cores"

    def _state_holding(self) -> None:
        """Setups that cannot hold a job reject it, and no more jobs and work than allowed may be rejected."""
        bounds = self._bounds
        rejected, work = [], []
        classes = zip(bounds.job_classes, bounds.job_class_counts, bounds.job_class_work_shares, strict=True)
        for row, (firsts, count, share) in enumerate(classes):
            if not any(firsts == 0):  # else some pool always holds these jobs
                reject = self.problem.add_variable(f"reject_{row}", 0, 1)
                holders = [pick for picks, first in zip(self._picks, firsts, strict=True) for pick in picks[first:]]
                self.problem += pulp.lpSum([*holders, reject]) >= 1, f"held_or_rejected_{row}"
                rejected.append((reject, float(count)))
                work.append((reject, float(share)))
        if rejected and bounds.rejected_work_at_most < 1:
            self.problem += pulp.LpAffineExpression(work) <= bounds.rejected_work_at_most, "rejected_work_at_most"
        if rejected:
            self.problem += pulp.LpAffineExpression(rejected) <= bounds.rejected_at_most, "rejected_at_most"

    def take(self) -> Candidate | None:
        """Return the next candidate and exclude it from now on; ``None`` if there is none left.

        Raises
        ------
        SolverError
            If the solver neither proves a solution optimal nor that there is none.
        """
        if math.isinf(self._bounds.needed_cores):
            return None
        self.problem.solve(self._solver)
        if self.problem.sol_status == pulp.LpSolutionInfeasible:
            return None
        if self.problem.sol_status != pulp.LpSolutionOptimal:  # LpStatus says "Optimal" for a solve cut short, too
            status = pulp.LpSolution.get(self.problem.sol_status, "unknown")
            raise SolverError(f"the solver {self._solver.name} stopped without a proven answer ({status})")
        choice = tuple(max(range(len(picks)), key=lambda one: picks[one].value()) for picks in self._picks)
        taken = [picks[one] for picks, one in zip(self._picks, choice, strict=True)]
        self.problem += pulp.lpSum(taken) <= len(taken) - 1, f"taken_{self._taken}"
        self._taken += 1
        costs = zip(self._bounds.cost_usd_per_year, choice, strict=True)
        return Candidate(choice, sum(float(cost[one]) for cost, one in costs))


def proven_solver() -> pulp.LpSolver:
    """Return HiGHS, or CBC where HiGHS is not installed; to optimality, on one thread, so that runs repeat."""
    highs = _QuietHiGHS(msg=False, mip_rel_gap=0.0, mip_abs_gap=0.0, threads=1)
    return highs if highs.available() else pulp.PULP_CBC_CMD(msg=False, gapRel=0.0, gapAbs=0.0, threads=1)


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
        for option, value in {"output_flag": False, "threads": self.threads, **self.optionsDict}.items():
            lp.solverModel.setOptionValue(option, value)
