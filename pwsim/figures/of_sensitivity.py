"""Figures of what would change an answer: tornados of its cost and its choice, and the load that it bears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pwsim.common import numeral
from pwsim.figures.figure import Figure
from pwsim.figures.style import BLUE, COLOURS, GREY, INK, ORANGE, PAPER, RED, _wrapped, clean, new_axes, usd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.4
"""Height of a bar's row [inches]."""
_LOWEST, _HIGHEST = 0.05, 20.0
"""What is achieved of a target is drawn between these multiples of what is asked for."""


_MEETS = {True: ("meets all targets", BLUE), False: ("misses a target", RED), None: ("not known", GREY)}
"""What is said of the setup as it stands, and its colour, by whether it meets all targets."""


NOT_ASKED = "nothing was asked of this: give optimize(sensitivity=...), or sensitivity in the scenario"


def tornado(changes: Mapping[str, Any] | None, ax: Axes | None = None) -> Axes:
    """Draw what the setup costs as it stands if one thing is otherwise, what matters most first.

    Parameters
    ----------
    changes
        ``sensitivity`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.

    Raises
    ------
    ValueError
        If it was not asked for.
    """
    if changes is None:
        raise ValueError(NOT_ASKED)
    base, by_factor = changes["cost_usd_per_year"], dict[str, list[Mapping[str, Any]]]()
    for one in changes["outcomes"]:
        if one["setup_cost_usd_per_year"] is not None:
            by_factor.setdefault(one["words"], []).append(one)
    away = {words: max(abs(one["setup_cost_usd_per_year"] - base) for one in each) for words, each in by_factor.items()}
    names = sorted(away, key=lambda words: -away[words])
    ax = new_axes(height=1.1 + _ROW * len(names)) if ax is None else ax
    said: set[str] = set()
    for row, words in enumerate(names):
        farthest_first = sorted(by_factor[words], key=lambda one: -abs(one["setup_cost_usd_per_year"] - base))
        for one in farthest_first:
            label, colour = _MEETS[one["setup_meets_targets"]]
            cost = one["setup_cost_usd_per_year"]
            ax.barh(
                row, cost - base, left=base, color=colour, height=0.6, edgecolor=PAPER, linewidth=0.8,
                label=None if label in said else label,
            )  # fmt: skip
            said.add(label)
        _label_ends(ax, row, base, farthest_first)
    _bars(ax, base, names, "setup as it stands")
    return clean(ax)


def _label_ends(ax: Axes, row: int, base: float, farthest_first: Sequence[Mapping[str, Any]]) -> None:
    """Write at each end of a row which values lead there, in the order of their bars."""
    for right in (True, False):
        side = [one for one in farthest_first if (one["setup_cost_usd_per_year"] >= base) == right]
        if side:
            ax.annotate(
                ", ".join(map(_short, reversed(side) if right else side)), (side[0]["setup_cost_usd_per_year"], row),
                xytext=(3 if right else -3, 0), textcoords="offset points", va="center",
                ha="left" if right else "right", fontsize="small", color=INK,
            )  # fmt: skip


def answers(changes: Mapping[str, Any] | None, ax: Axes | None = None) -> Axes:
    """Draw what the answer costs if one thing is otherwise, and whether it is then another setup.

    Parameters
    ----------
    changes
        ``sensitivity`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.

    Raises
    ------
    ValueError
        If it was not asked for.
    """
    if changes is None:
        raise ValueError(NOT_ASKED)
    base, cases = changes["cost_usd_per_year"], [one for one in changes["outcomes"] if not one["fault"]]
    ax = new_axes(height=1.1 + _ROW * len(cases)) if ax is None else ax
    said: set[str] = set()
    for row, one in enumerate(cases):
        cost = one["cost_usd_per_year"]
        if cost is None:
            known = "none meets the targets" if one["status"] == "infeasible" else "not known"
            ax.annotate(known, (base, row), xytext=(4, 0), textcoords="offset points", va="center", color=RED)
            continue
        label, colour = ("another setup", ORANGE) if one["changes"] else ("the same setup", BLUE)
        if one["status"] != "optimal":
            label, colour = "not proven", GREY
        ax.barh(
            row, cost - base, left=base, color=colour, height=0.6, label=None if label in said else label,
        )  # fmt: skip
        said.add(label)
        if one["changes"]:
            ax.annotate(
                _nodes(one["chosen"]), (max(cost, base), row), xytext=(3, 0), textcoords="offset points", va="center",
                ha="left", fontsize="small", color=INK,
            )  # fmt: skip
    _bars(ax, base, [f"{one['words']} {_short(one)}" for one in cases], "answer")
    return clean(ax)


