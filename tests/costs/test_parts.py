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
        assert part.standing or part.caused, name
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
