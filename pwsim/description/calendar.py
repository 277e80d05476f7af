"""When jobs of a log come: span, weeks and their load, hours and weekdays, gaps, and how exact its times are.

Hours, weekdays and dates are what the site's clock showed, summer time included, where its zone is known by name: users
follow that clock.  (The submissions of KTH-SP2 shift by most of an hour against UTC when its clock is changed.)
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pwsim.common import DAY_S, HOUR_S, WEEK_S
from pwsim.prices import EPOCH_S, dated_start
from pwsim.trace import Floats, Trace

CORE_SHARE = 0.98
"""The middle of a log: the shortest part of it that leaves out a hundredth of the jobs at either end."""

EPOCH_WEEKDAY = 3
"""1970 began on a Thursday; Monday is 0."""

LEAST_GAP_S = DAY_S
"""A time without a submission is a gap if it lasts for a day at least, which no night does,"""
LEAST_MISSED = 20.0
"""and if at the mean rate so many jobs would have come: by Poisson's law none come with a probability of 2e-9."""


LEAST_TIMES = 5
"""So many different times are whole minutes by chance less than once in 10 million logs (60 ** -4, as the first of them
may be any); of fewer, nothing is said."""


def facts(trace: Trace, cores: int | None, time_zone: str) -> dict[str, Any]:
    """Return the part of the profile that has to do with time.

    Parameters
    ----------
    trace
        The jobs.
    cores
        Processors of the machine, if they are known.
    time_zone
        Zone in which hours and weekdays are counted, where times are seconds since 1970.
    """
    start, clock = _start(trace, time_zone)
    work_s = trace.run_s * trace.procs
    busy = float(work_s.sum()) / trace.span_s if trace.span_s else None
    first_s, last_s = np.quantile(trace.submit_s, [(1 - CORE_SHARE) / 2, (1 + CORE_SHARE) / 2]).tolist()
    early = trace.submit_s < first_s
    return {
        "span": {
            "span_s": trace.span_s,
            "weeks": trace.span_s / WEEK_S,
            "first_submit": _date(start, 0.0),
            "last_submit": _date(start, trace.span_s),
            "clock": clock,
            "middle_start_s": first_s,
            "middle_end_s": last_s,
            "first_jobs": int(np.count_nonzero(early)),
            "first_jobs_work_share": float(work_s[early].sum() / (work_s.sum() or 1.0)),
            "first_jobs_run_s_p50": float(np.median(trace.run_s[early])) if early.any() else None,
            "other_jobs_run_s_p90": float(np.quantile(trace.run_s[~early], 0.9)),
            "middle_span_share": (last_s - first_s) / trace.span_s if trace.span_s else 1.0,
        },
        "load": {
            "offered_load": busy / cores if busy is not None and cores else None,
            "cores_in_demand": busy,
            "by_week": _weeks(trace, work_s, cores),
        },
        "arrivals": _arrivals(trace, start),
        "gaps": _gaps(trace, start),
        "rounding": _rounding(trace),
    }


def _start(trace: Trace, time_zone: str) -> tuple[datetime | None, str]:
    """Return the first submission with its zone, ``None`` on an arbitrary clock, and where it is known from."""
    if (dated := dated_start(trace)) is not None:
        return dated
    if trace.first_submit_s < EPOCH_S:
        return None, "the log's own clock, which starts at an arbitrary time"
    first = datetime.fromtimestamp(trace.first_submit_s, tz=UTC).astimezone(ZoneInfo(time_zone))
    return first, f"times of the log, {time_zone}"


def _local_s(start: datetime, later_s: Floats) -> Floats:
    """Return the time that the clock of the start's zone shows some time later, as seconds since 1970 on that clock."""
    instant_us = np.floor((start.timestamp() + later_s) * 1e6).astype("datetime64[us]")
    local = pd.DatetimeIndex(instant_us, tz="UTC").tz_convert(start.tzinfo).tz_localize(None)
    shown_s: Floats = local.to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6
    return shown_s


