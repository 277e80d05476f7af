"""Feedback of users: a job is submitted when the job that it followed has ended and its user has thought.

A log holds what users did on the machine that wrote it: many waited for a result, and then asked for the next.  A
replay at the log's times (an open loop) lets them submit whether they have that result or not.  In a closed loop they
wait for it, so that a better machine gets more work sooner, and an overloaded one throttles itself.

Of what the sources do, this is the simplest that keeps the loop.  In the log, a job follows the job of its user that
ended last of those that had ended when it was submitted, unless that was longer ago than users think.  In a replay it
is submitted the same think time after the final end of that job (completed, killed or failed): sooner or later than in
the log, never before that end.  All other jobs begin a session, and keep their time in the log; so do those that follow
a job that no pool can hold, for that never ends.

What is simplified: a job waits for one job, not for all of a batch; a job that is submitted while others of its user
run, long after the last end, does not move with them; and users neither give up nor put work off to the next day.

Job order, by which ties are broken, stays that of the log; ``fcfs`` goes by the submissions of the replay.

References
----------
E. Shmueli, D. G. Feitelson: On simulation and design of parallel-systems schedulers: are we doing the right thing? IEEE
Transactions on Parallel and Distributed Systems 20(7), 2009: users who react to the system instead of a log's times.
N. Zakay, D. G. Feitelson: Preserving user behavior characteristics in trace-based simulation of parallel job
scheduling. MASCOTS 2014, doi:10.1109/MASCOTS.2014.15: dependencies between batches of jobs, and think times, of a log.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pwsim.common import TraceError
from pwsim.trace import Feedback, Trace

MAX_THINK_S = 1200.0
"""A longer time between the end of a job and the next submission is a break between sessions [s]."""


def with_feedback(trace: Trace, max_think_s: float = MAX_THINK_S) -> Trace:
    """Return the trace with what follows what, so that replays submit jobs when those that they followed have ended.

    Ends are those of the log: submission, recorded wait and run time.  So this comes before changes of times, such as
    :func:`pwsim.compress`, and after those that draw jobs anew, such as :func:`pwsim.resample`.

    Parameters
    ----------
    trace
        The workload, as the log has it.
    max_think_s
        Longest time from the end of a job to the submission of one that follows it [s].

    Raises
    ------
    TraceError
        If no job has a recorded wait, or none names its user.

    Examples
    --------
    >>> jobs = {"submit_s": [0, 5, 40], "run_s": [10, 10, 10], "procs": [1, 1, 1]}
    >>> trace = Trace.from_columns({**jobs, "recorded_wait_s": [0, 15, 0], "user": ["ann", "ann", "ann"]})
    >>> trace = with_feedback(trace)  # the third comes 10 s after the second has ended, at 5 + 15 + 10
    >>> trace.feedback
    Feedback(follows=array([-1, -1,  1]), think_s=array([ 0.,  0., 10.]))
    """
    user = np.asarray(trace.user.codes)
    named = (user >= 0) & ~np.asarray(trace.user.isin([""]))
    end_s = trace.submit_s + np.maximum(trace.recorded_wait_s, 0.0) + trace.run_s
    faults = {
        "when its jobs ended (it records no waits)": np.isnan(end_s).all(),
        "whose its jobs are (it names no users)": not named.any(),
    }
    if missing := [fault for fault, here in faults.items() if here]:
        raise TraceError(
            f"{trace.name}: does not tell {' nor '.join(missing)}, so that it is not known which jobs users submitted "
            "after which; use a log that does, or leave feedback out"
        )
    job = np.arange(len(trace))
    ended = job[named & ~np.isnan(end_s)]
    # Ends and submissions in one row, by user and time: before a submission stands the end that it follows.  At one
    # time, all of an earlier job comes first, so that no job follows a later one of no length, or itself.
    rows = np.concatenate((ended, job))
    is_end = np.arange(len(rows)) < len(ended)
    time_s = np.concatenate((end_s[ended], trace.submit_s))
    order = np.lexsort((is_end, rows, time_s, user[rows]))
    last_end = np.maximum.accumulate(np.where(is_end[order], np.arange(len(order)), -1))
    after = order[np.where(last_end >= 0, last_end, 0)]
    of_submission = ~is_end[order]
    by, before = rows[order[of_submission]], after[of_submission]
    think_s = trace.submit_s[by] - time_s[before]
    follow = is_end[before] & (user[rows[before]] == user[by]) & named[by] & (think_s <= max_think_s)
    feedback = Feedback(np.full(len(trace), -1), np.zeros(len(trace)))
    feedback.follows[by[follow]] = rows[before[follow]]
    feedback.think_s[by[follow]] = think_s[follow]
    return replace(trace, feedback=feedback).changed(
        f"feedback: {np.count_nonzero(follow):,} jobs are submitted when the job that they followed has ended, "
        f"after the think time of the log (at most {max_think_s:,.0f} s)"
    )
