"""Results directories: complete or absent, the same bytes for the same inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pwsim.common import new_directory
from pwsim.figures import FIGURES
from pwsim.hindcasting import COMPARISON_COLUMNS, HOURLY_COLUMNS
from pwsim.report import columns
from pwsim.report.page import write_report
from pwsim.results import ATTRIBUTION_COLUMNS
from pwsim.search import (
    ALTERNATIVE_COLUMNS,
    DRAW_COLUMNS,
    FRONTIER_COLUMNS,
    NEIGHBOUR_COLUMNS,
    PROOF_COLUMNS,
    SETUP_COLUMNS,
    general_name,
)
from pwsim.search.horizon import HORIZON_COLUMNS
from pwsim.search.sensitivity import HEADROOM_COLUMNS, SENSITIVITY_COLUMNS

TABLES: dict[str, columns.Columns] = {
    "jobs": columns.SAME["jobs"],
    "setups": SETUP_COLUMNS,
    "frontier": FRONTIER_COLUMNS,
    "sensitivity": SENSITIVITY_COLUMNS,
    "headroom": HEADROOM_COLUMNS,
    "attribution": ATTRIBUTION_COLUMNS,
    "horizon": HORIZON_COLUMNS,
    "proof": PROOF_COLUMNS,
    "alternatives": {**ALTERNATIVE_COLUMNS, **SETUP_COLUMNS},
    "neighbours": {**NEIGHBOUR_COLUMNS, **SETUP_COLUMNS},
    "draws": DRAW_COLUMNS,
    "timeline": columns.SAME["timeline"],
    "comparison": COMPARISON_COLUMNS,
    "comparison_hourly": HOURLY_COLUMNS,
}
"""Unit and meaning of the columns of each table, by the name of its Parquet file."""

FILES = (
    "summary.json",
    "scenario.yaml",
    "report.html",
    *(f"{table}.parquet" for table in TABLES),
    *(f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")),
)
"""The files of a results directory; the first is always there.  All else in one is not pwsim's, and never deleted."""

FEW_ROWS = 10
"""Tables of so few rows are written as they are."""

_PROVENANCE = ("run_id", "schema_version", "scenario", "pwsim_version", "seed", "overrun")
"""What the metadata of every Parquet file says of its run: nothing of where, when or by which engine it was written."""


def write_results(
    directory: Path,
    summary: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    scenario: str = "",
    *,
    page: bool = True,
) -> dict[str, pa.Table]:
    """Write ``summary.json``, a Parquet file for each table, the figures and the report; and the resolved scenario.

    Parameters
    ----------
    directory
        Where they go; results that are there are replaced.
    summary
        What :mod:`pwsim.results.summary` made.
    tables
        Tables by the name of their file (see :data:`FILES`).
    scenario
        Text of ``scenario.yaml`` (:func:`pwsim.results.record.scenario_yaml`); none is written without it.
    page
        Whether figures and report are written, too; ``pwsim report`` can do it later.

    Returns
    -------
    The tables as they were written, but for those that are as long as the log (:data:`.columns.SAME`).

    Raises
    ------
    InputError, MachineError
        If the directory holds anything but results, or cannot be written.
    """
    provenance = {key: summary[key] for key in _PROVENANCE}
    provenance["workload_sha256"] = summary["workload"]["sha256"]
    written = {}
    with new_directory(directory, FILES) as beside:
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        (beside / "summary.json").write_text(text + "\n", encoding="utf-8")
        if scenario:
            (beside / "scenario.yaml").write_text(scenario, encoding="utf-8")
        for name, table in tables.items():
            described = _described(name, table, provenance)
            write_table(described, beside / f"{name}.parquet")
            if name not in columns.SAME:
                written[name] = described
            del described  # it takes as much room as the log
        if page:
            write_report(beside, beside)
    return written


def _described(name: str, table: pd.DataFrame, provenance: Mapping[str, Any]) -> pa.Table:
    """Return a table with the unit and meaning of each column, and its provenance, in the metadata."""
    arrays = {str(column): _array(values) for column, values in table.items()}
    metadata = {"pwsim": json.dumps(provenance, sort_keys=True)}
    if name in columns.SAME:
        return columns.fitted(pa.table(arrays), columns.schema(columns.SAME[name], metadata=metadata))
    told = {column: TABLES[name].get(column) or TABLES[name][general_name(column)] for column in arrays}
    types = {column: array.type for column, array in arrays.items()}
    return pa.Table.from_arrays([*arrays.values()], schema=columns.schema(told, types, metadata))


def _array(column: pd.Series) -> pa.Array:
    """Return a column, NaN as null; what numpy holds is handed over as that, for which Arrow need not ask pandas."""
    values = column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array
    return pa.array(values, from_pandas=True)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet.

    Numbers of which most differ take more room and time with a dictionary than without; those of jobs grow by one.
    Of few rows, next to nothing is left to compress beside what a column takes in any case.
    """
    whole = {one.name for one in table.schema if pa.types.is_integer(one.type)}
    grows = {"job_id": "DELTA_BINARY_PACKED"} if "job_id" in whole else {}
    packed = "zstd" if len(table) > FEW_ROWS else "none"
    few = [one.name for one in table.schema if not pa.types.is_floating(one.type) and one.name not in grows]
    pq.write_table(table, path, compression=packed, use_dictionary=few, column_encoding=grows or None)
