"""From what a Slurm site has, or the site script collected, to a file that describes the site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pwsim.common import InputError, count, listed, short
from pwsim.site import accounting as books
from pwsim.site import limiting, ranking, settings
from pwsim.site.away import of_events, of_reservations
from pwsim.site.conf import Conf, read_conf, read_text
from pwsim.site.hostlists import fold
from pwsim.site.machine import Door, Group, Notes, doors_of, groups_of, hosts_of, placements
from pwsim.site.scheduling import add_policy, add_preemption, add_scheduler
from pwsim.site.times import minutes, quantity

MOST_LIMITS = 500
"""Limits beyond this are left out, and counted."""


@dataclass
class Imported:
    """A site as plain data, with the keys of its file, and what is to be told of it."""

    site: dict[str, Any]
    notes: Notes
    comments: dict[str, list[str]] = field(default_factory=dict)
    """What is said above a key."""
    read: list[str] = field(default_factory=list)
    """Files that were read."""

    def summary(self) -> str:
        """Return in a line what was found."""
        parts = (("pools", "pool"), ("partitions", "partition"), ("limits", "limit"), ("outages", "outage"))
        found = [count(len(self.site[key]), word) for key, word in parts if self.site.get(key)]
        return f"{listed(found)}; {count(len(self.notes.missing), 'setting')} not modelled"


def import_site(folder: Path) -> Imported:
    """Read a site: a directory with ``slurm.conf`` and what else tells of it, or that file alone.

    Beside it may lie what :func:`pwsim.site.script` writes (``config.txt``, ``qos.psv``, ``associations.psv``,
    ``reservations.txt``, ``events.psv``), or files that ``sacctmgr dump`` wrote or a script of ``sacctmgr`` commands.

    Raises
    ------
    InputError
        If there is no ``slurm.conf``, it cannot be read or describes no nodes.
    """
    path = _conf_in(folder)
    conf = read_conf(path)
    notes = Notes(remarks=list(conf.remarks))
    beside = _beside(path, conf, notes) if folder.is_dir() else {}
    hosts = hosts_of(conf, notes)
    if not hosts:
        raise InputError(f"{path}: describes no nodes: it has no line such as `NodeName=n[1-4] CPUs=32`")
    doors = doors_of(conf, hosts, notes)
    if not doors:
        notes.remarks.append(f"{path.name}: describes no partitions: jobs take the first pool that holds them")
    groups = groups_of(hosts, doors)
    _general(conf, notes)
    found = Imported({}, notes, read=[one.name for one in conf.read] + list(beside.get("files", ())))
    accounting = beside["accounting"] if beside else books.Accounting()
    notes.remarks += accounting.remarks
    ranking.add(found.site, found.comments, conf, accounting, doors, beside.get("config", {}), notes)
    _pools(found, conf, groups, doors)
    _partitions(found, groups, doors)
    _limits(found, conf, accounting, doors)
    outages = of_reservations(beside.get("reservations", ""), groups, notes)
    outages += of_events(beside.get("events", ""), groups, notes)
    if outages:
        found.site["outages"] = outages
        found.comments["outages"] = ["Reservations, and when nodes were down or drained."]
    add_preemption(found.site, found.comments, conf, accounting, notes)
    add_policy(found.site, found.comments, conf, groups, doors, notes)
    add_scheduler(found.site, found.comments, conf, notes)
    return found


def _conf_in(folder: Path) -> Path:
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such directory")
    named = [one for one in sorted(folder.iterdir()) if one.name.lower() == "slurm.conf" and one.is_file()]
    if not named:
        there = ", ".join(sorted(one.name for one in folder.iterdir())[:10]) or "nothing"
        raise InputError(f"{folder}: has no slurm.conf; `pwsim site script` prints what collects it (there: {there})")
    return named[0]


def _beside(path: Path, conf: Conf, notes: Notes) -> dict[str, Any]:
    """Read what lies beside the configuration; what is nothing that is known is told."""
    accounting = books.Accounting()
    found: dict[str, Any] = {"accounting": accounting, "files": []}
    known = {"reservations.txt": "reservations", "reservations.sh": "reservations", "events.psv": "events"}
    for file in sorted(path.parent.iterdir()):
        if not file.is_file() or file.resolve() in [one.resolve() for one in conf.read]:
            continue
        if file.name in ("sacct.psv", "gres.conf", "README.txt", "topology.conf", "cgroup.conf") or file.suffix in (
            ".yaml", ".yml", ".parquet", ".gz",
        ):  # fmt: skip
            continue
        try:
            text, noticed = read_text(file)
        except InputError as error:
            notes.remarks.append(f"{str(error).replace(str(file), file.name)}: left out")
            continue
        if noticed:
            notes.remarks.append(noticed)
        kind = books.kind_of(text)
        if file.name in known:
            found[known[file.name]] = text
        elif file.name == "config.txt":
            pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
            found["config"] = {key.strip().lower(): value.strip() for key, _, value in pairs}
        elif kind:
            books.read_into(accounting, text, kind, file.name)
        else:
            if text.strip():
                notes.remarks.append(f"{file.name}: is nothing that the import knows: left out")
            continue
        found["files"].append(file.name)
    return found


def _general(conf: Conf, notes: Notes) -> None:
    """Note general settings that are not modelled, or not known."""
    for key, setting in conf.settings.items():
        if key in settings.MODELLED or key in settings.IRRELEVANT or key.startswith(settings.IRRELEVANT_BEGINS):
            continue
        off = setting.value.lower() in ("", "0", "no", "none", "(null)", "n/a") or setting.value.lower().endswith(
            "/none"
        )
        does = settings.MISSING.get(key, "is no setting that this version of pwsim knows")
        if does and not (off and key in settings.MISSING):
            notes.miss(f"{setting.name}={short(setting.value)}", setting.place, does)
    for kind in ("downnodes", "frontendname", "switchname", "blockname"):
        for entry in conf.entries[kind]:
            if kind == "downnodes":
                notes.miss(f"DownNodes={short(entry.name)}", entry.place, "nodes that are away; imported as up")


def _pools(found: Imported, conf: Conf, groups: Iterable[Group], doors: Iterable[Door]) -> None:
    groups = list(groups)
    placement = placements(groups, doors, conf, Notes())
    memory = "memory" in conf.get("selecttypeparameters").lower()
    if not memory:
        found.notes.remarks.append(
            "SelectTypeParameters does not name memory: Slurm does not count it, and no pool has it"
        )
    pools = []
    for group in groups:
        node: dict[str, Any] = {"cores": group.first.cores}
        if memory and group.first.memory_mib:
            node["memory"] = group.first.memory_mib
        if group.first.gpus:
            node["gpus"] = group.first.gpus
        pools.append(
            {"name": group.name, "kind": "on_premises", "nodes": len(group.hosts), "placement": placement[group.name],
             "node": node}
        )  # fmt: skip
    found.site["pools"] = pools
    found.comments["pools"] = ["Nodes with equal hardware and weight in the same partitions; memory in MiB."] + [
        f"{group.name}: {short(fold(one.name for one in group.hosts))}, weight {group.first.weight}" for group in groups
    ]


def _partitions(found: Imported, groups: Iterable[Group], doors: Iterable[Door]) -> None:
    doors = list(doors)
    if not doors:
        return
    tiers = any(key in door.entry.keys for door in doors for key in ("prioritytier", "priority"))
    default = [door.name for door in doors if door.entry.get("default").upper() in ("YES", "TRUE", "1")]
    if len(default) > 1:
        found.notes.remarks.append(f"partitions {', '.join(default)} are all the default one: the last counts")
    made = []
    for door in doors:
        one: dict[str, Any] = {
            "name": door.name,
            "pools": [group.name for group in groups if door.name in group.first.partitions],
            "where": {"partition": [door.entry.name]},
        }
        if tiers:
            one["tier"] = ranking.priority_of(door, "prioritytier", found.notes)
        factor = ranking.priority_of(door, "priorityjobfactor", found.notes)
        if factor != 1:
            one["priority"] = factor
        if billing := ranking.billing(door, found.notes):
            one["billing"] = billing
        longest = door.entry.get("maxtime")
        if longest:
            try:
                limit = minutes(longest)
            except ValueError as error:
                found.notes.remarks.append(f"{door.entry.place}: MaxTime: {error}: left out")
                limit = None
            if limit is not None:
                one["max_time"] = quantity(limit * 60.0)
        if default and door.name == default[-1]:
            one["default"] = True
        made.append(one)
    found.site["partitions"] = made
    found.comments["partitions"] = ["Pools in the order of their nodes' weights: jobs take the first that is free."]


def _limits(found: Imported, conf: Conf, accounting: books.Accounting, doors: Iterable[Door]) -> None:
    if not (accounting.qos or accounting.associations or accounting.cluster):
        found.notes.remarks.append(
            "nothing tells of accounts, users and qualities of service: there may be limits of them"
        )
        for door in doors:
            if name := door.entry.get("qos"):
                found.notes.miss(
                    f"QOS={short(name)}", door.entry.place, "limits of the partition; nothing says what they are"
                )
        return
    enforced = {part.strip().lower() for part in conf.get("accountingstorageenforce").split(",")}
    rules = limiting.of_qos(accounting, doors, found.notes) + limiting.of_associations(accounting, found.notes)
    if rules and not enforced & {"limits", "safe", "all", "1"}:
        found.notes.remarks.append(
            f"AccountingStorageEnforce does not name limits: Slurm does not enforce the {len(rules)} that there are"
        )
        return
    if len(rules) > MOST_LIMITS:
        found.notes.miss(
            f"{len(rules) - MOST_LIMITS} more limits", "accounting", f"only the first {MOST_LIMITS} are here"
        )
    known = {door.entry.name: door.name for door in doors}
    for rule in rules[:MOST_LIMITS]:
        where = rule.get("where", {})
        if "partition" in where:
            where["partition"] = [known.get(name, name) for name in where["partition"]]
    rules = [
        rule for rule in rules[:MOST_LIMITS] if set(rule.get("where", {}).get("partition", ())) <= set(known.values())
    ]
    if rules:
        found.site["limits"] = rules
        found.comments["limits"] = [
            "All of them hold here; of those of one kind, Slurm takes partition's before QOS's before user's."
        ]
