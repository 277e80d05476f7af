"""What a replay shows: tables, metrics, bill and sentence."""

from pwsim.results import record, summary
from pwsim.results.answer import busy, left, service
from pwsim.results.attribution import ATTRIBUTION_COLUMNS, Attribution, attribution, check_named
from pwsim.results.record import SCHEMA_VERSION
from pwsim.results.result import DATED_COLUMNS, FEEDBACK_COLUMNS, JOB_COLUMNS, TIMELINE_COLUMNS, Result
from pwsim.results.simulation import simulate
from pwsim.results.spreading import spread_over
from pwsim.results.summary import assumptions_of, common_of, id_of, pools_of
from pwsim.results.sweep import in_parallel, simulate_many

__all__ = [
    "ATTRIBUTION_COLUMNS",
    "DATED_COLUMNS",
    "FEEDBACK_COLUMNS",
    "JOB_COLUMNS",
    "SCHEMA_VERSION",
    "TIMELINE_COLUMNS",
    "Attribution",
    "Result",
    "assumptions_of",
    "attribution",
    "busy",
    "check_named",
    "common_of",
    "id_of",
    "in_parallel",
    "left",
    "pools_of",
    "record",
    "service",
    "simulate",
    "simulate_many",
    "spread_over",
    "summary",
]
