"""Readers of workload logs, one module a format.

A module has ``read(path, **options) -> Trace``, and ``recognises(start) -> bool`` which tells its logs by their first
bytes.  Adding a format is a module and a line in each table here.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pwsim.common import TraceError
from pwsim.trace.formats import alibaba, lsf, native, pbs, sacct, swf, table
from pwsim.trace.formats.files import peek
from pwsim.trace.formats.presets import PRESETS
from pwsim.trace.table import DROP_REASONS, Trace

READERS: dict[str, Callable[..., Trace]] = {
    "swf": swf.read,
    "sacct": sacct.read,
    "xdmod": sacct.read_xdmod,
    "pbs": pbs.read,
    "lsf": lsf.read,
    "alibaba-gpu-2023": alibaba.read,
    **{name: preset.reader() for name, preset in PRESETS.items()},
    "pwsim": native.read,
    **{kind: partial(table.read, kind=kind) for kind in table.KINDS},
}
"""Reader of each format, by its name."""

RECOGNISERS: dict[str, Callable[[bytes], bool]] = {
    "swf": swf.recognises,
    "xdmod": sacct.recognises_xdmod,
    "sacct": sacct.recognises,
    "pbs": pbs.recognises,
    "lsf": lsf.recognises,
    "alibaba-gpu-2023": alibaba.recognises,
    **{name: preset.recognises for name, preset in PRESETS.items()},
}
"""What tells a format by the first bytes of a log, unpacked; the first that says so wins."""


def read_trace(path: str | os.PathLike[str], format: str | None = None, **options: Any) -> Trace:  # noqa: A002
    """Read a workload log, plain or packed by gzip, bzip2, xz or zstd.

    Parameters
    ----------
    path
        The log.
    format
        Name of the format (see :data:`READERS`); by default the log's content tells it, or else its name.
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
    trace = replace(READERS[format](path, **options), format=format, path=str(path))
    if not len(trace):
        reasons = "; ".join(f"{count}: {DROP_REASONS[reason]}" for reason, count in trace.dropped.items())
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
    for name, recognises in RECOGNISERS.items():
        if recognises(start):
            return name
    for suffix in reversed(path.suffixes):
        if suffix.lstrip(".").lower() in READERS:
            return suffix.lstrip(".").lower()
    if kind := table.kind_of(start):
        return kind
    raise TraceError(
        f"{path}: neither content nor name tells the format; name one (--format, or `format:` in a scenario): "
        f"{', '.join(READERS)}"
    )


def wrong_options(format: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # noqa: A002
    """Yield the name of each option that is wrong for a format, and why; ``format`` itself first."""
    if format not in READERS:
        yield "format", f"unknown format {format!r}; known formats: {', '.join(READERS)}"
        return
    known = [name for name in inspect.signature(READERS[format]).parameters if name not in ("path", "kind")]
    for option in options:
        if option not in known:
            yield option, f"the format {format} takes {' and '.join(known) or 'no options'}"
