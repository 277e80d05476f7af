"""Changing a workload: pure functions from a trace to a trace.

Each notes what it did in :attr:`pwsim.Trace.changes`, and counts the jobs that it leaves out in
:attr:`pwsim.Trace.left_out`.  Changes that draw lots take a seed: the same seed gives the same jobs.
Changes that take whole weeks of users are in :mod:`.resampling`, flurries in :mod:`.flurries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.common import TraceError, checked, duration, numeral
from pwsim.trace import COLUMNS, NO_ARRAY, WIDEST, Feedback, Trace, range_of_numbers, renumbered


def window(trace: Trace, start_s: float = 0.0, length_s: float | None = None) -> Trace:
    """Return the jobs submitted in a window of the trace; the clock is set anew at the first of them.

    Parameters
    ----------
    trace
        The workload.
    start_s, length_s
        Start of the window, from the first submission, and its length [s]; without a length, to the end.

    Raises
    ------
    TraceError
        If no job is submitted in the window.
    """
    return trace.without(~in_window(trace, start_s, length_s), "window")


def in_window(trace: Trace, start_s: float = 0.0, length_s: float | None = None) -> npt.NDArray[np.bool_]:
    """Return whether each job is submitted in a window, shape (jobs,); see :func:`window`."""
    end_s = float("inf") if length_s is None else start_s + length_s
    inside: npt.NDArray[np.bool_] = (trace.submit_s >= start_s) & (trace.submit_s < end_s)
    if not inside.any():
        until = "on" if length_s is None else f"to {duration(end_s)}"
        raise TraceError(
            f"{trace.name}: no job is submitted from {duration(start_s)} {until}; the log is {duration(trace.span_s)} "
            "long, from the first submission to the last"
        )
    return inside


def compress(trace: Trace, load: float) -> Trace:
    """Return the trace with its arrivals ``load`` times as dense, so that the offered load is that many times higher.

    The cycles of day and week are compressed with them.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 60], "run_s": [10, 10], "procs": [1, 1]})
    >>> compress(trace, 1.5).submit_s
    array([ 0., 40.])
    """
    if not load > 0:
        raise TraceError(f"{trace.name}: load must be greater than 0 (got {load:g})")
    if load == 1:
        return trace
    denser = replace(trace.with_columns(submit_s=trace.submit_s / load), compressed=True)
    return denser.changed(f"arrivals {numeral(load)} times as dense")


def in_cores(trace: Trace, cores_per_proc: int) -> Trace:
    """Return the trace of a log whose "processor" is something of several cores, such as a node, with sizes in cores.

    Processors of jobs are multiplied, and those of the machine in the header (``MaxProcs``).  Run times, estimates,
    nodes, and the memory and GPUs of whole jobs stay as they are.

    Parameters
    ----------
    trace
        The workload.
    cores_per_proc
        Cores of what the log calls a processor.

    Raises
    ------
    TraceError
        If that is no number from 1, or makes a job wider than any machine.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0], "run_s": [10], "procs": [2]}, header={"MaxProcs": "100"})
    >>> cores = in_cores(trace, 64)
    >>> cores.procs, cores.header
    (array([128]), {'MaxProcs': '6400'})
    """
    if not 1 <= cores_per_proc <= WIDEST:
        raise TraceError(f"cores_per_proc must be a number from 1 to {WIDEST:,} (got {cores_per_proc!r})")
    if cores_per_proc == 1:
        return trace
    if len(trace) and (widest := int(trace.procs.max())) * cores_per_proc > WIDEST:
        raise TraceError(
            f"{trace.name}: cores_per_proc: {cores_per_proc:,} makes a job of {widest:,} processors wider than "
            f"{WIDEST:,} cores"
        )
    procs = trace.header_number("MaxProcs")
    header = trace.header if procs is None else {**trace.header, "MaxProcs": str(procs * cores_per_proc)}
    converted = trace.with_columns(procs=trace.procs * cores_per_proc)
    return replace(converted, header=header).changed(f"each processor of the log counts as {cores_per_proc:,} cores")


def matching(
    trace: Trace,
    *,
    procs_at_least: int | None = None,
    procs_at_most: int | None = None,
    gpus_at_least: float | None = None,
    gpus_at_most: float | None = None,
    estimate_above: float | None = None,
    estimate_at_most: float | None = None,
    queue: str | Sequence[str] | None = None,
    partition: str | Sequence[str] | None = None,
    qos: str | Sequence[str] | None = None,
    user: str | Sequence[str] | None = None,
    user_group: str | Sequence[str] | None = None,
    account: str | Sequence[str] | None = None,
) -> npt.NDArray[np.bool_]:
    """Return for each job whether it is like this, shape (jobs,); what is ``None`` admits all.

    Parameters
    ----------
    trace
        The workload.
    procs_at_least, procs_at_most
        Limits on processors.
    gpus_at_least, gpus_at_most
        Limits on GPUs, parts of one included.
    estimate_above, estimate_at_most
        Limits on the run time that was asked for [s], the first of which is not itself admitted.
    queue, partition, qos, user, user_group, account
        A name or names of queues, of partitions, of qualities of service, of users, and of groups of users; an account
        is another word for a group.
    """
    admitted = np.ones(len(trace), dtype=bool)
    if procs_at_least is not None:
        admitted &= trace.procs >= procs_at_least
    if procs_at_most is not None:
        admitted &= trace.procs <= procs_at_most
    if gpus_at_least is not None:
        admitted &= trace.gpus >= gpus_at_least
    if gpus_at_most is not None:
        admitted &= trace.gpus <= gpus_at_most
    if estimate_above is not None:
        admitted &= trace.estimate_s > estimate_above
    if estimate_at_most is not None:
        admitted &= trace.estimate_s <= estimate_at_most
    named = (
        (trace.queue, queue),
        (trace.partition, partition),
        (trace.qos, qos),
        (trace.user, user),
        (trace.user_group, user_group),
        (trace.user_group, account),
    )
    for column, names in named:
        if names is not None:
            admitted &= np.asarray(column.isin([names] if isinstance(names, str) else list(names)))
    return admitted


def keep(trace: Trace, **like: Any) -> Trace:
    """Return only the jobs that are like this; the others are counted as left out.

    Parameters
    ----------
    trace
        The workload.
    like
        As for :func:`matching`.

    Raises
    ------
    TraceError
        If no job is like this.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 60], "run_s": [10, 10], "procs": [1, 8]})
    >>> kept = keep(trace, procs_at_most=4)
    >>> len(kept), kept.left_out
    (1, {'where': 1})
    """
    admitted = checked(matching)(trace, **like)
    if not admitted.any():
        raise TraceError(f"{trace.name}: no job is like this: {_described(like)}")
    return trace.without(~admitted, "where").changed(f"only jobs with {_described(like)}")


def faster(trace: Trace, factor: float, **like: Any) -> Trace:
    """Return the trace as if some class of jobs ran on faster nodes.

    Run times are divided by the factor, and estimates likewise (never below 1 s): users are taken to know the
    new nodes.  Every matching job speeds up alike; what of a job waits for disks or networks is not modelled.

    Parameters
    ----------
    trace
        The workload.
    factor
        How many times as fast; below 1 is slower.
    like
        Which jobs, as for :func:`matching`; all if nothing is given.

    Raises
    ------
    TraceError
        If no job is like this.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 60], "run_s": [10, 10], "procs": [1, 8], "estimate_s": [30, 40]})
    >>> quick = faster(trace, 2, procs_at_least=8)
    >>> quick.run_s, quick.estimate_s
    (array([10.,  5.]), array([30., 20.]))
    """
    admitted = checked(matching)(trace, **like)
    if not admitted.any():
        raise TraceError(f"{trace.name}: no job is like this: {_described(like)}")
    which = f"{int(admitted.sum()):,} jobs with {_described(like)}" if _described(like) else "all jobs"
    return trace.with_columns(
        run_s=np.where(admitted, trace.run_s / factor, trace.run_s),
        estimate_s=np.where(admitted, np.maximum(1.0, trace.estimate_s / factor), trace.estimate_s),
    ).changed(f"{which} run {numeral(factor)} times as fast")


def shake(trace: Trace, within_s: float, seed: int = 1) -> Trace:
    """Return the trace with each submission moved by a random time, uniform within ±``within_s``.

    A figure that changes much between seeds is an artefact of the exact times in the log; the mean over some
    seeds is what can be relied on.  Times before the first submission are not cut off: the clock is set anew at
    whichever job then comes first, so that no ties arise at zero.  Times become fractions of seconds.

    Parameters
    ----------
    trace
        The workload.
    within_s
        The most that a submission is moved [s].
    seed
        Seed of the random numbers.

    References
    ----------
    D. Tsafrir, K. Ouaknine, D. G. Feitelson: Reducing performance evaluation sensitivity and variability by input
    shaking. MASCOTS 2007.
    """
    shift_s = np.random.default_rng((seed, crc32(b"shake"))).uniform(-within_s, within_s, len(trace))
    return trace.resubmitted(trace.submit_s + shift_s).changed(
        f"submissions moved by up to {numeral(within_s)} s either way"
    )


def mix(first: Trace, second: Trace, queue: str) -> Trace:
    """Return the jobs of two traces together, both from their first submission on.

    Where a job comes from stays visible: those of the second trace are in queue ``queue``, and the names of their
    users begin with it, so that nobody of the first is taken for one of them.  Their numbers are raised above those
    of the first, so that each occurs once.

    Parameters
    ----------
    first, second
        The workloads, such as an HPC log and a mix of AI training jobs.
    queue
        Queue of the jobs of the second.

    Raises
    ------
    TraceError
        If a queue of the first has this name.
    """
    if queue in set(first.queue):
        raise TraceError(f"{first.name} has a queue {queue!r} itself; call that of {second.name} something else")
    columns: dict[str, Any] = {}
    both = len(first) and len(second)
    raised = max(0, range_of_numbers(first)[1] + 1 - range_of_numbers(second)[0]) if both else 0
    for column in COLUMNS:
        ours, theirs = first.table[column.name], second.table[column.name]
        if column.name == "after":
            theirs = renumbered(second, raised)
        elif column.name == "job_array":
            theirs = np.where(theirs == NO_ARRAY, NO_ARRAY, theirs + raised)
        elif column.name == "job_id":
            theirs = theirs + raised
        if column.dtype == "category":
            if column.name == "queue":
                theirs = pd.Categorical([queue] * len(second))
            elif column.name == "user":
                theirs = theirs.rename_categories([f"{queue}/{name}" if name else "" for name in theirs.categories])
            columns[column.name] = _joined(ours, theirs)
        else:
            columns[column.name] = np.concatenate((ours, theirs))
    together = Trace.from_columns(columns, name=first.name, header=_thanks(first, second))
    feedback = None
    if first.feedback or second.feedback:
        submit_s = np.concatenate((first.submit_s, second.submit_s))
        feedback = _both(first, second).take(np.argsort(submit_s, kind="stable"))
    added = f"{len(second):,} jobs of {second.name} added as queue {queue}"
    return replace(
        together,
        format=first.format,
        first_submit_s=first.first_submit_s,
        compressed=first.compressed or second.compressed,
        jobs_read=first.jobs_read + second.jobs_read,
        dropped=_summed(first.dropped, second.dropped),
        left_out=_summed(first.left_out, second.left_out),
        left_out_work=_shares_of_both(first, second),
        notes=(*first.notes, *second.notes),
        changes=(*first.changes, *(f"{second.name}: {text}" for text in second.changes), added),
        feedback=feedback,
    )


def with_data(trace: Trace, data_gib: float) -> Trace:
    """Return the trace with ``data_gib`` as the data of those jobs whose data the log does not tell [GiB].

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 60], "run_s": [10, 10], "procs": [1, 1], "data_gib": [0, 2.5]})
    >>> with_data(trace, 5).data_gib
    array([5. , 2.5])
    """
    untold = trace.data_gib <= 0
    return trace.with_columns(data_gib=np.where(untold, float(data_gib), trace.data_gib)).changed(
        f"{numeral(data_gib)} GiB of data for each of {int(untold.sum()):,} jobs, of which the log tells none"
    )


def _described(like: dict[str, Any]) -> str:
    """Return the conditions of :func:`matching` in words; empty if there are none."""
    words = {
        "procs_at_least": "at least {} processors",
        "procs_at_most": "at most {} processors",
        "gpus_at_least": "at least {} GPUs",
        "gpus_at_most": "at most {} GPUs",
    }
    parts = []
    for key, value in like.items():
        if value is not None:
            said = numeral(value) if isinstance(value, int | float) else value
            names = said if isinstance(said, str) else " or ".join(said)
            parts.append(words.get(key, f"{key} {{}}").format(names))
    return " and ".join(parts)


def _joined(ours: pd.Categorical, theirs: pd.Categorical) -> pd.Categorical:
    """Return two columns of names as one, whose categories are sorted."""
    from pandas.api.types import union_categoricals

    return union_categoricals([ours, theirs], sort_categories=True)


def _both(first: Trace, second: Trace) -> Feedback:
    """Return which jobs follow which, of the jobs of one trace and then those of another."""
    both = [
        Feedback(np.full(len(trace), -1), np.zeros(len(trace))) if trace.feedback is None else trace.feedback
        for trace in (first, second)
    ]
    follows = np.where(both[1].follows >= 0, both[1].follows + len(first), -1)
    return Feedback(np.concatenate((both[0].follows, follows)), np.concatenate((both[0].think_s, both[1].think_s)))


def _summed(ours: Any, theirs: Any) -> dict[str, Any]:
    return {key: ours.get(key, 0) + theirs.get(key, 0) for key in {**ours, **theirs}}


def _shares_of_both(first: Trace, second: Trace) -> dict[str, float]:
    """Return the shares of the work of two logs that were left out as shares of the work of both, by reason."""
    logs = [
        float(np.dot(trace.procs, trace.run_s)) / (1 - sum(trace.left_out_work.values()) or 1.0)
        for trace in (first, second)
    ]
    parts = [
        {reason: part * work / (sum(logs) or 1.0) for reason, part in trace.left_out_work.items()}
        for trace, work in zip((first, second), logs, strict=True)
    ]
    return _summed(*parts)


def _thanks(first: Trace, second: Trace) -> dict[str, str]:
    """Return the header of the first trace, with the acknowledgements of both."""
    header = dict(first.header)
    thanks = list(dict.fromkeys(one.header["Acknowledge"] for one in (first, second) if "Acknowledge" in one.header))
    return {**header, "Acknowledge": "; ".join(thanks)} if thanks else header
