"""Policies, outages and the scheduler's own time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from pwsim.calibration.draft import Away, Draft
from pwsim.calibration.known import Known
from pwsim.common import HOUR_S
from pwsim.metrics import Booleans
from pwsim.prices import Start

POLICIES = ("easy", "conservative", "fcfs", "sjf-easy", "smallest-easy", "wfp3-easy", "unicef-easy")
"""Orders and backfilling that are tried."""
OUTAGES_S = (HOUR_S, 4 * HOUR_S)
"""Downtimes that are at least so long are tried as outages [s]."""
PERIODS_S = (600.0, 300.0, 120.0, 60.0, 30.0, 20.0, 15.0, 10.0, 5.0)
"""Periods of the scheduler that are tried, the longest first [s]."""
REGULAR = 0.95
"""So many of the starts must be at multiples of a period."""
LONGEST_DELAY_S = 900.0
"""Delays of the scheduler are at most so long [s]."""
EARLY = 0.25
"""Of the delays of jobs that a replay starts at once, this quantile is tried, the median, and the least."""


def policies(known: Known, draft: Draft, half: int) -> list[list[Draft]]:  # noqa: ARG001 - a Proposal takes all three
    """Return sites with other orders and backfilling."""
    return [[draft.changed(policy=policy) for policy in POLICIES if policy != draft.policy]]


def outages(known: Known, draft: Draft, half: int) -> list[list[Draft]]:  # noqa: ARG001 - a Proposal takes all three
    """Return sites with the downtimes of the record, of all blocks: each is a single event, that no other foretells."""
    if known.start is None or draft.aways:
        return []
    return [found] if (found := list(_with_outages(known, known.start, draft))) else []


def _with_outages(known: Known, start: Start, draft: Draft) -> Iterator[Draft]:
    down = known.plain.evidence.downtimes
    for least_s in OUTAGES_S:
        times = [one for one in zip(down.start_s, down.end_s, strict=True) if one[1] - one[0] >= least_s]
        if times:
            aways = [
                Away(shown(start, math.ceil(from_s)), float(round(to_s - math.ceil(from_s)))) for from_s, to_s in times
            ]
            yield draft.changed(aways=tuple(aways))


def shown(start: Start, time_s: float) -> str:
    """Return the site's local time at a time of the replay.

    Examples
    --------
    >>> from datetime import datetime
    >>> shown(Start(datetime(2026, 1, 5, 8), ""), 86400.0)
    '2026-01-06T08:00:00'
    """
    if start.zone is None:
        return (start.local + timedelta(seconds=time_s)).isoformat()
    moment = start.local.replace(tzinfo=start.zone).timestamp() + time_s
    return type(start.local).fromtimestamp(moment, start.zone).replace(tzinfo=None, microsecond=0).isoformat()


def schedulers(known: Known, draft: Draft, half: int) -> list[list[Draft]]:
    """Return sites whose scheduler starts jobs at multiples of a period, or some time after it decided."""
    return [found] if (found := list(_with_times(known, draft, half))) else []


def _with_times(known: Known, draft: Draft, half: int) -> Iterator[Draft]:
    jobs = known.of(half)
    if (regular := period_of(known, jobs)) is not None:
        yield draft.changed(period_s=regular[0], start_delay_s=regular[1])
    wait_s = known.recorded.start_s - known.trace.submit_s
    at_once = jobs & (known.simulated.start_s <= known.trace.submit_s) & (wait_s <= LONGEST_DELAY_S)
    if not at_once.any():
        return
    least, early, typical = (float(round(one)) for one in np.quantile(wait_s[at_once], (0.0, EARLY, 0.5)))
    for delay_s in sorted({least, early, typical} - {0.0, draft.start_delay_s}):
        yield draft.changed(start_delay_s=delay_s, period_s=0.0)


def period_of(known: Known, jobs: Booleans) -> tuple[float, float] | None:
    """Return the longest period at multiples of which jobs start, and the delay after it; ``None`` if there is none."""
    start_s, submit_s = np.round(known.recorded.start_s[jobs]), known.trace.submit_s[jobs]
    wait_s = start_s - submit_s
    for period_s in PERIODS_S:
        residue, count = np.unique(start_s % period_s, return_counts=True)
        usual = float(residue[count.argmax()])
        submitted_so = float(np.mean(np.round(submit_s) % period_s == usual))
        if count.max() >= REGULAR * len(start_s) and submitted_so < REGULAR:
            delays = np.arange(usual, max(float(wait_s.min()), usual) + 1, period_s)
            return period_s, float(delays[-1])
    return None
