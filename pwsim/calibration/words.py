"""What was found, in words, and what the record shows of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pwsim.calibration import limits, others
from pwsim.calibration.draft import Cap, Draft, Night
from pwsim.calibration.known import Known
from pwsim.cluster import Hours, open_intervals
from pwsim.common import count, duration, share
from pwsim.hindcasting import busy_of

NOTABLE = 0.05
"""Share of the waiting from which on a cause that is left is named."""
KINDS = {
    "partitions": "partitions",
    "hours": "hours",
    "limits": "limits",
    "outages": "outages",
    "scheduler": "the scheduler's own time",
    "policy": "order and backfilling",
    "changes": "changes of the hours",
}
"""What kinds of rules are called."""


def of(draft: Draft, kind: str) -> str:
    """Say what a site has of one kind of rule; nothing if it has none."""
    texts: dict[str, Callable[[], list[str]]] = {
        "partitions": lambda: [f"{one.name} {one.cores:,} cores" for one in draft.doors],
        "hours": lambda: [night_text(one) for one in draft.nights],
        "changes": lambda: [night_text(one) for one in draft.nights],
        "limits": lambda: [cap_text(one) for one in draft.caps],
        "outages": lambda: (
            [f"{len(draft.aways)}, {duration(sum(one.length_s for one in draft.aways))} in all"] if draft.aways else []
        ),
        "scheduler": lambda: [
            f"{name} {duration(value)}"
            for name, value in (("period", draft.period_s), ("start delay", draft.start_delay_s))
            if value
        ],
        "policy": lambda: [draft.policy],
    }
    return "; ".join(texts[kind]())


def night_text(night: Night) -> str:
    """Say what a rule of hours is.

    Examples
    --------
    >>> night_text(Night(14400.0, 17, 9, whole=True, until="1997-06-01"))
    'jobs above 4 h start at 17:00-09:00, sat,sun and end by then, until 1997-06-01'
    """
    whose = f"jobs above {duration(night.above_s)}" if night.above_s else "jobs"
    ends, keeps = " and end by then" if night.whole else "", " and keep cores meanwhile" if night.drain else ""
    dates = "".join(f", {name} {at}" for name, at in (("from", night.since), ("until", night.until)) if at)
    return f"{whose} start at {', '.join(night.windows())}{ends}{keeps}{dates}"


def cap_text(cap: Cap) -> str:
    """Say what a limit is.

    Examples
    --------
    >>> cap_text(Cap("cores", 64, "user"))
    'at most 64 cores per user'
    """
    return f"at most {cap.most:,} {cap.resource} per {cap.per}{f' in {cap.partition}' if cap.partition else ''}"


def evidence(known: Known, draft: Draft, kind: str) -> list[str]:
    """Return the evidence of the record for one kind of rule, in lines."""
    shown: dict[str, Callable[[Known, Draft], list[str]]] = {
        "partitions": _of_partitions,
        "hours": _of_hours,
        "changes": _of_hours,
        "limits": _of_limits,
        "outages": _of_outages,
        "scheduler": _of_scheduler,
        "policy": lambda *_: [],
    }
    return shown[kind](known, draft)


def _of_partitions(known: Known, draft: Draft) -> list[str]:
    lines = []
    for door in draft.doors:
        jobs = known.of(2) & np.isin(np.asarray(known.trace.table[door.column].astype(str)), door.values)
        peak = int(busy_of(known.recorded.of(jobs), known.trace.procs[jobs]).cores.max(initial=0))
        where = "the log's header" if door.cores > peak else "the most that its jobs held at once"
        lines.append(
            f"{door.name}: {count(int(np.count_nonzero(jobs)), 'job')}, which held up to {peak:,} cores; its size is "
            f"from {where}"
        )
    return lines


def _of_hours(known: Known, draft: Draft) -> list[str]:
    assert known.start is not None
    lines = []
    for night in draft.nights:
        rule = Hours.model_validate({**night.rule(), "from": None, "until": None})
        last_s = float(np.nanmax([np.nanmax(one.start_s) for one in (known.recorded, known.simulated)]))
        spans = open_intervals(rule, known.start, last_s)
        shares = []
        for schedule in (known.recorded, known.simulated):
            jobs = known.of(2) & rule.where.admit(known.trace) & ~np.isnan(schedule.start_s)
            start_s = schedule.start_s[jobs]
            held = _while_it_holds(known, night, start_s)
            place = np.searchsorted(spans[:, 0], start_s, side="right") - 1
            inside = (place >= 0) & (start_s < spans[np.maximum(place, 0), 1])
            ended = start_s + known.trace.estimate_s[jobs] <= spans[np.maximum(place, 0), 1]
            shares.append([len(start_s[held]), float(np.mean(inside[held])), float(np.mean((inside & ended)[held]))])
        (jobs_held, inside_share, ended_share), (_, plainly, ended_plainly) = shares
        lines.append(
            f"{share(inside_share)} of the {int(jobs_held):,} starts of such jobs are in these hours (without rules: "
            f"{share(plainly)}), {share(ended_share)} of them expected to end in them ({share(ended_plainly)})"
        )
    return lines


def _while_it_holds(known: Known, night: Night, start_s: np.ndarray) -> np.ndarray:
    """Tell which starts are between the dates of a rule."""
    assert known.start is not None
    dates = [others.shown(known.start, float(one)) for one in start_s]
    return np.array([(night.since or "") <= one < (night.until or "9999") for one in dates], dtype=bool)


def _of_limits(known: Known, draft: Draft) -> list[str]:
    without = draft.changed(caps=())
    found = dict(limits.found(known, without, 2))
    seen = [(cap, found[cap]) for cap in draft.caps if cap in found]
    return [
        f"{cap_text(cap)}: {count(one.keys, cap.per)} held exactly that at most, and {one.hits:,} times a job waited "
        "until one of the same ended"
        for cap, one in seen
    ]


def _of_outages(known: Known, draft: Draft) -> list[str]:
    del known
    return [
        f"{count(len(draft.aways), 'time')} the machine stood all but empty and started nothing though jobs waited",
        "Each is a single event: blocks tell of their own alone, so this is judged as a whole",
    ]


def _of_scheduler(known: Known, draft: Draft) -> list[str]:
    wait_s = known.recorded.start_s - known.trace.submit_s
    at_once = known.of(2) & (known.simulated.start_s <= known.trace.submit_s)
    quantiles = np.quantile(wait_s[at_once], (0.0, 0.25, 0.5)) if at_once.any() else [0.0] * 3
    least, early, typical = (duration(float(one)) for one in quantiles)
    jobs = f"Of the {int(np.count_nonzero(at_once)):,} jobs that a replay starts at once, the record has the first"
    lines = [f"{jobs} start after {least}, a quarter within {early}, half within {typical}"]
    if draft.period_s:
        lines.append(f"Starts are at multiples of {duration(draft.period_s)}, {duration(draft.start_delay_s)} later")
    return lines
