"""Which jobs something is about: a target, a part of the workload, a rule of the site."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pwsim.cluster.accepts import Names
from pwsim.common import Frozen, PositiveSeconds, Seconds
from pwsim.trace import Trace
from pwsim.workload import matching


class Where(Frozen):
    """The jobs that something is about."""

    procs_at_least: int | None = Field(default=None, ge=1)
    """Only jobs of at least so many processors."""
    procs_at_most: int | None = Field(default=None, ge=1)
    """Only jobs of at most so many processors."""
    gpus_at_least: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Only jobs of at least so many GPUs, parts of one included."""
    gpus_at_most: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Only jobs of at most so many GPUs."""
    estimate_above: Seconds | None = None
    """Only jobs whose users asked for a longer run time than this [s]."""
    estimate_at_most: PositiveSeconds | None = None
    """Only jobs whose users asked for a run time of at most this [s]."""
    queue: Names | None = None
    """Only jobs of these queues."""
    partition: Names | None = None
    """Only jobs of these partitions: the log's, in limits and hours those of ``cluster.partitions``."""
    qos: Names | None = None
    """Only jobs of these qualities of service (Slurm's QOS)."""
    user: Names | None = None
    """Only jobs of these users."""
    user_group: Names | None = None
    """Only jobs of these groups or accounts of users."""
    account: Names | None = None
    """Another word for ``user_group``: only jobs of these accounts."""

    def admit(self, trace: Trace) -> npt.NDArray[np.bool_]:
        """Return for each job of the trace whether it is one of them, shape (jobs,)."""
        return matching(trace, **self.conditions())

    def conditions(self) -> dict[str, Any]:
        """Return the conditions that are set, as :func:`pwsim.workload.edit.matching` takes them."""
        return self.model_dump(exclude_none=True)
