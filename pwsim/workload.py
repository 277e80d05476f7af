"""Changing a workload: pure functions from a trace to a trace."""

from __future__ import annotations

import numpy as np

from pwsim.errors import TraceError
from pwsim.trace import Trace


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
    end_s = float("inf") if length_s is None else start_s + length_s
    inside = (trace.submit_s >= start_s) & (trace.submit_s < end_s)
    if not inside.any():
        raise TraceError(
            f"{trace.name}: no job is submitted from {start_s:,.0f} s to {end_s:,.0f} s; "
            f"the last is submitted {trace.span_s:,.0f} s after the first"
        )
    return trace.take(inside)


def compress(trace: Trace, load: float) -> Trace:
    """Return the trace with its arrivals ``load`` times as dense, so that the offered load is that many times higher.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 60], "run_s": [10, 10], "procs": [1, 1]})
    >>> compress(trace, 1.5).submit_s
    array([ 0., 40.])
    """
    return trace.with_columns(submit_s=trace.submit_s / load)


def with_data(trace: Trace, data_gib: float) -> Trace:
    """Return the trace with ``data_gib`` as the data of those jobs whose data the log does not tell [GiB].

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 60], "run_s": [10, 10], "procs": [1, 1], "data_gib": [0, 2.5]})
    >>> with_data(trace, 5).data_gib
    array([5. , 2.5])
    """
    return trace.with_columns(data_gib=np.where(trace.data_gib > 0, trace.data_gib, float(data_gib)))
