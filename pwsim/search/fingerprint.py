"""A name for what a replay depends on, by content: the same of two processes, and of nothing else the same.

It is taken of what an engine is given (:class:`pwsim.engine.Inputs`): money is not in there, and whatever else changes
a schedule is.  To it come the sources of the engine and of the rules, and the versions of numpy and numba.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import platform
import struct
import types
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from pwsim import engine, rules
from pwsim.engine import Engine, Inputs

PLAIN_IMPORTS = {"math", "__future__"}
"""What code of the user may import, and its text still says all of it."""
READS = {"open", "exec", "eval", "compile", "input", "__import__"}
"""Names in code of the user by which more than its text may come in."""


class UnknownContentError(TypeError):
    """What a replay depends on cannot be told by content."""


def fingerprint(kind: str, inputs: Inputs, engine: Engine, *more: Any) -> str | None:
    """Return the name of a replay, 64 hexadecimal digits; ``None`` if its order is code that no text tells.

    Parameters
    ----------
    kind
        What is told of the replay.
    inputs
        What the engine is given.
    engine
        The engine that is asked for: nobody who asks for one is given what another did.
    more
        What else it depends on.
    """
    sha = hashlib.sha256(sources().encode())
    try:
        _add(sha, (kind, engine, *more, inputs))
    except UnknownContentError:
        return None
    return sha.hexdigest()


@functools.cache
def sources() -> str:
    """Return the sum of what computes replays: the sources of engine and rules, and versions of what runs them."""
    versions = [metadata.version(name) for name in ("numpy", "numba", "llvmlite", "simpy")]
    sha = hashlib.sha256(" ".join([*versions, platform.python_version()]).encode())
    sha.update((Path(__file__).parent / "replays.py").read_bytes())  # what is asked for, and how it is packed
    for room in (engine, rules):
        folder = Path(str(room.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            sha.update(f"{room.__name__}/{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return sha.hexdigest()


def _add(sha: Any, value: Any) -> None:
    """Add a value to a sum, with its type and its length, so that no two values give the same bytes."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise UnknownContentError("an array of Python objects")
        sha.update(f"array {value.dtype.str} {value.shape} ".encode())
        sha.update(np.ascontiguousarray(value).data)
    elif isinstance(value, float | np.floating):
        sha.update(b"float " + struct.pack("<d", float(value)))
    elif value is None or isinstance(value, bool | int | np.integer | np.bool_):
        sha.update(f"{type(value).__name__} {value} ".encode())
    elif isinstance(value, str):
        text = value.encode()
        sha.update(f"text {len(text)} ".encode() + text)
    elif isinstance(value, tuple | list):
        sha.update(f"{type(value).__name__} {len(value)} ".encode())
        for one in value:
            _add(sha, one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        sha.update(f"{type(value).__name__} ".encode())
        for field in dataclasses.fields(value):
            _add(sha, (field.name, getattr(value, field.name)))
    elif isinstance(value, types.FunctionType):
        _add(sha, ("function", value.__name__, _text_of(value)))
    else:
        raise UnknownContentError(type(value).__name__)


def _text_of(function: types.FunctionType) -> str:
    """Return the text that says what a function does.

    Raises
    ------
    UnknownContentError
        If its file may bring in more than it says.
    """
    if function.__module__ is not None and function.__module__.startswith(f"{rules.__name__}."):
        return function.__module__  # its text is among the sources
    try:
        text = Path(function.__code__.co_filename).read_text("utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError):
        raise UnknownContentError(function.__name__) from None
    for node in ast.walk(tree):
        imported = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            imported = [str(node.module)]
        if set(imported) - PLAIN_IMPORTS or (isinstance(node, ast.Name) and node.id in READS):
            raise UnknownContentError(function.__name__)
    return text
