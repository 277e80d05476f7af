"""What electricity costs by the hour: bands of the week, and the hour at which a trace begins.

A tariff repeats every week.  Its hours are those of the site's clock, summer time included where a time zone is known:
an hour that the clock shows twice is paid twice, and one that it never shows is not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from pwsim.common import DAY_S, HOUR_S, Frozen
from pwsim.trace import LONGEST_S, Floats, Trace

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days of the week, as scenarios name them."""
DAY_H, WEEK_H = 24, 168
"""Hours of a day and of a week."""
COMPRESSED = (
    "does not go with a price of electricity by the hour: where arrivals are compressed, jobs come at other hours"
)
"""Why arrivals that are made denser go with no tariff (semantics §8)."""


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


def parse_weekdays(value: object) -> tuple[str, ...]:
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
Weekdays = Annotated[tuple[str, ...], BeforeValidator(parse_weekdays), WithJsonSchema(_WEEKDAYS_SCHEMA)]


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


def usd_per_kw(electricity: float | tuple[Band, ...], until_s: Floats, start: Start | None = None) -> Floats:
    """Return the cost of drawing one kilowatt from the start of the replay until some times [USD].

    Parameters
    ----------
    electricity
        A price [USD/kWh], or bands.
    until_s
        Times [s], shape (times,).
    start
        Start of the replay; a Monday at 0:00, on a clock that is never changed, if left out.

    Examples
    --------
    >>> night = (Band(usd_per_kwh=0.1, hours=[22, 6]), Band(usd_per_kwh=0.3))
    >>> usd_per_kw(night, np.array([3600.0, 2 * 3600.0]), Start(datetime(2026, 1, 5, 5), "")).round(6)
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

    # Between two changes, the clock goes on evenly: what was paid until the last, and what has been paid since.
    changed_s, ahead_s = start.changes(float(until_s.max(initial=0.0))) if start else NO_CHANGES
    begin_s, ahead_s = np.append(0.0, changed_s), np.append(0.0, ahead_s) + (start.week_s if start else 0.0)
    begin_usd = since_monday(begin_s + ahead_s)
    paid = np.append(0.0, np.cumsum(since_monday(begin_s[1:] + ahead_s[:-1]) - begin_usd[:-1]))
    last = np.maximum(np.searchsorted(begin_s, until_s, side="right") - 1, 0)
    usd: Floats = paid[last] + since_monday(until_s + ahead_s[last]) - begin_usd[last]
    return usd


def least_usd_per_kw(electricity: float | tuple[Band, ...], length_s: Floats, start: Start | None = None) -> Floats:
    """Return a lower bound on what one kilowatt costs for some length of time, whenever it is drawn [USD].

    Whole weeks cost what a week costs, if the clock is never changed; what is left over, and all of it if the clock may
    be changed, costs at least the lowest price.  For a single price the bound is exact.

    Parameters
    ----------
    electricity
        A price [USD/kWh], or bands.
    length_s
        Lengths of time [s], shape (times,).
    start
        Start of the replay, as for :func:`usd_per_kw`.
    """
    if not isinstance(electricity, tuple):
        return length_s / HOUR_S * electricity
    steady_s = 7 * DAY_S if start is None or start.zone is None else np.inf
    weeks, rest_s = np.divmod(length_s, steady_s)
    week_usd = usd_per_kw(electricity, np.array([7 * DAY_S]))
    least: Floats = weeks * week_usd + rest_s / HOUR_S * min(band.usd_per_kwh for band in electricity)
    return least


class Start(NamedTuple):
    """When a trace begins."""

    local: datetime
    """Date and time of the first submission on the site's clock, without a zone."""
    source: str
    """Where that is known from."""
    zone: ZoneInfo | None = None
    """Zone by which the clock is changed to and from summer time; ``None``: it never is."""

    @property
    def week_s(self) -> float:
        """Seconds from Monday at 0:00."""
        clock = self.local
        return clock.weekday() * DAY_S + clock.hour * HOUR_S + clock.minute * 60 + clock.second

    def before(self, seconds: float) -> Start:
        """Return the start of a trace that begins so much earlier.

        Examples
        --------
        >>> Start(datetime(2026, 3, 29, 12), "", ZoneInfo("Europe/Paris")).before(86400).local.hour
        11
        """
        if self.zone is None:
            return self._replace(local=self.local - timedelta(seconds=seconds))
        moment = self.local.replace(tzinfo=self.zone).astimezone(UTC) - timedelta(seconds=seconds)
        return self._replace(local=moment.astimezone(self.zone).replace(tzinfo=None))

    def changes(self, until_s: float) -> tuple[Floats, Floats]:
        """Return when the clock is changed, from the start [s], and by how much it is then ahead of the start's [s].

        Examples
        --------
        >>> start = Start(datetime(2026, 3, 29), "", ZoneInfo("Europe/Paris"))
        >>> start.changes(300 * 86400)
        (array([7.20000e+03, 1.81512e+07]), array([3600.,    0.]))
        """
        if self.zone is None:
            return NO_CHANGES
        years = 1
        while years * YEAR_S < until_s:
            years *= 2  # so that a search asks for few different ones
        changed_s, ahead_s = _changes(self.zone, int(self.local.replace(tzinfo=self.zone).timestamp()), years)
        return changed_s[changed_s < until_s], ahead_s[changed_s < until_s]


NO_CHANGES: tuple[Floats, Floats] = (np.empty(0), np.empty(0))
"""A clock that is never changed."""
YEAR_S = 366 * DAY_S
"""Seconds in a year, or a day more."""
LAST_S = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
"""Seconds since 1970 up to which there is a calendar."""


