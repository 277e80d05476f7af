"""Results side by side."""

from typing import Any

import pytest

from pwsim import generate, optimize
from pwsim.common import InputError
from pwsim.report import compare, read_summary, write_results

OWN: dict[str, Any] = {"name": "own", "kind": "on_premises", "nodes": [2, 4], "node": {"cores": 8}}
RENTED: dict[str, Any] = {
    "name": "rented",
    "kind": "cloud",
    "nodes": [0, 1],
    "node": {"cores": 8},
    "price_usd_per_hour": 0.5,
}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two results directories."""
    folder, trace = tmp_path_factory.mktemp("two"), generate(jobs=50, cores=16, load=0.5, seed=1)
    own = OWN | {"cost": {"capex_usd": 9000, "lifetime_years": 5}}
    for name, pools in (("own", [own]), ("both", [own, RENTED])):
        soon = {"metric": "wait_s", "statistic": "p95", "at_most": "1 h"}
        plan = optimize(trace=trace, pools=pools, targets=[soon], name=name, workers=1)
        write_results(folder / name, plan.summary, plan.tables(), page=False)
    return [folder / "own", folder / "both"]


def test_the_table_holds_what_summaries_say(two):
    table = compare(two).table().set_index("figure")
    for path in two:
        summary = read_summary(path)
        assert table.loc["cost_usd_per_year", path.name] == summary["cost_usd_per_year"]
        assert table.loc["wait_s_p95", path.name] == summary["metrics"]["wait_s_p95"]
    assert table.loc["nodes_rented", "own"] is None


def test_the_page_holds_every_figure(two, tmp_path):
    found = compare(two)
    found.write(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    for one in found.figures:
        assert one.text.strip() in page
        assert all(text in page for text in one.texts)
    assert found.text().count("\n") == len(found.figures)


def test_like_names_are_told_apart(two):
    assert compare([two[0], two[0]]).names == [str(two[0])] * 2
    assert compare(two).names == ["own", "both"]


@pytest.mark.parametrize("number", [0, 1, 13])
def test_too_few_and_too_many(two, number):
    with pytest.raises(InputError, match="2 to 12 results"):
        compare(two[:1] * number)
