"""Figures of a replay beside the record."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pwsim.figures.figure import Figure
from pwsim.figures.style import (
    RECORDED,
    SIMULATED,
    _binned,
    _over_time,
    _size_ticks,
    _started,
    _unit,
    _wait_axis,
    clean,
    empty,
    legend_above,
    new_axes,
    thousands,
    whole_numbers,
)
from pwsim.metrics import LEAST_WEEK_JOBS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def compared_waits(jobs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw which share of the jobs has started after which wait, recorded and simulated.

    Parameters
    ----------
    jobs
        ``jobs.parquet`` of a hindcast, of which those that are compared.
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
    whole_numbers(ax.xaxis)
    thousands(ax.yaxis)
    legend_above(ax)
    return clean(ax)


def compared_hours(table: pd.DataFrame, ax: Axes | None = None, column: str = "queued_jobs") -> Axes:
    """Draw the waiting jobs, or the cores that jobs hold, over time, recorded and simulated.

    Parameters
    ----------
    table
        ``comparison_hourly.parquet``.
    ax
        Axes to draw on; new ones if left out.
    column
        ``queued_jobs`` or ``busy_cores``.
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


OF_HINDCAST = {
    one.name: one
    for one in (
        Figure(
            "compared_waits",
            "How long jobs waited, recorded and simulated: the share of jobs that has started after a time.",
            needs=("compared_jobs",),
            draw=compared_waits,
            row="comparison",
        ),
        Figure(
            "compared_sizes",
            "Who waited: mean waiting time by the size of the job, recorded and simulated.",
            needs=("comparison",),
            draw=compared_sizes,
            row="comparison",
        ),
        Figure(
            "compared_weeks",
            "When: mean waiting time by the week of submission, recorded and simulated.",
            needs=("comparison",),
            draw=compared_weeks,
            row="comparison",
            wide=True,
        ),
        Figure(
            "compared_queue",
            "The queue over time, recorded and simulated.",
            needs=("comparison_hourly",),
            draw=partial(compared_hours, column="queued_jobs"),
            row="comparison",
            wide=True,
        ),
        Figure(
            "compared_busy",
            "Cores that jobs hold over time, recorded and simulated.",
            needs=("comparison_hourly",),
            draw=partial(compared_hours, column="busy_cores"),
            row="comparison",
            wide=True,
        ),
    )
}
"""The figures of a hindcast by name, in the order in which they are shown.

Of ``compared_jobs`` the command ``hindcast`` alone knows: the jobs of its replay that are compared.
"""
