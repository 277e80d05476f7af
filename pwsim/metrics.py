"""How well jobs were served: pure functions on arrays (semantics §7).

The measurement window is from the first submission to the last.  Where a figure has no meaning (no job was
served, or the window has no length) it is NaN.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pwsim.trace import Floats, Integers
from pwsim.units import DAY_S, HOUR_S

Booleans = npt.NDArray[np.bool_]

JOB_METRICS = ("wait_s", "bounded_slowdown", "turnaround_s")
"""What is measured of each job, and then summarised by a statistic."""
STATISTICS = ("mean", "p50", "p90", "p95", "p99", "max")
"""The statistics that results give for each job metric."""
SLOWDOWN_BOUND_S = 10.0
"""Run times below this count as this in the bounded slowdown [s]."""


def bounded_slowdown(turnaround_s: Floats, run_s: Floats, bound_s: float = SLOWDOWN_BOUND_S) -> Floats:
    """Return ``max(1, turnaround / max(run, bound))`` of each job.

    References
    ----------
    D. G. Feitelson, L. Rudolph, U. Schwiegelshohn, K. C. Sevcik, P. Wong: Theory and practice in parallel job
    scheduling. JSSPP 1997, doi:10.1007/3-540-63574-2_14.

    Examples
    --------
    >>> bounded_slowdown(np.array([5.0, 40.0, 300.0]), np.array([2.0, 2.0, 100.0]))
    array([1., 4., 3.])
    """
    return np.maximum(1.0, turnaround_s / np.maximum(run_s, bound_s))


def nearest_rank(values: Floats, percent: float) -> float:
    """Return the smallest value with at least ``percent`` of all values at or below it; NaN if there is none.

    Examples
    --------
    >>> nearest_rank(np.array([15.0, 20.0, 35.0, 40.0, 50.0]), 40)
    20.0
    """
    if not len(values):
        return math.nan
    # Multiplied before divided, so that 95 % of 20 values is 19 of them, not 19.000000000000004.
    rank = math.ceil(percent * len(values) / 100)
    return float(np.partition(values, rank - 1)[rank - 1])


def statistic(values: Floats, name: str) -> float:
    """Return ``mean``, ``max`` or a nearest-rank percentile such as ``p95``; NaN if there are no values."""
    if not len(values):
        return math.nan
    if name == "mean":
        return math.fsum(values) / len(values)
    if name == "max":
        return float(values.max())
    return nearest_rank(values, float(name[1:]))


def integral(start_s: Floats, end_s: Floats, weight: Floats | Integers, until_s: Floats) -> Floats:
    """Return what intervals of a weight have summed up to by some times: ``Σ weight × seconds``.

    Parameters
    ----------
    start_s, end_s, weight
        The intervals [s], each of shape (intervals,).
    until_s
        Times [s], shape (times,).

    Returns
    -------
    Shape (times,), in units of the weight times seconds.

    Examples
    --------
    >>> integral(np.array([0.0, 5.0]), np.array([10.0, 6.0]), np.array([2, 1]), np.array([0.0, 5.5, 20.0]))
    array([ 0. , 11.5, 21. ])
    """
    over = until_s >= end_s.max(initial=-np.inf)  # all have ended: sum up whole intervals, to the last bit
    if over.all():
        return np.full(len(until_s), math.fsum(weight * (end_s - start_s)))
    total = np.zeros(len(until_s))
    # The sum of w × max(0, t - start), less the same of the ends: two sums over what lies before t.
    for times_s, sign in ((start_s, 1.0), (end_s, -1.0)):
        order = np.argsort(times_s, kind="stable")
        before = np.searchsorted(times_s[order], until_s, side="right")
        weights = np.concatenate(([0.0], np.cumsum(weight[order], dtype=np.float64)))
        moments = np.concatenate(([0.0], np.cumsum(weight[order] * times_s[order], dtype=np.float64)))
        total += sign * (weights[before] * until_s - moments[before])
    total[over] = math.fsum(weight * (end_s - start_s))
    return total


def busy_core_s(start_s: Floats, end_s: Floats, procs: Integers, window_s: float) -> float:
    """Return the processor-seconds that jobs held until the end of the window."""
    held_s = np.minimum(end_s, window_s) - np.minimum(start_s, window_s)
    return math.fsum(procs * held_s)


def summarise(
    *,
    window_s: float,
    available_core_s: float,
    busy_core_s: float,
    lost_core_s: float,
    start_s: Floats,
    end_s: Floats,
    killed: Booleans,
    failed: Booleans,
    restarts: Integers,
    wait_s: Floats,
    slowdown: Floats,
    turnaround_s: Floats,
) -> dict[str, float]:
    """Return all metrics of a replay by name.

    Parameters
    ----------
    window_s
        Length of the measurement window [s].
    available_core_s, busy_core_s
        Core-seconds that were up, and that jobs held, during the window.
    lost_core_s
        Core-seconds that jobs held in vain, in the whole replay.
    start_s, end_s, killed, failed, restarts, wait_s, slowdown, turnaround_s
        By job, shape (jobs,); times [s].  Rejected jobs have a NaN start.
    """
    served = ~np.isnan(start_s)
    completed = served & ~killed & ~failed
    hours = window_s / HOUR_S
    in_time = int(np.count_nonzero(completed & (end_s <= window_s)))
    figures: dict[str, float] = {
        "jobs_completed": int(np.count_nonzero(completed)),
        "jobs_killed": int(np.count_nonzero(killed)),
        "jobs_rejected": int(np.count_nonzero(~served)),
        "jobs_failed": int(np.count_nonzero(failed)),
        "restarts": int(restarts.sum()),
        "lost_core_hours": lost_core_s / HOUR_S,
        "utilization": busy_core_s / available_core_s if available_core_s else math.nan,
        "throughput_jobs_per_hour": in_time / hours if hours else math.nan,
        "delivered_core_hours_per_day": busy_core_s / HOUR_S / (window_s / DAY_S) if hours else math.nan,
        "makespan_s": float(end_s[served].max()) if served.any() else math.nan,
    }
    for metric, values in zip(JOB_METRICS, (wait_s, slowdown, turnaround_s), strict=True):
        for name in STATISTICS:
            figures[f"{metric}_{name}"] = statistic(values[served], name)
    return figures
