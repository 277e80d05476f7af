"""One scenario of a batch: run it, unless its results are there, and put its rows into the data set."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import filelock
import pyarrow as pa

from pwsim import report
from pwsim.common import (
    BAD_INPUT,
    MACHINE_FAILED,
    NO_SETUP,
    InputError,
    Times,
    also_at,
    logged_to,
    new_file,
    reserved,
    tell,
    timed,
    timing,
    told,
)
from pwsim.results import record
from pwsim.scenario import KeptLogs, keeping_logs, optimize
from pwsim.scenario.batch import tables
from pwsim.scenario.batch.identity import Identity, code_sum, identity
from pwsim.scenario.batch.journal import NAME, Entry, Event, note, now
from pwsim.scenario.batch.tasks import Task
from pwsim.search import answer

log = logging.getLogger("pwsim")

_NEEDED = ("summary.json", "setups.parquet", *(f"{name}.parquet" for name in report.columns.SAME))
"""Files that results have, and that the data set is made of."""
LOGS = ".logs"
"""Folder in the directory of a batch in which logs are kept as they were read."""


class Options(NamedTuple):
    """What is asked of every scenario of a batch."""

    engine: Any = "auto"
    """As for :func:`pwsim.simulate`."""
    seed: int | None = None
    """Seed instead of the scenario's."""
    allow_code: bool = False
    """Whether code that policies name may run."""
    draws: bool = True
    """Whether answers are tried on draws."""
    report: bool = False
    """Whether figures and a page are made."""
    cache_bytes: int = 0
    """How much of the replays is kept on disk [bytes]."""
    log_json: Path | None = None
    """File that what happens is told in, by all processes."""

    def text(self) -> str:
        """Return what of it changes results, as text."""
        return f"{self.engine} {self.seed} {self.draws}"


class Work(NamedTuple):
    """A scenario to run, with all that a worker must know of it."""

    task: Task
    identity: Identity
    because: list[str]
    """Why it is to be run."""
    directory: Path
    """The directory of the batch."""
    options: Options
    batch: str
    """Name of the batch."""
    jobs: int = 0
    """Jobs of its log, if that matters."""
    replay_job_bytes: int = 0
    """Memory that each of them takes in a replay, if that matters [bytes]."""
    workers: int = 1
    """How many replays run at once."""
    time_limit_s: float | None = None
    """End the search after this time [s]."""

    @property
    def results(self) -> Path:
        """Its results directory."""
        return results_of(self.directory, self.task.name, self.identity.key)


class Elsewhere(NamedTuple):
    """Another process runs the scenario."""

    work: Work


def results_of(directory: Path, scenario: str, run: str) -> Path:
    """Return the results directory of a run of a batch."""
    return directory / "results" / quote(scenario, safe="") / run


def finished(results: Path) -> dict[str, Any] | None:
    """Return the summary of results that need not be done again; ``None`` if there are none.

    A search that was stopped by time goes on another time, with what it has replayed.
    """
    if not all((results / name).is_file() for name in _NEEDED):
        return None
    try:
        summary = report.read_summary(results)
    except InputError:  # of another version, or damaged
        return None
    points = (summary.get("frontier") or {"points": []})["points"]
    after = [summary[key] for key in ("certainty", "sensitivity", "attribution", "horizon") if summary.get(key)]
    cut = any(one.get("stopped") in ("time_limit", "interrupted") for one in (summary, *points, *after))
    return None if cut else summary


def work(one: Work, wait: bool = False) -> Entry | Elsewhere:
    """Run a scenario, unless its results are there, and return what became of it; nothing is raised but an interrupt.

    Parameters
    ----------
    one
        The scenario.
    wait
        Whether to wait for another process that runs it.
    """
    begun_s, times = time.monotonic(), Times()
    with logged_to(one.options.log_json):
        tell("scenario begins", scenario=one.task.name, batch=one.batch, because=one.because)
        with timing(times), timed("beside"):
            found = _worked(one, wait=wait)
        if isinstance(found, Elsewhere):
            tell("scenario is run by another process", scenario=one.task.name, batch=one.batch)
            return found
        spent = {part: took._asdict() for part, took in times.spent().items()}
        entry = _noted(one.directory, found._replace(seconds=round(time.monotonic() - begun_s, 3), spent=spent))
        tell("scenario ends", **_told(entry))
        return entry


def _told(entry: Entry) -> dict[str, Any]:
    """Return what is told of what became of a scenario; its message is the answer."""
    left_out = ("time", "identity", "message")
    return {key: one for key, one in entry._asdict().items() if key not in left_out} | {"answer": entry.message}


