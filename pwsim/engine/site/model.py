"""The SimPy clock of a replay under site rules: the reference engine (semantics §2, §9)."""

from __future__ import annotations

import math
from typing import Any

import simpy
from simpy.events import EventPriority

from pwsim.engine.inputs import Inputs, as_lists, full_error
from pwsim.engine.model.model import _Call
from pwsim.engine.site import state as states
from pwsim.engine.site.inputs import Prepared
from pwsim.engine.site.state import BOOK, COMPLETION, CONSERVATIVE, OPENING, OUTAGE, REJECTION, RESERVATION, RETURN
from pwsim.rules import custom, multifactor, profile
from pwsim.rules.site import draw_profile, next_tick

PASS = EventPriority(RESERVATION + 1)
"""Passes come after all else that happens at an instant."""


class SiteModel:
    """One replay under site rules on the SimPy clock.

    Parameters
    ----------
    inputs, prepared
        The jobs and pools as arrays, and what the site's rules add.
    arrivals
        The jobs that are submitted, in job order.
    """

    def __init__(self, inputs: Inputs, prepared: Prepared, arrivals: list[int]) -> None:
        self.env = simpy.Environment()
        self.inputs = inputs
        self.state = as_lists(prepared.state)
        self.planned = prepared.planned
        self.arrivals, self.arrived = arrivals, 0
        self.remaining = len(arrivals)
        self.agenda: list[tuple[float, int, int, int]] = []
        self.attempts: list[tuple[float, float, float, float, float, float, float, float]] = []
        self.waits: list[tuple[float, float, float, float]] = []
        self.pass_s = math.inf
        """When the next pass is due."""

    def run(self) -> float:
        """Replay all jobs; return when the last has ended [s]."""
        if self.state.settings.backfill == CONSERVATIVE:
            for pool in range(len(self.state.site.profiles.points)):
                draw_profile(0.0, pool, self.state.site)
        self.agenda += self.planned
        self._await_agenda()
        self._await_submission()
        while self.remaining:
            try:
                self.env.step()
            except simpy.core.EmptySchedule:  # nothing more will ever happen
                self.remaining -= states.end_waiting(self.state, self.waits)
        return float(self.env.now)

    # -- what happens

    def _at(self, time_s: float, priority: EventPriority, call: Any, one: int = 0, other: int = 0) -> None:
        now = self.env.now
        delay_s = time_s - now
        while now + delay_s < time_s:
            delay_s = math.nextafter(delay_s, math.inf)
        while now + delay_s > time_s:
            delay_s = math.nextafter(delay_s, 0.0)
        _Call(self.env, delay_s, priority, call, one, other)

    def _await_agenda(self) -> None:
        """Let all that was put down happen when it is due."""
        happen = {
            COMPLETION: self._complete,
            OUTAGE: self._begin_outage,
            RETURN: self._end_outage,
            OPENING: self._open_hours,
            REJECTION: self._let_follow,
            RESERVATION: self._fall_due,
        }
        for time_s, kind, one, other in self.agenda:
            self._at(time_s, EventPriority(kind), happen[kind], one, other)
        self.agenda.clear()

    def _await_submission(self) -> None:
        if self.arrived < len(self.arrivals):
            submit_s = self.state.jobs.submit_s[self.arrivals[self.arrived]]
            self._at(submit_s, EventPriority(RESERVATION), self._submit)

    def _submit(self, _: _Call) -> None:
        now, submit_s = self.env.now, self.state.jobs.submit_s
        while self.arrived < len(self.arrivals) and submit_s[self.arrivals[self.arrived]] <= now:
            states.enter(now, self.arrivals[self.arrived], self.state)
            self.arrived += 1
        self._await_submission()
        self._await_pass()

    def _complete(self, event: _Call) -> None:
        jobs, job = self.state.jobs, event.subject
        if jobs.runs[job] and jobs.ends_s[job] == self.env.now:  # else the attempt was interrupted
            states.complete(self.env.now, job, self.state, self.attempts)
            self.remaining -= 1
            self._await_pass()

    def _begin_outage(self, event: _Call) -> None:
        stops = event.node == 1
        self.remaining -= states.begin_outage(self.env.now, event.subject, stops, self.state, self.attempts)
        self._await_pass()

    def _end_outage(self, event: _Call) -> None:
        row = states.row_of(event.subject, self.state)
        self.state.queues.dirty[row] = self.state.queues.early[row] = True
        self._await_pass()

    def _open_hours(self, event: _Call) -> None:
        states.open_hours(event.subject, self.state)
        self._await_pass()

    def _let_follow(self, event: _Call) -> None:
        states.let_follow(self.env.now, event.subject, self.state)
        self._await_pass()

    def _fall_due(self, event: _Call) -> None:
        if self.state.queues.due_s[event.subject] == self.env.now:  # else the reservation has moved since
            self.state.queues.dirty[event.subject] = True
            self._await_pass()

    # -- passes

    def _await_pass(self) -> None:
        """Let each queue in which something happened have a pass, at the next multiple of the scheduler's period."""
        tick_s = next_tick(self.env.now, self.state.site.hours.period_s)
        if any(self.state.queues.dirty) and self.pass_s != tick_s:
            self.pass_s = tick_s
            self._at(tick_s, PASS, self._pass_each)

    def _pass_each(self, _: _Call) -> None:
        self.pass_s = math.inf
        for row, dirty in enumerate(self.state.queues.dirty):
            if dirty:
                if self.inputs.dynamic:
                    self._set_keys(row)
                states.give_pass(self.env.now, row, self.state, self.agenda, self.attempts, self.waits)
        if self.state.settings.backfill == CONSERVATIVE:
            table = self.state.site.profiles
            for pool, points in enumerate(table.points):
                if profile.full(table.time_s[pool], points):
                    raise full_error(self.inputs.pools[pool].name)
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
