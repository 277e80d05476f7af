"""The way back: a cluster and its rules as settings of Slurm, and what Slurm has no word for."""

from __future__ import annotations

import graphlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pwsim._version import __version__
from pwsim.cluster import Accepts, CloudPool, Cluster, Outage, Partition, Pool
from pwsim.common import InputError, duration, problems, read_document
from pwsim.prices import parse_local
from pwsim.rules import LOOKED_AT, NOBODY, Policy
from pwsim.scenario import Scenario
from pwsim.site.capping import commands, told
from pwsim.site.hostlists import fold
from pwsim.site.shares import said_of
from pwsim.site.times import slurm_time
from pwsim.site.weighing import billing, priorities

FILES = ("slurm.conf", "sacctmgr.script", "reservations.sh")
"""Files of an export."""
_MOST_MINUTES = 43_200
"""The longest window of backfilling [min]."""
_HIGHEST = 65_533
"""The highest tier, and the largest priority, of a partition."""


@dataclass
class Exported:
    """A cluster as Slurm would be told of it."""

    conf: list[str] = field(default_factory=list)
    """Lines for ``slurm.conf``."""
    commands: list[str] = field(default_factory=list)
    """Commands for accounts, users and qualities of service: a script for ``sacctmgr``."""
    reservations: list[str] = field(default_factory=list)
    """Commands for reservations."""
    missing: list[str] = field(default_factory=list)
    """What Slurm has no word for."""

    def files(self) -> dict[str, str]:
        """Return the files, by name; those with nothing in them are left out."""
        head = f"# Written by pwsim {__version__}; a part of what Slurm needs to be told."
        missing = [f"# Slurm has no word for this: {one}" for one in self.missing]
        texts = ([*missing, *self.conf], self.commands, self.reservations)
        return {name: "\n".join([head, *lines]) + "\n" for name, lines in zip(FILES, texts, strict=True) if lines}


def chosen_of(directory: Path) -> Cluster:
    """Return the setup that a run has chosen, from its results directory.

    Raises
    ------
    InputError
        If the directory holds no results of ``pwsim run``, or none was chosen.
    """
    summary = _summary(directory)
    if not (directory / "scenario.yaml").is_file():
        raise InputError(f"{directory}: has no scenario.yaml: only results of `pwsim run` can be exported")
    chosen = summary.get("chosen")
    if not isinstance(chosen, Mapping):
        raise InputError(f"{directory}: no setup was chosen: {summary.get('answer', 'nothing was found')}")
    document = read_document(directory / "scenario.yaml", list(Scenario.model_fields))
    try:
        cluster = Scenario.model_validate(document.data).cluster
        return cluster.at(chosen["nodes"], Policy.parse(chosen["policy"]), types=chosen.get("types"))
    except ValidationError as error:
        place, message = next(iter(problems(error, document.data, Scenario)))
        raise InputError(f"{document.path}: {'.'.join(map(str, place))}: {message}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{directory}: summary.json and scenario.yaml do not go together ({error})") from None


def _summary(directory: Path) -> dict[str, Any]:
    try:
        summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{directory}: is no results directory: summary.json: {error.strerror or error}") from None
    except ValueError as error:
        raise InputError(f"{directory}: summary.json is broken ({error})") from None
    return summary if isinstance(summary, dict) else {}


def export(cluster: Cluster) -> Exported:
    """Return a cluster with one choice of everything as settings of Slurm.

    Raises
    ------
    ValueError
        If the cluster still has choices of nodes or policies.
    """
    counts = dict(zip((pool.name for pool in cluster.pools), cluster.node_counts(), strict=True))
    hosts = {name: _hosts(name, number) for name, number in counts.items()}
    made = Exported()
    partitions = _partitions(cluster, made)
    _scheduling(cluster, made)
    ranks = cluster.the_policy().order == "multifactor"
    if ranks:
        made.conf += priorities(cluster.multifactor, made.missing)
    if any(cluster.limits[0]):
        made.conf.append("AccountingStorageEnforce=limits,qos")
    _select(cluster, made)
    _nodes(cluster, hosts, partitions, made)
    if len(cluster.limits) > 1:
        made.missing.append("limits: choices of the search; these are the first")
    besides = said_of(cluster.multifactor, made.missing) if ranks else {}
    parents = {name: account.parent for name, account in cluster.multifactor.accounts.items()}
    made.commands, own = commands(cluster.limits[0], besides, parents, made.missing)
    _doors(cluster, partitions, hosts, own, made)
    for number, outage in enumerate(cluster.outages, start=1):
        _reservation(number, outage, cluster, hosts, made)
    _rest(cluster, made)
    return made


def _hosts(name: str, number: int) -> list[str]:
    width = len(str(number))
    return [f"{name}-{index:0{width}d}" for index in range(1, number + 1)]


