"""The weights of the ``multifactor`` order, and what users are promised (semantics §4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pwsim.common import DAY_S, Frozen, PositiveSeconds, Seconds, did_you_mean, nearest

Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Promise = Weight | Literal["parent"]
"""Shares, or ``parent``."""


class Resources(Frozen):
    """A number for each resource that a job asks for (Slurm's TRES)."""

    cpu: Weight = 0
    """Of processors."""
    mem: Weight = 0
    """Of memory; where it is what a unit counts, of a GiB."""
    gpu: Weight = 0
    """Of GPUs."""
    node: Weight = 0
    """Of nodes."""


class Account(Frozen):
    """An account, which users have a part of."""

    parent: str | None = None
    """The account that it is a part of; of the whole if left out."""
    shares: Promise = 1.0
    """Shares of its parent, among those beside; ``parent`` where those in it count as those of its parent do."""
    users: dict[str, Promise] = Field(default={})
    """Shares of users by name, among all in the account; ``parent`` for those who count as the account does."""


class Multifactor(Frozen):
    """The weights of the ``multifactor`` order; the formulas are in semantics §4."""

    age: Weight = 1000
    """Weight of the time that a job has waited."""
    max_age: PositiveSeconds = 7 * DAY_S
    """Wait at which age counts in full [s]."""
    fair_share: Weight = 1000
    """Weight of the user's fair share: in full for users who have used nothing."""
    half_life: PositiveSeconds = 7 * DAY_S
    """Time after which past use counts half [s]."""
    shares: dict[str, Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]] = Field(default={})
    """Shares of users by name; 1 for those who are not named, here or in their account."""
    accounts: dict[str, Account] = Field(default={})
    """Accounts by name, as the log has them; those that are not named have 1 share of the whole. If left out, users
    have shares of the whole, whatever their account."""
    algorithm: Literal["classic", "fair_tree"] = "classic"
    """How fair share goes by shares and use: Slurm's classic formula, or by rank in its fair tree."""
    damping: float = Field(default=1, gt=0, le=1e9, allow_inf_nan=False)
    """What the classic formula divides by (FairShareDampeningFactor)."""
    calc_period: Seconds = 0
    """Fair share is worked out at multiples of this from the first submission [s]; at each pass if 0
    (PriorityCalcPeriod)."""
    billing: Resources | None = None
    """What use counts as, by resource and second (TRESBillingWeights), in partitions that do not say; a processor as 1
    and nothing else if left out."""
    billing_by: Literal["sum", "max"] = "sum"
    """Whether a job counts as all its resources together, or as that which counts most (MAX_TRES)."""
    size: float = Field(default=0, ge=-1e9, le=1e9, allow_inf_nan=False)
    """Weight of the part of its pool, or its partition's, that a job takes; negative to favour small jobs."""
    size_relative_to_time: bool = False
    """Whether that part is divided by the estimate in minutes (SMALL_RELATIVE_TO_TIME)."""
    queue: Weight = 0
    """Weight of the queue's priority."""
    queues: dict[str, Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]] = Field(default={})
    """Priorities of queues by name, divided by the largest; 0 for those that are not named."""
    partition: Weight = 0
    """Weight of the priority of the job's partition (``partitions``), divided by the largest."""
    qos: Weight = 0
    """Weight of the priority of the job's quality of service."""
    qos_priorities: dict[str, Weight] = Field(default={})
    """Priorities of qualities of service by name, divided by the largest; 0 for those that are not named."""
    tres: Resources = Resources()
    """Weights of what a job asks for, as a part of what its pool, or its partition's, have (PriorityWeightTRES)."""

    @model_validator(mode="after")
    def _tree(self) -> Self:
        for name, account in self.accounts.items():
            if not name:
                raise ValueError("an account must have a name")
            if account.parent is not None and account.parent not in self.accounts:
                hint = did_you_mean(nearest(account.parent, self.accounts)) or "name it, too, or leave parent out"
                raise ValueError(f"account {name!r} is part of {account.parent!r}, which is not there; {hint}")
            if name in above(name, self.accounts):
                raise ValueError(f"account {name!r} is a part of itself: parents must lead to the top")
        return self


def above(name: str, accounts: Mapping[str, Account]) -> list[str]:
    """Return the accounts that an account is a part of, from the next on; those of a circle once.

    Examples
    --------
    >>> above("c", {"a": Account(), "b": Account(parent="a"), "c": Account(parent="b")})
    ['b', 'a']
    """
    found: list[str] = []
    parent = accounts[name].parent
    while parent is not None and parent not in found:
        found.append(parent)
        parent = accounts[parent].parent if parent in accounts else None
    return found
