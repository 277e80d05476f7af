"""Queueing theory as the oracle: closed forms, with confidence intervals over independent replications."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from pwsim import simulate
from pwsim.workload.models.synthetic import queueing

REPLICATIONS = 16


def erlang_c(servers: int, offered: float) -> float:
    """Return the probability that a job waits in M/M/c; by the recursion for Erlang B."""
    blocking = 1.0
    for count in range(1, servers + 1):
        blocking = offered * blocking / (count + offered * blocking)
    return blocking / (1 - offered / servers * (1 - blocking))


def replicate(servers: int, arrivals_per_s: float, services_per_s: float, policy: str, jobs: int, engine, **options):
    """Return the waits [s] of each replication, its first tenth (filling up) left out."""
    waits = []
    for seed in range(REPLICATIONS):
        trace = queueing(jobs=jobs, arrivals_per_s=arrivals_per_s, services_per_s=services_per_s, seed=seed, **options)
        waits.append(simulate(trace, cores=servers, policy=policy, engine=engine).wait_s[jobs // 10 :])
    return waits


def assert_within(samples: list[float], expected: float) -> None:
    """Fail unless the closed form lies in the 99.9 % confidence interval of the replications, which must be narrow."""
    half = stats.t.ppf(0.9995, len(samples) - 1) * np.std(samples, ddof=1) / math.sqrt(len(samples))
    assert abs(np.mean(samples) - expected) <= half, f"{np.mean(samples)} +- {half}, expected {expected}"
    assert half < 0.35 * expected, "too few jobs to say anything"


# servers, arrivals, services [1/s], Erlang C, mean wait [s], as published
QUEUES = [
    (1, 0.5, 1.0, 0.5, 1.0),
    (3, 0.2, 0.1, 0.4444444444, 4.4444444444),
    (2, 1.5, 1.0, 0.6428571429, 1.2857142857),
    (10, 8.0, 1.0, 0.4091801508, 0.2045900754),
    (100, 90.0, 1.0, 0.2169404809, 0.0216940481),
]


@pytest.mark.parametrize(("servers", "arrivals", "services", "waiting", "wait_s"), QUEUES)
def test_the_published_figures_are_the_closed_form(servers, arrivals, services, waiting, wait_s):
    assert erlang_c(servers, arrivals / services) == pytest.approx(waiting, abs=5e-11)
    assert waiting / (servers * services - arrivals) == pytest.approx(wait_s, abs=2e-9)


# Jobs of one processor start alike under both, as is tested below.
@pytest.mark.parametrize("policy", [pytest.param("fcfs", marks=pytest.mark.slow), "easy"])
@pytest.mark.parametrize(
    ("servers", "arrivals", "services", "waiting", "wait_s"),
    [*QUEUES[:-1], pytest.param(*QUEUES[-1], marks=pytest.mark.slow)],
)
def test_mmc(servers, arrivals, services, waiting, wait_s, policy, engine):
    waits = replicate(servers, arrivals, services, policy, 40_000 if servers == 100 else 8_000, engine)
    assert_within([float(np.mean(wait)) for wait in waits], wait_s)
    assert_within([float(np.mean(wait > 0)) for wait in waits], waiting)


def test_jobs_of_one_processor_start_alike_under_every_backfill_rule(engine):
    trace = queueing(jobs=2_000, arrivals_per_s=1.5, services_per_s=1.0, seed=5)
    fcfs, easy = (simulate(trace, cores=2, policy=policy, engine=engine).replay.start_s for policy in ("fcfs", "easy"))
    np.testing.assert_array_equal(fcfs, easy)


@pytest.mark.parametrize(
    ("arrivals", "services", "servers", "engine"),
    [
        (1.5, 1.0, 2, "simpy"),
        (1.5, 1.0, 2, "compiled"),
        (8.0, 1.0, 10, "compiled"),
        pytest.param(8.0, 1.0, 10, "simpy", marks=pytest.mark.slow),
    ],
)
def test_the_tail_of_the_wait(arrivals, services, servers, engine):
    """P(W > t) = C exp(-(c mu - lambda) t)."""
    waits = replicate(servers, arrivals, services, "easy", 20_000, engine)
    for time_s in (0.5 / (servers * services - arrivals), 2 / (servers * services - arrivals)):
        tail = erlang_c(servers, arrivals / services) * math.exp(-(servers * services - arrivals) * time_s)
        assert_within([float(np.mean(wait > time_s)) for wait in waits], tail)


def test_md1(engine):
    """M/D/1 at a load of 0.7: mean wait 1.1666667 service times (Pollaczek and Khinchine)."""
    waits = replicate(1, 0.7, 1.0, "fcfs", 8_000, engine, deterministic=True)
    assert_within([float(np.mean(wait)) for wait in waits], 0.7 / (2 * 0.3))


def test_conservative_is_mm_c_where_estimates_are_exact(engine):
    """Jobs shorter than a second count as a second to the scheduler, so services are long here."""
    waits = replicate(3, 0.002, 0.001, "conservative", 2_000, engine)
    assert_within([float(np.mean(wait)) for wait in waits], 444.44444444)
