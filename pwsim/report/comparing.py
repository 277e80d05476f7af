"""Results side by side: a table for programs, the same for people, and a page of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from pwsim.common import InputError, capital, money, new_file, reserved
from pwsim.costs import PARTS
from pwsim.figures import template
from pwsim.metrics import METRICS, value_text
from pwsim.report.page import read_summary
from pwsim.search import reasons

MOST_COMPARED = 12
"""Results that fit side by side."""


class Figure(NamedTuple):
    """A figure of several results."""

    key: str
    """Its name in tables."""
    text: str
    """Its name for people."""
    given: list[Any]
    """Its value by result; ``None`` where it has none."""
    texts: list[str]
    """The same for people."""


class Comparison(NamedTuple):
    """Results side by side."""

    names: list[str]
    """What they are called."""
    answers: list[str]
    """Their answers."""
    figures: list[Figure]
    """What they show."""

    def table(self) -> pd.DataFrame:
        """Return one row a figure, and one column a result."""
        rows = [[one.key, *one.given] for one in self.figures]
        return pd.DataFrame(rows, columns=["figure", *self.names])

    def text(self) -> str:
        """Return the table for people."""
        lines = [["", *self.names], *([one.text, *one.texts] for one in self.figures)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in one).rstrip()
            for one in (enumerate(zip(line, widths, strict=True)) for line in lines)
        )

    def write(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the page.

        Raises
        ------
        InputError, MachineError
            If it cannot be written.
        """
        page = template("comparison.html").render(comparison=self)
        with reserved(path, overwrite=overwrite), new_file(path) as made:
            made.write_text(page, encoding="utf-8")


def compare(directories: Sequence[Path]) -> Comparison:
    """Return the results of ``pwsim run`` side by side: what was chosen, what it costs, and how it serves.

    Raises
    ------
    InputError
        If there are fewer than two, or too many, or one is none of this version.
    """
    if not 2 <= len(directories) <= MOST_COMPARED:
        raise InputError(f"compare puts 2 to {MOST_COMPARED} results side by side (got {len(directories)})")
    summaries = [read_summary(one) for one in directories]
    for path, one in zip(directories, summaries, strict=True):
        if one["command"] != "run":
            raise InputError(f"{path}: holds no search; only results of `pwsim run` do (got {one['command']})")
    return Comparison(_names(directories, summaries), [one["answer"] for one in summaries], _figures(summaries))


def _names(directories: Sequence[Path], summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of scenarios, and where they are not enough, those of directories."""
    names = [str(one["scenario"]) for one in summaries]
    twice = Counter(names)
    told = [f"{name} {path.name}" if twice[name] > 1 else name for path, name in zip(directories, names, strict=True)]
    return told if len(set(told)) == len(told) else [str(path) for path in directories]


def _figures(summaries: Sequence[Mapping[str, Any]]) -> list[Figure]:
    found = [_words("status", "outcome", [one["status"] for one in summaries], reasons.STATUS_NAMES)]
    shown = [one["chosen"] or one["closest"] for one in summaries]
    pools = dict.fromkeys(pool for one in shown for pool in one["nodes"])
    for pool in pools:
        nodes = [one["nodes"].get(pool) for one in shown]
        types = [(one.get("types") or {}).get(pool) for one in shown]
        told = zip(nodes, types, strict=True)
        texts = ["-" if count is None else f"{count:,}{f' {kind}' if kind else ''}" for count, kind in told]
        found.append(Figure(f"nodes_{pool}", f"nodes of {pool}", nodes, texts))
    found.append(_words("policy", "policy", [one["policy"] for one in shown], {}))
    costs = {"cost_usd_per_year": "cost a year", "lower_bound_usd_per_year": "proven: no less than"}
    for key, words in costs.items():
        found.append(_money(key, words, [one[key] for one in summaries]))
    for part in PARTS.values():
        usd = [one["cost_breakdown_usd_per_year"].get(part.name) for one in summaries]
        if any(usd):
            found.append(_money(part.name, f"  {part.words}", usd))
    for metric in METRICS.values():
        for statistic in metric.statistics or (None,):
            key = metric.name if statistic is None else f"{metric.name}_{statistic}"
            values = [one["metrics"].get(key) for one in summaries]
            if any(values) or (statistic is not None and any(one is not None for one in values)):
                texts = ["-" if value is None else value_text(metric.name, value) for value in values]
                found.append(Figure(key, capital(metric.named(statistic)), values, texts))
    met = [f"{sum(target['met'] for target in one['targets'])} of {len(one['targets'])}" for one in summaries]
    found.append(Figure("targets_met", "targets met", met, met))
    return [one._replace(text=one.text if one.text.startswith(" ") else capital(one.text)) for one in found]


def _words(key: str, text: str, values: list[str], names: Mapping[str, str]) -> Figure:
    return Figure(key, text, list(values), [names.get(one, one) for one in values])


def _money(key: str, text: str, values: list[float | None]) -> Figure:
    return Figure(key, text, list(values), ["-" if one is None else money(one) for one in values])
