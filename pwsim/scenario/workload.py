"""What a scenario says under ``workload:``: which jobs, and how they are changed before they are replayed.

The keys are the names of the functions in :mod:`.edit`, :mod:`.resampling`, :mod:`.flurries` and
:mod:`pwsim.workload.feedback`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pwsim import workload
from pwsim.cluster import Where
from pwsim.common import Frozen, PositiveSeconds, Seconds
from pwsim.scenario.logs import Log
from pwsim.trace import Trace
from pwsim.workload import feedback, flurries, resampling

Factor = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Change = Callable[[Trace], Trace]


class Window(Frozen):
    """A part of the log."""

    start: Seconds = 0.0
    """Start, from the first submission of the log [s]."""
    length: PositiveSeconds | None = None
    """Length [s]; to the end of the log if left out."""


class Source(Log):
    """A log, and the part of it that is used."""

    window: Window | None = None
    """The part of the log that is replayed; all of it if left out."""
    where: Where | None = None
    """Only the jobs that are like this; the others are counted as left out."""
    load: Factor = 1.0
    """Arrivals are compressed so that the offered load is this many times the log's."""

    data_gib: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)
    """Data that a job brings along and takes home, for jobs whose data the log does not tell [GiB]; what the
    workload says goes for the jobs of its mix too."""

    def chosen(self) -> Iterator[tuple[str, Change]]:
        """Yield the key and the function of what chooses the jobs."""
        window, where = self.window, self.where
        if window is not None:
            yield "window", lambda trace: workload.window(trace, window.start, window.length)
        if where is not None:
            yield "where", lambda trace: workload.keep(trace, **where.conditions())

    def told(self) -> Iterator[tuple[str, Change]]:
        """Yield the key and the function of what jobs' data are."""
        if self.data_gib:
            yield "data_gib", lambda trace: workload.with_data(trace, self.data_gib)

    def compressed(self) -> tuple[str, Change]:
        """Return the key and the function of what changes the load."""
        return "load", lambda trace: workload.compress(trace, self.load)


class Mix(Source):
    """A second log, whose jobs are added from the first submission on."""

    queue: Annotated[str, Field(min_length=1)]
    """Queue that its jobs are in, and the beginning of its users' names."""

    def jobs(self, folder: Path) -> Trace:
        """Read its jobs."""
        trace = self.read(folder)
        for _, change in (*self.chosen(), *self.told(), self.compressed()):
            trace = change(trace)
        return trace


class Resample(Frozen):
    """Other users who do what those of the log did, drawn anew by whole weeks."""

    users: Factor = 1.0
    """How many times as many users."""
    weeks: int | None = Field(default=None, ge=1, le=10_000)
    """Length [weeks]; that of the log if left out."""


class Grow(Frozen):
    """Growth from the start of the log to its end."""

    factor: Factor
    """Rate of jobs at the end, over that at the start of the log."""
    by: Literal["arrivals", "jobs"] = "arrivals"
    """``arrivals``: the same jobs ever denser; ``jobs``: weeks of more users, or of fewer."""


class Faster(Frozen):
    """Faster nodes for a class of jobs: run times and estimates are divided by a factor."""

    factor: Factor
    """How many times as fast; below 1 is slower."""
    where: Where = Where()
    """Which jobs; all if left out."""

    def speed_up(self, trace: Trace) -> Trace:
        """Return the trace with these jobs faster."""
        return workload.faster(trace, self.factor, **self.where.conditions())


class Feedback(Frozen):
    """Users who submit a job when the one that they followed in the log has ended (a closed loop)."""

    max_think: Seconds = feedback.MAX_THINK_S
    """Longest time from the end of a job to the submission of one that follows it; after it, a session begins [s]."""


class Workload(Source):
    """The jobs, and how they are changed.

    Changes are made in the order window, where, remove_flurries, resample, grow, mix, data_gib,
    faster, load, shake; what follows what (feedback) is looked up in the log's times, before they are changed.
    """

    remove_flurries: bool = False
    """Whether surges of one user that swamp the log are left out, and counted; they are reported in any case."""
    resample: Resample | None = None
    """More, fewer or other users, drawn anew from the log by whole weeks."""
    grow: Grow | None = None
    """Growth over the length of the log."""
    feedback: Feedback | None = None
    """Jobs are submitted when those that they followed in the log have ended; if left out, at the log's times."""
    mix: Mix | None = None
    """A second log whose jobs are added in a queue of their own."""
    faster: tuple[Faster, ...] = Field(default=(), strict=False)
    """Classes of jobs that run faster, one after another."""
    shake: Seconds = 0.0
    """Each submission is moved by a random time of at most this, either way [s]."""

    def losing_the_hours(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield the keys of changes after which jobs come at other hours than users do, and what to do instead."""
        grow, mix = self.grow, self.mix
        if grow is not None and grow.by == "arrivals" and grow.factor != 1:
            yield ("grow", "by"), "grow `by: jobs` instead, which keeps the hours"
        if mix is not None and mix.load != 1:
            yield ("mix", "load"), "leave it out; for more of these jobs, mix a log whose users were resampled"
        if self.load != 1:
            yield ("load",), f"use `resample: {{users: {self.load:g}}}` instead, which keeps the hours"

    def steps(self, folder: Path, seed: int) -> Iterator[tuple[str, Change]]:
        """Yield the key and the function of each change that is asked for, in order.

        Parameters
        ----------
        folder
            Where paths start.
        seed
            Seed of everything random.
        """
        yield from self.chosen()
        resample, grow, mix, loop = self.resample, self.grow, self.mix, self.feedback
        if self.remove_flurries:
            yield "remove_flurries", flurries.without_flurries
        if resample is not None:
            yield (
                "resample",
                lambda trace: resampling.resample(trace, users=resample.users, weeks=resample.weeks, seed=seed),
            )
        growth: list[tuple[str, Change]] = []
        if grow is not None:
            growth = [("grow", lambda trace: resampling.grow(trace, grow.factor, by=grow.by, seed=seed))]
        if loop is not None:
            found: tuple[str, Change] = "feedback", lambda trace: feedback.with_feedback(trace, loop.max_think)
            growth = [*growth, found] if grow and grow.by == "jobs" else [found, *growth]
        yield from growth
        if mix is not None:
            yield "mix", lambda trace: workload.mix(trace, mix.jobs(folder), mix.queue)
        yield from self.told()
        for index, one in enumerate(self.faster):
            yield f"faster.{index}", one.speed_up
        yield self.compressed()
        if self.shake:
            yield "shake", lambda trace: workload.shake(trace, self.shake, seed)
