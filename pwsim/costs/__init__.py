"""What a setup costs a year: what stands there anyway, what jobs cause, and the bill of both."""

from pwsim.costs import charges, commitments, covering, savings, sharing
from pwsim.costs.annual import capital_recovery_factor
from pwsim.costs.annual import carbon_kg as standing_carbon_kg
from pwsim.costs.bill import BILL_COLUMNS, WHOLE_SETUP, Bill, per_hour_used
from pwsim.costs.charges import Jobs
from pwsim.costs.owning import BreakEven, break_even
from pwsim.costs.parts import PARTS, Breakdown, Part, hourly_usd, least_usd, standing, total, year
from pwsim.costs.sharing import Idle
from pwsim.costs.terms import Terms, per_year, terms_of
from pwsim.costs.worth import Residual, worth_share

__all__ = [
    "BILL_COLUMNS",
    "PARTS",
    "WHOLE_SETUP",
    "Bill",
    "BreakEven",
    "Breakdown",
    "Idle",
    "Jobs",
    "Part",
    "Residual",
    "Terms",
    "break_even",
    "capital_recovery_factor",
    "charges",
    "commitments",
    "covering",
    "hourly_usd",
    "least_usd",
    "per_hour_used",
    "per_year",
    "savings",
    "sharing",
    "standing",
    "standing_carbon_kg",
    "terms_of",
    "total",
    "worth_share",
    "year",
]
