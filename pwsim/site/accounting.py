"""Slurm's accounts, users and qualities of service: what ``sacctmgr`` shows, dumps, or is told by a script.

References
----------
https://slurm.schedmd.com/sacctmgr.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pwsim.common import short

ALIASES = {
    "share": "fairshare", "shares": "fairshare", "maxtresperuser": "maxtrespu", "maxjobsperuser": "maxjobspu",
    "maxtresperaccount": "maxtrespa", "maxjobsperaccount": "maxjobspa", "maxsubmitjobsperuser": "maxsubmitpu",
    "maxsubmitjobspu": "maxsubmitpu", "maxsubmitperuser": "maxsubmitpu", "maxsubmitjobsperaccount": "maxsubmitpa",
    "maxsubmitjobspa": "maxsubmitpa", "maxsubmitjobs": "maxsubmit", "grpsubmitjobs": "grpsubmit",
    "maxtresperjob": "maxtres", "maxwalldurationperjob": "maxwall", "maxwalldurperjob": "maxwall", "qoslevel": "qos",
    "defaultqos": "defqos", "parentname": "parent", "parname": "parent", "maxcpusperuser": "maxcpuspu",
    "maxnodesperuser": "maxnodespu", "priority": "priority",
}  # fmt: skip
"""Other names of the same value, in small letters without blanks."""
_OLD = {
    "grpcpus": ("grptres", "cpu"),
    "grpnodes": ("grptres", "node"),
    "maxcpuspu": ("maxtrespu", "cpu"),
    "maxnodespu": ("maxtrespu", "node"),
    "maxcpus": ("maxtres", "cpu"),
    "maxnodes": ("maxtres", "node"),
}
"""How older versions call parts of a value."""


@dataclass
class Qos:
    """A quality of service: a class of jobs with a priority and limits; its values by their names in small letters."""

    name: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class Association:
    """An account, or a user in an account: its shares and limits by their names in small letters."""

    account: str
    user: str = ""
    parent: str = "root"
    partition: str = ""
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class Accounting:
    """All that was found; ``remarks`` are things noticed on reading."""

    qos: dict[str, Qos] = field(default_factory=dict)
    associations: dict[tuple[str, str, str], Association] = field(default_factory=dict)
    """By account, user and partition; the user is empty for an account itself."""
    cluster: dict[str, str] = field(default_factory=dict)
    """Values of the whole cluster (the root account)."""
    remarks: list[str] = field(default_factory=list)

    def of(self, account: str, user: str = "", partition: str = "") -> Association:
        """Return an association, made if need be."""
        key = (account, user, partition)
        return self.associations.setdefault(key, Association(account, user, partition=partition))

    def accounts(self) -> dict[str, Association]:
        """Return the accounts by name, with root if anything is there."""
        return {one.account: one for one in self.associations.values() if not one.user}

    def users(self) -> list[Association]:
        """Return the users in their accounts."""
        return [one for one in self.associations.values() if one.user]

    def below(self, account: str) -> list[str]:
        """Return an account and all accounts below it."""
        found = [account]
        for name in found:
            found += [
                one.account for one in self.accounts().values() if one.parent == name and one.account not in found
            ]
        return found


def key_of(name: str) -> str:
    """Return the name of a value as it is kept: ``Max TRES PU`` and ``MaxTRESPerUser`` are both ``maxtrespu``."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return ALIASES.get(plain, plain)


def put(values: dict[str, str], name: str, value: str) -> None:
    """Note a value; older names of parts of a value become that part, and -1 takes a limit away."""
    key = key_of(name)
    if key in _OLD:
        whole, part = _OLD[key]
        key, value = whole, ",".join(filter(None, (values.get(whole, ""), f"{part}={value}")))
    if value.strip() in ("-1", "") and key != "parent":
        values.pop(key, None)
    else:
        values[key] = value.strip()


