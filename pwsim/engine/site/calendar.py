"""What goes by the site's clock, on the clock of a replay: hours and outages (semantics §9)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pwsim.cluster import Away, Cluster, elapsed_s, open_intervals, times_away
from pwsim.cluster import Hours as HoursRule
from pwsim.prices import Start, parse_local
from pwsim.trace import Floats

HORIZON_S = 5 * 8766 * 3600.0
"""How long after the last submission hours and outages go on at least [s]."""


class Calendar(NamedTuple):
    """What goes by the site's clock, on the clock of the replay."""

    pieces: list[Floats]
    """Of each rule of hours open, close, and when jobs that start in between must be expected to have ended [s], each
    of shape (pieces, 3)."""
    opens_s: list[Floats]
    """When windows of each rule open, and when it ends [s], each of shape (openings,)."""
    away: list[Away]
    """Outages."""
    until_s: float
    """How far hours and outages are known [s]."""


def calendar_of(cluster: Cluster, start: Start | None, until_s: float) -> Calendar:
    """Return the hours and outages of a cluster without choices.

    Parameters
    ----------
    start
        When the replay begins on the site's clock; ``None`` goes where no rule is about it.
    until_s
        How far [s].
    """
    (hours_rules,) = cluster.hours
    if start is None:
        return Calendar([], [], [], until_s)
    known = [_rule_on_calendar(rule, start, until_s) for rule in hours_rules]
    away = times_away(cluster.outages, cluster.pools, start, until_s)
    return Calendar([pieces for pieces, _ in known], [opens_s for _, opens_s in known], away, until_s)


def _rule_on_calendar(rule: HoursRule, start: Start, until_s: float) -> tuple[Floats, Floats]:
    """Return the pieces of a rule, and when it opens."""
    windows = open_intervals(rule.model_copy(update={"from_": None, "until": None}), start, until_s)
    begin_s = -math.inf if rule.from_ is None else elapsed_s(parse_local(rule.from_), start)
    end_s = math.inf if rule.until is None else elapsed_s(parse_local(rule.until), start)
    return pieces_of(windows, begin_s, end_s, whole=rule.whole), openings_of(windows, begin_s, end_s)


def openings_of(windows: Floats, from_s: float, until_s: float) -> Floats:
    """Return when windows open from ``from_s`` on, and ``until_s``, if it ever comes [s], shape (openings,)."""
    opens_s = windows[(windows[:, 0] >= from_s) & (windows[:, 0] < until_s), 0]
    return opens_s if until_s == math.inf else np.append(opens_s, until_s)


def pieces_of(windows: Floats, from_s: float, until_s: float, *, whole: bool) -> Floats:
    """Return open, close, and when jobs that start in it must be expected to have ended [s], shape (pieces, 3).

    Before ``from_s`` and from ``until_s`` on everything is allowed; what starts in a window between must end in it,
    even if it closes after ``until_s``.

    Examples
    --------
    >>> pieces_of(np.array([[0.0, 4.0], [6.0, 9.0]]), 2.0, 8.0, whole=True)
    array([[-inf,   2.,  inf],
           [  2.,   4.,   4.],
           [  6.,   8.,   9.],
           [  8.,  inf,  inf]])
    """
    opens, closes = np.maximum(windows[:, 0], from_s), np.minimum(windows[:, 1], until_s)
    held = np.column_stack((opens, closes, windows[:, 1] if whole else np.full(len(windows), np.inf)))
    always = [(begin, end, np.inf) for begin, end in ((-np.inf, from_s), (until_s, np.inf)) if begin < end]
    return np.array(sorted([*always, *map(tuple, held[opens < closes])])).reshape(-1, 3)


def in_common(tables: Sequence[Floats]) -> Floats:
    """Return the pieces in which all tables allow a start, shape (pieces, 3).

    Examples
    --------
    >>> in_common([np.array([[0.0, 4.0, 4.0], [6.0, 9.0, 9.0]]), np.array([[2.0, 7.0, np.inf]])])
    array([[2., 4., 4.],
           [6., 7., 9.]])
    """
    edges = np.unique(np.concatenate([table[:, :2].ravel() for table in tables]))
    allowed, last_s = np.ones(len(edges), dtype=bool), np.full(len(edges), np.inf)
    for table in tables:
        piece = np.searchsorted(table[:, 0], edges, side="right") - 1
        here = (piece >= 0) & (edges < table[piece, 1])
        allowed &= here
        last_s = np.where(here, np.minimum(last_s, table[piece, 2]), last_s)
    rows = np.column_stack((edges, np.append(edges[1:], np.inf), last_s))
    return rows[allowed]
