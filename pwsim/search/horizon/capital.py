"""Own nodes over the years: which may be bought when, how long they stand, and what they pay back.

Purchases are paid at the beginning of a year.  All else comes at the end of one: what a year costs to run, what nodes
are sold for, and what those are worth that still stand when the years are over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pwsim.cluster import Cluster, OnPremisesPool
from pwsim.costs import Residual, worth_share
from pwsim.prices import OnPremisesCost
from pwsim.search.horizon.question import Horizon


class Line(NamedTuple):
    """Nodes of one pool and type, which can stand for one another."""

    pool: int
    """Number of the pool."""
    type: int
    """Place of the type among the pool's; 0 where it has one."""
    cost: OnPremisesCost
    """What a node costs, today."""
    most: int
    """The most nodes that a setup has of it."""


class Cohort(NamedTuple):
    """Nodes of a line that are as old as one another."""

    line: int
    """Number of the line."""
    first_year: int
    """Year at whose beginning they are new, from 1; before, if they stand there at the start."""
    price_usd: float
    """Price of one [USD]."""
    nodes: int | None
    """How many; ``None`` where that is to be decided."""

    @property
    def is_bought(self) -> bool:
        """Whether they are bought in the years, if at all."""
        return self.nodes is None


class Capital:
    """All own nodes that there may be in the years.

    Parameters
    ----------
    horizon
        The years.
    cluster
        Pools with their choices, at what they cost today.
    discount_rate
        Interest a year.
    """

    def __init__(self, horizon: Horizon, cluster: Cluster, discount_rate: float) -> None:
        self.years, self.discount_rate = horizon.years, discount_rate
        self.sell_early = horizon.sell_early
        self._residual: Residual = horizon.residual
        self.lines: list[Line] = []
        """Lines, by pool and type."""
        self.cohorts: list[Cohort] = []
        """What stands at the start, and one for each year and line."""
        for index, pool in enumerate(cluster.pools):
            for place, one in enumerate(pool.as_types if isinstance(pool, OnPremisesPool) else ()):
                if isinstance(pool, OnPremisesPool) and one.cost is not None:
                    self._add(horizon, Line(index, place, one.cost, pool.nodes[-1]), pool)

    def _add(self, horizon: Horizon, line: Line, pool: OnPremisesPool) -> None:
        number = len(self.lines)
        self.lines.append(line)
        for owned in horizon.owned.get(pool.name, ()):
            if owned.type is None or pool.type_index(owned.type) == line.type:
                self.cohorts.append(Cohort(number, 1 - owned.age_years, line.cost.capex_usd, owned.nodes))
        for year in range(1, self.years + 1):
            price_usd = line.cost.capex_usd * (1 + horizon.capex_change) ** (year - 1)
            self.cohorts.append(Cohort(number, year, price_usd, None))

    def discount(self, years: int) -> float:
        """Return what a dollar is worth today that is paid after so many years."""
        return float((1 + self.discount_rate) ** -years)

    def last_year(self, cohort: Cohort) -> int:
        """Return the last year of a cohort's life."""
        return cohort.first_year + int(self.lines[cohort.line].cost.lifetime_years) - 1

    def stands(self, cohort: Cohort, year: int) -> bool:
        """Return whether nodes of a cohort stand in a year, if they are not sold before."""
        return cohort.first_year <= year <= self.last_year(cohort)

    def until(self, cohort: Cohort) -> int:
        """Return the last of the years in which a cohort stands, if it is not sold before."""
        return min(self.last_year(cohort), self.years)

    def may_be_sold_after(self, cohort: Cohort) -> range:
        """Return the years after which a cohort may be sold before its time; none if nothing may."""
        first = max(1, cohort.first_year)
        return range(first, self.until(cohort)) if self.sell_early else range(0)

    def worth_usd(self, cohort: Cohort, year: int) -> float:
        """Return what a node of a cohort is worth at the end of a year [USD of then]."""
        age, cost = year - cohort.first_year + 1, self.lines[cohort.line].cost
        return cohort.price_usd * worth_share(cost, age, self.discount_rate, self._residual)

    def paid_usd(self, cohort: Cohort) -> float:
        """Return the price of a node of a cohort, today's money [USD]; nothing of what stands at the start."""
        return cohort.price_usd * self.discount(cohort.first_year - 1) if cohort.is_bought else 0.0

    def back_usd(self, cohort: Cohort, year: int) -> float:
        """Return what a node that leaves at the end of a year pays back, or that is worth then, today's money [USD]."""
        return self.worth_usd(cohort, year) * self.discount(year)

    def of_line(self, line: int) -> Sequence[int]:
        """Return the numbers of the cohorts of a line."""
        return [number for number, one in enumerate(self.cohorts) if one.line == line]
