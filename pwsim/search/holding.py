"""Which jobs the setups of a cluster hold, and which ones every setup must reject."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pwsim.cluster import NO_DOOR, Cluster, admission, doors, rejections_text
from pwsim.common import count, share
from pwsim.metrics import Booleans, share_of
from pwsim.trace import Integers, Trace


class MustReject(NamedTuple):
    """Jobs that every setup of a cluster must reject."""

    jobs: int
    """How many."""
    work_share: float
    """Their share of the work of all jobs."""
    why: str
    """The reasons, in words."""

    def __str__(self) -> str:
        return f"{count(self.jobs, 'job')} with {share(self.work_share)} of the work fit no setup: {self.why}"


@dataclass(frozen=True, eq=False)
class Holding:
    """Which jobs of a trace the setups of a cluster hold: found once, for targets, checks and bounds alike."""

    trace: Trace
    """The jobs."""
    cluster: Cluster
    """Pools with their choices of nodes."""

    @cached_property
    def first(self) -> Integers:
        """By job and pool the index of the first choice of nodes that holds the job, shape (jobs, pools).

        The number of choices stands for none.  Of a job that goes through a partition, which pools hold together, no
        pool by itself can be told to be too small: the first choice of each stands for it, or none if all pools
        at their largest do not hold it.
        """
        return self._first_through_doors() if self.cluster.partitions else self.by_pool

    @cached_property
    def by_pool(self) -> Integers:
        """The same by what each pool takes by itself, whatever doors there are, shape (jobs, pools)."""
        first = np.empty((len(self.trace), len(self.cluster.pools)), dtype=np.int64)
        for index, pool in enumerate(self.cluster.pools):
            units = np.array(pool.nodes) * pool.units_per_node()
            first[:, index] = np.searchsorted(units, pool.need(self.trace))
            first[~pool.admits(self.trace), index] = len(pool.nodes)
        return first

    def _first_through_doors(self) -> Integers:
        largest = self.cluster.at({pool.name: pool.nodes[-1] for pool in self.cluster.pools}, self.cluster.policy[0])
        admitted = admission(self.trace, largest)
        none = np.array([len(pool.nodes) for pool in self.cluster.pools])
        first = np.tile(none, (len(self.trace), 1))
        for door, way in enumerate(admitted.ways):
            first[np.ix_((admitted.door == door) & (admitted.reason < 0), way)] = 0
        alone = len(self.cluster.partitions)
        named = {name for partition in self.cluster.partitions for name in partition.pools}
        outside = doors(self.trace, self.cluster.partitions) == NO_DOOR
        for index, pool in enumerate(self.cluster.pools):
            if pool.name not in named:  # there, jobs go to the first pool that is large enough
                units = np.array(pool.nodes) * pool.units_per_node()
                held = np.where(pool.admits(self.trace), np.searchsorted(units, pool.need(self.trace)), none[index])
                first[:, index] = np.where(outside & (admitted.door >= alone), held, first[:, index])
        return first

    @cached_property
    def never(self) -> Booleans:
        """Which jobs every setup must reject: those that no pool holds at its largest, shape (jobs,)."""
        if self.cluster.typed:
            each = [Holding(self.trace, one).never for one in self.cluster.variants()]
            by_all: Booleans = np.logical_and.reduce(each)
            return by_all
        choices = np.array([len(pool.nodes) for pool in self.cluster.pools])
        never: Booleans = np.all(self.first == choices, axis=1)
        return never

    @cached_property
    def must_reject(self) -> MustReject:
        """The jobs that every setup must reject, with the reasons."""
        plain = self.cluster.variants()[0]  # what every setup rejects, those of one choice of types do
        largest = plain.at({pool.name: pool.nodes[-1] for pool in plain.pools}, plain.policy[0])
        reasons = {
            reason: int(np.count_nonzero(jobs & self.never)) for reason, jobs in largest.rejections(self.trace).items()
        }
        return MustReject(
            jobs=int(np.count_nonzero(self.never)),
            work_share=share_of(self.trace.procs * self.trace.run_s, self.never),
            why=rejections_text(reasons) if self.never.any() else "",
        )
