"""Measure how far searches come: ``python -m tests.benchmarks.searches --out DIR``.

One table in one run: three logs, each with rooms of 10² to 10⁶ setups, *steady* (three kinds of nodes that are always
up, as in ``scenarios/million.yaml``) and *hybrid* (own nodes, and rented ones for jobs that have waited for an hour, as in
``scenarios/hybrid-burst.yaml``).  Each search starts with nothing kept, and has a limit of CPU time, of all its threads
together, so that other work on the machine makes no difference; where that ends it, the table says how far it came.

Writes ``searches.parquet``, ``gaps.parquet`` (cost and bound after each replay), and ``searches.md``, which is the table of
``docs/explanation/speed.md``.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from pwsim import Trace, generate, optimize, read_trace
from pwsim.common import duration
from pwsim.search import Holding, Plan, Progress, accounting
from pwsim.search.accounting import Claimed
from pwsim.search.around import place_of, records
from pwsim.search.decomposition import Known, paths
from pwsim.search.options import Place, bounds_of, in_space
from pwsim.search.plan import Setup
from pwsim.search.routing import Path as Route
from pwsim.trace import datasets


@dataclass(frozen=True)
class Log:
    """A log, and the sizes of what its jobs may run on."""

    read: Callable[[], Trace]
    cores: int
    """Cores of the machine of its time; what is allowed is a multiple of it."""
    per_node: int
    """Cores of a node; one of the cheap kind has half as many."""
    small: int
    """Jobs of no more processors prefer rented nodes that are always up."""


def named(name: str) -> Callable[[], Trace]:
    """Return what reads a named log."""
    return lambda: read_trace(datasets.fetch(name))


LOGS = {
    "KTH": Log(named("kth-sp2"), 100, 4, 8),
    "CEA-Curie": Log(named("cea-curie"), 93_312, 16, 256),
    "generated": Log(lambda: generate(jobs=50_000, cores=256, load=0.8, seed=1), 256, 8, 16),
}
CHOICES: dict[str, dict[int, tuple[int, ...]]] = {
    "steady": {2: (5, 5, 4), 3: (10, 10, 10), 4: (25, 20, 20), 5: (50, 50, 40), 6: (100, 100, 100)},
    "hybrid": {2: (10, 10), 3: (25, 40), 4: (25, 20, 20), 5: (50, 50, 40), 6: (100, 100, 100)},
}
"""By kind and power of ten: how many numbers of nodes each pool has to choose from."""
LIMIT_CPU_S = {("hybrid", 3): 1200.0}
"""Limit of CPU time where it is another than :data:`OTHERWISE_CPU_S`: ten minutes of two cores [s]."""
OTHERWISE_CPU_S = 120.0
"""A minute of two cores [s]."""
LOOKS_CPU_S = (1, 10, 60)
"""After so much CPU time the gap is looked at [s]."""
EXCLUDED = ("too_few_cores", "miss_a_target", "dear", "left")
"""What excludes setups without a replay, and what nothing does yet: columns of shares of all setups."""
POWER = {"pue": 1.3, "electricity_usd_per_kwh": 0.15, "lifetime_years": 5}


def spread(most: int, choices: int) -> list[int]:
    """Return so many numbers of nodes from 0 to the most."""
    return np.round(np.linspace(0, max(most, choices - 1), choices)).astype(int).tolist()


def own(name: str, cores: int, usd: float, nodes: list[int], **node: Any) -> dict[str, Any]:
    """Return a pool of one's own; all that it costs is in proportion to the cores of a node."""
    cost = {
        "capex_usd": usd * cores,
        "opex_usd_per_year": 100 * cores,
        "idle_power": 17.5 * cores,
        "busy_power": 45 * cores,
    }
    pool = {"name": name, "kind": "on_premises", "nodes": nodes, "node": {"cores": cores, **node}}
    return {**pool, "cost": {**cost, **POWER}}


