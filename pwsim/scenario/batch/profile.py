"""Where the time of a batch went: by scenario and part of the work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from pwsim.common import PARTS, Spent

TOTAL = "all"
"""Name of the row of all scenarios."""


def profile(spent: Iterable[tuple[str, Mapping[str, Mapping[str, float]]]]) -> pd.DataFrame:
    """Return CPU time by scenario and part [s], and time by the clock; the last row is that of all together.

    Parameters
    ----------
    spent
        Names of scenarios, and what they spent by part (:class:`pwsim.common.Spent` as a mapping).
    """
    rows = [
        {
            "scenario": name,
            **{part: parts.get(part, {}).get("cpu_s", 0.0) for part in PARTS},
            "cpu_s": sum(one["cpu_s"] for one in parts.values()),
            "seconds": sum(one["seconds"] for one in parts.values()),
            "replays_done": int(parts.get("replays", {}).get("times", 0)),
        }
        for name, parts in spent
    ]
    table = pd.DataFrame(rows, columns=["scenario", *PARTS, "cpu_s", "seconds", "replays_done"])
    table.loc[len(table)] = [TOTAL, *table.drop(columns="scenario").sum()]
    return table.astype({"replays_done": int})


def profile_text(table: pd.DataFrame) -> str:
    """Return a profile as text."""
    return (
        "Where time went [CPU s; seconds by the clock, added up over threads]\n"
        f"{table.to_string(index=False, float_format=lambda one: f'{one:.3f}')}"
    )


def total(spent: Iterable[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Return what several scenarios spent together, by part."""
    found: dict[str, dict[str, float]] = {}
    for parts in spent:
        for part, one in parts.items():
            before = found.setdefault(part, dict.fromkeys(Spent._fields, 0))
            for key, value in one.items():
                before[key] += value
    return found
