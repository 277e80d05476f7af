"""The search for the cheapest setup that meets the targets, with a proof of how good it is.

The optimisation model (:mod:`pwsim.milp`) names the setups in the order of their cost bounds; each is replayed under
every policy of the scenario, and what counts is what the replay shows.  Once the next bound is not below the cost of
a setup that met all targets, nothing cheaper is left, and the search has its proof.  A replay that misses a target
excludes exactly that setup: that a larger machine is never worse does not hold under backfilling.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from pwsim import bounds, costs, record, summary
from pwsim.cluster import Cluster
from pwsim.engine import Engine, simulate
from pwsim.errors import InputError, SolverError
from pwsim.hindcasting import Hindcast, check_comparable, has_recorded_waits, hindcast
from pwsim.metrics import NO_TRIM, Trim, inside
from pwsim.milp import Candidate, Candidates
from pwsim.money import UNDISCOUNTED, Economics
from pwsim.result import Replay, Result
from pwsim.rules import Policy
from pwsim.scenario import Scenario
from pwsim.sweep import in_parallel
from pwsim.targets import Target
from pwsim.tariffs import COMPRESSED, start_of
from pwsim.trace import Trace
from pwsim.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROUNDING = 1e-12
"""Costs that differ relatively by less than this are the same cost, summed in another order."""


class Setup(NamedTuple):
    """One point of the search space."""

    nodes: dict[str, int]
    """Number of nodes by pool name."""
    policy: Policy
    """How every pool schedules."""


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


@dataclass(frozen=True)
class _Evaluation:
    """One setup, replayed and judged."""

    setup: Setup
    replay: Replay
    bill: costs.Bill
    metrics: dict[str, float]
    achieved: tuple[float, ...]
    met: bool
    miss: float
    """The largest share by which a target is missed."""

    @property
    def cost_usd_per_year(self) -> float:
        """The whole cost [USD a year]."""
        return costs.total(self.bill.cost)


@dataclass(frozen=True)
class Plan:
    """What a search found."""

    status: str
    """``optimal``: proven cheapest; ``best_found``: the search was cut short; ``infeasible``: proven that none meets
    the targets."""
    chosen: Setup | None
    """The cheapest setup found that meets every target."""
    closest: Setup | None
    """If there is none: of the replayed setups the one that misses the targets by the least share."""
    result: Result
    """The replay of the chosen setup, or of the closest."""
    bill: costs.Bill
    """What it costs, and what that comes to."""
    lower_bound_usd_per_year: float
    """Proven: no setup that meets the targets costs less; infinite if there is none."""
    setups_in_space: int
    """Setups that the scenario allows."""
    setups: pd.DataFrame
    """One row a replayed setup, in the order of the search."""
    targets: tuple[Target, ...]
    """What was asked, the implied limit on rejected jobs included."""
    economics: Economics
    """How money was counted."""
    at_edge: Mapping[str, str]
    """Pools of the chosen setup with the ``fewest`` or the ``most`` nodes that the scenario allows, though it allows
    others: beyond may be something cheaper."""
    name: str
    """Name of the scenario."""
    asked: Mapping[str, Any]
    """What was asked as plain data, every default filled in and every price taken: ``scenario.yaml``."""
    run_id: str
    """Hash of all that the answer depends on (:func:`pwsim.record.run_id`)."""
    hindcast: Hindcast | None = None
    """The replay of the present machine beside the record, if the scenario describes it and the log recorded waits."""
    unchecked: bool = False
    """Whether the scenario describes the present machine, but the log recorded no waits."""

    def __repr__(self) -> str:
        return f"<Plan: {self.status}, {self.chosen or self.closest}, {len(self.setups)} setups replayed>"

    @property
    def cost(self) -> costs.Breakdown:
        """Cost of the chosen setup, or of the closest, by part [USD a year]."""
        return self.bill.cost

    @property
    def cost_usd_per_year(self) -> float:
        """Cost of the chosen setup, or of the closest [USD a year]."""
        return costs.total(self.cost)

    @property
    def gap(self) -> float:
        """By what share of its cost the chosen setup might be undercut; 0 is a proof, NaN if none was chosen."""
        if self.chosen is None:
            return math.nan
        if self.cost_usd_per_year == 0:
            return 0.0
        return (self.cost_usd_per_year - self.lower_bound_usd_per_year) / self.cost_usd_per_year

    @property
    def jobs(self) -> pd.DataFrame:
        """One row a job of the chosen setup, or of the closest."""
        return self.result.jobs

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """One row an hour and pool of the chosen setup, or of the closest."""
        return self.result.hourly(self.economics)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was asked and what was found, as plain values: ``summary.json`` of ``pwsim run``."""
        return summary.of_plan(self)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the name of their Parquet file."""
        compared = {} if self.hindcast is None else self.hindcast.tables()
        return {"jobs": self.jobs, "setups": self.setups, "timeline": self.timeline, **compared}

    def judged_targets(self) -> list[dict[str, Any]]:
        """Return each target, what was achieved, and whether that is good enough."""
        return [target.judge(target.achieved(self.result)) for target in self.targets]

    def plot(self, kind: str = "setups", ax: Axes | None = None) -> Axes:
        """Draw ``setups``, ``search``, ``cost_breakdown``, or a figure of :meth:`pwsim.Result.plot`.

        Parameters
        ----------
        kind
            Which figure.
        ax
            Axes to draw on; new ones if left out.

        Raises
        ------
        ValueError
            If there is no such figure.
        """
        from pwsim import plots

        if kind == "setups":
            return plots.setups(self.setups, self.judged_targets(), ax)
        if kind == "search":
            return plots.search(self.setups, self.lower_bound_usd_per_year, ax)
        if kind == "cost_breakdown":
            return plots.cost_breakdown(self.summary["pools"], self.summary["site"], ax)
        if kind == "waits":
            return plots.waits(self.jobs, self.judged_targets(), ax)
        return self.result.plot(kind, ax)


def complete_targets(trace: Trace, cluster: Cluster, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return the targets, with a limit on rejected jobs if there is none: no more than every setup must reject."""
    if any(target.metric == "jobs_rejected" for target in targets):
        return tuple(targets)
    must = bounds.least_rejected(bounds.first_choices(trace, cluster), cluster)
    return (*targets, Target(metric="jobs_rejected", at_most=must))


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
) -> Plan:
    """Find the cheapest setup of a cluster's choices that meets the targets.

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
        policies.
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

    Raises
    ------
    InputError
        If the trace has no jobs, if a target is about none of them, or if costs cannot be scaled to a year.
    SolverError
        If the solver gives no proven answer.
    """
    targets = _checked(trace, cluster, complete_targets(trace, cluster, targets), economics, trim)
    with _scalable(trace):
        candidates = Candidates(cluster, bounds.analyse(trace, cluster, targets, economics, trim))
    job = _Job(trace, cluster, targets, economics, engine, seed, trim)
    trail = _Trail(cluster, max_setups, progress)
    workers = workers or os.cpu_count() or 1
    # Candidates come in an order that no replay changes, so a few can be replayed at once, and are then looked at
    # in that order: the plan is the same for any number of workers.
    while (batch := candidates.take_some(workers)) and not trail.ends_at(batch[0]):
        tasks = [(one.choice, policy) for one in batch for policy in cluster.policy]
        evaluations = list(in_parallel(job.evaluate, tasks, workers=workers, engine=engine))
        for index, candidate in enumerate(batch):
            if not trail.ends_at(candidate):
                trail.add(candidate, evaluations[index * len(cluster.policy) : (index + 1) * len(cluster.policy)])
    if trail.closest is None:  # no setup can do it; show how far the largest gets
        largest = Candidate(tuple(len(pool.nodes) - 1 for pool in cluster.pools), math.inf)
        trail.add(largest, [job.evaluate(largest.choice, policy) for policy in cluster.policy])
        if trail.best is not None:
            raise SolverError("a setup meets the targets that was taken to be unable to: please report this scenario")
    return trail.plan(job, name or trace.name)


