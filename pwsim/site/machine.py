"""From a configuration of Slurm to pools and partitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pwsim.common import short
from pwsim.site import settings
from pwsim.site.conf import Conf, Entry
from pwsim.site.hostlists import expand, fold


@dataclass
class Notes:
    """What is to be told of an import."""

    missing: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Settings that matter and are not modelled, with what they do; and where they stand."""
    remarks: list[str] = field(default_factory=list)
    """What was noticed, and how it was understood."""

    def miss(self, what: str, place: str, does: str) -> None:
        """Note a setting that is not modelled."""
        places = self.missing.setdefault((what, does), [])
        if place not in places:
            places.append(place)

    def missing_lines(self) -> list[str]:
        """Return the settings that are not modelled, a line each."""
        return [f"{what} ({_few(places)}): {does}" for (what, does), places in self.missing.items()]


def _few(places: list[str]) -> str:
    """Return some places, and how many more there are."""
    return ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")


@dataclass(frozen=True)
class Host:
    """A node: what it has, and where it belongs."""

    name: str
    cores: int
    memory_mib: int
    gpus: int
    weight: int
    partitions: tuple[str, ...] = ()

    @property
    def hardware(self) -> tuple[int, int, int]:
        """What it has."""
        return self.cores, self.memory_mib, self.gpus


@dataclass(frozen=True)
class Group:
    """Nodes with equal hardware and weight in the same partitions: a pool."""

    name: str
    hosts: tuple[Host, ...]

    @property
    def first(self) -> Host:
        """One of them."""
        return self.hosts[0]


def hosts_of(conf: Conf, notes: Notes) -> dict[str, Host]:
    """Return the nodes by name, in the order of the file."""
    found: dict[str, Host] = {}
    for entry in conf.entries["nodename"]:
        state = entry.get("state").upper()
        if state.startswith("FUTURE"):
            notes.remarks.append(f"{entry.place}: {short(entry.name)} will only be there in future: left out")
            continue
        if state.startswith("CLOUD"):
            notes.miss("State=CLOUD", entry.place, "nodes come with demand; imported as always up")
        elif state and not state.startswith(("UNKNOWN", "IDLE", "UP")):
            notes.miss(f"State={state}", entry.place, "nodes that are away; imported as up")
        for key, setting in entry.keys.items():
            _check_key(key, setting.name, setting.value, entry.place, notes, settings.NODE_MODELLED,
                       settings.NODE_IRRELEVANT, settings.NODE_MISSING, "nodes")  # fmt: skip
        if any(key in entry.keys for key in ("feature", "features")):
            notes.miss("Feature", entry.place, "jobs may ask for nodes with a feature (--constraint)")
        hosts = _names(entry.name, entry.place, notes)
        host = _host(entry, notes)
        twice = [name for name in hosts if name in found]
        if twice:
            notes.remarks.append(f"{entry.place}: {fold(twice)} is described before: the first description counts")
        found.update({name: replace(host, name=name) for name in hosts if name not in found})
    return found


def _host(entry: Entry, notes: Notes) -> Host:
    def number(key: str, default: int) -> int:
        text = entry.get(key)
        if not text:
            return default
        digits = re.fullmatch(r"\d{1,12}", text)
        if digits is None:
            notes.remarks.append(f"{entry.place}: {key}={short(text)} is no whole number: counted as {default}")
            return default
        return int(text)

    threads = max(1, number("threadspercore", 1))
    sockets = number("sockets", number("socketsperboard", 1) * max(1, number("boards", 1)))
    cores = number("cpus", number("procs", sockets * number("corespersocket", 1) * threads))
    reserved = number("corespeccount", 0) * threads
    listed = entry.get("cpuspeclist")
    if listed:
        try:
            reserved = max(reserved, len(expand(f"[{listed}]")))
        except ValueError as error:
            notes.remarks.append(f"{entry.place}: CpuSpecList: {error}: left out")
    if threads > 1:
        notes.remarks.append(
            f"{entry.place}: {short(entry.name)}: a core of pwsim is what Slurm calls a CPU, here one of {threads} "
            "threads of a core, as in the log"
        )
    memory = max(0, number("realmemory", 1) - number("memspeclimit", 0))
    gpus = 0
    for part in _gres(entry.get("gres")):
        name, *rest = part.split(":")
        if name.lower() != "gpu":
            notes.miss(f"Gres={short(part)}", entry.place, "resources that pwsim does not know")
        elif rest and re.fullmatch(r"\d{1,4}", rest[-1]):
            gpus += int(rest[-1])
        else:
            gpus += 1  # as Slurm counts what has no number
    if cores - reserved < 1:
        notes.remarks.append(f"{entry.place}: {short(entry.name)} has no core for jobs: counted as 1")
    usable = max(1, cores - reserved)
    return Host("", min(usable, 10**6), memory, min(gpus, 1024), number("weight", 1))


