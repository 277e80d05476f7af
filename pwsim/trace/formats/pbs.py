"""Accounting logs of PBS Professional, OpenPBS and Torque: ``date;type;job;key=value key=value ...``, a record a line.

Records of type ``E`` (ended) are jobs, and so are those of type ``R`` (rerun) that say when they started and ended:
each attempt is a job of its own.  ``A`` (aborted by the server) are dropped and counted, and so are ``D`` (deleted) of
jobs that have no ``E``.  All other types tell of the same jobs before they end and are left out.

- *Submission.*  The replay submits a job at ``etime``, when it could first start; ``held_s`` is the time from ``ctime``
  until then.
- *Run time.*  ``end - start``: the time during which the job held its processors.  ``resources_used.walltime`` is not
  used, since sites scale it.
- *Size.*  Processors are the most of ``exec_host`` (``host/0+host/1``, ``host/0-7``, ``host/0*8``),
  ``total_execution_slots``, and ``Resource_List``: ``nodes=N:ppn=M``, ``select=N:ncpus=M``, ``ncpus``, ``procs``.
  Memory is ``mem``, else ``pmem`` a processor; GPUs are ``ngpus``, else those of ``nodes`` or ``select``.
- *Estimate.*  ``Resource_List.walltime``.

Faults of the data: a space is missing behind a time (``etime=1317509574start=...``); records occur twice; a job ends
before it starts (dropped); a request is misspelt (``nodes=1pn=4``), where ``exec_host`` still tells.

References
----------
Altair PBS Professional Administrator's Guide, "Accounting"; Adaptive Computing: Torque, "Accounting records".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pwsim.common import TraceError
from pwsim.trace.formats.fields import duration_s, memory_mib, number
from pwsim.trace.formats.files import first_line, stem
from pwsim.trace.formats.format import Format, line_records
from pwsim.trace.formats.lines import field, moment, numbered_lines, trace_of
from pwsim.trace.formats.tables import Seen
from pwsim.trace.table import WIDEST, Trace

_RECORD = re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d;([A-Za-z]);([^;]*);(.*)", re.ASCII)
_GLUED = re.compile(r"(\b(?:ctime|qtime|etime|start|end)=\d+)(?=[A-Za-z_]+[\w.]*=)")
_ID = re.compile(r"(\d{1,15})(?:\[\d*\])?(?:\..*)?", re.ASCII)


def recognises(start: bytes) -> bool:
    """Tell whether a log that starts like this is one of PBS."""
    return _RECORD.match(first_line(start)) is not None


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
    ended: set[str] = set()
    deleted: dict[str, int] = {}
    for line, text in numbered_lines(path):
        found = _RECORD.fullmatch(text)
        if found is None:
            raise TraceError(f"{path}:{line}: must be date;type;job;key=value ... (got {text[:40]!r})")
        kind, job, message = found.groups()
        message, glued = _GLUED.subn(r"\1 ", message)
        keys = dict(part.split("=", 1) for part in message.split() if "=" in part)
        if kind == "E" or (kind == "R" and {"start", "end"} <= set(keys)):
            seen["glued"] += glued
            ended.add(job)
            yield _job(path, line, job, keys)
        elif kind == "D":
            deleted.setdefault(job, line)
        else:
            seen.add("aborted" if kind == "A" else "others", np.array([line]))
    seen.add("aborted", np.array([line for job, line in deleted.items() if job not in ended], dtype=np.int64))
    if not ended and not seen["aborted"]:
        raise TraceError(f"{path}: has no records of jobs that ended (type E)")


def _job(path: Path, line: int, job: str, keys: dict[str, str]) -> dict[str, Any]:
    """Return the job of a record."""
    found = _ID.fullmatch(job)
    if found is None:
        raise TraceError(f"{path}:{line}: job: must be a job id such as 123.server or 123[4].server (got {job[:40]!r})")

    def of(key: str, parse: Any) -> float:
        return field(path, line, key, keys.get(key, ""), parse)

    def count(key: str) -> float:
        value = of(key, lambda text: number(text, whole=True, limit=WIDEST))
        return 0.0 if math.isnan(value) else value

    wanted = "Resource_List."
    nodes, cores, gpus = _chunks(keys.get(wanted + "select", ""), "ncpus", "ngpus")
    if not nodes:
        nodes, cores, gpus = _chunks(keys.get(wanted + "nodes", ""), "ppn", "gpus")
    slots = [count("total_execution_slots"), count(wanted + "ncpus"), count(wanted + "procs")]
    procs = max(_slots(keys.get("exec_host", "")), cores, *slots)
    memory = of(wanted + "mem", _memory_mib)
    each = of(wanted + "pmem", _memory_mib)
    return {
        "id": job,
        "record": float(line),
        "job_id": float(found[1]),
        "submit": of("ctime", moment),
        "eligible": of("etime", moment),
        "start": of("start", moment),
        "end": of("end", moment),
        "limit_s": of(wanted + "walltime", duration_s),
        "procs": procs,
        "nodes": count(wanted + "nodect") or nodes,
        "memory_mib": np.ceil(np.nan_to_num(each * procs if math.isnan(memory) else memory)).item(),
        "gpus": count(wanted + "ngpus") or gpus,
        "recorded_status": keys.get("Exit_status", ""),
        "user": keys.get("user", ""),
        "user_group": keys.get("group", ""),
        "queue": keys.get("queue", ""),
    }


def _memory_mib(text: str) -> float:
    return memory_mib(text) if text else math.nan


def _slots(hosts: str) -> float:
    """Return how many processors ``exec_host`` lists."""
    total = 0
    for part in filter(None, hosts.split("+")):
        _, _, where = part.partition("/")
        if times := re.fullmatch(r"[\d-]*\*(\d{1,9})", where, re.ASCII):
            total += int(times[1])
            continue
        for ends in where.split(","):
            span = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", ends, re.ASCII)
            total += max(int(span[2] or span[1]) - int(span[1]) + 1, 1) if span else 1
    return float(min(total, WIDEST))


def _chunks(request: str, cores: str, gpus: str) -> tuple[float, float, float]:
    """Return nodes, processors and GPUs of ``2:ppn=4:gpus=1+host7:ppn=8``, given what the latter two are called."""
    total = np.zeros(3)
    for part in filter(None, request.split("+")):
        first, *others = part.split(":")
        if "=" in first:
            first, others = "1", [first, *others]
        each = dict(other.split("=", 1) for other in others if "=" in other)
        numbers = [
            int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else default
            for text, default in ((first, 1), (each.get(cores, "1"), 1), (each.get(gpus, "0"), 0))
        ]
        total += [numbers[0], numbers[0] * numbers[1], numbers[0] * numbers[2]]
    nodes, procs, count = np.minimum(total, WIDEST).tolist()
    return nodes, procs, count


FORMATS = (Format("pbs", "accounting logs of PBS Professional, OpenPBS and Torque", read, recognises, line_records),)
