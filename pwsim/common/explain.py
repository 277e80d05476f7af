"""What pydantic found wrong, in the words of the scenario file."""

from __future__ import annotations

import copy
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError

from pwsim.common.names import by_words, did_you_mean, nearest
from pwsim.common.units import numeral
from pwsim.common.yaml_lines import Place, short


def problems(
    error: ValidationError, data: Any, model: type[BaseModel], context: Any = None
) -> Iterator[tuple[Place, str]]:
    """Yield the place and the message of all that is wrong with a file.

    What has no kind that is known is looked at as the likeliest one, so that its other mistakes are told, too.

    Parameters
    ----------
    error
        What pydantic found when it checked ``data``.
    data
        The file as plain data.
    model
        The class of the whole file; it tells which keys are known where.
    context
        Context of the check.
    """
    found = list(_faults(error))
    kindless = [fault for fault in found if fault["type"] in _KINDLESS]
    for fault in kindless or found:
        several = fault.get("ctx", {}).get("error")
        if isinstance(several, FaultsError):
            yield from (((*_place(fault["loc"], data), *place), message) for place, message in several.found)
        else:
            yield _explain(fault, data, model)
    if kindless:
        data = copy.deepcopy(data)
        for fault in kindless:
            one = _at(data, place := _place(fault["loc"], data))
            one["kind"] = _likely_kind(one, list(_models_in(_annotation_at(model, place, data))))
        try:
            model.model_validate(data, context=context)
        except ValidationError as more:
            yield from (_explain(fault, data, model) for fault in _faults(more))


class FaultsError(ValueError):
    """What is wrong between the parts of an object, each at its own place; for validators of a whole object.

    ``found`` holds the path of keys from the object on, and the message, of each.
    """

    def __init__(self, found: Sequence[tuple[Place, str]]) -> None:
        self.found = tuple(found)
        super().__init__("\n".join(f"{'.'.join(map(str, place))}: {message}" for place, message in self.found))


_KINDLESS = ("union_tag_not_found", "union_tag_invalid")
"""Pydantic's types of error where it cannot tell which class of several is meant."""


def _likely_kind(one: Mapping[str, Any], models: list[type[BaseModel]]) -> str | None:
    """Return the kind that was probably meant: that of a name like it, else that which knows most of the keys."""
    kinds = {_kind_of(candidate): candidate for candidate in models}
    if near := nearest(str(one.get("kind", "")), [kind for kind in kinds if kind]):
        return near[0]
    return max(kinds, key=lambda kind: len(set(one) & set(kinds[kind].model_fields)))


def _faults(error: ValidationError) -> Iterator[Mapping[str, Any]]:
    """Yield what pydantic found wrong, without "too short" where entries are there but wrong: that is said of them."""
    for fault in error.errors(include_url=False):
        if fault["type"] != "too_short" or len(fault["input"]) < fault["ctx"]["min_length"]:
            yield fault


def _explain(fault: Mapping[str, Any], data: Any, model: type[BaseModel]) -> tuple[Place, str]:
    """Return the place and the message of one of the errors that pydantic found when it checked ``data``."""
    place = _place(fault["loc"], data)
    value = fault.get("input")
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        here = _model_at(model, place[:-1], data)
        known = sorted(_keys(here)) if here else []
        meant = did_you_mean(_meant(str(place[-1]), here))
        return place, f"unknown key; {meant}{' ' * bool(meant)}known keys: {', '.join(known)}"
    if kind == "missing":
        return place, f"is missing{_help_for(place)}"
    if kind in _KINDLESS:
        tag = value.get("kind") if isinstance(value, Mapping) else value
        kinds = [_kind_of(one) or "" for one in _models_in(_annotation_at(model, place, data))]
        meant = did_you_mean(nearest(str(tag), kinds))
        got = "" if kind == "union_tag_not_found" else f" (got {short(repr(tag))}){'; ' * bool(meant)}{meant}"
        return (*place, "kind"), f"must be {' or '.join(kinds)}{got}"
    if kind == "value_error":
        message = str(context["error"])
        said = "(got" in message or short(repr(value)) in message or isinstance(value, dict)
        return place, message if said else f"{message} (got {short(repr(value))})"
    meant = ""
    if kind == "literal_error":
        meant = did_you_mean(nearest(str(value), re.findall(r"'([^']*)'", context["expected"])))
    wanted = _WANTED.get(kind, fault["msg"].replace("Input should", "must", 1).replace("'", ""))
    wanted = wanted.format(**{key: _shown(limit) for key, limit in context.items()}) if kind in _WANTED else wanted
    return place, f"{wanted} (got {short(repr(value))}){'; ' * bool(meant)}{meant}"


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


def _meant(key: str, model: type[BaseModel] | None) -> list[str]:
    """Return the keys that were probably meant by one that a class does not know, or those of a key below it."""
    if model is None:
        return []
    known, below = _keys(model), _below(model)
    if own := by_words(key, known):
        return own
    inner = by_words(key, dict.fromkeys(below.values()))
    return [path for path, name in below.items() if name in inner][:3] or nearest(key, known)


def _keys(model: type[BaseModel]) -> list[str]:
    """Return the keys of a class as files have them."""
    return [info.alias or name for name, info in model.model_fields.items()]


@lru_cache(maxsize=100)
def _below(model: type[BaseModel]) -> dict[str, str]:
    """Return the keys one level below those of a class, by their path from it."""
    return {
        f"{name}.{inner}": inner
        for name, info in model.model_fields.items()
        for one in _models_in(info.annotation)
        for inner in _keys(one)
    }


def _at(data: Any, place: Place) -> Any:
    """Return the value at a place of the file."""
    for step in place:
        data = data[step]
    return data


def _annotation_at(model: type[BaseModel], place: Place, data: Any) -> Any:
    """Return the type of what stands at a place of the file, of which a list holds several; ``None`` if unknown."""
    here: Any = model
    for step in place:
        if isinstance(data, Mapping):
            here = _fitting(here, data)
            here = here.model_fields[step].annotation if here and step in here.model_fields else None
        data = data[step]
    return here


def _model_at(model: type[BaseModel], place: Place, data: Any) -> type[BaseModel] | None:
    """Return the class of what stands at a place of the file; ``None`` if unknown."""
    return _fitting(_annotation_at(model, place, data), _at(data, place))


def _fitting(annotation: Any, data: Any) -> type[BaseModel] | None:
    """Return the class that is meant where a type mentions several: of the kind of the data, and knowing most keys."""
    kind, keys = (data.get("kind"), set(data)) if isinstance(data, Mapping) else (None, set())
    return max(
        _models_in(annotation),
        key=lambda one: (_kind_of(one) == kind, len(keys.intersection(_keys(one)))),
        default=None,
    )


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
