"""Hours at which classes of jobs may start, on the site's clock and on the replay's (semantics §9).

A window is a text such as ``mon..fri 17:00-09:00`` (past midnight: to 9:00 of the next day), ``sat,sun`` (all day) or
``08:00-12:00`` (every day).  The first hours of a Monday are of Sunday's night: ``sun..thu 17:00-09:00``.

An instant is in a window if the site's clock shows a time of it: what an hour that is skipped in spring would have
opened opens at its end, and what lies in one that autumn repeats is open twice.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from pwsim.cluster.accepts import one_or_many
from pwsim.cluster.choices import alternatives
from pwsim.cluster.where import Where
from pwsim.common import DAY_S, Frozen
from pwsim.prices import WEEKDAYS, LocalTime, Start, parse_local, parse_weekdays
from pwsim.trace import Floats

WEEK_S = 7 * DAY_S
"""Seconds in a week."""
Span = tuple[float, float]
"""Start and end [s]."""
_WANTED = (
    "must be days, hours or both, such as 'mon..fri 17:00-09:00' (to 9:00 of the next day), 'sat,sun' (all day) "
    "or '08:00-12:00' (every day)"
)
_WINDOW = re.compile(r"\s*(?P<days>[a-z., ]*?)\s*(?:(?P<start>\d\d?:\d\d)\s*-\s*(?P<end>\d\d?:\d\d))?\s*")


def parse_window(text: object) -> list[Span]:
    """Return the spans of a window, from Monday at 0:00 [s]; that of Sunday may end in the next week.

    Raises
    ------
    ValueError
        If the text is no window.

    Examples
    --------
    >>> [(start / 3600, end / 3600) for start, end in parse_window("mon,tue 17:00-09:00")]
    [(17.0, 33.0), (41.0, 57.0)]
    """
    parts = _WINDOW.fullmatch(text) if isinstance(text, str) else None
    if parts is None or not any(parts.groups()):
        raise ValueError(_WANTED)
    try:
        days = parse_weekdays([day.strip() for day in parts["days"].split(",")] if parts["days"] else "mon..sun")
    except ValueError as error:
        raise ValueError(f"{_WANTED}; its days {error}") from None
    start_s, end_s = (0.0, DAY_S) if parts["start"] is None else (_time_s(parts["start"]), _time_s(parts["end"]))
    if start_s in (end_s, DAY_S):
        raise ValueError(f"{_WANTED}; a window must not be empty, and 24:00 is an end: a whole day is 00:00-24:00")
    if end_s < start_s:
        end_s += DAY_S
    return [(day * DAY_S + start_s, day * DAY_S + end_s) for day in map(WEEKDAYS.index, days)]


def _time_s(text: str) -> float:
    hour, minute = (int(part) for part in text.split(":"))
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise ValueError(f"{_WANTED}; {text} is no time of a day")
    return hour * 3600.0 + minute * 60.0


def _checked(text: str) -> str:
    parse_window(text)
    return text


Windows = Annotated[
    tuple[Annotated[str, AfterValidator(_checked)], ...],
    BeforeValidator(one_or_many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]


class Hours(Frozen):
    """Hours at which a class of jobs may start; where several rules are about a job, all must allow it."""

    model_config = ConfigDict(populate_by_name=True)

    where: Where = Where()
    """The jobs that it is about; all if left out."""
    open: Windows = Field(min_length=1, max_length=100)
    """Windows of the week on the site's clock in which these jobs may start, such as ``mon..fri 17:00-09:00``."""
    whole: bool = False
    """Whether a job must also be expected to end before the windows close, where those that touch are one."""
    drain: bool = False
    """Whether jobs that may not start yet keep nodes for when they may; else others pass them meanwhile."""
    from_: LocalTime | None = Field(default=None, alias="from")
    """First local date, or date and time, at which the rule holds; before it, everything is allowed."""
    until: LocalTime | None = None
    """Local date, or date and time, from which on everything is allowed."""

    @model_validator(mode="after")
    def _holds_some_time(self) -> Self:
        if self.from_ is not None and self.until is not None and parse_local(self.until) <= parse_local(self.from_):
            raise ValueError(f"until ({self.until}) must be after from ({self.from_})")
        return self