def tres(text: str) -> dict[str, float]:
    """Return amounts of trackable resources by name; memory in MiB, and none for those taken away (-1).

    Raises
    ------
    ValueError
        If an amount is no number.

    Examples
    --------
    >>> tres("cpu=100,mem=2G,gres/gpu=4,node=-1")
    {'cpu': 100.0, 'mem': 2048.0, 'gres/gpu': 4.0}
    """
    found = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, amount = part.partition("=")
        number = re.fullmatch(r"(-?\d+(?:\.\d+)?)([KMGTP]?)", amount.strip(), flags=re.IGNORECASE)
        if not equals or number is None:
            raise ValueError(f"{part!r} is no amount of a resource such as cpu=100")
        what, value = name.strip().lower(), float(number[1])
        if number[2]:
            step = "KMGTP".index(number[2].upper())
            value *= 1024.0 ** (step - 1) if what == "mem" else 1000.0 ** (step + 1)
        if value >= 0:
            found[what] = value
    return found


def kind_of(text: str) -> str:
    """Return the kind of a text of ``sacctmgr``: ``dump``, ``script``, ``qos``, ``associations``, or nothing."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")][:50]
    if any(re.match(r"(Cluster|Parent|Account|User) - '", line) for line in lines):
        return "dump"
    if lines and lines[0].count("|") >= 2:
        heads = [key_of(name) for name in lines[0].split("|")]
        if "account" in heads and "user" in heads and "submit" not in heads:
            return "associations"
        return "qos" if "name" in heads and "priority" in heads else ""
    commands = [line for line in lines if re.match(_COMMAND, line, flags=re.IGNORECASE)]
    return "script" if commands and len(commands) * 2 > len(lines) else ""


_COMMAND = r"(sacctmgr\s+(-\S+\s+)*)?(add|create|modify|remove|delete|list|show)\s+\w+"


def read_into(accounting: Accounting, text: str, kind: str, file: str) -> None:
    """Add what a text says."""
    if kind == "dump":
        _dump(accounting, text, file)
    elif kind == "script":
        _script(accounting, text, file)
    elif kind in ("qos", "associations"):
        _table(accounting, text, kind, file)


def _dump(accounting: Accounting, text: str, file: str) -> None:
    parent = "root"
    for number, line in enumerate(text.splitlines(), start=1):
        head = re.match(r"\s*(Cluster|Parent|Account|User|QOS) - '([^']*)'(.*)", line)
        if head is None:
            if line.strip() and not line.lstrip().startswith("#"):
                accounting.remarks.append(f"{file}:{number}: {short(line.strip())!r} is not understood: left out")
            continue
        kind, name, rest = head.groups()
        values: dict[str, str] = {}
        for pair in re.finditer(r":([^:=']+)(?:=(?:'([^']*)'|([^:']*)))?", rest):
            put(values, pair[1], pair[2] if pair[2] is not None else pair[3] or "yes")
        if kind == "Cluster":
            accounting.cluster.update(values)
        elif kind == "Parent":
            parent = name
        elif kind == "Account":
            account = accounting.of(name)
            account.parent = parent
            account.values.update(values)
        elif kind == "User":
            accounting.of(parent, name, values.pop("partition", "")).values.update(values)
        else:
            accounting.qos.setdefault(name, Qos(name)).values.update(values)


def _table(accounting: Accounting, text: str, kind: str, file: str) -> None:
    lines = [line for line in text.splitlines() if line.strip()]
    heads = [key_of(name) for name in lines[0].split("|")]
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split("|")
        if len(cells) < len(heads):
            accounting.remarks.append(f"{file}:{number}: has {len(cells)} fields instead of {len(heads)}: left out")
            continue
        row = {head: cell.strip() for head, cell in zip(heads, cells, strict=False) if head}
        if kind == "qos":
            qos = accounting.qos.setdefault(row["name"], Qos(row["name"]))
            for head, cell in row.items():
                if head != "name":
                    put(qos.values, head, cell)
            continue
        if row["account"] == "root" and not row["user"]:
            target = accounting.cluster
        else:
            one = accounting.of(row["account"], row["user"], row.get("partition", ""))
            one.parent = row.get("parent") or one.parent
            target = one.values
        for head, cell in row.items():
            if head not in ("account", "user", "partition", "parent", "cluster"):
                put(target, head, cell)


def _script(accounting: Accounting, text: str, file: str) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{file}:{number}"
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            accounting.remarks.append(f"{place}: {short(line.strip())!r} cannot be read ({error}): left out")
            continue
        if words and words[0].rpartition("/")[2] == "sacctmgr":
            words = words[1:]
        words = [word for word in words if not word.startswith("-")]
        if words:
            _command(accounting, words, place)


_NAMES = ("name", "names", "account", "accounts", "acct", "user", "users", "cluster", "clusters", "partition",
          "partitions", "defaultaccount", "parent")  # fmt: skip
"""Keys that say whom a command is about."""


def _command(accounting: Accounting, words: list[str], place: str) -> None:
    verb, entity = words[0].lower(), words[1].lower().removesuffix("s") if len(words) > 1 else ""
    if verb in ("list", "show", "exit", "quit"):
        return
    entity = {"qo": "qos", "acct": "account"}.get(entity, entity)
    if verb not in ("add", "create", "modify", "remove", "delete") or entity not in (
        "qos",
        "cluster",
        "account",
        "user",
    ):
        accounting.remarks.append(f"{place}: {short(' '.join(words))!r} is not understood: left out")
        return
    about, values = _clauses(words[2:], set_at_once=verb in ("add", "create"))
    names = about.get("name", []) or about.get(entity, [])
    apply = {"qos": _of_qos, "account": _of_account, "user": _of_user, "cluster": _of_cluster}[entity]
    if not apply(accounting, verb, names, about, values):
        accounting.remarks.append(f"{place}: {short(' '.join(words))!r}: it is not clear what it is about: left out")


def _clauses(words: list[str], *, set_at_once: bool) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return whom a command is about, and the values that it sets."""
    about: dict[str, list[str]] = {}
    values: dict[str, str] = {}
    setting = set_at_once
    for word in words:
        key, equals, value = word.partition("=")
        if key.lower() in ("set", "where") and not equals:
            setting = key.lower() == "set"
        elif not equals:  # a name alone, such as `modify QOS set normal Priority=0`
            about.setdefault("name", []).extend(filter(None, key.split(",")))
        elif (not setting or set_at_once) and key.lower() in _NAMES:
            plain = {"names": "name", "acct": "account"}.get(key.lower(), key.lower())
            plain = plain.removesuffix("s") if plain != "qos" else plain
            about.setdefault(plain, []).extend(filter(None, value.split(",")))
        elif setting:
            put(values, key.rstrip("+-"), value)
    return about, values


