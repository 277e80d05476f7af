"""A workload as columns of jobs, and how logs of all formats become one."""

from pwsim.trace import datasets
from pwsim.trace.dependencies import (
    NO_ARRAY,
    Links,
    array_limits,
    links,
    range_of_numbers,
    renumbered,
    tells_dependencies,
)
from pwsim.trace.examples import dropped_examples
from pwsim.trace.formats.clock import Clock
from pwsim.trace.formats.reading import FORMATS, detect_format, most_records, read_trace, write_trace, wrong_options
from pwsim.trace.formats.sacct import COMMAND
from pwsim.trace.mapped import mapped_name, read_mapped, write_mapped
from pwsim.trace.reasons import DROP_REASONS, LEFT_OUT_REASONS, DropReason, LeftOutReason, dropped_words, left_out_words
from pwsim.trace.table import (
    COLUMNS,
    LONGEST_S,
    WIDEST,
    Feedback,
    Floats,
    Integers,
    Trace,
)

__all__ = [
    "COLUMNS",
    "COMMAND",
    "DROP_REASONS",
    "FORMATS",
    "LEFT_OUT_REASONS",
    "LONGEST_S",
    "NO_ARRAY",
    "WIDEST",
    "Clock",
    "DropReason",
    "Feedback",
    "Floats",
    "Integers",
    "LeftOutReason",
    "Links",
    "Trace",
    "array_limits",
    "datasets",
    "detect_format",
    "dropped_examples",
    "dropped_words",
    "left_out_words",
    "links",
    "mapped_name",
    "most_records",
    "range_of_numbers",
    "read_mapped",
    "read_trace",
    "renumbered",
    "tells_dependencies",
    "write_mapped",
    "write_trace",
    "wrong_options",
]
