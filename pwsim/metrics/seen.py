"""What a replay showed of a stretch of time: all that metrics are computed from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pwsim.metrics.measures import Booleans, busy_core_s, exact_sum, inside
from pwsim.trace import Floats, Integers, Trace


class Attempts(NamedTuple):
    """Attempts as columns, each of shape (attempts,)."""

    job: Integers
    """Number of the job in job order."""
    pool: Integers
    """Index of the pool."""
    start_s: Floats
    """Start [s]."""
    end_s: Floats
    """End: of the job, or by an interruption [s]."""
    lost_s: Floats
    """Seconds of it that were in vain: restart overhead, and work that no checkpoint kept [s]."""
    part: Floats
    """Part of the job that is in the pool, 1 but where jobs run in several pools (semantics §9)."""


class Waits(NamedTuple):
    """Times in queues as columns, each of shape (waits,)."""

    job: Integers
    """Number of the job in job order."""
    pool: Integers
    """Index of the pool in whose queue it waited."""
    start_s: Floats
    """Start [s]."""
    end_s: Floats
    """End: the job started, or moved to another pool [s]."""


class Nodes(NamedTuple):
    """The nodes of a pool that were up at some time."""

    cores: int
    """Cores of each."""
    gpus: int
    """GPUs of each."""
    up_s: Floats
    """From when each stay of a node is up, shape (stays,) [s]."""
    gone_s: Floats
    """Until when, shape (stays,) [s]."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a replay showed, and the stretch of time that is looked at."""

    trace: Trace
    """The jobs."""
    submit_s: Floats
    """Submission of each job in the replay, shape (jobs,) [s]."""
    start_s: Floats
    """First start of each, NaN for rejected jobs, shape (jobs,) [s]."""
    end_s: Floats
    """End of each, NaN for rejected jobs, shape (jobs,) [s]."""
    killed: Booleans
    """Whether each was ended at its estimate, shape (jobs,)."""
    failed: Booleans
    """Whether each was given up after too many interruptions, shape (jobs,)."""
    restarts: Integers
    """Restarts of each after interruptions, shape (jobs,)."""
    attempts: Attempts
    """Attempts of all jobs."""
    waits: Waits
    """Times that jobs were in queues."""
    nodes: tuple[Nodes, ...]
    """Nodes by pool."""
    window: tuple[float, float]
    """Start and end of the stretch of time: of all that is measured, or of a part of it [s]."""
    start_delay_s: float = 0.0
    """How long each attempt holds what it takes before it runs (semantics §9) [s]."""

    def during(self, window: tuple[float, float]) -> Seen:
        """Return the same replay, of which another stretch of time is looked at (start and end in s)."""
        return replace(self, window=window)

    @cached_property
    def served(self) -> Booleans:
        """Whether each job was not rejected, shape (jobs,)."""
        served: Booleans = ~np.isnan(self.start_s)
        return served

    @cached_property
    def rejected(self) -> Booleans:
        """Whether each job was rejected, shape (jobs,); one that was given up before it started is not."""
        rejected: Booleans = ~self.served & ~self.failed
        return rejected

    @cached_property
    def completed(self) -> Booleans:
        """Whether each job ran to its end, shape (jobs,)."""
        completed: Booleans = self.served & ~self.killed & ~self.failed
        return completed

    @cached_property
    def measured(self) -> Booleans:
        """Whether each job is submitted in the window, shape (jobs,)."""
        return inside(self.submit_s, self.window)

    @cached_property
    def run_s(self) -> Floats:
        """Run time of the log; for killed jobs the time that they were let run [s], shape (jobs,)."""
        if not self.killed.any():
            logged_s: Floats = self.trace.run_s
            return logged_s
        job, _, start_s, end_s, lost_s, part = self.attempts
        ran_s = np.maximum(end_s - start_s - self.start_delay_s, 0.0) - lost_s
        let_run_s = np.bincount(job, ran_s * part, minlength=len(self.trace)).astype(np.float64)
        run_s: Floats = np.where(self.killed, let_run_s, self.trace.run_s)
        return run_s

    @cached_property
    def work_core_s(self) -> Floats:
        """Core-seconds of each job by the log, whatever is killed, shape (jobs,)."""
        work_core_s: Floats = self.trace.procs * self.trace.run_s
        return work_core_s

    @property
    def window_s(self) -> float:
        """Length of the window [s]."""
        return self.window[1] - self.window[0]

    @cached_property
    def up_core_s(self) -> float:
        """Core-seconds that were up in the window."""
        return self._up_s(lambda nodes: nodes.cores)

    @cached_property
    def up_gpu_s(self) -> float:
        """GPU-seconds that were up in the window."""
        return self._up_s(lambda nodes: nodes.gpus)

    def _up_s(self, size: Callable[[Nodes], int]) -> float:
        return math.fsum(
            exact_sum(np.clip(pool.gone_s, *self.window) - np.clip(pool.up_s, *self.window)) * size(pool)
            for pool in self.nodes
        )

    @cached_property
    def busy_core_s(self) -> float:
        """Core-seconds that jobs held in the window."""
        tried = self.attempts
        return busy_core_s(tried.start_s, tried.end_s, self.trace.procs[tried.job] * tried.part, self.window)

    @cached_property
    def busy_gpu_s(self) -> float:
        """GPU-seconds that jobs held in the window."""
        tried = self.attempts
        return busy_core_s(tried.start_s, tried.end_s, self.trace.gpus[tried.job] * tried.part, self.window)