def _partitions(cluster: Cluster, made: Exported) -> list[Partition]:
    """Return partitions for all pools; say what was added."""
    named = {pool for partition in cluster.partitions for pool in partition.pools}
    partitions = list(cluster.partitions)
    taken = {partition.name for partition in partitions}
    for pool in cluster.pools:
        if pool.name in named:
            continue
        first = not partitions
        partitions.append(
            Partition(
                name=pool.name if pool.name not in taken else f"{pool.name}-pool", pools=(pool.name,), default=first
            )
        )
        if len(cluster.pools) > 1:
            made.missing.append(f"pool {pool.name}: jobs go to the first pool that takes them; here it is a partition")
        if pool.accepts != Accepts():
            made.missing.append(
                f"pool {pool.name}: accepts {told(pool.accepts)}; users or a job_submit plugin must mind it"
            )
    return partitions


def _intervals(cluster: Cluster, made: Exported) -> list[str]:
    """Return how often and how far Slurm's backfilling looks."""
    scheduler, plans = cluster.scheduler, cluster.the_policy().rule.holds == LOOKED_AT
    key = "backfill_period" if plans else "period"
    period, parameters = getattr(scheduler, key), []
    if period:
        parameters.append(f"bf_interval={max(1, round(period))}")
        if period != round(period):
            made.missing.append(f"scheduler.{key}: {period:g} s is no whole number of seconds")
    elif plans:
        parameters.append("bf_interval=1")
        made.missing.append("policy: Slurm's backfilling does not look whenever something happens; here each second")
    if scheduler.period:
        made.missing.append("scheduler.period: Slurm's main scheduler starts jobs in between, too")
    if plans:
        minutes = math.inf if scheduler.backfill_window is None else scheduler.backfill_window / 60
        parameters.append(f"bf_window={max(1, round(min(minutes, _MOST_MINUTES)))}")
        if minutes > _MOST_MINUTES:
            made.missing.append("scheduler.backfill_window: Slurm's backfilling plans at most 30 days ahead")
        elif minutes != round(minutes):
            made.missing.append(f"scheduler.backfill_window: {minutes:g} min is no whole number of minutes")
    if scheduler.backfill_per_user is not None:
        parameters.append(f"bf_max_job_user={scheduler.backfill_per_user}")
    return parameters


def _scheduling(cluster: Cluster, made: Exported) -> None:
    policy = cluster.the_policy()
    made.conf.append(f"SchedulerType=sched/{'builtin' if policy.backfill == 'none' else 'backfill'}")
    parameters = []
    if cluster.depth is not None:
        parameters.append(f"bf_max_job_test={cluster.depth}")
    parameters += _intervals(cluster, made)
    if parameters:
        made.conf.append(f"SchedulerParameters={','.join(parameters)}")
    if cluster.scheduler.start_delay:
        made.missing.append(f"scheduler.start_delay: {duration(cluster.scheduler.start_delay)} pass before jobs start")
    made.conf.append(f"OverTimeLimit={'UNLIMITED' if cluster.overrun == 'allow' else 0}")
    if cluster.preemption:
        made.conf += ["PreemptType=preempt/partition_prio", "PreemptMode=REQUEUE"]
    if policy.rule.holds not in (NOBODY, LOOKED_AT):
        made.missing.append(f"policy {policy}: Slurm's backfilling plans anew for each job, as replan policies do")
    if policy.order not in ("fcfs", "multifactor"):
        made.missing.append(f"policy {policy}: Slurm has no order {policy.order}; this is first come, first served")
    if policy.order != "multifactor":
        made.conf.append("PriorityType=priority/basic")


def _select(cluster: Cluster, made: Exported) -> None:
    """Say how jobs are placed."""
    memory = any(pool.node.memory is not None for pool in cluster.pools)
    made.conf += ["SelectType=select/cons_tres", f"SelectTypeParameters=CR_Core{'_Memory' * memory}"]
    if any(pool.node.gpus for pool in cluster.pools):
        made.conf.append("GresTypes=gpu")
    for pool in cluster.pools:
        if pool.placement == "cores":
            made.missing.append(f"pool {pool.name}: is a mere number of cores; Slurm places jobs node by node")
        if memory and pool.node.memory is None:
            made.missing.append(
                f"pool {pool.name}: its memory is not looked at; Slurm looks at that of all nodes or of none"
            )


def _nodes(
    cluster: Cluster, hosts: Mapping[str, Sequence[str]], partitions: Sequence[Partition], made: Exported
) -> None:
    order = _order(cluster, partitions, made)
    for pool in cluster.pools:
        node = pool.node
        if not hosts[pool.name]:
            continue
        parts = [f"NodeName={fold(hosts[pool.name])}", f"CPUs={node.cores}"]
        if node.memory is not None:
            parts.append(f"RealMemory={node.whole_memory}")
            if node.memory != node.whole_memory:
                made.missing.append(f"pool {pool.name}: {node.memory:g} MiB is no whole number")
        if node.gpus:
            parts.append(f"Gres=gpu:{node.gpus}")
        parts.append(f"Weight={order.index(pool.name) + 1}")
        if pool.elastic:
            parts.append("State=CLOUD")
        made.conf.append(" ".join(parts))


