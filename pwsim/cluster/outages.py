"""Known times in which nodes are away: maintenance and reservations (semantics §9)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, model_validator

from pwsim.cluster.accepts import one_or_many
from pwsim.cluster.pools import Name, Pool
from pwsim.common import DAY_S, Frozen, PositiveSeconds, duration
from pwsim.prices import LocalTime, Start, parse_local

SHORTEST_S = 60.0
"""Outages are not repeated within less than this."""


class Outage(Frozen):
    """A known time in which nodes are away; schedulers plan around it."""

    pools: Annotated[tuple[Name, ...], BeforeValidator(one_or_many)] | None = Field(default=None, min_length=1)
    """Names of the pools; all that are always up if left out."""
    nodes: int | None = Field(default=None, ge=1, le=10**6)
    """How many nodes of each are away; all if left out. Of outages that overlap, the largest counts."""
    start: LocalTime
    """Local date and time at which it starts, such as ``2026-03-02T08:00``."""
    length: PositiveSeconds
    """How long it lasts [s]."""
    every: PositiveSeconds | None = None
    """It comes again each time so much has passed on the site's clock, such as ``4 weeks`` [s]; once if left out."""
    then: Literal["drain", "stop"] = "drain"
    """Jobs that run into it all the same: ``drain``: go on, and nodes leave as they end; ``stop``: are interrupted."""

    @model_validator(mode="after")
    def _is_over_before_the_next(self) -> Self:
        if self.every is not None and self.every <= max(self.length, SHORTEST_S):
            raise ValueError(
                f"every ({duration(self.every)}) must be longer than length ({duration(self.length)}), and than "
                f"{duration(SHORTEST_S)}: else nothing is ever back"
            )
        return self


class Away(NamedTuple):
    """Nodes of one pool that are away for some time."""

    start_s: float
    """Start on the replay's clock [s]; 0 if it began before the replay."""
    end_s: float
    """End on the replay's clock [s]."""
    pool: int
    """Place of the pool in the cluster's list."""
    nodes: int | None
    """How many nodes; ``None``: all."""
    stop: bool
    """Whether jobs that run into it are interrupted."""


def times_away(outages: Sequence[Outage], pools: Sequence[Pool], start: Start, until_s: float) -> list[Away]:
    """Return which nodes are away when, in the order of the start, then of the pools; each repetition is one of them.

    An outage takes place at a time of the site's clock, and lasts by any clock: if that is changed while it lasts, its
    end is not moved.

    Parameters
    ----------
    outages
        The outages.
    pools
        The pools of the cluster, in order.
    start
        When the replay begins (:func:`pwsim.prices.start_of`).
    until_s
        Outages that start then or later are left out, as those that have ended when the replay begins [s].

    Examples
    --------
    >>> from datetime import datetime
    >>> from pwsim.cluster import OnPremisesPool
    >>> thin = OnPremisesPool(name="thin", kind="on_premises", nodes=9, node={"cores": 4})
    >>> weekly = Outage(nodes=2, start="2026-03-02T08:00", length="8 h", every="1 week")
    >>> for away in times_away([weekly], [thin], Start(datetime(2026, 3, 2, 12), ""), 8 * DAY_S):
    ...     print(away)
    Away(start_s=0.0, end_s=14400.0, pool=0, nodes=2, stop=False)
    Away(start_s=590400.0, end_s=619200.0, pool=0, nodes=2, stop=False)
    """
    found = []
    for outage in outages:
        for start_s in _starts_s(outage, start, until_s):
            end_s = start_s + outage.length
            if end_s <= 0 or start_s >= until_s:
                continue
            for index, pool in enumerate(pools):
                if not pool.elastic if outage.pools is None else pool.name in outage.pools:
                    found.append(Away(max(start_s, 0.0), end_s, index, outage.nodes, outage.then == "stop"))
    return sorted(found, key=lambda away: (away.start_s, away.pool, away.end_s))


def _starts_s(outage: Outage, start: Start, until_s: float) -> Iterator[float]:
    """Yield the times at which an outage starts [s], from one that is over when the replay begins on."""
    first = parse_local(outage.start)
    if outage.every is None:
        yield elapsed_s(first, start)
        return
    over_s = -elapsed_s(first, start) - outage.length - DAY_S  # clocks are changed by less than a day
    for number in itertools.count(max(0, int(over_s // outage.every))):
        start_s = elapsed_s(first + timedelta(seconds=number * outage.every), start)
        if start_s >= until_s + DAY_S:
            return
        yield start_s


def elapsed_s(local: datetime, start: Start) -> float:
    """Return when the site's clock shows a time, on the replay's clock [s]; of two such times, the first."""
    if start.zone is None:
        return (local - start.local).total_seconds()
    return local.replace(tzinfo=start.zone).timestamp() - start.local.replace(tzinfo=start.zone).timestamp()
