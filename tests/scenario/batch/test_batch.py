"""Batches: each scenario once, known by content, one data set over all, and why answers moved."""

import filecmp
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import filelock
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from pwsim import report
from pwsim.cli import commands
from pwsim.common import InputError, MachineError, ScenarioError
from pwsim.scenario import load_scenario, parse_change
from pwsim.scenario.batch import Batch, Options, Shard, history, history_text, moved_last, tables, worst
from pwsim.scenario.batch.journal import COLLECTED, NAME, Entry, entries, note, note_line
from pwsim.scenario.batch.running import Work, work
from pwsim.scenario.batch.tasks import Unreadable, tasks
from pwsim.scenario.batch.workers import Lost, Room, on_processes
from tests.scenario.batch.conftest import SCENARIO, write_log


def run(folder: Path, out: Path, *names: str, shard: str | None = None, **options) -> list[Entry]:
    asked = [str(folder / name) for name in names or ("*.yaml",)]
    part = None if shard is None else Shard.parse(shard)
    todo = Batch(asked, out, options=Options(cache_bytes=10**8, draws=False, **options), shard=part)
    with ThreadPoolExecutor(1) as executor:
        found = todo.run(executor=executor, at_once=1)
    todo.collect()
    return found


def tree(out: Path) -> dict[str, bytes]:
    """Return all files but the run log."""
    files = (path for path in out.rglob("*") if path.is_file() and path.name != NAME)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_the_second_time_nothing_is_done(folder, tmp_path):
    out = tmp_path / "out"
    first = run(folder, out)
    assert [(one.event, one.because, one.code) for one in first] == [("done", ["new"], 0)] * 2
    before = tree(out)
    second = run(folder, out)
    assert [(one.event, one.because, one.replays) for one in second] == [("known", [], 0)] * 2
    assert tree(out) == before
    assert [one.message for one in second] == [one.message for one in first]


