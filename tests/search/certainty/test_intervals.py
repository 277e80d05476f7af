"""Intervals: by hand, by all orders of small numbers, and on systems whose truth is known in closed form."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import Cluster, Trace
from pwsim.metrics import Trim
from pwsim.prices import UNDISCOUNTED
from pwsim.rules import Policy
from pwsim.search.certainty.certainty import as_table, replayed
from pwsim.search.certainty.intervals import coverage, interval
from pwsim.search.judging import Judge
from pwsim.search.plan import Setup
from pwsim.workload import Draw, Population

# -- by hand


def test_an_interval_is_from_the_smallest_to_the_largest():
    # Mean 5, sum of squares of what is off 20, standard deviation √(20/3); t of 0.975 at 3 degrees is 3.182446305.
    found = interval([8, 2, 6, 4])
    assert found is not None
    assert (found.draws, found.low, found.high, found.coverage, found.mean) == (4, 2, 8, 0.6, 5)
    half = 3.182446305 * math.sqrt(20 / 3) / 2
    assert (found.mean_low, found.mean_high) == pytest.approx((5 - half, 5 + half), rel=1e-9)


def test_draws_without_the_figure_are_not_among_them():
    found = interval([1.0, math.nan, 3.0])
    assert found is not None
    assert (found.draws, found.coverage) == (2, 1 / 3)
    for few in ([], [7.0], [math.nan, 7.0]):
        assert interval(few) is None


def test_what_is_the_same_in_all_draws_has_no_spread():
    found = interval([0.1] * 7)
    assert found is not None
    assert {found.low, found.high, found.mean, found.mean_low, found.mean_high} == {0.1}


def test_no_draw_covers_nothing():
    assert (coverage(0), coverage(1), coverage(2)) == (0, 0, 1 / 3)


@given(st.lists(st.integers(0, 3), min_size=3, max_size=6))
def test_the_next_draw_is_covered_as_often_as_is_said(values):
    """In every order of the values, the last is the next draw: exchangeable draws are in each order alike."""
    orders = list(itertools.permutations(values))
    inside = sum(min(before) <= last <= max(before) for *before, last in orders)
    stated = Fraction(len(values) - 2, len(values))
    assert Fraction(coverage(len(values) - 1)).limit_denominator(100) == stated
    covered = Fraction(inside, len(orders))
    assert covered == stated if len(set(values)) == len(values) else covered >= stated


# -- systems with a known truth


class Queues(Population):
    """Draws of an M/M/c queue: jobs of one processor, at exponential distances, of exponential run times."""

    def __init__(self, cores: int, load: float, jobs: int, seed: int) -> None:
        self.cores, self.load, self.jobs, self.of = cores, load, jobs, seed
        ones = np.ones(jobs)
        self.blank = Trace.from_columns({"submit_s": ones, "run_s": ones, "procs": ones.astype(int)})

    def draw(self, number: int) -> Draw:
        rng = np.random.default_rng((self.of, number))
        submit_s = np.cumsum(rng.exponential(1 / (self.cores * self.load), self.jobs))
        return Draw(self.blank.resubmitted(submit_s, run_s=rng.exponential(1.0, self.jobs)), self.of)

    @property
    def mean_wait_s(self) -> float:
        """By Erlang's formula C."""
        offered = self.cores * self.load
        waiting = offered**self.cores / math.factorial(self.cores) / (1 - self.load)
        free = sum(offered**busy / math.factorial(busy) for busy in range(self.cores))
        return waiting / (free + waiting) / (self.cores * (1 - self.load))


def test_erlang_c():
    """The values of semantics' oracles."""
    assert Queues(1, 0.5, 1, 1).mean_wait_s == pytest.approx(1.0)
    assert Queues(10, 0.8, 1, 1).mean_wait_s == pytest.approx(0.2045900754)


def queue(cores: int, load: float, seed: int) -> tuple[float, list[float]]:
    """Try an M/M/c queue; return its mean wait, and that of 40 draws [s]."""
    draws = Queues(cores, load, 1500, seed)
    # A tenth is cut off: an empty machine is no steady one.
    trim = Trim(150 / (cores * load), 0)
    judge = Judge(draws.draw(1).trace, Cluster.homogeneous(cores, "fcfs"), (), UNDISCOUNTED, "auto", 1, trim)
    return draws.mean_wait_s, tried(judge, draws, "wait_s_mean")


