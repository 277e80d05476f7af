"""Plans over years by the command line: files, words, exit codes, and what `verify` says of them."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from pwsim import load_scenario
from pwsim.report import FILES
from tests.cli.test_hostile import folder, pwsim  # noqa: F401 - a fixture
from tests.search.test_plan import own, rented

ASKED = {
    "name": "years",
    "workload": {"trace": "tiny.swf"},
    "cluster": {"pools": [own([1, 2, 3, 4]), rented([0, 1], 0.2)]},
    "targets": [{"metric": "wait_s", "statistic": "max", "at_most": "1 h"}],
    "horizon": {"years": 2, "load_growth": 1.0, "owned": {"own": [{"nodes": 1, "age_years": 3}]}},
}


def written(folder, **changes):  # noqa: F811 - a fixture
    (folder / "years.yaml").write_text(json.dumps({**ASKED, **changes}, indent=1))
    return "years.yaml"


def test_years_are_planned_written_and_reported(folder, capsys, request):  # noqa: F811 - a fixture
    code, out, _ = pwsim(capsys, "run", written(folder), "--out", "results", "--workers", "1")
    summary = json.loads((folder / "results" / "summary.json").read_text())
    horizon = summary["horizon"]
    assert code == 0
    assert horizon["status"] == "optimal"
    assert horizon["text"] in summary["answer"]
    assert horizon["text"] in out
    table = pd.read_parquet(folder / "results" / "horizon.parquet")
    assert table["discounted_usd"].sum() == pytest.approx(horizon["net_present_cost_usd"])
    assert table["year"].tolist() == [1, 1, 2, 2]
    page = (folder / "results" / "report.html").read_text()
    assert "What to do over 2 years" in page
    made = {str(one.relative_to(folder / "results")) for one in (folder / "results").rglob("*") if one.is_file()}
    assert {"figures/horizon_nodes.svg", "figures/horizon_cost.png", "horizon.parquet"} <= made <= set(FILES)
    request.getfixturevalue("blank_figures")  # they were drawn
    # The resolved scenario asks the same again, and gives the same bytes.
    again = load_scenario(folder / "results" / "scenario.yaml", folder)
    assert again.horizon == load_scenario(folder / "years.yaml").horizon
    assert pwsim(capsys, "run", "years.yaml", "--out", "again", "--workers", "2")[0] == 0
    for name in ("horizon.parquet", "summary.json"):
        assert (folder / "again" / name).read_bytes() == (folder / "results" / name).read_bytes()
    code, out, _ = pwsim(capsys, "verify", "results")
    assert (code, out.splitlines()[-1]) == (0, "Not checked: the plan over years.")
    assert pwsim(capsys, "report", "results")[0] == 0


@pytest.mark.usefixtures("blank_figures")
def test_years_without_a_plan_are_exit_code_1(folder, capsys):  # noqa: F811 - a fixture
    few = {"pools": [own([4])]}
    shorter = [{"metric": "wait_s", "statistic": "max", "at_most": 0, "from_year": 2}]
    asked = written(folder, cluster=few, horizon={"years": 2, "load_growth": 9.0, "targets": shorter})
    code, out, _ = pwsim(capsys, "run", asked, "--out", "results", "--workers", "1")
    assert code == 1
    assert "no plan meets the targets. In year 2" in out
    assert "What to do over 2 years" in (folder / "results" / "report.html").read_text()
    assert not (folder / "results" / "figures" / "horizon_nodes.svg").exists()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"horizon": {"years": 2, "load": 1.0}}, "horizon.load: unknown key"),
        ({"horizon": {"years": 2, "owned": {"rented": [{"nodes": 1, "age_years": 1}]}}}, "'rented' is no pool of own"),
        ({"horizon": {"years": 3, "load_growth": [1, 2, 3]}}, "load_growth: has 3 numbers, but 3 years have 2 steps"),
        ({"horizon": {"years": 2, "load_growth": "20 %"}}, "must be the growth a year, such as 0.2"),
        ({"minimise": {"metric": "wait_s", "statistic": "p95"}}, "horizon: plans for the least cost"),
        ({"workload": {"trace": "tiny.swf", "feedback": {}}}, "workload.feedback: which job follows which"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(folder, capsys, changes, line):  # noqa: F811 - a fixture
    asked = written(folder, **changes)
    for command in (["validate", asked], ["run", asked, "--out", "results"]):
        code, _, err = pwsim(capsys, *command)
        assert code == 2
        assert line in err
        assert "years.yaml:" in err
        assert "Traceback" not in err
