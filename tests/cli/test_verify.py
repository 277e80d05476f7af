"""``pwsim verify``: proofs of each kind hold, and whatever is changed in results, scenario or log is noticed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pwsim import Plan, Trace, generate, load_scenario, optimize
from pwsim.results import record
from pwsim.search.answer import answer
from pwsim.trace.formats.reading import write_trace
from tests.cli.test_hostile import pwsim

OWN = """\
    - name: own
      kind: on_premises
      nodes: {min: 4, max: 12}
      node: {cores: 2}
      cost: {capex_usd: 1000, lifetime_years: 4, busy_power: 100 W, electricity_usd_per_kwh: 0.1}
"""
STEADY = """\
    - name: rented
      kind: cloud
      node: {cores: 2}
      price_usd_per_hour: 0.1
      always_up: true
      accepts: {procs: {at_most: 2}}
      nodes: {max: 2}
"""
BURST = """\
    - name: burst
      kind: cloud
      node: {cores: 2}
      price_usd_per_hour: 0.4
      nodes: [0, 4]
      burst_after: 30 min
"""
TARGETS = "targets: [{metric: wait_s, statistic: p90, at_most: 40 min}]\n"
QUESTIONS = {
    "by_pool": STEADY + OWN + TARGETS,
    "by_setup": OWN + BURST + TARGETS,
    "one_pool": OWN.replace("min: 4, max: 12", "min: 9, max: 16") + TARGETS,
    "infeasible by pool": STEADY + OWN + TARGETS.replace("40 min", "1 s"),
    "infeasible by setup": OWN + TARGETS.replace("40 min", "1 s"),
    "beyond all by pool": STEADY + OWN + "targets: [{metric: throughput_jobs_per_hour, at_least: 1e6}]\n",
    "cut short by pool": STEADY + OWN + TARGETS + "search: {budget: {setups: 3}}\n",
    "cut short by setup": OWN + BURST + TARGETS + "search: {budget: {setups: 3}}\n",
}
PLAN = "economics: {savings_plans: [{name: compute, term: 1yr, usd_per_hour: AMOUNT}]}\n"
PLANNED = (
    STEADY.replace("nodes: {max: 2}", "nodes: {min: 2, max: 4}\n      savings_1yr_usd_per_hour: 0.06") + OWN + TARGETS
)
QUESTIONS |= {
    "shared plan by pool": PLANNED + PLAN.replace("AMOUNT", "best"),
    "given plan by setup": PLANNED + PLAN.replace("AMOUNT", "0.12"),
}
STATUSES = ["optimal"] * 3 + ["infeasible"] * 3 + ["unknown"] * 2 + ["optimal"] * 2
WAIT = "{metric: wait_s, statistic: p90}"
VARIED = "frontier: {target: WAIT, at_most: [1 s, 40 min, 6 h]}\n".replace("WAIT", WAIT)
LEAST = "targets: [{metric: cost_usd_per_year, at_most: 5000}]\nminimise: WAIT\n".replace("WAIT", WAIT)
CUT = "search: {budget: {setups: SETUPS}}\n"
FEW = OWN.replace("min: 4, max: 12", "min: 6, max: 10")
GOALS = {
    "frontier by pool": STEADY + FEW + TARGETS + VARIED,
    "frontier by setup": FEW + BURST + TARGETS + VARIED,
    "frontier cut by pool": STEADY + FEW + TARGETS + VARIED + CUT.replace("SETUPS", "9"),
    "frontier cut by setup": FEW + BURST + TARGETS + VARIED + CUT.replace("SETUPS", "9"),
    "minimise by pool": STEADY + FEW + LEAST,
    "minimise by setup": FEW + BURST + LEAST,
    "minimise cut by pool": STEADY + FEW + LEAST + CUT.replace("SETUPS", "5"),
    "minimise cut by setup": FEW + BURST + LEAST + CUT.replace("SETUPS", "7"),
    "nothing to minimise": FEW + LEAST.replace("5000", "30"),
}
"""Questions that claim several things, each with a proof."""
QUESTIONS |= GOALS


def log_of(name: str) -> Trace:
    """Return the log of a question; that of several claims is shorter."""
    return (
        generate(jobs=60, cores=16, load=1.6, seed=2)
        if name in GOALS
        else generate(jobs=200, cores=16, load=0.9, seed=2)
    )


def write_without_figures(plan: Plan, folder: Path) -> None:
    """Write of the results what a proof rests on, which takes less time."""
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(plan.summary))
    (folder / "scenario.yaml").write_text(record.scenario_yaml(plan.asked))
    for name, table in plan.tables().items():
        table.to_parquet(folder / f"{name}.parquet")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Callable[[str], Path]:
    """Return what runs a question once, and gives the folder with scenario, log and results."""
    done: dict[str, Path] = {}

    def folder_of(name: str) -> Path:
        if name not in done:
            folder = done[name] = tmp_path_factory.mktemp("verify")
            write_trace(log_of(name), folder / "log.parquet")
            head = "name: q\nworkload: {trace: log.parquet}\ncluster:\n  policy: [easy, fcfs]\n  pools:\n"
            (folder / "q.yaml").write_text(head + QUESTIONS[name])
            plan = optimize(load_scenario(folder / "q.yaml"), workers=1, draws=False)
            write_without_figures(plan, folder / "r")
        return done[name]

    return folder_of


@pytest.fixture
def copied(made, tmp_path, monkeypatch):
    """Return what gives a copy of a question with its results, as the current folder."""

    def copy_of(name: str) -> Path:
        shutil.copytree(made(name), tmp_path / "c")
        monkeypatch.chdir(tmp_path / "c")
        return tmp_path / "c"

    return copy_of


@pytest.mark.parametrize(("name", "status"), list(zip(QUESTIONS, STATUSES, strict=False)))
def test_proofs_hold(name, status, copied, capsys):
    folder = copied(name)
    summary = json.loads((folder / "r" / "summary.json").read_text())
    assert (summary["status"], summary["certificate"]["status"]) == (status, status)
    assert (
        (folder / "r" / "proof.parquet").exists()
        == (summary["search"]["method"] == "by_pool")
        == ("pool" in name and "one" not in name)
    )
    code, out, err = pwsim(capsys, "verify", "r", "--workers", "1")
    assert (code, err) == (0, ""), out
    assert out.startswith("Verified: none of the ")
    replays = summary["search"]["pool_replays"]
    replays = summary["setups_simulated"] if replays is None else replays
    assert f"{replays} replays done again, {replays} of them with another engine" in out or replays == 1
    counted = [
        int(part.strip().split(" ")[0].replace(",", "")) for part in out.splitlines()[-1].partition(":")[2].split(";")
    ]
    assert sum(counted) == summary["setups_in_space"]


@pytest.mark.parametrize("name", GOALS)
def test_proofs_of_several_claims_hold(name, copied, capsys):
    folder = copied(name)
    summary = json.loads((folder / "r" / "summary.json").read_text())
    points = (summary["frontier"] or {"points": []})["points"]
    code, out, err = pwsim(capsys, "verify", "r", "--workers", "1")
    assert (code, err) == (0, ""), out
    assert out.startswith("Verified: none of the ")
    assert [line.partition(":")[0] for line in out.splitlines() if line.startswith("At most")] == [
        f"At most {one}" for one in ("6 h", "40 min", "1 s")[: len(points)]
    ]
    accounts = [line.partition(":")[2].split(";") for line in out.splitlines() if line.startswith("The setups allowed")]
    of_answer = 1 + (summary["minimise"] is not None and summary["minimise"]["lower_bound"] > 0)
    assert len(accounts) == of_answer + len(points)
    for one in accounts:
        assert sum(int(part.split()[0].replace(",", "")) for part in one) == summary["setups_in_space"]
    assert (" cut " in name) == (summary["stopped"] is not None or any(one["stopped"] for one in points))


def test_it_looks_for_the_log_in_the_folder_of_the_scenario(copied, capsys, monkeypatch, tmp_path):
    copied("one_pool")
    monkeypatch.chdir(tmp_path)
    code, _, err = pwsim(capsys, "verify", "c/r")
    assert code == 2
    assert "log.parquet" in err
    assert pwsim(capsys, "verify", "c/r", "--folder", "c")[0] == 0


def summary_with(**changed: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "r" / "summary.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))

    return change


def table_with(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        path = folder / "r" / f"{name}.parquet"
        change(pd.read_parquet(path)).to_parquet(path)

    return rewrite


def with_value(column: str, row: int, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[table.index[row], column] = value(table[column].iloc[row]) if callable(value) else value
        return table

    return change


def fewer_setups(row: int) -> Callable[[Path], None]:
    """Take a row out, and say so in the summary."""

    def change(folder: Path) -> None:
        table_with("setups", lambda table: table.drop(table.index[row]))(folder)
        path = folder / "r" / "summary.json"
        told = json.loads(path.read_text())
        told["setups_simulated"] -= 1
        told["answer"] = told["answer"].replace(
            f"{told['setups_simulated'] + 1} replayed", f"{told['setups_simulated']} replayed"
        )
        told["certificate"]["setups_simulated"] -= 1
        path.write_text(json.dumps(told))

    return change


def other_log(folder: Path) -> None:
    write_trace(generate(jobs=200, cores=16, load=0.9, seed=3), folder / "log.parquet")


def other_scenario(folder: Path) -> None:
    path = folder / "r" / "scenario.yaml"
    assert "at_most: 2400.0" in path.read_text()
    path.write_text(path.read_text().replace("at_most: 2400.0", "at_most: 2399.0"))


BROKEN: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "cost edited": ("by_pool", summary_with(cost_usd_per_year=1.0), "cost_usd_per_year is told as 1.0"),
    "answer edited": ("by_pool", summary_with(answer="Buy nothing."), "answer is told as 'Buy nothing.'"),
    "bound raised": ("cut short by setup", summary_with(lower_bound_usd_per_year=1e9), "nothing else excludes it"),
    "bound raised by pool": ("cut short by pool", summary_with(lower_bound_usd_per_year=1e9), "nothing else excludes it"),
    "bound of a proof": ("by_setup", summary_with(lower_bound_usd_per_year=1.0), "lower_bound_usd_per_year is told as 1.0"),
    "status": ("by_setup", summary_with(status="infeasible"), "by chosen and stopped it is 'optimal'"),
    "never proven": ("cut short by setup", summary_with(status="infeasible", stopped=None), "rows of a search that was cut short"),
    "gap": ("by_pool", summary_with(gap=0.25), "gap is told as 0.25"),
    "verdict flipped": ("by_setup", table_with("setups", with_value("meets_targets", 0, True)), "meets_targets is told as True"),
    "verdict flipped by pool": ("by_pool", table_with("setups", with_value("meets_targets", -1, lambda one: not one)), "meets_targets is told as"),
    "a figure": ("by_setup", table_with("setups", with_value("wait_s_p95", 1, 5.0)), "wait_s_p95 is told as 5.0"),
    "a cost": ("by_pool", table_with("setups", with_value("cost_usd_per_year", 1, lambda one: one + 1)), "cost_usd_per_year is told as"),
    "a row removed": ("by_setup", fewer_setups(0), "nothing else excludes it"),
    "a row removed of those by pool": ("by_pool", table_with("proof", lambda table: table.drop(table.index[1])), "has no replay of its pool"),
    "starts of a pool": ("by_pool", table_with("proof", with_value("starts_sha256", 1, "0" * 64)), "starts_sha256 is told as"),
    "cost of a pool": ("by_pool", table_with("proof", with_value("cost_usd_per_year", 1, 5.0)), "cost_usd_per_year is told as 5.0"),
    "jobs of a pool": ("by_pool", table_with("proof", with_value("jobs_sha256", 1, "0" * 64)), "no setup sends such jobs"),
    "a row twice": ("by_setup", table_with("setups", lambda table: pd.concat([table, table.iloc[:1]])), "stands in it twice"),
    "log changed": ("by_setup", other_log, "the log is another one than was replayed"),
    "scenario changed": ("by_setup", other_scenario, "scenario.yaml was changed"),
}  # fmt: skip


def point_with(index: int, **changed: Any) -> Callable[[Path], None]:
    """Change a point of a frontier, in the summary and in its table."""

    def change(folder: Path) -> None:
        path = folder / "r" / "summary.json"
        told = json.loads(path.read_text())
        point = told["frontier"]["points"][index]
        point |= {key: value(point) if callable(value) else value for key, value in changed.items()}
        told["answer"] = answer(told)
        path.write_text(json.dumps(told))
        for key in changed:
            value = point[key]
            columns = (
                {f"nodes_{name}": many for name, many in value["nodes"].items()} if key == "chosen" else {key: value}
            )
            for column, one in columns.items():
                table_with("frontier", with_value(column, index, one))(folder)

    return change


def minimised_with(**changed: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        told = json.loads((folder / "r" / "summary.json").read_text())
        told["minimise"] |= changed
        told["certificate"] |= {"gap": told["minimise"]["gap"]}
        summary_with(minimise=told["minimise"], certificate=told["certificate"], answer=answer(told))(folder)

    return change


def fewer(point: dict[str, Any]) -> dict[str, Any]:
    """Return what was chosen at a point with a node less."""
    chosen: dict[str, Any] = point["chosen"]
    return {**chosen, "nodes": {**chosen["nodes"], "own": chosen["nodes"]["own"] - 1}}


BROKEN |= {
    "cost of a point": ("frontier by pool", point_with(1, cost_usd_per_year=3900.0), "frontier.points.1: cost_usd_per_year is told as 3900.0"),
    "cost of a point and all that follows": (
        "frontier by setup",
        point_with(1, cost_usd_per_year=3900.0, lower_bound_usd_per_year=3900.0, marginal_usd_per_year=3900 - 3378.1479441515303),
        "frontier.points.1: cost_usd_per_year is told as 3900.0",
    ),
    "choice of a point": ("frontier by setup", point_with(1, chosen=fewer), "or does not meet the targets"),
    "choice of a point by pool": ("frontier by pool", point_with(0, chosen=fewer), "or does not meet the targets"),
    "what a point achieves": ("frontier by pool", point_with(0, achieved=5.0), "frontier.points.0: achieved is told as 5.0"),
    "status of a point": ("frontier by setup", point_with(1, status="best_found"), "by chosen and stopped it is 'optimal'"),
    "a point is no more infeasible": ("frontier cut by setup", point_with(2, status="infeasible", stopped=None, lower_bound_usd_per_year=None), "frontier.points.2: the setup of"),
    "bound of a point raised": ("frontier cut by setup", point_with(1, lower_bound_usd_per_year=7000.0, gap=lambda one: 1 - 7000 / one["cost_usd_per_year"]), "frontier.points.1: the setup of"),
    "bound of a point raised by pool": ("frontier cut by pool", point_with(2, lower_bound_usd_per_year=7000.0), "frontier.points.2: the setup of"),
    "gap of a point": ("frontier cut by setup", point_with(1, gap=0.01), "frontier.points.1: gap is told as 0.01"),
    "step of a point": ("frontier by setup", point_with(1, marginal_usd_per_year=1.0), "frontier.points.1: marginal_usd_per_year is told as 1.0"),
    "limit of a point": ("frontier by setup", point_with(1, required=2000.0), "there must be one for each limit"),
    "a point is missing": ("frontier by setup", lambda folder: summary_with(frontier={**json.loads((folder / "r" / "summary.json").read_text())["frontier"], "points": []})(folder), "there must be one for each limit"),
    "table of points": ("frontier by setup", table_with("frontier", with_value("cost_usd_per_year", 0, 5.0)), "frontier.parquet, row 0: cost_usd_per_year is told as 5.0"),
    "a row of points": ("frontier by setup", table_with("frontier", lambda table: table.iloc[:1]), "frontier.parquet has 1 row, not 3"),
    "a replay of a point": ("frontier by setup", fewer_setups(-1), "frontier.points.2: the setup of"),
    "a replay of a point by pool": ("frontier by pool", table_with("proof", lambda table: table.drop(table.index[-1])), "has no replay of its pool"),
    "what is minimised": ("minimise by pool", minimised_with(achieved=7000.0), "minimise: achieved is told as 7000.0"),
    "what is minimised, with its bound": ("minimise by setup", minimised_with(achieved=7000.0, lower_bound=7000.0), "minimise: achieved is told as 7000.0"),
    "the least": ("minimise by pool", minimised_with(lower_bound=7000.0), "minimise: lower_bound is told as 7000.0"),
    "the least, cut short": ("minimise cut by pool", minimised_with(lower_bound=1800.0, gap=1 - 1800 / 1829), "summary.json, minimise: the setup of"),
    "the gap of the least": ("minimise cut by setup", minimised_with(gap=0.5), "minimise: gap is told as 0.5"),
    "another objective": ("minimise by pool", minimised_with(statistic="p50"), "minimise: statistic is told as 'p50'"),
    "a replay of what is minimised": ("minimise by setup", fewer_setups(-1), "summary.json, minimise: the setup of"),
    "the cost of what is minimised": ("minimise cut by pool", summary_with(lower_bound_usd_per_year=9e9), "nothing else excludes it"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_changed_is_noticed(case, copied, capsys):
    name, change, words = BROKEN[case]
    change(copied(name))
    code, out, err = pwsim(capsys, "verify", "r", "--workers", "1")
    assert (code, err) == (1, ""), out
    assert out.startswith("NOT VERIFIED: ")
    assert words in out, out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "r" / "proof.parquet").unlink(), ["proof.parquet", "cannot be read as Parquet"]),
        (lambda folder: (folder / "r" / "scenario.yaml").unlink(), ["scenario.yaml", "cannot be read"]),
        (lambda folder: (folder / "log.parquet").unlink(), ["log.parquet", "there is no file"]),
        (summary_with(command="simulate"), ["holds no proof", "pwsim run"]),
        (summary_with(pwsim_version="0.0.0"), ["was not written by this version"]),
        (summary_with(chosen={"nodes": 5}), ["summary.json or a table is not as pwsim writes it"]),
        (table_with("setups", with_value("nodes_own", 0, 99)), ["setups.parquet: row 0 is no setup"]),
        (summary_with(search={"method": "by_setup", "because": None, "pool_replays": None}), ["was done by_setup"]),
    ],
)
def test_what_cannot_be_checked(change, words, copied, capsys):
    change(copied("by_pool"))
    code, out, err = pwsim(capsys, "verify", "r", "--workers", "1")
    assert (code, out) == (2, ""), out
    assert all(word in err for word in words), err
