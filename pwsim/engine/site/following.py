"""Jobs that wait for others in a replay under site rules, as the log tells (semantics §9, "Held jobs")."""

from __future__ import annotations

import numpy as np

from pwsim.engine.site.state import REJECTION, Jobs, State
from pwsim.trace import Integers, Trace, links


def with_following(state: State, trace: Trace, reason: Integers) -> tuple[State, list[tuple[float, int, int, int]]]:
    """Return the containers of a replay with who waits for whom, and when jobs are rejected that others wait for.

    Parameters
    ----------
    state
        The containers, as arrays.
    trace
        The jobs.
    reason
        Why each job is rejected; -1 if it is not, shape (jobs,).

    Raises
    ------
    TraceError
        If the log's column of jobs that came before makes no sense.
    """
    found = links(trace)
    waits = reason[found.follower] < 0  # a rejected job waits for nobody
    awaited, follower = found.awaited[waits], found.follower[waits]
    by_job = np.argsort(found.job, kind="stable")
    jobs: Jobs = state.jobs._replace(
        next_group=_starts(found.job, len(trace)),
        group=found.group[by_job],
        left=np.bincount(found.group, minlength=found.groups),
        next_after=_starts(awaited, found.groups),
        after=follower[np.argsort(awaited, kind="stable")],
    )
    before = np.asarray(state.site.waiting.before)
    before[:] = np.bincount(follower, minlength=len(trace))
    rejected = np.unique(found.job[reason[found.job] >= 0])
    return state._replace(jobs=jobs), [(float(trace.submit_s[job]), REJECTION, int(job), 0) for job in rejected]


def _starts(owner: Integers, owners: int) -> Integers:
    """Return where the list of each owner begins, lists being in the order of their owners; and the length of all."""
    starts: Integers = np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=owners)))).astype(np.int64)
    return starts
