"""Job ids of Slurm: numbers, array tasks and ranges of them, components of heterogeneous jobs, steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pwsim.trace.formats.rows import Rows
from pwsim.trace.table import Integers

MOST_TASKS = 4_000_001
"""The most tasks that Slurm lets an array have."""

_ID = r"^(?P<number>\d{1,15})(?:_(?P<task>\d{1,9}))?(?:\+(?P<het>\d{1,9}))?$"
_RANGE = re.compile(r"(\d{1,15})_\[([\d,:-]+)(?:,?\.\.\.)?(?:%(\d{1,9}))?\]", re.ASCII)


@dataclass(frozen=True)
class Ids:
    """Job ids taken apart, arrays of shape (rows,)."""

    number: Integers
    """The number that Slurm knows the job by (JobIDRaw where the log has it)."""
    task: Integers
    """Task of an array; -1 for none."""
    het: Integers
    """Component of a heterogeneous job; -1 for none."""
    count: Integers
    """How many jobs the row stands for."""
    ranges: dict[int, list[int]]
    """Tasks of the rows that stand for several."""
    array: Integers
    """Number of the array; -1 for none."""
    limit: Integers
    """How many tasks of it may run at once, where a range of tasks tells; 0 elsewhere."""

    def tasks(self, kept: npt.NDArray[np.bool_]) -> Integers:
        """Return the task of each job of the rows that are kept."""
        tasks = np.repeat(self.task[kept], self.count[kept])
        first = np.cumsum(self.count[kept]) - self.count[kept]
        for place, row in enumerate(np.flatnonzero(kept)):
            if row in self.ranges:
                tasks[first[place] : first[place] + self.count[row]] = self.ranges[int(row)]
        return tasks


def is_job(rows: Rows, column: str) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which rows are jobs, and which are steps; header lines in the midst are neither."""
    texts = rows.text(column)
    step = pc.match_substring(texts, ".").to_numpy(zero_copy_only=False)
    header = pc.equal(pc.utf8_lower(texts), column).to_numpy(zero_copy_only=False)
    return ~(step | header), step


def job_ids(rows: Rows, column: str) -> Ids:
    """Return the job ids of rows that are jobs.

    Raises
    ------
    TraceError
        If one is no job id.
    """
    found = pc.extract_regex(rows.text(column), _ID)
    parts = {name: _integers(pc.struct_field(found, name)) for name in ("number", "task", "het")}
    count = np.ones(len(rows), dtype=np.int64)
    limit = np.zeros(len(rows), dtype=np.int64)
    ranges: dict[int, list[int]] = {}
    for row in np.flatnonzero(parts["number"] < 0):
        text = rows.columns[column][int(row)].as_py().decode("utf-8", errors="replace").strip()
        try:
            parts["number"][row], tasks, limit[row] = _range(text)
        except ValueError as error:
            raise rows.fault(int(row), column, str(error), text) from None
        count[row], parts["task"][row] = len(tasks), tasks[0]
        if len(tasks) > 1:
            ranges[int(row)] = tasks
    array = np.where(parts["task"] >= 0, parts["number"], -1)
    if column == "jobid" and "jobidraw" in rows.columns:
        raw = _integers(pc.struct_field(pc.extract_regex(rows.text("jobidraw"), _ID), "number"))
        parts["number"] = np.where(raw >= 0, raw, parts["number"])
    return Ids(parts["number"], parts["task"], parts["het"], count, ranges, array, limit)


def _integers(texts: Any) -> Integers:
    """Return digits as numbers; -1 where there are none."""
    known = pc.if_else(pc.equal(pc.coalesce(texts, pa.scalar("")), ""), "-1", texts)
    return np.array(pc.coalesce(known, pa.scalar("-1")).cast(pa.int64()).to_numpy(zero_copy_only=False))


def _range(text: str) -> tuple[int, list[int], int]:
    """Return the number, the tasks and the limit (0 without one) of ``123_[1-3,7,10-20:5%2]``."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise ValueError("must be a job id such as 123, 123_4, 123_[1-3] or 123+0")
    tasks: list[int] = []
    for part in filter(None, found[2].split(",")):
        ends = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?(?::(\d{1,9}))?", part, re.ASCII)
        if ends is None or int(ends[3] or 1) == 0 or int(ends[2] or ends[1]) < int(ends[1]):
            raise ValueError(f"has a range of array tasks that makes no sense ({part!r})")
        span = range(int(ends[1]), int(ends[2] or ends[1]) + 1, int(ends[3] or 1))
        if len(tasks) + len(span) > MOST_TASKS:
            raise ValueError(f"has more than {MOST_TASKS:,} array tasks")
        tasks.extend(span)
    if not tasks:
        raise ValueError("has an empty range of array tasks")
    return int(found[1]), tasks, int(found[3] or 0)
