"""Records of the parts of the cost: what is known of one agrees with itself."""

from __future__ import annotations

import numpy as np
import pytest

from pwsim.cluster import Cluster
from pwsim.costs import PARTS, Jobs, Terms, charges, standing
from tests.costs.test_money import COST, RENT, cloud, own

POOLS = Cluster.model_validate({"pools": [own(2, cores=2, **COST), cloud(3, always_up=True, **RENT)]}).pools
YEAR_S = 8766 * 3600.0
TERMS = Terms(0.05, 80.0)
NONE = np.empty(0)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_each_part_stands_by_itself(pool):
    assert list(standing(pool, 2, TERMS)) == list(PARTS)
    for name, part in PARTS.items():
        assert part.name == name
        assert part.standing or part.caused or part.shared, name
        assert part.caused or not part.least, name
        if part.standing and part.summed:  # what comes up unevenly is the same in a year
            year = part.summed(pool, 2, np.array([0.0, YEAR_S]), TERMS)
            assert (year[0], year[1]) == (0, part.standing(pool, 2, TERMS)), name


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool.name)
def test_no_jobs_cause_nothing(pool):
    use = charges.Use(*[NONE] * 8)
    jobs = Jobs(NONE.astype(int), NONE, NONE, NONE)
    for name, part in PARTS.items():
        if part.caused:
            assert part.caused(pool, use, TERMS, np.array([0.0, YEAR_S])).tolist() == [0, 0], name
        if part.least:
            assert all(len(row) == 0 for row in part.least(pool, jobs, TERMS)), name


@pytest.mark.parametrize(
    ("intervals", "nodes", "expected"),
    [
        # Two from 0 to 5, then two again: what leaves and what comes at 5 do not make three.
        ([(0, 5), (0, 9), (5, 9)], 1, [(0, 5, 1), (5, 9, 1)]),
        ([(0, 9), (2, 2.5)], 1, [(2, 2.5, 1)]),  # half a second counts, what is covered is no span
        ([(0, 9), (1, 8), (2, 8)], 1, [(1, 2, 1), (2, 8, 2)]),
        ([(0, 9), (1, 8)], 2, []),
        ([(0, 9), (1, 8)], 0, [(0, 9, 1), (1, 8, 1)]),
        ([], 1, []),
    ],
)
def test_what_is_beyond_a_number_of_nodes(intervals, nodes, expected):
    start_s, end_s = np.array(intervals, dtype=float).reshape(-1, 2).T
    found = charges.beyond(start_s, end_s, nodes)
    assert list(zip(*found, strict=True)) == expected


def test_a_commitment_that_no_job_needed_is_not_used():
    pool = Cluster.model_validate({"pools": [cloud(3, **RENT)]}).pools[0]
    use = charges.Use(*[NONE] * 8)
    assert charges.commitment_share_used(pool, 3, use, 1000.0) == 0
    assert charges.last_s(pool, use) == 0


@pytest.mark.parametrize(
    ("gpus", "placement", "cost", "depends"),
    [
        (1, "packed", COST, True),
        (2, "packed", COST, True),
        (0, "packed", COST, False),
        (1, "nodes", COST, False),
        (1, "packed", {"busy_power_per_core": 5, "busy_power_per_gpu": 200, "idle_power": 10}, False),
    ],
)
def test_whether_power_depends_on_who_shares_a_node(gpus, placement, cost, depends):
    pool = own(1, cores=4, **cost)
    pool.update(placement=placement, node={"cores": 4, "gpus": gpus})
    assert charges.busy_by_node(Cluster.model_validate({"pools": [pool]}).pools[0]) is depends
