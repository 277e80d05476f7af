"""A trace on a cluster with site rules, as the containers of a replay (semantics §9)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pwsim import rules
from pwsim.cluster import (
    REJECTIONS,
    Away,
    Cluster,
    Pool,
    admission,
    elapsed_s,
    open_intervals,
    through_doors,
    times_away,
    untold_dependencies,
)
from pwsim.cluster import Hours as HoursRule
from pwsim.common import InputError
from pwsim.engine.inputs import Inputs, as_lists
from pwsim.engine.outcome import REJECTED
from pwsim.engine.priorities import priorities_of
from pwsim.engine.site.changing import bursts_of, changes, comes_and_goes, no_nodes
from pwsim.engine.site.following import with_following
from pwsim.engine.site.state import OPENING, OUTAGE, RETURN, Bursts, Jobs, Pools, Queues, Settings, State
from pwsim.prices import Start, parse_local
from pwsim.rules import NO_RESERVATION, Priorities, profile
from pwsim.rules.site import (
    ANY_TIME,
    NOBODY,
    NOT_UNDER,
    Capacity,
    Caps,
    Doors,
    Guards,
    Hours,
    Packs,
    Profiles,
    Reserved,
    Site,
    Waiting,
    draw_profile,
    first_fit,
    first_place,
    is_packed,
    next_tick,
    pools_of,
)
from pwsim.trace import NO_ARRAY, Floats, Integers, Trace, array_limits

HORIZON_S = 5 * 8766 * 3600.0
"""How long after the last submission hours and outages go on at least [s]."""
FREE_ENOUGH = 1 << 40
"""More units than any job needs."""
MOST_RULES = 62
"""Rules of hours that a replay can hold: the rules that a job is under are the bits of one whole number."""
REASONS = tuple(REJECTIONS)
"""Why a job is rejected (:data:`pwsim.cluster.REJECTIONS`)."""


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


class Calendar(NamedTuple):
    """What goes by the site's clock, on the clock of the replay."""

    pieces: list[Floats]
    """Of each rule of hours open, close, and when jobs that start in between must be expected to have ended [s], each
    of shape (pieces, 3)."""
    opens_s: list[Floats]
    """When windows of each rule open, and when it ends [s], each of shape (openings,)."""
    away: list[Away]
    """Outages."""
    until_s: float
    """How far hours and outages are known [s]."""


def calendar_of(cluster: Cluster, start: Start | None, until_s: float) -> Calendar:
    """Return the hours and outages of a cluster without choices.

    Parameters
    ----------
    start
        When the replay begins on the site's clock; ``None`` goes where no rule is about it.
    until_s
        How far [s].
    """
    (hours_rules,) = cluster.hours
    if start is None:
        return Calendar([], [], [], until_s)
    known = [_rule_on_calendar(rule, start, until_s) for rule in hours_rules]
    away = times_away(cluster.outages, cluster.pools, start, until_s)
    return Calendar([pieces for pieces, _ in known], [opens_s for _, opens_s in known], away, until_s)


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
        raise InputError("feedback of users cannot be replayed together with rules of the site; leave either out")
    seen = through_doors(trace, cluster.partitions)
    ways, door, need, reason = admission(trace, cluster)
    hours, masks, table, holding, planned = _hours(seen, cluster, calendar)
    caps = _caps(seen, cluster, ways, door, need)
    away, outages = _outages(cluster, inputs, calendar.away)
    length_s = cluster.scheduler.start_delay + trace.estimate_s / _slowest(cluster, ways)[door]
    counter, most = np.asarray(caps.counter), np.append(caps.most, 0)  # the last is nobody's
    alone = np.any((counter != NOT_UNDER) & (np.asarray(caps.amount) > most[counter]), axis=0)
    for name, fault in (("limit", alone), ("hours", _never(hours, table, inputs.submit_s, length_s))):
        reason[(reason < 0) & fault] = REASONS.index(name)
    waiting = Waiting(need, length_s, door, table, holding, np.zeros(len(trace), dtype=np.int64))
    priorities = priorities_of(trace, cluster, ways, np.where(reason < 0, door, REJECTED), need)
    packs = _packs(trace, cluster, inputs, waiting)
    moved = _moved(seen, cluster, inputs, caps)
    bursts = bursts_of(inputs, waiting, len(cluster.partitions), packs, caps, *moved)
    state = _state(cluster, inputs, ways, waiting, masks, hours, caps, away, packs, priorities, bursts)
    if outages:
        _reject_between_outages(state, inputs.submit_s, reason, calendar)
    rejections: list[tuple[float, int, int, int]] = []
    if cluster.dependencies is not None:
        state, rejections = with_following(state, trace, reason)
    known = _nodes_away(cluster, away) if outages else None
    return Prepared(state, reason, known, changes(inputs), sorted(planned + outages + rejections))


