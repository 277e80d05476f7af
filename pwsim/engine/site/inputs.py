"""A trace on a cluster with site rules, as the containers of a replay (semantics §9)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pwsim.cluster import Cluster, admission, through_doors, untold_dependencies
from pwsim.common import InputError
from pwsim.engine.inputs import Inputs
from pwsim.engine.outcome import REJECTED
from pwsim.engine.priorities import priorities_of
from pwsim.engine.site.beginning import state_of
from pwsim.engine.site.calendar import Calendar
from pwsim.engine.site.capping import caps_moved, caps_of
from pwsim.engine.site.changing import bursts_of, changes
from pwsim.engine.site.following import with_following
from pwsim.engine.site.outages import nodes_away, outages_of
from pwsim.engine.site.packing import packs_of
from pwsim.engine.site.planned import plan_of
from pwsim.engine.site.state import State
from pwsim.engine.site.timetable import REASONS, hours_of, never_open, reject_between_outages
from pwsim.rules.site import NOT_UNDER, Waiting
from pwsim.trace import Floats, Integers, Trace


class Prepared(NamedTuple):
    """What a replay under site rules starts from."""

    state: State
    """The containers, as arrays."""
    reason: Integers
    """Why each job is rejected, a place in :data:`REASONS`; -1 if it is not, shape (jobs,)."""
    away: Floats | None
    """Pool, time, and nodes that are away from then until the next time [s], shape (steps, 3); ``None`` if none is."""
    changes: bool
    """Whether nodes come and go, or jobs move."""
    planned: list[tuple[float, int, int, int]]
    """What happens whatever jobs do: time, kind, pool or rule, and 1 where an outage stops jobs."""


class Records(NamedTuple):
    """What an engine noted."""

    attempts: Floats
    """Rows as :func:`pwsim.engine.site.state.end_attempt` notes them."""
    waits: Floats
    """Job, pool, start and end of each time in a queue."""
    spans: Floats
    """Pool, number, launch, being up and end of each stay of a node."""
    end_s: float
    """When the replay ended [s]."""


def prepare_site(trace: Trace, cluster: Cluster, inputs: Inputs, calendar: Calendar) -> Prepared:
    """Return the containers of a replay, and what happens in it whatever jobs do.

    Parameters
    ----------
    trace, cluster
        The jobs, and the cluster without choices.
    inputs
        The same as arrays, site rules left aside.
    calendar
        What goes by the site's clock (:func:`calendar_of`).

    Raises
    ------
    InputError
        If a rule cannot be replayed with what else the cluster has, or with the trace.
    """
    if untold := untold_dependencies(trace, cluster):
        raise InputError(untold)
    if trace.feedback is not None:
        raise InputError(
            "feedback of users cannot be replayed together with rules of the site, or plans made anew; leave either out"
        )
    seen = through_doors(trace, cluster.partitions)
    ways, door, need, reason = admission(trace, cluster)
    hours, masks, table, holding, planned = hours_of(seen, cluster, calendar)
    caps = caps_of(seen, cluster, ways, door, need)
    away, outages = outages_of(cluster, inputs, calendar.away)
    length_s = cluster.scheduler.start_delay + trace.estimate_s / _slowest(cluster, ways)[door]
    counter, most = np.asarray(caps.counter), np.append(caps.most, 0)  # the last is nobody's
    alone = np.any((counter != NOT_UNDER) & (np.asarray(caps.amount) > most[counter]), axis=0)
    for name, fault in (("limit", alone), ("hours", never_open(hours, table, inputs.submit_s, length_s))):
        reason[(reason < 0) & fault] = REASONS.index(name)
    waiting = Waiting(need, length_s, door, table, holding, np.zeros(len(trace), dtype=np.int64))
    priorities = priorities_of(trace, cluster, ways, np.where(reason < 0, door, REJECTED), need)
    packs = packs_of(trace, cluster, inputs, waiting)
    moved = caps_moved(seen, cluster, inputs, caps)
    bursts = bursts_of(inputs, waiting, len(cluster.partitions), packs, caps, *moved)
    plan = plan_of(trace, cluster)
    state = state_of(cluster, inputs, ways, waiting, masks, hours, caps, away, packs, plan, priorities, bursts)
    if outages:
        reject_between_outages(state, inputs.submit_s, reason, calendar)
    rejections: list[tuple[float, int, int, int]] = []
    if cluster.dependencies is not None:
        state, rejections = with_following(state, trace, reason)
    known = nodes_away(cluster, away) if outages else None
    return Prepared(state, reason, known, changes(inputs), sorted(planned + outages + rejections))


def _slowest(cluster: Cluster, ways: list[list[int]]) -> Floats:
    return np.array([min(cluster.pools[pool].node.speed for pool in way) for way in ways])
