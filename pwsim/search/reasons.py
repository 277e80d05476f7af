"""Alternatives, neighbours and what binds, in words; what is told is an entry of ``summary.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pwsim.common import capital, count, listed, money, numeral
from pwsim.metrics import value_text
from pwsim.rules import policy_name
from pwsim.search.words import drawn_text, missed_text

KIND_NAMES = {
    "chosen": "chosen",
    "all_own": "cheapest with own nodes only",
    "all_rented": "cheapest with rented nodes only",
    "hybrid": "cheapest with own and rented nodes",
    "different": "different, at little more",
}
"""Kinds of alternatives in words; others are policies."""
STATUS_NAMES = {
    "optimal": "proven",
    "best_found": "best of those replayed",
    "infeasible": "none meets the targets (proven)",
    "unknown": "none found that meets the targets",
}
"""How sure it is that an alternative is the cheapest of its kind."""


def kind_text(alternative: Mapping[str, Any]) -> str:
    """Return what an alternative is."""
    kind = alternative["kind"]
    return KIND_NAMES.get(kind) or f"cheapest under {policy_name(kind)}"


def change_text(neighbour: Mapping[str, Any]) -> str:
    """Return what is changed in a neighbour of the chosen setup.

    Examples
    --------
    >>> change_text({"change": "more", "changed_pool": "own", "nodes": {"own": 9}})
    'more nodes of pool own: 9'
    """
    if neighbour["change"] == "rules":
        rules = [f"alternative {neighbour[key]} of {key}" for key in ("limits", "hours") if key in neighbour]
        return f"other rules: {', '.join([policy_name(neighbour['policy']), *rules])}"
    pool = neighbour["changed_pool"]
    if neighbour["change"] == "type":
        return f"other nodes in pool {pool}: {neighbour['types'][pool]}"
    return f"{neighbour['change']} nodes of pool {pool}: {neighbour['nodes'][pool]:,}"


def misses_text(told: Mapping[str, Any]) -> str:
    """Return which targets an alternative or a neighbour misses and by how much; empty if it misses none."""
    if told["stopped"]:
        return str(told["stopped"])
    if told["missed"]:
        return capital(listed([missed_text(one) for one in told["missed"]]))
    undrawn = "decision" in told and told["meets_targets"] is False
    return "None in the log's own replay; in what share of the draws they hold was not looked at" if undrawn else ""


def more_text(usd_per_year: float | None) -> str:
    """Return what something costs more a year than the chosen setup.

    Examples
    --------
    >>> more_text(120.0), more_text(-3035.2), more_text(0.0), more_text(None)
    ('+$120', '-$3,035', '$0', 'unknown')
    """
    if not usd_per_year:
        return money(usd_per_year)
    return f"{'+' if usd_per_year > 0 else '-'}{money(abs(usd_per_year))}"


def binding_texts(summary: Mapping[str, Any]) -> list[str]:
    """Return which targets bind, each in a sentence; that none does, if so."""
    said = []
    for one in summary["binding"]:
        without = one["without_it"]
        if without is None:
            continue
        target = summary["targets"][one["target"]]
        alone, usd = one["cheaper_that_miss_it_alone"], money(without["cost_usd_per_year"])
        said.append(
            f"{capital(target['text'])}: this binds. {count(alone, 'cheaper setup')} of those replayed "
            f"{'misses' if alone == 1 else 'miss'} it and nothing else. Without it, {_setup(without)} would do for "
            f"{usd} a year; {_reached(target['metric'], without)}."
        )
    if said or not summary["binding"]:
        return said
    several = sum(one["cheaper_that_miss_it"] for one in summary["binding"])
    if several:
        return ["No target binds by itself: each cheaper setup that was replayed misses more than one of them."]
    return ["No cheaper setup was replayed: the others are excluded by arithmetic, or this is the cheapest of all."]


def relaxation_texts(summary: Mapping[str, Any]) -> list[str]:
    """Return for each target how far it alone would have to give, where no setup meets all targets."""
    said = []
    for one in summary["relaxations"]:
        target, would = summary["targets"][one["target"]], one["would_do"]
        if would is None:
            continue
        sign = "at most" if target["at_least"] is None else "at least"
        of = "proven to be the least, for all setups were replayed" if one["proven"] else "of the setups replayed"
        would_do = f"{sign} {value_text(target['metric'], would['achieved'])}{_by(target, would)} would do ({of})"
        usd = money(would["cost_usd_per_year"])
        said.append(f"{capital(target['text'])}: {would_do}, with {_setup(would)} for {usd} a year.")
    if not said and summary["relaxations"]:
        return ["No target need give alone: each setup that was replayed misses more than one of them."]
    return said


def _reached(metric: str, told: Mapping[str, Any]) -> str:
    """Return what a setup reaches of a target, or how often it holds."""
    if told.get("draws"):
        return f"it holds in {drawn_text(told)}"
    return f"it reaches {value_text(metric, told['achieved'])}"


def _by(target: Mapping[str, Any], would: Mapping[str, Any]) -> str:
    """Return how many times as much that is as was asked for, if that can be told."""
    asked, achieved = target["required"], would["achieved"]
    return f", {numeral(achieved / asked, 3)} times what is asked," if asked and achieved else ""


def _setup(told: Mapping[str, Any]) -> str:
    """Return a setup in words."""
    nodes = [f"{count(number, 'node')} of pool {name}" for name, number in told["nodes"].items() if number]
    return f"{listed(nodes) if nodes else 'no nodes'} under {policy_name(told['policy'])}"
