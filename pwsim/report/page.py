"""The report for people: figures, and one self-contained HTML page made from a results directory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pwsim import costs, figures
from pwsim._version import __version__
from pwsim.common import (
    InputError,
    capital,
    count,
    duration,
    mass,
    money,
    new_files,
    numeral,
    price,
    share,
    share_or_dash,
)
from pwsim.costs import PART_NAMES, WHOLE_SETUP
from pwsim.figures import figure, template
from pwsim.hindcasting import CHECK_NAMES, WAITING_NAMES
from pwsim.metrics import METRIC_NAMES, value_text
from pwsim.results import SCHEMA_VERSION, busy
from pwsim.rules import policy_text
from pwsim.search import STOPS, edge_text
from pwsim.trace import LEFT_OUT_REASONS, dropped_words, left_out_words

COMPARED = 10
"""Replayed setups that the report lists."""

CAPTIONS = {
    "setups": "Every setup that was replayed: what it costs, and how it does on {target}.",
    "search": "How the search closed in: each replay raises the bound on what is left, until nothing cheaper is.",
    "cost_breakdown": "What the setup costs in a year, by pool and part.",
    "waits": "How long jobs wait: the share of all jobs that has started after a time.",
    "wait_by_size": "Who waits: median and 95th percentile of the waiting time by the size of the job.",
    "capacity": "What becomes of what is up, on average from the first submission to the last.",
    "timeline": "The machine over time: cores that jobs ask for, that they hold beside it, that are free, that are up.",
    "timeline_gpus": "The GPUs over time: those that jobs ask for, hold beside it, that are free, and that are up.",
    "queue": "The queue over time: cores that waiting jobs ask for.",
    "queue_gpus": "The queue over time: GPUs that waiting jobs ask for.",
    "compared_waits": "How long jobs waited, recorded and simulated: the share of jobs that has started after a time.",
    "compared_sizes": "Who waited: mean waiting time by the size of the job, recorded and simulated.",
    "compared_weeks": "When: mean waiting time by the week of submission, recorded and simulated.",
    "compared_queue": "The queue over time, recorded and simulated.",
    "compared_busy": "Cores that jobs hold over time, recorded and simulated.",
}
"""What each figure shows, in a sentence."""

WIDE = {"timeline", "timeline_gpus", "queue", "queue_gpus", "compared_weeks", "compared_queue", "compared_busy"}
"""Figures that stand alone, for they show how something changes over time."""


WORDS = SimpleNamespace(
    CHECK_NAMES=CHECK_NAMES, METRIC_NAMES=METRIC_NAMES, PART_NAMES=PART_NAMES, STOPS=STOPS,
    WAITING_NAMES=WAITING_NAMES, WHOLE_SETUP=WHOLE_SETUP, busy=busy, capital=capital, count=count, duration=duration,
    dropped_words=dropped_words, edge_text=edge_text, left_out_words=left_out_words, mass=mass, money=money,
    numeral=numeral, policy_text=policy_text, price=price, share=share, share_or_dash=share_or_dash,
    value_text=value_text,
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
    summary = _read_summary(directory)
    names = ["jobs", "timeline", *(["setups"] if summary["command"] == "run" else [])]
    if (check := summary.get("hindcast")) is not None and check["verdict"] is not None:
        names += ["comparison", "comparison_hourly"]
    tables = {name: _read_table(directory / f"{name}.parquet") for name in names}
    if into is not None:
        _write(into, summary, tables)
        return
    with new_files(directory) as beside:
        _write(beside, summary, tables)


def _write(into: Path, summary: dict[str, Any], tables: dict[str, pd.DataFrame]) -> None:
    """Write the figures, and the page that holds them."""
    folder = into / "figures"
    folder.mkdir()
    drawn = {
        name: figure(draw, _caption(name, summary, tables), folder / name, wide=name in WIDE)
        for name, draw in _drawings(summary, tables)
    }
    page = template("report.html").render(
        summary=summary,
        figures=drawn,
        compared=_compared(summary, tables["setups"]) if "setups" in tables else [],
        parts=[part for part in costs.PARTS if summary.get("cost_breakdown_usd_per_year", {}).get(part)],
        words=WORDS,
        unasked=[reason.name for reason in LEFT_OUT_REASONS.values() if not reason.asked],
        groups=_groups(tables["comparison"]) if "comparison" in tables else {},
    )
    (into / "report.html").write_text(page, encoding="utf-8")


def _caption(name: str, summary: dict[str, Any], tables: dict[str, pd.DataFrame]) -> str:
    if name != "setups":
        return CAPTIONS[name]
    some_miss = any(figures.misses(tables["setups"], summary["targets"]))
    return CAPTIONS[name].format(target="the target that most of them miss" if some_miss else "the first target")


def _read_summary(directory: Path) -> dict[str, Any]:
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


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as Parquet ({reason}); run the scenario again") from None


def _drawings(summary: dict[str, Any], tables: dict[str, pd.DataFrame]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what draws each figure, by name."""
    targets = summary["targets"] if "setups" in tables else []
    if "setups" in tables:
        yield "setups", partial(figures.setups, tables["setups"], targets)
        if np.isfinite(tables["setups"]["lower_bound_usd_per_year"]).any():  # else arithmetic ruled all of them out
            yield "search", partial(figures.search, tables["setups"], summary["lower_bound_usd_per_year"])
        yield "cost_breakdown", partial(figures.cost_breakdown, summary["pools"], summary["site"])
    if summary["command"] == "hindcast":
        yield "compared_waits", partial(figures.compared_waits, tables["jobs"])
    if "comparison" in tables:
        yield "compared_sizes", partial(figures.compared_sizes, tables["comparison"])
        yield "compared_weeks", partial(figures.compared_weeks, tables["comparison"])
        yield "compared_queue", partial(figures.compared_hours, tables["comparison_hourly"], "queued_jobs")
        yield "compared_busy", partial(figures.compared_hours, tables["comparison_hourly"], "busy_cores")
    yield "waits", partial(figures.waits, tables["jobs"], targets)
    yield "wait_by_size", partial(figures.wait_by_size, tables["jobs"])
    yield "capacity", partial(figures.capacity, summary["pools"])
    cores = {pool["name"]: pool["cores_per_node"] for pool in summary["pools"]}
    yield "timeline", partial(figures.timeline, tables["timeline"], cores)
    gpus = {pool["name"]: pool["gpus_per_node"] for pool in summary["pools"]}
    if any(gpus.values()):
        yield "timeline_gpus", partial(figures.timeline, tables["timeline"], gpus, unit="gpus")
        yield "queue_gpus", partial(figures.queue, tables["timeline"], unit="gpus")
    yield "queue", partial(figures.queue, tables["timeline"])


