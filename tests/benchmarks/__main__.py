"""Measure how fast pwsim is, beside its peers: ``python -m tests.benchmarks --out DIR``.

Each case is replayed by every engine in turn, several rounds, in one process; figures are medians of CPU time, to be
read as ratios.  Logs are generated (:func:`pwsim.generate`, 256 processors, over-estimates), so anyone can repeat it.
Writes ``benchmarks.parquet``, ``benchmarks.svg`` and ``benchmarks.png``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import click
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from pwsim import Cluster, Trace, generate, read_trace
from pwsim.engine import Engine, Inputs, prepare
from pwsim.engine import replay as engine_replay
from pwsim.engine.compiled import general
from pwsim.engine.compiled import steady as kernel
from pwsim.engine.model.model import Simulation
from pwsim.prices import Start, parse_local
from pwsim.results.sweep import simulate_many
from pwsim.trace.formats import swf
from tests.benchmarks import plain_loop
from tests.benchmarks.against_accasim import accasim_cpu_s

CORES = 256

Loop = Callable[[Inputs], Any]


def plain(inputs: Inputs) -> Callable[[], Any]:
    """Return the plain loop on these jobs, which are turned into lists before."""
    columns = [inputs.submit_s, inputs.procs, inputs.held_s, inputs.estimate_s]
    lists = [column.tolist() for column in columns]
    return lambda: plain_loop.easy(inputs.units[0], *lists)


def compiled(inputs: Inputs) -> Callable[[], Any]:
    """Return a replay by the compiled engine, whatever the cluster."""
    order = kernel.compiled_order(inputs)
    if inputs.steady:
        return lambda: kernel.run(inputs, order)
    return lambda: general.run(inputs, order)


LOOPS: dict[str, Callable[[Inputs], Callable[[], Any]]] = {
    "compiled": compiled,
    "simpy": lambda inputs: Simulation(inputs).run,
    "plain": plain,
}
"""For each engine, what makes a replay ready to run: only the loop is measured."""


@dataclass(frozen=True)
class Case:
    """One log under one policy."""

    study: str
    jobs: int
    load: float
    policy: str
    engines: tuple[str, ...]
    estimates: str = "over"
    """``over``: as users give them; ``exact``: the run time."""
    at_once: bool = False
    """Whether all jobs are submitted at the same instant."""
    cluster: str = "steady"
    """Kind of cluster, of :data:`CLUSTERS`."""

    def trace(self) -> Trace:
        """Return the log."""
        trace = generate(jobs=self.jobs, cores=CORES, load=self.load, seed=1)
        if self.estimates == "exact":
            trace = trace.with_columns(estimate_s=np.maximum(trace.run_s, 1.0))
        return trace.with_columns(submit_s=np.zeros(len(trace))) if self.at_once else trace


NODES = {"nodes": 16, "node": {"cores": 16}}
OWN = {"name": "own", "kind": "on_premises", **NODES}
RENTED = {"name": "rented", "kind": "cloud", **NODES, "price_usd_per_hour": 1.0}
RESTARTS = {"checkpoint_interval": "30 min", "restart_overhead": "2 min", "max_restarts": 1000}
CLUSTERS: dict[str, dict[str, Any]] = {
    "steady": {"name": "own", "kind": "on_premises", "nodes": CORES, "node": {"cores": 1}},
    "elastic": RENTED,
    "spot": {**RENTED, "market": "spot", "interruptions_per_hour": 0.02, **RESTARTS},
    "failing": {**OWN, "placement": "nodes", "mtbf": "30 d", "repair_time": "1 d", **RESTARTS},
    "packed": {**OWN, "placement": "packed"},
}
"""One pool of 256 cores, in nodes of 16 but for the steady bag."""

HALVES = [{**CLUSTERS["steady"], "name": name, "nodes": CORES // 2} for name in ("first", "second")]
NIGHTS = [
    {"open": ["sun..thu 17:00-09:00", "fri 17:00-24:00", "sat"], "whole": True, "where": {"estimate_above": "4 h"}}
]
SITES: dict[str, dict[str, Any]] = {
    "hours": {"pools": [CLUSTERS["steady"]], "hours": NIGHTS},
    "limits": {"pools": [CLUSTERS["steady"]], "limits": [{"at_most": {"cores": CORES // 2}, "per": "user"}]},
    "partitions": {"pools": HALVES, "partitions": [{"name": "all", "pools": ["first", "second"]}]},
}
"""Rules of a site on 256 cores: no engine of old knows them."""
FIRST = {
    **{name: {"pools": [CLUSTERS[name]]} for name in ("steady", "elastic")},
    "partitions": SITES["partitions"],
    "failing under limits": {"pools": [CLUSTERS["failing"]], "limits": SITES["limits"]["limits"]},
}
"""Clusters of which each has compiled code of its own."""

ALL = ("compiled", "simpy", "plain")
POLICIES = ("fcfs", "sjf", "easy", "sjf-easy", "easy:sjf", "wfp3-easy", "multifactor-easy", "conservative")
CASES = [
    *(Case("size", jobs, 0.7, "easy", ALL if jobs <= 10**5 else ("compiled",)) for jobs in (10**4, 10**5, 10**6)),
    Case("size", 10**6, 1.0, "easy", ("compiled",)),
    *(Case("load", 10**5, load, "easy", ALL if load < 1.2 else ("compiled",)) for load in (0.7, 0.9, 1.0, 1.2)),
    *(Case("policy", 10**5, 0.9, policy, ("compiled",)) for policy in POLICIES),
    Case("policy", 10**5, 0.9, "fcfs", ("simpy",)),
    Case("policy", 10**5, 0.9, "conservative", ("compiled", "simpy"), "exact"),
    *(Case("cluster", 10**5, 0.9, "easy", ("compiled", "simpy"), cluster=kind) for kind in ("steady", "elastic", "spot", "failing")),
    *(Case("site", 10**5, 0.7, "easy", ("compiled",), cluster=kind) for kind in SITES),
    *(Case("site", 10**4, 0.7, "conservative", ("compiled",), cluster=kind) for kind in SITES),
    *(Case("site", 10**4, 0.7, "easy", ("simpy",), cluster=kind) for kind in SITES),
    Case("site", 10**4, 0.7, "replan", ("compiled",), cluster="partitions"),
    Case("cluster", 10**4, 0.7, "easy", ("compiled", "simpy"), cluster="packed"),
    Case("cluster", 2 * 10**4, 2.0, "easy", ("compiled",), cluster="packed"),
    Case("cluster", 10**4, 0.7, "replan", ("compiled",), cluster="packed"),
    *(Case("queue", jobs, 0.9, "easy", ALL if jobs < 10**4 else ("compiled",), at_once=True) for jobs in (10**3, 3_000, 10**4, 30_000, 10**5)),
]  # fmt: skip


def measure(case: Case, rounds: int) -> list[dict[str, Any]]:
    """Return a row an engine: the median CPU time of its loop."""
    site = SITES.get(case.cluster) or {"pools": [CLUSTERS[case.cluster]]}
    cluster = Cluster.model_validate({"policy": case.policy, **site})
    trace, monday = case.trace(), Start(parse_local("2026-01-05"), "")
    inputs = prepare(trace, cluster, start=monday)
    spent: dict[str, list[float]] = {engine: [] for engine in case.engines}
    for _ in range(rounds):
        for engine in case.engines:
            replay = LOOPS[engine](inputs)
            if inputs.site is not None:  # its containers serve one replay
                replay = partial(engine_replay, prepare(trace, cluster, start=monday), cast("Engine", engine))
            start = time.process_time()
            replay()
            spent[engine].append(time.process_time() - start)
    facts = {"study": case.study, "jobs": case.jobs, "load": case.load, "policy": case.policy}
    facts |= {"estimates": case.estimates, "at_once": case.at_once, "cluster": case.cluster}
    return [{**facts, "engine": engine, **_row(case.jobs, statistics.median(spent[engine]))} for engine in case.engines]


def _row(jobs: int, cpu_s: float) -> dict[str, Any]:
    return {"cpu_s": cpu_s, "jobs_per_s": jobs / cpu_s}


def accasim(python: str, rounds: int) -> list[dict[str, Any]]:
    """Return AccaSim's rows, with its output off, on the log of the load study."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for jobs in (10**4, 10**5):
            log = Path(folder) / f"{jobs}.swf"
            swf.write(Case("load", jobs, 0.9, "easy", ()).trace(), log)
            cpu_s = statistics.median(accasim_cpu_s(python, log, CORES) for _ in range(rounds))
            facts = {"study": "load", "jobs": jobs, "load": 0.9, "policy": "easy", "estimates": "over"}
            rows.append({**facts, "at_once": False, "engine": "accasim", **_row(jobs, cpu_s)})
    return rows


