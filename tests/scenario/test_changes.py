"""What a scenario says under ``workload:`` and ``metrics:``, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pwsim import Cluster, InputError, Trace, load_scenario, optimize, read_trace, simulate
from pwsim.common.text import share
from tests.cli.test_hostile import pwsim

pytestmark = pytest.mark.usefixtures("blank_figures")

GOOD = """\
name: changed
workload:
  trace: log.swf
  WORKLOAD
cluster:
  policy: easy
  pools:
    - name: own
      kind: on_premises
      nodes: {min: 2, max: 8}
      node: {cores: 1}
      cost: {capex_usd: 1000, lifetime_years: 5}
targets:
  - {metric: wait_s, statistic: p95, at_most: 4 h}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """40 jobs, ten a day by two users in two queues; 1 or 2 processors; another log of 5 jobs."""
    job = "{} {} -1 100 {} -1 -1 -1 200 -1 1 {} 1 -1 {} -1 -1 -1\n"
    rows = [(n + 1, n // 10 * 86_400 + n % 10, 1 + n % 2, 1 + n % 2, 1 + n // 10 % 2) for n in range(40)]
    (tmp_path / "log.swf").write_text("; Acknowledge: Ann\n" + "".join(job.format(*row) for row in rows))
    (tmp_path / "other.swf").write_text("".join(job.format(n, 9 * n, 1, 1, 1) for n in range(1, 6)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder, workload: str, more: str = "") -> str:
    path = folder / "scenario.yaml"
    path.write_text(GOOD.replace("WORKLOAD", workload) + more)
    return str(path)


def test_all_changes_in_their_order_end_up_in_summary_and_report(folder, capsys):
    workload = (
        "window: {start: 1 d}\n  where: {queue: [1, 2], procs_at_most: 1}\n  remove_flurries: true\n"
        "  resample: {users: 2}\n  grow: {factor: 2}\n  mix: {trace: other.swf, queue: ai, load: 2}\n"
        "  faster: [{factor: 2, where: {queue: ai}}]\n  load: 0.5\n  shake: 30 s"
    ).replace("[1, 2]", "['1', '2']")
    path = written(folder, workload)
    assert pwsim(capsys, "validate", path)[0] == 0
    code, _, err = pwsim(capsys, "run", "--no-draws", path, "--out", "out", "--workers", "1")
    assert code == 0, err
    found = json.loads((folder / "out" / "summary.json").read_text())["workload"]
    # The first of four days is outside the window; of the other 30 jobs half have 2 processors; the 15 are user 1's,
    # who is there twice; 5 come from the other log.
    assert found["left_out"] == {"window": 10, "where": 15}
    assert (found["jobs_read"], found["jobs_replayed"]) == (45, 35)
    assert found["changes"] == [
        "only jobs with at most 1 processors and queue 1 or 2",
        "0 flurries removed",
        "2 times its users, drawn anew from its 1 whole weeks, for 1 weeks",
        "arrivals ever denser, 2 times at the end",
        "other: arrivals 2 times as dense",
        "5 jobs of other added as queue ai",
        "5 jobs with queue ai run 2 times as fast",
        "arrivals 0.5 times as dense",
        "submissions moved by up to 30 s either way",
    ]
    report = (folder / "out" / "report.html").read_text()
    assert "10 jobs left out on request: submitted outside the window" in report
    assert "15 jobs left out on request: not among the jobs that were asked for" in report
    for reason, text in (("window", "submitted outside the window"), ("where", "the jobs that were asked for")):
        assert f"{text}, {share(found['left_out_work'][reason])} of the work" in report
    assert "Changed on request: 5 jobs of other added as queue ai" in report
    assert "Thanks to Ann" in report


def test_processors_that_are_nodes_count_as_their_cores_before_anything_else(folder, capsys):
    # 40 jobs of 1 and 2 processors; the other log has 5 jobs of 1 processor, which is a core.
    log = folder / "log.swf"
    log.write_text("; MaxNodes: 2\n; MaxProcs: 2\n" + log.read_text())
    scenario = "cores_per_proc: 64\n  where: {procs_at_most: 64}\n  mix: {trace: other.swf, queue: ai}"
    path = written(folder, scenario, "baseline: {cores: 128}\n")
    path_text = (folder / "scenario.yaml").read_text().replace("{min: 2, max: 8}", "{min: 64, max: 66}")
    (folder / "scenario.yaml").write_text(path_text)
    loaded = load_scenario(path)
    assert loaded.read_log().header["MaxProcs"] == "128"
    trace = loaded.read_workload()
    assert sorted(set(trace.procs.tolist())) == [1, 64]  # `where` is about cores
    assert trace.left_out == {"where": 20}
    code, _, err = pwsim(capsys, "run", "--no-draws", path, "--out", "out", "--workers", "1")
    assert code == 0, err
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["workload"]["changes"][0] == "each processor of the log counts as 64 cores"
    assert "each processor of the log counts as 64 cores" in (folder / "out" / "report.html").read_text()


def test_each_log_of_a_mix_has_cores_of_its_own(folder):
    path = written(folder, "cores_per_proc: 2\n  mix: {trace: other.swf, queue: ai, cores_per_proc: 8}")
    trace = load_scenario(path).read_workload()
    theirs = np.asarray(trace.queue == "ai")
    assert (set(trace.procs[~theirs].tolist()), set(trace.procs[theirs].tolist())) == ({2, 4}, {8})
    assert "other: each processor of the log counts as 8 cores" in trace.changes


def test_the_baseline_is_in_cores(folder):
    (folder / "log.swf").write_text("1 0 0 100 1 -1 -1 -1 200 2048 1 1 1 -1 1 -1 -1 -1\n")
    path = written(folder, "cores_per_proc: 64\n  window: {start: 0}", "baseline: {cores: 64}\n")
    log = load_scenario(path).read_log()
    assert (log.procs.tolist(), log.memory_mib.tolist(), log.estimate_s.tolist()) == ([64], [2], [200])


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "2000000000"])
def test_cores_per_proc_is_a_number_from_1(folder, value):
    with pytest.raises(InputError, match=r"scenario.yaml:4: workload.cores_per_proc: must be"):
        load_scenario(written(folder, f"cores_per_proc: {value}"))


def test_cores_per_proc_makes_no_job_wider_than_any_machine(folder):
    scenario = load_scenario(written(folder, "cores_per_proc: 600000000"))
    with pytest.raises(InputError, match="makes a job of 2 processors wider than 1,000,000,000 cores"):
        scenario.read_log()


@pytest.mark.parametrize("command", [["describe"], ["convert", "out.parquet"], ["fit", "-o", "twin.yaml"]])
def test_every_command_that_reads_a_log_takes_cores_per_proc(folder, capsys, command):
    log = folder / "log.swf"
    job = "{0} {0}000 -1 {1}00 {2} -1 -1 -1 9000 -1 1 {2} 1 -1 1 -1 -1 -1\n"
    log.write_text("; MaxProcs: 2\n" + "".join(job.format(n, 1 + n % 7, 1 + n % 2) for n in range(1, 201)))
    code, out, err = pwsim(capsys, "trace", command[0], "log.swf", *command[1:], "--cores-per-proc", "64")
    assert code == 0, err
    if command[0] == "describe":
        assert "128 cores (MaxProcs of the header)" in out
    elif command[0] == "convert":
        assert read_trace("out.parquet").procs.max() == 128
        assert read_trace("out.parquet").changes == ("each processor of the log counts as 64 cores",)
    else:
        assert pwsim(capsys, "trace", "generate", "twin.yaml", "twin.swf")[0] == 0
        assert read_trace("twin.swf").procs.max() == 128
    code, _, err = pwsim(
        capsys, "simulate", "log.swf", "--cores", "128", "--cores-per-proc", "64", "--out", "s", "--engine", "simpy"
    )
    assert code == 0, err
    assert json.loads((folder / "s" / "summary.json").read_text())["workload"]["rejected"] == 0


def test_a_flurry_is_reported_unasked_and_removed_on_request(folder, capsys):
    job = "{} {} -1 100 1 -1 -1 -1 200 -1 1 {} 1 -1 1 -1 -1 -1\n"
    rows = [(n + 1, n * 8640, 1 + n % 9) for n in range(700)] + [(1000 + n, 30 * 86_400 + n, 50) for n in range(90)]
    (folder / "log.swf").write_text("".join(job.format(*row) for row in sorted(rows, key=lambda row: row[1])))
    for workload, jobs in (("load: 1", 790), ("remove_flurries: true", 700)):
        path = written(folder, workload)
        assert pwsim(capsys, "run", "--no-draws", path, "--out", "out", "--workers", "1", "--overwrite")[0] == 0
        found = json.loads((folder / "out" / "summary.json").read_text())["workload"]
        assert found["jobs_replayed"] == jobs
        assert [row["jobs"] for row in found["flurries"]] == ([90] if jobs == 790 else [])
        assert found["left_out"] == ({} if jobs == 790 else {"flurries": 90})
        assert ("A flurry: user 50 submitted 90 jobs" in (folder / "out" / "report.html").read_text()) == (jobs == 790)


def test_data_goes_for_the_jobs_of_the_mix_too(folder, capsys):
    path = written(folder, "mix: {trace: other.swf, queue: ai}\n  data_gib: 3")
    trace = load_scenario(path).read_workload()
    assert trace.format == "swf"
    assert trace.data_gib.tolist() == [3] * 45
    assert trace.changes[-1] == "3 GiB of data for each of 45 jobs, of which the log tells none"
    path = written(folder, "mix: {trace: other.swf, queue: ai, data_gib: 7}\n  data_gib: 3")
    trace = load_scenario(path).read_workload()
    assert trace.data_gib[np.asarray(trace.queue == "ai")].tolist() == [7] * 5
    assert trace.data_gib.sum() == 7 * 5 + 3 * 40
    assert "45 jobs of log (format swf)" in pwsim(capsys, "validate", path)[1]


def test_the_seed_decides_what_is_drawn(folder):
    path = written(folder, "shake: 60 s")
    scenario = load_scenario(path)
    assert scenario.read_workload(1).digest() == scenario.read_workload(1).digest()
    assert scenario.read_workload(1).digest() == scenario.read_workload().digest()
    assert scenario.read_workload(2).digest() != scenario.read_workload().digest()
    assert (
        optimize(scenario, workers=1, seed=2, draws=False).result.trace.digest() == scenario.read_workload(2).digest()
    )


WRONG = [
    # what stands there, and words of the message, its line among them
    ("where: {que: [a]}", ["scenario.yaml:4: workload.where.que", "did you mean 'queue'"]),
    ("where: {queue: nothing}", ["scenario.yaml:4: workload.where", "no job is like this: queue nothing"]),
    ("window: {start: 90 d}", ["scenario.yaml:4: workload.window", "from 90 d on; the log is 3 d long"]),
    ("window: {start: 90 d, length: 1 d}", ["workload.window", "no job is submitted from 90 d to 91 d; the log is"]),
    ("grow: {factor: 0}", ["scenario.yaml:4: workload.grow.factor", "must be greater than 0 (got 0)"]),
    ("grow: {factor: 2, by: users}", ["scenario.yaml:4: workload.grow.by", "arrivals or jobs (got 'users')"]),
    ("resample: {users: many}", ["scenario.yaml:4: workload.resample.users", "must be a number", "'many'"]),
    ("resample: {users: 0.001}", ["scenario.yaml:4: workload.resample", "take more users"]),
    ("mix: {trace: none.swf, queue: a}", ["scenario.yaml:4: workload.mix.trace", "there is no file"]),
    ("mix: {trace: other.swf}", ["scenario.yaml:4: workload.mix.queue", "is missing"]),
    ("mix: {trace: other.swf, queue: '1'}", ["scenario.yaml:4: workload.mix", "has a queue '1' itself"]),
    ("mix: {trace: {dataset: kth}, queue: a}", ["workload.mix.trace.dataset", "did you mean 'kth-sp2'"]),
    ("faster: [{factor: -1}]", ["scenario.yaml:4: workload.faster.0.factor", "must be greater than 0 (got -1)"]),
    ("faster: [{factor: 2, where: {user: x}}]", ["scenario.yaml:4: workload.faster.0", "no job is like this"]),
    ("shake: 3 GiB", ["scenario.yaml:4: workload.shake", "'4 h'", "GiB"]),
    ("remove_flurries: sometimes", ["scenario.yaml:4: workload.remove_flurries", "'sometimes'"]),
]


@pytest.mark.parametrize(("workload", "words"), WRONG, ids=[case[0] for case in WRONG])
def test_wrong_changes_are_refused_where_they_stand(workload, words, folder, capsys):
    code, _, err = pwsim(capsys, "run", "--no-draws", written(folder, workload), "--out", "out", "--workers", "1")
    assert code == 2
    assert "Traceback" not in err
    for word in words:
        assert word in err, err
    assert not (folder / "out").exists()


def test_a_target_about_no_job_is_told_with_its_line(folder, capsys):
    path = Path(written(folder, "shake: 1 s"))
    lines = path.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("targets:"))
    lines.insert(at + 1, "  - {metric: wait_s, statistic: mean, at_most: 4 h, where: {procs_at_least: 800000}}")
    path.write_text("\n".join(lines) + "\n")
    for command in (["validate", str(path)], ["run", str(path), "--out", "out", "--workers", "1"]):
        code, _, err = pwsim(capsys, *command)
        assert code == 2
        assert f"{path.name}:{at + 2}: targets.0.where: no job of log is like this" in err