def _compared(summary: dict[str, Any], setups: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the replayed setups next in cost to the chosen one (else the cheapest), and which targets they miss."""
    distance = (setups["cost_usd_per_year"] - (summary["cost_usd_per_year"] or 0.0)).abs()
    rows = []
    for row in setups.assign(distance=distance).sort_values(["distance", "step"]).head(COMPARED).to_dict("records"):
        missed = [] if row["stopped"] is None or row["stopped"] != row["stopped"] else [row["stopped"]]
        for index, target in enumerate(summary["targets"]):
            value = row[f"target_{index}_achieved"]
            met = value <= target["required"] if target["at_least"] is None else value >= target["required"]
            if not met:
                missed.append(f"{target['text']}: {value_text(target['metric'], value)}")
        nodes = {pool["name"]: row[f"nodes_{pool['name']}"] for pool in summary["pools"]}
        chosen = summary["chosen"] is not None and summary["chosen"] == {"nodes": nodes, "policy": row["policy"]}
        rows.append(
            {**{str(key): value for key, value in row.items()}, "nodes": nodes, "missed": missed, "chosen": chosen}
        )
    return rows


def _groups(comparison: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the comparison that the report lists, by what jobs are grouped by."""
    listed = comparison[~comparison["class_by"].isin(["all", "week"])]
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in listed.to_dict("records"):
        groups.setdefault(row["class_by"], []).append({str(key): value for key, value in row.items()})
    return groups
