"""Limits of the site: what may run at once for a user, an account, a partition, or all (semantics §9).

A limit has a counter for each key that it knows (each user, say).  A job under it counts with an amount, cores, nodes,
GPUs or jobs, from its start to its end.  All functions are index loops, in the subset of Python that numba compiles.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

NOT_UNDER = -1
"""The counter of a job that a limit is not about."""


class Caps(NamedTuple):
    """What may run at once; a row for each limit."""

    most: Sequence[int]
    """What its limit allows, by counter."""
    counter: Sequence[MutableSequence[int]]
    """The counter of each job under each limit, or :data:`NOT_UNDER`; counters of all limits are numbered together."""
    amount: Sequence[MutableSequence[int]]
    """What each job counts; GPUs in thousandths."""
    used: MutableSequence[int]
    """What counts now, by counter: of jobs that run, and of the guards of the pass that is under way."""


def passes_cap(job: int, caps: Caps) -> bool:
    """Return whether more than a limit allows would run if the job did, too."""
    for limit in range(len(caps.counter)):
        counter = caps.counter[limit][job]
        if counter != NOT_UNDER and caps.used[counter] + caps.amount[limit][job] > caps.most[counter]:
            return True
    return False


def count(job: int, sign: int, caps: Caps) -> None:
    """Let a job count under its limits (1), or no longer (-1)."""
    for limit in range(len(caps.counter)):
        counter = caps.counter[limit][job]
        if counter != NOT_UNDER:
            caps.used[counter] += sign * caps.amount[limit][job]