def test_trimmed_metrics_by_hand():
    # One processor; jobs at 0, 10, 20, 30, 40 run 8, 15, 8, 8, 8: they start at 0, 10, 25, 33, 41 and end at 8, 25, 33,
    # 41, 49, so they wait 0, 0, 5, 3, 1.  From 10 to 30: waits 0, 5, 3; busy all 20 s; two of them ... jobs end at 25.
    trace = Trace.from_columns({"submit_s": [0, 10, 20, 30, 40], "run_s": [8, 15, 8, 8, 8], "procs": [1] * 5})
    whole = simulate(trace, cores=1)
    assert whole.wait_s.tolist() == [0, 0, 5, 3, 1]
    part = whole.trimmed(10, 10)
    assert part.metrics["wait_s_mean"] == pytest.approx(8 / 3)
    assert part.metrics["wait_s_max"] == 5
    assert part.metrics["utilization"] == 1.0
    assert whole.metrics["utilization"] == pytest.approx((8 + 30) / 40)
    # Only one job ends within 10 s to 30 s: an hour has 3600 / 20 of that.
    assert part.metrics["throughput_jobs_per_hour"] == pytest.approx(180)
    assert part.metrics["delivered_core_hours_per_day"] == pytest.approx(24)
    assert part.metrics["jobs_completed"] == 5, "counts are those of the whole replay"
    assert part.pools()["utilization"].tolist() == [1.0]
    assert part.summary["metrics_untrimmed"] == whole.summary["metrics"]
    assert part.summary["trim"] == {"warm_up_s": 10, "cool_down_s": 10}
    assert whole.summary["metrics_untrimmed"] is None
    with pytest.raises(InputError, match="leave nothing of the 40 s"):
        whole.trimmed(30, 10)


