"""What ``import pwsim`` offers."""

from __future__ import annotations

import copy
import inspect
import pathlib
import pickle
import re
import subprocess
import sys
import types
from dataclasses import replace
from typing import Any, assert_type
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import pwsim
from pwsim import (
    Cluster,
    InputError,
    Node,
    OnPremisesCost,
    OnPremisesPool,
    Plan,
    Policy,
    Target,
    Trace,
    TraceError,
    generate,
    optimize,
    simulate,
)
from pwsim.trace.formats import native
from pwsim.trace.table import COLUMNS, Floats, Integers


def test_all_is_what_can_be_imported():
    for name in pwsim.__all__:
        assert getattr(pwsim, name) is not None
    assert set(pwsim.__all__) == set(pwsim._HOMES)
    assert dir(pwsim) == sorted([*pwsim.__all__, "__version__"])
    modules = {name for name, value in vars(pwsim).items() if isinstance(value, types.ModuleType)}
    beside = {name for name in vars(pwsim) if not name.startswith("_")} - modules
    assert beside <= set(pwsim.__all__), "nothing else can be imported but modules"
    told = pathlib.Path(pwsim.__file__).read_text().partition("TYPE_CHECKING:")[2].partition("_HOMES")[0]
    assert set(pwsim.__all__) <= set(re.findall(r"\w+", told)), "type checkers know every name"


@pytest.mark.parametrize("name", pwsim.__all__)
def test_every_public_name_is_documented(name):
    thing = getattr(pwsim, name)
    assert inspect.getdoc(thing)
    for member, value in vars(thing).items() if inspect.isclass(thing) else []:
        if not member.startswith("_") and callable(value):
            assert inspect.getdoc(value), f"{name}.{member}"


def test_unknown_name():
    with pytest.raises(AttributeError, match="simulatte"):
        _ = pwsim.simulatte


def test_import_and_help_load_nothing_heavy():
    heavy = {"pandas", "simpy", "pulp", "matplotlib", "pydantic", "pyarrow", "scipy", "numba"}
    code = f"import sys, pwsim.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_a_cluster_says_is_not_said_again():
    trace = Trace.from_columns({"submit_s": [0], "run_s": [1], "procs": [1]})
    for more in ({"policy": "easy"}, {"overrun": "allow"}, {"depth": 3}):
        with pytest.raises(TypeError, match="are those of the cluster"):
            simulate(trace, Cluster.homogeneous(4), **more)


@pytest.mark.parametrize("column", ["memory_mib", "gpus", "data_gib"])
def test_a_trace_has_nothing_negative(column):
    with pytest.raises(TraceError, match=f"record 2: {column} must be a number from 0"):
        Trace.from_columns({"submit_s": [0, 0], "run_s": [1, 1], "procs": [1, 1], column: [1, -1]})


OWN: dict[str, Any] = {
    "name": "own", "kind": "on_premises", "nodes": {"min": 1, "max": 4}, "node": {"cores": 8},
    "cost": {"capex_usd": 9000, "lifetime_years": 5},
}  # fmt: skip


def made() -> Trace:
    return generate(jobs=60, cores=16, load=0.8, seed=1)


def planned(**more: Any) -> Plan:
    asked = {"trace": made(), "pools": [OWN], "targets": [{"metric": "wait_s", "statistic": "p95", "at_most": "1 h"}]}
    return optimize(**{**asked, "engine": "simpy", "workers": 1, "draws": False, **more})


def test_a_search_without_a_file_is_that_of_the_file(tmp_path):
    text = """
name: simple-1
workload: {trace: made.parquet}
cluster:
  policy: [fcfs, easy]
  pools:
    - {name: own, kind: on_premises, nodes: {min: 1, max: 4}, node: {cores: 8}, cost: {capex_usd: 9000, lifetime_years: 5}}
targets:
  - {metric: wait_s, statistic: p95, at_most: 1 h}
"""
    (tmp_path / "scenario.yaml").write_text(text)
    native.write(made(), tmp_path / "made.parquet")
    of_file = optimize(pwsim.load_scenario(tmp_path / "scenario.yaml"), engine="simpy", workers=1, draws=False)
    cost = OnPremisesCost(capex_usd=9000, lifetime_years=5)
    nodes: Any = range(1, 5)
    own = OnPremisesPool(name="own", kind="on_premises", nodes=nodes, node=Node(cores=8), cost=cost)
    for pools in ([OWN], [own]):
        plan = planned(pools=pools, policy=["fcfs", Policy("fcfs", "easy")])
        assert plan.chosen == of_file.chosen
        assert plan.setups.equals(of_file.setups)
        assert plan.targets == of_file.targets
        assert plan.economics == of_file.economics
    with pytest.raises(TypeError, match="pools and targets are those of the scenario"):
        optimize(pwsim.load_scenario(tmp_path / "scenario.yaml"), pools=[OWN], targets=[])
    with pytest.raises(InputError, match=r"pools.0.cost is missing"):
        planned(pools=[{**OWN, "cost": None}])


