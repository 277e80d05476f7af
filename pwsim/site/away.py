"""From Slurm's reservations and events of nodes to outages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pwsim.common import short
from pwsim.site.hostlists import expand
from pwsim.site.machine import Group, Notes
from pwsim.site.times import minutes, quantity

MOST_OUTAGES = 500
"""Outages of events beyond this are left out, those of least node-time first, and counted."""
_EVERY = {"hourly": "1 h", "daily": "1 d", "weekly": "7 d"}
Rule = dict[str, Any]


def of_reservations(text: str, groups: Iterable[Group], notes: Notes) -> list[Rule]:
    """Return outages of what ``scontrol show reservation`` prints, or of commands that create them."""
    found: list[Rule] = []
    groups = list(groups)
    for number, block in enumerate(_blocks(text), start=1):
        name = block.get("reservationname", block.get("reservation", f"reservation {number}"))
        place = f"reservation {short(name)}"
        try:
            rule = _times(block)
        except ValueError as error:
            notes.remarks.append(f"{place}: {error}: left out")
            continue
        flags = {flag.strip().lower() for flag in block.get("flags", "").split(",")}
        for flag in sorted(
            flags & {"weekday", "weekend", "time_float", "flex", "magnetic", "part_nodes", "replace_down"}
        ):
            notes.miss(f"Flags={flag.upper()}", place, "a way to repeat or use a reservation that pwsim does not know")
        for flag in flags & set(_EVERY):
            rule["every"] = _EVERY[flag]
        if not flags & {"maint"} and any(block.get(key, "(null)") != "(null)" for key in ("users", "accounts")):
            notes.miss("Users or Accounts", place, "some jobs may run in it; here its nodes are away for all")
        nodes = block.get("nodes", "")
        if nodes.upper() == "ALL" or "all_nodes" in flags:
            found.append(rule)
            continue
        try:
            names = set(expand("" if nodes == "(null)" else nodes))
        except ValueError as error:
            notes.remarks.append(f"{place}: {error}: left out")
            continue
        counts = {group.name: sum(one.name in names for one in group.hosts) for group in groups}
        if not any(counts.values()):
            notes.miss(
                f"Nodes={short(nodes or block.get('nodecnt', ''))}", place, "it names no nodes that are described"
            )
        for group in groups:
            if away := counts[group.name]:
                whole = {} if away == len(group.hosts) else {"nodes": away}
                found.append({"pools": [group.name], **whole, **rule})
    return found


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """Yield the keys and values of each reservation."""
    block: dict[str, str] = {}
    for key, value in re.findall(r"([A-Za-z_]+)=(\"[^\"]*\"|\S*)", text):
        if key.lower() in ("reservationname", "reservation") and block:
            yield block
            block = {}
        block[key.lower()] = value.strip('"')
    if block:
        yield block


def _times(block: Mapping[str, str]) -> Rule:
    start = _local(block.get("starttime", ""))
    shown = start.isoformat(timespec="seconds" if start.second else "minutes")
    if "duration" in block:
        length = minutes(block["duration"])
        if not length:
            raise ValueError("it has no end")
        return {"start": shown, "length": quantity(length * 60.0)}
    return {"start": shown, "length": _length(start, _local(block.get("endtime", "")))}


def _length(start: datetime, end: datetime) -> str:
    if end <= start:
        raise ValueError("it ends before it starts")
    return quantity((end - start).total_seconds())


def _local(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 2026-03-02T08:00:00") from None
    if moment.tzinfo is not None or not 1900 <= moment.year <= 2999:
        raise ValueError(f"{text!r} is no local time from 1900 to 2999")
    return moment


def of_events(text: str, groups: Iterable[Group], notes: Notes) -> list[Rule]:
    """Return outages of what ``sacctmgr show event -P`` prints: how many nodes of a pool were away, when."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    heads = [re.sub(r"[^a-z]", "", head.lower()) for head in lines[0].split("|")]
    columns = {name: heads.index(head) for name, choices in
               (("node", ("nodename", "nodenames")), ("start", ("timestart", "start")), ("end", ("timeend", "end")),
                ("state", ("state",))) for head in choices if head in heads}  # fmt: skip
    if not {"node", "start", "end"} <= set(columns):
        notes.remarks.append("events.psv: has no columns NodeName, TimeStart and TimeEnd: left out")
        return []
    pool_of = {one.name: group.name for group in groups for one in group.hosts}
    spans: dict[str, list[tuple[datetime, datetime, str]]] = {}
    skipped = 0
    for line in lines[1:]:
        cells = line.split("|")
        if len(cells) < len(heads) or not cells[columns["node"]].strip():
            continue  # of the cluster, not of a node
        try:
            start, end = _local(cells[columns["start"]]), _local(cells[columns["end"]])
            names = expand(cells[columns["node"]])
        except ValueError:
            skipped += 1
            continue
        for name in names:
            if name in pool_of and start < end:
                spans.setdefault(pool_of[name], []).append((start, end, name))
    if skipped:
        notes.remarks.append(f"events.psv: {skipped} events have no end, or no times: left out")
    found = [rule for pool, own in spans.items() for rule in _steps(pool, own)]
    found.sort(key=lambda rule: -rule[1])
    if len(found) > MOST_OUTAGES:
        notes.miss(
            f"{len(found) - MOST_OUTAGES} short outages of nodes",
            "events.psv",
            f"only the largest {MOST_OUTAGES} are here",
        )
    return sorted((rule for rule, _ in found[:MOST_OUTAGES]), key=lambda rule: (rule["start"], rule["pools"]))


def _steps(pool: str, spans: list[tuple[datetime, datetime, str]]) -> Iterator[tuple[Rule, float]]:
    """Yield how many nodes of a pool are away from one change to the next: outages that overlap would not add up."""
    changes = sorted([(start, 1, name) for start, _, name in spans] + [(end, -1, name) for _, end, name in spans])
    down: dict[str, int] = {}
    before = changes[0][0]
    for moment, step, name in changes:
        if moment > before and down:
            away_s = (moment - before).total_seconds()
            rule = {"pools": [pool], "nodes": len(down), "start": before.isoformat(), "length": quantity(away_s)}
            yield rule, len(down) * away_s
        before = moment
        down[name] = down.get(name, 0) + step
        if not down[name]:
            del down[name]
