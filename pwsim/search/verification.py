"""What came of checking a proof again, and how it is told."""

from __future__ import annotations

from typing import NamedTuple

from pwsim.common import count
from pwsim.search.accounting import REASONS, Account

MOST_TOLD = 20
"""Differences that are told."""


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
    account: Account | None
    """What accounts for every setup; ``None`` if replays differ, so that nothing rests on them."""
    unchecked: tuple[str, ...] = ()
    """Parts of the results that have proofs of their own, which are not checked."""

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
        if self.account is not None:
            told = [f"{number:,} {REASONS[reason]}" for reason, number in self.account.by_reason.items() if number]
            told += [f"{self.account.left_in_all:,} are not accounted for"] if self.account.left_in_all else []
            lines.append(f"The setups allowed: {'; '.join(told)}.")
        if self.unchecked:
            lines.append(f"Not checked: {' and '.join(self.unchecked)}.")
        return "\n".join(lines)
