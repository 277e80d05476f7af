"""What pydantic found wrong, in the words of the scenario file."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from pwsim.document import Place, short
from pwsim.units import numeral


def faults(error: ValidationError) -> Iterator[Mapping[str, Any]]:
    """Yield what pydantic found wrong, without "too short" where entries are there but wrong: that is said of them."""
    for fault in error.errors(include_url=False):
        if fault["type"] != "too_short" or len(fault["input"]) < fault["ctx"]["min_length"]:
            yield fault


def explain(fault: Mapping[str, Any], data: Any, model: type[BaseModel]) -> tuple[Place, str]:
    """Return the place and the message of one of the errors that pydantic found when it checked ``data``.

    Parameters
    ----------
    fault
        One of :func:`faults`.
    data
        The file as plain data.
    model
        The class of the whole file; it tells which keys are known where.
    """
    place = _place(fault["loc"], data)
    value = fault.get("input")
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(model, place[:-1], data)
        near = difflib.get_close_matches(str(place[-1]), known, 1, 0.5)
        meant = f"did you mean {near[0]!r}? " if near else ""
        return place, f"unknown key; {meant}known keys: {', '.join(sorted(known))}"
    if kind == "missing":
        return place, f"is missing{_help_for(place)}"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        tag = value.get("kind") if isinstance(value, Mapping) else value
        got = "" if kind == "union_tag_not_found" else f" (got {short(repr(tag))})"
        return (*place, "kind"), f"must be on_premises or cloud{got}"
    if kind == "value_error":
        message = str(context["error"])
        said = "(got" in message or short(repr(value)) in message or isinstance(value, dict)
        return place, message if said else f"{message} (got {short(repr(value))})"
    wanted = _WANTED.get(kind, fault["msg"].replace("Input should", "must", 1).replace("'", ""))
    wanted = wanted.format(**{key: _shown(limit) for key, limit in context.items()}) if kind in _WANTED else wanted
    return place, f"{wanted} (got {short(repr(value))})"


_WANTED = {
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entry",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be letters, digits, _ and -, at most 40 of them",
}
"""Pydantic's error types in our words."""


def _shown(limit: Any) -> str:
    """Return a limit in words."""
    return numeral(limit) if isinstance(limit, int | float) else str(limit)


def _help_for(place: Place) -> str:
    return {
        "name": ": give it a name",
        "node": ": say `node: {cores: N}`",
        "nodes": ": say how many nodes, such as 20 or {min: 10, max: 40, step: 2}",
        "price_usd_per_hour": ": give it, or name an `instance` of the price table",
        "trace": ": name a log file, or {dataset: kth-sp2}",
    }.get(str(place[-1]), "")


def _place(loc: tuple[str | int, ...], data: Any) -> Place:
    """Return pydantic's location without the tags of unions, which are no keys of the file."""
    place: list[str | int] = []
    here = data
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(here, Mapping) and isinstance(step, str) and (step in here or last):
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            continue  # the tag of a union
        place.append(step)
    return tuple(place)


def _keys_at(model: type[BaseModel], place: Place, data: Any) -> list[str]:
    """Return the keys that are known at a place of the file."""
    here: Any = model
    for step in place:
        data = data[step]
        if isinstance(step, str):
            here = here.model_fields[step].annotation if _is_model(here) and step in here.model_fields else None
        if isinstance(data, Mapping):  # a list holds what its entries are
            models = list(_models_in(here))
            fitting = [one for one in models if _kind_of(one) == data.get("kind")]
            here = next(iter([*fitting, *models]), None)
    return list(here.model_fields) if _is_model(here) else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _kind_of(model: type[BaseModel]) -> str | None:
    info = model.model_fields.get("kind")
    return typing.get_args(info.annotation)[0] if info else None


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation mentions."""
    if _is_model(kind):
        yield kind
    elif isinstance(kind, types.UnionType) or typing.get_origin(kind) is not None:
        for part in typing.get_args(kind):
            yield from _models_in(part)
