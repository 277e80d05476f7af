"""The run log of a batch: a line of JSON for each scenario of each night, and what can be read from it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pwsim.common import MachineError
from pwsim.scenario.batch.identity import Identity

NAME = "log.jsonl"
"""Name of the run log in the directory of a batch."""

COLLECTED, PROFILE = "collected", "profile"
"""Lines that are about no scenario: the table of all was written; where the time of a batch went."""

Event = Literal["done", "known", "failed"]
"""``done``: it was run; ``known``: its results were there already; ``failed``: there are none."""


class Entry(NamedTuple):
    """What became of a scenario in a batch."""

    time: str
    """When, in UTC (ISO 8601)."""
    batch: str
    """When the batch began: its name."""
    event: Event
    """What was done."""
    scenario: str
    """Name of the scenario and variant."""
    run: str
    """Key of its results; empty if it failed before it had one."""
    code: int
    """Exit code that the scenario alone would have had."""
    message: str
    """The answer, or what went wrong."""
    because: list[str]
    """Why it was run: what changed since the last time (:meth:`.Identity.changes`), or ``new``, ``unfinished``."""
    identity: dict[str, str] = {}  # noqa: RUF012 - a tuple's field, which nobody changes
    """Sums of what the results depend on (:class:`.Identity`)."""
    status: str | None = None
    """Of the search."""
    chosen: str | None = None
    """The chosen setup, or the closest, in words."""
    cost_usd_per_year: float | None = None
    """What that costs."""
    lower_bound_usd_per_year: float | None = None
    """What it must cost at least."""
    draws: int = 0
    """Draws that the answer was tried on."""
    draws_held: int = 0
    """In how many of them it holds."""
    replays: int = 0
    """Replays that were done, because they were not known."""
    seconds: float = 0.0
    """Time that it took [s]."""
    spent: dict[str, dict[str, float]] = {}  # noqa: RUF012 - a tuple's field, which nobody changes
    """Time by part of the work (:data:`pwsim.common.PARTS`, :class:`pwsim.common.Spent`)."""

    @property
    def known_by(self) -> Identity | None:
        """What the results depend on; ``None`` if that is not known."""
        return Identity(**self.identity) if self.identity else None


def now() -> str:
    """Return the time in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def note(directory: Path, entry: Entry) -> None:
    """Note what became of a scenario."""
    note_line(directory, entry._asdict())


def check(directory: Path) -> None:
    """Make sure that the run log can be written, as far as that shows without a line; raise ``OSError`` otherwise."""
    os.close(os.open(directory / NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666))


def note_line(directory: Path, told: Mapping[str, Any]) -> None:
    """Add a line to the run log, in one piece, so that several processes may."""
    line = json.dumps(told, ensure_ascii=False).encode() + b"\n"
    file = os.open(directory / NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        end = os.lseek(file, 0, os.SEEK_END)
        torn = end > 0 and os.pread(file, 1, end - 1) != b"\n"  # who wrote it was killed
        os.write(file, b"\n" * torn + line)
    finally:
        os.close(file)


def entries(directory: Path) -> Iterator[Entry]:
    """Yield what the run log tells of scenarios, the oldest first; lines of another version are left out.

    Raises
    ------
    MachineError
        If it cannot be read.
    """
    for told in _lines(directory):
        with suppress(TypeError):
            yield Entry(**told)


def latest(directory: Path) -> dict[str, Entry]:
    """Return by scenario the last run that has results."""
    return {one.scenario: one for one in entries(directory) if one.event != "failed"}


def standing(directory: Path) -> dict[str, Entry]:
    """Return by scenario what became of it last; a failure stands until the next round of batches has begun.

    A round ends when its table is written (:data:`COLLECTED`): what failed before is tried again in the next.
    """
    last: dict[str, Entry] = {}
    of_round: set[str] = set()
    for told in _lines(directory):
        if told.get("event") == COLLECTED:
            of_round = set()
        with suppress(TypeError):
            one = Entry(**told)
            last[one.scenario] = one
            of_round.add(one.scenario)
    return {name: one for name, one in last.items() if one.event != "failed" or not of_round or name in of_round}


def newest_round(directory: Path) -> set[str]:
    """Return the names of the batches of the newest round: those that wrote the table last, or are at it now."""
    rounds = [set[str]()]
    for told in _lines(directory):
        if told.get("event") == COLLECTED:
            rounds.append(set())
        with suppress(TypeError):
            rounds[-1].add(Entry(**told).batch)
    return next((one for one in reversed(rounds) if one), set())


def _lines(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of the run log that are whole, the oldest first."""
    try:
        with (directory / NAME).open(encoding="utf-8", errors="replace") as file:
            for line in file:
                with suppress(ValueError):
                    told = json.loads(line)
                    if isinstance(told, dict):
                        yield told
    except FileNotFoundError:
        return
    except OSError as error:
        raise MachineError(f"{directory / NAME}: cannot be read ({error.strerror or error})") from None
