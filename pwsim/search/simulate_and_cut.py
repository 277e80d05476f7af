"""The search for the cheapest setup that meets the targets, with a proof of how good it is.

The optimisation model (:mod:`.milp`) names the setups in the order of their cost bounds; each is replayed under
every policy of the scenario, and what counts is what the replay shows.  Once the next bound is not below the cost of
a setup that met all targets, nothing cheaper is left, and the search has its proof.  A replay that misses a target
excludes exactly that setup: that a larger machine is never worse does not hold under backfilling.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pwsim import costs
from pwsim.cluster import Cluster, Procedure, untold_dependencies
from pwsim.cluster import clock_fault as site_clock_fault
from pwsim.common import HopelessError, InputError, SolverError, share
from pwsim.engine import Engine, Replay, compiling_s
from pwsim.metrics import NO_TRIM, Trim, inside
from pwsim.prices import UNDISCOUNTED, Economics, clock_fault, start_of
from pwsim.results import Result, in_parallel, record, simulate
from pwsim.search import bounds
from pwsim.search.holding import Holding
from pwsim.search.judgement import at_limit, edges
from pwsim.search.milp import Candidate, Candidates
from pwsim.search.plan import Plan, Setup, Stop
from pwsim.search.targets import Target
from pwsim.trace import Trace

TIE = 1e-9
"""Costs that differ relatively by no more than this are equal: to 9 significant digits."""
MUST_ALLOW_SHARE = 0.01
"""Where every setup must reject jobs with more than this share of the work, a target must allow it (semantics §7)."""


class Progress(NamedTuple):
    """How far a search is."""

    simulated: int
    """Setups replayed so far."""
    in_space: int
    """Setups that the scenario allows."""
    cost_usd_per_year: float
    """Cost of the best setup so far; NaN if none met the targets."""
    lower_bound_usd_per_year: float
    """No setup that is left costs less."""
    engine: str
    """The engine that replays."""
    left_at_most: int
    """No more setups than this are left to replay: those that might be cheaper than the best."""
    left_at_most_s: float
    """How long these take at the pace so far [s]; NaN at first, for the first replay may have to compile the engine."""


class _Ran(NamedTuple):
    """What a whole replay showed."""

    replay: Replay
    bill: costs.Bill
    metrics: dict[str, float]
    at_limit: tuple[bool, ...]
    """For each pool, whether more nodes of it could have made a difference."""


@dataclass(frozen=True)
class _Evaluation:
    """One setup, replayed and judged."""

    setup: Setup
    ran: _Ran | None
    """``None`` if the replay gave up."""
    stopped: str | None
    """Why it gave up."""
    achieved: tuple[float, ...]
    met: bool
    miss: float
    """The largest share by which a target is missed."""

    @property
    def cost_usd_per_year(self) -> float:
        """The whole cost [USD a year]; NaN if it is not known."""
        return math.nan if self.ran is None else costs.total(self.ran.bill.cost)

    @property
    def nearness(self) -> tuple[float, float]:
        """How near it is to meeting the targets: the less, the nearer; of equals the cheaper."""
        return self.miss, self.cost_usd_per_year


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

    Raises
    ------
    InputError
        If the trace has no jobs, if a target is about none of them, if costs cannot be scaled to a year, if every setup
        must reject more of the work than a target allows, or if no replay could be brought to its end.
    SolverError
        If the solver gives no proven answer.
    """
    holding = Holding(trace, cluster)
    targets = complete_targets(holding, targets)
    check_question(holding, targets, economics, trim)
    with _scalable(trace):
        known = bounds.analyse(holding, targets, economics, trim)
    candidates = Candidates(cluster, known)
    job = _Job(trace, cluster, targets, economics, engine, seed, trim)
    trail = _Trail(job, known, max_setups, time_limit_s, progress)
    try:
        _follow(trail, candidates, workers or os.cpu_count() or 1)
    except KeyboardInterrupt:
        trail.stop("interrupted")
        if not trail.met:
            raise
    return trail.plan(name or trace.name)


