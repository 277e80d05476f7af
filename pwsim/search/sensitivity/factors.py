"""What might be otherwise: all that is known of each thing stands in its record.

A thing is added by a :class:`Factor`, and a key of :class:`.asked.Sensitivity`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pwsim.cluster import CloudPool, Cluster, OnPremisesPool, Pool
from pwsim.common import InputError
from pwsim.prices import Commitment, Economics, OnPremisesCost
from pwsim.search.proportion import in_proportion
from pwsim.search.sensitivity.asked import Sensitivity
from pwsim.search.targets import Target
from pwsim.trace import Trace
from pwsim.workload import Level, with_estimates, with_job_sizes, with_load


class Question(NamedTuple):
    """What is asked: all that may be otherwise."""

    trace: Trace
    """The jobs."""
    cluster: Cluster
    """Pools and policies, with their choices."""
    targets: tuple[Target, ...]
    """What must be achieved, as stated."""
    economics: Economics
    """How money is counted."""
    seed: int
    """Seed of everything random."""


@dataclass(frozen=True)
class Factor:
    """A thing that might be otherwise, and all that is known of it."""

    name: str
    """The key of the scenario."""
    words: str
    """What it is called in the report."""
    change: Callable[[Question, float], Question]
    """Gives the question with another value of it."""
    concerns: Callable[[Question], bool]
    """Tells whether there is any such thing in a question."""
    absent: str
    """What is said where there is not."""
    replayed: bool = False
    """Whether jobs run otherwise: if not, replays are kept, and billed anew."""
    is_rate: bool = False
    """Whether values are taken as they are, not as factors."""


def _of_cost(question: Question, change: Callable[[OnPremisesCost], Mapping[str, Any]]) -> Question:
    """Return a question with other costs of own nodes."""

    def changed(pool: Pool) -> dict[str, Any]:
        if isinstance(pool, CloudPool) or pool.cost is None:
            return {}
        return {"cost": pool.cost.model_copy(update=dict(change(pool.cost)))}

    return _with_pools(question, changed)


def _with_pools(question: Question, change: Callable[[Any], dict[str, Any]]) -> Question:
    pools = tuple(
        pool.with_each_type(lambda one: one.model_copy(update=change(one))) for pool in question.cluster.pools
    )
    return question._replace(cluster=question.cluster.model_copy(update={"pools": pools}))


def _rent(question: Question, factor: float) -> Question:
    def committed(one: Commitment) -> Commitment:
        return one.model_copy(update={"price_usd_per_hour": one.price_usd_per_hour * factor})

    def changed(pool: Pool) -> dict[str, Any]:
        if not isinstance(pool, CloudPool):
            return {}
        keys = ("price_usd_per_hour", "savings_1yr_usd_per_hour", "savings_3yr_usd_per_hour")
        prices = {key: usd * factor for key in keys if (usd := getattr(pool, key)) is not None}
        return {**prices, "commitments": tuple(map(committed, pool.commitments))}

    return _with_pools(question, changed)


def _electricity(question: Question, factor: float) -> Question:
    def changed(cost: OnPremisesCost) -> dict[str, Any]:
        told = cost.electricity_usd_per_kwh
        if not isinstance(told, tuple):
            return {"electricity_usd_per_kwh": told * factor}
        bands = tuple(band.model_copy(update={"usd_per_kwh": band.usd_per_kwh * factor}) for band in told)
        return {"electricity_usd_per_kwh": bands}

    return _of_cost(question, changed)


def _interruptions(question: Question, factor: float) -> Question:
    def changed(pool: Pool) -> dict[str, Any]:
        if isinstance(pool, OnPremisesPool):
            return {"mtbf": None if pool.mtbf is None or not factor else pool.mtbf / factor}
        return {"interruptions_per_hour": pool.interruptions_per_hour * factor}

    return _with_pools(question, changed)


def _of_trace(change: Callable[[Trace, float, int], Trace]) -> Callable[[Question, float], Question]:
    """Return how a question changes whose jobs do: targets that are amounts of them do likewise."""

    def changed(question: Question, factor: float) -> Question:
        if factor == 1:
            return question
        trace = change(question.trace, factor, question.seed)
        targets = tuple(in_proportion(one, question.trace, trace) for one in question.targets)
        return question._replace(trace=trace, targets=targets)

    return changed


def _at_load(trace: Trace, factor: float, seed: int) -> Trace:
    return with_load(trace, [Level(np.ones(len(trace), dtype=bool), factor)], seed)


def _owned(question: Question) -> bool:
    return any(isinstance(pool, OnPremisesPool) for pool in question.cluster.pools)


def _rented(question: Question) -> bool:
    return any(isinstance(pool, CloudPool) for pool in question.cluster.pools)


def _powered(question: Question) -> bool:
    every = [one for pool in question.cluster.pools for one in pool.as_types if isinstance(one, OnPremisesPool)]
    return any(one.cost is not None and one.cost.electricity_usd_per_kwh for one in every)


NO_OWN = "no pool has nodes of one's own"

FACTORS: Mapping[str, Factor] = {
    one.name: one
    for one in (
        Factor("rent", "price of rented nodes", _rent, _rented, "no pool is rented"),
        Factor(
            "electricity",
            "price of electricity",
            _electricity,
            _powered,
            "no pool has a price of electricity that is above 0",
        ),
        Factor(
            "capex",
            "purchase price of own nodes",
            lambda question, factor: _of_cost(question, lambda cost: {"capex_usd": cost.capex_usd * factor}),
            _owned,
            NO_OWN,
        ),
        Factor(
            "lifetime",
            "lifetime of own nodes",
            lambda question, factor: _of_cost(question, lambda cost: {"lifetime_years": cost.lifetime_years * factor}),
            _owned,
            NO_OWN,
        ),
        Factor(
            "discount_rate",
            "discount rate",
            lambda question, rate: question._replace(
                economics=question.economics.model_copy(update={"discount_rate": rate})
            ),
            _owned,
            NO_OWN,
            is_rate=True,
        ),
        Factor(
            "load",
            "load",
            _of_trace(_at_load),
            lambda question: question.trace.feedback is None,
            "jobs follow others (workload.feedback), and who follows a job that is added is not known",
            replayed=True,
        ),
        Factor("job_sizes", "sizes of jobs", _of_trace(with_job_sizes), lambda _: True, "", replayed=True),
        Factor(
            "interruptions",
            "rate of interruptions",
            _interruptions,
            lambda question: any(pool.interrupted for pool in question.cluster.pools),
            "no pool has nodes that are taken back or fail",
            replayed=True,
        ),
        Factor(
            "estimates",
            "time that is over-asked",
            lambda question, factor: question._replace(trace=with_estimates(question.trace, factor)),
            lambda question: bool((question.trace.estimate_s > question.trace.run_s).any()),
            "no job asks for more than its run time",
            replayed=True,
        ),
    )
}
"""What might be otherwise, by the keys of :class:`.asked.Sensitivity`, in their order."""


def check(asked: Sensitivity, question: Question) -> None:
    """Make sure that each thing that is to be otherwise is there.

    Raises
    ------
    InputError
        If one is not: it would change nothing.
    """
    for name, value in asked.values():
        if not FACTORS[name].concerns(question):
            raise InputError(
                f"sensitivity.{name}: {FACTORS[name].absent}, so it says nothing (got {value:g}); leave it out"
            )
