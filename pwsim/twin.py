"""A log's statistical twin: what is typical of a log, as a short text that holds no job and no user of it.

Jobs come in *series*: jobs of one user with the same size and the same estimate, each at most
:data:`SERIES_GAP_S` after the one before.  A twin holds

- how arrivals vary with the hour and the weekday.  All else about time is in *activity time*, which runs faster where
  more jobs arrive, so that it knows no cycles;
- classes of size, within them classes of estimate, and for each of these the share of series, the popular sizes and
  estimates, the jobs a series and how much of its estimate a job runs;
- how alike the jobs of a series are in that, and the gaps between them;
- how far users hold back while much work is about.  Starts of series drawn at random would swing more than real logs
  do, and waits come out too long.  So a share ``held_back`` of the series, drawn at random, each take the one of two
  random days on which less work has been submitted so far.

Tables of quantiles are interpolated on a logarithmic scale.  :func:`pwsim.fitting.fit` makes a twin from a log.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from scipy import stats

from pwsim.cluster import Frozen
from pwsim.document import read_document
from pwsim.errors import InputError, ScenarioError
from pwsim.explain import explain
from pwsim.trace import Floats, Integers, Trace
from pwsim.units import DAY_S, HOUR_S

VERSION = 1
"""Version of the file format."""
SERIES_GAP_S = HOUR_S
"""Jobs of a series follow one another within this time [s of activity]."""
QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 1.0)
"""Shares of the values that are at or below the entries of a table of quantiles."""
WEEK_S = 7 * DAY_S
"""Seconds in a week."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1e10, allow_inf_nan=False)]
Table = Annotated[tuple[Positive, ...], Field(min_length=len(QUANTILES), max_length=len(QUANTILES), strict=False)]


class Shape(Frozen):
    """What a job asks for."""

    procs: int = Field(ge=1, le=10**9)
    """Processors."""
    gpus: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)
    """GPUs of the whole job."""
    nodes: int = Field(default=0, ge=0, le=10**9)
    """Nodes; 0: not recorded."""
    memory_mib: int = Field(default=0, ge=0, le=10**12)
    """Memory of the whole job [MiB]; 0: not recorded."""
    share: Share
    """Share of the series of its class."""


class Estimate(Frozen):
    """A run time that users ask for."""

    estimate_s: Positive
    """It [s]."""
    share: Share
    """Share of the series of its class."""


class EstimateClass(Frozen):
    """Series of similar size and similar estimate."""

    share: Share
    """Share of the series of its class of size."""
    estimates: tuple[Estimate, ...] = Field(min_length=1, strict=False)
    """The popular estimates, and what stands for the others."""
    jobs: Table
    """Quantiles of the jobs of a series."""
    accuracy: Table
    """Quantiles of run time over estimate, of all jobs."""


class SizeClass(Frozen):
    """Series of similar size."""

    share: Share
    """Share of all series."""
    shapes: tuple[Shape, ...] = Field(min_length=1, strict=False)
    """The popular shapes."""
    estimates: tuple[EstimateClass, ...] = Field(min_length=1, strict=False)
    """Classes of estimates, the shortest first."""


class Gaps(Frozen):
    """Gaps between the jobs of a series."""

    jobs_at_most: int = Field(ge=2)
    """For series of at most so many jobs, and more than in the class before."""
    gap_s: Table
    """Quantiles of the gap [s of activity]."""


class Users(Frozen):
    """Who submits."""

    number: int = Field(ge=1, le=10**7)
    """Number of users."""
    exponent: float = Field(ge=0, le=10, allow_inf_nan=False)
    """The user of rank k has series in proportion to ``k ** -exponent``."""


