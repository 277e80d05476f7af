"""What every room speaks: errors, units, numbers in words, checked values, YAML with lines, files safe and kept."""

from pwsim.common import text, writing
from pwsim.common.errors import (
    HopelessError,
    InputError,
    MachineError,
    Problem,
    PwsimError,
    ScenarioError,
    SolverError,
    TraceError,
    told,
)
from pwsim.common.explain import FaultsError, problems
from pwsim.common.frozen import Frozen
from pwsim.common.kept import KEEP_BYTES, Kept
from pwsim.common.names import did_you_mean, nearest, words
from pwsim.common.text import capital, count, duration, listed, mass, money, price, share, share_or_dash, within
from pwsim.common.units import (
    DAY_S,
    HOUR_S,
    WEEK_S,
    YEAR_H,
    Mebibytes,
    PositiveSeconds,
    Seconds,
    Watts,
    numeral,
    parse_quantity,
)
from pwsim.common.values import ByContent, card, checked, expect, plain
from pwsim.common.writing import new_directory, new_file, new_files, reserved, written
from pwsim.common.yaml_lines import Document, Place, read_document, short

__all__ = [
    "DAY_S",
    "HOUR_S",
    "KEEP_BYTES",
    "WEEK_S",
    "YEAR_H",
    "ByContent",
    "Document",
    "FaultsError",
    "Frozen",
    "HopelessError",
    "InputError",
    "Kept",
    "MachineError",
    "Mebibytes",
    "Place",
    "PositiveSeconds",
    "Problem",
    "PwsimError",
    "ScenarioError",
    "Seconds",
    "SolverError",
    "TraceError",
    "Watts",
    "capital",
    "card",
    "checked",
    "count",
    "did_you_mean",
    "duration",
    "expect",
    "listed",
    "mass",
    "money",
    "nearest",
    "new_directory",
    "new_file",
    "new_files",
    "numeral",
    "parse_quantity",
    "plain",
    "price",
    "problems",
    "read_document",
    "reserved",
    "share",
    "share_or_dash",
    "short",
    "text",
    "told",
    "within",
    "words",
    "writing",
    "written",
]
