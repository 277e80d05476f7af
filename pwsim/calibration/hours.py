"""Hours at which long jobs start: proposed from their starts by the half hour, and from when they were to end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from pwsim.calibration.draft import Draft, Night
from pwsim.calibration.known import Known
from pwsim.common import DAY_S, HOUR_S
from pwsim.metrics import Booleans
from pwsim.trace import Floats

ABOVE_H = (0, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 24, 36, 48)
"""Estimates above which jobs may have hours of their own [h]."""
SLOTS = 48
"""Half hours of a day."""
LEAST_JOBS = 60
"""Fewer jobs than this do not tell at which hours jobs start."""
CLOSED_SLOTS = range(4, 45)
"""How many half hours of a day may be closed."""
CLOSED_RATIO = 0.4
"""Hours may be closed if at most this share of the starts of the replay happens in them."""
LEAST_MISSING = 0.1
"""And if this share of all starts is missing there."""
SEEDS = 2
"""Classes of estimates from which a search begins: those of which the most starts are missing at some hours."""
ENDED = 0.98
"""This share of the jobs must have been expected to end before the hours close, where they are to end in them."""
COARSE_H = 2.0
"""Ends of the hours in which jobs are to end are tried so far from one another, before they are moved a little [h]."""
WEEKENDS: tuple[Literal["open", "same", "closed"], ...] = ("open", "same", "closed")
"""What Saturdays and Sundays may be."""
STEPS_H = (-0.5, 0.5, -1.5, 1.5)
"""By how much the ends of windows are moved [h]."""
PARTS = 4
"""Hours may hold for some of so many parts of a log."""
LEAST_DAYS = 28
"""A change of ways has at least so many days of the log on either side."""


def propose(known: Known, draft: Draft, half: int) -> Iterator[list[Draft]]:
    """Yield sites with hours that the starts of some blocks speak for: those for starts alone, and for whole jobs."""
    if known.start is None or draft.nights:
        return
    seeds = []
    for above_h in above(known):
        jobs = known.of(half) & (known.trace.estimate_s > above_h * HOUR_S) & ~np.isnan(known.simulated.start_s)
        if np.count_nonzero(jobs) >= LEAST_JOBS and (found := _closed(known, jobs)) is not None:
            seeds.append((found[0] * np.count_nonzero(jobs), above_h, found[1], found[2], jobs))
    seeds.sort(key=lambda seed: -seed[0])
    plain, whole = [], []
    for _, above_h, from_slot, slots, jobs in seeds[:SEEDS]:
        night = Night(above_h * HOUR_S, (from_slot + slots) % SLOTS / 2, from_slot / 2)
        plain.append(night)
        whole += [night._replace(closes_h=one, whole=True) for one in _ends(known, jobs, night.opens_h)]
    for nights in (plain, whole):
        if nights:
            always = [night._replace(weekend=one) for night in nights for one in WEEKENDS[:2]]
            yield [draft.changed(nights=(night,)) for night in always]
            yield [draft.changed(nights=(night,)) for night in _for_a_time(always[0], change_points(known))]


def _for_a_time(night: Night, dates: list[str]) -> list[Night]:
    """Return the same hours until, or since, dates in the midst of a log."""
    some = {dates[len(dates) * part // PARTS] for part in range(1, PARTS)} if dates else set()
    return [one for date in sorted(some) for one in (night._replace(until=date), night._replace(since=date))]


def above(known: Known) -> list[float]:
    """Return the estimates above which other jobs are than above the estimates before [h]."""
    jobs = [int(np.count_nonzero(known.trace.estimate_s > one * HOUR_S)) for one in ABOVE_H]
    return [one for index, one in enumerate(ABOVE_H) if jobs[index] and jobs[index] not in jobs[:index]]


def _closed(known: Known, jobs: Booleans) -> tuple[float, int, int] | None:
    """Return at which half hours of weekdays the most starts are missing: what share, the first, and how many."""
    shares = []
    for schedule in (known.recorded, known.simulated):
        shown_s = known.week_s(schedule.start_s[jobs])
        weekday = shown_s < 5 * DAY_S
        slot = (shown_s[weekday] % DAY_S // (HOUR_S / 2)).astype(np.int64)
        by_slot = np.bincount(slot, minlength=SLOTS) / max(1, len(slot))
        shares.append(np.concatenate(([0.0], np.cumsum(np.tile(by_slot, 2)))))
    best: tuple[float, int, int] | None = None
    for slots in CLOSED_SLOTS:
        there, wanted = (one[slots : slots + SLOTS] - one[:SLOTS] for one in shares)
        missing = np.where(there <= CLOSED_RATIO * wanted, wanted - there, 0.0)
        first = int(missing.argmax())
        if missing[first] >= LEAST_MISSING and (best is None or missing[first] > best[0] + 1e-9):
            best = float(missing[first]), first, slots
    return best


def _ends(known: Known, jobs: Booleans, opens_h: float) -> list[float]:
    """Return until which hour jobs that start at night may be expected to end [h].

    By their estimates, and near it; and coarsely any other, for at some sites a few of them always did not keep to it.
    """
    shown_s = known.week_s(known.recorded.start_s[jobs])
    since_s = (shown_s - opens_h * HOUR_S) % DAY_S
    end_h = (since_s + known.trace.estimate_s[jobs]) / HOUR_S
    nightly = (shown_s < 4 * DAY_S) & (end_h < 24)
    if not nightly.any():
        return []
    latest_h = np.ceil(2 * float(np.quantile(end_h[nightly], ENDED))) / 2
    lengths_h = [latest_h + step for step in (-1.0, 0.0, 1.0)]
    lengths_h += [length_h for length_h in np.arange(2 * COARSE_H, 24, COARSE_H) if length_h not in lengths_h]
    return [float((opens_h + length_h) % 24) for length_h in lengths_h if 0 < length_h < 24]


def refine(known: Known, draft: Draft, half: int) -> Iterator[list[Draft]]:  # noqa: ARG001 - a Proposal takes all three
    """Yield sites with slightly other hours: one thing of one rule is different."""
    for index, night in enumerate(draft.nights):
        for others in _neighbours(night, above(known)):
            yield [
                draft.changed(nights=(*draft.nights[:index], one, *draft.nights[index + 1 :]))
                for one in others
                if one.opens_h != one.closes_h
            ]
        dates = change_points(known)
        for date in filter(None, (night.since, night.until)):
            if date in dates:
                near = dates[max(0, dates.index(date) - 2) : dates.index(date) + 3]
                since = date == night.since
                moved = [night._replace(since=one) if since else night._replace(until=one) for one in near]
                yield [
                    draft.changed(nights=(*draft.nights[:index], one, *draft.nights[index + 1 :]))
                    for one in moved
                    if (one.since or "") < (one.until or "9999")
                ]


def _neighbours(night: Night, above_h: list[float]) -> Iterator[list[Night]]:
    yield [night._replace(closes_h=(night.closes_h + by) % 24) for by in STEPS_H]
    yield [night._replace(opens_h=(night.opens_h + by) % 24) for by in STEPS_H]
    place = int(np.searchsorted(above_h, night.above_s / HOUR_S))
    yield [night._replace(above_s=one * HOUR_S) for one in above_h[max(0, place - 3) : place + 4]]
    yield [
        *(night._replace(weekend=one) for one in WEEKENDS),
        night._replace(whole=not night.whole),
        night._replace(drain=not night.drain),
        *(night.moved(by) for by in STEPS_H),
    ]


def changes(known: Known, draft: Draft, half: int) -> Iterator[list[Draft]]:  # noqa: ARG001 - a Proposal takes all three
    """Yield sites that changed their ways: a rule that came or went at some date, or whose hours were moved then."""
    changed = list(_changed(known, draft))
    if changed:
        yield changed


def _changed(known: Known, draft: Draft) -> Iterator[Draft]:
    for index, night in enumerate(draft.nights):
        before, after = draft.nights[:index], draft.nights[index + 1 :]
        for date in change_points(known):
            if (night.since or "") < date < (night.until or "9999"):
                early, late = night._replace(until=date), night._replace(since=date)
                for nights in ((early,), (late,), *((early, late.moved(by)) for by in (-1.0, 1.0))):
                    yield draft.changed(nights=(*before, *nights, *after))


def change_points(known: Known) -> list[str]:
    """Return local dates at which ways may have changed: the first of each month, and where the clock is changed."""
    assert known.start is not None
    first, span_s = known.start.local, known.trace.span_s
    months = [datetime(first.year + month // 12, month % 12 + 1, 1) for month in range(first.month, first.month + 600)]  # noqa: DTZ001 - of the site's clock
    changed_s: Floats = known.start.changes(span_s)[0]
    clock = [datetime.combine((first + timedelta(seconds=float(one))).date(), datetime.min.time()) for one in changed_s]
    least, most = first + timedelta(days=LEAST_DAYS), first + timedelta(seconds=span_s) - timedelta(days=LEAST_DAYS)
    return sorted({f"{one:%Y-%m-%d}" for one in (*months, *clock) if least <= one <= most})