def rented(cores: int, nodes: list[int], **more: Any) -> dict[str, Any]:
    """Return a rented pool, at the price of a core of AWS's c7a."""
    pool = {"name": "rented", "kind": "cloud", "nodes": nodes, "node": {"cores": cores}}
    return {**pool, "price_usd_per_hour": 0.0513 * cores, **more}


def pools_of(log: Log, kind: str, choices: tuple[int, ...]) -> list[dict[str, Any]]:
    """Return the pools of a row."""
    size, half = log.per_node, log.per_node // 2
    bursting = {"boot_time": "3 min", "idle_timeout": "10 min", "burst_after": "1 h"}
    if len(choices) == 2:
        first, last = choices
        nodes = math.ceil(log.cores / size)
        whole = {**own("own", size, 900, spread(nodes, first)), "placement": "nodes"}
        return [whole, rented(size, spread(round(2.4 * nodes), last), **bursting)]
    first, middle, last = choices
    most = 4 * log.cores // size - 1
    fast, cheap = own("fast", size, 1225, spread(most, middle), speed=1.33), own("cheap", half, 950, spread(most, last))
    if kind == "steady":
        small = {"accepts": {"procs": {"at_most": log.small}}, "always_up": True}
        return [rented(size, spread(most, first), **small), fast, cheap]
    whole_ones = [{**one, "placement": "nodes"} for one in (fast, cheap)]
    return [*whole_ones, rented(size, spread(most, first), **bursting)]


def targets_of(kind: str, trace: Trace) -> list[dict[str, Any]]:
    """Return the targets of a row."""
    targets: list[dict[str, Any]] = [
        {"metric": "wait_s", "statistic": "p95", "at_most": "4 h"},
        {"metric": "rejected_work_share", "at_most": 0.02},
    ]
    if kind == "hybrid":
        rate = 0.985 * len(trace) / (trace.span_s / 3600)
        targets.append({"metric": "throughput_jobs_per_hour", "at_least": round(rate, 4)})
    return targets


def gap_of(cost: float, bound: float) -> float:
    """Return by what share of its cost a setup might be undercut; NaN if there is none."""
    return math.nan if math.isnan(cost) else (cost - min(bound, cost)) / cost


def shares(plan: Plan, left: int) -> dict[str, float]:
    """Return which share of all setups was replayed, is excluded by which bound, or is left.

    They are accounted for as :func:`pwsim.verify` does, but that what the replays showed is taken as it is.
    """
    judge = plan.judge
    holding = Holding(judge.trace, judge.cluster)
    known = bounds_of(holding, judge.targets, judge.economics, judge.trim)
    usd: dict[Place, float] = {}
    for told in records(plan.setups):
        nodes = {pool.name: told[f"nodes_{pool.name}"] for pool in judge.cluster.pools}
        place = place_of(judge, Setup(nodes, judge.cluster.policy[0]))
        usd[place] = told["cost_usd_per_year"] if told["meets_targets"] is True else math.nan  # absent: ended early
    bound = math.inf if plan.status == "infeasible" else plan.lower_bound_usd_per_year
    claimed = Claimed(bound, usd)
    if plan.proof is None:
        account = accounting.by_variant(judge.cluster, known, claimed, accounting.by_setup)
    else:
        network = paths(holding)
        assert network is not None
        pools = Known(judge, known, network)
        for choice, procedure in usd:
            pools.evaluate(Route(procedure, network.path(choice)), 1)  # all of them are kept
        account = accounting.by_pool(judge.cluster, known, network, pools.sums, claimed)
    assert not account.left_in_all, "the search proved what it says"
    space = in_space(judge.cluster)
    reasons = account.by_reason
    found = {name: reasons[name] / space for name in ("too_few_cores", "miss_a_target")}
    replayed = (reasons["replayed_and_missed"] + reasons["replayed_and_dearer"]) / space
    rest = 1 - sum(found.values()) - replayed
    # What is left is counted by cost alone, so some of it may be among what conditions exclude.
    found["left"] = min(left / space, rest) if plan.stopped else 0.0
    return {**found, "dear": rest - found["left"]}


