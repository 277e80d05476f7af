"""The form of a twin: what is told of a log, as checked classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pwsim.common import Frozen

QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 1.0)
"""Shares of the values that are at or below the entries of a table of quantiles."""

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


class Form(Frozen):
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
