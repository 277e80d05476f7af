"""What jobs count under limits, at their doors and where they move (semantics §9, "Limits")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pwsim import rules
from pwsim.cluster import Cluster, Pool
from pwsim.engine.inputs import Inputs
from pwsim.rules.site import NOT_UNDER, Caps
from pwsim.trace import NO_ARRAY, Integers, Trace, array_limits


def caps_of(trace: Trace, cluster: Cluster, ways: list[list[int]], door: Integers, need: Integers) -> Caps:
    """Return the limits."""
    (limits,) = cluster.limits
    amounts = _amounts(trace, [cluster.pools[way[0]] for way in ways], door, need)
    most: list[Integers] = []
    counters, amount, first = [], [], 0
    for limit in limits:
        for resource, value in limit.at_most.caps():
            key = keys_of(trace, limit.per)
            counter = np.where((key >= 0) & limit.where.admit(trace), first + key, NOT_UNDER)
            keys = int(key.max(initial=-1)) + 1
            first += keys
            most.append(np.full(keys, round(value * rules.WHOLE) if resource == "gpus" else int(value)))
            counters.append(counter)
            amount.append(amounts[resource].astype(np.int64))
    if cluster.dependencies is not None:
        array, at_once = array_limits(trace)
        counters.append(np.where(array != NO_ARRAY, first + array, NOT_UNDER))
        first += len(at_once)
        most.append(at_once)
        amount.append(amounts["jobs"])
    shape = (len(counters), len(trace))
    return Caps(
        np.concatenate([*most, np.zeros(0)]).astype(np.int64), np.array(counters, dtype=np.int64).reshape(shape),
        np.array(amount, dtype=np.int64).reshape(shape), np.zeros(first, dtype=np.int64),
    )  # fmt: skip


def _amounts(trace: Trace, pools: Sequence[Pool], door: Integers, need: Integers) -> dict[str, Integers]:
    """Return what each job counts of each resource, where doors open onto pools like these."""
    cores = np.array([pool.node.cores for pool in pools])[door]
    whole = np.array([pool.placement == "nodes" for pool in pools])[door]
    packed = np.array([pool.placement == "packed" for pool in pools])[door]
    shared = np.maximum(need, 1) * -(-trace.procs // np.maximum(need, 1))
    return {
        "cores": np.select([whole, packed], [need * cores, shared], trace.procs),
        "nodes": np.where(whole | packed, need, np.maximum(trace.nodes, -(-trace.procs // cores))),
        "gpus": np.round(trace.gpus * rules.WHOLE).astype(np.int64),
        "jobs": np.ones(len(trace), dtype=np.int64),
    }


def caps_moved(trace: Trace, cluster: Cluster, inputs: Inputs, caps: Caps) -> tuple[Caps, Integers]:
    """Return what jobs count once they have moved to a pool, the limits of a pool after another; and their needs.

    There they are of no partition.  Those that would pass a cap by themselves never move: they need nothing there.
    """
    kinds = [(limit.per, resource) for limit in cluster.limits[0] for resource, _ in limit.at_most.caps()]
    if cluster.dependencies is not None:
        kinds.append(("array", "jobs"))
    counter, most = np.array(caps.counter), np.append(caps.most, 0)  # the last is nobody's
    counter[[per == "partition" for per, _ in kinds]] = NOT_UNDER
    amount, needs = [], inputs.needs.copy()
    for index, pool in enumerate(cluster.pools):
        amounts = _amounts(trace, [pool], np.zeros(len(trace), dtype=np.int64), inputs.needs[index])
        here = np.array([amounts[resource] for _, resource in kinds], dtype=np.int64).reshape(counter.shape)
        alone = np.any((counter != NOT_UNDER) & (here > most[counter]), axis=0)
        needs[index, alone] = 0
        amount.append(here)
    return caps._replace(counter=counter, amount=np.concatenate(amount)), needs


def keys_of(trace: Trace, per: str) -> Integers:
    """Return of whom each job is, as a number; -1 where the log does not tell."""
    if per == "all":
        return np.zeros(len(trace), dtype=np.int64)
    column = getattr(trace, "user_group" if per == "account" else per)
    unknown = [code for code, name in enumerate(column.categories) if str(name) == ""]
    return np.where(np.isin(column.codes, unknown), -1, column.codes).astype(np.int64)
