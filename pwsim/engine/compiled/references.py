"""Named tuples of arrays, passed by reference in compiled code.

numba passes a named tuple by value: each call counts the references of every array in it, which costs more than most
functions do.  A structref is one pointer.  What is read and written is the same.
"""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.core.extending import overload
from numba.experimental import structref


@structref.register
class Reference(types.StructRef):  # type: ignore[name-defined]  # numba has no types
    """The type of a named tuple that is passed by reference."""

    def preprocess_fields(self, fields: Any) -> Any:
        """Return the fields with types that hold for any value."""
        return tuple((name, types.unliteral(kind)) for name, kind in fields)  # type: ignore[attr-defined]  # likewise


def by_reference(named: Any) -> Any:
    """Return a record that reads like a named tuple and costs nothing to pass; in Python, the named tuple itself."""
    return named


def _type_of(named: Any) -> Any:
    """Return the type of reference to a named tuple, and to those in it."""
    kinds = [_type_of(kind) if hasattr(kind, "instance_class") else kind for kind in named.types]
    return Reference(list(zip(named.fields, kinds, strict=True)))


@overload(by_reference)
def _by_reference(named):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - numba compares the signatures
    made = _type_of(named)
    lines = ["def copy(named):", "    one = new(made)"]
    for name, kind in zip(named.fields, named.types, strict=True):
        value = f"by_reference(named.{name})" if hasattr(kind, "instance_class") else f"named.{name}"
        lines.append(f"    one.{name} = {value}")
    names = {"new": structref.new, "made": made, "by_reference": by_reference}
    exec("\n".join([*lines, "    return one"]), names)  # noqa: S102 - a line for each field, which are ours
    return names["copy"]