def _worked(one: Work, *, wait: bool) -> Entry | Elsewhere:
    """Run a scenario, unless its results are there, and return what became of it."""
    try:
        lock = one.directory / ".locks" / f"{one.identity.key}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(lock, timeout=-1 if wait else 0):
            summary = finished(one.results)
            event: Event = "done" if summary is None else "known"
            replays = 0
            if summary is None:
                summary, replays = _run(one)
            else:
                if one.options.report and not (one.results / "report.html").is_file():
                    report.write_report(one.results)
                _put_rows(one, tables.of_directory(one.results))
    except filelock.Timeout:
        return Elsewhere(one)
    except Exception as error:
        said, code = told(error)
        if not said:
            log.exception("in %s", one.task.name)
            said, code = f"a fault of pwsim, please report it: {type(error).__name__}: {error}", MACHINE_FAILED
        return _entry(one, "failed", code, said)
    else:
        told_of = {key: summary[key] for key in ("status", "cost_usd_per_year", "lower_bound_usd_per_year")}
        chosen = tables.setup_text(summary["chosen"] or summary["closest"])
        certainty = summary["certainty"] or {"draws": 0, "held": 0}
        told_of |= {"draws": certainty["draws"], "draws_held": certainty["held"]}
        code = 0 if answer.is_found(summary) else NO_SETUP
        return _entry(one, event, code, summary["answer"])._replace(**told_of, chosen=chosen, replays=replays)


def failed(directory: Path, batch: str, name: str, why: str, code: int = BAD_INPUT) -> Entry:
    """Note that a scenario could not be planned, and return that."""
    return _noted(directory, Entry(now(), batch, "failed", name, "", code, why, []))


def lost(one: Work, why: str) -> Entry:
    """Note that the workers of a scenario were lost, and return that."""
    return _noted(one.directory, _entry(one, "failed", MACHINE_FAILED, why))


def _noted(directory: Path, entry: Entry) -> Entry:
    """Note what became of a scenario, and return that, with what is wrong if it cannot be noted."""
    try:
        note(directory, entry)
    except OSError as error:
        why = f"{directory / NAME}: cannot be written: {error.strerror or error}"
        return entry._replace(code=MACHINE_FAILED, message=why if entry.code == 0 else f"{entry.message}; {why}")
    return entry


def _entry(one: Work, event: Event, code: int, message: str) -> Entry:
    because = one.because if event != "known" else []
    key = one.identity.key
    return Entry(now(), one.batch, event, one.task.name, key, code, message, because, one.identity._asdict())


def _run(one: Work) -> tuple[dict[str, Any], int]:
    """Run the scenario and write its results; return their summary, and how many replays were done."""
    scenario = one.task.load()
    if identity(scenario, one.options.text()) != one.identity:
        raise InputError(f"{one.task.path}: it, or its log, changed while the batch ran; run the batch again")
    logs = KeptLogs(one.directory / LOGS, code_sum())
    with keeping_logs(logs):
        plan = optimize(
            scenario,
            workers=one.workers,
            engine=one.options.engine,
            seed=one.options.seed,
            allow_code=one.options.allow_code,
            time_limit_s=one.time_limit_s,
            cache_bytes=one.options.cache_bytes,
            draws=one.options.draws,
        )
    with timed("judging"):
        summary, made, asked, replays = plan.summary, plan.tables(), plan.asked, plan.judge.replays.done
    del plan  # what it keeps of long logs is large
    for table in tables.DATA:  # of a search that was stopped, and went on now: they go before its results do
        tables.part(one.directory / "data", table, one.task.name, one.identity.key).unlink(missing_ok=True)
    one.results.parent.mkdir(parents=True, exist_ok=True)
    with timed("writing"), reserved(one.results, overwrite=True, files=report.FILES):
        text = record.scenario_yaml(asked)
        written = report.write_results(one.results, summary, made, text, page=one.options.report)
    _put_rows(one, tables.of_results(summary, written["setups"]))
    return summary, replays


@timed("writing")
def _put_rows(one: Work, rows: Iterable[tuple[str, pa.Table]]) -> None:
    """Write the parts of the data set, if one is missing."""
    folder = one.directory / "data"
    parts = {name: tables.part(folder, name, one.task.name, one.identity.key) for name in tables.DATA}
    if all(path.is_file() for path in parts.values()):
        return
    for path in parts.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    for name, table in rows:
        with new_file(parts[name]) as made:
            report.write_table(table, made)
    for name in report.columns.SAME:
        also_at(parts[name], one.results / f"{name}.parquet")
