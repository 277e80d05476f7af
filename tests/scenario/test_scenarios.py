"""The shipped scenarios and the command line, end to end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from pwsim import CloudPool, Cluster, OnPremisesPool, load_scenario, simulate
from pwsim.trace.formats.reading import write_trace
from pwsim.workload.models.synthetic import generate
from tests.cli.test_hostile import pwsim
from tests.engine.test_engine import assert_engines_agree, check_invariants

SCENARIOS = [
    "quickstart",
    "chips",
    "kth-refresh",
    "kth-site",
    "million",
    "policy-choice",
    "hybrid-burst",
    "total-cost",
    "gpu-platform",
    "spot-training",
    "price-of-service",
    "shortest-wait",
    "five-years",
    "what-would-change",
]


def shortened(repository, name, folder) -> str:
    """Write the scenario with a made log of 600 jobs instead of its own; return its path."""
    document = YAML().load(repository / "scenarios" / f"{name}.yaml")
    made = generate(jobs=600, cores=128, load=0.5, seed=2)
    if "gpu" in str(document["workload"]["trace"]):
        wide = np.minimum(made.procs, 8)
        made = made.with_columns(procs=wide, gpus=np.where(wide == 1, 0.5, wide))
        del document["workload"]["window"]
    if "site" in document:  # its hours go by the clock
        made = replace(made, header={"UnixStartTime": "843480031", "TimeZoneString": "Europe/Stockholm"})
        shutil.copytree(repository / "scenarios" / "sites", folder / "sites")
    write_trace(made, folder / "short.parquet")
    document["workload"]["trace"] = "short.parquet"
    YAML().dump(document, folder / f"{name}.yaml")
    return str(folder / f"{name}.yaml")


DRAWN = {"quickstart", "price-of-service", "five-years"}
"""Scenarios whose figures are drawn here: each has some of its own."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_shipped_scenarios_run(name, repository, tmp_path, capsys, request):
    if name not in DRAWN:
        request.getfixturevalue("blank_figures")
    path = shortened(repository, name, tmp_path)
    assert pwsim(capsys, "validate", path)[0] == 0
    out = tmp_path / "out"
    code, answer, progress = pwsim(capsys, "run", path, "--out", str(out), "--workers", "1")
    summary = json.loads((out / "summary.json").read_text())
    assert (code, summary["status"]) in {(0, "optimal"), (1, "infeasible")}
    assert answer.startswith(summary["answer"])
    assert "setups replayed" in progress
    assert summary["certainty"]["draws"] == (39 if "decisions" in summary else 20)
    assert "of what might have been instead" in answer
    report = (out / "report.html").read_text()
    assert summary["scenario"] == name
    assert name in report


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("hybrid-burst", {"onprem": 20, "burst": 25}),
        ("gpu-platform", {"owned": 3, "a100": 6, "h100": 0}),
        ("gpu-platform", {"owned": 1, "a100": 2, "h100": 2}),
        ("spot-training", {"spot": 8, "on-demand": 0}),
        ("spot-training", {"spot": 4, "on-demand": 4}),
    ],
)
def test_engines_agree_on_the_logs_of_the_scenarios_in_full(name, nodes, repository, data_dir):
    scenario = load_scenario(repository / "scenarios" / f"{name}.yaml")
    cluster = scenario.cluster.at(nodes, scenario.cluster.policy[0])
    trace = scenario.read_workload()
    assert_engines_agree(trace, cluster)
    check_invariants(simulate(trace, cluster))


def test_every_scenario_is_tested_here(repository):
    assert {path.stem for path in (repository / "scenarios").glob("*.yaml")} == set(SCENARIOS)


def test_the_defaults_of_the_schema_are_those_of_the_loader(capsys):
    _, text, _ = pwsim(capsys, "schema")
    kinds = json.loads(text)["$defs"]
    pools = [{"name": "own", "kind": "on_premises", "nodes": 1, "node": {"cores": 1}}]
    default = kinds["Cluster"]["properties"]["policy"]["default"]
    assert Cluster.model_validate({"policy": default, "pools": pools}) == Cluster.model_validate({"pools": pools})
    rented = {"name": "b", "kind": "cloud", "nodes": 1, "node": {"cores": 1}, "price_usd_per_hour": 1.0}
    assert (
        CloudPool.model_validate(rented).placement
        == kinds["CloudPool"]["properties"]["placement"]["default"]
        == "nodes"
    )
    owned = OnPremisesPool.model_validate(pools[0])
    assert owned.placement == kinds["OnPremisesPool"]["properties"]["placement"]["default"] == "cores"


