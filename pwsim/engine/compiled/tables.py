"""Named tuples of arrays as compiled code reads them fastest: a table of words, one after another.

numba passes a named tuple by value, and counts who uses each of its arrays; with some 200 of them, that is most of what
is compiled.  Here the arrays stay where they are and Python keeps them; compiled code gets one pointer, to a word for
each number, and for each array to its address and its shape.  A named tuple in a named tuple is a place further on in
the same table.  What is read and written is the same.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.core.typing.templates import AttributeTemplate
from numba.np.arrayobj import populate_array


class Field(NamedTuple):
    """A field of a named tuple in its table."""

    kind: Any
    """What compiled code reads: a number, an array, or a :class:`Table`."""
    place: int
    """Which word it begins with, counted from where its named tuple begins."""


class Table(types.Type):
    """The type of a named tuple that is laid out as a table."""

    def __init__(self, named: Any) -> None:
        self.fields: dict[str, Field] = {}
        place = 0
        for name, value in zip(named._fields, named, strict=True):
            kind = Table(value) if hasattr(value, "_fields") else numba.typeof(value)
            self.fields[name] = Field(kind, place)
            place += words_of(kind)
        self.words = place
        # A name says all that is in a type, and is in that of each function that takes it: this is a short one.
        digest = hashlib.sha256(repr(sorted(self.fields.items())).encode()).hexdigest()[:16]
        super().__init__(name=f"table_{digest}")


def words_of(kind: Any) -> int:
    """Return how many words a field takes."""
    if isinstance(kind, Table):
        return kind.words
    if isinstance(kind, types.Array):
        if kind.layout != "C":
            raise TypeError(f"an array in a table must be contiguous (got {kind})")
        return 1 + kind.ndim
    if kind not in (types.int64, types.float64, types.boolean):
        raise TypeError(f"a field of a table must be an array, a whole number, a float or a bool (got {kind})")
    return 1


class Given:
    """A named tuple, laid out for compiled code.

    Attributes
    ----------
    named : NamedTuple
        The named tuple, whose arrays must live as long as compiled code uses them.
    kind : Table
        Its type.
    words : numpy.ndarray
        The table, shape (words,).
    """

    def __init__(self, named: Any) -> None:
        self.named = named
        self.kind = Table(named)
        self.words = np.array(_words(named), dtype=np.int64)


def as_table(named: Any) -> Any:
    """Return a named tuple as compiled code takes it: itself, if nothing is compiled."""
    return named if numba.config.DISABLE_JIT else Given(named)


def _words(named: Any) -> list[int]:
    words: list[int] = []
    for value in named:
        if hasattr(value, "_fields"):
            words += _words(value)
        elif isinstance(value, np.ndarray):
            words += [value.ctypes.data, *value.shape]
        elif isinstance(value, float):
            words.append(int(np.float64(value).view(np.int64)))
        else:
            words.append(int(value))
    return words


@typeof_impl.register(Given)
def _typeof(given: Given, _: Any) -> Table:
    return given.kind


@register_model(Table)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Table) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@unbox(Table)
def _unbox(_: Table, given: Any, c: Any) -> NativeValue:
    words = c.pyapi.object_getattr_string(given, "words")
    kind = types.Array(types.int64, 1, "C")
    array = c.context.make_array(kind)(c.context, c.builder, c.unbox(kind, words).value)
    c.pyapi.decref(words)  # the one who calls keeps it
    return NativeValue(array.data)


@infer_getattr
class _Fields(AttributeTemplate):
    key = Table

    def generic_resolve(self, table: Table, name: str) -> Any:
        return table.fields[name].kind if name in table.fields else None


@lower_getattr_generic(Table)
def _read(context: Any, builder: Any, table: Table, start: Any, name: str) -> Any:
    kind, place = table.fields[name]

    def word(index: int) -> Any:
        read = builder.load(builder.gep(start, [ir.IntType(64)(place + index)]))
        read.set_metadata("invariant.load", builder.module.add_metadata([]))  # nobody writes in a table
        return read

    if isinstance(kind, Table):
        return builder.gep(start, [ir.IntType(64)(place)])
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder)
        item = context.get_data_type(kind.dtype)
        shape = [word(1 + dimension) for dimension in range(kind.ndim)]
        size = context.get_constant(types.intp, context.get_abi_sizeof(item))
        strides = [size]
        for extent in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], extent))
        data = builder.inttoptr(word(0), item.as_pointer())
        populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
        return array._getvalue()
    if kind == types.float64:
        return builder.bitcast(word(0), ir.DoubleType())
    return cgutils.is_not_null(builder, word(0)) if kind == types.boolean else word(0)
