"""Scenario files: YAML in, a checked :class:`Scenario` out, or every problem at once with its line.

The classes here and in :mod:`.workload`, :mod:`.cluster` and :mod:`.targets` are the file's keys; their
docstrings are the JSON Schema's descriptions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, PrivateAttr, ValidationError, model_validator

from pwsim import costs, prices, workload
from pwsim.cluster import NO_COST, Cluster
from pwsim.common import (
    Document,
    Frozen,
    InputError,
    Place,
    PositiveSeconds,
    Problem,
    ScenarioError,
    Seconds,
    problems,
    read_document,
    timed,
)
from pwsim.metrics import NO_TRIM, Trim, checked_trim
from pwsim.prices import COMPRESSED, Economics
from pwsim.results import Attribution
from pwsim.scenario.changing import Changes, make_changes
from pwsim.scenario.logs import Log
from pwsim.scenario.site import Baseline, taken_over
from pwsim.scenario.workload import Workload
from pwsim.search import Frontier, Objective, Replications, Target, draw_faults, shares_of
from pwsim.search.horizon import Horizon, faults_on_draws, shares_of_years
from pwsim.search.horizon import faults as horizon_faults
from pwsim.search.sensitivity import Sensitivity
from pwsim.trace import Trace


class Metrics(Frozen):
    """What is measured: all jobs, or not those at the ends, when the machine is not yet or no longer in full swing."""

    warm_up: Seconds = 0.0
    """From the first submission on, not measured [s]."""
    cool_down: Seconds = 0.0
    """Before the last submission, not measured [s]."""

    def trim(self, trace: Trace) -> Trim:
        """Return the trim of the measurement window of a trace.

        Raises
        ------
        InputError
            If nothing is left of it.
        """
        try:
            return checked_trim(self.warm_up, self.cool_down, trace.span_s)
        except InputError as error:
            raise InputError(f"metrics: {error}") from None


class Budget(Frozen):
    """What the search may spend; without a limit it goes on until it has its proof."""

    time: PositiveSeconds | None = None
    """End the search after this time [s], with the best setup found so far; ``--time-limit`` comes before it."""
    setups: int | None = Field(default=None, ge=1)
    """Stop before more setups than this are replayed."""


class Search(Frozen):
    """How the search is done."""

    budget: Budget = Budget()
    """What it may spend."""

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, data: Any) -> Any:
        if isinstance(data, dict) and "max_setups" in data:
            raise ValueError(f"max_setups is called budget.setups now: write budget: {{setups: {data['max_setups']}}}")
        return data


VARIANTS = ("overrides", "matrix")
"""Keys that tell of other runs than that of the file as it stands."""
VariantName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]


class Scenario(Frozen):
    """A question: the cheapest of some setups that serves a workload well enough."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Name of the scenario, shown in the report."""
    workload: Workload
    """The jobs."""
    cluster: Cluster
    """Pools and policies, with the choices of the search."""
    baseline: Baseline | None = None
    """The present machine; if the log recorded waits, the report says whether a replay reproduces them."""
    site: Annotated[str, Field(min_length=1)] | None = None
    """A file with the present machine and its rules, as ``pwsim site import`` writes it, instead of the ``baseline``;
    what ``cluster`` does not say, but for its pools, is taken from there."""
    targets: tuple[Target, ...] = Field(default=(), strict=False)
    """What must be achieved."""
    minimise: Objective | None = None
    """What is to be as small as can be instead of the cost, which may then be a target."""
    frontier: Frontier | None = None
    """A target to be varied over a list of limits: what does better service cost?"""
    replications: Replications | None = None
    """What is drawn again of the workload, for targets that must hold in a share of the draws (`in_share`)."""
    sensitivity: Sensitivity | None = None
    """What may be otherwise than it says: which setup is right then, and how much load the answer bears."""
    attribution: Attribution | None = None
    """Who causes what: the cost, waits and emissions of the answer by user, account, queue or partition."""
    horizon: Horizon | None = None
    """Years to plan for: what to buy, rent and retire in which, as the load grows."""
    metrics: Metrics = Metrics()
    """Which part of the replay is measured."""
    economics: Economics = Economics()
    """How money is counted."""
    search: Search = Search()
    """How the search is done, and what it may spend."""
    overrides: dict[VariantName, dict[str, Any]] = Field(default_factory=dict)
    """Variants for ``pwsim batch``: by name, paths of keys and what stands there instead."""
    matrix: dict[str, Annotated[tuple[Any, ...], Field(min_length=1, strict=False)]] = Field(default_factory=dict)
    """Variants for ``pwsim batch``: paths of keys, and the values to try, all with all."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """Seed of everything random."""

    _path: Path = PrivateAttr(default=Path("scenario.yaml"))
    _folder: Path = PrivateAttr(default=Path())
    _said: str = PrivateAttr(default="")
    _lines: dict[Place, int] = PrivateAttr(default_factory=dict)

    @property
    def path(self) -> Path:
        """The scenario file."""
        return self._path

    @property
    def folder(self) -> Path:
        """Where the paths in it start."""
        return self._folder

    @property
    def said(self) -> str:
        """What the file says after changes, as JSON: without prices taken, or what another file says."""
        return self._said

    @timed("reading")
    def read_log(self) -> Trace:
        """Read the log as it is.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        return self.workload.read(self._folder)

    def outside_window(self, log: Trace) -> Trim:
        """Return the time outside the workload's window: the present machine runs it, but is compared on the window.

        Raises
        ------
        InputError
            If no job is submitted in the window.
        """
        window = self.workload.window
        if window is None:
            return NO_TRIM
        meant_s = log.submit_s[workload.in_window(log, window.start, window.length)]
        # A rounding error less is cut off, so that the last submission is not.
        return Trim(float(meant_s[0]), max(0.0, float(np.nextafter(log.span_s - meant_s[-1], -np.inf))))

    @timed("reading")
    def read_workload(self, seed: int | None = None, log: Trace | None = None) -> Trace:
        """Read the log and return the jobs that the scenario replays.

        Parameters
        ----------
        seed
            Seed of changes that draw lots; the scenario's by default.
        log
            The log, if it was read before.

        Raises
        ------
        InputError
            If the log cannot be read, or a change leaves no job or cannot be made: names the line and the key.
        """
        trace = self.read_log() if log is None else log
        for key, change in self.workload.steps(self._folder, self.seed if seed is None else seed):
            try:
                trace = change(trace)
            except InputError as error:
                raise self.fault(f"workload.{key}", error) from None
        return trace

    def resolved(self) -> dict[str, Any]:
        """Return the scenario as plain data, every default filled in and every price taken; its file may hold that."""
        plain: dict[str, Any] = self.model_dump(mode="json", exclude_none=True, by_alias=True)
        if self.baseline is not None and self.baseline.cores is not None:
            del plain["baseline"]["pools"]  # cores stand for them
        for key in ("site", *VARIANTS):  # what the site says was taken over; variants are other runs
            plain.pop(key, None)
        return plain

    def read_part(self, log: Trace) -> Trace:
        """Return the jobs of the log that are to be replayed, as they are: what else the workload asks for is not done.

        Raises
        ------
        InputError
            As for :meth:`read_workload`.
        """
        for key, change in self.workload.steps(self._folder, self.seed):
            if key in ("window", "remove_flurries"):
                log = change(log)
        return log

    def fault(self, key: str, error: InputError) -> InputError:
        """Return an error with the file, the line and the path of keys that it is about."""
        place: Place = tuple(int(part) if part.isdigit() else part for part in key.split("."))
        while place and place not in self._lines:  # what was filled in has no line of its own
            place = place[:-1]
        return InputError(Problem(self._lines.get(place, 0), key, str(error)).at(str(self._path)))


