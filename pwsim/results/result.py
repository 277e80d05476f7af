"""What a replay gives: when and where each job ran, and the tables made of that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim import costs, metrics
from pwsim.cluster import REJECTIONS, CloudPool, Cluster
from pwsim.common import HOUR_S, YEAR_H, ByContent, InputError, card, duration, share
from pwsim.costs import charges
from pwsim.engine import REJECTED, Replay
from pwsim.metrics import capacity, surges
from pwsim.prices import UNDISCOUNTED, Economics, SavingsPlan, clock_fault, economics_of, first_submit_utc_s
from pwsim.results import summary
from pwsim.trace import COLUMNS, Floats, Integers, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes


JOB_COLUMNS: dict[str, tuple[str, str]] = {
    "job_id": ("", "number of the job in the log"),
    "submit_s": ("s", "submission, from the first submission of the trace"),
    "start_s": ("s", "first start; NaN for rejected jobs"),
    "end_s": ("s", "end; NaN for rejected jobs"),
    "wait_s": (metrics.METRICS["wait_s"].unit, metrics.METRICS["wait_s"].text),
    "run_s": ("s", "run time of the log; for killed jobs the time that they were let run"),
    "procs": ("cores", "processors that the job holds"),
    "estimate_s": ("s", "run time that the user asked for"),
    "pool": ("", "pool in which the job ran; empty for rejected jobs"),
    "status": ("", "completed, killed at its estimate, rejected, or failed after too many interruptions"),
    **{one.name: (one.unit, one.text) for one in metrics.JOB_METRICS},
    "restarts": ("", "restarts after interruptions"),
}
"""Unit and meaning of the columns of :attr:`Result.jobs`; what else the trace knew follows them."""

STATES = ("completed", "killed", "rejected", "failed")
"""What became of a job."""

FEEDBACK_COLUMNS: dict[str, tuple[str, str]] = {
    "recorded_submit_s": ("s", "submission that the workload gives, which feedback of users overrides; see submit_s"),
}
"""Unit and meaning of the columns that :attr:`Result.jobs` has besides if jobs follow others."""

DATED_COLUMNS: dict[str, tuple[str, str]] = {
    "submit_utc": ("UTC", "submission as a date: submit_s after the first submission of the log"),
    "time_utc": ("UTC", "start of the hour as a date: time_s after the first submission of the log"),
}
"""Unit and meaning of the columns that :attr:`Result.jobs` and :attr:`Result.timeline` have besides where the log has a
date, and its arrivals are not compressed."""

TIMELINE_COLUMNS: dict[str, tuple[str, str]] = {
    "time_s": ("s", "start of the hour, from the first submission"),
    "pool": ("", "pool"),
    "nodes_up": ("nodes", "nodes that are up, mean of the hour"),
    "busy_cores": ("cores", "cores that running jobs ask for, mean of the hour"),
    "queued_jobs": ("jobs", "waiting jobs, mean of the hour"),
    "queued_cores": ("cores", "cores that waiting jobs ask for, mean of the hour"),
    "cost_usd": ("USD", "cost of the hour: what stands there anyway, and what jobs cause"),
    "busy_gpus": ("GPUs", "GPUs that running jobs ask for, mean of the hour"),
    "queued_gpus": ("GPUs", "GPUs that waiting jobs ask for, mean of the hour"),
    "stranded_cores": ("cores", "cores that are free while jobs wait in the pool, mean of the hour"),
    "stranded_gpus": ("GPUs", "GPUs that are free while jobs wait in the pool, mean of the hour"),
    "unused_cores": ("cores", "cores that jobs hold beside what they ask for, mean of the hour"),
    "unused_gpus": ("GPUs", "GPUs that jobs hold beside what they ask for, mean of the hour"),
    "idle_cores": ("cores", "cores that are free while no job waits in the pool, mean of the hour"),
    "idle_gpus": ("GPUs", "GPUs that are free while no job waits in the pool, mean of the hour"),
}
"""Unit and meaning of the columns of :attr:`Result.timeline`.

