"""A slow, plain reading of the semantics page, against which the engines are held.

It shares no code with pwsim's rules and engines: it walks from instant to instant, and works everything out anew from
the list of jobs whenever it needs it.  Times are numbers of any kind; use whole ones or fractions that add up exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Job:
    """One job and what has become of it."""

    number: int
    submit: float
    run: float
    procs: int
    estimate: float
    nodes: int = 0
    memory: int = 0
    pool: int | None = None
    need: int = 0
    start: float | None = None
    done: bool = False
    killed: bool = False
    reservation: float | None = None


@dataclass
class Pool:
    """One pool: units of cores or nodes."""

    nodes: int
    cores: int = 1
    placement: str = "cores"
    speed: float = 1
    memory: int | None = None
    at_least: int = 0
    at_most: float = math.inf
    something_happened: bool = False
    compress: bool = False
    queue: list[Job] = field(default_factory=list)
    running: list[Job] = field(default_factory=list)

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
        return max(needs)

    def takes(self, job: Job) -> bool:
        return self.at_least <= job.procs <= self.at_most and self.need_of(job) <= self.size


class Reference:
    """One replay, always-up pools only."""

    def __init__(
        self,
        jobs: list[Job],
        pools: list[Pool],
        order: str,
        backfill: str,
        overrun: str,
        passing_order: str = "",
        depth: int | None = None,
    ) -> None:
        self.jobs, self.pools, self.order, self.backfill, self.overrun = jobs, pools, order, backfill, overrun
        self.passing_order, self.depth = passing_order, depth
        self.now = 0.0

    # what a job is in its pool (§3, §5 speed)
    def estimate(self, job: Job) -> float:
        assert job.pool is not None
        return job.estimate / self.pools[job.pool].speed

    def length(self, job: Job) -> float:
        assert job.pool is not None
        run = job.run / self.pools[job.pool].speed
        if self.overrun == "kill" and job.run > job.estimate:
            return self.estimate(job)
        return run

    def end(self, job: Job) -> float:
        assert job.start is not None
        return job.start + self.length(job)

    def expected_end(self, job: Job) -> float:
        assert job.start is not None
        return max(job.start + self.estimate(job), self.now + 1)

    def free(self, pool: Pool) -> int:
        return pool.size - sum(job.need for job in pool.running)

    # the clock (§2)
    def replay(self) -> list[Job]:
        for job in self.jobs:
            for index, pool in enumerate(self.pools):
                if pool.takes(job):
                    job.pool, job.need = index, pool.need_of(job)
                    break
        coming = [job for job in self.jobs if job.pool is not None]
        while True:
            times = [job.submit for job in coming]
            for pool in self.pools:
                times += [self.end(job) for job in pool.running]
                times += [job.reservation for job in pool.queue if job.reservation is not None]
            if not times:
                return self.jobs
            self.now = min(times)
            first_round = True
            while self.one_round(coming, first_round=first_round):
                first_round = False

    def one_round(self, coming: list[Job], *, first_round: bool) -> bool:
        anything = False
        for pool in self.pools:
            for job in [job for job in pool.running if self.end(job) <= self.now]:
                pool.running.remove(job)
                job.done = True
                assert job.start is not None
                job.killed = self.overrun == "kill" and job.run > job.estimate
                if self.now < job.start + self.estimate(job):
                    pool.compress = True
                pool.something_happened = anything = True
        while coming and coming[0].submit <= self.now:
            job = coming.pop(0)
            assert job.pool is not None
            self.pools[job.pool].queue.append(job)
            self.pools[job.pool].something_happened = anything = True
        if first_round:
            for pool in self.pools:
                if any(job.reservation == self.now for job in pool.queue):
                    pool.something_happened = anything = True
        for pool in self.pools:
            if pool.something_happened:
                pool.something_happened = False
                self.one_pass(pool)
                pool.compress = False
        return anything

    # the pass (§4)
    def one_pass(self, pool: Pool) -> None:
        pool.queue.sort(key=lambda job: (self.key(job, self.order), job.number))
        if self.backfill == "conservative":
            self.conservative(pool)
            return
        while pool.queue and pool.queue[0].need <= self.free(pool):
            self.start(pool, pool.queue[0])
        if self.backfill == "easy" and pool.queue:
            self.easy(pool)

    def key(self, job: Job, order: str) -> float:
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
        return {"fcfs": 0, "sjf": estimate, "ljf": -estimate, "smallest": procs}[order]

    def start(self, pool: Pool, job: Job) -> None:
        assert job.need <= self.free(pool)
        pool.queue.remove(job)
        pool.running.append(job)
        job.start = self.now

    def easy(self, pool: Pool) -> None:
        head = pool.queue[0]
        for shadow in sorted({self.expected_end(job) for job in pool.running}):
            later = sum(job.need for job in pool.running if self.expected_end(job) > shadow)
            extra = pool.size - later - head.need
            if extra >= 0:
                break
        else:
            return
        behind = pool.queue[1 : None if self.depth is None else 1 + self.depth]
        if self.passing_order:
            behind.sort(key=lambda job: (self.key(job, self.passing_order), job.number))
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
        for job in pool.queue:
            if job.reservation is not None:
                times |= {job.reservation, job.reservation + self.estimate(job)}
        return sorted(time for time in times if time >= self.now)

    def reservations_hold(self, pool: Pool) -> bool:
        return all(self.taken(pool, time) <= pool.size for time in self.changes(pool))

    def earliest(self, pool: Pool, job: Job) -> float:
        changes = self.changes(pool)
        for start in changes:
            end = start + self.estimate(job)
            if all(self.taken(pool, time) + job.need <= pool.size for time in changes if start <= time < end):
                return start
        raise AssertionError("a job that the pool can hold always finds a place")
