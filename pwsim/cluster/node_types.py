"""Types of node that a pool may have: the search chooses one (``types`` of a pool).

Each type is checked as what it stands for: the pool with the type's keys in the place of ``types``.  So whatever a pool
of that node must keep, the type must keep; what is wrong is told at the type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
"""What pools and their types may be called."""
MOST_TYPES = 50
"""Types of one pool at most."""


def concrete(cls: type[BaseModel], data: Mapping[str, Any], keys: tuple[str, ...], context: Any) -> list[Any]:
    """Return the pools that the types of a pool stand for, in their order.

    Parameters
    ----------
    cls
        Class of the pool.
    data
        The pool as plain data, with ``types``.
    keys
        What a type may say, beside its ``name``.
    context
        Context of the check.

    Raises
    ------
    ValidationError
        With all that is wrong, each at its place.
    """
    types = data["types"]
    faults: list[InitErrorDetails] = list(_wrong_list(data, types, keys))
    if faults:
        raise ValidationError.from_exception_data(cls.__name__, faults)
    common = {key: value for key, value in data.items() if key != "types"}
    pools: list[Any] = []
    told: set[str] = set()
    for place, one in enumerate(types):
        if strange := [key for key in one if key not in ("name", *keys)]:
            faults += [
                InitErrorDetails(type="extra_forbidden", loc=("types", place, key), input=one[key]) for key in strange
            ]
            continue
        try:
            pools.append(cls.model_validate({**common, **_said(one)}, context=context))
        except ValidationError as error:
            for fault in _at_type(error, place, keys):
                if (text := repr((fault["loc"], fault["type"], fault.get("ctx")))) not in told:
                    told.add(text)
                    faults.append(fault)
    if faults:
        raise ValidationError.from_exception_data(cls.__name__, faults)
    return pools


def _said(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != "name"}


def _fault(message: str, *loc: str | int, value: Any) -> InitErrorDetails:
    return InitErrorDetails(type="value_error", ctx={"error": ValueError(message)}, loc=loc, input=value)


def _wrong_list(data: Mapping[str, Any], types: Any, keys: tuple[str, ...]) -> Iterator[InitErrorDetails]:
    """Yield what is wrong with the list of types, whatever each of them says."""
    wanted = f"a list of types, each with its name and {', '.join(keys[:2])}"
    if not isinstance(types, list | tuple):
        yield _fault(f"must be {wanted} (got {str(types)[:40]!r})", "types", value={})
        return
    if not types:
        yield _fault(f"is empty: give {wanted}, or {keys[0]} in their place", "types", value={})
    if len(types) > MOST_TYPES:
        yield _fault(f"{len(types)} types are more than {MOST_TYPES}", "types", value={})
    for key in keys:
        if key in data:
            yield _fault("is what each of the pool's types says: give it there, or leave types out", key, value={})
    names: list[str] = []
    for place, one in enumerate(types):
        if not isinstance(one, Mapping):
            yield _fault(f"must be a mapping of keys (got {str(one)[:40]!r})", "types", place, value={})
        elif "name" not in one:
            yield InitErrorDetails(type="missing", loc=("types", place, "name"), input=one)
        elif not isinstance(one["name"], str) or not NAME.fullmatch(one["name"]):
            message = f"must be letters, digits, _ and -, at most 40 of them (got {str(one['name'])[:60]!r})"
            yield _fault(message, "types", place, "name", value={})
        elif one["name"] in names:
            yield _fault(
                f"two types are called {one['name']!r}; their names must differ", "types", place, "name", value={}
            )
        else:
            names.append(one["name"])


def _at_type(error: ValidationError, place: int, keys: tuple[str, ...]) -> Iterator[InitErrorDetails]:
    """Yield what is wrong with a pool of a type: at the type, unless it is about what all types have in common."""
    for fault in error.errors(include_url=False):
        loc = fault["loc"]
        here = ("types", place, *loc) if not loc or loc[0] in keys else loc
        details = InitErrorDetails(type=fault["type"], loc=here, input=fault["input"])
        if "ctx" in fault:
            details["ctx"] = fault["ctx"]
        yield details
