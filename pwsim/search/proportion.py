"""Targets that are amounts of jobs or work, in proportion to a workload that has more or fewer of them.

A throughput that is asked for because all jobs are to be done is a larger one where there are more of them; so is the
number of jobs that may be rejected.  Targets on waits, shares, money and emissions stay what they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from pwsim.search.targets import Target
from pwsim.trace import Trace


def _jobs(trace: Trace) -> float:
    return float(len(trace))


def _work_core_s(trace: Trace) -> float:
    return float(np.dot(trace.procs, trace.run_s))


def _rate(amount: Callable[[Trace], float]) -> Callable[[Trace], float]:
    return lambda trace: amount(trace) / trace.span_s if trace.span_s else 0.0


AMOUNTS: Mapping[str, Callable[[Trace], float]] = {
    "throughput_jobs_per_hour": _rate(_jobs),
    "delivered_core_hours_per_day": _rate(_work_core_s),
    "lost_core_hours": _work_core_s,
    **dict.fromkeys(("jobs_completed", "jobs_killed", "jobs_rejected", "jobs_failed", "restarts"), _jobs),
}
"""What a target on a metric is in proportion to, by its metric."""


def in_proportion(target: Target, before: Trace, after: Trace) -> Target:
    """Return a target on one workload as it is to be on another.

    Parameters
    ----------
    target
        The target.
    before, after
        The workload that it was stated for, and the other.

    Examples
    --------
    >>> one = Trace.from_columns({"submit_s": [0, 50, 100], "run_s": [1, 1, 1], "procs": [1, 1, 1]})
    >>> more = Trace.from_columns({"submit_s": [0, 50, 60, 100], "run_s": [1] * 4, "procs": [1] * 4})
    >>> in_proportion(Target(metric="jobs_rejected", at_most=2), one, more).at_most
    3.0
    """
    if target.metric not in AMOUNTS:
        return target
    amount = AMOUNTS[target.metric]
    was, now = amount(before), amount(after)
    if not was or now == was:
        return target
    limit = target.required * now / was
    if target.at_most is None:
        return target.model_copy(update={"at_least": limit})
    # Of a job there is no part: what is allowed is rounded up.
    whole = target.required == int(target.required) and target.metric != "lost_core_hours"
    return target.model_copy(update={"at_most": float(math.ceil(limit - 1e-9)) if whole else limit})
