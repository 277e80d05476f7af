"""What a pool takes in and how large it is: jobs that move to it, nodes that it launches and shuts down (§5, §6)."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence


def may_move(now: float, waits_since_s: float, burst_s: float, need: int) -> bool:
    """Return whether a job that waits is due to move to a later pool (§5).

    Parameters
    ----------
    burst_s
        The pool's ``burst_after`` [s]; infinite if jobs never move there.
    need
        Units that the job would take there; 0 if it never can.
    """
    return need > 0 and waits_since_s + burst_s <= now


def has_room(units: int, held: int, queued: int, need: int) -> bool:
    """Return whether a job may move to a pool: whether it has units that nobody holds or waits for (§5).

    Parameters
    ----------
    units
        Those of the pool, also the ones that it may still launch or that are being repaired.
    held, queued
        Units of its running and of its waiting jobs.
    """
    return units - held - queued >= need


def launches(wanted: int, idle: int, busy: int, booting: int, most: int, least: int) -> int:
    """Return how many nodes the autoscaler launches (§6).

    Parameters
    ----------
    wanted
        Nodes that the waiting jobs need.
    most, least
        Cap and ``min_nodes`` of the pool.
    """
    up = idle + busy
    return max(0, min(wanted - idle - booting, most - up - booting), least - up - booting)


def shut_down(
    now: float,
    waiting: int,
    idle: Sequence[int],
    count: int,
    idle_since_s: Sequence[float] | Mapping[int, float],
    timeout_s: float,
    busy: int,
    least: int,
    leaving: MutableSequence[int],
) -> int:
    """Choose the idle nodes that leave, the highest numbers first; return how many (§6).

    Parameters
    ----------
    waiting
        Jobs in the queue: while there are any, no node leaves.
    idle
        Numbers of the ``count`` idle nodes, increasing.
    idle_since_s
        Since when each node is idle, by number [s].
    timeout_s
        ``idle_timeout`` of the pool [s].
    busy, least
        Nodes with jobs, and ``min_nodes`` of the pool: so many stay up.
    leaving
        The numbers are written here.
    """
    chosen = 0
    for index in range(count - 1, -1, -1):
        if waiting > 0 or count - chosen + busy <= least:
            break
        if idle_since_s[idle[index]] + timeout_s <= now:
            leaving[chosen] = idle[index]
            chosen += 1
    return chosen
