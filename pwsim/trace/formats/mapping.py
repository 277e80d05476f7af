"""Mappings of the columns of a table: what they may name, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pwsim.common import did_you_mean, nearest, parse_quantity, words
from pwsim.trace.table import WIDEST

TIMES = ("submit_s", "eligible_s", "start_s", "end_s")
DURATIONS = ("run_s", "estimate_s", "recorded_wait_s", "held_s")
NUMBERS = {
    "job_id": 1e15, "procs": WIDEST, "nodes": WIDEST, "gpus": WIDEST, "job_array": 1e15, "array_limit": WIDEST,
}  # fmt: skip
SIZES = {"memory_mib": ("mebibyte", 1.0), "data_gib": ("gibibyte", 1024.0)}
"""Sizes: the unit in the name as pint writes it, and in MiB."""
NAMES = ("recorded_status", "user", "user_group", "queue", "partition", "qos", "after")
KNOWN = (*TIMES, *DURATIONS, *NUMBERS, *SIZES, *NAMES)
"""What a mapping may name."""


def parse_mapping(columns: Any) -> Any:
    """Return ``submit_s=submitted,run_s=minutes:min,procs=4`` as a mapping, anything else as it is.

    What follows the last colon is the unit; a name that has a colon itself is written with one more behind it.

    Examples
    --------
    >>> parse_mapping("submit_s=submitted,run_s=minutes:min,procs=4")
    {'submit_s': 'submitted', 'run_s': {'column': 'minutes', 'unit': 'min'}, 'procs': 4.0}
    >>> parse_mapping("submit_s=Time:Submit:")
    {'submit_s': 'Time:Submit'}
    """
    if not isinstance(columns, str) or "=" not in columns:
        return columns
    pairs = (part.partition("=") for part in columns.split(",") if part.strip())
    return {name.strip(): _parse_source(source.strip()) for name, _, source in pairs}


def _parse_source(source: str) -> Any:
    if re.fullmatch(r"\d+(\.\d+)?", source, re.ASCII):
        return float(source)
    column, colon, unit = source.rpartition(":")
    if not colon:
        return source
    return {"column": column.strip(), "unit": unit.strip()} if unit.strip() else column.strip()


def source_column(source: Any) -> Any:
    """Return the column of a source, or the number that stands for one."""
    return source["column"] if isinstance(source, Mapping) else source


def example_of(names: Sequence[str]) -> str:
    """Return a mapping as ``--columns`` takes it, guessed from the names of a table's columns; NAME where none fits.

    Examples
    --------
    >>> example_of(["id", "Submit Time", "cores", "elapsed"])
    'submit_s=Submit Time,run_s=elapsed,procs=cores'
    >>> example_of(["a", "b"])
    'submit_s=NAME,run_s=NAME,procs=NAME'
    """
    said = {name: words(name) for name in names if "," not in name and "=" not in name}
    found: dict[str, str] = {}
    for key in KNOWN:
        asked = set(words(re.sub(r"^recorded_|^user_|_(s|mib|gib)$", "", key)))
        fitting = [name for name in said if asked <= set(said[name]) and name not in found.values()]
        if fitting:
            best = min(fitting, key=lambda name: len(said[name]))
            found[key] = f"{best}:" if ":" in best else best
    whole = "start_s" in found and "end_s" in found
    needed = ("submit_s", *(("start_s", "end_s") if whole and "run_s" not in found else ("run_s",)), "procs")
    kept = [key for key in KNOWN if key in needed or key in found]
    return ",".join(f"{key}={found.get(key, 'NAME')}" for key in kept)


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
    """Return the factor of a column's numbers."""
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
