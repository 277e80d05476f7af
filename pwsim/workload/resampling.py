"""More, fewer or other users: a log taken apart into the weeks of its users, and put together anew.

All that a user does in a week stays together and keeps its hour of the day and its day of the week, because
everything moves by whole weeks; so sessions, bursts of like jobs and the cycles of the log survive.  Weeks are counted
from the first submission of the trace.  Of a last week that is not whole nothing is drawn: it would thin the load out.

References
----------
N. Zakay, D. G. Feitelson: Workload resampling for performance evaluation of parallel job schedulers. ICPE 2013,
doi:10.1145/2479871.2479893.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd

from pwsim.common import DAY_S, WEEK_S, TraceError, numeral
from pwsim.trace import Integers, Trace

LONG_TERM_WEEKS = 12
"""A user who is seen over at least so many weeks, or half of a shorter log, stays for good; others come and go."""

By = Literal["arrivals", "jobs"]
"""How a workload grows: the same jobs ever more densely, or more jobs."""


class _Part(NamedTuple):
    """Some jobs of one user, moved by whole weeks."""

    rows: Integers
    """Rows of the jobs in the trace."""
    weeks: int
    """By how much they are moved [weeks]."""
    user: str
    """Whose they are now."""


def resample(trace: Trace, *, users: float = 1.0, weeks: int | None = None, seed: int = 1) -> Trace:
    """Return a trace of other users who do what the users of this one did.

    A last week that is not whole is left out, and its jobs are counted.
    Users who stay for good start at a week of the log drawn at random and go on to its end and then from its start,
    for as long as the new trace lasts.  Of those who come and go, as many as in the log on average begin each week,
    drawn at random with all that they did.  Copies of one user have names of their own (``ann+1``).

    Parameters
    ----------
    trace
        The workload; it must name users.
    users
        How many times as many users, and so about as many times the load.
    weeks
        Length of the new trace; the whole weeks of the old one if left out.
    seed
        Seed of the random numbers.

    Raises
    ------
    TraceError
        If the trace does not name users, if it is shorter than a week and ``weeks`` is more, or if no job is drawn.
    """
    length = _whole_weeks(trace)
    weeks = weeks or length
    if weeks > 1 and trace.span_s + DAY_S < WEEK_S:
        raise TraceError(f"{trace.name}: is shorter than a week, so {weeks} weeks cannot be drawn from it")
    trace = trace.without(trace.submit_s >= length * WEEK_S, "partial_week")
    week, mine = _weeks(trace), _rows_by_user(trace)
    random = np.random.default_rng((seed, crc32(b"resample")))
    names = Names(trace)
    long_term = min(LONG_TERM_WEEKS, (length + 1) // 2)
    stays = [week[jobs[-1]] - week[jobs[0]] + 1 >= long_term for jobs in mine]
    staying = [jobs for jobs, stay in zip(mine, stays, strict=True) if stay]
    coming = [jobs for jobs, stay in zip(mine, stays, strict=True) if not stay]
    parts = []
    for one in _copies(len(staying), users, random):
        name, start = names.new(staying[one][0]), int(random.integers(length))
        parts += [_Part(staying[one], turn * length - start, name) for turn in range((weeks + start) // length + 1)]
    for begin in range(1 - long_term, weeks):  # who came before the first week may still be there
        drawn = random.integers(max(len(coming), 1), size=_rounded(users * len(coming) / length, random))
        parts += [_Part(coming[one], begin - int(week[coming[one][0]]), names.new(coming[one][0])) for one in drawn]
    resampled = _assembled(trace, parts, weeks * WEEK_S)
    if not len(resampled):
        raise TraceError(f"{trace.name}: {numeral(users)} times its {len(mine)} users leaves no job; take more users")
    return resampled.changed(
        f"{numeral(users)} times its users, drawn anew from its {length:,} whole weeks, for {weeks:,} weeks"
    )


def grow(trace: Trace, factor: float, *, by: By = "arrivals", seed: int = 1) -> Trace:
    """Return a trace that grows evenly from what it is at its start to ``factor`` times as much at its end.

    By ``arrivals``, the same jobs come ever more densely: at a share ``x`` of the old trace the rate is
    ``1 + (factor - 1) x`` times what it was, so the new one ends after ``ln(factor) / (factor - 1)`` of the old
    length; the cycles of day and week are compressed with them.  By ``jobs``, the length stays: weeks of users, drawn
    at random from the whole log, are added as new users (or weeks of users are taken away, and counted as left out),
    and keep hour and weekday.

    Parameters
    ----------
    trace
        The workload; by ``jobs``, it must name users.
    factor
        Rate of jobs at the end, over that at the start of the trace.
    by
        ``arrivals`` or ``jobs``.
    seed
        Seed of the random numbers; by ``arrivals`` there are none.

    Raises
    ------
    TraceError
        If by ``jobs`` the trace does not name users.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 50, 100], "run_s": [1, 1, 1], "procs": [1, 1, 1]})
    >>> grow(trace, 2).submit_s.round(2)  # 100 ln(1.5) and 100 ln(2)
    array([ 0.  , 40.55, 69.31])
    """
    if factor == 1:
        return trace
    if by == "arrivals":
        share = trace.submit_s / (trace.span_s or 1.0)
        submit_s = trace.span_s * np.log1p((factor - 1) * share) / (factor - 1)
        return replace(trace.with_columns(submit_s=submit_s), compressed=True).changed(
            f"arrivals ever denser, {numeral(factor)} times at the end"
        )
    week, random = _weeks(trace), np.random.default_rng((seed, crc32(b"grow")))
    pieces = [
        piece
        for jobs in _rows_by_user(trace)
        for piece in np.split(jobs, np.flatnonzero(np.diff(week[jobs])) + 1)  # a user's week each
    ]
    begun = np.array([week[piece[0]] for piece in pieces])
    edges_s = np.minimum(np.arange(int(week.max()) + 2) * WEEK_S, trace.span_s)
    share = (edges_s[:-1] + edges_s[1:]) / 2 / (trace.span_s or 1.0)  # the middle of each week
    if factor < 1:
        taken = random.random(len(pieces)) < (1 - factor) * share[begun]
        rows = np.concatenate([piece for piece, gone in zip(pieces, taken, strict=True) if gone] or [np.array([], int)])
        shrunk = trace.without(np.isin(np.arange(len(trace)), rows), "growth")
        return shrunk.changed(f"weeks of users taken away, {numeral(factor)} times as many at the end")
    names = Names(trace)
    parts = [_Part(piece, 0, names.old(piece[0])) for piece in pieces]
    whole = _whole_weeks(trace)
    pieces = [piece for piece, at in zip(pieces, begun, strict=True) if at < whole]
    present = np.bincount(begun, minlength=len(share)).astype(np.float64)
    present[whole:] = len(pieces) / whole  # what is drawn for a last week that is not whole is cut off where it ends
    begun = begun[begun < whole]
    for to in range(len(share)):
        drawn = random.integers(len(pieces), size=_rounded((factor - 1) * share[to] * present[to], random))
        parts += [_Part(pieces[one], to - int(begun[one]), names.new(pieces[one][0])) for one in drawn]
    return _assembled(trace, parts, np.nextafter(trace.span_s, np.inf)).changed(
        f"weeks of more users added, {numeral(factor)} times as many at the end"
    )


class Names:
    """Names of users and their copies, each given once."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._used = set(trace.user.categories)
        self._copies: Counter[str] = Counter()

    def old(self, row: int) -> str:
        """Return the name of the user of a job, which is then no longer new."""
        name = str(self._trace.user[row])
        self._copies[name] = max(self._copies[name], 1)
        return name

    def new(self, row: int) -> str:
        """Return the name for one more user like the one of a job: the name itself the first time."""
        name = str(self._trace.user[row])
        while True:
            copy = self._copies[name]
            self._copies[name] += 1
            if not copy:
                return name
            if f"{name}+{copy}" not in self._used:
                return f"{name}+{copy}"


