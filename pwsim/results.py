"""Results directories: complete or absent, the same bytes for the same inputs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pwsim import costs, metrics
from pwsim.comparison import COMPARISON_COLUMNS, HOURLY_COLUMNS
from pwsim.errors import InputError
from pwsim.report import write_report
from pwsim.result import FEEDBACK_COLUMNS, JOB_COLUMNS, TIMELINE_COLUMNS
from pwsim.trace import COLUMNS

_SUFFIX_UNITS = (
    ("_usd_per_year", "USD/year"),
    ("usd_per_core_hour_used", "USD/core-h"),
    ("usd_per_gpu_hour_used", "USD/GPU-h"),
    ("_kg_per_year", "kg/year"),
    ("_jobs_per_hour", "jobs/h"),
    ("_core_hours_per_day", "core-h/day"),
    ("_s", "s"),
)


def check_free(directory: Path, *, overwrite: bool, main: str = "summary.json") -> None:
    """Make sure, before any work, that results can be written there.

    A directory that exists is taken for results, which may be overwritten, if it holds the file ``main``.

    Raises
    ------
    InputError
        If the directory exists and ``overwrite`` is not set, if it is a file, or if its parent cannot be written to.
    """
    if directory.exists() and not (directory.is_dir() and overwrite):
        remedy = "add --overwrite to replace it, or choose another" if directory.is_dir() else "choose a directory"
        raise InputError(f"{directory}: exists already; {remedy}")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / main).is_file():
        raise InputError(f"{directory}: is not a results directory (it has no {main}), so it is not overwritten")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory.parent):
            pass
    except OSError as error:
        raise InputError(f"{directory.parent}: cannot be written to: {error.strerror}; choose another --out") from None


@contextmanager
def new_directory(directory: Path) -> Iterator[Path]:
    """Give a directory beside ``directory``, and move it there when all is written; remove it if anything fails."""
    beside = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    beside.chmod(0o777 & ~_umask())
    try:
        yield beside
        if directory.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{directory.name}.old.", dir=directory.parent))
            directory.replace(old)
            beside.replace(directory)
            shutil.rmtree(old)
        else:
            beside.replace(directory)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_results(directory: Path, summary: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    """Write ``summary.json``, a Parquet file for each table, the figures and the report.

    Parameters
    ----------
    directory
        Where they go; replaced if it exists (see :func:`check_free`).
    summary
        What :mod:`pwsim.summary` made.
    tables
        Tables by the name of their file: ``jobs``, ``timeline``, ``setups``, ``comparison``, ``comparison_hourly``.
    """
    provenance = {
        key: summary[key] for key in ("scenario", "pwsim_version", "seed", "engine", "overrun") if key in summary
    }
    provenance["workload_sha256"] = summary["workload"]["sha256"]
    with new_directory(directory) as beside:
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        (beside / "summary.json").write_text(text + "\n", encoding="utf-8")
        for name, table in tables.items():
            _write_parquet(beside / f"{name}.parquet", table, provenance)
        write_report(beside)


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
    known |= {**HOURLY_COLUMNS, **COMPARISON_COLUMNS, **JOB_COLUMNS, **TIMELINE_COLUMNS, **FEEDBACK_COLUMNS}
    if column in known:
        return known[column]
    if column.startswith("nodes_"):
        return "nodes", f"nodes of pool {column.removeprefix('nodes_')}"
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
