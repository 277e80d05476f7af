"""Figures: each a function of the result tables that draws on matplotlib axes and returns them.

Drawn under :func:`style`, as for the report, letters can be read on a narrow screen, and the SVG that :func:`save`
writes follows the reader's choice of light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from pwsim import costs
from pwsim.capacity import SHARE_COLUMNS
from pwsim.comparison import LEAST_WEEK_JOBS
from pwsim.metrics import nearest_rank, size_class, size_label
from pwsim.units import DAY_S, HOUR_S, numeral
from pwsim.wording import PART_NAMES, WHOLE_SETUP, duration, statistic_text, value_text, within

# Okabe and Ito's palette: told apart by colour-blind readers.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#6e6e6e",
)  # fmt: skip
INK, PAPER, GRID = "#1a1a1a", "#ffffff", "#dddddd"
"""Colours of letters and axes, of the ground, and of the grid."""
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
FREE = "#f2b8a0"
"""Colour of what is free while jobs wait, a light red."""

_MULTIPLES = ((1e9, "billion "), (1e6, "million "), (1e3, "thousand "))
_TICKS_S = (1, 10, 60, 600, HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S, 365 * DAY_S, 3650 * DAY_S)
_MOST_BINS = 400
"""Points in time that the timeline draws; longer replays are averaged."""

NARROW, WIDE = 4.8, 9.6
"""Widths of a figure that stands beside another or on a small screen, and of one that stands alone [inches]."""

_ON_DARK = {INK: "#e6e6e6", PAPER: "#15181c", GRID: "#3a3f46", GREY: "#a6a6a6", BLUE: "#2b8ccc", SKY: "#a5dbff"}
"""What takes the place of a colour for readers who prefer dark pages; the other colours do on both."""


@contextmanager
def style(width: float = NARROW) -> Iterator[None]:
    """Draw as for the report: figures of a width [inches] in its colours, whatever pyplot's settings are."""
    settings = {
        "figure.figsize": (width, width), "font.size": 10, "xtick.labelsize": 9.5, "ytick.labelsize": 9.5,
        "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER, "legend.facecolor": PAPER,
        "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    }  # fmt: skip
    with plt.style.context(["default", settings]):
        yield


def new_axes(height: float = 3.4) -> Axes:
    """Return axes on a new figure of pyplot's, so that notebooks show it: as wide as pyplot's are; height in inches."""
    width = mpl.rcParams["figure.figsize"][0]
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def legend_above(ax: Axes) -> None:
    """Put the legend above the axes, where it hides nothing, in as many columns as there is room for."""
    labels = ax.get_legend_handles_labels()[1]
    if labels:
        figure = ax.get_figure(root=True)
        assert isinstance(figure, Figure)
        room = figure.get_figwidth() * ax.get_position().width * 80 / mpl.rcParams["font.size"]  # in letters' heights
        columns = int(room // (0.55 * max(map(len, labels)) + 3.5))
        ax.legend(
            loc="lower left", bbox_to_anchor=(0, 1.0), ncols=max(1, min(columns, len(labels))), frameon=False,
            borderaxespad=0.2, columnspacing=1.2, handlelength=1.6,
        )  # fmt: skip


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
    met = table["meets_targets"].to_numpy(bool)
    known = ~np.isnan(achieved)
    drawn = np.append(achieved[known], target["required"])
    positive, times = drawn[drawn > 0], target["metric"].endswith("_s")
    wide = len(positive) > 0 and positive.max() > 50 * positive.min() and (times or (drawn > 0).all())
    scale, unit = _unit(drawn.max()) if times and not wide else (1.0, "")
    styles = ((known & ~met, "x", RED, "misses a target"), (known & met, "o", GREEN, "meets all targets"))
    for rows, marker, colour, label in styles:
        if rows.any():
            ax.scatter(cost[rows], achieved[rows] / scale, marker=marker, color=colour, label=label, zorder=3)
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
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numeral(value)))
        ax.yaxis.set_minor_formatter(NullFormatter())
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
    met_cost = table["cost_usd_per_year"].where(table["meets_targets"]).cummin().ffill().to_numpy(float)
    last = [] if lower_bound_usd_per_year is None or not np.isfinite(lower_bound_usd_per_year) else [order[-1]]
    bounds = np.append(bound, [lower_bound_usd_per_year] * len(last))
    ax.step(np.append(order, last), bounds, where="post", color=BLUE, label="no setup left costs less", marker=".")
    if not np.isnan(met_cost).all():
        ax.step(order, met_cost, where="post", color=GREEN, label="cheapest that meets all targets", marker="o")
    ax.set_xlabel("setups replayed")
    ax.set_ylabel(f"{usd(ax.yaxis, np.append(bounds, met_cost))} a year")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.margins(0.05, 0.15)
    legend_above(ax)
    return clean(ax)


