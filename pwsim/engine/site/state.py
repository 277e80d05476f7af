"""The containers of a replay under site rules, and what starts, ends and interruptions do to them (semantics §9).

Both engines use these functions, SimPy as they stand and with lists, the other compiled and with arrays; each has a
clock of its own.  What is to happen later is put down in an *agenda*, ``(time, kind, one, other)``, which the engine
takes over into its clock.  All functions are index loops, in the subset of Python that numba compiles; a table by
queue or pool is a sequence of sequences.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

from pwsim.engine.site.nodes import Nodes, give_nodes, take_nodes
from pwsim.rules import (
    ALL,
    HEAD,
    LOOKED_AT,
    NO_RESERVATION,
    Priorities,
    attempt,
    charge_job,
    cut,
    is_killed,
    kept_work,
    place_of,
    put,
)
from pwsim.rules import gain as note_gain
from pwsim.rules.site import (
    NOT_UNDER,
    Site,
    away_now,
    count,
    pools_of,
    shift_job,
    shift_part,
)

COMPLETION, LEAVE, OUTAGE, ARRIVE, RETURN, OPENING, REJECTION, RESERVATION, BURST, WAKE, TICK = range(11)
"""Kinds of what happens, in the order of a round: a job ends, a node leaves, an outage begins, a node arrives,
an outage ends, hours open, a job is rejected that others wait for, a reservation or a pass with a plan falls due, a job
has waited so long that it may move, nodes have been idle for long, a multiple of the scheduler's period comes."""
EASY, CONSERVATIVE, REPLAN = HEAD, ALL, LOOKED_AT
"""Backfill rules, by who holds a reservation."""
BOOK = 0
"""Use counts in the cluster as a whole: there is one book of it (:mod:`pwsim.rules.multifactor`)."""
NOT_PREEMPTED, PREEMPTED = range(2)
"""Whether an interruption counts in ``max_restarts``: not one by jobs of a higher tier."""


class Settings(NamedTuple):
    """What does not change in a replay."""

    backfill: int
    """Who holds a reservation (:class:`pwsim.rules.Rule`)."""
    kills: bool
    """Whether jobs end at their estimates."""
    delay_s: float
    """From the decision to start a job until it runs [s]."""
    depth: int
    """How many jobs that are not held a pass looks at, behind the first guard or in all."""
    backfill_period_s: float
    """With plans made anew, passes plan at multiples of this alone [s]; 0: each does."""
    preempts: bool
    """Whether jobs of higher tiers preempt those of lower ones."""
    passing: bool
    """Whether jobs behind the first guard are tried in an order of their own."""


class Pools(NamedTuple):
    """Facts of pools."""

    speed: Sequence[float]
    """Speed of the nodes."""
    overhead_s: Sequence[float]
    """Restart overhead [s]."""
    checkpoint_s: Sequence[float]
    """Interval between checkpoints [s]; 0 without."""
    max_restarts: Sequence[int]
    """Restarts after which the next interruption ends a job."""


