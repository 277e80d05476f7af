"""Results directories and reports: complete, the same bytes every time, readable by other tools."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from pwsim import (
    InputError,
    Plan,
    Scenario,
    Trace,
    costs,
    generate,
    load_scenario,
    optimize,
    read_trace,
    report,
    simulate,
)
from pwsim.report.page import write_report
from pwsim.results import record
from pwsim.search import words
from pwsim.trace.formats import swf
from tests.cli.test_hostile import GOOD, pwsim

FILES = {
    "summary.json",
    "scenario.yaml",
    "jobs.parquet",
    "setups.parquet",
    "proof.parquet",
    "alternatives.parquet",
    "neighbours.parquet",
    "timeline.parquet",
    "report.html",
    "figures",
}


@pytest.fixture(scope="module")
def scenario(tmp_path_factory) -> Scenario:
    """A small scenario with two pools, two policies and three targets."""
    folder = tmp_path_factory.mktemp("scenario")
    swf.write(generate(jobs=300, cores=16, load=0.9, seed=2), folder / "made.swf.gz")
    text = GOOD.replace("tiny.swf", "made.swf.gz").replace("policy: easy", "policy: [fcfs, easy]")
    text = (
        text.replace("{min: 1, max: 3}", "{min: 8, max: 12}")
        .replace("nodes: 0", "nodes: [0, 2]")
        .replace("4 h", "20 h")
    )
    text += "  - {metric: bounded_slowdown, statistic: mean, at_most: 500, where: {procs_at_most: 4}}\n"
    (folder / "scenario.yaml").write_text(text)
    return load_scenario(folder / "scenario.yaml")


@pytest.fixture(scope="module")
def plan(scenario) -> Plan:
    """The answer to it."""
    return optimize(scenario, workers=1, draws=False)


@pytest.fixture(scope="module")
def written(plan, tmp_path_factory) -> Path:
    """Its results, to be looked at."""
    folder = tmp_path_factory.mktemp("written") / "r"
    report.write_results(folder, plan.summary, plan.tables(), record.scenario_yaml(plan.asked))
    return folder


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_bytes_for_any_number_of_workers(scenario, written, tmp_path):
    plan = optimize(scenario, workers=2, draws=False)
    report.write_results(tmp_path / "two", plan.summary, plan.tables(), record.scenario_yaml(plan.asked), page=False)
    one = digests(written)
    assert {name.split("/")[0] for name in one} == FILES
    assert {name: one[name] for name in digests(tmp_path / "two")} == digests(tmp_path / "two")
    # The report written from the Parquet files is the same report.
    write_report(tmp_path / "two")
    assert digests(tmp_path / "two") == one


def test_contract_of_a_run(written):
    summary = json.loads((written / "summary.json").read_text())
    assert {
        "scenario", "pwsim_version", "seed", "engine", "workload", "metrics", "status", "chosen", "cost_usd_per_year",
        "cost_breakdown_usd_per_year", "lower_bound_usd_per_year", "gap", "setups_in_space", "setups_simulated", "targets",
    } <= set(summary)  # fmt: skip
    assert {"jobs_read", "jobs_replayed", "dropped", "rejected"} <= set(summary["workload"])
    assert all({"required", "achieved", "met"} <= set(target) for target in summary["targets"])
    assert summary["chosen"].keys() == {"nodes", "policy"}
    breakdown = summary["cost_breakdown_usd_per_year"]
    assert sum(breakdown[part] for part in costs.PARTS) == summary["cost_usd_per_year"]
    assert (summary["status"], summary["gap"]) == ("optimal", 0.0)

    jobs = pd.read_parquet(written / "jobs.parquet")
    contract = (
        "job_id submit_s start_s end_s wait_s run_s procs estimate_s pool status bounded_slowdown turnaround_s restarts"
    )
    assert list(jobs.columns[:13]) == contract.split()
    assert {"user", "queue"} <= set(jobs.columns)
    assert len(jobs) == summary["workload"]["jobs_replayed"]
    assert jobs["wait_s"].mean() == pytest.approx(summary["metrics"]["wait_s_mean"])

    setups = pd.read_parquet(written / "setups.parquet")
    assert len(setups) == summary["setups_simulated"] <= summary["setups_in_space"] == 20
    assert {"nodes_onprem", "nodes_rented", "policy", "meets_targets", "cost_usd_per_year", *costs.PARTS} <= set(setups)
    assert (setups[list(costs.PARTS)].sum(axis=1) - setups["cost_usd_per_year"]).abs().max() < 1e-6
    best = setups[setups["meets_targets"]]["cost_usd_per_year"].min()
    assert best == summary["cost_usd_per_year"] == summary["lower_bound_usd_per_year"]
    for index, target in enumerate(summary["targets"]):
        chosen = setups[setups["meets_targets"] & (setups["cost_usd_per_year"] == best)].iloc[0]
        assert chosen[f"target_{index}_achieved"] == target["achieved"]

    timeline = pd.read_parquet(written / "timeline.parquet")
    free = [f"{what}_{of}" for what in ("stranded", "unused", "idle") for of in ("cores", "gpus")]
    agreed = ["time_s", "pool", "nodes_up", "busy_cores", "queued_jobs", "queued_cores", "cost_usd"]
    assert list(timeline) == [*agreed, "busy_gpus", "queued_gpus", *free, "time_utc"]
    assert timeline["time_utc"].isna().all()  # nobody says when the log begins
    assert set(timeline["pool"]) == {"onprem", "rented"}
    assert timeline["time_s"].drop_duplicates().diff().dropna().eq(3600).all()


def test_units_and_provenance_travel_with_the_tables(written):
    for name in ("jobs", "setups", "timeline"):
        schema = pq.read_schema(written / f"{name}.parquet")
        provenance = json.loads(schema.metadata[b"pwsim"])
        assert provenance["scenario"] == "good"
        assert len(provenance["workload_sha256"]) == 64
        for field in schema:
            unit = field.metadata[b"unit"].decode()
            assert field.metadata[b"description"]
            assert (unit == "s") == bool(re.search(r"_s(_(mean|p\d\d|max))?$", field.name)), field.name
            assert ("USD" in unit) == ("usd" in field.name), field.name


def test_simulate_writes_what_the_contract_says(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    swf.write(generate(jobs=200, cores=16, load=0.9, seed=2), tmp_path / "made.swf")
    code, out, err = pwsim(capsys, "simulate", "made.swf", "--cores", "16", "--policy", "sjf-easy", "--out", "r")
    assert code == 0, err
    assert "On 16 cores under sjf-easy" in out
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    wanted = simulate(read_trace(tmp_path / "made.swf"), cores=16, policy="sjf-easy")
    assert summary["metrics"]["wait_s_mean"] == wanted.metrics["wait_s_mean"]
    jobs = pd.read_parquet(tmp_path / "r" / "jobs.parquet")
    pd.testing.assert_frame_equal(jobs[list(wanted.jobs)], wanted.jobs, check_categorical=False)
    unknown = jobs.drop(columns=list(wanted.jobs))
    assert list(unknown) == ["submit_utc", "recorded_submit_s"]
    assert unknown.isna().all(axis=None)
    assert "setups" not in (tmp_path / "r" / "report.html").read_text()
    # The same again with --overwrite, and with report.
    before = digests(tmp_path / "r")
    arguments = [
        "simulate",
        "made.swf",
        "--cores",
        "16",
        "--policy",
        "sjf-easy",
        "--out",
        "r",
        "--overwrite",
        "--quiet",
    ]
    assert pwsim(capsys, *arguments)[0] == 0
    assert pwsim(capsys, "report", "r")[0] == 0
    assert digests(tmp_path / "r") == before
    assert {path.name for path in tmp_path.iterdir()} == {"made.swf", "r"}


def test_no_setup_gives_exit_code_1_and_the_closest(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    swf.write(generate(jobs=200, cores=16, load=0.9, seed=2), tmp_path / "tiny.swf")
    (tmp_path / "s.yaml").write_text(GOOD.replace("{min: 1, max: 3}", "{min: 8, max: 9}").replace("4 h", "1 s"))
    code, out, _ = pwsim(capsys, "run", "--no-draws", "s.yaml", "--out", "r", "--workers", "1")
    assert code == 1
    proven = "proven for this log, these rules and seed 1; 2 replayed"
    assert f"None of the 2 setups allowed meets all targets ({proven}). The closest: buy 9 nodes" in out
    summary = json.loads((tmp_path / "r" / "summary.json").read_text())
    assert (summary["status"], summary["chosen"], summary["gap"]) == ("infeasible", None, None)
    assert summary["closest"]["nodes"] == {"onprem": 9, "rented": 0}
    assert "Allow more nodes" in (tmp_path / "r" / "report.html").read_text()


def test_report_is_one_file_that_asks_nobody(written):
    page = (written / "report.html").read_text()
    assert not re.findall(r'(?:src|srcset|href)="(?!data:)', page)
    assert "<script" not in page
    assert page.index('class="box answer caution"') < page.index("<h2>")  # the log is shorter than a week
    for name in ("setups", "search", "cost_breakdown", "waits", "wait_by_size", "timeline", "queue"):
        assert (written / "figures" / f"{name}.svg").stat().st_size > 1000
        assert (written / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("summary.json", b"{", "is not JSON"),
        ("summary.json", b"[]", "is not a summary"),
        ("summary.json", b'{"command": "run"}', "was not written by this version"),
        ("jobs.parquet", b"PAR1", "cannot be read as Parquet"),
        ("setups.parquet", None, "cannot be read as Parquet"),
    ],
)
def test_report_of_a_broken_directory(file, content, message, written, tmp_path):
    shutil.copytree(written, tmp_path / "r")
    (tmp_path / "r" / file).unlink()
    if content is not None:
        (tmp_path / "r" / file).write_bytes(content)
    with pytest.raises(InputError, match=message):
        write_report(tmp_path / "r")


# Replays with little or nothing to draw.
@pytest.mark.parametrize(
    "columns",
    [
        {"submit_s": [0], "run_s": [10], "procs": [1]},
        {"submit_s": [0], "run_s": [0], "procs": [1]},
        {"submit_s": [0, 0], "run_s": [10, 5], "procs": [9, 9]},
        {"submit_s": [0, 9e6], "run_s": [1, 1], "procs": [1, 1]},
        {"submit_s": [0, 1], "run_s": [1e6, 1], "procs": [4, 4]},
    ],
)
def test_little_to_draw(columns, tmp_path):
    result = simulate(Trace.from_columns(columns), cores=4)
    report.write_results(tmp_path / "r", result.summary, {"jobs": result.jobs, "timeline": result.timeline})
    assert (tmp_path / "r" / "report.html").stat().st_size > 10_000


def test_plot_methods(plan):
    for kind in ("setups", "search", "cost_breakdown", "waits", "wait_by_size", "timeline", "queue"):
        assert plan.plot(kind).get_figure() is not None
    with pytest.raises(ValueError, match="'pie'"):
        plan.plot("pie")


def test_no_number_is_a_power_of_ten(tmp_path):
    """Large and small values stand in text, report and figures as people write them."""
    trace = Trace.from_columns(
        {
            "submit_s": [0, 0, 10**6],
            "run_s": [1_190_012, 7, 1],
            "procs": [123_457, 123_457, 1],
            "estimate_s": [10**7] * 3,
        }
    )
    result = simulate(trace, cores=123_457)
    report.write_results(tmp_path / "r", result.summary, {"jobs": result.jobs, "timeline": result.timeline})
    page = re.sub(r"data:[^\"]*", "", (tmp_path / "r" / "report.html").read_text())
    assert "119,002" in page  # the largest bounded slowdown: (1,190,012 + 7) s by 10 s is 119,001.9
    power = re.compile(r"\d[eE][+-]?\d+(?![0-9a-f])")
    text = page.split("</style>")[1].split("SHA-256")[0]
    assert not power.findall(text)
    target = {"metric": "throughput_jobs_per_hour", "statistic": None, "at_least": 11_900.5}
    assert words.target_text(target) == "jobs completed an hour at least 11,900"
