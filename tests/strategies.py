"""Hypothesis strategies: small integers, so that ties are everywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from pwsim.cluster.cluster import Cluster
from pwsim.rules import BACKFILLS, LOOKED_AT, ORDERS
from pwsim.rules.orders import PASSING_ORDERS
from pwsim.trace.table import Feedback, Trace


def _jobs(gpus: list[float]) -> st.SearchStrategy[dict[str, Any]]:
    """One job; an estimate that is not positive is the run time (semantics §1)."""
    return st.fixed_dictionaries(
        {
            "submit_s": st.integers(0, 6),
            "run_s": st.integers(0, 5),
            "procs": st.integers(1, 4),
            "estimate_s": st.integers(-1, 6),
            "nodes": st.integers(0, 2),
            "memory_mib": st.sampled_from([0, 0, 1024, 3000, 5000]),
            "gpus": st.sampled_from(gpus),
            "user": st.sampled_from(["ann", "bob", "cyd"]),
            "queue": st.sampled_from(["", "long", "short"]),
            "user_group": st.sampled_from(["", "chemistry", "theory", "lasers"]),
            "qos": st.sampled_from(["", "normal", "high"]),
        }
    )


def _traces(jobs: st.SearchStrategy[dict[str, Any]], most: int = 9) -> st.SearchStrategy[Trace]:
    return st.lists(jobs, min_size=1, max_size=most).map(
        lambda rows: Trace.from_columns({key: [row[key] for row in rows] for key in rows[0]})
    )


traces = _traces(_jobs([0.0] * 19 + [1.0]))
"""Traces of up to nine jobs, few with a GPU: pools without any reject those, and an empty machine finds no fault."""

overdue_traces = _traces(_jobs([0.0]).map(lambda job: {**job, "estimate_s": 1 + job["estimate_s"] // 5}))
"""Traces of up to nine jobs, most of which outlive their estimates."""


def _crowd(rows: list[tuple[int, int, int, int]]) -> Trace:
    """Return jobs that end as estimated, or early by so much."""
    submit_s, procs, estimate_s, early_s = zip(*rows, strict=True)
    run_s = [max(0, length_s - less_s) for length_s, less_s in zip(estimate_s, early_s, strict=True)]
    return Trace.from_columns({"submit_s": submit_s, "procs": procs, "estimate_s": estimate_s, "run_s": run_s})


crowded_traces = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 6), st.integers(1, 20), st.sampled_from([0, 0, 2, 4, 9, 15])),
    min_size=8,
    max_size=12,
).map(_crowd)
"""Traces of up to a dozen jobs, many of which wait at once, and end early: reservations move again and again."""

gpu_traces = _traces(_jobs([0.0, 0.0, 0.25, 0.5, 0.6, 1.0, 1.5, 2.0]))
"""Traces of up to nine jobs, most with GPUs or a part of one."""


def _with_feedback(trace: Trace, followed: list[tuple[int, int]]) -> Trace:
    """Let jobs follow the one so many rows before them, if there is one (0: none), after think times."""
    pairs = [(row - back if 0 < back <= row else -1, think) for row, (back, think) in enumerate(followed[: len(trace)])]
    follows, think_s = np.array(pairs).T
    return replace(trace, feedback=Feedback(follows, think_s.astype(np.float64)))


_followed = st.lists(st.tuples(st.sampled_from([0, 1, 1, 2, 3]), st.sampled_from([0, 0, 1, 2])), min_size=9, max_size=9)

feedback_traces = st.builds(_with_feedback, traces, _followed)
"""Traces in which jobs are submitted after the ends of others."""

feedback_gpu_traces = st.builds(_with_feedback, gpu_traces, _followed)
"""The same, most with GPUs or a part of one."""


def _pool(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "name": st.just(name),
            "kind": st.just("on_premises"),
            "nodes": st.integers(0, 4),
            "placement": st.sampled_from(["cores", "nodes"]),
            "node": st.fixed_dictionaries(
                {
                    "cores": st.sampled_from([1, 2, 2, 3]),
                    "memory": st.sampled_from([None, "2 GiB"]),
                    "speed": st.sampled_from([1.0, 1.0, 2.0, 0.5]),
                }
            ),
            "accepts": st.sampled_from(
                [
                    {},
                    {},
                    {"procs": {"at_most": 2}},
                    {"procs": {"at_least": 2}},
                    {"procs": {"at_least": 2, "at_most": 3}},
                ]
            ),
        }
    )


machine = st.fixed_dictionaries(
    {
        "name": st.just("machine"),
        "kind": st.just("on_premises"),
        "nodes": st.integers(3, 6),
        "node": st.just({"cores": 1}),
    }
)
"""One bag of 3 to 6 processors."""

_plain = tuple(name for name, rule in BACKFILLS.items() if rule.holds != LOOKED_AT)
policies = st.one_of(
    st.tuples(st.sampled_from(tuple(ORDERS)), st.sampled_from(_plain)).map("-".join),
    st.tuples(st.sampled_from(tuple(ORDERS)), st.sampled_from(PASSING_ORDERS)).map("-easy:".join),
)
"""Every order with every backfill rule but plans made anew, which go with site rules (:mod:`tests.site_strategies`), and
EASY with every order of its own."""

factors = st.fixed_dictionaries(
    {
        "age": st.sampled_from([0, 1, 1000]),
        "max_age": st.integers(1, 10),
        "fair_share": st.sampled_from([0, 1, 1000]),
        "half_life": st.integers(1, 10),
        "shares": st.sampled_from([{}, {"ann": 3, "bob": 0.5}]),
        "size": st.sampled_from([0, 1, -1]),
        "queue": st.sampled_from([0, 1]),
        "queues": st.sampled_from([{}, {"long": 1, "short": 2}]),
        "qos": st.sampled_from([0, 0, 1]),
        "qos_priorities": st.sampled_from([{}, {"normal": 0, "high": 3}, {"": 1, "high": 2}]),
        "size_relative_to_time": st.booleans(),
        "tres": st.sampled_from([{}, {"cpu": 1, "node": 2}, {"mem": 1, "gpu": 1}]),
        "algorithm": st.sampled_from(["classic", "fair_tree"]),
        "damping": st.sampled_from([1, 1, 3]),
        "calc_period": st.sampled_from([0, 0, 1, 4]),
        "billing": st.sampled_from([None, None, {"cpu": 1, "mem": 0.25}, {"cpu": 0.1, "node": 1, "gpu": 2}]),
        "billing_by": st.sampled_from(["sum", "max"]),
        "accounts": st.sampled_from(
            [
                {},
                {},
                {"physics": {"shares": 3}, "theory": {"parent": "physics"}, "chemistry": {}},
                {
                    "lasers": {"parent": "physics", "shares": "parent", "users": {"ann": "parent"}},
                    "physics": {"shares": 2, "users": {"eve": 1}},
                    "theory": {"parent": "physics", "shares": 0.5, "users": {"ann": 3, "bob": 0, "cyd": "parent"}},
                },
            ]
        ),
    }
)
"""Weights of the multifactor order."""


def _clusters(pools: st.SearchStrategy[list[dict[str, Any]]]) -> st.SearchStrategy[Cluster]:
    return st.builds(
        lambda policy, overrun, depth, multifactor, pools: Cluster.model_validate(
            {"policy": policy, "overrun": overrun, "depth": depth, "multifactor": multifactor, "pools": pools}
        ),
        policies,
        st.sampled_from(["allow", "kill"]),
        st.sampled_from([None, None, 1, 2, 3]),
        factors,
        pools,
    )


machines = _clusters(machine.map(lambda pool: [pool]))
"""One bag of processors under every policy: all jobs of a trace compete."""

clusters = _clusters(
    st.one_of(
        machine.map(lambda pool: [pool]),
        st.tuples(_pool("a")).map(list),
        st.tuples(_pool("a"), _pool("b")).map(list),
        st.tuples(_pool("a"), _pool("b"), _pool("c")).map(list),
    ),
)
"""Clusters of one to three pools under every policy."""

_restarts: dict[str, st.SearchStrategy[Any]] = {
    "checkpoint_interval": st.sampled_from([None, 1, 2]),
    "restart_overhead": st.sampled_from([0, 0, 1]),
    "max_restarts": st.sampled_from([0, 1, 3]),
}


def _changing_pool(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """A pool of any kind: steady, failing, or elastic, on demand or spot."""
    node = st.fixed_dictionaries({"cores": st.sampled_from([1, 2]), "speed": st.sampled_from([1.0, 1.0, 2.0, 0.5])})
    common = {"name": st.just(name), "node": node, **_restarts}
    if name != "a":
        common["burst_after"] = st.sampled_from([None, 0, 0, 1, 3])
    accepts = st.sampled_from([{}, {}, {}, {"procs": {"at_most": 2}}, {"procs": {"at_least": 2}}])
    failing = {
        "kind": st.just("on_premises"),
        "nodes": st.integers(0, 4),
        "placement": st.just("nodes"),
        "mtbf": st.sampled_from([None, 5, 20]),
        "repair_time": st.integers(0, 3),
    }
    elastic = {
        "kind": st.just("cloud"),
        "nodes": st.integers(1, 4),
        "price_usd_per_hour": st.just(1.0),
        "min_nodes": st.sampled_from([0, 0, 1]),
        "boot_time": st.sampled_from([0, 0, 1, 2]),
        "idle_timeout": st.sampled_from([0, 1, 3]),
        "interruptions_per_hour": st.sampled_from([0, 0, 180, 720]),
    }
    return st.one_of(
        st.fixed_dictionaries({**common, **failing, "accepts": accepts}),
        st.fixed_dictionaries({**common, **elastic, "accepts": accepts}),
        st.tuples(_pool(name), st.fixed_dictionaries(common)).map(lambda both: {**both[0], **both[1]}),
    )


def _packed_pool(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """A pool whose jobs share nodes: steady, failing, or elastic; or any other."""
    packed = {
        "placement": st.just("packed"),
        "node": st.fixed_dictionaries(
            {
                "cores": st.sampled_from([2, 3, 4]),
                "memory": st.sampled_from([None, "4 GiB", "6 GiB"]),
                "gpus": st.sampled_from([0, 1, 2, 2]),
                "speed": st.sampled_from([1.0, 1.0, 2.0]),
            }
        ),
        "accepts": st.sampled_from(
            [{}, {}, {}, {"procs": {"at_least": 2}}, {"gpus": {"at_most": 0}}, {"gpus": {"at_least": 0.5}}]
        ),
    }
    changing = _changing_pool(name)
    return st.one_of(
        st.tuples(changing, st.fixed_dictionaries(packed)).map(lambda both: {**both[0], **both[1]}),
        st.tuples(changing, st.fixed_dictionaries(packed)).map(lambda both: {**both[0], **both[1]}),
        changing,
    )


def _worn_pool(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """A pool of few nodes that stay for seconds: failing, or spot."""
    common = {
        "name": st.just(name),
        "node": st.fixed_dictionaries({"cores": st.sampled_from([1, 2]), "speed": st.sampled_from([1.0, 1.0, 2.0])}),
        "nodes": st.integers(1, 3),
        "checkpoint_interval": st.sampled_from([1, 1, 2]),
        "restart_overhead": st.sampled_from([0, 0, 1]),
        "max_restarts": st.sampled_from([3, 1000, 1000]),
    }
    if name != "a":
        common["burst_after"] = st.sampled_from([None, 0, 3])
    failing = {
        "kind": st.just("on_premises"),
        "placement": st.just("nodes"),
        "mtbf": st.sampled_from([3, 5, 20]),
        "repair_time": st.integers(0, 2),
    }
    spot = {
        "kind": st.just("cloud"),
        "price_usd_per_hour": st.just(1.0),
        "boot_time": st.sampled_from([0, 1, 2]),
        "idle_timeout": st.sampled_from([0, 1, 3]),
        "interruptions_per_hour": st.sampled_from([180, 720, 1200]),
    }
    return st.one_of(st.fixed_dictionaries({**common, **failing}), st.fixed_dictionaries({**common, **spot}))


def _changing(policies: st.SearchStrategy[str], pools: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[Cluster]:
    return st.builds(
        lambda policy, overrun, depth, pools: Cluster.model_validate(
            {"policy": policy, "overrun": overrun, "depth": depth, "pools": pools}
        ),
        policies,
        st.sampled_from(["allow", "kill"]),
        st.sampled_from([None, None, None, 1, 2]),
        pools,
    )


packed_clusters = _changing(
    policies.filter(lambda policy: not policy.endswith("conservative")),
    st.one_of(
        st.tuples(_packed_pool("a")).map(list),
        st.tuples(_packed_pool("a"), _packed_pool("b")).map(list),
        st.tuples(_packed_pool("a"), _packed_pool("b"), _packed_pool("c")).map(list),
    ),
)
"""Clusters with pools whose jobs share nodes, which may come and go."""

shared_machines = _changing(
    st.sampled_from(["easy", "sjf-easy", "easy:smallest"]),
    st.builds(
        lambda nodes, cores, memory, gpus: [
            {"name": "a", "kind": "on_premises", "nodes": nodes, "placement": "packed",
             "node": {"cores": cores, "memory": memory, "gpus": gpus}}
        ],
        st.integers(1, 3),
        st.sampled_from([4, 6, 8]),
        st.sampled_from([None, "6 GiB", "8 GiB"]),
        st.sampled_from([0, 0, 2]),
    ),
)  # fmt: skip
"""One packed pool of nodes that several jobs share, under EASY: who passes the head, and where it is put, is what tells."""

_changing_pools = st.one_of(
    st.tuples(_changing_pool("a")).map(list),
    st.tuples(_changing_pool("a"), _changing_pool("b")).map(list),
    st.tuples(_changing_pool("a"), _changing_pool("b"), _changing_pool("c")).map(list),
)


changing_clusters = _changing(policies, _changing_pools)
"""Clusters whose nodes come and go, and whose jobs move, under every policy."""

long_traces = _traces(
    _jobs([0.0]).map(
        lambda job: {**job, "run_s": 12 * job["run_s"], "estimate_s": (6 + job["submit_s"]) * job["estimate_s"]}
    ),
    most=5,
)
"""Traces of up to five jobs of up to a minute."""

_reserving = st.sampled_from(tuple(ORDERS)).map("{}-conservative".format)

reserving_cases = st.one_of(
    st.tuples(traces, _changing(_reserving, _changing_pools)),
    st.tuples(
        long_traces,
        _changing(
            _reserving,
            st.one_of(
                st.tuples(_worn_pool("a")).map(list),
                st.tuples(_worn_pool("a"), _worn_pool("b")).map(list),
            ),
        ),
    ),
)
"""Traces on clusters under conservative backfilling: nodes come and go, or do so dozens of times while a job waits."""
