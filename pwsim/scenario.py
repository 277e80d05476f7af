"""Scenario files: YAML in, a checked :class:`Scenario` out, or every problem at once with its line.

The classes here and in :mod:`pwsim.changes`, :mod:`pwsim.cluster` and :mod:`pwsim.targets` are the file's keys; their
docstrings are the JSON Schema's descriptions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field, PrivateAttr, ValidationError

from pwsim import prices
from pwsim.changes import Workload
from pwsim.cluster import Cluster
from pwsim.document import Document, Place, read_document
from pwsim.errors import InputError, Problem, ScenarioError
from pwsim.explain import explain, faults
from pwsim.metrics import Trim, checked_trim
from pwsim.money import Economics
from pwsim.sources import Log
from pwsim.targets import Target
from pwsim.trace import Trace
from pwsim.units import Frozen, Seconds


class Metrics(Frozen):
    """What is measured: all jobs, or not those at the ends, when the machine is not yet or no longer in full swing."""

    warm_up: Seconds = 0.0
    """From the first submission on, not measured [s]."""
    cool_down: Seconds = 0.0
    """Before the last submission, not measured [s]."""

    def trim(self, trace: Trace) -> Trim:
        """Return what is cut off the measurement window of a trace.

        Raises
        ------
        InputError
            If nothing is left of it.
        """
        try:
            return checked_trim(self.warm_up, self.cool_down, trace.span_s)
        except InputError as error:
            raise InputError(f"metrics: {error}") from None


class Search(Frozen):
    """How long the search may take."""

    max_setups: int | None = Field(default=None, ge=1)
    """Stop before more setups than this are replayed; without it the search goes on until it has its proof."""


class Scenario(Frozen):
    """A question: the cheapest of some setups that serves a workload well enough."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Name of the scenario, shown in the report."""
    workload: Workload
    """The jobs."""
    cluster: Cluster
    """Pools and policies, with the choices of the search."""
    targets: tuple[Target, ...] = Field(default=(), strict=False)
    """What must be achieved."""
    metrics: Metrics = Metrics()
    """Which part of the replay is measured."""
    economics: Economics = Economics()
    """How money is counted."""
    search: Search = Search()
    """How long the search may take."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """Seed of everything random."""

    _path: Path = PrivateAttr(default=Path("scenario.yaml"))
    _lines: dict[Place, int] = PrivateAttr(default_factory=dict)

    @property
    def path(self) -> Path:
        """The scenario file."""
        return self._path

    @property
    def trace_path(self) -> Path:
        """The log's file; a data set is fetched if need be.

        Raises
        ------
        InputError
            If there is no such data set, or it cannot be had.
        """
        return self.workload.path(self._path.parent)

    def read_workload(self, seed: int | None = None) -> Trace:
        """Read the log and return the jobs that the scenario replays.

        Parameters
        ----------
        seed
            Seed of changes that draw lots; the scenario's by default.

        Raises
        ------
        InputError
            If the log cannot be read, or a change leaves no job or cannot be made: names the line and the key.
        """
        trace = self.workload.read(self._path.parent)
        for key, change in self.workload.steps(self._path.parent, self.seed if seed is None else seed):
            try:
                trace = change(trace)
            except InputError as error:
                place = ("workload", *key.split(".")[:1])
                raise InputError(
                    Problem(self._lines.get(place, 0), f"workload.{key}", str(error)).at(str(self._path))
                ) from None
        return trace


def load_scenario(path: str | os.PathLike[str]) -> Scenario:
    """Read and check a scenario file; the files that it names are looked for, but not read.

    Raises
    ------
    ScenarioError
        With every problem of the file: line, path of keys, what is wrong and what would be right.
    """
    document = read_document(Path(path), list(Scenario.model_fields))
    table = _prices(document)
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(document.data, context={"prices": table})
    except ValidationError as error:
        for fault in faults(error):
            document.add(*explain(fault, document.data, Scenario))
    if scenario is not None:
        scenario._path = Path(path)
        scenario._lines = document.lines
        scenario.cluster._folder = Path(path).parent
        for place, message in _check(scenario):
            document.add(place, message)
    if document.problems or scenario is None:
        raise ScenarioError(str(path), document.problems)
    return scenario


def _prices(document: Document) -> pd.DataFrame | None:
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
        return prices.with_own(prices.load_prices(Path(document.path).parent / name))
    except InputError as error:
        document.add(("economics", "prices"), str(error))
        raise ScenarioError(document.path, document.problems) from None


def _check(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong between the parts of a scenario that are right by themselves."""
    for index, pool in enumerate(scenario.cluster.pools):
        if pool.kind == "on_premises" and pool.cost is None:
            yield ("cluster", "pools", index), "cost is missing: without it the search cannot tell what is cheapest"
    try:
        scenario.cluster.code()
    except InputError as error:
        yield ("cluster", "policy"), str(error)
    logs: list[tuple[Place, Log | None]] = [
        (("workload",), scenario.workload),
        (("workload", "mix"), scenario.workload.mix),
    ]
    for place, log in logs:
        for key, message in log.faults(scenario.path.parent) if log is not None else ():
            yield (*place, *key), message
