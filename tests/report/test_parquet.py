"""Parquet files as other tools see them: names that need no quotes, where they come from, and dates."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from pwsim import (
    Trace,
    compress,
    generate,
    hindcast,
    keep,
    load_scenario,
    optimize,
    read_trace,
    report,
    simulate,
    with_feedback,
)
from pwsim.results import record
from pwsim.trace.formats import native
from tests.cli.test_hostile import pwsim

SCENARIO = """
name: both
workload: {trace: made.parquet, feedback: {max_think: 10 min}}
cluster:
  policy: [fcfs, easy]
  pools:
    - {name: onprem, kind: on_premises, placement: nodes, nodes: [14, 16], node: {cores: 1}, cost: {capex_usd: 9000, lifetime_years: 5}}
    - name: burst
      kind: cloud
      node: {cores: 4, gpus: 2}
      price_usd_per_hour: 1.5
      nodes: [1, 2]
      burst_after: 10 min
      commitments: [{term: 1yr, nodes: 1, price_usd_per_hour: 1}]
targets:
  - {metric: wait_s, statistic: p95, at_most: 20 h}
  - {metric: bounded_slowdown, statistic: mean, at_most: 500, where: {user_group: [even]}}
baseline: {cores: 16}
"""


def made() -> Trace:
    """A small workload of two groups of users, with waits as if recorded."""
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    groups = pd.Categorical([("even", "odd")[int(job) % 2] for job in trace.job_id])
    return trace.with_columns(user_group=groups, recorded_wait_s=simulate(trace, cores=16).wait_s)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of everything that is written as Parquet, without pages."""
    folder = tmp_path_factory.mktemp("parquet")
    native.write(made(), folder / "made.parquet")
    (folder / "scenario.yaml").write_text(SCENARIO)
    plan = optimize(load_scenario(folder / "scenario.yaml"), draws=False)
    report.write_results(folder / "run", plan.summary, plan.tables(), page=False)
    check = hindcast(made(), cores=16)
    tables = {"jobs": check.jobs, "timeline": check.result.timeline, **check.tables()}
    report.write_results(folder / "hindcast", check.summary, tables, page=False)
    return folder


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.parquet")))


def test_columns_need_no_quotes_in_sql(written):
    found = list(files(written))
    assert {path.stem for path in found} >= {"made", "jobs", "setups", "timeline", "comparison", "comparison_hourly"}
    with duckdb.connect() as database:
        reserved = database.sql("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'")
        words = {word for (word,) in reserved.fetchall()}
        for path in found:
            columns = list(pq.read_schema(path).names)
            for column in columns:
                database.execute(f"SELECT {column} FROM '{path}' WHERE {column} IS NOT NULL ORDER BY {column}")
            assert database.execute(f"SELECT {', '.join(columns)} FROM '{path}' LIMIT 1").fetchall()
            assert not words & set(columns), path.name


def dated(**header: str) -> Trace:
    return Trace.from_columns(
        {"submit_s": [100, 100.25, 7300], "run_s": [60, 60, 60], "procs": [1, 1, 1]}, header=header
    )


def test_dates_are_those_of_the_log(tmp_path):
    """2026-03-28 23:00 UTC, an hour before the clocks of Paris are changed: UTC knows nothing of that."""
    result = simulate(dated(UnixStartTime=str(1774738800 - 100)), cores=1)
    tables = {"jobs": result.jobs, "timeline": result.timeline}
    report.write_results(tmp_path / "out", result.summary, tables, page=False)
    got = pq.read_table(tmp_path / "out" / "jobs.parquet")
    assert str(got.schema.field("submit_utc").type) == "timestamp[ms, tz=UTC]"
    assert got.schema.field("submit_utc").metadata[b"unit"] == b"UTC"
    assert [str(one) for one in got.to_pandas()["submit_utc"]] == [
        "2026-03-28 23:00:00+00:00", "2026-03-28 23:00:00.250000+00:00", "2026-03-29 01:00:00+00:00",
    ]  # fmt: skip
    hours = pq.read_table(tmp_path / "out" / "timeline.parquet").to_pandas()["time_utc"]
    assert [one.isoformat() for one in hours] == [f"2026-03-{day}:00:00+00:00" for day in ("28T23", "29T00", "29T01")]


