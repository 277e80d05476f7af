"""The SimPy model: the reference engine (semantics §2).

SimPy owns the clock; plain lists are the containers; the rules of :mod:`pwsim.rules` decide.  The priorities of
events make the order of a round (§2): completions; nodes that leave; nodes that arrive; submissions, reservations that
fall due and waits that run out; one event that gives a pass to each pool in which something happened, and then looks at
jobs that are due to move.  What these make happen at the same instant comes in the next round, by the same priorities.
The autoscaler comes last, when nothing is due any more.

Events are callbacks, not processes: a process a job costs several times as much and says no more.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import simpy
from simpy.core import EmptySchedule
from simpy.events import Event, EventPriority

from pwsim.common import HopelessError
from pwsim.engine.inputs import (
    FRUITLESS,
    Inputs,
    PoolInputs,
    as_lists,
    fruitless_error,
    full_error,
    lives,
    records,
    uptimes,
)
from pwsim.engine.model.clock import Call, delay_until
from pwsim.engine.model.nodes import Nodes, Packed
from pwsim.engine.outcome import REJECTED, Replay
from pwsim.rules import (
    ALL,
    HEAD,
    ORDERS,
    Key,
    Shares,
    attempts,
    backfill,
    conservative,
    custom,
    multifactor,
    pools,
    profile,
)

COMPLETION = EventPriority(0)
LEAVE = EventPriority(1)
ARRIVE = EventPriority(2)
SUBMISSION = EventPriority(3)
PASS = EventPriority(4)
AUTOSCALE = EventPriority(5)


class PoolState:
    """The containers of one pool."""

    def __init__(self, index: int, units: int, facts: PoolInputs, needs: list[int], shares: list[list[int]]) -> None:
        jobs = len(needs)
        self.index = index
        self.units = units
        self.facts = facts
        self.needs = needs
        """Units that each job would take here; 0 if it never can."""
        up = facts.least if facts.elastic else units
        self.nodes = Nodes(up) if facts.numbered else None
        self.packed: Packed | None = None
        if facts.packed:
            self.packed = Packed(up, units, facts.cores, facts.memory, facts.gpus, Shares(needs, *shares))
        self.fruitless = 0  # launches since a job last started here
        self.leaving = [0] * (units if facts.elastic else 0)
        self.free = up
        self.queued = 0  # units that the waiting jobs need
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
        self.takes: list[Taken] = []  # units that a user's processes wait for
        # Conservative backfilling alone:
        self.ended_early = False  # so that reservations may move forward
        self.due_s = math.inf  # the next reservation
        room = profile.room(jobs, units if facts.numbered else 0)
        self.profile_s = [0.0] * room
        self.profile_free = [up] * room
        self.first, self.points = 0, 1
        self.gain_s, self.vacated_s = [math.inf, -math.inf], [math.inf, -math.inf]
        self.overdue_until_s = -math.inf
        # Random draws of the pool's own (§6).
        self.lives_s: list[float] = []
        self.uptimes_s: dict[int, list[float]] = {}
        self.failures: dict[int, int] = {}
        self.lost = False  # a node has left, so that reservations may not hold

    def life_s(self, seed: int, launch: int) -> float:
        """Return how long a launched node lives [s]."""
        if launch >= len(self.lives_s):
            more = max(64, 2 * launch)
            self.lives_s = lives(seed, self.facts.name, self.facts.life_s, more).tolist()
        return self.lives_s[launch]

    def uptime_s(self, seed: int, node: int) -> float:
        """Return how long a node is up until its next failure [s]."""
        count = self.failures[node] = self.failures.get(node, -1) + 1
        drawn = self.uptimes_s.get(node, [])
        if count >= len(drawn):
            drawn = self.uptimes_s[node] = uptimes(
                seed, self.facts.name, node, self.facts.mtbf_s, max(16, 2 * count)
            ).tolist()
        return drawn[count]


@dataclass(eq=False)
class Taken:
    """Units of a pool that a process has taken away, or waits for."""

    pool: PoolState
    units: int
    """How many it wants."""
    for_s: float
    """How long the scheduler is told that they will be away [s]."""
    event: Event
    """What happens when they all have been taken."""
    held: int = 0
    """How many it has."""
    expected_s: float = 0.0
    """When the scheduler expects them back [s]."""


def _followers(inputs: Inputs) -> dict[int, list[int]]:
    """Return the jobs that are submitted after the end of each job."""
    followers: dict[int, list[int]] = {}
    for job in np.flatnonzero(inputs.follows >= 0).tolist():
        followers.setdefault(int(inputs.follows[job]), []).append(job)
    return followers


class Simulation:
    """One replay on the SimPy clock.

    Parameters
    ----------
    inputs
        The jobs and pools as arrays.
    """

    def __init__(self, inputs: Inputs) -> None:  # noqa: PLR0915 - the state of a replay, a line for each part
        self.env = simpy.Environment()
        self.inputs = inputs
        self.steady = inputs.steady
        self.policy = inputs.policy
        self.conservative = inputs.policy.rule.holds == ALL
        self.easy = inputs.policy.rule.holds == HEAD
        self.order = inputs.order
        self.dynamic = inputs.dynamic
        self.depth = inputs.depth or len(inputs.pool)
        self.priorities = as_lists(inputs.priorities)
        self.pool_of = inputs.pool.tolist()
        self.submit_s = inputs.submit_s.tolist()
        self.procs = inputs.procs.tolist()
        self.logged_estimate_s = inputs.logged_estimate_s.tolist()
        self.run_s = inputs.run_s.tolist()
        jobs = len(self.submit_s)
        # Of the present attempt of each job, in its present pool.
        self.need = inputs.need.tolist()
        self.held_s = inputs.held_s.tolist()
        self.estimate_s = inputs.estimate_s.tolist()
        self.began_s = [math.nan] * jobs
        self.expected_s = [0.0] * jobs
        self.completion: list[Call | None] = [None] * jobs
        # What has become of each job.
        self.start_s = [math.nan] * jobs
        self.end_s = [math.nan] * jobs
        self.killed = inputs.killed.tolist()
        self.failed = [False] * jobs
        self.restarts = [0] * jobs
        self.kept_s = [0.0] * jobs
        self.waits_since_s = list(self.submit_s)
        self.attempts: list[tuple[int, int, float, float, float]] = []
        self.waits: list[tuple[int, int, float, float]] = []
        self.placed: list[tuple[int, int, float, float, int, int]] = []
        self.queued_since_s = list(self.submit_s)
        self.pools = [
            PoolState(index, units, facts, needs, inputs.shares[:, index].tolist())
            for index, (units, facts, needs) in enumerate(
                zip(inputs.units, inputs.pools, inputs.needs.tolist(), strict=True)
            )
        ]
        self.elastic = [pool for pool in self.pools if pool.facts.elastic]
        self.bursting = [pool for pool in self.pools if pool.facts.burst_s < math.inf]
        # A rejected job's submission makes nothing happen (§1).
        served = inputs.pool != REJECTED
        self.remaining = int(np.count_nonzero(served))
        self.followers = _followers(inputs)
        self.think_s = inputs.think_s.tolist()
        self.arrivals = np.flatnonzero(served & (inputs.follows < 0)).tolist()
        self.arrived = 0
        self.due: list[int] = []  # waiting jobs that are due to move to a later pool
        self.pass_is_due = False
        self.autoscaler_is_due = False
        # What a user wants to know of (:class:`pwsim.engine.model.hooks.Model`).
        self.on_start: list[Callable[[int], object]] = []
        self.on_end: list[Callable[[int], object]] = []
        self.on_pass: list[Callable[[str], object]] = []
        self.by_job = inputs.policy.order == "fcfs" and not inputs.closed  # then submissions are in job order
        self.key, self.passing_key = [0.0] * jobs, [0.0] * jobs
        self._rank_jobs(range(jobs))

    def run(self) -> Replay:
        """Replay all jobs.

        Raises
        ------
        HopelessError
            If an elastic pool launches nodes again and again that never run a job, or a user's process has taken what
            jobs need for ever.
        """
        if self.arrivals:
            self._await_submission()
            for pool in self.pools:
                if pool.nodes is not None:
                    for number in list(pool.nodes.idle):
                        self._await_leaving(pool, number)
        step = self.env.step
        try:
            while self.remaining:
                step()
        except EmptySchedule:
            raise HopelessError(
                f"{self.remaining:,} jobs wait for units that a process has taken and never gives back"
            ) from None
        return self._replay()

    def _replay(self) -> Replay:
        end = self.env.now
        spans = [
            (pool.index, *span[:3], span[3] if len(span) > 3 else end)
            for pool in self.pools
            if pool.nodes is not None
            for span in pool.nodes.spans
        ]
        return Replay(
            engine="simpy",
            pool=np.array(self.pool_of, dtype=np.int64),
            start_s=np.array(self.start_s),
            end_s=np.array(self.end_s),
            killed=np.array(self.killed, dtype=bool),
            failed=np.array(self.failed, dtype=bool),
            restarts=np.array(self.restarts, dtype=np.int64),
            submit_s=np.array(self.submit_s) if self.inputs.closed else None,
            **records(self.inputs, (self.attempts, self.waits, spans, self.placed), end),
        )

    # -- what happens

    def _await_submission(self) -> None:
        delay_s = delay_until(self.env.now, self.submit_s[self.arrivals[self.arrived]])
        Call(self.env, delay_s, SUBMISSION, self._submit)

    def _submit(self, _: Call) -> None:
        now = self.env.now
        arrivals, submit_s, following = self.arrivals, self.submit_s, self.arrived
        while following < len(arrivals) and submit_s[arrivals[following]] <= now:
            self._submit_job(arrivals[following])
            following += 1
        self.arrived = following
        if following < len(arrivals):
            self._await_submission()

    def _enter(self, pool: PoolState, job: int) -> None:
        """Let a job wait in the queue of a pool, at its place."""
        position = len(pool.queue)
        if not self.by_job:
            position = bisect_left(pool.queue, self._rank(job), key=self._rank)
        elif position and pool.queue[-1] > job:  # it comes back, or from another pool
            position = bisect_left(pool.queue, job)
        pool.queue.insert(position, job)
        pool.need.insert(position, self.need[job])
        pool.estimate_s.insert(position, self.estimate_s[job])
        pool.queued += self.need[job]
        self.queued_since_s[job] = self.env.now
        if self.conservative:
            pool.reserved_s.insert(position, conservative.NO_RESERVATION)
        self._touch(pool)

    def _complete(self, event: Call) -> None:
        job = event.subject
        if self.completion[job] is not event:  # the attempt was interrupted
            return
        pool = self.pools[self.pool_of[job]]
        self._end_attempt(pool, job, attempts.worked(self.held_s[job], self.restarts[job], pool.facts.overhead_s))
        self._end(job)

    def _end(self, job: int) -> None:
        """Note the end of a job; those that follow it are submitted after their think times."""
        self.end_s[job] = self.env.now
        self.remaining -= 1
        for follower in self.followers.get(job, ()):
            submit_s = self.env.now + self.think_s[follower]
            self.submit_s[follower] = self.waits_since_s[follower] = submit_s
            if self.pool_of[follower] != REJECTED:
                Call(self.env, delay_until(self.env.now, submit_s), SUBMISSION, self._submit_follower, follower)
        for call in self.on_end:
            call(job)

    def _submit_follower(self, event: Call) -> None:
        self._rank_jobs([event.subject])
        self._submit_job(event.subject)

    def _submit_job(self, job: int) -> None:
        self._enter(self.pools[self.pool_of[job]], job)
        if self.bursting:
            self._await_bursts(job)

    def _end_attempt(self, pool: PoolState, job: int, done_s: float) -> None:
        """Take a job off its units, at its end or at an interruption; of the attempt, some seconds count."""
        now = self.env.now
        units, expected_s = self.need[job], self.expected_s[job]
        self.completion[job] = None
        if not self.steady:  # else each job has one attempt, from its start to its end
            self.attempts.append((job, pool.index, self.began_s[job], now, done_s))
        pool.free += units
        if pool.nodes is not None:
            pool.nodes.give_back(job, now)
            self._await_idle_timeout(pool)
        index = bisect_left(pool.release_s, expected_s)
        if pool.packed is not None:
            index = pool.packed.running.index(job, index)
            del pool.packed.running[index]
            pool.packed.free(job)
            for node, bits in pool.packed.shares_of(job):
                self.placed.append((job, pool.index, self.began_s[job], now, node, bits))
        else:
            while pool.release_need[index] != units:  # jobs of one size and expected end are interchangeable here
                index += 1
        del pool.release_s[index], pool.release_need[index]
        if self.order is None:
            self._charge(pool, job, -1.0)
        self._gain(pool, expected_s, units)
        self._touch(pool)

    def _gain(self, pool: PoolState, expected_s: float, units: int) -> None:
        """Note in the profile that units are free before their expected time."""
        now = self.env.now
        if self.conservative and now < expected_s:
            pool.ended_early = True
            conservative.gain(pool.gain_s, now, expected_s)
            pool.points = profile.change(
                pool.profile_s, pool.profile_free, pool.first, pool.points, now, expected_s, units
            )

    def _fall_due(self, event: Call) -> None:
        pool = self.pools[event.subject]
        if pool.due_s == self.env.now:  # else the reservation has moved since
            self._touch(pool)

    def _touch(self, pool: PoolState) -> None:
        pool.dirty = True
        self._await_pass()

    def _await_pass(self) -> None:
        if not self.pass_is_due:
            self.pass_is_due = True
            Call(self.env, 0.0, PASS, self._pass_each)
        if self.elastic:
            self._await_autoscaler()

    # -- passes

    def _pass_each(self, _: Call) -> None:
        self.pass_is_due = False
        for pool in self.pools:
            if pool.dirty:
                pool.dirty = False
                if pool.takes:
                    self._take_units(pool)
                if pool.queue:
                    self._pass(pool)
                else:
                    conservative.no_gain(pool.gain_s)
                pool.ended_early = pool.lost = False
                for call in self.on_pass:
                    call(pool.facts.name)
        if self.due:
            self._move_jobs()

    def _pass(self, pool: PoolState) -> None:
        now = self.env.now
        if self.dynamic:
            self._sort(pool)
        if self.conservative:
            self._pass_reserving(pool)
            return
        if pool.packed is not None:
            self._pass_packed(pool, pool.packed)
            return
        begun = backfill.heads(pool.free, pool.need, 0, len(pool.queue))
        if begun:
            self._start(pool, range(begun))
        # The least need tells at once whether there is anybody who could pass the head, which itself does not fit.
        if self.easy and pool.queue and min(pool.need) <= pool.free:
            arrive_s: Sequence[float] = pool.nodes.arrive_s if pool.nodes is not None else ()
            shadow_s, extra = backfill.reservation(
                now,
                pool.free,
                pool.need[0],
                pool.release_s,
                pool.release_need,
                len(pool.release_s),
                arrive_s,
                len(arrive_s),
            )
            end = min(len(pool.queue), 1 + self.depth)
            if self.policy.passing_order:
                self._start(pool, self._pass_in_order(pool, shadow_s, extra, end))
                return
            count, _, _ = backfill.easy(
                now, pool.free, shadow_s, extra, pool.need, pool.estimate_s, 1, end, pool.chosen
            )
            if count:
                self._start(pool, pool.chosen[:count])

    def _pass_packed(self, pool: PoolState, packed: Packed) -> None:
        """Give a packed pool its pass (§5)."""
        self._start(pool, range(packed.place_heads(pool.queue)))
        if self.easy and len(pool.queue) > 1:
            assert pool.nodes is not None
            tried = self._tried(pool, min(len(pool.queue), 1 + self.depth))
            passed = packed.place_past_head(
                self.env.now,
                pool.queue[0],
                pool.release_s,
                pool.nodes.arrive_s,
                [pool.queue[position] for position in tried],
                [pool.estimate_s[position] for position in tried],
            )
            self._start(pool, sorted(tried[index] for index in passed))

    def _tried(self, pool: PoolState, end: int) -> Sequence[int]:
        """Return the positions of the queue behind the head in the order in which they are tried."""
        if not self.policy.passing_order:
            return range(1, end)
        return sorted(
            range(1, end), key=lambda position: (self.passing_key[pool.queue[position]], pool.queue[position])
        )

    def _pass_in_order(self, pool: PoolState, shadow_s: float, extra: int, end: int) -> list[int]:
        """Return the positions of the jobs that may pass the head, tried in an order of their own."""
        tried = self._tried(pool, end)
        need, estimate_s = [pool.need[one] for one in tried], [pool.estimate_s[one] for one in tried]
        count, _, _ = backfill.easy(
            self.env.now, pool.free, shadow_s, extra, need, estimate_s, 0, len(tried), pool.chosen
        )
        return sorted(tried[index] for index in pool.chosen[:count])

    def _pass_reserving(self, pool: PoolState) -> None:
        """Give a pool its pass where jobs hold reservations; the next comes when one falls due, if not before."""
        now, waiting = self.env.now, len(pool.queue)
        arrive_s: Sequence[float] = pool.nodes.arrive_s if pool.nodes is not None else ()
        pool.first, pool.points, pool.overdue_until_s = conservative.renew(
            now, pool.free, pool.ended_early, pool.lost, self.depth, pool.need, pool.estimate_s, pool.reserved_s,
            waiting, pool.release_s, pool.release_need, len(pool.release_s), arrive_s, len(arrive_s), pool.gain_s,
            pool.vacated_s, pool.overdue_until_s, pool.profile_s, pool.profile_free, pool.first, pool.points,
            pool.chosen,
        )  # fmt: skip
        if profile.full(pool.profile_s, pool.points):
            raise full_error(pool.facts.name)
        begun, due_s = conservative.due(now, pool.reserved_s, waiting, pool.chosen)
        self._start(pool, pool.chosen[:begun])
        if due_s < math.inf and due_s != pool.due_s:
            Call(self.env, delay_until(self.env.now, due_s), SUBMISSION, self._fall_due, pool.index)
        pool.due_s = due_s

    def _start(self, pool: PoolState, positions: range | list[int]) -> None:
        """Start the jobs at some positions of the queue (increasing), and take them out of it."""
        now = self.env.now
        for position in positions:
            job = pool.queue[position]
            self.began_s[job] = now
            if math.isnan(self.start_s[job]):
                self.start_s[job] = now
            pool.free -= self.need[job]
            pool.fruitless = 0
            expected_s = self.expected_s[job] = now + self.estimate_s[job]
            index = bisect_left(pool.release_s, expected_s)
            if pool.packed is not None:
                pool.packed.running.insert(index, job)
            if pool.nodes is not None:
                shares = pool.packed.shares_of(job) if pool.packed else []
                numbers = [number for number, _ in shares] if pool.packed else pool.nodes.idle[: self.need[job]]
                pool.nodes.take(numbers, job)
            pool.release_s.insert(index, expected_s)
            pool.release_need.insert(index, self.need[job])
            self.completion[job] = Call(self.env, self.held_s[job], COMPLETION, self._complete, job)
            if self.order is None:
                self._charge(pool, job, 1.0)
            for call in self.on_start:
                call(job)
        for position in reversed(positions):
            self._take_out(pool, position)

    def _take_out(self, pool: PoolState, position: int) -> None:
        """Take a job out of the queue."""
        pool.queued -= pool.need[position]
        if not self.steady:  # else each job has one wait, from its submission to its start
            job = pool.queue[position]
            self.waits.append((job, pool.index, self.queued_since_s[job], self.env.now))
        del pool.queue[position], pool.need[position], pool.estimate_s[position]
        if self.conservative:
            del pool.reserved_s[position]

    # -- units that a user's processes take away

    def take(self, pool: PoolState, units: int, for_s: float) -> Event:
        """Let units be taken away as they become free, before any job gets them; return the event of having all."""
        taken = Taken(pool, units, for_s, self.env.event())
        pool.takes.append(taken)
        # A running job has its point in the profile, and so has what is taken.
        pool.profile_s += [0.0, 0.0]
        pool.profile_free += [0, 0]
        self._touch(pool)
        return taken.event

    def give_back(self, taken: Taken) -> None:
        """Let jobs have the units again."""
        self._hold(taken, -taken.held)
        self._touch(taken.pool)

    def _take_units(self, pool: PoolState) -> None:
        """Take what is free for those who wait for it, first come, first served."""
        while pool.takes and pool.free:
            taken = pool.takes[0]
            self._hold(taken, min(pool.free, taken.units - taken.held))
            pool.lost = True  # so that reservations are looked at, which may count on these units
            if taken.held == taken.units:
                del pool.takes[0]
                taken.event.succeed(taken)

    def _hold(self, taken: Taken, units: int) -> None:
        """Let more units be held, or fewer; to the scheduler it is a job that is expected to end ``for_s`` from now."""
        pool, now = taken.pool, self.env.now
        if taken.held:
            index = bisect_left(pool.release_s, taken.expected_s)
            while pool.release_need[index] != taken.held:
                index += 1
            del pool.release_s[index], pool.release_need[index]
            self._gain(pool, taken.expected_s, taken.held)
        pool.free -= units
        taken.held += units
        if taken.held:
            taken.expected_s = now + taken.for_s
            index = bisect_left(pool.release_s, taken.expected_s)
            pool.release_s.insert(index, taken.expected_s)
            pool.release_need.insert(index, taken.held)
            if self.conservative:
                table = pool.profile_s, pool.profile_free
                pool.first, pool.points = profile.advance(now, *table, pool.first, pool.points)
                pool.points = profile.change(*table, pool.first, pool.points, now, taken.expected_s, -taken.held)

    # -- jobs that move to a later pool (§5)

    def _await_bursts(self, job: int) -> None:
        """Let a job that waits from now on be due to move when its wait has lasted that long."""
        for pool in self.bursting:
            if pool.index > self.pool_of[job] and pool.needs[job]:
                delay_s = delay_until(self.env.now, self.waits_since_s[job] + pool.facts.burst_s)
                Call(self.env, delay_s, SUBMISSION, self._burst_is_due, job)

    def _burst_is_due(self, event: Call) -> None:
        job = event.subject
        if self._waits(job) and self._burst_pools(job):
            if job not in self.due:
                insort(self.due, job)
            self._await_pass()

    def _waits(self, job: int) -> bool:
        return self.completion[job] is None and math.isnan(self.end_s[job])

    def _burst_pools(self, job: int) -> list[PoolState]:
        """Return the pools to which a waiting job is due to move."""
        now = self.env.now
        return [
            pool
            for pool in self.bursting
            if pool.index > self.pool_of[job]
            and pools.may_move(now, self.waits_since_s[job], pool.facts.burst_s, pool.needs[job])
        ]

    def _move_jobs(self) -> None:
        """Let each job that is due move to the first pool that has room for it."""
        for job in list(self.due):
            later = self._burst_pools(job) if self._waits(job) else []
            for pool in later:
                if self._has_room(pool, job):
                    self._move(job, pool)
                    later = self._burst_pools(job)
                    break
            if not later:
                self.due.remove(job)

    def _has_room(self, pool: PoolState, job: int) -> bool:
        if pool.packed is None:
            return pools.has_room(pool.units, sum(pool.release_need), pool.queued, pool.needs[job])
        assert pool.nodes is not None
        return pool.packed.has_room(pool.queue, len(pool.nodes.jobs), job)

    def _move(self, job: int, to: PoolState) -> None:
        pool = self.pools[self.pool_of[job]]
        position = pool.queue.index(job)
        if self.conservative and pool.reserved_s[position] != conservative.NO_RESERVATION:
            pool.points = conservative.give_up(
                position,
                pool.need,
                pool.estimate_s,
                pool.reserved_s,
                pool.gain_s,
                pool.profile_s,
                pool.profile_free,
                pool.first,
                pool.points,
            )
        pool.ended_early = True
        self._take_out(pool, position)
        self._touch(pool)
        self.pool_of[job] = to.index
        self._set_attempt(to, job)
        self._enter(to, job)

    def _set_attempt(self, pool: PoolState, job: int) -> None:
        """Work out how long the next attempt of a job takes in a pool."""
        self.need[job] = pool.needs[job]
        length_s, estimate_s = attempts.attempt(
            self.run_s[job],
            self.logged_estimate_s[job],
            pool.facts.speed,
            self.kept_s[job],
            self.restarts[job],
            pool.facts.overhead_s,
        )
        self.killed[job] = attempts.is_killed(length_s, estimate_s, self.inputs.overrun == "kill")
        self.held_s[job] = estimate_s if self.killed[job] else length_s
        self.estimate_s[job] = estimate_s

    # -- nodes that come and go (§6)

    def _await_leaving(self, pool: PoolState, number: int) -> None:
        """Let a node leave when its life ends, or when it fails."""
        facts = pool.facts
        assert pool.nodes is not None
        if facts.life_s < math.inf:
            delay_s = delay_until(self.env.now, self.env.now + pool.life_s(self.inputs.seed, number))
            Call(self.env, delay_s, LEAVE, self._leave, pool.index, number)
        if facts.mtbf_s < math.inf:
            delay_s = delay_until(self.env.now, self.env.now + pool.uptime_s(self.inputs.seed, number))
            Call(self.env, delay_s, LEAVE, self._leave, pool.index, number)

    def _leave(self, event: Call) -> None:
        """Let a node be taken back, or fail; its job is interrupted."""
        now = self.env.now
        pool, number = self.pools[event.subject], event.node
        nodes = pool.nodes
        assert nodes is not None
        if not nodes.there(number):  # it was shut down before
            return
        for job in sorted(nodes.jobs.get(number, ())):
            self._interrupt(pool, job)
        if pool.packed is not None and number not in nodes.coming:
            pool.packed.remove(number)
        from_s = nodes.coming.get(number, now)
        if number not in nodes.coming:
            pool.free -= 1
        nodes.leave(number, now)
        pool.lost = True
        self._shift_capacity(pool, from_s, -1)
        if pool.facts.mtbf_s < math.inf:
            self._bring(pool, number, pool.facts.repair_s)
        self._touch(pool)

    def _interrupt(self, pool: PoolState, job: int) -> None:
        """Let a job return to the queue it came from, with what its last checkpoint has kept; or give it up."""
        facts = pool.facts
        counts_s, kept_s, given_up = attempts.interruption(
            self.env.now - self.began_s[job],
            self.restarts[job],
            facts.overhead_s,
            facts.checkpoint_s,
            facts.speed,
            facts.max_restarts,
        )
        self.kept_s[job] += kept_s
        self._end_attempt(pool, job, counts_s)
        pool.ended_early = True
        if given_up:
            self.failed[job] = True
            self.killed[job] = False
            self._end(job)
            return
        self.restarts[job] += 1
        self.waits_since_s[job] = self.env.now
        self._set_attempt(pool, job)
        self._enter(pool, job)
        if self.bursting:
            self._await_bursts(job)

    def _bring(self, pool: PoolState, number: int, delay_s: float) -> None:
        """Let a node be up after a boot or a repair."""
        assert pool.nodes is not None
        arrive_s = self.env.now + delay_s
        pool.nodes.launch(number, self.env.now, arrive_s)
        Call(self.env, delay_s, ARRIVE, self._arrive, pool.index, number)
        if self.conservative:
            conservative.gain(pool.gain_s, arrive_s, math.inf)
        self._shift_capacity(pool, arrive_s, 1)

    def _shift_capacity(self, pool: PoolState, from_s: float, units: int) -> None:
        """Note in the profile that units come or go for good."""
        if self.conservative:
            table = pool.profile_s, pool.profile_free
            pool.first, pool.points = profile.advance(self.env.now, *table, pool.first, pool.points)
            pool.points = profile.shift(*table, pool.first, pool.points, from_s, units)

    def _arrive(self, event: Call) -> None:
        pool, number = self.pools[event.subject], event.node
        assert pool.nodes is not None
        if pool.nodes.coming.get(number) != self.env.now:  # it was taken back before
            return
        pool.nodes.arrive(number, self.env.now)
        if pool.packed is not None:
            pool.packed.add(number)
        pool.free += 1
        pool.ended_early = True
        self._await_idle_timeout(pool)
        if pool.facts.mtbf_s < math.inf:
            self._await_leaving(pool, number)
        self._touch(pool)

    def _await_idle_timeout(self, pool: PoolState) -> None:
        if pool.facts.idle_s < math.inf:
            Call(self.env, delay_until(self.env.now, self.env.now + pool.facts.idle_s), SUBMISSION, self._wake)

    def _wake(self, _: Call) -> None:
        self._await_autoscaler()

    def _await_autoscaler(self) -> None:
        if not self.autoscaler_is_due:
            self.autoscaler_is_due = True
            Call(self.env, 0.0, AUTOSCALE, self._autoscale)

    def _autoscale(self, _: Call) -> None:
        """Launch the nodes that waiting jobs need, and shut down those that have been idle for long."""
        self.autoscaler_is_due = False
        for pool in self.elastic:
            nodes, facts = pool.nodes, pool.facts
            assert nodes is not None
            idle, busy, booting = len(nodes.idle), len(nodes.jobs), len(nodes.coming)
            queued = pool.packed.filled(pool.queue, pool.units) if pool.packed else pool.queued
            wanted = pools.launches(queued, idle, busy, booting, pool.units, facts.least)
            for _number in range(wanted):
                self._launch(pool)
            self._shut_down_idle(pool)

    def _launch(self, pool: PoolState) -> None:
        assert pool.nodes is not None
        number = pool.nodes.launched
        pool.nodes.launched += 1
        pool.fruitless = pool.fruitless + 1 if pool.queue else 0
        if pool.fruitless >= FRUITLESS:
            raise fruitless_error(pool.facts.name)
        self._bring(pool, number, pool.facts.boot_s)
        self._await_leaving(pool, number)
        pool.ended_early = True

    def _shut_down_idle(self, pool: PoolState) -> None:
        now, nodes, facts = self.env.now, pool.nodes, pool.facts
        assert nodes is not None
        count = pools.shut_down(
            now,
            len(pool.queue),
            nodes.idle,
            len(nodes.idle),
            nodes.idle_since_s,
            facts.idle_s,
            len(nodes.jobs),
            facts.least,
            pool.leaving,
        )
        for number in pool.leaving[:count]:
            nodes.leave(number, now)
            if pool.packed is not None:
                pool.packed.remove(number)
            pool.free -= 1
            self._shift_capacity(pool, now, -1)

    # -- the order of the queue

    def _rank_jobs(self, jobs: Sequence[int]) -> None:
        """Work out the keys of jobs by orders that do not change."""
        if self.order is not None and not self.by_job and not self.dynamic:
            self._set_keys(self.key, self.order, jobs)
        if self.policy.passing_order:
            passing = ORDERS[self.policy.passing_order].key
            assert passing is not None
            self._set_keys(self.passing_key, passing, jobs)

    def _set_keys(self, key: list[float], order: Key, jobs: Sequence[int]) -> None:
        now = self.env.now
        for job in jobs:
            key[job] = order(now, self.submit_s[job], self.logged_estimate_s[job], self.procs[job])

    def _set_own_keys(self, jobs: list[int]) -> None:
        """Ask the user's own order, and make sure that it answers."""
        assert self.order is not None
        for job in jobs:
            facts = self.env.now, self.submit_s[job], self.logged_estimate_s[job], self.procs[job]
            self.key[job] = custom.key(self.order, self.policy.order, *facts)

    def _set_priorities(self, pool: PoolState) -> None:
        book, waiting = self.priorities.book[pool.index], len(pool.queue)
        multifactor.set_keys(self.env.now, book, pool.queue, waiting, self.submit_s, self.key, self.priorities)

    def _charge(self, pool: PoolState, job: int, sign: float) -> None:
        """Let the job's user, and all above, use from now on what it counts, or no longer."""
        multifactor.charge_job(self.env.now, job, sign, self.priorities.book[pool.index], self.priorities)

    def _rank(self, job: int) -> tuple[float, int]:
        return self.key[job], job

    def _sort(self, pool: PoolState) -> None:
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