class Clock:
    """Notes how far a search is, and interrupts it once its CPU time is over."""

    def __init__(self, limit_cpu_s: float) -> None:
        self.limit_cpu_s = limit_cpu_s
        self.begun_s, self.begun_cpu_s = time.perf_counter(), time.process_time()
        self.seen: list[dict[str, Any]] = []

    def __call__(self, reached: Progress) -> None:
        cost, bound = reached.cost_usd_per_year, reached.lower_bound_usd_per_year
        known = {"cost_usd_per_year": cost, "lower_bound_usd_per_year": bound, "gap": gap_of(cost, bound)}
        self.seen.append(
            {"setups_replayed": reached.simulated, "left_at_most": reached.left_at_most, **self.spent(), **known}
        )
        if self.seen[-1]["cpu_s"] > self.limit_cpu_s:
            raise KeyboardInterrupt  # a search ends then with what it has found

    def spent(self) -> dict[str, float]:
        """Return the time since the beginning."""
        return {
            "wall_s": time.perf_counter() - self.begun_s,
            "cpu_s": time.process_time() - self.begun_cpu_s,
        }


def searched(
    trace: Trace, pools: list[dict[str, Any]], targets: list[dict[str, Any]], clock: Clock
) -> tuple[dict[str, Any], Plan | None]:
    """Search until the proof or the limit; return what was found, and the plan if something was."""
    plan: Plan | None = None
    with contextlib.suppress(KeyboardInterrupt):  # it is raised where nothing was found yet
        plan = optimize(trace=trace, pools=pools, targets=targets, progress=clock)
    spent = clock.spent()
    if plan is None:
        last = clock.seen[-1]
        nothing = {"status": "unknown", **last, "pool_replays": math.nan}
        return {**nothing, **spent}, None
    found = {
        "status": plan.status,
        "cost_usd_per_year": plan.cost_usd_per_year if plan.chosen else math.nan,
        "lower_bound_usd_per_year": plan.lower_bound_usd_per_year,
        "gap": plan.gap,
        "setups_replayed": len(plan.setups),
        "pool_replays": math.nan if plan.method.pool_replays is None else plan.method.pool_replays,
    }
    return {**found, **spent}, plan


