"""Which running jobs a blocked one of a higher tier preempts (semantics §9, "Preemption").

All functions are index loops, in the subset of Python that numba compiles.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

from pwsim.rules.site.containers import NOBODY, Site, pools_of
from pwsim.rules.site.fitting import draw_profile, least_free, note_away, shift_part
from pwsim.rules.site.packs import share_out, shift_job
from pwsim.rules.site.placing import draw_nodes, is_packed


def draw_door(now: float, job: int, site: Site) -> None:
    """Write what is free in the pools of a job, now and later, without waiting jobs and guards."""
    door = site.waiting.door[job]
    if is_packed(door, site):
        draw_nodes(now, now, now, door, 0, site)
    else:
        for pool in pools_of(door, site.doors):
            draw_profile(now, pool, site)


def victims(now: float, job: int, began_s: Sequence[float], chosen: MutableSequence[int], site: Site) -> int:
    """Choose the running jobs of lower tiers that a blocked job preempts; return how many, 0 if it would not fit.

    The latest start first, until the job fits; then, the earliest first, those without which it still fits are spared.
    The profiles of the job's pools are without those chosen afterwards.
    """
    door = site.waiting.door[job]
    found = 0
    while not fits_in_profiles(now, job, site):
        latest = NOBODY
        for pool in pools_of(door, site.doors):
            for running in range(site.capacity.running[pool]):
                other = site.capacity.release_job[pool][running]
                lower = site.doors.tier[site.waiting.door[other]] < site.doors.tier[door]
                if lower and not among(other, chosen, found):
                    later = latest == NOBODY or began_s[other] > began_s[latest]
                    if later or (began_s[other] == began_s[latest] and other > latest):
                        latest = other
        if latest == NOBODY:
            for index in range(found):
                give_back(now, chosen[index], -1, door, site)
            return 0
        give_back(now, latest, 1, door, site)
        chosen[found] = latest
        found += 1
    for index in range(found - 1, -1, -1):
        other = chosen[index]
        give_back(now, other, -1, door, site)
        if fits_in_profiles(now, job, site):
            chosen[index] = NOBODY
        else:
            give_back(now, other, 1, door, site)
    kept = 0
    for index in range(found):
        if chosen[index] != NOBODY:
            chosen[kept] = chosen[index]
            kept += 1
    return kept


def among(job: int, chosen: Sequence[int], found: int) -> bool:
    """Return whether a job is one of the first so many that are chosen."""
    for index in range(found):  # noqa: SIM110 - numba compiles no generators
        if chosen[index] == job:
            return True
    return False


def fits_in_profiles(now: float, job: int, site: Site) -> bool:
    """Return whether a job fits now, for its whole expected time."""
    door, units = site.waiting.door[job], 0
    if is_packed(door, site):
        note_away(now, site.waiting.length_s[job], door, site)
        for pool in pools_of(door, site.doors):
            site.packs.closed[pool] = False
        return share_out(job, pools_of(door, site.doors), site.away_most, False, site.waiting.need, site.packs)
    for pool in pools_of(door, site.doors):
        units += least_free(pool, now, site.waiting.length_s[job], site)
    return units >= site.waiting.need[job]


def give_back(now: float, job: int, sign: int, door: int, site: Site) -> None:
    """Give what a running job holds in the pools of a door back to their profiles (1), or take it again (-1)."""
    for pool in pools_of(door, site.doors):
        if site.packs.packed[pool]:
            shift_job(job, pool, sign, False, site.waiting.need, site.packs)
            continue
        running = 0
        while running < site.capacity.running[pool] and site.capacity.release_job[pool][running] != job:
            running += 1
        if running < site.capacity.running[pool]:
            end_s = max(site.capacity.release_s[pool][running], now + 1.0)
            shift_part(pool, now, end_s, sign * site.part[pool][job], site)
