"""Mappings of the columns of a table: what they may name, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pwsim.names import did_you_mean, nearest
from pwsim.trace import WIDEST
from pwsim.units import parse_quantity

TIMES = ("submit_s", "eligible_s", "start_s", "end_s")
DURATIONS = ("run_s", "estimate_s", "recorded_wait_s", "held_s")
NUMBERS = {"job_id": 1e15, "procs": WIDEST, "nodes": WIDEST, "gpus": WIDEST}
SIZES = {"memory_mib": ("mebibyte", 1.0), "data_gib": ("gibibyte", 1024.0)}
"""Sizes: the unit in the name as pint writes it, and in MiB."""
NAMES = ("recorded_status", "user", "user_group", "queue", "partition")
KNOWN = (*TIMES, *DURATIONS, *NUMBERS, *SIZES, *NAMES)
"""What a mapping may name."""


def parse_mapping(columns: Any) -> Any:
    """Return ``submit_s=submitted,procs=4`` as a mapping, anything else as it is.

    Examples
    --------
    >>> parse_mapping("submit_s=submitted,procs=4")
    {'submit_s': 'submitted', 'procs': 4.0}
    """
    if not isinstance(columns, str) or "=" not in columns:
        return columns
    pairs = (part.partition("=") for part in columns.split(",") if part.strip())
    return {
        name.strip(): float(source) if re.fullmatch(r"\s*\d+(\.\d+)?\s*", source, re.ASCII) else source.strip()
        for name, _, source in pairs
    }


def wrong_columns(columns: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with a mapping: the keys that lead to it, and why."""
    if not isinstance(columns, Mapping):
        yield (), "must be a mapping such as {submit_s: submit_time, run_s: duration, procs: cores}"
        return
    for name, source in columns.items():
        if name not in KNOWN:
            meant = did_you_mean(nearest(str(name), KNOWN))
            yield (name,), f"unknown; {meant}{' ' * bool(meant)}known: {', '.join(KNOWN)}"
        elif isinstance(source, Mapping):
            yield from _wrong_source(name, source)
        elif isinstance(source, bool) or not isinstance(source, str | int | float) or source == "":
            yield (name,), f"must be a column, a number, or {{column: NAME, unit: UNIT}} (got {source!r})"
        elif not isinstance(source, str) and not 0 <= source <= 1e15:
            yield (name,), f"must be a number from 0 (got {source!r})"
    for needed in (("submit_s",), ("procs",), ("run_s", "end_s")):
        if not set(needed) & set(columns):
            yield (), f"{' or '.join(needed)} is missing: say which column holds it"
    if "run_s" not in columns and "end_s" in columns and "start_s" not in columns:
        yield (), "start_s is missing: without run_s, run times are end_s - start_s"


def _wrong_source(name: str, source: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    if not isinstance(source.get("column"), str) or set(source) - {"column", "unit"}:
        yield (name,), f"must be {{column: NAME, unit: UNIT}} (got {dict(source)!r})"
    elif source.get("unit") is not None:
        try:
            factor(name, source)
        except ValueError as error:
            yield (name, "unit"), str(error)


def factor(name: str, source: Any) -> float:
    """Return what a column's numbers are multiplied by."""
    unit = source.get("unit") if isinstance(source, Mapping) else None
    if unit is None:
        return 1.0
    if name not in (*SIZES, *TIMES, *DURATIONS):
        raise ValueError(f"{name} has no unit")
    kind, example = (SIZES[name][0], "GiB") if name in SIZES else ("second", "min")
    try:
        return parse_quantity(f"1 {unit}", kind, f"1 {example}")
    except ValueError:
        raise ValueError(f"must be a unit such as {example} (got {unit!r})") from None
