"""Logs that were read before: kept by their content, and mapped from a file by all processes that need them."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

import filelock

from pwsim.common import InputError, PwsimError, TraceError
from pwsim.trace import Trace, read_mapped, write_mapped

log = logging.getLogger("pwsim")

UNUSED_S = 2 * 86_400
"""Age after which a log, or a lock, that nobody asked for is dropped [s]."""
AT_HAND = 2
"""How many logs a process holds mapped."""


class KeptLogs(NamedTuple):
    """Where logs are kept."""

    folder: Path
    code: str = ""
    """Sum of the code that reads them."""

    def read(self, path: Path, how: dict[str, Any], read: Callable[[], Trace]) -> Trace:
        """Return a log, which is read if it is not kept; what goes wrong here stops nobody.

        Parameters
        ----------
        path
            The log.
        how
            All else that what is read depends on, as plain data.
        read
            Reads it.
        """
        asked = json.dumps([file_sum(path), str(path), how, self.code], default=str, sort_keys=True)
        kept = self.folder / f"{hashlib.sha256(asked.encode()).hexdigest()}.arrow"
        with suppress(TraceError, OSError):
            return _known(kept)
        with _locked(kept):
            with suppress(TraceError, OSError):  # another process has read it meanwhile
                return _known(kept)
            found = read()
            try:
                write_mapped(found, kept)
                return _known(kept)
            except (PwsimError, OSError) as error:
                log.warning("%s: is not kept for other processes (%s)", path, error)
                return found

    def drop_unused(self) -> None:
        """Drop logs that nobody has asked for lately; who has one mapped keeps it."""
        for path in self.folder.glob("*.*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > UNUSED_S:
                    path.unlink()


_kept: ContextVar[KeptLogs | None] = ContextVar("kept_logs", default=None)


@contextmanager
def keeping_logs(where: KeptLogs) -> Iterator[None]:
    """Within it, logs of scenarios are kept, and taken from what is kept."""
    token = _kept.set(where)
    try:
        yield
    finally:
        _kept.reset(token)


def read_kept(path: Path, how: dict[str, Any], read: Callable[[], Trace]) -> Trace:
    """Return a log as :meth:`KeptLogs.read` does where logs are kept, and as it is read elsewhere."""
    where = _kept.get()
    return read() if where is None else where.read(path, how, read)


@contextmanager
def _locked(kept: Path) -> Iterator[None]:
    """Keep other processes from reading the same log meanwhile, where that can be."""
    lock = filelock.FileLock(kept.with_suffix(".lock"))
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _known(kept: Path) -> Trace:
    os.utime(kept)  # it is of use
    return _at_hand(kept)


@functools.lru_cache(maxsize=AT_HAND)
def _at_hand(kept: Path) -> Trace:
    return read_mapped(kept)


def file_sum(path: Path) -> str:
    """Return the sum of a file's bytes.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        about = path.stat()
        return _sum_of(path, about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


@functools.lru_cache(maxsize=1000)
def _sum_of(path: Path, changed_ns: int, size: int) -> str:  # noqa: ARG001 - what is read again if it changed
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
