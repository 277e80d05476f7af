"""EASY backfilling as a page of plain Python: heapq, bisect, lists.  What the engines' speed is measured against."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Sequence


def easy(  # noqa: C901 - the whole scheduler
    cores: int, submit_s: Sequence[float], procs: Sequence[int], run_s: Sequence[float], estimate_s: Sequence[float]
) -> list[float]:
    """Return the start of each job; jobs are in job order."""
    free = cores
    start_s = [0.0] * len(submit_s)
    ends: list[tuple[float, int]] = []
    expected: list[tuple[float, int, int]] = []  # start plus estimate, job, processors
    queue: list[int] = []
    following = 0

    def begin(job: int) -> None:
        nonlocal free
        start_s[job] = now
        free -= procs[job]
        heapq.heappush(ends, (now + run_s[job], job))
        expected.insert(bisect_left(expected, (now + estimate_s[job], job)), (now + estimate_s[job], job, procs[job]))

    while following < len(submit_s) or ends:
        now = min(
            submit_s[following] if following < len(submit_s) else float("inf"), ends[0][0] if ends else float("inf")
        )
        while ends and ends[0][0] <= now:
            _, job = heapq.heappop(ends)
            free += procs[job]
            del expected[bisect_left(expected, (start_s[job] + estimate_s[job], job))]
        while following < len(submit_s) and submit_s[following] <= now:
            queue.append(following)
            following += 1
        heads = 0
        while heads < len(queue) and procs[queue[heads]] <= free:
            begin(queue[heads])
            heads += 1
        del queue[:heads]
        if len(queue) < 2 or not free:
            continue
        need = procs[queue[0]]
        room = free
        shadow_s = now
        last = 0
        while room < need:
            shadow_s = max(expected[last][0], now + 1)
            while last < len(expected) and max(expected[last][0], now + 1) <= shadow_s:
                room += expected[last][2]
                last += 1
        extra = room - need
        kept = queue[:1]
        for position in range(1, len(queue)):
            job = queue[position]
            if procs[job] <= free and (now + estimate_s[job] <= shadow_s or procs[job] <= extra):
                if now + estimate_s[job] > shadow_s:
                    extra -= procs[job]
                begin(job)
                if not free:
                    kept.extend(queue[position + 1 :])
                    break
            else:
                kept.append(job)
        queue = kept
    return start_s
