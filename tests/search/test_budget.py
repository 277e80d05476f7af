"""What a scenario says that its search may spend."""

from __future__ import annotations

import pytest

from pwsim import InputError, load_scenario, optimize
from pwsim.trace.formats.reading import write_trace
from pwsim.workload.models.synthetic import generate

SCENARIO = """\
name: short
workload: {trace: log.parquet}
cluster:
  pools:
    - name: own
      kind: on_premises
      nodes: {min: 4, max: 30}
      node: {cores: 2}
      cost: {capex_usd: 1000, lifetime_years: 4}
targets: [{metric: wait_s, statistic: p95, at_most: 60}]
"""


@pytest.fixture
def folder(tmp_path):
    write_trace(generate(jobs=300, cores=16, load=0.9, seed=2), tmp_path / "log.parquet")
    return tmp_path


def scenario(folder, budget):
    (folder / "short.yaml").write_text(f"{SCENARIO}search: {budget}\n")
    return load_scenario(folder / "short.yaml")


def test_a_budget_ends_the_search(folder):
    plan = optimize(scenario(folder, "{budget: {setups: 2}}"), workers=1, draws=False)
    assert (plan.stopped, len(plan.setups)) == ("max_setups", 2)
    assert plan.asked["search"] == {"budget": {"setups": 2}}
    brief = scenario(folder, "{budget: {time: 1 ms}}")
    plan = optimize(brief, workers=1, draws=False)
    assert (plan.stopped, len(plan.setups)) == ("time_limit", 1)
    assert optimize(brief, workers=1, time_limit_s=600, draws=False).stopped is None  # it comes before the scenario's


def test_the_old_name_of_the_limit_names_the_new_one(folder):
    with pytest.raises(InputError, match=r"short\.yaml:.*write budget: \{setups: 9\}"):
        scenario(folder, "{max_setups: 9}")
