"""Which jobs wait for the end of others, as the log tells: the column ``after`` (semantics §9, "Held jobs").

A number in it stands for all jobs with that job number, and for all tasks of the array with that number: so a job
that waits for an array waits for each of its tasks, and one that waits for a job that was requeued for all attempts.
The jobs of one number are kept as a *group*, so that an array that waits for an array takes a row a task, not a row for
each pair of tasks.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from pwsim.common import TraceError
from pwsim.trace.table import Integers, Trace

_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
NO_ARRAY = -1
"""The array of a job that belongs to none."""


class Links(NamedTuple):
    """Groups of jobs, and who waits for them."""

    groups: int
    """How many groups there are."""
    group: Integers
    """A group and ..."""
    job: Integers
    """... the row of a job in it, shape (memberships,)."""
    awaited: Integers
    """A group and ..."""
    follower: Integers
    """... the row of a job that waits until all jobs of it have ended, shape (waits,)."""


def tells_dependencies(trace: Trace) -> bool:
    """Return whether some job waited for another, or was of an array with a limit.

    Raises
    ------
    TraceError
        As :func:`links`.
    """
    named = np.array([bool(numbers) for numbers in numbers_of_names(trace)] + [False])
    return bool(np.any(trace.array_limit > 0)) or bool(named[trace.after.codes].any())


def links(trace: Trace) -> Links:
    """Return who waits for whom.

    A number that no job of the trace has is waited for by nobody, and no job waits for itself or its own array.

    Raises
    ------
    TraceError
        If ``after`` holds anything but numbers of jobs separated by commas.

    Examples
    --------
    >>> jobs = {"submit_s": [0, 0, 0, 0], "run_s": [9, 9, 9, 9], "procs": [1, 1, 1, 1], "job_id": [5, 6, 7, 8]}
    >>> links(Trace.from_columns({**jobs, "job_array": [-1, 7, 7, -1], "after": ["", "", "", "5,7,99"]}))
    Links(groups=2, group=array([0, 1, 1]), job=array([0, 1, 2]), awaited=array([0, 1]), follower=array([3, 3]))
    """
    follower, number = _awaited(trace)
    own = (number == trace.job_id[follower]) | (number == trace.job_array[follower])
    follower, number = follower[~own], number[~own]
    known = np.unique(number[np.isin(number, trace.job_id) | np.isin(number, trace.job_array)])
    kept = np.isin(number, known)
    pairs = []
    for names in (trace.job_id, trace.job_array):
        rows = np.flatnonzero(np.isin(names, known))
        pairs.append(np.column_stack((np.searchsorted(known, names[rows]), rows)))
    members = np.unique(np.concatenate(pairs), axis=0).reshape(-1, 2)
    waits = np.column_stack((np.searchsorted(known, number[kept]), follower[kept]))
    waits = np.unique(waits, axis=0).reshape(-1, 2)
    return Links(len(known), members[:, 0], members[:, 1], waits[:, 0], waits[:, 1])


def array_limits(trace: Trace) -> tuple[Integers, Integers]:
    """Return the array of each job by a number from 0 on, and how many of each may run at once.

    The number is :data:`NO_ARRAY` for jobs without an array, and for arrays without a limit.  Where the tasks of one
    tell of several limits, the largest counts.

    Examples
    --------
    >>> jobs = {"submit_s": [0, 0, 0], "run_s": [9, 9, 9], "procs": [1, 1, 1]}
    >>> array_limits(Trace.from_columns({**jobs, "job_array": [40, 70, 70], "array_limit": [0, 2, 3]}))
    (array([-1,  0,  0]), array([3]))
    """
    limited = (trace.job_array != NO_ARRAY) & (trace.array_limit > 0)
    names, place = np.unique(trace.job_array[limited], return_inverse=True)
    most = np.zeros(len(names), dtype=np.int64)
    np.maximum.at(most, place, trace.array_limit[limited])
    at = np.minimum(np.searchsorted(names, trace.job_array), max(0, len(names) - 1))
    here = names[at] == trace.job_array if len(names) else np.zeros(len(trace), dtype=bool)
    return np.where(here, at, NO_ARRAY), most


def range_of_numbers(trace: Trace) -> tuple[int, int]:
    """Return the smallest and the largest number by which a trace with jobs tells of jobs, its own and others.

    Raises
    ------
    TraceError
        As :func:`links`.
    """
    arrays = trace.job_array[trace.job_array != NO_ARRAY]
    numbers = np.concatenate((trace.job_id, arrays, *numbers_of_names(trace))).astype(np.int64)
    return int(numbers.min()), int(numbers.max())


def renumbered(trace: Trace, by: int) -> pd.Categorical:
    """Return ``after`` as it is when the numbers of jobs are raised by so many.

    Raises
    ------
    TraceError
        As :func:`links`.

    Examples
    --------
    >>> jobs = {"submit_s": [0, 0], "run_s": [9, 9], "procs": [1, 1], "after": ["", "5,7"]}
    >>> list(renumbered(Trace.from_columns(jobs), 100))
    ['', '105,107']
    """
    return renamed(trace.after, [",".join(str(one + by) for one in numbers) for numbers in numbers_of_names(trace)])


def renamed(column: pd.Categorical, names: list[str]) -> pd.Categorical:
    """Return a column of names with another name for each of its categories, perhaps the same for several."""
    shown = pd.Index(names, dtype="str")
    kept = shown.unique()
    return pd.Categorical.from_codes(np.append(kept.get_indexer(shown), -1)[column.codes], categories=kept)


def numbers_of_names(trace: Trace) -> list[list[int]]:
    """Return the numbers of each category of ``after``; there are none in -1.

    Raises
    ------
    TraceError
        As :func:`links`.
    """
    parsed = []
    for text in map(str, trace.after.categories):
        numbers = [number for number in text.split(",") if number not in ("", "-1")]
        if not all(_NUMBER.fullmatch(number) for number in numbers):
            raise TraceError(
                f"{trace.name}: column 'after' must hold numbers of jobs separated by commas, such as 12 or 12,15 "
                f"(got {text[:40]!r})"
            )
        parsed.append(list(map(int, numbers)))
    return parsed


def _awaited(trace: Trace) -> tuple[Integers, Integers]:
    """Return the row of a job, and a number of a job that it waits for, both of shape (numbers,)."""
    parsed = numbers_of_names(trace)
    counts = np.array([len(numbers) for numbers in parsed] + [0])[trace.after.codes]
    first = np.concatenate(([0], np.cumsum([len(numbers) for numbers in parsed]))).astype(np.int64)
    numbers = np.array([number for one in parsed for number in one], dtype=np.int64)
    rows = np.repeat(np.arange(len(trace)), counts)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, numbers[first[trace.after.codes[rows]] + place]
