"""Sequences of which the first so many entries are in use, and increase: index loops that numba compiles."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import TypeVar

Number = TypeVar("Number", int, float)


def place_of(row: Sequence[Number], count: int, value: Number) -> int:
    """Return the first place at which a value may be put.

    Examples
    --------
    >>> place_of([2, 5, 5, 8, 0], 4, 5), place_of([2, 5, 5, 8, 0], 4, 9)
    (1, 4)
    """
    low, high = 0, count
    while low < high:
        middle = (low + high) >> 1
        if row[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


def put(row: MutableSequence[Number], count: int, index: int, value: Number) -> None:
    """Insert a value."""
    for one in range(count, index, -1):
        row[one] = row[one - 1]
    row[index] = value


def cut(row: MutableSequence[Number], count: int, index: int) -> None:
    """Take an entry out."""
    for one in range(index, count - 1):
        row[one] = row[one + 1]
