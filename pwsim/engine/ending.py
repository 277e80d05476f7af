"""Early ends of replays: when it is certain that too many jobs wait too long, or that rent comes to too much.

Whatever comes later in a log changes nothing of what was, so both only grow: the jobs that have waited longer than a
limit, and the rent that is due.  A replay is *lost* at the limit of the first job beyond those that may wait longer,
and *dear* when the rent reaches what it may come to.  Which of the two comes first is told of any replay, one that went
on to its end included (:meth:`Ends.end_of`), so no engine must end early, and none decides how a replay is told.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pwsim.engine.outcome import Replay
from pwsim.trace import Floats, Integers

LOST, DEAR, OPEN = 0, 1, -1
"""How a replay ended early: too many jobs waited too long, its rent is too much, or it did not."""
TOLERANCE_S = 0.1
"""What the time at which rent reaches a sum is known to [s]: unless it comes sooner by more, a replay is lost first."""


NONE: Floats = np.zeros(0)


class Ends(NamedTuple):
    """When a replay may end early."""

    limit_s: Floats
    """For each target, the wait that is long enough [s], shape (targets,)."""
    allowed: Integers
    """How many jobs may wait longer, shape (targets,)."""
    about: npt.NDArray[np.bool_]
    """Which jobs are counted, of those that some pool can hold, shape (targets, jobs)."""
    usd_per_s: Floats
    """What a node beyond the base of an elastic pool costs at least [USD/s], shape (pools,); 0 for other pools."""
    base: Integers
    """How many nodes of a pool are paid otherwise, shape (pools,)."""
    most_usd: float
    """What rent may come to [USD]; infinite if anything."""
    check_s: Floats = NONE
    """Times at which what is to come is looked at, too, before the last submission [s], shape (checks,)."""
    rest_usd: Floats = NONE
    """What rent comes to at least after each of these times, however jobs were started before [USD], shape (checks,).
    """

    def end_of(self, seen: Replay, submit_s: Floats) -> int:
        """Return how a replay that went on to its end might have ended before: :data:`LOST`, :data:`DEAR`, or not.

        Parameters
        ----------
        seen
            What it showed.
        submit_s
            Submissions [s], shape (jobs,); they never decrease.
        """
        lost_s, wait_s = np.inf, seen.start_s - submit_s
        for limit_s, allowed, about in zip(self.limit_s, self.allowed, self.about, strict=True):
            late = np.flatnonzero(about & (wait_s > limit_s))
            if len(late) > allowed:
                lost_s = min(lost_s, float(submit_s[late[allowed]] + limit_s))
        return first_of(lost_s, self._dear_s(seen.spans))

    def _dear_s(self, spans: Floats | None) -> float:
        """Return when it is known that rent comes to more than it may [s]; infinite if it does not.

        That is when it does, or at the first check at which it does with what is to come at least.
        """
        if self.most_usd <= 0:
            return 0.0
        if spans is None or self.most_usd == np.inf:
            return np.inf
        pool, launched_s, gone_s = spans[:, 0].astype(np.int64), spans[:, 2], spans[:, 4]
        times_s = np.unique(np.concatenate(([0.0], launched_s, gone_s)))
        usd_per_s = np.zeros(len(times_s))
        for index in np.flatnonzero(self.usd_per_s):
            here = pool == index
            ends = (np.searchsorted(times_s, one[here]) for one in (launched_s, gone_s))
            come, go = (np.bincount(one, minlength=len(times_s)) for one in ends)
            usd_per_s += self.usd_per_s[index] * np.maximum(0, np.cumsum(come - go) - self.base[index])
        usd = np.concatenate(([0.0], np.cumsum(usd_per_s[:-1] * np.diff(times_s))))
        dear = np.interp(self.check_s, times_s, usd) + self.rest_usd >= self.most_usd
        checked_s = float(self.check_s[np.argmax(dear)]) if dear.any() else np.inf
        after = int(np.searchsorted(usd, self.most_usd))
        if after == len(usd):
            return checked_s
        return min(checked_s, float(times_s[after - 1] + (self.most_usd - usd[after - 1]) / usd_per_s[after - 1]))


class Ended(NamedTuple):
    """A replay that was ended early: where, why, and what was known by then."""

    engine: str
    """The engine that ran."""
    why: int
    """:data:`LOST` or :data:`DEAR`."""
    at_s: float
    """When it ended [s]."""
    late: Integers
    """How many jobs had waited longer than each limit, shape (targets,)."""
    node_s: Floats
    """How long nodes beyond the base had been on the bill, shape (pools,) [node-seconds]."""
    node_s_at: Floats = np.zeros((0, 0))
    """The same at each check until then, shape (checks, pools)."""


class Watch(NamedTuple):
    """What a compiled engine counts, and up to what."""

    limit_s: Floats
    allowed: Integers
    about: npt.NDArray[np.bool_]
    usd_per_s: Floats
    base: Integers
    most_usd: float
    place: Integers
    """The first job that has not waited longer than the limit yet, shape (targets,)."""
    late: Integers
    node_s: Floats
    check_s: Floats
    rest_usd: Floats
    checked: Integers
    """How many checks were made, shape (1,)."""
    node_s_at: Floats

    @property
    def watches(self) -> bool:
        """Whether there is anything that might end a replay early."""
        return len(self.limit_s) > 0 or self.most_usd < np.inf

    def ended(self, why: int, at_s: float) -> Ended:
        """Return the early end of a replay by the compiled engine."""
        return Ended("compiled", int(why), float(at_s), self.late, self.node_s, self.node_s_at[: self.checked[0]])


def watch_for(ends: Ends | None, jobs: int, pools: int) -> Watch:
    """Return what an engine counts, at its beginning; nothing without ends."""
    if ends is None:
        none, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
        ends = Ends(none, whole, np.zeros((0, jobs), dtype=bool), np.zeros(pools), np.zeros(pools, np.int64), np.inf)
    targets = len(ends.limit_s)
    return Watch(
        limit_s=np.array(ends.limit_s, dtype=np.float64),
        allowed=np.array(ends.allowed, dtype=np.int64),
        about=np.array(ends.about, dtype=bool).reshape(targets, jobs),
        usd_per_s=np.array(ends.usd_per_s, dtype=np.float64),
        base=np.array(ends.base, dtype=np.int64),
        most_usd=float(ends.most_usd),
        place=np.zeros(targets, dtype=np.int64),
        late=np.zeros(targets, dtype=np.int64),
        node_s=np.zeros(pools),
        check_s=np.array(ends.check_s, dtype=np.float64),
        rest_usd=np.array(ends.rest_usd, dtype=np.float64),
        checked=np.zeros(1, dtype=np.int64),
        node_s_at=np.zeros((len(ends.check_s), pools)),
    )


def first_of(lost_s: float, dear_s: float) -> int:
    """Return which comes first, being lost or being dear; times are infinite where it does not come [s]."""
    if lost_s < np.inf and not dear_s + TOLERANCE_S < lost_s:
        return LOST
    return DEAR if dear_s < np.inf else OPEN


def count_late(now, submit_s, start_s, limit_s, allowed, about, place, late):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Count the jobs that wait longer than each limit by now, before anything happens at this instant.

    Parameters
    ----------
    now
        The instant [s].
    submit_s, start_s
        Submissions, which never decrease, and starts, NaN as long as a job has not started [s], shape (jobs,).
    limit_s, allowed, about, place, late
        As for :class:`Watch`; the last two go on.

    Returns
    -------
    When the first target was lost since the last call [s]; infinite if none was.
    """
    lost_s = np.inf
    for target in range(len(limit_s)):
        job = place[target]
        while job < len(submit_s) and now - submit_s[job] > limit_s[target]:
            if about[target, job] and np.isnan(start_s[job]):
                late[target] += 1
                if late[target] == allowed[target] + 1:
                    lost_s = min(lost_s, submit_s[job] + limit_s[target])
            job += 1
        place[target] = job
    return lost_s
