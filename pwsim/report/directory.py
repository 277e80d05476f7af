"""Results directories: complete or absent, the same bytes for the same inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pwsim.common import new_directory
from pwsim.figures import FIGURES
from pwsim.hindcasting import COMPARISON_COLUMNS, HOURLY_COLUMNS
from pwsim.report.page import write_report
from pwsim.results import ATTRIBUTION_COLUMNS, DATED_COLUMNS, FEEDBACK_COLUMNS, JOB_COLUMNS, TIMELINE_COLUMNS
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
from pwsim.trace import COLUMNS

_TRACE_COLUMNS = {one.name: (one.unit, one.text) for one in COLUMNS}

TABLES: dict[str, dict[str, tuple[str, str]]] = {
    "jobs": {**_TRACE_COLUMNS, **JOB_COLUMNS, **FEEDBACK_COLUMNS, **DATED_COLUMNS},
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
    "timeline": {**TIMELINE_COLUMNS, **DATED_COLUMNS},
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
    The tables as they were written.

    Raises
    ------
    InputError, MachineError
        If the directory holds anything but results, or cannot be written.
    """
    provenance = {key: summary[key] for key in _PROVENANCE}
    provenance["workload_sha256"] = summary["workload"]["sha256"]
    written = {name: _described(table, TABLES[name], provenance) for name, table in tables.items()}
    with new_directory(directory, FILES) as beside:
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        (beside / "summary.json").write_text(text + "\n", encoding="utf-8")
        if scenario:
            (beside / "scenario.yaml").write_text(scenario, encoding="utf-8")
        for name, table in written.items():
            write_table(table, beside / f"{name}.parquet")
        if page:
            write_report(beside, beside)
    return written


def _described(table: pd.DataFrame, columns: Mapping[str, tuple[str, str]], provenance: Mapping[str, Any]) -> pa.Table:
    """Return a table with the unit and meaning of each column, and its provenance, in the metadata."""
    fields, arrays = [], []
    for name, column in table.items():
        unit, text = columns.get(str(name)) or columns[general_name(str(name))]
        arrays.append(pa.Array.from_pandas(column))
        fields.append(pa.field(name, arrays[-1].type, metadata={"unit": unit, "description": text}))
    return pa.Table.from_arrays(
        arrays, schema=pa.schema(fields, metadata={"pwsim": json.dumps(provenance, sort_keys=True)})
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet.

    Numbers of which most differ take more room and time with a dictionary than without.
    """
    few = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    pq.write_table(table, path, compression="zstd", use_dictionary=few)
