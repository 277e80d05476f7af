"""The Standard Workload Format, in which the Parallel Workloads Archive keeps its logs.

Header lines start with ``;``; then there is one line a job, of 18 numbers: job number, submit time, wait time, run
time, allocated processors, CPU time used, memory used, requested processors, requested time, requested memory (KB a
processor), status, user, group, executable, queue, partition, preceding job, think time.  -1 is "unknown"; times are
seconds.  Of the last two, the preceding job is the one that a job had to wait for (semantics §9); the think time, after
which its user submitted it, is left out: a replay submits jobs at their submit times.

Faults of the logs that this reader lives with: ``MaxJobs`` of the header counts the uncleaned log; cleaned logs start
long after ``UnixStartTime``; requested processors or times may be unknown for all jobs; cancelled jobs have no
processors; jobs run longer than they asked for; header values are garbage or go on over several lines; lines have
fields of the site behind the 18, which are counted in the notes and not read.

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
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.common import TraceError, new_file
from pwsim.trace.dependencies import numbers_of_names
from pwsim.trace.formats.files import blocks, first_line, stem
from pwsim.trace.formats.format import Format, text_records
from pwsim.trace.formats.swf_fields import (
    ALLOCATED,
    FIELDS,
    GROUP,
    JOB,
    MEMORY,
    PARTITION,
    PRECEDING,
    QUEUE,
    REQUESTED,
    RUN,
    STATUS,
    SUBMIT,
    TIME,
    USER,
    WAIT,
    first_record,
    header_values,
    job_fields,
)
from pwsim.trace.formats.tables import Growing
from pwsim.trace.table import Trace

LONGEST_HEADER = 1 << 23
"""Bytes of a header; a longer one is refused."""
_READ = (JOB, SUBMIT, WAIT, RUN, ALLOCATED, REQUESTED, TIME, MEMORY, STATUS, USER, GROUP, QUEUE, PARTITION, PRECEDING)
"""Places of the fields that are read."""
WRITTEN = "PwsimJobs"
"""Label of the header line in which pwsim says how many jobs it wrote; ``MaxJobs`` counts what a log once was."""
COMPRESSED = "PwsimCompressed"
"""Label of the header line in which pwsim says that arrivals were made denser, so that hours and dates are lost."""


def read(path: Path) -> Trace:
    """Read a log in SWF (semantics §1).

    Raises
    ------
    TraceError
        If the file cannot be read, or a line makes no sense: names file, line, field, value and what would be right.
    """
    header, fields, more = _parsed(path)
    written = header.pop(WRITTEN, str(len(fields[JOB])))
    if written != str(len(fields[JOB])):
        raise TraceError(
            f"{path}: has {len(fields[JOB])} job lines, but its header says that pwsim wrote {written}: it ends early, "
            f"or was changed; make it again, or delete the line '; {WRITTEN}' if it is as you want it"
        )
    compressed = header.pop(COMPRESSED, None) is not None
    allocated, requested = fields[ALLOCATED], fields[REQUESTED]
    procs = np.where(requested > 0, requested, allocated)
    columns = {
        "job_id": fields[JOB],
        "submit_s": fields[SUBMIT],
        "run_s": fields[RUN],
        "procs": procs,
        "estimate_s": fields[TIME],
        "memory_mib": np.ceil(np.maximum(fields[MEMORY], 0) * np.maximum(procs, 0) / 1024),
        "recorded_wait_s": np.where(fields[WAIT] >= 0, fields[WAIT], np.nan),
        "recorded_status": _category(fields[STATUS]),
        "user": _category(fields[USER]),
        "user_group": _category(fields[GROUP]),
        "queue": _category(fields[QUEUE]),
        "partition": _category(fields[PARTITION]),
        "after": _category(np.where(fields[PRECEDING] > 0, fields[PRECEDING], -1)),
    }
    said = f"each job line has {more} field{'s' * (more > 1)} beyond the {len(FIELDS)} of SWF, not read"
    made = Trace.from_columns(columns, name=stem(path), header=header, notes=(said,) if more else ())
    return replace(made, compressed=True) if compressed else made


def recognises(start: bytes) -> bool:
    """Tell whether a log that starts like this is in SWF: a header with ``;``, or 18 numbers or more."""
    line = first_line(start)
    texts = line.split()
    numbers = len(texts) >= len(FIELDS) and not re.search(r"[^-+.\deE\s]", " ".join(texts[: len(FIELDS)]))
    return line.startswith(";") or numbers


def write(trace: Trace, path: Path) -> None:
    """Write a trace in SWF, gzipped if the name ends in ``.gz``: the same bytes for the same trace.

    Fractions of seconds are kept; users, groups, queues and partitions become numbers in order of their names.  Of the
    jobs that a job waited for, SWF has room for one: the last that is named.  It has none for arrays.

    Raises
    ------
    InputError, MachineError
        If the file cannot be written.
    """
    unknown = np.full(len(trace), -1, dtype=np.int64)
    wait_s = np.where(np.isnan(trace.recorded_wait_s), -1.0, trace.recorded_wait_s)
    memory = np.where(trace.memory_mib > 0, trace.memory_mib * 1024 // trace.procs, -1)
    codes = {
        name: _codes(trace.table[name]) for name in ("recorded_status", "user", "user_group", "queue", "partition")
    }
    columns = [
        trace.job_id, trace.submit_s, wait_s, trace.run_s, trace.procs, unknown, unknown, trace.procs,
        trace.estimate_s, memory, codes["recorded_status"], codes["user"], codes["user_group"], unknown, codes["queue"],
        codes["partition"], _preceding(trace), unknown,
    ]  # fmt: skip
    header = {**_header_from(trace), WRITTEN: str(len(trace)), **({COMPRESSED: "yes"} if trace.compressed else {})}
    lines = [f"; {label}: {value}".rstrip() for label, value in header.items()]
    lines += [" ".join(row) for row in zip(*(_texts(column) for column in columns), strict=True)]
    content = ("\n".join(lines) + "\n").encode()
    if path.suffix == ".gz":
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
            file.write(content)
        content = packed.getvalue()
    with new_file(path) as beside:
        beside.write_bytes(content)


def _parsed(path: Path) -> tuple[dict[str, str], dict[int, npt.NDArray[Any]], int]:
    """Return the header, the fields that are read, and how many more fields than 18 every line has."""
    above, jobs = b"", Growing()
    more = -1
    for number, content in blocks(path):
        line, records = number, content
        if more < 0:
            _refuse_zeros(path, number, content)
            start = first_record(content)
            above += content[:start]
            if len(above) > LONGEST_HEADER:
                raise TraceError(f"{path}: has a header of more than {LONGEST_HEADER >> 20} MiB, as no log has")
            line, records = number + content.count(b"\n", 0, start), content[start:]
        if first_record(records) < len(records):  # not comments alone
            fields, more = job_fields(records, path, line, more)
            jobs.add({str(index): fields[index].astype(np.float64) for index in _READ})
    if more < 0:
        raise TraceError(f"{path}: has no job lines")
    return header_values(above), {int(index): values for index, values in jobs.table().items()}, more


def _refuse_zeros(path: Path, number: int, content: bytes) -> None:
    if (at := content[:65536].find(b"\0")) >= 0:
        line = number + content.count(b"\n", 0, at)
        raise TraceError(f"{path}:{line}: holds a zero byte; an SWF log is lines of 18 numbers, plain or packed")


def _header_from(trace: Trace) -> dict[str, str]:
    """Return the header of a trace whose clock starts at its first submission."""
    header = dict(trace.header)
    start = header.get("UnixStartTime", "").strip()
    if re.fullmatch(r"\d{1,15}", start):
        header["UnixStartTime"] = str(int(start) + round(trace.first_submit_s))
    return header


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


def _preceding(trace: Trace) -> npt.NDArray[np.int64]:
    """Return the last of the jobs that each job waited for; -1 where there is none."""
    last = [numbers[-1] if numbers else -1 for numbers in numbers_of_names(trace)]
    numbers: npt.NDArray[np.int64] = np.array([*last, -1], dtype=np.int64)[trace.after.codes]
    return numbers


def _texts(values: npt.NDArray[Any]) -> list[str]:
    """Return numbers as texts, whole ones without a point."""
    if values.dtype.kind == "f":
        return [str(int(value)) if value.is_integer() else repr(value) for value in values.tolist()]
    return list(map(str, values.tolist()))


FORMATS = (
    Format(
        "swf",
        "Standard Workload Format; fields behind its 18 are counted, not read",
        read,
        recognises,
        text_records,
    ),
)
