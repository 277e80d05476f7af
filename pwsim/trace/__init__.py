"""A workload as columns of jobs, and how logs of all formats become one."""

from pwsim.trace import datasets
from pwsim.trace.formats.clock import Clock
from pwsim.trace.formats.examples import dropped_examples
from pwsim.trace.formats.reading import detect_format, read_trace, write_trace, wrong_options
from pwsim.trace.formats.sacct import COMMAND
from pwsim.trace.table import (
    COLUMNS,
    DROP_NAMES,
    DROP_REASONS,
    LEFT_OUT_REASONS,
    LONGEST_S,
    UNASKED,
    WIDEST,
    Feedback,
    Floats,
    Integers,
    Trace,
)

__all__ = [
    "COLUMNS",
    "COMMAND",
    "DROP_NAMES",
    "DROP_REASONS",
    "LEFT_OUT_REASONS",
    "LONGEST_S",
    "UNASKED",
    "WIDEST",
    "Clock",
    "Feedback",
    "Floats",
    "Integers",
    "Trace",
    "datasets",
    "detect_format",
    "dropped_examples",
    "read_trace",
    "write_trace",
    "wrong_options",
]