class Jobs(NamedTuple):
    """What is known of each job, and what has become of it."""

    submit_s: Sequence[float]
    """Submission [s]."""
    run_s: Sequence[float]
    """Run time of the log [s]."""
    estimate_s: Sequence[float]
    """Estimate of the log [s]."""
    procs: Sequence[int]
    """Processors."""
    row: MutableSequence[int]
    """The queue in which it waits."""
    rules: Sequence[int]
    """The hours rules that it is under, as bits."""
    key: MutableSequence[float]
    """Its place in the queue, within its tier; ties go by job order."""
    passing_key: MutableSequence[float]
    """Its place among those behind the first guard."""
    runs: MutableSequence[bool]
    """Whether it runs."""
    speed: MutableSequence[float]
    """The slowest speed among the pools that it uses."""
    began_s: MutableSequence[float]
    """When the decision to start the present attempt was taken [s]."""
    held_s: MutableSequence[float]
    """How long the attempt runs if nothing cuts it off [s]."""
    ends_s: MutableSequence[float]
    """When it ends [s]."""
    release_s: MutableSequence[float]
    """When it is expected to [s]."""
    start_s: MutableSequence[float]
    """First start; NaN before [s]."""
    end_s: MutableSequence[float]
    """End; NaN before [s]."""
    killed: MutableSequence[bool]
    """Whether it is ended at its estimate."""
    failed: MutableSequence[bool]
    """Whether it was given up."""
    restarts: MutableSequence[int]
    """Attempts before the present one."""
    counted: MutableSequence[int]
    """Those of them that count in ``max_restarts``."""
    kept_s: MutableSequence[float]
    """Work that checkpoints have kept, in seconds at speed 1 [s]."""
    queued_s: MutableSequence[float]
    """When it entered the queue [s]."""
    pool: MutableSequence[int]
    """The first of the pools that it uses, or used last."""
    next_group: Sequence[int]
    """Where the list of groups begins in which others wait for each job, and after the last the length of all."""
    group: Sequence[int]
    """Groups of jobs that others wait for (:mod:`pwsim.trace.dependencies`), one list after another."""
    left: MutableSequence[int]
    """How many jobs of each group have not come to an end yet."""
    next_after: Sequence[int]
    """Where the list of jobs begins that wait for each group, and after the last the length of all."""
    after: Sequence[int]
    """Jobs that wait for groups, one list after another."""


class Queues(NamedTuple):
    """The queues, a row each."""

    job: Sequence[MutableSequence[int]]
    """Waiting jobs, in their order."""
    length: MutableSequence[int]
    """How many they are."""
    dirty: MutableSequence[bool]
    """Whether something happened since the last pass."""
    early: MutableSequence[bool]
    """Whether units have become free, so that reservations may move forward."""
    lost: MutableSequence[bool]
    """Whether units were lost, so that reservations may not hold."""
    due_s: MutableSequence[float]
    """The next reservation, or the next pass that plans anew [s]."""
    under: Sequence[MutableSequence[int]]
    """How many of the waiting jobs count under each counter of the limits."""
    look: MutableSequence[int]
    """Room for the jobs in the order in which a pass looks at them, where that is not the queue's."""
    cursor: MutableSequence[int]
    """Where a pass stands (:func:`pwsim.rules.site.guards.walk`)."""
    chosen: MutableSequence[int]
    """Room for jobs that are preempted."""
    returning: MutableSequence[int]
    """Jobs that were preempted in the pass that is under way, and return to the queue after it."""


class Bursts(NamedTuple):
    """Jobs that have waited for long, and move; without entries where no pool takes them."""

    after_s: Sequence[float]
    """Wait after which jobs of earlier pools move to each pool [s]; infinite if they never do."""
    door: Sequence[int]
    """The door of each pool that no partition names, or -1."""
    need: Sequence[Sequence[int]]
    """What each job would take of each pool, 0 if it never can; a row a pool."""
    cores: Sequence[Sequence[int]]
    """Cores of a share there."""
    memory: Sequence[Sequence[int]]
    """Memory of a share there [MiB]."""
    milli: Sequence[Sequence[int]]
    """Thousandths of a GPU of a share there."""
    amount: Sequence[Sequence[int]]
    """What it would count there under each limit; the limits of a pool one after another."""
    counter: Sequence[Sequence[int]]
    """Its counter under each limit once it has moved."""
    own_door: Sequence[int]
    """The door that each job came through."""
    own_need: Sequence[int]
    """What it takes there."""
    own_cores: Sequence[int]
    """Cores of a share there."""
    own_milli: Sequence[int]
    """Thousandths of a GPU of a share there."""
    own_amount: Sequence[Sequence[int]]
    """What it counts there under each limit."""
    own_counter: Sequence[Sequence[int]]
    """Its counter under each limit there."""
    since_s: MutableSequence[float]
    """Since when it waits: its submission, or its last interruption [s]."""
    due: MutableSequence[int]
    """Jobs that are due to move, in job order."""
    fresh: MutableSequence[int]
    """Jobs that have begun to wait since their bursts were last looked at."""
    dues: MutableSequence[int]
    """How many are due; whether some are that no round has looked at; and how many are fresh."""


