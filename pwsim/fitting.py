"""From a log to its statistical twin (:mod:`pwsim.twin`).

Nothing goes into a twin that few jobs of the log account for: classes of less than :data:`LEAST_SERIES` series are
joined with their neighbours, sizes and estimates of less than :data:`LEAST_POPULAR` series are replaced by near ones,
and entries of tables are rounded to two digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from pwsim.errors import TraceError
from pwsim.trace import Floats, Integers, Trace
from pwsim.twin import (
    QUANTILES,
    SERIES_GAP_S,
    VERSION,
    Activity,
    Estimate,
    EstimateClass,
    Gaps,
    Shape,
    SizeClass,
    Twin,
    Users,
)
from pwsim.units import DAY_S, HOUR_S

EXACT_SHARE = 0.99
"""If at least this share of the estimates are the run times, the log is taken to have none."""
LEAST_SERIES = 20
"""Classes have at least so many series."""
LEAST_POPULAR = 5
"""Sizes and estimates that at least so many series ask for are kept."""
SIZE_LIMITS = tuple(4**power for power in range(12))
"""Upper limits of the classes of size [cores]; the last is open."""
ESTIMATE_LIMITS_S = HOUR_S * np.array([1 / 12, 1 / 4, 1, 4, 12, 24])
"""Upper limits of the classes of estimate [s]; the last is open."""
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
        pwsim_twin=VERSION,
        of=trace.name,
        jobs=len(trace),
        days=_rounded(trace.span_s / DAY_S, 4),
        cores=_cores(trace),
        core_hours_per_day=_rounded(work / HOUR_S / (trace.span_s / DAY_S), 6),
        hours=hours,
        weekdays=weekdays,
        estimates_recorded=series.estimates_recorded,
        held_back=0.0,
        likeness=_likeness(series),
        users=_users(series),
        gaps=_gaps(series),
        sizes=_size_classes(series),
    )
    return twin.model_copy(update={"held_back": _held_back(trace, twin)})


class Series:
    """The jobs of a log, put together into series."""

    def __init__(self, trace: Trace, activity: Activity) -> None:
        shape = np.column_stack((trace.procs, trace.gpus, trace.nodes, trace.memory_mib))
        exact = np.mean(trace.estimate_s == np.maximum(trace.run_s, 1.0)) >= EXACT_SHARE
        self.estimates_recorded = not exact
        """Whether the log has estimates that are more than the run times."""
        asked_s = np.zeros(len(trace)) if exact else trace.estimate_s
        key = np.column_stack((trace.user.codes, trace.procs, trace.gpus, asked_s))
        _, kind = np.unique(key, axis=0, return_inverse=True)
        order = np.argsort(kind.ravel(), kind="stable")
        activity_s = activity.of(trace.submit_s)[order]
        gap_s = np.diff(activity_s, prepend=activity_s[0])
        begins = (np.diff(kind.ravel()[order], prepend=-1) != 0) | (gap_s > SERIES_GAP_S)
        self.of_job: Integers = np.cumsum(begins) - 1
        """Series of each job, shape (jobs,); jobs are sorted by series."""
        self.gap_s: Floats = gap_s
        """Gap before each job, of no meaning for the first of a series [s of activity], shape (jobs,)."""
        self.begins = begins
        """Whether a job is the first of its series, shape (jobs,)."""
        self.jobs: Integers = np.bincount(self.of_job)
        """Jobs of each series, shape (series,)."""
        first = order[begins]
        self.shape: Floats = shape[first].astype(np.float64)
        """Processors, GPUs, nodes and memory of each series, shape (series, 4)."""
        run_s = np.maximum(trace.run_s, 0.5)[order]
        longest_s = np.array([_rounded(one, 2) for one in np.maximum.reduceat(run_s, np.flatnonzero(begins))])
        self.estimate_s: Floats = longest_s if exact else trace.estimate_s[first]
        """Estimate of each series, or its longest run time if none is recorded [s], shape (series,)."""
        self.accuracy: Floats = run_s / self.estimate_s[self.of_job]
        """Run time, at least half a second, over estimate, shape (jobs,)."""
        self.user: Integers = np.asarray(trace.user.codes[first], dtype=np.int64)
        """User of each series, shape (series,)."""

    def sizes(self) -> Iterator[Integers]:
        """Yield the series of each class of size, the smallest first."""
        every = np.arange(len(self.jobs))
        yield from _joined_classes(every, np.searchsorted(SIZE_LIMITS, self.shape[:, 0]))

    def estimates(self, some: Integers) -> Iterator[Integers]:
        """Yield the series of each class of estimate among some series, the shortest first."""
        yield from _joined_classes(some, np.searchsorted(ESTIMATE_LIMITS_S, self.estimate_s[some]))


def cycles(trace: Trace) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the relative rate of arrivals by hour of the day and by day of the week, mean about 1 each.

    Hours and days that the log does not reach have the mean; none falls below a fiftieth of it.
    """
    hour = (trace.submit_s // HOUR_S).astype(np.int64)
    seen = np.arange(int(hour.max()) + 1)  # the last hour counts in full, though the log ends in it

    def rates(place: Integers, lasted: Integers, count: int) -> tuple[float, ...]:
        jobs, hours = np.bincount(place, minlength=count), np.bincount(lasted, minlength=count)
        rate = np.divide(jobs, hours, out=np.full(count, len(hour) / len(seen)), where=hours > 0)
        relative = np.maximum(rate / rate.mean(), 0.02)
        return tuple(_rounded(one, 3) for one in relative)

    return rates(hour % 24, seen % 24, 24), rates(hour // 24 % 7, seen // 24 % 7, 7)


def _size_classes(series: Series) -> tuple[SizeClass, ...]:
    classes = []
    for some in series.sizes():
        parts = []
        for few in series.estimates(some):
            of_jobs = np.isin(series.of_job, few)
            parts.append(
                EstimateClass(
                    share=_rounded(len(few) / len(some), 4),
                    estimates=tuple(
                        Estimate(estimate_s=float(value[0]), share=share)
                        for value, share in _popular(series.estimate_s[few][:, None])
                    ),
                    jobs=_table(series.jobs[few]),
                    accuracy=_table(series.accuracy[of_jobs]),
                )
            )
        shapes = tuple(
            Shape(procs=int(procs), gpus=float(gpus), nodes=int(nodes), memory_mib=int(memory), share=share)
            for (procs, gpus, nodes, memory), share in _popular(series.shape[some])
        )
        share = _rounded(len(some) / len(series.jobs), 4)
        classes.append(SizeClass(share=share, shapes=shapes, estimates=tuple(parts)))
    return tuple(classes)


def _joined_classes(some: Integers, kind: Integers) -> Iterator[Integers]:
    """Yield things by class, in the order of the classes; classes with few join the next one, the last the one before."""
    groups: list[Integers] = []
    for one in np.unique(kind):
        members = some[kind == one]
        if groups and len(groups[-1]) < LEAST_SERIES:
            groups[-1] = np.concatenate((groups[-1], members))
        else:
            groups.append(members)
    if len(groups) > 1 and len(groups[-1]) < LEAST_SERIES:
        last = groups.pop()
        groups[-1] = np.concatenate((groups[-1], last))
    yield from groups


def _popular(values: Floats) -> Iterator[tuple[Floats, float]]:
    """Yield the popular ones of some rows of numbers, and their share, when rare ones count for the nearest popular one.

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
        yield kinds[one], _rounded(share, 3)


def _likeness(series: Series) -> float:
    """Return the intraclass correlation of the normal scores of accuracy, within classes of size and estimate.

    It is one less the variance within series over the variance of all, from series of two jobs or more.
    """
    score = np.zeros(len(series.accuracy))
    for some in series.sizes():
        for few in series.estimates(some):
            here = np.isin(series.of_job, few)
            score[here] = stats.norm.ppf((stats.rankdata(series.accuracy[here]) - 0.5) / np.count_nonzero(here))
    mean = np.bincount(series.of_job, score) / series.jobs
    squares = np.bincount(series.of_job, (score - mean[series.of_job]) ** 2)
    freedom = int((series.jobs - 1).sum())
    if not freedom or not score.var():
        return 0.0
    return _rounded(float(np.clip(1 - squares.sum() / freedom / score.var(), 0, 1)), 3)


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
    """Return the number of users, and the exponent of a power law that their numbers of series follow by rank."""
    counts = np.sort(np.bincount(series.user - series.user.min()))[::-1]
    counts = counts[counts > 0]
    if len(counts) == 1:
        return Users(number=1, exponent=0.0)
    slope = stats.linregress(np.log(np.arange(1, len(counts) + 1)), np.log(counts)).slope
    return Users(number=len(counts), exponent=_rounded(max(-float(slope), 0.0), 3))


def swing(trace: Trace) -> Floats:
    """Return the coefficient of variation of the work submitted in periods of :data:`SWING_DAYS`; NaN for short logs."""
    swings = np.full(len(SWING_DAYS), np.nan)
    for place, days in enumerate(SWING_DAYS):
        period = (trace.submit_s // (days * DAY_S)).astype(np.int64)
        work = np.bincount(period, trace.procs * trace.run_s)[:-1]  # the last period is cut off
        if len(work) >= FEWEST_PERIODS and work.sum():
            swings[place] = work.std() / work.mean()
    return swings


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
    return _rounded(float(np.interp(0.0, -falling, HELD_BACK)), 2)


def _cores(trace: Trace) -> int:
    """Return the processors of the machine that wrote the log, or 0 if its header does not say."""
    said = trace.header.get("MaxProcs", "").split()
    return int(said[0]) if said and said[0].isdigit() else 0


def _table(values: Sequence[float] | Floats | Integers) -> tuple[float, ...]:
    """Return the quantiles of some values, rounded."""
    quantiles = np.quantile(np.asarray(values, dtype=np.float64), QUANTILES)
    return tuple(_rounded(one, 2) for one in quantiles)


def _rounded(value: float, digits: int) -> float:
    """Return a number rounded to so many digits that count."""
    return float(f"{value:.{digits}g}")