def optimize(
    scenario: Scenario,
    *,
    workers: int | None = None,
    engine: Engine = "auto",
    seed: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    allow_code: bool = False,
) -> Plan:
    """Find the cheapest setup of a scenario that meets its targets; see :func:`search`.

    The seed is the scenario's unless another is given.

    Raises
    ------
    InputError
        If the log cannot be read, if the scenario and the log do not go together, or if the scenario names Python code
        and ``allow_code`` is not set; the message says what would run.
    SolverError
        If the solver gives no proven answer.
    """
    for key, machine in (("cluster", scenario.cluster), ("baseline", scenario.baseline)):
        if machine is not None and not allow_code and (code := machine.code()):
            raise InputError(
                f"{scenario.path}: {key}.policy names Python code: {'; '.join(code)}. Read it, and allow it with "
                "--allow-code (in Python: allow_code=True)"
            )
    seed = scenario.seed if seed is None else seed
    log = scenario.read_log()
    trace = scenario.read_workload(seed, log)
    check = _hindcast(scenario, log, engine, seed)  # before the search: what is wrong with it must not cost hours
    try:
        plan = search(
            trace,
            scenario.cluster,
            scenario.targets,
            economics=scenario.economics,
            max_setups=scenario.search.max_setups,
            workers=workers,
            engine=engine,
            progress=progress,
            name=scenario.name,
            seed=seed,
            trim=scenario.metrics.trim(trace),
        )
    except InputError as error:
        raise InputError(f"{scenario.path}: {error}") from None
    asked = {**scenario.resolved(), "targets": plan.asked["targets"], "seed": seed}
    machines = list(filter(None, (scenario.cluster, scenario.baseline)))
    return replace(
        plan,
        asked=asked,
        run_id=record.run_id("run", asked, [trace, log], machines),
        hindcast=check,
        unchecked=scenario.baseline is not None and check is None,
    )


