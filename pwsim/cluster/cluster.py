"""What is simulated: pools of nodes in the order in which jobs prefer them, and the policy (semantics §4, §5).

Where a scenario gives choices, ``nodes`` and ``policy`` hold them all; :meth:`Cluster.at` picks one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from pwsim.cluster import rejections, site_rules
from pwsim.cluster.accepts import one_or_many
from pwsim.cluster.admission import admission
from pwsim.cluster.choices import MOST_NODES, Policies
from pwsim.cluster.hours import HoursAlternatives
from pwsim.cluster.limits import LimitAlternatives
from pwsim.cluster.multifactor import Multifactor
from pwsim.cluster.outages import Outage
from pwsim.cluster.partitions import Partition
from pwsim.cluster.pools import OnPremisesPool, Pool
from pwsim.cluster.site_rules import Scheduler
from pwsim.common import FaultsError, Frozen, InputError, card, expect
from pwsim.rules import Policy, custom
from pwsim.trace import Trace

MOST_VARIANTS = 1_000
"""Choices of types of all pools together; with more, types are refused."""


class Procedure(NamedTuple):
    """How the pools of a setup are run."""

    policy: Policy
    """How every pool schedules."""
    limits: int = 0
    """Place among the alternatives of limits."""
    hours: int = 0
    """Place among the alternatives of hours."""


class Cluster(Frozen):
    """An ordered list of pools under a policy."""

    policy: Policies = Field(default=(Policy("fcfs", "easy"),), json_schema_extra={"default": "easy"})
    """Policy, or the choices of the search in the order of preference."""
    overrun: Literal["allow", "kill"] = "allow"
    """Whether a job may run past its estimate, or is killed then (semantics §3)."""
    depth: int | None = Field(default=None, ge=1, le=10**9)
    """How many jobs of the queue a backfill rule looks at (semantics §4); all if left out."""
    multifactor: Multifactor = Multifactor()
    """Weights of the ``multifactor`` order, and what users are promised."""
    pools: Annotated[tuple[Pool, ...], BeforeValidator(one_or_many)] = Field(min_length=1, max_length=100)
    """The pools; jobs prefer them in this order."""
    partitions: tuple[Partition, ...] = Field(default=(), strict=False, max_length=100)
    """Doors to the pools, which share one queue; the rules from here on are those of the site (semantics §9)."""
    limits: LimitAlternatives = ((),)
    """Limits on what runs at once for each user, account, quality of service or partition; or ``{choices: [[…], []]}``,
    alternatives for the search."""
    hours: HoursAlternatives = ((),)
    """Hours of the week at which classes of jobs may start; or ``{choices: [[…], []]}``, as for limits."""
    outages: tuple[Outage, ...] = Field(default=(), strict=False, max_length=10_000)
    """Known times in which nodes are away."""
    scheduler: Scheduler = Scheduler()
    """The scheduler's own time."""
    preemption: bool = False
    """Whether jobs of partitions of higher tiers interrupt those of lower ones."""
    dependencies: Literal["log"] | None = None
    """``log``: jobs wait for the end of those that they waited for by the log, and of an array run at most as many at
    once as it tells; nobody waits for others if left out."""

    _folder: Path = PrivateAttr(default=Path())

    @property
    def folder(self) -> Path:
        """Where files start that a policy names: the scenario's folder."""
        return self._folder

    @model_validator(mode="after")
    def _burst_to_later_pools(self) -> Self:
        if self.pools[0].burst_after is not None:
            raise ValueError("burst_after is for pools after the first: jobs come from the pools before")
        return self

    @model_validator(mode="after")
    def _offered_policies(self) -> Self:
        self.check_policies()
        return self

    def check_policies(self) -> None:
        """Check that each policy is offered for all pools (semantics §5).

        Raises
        ------
        ValueError
            If one is not.
        """
        packed = [pool.name for pool in self.pools if pool.placement == "packed"]
        unfit = [str(policy) for policy in self.policy if not policy.rule.packed]
        if packed and unfit:
            raise ValueError(
                f"pool {packed[0]!r} has placement: packed, where policy {unfit[0]!r} is not offered; use easy"
            )

    @model_validator(mode="after")
    def _distinct_names(self) -> Self:
        names = [pool.name for pool in self.pools]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"pool names must differ; {twice[0]!r} occurs {names.count(twice[0])} times")
        return self

    @model_validator(mode="after")
    def _rules_go_together(self) -> Self:
        if math.prod(len(pool.types) or 1 for pool in self.pools) > MOST_VARIANTS:
            raise ValueError(f"the types of the pools allow more than {MOST_VARIANTS:,} choices; give fewer types")
        found = [fault for one in self.variants() for fault in site_rules.faults(one)]
        if found:
            raise FaultsError(list(dict.fromkeys(found)))
        return self

    @classmethod
    def homogeneous(
        cls, cores: int, policy: str | Policy = "easy", overrun: str = "allow", depth: int | None = None
    ) -> Cluster:
        """Return one pool of ``cores`` single-core nodes, as SWF logs assume.

        Raises
        ------
        TypeError, InputError
            If a value is wrong.
        """
        expect(cores, (int, np.integer), "cores", "a whole number of cores, such as 128")
        if not 0 <= cores <= MOST_NODES:
            raise InputError(f"cores must be a whole number from 1 to {MOST_NODES:,} (got {cores})")
        pool = {"name": "machine", "kind": "on_premises", "nodes": cores, "node": {"cores": 1}}
        machine: dict[str, Any] = {"policy": policy, "overrun": overrun, "depth": depth, "pools": [pool]}
        return cls(**machine)

    @property
    def procedures(self) -> tuple[Procedure, ...]:
        """What a search chooses beside nodes: policies, and alternatives of limits and hours, all with all."""
        limits, hours = range(len(self.limits)), range(len(self.hours))
        return tuple(Procedure(*one) for one in itertools.product(self.policy, limits, hours))

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Which rules of the site have alternatives."""
        return tuple(key for key in ("limits", "hours") if len(getattr(self, key)) > 1)

    @property
    def typed(self) -> bool:
        """Whether some pool has types of node to choose from."""
        return any(pool.types for pool in self.pools)

    def variants(self) -> list[Cluster]:
        """Return the cluster with every choice of types, one a pool, the last pool's changing first; itself without."""
        if not self.typed:
            return [self]
        return [
            self.model_copy(update={"pools": pools})
            for pools in itertools.product(*(one.as_types for one in self.pools))
        ]

    def at(
        self,
        nodes: Mapping[str, int],
        policy: Policy,
        limits: int = 0,
        hours: int = 0,
        types: Mapping[str, str] | None = None,
    ) -> Cluster:
        """Return the cluster with one node count for each pool (by name), one policy, and one of its alternatives.

        Parameters
        ----------
        nodes, policy
            The choice.
        limits, hours
            Places among the alternatives of limits and hours, if there are any.
        types
            The type of node by the name of the pool, of those that have several; of others that are left out, none is
            chosen yet.

        Raises
        ------
        ValueError
            If the policy is not offered for one of the pools, or a pool has no such type.
        """
        types = types or {}
        chosen = (
            pool.as_types[pool.type_index(types[pool.name])] if pool.name in types else pool for pool in self.pools
        )
        pools = tuple(pool.model_copy(update={"nodes": (nodes[pool.name],)}) for pool in chosen)
        rules = {"limits": (self.limits[limits],), "hours": (self.hours[hours],)}
        picked = self.model_copy(update={"pools": pools, "policy": (policy,), **rules})
        picked.check_policies()  # it may be another than those that were checked
        return picked

    def _repr_html_(self) -> str:
        """Return the cluster as a small table, for notebooks."""
        heads = ("pool", "kind", "nodes", "cores", "GPUs", "placement")
        rows = [
            (
                one.name,
                one.kind,
                _choices(one.nodes),
                " or ".join(str(pool.node.cores) for pool in one.as_types),
                " or ".join(str(pool.node.gpus) for pool in one.as_types),
                one.placement,
            )
            for one in self.pools
        ]
        return card(f"Cluster under {' or '.join(map(str, self.policy))}", rows, heads)

    def __eq__(self, other: object) -> bool:
        """Tell whether all values are the same, and code that policies name is that of one file."""
        named = any(policy.code for policy in self.policy)
        same_code = not named or (isinstance(other, Cluster) and self.folder == other.folder)
        return same_code and super().__eq__(other)

    __hash__ = Frozen.__hash__

    @property
    def steady(self) -> bool:
        """Whether pools are bags, always up, and every job stays where it was routed: then pools do not meet."""
        return site_rules.only_doors(self) and not any(
            pool.elastic or pool.fails or pool.burst_after is not None or pool.placement == "packed"
            for pool in self.pools
        )

    @property
    def by_the_hour(self) -> bool:
        """Whether the price of electricity depends on the hour somewhere."""
        every = itertools.chain.from_iterable(pool.as_types for pool in self.pools)
        owned = [pool.cost for pool in every if isinstance(pool, OnPremisesPool) and pool.cost is not None]
        return any(isinstance(cost.electricity_usd_per_kwh, tuple) for cost in owned)

    def unpriced(self) -> list[int]:
        """Return the numbers of the pools that do not say what they cost."""
        return [
            index
            for index, pool in enumerate(self.pools)
            if any(isinstance(one, OnPremisesPool) and one.cost is None for one in pool.as_types)
        ]

    def node_counts(self) -> tuple[int, ...]:
        """Return the number of nodes of each pool.

        Raises
        ------
        ValueError
            If a pool still has several choices, or types of node to choose from; pick one with :meth:`at`.
        """
        for pool in self.pools:
            if pool.types:
                raise ValueError(f"pool {pool.name!r} has types of node to choose from; pick one with Cluster.at")
            if len(pool.nodes) != 1:
                raise ValueError(f"pool {pool.name!r} has {len(pool.nodes)} choices of nodes; pick one with Cluster.at")
        return tuple(pool.nodes[0] for pool in self.pools)

    def rejections(self, trace: Trace) -> dict[str, npt.NDArray[np.bool_]]:
        """Return which jobs no pool takes, by reason, each of shape (jobs,); semantics §5, §9.

        Limits and hours are left aside: a replay tells (:attr:`pwsim.Result.rejections`).
        The reasons are those of :data:`.rejections.REJECTIONS`; a job counts under the first that is true.

        Raises
        ------
        ValueError
            If a pool still has several choices of nodes.
        """
        if self.partitions:
            reason = admission(trace, self).reason
            return {name: reason == number for number, name in enumerate(rejections.REJECTIONS)}
        return rejections.rejections(trace, list(zip(self.node_counts(), self.pools, strict=True)))

    def code(self) -> list[str]:
        """Say which code the policies name, without running it.

        Raises
        ------
        InputError
            If a file cannot be read, or has no such function.
        """
        try:
            return [
                custom.describe(self.folder / file, name)
                for file, name in filter(None, (one.code for one in self.policy))
            ]
        except ValueError as error:
            raise InputError(str(error)) from None

    def code_texts(self) -> list[str]:
        """Return the files of code that the policies name, as text."""
        return [(self.folder / file).read_text("utf-8") for file, _ in filter(None, (one.code for one in self.policy))]

    def the_policy(self) -> Policy:
        """Return the one policy.

        Raises
        ------
        ValueError
            If there are several choices; pick one with :meth:`at`.
        """
        if len(self.policy) != 1:
            raise ValueError(f"the cluster has {len(self.policy)} choices of policy; pick one with Cluster.at")
        return self.policy[0]


def _choices(nodes: tuple[int, ...]) -> str:
    """Return numbers of nodes in few words."""
    few = len(nodes) <= 5
    return ", ".join(map(str, nodes)) if few else f"{nodes[0]} to {nodes[-1]} ({len(nodes)} choices)"