def _slowest(cluster: Cluster, ways: list[list[int]]) -> Floats:
    return np.array([min(cluster.pools[pool].node.speed for pool in way) for way in ways])


def _hours(
    trace: Trace, cluster: Cluster, calendar: Calendar
) -> tuple[Hours, Integers, Integers, Integers, list[tuple[float, int, int, int]]]:
    """Return the tables of hours, the rules of each job as bits, its two tables, and when hours open."""
    (hours_rules,) = cluster.hours
    if len(hours_rules) > MOST_RULES:
        raise InputError(f"hours: {len(hours_rules)} rules are more than a replay can hold; give at most {MOST_RULES}")
    masks = np.zeros(len(trace), dtype=np.int64)
    planned = []
    for number, rule in enumerate(hours_rules):
        masks[rule.where.admit(trace)] |= 1 << number
        planned += [(float(opens), OPENING, number, 0) for opens in calendar.opens_s[number] if opens > 0]
    keeping = sum(1 << number for number, rule in enumerate(hours_rules) if not rule.drain)
    kinds, code = np.unique(np.concatenate((masks, masks & keeping)), return_inverse=True)
    tables: list[Floats] = []
    number_of = np.full(len(kinds), ANY_TIME)
    for kind, mask in enumerate(kinds):
        if mask:
            number_of[kind] = len(tables)
            tables.append(in_common([pieces for number, pieces in enumerate(calendar.pieces) if mask >> number & 1]))
    table, holding = number_of[code].reshape(2, len(trace))
    rows = np.concatenate([*tables, np.empty((0, 3))])
    first = np.concatenate(([0], np.cumsum([len(one) for one in tables]))).astype(np.int64)
    opens_s, closes_s, last_s = (np.ascontiguousarray(rows[:, column]) for column in range(3))
    period_s, last_now_s = float(cluster.scheduler.period), np.full(len(tables), -np.inf)
    return Hours(first, opens_s, closes_s, last_s, period_s, last_now_s), masks, table, holding, planned


def _rule_on_calendar(rule: HoursRule, start: Start, until_s: float) -> tuple[Floats, Floats]:
    """Return the pieces of a rule, and when it opens."""
    windows = open_intervals(rule.model_copy(update={"from_": None, "until": None}), start, until_s)
    begin_s = -math.inf if rule.from_ is None else elapsed_s(parse_local(rule.from_), start)
    end_s = math.inf if rule.until is None else elapsed_s(parse_local(rule.until), start)
    return pieces_of(windows, begin_s, end_s, whole=rule.whole), openings_of(windows, begin_s, end_s)


def openings_of(windows: Floats, from_s: float, until_s: float) -> Floats:
    """Return when windows open from ``from_s`` on, and ``until_s``, if it ever comes [s], shape (openings,)."""
    opens_s = windows[(windows[:, 0] >= from_s) & (windows[:, 0] < until_s), 0]
    return opens_s if until_s == math.inf else np.append(opens_s, until_s)


