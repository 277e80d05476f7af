"""Measure what many replays take, against what one of them lets expect: ``python -m tests.benchmarks.scale``.

Some setups of a generated log on some draws (submissions moved by up to a minute), one after another: CPU time by part, the
most memory, and what 10⁴ setups, 10⁷ jobs and 20 draws take at that cost (``docs/explanation/scale.md``).
"""

from __future__ import annotations

import json
import resource
import time

import click
import numpy as np
import pandas as pd

from pwsim import Cluster, Trace, generate, simulate
from pwsim.common import Times, timed, timing
from pwsim.workload import shake

SETUPS, JOBS, DRAWS = 10**4, 10**7, 20
"""What a large study asks for."""
CORES = 4096


@click.command()
@click.option("--jobs", default=1_000_000, show_default=True, help="Jobs of the log.")
@click.option("--setups", default=10, show_default=True, help="Sizes of the machine.")
@click.option("--draws", default=20, show_default=True, help="Draws of the log.")
def main(jobs: int, setups: int, draws: int) -> None:
    """Print the cost of a replay, of all, and of the large study."""
    base_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    trace = generate(jobs=jobs, cores=CORES, load=0.7, seed=1)
    log_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    clusters = [Cluster.homogeneous(CORES - 64 * number) for number in range(setups)]
    assert simulate(trace.take(np.arange(100)), clusters[0])  # compiled, and loaded
    one, times = Times(), Times()
    with timing(one):
        _answer(trace, clusters[0])
    begun_s, waits = time.process_time(), []
    with timing(times):
        for draw in range(draws):
            with timed("reading"):
                drawn = shake(trace, 60.0, seed=draw)
            waits += [_answer(drawn, cluster) for cluster in clusters]
    took_s = time.process_time() - begun_s
    spent = {part: was.cpu_s for part, was in times.spent().items()}
    alone_s = sum(was.cpu_s for was in one.spent().values())
    draw_s = spent["reading"] / draws
    expected_s = alone_s * setups * draws + spent["reading"]
    table = {
        "jobs": jobs,
        "replays": setups * draws,
        "one_replay_cpu_s": alone_s,
        "a_draw_cpu_s": draw_s,
        "expected_cpu_s": expected_s,
        "cpu_s": took_s,
        "us_a_job": took_s / (setups * draws * jobs) * 1e6,
        "most_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "of_it_base_mib": base_mib,
        "of_it_log_mib": log_mib - base_mib,
        "large_study_cpu_h": took_s / (setups * draws * jobs) * SETUPS * JOBS * DRAWS / 3600,
    }
    click.echo(pd.Series(table).round(3).to_string())
    click.echo(f"CPU s by part: {json.dumps({part: round(cpu_s, 1) for part, cpu_s in spent.items()})}")
    click.echo(f"95th percentiles of the waits: {min(waits):.0f} s to {max(waits):.0f} s")


def _answer(trace: Trace, cluster: Cluster) -> float:
    """Return the 95th percentile of the waits in a replay [s]."""
    with timed("beside"):
        result = simulate(trace, cluster)
    with timed("judging"):
        return float(result.metrics["wait_s_p95"])


if __name__ == "__main__":
    main()
