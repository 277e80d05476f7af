"""What a pass that makes its plan anew knows: the containers (semantics §9, "Plans made anew")."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import NamedTuple


class Plan(NamedTuple):
    """What the policy's plans are like; without entries where it makes none."""

    window_s: float
    """Jobs that could only start later than so long after now have no place [s]."""
    per_user: int
    """How many jobs of each user the pass looks at."""
    user: Sequence[int]
    """Whose each job is; -1 where the log does not tell."""
    seen: MutableSequence[int]
    """How many jobs of each user the pass has looked at."""