def test_equal_by_content_and_hashable():
    cluster, target = Cluster.homogeneous(16), Target(metric="wait_s", statistic="p95", at_most=60)
    trace, result, plan = made(), simulate(made(), cluster), planned()
    minute: Any = "1 min"
    other = trace.with_columns(run_s=trace.run_s + 1)
    pairs: list[tuple[Any, Any, Any]] = [
        (trace, made(), other),
        (replace(trace, path="here"), replace(trace, path="there"), replace(trace, name="x")),
        (cluster, Cluster.homogeneous(16), Cluster.homogeneous(17)),
        (Policy.parse("sjf-easy"), Policy("sjf", "easy"), Policy("sjf", "none")),
        (target, Target(metric="wait_s", statistic="p95", at_most=minute), Target(metric="utilization", at_least=0.1)),
        (result, simulate(made(), cores=16, engine="simpy"), simulate(made(), cores=17)),
        (plan, planned(workers=2), planned(seed=2)),
    ]
    for one, same, different in pairs:
        assert one == same
        assert hash(one) == hash(same)
        assert one != different
        assert one != "something else"
        assert copy.copy(one) in {one, different}
    assert with_nan() == with_nan()


def with_nan() -> Trace:
    return made().with_columns(recorded_wait_s=[float("nan")] * 60)


def test_columns_of_a_trace_are_typed_attributes():
    trace = made()
    assert {column.name for column in COLUMNS} <= set(dir(trace))
    for column in COLUMNS:
        assert getattr(trace, column.name) is trace.table[column.name]
        assert column.text in str(getattr(Trace, column.name).__doc__)
    assert_type(trace.submit_s, Floats)
    assert_type(trace.procs, Integers)
    with pytest.raises(AttributeError, match="nothing"):
        _ = trace.nothing  # type: ignore[attr-defined]


def test_small_tables_in_notebooks():
    trace = replace(made(), name="<b>mine</b>", changes=("a & b",))
    found = {
        "trace": trace._repr_html_(),
        "result": simulate(trace, cores=16, engine="simpy")._repr_html_(),
        "cluster": Cluster(pools=[{**OWN, "nodes": 3}])._repr_html_(),  # type: ignore[arg-type]
        "plan": planned(name="<script>")._repr_html_(),
    }
    for kind, html in found.items():
        root = ET.fromstring(html)
        assert root.find(".//table") is not None, kind
        assert "color" not in html, "the page says which, light or dark"
        assert "<b>" not in html
        assert "<script>" not in html
    assert "&lt;b&gt;mine&lt;/b&gt;" in found["trace"]
    assert "a &amp; b" in found["trace"]


