"""Where the waiting of a schedule went, and what in it no replay of a free machine would show.

Waiting is looked at in moments that are spread evenly over all of it: job by job, second by second.  So a share of
the moments is a share of the waiting time, and a long wait counts as much as many short ones of the same sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pwsim.common import DAY_S, HOUR_S
from pwsim.hindcasting.comparison import TOLERANCE_S
from pwsim.hindcasting.schedules import Pair, Schedule, Shares, busy_of
from pwsim.prices import start_of
from pwsim.trace import Floats, Integers, Trace

Booleans = npt.NDArray[np.bool_]

MOMENTS = 4000
"""Moments of waiting that are looked at."""
DOWN_S = HOUR_S
"""A machine that starts nothing for this long, though it is all but empty and jobs wait, counts as down [s]."""
DOWN_SHARE = 0.01
"""A machine is all but empty while jobs hold at most this share of it."""
LEAST_DOWN_JOBS = 2
"""So many jobs must wait, of as many users: a single user may hold jobs back."""
LONG_DOWN_S = 6 * HOUR_S
"""After this, it does not matter whether somebody still submits jobs [s]."""
LONG_S = (HOUR_S, 2 * HOUR_S, 4 * HOUR_S, 8 * HOUR_S, 12 * HOUR_S, DAY_S)
"""Estimates above which jobs may have hours of their own [s]."""
LEAST_LONG_JOBS = 200
"""Fewer jobs than this do not tell at which hours jobs start."""
CLOSED_H = range(4, 19)
"""Lengths of the part of the day that may be closed to long jobs [h]."""
CLOSED_RATIO = 0.25
"""Hours are closed to long jobs if at most this share of the starts of the replay happens in them."""
LEAST_DEFICIT = 0.15
"""And if this share of all starts is missing there."""

PARTS = ("down", "closed_hours", "partition_full", "held", "kept_free", "overtaken", "queueing")
"""What waiting time can be of; see :func:`parts_of_waiting`."""


class Downtimes(NamedTuple):
    """Times in which a machine started nothing, though it was all but empty and jobs waited."""

    start_s: Floats
    """Starts, increasing [s]."""
    end_s: Floats
    """Ends [s]."""

    def within(self, window: tuple[float, float]) -> Downtimes:
        """Return those that reach into a window, in full."""
        meant = (self.end_s > window[0]) & (self.start_s < window[1])
        return Downtimes(self.start_s[meant], self.end_s[meant])

    def hold(self, times_s: Floats) -> Booleans:
        """Return whether each time is in one of them."""
        if not len(self.start_s):
            return np.zeros(len(times_s), dtype=bool)
        last = np.searchsorted(self.start_s, times_s, side="right") - 1
        within: Booleans = (last >= 0) & (times_s < self.end_s[np.maximum(last, 0)])
        return within


class ClosedHours(NamedTuple):
    """Hours of the day at which long jobs hardly start, though they would in the replay."""

    longer_than_s: float
    """Jobs that ask for more than this are meant [s]."""
    from_h: int
    """First hour of the day, on the clock of the log."""
    hours: int
    """Number of hours."""
    weekdays_only: bool
    """Whether Saturdays and Sundays are exempt; else nobody knows which days they are."""
    recorded_share: float
    """Share of the recorded starts of such jobs that happen then; on weekdays if they are told apart."""
    simulated_share: float
    """Share of the simulated starts likewise."""
    week_s: float
    """Start of the trace from Monday at 0:00; 0 if nobody knows [s]."""

    def hold(self, estimate_s: Floats, times_s: Floats) -> Booleans:
        """Return whether a job of some estimate is kept from starting at a time."""
        hour, weekday = _clock(times_s, self.week_s)
        closed = (hour - self.from_h) % 24 < self.hours
        return (estimate_s > self.longer_than_s) & closed & (weekday | (not self.weekdays_only))


class Moments(NamedTuple):
    """Moments spread evenly over all waiting."""

    job: Integers
    """The job that waits, shape (moments,)."""
    time_s: Floats
    """When [s]."""
    free: Booleans
    """Whether as many cores as it needs are free then."""
    partition_full: Booleans
    """Whether its partition would then hold more cores than it ever did; never where the log knows one partition."""
    overtaken: Booleans
    """Whether, while it waits, a job starts that came later and asks for no fewer cores and no less time."""
    mean_s: float
    """Mean wait of the jobs, of those who hardly wait too [s]."""


def moments_of(
    trace: Trace, schedule: Schedule, cores: int, compared: Booleans, shares: Shares | None = None
) -> Moments:
    """Return moments of the waiting in a schedule; none if nobody waits.

    Under first come, first served, with any backfilling, nobody is ever ``overtaken``: where the later job can start,
    the earlier one could.

    Parameters
    ----------
    trace
        The jobs.
    schedule
        When they start and end.
    cores
        Cores of the machine.
    compared
        Whose waiting is meant, shape (jobs,); their starts are known.
    shares
        Parts of the machine that have no core in common; ``None``: jobs share all cores.
    """
    wait_s = np.where(compared, schedule.start_s - trace.submit_s, 0.0)
    mean_s = float(wait_s[compared].mean()) if compared.any() else 0.0
    summed = np.cumsum(np.where(wait_s > TOLERANCE_S, wait_s, 0.0))
    if not len(summed) or not summed[-1]:
        nothing = np.zeros(0, dtype=bool)
        return Moments(np.zeros(0, dtype=np.int64), np.zeros(0), nothing, nothing, nothing, mean_s)
    at_s = (np.arange(MOMENTS) + 0.5) / MOMENTS * summed[-1]
    job = np.searchsorted(summed, at_s, side="right")
    time_s = trace.submit_s[job] + at_s - (summed[job] - wait_s[job])
    if shares is None:
        shares = Shares(np.zeros(len(trace), dtype=np.int64), np.array([cores]))
    free = _free(trace, schedule, shares, job, time_s)
    jobs, inverse = np.unique(job, return_inverse=True)
    overtaken = np.array([_is_overtaken(trace, schedule, one) for one in jobs])[inverse]
    return Moments(job, time_s, free, _partition_full(trace, schedule, job, time_s), overtaken, mean_s)


def parts_of_waiting(
    trace: Trace, moments: Moments, downtimes: Downtimes | None = None, closed: ClosedHours | None = None
) -> dict[str, float]:
    """Split the mean wait of a schedule into its causes [s].

    ``down``: nothing runs.  With enough cores free: ``closed_hours``, long jobs at hours closed to them;
    ``partition_full``, the job's partition is as full as it ever gets; ``held``, later jobs that ask for no less start
    meanwhile; ``kept_free``, none does.  Else: ``overtaken``, later jobs that ask for no less start first;
    ``queueing``, all in turn.
    """
    count, job, time_s = len(moments.job), moments.job, moments.time_s
    down = downtimes.hold(time_s) if downtimes is not None else np.zeros(count, dtype=bool)
    shut = closed.hold(trace.estimate_s[job], time_s) if closed is not None else np.zeros(count, dtype=bool)
    elsewhere = ~down & moments.free & ~shut
    kinds: Mapping[str, Booleans] = {
        "down": down,
        "closed_hours": ~down & moments.free & shut,
        "partition_full": elsewhere & moments.partition_full,
        "held": elsewhere & ~moments.partition_full & moments.overtaken,
        "kept_free": elsewhere & ~moments.partition_full & ~moments.overtaken,
        "overtaken": ~down & ~moments.free & moments.overtaken,
        "queueing": ~down & ~moments.free & ~moments.overtaken,
    }
    return {name: moments.mean_s * float(kinds[name].mean()) if count else 0.0 for name in PARTS}


def find_downtimes(trace: Trace, schedule: Schedule, cores: int, closed: ClosedHours | None = None) -> Downtimes:
    """Return when a machine was down, by its schedule.

    A downtime is a time of at least :data:`DOWN_S` without a start, in which jobs hold at most :data:`DOWN_SHARE` of
    the cores although jobs wait: at least :data:`LEAST_DOWN_JOBS` that have come meanwhile, of as many users if the log
    knows users; or for :data:`LONG_DOWN_S`, as many that were there before.  Jobs that only start at some hours of the
    day do not count.
    """
    known = ~np.isnan(schedule.start_s)
    start_s, busy = np.sort(schedule.start_s[known]), busy_of(schedule, trace.procs)
    counted = known if closed is None else known & (trace.estimate_s <= closed.longer_than_s)
    submit_s, began_s, user = trace.submit_s[counted], schedule.start_s[counted], trace.user.codes[counted]
    found: list[tuple[float, float]] = []
    for index in np.flatnonzero(np.diff(start_s) >= DOWN_S):
        last_s, next_s = float(start_s[index]), float(start_s[index + 1])
        # Nothing starts in between, so cores only become free: empty from some time on.
        events = slice(*np.searchsorted(busy.time_s, [last_s, next_s]))
        empty = np.flatnonzero(busy.cores[events] <= DOWN_SHARE * cores)
        if not len(empty):
            continue
        empty_s = max(last_s, float(busy.time_s[events][empty[0]]))
        came, by_then = np.searchsorted(submit_s, [empty_s, next_s], side="left")
        waiting = np.flatnonzero(began_s[:by_then] >= next_s)
        before, new = waiting[waiting < came], waiting[waiting >= came]
        if _enough(user[before]) and next_s - empty_s >= LONG_DOWN_S:
            found.append((empty_s, next_s))
        elif _enough(user[new]):
            begin_s = empty_s if len(before) else float(submit_s[new[0]])
            if next_s - begin_s >= DOWN_S:
                found.append((begin_s, next_s))
    starts, ends = zip(*found, strict=True) if found else ((), ())
    return Downtimes(np.array(starts, dtype=float), np.array(ends, dtype=float))


def _enough(user: Integers) -> bool:
    """Tell whether so many jobs wait, of so many users, that none of them can be the reason."""
    users = np.unique(user)
    return len(user) >= LEAST_DOWN_JOBS and (len(users) >= LEAST_DOWN_JOBS or users[0] < 0)


def find_closed_hours(pair: Pair) -> ClosedHours | None:
    """Return at which hours of the day long jobs hardly start in the record, though they do in the replay."""
    start = start_of(pair.trace)
    week_s = 0.0 if start is None else start.week_s
    best: tuple[float, ClosedHours] | None = None
    for longer_than_s in LONG_S:
        long = pair.compared & (pair.trace.estimate_s > longer_than_s)
        if np.count_nonzero(long) < LEAST_LONG_JOBS:
            continue
        shares = []
        for schedule in (pair.recorded, pair.simulated):
            hour, weekday = _clock(schedule.start_s[long], week_s)
            counted = weekday if start is not None else np.ones(len(hour), dtype=bool)
            by_hour = np.bincount(hour[counted], minlength=24) / max(1, int(np.count_nonzero(counted)))
            shares.append(np.concatenate(([0.0], np.cumsum(np.tile(by_hour, 2)))))
        for hours in CLOSED_H:
            for from_h in range(24):
                there, wanted = (one[from_h + hours] - one[from_h] for one in shares)
                missing = wanted - there
                if there <= CLOSED_RATIO * wanted and missing >= LEAST_DEFICIT:
                    weight = missing * float(np.count_nonzero(long))
                    if best is None or weight > best[0]:
                        closed = ClosedHours(
                            longer_than_s, from_h, hours, start is not None, float(there), float(wanted), week_s
                        )
                        best = (weight, closed)
    return None if best is None else best[1]


def passing_share(schedule: Schedule) -> float:
    """Return the share of the jobs that start before a job that was submitted earlier: 0 without backfilling.

    Parameters
    ----------
    schedule
        Jobs whose starts are known.
    """
    start_s = schedule.start_s
    if not len(start_s):
        return 0.0
    return float(np.count_nonzero(start_s < np.maximum.accumulate(start_s) - TOLERANCE_S)) / len(start_s)


def users_with_half_of_waiting(user: Integers, wait_s: Floats) -> int:
    """Return how few users have half of all waiting time; users are numbers from 0."""
    by_user = np.sort(np.bincount(user, wait_s))[::-1]
    return int(np.searchsorted(np.cumsum(by_user), by_user.sum() / 2)) + 1


def _is_overtaken(trace: Trace, schedule: Schedule, job: int) -> bool:
    """Tell whether a job sees one start that came after it and asks for no fewer cores and no less time."""
    start_s = schedule.start_s[job]
    later = slice(job + 1, int(np.searchsorted(trace.submit_s, start_s)))
    first = schedule.start_s[later] < start_s - TOLERANCE_S
    no_less = (trace.procs[later] >= trace.procs[job]) & (trace.estimate_s[later] >= trace.estimate_s[job])
    return bool((first & no_less).any())


def _free(trace: Trace, schedule: Schedule, shares: Shares, job: Integers, time_s: Floats) -> Booleans:
    """Tell whether each waiting job's part of the machine has as many free cores as it needs."""
    free = np.zeros(len(job), dtype=bool)
    for part, cores in enumerate(shares.cores):
        member, here = shares.part == part, shares.part[job] == part
        busy = busy_of(schedule.of(member), trace.procs[member])
        free[here] = busy.at(time_s[here]) + trace.procs[job[here]] <= cores
    return free


def _partition_full(trace: Trace, schedule: Schedule, job: Integers, time_s: Floats) -> Booleans:
    """Tell whether the partition of each waiting job would hold more cores than it ever did if the job started."""
    code, full = trace.partition.codes, np.zeros(len(job), dtype=bool)
    if len(np.unique(code)) == 1:
        return full
    for one in np.unique(code[job]):
        member, here = code == one, code[job] == one
        busy = busy_of(schedule.of(member), trace.procs[member])
        full[here] = busy.at(time_s[here]) + trace.procs[job[here]] > busy.cores.max(initial=0)
    return full


def _clock(times_s: Floats, week_s: float) -> tuple[Integers, Booleans]:
    """Return the hour of the day of each time, and whether the day is from Monday to Friday."""
    since_monday_s = (times_s + week_s) % (7 * DAY_S)
    hour = (since_monday_s % DAY_S // HOUR_S).astype(np.int64)
    weekday: Booleans = since_monday_s < 5 * DAY_S
    return hour, weekday
