"""Prices of cloud instances: the table that ships with pwsim, or one of the user's own.

The table's columns: ``provider``, ``region``, ``instance_type``; ``vcpus`` as the provider counts them and ``cores``,
the physical cores behind them (many providers count two hardware threads as two vCPUs); ``memory_gib``, ``gpus``,
``gpu_model``; prices of the whole node by market in US dollars an hour, empty where not known; ``price_date`` and
``source``; ``commitment_date`` and ``commitment_source`` of what is promised for years, if others said that.
Prices are copies of what others published on those dates: check the ones that decide.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pwsim.common import InputError, did_you_mean, nearest, numeral
from pwsim.trace import datasets

SAVINGS = ("savings_1yr", "savings_3yr")
"""Markets of nodes that money covers which one promises to pay, whatever nodes it is for."""
COMMITTED = ("reserved_1yr", "reserved_3yr", *SAVINGS)
"""Markets of nodes, or of money, that one promises to pay for, used or not."""
MARKETS = ("on_demand", "spot", *COMMITTED)
"""Markets that the table has prices of, in columns ``MARKET_usd_per_hour``."""

RATIOS = {"gpu_hour": "gpus", "core_hour": "cores", "gib_hour": "memory_gib", "node_hour": ""}
"""What instances can be compared by: an hour of one of them, and the column that counts them."""

_TEXTS = (
    "provider", "region", "instance_type", "gpu_model", "price_date", "source", "commitment_date", "commitment_source"
)  # fmt: skip
_NUMBERS = ("vcpus", "cores", "memory_gib", "gpus", *(f"{market}_usd_per_hour" for market in MARKETS))
_REQUIRED = ("provider", "region", "instance_type", "cores", "memory_gib", "on_demand_usd_per_hour")
_UNTOLD = ("vcpus", "price_date", "source", "commitment_date", "commitment_source")
"""Columns that a terminal does not show."""
_COMPARISON = re.compile(r"\s*(\w+)\s*(>=|<=|!=|==|=|>|<)\s*(.+?)\s*")


@dataclass(frozen=True)
class Offer:
    """One kind of node that can be rented, at the price of one market."""

    instance: str
    """``provider/region/instance_type``."""
    cores: int
    """Physical cores."""
    memory_mib: int
    """Memory [MiB]."""
    gpus: int
    """GPUs."""
    gpu_model: str
    """Model of the GPUs; empty if there are none."""
    price_usd_per_hour: float
    """Price of the whole node [USD/h]."""
    price_date: str
    """When this was the price."""
    source: str
    """Who published it."""


def load_prices(path: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Return a price table: the shipped one, or that of a CSV file with the same columns.

    Of the columns, ``provider``, ``region``, ``instance_type``, ``cores``, ``memory_gib`` and
    ``on_demand_usd_per_hour`` are required.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column, or has a value that cannot be right; names row and column.

    Examples
    --------
    >>> table = load_prices()
    >>> len(table), sorted(table["provider"].unique())
    (224, ['aws', 'azure', 'gcp', 'lambda'])
    """
    return _shipped_prices().copy() if path is None else _read(Path(path))


def with_own(own: pd.DataFrame) -> pd.DataFrame:
    """Return a price table of one's own, followed by the rows of the shipped one for other instances."""
    shipped = _shipped_prices()
    return pd.concat([own, shipped[~_keys(shipped).isin(_keys(own))]], ignore_index=True)


@lru_cache(maxsize=1)
def _shipped_prices() -> pd.DataFrame:
    return _read(datasets.shipped("prices.csv"))


def _keys(table: pd.DataFrame) -> pd.Series[str]:
    """Return the names of a table's instances: ``provider/region/instance_type``."""
    return table["provider"] + "/" + table["region"] + "/" + table["instance_type"]


