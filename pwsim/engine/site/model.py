"""The SimPy clock of a replay under site rules: the reference engine (semantics §2, §9)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import simpy
from simpy.events import EventPriority

from pwsim.engine.inputs import Inputs, as_lists, fruitless_error, full_error
from pwsim.engine.model.clock import Call, delay_until
from pwsim.engine.site import changes, moving, passes
from pwsim.engine.site import state as states
from pwsim.engine.site.changing import laid_out
from pwsim.engine.site.inputs import Prepared, Records
from pwsim.engine.site.nodes import SHORT
from pwsim.engine.site.state import (
    ARRIVE,
    BOOK,
    BURST,
    COMPLETION,
    CONSERVATIVE,
    LEAVE,
    OPENING,
    OUTAGE,
    REJECTION,
    REPLAN,
    RESERVATION,
    RETURN,
    TICK,
    WAKE,
    State,
)
from pwsim.rules import custom, multifactor, profile
from pwsim.rules.site import draw_profile, next_tick

PASS = EventPriority(TICK)
"""Passes come after all else that happens at an instant."""
AUTOSCALE = EventPriority(TICK + 1)
"""And then, when nothing else is due, the autoscaler."""


def run(inputs: Inputs, prepared: Prepared, arrivals: list[int]) -> tuple[State, Records]:
    """Replay the jobs that are submitted; return the containers as they stand at the end, and what was noted.

    Raises
    ------
    InputError
        If a user's own order fails.
    HopelessError
        If an elastic pool launches nodes again and again that never run a job.
    """
    state, more = prepared.state, 1
    while True:
        if prepared.changes:
            state = laid_out(prepared.state, inputs, more)
        model = SiteModel(inputs, prepared, state, arrivals)
        model.run()
        status, pool = model.state.nodes.status
        if not status:
            break
        if status != SHORT:
            raise fruitless_error(inputs.pools[pool].name)
        more *= 4  # draws that were missing
    attempts, waits, spans = map(np.array, (model.attempts, model.waits, model.spans))
    return model.state, Records(attempts, waits, spans, float(model.env.now))


class SiteModel:
    """One replay under site rules on the SimPy clock.

    Parameters
    ----------
    inputs, prepared
        The jobs and pools as arrays, and what the site's rules add.
    state
        The containers, as arrays.
    arrivals
        The jobs that are submitted, in job order.
    """

    def __init__(self, inputs: Inputs, prepared: Prepared, state: State, arrivals: list[int]) -> None:
        self.env = simpy.Environment()
        self.inputs = inputs
        self.state = as_lists(state)
        self.planned = prepared.planned
        self.planned_until_s = max((event[0] for event in self.planned), default=0.0)
        self.changes = prepared.changes
        """Whether nodes come and go, or jobs move."""
        self.autoscaler_is_due = False
        self.arrivals, self.arrived = arrivals, 0
        self.remaining = len(arrivals)
        self.agenda: list[tuple[float, int, int, int]] = []
        self.attempts: list[tuple[float, float, float, float, float, float, float, float]] = []
        self.waits: list[tuple[float, float, float, float]] = []
        self.spans: list[tuple[float, float, float, float, float]] = []
        self.pass_s = math.inf
        """When the next pass is due."""

    def run(self) -> None:
        """Replay all jobs, or as far as the draws go."""
        if self.state.settings.backfill == CONSERVATIVE:
            for pool in range(len(self.state.site.profiles.points)):
                draw_profile(0.0, pool, self.state.site)
        self.agenda += self.planned
        if self.changes:
            changes.begin(0.0, self.state, self.agenda)
        self._await_agenda()
        self._await_submission()
        while self.remaining and not self.state.nodes.status[0]:
            if self.env.peek() == math.inf or (self.changes and self._nothing_comes()):
                self.remaining -= states.end_waiting(self.state, self.waits)
            else:
                self.env.step()
        if self.changes:
            changes.end_stays(self.env.now, self.state, self.spans)

    def _nothing_comes(self) -> bool:
        """Return whether nothing more will ever happen by which a waiting job may start."""
        now = self.env.now
        settled = self.arrived == len(self.arrivals) and self.planned_until_s <= now < self.env.peek()
        return settled and changes.nothing_comes(now, self.state)

    # -- what happens

    def _at(self, time_s: float, priority: EventPriority, call: Any, one: int = 0, other: int = 0) -> None:
        Call(self.env, delay_until(self.env.now, time_s), priority, call, one, other)

    def _await_agenda(self) -> None:
        """Let all that was put down happen when it is due."""
        happen: dict[int, Any] = {
            COMPLETION: self._complete,
            OUTAGE: self._begin_outage,
            RETURN: self._end_outage,
            OPENING: self._open_hours,
            REJECTION: self._let_follow,
            RESERVATION: self._fall_due,
        }
        for kind in (LEAVE, ARRIVE, BURST, WAKE):
            happen[kind] = partial(self._change, kind)
        for time_s, kind, one, other in self.agenda:
            self._at(time_s, EventPriority(kind), happen[kind], one, other)
        self.agenda.clear()

    def _await_submission(self) -> None:
        if self.arrived < len(self.arrivals):
            submit_s = self.state.jobs.submit_s[self.arrivals[self.arrived]]
            self._at(submit_s, EventPriority(RESERVATION), self._submit)

    def _submit(self, _: Call) -> None:
        now, submit_s = self.env.now, self.state.jobs.submit_s
        while self.arrived < len(self.arrivals) and submit_s[self.arrivals[self.arrived]] <= now:
            states.enter(now, self.arrivals[self.arrived], self.state)
            self.arrived += 1
        self._await_submission()
        self._await_pass()

    def _change(self, kind: int, event: Call) -> None:
        """Let something happen to a node, or a wait be over."""
        noted = self.agenda, self.attempts, self.spans
        ended = changes.change(self.env.now, kind, event.subject, event.node, self.state, *noted)
        if ended >= 0:
            self.remaining -= ended
            self._await_pass()

    def _complete(self, event: Call) -> None:
        jobs, job = self.state.jobs, event.subject
        if jobs.runs[job] and jobs.ends_s[job] == self.env.now:  # else the attempt was interrupted
            states.complete(self.env.now, job, self.state, self.attempts)
            self.remaining -= 1
            self._await_pass()

    def _begin_outage(self, event: Call) -> None:
        stops = event.node == 1
        self.remaining -= states.begin_outage(self.env.now, event.subject, stops, self.state, self.attempts)
        self._await_pass()

    def _end_outage(self, event: Call) -> None:
        row = states.row_of(event.subject, self.state)
        self.state.queues.dirty[row] = self.state.queues.early[row] = True
        self._await_pass()

    def _open_hours(self, event: Call) -> None:
        states.open_hours(event.subject, self.state)
        self._await_pass()

    def _let_follow(self, event: Call) -> None:
        states.let_follow(self.env.now, event.subject, self.state)
        self._await_pass()

    def _fall_due(self, event: Call) -> None:
        if self.state.queues.due_s[event.subject] == self.env.now:  # else the reservation has moved since
            self.state.queues.dirty[event.subject] = True
            self._await_pass()

    # -- passes

    def _await_pass(self) -> None:
        """Let each queue in which something happened have a pass, at the next multiple of the scheduler's period."""
        if self.changes:
            moving.await_bursts(self.env.now, self.state, self.agenda)
            self._await_agenda()
            if not self.autoscaler_is_due:
                self.autoscaler_is_due = True
                self._at(self.env.now, AUTOSCALE, self._autoscale)
        tick_s = next_tick(self.env.now, self.state.site.hours.period_s)
        if (any(self.state.queues.dirty) or self.state.bursts.dues[1]) and self.pass_s != tick_s:
            self.pass_s = tick_s
            self._at(tick_s, PASS, self._pass_each)

    def _autoscale(self, _: Call) -> None:
        self.autoscaler_is_due = False
        changes.autoscale(self.env.now, self.state, self.agenda, self.spans)
        self._await_agenda()

    def _pass_each(self, _: Call) -> None:
        self.pass_s = math.inf
        for row, dirty in enumerate(self.state.queues.dirty):
            if dirty:
                if self.inputs.dynamic:
                    self._set_keys(row)
                passes.give_pass(self.env.now, row, self.state, self.agenda, self.attempts, self.waits)
        if self.state.settings.backfill in (CONSERVATIVE, REPLAN):
            table = self.state.site.profiles
            for pool, points in enumerate(table.points):
                if profile.full(table.time_s[pool], points):
                    raise full_error(self.inputs.pools[pool].name)
        if self.changes:
            moving.await_bursts(self.env.now, self.state, self.agenda)
            moving.move_jobs(self.env.now, self.state, self.waits)
        self._await_agenda()
        self._await_pass()

    def _set_keys(self, row: int) -> None:
        """Work out what the order says now of the jobs of a queue, and sort it."""
        now, jobs, order = self.env.now, self.state.jobs, self.inputs.order
        queue, waiting = self.state.queues.job[row], self.state.queues.length[row]
        if order is None:
            multifactor.set_keys(now, BOOK, queue, waiting, jobs.submit_s, jobs.key, self.state.priorities)
        else:
            for job in queue[:waiting]:
                facts = now, jobs.submit_s[job], jobs.estimate_s[job], jobs.procs[job]
                own = self.inputs.policy.code is not None
                jobs.key[job] = custom.key(order, self.inputs.policy.order, *facts) if own else order(*facts)
        states.sort_row(row, self.state)
