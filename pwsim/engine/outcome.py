"""What an engine gives: when and where each job ran."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pwsim.common import ByContent
from pwsim.trace import Floats, Integers

REJECTED = -1
"""Stands for the pool of a job that no pool could hold."""


@dataclass(frozen=True, eq=False)
class Replay(ByContent):
    """What an engine gives: when and where each job ran, by job in job order; and attempts and nodes."""

    engine: str = field(compare=False)
    """The engine that ran: ``compiled`` or ``simpy``; both give the same."""
    pool: Integers
    """Index of the pool in which each job ran last, :data:`REJECTED` if none could hold it, shape (jobs,)."""
    start_s: Floats
    """First start, NaN for rejected jobs [s]."""
    end_s: Floats
    """End, NaN for rejected jobs [s]."""
    killed: npt.NDArray[np.bool_]
    """Whether the job was ended at its estimate."""
    failed: npt.NDArray[np.bool_]
    """Whether the job was given up after too many interruptions."""
    restarts: Integers
    """Restarts after interruptions."""
    submit_s: Floats | None = None
    """Submission [s]; ``None`` if each job was submitted at the time that the trace gives."""
    attempts: Floats | None = None
    """Job, pool, start, end, and seconds that count of each attempt, in the order of their ends, shape (attempts, 5);
    ``None`` if every job has one attempt in its pool, and all of it counts.  Under rules of the site a row is what an
    attempt takes of one pool, and has the units of it besides, shape (attempts, 6)."""
    waits: Floats | None = None
    """Job, pool, start and end of each time in a queue, shape (waits, 4); ``None`` if jobs wait in their pool once."""
    spans: Floats | None = None
    """Pool, number, launch, being up and end of each stay of a node, shape (stays, 5); ``None`` if all nodes stay."""
    places: Floats | None = None
    """Job, pool, start, end, node and GPUs (as bits) of each share of an attempt in a packed pool, shape (shares, 6);
    ``None`` if there is none."""
    reason: Integers | None = None
    """Why each job is rejected, a place in :data:`pwsim.cluster.REJECTIONS`, -1 if it is not, shape (jobs,); ``None``
    without rules of the site."""
    away: Floats | None = None
    """Pool, time, and nodes that are away from then until the next time [s], shape (steps, 3); ``None`` without
    outages."""