def _weeks(trace: Trace) -> Integers:
    """Return the week in which each job is submitted, shape (jobs,)."""
    if not len(trace):
        raise TraceError(f"{trace.name}: there are no jobs to draw from")
    if unnamed := int(np.count_nonzero(trace.user.isin([""]))):
        raise TraceError(
            f"{trace.name}: {unnamed:,} of {len(trace):,} jobs name no user, but weeks of users are to be drawn; "
            "use a log whose jobs all name one"
        )
    weeks: Integers = (trace.submit_s // WEEK_S).astype(np.int64)
    return weeks


def _whole_weeks(trace: Trace) -> int:
    """Return how many weeks of the log are whole, at least 1: those after whose sixth day jobs are still submitted."""
    return max(1, int((trace.span_s + DAY_S) // WEEK_S))


def _rows_by_user(trace: Trace) -> list[Integers]:
    """Return the jobs of each user in job order, users in the order of their first job."""
    codes = np.asarray(trace.user.codes)
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return sorted(groups, key=lambda jobs: int(jobs[0]))


def _rounded(number: float, random: np.random.Generator) -> int:
    """Return a whole number whose expectation is ``number``."""
    return int(np.floor(number + random.random()))


def _copies(count: int, times: float, random: np.random.Generator) -> list[int]:
    """Return each of ``count`` things ``times`` times on average, no one more than once more often than another."""
    whole = int(times)
    more = random.permutation(count)[: _rounded((times - whole) * count, random)]
    return [*(list(range(count)) * whole), *sorted(more.tolist())]


def _assembled(trace: Trace, parts: Sequence[_Part], until_s: float) -> Trace:
    """Return the jobs of all parts that are submitted from 0 to before ``until_s``."""
    rows = np.concatenate([part.rows for part in parts] or [np.array([], dtype=np.int64)])
    sizes = [len(part.rows) for part in parts]
    moved_s = np.repeat([part.weeks * WEEK_S for part in parts], sizes)
    submit_s = trace.submit_s[rows] + moved_s
    users = np.repeat(np.array([part.user for part in parts], dtype=object), sizes)
    inside = (submit_s >= 0) & (submit_s < until_s)
    return trace.resubmitted(submit_s[inside], rows[inside], user=pd.Categorical(users[inside]))
