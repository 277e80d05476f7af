"""pwsim's own Parquet: a trace with all that it knows, a column each; units and the rest are in the metadata.

Reading back what was written gives the same trace, to the last bit.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pwsim.common import TraceError, new_file
from pwsim.trace.formats.format import Format
from pwsim.trace.formats.structured import parquet
from pwsim.trace.table import COLUMNS, Trace

_KEY = b"pwsim_trace"

_RENAMED = {"group": "user_group"}
"""Columns that had another name in files of older versions."""
_ADDED = {"qos", "after", "job_array", "array_limit"}
"""Columns that these lack."""


def is_trace(path: Path) -> bool:
    """Tell whether a Parquet file holds a trace.

    Raises
    ------
    TraceError
        If it cannot be read, as where it ends early: what it holds stands at its end.
    """
    return _KEY in (parquet(path).schema_arrow.metadata or {})


def write(trace: Trace, path: Path) -> None:
    """Write a trace: the same bytes for the same trace.

    Raises
    ------
    InputError, MachineError
        If the file cannot be written.
    """
    about = {
        "name": trace.name,
        "jobs": len(trace),
        "jobs_read": trace.jobs_read,
        "first_submit_s": trace.first_submit_s,
        "compressed": trace.compressed,
        "dropped": dict(trace.dropped),
        "left_out": dict(trace.left_out),
        "left_out_work": dict(trace.left_out_work),
        "changes": list(trace.changes),
        "header": dict(trace.header),
        "notes": list(trace.notes),
        "categories": {
            column.name: list(trace.table[column.name].categories) for column in COLUMNS if column.dtype == "category"
        },
    }
    table = pa.Table.from_pandas(trace.jobs, preserve_index=False)
    kinds = {"category": pa.dictionary(pa.int32(), pa.string()), "int64": pa.int64(), "float64": pa.float64()}
    fields = [
        pa.field(column.name, kinds[column.dtype], metadata={"unit": column.unit, "description": column.text})
        for column in COLUMNS
    ]
    schema = pa.schema(fields, metadata={_KEY: json.dumps(about, sort_keys=True)})
    with new_file(path) as beside:
        pq.write_table(table.cast(schema), beside, compression="zstd")


def read(path: Path) -> Trace:
    """Read a trace back.

    Raises
    ------
    TraceError
        If the file cannot be read, or does not hold a trace.
    """
    try:
        table = parquet(path).read()
        about = json.loads((table.schema.metadata or {}).get(_KEY, b"null"))
        columns: dict[str, Any] = {
            _RENAMED.get(name, name): table.column(name).to_pandas() for name in table.column_names
        }
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror or str(error).splitlines()[0]}") from None
    except (pa.ArrowException, ValueError) as error:
        raise TraceError(f"{path}: is not Parquet, or is broken ({str(error).splitlines()[0][:200]})") from None
    if not isinstance(about, dict):
        raise TraceError(f"{path}: holds no trace of pwsim; another table needs `format: parquet` and a mapping")
    if about.get("jobs", len(table)) != len(table):
        raise TraceError(f"{path}: has {len(table)} jobs, but says that pwsim wrote {about['jobs']}; make it again")
    try:
        categories = {_RENAMED.get(name, name): names for name, names in about["categories"].items()}
        made = Trace.from_columns(_arrays(columns, categories), name=about["name"])
        return replace(
            made,
            jobs_read=int(about["jobs_read"]),
            dropped=dict(about["dropped"]),
            left_out_work=dict(about.get("left_out_work", {})),
            left_out=dict(about.get("left_out", {})),  # files of older versions lack some of this
            changes=tuple(about.get("changes", ())),
            header=about["header"],
            notes=tuple(about["notes"]),
            first_submit_s=float(about.get("first_submit_s", 0.0)),
            compressed=bool(about.get("compressed", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TraceError(f"{path}: is no trace that pwsim wrote, or was changed ({error})") from None
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None


def _arrays(columns: dict[str, Any], categories: dict[str, list[str]]) -> dict[str, Any]:
    """Return columns as a trace holds them; raise ``ValueError`` where they are not those that were written."""
    if missing := {column.name for column in COLUMNS} - set(columns) - _ADDED:
        raise ValueError(f"has no column {min(missing)}")
    arrays = {}
    for name, column in columns.items():
        if name not in categories:
            arrays[name] = column.to_numpy()
            continue
        known = pd.Index(categories[name], dtype="str")
        codes = known.get_indexer(pd.Index(column.astype("str")))
        if (codes < 0).any():
            raise ValueError(f"{name} holds a name that the metadata does not list")
        arrays[name] = pd.Categorical.from_codes(codes, categories=known)
    if (arrays["run_s"] < 0).any() or (arrays["procs"] <= 0).any():
        raise ValueError("some of its jobs cannot be replayed")
    return arrays


FORMATS = (
    Format(
        "pwsim",
        "what `pwsim trace convert LOG OUT.parquet` writes: all that was read, units in the metadata (`OUT.swf.gz` "
        "writes SWF)",
        read,
    ),
)