def _follow(trail: _Trail, candidates: Candidates, workers: int) -> None:
    """Replay candidates until the search is over.

    They come in an order that no replay changes, so a few can be replayed at once, and are then looked at in that
    order: the plan is the same for any number of workers.
    """
    job, procedures = trail.job, trail.job.cluster.procedures
    while trail.take(candidates, workers):
        answers = in_parallel(job.evaluate, trail.tasks(), workers=workers, engine=job.engine)
        evaluations: list[_Evaluation] = []
        try:
            evaluations.extend(answers)
        finally:  # what was replayed before an interrupt or the time limit counts
            for begin in range(0, len(evaluations), len(procedures)):
                trail.add(evaluations[begin : begin + len(procedures)])
    if not trail.rows:  # no setup can do it; show how far the largest gets
        trail.pending = [Candidate(tuple(len(pool.nodes) - 1 for pool in job.cluster.pools), math.inf)]
        trail.add([job.evaluate(*task) for task in trail.tasks()])
        if trail.met:
            raise SolverError("a setup meets the targets that was taken to be unable to: please report this scenario")


def in_space(cluster: Cluster) -> int:
    """Return the number of setups that a cluster's choices span."""
    return math.prod(len(pool.nodes) for pool in cluster.pools) * len(cluster.procedures)


