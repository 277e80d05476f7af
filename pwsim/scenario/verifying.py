"""Checking the proof in a results directory: from its files, and the log that they name, to what is to be verified."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pwsim import report
from pwsim.common import InputError
from pwsim.scenario.run import check_code, id_of_run
from pwsim.scenario.scenario import Scenario, load_scenario
from pwsim.search import (
    Holding,
    Judge,
    Verification,
    check_draws,
    check_question,
    complete_targets,
    shares_of,
    with_implied,
)
from pwsim.search import verify as verify_search
from pwsim.trace import Trace
from pwsim.workload import Population

UNCHECKED = {"horizon": "the plan over years", "sensitivity": "what would change the answer"}
"""What is not checked of a summary, by its key."""


def verify(
    directory: str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] = ".",
    workers: int | None = None,
    thorough: bool = False,
    allow_code: bool = False,
) -> Verification:
    """Check the proof in the results of ``pwsim run`` again, from its scenario and the log.

    Every replay that the proof rests on is done again, every bound is computed again, and every setup that the
    scenario allows is accounted for, by a list of all instead of a search.

    Parameters
    ----------
    directory
        The results.
    folder
        The folder of the scenario that was run, where the paths in it start.
    workers
        How many replays run at once; as many as there are cores if ``None``.
    thorough
        Whether the other engine does all replays, not only as many as are affordable.
    allow_code
        Whether code that policies name may run.

    Returns
    -------
    What came of it; true of ``verified`` if the proof holds.

    Raises
    ------
    InputError
        If a file is missing or wrong, the log is not found, or the results are not of a search.
    """
    directory = Path(directory)
    summary = report.read_summary(directory)
    if summary["command"] != "run":
        raise InputError(f"{directory}: holds no proof; only results of `pwsim run` do (got {summary['command']})")
    tables = {"setups": report.read_table(directory / "setups.parquet")}
    if summary["search"]["method"] == "by_pool":
        tables["proof"] = report.read_table(directory / "proof.parquet")
    if summary["frontier"] is not None:
        tables["frontier"] = report.read_table(directory / "frontier.parquet")
    scenario = load_scenario(directory / "scenario.yaml", folder)
    check_code(f"{scenario.path}: cluster.", scenario.cluster, allow_code=allow_code)
    log = scenario.read_log()
    trace = scenario.read_workload(log=log)
    holding = Holding(trace, scenario.cluster)
    trim = scenario.metrics.trim(trace)
    asked = with_implied(holding, scenario.targets, scenario.minimise, scenario.frontier)
    targets = asked if scenario.frontier is None else complete_targets(holding, asked)
    if differences := _other_question(scenario, trace, log, summary, len(tables["setups"])):
        return Verification("these results answer this scenario, for this log.", differences, 0, 0, ())
    check_question(holding, targets, scenario.economics, trim)
    check_draws(trace, targets, scenario.replications, shares_of(scenario.frontier))
    judge = Judge(trace, scenario.cluster, targets, scenario.economics, "auto", scenario.seed, trim)
    if (drawn := scenario.replications) is not None:
        judge = replace(judge, replications=drawn, population=Population(trace, drawn.by, scenario.seed))
    try:
        found = verify_search(
            judge,
            summary,
            tables,
            objective=scenario.minimise,
            frontier=scenario.frontier,
            asked=asked,
            workers=workers,
            thorough=thorough,
        )
    except InputError as error:
        raise InputError(f"{directory}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise InputError(f"{directory}: summary.json or a table is not as pwsim writes it ({what})") from None
    return found._replace(unchecked=tuple(told for key, told in UNCHECKED.items() if summary.get(key) is not None))


def _other_question(
    scenario: Scenario, trace: Trace, log: Trace, summary: dict[str, Any], setups: int
) -> tuple[str, ...]:
    """Return in what log or scenario are not those of a run; nothing if they are."""
    told, found = summary["workload"]["sha256"], trace.digest()
    if found != told:
        log_is = "the log is another one than was replayed, or its file was changed"
        return (f"{log_is}: the SHA-256 of its jobs is {found}, not {told}",)
    told = summary["run_id"]
    drawn = 0 if summary["certainty"] is None else summary["certainty"]["draws"]
    found = id_of_run(scenario, scenario.resolved(), [trace, log], setups if _was_cut(summary) else None, drawn)
    if found != told:
        changed = (
            "scenario.yaml was changed, or a file that it names, or rows of a search that was cut short are missing"
        )
        return (f"{changed}: the id of the run is {found}, not {told}",)
    return ()


def _was_cut(summary: Mapping[str, Any]) -> bool:
    """Return whether the search, that of a point of the frontier, or what came after it ended early."""
    points = (summary["frontier"] or {"points": []})["points"]
    after = [summary[key] for key in ("sensitivity", "attribution", "horizon") if summary[key] is not None]
    return any(one["stopped"] not in (None, "undecided") for one in (summary, *points, *after))
