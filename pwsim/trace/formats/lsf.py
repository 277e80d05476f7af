"""LSF's ``lsb.acct``: ``JOB_FINISH`` records, a line each, of fields told by their position alone.

Texts stand in double quotes (a quote in them is doubled), numbers do not; a list is its length and then its items.
Only the fields up to the array index are read: they are the same from LSF 5 on, and what follows differs by version.

- *Submission.*  The replay submits a job at ``submitTime``, or at ``beginTime`` if the user asked to start no earlier;
  ``held_s`` is the time between.
- *Run time.*  From ``startTime`` (dispatch) to the time of the record, which includes time in suspension: an LSF job
  keeps its slots until then.  Jobs that were never dispatched are dropped (``not_started``).
- *Size.*  Slots, one a processor: those of the execution hosts (``"16*host1"`` is 16 of them), else those asked for.
  Nodes, memory and GPUs that were asked for are within a text of requirements, which is not read.
- *Estimate.*  The run limit stands behind fields that differ by version and is not read: estimates are run times.

A job that was requeued has a record for each attempt.  Records of other types are left out.

References
----------
https://www.ibm.com/docs/en/spectrum-lsf/10.1.0?topic=files-lsbacct
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pwsim.common import TraceError
from pwsim.trace.formats.fields import number
from pwsim.trace.formats.files import first_line, stem
from pwsim.trace.formats.format import Format, line_records
from pwsim.trace.formats.lines import field, moment, numbered_lines, trace_of
from pwsim.trace.formats.tables import Seen
from pwsim.trace.table import WIDEST, Trace

FIELDS = {
    "eventTime": 2, "jobId": 3, "numProcessors": 6, "submitTime": 7, "beginTime": 8, "startTime": 10, "userName": 11,
    "queue": 12, "numAskedHosts": 22,
}  # fmt: skip
"""Position of the fields that are read before the first list."""

_TOKEN = re.compile(r'\s*(?:"((?:[^"]|"")*)"(?=\s|$)|([^\s"]+)(?=\s|$))')
_EVENT = re.compile(r'"([A-Z_]+)" "[\d.]+" \d')
_STATUS = {"32": "EXIT", "64": "DONE"}
_RUSAGE = 19


def recognises(start: bytes) -> bool:
    """Tell whether a log that starts like this is one of LSF."""
    return _EVENT.match(first_line(start)) is not None


def read(path: Path) -> Trace:
    """Read an accounting log.

    Raises
    ------
    TraceError
        If the file cannot be read, or a line makes no sense: names line, field and value.
    """
    seen = Seen()
    return trace_of(_jobs(path, seen), stem(path), seen)


def _jobs(path: Path, seen: Seen) -> Iterator[dict[str, Any]]:
    """Yield the jobs of a log that ended; count in ``seen`` what else there is."""
    done = 0
    for line, text in numbered_lines(path):
        if not text.startswith('"'):
            raise TraceError(f'{path}:{line}: must start with the type of a record, "JOB_FINISH" (got {text[:40]!r})')
        if not text.startswith('"JOB_FINISH"'):
            seen["others"] += 1
            continue
        yield _job(path, line, _tokens(path, line, text))
        done += 1
    if not done:
        raise TraceError(f"{path}: has no records of jobs that ended (JOB_FINISH)")


def _tokens(path: Path, line: int, text: str) -> list[str]:
    """Return the fields of a record, without quotes."""
    tokens: list[str] = []
    end = 0
    while end < len(text):
        found = _TOKEN.match(text, end)
        if found is None:
            raise TraceError(
                f"{path}:{line}: field {len(tokens) + 1}: has quotes that do not match ({text[end : end + 40]!r})"
            )
        tokens.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        end = found.end()
    return tokens


def _job(path: Path, line: int, tokens: list[str]) -> dict[str, Any]:
    """Return the job of a record."""

    def at(place: int, name: str) -> str:
        if place >= len(tokens):
            raise TraceError(
                f"{path}:{line}: field {place + 1} ({name}): is missing; the record has {len(tokens)} fields"
            )
        return tokens[place]

    def count(place: int, name: str, limit: float = WIDEST) -> int:
        text = at(place, name)
        value = field(
            path, line, f"field {place + 1} ({name})", text, lambda text: number(text, whole=True, limit=limit)
        )
        return 0 if math.isnan(value) else int(value)

    def time(name: str) -> float:
        place = FIELDS[name]
        return field(path, line, f"field {place + 1} ({name})", at(place, name), moment)

    place = FIELDS["numAskedHosts"]
    place += 1 + count(place, "numAskedHosts")
    hosts = count(place, "numExHosts")
    slots = [_slots(at(place + 1 + host, "execHosts")) for host in range(min(hosts, len(tokens)))]
    status = at(place + 1 + hosts, "jStatus")
    place += 5 + hosts + _RUSAGE  # behind jStatus, hostFactor, jobName, command and the resources used
    rest = tokens[place:]
    submit, begin = time("submitTime"), time("beginTime")
    job = count(FIELDS["jobId"], "jobId", 1e15)
    return {
        "id": f"{job}[{rest[6] if len(rest) > 6 else 0}]",
        "record": float(line),
        "job_id": float(job),
        "submit": submit,
        "eligible": max(submit, begin) if begin > 0 else math.nan,
        "start": time("startTime"),
        "end": time("eventTime"),
        "limit_s": math.nan,
        "procs": float(sum(slots) or count(FIELDS["numProcessors"], "numProcessors")),
        "recorded_status": _STATUS.get(status, status),
        "user": at(FIELDS["userName"], "userName"),
        "user_group": rest[1] if len(rest) > 1 else "",
        "queue": at(FIELDS["queue"], "queue"),
    }


def _slots(host: str) -> int:
    """Return how many slots an item of the execution hosts stands for."""
    found = re.match(r"(\d{1,9})\*", host, re.ASCII)
    return int(found[1]) if found else 1


FORMATS = (Format("lsf", "LSF's `lsb.acct`", read, recognises, line_records),)
