"""Faults of the machine: exit code 4 and one line that says what, where and what is left; what was there is as it was.

A limit on the size of files stands for a full disk: the system refuses the write that passes it, at any user.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pwsim._version import __version__
from pwsim.cli import main
from tests.cli.test_hostile import GOOD, JOB, TINY, pwsim
from tests.report.test_results import digests

resource = pytest.importorskip("resource")

COMMANDS = {
    "run": ["run", "--no-draws", "good.yaml", "--out", "out", "--workers", "1", "--engine", "simpy"],
    "simulate": ["simulate", "tiny.swf", "--cores", "4", "--out", "out", "--engine", "simpy"],
    "hindcast": ["hindcast", "many.swf", "--cores", "4", "--out", "out", "--engine", "simpy"],
    "report": ["report", "out"],
    "describe": ["trace", "describe", "tiny.swf", "--out", "out"],
    "convert": ["trace", "convert", "tiny.swf", "out.parquet"],
    "convert to swf": ["trace", "convert", "many.swf", "out.swf.gz"],
    "generate": ["trace", "generate", "simple", "out.swf", "--jobs", "50", "--cores", "4"],
    "fit": ["trace", "fit", "many.swf", "-o", "out.yaml"],
}
"""Every command that writes, by the path that begins with ``out``."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tiny.swf").write_text(TINY)
    (tmp_path / "many.swf").write_text(
        "".join(JOB.format(number=n, submit=50 * n).replace("-1", "5", 1) for n in range(1, 201))
    )
    (tmp_path / "good.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Give a file system in memory, of a size that may be too small; root alone may make one."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=False)


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("blank_figures")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("size", [0, 200])
def test_a_full_disk_is_one_line_and_loses_nothing(command, size, folder, capsys):
    arguments = COMMANDS[command]
    if command == "report":
        assert pwsim(capsys, *COMMANDS["simulate"])[0] == 0
    before = digests(folder)
    with no_file_above(size):
        code, _, err = pwsim(capsys, *arguments)
    said = err.strip().splitlines()[-1]
    assert (code, "Traceback" in err) == (4, False), err
    assert said.startswith("out")
    assert "File too large" in said
    left = "what was there before is as it was" if command == "report" else "nothing is left there"
    assert left in said
    assert digests(folder) == before

    # The same over what is there.
    code, _, err = pwsim(capsys, *arguments)
    assert code == 0, err
    before = digests(folder)
    if command != "report":
        arguments = [*arguments, "--overwrite"]
    with no_file_above(size):
        code, _, err = pwsim(capsys, *arguments)
    assert code == 4
    assert "what was there before is as it was" in err
    assert digests(folder) == before
    assert pwsim(capsys, *arguments)[0] == 0
    assert digests(folder) == before


def started(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "pwsim", *arguments]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120, check=False, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_standard_output_on_a_full_disk(folder):
    with Path("/dev/full").open("w") as full:
        done = started("prices", "--csv", stdout=full)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
    assert "standard output: cannot be written: No space left on device" in done.stderr


def test_a_reader_that_leaves_is_no_fault(folder):
    read, write = os.pipe()
    os.close(read)  # as `| true` does
    try:
        done = started(*COMMANDS["simulate"], stdout=write)
        assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr
        assert (folder / "out" / "summary.json").is_file()
        done = started("prices", stdout=write)
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        os.close(write)


def test_out_of_memory_is_one_line(folder):
    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))

    done = started(
        *("trace", "generate", "simple", "out.parquet", "--jobs", "100000000", "--cores", "4"),
        stdout=subprocess.PIPE,
        preexec_fn=little,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
    assert done.stderr.startswith("Out of memory (Unable to allocate")
    assert "nothing was written" in done.stderr
    assert not list(folder.glob("*out*"))


def test_a_lost_worker_is_one_line(folder):
    """As where the system runs out of memory, and ends the process that has most of it."""
    (folder / "deadly.py").write_text(
        "import os, signal\ndef order(now, submit_s, estimate_s, procs):\n    os.kill(os.getpid(), signal.SIGKILL)\n    return 0.0\n"
    )
    (folder / "deadly.yaml").write_text(GOOD.replace("policy: easy", 'policy: "deadly.py:order"'))
    arguments = (
        "run",
        "--no-draws",
        "deadly.yaml",
        "--out",
        "out",
        "--workers",
        "2",
        "--engine",
        "simpy",
        "--allow-code",
        "--quiet",
    )
    done = started(*arguments, stdout=subprocess.PIPE)
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr
    assert "a worker process was lost" in done.stderr
    assert "--workers" in done.stderr
    assert not list(folder.glob("*out*"))


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_leaves_nothing(sign, folder, capsys, monkeypatch):
    def asked(*_):
        os.kill(os.getpid(), sign)
        raise AssertionError("goes on")

    monkeypatch.setattr("pwsim.report.directory.write_report", asked)
    before = digests(folder)
    code, _, err = pwsim(capsys, *COMMANDS["simulate"])
    assert (code, digests(folder)) == (3, before)
    assert "Interrupted; nothing was written." in err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "who calls main() keeps its handlers"


INTERRUPTED_IN_TEXT = """
import os, signal, sys
from pwsim import cli, common
@cli.commands.command("slow")
def slow():
    exec("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
sys.argv = ["pwsim", "slow"]
cli.main()
"""


def test_an_interrupt_while_python_executes_text_ends_as_any_other(tmp_path):
    """Python remembers it, and would let a module that is run die of the signal in the end."""
    (tmp_path / "asked.py").write_text(INTERRUPTED_IN_TEXT)
    done = subprocess.run(
        [sys.executable, "-m", "asked"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.strip()) == (3, "Interrupted; nothing was written.")


def test_report_tells_another_version_from_a_bug(folder, capsys, monkeypatch):
    assert pwsim(capsys, *COMMANDS["simulate"])[0] == 0
    path = folder / "out" / "summary.json"
    summary = json.loads(path.read_text())
    path.write_text(json.dumps({**summary, "pwsim_version": "0.0.7"}))
    code, _, err = pwsim(capsys, "report", "out")
    assert (code, "0.0.7" in err, __version__ in err) == (2, True, True), err

    path.write_text(json.dumps({**summary, "schema_version": 0}))
    code, _, err = pwsim(capsys, "report", "out")
    assert (code, f"by {__version__} (schema 0)" in err) == (2, True), err

    path.write_text(json.dumps(summary))
    monkeypatch.setattr("pwsim.report.page._found", lambda *_: dict[str, int]()["nothing"])  # a bug of ours
    monkeypatch.setattr(sys, "argv", ["pwsim", "report", "out"])
    with pytest.raises(KeyError):
        main()
