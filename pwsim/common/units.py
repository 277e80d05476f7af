"""What the classes of a scenario file are built of: their base, and quantities with units.

A quantity is a text with a unit (``4 h``), or a bare number in the unit of the field.  Each type here is a float for
Python, in the unit that its name states; pint knows the units.
"""

from __future__ import annotations

import math
import re
import sys
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

HOUR_S = 3600.0
"""Seconds in an hour."""
DAY_S = 86_400.0
"""Seconds in a day."""
WEEK_S = 7 * DAY_S
"""Seconds in a week."""
YEAR_H = 8766.0
"""Hours in a year (semantics §8)."""


def numeral(value: float, digits: int = 6) -> str:
    """Return a number for people: with so many digits that count, all of its whole part, and no power of ten.

    Examples
    --------
    >>> numeral(11_912.6, 4), numeral(0.0000123456, 3), numeral(1e10), numeral(-2.50), numeral(float("nan"))
    ('11,913', '0.0000123', '10,000,000,000', '-2.5', 'nan')
    """
    if value == 0 or not math.isfinite(value):
        return f"{abs(value) if value == 0 else value:g}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{value:,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµ]+)\s*")


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint  # takes a tenth of a second; only needed where a unit is written

    return pint.UnitRegistry(cache_folder=None)


def parse_quantity(value: object, unit: str, example: str) -> float:
    """Return a quantity as a number in ``unit``.

    Parameters
    ----------
    value
        A bare number, taken to be in ``unit``, or a text of a number and a unit.
    unit
        The unit of the result, as pint writes it.
    example
        What would be right, for the message.

    Raises
    ------
    ValueError
        If the value is no finite number with a unit of the same kind.

    Examples
    --------
    >>> parse_quantity("4 h", "second", "4 h"), parse_quantity("1.5 GiB", "mebibyte", "16 GiB")
    (14400.0, 1536.0)
    """
    wanted = f"must be a quantity such as {example!r}, or a number of {unit}s"
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value) if abs(value) <= sys.float_info.max else math.inf
    elif isinstance(value, str) and (parts := _QUANTITY.fullmatch(value)):
        import pint

        try:
            # Only the unit's name goes to pint: as an expression the text could be made to compute for ever.
            number = float(_registry().Quantity(float(parts[1]), parts[2]).m_as(unit))
        except (
            pint.errors.UndefinedUnitError,
            pint.errors.DimensionalityError,
            pint.errors.OffsetUnitCalculusError,
        ):
            raise ValueError(f"{wanted}; the unit {parts[2]!r} is not one") from None
    else:
        raise ValueError(wanted)
    if not math.isfinite(number):
        raise ValueError(f"{wanted}, and finite")
    return number


def _quantity(unit: str, example: str, **limits: Any) -> Any:
    """Return a pydantic type for quantities in ``unit``."""
    schema = {
        "anyOf": [
            {"type": "number", **_schema_limits(limits)},
            {"type": "string", "pattern": _QUANTITY.pattern},
        ]
    }
    return Annotated[
        float,
        Field(allow_inf_nan=False, **limits),
        BeforeValidator(lambda value: parse_quantity(value, unit, example)),
        WithJsonSchema({**schema, "examples": [example], "description": f"a quantity; a bare number is in {unit}s"}),
    ]


def _schema_limits(limits: dict[str, Any]) -> dict[str, float]:
    names = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum"}
    return {names[key]: value for key, value in limits.items()}


Seconds = _quantity("second", "4 h", ge=0, le=1e10)
PositiveSeconds = _quantity("second", "30 d", gt=0, le=1e10)
Mebibytes = _quantity("mebibyte", "256 GiB", gt=0, le=1e12)
Watts = _quantity("watt", "550 W", ge=0, le=1e9)
