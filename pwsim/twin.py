"""A log's statistical twin: what is typical of a log, as a short text that holds no job and no user of it.

Jobs come in *series*: jobs of one user with the same size and the same estimate, each at most
an hour of activity after the one before.  A twin holds

- how arrivals vary with the hour and the weekday.  All else about time is in *activity time*, which runs faster where
  more jobs arrive, so that it knows no cycles;
- classes of size, within them classes of estimate, and for each of these the share of series, the popular sizes and
  estimates, the jobs a series and how much of its estimate a job runs;
- how alike the jobs of a series are in that, and the gaps between them;
- how many users there are, and how many series a user has;
- how much periods of four weeks differ (``tide``), and how far users hold back while much work is about.  Starts of
  series drawn at random would make the work swing more from day to day than in real logs, and waits come out too long.
  So a share ``held_back`` of the series, drawn at random, each take the one of two random half days on which less work
  has been submitted so far.  That users react to the load is known (reference below); to say it in one number is ours.

Tables of quantiles are interpolated on a logarithmic scale.  :func:`pwsim.fitting.fit` makes a twin from a log.

References
----------
E. Shmueli, D. G. Feitelson: On simulation and design of parallel-systems schedulers: are we doing the right thing?
IEEE Trans. Parallel Distrib. Syst. 20(7), 2009, doi:10.1109/TPDS.2008.152.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML

from pwsim.document import read_document
from pwsim.errors import InputError, ScenarioError
from pwsim.explain import problems
from pwsim.making import QUANTILES, Making
from pwsim.schema import Frozen
from pwsim.trace import Trace
from pwsim.writing import new_file

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
    estimates: tuple[Estimate, ...] = Field(default=(), strict=False)
    """The popular estimates."""
    rare_share: Share = 0.0
    """Share of the series of its class with an estimate that is not popular."""
    rare_s: Table | None = None
    """Quantiles of the estimates that are not popular [s]."""
    jobs: Table
    """Quantiles of the jobs of a series."""
    accuracy: Table
    """Quantiles of run time over estimate, of all jobs."""
    longest_run_s: Positive
    """No job runs longer [s], whatever the accuracy says of a long estimate."""


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
    series: Table
    """Quantiles of the series of a user."""


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
    tide: float = Field(default=0.0, ge=0, le=3, allow_inf_nan=False)
    """Standard deviation of ln(work submitted) between periods of four weeks, beyond what chance gives."""
    held_back: Share
    """Share of the series that take the quieter of two half days."""
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
                if (one.rare_s is None) != (one.rare_share == 0):
                    raise ValueError(f"sizes.{place}.estimates.{index} must have both rare_share and rare_s, or none")
                if not one.rare_share:
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
            Processors that the load refers to; those of the log's machine if left out.  Jobs stay as wide as they are:
            a note counts those that are wider.
        seed
            Seed of the random numbers; the same seed gives the same log.

        Raises
        ------
        InputError
            If both jobs and days are given, or a load but no processors, or processors but no load.
        """
        if jobs is not None and days is not None:
            raise InputError("give either a number of jobs or of days, not both: the load ties them together")
        if cores is not None and load is None:
            raise InputError(f"cores say to what the load refers: give a load with them (got cores {cores} alone)")
        cores = cores or self.cores
        busy_cores = self.core_hours_per_day / 24
        if load is not None:
            if not cores:
                raise InputError(f"the twin of {self.of} does not know the machine's size: give cores with the load")
            busy_cores = load * cores
        if jobs is None:
            ratio = busy_cores / (self.core_hours_per_day / 24)
            jobs = self.jobs if days is None else max(1, round(self.jobs * days / self.days * ratio))
        return Making(self, jobs, seed).trace(busy_cores, cores)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the twin as YAML.

        Raises
        ------
        InputError, MachineError
            If the file cannot be written.
        """
        writer = YAML()
        writer.default_flow_style = None
        writer.width = 120
        text = io.StringIO()
        text.write("# A statistical twin made by pwsim: typical values of a log, none of its jobs and users.\n")
        shares = ", ".join(f"{100 * one:g}" for one in QUANTILES)
        text.write(f"# Tables (jobs, accuracy, gap_s, rare_s, series) give the values that {shares} % do not exceed.\n")
        writer.dump(_plain(self.model_dump(exclude_defaults=True)), text)
        with new_file(Path(path)) as beside:
            beside.write_text(text.getvalue(), encoding="utf-8")


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
        document.add_all(problems(error, document.data, Twin))
    raise ScenarioError(str(path), document.problems)


def _plain(value: Any) -> Any:
    """Return tuples as lists, for YAML."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
