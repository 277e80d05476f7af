"""Figures obtained outside pwsim, on real logs: published, or by independent implementations of the semantics."""

from __future__ import annotations

import numpy as np
import pytest
from simpy.events import EventPriority

from pwsim import Cluster, Trace, metrics, read_trace, shake, simulate
from pwsim.engine import prepare
from pwsim.engine.model import model
from tests.engine.test_engine import assert_engines_agree


@pytest.fixture(scope="module")
def kth(data_dir) -> Trace:
    return read_trace(data_dir / "traces" / "swf" / "KTH-SP2-1996-2.swf.gz")


@pytest.fixture(scope="module")
def nasa(data_dir) -> Trace:
    return read_trace(data_dir / "traces" / "swf" / "NASA-iPSC-1993-3.1-cln.swf.gz")


def filtered(trace: Trace) -> Trace:
    """Return the jobs that ran at all, whose published figures end every job at its estimate."""
    return trace.take(trace.run_s > 0)


# jobs, policy, overrun, mean wait, mean bounded slowdown; independent implementations of our semantics, all digits.
KTH = [
    ("filtered", "fcfs", "kill", 353_776.4091, 6_814.97331),
    ("filtered", "easy", "kill", 6_834.5873, 92.68765),
    ("filtered", "conservative", "kill", 7_316.2391, 88.96656),
    ("all", "fcfs", "allow", 389_661.0499, 7_515.04744),
    ("all", "easy", "allow", 6_844.6012, 91.47343),
    pytest.param("all", "conservative", "allow", 7_455.3879, 91.21104, marks=pytest.mark.slow),
    ("all", "sjf-easy", "allow", 4_557.0237, 41.48965),
    ("all", "fcfs", "kill", 353_769.6220, 6_822.31531),
    ("all", "easy", "kill", 6_834.3290, 92.82786),
    ("all", "conservative", "kill", 7_316.6919, 89.17310),
]


@pytest.mark.parametrize(("jobs", "policy", "overrun", "wait_s", "slowdown"), KTH)
def test_kth_to_all_digits(jobs, policy, overrun, wait_s, slowdown, kth, engine):
    trace = filtered(kth) if jobs == "filtered" else kth
    got = simulate(trace, cores=100, policy=policy, overrun=overrun, engine=engine).metrics
    assert (round(got["wait_s_mean"], 4), round(got["bounded_slowdown_mean"], 5)) == (wait_s, slowdown)


def test_kth_has_the_jobs_and_the_work_of_the_published_figures(kth):
    assert (len(kth), len(filtered(kth))) == (28_489, 28_481)
    few = filtered(kth)
    assert (few.procs * np.minimum(few.run_s, few.estimate_s)).sum() == 2_013_209_080


# Computed with pyss, which handles submissions before completions.
@pytest.mark.parametrize(
    ("policy", "wait_s", "slowdown"), [("easy", 6_836.8721, 92.57654), ("conservative", 7_310.5512, 88.99727)]
)
def test_kth_is_close_to_pyss(policy, wait_s, slowdown, kth, engine):
    got = simulate(filtered(kth), cores=100, policy=policy, overrun="kill", engine=engine).metrics
    assert got["wait_s_mean"] == pytest.approx(wait_s, rel=0.002)
    assert got["bounded_slowdown_mean"] == pytest.approx(slowdown, rel=0.002)


class InTheOrderOfPyss(model.Simulation):
    """Submissions before completions, and a pass after each single event."""

    def _touch(self, pool):
        pool.dirty = False
        if pool.queue:
            self._pass(pool)
        pool.ended_early = False


def test_kth_slowdown_with_other_bounds_in_the_order_of_pyss(kth, monkeypatch):
    """198.00 with a bound of 1 s and 32.24 with 60 s are pyss figures; short jobs feel the order of events most."""
    monkeypatch.setattr(model, "SUBMISSION", model.COMPLETION)
    monkeypatch.setattr(model, "COMPLETION", EventPriority(1))
    trace = filtered(kth)
    inputs = prepare(trace, Cluster.homogeneous(100, "easy", "kill"))
    turnaround_s = InTheOrderOfPyss(inputs).run().end_s - trace.submit_s
    slowdown = {bound_s: metrics.bounded_slowdown(turnaround_s, inputs.held_s, bound_s).mean() for bound_s in (1, 60)}
    assert {bound_s: round(float(value), 2) for bound_s, value in slowdown.items()} == {1: 198.00, 60: 32.24}


