"""The compiled clock of a replay under site rules: a heap of events, in the order of a round (semantics §2, §9)."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from pwsim.engine.compiled.general import as_rows
from pwsim.engine.compiled.references import by_reference
from pwsim.engine.compiled.steady import _inner, compiled, compiled_for, set_priorities
from pwsim.engine.inputs import Inputs, full_error
from pwsim.engine.site import state as states
from pwsim.engine.site.inputs import Prepared
from pwsim.engine.site.state import (
    BOOK,
    COMPLETION,
    CONSERVATIVE,
    OPENING,
    OUTAGE,
    REJECTION,
    RESERVATION,
    RETURN,
    TICK,
)
from pwsim.rules import custom, profile, site
from pwsim.trace import Floats, Integers

begin_outage, complete, end_waiting, enter, give_pass, let_follow, open_hours, row_of, sort_row = map(
    compiled,
    (
        states.begin_outage, states.complete, states.end_waiting, states.enter, states.give_pass, states.let_follow,
        states.open_hours, states.row_of, states.sort_row,
    ),
)  # fmt: skip
draw_profile, next_tick = compiled(site.draw_profile), compiled(site.next_tick)
full = compiled(profile.full)

DONE, NO_NUMBER, PROFILE_FULL = range(3)
"""Why a replay ended: all jobs have, the order gave no number, or a profile has no room left."""


@_inner
def occur(now, event, s, tried):
    """Let an event happen, unless it has become void; return the number of jobs that end."""
    time_s, kind, one, other = event
    if kind == COMPLETION:
        if s.jobs.runs[one] and s.jobs.ends_s[one] == time_s:
            complete(now, one, s, tried)
            return 1
    elif kind == OUTAGE:
        return begin_outage(now, one, other == 1, s, tried)
    elif kind == RETURN:
        row = row_of(one, s)
        s.queues.dirty[row] = s.queues.early[row] = True
    elif kind == OPENING:
        open_hours(one, s)
    elif kind == REJECTION:
        let_follow(now, one, s)
    elif kind == RESERVATION and s.queues.due_s[one] == now:
        s.queues.dirty[one] = True
    return 0


@_inner
def set_keys(now, row, order, by_factors, s):
    """Work out what the order says now of the jobs of a queue, and sort it; return a job without a number, or -1."""
    if by_factors:
        set_priorities(now, BOOK, s.queues.job[row], s.queues.length[row], s.jobs.submit_s, s.jobs.key, s.priorities)
    for position in range(0 if by_factors else s.queues.length[row]):
        job = s.queues.job[row][position]
        s.jobs.key[job] = order(now, s.jobs.submit_s[job], s.jobs.estimate_s[job], s.jobs.procs[job])
        if not np.isfinite(s.jobs.key[job]):
            return job
    sort_row(row, s)
    return -1


@_inner
def pass_each(now, order, dynamic, by_factors, s, agenda, tried, waits):
    """Give each queue its pass in which something happened; return a job for which the order gives no number, or -1."""
    for row in range(len(s.queues.length)):
        if s.queues.dirty[row]:
            failing = set_keys(now, row, order, by_factors, s) if dynamic else -1
            if failing >= 0:
                return failing
            give_pass(now, row, s, agenda, tried, waits)
    return -1


@_inner
def any_dirty(s):
    """Return whether something happened in a queue since its last pass."""
    for row in range(len(s.queues.length)):  # noqa: SIM110 - numba compiles no generators
        if s.queues.dirty[row]:
            return True
    return False


@_inner
def overflown(s):
    """Return a pool of which the profile has no room left, or -1."""
    if s.settings.backfill == CONSERVATIVE:
        for pool in range(len(s.site.profiles.points)):
            if full(s.site.profiles.time_s[pool], s.site.profiles.points[pool]):
                return pool
    return -1


def _replay(  # noqa: C901, PLR0912, PLR0915 - one loop over instants
    order, given, arrivals, planned_s, planned, dynamic, by_factors
):
    """Replay all jobs; return status, its job or pool, its time, attempts and waits."""
    s = by_reference(given)
    events = [(0.0, 0, 0, 0)]
    agenda = [(0.0, 0, 0, 0)]
    tried = [(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    waits = [(0.0, 0.0, 0.0, 0.0)]
    events.clear()
    agenda.clear()
    tried.clear()
    waits.clear()
    for index in range(len(planned_s)):
        event = planned_s[index], planned[index, 0], planned[index, 1], planned[index, 2]
        events.append(event)
    heapq.heapify(events)
    if s.settings.backfill == CONSERVATIVE:
        for pool in range(len(s.site.profiles.points)):
            draw_profile(0.0, pool, s.site)
    remaining = len(arrivals)
    following = 0
    now = 0.0
    ticking_s = -1.0
    while remaining:
        next_s = np.inf
        if following < len(arrivals):
            next_s = s.jobs.submit_s[arrivals[following]]
        if events:
            next_s = min(next_s, events[0][0])
        if next_s == np.inf:
            remaining -= end_waiting(s, waits)
            break
        now = next_s
        while True:
            while remaining and events and events[0][0] <= now:
                remaining -= occur(now, heapq.heappop(events), s, tried)
            if remaining == 0:
                break
            while following < len(arrivals) and s.jobs.submit_s[arrivals[following]] <= now:
                enter(now, arrivals[following], s)
                following += 1
            tick_s = next_tick(now, s.site.hours.period_s)
            if tick_s > now:
                if any_dirty(s) and ticking_s != tick_s:
                    heapq.heappush(events, (tick_s, TICK, 0, 0))
                    ticking_s = tick_s
                break
            failing = pass_each(now, order, dynamic, by_factors, s, agenda, tried, waits)
            if failing >= 0:
                return NO_NUMBER, failing, now, as_rows(tried), as_rows(waits)
            failing = overflown(s)
            if failing >= 0:
                return PROFILE_FULL, failing, now, as_rows(tried), as_rows(waits)
            for event in agenda:
                heapq.heappush(events, event)
            agenda.clear()
            if not any_dirty(s) and not (events and events[0][0] <= now):
                break
    return DONE, 0, now, as_rows(tried), as_rows(waits)


def run(inputs: Inputs, prepared: Prepared, arrivals: Integers, order: Any) -> tuple[Floats, Floats]:
    """Replay all jobs with the compiled order; return attempts and waits.

    Raises
    ------
    InputError
        If a user's own order gives no number for some job.
    """
    planned_s = np.array([event[0] for event in prepared.planned], dtype=np.float64)
    planned = np.array([event[1:] for event in prepared.planned], dtype=np.int64).reshape(-1, 3)
    rest = (prepared.state, arrivals, planned_s, planned, inputs.dynamic, inputs.order is None)
    status, one, now, attempts, waits = compiled_for(_replay, "rules of the site", rest)(order, *rest)
    if status == NO_NUMBER:
        assert inputs.order is not None
        asked = float(inputs.submit_s[one]), float(inputs.logged_estimate_s[one]), int(inputs.procs[one])
        custom.refuse(inputs.order, inputs.policy.order, now, *asked)
    if status == PROFILE_FULL:
        raise full_error(inputs.pools[one].name)
    return attempts, waits
