"""Killed at any moment, on a disk that fills up at any moment: what is at a final name is whole, and nothing else stays.

``pytest -m slow tests/cli/test_kills.py`` kills 200 processes and fills 60 disks, which takes long; a few of
each are in the ordinary suite.  Moments are drawn with a fixed seed: half of them are times, half are steps on the disk
(an audit hook counts the files that are opened for writing, moved and deleted, and sends the signal at one of them).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pwsim import generate
from pwsim.trace.formats import swf
from tests.cli.test_hostile import GOOD
from tests.cli.test_machine import mounted, resource
from tests.report.test_results import digests

COMMANDS = {
    "run": ["run", "{seed}.yaml", "--out", "out", "--workers", "2", "--quiet"],
    "run simpy": ["run", "{seed}.yaml", "--out", "out", "--workers", "2", "--engine", "simpy", "--quiet"],
    "simulate": ["simulate", "{seed}.swf", "--cores", "16", "--engine", "simpy", "--out", "out"],
    "hindcast": ["hindcast", "{seed}.swf", "--cores", "16", "--engine", "simpy", "--out", "out"],
    "describe": ["trace", "describe", "{seed}.swf", "--out", "out"],
    "convert": ["trace", "convert", "{seed}.swf", "out.parquet"],
    "convert to swf": ["trace", "convert", "{seed}.swf", "out.swf.gz"],
    "generate": ["trace", "generate", "lublin", "out.swf", "--jobs", "3000", "--cores", "64", "--seed", "{seed}"],
    "fit": ["trace", "fit", "{seed}.swf", "-o", "out.yaml"],
    "init": ["trace", "init", "{seed}.swf", "-o", "out.yaml"],
    "report": ["report", "out"],
    "prices": ["prices", "--csv"],
    "validate": ["validate", "{seed}.yaml"],
}
"""Every command that writes, and two that do not; each is run with seeds 1 and 2, which give other results."""

OF_DRAWS = {"out/draws.parquet", "out/figures/draws.svg", "out/figures/draws.png"}
"""What a search lacks that was asked to end before its answer was tried on a draw."""

HOOK = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background of a shell
at, sign, count = int(os.environ["STEP"]), int(os.environ["SIGN"]), 0
def hook(event, arguments):
    global count
    if event == "open":
        if not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+") or (arguments[2] or 0) & (os.O_CREAT | os.O_WRONLY)):
            return
    elif event not in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir", "ctypes.dlsym"):
        return
    if not any("out" in str(one) for one in arguments) and event != "ctypes.dlsym":
        return
    count += 1
    if count == at:
        os.kill(os.getpid(), sign)
    if at < 0:
        with open(os.environ["STEPS"], "w") as file:
            print(count, file=file)
sys.addaudithook(hook)
"""


