"""What becomes of cores and GPUs that are up: asked for, held beside, free while jobs wait, idle."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Result, Trace, simulate
from pwsim.cluster.pools import Pool
from pwsim.metrics import Attempts, Intervals, Waits
from pwsim.metrics.capacity import SHARE_COLUMNS, course, split
from tests.strategies import changing_clusters, clusters, gpu_traces, packed_clusters, traces


def held(pool: Pool, procs: int, gpus: float, nodes: int, memory: int) -> tuple[float, float]:
    """Cores and GPUs that nobody but the job can use while it runs: semantics §5, by hand."""
    if pool.placement == "cores":
        return procs, 0.0
    of = pool.node
    least = max(nodes, 1, math.ceil(procs / of.cores), math.ceil(round(gpus, 9) / of.gpus) if of.gpus else 0)
    if of.memory is not None:
        least = max(least, math.ceil(memory / int(of.memory)))
    if pool.placement == "nodes":
        return least * of.cores, least * of.gpus
    milli = math.ceil(round(gpus * 1000, 6))
    part = math.ceil(milli / least)
    return least * math.ceil(procs / least), least * (part if part < 1000 else 1000 * math.ceil(part / 1000)) / 1000


def by_instants(result: Result, index: int, from_s: float, until_s: float) -> np.ndarray:
    """Sum up the four parts of cores and GPUs between any two instants in which something changes, shape (2, 4)."""
    pool, trace = result.cluster.pools[index], result.trace
    runs = [one for one in zip(*result.attempts, strict=True) if one[1] == index]
    waits = [one[2:] for one in zip(*result.waits, strict=True) if one[1] == index]
    if pool.elastic or pool.fails:
        ups = [(min(up, gone), gone) for _, up, gone in zip(*result.stays(index), strict=True)]
    else:
        ups = [(0.0, math.inf)] * result.cluster.node_counts()[index]
    times = {from_s, until_s, *itertools.chain(*ups, *waits, *(one[2:4] for one in runs))}
    instants = sorted(time for time in times if from_s <= time <= until_s)
    parts = np.zeros((2, 4))
    for start, end in itertools.pairwise(instants):
        middle = (start + end) / 2
        up = sum(since <= middle < gone for since, gone in ups) * np.array([pool.node.cores, pool.node.gpus])
        now = [job for job, _, since, gone, _, _ in runs if since <= middle < gone]
        asked = np.array([(trace.procs[job], trace.gpus[job]) for job in now]).reshape(-1, 2).sum(axis=0)
        columns = (trace.procs, trace.gpus, trace.nodes, trace.memory_mib)
        taken = [held(pool, *(column[job] for column in columns)) for job in now]
        holding = np.array(taken).reshape(-1, 2).sum(axis=0)
        waiting = any(since <= middle < gone for since, gone in waits)
        free = up - holding
        four = [asked, holding - asked, free if waiting else 0 * free, 0 * free if waiting else free]
        parts += np.array(four).T * (end - start)
    return parts


def test_what_is_a_rounding_off_nothing_is_nothing():
    """Three jobs of a third of a GPU each, one after another on one that all hold: 0.1 + 0.2 is more than 0.3."""
    at = np.array
    times_s = np.array([0.0, 1e7, 1e7 + 0.1, 3e7])
    ran = Attempts(
        at([0, 1, 2]), at([0] * 3), at([0.0, 1e7 + 0.1, 2e7]), at([1e7 + 0.1, 2e7, 3e7]), at([0.0] * 3), at([1.0] * 3)
    )
    waits = Waits(at([0]), at([0]), at([0.0]), at([3e7]))
    here = course(0, ran, waits, Intervals(at([0.0]), at([3e7])))
    parts = split(1, here, at([0.3, 0.3, 0.3]), at([0.1 + 0.2] * 3), times_s)
    assert not parts.unused.any()
    assert parts.shares() == pytest.approx((0.3, 0.0, 0.7, 0.0))
    assert parts.shares()[1] == parts.shares()[3] == 0.0


@settings(max_examples=100)
@given(
    st.one_of(
        st.tuples(traces, clusters), st.tuples(traces, changing_clusters), st.tuples(gpu_traces, packed_clusters)
    ),
    st.sampled_from([(0, 0), (1, 0), (0, 2), (1, 1)]),
)
def test_the_four_parts_are_all_that_is_up(case: tuple[Trace, Cluster], trim: tuple[float, float]):
    """In every kind of pool, and however the window is trimmed: each part by hand, and the sum of all."""
    result = simulate(*case)
    assume(result.span_s > 0)  # else nothing is measured
    if sum(trim) < result.span_s:
        result = result.trimmed(*trim)
    from_s, until_s = result.trim.window(result.span_s)
    whole, pools, timeline = np.zeros((2, 4)), result.pools(), result.timeline
    for index, pool in enumerate(result.cluster.pools):
        wanted = by_instants(result, index, from_s, until_s)
        whole += wanted
        parts = result.split(index, np.array([from_s, until_s]))
        np.testing.assert_allclose(np.array([np.ravel(four) for four in parts]), wanted, rtol=1e-9, atol=1e-9)
        row, shares = pools.iloc[index], result.shares(index)
        assert {name: row[name] for name in SHARE_COLUMNS} == pytest.approx(shares, nan_ok=True)
        up_s = wanted.sum(axis=1)
        for of, four in enumerate((SHARE_COLUMNS[:4], SHARE_COLUMNS[4:])):
            if up_s[of]:
                assert [shares[name] for name in four] == pytest.approx((wanted[of] / up_s[of]).tolist(), abs=1e-12)
                assert math.fsum(shares[name] for name in four) == pytest.approx(1, abs=1e-12)
        hours = timeline[timeline["pool"] == pool.name]
        for kind, size in (("cores", pool.node.cores), ("gpus", pool.node.gpus)):
            split = hours[[f"{what}_{kind}" for what in ("busy", "unused", "stranded", "idle")]]
            np.testing.assert_allclose(split.sum(axis=1), hours["nodes_up"] * size, rtol=1e-9, atol=1e-9)
    shares = result.shares()
    for of, named in enumerate((SHARE_COLUMNS[:4], SHARE_COLUMNS[4:])):
        wanted = whole[of] / whole[of].sum() if whole[of].sum() else np.full(4, np.nan)
        assert [shares[name] for name in named] == pytest.approx(wanted.tolist(), abs=1e-12, nan_ok=True)
    for name in ("utilization", "gpu_utilization"):
        assert shares[name] == pytest.approx(result.metrics[name], abs=1e-12, nan_ok=True)
