"""Figures of a batch: how answers moved from night to night."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pwsim.common import capital
from pwsim.figures.style import COLOURS, RED, clean, figure_of, legend_above, new_axes, style, svg, usd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = len(COLOURS)
"""Scenarios that are drawn; of more, those whose cost moved most."""
_REASONS = {"log": "log", "prices": "prices", "scenario": "scenario", "version": "pwsim"}


def nights(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what the answers cost from night to night, why they moved, and nights that failed.

    Parameters
    ----------
    table
        What :func:`pwsim.scenario.batch.history` returns.
    ax
        Axes to draw on; new ones if left out.
    """
    ax = new_axes() if ax is None else ax
    table = table.assign(time=pd.to_datetime(table["time"], utc=True))
    cost = table.groupby("scenario")["cost_usd_per_year"]
    moved = ((cost.max() - cost.min()) / cost.mean()).fillna(0).sort_values(ascending=False, kind="stable")
    shown = [one for one in table["scenario"].unique() if one in set(moved.index[:MOST_LINES])]
    known = table["cost_usd_per_year"].dropna().to_numpy(float)
    for colour, scenario in zip(COLOURS, shown, strict=False):
        rows = table[table["scenario"] == scenario]
        told = rows[rows["cost_usd_per_year"].notna()]
        ax.step(told["time"], told["cost_usd_per_year"], where="post", color=colour, label=scenario)
        moves = told[told["moved"] | (told["change_usd_per_year"].abs() > 0)]
        ax.scatter(moves["time"], moves["cost_usd_per_year"], color=colour, zorder=3)
        for row in moves.itertuples():
            words = [_REASONS[one] for one in str(row.because).split(", ") if one in _REASONS]
            ax.annotate(
                ", ".join(words),
                (row.time, row.cost_usd_per_year),
                xytext=(3, 5),
                textcoords="offset points",
                fontsize=8,
            )
        failed = rows[rows["event"] == "failed"]
        if len(failed):
            level = told["cost_usd_per_year"].iloc[-1] if len(told) else 0.0
            ax.scatter(failed["time"], [level] * len(failed), marker="x", color=RED, zorder=4)
    if (table["event"] == "failed").any():
        ax.scatter([], [], marker="x", color=RED, label="failed")
    from matplotlib import dates

    locator = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.set_ylabel(capital(f"{usd(ax.yaxis, known)} a year"))
    ax.margins(x=0.05, y=0.2)
    legend_above(ax)
    return clean(ax)


def draw_nights(table: pd.DataFrame, path: Path) -> None:
    """Write the figure of :func:`nights` to a file: ``svg``, or what else matplotlib writes by the file's ending."""
    with style(7.2):
        ax = nights(table)
        if path.suffix == ".svg":
            path.write_text(svg(ax), encoding="utf-8")
            return
        figure_of(ax).savefig(path, dpi=200)
