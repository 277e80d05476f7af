"""Rows of JSON lines and of Parquet, as text like those of delimited logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pwsim.common import TraceError
from pwsim.trace.formats.files import LONGEST_LINE, MOST_TIMES, MOST_UNPACKED, numbered, opened
from pwsim.trace.formats.rows import Rows

BATCH_ROWS = 50_000
"""Rows that are parsed at a time."""


def json_rows(path: Path, wanted: Sequence[str]) -> Iterator[Rows]:
    """Yield a file with a JSON object a line in batches.

    Raises
    ------
    TraceError
        If the file cannot be read, or a line is no object, or lacks all that is wanted.
    """
    done = 0
    with opened(path) as file:
        lines = ((number, line) for number, line in numbered(path, file.readline) if line.strip())
        while batch := _some(lines):
            records = [_record(path, number, line, wanted) for number, line in batch]
            columns = {
                name: pa.array([record[place] for record in records], pa.binary()) for place, name in enumerate(wanted)
            }
            numbers = np.arange(done + 1, done + len(batch) + 1)
            yield Rows(columns, len(batch), _numbered(path, [number for number, _ in batch]), numbers)
            done += len(batch)


def _some(lines: Iterator[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return the next lines, as many as are parsed at a time."""
    batch = []
    size = 0
    for one in lines:
        batch.append(one)
        size += len(one[1])
        if len(batch) == BATCH_ROWS or size > LONGEST_LINE:
            break
    return batch


def _numbered(path: Path, numbers: list[int]) -> Callable[[int], str]:
    return lambda row: f"{path}:{numbers[row]}"


def _record(path: Path, number: int, line: bytes, wanted: Sequence[str]) -> list[bytes]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TraceError(f"{path}:{number}: is not JSON: {str(error)[:200]}") from None
    if not isinstance(record, dict):
        raise TraceError(f"{path}:{number}: must be a JSON object, such as {{...}}")
    values = [_value(record, name) for name in wanted]
    if wanted and all(value is None for value in values):
        raise TraceError(f"{path}:{number}: has none of {', '.join(wanted)}")
    for name, value in zip(wanted, values, strict=True):
        if isinstance(value, dict | list):
            raise TraceError(f"{path}:{number}: {name}: must be a text or a number (got {str(value)[:40]})")
    return [b"" if value is None else str(value).encode("utf-8", errors="replace") for value in values]


def _value(record: Any, name: str) -> Any:
    """Return the value that a name such as ``request.cpus`` stands for; ``None`` if it is not there."""
    if name in record:
        return record[name]
    for part in name.split("."):
        if not isinstance(record, dict) or part not in record:
            return None
        record = record[part]
    return record


def json_names(path: Path) -> list[str]:
    """Return the names of the values of the first object, those within objects as ``request.cpus``.

    Raises
    ------
    TraceError
        If the file cannot be read, or its first line is no object.
    """
    with opened(path) as file:
        for number, line in numbered(path, file.readline):
            if line.strip():
                _record(path, number, line, ())
                return list(_flat(json.loads(line)))
    return []


def _flat(record: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def parquet_names(path: Path) -> list[str]:
    """Return the names of a Parquet file's columns.

    Raises
    ------
    TraceError
        If it cannot be read.
    """
    return list(parquet(path).schema_arrow.names)


def parquet_rows(path: Path, wanted: Sequence[str]) -> Iterator[Rows]:
    """Yield a Parquet file in batches.

    Raises
    ------
    TraceError
        If it cannot be read, or a column holds something else than numbers, times and texts.
    """
    done = 0
    try:
        for batch in parquet(path).iter_batches(BATCH_ROWS, columns=list(wanted)):
            if not len(batch):
                continue
            columns = {name: _text(path, name, batch.column(name)) for name in wanted}
            yield Rows(columns, len(batch), _counted(path, done), np.arange(done + 1, done + len(batch) + 1))
            done += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise TraceError(f"{path}: the Parquet file is broken ({str(error).splitlines()[0][:200]})") from None


def _length(microseconds: int | None) -> bytes:
    """Return a length of time as ``mm:ss``, a negative one as -1, an unknown one as nothing."""
    if microseconds is None:
        return b""
    minutes, rest = divmod(microseconds, 60_000_000)
    return b"-1" if microseconds < 0 else f"{minutes}:{rest // 1_000_000}.{rest % 1_000_000:06d}".encode()


def _counted(path: Path, before: int) -> Callable[[int], str]:
    return lambda row: f"{path}: row {before + row + 1}"


def parquet(path: Path) -> Any:
    """Open a Parquet file.

    Raises
    ------
    TraceError
        If it cannot be read, or unpacks to far more than its size.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise TraceError(f"{path}: cannot be read: {error.strerror}") from None
        raise TraceError(f"{path}: is not a Parquet file, or is broken ({str(error).splitlines()[0][:200]})") from None
    values = file.metadata.num_rows * max(file.metadata.num_columns, 1)
    if values > max(MOST_UNPACKED, MOST_TIMES * path.stat().st_size) // 8:
        raise TraceError(f"{path}: unpacks to more than {MOST_TIMES} times its size, as no log does")
    return file


def _text(path: Path, name: str, column: Any) -> Any:
    """Return a column as text; a length of time in a form that has its unit."""
    if pa.types.is_duration(column.type):
        lengths = column.cast(pa.duration("us"), safe=False).cast(pa.int64()).to_pylist()
        return pa.array([_length(one) for one in lengths], pa.binary())
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    try:
        return pc.fill_null(column.cast(pa.string()), "").cast(pa.binary())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise TraceError(f"{path}: column {name}: must hold numbers, times or texts (it holds {column.type})") from None
