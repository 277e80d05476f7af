"""Attempts of a job: how long one lasts, and what an interruption leaves of it (semantics §3, §6)."""

from __future__ import annotations

import math
from typing import Any


def attempt(
    run_s: float, estimate_s: float, speed: float, kept_s: float, restarts: int, overhead_s: float
) -> tuple[float, float]:
    """Return how long an attempt lasts if nothing cuts it off, and the scheduler's estimate of it [s].

    Parameters
    ----------
    run_s, estimate_s
        Run time and estimate of the log, at speed 1.
    speed
        Speed of the nodes.
    kept_s
        Work of earlier attempts that checkpoints have kept, in seconds at speed 1.
    restarts
        Number of earlier attempts.
    overhead_s
        Restart overhead of the pool, seconds of its clock.
    """
    if restarts == 0:
        return run_s / speed, estimate_s / speed
    return overhead_s + (run_s - kept_s) / speed, overhead_s + max(1.0, estimate_s / speed - kept_s / speed)


def is_killed(length_s: Any, estimate_s: Any, kill: bool) -> Any:
    """Return whether an attempt of that length is ended at its estimate (§3); of numbers or of arrays."""
    return (length_s > estimate_s) & kill


def worked(lasted_s: float, restarts: int, overhead_s: float) -> float:
    """Return how much of an attempt was work and not the overhead of a restart [s]; negative if it never got to work.

    Parameters
    ----------
    lasted_s
        How long the attempt lasted.
    """
    return lasted_s - (overhead_s if restarts else 0.0)


def kept_work(lasted_s: float, restarts: int, overhead_s: float, checkpoint_s: float) -> float:
    """Return the seconds of an interrupted attempt that its last checkpoint keeps, on the clock of its pool.

    Parameters
    ----------
    checkpoint_s
        Interval between checkpoints; 0 if there are none.
    """
    worked_s = worked(lasted_s, restarts, overhead_s)
    if checkpoint_s <= 0.0 or worked_s <= 0.0:
        return 0.0
    return math.floor(worked_s / checkpoint_s) * checkpoint_s


def interruption(
    lasted_s: float, restarts: int, overhead_s: float, checkpoint_s: float, speed: float, max_restarts: int
) -> tuple[float, float, bool]:
    """Return the progress that an interruption leaves of an attempt, and whether it ends the job as failed (§6).

    Returns
    -------
    tuple of float, float and bool
        Seconds that are kept, on the clock of the pool and at speed 1; and whether the job is given up.
    """
    kept_s = kept_work(lasted_s, restarts, overhead_s, checkpoint_s)
    return kept_s, kept_s * speed, restarts >= max_restarts