def pieces_of(windows: Floats, from_s: float, until_s: float, *, whole: bool) -> Floats:
    """Return open, close, and when jobs that start in it must be expected to have ended [s], shape (pieces, 3).

    Before ``from_s`` and from ``until_s`` on everything is allowed; what starts in a window between must end in it,
    even if it closes after ``until_s``.

    Examples
    --------
    >>> pieces_of(np.array([[0.0, 4.0], [6.0, 9.0]]), 2.0, 8.0, whole=True)
    array([[-inf,   2.,  inf],
           [  2.,   4.,   4.],
           [  6.,   8.,   9.],
           [  8.,  inf,  inf]])
    """
    opens, closes = np.maximum(windows[:, 0], from_s), np.minimum(windows[:, 1], until_s)
    held = np.column_stack((opens, closes, windows[:, 1] if whole else np.full(len(windows), np.inf)))
    always = [(begin, end, np.inf) for begin, end in ((-np.inf, from_s), (until_s, np.inf)) if begin < end]
    return np.array(sorted([*always, *map(tuple, held[opens < closes])])).reshape(-1, 3)


def in_common(tables: Sequence[Floats]) -> Floats:
    """Return the pieces in which all tables allow a start, shape (pieces, 3).

    Examples
    --------
    >>> in_common([np.array([[0.0, 4.0, 4.0], [6.0, 9.0, 9.0]]), np.array([[2.0, 7.0, np.inf]])])
    array([[2., 4., 4.],
           [6., 7., 9.]])
    """
    edges = np.unique(np.concatenate([table[:, :2].ravel() for table in tables]))
    allowed, last_s = np.ones(len(edges), dtype=bool), np.full(len(edges), np.inf)
    for table in tables:
        piece = np.searchsorted(table[:, 0], edges, side="right") - 1
        here = (piece >= 0) & (edges < table[piece, 1])
        allowed &= here
        last_s = np.where(here, np.minimum(last_s, table[piece, 2]), last_s)
    rows = np.column_stack((edges, np.append(edges[1:], np.inf), last_s))
    return rows[allowed]


def _never(hours: Hours, table: Integers, submit_s: Floats, length_s: Floats) -> npt.NDArray[np.bool_]:
    """Return which jobs could not start at any time from their submission on, if all pools were empty."""
    never = np.zeros(len(table), dtype=bool)
    opens_s = np.array([next_tick(float(one), hours.period_s) for one in hours.open_s])
    room_s = np.where(opens_s < hours.close_s, np.asarray(hours.last_s) - opens_s, -np.inf)
    for number in range(len(hours.first) - 1):
        jobs = np.flatnonzero(table == number)
        begin, end = hours.first[number], hours.first[number + 1]
        later_s = np.append(np.maximum.accumulate(room_s[begin:end][::-1])[::-1], -np.inf)  # the most from a piece on
        ticks_s = np.array([next_tick(float(one), hours.period_s) for one in submit_s[jobs]])
        piece = np.searchsorted(hours.close_s[begin:end], ticks_s, side="right")
        inside = np.append(hours.open_s[begin:end], np.inf)[piece] <= ticks_s
        now_s = np.where(inside, np.append(hours.last_s[begin:end], -np.inf)[piece] - ticks_s, -np.inf)
        most_s = np.maximum(now_s, later_s[piece + inside])
        never[jobs] = length_s[jobs] > most_s
    return never


def _reject_between_outages(state: State, submit_s: Floats, reason: Integers, calendar: Calendar) -> None:
    """Reject the jobs that would find no time between outages, were all pools empty, within what is known."""
    site = as_lists(state.site)
    for pool in range(len(site.capacity.free)):
        draw_profile(0.0, pool, site)
    free_s = [_longest_always_free(pool, site) for pool in range(len(site.capacity.free))]
    for job in np.flatnonzero(reason < 0).tolist():
        pools = pools_of(site.waiting.door[job], site.doors)
        easy = site.waiting.table[job] == ANY_TIME and site.waiting.length_s[job] <= min(free_s[pool] for pool in pools)
        if easy:
            continue
        at_s = float(submit_s[job])
        packed = is_packed(site.waiting.door[job], site)
        found_s = first_place(at_s, True, at_s, job, site) if packed else first_fit(at_s, True, job, site)
        if found_s >= calendar.until_s:
            reason[job] = REASONS.index("hours")


