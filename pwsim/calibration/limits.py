"""Limits: proposed where users, or accounts, sit at a ceiling that none of them ever passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from pwsim.calibration.draft import Cap, Draft
from pwsim.calibration.known import Known
from pwsim.cluster import through_doors
from pwsim.hindcasting import TOLERANCE_S, busy_of
from pwsim.metrics import Booleans

LEAST_HITS = 5
"""So often must somebody have been at a ceiling, with more jobs waiting."""
TRIED = 3
"""Ceilings of each kind that are tried: those that the most sat at."""


WIDER_H = (-1.0, -0.5, 0.5, 1.0)
"""By how much windows are made longer or shorter with a limit [h]."""


class Ceiling(NamedTuple):
    """What some held again and again, and never more."""

    most: int
    """So much."""
    keys: int
    """How many have been there."""
    hits: int
    """How often a job of theirs waited meanwhile."""


def propose(known: Known, draft: Draft, half: int) -> Iterator[list[Draft]]:
    """Yield sites with one more limit that the record of some blocks speaks for.

    Hours that were fitted without it may have stood for it, so they are also tried a little wider or narrower with it.
    """
    likely = sorted(found(known, draft, half), key=lambda one: -one[1].hits)
    more = [draft.changed(caps=(*draft.caps, cap)) for cap, _ in likely if cap not in draft.caps]
    if more:
        yield more
    for first in more[:TRIED]:
        wider = [
            first.changed(nights=tuple(one._replace(closes_h=(one.closes_h + by) % 24) for one in first.nights))
            for by in WIDER_H
            if first.nights
        ]
        if wider:
            yield [first, *wider]


def found(known: Known, draft: Draft, half: int) -> Iterator[tuple[Cap, Ceiling]]:
    """Yield limits that the record of some blocks speaks for, and how often somebody was at them."""
    partition = through_doors(known.trace, draft.cluster().partitions).partition
    groups: list[tuple[str, Booleans]] = [("", known.of(half))]
    groups += [(one.name, known.of(half) & (partition == one.name)) for one in draft.doors]
    pers: tuple[tuple[Literal["user", "account"], str], ...] = (("user", "user"), ("account", "user_group"))
    resources: tuple[Literal["jobs", "cores"], ...] = ("jobs", "cores")
    for name, jobs in groups:
        for per, column in pers:
            codes = getattr(known.trace, column).codes
            if len(np.unique(codes[jobs])) < 2:
                continue
            for resource in resources:
                for ceiling in _ceilings(known, jobs, codes, resource):
                    yield Cap(resource, ceiling.most, per, name), ceiling


def _ceilings(known: Known, jobs: Booleans, codes: np.ndarray, resource: str) -> list[Ceiling]:
    """Return the ceilings of keys: values at which several peak, or one does again and again, and jobs wait."""
    weight = known.trace.procs if resource == "cores" else np.ones(len(jobs), dtype=np.int64)
    peaks: dict[int, list[int]] = {}
    for key in np.unique(codes[jobs]):
        rows = jobs & (codes == key)
        busy = busy_of(known.recorded.of(rows), weight[rows])
        peak = int(busy.cores.max(initial=0))
        # A job that starts as soon as one of its owner's ends was waiting for it, or came just then.
        waited = known.recorded.start_s[rows] - known.trace.submit_s[rows] > TOLERANCE_S
        just_before_s = known.recorded.start_s[rows][waited] - 1e-3
        peaks.setdefault(peak, []).append(int(np.count_nonzero(busy.at(just_before_s) + weight[rows][waited] > peak)))
    largest = max(peaks, default=0)
    ceilings = [Ceiling(most, len(hits), sum(hits)) for most, hits in peaks.items() if most > 0]
    likely = [one for one in ceilings if one.hits >= LEAST_HITS and (one.most == largest or one.keys > 2)]
    return sorted(likely, key=lambda one: (-one.most, -one.hits))[:TRIED]


def at_ceiling(known: Known, jobs: Booleans) -> bool:
    """Tell whether some jobs together held a number of cores again and again, and no more, while others waited."""
    return bool(_ceilings(known, jobs, np.zeros(len(jobs), dtype=np.int64), "cores"))


def refine(known: Known, draft: Draft, half: int) -> Iterator[list[Draft]]:
    """Yield sites with a limit less, or one more."""
    yield [draft.changed(caps=draft.caps[:index] + draft.caps[index + 1 :]) for index in range(len(draft.caps))]
    more = [cap for cap, _ in found(known, draft, half) if cap not in draft.caps]
    yield [draft.changed(caps=(*draft.caps, cap)) for cap in more]