def test_the_schema_accepts_the_shipped_scenarios(repository, capsys):
    import jsonschema

    code, text, _ = pwsim(capsys, "schema")
    assert code == 0
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name in SCENARIOS:
        document = YAML(typ="safe").load(repository / "scenarios" / f"{name}.yaml")
        validator.validate(document)
        document["cluster"]["pools"][0]["nods"] = 3
        assert not validator.is_valid(document), f"{name}: an unknown key is refused"


# The rows of test_oracle.py that stay in this process for seconds only, through the command line.
@pytest.mark.parametrize(
    ("dataset", "cores", "policy", "overrun", "wait_s", "slowdown"),
    [
        ("kth-sp2", 100, "fcfs", "kill", 353_769.6220, 6_822.31531),
        ("kth-sp2", 100, "easy", "allow", 6_844.6012, 91.47343),
        ("kth-sp2", 100, "sjf-easy", "allow", 4_557.0237, 41.48965),
        ("nasa-ipsc", 128, "conservative", "allow", 4.0281, 1.01176),
    ],
)
@pytest.mark.usefixtures("blank_figures")
def test_simulate_a_real_log(dataset, cores, policy, overrun, wait_s, slowdown, data_dir, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--cores", str(cores), "--policy", policy, "--overrun", overrun, "--out", str(out)]
    code, answer, _ = pwsim(capsys, "simulate", dataset, *options)
    assert code == 0
    summary = json.loads((out / "summary.json").read_text())
    got = summary["metrics"]
    assert (round(got["wait_s_mean"], 4), round(got["bounded_slowdown_mean"], 5)) == (wait_s, slowdown)
    jobs = pd.read_parquet(out / "jobs.parquet")
    assert jobs["wait_s"].mean() == pytest.approx(got["wait_s_mean"])
    assert len(jobs) == summary["workload"]["jobs_replayed"]
    assert answer.startswith(summary["answer"])


SLOW = """
name: slow
workload: {trace: {dataset: sample}, window: {length: 21 d}}
cluster:
  pools:
    - {name: rented, kind: cloud, node: {cores: 16}, price_usd_per_hour: 1, boot_time: 1 min, nodes: {min: 12, max: 60}}
targets: [{metric: wait_s, statistic: mean, at_most: %s}]
"""
"""Forty-nine setups of nodes that come and go, of which no bound excludes any."""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    ("sign", "found", "workers"),
    [
        (signal.SIGINT, True, 1),
        pytest.param(signal.SIGTERM, True, 2, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, False, 2, marks=pytest.mark.slow),
        (signal.SIGTERM, False, 1),
    ],
)
def test_a_search_that_is_interrupted_keeps_what_it_found(sign, found, workers, tmp_path):
    """The signal goes to the workers as well, as from a terminal."""
    scenario, out = tmp_path / "slow.yaml", tmp_path / "results" / "out"
    scenario.write_text(SLOW % ("30 d" if found else "0 s"))
    command = [sys.executable, "-m", "pwsim", "run", str(scenario), "--engine", "simpy", "--workers", str(workers)]
    with subprocess.Popen(
        [*command, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert ("best so far" if found else "none meets the targets yet") in line, line
        os.killpg(process.pid, sign)
        answer, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert "Traceback" not in err
    if not found:
        assert "Interrupted; nothing was written." in err
        assert list(tmp_path.iterdir()) == [scenario]
        return
    assert "Interrupted: writing what was found so far." in err
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["status"], summary["stopped"]) == ("best_found", "interrupted")
    assert 1 <= summary["setups_simulated"] < 49
    assert summary["lower_bound_usd_per_year"] <= summary["cost_usd_per_year"]
    assert answer.startswith(summary["answer"])
    assert "cut short, for it was interrupted" in answer
    assert [path.name for path in out.parent.iterdir()] == ["out"]
