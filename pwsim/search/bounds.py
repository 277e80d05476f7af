"""What is known of a setup before it is replayed: parts of its cost, and conditions that it cannot do without.

Everything here is necessary, nothing is sufficient: a setup that breaks a condition misses a target for sure,
and no setup costs less than its bound.  So what the search excludes by them is excluded by proof.

Where users wait for their jobs (:mod:`.feedback`), a setup decides when jobs are submitted and how long the
measurement window is.  What stands there anyway, and which jobs fit, do not depend on that; of the rest only throughput
bounds anything, from the window that every replay has at least: until the last submission that follows no job.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pwsim import costs
from pwsim.cluster import Cluster, stated
from pwsim.common import HOUR_S
from pwsim.metrics import NO_TRIM, Booleans, Trim, inside, partitioned
from pwsim.prices import Economics
from pwsim.search.holding import Holding
from pwsim.search.moving import SAFETY
from pwsim.search.renting import Renting
from pwsim.search.targets import Target
from pwsim.trace import Floats, Integers, Trace

GRID = 24
"""Interval starts, and ends, that :func:`needed_cores` looks at."""
MOST_LISTED = 1_000_000
"""Choices that are counted by their bounds one by one."""
TOLD_AT_ONCE = 100
"""Choices of which :meth:`Bounds.setups_up_to` tells at a call what they cost as a whole: some milliseconds."""


@dataclass(frozen=True)
class Bounds:
    """Necessary conditions on the choices of node counts, and bounds on cost."""

    cost_usd_per_year: tuple[Floats, ...]
    """By pool: the least that each choice costs, shape (choices,) [USD a year]; what is paid for any setup is in the
    first."""
    job_classes: Integers
    """By class of job and pool: index of the first choice that holds it, or the number of choices if none does."""
    job_class_counts: Integers
    """Number of jobs of each class, shape (classes,)."""
    rejected_at_most: int
    """Jobs that may be rejected."""
    job_class_work_shares: Floats
    """Share of the work of all jobs that each class has, shape (classes,)."""
    rejected_work_at_most: float
    """Share of the work of all jobs that may be rejected."""
    needed_cores: float
    """Least sum of nodes × cores × speed over all pools."""
    renting: Renting | None = None
    """What jobs cause at least besides where nodes come and go, if that can be told."""

    promised_usd_per_year: float = 0.0
    """Money of savings plans of given amounts, which every setup pays [USD a year]."""
    payable_usd_per_year: tuple[Floats, ...] = ()
    """By pool: how much of ``cost_usd_per_year`` that money may pay for, shape (choices,) [USD a year]; empty if
    nothing is promised."""

    def usd_of(self, choice: Sequence[int]) -> float:
        """Return what a choice of nodes costs at least, if it meets the targets [USD a year].

        What is promised pays for some of what pools and jobs cost at least, and for nothing else; so both the sum of
        these and the sum of all else and of what is promised are bounds.
        """
        rent = 0.0 if self.renting is None else self.renting.usd_per_year(choice)
        fixed = sum(float(usd[one]) for usd, one in zip(self.cost_usd_per_year, choice, strict=True))
        payable = sum(float(usd[one]) for usd, one in zip(self.payable_usd_per_year, choice, strict=False))
        return fixed + max(rent, self.promised_usd_per_year - payable)

    def of_one_more(self, pool: int, nodes: Sequence[int]) -> float:
        """Return what another node costs beyond the most that are allowed of a pool [USD a year]."""
        cost = self.cost_usd_per_year[pool]
        return float(cost[-1] - cost[-2]) / (nodes[-1] - nodes[-2])

    def setups_up_to(self, usd_per_year: float) -> int:
        """Return how many choices of nodes have a cost bound of no more than this; all if it is NaN.

        Where there are more choices than can be listed, all are counted.  What a choice costs at least as a whole takes
        longer to tell, so it is told of some more at each call, the cheapest by their pools first.
        """
        shape = [len(cost) for cost in self.cost_usd_per_year]
        if math.isnan(usd_per_year) or math.prod(shape) > MOST_LISTED:
            return math.prod(shape)
        places, usd = self._sorted
        up_to = int(np.searchsorted(usd, usd_per_year, side="right"))
        if self.renting is None and not self.payable_usd_per_year:
            return up_to
        told = self._whole_usd
        for place in places[len(told) : min(up_to, len(told) + TOLD_AT_ONCE)]:
            told.append(self.usd_of(tuple(map(int, np.unravel_index(place, shape)))))
        return up_to - int(np.count_nonzero(np.array(told[:up_to]) > usd_per_year))

    @cached_property
    def _sorted(self) -> tuple[Integers, Floats]:
        """The choices in the order of what their pools cost at least, and what that is [USD a year]."""
        usd = np.zeros(1)
        for cost in self.cost_usd_per_year:
            usd = np.add.outer(usd, cost).ravel()
        order = np.argsort(usd, kind="stable")
        return order, usd[order]

    @cached_property
    def _whole_usd(self) -> list[float]:
        """What the first of these choices cost at least as a whole [USD a year], as far as that was told."""
        return []


def work_s(trace: Trace, cluster: Cluster) -> Floats:
    """Return the run time of each job at speed 1, cut off at its estimate if overruns are killed [s], shape (jobs,)."""
    run_s: Floats = np.minimum(trace.run_s, trace.estimate_s) if cluster.overrun == "kill" else trace.run_s
    return run_s


def analyse(holding: Holding, targets: Sequence[Target], economics: Economics, trim: Trim = NO_TRIM) -> Bounds:
    """Bound costs and service of all setups of a cluster before any is replayed.

    Raises
    ------
    ValueError
        If the measurement window has no length and jobs cause costs.
    """
    trace, cluster, first = holding.trace, holding.cluster, holding.first
    classes, members = _rows(first)
    work = trace.procs * trace.run_s  # as the metric has it, whatever is killed
    shares = np.bincount(members, work, minlength=len(classes)) / (math.fsum(work) or 1.0)
    rejected_at_most = int(least_limit(targets, "jobs_rejected", len(trace)))
    rejected_work_at_most = least_limit(targets, "rejected_work_share", 1.0) + SAFETY
    terms = costs.terms_of(economics, trace)
    standing = [
        np.array([costs.total(costs.standing(pool, nodes, terms)) for nodes in pool.nodes])
        for pool in (costs.savings.at_least(pool, terms.plans) for pool in cluster.pools)
    ]
    standing[0] = standing[0] + economics.site_usd_per_year
    caused = _least_caused(holding, terms)
    return Bounds(
        cost_usd_per_year=tuple(fixed + least for fixed, least in zip(standing, caused, strict=True)),
        job_classes=classes,
        job_class_counts=np.bincount(members, minlength=len(classes)),
        rejected_at_most=rejected_at_most,
        job_class_work_shares=shares,
        rejected_work_at_most=rejected_work_at_most,
        needed_cores=needed_cores(
            trace,
            cluster,
            targets,
            held=_held(holding, rejected_at_most, rejected_work_at_most),
            holdable=~holding.never,
            trim=trim,
        ),
        renting=_renting(holding, targets, terms, trim),
        promised_usd_per_year=costs.savings.promised_usd_per_year(terms.plans),
        payable_usd_per_year=tuple(
            np.array([costs.savings.payable_usd_per_year(pool, nodes, terms.plans) for nodes in pool.nodes])
            for pool in cluster.pools
            if terms.plans
        ),
    )


def _rows(table: Integers) -> tuple[Integers, Integers]:
    """Return the different rows of a table in their order, and which of them each row is.

    This is ``np.unique`` along the rows, which compares them as bytes and takes ten times as long.
    """
    order = np.lexsort(table.T[::-1])
    rows = table[order]
    new = np.append(True, np.any(rows[1:] != rows[:-1], axis=1))[: len(rows)]
    which = np.empty(len(rows), dtype=np.int64)
    which[order] = np.cumsum(new) - 1
    return rows[new], which


def _renting(holding: Holding, targets: Sequence[Target], terms: costs.Terms, trim: Trim) -> Renting | None:
    """Return what is known of costs where nodes come and go; ``None`` if none do, or nothing is.

    Rules of the site hold jobs back and stop them; where users wait for their jobs, a setup has years of its own.
    """
    trace, cluster = holding.trace, holding.cluster
    elastic = any(pool.elastic for pool in cluster.pools)
    if not elastic or trace.feedback is not None or stated(cluster) or trace.span_s <= 0:
        return None
    window = trim.window(trace.span_s)
    work = max((_work_for_throughput(trace, cluster, one, window) for one in targets), default=0.0)
    return Renting(holding, work_s(trace, cluster), terms, work if math.isfinite(work) else 0.0, window[1])


def least_limit(targets: Sequence[Target], metric: str, otherwise: float) -> float:
    """Return the smallest limit that targets set on a metric from above."""
    limits = [target.at_most for target in targets if target.metric == metric and target.at_most is not None]
    return min(limits, default=otherwise)


def _held(holding: Holding, rejected_at_most: int, rejected_work_at_most: float) -> Booleans:
    """Return which jobs every allowed setup holds for certain, shape (jobs,).

    Where no more jobs may be rejected than every setup must reject, these are all that some setup holds; otherwise
    those that alone have more work than may be rejected besides.
    """
    never, work = holding.never, holding.trace.procs * holding.trace.run_s
    if np.count_nonzero(never) >= rejected_at_most:
        return ~never
    held: Booleans = ~never & (work > (rejected_work_at_most + SAFETY) * math.fsum(work) - math.fsum(work[never]))
    return held


def _least_caused(holding: Holding, terms: costs.Terms) -> list[Floats]:
    """Return by pool the least that jobs cause at each choice, shape (choices,) [USD a year].

    A pool runs for certain the jobs that it holds at that choice and that no earlier pool could hold at any; for the
    first pool these are all of its jobs.  Of several bounds on what they cause (:func:`pwsim.costs.least_usd`), the
    largest counts.
    """
    trace, cluster, first = holding.trace, holding.cluster, holding.first
    moving = any(pool.elastic or pool.fails or pool.burst_after is not None for pool in cluster.pools)
    # Jobs may move, run in several pools, be given up; or a slow setup has years of its own.
    if moving or trace.feedback or stated(cluster):
        return [np.zeros(len(pool.nodes)) for pool in cluster.pools]
    run_s = work_s(trace, cluster)
    free = np.ones(len(trace), dtype=bool)
    caused = []
    for index, pool in enumerate(cluster.pools):
        choices = len(pool.nodes)
        mine = free & (first[:, index] < choices)
        held = costs.Jobs(trace.procs[mine], trace.gpus[mine], run_s[mine] / pool.node.speed, trace.data_gib[mine])
        usd = np.max(
            [
                np.cumsum(np.bincount(first[mine, index], row, minlength=choices))
                for row in costs.least_usd(pool, held, terms)
            ],
            axis=0,
        )
        caused.append(np.array([costs.per_year(float(one), trace.span_s) for one in usd]))
        free &= first[:, index] == choices
    return caused


def needed_cores(
    trace: Trace,
    cluster: Cluster,
    targets: Sequence[Target],
    *,
    held: Booleans,
    holdable: Booleans,
    trim: Trim = NO_TRIM,
) -> float:
    """Return the least sum of nodes × cores × speed with which the targets could be met.

    Throughput: the asked number of jobs cannot do with less than the work of the smallest ones, done by the end of the
    window, though some of it before its start.  Waits: see :func:`_cores_for_wait`; they count the jobs that are
    submitted in the window, and bound nothing where setups decide which these are.

    Parameters
    ----------
    held
        Which jobs every allowed setup holds for certain, shape (jobs,).
    holdable
        Which jobs some setup holds, shape (jobs,).
    """
    run_s = work_s(trace, cluster)
    span_s = trace.span_s
    if trace.feedback is not None:
        span_s = float(trace.submit_s[trace.feedback.follows < 0].max())
    window = trim.window(span_s)
    measured = inside(trace.submit_s, window)
    interrupted = _interrupted(cluster)
    least = 0.0
    for target in targets:
        work = _work_for_throughput(trace, cluster, target, window)
        if work > 0:
            least = max(least, work / window[1])
        waits = target.metric == "wait_s" and target.at_most is not None and target.statistic != "mean"
        if waits and not interrupted and trace.feedback is None:
            about = measured if target.where is None else measured & target.where.admit(trace)
            late = late_at_most(target, int(np.count_nonzero(about & holdable)))
            least = max(least, _cores_for_wait(trace, cluster, run_s, about & held, target, late))
    return least * (1 - SAFETY)


def _interrupted(cluster: Cluster) -> bool:
    """Return whether jobs may be given up before they have done all their work."""
    return any(pool.interrupted for pool in cluster.pools) or cluster.preemption or bool(cluster.outages)


def _work_for_throughput(trace: Trace, cluster: Cluster, target: Target, window: tuple[float, float]) -> float:
    """Return the least work that must be done by the end of the window if a target on throughput is to be met.

    Other targets ask for none.  Infinite if there are not jobs enough [core-seconds at speed 1].

    If users wait for their jobs, the window ends then at the earliest, and the last job counts by the part of it that
    the rate comes to: the work of the smallest jobs then grows faster than their number, and so at least as fast as
    the window.
    """
    if target.metric != "throughput_jobs_per_hour" or target.at_least is None:
        return 0.0
    # A job that outlives its estimate is killed, unless it restarts: then it may complete (semantics §6).
    all_complete = cluster.overrun == "allow" or _interrupted(cluster)
    work = trace.procs * work_s(trace, cluster)
    work = work if all_complete else work[trace.run_s <= trace.estimate_s]
    from_s, until_s = window
    asked = target.at_least * (until_s - from_s) / HOUR_S * (1 - SAFETY)
    jobs = math.ceil(asked)
    if jobs > len(work):
        return math.inf
    if jobs <= 0:  # so it is where the window has no length
        return 0.0
    smallest = partitioned(work, jobs - 1)[:jobs]
    beyond = (jobs - asked) * float(smallest[-1]) if trace.feedback is not None else 0.0
    return float(np.sum(smallest)) - beyond


def late_at_most(target: Target, jobs: int) -> int:
    """Return how many of so many jobs a target on a percentile lets wait longer; of fewer jobs, no more may."""
    share = 100 if target.statistic == "max" else int(str(target.statistic)[1:])
    return jobs - math.ceil(share * jobs / 100)


def _cores_for_wait(trace: Trace, cluster: Cluster, run_s: Floats, about: Booleans, target: Target, late: int) -> float:
    """Return the least capacity with which enough jobs could start in time, when ``late`` of them need not.

    A job submitted at ``s`` that waits at most ``W`` has worked at least ``min(run, T - s - W)`` by the time ``T``.
    All jobs that are submitted from ``a`` on do so within ``T - a``; those with the largest work may be the ones that
    the percentile lets wait longer.
    """
    at_most_s = target.at_most
    assert at_most_s is not None
    submit_s, run_s, procs = trace.submit_s[about], run_s[about], trace.procs[about]
    slowest = min(pool.node.speed for pool in cluster.pools)
    if not len(submit_s):
        return 0.0
    starts_s = np.unique(np.quantile(submit_s, np.linspace(0, 1, GRID, endpoint=False), method="lower"))
    ends_s = np.unique(np.quantile(submit_s + at_most_s + run_s, np.linspace(0, 1, GRID + 1)[1:], method="lower"))
    firsts = np.searchsorted(submit_s, starts_s)

    def done_by(end_s: float) -> Floats:
        ran_s: Floats = np.minimum(run_s, np.maximum(0.0, end_s - submit_s - at_most_s) * slowest)
        return procs * ran_s

    lengths_s = ends_s[:, None] - starts_s
    some = (lengths_s > 0) & (len(submit_s) - firsts > late)
    at_most: Floats = np.array([_certain_at_most(done_by(end_s), late)[firsts] for end_s in ends_s]) * (1 + SAFETY)
    at_most = np.divide(at_most, lengths_s, out=np.zeros(some.shape), where=some)
    least = 0.0
    for place in np.argsort(-at_most, axis=None, kind="stable"):  # the most promising first: few are to be told exactly
        end, start = divmod(int(place), len(starts_s))
        if at_most[end, start] <= least:
            break
        done = done_by(ends_s[end])[firsts[start] :]
        certain = partitioned(done, len(done) - late - 1)[: len(done) - late] if late else done
        least = max(least, float(certain.sum()) / lengths_s[end, start])
    return least


def _certain_at_most(done: Floats, late: int) -> Floats:
    """Return what all jobs from each one on have worked at most without the ``late`` of them that have worked most.

    Of all jobs, at most ``late`` have worked more than the next of them; so these are left out, whichever come first.
    """
    if late and len(done) > late:
        done = np.where(done <= partitioned(done, len(done) - late - 1)[len(done) - late - 1], done, 0.0)
    found: Floats = np.cumsum(done[::-1])[::-1]
    return found
