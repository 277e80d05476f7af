"""The search for the cheapest setup that meets the targets, with a proof of how good it is.

Where pools do not meet, :mod:`.decomposition` searches pool by pool.  Elsewhere a heap (:mod:`.candidates`) names the
setups in the order of their cost bounds; each is replayed under every policy of the scenario, and what counts is what
the replay shows.  Once the next bound is not below the cost of a setup that met all targets, nothing cheaper is left,
and the search has its proof.  A replay that misses a target excludes exactly that setup: that a larger machine is never
worse does not hold under backfilling.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence

import numpy as np

from pwsim import costs
from pwsim.cluster import Cluster, untold_dependencies
from pwsim.cluster import clock_fault as site_clock_fault
from pwsim.common import InputError, count, share
from pwsim.engine import Engine
from pwsim.metrics import NO_TRIM, Trim, inside
from pwsim.prices import UNDISCOUNTED, Economics, clock_fault
from pwsim.search.candidates import Candidate
from pwsim.search.decomposition import coupling, decompose, paths
from pwsim.search.fates import Fates
from pwsim.search.finishing import finish
from pwsim.search.following import follow
from pwsim.search.holding import Holding
from pwsim.search.judging import Judge, scalable
from pwsim.search.options import AllCandidates, Place, bounds_of, largest
from pwsim.search.plan import Method, Plan
from pwsim.search.replays import Replays
from pwsim.search.replications import Replications, check_draws
from pwsim.search.targets import Target
from pwsim.search.trail import BudgetSpentError, Progress, Trail
from pwsim.trace import Trace
from pwsim.workload import Population

MOST_USD_PER_YEAR = 1e12
"""More than this no pool may cost: beside it, the tolerances of a solver of integer programmes would hide cents."""
MUST_ALLOW_SHARE = 0.01
"""Where every setup must reject jobs with more than this share of the work, a target must allow it (semantics §7)."""


def complete_targets(holding: Holding, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return the targets with those that hold unless others say so (semantics §7).

    No more jobs are rejected than every setup must reject, and none fails where nodes are taken back or break.
    """
    limited = {target.metric for target in targets if target.at_most is not None}
    implied = []
    if not limited & {"jobs_rejected", "rejected_work_share"}:
        implied.append(Target(metric="jobs_rejected", at_most=int(np.count_nonzero(holding.never))))
    if "jobs_failed" not in limited and any(pool.interrupted for pool in holding.cluster.pools):
        implied.append(Target(metric="jobs_failed", at_most=0))
    return (*targets, *implied)


def search(
    trace: Trace,
    cluster: Cluster,
    targets: Sequence[Target],
    *,
    economics: Economics = UNDISCOUNTED,
    max_setups: int | None = None,
    workers: int | None = None,
    engine: Engine = "auto",
    progress: Callable[[Progress], None] | None = None,
    name: str | None = None,
    seed: int = 1,
    trim: Trim = NO_TRIM,
    time_limit_s: float | None = None,
    replays: Replays | None = None,
    whole: int | None = None,
    spent: set[Place] | None = None,
    replications: Replications | None = None,
    population: Population | None = None,
    fates: Fates | None = None,
) -> Plan:
    """Find the cheapest setup of a cluster's choices that meets the targets.

    Costs that are equal to 9 significant digits are equal: then the setup with fewer nodes in the first pool is taken,
    then in the next, then the one with the earlier policy.

    An interrupt (``KeyboardInterrupt``) ends the search with the best setup found so far, and what is proven of it; it
    is raised again if none was found yet.

    Parameters
    ----------
    trace
        The workload.
    cluster
        Pools and policies with their choices.
    targets
        What must be achieved; see :func:`complete_targets`.
    economics
        How money is counted.
    max_setups
        Stop before more setups than this are replayed, though never before the first choice of nodes is, under all
        policies, and some replay has come to its end.
    workers
        How many replays run at once; by default as many as there are cores.  The plan does not depend on it.
    engine
        As for :func:`pwsim.simulate`.
    progress
        Called after each choice of nodes.
    name
        Name for the report; the trace's by default.
    seed
        As for :func:`pwsim.simulate`.
    trim
        What is cut off the measurement window (semantics §7).
    time_limit_s
        End the search after this time [s], though never before the first choice of nodes is replayed under all
        policies, and some replay has come to its end; replays that have begun are let end, and count.  The time in
        which the engine is compiled, once after each installation, does not.
    replays
        Replays that are known, to which those of this search come; several searches may share them.
    whole
        How many setups are replayed to their end, whatever they show; by default as many as have a million jobs in
        all, four at least.  Later ones end once it is certain that they miss a target or cost more than another.
    spent
        Setups that searches before have replayed, which share ``max_setups``; those of this search come to them.
    replications
        What is drawn again, and how sure decisions are that rest on it, where targets must hold in a share of draws.
    population
        Its draws, if there are some already; several searches may share them.
    fates
        What setups achieved on these draws, to which that of this search comes; searches of the same machine may share
        it, whatever their limits and prices.

    Raises
    ------
    InputError
        If the trace has no jobs, if a target is about none of them, if costs cannot be scaled to a year, if every setup
        must reject more of the work than a target allows, or if no replay could be brought to its end.
    SolverError
        If the solver gives no proven answer.
    BudgetSpentError
        If searches before have spent ``max_setups``, and there is nothing to show.
    """
    holding = Holding(trace, cluster)
    targets = complete_targets(holding, targets)
    check_question(holding, targets, economics, trim)
    check_draws(trace, targets, replications)
    if replications is not None and population is None:
        population = Population(trace, replications.by, seed)
    job = Judge(
        trace, cluster, targets, economics, engine, seed, trim, replays or Replays(), replications, population,
        fates or Fates(),
    )  # fmt: skip
    with scalable(trace):  # what must hold in draws excludes nothing that is replayed on the log
        known = bounds_of(holding, job.firm, economics, trim)
    trail = Trail(job, known, max_setups, time_limit_s, progress, spent)
    trail.workers = workers = workers or os.cpu_count() or 1
    try:
        because = coupling(trace, cluster, economics.savings_plans)
        network = paths(holding) if because is None else None
        if network is not None:
            decompose(trail, network, workers)
        else:
            trail.method = Method("by_setup", because or "jobs can be shared out in too many ways", None)
            follow(trail, AllCandidates(known), workers, whole)
            finish(trail)
        if not trail.rows and trail.stopped is None:
            _show_largest(trail)
    except KeyboardInterrupt:
        trail.stop("interrupted")
        if not trail.has_answer:
            raise
    if not trail.rows:
        raise BudgetSpentError
    return trail.plan(name or trace.name)


