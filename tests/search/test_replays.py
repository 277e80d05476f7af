"""Replays are done once, whoever asks, and what is kept of them is all that they were."""

from __future__ import annotations

import dataclasses
import pickle
import re
import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings

from pwsim import Cluster, Target, Trace, engine
from pwsim.common import HopelessError, InputError, MachineError
from pwsim.common.kept import Kept
from pwsim.engine import Replay, prepare, replay, steady_replay
from pwsim.prices import Economics
from pwsim.search import fingerprint as fingerprints
from pwsim.search import replays, search
from pwsim.search.fingerprint import fingerprint
from pwsim.search.replays import Record, Replays, pack, unpack
from tests.search.test_plan import own
from tests.strategies import traces

TRACE = Trace.from_columns(
    {"submit_s": [0, 0, 1, 2, 2, 9], "run_s": [10, 10, 5, 7, 3, 2], "procs": [3, 2, 1, 2, 1, 2],
     "estimate_s": [12, 10, 8, 7, 9, 2], "user": ["a", "b", "a", "c", "c", "b"]}
)  # fmt: skip
RENTED = {"name": "rented", "kind": "cloud", "nodes": [0, 1, 2, 3], "node": {"cores": 2}, "price_usd_per_hour": 1.0}
HYBRID = {"pools": [own([0, 1, 2, 3]), {**RENTED, "burst_after": 3, "boot_time": 1, "idle_timeout": 2}]}
STEADY = {"pools": [own([1, 2, 3]), {**RENTED, "always_up": True}], "policy": ["easy", "sjf-easy", "multifactor-easy"]}


def inputs_of(cluster, nodes, policy=0, trace=TRACE, **how):
    asked = Cluster.model_validate(cluster)
    names = (pool.name for pool in asked.pools)
    return prepare(trace, asked.at(dict(zip(names, nodes, strict=True)), asked.policy[policy]), **how)


def asked_of(cluster, known, most_wait_s=5.0, trace=TRACE, **more):
    target = Target(metric="wait_s", statistic="p95", at_most=most_wait_s)
    return search(trace, Cluster.model_validate(cluster), [target], workers=2, replays=known, **more)


@pytest.mark.parametrize("cluster", [HYBRID, STEADY], ids=["hybrid", "steady"])
def test_searches_share_replays(cluster):
    """A search again replays nothing; another target, or price, only what it had no need of before."""
    known = Replays()
    first = asked_of(cluster, known)
    done = known.done
    assert done > 0
    again = asked_of(cluster, known)
    assert known.done == done
    assert again.setups.equals(first.setups)
    assert again.summary == first.summary
    dear = asked_of(cluster, known, 0.0, economics=Economics(discount_rate=0.1))
    alone = asked_of(cluster, None, 0.0, economics=Economics(discount_rate=0.1))
    assert dear.setups.equals(alone.setups)
    both = Replays()
    asked_of(cluster, both, 0.0)
    assert known.done <= done + both.done


def test_what_does_not_fit_into_memory_is_replayed_again():
    known = Replays(memory_bytes=0)
    for done in (1, 2):
        known.whole(inputs_of(HYBRID, (1, 1)), "compiled")
        assert known.done == done
    some = Replays(memory_bytes=10_000)
    for nodes in ((1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2)):
        some.whole(inputs_of(HYBRID, nodes), "compiled")
    assert 0 < some._held_bytes == sum(one.size_bytes for one in some._memory.values()) <= 10_000
    some.whole(inputs_of(HYBRID, (3, 2)), "compiled")
    assert some.done == 6


@settings(max_examples=30)
@given(traces)
def test_what_is_kept_is_the_replay(trace):
    inputs = inputs_of(HYBRID, (2, 2), trace=trace)
    seen = replay(inputs, "compiled")
    values = {field.name: getattr(seen, field.name) for field in dataclasses.fields(seen) if field.name != "engine"}
    record = Record("compiled", {name: one for name, one in values.items() if one is not None})
    back = unpack(pack(record))
    for name, one in record.columns.items():
        assert back.columns[name].dtype == one.dtype
        assert back.columns[name].shape == one.shape
        assert np.array_equal(back.columns[name], one, equal_nan=one.dtype.kind == "f")
    assert Replay(engine="compiled", **back.columns) == seen


@settings(max_examples=30)
@given(traces)
def test_pools_that_do_not_meet_are_replayed_one_by_one(trace):
    """What is known of a pool from one setup serves in another."""
    known = Replays()
    for nodes in ((1, 1), (1, 2), (2, 2), (1, 1)):
        for policy in range(3):
            inputs = inputs_of(STEADY, nodes, policy, trace)
            start_s = np.full(len(trace), np.nan)
            for pool, one in zip((0, 1), known.of_pools(inputs, (0, 1), "compiled", 1), strict=True):
                start_s[inputs.pool == pool] = one.start_s
            assert steady_replay("compiled", inputs, start_s) == replay(inputs, "compiled")


