"""Backfilling with a plan that each pass makes anew, over several pools, with hours, limits and outages (semantics §9).

Each job that the pass looks at gets the earliest place beside running jobs and the jobs before it.  What is free later
is known by pool in the profiles (:mod:`pwsim.rules.profile`), and in packed pools by node
(:mod:`pwsim.rules.site.futures`).
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence

from pwsim.rules.packing import fits, hold, pick
from pwsim.rules.site.containers import Site, pools_of
from pwsim.rules.site.fitting import draw_profile, first_fit, is_too_wide, next_change, note_away, set_aside, take
from pwsim.rules.site.futures import draw_futures, first_on_node, reserve_nodes
from pwsim.rules.site.guards import BEHIND, INDEX, OVER, START, is_held
from pwsim.rules.site.hours import may_start, next_opening, next_tick
from pwsim.rules.site.packs import bins_now, bins_then, share_out, shares_in
from pwsim.rules.site.placing import is_packed


def begin_plan(now: float, row: int, jobs: Sequence[int], end: int, site: Site) -> int:
    """Begin a plan without waiting jobs; return how many jobs of the queue it need look at.

    Those behind the last that what is free now would hold start in no case, and be in the way of nobody.
    """
    while end and not may_fit(jobs[end - 1], site):
        end -= 1
    if end:
        for user in range(len(site.plan.seen)):
            site.plan.seen[user] = 0
        for pool in pools_of(row, site.rows):
            if not site.packs.packed[pool]:
                draw_profile(now, pool, site)
        draw_futures(now, row, site)
    return end


def may_fit(job: int, site: Site) -> bool:
    """Return whether what is free now would hold a job, if there were no others and no rules."""
    packs, door = site.packs, site.waiting.door[job]
    if not is_packed(door, site):
        return not is_too_wide(job, site)
    missing = site.waiting.need[job]
    for pool in pools_of(door, site.doors):
        bins, shares = bins_now(pool, packs), shares_in(pool, site.waiting.need, packs)
        for node in range(packs.nodes[pool]):
            missing -= fits(bins, node, shares, job)
            if missing <= 0:
                return True
    return False


def first_on_nodes(now: float, job: int, site: Site) -> float:
    """Return the earliest start of a job on packed nodes within the window [s], and find its nodes; or infinity."""
    packs, table, length_s = site.packs, site.waiting.table[job], site.waiting.length_s[job]
    door, need, time_s = site.waiting.door[job], site.waiting.need, now
    for pool in pools_of(door, site.doors):
        for node in range(packs.nodes[pool]):
            packs.fits_s[pool][node] = -math.inf
    while time_s < math.inf:
        start_s = next_tick(time_s, site.hours.period_s)
        if start_s > now + site.plan.window_s:
            return math.inf
        next_s = next_opening(site.hours, table, start_s)
        if may_start(site.hours, table, start_s, length_s):
            found = 0
            note_away(start_s, length_s, door, site)
            for pool in pools_of(door, site.doors):
                packs.closed[pool] = False
                next_s = min(next_s, next_change(pool, start_s, site))
                fits_s, cores = packs.fits_s[pool], bins_then(pool, packs).cores
                for node in range(max(0, packs.nodes[pool] - site.away_most[pool])):
                    if fits_s[node] <= start_s:  # else nothing that starts before fits there, as was found already
                        fits_s[node] = first_on_node(start_s, length_s, pool, node, job, site)
                        if fits_s[node] > start_s:
                            cores[node] = 0  # every share needs some
                    if fits_s[node] == start_s:
                        found += 1
                    else:
                        next_s = min(next_s, fits_s[node])
            if found >= need[job]:
                share_out(job, pools_of(door, site.doors), site.away_most, False, need, packs)
                return start_s
        time_s = next_s
    return math.inf


def settle_in_plan(start_s: float, now: float, job: int, site: Site) -> None:
    """Let a job have the nodes that were found for it; if it starts now, off those that are free now."""
    packs, need = site.packs, site.waiting.need
    for index in range(need[job]):
        pool, node, share = packs.found_pool[index], packs.found_node[index], packs.first[job] + index
        bits = pick(bins_then(pool, packs), node, packs.share_milli[job])
        packs.place_pool[share], packs.place_node[share], packs.place_bits[share] = pool, node, bits
        if start_s == now:
            hold(bins_now(pool, packs), node, shares_in(pool, need, packs), job, bits, -1)
            site.part[pool][job] += 1
    for pool in pools_of(site.waiting.door[job], site.doors):
        reserve_nodes(start_s, start_s + site.waiting.length_s[job], -1, pool, job, site)


def plan_next(now: float, jobs: Sequence[int], end: int, cursor: MutableSequence[int], depth: int, site: Site) -> int:
    """Go on with the plan until a job starts, ``jobs[cursor[INDEX] - 1]``, or it is complete; return which.

    Parameters
    ----------
    jobs, end
        The waiting jobs in the order of the queue, and how many they are.
    depth
        How many jobs that are not held are looked at.
    """
    plan = site.plan
    while cursor[INDEX] < end and cursor[BEHIND] < depth:
        job = jobs[cursor[INDEX]]
        cursor[INDEX] += 1
        if is_held(now, job, site):
            continue
        cursor[BEHIND] += 1
        user = plan.user[job]
        if user >= 0:
            if plan.seen[user] >= plan.per_user:
                continue
            plan.seen[user] += 1
        if is_packed(site.waiting.door[job], site):
            start_s = first_on_nodes(now, job, site)
            if start_s < math.inf:
                settle_in_plan(start_s, now, job, site)
        else:
            start_s = first_fit(now, True, job, site)
            if start_s == now:
                take(now, job, site)
            elif start_s <= now + plan.window_s and start_s < math.inf:
                set_aside(start_s, job, site)
        if start_s == now:
            return START
    return OVER
