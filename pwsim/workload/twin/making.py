"""Logs from a statistical twin (:mod:`.twin`): first series of jobs, then their jobs, then when they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy

from pwsim.common import DAY_S, HOUR_S, WEEK_S
from pwsim.trace import Floats, Integers, Trace
from pwsim.workload.twin.form import QUANTILES, Form

SLOT_S = DAY_S / 2
"""Users hold back if in the half day of their choice, and half of what is before and after it, there is more work."""
TIDE_S = 4 * WEEK_S
"""Length of the periods that differ in how much is submitted [s of activity]."""
_RARE_S = 1e-3
"""Stands for an estimate that is not popular, until it is drawn [s]."""
_SHAPE = ("procs", "gpus", "nodes", "memory_mib")


class Activity:
    """Time that runs faster where more jobs arrive, and as fast as the clock on average over a week."""

    def __init__(self, hours: Sequence[float], weekdays: Sequence[float]) -> None:
        rate = np.outer(weekdays, hours).ravel()
        self._clock_s: Floats = np.arange(len(rate) + 1, dtype=np.float64) * HOUR_S
        self._activity_s: Floats = np.zeros(len(rate) + 1, dtype=np.float64)
        self._activity_s[1:] = np.cumsum(rate / rate.mean()) * HOUR_S

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


class Making:
    """One log in the making: series first, then their jobs."""

    def __init__(self, twin: Form, jobs: int, seed: int) -> None:
        self.twin, self.seed = twin, seed
        self.random = random = np.random.default_rng(seed)
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

    def trace(self, busy_cores: float, cores: int) -> Trace:
        """Return the log, with as much work a second as ``busy_cores``, for a machine of ``cores`` (0: not known)."""
        random, series = self.random, self.series
        shapes = self._drawn([[(shape, shape.share) for shape in size.shapes] for size, _ in self.cells])
        estimate_s = self._estimates()[series]
        alike = np.sqrt(self.twin.likeness)
        score = alike * random.standard_normal(len(self.count))[series]
        score = score + np.sqrt(1 - self.twin.likeness) * random.standard_normal(len(series))
        accuracy = self._by_cell(self.cell[series], "accuracy", scipy.stats.norm.cdf(score))
        longest_s = np.array([one.longest_run_s for _, one in self.cells])[self.cell]
        run_s = np.round(np.minimum(accuracy * estimate_s, longest_s[series]))
        procs = np.array([one.procs for one in shapes])[series]
        work: Floats = np.bincount(series, procs * run_s, minlength=len(self.count)).astype(np.float64)
        span_s = max(float(work.sum()) / busy_cores, 1.0)
        activity_s = (self._starts(work, span_s)[series] + self._offsets()) % span_s
        usual = interpolated(self.twin.users.series, np.linspace(1, 0, self.twin.users.number))  # user1 has most
        user = random.choice(len(usual), size=len(self.count), p=usual / usual.sum())
        activity_s -= activity_s.min()  # hours are counted from the first submission, here as in the log
        order = np.argsort(activity_s, kind="stable")
        shape_columns = {name: np.array([getattr(one, name) for one in shapes])[series][order] for name in _SHAPE}
        too_wide = int(np.count_nonzero(procs > cores)) if cores else 0
        note = f"jobs that are wider than the machine of {cores:,} cores: {too_wide:,}, up to {procs.max():,} cores"
        header = {
            "Version": "2.2",
            "Computer": f"made by pwsim, twin of {self.twin.of}, seed {self.seed}",
            **({"MaxProcs": str(cores)} if cores else {}),
            **({"Note": note} if too_wide else {}),
        }
        return Trace.from_columns(
            {
                "submit_s": np.floor(Activity(self.twin.hours, self.twin.weekdays).clock(activity_s[order])),
                "run_s": run_s[order],
                "estimate_s": (estimate_s if self.twin.estimates_recorded else run_s)[order],
                "user": np.char.add("user", (user + 1).astype(str))[series][order],
                **shape_columns,
            },
            name=f"twin of {self.twin.of}, seed {self.seed}",
            header=header,
            notes=(note,) if too_wide else (),
        )

    def _drawn(self, choices: Sequence[Sequence[tuple[Any, float]]]) -> list[Any]:
        """Return for each series one of its cell's choices, by their shares."""
        uniform = self.random.random(len(self.count))
        drawn: list[Any] = [None] * len(uniform)
        for cell, some in enumerate(choices):
            here = np.flatnonzero(self.cell == cell)
            cumulated = np.cumsum([share for _, share in some])
            places = np.searchsorted(cumulated, uniform[here] * cumulated[-1], side="right")
            for one, place in zip(here.tolist(), np.minimum(places, len(some) - 1).tolist(), strict=True):
                drawn[one] = some[place][0]
        return drawn

    def _estimates(self) -> Floats:
        """Return the estimate of each series [s]."""
        choices = [
            [*((part.estimate_s, part.share) for part in one.estimates), (_RARE_S, one.rare_share)]
            for _, one in self.cells
        ]
        estimate_s = np.array(self._drawn(choices))
        uniform = self.random.random(len(estimate_s))
        for index, (_, one) in enumerate(self.cells):
            if one.rare_s:
                here = (self.cell == index) & (estimate_s == _RARE_S)
                estimate_s[here] = np.ceil(interpolated(one.rare_s, uniform[here]))
        return estimate_s

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
        tides = np.exp(self.twin.tide * self.random.standard_normal(int(span_s // TIDE_S) + 2))
        edges_s = np.minimum(np.arange(len(tides) + 1) * TIDE_S, span_s)
        passed = np.append(0.0, np.cumsum(tides * np.diff(edges_s)))
        choices_s = np.interp(self.random.random((count, 2)) * passed[-1], passed, edges_s)
        slot = (choices_s // SLOT_S).astype(np.int64)
        held = self.random.random(count) < self.twin.held_back
        about = np.zeros(int(span_s // SLOT_S) + 3)  # by half day; one more on both sides
        usual = tides[(np.arange(len(about)) * SLOT_S // TIDE_S).astype(np.int64)]
        taken = np.zeros(count, dtype=np.int64)
        for one in self.random.permutation(count).tolist():
            if held[one]:
                near = [(about[at + 1] + (about[at] + about[at + 2]) / 2) / usual[at] for at in slot[one]]
                taken[one] = int(near[1] < near[0])
            about[slot[one, taken[one]] + 1] += work[one]
        starts_s: Floats = choices_s[np.arange(count), taken]
        return starts_s


def interpolated(table: Sequence[float], uniform: Floats) -> Floats:
    """Return values of a table of quantiles, between its entries on a logarithmic scale."""
    values: Floats = np.exp(np.interp(uniform, QUANTILES, np.log(table)))
    return values


def _total(parts: Sequence[Any]) -> float:
    return sum(part.share for part in parts) or 1.0
