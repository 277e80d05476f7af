"""Orders of the queue (semantics §4): a key for each job, the smallest first; ties go by job order.

An order is a plain function of numbers, in the subset of Python that numba compiles.  It sees the logged
estimate, whatever the speed of the pool (§6).  The multifactor order knows more than these numbers, and has a module
of its own, :mod:`pwsim.rules.multifactor`.
"""

from __future__ import annotations

import math

DYNAMIC = ("wfp3", "unicef", "multifactor")
"""The orders whose keys change as jobs wait, so that the queue is sorted anew at each pass; so do users' own."""
BY_SUBMISSION = ("f1", "f2", "f3", "f4")
"""The orders that do not change, but go by the submission."""


def fcfs(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """First come, first served: earliest submission."""
    return submit_s


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


def unicef(now: float, submit_s: float, estimate_s: float, procs: int) -> float:
    """Largest ``wait / (log2(procs) × estimate)`` first, small and short jobs; one processor counts as two.

    References
    ----------
    As in D. Carastan-Santos, R. Y. de Camargo, SC'17, doi:10.1145/3126908.3126955, table 2; there after W. Tang et al.,
    IEEE Cluster 2009 (see :func:`wfp3`).
    """
    return -((now - submit_s) / (math.log2(max(procs, 2)) * estimate_s))


def f1(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """Smallest ``log10(estimate) × procs + 870 log10(submit)`` first; a submission before 1 s counts as 1 s.

    F1 to F4 are the four best of the functions that were fitted to simulated schedules.  ``submit`` is the time from
    the first submission of the trace.

    References
    ----------
    D. Carastan-Santos, R. Y. de Camargo: Obtaining dynamic scheduling policies with simulation and machine learning.
    SC'17, doi:10.1145/3126908.3126955, table 3.
    """
    return math.log10(estimate_s) * procs + 870.0 * math.log10(max(submit_s, 1.0))


def f2(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """Smallest ``sqrt(estimate) × procs + 25600 log10(submit)`` first; see :func:`f1`."""
    return math.sqrt(estimate_s) * procs + 25600.0 * math.log10(max(submit_s, 1.0))


def f3(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """Smallest ``estimate × procs + 6860000 log10(submit)`` first; see :func:`f1`."""
    return estimate_s * procs + 6860000.0 * math.log10(max(submit_s, 1.0))


def f4(now: float, submit_s: float, estimate_s: float, procs: int) -> float:  # noqa: ARG001
    """Smallest ``estimate × sqrt(procs) + 530000 log10(submit)`` first; see :func:`f1`."""
    return estimate_s * math.sqrt(procs) + 530000.0 * math.log10(max(submit_s, 1.0))
