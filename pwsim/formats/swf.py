"""The Standard Workload Format, in which the Parallel Workloads Archive keeps its logs.

Header lines start with ``;``; then there is one line a job, of 18 numbers: job number, submit time, wait time, run
time, allocated processors, CPU time used, memory used, requested processors, requested time, requested memory (KB a
processor), status, user, group, executable, queue, partition, preceding job, think time.  -1 is "unknown"; times are
seconds.

Faults of the logs that this reader lives with: ``MaxJobs`` of the header counts the uncleaned log; cleaned logs start
long after ``UnixStartTime``; requested processors or times may be unknown for all jobs; cancelled jobs have no
processors; jobs run longer than they asked for; header values are garbage or go on over several lines.

References
----------
S. J. Chapin et al.: Benchmarks and standards for the evaluation of parallel job schedulers. JSSPP 1999,
doi:10.1007/3-540-47954-6_4.  D. G. Feitelson, D. Tsafrir, D. Krakov: Experience with using the Parallel Workloads
Archive. J. Parallel Distrib. Comput. 74(10), 2014, doi:10.1016/j.jpdc.2014.06.013.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.errors import TraceError
from pwsim.trace import LONGEST_S, WIDEST, Trace

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

_JOB, _SUBMIT, _WAIT, _RUN, _ALLOCATED, _REQUESTED, _TIME, _MEMORY, _STATUS = 0, 1, 2, 3, 4, 7, 8, 9, 10
_USER, _GROUP, _QUEUE, _PARTITION = 11, 12, 14, 15

_WHOLE = (_JOB, _ALLOCATED, _REQUESTED, _STATUS, _USER, _GROUP, _QUEUE, _PARTITION)
_LIMITS = {_SUBMIT: LONGEST_S, _WAIT: LONGEST_S, _RUN: LONGEST_S, _TIME: LONGEST_S}
_LIMITS |= {_ALLOCATED: WIDEST, _REQUESTED: WIDEST}
_HEADER_LINE = re.compile(r";\s*([A-Za-z][\w /()-]*?)\s*:\s*(.*)")


def read(path: Path) -> Trace:
    """Read a log in SWF, plain or gzipped (semantics §1).

    Raises
    ------
    TraceError
        If the file cannot be read, or a line makes no sense: names file, line, field, value and what would be right.
    """
    content = _content(path)
    start = _first_record(content)
    header = _header(content[:start])
    fields = _fields(content, start, path)
    allocated, requested = fields[_ALLOCATED], fields[_REQUESTED]
    procs = np.where(requested > 0, requested, allocated)
    columns = {
        "job_id": fields[_JOB],
        "submit_s": fields[_SUBMIT],
        "run_s": fields[_RUN],
        "procs": procs,
        "estimate_s": fields[_TIME],
        "memory_mib": np.ceil(np.maximum(fields[_MEMORY], 0) * np.maximum(procs, 0) / 1024),
        "recorded_wait_s": np.where(fields[_WAIT] >= 0, fields[_WAIT], np.nan),
        "recorded_status": _category(fields[_STATUS]),
        "user": _category(fields[_USER]),
        "group": _category(fields[_GROUP]),
        "queue": _category(fields[_QUEUE]),
        "partition": _category(fields[_PARTITION]),
    }
    return Trace.from_columns(columns, name=_name(path), header=header)


def write(trace: Trace, path: Path) -> None:
    """Write a trace in SWF, gzipped if the name ends in ``.gz``: the same bytes for the same trace.

    Fractions of seconds are kept; users, groups, queues and partitions become numbers in order of their names.

    Raises
    ------
    TraceError
        If the file cannot be written.
    """
    unknown = np.full(len(trace), -1, dtype=np.int64)
    wait_s = np.where(np.isnan(trace.recorded_wait_s), -1.0, trace.recorded_wait_s)
    memory = np.where(trace.memory_mib > 0, trace.memory_mib * 1024 // trace.procs, -1)
    codes = {name: _codes(trace.table[name]) for name in ("recorded_status", "user", "group", "queue", "partition")}
    columns = [
        trace.job_id, trace.submit_s, wait_s, trace.run_s, trace.procs, unknown, unknown, trace.procs,
        trace.estimate_s, memory, codes["recorded_status"], codes["user"], codes["group"], unknown, codes["queue"],
        codes["partition"], unknown, unknown,
    ]  # fmt: skip
    lines = [f"; {label}: {value}".rstrip() for label, value in _header_from(trace).items()]
    lines += [" ".join(row) for row in zip(*(_texts(column) for column in columns), strict=True)]
    content = ("\n".join(lines) + "\n").encode()
    if path.suffix == ".gz":
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
            file.write(content)
        content = packed.getvalue()
    try:
        path.write_bytes(content)
    except OSError as error:
        raise TraceError(f"{path}: cannot be written: {error.strerror}") from None


def _name(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".swf")


def _content(path: Path) -> bytes:
    """Return the text of a file, unpacked if it is gzipped, whatever it is called."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror}") from None
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise TraceError(f"{path}: the gzip file is broken or cut off ({error}); fetch it again") from None
    if b"\0" in content[:65536]:
        raise TraceError(f"{path}: is not a text; an SWF log is lines of 18 numbers, plain or gzipped")
    return content


