"""What a scenario says of money: what own nodes cost, commitments to rent, and how all of it is counted.

The classes are keys of the scenario file; :mod:`pwsim.costs.annual` makes figures of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from pwsim.common import Frozen, Watts, expect, numeral
from pwsim.prices.tariffs import Electricity, parse_local
from pwsim.trace import Clock

Usd = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
RentUsd = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Grams = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


def _check_local(text: str) -> str:
    parse_local(text)
    return text


def _check_zone(name: str) -> str:
    return Clock(name).zone


LocalTime = Annotated[str, AfterValidator(_check_local)]
TimeZone = Annotated[str, AfterValidator(_check_zone)]


class OnPremisesCost(Frozen):
    """What a pool of one's own costs; by node unless said otherwise (semantics §8)."""

    capex_usd: Usd
    """Price of a node, with its share of racks, switches and installation [USD]."""
    lifetime_years: float = Field(gt=0, le=100, allow_inf_nan=False)
    """Years over which the price is written off."""
    residual_share: Share = 0.0
    """Share of the price that a node is sold for at the end of its life; discounted to today."""
    opex_usd_per_year: Usd = 0.0
    """Support, staff and space for a node, without energy [USD a year]."""
    licence_usd_per_core_per_year: Usd = 0.0
    """Licences that are paid by the core [USD a year and core]."""
    site_usd_per_year: Usd = 0.0
    """What the pool costs however many nodes it has, such as staff, a room or a support contract; nothing if it has
    none [USD a year]."""
    idle_power: Watts = 0.0
    """Power of an idle node [W]."""
    busy_power: Watts = 0.0
    """Power of a node whose cores, or whose GPUs, are all busy [W]; between, the larger share of both counts."""
    busy_power_per_core: Watts | None = None
    """Instead of ``busy_power``: what a busy core draws beyond the idle power of its node [W]."""
    busy_power_per_gpu: Watts | None = None
    """With ``busy_power_per_core``: what a busy GPU draws beyond the idle power of its node [W]."""
    pue: float = Field(default=1.0, ge=1, le=10, allow_inf_nan=False)
    """Power usage effectiveness: power of the whole site by power of the nodes."""
    electricity_usd_per_kwh: Electricity = 0.0
    """Price of electricity [USD/kWh], or a list of bands by hour and weekday, the first of which that holds counts."""
    carbon_g_per_kwh: Grams = 0.0
    """Carbon dioxide (equivalent) of a kilowatt-hour of electricity [g/kWh]."""

    @model_validator(mode="after")
    def _busy_power_in_one_way(self) -> Self:
        if self.busy_power_per_core is None and self.busy_power_per_gpu is None:
            return self
        if "busy_power" in self.model_fields_set:
            raise ValueError(
                "give either busy_power, or busy_power_per_core and for nodes with GPUs busy_power_per_gpu"
            )
        if self.busy_power_per_core is None:
            raise ValueError("busy_power_per_core is missing beside busy_power_per_gpu; it may be 0")
        return self

    @model_validator(mode="after")
    def _busy_above_idle(self) -> Self:
        if self.busy_power_per_core is None and self.busy_power < self.idle_power:
            busy, idle = numeral(self.busy_power), numeral(self.idle_power)
            raise ValueError(f"busy_power ({busy} W) must not be below idle_power ({idle} W)")
        return self


