"""Reading and writing logs of all formats, which are found by listing this folder.

A module of a format has ``FORMATS``: a :class:`~pwsim.trace.formats.format.Format`, or several.  Adding one is adding
its module.
"""

from __future__ import annotations

import inspect
import os
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from pwsim.common import TraceError
from pwsim.trace import formats
from pwsim.trace.formats import native, swf, table
from pwsim.trace.formats.files import opened, peek
from pwsim.trace.formats.format import Format
from pwsim.trace.formats.structured import parquet
from pwsim.trace.reasons import DROP_REASONS
from pwsim.trace.table import Trace


def _found() -> Iterator[Format]:
    """Yield the formats of the modules of this folder."""
    for module in pkgutil.iter_modules(formats.__path__):
        if module.name != __name__.rpartition(".")[2]:
            yield from getattr(import_module(f"{formats.__name__}.{module.name}"), "FORMATS", ())


FORMATS = {one.name: one for one in sorted(_found(), key=lambda one: one.name)}
"""The formats by their name."""


def read_trace(path: str | os.PathLike[str], format: str | None = None, **options: Any) -> Trace:  # noqa: A002
    """Read a workload log, plain or packed by gzip, bzip2, xz or zstd.

    Parameters
    ----------
    path
        The log.
    format
        Name of the format (see :data:`FORMATS`); by default the log's content tells it, or else its name.
    options
        What the format's reader takes beside the path.

    Raises
    ------
    TraceError
        If the file cannot be read, an option is wrong, or a line makes no sense: names file, line, field and value.
    """
    path = Path(path)
    format = detect_format(path) if format is None else format  # noqa: A001
    for option, message in wrong_options(format, options):
        raise TraceError(f"{path}: {option}: {message}")
    trace = replace(FORMATS[format].read(path, **options), format=format, path=str(path))
    if not len(trace):
        reasons = "; ".join(f"{count}: {DROP_REASONS[reason].text}" for reason, count in trace.dropped.items())
        raise TraceError(f"{path}: none of the {trace.jobs_read} records can be replayed ({reasons})")
    return trace


def write_trace(trace: Trace, path: Path) -> None:
    """Write a trace in the format that the name tells: ``.parquet`` holds all of it, ``.swf`` and ``.swf.gz`` most.

    Raises
    ------
    InputError, MachineError
        If the name tells neither, or the file cannot be written.
    """
    if path.suffix == ".parquet":
        native.write(trace, path)
    elif path.name.endswith((".swf", ".swf.gz")):
        swf.write(trace, path)
    else:
        raise TraceError(f"{path}: must end in .parquet, .swf or .swf.gz, which tells the format to write")


def detect_format(path: Path) -> str:
    """Return the format of a log by its content, or else by its name.

    Raises
    ------
    TraceError
        If it cannot be read, or neither tells.
    """
    start = peek(path)
    if start.startswith(b"PAR1"):  # what a Parquet file is about stands at its end
        return "pwsim" if native.is_trace(path) else "parquet"
    for one in FORMATS.values():
        if one.recognises is not None and one.recognises(start):
            return one.name
    for suffix in reversed(path.suffixes):
        if suffix.lstrip(".").lower() in FORMATS:
            return suffix.lstrip(".").lower()
    if kind := table.kind_of(start):
        return kind
    raise TraceError(
        f"{path}: neither content nor name tells the format; name one (--format, or `format:` in a scenario): "
        f"{', '.join(FORMATS)}"
    )


def most_records(path: Path) -> int:
    """Return how many records a log can hold: its rows in Parquet, its lines otherwise; it is not read.

    Raises
    ------
    TraceError
        If the file cannot be opened.
    """
    if peek(path).startswith(b"PAR1"):
        return int(parquet(path).metadata.num_rows)
    with opened(path) as file:
        pieces = iter(lambda: file.read(1 << 20), b"")
        return sum(piece.count(b"\n") for piece in pieces) + 1


def wrong_options(format: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # noqa: A002
    """Yield the name of each option that is wrong for a format, and why; ``format`` itself first."""
    if format not in FORMATS:
        yield "format", f"unknown format {format!r}; known formats: {', '.join(FORMATS)}"
        return
    known = [name for name in inspect.signature(FORMATS[format].read).parameters if name not in ("path", "kind")]
    for option in options:
        if option not in known:
            yield option, f"the format {format} takes {' and '.join(known) or 'no options'}"
