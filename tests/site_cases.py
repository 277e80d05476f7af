"""Schedules under site rules (semantics §9), worked out by hand: data for whatever replays them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from pwsim.cluster import Multifactor
from pwsim.engine.inputs import lives, uptimes
from tests.site_reference import Hours, Limit, Outage, Partition, Rules, SiteJob, SitePool, SiteReference

Data = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What is replayed, and what has to come out."""

    name: str
    jobs: list[Data]
    starts: list[float | None]
    pools: list[Data]
    partitions: list[Data] = field(default_factory=list)
    limits: list[Data] = field(default_factory=list)
    hours: list[Data] = field(default_factory=list)
    outages: list[Data] = field(default_factory=list)
    period: float | None = None
    start_delay: float = 0
    preemption: bool = False
    backfill_period: float | None = None
    backfill_window: float | None = None
    backfill_per_user: int | None = None
    order: str = "fcfs"
    backfill: str = "easy"
    overrun: str = "allow"
    passing_order: str = ""
    depth: int | None = None
    multifactor: Data = field(default_factory=dict)
    """Weights of the order, where they are not as always."""
    statuses: str = ""
    """A letter a job: completed, killed, failed or rejected; all are completed if left out."""
    ends: list[float | None] | None = None
    used: list[list[int]] | None = None
    """Of each job, the pools that its last attempt used."""
    reasons: dict[int, str] = field(default_factory=dict)
    """By job."""
    restarts: list[int] | None = None


def job(submit: float, procs: int, run: float, estimate: float | None = None, **more: Any) -> Data:
    """A job; `queue`, `user`, ... are what the log says, `after` are numbers of jobs."""
    return {"submit": submit, "procs": procs, "run": run, "estimate": estimate or run} | more


def cores(*counts: int, **more: Any) -> list[Data]:
    """Pools of so many nodes of one core."""
    return [{"nodes": count} | more for count in counts]


def packed(*counts: int, **more: Any) -> list[Data]:
    return [{"nodes": count, "cores": 4, "placement": "packed"} | more for count in counts]


def door(name: str, *pools: int, queue: str | None = None, **more: Any) -> Data:
    """A partition, for jobs of a queue or for all."""
    return {"name": name, "pools": list(pools), "where": {} if queue is None else {"queue": queue}} | more


def replay(
    case: Case, drawn: Callable[[int, Data], Data] = lambda _, __: {}, kind: type[SiteReference] = SiteReference
) -> SiteReference:
    """Replay a case with the reference; ``drawn`` gives what is drawn for a pool that fails or is interrupted."""
    jobs, known = [], {one.name for one in fields(SiteJob)}
    for number, row in enumerate(case.jobs):
        own = {name: value for name, value in row.items() if name in known and name != "after"}
        jobs.append(SiteJob(number, keys={name: row[name] for name in row if name not in known}, **own))
    for one, row in zip(jobs, case.jobs, strict=True):
        one.after = [jobs[number] for number in row.get("after", [])]
    said = {one.name for one in fields(SitePool)}
    pools = []
    for index, pool in enumerate(case.pools):
        usual: Data = {"placement": "nodes" if pool.get("elastic") else "cores"}
        more = {name: value for name, value in pool.items() if name in said}
        pools.append(SitePool(**usual | more | drawn(index, pool)))
    rules = Rules(
        of_jobs(Partition, case.partitions), of_jobs(Limit, case.limits), of_jobs(Hours, case.hours),
        [Outage(**outage) for outage in case.outages], case.period, case.start_delay, case.preemption,
        case.backfill_period, case.backfill_window or math.inf, case.backfill_per_user or math.inf,
    )  # fmt: skip
    weights = Multifactor.model_validate(case.multifactor).model_dump() if case.order == "multifactor" else None
    site = kind(jobs, pools, rules, case.order, case.backfill, case.overrun, case.passing_order, case.depth, weights)
    site.replay()
    return site


def drawn(index: int, pool: Data) -> Data:
    """What is drawn for a pool that fails or is interrupted, as pwsim draws it with seed 1."""
    name = f"pool{index}"
    more: Data = {}
    if "mtbf" in pool:
        more["fails"] = True
        more["uptime"] = lambda node, failure: float(uptimes(1, name, node, pool["mtbf"], failure + 1)[failure])
    if "life" in pool:
        more["life"] = lambda launch: float(lives(1, name, pool["life"], launch + 1)[launch])
    return more


def of_jobs(kind: Any, rows: list[Data]) -> list[Any]:
    return [kind(**{k: v for k, v in row.items() if k != "where"}, takes=takes(row.get("where", {}))) for row in rows]


def takes(where: Data) -> Callable[[Any], bool] | None:
    """Whether a job is one of those: all that is said must be what the log says of it."""
    return (lambda one: all(one.keys.get(name) == value for name, value in where.items())) if where else None


X: Data = {"queue": "x"}
Y: Data = {"queue": "y"}
ANN: Data = {"user": "ann"}
BOB: Data = {"user": "bob"}
LOW: Data = {"queue": "low"}
HIGH: Data = {"queue": "high"}
BOTH = [door("both", 0, 1)]
X_AND_Y = [door("first", 0, queue="x"), door("both", 0, 1, queue="y")]
TIERS = [door("low", 0, queue="low"), door("high", 0, queue="high", tier=1)]