def test_a_pool_is_known_by_its_own_jobs_and_nodes():
    known = Replays()
    known.of_pools(inputs_of(STEADY, (3, 1)), (0, 1), "compiled", 1)
    done = known.done
    known.of_pools(inputs_of(STEADY, (3, 2)), (0,), "compiled", 1)
    assert known.done == done
    known.of_pools(inputs_of(STEADY, (3, 2)), (1,), "compiled", 1)
    assert known.done == done + 1


# -- names by content


def test_what_changes_a_schedule_changes_the_name():
    spot = {"pools": [{**RENTED, "interruptions_per_hour": 1.0}]}
    moved = Trace.from_columns({**{name: TRACE.table[name] for name in ("run_s", "procs", "estimate_s", "user")},
                                "submit_s": [0, 0, 1, 2, 3, 9]})  # fmt: skip
    different = [
        inputs_of(HYBRID, (1, 1)),
        inputs_of(HYBRID, (1, 2)),
        inputs_of(HYBRID, (2, 1)),
        inputs_of(HYBRID, (1, 1), trace=moved),
        inputs_of({**HYBRID, "depth": 1}, (1, 1)),
        inputs_of({**HYBRID, "overrun": "kill"}, (1, 1)),
        inputs_of({**HYBRID, "policy": "sjf"}, (1, 1)),
        inputs_of({**HYBRID, "limits": [{"at_most": {"cores": 2}, "per": "user"}]}, (1, 1)),
        inputs_of({**HYBRID, "limits": [{"at_most": {"cores": 3}, "per": "user"}]}, (1, 1)),
        inputs_of(spot, (1,)),
        inputs_of(spot, (1,), seed=2),
    ]
    names = [fingerprint("whole", one, "auto") for one in different]
    assert None not in names
    assert len(set(names)) == len(names)
    assert fingerprint("whole", different[0], "simpy") not in names
    assert fingerprint("pool", different[0], "auto") not in names


