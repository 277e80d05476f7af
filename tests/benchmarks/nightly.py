"""Measure what a batch takes beside its replays: ``python -m tests.benchmarks.nightly``.

200 scenarios on one generated log of 30,000 jobs, on 2 cores, without pages and draws: the first night, with nothing
kept but the compiled engine, and the same command again.  Figures are CPU time of all processes of the command, which
other work on the machine changes little.  By part of the work they are those of the run log, as ``--profile`` shows them.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import pandas as pd

from pwsim import generate
from pwsim.scenario.batch.journal import NAME
from pwsim.trace.formats import swf

SCENARIO = """\
name: night
workload: {trace: log.swf}
cluster:
  policy: easy
  pools:
    - {name: own, kind: on_premises, nodes: [80], node: {cores: 4}, cost: {capex_usd: 9000, lifetime_years: 5}}
targets: [{metric: wait_s, statistic: p95, at_most: 4 h}]
"""
POLICIES = ["easy", "sjf-easy", "fcfs", "easy:sjf", "wfp3-easy"]
MATRIX = {"cluster.policy": POLICIES, "cluster.pools.own.nodes": [[nodes] for nodes in range(80, 100, 2)]}
"""50 replays; each is for some scenarios with different prices."""
PR_SET_CHILD_SUBREAPER = 36


def tree_cpu_s() -> float:
    """Return the CPU time of all processes that have ended below this one [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Return how long a command took by the clock, and of processors with all that it started [s]."""
    before_s, begun_s = tree_cpu_s(), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    took_s = time.perf_counter() - begun_s
    if done.returncode not in (0, 1):
        raise click.ClickException(done.stderr)
    while True:  # those that it left to us, as fork servers are
        try:
            os.wait()
        except ChildProcessError:
            return took_s, tree_cpu_s() - before_s


def parts(log: Path, scenarios: int) -> dict[str, float]:
    """Return CPU time by part of the work, for each scenario [s]."""
    spent: Counter[str] = Counter()
    for line in log.read_text().splitlines():
        for part, took in json.loads(line).get("spent", {}).items():
            spent[part] += took["cpu_s"] / scenarios
    return {part: round(one, 4) for part, one in spent.items()}


@click.command()
@click.option("--jobs", default=30_000, show_default=True, help="Jobs of the log.")
@click.option("--scenarios", default=200, show_default=True, help="How many; a multiple of 50.")
def main(jobs: int, scenarios: int) -> None:
    """Print a row a night, and where the time of the first one went."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        swf.write(generate(jobs=jobs, cores=256, load=0.8, seed=1), folder / "log.swf")
        matrix = {**MATRIX, "cluster.pools.own.cost.capex_usd": [7000 + one for one in range(scenarios // 50)]}
        (folder / "night.yaml").write_text(SCENARIO + f"matrix: {json.dumps(matrix)}\n")
        environment = {**os.environ, "PWSIM_REPLAYS_DIR": str(folder / "kept")}
        asked = ["batch", str(folder / "night.yaml"), "--workers", "2", "--no-draws", "--quiet"]
        command = [sys.executable, "-m", "pwsim", *asked, "--out"]
        timed(
            [*command, str(folder / "before"), "--shard", "1/50"],
            {**os.environ, "PWSIM_REPLAYS_DIR": str(folder / "other")},
        )  # compiles
        nights = []
        for night in ("first", "again"):
            wall_s, cpu_s = timed([*command, str(folder / "out")], environment)
            nights.append({"night": night, "wall_s": wall_s, "cpu_s": cpu_s, "cpu_s_a_scenario": cpu_s / scenarios})
            if night == "first":
                spent = parts(folder / "out" / NAME, scenarios)
    click.echo(pd.DataFrame(nights).round(3).to_string(index=False))
    click.echo(f"CPU s a scenario by part: {spent}")
    beside = nights[0]["cpu_s_a_scenario"] - spent.get("replays", 0.0)  # type: ignore[operator]
    click.echo(f"beside replays: {beside:.3f} CPU s a scenario")


if __name__ == "__main__":
    main()