def _gres(text: str) -> list[str]:
    """Return generic resources, without where they are attached: ``gpu:a100:4(S:0-1)`` is ``gpu:a100:4``."""
    return [part for part in re.sub(r"\([^)]*\)", "", text).split(",") if part]


def _names(text: str, place: str, notes: Notes) -> list[str]:
    try:
        return expand(text)
    except ValueError as error:
        notes.remarks.append(f"{place}: {short(str(error))}: left out")
        return []


def _check_key(
    key: str,
    name: str,
    value: str,
    place: str,
    notes: Notes,
    modelled: frozenset[str],
    irrelevant: frozenset[str],
    missing: Mapping[str, str],
    what: str,
) -> None:
    """Note a key that is not modelled, or not known."""
    if key in modelled or key in irrelevant:
        return
    does = missing.get(key, f"is no setting of {what} that this version of pwsim knows")
    if does:
        notes.miss(f"{name}={short(value)}", place, does)


@dataclass(frozen=True)
class Door:
    """A partition: its name in Slurm and here, its nodes, and its line."""

    name: str
    entry: Entry
    hosts: tuple[str, ...]

    @property
    def exclusive(self) -> bool:
        """Whether jobs have its nodes for themselves."""
        return self.entry.get("oversubscribe", self.entry.get("shared")).upper().startswith("EXCLUSIVE")


def doors_of(conf: Conf, hosts: Mapping[str, Host], notes: Notes) -> list[Door]:
    """Return the partitions with the nodes that are in them."""
    sets = {entry.name: entry for entry in conf.entries["nodeset"]}
    entries: dict[str, Entry] = {}
    for entry in conf.entries["partitionname"]:
        before = entries.get(entry.name)
        if before is not None:
            notes.remarks.append(f"{entry.place}: partition {short(entry.name)} comes again: what it says now counts")
        entries[entry.name] = entry if before is None else replace(entry, keys={**before.keys, **entry.keys})
    found: list[Door] = []
    for entry in entries.values():
        for key, setting in entry.keys.items():
            _check_key(key, setting.name, setting.value, entry.place, notes, settings.PARTITION_MODELLED,
                       settings.PARTITION_IRRELEVANT, settings.PARTITION_MISSING, "partitions")  # fmt: skip
        state = entry.get("state", "UP").upper()
        if state != "UP":
            notes.miss(f"State={short(state)}", entry.place, "the partition starts or takes no jobs; imported as up")
        sharing = entry.get("oversubscribe", entry.get("shared")).upper()
        if sharing.startswith(("FORCE", "YES")):
            notes.miss(f"OverSubscribe={short(sharing)}", entry.place, "several jobs may share a core")
        members = _members(entry, sets, conf, hosts, notes)
        if members:
            found.append(Door(_plain(entry.name, [door.name for door in found], notes, entry.place), entry, members))
        else:
            notes.remarks.append(f"{entry.place}: partition {short(entry.name)} has no nodes: left out")
    return found


