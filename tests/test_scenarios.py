"""The shipped scenarios and the command line, end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from pwsim import load_scenario, simulate
from pwsim.formats import write_trace
from pwsim.synthetic import generate
from tests.test_engine import assert_engines_agree, check_invariants
from tests.test_hostile import pwsim

SCENARIOS = [
    "quickstart",
    "kth-refresh",
    "policy-choice",
    "hybrid-burst",
    "total-cost",
    "gpu-platform",
    "spot-training",
]


def shortened(repository, name, folder) -> str:
    """Write the scenario with a made log of 600 jobs instead of its own; return its path."""
    document = YAML().load(repository / "scenarios" / f"{name}.yaml")
    made = generate(jobs=600, cores=128, load=0.5, seed=2)
    if "gpu" in str(document["workload"]["trace"]):
        wide = np.minimum(made.procs, 8)
        made = made.with_columns(procs=wide, gpus=np.where(wide == 1, 0.5, wide))
        del document["workload"]["window"]
    write_trace(made, folder / "short.parquet")
    document["workload"]["trace"] = "short.parquet"
    YAML().dump(document, folder / f"{name}.yaml")
    return str(folder / f"{name}.yaml")


@pytest.mark.parametrize("name", SCENARIOS)
def test_shipped_scenarios_run(name, repository, tmp_path, capsys):
    path = shortened(repository, name, tmp_path)
    assert pwsim(capsys, "validate", path)[0] == 0
    out = tmp_path / "out"
    code, answer, progress = pwsim(capsys, "run", path, "--out", str(out), "--workers", "1")
    summary = json.loads((out / "summary.json").read_text())
    assert (code, summary["status"]) in {(0, "optimal"), (1, "infeasible")}
    assert answer.startswith(summary["answer"])
    assert "setups replayed" in progress
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


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_schema_accepts_the_shipped_scenarios(name, repository, capsys):
    import jsonschema

    code, text, _ = pwsim(capsys, "schema")
    assert code == 0
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    document = YAML(typ="safe").load(repository / "scenarios" / f"{name}.yaml")
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(document)
    document["cluster"]["pools"][0]["nods"] = 3
    assert not validator.is_valid(document), "an unknown key is refused"


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


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt_leaves_nothing(repository, tmp_path):
    command = [sys.executable, "-m", "pwsim", "run", str(repository / "scenarios" / "policy-choice.yaml")]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        assert "setups replayed" in process.stderr.readline(), "a line of progress while it runs"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert "Interrupted; nothing was written." in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
