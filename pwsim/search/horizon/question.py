"""What a scenario says under ``horizon:``: the years to plan for, and how load, targets and prices change in them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from pwsim.cluster import CloudPool, Cluster, OnPremisesPool, Where
from pwsim.common import Frozen, Place, listed, numeral
from pwsim.common import count as count_text
from pwsim.costs import Residual
from pwsim.search.objective import Objective
from pwsim.search.options import count, in_space
from pwsim.search.replications import Replications, share_of
from pwsim.search.targets import Target

MOST_YEARS = 30
"""Years beyond which nobody plans."""
MOST_LEVEL = 1000.0
"""How many times its load a workload may grow to."""
MOST_SETUPS = 200_000
"""Setups of a cluster beyond which its years are not planned: each year looks at all of their bounds."""


def _parse_growth(value: object) -> object:
    """Return the growth from each year to the next, or one for all."""
    given = value if isinstance(value, list | tuple) else [value]
    for one in given:
        if not isinstance(one, int | float) or isinstance(one, bool) or not -1 < one <= MOST_LEVEL:
            raise ValueError(
                f"must be the growth a year, such as 0.2 for a fifth more (above -1, at most {MOST_LEVEL:,.0f}), or a "
                f"list of the growth from each year to the next; {str(one)[:40]!r} is not"
            )
    if not given:
        raise ValueError("must be the growth a year, such as 0.2, or a list with one for each year but the first")
    return tuple(map(float, given))


_RATE = {"type": "number", "exclusiveMinimum": -1, "maximum": MOST_LEVEL}
Growth = Annotated[
    tuple[float, ...],
    BeforeValidator(_parse_growth),
    PlainSerializer(lambda growth: growth[0] if len(growth) == 1 else list(growth)),
    WithJsonSchema({"anyOf": [_RATE, {"type": "array", "items": _RATE, "minItems": 1}], "examples": [0.2]}),
]


def levels(growth: Sequence[float], years: int) -> list[float]:
    """Return how many times the load of the first year each year has.

    Examples
    --------
    >>> levels((1.0,), 3), levels((1.0, 0.0), 3)
    ([1.0, 2.0, 4.0], [1.0, 2.0, 2.0])
    """
    each = list(growth) * (years - 1) if len(growth) == 1 else growth
    return list(itertools.accumulate((1 + one for one in each), initial=1.0, func=lambda level, by: level * by))


class GrowingJobs(Frozen):
    """A class of jobs that grows otherwise."""

    where: Where
    """Which jobs."""
    load_growth: Growth
    """By which share their load grows each year, or a list as for all jobs."""


class YearTarget(Target):
    """A target from some year on, in the place of one of the scenario on the same measure."""

    from_year: int = Field(ge=1, le=MOST_YEARS)
    """The first year in which it holds; years are counted from 1."""

    def replaces(self, other: Target) -> bool:
        """Return whether another target is about the same, from the same side."""
        same = (self.metric, self.statistic, self.where) == (other.metric, other.statistic, other.where)
        return same and (self.at_most is None) == (other.at_most is None)

    def plain(self) -> Target:
        """Return the target without its year."""
        return Target(**self.model_dump(exclude={"from_year"}))


class OwnedNodes(Frozen):
    """Nodes that stand there at the start."""

    nodes: int = Field(ge=1, le=1_000_000)
    """How many."""
    age_years: int = Field(ge=0, le=100)
    """How old they are at the start [years]."""
    type: str | None = None
    """Their type, of a pool that has several to choose from."""


OwnedCohorts = Annotated[tuple[OwnedNodes, ...], Field(strict=False, min_length=1, max_length=100)]


class Horizon(Frozen):
    """Years to plan for: what to buy, rent and retire when.

    Examples
    --------
    >>> horizon = Horizon(years=3, load_growth=0.5)
    >>> levels(horizon.load_growth, horizon.years)
    [1.0, 1.5, 2.25]
    """

    years: int = Field(ge=1, le=MOST_YEARS)
    """How many years; the workload is that of the first."""
    load_growth: Growth = (0.0,)
    """By which share the load grows each year, such as 0.2: by more jobs, which keep their hours.  Or a list with the
    growth from each year to the next."""
    classes: tuple[GrowingJobs, ...] = Field(default=(), strict=False, max_length=20)
    """Classes of jobs that grow otherwise; of several that a job belongs to, the first counts."""
    targets: tuple[YearTarget, ...] = Field(default=(), strict=False, max_length=100)
    """Targets from some year on, in the place of the scenario's on the same measure, or besides."""
    owned: dict[str, Annotated[tuple[OwnedNodes, ...], Field(strict=False, min_length=1, max_length=100)]] = Field(
        default={}
    )
    """Nodes that stand there at the start, by pool: they cost no purchase."""
    capex_change: float = Field(default=0.0, gt=-1, le=10, allow_inf_nan=False)
    """By which share the price of own nodes changes each year, such as -0.1."""
    residual: Residual = "annuity"
    """What own nodes are worth at the end of the years, and if they are sold: what is left to pay of their price by
    ``annuity``, as a year's cost counts it; or ``linear``, a price that falls evenly over their life; or ``none``."""
    sell_early: bool = False
    """Whether own nodes may be sold at the end of any year for what they are worth; else they stand until the end of
    their life, switched off if they are not needed."""

    @model_validator(mode="after")
    def _years_agree(self) -> Self:
        told = [("load_growth", self.load_growth)]
        told += [(f"classes.{place}.load_growth", one.load_growth) for place, one in enumerate(self.classes)]
        for key, growth in told:
            if len(growth) > 1 and len(growth) != self.years - 1:
                raise ValueError(
                    f"{key}: has {len(growth)} numbers, but {self.years} years have {self.years - 1} steps from one to "
                    "the next: give as many numbers, or one for all"
                )
            for level in levels(growth, self.years):
                if not 1 / MOST_LEVEL <= level <= MOST_LEVEL:
                    raise ValueError(
                        f"{key}: comes to {numeral(level, 4)} times the load of the first year, which is not between "
                        f"1/{MOST_LEVEL:,.0f} and {MOST_LEVEL:,.0f}"
                    )
        for place, one in enumerate(self.targets):
            if one.from_year > self.years:
                raise ValueError(f"targets.{place}.from_year: {one.from_year} is after the last of {self.years} years")
        return self

    @property
    def grows(self) -> bool:
        """Whether the load of some jobs changes."""
        return any(any(one) for one in (self.load_growth, *(each.load_growth for each in self.classes)))

    def targets_of(self, year: int, targets: Sequence[Target]) -> tuple[Target, ...]:
        """Return the targets of a year, counted from 1, where the scenario has others."""
        found = list(targets)
        for one in sorted(self.targets, key=lambda one: one.from_year):
            if one.from_year <= year:
                replaced = [one.plain() if one.replaces(other) else other for other in found]
                found = replaced if one.plain() in replaced else [*found, one.plain()]
        return tuple(found)


