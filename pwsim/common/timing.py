"""Where time goes: parts of the work by name, added up over threads.

A part within another is counted for itself alone.  Without :func:`timing`, nothing is counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

PARTS = {
    "reading": "the scenario, its log, and changes of the workload",
    "planning": "which setups to replay, bounds and proof",
    "replays": "the schedules of setups",
    "judging": "metrics, bills and targets of setups, tables and summary of the answer",
    "writing": "results, and rows of the data set",
    "beside": "all else: locks, looking for what is there, the run log",
}
"""Parts of the work, and what each is."""


class Spent(NamedTuple):
    """Time that a part of the work took."""

    times: int
    """How often it was begun."""
    seconds: float
    """By the clock [s], added up over threads."""
    cpu_s: float
    """Of processors [s]; that of other processes than this is not in it."""


class Times:
    """Time by part of the work; threads may share it, and another process begins with none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, Spent] = {}

    def __reduce__(self) -> tuple[type[Times], tuple[()]]:
        return Times, ()

    def add(self, part: str, spent: Spent) -> None:
        """Add time to a part."""
        with self._lock:
            before = self._spent.get(part, Spent(0, 0.0, 0.0))
            self._spent[part] = Spent(
                before.times + spent.times, before.seconds + spent.seconds, before.cpu_s + spent.cpu_s
            )

    def spent(self) -> dict[str, Spent]:
        """Return the time by part, in the order of :data:`PARTS`."""
        with self._lock:
            return {part: self._spent[part] for part in PARTS if part in self._spent}


class _Here(threading.local):
    """What a thread counts into, and the time of the parts within those that it is at."""

    times: Times | None = None
    within: list[list[float]] | None = None


_here = _Here()


def current() -> Times | None:
    """Return what this thread counts into."""
    return _here.times


@contextmanager
def timing(times: Times | None) -> Iterator[None]:
    """Within it, this thread counts into ``times``."""
    before = _here.times, _here.within
    _here.times, _here.within = times, []
    try:
        yield
    finally:
        _here.times, _here.within = before


@contextmanager
def timed(part: str) -> Iterator[None]:
    """Count what is within it as a part of the work, one of :data:`PARTS`."""
    times, within = _here.times, _here.within
    if times is None or within is None:
        yield
        return
    begun = time.perf_counter(), time.thread_time()
    inner = [0.0, 0.0]
    within.append(inner)
    try:
        yield
    finally:
        took = time.perf_counter() - begun[0], time.thread_time() - begun[1]
        within.pop()
        for place, one in enumerate(took if within else ()):
            within[-1][place] += one
        times.add(part, Spent(1, took[0] - inner[0], took[1] - inner[1]))
