"""What would change an answer, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pwsim.common import count, listed, money, numeral, share
from pwsim.search.sensitivity.factors import FACTORS
from pwsim.search.words import STOPS, run_text, sure_text

NEAR = 1.25
"""A price of rent at which the answer turns is told in the answer if it is no farther from today's than this factor."""


def value_text(factor: str, value: float) -> str:
    """Return the value of a thing that is otherwise, in words.

    Examples
    --------
    >>> value_text("capex", 1.2), value_text("discount_rate", 0.02)
    ('1.2 times', '2 %')
    """
    return share(value) if FACTORS[factor].is_rate else f"{numeral(value)} times"


def findings(plain: Mapping[str, Any]) -> list[str]:
    """Return what would change an answer, in sentences.

    Parameters
    ----------
    plain
        ``sensitivity`` of ``summary.json``, without these.
    """
    said = [headroom_text(plain["headroom"]), rent_text(plain["rent"]), regret_text(plain["least_regret"])]
    turning, missing = _turning_text(plain), _missing_text(plain)
    return [one for one in (turning, missing, *said, _sure_text(plain), *_not_done(plain)) if one]


def _sure_text(plain: Mapping[str, Any]) -> str:
    """Say how sure all of this is, where targets must hold in a share of draws; empty where none must."""
    if (draws := plain.get("decisions")) is None:
        return ""
    return (
        f"Each search, and each load of the setup, is decided on draws {sure_text(draws)}; the error is that of each "
        "by itself."
    )


def _turning_text(plain: Mapping[str, Any]) -> str:
    """Say which changes lead to another answer."""
    asked = [one for one in plain["outcomes"] if one["changes"] is not None]
    turned = [one for one in asked if one["changes"]]
    if not asked:
        return ""
    if not turned:
        return f"The answer stays the same in {_all_of(len(asked))}."
    others = f"; in {_all_of(len(asked) - len(turned), 'other ')} it stays the same" if len(turned) < len(asked) else ""
    return f"Another answer is right at {_cases(turned)}{others}."


def _all_of(cases: int, other: str = "") -> str:
    return f"the {other}case that was asked" if cases == 1 else f"all {cases} {other}cases that were asked"


