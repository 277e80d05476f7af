"""Replays on other machines: an executor does what threads and processes of this machine do otherwise.

What is handed over is a setup and what is asked of it.  The log goes into a file that all machines see, once, by its
content, and they map it from there; so a task is some kilobytes, whatever the log.
"""

from __future__ import annotations

import functools
import io
import os
import pickle
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import filelock

from pwsim.common import MachineError, PwsimError
from pwsim.trace import Trace, mapped_name, read_mapped, write_mapped

Answer = TypeVar("Answer")

MOST_LOSSES = 3
"""A task that failed so often at workers is given up."""
AHEAD = 2
"""Tasks that are handed over, for each that runs at once: so nobody waits for the next."""
AT_HAND = 4
"""How many logs a worker holds mapped."""


class Spread(NamedTuple):
    """Who replays."""

    executor: Executor
    """Does the work, such as those of Dask, Parsl or submitit."""
    folder: Path
    """Where logs are put; all machines see it under the same path."""

    def packed(self, call: tuple[Any, ...]) -> bytes:
        """Return a function and its arguments as bytes, in which logs are named by their files."""
        file = io.BytesIO()
        _Packing(file, self.folder).dump(call)
        return file.getvalue()


_spread: ContextVar[Spread | None] = ContextVar("spread", default=None)


@contextmanager
def spread_over(executor: Executor, folder: str | Path) -> Iterator[None]:
    """Within it, the replays of searches and draws are done by an executor: other machines, for example.

    How many are handed over at once is said by ``workers``; the answer depends neither on that nor on who replays.

    Parameters
    ----------
    executor
        Any of :mod:`concurrent.futures`' kind, such as those of Dask, Parsl or submitit.
    folder
        Where logs are put for all machines, which see it under the same path; it may be removed afterwards.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from tempfile import TemporaryDirectory
    >>> from pwsim import generate, optimize
    >>> own = {"name": "own", "kind": "on_premises", "nodes": [2, 4], "node": {"cores": 8}}
    >>> own["cost"] = {"capex_usd": 9000, "lifetime_years": 5}
    >>> soon = {"metric": "wait_s", "statistic": "p95", "at_most": "1 h"}
    >>> trace = generate(jobs=200, cores=16, load=0.8, seed=1)
    >>> with TemporaryDirectory() as folder, ThreadPoolExecutor(2) as executor, spread_over(executor, folder):
    ...     optimize(trace=trace, pools=[own], targets=[soon], workers=2, draws=False).chosen.nodes
    {'own': 4}
    """
    token = _spread.set(Spread(executor, Path(folder).absolute()))
    try:
        yield
    finally:
        _spread.reset(token)


def spread() -> Spread | None:
    """Return who replays; ``None`` if this machine does."""
    return _spread.get()


def spread_out(
    to: Spread, function: Callable[..., Answer], tasks: Iterable[tuple[Any, ...]], at_once: int
) -> Generator[Answer, None, None]:
    """Yield ``function(*task)`` for each task, in their order, done by an executor.

    Parameters
    ----------
    to
        Who does it.
    function, tasks
        As for :func:`pwsim.results.in_parallel`.
    at_once
        How many calls run at once.

    Raises
    ------
    MachineError
        If workers are lost again and again.
    """
    running: deque[tuple[bytes, Future[Answer]]] = deque()
    try:
        for task in tasks:
            packed = to.packed((function, task))
            running.append((packed, to.executor.submit(_call, packed)))
            if len(running) >= at_once * AHEAD:
                yield _answer(to.executor, *running.popleft())
        while running:
            yield _answer(to.executor, *running.popleft())
    finally:
        for _, future in running:
            future.cancel()


def _answer(executor: Executor, packed: bytes, future: Future[Answer]) -> Answer:
    """Return what came of a task; it is done again where a worker was lost."""
    losses = 0
    while True:
        try:
            return future.result()
        except PwsimError:
            raise
        except Exception as error:
            losses += 1
            if losses == MOST_LOSSES:
                raise MachineError(
                    f"a replay failed at {MOST_LOSSES} workers, at last with {type(error).__name__}: {error}"
                ) from error
            future = executor.submit(_call, packed)


def _call(packed: bytes) -> Any:
    """Call a function, at a worker."""
    function, task = _Unpacking(io.BytesIO(packed)).load()
    return function(*task)


class _Packing(pickle.Pickler):
    """Packs everything but logs, which it puts into files.

    Who follows whom in a workload with feedback is not in such a file: there, the log goes along with each task.
    """

    def __init__(self, file: io.BytesIO, folder: Path) -> None:
        super().__init__(file, protocol=5)
        self.folder = folder

    def persistent_id(self, obj: Any) -> str | None:
        """Return the file of a log; ``None`` for anything else."""
        if not isinstance(obj, Trace) or obj.feedback is not None:
            return None
        path = self.folder / mapped_name(obj)
        try:
            os.utime(path)  # it is of use
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    write_mapped(obj, path)
        return str(path)


class _Unpacking(pickle.Unpickler):
    """Maps logs from their files."""

    def persistent_load(self, pid: str) -> Trace:
        """Return the log of a file."""
        return _mapped(Path(pid))


@functools.lru_cache(maxsize=AT_HAND)
def _mapped(path: Path) -> Trace:
    return read_mapped(path)
