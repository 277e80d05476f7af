"""Shares of jobs on the nodes of several packed pools, with guards and outages (semantics §5, §9).

A job's shares go one after another to the first pool of its door that has a place, best fit within it
(:mod:`pwsim.rules.packing`).  What will be free at a time is worked out on nodes of its own, ``then``: running jobs
that are expected to have ended are gone, and what guards will take is taken.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

from pwsim.rules.packing import Bins, Shares, choose, hold, pick


class Packs(NamedTuple):
    """The nodes of packed pools and what jobs have of them; a row a pool, without rows where no pool is packed."""

    packed: Sequence[bool]
    """Whether each pool is packed."""
    nodes: MutableSequence[int]
    """Nodes of each pool, numbered below that; one that is away has no free cores, of which every share needs some."""
    size_cores: Sequence[int]
    """Cores of an empty node."""
    size_memory: Sequence[int]
    """Memory of an empty node [MiB]; 0 where it is not looked at."""
    width: Sequence[int]
    """GPUs of a node."""
    cores: Sequence[MutableSequence[int]]
    """Free cores by node."""
    memory: Sequence[MutableSequence[int]]
    """Free memory [MiB]."""
    gpus: Sequence[MutableSequence[int]]
    """Free thousandths of GPUs."""
    gpu: Sequence[MutableSequence[int]]
    """Free thousandths of each GPU."""
    then_cores: Sequence[MutableSequence[int]]
    """Room for the same at another time."""
    then_memory: Sequence[MutableSequence[int]]
    """Likewise."""
    then_gpus: Sequence[MutableSequence[int]]
    """Likewise."""
    then_gpu: Sequence[MutableSequence[int]]
    """Likewise."""
    share_cores: MutableSequence[int]
    """Cores of a share of each job."""
    share_memory: Sequence[MutableSequence[int]]
    """Memory of a share of each job in each pool [MiB]; 0 where it is not looked at."""
    share_milli: MutableSequence[int]
    """Thousandths of a GPU of a share of each job."""
    numbers: Sequence[int]
    """Numbers of nodes, 0 and up."""
    first: Sequence[int]
    """Where the shares of each job stand in what follows."""
    place_pool: MutableSequence[int]
    """Pool of each share."""
    place_node: MutableSequence[int]
    """Node of each share."""
    place_bits: MutableSequence[int]
    """GPUs of each share, as bits."""
    claim_pool: Sequence[MutableSequence[int]]
    """Pools of the shares that each guard will take; of twice as many rows as there may be guards half is room."""
    claim_node: Sequence[MutableSequence[int]]
    """Nodes likewise."""
    claim_bits: Sequence[MutableSequence[int]]
    """GPUs likewise."""
    claim_job: MutableSequence[int]
    """The guards, in the order in which they were set."""
    claim_s: MutableSequence[float]
    """Their shadows [s]."""
    claim_end_s: MutableSequence[float]
    """When what they take ends [s]; minus infinity of one without a shadow."""
    claims: MutableSequence[int]
    """How many guards there are, the only entry."""
    first_point: Sequence[MutableSequence[int]]
    """The first point of what will be free on each node, in a plan that is made anew; a row a pool."""
    fits_s: Sequence[MutableSequence[float]]
    """From when on each node fits the job that is being placed in the plan, as far as it has been looked at [s]."""
    point_s: MutableSequence[float]
    """When each point is; minus infinity of the first of a node [s]."""
    next_point: MutableSequence[int]
    """The next point of the same node, or -1."""
    point_cores: MutableSequence[int]
    """Cores that are free from a point until the next one."""
    point_memory: MutableSequence[int]
    """Memory likewise [MiB]."""
    point_gpus: MutableSequence[int]
    """Thousandths of GPUs likewise."""
    point_gpu: MutableSequence[int]
    """Thousandths of each GPU likewise, of as many as the nodes of any pool have."""
    points: MutableSequence[int]
    """How many points there are, the only entry."""
    closed: MutableSequence[bool]
    """Pools that a job may not use in the trial that is under way."""
    chosen: MutableSequence[int]
    """Room for nodes."""
    found_pool: MutableSequence[int]
    """Pools of the shares that a trial found a place for."""
    found_node: MutableSequence[int]
    """Nodes likewise."""


def bins_now(pool: int, packs: Packs) -> Bins:
    """Return what is free on the nodes of a pool."""
    return Bins(packs.width[pool], packs.cores[pool], packs.memory[pool], packs.gpus[pool], packs.gpu[pool])


def bins_then(pool: int, packs: Packs) -> Bins:
    """Return what will be free on the nodes of a pool at the time that was drawn."""
    return Bins(
        packs.width[pool], packs.then_cores[pool], packs.then_memory[pool], packs.then_gpus[pool], packs.then_gpu[pool]
    )


def shares_in(pool: int, need: Sequence[int], packs: Packs) -> Shares:
    """Return what each job asks for in a pool."""
    return Shares(need, packs.share_cores, packs.share_memory[pool], packs.share_milli, packs.share_cores)


def copy_nodes(pool: int, packs: Packs) -> None:
    """Let the nodes of another time be as they are now."""
    for node in range(packs.nodes[pool]):
        packs.then_cores[pool][node] = packs.cores[pool][node]
        packs.then_memory[pool][node] = packs.memory[pool][node]
        packs.then_gpus[pool][node] = packs.gpus[pool][node]
    for gpu in range(packs.nodes[pool] * packs.width[pool]):
        packs.then_gpu[pool][gpu] = packs.gpu[pool][gpu]


def shift_job(job: int, pool: int, sign: int, now_too: bool, need: Sequence[int], packs: Packs) -> None:
    """Give a job's shares in a pool back (1), or take them (-1): on the nodes of now, or of another time."""
    shares = shares_in(pool, need, packs)
    bins = bins_now(pool, packs) if now_too else bins_then(pool, packs)
    for share in range(packs.first[job], packs.first[job] + need[job]):
        if packs.place_pool[share] == pool:
            hold(bins, packs.place_node[share], shares, job, packs.place_bits[share], sign)


