"""Jobs as they might be: larger or smaller, or with other estimates; who submits what when stays as it is."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from pwsim.common import TraceError, numeral
from pwsim.trace import Floats, Integers, Trace


def with_job_sizes(trace: Trace, factor: float, seed: int = 1) -> Trace:
    """Return the trace with jobs that ask for ``factor`` times as much, for as long as before.

    Processors, recorded nodes, whole GPUs and memory are multiplied and rounded up or down at random, so that they are
    right on average: a job of one processor becomes one of two in a fifth of the cases if the factor is 1.2.  No job
    gets less than one processor, or more than the largest job of the log has of each.  Each job rounds by a number of
    its own that does not depend on the factor: a larger one makes no job smaller.  Parts of a GPU are multiplied, up to
    a whole one.

    Parameters
    ----------
    trace
        The workload.
    factor
        How many times as large.
    seed
        Seed of the random numbers.

    Raises
    ------
    TraceError
        If the factor is not greater than 0.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 1, 2], "run_s": [9, 9, 9], "procs": [2, 4, 8]})
    >>> with_job_sizes(trace, 0.5).procs, with_job_sizes(trace, 2).procs
    (array([1, 2, 4]), array([4, 8, 8]))
    """
    if not factor > 0:
        raise TraceError(f"{trace.name}: the factor of job sizes must be greater than 0 (got {numeral(factor)})")
    if factor == 1 or not len(trace):
        return trace
    up = np.random.default_rng((seed, crc32(b"job_sizes"))).random(len(trace))

    def scaled(amount: Integers, least: int) -> Integers:
        # What is a whole number but for rounding of the product is that number.
        larger = np.floor(np.round(amount * factor, 9) + up).astype(np.int64)
        found: Integers = np.clip(larger, np.minimum(amount, least), amount.max())
        return found

    gpus = np.where(
        trace.gpus < 1,
        np.minimum(trace.gpus * factor, 1.0),
        np.maximum(scaled(trace.gpus.astype(np.int64), 1), 1),
    )
    gpus = np.where((trace.gpus >= 1) & (trace.gpus % 1 != 0), trace.gpus, gpus)  # nothing says what such parts are
    return trace.with_columns(
        procs=scaled(trace.procs, 1),
        nodes=scaled(trace.nodes, 1),
        memory_mib=scaled(trace.memory_mib, 1),
        gpus=np.minimum(gpus, trace.gpus.max()),
    ).changed(f"jobs {numeral(factor)} times as large")


def with_estimates(trace: Trace, factor: float) -> Trace:
    """Return the trace with estimates that ask for ``factor`` times as much beyond the run time as those of the log.

    With 0, who asked for too much asks for the run time to the second; an estimate that the job outlives stays what it
    is.

    Parameters
    ----------
    trace
        The workload.
    factor
        How many times as much is over-asked.

    Raises
    ------
    TraceError
        If the factor is below 0.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 1], "run_s": [10, 10], "procs": [1, 1], "estimate_s": [30, 5]})
    >>> with_estimates(trace, 0.5).estimate_s
    array([20.,  5.])
    """
    if not factor >= 0:
        raise TraceError(f"{trace.name}: the factor of what is over-asked must be from 0 on (got {numeral(factor)})")
    if factor == 1:
        return trace
    over_s = over_asked_s(trace)
    estimate_s = np.where(over_s > 0, np.maximum(trace.run_s + factor * over_s, 1.0), trace.estimate_s)
    return trace.with_columns(estimate_s=estimate_s).changed(f"{numeral(factor)} times as much time over-asked")


def over_asked_s(trace: Trace) -> Floats:
    """Return the time that each job asked for beyond its run time, 0 where it did not, shape (jobs,) [s]."""
    over_s: Floats = np.maximum(trace.estimate_s - trace.run_s, 0.0)
    return over_s