Of the cores that are up, busy, unused, stranded and idle ones are all; likewise of the GPUs.
"""


SAVINGS_COLUMNS: dict[str, tuple[str, str]] = {
    "name": ("", "name of the savings plan"),
    "term": ("", "how long the promise is"),
    "usd_per_hour": ("USD/h", "money that is promised, given or best"),
    "savings_usd_per_year": ("USD/year", "that for every hour of the year"),
    "unused_usd_per_year": ("USD/year", "of it what pays for no node"),
    "spared_usd_per_year": ("USD/year", "rent of the nodes that it pays for"),
    "saved_usd_per_year": ("USD/year", "that rent less all that is promised"),
}
"""Unit and meaning of the columns of :meth:`Result.savings_plans`."""


@dataclass(frozen=True, eq=False, repr=False)
class Result(ByContent):
    """One replay of a trace on a cluster."""

    trace: Trace
    """The jobs that were replayed."""
    cluster: Cluster
    """The cluster, without choices."""
    replay: Replay
    """When and where each job ran."""
    seed: int = 1
    """Seed of everything random."""
    trim: metrics.Trim = metrics.NO_TRIM
    """What is cut off the measurement window; money covers the whole replay all the same (semantics §7, §8)."""

    def __repr__(self) -> str:
        return (
            f"<Result: {self.trace.name!r}, {len(self.trace)} jobs, {self.cluster.the_policy()}, {self.replay.engine}>"
        )

    def _repr_html_(self) -> str:
        """Return the result as a small table, for notebooks."""
        found = self.metrics
        rows: list[tuple[str, str]] = [
            (f"pool {pool.name}", f"{nodes:,} nodes of {pool.node.cores:,} cores and {pool.node.gpus:,} GPUs")
            for nodes, pool in self._counted_pools()
        ]
        rows += [
            ("policy", str(self.cluster.the_policy())),
            ("jobs", f"{len(self.trace):,}, of which {found['jobs_completed']:,.0f} completed"),
            *((f"wait, {name}", duration(found[f"wait_s_{name}"])) for name in ("mean", "p50", "p95")),
            ("utilization", share(found["utilization"])),
        ]
        return card(f"Result of {self.trace.name}", rows)

    def trimmed(self, warm_up_s: float = 0.0, cool_down_s: float = 0.0) -> Result:
        """Return the same replay, measured without its first and its last submissions (semantics §7).

        Parameters
        ----------
        warm_up_s, cool_down_s
            What is cut off the start and the end of the measurement window [s].

        Raises
        ------
        InputError
            If nothing would be left.
        """
        return replace(self, trim=metrics.checked_trim(warm_up_s, cool_down_s, self.span_s))

    @cached_property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Whether each job is submitted in the measurement window, shape (jobs,)."""
        return self.seen.measured

    @property
    def submit_s(self) -> Floats:
        """Submission of each job in the replay [s], shape (jobs,)."""
        submit_s: Floats = self.trace.submit_s if self.replay.submit_s is None else self.replay.submit_s
        return submit_s

    @cached_property
    def span_s(self) -> float:
        """Time until the last submission of the replay [s]: the measurement window (semantics §7)."""
        return self.trace.span_s if self.replay.submit_s is None else float(self.replay.submit_s.max(initial=0.0))

    @cached_property
    def attempts(self) -> metrics.Attempts:
        """Attempts of all jobs; without interruptions one a job."""
        replay = self.replay
        if replay.attempts is None:
            job = np.flatnonzero(replay.pool != REJECTED)
            none, all_of_it = np.zeros(len(job)), np.ones(len(job))
            return metrics.Attempts(job, replay.pool[job], replay.start_s[job], replay.end_s[job], none, all_of_it)
        job, pool = replay.attempts[:, 0].astype(np.int64), replay.attempts[:, 1].astype(np.int64)
        start_s, end_s, done_s = replay.attempts[:, 2:5].T
        ran_s = np.maximum(end_s - start_s - self.cluster.scheduler.start_delay, 0.0)
        lost_s = ran_s - np.where(replay.failed[job], 0.0, done_s)
        if replay.reason is None:
            return metrics.Attempts(job, pool, start_s, end_s, lost_s, np.ones(len(job)))
        units = replay.attempts[:, 5]
        _, attempt = np.unique(replay.attempts[:, [0, 2]], axis=0, return_inverse=True)
        part = units / np.bincount(attempt.ravel(), units)[attempt.ravel()]
        return metrics.Attempts(job, pool, start_s, end_s, lost_s, part)

    @cached_property
    def waits(self) -> metrics.Waits:
        """Times that jobs were in queues."""
        replay = self.replay
        if replay.waits is None:
            job = np.flatnonzero(replay.pool != REJECTED)
            return metrics.Waits(job, replay.pool[job], self.submit_s[job], replay.start_s[job])
        job, pool = replay.waits[:, 0].astype(np.int64), replay.waits[:, 1].astype(np.int64)
        return metrics.Waits(job, pool, replay.waits[:, 2], replay.waits[:, 3])

    @cached_property
    def end_s(self) -> float:
        """When the last job has ended [s]; 0 if none ran."""
        served = self.replay.pool != REJECTED
        return float(self.replay.end_s[served].max()) if served.any() else 0.0

    def stays(self, index: int) -> tuple[Floats, Floats, Floats]:
        """Return launch, being up and end of each stay of a node of a pool [s]; nodes that stay have one."""
        count, pool = self.cluster.node_counts()[index], self.cluster.pools[index]
        if self.replay.spans is None or not (pool.elastic or pool.fails):
            return np.zeros(count), np.zeros(count), np.full(count, self.end_s)
        launch_s, up_s, end_s = self.replay.spans[self.replay.spans[:, 0] == index, 2:].T
        return launch_s, up_s, end_s

    @cached_property
    def seen(self) -> metrics.Seen:
        """What metrics are computed from, of the measurement window."""
        replay = self.replay
        return metrics.Seen(
            trace=self.trace,
            submit_s=self.submit_s,
            start_s=replay.start_s,
            end_s=replay.end_s,
            killed=replay.killed,
            failed=replay.failed,
            restarts=replay.restarts,
            attempts=self.attempts,
            waits=self.waits,
            nodes=tuple(
                metrics.Nodes(pool.node.cores, pool.node.gpus, *self._up(index))
                for index, pool in enumerate(self.cluster.pools)
            ),
            window=self.window,
            start_delay_s=self.cluster.scheduler.start_delay,
        )

    @cached_property
    def by_job(self) -> dict[str, Floats]:
        """Each metric of jobs by name (:data:`pwsim.metrics.JOB_METRICS`), NaN for rejected ones, shape (jobs,)."""
        return {one.name: one.compute(self.seen) for one in metrics.JOB_METRICS}

    @property
    def wait_s(self) -> Floats:
        """Start less submission, NaN for rejected jobs [s], shape (jobs,)."""
        wait_s: Floats = self.replay.start_s - self.submit_s
        return wait_s

    @property
    def turnaround_s(self) -> Floats:
        """End less submission, NaN for rejected jobs [s], shape (jobs,)."""
        return self.by_job["turnaround_s"]

    @property
    def run_s(self) -> Floats:
        """Run time of the log; for killed jobs the time that they were let run [s], shape (jobs,)."""
        return self.seen.run_s

    @property
    def bounded_slowdown(self) -> Floats:
        """Bounded slowdown, NaN for rejected jobs, shape (jobs,); semantics §7."""
        return self.by_job["bounded_slowdown"]

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """One row a job: :data:`JOB_COLUMNS`, then what else the trace knew."""
        trace = self.trace
        places = [STATES.index(one) for one in ("rejected", "failed", "killed")]
        status = np.select([self.replay.pool == REJECTED, self.replay.failed, self.replay.killed], places)
        names = ["", *(pool.name for pool in self.cluster.pools)]
        table: dict[str, Any] = {
            "job_id": trace.job_id,
            "submit_s": self.submit_s,
            "start_s": self.replay.start_s,
            "end_s": self.replay.end_s,
            "wait_s": self.wait_s,
            "run_s": self.run_s,
            "procs": trace.procs,
            "estimate_s": trace.estimate_s,
            "pool": pd.Categorical.from_codes(self.replay.pool - REJECTED, categories=pd.Index(names)),
            "status": pd.Categorical.from_codes(status, categories=pd.Index(STATES)),
            **self.by_job,
            "restarts": self.replay.restarts,
        }
        if self.replay.submit_s is not None:
            table["recorded_submit_s"] = trace.submit_s
        table.update(self._dates("submit_utc", self.submit_s))
        table.update({column.name: trace.table[column.name] for column in COLUMNS if column.name not in table})
        return pd.DataFrame(table)

    @cached_property
    def window(self) -> tuple[float, float]:
        """Start and end of the measurement window [s]."""
        return self.trim.window(self.span_s)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """All metrics by column (:data:`pwsim.metrics.METRICS`); NaN where a figure has no meaning."""
        return metrics.measure(self.seen)

    def _dates(self, name: str, times_s: Floats) -> dict[str, pd.DatetimeIndex]:
        """Return a column of dates, to the millisecond; none if the log has no date."""
        first_s = first_submit_utc_s(self.trace)
        if first_s is None:
            return {}
        since_1970_ms = np.round(1000 * (first_s + times_s)).astype("datetime64[ms]")
        return {name: pd.DatetimeIndex(since_1970_ms).tz_localize("UTC")}

    def pools(self, economics: Economics | Mapping[str, Any] = UNDISCOUNTED) -> pd.DataFrame:
        """Return one row a pool: its size, its use, and the parts of its cost [USD a year]; semantics §7, §8.

        Costs are NaN where prices go by the hour and nobody says at which hour the replay begins.

        Raises
        ------
        ValueError
            If the measurement window has no length and jobs cause costs.
        """
        return pd.DataFrame(self.pool_rows(economics_of(economics)))

    def pool_rows(self, economics: Economics) -> list[dict[str, Any]]:
        """Return the rows of :meth:`pools`."""
        rows, unknown = [], self._clock_fault(economics) is not None
        for index, bill in enumerate(self.bills(economics)):
            told = {name: math.nan if unknown and "usd" in name else value for name, value in bill.items()}
            place = list(told).index("elastic") + 1
            size, paid = list(told.items())[:place], list(told.items())[place:]
            rows.append({**dict(size), **self.shares(index), **dict(paid)})
        return rows

    def _clock_fault(self, economics: Economics) -> str | None:
        """Return why costs by the hour are not known; ``None`` if they are, or if nothing is priced by the hour."""
        return clock_fault(self.trace, economics.start) if self.cluster.by_the_hour else None

    def shares(self, index: int | None = None) -> dict[str, float]:
        """Return the use of the cores and GPUs that are up in the measurement window.

        Names are those of :data:`pwsim.metrics.capacity.SHARE_COLUMNS`.

        Parameters
        ----------
        index
            Number of the pool; all together if left out.
        """
        pools = self._splits if index is None else [self._splits[index]]
        cores, gpus = (capacity.together(splits).shares() for splits in zip(*pools, strict=True))
        return dict(zip(capacity.SHARE_COLUMNS, (*cores, *gpus), strict=True))

    @cached_property
    def _splits(self) -> list[tuple[capacity.Split, capacity.Split]]:
        """What becomes of the cores and GPUs of each pool in the measurement window."""
        window = np.array(self.window)
        return [self.split(index, window) for index in range(len(self.cluster.pools))]

    def split(self, index: int, times_s: Floats) -> tuple[capacity.Split, capacity.Split]:
        """Return the use of the cores, and of the GPUs, of a pool between each two successive times.

        What is stranded is of no use to those who wait: it is too little, it is scattered over nodes, or whoever took
        it would delay a job before it.

        Parameters
        ----------
        index
            Number of the pool.
        times_s
            Increasing times [s], shape (times,).
        """
        return self._split(index, self._course(index), times_s)

    def _split(self, index: int, course: capacity.Course, times_s: Floats) -> tuple[capacity.Split, capacity.Split]:
        pool = self.cluster.pools[index]
        cores, gpus = pool.held(self.trace)
        return (
            capacity.split(pool.node.cores, course, self.trace.procs, cores, times_s),
            capacity.split(pool.node.gpus, course, self.trace.gpus, gpus, times_s),
        )

    def _course(self, index: int) -> capacity.Course:
        """Return what happened in a pool; it takes much room, so that nobody keeps it."""
        return capacity.course(index, self.attempts, self.waits, metrics.Intervals(*self._up(index)))

    def _up(self, index: int) -> tuple[Floats, Floats]:
        """Return from when until when each stay of a node of a pool is up [s]."""
        _, up_s, gone_s = self.stays(index)
        pool = self.cluster.pools[index]
        if not (pool.elastic or pool.fails):  # they stay on when the last submissions are rejected
            gone_s = np.maximum(gone_s, self.span_s)
        if self.replay.away is not None:  # money goes on, but what is away is not there
            return self._between_outages(index, np.minimum(up_s, gone_s), gone_s)
        return np.minimum(up_s, gone_s), gone_s

    def _between_outages(self, index: int, up_s: Floats, gone_s: Floats) -> tuple[Floats, Floats]:
        """Return from when until when nodes are there, beside outages; each time between two changes is one stay."""
        assert self.replay.away is not None
        steps = self.replay.away[self.replay.away[:, 0] == index]
        end_s = float(gone_s.max(initial=0.0))
        edges_s = np.unique(np.concatenate((up_s, gone_s, steps[steps[:, 1] < end_s, 1])))
        up = np.searchsorted(np.sort(up_s), edges_s, "right") - np.searchsorted(np.sort(gone_s), edges_s, "right")
        away = np.append(0, steps[:, 2].astype(np.int64))[np.searchsorted(steps[:, 1], edges_s, "right")]
        there = np.maximum(0, up - away)[:-1]
        return np.repeat(edges_s[:-1], there), np.repeat(edges_s[1:], there)

    @cached_property
    def rejections(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Which jobs were rejected, by reason (:data:`pwsim.cluster.REJECTIONS`), each of shape (jobs,)."""
        if self.replay.reason is None:
            return self.cluster.rejections(self.trace)
        return {name: self.replay.reason == number for number, name in enumerate(REJECTIONS)}

    def bills(self, economics: Economics) -> list[dict[str, Any]]:
        """Return a row of :meth:`pools` for each pool, without its use, which takes most of the time; for searches."""
        window_s, terms, rows = self.span_s, costs.terms_of(economics, self.trace), []
        all_paid = self._paid(economics)
        for index, (count, pool) in enumerate(self._counted_pools()):
            here = self.attempts.pool == index
            job, _, start_s, end_s, lost_s, part = (column[here] for column in self.attempts)
            procs = self.trace.procs[job] * part
            use = self._use(index)
            paid = all_paid.pools[index]
            cost, carbon_kg = costs.year(paid, count, use, terms, window_s, all_paid.cover.pools.get(pool.name))
            busy_core_s = metrics.busy_core_s(start_s, end_s, procs)
            busy_gpu_s = metrics.busy_core_s(start_s, end_s, self.trace.gpus[job] * part)
            lost_core_s = metrics.exact_sum(procs * lost_s)
            usd = costs.total(cost)
            rows.append(
                {
                    "name": pool.name,
                    "kind": pool.kind,
                    "nodes": count,
                    "cores_per_node": pool.node.cores,
                    "gpus_per_node": pool.node.gpus,
                    "elastic": pool.elastic,
                    "jobs": int(np.count_nonzero(self.replay.pool == index)),
                    "launches": len(use.launch_s) if pool.elastic else 0,
                    "restarts": self._restarts(index),
                    "lost_core_hours": lost_core_s / HOUR_S,
                    "committed_nodes": paid.committed_nodes if isinstance(paid, CloudPool) else 0,
                    "committed_nodes_1yr": paid.committed_for("1yr") if isinstance(paid, CloudPool) else 0,
                    "committed_nodes_3yr": paid.committed_for("3yr") if isinstance(paid, CloudPool) else 0,
                    "commitment_share_used": charges.commitment_share_used(paid, count, use, window_s),
                    "cost_usd_per_year": usd,
                    "usd_per_core_hour_used": costs.per_hour_used(usd, busy_core_s, window_s),
                    "usd_per_gpu_hour_used": costs.per_hour_used(usd, busy_gpu_s, window_s),
                    "carbon_kg_per_year": carbon_kg,
                    "lost_work_usd_per_year": usd * lost_core_s / busy_core_s if lost_core_s else 0.0,
                    **cost,
                }
            )
        return rows

    @cached_property
    def _payments(self) -> dict[tuple[SavingsPlan, ...], costs.covering.Paid]:
        """What is paid in the place of rent with the savings plans that were asked for so far."""
        return {}

    def _paid(self, economics: Economics) -> costs.covering.Paid:
        """Return what is paid in the place of rent; savings plans and the pools must go together."""
        plans, pools = economics.savings_plans, self.cluster.pools
        if plans not in self._payments:
            costs.savings.check(pools, plans)
            nodes = self.cluster.node_counts()
            self._payments[plans] = costs.covering.paid(pools, nodes, self._use, plans, self.span_s)
        return self._payments[plans]

    def savings_plans(self, economics: Economics | Mapping[str, Any] = UNDISCOUNTED) -> pd.DataFrame:
        """Return one row a savings plan (:data:`SAVINGS_COLUMNS`): its money, and what it saves; semantics §8."""
        economics = economics_of(economics)
        cover = self._paid(economics).cover
        promised, spared = cover.usd_per_hour * YEAR_H, cover.rent_usd_per_hour * YEAR_H
        return pd.DataFrame(
            {
                "name": [plan.name for plan in cover.plans],
                "term": [plan.term for plan in cover.plans],
                "usd_per_hour": cover.usd_per_hour,
                "savings_usd_per_year": promised,
                "unused_usd_per_year": cover.unused_usd_per_year,
                "spared_usd_per_year": spared,
                "saved_usd_per_year": spared - promised,
            }
        )

    def _restarts(self, index: int) -> int:
        """Return how many attempts of jobs in a pool were not their last."""
        ended = self.replay.pool == index
        if self.replay.reason is not None:  # a row is a part of an attempt, and jobs stay behind their door
            return int(self.replay.restarts[ended].sum())
        return int(np.count_nonzero(self.attempts.pool == index)) - int(np.count_nonzero(ended))

    def bill(self, economics: Economics | Mapping[str, Any] = UNDISCOUNTED) -> costs.Bill:
        """Return the bill of the setup; semantics §8.

        Raises
        ------
        InputError
            If prices go by the hour, and nobody says at which hour the replay begins, or arrivals are compressed.
        ValueError
            If the measurement window has no length and jobs cause costs.
        """
        economics = economics_of(economics)
        if fault := self._clock_fault(economics):
            raise InputError(fault)
        pools, held_s = self.bills(economics), self.attempts.end_s - self.attempts.start_s
        cost = {part: float(sum(one[part] for one in pools)) for part in costs.PARTS}
        cost["site_usd_per_year"] += economics.site_usd_per_year
        cost["savings_usd_per_year"] = float(sum(self._paid(economics).cover.usd_per_hour)) * YEAR_H
        usd, window_s = costs.total(cost), self.span_s
        core_s, gpu_s = (
            metrics.exact_sum(width[self.attempts.job] * self.attempts.part * held_s)
            for width in (self.trace.procs, self.trace.gpus)
        )
        return costs.Bill(
            cost,
            costs.per_hour_used(usd, core_s, window_s),
            costs.per_hour_used(usd, gpu_s, window_s),
            float(sum(one["carbon_kg_per_year"] for one in pools)),
            float(sum(one["lost_work_usd_per_year"] for one in pools)),
            float(sum(one["committed_nodes"] for one in pools)),
        )

    def cost(self, economics: Economics | Mapping[str, Any] = UNDISCOUNTED) -> costs.Breakdown:
        """Return the cost of the setup by part (:data:`pwsim.costs.PARTS`) [USD a year]."""
        return self.bill(economics).cost

    def _use(self, index: int) -> charges.Use:
        """Return the use that jobs made of a pool, and the stays of its nodes."""
        trace, replay = self.trace, self.replay
        launch_s, _, gone_s = self.stays(index)
        ended = replay.pool == index
        start_s, end_s, busy_w = self._busy_stretches(index)
        return charges.Use(
            start_s=start_s,
            end_s=end_s,
            busy_w=busy_w,
            launch_s=launch_s,
            gone_s=gone_s,
            submit_s=self.submit_s[ended],
            job_end_s=replay.end_s[ended],
            data_gib=trace.data_gib[ended],
        )

    def _busy_stretches(self, index: int) -> tuple[Floats, Floats, Floats]:
        """Return when how much is drawn in a pool beyond idle power; see :func:`pwsim.costs.charges.busy_stretches`."""
        trace, pool = self.trace, self.cluster.pools[index]
        if self.replay.places is not None and charges.busy_by_node(pool):
            job, _, start_s, end_s, node = self.replay.places[self.replay.places[:, 1] == index, :5].T
            job = job.astype(np.int64)
            shares = pool.need(trace)[job]
            return charges.busy_stretches(
                pool, start_s, end_s, trace.procs[job] / shares, trace.gpus[job] / shares, node
            )
        job, _, start_s, end_s, _, part = (column[self.attempts.pool == index] for column in self.attempts)
        return charges.busy_stretches(pool, start_s, end_s, trace.procs[job] * part, trace.gpus[job] * part)

    def hourly(self, economics: Economics | Mapping[str, Any] = UNDISCOUNTED) -> pd.DataFrame:
        """Return one row an hour and pool until the replay ends (:data:`TIMELINE_COLUMNS`); the last may be shorter.

        The cost is NaN where prices go by the hour and nobody says at which hour the replay begins.
        """
        economics = economics_of(economics)
        end_s = self.end_s
        edges_s = np.append(np.arange(0.0, end_s, HOUR_S), end_s) if end_s else np.array([0.0, 0.0])
        hours, terms = np.diff(edges_s) / HOUR_S, costs.terms_of(economics, self.trace)
        unknown_usd = math.nan if self._clock_fault(economics) else 0.0
        tables = []

        def mean_of(summed: Floats) -> Floats:
            return np.divide(summed, hours * HOUR_S, out=np.zeros(len(hours)), where=hours > 0)

        def mean(times: metrics.Intervals, weight: Floats | Integers) -> Floats:
            summed = np.diff(times.weighted(weight)(edges_s))
            return mean_of(metrics.unrounded(summed, float(np.sum(weight)) * edges_s[1:]))

        all_paid = self._paid(economics)
        for index, (count, pool) in enumerate(self._counted_pools()):
            course = self._course(index)
            waiting = course.waiting
            cores, gpus = self._split(index, course, edges_s)
            use = self._use(index)
            tables.append(
                pd.DataFrame(
                    {
                        "time_s": edges_s[:-1],
                        "pool": pool.name,
                        "nodes_up": mean(course.up, np.ones(len(course.up.start_s))),
                        "busy_cores": mean_of(cores.used),
                        "queued_jobs": mean(course.waits, np.ones(len(waiting))),
                        "queued_cores": mean(course.waits, self.trace.procs[waiting]),
                        "cost_usd": costs.hourly_usd(
                            all_paid.pools[index], count, use, terms, edges_s, all_paid.cover.pools.get(pool.name)
                        )
                        + unknown_usd,
                        "busy_gpus": mean_of(gpus.used),
                        "queued_gpus": mean(course.waits, self.trace.gpus[waiting]),
                        "stranded_cores": mean_of(cores.stranded),
                        "stranded_gpus": mean_of(gpus.stranded),
                        "unused_cores": mean_of(cores.unused),
                        "unused_gpus": mean_of(gpus.unused),
                        "idle_cores": mean_of(cores.idle),
                        "idle_gpus": mean_of(gpus.idle),
                    }
                )
            )
        table = pd.concat(tables, ignore_index=True)
        table["pool"] = pd.Categorical(table["pool"], categories=[pool.name for pool in self.cluster.pools])
        table = table.sort_values(["time_s", "pool"], kind="stable", ignore_index=True)
        return table.assign(**self._dates("time_utc", table["time_s"].to_numpy()))

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """:meth:`hourly` without interest."""
        return self.hourly()

    @cached_property
    def queue(self) -> dict[str, Any]:
        """Where the queue rises far above its usual level (:mod:`.surges`), in cores, or GPUs if there are any."""
        window, gpus = self.trim.window(self.span_s), any(pool.node.gpus for pool in self.cluster.pools)
        edges_s = np.arange(0.0, max(self.end_s, self.span_s) + HOUR_S, HOUR_S)
        asked = (self.trace.gpus if gpus else self.trace.procs)[self.waits.job]
        queued = metrics.integral(self.waits.start_s, self.waits.end_s, asked, edges_s)
        up = np.zeros(len(edges_s))
        for index, pool in enumerate(self.cluster.pools):
            up_s, gone_s = self._up(index)
            size = pool.node.gpus if gpus else pool.node.cores
            up += metrics.integral(up_s, gone_s, np.full(len(up_s), size), edges_s)
        # Differences of large sums may be a rounding off nothing.
        queued, up = (np.maximum(np.round(np.diff(summed) / HOUR_S, 6), 0.0) for summed in (queued, up))
        found, unit = surges.find(queued, up, window, self.span_s), "GPU" if gpus else "core"
        return {"unit": unit, **found.plain(), "text": surges.text(found, unit)}

    @cached_property
    def work_left_share(self) -> float:
        """Share of the core-seconds that jobs hold which comes after the last submission; 0 if they hold none.

        Costs that jobs cause are those of the whole replay, scaled by the time in which jobs are submitted (semantics
        §8).  Where much is left, the machine does not keep up, and they are more than it could cause in that time.
        """
        tried = self.attempts
        cores = self.trace.procs[tried.job] * tried.part
        held = metrics.busy_core_s(tried.start_s, tried.end_s, cores)
        if not held:
            return 0.0
        return metrics.busy_core_s(tried.start_s, tried.end_s, cores, (self.span_s, np.inf)) / held

    def _counted_pools(self) -> list[tuple[int, Any]]:
        return list(zip(self.cluster.node_counts(), self.cluster.pools, strict=True))

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was asked and what was found, as plain values: ``summary.json`` of ``pwsim simulate``."""
        return summary.of_result(self)

    def plot(self, kind: str = "waits", ax: Axes | None = None) -> Axes:
        """Draw ``waits``, ``wait_by_size``, ``capacity``, ``timeline``, ``queue``, or the last two of GPUs.

        Parameters
        ----------
        kind
            Which figure: a name of :data:`pwsim.figures.OF_REPLAY`.
        ax
            Axes to draw on; new ones if left out.

        Raises
        ------
        ValueError
            If there is no such figure.
        """
        from pwsim import figures

        return figures.plot(figures.OF_REPLAY, kind, self._shown, ax)

    def _shown(self, name: str) -> Any:
        """Return the table or value of a name that a figure is drawn from; a replay by itself has no targets."""
        if name == "targets":
            return ()
        return getattr(self, name) if name in ("jobs", "timeline") else self.summary[name]
