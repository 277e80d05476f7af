"""The multifactor order: Slurm's own examples, and schedules by hand (semantics §4)."""

from __future__ import annotations

from typing import Any

import pytest

from pwsim import Cluster, Trace, simulate
from pwsim.cluster import Multifactor
from pwsim.common import InputError
from pwsim.engine.inputs import as_lists, without_rules
from pwsim.rules import multifactor
from pwsim.rules.multifactor import Ledger, Priorities


def pool(name: str = "p", nodes: int = 1, **node: Any) -> dict[str, Any]:
    return {"name": name, "kind": "on_premises", "nodes": nodes, "node": {"cores": 1, **node}}


def machine(factors: dict[str, Any], *pools: dict[str, Any], **more: Any) -> Cluster:
    return Cluster.model_validate(
        {"policy": "multifactor", "multifactor": factors, "pools": list(pools) or [pool()], **more}
    )


def trace(**columns: Any) -> Trace:
    jobs = max(len(column) for column in columns.values())
    return Trace.from_columns({"submit_s": [0] * jobs, "run_s": [1] * jobs, "procs": [1] * jobs, **columns})


def known(accounts: dict[str, Any], users: list[tuple[str, str]], **factors: Any) -> Priorities:
    """Return what is known of a job of each of these users (account, user)."""
    log = trace(user=[user for _, user in users], user_group=[account for account, _ in users])
    inputs = without_rules(log, machine({"accounts": accounts, **factors}))
    lists: Priorities = as_lists(inputs.priorities)
    return lists


def use(priorities: Priorities, used: list[float]) -> list[float]:
    """Return the factors of the users of some jobs that have used so much."""
    ledger, jobs = priorities.ledger, len(used)
    for job, amount in enumerate(used):
        first = priorities.user[job] * ledger.levels
        for node in [0, *ledger.above[first : first + ledger.levels]]:
            if node >= 0:
                ledger.usage[node] += amount
    key = [0.0] * jobs
    multifactor.set_keys(0.0, 0, range(jobs), jobs, [0.0] * jobs, key, priorities)
    return [-one / priorities.fair_share for one in key]


SLURMS = {
    "A": {"shares": 40}, "B": {"parent": "A", "shares": 30}, "C": {"parent": "A", "shares": 10},
    "D": {"shares": 60}, "E": {"parent": "D", "shares": 25}, "F": {"parent": "D", "shares": 35},
    "rest": {"shares": 0},
}  # fmt: skip
"""The example of Slurm's page on the classic formula; ``rest`` has used what is not told there."""
USERS = [("B", "1"), ("C", "2"), ("C", "3"), ("E", "4"), ("F", "5"), ("rest", "6")]


def test_the_example_of_the_classic_formula():
    factors = use(known(SLURMS, USERS), [0.2, 0.25, 0, 0.25, 0, 0.3])
    assert factors == pytest.approx([0.408479, 0.022097, 0.125, 0.5, 0.749154, 0], abs=1e-4)


def test_damping_divides_the_exponent():
    factors = use(known(SLURMS, USERS, damping=3), [0.2, 0.25, 0, 0.25, 0, 0.3])
    assert factors == pytest.approx(
        [0.408479 ** (1 / 3), 0.022097 ** (1 / 3), 0.5, 0.5 ** (1 / 3), 0.9082, 0], abs=1e-4
    )


def test_fair_tree_by_hand():
    # S / U: A 0.4 / 0.45, D 0.6 / 0.25, rest 0.  In D: E 0 used all, (25/60) / 1, F infinite.  In A: B (3/4) / (0.2 / 0.45)
    # = 1.69, C (1/4) / (0.25 / 0.45) = 0.45.  In C: user 3 infinite, user 2 (1/2) / 1.  So: 5, 4, 1, 3, 2, 6.
    factors = use(known(SLURMS, USERS, algorithm="fair_tree"), [0.2, 0.25, 0, 0.25, 0, 0.3])
    assert factors == pytest.approx([4 / 6, 2 / 6, 3 / 6, 5 / 6, 6 / 6, 1 / 6])


def test_all_tie_before_anybody_has_used_anything():
    assert use(known(SLURMS, USERS[:5], algorithm="fair_tree"), [0.0] * 5) == [1.0] * 5