class State(NamedTuple):
    """A replay as it stands."""

    settings: Settings
    """What does not change."""
    pools: Pools
    """Facts of pools."""
    jobs: Jobs
    """The jobs."""
    queues: Queues
    """The queues."""
    site: Site
    """What the passes look at."""
    priorities: Priorities
    """What ``multifactor`` knows of jobs and users; next to nothing under other orders."""
    nodes: Nodes
    """Nodes that come and go."""
    bursts: Bursts
    """Jobs that move."""


# -- queues


def precedes(one: int, other: int, state: State) -> bool:
    """Return whether a job comes before another in a queue: by tier, by the policy, in job order."""
    site, jobs = state.site, state.jobs
    tier, other_tier = site.doors.tier[site.waiting.door[one]], site.doors.tier[site.waiting.door[other]]
    if tier != other_tier:
        return tier > other_tier
    if jobs.key[one] != jobs.key[other]:
        return jobs.key[one] < jobs.key[other]
    return one < other


def enter(now: float, job: int, state: State) -> None:
    """Let a job wait in its queue, at its place."""
    queues, row = state.queues, state.jobs.row[job]
    set_length(job, state)
    waiting, low, high = queues.job[row], 0, queues.length[row]
    if high and precedes(waiting[high - 1], job, state):
        low = high
    while low < high:
        middle = (low + high) // 2
        if precedes(waiting[middle], job, state):
            low = middle + 1
        else:
            high = middle
    put(waiting, queues.length[row], low, job)
    queues.length[row] += 1
    queues.dirty[row] = True
    state.jobs.queued_s[job] = now
    count_waiting(job, 1, state)
    if len(state.bursts.since_s):
        state.bursts.since_s[job] = now
        state.bursts.fresh[state.bursts.dues[2]] = job
        state.bursts.dues[2] += 1


def count_waiting(job: int, sign: int, state: State) -> None:
    """Count a job among those that wait under limits (1), or no longer (-1)."""
    caps, under = state.site.caps, state.queues.under[state.jobs.row[job]]
    for limit in range(len(caps.counter)):
        if caps.counter[limit][job] != NOT_UNDER:
            under[caps.counter[limit][job]] += sign


def leave_started(
    now: float, row: int, state: State, waits: MutableSequence[tuple[float, float, float, float]]
) -> None:
    """Take the jobs that have started out of a queue, and those that have come to an end in it."""
    queues, jobs, runs, failed = state.queues, state.jobs, state.jobs.runs, state.jobs.failed
    waiting, left = queues.job[row], 0
    for position in range(queues.length[row]):
        job = waiting[position]
        if runs[job] or failed[job]:
            waits.append((float(job), float(jobs.pool[job]), jobs.queued_s[job], now))
            count_waiting(job, -1, state)
        else:
            waiting[left] = job
            left += 1
    queues.length[row] = left


def sort_row(row: int, state: State) -> None:
    """Sort a queue by keys that have changed; most places have not, so that insertion is fast."""
    waiting = state.queues.job[row]
    for position in range(1, state.queues.length[row]):
        job, place = waiting[position], position
        while place > 0 and precedes(job, waiting[place - 1], state):
            waiting[place] = waiting[place - 1]
            place -= 1
        waiting[place] = job


# -- attempts


def set_length(job: int, state: State) -> None:
    """Work out how long a job is expected to hold what it takes: at the slowest speed of its door's pools."""
    jobs, pools, site = state.jobs, state.pools, state.site
    door = site.waiting.door[job]
    slowest = math.inf
    for pool in pools_of(door, site.doors):
        slowest = min(slowest, pools.speed[pool])
    first = site.doors.pool[site.doors.first[door]]
    _, estimate_s = attempt(
        jobs.run_s[job], jobs.estimate_s[job], slowest, jobs.kept_s[job], jobs.restarts[job], pools.overhead_s[first]
    )
    site.waiting.length_s[job] = state.settings.delay_s + estimate_s