PARTITIONS = [
    # Job 0 takes 2 of the first pool and 1 of the second; job 1 the other of the second until 5, then job 2.
    Case("pool after pool", [job(0, 3, 10), job(0, 1, 5), job(0, 1, 5)], [0, 0, 5], cores(2, 2), BOTH,
         used=[[0, 1], [1], [1]]),
    # The fast pool comes first.  Job 0 runs there alone: 5 s.  Job 1 needs 3, from 5 on, and runs at the slow one's speed.
    Case("the slowest pool used", [job(0, 2, 10), job(0, 3, 10)], [0, 5],
         [{"nodes": 2}, {"nodes": 2, "speed": 2}], [door("all", 1, 0)], ends=[5, 15], used=[[1], [1, 0]]),
    # Job 0 takes 2 slow and 1 fast until 10.  Job 1 (2) is blocked, shadow 10: the two slow ones; extra: 2 fast.  Job 2 counts
    # as 8 s: 2 + 8 <= 10, it starts in the fast pool and ends at 6.  Job 3 counts as 9 s, 6 + 9 > 10, but is within the extra.
    Case("fits go by the slowest pool of the partition", [job(0, 3, 10), job(1, 2, 10), job(2, 1, 8), job(2, 1, 9)],
         [0, 10, 2, 6], [{"nodes": 2}, {"nodes": 2, "speed": 2}], BOTH, ends=[10, 20, 6, 10.5]),
    # Job 0 takes 2 of a, 1 of b.  Job 1 (2) is blocked and guards a and b.  Job 2 has all of c, job 3 may not use b: it
    # guards c, and starts there at 6.
    Case("none: guarded pools give nothing", [job(0, 3, 10, **X), job(1, 2, 5, **X), job(1, 2, 5, **Y), job(1, 1, 5, **Y)],
         [0, 10, 1, 6], cores(2, 2, 2), [door("ab", 0, 1, queue="x"), door("bc", 1, 2, queue="y")], backfill="none",
         used=[[0, 1], [0], [2], [2]]),
    # Job 1 (3) has shadow 10: 2 of a, 1 of b; extra: 1 of b.  Job 2 outlasts it and uses that up; job 3 may not; job 4 ends by
    # 10.  Job 1 runs until 20, then job 3.
    Case("easy: extra by pool", [job(0, 2, 10, **X), job(1, 3, 10, **Y), job(2, 1, 20, **Y), job(2, 1, 20, **Y), job(2, 1, 8, **Y)],
         [0, 10, 2, 20, 2], cores(2, 2), X_AND_Y, used=[[0], [0, 1], [1], [0], [1]]),
    # Job 2 came last but its partition's tier is higher.
    Case("tier before order", [job(0, 2, 10, **LOW), job(1, 2, 5, **LOW), job(2, 2, 5, **HIGH)], [0, 15, 10], cores(2), TIERS,
         backfill="none"),
    # Job 0 asks for more than max_time, job 1 for more than "long" has; job 2 goes to the default; job 3 to "long".
    Case("reasons and the default", [job(0, 1, 11, queue="long"), job(0, 3, 5, queue="long"), job(0, 4, 5), job(0, 2, 10, queue="long")],
         [None, None, 0, 0], cores(2, 4), [door("rest", 1, default=True), door("long", 0, queue="long", max_time=10)],
         statuses="rrcc", reasons={0: "max_time", 1: "too_large"}),
    Case("no door", [job(0, 1, 5, queue="z"), job(0, 1, 5, **X)], [None, 0], cores(2), [door("only", 0, queue="x")],
         statuses="rc", reasons={0: "no_door"}),
    # Jobs of no partition go to the pool that none names; job 1 is too large for it.
    Case("pools that no partition names", [job(0, 2, 5), job(0, 3, 5), job(0, 3, 5, **X), job(0, 2, 5)], [0, None, 0, 5],
         cores(4, 2), [door("only", 0, queue="x")], statuses="crcc", used=[[1], [], [0], [1]]),
    # Job 1 waits at the door from 1; at 4 it may move to the second pool.
    Case("moves out of a partition", [job(0, 2, 10), job(1, 2, 5)], [0, 4],
         [{"nodes": 2}, {"nodes": 2, "burst_after": 3}], [door("own", 0)], used=[[0], [1]]),
    # Job 1 guards.  One more is looked at, job 2, which does not fit; job 3 would.
    Case("depth", [job(0, 3, 10), job(1, 4, 5), job(1, 2, 3), job(1, 1, 3)], [0, 10, 15, 15], cores(4), [door("all", 0)], depth=1),
    # Job 3 is the shorter one: it passes job 1 first.  From 5 on, job 2 would end at 14, after the shadow, 10.
    Case("passing order", [job(0, 3, 10), job(1, 4, 5), job(1, 1, 9), job(1, 1, 4)], [0, 10, 15, 1], cores(4), [door("all", 0)],
         passing_order="sjf"),
    # Job 1 guards the first pool, shadow 10.  Job 2 (4) guards the second, shadow 15 after job 1.  Job 3 outlasts both, and
    # there is no extra; job 4 ends at 10: it may use either, and takes what is free of the first pool.
    Case("two guards", [job(0, 1, 10, **X), job(1, 2, 5, **X), job(2, 4, 5, **Y), job(3, 1, 20, **Y), job(3, 1, 7, **Y)],
         [0, 10, 15, 20, 3], cores(2, 2), X_AND_Y, used=[[0], [0], [0, 1], [0], [0]]),
]  # fmt: skip

