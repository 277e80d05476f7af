"""Running what a scenario asks, or checking that it can be run."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pwsim.cluster import NO_COST, CloudPool, Cluster, OnPremisesPool, clock_fault, untold_dependencies
from pwsim.common import KEEP_BYTES, InputError, Kept, count, listed, tell, timed
from pwsim.description import LEVELS, Verdict, describe
from pwsim.engine import Engine
from pwsim.hindcasting import Hindcast, check_comparable, has_recorded_waits, hindcast
from pwsim.metrics import NO_TRIM, Trim
from pwsim.prices import Economics, start_of
from pwsim.results import Attribution, record
from pwsim.rules import Policy
from pwsim.scenario.afterwards import Afterwards
from pwsim.scenario.scenario import Scenario
from pwsim.search import (
    Frontier,
    Holding,
    Objective,
    Plan,
    Progress,
    Replays,
    Replications,
    Target,
    ask,
    certainty_of,
    check_draws,
    check_goals,
    check_question,
    complete_targets,
    in_space,
    shares_of,
)
from pwsim.search.horizon import Horizon, check_years, shares_of_years, with_years
from pwsim.search.sensitivity import Question, Sensitivity
from pwsim.trace import Trace


@timed("planning")
def optimize(
    scenario: Scenario | None = None,
    *,
    trace: Trace | None = None,
    pools: Sequence[OnPremisesPool | CloudPool | Mapping[str, Any]] | None = None,
    targets: Sequence[Target | Mapping[str, Any]] | None = None,
    policy: str | Policy | Sequence[str | Policy] | None = None,
    overrun: Literal["allow", "kill"] | None = None,
    depth: int | None = None,
    minimise: Objective | Mapping[str, Any] | None = None,
    frontier: Frontier | Mapping[str, Any] | None = None,
    replications: Replications | Mapping[str, Any] | None = None,
    sensitivity: Sensitivity | Mapping[str, Any] | None = None,
    attribution: Attribution | Mapping[str, Any] | None = None,
    horizon: Horizon | Mapping[str, Any] | None = None,
    economics: Economics | None = None,
    max_setups: int | None = None,
    name: str | None = None,
    workers: int | None = None,
    engine: Engine = "auto",
    seed: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    allow_code: bool = False,
    time_limit_s: float | None = None,
    cache_bytes: int = KEEP_BYTES,
    draws: bool = True,
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
    minimise
        What is to be as small as can be instead of the cost, such as ``{"metric": "wait_s", "statistic": "p95"}``.
    frontier
        A target to be varied, such as ``{"target": {"metric": "utilization"}, "at_least": [0.5, 0.7]}``.
    replications
        What is drawn again, such as ``{"by": ["seed"]}``, for targets that must hold in a share of draws.
    sensitivity
        What may be otherwise, such as ``{"load": [0.8, 1.2], "electricity": [2.0]}``.
    attribution
        Who causes what, such as ``{"by": ["user"]}``.
    horizon
        Years to plan for, such as ``{"years": 5, "load_growth": 0.2}``.
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
        End the search after this time [s], instead of the scenario's budget; it is for all that is done here.
    cache_bytes
        How much of the replays is kept on disk, for searches that go on or ask something else [bytes]; 0 keeps none.
    draws
        Whether the setup is tried on draws of what might have been instead of the log; a search that was interrupted,
        or is at its time limit, makes none.

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
                "depth": depth, "minimise": minimise, "frontier": frontier, "replications": replications,
                "sensitivity": sensitivity, "attribution": attribution, "horizon": horizon, "economics": economics,
                "max_setups": max_setups, "name": name}  # fmt: skip
    given = [key for key, value in question.items() if value is not None]
    replays = Replays(Kept(most_bytes=cache_bytes))
    if scenario is not None:
        if given:
            raise TypeError(
                f"{listed(given)} {'is that' if len(given) == 1 else 'are those'} of the scenario: give it there"
            )
        return _optimize(
            scenario,
            workers,
            engine,
            seed,
            progress,
            allow_code=allow_code,
            time_limit_s=time_limit_s,
            replays=replays,
            draws=draws,
        )
    if trace is None or pools is None:
        raise TypeError("give either a scenario, or at least a trace and pools: optimize(trace=…, pools=…, targets=…)")
    asked = {"pools": pools, "policy": policy, "overrun": overrun, "depth": depth}
    machine: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    cluster = Cluster(**machine)
    check_code("", cluster, allow_code=allow_code)
    if unpriced := cluster.unpriced():
        raise InputError(f"pools.{unpriced[0]}.{NO_COST}")
    goals = tuple(_object(Target, one) for one in targets or ())
    money = economics or Economics()
    after = Afterwards(_object(Sensitivity, sensitivity), _object(Attribution, attribution))
    years = _object(Horizon, horizon)
    goal = _object(Objective, minimise)
    drawn = _object(Replications, replications)
    check_years(years, cluster, goals, goal, drawn)
    plan = _answer(
        Question(trace, cluster, goals, money, 1 if seed is None else seed),
        after,
        objective=goal,
        frontier=_object(Frontier, frontier),
        replications=drawn,
        max_setups=max_setups,
        workers=workers,
        engine=engine,
        progress=progress,
        name=name,
        time_limit_s=time_limit_s,
        replays=replays,
    )
    told = {**plan.asked, **after.asked()}
    tried = certainty_of(plan, workers=workers, progress=progress) if draws else None
    run_id = record.run_id(
        "run", told, [trace], [cluster], plan.cut_short_after, 0 if tried is None else len(tried.draws)
    )
    plan = replace(plan, asked=told, run_id=run_id, certainty=tried)
    plan = with_years(plan, years, goals, max_setups=max_setups, progress=progress)
    return replace(plan, verdicts=_faults_of(trace))


def _answer(
    question: Question,
    after: Afterwards,
    *,
    max_setups: int | None,
    time_limit_s: float | None,
    objective: Objective | None,
    frontier: Frontier | None,
    replications: Replications | None,
    trim: Trim = NO_TRIM,
    name: str | None,
    **how: Any,
) -> Plan:
    """Search, and then ask what is asked of the answer; limits are for both together."""
    after.check(question)
    trace, cluster, targets, economics, seed = question
    plan = ask(
        trace,
        cluster,
        targets,
        objective=objective,
        frontier=frontier,
        replications=replications,
        economics=economics,
        seed=seed,
        trim=trim,
        name=name,
        max_setups=max_setups,
        time_limit_s=time_limit_s,
        **how,
    )
    return after.answered(
        plan,
        question,
        objective=objective,
        frontier=frontier,
        max_setups=max_setups,
        replications=replications,
        **how,
    )


def _object(kind: type[Any], given: Any) -> Any:
    """Return a part of a question as an object, given as such or as a mapping of its keys; ``None`` if none is."""
    return given if given is None or isinstance(given, kind) else kind(**given)


def check_code(where: str, machine: Cluster, *, allow_code: bool) -> None:
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
    replays: Replays,
    draws: bool,
) -> Plan:
    """Find the cheapest setup of a scenario."""
    for key, machine in (("cluster", scenario.cluster), ("baseline", scenario.baseline)):
        if machine is not None:
            check_code(f"{scenario.path}: {key}.", machine, allow_code=allow_code)
    begun_s = time.monotonic()
    seed = scenario.seed if seed is None else seed
    log = scenario.read_log()
    trace = scenario.read_workload(seed, log)
    tell("log read", scenario=scenario.name, log=log.name, jobs_read=log.jobs_read, jobs_replayed=len(trace))
    budget = scenario.search.budget
    limit_s = budget.time if time_limit_s is None else time_limit_s
    check = _hindcast(scenario, log, engine, seed)  # before the search: what is wrong with it must not cost hours
    try:
        plan = _answer(
            Question(trace, scenario.cluster, scenario.targets, scenario.economics, seed),
            Afterwards(scenario.sensitivity, scenario.attribution),
            objective=scenario.minimise,
            frontier=scenario.frontier,
            replications=scenario.replications,
            max_setups=budget.setups,
            workers=workers,
            engine=engine,
            progress=progress,
            name=scenario.name,
            trim=scenario.metrics.trim(trace),
            time_limit_s=None if limit_s is None else limit_s - (time.monotonic() - begun_s),
            replays=replays,
        )
        plan = with_years(plan, scenario.horizon, scenario.targets, max_setups=budget.setups, progress=progress)
    except InputError as error:
        raise _with_line(scenario, error) from None
    asked = {**scenario.resolved(), "targets": plan.asked["targets"], "seed": seed}
    tell("search ended", scenario=scenario.name, setups=len(plan.setups), replays=replays.done, stopped=plan.stopped)
    tried = certainty_of(plan, workers=workers, progress=progress) if draws else None
    return replace(
        plan,
        asked=asked,
        run_id=id_of_run(scenario, asked, [trace, log], plan.cut_short_after, 0 if tried is None else len(tried.draws)),
        certainty=tried,
        hindcast=check,
        unchecked=scenario.baseline is not None and check is None,
        verdicts=_faults_of(
            scenario.read_part(log),
            None if scenario.baseline is None else scenario.baseline.cores,
            scenario.workload.time_zone,
        ),
    )


def id_of_run(
    scenario: Scenario, asked: Mapping[str, Any], traces: Sequence[Trace], cut_short_after: int | None, draws: int
) -> str:
    """Return the id of a run (:func:`pwsim.results.record.run_id`): of the workload, the log, and what was asked."""
    machines = list(filter(None, (scenario.cluster, scenario.baseline)))
    return record.run_id("run", asked, traces, machines, cut_short_after, draws)


@timed("reading")
def _faults_of(log: Trace, cores: int | None = None, time_zone: str | None = None) -> tuple[Verdict, ...]:
    """Return warnings and problems of a log, or the part of it that is replayed, the worst first."""
    zone = time_zone or "UTC"
    found = log.remembered(("verdicts", cores, zone), lambda: describe(log, cores, zone).verdicts)
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
        trim = scenario.outside_window(log)
        start = start_of(log, scenario.economics.start, scenario.economics.time_zone)
        if start is not None and scenario.economics.start is not None:
            start = start.before(trim.warm_up_s)  # what it says is about the window's first submission
        return hindcast(log, scenario.baseline, engine=engine, seed=seed, start=start, trim=trim)
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


def _with_line(scenario: Scenario, error: InputError) -> InputError:
    """Return an error of a search with the file, and the line of the key that it begins with."""
    keys = "targets|economics|cluster|minimise|frontier|replications|horizon|sensitivity|attribution"
    named = re.match(rf"((?:{keys})(?:\.\w+)*): (.*)", str(error), flags=re.DOTALL)
    return scenario.fault(named[1], InputError(named[2])) if named else InputError(f"{scenario.path}: {error}")


def check(scenario: Scenario) -> str:
    """Read the log of a scenario, check that both go together, and return what was found in a few words.

    Raises
    ------
    InputError
        If the log cannot be read, or the scenario and the log do not go together.
    """
    log = scenario.read_log()
    trace = scenario.read_workload(log=log)
    holding = Holding(trace, scenario.cluster)
    _is_comparable(scenario, log)
    for machine in filter(None, (scenario.cluster, scenario.baseline)):
        if fault := clock_fault(trace, machine, scenario.economics.start) or untold_dependencies(trace, machine):
            raise _with_line(scenario, InputError(fault))
    try:
        targets = complete_targets(holding, scenario.targets)
        check_question(holding, targets, scenario.economics, scenario.metrics.trim(trace))
        besides = {**shares_of(scenario.frontier), **shares_of_years(scenario.horizon)}
        check_draws(trace, targets, scenario.replications, besides)
        check_goals(trace, targets, scenario.minimise, scenario.frontier, scenario.metrics.trim(trace))
        question = Question(trace, scenario.cluster, scenario.targets, scenario.economics, scenario.seed)
        Afterwards(scenario.sensitivity, scenario.attribution).check(question)
    except InputError as error:
        raise _with_line(scenario, error) from None
    setups = count(in_space(scenario.cluster), "setup")
    must = holding.must_reject
    found = f"ok: {count(len(trace), 'job')} of {trace.name} (format {trace.format}), {setups}"
    fit_none = f"; {must}" if must.jobs else ""
    return f"{found}{fit_none}"
