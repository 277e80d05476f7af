"""Who does the work of a batch: processes of this machine, or any executor; what a lost worker had is done again."""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker
from typing import Generic, NamedTuple, TypeVar

One = TypeVar("One")
Answer = TypeVar("Answer")

MOST_LOSSES = 3
"""Work that so many workers were lost at is given up."""


HEAVY = ["numba", "pint", "ruamel.yaml", "scipy.stats"]
"""Libraries that are imported where they are used, and that most workers use."""


class Room(NamedTuple, Generic[One]):
    """What may be done at once."""

    at_once: int
    """How many."""
    most: float = math.inf
    """How much of what :attr:`takes` tells; what alone takes more is done alone."""
    takes: Callable[[One], float] = lambda _: 0.0
    """How much of it each takes."""

    def next(self, waiting: deque[One], running: Collection[One]) -> One | None:
        """Take the first of those that wait for which there is room; ``None`` if there is none."""
        if len(running) >= self.at_once:
            return None
        left = self.most - sum(map(self.takes, running))
        for one in waiting:
            if not running or self.takes(one) <= left:
                waiting.remove(one)
                return one
        return None


class Lost(NamedTuple, Generic[One]):
    """Work at which workers were lost again and again."""

    work: One


def on_processes(do: Callable[[One], Answer], works: Sequence[One], room: Room[One]) -> Iterator[Answer | Lost[One]]:
    """Yield what comes of each work, in any order, done by processes of this machine.

    Where a process is lost, what was at work then is done again, one by one, so that it shows at which work workers are
    lost; that is given up after :data:`MOST_LOSSES`.

    Parameters
    ----------
    do
        What to do; it raises nothing.
    works
        What it is done to.
    room
        What may be done at once.
    """
    waiting, suspects, losses = deque(works), deque[One](), Counter[int]()
    others = set(multiprocessing.active_children())
    pool = _pool(room.at_once, do)
    running: dict[Future[Answer], One] = {}
    try:
        while waiting or suspects or running:
            if not running and suspects:
                one = suspects.popleft()
                running[pool.submit(do, one)] = one
            while not suspects and (new := room.next(waiting, running.values())) is not None:
                running[pool.submit(do, new)] = new
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            broken = []
            for future in done:
                one = running.pop(future)
                try:
                    yield future.result()
                except BrokenExecutor:
                    broken.append(one)
            if broken:
                broken += running.values()
                running = {}
                pool.shutdown(wait=False, cancel_futures=True)
                pool = _pool(room.at_once, do)
                for one in broken:
                    losses[id(one)] += 1
                    if losses[id(one)] < MOST_LOSSES:
                        suspects.append(one)
                    else:
                        yield Lost(one)
    finally:
        with suppress(Exception):
            pool.shutdown(wait=not running, cancel_futures=True)
        if running:
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()


def on_executor(
    do: Callable[[One], Answer], works: Sequence[One], executor: Executor, room: Room[One]
) -> Iterator[Answer | Lost[One]]:
    """Yield what comes of each work, in any order, done by an executor, such as those of Dask, Parsl or submitit.

    Parameters
    ----------
    do, works
        As for :func:`on_processes`.
    executor
        Who does it.
    room
        What may be handed over at once.
    """
    waiting, losses = deque(works), Counter[int]()
    running: dict[Future[Answer], One] = {}
    try:
        while waiting or running:
            while (new := room.next(waiting, running.values())) is not None:
                running[executor.submit(do, new)] = new
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                one = running.pop(future)
                if future.exception() is None:
                    yield future.result()
                    continue
                losses[id(one)] += 1
                if losses[id(one)] < MOST_LOSSES:
                    waiting.append(one)
                else:
                    yield Lost(one)
    finally:
        for future in running:
            future.cancel()


def _pool(at_once: int, do: Callable[[One], Answer]) -> ProcessPoolExecutor:
    """Return processes for some work, forked from a server that has imported what that takes."""
    context = multiprocessing.get_context("forkserver")
    if sys.platform == "linux":  # elsewhere, libraries of the system that numpy uses cannot be forked
        context.set_forkserver_preload([do.__module__, *HEAVY])
    resource_tracker.ensure_running()  # else the server starts it, which lets signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # for the server, and the workers, for good
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    server = context.Process()  # which does nothing, once the server has imported all: an interrupt until then
    server.start()  # finds nothing that has begun and could complain
    server.join()
    return ProcessPoolExecutor(at_once, mp_context=context, initializer=_begin)


def _begin() -> None:
    """Let a worker leave interrupts to its parent, and end when that is gone."""
    gc.freeze()  # libraries are never garbage: looking through them takes more time than all that is
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
