"""Flurries: surges of one user's jobs that swamp a log for a while.

Tsafrir and Feitelson call a flurry a rare surge of repetitive jobs, caused by a single user, that dominates the
workload for a relatively short time, and find them by eye.  One flurry can decide what a replay shows, and no two are
alike; so they are reported always, and removed only if that is asked for.  The limits below are ours.

References
----------
D. Tsafrir, D. G. Feitelson: Instability in parallel job scheduling simulation: the role of workload flurries.
IPDPS 2006.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.common import DAY_S
from pwsim.trace import Integers, Trace

WEEK_DAYS = 7
"""A surge is looked for in any so many days."""
TYPICAL_WEEKS = 1.0
"""A surge has at least as many jobs of one user as so many typical weeks of the whole log (the median week)."""
OWN_WEEKS = 10.0
"""And at least as many as so many typical weeks of the user's own; who always dominates the log is no flurry."""
LEAST_WEEKS = 3
"""Logs that reach into fewer weeks have no flurries to find: the median of two is half of all jobs of a user, who can
never have ten times as many."""
DOMINANT_SHARE = 0.5
"""A flurry has more than this share of all jobs, in those days together and on each day that belongs to it."""
ALIKE_SHARE = 0.5
"""A flurry is repetitive: at least this share of its jobs have the same size."""

COLUMNS: dict[str, tuple[str, str]] = {
    "user": ("", "user"),
    "start_s": ("s", "start of its first day, from the first submission"),
    "end_s": ("s", "end of its last day"),
    "jobs": ("jobs", "jobs of the user on these days"),
    "share": ("", "their share of all jobs of these days"),
    "procs": ("cores", "size that most of them have"),
    "alike": ("", "share of them that have it"),
}
"""Unit and meaning of the columns of :func:`find_flurries`."""


def find_flurries(trace: Trace) -> pd.DataFrame:
    """Return the flurries of a trace, one row each, in the order of their start (:data:`COLUMNS`).

    Jobs without a user are nobody's.

    Examples
    --------
    >>> jobs = {"submit_s": [86400 * (job // 2) for job in range(56)] + [86400 * 9] * 99}
    >>> jobs |= {"run_s": [60] * 155, "procs": [1] * 155, "user": ["ann", "bob"] * 28 + ["cyd"] * 99}
    >>> find_flurries(Trace.from_columns(jobs))[["user", "start_s", "jobs"]].to_dict("records")
    [{'user': 'cyd', 'start_s': 777600.0, 'jobs': 99}]
    """
    rows = [row for row, _ in _found(trace)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(["start_s", "user"], ignore_index=True)


def without_flurries(trace: Trace) -> Trace:
    """Return the trace without the jobs of its flurries, which are counted as left out."""
    unwanted = np.zeros(len(trace), dtype=bool)
    found = list(_found(trace))
    for _, jobs in found:
        unwanted[jobs] = True
    return trace.without(unwanted, "flurries").changed(f"{len(found)} flurries removed")


def _found(trace: Trace) -> Iterator[tuple[dict[str, object], Integers]]:
    """Yield each flurry as a row, and its jobs."""
    if not len(trace):
        return
    day = (trace.submit_s // DAY_S).astype(np.int64)
    days = int(day.max()) + 1
    all_jobs = np.bincount(day, minlength=days)
    typical = TYPICAL_WEEKS * _typical(all_jobs)
    codes = np.asarray(trace.user.codes)
    for code in np.flatnonzero(np.bincount(codes[codes >= 0]) >= typical):
        name, mine = trace.user.categories[int(code)], np.flatnonzero(codes == code)
        if not name:
            continue
        my_jobs = np.bincount(day[mine], minlength=days)
        surge = max(typical, OWN_WEEKS * _typical(my_jobs))
        for first, last in _runs(_days_of_surges(my_jobs, all_jobs, surge)):
            jobs = mine[(day[mine] >= first) & (day[mine] <= last)]
            sizes, counts = np.unique(trace.procs[jobs], return_counts=True)
            alike = counts.max() / len(jobs)
            if alike >= ALIKE_SHARE:
                row = {
                    "user": str(name),
                    "start_s": first * DAY_S,
                    "end_s": (last + 1) * DAY_S,
                    "jobs": len(jobs),
                    "share": len(jobs) / all_jobs[first : last + 1].sum(),
                    "procs": int(sizes[counts.argmax()]),
                    "alike": float(alike),
                }
                yield row, jobs


def _typical(jobs: Integers) -> float:
    """Return the jobs of the median week."""
    return float(np.median(np.add.reduceat(jobs, np.arange(0, len(jobs), WEEK_DAYS))))


def _days_of_surges(my_jobs: Integers, all_jobs: Integers, surge: float) -> npt.NDArray[np.bool_]:
    """Return the days on which a user dominates, within weeks in which the user surges and dominates, shape (days,)."""
    mine, total = (np.convolve(jobs, np.ones(WEEK_DAYS)) for jobs in (my_jobs, all_jobs))  # of the week to each day
    weeks = (mine >= surge) & (mine > DOMINANT_SHARE * total)
    reached = np.convolve(weeks, np.ones(WEEK_DAYS))[WEEK_DAYS - 1 :][: len(my_jobs)] > 0
    return reached & (my_jobs > DOMINANT_SHARE * all_jobs)


def _runs(marked: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield first and last place of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], marked.astype(np.int8), [0]))))
    yield from zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)
