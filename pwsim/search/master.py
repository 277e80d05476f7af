"""The integer programme of a decomposed search: the cheapest path through the routing sets that nothing excludes.

A binary for each procedure (policy, alternatives of rules) and arc; one unit flows from the first set to the last; the
cost of the arcs, known or a bound, as the objective; a row for each target that is a sum over pools
(:mod:`.additive`), the cores that targets need (:mod:`.bounds`), and a cut for each path that was judged.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from pwsim.cluster import Cluster
from pwsim.common.solver import (
    LARGEST_COEFFICIENT,
    Expression,
    Problem,
    Variable,
    minimising,
    solve,
    status_text,
    weighted,
    yes_or_no,
)
from pwsim.search.additive import Sums
from pwsim.search.options import options
from pwsim.search.routing import Network, Path
from pwsim.trace import Floats

COST_LEEWAY = 1e-6
"""Rows hold to the solver's tolerance only: a limit on the cost is stated so much above it, relatively."""


class Master:
    """The integer programme, solved again as more becomes known.

    Parameters
    ----------
    cluster, network
        What is searched.
    needed_cores
        Least sum of nodes × cores × speed.
    sums
        What arcs cost and add to rows; read at each solution.
    """

    def __init__(self, cluster: Cluster, network: Network, needed_cores: float, sums: Sums) -> None:
        self.cluster, self.network, self.sums = cluster, network, sums
        self._taken: list[Path] = []
        self._time_limit_s = math.inf
        self.said: Counter[str] = Counter()
        """How often the solver ended with which status."""
        self._pool = np.array([arc.pool for arc in network.arcs])
        every = [options(pool) for pool in cluster.pools]
        chosen = [every[arc.pool][arc.choice] for arc in network.arcs]
        nodes, types = np.array([float(one.nodes) for one in chosen]), np.array([float(one.type) for one in chosen])
        capacity = np.array([one.capacity for one in chosen])
        self._capacity = capacity / needed_cores if needed_cores else None
        pools = range(len(cluster.pools))
        self._order = {f"nodes_{pool}": np.where(self._pool == pool, nodes, 0.0) for pool in pools}
        self._order |= {
            f"type_{pool}": np.where(self._pool == pool, types, 0.0) for pool in pools if cluster.pools[pool].types
        }
        """What decides between paths of equal cost, the first first: for each arc, what it adds."""

    def take_out(self, path: Path) -> None:
        """Exclude a path from now on."""
        self._taken.append(path)

    def limit(self, time_limit_s: float) -> None:
        """Let the solver take no longer than this from now on, for one solution [s]."""
        self._time_limit_s = time_limit_s

    def cheapest(self) -> Path | None:
        """Return the cheapest path that nothing excludes; ``None`` if there is none.

        Raises
        ------
        OutOfTimeError
            If the time is over before that is known.
        SolverError
            If the solver neither proves a solution optimal nor that there is none.
        """
        return self._solve(self.sums.usd, {}, None)

    def earlier(self, best: Path, usd_at_most: float) -> Path | None:
        """Return a path that costs no more and is to be taken rather than the best; ``None`` if there is none.

        That is one with fewer nodes of the first pool, of equal ones of the next, then with an earlier type of node of
        the first pool, of the next, then with an earlier procedure.

        Parameters
        ----------
        best
            The path that is compared with.
        usd_at_most
            Limit on the cost [USD a year].
        """
        fixed: dict[str, int] = {}
        limit = usd_at_most * (1 + COST_LEEWAY)
        for name, adds in self._order.items():
            most = int(adds[list(best.arcs)].sum())
            found = self._within(np.broadcast_to(adds, self.sums.usd.shape), fixed, limit, usd_at_most)
            if found is not None and adds[list(found.arcs)].sum() < most:
                return found
            fixed[name] = most
        procedures = np.arange(float(len(self.sums.usd)))[:, np.newaxis]
        found = self._within(np.broadcast_to(procedures, self.sums.usd.shape), fixed, limit, usd_at_most)
        return found if found is not None and found.procedure < best.procedure else None

    def _within(self, objective: Floats, fixed: Mapping[str, int], limit: float, usd_at_most: float) -> Path | None:
        """Return the path with the least objective of those that cost no more, to the last digit."""
        while (path := self._solve(objective, fixed, limit)) is not None:
            if math.fsum(self.sums.usd[path.procedure, list(path.arcs)]) <= usd_at_most:
                return path
            self.take_out(path)
        return None

    def problem(
        self, objective: Floats, fixed: Mapping[str, int], usd_at_most: float | None
    ) -> tuple[Problem, list[Variable]]:
        """Return the PuLP model, and its binaries by procedure and arc."""
        problem = minimising("cheapest_path")
        procedures, arcs = self.sums.usd.shape
        takes = [[yes_or_no(problem, f"take_{row}_{arc}") for arc in range(arcs)] for row in range(procedures)]
        every = [take for row in takes for take in row]

        def summed(weights: Floats) -> Expression:
            return weighted(zip(every, weights.ravel().tolist(), strict=True))

        problem += summed(_scaled(objective))
        self._state_flow(problem, takes)
        if self._capacity is not None:
            problem += summed(np.tile(self._capacity, procedures)) >= 1, "needed_cores"
        for number, (amount, limit) in enumerate(zip(self.sums.amounts, self.sums.at_most, strict=True)):
            scale = max(1.0, float(np.abs(amount).max()), abs(float(limit)))
            problem += summed(amount / scale) <= float(limit) / scale, f"target_{number}"
        if usd_at_most is not None:
            scale = max(1.0, abs(usd_at_most))
            problem += summed(self.sums.usd / scale) <= usd_at_most / scale, "cost"
        for name, value in fixed.items():
            problem += summed(np.tile(self._order[name], procedures)) == value, name
        for number, path in enumerate(self._taken):
            on = [takes[path.procedure][arc] for arc in path.arcs]
            problem += weighted((take, 1.0) for take in on) <= len(on) - 1, f"taken_{number}"
        return problem, every

    def _state_flow(self, problem: Problem, takes: Sequence[Sequence[Variable]]) -> None:
        """One setup is chosen, and each of its arcs begins where the one before ends."""
        first = [takes[row][arc] for row in range(len(takes)) for arc in np.flatnonzero(self._pool == 0).tolist()]
        problem += weighted((take, 1.0) for take in first) == 1, "one_setup"
        for pool in range(1, len(self.cluster.pools)):
            for row, take in enumerate(takes):
                flows: list[list[tuple[Variable, float]]] = [[] for _ in self.network.sets[pool]]
                for number, arc in enumerate(self.network.arcs):
                    if arc.pool == pool - 1:
                        flows[arc.end].append((take[number], 1.0))
                    elif arc.pool == pool:
                        flows[arc.begin].append((take[number], -1.0))
                for place, flow in enumerate(flows):
                    problem += weighted(flow) == 0, f"flow_{pool}_{row}_{place}"

    def _solve(self, objective: Floats, fixed: Mapping[str, int], usd_at_most: float | None) -> Path | None:
        """Return the path with the least objective that nothing excludes; ``None`` if there is none."""
        problem, takes = self.problem(objective, fixed, usd_at_most)
        found = solve(problem, self._time_limit_s)
        self.said[status_text(problem)] += 1
        if not found:
            return None
        taken = [divmod(place, len(self.network.arcs)) for place, take in enumerate(takes) if take.value() > 0.5]
        arcs = sorted((arc for _, arc in taken), key=lambda arc: self._pool[arc])
        return Path(taken[0][0], tuple(arcs))


def _scaled(objective: Floats) -> Floats:
    """Return an objective scaled down so that the solver's absolute tolerances stay small beside it."""
    scaled: Floats = objective / max(1.0, float(np.abs(objective).max()) / LARGEST_COEFFICIENT)
    return scaled
