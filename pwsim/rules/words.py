"""Policies in words."""

from __future__ import annotations

from pwsim.rules.backfill import BACKFILLS
from pwsim.rules.orders import ORDERS
from pwsim.rules.policy import Policy


def policy_text(policy: str) -> str:
    """Say what a policy does.

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
        order = ORDERS[parsed.order].words
    passing = f"; {ORDERS[parsed.passing_order].words} among those that pass" if parsed.passing_order else ""
    return f"{order}, {parsed.rule.words}{passing}"


def policy_name(policy: str) -> str:
    """Return the name that a policy has in sentences; most have none but their own.

    Examples
    --------
    >>> policy_name("easy"), policy_name("sjf-easy")
    ('EASY backfilling', 'sjf-easy')
    """
    if policy == "fcfs":
        return ORDERS[policy].words
    return BACKFILLS[policy].called if policy in BACKFILLS else policy