@lru_cache(maxsize=64)
def _changes(zone: ZoneInfo, start_s: int, years: int) -> tuple[Floats, Floats]:
    """Return when a zone's clock is changed within some years [s from the start], and by how much it is then ahead [s].

    Zones are changed at whole seconds, and at most once a day.
    """

    def offset_s(moment_s: int) -> float:
        offset = datetime.fromtimestamp(moment_s, zone).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    found: dict[int, float] = {}
    first_s = before_s = offset_s(start_s)
    for day_s in range(start_s, min(start_s + int(years * YEAR_S), LAST_S), int(DAY_S)):
        low, high = day_s, day_s + int(DAY_S)
        if (after_s := offset_s(high)) == before_s:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset_s(middle) == before_s else (low, middle)
        found[high - start_s] = after_s - first_s
        before_s = after_s
    return np.array(list(found), dtype=np.float64), np.array(list(found.values()), dtype=np.float64)


def start_of(trace: Trace, given: str | None = None, time_zone: str | None = None) -> Start | None:
    """Return when the first submission of a trace was; ``None`` if nobody says.

    Parameters
    ----------
    trace
        The jobs; the header of a log in SWF tells ``UnixStartTime``, and ``TimeZoneString`` or ``TimeZone``.
    given, time_zone
        What a scenario says (``economics.start`` and ``economics.time_zone``), which comes first.
    """
    if given is not None:
        zone = ZoneInfo(time_zone) if time_zone else _named_zone(trace.header)
        return Start(parse_local(given), "economics.start" + (f", in {zone}" if zone else ""), zone)
    if (dated := dated_start(trace, time_zone)) is None:
        return None
    moment, source = dated
    zone = moment.tzinfo if isinstance(moment.tzinfo, ZoneInfo) else None
    return Start(moment.replace(tzinfo=None, microsecond=0), source, zone)


def clock_fault(trace: Trace, given: str | None = None) -> str | None:
    """Return why prices of electricity by the hour do not go with a trace; ``None`` if they do (semantics §8)."""
    if trace.compressed:
        return f"{trace.name}: its load {COMPRESSED}; use resample, or grow by jobs, which keep the hours"
    if start_of(trace, given) is None:
        return (
            f"economics.start: is missing, for the price of electricity depends on the hour and {trace.name} does not "
            "say when it starts; give the local time of the first submission, such as 2026-01-01T00:00"
        )
    return None


def dated_start(trace: Trace, time_zone: str | None = None) -> tuple[datetime, str] | None:
    """Return the first submission on the site's clock, and where it is known from; ``None`` if it is not.

    The zone is the given one, or that of the log's header.  Where the header gives only an offset from UTC, that is the
    zone: it knows no summer time.
    """
    unix_s = _header_start_s(trace)
    if unix_s is None:
        return None
    zone, name = (ZoneInfo(time_zone), time_zone) if time_zone else _zone(trace.header)
    moment = datetime.fromtimestamp(unix_s, tz=UTC).astimezone(zone)
    return moment, f"UnixStartTime of the log, in {name}"


EPOCH_S = 315_532_800.0
"""A first submission from 1980 on is a date; smaller numbers are seconds from an arbitrary zero."""


def first_submit_utc_s(trace: Trace) -> float | None:
    """Return the first submission [s since 1970, UTC]; ``None`` if the log has no date, or its arrivals are compressed.

    Examples
    --------
    >>> one = {"submit_s": [1.8e9], "run_s": [1], "procs": [1]}
    >>> first_submit_utc_s(Trace.from_columns(one)), first_submit_utc_s(Trace.from_columns({**one, "submit_s": [5]}))
    (1800000000.0, None)
    """
    if trace.compressed:
        return None
    unix_s = _header_start_s(trace)
    if unix_s is None and trace.first_submit_s >= EPOCH_S:
        return trace.first_submit_s
    return unix_s


def _header_start_s(trace: Trace) -> float | None:
    """Return the first submission [s since 1970], if the header tells when the log's clock starts."""
    unix_s = _whole(trace.header.get("UnixStartTime", ""))
    return unix_s + trace.first_submit_s if 0 < unix_s <= LONGEST_S else None


def parse_local(text: str) -> datetime:
    """Return a local date and time such as ``2026-01-01T00:00``.

    Raises
    ------
    ValueError
        If the text is something else.
    """
    wanted = "must be a local date and time from 1900 to 2999, without a zone, such as 2026-01-01T00:00"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(wanted) from None
    if moment.tzinfo is not None or not 1900 <= moment.year <= 2999:
        raise ValueError(wanted)
    return moment


def _zone(header: Any) -> tuple[tzinfo, str]:
    """Return the zone that a header tells, and what to call it."""
    if (named := _named_zone(header)) is not None:
        return named, named.key
    offset_s = _whole(header.get("TimeZone", ""))
    if offset_s and abs(offset_s) < DAY_S:
        return timezone(timedelta(seconds=offset_s)), f"a zone {offset_s / HOUR_S:+g} h from UTC"
    return UTC, "UTC"


def _named_zone(header: Any) -> ZoneInfo | None:
    """Return the zone that a header names; ``None`` if it names none."""
    try:
        return ZoneInfo(header.get("TimeZoneString", "").strip())
    except (LookupError, ValueError, OSError):  # garbage, or no time zone database on this computer
        return None


def _whole(text: str) -> int:
    """Return a whole number of a header; 0 if it is none."""
    digits = text.strip().removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0
