"""What is simulated: pools of nodes, what they cost, the policy (semantics §4, §5, §8).

The classes are the scenario file's keys and the objects used everywhere else: frozen, and unknown keys are
refused.  Where a scenario gives choices, ``nodes`` and ``policy`` hold them all; :meth:`Cluster.at` picks one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from pwsim.errors import InputError
from pwsim.money import Commitment, Grams, OnPremisesCost, RentUsd, Usd
from pwsim.prices import MARKETS, Offer, find_price
from pwsim.rules import Policy, custom
from pwsim.rules.packing import MOST_GPUS, WHOLE
from pwsim.trace import Integers, Trace
from pwsim.units import DAY_S, HOUR_S, Frozen, Mebibytes, PositiveSeconds, Seconds

MOST_NODES = 1_000_000
"""Node counts beyond this are refused as mistakes."""
MOST_CHOICES = 10_000
"""Choices of one pool's node count beyond this are refused: take a larger step."""


def _parse_choices(value: object) -> tuple[int, ...]:
    """Return the node counts that a number, a list or a range stands for, increasing."""
    if isinstance(value, tuple | list) and value:
        numbers: Iterable[object] = value
    elif isinstance(value, Mapping):
        numbers = _parse_range(value)
    else:
        numbers = [value]
    counts = set()
    for number in numbers:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MOST_NODES:
            raise ValueError(
                f"must be a number of nodes from 0 to {MOST_NODES:,}, a list of such numbers, "
                f"or a range such as {{min: 10, max: 40, step: 2}}; {_short(number)} is not"
            )
        counts.add(number)
    return tuple(sorted(counts))


def _parse_range(value: Mapping[Any, object]) -> range:
    wanted = "a range has the keys min (0 if left out), max and step (1 if left out), all whole numbers"
    if unknown := [key for key in value if key not in ("min", "max", "step")]:
        raise ValueError(f"unknown key {_short(unknown[0])}; {wanted}")
    low, high, step = value.get("min", 0), value.get("max"), value.get("step", 1)
    for key, number, least in (("min", low, 0), ("max", high, 0), ("step", step, 1)):
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= MOST_NODES:
            raise ValueError(f"{key} must be a whole number from {least} to {MOST_NODES:,}; {wanted}")
    assert isinstance(low, int)
    assert isinstance(high, int)
    assert isinstance(step, int)
    if low > high:
        raise ValueError(f"min ({low}) must not be above max ({high})")
    choices = range(low, high + 1, step)
    if len(choices) > MOST_CHOICES:
        raise ValueError(f"{len(choices):,} choices are more than {MOST_CHOICES:,}; take a larger step")
    return choices


def _parse_policies(value: object) -> tuple[Policy, ...]:
    """Return the policies that a name or a list of names stands for, in the order of the list."""
    names = list(value) if isinstance(value, tuple | list) else [value]
    if not names:
        raise ValueError("must name at least one policy")
    policies = []
    for name in names:
        if isinstance(name, Policy):
            policies.append(name)
        elif isinstance(name, str):
            policies.append(Policy.parse(name))
        else:
            raise ValueError(f"must be the name of a policy, or a list of names; {_short(name)} is not")  # noqa: TRY004
    return tuple(dict.fromkeys(policies))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_COUNT = {"type": "integer", "minimum": 0, "maximum": MOST_NODES}
_CHOICES_SCHEMA = {
    "anyOf": [
        _COUNT,
        {"type": "array", "items": _COUNT, "minItems": 1},
        {
            "type": "object",
            "properties": {"min": _COUNT, "max": _COUNT, "step": {"type": "integer", "minimum": 1}},
            "required": ["max"],
            "additionalProperties": False,
        },
    ]
}
_POLICY_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}

Choices = Annotated[tuple[int, ...], BeforeValidator(_parse_choices), WithJsonSchema(_CHOICES_SCHEMA)]
Policies = Annotated[
    tuple[Policy, ...],
    BeforeValidator(_parse_policies),
    WithJsonSchema({**_POLICY_SCHEMA, "examples": ["easy", ["fcfs", "easy", "sjf-easy"]]}),
]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]


