"""Frontiers, objectives and types of node by the command line: what is refused, interrupted, written and checked."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pwsim.search import search
from pwsim.trace.formats.reading import write_trace
from tests.cli.test_hostile import pwsim
from tests.cli.test_verify import FEW, GOALS, LEAST, STEADY, TARGETS, VARIED, WAIT, log_of

pytestmark = pytest.mark.usefixtures("blank_figures")

HEAD = "name: q\nworkload: {trace: log.parquet}\ncluster:\n  policy: [easy, fcfs]\n  pools:\n"


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Return what writes a scenario and its log into the current folder."""
    monkeypatch.chdir(tmp_path)
    write_trace(log_of(next(iter(GOALS))), tmp_path / "log.parquet")

    def write(asked: str) -> None:
        (tmp_path / "q.yaml").write_text(HEAD + asked)

    return write


def summary_in(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((Path(name) / "summary.json").read_text())
    return told


@pytest.fixture
def _no_page(monkeypatch):
    """Figures and page are left out: they take most of the time."""
    monkeypatch.setattr("pwsim.report.directory.write_report", lambda *_, **__: None)


@pytest.fixture
def _heeds_ctrl_c():
    """A shell lets what runs in its background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (LEAST, []),
        (TARGETS + VARIED, []),
        (LEAST + VARIED, ["q.yaml:13", "frontier: tells what service costs, so it does not go with minimise"]),
        (LEAST.replace(WAIT, "{metric: wait_s}"), ["q.yaml:12", "minimise", "add a statistic"]),
        (LEAST.replace(WAIT, "{metric: wate_s, statistic: p90}"), ["minimise.metric", "wait_s"]),
        (LEAST.replace(WAIT, "{metric: utilization}"), ["minimise", "more of utilization is better: set a target on it"]),
        (LEAST.replace(WAIT, "{metric: cost_usd_per_year}"), ["without minimise, the cost is as small as it can be"]),
        (LEAST.replace("p90}", "p90, at_most: 4 h}"), ["minimise.at_most", "unknown key"]),
        (LEAST.replace("p90}", "p90, where: {procs_at_least: 999}}"), ["q.yaml:12", "minimise.where: no job of simple-2"]),
        (LEAST.replace("at_most: 5000", "at_least: 5000"), ["targets.0", "cost_usd_per_year is limited from above"]),
    ],
)  # fmt: skip
def test_validate_what_is_minimised(asked, words, ask, capsys):
    ask(FEW + asked)
    code, out, err = pwsim(capsys, "validate", "q.yaml")
    assert code == (2 if words else 0), err
    assert all(word in err for word in words), err
    assert words or "ok: 60 jobs of simple-2" in out


@pytest.mark.parametrize("within", [False, True], ids=["before a search", "within a search"])
@pytest.mark.usefixtures("_no_page", "_heeds_ctrl_c")
def test_an_interrupted_frontier_keeps_what_is_proven(within, ask, capsys, monkeypatch):
    """Ctrl-C in the search for the second point: answer and first point are proven, and all is written, and holds."""
    asked = []

    def interrupted(*args, **how):
        asked.append(how)
        if len(asked) < 3:
            return search(*args, **how)
        if within:
            how["progress"] = lambda _: os.kill(os.getpid(), signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)
        return search(*args, **how)

    monkeypatch.setattr("pwsim.search.questions.search", interrupted)
    ask(FEW + TARGETS + VARIED.replace("40 min", "1 h"))
    code, out, err = pwsim(capsys, "run", "q.yaml", "--out", "r", "--workers", "1", "--quiet")
    assert (code, len(asked)) == (3, 3), err
    assert "Interrupted: writing what was found so far." in err
    told = summary_in("r")
    assert (told["status"], told["stopped"]) == ("optimal", None)
    points = told["frontier"]["points"]
    assert [(one["status"], one["stopped"]) for one in points[:1]] == [("optimal", None)]
    assert {one["stopped"] for one in points[1:]} == {"interrupted"}
    assert all(one["lower_bound_usd_per_year"] >= points[0]["cost_usd_per_year"] for one in points)
    assert "the search was cut short before a proof for 1 h or 0 s" in out.replace("1 s", "0 s")
    code, out, err = pwsim(capsys, "verify", "r", "--workers", "1")
    assert (code, err) == (0, ""), out


TYPED = """\
    - name: own
      kind: on_premises
      nodes: {min: 1, max: 6}
      placement: nodes
      types:
        - {name: thin, node: {cores: 4}, cost: {capex_usd: 3000, lifetime_years: 4}}
        - {name: thick, node: {cores: 8}, cost: {capex_usd: 5000, lifetime_years: 4, licence_usd_per_core_per_year: 5}}
"""


@pytest.mark.usefixtures("_no_page")
def test_types_of_node(ask, capsys):
    ask(STEADY + TYPED + TARGETS)
    assert "72 setups" in pwsim(capsys, "validate", "q.yaml")[1]
    code, out, err = pwsim(capsys, "run", "q.yaml", "--out", "r", "--workers", "1", "--quiet")
    assert code == 0, err
    told = summary_in("r")
    chosen = told["chosen"]
    assert f"of pool own (type {chosen['types']['own']}, " in out
    assert told["setups_in_space"] == 3 * 6 * 2 * 2
    assert told["search"]["method"] == "by_pool"
    code, out, err = pwsim(capsys, "verify", "r", "--workers", "1")
    assert (code, err) == (0, ""), out
    # What was asked is kept with its types, and gives the same answer again.
    Path("r/scenario.yaml").rename("again.yaml")
    assert pwsim(capsys, "run", "again.yaml", "--out", "again", "--workers", "1", "--quiet")[0] == 0
    assert summary_in("again")["chosen"] == chosen
    broken = (TYPED + TARGETS).replace("name: thick", "name: thin")
    ask(broken)
    code, _, err = pwsim(capsys, "validate", "q.yaml")
    assert (code, "two types are called 'thin'" in err, "q.yaml:12" in err) == (2, True, True), err