LIMITS = [
    Case("one job a user", [job(0, 1, 10, **ANN), job(0, 1, 10, **ANN), job(0, 1, 5, **BOB)], [0, 10, 0], cores(4),
         limits=[{"at_most": {"jobs": 1}, "per": "user"}]),
    # Ann may hold 3.  At 1 her job 1 (2) is held, at 2 her job 2 (1) is not.
    Case("cores of a user", [job(0, 2, 10, **ANN), job(1, 2, 5, **ANN), job(2, 1, 5, **ANN)], [0, 10, 2], cores(8),
         limits=[{"at_most": {"cores": 3}, "per": "user"}]),
    # Job 1 (3) is blocked and guards.  Beside it Ann may hold 1 more: job 2, and job 3 when that has ended, at 4.
    Case("guards count", [job(0, 3, 10, **BOB), job(1, 3, 5, **ANN), job(2, 1, 2, **ANN), job(2, 1, 2, **ANN)], [0, 10, 2, 4],
         cores(4), limits=[{"at_most": {"cores": 4}, "per": "user"}]),
    # 5 processors are 2 nodes of 4, and alone pass the cap.  Job 1 is one node.
    Case("alone beyond a cap", [job(0, 5, 5, **ANN), job(0, 4, 5, **ANN)], [None, 0], [{"nodes": 2, "cores": 4}],
         limits=[{"at_most": {"nodes": 1}, "per": "user"}], statuses="rc", reasons={0: "limit"}),
    Case("no key, no cap", [job(0, 1, 5), job(0, 1, 5)], [0, 0], cores(4), limits=[{"at_most": {"jobs": 1}, "per": "account"}]),
    # Job 0 is in the first pool, job 1 waits for the second.  That job 0 ends makes a pass due there.
    Case("across groups", [job(0, 1, 10, **ANN), job(1, 2, 5, **ANN)], [0, 10], [{"nodes": 1, "at_most": 1}, {"nodes": 2}],
         limits=[{"at_most": {"jobs": 1}, "per": "user"}]),
    Case("of some jobs", [job(0, 1, 10, **X), job(0, 1, 10, **X), job(0, 1, 5, **Y)], [0, 10, 0], cores(4),
         limits=[{"at_most": {"jobs": 1}, "where": X}]),
    # Job 1 is held and in nobody's way: job 2 starts.  At 10 job 1 is blocked until 22.
    Case("held jobs do not block", [job(0, 2, 10, **ANN), job(1, 4, 5, **ANN), job(2, 2, 20, **BOB)], [0, 22, 2], cores(4),
         limits=[{"at_most": {"jobs": 1}, "per": "user"}], backfill="none"),
    # The same, for held jobs reserve nothing.
    Case("held jobs reserve nothing", [job(0, 2, 10, **ANN), job(1, 4, 5, **ANN), job(2, 2, 20, **BOB)], [0, 22, 2], cores(4),
         limits=[{"at_most": {"jobs": 1}, "per": "user"}], backfill="conservative"),
    # At 1 nothing of Ann's runs: jobs 1 and 2 both reserve 10, job 3 gets 15.  At 10 job 1 starts, job 2 is held, and gives up; in the
    # next round, by compression, job 3 starts at 10, and at 15 job 2 does.
    Case("a due reservation of a held job is given up",
         [job(0, 4, 10, **BOB), job(1, 2, 5, **ANN), job(1, 2, 5, **ANN), job(2, 2, 5, **BOB)], [0, 10, 15, 10], cores(4),
         limits=[{"at_most": {"jobs": 1}, "per": "user"}], backfill="conservative"),
    # Whole nodes of 2 cores: job 0 holds 4 cores, job 1 would hold 2.
    Case("all cores of whole nodes", [job(0, 3, 10, account="a"), job(0, 1, 5, account="a"), job(0, 1, 5, account="b")], [0, 10, 0],
         [{"nodes": 4, "cores": 2, "placement": "nodes"}], limits=[{"at_most": {"cores": 4}, "per": "account"}]),
    # A cap of 2 for each partition: jobs 0 and 1 came through "first".
    Case("by partition", [job(0, 2, 10, **X), job(0, 1, 5, **X), job(0, 2, 5, **Y)], [0, 10, 0], cores(4, 4), X_AND_Y,
         limits=[{"at_most": {"cores": 2}, "per": "partition"}]),
    # Job 1 waits for the end of job 0, job 3 for that of job 2, which is too large and never comes.
    Case("dependencies", [job(0, 1, 7), job(0, 1, 5, after=[0]), job(3, 9, 5), job(1, 1, 5, after=[2])], [0, 7, None, 3], cores(4),
         statuses="ccrc"),
    # Two of the array at once.
    Case("array", [job(0, 1, 4, array="a", array_limit=2), job(0, 1, 6, array="a", array_limit=2),
                   job(0, 1, 5, array="a", array_limit=2), job(0, 1, 5, array="b", array_limit=2)], [0, 0, 4, 0], cores(4)),
    # Of the array, job 1 guards until 10, and counts: job 2 is held, though it would fit beside job 0.
    Case("array: guards count", [job(0, 3, 10), job(0, 4, 5, array="a", array_limit=1), job(0, 1, 5, array="a", array_limit=1)],
         [0, 10, 15], cores(4)),
    # Job 0 is interrupted at 3, which makes room in its array, but not in the machine.  At 8 it comes first, and begins anew.
    Case("array: an interrupted task", [job(0, 1, 10, **LOW, array="a", array_limit=1), job(0, 1, 5, **LOW, array="a", array_limit=1),
                                        job(3, 1, 5, **HIGH)], [0, 18, 3], cores(1), TIERS, preemption=True, ends=[18, 23, 8]),
    # Job 1 is held until 10, and nobody reserves for it: job 2 has the machine until 21.
    Case("waiting for others reserves nothing", [job(0, 2, 10), job(0, 4, 5, after=[0]), job(1, 2, 20)], [0, 21, 1], cores(4),
         backfill="conservative"),
    # Job 2 waits for both; that job 1, which outlives its estimate, fails for good when it is interrupted at 5 is an end.
    Case("one that fails has ended", [job(0, 1, 3), job(0, 1, 20, 4), job(0, 1, 5, after=[0, 1])], [0, 0, 10], cores(2, max_restarts=0),
         outages=[{"pool": 0, "start": 5, "end": 10, "stop": True}], statuses="cfc", ends=[3, 5, 15]),
    # Job 2, of both nodes, guards from 10 on; but then job 1 is held no more, and comes before it.
    Case("whole nodes", [job(0, 4, 10), job(0, 4, 5, after=[0]), job(0, 8, 5)], [0, 10, 15], [{"nodes": 2, "cores": 4, "placement": "nodes"}]),
    # Job 2 (two shares of 3) and job 3 are of one array; job 1 is beside job 0's place when that has ended.
    Case("packed", [job(0, 2, 10), job(0, 2, 5, after=[0]), job(0, 6, 5, array="a", array_limit=1), job(0, 1, 5, array="a", array_limit=1)],
         [0, 10, 0, 5], packed(3)),
    # Jobs 0 and 1 wait for each other.  When job 2 has ended nothing more will happen.
    Case("never", [job(0, 1, 5, after=[1]), job(0, 1, 5, after=[0]), job(0, 1, 5)], [None, None, 0], cores(4), statuses="ffc",
         ends=[5, 5, 5], reasons={0: "never", 1: "never"}),
]  # fmt: skip

