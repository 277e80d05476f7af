"""What the smallest machine that serves KTH-SP2 well enough is, if things had come a little differently.

``python -m tests.benchmarks.kth_draws`` writes the table of ``docs/explanation/certainty.md``; it takes half a minute of
one core.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import pwsim
from pwsim.common import HOUR_S
from pwsim.metrics import statistic
from pwsim.results import in_parallel
from pwsim.trace import Trace
from pwsim.trace.datasets import fetch
from pwsim.workload import Population

SIZES = tuple(range(84, 117, 2))
"""Cores of the machines, the cheapest first."""
LIMITS_S = tuple(HOUR_S * quarter / 4 for quarter in range(20, 49))
"""Limits of the 95th percentile of the wait [s]."""
SHAKES = 20
"""Draws in which submissions are moved by up to a minute."""
MONTHS = 11
"""Equal parts of the log, of which one is left out at a time."""


class Changed(NamedTuple):
    """How often the smallest machine is another than in the log itself."""

    what: str
    cases: int
    share: float


def without_month(trace: Trace, month: int) -> Trace:
    """Return a log without one of its months; what comes after it moves up."""
    length_s = trace.span_s / MONTHS
    part = np.minimum(trace.submit_s // length_s, MONTHS - 1).astype(int)
    rows = np.flatnonzero(part != month)
    return trace.resubmitted(trace.submit_s[rows] - length_s * (part[rows] > month), rows)


def p95_s(trace: Trace, cores: int) -> float:
    """Return the 95th percentile of the waits under EASY [s]."""
    waits = pwsim.simulate(trace, cores=cores, policy="easy").wait_s
    return statistic(waits[~np.isnan(waits)], "p95")


def smallest(traces: Iterable[Trace]) -> np.ndarray:
    """Return the smallest machine for each limit on each trace, shape (traces, limits); 0 where none does."""
    tasks = [(trace, cores) for trace in traces for cores in SIZES]
    reached_s = np.array(list(in_parallel(p95_s, tasks, workers=None, engine="compiled"))).reshape(-1, len(SIZES))
    does = reached_s[:, None, :] <= np.array(LIMITS_S)[:, None]
    return np.where(does.any(axis=2), np.array(SIZES)[does.argmax(axis=2)], 0)


def table(path: Path) -> list[Changed]:
    """Return the rows of the table, for the log in a file: its jobs that the smallest machine holds."""
    log = pwsim.read_trace(path)
    log = log.take(log.procs <= SIZES[0])
    population = Population(log, ["shake"], seed=1)
    shaken = [population.draw(number).trace for number in range(1, SHAKES + 1)]
    shorter = [without_month(log, month) for month in range(MONTHS)]
    chosen, *others = smallest([log, *shaken, *shorter])
    differ = np.array(others) != chosen
    return [
        Changed("submissions moved by up to 60 s", differ[:SHAKES].size, float(differ[:SHAKES].mean())),
        Changed("one of eleven months left out", differ[SHAKES:].size, float(differ[SHAKES:].mean())),
    ]


if __name__ == "__main__":
    print("| what comes differently | cases | another machine |\n| --- | ---: | ---: |")  # noqa: T201
    for row in table(Path(fetch("kth-sp2"))):
        print(f"| {row.what} | {row.cases:,} | {100 * row.share:.0f} % |")  # noqa: T201
