"""From Slurm's accounts and qualities of service to limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pwsim.common import short
from pwsim.site import settings
from pwsim.site.accounting import Accounting, Association, Qos, tres
from pwsim.site.machine import Door, Notes

_RESOURCES = {"cpu": "cores", "node": "nodes", "gres/gpu": "gpus"}
"""What pwsim calls what a limit of Slurm is about."""

Rule = dict[str, Any]


def caps(text: str, place: str, notes: Notes) -> Rule:
    """Return limits on resources as pwsim has them; note those that it has not."""
    try:
        amounts = tres(text)
    except ValueError as error:
        notes.remarks.append(f"{place}: {error}: left out")
        return {}
    found: Rule = {}
    for name, amount in amounts.items():
        if name in _RESOURCES:
            found[_RESOURCES[name]] = int(amount) if name != "gres/gpu" or amount == int(amount) else amount
        else:
            notes.miss(f"{short(name)}={amount:g}", place, "a limit on a resource that pwsim does not limit")
    return found


def _jobs(values: Mapping[str, str], key: str, place: str, notes: Notes) -> Rule:
    text = values.get(key, "")
    if not text:
        return {}
    if not text.isdigit():
        notes.remarks.append(f"{place}: {key}={short(text)} is no number of jobs: left out")
        return {}
    return {"jobs": int(text)}


def of_qos(accounting: Accounting, doors: Iterable[Door], notes: Notes) -> list[Rule]:
    """Return the limits of qualities of service: of jobs that have one, and of partitions that have one."""
    found: list[Rule] = []
    by_name = {qos.name.lower(): qos for qos in accounting.qos.values()}
    uses: dict[str, list[str]] = {}
    for door in doors:
        if name := door.entry.get("qos"):
            if name.lower() in by_name:
                uses.setdefault(name.lower(), []).append(door.name)
            elif name.upper() not in ("N/A", "NONE"):
                notes.miss(
                    f"QOS={short(name)}", door.entry.place, "limits of the partition; nothing says what they are"
                )
    for key, qos in by_name.items():
        place = f"QOS {qos.name}"
        _note_missing(qos.values, place, notes)
        for where, whole in (({"partition": uses[key]}, "partition"),) if key in uses else ():
            found += _rules(qos, where, whole if len(uses[key]) == 1 else "all", place, notes)
        if key not in uses or key in _granted(accounting):
            found += _rules(qos, {"qos": [qos.name]}, "qos", place, notes)
    return found


def _granted(accounting: Accounting) -> set[str]:
    """Return the qualities of service that jobs may have; those of partitions need not be among them."""
    values = [accounting.cluster, *(one.values for one in accounting.associations.values())]
    return {name.strip("+-= ").lower() for one in values for name in one.get("qos", "").split(",")}


def _rules(qos: Qos, where: Rule, whole: str, place: str, notes: Notes) -> Iterator[Rule]:
    for resources, jobs, per in (("grptres", "grpjobs", whole), ("maxtrespu", "maxjobspu", "user"),
                                 ("maxtrespa", "maxjobspa", "account")):  # fmt: skip
        most = {**caps(qos.values.get(resources, ""), place, notes), **_jobs(qos.values, jobs, place, notes)}
        if most:
            yield {"at_most": most, "per": per, "where": where}


def _note_missing(values: Mapping[str, str], place: str, notes: Notes) -> None:
    for key, value in values.items():
        if (
            key in settings.LIMITS_MODELLED
            or key in settings.LIMITS_IRRELEVANT
            or value in ("", "0", "cluster", "normal")
        ):
            continue
        if key == "usagefactor" and value in ("1", "1.000000"):
            continue
        if (key, value.lower()) in (("flags", "notset"), ("preemptmode", "cluster"), ("gracetime", "00:00:00")):
            continue
        does = settings.LIMITS_MISSING.get(key, "is no value that this version of pwsim knows")
        notes.miss(f"{key}={short(value)}", place, does)


def of_associations(accounting: Accounting, notes: Notes) -> list[Rule]:
    """Return the limits of accounts, and of users in them; what an account says of its users holds for those below."""
    found: list[Rule] = []
    values = accounting.cluster
    _note_missing(values, "the cluster", notes)
    if most := _all(values, "the cluster", notes):
        found.append({"at_most": most, "per": "all"})
    for name, account in accounting.accounts().items():
        place = f"account {name}"
        _note_missing(account.values, place, notes)
        if most := _all(account.values, place, notes):
            found.append({"at_most": most, "per": "all", "where": {"account": accounting.below(name)}})
    for user in accounting.users():
        place = f"user {user.user} in account {user.account}"
        _note_missing(user.values, place, notes)
        if most := _all(user.values, place, notes):
            found.append({"at_most": most, "per": "all", "where": _where(user)})
    return found + _jobs_of_users(accounting, notes)


def _all(values: Mapping[str, str], place: str, notes: Notes) -> Rule:
    return {**caps(values.get("grptres", ""), place, notes), **_jobs(values, "grpjobs", place, notes)}


def _where(one: Association) -> Rule:
    where: Rule = {"account": [one.account], "user": [one.user]}
    return {**where, "partition": [one.partition]} if one.partition else where


def _jobs_of_users(accounting: Accounting, notes: Notes) -> list[Rule]:
    """Return how many jobs users may run in an account: their own number, else that of the nearest account above."""
    accounts = accounting.accounts()
    found: list[Rule] = []

    def inherited(name: str) -> str:
        seen: set[str] = set()
        while name in accounts and name not in seen:
            seen.add(name)
            if said := accounts[name].values.get("maxjobs"):
                return said
            name = accounts[name].parent
        return accounting.cluster.get("maxjobs", "")

    users = accounting.users()
    special = {(one.account, one.user) for one in users if one.values.get("maxjobs")}
    for name in accounts:
        most = _jobs({"maxjobs": inherited(name)}, "maxjobs", f"account {name}", notes)
        others = sorted({one.user for one in users if one.account == name and (name, one.user) not in special})
        if most and (others or not any(one.account == name for one in users)):
            named = {"user": others} if any(account == name for account, _ in special) else {}
            found.append({"at_most": most, "per": "user", "where": {"account": [name], **named}})
    own = ((one, _jobs(one.values, "maxjobs", f"user {one.user}", notes)) for one in users)
    return found + [{"at_most": most, "per": "all", "where": _where(one)} for one, most in own if most]
