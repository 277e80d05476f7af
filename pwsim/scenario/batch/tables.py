"""The data set of a batch: one table over all runs, each part of it with the same columns of the same types.

Parts lie in ``data/TABLE/scenario=NAME/run=KEY/part.parquet``, the layout that pandas, DuckDB, Polars and Spark take
for one table with the columns ``scenario`` and ``run``.  They are made from results directories; of ``jobs`` and
``timeline``, they are the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pwsim import costs, report
from pwsim.common import InputError
from pwsim.metrics import METRIC_COLUMNS
from pwsim.report import columns
from pwsim.search import SETUP_COLUMNS

SUMMARY: dict[str, tuple[str, str]] = {
    "run_id": ("", "hash of all that the answer depends on, as in summary.json"),
    "schema_version": ("", "version of the layout of results"),
    "pwsim_version": ("", "version of pwsim"),
    "seed": ("", "seed of everything random"),
    "engine": ("", "the engine that replayed"),
    "workload": ("", "name of the log"),
    "workload_sha256": ("", "hash of the jobs that were replayed"),
    "jobs_read": ("jobs", "records of the log"),
    "jobs_replayed": ("jobs", "jobs that were replayed"),
    "status": ("", "optimal, best_found, infeasible or unknown"),
    "chosen": ("", "the chosen setup, or the closest, in words: nodes by pool, policy, types"),
    "targets": ("", "how many targets there are"),
    "targets_met": ("", "how many of them the setup meets"),
    "setups_in_space": ("setups", "setups that the scenario allows"),
    "setups_simulated": ("setups", "setups that were replayed"),
    "gap": ("", "by what share of its cost the chosen setup might be undercut; 0 is a proof"),
    "lower_bound_usd_per_year": ("USD/year", "no setup that meets the targets costs less"),
    **costs.BILL_COLUMNS,
    **METRIC_COLUMNS,
    "draws": ("", "draws that the answer was tried on"),
    "draws_held": ("", "in how many of them it holds"),
    "answer": ("", "the answer in a sentence"),
}
"""Columns of ``summary``: one row a run."""

_OF_POOLS = ("nodes_", "type_", "at_limit_", "target_")
_ONE_BY_ONE = {name: told for name, told in SETUP_COLUMNS.items() if not name.startswith(_OF_POOLS)}

DATA: dict[str, columns.Columns] = {
    "summary": SUMMARY,
    "setups": _ONE_BY_ONE,
    "setup_nodes": {
        "step": ("", "number of the setup, as in setups"),
        "pool": ("", "name of the pool"),
        "nodes": ("nodes", "nodes of it"),
        "type": ("", "type of node, of a pool that has several to choose from"),
        "at_limit": ("", "whether more nodes of it could have made a difference"),
    },
    "setup_targets": {
        "step": ("", "number of the setup, as in setups"),
        "target": ("", "number of the target, from 0"),
        "text": ("", "the target in words"),
        "required": ("", "its limit, in the unit of its metric"),
        "achieved": ("", "what the setup achieved"),
    },
    **columns.SAME,
}
"""Tables of the data set: unit and meaning of their columns."""

_TYPES = {
    **dict.fromkeys(
        (
            "run_id", "pwsim_version", "engine", "workload", "workload_sha256", "status", "chosen", "answer", "policy",
            "stopped", "pool", "type", "text",
        ),
        columns.WORD,
    ),
    **dict.fromkeys(
        (
            "schema_version", "seed", "jobs_read", "jobs_replayed", "targets", "targets_met", "setups_in_space",
            "setups_simulated", "draws", "draws_held", "step", "limits", "hours", "nodes", "target",
        ),
        columns.WHOLE,
    ),
    **dict.fromkeys(("meets_targets", "at_limit"), columns.FLAG),
}  # fmt: skip


def schema(table: str) -> pa.Schema:
    """Return the columns of a table of the data set: name, type, unit and meaning."""
    return columns.schema(DATA[table], columns.TYPES if table in columns.SAME else _TYPES)


def part(folder: Path, table: str, scenario: str, run: str) -> Path:
    """Return where a run's part of a table lies."""
    return folder / table / f"scenario={quote(scenario, safe='')}" / f"run={run}" / "part.parquet"


def run_of(path: Path) -> tuple[str, str]:
    """Return scenario and run of the place of a part."""
    return unquote(path.parent.parent.name.partition("=")[2]), path.parent.name.partition("=")[2]


