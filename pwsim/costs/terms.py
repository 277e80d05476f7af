"""What costs depend on besides pools and jobs, and how amounts become those of a year (semantics §8)."""

from __future__ import annotations

from typing import NamedTuple

from pwsim.common import HOUR_S, YEAR_H
from pwsim.prices import Economics, SavingsPlan, Start, start_of
from pwsim.trace import Trace

KG_PER_TONNE = 1000.0
"""Kilograms in a tonne."""


class Terms(NamedTuple):
    """What costs depend on besides pools and jobs."""

    discount_rate: float = 0.0
    """Interest a year."""
    carbon_usd_per_tonne: float = 0.0
    """Price of carbon dioxide [USD/t]."""
    start: Start | None = None
    """First submission on the site's clock, if that is known."""
    plans: tuple[SavingsPlan, ...] = ()
    """Savings plans that nodes of several pools share."""


def terms_of(economics: Economics, trace: Trace) -> Terms:
    """Return all that costs depend on besides pools and jobs.

    Where nobody says when the first submission was, it is taken to be on a Monday at 0:00; only tariffs by the hour
    ask for it.
    """
    start = start_of(trace, economics.start, economics.time_zone)
    return Terms(economics.discount_rate, economics.carbon_usd_per_tonne, start, economics.savings_plans)


def per_year(amount: float, window_s: float) -> float:
    """Scale what jobs cause in a replay to a year, by the length of the measurement window.

    Raises
    ------
    ValueError
        If the window has no length and there is something to scale.
    """
    if amount == 0:
        return 0.0
    if window_s <= 0:
        raise ValueError("the measurement window has no length: all jobs are submitted at the same time")
    return amount * YEAR_H * HOUR_S / window_s
