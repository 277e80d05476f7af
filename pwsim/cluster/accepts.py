"""Which jobs a pool takes: limits on what they ask for, and names of queues, users and their groups (semantics §5)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, WithJsonSchema

from pwsim.common import Frozen, Mebibytes
from pwsim.trace import Trace


def one_or_many(value: object) -> object:
    """Return a value alone as a tuple of one."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(one_or_many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Limits(Frozen):
    """A lower and an upper limit, either of which may be left out."""

    at_least: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """The smallest value that is accepted."""
    at_most: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """The largest value that is accepted."""

    def admit(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return for each value whether it is within the limits."""
        within = np.ones(len(values), dtype=bool)
        if self.at_least is not None:
            within &= values >= self.at_least
        if self.at_most is not None:
            within &= values <= self.at_most
        return within


class MemoryLimits(Limits):
    """Limits on memory [MiB]."""

    at_least: Mebibytes | None = None
    """The smallest memory that is accepted [MiB]."""
    at_most: Mebibytes | None = None
    """The largest memory that is accepted [MiB]."""


class Accepts(Frozen):
    """Which jobs a pool takes; what is left out does not matter."""

    procs: Limits | None = None
    """Limits on the processors of a job."""
    gpus: Limits | None = None
    """Limits on the GPUs of a job, parts of one included: ``{at_least: 0.001}`` for jobs with GPUs, ``{at_most: 0}``
    for those without."""
    memory: MemoryLimits | None = None
    """Limits on the memory of a job."""
    queue: Names | None = None
    """Queues of the log whose jobs are taken."""
    user: Names | None = None
    """Users whose jobs are taken."""
    user_group: Names | None = None
    """Groups or accounts of users whose jobs are taken."""

    def admit(self, trace: Trace) -> npt.NDArray[np.bool_]:
        """Return for each job of the trace whether it is accepted, shape (jobs,)."""
        admitted = np.ones(len(trace), dtype=bool)
        if self.procs is not None:
            admitted &= self.procs.admit(trace.procs)
        if self.gpus is not None:
            admitted &= self.gpus.admit(trace.gpus)
        if self.memory is not None:
            admitted &= self.memory.admit(trace.memory_mib)
        for column, names in ((trace.queue, self.queue), (trace.user, self.user), (trace.user_group, self.user_group)):
            if names is not None:
                admitted &= np.asarray(column.isin(names))
        return admitted
