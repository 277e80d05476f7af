"""What came of checking a proof again, and how it is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pwsim.common import capital, count
from pwsim.search.accounting import REASONS, Account

MOST_TOLD = 20
"""Differences that are told."""
CLOSE = 1e-9
"""Relative difference up to which figures are the same: sums may be rounded otherwise on another machine."""


class Differences(list[str]):
    """What is not as results say."""

    def compare(self, where: str, told: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        """Note each value that is not as it is told."""
        for key, value in shown.items():
            if key not in told:
                self.append(f"{where}: {key} is missing")
            elif not _same(told[key], value):
                self.append(f"{where}: {key} is told as {told[key]!r}, and found to be {value!r}")


def _same(told: Any, found: Any) -> bool:
    """Return whether two values are the same, numbers up to a rounding, and NaN like nothing."""
    nothing = [one is None or one is pd.NA or (isinstance(one, float) and math.isnan(one)) for one in (told, found)]
    if any(nothing):
        return all(nothing)
    if isinstance(told, str) or isinstance(found, str | bool | Mapping):
        return bool(told == found)
    if isinstance(found, int | float) and isinstance(told, int | float | np.number):
        return math.isclose(told, found, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(told == found)


class Shown(NamedTuple):
    """A claim, and what accounts for it."""

    text: str
    """The claim in words."""
    account: Account
    """What accounts for every setup."""


class Verification(NamedTuple):
    """What came of checking a proof again."""

    claim: str
    """What was to be shown."""
    differences: tuple[str, ...]
    """What is not as the results say; none if the proof holds."""
    replays: int
    """Replays that were done again."""
    by_other_engine: int
    """Those of them that another engine did than in the run."""
    shown: tuple[Shown, ...]
    """Each claim and what accounts for it, that of the answer first; none if the results claim different things."""
    unchecked: tuple[str, ...] = ()
    """Parts of the results that have proofs of their own, which are not checked."""

    @property
    def account(self) -> Account | None:
        """What accounts for every setup in the proof of the answer; ``None`` if nothing was shown of it."""
        return self.shown[0].account if self.shown else None

    @property
    def verified(self) -> bool:
        """Whether the proof holds."""
        return not self.differences

    def __str__(self) -> str:
        lines = [f"{'Verified' if self.verified else 'NOT VERIFIED'}: {self.claim}"]
        lines += [f"- {one}" for one in self.differences[:MOST_TOLD]]
        if len(self.differences) > MOST_TOLD:
            lines.append(f"- and {count(len(self.differences) - MOST_TOLD, 'difference')} more")
        other = f", {self.by_other_engine:,} of them with another engine than the run" if self.by_other_engine else ""
        lines.append(f"{count(self.replays, 'replay')} done again{other}.")
        for index, one in enumerate(self.shown):
            told = [f"{number:,} {REASONS[reason]}" for reason, number in one.account.by_reason.items() if number]
            told += [f"{one.account.left_in_all:,} are not accounted for"] if one.account.left_in_all else []
            lines += [capital(one.text)] if index else []
            lines.append(f"The setups allowed: {'; '.join(told)}.")
        if self.unchecked:
            lines.append(f"Not checked: {' and '.join(self.unchecked)}.")
        return "\n".join(lines)
