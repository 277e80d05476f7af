"""Units that are away, step by step (semantics §9, "Outages")."""

from __future__ import annotations

import math

import numpy as np

from pwsim.cluster import Away, Cluster
from pwsim.engine.inputs import Inputs
from pwsim.engine.site.state import OUTAGE, RETURN
from pwsim.trace import Floats, Integers


def outages_of(
    cluster: Cluster, inputs: Inputs, away: list[Away]
) -> tuple[tuple[Integers, Floats, Integers], list[tuple[float, int, int, int]]]:
    """Return the units of each pool that are away, step by step, and when outages begin and end."""
    planned, steps, first = [], [], [0]
    for number, pool in enumerate(cluster.pools):
        mine = [one for one in away if one.pool == number]
        per_node = pool.units_per_node()
        units = [inputs.units[number] if one.nodes is None else one.nodes * per_node for one in mine]
        edges = sorted({edge for one in mine for edge in (one.start_s, one.end_s)})
        steps.append((-math.inf, 0))
        for edge in edges:
            level = max(
                [size for one, size in zip(mine, units, strict=True) if one.start_s <= edge < one.end_s], default=0
            )
            steps.append((edge, min(level, inputs.units[number])))
        first.append(len(steps))
        for one in mine:
            planned += [(one.start_s, OUTAGE, number, int(one.stop)), (one.end_s, RETURN, number, 0)]
    begins, levels = zip(*steps, strict=True)
    return (np.array(first), np.array(begins, dtype=np.float64), np.array(levels, dtype=np.int64)), planned


def nodes_away(cluster: Cluster, away: tuple[Integers, Floats, Integers]) -> Floats:
    """Return pool, time, and nodes that are away from then until the next time [s], shape (steps, 3)."""
    first, begins_s, units = away
    pool = np.repeat(np.arange(len(cluster.pools)), np.diff(first))
    per_node = np.array([one.units_per_node() for one in cluster.pools])[pool]
    known = begins_s > -math.inf
    return np.column_stack((pool, begins_s, units / per_node))[known]