WRONG: list[tuple[str, str]] = [
    ("read_trace(3)", "path must be a text or a path (got 3)"),
    ("load_scenario(3)", "path must be a text or a path (got 3)"),
    ("simulate('x', cores=4)", "trace must be a Trace, such as read_trace('mylog.swf.gz') gives (got 'x')"),
    ("simulate(trace='x')", "trace must be a Trace"),
    ("simulate(made(), 'x')", "cluster must be a Cluster, such as Cluster.homogeneous(128) (got 'x')"),
    ("simulate(made(), cores='x')", "cores must be a whole number (got 'x')"),
    ("optimize(3)", "scenario must be a Scenario, such as load_scenario('scenario.yaml') gives (got 3)"),
    ("optimize()", "give either a scenario, or at least a trace and pools"),
    ("optimize(trace=made(), pools=[3])", "pools must be a list of which each is an OnPremisesPool"),
    ("optimize(trace=made(), pools=[OWN], targets=[{'metric': 5}])", "Target: metric: must be wait_s"),
    ("optimize(trace=made(), pools=[OWN], economics=3)", "economics must be an Economics"),
    ("simulate_many(made(), [3])", "clusters must be a list of which each is a Cluster"),
    ("generate(jobs='x', cores=4, load=0.5, seed=1)", "jobs must be a whole number (got 'x')"),
    ("simulate(made(), cores=-1)", "cores must be a whole number from 1 to 1,000,000 (got -1)"),
    ("window(made(), start=9)", "window() got an unexpected keyword argument 'start'; did you mean 'start_s'?"),
    ("optimize(trace=made(), pools=[OWN], time_limit=9)", "'time_limit'; did you mean 'time_limit_s'?"),
    ("fit(made(), bogus=9)", "'bogus'; it takes trace"),
    ("simulate(made(), cores=8).bill(0.08)", "economics must be an Economics, such as Economics(discount_rate=0.05)"),
    ("simulate(made(), cores=8).cost(None)", "or a mapping, such as {'discount_rate': 0.05} (got None)"),
    ("simulate(made(), cores=8).pools('x')", "economics must be an Economics"),
    ("simulate(made(), cores=8).hourly('x')", "economics must be an Economics"),
    ("simulate(made(), cores=8).bill({'discount': 1})", "did you mean 'discount_rate'?"),
    ("Cluster(pools=[{**OWN, 'nodes': array([1.5])}])", "1.5 is not"),
    ("window(made(), 'x')", "start_s must be a number (got 'x')"),
    ("compress(made(), 0)", "load must be greater than 0 (got 0)"),
    ("keep(made(), procs_at_least='x')", "procs_at_least must be a whole number (got 'x')"),
    ("describe(3)", "trace must be a Trace"),
    ("hindcast(made(), 3)", "cluster must be a Cluster"),
    ("find_price(3)", "instance must be a text (got 3)"),
    ("Target(metric=5)", "Target: metric: must be wait_s"),
    ("Target(5)", "Target: takes its values by name"),
    ("Cluster(pools=3)", "Cluster: pools: must be a mapping of keys (got 3)"),
    ("Cluster.homogeneous('x')", "cores must be a whole number of cores, such as 128 (got 'x')"),
    ("Cluster.homogeneous(4, policy='esy')", "did you mean 'easy'?"),
    ("Cluster.homogeneous(4, overrun=3)", "Cluster: overrun: must be allow or kill (got 3)"),
    ("Policy('bogus', 'easy')", "order must be one of"),
    ("Policy('fcfs', 'bogus')", "backfill must be one of"),
    ("Node(cores='x')", "Node: cores: must be a whole number (got 'x')"),
    ("CloudPool(name='b', kind='cloud', instance=5, nodes=1)", "CloudPool: instance: must be a text (got 5)"),
    ("Economics(discount_rate='x')", "Economics: discount_rate: must be a number (got 'x')"),
    ("Trace.from_columns(3)", "columns must be a mapping of names to arrays (got 3)"),
    ("Trace.from_columns({'submit_s': ['x'], 'run_s': [1], 'procs': [1]})", "column 'submit_s' must hold numbers"),
    ("made().with_columns(bogus=[1])", "unknown column 'bogus'"),
    ("made().with_columns(run_s=[1])", "column 'run_s' has 1 values for 60 jobs"),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[call for call, _ in WRONG])
def test_what_python_gives_wrongly_is_said_in_our_words(call, message):
    names = {name: getattr(pwsim, name) for name in pwsim.__all__}
    with pytest.raises((TypeError, ValueError, InputError)) as caught:
        eval(call, {**names, "made": made, "OWN": OWN, "array": np.array})
    assert message in str(caught.value)
    for foreign in ("pydantic", "Input should", "validation error", "ufunc", "NoneType"):
        assert foreign not in str(caught.value)


def test_numbers_of_numpy_and_mappings_are_as_good():
    nodes = [Cluster(pools=[{**OWN, "nodes": one}]).pools[0].nodes for one in (range(5, 11), np.arange(5, 11))]  # type: ignore[arg-type]
    assert nodes[0] == nodes[1] == (5, 6, 7, 8, 9, 10)
    assert {type(one) for one in nodes[1]} == {int}
    assert Cluster(pools=[{**OWN, "nodes": np.int64(3)}]).pools[0].nodes == (3,)  # type: ignore[arg-type]
    result = simulate(made(), Cluster(pools=[{**OWN, "nodes": 8}]))  # type: ignore[arg-type]
    assert result.bill({"discount_rate": 0.08}) == result.bill(pwsim.Economics(discount_rate=0.08))
    assert result.bill({"discount_rate": 0.08}) != result.bill({"discount_rate": 0.0})


def test_a_trace_says_what_became_of_its_jobs():
    log = Trace.from_columns({"submit_s": [0, 10, 20], "run_s": [1, -1, 1], "procs": [1, 1, 2]}, name="log")
    assert repr(log) == "<Trace 'log': 2 jobs, 1 records dropped>"
    assert repr(pwsim.keep(log, procs_at_most=1)) == "<Trace 'log': 1 jobs, 1 records dropped, 1 jobs left out>"
    more = pwsim.resample(log.with_columns(user=pd.Categorical(["ann", "bob"])), users=3)
    assert repr(more).endswith("6 jobs, 1 records dropped>")


def test_public_functions_can_be_pickled():
    assert pickle.loads(pickle.dumps(pwsim.simulate)) is pwsim.simulate