def _one_or_many(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_one_or_many),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Limits(Frozen):
    """A lower and an upper limit, either of which may be left out."""

    at_least: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """The smallest value that is accepted."""
    at_most: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """The largest value that is accepted."""

    def admit(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Return for each value whether it is within the limits."""
        within = np.ones(len(values), dtype=bool)
        if self.at_least is not None:
            within &= values >= self.at_least
        if self.at_most is not None:
            within &= values <= self.at_most
        return within


class MemoryLimits(Limits):
    """Limits on memory [MiB]."""

    at_least: Mebibytes | None = None
    """The smallest memory that is accepted [MiB]."""
    at_most: Mebibytes | None = None
    """The largest memory that is accepted [MiB]."""


class Accepts(Frozen):
    """Which jobs a pool takes; what is left out does not matter."""

    procs: Limits | None = None
    """Limits on the processors of a job."""
    gpus: Limits | None = None
    """Limits on the GPUs of a job, parts of one included: ``{at_least: 0.001}`` for jobs with GPUs, ``{at_most: 0}``
    for those without."""
    memory: MemoryLimits | None = None
    """Limits on the memory of a job."""
    queue: Names | None = None
    """Queues of the log whose jobs are taken."""
    user: Names | None = None
    """Users whose jobs are taken."""

    def admit(self, trace: Trace) -> npt.NDArray[np.bool_]:
        """Return for each job of the trace whether it is accepted, shape (jobs,)."""
        admitted = np.ones(len(trace), dtype=bool)
        if self.procs is not None:
            admitted &= self.procs.admit(trace.procs)
        if self.gpus is not None:
            admitted &= self.gpus.admit(trace.gpus)
        if self.memory is not None:
            admitted &= self.memory.admit(trace.memory_mib)
        if self.queue is not None:
            admitted &= np.asarray(trace.queue.isin(self.queue))
        if self.user is not None:
            admitted &= np.asarray(trace.user.isin(self.user))
        return admitted


class Node(Frozen):
    """What one node has."""

    cores: int = Field(ge=1, le=1_000_000)
    """Processors (cores) of a node."""
    memory: Mebibytes | None = None
    """Memory of a node [MiB]; where it is left out, memory is not looked at."""
    gpus: int = Field(default=0, ge=0, le=1024)
    """GPUs of a node."""
    speed: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)
    """Run times are divided by this (semantics §5)."""

    @property
    def whole_memory(self) -> int:
        """Memory in whole MiB, at least one; 0 where it is not looked at."""
        return 0 if self.memory is None else max(1, int(self.memory))


def milli_gpus(trace: Trace) -> Integers:
    """Return the GPUs of each job in thousandths, rounded up, shape (jobs,)."""
    # 0.57 GPUs are 570 thousandths, though the product of floats may be a little more: that much is rounding.
    milli: Integers = np.ceil(np.round(trace.gpus * WHOLE, 6)).astype(np.int64)
    return milli


class PoolBase(Frozen):
    """What on-premises and cloud pools have in common."""

    name: Name
    """Name of the pool: letters, digits, ``_`` and ``-``."""
    nodes: Choices
    """Number of nodes: a number, or the choices of the search as a list or ``{min, max, step}``."""
    placement: Literal["cores", "nodes", "packed"] = "cores"
    """``cores``: a bag of processors; ``nodes``: a job takes whole nodes; ``packed``: jobs share nodes by cores, memory
    and GPUs, parts of a GPU included (semantics §5)."""
    accepts: Accepts = Accepts()
    """Which jobs the pool takes; a job goes to the first pool that accepts it and could hold it."""
    node: Node
    """What one node has."""
    burst_after: Seconds | None = None
    """Jobs of pools before this one come here once they have waited this long [s]; never if left out (semantics §5)."""
    checkpoint_interval: PositiveSeconds | None = None
    """Interval between checkpoints [s]; an interrupted job keeps what it did until the last (semantics §6)."""
    restart_overhead: Seconds = 0.0
    """What a restart costs before work goes on [s]."""
    max_restarts: int = Field(default=10, ge=0, le=10**6)
    """Restarts after which the next interruption ends a job as ``failed``."""

    @property
    def elastic(self) -> bool:
        """Whether nodes are launched and shut down with demand (semantics §6)."""
        return False

    @property
    def fails(self) -> bool:
        """Whether nodes fail and are repaired (semantics §6)."""
        return False

    @property
    def interrupted(self) -> bool:
        """Whether jobs may be interrupted."""
        return self.fails

    @model_validator(mode="after")
    def _can_be_packed(self) -> Self:
        if self.placement == "packed" and self.node.gpus > MOST_GPUS:
            raise ValueError(f"placement: packed is for nodes of at most {MOST_GPUS} GPUs (got {self.node.gpus})")
        return self

    def units_per_node(self) -> int:
        """Return what a node adds to the bag that jobs draw from: its cores, or itself (semantics §5)."""
        return self.node.cores if self.placement == "cores" else 1

    def need(self, trace: Trace) -> Integers:
        """Return the units that each job takes here, shape (jobs,); semantics §5.

        Cores or whole nodes; in a ``packed`` pool shares, each on a node of its own.
        """
        procs: Integers = trace.procs
        if self.placement == "cores":
            return procs
        needs = [np.maximum(trace.nodes, 1), -(-procs // self.node.cores)]
        if self.node.memory is not None:
            needs.append(-(-trace.memory_mib // self.node.whole_memory))
        if self.node.gpus:
            needs.append(-(-milli_gpus(trace) // (WHOLE * self.node.gpus)))
        most: Integers = np.maximum.reduce(needs)
        return most

    def shares(self, trace: Trace) -> tuple[Integers, Integers, Integers]:
        """Return cores, memory [MiB] and thousandths of a GPU of each job's shares in a ``packed`` pool; semantics §5.

        All are rounded up, from one GPU on to whole GPUs.
        """
        count, milli = self.need(trace), milli_gpus(trace)
        part = -(-milli // count)
        return (
            -(-trace.procs // count),
            -(-trace.memory_mib // count) if self.node.memory is not None else np.zeros_like(count),
            np.where(part < WHOLE, part, -(-milli // (WHOLE * count)) * WHOLE),
        )

    def admits(self, trace: Trace) -> npt.NDArray[np.bool_]:
        """Return for each job whether the pool accepts it, and would hold it if it were large enough."""
        admitted = self.accepts.admit(trace)
        if self.placement == "cores" or not self.node.gpus:
            admitted &= trace.gpus <= 0
        return admitted


class OnPremisesPool(PoolBase):
    """Nodes that one owns: always up."""

    kind: Literal["on_premises"]
    """Nodes that one owns."""
    cost: OnPremisesCost | None = None
    """What a node costs; a search needs it."""
    mtbf: PositiveSeconds | None = None
    """Mean time of being up until a node fails [s]; nodes never fail if it is left out (semantics §6)."""
    repair_time: Seconds = 24 * HOUR_S
    """Time from a failure until the node is up again [s]."""

    @property
    def fails(self) -> bool:
        """Whether nodes fail and are repaired (semantics §6)."""
        return self.mtbf is not None

    @model_validator(mode="after")
    def _nodes_fail_one_by_one(self) -> Self:
        if self.mtbf is not None and self.placement == "cores":
            raise ValueError("mtbf needs placement: nodes or packed, for the jobs of a failing node must be known")
        return self


def _either_instance_or_inline(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema that an instance stands for the node and its price."""
    inline = ["node", "price_usd_per_hour"]
    schema["required"] = [key for key in schema["required"] if key not in inline]
    schema["anyOf"] = [{"required": ["instance"]}, {"required": inline}]


def _offer(instance: str, market: object, info: ValidationInfo) -> Offer:
    """Return an instance of the price table that the validation's context holds, else of the shipped one."""
    prices = (info.context or {}).get("prices")
    try:
        return find_price(instance, str(market) if market in MARKETS else "on_demand", prices)
    except InputError as error:
        raise ValueError(str(error)) from None


def _with_price(commitment: Any, info: ValidationInfo) -> Any:
    """Fill in the price of a commitment for the pool's instance; what the user gives comes first."""
    if not isinstance(commitment, dict) or "price_usd_per_hour" in commitment:
        return commitment
    market = f"reserved_{commitment.get('term')}"
    if "instance" not in info.data or market not in MARKETS:  # that is wrong, and said to be
        return {**commitment, "price_usd_per_hour": 1.0}
    if info.data["instance"] is None:
        return commitment
    try:
        offer = _offer(info.data["instance"], market, info)
    except ValueError as error:
        raise ValueError(f"{error}; give price_usd_per_hour") from None
    return {**commitment, "price_usd_per_hour": offer.price_usd_per_hour}


class CloudPool(PoolBase):
    """Nodes that one rents.

    A price table of one's own goes into validation as ``context={"prices": table}``.

    Examples
    --------
    >>> pool = CloudPool(name="burst", kind="cloud", instance="aws/us-east-1/c7i.8xlarge", nodes=4, always_up=True)
    >>> pool.node.cores, pool.price_usd_per_hour
    (16, 1.428)
    """

    model_config = ConfigDict(json_schema_extra=_either_instance_or_inline)

    kind: Literal["cloud"]
    """Nodes that one rents."""
    market: Literal["on_demand", "spot"] = "on_demand"
    """The market whose price of the table is taken."""
    instance: str | None = None
    """Instance type of the price table, as ``provider/region/instance``; gives ``node`` and the price."""
    price_usd_per_hour: RentUsd
    """Price of a node [USD/h]; from the price table if an ``instance`` is named."""
    commitments: tuple[Annotated[Commitment, BeforeValidator(_with_price)], ...] = Field(
        default=(), strict=False, max_length=100
    )
    """Nodes that are paid every hour of the year, used or not; at every instant so many nodes cost nothing more."""
    storage_usd_per_gib_month: Usd = 0.0
    """Price of keeping jobs' data [USD/GiB and month]."""
    storage_time: Seconds | None = None
    """How long each job's data is kept, from its submission [s]; until the job ends if left out."""
    egress_usd_per_gib: Usd = 0.0
    """Price of taking a job's data home when it ends [USD/GiB]."""
    carbon_g_per_hour: Grams = 0.0
    """Carbon dioxide (equivalent) of a node that is held [g/h]."""
    always_up: bool = False
    """All nodes are held from the first submission to the end, and paid for the whole year; else they are launched and
    shut down with demand, ``nodes`` at most."""
    min_nodes: int = Field(default=0, ge=0, le=MOST_NODES)
    """Nodes of an elastic pool that are always held."""
    boot_time: Seconds = 180.0
    """Time from launch until a node of an elastic pool is up [s]."""
    idle_timeout: Seconds = 600.0
    """Time after which an idle node of an elastic pool is shut down [s]."""
    interruptions_per_hour: float = Field(default=0.0, ge=0, le=3600, allow_inf_nan=False)
    """Rate at which the provider takes each node of an elastic pool back, as on the spot market [1/h]."""

    @property
    def elastic(self) -> bool:
        """Whether nodes are launched and shut down with demand (semantics §6)."""
        return not self.always_up

    @property
    def committed_nodes(self) -> int:
        """Nodes that are paid by commitments."""
        return sum(one.nodes for one in self.commitments)

    @property
    def interrupted(self) -> bool:
        """Whether jobs may be interrupted."""
        return self.interruptions_per_hour > 0

    @model_validator(mode="after")
    def _elastic_or_not(self) -> Self:
        if self.elastic and self.placement == "cores":
            raise ValueError("placement: cores is only for pools that are always up; use nodes or packed")
        if self.elastic and self.min_nodes > min(self.nodes):
            raise ValueError(f"min_nodes ({self.min_nodes}) must not be above the fewest nodes ({min(self.nodes)})")
        if self.always_up and self.interruptions_per_hour:
            raise ValueError("interruptions_per_hour is for elastic pools; leave always_up away")
        if self.always_up and self.min_nodes:
            raise ValueError("min_nodes is for elastic pools; with always_up all nodes are held")
        return self

    @field_validator("instance")
    @classmethod
    def _in_price_table(cls, instance: str | None, info: ValidationInfo) -> str | None:
        if instance is not None:
            _offer(instance, info.data.get("market", "on_demand"), info)
        return instance

    @model_validator(mode="before")
    @classmethod
    def _look_up(cls, data: Any, info: ValidationInfo) -> Any:
        """Fill in the node and the price of the named instance; what the user gives comes first."""
        if not isinstance(data, dict):
            return data
        if data.get("always_up") is not True:
            data = {"placement": "nodes", **data}
        if not isinstance(data.get("instance"), str):
            return data
        try:
            offer = _offer(data["instance"], data.get("market", "on_demand"), info)
        except ValueError:  # the validator of the field says it, at its place
            return {"node": {"cores": 1}, "price_usd_per_hour": 1.0, **data}
        node = {"cores": offer.cores, "memory": float(offer.memory_mib), "gpus": offer.gpus}
        return {"node": node, "price_usd_per_hour": offer.price_usd_per_hour, **data}


Pool = Annotated[OnPremisesPool | CloudPool, Field(discriminator="kind")]


class Multifactor(Frozen):
    """The weights of the ``multifactor`` order; the formula is in :mod:`pwsim.rules.multifactor`."""

    age: float = Field(default=1000, ge=0, le=1e9, allow_inf_nan=False)
    """Weight of the time that a job has waited."""
    max_age: PositiveSeconds = 7 * DAY_S
    """Wait at which age counts in full [s]."""
    fair_share: float = Field(default=1000, ge=0, le=1e9, allow_inf_nan=False)
    """Weight of the user's fair share: in full for users who have used nothing."""
    half_life: PositiveSeconds = 7 * DAY_S
    """Time after which past use counts half [s]."""
    shares: dict[str, Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]] = Field(default={})
    """Shares of users by name; 1 for those who are not named."""
    size: float = Field(default=0, ge=-1e9, le=1e9, allow_inf_nan=False)
    """Weight of the part of its pool that a job takes; negative to favour small jobs."""
    queue: float = Field(default=0, ge=0, le=1e9, allow_inf_nan=False)
    """Weight of the queue's priority."""
    queues: dict[str, Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]] = Field(default={})
    """Priorities of queues by name, divided by the largest; 0 for those that are not named."""


