"""The figure of who causes what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pwsim.figures.figure import Figure
from pwsim.figures.style import BLUE, GREY, PAPER, SKY, _wrapped, clean, legend_above, new_axes, usd

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def attribution(causes: Mapping[str, Any] | None, ax: Axes | None = None) -> Axes:
    """Draw what those cost who cause most, and all others together.

    Parameters
    ----------
    causes
        ``attribution`` of ``summary.json``.
    ax
        Axes to draw on; new ones if left out.

    Raises
    ------
    ValueError
        If it was not asked for.
    """
    if causes is None:
        raise ValueError("nothing was asked of this: give optimize(attribution=...), or attribution in the scenario")
    names: list[str] = []
    used: list[float] = []
    idle: list[float] = []
    others: list[float] = []
    for group in causes["groups"]:
        for one in group["listed"]:
            names.append(f"{group['by']} {one['name'] or '(not named)'}")
            used.append(one["used_usd_per_year"])
            idle.append(one["idle_usd_per_year"])
            others.append(0.0)
        if group["names"] > len(group["listed"]):
            names.append(f"{group['names'] - len(group['listed']):,} others")
            used.append(0.0)
            idle.append(0.0)
            others.append((1 - group["listed_share"]) * causes["cost_usd_per_year"])
    ax = new_axes(height=1.1 + 0.3 * len(names)) if ax is None else ax
    left, rows = np.zeros(len(names)), np.arange(len(names))
    for values, colour, label in (
        (used, BLUE, "used"), (idle, SKY, "share of the idle"), (others, GREY, "used and idle together"),
    ):  # fmt: skip
        if any(values):
            ax.barh(rows, values, left=left, color=colour, edgecolor=PAPER, linewidth=0, label=label, height=0.6)
            left += np.asarray(values)
    ax.set_yticks(rows, [_wrapped(name, 24) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(0, max(left.max(initial=0.0) * 1.05, 1.0))
    ax.set_xlabel(f"{usd(ax.xaxis, left)} a year")
    legend_above(ax)
    return clean(ax)


OF_ATTRIBUTION = {
    "attribution": Figure(
        "attribution",
        "Who causes what the setup costs: what they use, and their share of what nobody does.",
        needs=("attribution",),
        draw=attribution,
        row="attribution",
        worth=lambda causes: causes is not None,
    )
}
"""The figure of who causes what, by name."""
