"""What a search may choose of each pool: a number of nodes, and a type of node where the pool has several.

A choice is one number: by nodes first, then by type; where a pool has one type, it is the place of the number of nodes.
With one type chosen for each pool, a cluster is an ordinary one, a *variant*: what is known before replays is known of
variants.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pwsim.cluster import Cluster, Pool
from pwsim.metrics import NO_TRIM, Trim
from pwsim.prices import Economics
from pwsim.search.bounds import Bounds, analyse
from pwsim.search.candidates import Candidate, Candidates
from pwsim.search.holding import Holding
from pwsim.search.renting import ToCome
from pwsim.search.targets import Target
from pwsim.trace import Floats

Place = tuple[tuple[int, ...], int]
"""A setup: index of the choice of each pool, and of the procedure."""


class Option(NamedTuple):
    """A choice of a pool."""

    nodes: int
    """Number of nodes."""
    type: int
    """Place of the type of node among the pool's; 0 where it has one."""
    pool: Pool
    """The pool with nodes of that type."""

    @property
    def capacity(self) -> float:
        """Cores × speed of all nodes."""
        return self.nodes * self.pool.node.cores * self.pool.node.speed


def options(pool: Pool) -> tuple[Option, ...]:
    """Return the choices of a pool, by nodes, then by type."""
    types: tuple[Pool, ...] = pool.as_types
    return tuple(Option(nodes, place, one) for nodes in pool.nodes for place, one in enumerate(types))


def many(pool: Pool) -> int:
    """Return how many types of node a pool has to choose from, one at least."""
    return max(1, len(pool.types))


def count(pool: Pool) -> int:
    """Return how many choices a pool has."""
    return len(pool.nodes) * many(pool)


def largest(cluster: Cluster) -> tuple[int, ...]:
    """Return the choice with the most cores × speed of each pool."""
    every = [options(pool) for pool in cluster.pools]
    return tuple(max(range(len(some)), key=lambda one: some[one].capacity) for some in every)


def choice_of(cluster: Cluster, nodes: Mapping[str, int], types: Mapping[str, str]) -> tuple[int, ...]:
    """Return the choice of nodes and types, both by the name of the pool.

    Raises
    ------
    KeyError, ValueError
        If that is no choice of the cluster.
    """
    return tuple(
        pool.nodes.index(nodes[pool.name]) * many(pool) + (pool.type_index(types[pool.name]) if pool.types else 0)
        for pool in cluster.pools
    )


