"""What the tests of batches have in common: a log, two scenarios, and threads for processes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pwsim import generate
from pwsim.scenario.batch import workers
from pwsim.trace.formats import swf

SCENARIO = """\
name: {name}
workload: {{trace: log.swf}}
cluster:
  policy: [easy, fcfs]
  pools:
    - name: own
      kind: on_premises
      nodes: {{min: 1, max: 4}}
      node: {{cores: 8}}
      cost: {{capex_usd: 9000, lifetime_years: 5}}
targets:
  - {{metric: wait_s, statistic: p95, at_most: 1 h}}
"""


def write_log(place: Path, jobs: int) -> None:
    swf.write(generate(jobs=jobs, cores=16, load=0.6, seed=1), place / "log.swf")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a log and two scenarios."""
    place = tmp_path / "in"
    place.mkdir()
    write_log(place, 60)
    for name in ("one", "two"):
        (place / f"{name}.yaml").write_text(SCENARIO.format(name=name))
    return place


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads do what the command line has processes do, which take seconds to start; that it is the same is tested."""
    monkeypatch.setattr(workers, "_pool", lambda at_once, _: ThreadPoolExecutor(at_once))
