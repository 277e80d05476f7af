"""The search for the cheapest setup that meets the targets, with a proof of how good it is.

The optimisation model (:mod:`pwsim.milp`) names the setups in the order of their cost bounds; each is replayed under
every policy of the scenario, and what counts is what the replay shows.  Once the next bound is not below the cost of
a setup that met all targets, nothing cheaper is left, and the search has its proof.  A replay that misses a target
excludes exactly that setup: that a larger machine is never worse does not hold under backfilling.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from pwsim import bounds, costs, record, summary
from pwsim.cluster import Cluster
from pwsim.description import describe
from pwsim.description.verdict import LEVELS, Verdict
from pwsim.engine import Engine, simulate
from pwsim.errors import HopelessError, InputError, SolverError
from pwsim.hindcasting import Hindcast, check_comparable, has_recorded_waits, hindcast
from pwsim.judgement import Edge, OverTime, Stretch, at_limit, edges, over_time
from pwsim.metrics import NO_TRIM, Trim, inside, share_of
from pwsim.milp import Candidate, Candidates
from pwsim.money import UNDISCOUNTED, Economics
from pwsim.pools import NO_COST, CloudPool, OnPremisesPool
from pwsim.result import Replay, Result
from pwsim.rules import Policy
from pwsim.scenario import Scenario
from pwsim.sweep import in_parallel
from pwsim.targets import Target
from pwsim.tariffs import clock_fault
from pwsim.trace import Trace
from pwsim.values import ByContent, card
from pwsim.wording import count, listed, rejections_text, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TIE = 1e-9
"""Costs that differ relatively by no more than this are equal: to 9 significant digits."""
MUST_ALLOW_SHARE = 0.01
"""Where every setup must reject jobs with more than this share of the work, a target must allow it (semantics §7)."""

Stop = Literal["max_setups", "time_limit", "interrupted"]
"""Why a search ended before its proof."""


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


@dataclass(frozen=True, eq=False, repr=False)
class Plan(ByContent):
    """What a search found."""

    status: str
    """``optimal``: proven cheapest; ``best_found``: the search was cut short; ``infeasible``: proven that none meets
    the targets; ``unknown``: cut short before one was found."""
    stopped: Stop | None
    """Why the search ended before its proof; ``None`` if it did not."""
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
    edges: tuple[Edge, ...]
    """Limits of the scenario beyond which something cheaper may lie."""
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
    verdicts: tuple[Verdict, ...] = ()
    """What is wrong with the log (:func:`pwsim.describe`): warnings and problems."""

    def __repr__(self) -> str:
        return f"<Plan: {self.status}, {self.chosen or self.closest}, {len(self.setups)} setups replayed>"

    def _repr_html_(self) -> str:
        """Return the plan as a small table, for notebooks."""
        shown = self.chosen or self.closest
        assert shown is not None
        nodes = ", ".join(f"{name} {count}" for name, count in shown.nodes.items())
        rows: list[tuple[str, str]] = [
            ("status", self.status),
            ("chosen" if self.chosen else "closest; none meets the targets", f"{nodes}; {shown.policy}"),
            ("cost", f"${self.cost_usd_per_year:,.0f} a year"),
            ("no setup costs less than", f"${self.lower_bound_usd_per_year:,.0f} a year"),
            ("setups", f"{self.setups_in_space:,}, of which {len(self.setups):,} were replayed"),
        ]
        rows += [(one["text"], "met" if one["met"] else "missed") for one in self.judged_targets()]
        return card(f"Plan {self.name}", rows)

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
        """Return each target, what was achieved, and whether that is good enough: on the whole, by weeks, at the end.

        The keys beside those of :meth:`pwsim.targets.Target.judge` are those of :class:`pwsim.judgement.OverTime`.
        """
        return self._judged_targets

    @cached_property
    def _judged_targets(self) -> list[dict[str, Any]]:
        judged = []
        for target in self.targets:
            course = over_time(target, self.result) or OverTime(0, 0, None, None)
            parts = course._asdict().items()
            told = {name: part._asdict() if isinstance(part, Stretch) else part for name, part in parts}
            judged.append({**target.judge(target.achieved(self.result)), **told})
        return judged

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
    """Return the targets with those that hold unless others say so (semantics §7).

    No more jobs are rejected than every setup must reject, and none fails where nodes are taken back or break.
    """
    limited = {target.metric for target in targets if target.at_most is not None}
    implied = []
    if not limited & {"jobs_rejected", "rejected_work_share"}:
        must = int(np.count_nonzero(bounds.never_held(bounds.first_choices(trace, cluster), cluster)))
        implied.append(Target(metric="jobs_rejected", at_most=must))
    if "jobs_failed" not in limited and any(pool.interrupted for pool in cluster.pools):
        implied.append(Target(metric="jobs_failed", at_most=0))
    return (*targets, *implied)


class MustReject(NamedTuple):
    """Jobs that every setup of a cluster must reject."""

    jobs: int
    """How many."""
    work_share: float
    """Their share of the work of all jobs."""
    why: str
    """The reasons, in words."""

    def __str__(self) -> str:
        return f"{count(self.jobs, 'job')} with {share(self.work_share)} of the work fit no setup: {self.why}"


def must_reject(trace: Trace, cluster: Cluster) -> MustReject:
    """Return which jobs fit no pool at its largest."""
    never = bounds.never_held(bounds.first_choices(trace, cluster), cluster)
    largest = cluster.at({pool.name: pool.nodes[-1] for pool in cluster.pools}, cluster.policy[0])
    reasons = {reason: int(np.count_nonzero(jobs)) for reason, jobs in largest.rejections(trace).items()}
    return MustReject(
        jobs=int(np.count_nonzero(never)),
        work_share=share_of(trace.procs * trace.run_s, never),
        why=rejections_text(reasons) if never.any() else "",
    )


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
        policies, and some replay has come to its end; replays that have begun are let end, and count.

    Raises
    ------
    InputError
        If the trace has no jobs, if a target is about none of them, if costs cannot be scaled to a year, if every setup
        must reject more of the work than a target allows, or if no replay could be brought to its end.
    SolverError
        If the solver gives no proven answer.
    """
    targets = _checked(trace, cluster, complete_targets(trace, cluster, targets), economics, trim)
    with _scalable(trace):
        known = bounds.analyse(trace, cluster, targets, economics, trim)
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
    job, policies = trail.job, trail.job.cluster.policy
    while trail.take(candidates, workers):
        answers = in_parallel(job.evaluate, trail.tasks(), workers=workers, engine=job.engine)
        evaluations: list[_Evaluation] = []
        try:
            evaluations.extend(answers)
        finally:  # what was replayed before an interrupt or the time limit counts
            for begin in range(0, len(evaluations), len(policies)):
                trail.add(evaluations[begin : begin + len(policies)])
    if not trail.rows:  # no setup can do it; show how far the largest gets
        trail.pending = [Candidate(tuple(len(pool.nodes) - 1 for pool in job.cluster.pools), math.inf)]
        trail.add([job.evaluate(*task) for task in trail.tasks()])
        if trail.met:
            raise SolverError("a setup meets the targets that was taken to be unable to: please report this scenario")


