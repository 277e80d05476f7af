"""What a setup costs a year: what stands there anyway, what jobs cause, and the bill of both."""

from pwsim.costs import charges
from pwsim.costs.annual import standing
from pwsim.costs.bill import (
    PART_NAMES,
    PARTS,
    WHOLE_SETUP,
    Bill,
    Breakdown,
    Terms,
    per_hour_used,
    per_year,
    terms_of,
    total,
)

__all__ = [
    "PARTS",
    "PART_NAMES",
    "WHOLE_SETUP",
    "Bill",
    "Breakdown",
    "Terms",
    "charges",
    "per_hour_used",
    "per_year",
    "standing",
    "terms_of",
    "total",
]