def _show_largest(trail: Trail) -> None:
    """Show how far the largest setup gets, where none can do it."""
    most = Candidate(largest(trail.job.cluster), math.inf)
    trail.note(most, [trail.job.evaluate(most.choice, one) for one in trail.job.cluster.procedures])
    trail.expect_none_met()


def check_question(holding: Holding, targets: tuple[Target, ...], economics: Economics, trim: Trim) -> None:
    """Make sure that there is something to search, and that every target says something.

    Raises
    ------
    InputError
        As :func:`search` does before it starts.
    """
    trace, cluster = holding.trace, holding.cluster
    if not len(trace):
        raise InputError(f"{trace.name}: there are no jobs to replay")
    if cluster.by_the_hour and (fault := clock_fault(trace, economics.start)):
        raise InputError(fault)
    if fault := site_clock_fault(trace, cluster, economics.start) or untold_dependencies(trace, cluster):
        raise InputError(fault)
    for one in cluster.variants():
        costs.savings.check(one.pools, economics.savings_plans)
    _check_costs(trace, cluster, economics)
    measured = inside(trace.submit_s, trim.window(trace.span_s))
    if trace.feedback is not None:  # each setup decides which jobs are
        measured[:] = True
    must = holding.must_reject
    allowed = any(target.metric == "rejected_work_share" and target.at_most is not None for target in targets)
    if must.work_share > MUST_ALLOW_SHARE and not allowed:
        enough = math.ceil(must.work_share * 1000) / 1000
        raise InputError(
            f"targets: {must}; more than {share(MUST_ALLOW_SHARE)} must be allowed: add nodes that hold them, or the "
            f"target {{metric: rejected_work_share, at_most: {enough:g}}}"
        )
    for index, target in enumerate(targets):
        if target.where is not None and not (measured & target.where.admit(trace)).any():
            raise InputError(f"targets.{index}.where: no job of {trace.name} is like this, so the target says nothing")


def _check_costs(trace: Trace, cluster: Cluster, economics: Economics) -> None:
    """Make sure that what stands there anyway has a price that can be compared."""
    terms = costs.terms_of(economics, trace)
    every = [(index, one) for index, pool in enumerate(cluster.pools) for one in pool.as_types]
    for index, pool in every:
        usd = costs.total(costs.standing(pool, pool.nodes[-1], terms))
        if not usd < MOST_USD_PER_YEAR:
            raise InputError(
                f"cluster.pools.{index}: {count(pool.nodes[-1], 'node')} cost more than {MOST_USD_PER_YEAR:.0e} USD a "
                f"year (got {usd:.3g}): check prices and lifetime_years"
            )
