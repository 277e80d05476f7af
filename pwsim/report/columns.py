"""Types of columns in Parquet files; and the tables whose columns are the same in all results, whatever a log knows."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from pwsim.results import DATED_COLUMNS, FEEDBACK_COLUMNS, JOB_COLUMNS, TIMELINE_COLUMNS
from pwsim.trace import COLUMNS

NUMBER, WHOLE, FLAG = pa.float64(), pa.int64(), pa.bool_()
WORD = pa.dictionary(pa.int32(), pa.string())
TIME = pa.timestamp("ms", tz="UTC")

Columns = Mapping[str, tuple[str, str]]
"""Unit and meaning by the name of a column."""
Types = Mapping[str, pa.DataType]
"""Types by the name of a column; numbers are left out."""

SAME: dict[str, Columns] = {
    "jobs": {
        **JOB_COLUMNS,
        "submit_utc": DATED_COLUMNS["submit_utc"],
        **FEEDBACK_COLUMNS,
        **{one.name: (one.unit, one.text) for one in COLUMNS if one.name not in JOB_COLUMNS},
    },
    "timeline": {**TIMELINE_COLUMNS, "time_utc": DATED_COLUMNS["time_utc"]},
}
"""Tables that have all of their columns in all results."""

TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("pool", "status", *(one.name for one in COLUMNS if one.dtype == "category")), WORD),
    **dict.fromkeys(("restarts", *(one.name for one in COLUMNS if one.dtype == "int64")), WHOLE),
    **dict.fromkeys(DATED_COLUMNS, TIME),
}
"""Types of their columns."""


def schema(columns: Columns, types: Types = TYPES, metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Return columns with name, type, unit and meaning."""
    fields = [
        pa.field(name, types.get(name, NUMBER), metadata={"unit": unit, "description": text})
        for name, (unit, text) in columns.items()
    ]
    return pa.schema(fields, metadata=metadata)


def fitted(table: pa.Table, wanted: pa.Schema) -> pa.Table:
    """Return a table with exactly the columns of a schema; what it does not have is null."""
    there, found = set(table.column_names), []
    for field in wanted:
        if field.name not in there:
            found.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table[field.name]
        if field.type == WORD and not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).combine_chunks().dictionary_encode()
        found.append(column.cast(field.type))
    return pa.Table.from_arrays(found, schema=wanted)
