"""A site as it is thought to be: what calibration changes, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from pwsim.cluster import Cluster
from pwsim.common import HOUR_S


class Door(NamedTuple):
    """A partition, by the column of the log that tells its jobs."""

    name: str
    """Its name."""
    column: str
    """``partition`` or ``queue``."""
    values: tuple[str, ...]
    """What that column says of its jobs."""
    cores: int
    """Cores that it has, or may hold."""


class Night(NamedTuple):
    """Hours at which jobs that ask for more than some time may start: from an hour of the day to another."""

    above_s: float
    """Jobs that ask for more are meant; 0 for all [s]."""
    opens_h: float
    """Hour of the day from which on they may start, on the site's clock [h]."""
    closes_h: float
    """Hour of the day until which they may [h]."""
    whole: bool = False
    """Whether they must be expected to end by then."""
    drain: bool = False
    """Whether they keep cores meanwhile."""
    weekend: Literal["open", "same", "closed"] = "open"
    """Saturdays and Sundays: all of them open, like other days, or closed."""
    since: str | None = None
    """Local time from which on the rule holds."""
    until: str | None = None
    """And until which."""

    def moved(self, hours: float) -> Night:
        """Return the same with both ends so much later."""
        return self._replace(opens_h=(self.opens_h + hours) % 24, closes_h=(self.closes_h + hours) % 24)

    def windows(self) -> list[str]:
        """Return the windows of the week.

        Examples
        --------
        >>> Night(14400, 17, 9).windows(), Night(0, 8.5, 18, weekend="closed").windows()
        (['17:00-09:00', 'sat,sun'], ['mon..fri 08:30-18:00'])
        """
        hours = f"{clock(self.opens_h)}-{clock(self.closes_h or 24)}"
        return {"open": [hours, "sat,sun"], "same": [hours], "closed": [f"mon..fri {hours}"]}[self.weekend]

    def rule(self) -> dict[str, Any]:
        """Return the rule as a site's file has it."""
        rule: dict[str, Any] = {"where": {"estimate_above": self.above_s}} if self.above_s else {}
        rule["open"] = self.windows()
        rule |= {key: True for key in ("whole", "drain") if getattr(self, key)}
        return rule | {key: at for key, at in (("from", self.since), ("until", self.until)) if at is not None}


def clock(hour: float) -> str:
    """Return an hour of the day as the clock shows it.

    Examples
    --------
    >>> clock(8.5)
    '08:30'
    """
    minutes = round(hour * HOUR_S / 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


class Cap(NamedTuple):
    """A limit on what runs at once."""

    resource: Literal["jobs", "cores"]
    """Of what."""
    most: int
    """The most."""
    per: Literal["user", "account", "all"]
    """For each of whom."""
    partition: str = ""
    """In which partition; anywhere if empty."""

    def rule(self) -> dict[str, Any]:
        """Return the rule as a site's file has it."""
        rule: dict[str, Any] = {"at_most": {self.resource: self.most}, "per": self.per}
        return rule | ({"where": {"partition": [self.partition]}} if self.partition else {})


class Away(NamedTuple):
    """A time in which the whole machine was away."""

    start: str
    """Local date and time."""
    length_s: float
    """How long [s]."""


@dataclass(frozen=True)
class Draft:
    """A site as it is thought to be."""

    given: Cluster = field(compare=False, repr=False)
    """The machine as it was given: its pools, and what it states that is not looked for."""
    policy: str
    """Order and backfilling."""
    doors: tuple[Door, ...] = ()
    """Partitions."""
    apart: bool = True
    """Whether each partition has cores of its own; else all share them, and each may hold so many."""
    nights: tuple[Night, ...] = ()
    """Hours."""
    caps: tuple[Cap, ...] = ()
    """Limits."""
    aways: tuple[Away, ...] = ()
    """Outages."""
    period_s: float = 0.0
    """Of the scheduler [s]."""
    start_delay_s: float = 0.0
    """Of the scheduler [s]."""

    @classmethod
    def of(cls, cluster: Cluster) -> Draft:
        """Return a machine as it was given."""
        plain = {key: getattr(cluster, key) for key in Cluster.model_fields if key in cluster.model_fields_set}
        given = Cluster.model_validate(plain)
        given._folder = cluster.folder
        return cls(given, str(cluster.the_policy()))

    def changed(self, **changes: Any) -> Draft:
        """Return the same with some changes."""
        return replace(self, **changes)

    def without(self, *doors: Door) -> Draft:
        """Return the same without some partitions, and without what is said of them."""
        left, names = tuple(one for one in self.doors if one not in doors), {one.name for one in doors}
        return self.changed(
            doors=left,
            apart=self.apart or not left,
            caps=tuple(one for one in self.caps if one.partition not in names),
        )

    def data(self) -> dict[str, Any]:
        """Return the site as its file has it; what the machine that was given states comes first."""
        given = self.given.model_dump(mode="json", exclude_defaults=True, exclude_none=True, by_alias=True)
        given.pop("multifactor" if self.given.the_policy().order != "multifactor" else "", None)
        found: dict[str, Any] = {"policy": self.policy}
        if self.doors and self.apart:
            own = self.given.pools[0].model_dump(mode="json", exclude_defaults=True, exclude_none=True)
            each = own["node"].get("cores", 1) if isinstance(own.get("node"), dict) else 1
            found["pools"] = [{**own, "name": one.name, "nodes": one.cores // each} for one in self.doors]
        if self.doors:
            pool = self.given.pools[0].name
            found["partitions"] = [
                {"name": one.name, "pools": [one.name if self.apart else pool], "where": {one.column: list(one.values)}}
                for one in self.doors
            ]
            if not self.apart:
                found["partitions"].append({"name": "rest", "pools": [pool], "default": True})
        shared = [] if self.apart else [Cap("cores", one.cores, "all", one.name) for one in self.doors]
        lists = {
            "limits": [one.rule() for one in (*shared, *self.caps)],
            "hours": [one.rule() for one in self.nights],
            "outages": [{"start": one.start, "length": one.length_s} for one in self.aways],
        }
        for key, rules in lists.items():
            if rules:
                found[key] = [*given.get(key, []), *rules]
        times = {"period": self.period_s, "start_delay": self.start_delay_s}
        if any(times.values()):
            found["scheduler"] = {key: time_s for key, time_s in times.items() if time_s}
        return given | found

    def cluster(self) -> Cluster:
        """Return the site as a cluster."""
        made = Cluster.model_validate(self.data())
        made._folder = self.given.folder
        return made
