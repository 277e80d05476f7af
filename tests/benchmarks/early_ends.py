"""Measure what early ends of replays save a search: ``python -m tests.benchmarks.early_ends``.

The same question with and without, in turn in one process; figures are CPU time, to be read as ratios.  The log is
generated, so anyone can repeat it.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import numpy as np
import pandas as pd

from pwsim import Cluster, Target, Trace, generate
from pwsim.search import search
from pwsim.search.early import TOLD

OWN = {
    "name": "own", "kind": "on_premises", "node": {"cores": 4},
    "cost": {"capex_usd": 9000, "lifetime_years": 5, "idle_power": 100, "busy_power": 300, "electricity_usd_per_kwh": 0.2},
}  # fmt: skip
RENTED = {"name": "rented", "kind": "cloud", "node": {"cores": 4}, "price_usd_per_hour": 0.4, "boot_time": 180}
CASES: dict[str, list[dict[str, Any]]] = {
    "own": [{**OWN, "nodes": {"min": 40, "max": 80}}],
    "hybrid": [
        {**OWN, "nodes": {"min": 10, "max": 60, "step": 5}},
        {**RENTED, "nodes": {"min": 0, "max": 60, "step": 6}, "burst_after": 3600},
    ],
}
"""Pools of each case."""


def measured(trace: Trace, pools: list[dict[str, Any]], whole: int) -> dict[str, Any]:
    """Return how long a search took that replays so many setups to their end, and what it found."""
    soon = Target(metric="wait_s", statistic="p95", at_most=4 * 3600)
    begun_s = time.process_time()
    plan = search(trace, Cluster.model_validate({"pools": pools}), [soon], whole=whole, workers=1)
    ended = plan.setups["stopped"].value_counts()
    return {
        "cpu_s": time.process_time() - begun_s,
        "setups": len(plan.setups),
        **{key: int(ended.get(told, 0)) for key, told in zip(("lost", "dear"), TOLD.values(), strict=True)},
        "cost_usd_per_year": plan.cost_usd_per_year,
    }


@click.command()
@click.option("--jobs", default=20_000, show_default=True, help="Jobs of the log.")
def main(jobs: int) -> None:
    """Print one row a case and way."""
    trace = generate(jobs=jobs, cores=256, load=0.8, seed=1)
    rows = []
    for case, pools in CASES.items():
        measured(trace.take(np.arange(100)), pools, 0)  # the engine is compiled, and loaded
        for early, whole in (("no", sys.maxsize), ("yes", 4)):
            rows.append({"case": case, "early_ends": early, **measured(trace, pools, whole)})
    click.echo(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
