"""One record for each reason why records were dropped, found by reading the log once more: only done on request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from pwsim.common import TraceError
from pwsim.trace.formats.reading import FORMATS
from pwsim.trace.table import Trace

LONGEST_TEXT = 300
"""Characters of a record that are shown."""


class Example(NamedTuple):
    """A record of a log."""

    line: int
    """Line that it starts on; in a Parquet file, its row."""
    text: str
    """What it says, cut to :data:`LONGEST_TEXT` characters."""


def dropped_examples(trace: Trace) -> dict[str, Example]:
    """Return the first record that was dropped for each reason.

    A reason is absent where nobody knows its first record: the trace was not read from a log, or from one that
    ``pwsim trace convert`` wrote; or the log is gone, or was changed since.
    """
    wanted = dict(trace.first_dropped)
    if not trace.path or not wanted:
        return {}
    last = max(wanted.values())
    found: dict[int, Example] = {}
    try:
        for number, line, text in FORMATS[trace.format].records(Path(trace.path)):
            if number in wanted.values():
                found[number] = Example(line, _short(text))
            if number >= last:
                break
    except TraceError:
        return {}
    return {reason: found[number] for reason, number in wanted.items() if number in found}


def _short(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."
