"""Figures of a replay: who waits, what becomes of the cores, the machine and the queue over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pwsim.common import numeral, within
from pwsim.figures.figure import Figure
from pwsim.figures.style import (
    BLUE,
    COLOURS,
    FREE,
    GREEN,
    GREY,
    GRID,
    INK,
    PAPER,
    RED,
    SKY,
    _binned,
    _over_time,
    _size_ticks,
    _started,
    _unit,
    _wait_axis,
    _wrapped,
    clean,
    empty,
    legend_above,
    new_axes,
    thousands,
)
from pwsim.metrics import (
    SHARE_COLUMNS,
    nearest_rank,
    size_class,
    size_label,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAPACITY = (
    ("asked for by jobs", BLUE, ""), ("held but not used", GREY, "////"), ("free while jobs wait", FREE, ""),
    ("idle", GRID, ""),
)  # fmt: skip
"""Names, colours and hatches of what becomes of cores and GPUs, as :data:`.capacity.SHARE_COLUMNS` has them."""


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


def timeline(
    table: pd.DataFrame, pools: Sequence[Mapping[str, Any]], ax: Axes | None = None, unit: str = "cores"
) -> Axes:
    """Draw what becomes of the cores (or GPUs) over time: those of each pool that jobs ask for, held, free, and up.

    Parameters
    ----------
    table
        ``timeline.parquet``.
    pools
        ``pools`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.
    unit
        ``cores`` or ``gpus``.
    """
    ax = new_axes(height=3.0) if ax is None else ax
    sizes = {pool["name"]: pool[f"{unit}_per_node"] for pool in pools}
    table = table.assign(up=table["nodes_up"] * table["pool"].astype(str).map(sizes).astype(float))
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


def _with_gpus(_table: pd.DataFrame, pools: Sequence[Mapping[str, Any]]) -> bool:
    return any(pool["gpus_per_node"] for pool in pools)


OF_REPLAY = {
    one.name: one
    for one in (
        Figure(
            "waits",
            "How long jobs wait: the share of all jobs that has started after a time.",
            needs=("jobs", "targets"),
            draw=waits,
            row="service",
        ),
        Figure(
            "wait_by_size",
            "Who waits: median and 95th percentile of the waiting time by the size of the job.",
            needs=("jobs",),
            draw=wait_by_size,
            row="service",
        ),
        Figure(
            "capacity",
            "What becomes of what is up, on average from the first submission to the last.",
            needs=("pools",),
            draw=capacity,
            row="use",
        ),
        Figure(
            "timeline_gpus",
            "The GPUs over time: those that jobs ask for, hold beside it, that are free, and that are up.",
            needs=("timeline", "pools"),
            draw=partial(timeline, unit="gpus"),
            row="course",
            wide=True,
            worth=_with_gpus,
        ),
        Figure(
            "timeline",
            "The machine over time: cores that jobs ask for, that they hold beside it, that are free, that are up.",
            needs=("timeline", "pools"),
            draw=timeline,
            row="course",
            wide=True,
        ),
        Figure(
            "queue_gpus",
            "The queue over time: GPUs that waiting jobs ask for.",
            needs=("timeline", "pools"),
            draw=lambda table, _pools, ax: queue(table, ax, "gpus"),
            row="queue",
            wide=True,
            worth=_with_gpus,
        ),
        Figure(
            "queue",
            "The queue over time: cores that waiting jobs ask for.",
            needs=("timeline",),
            draw=queue,
            row="queue",
            wide=True,
        ),
    )
}
"""The figures of a replay by name, in the order in which they are shown."""