def start(now: float, job: int, state: State, agenda: MutableSequence[tuple[float, int, int, int]]) -> None:
    """Start a job with what is ``part`` of it; it stays in its queue until :func:`leave_started`."""
    jobs, pools, site, delay_s = state.jobs, state.pools, state.site, state.settings.delay_s
    door, first, slowest = site.waiting.door[job], -1, math.inf
    for pool in pools_of(door, site.doors):
        if site.part[pool][job]:
            first = pool if first < 0 else first
            slowest = min(slowest, pools.speed[pool])
    overhead_s = pools.overhead_s[first]
    length_s, estimate_s = attempt(
        jobs.run_s[job], jobs.estimate_s[job], slowest, jobs.kept_s[job], jobs.restarts[job], overhead_s
    )
    jobs.killed[job] = is_killed(length_s, estimate_s, state.settings.kills)
    jobs.held_s[job] = estimate_s if jobs.killed[job] else length_s
    jobs.pool[job], jobs.speed[job] = first, slowest
    jobs.runs[job], jobs.began_s[job] = True, now
    if math.isnan(jobs.start_s[job]):
        jobs.start_s[job] = now + delay_s
    jobs.ends_s[job] = now + (delay_s + jobs.held_s[job])
    release_s = jobs.release_s[job] = now + (delay_s + estimate_s)
    if state.settings.backfill == CONSERVATIVE:
        reserved_until_s = now + site.waiting.length_s[job]
        site.reserved.start_s[job] = NO_RESERVATION
        for pool in pools_of(door, site.doors):
            if site.part[pool][job] and release_s < reserved_until_s:
                shift_part(pool, release_s, reserved_until_s, site.part[pool][job], site)
                note_gain(site.reserved.gain_s[pool], release_s, reserved_until_s)
    capacity = site.capacity
    for pool in pools_of(door, site.doors):
        units = site.part[pool][job]
        if units:
            running = capacity.running[pool]
            place = place_of(capacity.release_s[pool], running, release_s)
            put(capacity.release_s[pool], running, place, release_s)
            put(capacity.release_need[pool], running, place, units)
            put(capacity.release_job[pool], running, place, job)
            capacity.running[pool] += 1
            capacity.free[pool] -= units
            if state.nodes.numbered[pool]:
                take_nodes(job, pool, units, site.waiting.need, site.packs, state.nodes)
    count(job, 1, site.caps)
    charge_job(now, job, 1.0, BOOK, state.priorities)
    agenda.append((jobs.ends_s[job], COMPLETION, job, 0))


def end_attempt(
    now: float,
    job: int,
    done_s: float,
    shifts: bool,
    state: State,
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
) -> None:
    """Take a job off its units, at its end or at an interruption; of the attempt, some seconds count.

    Parameters
    ----------
    shifts
        Whether the profiles of conservative backfilling are changed, too.
    """
    jobs, site = state.jobs, state.site
    capacity, door = site.capacity, site.waiting.door[job]
    jobs.runs[job] = False
    for pool in pools_of(door, site.doors):
        units = site.part[pool][job]
        if not units:
            continue
        if state.nodes.numbered[pool]:
            give_nodes(now, job, pool, site.waiting.need, site.packs, state.nodes)
        if site.packs.packed[pool]:
            note_shares(now, job, pool, done_s, state, tried)
            shift_job(job, pool, 1, True, site.waiting.need, site.packs)
        else:
            tried.append((float(job), float(pool), jobs.began_s[job], now, done_s, float(units), -1.0, 0.0))
        place = place_of(capacity.release_s[pool], capacity.running[pool], jobs.release_s[job])
        while capacity.release_job[pool][place] != job:
            place += 1
        cut(capacity.release_s[pool], capacity.running[pool], place)
        cut(capacity.release_need[pool], capacity.running[pool], place)
        cut(capacity.release_job[pool], capacity.running[pool], place)
        capacity.running[pool] -= 1
        capacity.free[pool] += units
        if state.settings.backfill == CONSERVATIVE and now < jobs.release_s[job]:
            state.queues.early[jobs.row[job]] = True
            if shifts:
                note_gain(site.reserved.gain_s[pool], now, jobs.release_s[job])
                shift_part(pool, now, jobs.release_s[job], units, site)
        site.part[pool][job] = 0
    state.queues.dirty[jobs.row[job]] = True
    count(job, -1, site.caps)
    charge_job(now, job, -1.0, BOOK, state.priorities)
    free_cap(job, state)