@timed("reading")
def load_scenario(
    path: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None, changes: Changes = ()
) -> Scenario:
    """Read and check a scenario file; the files that it names are looked for, but not read.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.
    folder
        Where the paths in it start; its own folder if left out.
    changes
        What is to be other than the file says: paths of keys, such as ``cluster.pools.onprem.nodes``, and values.

    Raises
    ------
    ScenarioError
        With every problem of the file: line, path of keys, what is wrong and what would be right.
    """
    start = Path(path).parent if folder is None else Path(folder)
    document = read_document(Path(path), list(Scenario.model_fields))
    make_changes(document, changes)
    if document.problems:
        raise ScenarioError(str(path), document.problems)
    said = json.dumps({key: one for key, one in document.data.items() if key not in VARIANTS}, sort_keys=True)
    table = _prices(document, start)
    taken_over(document)
    scenario: Scenario | None = None
    context = {"prices": table}
    try:
        scenario = Scenario.model_validate(document.data, context=context)
    except ValidationError as error:
        document.add_all(problems(error, document.data, Scenario, context))
    if scenario is not None:
        scenario._path = Path(path)
        scenario._folder = start
        scenario._said = said
        scenario._lines = document.lines
        for machine in filter(None, (scenario.cluster, scenario.baseline)):
            machine._folder = start
        document.add_all(_check(scenario))
    if document.problems or scenario is None:
        raise ScenarioError(str(path), document.problems)
    return scenario


