"""Years: what to buy, keep, sell and rent when, as the load grows, at the least net present cost, with a proof."""

from pwsim.search.horizon.asking import check_years, with_years
from pwsim.search.horizon.planning import plan_years
from pwsim.search.horizon.question import Horizon, OwnedNodes, YearTarget, faults, faults_on_draws, shares_of_years
from pwsim.search.horizon.table import HORIZON_COLUMNS
from pwsim.search.horizon.years import Years

__all__ = [
    "HORIZON_COLUMNS",
    "Horizon",
    "OwnedNodes",
    "YearTarget",
    "Years",
    "check_years",
    "faults",
    "faults_on_draws",
    "plan_years",
    "shares_of_years",
    "with_years",
]
