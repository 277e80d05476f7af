"""Setups whose replays were ended early, and of which figures are asked for: these few are replayed to their end."""

from __future__ import annotations

from collections.abc import Iterator

from pwsim.engine import LOST
from pwsim.results import in_parallel
from pwsim.search.early import TOLD
from pwsim.search.trail import Trail, row

MOST = 8
"""Setups that are replayed to their end for one question."""


def finish(trail: Trail) -> None:
    """Replay to their end, of setups that miss a target, those that may be told of; an interrupt leaves out the rest.

    Where nothing meets the targets, one that misses by least is told: the dearest are replayed.  Where something does,
    a limit of the scenario is, if a cheaper setup with the most nodes of a pool misses: of each pool, the dearest.
    """
    if trail.stopped not in (None, "max_setups") and trail.has_shown:
        return
    steps = sorted(set(_cheaper_at_limits(trail) if trail.met else _lost(trail)[-MOST:]))
    tasks = [trail.ended[step] for step in steps]
    try:
        answers = in_parallel(trail.job.evaluate, tasks, workers=trail.workers, engine=trail.job.engine)
        for step, one in zip(steps, answers, strict=True):
            bound = trail.rows[step]["lower_bound_usd_per_year"]
            trail.rows[step] = {"step": step, **row(one, trail.job.cluster, bound)}
            trail.look_at(one)
    except KeyboardInterrupt:
        if not trail.has_shown:
            raise


def _lost(trail: Trail) -> list[int]:
    """Return the steps of replays that were ended early because of a target, the dearest last."""
    return [step for step in trail.ended if trail.rows[step]["stopped"] == TOLD[LOST]]


def _cheaper_at_limits(trail: Trail) -> Iterator[int]:
    """Yield the steps of those that have the most nodes of a pool, and may cost less than the answer with one more."""
    cluster, rows = trail.job.cluster, trail.rows
    for index, pool in enumerate(cluster.pools):
        if len(pool.nodes) < 2:
            continue
        mine = []
        for step in _lost(trail):
            one_more = trail.known.of_one_more(index, trail.ended[step][0][index])
            cheaper = rows[step]["lower_bound_usd_per_year"] + one_more < trail.cheapest_usd_per_year
            if cheaper and rows[step][f"nodes_{pool.name}"] == pool.nodes[-1]:
                mine.append(step)
        yield from mine[-MOST:]
