"""Limits and shares as commands of ``sacctmgr``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pwsim.cluster import RunLimit

_NAMES = (
    ("Grp", "GrpTRES", "GrpJobs"),
    ("user", "MaxTRESPerUser", "MaxJobsPerUser"),
    ("account", "MaxTRESPerAccount", "MaxJobsPerAccount"),
    ("Max", "", "MaxJobs"),
)
"""For whom a limit is, and what Slurm calls it for resources and for jobs."""


def told(value: Any) -> str:
    """Return an object of a scenario in few words."""
    return str(value.model_dump(mode="json", exclude_none=True, exclude_defaults=True, by_alias=True))


Slot = tuple[str, str, str]
"""Kind of thing (:data:`_KINDS`), name, and account of a user."""
_KINDS = ("cluster", "partition", "qos", "account", "user")
"""What commands are about, in the order in which Slurm has to be told of it."""


def commands(
    limits: Sequence[RunLimit], besides: Mapping[Slot, str], parents: Mapping[str, str | None], missing: list[str]
) -> tuple[list[str], dict[str, str]]:
    """Return commands that say limits, and the quality of service of each partition that has some.

    Parameters
    ----------
    limits
        The limits.
    besides
        What else is said of accounts, users and qualities of service; accounts after those that they are a part of.
    parents
        The account that each account is a part of, or ``None``.
    missing
        What Slurm has no word for is added to it.
    """
    said: dict[Slot, dict[str, float]] = {}
    partitions: dict[str, str] = {}
    for limit in limits:
        places = list(_slots(limit, parents))
        if not places:
            missing.append(f"limits: {told(limit)}")
        for slot, per in places:
            if slot[0] == "partition":
                partitions[slot[1]] = f"partition-{slot[1]}"
            for resource, most in limit.at_most.caps():
                if most != round(most):
                    missing.append(f"limits: {most:g} {resource} is no whole number")
                kept = said.setdefault(slot, {})
                key = per + resource
                kept[key] = min(most, kept.get(key, most))
    needed = [("account", account, "") for kind, _, account in (*besides, *said) if kind == "user"]
    every: list[Slot] = [*besides, *needed, *said]
    lines = [
        " ".join(filter(None, (_command(slot), besides.get(slot, ""), *_capped(said.get(slot, {})))))
        for slot in sorted(dict.fromkeys(every), key=lambda one: _KINDS.index(one[0]))
    ]
    return lines, partitions


def _parts(account: str, parents: Mapping[str, str | None]) -> set[str]:
    """Return an account with those that are a part of it."""
    found = {account}
    while more := {name for name, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _slots(limit: RunLimit, parents: Mapping[str, str | None]) -> Iterator[tuple[Slot, str]]:
    """Yield where a limit is said, and for whom there; nothing if Slurm cannot say it.

    A limit of an account is one of all that are a part of it, too.
    """
    where: dict[str, tuple[str, ...]] = limit.where.conditions()
    if "user_group" in where:
        where["account"] = where.pop("user_group")
    per = "account" if limit.per == "user_group" else limit.per
    about = "".join(sorted(where))
    names = where.get(about, ())
    alone = all(isinstance(one, tuple) and len(one) == 1 for one in where.values())
    jobs_only = [resource for resource, _ in limit.at_most.caps()] == ["jobs"]
    if about in ("partition", "qos") and (per == about or (alone and per in ("all", "user", "account"))):
        for name in names:
            yield (about, name, ""), "Grp" if per in ("all", about) else per
    elif about == "account" and per == "account" and all(len(_parts(name, parents)) == 1 for name in names):
        for name in names:
            yield ("account", name, ""), "Grp"
    elif (
        about == "account" and per == "all" and (whole := [one for one in names if _parts(one, parents) == set(names)])
    ):
        yield ("account", whole[0], ""), "Grp"
    elif about == "account" and alone and per == "user" and jobs_only and len(_parts(names[0], parents)) == 1:
        yield ("account", names[0], ""), "Max"
    elif about == "accountuser" and alone and per in ("all", "user"):
        yield ("user", where["user"][0], where["account"][0]), "Grp"
    elif not about and per == "all":
        yield ("cluster", "", ""), "Grp"


def _command(slot: Slot) -> str:
    kind, name, account = slot
    if kind == "cluster":
        return "modify cluster set"
    if kind == "partition":
        kind, name = "qos", f"partition-{name}"
    about = [shlex.quote(f"name={name}")] + ([shlex.quote(f"account={account}")] if account else [])
    return f"add {kind} {' '.join(about)}"


def _capped(caps: Mapping[str, float]) -> Iterator[str]:
    names = {"cores": "cpu", "nodes": "node", "gpus": "gres/gpu"}
    for per, resources, jobs in _NAMES:
        amounts = [f"{name}={int(caps[per + resource])}" for resource, name in names.items() if per + resource in caps]
        if amounts:
            yield f"{resources}={','.join(amounts)}"
        if per + "jobs" in caps:
            yield f"{jobs}={int(caps[per + 'jobs'])}"
