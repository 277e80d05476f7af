"""Fields as schedulers write them: durations, sizes of memory, numbers, lists of names."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from pwsim.common import TraceError, numeral
from pwsim.trace.table import LONGEST_S

UNKNOWN = frozenset({"", "unknown", "none", "n/a", "na", "nan", "null", "nat", "-"})
"""Words that stand for a value that the log does not know, in lower case."""

_DURATION = re.compile(r"(?:(\d{1,9})-)?(?:(\d{1,9}):)?(\d{1,9}):(\d{1,2}(?:\.\d+)?)", re.ASCII)
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtpe]?)(i?[bw])?", re.IGNORECASE | re.ASCII)
_MIB = {"": 1 / 1024**2, "k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0**2, "p": 1024.0**3, "e": 1024.0**4}


def decimal(text: str) -> float:
    """Return a number as machines write it: Python also takes ``1_000`` and digits of other scripts.

    Raises
    ------
    ValueError
        If the text is no number.
    """
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


def duration_s(text: str, unit_s: float = 1.0) -> float:
    """Return ``[d-]hh:mm:ss``, ``mm:ss`` or a plain number as seconds; NaN where unknown.

    Parameters
    ----------
    text
        The duration.
    unit_s
        Unit of a plain number [s].

    Raises
    ------
    ValueError
        If the text is no duration.

    Examples
    --------
    >>> duration_s("1-02:03:04"), duration_s("05:06.500"), duration_s("90")
    (93784.0, 306.5, 90.0)
    >>> duration_s("90", 60.0), duration_s("0:01:30", 60.0)
    (5400.0, 90.0)
    """
    if text.lower() in UNKNOWN:
        return math.nan
    if found := _DURATION.fullmatch(text):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        value = 86400 * days + 3600 * hours + 60 * minutes + seconds
    else:
        try:
            value = decimal(text) * unit_s
        except ValueError:
            raise ValueError("must be a duration such as 1-02:03:04 or 02:03:04, or seconds") from None
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"must be a duration from 0 to {numeral(LONGEST_S)} s")
    return value


def memory_mib(text: str, unit: str = "") -> float:
    """Return a size of memory in MiB; units are powers of 1024, and ``unit`` is that of a bare number.

    Raises
    ------
    ValueError
        If the text is no size of memory.

    Examples
    --------
    >>> memory_mib("62.50G"), memory_mib("4000mb"), memory_mib("2048", "k")
    (64000.0, 4000.0, 2.0)
    """
    found = _MEMORY.fullmatch(text.strip())
    if found is None:
        raise ValueError("must be a size of memory such as 4000M or 62.5G")
    number, prefix, kind = found.groups()
    words = 8 if (kind or "").lower().endswith("w") else 1
    value = float(number) * _MIB[(prefix or ("" if kind else unit)).lower()] * words
    if not value < 2.0**53:
        raise ValueError("must be a size of memory of less than 2^53 MiB")
    return value


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
        value = decimal(text)
    except ValueError:
        raise ValueError(f"must be {kind}, or empty") from None
    if not 0 <= value <= limit or (whole and not value.is_integer()):
        raise ValueError(f"must be {kind} from 0 to {numeral(limit)}, or empty")
    return value


def name_list(columns: str | Path | Sequence[str]) -> list[str]:
    """Return names of columns: a list of them, a text (separated by ``|`` or commas), or a file that holds the text.

    Raises
    ------
    TraceError
        If the file cannot be read, or there are no names.
    """
    if isinstance(columns, str | Path):
        text = str(columns)
        if isinstance(columns, Path) or not re.search(r"[|,\s]", text) or Path(text).is_file():
            try:
                text = Path(text).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "is not text"
                raise TraceError(f"columns: {text}: {reason}; give a file, or names separated by commas") from None
        columns = re.split(r"[|,\s]+", text.strip(" \t\r\n|,"))
    names = [name.strip() for name in columns]
    if not any(names):
        raise TraceError("columns: there are no names of columns in it")
    return names