def _prices(document: Document, folder: Path) -> pd.DataFrame | None:
    """Return the price table that a file names in ``economics.prices``, ``None`` for the shipped one.

    Raises
    ------
    ScenarioError
        If it cannot be read: without it, nothing can be said of the instances that pools name.
    """
    economics = document.data.get("economics")
    name = economics.get("prices") if isinstance(economics, dict) else None
    if not isinstance(name, str) or not name:
        return None
    try:
        return prices.with_own(prices.load_prices(folder / name))
    except InputError as error:
        document.add(("economics", "prices"), str(error))
        raise ScenarioError(document.path, document.problems) from None


def _check(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong between the parts of a scenario that are right by themselves."""
    for index in scenario.cluster.unpriced():
        yield ("cluster", "pools", index), NO_COST
    for where, machine in (("cluster", scenario.cluster), ("baseline", scenario.baseline)):
        try:
            if machine is not None:
                machine.code()
        except InputError as error:
            yield (where, "policy"), str(error)
    yield from costs.savings.faults(scenario.cluster.pools, scenario.economics.savings_plans)
    yield from _on_draws(scenario)
    if scenario.horizon is not None:
        yield from horizon_faults(scenario.horizon, scenario.cluster, scenario.targets, scenario.minimise)
        yield from faults_on_draws(scenario.horizon, scenario.cluster, scenario.targets, scenario.replications)
        if scenario.horizon.grows and scenario.workload.feedback is not None:
            yield ("workload", "feedback"), "which job follows which is not known of jobs that horizon.load_growth adds"
    if scenario.cluster.by_the_hour:
        for keys, instead in scenario.workload.losing_the_hours():
            yield ("workload", *keys), f"{COMPRESSED}; {instead}"
    logs: list[tuple[Place, Log | None]] = [
        (("workload",), scenario.workload),
        (("workload", "mix"), scenario.workload.mix),
    ]
    for place, log in logs:
        for key, message in log.faults(scenario.folder) if log is not None else ():
            yield (*place, *key), message


def _on_draws(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Yield what does not go together of targets, draws and what is asked besides."""
    besides = {**shares_of(scenario.frontier), **shares_of_years(scenario.horizon)}
    for told, message in draw_faults(scenario.targets, scenario.replications, besides):
        yield tuple(int(part) if part.isdigit() else part for part in told.split(".")), message