def memory(engine: str, jobs: int) -> dict[str, Any]:
    """Return how much more memory a process has at most during a replay than before, per job; on Linux."""
    code = (
        "from pathlib import Path; from pwsim import generate, simulate\n"
        "def status(key):\n"
        "    return int(Path('/proc/self/status').read_text().split(key + ':')[1].split()[0])\n"
        f"trace = generate(jobs={jobs}, cores={CORES}, load=0.9, seed=1)\n"
        f"simulate(generate(jobs=100, cores=8, load=0.9), cores=8, engine={engine!r})\n"
        "import ctypes; ctypes.CDLL(None).malloc_trim(0)  # give back what is free\n"
        "Path('/proc/self/clear_refs').write_text('5')  # forget the peak until now\n"
        "before = status('VmRSS')\n"
        f"simulate(trace, cores={CORES}, engine={engine!r})\n"
        "print(status('VmHWM') - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    facts = {"study": "memory", "jobs": jobs, "load": 0.9, "policy": "easy", "estimates": "over", "at_once": False}
    return {**facts, "engine": engine, "bytes_per_job": 1024 * int(done.stdout) / jobs}


def compiling(name: str) -> dict[str, Any]:
    """Return the CPU time of the first replay after installation, most of which is that of compiling."""
    code = (
        "import time; from pwsim import Cluster, generate, simulate\n"
        f"cluster = Cluster.model_validate({ {'policy': 'easy', **FIRST[name]}!r})\n"
        f"trace = generate(jobs=100, cores={CORES}, load=0.7, seed=1)\n"
        "simulate(trace, cluster, engine='simpy')\n"
        "start = time.process_time()\n"
        "simulate(trace, cluster, engine='compiled')\n"
        "print(time.process_time() - start)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return {"study": "compiling", "cluster": name, "engine": "compiled", "cpu_s": float(done.stdout)}


def reading(jobs: int, rounds: int) -> list[dict[str, Any]]:
    """Return the CPU time of the SWF reader, beside that of pandas' C parser on the same file."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.swf"
        swf.write(generate(jobs=jobs, cores=CORES, load=0.9, seed=1), log)
        readers: dict[str, Callable[[], Any]] = {
            "read_trace": lambda: read_trace(log),
            "pandas": lambda: pd.read_csv(log, sep=r"\s+", comment=";", header=None),
        }
        spent: dict[str, list[float]] = {name: [] for name in readers}
        for _ in range(rounds):
            for name, reader in readers.items():
                start = time.process_time()
                reader()
                spent[name].append(time.process_time() - start)
    facts = {"study": "reading", "jobs": jobs}
    return [{**facts, "engine": name, **_row(jobs, statistics.median(each))} for name, each in spent.items()]


def many(setups: int, rounds: int) -> list[dict[str, Any]]:
    """Return the wall-clock time of many setups of one trace, by the number of workers."""
    trace = Case("many", 10**5, 0.7, "easy", ()).trace()
    clusters = [Cluster.homogeneous(CORES + 2 * index) for index in range(setups)]
    spent: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers, each in spent.items():
            start = time.perf_counter()
            for _result in simulate_many(trace, clusters, engine="compiled", workers=workers):
                pass
            each.append(time.perf_counter() - start)
    facts = {"study": "many", "jobs": len(trace) * setups, "load": 0.7, "policy": "easy", "engine": "compiled"}
    return [{**facts, "workers": workers, "wall_s": statistics.median(each)} for workers, each in spent.items()]


def draw(table: pd.DataFrame, out: Path) -> None:
    """Draw speed by size, load and policy, and the cost of a job as the queue grows."""
    figure, axes = plt.subplots(2, 2, figsize=(12, 8), layout="constrained")
    colours = dict(zip(("compiled", "simpy", "plain", "accasim"), ("C0", "C1", "C2", "C3"), strict=True))
    replays = table[table["study"].isin(["size", "load", "queue", "policy"])]
    for ax, study, x, label in ((axes[0][0], "size", "jobs", "jobs in the log (load 0.7)"), (axes[0][1], "load", "load", "offered load (100,000 jobs)")):  # fmt: skip
        rows = replays[
            (replays["study"] == study) & ((replays["load"] == 0.7) if study == "size" else (replays["jobs"] == 10**5))
        ]
        for engine, line in rows.groupby("engine", sort=False):
            ax.plot(
                line[x], line["jobs_per_s"], "o-" if len(line) > 1 else "o", color=colours[str(engine)], label=engine
            )
        ax.set(yscale="log", xlabel=label, ylabel="jobs replayed a second of CPU", title=f"EASY, by {study}")
        if study == "size":
            ax.set_xscale("log")
        ax.legend()
    rows = replays[(replays["study"] == "policy") & (replays["engine"] == "compiled")]
    names = rows["policy"].where(rows["estimates"] == "over", rows["policy"] + ", exact estimates")
    axes[1][0].barh(names, rows["jobs_per_s"], color="C0")
    axes[1][0].invert_yaxis()
    axes[1][0].set(
        xscale="log", xlabel="jobs replayed a second of CPU", title="Compiled, by policy (100,000 jobs, load 0.9)"
    )
    for engine, line in replays[replays["study"] == "queue"].groupby("engine", sort=False):
        axes[1][1].plot(
            line["jobs"], 1e6 * line["cpu_s"] / line["jobs"], "o-", color=colours[str(engine)], label=engine
        )
    axes[1][1].set(xscale="log", yscale="log", xlabel="jobs that are all in the queue at once", ylabel="CPU microseconds a job", title="EASY, as the queue grows")  # fmt: skip
    axes[1][1].legend()
    for suffix in ("svg", "png"):
        figure.savefig(out / f"benchmarks.{suffix}")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the table and the figure.")
@click.option("--rounds", default=5, show_default=True, help="Rounds of each case; the median counts.")
@click.option("--study", multiple=True, help="Only these studies, such as cluster; several times for several.")
@click.option("--peer", help="Python of an environment that has accasim 1.1.3.")
def main(out: Path, rounds: int, study: tuple[str, ...], peer: str | None) -> None:
    """Measure everything, print it, and write it down."""
    rows: list[dict[str, Any]] = []
    for case in [one for one in CASES if not study or one.study in study]:
        rows += measure(case, rounds)
        for row in rows[-len(case.engines) :]:
            click.echo(json.dumps(row))
    if not study or "compiling" in study:
        for name in FIRST:
            rows.append(compiling(name))
            click.echo(json.dumps(rows[-1]))
    if study:
        return
    rows += [memory("compiled", 10**6), memory("simpy", 10**5), *reading(10**6, rounds), *many(64, rounds)]
    if peer is not None:
        rows += accasim(peer, rounds)
    table = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    table.to_parquet(out / "benchmarks.parquet")
    draw(table, out)
    click.echo(table.to_string())


if __name__ == "__main__":
    main()