def test_money_does_not_depend_on_what_is_measured():
    cost = {"capex_usd": 1000, "lifetime_years": 5, "busy_power": 100, "electricity_usd_per_kwh": 0.2}
    pool = {"name": "own", "kind": "on_premises", "nodes": 2, "node": {"cores": 1}, "cost": cost}
    trace = Trace.from_columns({"submit_s": [0, 10, 20, 30], "run_s": [8] * 4, "procs": [1] * 4})
    whole = simulate(trace, Cluster.model_validate({"pools": [pool]}))
    assert whole.trimmed(5, 5).cost() == whole.cost()


def test_trimming_in_a_scenario(folder, capsys):
    path = written(folder, "load: 1", "metrics: {warm_up: 1 d, cool_down: 12 h}\n")
    code, _, err = pwsim(capsys, "run", "--no-draws", path, "--out", "out", "--workers", "1")
    assert code == 0, err
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["trim"] == {"warm_up_s": 86_400, "cool_down_s": 43_200}
    assert summary["metrics"] != summary["metrics_untrimmed"]
    (target,) = [one for one in summary["targets"] if one["metric"] == "wait_s"]
    assert target["achieved"] == summary["metrics"]["wait_s_p95"]
    report = (folder / "out" / "report.html").read_text()
    assert "The first 1 d and the last 12 h of the submissions are not measured above" in report
    path = written(folder, "load: 1", "metrics: {warm_up: 30 d}\n")
    code, _, err = pwsim(capsys, "validate", path)
    assert code == 2
    assert "metrics: a warm-up of 2,592,000 s" in err


def test_a_target_about_jobs_of_the_window_alone():
    from pwsim import Target

    # Of the jobs of queue a, the first waits 9 s before the window; the other waits 0 s in it.
    trace = Trace.from_columns(
        {"submit_s": [0, 1, 20, 30], "run_s": [10, 1, 1, 1], "procs": [1] * 4, "queue": ["b", "a", "a", "b"]}
    )
    target = Target.model_validate({"metric": "wait_s", "statistic": "max", "at_most": 1, "where": {"queue": "a"}})
    whole = simulate(trace, cores=1)
    assert target.achieved(whole) == 9
    assert target.achieved(whole.trimmed(10)) == 0
