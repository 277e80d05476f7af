"""What a site does beside its policy: whether its rules go together, and the scheduler's own time (semantics §9)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from pwsim.cluster.accepts import Accepts
from pwsim.cluster.hours import Hours
from pwsim.cluster.limits import RunLimit
from pwsim.cluster.outages import Outage
from pwsim.cluster.partitions import Partition
from pwsim.cluster.pools import Node, Pool
from pwsim.common import Frozen, Place, PositiveSeconds, Seconds, did_you_mean, listed, nearest
from pwsim.prices import start_of
from pwsim.rules import LOOKED_AT
from pwsim.trace import Trace, tells_dependencies

if TYPE_CHECKING:
    from pwsim.cluster.cluster import Cluster


class Scheduler(Frozen):
    """The scheduler's own time."""

    period: Seconds = 0.0
    """Jobs start only at multiples of this from the first submission [s]; at any time if 0."""
    start_delay: Seconds = 0.0
    """Time from the decision until a job starts, in which it holds its nodes [s]."""
    backfill_period: Seconds = 0.0
    """With a ``replan`` policy, backfilling takes place only at multiples of this [s]; in each pass if 0."""
    backfill_window: PositiveSeconds | None = None
    """With a ``replan`` policy, how far ahead its plan goes [s]; without end if left out."""
    backfill_per_user: int | None = Field(default=None, ge=1, le=10**9)
    """With a ``replan`` policy, how many jobs of each user it looks at in a pass; all if left out."""

    def without_plans(self) -> Self:
        """Return it as it is under a policy that makes no plans anew."""
        return self.model_copy(update={"backfill_period": 0.0, "backfill_window": None, "backfill_per_user": None})


RULES = ("partitions", "limits", "hours", "outages", "scheduler", "preemption", "dependencies")
"""Keys of a cluster that are rules of the site."""


def stated(cluster: Cluster) -> list[str]:
    """Return the keys of the rules that a cluster states."""
    empty: dict[str, Any] = {
        "scheduler": Scheduler(), "preemption": False, "limits": ((),), "hours": ((),), "dependencies": None,
    }  # fmt: skip
    return [key for key in RULES if getattr(cluster, key) != empty.get(key, ())]


def plans_anew(cluster: Cluster) -> bool:
    """Return whether a policy of a cluster makes plans anew, which is replayed as a rule of the site (semantics §9)."""
    return any(policy.rule.holds == LOOKED_AT for policy in cluster.policy)


def only_doors(cluster: Cluster) -> bool:
    """Return whether all that a site's rules say is to which pool jobs go: then each pool has a queue of its own.

    So it is without rules, and where partitions have one pool each, and those of one pool the same tier.
    """
    tiers: dict[str, set[int]] = {}
    for partition in cluster.partitions:
        for name in partition.pools:
            tiers.setdefault(name, set()).add(partition.tier)
    if plans_anew(cluster):
        return False
    single = all(len(partition.pools) == 1 for partition in cluster.partitions)
    return set(stated(cluster)) <= {"partitions"} and single and all(len(known) == 1 for known in tiers.values())


def clock_fault(trace: Trace, cluster: Cluster, given: str | None) -> str | None:
    """Return why rules about the site's clock do not go with a trace; ``None`` if they do.

    Parameters
    ----------
    trace
        The jobs.
    cluster
        The cluster and its rules.
    given
        What the scenario says of the first submission (``economics.start``).
    """
    clocked = [key for key in stated(cluster) if key in ("hours", "outages")]
    if clocked and trace.compressed:
        return (
            f"{trace.name}: its load does not go with {listed(clocked)}, which are about the site's clock: where "
            "arrivals are compressed, jobs come at other hours; use resample, or grow by jobs, which keep the hours"
        )
    if clocked and start_of(trace, given) is None:
        return (
            f"economics.start: is missing, for {listed(clocked)} are about the site's clock and {trace.name} does not "
            "say when it starts; give the local time of the first submission, such as 2026-01-01T00:00"
        )
    return None


def untold_dependencies(trace: Trace, cluster: Cluster) -> str | None:
    """Return why jobs of a trace cannot wait as its log tells; ``None`` if they can, or are not to."""
    if cluster.dependencies is None or tells_dependencies(trace):
        return None
    return (
        f"cluster.dependencies: {trace.name} tells of no job that waited for another, and of no array of jobs with a "
        "limit (nor do jobs that were drawn anew, by resample or grow by jobs): leave it out. SWF tells in field 17, "
        "what sacct prints in the columns SubmitLine or Dependency, a table by `after`, `array` and `array_limit`"
    )


