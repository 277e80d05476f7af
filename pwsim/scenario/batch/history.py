"""How the answer to a scenario moved from night to night, and why."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from pwsim.common import InputError, money
from pwsim.scenario.batch import journal

COLUMNS: dict[str, tuple[str, str]] = {
    "time": ("UTC", "when"),
    "batch": ("UTC", "when the batch began: its name"),
    "scenario": ("", "name of the scenario"),
    "run": ("", "key of its results; empty if there are none"),
    "event": ("", "done: it was run; known: its results were there; failed: there are none"),
    "because": ("", "what had changed since the answer before: log, prices, scenario, version; new, unfinished"),
    "moved": ("", "whether the chosen setup, or the status, is another than before"),
    "status": ("", "of the search"),
    "chosen": ("", "the chosen setup, or the closest"),
    "cost_usd_per_year": ("USD/year", "what it costs"),
    "change_usd_per_year": ("USD/year", "by how much that is more than before"),
    "lower_bound_usd_per_year": ("USD/year", "what a setup that meets the targets must cost at least"),
    "draws": ("", "draws that the answer was tried on"),
    "draws_held": ("", "in how many of them it holds"),
    "replays": ("", "replays that were done, because they were not known"),
    "seconds": ("s", "time that it took"),
    "message": ("", "the answer, or what went wrong"),
}
"""Unit and meaning of the columns of a history."""


def history(directory: Path, scenario: str | None = None) -> pd.DataFrame:
    """Return one row a scenario and night, by scenario and then by time (:data:`COLUMNS`).

    Parameters
    ----------
    directory
        The directory of a batch.
    scenario
        Only this one; all if ``None``.

    Raises
    ------
    InputError
        If there is no run log, or nothing in it is about the scenario.
    """
    entries = [one for one in journal.entries(directory) if scenario in (None, one.scenario)]
    if not entries:
        known = sorted({one.scenario for one in journal.entries(directory)})
        if not known:
            raise InputError(f"{directory}: holds no run log ({journal.NAME}); name the directory of a pwsim batch")
        raise InputError(f"{directory}: knows no scenario {scenario!r}; it knows {', '.join(known)}")
    rows = []
    before: dict[str, journal.Entry] = {}
    for one in entries:
        last = before.get(one.scenario)
        told = {name: getattr(one, name) for name in COLUMNS if hasattr(one, name)}
        known_by, last_by = one.known_by, None if last is None else last.known_by
        because = list(one.because)
        if one.event != "failed" and last is not None and known_by is not None and last_by is not None:
            because = known_by.changes(last_by) or [reason for reason in because if reason == "unfinished"]
        moved, more = False, float("nan")
        if one.event != "failed":
            if last is not None:
                moved = (one.chosen, one.status) != (last.chosen, last.status)
                more = _number(one.cost_usd_per_year) - _number(last.cost_usd_per_year)
            before[one.scenario] = one
        rows.append({**told, "because": ", ".join(because), "moved": moved, "change_usd_per_year": more})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for name in ("cost_usd_per_year", "lower_bound_usd_per_year"):
        table[name] = table[name].astype(float)
    return table.sort_values("scenario", kind="stable", ignore_index=True)


def history_text(table: pd.DataFrame) -> str:
    """Return a history as text: a line a night, a star where the answer moved, and why."""
    lines = []
    for scenario, nights in table.groupby("scenario", sort=False):
        lines.append(str(scenario))
        for night in nights.to_dict("records"):
            why = f" [{night['because']}]" if night["because"] else ""
            star = "*" if night["moved"] else " "
            lines.append(f"  {night['time'][:16].replace('T', ' ')} {star} {_said(night)}{why}")
    return "\n".join(lines)


def _said(night: dict[Hashable, Any]) -> str:
    """Return what the answer was, in words."""
    if night["event"] == "failed":
        return f"failed: {night['message']}"
    cost = f"{night['chosen']}, {money(night['cost_usd_per_year'])} a year"
    if night["draws"]:
        cost += f", holds in {night['draws_held']} of {night['draws']} draws"
    if night["status"] == "infeasible":
        return f"none meets the targets; the closest: {cost}"
    return cost if night["status"] == "optimal" else f"{cost} ({night['status']})"


def moved_last(directory: Path, table: pd.DataFrame) -> list[str]:
    """Return the scenarios of a history whose answer changed in the newest round of batches, or that failed in it.

    What was stopped and went on is one round; scenarios that nobody runs any more are in none.
    """
    newest = table[table["batch"].isin(journal.newest_round(directory))]
    nights = newest.groupby("scenario", sort=True)
    told = nights["moved"].any() | (nights["event"].last() == "failed")
    return list(told.index[told])


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