def optimize(
    scenario: Scenario | None = None,
    *,
    trace: Trace | None = None,
    pools: Sequence[OnPremisesPool | CloudPool | Mapping[str, Any]] | None = None,
    targets: Sequence[Target | Mapping[str, Any]] | None = None,
    policy: str | Policy | Sequence[str | Policy] | None = None,
    overrun: Literal["allow", "kill"] | None = None,
    depth: int | None = None,
    economics: Economics | None = None,
    max_setups: int | None = None,
    name: str | None = None,
    workers: int | None = None,
    engine: Engine = "auto",
    seed: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    allow_code: bool = False,
    time_limit_s: float | None = None,
) -> Plan:
    """Find the cheapest setup that meets the targets; see :func:`search`.

    What is asked is a scenario, or a trace with pools and targets.

    Parameters
    ----------
    scenario
        The question as a file asks it; nothing down to ``name`` is given beside it.
    trace
        The jobs.
    pools
        What jobs may run on, in the order in which they prefer it, each with its choices of nodes: objects such as
        :class:`OnPremisesPool` and :class:`CloudPool`, or mappings with the keys of a scenario file.
    targets
        What must be achieved: objects, or mappings such as ``{"metric": "utilization", "at_least": 0.5}``.
    policy
        Policy, or the choices of the search; ``easy`` if left out.
    overrun, depth
        As for :func:`pwsim.simulate`.
    economics
        How money is counted; as in a scenario that does not say if left out.
    max_setups
        Stop before more setups than this are replayed.
    name
        Name for the report; the trace's by default.
    workers, engine, progress
        As for :func:`search`.
    seed
        Seed of everything random; the scenario's by default, 1 without one.
    allow_code
        Whether code that policies name may run.
    time_limit_s
        End the search after this time [s]; it is for all that is done here.

    Raises
    ------
    TypeError
        If neither or both of a scenario and a trace with pools are given.
    InputError
        If the log cannot be read, if what is asked does not go together, or if it names Python code and ``allow_code``
        is not set; the message says what would run.
    SolverError
        If the solver gives no proven answer.

    Examples
    --------
    >>> from pwsim import generate
    >>> own = {"name": "own", "kind": "on_premises", "nodes": {"min": 1, "max": 8}, "node": {"cores": 8}}
    >>> own["cost"] = {"capex_usd": 9000, "lifetime_years": 5}
    >>> soon = Target(metric="wait_s", statistic="p95", at_most="1 h")
    >>> optimize(trace=generate(jobs=200, cores=16, load=0.8, seed=1), pools=[own], targets=[soon]).chosen.nodes
    {'own': 4}
    """
    question = {"trace": trace, "pools": pools, "targets": targets, "policy": policy, "overrun": overrun,
                "depth": depth, "economics": economics, "max_setups": max_setups, "name": name}  # fmt: skip
    given = [key for key, value in question.items() if value is not None]
    if scenario is not None:
        if given:
            raise TypeError(
                f"{listed(given)} {'is that' if len(given) == 1 else 'are those'} of the scenario: give it there"
            )
        return _optimize(scenario, workers, engine, seed, progress, allow_code=allow_code, time_limit_s=time_limit_s)
    if trace is None or pools is None:
        raise TypeError("give either a scenario, or at least a trace and pools: optimize(trace=…, pools=…, targets=…)")
    asked = {"pools": pools, "policy": policy, "overrun": overrun, "depth": depth}
    machine: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    cluster = Cluster(**machine)
    _check_code("", cluster, allow_code=allow_code)
    if unpriced := cluster.unpriced():
        raise InputError(f"pools.{unpriced[0]}.{NO_COST}")
    plan = search(
        trace,
        cluster,
        [one if isinstance(one, Target) else Target(**one) for one in targets or ()],
        economics=economics or Economics(),
        max_setups=max_setups,
        workers=workers,
        engine=engine,
        progress=progress,
        name=name,
        seed=1 if seed is None else seed,
        time_limit_s=time_limit_s,
    )
    return replace(plan, verdicts=_faults_of(trace))


