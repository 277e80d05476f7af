"""A slow, plain reading of the semantics page, against which the engines are held.

It shares no code with pwsim's rules and engines: it walks from instant to instant, and works everything out anew from
the list of jobs whenever it needs it.  Times are numbers of any kind; use whole ones or fractions that add up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.multifactor_reference import Asks, Multifactor, Stay, apart


@dataclass(eq=False)
class Job:
    """One job and what has become of it."""

    number: int
    submit: float
    run: float
    procs: int
    estimate: float
    nodes: int = 0
    memory: int = 0
    gpus: float = 0
    pool: int | None = None
    need: int = 0
    start: float | None = None
    """The first start."""
    began: float | None = None
    """The start of the attempt that runs."""
    end: float | None = None
    killed: bool = False
    failed: bool = False
    reservation: float | None = None
    waits_since: float = 0
    restarts: int = 0
    kept: float = 0
    """Work that checkpoints have kept, in seconds at speed 1."""
    follows: Job | None = None
    """The job after whose end this one is submitted."""
    think: float = 0
    asks: Asks = field(default_factory=Asks)
    """What the multifactor order knows of it."""
    held: list[int] = field(default_factory=list)
    attempts: list[tuple[int, float, float]] = field(default_factory=list)
    places: list[tuple[int, float, float, int, int]] = field(default_factory=list)
    """Of each attempt in a packed pool and each share: its node, and its GPUs as bits."""


@dataclass
class Part:
    """What a job holds of a node."""

    cores: int
    memory: int
    gpus: dict[int, int]
    """Thousandths by GPU."""


@dataclass(eq=False)
class Node:
    """One node that comes and goes."""

    number: int
    launched: float
    arrives: float
    leaves: float = math.inf
    idle_since: float = 0
    up: bool = False
    job: Job | None = None
    parts: dict[Job, Part] = field(default_factory=dict)
    """What each job holds of it, in a packed pool."""


@dataclass(eq=False)
class Pool:
    """One pool: units of cores or nodes."""

    nodes: int
    cores: int = 1
    placement: str = "cores"
    speed: float = 1
    memory: int | None = None
    gpus: int = 0
    at_least: float = 0
    at_most: float = math.inf
    gpus_at_least: float = 0
    gpus_at_most: float = math.inf
    elastic: bool = False
    min_nodes: int = 0
    boot: float = 0
    idle_timeout: float = math.inf
    burst_after: float = math.inf
    checkpoint: float = 0
    overhead: float = 0
    max_restarts: int = 10
    repair: float = 0
    life: Callable[[int], float] = lambda _: math.inf
    """Life of the k-th launch."""
    uptime: Callable[[int, int], float] = lambda _, __: math.inf
    """Time that a node is up until its k-th failure."""
    fails: bool = False
    something_happened: bool = False
    compress: bool = False
    queue: list[Job] = field(default_factory=list)
    running: list[Job] = field(default_factory=list)
    there: list[Node] = field(default_factory=list)
    launches: int = 0
    failures: dict[int, int] = field(default_factory=dict)
    spans: list[tuple[int, float, float, float]] = field(default_factory=list)

    @property
    def numbered(self) -> bool:
        return self.elastic or self.fails or self.placement == "packed"

    @property
    def size(self) -> int:
        return self.nodes * self.cores if self.placement == "cores" else self.nodes

    def need_of(self, job: Job) -> int:
        """§5: what a job needs here."""
        if self.placement == "cores":
            return job.procs
        needs = [job.nodes, math.ceil(job.procs / self.cores), 1]
        if self.memory:
            needs.append(math.ceil(job.memory / self.memory))
        if self.gpus:
            needs.append(math.ceil(job.gpus / self.gpus))
        return max(needs)

    def takes(self, job: Job) -> bool:
        if job.gpus and (self.placement == "cores" or not self.gpus):
            return False
        accepted = self.at_least <= job.procs <= self.at_most and self.gpus_at_least <= job.gpus <= self.gpus_at_most
        return accepted and self.need_of(job) <= self.size

    # packed pools (§5)
    def share_of(self, job: Job) -> tuple[int, int, int]:
        """Cores, MiB and thousandths of a GPU of each share."""
        count = self.need_of(job)
        milli = math.ceil(round(1000 * job.gpus) / count)
        if milli >= 1000:
            milli = 1000 * math.ceil(job.gpus / count)
        return math.ceil(job.procs / count), math.ceil(job.memory / count) if self.memory else 0, milli

    def free_gpus(self, node: Node, gone: set[Job]) -> list[int]:
        held = [part.gpus for job, part in node.parts.items() if job not in gone]
        return [1000 - sum(gpus.get(gpu, 0) for gpus in held) for gpu in range(self.gpus)]

    def part_for(self, node: Node, job: Job, gone: set[Job]) -> tuple[tuple[int, int, int, int], Part] | None:
        """What a share of the job would hold of the node, and how much would be left; ``None`` if it does not fit."""
        cores, memory, milli = self.share_of(job)
        held = [part for other, part in node.parts.items() if other not in gone]
        cores_left = self.cores - sum(part.cores for part in held) - cores
        memory_left = (self.memory or 0) - sum(part.memory for part in held) - memory
        free = self.free_gpus(node, gone)
        if 0 < milli < 1000:
            fitting = sorted((left, gpu) for gpu, left in enumerate(free) if left >= milli)[:1]
            gpus = {gpu: milli for _, gpu in fitting}
        else:
            gpus = dict.fromkeys([gpu for gpu, left in enumerate(free) if left == 1000][: milli // 1000], 1000)
        if cores_left < 0 or memory_left < 0 or sum(gpus.values()) < milli:
            return None
        return (sum(free) - milli if milli else 0, cores_left, memory_left, node.number), Part(cores, memory, gpus)

    def places(self, job: Job, nodes: list[Node], gone: set[Job] | None = None) -> list[tuple[Node, Part]] | None:
        """Where the job's shares go, one after another, when some jobs are gone."""
        nodes, places = list(nodes), []
        for _ in range(self.need_of(job)):
            found = [(node, self.part_for(node, job, gone or set())) for node in nodes]
            fitting = [(fit[0], node, fit[1]) for node, fit in found if fit is not None]
            if not fitting:
                return None
            _, node, part = min(fitting, key=lambda one: one[0])
            nodes.remove(node)
            places.append((node, part))
        return places

    def fills(self, jobs: list[Job]) -> int:
        """How many empty nodes the jobs would fill, placed in order."""
        used: list[Node] = []
        for job in jobs:
            fresh = [Node(len(used) + more, 0, 0) for more in range(self.need_of(job))]
            for node, part in self.places(job, used + fresh) or []:
                node.parts[job] = part
            used += [node for node in fresh if node.parts]
        return len(used)

    def capacity(self, time: float) -> int:
        """Units that are known to be there at a time, from now on."""
        if not self.numbered:
            return self.size
        return sum(node.up or node.arrives <= time for node in self.there)


