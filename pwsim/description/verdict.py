"""A verdict on a log: what was found, how bad it is for planning, and what to do about it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Level = Literal["ok", "warning", "problem"]

LEVELS: tuple[Level, ...] = ("problem", "warning", "ok")
"""Worst first.  A problem makes answers wrong unless something is done; a warning is to be known when they are read."""

Profile = dict[str, Any]
"""What :func:`pwsim.description.profile.profile_of` gives."""


class Verdict(NamedTuple):
    """A judgement of one side of a log."""

    topic: str
    """What it is about, in a word or two."""
    level: Level
    """``ok``, ``warning`` or ``problem``."""
    finding: str
    """What was found, in a sentence or two."""
    advice: str = ""
    """What to do about it; empty if nothing."""


def worse(value: float, warning: float, problem: float = float("inf")) -> Level:
    """Return the level of a value of which much is bad: from ``warning`` and from ``problem`` on.

    Examples
    --------
    >>> worse(0.0, 0.01, 0.05), worse(0.01, 0.01, 0.05), worse(0.2, 0.01, 0.05)
    ('ok', 'warning', 'problem')
    """
    return "problem" if value >= problem else "warning" if value >= warning else "ok"
