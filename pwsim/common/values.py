"""What values of pwsim have in common: they are compared by content, shown as a small table, and told apart by type."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.common.names import did_you_mean, nearest


def expect(value: object, kind: type | tuple[type, ...], name: str, right: str) -> None:
    """Make sure that an argument is of the right type.

    Parameters
    ----------
    value, kind
        The argument, and the types that are right.
    name, right
        Its name, and what would be right, for the message.

    Raises
    ------
    TypeError
        If it is of another type.

    Examples
    --------
    >>> expect("x", int, "seed", "a whole number")
    Traceback (most recent call last):
    TypeError: seed must be a whole number (got 'x')
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise TypeError(f"{name} must be {right} (got {_shown(value)})")


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a public function that says in pwsim's words which argument is of a wrong type.

    Examples
    --------
    >>> checked(same)(1, 1)
    True
    """
    signature = inspect.signature(function)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

    @functools.wraps(function)
    def call(*args: Any, **values: Any) -> Any:
        try:
            given = signature.bind(*args, **values).arguments
        except TypeError:  # Python itself says which argument is missing
            _refuse_unknown(function.__name__, values, signature.parameters)
            return function(*args, **values)
        kinds = _kinds(function)
        for name, value in given.items():
            kind = kinds.get(name, Any)
            if signature.parameters[name].kind in named and not _fits(value, kind):
                raise TypeError(f"{function.__name__}: {name} must be {_words(kind)} (got {_shown(value)})")
        return function(*args, **values)

    return call


def _refuse_unknown(function: str, values: Mapping[str, Any], known: Mapping[str, inspect.Parameter]) -> None:
    """Raise on an argument that a function does not have, and say which one was probably meant."""
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values()):
        return
    for name in values:
        if name not in known:
            hint = did_you_mean(nearest(name, list(known))) or f"it takes {', '.join(known)}"
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}; {hint}")


@functools.cache
def _kinds(function: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(function)


_NUMBERS: dict[Any, tuple[type, ...]] = {float: (int, float, np.integer, np.floating), int: (int, np.integer)}

_RIGHT = {
    "Trace": "a Trace, such as read_trace('mylog.swf.gz') gives",
    "Cluster": "a Cluster, such as Cluster.homogeneous(128)",
    "Scenario": "a Scenario, such as load_scenario('scenario.yaml') gives",
    "Target": "a Target, such as Target(metric='wait_s', statistic='p95', at_most='4 h')",
    "Economics": "an Economics, such as Economics(discount_rate=0.05)",
    "DataFrame": "a pandas table",
    "PathLike": "a path",
    "Sequence": "a list",
    "Iterable": "a list",
    "Mapping": "a mapping",
    "Callable": "a function",
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "True or False",
}


def _fits(value: object, kind: Any) -> bool:
    """Return whether a value is of an annotated type; what a text or a number says is for the function to judge."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in inside)
    if origin is typing.Literal:
        return isinstance(value, str)
    kind = origin or kind
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool)
    if kind is Any or not isinstance(kind, type):
        return True
    entries = inside[0] if kind in (collections.abc.Sequence, collections.abc.Iterable) else Any
    if isinstance(value, list | tuple) and not all(_fits(one, entries) for one in value):
        return False
    return isinstance(value, kind)


def _words(kind: Any) -> str:
    """Return an annotated type in words."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in inside if one is not type(None)))
    if origin is typing.Literal:
        return " or ".join(map(str, inside))
    name = getattr(origin or kind, "__name__", str(kind))
    of = f" of which each is {_words(inside[0])}" if name in ("Sequence", "Iterable") and inside else ""
    return _RIGHT.get(name, f"{'an' if name[0] in 'AEIOU' else 'a'} {name}") + of


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same content: arrays and tables by what they hold, NaN like NaN.

    Examples
    --------
    >>> same({"a": np.array([1.0, np.nan])}, {"a": np.array([1.0, np.nan])}), same([1], [2])
    (True, False)
    """
    if one is other:
        return True
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        one, other = ({name: table[name].array for name in table} for table in (one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if type(one) is not type(other):
        return bool(np.isscalar(one) and np.isscalar(other) and one == other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, np.ndarray | pd.api.extensions.ExtensionArray):
        return np.shape(one) == np.shape(other) and _same_array(np.asarray(one), np.asarray(other))
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124 - only NaN differs from itself


def _same_array(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    if one.dtype == other.dtype == object:
        return pd.Series(one, dtype=object).equals(pd.Series(other, dtype=object))
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fmM")


def digested(value: Any) -> int:
    """Return a hash that values which are the :func:`same` share; of arrays and tables only the size counts."""
    if isinstance(value, np.ndarray | pd.DataFrame | pd.api.extensions.ExtensionArray):
        return hash(np.shape(value)[:1])
    if isinstance(value, Mapping):
        return hash(frozenset((key, digested(one)) for key, one in value.items()))
    if isinstance(value, list | tuple):
        return hash(tuple(digested(one) for one in value))
    if isinstance(value, float) and math.isnan(value):
        return 0
    return hash(value)


class ByContent:
    """The base of data classes that hold arrays or tables: equal if all of their fields are."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(same(getattr(self, name), getattr(other, name)) for name in self._compared())

    def __hash__(self) -> int:
        return hash((type(self).__name__, *(digested(getattr(self, name)) for name in self._compared())))

    def _compared(self) -> Iterable[str]:
        return (field.name for field in dataclasses.fields(self) if field.compare)  # type: ignore[arg-type]


def card(title: str, rows: Iterable[tuple[object, ...]], heads: Iterable[str] = ()) -> str:
    """Return a small table in HTML for notebooks; it takes its colours from the page, light or dark.

    Parameters
    ----------
    title
        What it is of.
    rows
        The cells of each row, the first of which is its head.
    heads
        Heads of the columns, if there are any.
    """
    cells = '<td style="text-align:left">'
    head = "".join(f'<th style="text-align:left">{escape(str(one))}</th>' for one in heads)
    body = "".join(
        f'<tr><th style="text-align:left">{escape(str(first))}</th>'
        + "".join(f"{cells}{escape(str(one))}</td>" for one in rest)
        + "</tr>"
        for first, *rest in rows
    )
    top = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<div><strong>{escape(title)}</strong><table>{top}<tbody>{body}</tbody></table></div>"


def plain(value: Any) -> Any:
    """Return the value in the types of JSON; what has no meaning (NaN) or no end is ``None``."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
