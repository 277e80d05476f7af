"""Partitions: doors to nodes, and which jobs come through which (semantics §9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field

from pwsim.cluster.accepts import one_or_many
from pwsim.cluster.pools import Name
from pwsim.cluster.where import Where
from pwsim.common import Frozen, PositiveSeconds
from pwsim.trace import Integers, Trace


class Partition(Frozen):
    """A door to the nodes of some pools; the pools that partitions name share one queue."""

    name: Name
    """Name of the partition: letters, digits, ``_`` and ``-``."""
    pools: Annotated[tuple[Name, ...], BeforeValidator(one_or_many)] = Field(min_length=1, max_length=100)
    """Names of its pools; a job takes what is free in them in this order. They are always up and have one placement."""
    where: Where = Where()
    """Which jobs come through it; if left out all, and through the default one those that no other takes. A job goes
    through the first partition that takes it."""
    tier: int = Field(default=0, ge=0, le=10**6)
    """Jobs of higher tiers come first, whatever the policy says, and may interrupt lower ones (``preemption``)."""
    priority: float = Field(default=1.0, ge=0, le=1e9, allow_inf_nan=False)
    """What the ``multifactor`` order weighs for its jobs."""
    max_time: PositiveSeconds | None = None
    """Longest estimate [s]; jobs that ask for more are rejected."""
    default: bool = False
    """Whether jobs that no partition takes go through this one; one partition may say so."""


NO_DOOR = -1
"""Instead of the number of a partition: the job goes through none."""


def doors(trace: Trace, partitions: Sequence[Partition]) -> Integers:
    """Return through which partition each job goes, :data:`NO_DOOR` for none, shape (jobs,).

    It is the first that takes the job, else the one marked ``default``.  A job that goes through none is one for the
    pools that no partition names.

    Parameters
    ----------
    trace
        The jobs; ``where`` of a partition is about what the log says of them.
    partitions
        The partitions, in order.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 1, 2], "run_s": [9, 9, 9], "procs": [1, 64, 8]})
    >>> wide = Partition(name="wide", pools=["fat"], where={"procs_at_least": 32})
    >>> small = Partition(name="small", pools=["thin"], where={"procs_at_most": 4})
    >>> doors(trace, [wide, small]), doors(trace, [wide.model_copy(update={"default": True}), small])
    (array([ 1,  0, -1]), array([1, 0, 0]))
    """
    door = np.full(len(trace), NO_DOOR)
    for index, partition in enumerate(partitions):
        if not (partition.default and partition.where == Where()):
            door[(door == NO_DOOR) & partition.where.admit(trace)] = index
    default = next((index for index, partition in enumerate(partitions) if partition.default), NO_DOOR)
    return np.where(door == NO_DOOR, default, door)


def through_doors(trace: Trace, partitions: Sequence[Partition]) -> Trace:
    """Return the trace with the names of the scenario's partitions instead of the log's; empty for none.

    Limits and hours speak of these: their ``where`` is to be asked about this trace.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 1], "run_s": [9, 9], "procs": [1, 64], "partition": ["3", "7"]})
    >>> through_doors(trace, [Partition(name="wide", pools=["fat"], where={"partition": "7"})]).partition.tolist()
    ['', 'wide']
    """
    names = pd.Index([partition.name for partition in partitions] + [""])
    return trace.with_columns(partition=pd.Categorical(names[doors(trace, partitions)], categories=names))
