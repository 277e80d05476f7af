"""What happens, as lines of JSON for programs: pwsim's messages, with what they are about in fields of their own."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pwsim.common.errors import InputError

log = logging.getLogger("pwsim")


def tell(message: str, **fields: Any) -> None:
    """Tell what happens, for those who listen (:func:`logged_to`).

    Parameters
    ----------
    message
        What it is, the same words each time.
    fields
        What it is about, as plain data.
    """
    log.info(message, extra={"fields": fields})


class JsonLines(logging.Handler):
    """Adds a line of JSON to a file for each message: ``time`` in UTC, ``level``, ``message``, ``process``, and fields.

    Each is written in one piece, so that several processes may write to one file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(logging.INFO)
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message; where that fails, the work goes on without."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {
            "time": when,
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "process": record.process,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            told["error"] = repr(record.exc_info[1])
        try:
            os.write(self._file, json.dumps(told, default=str, ensure_ascii=False).encode() + b"\n")
        except OSError:
            return

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
        super().close()


@contextmanager
def logged_to(path: Path | None) -> Iterator[None]:
    """Within it, what happens is told in a file; warnings go on to standard error, too.

    Parameters
    ----------
    path
        The file, which lines are added to; nothing is told if ``None``.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    if path is None or any(isinstance(one, JsonLines) and one.path == path for one in log.handlers):
        yield  # it is told already
        return
    try:
        handler = JsonLines(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); name another file for the log") from None
    before = log.level
    shown = [logging.lastResort] if logging.lastResort and not log.hasHandlers() else []
    for one in (handler, *shown):
        log.addHandler(one)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(before)
        for one in (handler, *shown):
            log.removeHandler(one)
        handler.close()
