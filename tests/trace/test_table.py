"""Tables with a mapping: the same jobs from CSV, JSON lines and Parquet; presets; what is wrong, and where."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pwsim import Trace, TraceError, read_trace
from tests.cli.test_hostile import GOOD, pwsim

pytestmark = pytest.mark.usefixtures("blank_figures")

JOBS = [
    {"id": 3, "at": "2024-01-01 00:00:00", "from": "2024-01-01 00:00:10", "to": "2024-01-01 00:02:10", "n": 4, "mem": 2, "who": "ada"},
    {"id": 5, "at": "2024-01-01 00:01:00", "from": "2024-01-01 00:01:00", "to": "2024-01-01 00:01:30", "n": 1, "mem": 0.5, "who": "b, o"},
    {"id": 6, "at": "2024-01-01 00:02:00", "from": None, "to": None, "n": 1, "mem": 1, "who": "eve"},
    {"id": 7, "at": "2024-01-01 00:02:00", "from": "2024-01-01 00:03:00", "to": None, "n": 1, "mem": 1, "who": "eve"},
]  # fmt: skip
COLUMNS: dict[str, Any] = {
    "job_id": "id", "submit_s": "at", "start_s": "from", "end_s": "to", "procs": "n", "gpus": 0.5,
    "memory_mib": {"column": "mem", "unit": "GiB"}, "user": "who",
}  # fmt: skip


def write(folder: Path, kind: str, jobs: list[dict[str, Any]] = JOBS) -> Path:
    path = folder / f"jobs.{kind}"
    table = pd.DataFrame(jobs)
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    elif kind == "parquet":
        for name in ("at", "from", "to"):
            table[name] = pd.to_datetime(table[name])
        table.to_parquet(path)
    return path


@pytest.mark.parametrize("how", ["name", "kind", "table"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_same_jobs_from_each_kind(kind, how, tmp_path):
    path = write(tmp_path, kind)
    trace = read_trace(path, {"name": None, "kind": kind, "table": "table"}[how], columns=COLUMNS)
    assert trace.job_id.tolist() == [3, 5]
    assert trace.submit_s.tolist() == [0, 60]
    assert trace.run_s.tolist() == [120, 30]
    assert trace.recorded_wait_s.tolist() == [10, 0]
    assert trace.memory_mib.tolist() == [2048, 512]
    assert (trace.procs.tolist(), trace.gpus.tolist()) == ([4, 1], [0.5, 0.5])
    assert list(trace.user) == ["ada", "b, o"]
    assert np.isnan(trace.held_s).all()
    assert (trace.jobs_read, dict(trace.dropped)) == (4, {"not_started": 1, "still_running": 1})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_quotes_and_lines_in_fields(separator, tmp_path):
    rows = [["id", "at", "run", "n"], ['"1\n"', "0", '"1-00:00:01"', '"2"'], ["2", "5", "90", "3"]]
    path = tmp_path / "jobs.csv"
    path.write_text("\ufeff\n" + "\n".join(separator.join(row) for row in rows), encoding="utf-8")
    trace = read_trace(path, columns={"submit_s": "at", "run_s": "run", "procs": "n"})
    assert (trace.run_s.tolist(), trace.procs.tolist()) == ([86401, 90], [2, 3])


def test_units_and_eligible_times(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text("a,b,c,d,e\n1000,61000,121000,2,1.5\n2000,0,3000,1,\n")
    ms = {"unit": "ms"}
    columns = {
        "submit_s": {"column": "a", **ms}, "eligible_s": {"column": "b", **ms}, "start_s": {"column": "c", **ms},
        "run_s": {"column": "d", "unit": "min"}, "estimate_s": {"column": "e", "unit": "h"}, "procs": 3,
    }  # fmt: skip
    trace = read_trace(path, columns=columns)
    # The first was held until 61 s and started at 121 s; the second could start before its submission, which is not used.
    assert trace.submit_s.tolist() == [0, 59]
    assert trace.recorded_wait_s.tolist() == [1, 60]
    assert trace.held_s.tolist() == [0, 60]
    assert trace.run_s.tolist() == [60, 120]
    assert trace.estimate_s.tolist() == [60, 5400]
    assert trace.procs.tolist() == [3, 3]


def test_local_times(tmp_path):
    path = write(
        tmp_path,
        "csv",
        [{**JOBS[0], "at": "2024-03-31 01:30:00", "from": "2024-03-31 03:30:00", "to": "2024-03-31 04:30:00"}],
    )
    assert read_trace(path, columns=COLUMNS).recorded_wait_s.tolist() == [7200]
    assert read_trace(path, columns=COLUMNS, time_zone="Europe/Paris").recorded_wait_s.tolist() == [3600]


def test_nested_json(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"when": {"submitted": 5, "run": 7}, "n": 2}\n\n{"when": {"submitted": 9, "run": 8}, "n": "3"}\n')
    trace = read_trace(path, columns={"submit_s": "when.submitted", "run_s": "when.run", "procs": "n"})
    assert (trace.submit_s.tolist(), trace.run_s.tolist(), trace.procs.tolist()) == ([0, 4], [7, 8], [2, 3])


BROKEN_ROWS = [
    ("at", "noon", "at: must be a time such as"),
    ("n", -4, "n: must be a whole number from 0 to 1,000,000,000, or empty (got '-4')"),
    ("n", 1.5, "n: must be a whole number from 0"),
    ("n", "many", "n: must be a whole number, or empty (got 'many')"),
    ("mem", "-2", "mem: must be a size of memory"),
    ("id", "x7", "id: must be a whole number, or empty (got 'x7')"),
]


@pytest.mark.parametrize(("name", "value", "message"), BROKEN_ROWS)
@pytest.mark.parametrize(("kind", "line"), [("csv", ":3"), ("jsonl", ":2")])
def test_broken_rows(name, value, message, kind, line, tmp_path):
    path = write(tmp_path, kind, [JOBS[0], {**JOBS[1], name: value}, *JOBS[2:]])
    with pytest.raises(TraceError) as error:
        read_trace(path, columns=COLUMNS)
    assert f"jobs.{kind}{line}: {message}" in str(error.value)


def test_broken_parquet_rows(tmp_path):
    path = write(tmp_path, "parquet", [JOBS[0], {**JOBS[1], "n": -4}])
    with pytest.raises(TraceError, match=r"jobs\.parquet: row 2: n: must be a whole number from 0"):
        read_trace(path, columns=COLUMNS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(TraceError, match=r"jobs\.parquet: is not a Parquet file, or is broken"):
        read_trace(path, columns=COLUMNS)
    pd.DataFrame({"at": [[1], [2]]}).to_parquet(path)
    with pytest.raises(TraceError, match="column at: must hold numbers, times or texts"):
        read_trace(path, columns={"submit_s": "at", "run_s": 5, "procs": 1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{broken\n", "x.jsonl:1: is not JSON"),
        ('{"at": 1}\n[1]\n', "x.jsonl:2: must be a JSON object"),
        ('{"at": 1}\n{"to": 1}\n', "x.jsonl:2: has none of at"),
        ('{"at": [1]}\n', "x.jsonl:1: at: must be a text or a number (got [1])"),
        ('{"at": 1}\n{"at": "x"}\n', "x.jsonl:2: at: must be a time"),
        ('{"at": NaN}\n{"at": 1e99}\n', "x.jsonl:2: at: must be a time from 1970"),
        ('{"at":' + "[" * 100_000, "x.jsonl:1: is not JSON"),
        ("", "x.jsonl: has no rows"),
    ],
)
def test_broken_json(content, message, tmp_path):
    (tmp_path / "x.jsonl").write_text(content)
    with pytest.raises(TraceError) as error:
        read_trace(tmp_path / "x.jsonl", columns={"submit_s": "at", "run_s": 5, "procs": 1})
    assert message in str(error.value)


WRONG = [
    ({}, "columns: submit_s is missing"),
    (None, "jobs.csv: say which column holds what, with --columns"),
    (["at"], "columns: must be a mapping"),
    ({"submit_s": "at", "run_s": "n"}, "columns: procs is missing"),
    ({"submit_s": "at", "procs": "n"}, "columns: run_s or end_s is missing"),
    ({"submit_s": "at", "procs": "n", "end_s": "to"}, "columns: start_s is missing"),
    ({**COLUMNS, "memory": "mem"}, "columns.memory: unknown; did you mean 'memory_mib'?"),
    ({**COLUMNS, "user": ["who"]}, "columns.user: must be a column, a number, or {column: NAME, unit: UNIT}"),
    ({**COLUMNS, "gpus": True}, "columns.gpus: must be a column"),
    ({**COLUMNS, "gpus": -1}, "columns.gpus: must be a number from 0"),
    ({**COLUMNS, "gpus": {"name": "x"}}, "columns.gpus: must be {column: NAME, unit: UNIT}"),
    (
        {**COLUMNS, "memory_mib": {"column": "mem", "unit": "min"}},
        "columns.memory_mib.unit: must be a unit such as GiB (got 'min')",
    ),
    ({**COLUMNS, "gpus": {"column": "n", "unit": "s"}}, "columns.gpus.unit: gpus has no unit"),
    ({**COLUMNS, "user": "whom"}, "jobs.csv:1: has no column 'whom'; it has id, at, from, to, n, mem, who"),
]


@pytest.mark.parametrize(("columns", "message"), WRONG)
def test_wrong_mappings(columns, message, tmp_path):
    with pytest.raises(TraceError) as error:
        read_trace(write(tmp_path, "csv"), columns=columns)
    assert message in str(error.value)


SCENARIO = GOOD.replace(
    "  trace: tiny.swf",
    "  trace: jobs.csv\n  columns:\n    submit_s: at\n    run_s: {column: run, unit: min}\n    procs: n\n  time_zone: Europe/Paris",
)


def test_a_scenario_with_a_mapping(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.csv").write_text(
        "at,run,n\n" + "".join(f"2024-01-01 00:{minute}:00,1,2\n" for minute in range(10, 20))
    )
    (tmp_path / "x.yaml").write_text(SCENARIO)
    code, out, err = pwsim(capsys, "run", "--no-draws", "x.yaml", "--out", "out", "--workers", "1")
    assert code == 0, err
    assert "format csv, 10 records, 10 jobs replayed" in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("procs: n", "proks: n", "x.yaml:7: workload.columns.proks: unknown; did you mean 'procs'?"),
        ("unit: min", "unit: GiB", "x.yaml:6: workload.columns.run_s.unit: must be a unit such as min (got 'GiB')"),
        ("submit_s: at", "submit_s: [at]", "x.yaml:5: workload.columns.submit_s: must be a column"),
        ("    procs: n\n", "", "x.yaml:4: workload.columns: procs is missing"),
        ("run, unit", "run, units", "x.yaml:6: workload.columns.run_s: must be {column: NAME, unit: UNIT}"),
        ("Europe/Paris", "Gallia", "x.yaml:8: workload.time_zone: unknown time zone"),
    ],
)
def test_a_scenario_with_a_wrong_mapping(old, new, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.csv").write_text("at,run,n\n1,1,1\n")
    (tmp_path / "x.yaml").write_text(SCENARIO.replace(old, new))
    code, _, err = pwsim(capsys, "validate", "x.yaml")
    assert (code, message in err) == (2, True), err


def test_a_mapping_on_the_command_line(tmp_path, capsys):
    path = write(tmp_path, "csv")
    mapping = "submit_s=at,start_s=from,end_s=to,procs=2, user=who"
    code, out, err = pwsim(capsys, "trace", "convert", str(path), str(tmp_path / "x.parquet"), "--columns", mapping)
    assert (code, err) == (0, "")
    assert "2 of 4 records of jobs (format csv)" in out
    assert read_trace(tmp_path / "x.parquet").procs.tolist() == [2, 2]
    code, _, err = pwsim(
        capsys, "trace", "convert", str(path), str(tmp_path / "y.parquet"), "--columns", "submit_s=at,proks=2"
    )
    assert (code, "columns.proks: unknown; did you mean 'procs'?" in err) == (2, True)


@pytest.mark.parametrize("columns", ["[]", "3", "''", "[1, 2]", "{}"])
def test_columns_that_are_none(columns, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.csv").write_text("at,run,n\n1,1,1\n")
    (tmp_path / "x.yaml").write_text(GOOD.replace("tiny.swf", f"jobs.csv\n  columns: {columns}"))
    code, _, err = pwsim(capsys, "validate", "x.yaml")
    assert code == 2
    assert err.startswith("x.yaml:4: workload.columns: must be a file with the names of the columns, a list of them")
    assert err.count("\n") == 1


EAGLE = "job_id,user,account,partition,qos,wallclock_req,nodes_req,processors_req,gpus_req,mem_req,submit_time,start_time,end_time,run_time,state,name,work_dir,submit_line\n"
PRESET_SAMPLES = {
    "nrel-eagle": EAGLE
    + "9,u,a,p,normal,60.0,2,40,0,0.0,2019-01-01 08:00:00,2019-01-01 08:00:10,2019-01-01 08:00:50,40.0,COMPLETED,n,w,s\n",
    "helios": "job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue\n"
    "9,u,v,2,40,2,COMPLETED,2020-04-01 00:00:00,2020-04-01 00:00:10,2020-04-01 00:00:50,40,10\n",
    "acme": "job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time\n"
    "d1t,u,2,2,40,Other,FAILED,2023-03-01 00:00:00+08:00,2023-03-01 00:00:10+08:00,2023-03-01 00:00:50+08:00,50,10,80.0\n",
    "philly": "vc,gpu_num,state,submit_time,start_time,end_time\nv,40,Pass,2017-10-01 00:00:00,2017-10-01 00:00:10,2017-10-01 00:00:50\n",
    "hcs": "run_time,job_id,num_cores,max_mem_gb,num_hosts,submit_time,start_time,finish_time\n"
    '"-1 day, 23:59:21",9,40,0.09765625,2,2022-02-18T17:32:41,2022-02-18T17:32:51,2022-02-18T17:33:31\n',
}
"""A row of each preset in the form in which its log is published."""


@pytest.mark.parametrize("preset", PRESET_SAMPLES)
def test_presets(preset, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(PRESET_SAMPLES[preset])
    trace = read_trace(path)
    assert trace.format == preset
    assert (trace.run_s.tolist(), trace.recorded_wait_s.tolist(), trace.procs.tolist()) == ([40], [10], [40])
    assert trace.estimate_s.tolist() == [60 if preset == "nrel-eagle" else 40]


def test_what_hcs_tells_besides(tmp_path):
    lines = PRESET_SAMPLES["hcs"].splitlines()
    content = f"{lines[0]},queue,project,eligible_time\n{lines[1]},batch,chip,2022-02-18T17:32:45\n"
    (tmp_path / "jobs.csv").write_text(content)
    trace = read_trace(tmp_path / "jobs.csv")
    assert (trace.format, trace.memory_mib.tolist(), trace.nodes.tolist()) == ("hcs", [100], [2])  # 100 / 1024 GiB
    assert (list(trace.queue), list(trace.user_group), trace.held_s.tolist()) == (["batch"], ["chip"], [4])


BARE = {
    "csv": "jobs.csv",
    "csv of another name": "jobs.txt",
    "jsonl": "jobs.jsonl",
    "parquet": "jobs.parquet",
}


@pytest.mark.parametrize("kind", BARE)
def test_a_bare_table_answers_with_its_columns_and_those_that_are_needed(kind, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = pd.DataFrame({"when": [0, 60], "Num Cores": [2, 1], "Elapsed": [1.5, 2], "mem": [1, 2], "owner": ["a", "b"]})
    path = tmp_path / BARE[kind]
    if kind == "parquet":
        rows.to_parquet(path)
    elif kind == "jsonl":
        rows.rename(columns={"mem": "used.mem"}).to_json(path, orient="records", lines=True)
        path.write_text(
            path.read_text().replace('"used.mem":1', '"used":{"mem":1}').replace('"used.mem":2', '"used":{"mem":2}')
        )
    else:
        rows.to_csv(path, index=False)
    code, _, err = pwsim(capsys, "trace", "describe", BARE[kind])
    mem = "used.mem" if kind == "jsonl" else "mem"
    assert code == 2
    assert f"The table has the columns when, Num Cores, Elapsed, {mem}, owner." in err
    assert "pwsim knows submit_s, eligible_s, start_s" in err
    example = f"submit_s=NAME,run_s=Elapsed,procs=Num Cores,memory_mib={mem}"
    assert f'--columns "{example}"' in err
    (tmp_path / "x.yaml").write_text(GOOD.replace("tiny.swf", BARE[kind]))
    code, _, err = pwsim(capsys, "validate", "x.yaml")
    assert (code, "x.yaml:2: workload.columns: say which column holds what" in err) == (2, True)
    # The example, with what it could not know, is what reads the table.
    columns = example.replace("NAME", "when").replace("Elapsed", "Elapsed:min") + ":GiB"
    code, _, err = pwsim(capsys, "trace", "convert", BARE[kind], "out.parquet", "--columns", columns)
    assert code == 0, err
    trace = read_trace(tmp_path / "out.parquet")
    assert (trace.run_s.tolist(), trace.procs.tolist(), trace.memory_mib.tolist()) == ([90, 120], [2, 1], [1024, 2048])


def test_an_empty_or_broken_table_is_refused_before_its_columns_are_asked_for(tmp_path):
    (tmp_path / "x.jsonl").write_text("[1]\n")
    with pytest.raises(TraceError, match=r"x\.jsonl:1: must be a JSON object"):
        read_trace(tmp_path / "x.jsonl")
    (tmp_path / "y.csv").write_text("")
    with pytest.raises(TraceError, match=r"y\.csv: say which column holds what.*has the columns \(none\)"):
        read_trace(tmp_path / "y.csv")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("submit_s=at,run_s=run:parsecs,procs=n", "columns.run_s.unit: must be a unit such as min (got 'parsecs')"),
        ("submit_s=at,run_s=run,procs=n:GiB", "columns.procs.unit: procs has no unit"),
        ("submit_s=at,run_s=:min,procs=n", "has no column ''"),
    ],
)
def test_wrong_units_on_the_command_line(columns, message, tmp_path, capsys):
    path = tmp_path / "x.csv"
    path.write_text("at,run,n,a:b\n0,1.5,1,7\n60,2,1,8\n")
    code, _, err = pwsim(capsys, "trace", "describe", str(path), "--columns", columns)
    assert (code, message in err) == (2, True), err
    assert read_trace(path, columns="submit_s=at,run_s=a:b:,procs=n").run_s.tolist() == [7, 8]


def test_eagle_sample(data_dir):
    trace = read_trace(data_dir / "traces" / "accounting" / "nrel-eagle-sample-1000.csv")
    assert (trace.format, trace.jobs_read, len(trace), dict(trace.dropped)) == ("nrel-eagle", 1000, 1000, {})
    status = trace.recorded_status.value_counts()
    assert (status["COMPLETED"], status["TIMEOUT"]) == (985, 15)
    assert (trace.nodes.max(), trace.procs.max(), int((trace.gpus > 0).sum())) == (360, 12_960, 4)
    assert int((trace.run_s > trace.estimate_s).sum()) == 14
    first, last = datetime(2019, 1, 1, 8, 55, 55, tzinfo=UTC), datetime(2019, 1, 3, 10, 27, 54, tzinfo=UTC)
    assert trace.span_s == (last - first).total_seconds()


def test_eagle_as_a_table_of_ones_own(data_dir):
    path = data_dir / "traces" / "accounting" / "nrel-eagle-sample-1000.csv"
    columns = {"submit_s": "submit_time", "start_s": "start_time", "end_s": "end_time", "procs": "processors_req"}
    mine: Trace = read_trace(path, "csv", columns=columns)
    preset = read_trace(path)
    for column in ("submit_s", "procs", "recorded_wait_s"):
        np.testing.assert_array_equal(mine.table[column], preset.table[column])


PLAIN: dict[str, Any] = {"submit_s": "s", "run_s": "r", "procs": "p"}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_lengths_of_time_in_parquet_have_their_unit(unit, tmp_path):
    lengths = np.array([600_250, 3_600_000, -5_000, "NaT"], dtype="timedelta64[ms]").astype(f"timedelta64[{unit}]")
    pd.DataFrame({"s": range(4), "r": lengths, "p": 1}).to_parquet(tmp_path / "x.parquet")
    for mapped in ("r", {"column": "r", "unit": "h"}):
        trace = read_trace(tmp_path / "x.parquet", columns={**PLAIN, "run_s": mapped})
        assert trace.run_s.tolist() == [600 if unit == "s" else 600.25, 3600]
        assert dict(trace.dropped) == {"negative_run_time": 2}


def test_a_unit_is_that_of_plain_numbers(tmp_path):
    (tmp_path / "x.csv").write_text("s,r,e,m,d,p\n0,1:00:00,2:00:00,4G,3G,1\n0,1.5,2,2048,512,1\n")
    columns = {
        **PLAIN, "run_s": {"column": "r", "unit": "h"}, "estimate_s": {"column": "e", "unit": "h"},
        "memory_mib": {"column": "m", "unit": "KiB"}, "data_gib": {"column": "d", "unit": "MiB"},
    }  # fmt: skip
    trace = read_trace(tmp_path / "x.csv", columns=columns)
    assert trace.run_s.tolist() == [3600, 5400]
    assert trace.estimate_s.tolist() == [7200, 7200]
    assert trace.memory_mib.tolist() == [4096, 2]
    assert trace.data_gib.tolist() == [3, 0.5]


def test_a_duration_is_checked_in_seconds(tmp_path):
    (tmp_path / "x.csv").write_text("s,r,p\n0,20000000000,1\n")  # 5.6 h
    assert read_trace(tmp_path / "x.csv", columns={**PLAIN, "run_s": {"column": "r", "unit": "us"}}).run_s == [20000]
    with pytest.raises(
        TraceError, match=r"x.csv:2: r: must be a duration from 0 to 10,000,000,000 s \(got '20000000000'\)"
    ):
        read_trace(tmp_path / "x.csv", columns=PLAIN)


def test_minus_one_is_unknown_and_negative_times_are_dropped(tmp_path):
    rows = ["s,t,r,p,e,m,u", "0,1,5,1,-1,-1,-1", "1,2,-7.5,1,1,1,a", "-1,-1,5,1,1,1,a", "3,-1,5,-1,1,1,a"]
    (tmp_path / "x.csv").write_text("\n".join(rows) + "\n")
    columns = {**PLAIN, "estimate_s": "e", "memory_mib": "m", "user": "u"}
    trace = read_trace(tmp_path / "x.csv", columns=columns)
    assert (trace.run_s.tolist(), trace.estimate_s.tolist(), trace.memory_mib.tolist()) == ([5], [5], [0])
    assert list(trace.user) == ["-1"], "a name is no number"
    assert dict(trace.dropped) == {"negative_run_time": 1, "negative_submit_time": 1, "no_size": 1}
    started = read_trace(tmp_path / "x.csv", columns={**columns, "start_s": "t"})
    assert dict(started.dropped) == {"not_started": 2, "still_running": 1}
    assert started.recorded_wait_s.tolist() == [1]
