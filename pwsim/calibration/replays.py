"""Replays of sites as they are thought to be, on all cores; none twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import numpy as np

from pwsim.calibration.blocks import Off, off
from pwsim.calibration.draft import Draft
from pwsim.calibration.known import Known
from pwsim.common import InputError
from pwsim.engine import Engine
from pwsim.hindcasting import NEGLIGIBLE_S
from pwsim.results import in_parallel, simulate
from pwsim.trace import Floats, Trace

SAME = 1e-6
"""Sites of which the waits differ by less are equally good."""
BEGINNING = 8
"""This part of the blocks at the beginning of a log, but at least two, tells whether a site is worth a whole replay."""
HOPELESS = 5.0
"""It is not if the first jobs wait so many times as long as by the record, and as on the machine that was given."""
Offs = tuple[Off, Off, Off]
"""By how much a replay is off on the even blocks, the odd ones, and all."""


class Replays:
    """Replays of one log."""

    def __init__(
        self,
        known: Known,
        *,
        engine: Engine = "auto",
        workers: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.known, self.engine, self.workers = known, engine, workers
        self._progress = progress
        self._done: dict[Draft, Offs] = {}
        blocks = known.blocks
        last_s = max(2, int(known.trace.span_s / blocks.length_s / BEGINNING)) * blocks.length_s
        self._first = known.trace.take(np.flatnonzero(known.trace.submit_s < last_s))

    @property
    def count(self) -> int:
        """How many sites have been replayed."""
        return len(self._done)

    def offs(self, drafts: Iterable[Draft]) -> list[Offs]:
        """Return by how much the replays of some sites are off, in their order."""
        asked = list(drafts)
        new = list(dict.fromkeys(one for one in asked if one not in self._done))
        tasks = ((self, one) for one in new)
        for draft, found in zip(new, in_parallel(_off, tasks, workers=self.workers, engine=self.engine), strict=True):
            self._done[draft] = found
            if self._progress is not None:
                self._progress(self.count)
        return [self._done[one] for one in asked]

    def wait_s(self, draft: Draft) -> Floats:
        """Return the waits of a replay, NaN for rejected jobs [s], shape (jobs,)."""
        return self._wait_s(self.known.trace, draft)

    def _wait_s(self, trace: Trace, draft: Draft) -> Floats:
        return simulate(trace, draft.cluster(), engine=self.engine, start=self.known.start).wait_s

    def is_hopeless(self, draft: Draft) -> bool:
        """Return whether the first jobs wait so long that a replay of all, ever more of which wait, is a waste of time.

        They do in the even blocks and in the odd ones, so that it would be the worst of any, whichever are fitted to.
        """
        blocks, given_s = self.known.blocks, self.known.plain.result.wait_s
        wait_s = self._wait_s(self._first, draft)
        for member in blocks.member[:2]:
            ran = np.flatnonzero(member[: len(wait_s)] & ~np.isnan(wait_s))
            if not len(ran):
                return False
            usual_s = max(NEGLIGIBLE_S, *(float(np.nanmean(one[ran])) for one in (blocks.recorded_s, given_s)))
            if wait_s[ran].mean() <= HOPELESS * usual_s:
                return False
        return True

    def best(self, drafts: Sequence[Draft], half: int) -> Draft:
        """Return the site that is least off on some blocks; the first of several."""
        losses = np.array([found[half].loss for found in self.offs(drafts)])
        return drafts[int(np.argmax(losses <= losses.min() + SAME))]


def _off(replays: Replays, draft: Draft) -> Offs:
    """Return by how much a replay is off; a site that cannot be replayed, or is hopeless, is off by all there is."""
    blocks = replays.known.blocks
    wait_s = np.full(len(replays.known.trace), np.nan)
    with suppress(InputError):
        if not replays.is_hopeless(draft):
            wait_s = replays.wait_s(draft)
    return off(blocks, 0, wait_s), off(blocks, 1, wait_s), off(blocks, 2, wait_s)
