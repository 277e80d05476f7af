"""What Slurm's ``sacct --parsable2`` prints: fields separated by ``|``, with a header line or without.

``pwsim trace sacct-command`` prints the command to run.  Columns may stand in any order, and others are ignored;
needed are JobID or JobIDRaw, Submit or Eligible, Start, and Elapsed or End.  What is read of them:

- *Submission.*  The replay submits a job when it could first have started (Eligible: dependencies, begin times and
  holds are the user's, not the scheduler's); ``held_s`` is the time from Submit until then, and ``recorded_wait_s``
  counts from there to Start.  Without Eligible, Submit stands for it.
- *Size.*  Processors are those allocated (AllocCPUS or NCPUS, else AllocTRES), else those asked for; nodes those asked
  for (ReqTRES), else NNodes; memory and GPUs come from AllocTRES, else ReqTRES.  Without them ReqMem counts: a node's
  (``n``), a processor's (``c``), or the job's.
- *Estimate.*  Timelimit; where it is ``UNLIMITED`` or ``Partition_Limit``, the run time.
- *Queue.*  Slurm's queues are its partitions.
- *Waiting for others.*  Arrays from job ids, their limits and dependencies from SubmitLine (see :mod:`.slurm_waits`).

Rows of steps (``123.batch``) are no jobs.  Rows of jobs that had not started (NodeList ``None assigned`` tells so
too), still run, or are in a state that Slurm does not document are dropped and counted.  A range of array tasks
(``123_[1-3]``) stands for as many jobs.  A job id that comes again with other times is a requeued job: each attempt is
a job of its own; the same row again is dropped.  Before Slurm 17.11 ReqMem could show the flag of per-processor
memory as part of the number (2147486648M is 3000M a processor).

References
----------
https://slurm.schedmd.com/sacct.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pwsim.common import TraceError
from pwsim.trace.formats import slurm_fields as slurm
from pwsim.trace.formats import slurm_ids, slurm_waits
from pwsim.trace.formats.clock import Clock
from pwsim.trace.formats.delimited import header_names, read_rows
from pwsim.trace.formats.fields import duration_s, name_list
from pwsim.trace.formats.files import first_line, peek, stem
from pwsim.trace.formats.format import Format, Record, delimited_records
from pwsim.trace.formats.rows import Rows
from pwsim.trace.formats.tables import Growing, Seen, drop_duplicates, moments, notes
from pwsim.trace.table import Trace

COLUMNS = (
    "jobid", "jobidraw", "user", "account", "partition", "submit", "eligible", "start", "end", "elapsed", "state",
    "nnodes", "ncpus", "alloccpus", "reqcpus", "reqmem", "reqtres", "alloctres", "timelimit", "nodelist", "qos",
)  # fmt: skip
"""The columns that are read, in lower case."""

XDMOD = (
    "jobid", "jobidraw", "cluster", "partition", "qos", "account", "group", "gid", "user", "uid", "submit", "eligible",
    "start", "end", "elapsed", "exitcode", "state", "nnodes", "ncpus", "reqcpus", "reqmem", "reqtres", "alloctres",
    "timelimit", "nodelist", "jobname",
)  # fmt: skip
"""The columns of the dumps for XDMoD (https://github.com/ubccr/xdmod) reads, without a header: format ``xdmod``."""

LEAST_TIMES = 2
"""Times by which a row without a header is taken for one of ``sacct``: a submission and a start."""
_ID = re.compile(r"\d+([._+]\S+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_LIKE = {
    "jobid": _ID,
    "jobidraw": _ID,
    **dict.fromkeys(("submit", "eligible", "start", "end"), re.compile(f"{_TIME.pattern}|Unknown|None|")),
    "elapsed": re.compile(r"(\d+-)?(\d+:)?\d+:\d\d"),
    "state": re.compile(r"[A-Z_]+( by \d+)?"),
    **dict.fromkeys(("nnodes", "ncpus"), re.compile(r"\d+")),
}
"""What the columns of a dump without a header look like."""

COMMAND = (
    "TZ=UTC sacct --allusers --duplicates --allocations --parsable2 --starttime 2024-01-01 --endtime 2025-01-01 "
    "--format JobID,JobIDRaw,User,Account,Partition,Submit,Eligible,Start,End,Elapsed,State,NNodes,NCPUS,ReqCPUS,"
    "ReqMem,ReqTRES,AllocTRES,Timelimit,NodeList,QOS > jobs.psv"
)
"""What a site runs to get a log that holds all that is read, with times in UTC."""


def recognises(start: bytes) -> bool:
    """Tell whether a log that starts like this has the header of ``sacct``, or rows like its own."""
    fields = [field.strip() for field in first_line(start).split("|")]
    times = sum(_TIME.fullmatch(field) is not None for field in fields)
    rows = times >= LEAST_TIMES and _ID.fullmatch(fields[0]) is not None
    return has_header(start) or (rows and not recognises_xdmod(start))


def has_header(start: bytes) -> bool:
    """Tell whether a log that starts like this has the header of ``sacct``."""
    names = {field.strip().lower() for field in first_line(start).split("|")}
    return len(names) > 1 and bool(names & {"jobid", "jobidraw"}) and bool(names & set(COLUMNS[2:]))


def recognises_xdmod(start: bytes) -> bool:
    """Tell whether a log that starts like this has the columns of XDMoD, without a header."""
    fields = [field.strip() for field in first_line(start).split("|")]
    row = dict(zip(XDMOD, fields, strict=False))
    return len(fields) == len(XDMOD) and all(like.fullmatch(row[name]) for name, like in _LIKE.items())


def read_xdmod(path: Path, time_zone: str = "UTC") -> Trace:
    """Read a dump in the columns of XDMoD; see :func:`read`."""
    return read(path, XDMOD, time_zone)


def read(path: Path, columns: str | Path | Sequence[str] | None = None, time_zone: str = "UTC") -> Trace:
    """Read what ``sacct`` printed.

    Parameters
    ----------
    path
        The log.
    columns
        Names of the columns where the log has no header line (see :func:`~pwsim.trace.formats.fields.name_list`).
    time_zone
        Zone of the times, which ``sacct`` prints as local ones.

    Raises
    ------
    TraceError
        If the file cannot be read, a column is missing, or a field makes no sense: names line, field and value.
    """
    clock = Clock.of(path, time_zone)
    names, header = _names(path, columns)
    seen, waits = Seen(), slurm_waits.Waits()
    wanted = [name for name in (*COLUMNS, *slurm_waits.COLUMNS) if name in names]
    jobs = Growing()
    for rows in read_rows(path, "|", names, wanted, header=header, quoted=False):
        jobs.add(_jobs(rows, clock, seen, waits))
    table = jobs.table()
    if not table:
        raise TraceError(f"{path}: has no rows")
    table = drop_duplicates(table, ("job_id", "task", "het"), seen)
    waits.finish(table)
    del table["task"], table["het"]
    dropped = {reason: seen[reason] for reason in (*slurm.REASONS, "duplicate") if seen[reason]}
    numbers = table.pop("record")
    return Trace.from_columns(
        table,
        name=stem(path),
        notes=(*notes(seen), *clock.notes()),
        dropped=dropped,
        first_dropped={reason: seen.first[reason] for reason in dropped},
        records=numbers,
    )


def _names(path: Path, columns: str | Path | Sequence[str] | None) -> tuple[list[str], bool]:
    """Return the columns' names in lower case, each once, and whether the log has a header line."""
    first = [name.lower() for name in header_names(path, "|")]
    header = bool({"jobid", "jobidraw"} & set(first))
    if not header and columns is None:
        row = ", ".join(f"{place} {field or '(empty)'}" for place, field in enumerate(header_names(path, "|"), start=1))
        xdmod = "; they look like those of XDMoD: try the format xdmod" if recognises_xdmod(peek(path)) else ""
        raise TraceError(
            f"{path}:1: has no header line with JobID; name the columns in order (--columns, or `columns:` in a "
            f"scenario), such as JobID,User,Submit,...{xdmod}. The first of its {len(first)} fields are: {row[:600]}"
        )
    given = first if columns is None else [name.lower() for name in name_list(columns)]
    if header and given != first:
        raise TraceError(f"{path}:1: the header line has other columns than those that were given; leave them out")
    names = [name if name and name not in given[:place] else f"{name}#{place}" for place, name in enumerate(given)]
    for needed in (("jobid", "jobidraw"), ("submit", "eligible"), ("start",), ("elapsed", "end")):
        if not set(needed) & set(names):
            raise TraceError(
                f"{path}:1: column {' or '.join(needed)} is missing; `pwsim trace sacct-command` prints what to run"
            )
    return names, header


def _jobs(rows: Rows, clock: Clock, seen: Seen, waits: slurm_waits.Waits) -> dict[str, Any]:
    """Return the jobs of some rows as columns of a trace; count in ``seen`` what else there is."""
    id_column = "jobid" if "jobid" in rows.columns else "jobidraw"
    job, step = slurm_ids.is_job(rows, id_column)
    rows = rows.select(job)
    ids = slurm_ids.job_ids(rows, id_column)
    submit = rows.times("submit", clock)
    eligible = rows.times("eligible", clock, submit)
    start = rows.times("start", clock, submit)
    elapsed = rows.parsed("elapsed", duration_s)
    run_s = np.where(np.isnan(elapsed), rows.times("end", clock, start) - start, elapsed)
    when = moments(submit, eligible, start)
    limit_s = slurm.limits_s(rows)
    fate = slurm.fates(rows, start, run_s)
    kept = fate == 0
    seen["steps"] += int(np.count_nonzero(step))
    for event, rows_of_it in (
        *((reason, fate == code) for code, reason in enumerate(slurm.REASONS, start=1)),
        ("tasks", ids.count > 1),
        ("held", kept & (when.held_s > 0)),
        ("unusable", kept & when.unusable),
        ("wait", kept & (start < when.submit_s)),
        ("limit", kept & (limit_s == slurm.NO_LIMIT)),
    ):
        seen.add(event, rows.records[rows_of_it], ids.count[rows_of_it])
    table: dict[str, Any] = {
        "record": rows.records,
        "submit_s": np.nan_to_num(when.submit_s, nan=-1),
        "run_s": np.nan_to_num(run_s, nan=-1),
        **slurm.resources(rows),
        "estimate_s": np.nan_to_num(limit_s, nan=-1),
        "recorded_wait_s": when.recorded_wait_s,
        "held_s": when.held_s,
        "recorded_status": rows.names("state", slurm.state),
        "user": rows.names("user"),
        "user_group": rows.names("account"),
        "queue": rows.names("partition"),
        "partition": rows.names("partition"),
        "qos": rows.names("qos"),
        "job_id": ids.number,
        "het": ids.het,
        **waits.read(rows, ids, seen),
    }
    at = np.repeat(np.flatnonzero(kept), ids.count[kept])
    return {"task": ids.tasks(kept), **{name: values[at] for name, values in table.items()}}


def _records(path: Path) -> Iterator[Record]:
    yield from delimited_records(path, "|", header=has_header(peek(path)), quoted=False)


FORMATS = (
    Format(
        "sacct",
        "Slurm's accounting; `pwsim trace sacct-command` prints what to run. `columns:` (`--columns`) names the "
        "columns where there is no header",
        read,
        recognises,
        _records,
    ),
    Format(
        "xdmod",
        "a dump of Slurm's accounting without a header, in the 26 columns that XDMoD reads",
        read_xdmod,
        recognises_xdmod,
        _records,
    ),
)