HOURS = [
    Case("an opening", [job(0, 1, 5, **X), job(0, 1, 5)], [10, 0], cores(4), hours=[{"windows": [(10, 20)], "where": X}]),
    # 5 + 6 > 10: the next window.  5 + 5 is in time.
    Case("whole", [job(5, 1, 6), job(5, 1, 5)], [20, 5], cores(4), hours=[{"windows": [(0, 10), (20, 30)], "whole": True}]),
    Case("all rules must allow", [job(0, 1, 5, queue="x", user="ann"), job(0, 1, 5, **X)], [10, 5], cores(4),
         hours=[{"windows": [(5, 15)], "where": X}, {"windows": [(10, 20)], "where": ANN}]),
    # Job 0 is held at 0 and in nobody's way: job 1 runs from 1 to 31; the next window opens at 40.
    Case("held jobs do not block", [job(0, 2, 5, **X), job(1, 2, 30)], [40, 1], cores(2),
         hours=[{"windows": [(10, 20), (40, 50)], "where": X}], backfill="none"),
    # With drain job 0 guards, shadow 10, no extra.  Job 1 ends by then, job 2 does not.
    Case("drain", [job(0, 2, 5, **X), job(1, 1, 9), job(1, 1, 10)], [10, 1, 15], cores(2),
         hours=[{"windows": [(10, 20)], "where": X, "drain": True}]),
    Case("until", [job(0, 1, 5)], [7], cores(2), hours=[{"windows": [(20, 30)], "until": 7}]),
    Case("since", [job(0, 1, 5), job(5, 1, 5)], [0, 20], cores(2), hours=[{"windows": [(20, 30)], "since": 5}]),
    # No window is as long as job 0, and none is left when job 2 comes.
    Case("never", [job(0, 1, 11), job(0, 1, 10), job(12, 1, 1)], [None, 0, None], cores(4), statuses="rcr",
         hours=[{"windows": [(0, 10)], "whole": True}], reasons={0: "hours", 2: "hours"}),
    # Job 1 finds no window any more when job 0 has ended; that job 2 is rejected at 4 is not when it is given up.
    Case("given up at the last end", [job(0, 1, 3), job(0, 1, 1), job(4, 1, 1)], [0, None, None], cores(1), statuses="cfr",
         hours=[{"windows": [(0, 1)]}], ends=[3, 3, None], reasons={1: "never", 2: "hours"}),
    # The close is not in the window.
    Case("the close", [job(0, 1, 5), job(10, 1, 5)], [0, 15], cores(4), hours=[{"windows": [(0, 10), (15, 16)]}]),
    # At 1 job 1 is in its window and reserves, at the earliest from 8 on that it allows: 10.  Job 2 fits before.
    Case("conservative: reservations in windows", [job(0, 2, 8), job(1, 2, 4, **X), job(2, 2, 2)], [0, 10, 8], cores(2),
         hours=[{"windows": [(0, 5), (10, 20)], "where": X}], backfill="conservative"),
    # 10 + 5 > 12, so the shadow of job 1 is 20.  Job 2 ends by then.
    Case("drain, whole", [job(0, 1, 10), job(1, 2, 5, **X), job(2, 1, 18)], [0, 20, 2], cores(2),
         hours=[{"windows": [(0, 12), (20, 30)], "where": X, "drain": True, "whole": True}]),
    # Job 0 reserves 10 to 15 though its hours do not allow 0.  Job 1 (12 s) has to go after it, job 2 fits before.
    Case("conservative, drain", [job(0, 2, 5, **X), job(0, 2, 12), job(0, 2, 10)], [10, 15, 0], cores(2),
         hours=[{"windows": [(10, 20)], "where": X, "drain": True}], backfill="conservative"),
    # Nodes are launched for job 0 when its hours begin: there at 15.
    Case("elastic: nothing for held jobs", [job(0, 1, 5)], [15], [{"nodes": 2, "elastic": True, "boot": 5, "idle_timeout": 0}],
         hours=[{"windows": [(10, 20)]}]),
    # With drain at once: there at 5, and kept, for a job waits.
    Case("elastic, drain", [job(0, 1, 5)], [10], [{"nodes": 2, "elastic": True, "boot": 5, "idle_timeout": 0}],
         hours=[{"windows": [(10, 20)], "drain": True}]),
    # Job 1 might move from 2 on but is held until 5.
    Case("held jobs do not move", [job(0, 2, 10), job(0, 2, 5, **X)], [0, 5], [{"nodes": 2}, {"nodes": 2, "burst_after": 2}],
         hours=[{"windows": [(5, 20)], "where": X}], used=[[0], [1]]),
]  # fmt: skip

OUTAGES = [
    # 0 + 6 > 5: job 0 waits for the end, shadow 10.  Job 1 fits before.
    Case("no room for the whole time", [job(0, 1, 6), job(0, 1, 5)], [10, 0], cores(2), outages=[{"pool": 0, "start": 5, "end": 10}]),
    # Job 0 (2) has shadow 10 and leaves nothing; job 1 would outlast it.
    Case("of one node", [job(0, 2, 6), job(0, 1, 20)], [10, 16], cores(2), outages=[{"pool": 0, "start": 5, "end": 10, "nodes": 1}]),
    # Job 0 outlives its estimate and the start of the outage.
    Case("drain", [job(0, 2, 8, 5), job(1, 1, 1)], [0, 10], cores(2), outages=[{"pool": 0, "start": 5, "end": 10}], ends=[8, 11]),
    # The same, but it is stopped at 5, and starts anew at 10.
    Case("stop", [job(0, 2, 8, 5), job(1, 1, 1)], [0, 18], cores(2), outages=[{"pool": 0, "start": 5, "end": 10, "stop": True}],
         ends=[18, 19], restarts=[1, 0]),
    # 1 away, 2 from 5 to 10, not 3.  Job 0 (3) can begin at 10; job 1 (2) be done by then.
    Case("overlapping: the largest", [job(0, 3, 6), job(0, 2, 10)], [10, 0], cores(4),
         outages=[{"pool": 0, "start": 0, "end": 20, "nodes": 1}, {"pool": 0, "start": 5, "end": 10, "nodes": 2}]),
    # All three outlive their estimates.  At 5 two of three are lost: jobs 2 and 1 began last.  Job 0 ends at 8: job 1 takes its place
    # until 16; job 2 at 10 until 18.
    Case("stop: latest first", [job(0, 1, 8, 5), job(1, 1, 8, 4), job(2, 1, 8, 3)], [0, 1, 2], cores(3),
         outages=[{"pool": 0, "start": 5, "end": 10, "nodes": 2, "stop": True}], ends=[8, 16, 18], restarts=[0, 1, 1]),
    # Interruptions by outages count: none is allowed.
    Case("stop: the last restart", [job(0, 1, 8, 5)], [0], cores(1, max_restarts=0),
         outages=[{"pool": 0, "start": 5, "end": 10, "stop": True}], ends=[5], statuses="f"),
    # Node 1 is away: job 1 waits for node 0.
    Case("packed: the highest numbers", [job(0, 4, 5), job(0, 4, 5)], [0, 5], packed(2),
         outages=[{"pool": 0, "start": 0, "end": 10, "nodes": 1}]),
    # Job 1 is on node 1, lost at 4; node 0 is free at 8.
    Case("packed, stop", [job(0, 4, 8, 3), job(0, 4, 8, 3)], [0, 0], packed(2),
         outages=[{"pool": 0, "start": 4, "end": 10, "nodes": 1, "stop": True}], ends=[8, 16], restarts=[0, 1]),
    # Job 0 would run into the outage of the first pool; job 1 would not.
    Case("of one pool of a partition", [job(0, 2, 6), job(0, 2, 5)], [0, 0], cores(2, 2), BOTH,
         outages=[{"pool": 0, "start": 5, "end": 10}], used=[[1], [0]]),
    # At 0 job 1 reserves 10 and job 2 14.  At 2 job 0 ends early: 2 + 4 > 5, but 2 + 3 is in time.
    Case("conservative", [job(0, 2, 2, 5), job(0, 2, 4), job(0, 2, 3)], [0, 10, 2], cores(2),
         outages=[{"pool": 0, "start": 5, "end": 10}], backfill="conservative"),
    # Nodes of 2 cores: one away leaves 2 processors, until 10.
    Case("nodes of a bag of cores", [job(0, 3, 5), job(0, 2, 10)], [10, 0], [{"nodes": 2, "cores": 2}],
         outages=[{"pool": 0, "start": 0, "end": 10, "nodes": 1}]),
]  # fmt: skip