def told_choice(cluster: Cluster, told: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the choice of a row of ``setups.parquet``; errors as for :func:`choice_of`."""
    types = {pool.name: str(told[f"type_{pool.name}"]) for pool in cluster.pools if pool.types}
    return choice_of(cluster, {pool.name: told[f"nodes_{pool.name}"] for pool in cluster.pools}, types)


def types_of(cluster: Cluster, choice: Sequence[int]) -> dict[str, str]:
    """Return the name of the type that a choice has, by the name of the pool, of pools that have types."""
    chosen = zip(cluster.pools, choice, strict=True)
    return {pool.name: pool.types[one % len(pool.types)].name for pool, one in chosen if pool.types}


def types_told(cluster: Cluster, told: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return ``types`` as ``summary.json`` has it of a row of ``setups.parquet``; empty if no pool has several."""
    types = {pool.name: str(told[f"type_{pool.name}"]) for pool in cluster.pools if pool.types}
    return {"types": types} if types else {}


def order_of(cluster: Cluster, choice: Sequence[int]) -> tuple[int, ...]:
    """Return what decides between choices of equal cost, the least first: the nodes of the pools, then their types."""
    both = [divmod(one, many(pool)) for pool, one in zip(cluster.pools, choice, strict=True)]
    return (*(nodes for nodes, _ in both), *(place for _, place in both))


class Variant(NamedTuple):
    """A cluster with one type for each pool, and what is known of it before any replay."""

    types: tuple[int, ...]
    """Place of each pool's type."""
    cluster: Cluster
    """The cluster without types."""
    bounds: Bounds
    """Its bounds."""


class AllBounds(NamedTuple):
    """What is known before any replay of all setups of a cluster."""

    variants: tuple[Variant, ...]
    """The cluster with each choice of types."""

    @property
    def needed_cores(self) -> float:
        """Least sum of nodes × cores × speed over all pools, whatever types they have."""
        return min(one.bounds.needed_cores for one in self.variants)

    def cost_usd_per_year(self) -> list[Floats]:
        """Return by pool the least that each of its choices costs, shape (choices,) [USD a year].

        That is the least of all variants in which the pool has that type.
        """
        found = []
        for pool in range(len(self.variants[0].types)):
            by_type: dict[int, Floats] = {}
            for one in self.variants:
                usd, place = one.bounds.cost_usd_per_year[pool], one.types[pool]
                by_type[place] = np.minimum(by_type[place], usd) if place in by_type else usd
            found.append(np.column_stack([by_type[place] for place in sorted(by_type)]).ravel())
        return found

    def setups_up_to(self, usd_per_year: float) -> int:
        """Return how many choices have a cost bound of no more than this (:meth:`.Bounds.setups_up_to`)."""
        return sum(one.bounds.setups_up_to(usd_per_year) for one in self.variants)

    def of_types(self, choice: Sequence[int]) -> Variant:
        """Return the variant that a choice belongs to."""
        place = 0
        for pool, one in enumerate(choice):
            types = self.types_of(pool)
            place = place * types + one % types
        return self.variants[place]

    def to_come(self, choice: Sequence[int]) -> ToCome | None:
        """Return what a choice pays in any case while it is replayed; ``None`` if nothing is known of that."""
        renting = self.of_types(choice).bounds.renting
        if renting is None:
            return None
        return renting.to_come([one // self.types_of(pool) for pool, one in enumerate(choice)])

    def of_one_more(self, pool: int, choice: int) -> float:
        """Return the least that another node of a choice's type costs beyond the most of a pool [USD a year]."""
        mine = [one for one in self.variants if one.types[pool] == choice % self.types_of(pool)]
        return min(one.bounds.of_one_more(pool, one.cluster.pools[pool].nodes) for one in mine)

    def types_of(self, pool: int) -> int:
        """Return how many types a pool has."""
        return self.variants[-1].types[pool] + 1


def bounds_of(holding: Holding, targets: Sequence[Target], economics: Economics, trim: Trim = NO_TRIM) -> AllBounds:
    """Return what is known before any replay, for each choice of types; see :func:`.bounds.analyse`."""
    cluster = holding.cluster
    types = itertools.product(*(range(many(pool)) for pool in cluster.pools))
    each = [holding] if not cluster.typed else [Holding(holding.trace, one) for one in cluster.variants()]
    return AllBounds(
        tuple(
            Variant(places, one.cluster, analyse(one, targets, economics, trim))
            for places, one in zip(types, each, strict=True)
        )
    )


class AllCandidates:
    """The candidates of all variants in the order of their bounds, as :class:`.Candidates` has those of one."""

    def __init__(self, known: AllBounds) -> None:
        types = [known.types_of(pool) for pool in range(len(known.variants[0].types))]
        each = [_of_variant(one, types) for one in known.variants]
        self._all = each[0] if len(each) == 1 else heapq.merge(*each, key=lambda one: one.bound_usd_per_year)

    def take(self) -> Candidate | None:
        """Return the next candidate, which does not come again; ``None`` if there is none left."""
        return next(self._all, None)


def _of_variant(variant: Variant, types: Sequence[int]) -> Iterator[Candidate]:
    """Yield the candidates of a variant as choices of the whole cluster, whose pools have so many types."""
    candidates = Candidates(variant.cluster, variant.bounds)
    while (one := candidates.take()) is not None:
        choice = zip(one.choice, types, variant.types, strict=True)
        yield one._replace(choice=tuple(nodes * some + place for nodes, some, place in choice))


def in_space(cluster: Cluster) -> int:
    """Return the number of setups that a cluster's choices span."""
    return math.prod(count(pool) for pool in cluster.pools) * len(cluster.procedures)
