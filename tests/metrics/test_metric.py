"""Records of metrics: whoever tells of one agrees with its record."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pwsim import Cluster, Target, Trace, simulate
from pwsim.metrics import ALL_METRICS, METRIC_COLUMNS, METRICS, TARGET_METRICS, meets

NODES = {"name": "own", "kind": "on_premises", "nodes": 2, "node": {"cores": 4, "gpus": 1}, "placement": "packed"}


@pytest.fixture(scope="module")
def result():
    trace = Trace.from_columns(
        {"submit_s": [0, 50, 60, 900], "run_s": [100, 200, 10, 30], "procs": [2, 4, 1, 9], "gpus": [1.0, 0, 1, 0]}
    )
    return simulate(trace, Cluster.model_validate({"pools": [NODES]}), engine="simpy")


def test_every_column_is_of_a_record(result):
    assert list(result.metrics) == list(METRIC_COLUMNS)
    assert all(text for _, text in METRIC_COLUMNS.values())
    assert all(name == one.name for name, one in METRICS.items())
    assert len({one.words for one in METRICS.values()}) == len(METRICS)


def test_metrics_of_jobs_have_a_value_a_job(result):
    for name, values in result.by_job.items():
        assert np.isnan(values).tolist() == [False, False, False, True], name  # the last fits nowhere
        assert name in result.jobs


def test_shares_are_shares(result):
    assert {name for name, one in METRICS.items() if one.is_share} <= set(result.metrics)
    assert all(0 <= result.metrics[name] <= 1 for name, one in METRICS.items() if one.is_share)


@pytest.mark.parametrize("name", TARGET_METRICS)
def test_every_target_can_be_asked_for(name, result):
    statistic = next(iter(ALL_METRICS[name].statistics), None)
    billed = ALL_METRICS[name].of == "bill"  # of that, less is better
    limit = {"at_most": 1e15} if billed else {"at_least": 0}
    target = Target.model_validate({"metric": name, **limit, "statistic": statistic})
    achieved = target.achieved(result, result.bill())
    assert target.met(achieved) == (not math.isnan(achieved))
    if billed:
        with pytest.raises(ValueError, match="is a figure of the bill"):
            target.achieved(result)
    if target.over_time:
        assert target.achieved_over(result, [result.window]) == [target.achieved(result)]


def test_values_that_meet_a_limit():
    values = np.array([1.0, 2.0, 3.0, math.nan])
    assert meets(values, at_most=2.0, at_least=None).tolist() == [True, True, False, False]
    assert meets(values, at_most=None, at_least=2.0).tolist() == [False, True, True, False]
