"""Logs whose records are lines with a grammar of their own, read line by line."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pwsim.common import TraceError
from pwsim.trace.formats.fields import number
from pwsim.trace.formats.files import numbered, opened
from pwsim.trace.formats.tables import Growing, Seen, drop_duplicates, moments, notes
from pwsim.trace.reasons import DROP_REASONS
from pwsim.trace.table import LONGEST_S, Trace

BATCH_RECORDS = 20_000
"""Records that are made columns of at a time."""
NEEDED = ("id", "submit", "eligible", "start", "end", "limit_s", "procs", "record")
"""What every record has."""


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their number from 1."""
    with opened(path) as file:
        for count, line in numbered(path, file.readline):
            if text := line.decode("utf-8", errors="replace").strip("\ufeff\r\n \t\0"):
                yield count, text


def field(path: Path, line: int, name: str, text: str, parse: Callable[[str], float]) -> float:
    """Return a field as a number.

    Raises
    ------
    TraceError
        If ``parse`` raises ``ValueError``: names file, line, field, value and what would be right.
    """
    try:
        return parse(text)
    except ValueError as error:
        shown = text if len(text) <= 40 else text[:37] + "..."
        raise TraceError(f"{path}:{line}: {name}: {error} (got {shown!r})") from None


def moment(text: str) -> float:
    """Return seconds since 1970; NaN where the text is empty or 0, which stands for "never".

    Raises
    ------
    ValueError
        If the text is no such number.
    """
    value = number(text, limit=LONGEST_S)
    return value if value > 0 else float("nan")


def _column(values: list[Any]) -> Any:
    return pd.Categorical(values) if isinstance(values[0], str) else np.array(values, dtype=np.float64)


def trace_of(records: Iterator[dict[str, Any]], name: str, seen: Seen) -> Trace:
    """Return the trace of records of jobs that ended.

    Parameters
    ----------
    records
        Each with ``id`` (text), ``record`` (number of its line), ``submit``, ``eligible``, ``start``, ``end``,
        ``limit_s`` [s, NaN where unknown], and other columns of a trace.  They are taken some at a time: as columns
        they need a tenth of the memory.
    name
        Name of the trace.
    seen
        What else was counted: records that were dropped by reason, and other events (see :data:`tables.NOTES`); its
        events may be counted while the records are taken.
    """
    jobs = Growing()
    while some := list(itertools.islice(records, BATCH_RECORDS)):
        jobs.add({column: _column([record[column] for record in some]) for column in some[0]})
    table = jobs.table() or {column: np.array([]) for column in NEEDED}
    texts = {column for column, values in table.items() if isinstance(values, pd.Categorical)}
    start, end = table.pop("start"), table.pop("end")
    when = moments(table.pop("submit"), table.pop("eligible"), start)
    table |= {
        "submit_s": np.nan_to_num(when.submit_s, nan=-1),
        "run_s": np.nan_to_num(end - start, nan=-1),
        "estimate_s": np.nan_to_num(table.pop("limit_s"), nan=-1),
        "recorded_wait_s": when.recorded_wait_s,
        "held_s": when.held_s,
        "unusable": when.unusable,
    }
    kept = ~np.isnan(start)
    seen.add("not_started", table["record"][~kept])
    table = drop_duplicates({key: column[kept] for key, column in table.items()}, ("id",), seen)
    numbers = table.pop("record")
    seen.add("held", numbers[table["held_s"] > 0])
    seen.add("unusable", numbers[table.pop("unusable")])
    del table["id"]
    dropped = {reason: seen[reason] for reason in DROP_REASONS if reason in seen}
    named = {column: pd.Categorical(np.asarray(table[column])) for column in texts - {"id"}}
    return Trace.from_columns(
        {**table, **named},
        name=name,
        notes=tuple(notes(seen)),
        dropped=dropped,
        first_dropped={reason: seen.first[reason] for reason, lost in dropped.items() if lost},
        records=numbers,
    )
