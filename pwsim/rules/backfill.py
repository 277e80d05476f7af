"""Which waiting jobs of a pool start now: from the head of the queue, and past it (semantics §4).

The rules look at one pool that is a bag of equal units (cores or nodes, §5).  They are index loops over sequences, in
the subset of Python that numba compiles: the SimPy engine gives them plain lists, the compiled engine arrays.  The
queue is two sequences in queue order, ``need`` and ``estimate_s``; a position that holds no job any more has the
need :data:`GONE`.  A rule only decides: starting jobs is the engine's part.

Rules take a range of positions, ``begin`` to ``end - 1``, so that an engine may leave out ranges of which it knows that
nothing in them can start.

What there is to say of each rule stands in :data:`BACKFILLS`.  An engine knows rules by who holds a reservation.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass

NOBODY, HEAD, ALL, LOOKED_AT = range(4)
"""Who holds a reservation: no job; the head of the queue, which others may pass; every waiting job; or each job that a
pass looks at, for as long as that pass lasts."""


@dataclass(frozen=True)
class Rule:
    """A backfill rule, and what there is to say of it."""

    name: str
    """What it is called in a policy."""
    called: str
    """What it is called in sentences."""
    words: str
    """What it does, said after an order."""
    holds: int
    """:data:`NOBODY`, :data:`HEAD`, :data:`ALL` or :data:`LOOKED_AT`."""
    packed: bool = True
    """Whether it is offered where jobs share nodes (``placement: packed``, semantics §5)."""


BACKFILLS = {
    rule.name: rule
    for rule in (
        Rule(
            "none",
            "no backfilling",
            "without backfilling",
            NOBODY,
        ),
        Rule(
            "easy",
            "EASY backfilling",
            "with EASY backfilling (a later job may start early if that does not delay the first in the queue)",
            HEAD,
        ),
        Rule(
            "conservative",
            "conservative backfilling",
            "with conservative backfilling (a later job may start early if that delays no job before it)",
            ALL,
            packed=False,
        ),
        Rule(
            "replan",
            "backfilling with plans made anew",
            "with backfilling as Slurm does it (a later job may start early if that delays no job before it, by a plan "
            "that each pass makes anew)",
            LOOKED_AT,
        ),
    )
}
"""The backfill rules by their name."""

GONE = 1 << 62
"""The need of a position that holds no job: more than any pool has."""


def heads(free: int, need: Sequence[int], begin: int, end: int) -> int:
    """Return how many jobs fit one after another, from the first on (§4, ``none``)."""
    position = begin
    while position < end and need[position] <= free:
        free -= need[position]
        position += 1
    return position - begin


def reservation(
    now: float,
    free: int,
    head: int,
    release_s: Sequence[float],
    release_need: Sequence[int],
    running: int,
    arrive_s: Sequence[float],
    arriving: int,
) -> tuple[float, int]:
    """Return the shadow, when a head of the queue that needs ``head`` units will fit, and the extra units then (§4).

    Parameters
    ----------
    release_s, release_need
        Start plus estimate of the ``running`` jobs, increasing [s], and the units of each.
    arrive_s
        When each of the ``arriving`` nodes, one unit each, will be up, increasing [s] (§6).

    Returns
    -------
    tuple of float and int
        Minus infinity and -1 if the head would not fit even after all that is known: then nothing may pass it.
    """
    last = node = 0
    shadow_s = now
    soon_s = now + 1.0
    while free < head and (last < running or node < arriving):
        # A job that has outlived its estimate is expected to end in one second (§3).
        shadow_s = math.inf
        if last < running:
            shadow_s = max(release_s[last], soon_s)
        if node < arriving:
            shadow_s = min(shadow_s, arrive_s[node])
        while last < running and release_s[last] <= shadow_s and soon_s <= shadow_s:
            free += release_need[last]
            last += 1
        while node < arriving and arrive_s[node] <= shadow_s:
            free += 1
            node += 1
    if free < head:
        return -math.inf, -1
    return shadow_s, free - head


def easy(
    now: float,
    free: int,
    shadow_s: float,
    extra: int,
    need: Sequence[int],
    estimate_s: Sequence[float],
    begin: int,
    end: int,
    chosen: MutableSequence[int],
) -> tuple[int, int, int]:
    """Choose the jobs that may pass the head of the queue without delaying it (§4, ``easy``).

    Parameters
    ----------
    chosen
        The positions of the jobs to start are written here, in increasing order.

    Returns
    -------
    tuple of int
        How many start, and what is left of ``free`` and ``extra``.

    References
    ----------
    D. Lifka: The ANL/IBM SP scheduling system. JSSPP 1995, doi:10.1007/3-540-60153-8_35.
    """
    count = 0
    for position in range(begin, end):
        if free == 0:
            break
        units = need[position]
        if units > free:
            continue
        if now + estimate_s[position] > shadow_s:
            if units > extra:
                continue
            extra -= units
        free -= units
        chosen[count] = position
        count += 1
    return count, free, extra
