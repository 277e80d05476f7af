"""Many replays at once, on all cores: what a search, a batch run or a study of many setups comes down to.

The compiled engine runs in threads, because it lets go of Python's lock, and the trace is in memory once; the SimPy
engine runs in processes, which joblib lets share large arrays.  Where replays are spread over other machines
(:mod:`.spreading`), these do the same calls.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from typing import Any, TypeVar

import joblib

from pwsim.cluster import Cluster
from pwsim.common import MachineError, Times, current, timing
from pwsim.engine import Engine
from pwsim.results.result import Result
from pwsim.results.simulation import simulate
from pwsim.results.spreading import spread, spread_out
from pwsim.trace import Trace

Answer = TypeVar("Answer")

LOOK_S = 0.5
"""How often a worker process looks whether its parent is still there [s]."""


def in_parallel(
    function: Callable[..., Answer], tasks: Iterable[tuple[Any, ...]], *, workers: int | None, engine: Engine
) -> Generator[Answer, None, None]:
    """Yield ``function(*task)`` for each task, in their order, several at once.

    Whoever leaves before the last answer closes it: what has begun comes to its end, and is of no use.

    Parameters
    ----------
    function
        What to do; it replays with ``engine``.
    tasks
        Arguments of each call, asked for one by one as workers become free.
    workers
        How many calls run at once; as many as there are cores if ``None``.
    engine
        ``simpy`` takes processes, the others threads.

    Raises
    ------
    MachineError
        If the system ends one of the processes; while the answers are taken.
    """
    to = spread()
    if to is not None:
        return spread_out(to, function, tasks, workers or os.cpu_count() or 1)
    times = current()
    parallel = joblib.Parallel(
        n_jobs=workers or os.cpu_count() or 1,
        prefer="processes" if engine == "simpy" else "threads",
        return_as="generator",
        pre_dispatch="n_jobs",
    )
    return _answers(parallel(joblib.delayed(_call)(os.getpid(), times, function, *task) for task in tasks))


def _call(parent: int, times: Times | None, function: Callable[..., Answer], *task: Any) -> Answer:
    """Call a function, in this process or in a worker."""
    if os.getpid() != parent and threading.current_thread() is threading.main_thread():
        _serve(parent)
    if times is None or times is current():
        return function(*task)
    with timing(times):  # in a thread of its own
        return function(*task)


@functools.cache
def _serve(parent: int) -> None:
    """Have this process, a worker, leave interrupts to its parent, and end soon after that has.

    A terminal sends interrupts to both, and a worker that is interrupted has nothing to tell but its traceback.  One
    whose parent was killed would wait for work for minutes.
    """
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.SIG_IGN)

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_S)
        os._exit(1)

    if os.getppid() == parent:  # others may have begun it for that: then they see to its end
        threading.Thread(target=follow, daemon=True).start()


def _answers(computed: Generator[Answer, None, None]) -> Generator[Answer, None, None]:
    """Yield what worker processes computed, as long as all of them live."""
    try:
        for answer in computed:  # noqa: UP028 - what is left is closed below
            yield answer
    except BrokenExecutor:
        raise MachineError(
            "a worker process was lost, most likely because the system's memory was full; run fewer at once (--workers)"
        ) from None
    finally:
        with warnings.catch_warnings(action="ignore"):  # joblib says that not all was used
            computed.close()


def simulate_many(
    trace: Trace, clusters: Iterable[Cluster], *, engine: Engine = "auto", workers: int | None = None, seed: int = 1
) -> Iterator[Result]:
    """Replay one trace on many clusters; yield the results in their order.

    Parameters
    ----------
    trace
        The jobs.
    clusters
        Each with one choice of nodes and policy.
    engine, seed
        As for :func:`pwsim.simulate`.
    workers
        How many replays run at once; by default one a core.  The results do not depend on it.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 0, 1], "run_s": [10, 10, 5], "procs": [3, 2, 1]})
    >>> clusters = [Cluster.homogeneous(cores) for cores in (3, 4, 5)]
    >>> [float(result.wait_s.mean()) for result in simulate_many(trace, clusters)]
    [6.333333333333333, 3.3333333333333335, 3.0]
    """
    return in_parallel(
        _simulate, ((trace, cluster, engine, seed) for cluster in clusters), workers=workers, engine=engine
    )


def _simulate(trace: Trace, cluster: Cluster, engine: Engine, seed: int) -> Result:
    return simulate(trace, cluster, engine=engine, seed=seed)
