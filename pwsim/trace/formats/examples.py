"""One record for each reason why records were dropped, found by reading the log once more: only done on request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pwsim.common import TraceError
from pwsim.trace.formats import sacct
from pwsim.trace.formats.delimited import split_lines
from pwsim.trace.formats.files import first_line, numbered, opened, peek
from pwsim.trace.formats.lines import numbered_lines
from pwsim.trace.formats.structured import parquet_names, parquet_rows
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
        for number, line, text in _records(Path(trace.path), trace.format):
            if number in wanted.values():
                found[number] = Example(line, _short(text))
            if number >= last:
                break
    except TraceError:
        return {}
    return {reason: found[number] for reason, number in wanted.items() if number in found}


def _records(path: Path, format_: str) -> Iterator[tuple[int, int, str]]:
    """Yield number, line and text of each record of a log, numbered as its reader does."""
    start = peek(path)
    if start.startswith(b"PAR1"):
        names = parquet_names(path)
        for rows in parquet_rows(path, names):
            texts = {name: rows.text(name).to_pylist() for name in names}
            for row, number in enumerate(rows.records.tolist()):
                yield number, number, ", ".join(f"{name}={texts[name][row]}" for name in names)
    elif format_ in ("pbs", "lsf"):
        yield from ((line, line, text) for line, text in numbered_lines(path))
    elif format_ == "swf" or first_line(start).startswith("{"):
        with opened(path) as file:
            texts_ = (
                (line, raw.decode("utf-8", errors="replace").strip()) for line, raw in numbered(path, file.readline)
            )
            jobs = ((line, text) for line, text in texts_ if text and not text.startswith(";"))
            yield from ((number, line, text) for number, (line, text) in enumerate(jobs, start=1))
    else:
        first = first_line(start)
        slurm = format_ in ("sacct", "xdmod")
        delimiter = "|" if slurm else max(",;\t|", key=first.count)
        header = not slurm or sacct.has_header(start)
        for count, (line, fields) in enumerate(split_lines(path, delimiter, quoted=not slurm)):
            if count or not header:
                yield count + (not header), line, delimiter.join(fields)


def _short(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."
