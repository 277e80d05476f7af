"""What there is to say of a format of logs, and how the records of one are shown as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pwsim.trace.formats.delimited import split_lines
from pwsim.trace.formats.files import first_line, numbered, opened, peek
from pwsim.trace.formats.lines import numbered_lines
from pwsim.trace.formats.structured import parquet_names, parquet_rows
from pwsim.trace.table import Trace

Record = tuple[int, int, str]
"""Number, line and text of a record of a log, numbered as its reader does."""


def table_records(path: Path) -> Iterator[Record]:
    """Yield the records of a table: Parquet, JSON lines, or text with delimiters below a header."""
    start = peek(path)
    first = first_line(start)
    if start.startswith(b"PAR1"):
        yield from parquet_records(path)
    elif first.startswith("{"):
        yield from text_records(path)
    else:
        yield from delimited_records(path, max(",;\t|", key=first.count), header=True, quoted=True)


def parquet_records(path: Path) -> Iterator[Record]:
    """Yield the rows of a Parquet file."""
    names = parquet_names(path)
    for rows in parquet_rows(path, names):
        texts = {name: rows.text(name).to_pylist() for name in names}
        for row, number in enumerate(rows.records.tolist()):
            yield number, number, ", ".join(f"{name}={texts[name][row]}" for name in names)


def delimited_records(path: Path, delimiter: str, *, header: bool, quoted: bool) -> Iterator[Record]:
    """Yield the rows of a text with delimiters."""
    for count, (line, fields) in enumerate(split_lines(path, delimiter, quoted=quoted)):
        if count or not header:
            yield count + (not header), line, delimiter.join(fields)


def text_records(path: Path) -> Iterator[Record]:
    """Yield the lines of a text that are neither empty nor comments (``;``), numbered from 1."""
    with opened(path) as file:
        texts = ((line, raw.decode("utf-8", errors="replace").strip()) for line, raw in numbered(path, file.readline))
        jobs = ((line, text) for line, text in texts if text and not text.startswith(";"))
        yield from ((number, line, text) for number, (line, text) in enumerate(jobs, start=1))


def line_records(path: Path) -> Iterator[Record]:
    """Yield the lines of a text, each numbered by where it stands."""
    yield from ((line, line, text) for line, text in numbered_lines(path))


@dataclass(frozen=True)
class Format:
    """A format of logs."""

    name: str
    """What it is called."""
    words: str
    """What it is, in Markdown."""
    read: Callable[..., Trace]
    """Read a log: ``read(path, **options)``."""
    recognises: Callable[[bytes], bool] | None = None
    """Tell by the first bytes, unpacked, whether a log has this format and no other; ``None`` if they do not tell."""
    records: Callable[[Path], Iterator[Record]] = table_records
    """Show the records as they stand, numbered as the reader numbers them."""
