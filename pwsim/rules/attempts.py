"""Attempts of a job: how long one lasts, and what an interruption leaves of it (semantics §3, §6)."""

from __future__ import annotations

import math


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


def kept_work(held_s: float, restarts: int, overhead_s: float, checkpoint_s: float) -> float:
    """Return the seconds of an interrupted attempt that its last checkpoint keeps, on the clock of its pool.

    Parameters
    ----------
    held_s
        How long the attempt lasted.
    checkpoint_s
        Interval between checkpoints; 0 if there are none.
    """
    worked_s = held_s - (overhead_s if restarts else 0.0)
    if checkpoint_s <= 0.0 or worked_s <= 0.0:
        return 0.0
    return math.floor(worked_s / checkpoint_s) * checkpoint_s


def launches(wanted: int, idle: int, busy: int, booting: int, most: int, least: int) -> int:
    """Return how many nodes the autoscaler launches (§6).

    Parameters
    ----------
    wanted
        Nodes that the waiting jobs need.
    most, least
        Cap and ``min_nodes`` of the pool.
    """
    up = idle + busy
    return max(0, min(wanted - idle - booting, most - up - booting), least - up - booting)
