"""The compiled clock of a replay under site rules: a heap of events, in the order of a round (semantics §2, §9)."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from pwsim.engine.compiled.general import as_rows
from pwsim.engine.compiled.steady import _inner, compiled, compiled_for, set_priorities
from pwsim.engine.compiled.tables import as_table
from pwsim.engine.inputs import Inputs, fruitless_error, full_error
from pwsim.engine.site import changes as changing
from pwsim.engine.site import moving, passes
from pwsim.engine.site import state as states
from pwsim.engine.site.changing import laid_out
from pwsim.engine.site.inputs import Prepared, Records
from pwsim.engine.site.nodes import SHORT
from pwsim.engine.site.state import (
    BOOK,
    COMPLETION,
    CONSERVATIVE,
    OPENING,
    OUTAGE,
    REJECTION,
    REPLAN,
    RESERVATION,
    RETURN,
    TICK,
    State,
)
from pwsim.rules import custom, profile, site
from pwsim.trace import Integers

begin_outage, complete, end_waiting, enter, let_follow, open_hours, row_of, sort_row = map(
    compiled,
    (
        states.begin_outage, states.complete, states.end_waiting, states.enter, states.let_follow, states.open_hours,
        states.row_of, states.sort_row,
    ),
)  # fmt: skip
autoscale, begin, change, end_stays, nothing_comes = map(
    compiled, (changing.autoscale, changing.begin, changing.change, changing.end_stays, changing.nothing_comes)
)
give_pass = compiled(passes.give_pass)
await_bursts, move_jobs = compiled(moving.await_bursts), compiled(moving.move_jobs)
draw_profile, next_tick = compiled(site.draw_profile), compiled(site.next_tick)
full = compiled(profile.full)

DONE, NO_NUMBER, PROFILE_FULL, LACKING = range(4)
"""Why a replay ended: all jobs have, the order gave no number, a profile has no room left, or nodes lack something."""


@_inner
def occur(now, event, s, agenda, tried, spans, changes):
    """Let an event happen; return the number of jobs that end, or -1 if the event has become void."""
    time_s, kind, one, other = event
    if kind == COMPLETION:
        if not s.jobs.runs[one] or s.jobs.ends_s[one] != time_s:
            return -1
        complete(now, one, s, tried)
        return 1
    if kind == OUTAGE:
        return begin_outage(now, one, other == 1, s, tried)
    if kind == RETURN:
        row = row_of(one, s)
        s.queues.dirty[row] = s.queues.early[row] = True
    elif kind == OPENING:
        open_hours(one, s)
    elif kind == REJECTION:
        let_follow(now, one, s)
    elif kind == RESERVATION:
        if s.queues.due_s[one] != now:
            return -1
        s.queues.dirty[one] = True
    elif kind != TICK:  # noqa: SIM102 - numba leaves out what is alone under `changes`
        if changes is not None:
            return change(now, kind, one, other, s, agenda, tried, spans)
    return 0


@_inner
def await_agenda(agenda, events):
    """Let all that was put down happen when it is due."""
    for event in agenda:
        heapq.heappush(events, event)
    agenda.clear()


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
    """Return whether something happened in a queue since its last pass, or jobs are due to move."""
    for row in range(len(s.queues.length)):
        if s.queues.dirty[row]:
            return True
    return s.bursts.dues[1] > 0


@_inner
def overflown(s):
    """Return a pool of which the profile has no room left, or -1."""
    if s.settings.backfill in (CONSERVATIVE, REPLAN):
        for pool in range(len(s.site.profiles.points)):
            if full(s.site.profiles.time_s[pool], s.site.profiles.points[pool]):
                return pool
    return -1


# One function, for it is one loop over the rounds of all instants (§2).  Where no node comes or goes and no job moves,
# `changes` is None: numba then leaves out what is about these, which takes long to compile.
def _replay(  # noqa: C901, PLR0912, PLR0915
    order, s, arrivals, planned_s, planned, dynamic, by_factors, changes
):
    """Replay all jobs; return status, its job or pool, its time, attempts, waits and stays of nodes."""
    events = [(0.0, 0, 0, 0)]
    agenda = [(0.0, 0, 0, 0)]
    tried = [(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    waits = [(0.0, 0.0, 0.0, 0.0)]
    spans = [(0.0, 0.0, 0.0, 0.0, 0.0)]
    events.clear()
    agenda.clear()
    tried.clear()
    waits.clear()
    spans.clear()
    planned_until_s = 0.0
    for index in range(len(planned_s)):
        event = planned_s[index], planned[index, 0], planned[index, 1], planned[index, 2]
        events.append(event)
        planned_until_s = max(planned_until_s, planned_s[index])
    heapq.heapify(events)
    if s.settings.backfill == CONSERVATIVE:
        for pool in range(len(s.site.profiles.points)):
            draw_profile(0.0, pool, s.site)
    if changes is not None:
        begin(0.0, s, agenda)
        await_agenda(agenda, events)
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
        if changes is not None:  # noqa: SIM102 - likewise
            if following == len(arrivals) and planned_until_s <= now and nothing_comes(now, s):
                next_s = np.inf
        if next_s == np.inf:
            remaining -= end_waiting(s, waits)
            break
        now = next_s
        stirred = False
        while True:
            while remaining and events and events[0][0] <= now:
                ended = occur(now, heapq.heappop(events), s, agenda, tried, spans, changes)
                if ended >= 0:
                    remaining -= ended
                    stirred = True
                if changes is not None:
                    await_agenda(agenda, events)
            if remaining == 0:
                break
            while following < len(arrivals) and s.jobs.submit_s[arrivals[following]] <= now:
                enter(now, arrivals[following], s)
                following += 1
                stirred = True
            if changes is not None:
                await_bursts(now, s, agenda)
            tick_s = next_tick(now, s.site.hours.period_s)
            if tick_s <= now:
                failing = pass_each(now, order, dynamic, by_factors, s, agenda, tried, waits)
                if failing >= 0:
                    return NO_NUMBER, failing, now, as_rows(tried), as_rows(waits), as_rows(spans)
                failing = overflown(s)
                if failing >= 0:
                    return PROFILE_FULL, failing, now, as_rows(tried), as_rows(waits), as_rows(spans)
                if changes is not None:
                    await_bursts(now, s, agenda)
                    move_jobs(now, s, waits)
                await_agenda(agenda, events)
                if any_dirty(s):
                    continue
            else:
                if any_dirty(s) and ticking_s != tick_s:
                    heapq.heappush(events, (tick_s, TICK, 0, 0))
                    ticking_s = tick_s
                await_agenda(agenda, events)
            if changes is not None:
                if stirred and not (events and events[0][0] <= now):
                    autoscale(now, s, agenda, spans)
                    await_agenda(agenda, events)
                if s.nodes.status[0]:
                    return LACKING, s.nodes.status[1], now, as_rows(tried), as_rows(waits), as_rows(spans)
            if not (events and events[0][0] <= now):
                break
    if changes is not None:
        end_stays(now, s, spans)
    return DONE, 0, now, as_rows(tried), as_rows(waits), as_rows(spans)


def run(inputs: Inputs, prepared: Prepared, arrivals: Integers, order: Any) -> tuple[State, Records]:
    """Replay all jobs with the compiled order; return the containers as they stand at the end, and what was noted.

    Raises
    ------
    InputError
        If a user's own order gives no number for some job.
    HopelessError
        If an elastic pool launches nodes again and again that never run a job.
    """
    planned_s = np.array([event[0] for event in prepared.planned], dtype=np.float64)
    planned = np.array([event[1:] for event in prepared.planned], dtype=np.int64).reshape(-1, 3)
    state, more = prepared.state, 1
    while True:
        if prepared.changes:
            state = laid_out(prepared.state, inputs, more)
        changes = 1 if prepared.changes else None
        rest = (as_table(state), arrivals, planned_s, planned, inputs.dynamic, inputs.order is None, changes)
        what = "rules of the site" + " and nodes that come and go" * prepared.changes
        status, one, now, *noted = compiled_for(_replay, what, rest)(order, *rest)
        if status != LACKING or state.nodes.status[0] != SHORT:
            break
        more *= 4
    if status == NO_NUMBER:
        assert inputs.order is not None
        asked = float(inputs.submit_s[one]), float(inputs.logged_estimate_s[one]), int(inputs.procs[one])
        custom.refuse(inputs.order, inputs.policy.order, now, *asked)
    if status == LACKING:
        raise fruitless_error(inputs.pools[one].name)
    if status == PROFILE_FULL:
        raise full_error(inputs.pools[one].name)
    attempts, waits, spans = noted
    return state, Records(attempts, waits, spans, float(now))
