"""Results directories: complete or absent, the same bytes for the same inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pwsim import costs, metrics
from pwsim.common import new_directory
from pwsim.hindcasting import COMPARISON_COLUMNS, HOURLY_COLUMNS
from pwsim.report.page import CAPTIONS, write_report
from pwsim.results import DATED_COLUMNS, FEEDBACK_COLUMNS, JOB_COLUMNS, TIMELINE_COLUMNS
from pwsim.trace import COLUMNS

FILES = (
    "summary.json",
    "scenario.yaml",
    "report.html",
    *(f"{table}.parquet" for table in ("jobs", "setups", "timeline", "comparison", "comparison_hourly")),
    *(f"figures/{name}.{kind}" for name in CAPTIONS for kind in ("svg", "png")),
)
"""The files of a results directory; the first is always there.  All else in one is not pwsim's, and never deleted."""

_SUFFIX_UNITS = (
    ("_usd_per_year", "USD/year"),
    ("usd_per_core_hour_used", "USD/core-h"),
    ("usd_per_gpu_hour_used", "USD/GPU-h"),
    ("_kg_per_year", "kg/year"),
    ("_jobs_per_hour", "jobs/h"),
    ("_core_hours_per_day", "core-h/day"),
    ("_s", "s"),
)

_PROVENANCE = ("run_id", "schema_version", "scenario", "pwsim_version", "seed", "overrun")
"""What the metadata of every Parquet file says of its run: nothing of where, when or by which engine it was written."""


def write_results(
    directory: Path, summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], scenario: str = ""
) -> None:
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

    Raises
    ------
    InputError, MachineError
        If the directory holds anything but results, or cannot be written.
    """
    provenance = {key: summary[key] for key in _PROVENANCE}
    provenance["workload_sha256"] = summary["workload"]["sha256"]
    with new_directory(directory, FILES) as beside:
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        (beside / "summary.json").write_text(text + "\n", encoding="utf-8")
        if scenario:
            (beside / "scenario.yaml").write_text(scenario, encoding="utf-8")
        for name, table in tables.items():
            _write_parquet(beside / f"{name}.parquet", table, provenance)
        write_report(beside, beside)


def _write_parquet(path: Path, table: pd.DataFrame, provenance: Mapping[str, Any]) -> None:
    """Write a table with the unit and meaning of each column, and its provenance, in the metadata."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    fields = []
    for one in arrow.schema:
        unit, text = _describe(one.name)
        fields.append(one.with_metadata({"unit": unit, "description": text}))
    arrow = arrow.cast(pa.schema(fields, metadata={"pwsim": json.dumps(provenance, sort_keys=True)}))
    pq.write_table(arrow, path, compression="zstd")


def _describe(column: str) -> tuple[str, str]:
    """Return the unit and the meaning of a column of any table."""
    known = {one.name: (one.unit, one.text) for one in COLUMNS}
    known |= {
        **HOURLY_COLUMNS,
        **COMPARISON_COLUMNS,
        **JOB_COLUMNS,
        **TIMELINE_COLUMNS,
        **FEEDBACK_COLUMNS,
        **DATED_COLUMNS,
    }
    if column in known:
        return known[column]
    if column.startswith("nodes_"):
        return "nodes", f"nodes of pool {column.removeprefix('nodes_')}"
    if column.startswith("at_limit_"):
        return "", f"whether more nodes of pool {column.removeprefix('at_limit_')} could have made a difference"
    if column.startswith("target_"):
        return "", f"what the setup achieved of target {column.split('_')[1]}, in the unit of its metric"
    base = column
    for statistic in metrics.STATISTICS:
        base = base.removesuffix(f"_{statistic}")
    unit = next((unit for suffix, unit in _SUFFIX_UNITS if base.endswith(suffix)), "")
    return unit, _SETUP_TEXTS.get(column, column.replace("_", " ") if column not in costs.PARTS else "part of the cost")


_SETUP_TEXTS = {
    "step": "order in which the search replayed the setups",
    "policy": "order and backfill rule",
    "meets_targets": "whether every target is met",
    "cost_usd_per_year": "sum of the parts of the cost",
    "usd_per_core_hour_used": "cost by the core-hours that jobs hold",
    "usd_per_gpu_hour_used": "cost by the GPU-hours that jobs hold",
    "carbon_kg_per_year": "carbon dioxide (equivalent)",
    "lost_work_usd_per_year": "lost core-hours at what a core-hour used costs in their pool; part of the cost already",
    "lower_bound_usd_per_year": "no setup that was left at this point costs less",
}