def _bars(ax: Axes, base: float, names: Sequence[str], whose: str) -> None:
    """Name the bars, which start at the cost of the answer, and leave room for what stands at their ends."""
    ax.axvline(base, color=INK, linewidth=1)
    ax.set_yticks(range(len(names)), [_wrapped(name, 24) for name in names])
    ax.invert_yaxis()
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.margins(x=0.25)
    ax.set_xlabel(f"{whose} [{usd(ax.xaxis, np.array(ax.get_xlim()))} a year]")
    if ax.get_legend_handles_labels()[1]:
        ax.legend(
            loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1, frameon=False, borderaxespad=0.2, fontsize="small"
        )


def _short(one: Mapping[str, Any]) -> str:
    """Return the value of what is otherwise in few letters."""
    text = str(one["value_text"])
    return f"×{text.removesuffix(' times')}" if text.endswith("times") else text


def _nodes(setup: Mapping[str, Any]) -> str:
    """Return the nodes of a setup in few letters."""
    return ", ".join(f"{number:,} {name}" for name, number in setup["nodes"].items() if number) or "no nodes"


def headroom(table: pd.DataFrame | None, targets: Sequence[Mapping[str, Any]], ax: Axes | None = None) -> Axes:
    """Draw how near the setup is to missing each target at one load after another.

    Parameters
    ----------
    table
        ``headroom.parquet``.
    targets
        ``targets`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.

    Raises
    ------
    ValueError
        If it was not asked for.
    """
    if table is None:
        raise ValueError(NOT_ASKED)
    ax = new_axes() if ax is None else ax
    load = table["load"].to_numpy(float)
    for index, target in enumerate(targets):
        required = table[f"target_{index}_required"].to_numpy(float)
        achieved = table[f"target_{index}_achieved"].to_numpy(float)
        part = _used(achieved, required, at_least=target["at_least"] is not None)
        if np.isnan(part).all():  # nothing is allowed, and nothing is there
            continue
        colour = COLOURS[index % len(COLOURS)]
        ax.plot(load, part, color=colour, marker=".", linewidth=1.2, label=_wrapped(target["text"], 48), zorder=3)
        missed = (table["decision"] != "accepted").to_numpy() if target.get("in_share") else part > 1
        ax.plot(load[missed], part[missed], "x", color=RED, zorder=4)
    ax.axhline(1.0, color=GREY, linestyle="--", linewidth=1)
    from matplotlib.ticker import LogLocator

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{numeral(100 * value)} %")
    ax.yaxis.set_minor_formatter("")
    ax.set_xlabel("load, as a multiple of the log's")
    drawn = any(target.get("in_share") for target in targets)
    missed_at = "×: missed, or not accepted by draws" if drawn else "above 100 % it is missed"
    ax.set_ylabel(f"used of the target's limit;\n{missed_at}")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=1, frameon=False, borderaxespad=0.2, fontsize="small")
    return clean(ax)


def _used(achieved: Any, required: Any, *, at_least: bool) -> Any:
    """Return which part of a limit is used up: what is achieved over the limit, or the other way round for a floor."""
    over, under = (required, achieved) if at_least else (achieved, required)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(under > 0, over / under, np.where(over > 0, _HIGHEST, np.nan))
    return np.clip(part, _LOWEST, _HIGHEST)


def _has_cases(changes: Mapping[str, Any] | None, *_: Any) -> bool:
    return changes is not None and bool(changes["outcomes"])


OF_SENSITIVITY = {
    one.name: one
    for one in (
        Figure(
            "tornado",
            "What the setup costs as it stands if one thing is otherwise, beside what it costs in the scenario; what "
            "matters most is first. Red: it then misses a target.",
            needs=("sensitivity",),
            draw=tornado,
            row="tornado",
            wide=True,
            worth=_has_cases,
        ),
        Figure(
            "tornado_choice",
            "What the answer costs if one thing is otherwise, and which setup it is then, where it is another.",
            needs=("sensitivity",),
            draw=answers,
            row="tornado",
            wide=True,
            worth=_has_cases,
        ),
        Figure(
            "headroom",
            "How much of each target's limit the setup uses at one load after another. A larger load is not always "
            "served worse: each point is a replay of its own.",
            needs=("headroom", "targets"),
            draw=headroom,
            row="headroom",
        ),
    )
}
"""The figures of what would change an answer by name, in the order in which they are shown."""
