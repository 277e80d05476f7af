"""A replay of the machine that wrote the log beside what the log recorded."""

from pwsim.hindcasting.check import Hindcast, check_comparable, has_recorded_waits, hindcast
from pwsim.hindcasting.comparison import (
    COMPARED_STATISTICS,
    COMPARISON_COLUMNS,
    ESTIMATE_EDGES_S,
    HOURLY_COLUMNS,
    NEGLIGIBLE_S,
    TOLERANCE_S,
)
from pwsim.hindcasting.diagnosis import WAITING_NAMES
from pwsim.hindcasting.limits import CHECK_NAMES, scaled_waits
from pwsim.hindcasting.schedules import Pair, Schedule, busy_of

__all__ = [
    "CHECK_NAMES",
    "COMPARED_STATISTICS",
    "COMPARISON_COLUMNS",
    "ESTIMATE_EDGES_S",
    "HOURLY_COLUMNS",
    "NEGLIGIBLE_S",
    "TOLERANCE_S",
    "WAITING_NAMES",
    "Hindcast",
    "Pair",
    "Schedule",
    "busy_of",
    "check_comparable",
    "has_recorded_waits",
    "hindcast",
    "scaled_waits",
]
