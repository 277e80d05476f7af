"""The multifactor order, as Slurm's priority plugin of that name (semantics §4): age, fair share, and what stays.

The priority of a job is ::

    age × min(1, wait / max_age) + fair_share × factor of its user + what does not change while it waits

and the largest comes first.  The factor is worked out over a tree of accounts, whose leaves are users; one with jobs
under two accounts is there twice.  Each of the tree has a share S, of 1 among those beside it, and a *part* U of what
was used, each second counting half as much one half-life later.

- *Classic*: ``2^(-E / S / damping)``, where S is multiplied from the top, U is a part of all use, and the effective
  usage E is U just below the top, and further down ``U + (E of the account - U) × share among those beside``.
- *Fair tree*: users are ranked.  U is a part of what the account has used, and of those beside one another the first
  is the one with the largest ``S / U``; an account is followed by all below it, and accounts that tie are one.  The
  factor is the rank, counted from the last, over the number of users; users who tie have one rank.

Parts are rounded to 2⁻⁴⁰, so that those tie who have used the same, whatever sums of it their jobs made.

All functions are index loops, in the subset of Python that numba compiles.  Usage is kept in *books*: one for the whole
cluster, or one for each pool.

References
----------
Slurm documentation, "Multifactor Priority Plugin" (https://slurm.schedmd.com/priority_multifactor.html), "Classic
Fairshare Algorithm" (https://slurm.schedmd.com/classic_fair_share.html) and "Fair Tree Fairshare Algorithm"
(https://slurm.schedmd.com/fair_tree.html, by R. Cox and L. Morrison).
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

ALL_USERS = 0
"""The top of the tree."""
NOBODY_BELOW = -1
"""Instead of one below a user."""
NEVER = -1.0
"""When a factor was worked out that has not been yet [s]."""
STEPS = 2.0**40
"""Parts of what was used are rounded to so many steps."""


class Ledger(NamedTuple):
    """Who is promised what, and who has used what, as a tree."""

    fair_tree: bool
    """Whether users are ranked; else the classic formula."""
    damping: float
    """What the classic formula divides by."""
    decay_per_s: float
    """Decay of usage [1/s]."""
    period_s: float
    """Factors are worked out at multiples of this alone [s]; at any time if 0."""
    above: Sequence[Sequence[int]]
    """Of each user those above, from just below the top on, itself last; :data:`NOBODY_BELOW` behind,
    shape (users, levels)."""
    parent: Sequence[int]
    """The one above, which has a smaller number; of the top, itself."""
    share: Sequence[float]
    """Shares, of 1 among those beside; 1 for users who count as their account does."""
    promised: Sequence[float]
    """Shares of all, of 1."""
    as_account: Sequence[bool]
    """Whether it is a user who counts as the account does."""
    usage: Sequence[MutableSequence[float]]
    """What was used, as of ``since_s`` [processor-seconds], shape (books, nodes of the tree)."""
    using: Sequence[MutableSequence[float]]
    """What is in use since then [processors], of the same shape."""
    since_s: Sequence[MutableSequence[float]]
    """When it last changed [s], of the same shape."""
    factor: Sequence[MutableSequence[float]]
    """Factors as worked out last, shape (books, users)."""
    known_s: Sequence[MutableSequence[float]]
    """When that was [s], of the same shape."""
    ranked: Sequence[MutableSequence[int]]
    """Users in their rank, of the same shape."""
    used: MutableSequence[float]
    """Room for what was used, by node of the tree."""
    level: MutableSequence[float]
    """Room for S / U, by node of the tree."""


class Priorities(NamedTuple):
    """What the multifactor order knows of jobs and users."""

    age: float
    """Weight of the time that a job has waited."""
    max_age_s: float
    """Wait at which it is full [s]."""
    fair_share: float
    """Weight of the user's factor; 0 where no usage is kept, as under other orders."""
    fixed: Sequence[float]
    """What does not change of a job's priority, shape (jobs,)."""
    user: Sequence[int]
    """The user of each job, shape (jobs,)."""
    bill: Sequence[float]
    """What a job counts while it runs [processors], shape (jobs,)."""
    book: Sequence[int]
    """The book in which usage of each pool is kept, shape (pools,)."""
    ledger: Ledger
    """What users are promised, and have used."""


# -- what was used


def decayed(
    now: float,
    node: int,
    usage: Sequence[float],
    using: Sequence[float],
    since_s: Sequence[float],
    decay_per_s: float,
) -> float:
    """Return what was used until now [processor-seconds], older seconds counting less."""
    lost = -math.expm1(-decay_per_s * (now - since_s[node]))  # exact for half-lives that never end, too
    return usage[node] * (1.0 - lost) + using[node] * (lost / decay_per_s)


def charge(
    now: float,
    node: int,
    rate: float,
    usage: MutableSequence[float],
    using: MutableSequence[float],
    since_s: MutableSequence[float],
    decay_per_s: float,
) -> None:
    """Let one of the tree use more from now on, or less."""
    usage[node] = decayed(now, node, usage, using, since_s, decay_per_s)
    since_s[node] = now
    using[node] += rate


