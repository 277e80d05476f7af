"""The order of candidates: that of a list of all choices, without those that break a condition."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Trace
from pwsim.prices import UNDISCOUNTED
from pwsim.search import bounds
from pwsim.search.bounds import Bounds
from pwsim.search.candidates import Candidate, Candidates
from pwsim.search.holding import Holding
from pwsim.search.simulate_and_cut import complete_targets
from pwsim.search.targets import Target


def cluster_of(*choices: list[int], cores: tuple[int, ...] = (1, 2, 3, 1)) -> Cluster:
    pools = [
        {
            "name": f"pool{index}", "kind": "on_premises", "nodes": nodes, "node": {"cores": size, "speed": 1.5},
            "cost": {"capex_usd": 1, "lifetime_years": 1},
        }
        for index, (nodes, size) in enumerate(zip(choices, cores, strict=False))
    ]  # fmt: skip
    return Cluster.model_validate({"pools": pools})


def taken(cluster: Cluster, known: Bounds) -> list[Candidate]:
    candidates = Candidates(cluster, known)
    return list(iter(candidates.take, None))


def allowed(cluster: Cluster, known: Bounds, choice: tuple[int, ...]) -> bool:
    """Say what the conditions say, one choice at a time."""
    pools = list(zip(cluster.pools, choice, strict=True))
    cores = sum(pool.nodes[one] * pool.node.cores * pool.node.speed for pool, one in pools)
    rejected = [all(first > one for first, one in zip(row, choice, strict=True)) for row in known.job_classes]
    return (
        cores >= known.needed_cores
        and sum(known.job_class_counts[rejected]) <= known.rejected_at_most
        and math.fsum(known.job_class_work_shares[rejected]) <= known.rejected_work_at_most
    )


@st.composite
def questions(draw: st.DrawFn) -> tuple[Cluster, Bounds]:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    cluster = cluster_of(*(sorted(draw(st.sets(st.integers(0, 9), min_size=size, max_size=size))) for size in sizes))
    classes = draw(st.lists(st.tuples(*(st.integers(0, size) for size in sizes)), max_size=5))
    some = st.lists(st.integers(0, 4), min_size=len(classes), max_size=len(classes))
    return cluster, Bounds(
        # Whole dollars, which need not grow with the nodes: sums are exact, and there are many ties.
        cost_usd_per_year=tuple(
            np.array(draw(st.lists(st.integers(0, 6), min_size=size, max_size=size)), dtype=float) for size in sizes
        ),
        job_classes=np.array(classes, dtype=np.int64).reshape(len(classes), len(sizes)),
        job_class_counts=np.array(draw(some), dtype=np.int64),
        rejected_at_most=draw(st.integers(0, 8)),
        job_class_work_shares=np.array(draw(some)) / 16,
        rejected_work_at_most=draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
        needed_cores=draw(st.sampled_from([0.0, 1.5, 9.0, 20.0, 45.0, math.inf])),
    )


@given(questions())
@settings(max_examples=200)
def test_candidates_are_a_sorted_list_of_all_that_conditions_allow(question: tuple[Cluster, Bounds]):
    check_list(*question)


@pytest.mark.slow
@given(questions())
@settings(max_examples=10_000)
def test_candidates_are_a_sorted_list_of_all_that_conditions_allow_in_many_cases(question: tuple[Cluster, Bounds]):
    check_list(*question)


def check_list(cluster: Cluster, known: Bounds) -> None:
    """Fail unless candidates come by cost, and are all that conditions allow."""
    every = itertools.product(*(range(len(pool.nodes)) for pool in cluster.pools))
    listed = sorted((known.usd_of(choice), choice) for choice in every if allowed(cluster, known, choice))
    assert [(one.bound_usd_per_year, one.choice) for one in taken(cluster, known)] == listed


def test_what_every_condition_says():
    """Jobs of 3 processors and of 1; one of them must be done within the hour, and none be rejected."""
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [7200, 10], "procs": [3, 1]})
    cluster = cluster_of([0, 2], [1, 2], cores=(2, 2))
    targets = complete_targets(Holding(trace, cluster), [Target(metric="throughput_jobs_per_hour", at_least=1)])
    known = bounds.analyse(Holding(trace, cluster), targets, UNDISCOUNTED)
    # The smaller job is 10 core-seconds: 10 / 3600 cores of speed 1 are needed.
    assert known.needed_cores == pytest.approx(10 / 3600)
    # The wide job is held by the second choice of either pool.
    assert [one.choice for one in taken(cluster, known)] == [(0, 1), (1, 0), (1, 1)]
    # With leave to reject a job, neither pool need hold it; with leave to reject half of the work only, one must.
    few = replace(known, rejected_at_most=1)
    assert [one.choice for one in taken(cluster, few)] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [one.choice for one in taken(cluster, replace(few, rejected_work_at_most=0.5))] == [(0, 1), (1, 0), (1, 1)]
    assert taken(cluster, replace(known, needed_cores=13.0)) == []  # two and two nodes of 2 cores at speed 1.5 are 12


def test_a_long_cheap_beginning_that_conditions_exclude_is_skipped():
    """Of a million setups nearly all have too few cores; the cheapest that has enough is found at once."""
    cluster = cluster_of(*[list(range(100))] * 3, cores=(1, 1, 1))
    costs = tuple(price * np.arange(100.0) for price in (5, 4, 3))
    known = Bounds(costs, np.empty((0, 3), dtype=np.int64), np.empty(0, dtype=np.int64), 0, np.empty(0), 1.0, 1.5 * 290)
    candidates = Candidates(cluster, known)
    first = candidates.take()
    assert first is not None
    # 99 of the second and third pools, and what is missing of the first.
    assert first == Candidate((92, 99, 99), 5 * 92 + 4 * 99 + 3 * 99)
    taken = 1
    while candidates.take() is not None:
        taken += 1
    assert taken == math.comb(7 + 3, 3)  # so many have at most 7 nodes less
