"""A plain reading of the multifactor order (semantics §4), for the references: all is worked out anew from what jobs held.

It shares no code with pwsim.  What is promised is a tree of dictionaries, walked down from the top as Slurm's documentation
has it; what was used is a sum over attempts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis.errors import UnsatisfiedAssumption

CLOSE = 1e-9


class TooClose(UnsatisfiedAssumption):
    """Two numbers differ by so little that rounding decides who comes first: no page can tell."""


@dataclass
class Asks:
    """What the order knows of a job."""

    user: str = ""
    account: str = ""
    queue: str = ""
    qos: str = ""
    procs: int = 1
    memory: float = 0
    gpus: float = 0
    nodes: int = 1
    estimate: float = 1
    part: float = 0
    """What it takes of its pool or its partition's."""
    priority: float = 0
    """Of its partition, of 1."""
    billing: dict[str, float] | None = None
    """Of its partition."""
    has: dict[str, float] = field(default_factory=dict)
    """What its pool has, or its partition's, of each resource."""

    def of(self, resource: str) -> float:
        return {"cpu": self.procs, "mem": self.memory, "gpu": self.gpus, "node": self.nodes}[resource]


@dataclass(eq=False)
class Node:
    """One of the tree."""

    name: tuple[str, ...]
    shares: float | str
    is_user: bool = False
    below: list[Node] = field(default_factory=list)

    def users(self) -> list[Node]:
        return [self] if self.is_user else [user for one in self.below for user in one.users()]


Stay = tuple[Asks, float, float]
"""A job, and from when to when it held what it asked for."""


class Multifactor:
    """The order with its weights, which are those of a scenario."""

    def __init__(self, weights: dict[str, Any], asks: Iterable[Asks]) -> None:
        self.weights = weights
        self.tree = self.grow(list(asks))

    def grow(self, asks: list[Asks]) -> Node:
        accounts = self.weights["accounts"]
        top = Node((), 1)
        made = {"": top}

        def account(name: str) -> Node:
            if name not in made:
                said = accounts.get(name) or {"parent": None, "shares": 1}
                home = account(said["parent"] or "")
                made[name] = home
                if said["shares"] != "parent":
                    made[name] = Node((name,), said["shares"])
                    home.below.append(made[name])
            return made[name]

        users = {(one.account if accounts else "", one.user): self.weights["shares"].get(one.user, 1) for one in asks}
        for name, said in accounts.items():
            account(name)
            users |= {(name, user): shares for user, shares in said["users"].items()}
        for (name, user), shares in users.items():
            account(name).below.append(Node((name, user), shares, is_user=True))
        return top

    def name_of(self, asks: Asks) -> tuple[str, str]:
        return (asks.account if self.weights["accounts"] else "", asks.user)

    def bill(self, asks: Asks) -> float:
        billing = asks.billing or self.weights["billing"]
        if billing is None:
            return asks.procs
        of_memory = {"mem": 1 / 1024}
        counts = [weight * asks.of(name) * of_memory.get(name, 1) for name, weight in billing.items()]
        counted = max(counts) if self.weights["billing_by"] == "max" else sum(counts)
        return round(counted * 1024) / 1024

    def used(self, node: Node, now: float, stays: list[Stay]) -> float:
        """What a node has used, each second counting half as much one half-life later."""
        half = self.weights["half_life"]
        names = [user.name for user in node.users()]

        def count(asks: Asks, begin: float, end: float) -> float:
            end = min(end, now)
            faded = 2.0 ** ((end - now) / half) - 2.0 ** ((begin - now) / half)
            return self.bill(asks) * faded * half / math.log(2) if end > begin else 0.0

        return math.fsum(count(*stay) for stay in stays if self.name_of(stay[0]) in names)

    def part(self, used: float, total: float) -> float:
        return round(used / total * 2**40) / 2**40 if total else 0

    def shares(self, node: Node, beside: list[Node]) -> float:
        """S of a node, of 1."""
        if node.shares == "parent":
            return 1
        total = sum(float(one.shares) for one in beside if one.shares != "parent")
        return float(node.shares) / total if total else 0

    def fair_shares(self, now: float, stays: list[Stay]) -> dict[tuple[str, ...], float]:
        """The factor of each user."""
        if self.weights["calc_period"]:
            now = now // self.weights["calc_period"] * self.weights["calc_period"]
        found: dict[tuple[str, ...], float] = {}
        if self.weights["algorithm"] == "classic":
            self.classic(self.tree, 1, None, now, stays, found)
        else:
            ranks = self.rank(now, stays)
            found = {name: rank / len(ranks) for name, rank in ranks.items()}
        return found

    def classic(
        self,
        node: Node,
        promised: float,
        effective: float | None,
        now: float,
        stays: list[Stay],
        found: dict[Any, float],
    ) -> None:
        total = self.used(self.tree, now, stays)
        for one in node.below:
            share = self.shares(one, node.below)
            used = self.part(self.used(one, now, stays), total)
            own = used if effective is None else used + (effective - used) * share
            if one.shares == "parent":
                own = float(total > 0) if effective is None else effective
            if one.is_user:
                mine = promised * share
                found[one.name] = 2.0 ** -(own / mine / self.weights["damping"]) if mine else 0
            else:
                self.classic(one, promised * share, own, now, stays, found)

    def rank(self, now: float, stays: list[Stay]) -> dict[tuple[str, ...], int]:
        """The rank of each user, the first having the number of all."""
        levels: dict[Node, float] = {}

        def measure(node: Node) -> None:
            total = self.used(node, now, stays)
            for one in node.below:
                share, used = self.shares(one, node.below), self.part(self.used(one, now, stays), total)
                levels[one] = 0 if not share else math.inf if one.shares == "parent" or not used else share / used
                measure(one)

        measure(self.tree)
        ranks: dict[tuple[str, ...], int] = {}
        left = len(self.tree.users())

        def visit(beside: list[Node], tied: int | None) -> None:
            """Rank those beside one another; the first has a rank already if one who came before ties with them."""
            nonlocal left
            apart(levels[one] for one in beside)
            for level in sorted({levels[one] for one in beside}, reverse=True):
                here = [one for one in beside if levels[one] == level]
                for user in [one for one in here if one.is_user]:
                    tied = left if tied is None else tied
                    ranks[user.name] = tied
                    left -= 1
                visit([below for one in here if not one.is_user for below in one.below], tied)
                tied = None

        visit(self.tree.below, None)
        return ranks

    def fixed(self, asks: Asks) -> float:
        weights = self.weights
        part = asks.part
        if weights["size_relative_to_time"]:
            part /= max(1, asks.estimate / 60)
        priority = weights["size"] * part + weights["partition"] * asks.priority
        for name, called, known in (("queue", asks.queue, "queues"), ("qos", asks.qos, "qos_priorities")):
            most = max(weights[known].values(), default=0)
            priority += weights[name] * weights[known].get(called, 0) / most if most else 0
        for name, weight in weights["tres"].items():
            priority += weight * asks.of(name) / asks.has[name] if asks.has.get(name) else 0
        return float(priority)

    def priority(self, asks: Asks, waited: float, factors: dict[tuple[str, ...], float]) -> float:
        age = min(1, waited / self.weights["max_age"])
        share = factors[self.name_of(asks)]
        return float(self.weights["age"] * age + self.weights["fair_share"] * share + self.fixed(asks))


def apart(numbers: Iterable[float]) -> None:
    """Make sure that numbers are the same, or clearly not."""
    for less, more in itertools.pairwise(sorted(set(numbers))):
        if more < math.inf and more - less < CLOSE * max(1, abs(less)):
            raise TooClose