@pytest.mark.parametrize(
    ("users", "used", "ranks"),
    [
        # Users beside one another: b and c tie, and the next is two behind.
        ([("", "a"), ("", "b"), ("", "c"), ("", "d")], [4, 2, 2, 1], [1, 3, 3, 4]),
        # User a is beside account x, and has used as much as it: the rank of the first in x, who is b, not c.
        ([("", "a"), ("x", "b"), ("x", "c")], [4, 1, 3], [3, 3, 1]),
        # Accounts x and y tie: all in them are ranked together.  b and d have used nothing, then c and e all.
        ([("x", "b"), ("x", "c"), ("y", "d"), ("y", "e")], [0, 4, 0, 4], [4, 2, 4, 2]),
        # The same with different parts: S / U is 2/3, 2, 1 and 1.
        ([("x", "b"), ("x", "c"), ("y", "d"), ("y", "e")], [3, 1, 2, 2], [1, 4, 3, 3]),
    ],
)
def test_ties_in_the_fair_tree(users, used, ranks):
    factors = use(known({"x": {}, "y": {}}, users, algorithm="fair_tree"), used)
    assert factors == pytest.approx([rank / len(users) for rank in ranks])


def test_shares_of_the_parent():
    # Ann counts as the account does: classic, E 0.8 and S 1/2; Bob, the only one with shares in it, has E 0.2 + (0.8 - 0.2).
    accounts: dict[str, Any] = {"x": {"users": {"ann": "parent"}}, "y": {}}
    users = [("x", "ann"), ("x", "bob"), ("y", "cyd")]
    assert use(known(accounts, users), [0.6, 0.2, 0.2]) == pytest.approx([2**-1.6, 2**-1.6, 2**-0.4])
    # In the fair tree she is the first of it.  y: 0.5 / 0.2; x: 0.5 / 0.8.
    assert use(known(accounts, users, algorithm="fair_tree"), [0.6, 0.2, 0.2]) == pytest.approx([2 / 3, 1 / 3, 1])
    # Users of an account that counts as its parent does are beside those of the parent, here of the whole: S 1/3 each.
    accounts = {"x": {"shares": "parent"}, "z": {"shares": 1}}
    found = use(known(accounts, [("x", "ann"), ("x", "bob"), ("z", "cyd")]), [0.5, 0.25, 0.25])
    assert found == pytest.approx([2**-1.5, 2**-0.75, 2**-0.75])


def test_who_is_there():
    """Users and accounts of the scenario count, and those of the log that it does not name."""
    accounts = {"x": {"shares": 3, "users": {"eve": 3}}, "idle": {"shares": 4}}
    ledger: Ledger = known(accounts, [("x", "ann"), ("new", "bob"), ("", "cyd")]).ledger
    # Of the whole: x 3, idle 4, new 1, cyd 1.  In x: eve 3, ann 1.
    assert sorted(ledger.promised) == pytest.approx(sorted([1, 3 / 9, 4 / 9, 1 / 9, 1 / 9, 1 / 9, 3 / 12, 1 / 12]))
    assert ledger.users == 4


def test_what_a_job_counts():
    """The example of Slurm's page, memory in GiB."""
    log = trace(procs=[1, 16, 16], memory_mib=[60 * 1024, 1024, 60 * 1024])
    big = pool(nodes=16)
    billing = {"cpu": 1, "mem": 0.25}
    assert list(without_rules(log, machine({"billing": billing}, big)).priorities.bill) == [16, 16.25, 31]
    by_max = machine({"billing": billing, "billing_by": "max"}, big)
    assert list(without_rules(log, by_max).priorities.bill) == [15, 16, 16]
    doors = [{"name": "a", "pools": "p", "where": {"procs_at_most": 1}, "billing": {"gpu": 1, "node": 3}},
             {"name": "b", "pools": "p", "default": True}]  # fmt: skip
    assert list(without_rules(log, machine({}, big, partitions=doors)).priorities.bill) == [3, 16, 16]


def test_what_does_not_change():
    log = trace(
        procs=[1, 4, 2], run_s=[60, 120, 30], memory_mib=[2048, 0, 1024], qos=["low", "high", ""], queue=["a", "b", "c"]
    )
    big = pool(nodes=2, cores=4, memory="4 GiB")

    def fixed(**factors: Any) -> list[float]:
        doors = [{"name": "one", "pools": "p", "where": {"procs_at_most": 1}, "priority": 2},
                 {"name": "all", "pools": "p", "default": True, "priority": 8}]  # fmt: skip
        none = {"age": 0, "fair_share": 0}
        return list(without_rules(log, machine(none | factors, big, partitions=doors)).priorities.fixed)

    assert fixed(partition=8) == [2, 8, 8]
    assert fixed(qos=3, qos_priorities={"low": 5, "high": 15}) == [1, 3, 0]
    assert fixed(queue=1, queues={"b": 4, "c": 2}) == [0, 1, 0.5]
    assert fixed(size=8) == [1, 4, 2]
    assert fixed(size=8, size_relative_to_time=True) == [1, 2, 2]  # half a minute counts as one
    shared = {**pool(nodes=2, cores=4), "placement": "packed"}
    by_nodes_and_cores = machine({"age": 0, "fair_share": 0, "size": 16}, shared)
    assert list(without_rules(log, by_nodes_and_cores).priorities.fixed) == [
        5,
        8,
        6,
    ]  # of half the nodes, and 1 to 4 of 8
    assert fixed(tres={"cpu": 8}) == [1, 4, 2]
    assert fixed(tres={"mem": 8, "gpu": 1}) == [2, 0, 1]
    assert fixed(tres={"node": 2}) == [1, 1, 1]