def _packs(trace: Trace, cluster: Cluster, inputs: Inputs, waiting: Waiting) -> Packs:
    """Return the nodes of packed pools, empty, and what jobs ask for there; without nodes where no pool is packed."""
    counts, need, pools = cluster.node_counts(), np.asarray(waiting.need), len(cluster.pools)
    packed = np.array([pool.placement == "packed" for pool in cluster.pools])
    nodes = np.where(packed, counts, 0)
    width = np.array([pool.node.gpus for pool in cluster.pools])
    most, gpus = int(nodes.max()), int((nodes * width).max())
    here = packed[[way[0] for way in admission(trace, cluster).ways]][np.asarray(waiting.door)] & packed.any()
    moving = packed & [pool.burst_after is not None for pool in cluster.pools]
    held = np.maximum(np.where(here, need, 0), np.where(moving[:, np.newaxis], inputs.needs, 0).max(axis=0))
    cores, memory, milli = (
        np.zeros(len(trace), np.int64),
        np.zeros((pools, len(trace)), np.int64),
        np.zeros(len(trace), np.int64),
    )
    for index, pool in enumerate(cluster.pools):
        if packed[index]:
            cores, memory[index], milli = pool.shares(trace, need)
    rows = np.zeros((pools, most), dtype=np.int64), np.zeros((pools, gpus), dtype=np.int64)
    bins = [rows[0].copy(), rows[0].copy(), rows[0].copy(), rows[1].copy()]
    for index, pool in enumerate(cluster.pools):
        if packed[index]:
            up, whole = nodes[index], pool.node.gpus * rules.WHOLE
            bins[0][index, :up], bins[1][index, :up], bins[2][index, :up] = (
                pool.node.cores,
                pool.node.whole_memory,
                whole,
            )
            bins[3][index, : up * pool.node.gpus] = rules.WHOLE
    widest = int(held.max(initial=0))
    claim = np.zeros((2 * pools, widest), dtype=np.int64)
    shares = np.zeros(int(held.sum()), dtype=np.int64)
    return Packs(
        packed, nodes, *_sizes(cluster), width, bins[0], bins[1], bins[2], bins[3], bins[0].copy(), bins[1].copy(),
        bins[2].copy(), bins[3].copy(), cores, memory, milli, np.arange(most + 1),
        np.concatenate(([0], np.cumsum(held))), shares, shares.copy(), shares.copy(), claim, claim.copy(), claim.copy(),
        np.zeros(2 * pools, dtype=np.int64), np.zeros(2 * pools), np.zeros(2 * pools), np.zeros(1, dtype=np.int64),
        np.zeros(pools, dtype=bool), np.zeros(most, dtype=np.int64), np.zeros(widest, dtype=np.int64),
        np.zeros(widest, dtype=np.int64),
    )  # fmt: skip


def _sizes(cluster: Cluster) -> tuple[Integers, Integers]:
    """Return cores and memory [MiB] of a node of each pool."""
    sizes = [(pool.node.cores, pool.node.whole_memory) for pool in cluster.pools]
    cores, memory = np.array(sizes, dtype=np.int64).T.copy()
    return cores, memory


def _longest_always_free(pool: int, site: Site) -> float:
    """Return the shortest time between two outages of a pool [s]: what is not longer always finds a place."""
    times = list(site.capacity.away_s[site.capacity.away_first[pool] : site.capacity.away_first[pool + 1]])
    return min((after - before for before, after in itertools.pairwise(times)), default=math.inf)


def _caps(trace: Trace, cluster: Cluster, ways: list[list[int]], door: Integers, need: Integers) -> Caps:
    """Return the limits."""
    (limits,) = cluster.limits
    amounts = _amounts(trace, [cluster.pools[way[0]] for way in ways], door, need)
    most: list[Integers] = []
    counters, amount, first = [], [], 0
    for limit in limits:
        for resource, value in limit.at_most.caps():
            key = _keys(trace, limit.per)
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


def _moved(trace: Trace, cluster: Cluster, inputs: Inputs, caps: Caps) -> tuple[Caps, Integers]:
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