def _hindcast(scenario: Scenario, log: Trace, engine: Engine, seed: int) -> Hindcast | None:
    """Return the check of the present machine; ``None`` if there is nothing to check, or nothing to check it by.

    Raises
    ------
    InputError
        If it cannot be compared; names the line.
    """
    if scenario.baseline is None or not _is_comparable(scenario, log):
        return None
    try:
        return hindcast(log, scenario.baseline, engine=engine, seed=seed, trim=scenario.outside_window(log))
    except InputError as error:
        raise scenario.fault("baseline", error) from None


def _is_comparable(scenario: Scenario, log: Trace) -> bool:
    """Return whether the log recorded waits to compare the replay of the present machine with.

    Raises
    ------
    InputError
        If it did, but of no job that this machine holds; names the line.
    """
    trim = scenario.outside_window(log)
    if scenario.baseline is None or not has_recorded_waits(log, trim):
        return False
    try:
        check_comparable(log, scenario.baseline, trim)
    except InputError as error:
        raise scenario.fault("baseline", error) from None
    return True


def check(scenario: Scenario) -> str:
    """Read the log of a scenario, check that both go together, and return what was found in a few words.

    Raises
    ------
    InputError
        If the log cannot be read, or the scenario and the log do not go together.
    """
    log = scenario.read_log()
    trace = scenario.read_workload(log=log)
    _is_comparable(scenario, log)
    try:
        targets = complete_targets(trace, scenario.cluster, scenario.targets)
        _checked(trace, scenario.cluster, targets, scenario.economics, scenario.metrics.trim(trace))
    except InputError as error:
        raise InputError(f"{scenario.path}: {error}") from None
    setups = count(in_space(scenario.cluster), "setup")
    return f"ok: {count(len(trace), 'job')} of {trace.name} (format {trace.format}), {setups}"


def in_space(cluster: Cluster) -> int:
    """Return the number of setups that a cluster's choices span."""
    return math.prod(len(pool.nodes) for pool in cluster.pools) * len(cluster.policy)


