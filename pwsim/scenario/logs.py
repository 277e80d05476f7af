"""Which log a scenario names, and what it says to the reader of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from pwsim.common import Frozen, InputError, Place, TraceError
from pwsim.scenario.kept_logs import file_sum, read_kept
from pwsim.trace import (
    FORMATS,
    WIDEST,
    Clock,
    Trace,
    datasets,
    detect_format,
    most_records,
    read_trace,
    wrong_options,
)
from pwsim.trace.formats import mapping, table
from pwsim.workload import in_cores


class Dataset(Frozen):
    """A named log."""

    dataset: str
    """Name of the log: kth-sp2, nasa-ipsc, cea-curie, alibaba-gpu-2023, or the shipped sample."""


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


class Log(Frozen):
    """A log of jobs."""

    trace: Dataset | Annotated[str, Field(min_length=1)]
    """A file, relative to the scenario file, or ``{dataset: NAME}``."""
    format: Annotated[str, WithJsonSchema({"type": "string", "enum": list(FORMATS)})] | None = None
    """Format of the file; if left out, its content tells, or else its name."""
    columns: Columns | None = None
    """For csv, parquet and jsonl: which column holds what, such as ``{submit_s: submit_time}``.  For sacct without a
    header line: the names of the columns in order, or a file that holds them."""
    time_zone: Annotated[str, Field(min_length=1)] | None = None
    """Zone of local times in the file, such as Europe/Paris; UTC if left out."""
    cores_per_proc: int = Field(default=1, ge=1, le=WIDEST)
    """Cores of what the log calls a processor, where that is a node: sizes are in cores from then on, so that
    ``where``, targets and the ``baseline`` are about cores."""

    def path(self, folder: Path) -> Path:
        """Return the log's file; a data set is fetched if need be.

        Raises
        ------
        InputError
            If there is no such data set, or it cannot be had.
        """
        return datasets.fetch(self.trace.dataset) if isinstance(self.trace, Dataset) else folder / self.trace

    def read(self, folder: Path) -> Trace:
        """Read the log, its sizes in cores.

        Raises
        ------
        InputError
            If it cannot be had or read.
        """
        path, options = self.path(folder), self._options(folder)
        columns = options.get("columns")
        said = {**options, "columns": file_sum(columns)} if isinstance(columns, Path) else options
        how = {**said, "format": self.format, "cores_per_proc": self.cores_per_proc}
        return read_kept(path, how, lambda: in_cores(read_trace(path, self.format, **options), self.cores_per_proc))

    def most_records(self, folder: Path) -> int:
        """Return how many records the log can hold; it is not read.

        Raises
        ------
        InputError
            If it cannot be had.
        """
        return most_records(self.path(folder))

    def faults(self, folder: Path) -> Iterator[tuple[Place, str]]:
        """Yield key and message of what is wrong; the file is looked for, its content is left to the reader."""
        if isinstance(self.trace, Dataset):
            try:
                datasets.known(self.trace.dataset)
            except InputError as error:
                yield ("trace", "dataset"), str(error)
        elif self.path(folder).is_dir():
            yield ("trace",), f"there is no file {str(self.path(folder))!r}: it is a directory; name the log in it"
        elif not self.path(folder).is_file():
            yield ("trace",), f"there is no file {str(self.path(folder))!r}; paths start at the scenario file"
        else:
            yield from self._wrong_options(folder)

    def _options(self, folder: Path) -> dict[str, Any]:
        columns = folder / self.columns if isinstance(self.columns, str) else self.columns
        given = {"columns": columns, "time_zone": self.time_zone}
        return {option: value for option, value in given.items() if value is not None}

    def _wrong_options(self, folder: Path) -> Iterator[tuple[Place, str]]:
        try:
            format_ = self.format or detect_format(self.path(folder))
        except TraceError as error:
            yield ("trace",), str(error)
            return
        options = self._options(folder)
        for option, message in wrong_options(format_, options):
            yield (option,), message
        columns = options.get("columns")
        if isinstance(columns, Path) and not columns.is_file():
            yield ("columns",), f"there is no file {str(columns)!r}; name a file, or list the names"
        if format_ in table.KINDS and columns is None:
            try:
                yield ("columns",), table.how_to_map(self.path(folder), format_)
            except TraceError as error:
                yield ("trace",), str(error)
        elif format_ in table.KINDS:
            for place, message in mapping.wrong_columns(columns):
                yield ("columns", *place), message
        if self.time_zone is not None:
            try:
                Clock(self.time_zone)
            except ValueError as error:
                yield ("time_zone",), str(error)
