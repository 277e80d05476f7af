"""What the documentation takes from inside the package: the one file to change when modules move.

All else in ``docs/`` goes through public names, the command line, and what is here.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, NamedTuple

import click

import pwsim
from pwsim.cluster import REJECTIONS
from pwsim.figures import FIGURES
from pwsim.hindcasting import COMPARISON_COLUMNS, HOURLY_COLUMNS
from pwsim.report import columns as columns_of
from pwsim.results import ATTRIBUTION_COLUMNS, DATED_COLUMNS, FEEDBACK_COLUMNS
from pwsim.rules import BACKFILLS, ORDERS, Order, Rule
from pwsim.scenario.batch import tables as batch_tables
from pwsim.search import (
    ALTERNATIVE_COLUMNS,
    DRAW_COLUMNS,
    FRONTIER_COLUMNS,
    NEIGHBOUR_COLUMNS,
    PROOF_COLUMNS,
    SETUP_COLUMNS,
)
from pwsim.search.horizon import HORIZON_COLUMNS
from pwsim.search.sensitivity import HEADROOM_COLUMNS, SENSITIVITY_COLUMNS
from pwsim.trace import COLUMNS, DROP_REASONS, FORMATS, LEFT_OUT_REASONS
from pwsim.workload.flurries import COLUMNS as FLURRY_COLUMNS

_ENTRY = next(iter(entry_points(group="console_scripts", name="pwsim")))

CLI = f"{_ENTRY.module}:commands"
"""Where the click group of the command line is, as sphinx-click wants it."""

API_SECTIONS = {
    "Logs and workloads": "read_trace",
    "Twins": "fit",
    "Clusters and what they cost": "Cluster",
    "Replays": "simulate",
    "Hindcasts": "hindcast",
    "Scenarios and searches": "load_scenario",
    "Prices": "load_prices",
    "Errors": "PwsimError",
}
"""Sections of the page on the API, by the name in ``pwsim.__all__`` that begins each."""


class Row(NamedTuple):
    """A column of a table."""

    name: str
    unit: str
    text: str


def commands() -> click.Group:
    """Return the click group of the command line."""
    group: click.Group = import_module(_ENTRY.module).commands
    return group


def data_set() -> dict[str, list[tuple[str, str, str, str]]]:
    """Return the columns of each table of a batch's data set: name, type, unit and meaning."""
    return {table: batch_tables.described(table) for table in batch_tables.DATA}


def columns(table: str) -> list[Row]:
    """Return the columns of a table, by the name that the pages use."""
    rows: list[Row] = list(_TABLES[table]())
    return rows


def orders() -> list[Order]:
    """Return the orders of the queue."""
    return list(ORDERS.values())


def backfill_rules() -> list[Rule]:
    """Return the backfill rules."""
    return list(BACKFILLS.values())


def reasons(which: str) -> dict[str, str]:
    """Return why records are dropped (``dropped``), or jobs left out on request (``left_out``), by name."""
    known = {
        "dropped": {one.name: one.text for one in DROP_REASONS.values()},
        "left_out": {one.name: one.text for one in LEFT_OUT_REASONS.values()},
    }
    return known[which]


def rejections() -> dict[str, str]:
    """Return what the jobs are that no pool takes, by the name of the reason."""
    return {one.name: one.words for one in REJECTIONS.values()}


def formats() -> dict[str, str]:
    """Return what the formats of logs are, by name."""
    return {one.name: one.words for one in FORMATS.values()}


def figures() -> list[tuple[str, str]]:
    """Return the figures of results directories: the name of their files, and what they show."""
    return [(one.name, one.caption) for one in FIGURES.values()]


def _plain(table: dict[str, tuple[str, str]], when: str = "") -> Iterator[Row]:
    yield from (Row(name, unit, text + when) for name, (unit, text) in table.items())


def _trace() -> Iterator[Row]:
    yield from (Row(one.name, one.unit, one.text) for one in COLUMNS)


def _same(table: str) -> Iterator[Row]:
    """Yield the columns of a table that has all of them in all results."""
    null = dict.fromkeys(FEEDBACK_COLUMNS, "users do not wait") | dict.fromkeys(DATED_COLUMNS, "there is no date")
    for name, (unit, text) in columns_of.SAME[table].items():
        yield Row(name, unit, text + (f"; null where {null[name]}" if name in null else ""))


def tiny_plan() -> Any:
    """Return a search of a few seconds, for the columns that only a search has."""
    own = {"name": "own", "kind": "on_premises", "nodes": [4, 5], "node": {"cores": 8}}
    own["cost"] = {"capex_usd": 9000, "lifetime_years": 5}
    trace = pwsim.generate(jobs=200, cores=16, load=0.8, seed=1)
    soon = pwsim.Target(metric="wait_s", statistic="p95", at_most=3600.0)
    return pwsim.optimize(trace=trace, pools=[own], targets=[soon], engine="simpy", workers=1, draws=False)


_TABLES: dict[str, Any] = {
    "trace": _trace,
    "jobs": lambda: _same("jobs"),
    "timeline": lambda: _same("timeline"),
    "setups": lambda: _plain(SETUP_COLUMNS),
    "frontier": lambda: _plain(FRONTIER_COLUMNS),
    "horizon": lambda: _plain(HORIZON_COLUMNS),
    "sensitivity": lambda: _plain(SENSITIVITY_COLUMNS),
    "headroom": lambda: _plain(HEADROOM_COLUMNS),
    "attribution": lambda: _plain(ATTRIBUTION_COLUMNS),
    "proof": lambda: _plain(PROOF_COLUMNS),
    "alternatives": lambda: _plain(ALTERNATIVE_COLUMNS),
    "neighbours": lambda: _plain(NEIGHBOUR_COLUMNS),
    "draws": lambda: _plain(DRAW_COLUMNS),
    "comparison": lambda: _plain(COMPARISON_COLUMNS),
    "comparison_hourly": lambda: _plain(HOURLY_COLUMNS),
    "flurries": lambda: _plain(FLURRY_COLUMNS),
}
