"""Draws: the workload and the luck that might have been instead of those of the log (semantics §10).

Every draw has a number, and each thing that is drawn again a stream of its own, named by seed, number and thing.  So
draw 7 is the same for whatever is replayed on it, and to draw one thing more changes no other.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Literal, NamedTuple
from zlib import crc32

import numpy as np

from pwsim.common import WEEK_S, InputError, numeral
from pwsim.trace import Trace
from pwsim.workload.edit import shake
from pwsim.workload.resampling import resample
from pwsim.workload.twin.fitting import fit

Drawn = Literal["seed", "shake", "weeks", "users", "twin"]
"""What may be drawn again: ``seed``, when nodes are taken back or break; ``shake``, the submissions, each moved a
little; ``weeks``, the weeks of the log with replacement; ``users``, who works when; ``twin``, all jobs, from a
statistical twin of the log."""

SHAKE_S = 60.0
"""By how much a submission is moved at most [s]."""
HELD_BYTES = 256 * 2**20
"""How much of the drawn workloads is held in memory: those with the lowest numbers, which every setup meets [bytes]."""
_BYTES_A_JOB = 200


class Draw(NamedTuple):
    """What a replay is given instead of the log and the scenario's seed."""

    trace: Trace
    """The jobs."""
    seed: int
    """Seed of interruptions and failures."""
    later_s: float = 0.0
    """How much later than the log's its first submission is on the site's clock [s]."""


class Population:
    """All the draws of a workload.

    Threads may share it.

    Parameters
    ----------
    trace
        The log, as the scenario replays it.
    by
        What is drawn again.
    seed
        The scenario's seed.

    Raises
    ------
    InputError
        If what is to be drawn again cannot be, of this log.

    References
    ----------
    D. Tsafrir, K. Ouaknine, D. G. Feitelson: Reducing performance evaluation sensitivity and variability by input
    shaking. MASCOTS 2007.  Weeks are blocks of a block bootstrap: H. R. Künsch: The jackknife and the bootstrap for
    general stationary observations. Annals of Statistics 17 (1989), doi:10.1214/aos/1176347265.
    """

    def __init__(self, trace: Trace, by: Sequence[Drawn], seed: int) -> None:
        self.trace, self.by, self.seed = trace, tuple(by), seed
        self._held: dict[int, Trace] = {}
        self._lock = threading.Lock()
        if faults := [fault for one in by if (fault := undrawable(trace, one))]:
            raise InputError(faults[0])
        self._twin = fit(trace) if "twin" in self.by else None

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_held", "_lock")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._held, self._lock = {}, threading.Lock()

    def draw(self, number: int) -> Draw:
        """Return a draw by its number, from 1 on: the same whoever asks, and in which order."""
        seed = stream_seed(self.seed, number, "seed") if "seed" in self.by else self.seed
        with self._lock:
            trace = self._held.get(number)
        if trace is None:
            trace = self._drawn(number)
            with self._lock:
                if (len(self._held) + 1) * len(trace) * _BYTES_A_JOB <= HELD_BYTES:
                    self._held[number] = trace
        # A twin's clock starts at the log's first submission.
        log_s = 0.0 if "twin" in self.by else self.trace.first_submit_s
        return Draw(trace, seed, trace.first_submit_s - log_s)

    def _drawn(self, number: int) -> Trace:
        """Return the workload of a draw: first who works, then in which week, then to the second."""
        trace = self.trace
        if self._twin is not None:
            trace = self._twin.generate(seed=stream_seed(self.seed, number, "twin"))
        if "users" in self.by:
            trace = resample(trace, seed=stream_seed(self.seed, number, "users"))
        if "weeks" in self.by:
            trace = drawn_weeks(trace, stream_seed(self.seed, number, "weeks"))
        if "shake" in self.by:
            trace = shake(trace, SHAKE_S, stream_seed(self.seed, number, "shake"))
        return trace


def stream_seed(seed: int, number: int, name: str) -> int:
    """Return the seed of a named stream of a draw, 32 bits."""
    return int(np.random.SeedSequence((seed, number, crc32(name.encode()))).generate_state(1)[0])


def undrawable(trace: Trace, one: Drawn) -> str | None:
    """Return why something cannot be drawn again of a log; ``None`` if it can."""
    if one in ("seed", "shake"):
        return None
    if trace.feedback is not None:
        return (
            f"replications.by: {one} cannot be drawn where jobs follow others (workload.feedback): who is drawn twice "
            "would follow twice; leave it out"
        )
    if one == "weeks" and (weeks := int(trace.span_s // WEEK_S)) < 2:
        return (
            f"replications.by: weeks cannot be drawn of a log of {numeral(trace.span_s / WEEK_S)} weeks: it takes two "
            f"whole ones (got {weeks}); leave it out, or replay more of the log"
        )
    if one == "users" and bool(trace.user.isin([""]).any()):
        return "replications.by: users cannot be drawn of a log in which jobs name none; leave it out"
    return None


def drawn_weeks(trace: Trace, seed: int) -> Trace:
    """Return a trace of whole weeks of this one, drawn with replacement; each job keeps its hour and weekday.

    Weeks are counted from the first submission.  What comes after the last whole week stays what it is, so that no load
    is lost.

    Parameters
    ----------
    trace
        The workload.
    seed
        Seed of the random numbers.
    """
    whole = int(trace.span_s // WEEK_S)
    week = np.minimum(trace.submit_s // WEEK_S, whole).astype(np.int64)
    drawn = np.append(np.random.default_rng(seed).integers(whole, size=whole), whole)
    ends = np.searchsorted(week, np.arange(whole + 2))
    rows = np.concatenate([np.arange(ends[one], ends[one + 1]) for one in drawn])
    moved = np.repeat(np.arange(whole + 1) - drawn, ends[drawn + 1] - ends[drawn])
    again = trace.resubmitted(trace.submit_s[rows] + moved * WEEK_S, rows)
    return again.changed(f"its {whole:,} whole weeks drawn anew")
