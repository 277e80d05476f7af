"""Recorded and simulated waits side by side: measured here, judged in :mod:`pwsim.hindcasting.limits`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim import metrics
from pwsim.common import DAY_S, HOUR_S, duration
from pwsim.hindcasting.schedules import Pair, busy_of
from pwsim.metrics import LEAST_WEEK_JOBS
from pwsim.trace import Floats, Integers, Trace

NEGLIGIBLE_S = 300.0
"""Waits that are both below this differ for nobody who plans: they count as this in all that is judged.
Logs round to minutes, and schedulers look at their queue once in a while, so below it a record is mostly noise [s]."""
TOLERANCE_S = 60.0
"""Events that are nearer than this count as simultaneous: many logs record whole minutes [s]."""
COMPARED_STATISTICS = ("mean", "p50", "p95")
"""What is compared of the waits of each group of jobs."""
ESTIMATE_EDGES_S = (900.0, HOUR_S, 4 * HOUR_S, 12 * HOUR_S, DAY_S, 3 * DAY_S)
"""Upper ends of the classes of estimated run times [s]."""
LEAST_SHARE = 0.01
"""Partitions of the log, and queues, with fewer of the jobs than this have no row of their own."""
LEAST_HOURS = 24
"""A queue over fewer hours than this is not correlated."""
LEAST_WEEKS = 4
"""Fewer weeks than this have no correlation."""

COMPARISON_COLUMNS: dict[str, tuple[str, str]] = {
    "class_by": (
        "",
        "what the jobs are grouped by: all, procs, estimate_s, week, partition (of the site if it has some), queue",
    ),
    "class_name": ("", "the class: a range of sizes or estimates, the number of the week from 0, or a name"),
    "jobs": ("jobs", "jobs whose recorded and simulated waits are compared"),
    **{
        f"{prefix}wait_s_{name}": ("s", f"{text} wait, {name}")
        for prefix, text in (("recorded_", "recorded"), ("", "simulated"))
        for name in COMPARED_STATISTICS
    },
}
"""Unit and meaning of the columns of ``comparison.parquet``."""

HOURLY_COLUMNS: dict[str, tuple[str, str]] = {
    "time_s": ("s", "start of the hour, from the first submission that is compared"),
    **{
        f"{prefix}{name}": (unit, f"{text}, of those whose starts are known on both sides, mean of the hour, {how}")
        for name, unit, text in (
            ("busy_cores", "cores", "cores that jobs hold"),
            ("queued_jobs", "jobs", "waiting jobs"),
            ("queued_cores", "cores", "cores that waiting jobs ask for"),
        )
        for prefix, how in (("recorded_", "recorded"), ("", "simulated"))
    },
}
"""Unit and meaning of the columns of ``comparison_hourly.parquet``."""


def by_group(
    trace: Trace, recorded_wait_s: Floats, wait_s: Floats, *, least_partition: float = LEAST_SHARE
) -> pd.DataFrame:
    """Return recorded and simulated waits by groups of jobs (:data:`COMPARISON_COLUMNS`).

    Parameters
    ----------
    trace
        The jobs.
    recorded_wait_s, wait_s
        Their waits, none of them NaN [s], shape (jobs,).
    least_partition
        Partitions with a smaller share of the jobs have no row of their own.
    """
    rows = []
    for by, label, member in _groups(trace, least_partition):
        row: dict[str, Any] = {"class_by": by, "class_name": label, "jobs": int(np.count_nonzero(member))}
        for prefix, waits_s in (("recorded_", recorded_wait_s), ("", wait_s)):
            for name in COMPARED_STATISTICS:
                row[f"{prefix}wait_s_{name}"] = metrics.statistic(waits_s[member], name)
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def hourly(pair: Pair) -> pd.DataFrame:
    """Return busy cores and queues, recorded and simulated, by the hour from the first submission to the last.

    Both are those of the same jobs: a job of which one start is not known counts on neither side.
    """
    table: dict[str, Any] = {"time_s": pair.edges_s[:-1]}
    submit_s, procs = pair.trace.submit_s[pair.known] - pair.window[0], pair.trace.procs[pair.known]
    weights: dict[str, tuple[Floats, Floats, Floats | Integers]]
    for prefix, schedule in (("recorded_", pair.recorded), ("", pair.simulated)):
        start_s, end_s = (times_s - pair.window[0] for times_s in schedule.of(pair.known))
        weights = {
            "busy_cores": (start_s, end_s, procs),
            "queued_jobs": (submit_s, start_s, np.ones(len(procs))),
            "queued_cores": (submit_s, start_s, procs),
        }
        for name, (from_s, to_s, weight) in weights.items():
            table[f"{prefix}{name}"] = _hourly_mean(from_s, to_s, weight, pair.edges_s)
    return pd.DataFrame(table, columns=list(HOURLY_COLUMNS))


def _hourly_mean(from_s: Floats, to_s: Floats, weight: Floats | Integers, edges_s: Floats) -> Floats:
    """Return the mean of what intervals of a weight sum up to, between each edge and the next, shape (edges - 1,)."""
    summed, length_s = np.diff(metrics.integral(from_s, to_s, weight, edges_s)), np.diff(edges_s)
    mean = np.divide(summed, length_s, out=np.zeros(len(length_s)), where=length_s > 0)
    return np.maximum(mean, 0.0)


def _long_queues(pair: Pair) -> tuple[Floats, Floats]:
    """Return by the hour how many of the jobs queue that have waited for longer than what is negligible."""
    since_s = pair.trace.submit_s[pair.known] + NEGLIGIBLE_S - pair.window[0]
    recorded, simulated = (
        _hourly_mean(since_s, np.maximum(since_s, start_s), np.ones(len(since_s)), pair.edges_s)
        for start_s in (one.start_s[pair.known] - pair.window[0] for one in (pair.recorded, pair.simulated))
    )
    return recorded, simulated


def figures(pair: Pair, groups: pd.DataFrame, rejections: Mapping[str, metrics.Booleans]) -> dict[str, float]:
    """Return the figures that tell how well a replay reproduces the record; NaN where one has no meaning.

    Parameters
    ----------
    pair
        The two schedules.
    groups
        From :func:`by_group`.
    rejections
        Jobs that no pool takes, by reason (:meth:`pwsim.Cluster.rejections`).
    """
    trace, recorded, compared = pair.trace, pair.recorded, pair.compared
    recorded_s, simulated_s = ((one.start_s - trace.submit_s)[compared] for one in (recorded, pair.simulated))
    weeks = groups[(groups["class_by"] == "week") & (groups["jobs"] >= LEAST_WEEK_JOBS)]
    figures: dict[str, float] = {
        "jobs_compared": int(np.count_nonzero(compared)),
        "jobs_without_recorded_wait": int(np.count_nonzero(pair.measured & np.isnan(recorded.start_s))),
        **_rejected(pair, rejections),
    }
    for prefix, waits_s in (("recorded_", recorded_s), ("", simulated_s)):
        figures |= {f"{prefix}wait_s_{name}": metrics.statistic(waits_s, name) for name in metrics.STATISTICS}
    return {
        **figures,
        "ks_distance": ks_distance(recorded_s, simulated_s),
        "ks_distance_beyond_5_min": ks_distance(*(np.maximum(one, NEGLIGIBLE_S) for one in (recorded_s, simulated_s))),
        "queued_jobs_correlation": correlation(*_long_queues(pair)) if len(pair.edges_s) > LEAST_HOURS else math.nan,
        "weekly_wait_correlation": (
            correlation(*(np.maximum(weeks[f"{one}wait_s_mean"], NEGLIGIBLE_S) for one in ("recorded_", "")))
            if len(weeks) >= LEAST_WEEKS
            else math.nan
        ),
        **_use(pair),
    }


def _rejected(pair: Pair, rejections: Mapping[str, metrics.Booleans]) -> dict[str, float]:
    """Return how much of the window no pool takes."""
    measured, work_core_s = pair.measured, pair.trace.procs * pair.trace.run_s
    rejected = measured & np.logical_or.reduce(list(rejections.values()))
    too_wide, whole_core_s = measured & rejections["procs"], math.fsum(work_core_s[measured])
    return {
        "jobs_rejected": int(np.count_nonzero(rejected)),
        "jobs_too_wide": int(np.count_nonzero(too_wide)),
        "share_of_jobs_too_wide": np.count_nonzero(too_wide) / np.count_nonzero(measured),
        "share_of_work_rejected": math.fsum(work_core_s[rejected]) / whole_core_s if whole_core_s else 0.0,
    }


def _use(pair: Pair) -> dict[str, float]:
    """Return how many of the cores jobs hold by the record, in the window.

    That is not known if only some starts were recorded.  But the cores that are held too many then are held at least.
    """
    recorded, procs, window = pair.recorded, pair.trace.procs, pair.window
    whole, ran = pair.recorded_share == 1, ~np.isnan(recorded.start_s)
    held_core_s = metrics.busy_core_s(recorded.start_s[ran], recorded.end_s[ran], procs[ran], window)
    busy = busy_of(recorded, procs).within(window)
    shorter = busy_of(recorded._replace(end_s=recorded.end_s - TOLERANCE_S), procs).within(window)
    above_s = math.fsum(np.diff(shorter.time_s)[shorter.cores[:-1] > pair.cores])
    return {
        "recorded_utilization": held_core_s / (pair.cores * pair.span_s) if whole and pair.span_s else math.nan,
        "recorded_peak_cores": int(busy.cores.max(initial=0)) if whole else math.nan,
        "recorded_share_of_time_above_cores": above_s / pair.span_s if pair.span_s else math.nan,
    }


def ks_distance(one: Floats, other: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance: the largest difference of two cumulative distributions, from 0 to 1.

    Examples
    --------
    >>> ks_distance(np.array([0.0, 0.0, 10.0, 20.0]), np.array([0.0, 10.0, 10.0, 20.0]))
    0.25
    """
    if not len(one) or not len(other):
        return math.nan
    values = np.concatenate([one, other])
    below = [np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def correlation(one: Any, other: Any) -> float:
    """Return Pearson's correlation; NaN where a series does not vary, for then there is nothing to correlate.

    Examples
    --------
    >>> correlation([1, 2, 3], [2, 4, 6.0]), correlation([1, 2], [1, 1])
    (1.0, nan)
    """
    x, y = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if not len(x) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))


