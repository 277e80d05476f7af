"""The report for people: figures, and one self-contained HTML page made from a results directory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa

from pwsim._version import __version__
from pwsim.common import (
    InputError,
    capital,
    count,
    duration,
    listed,
    mass,
    money,
    new_files,
    numeral,
    price,
    share,
    share_or_dash,
)
from pwsim.costs import PARTS, WHOLE_SETUP
from pwsim.figures import FIGURES, shown, template
from pwsim.hindcasting import CHECK_NAMES, WAITING_NAMES
from pwsim.metrics import JOB_METRICS, METRICS, Trim, inside, meets, value_text
from pwsim.results import SCHEMA_VERSION, busy
from pwsim.rules import policy_text
from pwsim.search import (
    STOPS,
    TERM_YEARS,
    certainty,
    committed_text,
    drawn_text,
    edge_text,
    minimised_text,
    reasons,
    run_text,
    solver_text,
    sure_text,
    undecided_text,
)
from pwsim.trace import LEFT_OUT_REASONS, dropped_words, left_out_words

COMPARED = 10
"""Replayed setups that the report lists."""

TOLD = {
    "utilization", "gpu_utilization", "throughput_jobs_per_hour", "jobs_completed", "jobs_killed", "jobs_rejected",
    "rejected_work_share",
}  # fmt: skip
"""Metrics that the page tells in sentences; those of jobs, and all others, stand in tables."""

WORDS = SimpleNamespace(
    CHECK_NAMES=CHECK_NAMES, JOB_METRICS=JOB_METRICS, STOPS=STOPS, TERM_YEARS=TERM_YEARS, committed_text=committed_text,
    WAITING_NAMES=WAITING_NAMES, WHOLE_SETUP=WHOLE_SETUP, busy=busy, capital=capital, count=count, duration=duration,
    dropped_words=dropped_words, edge_text=edge_text, left_out_words=left_out_words, listed=listed, mass=mass,
    money=money, minimised_text=minimised_text,
    numeral=numeral, policy_text=policy_text, price=price, run_text=run_text,
    share=share, share_or_dash=share_or_dash, value_text=value_text, STATUS_NAMES=reasons.STATUS_NAMES,
    kind_text=reasons.kind_text, change_text=reasons.change_text, misses_text=reasons.misses_text,
    more_text=reasons.more_text, binding_texts=reasons.binding_texts, relaxation_texts=reasons.relaxation_texts,
    solver_text=solver_text, held_text=certainty.held_text, next_text=certainty.next_text,
    interval_text=certainty.interval_text, money_text=certainty.money_text, range_text=certainty.range_text,
    mean_text=certainty.mean_text, left_out_texts=certainty.left_out_texts,
    drawn_text=drawn_text, sure_text=sure_text, undecided_text=undecided_text,
)  # fmt: skip
"""What the page says numbers and names with."""


def write_report(directory: Path, into: Path | None = None) -> None:
    """Write ``figures/`` and ``report.html`` from the other files of a results directory.

    Parameters
    ----------
    directory
        The results.
    into
        Where they go; by default to the results, where they replace others once all are written.

    Raises
    ------
    InputError
        If a file is missing or cannot be read, or another version of pwsim wrote it.
    MachineError
        If they cannot be written.
    """
    summary = read_summary(directory)
    names = ["jobs", "timeline", *(["setups"] if summary["command"] == "run" else [])]
    if summary["command"] == "run" and summary["certainty"] is not None and summary["certainty"]["draws"]:
        names.append("draws")
    if (check := summary.get("hindcast")) is not None and check["verdict"] is not None:
        names += ["comparison", "comparison_hourly"]
    if summary.get("sensitivity") is not None:
        names += ["headroom"] if (directory / "headroom.parquet").exists() else []
    tables = {name: read_table(directory / f"{name}.parquet") for name in names}
    if into is not None:
        _write(into, summary, tables)
        return
    with new_files(directory) as beside:
        _write(beside, summary, tables)


def _write(into: Path, summary: dict[str, Any], tables: dict[str, pd.DataFrame]) -> None:
    """Write the figures, and the page that holds them."""
    folder = into / "figures"
    folder.mkdir()
    found = _found(summary, tables)
    page = template("report.html").render(
        summary=summary,
        figures=[shown(one, found.__getitem__, folder) for one in FIGURES.values() if one.is_shown(found)],
        compared=_compared(summary, tables["setups"]) if "setups" in tables else [],
        whole=_whole(summary),
        parts=[part for part in PARTS.values() if summary.get("cost_breakdown_usd_per_year", {}).get(part.name)],
        others=_others(summary["metrics"]),
        words=WORDS,
        unasked=[reason.name for reason in LEFT_OUT_REASONS.values() if not reason.asked],
        groups=_groups(tables["comparison"]) if "comparison" in tables else {},
    )
    (into / "report.html").write_text(page, encoding="utf-8")


def _whole(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the parts of the cost that belong to no pool [USD a year]."""
    parts = summary.get("cost_breakdown_usd_per_year", {})
    of_pools = {name: sum(pool.get(name) or 0.0 for pool in summary["pools"]) for name in parts}
    return {name: usd - of_pools[name] for name, usd in parts.items() if usd - of_pools[name] > 1e-9 * usd}


