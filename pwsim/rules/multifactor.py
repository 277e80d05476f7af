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
    """Who is promised what, and who has used what, as a tree.

    What there is for each book has one book after another in one row, which compiled code is fastest with.
    """

    fair_tree: bool
    """Whether users are ranked; else the classic formula."""
    damping: float
    """What the classic formula divides by."""
    decay_per_s: float
    """Decay of usage [1/s]."""
    period_s: float
    """Factors are worked out at multiples of this alone [s]; at any time if 0."""
    users: int
    """How many users there are."""
    levels: int
    """How many levels there are below the top."""
    above: Sequence[int]
    """Those above each user, from just below the top on, itself last; :data:`NOBODY_BELOW` behind,
    shape (users × levels,)."""
    parent: Sequence[int]
    """The one above, which has a smaller number; of the top, itself; shape (nodes of the tree,)."""
    share: Sequence[float]
    """Shares, of 1 among those beside; 1 for users who count as their account does; of the same shape."""
    promised: Sequence[float]
    """Shares of all, of 1; of the same shape."""
    as_account: Sequence[bool]
    """Whether it is a user who counts as the account does; of the same shape."""
    usage: MutableSequence[float]
    """What was used, as of ``since_s`` [processor-seconds], shape (books × nodes of the tree,)."""
    using: MutableSequence[float]
    """What is in use since then [processors], of the same shape."""
    since_s: MutableSequence[float]
    """When it last changed [s], of the same shape."""
    before: MutableSequence[float]
    """What was used at the last multiple of the period before it changed [processor-seconds], of the same shape."""
    before_s: MutableSequence[float]
    """When that was [s], of the same shape."""
    factor: MutableSequence[float]
    """Factors as worked out last, shape (books × users,)."""
    known_s: MutableSequence[float]
    """When that was [s], of the same shape."""
    ranked: MutableSequence[int]
    """Users in their rank, of the same shape."""
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
    """Return the decayed use until now [processor-seconds], older seconds counting less."""
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
    usage, using, since_s, above = ledger.usage, ledger.using, ledger.since_s, ledger.above
    rate, top, first = sign * priorities.bill[job], book * len(ledger.parent), priorities.user[job] * ledger.levels
    keep(now, top, ledger)
    charge(now, top, rate, usage, using, since_s, ledger.decay_per_s)
    for index in range(first, first + ledger.levels):
        if above[index] != NOBODY_BELOW:
            keep(now, top + above[index], ledger)
            charge(now, top + above[index], rate, usage, using, since_s, ledger.decay_per_s)


def instant(now: float, ledger: Ledger) -> float:
    """Return of when factors are that count now [s]."""
    return math.floor(now / ledger.period_s) * ledger.period_s if ledger.period_s > 0.0 else now


def keep(now: float, place: int, ledger: Ledger) -> None:
    """Keep what was used at the last multiple of the period, before it changes for the first time since."""
    at_s = instant(now, ledger)
    if ledger.period_s > 0.0 and ledger.since_s[place] <= at_s:
        ledger.before[place] = decayed(at_s, place, ledger.usage, ledger.using, ledger.since_s, ledger.decay_per_s)
        ledger.before_s[place] = at_s


def used_by(at_s: float, book: int, node: int, ledger: Ledger) -> float:
    """Return the use of one of the tree until an instant of factors [processor-seconds]."""
    place = book * len(ledger.parent) + node
    if ledger.period_s > 0.0 and ledger.before_s[place] == at_s:
        return ledger.before[place]
    return decayed(at_s, place, ledger.usage, ledger.using, ledger.since_s, ledger.decay_per_s)


def part_of(used: float, total: float) -> float:
    """Return a part of what was used, rounded to 2⁻⁴⁰."""
    return math.floor(used / total * STEPS + 0.5) / STEPS if total > 0.0 else 0.0


# -- factors


