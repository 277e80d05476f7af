"""How a workload is drawn again, and how sure it must be that a setup meets targets often enough (semantics §10)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field, model_validator

from pwsim.common import Frozen, InputError, count, numeral
from pwsim.search.targets import Target
from pwsim.trace import Trace
from pwsim.workload import Drawn, undrawable


class Replications(Frozen):
    """What is drawn again of the workload, how often, and how sure decisions are that rest on it.

    Examples
    --------
    >>> Replications(by=["seed"]).n
    200
    """

    n: int = Field(default=200, ge=1, le=100_000)
    """The most draws that a setup gets until it is decided whether it meets its targets often enough."""
    by: tuple[Drawn, ...] = Field(default=("seed", "shake", "weeks"), strict=False, min_length=1)
    """What is drawn again: `seed`, when nodes are taken back or break; `shake`, each submission by up to a minute;
    `weeks`, the weeks of the log; `users`, who works when; `twin`, all jobs, from a statistical twin."""
    margin: float = Field(default=0.05, gt=0, lt=1)
    """Setups that hold in a share of draws which is below `in_share` by more than this are to be refused; between the
    two, either may happen."""
    error: float = Field(default=0.05, gt=0, lt=1)
    """The chance that the search accepts any setup that is to be refused is at most this; so is the chance that it
    refuses any that holds in at least the share that is asked."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if twice := [one for index, one in enumerate(self.by) if one in self.by[:index]]:
            raise ValueError(f"by: {twice[0]} occurs twice")
        return self

    @property
    def screening(self) -> int:
        """How many draws only screen: they may refuse a setup, but count nothing for accepting it."""
        return self.n // 10

    def least_n(self, share: float) -> int:
        """Return the least ``n`` with which a setup that holds in every draw is accepted (:mod:`.sequential`)."""
        met = math.ceil(math.log(2 / self.error) / math.log(share / (share - self.margin)))
        return next(n for n in itertools.count(met) if n - n // 10 >= met)


def share_of(targets: Sequence[Target]) -> float | None:
    """Return in what share of the draws targets must hold together, the largest asked; ``None`` if none is asked."""
    return max((one.in_share for one in targets if one.in_share is not None), default=None)


def faults(
    targets: Sequence[Target], replications: Replications | None, besides: Mapping[str, float | None] | None = None
) -> list[tuple[str, str]]:
    """Return what does not go together of targets and draws, with the key that it is about.

    Parameters
    ----------
    targets, replications
        The scenario's.
    besides
        Shares of draws that are asked elsewhere, by their key; ``None`` asks for none.
    """
    told = {f"targets.{place}.in_share": one.in_share for place, one in enumerate(targets)} | dict(besides or {})
    asked = [(key, share) for key, share in told.items() if share]
    if not asked:
        return []
    if replications is None:
        message = (
            "a share of draws is asked, but nothing says what is drawn: add `replications: {by: [seed, shake, weeks]}` "
            "with what may turn out otherwise than in the log"
        )
        return [(key, message) for key, _ in asked]
    key, share = max(asked, key=lambda one: one[1])
    if replications.margin >= share:
        margin = numeral(replications.margin)
        return [("replications.margin", f"must be below the share that {key} asks, {numeral(share)} (got {margin})")]
    if replications.n < (enough := replications.least_n(share)):
        sure = f"with margin {numeral(replications.margin)} and error {numeral(replications.error)}"
        message = (
            f"{count(replications.n, 'draw')} cannot show that a setup holds in a share of {numeral(share)}, "
            f"{sure}: write {enough:,} at least, or allow a larger margin or error"
        )
        return [("replications.n", message)]
    return []


def check_draws(
    trace: Trace,
    targets: Sequence[Target],
    replications: Replications | None,
    besides: Mapping[str, float | None] | None = None,
) -> None:
    """Make sure that what is to be drawn can be, and that enough is drawn for what is asked of it (:func:`faults`).

    Raises
    ------
    InputError
        If not.
    """
    for key, message in faults(targets, replications, besides):
        raise InputError(f"{key}: {message}")
    if replications is None:
        return
    for one in replications.by:
        if (fault := undrawable(trace, one)) is not None:
            raise InputError(fault)
