"""A slow, plain reading of the semantics page with its site rules (§9), against which the engines are held.

Like ``tests.reference``, of which it takes what has nothing to do with site rules, it shares no code with pwsim.  It works
everything out anew from the list of jobs whenever it needs it.  What jobs and nodes do to each other is said by
*claims*: who holds how much, where, from when to when.  Running jobs, guards and reservations all are claims, and one
function, ``place``, finds the claim of a job at an instant beside others.

Where the page leaves something open, this is what is done here:

- *Openings.*  A rule opens where a window opens inside of its `from` and `until`, and at its `until`.  Whichever rule
  opens, each group gets a pass in which a job waits that some hours rule is about.
- *Whole* looks at the close of the window even where the rule's `until` comes before it: what counts is the start.
- *Moves* (bursting) wait for a multiple of the period, as passes do: else a job could move before a pass looked at it.
- A job does not move to where it alone would pass a cap: it would wait there for ever.
- *Dependencies.*  That one before ends, fails or is rejected makes a pass due in each group where one waits that was
  held for it and is held for no other; that one of an array ends or is interrupted, where another of it waits.
- A job that follows one that is rejected (feedback) is submitted at its own time, but not before that rejection, if it
  was not known from the start (`hours`).
- *Partition* as a key is the partition that the job came through; a job in a pool of its own, or moved there, has none.
- *Depth* and an order of passing: the N are those first in the queue that are not held when the first guard is set.
- *Failures first*: at an instant nodes fail before outages start, so that an outage interrupts no more than it must.
- *Preemption, conservative*: who preempted keeps its place at now when the others are placed again, so that nobody is
  interrupted for nothing; with a depth, only the first N place and preempt.  Who is held is found out once a pass.
- *Packed*: claims at any time of a job's length count for all of it.  A pool whose guard has no shadow gives nothing.
  A candidate in the places of guards, if it outlasts one, is let through if that guard could then still be placed
  at its shadow beside those set before it; that is the guard's place from then on.
- A guard without a shadow counts in caps like any other.
- *Shadows*: the instants that are tried are those at which something changes in the job's own pools, and openings of its own
  rules.  Nothing else can be the earliest, unless it is only the guards of other pools that keep the job from starting.
- *Caps in a round*: that preemption in a pass frees a cap makes passes due: of later groups in this round, of earlier ones
  in the next.  Those placed at now by a conservative walk before preemption do not count in caps until they start.
- *Reservations* are as long as at the slowest speed.  A job that starts on faster nodes ends when it is then expected to,
  which is not early: nothing is compressed for it.
- A `stop` looks for room at its start only, and then for all that is away.  Nodes of an elastic pool are not given outages.
- A job may be rejected for its hours by its first door, though it could have moved on to a later pool.
- *Plans made anew*: a job that starts by the plan is in it as long as at the slowest speed.  The next pass with a plan is
  owed from a pass on after which somebody waits, and takes place even if nobody does any more.
- *Never*: a wait for `burst_after` or for a multiple of the period is something that is yet to happen; that a node may
  fail, leave or be idle for too long is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.multifactor_reference import Multifactor, Stay, apart
from tests.reference import Job, Node, Part, Pool, Reference

Takes = Callable[["SiteJob"], bool] | Collection[int] | None
"""Which jobs something is about: a question, their numbers, or all."""


def is_about(takes: Takes, job: SiteJob) -> bool:
    if takes is None:
        return True
    return takes(job) if callable(takes) else job.number in takes


@dataclass(eq=False)
class SiteJob(Job):
    """One job and what has become of it."""

    keys: dict[str, str] = field(default_factory=dict)
    """Its user, account, user_group, qos, partition, ... of the log."""
    after: list[SiteJob] = field(default_factory=list)
    """Those that have to have ended before."""
    array: str = ""
    array_limit: int | None = None
    door: Door | None = None
    reason: str = ""
    """Why it was rejected, or failed without its doing."""
    rejected_at: float | None = None
    """When it was rejected, if that was not known from the start."""
    shares: int = 1
    """Of a job in a partition of packed pools."""
    amounts: dict[int, int] = field(default_factory=dict)
    """Units that it holds, by pool, while it runs."""
    claim: Claim | None = None
    """Its reservation."""
    interruptions: int = 0
    """Those that count in ``max_restarts``."""
    stays: list[tuple[float, float, dict[int, int]]] = field(default_factory=list)
    """Of each attempt: decision, end, and units by pool."""

    @property
    def status(self) -> str:
        if self.pool is None:
            return "rejected"
        if self.end is None:
            return "waiting" if self.began is None else "running"
        return "failed" if self.failed else "killed" if self.killed else "completed"


@dataclass(eq=False)
class SitePool(Pool):
    """One pool."""

    partitioned: bool = False

    def need_of(self, job: Job) -> int:
        if self.partitioned and self.placement == "packed" and isinstance(job, SiteJob):
            return job.shares
        return super().need_of(job)

    def accepts(self, job: Job) -> bool:
        return self.at_least <= job.procs <= self.at_most and self.gpus_at_least <= job.gpus <= self.gpus_at_most


@dataclass(eq=False)
class Partition:
    """A door to pools."""

    name: str
    pools: list[int]
    takes: Takes = None
    tier: float = 0
    default: bool = False
    max_time: float = math.inf
    priority: float = 1
    billing: dict[str, float] | None = None


@dataclass(eq=False)
class Limit:
    """What may be held at once for each user, account, ..., or for all."""

    at_most: dict[str, float]
    """By cores, nodes, gpus, jobs."""
    per: str = "all"
    takes: Takes = None


@dataclass(eq=False)
class Hours:
    """When jobs may start."""

    windows: list[tuple[float, float]]
    """Open and close; touching ones are merged, all are in order."""
    takes: Takes = None
    whole: bool = False
    drain: bool = False
    since: float = -math.inf
    until: float = math.inf

    def allow(self, time: float, length: float) -> bool:
        if not self.since <= time < self.until:
            return True
        return any(start <= time < end and (not self.whole or time + length <= end) for start, end in self.windows)

    def openings(self) -> list[float]:
        opens = [start for start, _ in self.windows if self.since <= start < self.until]
        return opens if self.until == math.inf else [*opens, self.until]


@dataclass(eq=False)
class Outage:
    """When capacity of a pool is away."""

    pool: int
    start: float
    end: float
    nodes: int | None = None
    stop: bool = False


@dataclass
class Rules:
    """All that a site states beside its policy."""

    partitions: list[Partition] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    hours: list[Hours] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    period: float | None = None
    start_delay: float = 0
    preemption: bool = False
    backfill_period: float | None = None
    backfill_window: float = math.inf
    backfill_per_user: float = math.inf


@dataclass(eq=False)
class Group:
    """Pools that share a queue and a pass."""

    pools: list[int]
    queue: list[SiteJob] = field(default_factory=list)
    due: bool = False
    compress: bool = False
    owed: bool = False
    """Whether a pass with a plan made anew has to come."""


@dataclass(eq=False)
class Door:
    """Where a job waits: its pools in the order in which it takes from them."""

    pools: list[int]
    group: Group
    partition: Partition | None = None

    @property
    def tier(self) -> float:
        return 0 if self.partition is None else self.partition.tier


@dataclass(eq=False)
class Claim:
    """What a job takes from when to when."""

    job: SiteJob
    start: float
    end: float
    amounts: dict[int, int]
    places: list[tuple[int, Node, Part]] = field(default_factory=list)
    """In packed pools."""


@dataclass(eq=False)
class Guard:
    """A blocked job and the pools that it guards."""

    job: SiteJob
    pools: list[int]
    claim: Claim | None = None
    extra: dict[int, int] = field(default_factory=dict)

    @property
    def shadow(self) -> float:
        return -math.inf if self.claim is None else self.claim.start


class SiteReference(Reference):
    """One replay."""

    jobs: list[SiteJob]  # type: ignore[assignment] # narrowed
    pools: list[SitePool]  # type: ignore[assignment] # narrowed

    def __init__(
        self,
        jobs: list[SiteJob],
        pools: list[SitePool],
        rules: Rules,
        order: str = "fcfs",
        backfill: str = "easy",
        overrun: str = "allow",
        passing_order: str = "",
        depth: int | None = None,
        weights: dict[str, Any] | None = None,
    ) -> None:
        super().__init__([], [], order, backfill, overrun, passing_order, depth, weights)
        self.jobs, self.pools, self.rules = jobs, pools, rules
        named = sorted({index for partition in rules.partitions for index in partition.pools})
        for index, pool in enumerate(pools):
            pool.partitioned = index in named
        sets = [{index} for index in range(len(pools))]
        for partition in rules.partitions:
            touched = [one for one in sets if one & set(partition.pools)]
            sets = [one for one in sets if one not in touched] + [set().union(*touched)]
        self.groups = sorted((Group(sorted(one)) for one in sets), key=lambda group: group.pools[0])
        self.doors = {
            partition.name: Door(partition.pools, self.group_of(partition.pools[0]), partition)
            for partition in rules.partitions
        }
        self.ways = {group.pools[0]: Door(group.pools, group) for group in self.groups if group.pools[0] not in named}
        """Doors to the pools that no partition names."""

    # who is where
    def running(self, pools: Collection[int] | None = None) -> list[SiteJob]:
        """Jobs that hold something, in these pools or in any."""
        jobs = [job for job in self.jobs if job.began is not None and job.end is None]
        return [job for job in jobs if pools is None or set(pools) & set(job.amounts)]

    def waiting(self) -> list[SiteJob]:
        return sorted((job for group in self.groups for job in group.queue), key=lambda job: job.number)

    def door_of(self, job: SiteJob) -> Door:
        assert job.door is not None
        return job.door

    def placement(self, job: SiteJob) -> str:
        return self.pools[self.door_of(job).pools[0]].placement

    # lengths (§3, §6, §9)
    def overhead(self, job: Job) -> float:
        assert isinstance(job, SiteJob)
        return self.pools[self.door_of(job).pools[0]].overhead if job.restarts else 0

    def speed(self, job: SiteJob) -> float:
        """The slowest among the pools that a running job uses, or else that a waiting one may use."""
        return min(self.pools[index].speed for index in (job.amounts or self.door_of(job).pools))

    def estimate(self, job: Job) -> float:
        assert isinstance(job, SiteJob)
        speed = self.speed(job)
        if not job.restarts:
            return job.estimate / speed
        return self.overhead(job) + max(1, job.estimate / speed - job.kept / speed)

    def length(self, job: SiteJob) -> float:
        """What fits, shadows, hours and reservations of a waiting job go by."""
        assert not job.amounts
        return self.rules.start_delay + self.estimate(job)

    def uncut(self, job: Job) -> float:
        assert isinstance(job, SiteJob)
        return self.overhead(job) + (job.run - job.kept) / self.speed(job)

    def begins(self, job: Job) -> float:
        """When a running job really starts."""
        assert job.began is not None
        return job.began + self.rules.start_delay

    def end(self, job: Job) -> float:
        return self.begins(job) + (self.estimate(job) if self.will_be_killed(job) else self.uncut(job))

    def release(self, job: Job) -> float:
        return self.begins(job) + self.estimate(job)

    def expected_end(self, job: Job) -> float:
        return max(self.release(job), self.now + 1)

    def submission(self, job: Job) -> float:
        assert isinstance(job, SiteJob)
        before = job.follows
        assert before is None or isinstance(before, SiteJob)
        if before is None or (before.reason and before.pool is None):
            return max(job.submit, before.rejected_at or 0) if before is not None else job.submit
        return math.inf if before.end is None else before.end + job.think

    # doors
    def open_doors(self) -> None:
        """Find each job's door, and what is known from the start against it."""
        for job in self.jobs:
            job.door, job.reason = self.find_door(job)
            job.reason = job.reason or self.refusal(job)
            self.look_up(job, [self.pools[index] for index in job.door.pools] if job.door else [])
            if job.door is not None and job.door.partition is not None:
                most = max(one.priority for one in self.rules.partitions)
                job.asks.priority = job.door.partition.priority / most if most else 0
                job.asks.billing = job.door.partition.billing
            says = {name: job.keys.get(name, "") for name in ("user", "queue", "qos")}
            job.asks.user, job.asks.queue, job.asks.qos = says.values()
            job.asks.account = job.keys.get("user_group", job.keys.get("account", ""))
        self.multifactor = Multifactor(self.weights or {}, [job.asks for job in self.jobs]) if self.weights else None
        for job in self.jobs:
            self.now = job.submit
            if job.follows is None and not job.reason and self.never_starts(job):
                job.reason, job.rejected_at = "hours", self.now

    def find_door(self, job: SiteJob) -> tuple[Door | None, str]:
        partitions = self.rules.partitions
        by_where = [one for one in partitions if is_about(one.takes, job) and not (one.default and one.takes is None)]
        by_default = [one for one in partitions if one.default]
        if by_where or by_default:
            return self.doors[(by_where + by_default)[0].name], ""
        accepting = [index for index in self.ways if self.pools[index].accepts(job)]
        holding = [index for index in accepting if self.pools[index].takes(job)]
        if holding:
            return self.ways[holding[0]], ""
        if not self.ways:
            return None, "no_door"
        return None, "too_large" if accepting else "no_pool_accepts"

    def refusal(self, job: SiteJob) -> str:
        door = self.door_of(job)
        if not self.can_hold(job, door):
            return "too_large"
        if door.partition is not None and job.estimate > door.partition.max_time:
            return "max_time"
        if self.passes_alone(job, door):
            return "limit"
        return ""

    def can_hold(self, job: SiteJob, door: Door) -> bool:
        pools = [self.pools[index] for index in door.pools]
        if pools[0].placement != "packed":
            if job.gpus and (pools[0].placement == "cores" or not pools[0].gpus):
                return False
            return pools[0].need_of(job) <= sum(pool.size for pool in pools)
        if door.partition is None:
            return pools[0].takes(job)
        nodes = {index: [Node(number, 0, 0) for number in range(self.pools[index].nodes)] for index in door.pools}
        for job.shares in range(max(1, job.nodes), sum(map(len, nodes.values())) + 1):  # noqa: B020 - kept when found
            if self.share_out(job, door.pools, nodes, set()) is not None:
                return True
        return False

    def never_starts(self, job: SiteJob) -> bool:
        """Whether the empty pools offer the job no start."""
        door, length = self.door_of(job), self.length(job)
        times = [self.now, *self.openings(job)]
        times += [time for one in self.rules.outages if one.pool in door.pools for time in (one.start, one.end)]
        for start in {self.on_time(time) for time in times}:
            if self.now <= start < math.inf and self.allowed(job, start):
                away = {index: self.most_away(index, start, start + length) for index in door.pools}
                if self.placement(job) == "packed":
                    left = {index: range(self.pools[index].nodes - away[index]) for index in door.pools}
                    nodes = {index: [Node(number, 0, 0) for number in left[index]] for index in door.pools}
                    if self.share_out(job, door.pools, nodes, set()) is not None:
                        return False
                elif self.need(job) <= sum(max(0, self.pools[index].size - away[index]) for index in door.pools):
                    return False
        return True

    def need(self, job: SiteJob) -> int:
        return self.pools[self.door_of(job).pools[0]].need_of(job)

    # outages
    def away(self, index: int, time: float) -> int:
        """Units of a pool that are away at a time."""
        pool = self.pools[index]
        units = pool.cores if pool.placement == "cores" else 1
        there = [one for one in self.rules.outages if one.pool == index and one.start <= time < one.end]
        return max((pool.size if one.nodes is None else min(pool.size, one.nodes * units) for one in there), default=0)

    def most_away(self, index: int, start: float, end: float) -> int:
        starts = [one.start for one in self.rules.outages if one.pool == index and start < one.start < end]
        return max(self.away(index, time) for time in [start, *starts])

    # who is held
    def is_held(self, job: SiteJob, guards: Sequence[Guard] = ()) -> bool:
        length = self.length(job)
        if any(not rule.drain and not rule.allow(self.now, length) for rule in self.hours_of(job)):
            return True
        if self.waits_for_others(job):
            return True
        holding = [*self.running(), *(guard.job for guard in guards)]
        same = [one for one in holding if job.array and one.array == job.array]
        if job.array_limit is not None and len(same) >= job.array_limit:
            return True
        return any(self.passes(limit, job, holding) for limit in self.rules.limits)

    def waits_for_others(self, job: SiteJob) -> bool:
        return any(before.end is None and not self.is_rejected(before) for before in job.after)

    def is_rejected(self, job: SiteJob) -> bool:
        return job.pool is None and bool(job.reason) and self.submission(job) <= self.now

    def hours_of(self, job: SiteJob) -> list[Hours]:
        return [rule for rule in self.rules.hours if is_about(rule.takes, job)]

    def openings(self, job: SiteJob) -> list[float]:
        return [time for rule in self.hours_of(job) for time in rule.openings()]

    def allowed(self, job: SiteJob, time: float) -> bool:
        """Whether hours let the job start at a time."""
        return all(rule.allow(time, self.length(job)) for rule in self.hours_of(job))

    def key_under(self, limit: Limit, job: SiteJob) -> str | None:
        """For whom a job counts under a limit; ``None`` if it is not under it."""
        if not is_about(limit.takes, job):
            return None
        if limit.per == "all":
            return "all"
        if limit.per == "partition":
            partition = self.door_of(job).partition
            return None if partition is None else partition.name
        return job.keys.get(limit.per) or None

    def counts(self, job: SiteJob, door: Door) -> dict[str, float]:
        """What a job counts in caps."""
        pool = self.pools[door.pools[0]]
        need = pool.need_of(job)
        if pool.placement == "cores":
            cores, nodes = job.procs, max(job.nodes, math.ceil(job.procs / pool.cores))
        elif pool.placement == "nodes":
            cores, nodes = need * pool.cores, need
        else:
            cores, nodes = need * math.ceil(job.procs / need), need
        return {"cores": cores, "nodes": nodes, "gpus": job.gpus, "jobs": 1}

    def passes(self, limit: Limit, job: SiteJob, holding: Iterable[SiteJob]) -> bool:
        """Whether a job would pass a cap beside those that hold something."""
        key = self.key_under(limit, job)
        if key is None:
            return False
        under = [job, *(one for one in holding if self.key_under(limit, one) == key)]
        counted = [self.counts(one, self.door_of(one)) for one in under]
        return any(sum(one[what] for one in counted) > most for what, most in limit.at_most.items())

    def passes_alone(self, job: SiteJob, door: Door) -> bool:
        origin, job.door = job.door, door
        alone = any(self.passes(limit, job, []) for limit in self.rules.limits)
        job.door = origin
        return alone

    def lets_go(self, job: SiteJob) -> None:
        """A job holds nothing any more: passes are due where that may matter to one that waits."""
        keys = [(limit, self.key_under(limit, job)) for limit in self.rules.limits]
        for group in self.groups:
            for one in group.queue:
                capped = any(key is not None and self.key_under(limit, one) == key for limit, key in keys)
                if capped or (job.array and one.array == job.array):
                    group.due = True
        if job.end is not None:
            self.lets_follow(job)

    def lets_follow(self, job: SiteJob) -> None:
        """A job has ended, or was rejected: passes are due where one waits for that, and for nothing else."""
        for group in self.groups:
            group.due |= any(job in one.after and not self.waits_for_others(one) for one in group.queue)

    # room
    def capacity(self, index: int, time: float) -> int:
        return self.pools[index].capacity(time)

    def free_at(self, index: int, time: float, beside: Iterable[Claim], without: Collection[SiteJob]) -> int:
        """Units of a pool that are expected to be free at a time, perhaps fewer than none."""
        running = [job for job in self.running([index]) if job not in without and self.expected_end(job) > time]
        held = sum(job.amounts[index] for job in running)
        claimed = sum(claim.amounts.get(index, 0) for claim in beside if claim.start <= time < claim.end)
        return self.capacity(index, time) - held - claimed - self.away(index, time)

    def instants(self, pools: Collection[int], beside: Iterable[Claim]) -> list[float]:
        """When what is free in these pools changes, as far as is known."""
        times = {self.expected_end(job) for job in self.running(pools)}
        times |= {node.arrives for index in pools for node in self.pools[index].there if not node.up}
        times |= {time for one in self.rules.outages if one.pool in pools for time in (one.start, one.end)}
        times |= {time for claim in beside if set(claim.amounts) & set(pools) for time in (claim.start, claim.end)}
        return sorted(times)

    def room(
        self, index: int, start: float, end: float, beside: Sequence[Claim] = (), without: Collection[SiteJob] = ()
    ) -> int:
        """Units that are free in a pool all the time."""
        times = [start, *(time for time in self.instants([index], beside) if start < time < end)]
        return max(0, min(self.free_at(index, time, beside, without) for time in times))

    def place(
        self,
        job: SiteJob,
        start: float,
        beside: Sequence[Claim] = (),
        without: Collection[SiteJob] = (),
        most: dict[int, float] | None = None,
    ) -> Claim | None:
        """What the job would take at a time beside claims, without some jobs, and at most so much; ``None``: no room."""
        pools, end, most = self.door_of(job).pools, start + self.length(job), most or {}
        if self.placement(job) == "packed":
            open_pools = [index for index in pools if most.get(index, math.inf) > 0]
            return self.place_shares(job, start, end, beside, without, open_pools)
        amounts, needed = {}, self.need(job)
        for index in pools:
            taken = min(needed, self.room(index, start, end, beside, without), most.get(index, math.inf))
            if taken:
                amounts[index] = int(taken)
                needed -= int(taken)
        return None if needed else Claim(job, start, end, amounts)

    def place_shares(
        self,
        job: SiteJob,
        start: float,
        end: float,
        beside: Sequence[Claim],
        without: Collection[SiteJob],
        pools: list[int],
    ) -> Claim | None:
        nodes = {}
        for index in pools:
            pool, away = self.pools[index], self.most_away(index, start, end)
            there = [node for node in pool.there if node.up or node.arrives <= start]
            nodes[index] = [node for node in there if not away or node.number < pool.nodes - away]
        gone = {one for one in self.running() if self.expected_end(one) <= start} | set(without)
        claims = [claim for claim in beside if claim.start < end and start < claim.end]
        for claim in claims:
            for _, node, part in claim.places:
                node.parts[claim.job] = part
        places = self.share_out(job, pools, nodes, gone)
        for claim in claims:
            for _, node, _ in claim.places:
                del node.parts[claim.job]
        if places is None:
            return None
        amounts = {index: sum(place[0] == index for place in places) for index in pools}
        return Claim(job, start, end, {index: amount for index, amount in amounts.items() if amount}, places)

    def share_out(
        self, job: SiteJob, pools: list[int], nodes: dict[int, list[Node]], gone: set[SiteJob]
    ) -> list[tuple[int, Node, Part]] | None:
        """Where the job's shares go, one after another: each to the first pool that has a place, best fit there."""
        places: list[tuple[int, Node, Part]] = []
        for _ in range(self.pools[pools[0]].need_of(job) if pools else 1):
            for index in pools:
                used = [node for _, node, _ in places]
                tried = [(node, self.pools[index].part_for(node, job, set(gone))) for node in nodes[index]]
                fitting = [(fit[0], node, fit[1]) for node, fit in tried if fit is not None and node not in used]
                if fitting:
                    _, node, part = min(fitting, key=lambda one: one[0])
                    places.append((index, node, part))
                    break
            else:
                return None
        return places

    def on_time(self, time: float, period: float | None = None) -> float:
        """The first multiple of the period, or of another, from a time on."""
        period = period or self.rules.period
        return time if not period or not math.isfinite(time) else math.ceil(time / period) * period

    # the clock (§2)
    def replay(self) -> list[SiteJob]:  # type: ignore[override] # narrowed
        self.open_doors()
        coming = list(self.jobs)
        for pool in self.pools:
            if pool.numbered:
                pool.launches = pool.min_nodes if pool.elastic else pool.nodes
                pool.there = [Node(number, 0, 0) for number in range(pool.launches)]
                for node in pool.there:
                    self.comes_up(pool, node, 0)
        self.now = -1.0
        while any(job.end is None and not job.reason for job in self.jobs):
            times = [time for time in self.yet_to_happen(coming) if self.now < time < math.inf]
            if times:
                idle = [node.idle_since + pool.idle_timeout for pool in self.pools for node in self.idle(pool)]
                leaves = [node.leaves for pool in self.pools for node in pool.there]
                self.now = min(time for time in times + idle + leaves if time > self.now)
            else:
                last = [job.end for job in self.jobs if job.end is not None]
                last += [job.waits_since for job in self.waiting()]
                for job in self.waiting():
                    self.gives_up(job, max(last))
            self.rounds(coming, first=bool(times))
        for job in self.jobs:
            if job.pool is None:
                job.submit = self.submission(job)
        for pool in self.pools:
            pool.spans += [(node.number, node.launched, node.arrives, max(0, self.now)) for node in pool.there]
            pool.spans = [span for span in pool.spans if span[1] < self.now or self.now <= 0]
        return self.jobs

    def rounds(self, coming: list[SiteJob], *, first: bool) -> None:
        """Do rounds until nothing is due any more, autoscaler and all."""
        due = True
        while due:
            while self.a_round(coming, first=first):
                first = False
            first = False
            due = self.autoscale()

    def gives_up(self, job: SiteJob, last: float) -> None:
        """Nothing will ever happen for a job that waits."""
        self.door_of(job).group.queue.remove(job)
        job.failed, job.end, job.reason, job.claim = True, last, "never", None

    def yet_to_happen(self, coming: list[SiteJob]) -> list[float]:
        """Instants that may let a waiting job start."""
        waited_for = [before for job in self.jobs for before in job.after]
        times = [self.submission(job) for job in coming if not job.reason or job in waited_for]
        times += [self.end(job) for job in self.running()]
        times += [job.claim.start for job in self.waiting() if job.claim is not None]
        times += [node.arrives for pool in self.pools for node in pool.there if not node.up]
        times += [time for outage in self.rules.outages for time in (outage.start, outage.end)]
        if any(self.hours_of(job) for job in self.waiting()):
            times += [time for rule in self.rules.hours for time in rule.openings()]
        times += [self.on_time(self.now) for group in self.groups if group.due]
        times += [self.on_time(self.now, self.rules.backfill_period) for group in self.groups if group.owed]
        for job in self.waiting():
            later = [index for index in self.ways if index > self.door_of(job).pools[0]]
            runs_out = [job.waits_since + self.pools[one].burst_after for one in later if self.pools[one].takes(job)]
            times += runs_out + [self.on_time(time) for time in runs_out]
        return times

    def a_round(self, coming: list[SiteJob], *, first: bool) -> bool:
        """Do one round; return whether anything was due in it."""
        anything = self.completions()
        anything |= self.departures(first=first)
        anything |= self.arrivals(first=first)
        anything |= self.submissions(coming)
        if first:
            for group in self.groups:
                if any(job.claim is not None and job.claim.start == self.now for job in group.queue):
                    group.due = True
                if any(self.now in self.openings(job) for job in group.queue):
                    group.due = True
                if group.owed and self.on_time(self.now, self.rules.backfill_period) == self.now:
                    group.due = True
        if self.on_time(self.now) != self.now:
            return anything
        for group in self.groups:
            if group.due:
                compress, anything = group.compress, True
                group.due = group.compress = False
                self.the_pass(group, compress=compress)
        return self.moves() or anything

    def completions(self) -> bool:
        ending = [job for job in self.running() if self.end(job) <= self.now]
        for job in ending:
            group = self.door_of(job).group
            job.killed = self.will_be_killed(job)
            group.compress |= self.now < self.release(job)
            group.due = True
            self.vacate(job)
            job.end = self.now
            self.lets_go(job)
        return bool(ending)

    def group_of(self, index: int) -> Group:
        return next(group for group in self.groups if index in group.pools)

    def departures(self, *, first: bool) -> bool:
        anything = False
        for index, pool in enumerate(self.pools):
            for node in [node for node in pool.there if node.leaves <= self.now]:
                self.leave(pool, node)
                self.group_of(index).due = anything = True
        for index, pool in enumerate(self.pools):
            for outage in self.rules.outages:
                if first and outage.pool == index and outage.start == self.now:
                    self.group_of(index).due = anything = True
                    if outage.stop:
                        self.stop(index, pool)
        return anything

    def stop(self, index: int, pool: SitePool) -> None:
        """Interrupt the jobs for which there is no room any more."""
        if pool.placement == "packed":
            stays = pool.nodes - self.away(index, self.now)
            for job in self.running([index]):
                if any(job in node.parts for node in pool.there if node.number >= stays):
                    self.interrupt(job)
        else:
            while self.free_at(index, self.now, [], []) < 0 and self.running([index]):
                self.interrupt(self.latest_first(self.running([index]))[0])

    def latest_first(self, jobs: Iterable[SiteJob]) -> list[SiteJob]:
        return sorted(jobs, key=lambda job: (job.began or 0, job.number), reverse=True)

    def arrivals(self, *, first: bool) -> bool:
        anything = False
        for index, pool in enumerate(self.pools):
            group = self.group_of(index)
            for node in [node for node in pool.there if not node.up and node.arrives <= self.now]:
                self.comes_up(pool, node, self.now)
                group.due = group.compress = anything = True
            if first and any(one.pool == index and one.end == self.now for one in self.rules.outages):
                group.due = group.compress = anything = True
        return anything

    def submissions(self, coming: list[SiteJob]) -> bool:
        anything = False
        for job in [job for job in coming if self.submission(job) <= self.now]:
            coming.remove(job)
            if not job.reason:
                job.submit = job.waits_since = self.submission(job)
                if self.never_starts(job):
                    job.reason, job.rejected_at = "hours", self.now
            if job.reason:
                self.lets_follow(job)
                continue
            door = self.door_of(job)
            job.pool, job.need = door.pools[0], self.need(job)
            door.group.queue.append(job)
            door.group.due = anything = True
        return anything

    # starts and ends
    def begin(self, claim: Claim) -> None:
        """Start a job where its claim says, at now."""
        job = claim.job
        assert claim.start == self.now
        self.door_of(job).group.queue.remove(job)
        if not claim.places:
            for index, amount in claim.amounts.items():
                pool = self.pools[index]
                assert 0 < amount <= pool.size - sum(one.amounts[index] for one in self.running([index]))
                if pool.numbered:
                    idle = self.idle(pool)
                    assert amount <= len(idle)
                    for node in idle[:amount]:
                        node.job = job
        for _, node, part in claim.places:
            assert node.up
            node.parts[job] = part
        job.began, job.amounts, job.claim = self.now, claim.amounts, None
        job.pool = next(index for index in self.door_of(job).pools if index in claim.amounts)
        if job.start is None:
            job.start = self.begins(job)

    def vacate(self, job: SiteJob) -> None:
        """Free what a running job holds."""
        assert job.began is not None
        assert job.pool is not None
        job.attempts.append((job.pool, job.began, self.now))
        job.stays.append((job.began, self.now, job.amounts))
        for index in job.amounts:
            for node in self.pools[index].there:
                if job in node.parts:
                    bits = sum(1 << gpu for gpu in node.parts[job].gpus)
                    job.places.append((index, job.began, self.now, node.number, bits))
                if node.job is job or job in node.parts:
                    node.job, node.idle_since = None, self.now
                    node.parts.pop(job, None)
        job.began, job.amounts = None, {}

    def interrupt(self, job: SiteJob, *, counts: bool = True) -> None:
        """§6, and §9 for those that preemption interrupts (which does not count), or that have not started yet."""
        door = self.door_of(job)
        pool, group = self.pools[door.pools[0]], door.group
        speed, overhead, begins = self.speed(job), self.overhead(job), self.begins(job)
        self.vacate(job)
        group.due = group.compress = True
        if self.now < begins:
            if job.start == begins:
                job.start = None
        else:
            if pool.checkpoint:
                worked = max(0, self.now - begins - overhead)
                job.kept += math.floor(worked / pool.checkpoint) * pool.checkpoint * speed
            if counts and job.interruptions >= pool.max_restarts:
                job.failed, job.end = True, self.now
                self.lets_go(job)
                return
            job.interruptions += counts
            job.restarts += 1
        job.waits_since, job.claim = self.now, None
        group.queue.append(job)
        self.lets_go(job)

    def leave(self, pool: Pool, node: Node) -> None:
        for job in [*([node.job] if node.job else []), *sorted(node.parts, key=lambda one: one.number)]:
            assert isinstance(job, SiteJob)
            self.interrupt(job)
        pool.there.remove(node)
        pool.spans.append((node.number, node.launched, node.arrives, self.now))
        if pool.fails:
            pool.there.append(Node(node.number, self.now, self.now + pool.repair))

    # pools that no partition names: bursting (§5) and autoscaling (§6)
    def moves(self) -> bool:
        moved = False
        for job in self.waiting():
            if self.is_held(job):
                continue
            origin = self.door_of(job)
            for index, door in self.ways.items():
                later = self.pools[index]
                due = later.takes(job) and job.waits_since + later.burst_after <= self.now
                if index <= origin.pools[0] or not due or self.passes_alone(job, door) or not self.roomy(index, job):
                    continue
                origin.group.queue.remove(job)
                origin.group.due = origin.group.compress = True
                job.door, job.pool, job.claim = door, index, None
                job.need = self.need(job)
                door.group.queue.append(job)
                door.group.due = moved = True
                break
        return moved

    def roomy(self, index: int, job: SiteJob) -> bool:
        """§5: whether a pool has room for a job that would move there."""
        pool, queue = self.pools[index], self.in_order(self.ways[index].group)
        if pool.placement == "packed":
            origin, job.door = job.door, self.ways[index]
            fits = not queue and self.place(job, self.now) is not None
            job.door = origin
            busy = sum(bool(node.parts) for node in pool.there)
            return fits or pool.nodes - busy >= pool.fills([*queue, job])
        held = sum(one.amounts[index] for one in self.running([index])) + sum(pool.need_of(one) for one in queue)
        return pool.size - held >= pool.need_of(job)

    def autoscale(self) -> bool:
        for index in [index for index, pool in enumerate(self.pools) if pool.elastic]:
            pool, group = self.pools[index], self.group_of(index)
            queue = [job for job in self.in_order(group) if not self.is_held(job)]
            wanted = sum(self.need(job) for job in queue)
            if pool.placement == "packed":
                wanted = pool.fills(list(queue))
            up = sum(node.up for node in pool.there)
            booting, idle = len(pool.there) - up, len(self.idle(pool))
            launch = min(wanted - idle - booting, pool.nodes - up - booting)
            for _ in range(max(0, launch, pool.min_nodes - up - booting)):
                node = Node(pool.launches, self.now, self.now + pool.boot)
                node.leaves = self.now + pool.life(pool.launches)
                pool.there.append(node)
                pool.launches += 1
                group.compress = True
            for node in reversed(self.idle(pool)) if not queue else []:
                more = sum(node.up for node in pool.there) > pool.min_nodes
                if more and node.idle_since + pool.idle_timeout <= self.now:
                    pool.there.remove(node)
                    pool.spans.append((node.number, node.launched, node.arrives, self.now))
        nodes = [node for pool in self.pools for node in pool.there]
        return any(node.leaves <= self.now or (not node.up and node.arrives <= self.now) for node in nodes)

    # the pass (§4, §9)
    def in_order(self, group: Group, order: str = "") -> list[SiteJob]:
        def rank(job: SiteJob) -> tuple[float, float, int]:
            return -self.door_of(job).tier, self.key(job, order or self.order), job.number

        return sorted(group.queue, key=rank)

    def stays(self, pool: Pool) -> list[Stay]:  # noqa: ARG002 - use counts in the cluster as a whole
        ended = [(job.asks, begin, end) for job in self.jobs for begin, end, _ in job.stays]
        return ended + [(job.asks, job.began or 0, math.inf) for job in self.running()]

    def the_pass(self, group: Group, *, compress: bool) -> None:
        if self.order == "multifactor":
            apart(self.key(job, self.order) for job in group.queue)
        if self.backfill == "conservative":
            self.reserve(group, compress=compress)
            return
        self.walk(group)
        if self.backfill == "replan":
            if self.on_time(self.now, self.rules.backfill_period) == self.now:
                group.owed = False
                self.plan_anew(group)
            else:
                group.owed |= bool(group.queue)

    def walk(self, group: Group) -> None:
        """One walk through the queue, with guards."""
        guards: list[Guard] = []
        queue = self.in_order(group)
        looks = math.inf
        while queue and looks > 0:
            job = queue.pop(0)
            if self.is_held(job, guards):
                continue
            if guards:
                looks -= 1
            if self.starts_now(job, guards) or self.preempts(job, guards):
                continue
            guarded = [index for guard in guards for index in guard.pools]
            pools = [index for index in self.door_of(job).pools if index not in guarded]
            if pools:
                guards.append(self.guard(job, pools, guards))
            if len(guards) == 1 and pools and self.backfill == "easy":
                looks = math.inf if self.depth is None else self.depth
                if self.passing_order:
                    queue = self.passing(group, queue, guards)

    def passing(self, group: Group, rest: list[SiteJob], guards: list[Guard]) -> list[SiteJob]:
        """Those that may pass the first guard, in the order for that."""
        if self.depth is not None:
            rest = [job for job in rest if not self.is_held(job, guards)][: self.depth]
        return [job for job in self.in_order(group, self.passing_order) if job in rest]

    def guard(self, job: SiteJob, pools: list[int], guards: list[Guard]) -> Guard:
        """A blocked job as the guard of these pools."""
        if self.backfill in ("none", "replan"):
            return Guard(job, pools)
        claims = [guard.claim for guard in guards if guard.claim is not None]
        times = {self.on_time(time) for time in [*self.instants(self.door_of(job).pools, claims), *self.openings(job)]}
        for time in sorted(time for time in times if self.now < time < math.inf):
            claim = self.place(job, time, claims) if self.allowed(job, time) else None
            if claim is not None:
                if claim.places:
                    return Guard(job, pools, claim)
                extra = {index: self.room(index, time, claim.end, [*claims, claim]) for index in pools}
                return Guard(job, pools, claim, extra)
        return Guard(job, pools)

    def starts_now(self, job: SiteJob, guards: list[Guard]) -> bool:
        """Start the job if it fits at now, and if the guards of its pools let it through."""
        if not self.allowed(job, self.now):
            return False
        closed = self.backfill in ("none", "replan")
        outlasted = [guard for guard in guards if closed or self.now + self.length(job) > guard.shadow]
        packed = self.placement(job) == "packed"
        most: dict[int, float] = {}
        for guard in outlasted:
            most |= dict.fromkeys(guard.pools, 0) | guard.extra
            if packed and guard.claim is not None:
                most |= dict.fromkeys(guard.pools, math.inf)
        claim = self.place(job, self.now, most=most)
        if claim is None:
            return False
        passed = [guard for guard in outlasted if set(guard.pools) & set(claim.amounts)]
        if packed and not self.still_placed(claim, passed, guards):
            return False
        for guard in passed if not packed else []:
            for index in set(guard.pools) & set(claim.amounts):
                guard.extra[index] -= claim.amounts[index]
        self.begin(claim)
        return True

    def still_placed(self, candidate: Claim, passed: list[Guard], guards: list[Guard]) -> bool:
        """Whether these guards could still be placed at their shadows beside a candidate; if so, let them be there."""
        found: dict[Guard, Claim] = {}
        for guard in passed:
            assert guard.claim is not None
            before = guards[: guards.index(guard)]
            claims = [found.get(one, one.claim) for one in before]
            beside = [candidate, *(claim for claim in claims if claim is not None)]
            claim = self.place(guard.job, guard.shadow, beside)
            if claim is None:
                return False
            found[guard] = claim
        for guard, claim in found.items():
            guard.claim = claim
        return True

    # preemption
    def preempts(self, job: SiteJob, guards: list[Guard]) -> bool:
        """Start the job at now in the place of running jobs of lower tiers, if that can be."""
        guarded = {index for guard in guards for index in guard.pools}
        if guarded & set(self.door_of(job).pools):
            return False
        claim = self.preemption(job, [])
        if claim is not None:
            self.begin(claim)
        return claim is not None

    def preemption(self, job: SiteJob, beside: Sequence[Claim]) -> Claim | None:
        """Interrupt whom the job needs gone at now, and return what it then takes; ``None``: it cannot be."""
        if not self.rules.preemption or not self.allowed(job, self.now):
            return None
        door = self.door_of(job)
        lower = [one for one in self.running(door.pools) if self.door_of(one).tier < door.tier]
        victims: list[SiteJob] = []
        for victim in self.latest_first(lower):
            victims.append(victim)
            if self.place(job, self.now, beside, victims) is not None:
                break
        else:
            return None
        for victim in reversed(list(victims)):
            others = [one for one in victims if one is not victim]
            if self.place(job, self.now, beside, others) is not None:
                victims = others
        for victim in victims:
            self.interrupt(victim, counts=False)
        return self.place(job, self.now, beside)

    # conservative
    def reserve(self, group: Group, *, compress: bool) -> None:
        queue = self.in_order(group)
        held = [job for job in queue if self.is_held(job)]
        free = [job for job in queue if job not in held]
        first = free if self.depth is None else free[: self.depth]
        for job in free[len(first) :]:
            job.claim = None
        preemptors = self.preempt_before_reserving(first)
        if preemptors or not self.can_be_kept(group):
            for job in queue:
                job.claim = None
            for job, claim in preemptors.items():
                job.claim = claim
        elif compress:
            for job in [job for job in first if job.claim is not None]:
                job.claim = None
                job.claim = self.earliest_claim(job)
        for job in first:
            if job.claim is None:
                job.claim = self.earliest_claim(job)
        for job in queue:
            if job.claim is None or job.claim.start != self.now:
                continue
            if job in held or self.is_held(job):
                job.claim = None
                group.due = group.compress = True
            else:
                self.begin(job.claim)

    def preempt_before_reserving(self, jobs: list[SiteJob]) -> dict[SiteJob, Claim]:
        """Place jobs beside running ones alone, and let those that have no place at now preempt."""
        preemptors: dict[SiteJob, Claim] = {}
        places: list[Claim] = []
        for job in jobs if self.rules.preemption else []:
            claim = self.earliest_claim(job, places)
            if claim is None or claim.start > self.now:
                preempted = self.preemption(job, places)
                if preempted is not None:
                    claim = preemptors[job] = preempted
            if claim is not None:
                places.append(claim)
        return preemptors

    def reservations(self, group: Group) -> list[Claim]:
        return [job.claim for job in group.queue if job.claim is not None]

    def can_be_kept(self, group: Group) -> bool:
        claims = self.reservations(group)
        for index in group.pools:
            for time in [self.now, *(time for time in self.instants([index], claims) if time > self.now)]:
                covered = any(index in claim.amounts and claim.start <= time < claim.end for claim in claims)
                if covered and self.free_at(index, time, claims, []) < 0:
                    return False
        return True

    # plans made anew
    def plan_anew(self, group: Group) -> None:
        """Place jobs one after another, each at its earliest, and start those whose place is now."""
        plan: list[Claim] = []
        seen: dict[str, int] = {}
        looks = math.inf if self.depth is None else self.depth
        for job in self.in_order(group):
            if self.is_held(job) or looks <= 0:
                continue
            looks -= 1
            if user := job.keys.get("user"):
                seen[user] = seen.get(user, 0) + 1
                if seen[user] > self.rules.backfill_per_user:
                    continue
            claim = self.earliest_claim(job, plan, [one.job for one in plan], self.place_throughout)
            if claim is not None and claim.start <= self.now + self.rules.backfill_window:
                plan.append(claim)
                if claim.start == self.now:
                    self.begin(claim)

    def place_throughout(
        self, job: SiteJob, start: float, beside: Sequence[Claim] = (), without: Collection[SiteJob] = ()
    ) -> Claim | None:
        """As ``place``, and in packed pools where the least that is free on nodes all the time is enough."""
        pools, end = self.door_of(job).pools, start + self.length(job)
        if self.placement(job) != "packed":
            return self.place(job, start, beside, without)
        nodes: dict[int, list[Node]] = {}
        real: dict[Node, Node] = {}
        for index in pools:
            away, nodes[index] = self.most_away(index, start, end), []
            for node in self.pools[index].there:
                if (node.up or node.arrives <= start) and (not away or node.number < self.pools[index].nodes - away):
                    least = Node(node.number, 0, 0)
                    least.parts[job] = self.most_held(node, start, end, beside, without)
                    nodes[index].append(least)
                    real[least] = node
        places = self.share_out(job, pools, nodes, set())
        if places is None:
            return None
        used = [index for index, _, _ in places]
        amounts = {index: used.count(index) for index in dict.fromkeys(used)}
        return Claim(job, start, end, amounts, [(index, real[node], part) for index, node, part in places])

    def most_held(
        self, node: Node, start: float, end: float, beside: Sequence[Claim], without: Collection[SiteJob]
    ) -> Part:
        """The most that is held of a node at any time, of each that it has."""
        claimed = [(claim, part) for claim in beside for _, there, part in claim.places if there is node]
        times = [start, *(claim.start for claim, _ in claimed if start < claim.start < end)]
        most = Part(0, 0, {})
        for time in times:
            held = [part for claim, part in claimed if claim.start <= time < claim.end]
            for job, part in node.parts.items():
                assert isinstance(job, SiteJob)
                if job not in without and self.expected_end(job) > time:
                    held.append(part)
            most.cores = max(most.cores, sum(part.cores for part in held))
            most.memory = max(most.memory, sum(part.memory for part in held))
            for gpu in {gpu for part in held for gpu in part.gpus}:
                most.gpus[gpu] = max(most.gpus.get(gpu, 0), sum(part.gpus.get(gpu, 0) for part in held))
        return most

    def earliest_claim(
        self,
        job: SiteJob,
        beside: list[Claim] | None = None,
        without: Collection[SiteJob] = (),
        place: Callable[..., Claim | None] | None = None,
    ) -> Claim | None:
        """The earliest place of a job beside running jobs and claims (or else all reservations)."""
        place = place or self.place
        door = self.door_of(job)
        claims = self.reservations(door.group) if beside is None else beside
        times = {self.now} | {self.on_time(time) for time in [*self.instants(door.pools, claims), *self.openings(job)]}
        for time in sorted(time for time in times if self.now <= time < math.inf):
            claim = place(job, time, claims, without) if self.allowed(job, time) else None
            if claim is not None:
                return claim
        return None
