"""What decides: orders and backfill rules as plain functions, found by their name (semantics §4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from pwsim.common import did_you_mean, expect, nearest
from pwsim.rules.backfill import BACKFILLS, HEAD, NOBODY, Rule
from pwsim.rules.orders import ORDERS, PASSING_ORDERS

_CODE = ".py:"
"""What the name of a user's own order holds: ``FILE.py:FUNCTION``."""
_ALONE = tuple(name for name, rule in BACKFILLS.items() if rule.holds != NOBODY)
"""Backfill rules whose names alone are policies: with the first order."""
_PASSING = tuple(name for name, rule in BACKFILLS.items() if rule.holds == HEAD)
"""Backfill rules that can have an order of their own for the jobs behind the head."""


def _either(names: Iterable[str]) -> str:
    return f"({'|'.join(names)})"


POLICY_PATTERN = (
    rf"^({_either(_ALONE)}|({_either(ORDERS)}|.+\.py:[^-:]+)(-{_either(BACKFILLS)})?"
    rf"|(({_either(ORDERS)}|.+\.py:[^-:]+)-)?{_either(_PASSING)}:{_either(PASSING_ORDERS)})$"
)
"""What names of policies look like, for the schema."""


@dataclass(frozen=True)
class Policy:
    """An order and a backfill rule.

    Examples
    --------
    >>> Policy.parse("sjf-easy")
    Policy(order='sjf', backfill='easy', passing_order='')
    >>> str(Policy.parse("fcfs-easy")), str(Policy.parse("fcfs")), str(Policy("sjf", "none"))
    ('easy', 'fcfs', 'sjf')
    >>> Policy.parse("rules.py:aging-easy:sjf")
    Policy(order='rules.py:aging', backfill='easy', passing_order='sjf')
    """

    order: str
    """One of :data:`ORDERS`, or ``FILE.py:FUNCTION``, a user's own."""
    backfill: str
    """One of :data:`BACKFILLS`."""
    passing_order: str = ""
    """Order in which jobs may pass the head under ``easy``, one of :data:`PASSING_ORDERS`; the queue's if empty."""

    def __post_init__(self) -> None:
        values = (self.order, self.backfill, self.passing_order)
        if not all(isinstance(value, str) for value in values):
            raise TypeError(f"a Policy takes names, such as Policy('sjf', 'easy') (got {values})")
        if self.order not in ORDERS and self.code is None:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}, or FILE.py:FUNCTION (got {self.order!r})")
        if self.backfill not in BACKFILLS:
            raise ValueError(f"backfill must be one of {', '.join(BACKFILLS)} (got {self.backfill!r})")
        if self.passing_order and (self.rule.holds != HEAD or self.passing_order not in PASSING_ORDERS):
            raise ValueError(
                f"passing_order must be one of {', '.join(PASSING_ORDERS)}, under easy (got {self.passing_order!r})"
            )

    @classmethod
    def parse(cls, name: str) -> Policy:
        """Return the policy of a name: ``fcfs``, ``easy``, ``conservative``, ``ORDER`` or ``ORDER-BACKFILL``.

        ``easy:ORDER`` is EASY with an order of its own for the jobs behind the head; ``FILE.py:FUNCTION`` is an order
        too.

        Raises
        ------
        ValueError
            If there is no such order or rule; the message names the nearest.
        """
        expect(name, str, "a policy", "the name of one, such as 'easy'")
        file, code, rest = name.rpartition(_CODE)
        order, dash, backfill = rest.partition("-")
        if not dash:
            alone = not code and rest.partition(":")[0] in _ALONE
            order, backfill = ("fcfs", rest) if alone else (rest, "none")
        backfill, colon, passing_order = backfill.partition(":")
        known = bool(file) and order.isidentifier() if code else order in ORDERS
        if known and backfill in BACKFILLS:
            if not colon:
                return cls(file + code + order, backfill)
            if backfill in _PASSING and passing_order in PASSING_ORDERS:
                return cls(file + code + order, backfill, passing_order)
        names = [*ORDERS, *_ALONE, *(f"{one}-{other}" for one in ORDERS for other in BACKFILLS)]
        heads = [*_PASSING, *(f"{one}-{other}" for one in ORDERS for other in _PASSING)]
        names += [f"{head}:{one}" for head in heads for one in PASSING_ORDERS]
        meant = did_you_mean(nearest(name, names)) or "name one of them"
        raise ValueError(
            f"must be a policy: {', '.join((*ORDERS, *_ALONE))}, or ORDER-BACKFILL such as 'sjf-easy', "
            f"'easy:sjf' (passing the head in an order of its own) or 'my_rules.py:my_order-easy'; {meant}"
        )

    @property
    def rule(self) -> Rule:
        """What is known of the backfill rule."""
        return BACKFILLS[self.backfill]

    @property
    def dynamic(self) -> bool:
        """Whether the order of the queue may change while jobs wait; a user's own may."""
        return self.code is not None or ORDERS[self.order].dynamic

    @property
    def code(self) -> tuple[str, str] | None:
        """File and function of a user's own order."""
        file, code, function = self.order.rpartition(_CODE)
        return (file + ".py", function) if code else None

    def __str__(self) -> str:
        order = portable(self.order)
        if self.backfill == "none":
            return order
        backfill = f"{self.backfill}:{self.passing_order}" if self.passing_order else self.backfill
        return backfill if order == "fcfs" else f"{order}-{backfill}"


def portable(name: str) -> str:
    """Return the name of a file as it was given, or of an absolute path the last part: the rest is of one computer.

    Examples
    --------
    >>> portable("../rules.py:aging"), portable("/home/ann/rules.py:aging")
    ('../rules.py:aging', 'rules.py:aging')
    """
    kinds: tuple[type[PurePath], ...] = (PurePosixPath, PureWindowsPath)
    return next((kind(name).name for kind in kinds if kind(name).is_absolute()), name)
