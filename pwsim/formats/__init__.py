"""Readers of workload logs, one module a format, each with ``read(path) -> Trace``; found by name."""

from __future__ import annotations

import os
from pathlib import Path

from pwsim.errors import TraceError
from pwsim.formats import alibaba, swf
from pwsim.trace import DROP_REASONS, Trace

READERS = {"swf": swf.read, "alibaba-gpu-2023": alibaba.read}
"""Reader of each format, by its name."""


def read_trace(path: str | os.PathLike[str], format: str | None = None) -> Trace:  # noqa: A002
    """Read a workload log.

    Parameters
    ----------
    path
        The log; may be compressed with gzip.
    format
        Name of the format (``swf``, ``alibaba-gpu-2023``); by default the file's name tells it.

    Raises
    ------
    TraceError
        If the file cannot be read, or a line of it makes no sense: names file, line, field and value.
    """
    path = Path(path)
    if format is None:
        suffixes = [suffix.lstrip(".").lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
        format = suffixes[-1] if suffixes else ""  # noqa: A001
        if format not in READERS:
            raise TraceError(f"{path}: the name does not tell the format; name one of {', '.join(READERS)}")
    if format not in READERS:
        raise TraceError(f"{path}: unknown format {format!r}; known formats: {', '.join(READERS)}")
    trace = READERS[format](path)
    if not len(trace):
        reasons = "; ".join(f"{count}: {DROP_REASONS[reason]}" for reason, count in trace.dropped.items())
        raise TraceError(f"{path}: none of the {trace.jobs_read} records can be replayed ({reasons})")
    return trace
