"""What a site's file keeps of how Slurm ranks jobs: weights, qualities of service, shares of accounts and users.

References
----------
https://slurm.schedmd.com/priority_multifactor.html, https://slurm.schedmd.com/fair_tree.html,
https://slurm.schedmd.com/classic_fair_share.html
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pwsim.common import Frozen, PositiveSeconds

Weight = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


class Weights(Frozen):
    """What each factor of a job's priority weighs (``PriorityWeight…``)."""

    age: Weight = 0.0
    """How long it has waited, up to ``max_age``."""
    assoc: Weight = 0.0
    """The priority of the user's account."""
    fair_share: Weight = 0.0
    """How little its user and account have used of what they are promised."""
    job_size: Weight = 0.0
    """How much of the machine it asks for."""
    partition: Weight = 0.0
    """The ``priority`` of its partition, over the largest."""
    qos: Weight = 0.0
    """The priority of its quality of service, over the largest."""
    tres: dict[str, float] = Field(default={})
    """How much of each resource of its partition it asks for, by resource: ``cpu``, ``mem``, ``gres/gpu``."""


class Shares(Frozen):
    """What an account, or a user in an account, is promised among those beside it."""

    account: Text
    """The account."""
    user: Text | None = None
    """The user; the account itself if left out."""
    parent: Text = "root"
    """The account above an account."""
    shares: Annotated[int, Field(ge=0, le=2**31)] | Literal["parent"] = 1
    """Shares among those beside it; ``parent``: it counts as its account does."""


class Slurm(Frozen):
    """How Slurm ranks jobs, as its configuration says.

    What ``multifactor`` of the same file knows is what replays use; the rest is kept for those to come.
    """

    version: Text | None = None
    """Version of Slurm."""
    weights: Weights = Weights()
    """What each factor weighs."""
    max_age: PositiveSeconds = 7 * 86400.0
    """Wait at which age counts in full [s] (``PriorityMaxAge``)."""
    half_life: PositiveSeconds | None = 7 * 86400.0
    """Time after which past use counts half [s] (``PriorityDecayHalfLife``); null: it counts in full for ever."""
    usage_reset: Literal["none", "now", "daily", "weekly", "monthly", "quarterly", "yearly"] = "none"
    """When past use is forgotten (``PriorityUsageResetPeriod``)."""
    fair_tree: bool = True
    """Fair share by ranks down the tree of accounts; else the classic formula (``PriorityFlags``, version)."""
    damping: float = Field(default=1.0, ge=1, le=1e6, allow_inf_nan=False)
    """Divides the exponent of the classic formula (``FairShareDampeningFactor``)."""
    favor_small: bool = False
    """Small jobs come first, not large ones (``PriorityFavorSmall``)."""
    flags: tuple[Text, ...] = Field(default=(), strict=False)
    """Other ``PriorityFlags``."""
    qos: dict[str, Annotated[int, Field(ge=0, le=2**32)]] = Field(default={})
    """Priorities of qualities of service."""
    billing: dict[str, dict[str, float]] = Field(default={})
    """Weights of resources in what use is counted as, by partition (``TRESBillingWeights``)."""
    shares: tuple[Shares, ...] = Field(default=(), strict=False, max_length=100_000)
    """The tree of accounts and users."""
