"""A search that was killed goes on where it was, and one that asks something else replays only what is new.

``pytest -m slow tests/cli/test_goes_on.py`` kills 20 runs at random moments; one is in the ordinary suite.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pwsim import Plan, generate, load_scenario, optimize
from pwsim.common import plain
from pwsim.trace.formats import swf

SCENARIO = """\
name: asked
workload: {{trace: jobs.swf}}
cluster:
  policy: [easy, sjf-easy]
  pools:
    - {{name: own, kind: on_premises, nodes: {{max: 8}}, node: {{cores: 4}},
       cost: {{capex_usd: {capex_usd}, lifetime_years: 5}}}}
    - {{name: burst, kind: cloud, nodes: {{max: 16, step: 4}}, node: {{cores: 4}}, price_usd_per_hour: 0.4,
       {rented}}}
targets: [{{metric: wait_s, statistic: p95, at_most: {most}}}]
search: {{budget: {{setups: {setups}}}}}
"""
HYBRID = "burst_after: 10 min"
STEADY = "always_up: true, accepts: {procs: {at_most: 2}}"
KILLED = """
import os, signal
from pathlib import Path
import pwsim
count = 0
write = Path.{step}
def killed(self, *arguments):
    global count
    count += "replays" in str(self)
    if count == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(self, *arguments)
Path.{step} = killed
pwsim.optimize(pwsim.load_scenario({file!r}), workers=2, draws=False)
"""


class Place:
    """A folder with a log, a scenario, and a folder of kept replays."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, jobs: int = 150) -> None:
        self.root, self.patch = root, monkeypatch
        swf.write(generate(jobs=jobs, cores=32, load=0.8, seed=1), root / "jobs.swf")
        self.kept_in("replays")

    def kept_in(self, name: str) -> None:
        """Keep replays in another folder from now on."""
        self.patch.setenv("PWSIM_REPLAYS_DIR", str(self.root / name))

    def scenario(self, *, rented: str = HYBRID, capex_usd: int = 9000, most: str = "1 h", setups: int = 40) -> Path:
        """Write a scenario, and return its file."""
        file = self.root / "asked.yaml"
        file.write_text(SCENARIO.format(rented=rented, capex_usd=capex_usd, most=most, setups=setups))
        return file

    def plan(self, cache_bytes: int = 10**9, **asked: Any) -> Plan:
        """Run a scenario, all that is written of it included."""
        plan = optimize(load_scenario(self.scenario(**asked)), workers=2, cache_bytes=cache_bytes, draws=False)
        plan.tables()
        return plan

    def kept(self, name: str = "replays") -> dict[str, int]:
        """Return the files that hold replays; one that is written again is another file."""
        return {path.name: path.stat().st_ino for path in (self.root / name).glob("??/[!.]*")}


def same(one: Plan, other: Plan) -> bool:
    """Return whether two runs gave the same."""
    tables = one.tables(), other.tables()
    equal = all(tables[0][name].equals(tables[1][name]) for name in tables[0])
    return equal and tables[0].keys() == tables[1].keys() and plain(one.summary) == plain(other.summary)


@pytest.fixture
def place(tmp_path, monkeypatch):
    return Place(tmp_path, monkeypatch)


@pytest.mark.parametrize("rented", [HYBRID, STEADY], ids=["hybrid", "steady"])
def test_what_is_kept_changes_nothing_and_is_not_replayed_again(place, rented):
    cold = place.plan(rented=rented)
    first = place.kept()
    assert first
    warm = place.plan(rented=rented)
    assert place.kept() == first
    assert same(cold, warm)
    place.kept_in("none")
    assert same(cold, place.plan(0, rented=rented))
    assert place.kept("none") == {}


def test_other_prices_and_targets_replay_nothing_that_is_kept(place):
    place.plan(most="1 s", setups=1000)  # nothing is good enough: all that may be are replayed
    everything = place.kept()
    place.plan(most="1 s", capex_usd=20_000, setups=1000)
    assert place.kept() == everything
    place.plan(most="30 min", setups=1000)
    assert everything.items() <= place.kept().items()


def test_a_search_that_was_killed_goes_on(place):
    """It is killed while it writes its fifth replay."""
    code = KILLED.format(at=5, step="write_bytes", file=str(place.scenario()))
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    before = place.kept()
    assert 3 <= len(before) <= 4
    on = place.plan()
    assert before.items() <= place.kept().items()
    place.kept_in("anew")
    assert same(on, place.plan())
    assert set(place.kept("anew")) == set(place.kept())


@pytest.mark.slow
def test_a_search_that_was_killed_20_times_goes_on(tmp_path, monkeypatch):
    place, draw = Place(tmp_path, monkeypatch, jobs=3000), random.Random(1)
    options = ["--quiet", "--no-draws", "--workers", "2", "--out"]
    command = [sys.executable, "-m", "pwsim", "run", str(place.scenario(setups=160)), *options]
    subprocess.run([*command, str(tmp_path / "whole")], check=True)
    begun_s = time.monotonic()
    subprocess.run([*command, str(tmp_path / "warm")], check=True)
    warm_s = time.monotonic() - begun_s  # no run is faster: all its replays are kept
    place.kept_in("killed")
    killed = 0
    for number in range(20):
        before = place.kept("killed")
        process = subprocess.Popen([*command, str(tmp_path / f"out{number}")])
        if number % 4 == 3:
            time.sleep(draw.uniform(0.2, 0.8) * warm_s)
        else:  # a moment after some more are kept
            wanted = len(before) + draw.randint(1, 3)
            while process.poll() is None and len(place.kept("killed")) < wanted:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.05))
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert before.items() <= place.kept("killed").items(), "nothing that was kept is replayed again"
    assert killed >= 15
    before = place.kept("killed")
    subprocess.run([*command, str(tmp_path / "again")], check=True)
    assert before.items() <= place.kept("killed").items()
    assert set(place.kept("killed")) == set(place.kept())
    names = [path.name for path in (tmp_path / "whole").iterdir() if path.suffix in (".parquet", ".json")]
    assert len(names) >= 4
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