@dataclass
class Bench:
    """A folder with inputs, what each command makes of them, and how long it takes."""

    root: Path
    spent_s: dict[str, float] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)

    def made(self, command: str, seed: int = 1) -> Path:
        """Return the folder with what a command makes; it is run the first time."""
        if command == "report":
            self.run("report", 1)
            return self.made("simulate")
        self.run(command, seed)
        return self.root / f"{command}-{seed}"

    def run(self, command: str, seed: int) -> None:
        folder = self.root / f"{command}-{seed}"
        if folder.exists():
            return
        self.fill(folder, command, old=False)
        begun = time.perf_counter()
        code, err = ended(start(folder, command, seed, at=-1))
        assert code == 0, err
        self.spent_s[command] = time.perf_counter() - begun
        count = self.root / "steps"
        self.steps[command] = int(count.read_text()) if count.is_file() else 0
        count.unlink(missing_ok=True)
        for path in folder.iterdir():
            if not path.name.startswith("out"):
                path.unlink()

    def fill(self, folder: Path, command: str, *, old: bool) -> None:
        """Make a folder in which a command can run; with ``old`` results of the other seed."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.root / "inputs", folder)
        if command == "report":
            shutil.copytree(self.made("simulate") / "out", folder / "out")
            for path in [folder / "out" / "report.html", *(folder / "out" / "figures").iterdir()]:
                path.write_text("old")
        elif old:
            for path in self.made(command, 2 if "{seed}" in str(COMMANDS[command]) else 1).glob("out*"):
                (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)

    def check(self, folder: Path, command: str, before: dict[str, str], code: int = 0) -> None:
        """Make sure that results are whole: those that were there before, or those of seed 1.

        A search that is asked to end writes the best that it found so far.
        """
        found = {name: digest for name, digest in digests(folder).items() if name.startswith("out")}
        made = self.wanted(command)
        if command == "report":  # each file is whole
            assert found.keys() == made.keys()
            assert all(found[name] in (digest, before[name]) for name, digest in made.items())
        elif command.startswith("run") and code == 3 and found != before:
            assert found.keys() in (made.keys(), made.keys() - OF_DRAWS)
            assert json.loads((folder / "out" / "summary.json").read_text())["status"] in ("best_found", "optimal")
            for table in (folder / "out").glob("*.parquet"):
                pq.read_table(table)
            assert (folder / "out" / "report.html").read_text().rstrip().endswith("</html>")
        else:
            assert found in (before, made)

    def wanted(self, command: str) -> dict[str, str]:
        return digests(self.made(command))


def arguments(command: str, seed: int = 1) -> list[str]:
    given = [one.format(seed=seed) for one in COMMANDS[command]]
    return given if command in ("report", "prices", "validate") else [*given, "--overwrite"]


def start(folder: Path, command: str, seed: int = 1, *, at: int = 0, sign: int = 0, **options) -> subprocess.Popen[str]:
    """Start a command; it sends itself a signal at a step."""
    temporary = folder.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder.parent / 'hook'}:{Path(__file__).parent.parent.parent}",
        "TMPDIR": str(temporary),
        "STEP": str(at),
        "SIGN": str(sign),
        "STEPS": str(folder.parent / "steps"),
        "MPLCONFIGDIR": str(folder.parent / "mpl"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "pwsim", *arguments(command, seed)],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=900)
    return process.returncode, err


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    root = tmp_path_factory.mktemp("kills")
    inputs = root / "inputs"
    inputs.mkdir()
    for seed in (1, 2):
        swf.write(generate(jobs=800, cores=16, load=0.9, seed=seed), inputs / f"{seed}.swf")
        text = (inputs / f"{seed}.swf").read_text().splitlines()
        recorded = [line if line.startswith(";") else line.replace(" -1 ", " 60 ", 1) for line in text]
        (inputs / f"{seed}.swf").write_text("\n".join(recorded) + "\n")
        scenario = GOOD.replace("tiny.swf", f"{seed}.swf").replace("{min: 1, max: 3}", "{min: 8, max: 11}")
        (inputs / f"{seed}.yaml").write_text(scenario.replace("4 h}", "2000 h}"))
    (root / "hook").mkdir()
    (root / "hook" / "sitecustomize.py").write_text(HOOK)
    return Bench(root)


def left(folder: Path) -> set[str]:
    """Return what is in a folder beside inputs and results."""
    known = {"out", "out.parquet", "out.swf.gz", "out.swf", "out.yaml", "1.swf", "2.swf", "1.yaml", "2.yaml"}
    return {path.name for path in folder.iterdir()} - known


@pytest.mark.parametrize("kills", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_any_moment(kills, bench, tmp_path):
    draw = random.Random(kills)
    codes: dict[str, int] = {}
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK)
    for number in range(kills):
        command = list(COMMANDS)[number % len(COMMANDS)] if kills > 3 else "convert"
        sign = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[number // len(COMMANDS) % 3 if kills > 3 else number % 3]
        folder = tmp_path / "folder"
        bench.made(command)
        bench.fill(folder, command, old=draw.random() < 0.5)
        before = {name: digest for name, digest in digests(folder).items() if name.startswith("out")}
        step = draw.randint(1, bench.steps[command]) if bench.steps[command] and draw.random() < 0.5 else 0
        wait_s = draw.uniform(0, 1.2 * bench.spent_s[command])
        process = start(folder, command, at=step, sign=sign)
        if not step:
            time.sleep(wait_s)
            process.send_signal(sign)
        code, err = ended(process)
        told = (
            f"{number}: {command}, {sign.name} at {f'step {step}' if step else f'{wait_s:.2f} s'}: code {code}\n{err}"
        )
        if code == 1 and ("runpy" in err or "init_import_site" in err):  # Python was interrupted on its way to pwsim
            code = -sign
        assert code in (0, 3, -sign, 130), told
        assert code in (0, 3) or not step or sign == signal.SIGKILL, told  # what asks to end is heeded at every step
        assert code != 3 or "Interrupted" in err, told
        codes[f"{sign.name} {code}"] = codes.get(f"{sign.name} {code}", 0) + 1
        try:
            bench.check(folder, command, before, code)
            if code in (0, 3):
                assert not left(folder)
            code, err = ended(start(folder, command))
            assert code == 0, err
            bench.check(folder, command, bench.wanted(command))
            assert not left(folder)
        except AssertionError as error:
            raise AssertionError(f"{told}\n{error}") from error
    assert not list((tmp_path / "temporary").iterdir())
    print(f"{kills} kills; signals and exit codes: {codes}")  # noqa: T201


PAGE = 4096
"""Bytes in which such a file system counts."""
WRITE = [command for command in COMMANDS if command not in ("prices", "validate")]


@pytest.mark.parametrize("fills", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_no_file_may_grow_beyond_a_size(fills, bench, tmp_path):
    """What any user can try: the system refuses the write that passes a limit."""
    draw = random.Random(fills)
    codes: dict[int, int] = {}
    (tmp_path / "hook").mkdir()
    for number in range(fills):
        command = WRITE[number % len(WRITE)] if fills > 1 else "convert"
        folder = tmp_path / "folder"
        bench.fill(folder, command, old=number % 2 == 0)
        before = {name: digest for name, digest in digests(folder).items() if name.startswith("out")}
        made = bench.made(command)
        largest = max(path.stat().st_size for path in made.rglob("*") if path.is_file())
        size = draw.randrange(largest)

        def limited(size: int = size) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        code, err = ended(start(folder, command, preexec_fn=limited))
        check_full(bench, folder, command, before, code, err)
        codes[code] = codes.get(code, 0) + 1
    print(f"{fills} limits; exit codes: {codes}")  # noqa: T201


def check_full(bench: Bench, folder: Path, command: str, before: dict[str, str], code: int, err: str) -> None:
    """Make sure that a command failed as it should, that old results are whole, and that it works with room."""
    said = err.strip().splitlines()
    assert code == 4, f"{command}: code {code}\n{err}"
    assert "Traceback" not in err
    assert "cannot be written" in said[-1], err
    assert {name: digest for name, digest in digests(folder).items() if name.startswith("out")} == before
    assert not left(folder)


@pytest.mark.slow
def test_a_disk_that_fills_up(bench, tmp_path):
    draw = random.Random(1)
    codes: dict[int, int] = {}
    with mounted(tmp_path, "16m") as disk:
        for number in range(30):
            command = WRITE[number % len(WRITE)]
            folder = disk / "folder"
            bench.fill(folder, command, old=number % 2 == 0)
            before = {name: digest for name, digest in digests(folder).items() if name.startswith("out")}
            made = bench.made(command)
            pages = sum(-(-path.stat().st_size // PAGE) for path in made.rglob("*") if path.is_file())
            with (disk / "ballast").open("wb") as file:
                file.write(bytes(shutil.disk_usage(disk).free - PAGE * draw.randrange(pages)))
            code, err = ended(start(folder, command))
            check_full(bench, folder, command, before, code, err)
            codes[code] = codes.get(code, 0) + 1
            (disk / "ballast").unlink()
            code, err = ended(start(folder, command))
            assert code == 0, err
            bench.check(folder, command, bench.wanted(command))
            assert not left(folder) - {"ballast"}
    print(f"30 full disks; exit codes: {codes}")  # noqa: T201
