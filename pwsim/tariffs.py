"""What electricity costs by the hour: bands of the week, and the hour at which a trace begins.

A tariff repeats every week.  Its hours are those of the site's clock, at the offset from UTC that holds at the first
submission: changes to summer time and back within a replay are not followed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from pwsim.trace import LONGEST_S, Floats, Trace
from pwsim.units import DAY_S, HOUR_S, Frozen

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days of the week, as scenarios name them."""
DAY_H, WEEK_H = 24, 168
"""Hours of a day and of a week."""


def _parse_hours(value: object) -> tuple[int, int]:
    """Return the first hour and the hour of the end."""
    wanted = "must be two different whole hours from 0 to 24, the start and the end, such as [8, 20] or [22, 6]"
    pair = tuple(value) if isinstance(value, list | tuple) else ()
    if len(pair) != 2 or any(not isinstance(hour, int) or isinstance(hour, bool) for hour in pair):
        raise ValueError(wanted)
    start, end = pair
    if not ((0 <= start <= DAY_H and 0 <= end <= DAY_H and (end - start) % DAY_H) or pair == (0, DAY_H)):
        raise ValueError(wanted)
    return start, end


def _parse_weekdays(value: object) -> tuple[str, ...]:
    """Return the days that names and ranges of names stand for, in the order of the week."""
    days = set()
    for text in value if isinstance(value, list | tuple) and value else [value]:
        first, _, last = text.partition("..") if isinstance(text, str) else ("", "", "")
        last = last or first
        if first not in WEEKDAYS or last not in WEEKDAYS:
            raise ValueError(f"must be days such as [mon, sat] or mon..fri, of {', '.join(WEEKDAYS)}")
        start = WEEKDAYS.index(first)
        days |= {(start + day) % 7 for day in range((WEEKDAYS.index(last) - start) % 7 + 1)}
    return tuple(WEEKDAYS[day] for day in sorted(days))


_HOURS_SCHEMA = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": DAY_H},
    "minItems": 2,
    "maxItems": 2,
}
_WEEKDAYS_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}

Price = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Hours = Annotated[tuple[int, int], BeforeValidator(_parse_hours), WithJsonSchema(_HOURS_SCHEMA)]
Weekdays = Annotated[tuple[str, ...], BeforeValidator(_parse_weekdays), WithJsonSchema(_WEEKDAYS_SCHEMA)]


class Band(Frozen):
    """A price of electricity, and the hours of the week at which it holds."""

    usd_per_kwh: Price
    """Price [USD/kWh]."""
    hours: Hours = (0, DAY_H)
    """Start and end on the site's clock [h]; ``[22, 6]`` is from 22:00 to midnight and from midnight to 6:00."""
    weekdays: Weekdays = WEEKDAYS
    """Days on which those hours lie, such as ``[mon, sat]`` or ``mon..fri``."""

    def holds(self) -> npt.NDArray[np.bool_]:
        """Return for each hour of the week, from Monday at 0:00, whether the band holds it, shape (168,)."""
        start, end = self.hours
        hour = np.arange(DAY_H)
        by_hour = (hour >= start) & (hour < end) if start < end else (hour >= start) | (hour < end)
        by_day = np.isin(WEEKDAYS, self.weekdays)
        return np.outer(by_day, by_hour).ravel()


def _check_bands(bands: tuple[Band, ...]) -> tuple[Band, ...]:
    """Make sure that every hour has a price, and that every band has an hour."""
    band_of = _band_of(bands)
    if (band_of < 0).any():
        day, hour = divmod(int(np.argmax(band_of < 0)), DAY_H)
        raise ValueError(
            f"no band holds {WEEKDAYS[day]} at {hour}:00; end with one of usd_per_kwh alone, for all other hours"
        )
    if unused := sorted(set(range(len(bands))) - set(band_of.tolist())):
        raise ValueError(f"band {unused[0]} never holds: at an hour that several hold, the first of them counts")
    return bands


def _band_of(bands: tuple[Band, ...]) -> npt.NDArray[np.int64]:
    """Return the first band that holds each hour of the week, -1 for none, shape (168,)."""
    held = np.array([band.holds() for band in bands])
    return np.where(held.any(axis=0), held.argmax(axis=0), -1)


Bands = Annotated[tuple[Band, ...], Field(strict=False, min_length=1, max_length=WEEK_H), AfterValidator(_check_bands)]
Electricity = Annotated[
    Annotated[Price, Tag("price")] | Annotated[Bands, Tag("bands")],
    Discriminator(lambda value: "bands" if isinstance(value, list | tuple) else "price"),
]
"""A price [USD/kWh], or bands of hours with a price each, of which the first that holds an hour counts."""