def hold_claim(claim: int, pool: int, job: int, need: Sequence[int], packs: Packs) -> None:
    """Take what a guard will take in a pool off the nodes of another time."""
    shares = shares_in(pool, need, packs)
    for share in range(need[job]):
        if packs.claim_pool[claim][share] == pool:
            node, bits = packs.claim_node[claim][share], packs.claim_bits[claim][share]
            hold(bins_then(pool, packs), node, shares, job, bits, -1)


def share_out(
    job: int, pools: Sequence[int], away: Sequence[int], now_too: bool, need: Sequence[int], packs: Packs
) -> bool:
    """Find a place for each share of a job; return whether there is one for all.

    Parameters
    ----------
    away
        Nodes of each pool that are away at some time while it runs, the highest-numbered ones.
    now_too
        Whether it starts now, or at the time that was drawn.
    """
    left, found = need[job], 0
    for pool in pools:
        if packs.closed[pool] or not left:
            continue
        bins = bins_now(pool, packs) if now_too else bins_then(pool, packs)
        count = max(0, packs.nodes[pool] - away[pool])
        here = choose(bins, packs.numbers, count, shares_in(pool, need, packs), job, left, packs.chosen)
        for index in range(here):
            packs.found_pool[found], packs.found_node[found] = pool, packs.chosen[index]
            found += 1
        left -= here
    return left == 0


def settle(job: int, need: Sequence[int], packs: Packs) -> None:
    """Let a job have the place now that was found for it."""
    for index in range(need[job]):
        pool, node = packs.found_pool[index], packs.found_node[index]
        share = packs.first[job] + index
        bits = pick(bins_now(pool, packs), node, packs.share_milli[job])
        packs.place_pool[share], packs.place_node[share], packs.place_bits[share] = pool, node, bits
        hold(bins_now(pool, packs), node, shares_in(pool, need, packs), job, bits, -1)


def write_claim(claim: int, job: int, need: Sequence[int], packs: Packs) -> None:
    """Note the place that was found for a guard, at the time that was drawn."""
    for index in range(need[job]):
        pool, node = packs.found_pool[index], packs.found_node[index]
        packs.claim_pool[claim][index], packs.claim_node[claim][index] = pool, node
        packs.claim_bits[claim][index] = pick(bins_then(pool, packs), node, packs.share_milli[job])


def uses(claim: int, pool: int, count: int, packs: Packs) -> bool:
    """Return whether a guard will take something in a pool."""
    for index in range(count):  # noqa: SIM110 - numba compiles no generators
        if packs.claim_pool[claim][index] == pool:
            return True
    return False
