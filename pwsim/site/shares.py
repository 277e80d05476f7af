"""From Slurm's associations to a tree of accounts with the shares of accounts and users, and back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pwsim.cluster import Account, Multifactor
from pwsim.site.accounting import Accounting
from pwsim.site.capping import Slot
from pwsim.site.machine import Notes

MOST_USERS = 20_000
"""Users and accounts beyond this are left out, and counted: a file has to be read by people, too."""
MOST_SHARES = 10**9
"""Shares beyond this count as this."""


def accounts_of(accounting: Accounting, notes: Notes) -> dict[str, Any]:
    """Return accounts by name, with their parents, shares and users, as ``multifactor: accounts`` has them.

    All users are there, for each has a part of its account whether it has jobs or not.
    """
    known = accounting.accounts()
    users = accounting.users()
    names = dict.fromkeys((*known, *(one.account for one in users)))
    found: dict[str, Any] = {}
    for name in names:
        one: dict[str, Any] = {}
        if name in known:
            if (parent := known[name].parent) not in ("root", "", name) and parent in names:
                one["parent"] = parent
            one["shares"] = shares_of(known[name].values)
        found[name] = one
    for name in _in_circles(found):
        del found[name]["parent"]
        notes.remarks.append(f"account {name!r} is a part of itself: it is put at the top")
    if "root" in found:  # the top has no shares of its own, and users in it are beside the accounts
        found["root"] = {"shares": "parent"}
    for user in users:
        found[user.account].setdefault("users", {}).setdefault(user.user, shares_of(user.values))
    return _first(found, notes)


def _in_circles(accounts: Mapping[str, Any]) -> list[str]:
    """Return one account of each circle of parents."""
    found: list[str] = []
    for start in accounts:
        seen, name = [start], accounts[start].get("parent")
        while name is not None and name not in seen and name not in found:
            seen.append(name)
            name = accounts[name].get("parent")
        if name is not None and name == start:
            found.append(start)
    return found


def _first(accounts: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """Return accounts without the last users, of very many."""
    left = MOST_USERS
    for one in accounts.values():
        users = one.get("users", {})
        if len(users) > left:
            notes.miss(f"{len(users) - left} users", "accounting", f"only the first {MOST_USERS} shares are here")
            one["users"] = dict(list(users.items())[:left])
        left -= min(left, len(users))
    return accounts


def shares_of(values: Mapping[str, str]) -> int | str:
    """Return the shares of an account or a user; 1 if nothing is said."""
    text = values.get("fairshare", "1").lower()
    if text == "parent":
        return "parent"
    return min(int(text), MOST_SHARES) if re.fullmatch(r"\d{1,10}", text) else 1


def said_of(factors: Multifactor, missing: list[str]) -> dict[Slot, str]:
    """Return the commands that tell ``sacctmgr`` of qualities of service, accounts and users.

    Parameters
    ----------
    factors
        What jobs are ranked by.
    missing
        What Slurm has no word for is added to it.
    """
    found: dict[Slot, str] = {}
    for name, priority in factors.qos_priorities.items() if factors.qos else ():
        found["qos", name, ""] = f"Priority={_number(priority, f'multifactor.qos_priorities: {name}', missing)}"
    if not factors.fair_share:
        return found
    for name in _from_the_top(factors.accounts):
        account = factors.accounts[name]
        shares = _number(account.shares, f"multifactor.accounts: {name}", missing)
        parent = "" if account.parent is None else shlex.quote(f"parent={account.parent}") + " "
        found["account", name, ""] = f"{parent}Fairshare={shares}"
        for user, own in account.users.items():
            shares = _number(own, f"multifactor.accounts: {name}: {user}", missing)
            found["user", user, name] = f"Fairshare={shares}"
    return found


def _number(value: float | str, what: str, missing: list[str]) -> int | str:
    """Return a whole number, as Slurm has to have it."""
    if isinstance(value, str):
        return value
    if value != round(value):
        missing.append(f"{what}: {value:g} is no whole number")
    return round(value)


def _from_the_top(accounts: Mapping[str, Account]) -> Iterator[str]:
    """Yield accounts after those that they are a part of."""
    seen: set[str] = set()
    for name in accounts:
        chain: list[str] = []
        one: str | None = name
        while one is not None and one not in seen:
            seen.add(one)
            chain.append(one)
            one = accounts[one].parent
        yield from reversed(chain)
