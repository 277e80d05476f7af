"""Keeping compiled code between processes, whole or not at all.

Each function has a folder: what the compiler wrote, and the sums of it.  A folder is written beside its place and moved
there, so that two processes which compile at once do one another no harm; code that is not what was written is never
loaded, for machine code that is damaged gives wrong answers.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

SUMS = "sums.json"
"""File with the sum of every other file in a folder."""
ABANDONED_S = 86_400
"""Age of what a process that has died while it compiled left beside, after which it is removed [s]."""

_PART = re.compile(r"\.[A-Za-z_]\w*\.[A-Za-z_]\w*-[0-9a-f]{16}-\d+-[0-9a-f]{8}(-old)?")
"""Names of folders in which a process writes: that of the function's folder, the process and a random number."""

log = logging.getLogger("pwsim")


def fetch(folder: Path, make: Callable[[Path | None], Any], compiling: Callable[[], None]) -> Any:
    """Return a function from the folder where it is kept; without one that is whole, compile it and keep it.

    Parameters
    ----------
    folder
        Where the function is kept; its name tells all that the code depends on.
    make
        Loads the function from a place, or compiles it and writes it there; compiles it alone for ``None``.  Returns
        it and the ``OSError`` that kept it from being written; raises ``OSError`` for a place that it cannot use.
    compiling
        Called before the function is compiled, which may take long.
    """
    if os.path.lexists(folder):
        wrong = fault(folder)
        if wrong is None:
            try:
                return _load(folder, make)
            except OSError as error:
                wrong = str(error)
        log.warning("compiled code in %s cannot be used: %s; it is compiled again", folder, wrong)
    compiling()
    part = folder.with_name(f".{folder.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(folder.parent)
        part.mkdir()
        function, unwritten = make(part)
        if unwritten is None:
            unwritten = _keep(part, folder)
    except OSError as error:
        (function, _), unwritten = make(None), error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if unwritten is not None:
        _say_once(str(folder.parent), unwritten.strerror or str(unwritten))
    return function


def fault(folder: Path) -> str | None:
    """Return what is wrong with a folder, or ``None`` if all in it is what was written."""
    try:
        said = json.loads((folder / SUMS).read_bytes())
        there = _sums(folder)
    except (OSError, ValueError) as error:
        return str(error)
    return None if there and said == there else "it is not what was written"


def _load(folder: Path, make: Callable[[Path | None], Any]) -> Any:
    """Load a function from its folder, or from a copy where the compiler cannot write beside what it reads."""
    try:
        return make(folder)[0]
    except OSError:
        with tempfile.TemporaryDirectory(prefix="pwsim-") as private:
            return make(Path(shutil.copytree(folder, Path(private) / folder.name)))[0]


def _sums(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SUMS]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _keep(part: Path, folder: Path) -> OSError | None:
    """Put a folder in its place, where what is wrong goes; return why that cannot be done."""
    try:
        (part / SUMS).write_text(json.dumps(_sums(part)))
        if os.path.lexists(folder) and fault(folder) is not None:
            old = part.with_name(f"{part.name}-old")
            folder.rename(old)
            _remove(old)
        part.rename(folder)
    except OSError as error:
        return error if fault(folder) is not None else None  # another process may have been quicker
    return None


def _clear(parent: Path) -> None:
    """Remove what processes that have died left beside, and nothing that is not of that name."""
    for path in parent.glob(".*"):
        with suppress(OSError):  # its process, or another, was quicker
            if _PART.fullmatch(path.name) and time.time() - path.lstat().st_mtime > ABANDONED_S:
                _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@functools.cache
def _say_once(parent: str, why: str) -> None:
    log.warning(
        "compiled code cannot be kept in %s (%s): every process compiles anew; NUMBA_CACHE_DIR may name another folder",
        parent,
        why,
    )
