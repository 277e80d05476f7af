"""What was found of some years: the plan, its proof, and the tables and words that tell of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from pwsim.cluster import Cluster
from pwsim.costs import capital_recovery_factor
from pwsim.prices import Economics
from pwsim.search.horizon.capital import Capital
from pwsim.search.horizon.programme import Programme, Purchases
from pwsim.search.horizon.question import Horizon
from pwsim.search.horizon.year import Year
from pwsim.search.judging import Evaluation
from pwsim.search.options import in_space
from pwsim.search.plan import Stop

Status = Literal["optimal", "best_found", "infeasible", "unknown"]


@dataclass(frozen=True, eq=False)
class Years:
    """What was found of some years."""

    horizon: Horizon
    """What was asked."""
    cluster: Cluster
    """The pools with their choices, at what they cost today."""
    economics: Economics
    """How money was counted."""
    capital: Capital
    """The own nodes that there may be."""
    programme: Programme
    """The programme that picked."""
    years: tuple[Year, ...]
    """The years."""
    status: Status
    """``optimal``: proven; ``best_found``: cut short; ``infeasible``: proven that in some year no setup meets the
    targets; ``unknown``: cut short before a plan was found."""
    stopped: Stop | None
    """Why it ended before its proof; ``None`` if it did not."""
    purchases: Purchases | None
    """The plan; ``None`` if there is none."""
    lower_bound_usd: float
    """Proven: no plan has a lower net present cost [USD]; infinite if there is none."""
    chosen: tuple[Evaluation, ...]
    """The setup of each year; empty if there is no plan."""

    @property
    def net_present_cost_usd(self) -> float:
        """Net present cost of the plan [USD]; NaN if there is none."""
        return math.nan if self.purchases is None else self.purchases.usd

    @property
    def gap(self) -> float:
        """By what share of its cost the plan might be undercut; 0 is a proof, NaN if there is none."""
        usd = self.net_present_cost_usd
        return (usd - self.lower_bound_usd) / abs(usd) if usd else 0.0

    @property
    def setups_in_space(self) -> int:
        """Setups that the scenario allows, of all years together."""
        return in_space(self.cluster) * len(self.years)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a year and pool (:data:`.table.HORIZON_COLUMNS`)."""
        from pwsim.search.horizon.table import table

        return table(self)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was asked and what was found, as plain values: ``horizon`` of ``summary.json``."""
        from pwsim.search.horizon.summary import of_years

        return of_years(self, self.table)

    def a_year(self, usd: float) -> float:
        """Return the annuity over the years that an amount of today's money comes to [USD a year]."""
        return usd * capital_recovery_factor(self.economics.discount_rate, self.horizon.years)