class Twin(Frozen):
    """What is typical of a log."""

    pwsim_twin: Literal[1]
    """Version of the file format."""
    of: str = Field(min_length=1, max_length=200)
    """Name of the log."""
    jobs: int = Field(ge=1, le=10**9)
    """Its jobs."""
    days: Positive
    """Time from its first submission to its last [days]."""
    cores: int = Field(ge=0, le=10**9)
    """Processors of its machine; 0: the log does not say."""
    core_hours_per_day: Positive
    """Work submitted a day."""
    hours: tuple[Rate, ...] = Field(min_length=24, max_length=24, strict=False)
    """Relative rate of arrivals by hour; the day begins at the hour of the first submission."""
    weekdays: tuple[Rate, ...] = Field(min_length=7, max_length=7, strict=False)
    """Relative rate of arrivals by day; the week begins on the day of the first submission."""
    estimates_recorded: bool = True
    """Whether the log has estimates.  If not, an ``estimate_s`` here is the longest run time of a series, and the jobs
    that are made have exact estimates."""
    held_back: Share
    """Share of the series that take the quieter of two days."""
    likeness: Share
    """Correlation, within a series, of how much of their estimates the jobs run (on the scale of normal scores)."""
    users: Users
    """Who submits."""
    gaps: tuple[Gaps, ...] = Field(min_length=1, strict=False)
    """Gaps within series, by the number of their jobs."""
    sizes: tuple[SizeClass, ...] = Field(min_length=1, strict=False)
    """Classes of sizes, the smallest first."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        lists: dict[str, Sequence[Any]] = {"sizes": self.sizes}
        for place, size in enumerate(self.sizes):
            lists |= {f"sizes.{place}.estimates": size.estimates, f"sizes.{place}.shapes": size.shapes}
            for index, one in enumerate(size.estimates):
                lists[f"sizes.{place}.estimates.{index}.estimates"] = one.estimates
        for name, parts in lists.items():
            if sum(part.share for part in parts) <= 0:
                raise ValueError(f"the shares under {name} must add up to more than 0")
        return self

    def generate(
        self,
        *,
        jobs: int | None = None,
        days: float | None = None,
        load: float | None = None,
        cores: int | None = None,
        seed: int = 1,
    ) -> Trace:
        """Return a log like the one that the twin was made from.

        Parameters
        ----------
        jobs, days
            Number of jobs, or length [days], which the log then has about; by default the jobs of the log.
        load
            Offered load on ``cores``: more or fewer series come, each as it is; the log's own if left out.
        cores
            Processors that the load refers to; those of the log's machine if left out.
        seed
            Seed of the random numbers; the same seed gives the same log.

        Raises
        ------
        InputError
            If both jobs and days are given, or a load but no processors.
        """
        if jobs is not None and days is not None:
            raise InputError("give either a number of jobs or of days, not both: the load ties them together")
        busy_cores = self.core_hours_per_day / 24
        if load is not None:
            cores = cores or self.cores
            if not cores:
                raise InputError(f"the twin of {self.of} does not know the machine's size: give cores with the load")
            busy_cores = load * cores
        if jobs is None:
            ratio = busy_cores / (self.core_hours_per_day / 24)
            jobs = self.jobs if days is None else max(1, round(self.jobs * days / self.days * ratio))
        return _Making(self, np.random.default_rng(seed), jobs).trace(busy_cores, seed)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the twin as YAML.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        writer = YAML()
        writer.default_flow_style = None
        writer.width = 120
        text = io.StringIO()
        text.write("# A statistical twin made by pwsim: typical values of a log, none of its jobs and users.\n")
        writer.dump(_plain(self.model_dump(exclude_defaults=True)), text)
        try:
            Path(path).write_text(text.getvalue(), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def read_twin(path: str | os.PathLike[str]) -> Twin:
    """Read and check a twin.

    Raises
    ------
    ScenarioError
        With every problem of the file: line, path of keys, what is wrong and what would be right.
    """
    document = read_document(Path(path), list(Twin.model_fields))
    try:
        return Twin.model_validate(document.data)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            document.add(*explain(fault, document.data, Twin))
    raise ScenarioError(str(path), document.problems)


class Activity:
    """Time that runs faster where more jobs arrive, and as fast as the clock on average over a week."""

    def __init__(self, hours: Sequence[float], weekdays: Sequence[float]) -> None:
        rate = np.outer(weekdays, hours).ravel()
        self._clock_s = np.arange(len(rate) + 1) * HOUR_S
        self._activity_s = np.concatenate(([0.0], np.cumsum(rate / rate.mean()))) * HOUR_S

    def of(self, clock_s: Floats) -> Floats:
        """Return activity time by the clock [s]."""
        return self._moved(clock_s, self._clock_s, self._activity_s)

    def clock(self, activity_s: Floats) -> Floats:
        """Return the clock by activity time [s]."""
        return self._moved(activity_s, self._activity_s, self._clock_s)

    @staticmethod
    def _moved(times_s: Floats, here_s: Floats, there_s: Floats) -> Floats:
        weeks_s = np.floor(times_s / WEEK_S) * WEEK_S
        moved: Floats = weeks_s + np.interp(times_s - weeks_s, here_s, there_s)
        return moved


class _Making:
    """One log in the making: series first, then their jobs."""

    def __init__(self, twin: Twin, random: np.random.Generator, jobs: int) -> None:
        self.twin, self.random = twin, random
        self.cells = [(size, one) for size in twin.sizes for one in size.estimates]
        weights = np.array([size.share * one.share / _total(size.estimates) for size, one in self.cells])
        counts: list[Integers] = []
        cells: list[Integers] = []
        while sum(int(one.sum()) for one in counts) < jobs:
            drawn = random.choice(len(self.cells), size=max(64, jobs // 2), p=weights / weights.sum())
            cells.append(drawn)
            counts.append(np.maximum(1, np.round(self._by_cell(drawn, "jobs", random.random(len(drawn))))).astype(int))
        count, cell = np.concatenate(counts), np.concatenate(cells)
        last = int(np.searchsorted(np.cumsum(count), jobs))  # the series that completes the jobs
        self.count, self.cell = count[: last + 1], cell[: last + 1]
        self.count[-1] -= int(self.count.sum()) - jobs
        self.series = np.repeat(np.arange(last + 1), self.count)

    def trace(self, busy_cores: float, seed: int) -> Trace:
        """Return the log, with as much work a second as ``busy_cores``."""
        random, series = self.random, self.series
        shapes = self._drawn([size.shapes for size, _ in self.cells])
        wanted = self._drawn([one.estimates for _, one in self.cells])
        estimate_s = np.array([one.estimate_s for one in wanted])[series]
        alike = np.sqrt(self.twin.likeness)
        score = alike * random.standard_normal(len(self.count))[series]
        score = score + np.sqrt(1 - self.twin.likeness) * random.standard_normal(len(series))
        accuracy = self._by_cell(self.cell[series], "accuracy", stats.norm.cdf(score))
        run_s = np.round(accuracy * estimate_s)
        procs = np.array([one.procs for one in shapes])[series]
        work = np.bincount(series, procs * run_s, minlength=len(self.count))
        span_s = max(float(work.sum()) / busy_cores, 1.0)
        activity_s = (self._starts(work, span_s)[series] + self._offsets()) % span_s
        ranks = np.arange(1, self.twin.users.number + 1, dtype=np.float64) ** -self.twin.users.exponent
        user = random.choice(len(ranks), size=len(self.count), p=ranks / ranks.sum())
        order = np.argsort(activity_s, kind="stable")
        shape_columns = {name: np.array([getattr(one, name) for one in shapes])[series][order] for name in _SHAPE}
        made = Trace.from_columns(
            {
                "submit_s": np.floor(Activity(self.twin.hours, self.twin.weekdays).clock(activity_s[order])),
                "run_s": run_s[order],
                "estimate_s": (estimate_s if self.twin.estimates_recorded else run_s)[order],
                "user": np.char.add("user", (user + 1).astype(str))[series][order],
                **shape_columns,
            },
            name=f"twin of {self.twin.of}, seed {seed}",
            header={"Version": "2.2", "Computer": f"made by pwsim, twin of {self.twin.of}, seed {seed}"}
            | ({"MaxProcs": str(self.twin.cores)} if self.twin.cores else {}),
        )
        return made

    def _drawn(self, choices: Sequence[Sequence[Any]]) -> list[Any]:
        """Return for each series one of its cell's choices, by their shares."""
        uniform = self.random.random(len(self.count))
        cumulated = [np.cumsum([one.share for one in some]) for some in choices]
        return [
            choices[cell][min(int(np.searchsorted(cumulated[cell], u * cumulated[cell][-1])), len(choices[cell]) - 1)]
            for cell, u in zip(self.cell.tolist(), uniform.tolist(), strict=True)
        ]

    def _by_cell(self, cell: Integers, table: str, uniform: Floats) -> Floats:
        """Return values of the cells' tables of quantiles."""
        values = np.empty(len(cell))
        for index, (_, one) in enumerate(self.cells):
            here = cell == index
            values[here] = interpolated(getattr(one, table), uniform[here])
        return values

    def _offsets(self) -> Floats:
        """Return when each job comes after the first of its series [s of activity]."""
        uniform, gap_s = self.random.random(len(self.series)), np.zeros(len(self.series))
        limits = [one.jobs_at_most for one in self.twin.gaps]
        kind = np.minimum(np.searchsorted(limits, self.count), len(limits) - 1)[self.series]
        for index, one in enumerate(self.twin.gaps):
            gap_s[kind == index] = interpolated(one.gap_s, uniform[kind == index])
        first = np.flatnonzero(np.diff(self.series, prepend=-1))
        gap_s[first] = 0.0
        passed_s = np.cumsum(gap_s)
        return passed_s - passed_s[first][self.series]

    def _starts(self, work: Floats, span_s: float) -> Floats:
        """Return the start of each series [s of activity]."""
        count = len(work)
        choices_s = self.random.random((count, 2)) * span_s
        day = (choices_s // DAY_S).astype(np.int64)
        held = self.random.random(count) < self.twin.held_back
        order = self.random.permutation(count)
        about = np.zeros(int(span_s // DAY_S) + 3)  # by day; one more on both sides
        taken = np.zeros(count, dtype=np.int64)
        for one in order.tolist():
            if held[one]:
                near = [about[at + 1] + (about[at] + about[at + 2]) / 2 for at in day[one]]
                taken[one] = int(near[1] < near[0])
            about[day[one, taken[one]] + 1] += work[one]
        return choices_s[np.arange(count), taken]


_SHAPE = ("procs", "gpus", "nodes", "memory_mib")


def interpolated(table: Sequence[float], uniform: Floats) -> Floats:
    """Return values of a table of quantiles, between its entries on a logarithmic scale."""
    values: Floats = np.exp(np.interp(uniform, QUANTILES, np.log(table)))
    return values


def _total(parts: Sequence[Any]) -> float:
    return sum(part.share for part in parts) or 1.0


def _plain(value: Any) -> Any:
    """Return tuples as lists, for YAML."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