def classic(at_s: float, book: int, user: int, total: float, ledger: Ledger) -> float:
    """Return the factor of a user by the classic formula, 2^(-E / S / damping), where so much was used in all."""
    effective, promised = part_of(total, total), 1.0
    for level in range(ledger.levels):
        node = ledger.above[user * ledger.levels + level]
        if node != NOBODY_BELOW and not ledger.as_account[node]:
            used = part_of(used_by(at_s, book, node, ledger), total)
            effective = used if level == 0 else used + (effective - used) * ledger.share[node]
            promised = ledger.promised[node]
    return math.exp(-math.log(2.0) * (effective / promised / ledger.damping)) if promised > 0.0 else 0.0


def rank_users(at_s: float, book: int, ledger: Ledger) -> None:
    """Work out the factors of all users by their ranks in the fair tree."""
    set_levels(at_s, book, ledger)
    ranked, users, first = ledger.ranked, ledger.users, book * ledger.users
    for position in range(first + 1, first + users):  # most have the rank that they had, so that insertion is fast
        user, place = ranked[position], position
        while place > first and ranks_before(user, ranked[place - 1], ledger):
            ranked[place] = ranked[place - 1]
            place -= 1
        ranked[place] = user
    rank = users
    for position in range(users):
        user = ranked[first + position]
        if position == 0 or not ties_with(user, ranked[first + position - 1], ledger):
            rank = users - position
        ledger.factor[first + user] = rank / users


def set_levels(at_s: float, book: int, ledger: Ledger) -> None:
    """Work out S / U of all of the tree."""
    level = ledger.level
    for node in range(len(ledger.parent)):
        level[node] = used_by(at_s, book, node, ledger)
    for node in range(len(ledger.parent) - 1, 0, -1):  # the use of those above, which come before, still stands there
        used = part_of(level[node], level[ledger.parent[node]])
        if ledger.share[node] == 0.0:
            level[node] = 0.0
        elif ledger.as_account[node] or used == 0.0:
            level[node] = math.inf
        else:
            level[node] = ledger.share[node] / used


def ranks_before(one: int, other: int, ledger: Ledger) -> bool:
    """Return whether a user ranks before another: at the first level at which they differ, if S / U is larger there.

    One who is beside an account that ties comes before those in it.
    """
    above, level = ledger.above, ledger.level
    for depth in range(ledger.levels):
        node, beside = above[one * ledger.levels + depth], above[other * ledger.levels + depth]
        if node == NOBODY_BELOW:
            return beside != NOBODY_BELOW
        if beside == NOBODY_BELOW:
            return False
        if level[node] != level[beside]:
            return level[node] > level[beside]
    return False


def ties_with(one: int, before: int, ledger: Ledger) -> bool:
    """Return whether a user has the rank of the one just before, who is as good at every level that there is."""
    above, level = ledger.above, ledger.level
    for depth in range(ledger.levels):
        node, beside = above[one * ledger.levels + depth], above[before * ledger.levels + depth]
        if beside == NOBODY_BELOW:
            return True
        if level[node] != level[beside]:
            return False
    return True


# -- priorities


def set_keys(
    now: float,
    book: int,
    queue: Sequence[int],
    waiting: int,
    submit_s: Sequence[float],
    key: MutableSequence[float],
    priorities: Priorities,
) -> None:
    """Work out the keys of the first jobs of a queue, so many of them: minus their priorities."""
    ledger, fixed, user_of = priorities.ledger, priorities.fixed, priorities.user
    factor, known_s, first = ledger.factor, ledger.known_s, book * ledger.users
    shares, at_s, total = priorities.fair_share != 0.0, instant(now, ledger), 0.0
    if shares and ledger.fair_tree and known_s[first] != at_s:
        rank_users(at_s, book, ledger)
        for index in range(first, first + ledger.users):
            known_s[index] = at_s
    elif shares and not ledger.fair_tree:
        total = used_by(at_s, book, ALL_USERS, ledger)
    for position in range(waiting):
        job = queue[position]
        priority = priorities.age * min(1.0, (now - submit_s[job]) / priorities.max_age_s)
        if shares:
            index = first + user_of[job]
            if known_s[index] != at_s:  # by the classic formula, a factor is worked out when it is asked for
                factor[index] = classic(at_s, book, user_of[job], total, ledger)
                known_s[index] = at_s
            priority += priorities.fair_share * factor[index]
        key[job] = -(priority + fixed[job])
