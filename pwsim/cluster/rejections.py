"""Why no pool takes a job: what there is to say of each reason, and what tells that it is true (semantics §5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pwsim.cluster.pools import Pool
from pwsim.common import listed
from pwsim.trace import Trace

Booleans = npt.NDArray[np.bool_]
Pools = Sequence[tuple[int, Pool]]
"""Pools and how many nodes each has."""


@dataclass(frozen=True)
class Rejection:
    """A reason why no pool takes a job."""

    name: str
    """What it is called in tables."""
    words: str
    """What such jobs are, said after their number."""
    jobs: Callable[[Trace, Pools], Booleans]
    """Of which jobs it is true, shape (jobs,); a job counts under the first reason that is."""


def _too_wide(trace: Trace, pools: Pools) -> Booleans:
    wide: Booleans = trace.procs > max(nodes * pool.node.cores for nodes, pool in pools)
    return wide


def _too_many_gpus(trace: Trace, pools: Pools) -> Booleans:
    most = max(0 if pool.placement == "cores" else nodes * pool.node.gpus for nodes, pool in pools)
    many: Booleans = trace.gpus > most
    return many


def _unaccepted(trace: Trace, pools: Pools) -> Booleans:
    accepted: Booleans = np.logical_or.reduce([pool.accepts.admit(trace) for _, pool in pools])
    return ~accepted


def _none(trace: Trace, pools: Pools) -> Booleans:  # noqa: ARG001
    return np.zeros(len(trace), dtype=bool)


def _all(trace: Trace, pools: Pools) -> Booleans:  # noqa: ARG001
    return np.ones(len(trace), dtype=bool)


_REASONS = (
    Rejection("procs", "with more cores than any pool has", _too_wide),
    Rejection("gpus", "with more GPUs than any pool has (a pool of mere cores has none)", _too_many_gpus),
    Rejection("accepts", "that no pool accepts", _unaccepted),
    Rejection("max_time", "that ask for longer than their partition allows", _none),
    Rejection("limit", "that pass a limit by themselves", _none),
    Rejection("hours", "that no hours between outages are long enough for", _none),
    Rejection("other", "that fit no pool that accepts them (memory, nodes or GPUs)", _all),
)
REJECTIONS = {reason.name: reason for reason in _REASONS}
"""Why no pool takes a job, by name; the last is true of all jobs, and some are for rules of the site alone (§9)."""


def rejections(trace: Trace, pools: Pools) -> dict[str, Booleans]:
    """Return which jobs no pool takes, by the first reason that is true, each of shape (jobs,)."""
    left = np.ones(len(trace), dtype=bool)
    for nodes, pool in pools:
        left &= ~(pool.admits(trace) & (pool.need(trace) <= nodes * pool.units_per_node()))
    found = {}
    for reason in REJECTIONS.values():
        found[reason.name] = left & reason.jobs(trace, pools)
        left = left & ~found[reason.name]
    return found


def rejections_text(jobs: Mapping[str, int]) -> str:
    """Say why no pool takes how many jobs; at least one of them is given.

    Examples
    --------
    >>> rejections_text({"procs": 0, "gpus": 1200, "accepts": 1})
    '1,200 with more GPUs than any pool has (a pool of mere cores has none) and 1 that no pool accepts'
    """
    return listed([f"{number:,} {REJECTIONS[reason].words}" for reason, number in jobs.items() if number])
