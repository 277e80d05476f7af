"""The replays of single pools that a proof rests on, as a table: which jobs under which rules, and what came of it.

Jobs and starts stand as hashes, so that a table of thousands of replays stays small: whoever has the log and the
scenario can replay each row, and compare (:mod:`.verifying`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pwsim.metrics import Booleans
from pwsim.search.options import options
from pwsim.search.plan import Setup
from pwsim.trace import Floats

if TYPE_CHECKING:
    from pwsim.search.judging import Judge
    from pwsim.search.routing import Arc, Network

Key = tuple[int, int, int, bytes]
"""Procedure, pool, choice and jobs: what the replay of a pool depends on."""

PROOF_COLUMNS: dict[str, tuple[str, str]] = {
    "policy": ("", "order and backfill rule"),
    "limits": ("", "which of the scenario's alternatives of limits, from 0; absent where there is one"),
    "hours": ("", "which of the scenario's alternatives of hours, from 0; absent where there is one"),
    "pool": ("", "pool that was replayed by itself"),
    "nodes": ("nodes", "nodes of the pool"),
    "type": ("", "type of node of the pool, if it has several to choose from; absent where no pool has"),
    "jobs": ("", "number of jobs that come to the pool"),
    "jobs_sha256": ("", "which jobs these are: hash of a bit for each job of the log, in the order of the trace"),
    "starts_sha256": ("", "hash of the starts of these jobs, in seconds as 64-bit floating-point numbers"),
    "cost_usd_per_year": ("USD/year", "what the pool costs with these jobs"),
}
"""Unit and meaning of the columns of ``proof.parquet``."""


def digest_of_jobs(jobs: Booleans) -> str:
    """Return the hash of some jobs of a trace.

    Examples
    --------
    >>> digest_of_jobs(np.array([True, False]))[:8]
    '76be8b52'
    """
    return hashlib.sha256(np.packbits(jobs).tobytes()).hexdigest()


def digest_of_starts(start_s: Floats) -> str:
    """Return the hash of the starts of some jobs [s]."""
    return hashlib.sha256(np.ascontiguousarray(start_s, dtype="<f8").tobytes()).hexdigest()


def table(
    judge: Judge, network: Network, usd_per_year: Mapping[Key, float], starts: Mapping[Key, Floats]
) -> pd.DataFrame:
    """Return the replays of pools, in the order in which they were done.

    Parameters
    ----------
    judge, network
        What was searched.
    usd_per_year
        Cost of each pool that was replayed [USD a year].
    starts
        Starts of its jobs [s].
    """
    rows: list[dict[str, Any]] = []
    for key, usd in usd_per_year.items():
        procedure, pool, choice, held = key
        jobs = network.packed(held)
        one = judge.cluster.pools[pool]
        rows.append(
            {
                **Setup({}, *judge.cluster.procedures[procedure]).procedure(judge.cluster.alternatives),
                "pool": one.name,
                "nodes": options(one)[choice].nodes,
                **({"type": one.types[choice % len(one.types)].name} if one.types else {}),
                "jobs": int(np.count_nonzero(jobs)),
                "jobs_sha256": digest_of_jobs(jobs),
                "starts_sha256": digest_of_starts(starts[key]),
                "cost_usd_per_year": usd,
            }
        )
    told = (*judge.cluster.alternatives, *(["type"] if judge.cluster.typed else []))
    names = [name for name in PROOF_COLUMNS if name not in ("limits", "hours", "type") or name in told]
    return pd.DataFrame(rows, columns=names)


def by_jobs(network: Network) -> dict[tuple[int, int, str], Arc]:
    """Return an arc for each pool, choice and hash of jobs."""
    digests: dict[bytes, str] = {}
    found: dict[tuple[int, int, str], Arc] = {}
    for arc in network.arcs:
        if arc.held not in digests:
            digests[arc.held] = digest_of_jobs(network.held(arc))
        found.setdefault((arc.pool, arc.choice, digests[arc.held]), arc)
    return found
