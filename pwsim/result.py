"""What a replay gives: when and where each job ran, and the tables made of that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim import costs, metrics, summary
from pwsim.cluster import Cluster
from pwsim.trace import COLUMNS, Floats, Integers, Trace
from pwsim.units import HOUR_S, YEAR_H

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REJECTED = -1
"""Stands for the pool of a job that no pool could hold."""

JOB_COLUMNS: dict[str, tuple[str, str]] = {
    "job_id": ("", "number of the job in the log"),
    "submit_s": ("s", "submission, from the first submission of the trace"),
    "start_s": ("s", "first start; NaN for rejected jobs"),
    "end_s": ("s", "end; NaN for rejected jobs"),
    "wait_s": ("s", "start less submission"),
    "run_s": ("s", "run time of the log; for killed jobs the time that they were let run"),
    "procs": ("cores", "processors that the job holds"),
    "estimate_s": ("s", "run time that the user asked for"),
    "pool": ("", "pool in which the job ran; empty for rejected jobs"),
    "status": ("", "completed, killed or rejected"),
    "bounded_slowdown": ("", "max(1, turnaround / max(run, 10 s))"),
    "turnaround_s": ("s", "end less submission"),
    "restarts": ("", "restarts after interruptions"),
}
"""Unit and meaning of the columns of :attr:`Result.jobs`; what else the trace knew follows them."""

TIMELINE_COLUMNS: dict[str, tuple[str, str]] = {
    "time_s": ("s", "start of the hour, from the first submission"),
    "pool": ("", "pool"),
    "nodes_up": ("nodes", "nodes that are up, mean of the hour"),
    "busy_cores": ("cores", "cores that jobs hold, mean of the hour"),
    "queued_jobs": ("jobs", "waiting jobs, mean of the hour"),
    "queued_cores": ("cores", "cores that waiting jobs ask for, mean of the hour"),
    "cost_usd": ("USD", "cost of the hour: what stands there anyway, and the energy of busy cores"),
}
"""Unit and meaning of the columns of :attr:`Result.timeline`."""


@dataclass(frozen=True)
class Replay:
    """What an engine gives: when and where each job ran, as arrays of shape (jobs,), in job order."""

    engine: str
    """The engine that ran: ``compiled`` or ``simpy``."""
    pool: Integers
    """Index of the pool in which each job ran, :data:`REJECTED` if none could hold it."""
    start_s: Floats
    """First start, NaN for rejected jobs [s]."""
    end_s: Floats
    """End, NaN for rejected jobs [s]."""
    killed: npt.NDArray[np.bool_]
    """Whether the job was ended at its estimate."""


@dataclass(frozen=True)
class Result:
    """One replay of a trace on a cluster."""

    trace: Trace
    """The jobs that were replayed."""
    cluster: Cluster
    """The cluster, without choices."""
    replay: Replay
    """When and where each job ran."""
    seed: int = 1
    """Seed of everything random."""

    def __repr__(self) -> str:
        return (
            f"<Result: {self.trace.name!r}, {len(self.trace)} jobs, {self.cluster.the_policy()}, {self.replay.engine}>"
        )

    @cached_property
    def wait_s(self) -> Floats:
        """Start less submission, NaN for rejected jobs [s], shape (jobs,)."""
        wait_s: Floats = self.replay.start_s - self.trace.submit_s
        return wait_s

    @cached_property
    def turnaround_s(self) -> Floats:
        """End less submission, NaN for rejected jobs [s], shape (jobs,)."""
        turnaround_s: Floats = self.replay.end_s - self.trace.submit_s
        return turnaround_s

    @cached_property
    def run_s(self) -> Floats:
        """Run time of the log; for killed jobs the time that they were let run [s], shape (jobs,)."""
        return np.where(self.replay.killed, self.replay.end_s - self.replay.start_s, self.trace.run_s)

    @cached_property
    def bounded_slowdown(self) -> Floats:
        """Bounded slowdown, NaN for rejected jobs, shape (jobs,); semantics §7."""
        return metrics.bounded_slowdown(self.turnaround_s, self.run_s)

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """One row a job: :data:`JOB_COLUMNS`, then what else the trace knew."""
        trace = self.trace
        status = np.where(self.replay.pool == REJECTED, "rejected", np.where(self.replay.killed, "killed", "completed"))
        names = ["", *(pool.name for pool in self.cluster.pools)]
        table: dict[str, Any] = {
            "job_id": trace.job_id,
            "submit_s": trace.submit_s,
            "start_s": self.replay.start_s,
            "end_s": self.replay.end_s,
            "wait_s": self.wait_s,
            "run_s": self.run_s,
            "procs": trace.procs,
            "estimate_s": trace.estimate_s,
            "pool": pd.Categorical.from_codes(self.replay.pool - REJECTED, categories=pd.Index(names)),
            "status": pd.Categorical(status, categories=["completed", "killed", "rejected", "failed"]),
            "bounded_slowdown": self.bounded_slowdown,
            "turnaround_s": self.turnaround_s,
            "restarts": np.zeros(len(trace), dtype=np.int64),
        }
        table.update({column.name: trace.table[column.name] for column in COLUMNS if column.name not in table})
        return pd.DataFrame(table)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """All metrics by name (:func:`pwsim.metrics.summarise`); NaN where a figure has no meaning."""
        return metrics.summarise(
            window_s=self.trace.span_s,
            cores=sum(count * pool.node.cores for count, pool in self._counted_pools()),
            procs=self.trace.procs,
            start_s=self.replay.start_s,
            end_s=self.replay.end_s,
            killed=self.replay.killed,
            wait_s=self.wait_s,
            slowdown=self.bounded_slowdown,
            turnaround_s=self.turnaround_s,
        )

    def pools(self, discount_rate: float = 0.0) -> pd.DataFrame:
        """Return one row a pool: its size, its use, and the parts of its cost [USD a year]; semantics §7, §8.

        Raises
        ------
        ValueError
            If the measurement window has no length and jobs cause costs.
        """
        window_s, rows = self.trace.span_s, []
        for index, (count, pool) in enumerate(self._counted_pools()):
            here = self.replay.pool == index
            start_s, end_s, procs = self.replay.start_s[here], self.replay.end_s[here], self.trace.procs[here]
            cost = costs.standing(pool, count, discount_rate)
            busy_usd = costs.busy_energy_usd(pool, metrics.busy_core_s(start_s, end_s, procs, np.inf))
            cost["busy_energy_usd_per_year"] = costs.per_year(busy_usd, window_s)
            available = count * pool.node.cores * window_s
            busy = metrics.busy_core_s(start_s, end_s, procs, window_s)
            rows.append(
                {
                    "name": pool.name,
                    "kind": pool.kind,
                    "nodes": count,
                    "cores_per_node": pool.node.cores,
                    "utilization": busy / available if available else np.nan,
                    "jobs": int(np.count_nonzero(here)),
                    "cost_usd_per_year": costs.total(cost),
                    **cost,
                }
            )
        return pd.DataFrame(rows)

    def cost(self, discount_rate: float = 0.0) -> costs.Breakdown:
        """Return the cost of the setup by part (:data:`pwsim.costs.PARTS`) [USD a year]."""
        pools = self.pools(discount_rate)
        return {part: float(sum(pools[part])) for part in costs.PARTS}

    def hourly(self, discount_rate: float = 0.0) -> pd.DataFrame:
        """Return one row an hour and pool until the replay ends (:data:`TIMELINE_COLUMNS`); the last may be shorter."""
        served = self.replay.pool != REJECTED
        end_s = float(self.replay.end_s[served].max()) if served.any() else 0.0
        edges_s = np.append(np.arange(0.0, end_s, HOUR_S), end_s) if end_s else np.array([0.0, 0.0])
        hours = np.diff(edges_s) / HOUR_S
        ones = np.ones(len(self.trace), dtype=np.int64)
        tables = []
        for index, (count, pool) in enumerate(self._counted_pools()):
            here = self.replay.pool == index
            submit_s, start_s = self.trace.submit_s[here], self.replay.start_s[here]
            procs = self.trace.procs[here]

            def mean(since_s: Floats, until_s: Floats, weight: Integers) -> Floats:
                sums = np.diff(metrics.integral(since_s, until_s, weight, edges_s))
                return np.divide(sums, hours * HOUR_S, out=np.zeros(len(hours)), where=hours > 0)

            busy = mean(start_s, self.replay.end_s[here], procs)
            standing_usd = costs.total(costs.standing(pool, count, discount_rate)) / YEAR_H * hours
            tables.append(
                pd.DataFrame(
                    {
                        "time_s": edges_s[:-1],
                        "pool": pool.name,
                        "nodes_up": float(count),
                        "busy_cores": busy,
                        "queued_jobs": mean(submit_s, start_s, ones[here]),
                        "queued_cores": mean(submit_s, start_s, procs),
                        "cost_usd": standing_usd
                        + np.array([costs.busy_energy_usd(pool, core_s) for core_s in busy * hours * HOUR_S]),
                    }
                )
            )
        table = pd.concat(tables, ignore_index=True)
        table["pool"] = pd.Categorical(table["pool"], categories=[pool.name for pool in self.cluster.pools])
        return table.sort_values(["time_s", "pool"], kind="stable", ignore_index=True)

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """:meth:`hourly` at a discount rate of 0."""
        return self.hourly()

    def _counted_pools(self) -> list[tuple[int, Any]]:
        return list(zip(self.cluster.node_counts(), self.cluster.pools, strict=True))

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was asked and what was found, as plain values: ``summary.json`` of ``pwsim simulate``."""
        return summary.of_result(self)

    def plot(self, kind: str = "waits", ax: Axes | None = None) -> Axes:
        """Draw ``waits``, ``wait_by_size``, ``timeline`` or ``queue`` (:mod:`pwsim.plots`).

        Parameters
        ----------
        kind
            Which figure.
        ax
            Axes to draw on; new ones if left out.

        Raises
        ------
        ValueError
            If there is no such figure.
        """
        from pwsim import plots

        cores = {pool.name: pool.node.cores for pool in self.cluster.pools}
        draw = {
            "waits": lambda: plots.waits(self.jobs, ax=ax),
            "wait_by_size": lambda: plots.wait_by_size(self.jobs, ax),
            "timeline": lambda: plots.timeline(self.timeline, cores, ax),
            "queue": lambda: plots.queue(self.timeline, ax),
        }
        if kind not in draw:
            raise ValueError(f"kind must be one of {', '.join(draw)} (got {kind!r})")
        return draw[kind]()