def _order(cluster: Cluster, partitions: Sequence[Partition], made: Exported) -> list[str]:
    """Return the pools in an order that goes with that of each partition, if there is one."""
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter({pool.name: () for pool in cluster.pools})
    for partition in partitions:
        for before, after in zip(partition.pools, partition.pools[1:], strict=False):
            sorter.add(after, before)
    try:
        return list(sorter.static_order())
    except graphlib.CycleError:
        made.missing.append("partitions: they prefer pools in different orders, and a node has one Weight for all")
        return [pool.name for pool in cluster.pools]


def _doors(
    cluster: Cluster,
    partitions: Sequence[Partition],
    hosts: Mapping[str, Sequence[str]],
    own: Mapping[str, str],
    made: Exported,
) -> None:
    pools: dict[str, Pool] = {pool.name: pool for pool in cluster.pools}
    tiers = any(partition.tier for partition in partitions)
    ranks = sorted({partition.tier for partition in partitions})
    if ranks and ranks[-1] > _HIGHEST:
        made.missing.append(f"partitions: tiers beyond {_HIGHEST} are numbered anew")
    for partition in partitions:
        nodes = [host for pool in partition.pools for host in hosts[pool]]
        if not nodes:
            made.missing.append(f"partition {partition.name}: has no nodes")
            continue
        parts = [f"PartitionName={partition.name}", f"Nodes={fold(nodes)}"]
        if partition.default:
            parts.append("Default=YES")
        parts.append(f"MaxTime={'INFINITE' if partition.max_time is None else slurm_time(partition.max_time)}")
        if partition.max_time is not None and partition.max_time != round(partition.max_time):
            made.missing.append(f"partition {partition.name}: max_time is no whole number of seconds")
        if tiers:
            parts.append(f"PriorityTier={partition.tier if ranks[-1] <= _HIGHEST else ranks.index(partition.tier)}")
        if partition.priority != 1:
            parts.append(f"PriorityJobFactor={min(_HIGHEST, round(partition.priority))}")
            if partition.priority not in range(_HIGHEST + 1):
                made.missing.append(
                    f"partition {partition.name}: priority {partition.priority:g} is none of 0 to {_HIGHEST}"
                )
        if pools[partition.pools[0]].placement == "nodes":
            parts.append("OverSubscribe=EXCLUSIVE")
        parts += billing(partition, cluster)
        if partition.name in own:
            parts.append(f"QOS={own[partition.name]}")
        made.conf.append(" ".join(parts))
        where = partition.where.conditions()
        if partition in cluster.partitions and where != {"partition": (partition.name,)}:
            made.missing.append(
                f"partition {partition.name}: takes {told(partition.where) if where else 'all jobs'}; in Slurm, users "
                "or a job_submit plugin name the partition"
            )


def _reservation(
    number: int, outage: Outage, cluster: Cluster, hosts: Mapping[str, Sequence[str]], made: Exported
) -> None:
    what = f"outages.{number - 1}"
    flags = ["MAINT", "IGNORE_JOBS"]
    if outage.every is not None:
        repeated = {3600.0: "HOURLY", 86_400.0: "DAILY", 604_800.0: "WEEKLY"}.get(outage.every)
        if repeated is None:
            made.missing.append(
                f"{what}: comes again every {duration(outage.every)}; Slurm repeats by hour, day and week"
            )
        else:
            flags.append(repeated)
    if outage.then == "stop":
        made.missing.append(f"{what}: interrupts jobs that run into it; Slurm lets them go on")
    names = [pool.name for pool in cluster.pools if not pool.elastic] if outage.pools is None else outage.pools
    away = [host for name in names for host in (hosts[name] if outage.nodes is None else hosts[name][-outage.nodes :])]
    nodes = "ALL" if outage.pools is None and outage.nodes is None else fold(away)
    made.reservations.append(
        f"scontrol create reservation ReservationName=outage-{number} "
        f"StartTime={parse_local(outage.start).isoformat(timespec='seconds')} Duration={slurm_time(outage.length)} "
        f"Nodes={nodes} Flags={','.join(flags)} Users=root"
    )


def _rest(cluster: Cluster, made: Exported) -> None:
    """Say what else Slurm has no word for."""
    if len(cluster.hours) > 1:
        made.missing.append("hours: choices of the search; these are the first")
    made.missing += [f"hours: {told(rule)}" for rule in cluster.hours[0]]
    if cluster.dependencies is not None:
        made.missing.append("dependencies: jobs say themselves what they wait for (sbatch --dependency, --array=…%N)")
    for pool in cluster.pools:
        if pool.node.speed != 1:
            made.missing.append(f"pool {pool.name}: runs jobs {pool.node.speed:g} times as fast")
        if pool.burst_after is not None:
            made.missing.append(f"pool {pool.name}: jobs come here after {duration(pool.burst_after)}")
        if isinstance(pool, CloudPool):
            does = (
                "come and go with demand; say SuspendTime, ResumeTimeout and their programs"
                if pool.elastic
                else "are rented"
            )
            made.missing.append(f"pool {pool.name}: its nodes {does}")
        if pool.checkpoint_interval is not None:
            made.missing.append(f"pool {pool.name}: jobs keep what they did every {duration(pool.checkpoint_interval)}")
    if any(pool.kind == "cloud" or pool.cost is not None for pool in cluster.pools):
        made.missing.append("costs")
