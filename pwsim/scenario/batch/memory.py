"""How much memory scenarios take, by the length of their logs, and how many of them are run at once in a limit.

The figures were measured by ``python -m tests.benchmarks.memory``, and are rounded up.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pwsim.common import count
from pwsim.scenario import Scenario
from pwsim.scenario.batch.running import Work
from pwsim.scenario.batch.workers import Room

log = logging.getLogger("pwsim")

MIB = 2**20
PROCESS_BYTES = 500 * MIB
"""A process with pwsim and a compiled engine, and what it has at hand whatever the log [bytes]."""
JOB_BYTES = 550
"""A job of the log: reading it, judging the answer, and writing the tables [bytes]."""
STEADY_JOB_BYTES, MOVING_JOB_BYTES = 150, 600
"""A job in a replay, of each that runs at once: where nodes are always up and jobs stay where they were routed; and
elsewhere, where all attempts and waits are noted [bytes]."""


def jobs_at_most(scenario: Scenario) -> int:
    """Return how many jobs a scenario can replay, by the rows or lines of its logs, which are not read.

    Raises
    ------
    InputError
        If a log cannot be had.
    """
    load = scenario.workload
    jobs = float(load.most_records(scenario.folder))
    for more in (load.resample and load.resample.users, load.grow and load.grow.factor):
        jobs *= max(1.0, more or 1.0)
    return int(jobs) + (load.mix.most_records(scenario.folder) if load.mix else 0)


def replay_job_bytes(scenario: Scenario) -> int:
    """Return what a job takes in a replay of a scenario [bytes]."""
    steady = scenario.cluster.steady and scenario.workload.feedback is None
    return STEADY_JOB_BYTES if steady else MOVING_JOB_BYTES


def bytes_of(one: Work, workers: int | None = None) -> int:
    """Return how much memory the process of a scenario takes.

    Parameters
    ----------
    one
        What is to be done.
    workers
        How many replays run at once; as it says if left out.
    """
    return PROCESS_BYTES + one.jobs * (JOB_BYTES + (workers or one.workers) * one.replay_job_bytes)


def shared_out(works: Sequence[Work], at_once: int, most_bytes: int | None) -> tuple[list[Work], Room[Work]]:
    """Return how scenarios share cores and memory: each with its number of replays at once, and what runs at once.

    A scenario that alone takes more than there is runs alone, after the others, one replay at a time, and a warning
    says what it takes.

    Parameters
    ----------
    works
        The scenarios.
    at_once
        How many replays run at once.
    most_bytes
        How much memory there is [bytes]; no limit if ``None``.
    """
    side_by_side = max(1, min(at_once, len(works)))
    if most_bytes is None:
        return [one._replace(workers=max(1, at_once // side_by_side)) for one in works], Room(side_by_side)
    left_bytes = most_bytes - PROCESS_BYTES  # for the process that hands the work out
    fit = [one for one in works if bytes_of(one, 1) <= left_bytes]
    large = [one._replace(workers=1) for one in works if bytes_of(one, 1) > left_bytes]
    for one in large:
        need = (bytes_of(one, 1) + PROCESS_BYTES) / 2**30
        log.warning(
            "%s: takes about %.1f GiB for %s, and there are %.1f GiB (--memory): it runs alone, after the others",
            one.task.name, need, count(one.jobs, "job"), most_bytes / 2**30,
        )  # fmt: skip
    side_by_side = max(1, min(at_once, len(fit)))
    largest = sorted((bytes_of(one, 1) for one in fit), reverse=True)
    while side_by_side > 1 and sum(largest[:side_by_side]) > left_bytes:
        side_by_side -= 1
    each = [one._replace(workers=_replays(one, at_once // side_by_side, left_bytes // side_by_side)) for one in fit]
    return [*each, *large], Room(side_by_side, left_bytes, bytes_of)


def _replays(one: Work, cores: int, most_bytes: int) -> int:
    """Return how many replays of a scenario run at once: one a core if there is memory for them, at least one."""
    left_bytes = most_bytes - PROCESS_BYTES - one.jobs * JOB_BYTES
    return max(1, min(cores, left_bytes // max(1, one.jobs * one.replay_job_bytes)))
