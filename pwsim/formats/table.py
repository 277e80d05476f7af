"""Tables whose columns a mapping names: CSV (any usual separator), Parquet, JSON lines.

The mapping says for columns of a trace, and for ``eligible_s``, ``start_s`` and ``end_s``, where the table holds them::

    columns: {submit_s: submitted, start_s: started, end_s: {column: ended_ms, unit: ms}, procs: cores, gpus: 0}

A name is a column of the table, a number a value for all jobs, and ``unit`` that of a column's numbers where it is not
the one of the name on the left.  Times are ISO 8601, with or without an offset, or numbers; durations are numbers or
``[d-]hh:mm:ss``.  Needed are ``submit_s``, ``procs``, and ``run_s`` or ``start_s`` and ``end_s``.  Where ``start_s`` is
mapped, rows without a start are dropped as not started, and rows that then lack an end as still running.  Nested
values of JSON have names such as ``request.cpus``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pwsim.errors import TraceError
from pwsim.formats.clock import Clock
from pwsim.formats.delimited import header_names, read_rows
from pwsim.formats.fields import duration_s, memory_mib
from pwsim.formats.files import first_line, peek, stem
from pwsim.formats.mapping import DURATIONS, NAMES, NUMBERS, TIMES, factor, parse_mapping, wrong_columns
from pwsim.formats.rows import Rows
from pwsim.formats.structured import json_rows, parquet_names, parquet_rows
from pwsim.formats.tables import Growing, Seen, moments, notes
from pwsim.trace import LONGEST_S, Floats, Trace

KINDS = ("csv", "parquet", "jsonl", "table")
"""Names of the formats; ``table`` is whichever of them the content tells."""


def read(path: Path, columns: Any = None, time_zone: str = "UTC", *, kind: str = "table") -> Trace:
    """Read a table.

    Parameters
    ----------
    path
        The table; text may be packed.
    columns
        The mapping, or what stands for it on a command line: ``submit_s=submitted,run_s=elapsed,procs=4``.
    time_zone
        Zone of times without an offset.
    kind
        One of :data:`KINDS`.

    Raises
    ------
    TraceError
        If the file cannot be read, the mapping is wrong, or a field makes no sense: names line, field and value.
    """
    columns = parse_mapping(columns)
    for place, message in wrong_columns(columns):
        raise TraceError(f"{path}: {'.'.join(('columns', *place))}: {message}")
    clock = Clock.of(path, time_zone)
    sources = {name: source["column"] if isinstance(source, Mapping) else source for name, source in columns.items()}
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


def _rows(path: Path, kind: str, wanted: list[str]) -> Iterator[Rows]:
    start = peek(path)
    if kind == "table":
        kind = "parquet" if start.startswith(b"PAR1") else "jsonl" if first_line(start).startswith("{") else "csv"
    if kind == "jsonl":
        yield from json_rows(path, wanted)
        return
    line = first_line(start)
    delimiter = max(",;\t|", key=line.count)
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

    def of(name: str) -> Floats:
        source = sources.get(name, math.nan)
        if not isinstance(source, str):
            return np.full(len(rows), float(source))
        if name in TIMES:
            return rows.times(source, clock, unit_s=factors[name])
        if name == "memory_mib":
            return rows.parsed(source, lambda text: math.nan if text == "" else memory_mib(text, "m")) * factors[name]
        if name in DURATIONS:
            return np.minimum(rows.parsed(source, duration_s) * factors[name], LONGEST_S)
        return rows.numbers(source, whole=name != "gpus", limit=NUMBERS[name])

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
        "memory_mib": np.ceil(np.minimum(np.nan_to_num(of("memory_mib")), 2.0**52)),
        **{name: np.nan_to_num(of(name)) for name in ("procs", "nodes", "gpus")},
    }
    if "job_id" in sources:
        table["job_id"] = np.nan_to_num(of("job_id"))
    for name in NAMES:
        if isinstance(sources.get(name), str):
            table[name] = rows.names(sources[name])
    return {name: values[kept] for name, values in table.items()}