def test_versions_and_sources_of_what_computes_change_the_name(tmp_path, monkeypatch):
    """Whatever is kept by another numpy, numba or pwsim engine is not found."""
    shutil.copytree(Path(engine.__file__).parent, tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    inputs, names = inputs_of(HYBRID, (1, 1)), []

    def name():
        fingerprints.sources.cache_clear()
        names.append(fingerprint("whole", inputs, "auto"))
        return names[-1]

    first = name()
    for package in ("numpy", "numba", "llvmlite", "simpy"):
        with monkeypatch.context() as patch:
            version = metadata.version
            patch.setattr(metadata, "version", lambda one, of=package, true=version: "0.0" if one == of else true(one))
            name()
    with monkeypatch.context() as patch:
        patch.setattr("platform.python_version", lambda: "3.0")
        name()
    with monkeypatch.context() as patch:
        copy = SimpleNamespace(__file__=str(tmp_path / "engine" / "__init__.py"), __name__="pwsim.engine")
        patch.setattr(fingerprints, "engine", copy)
        assert name() == first  # where the sources lie makes no difference
        with next((tmp_path / "engine" / "compiled").glob("*.py")).open("a") as file:
            file.write("# changed\n")
        name()
    assert len(set(names)) == len(names) - 1
    assert name() == first


def test_prices_do_not_change_the_name():
    pools = [own([0, 1, 2, 3]), {**HYBRID["pools"][1], "price_usd_per_hour": 7.0}]
    pools[0]["cost"] = {**pools[0]["cost"], "capex_usd": 1}
    names = [fingerprint("whole", inputs_of(one, (1, 1)), "auto") for one in (HYBRID, {"pools": pools})]
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("import math\ndef aging(now, submit_s, estimate_s, procs):\n    return math.sqrt(procs)\n", True),
        ("import random\ndef aging(now, submit_s, estimate_s, procs):\n    return random.random()\n", False),
        ("from helper import F\ndef aging(now, submit_s, estimate_s, procs):\n    return F\n", False),
        (
            "with open('a') as file:\n    A = float(file.read())\ndef aging(now, submit_s, estimate_s, procs):\n    return A\n",
            False,
        ),
    ],
)
def test_code_of_the_user_counts_by_its_text(tmp_path, monkeypatch, text, known):
    (tmp_path / "rules.py").write_text(text)
    (tmp_path / "helper.py").write_text("F = 1\n")
    (tmp_path / "a").write_text("1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    inputs = inputs_of({**HYBRID, "policy": "rules.py:aging-easy"}, (1, 1))
    name = fingerprint("whole", inputs, "auto")
    assert (name is not None) is known
    (tmp_path / "rules.py").write_text(text + "# changed\n")
    changed = fingerprint("whole", inputs_of({**HYBRID, "policy": "rules.py:aging-easy"}, (1, 1)), "auto")
    assert changed != name or not known


# -- on disk


def test_another_process_finds_what_is_kept(tmp_path):
    inputs = inputs_of(HYBRID, (1, 1))
    seen = Replays(Kept(tmp_path)).whole(inputs, "compiled")
    other = pickle.loads(pickle.dumps(Replays(Kept(tmp_path))))
    assert other.whole(inputs, "compiled") == seen
    assert other.done == 0


def test_a_replay_that_gave_up_is_known_to(tmp_path, monkeypatch):
    def in_vain(*_):
        raise HopelessError("in vain")

    monkeypatch.setattr(replays, "replay", in_vain)
    for done in (1, 0):
        known = Replays(Kept(tmp_path))
        with pytest.raises(HopelessError, match=r"^in vain$"):
            known.whole(inputs_of(HYBRID, (1, 1)), "compiled")
        assert known.done == done


@pytest.mark.parametrize("cluster", [HYBRID, STEADY], ids=["hybrid", "steady"])
def test_a_damaged_replay_is_done_again(tmp_path, cluster, caplog):
    first = Replays(Kept(tmp_path))
    plan = asked_of(cluster, first)
    *_, damaged = sorted(tmp_path.glob("??/*"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    again = Replays(Kept(tmp_path))
    assert asked_of(cluster, again).setups.equals(plan.setups)
    assert again.done == 1
    assert f"{damaged} is not what was written" in caplog.text
    whole = Replays(Kept(tmp_path))
    asked_of(cluster, whole)
    assert whole.done == 0


# -- replays that crash


class Crashing:
    """A replay that fails from some call on."""

    def __init__(self, at: int, error: type[Exception] = MemoryError) -> None:
        self.left, self.error = at, error

    def __call__(self, *asked):
        self.left -= 1
        if self.left <= 0:
            raise self.error
        return replay(*asked)


@pytest.mark.parametrize("cluster", [HYBRID, STEADY], ids=["hybrid", "steady"])
def test_a_replay_for_which_there_is_no_memory(tmp_path, monkeypatch, cluster):
    """The message says which it was, and what was replayed before need not be done again."""
    whole = Replays()
    plan = asked_of(cluster, whole, 0.0)
    monkeypatch.setattr(replays, "replay", Crashing(4))
    said = r"^the memory was full in the replay of own \d, rented \d under [a-z-]+; run fewer at once \(--workers\), or"
    known = Replays(Kept(tmp_path))
    with pytest.raises(MachineError, match=said):
        asked_of(cluster, known, 0.0)
    monkeypatch.undo()
    on = Replays(Kept(tmp_path))
    assert asked_of(cluster, on, 0.0).setups.equals(plan.setups)
    assert on.done == whole.done - known.done < whole.done


@pytest.mark.parametrize("cluster", [HYBRID, STEADY], ids=["hybrid", "steady"])
def test_a_replay_that_crashes_ends_the_search_and_is_named(tmp_path, monkeypatch, cluster):
    """It is no miss, and no answer comes of the others; what was replayed before need not be done again."""
    whole = Replays()
    plan = asked_of(cluster, whole, 0.0)
    monkeypatch.setattr(replays, "replay", Crashing(4, ArithmeticError))
    known = Replays(Kept(tmp_path))
    with pytest.raises(ArithmeticError) as raised:
        asked_of(cluster, known, 0.0)
    assert any(re.match(r"in the replay of own \d, rented \d under [a-z-]+$", one) for one in raised.value.__notes__)
    monkeypatch.undo()
    on = Replays(Kept(tmp_path))
    assert asked_of(cluster, on, 0.0).setups.equals(plan.setups)
    assert on.done == whole.done - known.done < whole.done


@pytest.mark.parametrize("cluster", [HYBRID, STEADY], ids=["hybrid", "steady"])
def test_an_order_that_fails_ends_the_search(tmp_path, monkeypatch, cluster):
    (tmp_path / "rules.py").write_text("def mine(now, submit_s, estimate_s, procs):\n    return 1 / (procs - 2)\n")
    monkeypatch.chdir(tmp_path)
    said = r"^policy 'rules.py:mine': the order of a job \(now=.*, procs=2\) failed: ZeroDivisionError: division by"
    with pytest.raises(InputError, match=said):
        asked_of({**cluster, "policy": "rules.py:mine"}, Replays(), engine="compiled")
