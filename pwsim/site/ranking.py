"""From Slurm's priorities to an order of the queue: weights, shares, qualities of service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pwsim.common import DAY_S, short
from pwsim.site.accounting import Accounting
from pwsim.site.conf import Conf
from pwsim.site.machine import Door, Notes
from pwsim.site.times import minutes, quantity

OLD = ("cachegroups", "checkpointtype", "fastschedule")
"""Settings that versions of Slurm before 19.05 had, and later ones hardly."""
_WEIGHTS = {"age": "priorityweightage", "assoc": "priorityweightassoc", "fair_share": "priorityweightfairshare",
            "job_size": "priorityweightjobsize", "partition": "priorityweightpartition",
            "qos": "priorityweightqos"}  # fmt: skip
"""Settings of the weights."""
ENDLESS_S = 100_000 * DAY_S
"""Half-life of use that does not decay [s]."""
MOST_WEIGHT = 1e9
"""The largest weight of the ``multifactor`` order."""
MOST_SHARES = 500
"""Shares of more users are left out of the ``multifactor`` order: a file has to be read by people, too."""
MOST_KEPT = 1500
"""Shares of accounts and users beyond this are left out of ``slurm``, and counted."""


def weights(conf: Conf) -> dict[str, int]:
    """Return the weights that are set, but for those of resources."""
    found = {name: conf.get(key) for name, key in _WEIGHTS.items()}
    return {name: int(text) for name, text in found.items() if re.fullmatch(r"\d{1,10}", text) and int(text)}


def order(conf: Conf) -> str:
    """Return the order of the queue."""
    multifactor = conf.get("prioritytype", "priority/multifactor").lower() == "priority/multifactor"
    return "multifactor" if multifactor and (weights(conf) or conf.get("priorityweighttres")) else "fcfs"


def add(
    site: dict[str, Any],
    comments: dict[str, list[str]],
    conf: Conf,
    accounting: Accounting,
    doors: Iterable[Door],
    config: Mapping[str, str],
    notes: Notes,
) -> None:
    """Add ``multifactor``, which replays know, and ``slurm``, which keeps all."""
    kept = _kept(conf, accounting, doors, config, notes)
    if kept:
        site["slurm"] = kept
        comments["slurm"] = ["How Slurm ranks jobs, in full; replays use what `multifactor` says of it."]
    for key in _WEIGHTS.values():
        if (text := conf.get(key)) and not re.fullmatch(r"\d{1,10}", text):
            setting = conf.settings[key]
            notes.remarks.append(f"{setting.place}: {setting.name}={short(text)} is no whole number: counted as 0")
    if order(conf) != "multifactor":
        return
    set_: dict[str, float] = dict(weights(conf))
    if max(set_.values(), default=0) > MOST_WEIGHT:  # only what they are to each other counts
        notes.remarks.append("PriorityWeight…: weights beyond 1,000,000,000 are all divided by 10 in multifactor")
        set_ = {name: weight / 10 for name, weight in set_.items()}
    size = set_.get("job_size", 0)
    known: dict[str, Any] = {
        "age": set_.get("age", 0),
        "max_age": quantity(kept.get("max_age", 7 * DAY_S)),
        "fair_share": set_.get("fair_share", 0),
        "half_life": quantity(kept.get("half_life", 7 * DAY_S) or ENDLESS_S),
        "size": -size if kept.get("favor_small") else size,
    }
    shares = _flat(accounting)
    if set_.get("fair_share") and len(set(shares.values())) > 1:
        if len(shares) <= MOST_SHARES:
            known["shares"] = shares
        else:
            notes.miss(
                f"shares of {len(shares)} users", "accounting", f"more than {MOST_SHARES} are left out of multifactor"
            )
    site["multifactor"] = known
    comments["multifactor"] = [
        "Weights as PriorityWeight… has them; shares are those of the tree, multiplied from the top."
    ]
    for name in ("assoc", "partition", "qos"):
        if name in set_:
            setting = conf.settings[_WEIGHTS[name]]
            does = f"a part of the priority; kept in slurm.weights.{name}"
            notes.miss(f"{setting.name}={setting.value}", setting.place, does)
    if conf.get("priorityweighttres"):
        setting = conf.settings["priorityweighttres"]
        notes.miss(
            f"{setting.name}={short(setting.value)}",
            setting.place,
            "a part of the priority; kept in slurm.weights.tres",
        )


def _kept(
    conf: Conf, accounting: Accounting, doors: Iterable[Door], config: Mapping[str, str], notes: Notes
) -> dict[str, Any]:
    """Return all that is known of how jobs are ranked, without what is as always."""
    version = config.get("slurm_version", "")
    set_: dict[str, Any] = dict(weights(conf))
    if text := conf.get("priorityweighttres"):
        set_["tres"] = _weights_of(text, conf.settings["priorityweighttres"].place, notes)
    found: dict[str, Any] = {"version": version, "weights": set_, **_times(conf, notes)}
    if set_:
        found |= _fair_share(conf, version, notes, weighed="fair_share" in set_)
    if conf.get("priorityfavorsmall").upper() in ("YES", "TRUE", "1"):
        found["favor_small"] = True
    priorities = {one.name: one.values.get("priority", "0") for one in accounting.qos.values()}
    if any(text.isdigit() and int(text) for text in priorities.values()):
        found["qos"] = {name: int(text) for name, text in priorities.items() if text.isdigit()}
    found["billing"] = {}
    for door in doors:
        if text := door.entry.get("tresbillingweights"):
            found["billing"][door.name] = _weights_of(text, door.entry.place, notes)
            does = "what use counts as; kept in slurm.billing"
            notes.miss(f"TRESBillingWeights={short(text)}", door.entry.place, does)
    shares = _tree(accounting)
    if len(shares) > MOST_KEPT:
        notes.miss(f"{len(shares) - MOST_KEPT} more shares", "accounting", f"only the first {MOST_KEPT} are here")
    found["shares"] = shares[:MOST_KEPT]
    return {key: value for key, value in found.items() if value not in ("", {}, [])}


def _times(conf: Conf, notes: Notes) -> dict[str, Any]:
    """Return when age is full, and how past use is forgotten."""
    found: dict[str, Any] = {}
    for key, name in (("max_age", "prioritymaxage"), ("half_life", "prioritydecayhalflife")):
        if name not in conf.settings:
            continue
        try:
            length = minutes(conf.get(name))
        except ValueError as error:
            notes.remarks.append(f"{conf.settings[name].place}: {error}: left out")
            continue
        if length:
            found[key] = length * 60.0
        elif key == "half_life":
            found[key] = None
    reset = conf.get("priorityusageresetperiod", "none").lower()
    if reset in ("now", "daily", "weekly", "monthly", "quarterly", "yearly"):
        found["usage_reset"] = reset
        place = conf.settings["priorityusageresetperiod"].place
        notes.miss(f"PriorityUsageResetPeriod={reset}", place, "past use is forgotten; kept in slurm.usage_reset")
    return found


def _fair_share(conf: Conf, version: str, notes: Notes, *, weighed: bool) -> dict[str, Any]:
    """Return which formula fair share goes by, and its parameters."""
    found: dict[str, Any] = {}
    flags = [flag.strip() for flag in conf.get("priorityflags").split(",") if flag.strip()]
    said = {flag.upper() for flag in flags} & {"FAIR_TREE", "NO_FAIR_TREE"}
    old = [conf.settings[key].name for key in OLD if key in conf.settings]
    found["fair_tree"] = _fair_tree(flags, version or ("18.08" if old else ""))
    if weighed:
        what = "Fair Tree" if found["fair_tree"] else "the classic formula over accounts"
        does = "kept in slurm; multifactor compares the shares of users"
        notes.miss(f"fair share by {what}", "PriorityWeightFairshare", does)
        if not version and not said:
            why = f"with {', '.join(old)} taken for one before 19.05" if old else "taken for 19.05 or later"
            notes.remarks.append(f"nothing tells the version of Slurm: it is {why}, whose fair share is {what}")
    dampening = conf.get("fairsharedampeningfactor")
    if re.fullmatch(r"\d{1,6}", dampening) and int(dampening) > 1:
        found["damping"] = int(dampening)
    if others := [flag for flag in flags if flag.upper() not in ("FAIR_TREE", "NO_FAIR_TREE")]:
        found["flags"] = others
        place = conf.settings["priorityflags"].place
        notes.miss(f"PriorityFlags={short(','.join(others))}", place, "changes how priorities are computed")
    return found


def _fair_tree(flags: Iterable[str], version: str) -> bool:
    """Return whether fair share goes by Fair Tree: as flags say, else as the version does by itself."""
    upper = {flag.upper() for flag in flags}
    if "NO_FAIR_TREE" in upper:
        return False
    number = re.match(r"(\d+)\.(\d+)", version)
    return "FAIR_TREE" in upper or number is None or (int(number[1]), int(number[2])) >= (19, 5)


def _weights_of(text: str, place: str, notes: Notes) -> dict[str, float]:
    """Return weights of resources, such as ``CPU=1.0,Mem=0.25G,GRES/gpu=2.0``."""
    found = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        number = re.fullmatch(r"\s*(\d*\.?\d+|\d+\.)([KMGTP]?)\s*", value, flags=re.IGNORECASE)
        if number is None:
            notes.remarks.append(f"{place}: {short(part)!r} is no weight of a resource: left out")
            continue
        # A weight a GiB is one a 1024 MiB: weights of memory are of a MiB here.
        step = "MGTP".find(number[2].upper()) if number[2] else 0
        found[name.strip().lower()] = float(number[1]) / 1024.0**step if step > 0 else float(number[1])
    return found


def _tree(accounting: Accounting) -> list[dict[str, Any]]:
    """Return the shares of accounts, and of those users that have not one share as users do by themselves."""
    found: list[dict[str, Any]] = []
    for name, account in accounting.accounts().items():
        one: dict[str, Any] = {"account": name}
        if account.parent not in ("root", "", name):
            one["parent"] = account.parent
        found.append({**one, "shares": _shares(account.values)})
    users = ({"account": one.account, "user": one.user, "shares": _shares(one.values)} for one in accounting.users())
    return found + [one for one in users if one["shares"] != 1]


def _shares(values: Mapping[str, str]) -> int | str:
    text = values.get("fairshare", "1").lower()
    return "parent" if text == "parent" else int(text) if re.fullmatch(r"\d{1,9}", text) else 1


def _flat(accounting: Accounting) -> dict[str, float]:
    """Return what each user is promised of all: shares over those beside, multiplied from the top [thousandths].

    A user who counts as the account does has an equal part of it.
    """
    accounts = accounting.accounts()
    beside: dict[str, int] = {}
    for account in accounts.values():
        shares = _shares(account.values)
        beside[account.parent] = beside.get(account.parent, 0) + (shares if isinstance(shares, int) else 1)

    def of_account(name: str, depth: int = 0) -> float:
        if name not in accounts or depth > 50:
            return 1.0
        shares = _shares(accounts[name].values)
        own = (shares if isinstance(shares, int) else 1) / (beside[accounts[name].parent] or 1)
        return own * of_account(accounts[name].parent, depth + 1)

    members: dict[str, dict[str, int]] = {}
    for user in accounting.users():
        shares = _shares(user.values)
        members.setdefault(user.account, {})[user.user] = shares if isinstance(shares, int) else 1
    found: dict[str, float] = {}
    for account_name, users in members.items():
        total = sum(users.values()) or 1
        promised = of_account(account_name)
        for name, own in users.items():
            found[name] = found.get(name, 0.0) + 1000.0 * promised * own / total
    return {name: max(round(value, 6), 1e-6) for name, value in found.items()}  # who has no share comes last
