"""Measure what memory a scenario takes: ``python -m tests.benchmarks.memory --jobs 1000000``.

A batch of one scenario on a generated log: the most that its largest process has had in memory at once, for each number
of replays at once.  :mod:`pwsim.scenario.batch.memory` estimates by these figures.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pandas as pd

from pwsim import generate
from pwsim.scenario.batch.journal import entries
from pwsim.trace import write_trace
from tests.benchmarks.nightly import PR_SET_CHILD_SUBREAPER

SCENARIO = """\
name: memory
workload: {{trace: {log}}}
cluster:
  policy: {policy}
  pools:
    - {{name: own, kind: on_premises, nodes: {nodes}, node: {{cores: 64}}, cost: {{capex_usd: 9000, lifetime_years: 5}}}}
{rented}targets: [{{metric: wait_s, statistic: p95, at_most: 4 h}}]
"""
RENTED = "    - {name: rented, kind: cloud, nodes: 8, node: {cores: 64}, price_usd_per_hour: 2, burst_after: 1 h}\n"
KINDS = {"own": "", "own and rented": RENTED}


def measured(folder: Path, log: Path, kind: str, workers: int) -> int:
    """Return the most that a process of a batch had in memory at once [MiB]."""
    nodes = list(range(64, 64 + 2 * workers, 2))
    text = SCENARIO.format(log=log, policy="easy", nodes=nodes, rented=KINDS[kind])
    (folder / "memory.yaml").write_text(text)
    out = folder / f"{kind} {workers}"
    asked = ["batch", str(folder / "memory.yaml"), "--out", str(out), "--no-draws", "--quiet"]
    options = ["--workers", str(workers), "--cache-size", "0", "--engine", "compiled"]
    told = """
import json, os, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=False, capture_output=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
print(json.dumps(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
"""
    command = [sys.executable, "-c", told, sys.executable, "-m", "pwsim", *asked, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, preexec_fn=_reap)
    (entry,) = entries(out)
    assert entry.event == "done", entry.message
    found: int = json.loads(done.stdout)
    return found


def _reap() -> None:
    """Let a process become the parent of what its children leave behind."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@click.command()
@click.option("--jobs", "sizes", default=[100_000, 1_000_000], multiple=True, show_default=True, help="Jobs of a log.")
@click.option("--kind", "kinds", type=click.Choice(list(KINDS)), default=list(KINDS), multiple=True, show_default=True)
@click.option("--format", "suffix", type=click.Choice(["parquet", "swf"]), default="parquet", show_default=True)
def main(sizes: tuple[int, ...], kinds: tuple[str, ...], suffix: str) -> None:
    """Print a row a log, kind of cluster, and number of replays at once."""
    rows = []
    for jobs in sizes:
        with tempfile.TemporaryDirectory() as name:
            log = Path(name) / f"log.{suffix}"
            write_trace(generate(jobs=jobs, cores=4096, load=0.7, seed=1), log)
            for kind in kinds:
                for workers in (1, 2):
                    most_mib = measured(Path(name), log, kind, workers)
                    rows.append({"jobs": jobs, "kind": kind, "workers": workers, "most_mib": most_mib})
                    click.echo(rows[-1], err=True)
    click.echo(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
