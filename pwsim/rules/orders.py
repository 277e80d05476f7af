"""Orders of the queue (semantics §4): a key for each job, the smallest first; ties go by job order.

An order is a plain function of numbers, in the subset of Python that numba compiles.  It sees the logged
estimate, whatever the speed of the pool (§6).
"""

from __future__ import annotations

DYNAMIC = ("wfp3",)
"""The orders whose keys change as jobs wait, so that the queue is sorted anew at each pass."""


def fcfs(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """First come, first served: job order alone."""
    return 0.0


def sjf(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """Shortest job first: smallest estimate."""
    return estimate_s


def ljf(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """Longest job first: largest estimate."""
    return -estimate_s


def smallest(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """Fewest processors first."""
    return float(procs)


def wfp3(now: float, submit_s: float, estimate_s: float, procs: int) -> float:
    """Largest ``(wait / estimate)³ × procs`` first, wide and short jobs that have waited long.

    References
    ----------
    W. Tang, Z. Lan, N. Desai, D. Buettner: Fault-aware, utility-based job scheduling on Blue Gene/P systems.
    IEEE Cluster 2009, doi:10.1109/CLUSTR.2009.5289206.
    """
    ratio = (now - submit_s) / estimate_s
    return -(ratio * ratio * ratio * procs)
