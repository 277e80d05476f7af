"""Pools of nodes, owned or rented, and what a job takes of one (semantics §5, §6, §8).

The classes are the scenario file's keys and the objects used everywhere else: frozen, and unknown keys are refused.
A kind of pool is a class in :data:`KINDS`: nodes that one owns, nodes that one rents, or what is derived of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, Union, get_args

import numpy as np
import numpy.typing as npt
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from pwsim.cluster.accepts import Accepts
from pwsim.cluster.choices import MOST_NODES, Choices
from pwsim.cluster.node_types import MOST_TYPES, NAME, concrete
from pwsim.common import HOUR_S, Frozen, InputError, Mebibytes, PositiveSeconds, Seconds
from pwsim.prices import (
    COMMITTED,
    MARKETS,
    SAVINGS,
    Commitment,
    Grams,
    Offer,
    OnPremisesCost,
    RentUsd,
    Usd,
    committed_markets,
    find_price,
)
from pwsim.rules import MOST_GPUS, WHOLE
from pwsim.trace import Floats, Integers, Trace

Name = Annotated[str, Field(pattern=NAME.pattern)]


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


class NodeType(Frozen):
    """A type of node that a pool may have, by what is special about it."""

    name: Name
    """Name of the type: letters, digits, ``_`` and ``-``."""


def milli_gpus(trace: Trace) -> Integers:
    """Return the GPUs of each job in thousandths, rounded up, shape (jobs,)."""
    # 0.57 GPUs are 570 thousandths, though the product of floats may be a little more: that much is rounding.
    milli: Integers = np.ceil(np.round(trace.gpus * WHOLE, 6)).astype(np.int64)
    return milli


class PoolBase(Frozen):
    """What on-premises and cloud pools have in common."""

    type_class: ClassVar[type[NodeType]]
    """What a type of node says of such a pool."""

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

    types: tuple[NodeType, ...] = ()
    """Types of node to choose from."""
    _as_types: tuple[Self, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _with_types(cls, data: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Self:
        """Check each type of node as the pool that it stands for; until one is chosen, the pool is as the first."""
        if not isinstance(data, dict) or "types" not in data:
            pool: Self = handler(data)
            return pool
        keys = tuple(key for key in cls.type_class.model_fields if key != "name")
        pools = concrete(cls, data, keys, info.context)
        types = tuple(
            cls.type_class.model_construct(name=one["name"], **{key: getattr(pool, key) for key in keys})
            for one, pool in zip(data["types"], pools, strict=True)
        )
        first: Self = pools[0].model_copy(update={"types": types})
        object.__setattr__(first, "__pydantic_private__", {"_as_types": tuple(pools)})
        return first

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what the types of node say, or the types if there are none."""
        plain: dict[str, Any] = handler(self)
        left_out = [key for key in type(self).type_class.model_fields if key != "name"] if self.types else ["types"]
        return {key: value for key, value in plain.items() if key not in left_out}

    @property
    def as_types(self) -> tuple[Self, ...]:
        """The pool with each of its types of node, with all its choices of nodes; itself alone if it has no types."""
        if not self.types:
            return (self,)
        return tuple(pool.model_copy(update={"nodes": self.nodes}) for pool in self._as_types)

    def with_each_type(self, change: Callable[[Any], Any]) -> Self:
        """Return the pool after a change that is made to it, and to what it is with each of its types of node."""
        changed: Self = change(self)
        object.__setattr__(changed, "__pydantic_private__", {"_as_types": tuple(map(change, self._as_types))})
        return changed

    def type_index(self, name: str) -> int:
        """Return the place of a type among :attr:`types`.

        Raises
        ------
        ValueError
            If there is no such type.
        """
        names = [one.name for one in self.types]
        if name not in names:
            raise ValueError(f"pool {self.name!r} has no type {name!r}; its types: {', '.join(names) or 'none'}")
        return names.index(name)

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
        """Return the units that a node adds to the bag that jobs draw from: its cores, or itself (semantics §5)."""
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

    def shares(self, trace: Trace, need: Integers | None = None) -> tuple[Integers, Integers, Integers]:
        """Return cores, memory [MiB] and thousandths of a GPU of each job's shares in a ``packed`` pool; semantics §5.

        All are rounded up, from one GPU on to whole GPUs.

        Parameters
        ----------
        trace
            The jobs.
        need
            How many shares each has, where it does not follow from this pool alone, shape (jobs,).
        """
        count, milli = np.maximum(self.need(trace) if need is None else need, 1), milli_gpus(trace)
        part = -(-milli // count)
        return (
            -(-trace.procs // count),
            -(-trace.memory_mib // count) if self.node.memory is not None else np.zeros_like(count),
            np.where(part < WHOLE, part, -(-milli // (WHOLE * count)) * WHOLE),
        )

    def held(self, trace: Trace, need: Integers | None = None) -> tuple[Integers, Floats]:
        """Return the cores and the GPUs that nobody but each job can use while it runs, shape (jobs,); semantics §5.

        Parameters
        ----------
        trace
            The jobs.
        need
            As for :meth:`shares`.
        """
        need = self.need(trace) if need is None else need
        if self.placement == "cores":
            return need, np.zeros(len(trace))
        if self.placement == "nodes":
            return need * self.node.cores, need.astype(np.float64) * self.node.gpus
        cores, _, milli = self.shares(trace, need)
        return need * cores, (need * milli).astype(np.float64) / WHOLE

    def admits(self, trace: Trace) -> npt.NDArray[np.bool_]:
        """Return for each job whether the pool accepts it, and would hold it if it were large enough."""
        admitted = self.accepts.admit(trace)
        if self.placement == "cores" or not self.node.gpus:
            admitted &= trace.gpus <= 0
        return admitted


NO_COST = "cost is missing: without it the search cannot tell what is cheapest"
"""What is wrong with a pool whose nodes have no cost."""


class OnPremisesType(NodeType):
    """A type of node that one may buy."""

    node: Node
    """What one node has."""
    cost: OnPremisesCost | None = None
    """What a node costs; a search needs it."""


def _node_or_types(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema that types stand for the node."""
    schema["required"] = [key for key in schema["required"] if key != "node"]
    schema["oneOf"] = [{"required": ["node"]}, {"required": ["types"]}]


class OnPremisesPool(PoolBase):
    """Nodes that one owns: always up."""

    model_config = ConfigDict(json_schema_extra=_node_or_types)
    type_class = OnPremisesType
    verb: ClassVar[str] = "buy"
    """What one does to have them."""
    kind: Literal["on_premises"]
    """Nodes that one owns."""
    cost: OnPremisesCost | None = None
    """What a node costs; a search needs it."""
    types: tuple[OnPremisesType, ...] = Field(default=(), strict=False, min_length=1, max_length=MOST_TYPES)
    """Instead of ``node`` and ``cost``: types of node, of which the search chooses one."""
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

    @model_validator(mode="after")
    def _power_of_gpus_is_told(self) -> Self:
        if self.cost is not None and self.cost.busy_power_per_core is not None:
            told = self.cost.busy_power_per_gpu
            if self.node.gpus and told is None:
                raise ValueError("cost.busy_power_per_gpu is missing: the nodes have GPUs (it may be 0)")
            if not self.node.gpus and told is not None:
                raise ValueError(
                    "cost.busy_power_per_gpu is for nodes with GPUs; leave it out, or give node: {gpus: …}"
                )
        return self


def _cloud_schema(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema that an instance stands for the node and its price, and which placement is taken."""
    placement = schema["properties"]["placement"]
    if not schema["properties"]["always_up"]["default"]:
        placement["default"] = "nodes"
        placement["description"] += "  Left out, it is ``nodes``, or ``cores`` where the pool is ``always_up``."
    inline = ["node", "price_usd_per_hour"]
    schema["required"] = [key for key in schema["required"] if key not in inline]
    schema["anyOf"] = [{"required": ["instance"]}, {"required": inline}, {"required": ["types"]}]


def _offer(instance: str, market: object, info: ValidationInfo) -> Offer:
    """Return an instance of the price table that the validation's context holds, else of the shipped one."""
    prices = (info.context or {}).get("prices")
    try:
        return find_price(instance, str(market) if market in MARKETS else "on_demand", prices)
    except InputError as error:
        raise ValueError(str(error)) from None


def _every_term(commitments: Any, info: ValidationInfo) -> Any:
    """Return the commitments that ``best`` stands for: all terms in the price table for the instance."""
    if commitments != "best":
        if isinstance(commitments, str):
            raise ValueError("must be best, or a list such as [{term: 1yr, nodes: 4}]")
        return commitments
    if "instance" not in info.data:  # that is wrong, and said to be
        return []
    instance = info.data["instance"]
    found = [] if instance is None else committed_markets(instance, (info.context or {}).get("prices"))
    if not found:
        lacks = "best needs an instance" if instance is None else f"{instance!r} has no commitments in the price table"
        raise ValueError(f"{lacks}; give their prices: [{{term: 1yr, nodes: best, price_usd_per_hour: …}}]")
    return [dict(zip(("kind", "term"), one.split("_"), strict=True), nodes="best") for one in found]


def _with_price(commitment: Any, info: ValidationInfo) -> Any:
    """Fill in the price of a commitment for the pool's instance; what the user gives comes first."""
    if not isinstance(commitment, dict) or "price_usd_per_hour" in commitment:
        return commitment
    market = f"{commitment.get('kind', 'reserved')}_{commitment.get('term')}"
    if "instance" not in info.data or market not in COMMITTED:  # that is wrong, and said to be
        return {**commitment, "price_usd_per_hour": 1.0}
    if info.data["instance"] is None:
        return commitment
    try:
        offer = _offer(info.data["instance"], market, info)
    except ValueError as error:
        raise ValueError(f"{error}; give price_usd_per_hour") from None
    said = {"price_date": offer.price_date, "price_source": offer.source}
    return {"price_usd_per_hour": offer.price_usd_per_hour, **said, **commitment}


def _savings_prices(data: Mapping[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Return the prices that the table has of an instance under savings plans; none if the user gives one himself."""
    given = any(data.get(f"{market}_usd_per_hour") is not None for market in SAVINGS)
    if given or data.get("market", "on_demand") != "on_demand":
        return {}
    known = committed_markets(data["instance"], (info.context or {}).get("prices"))
    found: dict[str, Any] = {}
    for market in SAVINGS:
        if market in known:
            offer = _offer(data["instance"], market, info)
            found[f"{market}_usd_per_hour"] = offer.price_usd_per_hour
            found |= {"savings_price_date": offer.price_date, "savings_price_source": offer.source}
    return found


Commitments = Annotated[
    tuple[Annotated[Commitment, BeforeValidator(_with_price)], ...],
    BeforeValidator(_every_term, json_schema_input_type=Literal["best"] | tuple[Commitment, ...]),
]
"""Commitments of a pool; the word ``best`` stands for every term of the price table."""


def _type_schema(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema that an instance stands for the node and its price."""
    schema["required"] = ["name"]
    schema["anyOf"] = [{"required": ["instance"]}, {"required": ["node", "price_usd_per_hour"]}]


class CloudType(NodeType):
    """A type of node that one may rent."""

    model_config = ConfigDict(json_schema_extra=_type_schema)

    instance: str | None = None
    """Instance type of the price table, as ``provider/region/instance``; gives ``node`` and the price."""
    node: Node
    """What one node has."""
    price_usd_per_hour: RentUsd
    """Price of a node [USD/h]; from the price table if an ``instance`` is named."""
    price_date: str = ""
    """When that was the price; from the price table, like the price."""
    price_source: str = ""
    """Who said so; from the price table, like the price."""
    commitments: Commitments = Field(default=(), strict=False, max_length=100)
    """Nodes of this type that are paid every hour of the year, used or not, or ``best``."""
    savings_1yr_usd_per_hour: RentUsd | None = None
    """Price of a node that a savings plan of one year covers [USD/h]; from the price table, like the price."""
    savings_3yr_usd_per_hour: RentUsd | None = None
    """The same for three years [USD/h]."""
    savings_price_date: str = ""
    """When those were the prices; from the price table, like them."""
    savings_price_source: str = ""
    """Who said so; from the price table, like them."""
    carbon_g_per_hour: Grams = 0.0
    """Carbon dioxide (equivalent) of a node that is held [g/h]."""


class CloudPool(PoolBase):
    """Nodes that one rents.

    A price table of one's own goes into validation as ``context={"prices": table}``.

    Examples
    --------
    >>> pool = CloudPool(name="burst", kind="cloud", instance="aws/us-east-1/c7i.8xlarge", nodes=4, always_up=True)
    >>> pool.node.cores, pool.price_usd_per_hour
    (16, 1.428)
    """

    model_config = ConfigDict(json_schema_extra=_cloud_schema)
    type_class = CloudType
    verb: ClassVar[str] = "rent"
    """What one does to have them."""

    kind: Literal["cloud"]
    """Nodes that one rents."""
    market: Literal["on_demand", "spot"] = "on_demand"
    """The market whose price of the table is taken."""
    instance: str | None = None
    """Instance type of the price table, as ``provider/region/instance``; gives ``node`` and the price."""
    types: tuple[CloudType, ...] = Field(default=(), strict=False, min_length=1, max_length=MOST_TYPES)
    """Instead of ``instance``, or of ``node`` and the price: types of node, of which the search chooses one."""
    price_usd_per_hour: RentUsd
    """Price of a node [USD/h]; from the price table if an ``instance`` is named."""
    price_date: str = ""
    """When that was the price; from the price table, like the price."""
    price_source: str = ""
    """Who said so; from the price table, like the price."""
    commitments: Commitments = Field(default=(), strict=False, max_length=100)
    """Nodes that are paid every hour of the year, used or not; at every instant so many nodes cost nothing more.
    ``best`` takes what makes each setup cheapest, of all terms that the price table has of the ``instance``."""
    savings_1yr_usd_per_hour: RentUsd | None = None
    """Price of a node that a savings plan of one year covers (``economics: savings_plans``) [USD/h]; from the price
    table if an ``instance`` is named that has one."""
    savings_3yr_usd_per_hour: RentUsd | None = None
    """The same for three years [USD/h]."""
    savings_price_date: str = ""
    """When those were the prices; from the price table, like them."""
    savings_price_source: str = ""
    """Who said so; from the price table, like them."""
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
    """Nodes of an elastic pool that are always held, and paid for the whole year; those beyond while they are held."""
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

    def always_there(self, nodes: int) -> int:
        """Return how many nodes are held, and paid, all year: of an elastic pool, ``min_nodes`` (semantics §8)."""
        return self.min_nodes if self.elastic else nodes

    @property
    def committed_nodes(self) -> int:
        """Nodes that are paid by commitments, in so far as their number is given."""
        return sum(one.nodes for one in self.commitments if isinstance(one.nodes, int))

    def committed_for(self, term: str) -> int:
        """Return the nodes that are paid by commitments of a term, such as ``1yr``."""
        return sum(one.nodes for one in self.commitments if isinstance(one.nodes, int) and one.term == term)

    @property
    def is_decided(self) -> bool:
        """Whether the number of every commitment is given, none ``best``."""
        return all(one.nodes != "best" for one in self.commitments)

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

    @model_validator(mode="after")
    def _spot_is_not_committed(self) -> Self:
        if self.market == "spot" and self.commitments:
            raise ValueError("commitments are for market: on_demand; nodes of the spot market cannot be committed")
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
        if data.get("always_up", cls.model_fields["always_up"].default) is not True:
            data = {"placement": "nodes", **data}
        if not isinstance(data.get("instance"), str):
            return data
        try:
            offer = _offer(data["instance"], data.get("market", "on_demand"), info)
        except ValueError:  # the validator of the field says it, at its place
            return {"node": {"cores": 1}, "price_usd_per_hour": 1.0, **data}
        if "price_usd_per_hour" not in data:
            said = {"price_date": offer.price_date, "price_source": offer.source}
            data = {"price_usd_per_hour": offer.price_usd_per_hour, **said, **data}
        data = {**_savings_prices(data, info), **data}
        return {"node": {"cores": offer.cores, "memory": float(offer.memory_mib), "gpus": offer.gpus}, **data}


KINDS: tuple[type[OnPremisesPool | CloudPool], ...] = (OnPremisesPool, CloudPool)
"""The kinds of pools: each has its name as the one value of ``kind``."""
VERBS = {get_args(one.model_fields["kind"].annotation)[0]: one.verb for one in KINDS}
"""What one does to have nodes of each kind, by its name."""

if TYPE_CHECKING:
    Pool = OnPremisesPool | CloudPool
else:
    Pool = Annotated[Union[KINDS], Field(discriminator="kind")]  # noqa: UP007 - of as many as there are
