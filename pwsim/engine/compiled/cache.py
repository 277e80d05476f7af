"""Keeping compiled code between processes, whole or not at all.

Each function has a folder: what the compiler wrote, and the sums of it.  A folder is written beside its place and moved
there, so that two processes which compile at once do one another no harm; code that is not what was written is never
loaded, for machine code that is damaged gives wrong answers.

A folder's name says all that the code depends on: the text of the sources, wherever and whenever they were written, the
compiler and the processor.  So one folder serves every checkout and every installation of one version, and what no
process has loaded for a month goes.
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
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
import platformdirs
from numba.core import caching

from pwsim import rules

CACHE = Path(platformdirs.user_cache_dir("pwsim")) / "compiled"
"""Where compiled code is kept between processes, unless ``NUMBA_CACHE_DIR`` says otherwise."""
SUMS = "sums.json"
"""File with the sum of every other file in a folder; changed whenever the folder is loaded."""
ABANDONED_S = 86_400
"""Age of what a process that has died while it compiled left beside, after which it is removed [s]."""
UNUSED_S = 30 * 86_400
"""Time without being loaded after which a folder is removed [s]."""
_FOLDER = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*-[0-9a-f]{16}")
_PART = re.compile(rf"\.{_FOLDER.pattern}-\d+-[0-9a-f]{{8}}(-old)?")
"""Names of the folder of a function, and of one in which a process writes: process and a random number besides."""
_COMPILING = threading.RLock()
"""Held while code is compiled or loaded: threads that want the same wait for it."""

log = logging.getLogger("pwsim")

spent_s = [0.0]
"""How long this process has compiled so far, the only entry [s]."""


def compiled_code(signature: Any, function: Callable[..., Any], what: str = "") -> Any:
    """Return a function compiled for a signature, or load what an earlier process has compiled.

    Parameters
    ----------
    signature
        The types of arguments and result, as numba takes them.
    function
        What to compile.
    what
        What the function is for; if given, compiling is announced, for it takes long.
    """
    config: Any = numba.config
    if config.DISABLE_JIT:
        return function
    name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}-{_digest(signature)}"
    folder = Path(config.CACHE_DIR or CACHE) / name
    with _COMPILING:
        loaded = _load(folder, signature, function)
        if loaded is not None:
            return loaded
        if what:
            log.warning(
                "compiling the replay engine for %s: once after each installation, for up to two minutes, which no "
                "time limit counts",
                what,
            )
        begun_s = time.monotonic()
        made = numba.njit(nogil=True)(function)
        made.compile(signature)
        made.disable_compile()
        _save(folder, signature, made)
        spent_s[0] += time.monotonic() - begun_s
        return made


def _digest(signature: Any) -> str:
    """Return a name for all that compiled code depends on: numba does not notice changes in other files."""
    config: Any = numba.config
    facts = (
        signature, numba.__version__, llvmlite.__version__, sys.implementation.cache_tag, llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(), config.CPU_NAME, config.CPU_FEATURES, config.OPT, config.BOUNDSCHECK,
    )  # fmt: skip
    digest = hashlib.sha256("\n".join(map(str, facts)).encode())
    # Constants that the code takes from other files of the engine are in it.
    folders = Path(__file__).parent.parent, Path(rules.__file__).parent
    for path in sorted(one.relative_to(folder.parent) for folder in folders for one in folder.rglob("*.py")):
        digest.update((folders[0].parent / path).read_bytes())
    return digest.hexdigest()[:16]


def _files_in(place: Path, function: Callable[..., Any], *, writing: bool) -> caching.FunctionCache:
    """Return numba's own way of writing and reading compiled code, in a place that we name.

    What numba would look at to see whether code is out of date, path and time of the source, says nothing here.
    """

    class Locator(caching._CacheLocator):
        def get_cache_path(self) -> str:
            return str(place)

        def get_source_stamp(self) -> str:
            return "told by the name of the folder"

        def get_disambiguator(self) -> str:
            return ""

        @classmethod
        def from_function(cls, *_: Any) -> Locator:
            return cls()

    class Implementation(caching.CompileResultCacheImpl):
        _locator_classes = (Locator,)

    class Files(caching.FunctionCache):
        _impl_class = Implementation

        def _save_overload(self, sig: Any, data: Any) -> None:
            if writing:
                super()._save_overload(sig, data)

    return Files(function)


def _load(folder: Path, signature: Any, function: Callable[..., Any]) -> Any | None:
    """Return a function from its folder; ``None`` if it is not there, or not whole."""
    if not os.path.lexists(folder):
        return None
    wrong = fault(folder)
    if wrong is None:
        made = numba.njit(nogil=True)(function)
        made._cache = _files_in(folder, function, writing=False)
        try:
            made.compile(signature)
        except (OSError, ValueError) as error:  # another process has taken it away
            wrong = str(error)
        if made.stats.cache_hits:
            made.disable_compile()
            with suppress(OSError):
                os.utime(folder / SUMS)
            return made
    log.warning(
        "compiled code in %s cannot be used: %s; it is compiled again", folder, wrong or "it is of another kind"
    )
    return None


def _save(folder: Path, signature: Any, made: Any) -> None:
    """Keep compiled code; say so where that cannot be done."""
    part = folder.with_name(f".{folder.name}-{os.getpid()}-{secrets.token_hex(4)}")
    unwritten: OSError | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(folder.parent)
        part.mkdir()
        (code,) = made.overloads.values()
        _files_in(part, made.py_func, writing=True).save_overload(signature, code)
        unwritten = _keep(part, folder)
    except OSError as error:
        unwritten = error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if unwritten is not None:
        _say_once(str(folder.parent), unwritten.strerror or str(unwritten))


def fault(folder: Path) -> str | None:
    """Return the fault of a folder, or ``None`` if all in it is as it was written."""
    try:
        said = json.loads((folder / SUMS).read_bytes())
        there = _sums(folder)
    except (OSError, ValueError) as error:
        return str(error)
    return None if there and said == there else "it is not what was written"


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
    """Remove what processes that have died left beside, and what is not used any more; nothing that is not ours."""
    for path in parent.iterdir():
        with suppress(OSError):  # its process, or another, was quicker
            if _PART.fullmatch(path.name):
                unused = time.time() - path.lstat().st_mtime > ABANDONED_S
            else:
                unused = bool(_FOLDER.fullmatch(path.name)) and time.time() - (path / SUMS).stat().st_mtime > UNUSED_S
            if unused:
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
