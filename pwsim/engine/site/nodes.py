"""The nodes of pools in which they come and go, under site rules: containers, and who holds which (semantics §6).

A node that fails, or that an elastic pool launches, has a number; a pool whose nodes all stay has rows without entries
that are looked at.  All functions are index loops, in the subset of Python that numba compiles; a table by pool is a
sequence of sequences.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

from pwsim.rules import cut, place_of, put
from pwsim.rules.site import Packs

GONE, COMING, IDLE, BUSY = range(4)
"""States of a node."""
ENOUGH, SHORT, FRUITLESS = range(3)
"""Whether a replay has what it needs: all; more draws or room for nodes; or else nodes are launched in vain."""


class Nodes(NamedTuple):
    """The nodes of pools in which they come and go; a row a pool, and in it by number."""

    numbered: Sequence[bool]
    """Whether nodes of each pool come and go."""
    elastic: Sequence[bool]
    """Whether they are launched and shut down with demand."""
    lives: Sequence[bool]
    """Whether they are taken back."""
    fails: Sequence[bool]
    """Whether they fail."""
    most: Sequence[int]
    """The most that may be held at once."""
    least: Sequence[int]
    """``min_nodes`` of elastic pools."""
    boot_s: Sequence[float]
    """From launch until a node is up [s]."""
    timeout_s: Sequence[float]
    """Idle time after which a node is shut down [s]."""
    repair_s: Sequence[float]
    """From a failure until the node is up again [s]."""
    lives_s: Sequence[Sequence[float]]
    """How long each launch lives [s]."""
    uptimes_s: Sequence[Sequence[Sequence[float]]]
    """How long each node is up until each of its failures [s]."""
    failures: Sequence[MutableSequence[int]]
    """Failures that were drawn so far."""
    state: Sequence[MutableSequence[int]]
    """What each node is."""
    job: Sequence[MutableSequence[int]]
    """The job that holds each busy node of whole nodes."""
    following: Sequence[MutableSequence[int]]
    """The next node of the same job, or -1."""
    first: Sequence[MutableSequence[int]]
    """The first node of each job, by job."""
    jobs_on: Sequence[MutableSequence[int]]
    """Shares on each node of packed pools."""
    idle: Sequence[MutableSequence[int]]
    """Numbers of idle nodes, increasing."""
    idles: MutableSequence[int]
    """How many they are, by pool."""
    idle_since_s: Sequence[MutableSequence[float]]
    """Since when each is idle [s]."""
    busy: MutableSequence[int]
    """Nodes that jobs hold, by pool."""
    launched: MutableSequence[int]
    """Launches so far, by pool; the next one has this number."""
    launched_s: Sequence[MutableSequence[float]]
    """When each was launched, or began to be repaired [s]."""
    leaves_s: Sequence[MutableSequence[float]]
    """When each is taken back, or fails [s]."""
    fruitless: MutableSequence[int]
    """Launches since a job last started, by pool."""
    wake_s: MutableSequence[float]
    """When the autoscaler looks at each pool again [s]."""
    leaving: MutableSequence[int]
    """Room for nodes that are shut down."""
    asking: MutableSequence[int]
    """Room for the jobs that nodes are wanted for."""
    room_cores: MutableSequence[int]
    """Room to count in the empty nodes that jobs of a packed pool would fill."""
    room_memory: MutableSequence[int]
    """Likewise."""
    room_gpus: MutableSequence[int]
    """Likewise."""
    room_gpu: MutableSequence[int]
    """Likewise."""
    chosen: MutableSequence[int]
    """Room for nodes."""
    status: MutableSequence[int]
    """Whether the replay has what it needs, and the pool that lacks it."""


def set_idle(now: float, pool: int, number: int, nodes: Nodes) -> None:
    """Let a node be idle from now on."""
    nodes.state[pool][number] = IDLE
    nodes.idle_since_s[pool][number] = now
    idle = nodes.idle[pool]
    put(idle, nodes.idles[pool], place_of(idle, nodes.idles[pool], number), number)
    nodes.idles[pool] += 1


def drop_idle(pool: int, number: int, nodes: Nodes) -> None:
    """Take a node off the idle ones."""
    idle = nodes.idle[pool]
    cut(idle, nodes.idles[pool], place_of(idle, nodes.idles[pool], number))
    nodes.idles[pool] -= 1


def set_busy(pool: int, number: int, nodes: Nodes) -> None:
    """Let an idle node be busy."""
    drop_idle(pool, number, nodes)
    nodes.state[pool][number] = BUSY
    nodes.busy[pool] += 1


def take_nodes(job: int, pool: int, units: int, need: Sequence[int], packs: Packs, nodes: Nodes) -> None:
    """Give a job its nodes in a pool: those of its shares, or the idle ones with the lowest numbers."""
    nodes.fruitless[pool] = 0
    if packs.packed[pool]:
        for share in range(packs.first[job], packs.first[job] + need[job]):
            if packs.place_pool[share] == pool:
                number = packs.place_node[share]
                if nodes.jobs_on[pool][number] == 0:
                    set_busy(pool, number, nodes)
                nodes.jobs_on[pool][number] += 1
        return
    last = -1
    for index in range(units):
        number = nodes.idle[pool][index]
        nodes.state[pool][number] = BUSY
        nodes.job[pool][number] = job
        nodes.following[pool][number] = last
        last = number
    nodes.first[pool][job] = last
    for index in range(units, nodes.idles[pool]):
        nodes.idle[pool][index - units] = nodes.idle[pool][index]
    nodes.idles[pool] -= units
    nodes.busy[pool] += units


def give_nodes(now: float, job: int, pool: int, need: Sequence[int], packs: Packs, nodes: Nodes) -> None:
    """Take the nodes of a job in a pool back; those that no other job holds are idle."""
    if packs.packed[pool]:
        for share in range(packs.first[job], packs.first[job] + need[job]):
            if packs.place_pool[share] == pool:
                number = packs.place_node[share]
                nodes.jobs_on[pool][number] -= 1
                if nodes.jobs_on[pool][number] == 0:
                    nodes.busy[pool] -= 1
                    set_idle(now, pool, number, nodes)
        return
    number = nodes.first[pool][job]
    while number >= 0:
        nodes.busy[pool] -= 1
        set_idle(now, pool, number, nodes)
        number = nodes.following[pool][number]


def shares_on(job: int, pool: int, number: int, need: Sequence[int], packs: Packs) -> bool:
    """Return whether a running job has a share on a node."""
    for share in range(packs.first[job], packs.first[job] + need[job]):
        if packs.place_pool[share] == pool and packs.place_node[share] == number:
            return True
    return False
