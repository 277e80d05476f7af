"""The workload: one row a job, in columns.

:data:`COLUMNS` is the one list of what a trace knows of a job.  :meth:`Trace.from_columns` is the one place
where records become jobs: it drops what cannot be replayed and counts it by reason, puts jobs in job order
and sets the clock to zero at the first submission (semantics §1).
"""

from __future__ import annotations

import collections.abc
import hashlib
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, NamedTuple, Self, TypeVar, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.common import DAY_S, HOUR_S, ByContent, TraceError, card, expect, numeral
from pwsim.trace.reasons import DROP_REASONS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Column(NamedTuple):
    """What one column of a trace holds."""

    name: str
    dtype: str
    """``int64``, ``float64`` or ``category`` (text)."""
    unit: str
    default: Any
    """The value where the log does not say; ``None`` where the column is required."""
    text: str


COLUMNS: tuple[Column, ...] = (
    Column("job_id", "int64", "", None, "number of the job in the log"),
    Column("submit_s", "float64", "s", None, "submission, from the first submission of the trace"),
    Column("run_s", "float64", "s", None, "run time"),
    Column("procs", "int64", "cores", None, "processors (cores) that the job holds"),
    Column("estimate_s", "float64", "s", None, "run time that the user asked for, at least 1 s"),
    Column("nodes", "int64", "nodes", 0, "nodes that the job asked for; 0: not recorded"),
    Column("memory_mib", "int64", "MiB", 0, "memory of the whole job; 0: not recorded"),
    Column("gpus", "float64", "GPUs", 0.0, "GPUs of the whole job"),
    Column("data_gib", "float64", "GiB", 0.0, "data that the job brings along and takes home; 0: not recorded"),
    Column("recorded_wait_s", "float64", "s", np.nan, "wait that the log recorded; NaN: not recorded"),
    Column(
        "held_s", "float64", "s", np.nan, "time from the log's submission to submit_s, held back; NaN: not recorded"
    ),
    Column("recorded_status", "category", "", "", "how the log says that the job ended"),
    Column("user", "category", "", "", "user"),
    Column("user_group", "category", "", "", "group or account"),
    Column("queue", "category", "", "", "queue"),
    Column("partition", "category", "", "", "partition"),
    Column("qos", "category", "", "", "quality of service, as Slurm calls a class of jobs with rules of its own"),
    Column("after", "category", "", "", "numbers of the jobs that it had to wait for, separated by commas"),
    Column("job_array", "int64", "", -1, "number of the array of jobs that it is a task of; -1: none"),
    Column("array_limit", "int64", "jobs", 0, "how many tasks of its array may run at once; 0: not recorded"),
)
"""Every column of a trace: name, dtype, unit, default and text."""

LONGEST_S = 1e10
"""Times beyond this (317 years) are refused as broken, long before seconds lose their exactness in a float64."""

WIDEST = 10**9
"""Sizes beyond this are refused as broken, so that sums of sizes fit an int64."""


class Feedback(NamedTuple):
    """Which job each job waits for before it is submitted, and for how long after its end (:mod:`.feedback`)."""

    follows: Integers
    """Row of the job that it follows; -1 for a job that is submitted at its ``submit_s``, shape (jobs,)."""
    think_s: Floats
    """Think time from the end of that job to the submission [s], shape (jobs,)."""

    def take(self, rows: npt.NDArray[Any]) -> Feedback:
        """Return the same of some jobs, each at most once; who followed a job that is not among them follows none."""
        rows = np.arange(len(self.follows))[rows]
        new_row = np.full(len(self.follows) + 1, -1)
        new_row[rows] = np.arange(len(rows))
        return Feedback(new_row[self.follows[rows]], self.think_s[rows])


Values = TypeVar("Values")