def of_directory(results: Path) -> Iterator[tuple[str, pa.Table]]:
    """Yield what :func:`of_results` does, from a results directory whose large files can be read, too.

    Raises
    ------
    InputError
        If it is none of this version, or damaged.
    """
    for name in columns.SAME:
        _read(results / f"{name}.parquet", pq.read_schema)
    yield from of_results(report.read_summary(results), _read(results / "setups.parquet"))


def of_results(summary: Mapping[str, Any], setups: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the name and the rows of each table of the data set that results do not have themselves.

    Parameters
    ----------
    summary, setups
        What was found, as it is written.
    """
    yield "summary", _of_columns("summary", {name: [value] for name, value in _row(summary).items()})
    yield "setups", _cast("setups", setups)
    yield "setup_nodes", _by_pool(setups, [pool["name"] for pool in summary["pools"]])
    yield "setup_targets", _by_target(setups, summary["targets"])


def _read(path: Path, read: Callable[[Path], Any] = pq.read_table) -> Any:
    """Return a table of a results directory, or what else is read from its file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return read(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({str(error).splitlines()[0]}); remove the directory") from None


def _row(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run as a row of ``summary``."""
    log, targets = summary["workload"], summary["targets"]
    told = {**summary, **summary["metrics"], **summary["cost_breakdown_usd_per_year"]}
    return {
        **{name: told.get(name) for name in SUMMARY},
        "workload": log["name"],
        "workload_sha256": log["sha256"],
        "jobs_read": log["jobs_read"],
        "jobs_replayed": log["jobs_replayed"],
        "draws": (summary["certainty"] or {"draws": 0})["draws"],
        "draws_held": (summary["certainty"] or {"held": 0})["held"],
        "chosen": setup_text(summary["chosen"] or summary["closest"]),
        "targets": len(targets),
        "targets_met": sum(one["met"] for one in targets),
    }


def setup_text(setup: Mapping[str, Any]) -> str:
    """Return a setup of ``summary.json`` in words.

    Examples
    --------
    >>> setup_text({"nodes": {"own": 4, "burst": 2}, "types": {"own": "genoa"}, "policy": "easy"})
    'own 4 (genoa), burst 2, easy'
    """
    types = setup.get("types") or {}
    nodes = [f"{name} {count}{f' ({types[name]})' if name in types else ''}" for name, count in setup["nodes"].items()]
    return ", ".join([*nodes, str(setup["policy"])])


def _by_pool(setups: pa.Table, pools: list[str]) -> pa.Table:
    """Return nodes of setups in long form: a row a setup and pool."""
    nothing = pa.nulls(len(setups))
    return _long(
        "setup_nodes",
        (
            {
                "step": setups["step"],
                "pool": [pool] * len(setups),
                "nodes": setups[f"nodes_{pool}"],
                "type": setups[f"type_{pool}"] if f"type_{pool}" in setups.column_names else nothing,
                "at_limit": setups[f"at_limit_{pool}"],
            }
            for pool in pools
        ),
    )


def _by_target(setups: pa.Table, targets: list[Mapping[str, Any]]) -> pa.Table:
    """Return what setups achieved in long form: a row a setup and target."""
    return _long(
        "setup_targets",
        (
            {
                "step": setups["step"],
                "target": [index] * len(setups),
                "text": [target["text"]] * len(setups),
                "required": [target["required"]] * len(setups),
                "achieved": setups[f"target_{index}_achieved"],
            }
            for index, target in enumerate(targets)
        ),
    )


def _long(name: str, parts: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return parts of a table one below the other, in the order of their setups."""
    table = pa.concat_tables([schema(name).empty_table(), *(_of_columns(name, part) for part in parts)])
    return _cast(name, table.take(pc.sort_indices(table["step"])))  # which is stable


def _of_columns(name: str, values: Mapping[str, Any]) -> pa.Table:
    """Return values by column as a table of the data set."""
    return _cast(name, pa.table(dict(values)))


def _cast(name: str, table: pa.Table) -> pa.Table:
    """Return a table with exactly the columns of the data set; what this run does not know is null."""
    return columns.fitted(table, schema(name))


def described(table: str) -> list[tuple[str, str, str, str]]:
    """Return the columns of a table of the data set for people: name, type, unit and meaning."""
    of_path = [
        ("scenario", "text", "", "name of the scenario; of the path"),
        ("run", "text", "", "key of the run: the name of its results directory; of the path"),
    ]
    told = DATA[table]
    return [*of_path, *((field.name, _KINDS[field.type], *told[field.name]) for field in schema(table))]


_KINDS = {
    columns.NUMBER: "number",
    columns.WHOLE: "whole number",
    columns.FLAG: "true or false",
    columns.WORD: "text",
    columns.TIME: "time in UTC",
}
