"""Metrics and their values in words."""

from __future__ import annotations

import math

from pwsim.common import duration, numeral, share

METRIC_NAMES = {
    "wait_s": "waiting time",
    "bounded_slowdown": "bounded slowdown",
    "turnaround_s": "time from submission to end",
    "throughput_jobs_per_hour": "jobs completed an hour",
    "delivered_core_hours_per_day": "core-hours delivered a day",
    "utilization": "utilisation",
    "gpu_utilization": "utilisation of GPUs",
    "makespan_s": "time until the last job has ended",
    "jobs_completed": "completed jobs",
    "jobs_killed": "killed jobs",
    "jobs_rejected": "rejected jobs",
    "rejected_work_share": "share of the work that is rejected",
    "jobs_failed": "jobs that failed after too many interruptions",
    "restarts": "restarts after interruptions",
    "lost_core_hours": "core-hours of lost work",
}
"""What each metric is called in sentences."""

SHARES = ("utilization", "gpu_utilization", "rejected_work_share")
"""Metrics that are shares, from 0 to 1."""


def value_text(metric: str, value: float | None) -> str:
    """Return a value of a metric with its unit."""
    if value is None or math.isnan(value):
        return "no job"
    if metric.endswith("_s"):
        return duration(value)
    if metric in SHARES:
        return share(value)
    return numeral(value, 4)


def statistic_text(metric: str, statistic: str | None) -> str:
    """Return a metric and its statistic in words.

    Examples
    --------
    >>> statistic_text("wait_s", "p95"), statistic_text("wait_s", "mean")
    ('95th percentile of the waiting time', 'mean waiting time')
    """
    name = METRIC_NAMES.get(metric, metric)
    if statistic is None:
        return name
    words = {"mean": f"mean {name}", "max": f"largest {name}", "p50": f"median {name}"}
    return words.get(statistic, f"{statistic[1:]}th percentile of the {name}")