def usd_per_kw(electricity: float | tuple[Band, ...], until_s: Floats, week_s: float = 0.0) -> Floats:
    """Return what drawing one kilowatt costs from the start of the replay until some times [USD].

    Parameters
    ----------
    electricity
        A price [USD/kWh], or bands.
    until_s
        Times [s], shape (times,).
    week_s
        Start of the replay, from Monday at 0:00 [s].

    Examples
    --------
    >>> night = (Band(usd_per_kwh=0.1, hours=[22, 6]), Band(usd_per_kwh=0.3))
    >>> usd_per_kw(night, np.array([3600.0, 2 * 3600.0]), week_s=5 * 3600.0).round(6)
    array([0.1, 0.4])
    """
    if not isinstance(electricity, tuple):
        return until_s / HOUR_S * electricity
    prices = np.array([band.usd_per_kwh for band in electricity])[_band_of(electricity)]
    summed = np.concatenate(([0.0], np.cumsum(prices)))

    def since_monday(times_s: Floats) -> Floats:
        weeks, hours = np.divmod(times_s / HOUR_S, WEEK_H)
        sums: Floats = weeks * summed[-1] + np.interp(hours, np.arange(WEEK_H + 1), summed)
        return sums

    return since_monday(until_s + week_s) - since_monday(np.array([week_s]))


def least_usd_per_kw(electricity: float | tuple[Band, ...], length_s: Floats) -> Floats:
    """Return a lower bound on what one kilowatt costs for some length of time, whenever it is drawn [USD].

    Whole weeks cost what a week costs; what is left over costs at least the lowest price.  For a single price the
    bound is exact.
    """
    if not isinstance(electricity, tuple):
        return length_s / HOUR_S * electricity
    weeks, rest_s = np.divmod(length_s, 7 * DAY_S)
    week_usd = usd_per_kw(electricity, np.array([7 * DAY_S]))
    least: Floats = weeks * week_usd + rest_s / HOUR_S * min(band.usd_per_kwh for band in electricity)
    return least


class Start(NamedTuple):
    """When a trace begins."""

    local: datetime
    """Date and time of the first submission on the site's clock, without a zone."""
    source: str
    """Where that is known from."""

    @property
    def week_s(self) -> float:
        """Seconds from Monday at 0:00."""
        clock = self.local
        return clock.weekday() * DAY_S + clock.hour * HOUR_S + clock.minute * 60 + clock.second


def start_of(trace: Trace, given: str | None = None) -> Start | None:
    """Return when the first submission of a trace was; ``None`` if nobody says.

    Parameters
    ----------
    trace
        The jobs; the header of a log in SWF tells ``UnixStartTime``, and ``TimeZoneString`` or ``TimeZone``.
    given
        What a scenario says (``economics.start``), which comes first.
    """
    if given is not None:
        return Start(parse_local(given), "economics.start")
    if (dated := dated_start(trace)) is None:
        return None
    moment, source = dated
    return Start(moment.replace(tzinfo=None, microsecond=0), source)


def dated_start(trace: Trace) -> tuple[datetime, str] | None:
    """Return the first submission in the zone of the log's header, and where it is known from; ``None`` if it is not.

    Where the header gives only an offset from UTC, that is the zone: it knows no summer time.
    """
    unix_s = _whole(trace.header.get("UnixStartTime", ""))
    if not 0 < unix_s <= LONGEST_S:
        return None
    zone, name = _zone(trace.header)
    moment = datetime.fromtimestamp(unix_s + trace.first_submit_s, tz=UTC).astimezone(zone)
    return moment, f"UnixStartTime of the log, in {name}"


def parse_local(text: str) -> datetime:
    """Return a local date and time such as ``2026-01-01T00:00``.

    Raises
    ------
    ValueError
        If the text is something else.
    """
    wanted = "must be a local date and time without a zone, such as 2026-01-01T00:00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(wanted) from None
    if moment.tzinfo is not None:
        raise ValueError(wanted)
    return moment


def _zone(header: Any) -> tuple[tzinfo, str]:
    """Return the zone that a header names, and what to call it."""
    name = header.get("TimeZoneString", "").strip()
    try:
        return ZoneInfo(name), name
    except (LookupError, ValueError, OSError):  # garbage, or no time zone database on this computer
        pass
    offset_s = _whole(header.get("TimeZone", ""))
    if offset_s and abs(offset_s) < DAY_S:
        return timezone(timedelta(seconds=offset_s)), f"a zone {offset_s / HOUR_S:+g} h from UTC"
    return UTC, "UTC"


def _whole(text: str) -> int:
    """Return a whole number of a header; 0 if it is none."""
    digits = text.strip().removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0
