"""What the multifactor order needs to know, as arrays (:mod:`pwsim.rules.multifactor`, semantics §4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pwsim.cluster import NO_DOOR, Cluster, Multifactor, doors, plans_anew, stated
from pwsim.rules import Ledger, Priorities, multifactor
from pwsim.trace import Floats, Integers, Trace

MIB_PER_GIB = 1024
MINUTE_S = 60.0
STEPS = 1024
"""What a job counts is rounded to so many steps a unit: such numbers add up exactly, whatever the order."""


class Node(NamedTuple):
    """An account or a user in the tree."""

    parent: int
    """Number of the one above."""
    shares: float | None
    """Shares among those beside; ``None`` for a user who counts as the account does."""


def together(cluster: Cluster) -> bool:
    """Return whether use counts in the cluster as a whole, not in each pool by itself (semantics §4)."""
    return bool(cluster.multifactor.accounts or stated(cluster) or plans_anew(cluster))


def priorities_of(
    trace: Trace, cluster: Cluster, ways: Sequence[Sequence[int]], door: Integers, need: Integers
) -> Priorities:
    """Return the jobs' priorities and the users' shares that the order needs; next to nothing under other orders.

    Parameters
    ----------
    trace, cluster
        The jobs, and the cluster without choices.
    ways
        The pools of each door, in the order in which jobs take them.
    door
        The door of each job; negative if it is rejected.
    need
        Units (cores or nodes) that each job takes there.
    """
    factors = cluster.multifactor
    ranks = cluster.the_policy().order == "multifactor"
    keeps = ranks and factors.fair_share > 0
    book = [0] * len(cluster.pools) if together(cluster) else list(range(len(cluster.pools)))
    nobody: tuple[Integers, list[list[int]], list[Node]] = (np.zeros(0, dtype=np.int64), [], [Node(0, 1.0)])
    user, above, tree = _tree(trace, factors) if keeps else nobody
    nodes = _nodes(trace, cluster, ways, door, need) if ranks else need
    return Priorities(
        age=float(factors.age),
        max_age_s=float(factors.max_age),
        fair_share=float(factors.fair_share) if keeps else 0.0,
        fixed=_fixed(trace, cluster, ways, door, need, nodes) if ranks else np.zeros(0),
        user=user,
        bill=_bill(trace, cluster, nodes) if keeps else np.zeros(0),
        book=np.array(book, dtype=np.int64),
        ledger=_ledger(above, tree, factors if keeps else Multifactor(), 1 + max(book)),
    )


# -- what does not change while a job waits


def _fixed(
    trace: Trace, cluster: Cluster, ways: Sequence[Sequence[int]], door: Integers, need: Integers, nodes: Integers
) -> Floats:
    """Return the part of each job's priority that size, queue, partition, quality of service and resources add."""
    factors, counts = cluster.multifactor, cluster.node_counts()
    units = np.array([sum(counts[one] * cluster.pools[one].units_per_node() for one in way) for way in ways])
    fixed = np.zeros(len(trace))
    served = door >= 0
    part = np.zeros(len(trace))
    part[served] = need[served] / units[door[served]]
    cores = np.array([sum(_has(cluster, one, "cpu") * counts[one] for one in way) for way in ways])
    packed = np.array([cluster.pools[way[0]].placement == "packed" for way in ways], dtype=bool)
    shared = served & packed[door]  # a job there takes a part of each of its nodes: Slurm looks at nodes and at cores
    part[shared] = (part[shared] + trace.procs[shared] / cores[door[shared]]) / 2.0
    if factors.size_relative_to_time:
        part /= np.maximum(1.0, trace.estimate_s / MINUTE_S)
    fixed += factors.size * part
    fixed += factors.queue * _by_name(trace.queue, factors.queues)
    fixed += factors.qos * _by_name(trace.qos, factors.qos_priorities)
    if factors.partition:
        priority = [one.priority for one in cluster.partitions]
        most = max(priority, default=0.0) or 1.0
        fixed += (
            factors.partition * np.array([one / most for one in (*priority, 0.0)])[doors(trace, cluster.partitions)]
        )
    asked = {"cpu": trace.procs, "mem": trace.memory_mib, "gpu": trace.gpus, "node": nodes}
    for name, amount in asked.items():
        weight = getattr(factors.tres, name)
        if weight:
            total = np.array([sum(_has(cluster, one, name) * counts[one] for one in way) for way in ways])
            there = served & (total[door] > 0)
            fixed[there] += weight * (amount[there] / total[door[there]])
    return fixed


