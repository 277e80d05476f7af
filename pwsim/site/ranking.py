"""From Slurm's priorities to an order of the queue: weights, fair share, qualities of service.

References
----------
https://slurm.schedmd.com/slurm.conf.html, "PriorityWeightAge" and those beside it; https://slurm.schedmd.com/tres.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pwsim.common import DAY_S, short
from pwsim.site.accounting import Accounting
from pwsim.site.conf import Conf
from pwsim.site.machine import Door, Notes
from pwsim.site.shares import accounts_of
from pwsim.site.times import minutes, quantity

OLD = ("cachegroups", "checkpointtype", "fastschedule")
"""Settings that versions of Slurm before 19.05 had, and later ones hardly."""
_WEIGHTS = {"age": "priorityweightage", "fair_share": "priorityweightfairshare", "size": "priorityweightjobsize",
            "partition": "priorityweightpartition", "qos": "priorityweightqos"}  # fmt: skip
"""Settings of the weights, by what pwsim calls them."""
_ASSOC = "priorityweightassoc"
"""The weight that pwsim has no word for."""
_RESOURCES = {"cpu": "cpu", "mem": "mem", "node": "node", "gres/gpu": "gpu"}
"""Resources, and what pwsim calls them."""
_MIB = 1024.0
"""MiB in a GiB."""
_FLAGS: Mapping[str, str] = {
    "FAIR_TREE": "", "NO_FAIR_TREE": "", "MAX_TRES": "", "SMALL_RELATIVE_TO_TIME": "", "NO_NORMAL_PART": "",
    "NO_NORMAL_QOS": "", "ACCRUE_ALWAYS": "", "CALCULATE_RUNNING": "",
    "DEPTH_OBLIVIOUS": "the classic formula does not mind how deep an account is",
    "INCR_ONLY": "priorities never go down",
    "MAX_TRES_GRES": "what counts is the largest of cores and memory, and GPUs beside it",
    "NO_NORMAL_ALL": "weights of resources and accounts are multiplied by their numbers, not by parts",
    "NO_NORMAL_ASSOC": "the weight of accounts is multiplied by their priorities, not by parts",
    "NO_NORMAL_TRES": "weights of resources are multiplied by their numbers, not by parts",
}  # fmt: skip
"""Flags of priorities, and what those that are not modelled do. Age counts from the submission (ACCRUE_ALWAYS), and no
start depends on the priorities of running jobs (CALCULATE_RUNNING)."""
ENDLESS_S = 100_000 * DAY_S
"""Half-life of use that does not decay [s]."""
MOST_WEIGHT = 1e9
"""The largest weight of the ``multifactor`` order."""
CALC_PERIOD_S = 300.0
"""How often Slurm works out fair share by itself [s]."""


def _whole(conf: Conf, key: str) -> int:
    text = conf.get(key)
    return int(text) if re.fullmatch(r"\d{1,10}", text) else 0


def order(conf: Conf) -> str:
    """Return the order of the queue."""
    multifactor = conf.get("prioritytype", "priority/multifactor").lower() == "priority/multifactor"
    weighed = any(_whole(conf, key) for key in (*_WEIGHTS.values(), _ASSOC)) or conf.get("priorityweighttres")
    return "multifactor" if multifactor and weighed else "fcfs"


def add(
    site: dict[str, Any],
    comments: dict[str, list[str]],
    conf: Conf,
    accounting: Accounting,
    doors: Iterable[Door],
    config: Mapping[str, str],
    notes: Notes,
) -> None:
    """Add ``multifactor``: how jobs are ranked."""
    for key in (*_WEIGHTS.values(), _ASSOC):
        if (text := conf.get(key)) and not re.fullmatch(r"\d{1,10}", text):
            setting = conf.settings[key]
            notes.remarks.append(f"{setting.place}: {setting.name}={short(text)} is no whole number: counted as 0")
    if order(conf) != "multifactor":
        return
    flags = _flags(conf, notes)
    found = _weights(conf, accounting, list(doors), flags, notes)
    found |= {"max_age": quantity(_time(conf, "prioritymaxage", notes) or 7 * DAY_S)}
    if found["fair_share"]:
        found |= _fair_share(conf, config.get("slurm_version", ""), flags, notes)
        found["accounts"] = accounts_of(accounting, notes)
    site["multifactor"] = {
        name: value for name, value in found.items() if name in ("age", "fair_share") or value not in (0, {})
    }
    version = f" of Slurm {short(config['slurm_version'])}" if config.get("slurm_version") else ""
    comments["multifactor"] = [
        f"PriorityWeight… and what goes with them{version}; accounts with the shares of all who are in them."
    ]


def _flags(conf: Conf, notes: Notes) -> set[str]:
    """Return the flags of priorities; note those that are not modelled."""
    found = {flag.strip().upper() for flag in conf.get("priorityflags").split(",") if flag.strip()}
    for flag in sorted(found):
        if does := _FLAGS.get(flag, "is no flag that this version of pwsim knows"):
            notes.miss(f"PriorityFlags={short(flag)}", conf.settings["priorityflags"].place, does)
    return found | ({"NO_NORMAL_PART", "NO_NORMAL_QOS"} if "NO_NORMAL_ALL" in found else set())


def _weights(conf: Conf, accounting: Accounting, doors: list[Door], flags: set[str], notes: Notes) -> dict[str, Any]:
    """Return the weights of the parts of a priority, and the priorities that they multiply."""
    found: dict[str, Any] = {name: float(_whole(conf, key)) for name, key in _WEIGHTS.items()}
    if _whole(conf, _ASSOC):
        setting = conf.settings[_ASSOC]
        notes.miss(f"{setting.name}={setting.value}", setting.place, "a part of the priority, by account")
    if conf.get("priorityfavorsmall").upper() in ("YES", "TRUE", "1"):
        found["size"] = -found["size"]
    found["size_relative_to_time"] = "SMALL_RELATIVE_TO_TIME" in flags
    texts = {one.name: one.values.get("priority", "0") for one in accounting.qos.values()}
    priorities = {name: float(text) for name, text in texts.items() if text.isdigit() and 0 < float(text) <= 1e9}
    if "NO_NORMAL_QOS" in flags:
        found["qos"] *= max(priorities.values(), default=1.0)
    found["qos_priorities"] = priorities if found["qos"] else {}
    factors = [priority_of(door, "priorityjobfactor", Notes()) for door in doors]
    if "NO_NORMAL_PART" in flags:
        found["partition"] *= max(factors, default=1)
    if not doors:
        found["partition"] = 0.0
    if text := conf.get("priorityweighttres"):
        found["tres"] = resources(text, conf.settings["priorityweighttres"].place, notes)
    return _no_larger(found, notes)


def _no_larger(found: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """Return weights that are not too large: only what they are to each other counts."""
    tres: dict[str, float] = found.get("tres", {})
    most, by = max(*(abs(found[name]) for name in _WEIGHTS), *tres.values(), 0.0), 1.0
    while most / by > MOST_WEIGHT:
        by *= 10.0
    if by > 1.0:
        notes.remarks.append(f"PriorityWeight…: weights beyond 1,000,000,000 are all divided by {by:g} in multifactor")
    scaled = {name: _plain(found[name] / by) for name in _WEIGHTS}
    return {**found, **scaled, **({"tres": {name: one / by for name, one in tres.items()}} if tres else {})}


def _plain(number: float) -> float:
    """Return a whole number as such, which reads better."""
    return int(number) if number == int(number) else number


def priority_of(door: Door, key: str, notes: Notes) -> int:
    """Return a partition's tier (``prioritytier``) or its priority among jobs (``priorityjobfactor``)."""
    text = door.entry.get(key, door.entry.get("priority", "1"))
    if re.fullmatch(r"\d{1,5}", text):
        return int(text)
    notes.remarks.append(f"{door.entry.place}: {key}={short(text)} is no whole number up to 65533: counted as 1")
    return 1