def shares_of_years(horizon: Horizon | None) -> dict[str, float | None]:
    """Return the shares of draws that targets of some years ask for, by their key."""
    told = enumerate(() if horizon is None else horizon.targets)
    return {f"horizon.targets.{place}.in_share": one.in_share for place, one in told}


def _own_choices(cluster: Cluster) -> int:
    """Return how many choices of own nodes and their types there are."""
    return math.prod(count(pool) for pool in cluster.pools if isinstance(pool, OnPremisesPool))


def error_of_each(
    horizon: Horizon, cluster: Cluster, targets: Sequence[Target], replications: Replications | None
) -> float:
    """Return what part of the error each year and choice of own nodes has, where targets ask for a share of draws."""
    years = range(1, horizon.years + 1)
    drawn = sum(share_of(horizon.targets_of(year, targets)) is not None for year in years)
    return math.nan if replications is None else replications.error / max(1, drawn * _own_choices(cluster))


def faults_on_draws(
    horizon: Horizon, cluster: Cluster, targets: Sequence[Target], replications: Replications | None
) -> Iterator[tuple[Place, str]]:
    """Yield it if there are too few draws for the error of a whole plan."""
    asked = (share_of(horizon.targets_of(year, targets)) for year in range(1, horizon.years + 1))
    share = max((one for one in asked if one is not None), default=None)
    if share is None or replications is None or replications.margin >= share:
        return
    error = error_of_each(horizon, cluster, targets, replications)
    if replications.n < (enough := replications.model_copy(update={"error": error}).least_n(share)):
        message = (
            f"{count_text(replications.n, 'draw')} cannot show that setups hold in a share of {numeral(share)}, for "
            f"horizon shares the error {numeral(replications.error)} out to its years and choices of own nodes: write "
            f"{enough:,} at least, or allow a larger margin or error"
        )
        yield ("replications", "n"), message