@pytest.mark.parametrize(("bound_s", "slowdown"), [(1.0, 198.00), (60.0, 32.24)])
def test_kth_slowdown_with_other_bounds_is_close_to_pyss(bound_s, slowdown, kth, engine):
    result = simulate(filtered(kth), cores=100, policy="easy", overrun="kill", engine=engine)
    got = metrics.bounded_slowdown(result.turnaround_s, result.run_s, bound_s).mean()
    assert got == pytest.approx(slowdown, rel=0.007)


def test_kth_shaken(kth):
    """Each submission moved by up to a minute, 20 seeds: mean 89.46, standard deviation 1.61, range 85.9 to 92.0."""
    trace = filtered(kth)
    slowdowns = []
    for seed in range(20):
        shaken = shake(trace, 60, seed)
        slowdowns.append(simulate(shaken, cores=100, overrun="kill").metrics["bounded_slowdown_mean"])
    assert np.mean(slowdowns) == pytest.approx(89.46, abs=3 * 1.61 * np.sqrt(2 / 20))
    assert np.std(slowdowns, ddof=1) == pytest.approx(1.61, rel=0.6)


NASA = [
    ("fcfs", 8.00466, 1.02598),
    ("easy", 4.02807, 1.01176),
    ("conservative", 4.02807, 1.01176),
    ("sjf-easy", 0.36438, 1.00056),
]


@pytest.mark.parametrize(("policy", "wait_s", "slowdown"), NASA)
def test_nasa_to_all_digits(policy, wait_s, slowdown, nasa, engine):
    assert len(nasa) == 18_239
    got = simulate(nasa, cores=128, policy=policy, engine=engine).metrics
    assert got["wait_s_mean"] == pytest.approx(wait_s, abs=5.1e-6)
    assert got["bounded_slowdown_mean"] == pytest.approx(slowdown, abs=1.01e-5)


FULL = ["fcfs", "easy", "easy:sjf", "conservative", "wfp3-easy", "multifactor-easy", "sjf-conservative"]


@pytest.mark.slow
@pytest.mark.parametrize("overrun", ["allow", "kill"])
@pytest.mark.parametrize("depth", [None, 100])
@pytest.mark.parametrize("policy", FULL)
def test_engines_agree_on_kth_and_nasa_in_full(policy, depth, overrun, kth, nasa):
    assert_engines_agree(kth, Cluster.homogeneous(100, policy, overrun, depth))
    assert_engines_agree(nasa, Cluster.homogeneous(64, policy, overrun, depth))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["fcfs", "easy", "sjf-easy", "conservative"])
def test_engines_agree_on_cea_curie_in_full(policy, data_dir):
    trace = read_trace(data_dir / "traces" / "swf" / "CEA-Curie-2011-2.1-cln.swf.gz")
    assert_engines_agree(trace, Cluster.homogeneous(93_312, policy))


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.0, 0.05])
@pytest.mark.parametrize("policy", ["fcfs", "easy", "easy:sjf", "conservative", "multifactor-easy"])
def test_engines_agree_on_kth_where_nodes_come_and_go(policy, rate, kth):
    own = {"name": "own", "kind": "on_premises", "nodes": 80, "node": {"cores": 1}, "placement": "nodes"}
    burst = {
        "name": "burst",
        "kind": "cloud",
        "nodes": 60,
        "node": {"cores": 1, "speed": 1.5},
        "price_usd_per_hour": 0.1,
        "burst_after": 1800,
        "interruptions_per_hour": rate,
        "checkpoint_interval": 3600,
        "restart_overhead": 60,
    }
    failing = {**own, "mtbf": 30 * 86_400} if rate else own
    assert_engines_agree(kth, Cluster.model_validate({"policy": policy, "pools": [failing, burst]}))