def _time(conf: Conf, key: str, notes: Notes) -> float | None:
    """Return a length of time [s]; ``None`` if it is not said, or cannot be read."""
    if key not in conf.settings:
        return None
    try:
        return (minutes(conf.get(key)) or 0.0) * 60.0
    except ValueError as error:
        notes.remarks.append(f"{conf.settings[key].place}: {error}: left out")
        return None


def _fair_share(conf: Conf, version: str, flags: set[str], notes: Notes) -> dict[str, Any]:
    """Return which formula fair share goes by, its parameters, and how past use counts."""
    half_life_s = _time(conf, "prioritydecayhalflife", notes)
    period_s = _time(conf, "prioritycalcperiod", notes)
    old = [conf.settings[key].name for key in OLD if key in conf.settings]
    tree = _fair_tree(flags, version or ("18.08" if old else ""))
    if not version and not flags & {"FAIR_TREE", "NO_FAIR_TREE"}:
        what = "Fair Tree" if tree else "the classic formula over accounts"
        why = f"with {', '.join(old)} taken for one before 19.05" if old else "taken for 19.05 or later"
        notes.remarks.append(f"nothing tells the version of Slurm: it is {why}, whose fair share is {what}")
    reset = conf.get("priorityusageresetperiod", "none").lower()
    if reset in ("now", "daily", "weekly", "monthly", "quarterly", "yearly"):
        place = conf.settings["priorityusageresetperiod"].place
        notes.miss(f"PriorityUsageResetPeriod={reset}", place, "past use is forgotten then; here it fades alone")
    found: dict[str, Any] = {
        "half_life": quantity(7 * DAY_S if half_life_s is None else half_life_s or ENDLESS_S),  # 0: it never fades
        "calc_period": quantity(period_s or CALC_PERIOD_S),
        "algorithm": "fair_tree" if tree else "classic",
    }
    damping = conf.get("fairsharedampeningfactor")
    if not tree and re.fullmatch(r"\d{1,6}", damping) and int(damping) > 1:
        found["damping"] = int(damping)
    if "MAX_TRES" in flags:
        found["billing_by"] = "max"
    return found


