"""Policies in words."""

from __future__ import annotations

from pwsim.rules.policy import Policy

_ORDERS = {
    "fcfs": "first come, first served",
    "sjf": "shortest job first",
    "ljf": "longest job first",
    "smallest": "fewest processors first",
    "wfp3": "WFP3 order (wide and short jobs that have waited long come first)",
    "unicef": "UNICEF order (small and short jobs that have waited long come first)",
    "f1": "F1 order (a fitted mix of size and submission time)",
    "f2": "F2 order (a fitted mix of size and submission time)",
    "f3": "F3 order (a fitted mix of size and submission time)",
    "f4": "F4 order (a fitted mix of size and submission time)",
    "multifactor": "multifactor priority (waiting time and each user's fair share, as in Slurm)",
}
_BACKFILLS = {
    "none": "without backfilling",
    "easy": "with EASY backfilling (a later job may start early if that does not delay the first in the queue)",
    "conservative": "with conservative backfilling (a later job may start early if that delays no job before it)",
}


def policy_text(policy: str) -> str:
    """Return what a policy does.

    Examples
    --------
    >>> policy_text("sjf")
    'shortest job first, without backfilling'
    """
    parsed = Policy.parse(policy)
    if parsed.code is not None:
        file, function = parsed.code
        order = f"the order {function} of {file}"
    else:
        order = _ORDERS[parsed.order]
    passing = f"; {_ORDERS[parsed.passing_order]} among those that pass" if parsed.passing_order else ""
    return f"{order}, {_BACKFILLS[parsed.backfill]}{passing}"


def policy_name(policy: str) -> str:
    """Return what a policy is called in sentences."""
    return {
        "fcfs": "first come, first served",
        "easy": "EASY backfilling",
        "conservative": "conservative backfilling",
    }.get(policy, policy)