TIMES = [
    # Job 0 ends at 3; there is no pass before 10.
    Case("period", [job(0, 1, 3), job(1, 1, 5)], [0, 10], cores(1), period=10),
    # At 5 the shadow of job 1 is 7, rounded up to 10.  Job 2 is done by then.
    Case("shadows are multiples", [job(0, 1, 7), job(1, 2, 5), job(2, 1, 5)], [0, 10, 5], cores(2), period=5),
    # Held from 0, runs from 3 to 8; job 1 decided on at 8.
    Case("start delay", [job(0, 1, 5), job(0, 1, 5)], [3, 11], cores(1), start_delay=3, ends=[8, 16]),
    Case("start delay, kill", [job(0, 1, 9, 5), job(0, 1, 5)], [3, 11], cores(1), start_delay=3, overrun="kill", ends=[8, 16],
         statuses="kc"),
    # 0 + 3 + 8 > 10; 0 + 3 + 7 is in time.
    Case("start delay, whole", [job(0, 1, 8), job(0, 1, 7)], [23, 3], cores(2), start_delay=3,
         hours=[{"windows": [(0, 10), (20, 40)], "whole": True}]),
    # A window opens at 7, the pass is at 10.  That from 6 to 9 has no pass.
    Case("period, hours", [job(0, 1, 5, **X), job(0, 1, 5, **Y)], [10, 20], cores(2), period=5,
         hours=[{"windows": [(7, 12), (20, 30)], "where": X}, {"windows": [(6, 9), (20, 30)], "where": Y}]),
    # Job 0 ends where it starts, and the next round is at the same instant.
    Case("no length, period", [job(0, 1, 0, 1), job(0, 1, 1)], [0, 0], cores(1), period=5),
    # Job 1 holds 10 to 12, job 2 the next multiple.
    Case("reservations are multiples", [job(0, 1, 7), job(0, 1, 2), job(0, 1, 3)], [0, 10, 15], cores(1), period=5,
         backfill="conservative"),
    # Job 0 is expected to end at 0 + 2 + 10.  1 + 2 + 9 is in time.
    Case("start delay, easy", [job(0, 1, 10), job(1, 2, 5), job(1, 1, 9), job(1, 1, 10)], [2, 14, 3, 21], cores(2), start_delay=2),
    # The clock is from job 0 on, which is rejected.
    Case("period from the first", [job(0, 9, 5), job(3, 1, 5)], [None, 5], cores(2), period=5, statuses="rc"),
    # Delay and period: job 0 ends at 0 + 3 + 4 = 7; at 10 job 1 is decided on.
    Case("period, start delay", [job(0, 1, 4), job(1, 1, 4)], [3, 13], cores(1), period=5, start_delay=3),
    # The node of job 1 is launched when its hours open, at 11, though the next pass is at 15; it is up at 13.
    Case("period, hours, nodes that come", [job(0, 1, 1, **Y), job(11, 1, 5, **X)], [5, 15],
         [{"nodes": 1, "elastic": True, "boot": 2, "idle_timeout": 0}], period=5, hours=[{"windows": [(11, 40)], "where": X}]),
    # Job 0 outlives its estimate, and at 5 is expected to end at 6, so that the shadow is 10.  It ends at 8.
    Case("period, overdue", [job(0, 1, 8, 4), job(1, 2, 5), job(2, 1, 5)], [0, 10, 5], cores(2), period=5),
]  # fmt: skip

PREEMPTION = [
    # Job 0 loses 3 s, and starts anew at 8.
    Case("by tier", [job(0, 2, 10, **LOW), job(3, 2, 5, **HIGH)], [0, 3], cores(2), TIERS, preemption=True, ends=[18, 8],
         restarts=[1, 0]),
    # Latest first: job 2 (1), then job 1 (2): it fits.  Without job 1 it would not, without job 2 it does: job 1 alone goes.
    Case("spared", [job(0, 1, 20, **LOW), job(1, 2, 20, **LOW), job(2, 1, 20, **LOW), job(5, 2, 5, **HIGH)], [0, 1, 2, 5], cores(4),
         TIERS, preemption=True, ends=[20, 30, 22, 10]),
    # Job 0 is of the same tier; the place of job 1 alone is not enough.
    Case("not in vain", [job(0, 2, 20, **HIGH), job(0, 2, 20, **LOW), job(1, 4, 5, **HIGH)], [0, 0, 20], cores(4), TIERS,
         preemption=True, restarts=[0, 0, 0]),
    # 4 of 5 s are kept.
    Case("checkpoints", [job(0, 2, 10, **LOW), job(5, 2, 5, **HIGH)], [0, 5], cores(2, checkpoint=2), TIERS, preemption=True,
         ends=[16, 10]),
    Case("no restart is used up", [job(0, 2, 10, **LOW), job(3, 2, 1, **HIGH)], [0, 3], cores(2, max_restarts=0), TIERS,
         preemption=True, ends=[14, 4], restarts=[1, 0]),
    # At 3 job 0 has not started, and does so at 15 for the first time.
    Case("before the start", [job(0, 2, 10, **LOW), job(3, 2, 2, **HIGH)], [15, 8], cores(2), TIERS, preemption=True, start_delay=5,
         ends=[25, 10], restarts=[0, 0]),
    Case("equal tiers", [job(0, 2, 10, **HIGH), job(3, 2, 5, **HIGH)], [0, 10], cores(2), TIERS, preemption=True),
    # Job 2 cannot preempt enough, and guards; so job 3 may not preempt.
    Case("not behind a guard", [job(0, 2, 20, queue="top"), job(0, 2, 20, **LOW), job(1, 4, 5, queue="top"), job(1, 1, 5, **HIGH)],
         [0, 0, 20, 25], cores(4), [*TIERS, door("top", 0, queue="top", tier=2)], preemption=True),
    # Outside its hours job 1 does not preempt; at 10 it does.  Job 0 starts anew at 15.
    Case("drain", [job(0, 1, 30, **LOW), job(1, 1, 5, **HIGH)], [0, 10], cores(1), TIERS, preemption=True,
         hours=[{"windows": [(10, 20), (40, 50)], "where": HIGH, "drain": True}], ends=[45, 15]),
    # Job 1 reserves 10.  Job 2 preempts job 0 at 2; job 1 is placed again, at 7, and in the next round job 0, after it, at 12.
    Case("conservative", [job(0, 2, 10, **LOW), job(1, 2, 5, **LOW), job(2, 2, 5, **HIGH)], [0, 7, 2], cores(2), TIERS,
         preemption=True, backfill="conservative", ends=[22, 12, 7]),
    # At 2 job 2 needs no victim, as there is room beside those that run.  So reservations stand: job 1 has 5 to 10, job 2 goes after it.
    Case("conservative, room", [job(0, 1, 5, **LOW), job(1, 2, 5, **LOW), job(2, 1, 5, **HIGH)], [0, 5, 10], cores(2), TIERS,
         preemption=True, backfill="conservative", ends=[5, 10, 15]),
    # Job 2 (1) takes the place of job 1 in the pool that it may use.
    Case("only in its pools", [job(0, 2, 20, **X), job(1, 2, 20, **Y), job(2, 1, 5, **HIGH)], [0, 1, 2], cores(2, 2),
         [door("first", 0, queue="x"), door("second", 1, queue="y"), door("high", 0, queue="high", tier=1)], preemption=True,
         ends=[27, 21, 7]),
]  # fmt: skip