def test_what_changed_is_run_again_and_told(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    path = folder / "one.yaml"
    path.write_text(path.read_text().replace("capex_usd: 9000", "capex_usd: 5000"))
    one, two = run(folder, out)
    assert (one.event, one.because, one.replays) == ("done", ["prices"], 0)  # billed anew from replays that are kept
    assert two.event == "known"
    path.write_text(path.read_text().replace("at_most: 1 h", "at_most: 2 h"))
    assert [other.because for other in run(folder, out)] == [["scenario"], []]
    write_log(folder, 70)
    one, two = run(folder, out)
    assert (one.because, two.because) == (["log"], ["log"])
    assert one.replays > 0


def test_one_failure_stops_nobody(folder, tmp_path):
    (folder / "bad.yaml").write_text(SCENARIO.format(name="bad").replace("log.swf", "none.swf"))
    bad, one, two = run(folder, tmp_path / "out")
    assert bad.event == "failed"
    assert bad.code == 2
    assert "there is no file" in bad.message
    assert (one.event, two.event) == ("done", "done")
    assert worst([entry.code for entry in (bad, one, two)]) == 2


@pytest.mark.parametrize(("codes", "expected"), [([], 0), ([0, 1], 1), ([1, 2], 2), ([2, 4, 0], 4), ([4, 3], 3)])
def test_the_worst_outcome_is_the_exit_code(codes, expected):
    assert worst(codes) == expected


def test_a_search_that_time_stopped_goes_on(folder, tmp_path):
    out = tmp_path / "out"
    todo = Batch([str(folder / "one.yaml")], out, options=Options(draws=False))
    with ThreadPoolExecutor(1) as executor:
        todo.run(executor=executor, at_once=1, time_limit_s=1e-9)
    summary = json.loads(next(out.glob("results/one/*/summary.json")).read_text())
    assert summary["stopped"] == "time_limit"
    (one,) = run(folder, out, "one.yaml")
    assert (one.event, one.because, one.status) == ("done", ["unfinished"], "optimal")
    rows = pq.read_table(next(out.glob("data/summary/*/*/part.parquet"))).to_pylist()
    assert [row["status"] for row in rows] == ["optimal"]


def test_shards_make_the_tree_of_one_batch(folder, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(folder, whole)
    run(folder, parts, shard="2/2")
    assert not (parts / "batch.parquet").exists()
    run(folder, parts, shard="1/2")
    assert tree(parts) == tree(whole)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/2/3"])
def test_shards_that_are_none(text):
    with pytest.raises(InputError, match="--shard must be a part"):
        Shard.parse(text)


def test_processes_make_the_same_tree(folder, tmp_path):
    threads, processes = tmp_path / "threads", tmp_path / "processes"
    run(folder, threads)
    todo = Batch([str(folder / "*.yaml")], processes, options=Options(cache_bytes=10**8, draws=False))
    assert [one.event for one in todo.run(at_once=2)] == ["done", "done"]
    todo.collect()
    assert tree(processes) == tree(threads)


def test_rows_that_are_missing_are_made_from_results(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    before = tree(out)
    shutil.rmtree(out / "data" / "jobs")
    next(out.glob("data/setups/*/*/part.parquet")).unlink()
    assert [one.event for one in run(folder, out)] == ["known", "known"]
    assert tree(out) == before


def test_litter_of_killed_processes_goes(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    before = tree(out)
    half = out / "results/one/.0123456789abcdef.pwsim/new/0123456789abcdef"
    half.mkdir(parents=True)
    (half / "jobs.parquet").write_bytes(b"x")
    half = out / "data/jobs/scenario=one/run=0/.part.parquet.pwsim/new"
    half.mkdir(parents=True)
    (half / "part.parquet").write_bytes(b"x")
    run(folder, out)
    assert tree(out) == before


def test_a_batch_elsewhere_is_waited_for(folder, tmp_path):
    out = tmp_path / "out"
    todo = Batch([str(folder / "one.yaml")], out)
    (planned,) = todo.all
    out.mkdir()
    assert isinstance(planned.work, Work)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(work, planned.work, True) for _ in range(2)]
        found = [one.result() for one in both]
    assert sorted(one.event for one in found if isinstance(one, Entry)) == ["done", "known"]


def test_old_runs_are_dropped(folder, tmp_path):
    out, path = tmp_path / "out", folder / "one.yaml"
    for usd in (5000, 6000, 7000):
        path.write_text(SCENARIO.format(name="one").replace("9000", str(usd)))
        run(folder, out, "one.yaml")
    todo = Batch([str(path)], out)
    assert todo.drop_old(2) == 1
    kept = {one.name for one in out.glob("results/one/*")}
    assert kept == {one.run for one in list(entries(out))[1:]}
    assert {path.parent.name for path in out.glob("data/jobs/*/*/part.parquet")} == {f"run={run}" for run in kept}


def test_nights_that_fail_drop_no_results(folder, tmp_path):
    out, path = tmp_path / "out", folder / "one.yaml"
    run(folder, out, "one.yaml")
    before, log = tree(out), (folder / "log.swf").read_text()
    for night in range(3):
        (folder / "log.swf").write_text(f"; no jobs {night}\n")
        (one,) = run(folder, out, "one.yaml")
        assert (one.event, bool(one.run)) == ("failed", True)
        assert Batch([str(path)], out).drop_old(1) == 0
    (folder / "log.swf").write_text(log)
    assert [one.event for one in run(folder, out, "one.yaml")] == ["known"]
    assert before.items() <= tree(out).items()


def test_locks_that_nobody_has_asked_for_lately_go(folder, tmp_path):
    out = tmp_path / "out"
    (out / ".locks").mkdir(parents=True)
    old, held = (out / ".locks" / f"{name}.lock" for name in ("old", "held"))
    with filelock.FileLock(old), filelock.FileLock(held):
        pass
    with filelock.FileLock(held):
        for one in (old, held):
            os.utime(one, (0, 0))
        run(folder, out, "one.yaml")
        assert held.exists()
    assert not old.exists()
    assert len(list((out / ".locks").iterdir())) == 2


def test_rows_of_a_search_that_went_on_are_not_those_from_before(folder, tmp_path, monkeypatch):
    """Its worker is lost when the new results are there, and their rows are not."""
    out, write_results = tmp_path / "out", report.write_results
    todo = Batch([str(folder / "one.yaml")], out, options=Options(draws=False))
    with ThreadPoolExecutor(1) as executor:
        todo.run(executor=executor, at_once=1, time_limit_s=1e-9)

    def lost(*asked, **more):
        write_results(*asked, **more)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(report, "write_results", lost)
        assert [one.event for one in run(folder, out, "one.yaml")] == ["failed"]
    assert [one.event for one in run(folder, out, "one.yaml")] == ["known"]
    (row,) = pq.read_table(next(out.glob("data/summary/*/*/part.parquet"))).to_pylist()
    assert row["status"] == json.loads(next(out.glob("results/one/*/summary.json")).read_text())["status"] == "optimal"
    assert next(out.glob("data/jobs/*/*/part.parquet")).samefile(next(out.glob("results/one/*/jobs.parquet")))


@pytest.mark.parametrize("table", ["jobs", "timeline", "setups"])
def test_results_that_are_damaged_are_told_and_what_is_missing_is_made_again(table, folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out, "one.yaml")
    before = tree(out)
    shutil.rmtree(out / "data" / table)
    file = next(out.glob(f"results/one/*/{table}.parquet"))
    content = file.read_bytes()
    file.write_bytes(content[:500])
    (one,) = run(folder, out, "one.yaml")
    assert (one.event, one.code) == ("failed", 2)
    assert f"{table}.parquet: cannot be read" in one.message
    assert "remove the directory" in one.message
    assert not list(out.glob(f"data/{table}/*/*/part.parquet"))
    file.unlink()
    (one,) = run(folder, out, "one.yaml")
    assert (one.event, one.because) == ("done", ["unfinished"])
    assert tree(out) == before


def test_a_page_that_is_asked_for_later_is_made(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out, "one.yaml")
    (results,) = out.glob("results/one/*")
    assert not (results / "report.html").exists()
    (one,) = run(folder, out, "one.yaml", report=True)
    assert one.event == "known"
    assert (results / "report.html").is_file()


def test_a_run_log_that_cannot_be_written_is_told(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pwsim.scenario.batch.running.note", full)
    (one,) = run(folder, tmp_path / "out", "one.yaml")
    assert one.code == 4
    assert one.message.endswith("log.jsonl: cannot be written: No space left on device")


def test_a_run_log_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(MachineError, match="cannot be read"):
        history(tmp_path)


# -- the data set


def test_readers_see_one_table(folder, tmp_path):
    out = tmp_path / "out"
    (folder / "one.yaml").write_text(SCENARIO.format(name="one & only, ø"))
    run(folder, out)
    for table in tables.DATA:
        pattern = str(out / "data" / table / "**" / "*.parquet")
        seen = duckdb.read_parquet(pattern, hive_partitioning=True).df()
        read = pd.read_parquet(out / "data" / table)
        polars = pl.read_parquet(pattern, hive_partitioning=True)
        assert len(seen) == len(read) == len(polars) > 0
        assert set(seen) == set(read) == set(polars.columns) == {"scenario", "run", *tables.DATA[table]}
        assert set(seen["scenario"]) == set(read["scenario"]) == set(polars["scenario"]) == {"one & only, ø", "two"}


def test_parts_have_one_schema_with_units(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    for table in tables.DATA:
        for path in out.glob(f"data/{table}/*/*/part.parquet"):
            found = pq.read_schema(path)
            assert found.remove_metadata().equals(tables.schema(table), check_metadata=True)
            assert all(b"unit" in field.metadata for field in found)


def test_rows_are_those_of_the_results(folder, tmp_path):
    out = tmp_path / "out"
    (one,) = run(folder, out, "one.yaml")
    results = next(out.glob("results/one/*"))
    summary = json.loads((results / "summary.json").read_text())
    (row,) = pq.read_table(next(out.glob("data/summary/*/*/part.parquet"))).to_pylist()
    assert row["cost_usd_per_year"] == summary["cost_usd_per_year"] == one.cost_usd_per_year
    assert row["wait_s_p95"] == summary["metrics"]["wait_s_p95"]
    setups = pd.read_parquet(results / "setups.parquet")
    nodes = pq.read_table(next(out.glob("data/setup_nodes/*/*/part.parquet"))).to_pandas()
    assert nodes["nodes"].tolist() == setups["nodes_own"].tolist()
    achieved = pq.read_table(next(out.glob("data/setup_targets/*/*/part.parquet"))).to_pandas()
    assert achieved.loc[achieved["target"] == 0, "achieved"].tolist() == setups["target_0_achieved"].tolist()
    jobs = pq.read_table(next(out.glob("data/jobs/*/*/part.parquet"))).to_pandas()
    assert jobs["wait_s"].tolist() == pd.read_parquet(results / "jobs.parquet")["wait_s"].tolist()
    for name in ("jobs", "timeline"):  # once on the disk
        assert next(out.glob(f"data/{name}/*/*/part.parquet")).samefile(results / f"{name}.parquet")


def test_rows_that_are_made_again_of_results_are_the_same_bytes(folder, tmp_path):
    out = tmp_path / "out"
    small = SCENARIO.format(name="two").replace("max: 4", "max: 1")  # which some jobs do not fit
    (folder / "two.yaml").write_text(small + "  - {metric: rejected_work_share, at_most: 0.1}\n")
    run(folder, out)
    before = tree(out)
    shutil.rmtree(out / "data")
    assert [one.event for one in run(folder, out)] == ["known"] * 2
    assert tree(out) == before
    jobs = pq.read_table(next(out.glob("data/jobs/scenario=two/*/part.parquet"))).to_pandas()
    assert set(jobs["status"]) == {"completed", "rejected"}


def test_every_column_is_described():
    for table, columns in tables.DATA.items():
        assert [name for name, *_ in tables.described(table)] == ["scenario", "run", *columns]


# -- what is to be done


def named(*paths, changes=()):
    return list(tasks([str(one) for one in paths], changes))


def test_variants(folder):
    path = folder / "one.yaml"
    path.write_text(
        path.read_text()
        + "overrides:\n  cheap: {cluster.pools.own.cost: {capex_usd: 1}}\n"
        + "matrix:\n  seed: [1, 2]\n  cluster.pools.0.nodes: [[1], [2]]\n"
    )
    found = named(path, changes=[parse_change("targets=[]")])
    assert [one.name for one in found] == [
        f"one{name}~seed-{seed}~nodes-[{nodes}]" for name in ("", "~cheap") for seed in (1, 2) for nodes in (1, 2)
    ]
    last = found[-1].load()
    pool = last.cluster.pools[0]
    assert (last.name, last.seed, last.targets, pool.nodes) == ("one~cheap~seed-2~nodes-[2]", 2, (), (2,))
    assert (pool.cost.capex_usd, pool.cost.lifetime_years) == (1, 5)  # of a mapping, what is not named stays
    assert found[0].load().cluster.pools[0].cost.capex_usd == 9000


def test_a_variant_with_a_mapping_has_a_plain_name(folder):
    path = folder / "one.yaml"
    path.write_text(path.read_text() + "matrix:\n  workload.resample: [{users: 1.2}, {users: 1.5, weeks: 2}]\n")
    assert [one.name for one in named(path)] == ["one~resample-users-1.2", "one~resample-users-1.5-weeks-2"]


def test_manifests(folder):
    (folder / "all.yaml").write_text("scenarios: ['o*.yaml', two.yaml]\nset: {seed: 7}\noverrides: {x: {seed: 8}}\n")
    found = named(folder / "all.yaml")
    assert [(one.name, one.load().seed) for one in found] == [("one", 7), ("one~x", 8), ("two", 7), ("two~x", 8)]


def test_a_manifest_with_faults_says_where(folder):
    (folder / "all.yaml").write_text("scenarios: []\nsets: {}\n")
    with pytest.raises(ScenarioError, match=r"all.yaml:2: sets.*did you mean 'set'"):
        named(folder / "all.yaml")


def test_two_of_one_name(folder):
    (folder / "two.yaml").write_text(SCENARIO.format(name="one"))
    with pytest.raises(InputError, match="there is a scenario 'one' already"):
        named(folder / "*.yaml")


def test_a_pattern_that_finds_nothing(folder):
    with pytest.raises(InputError, match="no such file"):
        named(folder / "x*.yaml")


def test_a_scenario_with_faults_is_named(folder):
    (folder / "two.yaml").write_text("name: two\n")
    assert isinstance(named(folder / "two.yaml")[0], Unreadable)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("cluster.pools.own.nodes.0.x=1", "has no keys"),
        ("cluster.pools.onw.nodes=1", "it has own; did you mean 'own'"),
        ("cluster.pools.1.nodes=1", "asks for '1' in this list"),
        ("cluster.pool.own=1", "did you mean 'pools'"),
        ("seed=x", "seed"),
    ],
)
def test_changes_that_go_nowhere_say_where(folder, change, message):
    changes = [parse_change("cluster.pools.own.nodes=[1]"), parse_change(change)]
    with pytest.raises(ScenarioError, match=message):
        load_scenario(folder / "one.yaml", changes=changes)


@pytest.mark.parametrize("text", ["", "seed", "=1", "seed={"])
def test_changes_that_are_none(text):
    with pytest.raises(InputError):
        parse_change(text)


# -- workers that are lost


def lose(number: int) -> int:
    if number == 2:
        os._exit(9)
    return number


def test_work_that_loses_workers_is_given_up_and_the_rest_goes_on():
    found = list(on_processes(lose, [1, 2, 3, 4], Room(2)))
    assert sorted(one for one in found if not isinstance(one, Lost)) == [1, 3, 4]
    assert [one.work for one in found if isinstance(one, Lost)] == [2]


# -- history


def test_a_month_of_nights(folder, tmp_path):
    out, path = tmp_path / "out", folder / "one.yaml"
    run(folder, out, "one.yaml")
    run(folder, out, "one.yaml")
    path.write_text(path.read_text().replace("9000", "5000"))
    run(folder, out, "one.yaml")
    (folder / "log.swf").rename(folder / "away")
    run(folder, out, "one.yaml")
    (folder / "away").rename(folder / "log.swf")
    write_log(folder, 80)
    run(folder, out, "one.yaml")
    table = history(out)
    told = table[table["scenario"] == "one"]
    assert told["event"].tolist() == ["done", "known", "done", "done"]
    assert told["because"].tolist() == ["new", "", "prices", "log"]
    assert told["replays"].tolist()[1:3] == [0, 0]
    assert told["change_usd_per_year"].tolist()[1] == 0
    assert told["change_usd_per_year"].tolist()[2] < 0
    failed = table[table["event"] == "failed"]
    assert "there is no file" in failed["message"].item()
    assert "[prices]" in history_text(table)


def note_night(out: Path, day: int, chosen: dict[str, str | None], *, collected: bool = True) -> list[str]:
    """Note a batch in which scenarios chose something, or failed; return what ``history --alert`` tells of it."""
    time = f"2026-01-{day:02}T00:00:00Z"
    for name, one in chosen.items():
        entry = Entry(time, time, "done", name, "r", 0, "", [], {}, "optimal", one, 1.0)
        note(out, entry if one else entry._replace(event="failed", run="", code=2))
    if collected:
        note_line(out, {"time": time, "batch": time, "event": COLLECTED})
    return moved_last(out, history(out))


def test_an_answer_that_moved_is_told_in_its_night(tmp_path):
    assert note_night(tmp_path, 1, {"s": "own 1"}) == []
    assert note_night(tmp_path, 2, {"s": "own 1"}) == []
    assert note_night(tmp_path, 3, {"s": "own 2"}) == ["s"]
    assert note_night(tmp_path, 4, {"s": "own 2"}) == []


def test_an_answer_that_moved_in_a_batch_that_was_stopped_is_told_once_it_has_gone_on(tmp_path):
    note_night(tmp_path, 1, {"s": "own 1", "t": "own 1"})
    assert note_night(tmp_path, 2, {"s": "own 2"}, collected=False) == ["s"]
    assert note_night(tmp_path, 3, {"s": "own 2", "t": "own 1"}) == ["s"]
    assert note_night(tmp_path, 4, {"s": "own 2", "t": "own 1"}) == []


def test_only_the_newest_batch_alerts(tmp_path):
    note_night(tmp_path, 1, {"s": "own 1", "gone": "own 1"})
    assert note_night(tmp_path, 2, {"gone": "own 2", "scenarios/s.yaml": None}) == ["gone", "scenarios/s.yaml"]
    assert note_night(tmp_path, 3, {"s": "own 1"}) == []  # it can be read again, and nobody runs the other any more


def test_what_failed_and_was_done_then_is_no_failure(tmp_path):
    note_night(tmp_path, 1, {"s": "own 1"})
    assert note_night(tmp_path, 2, {"s": None}, collected=False) == ["s"]
    assert note_night(tmp_path, 3, {"s": "own 1"}) == []


def test_torn_lines_are_left_out(tmp_path):
    entry = Entry("2026-01-01T00:00:00Z", "", "done", "s", "r", 0, "", [])
    note(tmp_path, entry)
    with (tmp_path / NAME).open("a") as file:
        file.write('{"time": "2026-')
    note(tmp_path, entry)
    assert list(entries(tmp_path)) == [entry, entry]


def test_a_directory_without_history(tmp_path):
    with pytest.raises(InputError, match="holds no run log"):
        history(tmp_path)


# -- the command line


def test_batch_and_history_by_command_line(folder, tmp_path):
    out, runner = tmp_path / "out", CliRunner()
    asked = [
        "batch",
        str(folder / "one.yaml"),
        "--out",
        str(out),
        "--set",
        "cluster.policy=easy",
        "--workers",
        "1",
        "--no-draws",
    ]
    dry = runner.invoke(commands, [*asked, "--dry-run"])
    assert dry.output == "one: run (new)\n"
    assert not out.exists()
    done = runner.invoke(commands, asked)
    assert done.exit_code == 0, done.output
    assert "Buy" in done.output
    assert runner.invoke(commands, [*asked, "--dry-run"]).output == "one: nothing: its results are there\n"
    shown = runner.invoke(commands, ["history", str(out), "--alert", "--figure", str(tmp_path / "nights.svg")])
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "nights.svg").read_text().startswith("<?xml")


def test_what_cannot_be_run_is_the_exit_code_of_a_dry_run(folder, tmp_path):
    (folder / "bad.yaml").write_text("name: bad\n")
    asked = ["batch", str(folder / "*.yaml"), "--out", str(tmp_path / "out"), "--dry-run"]
    dry = CliRunner().invoke(commands, asked)
    assert dry.exit_code == 2
    assert f"{folder / 'bad.yaml'}: cannot be run" in dry.output
    assert "one: run (new)" in dry.output


def test_collecting_what_is_not_done_is_no_success(folder, tmp_path):
    asked = ["batch", str(folder / "*.yaml"), "--out", str(tmp_path / "out"), "--no-draws", "--collect"]
    early = CliRunner().invoke(commands, asked)
    assert early.exit_code == 3
    assert "still to be done" in early.output
    run(folder, tmp_path / "out")
    assert CliRunner().invoke(commands, asked).exit_code == 0


def test_a_batch_takes_no_standard_input(tmp_path):
    told = CliRunner().invoke(commands, ["batch", "-", "--out", str(tmp_path / "out")], input="name: x\n")
    assert told.exit_code != 0
    assert "pwsim run -" in str(told.exception)


@pytest.mark.usefixtures("blank_figures")
def test_a_scenario_from_standard_input(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    text = (folder / "one.yaml").read_text()
    done = CliRunner().invoke(commands, ["run", "-", "--out", str(tmp_path / "r"), "--quiet"], input=text)
    assert done.exit_code == 0, done.output
    by_file = CliRunner().invoke(commands, ["run", "one.yaml", "--out", str(tmp_path / "f"), "--quiet"])
    assert by_file.exit_code == 0
    assert not filecmp.dircmp(tmp_path / "r", tmp_path / "f").diff_files


def test_an_interrupted_batch_says_that_it_goes_on(folder, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Batch, "run", interrupted)
    done = CliRunner().invoke(commands, ["batch", str(folder / "one.yaml"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 3
    assert done.output == "Interrupted: what was finished stays, and the same command goes on.\n"
