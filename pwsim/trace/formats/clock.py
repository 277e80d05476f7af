"""Local times of a log: seconds since 1970 in UTC, with what summer time does to them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from pwsim.common import TraceError
from pwsim.trace.formats.fields import UNKNOWN, decimal
from pwsim.trace.table import LONGEST_S, Floats


class Clock:
    """Local times of a zone as seconds since 1970 in UTC; counts those that the zone's clock shows twice or never."""

    def __init__(self, zone: str) -> None:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):  # zoneinfo's own error is a KeyError
            raise ValueError(f"unknown time zone {zone!r}; names are such as UTC or Europe/Paris") from None
        self.zone = zone
        self.twice = 0
        self.never = 0

    @classmethod
    def of(cls, path: Path, zone: str) -> Clock:
        """Return the clock of a log.

        Raises
        ------
        TraceError
            If there is no such zone.
        """
        try:
            return cls(zone)
        except ValueError as error:
            raise TraceError(f"{path}: time_zone: {error}") from None

    def seconds(self, times: pd.DatetimeIndex, not_before: Floats | None = None) -> Floats:
        """Return local times as seconds, NaN where not a time.

        A time that the clock shows twice (in autumn) is taken as the first, unless only the second is not before
        ``not_before``; one that it never shows (in spring) as the first that it shows again.
        """
        if self.zone == "UTC":
            return _epoch(times)
        first = times.tz_localize(self.zone, ambiguous=np.ones(len(times), dtype=bool), nonexistent="shift_forward")
        second = times.tz_localize(self.zone, ambiguous=np.zeros(len(times), dtype=bool), nonexistent="shift_forward")
        seconds, late = _epoch(first), _epoch(second)
        self.twice += int(np.count_nonzero(seconds < late))
        self.never += int(np.count_nonzero(np.asarray(first.tz_localize(None) != times) & np.asarray(times.notna())))
        if not_before is None:
            return seconds
        return np.where((seconds < not_before) & (late >= not_before), late, seconds)

    def parse(self, text: str, unit_s: float = 1.0) -> float:
        """Return one time [s]: a number of units since 1970, or ISO 8601 with or without an offset; NaN where unknown.

        Raises
        ------
        ValueError
            If the text is no time, or not one from 1970 to 2286.
        """
        if text.lower() in UNKNOWN:
            return math.nan
        try:
            value = decimal(text) * unit_s
        except ValueError:
            try:
                when = datetime.fromisoformat(text)
            except ValueError:
                raise ValueError("must be a time such as 2016-12-22T07:15:12, or seconds since 1970") from None
            local = when.tzinfo is None
            value = when.replace(tzinfo=UTC).timestamp() if local else when.timestamp()
            if local and 0 <= value <= LONGEST_S:
                value = float(self.seconds(pd.DatetimeIndex([when]))[0])
        if not 0 <= value <= LONGEST_S:
            raise ValueError("must be a time from 1970 to 2286")
        return value

    def notes(self) -> list[str]:
        """Say which times the zone's clock showed twice or never."""
        notes = []
        if self.twice:
            notes.append(
                f"{self.twice} times fall into an hour that the clock of {self.zone} shows twice; the first was "
                "taken, or the second where only that is in order"
            )
        if self.never:
            notes.append(f"{self.never} times do not exist on the clock of {self.zone}; the next that does was taken")
        return notes


def _epoch(times: pd.DatetimeIndex) -> Floats:
    microseconds = np.asarray(times.as_unit("us").asi8, dtype=np.float64)
    return np.where(np.asarray(times.isna()), np.nan, microseconds / 1e6)