MIXES = [
    # Job 1 (4) reserves 10.  Job 2 is done by then; job 3 finds the second pool full until 15.
    Case("one profile a pool", [job(0, 3, 10, **X), job(1, 4, 5, **X), job(1, 1, 9, **Y), job(1, 1, 2, **Y)], [0, 10, 1, 15],
         cores(2, 2), [door("both", 0, 1, queue="x"), door("second", 1, queue="y")], backfill="conservative"),
    # Job 2 reserves all of the second pool from 5 to 10, job 3 after that.
    Case("amounts are reserved by pool", [job(0, 2, 10, **X), job(0, 2, 5, **Y), job(1, 2, 5, **X), job(1, 2, 3, **Y)],
         [0, 0, 5, 10], cores(2, 2), [door("both", 0, 1, queue="x"), door("second", 1, queue="y")], backfill="conservative",
         used=[[0], [1], [1], [1]]),
    # The same, but job 0 ends at 3: job 2 moves to the first pool, and job 3 to 5.
    Case("compression moves between pools", [job(0, 2, 3, 10, **X), job(0, 2, 5, **Y), job(1, 2, 5, **X), job(1, 2, 3, **Y)],
         [0, 0, 3, 5], cores(2, 2), [door("both", 0, 1, queue="x"), door("second", 1, queue="y")], backfill="conservative",
         used=[[0], [1], [0], [1]]),
    # Job 2 is second in the queue, and reserves when it is first.
    Case("depth", [job(0, 2, 10), job(1, 3, 5), job(1, 1, 5)], [0, 10, 15], cores(3), [door("all", 0)], backfill="conservative",
         depth=1),
    # Job 1 is held and does not count: job 2 is the first.
    Case("depth and held jobs", [job(0, 2, 10, **ANN), job(1, 1, 5, **ANN), job(1, 1, 5, **BOB)], [0, 10, 1], cores(3),
         limits=[{"at_most": {"jobs": 1}, "per": "user"}], backfill="conservative", depth=1),
    # Job 2 reserves the first pool at 5, but job 0 runs on.  It is placed again at 6, 7 and 8.
    Case("overrun", [job(0, 1, 8, 5), job(0, 1, 20), job(1, 1, 5)], [0, 0, 8], cores(1, 1), BOTH, backfill="conservative",
         used=[[0], [1], [0]]),
    Case("tiers", [job(0, 2, 10, **LOW), job(1, 2, 5, **LOW), job(1, 2, 5, **HIGH)], [0, 15, 10], cores(2), TIERS,
         backfill="conservative"),
    # Job 0 (4) needs both pools: after the outage.  Job 1 has the second until then, job 2 the first before it.
    Case("outage", [job(0, 4, 6), job(0, 2, 10), job(0, 2, 5)], [10, 0, 0], cores(2, 2), BOTH, backfill="conservative",
         outages=[{"pool": 0, "start": 5, "end": 10}], used=[[0, 1], [1], [0]]),
    # Reservations are as long as in the slow pool.  Job 0 (fast, until 5) is placed from 0 to 10, so job 1 (3) from 10 on; job 0 ends when
    # it is expected to, so job 1 stays there.  Jobs 2 and 3 find the slow pool.
    Case("lengths", [job(0, 2, 10), job(0, 3, 10), job(0, 1, 5), job(0, 1, 6)], [0, 10, 0, 0],
         [{"nodes": 2}, {"nodes": 2, "speed": 2}], [door("all", 1, 0)], backfill="conservative", ends=[5, 20, 5, 6]),
    # Job 1 reserves both pools from 10 to 15; job 2, which came through a door of its own, reserved the second before, until 14.
    # At 4 job 0 ends early: job 1 stays for job 2's sake.
    Case("kept for others", [job(0, 2, 4, 10, **X), job(0, 2, 14, **Y), job(1, 4, 5, **X), job(2, 2, 10, **X)], [0, 0, 14, 4],
         cores(2, 2), [door("both", 0, 1, queue="x"), door("second", 1, queue="y")], backfill="conservative"),
]  # fmt: skip

CYD: Data = {"user": "cyd"}
LAB: Data = {"account": "lab"}
SHOP: Data = {"account": "shop"}
BY_USE: Data = {"age": 0, "half_life": 1e9}