def charge_job(now: float, job: int, sign: float, book: int, priorities: Priorities) -> None:
    """Let the user of a job, and all above, use from now on what the job counts (1), or no longer (-1)."""
    if priorities.fair_share == 0.0:
        return
    ledger = priorities.ledger
    if ledger.period_s > 0.0:
        renew(now, book, ledger)  # what is worked out at the last multiple does not know of this yet
    usage, using, since_s = ledger.usage[book], ledger.using[book], ledger.since_s[book]
    rate = sign * priorities.bill[job]
    charge(now, ALL_USERS, rate, usage, using, since_s, ledger.decay_per_s)
    above = ledger.above[priorities.user[job]]
    for level in range(len(above)):
        if above[level] != NOBODY_BELOW:
            charge(now, above[level], rate, usage, using, since_s, ledger.decay_per_s)


def part_of(used: float, total: float) -> float:
    """Return a part of what was used, rounded to 2⁻⁴⁰."""
    return math.floor(used / total * STEPS + 0.5) / STEPS if total > 0.0 else 0.0


# -- factors


def renew(now: float, book: int, ledger: Ledger) -> None:
    """Work out the factors of all users, if that is due; where it can wait until one is asked for, it does."""
    due_s = now
    if ledger.period_s > 0.0:
        due_s = math.floor(now / ledger.period_s) * ledger.period_s
    elif not ledger.fair_tree:
        return
    factor, known_s = ledger.factor[book], ledger.known_s[book]
    if known_s[0] >= due_s:
        return
    if ledger.fair_tree:
        rank_users(due_s, book, ledger)
    for user in range(len(factor)):
        known_s[user] = due_s
        if not ledger.fair_tree:
            factor[user] = classic(due_s, book, user, ledger)


def factor_of(now: float, book: int, user: int, ledger: Ledger) -> float:
    """Return the factor of a user, after :func:`renew`."""
    factor, known_s = ledger.factor[book], ledger.known_s[book]
    if ledger.period_s == 0.0 and not ledger.fair_tree and known_s[user] != now:
        factor[user] = classic(now, book, user, ledger)
        known_s[user] = now
    return factor[user]


def classic(now: float, book: int, user: int, ledger: Ledger) -> float:
    """Return the factor of a user by the classic formula: 2^(-E / S / damping)."""
    usage, using, since_s = ledger.usage[book], ledger.using[book], ledger.since_s[book]
    total = decayed(now, ALL_USERS, usage, using, since_s, ledger.decay_per_s)
    above, effective, promised = ledger.above[user], part_of(total, total), 1.0
    for level in range(len(above)):
        node = above[level]
        if node != NOBODY_BELOW and not ledger.as_account[node]:
            used = part_of(decayed(now, node, usage, using, since_s, ledger.decay_per_s), total)
            effective = used if level == 0 else used + (effective - used) * ledger.share[node]
            promised = ledger.promised[node]
    return math.exp(-math.log(2.0) * (effective / promised / ledger.damping)) if promised > 0.0 else 0.0


def rank_users(now: float, book: int, ledger: Ledger) -> None:
    """Work out the factors of all users by their ranks in the fair tree."""
    set_levels(now, book, ledger)
    factor, ranked = ledger.factor[book], ledger.ranked[book]
    users = len(ranked)
    for position in range(1, users):  # most have the rank that they had, so that insertion is fast
        user, place = ranked[position], position
        while place > 0 and ranks_before(user, ranked[place - 1], ledger):
            ranked[place] = ranked[place - 1]
            place -= 1
        ranked[place] = user
    rank = users
    for position in range(users):
        if position == 0 or not ties_with(ranked[position], ranked[position - 1], ledger):
            rank = users - position
        factor[ranked[position]] = rank / users


def set_levels(now: float, book: int, ledger: Ledger) -> None:
    """Work out S / U of all of the tree."""
    usage, using, since_s = ledger.usage[book], ledger.using[book], ledger.since_s[book]
    for node in range(len(ledger.parent)):
        ledger.used[node] = decayed(now, node, usage, using, since_s, ledger.decay_per_s)
        used = part_of(ledger.used[node], ledger.used[ledger.parent[node]])
        if ledger.share[node] == 0.0:
            ledger.level[node] = 0.0
        elif ledger.as_account[node] or used == 0.0:
            ledger.level[node] = math.inf
        else:
            ledger.level[node] = ledger.share[node] / used


def ranks_before(one: int, other: int, ledger: Ledger) -> bool:
    """Return whether a user ranks before another: at the first level at which they differ, if S / U is larger there.

    One who is beside an account that ties comes before those in it.
    """
    above, beside, level = ledger.above[one], ledger.above[other], ledger.level
    for depth in range(len(above)):
        if above[depth] == NOBODY_BELOW or beside[depth] == NOBODY_BELOW:
            return above[depth] == NOBODY_BELOW and beside[depth] != NOBODY_BELOW
        if level[above[depth]] != level[beside[depth]]:
            return level[above[depth]] > level[beside[depth]]
    return False


def ties_with(one: int, before: int, ledger: Ledger) -> bool:
    """Return whether a user has the rank of the one just before, who is as good at every level that there is."""
    above, beside, level = ledger.above[one], ledger.above[before], ledger.level
    for depth in range(len(above)):
        if beside[depth] == NOBODY_BELOW:
            return True
        if level[above[depth]] != level[beside[depth]]:
            return False
    return True


def multifactor(now: float, submit_s: float, book: int, job: int, priorities: Priorities) -> float:
    """Return the key of a job, after :func:`renew`: minus its priority."""
    age = min(1.0, (now - submit_s) / priorities.max_age_s)
    factor = 0.0
    if priorities.fair_share != 0.0:
        factor = factor_of(now, book, priorities.user[job], priorities.ledger)
    return -(priorities.age * age + priorities.fair_share * factor + priorities.fixed[job])