@contextmanager
def _scalable(trace: Trace) -> Iterator[None]:
    """Say what is wrong with the log if costs of jobs cannot be scaled to a year."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"{trace.name}: costs cannot be scaled to a year: {error}") from None


def _checked(
    trace: Trace, cluster: Cluster, targets: tuple[Target, ...], economics: Economics, trim: Trim
) -> tuple[Target, ...]:
    if not len(trace):
        raise InputError(f"{trace.name}: there are no jobs to replay")
    if cluster.by_the_hour and trace.compressed:
        raise InputError(f"{trace.name}: its load {COMPRESSED}; use resample, or grow by jobs, which keep the hours")
    if cluster.by_the_hour and start_of(trace, economics.start) is None:
        raise InputError(
            f"economics.start: is missing, for the price of electricity depends on the hour and {trace.name} does not "
            "say when it starts; give the local time of the first submission, such as 2026-01-01T00:00"
        )
    measured = inside(trace.submit_s, trim.window(trace.span_s))
    if trace.feedback is not None:  # each setup decides which jobs are
        measured[:] = True
    for index, target in enumerate(targets):
        if target.where is not None and not (measured & target.where.admit(trace)).any():
            raise InputError(f"targets.{index}.where: no job of {trace.name} is like this, so the target says nothing")
    return targets


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

    def evaluate(self, choice: tuple[int, ...], policy: Policy) -> _Evaluation:
        nodes = {pool.name: pool.nodes[one] for pool, one in zip(self.cluster.pools, choice, strict=True)}
        setup = Setup(nodes, policy)
        result = replace(
            simulate(self.trace, self.cluster.at(nodes, policy), engine=self.engine, seed=self.seed), trim=self.trim
        )
        achieved = tuple(target.achieved(result) for target in self.targets)
        judged = list(zip(self.targets, achieved, strict=True))
        with _scalable(self.trace):
            bill = result.bill(self.economics)
        return _Evaluation(
            setup=setup,
            replay=result.replay,
            bill=bill,
            metrics=result.metrics,
            achieved=achieved,
            met=all(target.met(value) for target, value in judged),
            miss=max(target.miss(value) for target, value in judged),
        )


class _Trail:
    """What a search has seen so far."""

    def __init__(self, cluster: Cluster, max_setups: int | None, progress: Callable[[Progress], None] | None) -> None:
        self.cluster = cluster
        self.max_setups = max_setups
        self.progress = progress
        self.in_space = in_space(cluster)
        self.rows: list[dict[str, Any]] = []
        self.best: _Evaluation | None = None
        self.closest: _Evaluation | None = None
        self.cut_short_at: Candidate | None = None

    def ends_at(self, candidate: Candidate) -> bool:
        """Return whether the search is over: it has its proof, or its limit on setups is reached."""
        if self.best is not None and candidate.bound_usd_per_year >= self.best.cost_usd_per_year * (1 - ROUNDING):
            return True
        beyond = len(self.rows) + len(self.cluster.policy)
        if self.max_setups is not None and self.rows and beyond > self.max_setups:
            self.cut_short_at = self.cut_short_at or candidate
        return self.cut_short_at is not None

    def add(self, candidate: Candidate, evaluations: Sequence[_Evaluation]) -> None:
        """Take in the evaluations of a candidate, one for each policy."""
        for one in evaluations:
            self.rows.append(_row(len(self.rows), candidate, one))
            if one.met and (self.best is None or one.cost_usd_per_year < self.best.cost_usd_per_year):
                self.best = one
            nearness = (one.miss, one.cost_usd_per_year)
            if self.closest is None or nearness < (self.closest.miss, self.closest.cost_usd_per_year):
                self.closest = one
        if self.progress is not None:
            cost = math.nan if self.best is None else self.best.cost_usd_per_year
            self.progress(
                Progress(len(self.rows), self.in_space, cost, candidate.bound_usd_per_year, one.replay.engine)
            )

    def plan(self, job: _Job, name: str) -> Plan:
        """Return what was found."""
        shown = self.best or self.closest
        assert shown is not None
        lower_bound = self.cut_short_at.bound_usd_per_year if self.cut_short_at else math.inf
        if self.best is not None:
            lower_bound = min(lower_bound, self.best.cost_usd_per_year)
        complete = "infeasible" if self.best is None else "optimal"
        setups = pd.DataFrame(self.rows)
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
            status="best_found" if self.cut_short_at else complete,
            chosen=self.best.setup if self.best else None,
            closest=None if self.best else shown.setup,
            result=Result(job.trace, self.cluster.at(*shown.setup), shown.replay, job.seed, job.trim),
            bill=shown.bill,
            lower_bound_usd_per_year=lower_bound,
            setups_in_space=self.in_space,
            setups=setups.astype({name: float for name in setups if str(name).startswith("target_")}),
            targets=job.targets,
            economics=job.economics,
            at_edge=_at_edge(self.cluster, self.best.setup) if self.best else {},
            name=name,
            asked=asked,
            run_id=record.run_id("run", asked, [job.trace], [job.cluster]),
        )


def _at_edge(cluster: Cluster, setup: Setup) -> dict[str, str]:
    edges = {}
    for pool in cluster.pools:
        nodes = setup.nodes[pool.name]
        if len(pool.nodes) > 1 and nodes == max(pool.nodes):
            edges[pool.name] = "most"
        elif len(pool.nodes) > 1 and nodes == min(pool.nodes) and nodes > 0:
            edges[pool.name] = "fewest"
    return edges


def _row(step: int, candidate: Candidate, one: _Evaluation) -> dict[str, Any]:
    """Return a replayed setup as a row of ``setups``."""
    return {
        "step": step,
        **{f"nodes_{name}": count for name, count in one.setup.nodes.items()},
        "policy": str(one.setup.policy),
        "meets_targets": one.met,
        **one.bill.figures(),
        "lower_bound_usd_per_year": candidate.bound_usd_per_year,
        **one.metrics,
        **{f"target_{index}_achieved": value for index, value in enumerate(one.achieved)},
    }
