"""What Slurm's accounting tells of jobs that wait for others: dependencies, and limits of arrays.

``sacct`` has no column of dependencies.  They stand in SubmitLine, as they were given to ``sbatch``; a column
Dependency, as ``squeue`` prints it, is read if somebody has put one there.  Followed are ``afterany``, ``afterok``,
``afternotok``, ``aftercorr`` (for all of the array) and ``afterburstbuffer``: the job waits until those named have
ended, in whatever way.  ``after``, ``singleton``, ``expand``, and one of several (``?``) are not.

The limit of an array (``%``) stands in SubmitLine, too, or in the job id of those of its tasks that have not started;
what stands in the script, as ``#SBATCH``, is in no column.

References
----------
https://slurm.schedmd.com/sbatch.html (``--dependency``, ``--array``), https://slurm.schedmd.com/sacct.html
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from pwsim.trace.dependencies import renamed
from pwsim.trace.formats.fields import UNKNOWN
from pwsim.trace.formats.rows import Rows
from pwsim.trace.formats.slurm_ids import Ids
from pwsim.trace.formats.tables import Seen
from pwsim.trace.table import Integers

COLUMNS = ("dependency", "submitline")
"""The columns that are read for this, in lower case."""
KINDS = ("afterany", "afterok", "afternotok", "aftercorr", "afterburstbuffer")
"""Kinds of dependencies that are followed."""
_JOB = re.compile(r"(\d{1,15}(?:_\d{1,9})?)(?:_\*)?(?:\([^)]*\))?", re.ASCII)
_GIVEN = re.compile(r"\s(?:--dependency(?:=|\s+)|-d\s*)((?:after|singleton|expand)\S*)", re.ASCII)
_ARRAY = re.compile(r"\s(?:--array(?:=|\s+)|-a\s*)[\d,:-]+%(\d{1,9})\b", re.ASCII)


def parse_dependency(text: str) -> tuple[str, bool]:
    """Return the jobs that have to end first, separated by commas, and whether all that is said is followed.

    Examples
    --------
    >>> parse_dependency("afterok:12:15_3(unfulfilled),afterany:20_*,singleton")
    ('12,15_3,20', False)
    """
    if text.lower() in UNKNOWN or text == "(null)":
        return "", True
    if "?" in text:
        return "", False
    jobs, whole = [], True
    for clause in text.split(","):
        kind, *named = clause.strip().split(":")
        found = [_JOB.fullmatch(job) for job in named]
        if kind in KINDS and found and all(found):
            jobs += [one[1] for one in found if one]
        else:
            whole = False
    return ",".join(jobs), whole


def given_dependency(line: str) -> str:
    """Return the dependency that a line of ``sbatch`` gives; empty if it gives none.

    Examples
    --------
    >>> given_dependency("sbatch -p long --dependency=afterok:12 run.sh"), given_dependency("sbatch -d 5 run.sh")
    ('afterok:12', '')
    """
    found = _GIVEN.search(line)
    return found[1].strip("'\"") if found else ""


def given_limit(line: str) -> float:
    """Return how many tasks of an array a line of ``sbatch`` lets run at once; 0 if it does not say.

    Examples
    --------
    >>> given_limit("sbatch --array=1-100%5 run.sh")
    5.0
    """
    found = _ARRAY.search(line)
    return float(found[1]) if found else 0.0


class Waits:
    """Gathers what rows tell, also those of jobs that are not replayed."""

    def __init__(self) -> None:
        self._limits: dict[int, int] = {}

    def read(self, rows: Rows, ids: Ids, seen: Seen) -> dict[str, Any]:
        """Return the columns of some rows, ``after`` as Slurm names jobs; count what is not followed."""
        limit = np.maximum(ids.limit, rows.parsed("submitline", given_limit))
        for row in np.flatnonzero((ids.array >= 0) & (limit > 0)):
            array = int(ids.array[row])
            self._limits[array] = max(self._limits.get(array, 0), int(limit[row]))
        column = next((one for one in COLUMNS if one in rows.columns), COLUMNS[0])
        given = given_dependency if column == "submitline" else str
        seen.add(
            "unfollowed", rows.records[~rows.parsed(column, lambda text: parse_dependency(given(text))[1], "bool")]
        )
        return {"after": rows.names(column, lambda text: parse_dependency(given(text))[0]), "job_array": ids.array}

    def finish(self, table: dict[str, Any]) -> None:
        """Complete the columns of all jobs: limits of arrays, and jobs by the numbers that the trace has."""
        table["array_limit"] = self._limit_of(table["job_array"])
        after: pd.Categorical = table["after"]
        names = list(map(str, after.categories))
        if any("_" in name for name in names):
            tasks = zip(table["job_array"].tolist(), table["task"].tolist(), table["job_id"].tolist(), strict=True)
            number_of = {f"{array}_{task}": str(number) for array, task, number in tasks if task >= 0}
            parts = [[number_of.get(job, job) for job in name.split(",")] for name in names]
            names = [",".join(job for job in jobs if "_" not in job) for jobs in parts]  # the rest is in no row
        table["after"] = renamed(after, names)

    def _limit_of(self, array: Integers) -> Integers:
        known = np.array(sorted(self._limits), dtype=np.int64)
        if not len(known):
            return np.zeros(len(array), dtype=np.int64)
        most = np.array([self._limits[int(one)] for one in known], dtype=np.int64)
        at = np.minimum(np.searchsorted(known, array), len(known) - 1)
        return np.where(known[at] == array, most[at], 0)