class HoursChoices(Frozen):
    """Alternatives for the search."""

    choices: tuple[Annotated[tuple[Hours, ...], Field(strict=False)], ...] = Field(
        strict=False, min_length=1, max_length=100
    )
    """Lists of rules, of which a setup has one; an empty list is no rule."""


if TYPE_CHECKING:
    HoursAlternatives = tuple[tuple[Hours, ...], ...]
else:
    HoursAlternatives = alternatives(Hours, HoursChoices)


def open_intervals(rule: Hours, start: Start, until_s: float) -> Floats:
    """Return when jobs under a rule may start: intervals [open, close) on the replay's clock [s], shape (intervals, 2).

    They are sorted and do not touch: windows that do are one.  The first may have opened before the replay; the last
    closes when it really does, even if that is after ``until_s``, and never (infinity) if the rule allows everything
    from some time on.

    Parameters
    ----------
    rule
        The rule.
    start
        When the replay begins, and how the site's clock is changed (:func:`pwsim.prices.start_of`).
    until_s
        Intervals that open later are left out [s].

    Examples
    --------
    >>> from datetime import datetime
    >>> night = Hours(open=["mon..fri 17:00-09:00", "sat,sun"])
    >>> friday_noon = Start(datetime(2026, 1, 9, 12), "")
    >>> open_intervals(night, friday_noon, 4 * DAY_S) / 3600
    array([[ 5., 60.],
           [77., 93.]])
    """
    weekly = [span for text in rule.open for span in parse_window(text)]
    # What the clock shows, counted from what it shows at the start [s]; it may be changed by some hours on the way.
    weeks = np.arange(-2, int((until_s + start.week_s) // WEEK_S) + 3, dtype=np.float64) * WEEK_S - start.week_s
    shown = _union((weeks[:, np.newaxis, np.newaxis] + np.array(weekly, dtype=np.float64)).reshape(-1, 2))
    if len(shown) == 1:
        shown = np.array([(-math.inf, math.inf)])
    shown = _where_it_holds(rule, shown, start)
    changed_s, ahead_s = start.changes(until_s + 2 * WEEK_S)
    found = []
    for begin, end, ahead in zip(
        [-math.inf, *changed_s], [*changed_s, math.inf], [0.0, *ahead_s], strict=True
    ):  # between two changes, the clock goes on evenly
        found.append(np.clip(shown - ahead, begin, end))
    spans = _union(np.concatenate(found))
    return spans[(spans[:, 1] > 0) & (spans[:, 0] < until_s)]


def _where_it_holds(rule: Hours, shown: Floats, start: Start) -> Floats:
    """Return when a rule allows starts: in its windows, and always outside ``from`` and ``until``."""

    def shown_s(text: str | None, otherwise: float) -> float:
        return otherwise if text is None else (parse_local(text) - start.local).total_seconds()

    begin, end = shown_s(rule.from_, -math.inf), shown_s(rule.until, math.inf)
    outside = np.array([(-math.inf, begin), (end, math.inf)])
    return _union(np.concatenate((outside, np.clip(shown, begin, end))))


def _union(spans: Floats) -> Floats:
    """Return the same instants as spans that are sorted and do not touch.

    Examples
    --------
    >>> _union(np.array([[4.0, 6.0], [0.0, 2.0], [2.0, 3.0], [1.0, 1.5], [9.0, 9.0]]))
    array([[0., 3.],
           [4., 6.]])
    """
    spans = spans[spans[:, 0] < spans[:, 1]]
    opens_s, closes_s = spans[np.argsort(spans[:, 0], kind="stable")].T
    latest_s = np.maximum.accumulate(closes_s)
    begins = np.ones(len(spans), dtype=bool)
    begins[1:] = opens_s[1:] > latest_s[:-1]
    return np.column_stack((opens_s[begins], latest_s[np.roll(begins, -1)]))