MULTIFACTOR = [
    # Ann has used the first pool until 10; in the second, Bob's job comes before hers.
    Case("use counts in all pools", [job(0, 1, 10, **X, **ANN), job(0, 1, 10, **Y, **CYD), job(1, 1, 5, **Y, **ANN), job(2, 1, 5, **Y, **BOB)],
         [0, 0, 15, 10], cores(1, 1), [door("first", 0, queue="x"), door("second", 1, queue="y")], backfill="none",
         order="multifactor", multifactor=BY_USE),
    Case("priority of the partition", [job(0, 2, 10, **LOW), job(1, 2, 5, **LOW), job(2, 2, 5, **HIGH)], [0, 15, 10], cores(2),
         [door("low", 0, queue="low"), door("high", 0, queue="high", priority=4)], backfill="none", order="multifactor",
         multifactor={"age": 0, "fair_share": 0, "partition": 10}),
    # Job 1 is of the higher tier, whatever its user has used.
    Case("tier first", [job(0, 2, 10, **HIGH, **ANN), job(1, 2, 5, **HIGH, **ANN), job(1, 2, 5, **LOW, **BOB)], [0, 10, 15], cores(2), TIERS,
         backfill="none", order="multifactor", multifactor=BY_USE),
    # Of the part of what they may use, job 1 takes 3 of 4, job 2 takes 2 of 2.
    Case("size is a part of the partition's pools", [job(0, 4, 10, **Y), job(1, 3, 5, **Y), job(2, 2, 5, **X)], [0, 15, 10], cores(2, 2),
         X_AND_Y, backfill="none", order="multifactor", multifactor={"age": 0, "fair_share": 0, "size": 1}),
    # At 8 Ann has used 2 x 3 s, though her job starts anew; Bob, who has used nothing, comes first.
    Case("what was interrupted counts", [job(0, 2, 10, **LOW, **ANN), job(3, 2, 5, **HIGH, **CYD), job(4, 2, 5, **LOW, **BOB)], [0, 3, 8],
         cores(2), TIERS, preemption=True, backfill="none", ends=[23, 8, 13], order="multifactor", multifactor=BY_USE),
    # At 22, Ann has held the processor twice for 6 s, and Bob once for 10: he comes first, though he has run for longer.
    Case("use counts from the decision", [job(0, 1, 1, **ANN), job(1, 1, 1, **ANN), job(2, 1, 5, **BOB), job(3, 1, 1, **BOB), job(4, 1, 1, **ANN)],
         [5, 21, 11, 27, 33], cores(1), [door("all", 0)], start_delay=5, order="multifactor", multifactor=BY_USE),
    # The example of semantics §4: at 11, the lab's S / U is 0.667 / 0.636, the shop's 0.333 / 0.364.
    Case("fair tree", [job(0, 6, 10, **LAB, **ANN), job(0, 4, 10, **SHOP, **CYD), job(1, 10, 1, **LAB, **ANN), job(2, 10, 1, **LAB, **BOB),
                       job(3, 10, 1, **SHOP, **CYD)],
         [0, 0, 11, 10, 12], cores(10), [door("all", 0)], order="multifactor",
         multifactor=BY_USE | {"algorithm": "fair_tree", "accounts": {"lab": {"shares": 2}, "shop": {"shares": 1}}}),
    # Ann's E is 0.591 then, Cyd's 0.364.
    Case("classic", [job(0, 6, 10, **LAB, **ANN), job(0, 4, 10, **SHOP, **CYD), job(1, 10, 1, **LAB, **ANN), job(2, 10, 1, **LAB, **BOB),
                     job(3, 10, 1, **SHOP, **CYD)],
         [0, 0, 12, 10, 11], cores(10), [door("all", 0)], order="multifactor",
         multifactor=BY_USE | {"accounts": {"lab": {"shares": 2}, "shop": {"shares": 1}}}),
    # At 10 as of 0: job order; at 15 and at 20 as of 12, when Ann had used 10 s, and Bob 2.
    Case("calc_period", [job(0, 1, 10, **ANN), job(1, 1, 5, **BOB), job(2, 1, 5, **BOB), job(3, 1, 5, **ANN), job(4, 1, 5, **BOB)],
         [0, 10, 15, 25, 20], cores(1), [door("all", 0)], order="multifactor", multifactor=BY_USE | {"calc_period": 12}),
    # In "dear" a second counts twice: at 10 Ann has used 20 and Bob, in the other, 10.
    Case("billing of a partition", [job(0, 1, 10, **X, **ANN), job(0, 1, 10, **Y, **BOB), job(1, 2, 5, **Y, **ANN), job(2, 2, 5, **Y, **BOB)],
         [0, 0, 15, 10], cores(1, 1), [door("dear", 0, queue="x", billing={"cpu": 2}), door("both", 1, 0, queue="y")], backfill="none",
         order="multifactor", multifactor=BY_USE),
]  # fmt: skip

PACKED = [
    # Jobs 0 and 1 share the node of the first pool; job 2 (3 cores) does not fit beside them.
    Case("the first pool with a place", [job(0, 2, 10), job(0, 2, 10), job(0, 3, 10)], [0, 0, 0], packed(1, 1), BOTH,
         used=[[0], [0], [1]]),
    # Two shares are on different nodes.
    Case("shares in two pools", [job(0, 4, 10, nodes=2), job(0, 2, 5), job(0, 3, 5)], [0, 0, 10], packed(1, 1), BOTH,
         used=[[0, 1], [0], [0]]),
    # 4 cores are one share, in the second pool.  6 are two of 3, for which the first pool's node is too small.
    Case("as few shares as can be placed", [job(0, 4, 10), job(0, 6, 5), job(0, 2, 5)], [0, None, 0],
         [*packed(1, cores=2), *packed(1)], BOTH, statuses="crc", used=[[1], [], [0]], reasons={1: "too_large"}),
    # Job 1 needs both nodes: shadow 10.  Job 2 is done by then, beside job 0; job 3 would be in the way; job 4 not.
    Case("easy", [job(0, 3, 10), job(1, 8, 10), job(1, 1, 9), job(1, 4, 10), job(1, 4, 9)], [0, 10, 1, 20, 1], packed(1, 1), BOTH,
         used=[[0], [0, 1], [0], [0], [1]]),
    # Job 1 guards the first pool; job 2 goes to the second; job 3 guards that, and has it at 6.
    Case("none", [job(0, 4, 10, **X), job(1, 4, 5, **X), job(1, 2, 5, **Y), job(1, 4, 5, **Y)], [0, 10, 1, 6], packed(1, 1), X_AND_Y,
         backfill="none", used=[[0], [0], [1], [1]]),
    # Job 1 began last.
    Case("preemption", [job(0, 4, 20, **LOW), job(1, 4, 20, **LOW), job(2, 4, 5, **HIGH)], [0, 1, 2], packed(1, 1),
         [door("low", 0, 1, queue="low"), door("high", 0, 1, queue="high", tier=1)], preemption=True, ends=[20, 27, 7]),
    # Job 0 has both GPUs of the first node; jobs 1 and 2 share one of the second.
    Case("gpus", [job(0, 1, 10, gpus=2), job(0, 1, 10, gpus=0.5), job(0, 1, 10, gpus=0.5), job(0, 1, 5, gpus=2)], [0, 0, 0, 10],
         packed(1, 1, gpus=2), BOTH, used=[[0], [1], [1], [0]]),
    # Two shares pass the cap of one node; of jobs 1 and 2 one may run.
    Case("limit", [job(0, 2, 5, nodes=2, **ANN), job(0, 2, 5, **ANN), job(0, 2, 5, **ANN)], [None, 0, 5], packed(1, 1), BOTH,
         limits=[{"at_most": {"nodes": 1}, "per": "user"}], statuses="rcc", reasons={0: "limit"}),
    # Of the first pool node 0 is left, which job 0 takes.  Job 1 goes to the second pool, job 2 after it.
    Case("outage", [job(0, 4, 20), job(0, 4, 5), job(0, 4, 5)], [0, 0, 5], packed(2, 1), BOTH,
         outages=[{"pool": 0, "start": 0, "end": 10, "nodes": 1}], used=[[0], [1], [1]]),
    # Job 1 (two shares of 3) has shadow 10.  Job 2 (1 core) outlasts it in the first pool, where the guard still fits beside it.  Job 3
    # (3) fits the second, where the guard does not.  Job 4 (1) is tried in the first pool, beside job 2, and not in the second; at 10,
    # beside job 1, it is there that a core is free.
    Case("beside the guard", [job(0, 2, 10), job(1, 6, 10), job(2, 1, 20), job(2, 3, 20), job(2, 1, 20)], [0, 10, 2, 20, 10],
         packed(1, 1), BOTH, used=[[0], [0, 1], [0], [0], [1]]),
    # A window opens at 10: the guard has the node from then on.
    Case("drain", [job(0, 4, 5, **X), job(1, 2, 9), job(1, 1, 10)], [10, 1, 15], packed(1),
         hours=[{"windows": [(10, 20)], "where": X, "drain": True}]),
]  # fmt: skip

