"""Replays of sites as they are thought to be, on all cores; none twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from pwsim.calibration.blocks import Off, off
from pwsim.calibration.draft import Draft
from pwsim.calibration.known import Known
from pwsim.common import InputError
from pwsim.engine import Engine
from pwsim.results import in_parallel, simulate
from pwsim.trace import Floats

SAME = 1e-6
"""Sites of which the waits differ by less are equally good."""
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
        known = self.known
        return simulate(known.trace, draft.cluster(), engine=self.engine, start=known.start).wait_s

    def best(self, drafts: Sequence[Draft], half: int) -> Draft:
        """Return the site that is least off on some blocks; the first of several."""
        losses = np.array([found[half].loss for found in self.offs(drafts)])
        return drafts[int(np.argmax(losses <= losses.min() + SAME))]


def _off(replays: Replays, draft: Draft) -> Offs:
    """Return by how much a replay is off; a site that cannot be replayed is off by all there is."""
    blocks = replays.known.blocks
    try:
        wait_s = replays.wait_s(draft)
    except InputError:
        wait_s = np.full(len(replays.known.trace), np.nan)
    return off(blocks, 0, wait_s), off(blocks, 1, wait_s), off(blocks, 2, wait_s)