def measure(name: str, trace: Trace, kind: str, power: int, limit_cpu_s: float) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the row of a search, and what was known after each replay."""
    log, choices = LOGS[name], CHOICES[kind][power]
    clock = Clock(limit_cpu_s)
    found, plan = searched(trace, pools_of(log, kind, choices), targets_of(kind, trace), clock)
    seen = pd.DataFrame(clock.seen)
    looked = {}
    for look_s in LOOKS_CPU_S:
        until = seen["gap"][seen["cpu_s"] <= look_s]
        over = found["cpu_s"] <= look_s
        looked[f"gap_after_{look_s}_s"] = found["gap"] if over else until.iloc[-1] if len(until) else math.nan
    where: dict[str, Any] = {"log": name, "jobs": len(trace), "kind": kind, "setups": math.prod(choices)}
    unknown = dict.fromkeys(EXCLUDED, math.nan)
    excluded = unknown if plan is None else shares(plan, clock.seen[-1]["left_at_most"])
    return {**where, "limit_cpu_s": limit_cpu_s, **found, **looked, **excluded}, seen.assign(**where)


def share_text(share: float) -> str:
    """Return a share in per cent; ``none`` where there is none yet."""
    if math.isnan(share):
        return "none"
    return "0" if share == 0 else "< 0.1 %" if share < 5e-4 else f"{100 * share:.1f} %"


def text(row: Mapping[str, Any]) -> str:
    """Return a row of the table in Markdown."""
    by_pool = not math.isnan(row["pool_replays"])
    replays = f"{int(row['pool_replays'])} of pools" if by_pool else f"{row['setups_replayed']:,}"
    came = {"optimal": "proven", "infeasible": "proven: none meets the targets"}.get(row["status"])
    looks = [(look_s, share_text(row[f"gap_after_{look_s}_s"])) for look_s in LOOKS_CPU_S]
    cells = [
        row["log"], row["kind"], f"10{'²³⁴⁵⁶'[round(math.log10(row['setups'])) - 2]}",
        came or ("none found" if math.isnan(row["gap"]) else f"gap {share_text(row['gap'])}"),
        f"{row['wall_s']:.1f}", f"{row['cpu_s']:.1f}", replays,
        *(came if came and row["cpu_s"] <= look_s else "" if row["cpu_s"] <= look_s else gap for look_s, gap in looks),
        *("" if math.isnan(row[name]) else share_text(row[name]) for name in EXCLUDED),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def table_of(rows: pd.DataFrame) -> str:
    """Return the table in Markdown."""
    names = ["log", "pools", "setups", "how far", "wall [s]", "CPU [s]", "replays"]
    names += [f"gap after {duration(look_s)} of CPU" for look_s in LOOKS_CPU_S]
    names += ["too few cores", "a target missed", "no cheaper", "left"]
    lines = [f"| {' | '.join(names)} |", "| --- | --- | --- | --- |" + " ---: |" * (len(names) - 4)]
    return "\n".join([*lines, *(text(row) for row in records(rows))]) + "\n"


def cases(logs: tuple[str, ...], kinds: tuple[str, ...], powers: tuple[int, ...]) -> Iterator[tuple[str, str, int]]:
    """Yield the rows that are asked for, small spaces first."""
    for name in logs or tuple(LOGS):
        for kind in kinds or tuple(CHOICES):
            for power in sorted(powers or CHOICES[kind]):
                yield name, kind, power


def warm_up() -> None:
    """Have both loops of the engine compiled, once after each installation."""
    trace = generate(jobs=50, cores=8, load=0.8, seed=1)
    for kind, choices in (("steady", (2, 2, 2)), ("hybrid", (2, 2))):
        optimize(trace=trace, pools=pools_of(Log(lambda: trace, 8, 2, 2), kind, choices), targets=[], cache_bytes=0)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the tables.")
@click.option("--log", "logs", type=click.Choice(list(LOGS)), multiple=True, help="Only these logs.")
@click.option("--kind", "kinds", type=click.Choice(list(CHOICES)), multiple=True, help="Only this kind.")
@click.option("--power", "powers", type=click.IntRange(2, 6), multiple=True, help="Only 10 to this power of setups.")
@click.option("--limit", "limit_cpu_s", type=float, help="Limit of CPU time of every row instead of its own [s].")
def main(
    out: Path, logs: tuple[str, ...], kinds: tuple[str, ...], powers: tuple[int, ...], limit_cpu_s: float | None
) -> None:
    """Do all searches, print what came of each, and write it down."""
    warm_up()
    rows, gaps, traces = list[dict[str, Any]](), list[pd.DataFrame](), dict[str, Trace]()
    out.mkdir(parents=True, exist_ok=True)
    for name, kind, power in cases(logs, kinds, powers):
        if name not in traces:
            traces = {name: LOGS[name].read()}
        with tempfile.TemporaryDirectory() as folder:  # nothing is kept before
            os.environ["PWSIM_REPLAYS_DIR"] = folder
            limit = limit_cpu_s or LIMIT_CPU_S.get((kind, power), OTHERWISE_CPU_S)
            row, gap = measure(name, traces[name], kind, power, limit)
        rows.append(row)
        gaps.append(gap)
        click.echo(json.dumps(row))
        pd.DataFrame(rows).to_parquet(out / "searches.parquet")
        pd.concat(gaps, ignore_index=True).to_parquet(out / "gaps.parquet")
        (out / "searches.md").write_text(table_of(pd.DataFrame(rows)), encoding="utf-8")
    click.echo(table_of(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