def test_dates_are_left_out_where_nobody_knows_them():
    later = {"submit_s": [1.8e9, 1.8e9 + 60], "run_s": [1, 1], "procs": [1, 1]}
    epoch = simulate(Trace.from_columns(later), cores=1)
    assert epoch.jobs["submit_utc"].tolist()[1] == pd.Timestamp(1.8e9 + 60, unit="s", tz="UTC")
    for trace in (dated(), compress(dated(UnixStartTime="1774738800"), 2.0)):
        result = simulate(trace, cores=1)
        assert "submit_utc" not in result.jobs
        assert "time_utc" not in result.timeline


def test_groups_of_users_are_a_condition():
    trace = made()
    assert set(keep(trace, user_group="odd").user_group) == {"odd"}
    assert with_feedback(trace, 600).user_group.tolist() == trace.user_group.tolist()


def test_a_log_converted_before_the_rename_is_still_read(tmp_path):
    native.write(made(), tmp_path / "new.parquet")
    table = pq.read_table(tmp_path / "new.parquet")
    about = table.schema.metadata[b"pwsim_trace"].replace(b'"user_group"', b'"group"')
    names = ["group" if name == "user_group" else name for name in table.column_names]
    old = table.rename_columns(names).replace_schema_metadata({"pwsim_trace": about})
    pq.write_table(old, tmp_path / "old.parquet")
    assert read_trace(tmp_path / "old.parquet").digest() == read_trace(tmp_path / "new.parquet").digest()


def test_a_column_of_a_table_is_mapped_to_user_group(tmp_path):
    (tmp_path / "jobs.csv").write_text("at,took,n,team\n0,10,1,red\n5,10,2,blue\n")
    columns = {"submit_s": "at", "run_s": "took", "procs": "n", "user_group": "team"}
    assert read_trace(tmp_path / "jobs.csv", columns=columns).user_group.tolist() == ["red", "blue"]


