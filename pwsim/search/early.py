"""When the replay of a setup may end early, as a search asks it; and what the early end of a replay tells of others.

A percentile target on waits is lost once more jobs have waited too long than it lets of all that some pool holds: each
of these starts at some time.  A setup costs more than another once what stands there anyway, the rent so far and the
least that is to come do.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pwsim import costs
from pwsim.cluster import Cluster
from pwsim.engine import DEAR, LOST, REJECTED, TOLERANCE_S, Ended, Ends, Inputs
from pwsim.metrics import inside
from pwsim.search.bounds import late_at_most
from pwsim.search.moving import SAFETY, base_nodes, checks_of, least_price_usd_per_s
from pwsim.search.renting import ToCome
from pwsim.trace import Floats, Integers

if TYPE_CHECKING:
    from pwsim.search.judging import Judge
    from pwsim.search.targets import Target

TOLD = {
    LOST: "ended early: more jobs wait too long than a target allows",
    DEAR: "ended early: it costs more than a setup that meets the targets",
}
"""What is said of a setup whose replay was ended early."""


def counts_late(target: Target) -> bool:
    """Return whether a target lets so many jobs wait longer than a limit: whether it is about a percentile of waits."""
    return target.metric == "wait_s" and target.at_most is not None and target.statistic != "mean"


def ends_of(
    judge: Judge, cluster: Cluster, inputs: Inputs, most_usd_per_year: float, to_come: ToCome | None = None
) -> Ends | None:
    """Return when the replay of a setup may end early; ``None`` if it may not.

    Under rules of the site some jobs never start, and where users wait for their jobs, each setup has a year and a
    measurement window of its own: there it may not.

    Parameters
    ----------
    judge, cluster, inputs
        The question, the setup, and what an engine is given.
    most_usd_per_year
        What another setup costs that meets the targets [USD a year]; infinite if none is known.
    to_come
        What the setup pays in any case, if something is known of it.
    """
    if inputs.site is not None or inputs.closed:
        return None
    trace = judge.trace
    counted = inside(trace.submit_s, judge.trim.window(trace.span_s)) & (inputs.pool != REJECTED)
    limits_s, allowed, about = [], [], []
    for target in judge.firm:  # what must hold in a share of draws may be missed here
        if counts_late(target):
            mine = counted if target.where is None else counted & target.where.admit(trace)
            if mine.any():
                limits_s.append(target.at_most)
                allowed.append(late_at_most(target, int(np.count_nonzero(mine))))
                about.append(mine)
    usd_per_s, base, most_usd = _rent(judge, cluster, most_usd_per_year, to_come)
    if not limits_s and math.isinf(most_usd):
        return None
    return Ends(
        np.array(limits_s),
        np.array(allowed, dtype=np.int64),
        np.array(about, dtype=bool).reshape(len(about), len(trace)),
        usd_per_s,
        base,
        most_usd,
        check_s := checks_of(trace) if usd_per_s.any() else np.zeros(0),
        np.zeros(len(check_s)) if to_come is None else to_come.rent_usd[: len(check_s)],
    )


def _rent(
    judge: Judge, cluster: Cluster, most_usd_per_year: float, to_come: ToCome | None
) -> tuple[Floats, Integers, float]:
    """Return the least price of a node beyond the base of each pool [USD/s], the base, and what rent may come to [USD].

    What stands there anyway is paid whatever comes; nodes on the bill beyond the base are rent, at the least price at
    which they may be paid for (:mod:`.renting`); of other costs that jobs cause, what is certain counts.
    """
    terms = costs.terms_of(judge.economics, judge.trace)
    pools = [costs.savings.at_least(pool, terms.plans) for pool in cluster.pools]
    usd_per_s = np.array([least_price_usd_per_s(pool) if pool.elastic else 0.0 for pool in pools])
    base = np.array([base_nodes(pool) if pool.elastic else 0 for pool in pools], dtype=np.int64)
    # Of a cost of nothing there is no leeway: what costs nothing, too, may be the better of equal ones.
    if math.isinf(most_usd_per_year) or most_usd_per_year <= 0 or not usd_per_s.any() or judge.trace.span_s <= 0:
        return usd_per_s, base, math.inf
    nodes = cluster.node_counts()
    standing = [costs.total(costs.standing(pool, count, terms)) for pool, count in zip(pools, nodes, strict=True)]
    left = most_usd_per_year * (1 + SAFETY) - sum(standing) - judge.economics.site_usd_per_year
    left_usd = left / costs.per_year(1 - SAFETY, judge.trace.span_s)
    return usd_per_s, base, left_usd if to_come is None else to_come.most_rent_usd(left_usd)


def columns_of(ended: Ended, ends: Ends) -> dict[str, Any]:
    """Return what is kept of a replay that was ended early: where it was, and what was counted by then."""
    return {
        "at_s": np.array([ended.at_s]),
        "limit_s": ends.limit_s,
        "about": _digests(ends),
        "late": ended.late,
        "base": ends.base,
        "node_s": ended.node_s,
        "check_s": ends.check_s[: len(ended.node_s_at)],
        "node_s_at": ended.node_s_at,
    }


def decided(columns: dict[str, Any], ends: Ends, units: tuple[int, ...]) -> int | None:
    """Return how a replay ends early, as far as one tells that was ended before; ``None`` if it does not tell.

    More jobs than are allowed now that had waited longer than a limit have waited longer than a lower one, too.  Rent
    is known by node-seconds, so another price tells.  If both a target is lost and the rent is too much by then, it is
    not known which was first.

    Parameters
    ----------
    columns
        What was kept of it (:func:`columns_of`).
    ends
        When the replay may end early now.
    units
        Units of each pool, which are no fewer than its nodes.
    """
    rent_usd = float(ends.usd_per_s @ columns["node_s"]) if (ends.base == columns["base"]).all() else math.nan
    checked_s = _checked_s(columns, ends)
    lost, open_ = False, True
    for limit_s, allowed, about in zip(ends.limit_s, ends.allowed, _digests(ends), strict=True):
        same = (columns["about"] == about).all(axis=1)
        lost |= bool((same & (columns["limit_s"] >= limit_s) & (columns["late"] > allowed)).any())
        open_ &= bool((same & (columns["limit_s"] <= limit_s) & (columns["late"] <= allowed)).any())
    if lost:
        return LOST if rent_usd < ends.most_usd and checked_s == math.inf else None
    if open_ and checked_s + TOLERANCE_S < columns["at_s"][0]:
        return DEAR
    # Until a little after the rent was too much, a target may be lost that counts as lost before.
    since_usd = 3 * TOLERANCE_S * float(ends.usd_per_s @ np.array(units))
    return DEAR if open_ and rent_usd - since_usd >= ends.most_usd else None


def _checked_s(columns: dict[str, Any], ends: Ends) -> float:
    """Return the first check at which rent was too much with what was to come [s]; infinite if none, NaN if unknown."""
    until = int(np.searchsorted(ends.check_s, columns["at_s"][0], side="right"))
    same = np.array_equal(columns["check_s"], ends.check_s[:until]) and np.array_equal(columns["base"], ends.base)
    if not same:
        return math.nan
    if not until:
        return math.inf
    dear = columns["node_s_at"] @ ends.usd_per_s + ends.rest_usd[:until] >= ends.most_usd
    return float(ends.check_s[np.argmax(dear)]) if dear.any() else math.inf


def _digests(ends: Ends) -> Any:
    """Return the sums of which jobs each target is about, shape (targets, 32)."""
    sums = [hashlib.sha256(np.packbits(about).tobytes()).digest() for about in ends.about]
    return np.frombuffer(b"".join(sums), dtype=np.uint8).reshape(len(sums), 32)