def _read(path: Path) -> pd.DataFrame:
    try:  # the first line is data to pandas, so that it refuses lines that are longer
        raw = pd.read_csv(path, header=None, dtype=str, na_filter=False, encoding="utf-8-sig", skip_blank_lines=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip()
        raise InputError(f"{path}: cannot be read as a price table in CSV: {reason}") from None
    raw = raw.fillna("")  # lines that are too short
    columns = [name.strip() for name in raw.iloc[0]]
    if missing := [column for column in _REQUIRED if column not in columns]:
        raise InputError(f"{path}:1: column {missing[0]!r} is missing; a price table has {', '.join(_REQUIRED)}")
    if twice := [column for column in columns if column and columns.count(column) > 1]:
        raise InputError(f"{path}:1: column {twice[0]!r} occurs twice")
    table = raw.iloc[1:].set_axis(columns, axis=1)
    table = table[(table != "").any(axis=1)]  # the index goes on telling the line in the file, less one
    for column in (*_TEXTS, *_NUMBERS):
        if column not in table:
            table = table.assign(**{column: ""})
    for column in _TEXTS[:3]:
        bad = table[column].str.strip().isin([""]) | table[column].str.contains("/", regex=False)
        if bad.any():
            raise InputError(
                f"{path}:{_line(bad)}: {column} must be a text without a slash (got {table[column][bad].iloc[0]!r})"
            )
    table = table.assign(**{column: _numbers(table[column], column, path) for column in _NUMBERS})
    keys = _keys(table)
    if (again := keys.duplicated()).any():
        raise InputError(f"{path}:{_line(again)}: {keys[again].iloc[0]!r} occurs twice; give one row for each instance")
    return table[[*_TEXTS[:3], *_NUMBERS[:4], _TEXTS[3], *_NUMBERS[4:], *_TEXTS[4:]]].reset_index(drop=True)


def _line(bad: pd.Series[bool]) -> int:
    """Return the line in the file of the first row that is bad."""
    return int(bad[bad].index[0]) + 1


def _numbers(texts: pd.Series[str], column: str, path: Path) -> pd.Series[Any]:
    """Return a column as numbers, NaN where it is empty (0 GPUs)."""
    numbers = pd.to_numeric(texts.where(texts.str.strip() != "", "nan"), errors="coerce")
    least = 1 if column in ("cores", "vcpus") else 0
    optional = column not in _REQUIRED or column.endswith("_usd_per_hour")
    empty = texts.str.strip() == ""
    bad = ~((numbers >= least) & (numbers < 1e9)) & ~(empty & optional)
    if column in ("cores", "gpus"):
        bad |= ~empty & (numbers != numbers.round())
    if bad.any():
        kind = "whole number" if column in ("cores", "gpus") else "number"
        raise InputError(
            f"{path}:{_line(bad)}: {column} must be a {kind} of at least {least} (got {texts[bad].iloc[0]!r})"
        )
    return numbers.fillna(0).astype("int64") if column == "gpus" else numbers


def find_price(instance: str, market: str = "on_demand", prices: pd.DataFrame | None = None) -> Offer:
    """Return an instance and its price in a market.

    Parameters
    ----------
    instance
        ``provider/region/instance_type``.
    market
        One of :data:`MARKETS`.
    prices
        A price table; the shipped one if left out.

    Raises
    ------
    InputError
        If there is no such instance (names the nearest), or no price of it in this market.

    Examples
    --------
    >>> offer = find_price("aws/us-east-1/c7i.8xlarge")
    >>> offer.cores, offer.price_usd_per_hour, offer.price_date
    (16, 1.428, '2026-07-20')
    """
    table = _shipped_prices() if prices is None else prices
    names = _keys(table)
    rows = table[names == instance]
    if rows.empty:
        near = difflib.get_close_matches(instance, list(names), 3, 0.5)
        meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise InputError(f"{instance!r} is not in the price table (provider/region/instance){meant}")
    row = rows.iloc[0]
    price = float(row[f"{market}_usd_per_hour"])
    if not price > 0:
        known = [other for other in MARKETS if row[f"{other}_usd_per_hour"] > 0]
        raise InputError(f"{instance!r} has no {market} price in the table, only {', '.join(known) or 'none at all'}")
    promised = market in COMMITTED and bool(row["commitment_source"])
    return Offer(
        instance=instance,
        cores=int(row["cores"]),
        memory_mib=int(row["memory_gib"] * 1024),
        gpus=int(row["gpus"]),
        gpu_model=str(row["gpu_model"]),
        price_usd_per_hour=price,
        price_date=str(row["commitment_date" if promised else "price_date"]),
        source=str(row["commitment_source" if promised else "source"]),
    )


def committed_markets(instance: str, prices: pd.DataFrame | None = None) -> list[str]:
    """Return which of :data:`COMMITTED` an instance has a price in; none if there is no such instance.

    Parameters
    ----------
    instance, prices
        As for :func:`find_price`.

    Examples
    --------
    >>> committed_markets("gcp/us-central1/c2d-standard-32")
    ['reserved_1yr', 'reserved_3yr']
    """
    table = _shipped_prices() if prices is None else prices
    rows = table[_keys(table) == instance]
    return [one for one in COMMITTED if (rows[f"{one}_usd_per_hour"] > 0).any()]


def select(condition: str = "", prices: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the rows that meet a condition: comparisons and words, joined by ``and``.

    Parameters
    ----------
    condition
        Such as ``gpus>=8``, ``provider=aws and cores>=32``, or a part of a text such as ``c7i``.
    prices
        A price table; the shipped one if left out.

    Raises
    ------
    InputError
        If the condition names no column, or compares a number with a text.

    Examples
    --------
    >>> list(select("provider=gcp and gpus>=16")["instance_type"].unique())
    ['a2-megagpu-16g']
    """
    table = _shipped_prices() if prices is None else prices
    for part in _parts(condition):
        if comparison := _COMPARISON.fullmatch(part):
            table = table[_compare(table, *comparison.groups())]
        else:
            texts = _keys(table) + " " + table["gpu_model"]
            table = table[texts.str.contains(part.strip(), case=False, regex=False)]
    return table.reset_index(drop=True)


def nothing_matches(condition: str, prices: pd.DataFrame) -> str:
    """Return a message that no row meets a condition, with the nearest names to a text in it that is in no row.

    Parameters
    ----------
    condition
        As for :func:`select`.
    prices
        The price table, all of it.
    """
    message = f"no row of the price table matches {condition!r}"
    for part in _parts(condition):
        comparison = _COMPARISON.fullmatch(part)
        columns, text = ((comparison[1],), comparison[3]) if comparison else (_TEXTS[:4], part)
        if not select(part, prices).empty or not set(columns) <= set(_TEXTS[:4]):
            continue
        names = {str(name) for column in columns for name in prices[column].unique()}
        names |= {name.partition(".")[0] for name in names}  # families, such as c7i
        near = difflib.get_close_matches(text, sorted(names - {""}), 3, 0.0)
        return f"{message}; the nearest names to {text!r} are {', '.join(near)}"
    return message


def _parts(condition: str) -> list[str]:
    return [part.strip() for part in re.split(r"\s+and\s+", condition.strip()) if part.strip()]


def cheapest_per(prices: pd.DataFrame, what: str, market: str = "on_demand") -> pd.DataFrame:
    """Return the rows in the order of what an hour of something costs, with that as their first new column.

    Rows without a price in the market, or without any of it, are left out; equal ones come in the order of their names.

    Parameters
    ----------
    prices
        A price table, or some rows of one.
    what
        One of :data:`RATIOS`; ``gpu_hour`` adds a column ``usd_per_gpu_hour``.
    market
        One of :data:`MARKETS`.

    Raises
    ------
    InputError
        If ``what`` or ``market`` is something else.

    Examples
    --------
    >>> cheapest_per(select("gpus>=8"), "gpu_hour")["usd_per_gpu_hour"].is_monotonic_increasing
    True
    """
    for name, value, known in (("what", what, RATIOS), ("market", market, MARKETS)):
        if value not in known:
            raise InputError(f"{name} must be one of {', '.join(known)} (got {value!r})")
    column = RATIOS[what]
    price = prices[f"{market}_usd_per_hour"]
    divisor = prices[column] if column else 1.0
    ratio = (price / divisor).where((price > 0) & (np.asarray(divisor) > 0))
    table = prices.copy()
    table.insert(3, f"usd_per_{what}", ratio)
    table = table[ratio.notna()]
    return table.sort_values([f"usd_per_{what}", *_TEXTS[:3]], kind="stable", ignore_index=True)


def as_text(prices: pd.DataFrame, width: int) -> str:
    """Return some rows of a price table for a terminal, no value of them cut.

    Parameters
    ----------
    prices
        What :func:`select` or :func:`cheapest_per` gave.
    width
        Columns of the terminal; if the table does not fit, names stand on lines of their own.
    """
    if prices.empty:
        return "Nothing in the table is like this."
    names = ["", "/".join(_TEXTS[:3]), *_keys(prices)]
    rows = [""] * len(names)
    for column in prices.columns.drop([*_TEXTS[:3], *_UNTOLD]):
        values = ["" if pd.isna(one) else one if isinstance(one, str) else numeral(one) for one in prices[column]]
        if all(one in ("", "0") for one in values):
            continue
        cells = [*_in_two(str(column).removesuffix("_usd_per_hour"), max(map(len, values))), *values]
        widest, adjust = max(map(len, cells)), str.ljust if column in _TEXTS else str.rjust
        rows = [f"{row} {adjust(one, widest)}" for row, one in zip(rows, cells, strict=True)]
    longest = max(map(len, names))
    if longest + len(rows[0]) <= width:
        lines = [f"{name:<{longest}}{row}" for name, row in zip(names, rows, strict=True)]
    else:
        pairs = zip(names[2:], rows[2:], strict=True)
        lines = [names[1], *rows[:2], *(line for pair in pairs for line in pair)]
    dates = sorted(set(prices["price_date"]) - {""})
    of = f" of {' to '.join(dict.fromkeys((dates[0], dates[-1])))}" if dates else ""
    return "\n".join([*filter(None, map(str.rstrip, lines)), "", f"Prices{of} in USD an hour; --csv tells more."])


def _in_two(name: str, width: int) -> tuple[str, str]:
    """Return a heading in two lines, the first one empty if it is no wider than its column.

    Examples
    --------
    >>> _in_two("usd_per_core_hour", 7), _in_two("gpus", 4)
    (('usd_per', 'core_hour'), ('', 'gpus'))
    """
    breaks = [at + 1 for at, letter in enumerate(name) if letter == "_"]
    at = 0 if len(name) <= width else min(breaks, key=lambda at: max(at, len(name) - at), default=0)
    return name[:at].rstrip("_"), name[at:]


def _compare(table: pd.DataFrame, column: str, sign: str, text: str) -> pd.Series[bool]:
    if column not in table:
        meant = "; " + (
            did_you_mean(nearest(column, list(map(str, table)))) or f"columns: {', '.join(map(str, table))}"
        )
        raise InputError(f"the price table has no column {column!r}{meant}")
    if column in _NUMBERS:
        try:
            value = float(text)
        except ValueError:
            raise InputError(f"{column} is compared with a number, such as {column}>=8 (got {text!r})") from None
        operations = {">=": "ge", "<=": "le", "!=": "ne", "==": "eq", "=": "eq", ">": "gt", "<": "lt"}
        matches: pd.Series[bool] = getattr(table[column], operations[sign])(value)
        return matches
    if sign not in ("=", "==", "!="):
        raise InputError(f"{column} is a text: compare it with = or != (got {sign!r})")
    same: pd.Series[bool] = table[column].str.lower() == text.strip("'\"").lower()
    return ~same if sign == "!=" else same