def _check_code(where: str, machine: Cluster, *, allow_code: bool) -> None:
    """Make sure that code which policies name may run."""
    if not allow_code and (code := machine.code()):
        raise InputError(
            f"{where}policy names Python code: {'; '.join(code)}. Read it, and allow it with "
            "--allow-code (in Python: allow_code=True)"
        )


def _optimize(
    scenario: Scenario,
    workers: int | None,
    engine: Engine,
    seed: int | None,
    progress: Callable[[Progress], None] | None,
    *,
    allow_code: bool,
    time_limit_s: float | None,
) -> Plan:
    """Find the cheapest setup of a scenario."""
    for key, machine in (("cluster", scenario.cluster), ("baseline", scenario.baseline)):
        if machine is not None:
            _check_code(f"{scenario.path}: {key}.", machine, allow_code=allow_code)
    begun_s = time.monotonic()
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
            time_limit_s=None if time_limit_s is None else time_limit_s - (time.monotonic() - begun_s),
        )
    except InputError as error:
        raise InputError(f"{scenario.path}: {error}") from None
    asked = {**scenario.resolved(), "targets": plan.asked["targets"], "seed": seed}
    machines = list(filter(None, (scenario.cluster, scenario.baseline)))
    return replace(
        plan,
        asked=asked,
        run_id=record.run_id("run", asked, [trace, log], machines, len(plan.setups) if plan.stopped else None),
        hindcast=check,
        unchecked=scenario.baseline is not None and check is None,
        verdicts=_faults_of(
            scenario.read_part(log),
            None if scenario.baseline is None else scenario.baseline.cores,
            scenario.workload.time_zone,
        ),
    )


