"""Orders of the queue (semantics §4): a key for each job, the smallest first; ties go by job order.

The key is a plain function of numbers, in the subset of Python that numba compiles.  It sees the logged
estimate, whatever the speed of the pool (§6).  An order is added here alone: its key, and its record in :data:`ORDERS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Key = Callable[[float, float, float, int], float]
"""What tells the place of a job: a function of now, submission, estimate [s] and processors."""


@dataclass(frozen=True)
class Order:
    """An order of the queue, and what there is to say of it."""

    name: str
    """What it is called in a policy."""
    words: str
    """What it does, in a sentence."""
    first: str
    """Which job is first, for the table of semantics §4."""
    key: Key | None
    """The key of a job; ``None`` for one that needs more than a key sees, and has a module of its own."""
    dynamic: bool = False
    """Whether keys change as jobs wait, so that the queue is sorted anew at each pass; users' own may, too."""
    by_submission: bool = False
    """Whether keys that do not change go by the submission, which a replay with feedback comes to know late."""


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


ORDERS = {
    order.name: order
    for order in (
        Order("fcfs", "first come, first served", "the earliest submission", fcfs),
        Order("sjf", "shortest job first", "the smallest estimate", sjf),
        Order("ljf", "longest job first", "the largest estimate", ljf),
        Order("smallest", "fewest processors first", "the fewest processors", smallest),
        Order(
            "wfp3",
            "WFP3 order (wide and short jobs that have waited long come first)",
            "the largest (wait / estimate)³ × processors",
            wfp3,
            dynamic=True,
        ),
        Order(
            "unicef",
            "UNICEF order (small and short jobs that have waited long come first)",
            "the largest wait / (log₂(processors) × estimate), one processor counting as two",
            unicef,
            dynamic=True,
        ),
        Order(
            "f1",
            "F1 order (a fitted mix of size and submission time)",
            "the smallest log₁₀(estimate) × processors + 870 log₁₀(submission)",
            f1,
            by_submission=True,
        ),
        Order(
            "f2",
            "F2 order (a fitted mix of size and submission time)",
            "the smallest √estimate × processors + 25,600 log₁₀(submission)",
            f2,
            by_submission=True,
        ),
        Order(
            "f3",
            "F3 order (a fitted mix of size and submission time)",
            "the smallest estimate × processors + 6,860,000 log₁₀(submission)",
            f3,
            by_submission=True,
        ),
        Order(
            "f4",
            "F4 order (a fitted mix of size and submission time)",
            "the smallest estimate × √processors + 530,000 log₁₀(submission)",
            f4,
            by_submission=True,
        ),
        Order(
            "multifactor",
            "multifactor priority (waiting time and each user's fair share, as in Slurm)",
            "the largest weighted sum of age, fair share, size and more",
            None,  # :mod:`pwsim.rules.multifactor`
            dynamic=True,
        ),
    )
}
"""The orders by their name."""

PASSING_ORDERS = tuple(name for name, order in ORDERS.items() if name != "fcfs" and not order.dynamic)
"""Orders in which jobs can be tried that may pass the head: their keys do not change while jobs wait."""
