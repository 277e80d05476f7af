"""The machine that wrote a log, replayed and compared with what the log recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from pwsim.cluster import Cluster, admission, rejections_text, stated, through_doors
from pwsim.common import InputError, count, duration, listed, plain, share
from pwsim.engine import Engine
from pwsim.hindcasting import comparison, diagnosis, limits
from pwsim.hindcasting.diagnosis import Evidence, Finding
from pwsim.hindcasting.limits import Check
from pwsim.hindcasting.schedules import Pair, Schedule, Shares, recorded_schedule
from pwsim.metrics import NO_TRIM, Booleans, Trim, inside, statistic_text
from pwsim.prices import Start
from pwsim.results import Result, id_of, simulate
from pwsim.rules import Policy, policy_name
from pwsim.trace import Trace, links

if TYPE_CHECKING:
    from matplotlib.axes import Axes


NAMED = 4
"""Causes that the verdict names; the others are in the report."""


@dataclass(frozen=True)
class Hindcast:
    """A replay of the machine that wrote a log, beside the record."""

    result: Result
    """The replay; its measurement window is what is compared."""

    def __repr__(self) -> str:
        return f"<Hindcast: {self.verdict}, {self.result!r}>"

    @cached_property
    def cores(self) -> int:
        """Cores of the machine."""
        return _cores(self.result.cluster)

    @cached_property
    def pair(self) -> Pair:
        """When jobs started and ended by the record, and in the replay."""
        result = self.result
        simulated = Schedule(result.replay.start_s, result.replay.end_s)
        recorded = recorded_schedule(result.trace)
        shares = _shares(result.trace, result.cluster)
        return Pair(result.trace, recorded, simulated, self.cores, result.trim.window(result.span_s), shares)

    @cached_property
    def rejections(self) -> dict[str, Booleans]:
        """Which jobs no pool takes, by reason."""
        return self.result.rejections

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """Recorded and simulated waits by groups of jobs (:data:`pwsim.hindcasting.comparison.COMPARISON_COLUMNS`)."""
        trace, compared, partitions = self.result.trace, self.pair.compared, self.result.cluster.partitions
        if partitions:
            trace = through_doors(trace, partitions)
        rows = {column: values[compared] for column, values in trace.table.items()}
        rows["submit_s"] = rows["submit_s"] - self.pair.window[0]
        waits = trace.recorded_wait_s[compared], self.result.wait_s[compared]
        least = 0.0 if partitions else comparison.LEAST_SHARE
        return comparison.by_group(trace.with_columns(**rows), *waits, least_partition=least)

    @cached_property
    def hourly(self) -> pd.DataFrame:
        """Busy cores and queues, recorded and simulated, by the hour (:data:`.comparison.HOURLY_COLUMNS`)."""
        return comparison.hourly(self.pair)

    @property
    def jobs(self) -> pd.DataFrame:
        """One row a job of the replay, ``recorded_wait_s`` among its columns."""
        return self.result.jobs

    @cached_property
    def figures(self) -> dict[str, float]:
        """What is judged: waits, distances, correlations, use (:func:`pwsim.hindcasting.comparison.figures`)."""
        return comparison.figures(self.pair, self.comparison, self.rejections)

    @cached_property
    def _judged(self) -> tuple[str, list[Check]]:
        return limits.judge(self.figures)

    @property
    def verdict(self) -> str:
        """``good``: plan with it; ``rough``: plan with a margin; ``poor``: do not plan waits with it."""
        return self._judged[0]

    @property
    def checks(self) -> list[Check]:
        """What the verdict rests on."""
        return self._judged[1]

    @cached_property
    def evidence(self) -> Evidence:
        """What the record shows that the replay does not (:mod:`pwsim.hindcasting.evidence`)."""
        cluster = self.result.cluster
        known = self.pair, self.rejections, cluster.the_policy(), self.figures, self.comparison
        return diagnosis.gather(*known, outages=bool(cluster.outages))

    @cached_property
    def findings(self) -> list[Finding]:
        """What most likely differs between site and replay (:mod:`pwsim.hindcasting.diagnosis`)."""
        return diagnosis.diagnose(self.evidence)

    @cached_property
    def text(self) -> str:
        """The verdict in sentences."""
        return _text(self)

    @cached_property
    def report(self) -> dict[str, Any]:
        """The comparison and the verdict as plain values: ``hindcast`` of ``summary.json``."""
        seen = self.evidence
        report: dict[str, Any] = plain(
            {
                "verdict": self.verdict,
                "text": self.text,
                "cores": self.cores,
                "policy": str(self.result.cluster.the_policy()),
                "rules": stated(self.result.cluster),
                **self.figures,
                "utilization": self.result.metrics["utilization"],
                "checks": [one._asdict() for one in self.checks],
                "waiting": {
                    part: {"recorded_s": seen.recorded_parts[part], "simulated_s": seen.simulated_parts[part]}
                    for part in seen.recorded_parts
                },
                "findings": [{**one._asdict(), "title": one.title} for one in self.findings],
            }
        )
        return report

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was asked and what was found, as plain values: ``summary.json`` of ``pwsim hindcast``."""
        run_id = id_of(self.result, "hindcast")
        found = {"hindcast": self.report, "answer": self.text}
        return {**self.result.summary, "run_id": run_id, "command": "hindcast", **found}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables of the comparison by the name of their Parquet file."""
        return {"comparison": self.comparison, "comparison_hourly": self.hourly}

    def plot(self, kind: str = "waits", ax: Axes | None = None) -> Axes:
        """Draw ``waits``, ``sizes``, ``weeks``, ``queue`` or ``busy``, recorded and simulated.

        Parameters
        ----------
        kind
            Which figure: a name of :data:`pwsim.figures.OF_HINDCAST`, without ``compared_``.
        ax
            Axes to draw on; new ones if left out.

        Raises
        ------
        ValueError
            If there is no such figure.
        """
        from pwsim import figures

        kinds = {name.removeprefix("compared_"): one for name, one in figures.OF_HINDCAST.items()}
        return figures.plot(kinds, kind, self._shown, ax)

    def _shown(self, name: str) -> pd.DataFrame:
        """Return the table or value of a name that a figure is drawn from."""
        return self.jobs[self.result.measured] if name == "compared_jobs" else self.tables()[name]


def hindcast(
    trace: Trace,
    cluster: Cluster | None = None,
    *,
    cores: int | None = None,
    policy: str | Policy | None = None,
    overrun: Literal["allow", "kill"] | None = None,
    depth: int | None = None,
    engine: Engine = "auto",
    seed: int = 1,
    start: Start | None = None,
    trim: Trim = NO_TRIM,
) -> Hindcast:
    """Replay the machine that wrote a log, and compare the waits with those that the log recorded.

    Parameters
    ----------
    trace, cluster, cores, policy, overrun, depth, engine, seed, start
        As for :func:`pwsim.simulate`; the cluster is the one that wrote the log.
    trim
        What is cut off at both ends of what is compared.  It is replayed all the same: what ran or queued then kept
        cores from the jobs that are compared.

    Raises
    ------
    InputError
        If the log has no recorded waits, if no job that has one fits the machine, or as for :func:`pwsim.simulate`.

    Examples
    --------
    >>> from pwsim import generate
    >>> trace = generate(jobs=500, cores=16, load=0.9, seed=1)
    >>> recorded = trace.with_columns(recorded_wait_s=simulate(trace, cores=16, policy="easy").wait_s)
    >>> hindcast(recorded, cores=16, policy="easy").verdict
    'good'
    """
    if not has_recorded_waits(trace, trim):
        raise InputError(f"{trace.name}: has no recorded waits, so there is nothing to compare a replay with")
    result = simulate(
        trace, cluster, cores=cores, policy=policy, overrun=overrun, depth=depth, engine=engine, seed=seed, start=start
    )
    check_comparable(trace, result.cluster, trim)
    return Hindcast(replace(result, trim=trim))


def check_comparable(trace: Trace, cluster: Cluster, trim: Trim = NO_TRIM) -> None:
    """Check that there are jobs to compare, without a replay.

    Raises
    ------
    InputError
        If no job that has a recorded wait fits the machine.
    """
    recorded = _recorded(trace, trim)
    rejected = {reason: int((jobs & recorded).sum()) for reason, jobs in cluster.rejections(trace).items()}
    if sum(rejected.values()) == recorded.sum():
        raise InputError(
            f"{trace.name}: no job with a recorded wait fits on {count(_cores(cluster), 'core')} "
            f"({rejections_text(rejected)}), so there is nothing to compare; give the machine that wrote the log"
        )


def has_recorded_waits(trace: Trace, trim: Trim = NO_TRIM) -> bool:
    """Return whether a log recorded the wait of any job that is not cut off."""
    return bool(_recorded(trace, trim).any())


def _recorded(trace: Trace, trim: Trim) -> Booleans:
    """Return which jobs have a recorded wait, of those that are not cut off, shape (jobs,)."""
    recorded: Booleans = ~np.isnan(trace.recorded_wait_s) & inside(trace.submit_s, trim.window(trace.span_s))
    return recorded


def _cores(cluster: Cluster) -> int:
    """Return the cores of all pools."""
    return sum(nodes * pool.node.cores for nodes, pool in zip(cluster.node_counts(), cluster.pools, strict=True))


def _shares(trace: Trace, cluster: Cluster) -> Shares | None:
    """Return the parts of a machine with partitions that have no core in common; ``None`` without partitions."""
    if not cluster.partitions:
        return None
    ways, door, _, reason = admission(trace, cluster)
    parts: list[set[int]] = []
    for way in ways:
        meeting = [part for part in parts if part & set(way)]
        parts = [part for part in parts if part not in meeting] + [set(way).union(*meeting)]
    nodes = cluster.node_counts()
    cores = [sum(nodes[pool] * cluster.pools[pool].node.cores for pool in part) for part in parts]
    of_way = np.array([next(number for number, part in enumerate(parts) if way[0] in part) for way in ways])
    part = np.where(reason < 0, of_way[door], len(parts))
    return Shares(part, np.array([*cores, 0]))


def _from_eligibility(trace: Trace, cluster: Cluster) -> int:
    """Return how many jobs wait for others, but are submitted when they could first start in the log."""
    if cluster.dependencies is None:
        return 0
    return int(np.count_nonzero(trace.held_s[np.unique(links(trace).follower)] > 0))


_VERDICTS = {
    "good": "This log and {means} reproduce the site well enough to plan with (good).",
    "rough": "This log and {means} reproduce the site roughly: plan waiting times with a margin (rough).",
    "poor": "This log and {means} do not reproduce the site well enough to plan waiting times with (poor).",
}


def _text(done: Hindcast) -> str:
    """Return the verdict in sentences."""
    figures, policy = done.figures, policy_name(str(done.result.cluster.the_policy()))
    waits = [
        f"the {statistic_text('wait_s', name)} is {duration(figures[f'wait_s_{name}'])} "
        f"(recorded: {duration(figures[f'recorded_wait_s_{name}'])})"
        for name in ("p95", "mean")
    ]
    rules = stated(done.result.cluster)
    with_rules = f" with the site's {listed(rules)}" if rules else ""
    sentences = [
        _VERDICTS[done.verdict].format(means="these rules" if rules else "policy"),
        (
            f"Replayed on {count(done.cores, 'core')} under {policy}{with_rules}, {' and '.join(waits)}; "
            f"{share(done.result.metrics['utilization'])} of the cores are busy "
            f"(recorded: {share(figures['recorded_utilization'])})."
        ),
    ]
    if eligible := _from_eligibility(done.result.trace, done.result.cluster):
        sentences.append(
            f"The log counts the waits of {count(eligible, 'job')} that waited for others from when they could first "
            "start: the replay submits them then, and they wait for others only where these end later than in the log."
        )
    if done.verdict != "good":
        if failed := [one for one in done.checks if one.grade == done.verdict]:
            sentences.append(f"What is off: {'; '.join(check_text(one) for one in failed)}.")
        if named := [one.title for one in done.findings if not one.share < diagnosis.NOTABLE][:NAMED]:
            sentences.append(f"What most likely differs: {listed(named)}.")
        longer = limits.wait_ratio(figures["recorded_wait_s_p95"], figures["wait_s_p95"])
        if longer > limits.GOOD_FACTOR:
            sentences.append("Real waits were longer: a target that the replay meets may be missed on the site.")
        elif longer < 1 / limits.GOOD_FACTOR:
            sentences.append("Real waits were shorter: the replay asks for more than the site needs.")
    return " ".join(sentences)


def check_text(check: Check) -> str:
    """Say in words what a check found."""
    value = f"{check.value:.2f}"
    return {
        "ks_distance_beyond_5_min": f"the distributions of waits above 5 min differ by up to {share(check.value)}",
        "queued_jobs_correlation": f"the queue by the hour, of jobs that wait above 5 min, correlates by {value} only",
        "weekly_wait_correlation": f"the mean waits by week correlate by {value} only",
        "recorded_share_of_time_above_cores": (
            f"the log holds more cores than there are for {share(check.value)} of the time"
        ),
        "share_of_jobs_too_wide": f"{share(check.value)} of the jobs ask for more cores than there are",
        "share_of_work_rejected": f"{share(check.value)} of the work cannot run on any pool",
        "jobs_compared": f"only {count(check.value, 'job')} can be compared",
    }.get(check.name, f"the {statistic_text('wait_s', check.name.removeprefix('wait_s_'))} by a factor of {value}")