def _price_may_be_looked_up(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema that the price may come from the price table."""
    schema["required"] = [key for key in schema["required"] if key != "price_usd_per_hour"]


def _count_or_best(value: Any) -> Any:
    """Return the ``best`` that stands for a number; all else is to be one."""
    if isinstance(value, str) and value != "best":
        raise ValueError(f"must be a number of nodes, or best (got {value!r})")
    return value


MOST_COMMITTED = 1_000_000
CommittedNodes = Annotated[
    Annotated[Literal["best"], Tag("best")] | Annotated[int, Field(ge=1, le=MOST_COMMITTED), Tag("number")],
    Discriminator(lambda value: "best" if value == "best" else "number"),
    BeforeValidator(_count_or_best),
]
"""Number of committed nodes, or ``best``."""


class Commitment(Frozen):
    """Nodes that one has promised to pay for, used or not."""

    model_config = ConfigDict(json_schema_extra=_price_may_be_looked_up)

    kind: Literal["reserved", "savings"] = "reserved"
    """``reserved``: of so many nodes of this type; ``savings``: of so much money, here what so many nodes cost."""
    term: Literal["1yr", "3yr"]
    """How long the promise is."""
    nodes: CommittedNodes
    """Number of nodes, or ``best``: for every setup the number that makes it cheapest, by its own use (semantics §8);
    of several terms that are ``best``, the cheapest is taken."""
    price_usd_per_hour: RentUsd
    """Price of a node for every hour of the year [USD/h]; from the price table if the pool names an ``instance``."""
    price_date: str = ""
    """When that was the price; from the price table, like the price."""
    price_source: str = ""
    """Who said so; from the price table, like the price."""

    @property
    def market(self) -> str:
        """What the price table calls it."""
        return f"{self.kind}_{self.term}"


def _money_or_best(value: Any) -> Any:
    """Return the ``best`` that stands for an amount; all else is to be one."""
    if isinstance(value, str) and value != "best":
        raise ValueError(f"must be an amount of USD an hour, or best (got {value!r})")
    return value


Promised = Annotated[
    Annotated[Literal["best"], Tag("best")] | Annotated[RentUsd, Tag("number")],
    Discriminator(lambda value: "best" if value == "best" else "number"),
    BeforeValidator(_money_or_best),
]
"""Money by the hour that one promises [USD/h], or ``best``."""
PlanName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


class SavingsPlan(Frozen):
    """Money that one has promised to pay every hour for rented nodes of several pools, used or not (semantics §8)."""

    name: PlanName
    """Name of the plan: letters, digits, ``_`` and ``-``."""
    term: Literal["1yr", "3yr"]
    """How long the promise is; nodes cost what their pools give as the savings price of that term."""
    usd_per_hour: Promised
    """Money for every hour of the year [USD/h], or ``best``: for every setup what makes it cheapest, by its own use."""
    pools: tuple[str, ...] | None = Field(default=None, strict=False, max_length=100)
    """Pools whose nodes it covers; if left out, all that are rented on demand and have a savings price of its term."""


class SiteCost(Frozen):
    """One thing that is paid whatever setup is chosen."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    """What it is."""
    usd_per_year: Usd
    """What it costs [USD a year]."""


class Economics(Frozen):
    """How money is counted."""

    currency: Literal["USD"] = "USD"
    """Currency of every figure of money."""
    discount_rate: float = Field(default=0.05, ge=0, le=1, allow_inf_nan=False)
    """Interest a year, such as 0.05, for the annuity of what is bought (semantics §8)."""
    site: tuple[SiteCost, ...] = Field(default=(), strict=False, max_length=100)
    """What is paid whatever setup is chosen, such as staff."""
    savings_plans: tuple[SavingsPlan, ...] = Field(default=(), strict=False, max_length=20)
    """Promises of money that rented nodes of several pools share."""
    carbon_usd_per_tonne: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False)
    """Price of a tonne of carbon dioxide [USD/t]; what is emitted is then a part of the cost."""
    start: LocalTime | None = None
    """Local date and time of the first submission that is replayed, such as ``2026-01-01T00:00``, for tariffs by the
    hour; from the log's header if left out."""
    time_zone: TimeZone | None = None
    """Zone of the site's clock, such as ``Europe/Paris``, by which hours of tariffs follow summer time; from the log's
    header if left out."""
    prices: Annotated[str, Field(min_length=1)] | None = None
    """A price table in CSV, relative to the scenario file, whose rows come before those of the shipped table."""

    @model_validator(mode="after")
    def _start_exists(self) -> Self:
        if self.start is not None and self.time_zone is not None:
            local, zone = parse_local(self.start), ZoneInfo(self.time_zone)
            if local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
                raise ValueError(
                    f"start: the clock of {self.time_zone} never shows {self.start}; give a time that it does"
                )
        return self

    @model_validator(mode="after")
    def _plans_differ_in_name(self) -> Self:
        names = [one.name for one in self.savings_plans]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"savings_plans: names must differ; {twice[0]!r} occurs {names.count(twice[0])} times")
        return self

    @property
    def site_usd_per_year(self) -> float:
        """What is paid whatever setup is chosen [USD a year]."""
        return sum(one.usd_per_year for one in self.site)


UNDISCOUNTED = Economics(discount_rate=0.0)
"""How money is counted where nobody says: without interest."""


def economics_of(given: Economics | Mapping[str, Any]) -> Economics:
    """Return how money is counted, given as such or as a mapping of its keys.

    Raises
    ------
    TypeError, InputError
        If it is neither, or a value is wrong.

    Examples
    --------
    >>> economics_of({"discount_rate": 0.08}).discount_rate
    0.08
    """
    right = "an Economics, such as Economics(discount_rate=0.05), or a mapping, such as {'discount_rate': 0.05}"
    expect(given, (Economics, Mapping), "economics", right)
    return given if isinstance(given, Economics) else Economics(**given)
