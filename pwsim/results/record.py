"""What a run was asked, in full: the resolved scenario beside its results, and the id that it has.

Two runs with one id give the same answer.  The id is made of all that the answer depends on and of nothing else: not of
the names of files (their content counts), the engine, the number of workers, the place or the time.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML

from pwsim._version import __version__
from pwsim.cluster import Cluster
from pwsim.rules import portable
from pwsim.trace import Trace

SCHEMA_VERSION = 1
"""Version of the layout of results: files, keys of ``summary.json``, columns; raised when one is renamed or goes."""
ID_DIGITS = 16
"""Hexadecimal digits of a run's id."""

_FILES = (
    ("workload", "trace"),
    ("workload", "columns"),
    ("workload", "mix", "trace"),
    ("workload", "mix", "columns"),
    ("economics", "prices"),
)
"""Keys of a scenario that may name a file."""

_HEAD = """\
# What pwsim {version} was asked, every default filled in and every price taken: times in s, memory in MiB, power in W.
# Paths start at the folder of the scenario that was run: put this file there to run it again.
"""


def run_id(
    command: str,
    asked: Mapping[str, Any],
    traces: Sequence[Trace],
    machines: Sequence[Cluster],
    cut_short_after: int | None = None,
    draws: int = 0,
) -> str:
    """Return the id of a run.

    Parameters
    ----------
    command
        What was done: ``run``, ``simulate``, ``hindcast``.
    asked
        What was asked, every default filled in.
    traces
        The workload that is replayed, and other logs that the answer depends on.
    machines
        Clusters whose policies may name code: its text counts.
    cut_short_after
        How far a search got, if it was stopped: the answer depends on that, too.
    draws
        How many draws the answer was tried on: it says what came of them.
    """
    code = [text for machine in machines for text in machine.code_texts()]
    what = [command, _with_files(asked, lambda _: ""), [_content(one) for one in traces], code, cut_short_after, draws]
    text = json.dumps([__version__, SCHEMA_VERSION, *what], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


def scenario_yaml(asked: Mapping[str, Any]) -> str:
    """Return the question as a scenario file, which :func:`pwsim.load_scenario` reads."""
    writer = YAML()
    writer.default_flow_style = None  # lists of values in one line
    writer.width = 120
    text = io.StringIO()
    text.write(_HEAD.format(version=__version__))
    writer.dump(_with_files(asked, portable), text)
    return text.getvalue()


def _content(trace: Trace) -> list[Any]:
    """Return the facts of a log that an answer depends on, as plain values."""
    return [trace.digest(), trace.first_submit_s, trace.jobs_read, dict(trace.header), dict(trace.dropped)]


def _with_files(asked: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Return the question with the names of files changed."""
    plain: dict[str, Any] = json.loads(json.dumps(asked))
    for *above, key in _FILES:
        here = plain
        for one in above:
            here = here.get(one) or {}
        if isinstance(here.get(key), str):
            here[key] = change(here[key])
    return plain
