"""A trace in a file that processes map into memory: they share its pages, and nobody parses the log again.

The file is Arrow's IPC format, not packed: its columns lie there as arrays lie in memory.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pwsim.common import TraceError, new_file
from pwsim.trace.table import COLUMNS, Trace

_KEY = b"pwsim_mapped_trace"
_NUMBERS = ("dropped", "first_dropped", "left_out", "left_out_work", "header")
_ABOUT = [one.name for one in fields(Trace) if one.name not in ("table", "feedback")]
"""What stands beside the columns; who follows whom is found by scenarios, and not in logs."""


def write_mapped(trace: Trace, path: Path) -> None:
    """Write a trace as it was read from a log.

    Raises
    ------
    MachineError
        If the file cannot be written.
    """
    assert trace.feedback is None, "no log tells it"
    about = _about(trace)
    words = {one.name: trace.table[one.name] for one in COLUMNS if one.dtype == "category"}
    about["categories"] = {name: list(map(str, one.categories)) for name, one in words.items()}
    arrays = {one.name: words[one.name].codes if one.name in words else trace.table[one.name] for one in COLUMNS}
    table = pa.table({name: pa.array(np.ascontiguousarray(one), from_pandas=False) for name, one in arrays.items()})
    table = table.replace_schema_metadata({_KEY: json.dumps(about)})
    with new_file(path) as beside, pa.ipc.new_file(beside, table.schema) as writer:
        writer.write_table(table)  # in one piece, so that each column is one array


def _about(trace: Trace) -> dict[str, Any]:
    """Return what stands beside the columns, as plain values."""
    about: dict[str, Any] = {name: getattr(trace, name) for name in _ABOUT}
    return about | {name: dict(about[name]) for name in _NUMBERS}


def mapped_name(trace: Trace) -> str:
    """Return the name of a trace's file by all that it holds."""
    whole = [trace.digest(), _about(trace)]
    return f"{hashlib.sha256(json.dumps(whole).encode()).hexdigest()}.arrow"


def read_mapped(path: Path) -> Trace:
    """Return the trace of a file; its columns are in memory only as far as they are used, and in that of all processes.

    Raises
    ------
    TraceError
        If the file is not one that :func:`write_mapped` wrote.
    """
    try:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_file(file).read_all()
        about = json.loads(table.schema.metadata[_KEY])
        categories = about.pop("categories")
        columns: dict[str, Any] = {}
        for one in COLUMNS:
            (array,) = table.column(one.name).chunks or [pa.array([], table.schema.field(one.name).type)]
            values = array.to_numpy(zero_copy_only=True)
            columns[one.name] = values
            if one.name in categories:
                names = pd.Index(categories[one.name], dtype="str")
                columns[one.name] = pd.Categorical.from_codes(values, categories=names)
        about |= {name: tuple(about[name]) for name in ("notes", "changes")}
        return Trace(columns, **about)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise TraceError(f"{path}: is no log as pwsim keeps it ({error})") from None
