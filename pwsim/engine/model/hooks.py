"""What a user may do in a replay: be told of jobs and passes, and let processes of their own run beside the jobs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy

from pwsim.engine.inputs import Inputs
from pwsim.engine.model.model import PoolState, Simulation, Taken
from pwsim.engine.outcome import Replay

Process = Generator[simpy.Event, Any, Any]


class Model:
    """The SimPy model of a replay, as :func:`pwsim.simulate` gives it to ``extend`` before the clock starts.

    Jobs are told by their numbers: rows of the trace, and of ``result.jobs``.  Units are those that a pool gives to
    jobs (semantics §5): cores, or whole nodes where its ``placement`` is ``nodes``.  A pool that is not named is the
    first.

    Examples
    --------
    Two of four cores are taken away for 10 s.  Job 0 holds all until 8, so the crew, which comes at 5, gets them then.
    Job 1 needs three, and waits until the two are back.

    >>> import pwsim
    >>> trace = pwsim.Trace.from_columns({"submit_s": [0, 1], "run_s": [8, 2], "procs": [4, 3]})
    >>> def crew(model):
    ...     yield model.env.timeout(5)
    ...     taken = yield model.take(2, for_s=10)
    ...     yield model.env.timeout(10)
    ...     model.give_back(taken)
    >>> result = pwsim.simulate(trace, cores=4, extend=lambda model: model.process(crew))
    >>> result.replay.start_s
    array([ 0., 18.])
    """

    def __init__(self, inputs: Inputs) -> None:
        self._simulation = Simulation(inputs)

    @property
    def env(self) -> simpy.Environment:
        """SimPy's environment: ``env.now`` is the time since the first submission [s], ``env.timeout`` lets it pass."""
        return self._simulation.env

    def on_start(self, call: Callable[[int], object]) -> None:
        """Have a function called with each job that starts, or starts again after an interruption."""
        self._simulation.on_start.append(call)

    def on_end(self, call: Callable[[int], object]) -> None:
        """Have a function called with each job that ends: completed, killed, or failed for good."""
        self._simulation.on_end.append(call)

    def on_pass(self, call: Callable[[str], object]) -> None:
        """Have a function called with the name of a pool after each of its scheduling passes (semantics §2)."""
        self._simulation.on_pass.append(call)

    def process(self, function: Callable[[Model], Process]) -> simpy.Process:
        """Let a process run: a generator function that is given this model and yields SimPy events.

        What it does at an instant comes after completions and before submissions and the pass.  The replay ends with
        the last job, whatever processes still do.
        """
        return self.env.process(function(self))

    def waiting(self, pool: str | None = None) -> list[int]:
        """Return the jobs in the queue of a pool, as it was last sorted."""
        return list(self._pool(pool).queue)

    def running(self, pool: str | None = None) -> list[int]:
        """Return the jobs that run in a pool."""
        index, simulation = self._pool(pool).index, self._simulation
        return [job for job, end in enumerate(simulation.completion) if end and simulation.pool_of[job] == index]

    def free(self, pool: str | None = None) -> int:
        """Return how many units of a pool are free."""
        return self._pool(pool).free

    def take(self, units: int, for_s: float, pool: str | None = None) -> simpy.Event:
        """Take units of a pool away from jobs; yield what it returns to wait for them.

        Running jobs are let end.  What becomes free is taken at once, before jobs that wait, until there are as many as
        asked for.  To the scheduler they are like one more running job.

        Parameters
        ----------
        units
            How many.
        for_s
            How long the scheduler is told that they will be away; a process may keep them for less or longer [s].
        pool
            Of which pool, one whose nodes are always up and not packed.

        Returns
        -------
        simpy.Event
            Its value is what :meth:`give_back` takes.

        Raises
        ------
        ValueError
            If the pool never has so many, or its nodes come and go, fail or are packed.
        """
        where = self._pool(pool)
        if where.facts.numbered:
            raise ValueError(f"pool {where.facts.name!r}: units can be taken where nodes are always up and not packed")
        if not 1 <= units <= where.units:
            raise ValueError(f"units must be from 1 to {where.units:,}, all of pool {where.facts.name!r} (got {units})")
        if not for_s >= 0:
            raise ValueError(f"for_s must be a number from 0 (got {for_s})")
        return self._simulation.take(where, int(units), float(for_s))

    def give_back(self, taken: Taken) -> None:
        """Let jobs have again what was taken.

        Raises
        ------
        ValueError
            If it was given back before.
        """
        if not taken.held:
            raise ValueError(f"{taken.units} units of pool {taken.pool.facts.name!r} were given back before")
        self._simulation.give_back(taken)

    def _run(self) -> Replay:
        return self._simulation.run()

    def _pool(self, name: str | None) -> PoolState:
        pools = {pool.facts.name: pool for pool in self._simulation.pools}
        if name is not None and name not in pools:
            raise ValueError(f"pool must be one of {', '.join(pools)} (got {name!r})")
        return self._simulation.pools[0] if name is None else pools[name]
