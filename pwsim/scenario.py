"""Scenario files: YAML in, a checked :class:`Scenario` out, or every problem at once with its line.

The classes here and in :mod:`pwsim.cluster` and :mod:`pwsim.targets` are the file's keys; their docstrings are the
JSON Schema's descriptions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError, WithJsonSchema

from pwsim import datasets, workload
from pwsim.cluster import Cluster, Frozen
from pwsim.document import Place, read_document
from pwsim.errors import InputError, ScenarioError, TraceError
from pwsim.explain import explain
from pwsim.formats import detect_format, mapping, read_trace, table, wrong_options
from pwsim.formats.clock import Clock
from pwsim.targets import Target
from pwsim.trace import Trace
from pwsim.units import PositiveSeconds, Seconds


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


def _parse_columns(value: object) -> object:
    """Return columns if they are a file, names, or a mapping; what a mapping says is for the reader to judge."""
    names = isinstance(value, list) and bool(value) and all(isinstance(name, str) for name in value)
    if not (names or (isinstance(value, str | dict) and value)):
        raise ValueError(
            "must be a file with the names of the columns, a list of them, or a mapping such as {submit_s: submit_time}"
        )
    return value


Columns = Annotated[
    Any,
    BeforeValidator(_parse_columns),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {
                    "type": "object",
                    "propertyNames": {"enum": list(mapping.KNOWN)},
                    "additionalProperties": {
                        "anyOf": [
                            {"type": ["string", "number"]},
                            {
                                "type": "object",
                                "properties": {"column": {"type": "string"}, "unit": {"type": "string"}},
                                "required": ["column"],
                                "additionalProperties": False,
                            },
                        ]
                    },
                },
            ]
        }
    ),
]


class Workload(Frozen):
    """The jobs."""

    trace: Dataset | Annotated[str, Field(min_length=1)]
    """A file, relative to the scenario file, or ``{dataset: NAME}``."""
    format: str | None = None
    """Format of the file; if left out, its content tells, or else its name."""
    columns: Columns | None = None
    """For csv, parquet and jsonl: which column holds what, such as ``{submit_s: submit_time}``.  For sacct without a
    header line: the names of the columns in order, or a file that holds them."""
    time_zone: Annotated[str, Field(min_length=1)] | None = None
    """Zone of local times in the file, such as Europe/Paris; UTC if left out."""
    window: Window | None = None
    """The part of the log that is replayed; all of it if left out."""
    load: float = Field(default=1.0, gt=0, le=1000, allow_inf_nan=False)
    """Arrivals are compressed so that the offered load is this many times the log's."""


class Economics(Frozen):
    """How money is counted."""

    currency: Literal["USD"] = "USD"
    """Currency of every figure of money."""
    discount_rate: float = Field(default=0.05, ge=0, le=1, allow_inf_nan=False)
    """Interest a year, such as 0.05, for the annuity of what is bought (semantics §8)."""


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

    @property
    def reader_options(self) -> dict[str, Any]:
        """What the scenario says to the reader of its log."""
        options: dict[str, Any] = {}
        columns = self.workload.columns
        if isinstance(columns, str):
            options["columns"] = self._path.parent / columns
        elif columns is not None:
            options["columns"] = columns
        if self.workload.time_zone is not None:
            options["time_zone"] = self.workload.time_zone
        return options

    def read_workload(self) -> Trace:
        """Read the log and return the jobs that the scenario replays.

        Raises
        ------
        InputError
            If the log cannot be read, or has no job in the window.
        """
        trace = read_trace(self.trace_path, self.workload.format, **self.reader_options)
        if self.workload.window is not None:
            try:
                trace = workload.window(trace, self.workload.window.start, self.workload.window.length)
            except TraceError as error:
                raise InputError(f"{self._path}: workload.window: {error}") from None
        return trace if self.workload.load == 1 else workload.compress(trace, self.workload.load)


def load_scenario(path: str | os.PathLike[str]) -> Scenario:
    """Read and check a scenario file; the files that it names are looked for, but not read.

    Raises
    ------
    ScenarioError
        With every problem of the file: line, path of keys, what is wrong and what would be right.
    """
    document = read_document(Path(path), list(Scenario.model_fields))
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(document.data)
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
    else:
        yield from _check_format(scenario)


def _check_format(scenario: Scenario) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong with the format of the log; its content is left to the reader."""
    try:
        format_ = scenario.workload.format or detect_format(scenario.trace_path)
    except TraceError as error:
        yield ("workload", "trace"), str(error)
        return
    options = scenario.reader_options
    for option, message in wrong_options(format_, options):
        yield ("workload", option), message
    if isinstance(options.get("columns"), Path) and not options["columns"].is_file():
        yield ("workload", "columns"), f"there is no file {str(options['columns'])!r}; name a file, or list the names"
    if format_ in table.KINDS:
        for place, message in mapping.wrong_columns(options.get("columns")):
            yield ("workload", "columns", *place), message
    if "time_zone" in options:
        try:
            Clock(options["time_zone"])
        except ValueError as error:
            yield ("workload", "time_zone"), str(error)
