"""A plan over years as a table: one row a year and pool, with what is bought and what it costs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from pwsim.cluster import CloudPool
from pwsim.common import retyped
from pwsim.costs import PARTS, WHOLE_SETUP, total
from pwsim.results import Result

if TYPE_CHECKING:
    from pwsim.search.horizon.years import Years

RUN_PARTS = tuple(name for name in PARTS if name != "capex_usd_per_year")
"""Parts of what a year costs to run."""

HORIZON_COLUMNS: dict[str, tuple[str, str]] = {
    "year": ("", "which year, from 1"),
    "load": ("", "work of the year's jobs, in that of the first year's"),
    "pool": ("", f"name of the pool; '{WHOLE_SETUP}' for what belongs to none"),
    "type": ("", "type of node, of a pool that has several to choose from; absent where there is one"),
    "nodes": ("nodes", "nodes that run, or of an elastic pool the most that may be rented at once"),
    "standing_nodes": ("nodes", "own nodes that stand there: those that do not run are switched off"),
    "bought_nodes": ("nodes", "own nodes that are bought at the beginning of the year"),
    "retired_nodes": ("nodes", "own nodes that leave at the end of the year: of age, or sold early"),
    "purchase_usd": ("USD", "price of the nodes that are bought, paid at the beginning of the year"),
    **{name: ("USD/year", f"part of what the year costs to run: {PARTS[name].text}") for name in RUN_PARTS},
    "returned_usd": ("USD", "what the nodes that leave are sold for, at the end of the year"),
    "residual_usd": ("USD", "what the nodes that stand are worth at the end of the last year; 0 in the others"),
    "cost_usd": ("USD", "purchase and what the year costs to run, less what is sold at its end"),
    "discounted_usd": (
        "USD",
        "the same less what nodes are worth in the end, in money of the beginning: in all, the net present cost",
    ),
}
"""Unit and meaning of the columns of ``horizon.parquet``."""

_KINDS: dict[str, Any] = {
    "type": "str",
    **dict.fromkeys(("nodes", "standing_nodes", "bought_nodes", "retired_nodes"), "Int64"),
}


def table(found: Years) -> pd.DataFrame:
    """Return the plan as a table (:data:`HORIZON_COLUMNS`); without rows if there is none."""
    rows = [row for year in range(1, len(found.chosen) + 1) for row in _rows(found, year)]
    return retyped(pd.DataFrame(rows, columns=list(HORIZON_COLUMNS)), _KINDS)


def _rows(found: Years, year: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a year."""
    setup, ran = found.chosen[year - 1].setup, found.chosen[year - 1].ran
    assert ran is not None  # it met the targets
    assert ran.replay is not None
    about = found.years[year - 1]
    judge = about.judge
    result = Result(judge.trace, judge.cluster.at(*setup), ran.replay, judge.seed, judge.trim)
    billed = result.pools(judge.economics)
    first = {"year": year, "load": about.load}
    for index, pool in enumerate(found.cluster.pools):
        runs = {name: float(billed[name][index]) for name in RUN_PARTS}
        nodes, kind = setup.nodes[pool.name], setup.types.get(pool.name)
        if isinstance(pool, CloudPool):
            yield _priced(found, year, {**first, "pool": pool.name, "type": kind, "nodes": nodes, **runs})
            continue
        lines = [number for number, line in enumerate(found.capital.lines) if line.pool == index]
        names: list[str | None] = [one.name for one in pool.types] or [None]
        told = [_standing(found, line, year) for line in lines]
        for name, stands in zip(names, told, strict=True):
            mine = name == kind
            if mine or any(stands.values()):
                of_type = {"pool": pool.name, "type": name, "nodes": nodes if mine else 0}
                yield _priced(found, year, {**first, **of_type, **stands, **(runs if mine else {})})
    rest = {name: ran.bill.cost[name] - math.fsum(billed[name]) for name in RUN_PARTS}
    if any(usd > 1e-9 * max(1.0, abs(ran.bill.cost[name])) for name, usd in rest.items()):
        yield _priced(found, year, {**first, "pool": WHOLE_SETUP, **rest})


def _standing(found: Years, line: int, year: int) -> dict[str, float]:
    """Return what stands of a line in a year, what is bought and leaves, and for how much."""
    capital, plan = found.capital, found.purchases
    assert plan is not None
    told = dict.fromkeys(
        ("standing_nodes", "bought_nodes", "retired_nodes", "purchase_usd", "returned_usd", "residual_usd"), 0.0
    )
    for number in capital.of_line(line):
        one = capital.cohorts[number]
        sold = {after: count for (other, after), count in plan.sold.items() if other == number}
        standing = plan.bought[number] - sum(count for after, count in sold.items() if after < year)
        if not capital.stands(one, year) or not plan.bought[number]:
            continue
        leaving = standing if capital.last_year(one) == year else sold.get(year, 0)
        told["standing_nodes"] += standing
        told["retired_nodes"] += leaving
        if one.is_bought and one.first_year == year:
            told["bought_nodes"] += standing
            told["purchase_usd"] += standing * one.price_usd
        told["returned_usd"] += leaving * capital.worth_usd(one, year)
        if year == capital.years:
            told["residual_usd"] += (standing - leaving) * capital.worth_usd(one, year)
    return told


def _priced(found: Years, year: int, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its sums; what it does not say of money is nothing."""
    money = ("purchase_usd", *RUN_PARTS, "returned_usd", "residual_usd")
    row = {**row, **{name: float(row.get(name, 0.0)) for name in money}}
    run_usd = total({"capex_usd_per_year": 0.0, **{name: row[name] for name in RUN_PARTS}})
    now, then = found.capital.discount(year - 1), found.capital.discount(year)
    return {
        **row,
        "cost_usd": row["purchase_usd"] + run_usd - row["returned_usd"],
        "discounted_usd": row["purchase_usd"] * now + (run_usd - row["returned_usd"] - row["residual_usd"]) * then,
    }