RULE = """
def late(now, submit_s, estimate_s, procs):
    return -submit_s
"""
PRICES = """\
provider,region,instance_type,vcpus,cores,memory_gib,gpus,gpu_model,on_demand_usd_per_hour,spot_usd_per_hour,price_date,source
own,here,small,8,4,16.0,2,A100,1.5,,2026-01-01,me
"""
ASKED = (
    SCENARIO.replace("baseline: {cores: 16}", "economics: {prices: prices.csv}\nbaseline: {cores: 16}")
    .replace("policy: [fcfs, easy]", "policy: ['rules.py:late-easy', easy]")
    .replace("node: {cores: 4, gpus: 2}\n      price_usd_per_hour: 1.5", "instance: own/here/small")
)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with a scenario and all that it names."""
    native.write(made(), tmp_path / "made.parquet")
    (tmp_path / "rules.py").write_text(RULE)
    (tmp_path / "prices.csv").write_text(PRICES)
    (tmp_path / "scenario.yaml").write_text(ASKED)
    return tmp_path


def run_id(folder: Path, **options: Any) -> str:
    given = {"engine": "simpy", "workers": 1, **options}  # compiling the rule for each run would take long
    return optimize(load_scenario(folder / "scenario.yaml"), allow_code=True, **given, draws=False).run_id


def test_a_run_has_its_id_whatever_replays_it(written):
    assert run_id(written, engine="compiled", workers=2) == run_id(written)


def test_a_run_has_an_id_of_all_that_matters(folder):
    at_first = run_id(folder)
    assert len(at_first) == 16
    assert run_id(folder, seed=2) != at_first
    seen = {at_first}
    for file, old, new in (
        ("scenario.yaml", "at_most: 500", "at_most: 501"),
        ("scenario.yaml", "nodes: [14, 16]", "nodes: [14, 15, 16]"),
        ("scenario.yaml", "baseline: {cores: 16}", "baseline: {cores: 17}"),
        ("scenario.yaml", "name: both", "name: other"),
        ("rules.py", "-submit_s", "-2 * submit_s"),
        ("prices.csv", "A100,1.5", "A100,1.25"),
    ):
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new))
        seen.add(run_id(folder))
        (folder / file).write_text(text)
    log = made()
    native.write(log.with_columns(memory_mib=log.memory_mib + 1), folder / "made.parquet")
    seen.add(run_id(folder))
    assert len(seen) == 8


def test_nothing_tells_where_when_or_by_how_many_it_was_written(folder, capsys, monkeypatch):
    """Other folder, other way to name it, other clock, other number of workers: the same bytes in every file."""
    other = folder / "other" / "place"
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns("other"))
    text = (other / "scenario.yaml").read_text()
    for name in ("made.parquet", "prices.csv", "rules.py"):
        text = text.replace(name, str(other / name))
    (other / "scenario.yaml").write_text(text)
    written = []
    for scenario, cwd, clock, workers in (("scenario.yaml", folder, "1", 1), (other / "scenario.yaml", "/", "2", 2)):
        monkeypatch.chdir(cwd)
        monkeypatch.setenv("SOURCE_DATE_EPOCH", clock)
        monkeypatch.setattr(socket, "gethostname", lambda: "the-host")
        out = Path(scenario).parent.absolute() / "out"
        args = ("run", scenario, "--out", out, "--workers", workers, "--allow-code", "--quiet", "--engine", "simpy")
        code, _, err = pwsim(capsys, *map(str, args))
        assert code == 0, err
        written.append({str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert written[0].keys() == written[1].keys()
    for name, content in written[0].items():
        assert content == written[1][name], name
        assert str(folder).encode() not in content, name
        assert b"the-host" not in content, name


@pytest.mark.usefixtures("blank_figures")
def test_every_file_says_which_run_it_is_of(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    ids = {}
    for command in (
        ("run", "--no-draws", "scenario.yaml", "--allow-code", "--engine", "simpy", "--workers", "1"),
        ("simulate", "made.parquet", "--cores", "16"),
        ("hindcast", "made.parquet", "--cores", "16"),
    ):
        out = folder / command[0]
        code, _, err = pwsim(capsys, *command, "--out", str(out), "--quiet")
        assert code == 0, err
        summary = json.loads((out / "summary.json").read_text())
        assert summary["schema_version"] == 1
        assert summary["run_id"] in (out / "report.html").read_text()
        for path in files(out):
            about = json.loads(pq.read_schema(path).metadata[b"pwsim"])
            assert (about["run_id"], about["schema_version"]) == (summary["run_id"], 1), path
            assert "engine" not in about
        ids[command[0]] = summary["run_id"]
    assert len(set(ids.values())) == 3


@pytest.mark.usefixtures("blank_figures")
def test_the_scenario_beside_the_results_is_the_same_question(folder, capsys, monkeypatch):
    """Every default is filled in, prices are taken, and it loads and runs to the same bytes."""
    monkeypatch.chdir(folder)
    code, _, err = pwsim(
        capsys,
        "run",
        "--no-draws",
        "scenario.yaml",
        "--out",
        "one",
        "--allow-code",
        "--quiet",
        "--engine",
        "simpy",
        "--workers",
        "1",
    )
    assert code == 0, err
    shutil.copy(folder / "one" / "scenario.yaml", folder / "again.yaml")
    resolved = YAML(typ="safe").load((folder / "again.yaml").read_text())
    assert resolved["seed"] == 1
    assert resolved["workload"]["trace"] == "made.parquet"
    assert resolved["cluster"]["policy"] == ["rules.py:late-easy", "easy"]
    assert resolved["cluster"]["pools"][0]["nodes"] == [14, 16]
    assert resolved["cluster"]["pools"][1]["price_usd_per_hour"] == 1.5
    assert resolved["cluster"]["pools"][1]["idle_timeout"] == 600
    assert resolved["targets"][0] == {"metric": "wait_s", "statistic": "p95", "at_most": 72000}
    assert any(target["metric"] == "jobs_rejected" for target in resolved["targets"]), "implied targets stand there too"
    code, _, err = pwsim(
        capsys,
        "run",
        "--no-draws",
        "again.yaml",
        "--out",
        "two",
        "--allow-code",
        "--quiet",
        "--engine",
        "simpy",
        "--workers",
        "1",
    )
    assert code == 0, err
    for path in files(folder / "one"):
        assert path.read_bytes() == (folder / "two" / path.name).read_bytes(), path.name
    assert (folder / "one" / "scenario.yaml").read_text() == (folder / "two" / "scenario.yaml").read_text()


def test_every_shipped_scenario_can_be_resolved(repository, tmp_path):
    for path in sorted((repository / "scenarios").glob("*.yaml")):
        scenario = load_scenario(path)
        (tmp_path / path.name).write_text(record.scenario_yaml(scenario.resolved()))
        assert load_scenario(tmp_path / path.name).resolved() == scenario.resolved(), path.name
