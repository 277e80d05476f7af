"""Figures of a search: its setups, how it closed in, what the answer costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pwsim.common import duration, numeral
from pwsim.costs import PARTS, WHOLE_SETUP
from pwsim.figures.figure import Figure
from pwsim.figures.style import (
    _TICKS_S,
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    GRID,
    INK,
    PAPER,
    RED,
    _unit,
    _wrapped,
    clean,
    legend_above,
    misses,
    new_axes,
    thousands,
    usd,
    whole_numbers,
)
from pwsim.metrics import ALL_METRICS, statistic_text, value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def setups(table: pd.DataFrame, targets: Sequence[Mapping[str, Any]], ax: Axes | None = None) -> Axes:
    """Draw the cost of each replayed setup against what it achieved of the target that is missed most often.

    Parameters
    ----------
    table
        ``setups.parquet``.
    targets
        ``targets`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.
    """
    ax = new_axes() if ax is None else ax
    index = int(np.argmax(misses(table, targets)))
    target = targets[index]
    achieved = table[f"target_{index}_achieved"].to_numpy(float)
    cost = table["cost_usd_per_year"].to_numpy(float)
    met = table["meets_targets"].isin([True]).to_numpy()
    known = ~np.isnan(achieved)
    drawn = np.append(achieved[known], target["required"])
    positive, times = drawn[drawn > 0], ALL_METRICS[target["metric"]].unit == "s"
    wide = len(positive) > 0 and positive.max() > 50 * positive.min() and (times or (drawn > 0).all())
    scale, unit = _unit(drawn.max()) if times and not wide else (1.0, "")
    styles = ((known & ~met, "x", RED, "misses a target"), (known & met, "o", GREEN, "meets all targets"))
    for rows, marker, colour, label in styles:
        if rows.any():
            ax.scatter(cost[rows], achieved[rows] / scale, marker=marker, color=colour, label=label, zorder=3)
    if not_whole := int(table["stopped"].notna().sum()):
        ax.plot([], [], " ", label=f"not drawn: {not_whole:,} whose replays were ended before")
    if met.any():
        best = int(np.flatnonzero(met)[np.argmin(cost[met])])
        ax.scatter(
            cost[best], achieved[best] / scale, s=220, facecolors="none", edgecolors=INK, label="chosen", zorder=4
        )
    sign = "at most" if target["at_least"] is None else "at least"
    ax.axhline(target["required"] / scale, color=GREY, linestyle="--", linewidth=1)
    ax.annotate(
        f"{sign} {value_text(target['metric'], target['required'])}", (0, target["required"] / scale),
        xycoords=("axes fraction", "data"), ha="left", va="bottom", color=GREY, xytext=(4, 2),
        textcoords="offset points",
    )  # fmt: skip
    if wide and times:
        ax.set_yscale("symlog", linthresh=positive.min(), linscale=0.3)  # 0 has a place, too
        ticks = [tick for tick in _TICKS_S if positive.min() <= tick <= positive.max()]
        zero = [] if (drawn > 0).all() else [0]
        ax.set_yticks([*zero, *ticks], [*("0" for _ in zero), *map(duration, ticks)])
        ax.set_yticks([], minor=True)
    elif wide:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(lambda value, _: numeral(value))
        ax.yaxis.set_minor_formatter("")
    else:
        thousands(ax.yaxis)
    ax.margins(0.08, 0.15)
    ax.set_xlabel(f"cost [{usd(ax.xaxis, cost)} a year]")
    ax.set_ylabel(_wrapped(f"{statistic_text(target['metric'], target['statistic'])}{unit}"))
    legend_above(ax)
    return clean(ax)


def search(table: pd.DataFrame, lower_bound_usd_per_year: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw how the search closed in: the bound on what is left, and the best setup so far.

    Parameters
    ----------
    table
        ``setups``: its bounds are those before each replay.
    lower_bound_usd_per_year
        The bound after the last replay, if there is a finite one.
    ax
        Axes to draw on; new ones if left out.
    """
    ax = new_axes() if ax is None else ax
    order = np.arange(1, len(table) + 1)
    bound = table["lower_bound_usd_per_year"].to_numpy(float)
    met_cost = table["cost_usd_per_year"].where(table["meets_targets"].isin([True])).cummin().ffill().to_numpy(float)
    last = [] if lower_bound_usd_per_year is None or not np.isfinite(lower_bound_usd_per_year) else [order[-1]]
    bounds = np.append(bound, [lower_bound_usd_per_year] * len(last))
    ax.step(np.append(order, last), bounds, where="post", color=BLUE, label="no setup left costs less", marker=".")
    if not np.isnan(met_cost).all():
        ax.step(order, met_cost, where="post", color=GREEN, label="cheapest that meets all targets", marker="o")
    ax.set_xlabel("setups replayed")
    ax.set_ylabel(f"{usd(ax.yaxis, np.append(bounds, met_cost))} a year")
    whole_numbers(ax.xaxis)
    ax.margins(0.05, 0.15)
    legend_above(ax)
    return clean(ax)


def frontier(varied: Mapping[str, Any] | None, ax: Axes | None = None) -> Axes:
    """Draw the cost of the cheapest setup for each limit of a target.

    Parameters
    ----------
    varied
        ``frontier`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.

    Raises
    ------
    ValueError
        If none was asked for.
    """
    ax = new_axes() if ax is None else ax
    if varied is None:
        raise ValueError("no frontier was asked for: give optimize(frontier=...), or frontier in the scenario")
    table = pd.DataFrame(varied["points"])
    metric, at_least = varied["metric"], varied["limit"] == "at_least"
    cost, bound = (table[name].to_numpy(float) for name in ("cost_usd_per_year", "lower_bound_usd_per_year"))
    place, known = np.arange(len(table)), ~np.isnan(cost)
    proven = known & (table["status"] == "optimal").to_numpy(bool)
    ax.step(place[known], cost[known], where="mid", color=BLUE, linewidth=1, zorder=2)
    ax.scatter(place[proven], cost[proven], color=BLUE, label="cheapest setup, proven", zorder=3)
    if (open_ := known & ~proven).any():
        ax.scatter(place[open_], cost[open_], facecolors=PAPER, edgecolors=BLUE, label="best setup found", zorder=3)
        ax.vlines(place[open_], bound[open_], cost[open_], color=GREY, label="what it costs at least")
    top = float(np.nanmax(cost)) if known.any() else 1.0
    for one in place[~known]:
        said = "none reaches it" if table["status"][one] == "infeasible" else "not known"
        ax.annotate(said, (one, top), color=RED, rotation=90, ha="center", va="top")
    ax.set_xticks(place, [value_text(metric, value) for value in table["required"]])
    ax.set_xlabel(f"{statistic_text(metric, varied['statistic'])} {'at least' if at_least else 'at most'}")
    ax.set_ylabel(f"{usd(ax.yaxis, cost)} a year")
    ax.set_xlim(-0.5, len(table) - 0.5)
    ax.margins(y=0.15)
    legend_above(ax)
    return clean(ax)


def draws(
    table: pd.DataFrame | None,
    targets: Sequence[Mapping[str, Any]],
    certainty: Mapping[str, Any] | None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what draws achieve of a target, a dot each, with its limit and what the log itself gives.

    Parameters
    ----------
    table
        ``draws.parquet``.
    targets
        ``targets`` of ``summary.json``.
    certainty
        ``certainty`` of ``summary.json``, which says of which target.
    ax
        Axes to draw on; new ones if left out.

    Raises
    ------
    ValueError
        If no draw was made, or none has a figure for a target.
    """
    index = None if certainty is None else certainty["worst_target"]
    if table is None or index is None:
        raise ValueError("no draw tells of a target: let optimize(draws=True) make draws, for a scenario with targets")
    ax = new_axes() if ax is None else ax
    target = targets[index]
    order = table.sort_values(f"target_{index}_achieved", kind="stable").dropna(subset=f"target_{index}_achieved")
    achieved = order[f"target_{index}_achieved"].to_numpy(float)
    met = order[f"target_{index}_met"].to_numpy(bool)
    share = np.arange(1, len(achieved) + 1) / len(achieved) * 100
    marks = [*achieved, target["required"], *([] if target["achieved"] is None else [target["achieved"]])]
    scale, unit = _unit(max(marks)) if ALL_METRICS[target["metric"]].unit == "s" else (1.0, "")
    ax.step(np.append(achieved[0], achieved) / scale, np.append(0, share), where="post", color=GRID, zorder=1)
    for rows, marker, colour, label in (
        (met, "o", GREEN, "draws that meet it"),
        (~met, "X", RED, "draws that miss it"),
    ):
        if rows.any():
            ax.scatter(achieved[rows] / scale, share[rows], marker=marker, color=colour, label=label, zorder=3)
    sign = "at most" if target["at_least"] is None else "at least"
    said = f"{sign} {value_text(target['metric'], target['required'])}"
    ax.axvline(target["required"] / scale, color=GREY, linestyle="--", linewidth=1, label=said)
    if target["achieved"] is not None:
        said = f"the log itself: {value_text(target['metric'], target['achieved'])}"
        ax.axvline(target["achieved"] / scale, color=BLUE, linewidth=1.2, label=said)
    ax.set_ylim(0, 103)
    ax.set_ylabel("draws with no more [%]")
    ax.set_xlabel(f"{statistic_text(target['metric'], target['statistic'])}{unit}")
    thousands(ax.xaxis)
    legend_above(ax)
    return clean(ax)