def note_shares(
    now: float,
    job: int,
    pool: int,
    done_s: float,
    state: State,
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
) -> None:
    """Note an attempt in a packed pool, a row a share."""
    packs, began_s = state.site.packs, state.jobs.began_s[job]
    for share in range(packs.first[job], packs.first[job] + state.site.waiting.need[job]):
        if packs.place_pool[share] == pool:
            node, bits = float(packs.place_node[share]), float(packs.place_bits[share])
            tried.append((float(job), float(pool), began_s, now, done_s, 1.0, node, bits))


def free_cap(job: int, state: State) -> None:
    """Let each queue have a pass in which a job waits that is under a limit with one that has ended."""
    caps, queues = state.site.caps, state.queues
    for limit in range(len(caps.counter)):
        counter = caps.counter[limit][job]
        if counter != NOT_UNDER:
            for row in range(len(queues.length)):
                if queues.under[row][counter]:
                    queues.dirty[row] = True


def complete(
    now: float,
    job: int,
    state: State,
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
) -> None:
    """Let a job end."""
    jobs = state.jobs
    overhead_s = state.pools.overhead_s[jobs.pool[job]] if jobs.restarts[job] else 0.0
    end_attempt(now, job, jobs.held_s[job] - overhead_s, True, state, tried)
    end(now, job, state)


def end(now: float, job: int, state: State) -> None:
    """Note the end of a job, also of one that is given up; those that wait for it may start."""
    state.jobs.end_s[job] = now
    let_follow(now, job, state)


def let_follow(now: float, job: int, state: State) -> None:
    """Let those go on that wait for a job which has ended, or was rejected, and for no other."""
    jobs, before = state.jobs, state.site.waiting.before
    for index in range(jobs.next_group[job], jobs.next_group[job + 1]):
        group = jobs.group[index]
        jobs.left[group] -= 1
        if jobs.left[group] > 0:
            continue
        for place in range(jobs.next_after[group], jobs.next_after[group + 1]):
            follower = jobs.after[place]
            before[follower] -= 1
            if before[follower] == 0 and jobs.submit_s[follower] <= now:  # else it is not in the queue yet
                state.queues.dirty[jobs.row[follower]] = True


def interrupt(
    now: float,
    job: int,
    preempted: int,
    state: State,
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
) -> bool:
    """Interrupt a job; return whether it is to wait again, which is the caller's part, or else given up."""
    jobs, pools = state.jobs, state.pools
    pool, ran_s = jobs.pool[job], now - jobs.began_s[job] - state.settings.delay_s
    overhead_s = pools.overhead_s[pool]
    kept_s = kept_work(ran_s, jobs.restarts[job], overhead_s, pools.checkpoint_s[pool]) if ran_s > 0.0 else 0.0
    jobs.kept_s[job] += kept_s * jobs.speed[job]
    end_attempt(now, job, kept_s, preempted == NOT_PREEMPTED, state, tried)
    state.queues.early[jobs.row[job]] = True
    if ran_s < 0.0:
        if jobs.restarts[job] == 0:
            jobs.start_s[job] = math.nan  # it has not started
        return True
    if preempted == NOT_PREEMPTED:
        if jobs.counted[job] >= pools.max_restarts[pool]:
            jobs.failed[job], jobs.killed[job] = True, False
            end(now, job, state)
            return False
        jobs.counted[job] += 1
    jobs.restarts[job] += 1
    return True


