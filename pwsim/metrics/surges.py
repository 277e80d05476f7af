"""Where the queue rises far above its usual level, and whether it is worked off by the end of the log."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pwsim.common import DAY_S, HOUR_S, WEEK_S, count, duration, numeral
from pwsim.trace import Floats

TIMES = 3.0
"""A week, or in a short log a day, in which the queue is so many times as long as usual is one of a surge."""
LEAST_SHARE = 0.25
"""A queue that asks for less than this share of what is up counts as that much: a short one is no surge."""
LEAST_STRETCHES = 6
"""So many weeks, else so many days, are needed to tell what is usual."""
LAST_SHARE = 0.1
"""A queue that in this last part of the log never falls to that of the median hour is a backlog, if those who wait at
the end ask for all that is up, or more."""


class Surge(NamedTuple):
    """A week, or a day, in which the queue is far above its usual level."""

    start_s: float
    """Its start, from the first submission [s]."""
    queued: float
    """Cores (or GPUs) that waiting jobs ask for, on average."""
    peak: float
    """The most of them in an hour."""
    peak_s: float
    """Start of that hour [s]."""


class Backlog(NamedTuple):
    """A queue that is not worked off by the last submission."""

    since_s: float
    """The hour from which on the queue has been above its usual level [s]."""
    queued: float
    """Cores (or GPUs) that waiting jobs ask for in the hour of the last submission."""
    drained_s: float
    """Time from the last submission until nobody waits any more [s]."""


class Queue(NamedTuple):
    """What there is to say about the queue over time."""

    stretch_s: float
    """Length of the stretches of time that are compared: a week or a day [s]; 0 if the log is too short for either."""
    stretches: int
    """Number of them."""
    usual: float
    """Mean of the median stretch [cores or GPUs]."""
    up: float
    """What is up on average [cores or GPUs]."""
    surges: tuple[Surge, ...]
    """Those far above it, in the order of time."""
    backlog: Backlog | None
    """What is left at the end, if that is more than usual."""

    def plain(self) -> dict[str, Any]:
        """Return it in plain values, surges and backlog as dictionaries."""
        backlog = None if self.backlog is None else self.backlog._asdict()
        return {**self._asdict(), "surges": [one._asdict() for one in self.surges], "backlog": backlog}


def find(queued: Floats, up: Floats, window: tuple[float, float], last_s: float) -> Queue:
    """Return where a queue is far above its usual level.

    Parameters
    ----------
    queued, up
        Cores (or GPUs) that waiting jobs ask for, and that are up, by the hour from the first submission until nobody
        waits or runs any more, shape (hours,).
    window
        The measurement window (semantics §7), in whole hours of which surges are looked for [s].
    last_s
        The last submission [s].

    Examples
    --------
    Ten weeks on 100 cores, with 50 in demand by those who wait, and 800 in the seventh.

    >>> queued = np.repeat([50.0] * 6 + [800.0] + [50.0] * 3, 168)
    >>> found = find(queued, np.full(1680, 100.0), (0.0, 1680 * 3600.0), 1680 * 3600.0)
    >>> found.usual, found.surges, found.backlog
    (50.0, (Surge(start_s=3628800.0, queued=800.0, peak=800.0, peak_s=3628800.0),), None)
    """
    first, last = (int(edge // HOUR_S) for edge in window)
    inside = slice(first, max(last, first))
    hours = len(queued[inside])
    stretch = next((int(one // HOUR_S) for one in (WEEK_S, DAY_S) if hours >= LEAST_STRETCHES * one / HOUR_S), 0)
    there = float(np.mean(up[inside])) if hours else 0.0
    if not stretch:
        return Queue(0.0, 0, 0.0, there, (), None)
    edges = np.arange(0, hours - stretch // 2, stretch)  # less than half a stretch at the end joins the one before
    pieces = np.split(queued[inside], edges[1:])
    means = np.array([np.mean(piece) for piece in pieces])
    usual = float(np.median(means))
    least = TIMES * max(usual, LEAST_SHARE * there)
    surges = tuple(
        Surge(
            (first + int(edge)) * HOUR_S, float(mean), float(piece.max()), (first + int(edge + piece.argmax())) * HOUR_S
        )
        for edge, mean, piece in zip(edges, means, pieces, strict=True)
        if mean >= least and mean > 0
    )
    return Queue(stretch * HOUR_S, len(means), usual, there, surges, _backlog(queued, there, last_s))


def _backlog(queued: Floats, there: float, last_s: float) -> Backlog | None:
    """Return the queue that is left at the last submission, if it is above the median for long and asks for all."""
    hours = int(last_s // HOUR_S)
    usual = float(np.median(queued[:hours]))
    low = np.flatnonzero(queued[:hours] <= usual)
    since = int(low[-1]) + 1
    left = float(queued[hours - 1])
    if since > hours * (1 - LAST_SHARE) or left < there or not there:
        return None
    empty = np.flatnonzero(queued[hours:] == 0)
    drained = hours + int(empty[0]) if len(empty) else len(queued)
    return Backlog(since * HOUR_S, left, max(drained * HOUR_S - last_s, 0.0))


def text(queue: Queue, unit: str) -> str:
    """Return the surges in sentences; none if the queue stays about as it is.

    Parameters
    ----------
    queue
        What :func:`find` gave.
    unit
        What is counted: ``core`` or ``GPU``.
    """
    said, stretch = [], "week" if queue.stretch_s == WEEK_S else "day"
    if queue.surges:
        most = max(queue.surges, key=lambda one: one.queued)
        of, usual = f"{len(queue.surges):,} of {count(queue.stretches, stretch)}", count(queue.usual, unit)
        said.append(
            f"The queue shoots up in {of}: most in the {stretch} from day {_day(most.start_s)} on, when waiting jobs "
            f"ask for {count(most.queued, unit)} on average ({usual} in the median {stretch}), and for "
            f"{count(most.peak, unit)} at the peak, on day {_day(most.peak_s)}."
        )
    if (left := queue.backlog) is not None:
        said.append(
            f"The queue is not worked off by the end of the log: from day {_day(left.since_s)} on it does not fall to "
            f"its usual level any more, and when the last job is submitted, waiting jobs ask for "
            f"{count(left.queued, unit)}, {numeral(left.queued / queue.up, 2)} times what is up; the last of them "
            f"starts {duration(left.drained_s)} later."
        )
    return " ".join(said)


def _day(time_s: float) -> str:
    return f"{int(time_s // DAY_S):,}"