def spot(jobs: int, run_h: float, per_hour: float, checkpoint_h: float, seed: int) -> tuple[float, list[float]]:
    """Try jobs on spot nodes, each on one of its own; return the work that they lose, and in 40 draws [core-h].

    A stretch of work t that is kept as a whole or not at all takes (exp(λt) - 1) / λ on a node that is taken back at
    rate λ, for what is left of a life is exponential whatever was before; so it loses that less t.  A job is the
    stretches between its checkpoints, and a last one.
    """
    columns = {"submit_s": np.arange(jobs) * 60.0, "run_s": [run_h * 3600.0] * jobs, "procs": [1] * jobs}
    pool = {
        "name": "spot", "kind": "cloud", "market": "spot", "nodes": 500, "node": {"cores": 1},
        "price_usd_per_hour": 1.0, "interruptions_per_hour": per_hour, "max_restarts": 100_000,
        "checkpoint_interval": checkpoint_h * 3600.0, "boot_time": 0, "idle_timeout": 0,
    }  # fmt: skip
    machine = Cluster.model_validate({"policy": "fcfs", "pools": [pool]})
    trace = Trace.from_columns(columns)
    whole = math.floor(run_h / checkpoint_h)
    stretches = [checkpoint_h] * whole + [run_h - whole * checkpoint_h]
    lost_h = sum(math.expm1(per_hour * one) / per_hour - one for one in stretches)
    judge = Judge(trace, machine, (), UNDISCOUNTED, "auto", seed, Trim(0, 0))
    return jobs * lost_h, tried(judge, Population(trace, ["seed"], seed), "lost_core_hours")


def tried(judge: Judge, population: Population, figure: str) -> list[float]:
    """Return what the first 40 draws show."""
    setup = Setup({pool.name: pool.nodes[0] for pool in judge.cluster.pools}, Policy.parse("fcfs"))
    table = as_table(list(replayed(judge, setup, population, range(1, 41), 2)))
    return list(map(float, table[figure]))


QUEUES = [(cores, load) for cores in (1, 2, 5) for load in (0.3, 0.5, 0.6)]
SPOT = [(jobs, run, rate, 0.7) for jobs in (60, 100) for run in (2.0, 3.3) for rate in (0.2, 0.4)]


def shares(found: Iterable[tuple[float, Sequence[float]]]) -> tuple[float, float]:
    """Return of how many systems the intervals of all draws but the last cover the truth, and the last draw."""
    mean, ahead = [], []
    for truth, (*first, last) in found:
        one = interval(first)
        assert one is not None
        mean.append(one.mean_low <= truth <= one.mean_high)
        ahead.append(one.low <= last <= one.high)
    return float(np.mean(mean)), float(np.mean(ahead))


def test_the_truth_is_what_draws_come_to():
    """The mean of 40 draws is off by no more than four standard errors, for each kind of system."""
    found = [queue(*QUEUES[kind], kind) for kind in (0, 4, 8)] + [spot(*SPOT[kind], kind) for kind in (0, 5, 7)]
    for truth, draws in found:
        assert abs(np.mean(draws) - truth) <= 4 * np.std(draws, ddof=1) / math.sqrt(len(draws))


def test_intervals_cover_a_known_truth():
    """As below, without replays: the mean wait of exponential waits, which is 1."""
    rng = np.random.default_rng(1)
    mean, ahead = shares((1.0, rng.exponential(1.0, (40, 200)).mean(axis=1)) for _ in range(500))
    assert 0.93 <= mean <= 0.97
    assert 0.93 <= ahead <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["queues", "spot"])
def test_intervals_cover_as_they_say(kind):
    """Of 500 systems, 93 to 97 % of the intervals of 95 % cover; about 1 % is the chance in that."""
    kinds: Any
    system: Any
    kinds, system = (QUEUES, queue) if kind == "queues" else (SPOT, spot)
    found = [system(*kinds[seed % len(kinds)], seed) for seed in range(500)]
    mean, ahead = shares(found)
    assert 0.93 <= mean <= 0.97
    assert 0.93 <= ahead <= 0.97
