"""Sharing a bill out among those who caused it: what they used, and what nobody did."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pwsim.trace import Floats, Integers

Idle = Literal["usage", "even"]
"""How what nobody uses is shared: in proportion to use, or the same for everybody who is named."""


def shared(amount: float, weights: Floats) -> Floats:
    """Return an amount shared in proportion to weights, none below 0; nothing of it where there are none.

    Examples
    --------
    >>> shared(12.0, np.array([1.0, 2.0, 0.0]))
    array([4., 8., 0.])
    """
    total = float(weights.sum())
    return amount * weights / total if total > 0 else np.zeros(len(weights))


def in_whole(amounts: Floats, total: float, unit: float) -> Integers:
    """Return amounts in whole units whose sum is the total, to the unit, by the method of the largest remainder.

    Each is rounded down; what is then missing goes to those of which most was cut off, of equals the first.

    Parameters
    ----------
    amounts
        What is to be rounded, whose sum is the total but for rounding.
    total
        What the sum is to be.
    unit
        Size of a unit, such as 0.01 for cents.

    References
    ----------
    M. L. Balinski, H. P. Young: Fair Representation. Yale University Press, 1982 (the method of Hamilton).

    Examples
    --------
    >>> in_whole(np.array([0.333, 0.333, 0.334]), 1.0, 0.01)
    array([33, 33, 34])
    """
    units = amounts / unit
    whole = np.floor(units).astype(np.int64)
    missing = round(total / unit) - int(whole.sum())
    if not len(whole):
        return whole
    by_remainder = np.argsort(whole - units, kind="stable")  # the largest first
    each, some = divmod(missing, len(whole))
    whole += each
    whole[by_remainder[:some]] += 1
    return whole