class _ColumnOf(Generic[Values]):
    """A column of a trace as an attribute of it, an array of shape (jobs,)."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        column = next(one for one in COLUMNS if one.name == name)
        self.__doc__ = f"{column.text}{f' [{column.unit}]' if column.unit else ''}"

    @overload
    def __get__(self, trace: None, owner: type) -> Self: ...
    @overload
    def __get__(self, trace: Trace, owner: type) -> Values: ...
    def __get__(self, trace: Trace | None, owner: type) -> Self | Values:
        if trace is None:
            return self
        values: Values = trace.table[self.name]
        return values


@dataclass(frozen=True, eq=False, repr=False)
class Trace(ByContent):
    """A workload: jobs in job order, and what was left out of it.

    Build one with :meth:`from_columns` or :func:`pwsim.read_trace`.  The arrays are read-only; a change gives a
    new trace.  Two traces are equal if all that they know is, but for the path of the file.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [5, 3], "run_s": [10, 20], "procs": [1, 2]}, name="two")
    >>> trace.submit_s, trace.run_s
    (array([0., 2.]), array([20., 10.]))
    """

    table: Mapping[str, Any]
    """Arrays by the name of their column, each of shape (jobs,), read-only; text columns are ``pd.Categorical``."""
    name: str = "trace"
    """What the user calls it: the file's name, or the data set's."""
    jobs_read: int = 0
    """Records in the log, dropped ones included."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Number of dropped records by reason (:data:`DROP_REASONS`); reasons that did not occur are absent."""
    header: Mapping[str, str] = field(default_factory=dict)
    """What the log's header says, by label."""
    notes: tuple[str, ...] = ()
    """What was noticed on reading and changed without being asked, in words."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Number of jobs that were left out on request, by reason (:data:`LEFT_OUT_REASONS`)."""
    changes: tuple[str, ...] = ()
    """What was changed on request, in words, in the order in which it was done."""
    format: str = ""
    """Format of the log that it was read from; empty if from none."""
    first_submit_s: float = 0.0
    """First submission on the log's own clock, which in SWF starts at ``UnixStartTime`` [s]."""
    feedback: Feedback | None = None
    """Jobs that a replay submits only when another has ended; ``None``: each job is submitted at its ``submit_s``."""
    first_dropped: Mapping[str, int] = field(default_factory=dict)
    """Number of the first record that was dropped for each reason, from 1 as the format counts records
    (:mod:`pwsim.trace.examples` shows it)."""
    path: str = field(default="", compare=False)
    """File that it was read from; empty if from none."""
    compressed: bool = False
    """Whether arrivals were made denser, or thinner, so that the hours at which users submit their jobs are lost."""
    left_out_work: Mapping[str, float] = field(default_factory=dict)
    """Share of the log's work (processors times run time) that those of :attr:`left_out` have, by reason."""

    job_id = _ColumnOf[Integers]()
    submit_s = _ColumnOf[Floats]()
    run_s = _ColumnOf[Floats]()
    procs = _ColumnOf[Integers]()
    estimate_s = _ColumnOf[Floats]()
    nodes = _ColumnOf[Integers]()
    memory_mib = _ColumnOf[Integers]()
    gpus = _ColumnOf[Floats]()
    data_gib = _ColumnOf[Floats]()
    recorded_wait_s = _ColumnOf[Floats]()
    held_s = _ColumnOf[Floats]()
    recorded_status = _ColumnOf[pd.Categorical]()
    user = _ColumnOf[pd.Categorical]()
    user_group = _ColumnOf[pd.Categorical]()
    queue = _ColumnOf[pd.Categorical]()
    partition = _ColumnOf[pd.Categorical]()
    qos = _ColumnOf[pd.Categorical]()
    after = _ColumnOf[pd.Categorical]()
    job_array = _ColumnOf[Integers]()
    array_limit = _ColumnOf[Integers]()

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Any],
        *,
        name: str = "trace",
        header: Mapping[str, str] | None = None,
        notes: tuple[str, ...] = (),
        dropped: Mapping[str, int] | None = None,
        first_dropped: Mapping[str, int] | None = None,
        records: Integers | None = None,
    ) -> Trace:
        """Make a trace of raw records.

        Parameters
        ----------
        columns
            Arrays of equal length by the name of their column (:data:`COLUMNS`).  ``submit_s``, ``run_s`` and
            ``procs`` are required.  Without ``job_id`` jobs are numbered from 1; an ``estimate_s`` that is
            absent or not positive is taken from ``run_s`` (semantics §1).
        name, header, notes
            See the attributes of :class:`Trace`.
        dropped
            Records that the reader has left out of ``columns``, by reason; they count as read.
        first_dropped
            Number of the first of them, by reason.
        records
            Number of the record that each row comes from; from 1 on if left out.

        Raises
        ------
        TraceError
            If a column is unknown or missing, if lengths differ, or if a value is not finite or beyond
            :data:`LONGEST_S` or :data:`WIDEST`.
        """
        raw = _checked(columns, name)
        lost = {reason: number for reason, number in (dropped or {}).items() if number}
        read = len(raw["procs"]) + sum(lost.values())
        kept, faulty = _faults(raw)
        first = dict(first_dropped or {})
        for reason, rows in faulty.items():
            lost[reason] = len(rows)
            first[reason] = int(rows[0]) + 1 if records is None else int(records[rows[0]])
        submit_s = raw["submit_s"][kept]
        if np.any(np.diff(submit_s) < 0):
            back = int(np.count_nonzero(np.diff(submit_s) < 0))
            notes = (
                *notes,
                f"{back} records were submitted before the one above them; jobs were put in order",
            )
        order = np.argsort(submit_s, kind="stable")  # equal submit times keep the order of the file (§1)
        rows = np.flatnonzero(kept)[order]
        table = {column: values[rows] for column, values in raw.items()}
        first_submit_s = float(table["submit_s"][0]) if len(rows) else 0.0
        table["submit_s"] = table["submit_s"] - first_submit_s
        estimate_s = table["estimate_s"]
        table["estimate_s"] = np.maximum(np.where(estimate_s > 0, estimate_s, table["run_s"]), 1.0)
        return cls(
            _frozen(table),
            name,
            read,
            lost,
            dict(header or {}),
            notes,
            first_submit_s=first_submit_s,
            first_dropped=first,
        )

    def __len__(self) -> int:
        return len(self.table["submit_s"])

    def __repr__(self) -> str:
        left_out = sum(self.left_out.values())  # jobs drawn anew or mixed in may be more than the log had
        more = f", {left_out} jobs left out" if left_out else ""
        return f"<Trace {self.name!r}: {len(self)} jobs, {sum(self.dropped.values())} records dropped{more}>"

    def _repr_html_(self) -> str:
        """Return the trace as a small table, for notebooks."""
        rows: list[tuple[str, str]] = [
            ("jobs", f"{len(self):,}"),
            ("dropped", ", ".join(f"{reason} {lost:,}" for reason, lost in self.dropped.items()) or "none"),
            ("first to last submission", f"{self.span_s / DAY_S:,.1f} d"),
        ]
        if len(self):
            rows += [
                ("processors of a job", f"{self.procs.min():,} to {self.procs.max():,}"),
                ("core-hours", f"{float(np.dot(self.procs, self.run_s)) / HOUR_S:,.0f}"),
            ]
        rows += [("changed", text) for text in self.changes]
        return card(f"Trace {self.name}", rows)

    @property
    def jobs(self) -> pd.DataFrame:
        """The jobs as a new DataFrame, one row a job, columns as in :data:`COLUMNS`."""
        return pd.DataFrame({column.name: self.table[column.name] for column in COLUMNS})

    @property
    def span_s(self) -> float:
        """Time from the first submission to the last [s]: the measurement window (semantics §7)."""
        return float(self.submit_s[-1] - self.submit_s[0]) if len(self) else 0.0

    def header_number(self, label: str) -> int | None:
        """Return a whole number from 1 that the log's header gives under a label; ``None`` where it gives none.

        Examples
        --------
        >>> Trace({}, header={"MaxProcs": "128 (thin nodes)"}).header_number("MaxProcs")
        128
        """
        said = self.header.get(label, "").split()
        known = bool(said) and said[0].isascii() and said[0].isdigit() and 0 < int(said[0][:12]) <= WIDEST
        return int(said[0]) if known else None

    def take(self, rows: npt.NDArray[Any]) -> Trace:
        """Return the trace of some jobs (a boolean mask or row numbers in job order); the clock is set anew."""
        table = {column: values[rows] for column, values in self.table.items()}
        later_s = float(table["submit_s"][0]) if len(table["submit_s"]) else 0.0
        table["submit_s"] = table["submit_s"] - later_s
        feedback = self.feedback and self.feedback.take(rows)
        return replace(self, table=_frozen(table), first_submit_s=self.first_submit_s + later_s, feedback=feedback)

    def with_columns(self, **columns: Any) -> Trace:
        """Return a trace with some columns replaced by arrays of the same length.

        Raises
        ------
        TraceError
            If there is no such column, or its length is another.
        """
        for name, values in columns.items():
            if name not in _DTYPES:
                raise TraceError(f"{self.name}: unknown column {name!r}; a trace has {', '.join(_DTYPES)}")
            if len(values) != len(columns.get("submit_s", self.submit_s)):
                raise TraceError(f"{self.name}: column {name!r} has {len(values)} values for {len(self)} jobs")
        return replace(self, table=_frozen({**self.table, **columns}))

    def without(self, unwanted: npt.NDArray[np.bool_], reason: str) -> Trace:
        """Return the trace without some jobs, which are counted under a reason; the clock is set anew.

        Parameters
        ----------
        unwanted
            Which jobs go, shape (jobs,).
        reason
            One of :data:`LEFT_OUT_REASONS`.
        """
        lost = int(np.count_nonzero(unwanted))
        if not lost:
            return self
        work = self.procs * self.run_s
        # A share of the log's work, of which earlier changes have left so much.
        part = (1 - sum(self.left_out_work.values())) * float(work[unwanted].sum()) / (float(work.sum()) or 1.0)
        return replace(
            self.take(~unwanted),
            left_out={**self.left_out, reason: self.left_out.get(reason, 0) + lost},
            left_out_work={**self.left_out_work, reason: self.left_out_work.get(reason, 0.0) + part},
        )

    def resubmitted(self, submit_s: Floats, rows: Integers | None = None, **columns: Any) -> Trace:
        """Return a trace of these jobs at other times: in job order, the clock zero at the first submission.

        Parameters
        ----------
        submit_s
            New submissions [s], in any order; they may be negative.
        rows
            Row of the job that is submitted then, repeated or left out at will; jobs are numbered anew from 1, and no
            longer tell of which arrays they are, or which jobs they waited for.
            Without it, each job has its new time and keeps its number.
        columns
            Other columns to replace, in the order of ``submit_s``.

        Raises
        ------
        TraceError
            If jobs are repeated or left out although some follow others.
        """
        if rows is not None and self.feedback is not None:
            raise TraceError(
                f"{self.name}: jobs are drawn anew after it was found out which of them follow which; do that before "
                "with_feedback"
            )
        order = np.argsort(submit_s, kind="stable")
        from_row = order if rows is None else rows[order]
        table = {column: values[from_row] for column, values in self.table.items()}
        table.update({column: values[order] for column, values in columns.items()})
        later_s = float(submit_s[order[0]]) if len(order) else 0.0
        table["submit_s"] = submit_s[order] - later_s
        if rows is not None:
            table["job_id"] = np.arange(1, len(order) + 1)
            table.update(_untold(len(order)))
        feedback = self.feedback and self.feedback.take(order)
        return replace(self, table=_frozen(table), first_submit_s=self.first_submit_s + later_s, feedback=feedback)

    def changed(self, text: str) -> Trace:
        """Return the trace with one more of its :attr:`changes`."""
        return replace(self, changes=(*self.changes, text))

    def remembered(self, what: Hashable, work_out: Callable[[], Values]) -> Values:
        """Return what was worked out of this trace before, or work it out now; it is known as long as the trace is.

        Parameters
        ----------
        what
            Names it, with all that it depends on beside the trace.
        work_out
            Works it out.
        """
        if what not in self._remembered:
            self._remembered[what] = work_out()
        known: Values = self._remembered[what]
        return known

    @cached_property
    def _remembered(self) -> dict[Hashable, Any]:
        return {}

    def digest(self) -> str:
        """Return the SHA-256 of what a replay depends on, as hexadecimal digits."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha = hashlib.sha256()
        for column in COLUMNS:
            values = self.table[column.name]
            if column.dtype == "category":
                sha.update(json.dumps(list(map(str, values.categories))).encode())
                values = values.codes
            sha.update(np.ascontiguousarray(values).tobytes())
        for values in self.feedback or ():
            sha.update(np.ascontiguousarray(values).tobytes())
        return sha.hexdigest()


_DTYPES = {column.name: column.dtype for column in COLUMNS}
_BY_NUMBER = ("after", "job_array", "array_limit")
"""Columns that go by the numbers of the log's jobs."""


