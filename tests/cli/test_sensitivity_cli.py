"""By command line: what would change the answer, and who causes what, in files, report, words and budgets."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from pwsim import generate, load_scenario, optimize
from pwsim.trace.formats.reading import write_trace
from tests.cli.test_hostile import pwsim as command

SCENARIO = """\
name: small
workload: {trace: log.swf}
cluster:
  pools:
    - name: own
      kind: on_premises
      nodes: {min: 1, max: 5}
      node: {cores: 8}
      cost: {capex_usd: 9000, lifetime_years: 5, idle_power: 100 W, busy_power: 300 W, electricity_usd_per_kwh: 0.2}
    - {name: rented, kind: cloud, nodes: [0, 1], node: {cores: 8}, price_usd_per_hour: 0.2, always_up: true}
targets:
  - {metric: wait_s, statistic: p95, at_most: 2 h}
"""
ASKED = """\
sensitivity: {load: [0.7, 1.3], electricity: [3.0], discount_rate: [0.1], estimates: [0]}
attribution: {by: [user], idle: even}
"""


@pytest.fixture
def folder(tmp_path):
    write_trace(generate(jobs=60, cores=16, load=0.7, seed=1), tmp_path / "log.swf")
    return tmp_path


def run(folder, capsys, text, *more):
    """Run a scenario by the command line; return exit code, what it printed, and the directory."""
    (folder / "small.yaml").write_text(text)
    out = folder / "out"
    asked = ["run", str(folder / "small.yaml"), "--out", str(out), "--engine", "simpy", "--workers", "1", "--quiet"]
    code, printed, errors = command(capsys, *asked, *more)
    return code, printed + errors, out


def test_files_report_and_words(folder, capsys):
    code, output, out = run(folder, capsys, SCENARIO + ASKED)
    assert code == 0, output
    assert "times the load" in output
    summary = json.loads((out / "summary.json").read_text())
    changes, causes = summary["sensitivity"], summary["attribution"]
    table = pd.read_parquet(out / "sensitivity.parquet")
    assert list(zip(table["factor"], table["value"], strict=True)) == [
        ("electricity", 3.0), ("discount_rate", 0.1), ("load", 0.7), ("load", 1.3), ("estimates", 0.0),
    ]  # fmt: skip
    assert table["replayed"].tolist() == [False, False, True, True, True]
    assert (table["status"] == "optimal").all()
    room = pd.read_parquet(out / "headroom.parquet")
    bears = changes["headroom"]["bears"]
    assert room["meets_targets"][room["load"] <= bears].all()
    assert changes["least_regret"]["proven"]
    assert changes["stopped"] is None
    rows = pd.read_parquet(out / "attribution.parquet")
    assert round(100 * rows["cost_usd_per_year"].sum()) == round(100 * summary["cost_usd_per_year"])
    assert [one["factor"] for one in causes["estimates"]] == [0.5, 0.0]
    page = (out / "report.html").read_text()
    for words in ("What would change the answer", "Who causes what", *changes["findings"], *causes["findings"]):
        assert words.replace("'", "&#39;") in page
    for name in ("tornado", "tornado_choice", "headroom", "attribution"):
        assert (out / "figures" / f"{name}.svg").exists()


@pytest.mark.usefixtures("blank_figures")
def test_the_resolved_scenario_asks_the_same(folder, capsys):
    code, _, out = run(folder, capsys, SCENARIO + "sensitivity: {capex: [2.0]}\nattribution: {by: [user]}\n")
    assert code == 0
    text = (out / "scenario.yaml").read_text()
    assert "sensitivity" in text
    assert "attribution" in text
    (folder / "again.yaml").write_text(text)
    plan = optimize(load_scenario(folder / "again.yaml"), engine="simpy", workers=2)
    assert plan.run_id == json.loads((out / "summary.json").read_text())["run_id"]
    tables = plan.tables()
    for name in ("sensitivity", "headroom", "attribution"):
        written = pd.read_parquet(out / f"{name}.parquet")
        assert written.to_csv() == tables[name].to_csv()  # whatever the number of workers


@pytest.mark.usefixtures("blank_figures")
def test_a_budget_is_for_all_together(folder, capsys):
    limit = "search: {budget: {setups: 12}}\n"
    code, output, out = run(folder, capsys, SCENARIO + ASKED + limit)
    assert code == 0, output
    summary = json.loads((out / "summary.json").read_text())
    assert summary["sensitivity"]["stopped"] == "max_setups"
    assert any("Not all of this was done" in text for text in summary["sensitivity"]["findings"])
    assert "Not all of this was done" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sensitivity: {interruptions: [2.0]}\n", "no pool has nodes that are taken back or fail"),
        ("sensitivity: {loads: [2.0]}\n", "load"),
        ("sensitivity: {load: [0]}\n", "greater than 0"),
        ("attribution: {by: [partition]}\n", "names its partition; use user"),
        ("attribution: {by: []}\n", "at least 1"),
    ],
)
def test_what_makes_no_sense_is_said_with_its_line(folder, capsys, text, words):
    code, output, out = run(folder, capsys, SCENARIO + text)
    assert code == 2
    assert "small.yaml:13: " in output
    assert words in output
    assert "Traceback" not in output
    assert not out.exists()
    code, _, errors = command(capsys, "validate", str(folder / "small.yaml"))
    assert (code, words in errors) == (2, True)