PLANS = [
    # At 3 jobs 1 and 2 are to start at 10 and 20.  Job 3 would be in the way of job 2; job 4 is in nobody's.
    Case("nobody is delayed", [job(0, 3, 10), job(1, 2, 10), job(2, 4, 10), job(3, 1, 30), job(4, 1, 5)],
         [0, 10, 20, 30, 4], cores(4)),
    # The first alone is looked at: jobs 3 and 4 wait until they are first in the queue.
    Case("depth", [job(0, 3, 10), job(1, 2, 10), job(2, 4, 10), job(3, 1, 30), job(4, 1, 5)], [0, 10, 20, 30, 30],
         cores(4), depth=1),
    # There is a plan at 5: job 2 is done by 10, job 3 is not.
    Case("planned at multiples", [job(0, 3, 10), job(1, 4, 10), job(2, 1, 5), job(2, 1, 6)], [0, 10, 5, 20], cores(4),
         backfill_period=5),
    # The first of the queue starts when job 0 ends, in between.
    Case("first in between", [job(0, 1, 3), job(1, 1, 5)], [0, 3], cores(1), backfill_period=10),
    # At 10 job 1 starts, and at 15 job 2 may pass nobody any more: it is the first.
    Case("owed", [job(0, 2, 10), job(1, 3, 3), job(12, 1, 5)], [0, 10, 13], cores(3), backfill_period=15),
    # Of Ann's jobs the first is looked at.  Bob's passes it, her own second does not; at 10 the first starts.
    Case("jobs of a user", [job(0, 3, 10, **BOB), job(1, 4, 10, **ANN), job(2, 1, 5, **ANN), job(2, 1, 5, **BOB)],
         [0, 10, 20, 2], cores(4), backfill_per_user=1),
    # Who nobody is known to be is not counted.
    Case("jobs of nobody", [job(0, 3, 10), job(1, 4, 10), job(2, 1, 5)], [0, 10, 2], cores(4), backfill_per_user=1),
    # The start of job 1, at 10, is more than 5 s ahead at 2: nothing is kept for it, and job 2 starts.
    Case("window", [job(0, 1, 10), job(1, 2, 5), job(2, 1, 20)], [0, 22, 2], cores(2), backfill_window=5),
    # At 5 it is 5 s ahead, which is within the window.
    Case("to the end of the window", [job(0, 1, 10), job(1, 2, 5), job(5, 1, 20)], [0, 10, 15], cores(2), backfill_window=5),
    # At 1 job 1 was to start at 10; at 2 the shorter job 2 is.
    Case("nothing is kept", [job(0, 2, 10), job(1, 2, 8), job(2, 2, 5)], [0, 15, 10], cores(2), order="sjf"),
    # Job 0 ends at 5: what was planned for 10 starts.
    Case("early end", [job(0, 2, 5, 10), job(1, 2, 8)], [0, 5], cores(2)),
    # Held jobs have no place: job 2 may outlast job 0, and job 1 starts after it.
    Case("held", [job(0, 1, 10, **ANN), job(0, 2, 5, **ANN), job(1, 1, 20, **BOB)], [0, 21, 1], cores(2),
         limits=[{"at_most": {"jobs": 1}, "per": "user"}]),
    # Job 1 finds its time after the outage, job 3 before it, and job 2 after job 1.
    Case("outage", [job(0, 1, 10), job(1, 2, 5), job(2, 1, 9), job(2, 1, 8)], [0, 15, 20, 2], cores(2),
         outages=[{"pool": 0, "start": 10, "end": 15}]),
    # Job 1 may start at 12 and holds both cores from then on.
    Case("drain", [job(0, 1, 5), job(1, 2, 5, **X), job(2, 1, 10), job(2, 1, 11)], [0, 12, 2, 17], cores(2),
         hours=[{"windows": [(12, 40)], "where": X, "drain": True}]),
    # Job 1 takes both pools from 10 on; job 2 is done by then, job 3 is not and finds its place after it.
    Case("pools", [job(0, 2, 10, **X), job(1, 4, 5, **Y), job(2, 1, 8, **Y), job(2, 1, 9, **Y)], [0, 10, 2, 15],
         cores(2, 2), X_AND_Y, used=[[0], [0, 1], [1], [0]]),
    # Jobs 1 and 2 have the GPU one after the other, and two cores each: beside them two are free all the time from 10 on.
    Case("least that is free", [job(0, 4, 10), job(1, 2, 5, gpus=1), job(1, 2, 5, gpus=1), job(1, 2, 10)], [0, 10, 15, 10],
         packed(1, gpus=1)),
    # Job 2 takes the node at 10, job 3 both GPUs after it.  Job 4 has that of job 0 from 5 on.
    Case("GPUs", [job(0, 1, 5, gpus=1), job(0, 1, 10, gpus=1), job(1, 4, 5), job(1, 1, 8, gpus=2), job(1, 1, 4, gpus=1)],
         [0, 0, 10, 15, 5], packed(1, gpus=2)),
]  # fmt: skip
PLANS = [replace(case, backfill="replan") for case in PLANS]

CASES = {
    f"{about}: {case.name}": case
    for about, cases in {
        "partitions": PARTITIONS,
        "limits": LIMITS,
        "hours": HOURS,
        "outages": OUTAGES,
        "times": TIMES,
        "preemption": PREEMPTION,
        "conservative": MIXES,
        "multifactor": MULTIFACTOR,
        "packed": PACKED,
        "plans": PLANS,
    }.items()
    for case in cases
}
