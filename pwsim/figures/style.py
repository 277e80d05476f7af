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
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pwsim.common import DAY_S, HOUR_S, duration, numeral
from pwsim.metrics import meets

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    import matplotlib.pyplot as plt

    settings = {
        "figure.figsize": (width, width), "font.size": 10, "xtick.labelsize": 9.5, "ytick.labelsize": 9.5,
        "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER, "legend.facecolor": PAPER,
        "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    }  # fmt: skip
    with plt.style.context(["default", settings]):
        yield


def new_axes(height: float = 3.4) -> Axes:
    """Return axes on a new figure of pyplot's, so that notebooks show it: as wide as pyplot's are; height in inches."""
    import matplotlib.pyplot as plt

    width = plt.rcParams["figure.figsize"][0]
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def legend_above(ax: Axes) -> None:
    """Put the legend above the axes, where it hides nothing, in as many columns as there is room for."""
    import matplotlib as mpl

    labels = ax.get_legend_handles_labels()[1]
    if labels:
        width = figure_of(ax).get_figwidth() * ax.get_position().width
        room = width * 80 / mpl.rcParams["font.size"]  # in letters' heights
        columns = int(room // (0.55 * max(map(len, labels)) + 3.5))
        ax.legend(
            loc="lower left", bbox_to_anchor=(0, 1.0), ncols=max(1, min(columns, len(labels))), frameon=False,
            borderaxespad=0.2, columnspacing=1.2, handlelength=1.6,
        )  # fmt: skip


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


RECORDED, SIMULATED = ORANGE, BLUE
"""Colours of what the log recorded, and of what the replay shows."""


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


def figure_of(ax: Axes) -> Figure:
    """Return the figure of axes."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def _laid_out(ax: Axes) -> Figure:
    """Return the figure of axes, with all in its place: matplotlib would look for it, by a trial, at each writing."""
    figure = figure_of(ax)
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    return figure


def svg(ax: Axes) -> str:
    """Return a figure as SVG, the same text for the same figure, in other colours where pages are dark; close it."""
    import matplotlib.pyplot as plt

    figure = _laid_out(ax)
    text = StringIO()
    with plt.rc_context({"svg.hashsalt": "pwsim", "svg.fonttype": "path"}):
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
    figure = _laid_out(ax)
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
        met = meets(table[f"target_{index}_achieved"], at_most=target["at_most"], at_least=target["at_least"])
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
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(6))
    axis.set_major_formatter(lambda value, _: numeral(value / of, 10))


def whole_numbers(axis: Any, at_most: int = 10, at_least: int = 1) -> None:
    """Write whole numbers along an axis, about so many."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(at_most, integer=True, min_n_ticks=at_least))


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
