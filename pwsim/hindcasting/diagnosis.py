"""What most likely differs between a site and its replay: rules that look at the record, each with its evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from pwsim.cluster import rejections_text
from pwsim.common import count, duration, listed, share
from pwsim.hindcasting import evidence
from pwsim.hindcasting.comparison import NEGLIGIBLE_S
from pwsim.hindcasting.evidence import ClosedHours, Downtimes
from pwsim.hindcasting.limits import too_few_cores, wait_ratio
from pwsim.hindcasting.schedules import Pair
from pwsim.metrics import Booleans
from pwsim.rules import Policy
from pwsim.trace import Floats, Trace

NOTABLE = 0.05
"""A cause is named if at least this share of the waiting time speaks for it, beyond what the replay shows as well."""
NO_PASSING = 0.002
"""A scheduler of which at most this share of the jobs start before an earlier one does not backfill."""
SOME_PASSING = 0.02
"""One of which at least this share does reorders jobs or backfills."""
APART = 1.5
"""Classes of jobs are favoured, or put off, if their waits differ by at least this factor."""
LEAST_CLASS_JOBS = 30
"""Classes with fewer jobs than this are left out of that."""
DELAY_S = (60.0, 900.0)
"""Delays of jobs that could start at once, as a scheduler makes that looks at its queue now and then [s]."""
DELAYED_SHARE = 0.2
"""So many of all jobs must have one."""
LEAST_KNOWN = 0.95
"""Below this share of jobs with recorded waits, free cores cannot be told from unknown jobs."""
NAMED_PARTITIONS = 8
"""Partitions of the log that are named where their jobs cannot run."""
SMALLEST_USE = 0.9
"""A machine of which jobs never hold more than this, though they wait, is smaller than it is said to be."""
LEAST_WAITING = 0.05
"""If at least this share of the jobs wait."""


CAUSES = {
    "too_few_cores": "too few cores",
    "incomplete": "an incomplete record",
    "rejected": "jobs that cannot run",
    "downtime": "downtime",
    "closed_hours": "hours for long jobs",
    "partitions": "partitions",
    "held": "jobs held back",
    "kept_free": "cores kept free",
    "no_backfilling": "no backfilling on the site",
    "backfilling": "a site that backfills or reorders its queue",
    "priorities": "priorities",
    "priorities_by_size": "priorities by size",
    "priorities_by_estimate": "priorities by length",
    "delays": "delays of the scheduler",
    "smaller_machine": "a part of the machine that is missing",
    "cleaned": "a cleaned log",
    "dropped": "records that are left out",
}
"""What each cause is called."""


class Finding(NamedTuple):
    """Something that most likely differs."""

    cause: str
    """One of :data:`CAUSES`."""
    share: float
    """Share of the waiting time that speaks for it; NaN if it is not of that kind."""
    text: str
    """The evidence, in a sentence or two."""

    @property
    def title(self) -> str:
        """What the cause is called."""
        return CAUSES[self.cause]


@dataclass(frozen=True)
class Evidence:
    """What the rules look at."""

    pair: Pair
    rejections: Mapping[str, Booleans]
    """Jobs that no pool takes, by reason."""
    policy: Policy
    """That of the replay."""
    figures: Mapping[str, float]
    groups: pd.DataFrame
    downtimes: Downtimes
    closed: ClosedHours | None
    recorded_parts: Mapping[str, float]
    """What the recorded mean wait consists of; NaN if the record is incomplete [s]."""
    simulated_parts: Mapping[str, float]
    """And the simulated one [s]."""
    outages: bool = False
    """Whether the replay has outages."""

    def excess(self, part: str) -> float:
        """Return by what share of the recorded waiting a part of it exceeds that of the replay."""
        whole_s = sum(self.recorded_parts.values())
        return (self.recorded_parts[part] - self.simulated_parts[part]) / whole_s if whole_s else 0.0

    @property
    def incomplete(self) -> bool:
        """Whether so many starts are not recorded that nobody knows which cores were free."""
        return self.pair.recorded_share < LEAST_KNOWN

    @cached_property
    def waits_s(self) -> tuple[Floats, Floats]:
        """Recorded and simulated waits of the jobs that are compared [s]."""
        pair = self.pair
        recorded_s, simulated_s = (one.start_s - pair.trace.submit_s for one in (pair.recorded, pair.simulated))
        return recorded_s[pair.compared], simulated_s[pair.compared]

    @cached_property
    def passing(self) -> tuple[float, float]:
        """Share of the jobs that start before an earlier one, by the record and in the replay."""
        recorded, simulated = self.pair.recorded.of(self.pair.compared), self.pair.simulated.of(self.pair.compared)
        return evidence.passing_share(recorded), evidence.passing_share(simulated)


def gather(
    pair: Pair,
    rejections: Mapping[str, Booleans],
    policy: Policy,
    figures: Mapping[str, float],
    groups: pd.DataFrame,
    *,
    outages: bool = False,
) -> Evidence:
    """Gather the evidence that the rules look at.

    Parameters
    ----------
    pair
        The two schedules.
    rejections
        Jobs that no pool takes, by reason (:meth:`pwsim.Cluster.rejections`).
    policy
        That of the replay.
    figures, groups
        From :mod:`pwsim.hindcasting.comparison`.
    outages
        Whether the replay has outages, and so may be down.
    """
    trace, cores = pair.trace, pair.cores
    closed = evidence.find_closed_hours(pair)
    downtimes = evidence.find_downtimes(trace, pair.recorded, cores, closed).within(pair.window)
    if pair.recorded_share < LEAST_KNOWN:
        recorded_parts, simulated = dict.fromkeys(evidence.PARTS, math.nan), pair.simulated
    else:
        moments = evidence.moments_of(trace, pair.recorded, cores, pair.compared, pair.shares)
        recorded_parts = evidence.parts_of_waiting(trace, moments, downtimes, closed)
        # What jobs hold whose start was not recorded seems free in the record, so it must be in the replay.
        simulated = pair.simulated.only(pair.known)
    moments = evidence.moments_of(trace, simulated, cores, pair.compared, pair.shares)
    down = evidence.find_downtimes(trace, simulated, cores, closed) if outages else None  # else it is never down
    simulated_parts = evidence.parts_of_waiting(trace, moments, down, closed)
    return Evidence(
        pair, rejections, policy, figures, groups, downtimes, closed, recorded_parts, simulated_parts, outages
    )


def diagnose(seen: Evidence) -> list[Finding]:
    """Name the likeliest differences: those that invalidate the comparison first, then by share of the waiting."""
    unsound = [*_too_few_cores(seen), *_incomplete(seen)]
    found = [*_rejected(seen), *_orders(seen), *_cleaned(seen)]
    if not seen.incomplete:
        found += [*_parts(seen), *_delays(seen), *_smaller(seen)]
    found.sort(key=lambda one: -1.0 if math.isnan(one.share) else one.share, reverse=True)
    return [*unsound, *found]


def _too_few_cores(seen: Evidence) -> Iterator[Finding]:
    peak, above = seen.figures["recorded_peak_cores"], seen.figures["recorded_share_of_time_above_cores"]
    if not too_few_cores(seen.figures):
        return
    too_wide = seen.figures["jobs_too_wide"]
    wide = f", and {count(too_wide, 'job')} that ran there cannot fit at all" if too_wide else ""
    most = "" if math.isnan(peak) else f"up to {peak:,.0f} at once, and "
    yield Finding(
        "too_few_cores",
        math.nan,
        f"Jobs of the log held {most}more than the {count(seen.pair.cores, 'core')} "
        f"for {share(above)} of the time{wide}. The machine that wrote it is larger.",
    )


def _rejected(seen: Evidence) -> Iterator[Finding]:
    measured, by_record = seen.pair.measured, seen.pair.recorded.start_s - seen.pair.trace.submit_s
    counts = {reason: int(np.count_nonzero(jobs & measured)) for reason, jobs in seen.rejections.items()}
    if too_few_cores(seen.figures):
        counts["procs"] = 0  # that is said there
    if not sum(counts.values()):
        return
    rejected = measured & np.logical_or.reduce([seen.rejections[reason] for reason, jobs in counts.items() if jobs])
    whole_s = float(np.nansum(by_record[measured]))
    yield Finding(
        "rejected",
        float(np.nansum(by_record[rejected])) / whole_s if whole_s else 0.0,
        f"{count(sum(counts.values()), 'job')} of the log cannot run on any pool: {rejections_text(counts)}. "
        f"{_partitions_of(seen.pair.trace, rejected)}They held cores on the site, and hold none in the replay.",
    )


def _partitions_of(trace: Trace, jobs: Booleans) -> str:
    """Say of which partitions of the log some jobs are, if it has several; the most first."""
    names = trace.partition
    if len(np.unique(names.codes)) < 2:
        return ""
    counts = np.bincount(names.codes[jobs], minlength=len(names.categories))
    order = [code for code in np.argsort(-counts, kind="stable") if counts[code]]
    named = [f"{str(names.categories[code]) or '(none)'} ({counts[code]:,})" for code in order[:NAMED_PARTITIONS]]
    if left := counts[order[NAMED_PARTITIONS:]].sum():
        named.append(f"others ({left:,})")
    return f"By partition of the log: {listed(named)}. "


def _incomplete(seen: Evidence) -> Iterator[Finding]:
    if seen.incomplete:
        yield Finding(
            "incomplete",
            math.nan,
            f"{share(1 - seen.pair.recorded_share)} of the jobs have no recorded wait, so nobody knows what else ran: "
            "the comparison covers the others, and no cause is looked for in free cores.",
        )


def _parts(seen: Evidence) -> Iterator[Finding]:
    """Yield what kinds of waiting are more than in the replay."""
    rules = {
        "down": _downtime,
        "closed_hours": _closed_hours,
        "partition_full": _partition_full,
        "held": _held,
        "kept_free": _kept_free,
        "overtaken": _overtaken,
    }
    for part, rule in rules.items():
        if (excess := seen.excess(part)) >= NOTABLE:
            yield rule(seen, excess)
        elif part == "down" and len(seen.downtimes.start_s):
            yield rule(seen, excess)  # what was down is down for all, however few waited
    passing = seen.passing
    queues = seen.policy.backfill == "none" and seen.figures["wait_s_p95"] > NEGLIGIBLE_S
    if queues and passing[1] <= NO_PASSING and passing[0] >= SOME_PASSING:
        yield Finding(
            "backfilling",
            max(0.0, -seen.excess("kept_free")),
            f"{share(passing[0])} of the jobs started before one that came "
            "earlier, in the replay none. Try --policy easy.",
        )


def _downtime(seen: Evidence, excess: float) -> Finding:
    lengths_s = seen.downtimes.end_s - seen.downtimes.start_s
    longest = int(np.argmax(lengths_s))
    return Finding(
        "downtime",
        excess,
        f"{count(len(lengths_s), 'time')} the machine stood all but empty and started nothing for an hour or "
        f"more though jobs waited, {duration(float(lengths_s.sum()))} in all; the longest, "
        f"{duration(lengths_s[longest])}, began {duration(seen.downtimes.start_s[longest])} after the first submission"
        f". {'The replay has outages of its own' if seen.outages else 'The replay is never down'}.",
    )


def _closed_hours(seen: Evidence, excess: float) -> Finding:
    closed = seen.closed
    assert closed is not None
    end_h = (closed.from_h + closed.hours) % 24
    if closed.weekdays_only:
        when = f"on weekdays between {closed.from_h}:00 and {end_h}:00 (local time by the log's header)"
    else:
        when = f"in the same {closed.hours} hours of each day"
    return Finding(
        "closed_hours",
        excess,
        f"Jobs that ask for more than {duration(closed.longer_than_s)} hardly start {when}: "
        f"{share(closed.recorded_share)} of their starts are then, in the replay {share(closed.simulated_share)}. They "
        f"wait then with enough cores free for {share(excess)} of all waiting time more than in the replay, which "
        "starts them at any hour.",
    )


def _partition_full(seen: Evidence, excess: float) -> Finding:
    names = seen.groups[seen.groups["class_by"] == "partition"]["class_name"]
    return Finding(
        "partitions",
        excess,
        f"For {share(excess)} of the waiting time there "
        "are enough free cores, but the job's partition is as full as it ever gets"
        f"{f' ({listed(list(names))})' if len(names) else ''}. The replay lets every job use all cores; replay the "
        "partitions one by one.",
    )


def _held(seen: Evidence, excess: float) -> Finding:
    user = seen.pair.trace.user.codes[seen.pair.compared]
    users = len(np.unique(user))
    half = [evidence.users_with_half_of_waiting(user, wait_s) for wait_s in seen.waits_s]
    few = f" Half of all waiting is that of {half[0]} of {users} users (in the replay, {half[1]})." if users > 1 else ""
    return Finding(
        "held",
        excess,
        f"For {share(excess)} of the waiting time there are enough free cores, and meanwhile later "
        "jobs start that ask for no fewer cores and no less time. So these jobs are not meant to start yet: limits "
        "per user or group, dependencies, holds or start times of their users, or other nodes than those that are "
        f"free.{few} A log that knows when jobs became eligible (sacct) tells most of that apart.",
    )


def _kept_free(seen: Evidence, excess: float) -> Finding:
    passing = seen.passing
    if passing[0] <= NO_PASSING and passing[1] >= SOME_PASSING:
        return Finding(
            "no_backfilling",
            excess,
            f"{share(passing[0])} of the jobs started before one that came earlier, in the "
            f"replay {share(passing[1])}. Try --policy fcfs.",
        )
    return Finding(
        "kept_free",
        excess,
        f"For {share(excess)} of the waiting time, beyond that in the replay, there are enough free "
        "cores, but neither the job nor a later one that asks for no less is started: a scheduler that keeps them "
        "for a wider job and backfills less, reservations, nodes that are down or set aside, or limits of single nodes "
        "(memory, whole nodes).",
    )


def _overtaken(_: Evidence, excess: float) -> Finding:
    return Finding(
        "priorities",
        excess,
        f"For {share(excess)} of the waiting time the machine is full, but later jobs that ask for no "
        "fewer cores and no less time go first, so the order is not that of the replay: fair share, queues, or "
        "priorities of users.",
    )


def _orders(seen: Evidence) -> Iterator[Finding]:
    """Yield by what jobs are favoured: classes that wait less than in the replay, while others wait longer."""
    for by, cause, noun, order in (
        ("procs", "priorities_by_size", "processors", "smallest"),
        ("estimate_s", "priorities_by_estimate", "of estimated run time", "sjf"),
    ):
        rows = seen.groups[(seen.groups["class_by"] == by) & (seen.groups["jobs"] >= LEAST_CLASS_JOBS)]
        waits = zip(rows["recorded_wait_s_mean"], rows["wait_s_mean"], strict=True)
        ratio = np.array([wait_ratio(recorded_s, simulated_s) for recorded_s, simulated_s in waits])
        less, more = rows[ratio <= 1 / APART], rows[ratio >= APART]
        gained = float(((less["wait_s_mean"] - less["recorded_wait_s_mean"]) * less["jobs"]).sum())
        whole = seen.figures["wait_s_mean"] * seen.figures["jobs_compared"]
        if len(less) and len(more) and gained >= NOTABLE * whole:
            favoured = less.index[0] < more.index[0] and seen.policy.order != order
            yield Finding(
                cause,
                gained / whole,
                f"Jobs of {listed(list(less['class_name']))} {noun} "
                f"wait less than in the replay ({_means(less)}), those of {listed(list(more['class_name']))} longer "
                f"({_means(more)}).{f' Try --policy {order}-easy.' if favoured else ''}",
            )


def _means(rows: pd.DataFrame) -> str:
    """Return the recorded and the simulated mean wait of some groups together."""
    recorded, simulated = (
        float((rows[column] * rows["jobs"]).sum() / rows["jobs"].sum())
        for column in ("recorded_wait_s_mean", "wait_s_mean")
    )
    return f"{duration(recorded)} instead of {duration(simulated)} on average"


def _delays(seen: Evidence) -> Iterator[Finding]:
    recorded_s, simulated_s = seen.waits_s
    delayed = (simulated_s <= 0) & (recorded_s > 0) & (recorded_s <= DELAY_S[1])
    part, typical_s = delayed.mean(), float(np.median(recorded_s[delayed])) if delayed.any() else 0.0
    if part >= DELAYED_SHARE and typical_s >= DELAY_S[0]:
        yield Finding(
            "delays",
            float(recorded_s[delayed].sum() / recorded_s.sum()),
            f"{share(float(part))} of the jobs start at once in the replay but waited for up to "
            f"{duration(DELAY_S[1])}, typically {duration(typical_s)}: a scheduler that looks at its queue now and "
            "then, or preparations. They count in the median, and hardly in the mean.",
        )


def _smaller(seen: Evidence) -> Iterator[Finding]:
    peak = seen.figures["recorded_peak_cores"]
    waited, cores = float(np.mean(seen.waits_s[0] > DELAY_S[1])), seen.pair.cores
    if peak < SMALLEST_USE * cores and waited >= LEAST_WAITING:
        yield Finding(
            "smaller_machine",
            math.nan,
            f"Jobs never held more than {peak:,.0f} of the {cores:,} cores "
            f"({share(peak / cores)}), though {share(waited)} of the jobs waited for more than "
            f"{duration(DELAY_S[1])}. It was down or reserved, or there were fewer cores.",
        )


def _cleaned(seen: Evidence) -> Iterator[Finding]:
    trace = seen.pair.trace
    if trace.name.endswith("-cln") or "cleaned version" in " ".join(trace.header.values()).lower():
        yield Finding(
            "cleaned",
            math.nan,
            "Jobs were removed from the log (its header says which). They held cores on the site, "
            "and hold none in the replay.",
        )
    dropped = sum(trace.dropped.values())
    if dropped >= NOTABLE * max(1, trace.jobs_read):
        yield Finding(
            "dropped",
            math.nan,
            f"{share(dropped / trace.jobs_read)} of the log's records cannot be replayed and are left out; what they "
            "held is missing in the replay.",
        )


WAITING_NAMES = {
    "down": "nothing ran: downtime",
    "closed_hours": "cores free, but not at this hour for jobs as long",
    "partition_full": "cores free, but the job's partition as full as it ever gets",
    "held": "cores free, and later jobs that ask for no less start: held back",
    "kept_free": "cores free, and no such job starts: kept for a wider job, or reserved",
    "overtaken": "cores busy, and later jobs that ask for no less go first: priorities",
    "queueing": "cores busy, in turn",
}
"""What waiting time can be of."""