def faults(cluster: Cluster) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong between the rules of a cluster and its pools: path of keys, and message."""
    pools = {pool.name: pool for pool in cluster.pools}
    yield from _of_partitions(cluster.partitions, pools)
    for index, outage in enumerate(cluster.outages):
        yield from _of_outage(("outages", index), outage, pools)
    named: tuple[tuple[str, Sequence[Sequence[RunLimit | Hours]]], ...] = (
        ("limits", cluster.limits),
        ("hours", cluster.hours),
    )
    for key, alternatives in named:
        for choice, rules in enumerate(alternatives):
            for index, rule in enumerate(rules):
                place = (key, "choices", choice, index) if len(alternatives) > 1 else (key, index)
                yield from _of_rule(place, rule, [partition.name for partition in cluster.partitions])
    if cluster.multifactor.partition and not cluster.partitions:
        yield ("multifactor", "partition"), "there are no partitions: give cluster.partitions, or leave it out"
    yield from _of_backfilling(cluster)
    tiers = {partition.tier for partition in cluster.partitions}
    if cluster.preemption and len(tiers) < 2:
        yield ("preemption",), "jobs of higher tiers interrupt others: give partitions different tiers, or leave it out"


def _of_backfilling(cluster: Cluster) -> Iterator[tuple[Place, str]]:
    scheduler, planning = cluster.scheduler, plans_anew(cluster)
    for key in ("backfill_period", "backfill_window", "backfill_per_user"):
        if getattr(scheduler, key) != Scheduler.model_fields[key].default and not planning:
            fault = "is about plans that each pass makes anew: give a policy of that kind, such as multifactor-replan"
            yield ("scheduler", key), f"{fault}, or leave it out (got policy {str(cluster.policy[0])!r})"
    period, other = scheduler.period, scheduler.backfill_period
    if period and other % period:
        fault = f"must be a multiple of period, for jobs start at multiples of that alone (got {other:g} s and"
        yield ("scheduler", "backfill_period"), f"{fault} {period:g} s)"
    if cluster.preemption and planning:
        fault = "is not offered under a replan policy: give one with easy or conservative, or leave it out"
        yield ("preemption",), fault


def _of_partitions(partitions: Sequence[Partition], pools: Mapping[str, Pool]) -> Iterator[tuple[Place, str]]:
    names = [partition.name for partition in partitions]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield ("partitions", index, "name"), f"is that of another partition, too: names must differ (got {name!r})"
    defaults = [partition.name for partition in partitions if partition.default]
    for index, partition in enumerate(partitions):
        if partition.default and partition.name != defaults[0]:
            yield (
                ("partitions", index, "default"),
                f"only one partition can be the default one, which {defaults[0]!r} is",
            )
        yield from (((("partitions", index, "pools"), fault)) for fault in _of_pools(partition, pools))


def _of_pools(partition: Partition, pools: Mapping[str, Pool]) -> Iterator[str]:
    for name in partition.pools:
        if name not in pools:
            yield _unknown("pool", name, pools)
        elif partition.pools.count(name) > 1:
            yield f"names pool {name!r} twice"
    own = [pools[name] for name in dict.fromkeys(partition.pools) if name in pools]
    for pool in own:
        if pool.elastic:
            yield f"pool {pool.name!r} comes and goes with demand; pools of partitions are always up (always_up: true)"
        if pool.burst_after is not None:
            yield f"jobs burst into pool {pool.name!r}, which no partition may name then: leave burst_after out"
        if pool.accepts != Accepts():
            yield f"`where` of partitions alone says which jobs come to pool {pool.name!r}: leave its accepts out"
        if pool.placement != own[0].placement:
            yield (
                f"pools of a partition have one placement: {own[0].name!r} has {own[0].placement}, {pool.name!r} "
                f"{pool.placement}"
            )
        elif pool.placement == "nodes" and _hardware(pool) != _hardware(own[0]):
            yield (
                f"pools of a partition with placement: nodes have equal nodes, but for their speed; those of "
                f"{own[0].name!r} and {pool.name!r} differ: use placement: packed, or two partitions"
            )


def _hardware(pool: Pool) -> Node:
    return pool.node.model_copy(update={"speed": 1.0})


def _of_outage(place: Place, outage: Outage, pools: Mapping[str, Pool]) -> Iterator[tuple[Place, str]]:
    about = list(pools) if outage.pools is None else outage.pools
    for name in about:
        if name not in pools:
            yield (*place, "pools"), _unknown("pool", name, pools)
        elif outage.pools is not None and pools[name].elastic:
            yield (*place, "pools"), f"pool {name!r} comes and goes with demand: it has no outages"
        elif outage.nodes is not None and outage.nodes > max(pools[name].nodes):
            yield (
                (*place, "nodes"),
                f"pool {name!r} has at most {max(pools[name].nodes)} (got {outage.nodes}); leave it out for all",
            )


def _of_rule(place: Place, rule: RunLimit | Hours, partitions: Collection[str]) -> Iterator[tuple[Place, str]]:
    for name in rule.where.partition or ():
        if name not in partitions:
            said = _unknown("partition", name, partitions)
            yield (*place, "where", "partition"), f"{said}; rules are about the partitions of the scenario"
    if isinstance(rule, RunLimit) and rule.per == "partition" and not partitions:
        yield (*place, "per"), "there are no partitions: give cluster.partitions, or another per"


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    hint = did_you_mean(nearest(name, known)) or (f"there are {', '.join(known)}" if known else "there are none")
    return f"there is no {what} {name!r}; {hint}"
