"""Rows of a log: columns of text that become numbers, times or names, or an error with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pwsim.common import TraceError
from pwsim.trace.formats.clock import Clock
from pwsim.trace.formats.fields import UNKNOWN, number
from pwsim.trace.table import LONGEST_S, Floats, Integers


@dataclass(frozen=True)
class Rows:
    """Some rows of a log, as columns of raw text; a column that the log does not have is empty throughout."""

    columns: Mapping[str, Any]
    """Arrow arrays of bytes by the name of their column, each of shape (rows,)."""
    count: int
    """Number of rows."""
    where: Callable[[int], str]
    """File and line of a row of this batch, for messages."""
    records: Integers
    """Number of the record that each row is, from 1 in the log, shape (rows,)."""

    def __len__(self) -> int:
        return self.count

    def parsed(self, name: str, parse: Callable[[str], Any], dtype: str = "float64") -> npt.NDArray[Any]:
        """Return a column as what ``parse`` makes of each different text in it.

        Raises
        ------
        TraceError
            If ``parse`` raises ``ValueError``: names file, line, field, value and what ``parse`` says of it.
        """
        if name not in self.columns:
            return np.full(len(self), parse(""), dtype=dtype)
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
        codes, texts = self._uniques(name) if name in self.columns else (np.zeros(len(self), dtype=np.int64), [""])
        shown = pd.Index([parse(text) for text in texts], dtype="str")
        kept = shown.unique()
        return pd.Categorical.from_codes(kept.get_indexer(shown)[codes], categories=kept)

    def _uniques(self, name: str) -> tuple[npt.NDArray[Any], list[str]]:
        """Return a column as codes, and the texts that they stand for."""
        encoded = self.columns[name].dictionary_encode()
        texts = [text.decode("utf-8", errors="replace").strip() for text in encoded.dictionary.to_pylist()]
        return encoded.indices.to_numpy(zero_copy_only=False), texts

    def text(self, name: str) -> Any:
        """Return a column as Arrow's strings; bytes that are no UTF-8 become marks."""
        try:
            return self.columns[name].cast(pa.string())
        except pa.ArrowInvalid:
            return pa.array([text.decode("utf-8", errors="replace") for text in self.columns[name].to_pylist()])

    def numbers(self, name: str, *, whole: bool = False, limit: float = 1e15) -> Floats:
        """Return a column of numbers from 0 to ``limit``; NaN where it is empty.

        Raises
        ------
        TraceError
            If something in it is no such number.
        """
        if name not in self.columns:
            return np.full(len(self), np.nan)
        array = self.text(name)
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

    def times(self, name: str, clock: Clock, not_before: Floats | None = None, unit_s: float = 1.0) -> Floats:
        """Return a column of times as seconds since 1970; NaN where unknown.

        Numbers are in units of ``unit_s`` [s]; ``not_before`` helps where a clock shows a time twice.

        Raises
        ------
        TraceError
            If something in it is neither ISO 8601 nor seconds since 1970.
        """
        if name not in self.columns:
            return np.full(len(self), np.nan)
        texts = pc.utf8_trim_whitespace(self.text(name))
        texts = pc.if_else(pc.is_in(pc.utf8_lower(texts), pa.array(sorted(UNKNOWN))), None, texts)
        for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.float64()):
            try:
                values = texts.cast(kind)
            except pa.ArrowInvalid:
                continue
            if kind == pa.float64():
                seconds = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64) * unit_s
            else:
                zone = clock if kind.tz is None else Clock("UTC")
                times = pd.DatetimeIndex(values.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False))
                seconds = zone.seconds(times, not_before)
            if np.all(np.isnan(seconds) | ((seconds >= 0) & (seconds <= LONGEST_S))):
                return seconds
        return self.parsed(name, lambda text: clock.parse(text, unit_s))

    def emptied(self, unknown: Mapping[str, str]) -> Rows:
        """Return the rows with some columns empty where they match a regular expression, by the name of the column."""
        emptied = {
            name: pc.if_else(pc.match_substring_regex(self.columns[name], pattern), b"", self.columns[name])
            for name, pattern in unknown.items()
        }
        return replace(self, columns={**self.columns, **emptied})

    def select(self, chosen: npt.NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        at = np.flatnonzero(chosen)
        mask = pa.array(chosen)
        columns = {name: column.filter(mask) for name, column in self.columns.items()}
        return Rows(columns, len(at), lambda row: self.where(int(at[row])), self.records[at])

    def fault(self, row: int, name: str, message: str, text: str) -> TraceError:
        """Return the error about a field of a row."""
        shown = text if len(text) <= 40 else text[:37] + "..."
        return TraceError(f"{self.where(row)}: {name}: {message} (got {shown!r})")