class Cluster(Frozen):
    """An ordered list of pools under a policy."""

    policy: Policies = (Policy("fcfs", "easy"),)
    """Policy, or the choices of the search in the order of preference."""
    overrun: Literal["allow", "kill"] = "allow"
    """Whether a job may run past its estimate, or is killed then (semantics §3)."""
    depth: int | None = Field(default=None, ge=1, le=10**9)
    """How many jobs of the queue a backfill rule looks at (semantics §4); all if left out."""
    multifactor: Multifactor = Multifactor()
    """Weights of the ``multifactor`` order."""
    pools: Annotated[tuple[Pool, ...], BeforeValidator(_one_or_many)] = Field(min_length=1, max_length=100)
    """The pools; jobs prefer them in this order."""

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
    def _no_reservations_where_packed(self) -> Self:
        packed = [pool.name for pool in self.pools if pool.placement == "packed"]
        reserving = [str(policy) for policy in self.policy if policy.backfill == "conservative"]
        if packed and reserving:
            raise ValueError(
                f"pool {packed[0]!r} has placement: packed, where policy {reserving[0]!r} is not offered; use easy"
            )
        return self

    @model_validator(mode="after")
    def _distinct_names(self) -> Self:
        names = [pool.name for pool in self.pools]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"pool names must differ; {twice[0]!r} occurs {names.count(twice[0])} times")
        return self

    @classmethod
    def homogeneous(
        cls, cores: int, policy: str | Policy = "easy", overrun: str = "allow", depth: int | None = None
    ) -> Cluster:
        """Return one pool of ``cores`` single-core nodes, as SWF logs assume."""
        pool = {"name": "machine", "kind": "on_premises", "nodes": cores, "node": {"cores": 1}}
        return cls.model_validate({"policy": policy, "overrun": overrun, "depth": depth, "pools": [pool]})

    def at(self, nodes: Mapping[str, int], policy: Policy) -> Cluster:
        """Return the cluster with one node count for each pool (by name) and one policy."""
        pools = tuple(pool.model_copy(update={"nodes": (nodes[pool.name],)}) for pool in self.pools)
        return self.model_copy(update={"pools": pools, "policy": (policy,)})

    @property
    def steady(self) -> bool:
        """Whether pools are bags, always up, and every job stays where it was routed: then pools do not meet."""
        return not any(
            pool.elastic or pool.fails or pool.burst_after is not None or pool.placement == "packed"
            for pool in self.pools
        )

    @property
    def by_the_hour(self) -> bool:
        """Whether the price of electricity depends on the hour somewhere."""
        owned = [pool.cost for pool in self.pools if isinstance(pool, OnPremisesPool) and pool.cost is not None]
        return any(isinstance(cost.electricity_usd_per_kwh, tuple) for cost in owned)

    def node_counts(self) -> tuple[int, ...]:
        """Return the number of nodes of each pool.

        Raises
        ------
        ValueError
            If a pool still has several choices; pick one with :meth:`at`.
        """
        for pool in self.pools:
            if len(pool.nodes) != 1:
                raise ValueError(f"pool {pool.name!r} has {len(pool.nodes)} choices of nodes; pick one with Cluster.at")
        return tuple(pool.nodes[0] for pool in self.pools)

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
