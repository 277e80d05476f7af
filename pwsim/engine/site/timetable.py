"""When each job may start: tables of hours, and the jobs that find no time at all (semantics §9)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

from pwsim.cluster import REJECTIONS, Cluster
from pwsim.common import InputError
from pwsim.engine.inputs import as_lists
from pwsim.engine.site.calendar import Calendar, in_common
from pwsim.engine.site.state import OPENING, State
from pwsim.rules.site import (
    ANY_TIME,
    Hours,
    Site,
    draw_profile,
    first_fit,
    first_place,
    is_packed,
    next_tick,
    pools_of,
)
from pwsim.trace import Floats, Integers, Trace

REASONS = tuple(REJECTIONS)
"""Why a job is rejected (:data:`pwsim.cluster.REJECTIONS`)."""
MOST_RULES = 62
"""Rules of hours that a replay can hold: the rules that a job is under are the bits of one whole number."""


def hours_of(
    trace: Trace, cluster: Cluster, calendar: Calendar
) -> tuple[Hours, Integers, Integers, Integers, list[tuple[float, int, int, int]]]:
    """Return the tables of hours, the rules of each job as bits, its two tables, and when hours open."""
    (hours_rules,) = cluster.hours
    if len(hours_rules) > MOST_RULES:
        raise InputError(f"hours: {len(hours_rules)} rules are more than a replay can hold; give at most {MOST_RULES}")
    masks = np.zeros(len(trace), dtype=np.int64)
    planned = []
    for number, rule in enumerate(hours_rules):
        masks[rule.where.admit(trace)] |= 1 << number
        planned += [(float(opens), OPENING, number, 0) for opens in calendar.opens_s[number] if opens > 0]
    keeping = sum(1 << number for number, rule in enumerate(hours_rules) if not rule.drain)
    kinds, code = np.unique(np.concatenate((masks, masks & keeping)), return_inverse=True)
    tables: list[Floats] = []
    number_of = np.full(len(kinds), ANY_TIME)
    for kind, mask in enumerate(kinds):
        if mask:
            number_of[kind] = len(tables)
            tables.append(in_common([pieces for number, pieces in enumerate(calendar.pieces) if mask >> number & 1]))
    table, holding = number_of[code].reshape(2, len(trace))
    rows = np.concatenate([*tables, np.empty((0, 3))])
    first = np.concatenate(([0], np.cumsum([len(one) for one in tables]))).astype(np.int64)
    opens_s, closes_s, last_s = (np.ascontiguousarray(rows[:, column]) for column in range(3))
    period_s, last_now_s = float(cluster.scheduler.period), np.full(len(tables), -np.inf)
    return Hours(first, opens_s, closes_s, last_s, period_s, last_now_s), masks, table, holding, planned


def never_open(hours: Hours, table: Integers, submit_s: Floats, length_s: Floats) -> npt.NDArray[np.bool_]:
    """Return which jobs could not start at any time from their submission on, if all pools were empty."""
    never = np.zeros(len(table), dtype=bool)
    opens_s = np.array([next_tick(float(one), hours.period_s) for one in hours.open_s])
    room_s = np.where(opens_s < hours.close_s, np.asarray(hours.last_s) - opens_s, -np.inf)
    for number in range(len(hours.first) - 1):
        jobs = np.flatnonzero(table == number)
        begin, end = hours.first[number], hours.first[number + 1]
        later_s = np.append(np.maximum.accumulate(room_s[begin:end][::-1])[::-1], -np.inf)  # the most from a piece on
        ticks_s = np.array([next_tick(float(one), hours.period_s) for one in submit_s[jobs]])
        piece = np.searchsorted(hours.close_s[begin:end], ticks_s, side="right")
        inside = np.append(hours.open_s[begin:end], np.inf)[piece] <= ticks_s
        now_s = np.where(inside, np.append(hours.last_s[begin:end], -np.inf)[piece] - ticks_s, -np.inf)
        most_s = np.maximum(now_s, later_s[piece + inside])
        never[jobs] = length_s[jobs] > most_s
    return never


def reject_between_outages(state: State, submit_s: Floats, reason: Integers, calendar: Calendar) -> None:
    """Reject the jobs that would find no time between outages, were all pools empty, within what is known."""
    site = as_lists(state.site)
    for pool in range(len(site.capacity.free)):
        draw_profile(0.0, pool, site)
    free_s = [_longest_always_free(pool, site) for pool in range(len(site.capacity.free))]
    for job in np.flatnonzero(reason < 0).tolist():
        pools = pools_of(site.waiting.door[job], site.doors)
        easy = site.waiting.table[job] == ANY_TIME and site.waiting.length_s[job] <= min(free_s[pool] for pool in pools)
        if easy:
            continue
        at_s = float(submit_s[job])
        packed = is_packed(site.waiting.door[job], site)
        found_s = first_place(at_s, True, at_s, job, site) if packed else first_fit(at_s, True, job, site)
        if found_s >= calendar.until_s:
            reason[job] = REASONS.index("hours")


def _longest_always_free(pool: int, site: Site) -> float:
    """Return the shortest time between two outages of a pool [s]: what is not longer always finds a place."""
    times = list(site.capacity.away_s[site.capacity.away_first[pool] : site.capacity.away_first[pool + 1]])
    return min((after - before for before, after in itertools.pairwise(times)), default=math.inf)