def cost_breakdown(
    pools: Sequence[Mapping[str, Any]],
    site: Sequence[Mapping[str, Any]] = (),
    savings_plans: Sequence[Mapping[str, Any]] = (),
    ax: Axes | None = None,
) -> Axes:
    """Draw what each pool costs a year, by part, and what is paid whatever setup is chosen.

    Parameters
    ----------
    pools
        ``pools`` of ``summary.json``.
    site
        ``site`` of ``summary.json``.
    savings_plans
        ``savings_plans`` of ``summary.json``; what is unused of them belongs to no pool.
    ax
        Axes to draw on; new ones if left out.
    """
    whole = {
        "site_usd_per_year": sum(one["usd_per_year"] for one in site),
        "savings_usd_per_year": sum(one["unused_usd_per_year"] for one in savings_plans),
    }
    bars = [*pools, {"name": WHOLE_SETUP, **whole}] if any(whole.values()) else pools
    parts = sum(any(bar.get(part) for bar in bars) for part in PARTS)
    ax = new_axes(height=0.9 + 0.45 * len(bars) + 0.2 * math.ceil(parts / 2)) if ax is None else ax
    left = np.zeros(len(bars))
    names = [_wrapped(bar["name"], 16) for bar in bars]
    for index, part in enumerate(PARTS.values()):
        values = np.array([bar.get(part.name) or 0.0 for bar in bars])
        if values.any():
            hatch = ("", "///")[index // len(COLOURS)]  # each colour once plain and once hatched
            ax.barh(
                names, values, left=left, color=COLOURS[index % len(COLOURS)], hatch=hatch, edgecolor=PAPER,
                linewidth=0, label=part.words, height=0.6,
            )  # fmt: skip
            left += values
    ax.invert_yaxis()
    ax.set_xlim(0, max(left.max() * 1.05, 1.0))
    ax.set_xlabel(f"{usd(ax.xaxis, left)} a year")
    legend_above(ax)
    return clean(ax)


def _has_a_bound(table: pd.DataFrame, _lower_bound_usd_per_year: float | None) -> bool:
    """Return whether some setup was replayed for its cost: else arithmetic ruled all of them out."""
    return bool(np.isfinite(table["lower_bound_usd_per_year"]).any())


OF_SEARCH = {
    one.name: one
    for one in (
        Figure(
            "setups",
            "Every setup that was replayed: what it costs, and how it does on the target that most of them miss, or on "
            "the first if none misses any.",
            needs=("setups", "targets"),
            draw=setups,
            row="search",
        ),
        Figure(
            "search",
            "How the search closed in: each replay raises the bound on what is left, until nothing cheaper is.",
            needs=("setups", "lower_bound_usd_per_year"),
            draw=search,
            row="search",
            worth=_has_a_bound,
        ),
        Figure(
            "frontier",
            "What better service costs: the cheapest setup for each limit of the target, the loosest first.",
            needs=("frontier",),
            draw=frontier,
            row="frontier",
            worth=lambda varied: varied is not None,
        ),
        Figure(
            "draws",
            "What the setup achieves in draws of what might have been instead of the log, of the target that most of "
            "them miss, or that is nearest to its limit if none misses any.",
            needs=("draws", "targets", "certainty"),
            draw=draws,
            row="draws",
            worth=lambda _table, _targets, certainty: certainty["worst_target"] is not None,
        ),
        Figure(
            "cost_breakdown",
            "What the setup costs in a year, by pool and part.",
            needs=("pools", "site", "savings_plans"),
            draw=cost_breakdown,
            row="cost",
        ),
    )
}
"""The figures of a search by name, in the order in which they are shown."""
