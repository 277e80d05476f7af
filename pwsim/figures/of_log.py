"""Figures of a log: each a function of its profile that draws on matplotlib axes and returns them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pwsim.common import count, duration, numeral
from pwsim.figures.figure import Figure
from pwsim.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    SKY,
    aslant,
    clean,
    empty,
    legend_above,
    new_axes,
    thousands,
)
from pwsim.metrics import ABSENT_SHARE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


Profile = Mapping[str, Any]

MOST_USERS = 8
"""Users that are drawn."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def load(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the offered load of each week, or the cores in demand if the machine's size is not known."""
    known = profile["machine"]["cores"] is not None
    key, label = ("offered_load", "offered load [%]") if known else ("cores_in_demand", "cores in demand")
    return _by_week(profile, key, profile["load"][key], label, ax, 100 if known else 1)


def gpu_load(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the GPUs in demand in each week."""
    return _by_week(profile, "gpus_in_demand", profile["gpus"]["gpus_in_demand"], "GPUs in demand", ax)


def _by_week(profile: Profile, key: str, mean: float, label: str, ax: Axes | None, percent: int = 1) -> Axes:
    """Draw a figure of each week, and its mean; ``percent`` is 100 for one that is a share of the machine."""
    ax = new_axes() if ax is None else ax
    weeks = [week for week in profile["load"]["by_week"] if week["days"] >= 1]
    if not weeks:
        return empty(ax, "the log is shorter than a day")
    heights = np.array([week[key] for week in weeks]) * percent
    full = np.array([week["days"] == 7 for week in weeks])
    numbers = np.array([week["week"] for week in weeks])
    width = 0.85 if len(weeks) < 150 else 1.0
    ax.bar(numbers[full], heights[full], width, color=BLUE)
    ax.bar(numbers[~full], heights[~full], width, color=SKY, label="a part of a week")
    unit = " %" if percent > 1 else ""
    ax.axhline(mean * percent, color=ORANGE, linewidth=1.2, label=f"all of the log: {numeral(mean * percent, 3)}{unit}")
    if percent > 1 and heights.max() > 90:
        ax.axhline(100, color=RED, linestyle="--", linewidth=1, label="all cores")
    ax.set_ylim(0, max(heights.max() * 1.1, 1e-9))
    ax.set_xlim(numbers[0] - 0.7, numbers[-1] + 0.7)
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("week of the log, by submission")
    ax.set_ylabel(label)
    thousands(ax.yaxis)
    legend_above(ax)
    return clean(ax)


def gpus(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the shares of jobs and of GPU-hours by the GPUs that a job asks for, of those that ask for any."""
    rows = profile["gpus"]["classes"]
    labels = ["< 1", "1", "2", *(f"≤ {int(row['to'] or 0) - 1:,}" for row in rows[3:])]
    return _shares(rows, labels[: len(rows)], "GPUs of the job", ax, work="gpu_hours")


def sizes(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the shares of jobs and of core-hours by the size of the job."""
    labels = []
    for one in profile["procs"]["classes"]:
        low, high = int(one["from"]), int(one["to"] or 0) - 1
        labels.append(f"{low:,}" if high <= low else f"≤ {high:,}")
    return _shares(profile["procs"]["classes"], labels, "processors of the job", ax)


def run_times(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the shares of jobs and of core-hours by run time."""
    return _shares(profile["run_s"]["classes"], _times(profile["run_s"]["classes"]), "run time", ax)


def estimates(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the shares of jobs and of core-hours by how much of their estimate they use."""
    rows = profile["estimates"]["used_classes"]
    labels = [*(f"{10 * part}-{10 * part + 10}" for part in range(10)), "all", "more"]
    return _shares(rows, labels[: len(rows)], "share of the estimate that the job uses [%]", ax)


def waits(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the shares of jobs by the wait that the log recorded."""
    rows = profile["waits"]["classes"]
    return _shares(rows, _times(rows), "recorded wait", ax, work=None)


def hours(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the share of jobs submitted in each hour of the day."""
    by_hour = np.array(profile["arrivals"]["by_hour"], dtype=float)
    ax = _bars(by_hour, [str(hour) for hour in range(24)], "hour of the day", ax)
    ax.axhline(100 / 24, color=GREY, linestyle="--", linewidth=1)
    return ax


def weekdays(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the share of jobs submitted on each day of the week."""
    by_day = profile["arrivals"]["by_weekday"]
    if by_day is None:
        return empty(new_axes() if ax is None else ax, "the log does not tell the date")
    ax = _bars(np.array(by_day, dtype=float), list(WEEKDAYS), "weekday", ax)
    ax.axhline(100 / 7, color=GREY, linestyle="--", linewidth=1)
    return ax


def users(profile: Profile, ax: Axes | None = None) -> Axes:
    """Draw the shares of jobs and of core-hours of the largest users."""
    rows = profile["users"]["largest"][:MOST_USERS]
    ax = new_axes() if ax is None else ax
    if not rows:
        return empty(ax, "the log does not tell users")
    places = np.arange(len(rows))
    ax.barh(places - 0.2, [100 * row["core_hour_share"] for row in rows], 0.4, color=BLUE, label="core-hours")
    ax.barh(places + 0.2, [100 * row["job_share"] for row in rows], 0.4, color=SKY, label="jobs")
    ax.set_yticks(places, [_cut(row["name"]) for row in rows])
    ax.invert_yaxis()
    ax.set_xlabel(f"share of all [%]; {count(profile['users']['count'], 'user')} in all")
    legend_above(ax)
    return clean(ax)


def _times(rows: list[dict[str, Any]]) -> list[str]:
    """Return the upper bound of each class of times."""
    return [f"< {duration(row['to'])}" if row["to"] is not None else f"≥ {duration(row['from'])}" for row in rows]


def _shares(
    rows: list[dict[str, Any]], labels: list[str], what: str, ax: Axes | None, *, work: str | None = "core_hours"
) -> Axes:
    """Draw the shares of jobs and of their work in each class."""
    ax = new_axes() if ax is None else ax
    if not rows:
        return empty(ax, "the log does not tell")
    jobs = np.array([row["jobs"] for row in rows], dtype=float)
    places, width = np.arange(len(rows)), 0.4 if work else 0.8
    ax.bar(places - (0.2 if work else 0), 100 * jobs / max(jobs.sum(), 1), width, color=SKY, label="jobs")
    if work:
        done = np.array([row[work] for row in rows], dtype=float)
        label = {"core_hours": "core-hours", "gpu_hours": "GPU-hours"}[work]
        ax.bar(places + 0.2, 100 * done / max(done.sum(), 1e-9), width, color=BLUE, label=label)
        legend_above(ax)
    aslant(ax, labels)
    ax.set_xlabel(what)
    ax.set_ylabel("share of all [%]")
    return clean(ax)


def _bars(values: Any, labels: list[str], what: str, ax: Axes | None) -> Axes:
    ax = new_axes() if ax is None else ax
    ax.bar(np.arange(len(values)), 100 * values / max(values.sum(), 1), 0.8, color=BLUE)
    step = 1 if len(labels) < 12 else 3
    ax.set_xticks(np.arange(len(values))[::step], labels[::step])
    ax.set_xlabel(what)
    ax.set_ylabel("jobs [%]")
    return clean(ax)


def _cut(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:18]}…"


OF_LOG = {
    one.name: one
    for one in (
        Figure(
            "gpu_load",
            "The GPUs that jobs submitted in each week ask for, on average.",
            needs=("profile",),
            draw=gpu_load,
            wide=True,
            worth=lambda profile: bool(profile["gpus"]["jobs"]),
        ),
        Figure(
            "gpus",
            "How many GPUs jobs ask for, of those that ask for any; below 1 is a part of one.",
            needs=("profile",),
            draw=gpus,
            worth=lambda profile: bool(profile["gpus"]["jobs"]),
        ),
        Figure(
            "load",
            "The work submitted in each week: over what the machine can do in it, or in cores where its size is not "
            "known.",
            needs=("profile",),
            draw=load,
            wide=True,
        ),
        Figure(
            "sizes",
            "How wide jobs are, each pair of bars up to the size below it; most of the work is often in few wide jobs.",
            needs=("profile",),
            draw=sizes,
        ),
        Figure(
            "run_times",
            "How long jobs run: each bar up to the time below it.",
            needs=("profile",),
            draw=run_times,
        ),
        Figure(
            "estimates",
            "How much of the time that they ask for jobs use; one that uses all was ended by its limit.",
            needs=("profile",),
            draw=estimates,
            worth=lambda profile: profile["estimates"]["missing_share"] < ABSENT_SHARE,
        ),
        Figure(
            "waits",
            "How long jobs waited, as the log recorded it.",
            needs=("profile",),
            draw=waits,
            worth=lambda profile: bool(profile["waits"]["classes"]),
        ),
        Figure(
            "hours",
            "When jobs come: by hour; the dashed line is an even spread.",
            needs=("profile",),
            draw=hours,
        ),
        Figure(
            "weekdays",
            "When jobs come: by weekday.",
            needs=("profile",),
            draw=weekdays,
            worth=lambda profile: profile["arrivals"]["by_weekday"] is not None,
        ),
        Figure(
            "users",
            "Who the largest users are, by core-hours.",
            needs=("profile",),
            draw=users,
            worth=lambda profile: bool(profile["users"]["largest"]),
        ),
    )
}
"""The figures of a log by name, in the order in which they are shown."""
