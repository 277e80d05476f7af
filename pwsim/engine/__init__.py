"""Replaying a trace on a cluster: one call, whatever the engine."""

from __future__ import annotations

from typing import Literal

from pwsim.cluster import Cluster
from pwsim.engine.inputs import prepare
from pwsim.result import Replay, Result
from pwsim.trace import Trace

Engine = Literal["auto", "simpy"]


def simulate(
    trace: Trace,
    cluster: Cluster | None = None,
    *,
    cores: int | None = None,
    policy: str = "easy",
    overrun: Literal["allow", "kill"] = "allow",
    engine: Engine = "auto",
    seed: int = 1,
) -> Result:
    """Replay a trace, job by job, to the second (semantics §1 to §5).

    Parameters
    ----------
    trace
        The jobs.
    cluster
        What they run on, with one choice of nodes and policy.
    cores, policy, overrun
        Instead of a cluster: one homogeneous machine of ``cores`` processors.
    engine
        ``simpy``, or ``auto`` for the fastest that can do what the cluster asks.
    seed
        Seed of everything random; always-up pools have nothing that is.

    Raises
    ------
    TypeError
        If neither or both of ``cluster`` and ``cores`` are given.
    ValueError
        If the cluster still has choices, or an option is not one of those above.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 0, 1], "run_s": [10, 10, 5], "procs": [3, 2, 1]})
    >>> simulate(trace, cores=4, policy="easy").replay.start_s
    array([ 0., 10.,  1.])
    """
    if (cluster is None) == (cores is None):
        raise TypeError("give either a cluster or a number of cores")
    if engine not in ("auto", "simpy"):
        raise ValueError(f"engine must be 'auto' or 'simpy' (got {engine!r})")
    if cluster is None:
        assert cores is not None
        cluster = Cluster.homogeneous(cores, policy, overrun)
    inputs = prepare(trace, cluster)

    from pwsim.engine.model import Model

    start_s = Model(inputs).run()
    end_s = start_s + inputs.held_s  # NaN for rejected jobs
    return Result(trace, cluster, Replay("simpy", inputs.pool, start_s, end_s, inputs.killed), seed)