def _fair_tree(flags: set[str], version: str) -> bool:
    """Return whether fair share goes by Fair Tree: as flags say, else as the version does by itself."""
    if "NO_FAIR_TREE" in flags:
        return False
    number = re.match(r"(\d+)\.(\d+)", version)
    return "FAIR_TREE" in flags or number is None or (int(number[1]), int(number[2])) >= (19, 5)


def billing(door: Door, notes: Notes) -> dict[str, float]:
    """Return the weights of use in a partition; memory by the GiB."""
    found = resources(door.entry.get("tresbillingweights"), door.entry.place, notes)
    return {name: min(MOST_WEIGHT, weight * _MIB if name == "mem" else weight) for name, weight in found.items()}


def resources(text: str, place: str, notes: Notes) -> dict[str, float]:
    """Return weights of resources, such as ``CPU=1.0,Mem=0.25G,GRES/gpu=2.0``; those of memory are of a MiB."""
    found: dict[str, float] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, value = part.partition("=")
        number = re.fullmatch(r"\s*(\d*\.?\d+|\d+\.)([KMGTP]?)\s*", value, flags=re.IGNORECASE)
        if number is None or float(number[1]) > MOST_WEIGHT:
            notes.remarks.append(f"{place}: {short(part)!r} is no weight of a resource: left out")
            continue
        resource = _RESOURCES.get(name.strip().lower())
        if resource is None:
            notes.miss(short(part), place, "a weight of a resource that pwsim does not weigh")
            continue
        weight = float(number[1])
        if number[2] and resource == "mem":  # a weight of a GiB is one of 1024 MiB
            weight /= _MIB ** ("KMGTP".index(number[2].upper()) - 1)
        elif number[2]:
            weight /= 1000.0 ** ("KMGTP".index(number[2].upper()) + 1)
        found[resource] = weight
    return found
