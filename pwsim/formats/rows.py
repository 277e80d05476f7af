"""Rows of a delimited log in batches: columns of text that become numbers or names, or an error with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from pwsim.errors import TraceError
from pwsim.formats.files import opened
from pwsim.trace import Floats

BLOCK_BYTES = 1 << 23
"""Text that is parsed at a time: memory stays flat, whatever the length of the log."""


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows of a log, as columns of raw text."""

    columns: Mapping[str, Any]
    """Arrow arrays of bytes by the name of their column, each of shape (rows,)."""
    where: Callable[[int], str]
    """File and line of a row of this batch, for messages."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def parsed(self, name: str, parse: Callable[[str], Any], dtype: str = "float64") -> npt.NDArray[Any]:
        """Return a column as what ``parse`` makes of each different text in it.

        Raises
        ------
        TraceError
            If ``parse`` raises ``ValueError``: names file, line, field, value and what ``parse`` says of it.
        """
        codes, texts = self._uniques(name)
        values = np.empty(len(texts), dtype=dtype)
        for code, text in enumerate(texts):
            try:
                values[code] = parse(text)
            except ValueError as error:
                raise self.fault(int(np.argmax(codes == code)), name, str(error), text) from None
        parsed: npt.NDArray[Any] = values[codes]
        return parsed

    def names(self, name: str, parse: Callable[[str], str] = str) -> pd.Categorical:
        """Return a column as names, each text as what ``parse`` makes of it."""
        codes, texts = self._uniques(name)
        shown = pd.Index([parse(text) for text in texts], dtype=object)
        kept = shown.unique()
        return pd.Categorical.from_codes(kept.get_indexer(shown)[codes], categories=kept)

    def _uniques(self, name: str) -> tuple[npt.NDArray[Any], list[str]]:
        """Return a column as codes, and the texts that they stand for."""
        encoded = self.columns[name].dictionary_encode()
        texts = [text.decode("utf-8", errors="replace").strip() for text in encoded.dictionary.to_pylist()]
        return encoded.indices.to_numpy(zero_copy_only=False), texts

    def numbers(self, name: str, *, whole: bool = False, limit: float = 1e15) -> Floats:
        """Return a column of numbers from 0 to ``limit``; NaN where it is empty.

        Raises
        ------
        TraceError
            If something in it is no such number.
        """
        array = self.columns[name].cast(pa.string(), safe=False)
        empty = pc.equal(array, "")
        try:
            values = pc.if_else(empty, None, array).cast(pa.float64()).to_numpy(zero_copy_only=False)
            good = pc.is_null(pc.if_else(empty, None, array)).to_numpy(zero_copy_only=False) | (
                (values >= 0) & (values <= limit) & ((values == np.floor(values)) | (not whole))
            )
        except pa.ArrowInvalid:
            good = np.zeros(1, dtype=bool)
        if good.all():
            return np.asarray(values, dtype=np.float64)
        return self.parsed(name, lambda text: number(text, whole=whole, limit=limit))

    def fault(self, row: int, name: str, message: str, text: str) -> TraceError:
        """Return the error about a field of a row."""
        shown = text if len(text) <= 40 else text[:37] + "..."
        return TraceError(f"{self.where(row)}: {name}: {message} (got {shown!r})")


def number(text: str, *, whole: bool = False, limit: float = 1e15) -> float:
    """Return a number from 0 to ``limit``; NaN for an empty text.

    Raises
    ------
    ValueError
        If the text is no such number.
    """
    if not text:
        return float("nan")
    kind = "a whole number" if whole else "a number"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"must be {kind}, or empty") from None
    if not 0 <= value <= limit or (whole and value != np.floor(value)):
        raise ValueError(f"must be {kind} from 0 to {limit:g}, or empty")
    return value


def header_names(path: Path, delimiter: str) -> list[str]:
    """Return the fields of the first line, without blanks around them; none if the file is empty."""
    with opened(path) as file:
        line = file.readline(1 << 20)
    text = line.decode("utf-8-sig", errors="replace").strip("\r\n")
    return [name.strip() for name in next(csv.reader([text], delimiter=delimiter), [])]


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
        Whether the first line holds the names, and is no row.
    quoted
        Whether fields may stand in double quotes.

    Raises
    ------
    TraceError
        If the file cannot be read, or a line has another number of fields than there are names.
    """
    done = 0
    read = pacsv.ReadOptions(column_names=list(names), block_size=BLOCK_BYTES, skip_rows=int(header))
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
        try:
            for batch in pacsv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert):
                if len(batch):
                    yield Rows(
                        dict(zip(wanted, batch.columns, strict=True)), _Where(path, delimiter, done + header, quoted)
                    )
                done += len(batch)
        except pa.ArrowInvalid as error:
            raise _wrong_line(path, delimiter, len(names), quoted, str(error)) from None


@dataclass(frozen=True)
class _Where:
    """Finds the line of a row by reading the file again: only done for a message."""

    path: Path
    delimiter: str
    before: int
    quoted: bool

    def __call__(self, row: int) -> str:
        for count, (line, _) in enumerate(_lines(self.path, self.delimiter, quoted=self.quoted)):
            if count == self.before + row:
                return f"{self.path}:{line}"
        return f"{self.path}: row {self.before + row + 1}"


def _lines(path: Path, delimiter: str, *, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each line that is not empty."""
    with opened(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")
        reader = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
        start = 1
        for fields in reader:
            if fields:
                yield start, fields
            start = reader.line_num + 1


def _wrong_line(path: Path, delimiter: str, count: int, quoted: bool, reason: str) -> TraceError:
    """Return the error about the first line with a wrong number of fields."""
    try:
        for line, fields in _lines(path, delimiter, quoted=quoted):
            if len(fields) != count:
                return TraceError(f"{path}:{line}: has {len(fields)} fields where there are {count} columns")
    except csv.Error as error:
        reason = str(error)
    return TraceError(f"{path}: cannot be read as text separated by {delimiter!r}: {reason.splitlines()[0][:200]}")