def _has(cluster: Cluster, pool: int, resource: str) -> float:
    """Return the amount of a resource on a node of a pool."""
    node = cluster.pools[pool].node
    return float({"cpu": node.cores, "mem": node.whole_memory, "gpu": node.gpus, "node": 1}[resource])


def _by_name(column: pd.Categorical, priorities: Mapping[str, float]) -> Floats:
    """Return the priority of what a column names, of 1, shape (jobs,)."""
    most = max(priorities.values(), default=0.0)
    if not most:
        return np.zeros(len(column))
    by_code: Floats = np.array([priorities.get(str(name), 0.0) / most for name in (*column.categories, "")])
    named: Floats = by_code[column.codes]
    return named


def _nodes(trace: Trace, cluster: Cluster, ways: Sequence[Sequence[int]], door: Integers, need: Integers) -> Integers:
    """Return how many nodes each job asks for; in bags of cores, what it had or its processors fill."""
    first = [cluster.pools[way[0]] for way in ways]
    cores = np.array([one.node.cores for one in first])[door]
    whole = np.array([one.placement != "cores" for one in first])[door]
    nodes: Integers = np.where(whole, need, np.maximum(trace.nodes, -(-trace.procs // cores)))
    return nodes


# -- what a job counts


def _bill(trace: Trace, cluster: Cluster, nodes: Integers) -> Floats:
    """Return the use that each job counts as while it runs [processors]."""
    factors = cluster.multifactor
    bill = trace.procs.astype(np.float64)
    through = doors(trace, cluster.partitions)
    weights = [one.billing or factors.billing for one in cluster.partitions]
    for partition, billing in ((NO_DOOR, factors.billing), *enumerate(weights)):
        if billing is None:
            continue
        counts = np.array(
            (
                billing.cpu * trace.procs,
                billing.mem * trace.memory_mib / MIB_PER_GIB,
                billing.gpu * trace.gpus,
                billing.node * nodes,
            )
        )
        counted = counts.max(axis=0) if factors.billing_by == "max" else counts.sum(axis=0)
        bill = np.where(through == partition, np.round(counted * STEPS) / STEPS, bill)
    return bill


# -- users and accounts


def _ledger(above: Sequence[Sequence[int]], nodes: Sequence[Node], factors: Multifactor, books: int) -> Ledger:
    """Return the promised shares of all users, none of whom has used anything."""
    users = len(above)
    beside = np.zeros(len(nodes))
    for node in nodes[1:]:
        beside[node.parent] += node.shares or 0.0
    share, promised = np.ones(len(nodes)), np.ones(len(nodes))
    for number, node in enumerate(nodes[1:], 1):
        if node.shares is not None:
            share[number] = node.shares / (beside[node.parent] or 1.0)
        promised[number] = promised[node.parent] * share[number]
    levels = max(map(len, above), default=0)
    chains = np.full((users, levels), multifactor.NOBODY_BELOW)
    for number, chain in enumerate(above):
        chains[number, : len(chain)] = chain
    return Ledger(
        fair_tree=factors.algorithm == "fair_tree",
        damping=float(factors.damping),
        decay_per_s=math.log(2.0) / factors.half_life,
        period_s=float(factors.calc_period),
        users=users,
        levels=levels,
        above=chains.ravel(),
        parent=np.array([node.parent for node in nodes], dtype=np.int64),
        share=share,
        promised=promised,
        as_account=np.array([node.shares is None for node in nodes]),
        usage=np.zeros(books * len(nodes)),
        using=np.zeros(books * len(nodes)),
        since_s=np.zeros(books * len(nodes)),
        before=np.zeros(books * len(nodes)),
        before_s=np.full(books * len(nodes), multifactor.NEVER),
        factor=np.zeros(books * users),
        known_s=np.full(books * users, multifactor.NEVER),
        ranked=np.tile(np.arange(users), books),
        level=np.zeros(len(nodes)),
    )


def _tree(trace: Trace, factors: Multifactor) -> tuple[Integers, list[list[int]], list[Node]]:
    """Return the number of each job's user, those above each user from the top on, itself last, and all of the tree."""
    users = [*map(str, trace.user.categories), ""]
    accounts = [*map(str, trace.user_group.categories), ""] if factors.accounts else [""]
    code = trace.user_group.codes.astype(np.int64) % len(accounts) if factors.accounts else 0
    pairs, pair_of = np.unique(code * len(users) + trace.user.codes % len(users), return_inverse=True)
    names = [(accounts[pair // len(users)], users[pair % len(users)]) for pair in pairs.tolist()]
    known: dict[tuple[str, str], float | None] = {one: factors.shares.get(one[1], 1.0) for one in names}
    for account, said in factors.accounts.items():
        known |= {(account, name): None if one == "parent" else one for name, one in said.users.items()}
    nodes, places = _accounts(factors, [account for account, _ in known])
    above = []
    for (account, _), shares in known.items():
        chain = places[account]
        nodes.append(Node(chain[-1] if chain else 0, shares))
        above.append([*chain, len(nodes) - 1])
    numbers = {one: number for number, one in enumerate(known)}
    return np.array([numbers[one] for one in names], dtype=np.int64)[pair_of], above, nodes


def _accounts(factors: Multifactor, users: Sequence[str]) -> tuple[list[Node], dict[str, list[int]]]:
    """Return the top of the tree and its accounts, and which are above the users of each, from the top on.

    Accounts whose shares are ``parent`` are not in it: those in them count as those of the account above.
    """
    nodes, places = [Node(0, 1.0)], {"": list[int]()}

    def add(name: str) -> list[int]:
        if name not in places:
            said = factors.accounts.get(name)
            chain = add(said.parent) if said is not None and said.parent is not None else []
            shares = 1.0 if said is None else said.shares
            if shares != "parent":
                nodes.append(Node(chain[-1] if chain else 0, float(shares)))
                chain = [*chain, len(nodes) - 1]
            places[name] = chain
        return places[name]

    for name in dict.fromkeys((*factors.accounts, *users)):
        add(name)
    return nodes, places


# -- for engines that change what they are given


def copied(record: Any) -> Any:
    """Return the same with arrays of its own."""
    if isinstance(record, tuple):
        return type(record)(*map(copied, record))
    return record.copy() if isinstance(record, np.ndarray) else record


def of_pool(priorities: Priorities, pool: int, here: Any) -> Priorities:
    """Return the priorities of one pool: those of the jobs that are ``here``, and one book of use."""
    if not len(priorities.fixed):
        return NOTHING
    book, ledger = priorities.book[pool], priorities.ledger
    rows: dict[str, Any] = {}
    for names, many in (
        (("usage", "using", "since_s", "before", "before_s"), len(ledger.parent)),
        (("factor", "known_s", "ranked"), ledger.users),
    ):
        rows |= {name: getattr(ledger, name)[book * many : (book + 1) * many] for name in names}
    mine = {
        name: getattr(priorities, name)[here] for name in ("fixed", "user", "bill") if len(getattr(priorities, name))
    }
    alone: Priorities = copied(
        priorities._replace(book=np.zeros(1, dtype=np.int64), ledger=ledger._replace(**rows), **mine)
    )
    return alone


NOTHING = Priorities(
    age=0.0, max_age_s=1.0, fair_share=0.0, fixed=np.zeros(0), user=np.zeros(0, dtype=np.int64), bill=np.zeros(0),
    book=np.zeros(1, dtype=np.int64), ledger=_ledger([], [Node(0, 1.0)], Multifactor(), 1),
)  # fmt: skip
"""What is known under other orders; all that is known is of these kinds."""