def _faults_of(log: Trace, cores: int | None = None, time_zone: str | None = None) -> tuple[Verdict, ...]:
    """Return what is wrong with a log, or the part of it that is replayed: warnings and problems, the worst first."""
    found = describe(log, cores, time_zone or "UTC").verdicts
    return tuple(one for level in LEVELS[:-1] for one in found if one.level == level)


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
    must = must_reject(trace, scenario.cluster)
    fit_none = f"; {must}" if must.jobs else ""
    return f"ok: {count(len(trace), 'job')} of {trace.name} (format {trace.format}), {setups}{fit_none}"


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
    if cluster.by_the_hour and (fault := clock_fault(trace, economics.start)):
        raise InputError(fault)
    measured = inside(trace.submit_s, trim.window(trace.span_s))
    if trace.feedback is not None:  # each setup decides which jobs are
        measured[:] = True
    must = must_reject(trace, cluster)
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
        try:
            result = simulate(self.trace, self.cluster.at(nodes, policy), engine=self.engine, seed=self.seed)
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
        self.deadline_s = math.inf if time_limit_s is None else time.monotonic() + time_limit_s
        self.first: tuple[float, int] | None = None
        """When the first candidate was replayed [s], and under how many policies."""
        self.rows: list[dict[str, Any]] = []
        self.met: list[_Evaluation] = []
        """The cheapest setup that meets the targets, and those that cost as much."""
        self.closest: _Evaluation | None = None
        self.pending: list[Candidate] = []
        """Candidates that are being replayed, in their order; the first is the first that is not judged yet."""
        self.bound_usd_per_year = -math.inf
        """No setup that is left costs less."""
        self.stopped: Stop | None = None

    def take(self, candidates: Candidates, most: int) -> bool:
        """Take the next candidates to replay, at most so many; return whether there are any, or the search is over."""
        if self.pending:  # the time limit came before all of the last ones were replayed
            if self._has_shown:
                self.stop("time_limit")
            return not self._has_shown
        while len(self.pending) < most and (candidate := candidates.take()) is not None:
            if not self.pending:
                self.bound_usd_per_year = candidate.bound_usd_per_year
            if self._is_beaten(candidate):
                break
            if self._loses_tie(candidate) and not self.late:
                continue
            if limit := self._limit():
                if not self.pending:
                    self.stop(limit)
                break
            self.pending.append(candidate)
        return bool(self.pending)

    def tasks(self) -> Iterator[tuple[tuple[int, ...], Policy]]:
        """Yield each pending candidate under each policy, until the time is over, but at least the first."""
        first = True
        for candidate in list(self.pending):
            for policy in self.job.cluster.policy:
                if not first and time.monotonic() > self.deadline_s:
                    return
                yield candidate.choice, policy
            first = False

    @property
    def late(self) -> bool:
        """Whether the time limit is reached, and there is something to show."""
        return self._has_shown and time.monotonic() > self.deadline_s

    @property
    def _has_shown(self) -> bool:
        """Whether some replay has come to its end."""
        return self.closest is not None

    def _limit(self) -> Stop | None:
        """Return the limit that another candidate would pass, if one would."""
        if not self._has_shown:
            return None
        beyond = len(self.rows) + (len(self.pending) + 1) * len(self.job.cluster.policy)
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
        """Return what decides between setups of equal cost."""
        return *setup.nodes.values(), self.job.cluster.policy.index(setup.policy)

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
        if len(evaluations) == len(self.job.cluster.policy):
            self.pending.pop(0)
        if self._loses_tie(candidate):
            return
        self.bound_usd_per_year = candidate.bound_usd_per_year
        for one in evaluations:
            self.rows.append(_row(len(self.rows), candidate, one))
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
        left = max(0, self.known.setups_up_to(cost) * len(self.job.cluster.policy) - len(self.rows))
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
        """Return what was found.

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


def _row(step: int, candidate: Candidate, one: _Evaluation) -> dict[str, Any]:
    """Return a replayed setup as a row of ``setups``."""
    return {
        "step": step,
        **{f"nodes_{name}": count for name, count in one.setup.nodes.items()},
        "policy": str(one.setup.policy),
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
