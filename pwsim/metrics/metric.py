"""The metrics: all that is known of each stands in its record (semantics §7).

Columns, targets, summary, report, schema and reference read the records: a metric is added by adding one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pwsim.common import DAY_S, HOUR_S, duration, money, numeral, share
from pwsim.metrics.measures import STATISTICS, bounded_slowdown, exact_sum, share_of, statistic
from pwsim.metrics.seen import Seen


@dataclass(frozen=True)
class Metric:
    """A metric, and all that is known of it."""

    name: str
    """What it is called in scenarios, tables and ``summary.json``."""
    unit: str
    """Its unit; empty if it has none."""
    words: str
    """What it is called in sentences."""
    text: str
    """What it is exactly, as tables and the reference tell it."""
    of: Literal["job", "stretch", "replay", "bill"]
    """What it is measured of: each job, any stretch of time, the whole replay only, or its bill."""
    compute: Callable[[Any], Any]
    """Gives its value of what was seen, or of the bill; of each job its values, shape (jobs,), NaN for those that were
    rejected."""
    is_share: bool = False
    """Whether it is a share, from 0 to 1."""
    can_be_target: bool = True
    """Whether a scenario may set a limit on it."""

    @property
    def statistics(self) -> tuple[str, ...]:
        """The statistics that sum it up; none if it is one figure already."""
        return STATISTICS if self.of == "job" else ()

    def named(self, statistic: str | None = None) -> str:
        """Return the name of it, or of a statistic of it, in sentences."""
        if statistic is None:
            return self.words
        words = {"mean": f"mean {self.words}", "max": f"largest {self.words}", "p50": f"median {self.words}"}
        return words.get(statistic, f"{statistic[1:]}th percentile of the {self.words}")

    def columns(self) -> dict[str, tuple[str, str]]:
        """Return unit and meaning of its columns in a table of replays."""
        if not self.statistics:
            return {self.name: (self.unit, self.text)}
        return {f"{self.name}_{one}": (self.unit, self.named(one)) for one in self.statistics}

    def figures(self, seen: Seen) -> dict[str, float]:
        """Return its values by column; NaN where it has no meaning.

        Of a metric of each job these are the statistics of the jobs that are submitted in the window and served.
        """
        found = self.compute(seen)
        if not self.statistics:
            return {self.name: found}
        about = found[seen.served & seen.measured]
        return {f"{self.name}_{one}": statistic(about, one) for one in self.statistics}


def _rate(amount: float, seen: Seen, unit_s: float) -> float:
    """Return an amount of the window by its hours, or days; NaN where it has no length."""
    return amount / (seen.window_s / unit_s) if seen.window_s else math.nan


def _utilization(seen: Seen) -> float:
    return seen.busy_core_s / seen.up_core_s if seen.up_core_s else math.nan


def _gpu_utilization(seen: Seen) -> float:
    return seen.busy_gpu_s / seen.up_gpu_s if seen.up_gpu_s else math.nan


def _jobs_per_hour(seen: Seen) -> float:
    end_s, (from_s, until_s) = seen.end_s[seen.completed], seen.window
    return _rate(int(np.count_nonzero((end_s >= from_s) & (end_s <= until_s))), seen, HOUR_S)


def _lost_core_hours(seen: Seen) -> float:
    return exact_sum(seen.trace.procs[seen.attempts.job] * seen.attempts.part * seen.attempts.lost_s) / HOUR_S


def _makespan_s(seen: Seen) -> float:
    return float(seen.end_s[seen.served].max()) if seen.served.any() else math.nan


METRICS: Mapping[str, Metric] = {
    one.name: one
    for one in (
        Metric(
            "utilization",
            unit="",
            words="utilisation",
            text="busy share of the cores that are up",
            of="stretch",
            compute=_utilization,
            is_share=True,
        ),
        Metric(
            "gpu_utilization",
            unit="",
            words="utilisation of GPUs",
            text="busy share of the GPUs that are up",
            of="stretch",
            compute=_gpu_utilization,
            is_share=True,
        ),
        Metric(
            "throughput_jobs_per_hour",
            unit="jobs/h",
            words="jobs completed an hour",
            text="jobs that complete in the measurement window by its hours",
            of="stretch",
            compute=_jobs_per_hour,
        ),
        Metric(
            "delivered_core_hours_per_day",
            unit="core-h/day",
            words="core-hours delivered a day",
            text="core-hours that jobs hold in the measurement window by its days",
            of="stretch",
            compute=lambda seen: _rate(seen.busy_core_s / HOUR_S, seen, DAY_S),
        ),
        Metric(
            "jobs_completed",
            unit="jobs",
            words="completed jobs",
            text="jobs that ran to their end",
            of="replay",
            compute=lambda seen: int(np.count_nonzero(seen.completed)),
        ),
        Metric(
            "jobs_killed",
            unit="jobs",
            words="killed jobs",
            text="jobs that were ended at their estimate",
            of="replay",
            compute=lambda seen: int(np.count_nonzero(seen.killed)),
        ),
        Metric(
            "jobs_rejected",
            unit="jobs",
            words="rejected jobs",
            text="jobs that no pool takes",
            of="replay",
            compute=lambda seen: int(np.count_nonzero(seen.rejected)),
        ),
        Metric(
            "rejected_work_share",
            unit="",
            words="share of the work that is rejected",
            text="share of the work of all jobs that those have which no pool takes",
            of="replay",
            compute=lambda seen: share_of(seen.work_core_s, seen.rejected),
            is_share=True,
        ),
        Metric(
            "jobs_failed",
            unit="jobs",
            words="jobs that failed after too many interruptions",
            text="jobs that were given up after too many interruptions",
            of="replay",
            compute=lambda seen: int(np.count_nonzero(seen.failed)),
        ),
        Metric(
            "restarts",
            unit="",
            words="restarts after interruptions",
            text="restarts after interruptions",
            of="replay",
            compute=lambda seen: int(seen.restarts.sum()),
        ),
        Metric(
            "lost_core_hours",
            unit="core-h",
            words="core-hours of lost work",
            text="core-hours that jobs held in vain: restarts, and work that no checkpoint kept",
            of="replay",
            compute=_lost_core_hours,
        ),
        Metric(
            "makespan_s",
            unit="s",
            words="time until the last job has ended",
            text="end of the last job",
            of="replay",
            compute=_makespan_s,
        ),
        Metric(
            "wait_s",
            unit="s",
            words="waiting time",
            text="start less submission",
            of="job",
            compute=lambda seen: seen.start_s - seen.submit_s,
        ),
        Metric(
            "bounded_slowdown",
            unit="",
            words="bounded slowdown",
            text="max(1, turnaround / max(run, 10 s))",
            of="job",
            compute=lambda seen: bounded_slowdown(seen.end_s - seen.submit_s, seen.run_s),
        ),
        Metric(
            "turnaround_s",
            unit="s",
            words="time from submission to end",
            text="end less submission",
            of="job",
            compute=lambda seen: seen.end_s - seen.submit_s,
        ),
    )
}
"""The metrics of a replay by name, in the order of their columns."""

BILL_METRICS: Mapping[str, Metric] = {
    one.name: one
    for one in (
        Metric(
            "cost_usd_per_year",
            unit="USD/year",
            words="cost",
            text="sum of the parts of the cost",
            of="bill",
            compute=lambda bill: bill.figures()["cost_usd_per_year"],
        ),
        Metric(
            "carbon_kg_per_year",
            unit="kg/year",
            words="carbon dioxide emitted",
            text="carbon dioxide (equivalent)",
            of="bill",
            compute=lambda bill: bill.carbon_kg_per_year,
        ),
    )
}
"""Figures of the bill that a scenario may set a limit on, or have made as small as can be."""
ALL_METRICS: Mapping[str, Metric] = {**METRICS, **BILL_METRICS}
"""Both by name."""

JOB_METRICS = tuple(one for one in METRICS.values() if one.of == "job")
"""What is measured of each job, and then summed up by statistics."""

TARGET_METRICS = tuple(
    one.name for one in sorted(ALL_METRICS.values(), key=lambda one: one.of != "job") if one.can_be_target
)
"""Names of those that a scenario may set a limit on: first what is measured of each job, and the bill last."""

METRIC_COLUMNS = {name: told for one in METRICS.values() for name, told in one.columns().items()}
"""Unit and meaning of the columns of metrics in a table of replays."""


def measure(seen: Seen) -> dict[str, float]:
    """Return all metrics by column; NaN where a figure has no meaning."""
    return {name: value for one in METRICS.values() for name, value in one.figures(seen).items()}


def meets(achieved: Any, *, at_most: float | None, at_least: float | None) -> Any:
    """Return whether a value, or each of an array, is good enough, of two limits of which one is set; NaN never is.

    Examples
    --------
    >>> meets(3.0, at_most=4.0, at_least=None), meets(math.nan, at_most=None, at_least=0.0)
    (True, False)
    """
    return achieved <= at_most if at_least is None else achieved >= at_least


def value_text(metric: str, value: float | None) -> str:
    """Return a value of a metric with its unit."""
    if value is None or math.isnan(value):
        return "no job"
    known = ALL_METRICS[metric]
    if known.unit == "s":
        return duration(value)
    if known.is_share:
        return share(value)
    texts = {"USD/year": f"{money(value)} a year", "kg/year": f"{numeral(value, 4)} kg a year"}
    return texts.get(known.unit, numeral(value, 4))


def statistic_text(metric: str, statistic: str | None) -> str:
    """Return a metric and its statistic in words.

    Examples
    --------
    >>> statistic_text("wait_s", "p95"), statistic_text("wait_s", "mean")
    ('95th percentile of the waiting time', 'mean waiting time')
    """
    return ALL_METRICS[metric].named(statistic)