def _date(start: datetime | None, later_s: float) -> str | None:
    if start is None:
        return None
    local_s = float(_local_s(start, np.array([later_s]))[0])
    return datetime.fromtimestamp(local_s, tz=UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


def _weeks(trace: Trace, work_s: Floats, cores: int | None) -> list[dict[str, Any]]:
    """Return jobs and offered work of each seven days from the first submission; the last are mostly fewer."""
    week = (trace.submit_s // WEEK_S).astype(np.int64)
    jobs, work_of = np.bincount(week), np.bincount(week, weights=work_s)
    gpus_of = np.bincount(week, weights=trace.gpus * trace.run_s)
    rows = []
    for number in range(len(jobs)):
        length_s = min(trace.span_s - number * WEEK_S, WEEK_S)
        demand = float(work_of[number]) / length_s if length_s else None
        rows.append(
            {
                "week": number + 1,
                "days": length_s / DAY_S,
                "jobs": int(jobs[number]),
                "core_hours": float(work_of[number]) / HOUR_S,
                "cores_in_demand": demand,
                "gpus_in_demand": float(gpus_of[number]) / length_s if length_s else None,
                "offered_load": demand / cores if demand is not None and cores else None,
            }
        )
    return rows


def _arrivals(trace: Trace, start: datetime | None) -> dict[str, Any]:
    """Return the jobs by hour and weekday of the submission; weekdays are ``None`` on an arbitrary clock."""
    clock_s = _local_s(start, trace.submit_s) if start else trace.submit_s + trace.first_submit_s % DAY_S
    hour = (clock_s // HOUR_S % 24).astype(np.int64)
    day = ((clock_s // DAY_S + EPOCH_WEEKDAY) % 7).astype(np.int64)
    between_s = np.diff(trace.submit_s)
    return {
        "by_hour": np.bincount(hour, minlength=24).tolist(),
        "by_weekday": np.bincount(day, minlength=7).tolist() if start else None,
        "jobs_per_day": len(trace) / (trace.span_s / DAY_S) if trace.span_s else None,
        "same_second_share": float(np.mean(between_s == 0)) if len(between_s) else 0.0,
    }


def _gaps(trace: Trace, start: datetime | None) -> list[dict[str, Any]]:
    """Return the times without submissions that are too long to be chance, longest first."""
    between_s = np.diff(trace.submit_s)
    if not trace.span_s:
        return []
    missed = between_s / trace.span_s * len(trace)
    found = np.flatnonzero((between_s >= LEAST_GAP_S) & (missed >= LEAST_MISSED))
    found = found[np.argsort(-between_s[found], kind="stable")]
    return [
        {
            "start_s": float(trace.submit_s[at]),
            "length_s": float(between_s[at]),
            "start": _date(start, float(trace.submit_s[at])),
            "missed_jobs": float(missed[at]),
        }
        for at in found
    ]


def _rounding(trace: Trace) -> dict[str, float | None]:
    """Return the shares of times that are whole minutes; ``None`` where too few are different.

    Of submissions, those of different instants count, after the same second of the minute.
    """
    instants = np.unique(np.floor(trace.first_submit_s + trace.submit_s))
    seconds = (instants % 60).astype(np.int64)
    return {
        "submit_s": float(np.bincount(seconds).max() / len(instants)) if len(instants) >= LEAST_TIMES else None,
        "run_s": _whole_minutes(trace.run_s),
        "recorded_wait_s": _whole_minutes(trace.recorded_wait_s),
    }


def _whole_minutes(times_s: Floats) -> float | None:
    """Return the share of positive times that are whole minutes, ``None`` if too few are different."""
    positive_s = times_s[times_s > 0]
    return float(np.mean(positive_s % 60 == 0)) if len(np.unique(positive_s)) >= LEAST_TIMES else None