def faults(
    horizon: Horizon, cluster: Cluster, targets: Sequence[Target], objective: Objective | None
) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong between a horizon and the rest of a scenario, each with the path of keys that it is about."""
    if objective is not None:
        yield ("horizon",), "plans for the least cost, so it does not go with minimise: leave one of them out"
    every: list[tuple[Place, Target]] = [(("targets", place), one) for place, one in enumerate(targets)]
    every += [(("horizon", "targets", place), one) for place, one in enumerate(horizon.targets)]
    for place, one in every:
        if one.metric == "cost_usd_per_year":
            yield place, "limits a year's cost with purchases as annuities, but horizon plans when to buy: leave it out"
    if horizon.grows and cluster.dependencies is not None:
        yield (
            ("cluster", "dependencies"),
            "which job waits for which is not known of jobs that are added: leave it out, or horizon.load_growth",
        )
    if (setups := in_space(cluster)) > MOST_SETUPS:
        yield ("horizon",), f"plans for at most {MOST_SETUPS:,} setups (got {setups:,}): allow fewer, by larger steps"
    for index, pool in enumerate(cluster.pools):
        yield from _faults_of_pool(("cluster", "pools", index), pool)
    yield from _faults_of_owned(horizon, cluster)


def _faults_of_pool(place: Place, pool: OnPremisesPool | CloudPool) -> Iterator[tuple[Place, str]]:
    for one in pool.as_types:
        own = None if isinstance(one, CloudPool) else one.cost
        if own is not None and own.lifetime_years != int(own.lifetime_years):
            yield (
                place,
                f"horizon plans by whole years: give whole lifetime_years (got {numeral(own.lifetime_years)})",
            )


def _faults_of_owned(horizon: Horizon, cluster: Cluster) -> Iterator[tuple[Place, str]]:
    pools: dict[str, Any] = {pool.name: pool for pool in cluster.pools}
    own = [name for name, pool in pools.items() if isinstance(pool, OnPremisesPool)]
    for name, owned in horizon.owned.items():
        if name not in own:
            yield ("horizon", "owned"), f"{name!r} is no pool of own nodes; these are: {listed(own) or 'none'}"
            continue
        for index, one in enumerate(owned):
            place: Place = ("horizon", "owned", name, index)
            types = [kind.name for kind in pools[name].types]
            if (one.type is None) == bool(types) or (types and one.type not in types):
                wanted = f"one of {', '.join(types)}" if types else "left out: the pool has one type"
                yield (*place, "type"), f"must be {wanted} (got {one.type!r})"
                continue
            node = pools[name].as_types[types.index(one.type) if one.type else 0]
            if node.cost is not None and one.age_years >= node.cost.lifetime_years:
                lifetime = numeral(node.cost.lifetime_years)
                yield (
                    (*place, "age_years"),
                    f"{one.age_years} is at or beyond the nodes' lifetime_years ({lifetime}): leave them out",
                )