def _groups(trace: Trace, least_partition: float) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    """Yield what jobs are grouped by, the name of the group, and which jobs are in it."""
    yield "all", "all", np.ones(len(trace), dtype=bool)
    size = metrics.size_class(trace.procs)
    for one in np.unique(size):
        yield "procs", metrics.size_label(int(one)), size == one
    length = np.searchsorted(ESTIMATE_EDGES_S, trace.estimate_s)
    for one in np.unique(length):
        yield "estimate_s", _estimate_label(int(one)), length == one
    week = (trace.submit_s // (7 * DAY_S)).astype(np.int64)
    for one in np.unique(week):
        yield "week", str(one), week == one
    for column, least in (("partition", least_partition), ("queue", LEAST_SHARE)):
        names = trace.table[column]
        jobs = np.bincount(names.codes, minlength=len(names.categories))
        large = np.flatnonzero(jobs >= max(1, least * len(trace)))
        if len(large) > 1:
            for code in large:
                yield column, str(names.categories[code]) or "(none)", names.codes == code


def _estimate_label(index: int) -> str:
    """Return the words for a class of estimates.

    Examples
    --------
    >>> _estimate_label(0), _estimate_label(2), _estimate_label(6)
    ('up to 15 min', '1 h to 4 h', 'above 3 d')
    """
    if index == 0:
        return f"up to {duration(ESTIMATE_EDGES_S[0])}"
    if index == len(ESTIMATE_EDGES_S):
        return f"above {duration(ESTIMATE_EDGES_S[-1])}"
    return f"{duration(ESTIMATE_EDGES_S[index - 1])} to {duration(ESTIMATE_EDGES_S[index])}"
