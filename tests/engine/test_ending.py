"""Early ends of replays: by hand, and of every engine as the whole replay tells them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, Trace
from pwsim.engine import DEAR, LOST, OPEN, REJECTED, Ended, Ends, prepare, replay, replay_until
from tests.strategies import traces

OWN = {"name": "own", "kind": "on_premises", "nodes": 1, "node": {"cores": 1}, "placement": "nodes"}
RENTED = {
    "name": "rented", "kind": "cloud", "nodes": 2, "node": {"cores": 1}, "placement": "nodes", "boot_time": 0,
    "idle_timeout": 0, "price_usd_per_hour": 1.0,
}  # fmt: skip
SOON = Trace.from_columns({"submit_s": [0, 0, 0], "run_s": [10, 10, 10], "procs": [1, 1, 1]})


def inputs_of(*pools, trace=SOON, policy="easy"):
    return prepare(trace, Cluster.model_validate({"pools": list(pools), "policy": policy}))


def ends_of(inputs, *limits, usd_per_s=None, most_usd=np.inf):
    """Return ends by (limit, how many may wait longer), about all jobs that some pool holds."""
    jobs, pools = len(inputs.submit_s), len(inputs.pools)
    about = np.tile(inputs.pool != REJECTED, (len(limits), 1)).reshape(len(limits), jobs)
    prices = np.zeros(pools) if usd_per_s is None else np.array(usd_per_s)
    none = np.zeros(pools, dtype=np.int64)
    limit_s, allowed = np.array(limits, dtype=np.float64).reshape(-1, 2).T
    return Ends(limit_s, allowed.astype(np.int64), about, prices, none, most_usd)


@pytest.mark.parametrize("pools", [[OWN], [{**RENTED, "nodes": 1}]], ids=["steady", "changing"])
def test_a_target_is_lost_by_hand(pools):
    """On one core the jobs wait 0, 10 and 20 s: two wait longer than 5 s, which is certain when the second starts."""
    inputs = inputs_of(*pools)
    for allowed in (0, 1):
        ended = replay_until(inputs, "compiled", ends_of(inputs, (5, allowed)))
        assert isinstance(ended, Ended)
        assert (ended.why, ended.at_s, ended.late.tolist()) == (LOST, 10.0, [2])
    assert replay_until(inputs, "compiled", ends_of(inputs, (5, 2), (20, 0))) == replay(inputs, "compiled")
    # The third waits longer than 19 s, which is not certain at 10 s.
    later = replay_until(inputs, "compiled", ends_of(inputs, (5, 2), (19, 0)))
    assert isinstance(later, Ended)
    assert (later.why, later.at_s, later.late.tolist()) == (LOST, 20.0, [2, 1])


def test_rent_comes_to_too_much_by_hand():
    """Two rented nodes run the first two jobs for 10 s, and one the third: 30 node-seconds, 20 of them by 10 s."""
    inputs = inputs_of(RENTED)
    ended = replay_until(inputs, "compiled", ends_of(inputs, usd_per_s=[0.5], most_usd=9.0))
    assert isinstance(ended, Ended)
    assert (ended.why, ended.at_s, ended.node_s.tolist()) == (DEAR, 10.0, [20.0])
    whole = ends_of(inputs, usd_per_s=[0.5], most_usd=15.1)
    assert replay_until(inputs, "compiled", whole) == replay(inputs, "compiled")
    at_last = replay_until(inputs, "compiled", ends_of(inputs, usd_per_s=[0.5], most_usd=15.0))
    assert isinstance(at_last, Ended)  # the last second counts
    assert (at_last.why, at_last.at_s) == (DEAR, 20.0)


def test_what_is_to_come_counts_at_checks_by_hand():
    """Of 15 USD in all 4 are paid by 4 s, and 11 are to come; by 15 s these are 12.5 and 2.5."""
    inputs = inputs_of(RENTED)
    for most_usd, at_s, seen in ((15.0, 10.0, [[8.0]]), (14.9, 10.0, [[8.0]]), (15.1, None, None)):
        ends = ends_of(inputs, usd_per_s=[0.5], most_usd=most_usd)
        ends = ends._replace(check_s=np.array([4.0, 15.0]), rest_usd=np.array([11.0, 2.5]))
        ended = replay_until(inputs, "compiled", ends)
        assert ends.end_of(replay(inputs, "simpy"), inputs.submit_s) == (OPEN if at_s is None else DEAR)
        if at_s is None:
            assert ended == replay(inputs, "compiled")
        else:
            assert isinstance(ended, Ended)
            assert (ended.why, ended.at_s, ended.node_s_at.tolist()) == (DEAR, at_s, seen)


def test_what_comes_first_is_told():
    """The third job has waited longer than 5 s at 5 s; the rent of two nodes reaches 4 at 4 s, and 5 at 5 s."""
    inputs = inputs_of(RENTED)
    for most_usd, first in ((4.0, DEAR), (5.0, LOST), (6.0, LOST)):
        ends = ends_of(inputs, (5, 0), usd_per_s=[0.5], most_usd=most_usd)
        ended = replay_until(inputs, "compiled", ends)
        assert isinstance(ended, Ended)
        assert ended.why == first == ends.end_of(replay(inputs, "simpy"), inputs.submit_s)


@st.composite
def pools(draw: st.DrawFn):
    rented = {
        **RENTED,
        "nodes": draw(st.integers(1, 4)),
        "boot_time": draw(st.integers(0, 2)),
        "idle_timeout": draw(st.integers(0, 4)),
        "min_nodes": draw(st.integers(0, 1)),
    }
    own = {**OWN, "nodes": draw(st.integers(1, 4))}
    moving = {**rented, "burst_after": draw(st.integers(0, 4))}
    taken = {**rented, "interruptions_per_hour": 200.0}
    return draw(st.sampled_from([[own], [rented], [own, rented], [own, moving], [taken]]))


@given(data=st.data(), trace=traces, pools=pools(), policy=st.sampled_from(["easy", "sjf-easy", "conservative"]))
@settings(max_examples=60)
def test_every_engine_ends_as_the_whole_replay_tells(data, trace, pools, policy):
    inputs = inputs_of(*pools, trace=trace, policy=policy)
    limits = data.draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=2))
    elastic = [one.elastic for one in inputs.pools]
    price = data.draw(st.sampled_from([1.0, 0.3]))
    most_usd = data.draw(st.one_of(st.just(np.inf), st.integers(1, 30).map(float))) if any(elastic) else np.inf
    ends = ends_of(inputs, *limits, usd_per_s=price * np.array(elastic), most_usd=most_usd)
    ends = ends._replace(base=np.array([one.least for one in inputs.pools], dtype=np.int64))
    held = inputs.submit_s[inputs.pool != REJECTED]
    if len(held):
        checks = st.lists(st.integers(0, int(held.max())), max_size=3, unique=True).map(sorted)
        check_s = np.array(data.draw(checks), dtype=np.float64)
        rest_usd = [data.draw(st.integers(0, 20)) + 0.123 for _ in check_s]  # no sum is just what it may come to
        ends = ends._replace(check_s=check_s, rest_usd=np.array(rest_usd))
    whole = replay(inputs, "compiled")
    seen = replay_until(inputs, "compiled", ends)
    assert (seen.why if isinstance(seen, Ended) else OPEN) == ends.end_of(whole, inputs.submit_s)
    assert ends.end_of(replay(inputs, "simpy"), inputs.submit_s) == ends.end_of(whole, inputs.submit_s)
    if isinstance(seen, Ended):
        late = [np.count_nonzero(about & (whole.start_s - inputs.submit_s > limit_s))
                for limit_s, about in zip(ends.limit_s, ends.about, strict=True)]  # fmt: skip
        assert (seen.late <= late).all()
    else:
        assert seen == whole
