"""From a log to its statistical twin (:mod:`pwsim.workload.twin.twin`).

Nothing goes into a twin that few jobs of the log account for: classes of less than :data:`LEAST_SERIES` series are
joined with their neighbours, sizes and estimates of less than :data:`LEAST_POPULAR` series are replaced by near ones,
and entries of tables are rounded to two digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy

from pwsim.common import DAY_S, HOUR_S, TraceError
from pwsim.trace import Floats, Integers, Trace
from pwsim.workload.twin.form import QUANTILES, Estimate, EstimateClass, Gaps, Shape, SizeClass, Users
from pwsim.workload.twin.making import TIDE_S, Activity
from pwsim.workload.twin.series import LEAST_SERIES, Series, cycles, rounded
from pwsim.workload.twin.twin import Twin

LEAST_POPULAR = 5
"""Sizes and estimates that at least so many series ask for are kept."""
SERIES_LIMITS = (3, 10, 30, 100)
"""Upper limits of the classes of series by their jobs, for the gaps; the last is open."""
SWING_DAYS = (1.0, 2.0, 4.0)
"""``held_back`` is such that the work submitted swings between periods of these lengths as it does in the log."""
HELD_BACK = np.linspace(0, 1, 5)
"""Values of ``held_back`` that are tried; what lies between is interpolated."""
TRIAL_DAYS, TRIALS = 120.0, 4
"""The longest that a trial is [days], and trials of each value."""
FEWEST_PERIODS = 10
"""Swings between fewer periods than this say nothing."""
FEWEST_JOBS = 100
"""A shorter log is refused."""


def fit(trace: Trace) -> Twin:
    """Return the statistical twin of a log.

    Parameters
    ----------
    trace
        The log.  Without users, all jobs are taken to be one user's.

    Raises
    ------
    TraceError
        If the log has less than :data:`FEWEST_JOBS` jobs, or they do no work, or come all at once.
    """
    work = float((trace.procs * trace.run_s).sum())
    if len(trace) < FEWEST_JOBS or not work or not trace.span_s:
        raise TraceError(
            f"{trace.name}: {len(trace):,} jobs with {work / HOUR_S:,.0f} core-hours within {trace.span_s:,.0f} s "
            f"are too few to fit a twin to; at least {FEWEST_JOBS} are needed"
        )
    hours, weekdays = cycles(trace)
    series = Series(trace, Activity(hours, weekdays))
    twin = Twin(
        pwsim_twin=1,
        of=trace.name,
        jobs=len(trace),
        days=rounded(trace.span_s / DAY_S, 4),
        cores=_cores(trace),
        core_hours_per_day=rounded(work / HOUR_S / (trace.span_s / DAY_S), 6),
        hours=hours,
        weekdays=weekdays,
        estimates_recorded=series.estimates_recorded,
        held_back=0.0,
        likeness=_likeness(series),
        users=_users(series),
        gaps=_gaps(series),
        sizes=_size_classes(series),
    )
    # The two act on each other a little: the tide is measured with half of the series held back, and then kept.
    twin = twin.model_copy(update={"tide": _tide(trace, twin.model_copy(update={"held_back": 0.5}))})
    return twin.model_copy(update={"held_back": _held_back(trace, twin)})


def _size_classes(series: Series) -> tuple[SizeClass, ...]:
    classes = []
    for some in series.sizes():
        parts = []
        for few in series.estimates(some):
            of_jobs = np.isin(series.of_job, few)
            parts.append(
                EstimateClass(
                    share=rounded(len(few) / len(some), 4),
                    **_estimates(series.estimate_s[few]),
                    jobs=_table(series.jobs[few]),
                    accuracy=_table(series.accuracy[of_jobs]),
                    longest_run_s=rounded(float(series.run_s[of_jobs].max()), 2),
                )
            )
        shapes = tuple(
            Shape(procs=int(procs), gpus=float(gpus), nodes=int(nodes), memory_mib=int(memory), share=share)
            for (procs, gpus, nodes, memory), share in _popular(series.shape[some])
        )
        share = rounded(len(some) / len(series.jobs), 4)
        classes.append(SizeClass(share=share, shapes=shapes, estimates=tuple(parts)))
    return tuple(classes)


def _estimates(estimate_s: Floats) -> dict[str, Any]:
    """Return the popular estimates of some series, and quantiles of the others if there are enough of them."""
    _, place, counts = np.unique(estimate_s, return_inverse=True, return_counts=True)
    rare = counts[place] < LEAST_POPULAR
    if np.count_nonzero(rare) < LEAST_SERIES:
        rare = np.zeros(len(estimate_s), dtype=bool)
    share = rounded(float(rare.mean()), 3)
    popular = list(_popular(estimate_s[~rare][:, None])) if not rare.all() else []
    return {
        "estimates": tuple(
            Estimate(estimate_s=float(value[0]), share=rounded(part * (1 - share), 3)) for value, part in popular
        ),
        "rare_share": share,
        "rare_s": _table(estimate_s[rare]) if share else None,
    }


def _popular(values: Floats) -> Iterator[tuple[Floats, float]]:
    """Yield the popular ones of some rows of numbers, and their share; rare ones count for the nearest popular one.

    If none is popular, the one with the median first number stands for all.
    """
    kinds, place, counts = np.unique(values, axis=0, return_inverse=True, return_counts=True)
    popular = np.flatnonzero(counts >= LEAST_POPULAR)
    if not len(popular):
        popular = place.ravel()[np.argsort(values[:, 0], kind="stable")[[len(values) // 2]]]
    logs = np.log(kinds + 0.1)
    distance = ((logs[:, None, :] - logs[None, popular, :]) ** 2).sum(axis=2)
    shares = np.bincount(distance.argmin(axis=1)[place.ravel()], minlength=len(popular)) / len(values)
    for one, share in zip(popular, shares, strict=True):
        yield kinds[one], rounded(share, 3)


def _likeness(series: Series) -> float:
    """Return the intraclass correlation of the normal scores of accuracy, within classes of size and estimate.

    It is one less the variance within series over the variance of all, from series of two jobs or more.
    """
    score = np.zeros(len(series.accuracy))
    for some in series.sizes():
        for few in series.estimates(some):
            here = np.isin(series.of_job, few)
            ranks = scipy.stats.rankdata(series.accuracy[here])
            score[here] = scipy.stats.norm.ppf((ranks - 0.5) / np.count_nonzero(here))
    mean = np.bincount(series.of_job, score) / series.jobs
    squares = np.bincount(series.of_job, (score - mean[series.of_job]) ** 2)
    freedom = int((series.jobs - 1).sum())
    if not freedom or not score.var():
        return 0.0
    return rounded(float(np.clip(1 - squares.sum() / freedom / score.var(), 0, 1)), 3)


def _gaps(series: Series) -> tuple[Gaps, ...]:
    tables = []
    kind = np.searchsorted(SERIES_LIMITS, series.jobs)[series.of_job]
    for one in range(len(SERIES_LIMITS) + 1):
        gaps_s = series.gap_s[(kind == one) & ~series.begins]
        if len(gaps_s) >= LEAST_SERIES:
            most = int(series.jobs.max()) if one == len(SERIES_LIMITS) else SERIES_LIMITS[one]
            tables.append(Gaps(jobs_at_most=most, gap_s=_table(np.maximum(gaps_s, 0.1))))
    return tuple(tables) or (Gaps(jobs_at_most=max(2, int(series.jobs.max())), gap_s=_table(np.full(2, 60.0))),)


def _users(series: Series) -> Users:
    """Return the number of users, and quantiles of how many series a user has.

    No power law: in real logs the numbers of series fall slowly among the first users and fast among the last, so that
    a law that fits the many users of few series gives the first one far too much, and the other way round.
    """
    _, counts = np.unique(series.user, return_counts=True)
    return Users(number=len(counts), series=_table(counts))


def swing(trace: Trace, periods: Sequence[float] = SWING_DAYS) -> Floats:
    """Return the coefficient of variation of the work submitted in periods of :data:`SWING_DAYS`, NaN for too few."""
    swings = np.full(len(periods), np.nan)
    for place, days in enumerate(periods):
        period = (trace.submit_s // (days * DAY_S)).astype(np.int64)
        work = np.bincount(period, trace.procs * trace.run_s)[:-1]  # the last period is cut off
        if len(work) >= FEWEST_PERIODS and work.sum():
            swings[place] = work.std() / work.mean()
    return swings


def _tide(trace: Trace, twin: Twin) -> float:
    """Return the swing between periods of four weeks that the twin does not have by chance; 0 for short logs."""
    days = [TIDE_S / DAY_S]
    own = float(swing(trace, days)[0])
    if np.isnan(own):
        return 0.0
    chance = np.mean([swing(twin.generate(days=twin.days * 1.2, seed=seed), days)[0] for seed in range(TRIALS)])
    return rounded(float(np.sqrt(max(own**2 - float(chance) ** 2, 0.0))), 2)


def _held_back(trace: Trace, twin: Twin) -> float:
    """Return the share of held-back series with which the twin's logs swing as the log does; 0 for short logs."""
    wanted = swing(trace)
    days = min(twin.days, TRIAL_DAYS)
    if np.isnan(wanted).all() or days < FEWEST_PERIODS * SWING_DAYS[0]:
        return 0.0
    excess = []
    for value in HELD_BACK:
        tried = twin.model_copy(update={"held_back": float(value)})
        swings = np.array([swing(tried.generate(days=days, seed=seed)) for seed in range(TRIALS)])
        known = ~np.isnan(swings).any(axis=0) & ~np.isnan(wanted)
        excess.append(float(np.log(swings[:, known].mean(axis=0) / wanted[known]).mean()) if known.any() else 0.0)
    # The swing falls with the share held back; noise may make it rise a little.
    falling = np.minimum.accumulate(excess)
    return rounded(float(np.interp(0.0, -falling, HELD_BACK)), 2)


def _cores(trace: Trace) -> int:
    """Return the processors of the machine that wrote the log, or 0 if its header does not say."""
    return trace.header_number("MaxProcs") or 0


def _table(values: Sequence[float] | Floats | Integers) -> tuple[float, ...]:
    """Return the quantiles of some values, rounded."""
    quantiles = np.quantile(np.asarray(values, dtype=np.float64), QUANTILES)
    return tuple(rounded(one, 2) for one in quantiles)