@contextmanager
def _scalable(trace: Trace) -> Iterator[None]:
    """Say what is wrong with the log if costs of jobs cannot be scaled to a year."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"{trace.name}: costs cannot be scaled to a year: {error}") from None


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


@dataclass(frozen=True)
class _Job:
    """All that the replay and judgement of a setup need, but the setup."""

    trace: Trace
    cluster: Cluster
    targets: tuple[Target, ...]
    economics: Economics
    engine: Engine
    seed: int
    trim: Trim

    def evaluate(self, choice: tuple[int, ...], procedure: Procedure) -> _Evaluation:
        nodes = {pool.name: pool.nodes[one] for pool, one in zip(self.cluster.pools, choice, strict=True)}
        setup = Setup(nodes, *procedure)
        try:
            start = start_of(self.trace, self.economics.start, self.economics.time_zone)
            result = simulate(self.trace, self.cluster.at(*setup), engine=self.engine, seed=self.seed, start=start)
        except HopelessError as error:  # this setup misses; others may do
            return _Evaluation(setup, None, str(error), (math.nan,) * len(self.targets), met=False, miss=math.inf)
        result = replace(result, trim=self.trim)
        achieved = tuple(target.achieved(result) for target in self.targets)
        judged = list(zip(self.targets, achieved, strict=True))
        with _scalable(self.trace):
            bill = result.bill(self.economics)
        return _Evaluation(
            setup=setup,
            ran=_Ran(result.replay, bill, result.metrics, at_limit(result)),
            stopped=None,
            achieved=achieved,
            met=all(target.met(value) for target, value in judged),
            miss=max((target.miss(value) for target, value in judged), default=0.0),
        )


class _Trail:
    """What a search has seen so far."""

    def __init__(
        self,
        job: _Job,
        known: bounds.Bounds,
        max_setups: int | None,
        time_limit_s: float | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.job = job
        self.known = known
        self.max_setups = max_setups
        self.progress = progress
        self.deadline_s = math.inf if time_limit_s is None else time.monotonic() + time_limit_s - compiling_s()
        self.first: tuple[float, int] | None = None
        """When the first candidate was replayed [s], and under how many policies."""
        self.rows: list[dict[str, Any]] = []
        self.met: list[_Evaluation] = []
        """The cheapest setup that meets the targets, and those that cost as much."""
        self.closest: _Evaluation | None = None
        self.pending: list[Candidate] = []
        """Candidates that are being replayed, in their order; the first is the first that is not judged yet."""
        self.put_back: Candidate | None = None
        """A candidate that was taken, and then was beyond a limit: it is the next."""
        self.bound_usd_per_year = -math.inf
        """No setup that is left costs less."""
        self.stopped: Stop | None = None

    def take(self, candidates: Candidates, most: int) -> bool:
        """Take the next candidates to replay, at most so many; return whether there are any, or the search is over."""
        if self.pending:  # the time limit came before all of the last ones were replayed
            if self._has_shown:
                self.stop("time_limit")
            return not self._has_shown
        while len(self.pending) < most and (candidate := self.put_back or candidates.take()) is not None:
            self.put_back = None
            if not self.pending:
                self.bound_usd_per_year = candidate.bound_usd_per_year
            if self._is_beaten(candidate):
                break
            if self._loses_tie(candidate) and not self.late:
                continue
            if limit := self._limit():
                if not self.pending:
                    self.stop(limit)
                self.put_back = candidate
                break
            self.pending.append(candidate)
        return bool(self.pending)

    def tasks(self) -> Iterator[tuple[tuple[int, ...], Procedure]]:
        """Yield each pending candidate under each policy, until the time is over, but at least the first.

        As long as there is nothing to show, what was begun is finished.
        """
        first = True
        for candidate in list(self.pending):
            for procedure in self.job.cluster.procedures:
                whole = first or (procedure != self.job.cluster.procedures[0] and not self._has_shown)
                if not whole and time.monotonic() > self.deadline_s + compiling_s():
                    return
                yield candidate.choice, procedure
            first = False

    @property
    def late(self) -> bool:
        """Whether the time limit is reached, and there is something to show."""
        return self._has_shown and time.monotonic() > self.deadline_s + compiling_s()

    @property
    def _has_shown(self) -> bool:
        """Whether some replay has come to its end."""
        return self.closest is not None

    def _limit(self) -> Stop | None:
        """Return the limit that another candidate would pass, if one would; until there is something to show, none."""
        if not self._has_shown and not self.pending:
            return None
        beyond = len(self.rows) + (len(self.pending) + 1) * len(self.job.cluster.procedures)
        if self.max_setups is not None and beyond > self.max_setups:
            return "max_setups"
        return "time_limit" if self.late else None

    def _is_beaten(self, candidate: Candidate) -> bool:
        """Return whether a candidate, and so all after it, must cost more than a setup that meets the targets."""
        return bool(self.met) and candidate.bound_usd_per_year > self._cheapest * (1 + TIE)

    def _loses_tie(self, candidate: Candidate) -> bool:
        """Return whether a candidate costs at best as much as the best one, which then is taken all the same."""
        best = self.best
        if best is None or candidate.bound_usd_per_year < best.cost_usd_per_year * (1 - TIE):
            return False
        nodes = tuple(pool.nodes[one] for pool, one in zip(self.job.cluster.pools, candidate.choice, strict=True))
        return nodes > tuple(best.setup.nodes.values())

    def stop(self, why: Stop) -> None:
        """End the search before its proof."""
        self.stopped = why
        if self.pending:
            self.bound_usd_per_year = self.pending[0].bound_usd_per_year

    @property
    def _cheapest(self) -> float:
        return min(one.cost_usd_per_year for one in self.met)

    def _rank(self, setup: Setup) -> tuple[Any, ...]:
        """Return the key that decides between setups of equal cost."""
        return *setup.nodes.values(), self.job.cluster.procedures.index(Procedure(*setup[1:]))

    @property
    def best(self) -> _Evaluation | None:
        """The setup to choose, so far."""
        return min(self.met, key=lambda one: self._rank(one.setup), default=None)

    def add(self, evaluations: Sequence[_Evaluation]) -> None:
        """Take in the evaluations of the first pending candidate, one for each policy, or some if time is over.

        What was replayed ahead of a proof is left out, so that workers make no difference.
        """
        if not self.pending or self._is_beaten(self.pending[0]):
            self.pending.clear()
            return
        candidate = self.pending[0]
        if len(evaluations) == len(self.job.cluster.procedures):
            self.pending.pop(0)
        if self._loses_tie(candidate):
            return
        self.bound_usd_per_year = candidate.bound_usd_per_year
        for one in evaluations:
            self.rows.append(_row(len(self.rows), candidate, one, self.job.cluster))
            if one.met:
                self.met.append(one)
                self.met = [other for other in self.met if other.cost_usd_per_year <= self._cheapest * (1 + TIE)]
            if one.ran is not None and (self.closest is None or one.nearness < self.closest.nearness):
                self.closest = one
        if self.progress is not None:
            self.progress(self._reached(evaluations))

    def _reached(self, evaluations: Sequence[_Evaluation]) -> Progress:
        cost, now_s, pace_s = self._cheapest if self.met else math.nan, time.monotonic(), math.nan
        if self.first is None:
            self.first = now_s, len(self.rows)
        else:
            pace_s = (now_s - self.first[0]) / (len(self.rows) - self.first[1])
        left = max(0, self.known.setups_up_to(cost) * len(self.job.cluster.procedures) - len(self.rows))
        return Progress(
            simulated=len(self.rows),
            in_space=in_space(self.job.cluster),
            cost_usd_per_year=cost,
            lower_bound_usd_per_year=self.bound_usd_per_year,
            engine=next((one.ran.replay.engine for one in evaluations if one.ran is not None), self.job.engine),
            left_at_most=left,
            left_at_most_s=pace_s * left,
        )

    def plan(self, name: str) -> Plan:
        """Return the plan.

        Raises
        ------
        InputError
            If no replay of any setup could be brought to its end.
        """
        job, best = self.job, self.best
        shown = best or self.closest
        if shown is None or shown.ran is None:
            raise InputError(f"no setup could be replayed to its end; the first: {self.rows[0]['stopped']}")
        lower_bound = math.inf if self.stopped is None else self.bound_usd_per_year
        if best is not None:
            lower_bound = min(lower_bound, best.cost_usd_per_year)
        setups = pd.DataFrame(self.rows, columns=max(map(list, self.rows), key=len))
        kinds = {name: float for name in setups if str(name).startswith("target_")}
        found = (
            edges(job.cluster, self.known, job.targets, setups, best.setup.nodes, best.cost_usd_per_year)
            if best
            else ()
        )
        asked = {
            "name": name,
            "cluster": job.cluster.model_dump(mode="json", exclude_none=True),
            "targets": [one.model_dump(mode="json", exclude_none=True) for one in job.targets],
            "metrics": job.trim._asdict(),
            "economics": job.economics.model_dump(mode="json", exclude_none=True),
            "search": {} if self.max_setups is None else {"max_setups": self.max_setups},
            "seed": job.seed,
        }
        return Plan(
            status=_status(proven=self.stopped is None, found=best is not None),
            stopped=self.stopped,
            chosen=best.setup if best else None,
            closest=None if best else shown.setup,
            result=Result(job.trace, job.cluster.at(*shown.setup), shown.ran.replay, job.seed, job.trim),
            bill=shown.ran.bill,
            lower_bound_usd_per_year=lower_bound,
            setups_in_space=in_space(job.cluster),
            setups=setups.astype({**kinds, "stopped": "str"}),
            targets=job.targets,
            economics=job.economics,
            edges=found,
            name=name,
            asked=asked,
            run_id=record.run_id("run", asked, [job.trace], [job.cluster], len(setups) if self.stopped else None),
        )


def _status(*, proven: bool, found: bool) -> str:
    if found:
        return "optimal" if proven else "best_found"
    return "infeasible" if proven else "unknown"


def _row(step: int, candidate: Candidate, one: _Evaluation, cluster: Cluster) -> dict[str, Any]:
    """Return a replayed setup as a row of ``setups``."""
    return {
        "step": step,
        **{f"nodes_{name}": count for name, count in one.setup.nodes.items()},
        **one.setup.procedure(cluster.alternatives),
        "meets_targets": one.met,
        "stopped": one.stopped,
        **{
            f"at_limit_{name}": one.ran is not None and one.ran.at_limit[index]
            for index, name in enumerate(one.setup.nodes)
        },
        **(one.ran.bill.figures() if one.ran else {}),
        "lower_bound_usd_per_year": candidate.bound_usd_per_year,
        **(one.ran.metrics if one.ran else {}),
        **{f"target_{index}_achieved": value for index, value in enumerate(one.achieved)},
    }
