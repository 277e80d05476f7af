"""Whether a replay reproduces the record well enough to plan with: the limits, and what they say of some figures.

What is planned with is the mean, the median and the 95th percentile of the wait on machines that are somewhat larger or
smaller.  On KTH-SP2 and on CEA-Curie (EASY), 5 % fewer cores make mean and 95th percentile 1.1 to 1.5 times as long,
and 10 % fewer 1.5 to 2.6 times.  So waits that are off by a factor of 1.25 stand for a machine that is off by about
5 %, and a factor of 2 for 10 %: finer than most steps of a purchase, or about one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from pwsim.hindcasting.comparison import COMPARED_STATISTICS, NEGLIGIBLE_S

GOOD_FACTOR = 1.25
"""Waits that are off by at most this factor stand for at most about 5 % of the machine."""
ROUGH_FACTOR = 2.0
"""And by at most this one, for about 10 %."""
GOOD_CORRELATION = 0.8
"""From here on, busy and quiet times of the replay are those of the record: two thirds of the variance are shared."""
ROUGH_CORRELATION = 0.5
"""Below this only a quarter of the variance is shared: the replay is busy at other times than the site was."""
GOOD_KS_DISTANCE = 0.1
"""No share "started within T", for a T of 5 minutes or more, is off by more than 10 of 100 jobs."""
ROUGH_KS_DISTANCE = 0.2
"""Or 20 of 100."""
MOST_SHARE_ABOVE = 0.01
"""A record that holds more cores than the machine has for more of the time than this is not of that machine.  Single
records may be wrong: KTH-SP2 has up to 104 of its 100 processors in use, for 0.07 % of the time."""
MOST_SHARE_TOO_WIDE = 0.01
"""Nor is a log of which more of the jobs than this are wider than the machine; of fewer the sizes may be wrong."""
GOOD_SHARE_REJECTED = 0.05
"""Work that cannot be replayed leaves the machine as empty as one that is larger by this share would be."""
ROUGH_SHARE_REJECTED = 0.1
"""The same for about 10 %."""
LEAST_JOBS = 100
"""Fewer jobs than this have no 95th percentile that one could plan with."""

GRADES = ("good", "rough", "poor")
"""What a check, and the verdict, can come to: plan with it; plan with a margin; do not plan with it."""


class Check(NamedTuple):
    """One comparison, and what it comes to."""

    name: str
    """What is compared."""
    value: float
    """A factor, at least 1; a correlation; a distance; a share; or a number of jobs."""
    good: float
    """The limit of ``good``."""
    rough: float
    """The limit of ``rough``."""
    grade: str
    """One of :data:`GRADES`."""


def judge(figures: Mapping[str, float]) -> tuple[str, list[Check]]:
    """Return the verdict, the worst grade of all checks, and the checks.

    Parameters
    ----------
    figures
        From :func:`pwsim.hindcasting.comparison.figures`; a figure that is NaN is not checked.
    """
    checks = []
    for name in COMPARED_STATISTICS:
        factor = wait_ratio(figures[f"recorded_wait_s_{name}"], figures[f"wait_s_{name}"])
        off = max(factor, 1 / factor)
        checks.append(_check(f"wait_s_{name}", off, GOOD_FACTOR, ROUGH_FACTOR))
    distance = figures["ks_distance_beyond_5_min"]
    checks.append(_check("ks_distance_beyond_5_min", distance, GOOD_KS_DISTANCE, ROUGH_KS_DISTANCE))
    checks += [
        _check(name, figures[name], GOOD_CORRELATION, ROUGH_CORRELATION, least=True)
        for name in ("queued_jobs_correlation", "weekly_wait_correlation")
        if not math.isnan(figures[name])
    ]
    if figures["jobs_compared"] < LEAST_JOBS:
        checks.append(Check("jobs_compared", figures["jobs_compared"], LEAST_JOBS, 0, "rough"))
    rejected = figures["share_of_work_rejected"]
    checks += [
        *([_check("share_of_work_rejected", rejected, GOOD_SHARE_REJECTED, ROUGH_SHARE_REJECTED)] if rejected else []),
        *too_few_cores(figures),
    ]
    return max((one.grade for one in checks), key=GRADES.index), checks


def wait_ratio(recorded_s: float, simulated_s: float) -> float:
    """Return how many times as long the recorded wait is; waits that nobody plans by count alike.

    Examples
    --------
    >>> wait_ratio(7200.0, 3600.0), wait_ratio(60.0, 0.0), wait_ratio(0.0, 600.0)
    (2.0, 1.0, 0.5)
    """
    return max(recorded_s, NEGLIGIBLE_S) / max(simulated_s, NEGLIGIBLE_S)


def scaled_waits(check: Mapping[str, Any], waits_s: Mapping[str, float]) -> list[dict[str, float | str]]:
    """Return waits of a replay scaled by what a poor hindcast is off by; none where it is better than that.

    They are no forecast: nobody knows whether another machine would be off by the same.

    Parameters
    ----------
    check
        The report of the hindcast: its verdict and figures.
    waits_s
        Waits of the replay by statistic [s].

    Examples
    --------
    >>> check = {"verdict": "poor", "recorded_wait_s_mean": 7200.0, "wait_s_mean": 3600.0}
    >>> scaled_waits(check, {"mean": 1800.0})
    [{'statistic': 'mean', 'wait_s': 1800.0, 'factor': 2.0, 'scaled_wait_s': 3600.0}]
    """
    if check["verdict"] != "poor":
        return []
    rows: list[dict[str, float | str]] = []
    for name, wait_s in waits_s.items():
        factor = wait_ratio(check[f"recorded_wait_s_{name}"], check[f"wait_s_{name}"])
        rows.append({"statistic": name, "wait_s": wait_s, "factor": factor, "scaled_wait_s": factor * wait_s})
    return rows


def too_few_cores(figures: Mapping[str, float]) -> list[Check]:
    """Return the checks that fail because the record cannot be of a machine as small as this."""
    limits = {
        "recorded_share_of_time_above_cores": MOST_SHARE_ABOVE,
        "share_of_jobs_too_wide": MOST_SHARE_TOO_WIDE,
    }
    return [Check(name, figures[name], most, most, "poor") for name, most in limits.items() if figures[name] > most]


def _check(name: str, value: float, good: float, rough: float, *, least: bool = False) -> Check:
    within = (value >= good, value >= rough) if least else (value <= good, value <= rough)
    return Check(name, value, good, rough, "good" if within[0] else "rough" if within[1] else "poor")


CHECK_NAMES = {
    "wait_s_mean": "mean wait: off by a factor of",
    "wait_s_p50": "median wait: off by a factor of",
    "wait_s_p95": "95th percentile of the wait: off by a factor of",
    "ks_distance_beyond_5_min": "distance of the distributions of waits",
    "queued_jobs_correlation": "correlation of the queue by the hour, of jobs that wait above 5 min",
    "weekly_wait_correlation": "correlation of the mean waits, by week",
    "jobs_compared": "jobs that can be compared",
    "recorded_share_of_time_above_cores": "share of the time in which the log holds more cores than there are",
    "share_of_jobs_too_wide": "share of the jobs that ask for more cores than there are",
    "share_of_work_rejected": "share of the work that cannot run on any pool",
}
"""What is checked of a replay beside the record."""
