"""When a job fits on the nodes of packed pools, beside guards, and where its shares go (semantics §9).

A guard keeps a *claim*: the nodes that it will have at its shadow.  All functions are index loops, in the subset of
Python that numba compiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pwsim.rules.packing import empty
from pwsim.rules.site.containers import NOBODY, Site, pools_of
from pwsim.rules.site.fitting import next_change, note_away
from pwsim.rules.site.hours import may_start, next_opening, next_tick
from pwsim.rules.site.packs import (
    Packs,
    bins_then,
    copy_nodes,
    hold_claim,
    settle,
    share_out,
    shift_job,
    uses,
    write_claim,
)


def is_packed(door: int, site: Site) -> bool:
    """Return whether the pools of a door are packed; all have one placement."""
    return site.packs.packed[site.doors.pool[site.doors.first[door]]]


def draw_nodes(now: float, start_s: float, end_s: float, door: int, claims: int, site: Site) -> None:
    """Write what will be free on the nodes of a door's pools at a time, beside the first so many guards."""
    packs, need = site.packs, site.waiting.need
    for pool in pools_of(door, site.doors):
        copy_nodes(pool, packs)
        for running in range(site.capacity.running[pool]):
            if max(site.capacity.release_s[pool][running], now + 1.0) <= start_s:
                shift_job(site.capacity.release_job[pool][running], pool, 1, False, need, packs)
        if site.capacity.arriving[pool]:
            for node in range(packs.nodes[pool]):
                if now < site.capacity.up_s[pool][node] <= start_s:
                    empty(bins_then(pool, packs), node, packs.size_cores[pool], packs.size_memory[pool])
        for claim in range(claims):
            if packs.claim_s[claim] < end_s and start_s < packs.claim_end_s[claim]:
                hold_claim(claim, pool, packs.claim_job[claim], need, packs)


def can_be_placed(now: float, start_s: float, job: int, claims: int, site: Site) -> bool:
    """Return whether a job could be placed at a time, beside the first so many guards."""
    door, length_s = site.waiting.door[job], site.waiting.length_s[job]
    draw_nodes(now, start_s, start_s + length_s, door, claims, site)
    note_away(start_s, length_s, door, site)
    for pool in pools_of(door, site.doors):
        site.packs.closed[pool] = False
    return share_out(job, pools_of(door, site.doors), site.away_most, False, site.waiting.need, site.packs)


def first_place(after_s: float, now_too: bool, now: float, job: int, site: Site) -> float:
    """Return the earliest time after another, or at it, at which a job can be placed, and may start [s]."""
    packs, length_s, door = site.packs, site.waiting.length_s[job], site.waiting.door[job]
    time_s, tried_s, looks = after_s, -math.inf, now_too
    while True:
        start_s = next_tick(time_s, site.hours.period_s)
        if looks and start_s > tried_s:
            tried_s = start_s
            allowed = may_start(site.hours, site.waiting.table[job], start_s, length_s)
            if allowed and can_be_placed(now, start_s, job, packs.claims[0], site):
                return start_s
        looks = True
        next_s = next_opening(site.hours, site.waiting.table[job], time_s)
        for pool in pools_of(door, site.doors):
            for running in range(site.capacity.running[pool]):
                end_s = max(site.capacity.release_s[pool][running], now + 1.0)
                if end_s > time_s:
                    next_s = min(next_s, end_s)
                    break
            next_s = min(next_s, next_change(pool, time_s, site))
            for claim in range(packs.claims[0]):
                other = packs.claim_job[claim]
                if packs.claim_end_s[claim] > time_s and uses(claim, pool, site.waiting.need[other], packs):
                    edge_s = packs.claim_s[claim] if packs.claim_s[claim] > time_s else packs.claim_end_s[claim]
                    next_s = min(next_s, edge_s)
        if next_s == math.inf:
            return math.inf
        time_s = next_s


def pack_now(now: float, job: int, backfills: bool, site: Site) -> bool:
    """Place a job now if it fits and the guards that it would outlast can still be placed; return whether it is."""
    packs, need, guards = site.packs, site.waiting.need, site.guards
    door, length_s = site.waiting.door[job], site.waiting.length_s[job]
    for pool in pools_of(door, site.doors):
        outlasts = guards.job[pool] != NOBODY and (not backfills or now + length_s > guards.shadow_s[pool])
        packs.closed[pool] = outlasts and (not backfills or guards.shadow_s[pool] == -math.inf)
    note_away(now, length_s, door, site)
    if not share_out(job, pools_of(door, site.doors), site.away_most, True, need, packs):
        return False
    settle(job, need, packs)
    for pool in pools_of(door, site.doors):
        site.part[pool][job] = 0
    for share in range(packs.first[job], packs.first[job] + need[job]):
        site.part[packs.place_pool[share]][job] += 1
    if guards_stay(now, job, site):
        return True
    for pool in pools_of(door, site.doors):
        shift_job(job, pool, 1, True, need, packs)
        site.part[pool][job] = 0
    return False


def guards_stay(now: float, job: int, site: Site) -> bool:
    """Return whether the guards whose pools a job uses, and whose shadows it outlasts, can still be placed at them.

    If so, they are from now on where they were found.
    """
    packs, need, guards = site.packs, site.waiting.need, site.guards
    door, end_s, most = site.waiting.door[job], now + site.waiting.length_s[job], packs.claims[0]
    rows = len(packs.claim_job) // 2
    for claim in range(most):  # those that are found are kept in the second half, until all are
        swap_claims(claim, rows + claim, need, packs)
    kept = True
    for claim in range(most):
        guard = packs.claim_job[rows + claim]
        touched = False
        for pool in pools_of(door, site.doors):
            touched = touched or (site.part[pool][job] > 0 and guards.job[pool] == guard)
        if kept and touched and end_s > packs.claim_s[claim] and packs.claim_end_s[claim] > -math.inf:
            kept = can_be_placed(now, packs.claim_s[claim], guard, claim, site)
            if kept:
                write_claim(claim, guard, need, packs)
    if not kept:
        for claim in range(most):
            swap_claims(rows + claim, claim, need, packs)
    return kept


def swap_claims(source: int, target: int, need: Sequence[int], packs: Packs) -> None:
    """Copy what a guard takes from one row to another."""
    job = packs.claim_job[target] = packs.claim_job[source]
    for index in range(need[job]):
        packs.claim_pool[target][index] = packs.claim_pool[source][index]
        packs.claim_node[target][index] = packs.claim_node[source][index]
        packs.claim_bits[target][index] = packs.claim_bits[source][index]


def guard_packed(now: float, job: int, site: Site) -> None:
    """Let a blocked job guard those of its packed pools that nobody guards."""
    packs, guards = site.packs, site.guards
    shadow_s = first_place(now, False, now, job, site)
    claim = packs.claims[0]
    packs.claim_job[claim] = job
    packs.claim_s[claim] = packs.claim_end_s[claim] = -math.inf
    if shadow_s < math.inf:
        packs.claim_s[claim], packs.claim_end_s[claim] = shadow_s, shadow_s + site.waiting.length_s[job]
        write_claim(claim, job, site.waiting.need, packs)
    packs.claims[0] += 1
    for pool in pools_of(site.waiting.door[job], site.doors):
        if guards.job[pool] == NOBODY:
            guards.job[pool] = job
            guards.shadow_s[pool] = shadow_s if shadow_s < math.inf else -math.inf
            guards.extra[pool] = 0
    guards.tally[1] += 1