def test_use_counts_in_each_pool_or_in_all(engine):
    # Two pools of one processor.  In pool a Ann has worked until 10; in b her and Bob's jobs wait for Cyd's, until 10.
    log = trace(
        submit_s=[0, 0, 1, 2], run_s=[10, 10, 5, 5], user=["ann", "cyd", "ann", "bob"], queue=["a", "b", "b", "b"]
    )
    a, b = ({**pool(name), "accepts": {"queue": name}} for name in "ab")
    assert simulate(log, machine({"age": 0}, a, b), engine=engine).replay.start_s.tolist() == [0, 0, 10, 15]
    # With accounts, what she used in a counts in b.
    with_accounts = machine({"age": 0, "accounts": {"x": {}}}, a, b)
    result = simulate(log, with_accounts, engine=engine)
    assert (result.replay.engine, result.replay.start_s.tolist()) == (engine, [0, 0, 15, 10])
    # And so with partitions, whether all that is stated is doors, or there are limits, too.
    pools = [pool("a"), pool("b")]
    doors = [{"name": name, "pools": name, "where": {"queue": name}} for name in "ab"]
    for limits in ([], [{"at_most": {"jobs": 100}, "per": "user"}]):
        through_doors = machine({"age": 0}, *pools, partitions=doors, limits=limits)
        assert simulate(log, through_doors, engine=engine).replay.start_s.tolist() == [0, 0, 15, 10]


def test_factors_of_the_last_multiple_of_the_period(engine):
    # One processor.  Ann works until 10, Bob until 15.  At 15, she has used 10 s and he 5; at 9, she all and he nothing.
    log = trace(submit_s=[0, 1, 2, 3, 4], run_s=[10, 5, 5, 5, 5], user=["ann", "bob", "bob", "ann", "bob"])
    steady = {"age": 0, "half_life": "100000 d"}
    # At each pass: at 10 Bob (0 s), at 15 Bob (5 s), at 20 both have 10 s, of which Ann's are older; then Bob's.
    assert simulate(log, machine(steady), engine=engine).replay.start_s.tolist() == [0, 10, 15, 20, 25]
    # At multiples of 12: at 10 nobody has used anything: job order; at 15 as of 12, Ann 10, Bob 2 s; at 20 likewise.
    period = machine(steady | {"calc_period": 12})
    assert simulate(log, period, engine=engine).replay.start_s.tolist() == [0, 10, 15, 25, 20]


def test_those_who_used_the_same_tie(engine):
    # Two processors.  Ann holds one for 10 s, in one job; Bob the other, in two jobs one after another.
    log = trace(
        submit_s=[0, 0, 0, 1, 2],
        run_s=[10, 5, 5, 1, 1],
        procs=[1, 1, 1, 2, 2],
        user=["ann", "bob", "bob", "bob", "ann"],
    )
    cluster = machine({"age": 0, "half_life": 7}, pool(nodes=2))
    # At 10 both have held one processor throughout: job order.
    assert simulate(log, cluster, engine=engine).replay.start_s.tolist() == [0, 0, 5, 10, 11]


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"accounts": {"a": {"parent": "b"}}}, "'a' is part of 'b', which is not there"),
        ({"accounts": {"a": {"parent": "b"}, "b": {"parent": "a"}}}, "is a part of itself"),
        ({"algorithm": "fair"}, "algorithm"),
        ({"damping": 0}, "damping"),
    ],
)
def test_what_is_refused(factors, message):
    with pytest.raises(ValueError, match=message):
        Multifactor.model_validate(factors)


def test_a_weight_of_partitions_needs_some():
    with pytest.raises((ValueError, InputError), match="there are no partitions"):
        machine({"partition": 5})


def test_other_orders_keep_no_book():
    log = trace(procs=[1])
    kept = without_rules(log, Cluster.homogeneous(1, "easy")).priorities
    assert (kept.fair_share, len(kept.user), kept.ledger.users, len(kept.ledger.usage)) == (0, 0, 0, 1)
