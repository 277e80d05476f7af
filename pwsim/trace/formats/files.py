"""Files of logs: opened, and unpacked where they are packed, whatever they are called."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, AnyStr

from pwsim.common import TraceError


class _Zstd(io.RawIOBase):
    """What Arrow unpacks, as a file of Python's; the standard library has no zstd before Python 3.14."""

    def __init__(self, file: IO[bytes]) -> None:
        import pyarrow as pa

        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _zstd(file: IO[bytes]) -> Any:
    return io.BufferedReader(_Zstd(file), 1 << 20)


_PACKERS: tuple[tuple[bytes, str, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", "gzip", gzip.open),
    (b"BZh", "bzip2", bz2.open),
    (b"\xfd7zXZ\x00", "xz", lzma.open),
    (b"\x28\xb5\x2f\xfd", "zstd", _zstd),
)
"""First bytes of a packed file, name of the packing, what unpacks it."""

LONGEST_LINE = 1 << 23
"""Bytes of a line; a log with a longer one is refused, so that memory does not depend on what a file holds."""
MOST_UNPACKED, MOST_TIMES = 1 << 28, 200
"""A packed log may unpack to so many bytes, or to so many times its size if that is more; logs do to 5 to 30 times."""

_SUFFIXES = {".gz", ".bz2", ".xz", ".zst"}


class _Limited(io.RawIOBase):
    """What is unpacked from a file, up to a number of bytes."""

    def __init__(self, file: Any, path: Path, most: int) -> None:
        self._file, self._path, self._left = file, path, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self._file.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise TraceError(
                f"{self._path}: unpacks to more than {MOST_TIMES} times its size, as no log does; "
                "if it is one, unpack it first"
            )
        return count


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a log for reading, unpacked if it is packed by gzip, bzip2, xz or zstd: its first bytes tell.

    Raises
    ------
    TraceError
        If it cannot be read, or is packed and broken or cut off, or unpacks to far more than its size; also while it
        is being read.
    """
    packing = ""
    try:
        with path.open("rb") as raw:
            start = raw.read(6)
            raw.seek(0)
            for magic, name, unpack in _PACKERS:
                if start.startswith(magic):
                    packing = name
                    with unpack(raw) as file:
                        most = max(MOST_UNPACKED, MOST_TIMES * path.stat().st_size)
                        yield io.BufferedReader(_Limited(file, path, most), 1 << 17)
                    return
            yield raw
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise _broken(path, packing, error) from None
    except OSError as error:
        if error.strerror is None:  # what unpacks says so too, with words but without a number of the system
            raise _broken(path, packing, error) from None
        raise TraceError(f"{path}: cannot be read: {error.strerror}") from None


def numbered(path: Path, read_line: Callable[[int], AnyStr]) -> Iterator[tuple[int, AnyStr]]:
    """Yield the lines of an opened log with their number from 1.

    Parameters
    ----------
    path
        The log, for messages.
    read_line
        Its method ``readline``.

    Raises
    ------
    TraceError
        If a line is longer than :data:`LONGEST_LINE`.
    """
    for number in itertools.count(1):
        line = read_line(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise _too_long(path, number)
        yield number, line


def blocks(path: Path, size: int = LONGEST_LINE) -> Iterator[tuple[int, bytes]]:
    """Yield a log in blocks of whole lines, each with the number of its first line.

    Parameters
    ----------
    path
        The log.
    size
        Bytes that are read at a time.

    Raises
    ------
    TraceError
        As for :func:`opened` and :func:`numbered`.
    """
    number, rest = 1, b""
    with opened(path) as file:
        while content := file.read(size):
            content = rest + content
            end = max(content.rfind(b"\n"), content.rfind(b"\r")) + 1
            rest = content[end:]
            if len(rest) > LONGEST_LINE:
                raise _too_long(path, number + content.count(b"\n", 0, end))
            if end:
                yield number, content[:end]
                number += content.count(b"\n", 0, end)
    if rest:
        yield number, rest


def peek(path: Path) -> bytes:
    """Return the first bytes of a log, unpacked, up to 64 KiB.

    Raises
    ------
    TraceError
        If it cannot be read.
    """
    with opened(path) as file:
        return file.read(1 << 16)


def first_line(start: bytes) -> str:
    """Return the first line of a log that is not empty, without blanks at its ends."""
    text = start.decode("utf-8-sig", errors="replace").lstrip()  # without a mark of the byte order
    return re.split(r"[\r\n]", text, maxsplit=1)[0].strip()


def _too_long(path: Path, number: int) -> TraceError:
    return TraceError(f"{path}:{number}: is longer than {LONGEST_LINE >> 20} MiB, as no line of a log is")


def _broken(path: Path, packing: str, error: Exception) -> TraceError:
    return TraceError(f"{path}: the {packing or 'file'} file is broken or cut off ({error}); fetch it again")


def stem(path: Path) -> str:
    """Return the name of a log without what tells its packing and format.

    Examples
    --------
    >>> stem(Path("logs/KTH-SP2-1996-2.1.swf.gz"))
    'KTH-SP2-1996-2.1'
    """
    name = path.with_suffix("") if path.suffix.lower() in _SUFFIXES else path
    known = {".swf", ".csv", ".tsv", ".psv", ".log", ".txt", ".jsonl", ".parquet", ".acct"}
    return name.stem if name.suffix.lower() in known else name.name
