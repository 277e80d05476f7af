"""The multifactor order, as Slurm's priority plugin of that name: age, fair share, size and queue, weighted.

The priority of a job is ::

    age_weight × min(1, wait / max_age) + fair_share_weight × 2^-(usage / share) + size and queue

and the largest comes first.  ``usage`` is the share of the user in the processor-seconds that the pool has served,
each second counting half as much one half-life later; ``share`` is what the user is promised.  The third part does not
change while a job waits, and is worked out beforehand.  Accounts are kept per pool, by index, the last one being that
of all users.

References
----------
Slurm documentation, "Multifactor Priority Plugin" and "Classic Fairshare Algorithm", damping factor 1.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence


def decayed(
    now: float, account: int, usage: Sequence[float], using: Sequence[int], since_s: Sequence[float], decay_per_s: float
) -> float:
    """Return the usage of an account now [processor-seconds], older seconds counting less."""
    kept = math.exp(-decay_per_s * (now - since_s[account]))
    return usage[account] * kept + using[account] * ((1.0 - kept) / decay_per_s)


def charge(
    now: float,
    account: int,
    procs: int,
    usage: MutableSequence[float],
    using: MutableSequence[int],
    since_s: MutableSequence[float],
    decay_per_s: float,
) -> None:
    """Let an account use more processors from now on, or fewer."""
    usage[account] = decayed(now, account, usage, using, since_s, decay_per_s)
    since_s[account] = now
    using[account] += procs


def charge_both(
    now: float,
    account: int,
    procs: int,
    usage: MutableSequence[float],
    using: MutableSequence[int],
    since_s: MutableSequence[float],
    decay_per_s: float,
) -> None:
    """Let a user, and with it all users, use more processors from now on, or fewer."""
    charge(now, account, procs, usage, using, since_s, decay_per_s)
    charge(now, len(usage) - 1, procs, usage, using, since_s, decay_per_s)


def multifactor(
    now: float,
    submit_s: float,
    fixed: float,
    account: int,
    share: float,
    weights: Sequence[float],
    usage: Sequence[float],
    using: Sequence[int],
    since_s: Sequence[float],
) -> float:
    """Return the key of a job: minus its priority.

    Parameters
    ----------
    fixed
        What size and queue add to the priority.
    share
        The user's promised part of the machine, of 1.
    weights
        Weight of age, age at which it is full [s], weight of the fair share, decay of usage [1/s].
    """
    total = decayed(now, len(usage) - 1, usage, using, since_s, weights[3])
    used = decayed(now, account, usage, using, since_s, weights[3]) / total if total > 0.0 else 0.0
    age = min(1.0, (now - submit_s) / weights[1])
    return -(weights[0] * age + weights[2] * math.exp(-math.log(2.0) * (used / share)) + fixed)
