"""The SimPy model: the reference engine (semantics §2).

SimPy owns the clock; plain lists are the containers; the rules of :mod:`pwsim.rules` decide.  Three kinds of
event are scheduled, and their priorities make the order of a round (§2): completions, then submissions and
reservations that fall due, then one event that gives a pass to each pool in which something happened.  What
that pass makes happen at the same instant comes in the next round, by the same priorities.

Events are callbacks, not processes: a process a job costs several times as much and says no more.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any

import numpy as np
import simpy
from simpy.events import Event, EventPriority

from pwsim.engine.inputs import Inputs
from pwsim.result import REJECTED
from pwsim.rules import backfill, orders
from pwsim.trace import Floats

COMPLETION = EventPriority(0)
SUBMISSION = EventPriority(1)
PASS = EventPriority(2)


class _Call(Event):
    """An event that calls a function after a delay, at its place in the round."""

    def __init__(
        self,
        env: simpy.Environment,
        delay_s: float,
        priority: EventPriority,
        call: Callable[[Any], None],
        subject: int = 0,
    ) -> None:
        self.env = env
        self.callbacks = [call]
        self._value = None
        self._ok = True
        self.subject = subject
        """The job or pool that the call is about."""
        env.schedule(self, priority, delay_s)


class _Pool:
    """The containers of one pool."""

    def __init__(self, units: int, jobs: int) -> None:
        self.free = units
        self.queue: list[int] = []
        # Running jobs by start plus estimate, and the units of each.
        self.release_s: list[float] = []
        self.release_need: list[int] = []
        self.dirty = False  # something happened since the last pass
        self.ended_early = False  # so that conservative backfilling compresses
        self.due_s = math.inf  # the next reservation
        self.reserved_s = [backfill.NO_RESERVATION] * jobs
        self.chosen = [0] * jobs
        self.profile_s = [0.0] * (3 * jobs + 1)
        self.profile_free = [0] * (3 * jobs + 1)


class Model:
    """One replay on the SimPy clock.

    Parameters
    ----------
    inputs
        The jobs and pools as arrays.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.env = simpy.Environment()
        self.policy = inputs.policy
        self.order = getattr(orders, inputs.policy.order)
        self.pool_of = inputs.pool.tolist()
        self.submit_s = inputs.submit_s.tolist()
        self.procs = inputs.procs.tolist()
        self.logged_estimate_s = inputs.logged_estimate_s.tolist()
        self.need = inputs.need.tolist()
        self.held_s = inputs.held_s.tolist()
        self.estimate_s = inputs.estimate_s.tolist()
        self.start_s = [np.nan] * len(self.submit_s)
        self.expected_s = [0.0] * len(self.submit_s)
        self.pools = [_Pool(units, len(self.submit_s)) for units in inputs.units]
        # A rejected job's submission makes nothing happen (§1).
        self.arrivals = [job for job, pool in enumerate(self.pool_of) if pool != REJECTED]
        self.arrived = 0
        self.pass_is_due = False
        self.key: list[float] = [0.0] * len(self.submit_s)
        if inputs.policy.order not in (*orders.DYNAMIC, "fcfs"):
            self._set_keys(self.arrivals, 0.0)

    def run(self) -> Floats:
        """Replay all jobs; return the start of each, NaN for rejected ones [s], shape (jobs,)."""
        if self.arrivals:
            self._await_submission()
        self.env.run()
        return np.array(self.start_s)

    # -- what happens

    def _await_submission(self) -> None:
        delay_s = self._delay_until(self.submit_s[self.arrivals[self.arrived]])
        _Call(self.env, delay_s, SUBMISSION, self._submit)

    def _delay_until(self, time_s: float) -> float:
        """Return the delay which SimPy, adding it to the clock, turns into exactly this time."""
        now = self.env.now
        delay_s = time_s - now
        while now + delay_s < time_s:
            delay_s = math.nextafter(delay_s, math.inf)
        while now + delay_s > time_s:
            delay_s = math.nextafter(delay_s, 0.0)
        return delay_s

    def _submit(self, _: _Call) -> None:
        now = self.env.now
        arrivals, submit_s, following = self.arrivals, self.submit_s, self.arrived
        while following < len(arrivals) and submit_s[arrivals[following]] <= now:
            job = arrivals[following]
            pool = self.pools[self.pool_of[job]]
            if self.policy.order == "fcfs":
                pool.queue.append(job)
            else:
                insort(pool.queue, job, key=self._rank)
            self._touch(pool)
            following += 1
        self.arrived = following
        if following < len(arrivals):
            self._await_submission()

    def _complete(self, event: _Call) -> None:
        job = event.subject
        pool = self.pools[self.pool_of[job]]
        units, expected_s = self.need[job], self.expected_s[job]
        pool.free += units
        index = bisect_left(pool.release_s, expected_s)
        while pool.release_need[index] != units:  # jobs of one size and expected end are interchangeable here
            index += 1
        del pool.release_s[index], pool.release_need[index]
        if self.env.now < expected_s:
            pool.ended_early = True
        self._touch(pool)

    def _fall_due(self, event: _Call) -> None:
        pool = self.pools[event.subject]
        if pool.due_s == self.env.now:  # else the reservation has moved since
            self._touch(pool)

    def _touch(self, pool: _Pool) -> None:
        pool.dirty = True
        if not self.pass_is_due:
            self.pass_is_due = True
            _Call(self.env, 0.0, PASS, self._pass_each)

    # -- passes

    def _pass_each(self, _: _Call) -> None:
        self.pass_is_due = False
        for index, pool in enumerate(self.pools):
            if pool.dirty:
                pool.dirty = False
                if pool.queue:
                    self._pass(index, pool)
                pool.ended_early = False

    def _pass(self, index: int, pool: _Pool) -> None:
        now = self.env.now
        if self.policy.order in orders.DYNAMIC:
            self._set_keys(pool.queue, now)
            pool.queue.sort(key=self._rank)
        if self.policy.backfill == "conservative":
            count = backfill.conservative(
                now, pool.free, pool.queue, len(pool.queue), self.need, self.estimate_s,
                pool.release_s, pool.release_need, len(pool.release_s),
                pool.reserved_s, pool.ended_early, pool.profile_s, pool.profile_free, pool.chosen,
            )  # fmt: skip
            self._start(pool, pool.chosen[:count])
            self._await_reservation(index, pool)
            return
        self._start(pool, range(backfill.heads(pool.free, pool.queue, len(pool.queue), self.need)))
        if self.policy.backfill == "easy" and pool.free and len(pool.queue) > 1:
            count = backfill.easy(
                now, pool.free, pool.queue, len(pool.queue), self.need, self.estimate_s,
                pool.release_s, pool.release_need, len(pool.release_s), pool.chosen,
            )  # fmt: skip
            self._start(pool, pool.chosen[:count])

    def _start(self, pool: _Pool, positions: range | list[int]) -> None:
        """Start the jobs at some positions of the queue (increasing), and take them out of it."""
        now = self.env.now
        for position in positions:
            job = pool.queue[position]
            self.start_s[job] = now
            pool.free -= self.need[job]
            expected_s = self.expected_s[job] = now + self.estimate_s[job]
            index = bisect_left(pool.release_s, expected_s)
            pool.release_s.insert(index, expected_s)
            pool.release_need.insert(index, self.need[job])
            _Call(self.env, self.held_s[job], COMPLETION, self._complete, job)
        for position in reversed(positions):
            del pool.queue[position]

    def _await_reservation(self, index: int, pool: _Pool) -> None:
        """Let the pool have a pass when its next reservation falls due."""
        due_s = min((pool.reserved_s[job] for job in pool.queue), default=math.inf)
        if due_s < math.inf and due_s != pool.due_s:
            _Call(self.env, self._delay_until(due_s), SUBMISSION, self._fall_due, index)
        pool.due_s = due_s

    # -- the order of the queue

    def _set_keys(self, jobs: list[int], now: float) -> None:
        for job in jobs:
            self.key[job] = self.order(now, self.submit_s[job], self.logged_estimate_s[job], self.procs[job])

    def _rank(self, job: int) -> tuple[float, int]:
        return self.key[job], job
