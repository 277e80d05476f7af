"""Tables whose columns a mapping names: CSV (any usual separator), Parquet, JSON lines.

The mapping says for columns of a trace, and for ``eligible_s``, ``start_s`` and ``end_s``, where the table holds them::

    columns: {submit_s: submitted, start_s: started, end_s: {column: ended_ms, unit: ms}, procs: cores, gpus: 0}

A name is a column of the table, a number a value for all jobs, and ``unit`` that of a column's plain numbers where it
is not the one of the name on the left.  -1 stands for what is not known, as in SWF.  Times are ISO 8601, with or
without an offset, or numbers; durations are numbers or ``[d-]hh:mm:ss``.  Needed are ``submit_s``, ``procs``, and
``run_s`` or ``start_s`` and ``end_s``.  Where ``start_s`` is mapped, rows without a start are dropped as not started,
and rows that then lack an end as still running.  Nested values of JSON have names such as ``request.cpus``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pwsim.common import TraceError
from pwsim.trace.dependencies import NO_ARRAY
from pwsim.trace.formats.clock import Clock
from pwsim.trace.formats.delimited import header_names, read_rows
from pwsim.trace.formats.fields import decimal, duration_s, memory_mib
from pwsim.trace.formats.files import first_line, peek, stem
from pwsim.trace.formats.format import Format
from pwsim.trace.formats.mapping import (
    DURATIONS,
    KNOWN,
    NAMES,
    NUMBERS,
    SIZES,
    TIMES,
    example_of,
    factor,
    parse_mapping,
    source_column,
    wrong_columns,
)
from pwsim.trace.formats.rows import Rows
from pwsim.trace.formats.structured import json_names, json_rows, parquet_names, parquet_rows
from pwsim.trace.formats.tables import Growing, Seen, moments, notes
from pwsim.trace.table import Floats, Trace

LEAST_COLUMNS = 3
"""A line with fewer names is no header of a log: submission, run time and size are needed."""
UNKNOWN = r"^\s*-1(\.0*)?\s*$"
NEGATIVE = r"^\s*-\s*[\d.]+\s*$"
"""Numbers that stand for nothing; jobs whose submission or run time is negative are dropped (semantics §1)."""


def read(path: Path, columns: Any = None, time_zone: str = "UTC", *, kind: str = "table") -> Trace:
    """Read a table.

    Parameters
    ----------
    path
        The table; text may be packed.
    columns
        The mapping, or what stands for it on a command line: ``submit_s=submitted,run_s=minutes:min,procs=4``.
    time_zone
        Zone of times without an offset.
    kind
        One of :data:`KINDS`; ``table`` is whichever of the others the content tells.

    Raises
    ------
    TraceError
        If the file cannot be read, the mapping is wrong, or a field makes no sense: names line, field and value.
    """
    if columns is None:
        raise TraceError(f"{path}: {how_to_map(path, kind)}")
    columns = parse_mapping(columns)
    for place, message in wrong_columns(columns):
        raise TraceError(f"{path}: {'.'.join(('columns', *place))}: {message}")
    clock = Clock.of(path, time_zone)
    sources = {name: source_column(source) for name, source in columns.items()}
    wanted = sorted({source for source in sources.values() if isinstance(source, str)})
    seen = Seen()
    factors = {name: factor(name, source) for name, source in columns.items()}
    jobs = Growing()
    for rows in _rows(path, kind, wanted):
        jobs.add(_jobs(rows, sources, factors, clock, seen))
    table = jobs.table()
    if not table:
        raise TraceError(f"{path}: has no rows")
    dropped = {reason: seen[reason] for reason in ("not_started", "still_running") if seen[reason]}
    numbers = table.pop("record")
    return Trace.from_columns(
        table,
        name=stem(path),
        notes=(*notes(seen), *clock.notes()),
        dropped=dropped,
        first_dropped={reason: seen.first[reason] for reason in dropped},
        records=numbers,
    )


def kind_of(start: bytes) -> str:
    """Return ``csv`` or ``jsonl`` if a text that starts like this is a table with names of columns, else nothing."""
    line = first_line(start)
    if line.startswith("{"):
        return "jsonl"
    names = [name.strip().strip('"') for name in line.split(_delimiter(line))]
    named = all(re.fullmatch(r"[^\W\d][\w .:/()%-]*", name) for name in names)
    return "csv" if len(names) >= LEAST_COLUMNS and named and len(set(names)) == len(names) else ""


def how_to_map(path: Path, kind: str = "table") -> str:
    """Say how to name the columns of a table: which it has, which pwsim knows, and an example.

    Raises
    ------
    TraceError
        If the table cannot be read.
    """
    kind, line = _kind(path, kind)
    if kind == "jsonl":
        names = json_names(path)
    else:
        names = parquet_names(path) if kind == "parquet" else header_names(path, _delimiter(line))
    return (
        "say which column holds what, with --columns or `columns:` in a scenario. "
        f"The table has the columns {', '.join(names)[:1000] or '(none)'}. "
        f"pwsim knows {', '.join(KNOWN)}; it needs submit_s, procs, and run_s or start_s and end_s. "
        f'By their names it may be --columns "{example_of(names)}"; where the unit of plain numbers is not '
        "that of the name on the left, add it: run_s=minutes:min, memory_mib=mem:GiB."
    )


def _delimiter(line: str) -> str:
    return max(",;\t|", key=line.count)


def _kind(path: Path, kind: str) -> tuple[str, str]:
    """Return which kind of table it is, and the first line of a text."""
    start = peek(path)
    line = first_line(start)
    if kind == "table":
        kind = "parquet" if start.startswith(b"PAR1") else "jsonl" if line.startswith("{") else "csv"
    return kind, line


def _rows(path: Path, kind: str, wanted: list[str]) -> Iterator[Rows]:
    kind, line = _kind(path, kind)
    if kind == "jsonl":
        yield from json_rows(path, wanted)
        return
    delimiter = _delimiter(line)
    names = parquet_names(path) if kind == "parquet" else header_names(path, delimiter)
    for name in wanted:
        if name not in names:
            raise TraceError(f"{path}:1: has no column {name!r}; it has {', '.join(names)[:500] or 'none'}")
        if names.count(name) > 1:
            raise TraceError(f"{path}:1: has {names.count(name)} columns {name!r}")
    if kind == "parquet":
        yield from parquet_rows(path, wanted)
        return
    names = [name if names.count(name) == 1 and name else f"{name}#{place}" for place, name in enumerate(names)]
    yield from read_rows(path, delimiter, names, wanted, header=True)


def _jobs(
    rows: Rows, sources: Mapping[str, Any], factors: Mapping[str, float], clock: Clock, seen: Seen
) -> dict[str, Any]:
    """Return the jobs of some rows as columns of a trace; count in ``seen`` what else there is."""
    known = rows.emptied(
        {
            source: NEGATIVE if name in ("submit_s", "run_s") else UNKNOWN
            for name, source in sources.items()
            if isinstance(source, str) and name not in NAMES
        }
    )

    def of(name: str) -> Floats:
        source = sources.get(name, math.nan)
        if not isinstance(source, str):
            return np.full(len(rows), float(source))
        if name in TIMES:
            return known.times(source, clock, unit_s=factors[name])
        if name in SIZES:
            _, unit_mib = SIZES[name]
            return known.parsed(source, lambda text: _size_mib(text, factors[name] * unit_mib)) / unit_mib
        if name in DURATIONS:
            return known.parsed(source, lambda text: duration_s(text, factors[name]))
        return known.numbers(source, whole=name != "gpus", limit=NUMBERS[name])

    start = of("start_s")
    when = moments(of("submit_s"), of("eligible_s"), start)
    run_s = of("run_s")
    run_s = np.where(np.isnan(run_s), of("end_s") - start, run_s)
    waiting = np.isnan(start) & ("start_s" in sources)
    running = np.isnan(run_s) & ~waiting & ("start_s" in sources)
    kept = ~(waiting | running)
    for event, rows_of_it in (
        ("not_started", waiting),
        ("still_running", running),
        ("held", kept & (when.held_s > 0)),
        ("unusable", kept & when.unusable),
        ("wait", kept & (start < when.submit_s)),
    ):
        seen.add(event, rows.records[rows_of_it])
    table: dict[str, Any] = {
        "record": rows.records,
        "submit_s": np.nan_to_num(when.submit_s, nan=-1),
        "run_s": np.nan_to_num(run_s, nan=-1),
        "estimate_s": np.nan_to_num(of("estimate_s"), nan=-1),
        "recorded_wait_s": of("recorded_wait_s") if "recorded_wait_s" in sources else when.recorded_wait_s,
        "held_s": of("held_s") if "held_s" in sources else when.held_s,
        "memory_mib": np.ceil(np.nan_to_num(of("memory_mib"))),
        "data_gib": np.nan_to_num(of("data_gib")),
        **{name: np.nan_to_num(of(name)) for name in ("procs", "nodes", "gpus")},
    }
    if "job_array" in sources:
        table["job_array"] = np.nan_to_num(of("job_array"), nan=NO_ARRAY)
        table["array_limit"] = np.nan_to_num(of("array_limit"))
    if "job_id" in sources:
        table["job_id"] = np.nan_to_num(of("job_id"))
    for name in NAMES:
        if isinstance(sources.get(name), str):
            table[name] = rows.names(sources[name])
    return {name: values[kept] for name, values in table.items()}


def _size_mib(text: str, unit_mib: float) -> float:
    """Return a size in MiB, NaN for an empty text; ``unit_mib`` is the unit of a plain number."""
    if text == "":
        return math.nan
    try:
        value = decimal(text) * unit_mib
    except ValueError:
        return memory_mib(text)
    if not 0 <= value < 2.0**53:
        raise ValueError("must be a size of memory from 0 to less than 2^53 MiB")
    return value


FORMATS = (
    Format("csv", "any table with delimiters, with a mapping of its columns (see below)", partial(read, kind="csv")),
    Format("parquet", "any table in Parquet, likewise", partial(read, kind="parquet")),
    Format("jsonl", "any table in lines of JSON, likewise", partial(read, kind="jsonl")),
    Format("table", "`csv`, `parquet` or `jsonl`, whichever the content tells", partial(read, kind="table")),
)
KINDS = tuple(one.name for one in FORMATS)
"""Names of the formats that need a mapping."""
