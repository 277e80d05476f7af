"""What compiled code reads and writes through a table is what stands in the named tuple; parts compile as they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import pytest

from pwsim.engine.compiled.parts import PartCompiler
from pwsim.engine.compiled.tables import Given, Table, as_table


class Inner(NamedTuple):
    flag: Any
    rows: Any
    half: Any


class Other(NamedTuple):
    other: Any
    rows: Any
    half: Any


class Outer(NamedTuple):
    whole: Any
    inner: Any
    marks: Any
    cube: Any
    last: Any


def outer(rows: Any = None) -> Outer:
    """Return a named tuple with a field of each kind, in an order in which a place that is off by one shows."""
    inner = Inner(True, np.arange(6.0).reshape(2, 3) if rows is None else rows, -0.5)
    return Outer(-7, inner, np.array([True, False, True]), np.arange(8).reshape(2, 2, 2), np.array([4, 5]))


def part(function: Any) -> Any:
    """Return a function that is compiled as a part of others."""
    return numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=PartCompiler)(function)


def made(part: Any, whole: Any) -> Any:
    """Return a function that reads and writes all fields, and calls others that call others."""

    @part
    def rows_of(o: Any) -> Any:
        return o.inner.rows

    @part
    def mark(o: Any, place: int) -> None:
        row = rows_of(o)[place]
        row[-1] += 100.0
        o.marks[place] = not o.marks[place]

    @whole
    def read_and_write(o: Any) -> Any:
        mark(o, 1)
        total = 0
        for value in o.last[1:]:
            total += value
        o.cube[1, 0, 1] = o.whole
        shape = len(o.inner.rows), len(o.inner.rows[0]), len(o.marks), o.cube.shape[2]
        return o.whole, o.inner.flag, o.inner.half, rows_of(o)[1].sum(), o.cube[0].sum(), total, shape

    return read_and_write


def test_a_table_is_the_named_tuple():
    as_python, as_compiled = outer(), outer()
    plain, compiled = made(lambda one: one, lambda one: one), made(part, numba.njit)
    for _ in range(2):
        assert compiled(as_table(as_compiled)) == plain(as_python)
    for one, other in ((as_python, as_compiled), (as_python.inner, as_compiled.inner)):
        for name in one._fields:
            if name != "inner":
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert as_python.inner.rows[1, 2] == 205.0


def test_types_say_what_is_in_a_table():
    assert Table(outer()) == Given(outer()).kind
    assert Table(outer()) != Table(outer()._replace(whole=7.0))
    assert Table(outer()) != Table(outer(rows=np.arange(6).reshape(2, 3)))
    assert len(Table(outer()).name) < 30
    named = Inner(False, np.array([1.0]), 2.0)
    assert Table(named) != Table(Other(*named))


@pytest.mark.parametrize("value", [np.arange(6.0).reshape(2, 3).T, [1.0], "a", np.float32(1.0)])
def test_what_has_no_place_in_a_table_is_refused(value):
    with pytest.raises(TypeError, match=r"table must be"):
        as_table(outer(rows=value))


def test_a_part_uses_no_objects_of_python():
    @part
    def told(value: float) -> float:
        with numba.objmode(twice="float64"):
            twice = value * 2
        return -twice

    @numba.njit
    def whole(value: float) -> Any:
        return told(value)

    with pytest.raises(RuntimeError, match="missing Environment"):
        whole(1.0)
