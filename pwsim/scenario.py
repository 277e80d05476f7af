"""Scenario files: YAML in, a checked :class:`Scenario` out, or every problem at once with its line.

The classes here and in :mod:`pwsim.cluster` and :mod:`pwsim.targets` are the file's keys; their docstrings are the
JSON Schema's descriptions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field, PrivateAttr, ValidationError

from pwsim import datasets, prices, workload
from pwsim.cluster import Cluster
from pwsim.document import Document, Place, read_document
from pwsim.errors import InputError, ScenarioError, TraceError
from pwsim.explain import explain
from pwsim.formats import read_trace
from pwsim.money import Economics
from pwsim.targets import Target
from pwsim.trace import Trace
from pwsim.units import Frozen, PositiveSeconds, Seconds


class Dataset(Frozen):
    """A named log."""

    dataset: str
    """Name of the log: kth-sp2, nasa-ipsc, cea-curie, or the shipped sample."""


class Window(Frozen):
    """A part of the log."""

    start: Seconds = 0.0
    """Start, from the first submission of the log [s]."""
    length: PositiveSeconds | None = None
    """Length [s]; to the end of the log if left out."""


class Workload(Frozen):
    """The jobs."""

    trace: Dataset | Annotated[str, Field(min_length=1)]
    """A file, relative to the scenario file, or ``{dataset: NAME}``."""
    format: str | None = None
    """Format of the file; from its name if left out."""
    window: Window | None = None
    """The part of the log that is replayed; all of it if left out."""
    load: float = Field(default=1.0, gt=0, le=1000, allow_inf_nan=False)
    """Arrivals are compressed so that the offered load is this many times the log's."""
    data_gib: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)
    """Data that a job brings along and takes home, for jobs whose data the log does not tell [GiB]."""


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
    economics: Economics = Economics()
    """How money is counted."""
    search: Search = Search()
    """How long the search may take."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """Seed of everything random."""

    _path: Path = PrivateAttr(default=Path("scenario.yaml"))

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
        if isinstance(self.workload.trace, Dataset):
            path: Path = datasets.fetch(self.workload.trace.dataset)
            return path
        return self._path.parent / self.workload.trace

    def read_workload(self) -> Trace:
        """Read the log and return the jobs that the scenario replays.

        Raises
        ------
        InputError
            If the log cannot be read, or has no job in the window.
        """
        trace = read_trace(self.trace_path, self.workload.format)
        if self.workload.window is not None:
            try:
                trace = workload.window(trace, self.workload.window.start, self.workload.window.length)
            except TraceError as error:
                raise InputError(f"{self._path}: workload.window: {error}") from None
        if self.workload.data_gib:
            trace = workload.with_data(trace, self.workload.data_gib)
        return trace if self.workload.load == 1 else workload.compress(trace, self.workload.load)


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
        for fault in error.errors(include_url=False):
            document.add(*explain(fault, document.data, Scenario))
    if scenario is not None:
        scenario._path = Path(path)
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
    trace = scenario.workload.trace
    if isinstance(trace, Dataset):
        try:
            datasets.known(trace.dataset)
        except InputError as error:
            yield ("workload", "trace", "dataset"), str(error)
    elif not scenario.trace_path.is_file():
        yield ("workload", "trace"), f"there is no file {str(scenario.trace_path)!r}; paths start at the scenario file"
