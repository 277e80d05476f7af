"""Compare the CPU time of a replay with AccaSim's: ``python -m tests.benchmarks.against_accasim PYTHON``.

PYTHON is the interpreter of an environment that has accasim 1.1.3.  Both replay the same log under EASY, in turn, five
times.  AccaSim reads the log while it simulates, so pwsim's time is given with and without reading.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import click

from pwsim import Cluster, Trace, read_trace
from pwsim.engine import prepare
from pwsim.engine.model import model
from pwsim.trace import datasets
from pwsim.trace.formats import swf

DRIVER = Path(__file__).with_name("accasim_driver.py")


def accasim_cpu_s(python: str, log: Path, cores: int) -> float:
    """Replay with AccaSim, in a process of its own."""
    done = subprocess.run([python, str(DRIVER), str(log), str(cores)], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["cpu_s"])


def simpy_cpu_s(log: Path, cores: int) -> tuple[float, float]:
    """Return the CPU time of the replay, and of reading and replay together."""
    start = time.process_time()
    inputs = prepare(read_trace(log), Cluster.homogeneous(cores, "easy", "allow"))
    between = time.process_time()
    model.Simulation(inputs).run()
    end = time.process_time()
    return end - between, end - start


def compare(python: str, trace: Trace, cores: int, rounds: int = 5) -> dict[str, float]:
    """Return the medians of alternating runs [s of CPU]."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.swf"
        swf.write(trace, log)
        pairs = [(accasim_cpu_s(python, log, cores), *simpy_cpu_s(log, cores)) for _ in range(rounds)]
    accasim, replay, whole = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {"accasim": accasim, "replay": replay, "read_and_replay": whole}


@click.command()
@click.argument("python")
@click.option("--log", default="kth-sp2", show_default=True, help="Data set, or file.")
@click.option("--cores", default=100, show_default=True, help="Processors of the machine.")
def main(python: str, log: str, cores: int) -> None:
    """Print the CPU times and their ratios."""
    trace = read_trace(datasets.fetch(log) if log in datasets.NAMES else log)
    cpu_s = compare(python, trace, cores)
    click.echo(f"{trace.name}, {len(trace):,} jobs, easy, {cores} processors; CPU time, medians of 5")
    for name, seconds in cpu_s.items():
        click.echo(f"{name:16} {seconds:7.3f} s  {cpu_s['accasim'] / seconds:5.1f} times as fast as AccaSim")


if __name__ == "__main__":
    main()