def _members(
    entry: Entry, sets: Mapping[str, Entry], conf: Conf, hosts: Mapping[str, Host], notes: Notes
) -> tuple[str, ...]:
    """Return the nodes of a partition, those of sets of nodes included."""
    asked = entry.get("nodes")
    if asked.upper() == "ALL":
        return tuple(hosts)
    names: dict[str, None] = {}
    for name in _names(asked, entry.place, notes):
        if name in sets and name not in hosts:
            names.update(dict.fromkeys(_of_set(sets[name], conf, notes)))
        elif name.upper() == "ALL":
            names.update(dict.fromkeys(hosts))
        else:
            names[name] = None
    if unknown := [name for name in names if name not in hosts]:
        notes.remarks.append(f"{entry.place}: no line describes the nodes {short(fold(unknown))}: left out")
    return tuple(name for name in hosts if name in names)


def _of_set(nodeset: Entry, conf: Conf, notes: Notes) -> Iterable[str]:
    yield from _names(nodeset.get("nodes"), nodeset.place, notes)
    wanted = nodeset.get("feature")
    for entry in conf.entries["nodename"] if wanted else ():
        features = f"{entry.get('feature')},{entry.get('features')}".split(",")
        if wanted in features:
            yield from _names(entry.name, entry.place, Notes())


def _plain(name: str, taken: Iterable[str], notes: Notes, place: str) -> str:
    """Return a name that pwsim allows, which no other has."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name).lstrip("_-")[:40] or "unnamed"
    plain = _distinct(plain, taken)
    if plain != name:
        notes.remarks.append(f"{place}: {short(repr(name))} is called {plain!r} here")
    return plain


def _distinct(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    number, found = 2, name
    while found in taken:
        found = f"{name[:35]}-{number}"
        number += 1
    return found


def groups_of(hosts: Mapping[str, Host], doors: Iterable[Door]) -> list[Group]:
    """Return the pools: nodes with equal hardware and weight in the same partitions, those of least weight first."""
    inside: dict[str, list[str]] = {name: [] for name in hosts}
    for door in doors:
        for name in door.hosts:
            inside[name].append(door.name)
    together: dict[Any, list[Host]] = {}
    for name, host in hosts.items():
        one = replace(host, partitions=tuple(inside[name]))
        together.setdefault((one.partitions, one.hardware, one.weight), []).append(one)
    found: list[Group] = []
    for members in sorted(together.values(), key=lambda members: members[0].weight):
        stems = list(dict.fromkeys(re.sub(r"[^A-Za-z0-9_-]", "-", re.sub(r"\d+$", "", one.name)) for one in members))
        name = "-".join(stem.strip("-_") for stem in stems[:3] if stem.strip("-_"))[:40] or "nodes"
        found.append(Group(_distinct(name, [one.name for one in found]), tuple(members)))
    return found


def placements(groups: Iterable[Group], doors: Iterable[Door], conf: Conf, notes: Notes) -> dict[str, str]:
    """Return the placement of each pool: ``nodes`` where jobs have nodes for themselves, else ``packed``.

    Pools that partitions connect have one placement.
    """
    groups, doors = list(groups), list(doors)
    linear = conf.get("selecttype").lower() == "select/linear"
    parts = {group.name: {group.name} for group in groups}
    for door in doors:
        own = [group.name for group in groups if door.name in group.first.partitions]
        merged = set().union(*(parts[name] for name in own)) if own else set()
        for name in merged:
            parts[name] = merged
    placement = {}
    for group in groups:
        connected = [
            door
            for door in doors
            if any(door.name in one.first.partitions for one in groups if one.name in parts[group.name])
        ]
        alone = linear or (bool(connected) and all(door.exclusive for door in connected))
        equal = all(
            len({one.first.hardware for one in groups if door.name in one.first.partitions}) == 1 for door in connected
        )
        placement[group.name] = "nodes" if alone and equal else "packed"
        for door in connected:
            if (linear or door.exclusive) and placement[group.name] == "packed":
                what = "SelectType=select/linear" if linear else "OverSubscribe=EXCLUSIVE"
                why = "unequal nodes" if alone else "partitions on the same nodes whose jobs share them"
                notes.miss(what, door.entry.place, f"jobs have nodes for themselves; with {why}, jobs share nodes here")
    return placement