def cost_breakdown(
    pools: Sequence[Mapping[str, Any]], site: Sequence[Mapping[str, Any]] = (), ax: Axes | None = None
) -> Axes:
    """Draw what each pool costs a year, by part, and what is paid whatever setup is chosen.

    Parameters
    ----------
    pools
        ``pools`` of ``summary.json``.
    site
        ``site`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.
    """
    whole = sum(one["usd_per_year"] for one in site)
    bars = [*pools, {"name": WHOLE_SETUP, "site_usd_per_year": whole}] if whole else pools
    parts = sum(any(bar.get(part) for bar in bars) for part in costs.PARTS)
    ax = new_axes(height=0.9 + 0.45 * len(bars) + 0.2 * math.ceil(parts / 2)) if ax is None else ax
    left = np.zeros(len(bars))
    names = [_wrapped(bar["name"], 16) for bar in bars]
    for index, part in enumerate(costs.PARTS):
        values = np.array([bar.get(part) or 0.0 for bar in bars])
        if values.any():
            hatch = ("", "///")[index // len(COLOURS)]  # each colour once plain and once hatched
            ax.barh(
                names, values, left=left, color=COLOURS[index % len(COLOURS)], hatch=hatch, edgecolor=PAPER,
                linewidth=0, label=PART_NAMES[part], height=0.6,
            )  # fmt: skip
            left += values
    ax.invert_yaxis()
    ax.set_xlim(0, max(left.max() * 1.05, 1.0))
    ax.set_xlabel(f"{usd(ax.xaxis, left)} a year")
    legend_above(ax)
    return clean(ax)


CAPACITY = (
    ("asked for by jobs", BLUE, ""), ("held but not used", GREY, "////"), ("free while jobs wait", FREE, ""),
    ("idle", GRID, ""),
)  # fmt: skip
"""Names, colours and hatches of what becomes of cores and GPUs, as :data:`pwsim.capacity.SHARE_COLUMNS` has them."""


def capacity(pools: Sequence[Mapping[str, Any]], ax: Axes | None = None) -> Axes:
    """Draw what becomes of the cores, and first of the GPUs, of each pool that are up.

    Parameters
    ----------
    pools
        ``pools`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.
    """
    gpus = any(pool["gpus_per_node"] for pool in pools)
    bars = [
        (f"{pool['name']}: {what}" if gpus else pool["name"], [pool[column] for column in columns])
        for what, columns in (("GPUs", SHARE_COLUMNS[4:]), ("cores", SHARE_COLUMNS[:4]))
        for pool in pools
        if pool[columns[0]] is not None
    ]
    ax = new_axes(height=1.3 + 0.4 * max(len(bars), 1)) if ax is None else ax
    if not bars:
        return empty(ax, "nothing was up")
    names, left = [_wrapped(name, 16) for name, _ in bars], np.zeros(len(bars))
    for index, (label, colour, hatch) in enumerate(CAPACITY):
        values = np.array([shares[index] for _, shares in bars]) * 100
        if values.any():
            ax.barh(
                names,
                values,
                left=left,
                color=colour,
                hatch=hatch,
                edgecolor=PAPER,
                linewidth=0,
                label=label,
                height=0.6,
            )
            left += values
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel("share of what is up [%]")
    legend_above(ax)
    return clean(ax)


def waits(jobs: pd.DataFrame, targets: Sequence[Mapping[str, Any]] = (), ax: Axes | None = None) -> Axes:
    """Draw which share of the jobs has started after which wait.

    Parameters
    ----------
    jobs
        ``jobs.parquet``.
    targets
        ``targets`` of ``summary.json``; those on a wait percentile of all jobs are marked.
    ax
        Axes to draw on; new ones if left out.
    """
    ax = new_axes() if ax is None else ax
    wait_s = np.sort(jobs["wait_s"].dropna().to_numpy(float))
    if not len(wait_s):
        return empty(ax, "no job was served")
    _started(ax, wait_s, color=BLUE)
    asked = [
        target
        for target in targets
        if target["metric"] == "wait_s" and not target["where"] and str(target["statistic"]).startswith("p")
    ]
    _wait_axis(ax, max(wait_s[-1], 60.0, *(target["required"] for target in asked)))
    for target in asked:
        percent, most_s = float(target["statistic"][1:]), target["required"]
        colour = GREEN if target["met"] else RED
        ax.plot([0, most_s, most_s], [percent, percent, 0], "--", color=colour, linewidth=1)
        place = ax.transLimits.transform(ax.transScale.transform((most_s, 0)))[0]  # from 0, at the left, to 1
        side, away = ("right", -6) if place > 0.5 else ("left", 6)
        ax.annotate(f"asked: {numeral(percent)} % {within(most_s)}", (most_s, 4), xytext=(away, 0),
                    textcoords="offset points", ha=side)  # fmt: skip
    return ax


def _started(ax: Axes, wait_s: Any, **style: Any) -> None:
    """Draw which share of the jobs has started after which wait; waits in increasing order [s]."""
    share = np.arange(1, len(wait_s) + 1) / len(wait_s) * 100
    ends = [wait_s[-1], 1e10]  # all have started from the longest wait on, to beyond the axis
    ax.step(np.concatenate(([0.0], wait_s, ends)), np.concatenate(([0.0], share, [100, 100])), where="post", **style)


def _wait_axis(ax: Axes, longest_s: float) -> Axes:
    # Symmetric logarithm: waits of 0 have a place, and a week does not hide a minute.
    ax.set_xscale("symlog", linthresh=1.0, linscale=0.5)
    ticks = [tick for tick in _TICKS_S if tick <= longest_s * 1.5]
    ax.set_xticks([0, *ticks], ["0", *map(duration, ticks)])
    ax.set_xticks([], minor=True)
    ax.tick_params(axis="x", rotation=30)
    ax.set_xlim(0, longest_s * 1.3)
    ax.set_ylim(0, 103)
    ax.set_xlabel("waiting time")
    ax.set_ylabel("jobs started [%]")
    return clean(ax)


def wait_by_size(jobs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the median and the 95th percentile of the wait by the size of the job."""
    ax = new_axes() if ax is None else ax
    served = jobs[jobs["wait_s"].notna()]
    if served.empty:
        return empty(ax, "no job was served")
    exponent = size_class(served["procs"].to_numpy())
    labels, medians, p95s, counts = [], [], [], []
    for one in np.unique(exponent):
        wait_s = served["wait_s"].to_numpy(float)[exponent == one]
        labels.append(size_label(int(one)))
        medians.append(nearest_rank(wait_s, 50))
        p95s.append(nearest_rank(wait_s, 95))
        counts.append(len(wait_s))
    places, longest_s = np.arange(len(labels)), max(p95s)
    if not longest_s:
        return empty(ax, "few jobs wait, of any size" if served["wait_s"].any() else "nobody ever waits")
    scale, unit = _unit(longest_s)
    ax.bar(places - 0.2, np.array(medians) / scale, 0.4, color=SKY, label="median")
    ax.bar(places + 0.2, np.array(p95s) / scale, 0.4, color=BLUE, label="95th percentile")
    _size_ticks(ax, labels, counts)
    ax.set_ylim(0, longest_s / scale * 1.1)
    ax.set_ylabel(f"waiting time{unit}")
    thousands(ax.yaxis)
    legend_above(ax)
    return clean(ax)


def _size_ticks(ax: Axes, labels: Sequence[str], counts: Sequence[int]) -> None:
    """Name the classes of sizes, with the number of jobs in each."""
    many = len(labels) > 5  # then side by side, aslant
    texts = [
        f"{label} ({number:,})" if many else f"{label}\n{number:,}"
        for label, number in zip(labels, counts, strict=True)
    ]
    aslant(ax, texts) if many else ax.set_xticks(np.arange(len(labels)), texts)
    ax.set_xlabel("processors of the job, and number of such jobs")


def aslant(ax: Axes, labels: Sequence[str]) -> None:
    """Name the bars along an axis by labels that would not fit side by side."""
    steep = 40 if len(labels) <= 12 else 60
    ax.set_xticks(np.arange(len(labels)), labels, rotation=steep, ha="right", rotation_mode="anchor")


def timeline(table: pd.DataFrame, sizes: Mapping[str, int], ax: Axes | None = None, unit: str = "cores") -> Axes:
    """Draw what becomes of the cores (or GPUs) over time: those of each pool that jobs ask for, held, free, and up.

    Parameters
    ----------
    table
        ``timeline.parquet``.
    sizes
        Cores (or GPUs) of a node, by pool.
    ax
        Axes to draw on; new ones if left out.
    unit
        ``cores`` or ``gpus``.
    """
    ax = new_axes(height=3.0) if ax is None else ax
    table = table.assign(up=table["nodes_up"] * table["pool"].astype(str).map(dict(sizes)).astype(float))
    days, busy, width = _binned(table, f"busy_{unit}")
    _, up, _ = _binned(table, "up")
    layers = [(f"busy: {name}", busy[name], colour, "") for name, colour in zip(busy, COLOURS * 20, strict=False)]
    for what, label, colour, hatch in (
        ("unused", "held but not used", GREY, "////"),
        ("stranded", "free while jobs wait", FREE, ""),
    ):
        layers.append((label, _binned(table, f"{what}_{unit}")[1].sum(axis=1), colour, hatch))
    below = np.zeros(len(days))
    for label, layer, colour, hatch in layers:
        top = below + layer.to_numpy()
        if layer.any():
            ax.fill_between(
                days, below, top, step="post", color=colour, linewidth=0, label=label, hatch=hatch or None,
                edgecolor=PAPER if hatch else "none",
            )  # fmt: skip
        below = top
    ax.step(days, up.sum(axis=1), where="post", color=INK, linewidth=1.2, label="up")
    ax.set_ylim(0, max(up.sum(axis=1).max(), below.max(), 1.0) * 1.05)
    legend_above(ax)
    return _over_time(ax, days, width, unit)


def queue(table: pd.DataFrame, ax: Axes | None = None, unit: str = "cores") -> Axes:
    """Draw the cores (or GPUs) that waiting jobs ask for over time.

    Parameters
    ----------
    table
        ``timeline.parquet``.
    ax
        Axes to draw on; new ones if left out.
    unit
        ``cores`` or ``gpus``.
    """
    ax = new_axes(height=2.4) if ax is None else ax
    days, queued, width = _binned(table, f"queued_{unit}")
    total = queued.sum(axis=1).to_numpy()
    if not total.any():
        return empty(ax, "nobody ever waits")
    ax.fill_between(days, total, step="post", color=RED, linewidth=0)
    ax.set_ylim(0, total.max() * 1.05)
    return _over_time(ax, days, width, unit)


RECORDED, SIMULATED = ORANGE, BLUE
"""Colours of what the log recorded, and of what the replay shows."""


def compared_waits(jobs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw which share of the jobs has started after which wait, recorded and simulated.

    Parameters
    ----------
    jobs
        ``jobs.parquet`` of a hindcast.
    ax
        Axes to draw on; new ones if left out.
    """
    ax = new_axes() if ax is None else ax
    both = jobs[jobs["wait_s"].notna() & jobs["recorded_wait_s"].notna()]
    if both.empty:
        return empty(ax, "no job has both waits")
    longest_s = 60.0
    for column, label, colour in (("recorded_wait_s", "recorded", RECORDED), ("wait_s", "simulated", SIMULATED)):
        wait_s = np.sort(both[column].to_numpy(float))
        longest_s = max(longest_s, wait_s[-1])
        _started(ax, wait_s, color=colour, label=label)
    legend_above(ax)
    return _wait_axis(ax, longest_s)


def compared_sizes(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the mean wait by the size of the job, recorded and simulated.

    Parameters
    ----------
    table
        ``comparison.parquet``.
    ax
        Axes to draw on; new ones if left out.
    """
    ax = new_axes() if ax is None else ax
    sizes = table[table["class_by"] == "procs"]
    if sizes.empty:
        return empty(ax, "no job has both waits")
    places, means = np.arange(len(sizes)), sizes[["recorded_wait_s_mean", "wait_s_mean"]]
    scale, unit = _unit(means.to_numpy().max())
    ax.bar(places - 0.2, means["recorded_wait_s_mean"] / scale, 0.4, color=RECORDED, label="recorded")
    ax.bar(places + 0.2, means["wait_s_mean"] / scale, 0.4, color=SIMULATED, label="simulated")
    _size_ticks(ax, list(sizes["class_name"]), list(sizes["jobs"]))
    ax.set_ylabel(f"mean waiting time{unit}")
    thousands(ax.yaxis)
    legend_above(ax)
    return clean(ax)


def compared_weeks(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the mean wait by week of submission, recorded and simulated; weeks of few jobs are left out.

    Parameters
    ----------
    table
        ``comparison.parquet``.
    ax
        Axes to draw on; new ones if left out.
    """
    ax = new_axes(height=2.8) if ax is None else ax
    weeks = table[(table["class_by"] == "week") & (table["jobs"] >= LEAST_WEEK_JOBS)]
    if weeks.empty:
        return empty(ax, f"no week has {LEAST_WEEK_JOBS} jobs with both waits")
    number = weeks["class_name"].astype(int).to_numpy()
    scale, unit = _unit(weeks[["recorded_wait_s_mean", "wait_s_mean"]].to_numpy().max())
    for column, label, colour in (
        ("recorded_wait_s_mean", "recorded", RECORDED), ("wait_s_mean", "simulated", SIMULATED)
    ):  # fmt: skip
        ax.plot(number, weeks[column] / scale, color=colour, label=label, marker=".")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("weeks from the first submission")
    ax.set_ylabel(f"mean waiting time{unit}")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    thousands(ax.yaxis)
    legend_above(ax)
    return clean(ax)


def compared_hours(table: pd.DataFrame, column: str, ax: Axes | None = None) -> Axes:
    """Draw the waiting jobs, or the cores that jobs hold, over time, recorded and simulated.

    Parameters
    ----------
    table
        ``comparison_hourly.parquet``.
    column
        ``queued_jobs`` or ``busy_cores``.
    ax
        Axes to draw on; new ones if left out.
    """
    ax = new_axes(height=3.0) if ax is None else ax
    names = {f"recorded_{column}": ("recorded", RECORDED), column: ("simulated", SIMULATED)}
    long = table.melt("time_s", list(names), var_name="pool", value_name="value")
    days, mean, width = _binned(long, "value")
    for name, (label, colour) in names.items():
        ax.step(days, mean[name], where="post", color=colour, label=label, linewidth=1.0, alpha=0.9)
    ax.set_ylim(0, max(mean.to_numpy().max(), 1.0) * 1.05)
    legend_above(ax)
    return _over_time(ax, days, width, {"queued_jobs": "waiting jobs", "busy_cores": "busy cores"}[column])


def _binned(table: pd.DataFrame, column: str) -> tuple[Any, pd.DataFrame, int]:
    """Return the edges of bins [days], a column's means in them by pool (the last one twice), and their width [h]."""
    width = max(1, math.ceil(table["time_s"].nunique() / _MOST_BINS))
    bins = (table["time_s"] // (HOUR_S * width)).astype(int).rename("bin")
    mean = table.assign(bin=bins).pivot_table(column, "bin", "pool", observed=True)
    days = np.append(mean.index, mean.index[-1] + 1) * width / 24
    return days, pd.concat([mean, mean.tail(1)]), width


def _over_time(ax: Axes, days: Any, width: int, unit: str = "cores") -> Axes:
    ax.set_xlim(0, max(days[-1], 1 / 24))
    ax.set_xlabel("days from the first submission")
    unit = {"gpus": "GPUs"}.get(unit, unit)
    ax.set_ylabel(unit if width == 1 else f"{unit}, means of {width} h")
    thousands(ax.yaxis)
    return clean(ax)


def svg(ax: Axes) -> str:
    """Return a figure as SVG, the same text for the same figure, in other colours where pages are dark; close it."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    text = StringIO()
    with mpl.rc_context({"svg.hashsalt": "pwsim", "svg.fonttype": "path"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": "pwsim"})
    plt.close(figure)
    rules = "".join(
        f'[style*="{what}: {light}"] {{ {what}: {dark} !important }} '
        for light, dark in _ON_DARK.items()
        for what in ("fill", "stroke")
    )
    return text.getvalue().replace("</style>", f"@media (prefers-color-scheme: dark) {{ {rules}}}</style>", 1)


def save(ax: Axes, directory: Path, name: str) -> str:
    """Write a figure as SVG and PNG, the same bytes for the same figure, and close it; return the SVG."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    figure.savefig(directory / f"{name}.png", dpi=200, metadata={"Software": "pwsim"})
    text = svg(ax)
    (directory / f"{name}.svg").write_text(text, encoding="utf-8")
    return text


def misses(table: pd.DataFrame, targets: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return how many setups miss each target.

    Parameters
    ----------
    table
        ``setups.parquet``.
    targets
        ``targets`` of ``summary.json``.
    """
    missed = []
    for index, target in enumerate(targets):
        achieved = table[f"target_{index}_achieved"]
        required = target["required"]
        met = achieved <= required if target["at_least"] is None else achieved >= required
        missed.append(int((~met).sum()))
    return missed


def clean(ax: Axes) -> Axes:
    """Return axes without the frame's upper and right side, on a light grid."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(visible=True, color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def empty(ax: Axes, text: str) -> Axes:
    """Return axes that say why there is nothing to draw."""
    ax.text(0.5, 0.5, text, ha="center", va="center", color=GREY, transform=ax.transAxes)
    ax.set_axis_off()
    return ax


def thousands(axis: Any, of: float = 1.0) -> None:
    """Write the numbers along an axis with commas, in ones or in multiples of a number."""
    axis.set_major_locator(MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: numeral(value / of, 10)))


def usd(axis: Any, sums: Any) -> str:
    """Write the US dollars along an axis so that their labels stay short; return what they are written in."""
    largest = np.abs(np.asarray(sums)[np.isfinite(sums)]).max(initial=0.0)
    of, name = next(((size, name) for size, name in _MULTIPLES if largest >= 2 * size), (1.0, ""))
    thousands(axis, of)
    return f"{name}USD"


def _unit(longest_s: float) -> tuple[float, str]:
    """Return the unit [s] in which times up to the longest are read best, and how it is written behind a label."""
    for size_s, name in ((DAY_S, "d"), (HOUR_S, "h"), (60.0, "min")):
        if longest_s >= 2 * size_s:
            return size_s, f" [{name}]"
    return 1.0, " [s]"


def _wrapped(text: str, width: int = 32) -> str:
    """Return a text in two lines if it is wider than so many letters."""
    words = text.split()
    half = len(words) // 2
    return text if len(text) < width or not half else f"{' '.join(words[:half])}\n{' '.join(words[half:])}"