def _first_record(content: bytes) -> int:
    """Return where the header (lines that start with ``;``, and empty ones) ends."""
    found = re.search(rb"^[ \t\r]*[^;\s]", content, re.MULTILINE)
    return found.start() if found else len(content)


def _header(content: bytes) -> dict[str, str]:
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


def _header_from(trace: Trace) -> dict[str, str]:
    """Return the header of a trace whose clock starts at its first submission."""
    header = dict(trace.header)
    start = header.get("UnixStartTime", "").strip()
    if re.fullmatch(r"\d{1,15}", start):
        header["UnixStartTime"] = str(int(start) + round(trace.first_submit_s))
    return header


def _fields(content: bytes, start: int, path: Path) -> list[npt.NDArray[Any]]:
    """Return the 18 fields as arrays; a broken line is looked for only if there is one."""
    if not content[start:].strip():
        raise TraceError(f"{path}: has no job lines")
    records = content[start:]
    # Pandas is twice as fast where it may take single spaces for granted; if they are not everywhere, it starts anew.
    single = b"  " not in records[:100_000] and b"\t" not in records[:100_000]
    fields = (_parsed(records, " ") if single else None) or _parsed(records, r"\s+")
    if fields is None:
        raise _broken_line(content, path)
    for index, values in enumerate(fields):
        good = np.abs(values) <= _LIMITS.get(index, 1e15)  # false for NaN
        if index in _WHOLE and values.dtype.kind == "f":
            good &= values == np.floor(values)
        if not good.all():
            raise _broken_line(content, path)
    return fields


def _parsed(records: bytes, separator: str) -> list[npt.NDArray[Any]] | None:
    """Return the 18 fields as arrays, or ``None`` if some line is not 18 numbers with these separators."""
    try:
        table = pd.read_csv(
            io.BytesIO(records),
            sep=separator,
            header=None,
            comment=";" if b";" in records else None,
            low_memory=False,
            encoding="utf-8",
            encoding_errors="replace",
        )
    except (ValueError, OverflowError):  # lines of different lengths
        return None
    if table.shape[1] != len(FIELDS) or any(table[field].dtype.kind not in "iuf" for field in table):
        return None
    fields = [table[field].to_numpy() for field in range(len(FIELDS))]
    return None if any(np.isnan(values).any() for values in fields if values.dtype.kind == "f") else fields


def _broken_line(content: bytes, path: Path) -> TraceError:
    """Find the first line that is wrong, and say how."""
    for number, line in enumerate(content.decode("utf-8", errors="replace").split("\n"), start=1):
        texts = line.split(";", 1)[0].split()
        if texts and (fault := _fault(texts)):
            return TraceError(f"{path}:{number}: {fault}")
    return TraceError(f"{path}: cannot be read as SWF: lines of 18 numbers, fields separated by spaces")


def _fault(texts: list[str]) -> str:
    """Return what is wrong with a line; empty if nothing is."""
    for index, text in enumerate(texts[: len(FIELDS)]):
        where = f"field {index + 1} ({FIELDS[index]})"
        shown = text if len(text) <= 40 else text[:37] + "..."
        try:
            value = float(text)
        except ValueError:
            return f"{where}: {shown!r} is not a number; -1 stands for unknown"
        limit = _LIMITS.get(index, 1e15)
        if not abs(value) <= limit:
            return f"{where}: must be a number of at most {limit:g} (got {shown})"
        if index in _WHOLE and value != np.floor(value):
            return f"{where}: must be a whole number (got {shown})"
    if len(texts) != len(FIELDS):
        return f"has {len(texts)} fields; a job line of SWF has {len(FIELDS)} numbers"
    return ""


def _category(values: npt.NDArray[Any]) -> pd.Categorical[str]:
    """Return numbers as names; -1 (unknown) is the empty name."""
    codes, numbers = pd.factorize(values.astype(np.int64), sort=True)
    names = ["" if number == -1 else str(number) for number in numbers]
    return pd.Categorical.from_codes(codes, categories=pd.Index(names))


def _codes(names: pd.Categorical) -> npt.NDArray[np.int64]:
    """Return names as numbers: what they say if all are numbers, else their place in the alphabet from 1."""
    known = [name for name in names.categories if name]
    numeric = all(re.fullmatch(r"-?\d{1,15}", name) for name in known)
    numbers = {name: int(name) if numeric else place for place, name in enumerate(sorted(known), start=1)}
    by_code = np.array([numbers.get(name, -1) for name in names.categories], dtype=np.int64)
    return np.where(names.codes >= 0, by_code[names.codes], -1) if len(by_code) else np.full(len(names), -1)


def _texts(values: npt.NDArray[Any]) -> list[str]:
    """Return numbers as texts, whole ones without a point."""
    if values.dtype.kind == "f":
        return [str(int(value)) if value.is_integer() else repr(value) for value in values.tolist()]
    return list(map(str, values.tolist()))
