"""Hypothesis strategies: small integers, so that ties are everywhere."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pwsim.cluster import Cluster
from pwsim.rules import BACKFILLS, ORDERS
from pwsim.trace import Trace

jobs = st.fixed_dictionaries(
    {
        "submit_s": st.integers(0, 6),
        "run_s": st.integers(0, 5),
        "procs": st.integers(1, 4),
        "estimate_s": st.integers(-1, 6),
        "nodes": st.integers(0, 2),
        "memory_mib": st.sampled_from([0, 0, 1024, 3000, 5000]),
    }
)
"""One job; an estimate that is not positive is the run time (semantics §1)."""

traces = st.lists(jobs, min_size=1, max_size=9).map(
    lambda rows: Trace.from_columns({key: [row[key] for row in rows] for key in rows[0]})
)
"""Traces of up to nine jobs."""


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

clusters = st.builds(
    lambda order, backfill, overrun, pools: Cluster.model_validate(
        {"policy": f"{order}-{backfill}", "overrun": overrun, "pools": pools}
    ),
    st.sampled_from(ORDERS),
    st.sampled_from(BACKFILLS),
    st.sampled_from(["allow", "kill"]),
    st.one_of(
        machine.map(lambda pool: [pool]),
        st.tuples(_pool("a")).map(list),
        st.tuples(_pool("a"), _pool("b")).map(list),
        st.tuples(_pool("a"), _pool("b"), _pool("c")).map(list),
    ),
)
"""Clusters of one to three pools under every policy."""
