"""A batch that is killed, and run again, ends as if nothing had been.

``pytest -m slow tests/scenario/batch/test_batch_kills.py`` kills 100 batches, or their workers, at random moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from pwsim import generate
from pwsim.scenario.batch.journal import NAME
from pwsim.trace.formats import swf

SCENARIO = """\
name: {name}
workload: {{trace: log.swf, shake: {shake} s}}
cluster:
  policy: [easy, sjf-easy]
  pools:
    - {{name: own, kind: on_premises, nodes: {{min: 1, max: 4}}, node: {{cores: 4}},
       cost: {{capex_usd: 9000, lifetime_years: 5}}}}
    - {{name: burst, kind: cloud, nodes: [0, 4, 8], node: {{cores: 4}}, price_usd_per_hour: 0.4, burst_after: 10 min}}
targets: [{{metric: wait_s, statistic: p95, at_most: 1 h}}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place: Path = tmp_path_factory.mktemp("in")
    swf.write(generate(jobs=3000, cores=16, load=0.8, seed=1), place / "log.swf")
    for number in range(4):
        (place / f"s{number}.yaml").write_text(SCENARIO.format(name=f"s{number}", shake=number))
    return place


def start(folder: Path, out: Path, kept: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pwsim", "batch", str(folder / "*.yaml"), "--out", str(out), "--workers", "2"]
    environment = {**os.environ, "PWSIM_REPLAYS_DIR": str(kept)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def tree(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != NAME
    }


def replays(kept: Path) -> dict[str, int]:
    """Return the replays that are kept, and which file each is."""
    return {path.name: path.stat().st_ino for path in kept.glob("??/*") if not path.name.startswith(".")}


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes that do a batch's work: children of its fork server, which forks them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == process.pid and int(entry.parent.name) != process.pid:  # of its process group
            found.append(int(entry.parent.name))
    return found


@pytest.fixture(scope="module")
def undisturbed(folder, tmp_path_factory):
    """The tree of a batch that nobody disturbs, and how long it takes [s]."""
    place = tmp_path_factory.mktemp("undisturbed")
    begun_s = time.monotonic()
    process = start(folder, place / "out", place / "kept")
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return tree(place / "out"), time.monotonic() - begun_s


@pytest.mark.parametrize("later_s", [0.0, 0.5])
def test_an_interrupt_while_workers_start_is_one_line(later_s, folder, tmp_path):
    process = start(folder, tmp_path / "out", tmp_path / "kept")
    while not any(b"forkserver" in Path(f"/proc/{one}/cmdline").read_bytes() for one in workers_of(process)):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(later_s)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 3
    assert said.decode().splitlines()[-1].startswith("Interrupted")
    assert "Traceback" not in said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(100))
def test_a_batch_that_was_killed_ends_the_same(number, folder, undisturbed, tmp_path):
    expected, lasts_s = undisturbed
    draw = random.Random(number)
    out, kept = tmp_path / "out", tmp_path / "kept"
    process = start(folder, out, kept)
    time.sleep(draw.uniform(0.3, lasts_s))
    sign = draw.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    workers = workers_of(process)
    if workers and draw.random() < 0.4:
        with suppress(ProcessLookupError):
            os.kill(draw.choice(workers), signal.SIGKILL)
    elif process.poll() is None:
        process.send_signal(sign)
    process.communicate(timeout=600)
    before = replays(kept)
    again = start(folder, out, kept)
    said, _ = again.communicate(timeout=600)
    assert again.returncode == 0, said
    assert tree(out) == expected
    after = replays(kept)
    assert before.items() <= after.items()  # none of those that were kept was done again
