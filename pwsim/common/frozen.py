"""The base of the classes of a scenario, whether read of a file or built in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pwsim.common.errors import InputError
from pwsim.common.explain import problems
from pwsim.common.values import digested, same

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass  # what type checkers know it by
else:
    ModelMetaclass = type(BaseModel)


class _Explained(ModelMetaclass):
    """Says in the words of a scenario file what is wrong with an object that Python builds.

    pydantic checks nested objects without a call of their class, so that the errors of a file are still gathered.
    """

    def __call__(cls, *args: Any, **values: Any) -> Any:  # noqa: N805 - of a metaclass
        if args:
            raise InputError(f"{cls.__name__}: takes its values by name, such as {_example(cls)} (got {args[0]!r})")
        try:
            return super().__call__(**values)
        except ValidationError as error:
            found = [(place, message) for place, message in problems(error, values, cls)]  # type: ignore[arg-type]
            lines = [": ".join(filter(None, (cls.__name__, ".".join(map(str, key)), text))) for key, text in found]
            raise InputError("\n".join(lines)) from None


def _example(cls: Any) -> str:
    return ", ".join(f"{name}=…" for name, field in cls.model_fields.items() if field.is_required()) or "name=value"


class Frozen(BaseModel, metaclass=_Explained):
    """The base of what a scenario holds: frozen, strict, unknown keys refused, equal if its values are.

    Raises
    ------
    InputError
        If a value is wrong: what was got, and what would be right.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(same(value, getattr(other, name)) for name, value in self)

    def __hash__(self) -> int:
        return hash((type(self).__name__, *(digested(value) for _, value in self)))