def _cases(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """Say what is otherwise in some cases, those of one thing together."""
    by_factor: dict[str, list[Mapping[str, Any]]] = {}
    for one in outcomes:
        by_factor.setdefault(one["factor"], []).append(one)
    said = []
    for each in by_factor.values():
        *before, last = each
        values = [one["value_text"].removesuffix(" times") for one in before]
        said.append(_case({**last, "value_text": listed([*values, last["value_text"]])}))
    return listed(said)


def _case(one: Mapping[str, Any]) -> str:
    """Say what is otherwise."""
    words = FACTORS[one["factor"]].words
    return f"a {words} of {one['value_text']}" if FACTORS[one["factor"]].is_rate else f"{one['value_text']} the {words}"


def _missing_text(plain: Mapping[str, Any]) -> str:
    """Say in which cases the setup misses a target as it stands."""
    missing = [one for one in plain["outcomes"] if one["setup_meets_targets"] is False]
    return f"As it stands, the setup misses a target at {_cases(missing)}." if missing else ""


def headroom_text(room: Mapping[str, Any] | None) -> str:
    """Return how much load a setup bears, as a sentence; empty if that was not looked for.

    Examples
    --------
    >>> wait = {"text": "waits", "bears": 1.12, "misses_at": 1.13, "meets_again_at": None}
    >>> headroom_text({"bears": 1.12, "misses_at": 1.13, "largest": 2.0, "targets": [wait], "tried": [1.0]})
    'It meets all targets up to 1.12 times the load (at each load that was replayed), and misses one at 1.13 times: waits.'
    """  # noqa: E501 - a sentence
    if room is None or room["bears"] is None:
        return ""
    bears, misses = room["bears"], room["misses_at"]
    at = "at each load that was replayed"
    if misses is None:
        most = "the largest that was tried" if bears == room["largest"] else "the largest that there was time for"
        return f"It meets all targets up to {numeral(bears)} times the load, {most} ({at})."
    first = [one["text"] for one in room["targets"] if one["misses_at"] == misses]
    up_to = f"up to {numeral(bears)} times the load" if bears > 1 else "at the log's load"
    return f"It meets all targets {up_to} ({at}), and misses one at {numeral(misses)} times: {listed(first)}."


def rent_text(rent: Mapping[str, Any] | None) -> str:
    """Return at which prices of rent the answer turns, in sentences; empty if nothing can be rented.

    Examples
    --------
    >>> none = {"stays_at": 0.1, "turns_at": None, "chosen": None, "stopped": False}
    >>> some = {"stays_at": 1.34, "turns_at": 1.35, "chosen": {"nodes": {"own": 9}, "policy": "easy"}, "stopped": False}
    >>> rent_text({"below": none, "above": some})
    'If all rent is dearer, the answer turns between 1.34 and 1.35 times the price, to 9 of own; easy. At 0.1 times the price it is the same.'
    """  # noqa: E501 - a sentence
    if rent is None:
        return ""
    turned = [_turn_text(name, rent[name]) for name in ("below", "above") if rent[name]["turns_at"] is not None]
    same = [rent[name] for name in ("below", "above") if rent[name]["turns_at"] is None and not rent[name]["stopped"]]
    if len(same) == 2:
        low, high = (numeral(one["stays_at"]) for one in same)
        turned.append(f"At {low} times the price of rent, and at {high} times, the answer is the same.")
    elif same:
        turned.append(f"At {numeral(same[0]['stays_at'])} times the price it is the same.")
    return " ".join(turned)


def near_text(rent: Mapping[str, Any] | None) -> str:
    """Return the prices of rent at which the answer turns, of those that are near today's; empty if there are none."""
    near = [
        _turn_text(name, turn)
        for name, turn in (rent or {}).items()
        if turn["turns_at"] is not None and 1 / NEAR <= turn["stays_at"] <= NEAR and not turn["stopped"]
    ]
    return " ".join(near)


def _turn_text(name: str, turn: Mapping[str, Any]) -> str:
    """Say between which prices the answer turns, and to what."""
    low, high = (numeral(one, 4) for one in sorted((turn["stays_at"], turn["turns_at"])))
    early = " (the budget ended the search for it)" if turn["stopped"] else ""
    to = "and no setup meets the targets" if turn["chosen"] is None else f"to {run_text(turn['chosen'])}"
    dearer = {"below": "cheaper", "above": "dearer"}[name]
    return f"If all rent is {dearer}, the answer turns between {low} and {high} times the price{early}, {to}."


def regret_text(regret: Mapping[str, Any] | None) -> str:
    """Return which setup is least wrong over the loads, as a sentence; empty if it was not looked for.

    Examples
    --------
    >>> regret_text({"loads": [1.0, 1.5], "left_out": [2.0], "compared": 7, "proven": True, "setup": None})
    'No setup allowed meets all targets at each of 1 and 1.5 times the load; at 2 times no setup does, or none was found.'
    """  # noqa: E501 - a sentence
    if regret is None:
        return ""
    loads, replayed = listed(list(map(numeral, regret["loads"]))), count(regret["compared"], "setup")
    left_out = listed(list(map(numeral, regret["left_out"]))) if regret["left_out"] else ""
    out = f"; at {left_out} times no setup does, or none was found" if left_out else ""
    if regret["setup"] is None:
        none = "No setup allowed" if regret["proven"] else f"None of {replayed} that were replayed"
        return f"{none} meets all targets at each of {loads} times the load{out}."
    known = "proven" if regret["proven"] else f"the best of {replayed} that were replayed, not proven"
    return (
        f"Least wrong over {loads} times the load is {run_text(regret['setup'])}: at each of them it meets all targets "
        f"and costs at most {money(regret['regret_usd_per_year'])} a year more than the best setup there "
        f"({known}){out}."
    )


def _not_done(plain: Mapping[str, Any]) -> list[str]:
    """Return what could not be asked, and what was not done because the budget was spent."""
    outcomes = plain["outcomes"]
    said = [f"At {_case(one)}, the question cannot be asked: {one['fault']}." for one in outcomes if one["fault"]]
    if plain["stopped"] is None:
        return said
    open_ = [one for one in outcomes if one["stopped"]]
    left = [_cases(open_)] if open_ else []
    if plain["rent"] is not None and any(turn["stopped"] for turn in plain["rent"].values()):
        left.append("the price of rent at which the answer turns")
    if plain["headroom"] is not None and plain["headroom"]["stopped"]:
        left.append("the load that it bears")
    what = f"; not, or not to its end: {listed(left)}" if left else ""
    return [*said, f"Not all of this was done, for {STOPS[plain['stopped']]}{what}."]
