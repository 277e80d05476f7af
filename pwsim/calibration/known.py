"""What a log tells before anything is replayed under other rules: starts on the site's clock, and what was held."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pwsim.calibration.blocks import Blocks, cut
from pwsim.common import DAY_S
from pwsim.hindcasting import Hindcast, Schedule
from pwsim.metrics import Booleans
from pwsim.prices import Start
from pwsim.trace import Floats, Trace


@dataclass(frozen=True)
class Known:
    """A log, and the replay of the machine as it was given."""

    plain: Hindcast
    """That replay beside the record."""
    start: Start | None
    """When the log begins on the site's clock; ``None`` if nobody says."""

    @property
    def trace(self) -> Trace:
        """The jobs."""
        return self.plain.result.trace

    @cached_property
    def cores(self) -> int:
        """Cores of the machine."""
        return self.plain.cores

    @cached_property
    def recorded(self) -> Schedule:
        """When jobs started and ended by the record."""
        return self.plain.pair.recorded

    @cached_property
    def simulated(self) -> Schedule:
        """And in the replay of the machine as it was given."""
        return self.plain.pair.simulated

    @cached_property
    def blocks(self) -> Blocks:
        """The blocks of weeks."""
        return cut(self.trace, ~np.isnan(self.trace.recorded_wait_s))

    def week_s(self, times_s: Floats) -> Floats:
        """Return times on the site's clock, from Monday at 0:00 [s]."""
        assert self.start is not None
        changed_s, ahead_s = self.start.changes(float(np.nanmax(times_s, initial=0.0)) + DAY_S)
        ahead = np.append(0.0, ahead_s)[np.searchsorted(changed_s, times_s, side="right")]
        shown: Floats = (times_s + ahead + self.start.week_s) % (7 * DAY_S)
        return shown

    def of(self, half: int) -> Booleans:
        """Return which jobs one may look at who fits to some blocks (:attr:`.Blocks.member`), shape (jobs,)."""
        return self.blocks.member[half]