def _keys(trace: Trace, per: str) -> Integers:
    """Return of whom each job is, as a number; -1 where the log does not tell."""
    if per == "all":
        return np.zeros(len(trace), dtype=np.int64)
    column = getattr(trace, "user_group" if per == "account" else per)
    unknown = [code for code, name in enumerate(column.categories) if str(name) == ""]
    return np.where(np.isin(column.codes, unknown), -1, column.codes).astype(np.int64)


def _outages(
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


def _nodes_away(cluster: Cluster, away: tuple[Integers, Floats, Integers]) -> Floats:
    """Return pool, time, and nodes that are away from then until the next time [s], shape (steps, 3)."""
    first, begins_s, units = away
    pool = np.repeat(np.arange(len(cluster.pools)), np.diff(first))
    per_node = np.array([one.units_per_node() for one in cluster.pools])[pool]
    known = begins_s > -math.inf
    return np.column_stack((pool, begins_s, units / per_node))[known]


def _state(
    cluster: Cluster, inputs: Inputs, ways: list[list[int]], waiting: Waiting, masks: Integers, hours: Hours,
    caps: Caps, away: tuple[Integers, Floats, Integers], packs: Packs, priorities: Priorities, bursts: Bursts,
) -> State:  # fmt: skip
    """Return all containers as they stand when a replay begins."""
    jobs, pools, policy = len(inputs.pool), len(cluster.pools), inputs.policy
    rows, row_of_pool = _rows(cluster, ways)
    tiers = [partition.tier for partition in cluster.partitions] + [0] * pools
    row = np.array([row_of_pool[way[0]] for way in ways])[waiting.door]
    conservative = policy.backfill == "conservative"
    most = (jobs if any(packs.packed) else min(jobs, max(inputs.units))) + 1
    takings = pools * pools
    coming = max(inputs.units) if any(comes_and_goes(inputs)) else 0
    points = profile.room(most + (jobs if conservative else 0), len(away[1]) + takings + coming)
    never, ever = np.zeros((pools, 2)), np.zeros(pools)
    never[:] = np.inf, -np.inf
    site = Site(
        waiting=waiting,
        rows=_lists(rows, [0] * len(rows)),
        doors=_lists(ways, tiers),
        capacity=Capacity(
            # Of packed pools, whether a job fits is seen on their nodes alone.
            free=np.array(
                [FREE_ENOUGH if one.packed else units for one, units in zip(inputs.pools, inputs.units, strict=True)]
            ),
            release_s=np.zeros((pools, most)),
            release_need=np.zeros((pools, most), dtype=np.int64),
            release_job=np.zeros((pools, most), dtype=np.int64),
            running=np.zeros(pools, dtype=np.int64),
            arrive_s=np.zeros((pools, 0)),
            arriving=np.zeros(pools, dtype=np.int64),
            up_s=np.zeros((pools, 0)),
            away_first=away[0], away_s=away[1], away=away[2],
        ),
        profiles=Profiles(
            time_s=np.zeros((pools, points)),
            free=np.zeros((pools, points), dtype=np.int64),
            first=np.zeros(pools, dtype=np.int64),
            points=np.zeros(pools, dtype=np.int64),
        ),
        hours=hours,
        caps=caps,
        guards=Guards(
            job=np.full(pools, NOBODY), shadow_s=np.zeros(pools), extra=np.zeros(pools, dtype=np.int64),
            taking_pool=np.zeros(takings, dtype=np.int64), taking_s=np.zeros(takings),
            taking_end_s=np.zeros(takings), taking=np.zeros(takings, dtype=np.int64),
            tally=np.zeros(3, dtype=np.int64),
        ),
        reserved=Reserved(
            start_s=np.full(jobs, NO_RESERVATION), stale=np.zeros(jobs, dtype=bool), held=np.zeros(jobs, dtype=bool),
            keeps=np.zeros(jobs, dtype=bool), gain_s=never,
            vacated_s=never.copy(), overdue_until_s=ever - np.inf,
        ),
        part=np.zeros((pools, jobs), dtype=np.int64),
        packs=packs,
        away_most=np.zeros(pools, dtype=np.int64),
    )  # fmt: skip
    return State(
        settings=Settings(
            backfill=policy.rule.holds, kills=inputs.overrun == "kill",
            delay_s=float(cluster.scheduler.start_delay), depth=inputs.depth or max(jobs, 1),
            preempts=cluster.preemption, passing=bool(policy.passing_order),
        ),
        pools=Pools(
            speed=np.array([one.speed for one in inputs.pools]),
            overhead_s=np.array([one.overhead_s for one in inputs.pools]),
            checkpoint_s=np.array([one.checkpoint_s for one in inputs.pools]),
            max_restarts=np.array([one.max_restarts for one in inputs.pools], dtype=np.int64),
        ),
        jobs=_jobs(inputs, row, masks),
        queues=_queues(len(rows), jobs, len(caps.used)),
        site=site,
        priorities=priorities,
        nodes=no_nodes(inputs),
        bursts=bursts,
    )  # fmt: skip


def _rows(cluster: Cluster, ways: list[list[int]]) -> tuple[list[list[int]], dict[int, int]]:
    """Return the pools of each queue, in the order of their first pools, and the queue of each pool.

    Pools that a partition names have one queue, and so have all that are connected by partitions.
    """
    links = [(way[0], pool) for way in ways[: len(cluster.partitions)] for pool in way]
    pools = len(cluster.pools)
    matrix = coo_array((np.ones(len(links)), tuple(np.array(links, dtype=np.int64).reshape(-1, 2).T)), (pools, pools))
    _, queue = connected_components(matrix, directed=False)
    rows = sorted([pool for pool in range(pools) if queue[pool] == one] for one in set(queue.tolist()))
    return rows, {pool: number for number, row in enumerate(rows) for pool in row}


def _lists(lists: Sequence[Sequence[int]], tiers: Sequence[int]) -> Doors:
    return Doors(
        first=np.concatenate(([0], np.cumsum([len(one) for one in lists]))).astype(np.int64),
        pool=np.array([pool for one in lists for pool in one], dtype=np.int64),
        tier=np.array(tiers, dtype=np.int64),
    )


def _jobs(inputs: Inputs, row: Integers, masks: Integers) -> Jobs:
    jobs = len(row)
    return Jobs(
        submit_s=inputs.submit_s.copy(),
        run_s=inputs.run_s.copy(),
        estimate_s=inputs.logged_estimate_s.copy(),
        procs=inputs.procs.copy(),
        row=row,
        rules=masks,
        key=np.zeros(jobs),
        passing_key=np.zeros(jobs),
        runs=np.zeros(jobs, dtype=bool),
        speed=np.ones(jobs),
        began_s=np.zeros(jobs),
        held_s=np.zeros(jobs),
        ends_s=np.zeros(jobs),
        release_s=np.zeros(jobs),
        start_s=np.full(jobs, np.nan),
        end_s=np.full(jobs, np.nan),
        killed=np.zeros(jobs, dtype=bool),
        failed=np.zeros(jobs, dtype=bool),
        restarts=np.zeros(jobs, dtype=np.int64),
        counted=np.zeros(jobs, dtype=np.int64),
        kept_s=np.zeros(jobs),
        queued_s=np.zeros(jobs),
        pool=np.full(jobs, REJECTED),
        next_group=np.zeros(jobs + 1, dtype=np.int64),
        group=np.zeros(0, dtype=np.int64),
        left=np.zeros(0, dtype=np.int64),
        next_after=np.zeros(1, dtype=np.int64),
        after=np.zeros(0, dtype=np.int64),
    )


def _queues(rows: int, jobs: int, counters: int) -> Queues:
    return Queues(
        job=np.zeros((rows, jobs), dtype=np.int64),
        length=np.zeros(rows, dtype=np.int64),
        dirty=np.zeros(rows, dtype=bool),
        early=np.zeros(rows, dtype=bool),
        lost=np.zeros(rows, dtype=bool),
        due_s=np.full(rows, np.inf),
        under=np.zeros((rows, counters), dtype=np.int64),
        look=np.zeros(jobs, dtype=np.int64),
        cursor=np.zeros(3, dtype=np.int64),
        chosen=np.zeros(jobs, dtype=np.int64),
        returning=np.zeros(jobs, dtype=np.int64),
    )
