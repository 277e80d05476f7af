"""What a batch keeps to: memory, a disk that is full or read-only, and a log that is read once."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pwsim import generate
from pwsim.cli import commands
from pwsim.common import InputError, TraceError
from pwsim.scenario import KeptLogs, keeping_logs, kept_logs, load_scenario
from pwsim.scenario import logs as logs_module
from pwsim.scenario.batch import Batch, Options, Shard, memory
from pwsim.scenario.batch.journal import NAME, PROFILE, entries, note
from pwsim.scenario.batch.memory import bytes_of, jobs_at_most, shared_out
from pwsim.scenario.batch.workers import Room
from pwsim.trace import most_records, read_mapped, read_trace, write_mapped, write_trace
from tests.cli.test_machine import mounted, no_file_above
from tests.scenario.batch.conftest import write_log
from tests.scenario.batch.test_batch import run, tree

GIB = 2**30


pytestmark = pytest.mark.usefixtures("in_threads")


def asked(folder: Path, out: Path, *more: str) -> list[str]:
    return ["batch", str(folder / "*.yaml"), "--out", str(out), "--workers", "1", "--no-draws", "--quiet", *more]


# -- memory


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(1, 4), st.integers(1, 6), st.randoms())
def test_what_runs_at_once_fits_or_is_alone(sizes, at_once, most, draw):
    room = Room[tuple[int, int]](at_once, most, lambda one: one[1])
    waiting = deque(enumerate(sizes))
    running: list[tuple[int, int]] = []
    done: list[tuple[int, int]] = []
    while waiting or running:
        while (one := room.next(waiting, running)) is not None:
            running.append(one)
            assert len(running) <= at_once
            assert len(running) == 1 or sum(size for _, size in running) <= most
        # nothing that waits would have fitted
        left = most - sum(size for _, size in running)
        assert len(running) == at_once or all(size > left for _, size in waiting)
        done.append(running.pop(draw.randrange(len(running))))
    assert sorted(done) == list(enumerate(sizes))


def planned_works(folder: Path, *jobs: int):
    todo = Batch([str(folder / "one.yaml")], folder / "out")
    (planned,) = todo.all
    assert planned.work is not None
    return [planned.work._replace(jobs=one) for one in jobs]


def test_memory_is_shared_out(folder, caplog):
    small, large = 10**6, 10**8
    (work,) = planned_works(folder, small)
    one = bytes_of(work)
    own = memory.PROCESS_BYTES
    each, room = shared_out(planned_works(folder, small, large, small), 4, 2 * one + own)
    assert [(work.jobs, work.workers) for work in each] == [(small, 1), (small, 1), (large, 1)]  # the large one last
    assert (room.at_once, room.most) == (2, 2 * one)
    need = (bytes_of(work._replace(jobs=large)) + own) / GIB
    assert f"takes about {need:.1f} GiB for 100,000,000 jobs" in caplog.text
    # With memory for more, each scenario takes the cores that are left, as far as there is memory.
    each, room = shared_out(planned_works(folder, small, small), 8, 64 * GIB)
    assert ([work.workers for work in each], room.at_once) == ([4, 4], 2)
    each, room = shared_out(planned_works(folder, small), 8, one + own + 2 * small * memory.STEADY_JOB_BYTES)
    assert [work.workers for work in each] == [3]
    each, room = shared_out(planned_works(folder, large, large, large), 2, None)
    assert ([work.workers for work in each], room.at_once) == ([1, 1, 1], 2)


def test_ten_million_jobs_on_nodes_that_are_always_up_fit_into_8_gib(folder, caplog):
    """It was measured (docs/explanation/scale.md): a scenario of them takes 5.2 GiB, with the log that it maps."""
    (one,), _ = shared_out(planned_works(folder, 10**7), 2, 8 * GIB)
    assert one.workers == 1
    assert not caplog.text
    path = folder / "one.yaml"
    path.write_text(
        path.read_text().replace(
            "nodes: {min: 1, max: 4}", "nodes: {min: 1, max: 4}\n      placement: nodes\n      mtbf: 9 d"
        )
    )
    (one,), _ = shared_out(planned_works(folder, 10**7), 2, 8 * GIB)
    assert one.replay_job_bytes == memory.MOVING_JOB_BYTES
    assert "it runs alone, after the others" in caplog.text


def test_jobs_of_a_scenario_are_counted_by_its_log(folder):
    path = folder / "one.yaml"
    lines = (folder / "log.swf").read_text().count("\n") + 1
    assert jobs_at_most(load_scenario(path)) == most_records(folder / "log.swf") == lines
    path.write_text(
        path.read_text().replace(
            "{trace: log.swf}", "{trace: log.swf, resample: {users: 2}, mix: {trace: log.swf, queue: x}}"
        )
    )
    assert jobs_at_most(load_scenario(path)) == 3 * lines
    write_trace(generate(jobs=70, cores=16, load=0.6, seed=1), folder / "log.parquet")
    assert most_records(folder / "log.parquet") == 70


def test_with_little_memory_all_is_done_one_by_one(folder, tmp_path, caplog):
    run(folder, tmp_path / "much")
    todo = Batch(
        [str(folder / "*.yaml")],
        tmp_path / "little",
        options=Options(draws=False, cache_bytes=10**8),
        memory_bytes=GIB // 8,
    )
    with ThreadPoolExecutor(2) as executor:
        assert [one.event for one in todo.run(executor=executor, at_once=2)] == ["done", "done"]
    todo.collect()
    assert tree(tmp_path / "little") == tree(tmp_path / "much")
    assert "one: takes about" in caplog.text


# -- logs are read once


def test_a_mapped_log_is_the_log(tmp_path, repository):
    (sample,) = (repository / "data").glob("**/*.swf.gz")
    for trace in (generate(jobs=50, cores=16, load=0.6, seed=1), read_trace(sample)):
        write_mapped(trace, tmp_path / "log.arrow")
        found = read_mapped(tmp_path / "log.arrow")
        assert found == trace
        assert (found.path, found.digest()) == (trace.path, trace.digest())
        assert not found.submit_s.flags.writeable
        assert not found.submit_s.flags.owndata


@pytest.mark.parametrize("content", [b"", b"no arrow", None])
def test_a_mapped_log_that_is_broken_says_so(content, tmp_path):
    path = tmp_path / "log.arrow"
    write_mapped(generate(jobs=50, cores=16, load=0.6, seed=1), path)
    path.write_bytes(path.read_bytes()[:-500] if content is None else content)
    with pytest.raises(TraceError, match="is no log as pwsim keeps it"):
        read_mapped(path)


def test_a_log_is_read_once_and_again_when_it_changed(folder, tmp_path, monkeypatch):
    read: list[Path] = []

    def counted(path, format_, **options):
        read.append(path)
        return read_trace(path, format_, **options)

    monkeypatch.setattr(logs_module, "read_trace", counted)
    scenario, kept = load_scenario(folder / "one.yaml"), KeptLogs(tmp_path / "logs", "code")
    as_it_is = scenario.read_log()
    with keeping_logs(kept):
        assert scenario.read_log() == scenario.read_log() == as_it_is
        assert len(read) == 2
        next((tmp_path / "logs").glob("*.arrow")).write_bytes(b"broken")
        kept_logs._at_hand.cache_clear()
        assert scenario.read_log() == as_it_is
        assert len(read) == 3
        write_log(folder, 61)
        assert len(scenario.read_log()) == 61
        assert len(read) == 4
        (tmp_path / "logs").joinpath("x").mkdir()
    assert len(scenario.read_log()) == 61
    assert len(read) == 5
    for path in (tmp_path / "logs").glob("*.arrow"):
        os.utime(path, (0, 0))
    kept.drop_unused()
    assert not list((tmp_path / "logs").glob("*.arrow"))


def test_where_logs_cannot_be_kept_they_are_read(folder, tmp_path, caplog):
    (tmp_path / "logs").write_text("a file")
    with keeping_logs(KeptLogs(tmp_path / "logs", "code")):
        assert len(load_scenario(folder / "one.yaml").read_log()) == 60
    assert "is not kept for other processes" in caplog.text


# -- disks that are full or read-only


def whole(out: Path) -> dict[str, bytes]:
    """Return a tree without what is only kept to be quick."""
    return {name: content for name, content in tree(out).items() if not name.startswith(".logs")}


@pytest.mark.parametrize("size", [1000, *(pytest.param(size, marks=pytest.mark.slow) for size in (0, 20_000))])
def test_a_full_disk_loses_nothing(size, folder, tmp_path):
    out, undisturbed, runner = tmp_path / "out", tmp_path / "undisturbed", CliRunner()
    assert runner.invoke(commands, asked(folder, undisturbed)).exit_code == 0
    (folder / "two.yaml").rename(folder / "two.later")
    assert runner.invoke(commands, asked(folder, out)).exit_code == 0
    before = whole(out)
    (folder / "two.later").rename(folder / "two.yaml")
    with no_file_above(size):
        done = runner.invoke(commands, asked(folder, out))
    assert (done.exit_code, "Traceback" in done.output) == (4, False), done.output
    said = [line for line in done.output.splitlines() if "File too large" in line and not line.startswith("replays")]
    assert said, done.output
    after = whole(out)
    assert {name: after[name] for name in before if name != "batch.parquet"} == {
        name: one for name, one in before.items() if name != "batch.parquet"
    }
    assert not list(out.rglob(".*.pwsim"))
    assert runner.invoke(commands, asked(folder, out)).exit_code == 0
    assert whole(out) == whole(undisturbed)


def test_a_read_only_directory_is_one_line(folder, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    run(folder, out)
    before = tree(out)
    opened = os.open

    def read_only(path, flags, *rest, **named):
        if flags & (os.O_WRONLY | os.O_RDWR) and str(out) in str(path):
            raise OSError(30, "Read-only file system", str(path))
        return opened(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", read_only)
    from pwsim.cli import main

    monkeypatch.setattr(sys, "argv", ["pwsim", *asked(folder, out)])
    for more in ([], ["--collect"]):
        monkeypatch.setattr(sys, "argv", ["pwsim", *asked(folder, out, *more)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 4
        said = capsys.readouterr()
        expected = f"{out}: cannot be written: Read-only file system; what was there stays\n"
        assert (said.out, said.err) == ("", expected)
    monkeypatch.undo()
    assert tree(out) == before


@pytest.mark.slow
def test_a_file_system_that_is_mounted_read_only(folder, tmp_path):
    with mounted(tmp_path, "64m") as disk:
        out, undisturbed = disk / "out", tmp_path / "undisturbed"
        run(folder, undisturbed)
        run(folder, out, "one.yaml")
        before = tree(out)
        command = [sys.executable, "-m", "pwsim", *asked(folder, out), "--cache-size", "0"]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1), done
        assert "cannot be written: Read-only file system; what was there stays" in done.stderr
        assert tree(out) == before
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
        assert whole(out) == whole(undisturbed)


@pytest.mark.slow
def test_a_file_system_that_fills_up(folder, tmp_path):
    with mounted(tmp_path, "1m") as disk:
        run(folder, tmp_path / "undisturbed")
        for left in range(0, 400_000, 40_000):
            out = disk / "out"
            (disk / "ballast").write_bytes(bytes(max(0, shutil.disk_usage(disk).free - left)))
            command = [sys.executable, "-m", "pwsim", *asked(folder, out), "--cache-size", "0"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode in ((4,) if left < 100_000 else (0, 4)), done
            assert "Traceback" not in done.stderr
            (disk / "ballast").unlink()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done
            assert whole(out) == whole(tmp_path / "undisturbed")
            shutil.rmtree(out)


# -- the table of all


def test_a_failure_of_an_older_night_is_not_done(folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    asked = [str(folder / "*.yaml")]
    todo = Batch(asked, out, options=Options(cache_bytes=10**8, draws=False))
    assert todo.collect() is not None
    # Of another log: "two" fails in this night, and the table is written.
    write_log(folder, 61)
    new = Batch(asked, out, options=Options(cache_bytes=10**8, draws=False))
    assert new.collect() is None  # what failed, or was done, with the old log is not done
    one, two = (planned.work for planned in new.all)
    assert one is not None
    assert two is not None
    run(folder, out, shard="1/2")
    note(
        out,
        list(entries(out))[-1]._replace(event="failed", scenario="two", run=two.identity.key, code=4, message="lost"),
    )
    table = new.collect()
    assert table is not None
    assert table["message"].tolist()[1] == "lost"
    assert new.collect() is not None  # nothing has begun since
    # The next night: the first shard is done, the second has not begun.
    run(folder, out, shard="1/2")
    assert Batch(asked, out, options=Options(cache_bytes=10**8, draws=False), shard=Shard(1, 2)).collect() is None
    (entry,) = run(folder, out, shard="2/2")
    assert entry.event == "done"
    assert "lost" not in pq.read_table(out / "batch.parquet").to_pandas()["message"].tolist()


def test_a_failure_with_another_log_is_not_done(folder, tmp_path):
    out = tmp_path / "out"
    (folder / "two.yaml").unlink()
    text = (folder / "log.swf").read_text()
    (folder / "log.swf").write_text("; no jobs\n")
    (one,) = run(folder, out)
    assert (one.event, one.code) == ("failed", 2)
    (folder / "log.swf").write_text(text)
    assert Batch([str(folder / "one.yaml")], out).collect() is None


# -- where time goes, and what happens


def test_profile_and_log_of_a_batch(folder, tmp_path):
    out, told = tmp_path / "out", tmp_path / "told.jsonl"
    done = CliRunner().invoke(commands, asked(folder, out, "--profile", "--log-json", str(told)))
    assert done.exit_code == 0, done.output
    head = next(line for line in done.stderr.splitlines() if "planning" in line and "writing" in line)
    assert head.split() == [
        "scenario",
        "reading",
        "planning",
        "replays",
        "judging",
        "writing",
        "beside",
        "cpu_s",
        "seconds",
        "replays_done",
    ]
    rows = {
        line.split()[0]: line.split()[1:]
        for line in done.stderr.splitlines()
        if line.split()[0] in ("one", "two", "all")
    }
    assert rows.keys() == {"one", "two", "all"}
    assert int(rows["all"][-1]) == int(rows["one"][-1]) + int(rows["two"][-1]) > 0
    lines = [json.loads(line) for line in (out / NAME).read_text().splitlines()]
    (profile,) = [line for line in lines if line["event"] == PROFILE]
    by_scenario = [one.spent["writing"]["cpu_s"] for one in entries(out)]
    assert profile["spent"]["writing"]["cpu_s"] == pytest.approx(sum(by_scenario))
    assert [one.scenario for one in entries(out)] == ["one", "two"]
    heard = [json.loads(line) for line in told.read_text().splitlines()]
    assert [line["message"] for line in heard] == [
        "batch begins", *(["scenario begins", "log read", "search ended", "scenario ends"] * 2), "batch ends",
    ]  # fmt: skip
    ends = [line for line in heard if line["message"] == "scenario ends"]
    assert [(line["scenario"], line["event"], line["code"], line["level"]) for line in ends] == [
        ("one", "done", 0, "info"),
        ("two", "done", 0, "info"),
    ]
    assert not logging.getLogger("pwsim").handlers


def test_profile_and_log_of_a_run(folder, tmp_path):
    told = tmp_path / "told.jsonl"
    command = [
        "run",
        str(folder / "one.yaml"),
        "--out",
        str(tmp_path / "r"),
        "--quiet",
        "--no-draws",
        "--profile",
        "--log-json",
        str(told),
        "--cache-size",
        "0",
    ]
    done = CliRunner().invoke(commands, command)
    assert done.exit_code == 0, done.output
    assert "Where time went" in done.stderr
    heard = {line["message"]: line for line in map(json.loads, told.read_text().splitlines())}
    assert list(heard) == ["log read", "search ended", "results written", "profile"]
    assert heard["log read"]["jobs_replayed"] == 60
    spent = heard["profile"]["spent"]
    assert spent["replays"]["times"] == heard["search ended"]["replays"] > 0
    assert set(spent) == {"reading", "planning", "replays", "judging", "writing", "beside"}


def test_a_log_that_cannot_be_written_is_bad_input(folder, tmp_path):
    command = asked(folder, tmp_path / "out", "--log-json", str(tmp_path / "none" / "log.jsonl"))
    done = CliRunner().invoke(commands, command)
    assert isinstance(done.exception, InputError)
    assert "cannot be written (No such file or directory)" in str(done.exception)
    assert not (tmp_path / "out").exists()
