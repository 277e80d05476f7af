"""Header and job lines of an SWF log: labels with values, then 18 numbers a line, parsed at once and checked.

Some sites put fields of their own behind the 18.  If all lines have the same number of them, they are left alone; a
line that is longer than others is taken for a broken one.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.common import TraceError, numeral
from pwsim.trace.formats.fields import decimal
from pwsim.trace.table import LONGEST_S, WIDEST

_HEADER_LINE = re.compile(r";\s*([A-Za-z][\w /()-]*?)\s*:\s*(.*)")

FIELDS = (
    "job number",
    "submit time",
    "wait time",
    "run time",
    "allocated processors",
    "CPU time used",
    "memory used",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user",
    "group",
    "executable",
    "queue",
    "partition",
    "preceding job",
    "think time",
)
"""Names of the fields, in order; in messages they are numbered from 1."""

JOB, SUBMIT, WAIT, RUN, ALLOCATED, REQUESTED, TIME, MEMORY, STATUS = 0, 1, 2, 3, 4, 7, 8, 9, 10
USER, GROUP, QUEUE, PARTITION, PRECEDING = 11, 12, 14, 15, 16

_WHOLE = (JOB, ALLOCATED, REQUESTED, STATUS, USER, GROUP, QUEUE, PARTITION, PRECEDING)
_LIMITS = {SUBMIT: LONGEST_S, WAIT: LONGEST_S, RUN: LONGEST_S, TIME: LONGEST_S}
_LIMITS |= {ALLOCATED: WIDEST, REQUESTED: WIDEST}


def first_record(content: bytes) -> int:
    """Return where the header (lines that start with ``;``, and empty ones) ends."""
    found = re.search(rb"^[ \t\r]*[^;\s]", content, re.MULTILINE)
    return found.start() if found else len(content)


def header_values(content: bytes) -> dict[str, str]:
    """Return the header's values by label; lines without a label go on with the one before."""
    header: dict[str, str] = {}
    label = ""
    for line in content.decode("utf-8", errors="replace").splitlines():
        if match := _HEADER_LINE.match(line.strip()):
            label, value = match[1], match[2].strip()
            header[label] = f"{header[label]} {value}" if label in header else value
        elif label and (more := line.strip(" \t;")):
            header[label] = f"{header[label]} {more}".strip()
    return header


def job_fields(records: bytes, path: Path, line: int, more: int) -> tuple[list[npt.NDArray[Any]], int]:
    """Return the 18 fields of some job lines, each of shape (jobs,), and how many more fields each line has.

    A broken line is looked for only if there is one.

    Parameters
    ----------
    records
        Whole lines of the log.
    path
        Its file, for messages.
    line
        Number of the first of these lines.
    more
        How many more fields the lines before have; -1 if these are the first.

    Raises
    ------
    TraceError
        If a line is not 18 numbers that make sense: names line, field, value and what would be right.
    """
    # Pandas is twice as fast where it may take single spaces for granted; if they are not everywhere, it starts anew.
    single = b"  " not in records[:100_000] and b"\t" not in records[:100_000]
    parsed = (_parsed(records, " ") if single else None) or _parsed(records, r"\s+")
    if parsed is None or (more >= 0 and parsed[1] != more):
        raise _broken_line(records, path, line, more)
    fields, _ = parsed
    for index, values in enumerate(fields):
        good = np.abs(values) <= _LIMITS.get(index, 1e15)  # false for NaN
        if index in _WHOLE and values.dtype.kind == "f":
            good &= values == np.floor(values)
        if not good.all():
            raise _broken_line(records, path, line, more)
    return parsed


def _parsed(records: bytes, separator: str) -> tuple[list[npt.NDArray[Any]], int] | None:
    """Return the 18 fields as arrays, and how many more there are in every line.

    ``None`` if some line is not 18 numbers with these separators, or has more fields than another.
    """
    try:
        table = pd.read_csv(
            io.BytesIO(records),
            sep=separator,
            header=None,
            comment=";" if b";" in records else None,
            low_memory=False,
            keep_default_na=False,
            quoting=csv.QUOTE_NONE,
            encoding="utf-8",
            encoding_errors="replace",
        )
    except (ValueError, OverflowError) as error:  # lines of different lengths
        if "out of memory" in str(error):
            raise MemoryError from None
        return None
    more = table.shape[1] - len(FIELDS)
    if more < 0 or any(table[field].dtype.kind not in "iuf" for field in range(len(FIELDS))):
        return None
    if any((table[field].isna() | (table[field] == "")).any() for field in range(len(FIELDS), table.shape[1])):
        return None
    fields = [table[field].to_numpy() for field in range(len(FIELDS))]
    return None if any(np.isnan(values).any() for values in fields if values.dtype.kind == "f") else (fields, more)


def _broken_line(records: bytes, path: Path, first: int, more: int) -> TraceError:
    """Find the first line that is wrong, and say how."""
    lines = [line.split(";", 1)[0].split() for line in records.decode("utf-8", errors="replace").split("\n")]
    lengths = {len(texts) for texts in lines if texts}
    length = max(lengths.pop(), len(FIELDS)) if len(lengths) == 1 else len(FIELDS)
    length = len(FIELDS) + more if more >= 0 else length
    for number, texts in enumerate(lines, start=first):
        if texts and (fault := _fault(texts, length)):
            return TraceError(f"{path}:{number}: {fault}")
    return TraceError(f"{path}: cannot be read as SWF: lines of 18 numbers, fields separated by spaces")


def _fault(texts: list[str], length: int) -> str:
    """Say which fault a line has that is to have this number of fields; empty if it has none."""
    for index, text in enumerate(texts[: len(FIELDS)]):
        where = f"field {index + 1} ({FIELDS[index]})"
        shown = text if len(text) <= 40 else text[:37] + "..."
        try:
            value = decimal(text)
        except ValueError:
            return f"{where}: {shown!r} is not a number; -1 stands for unknown"
        limit = _LIMITS.get(index, 1e15)
        if not abs(value) <= limit:
            return f"{where}: must be a number of at most {numeral(limit)} (got {shown})"
        if index in _WHOLE and value != np.floor(value):
            return f"{where}: must be a whole number (got {shown})"
    if len(texts) != length and length > len(FIELDS):
        return f"has {len(texts)} fields; the lines before have {length}"
    if len(texts) != length:
        more = ", or all lines have the same number more" if len(texts) > length else ""
        return f"has {len(texts)} fields; a job line of SWF has {len(FIELDS)} numbers{more}"
    return ""
