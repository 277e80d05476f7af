"""The SimPy model: the reference engine (semantics §2).

SimPy owns the clock; plain lists are the containers; the rules of :mod:`pwsim.rules` decide.  Three kinds of
event are scheduled, and their priorities make the order of a round (§2): completions, then submissions and
reservations that fall due, then one event that gives a pass to each pool in which something happened.  What
that pass makes happen at the same instant comes in the next round, by the same priorities.

Events are callbacks, not processes: a process a job costs several times as much and says no more.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import numpy as np
import simpy
from simpy.events import Event, EventPriority

from pwsim.engine.inputs import Inputs
from pwsim.result import REJECTED
from pwsim.rules import backfill, conservative, custom, multifactor, orders, profile
from pwsim.rules.custom import Order
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

    def __init__(self, units: int, jobs: int, users: int) -> None:
        self.free = units
        # The queue, and what the rules look at, in queue order.
        self.queue: list[int] = []
        self.need: list[int] = []
        self.estimate_s: list[float] = []
        self.reserved_s: list[float] = []
        # Running jobs by start plus estimate, and the units of each.
        self.release_s: list[float] = []
        self.release_need: list[int] = []
        self.chosen = [0] * jobs
        self.dirty = False  # something happened since the last pass
        # Conservative backfilling alone:
        self.ended_early = False  # so that reservations may move forward
        self.due_s = math.inf  # the next reservation
        self.profile_s = [0.0] * profile.room(jobs)
        self.profile_free = [units] * profile.room(jobs)
        self.first, self.points = 0, 1
        self.gain_s = [math.inf, -math.inf]
        self.overdue_until_s = -math.inf
        # The multifactor order alone: an account for each user, and the last for all.
        self.usage = [0.0] * (users + 1)
        self.using = [0] * (users + 1)
        self.since_s = [0.0] * (users + 1)


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
        self.conservative = inputs.policy.backfill == "conservative"
        self.order = inputs.order
        self.dynamic = inputs.dynamic
        self.depth = inputs.depth or len(inputs.pool)
        self.account = inputs.account.tolist()
        self.share = inputs.share.tolist()
        self.fixed_priority = inputs.fixed_priority.tolist()
        self.weights = inputs.weights.tolist()
        self.pool_of = inputs.pool.tolist()
        self.submit_s = inputs.submit_s.tolist()
        self.procs = inputs.procs.tolist()
        self.logged_estimate_s = inputs.logged_estimate_s.tolist()
        self.need = inputs.need.tolist()
        self.held_s = inputs.held_s.tolist()
        self.estimate_s = inputs.estimate_s.tolist()
        self.start_s = [np.nan] * len(self.submit_s)
        self.expected_s = [0.0] * len(self.submit_s)
        self.pools = [_Pool(units, len(self.submit_s), len(self.share)) for units in inputs.units]
        # A rejected job's submission makes nothing happen (§1).
        self.arrivals = [job for job, pool in enumerate(self.pool_of) if pool != REJECTED]
        self.arrived = 0
        self.pass_is_due = False
        self.key: list[float] = [0.0] * len(self.submit_s)
        if self.order is not None and inputs.policy.order != "fcfs" and not self.dynamic:
            self._set_keys(self.key, self.order, self.arrivals)
        self.passing_key: list[float] = [0.0] * len(self.submit_s)
        if inputs.policy.passing_order:
            self._set_keys(self.passing_key, getattr(orders, inputs.policy.passing_order), self.arrivals)

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
            last = len(pool.queue)
            position = last if self.policy.order == "fcfs" else bisect_left(pool.queue, self._rank(job), key=self._rank)
            pool.queue.insert(position, job)
            pool.need.insert(position, self.need[job])
            pool.estimate_s.insert(position, self.estimate_s[job])
            if self.conservative:
                pool.reserved_s.insert(position, conservative.NO_RESERVATION)
            self._touch(pool)
            following += 1
        self.arrived = following
        if following < len(arrivals):
            self._await_submission()

    def _complete(self, event: _Call) -> None:
        now = self.env.now
        job = event.subject
        pool = self.pools[self.pool_of[job]]
        units, expected_s = self.need[job], self.expected_s[job]
        pool.free += units
        index = bisect_left(pool.release_s, expected_s)
        while pool.release_need[index] != units:  # jobs of one size and expected end are interchangeable here
            index += 1
        del pool.release_s[index], pool.release_need[index]
        if self.order is None:
            self._charge(pool, job, -self.procs[job])
        if self.conservative and now < expected_s:
            pool.ended_early = True
            conservative.gain(pool.gain_s, now, expected_s)
            pool.points = profile.change(
                pool.profile_s, pool.profile_free, pool.first, pool.points, now, expected_s, units
            )
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
                else:
                    conservative.no_gain(pool.gain_s)
                pool.ended_early = False

    def _pass(self, index: int, pool: _Pool) -> None:
        now = self.env.now
        if self.dynamic:
            self._sort(pool)
        if self.conservative:
            self._start(pool, self._reserve(pool))
            self._await_reservation(index, pool)
            return
        self._start(pool, range(backfill.heads(pool.free, pool.need, 0, len(pool.queue))))
        if self.policy.backfill == "easy" and pool.free and len(pool.queue) > 1:
            shadow_s, extra = backfill.reservation(
                now, pool.free, pool.need[0], pool.release_s, pool.release_need, len(pool.release_s), (), 0
            )
            end = min(len(pool.queue), 1 + self.depth)
            if self.policy.passing_order:
                self._start(pool, self._pass_in_order(pool, shadow_s, extra, end))
                return
            count, _, _ = backfill.easy(
                now, pool.free, shadow_s, extra, pool.need, pool.estimate_s, 1, end, pool.chosen
            )
            self._start(pool, pool.chosen[:count])

    def _pass_in_order(self, pool: _Pool, shadow_s: float, extra: int, end: int) -> list[int]:
        """Return the positions of the jobs that may pass the head, tried in an order of their own."""
        tried = sorted(
            range(1, end), key=lambda position: (self.passing_key[pool.queue[position]], pool.queue[position])
        )
        need, estimate_s = [pool.need[one] for one in tried], [pool.estimate_s[one] for one in tried]
        count, _, _ = backfill.easy(
            self.env.now, pool.free, shadow_s, extra, need, estimate_s, 0, len(tried), pool.chosen
        )
        return sorted(tried[index] for index in pool.chosen[:count])

    def _reserve(self, pool: _Pool) -> list[int]:
        """Bring the reservations up to date; return the positions of the jobs whose reservation is now."""
        now = self.env.now
        queue = pool.need, pool.estimate_s, pool.reserved_s
        running = pool.release_s, pool.release_need, len(pool.release_s)
        table = pool.profile_s, pool.profile_free
        pool.first = profile.advance(now, pool.profile_s, pool.first, pool.points)
        for position in range(self.depth, len(pool.queue)):
            if pool.reserved_s[position] != conservative.NO_RESERVATION:
                pool.points = conservative.give_up(position, *queue, pool.gain_s, *table, pool.first, pool.points)
        overdue = bool(pool.release_s) and pool.release_s[0] < now + 1.0
        if overdue:
            pool.points = conservative.hold_overdue(now, -1, *running, *table, pool.first, pool.points)
        if overdue and profile.overcommitted(*table, pool.first, pool.points, now + 1.0):
            # Reservations cannot be kept: all are dropped and placed again.
            pool.first, pool.points = 0, conservative.running_only(now, pool.free, *running, *table)
            pool.points = conservative.hold_overdue(now, -1, *running, *table, 0, pool.points)
            pool.reserved_s[:] = [conservative.NO_RESERVATION] * len(pool.queue)
            conservative.no_gain(pool.gain_s)
        elif pool.ended_early:
            conservative.gain(pool.gain_s, now, pool.overdue_until_s)
            most = profile.most_free(*table, pool.first, pool.points, *pool.gain_s)
            vacated_s = [math.inf, -math.inf]
            _, pool.points, _ = conservative.compress(
                most, *queue, 0, len(pool.queue), pool.gain_s, vacated_s, *table, pool.first, pool.points, pool.chosen
            )
            pool.gain_s = vacated_s
        for position, reserved_s in enumerate(pool.reserved_s[: self.depth]):
            if reserved_s == conservative.NO_RESERVATION:
                pool.points = conservative.place(position, *queue, *table, pool.first, pool.points)
        if overdue:
            pool.points = conservative.hold_overdue(now, 1, *running, *table, pool.first, pool.points)
            pool.overdue_until_s = now + 1.0
        return [position for position, reserved_s in enumerate(pool.reserved_s) if reserved_s == now]

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
            if self.order is None:
                self._charge(pool, job, self.procs[job])
        for position in reversed(positions):
            del pool.queue[position], pool.need[position], pool.estimate_s[position]
            if self.conservative:
                del pool.reserved_s[position]

    def _await_reservation(self, index: int, pool: _Pool) -> None:
        """Let the pool have a pass when its next reservation falls due."""
        due_s = min((one for one in pool.reserved_s if one != conservative.NO_RESERVATION), default=math.inf)
        if due_s < math.inf and due_s != pool.due_s:
            _Call(self.env, self._delay_until(due_s), SUBMISSION, self._fall_due, index)
        pool.due_s = due_s

    # -- the order of the queue

    def _set_keys(self, key: list[float], order: Order, jobs: list[int]) -> None:
        now = self.env.now
        for job in jobs:
            key[job] = order(now, self.submit_s[job], self.logged_estimate_s[job], self.procs[job])

    def _set_own_keys(self, jobs: list[int]) -> None:
        """Ask the user's own order, and make sure that it answers."""
        assert self.order is not None
        for job in jobs:
            facts = self.env.now, self.submit_s[job], self.logged_estimate_s[job], self.procs[job]
            self.key[job] = custom.key(self.order, self.policy.order, *facts)

    def _set_priorities(self, pool: _Pool) -> None:
        accounts = pool.usage, pool.using, pool.since_s
        for job in pool.queue:
            account = self.account[job]
            self.key[job] = multifactor.multifactor(
                self.env.now, self.submit_s[job], self.fixed_priority[job], account, self.share[account],
                self.weights, *accounts,
            )  # fmt: skip

    def _charge(self, pool: _Pool, job: int, procs: int) -> None:
        """Let the job's user, and all users, use more processors from now on, or fewer."""
        for account in (self.account[job], len(pool.usage) - 1):
            multifactor.charge(self.env.now, account, procs, pool.usage, pool.using, pool.since_s, self.weights[3])

    def _rank(self, job: int) -> tuple[float, int]:
        return self.key[job], job

    def _sort(self, pool: _Pool) -> None:
        if self.order is None:
            self._set_priorities(pool)
        elif self.policy.code:
            self._set_own_keys(pool.queue)
        else:
            self._set_keys(self.key, self.order, pool.queue)
        positions = sorted(range(len(pool.queue)), key=lambda position: self._rank(pool.queue[position]))
        pool.queue = [pool.queue[position] for position in positions]
        pool.need = [pool.need[position] for position in positions]
        pool.estimate_s = [pool.estimate_s[position] for position in positions]
        if self.conservative:
            pool.reserved_s = [pool.reserved_s[position] for position in positions]
