"""Hypothesis strategies: small clusters with site rules (semantics §9), of small integers, so that ties are everywhere."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.site_cases import Case, Data
from tests.strategies import factors

QUEUES = ["x", "y", ""]
USERS = ["ann", "bob"]

where = st.sampled_from([{}, {}, {"queue": "x"}, {"queue": "y"}, {"user": "ann"}])
"""Which jobs something is about: most often all."""


@st.composite
def _jobs(draw: st.DrawFn, pools: list[Data], *, linked: bool) -> list[Data]:
    """Return up to nine jobs, of which few are too large; linked ones wait for others, or for their array."""
    gpus = [0.0, 0.0, 0.25, 0.5, 1.0, 2.0] if all(pool.get("gpus") for pool in pools) else [0.0] * 29 + [1.0]
    rows: list[Data] = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "submit": st.integers(0, 12),
                    "procs": st.sampled_from([1, 1, 2, 2, 3, 4]),
                    "run": st.integers(0, 9),
                    "estimate": st.integers(1, 9),
                    "nodes": st.sampled_from([0, 0, 0, 0, 1, 2]),
                    "memory": st.sampled_from([0, 0, 0, 0, 2, 5]),
                    "gpus": st.sampled_from(gpus),
                    "user": st.sampled_from(USERS),
                    "queue": st.sampled_from(QUEUES),
                    "account": st.sampled_from(["", "chemistry", "theory", "lasers"]),
                    "qos": st.sampled_from(["", "normal", "high"]),
                }
            ),
            min_size=draw(st.sampled_from([1, 5])),
            max_size=9,
        )
    )
    rows.sort(key=lambda row: row["submit"])
    first = rows[0]["submit"]
    linked = linked or draw(st.sampled_from([False, False, False, True]))
    for number, row in enumerate(rows):
        row["submit"] -= first
        if draw(st.booleans()):
            row["estimate"] = max(1, row["run"])
        if linked and number:
            row["after"] = draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True))
            row["array"] = draw(st.sampled_from(["", "", "a", "b"]))
            row["array_limit"] = {"": None, "a": 1, "b": 2}[row["array"]]
    return rows


_sizes = st.sampled_from([1, 1, 2, 3, 4])
_speeds = st.sampled_from([1, 1, 1, 2, 0.5])


@st.composite
def _pools(draw: st.DrawFn, named: int, alone: int) -> list[Data]:
    """Pools that partitions may name, which are alike but for speed and number, and others."""
    placement = draw(st.sampled_from(["cores", "cores", "nodes", "packed"]))
    node: Data = {
        "placement": placement,
        "cores": draw(st.sampled_from([1, 2, 2])) if placement != "packed" else draw(st.sampled_from([2, 3, 4])),
        "checkpoint": draw(st.sampled_from([0, 0, 2])),
        "overhead": draw(st.sampled_from([0, 0, 1])),
        "max_restarts": draw(st.sampled_from([0, 1, 3])),
    }
    if placement != "cores":
        node |= {"memory": draw(st.sampled_from([None, None, 4])), "gpus": draw(st.sampled_from([0, 0, 2]))}
    pools = []
    for _ in range(named):
        pool = node | {"nodes": draw(_sizes), "speed": draw(_speeds)}
        if placement == "packed":
            pool["cores"] = draw(st.sampled_from([node["cores"], 4]))
        if placement != "cores":
            pool |= draw(st.sampled_from([{}, {}, {"mtbf": 20, "repair": 2}]))
        pools.append(pool)
    for _ in range(alone):
        pool = node | {"nodes": draw(_sizes), "speed": draw(_speeds)}
        pool["burst_after"] = draw(st.sampled_from([float("inf"), 0, 3]))
        if draw(st.booleans()):
            pool |= {
                "elastic": True,
                "boot": draw(st.sampled_from([0, 2])),
                "idle_timeout": draw(st.sampled_from([0, 3])),
            }
            pool |= draw(st.sampled_from([{}, {}, {"life": 20}]))
            pool |= {"placement": "nodes" if placement == "cores" else placement, "min_nodes": draw(st.integers(0, 1))}
        pools.append(pool)
    return pools


def _partitions(pools: int) -> st.SearchStrategy[list[Data]]:
    def named(number: int) -> st.SearchStrategy[Data]:
        return st.fixed_dictionaries(
            {
                "name": st.just(f"p{number}"),
                "pools": st.one_of(
                    st.permutations(range(pools)),
                    st.lists(st.integers(0, pools - 1), min_size=1, max_size=pools, unique=True),
                ),
                "where": st.sampled_from(
                    [{"queue": QUEUES[number]}, {"queue": QUEUES[number]}, {"user": USERS[number % 2]}, {}]
                ),
                "tier": st.sampled_from([0, number, 2 - number]),
                "default": st.booleans(),
                "max_time": st.sampled_from([float("inf"), float("inf"), 7]),
                "priority": st.sampled_from([1, 1, 0, 4]),
                "billing": st.sampled_from([None, None, None, {"cpu": 2, "node": 1}]),
            }
        )

    return st.sampled_from([0, 1, 2, 2, 3, 3]).flatmap(
        lambda count: st.tuples(*map(named, range(count))).map(_with_one_default)
    )


def _with_one_default(partitions: tuple[Data, ...]) -> list[Data]:
    """Let the first of several defaults be the only one."""
    defaults = [partition["name"] for partition in partitions if partition["default"]]
    return [partition | {"default": partition["name"] in defaults[:1]} for partition in partitions]


_limits = st.lists(
    st.fixed_dictionaries(
        {
            "at_most": st.sampled_from(
                [
                    {"cores": 3},
                    {"cores": 5},
                    {"nodes": 2},
                    {"jobs": 1},
                    {"jobs": 2},
                    {"gpus": 1},
                    {"jobs": 2, "cores": 4},
                ]
            ),
            "per": st.sampled_from(["user", "user", "account", "partition", "all"]),
            "where": where,
        }
    ),
    max_size=2,
)

_windows = st.lists(st.integers(0, 40), min_size=2, max_size=6, unique=True).map(
    lambda times: list(zip(sorted(times)[::2], sorted(times)[1::2], strict=False))
)

_hours = st.lists(
    st.fixed_dictionaries(
        {
            "windows": _windows,
            "where": where,
            "whole": st.booleans(),
            "drain": st.booleans(),
            "since": st.sampled_from([float("-inf"), float("-inf"), 4]),
            "until": st.sampled_from([float("inf"), float("inf"), 25]),
        }
    ),
    max_size=2,
)


def _outages(pools: list[Data]) -> st.SearchStrategy[list[Data]]:
    """Outages of pools that are always up."""
    steady = [index for index, pool in enumerate(pools) if not pool.get("elastic")]
    if not steady:
        return st.just([])

    def made(pool: int, start: int, length: int, nodes: int | None, stop: Any) -> Data:
        return {"pool": pool, "start": start, "end": start + length, "nodes": nodes, "stop": stop}

    one = st.builds(
        made,
        st.sampled_from(steady),
        st.integers(0, 15),
        st.integers(1, 8),
        st.sampled_from([None, 1, 2]),
        st.booleans(),
    )
    return st.lists(one, max_size=2)


@st.composite
def site_cases(draw: st.DrawFn, *, linked: bool = False, backfill: str = "") -> Case:
    """A small cluster with any site rules, and up to nine jobs, which may be linked in any case."""
    count = draw(st.sampled_from([1, 2, 2, 3, 3, 4]))
    named = count - draw(st.integers(0, (count - 1) // 2))
    pools = draw(_pools(named, count - named))
    packed = any(pool["placement"] == "packed" for pool in pools)
    rules_of = ["none", "easy", "easy", "replan", "replan"] + ["conservative"] * 2 * (not packed)
    backfill = draw(st.sampled_from([backfill] if backfill else rules_of))
    order = draw(st.sampled_from(["fcfs", "fcfs", "sjf", "smallest", "wfp3", "multifactor", "multifactor"]))
    partitions = draw(_partitions(named))
    rules = draw(st.sets(st.sampled_from(["limits", "hours", "outages", "times", "preemption"])))
    period = draw(st.sampled_from([None, 1, 5, 10])) if "times" in rules else None
    planning: Data = {}
    if backfill == "replan":
        rules = rules - {"preemption"}
        planning["backfill_period"] = draw(st.sampled_from([None, None, period or 3, 2 * (period or 3)]))
        planning["backfill_window"] = draw(st.sampled_from([None, None, 4.0, 9.0]))
        planning["backfill_per_user"] = draw(st.sampled_from([None, None, 1, 2]))
    return Case(
        name="",
        jobs=draw(_jobs(pools, linked=linked)),
        starts=[],
        pools=pools,
        partitions=partitions,
        limits=draw(_limits) if "limits" in rules else [],
        hours=draw(_hours) if "hours" in rules else [],
        outages=draw(_outages(pools)) if "outages" in rules else [],
        period=period,
        **planning,
        start_delay=draw(st.sampled_from([0, 3])) if "times" in rules else 0,
        preemption="preemption" in rules,
        order=order,
        multifactor=draw(factors) | {"partition": draw(st.sampled_from([0, 1])) if partitions else 0}
        if order == "multifactor"
        else {},
        backfill=backfill,
        overrun=draw(st.sampled_from(["allow", "allow", "kill"])),
        passing_order=draw(st.sampled_from(["", "", "sjf", "ljf"])) if backfill == "easy" else "",
        depth=None if backfill == "none" else draw(st.sampled_from([None, None, 1, 2])),
    )
