"""A user's own order: one function in a Python file, ``policy: my_rules.py:aging-easy``.

The function takes what the orders of :mod:`pwsim.rules.orders` take, ``(now, submit_s, estimate_s, procs)``, and
returns a number; the job with the smallest comes first.  :func:`describe` looks at the file without running it.
"""

from __future__ import annotations

import ast
import math
import types
from pathlib import Path
from typing import NoReturn

from pwsim.common import InputError, numeral
from pwsim.rules.orders import Key

PARAMETERS = ("now", "submit_s", "estimate_s", "procs")
"""What an order is given, by position."""


def describe(file: Path, function: str) -> str:
    """Say what would run, without running anything.

    Raises
    ------
    ValueError
        If the file cannot be read or is not Python, or has no such function of four parameters.
    """
    tree = _parsed(file)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            taken = node.args
            if len(taken.posonlyargs + taken.args) != len(PARAMETERS) or taken.kwonlyargs or taken.vararg:
                raise ValueError(
                    f"{file}, line {node.lineno}: {function} must take four values by position: {', '.join(PARAMETERS)}"
                )
            others = [ast.unparse(one).splitlines()[0] for one in tree.body if one is not node and not _is_text(one)]
            beside = f", and what the file does when it is loaded: {'; '.join(others)}" if others else ""
            return f"the function {function} in line {node.lineno} of {file}{beside}"
    named = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    have = f"it has {', '.join(named)}" if named else "it has none"
    raise ValueError(f"{file} has no function {function!r}; {have}")


def load(file: Path, function: str) -> Key:
    """Run the file and return its function.

    Raises
    ------
    ValueError
        As :func:`describe`, or if the file itself raises an error.
    """
    describe(file, function)
    module = types.ModuleType(file.stem)
    module.__file__ = str(file)
    try:
        exec(compile(file.read_text("utf-8"), str(file), "exec"), module.__dict__)  # noqa: S102 - the user allowed it
    except Exception as error:  # noqa: BLE001 - whatever the file does wrong
        raise ValueError(f"{file}: running it gave {type(error).__name__}: {error}") from None
    order: Key = getattr(module, function)
    return order


def key(order: Key, name: str, now: float, submit_s: float, estimate_s: float, procs: int) -> float:
    """Return the key of a job in a user's own order.

    Raises
    ------
    InputError
        If the function fails, or returns anything but a finite number.
    """
    asked = _asked(name, now, submit_s, estimate_s, procs)
    try:
        value = order(now, submit_s, estimate_s, procs)
    except Exception as error:  # noqa: BLE001 - whatever the function does wrong
        raise InputError(f"{asked} failed: {type(error).__name__}: {error}") from None
    try:
        if math.isfinite(value):
            return float(value)
    except TypeError:
        pass
    raise InputError(f"{asked} must be a finite number (got {value!r})")


def refuse(order: Key, name: str, now: float, submit_s: float, estimate_s: float, procs: int) -> NoReturn:
    """Report an order that gave the compiled engine no number.

    Raises
    ------
    InputError
        What Python says of it; or, if Python gets a number, that both do not agree.
    """
    value = key(order, name, now, submit_s, estimate_s, procs)
    raise InputError(
        f"{_asked(name, now, submit_s, estimate_s, procs)} is {numeral(value)} in Python, but no number when compiled, "
        "where whole numbers have 64 bits; use the simpy engine"
    )


def _asked(name: str, now: float, submit_s: float, estimate_s: float, procs: int) -> str:
    """Say for which job an order was asked."""
    facts = f"now={numeral(now)}, submit_s={numeral(submit_s)}, estimate_s={numeral(estimate_s)}, procs={procs}"
    return f"policy {name!r}: the order of a job ({facts})"


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text("utf-8"), str(file))
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not a text file in UTF-8") from None
    except SyntaxError as error:
        raise ValueError(f"{file}, line {error.lineno}: this is not Python: {error.msg}") from None


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