# -- what happens


def begin_outage(
    now: float,
    pool: int,
    stops: bool,
    state: State,
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
) -> int:
    """Let an outage begin in a pool; return the number of jobs that are given up."""
    jobs, capacity = state.jobs, state.site.capacity
    given_up = 0
    row = row_of(pool, state)
    stays = state.site.packs.nodes[pool] - capacity.away[away_now(pool, now, state.site)]
    while stops and state.site.packs.packed[pool]:
        running = 0
        while running < capacity.running[pool] and not is_on(capacity.release_job[pool][running], pool, stays, state):
            running += 1
        if running == capacity.running[pool]:
            break
        job = capacity.release_job[pool][running]
        if interrupt(now, job, NOT_PREEMPTED, state, tried):
            enter(now, job, state)
        else:
            given_up += 1
    while (
        stops
        and not state.site.packs.packed[pool]
        and capacity.running[pool]
        and capacity.free[pool] < capacity.away[away_now(pool, now, state.site)]
    ):
        latest = capacity.release_job[pool][0]
        for index in range(1, capacity.running[pool]):
            job = capacity.release_job[pool][index]
            if jobs.began_s[job] > jobs.began_s[latest] or (jobs.began_s[job] == jobs.began_s[latest] and job > latest):
                latest = job
        if interrupt(now, latest, NOT_PREEMPTED, state, tried):
            enter(now, latest, state)
        else:
            given_up += 1
    state.queues.dirty[row] = state.queues.lost[row] = True
    return given_up


def is_on(job: int, pool: int, from_node: int, state: State) -> bool:
    """Return whether a running job has a share on a node of a packed pool, from a number on."""
    packs = state.site.packs
    for share in range(packs.first[job], packs.first[job] + state.site.waiting.need[job]):
        if packs.place_pool[share] == pool and packs.place_node[share] >= from_node:
            return True
    return False


def row_of(pool: int, state: State) -> int:
    """Return the queue of a pool."""
    rows = state.site.rows
    for row in range(len(rows.first) - 1):
        for other in pools_of(row, rows):
            if other == pool:
                return row
    return -1


def open_hours(rule: int, state: State) -> None:
    """Let each queue have a pass in which a job waits that a rule of hours is about."""
    queues = state.queues
    for row in range(len(queues.length)):
        for position in range(queues.length[row]):
            if (state.jobs.rules[queues.job[row][position]] >> rule) & 1:
                queues.dirty[row] = True
                break


def last_happening(state: State) -> float:
    """Return when a job last ended, or came to wait; what is rejected or has become void has made nothing happen."""
    jobs, last_s = state.jobs, 0.0
    for job in range(len(jobs.end_s)):
        if not math.isnan(jobs.end_s[job]):
            last_s = max(last_s, jobs.end_s[job])
    for row in range(len(state.queues.length)):
        for position in range(state.queues.length[row]):
            job = state.queues.job[row][position]
            since_s = state.bursts.since_s[job] if len(state.bursts.since_s) else jobs.queued_s[job]
            last_s = max(last_s, since_s)  # that it moved is nothing of the kind
    return last_s


def end_waiting(state: State, waits: MutableSequence[tuple[float, float, float, float]]) -> int:
    """Give all waiting jobs up, when nothing more will ever happen; return how many they are."""
    given_up, now = 0, last_happening(state)
    for row in range(len(state.queues.length)):
        for position in range(state.queues.length[row]):
            job = state.queues.job[row][position]
            state.jobs.failed[job] = True
            state.jobs.end_s[job] = now
            state.jobs.pool[job] = state.site.doors.pool[state.site.doors.first[state.site.waiting.door[job]]]
            given_up += 1
        leave_started(now, row, state, waits)
    return given_up