class Reference:
    """One replay."""

    def __init__(
        self,
        jobs: list[Job],
        pools: list[Pool],
        order: str,
        backfill: str,
        overrun: str,
        passing_order: str = "",
        depth: int | None = None,
        weights: dict[str, Any] | None = None,
        together: bool = False,
    ) -> None:
        """Take the weights of the multifactor order, and whether use counts in the cluster as a whole."""
        self.weights, self.together = weights, together
        self.jobs, self.pools, self.order, self.backfill, self.overrun = jobs, pools, order, backfill, overrun
        self.passing_order, self.depth = passing_order, depth
        self.now = 0.0

    # what a job is in its pool (§3, §5 speed, §6)
    def overhead(self, job: Job) -> float:
        assert job.pool is not None
        return self.pools[job.pool].overhead if job.restarts else 0

    def estimate(self, job: Job) -> float:
        assert job.pool is not None
        speed = self.pools[job.pool].speed
        if not job.restarts:
            return job.estimate / speed
        return self.overhead(job) + max(1, job.estimate / speed - job.kept / speed)

    def uncut(self, job: Job) -> float:
        assert job.pool is not None
        return self.overhead(job) + (job.run - job.kept) / self.pools[job.pool].speed

    def will_be_killed(self, job: Job) -> bool:
        return self.overrun == "kill" and self.uncut(job) > self.estimate(job)

    def end(self, job: Job) -> float:
        assert job.began is not None
        return job.began + (self.estimate(job) if self.will_be_killed(job) else self.uncut(job))

    def expected_end(self, job: Job) -> float:
        assert job.began is not None
        return max(job.began + self.estimate(job), self.now + 1)

    def idle(self, pool: Pool) -> list[Node]:
        nodes = (node for node in pool.there if node.up and node.job is None and not node.parts)
        return sorted(nodes, key=lambda node: node.number)

    def up(self, pool: Pool) -> list[Node]:
        return sorted((node for node in pool.there if node.up), key=lambda node: node.number)

    def fits(self, pool: Pool, job: Job) -> bool:
        if pool.placement == "packed":
            return pool.places(job, self.up(pool)) is not None
        return job.need <= self.free(pool)

    def free(self, pool: Pool) -> int:
        if pool.numbered:
            return len(self.idle(pool))
        return pool.size - sum(job.need for job in pool.running)

    def submission(self, job: Job) -> float:
        """When a job is submitted, as far as is known now: after the end of the one that it follows, if that can end."""
        if job.follows is None or job.follows.pool is None:
            return job.submit
        return math.inf if job.follows.end is None else job.follows.end + job.think

    # the clock (§2)
    def replay(self) -> list[Job]:  # noqa: C901 - as the page has it
        for job in self.jobs:
            for index, pool in enumerate(self.pools):
                if pool.takes(job):
                    job.pool, job.need = index, pool.need_of(job)
                    break
        for job in self.jobs:
            self.look_up(job, [self.pools[job.pool]] if job.pool is not None else [])
        self.multifactor = Multifactor(self.weights or {}, [job.asks for job in self.jobs]) if self.weights else None
        coming = [job for job in self.jobs if job.pool is not None]
        for pool in self.pools:
            if pool.numbered:
                pool.launches = pool.min_nodes if pool.elastic else pool.nodes
                pool.there = [Node(number, 0, 0) for number in range(pool.launches)]
                for node in pool.there:
                    self.comes_up(pool, node, 0)
        self.now = -1.0
        while any(job.pool is not None and job.end is None for job in self.jobs):
            self.now = min(time for time in self.times(coming) if time > self.now)
            first_round = due = True
            while due:
                while self.one_round(coming, first_round=first_round):
                    first_round = False
                due = self.autoscale()
        for job in [job for job in self.jobs if job.pool is None]:
            job.submit = self.submission(job)
        for pool in self.pools:
            pool.spans += [(node.number, node.launched, node.arrives, max(0, self.now)) for node in pool.there]
            # The replay ends with the last job: what is launched at that instant is not there.
            pool.spans = [span for span in pool.spans if span[1] < self.now or self.now <= 0]
        return self.jobs

    def times(self, coming: list[Job]) -> list[float]:
        times = [self.submission(job) for job in coming]
        for index, pool in enumerate(self.pools):
            times += [self.end(job) for job in pool.running]
            times += [job.reservation for job in pool.queue if job.reservation is not None]
            times += [node.leaves for node in pool.there]
            times += [node.arrives for node in pool.there if not node.up]
            times += [node.idle_since + pool.idle_timeout for node in self.idle(pool)]
            for job in pool.queue:
                times += [job.waits_since + later.burst_after for later in self.pools[index + 1 :] if later.takes(job)]
        return times

    def one_round(self, coming: list[Job], *, first_round: bool) -> bool:  # noqa: C901, PLR0912 - as the page has it
        """Do one round; return whether anything was due in it."""
        anything = False
        for pool in self.pools:
            for job in [job for job in pool.running if self.end(job) <= self.now]:
                job.killed = self.will_be_killed(job)
                assert job.began is not None
                if self.now < job.began + self.estimate(job):
                    pool.compress = True
                self.off(pool, job)
                job.end = self.now
                pool.something_happened = anything = True
        for pool in self.pools:
            for node in [node for node in pool.there if node.leaves <= self.now]:
                self.leave(pool, node)
                pool.something_happened = anything = True
        for pool in self.pools:
            for node in [node for node in pool.there if not node.up and node.arrives <= self.now]:
                self.comes_up(pool, node, self.now)
                pool.something_happened = pool.compress = anything = True
        for job in [job for job in coming if self.submission(job) <= self.now]:
            coming.remove(job)
            job.submit = job.waits_since = self.submission(job)
            assert job.pool is not None
            self.pools[job.pool].queue.append(job)
            self.pools[job.pool].something_happened = anything = True
        if first_round:
            for pool in self.pools:
                if any(job.reservation == self.now for job in pool.queue):
                    pool.something_happened = anything = True
        for pool in self.pools:
            if pool.something_happened:
                anything = True
                pool.something_happened = False
                self.one_pass(pool)
                pool.compress = False
        return self.moves() or anything

    def off(self, pool: Pool, job: Job) -> None:
        pool.running.remove(job)
        assert job.began is not None
        job.attempts.append((self.pools.index(pool), job.began, self.now))
        for node in pool.there:
            if job in node.parts:
                bits = sum(1 << gpu for gpu in node.parts[job].gpus)
                job.places.append((*job.attempts[-1], node.number, bits))
            if node.job is job or job in node.parts:
                node.job, node.idle_since = None, self.now
                node.parts.pop(job, None)
        job.held = []

    # bursting (§5)
    def moves(self) -> bool:
        """Let due jobs move; return whether any did."""
        moved = False
        waiting = [job for pool in self.pools for job in pool.queue]
        for job in sorted(waiting, key=lambda job: job.number):
            assert job.pool is not None
            for index in range(job.pool + 1, len(self.pools)):
                later = self.pools[index]
                if not later.takes(job) or job.waits_since + later.burst_after > self.now:
                    continue
                if self.has_room(later, job):
                    origin = self.pools[job.pool]
                    origin.queue.remove(job)
                    origin.something_happened = origin.compress = True
                    job.pool, job.need, job.reservation = index, later.need_of(job), None
                    later.queue.append(job)
                    later.something_happened = moved = True
                    break
        return moved

    def has_room(self, pool: Pool, job: Job) -> bool:
        if pool.placement == "packed":
            busy = sum(bool(node.parts) for node in pool.there)
            if not pool.queue and pool.places(job, self.up(pool)) is not None:
                return True
            queue = sorted(pool.queue, key=lambda one: (self.key(one, self.order), one.number))
            return pool.nodes - busy >= pool.fills([*queue, job])
        busy, wanted = sum(one.need for one in pool.running), sum(one.need for one in pool.queue)
        return pool.size - busy - wanted >= pool.need_of(job)

    # nodes that come and go (§6)
    def comes_up(self, pool: Pool, node: Node, time: float) -> None:
        node.up, node.idle_since = True, time
        if pool.fails:
            count = pool.failures[node.number] = pool.failures.get(node.number, -1) + 1
            node.leaves = time + pool.uptime(node.number, count)
        elif time == 0 and node.launched == 0 and node.leaves == math.inf:
            node.leaves = pool.life(node.number)

    def leave(self, pool: Pool, node: Node) -> None:
        for job in [*([node.job] if node.job else []), *sorted(node.parts, key=lambda one: one.number)]:
            began, overhead = job.began, self.overhead(job)
            assert began is not None
            self.off(pool, job)
            pool.compress = True
            if pool.checkpoint:
                worked = max(0, self.now - began - overhead)
                job.kept += math.floor(worked / pool.checkpoint) * pool.checkpoint * pool.speed
            if job.restarts >= pool.max_restarts:
                job.failed, job.end = True, self.now
            else:
                job.restarts += 1
                job.waits_since, job.reservation = self.now, None
                pool.queue.append(job)
        pool.there.remove(node)
        pool.spans.append((node.number, node.launched, node.arrives, self.now))
        if pool.fails:
            pool.there.append(Node(node.number, self.now, self.now + pool.repair))

    def autoscale(self) -> bool:
        """Launch and shut down; return whether anything is due at this instant for it."""
        for pool in self.pools:
            if not pool.elastic:
                continue
            wanted = sum(job.need for job in pool.queue)
            if pool.placement == "packed":
                pool.queue.sort(key=lambda job: (self.key(job, self.order), job.number))
                wanted = pool.fills(pool.queue)
            up = sum(node.up for node in pool.there)
            booting, idle = len(pool.there) - up, len(self.idle(pool))
            launch = min(wanted - idle - booting, pool.nodes - up - booting)
            launch = max(0, launch, pool.min_nodes - up - booting)
            for _ in range(launch):
                node = Node(pool.launches, self.now, self.now + pool.boot)
                node.leaves = self.now + pool.life(pool.launches)
                pool.there.append(node)
                pool.launches += 1
                pool.compress = True
            if not pool.queue:
                for node in reversed(self.idle(pool)):
                    more = sum(node.up for node in pool.there) > pool.min_nodes
                    if more and node.idle_since + pool.idle_timeout <= self.now:
                        pool.there.remove(node)
                        pool.spans.append((node.number, node.launched, node.arrives, self.now))
        nodes = [node for pool in self.pools for node in pool.there]
        return any(node.leaves <= self.now or (not node.up and node.arrives <= self.now) for node in nodes)

    # the multifactor order (§4)
    def look_up(self, job: Job, pools: Sequence[Pool]) -> None:
        """Work out what the order knows of a job that goes to some pools, which share a placement."""
        asks = job.asks
        asks.procs, asks.memory, asks.gpus, asks.estimate = job.procs, job.memory, job.gpus, job.estimate
        if pools:
            need = pools[0].need_of(job)
            bag = pools[0].placement == "cores"
            asks.nodes = max(job.nodes, math.ceil(job.procs / pools[0].cores)) if bag else need
            asks.part = need / sum(pool.size for pool in pools) if sum(pool.size for pool in pools) else 0
            if pools[0].placement == "packed":
                cores = sum(pool.nodes * pool.cores for pool in pools)
                asks.part = (asks.part + job.procs / cores) / 2 if cores else 0
            each = {"cpu": "cores", "mem": "memory", "gpu": "gpus"}
            asks.has = {
                name: sum(pool.nodes * (getattr(pool, has) or 0) for pool in pools) for name, has in each.items()
            }
            asks.has["node"] = sum(pool.nodes for pool in pools)

    def stays(self, pool: Pool) -> list[Stay]:
        """What jobs have held, as far as it counts in a pool."""
        held: list[tuple[int, Stay]] = [
            (index, (job.asks, job.began or 0, math.inf)) for index, one in enumerate(self.pools) for job in one.running
        ]
        held += [(index, (job.asks, begin, end)) for job in self.jobs for index, begin, end in job.attempts]
        return [stay for index, stay in held if self.together or self.pools[index] is pool]

    def priority(self, job: Job) -> float:
        assert self.multifactor is not None
        assert job.pool is not None
        factors = self.multifactor.fair_shares(self.now, self.stays(self.pools[job.pool]))
        return self.multifactor.priority(job.asks, self.now - job.submit, factors)

    # the pass (§4)
    def one_pass(self, pool: Pool) -> None:
        apart(self.key(job, self.order) for job in pool.queue if self.order == "multifactor")
        pool.queue.sort(key=lambda job: (self.key(job, self.order), job.number))
        if self.backfill == "conservative":
            self.conservative(pool)
            return
        while pool.queue and self.fits(pool, pool.queue[0]):
            self.start(pool, pool.queue[0])
        if self.backfill == "easy" and pool.queue:
            self.easy(pool)

    def key(self, job: Job, order: str) -> float:
        if order == "multifactor":
            return -self.priority(job)
        wait, procs, estimate = self.now - job.submit, job.procs, job.estimate
        if order == "wfp3":
            return -((wait / estimate) ** 3) * procs
        if order == "unicef":
            return -wait / (math.log2(procs if procs > 1 else 2) * estimate)
        if order in ("f1", "f2", "f3", "f4"):
            size = {
                "f1": math.log10(estimate) * procs,
                "f2": math.sqrt(estimate) * procs,
                "f3": estimate * procs,
                "f4": estimate * math.sqrt(procs),
            }[order]
            weight = {"f1": 870, "f2": 25_600, "f3": 6_860_000, "f4": 530_000}[order]
            return size + (weight * math.log10(job.submit) if job.submit > 1 else 0)
        return {"fcfs": job.submit, "sjf": estimate, "ljf": -estimate, "smallest": procs}[order]

    def start(self, pool: Pool, job: Job) -> None:
        assert self.fits(pool, job)
        pool.queue.remove(job)
        pool.running.append(job)
        job.began = self.now
        if job.start is None:
            job.start = self.now
        job.reservation = None
        if pool.placement == "packed":
            for node, part in pool.places(job, self.up(pool)) or []:
                node.parts[job] = part
        elif pool.numbered:
            for node in self.idle(pool)[: job.need]:
                node.job = job

    def head_can_be_placed(self, pool: Pool, head: Job, time: float) -> bool:
        """§5: whether the head could be placed if the jobs that are expected to have ended by then were gone."""
        gone = {job for job in pool.running if self.expected_end(job) <= time}
        nodes = [node for node in pool.there if node.up or node.arrives <= time]
        return pool.places(head, nodes, gone) is not None

    def easy_packed(self, pool: Pool, behind: list[Job], times: list[float]) -> None:
        head = pool.queue[0]
        shadow = next((time for time in times if self.head_can_be_placed(pool, head, time)), None)
        for job in behind if shadow is not None else []:
            if not self.fits(pool, job):
                continue
            first_start = job.start
            self.start(pool, job)
            assert shadow is not None
            if self.now + self.estimate(job) > shadow and not self.head_can_be_placed(pool, head, shadow):
                for node in pool.there:
                    node.parts.pop(job, None)
                pool.running.remove(job)
                pool.queue.append(job)
                job.start = first_start
        pool.queue.sort(key=lambda job: (self.key(job, self.order), job.number))

    def easy(self, pool: Pool) -> None:
        head = pool.queue[0]
        behind = pool.queue[1 : None if self.depth is None else 1 + self.depth]
        if self.passing_order:
            behind.sort(key=lambda job: (self.key(job, self.passing_order), job.number))
        arrivals = {node.arrives for node in pool.there if not node.up}
        times = sorted({self.expected_end(job) for job in pool.running} | arrivals)
        if pool.placement == "packed":
            self.easy_packed(pool, behind, times)
            return
        for shadow in times:
            later = sum(job.need for job in pool.running if self.expected_end(job) > shadow)
            extra = pool.capacity(shadow) - later - head.need
            if extra >= 0:
                break
        else:
            return
        for job in behind:
            if job.need > self.free(pool):
                continue
            if self.now + self.estimate(job) <= shadow:
                self.start(pool, job)
            elif job.need <= extra:
                extra -= job.need
                self.start(pool, job)

    def conservative(self, pool: Pool) -> None:
        for job in pool.queue[self.depth :] if self.depth else []:
            job.reservation = None
        if not self.reservations_hold(pool):
            for job in pool.queue:
                job.reservation = None
        elif pool.compress:
            for job in [job for job in pool.queue if job.reservation is not None]:
                job.reservation = None
                job.reservation = self.earliest(pool, job)
        for job in pool.queue[: self.depth]:
            if job.reservation is None:
                job.reservation = self.earliest(pool, job)
        for job in [job for job in pool.queue if job.reservation == self.now]:
            self.start(pool, job)

    def taken(self, pool: Pool, time: float) -> int:
        """Units that are spoken for at a time: by running jobs until their expected end, and by reservations."""
        taken = sum(job.need for job in pool.running if time < self.expected_end(job))
        for job in pool.queue:
            if job.reservation is not None and job.reservation <= time < job.reservation + self.estimate(job):
                taken += job.need
        return taken

    def changes(self, pool: Pool) -> list[float]:
        times = {self.now} | {self.expected_end(job) for job in pool.running}
        times |= {node.arrives for node in pool.there if not node.up}
        for job in pool.queue:
            if job.reservation is not None:
                times |= {job.reservation, job.reservation + self.estimate(job)}
        return sorted(time for time in times if time >= self.now)

    def reservations_hold(self, pool: Pool) -> bool:
        return all(self.taken(pool, time) <= pool.capacity(time) for time in self.changes(pool))

    def earliest(self, pool: Pool, job: Job) -> float | None:
        changes = self.changes(pool)
        for start in changes:
            end = start + self.estimate(job)
            if all(self.taken(pool, time) + job.need <= pool.capacity(time) for time in changes if start <= time < end):
                return start
        return None
