"""Replaying a trace on a cluster: one call, from jobs to a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from pwsim.cluster import Cluster
from pwsim.engine import Engine, prepare, replay
from pwsim.engine.model import Model
from pwsim.prices import Start, start_of
from pwsim.results.result import Result
from pwsim.rules import Policy
from pwsim.trace import Trace


def simulate(
    trace: Trace,
    cluster: Cluster | None = None,
    *,
    cores: int | None = None,
    policy: str | Policy | None = None,
    overrun: Literal["allow", "kill"] | None = None,
    depth: int | None = None,
    engine: Engine = "auto",
    seed: int = 1,
    start: Start | None = None,
    extend: Callable[[Model], object] | None = None,
) -> Result:
    """Replay a trace, job by job, to the second (semantics §1 to §5).

    Parameters
    ----------
    trace
        The jobs.
    cluster
        What they run on, with one choice of nodes and policy.
    cores, policy, overrun, depth
        Instead of a cluster: one homogeneous machine of ``cores`` processors, under ``easy`` and ``allow`` if nothing
        is said.
    engine
        ``compiled``, ``simpy``, or ``auto`` for the compiled one where it can do what the cluster asks.
    seed
        Seed of everything random; always-up pools have nothing that is.
    start
        When the first submission was on the site's clock, which hours and outages go by; what the log says if left out.
    extend
        A function that is given the SimPy model before the clock starts, to be told of jobs and to let processes run
        (:class:`Model`).

    Raises
    ------
    TypeError
        If neither or both of ``cluster`` and ``cores`` are given, or something beside a cluster that is the cluster's;
        or if the compiled engine is to be extended.
    ValueError
        If the cluster still has choices, or an option is not one of those above.
    InputError
        If a user's own order fails, or the compiled engine is asked for what only the SimPy model can do.
    HopelessError
        If an elastic pool launches 10,000 nodes in a row that never run a job while jobs wait (semantics §6), or jobs
        wait for what a process has taken and never gives back.

    Examples
    --------
    >>> trace = Trace.from_columns({"submit_s": [0, 0, 1], "run_s": [10, 10, 5], "procs": [3, 2, 1]})
    >>> simulate(trace, cores=4, policy="easy").replay.start_s
    array([ 0., 10.,  1.])
    """
    if (cluster is None) == (cores is None):
        raise TypeError("give either a cluster or a number of cores")
    if cluster is not None and (policy is not None or overrun is not None or depth is not None):
        raise TypeError("policy, overrun and depth are those of the cluster: give them there")
    if engine not in get_args(Engine):
        raise ValueError(f"engine must be one of {', '.join(get_args(Engine))} (got {engine!r})")
    if extend is not None and engine == "compiled":
        raise TypeError("extend is given the SimPy model: take engine='simpy' or 'auto'")
    if cluster is None:
        assert cores is not None
        cluster = Cluster.homogeneous(cores, policy or "easy", overrun or "allow", depth)
    inputs = prepare(trace, cluster, seed, start or start_of(trace))
    return Result(trace, cluster, replay(inputs, engine, extend), seed)
