"""The passes of a queue under site rules, by the backfill rule (semantics §9).

Both engines use these functions, as they do those of :mod:`pwsim.engine.site.state`.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence

from pwsim.engine.site.state import (
    CONSERVATIVE,
    EASY,
    PREEMPTED,
    REPLAN,
    RESERVATION,
    State,
    enter,
    interrupt,
    leave_started,
    start,
)
from pwsim.rules import NO_RESERVATION
from pwsim.rules.site import (
    BLOCKED,
    GUARDED,
    INDEX,
    OVER,
    REFUSED,
    begin_plan,
    dismiss,
    draw_again,
    draw_door,
    draw_profile,
    exhausted,
    fit_now,
    give_up,
    is_held,
    next_due,
    next_preemptor,
    next_tick,
    plan_next,
    pools_of,
    put_beside,
    read_clock,
    reserve,
    take,
    victims,
    walk,
)


def give_pass(
    now: float,
    row: int,
    state: State,
    agenda: MutableSequence[tuple[float, int, int, int]],
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
    waits: MutableSequence[tuple[float, float, float, float]],
) -> None:
    """Give a queue its pass: start jobs, preempt others, and take those that have started out of the queue."""
    queues = state.queues
    early, lost = queues.early[row], queues.lost[row]
    queues.dirty[row] = queues.early[row] = queues.lost[row] = False
    for index in range(len(queues.cursor)):
        queues.cursor[index] = 0
    read_clock(now, state.site.hours)
    agreed = len(agenda)
    if state.settings.backfill == CONSERVATIVE:
        returning = pass_reserving(now, row, early, lost, state, agenda, tried)
    else:
        returning = pass_guarding(now, row, state, agenda, tried)
    if len(agenda) > agreed:  # for each job that has started, its end
        leave_started(now, row, state, waits)
    for index in range(returning):
        enter(now, queues.returning[index], state)
    if state.settings.backfill == CONSERVATIVE:
        await_reservation(row, state, agenda)
    elif state.settings.backfill == REPLAN:
        backfill(now, row, state, agenda, waits)


def preempt(
    now: float,
    job: int,
    returning: int,
    state: State,
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
) -> int:
    """Preempt running jobs for a blocked one, if it fits then; return how many are to return to the queue in all."""
    queues = state.queues
    found = victims(now, job, state.jobs.began_s, queues.chosen, state.site)
    for index in range(found):
        other = queues.chosen[index]
        interrupt(now, other, PREEMPTED, state, tried)
        queues.returning[returning] = other
        returning += 1
    return returning


def pass_guarding(
    now: float,
    row: int,
    state: State,
    agenda: MutableSequence[tuple[float, int, int, int]],
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
) -> int:
    """Start those that may, with guards; return how many jobs were preempted."""
    settings, queues, site = state.settings, state.queues, state.site
    backfills = settings.backfill == EASY
    depth = settings.depth if backfills else queues.length[row]
    end, returning, cursor, look = queues.length[row], 0, queues.cursor, queues.job[row]
    if settings.passing:
        look = queues.look
        for position in range(end):
            look[position] = queues.job[row][position]
    while not exhausted(row, backfills, site):
        found = walk(now, row, look, end, cursor, backfills, depth, settings.preempts, site)
        if found == OVER:
            break
        if found == GUARDED:
            if settings.passing:
                end = sort_behind(now, cursor[INDEX], end, state)
            continue
        job = look[cursor[INDEX] - 1]
        if found == BLOCKED:
            draw_door(now, job, site)
            before = returning
            returning = preempt(now, job, returning, state, tried)
            if returning == before or not fit_now(now, job, backfills, site):
                cursor[REFUSED] = 1
                continue
        start(now, job, state, agenda)
    dismiss(row, site)
    return returning


def sort_behind(now: float, begin: int, end: int, state: State) -> int:
    """Sort the jobs behind the first guard by the order in which they may pass it, those that are held left out.

    Return where they end.
    """
    site, jobs, look = state.site, state.jobs, state.queues.look
    kept = begin
    for position in range(begin, end):
        if kept - begin < state.settings.depth and not is_held(now, look[position], site):
            look[kept] = look[position]
            kept += 1
    for position in range(begin + 1, kept):
        job, place = look[position], position
        while place > begin:
            other = look[place - 1]
            tier, other_tier = site.doors.tier[site.waiting.door[job]], site.doors.tier[site.waiting.door[other]]
            if tier < other_tier or (
                tier == other_tier
                and (
                    jobs.passing_key[other] < jobs.passing_key[job]
                    or (jobs.passing_key[other] == jobs.passing_key[job] and other < job)
                )
            ):
                break
            look[place] = other
            place -= 1
        look[place] = job
    return kept


def pass_reserving(
    now: float,
    row: int,
    early: bool,
    lost: bool,
    state: State,
    agenda: MutableSequence[tuple[float, int, int, int]],
    tried: MutableSequence[tuple[float, float, float, float, float, float, float, float]],
) -> int:
    """Bring reservations up to date, and start those whose reservation is now; return how many jobs were preempted."""
    settings, queues, site = state.settings, state.queues, state.site
    end, returning, cursor, look = queues.length[row], 0, queues.cursor, queues.job[row]
    for position in range(end):
        site.reserved.held[look[position]] = is_held(now, look[position], site)
        site.reserved.keeps[look[position]] = False
    if settings.preempts:
        for pool in pools_of(row, site.rows):
            draw_profile(now, pool, site)
        while next_preemptor(now, look, end, cursor, settings.depth, site) == BLOCKED:
            job, before = look[cursor[INDEX] - 1], returning
            returning = preempt(now, job, returning, state, tried)
            if returning > before:
                site.reserved.keeps[job] = True
                take(now, job, site)
            else:
                put_beside(now, job, site)
        if not returning:
            draw_again(now, row, look, end, site)
        cursor[INDEX] = 0
    reserve(now, row, look, end, settings.depth, early, lost, returning > 0, site)
    while True:
        found = next_due(now, look, end, cursor, site)
        if found == OVER:
            return returning
        job = look[cursor[INDEX] - 1]
        if found == BLOCKED:
            give_up(job, site)
            queues.dirty[row] = queues.early[row] = True
        else:
            start(now, job, state, agenda)


def await_reservation(row: int, state: State, agenda: MutableSequence[tuple[float, int, int, int]]) -> None:
    """Let a queue have a pass when its next reservation falls due."""
    queues, due_s = state.queues, math.inf
    for position in range(queues.length[row]):
        start_s = state.site.reserved.start_s[queues.job[row][position]]
        if start_s != NO_RESERVATION:
            due_s = min(due_s, start_s)
    if due_s < math.inf and due_s != queues.due_s[row]:
        agenda.append((due_s, RESERVATION, row, 0))
    queues.due_s[row] = due_s


def backfill(
    now: float,
    row: int,
    state: State,
    agenda: MutableSequence[tuple[float, int, int, int]],
    waits: MutableSequence[tuple[float, float, float, float]],
) -> None:
    """Let a queue have the pass that plans anew, after the one without backfilling, or else at its next time."""
    settings, queues, site = state.settings, state.queues, state.site
    due_s, agreed = next_tick(now, settings.backfill_period_s), len(agenda)
    if due_s > now:
        if queues.length[row] and queues.due_s[row] != due_s:
            agenda.append((due_s, RESERVATION, row, 0))
            queues.due_s[row] = due_s
        return
    queues.due_s[row] = math.inf
    for index in range(len(queues.cursor)):
        queues.cursor[index] = 0
    look, cursor = queues.job[row], queues.cursor
    end = begin_plan(now, row, look, queues.length[row], site)
    while plan_next(now, look, end, cursor, settings.depth, site) != OVER:
        start(now, look[cursor[INDEX] - 1], state, agenda)
    if len(agenda) > agreed:
        leave_started(now, row, state, waits)
