"""Delimited logs, read in batches of rows through Arrow; a wrong line is looked for only if there is one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from pwsim.common import TraceError
from pwsim.trace.formats.files import LONGEST_LINE, first_line, numbered, opened, peek
from pwsim.trace.formats.rows import Rows

BLOCK_BYTES = LONGEST_LINE
"""Text that is parsed at a time: memory stays flat, whatever the length of the log."""


def header_names(path: Path, delimiter: str) -> list[str]:
    """Return the fields of the first line that is not empty, without blanks around them; none if there is none."""
    try:
        return [name.strip() for name in next(csv.reader([first_line(peek(path))[:100_000]], delimiter=delimiter), [])]
    except csv.Error as error:
        raise TraceError(f"{path}:1: cannot be read as text separated by {delimiter!r}: {error}") from None


def read_rows(
    path: Path, delimiter: str, names: Sequence[str], wanted: Sequence[str], *, header: bool, quoted: bool = True
) -> Iterator[Rows]:
    """Yield a delimited text in batches.

    Parameters
    ----------
    path
        The log, plain or packed.
    delimiter
        What separates fields.
    names, wanted
        Names of all columns, and of those that are wanted.
    header
        Whether the first line that is not empty holds the names, and is no row.
    quoted
        Whether fields may stand in double quotes.

    Raises
    ------
    TraceError
        If the file cannot be read, or a line has another number of fields than there are names.
    """
    done = 0
    start = peek(path).removeprefix(b"\xef\xbb\xbf")
    above = (
        start[: len(start) - len(start.lstrip())].replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")
    )  # empty lines above the header
    read = pacsv.ReadOptions(column_names=list(names), block_size=BLOCK_BYTES, skip_rows=above + 1 if header else 0)
    parse = pacsv.ParseOptions(
        delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted, double_quote=quoted
    )
    convert = pacsv.ConvertOptions(
        check_utf8=False,
        strings_can_be_null=False,
        include_columns=list(wanted),
        column_types=dict.fromkeys(wanted, pa.binary()),
    )
    with opened(path) as file:
        counted = _Counted(file)
        try:
            for batch in pacsv.open_csv(counted, read_options=read, parse_options=parse, convert_options=convert):
                if len(batch):
                    columns = dict(zip(wanted, batch.columns, strict=True))
                    numbers = np.arange(done + 1, done + len(batch) + 1)
                    yield Rows(columns, len(batch), _Where(path, delimiter, done + header, quoted), numbers)
                done += len(batch)
        except pa.ArrowInvalid as error:
            raise _wrong_line(path, delimiter, len(names), quoted, str(error)) from None
    if quoted and counted.quotes % 2:
        _refuse_open_quotes(path, delimiter)


class _Counted(io.RawIOBase):
    """A file that counts double quotes: if their number is odd, one may be left open and have swallowed lines."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.quotes += content.count(b'"')
        return content


def _refuse_open_quotes(path: Path, delimiter: str) -> None:
    """Raise if the log ends within quotes."""
    last = 0
    with opened(path) as file, _text(file) as text:
        reader = csv.reader(_contents(path, text), delimiter=delimiter, strict=True)
        try:
            for _ in reader:
                last = reader.line_num
        except csv.Error:
            raise TraceError(f"{path}:{last + 1}: has a double quote that is not closed") from None


@dataclass(frozen=True)
class _Where:
    """Finds the line of a row by reading the file again: only done for a message."""

    path: Path
    delimiter: str
    before: int
    quoted: bool

    def __call__(self, row: int) -> str:
        try:
            for count, (line, _) in enumerate(split_lines(self.path, self.delimiter, quoted=self.quoted)):
                if count == self.before + row:
                    return f"{self.path}:{line}"
        except csv.Error:  # a field that is too long
            pass
        return f"{self.path}: row {self.before + row + 1}"


def _text(file: IO[bytes]) -> io.TextIOWrapper:
    """Return a file as text whose lines end as they do for Arrow: also at lone carriage returns."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace")


def _contents(path: Path, text: io.TextIOWrapper) -> Iterator[str]:
    return (line for _, line in numbered(path, text.readline))


def split_lines(path: Path, delimiter: str, *, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each line that is not empty."""
    with opened(path) as file, _text(file) as text:
        if not quoted:
            for line, content in numbered(path, text.readline):
                if content.strip():
                    yield line, content.rstrip("\n").split(delimiter)
            return
        reader = csv.reader(_contents(path, text), delimiter=delimiter)
        start = 1
        for fields in reader:
            if len(fields) > 1 or (fields and fields[0].strip()):
                yield start, fields
            start = reader.line_num + 1


def _wrong_line(path: Path, delimiter: str, count: int, quoted: bool, reason: str) -> TraceError:
    """Return the error about the first line with a wrong number of fields."""
    try:
        for line, fields in split_lines(path, delimiter, quoted=quoted):
            if len(fields) != count:
                return TraceError(f"{path}:{line}: has {len(fields)} fields where there are {count} columns")
    except csv.Error as error:
        reason = str(error)
    return TraceError(f"{path}: cannot be read as text separated by {delimiter!r}: {reason.splitlines()[0][:200]}")
