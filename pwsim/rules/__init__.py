"""What decides: orders and backfill rules as plain functions, found by their name (semantics §4)."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

ORDERS = ("fcfs", "sjf", "ljf", "smallest", "wfp3")
"""Names of the orders, functions of :mod:`pwsim.rules.orders`."""
BACKFILLS = ("none", "easy", "conservative")
"""Names of the backfill rules, functions of :mod:`pwsim.rules.backfill`."""


@dataclass(frozen=True)
class Policy:
    """An order and a backfill rule.

    Examples
    --------
    >>> Policy.parse("sjf-easy")
    Policy(order='sjf', backfill='easy')
    >>> str(Policy.parse("fcfs-easy")), str(Policy.parse("fcfs")), str(Policy("sjf", "none"))
    ('easy', 'fcfs', 'sjf')
    """

    order: str
    """One of :data:`ORDERS`."""
    backfill: str
    """One of :data:`BACKFILLS`."""

    @classmethod
    def parse(cls, name: str) -> Policy:
        """Return the policy of a name: ``fcfs``, ``easy``, ``conservative``, ``ORDER`` or ``ORDER-BACKFILL``.

        Raises
        ------
        ValueError
            If there is no such order or rule; the message names the nearest.
        """
        order, dash, backfill = name.partition("-")
        if not dash:
            order, backfill = ("fcfs", name) if name in BACKFILLS[1:] else (name, "none")
        if order in ORDERS and backfill in BACKFILLS:
            return cls(order, backfill)
        names = [*ORDERS, *BACKFILLS[1:], *(f"{one}-{other}" for one in ORDERS for other in BACKFILLS)]
        near = difflib.get_close_matches(name, names, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"must be a policy: {', '.join(ORDERS)}, easy, conservative, or ORDER-BACKFILL such as 'sjf-easy'{meant}"
        )

    def __str__(self) -> str:
        if self.backfill == "none":
            return self.order
        return self.backfill if self.order == "fcfs" else f"{self.order}-{self.backfill}"