def _of_qos(
    accounting: Accounting, verb: str, names: list[str], _: Mapping[str, list[str]], values: dict[str, str]
) -> bool:
    if verb in ("remove", "delete"):
        for name in names:
            accounting.qos.pop(name, None)
    else:
        for name in names:
            accounting.qos.setdefault(name, Qos(name)).values.update(values)
    return bool(names)


def _of_cluster(
    accounting: Accounting, verb: str, _: list[str], __: Mapping[str, list[str]], values: dict[str, str]
) -> bool:
    if verb not in ("remove", "delete"):
        accounting.cluster.update(values)
    return True


def _of_account(
    accounting: Accounting, verb: str, names: list[str], about: Mapping[str, list[str]], values: dict[str, str]
) -> bool:
    for name in names:
        if verb in ("remove", "delete"):
            accounting.associations = {k: one for k, one in accounting.associations.items() if one.account != name}
            continue
        account = accounting.of(name)
        account.parent = values.get("parent") or next(iter(about.get("parent", [])), account.parent)
        account.values.update({key: value for key, value in values.items() if key != "parent"})
    return bool(names)


def _of_user(
    accounting: Accounting, verb: str, names: list[str], about: Mapping[str, list[str]], values: dict[str, str]
) -> bool:
    accounts = about.get("account", []) or about.get("defaultaccount", [])
    if verb in ("remove", "delete"):
        gone = {(one.account, one.user) for one in accounting.users() if one.user in names}
        accounting.associations = {k: one for k, one in accounting.associations.items() if k[:2] not in gone}
        return bool(names)
    if verb == "modify":
        for one in _matching(accounting, names, accounts):
            one.values.update(values)
        return True
    for name in names:
        for account in accounts:
            accounting.of(account)
            for partition in about.get("partition", []) or [""]:
                accounting.of(account, name, partition).values.update(values)
    return bool(names) and bool(accounts)


def _matching(accounting: Accounting, users: list[str], accounts: list[str]) -> Iterator[Association]:
    for one in accounting.users():
        if (not users or one.user in users) and (not accounts or one.account in accounts):
            yield one
