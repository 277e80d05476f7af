"""Limits on what runs at once, for each user, account, quality of service or partition (semantics §9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from pwsim.cluster.choices import alternatives
from pwsim.cluster.where import Where
from pwsim.common import Frozen

Resource = Literal["cores", "nodes", "gpus", "jobs"]
"""What a limit caps."""


class AtMost(Frozen):
    """The most that may be held at once."""

    cores: int | None = Field(default=None, ge=0, le=10**9)
    """Cores; where a job holds whole nodes, all of theirs."""
    nodes: int | None = Field(default=None, ge=0, le=10**9)
    """Nodes; in a pool of mere cores, as many as the job's processors fill, or as the log says that it had."""
    gpus: float | None = Field(default=None, ge=0, le=1e9, allow_inf_nan=False)
    """GPUs."""
    jobs: int | None = Field(default=None, ge=0, le=10**9)
    """Jobs that run."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not list(self.caps()):
            raise ValueError("must cap something: give cores, nodes, gpus or jobs, such as {cores: 384}")
        return self

    def caps(self) -> Iterator[tuple[Resource, float]]:
        """Yield what is capped, and at how much."""
        named: tuple[tuple[Resource, float | None], ...] = (
            ("cores", self.cores),
            ("nodes", self.nodes),
            ("gpus", self.gpus),
            ("jobs", self.jobs),
        )
        for resource, most in named:
            if most is not None:
                yield resource, most


class RunLimit(Frozen):
    """A limit on what runs at once; a job whose start would pass it is held."""

    at_most: AtMost
    """What may be held at once."""
    per: Literal["user", "account", "user_group", "qos", "partition", "all"]
    """For each of whom: each user, each account or group of users (the log's ``user_group``), each quality of service,
    each partition of the scenario, or all jobs together. A job of which the log does not tell is not under it."""
    where: Where = Where()
    """The jobs that it is about; all if left out."""


class LimitChoices(Frozen):
    """Alternatives for the search."""

    choices: tuple[Annotated[tuple[RunLimit, ...], Field(strict=False)], ...] = Field(
        strict=False, min_length=1, max_length=100
    )
    """Lists of limits, of which a setup has one; an empty list is no limit."""


if TYPE_CHECKING:
    LimitAlternatives = tuple[tuple[RunLimit, ...], ...]
else:
    LimitAlternatives = alternatives(RunLimit, LimitChoices)