def _untold(jobs: int) -> dict[str, Any]:
    """Return the columns that go by the numbers of jobs, for jobs whose numbers are not those of the log."""
    defaults = {column.name: column.default for column in COLUMNS if column.name in _BY_NUMBER}
    return {
        name: pd.Categorical.from_codes(np.zeros(jobs, np.int8), categories=pd.Index([value]))
        if _DTYPES[name] == "category"
        else np.full(jobs, value)
        for name, value in defaults.items()
    }


def _checked(columns: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return all columns with their dtype and defaults, as arrays of one length; not all are copies."""
    expect(columns, Mapping, "columns", "a mapping of names to arrays")
    if unknown := sorted(set(columns) - set(_DTYPES)):
        raise TraceError(f"{name}: unknown column {unknown[0]!r}; a trace has {', '.join(_DTYPES)}")
    if missing := [required for required in ("submit_s", "run_s", "procs") if required not in columns]:
        raise TraceError(f"{name}: column {missing[0]!r} is missing")
    for given, values in columns.items():
        expect(values, collections.abc.Sized, f"column {given!r}", "an array with one value a job")
    count = len(columns["procs"])
    for given, values in columns.items():
        if len(values) != count:
            raise TraceError(f"{name}: column {given!r} has {len(values)} values where procs has {count}")
    defaults = {
        **{column.name: column.default for column in COLUMNS},
        "job_id": np.arange(1, count + 1),
        "estimate_s": np.full(count, -1.0),
    }
    raw: dict[str, Any] = {}
    for column in COLUMNS:
        values = columns.get(column.name, defaults[column.name])
        if column.dtype == "category":
            if not isinstance(values, pd.Categorical):
                values = pd.Categorical(np.broadcast_to(np.asarray(values, dtype=str), count).astype(object))
            raw[column.name] = values
            continue
        try:
            array = np.asarray(np.broadcast_to(np.asarray(values), count), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise TraceError(f"{name}: column {column.name!r} must hold numbers ({error})") from None
        _refuse_extremes(array, column, name)
        if column.dtype == "int64":
            if np.any(bad := array != np.floor(array)):
                row = int(np.argmax(bad))
                raise TraceError(f"{name}: record {row + 1}: {column.name} must be whole (got {numeral(array[row])})")
            array = np.asarray(np.broadcast_to(np.asarray(values), count)).astype(np.int64, copy=False)
        raw[column.name] = array
    return raw


def _faults(raw: Mapping[str, Any]) -> tuple[npt.NDArray[np.bool_], dict[str, Integers]]:
    """Return which rows can be replayed, shape (rows,), and the rows of those that cannot by their first fault."""
    kept = np.ones(len(raw["procs"]), dtype=bool)
    faulty = {}
    for reason in DROP_REASONS.values():
        if reason.fault is None:
            continue
        fault = reason.fault(raw)
        if (rows := np.flatnonzero(kept & fault)).size:
            faulty[reason.name] = rows
        kept &= ~fault
    return kept, faulty


def _refuse_extremes(array: Floats, column: Column, name: str) -> None:
    """Raise on a value that no log can mean: not finite (where it must be), or absurdly large."""
    limit = {"s": LONGEST_S, "cores": WIDEST, "nodes": WIDEST, "GPUs": WIDEST, "GiB": WIDEST}.get(column.unit, 2.0**53)
    bad = np.abs(array) > limit
    if not (isinstance(column.default, float) and np.isnan(column.default)):
        bad |= np.isnan(array)
    positive = column.unit in (
        "GiB",
        "MiB",
        "GPUs",
    )  # unlike sizes and times, nothing drops or replaces what is negative
    if positive:
        bad |= array < 0
    if np.any(bad):
        row = int(np.argmax(bad))
        unit = f" {column.unit}" if column.unit else ""
        least = "from 0 to" if positive else "of at most"
        raise TraceError(
            f"{name}: record {row + 1}: {column.name} must be a number {least} {numeral(limit)}{unit} "
            f"(got {numeral(array[row])})"
        )


def _frozen(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the table with its arrays made read-only."""
    for values in table.values():
        if isinstance(values, np.ndarray):
            values.flags.writeable = False
    return dict(table)