def read_summary(directory: Path) -> dict[str, Any]:
    """Return what ``summary.json`` of a results directory holds.

    Raises
    ------
    InputError
        If it cannot be read, or another version of pwsim wrote it.
    """
    path = directory / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a results directory of pwsim") from None
    except ValueError as error:
        raise InputError(f"{path}: is not JSON ({error}); run the scenario again") from None
    if not isinstance(summary, dict) or summary.get("command") not in ("run", "simulate", "hindcast"):
        raise InputError(f"{path}: is not a summary of pwsim; run the scenario again")
    ours, theirs = (f"{__version__} (schema {SCHEMA_VERSION})", _version(summary))
    if ours != theirs:
        raise InputError(
            f"{path}: was not written by this version of pwsim, {ours}, but by {theirs}; use that one, or run it again"
        )
    return summary


def _version(summary: dict[str, Any]) -> str:
    """Return the version of pwsim, and of its tables, that wrote a summary."""
    version = summary.get("pwsim_version", "an unknown one")
    schema = summary.get("schema_version")
    return version if schema is None else f"{version} (schema {schema})"


def read_table(path: Path) -> pd.DataFrame:
    """Return a table of results.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as Parquet ({reason}); run the scenario again") from None


def _found(summary: dict[str, Any], tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the tables and values that figures are drawn from, by name."""
    found = {"targets": [], **summary, **tables}
    if summary["command"] == "hindcast":
        window = Trim(**(summary["trim"] or {})).window(summary["workload"]["span_s"])
        found["compared_jobs"] = tables["jobs"][inside(tables["jobs"]["submit_s"].to_numpy(), window)]
    return found


def _others(measured: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what else was measured, and is not 0: its metric, and both in words."""
    others = [one for one in METRICS.values() if not one.statistics and one.name not in TOLD]
    return [
        (one.name, capital(one.words), value_text(one.name, measured[one.name])) for one in others if measured[one.name]
    ]


def _compared(summary: dict[str, Any], setups: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the replayed setups next in cost to the chosen one (else the cheapest), and which targets they miss."""
    distance = (setups["cost_usd_per_year"] - (summary["cost_usd_per_year"] or 0.0)).abs()
    rows = []
    for row in setups.assign(distance=distance).sort_values(["distance", "step"]).head(COMPARED).to_dict("records"):
        whole = not isinstance(row["stopped"], str)
        missed = [] if whole else [row["stopped"]]
        for index, target in enumerate(summary["targets"] if whole else ()):
            value = row[f"target_{index}_achieved"]
            if target.get("in_share") and row["draws"]:
                if row["decision"] != "accepted":
                    drawn = {"draws": row["draws"], "draws_met": row[f"target_{index}_draws_met"]}
                    missed.append(f"{target['text']}: {drawn_text(drawn)}")
            elif not meets(value, at_most=target["at_most"], at_least=target["at_least"]):
                missed.append(f"{target['text']}: {value_text(target['metric'], value)}")
        nodes = {pool["name"]: row[f"nodes_{pool['name']}"] for pool in summary["pools"]}
        typed = {pool["name"]: row[f"type_{pool['name']}"] for pool in summary["pools"] if "type" in pool}
        types = {"types": typed} if typed else {}
        run_by = {key: row[key] for key in row if key in ("policy", "limits", "hours")}
        chosen = summary["chosen"] is not None and summary["chosen"] == {"nodes": nodes, **types, **run_by}
        rows.append(
            {
                **{str(key): value for key, value in row.items()},
                "nodes": nodes,
                "types": typed,
                "missed": missed,
                "chosen": chosen,
            }
        )
    return rows


def _groups(comparison: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the comparison that the report lists, by what jobs are grouped by."""
    listed = comparison[~comparison["class_by"].isin(["all", "week"])]
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in listed.to_dict("records"):
        groups.setdefault(row["class_by"], []).append({str(key): value for key, value in row.items()})
    return groups
