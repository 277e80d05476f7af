"""What the passes of a site look at, and write: the containers (semantics §9).

A *door* is an ordered list of pools; each job comes through one.  A table by pool is a sequence of sequences.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

from pwsim.rules.site.caps import Caps
from pwsim.rules.site.hours import Hours
from pwsim.rules.site.packs import Packs
from pwsim.rules.site.plan import Plan

NOBODY = -1
"""The guard of a pool that has none."""


class Waiting(NamedTuple):
    """What a pass knows of jobs that wait, by job."""

    need: MutableSequence[int]
    """Units of its door that a job takes."""
    length_s: MutableSequence[float]
    """How long it is expected to hold them [s]."""
    door: MutableSequence[int]
    """Its door."""
    table: Sequence[int]
    """The table of hours in which it may start."""
    holding: Sequence[int]
    """The table of hours outside which it is held: of the rules that do not drain."""
    before: MutableSequence[int]
    """How many jobs must end before it may start."""


class Doors(NamedTuple):
    """The pools that each door opens, one list after another."""

    first: Sequence[int]
    """Where the list of each door begins, and after the last the length of all."""
    pool: Sequence[int]
    """Pools, in the order in which jobs take them."""
    tier: Sequence[int]
    """Jobs of higher tiers come first in the queue, and may preempt those of lower ones."""


class Capacity(NamedTuple):
    """What is free in each pool now, and what is known to come."""

    free: MutableSequence[int]
    """Units that are up and that no job holds, by pool, outages left aside."""
    release_s: Sequence[MutableSequence[float]]
    """Expected ends of the jobs that run in each pool, increasing [s]."""
    release_need: Sequence[MutableSequence[int]]
    """Units of each of them there."""
    release_job: Sequence[MutableSequence[int]]
    """The jobs."""
    running: MutableSequence[int]
    """How many they are, by pool."""
    arrive_s: Sequence[MutableSequence[float]]
    """When the nodes that are on their way arrive, increasing, one unit each [s]."""
    arriving: MutableSequence[int]
    """How many they are, by pool."""
    up_s: Sequence[MutableSequence[float]]
    """Where nodes come and go, from when on each is up, by number; infinity if it is not there [s]."""
    away_first: Sequence[int]
    """First step of each pool's outages, and after the last the number of all; the first is at minus infinity."""
    away_s: Sequence[float]
    """When each step begins [s]."""
    away: Sequence[int]
    """Units that are away from then until the next step."""


class Profiles(NamedTuple):
    """A profile for each pool (:mod:`pwsim.rules.profile`)."""

    time_s: Sequence[MutableSequence[float]]
    """When the points are [s]."""
    free: Sequence[MutableSequence[int]]
    """Units that are free from then until the next point."""
    first: MutableSequence[int]
    """First point in use, by pool."""
    points: MutableSequence[int]
    """Number of points, by pool."""


class Guards(NamedTuple):
    """Who guards what in the pass that is under way."""

    job: MutableSequence[int]
    """The guard of each pool, or :data:`NOBODY`."""
    shadow_s: MutableSequence[float]
    """When the guard of each pool will fit [s]; minus infinity if it is not known ever to."""
    extra: MutableSequence[int]
    """Units of each pool that jobs may still hold beyond that time."""
    taking_pool: MutableSequence[int]
    """Pool of each taking of a guard."""
    taking_s: MutableSequence[float]
    """When each taking begins [s]."""
    taking_end_s: MutableSequence[float]
    """When it ends [s]."""
    taking: MutableSequence[int]
    """Units that it is of."""
    tally: MutableSequence[int]
    """Takings, and guards, so far, and whether all pools of the queue are guarded."""


class Reserved(NamedTuple):
    """The reservations, and what has become free since they were placed."""

    start_s: MutableSequence[float]
    """Start of the reservation of each job [s], or :data:`~pwsim.rules.conservative.NO_RESERVATION`."""
    stale: MutableSequence[bool]
    """Whether a job was held when others were placed again, and has to be tried whatever became free."""
    gain_s: Sequence[MutableSequence[float]]
    """Span of time in which units of each pool have become free [s] (:func:`pwsim.rules.conservative.gain`)."""
    vacated_s: Sequence[MutableSequence[float]]
    """Span of time in which units of each pool were left by jobs that moved; those before them have not tried it."""
    held: MutableSequence[bool]
    """Whether each job is held in the pass that is under way, as it was when the pass began."""
    keeps: MutableSequence[bool]
    """Whether each job has preempted others in this pass, and so keeps its place at now."""
    overdue_until_s: MutableSequence[float]
    """Until when the last pass let jobs of each pool hold on that had outlived their estimates [s]."""


class Site(NamedTuple):
    """All that the passes of a site look at, and write."""

    waiting: Waiting
    """Jobs that wait."""
    rows: Doors
    """The pools of each queue."""
    doors: Doors
    """The doors to pools."""
    capacity: Capacity
    """What is free."""
    profiles: Profiles
    """What will be free."""
    hours: Hours
    """When jobs may start."""
    caps: Caps
    """What may run at once."""
    guards: Guards
    """Who guards what, with the rules ``none`` and ``easy``."""
    reserved: Reserved
    """Who reserved what, with ``conservative``."""
    part: Sequence[MutableSequence[int]]
    """Units of each pool, a row each, that a job holds, has reserved, or is about to take, by job."""
    packs: Packs
    """The nodes of packed pools."""
    plan: Plan
    """The plan, with ``replan``."""
    away_most: MutableSequence[int]
    """Room for the units of each pool that are away at some time."""


def pools_of(door: int, doors: Doors) -> Sequence[int]:
    """Return the pools that a door opens, in their order."""
    return doors.pool[doors.first[door] : doors.first[door + 1]]
