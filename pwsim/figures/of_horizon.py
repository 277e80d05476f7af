"""Figures of a plan over years: the nodes of each year, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pwsim.common import numeral
from pwsim.costs import PARTS, WHOLE_SETUP
from pwsim.figures.figure import Figure
from pwsim.figures.style import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    RED,
    SKY,
    clean,
    empty,
    legend_above,
    new_axes,
    thousands,
    usd,
    whole_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GROUPS = (
    ("purchase", BLUE, ("purchase_usd",)),
    ("operation and site", SKY, ("opex_usd_per_year", "licence_usd_per_year", "site_usd_per_year")),
    ("energy", ORANGE, ("idle_energy_usd_per_year", "busy_energy_usd_per_year")),
    ("cloud", PURPLE, ("cloud_usd_per_year", "commitment_usd_per_year", "savings_usd_per_year")),
    ("data", GREEN, ("storage_usd_per_year", "egress_usd_per_year")),
    ("carbon price", RED, ("carbon_usd_per_year",)),
)
"""What a year's costs are drawn as: name, colour and columns."""
assert {name for _, _, names in _GROUPS for name in names} == {*PARTS, "purchase_usd"} - {"capex_usd_per_year"}


def nodes(horizon: Mapping[str, Any] | None, ax: Axes | None = None) -> Axes:
    """Draw the nodes of each year by pool, with purchases and what leaves.

    Parameters
    ----------
    horizon
        ``horizon`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.

    Raises
    ------
    ValueError
        If none were to be planned.
    """
    ax, horizon = new_axes() if ax is None else ax, _asked(horizon)
    if not horizon["rows"]:
        return empty(ax, "no plan meets the targets in every year")
    years = np.arange(1, horizon["years"] + 1)
    rows = [row for row in horizon["rows"] if row["pool"] != WHOLE_SETUP]
    kinds = [kind for kind in dict.fromkeys((row["pool"], row["type"]) for row in rows) if _ever(rows, kind)]
    top = np.zeros(len(years))
    for index, kind in enumerate(kinds):
        by_year = {row["year"]: row for row in rows if (row["pool"], row["type"]) == kind}
        run = np.array([by_year[year]["nodes"] if year in by_year else 0 for year in years])
        own = any(row["standing_nodes"] is not None for row in by_year.values())
        most = "up to, " if kind[0] in horizon["elastic"] else ""
        name = f"{kind[0]}{f', {kind[1]}' if kind[1] else ''} ({most}{'own' if own else 'rented'})"
        colour = COLOURS[index % len(COLOURS)]
        ax.bar(years, run, bottom=top, color=colour, width=0.62, label=name, edgecolor=PAPER, linewidth=0.6)
        top = top + run
        if own:
            dark = np.array([_of(by_year.get(year), "standing_nodes") for year in years]) - run
            if dark.any():
                ax.bar(
                    years, dark, bottom=top, width=0.62, facecolor=PAPER, edgecolor=colour, hatch="///", linewidth=0.6,
                    label=f"{kind[0]}, switched off",
                )  # fmt: skip
            for place, year in enumerate(years):
                _mark(ax, by_year.get(year), year, top[place] - run[place], run[place])
            top = top + dark
    ax.set_xlim(0.4, len(years) + 0.6)
    ax.set_ylim(0, max(1.0, top.max()) * 1.08)
    loads = [f"{year}\n×{numeral(load, 3)}" for year, load in zip(years, horizon["loads"], strict=True)]
    ax.set_xticks(years, loads)
    ax.set_xlabel("year, and its load in that of the first")
    ax.set_ylabel("nodes")
    thousands(ax.yaxis)
    whole_numbers(ax.yaxis, at_most=6, at_least=2)
    legend_above(ax)
    return clean(ax)


def _asked(horizon: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return what was planned; an error if nothing was to be."""
    if horizon is None:
        raise ValueError("no years were to be planned: give optimize(horizon=...), or horizon in the scenario")
    return horizon


def _ever(rows: list[Any], kind: tuple[str, str | None]) -> bool:
    """Return whether there are nodes of a kind in some year."""
    mine = [row for row in rows if (row["pool"], row["type"]) == kind]
    return any(row["nodes"] or row["standing_nodes"] for row in mine)


def _of(row: Mapping[str, Any] | None, name: str) -> int:
    return int(row[name] or 0) if row is not None else 0


def _mark(ax: Axes, row: Mapping[str, Any] | None, year: int, bottom: float, height: float) -> None:
    """Write on a bar how many nodes are bought, and leave at the end of the year."""
    signs = (("+", "bought_nodes"), ("\N{MINUS SIGN}", "retired_nodes"))
    text = "  ".join(f"{sign}{_of(row, name):,}" for sign, name in signs if _of(row, name))
    if text:
        ax.annotate(
            text, (year, bottom + height / 2), ha="center", va="center", fontsize=8.5, color=INK,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": PAPER, "edgecolor": "none"},
        )  # fmt: skip


def cost(horizon: Mapping[str, Any] | None, ax: Axes | None = None) -> Axes:
    """Draw what each year costs, by what it is paid for, and what comes back.

    Parameters
    ----------
    horizon
        ``horizon`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.

    Raises
    ------
    ValueError
        If none were to be planned.
    """
    ax, horizon = new_axes() if ax is None else ax, _asked(horizon)
    if not horizon["rows"]:
        return empty(ax, "no plan meets the targets in every year")
    years = np.arange(1, horizon["years"] + 1)

    def by_year(*names: str) -> Any:
        return np.array(
            [sum(row[name] for row in horizon["rows"] if row["year"] == year for name in names) for year in years]
        )

    top, low = np.zeros(len(years)), np.zeros(len(years))
    for words, colour, names in _GROUPS:
        values = by_year(*names)
        if values.any():
            ax.bar(years, values, bottom=top, color=colour, width=0.62, label=words, edgecolor=PAPER, linewidth=0.6)
            top = top + values
    for words, name, hatch in (("sold", "returned_usd", ""), ("worth in the end", "residual_usd", "///")):
        values = by_year(name)
        if values.any():
            ax.bar(
                years, -values, bottom=low, width=0.62, facecolor=PAPER if hatch else GREY, edgecolor=GREY, hatch=hatch,
                linewidth=0.6, label=words,
            )  # fmt: skip
            low = low - values
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_xlim(0.4, len(years) + 0.6)
    ax.set_xticks(years)
    ax.margins(y=0.08)
    ax.set_xlabel("year")
    ax.set_ylabel(usd(ax.yaxis, np.concatenate((top, low))))
    legend_above(ax)
    return clean(ax)


def _is_planned(horizon: Mapping[str, Any] | None) -> bool:
    return horizon is not None and bool(horizon["rows"])


OF_HORIZON = {
    one.name: one
    for one in (
        Figure(
            "horizon_nodes",
            "The nodes of each year: + are bought at its beginning, \N{MINUS SIGN} leave at its end.",
            needs=("horizon",),
            draw=nodes,
            row="horizon",
            worth=_is_planned,
        ),
        Figure(
            "horizon_cost",
            "What is paid in each year, not discounted; below the line, what comes back, and what own nodes are worth "
            "in the end.",
            needs=("horizon",),
            draw=cost,
            row="horizon",
            worth=_is_planned,
        ),
    )
}
"""The figures of a plan over years by name, in the order in which they are shown."""
