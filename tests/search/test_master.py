"""The integer programme of a decomposed search: its text, and what becomes of a search when it fails."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from pwsim import SolverError, Target, Trace
from pwsim.common.solver import OutOfTimeError, solve
from pwsim.metrics import NO_TRIM
from pwsim.prices import UNDISCOUNTED
from pwsim.search import Holding, complete_targets, decomposition, master, search
from pwsim.search.decomposition import paths
from pwsim.search.judging import Judge
from pwsim.search.master import Master
from pwsim.search.options import bounds_of
from tests.cli.test_hostile import folder, pwsim  # noqa: F401 - a fixture
from tests.search.test_plan import cluster_of, own, rented

GOLDEN = Path(__file__).parent / "golden"
TRACE = Trace.from_columns({"submit_s": [0, 0, 0, 10], "run_s": [60, 60, 60, 60], "procs": [2, 1, 2, 1]})
SOON = Target(metric="wait_s", statistic="p50", at_most=30)


@pytest.fixture(autouse=True)
def _always_the_programme(monkeypatch):
    """No list of all paths takes the place of the programme, small as spaces are here."""
    monkeypatch.setattr(decomposition, "MOST_LISTED", 0)


def master_of(trace, cluster, targets):
    holding = Holding(trace, cluster)
    targets = complete_targets(holding, targets)
    network = paths(holding)
    assert network is not None
    job = Judge(trace, cluster, targets, UNDISCOUNTED, "compiled", 1, NO_TRIM)
    known = bounds_of(holding, targets, UNDISCOUNTED)
    return Master(cluster, network, known.needed_cores, decomposition.Known(job, known, network).sums)


def text_of(problem, tmp_path):
    problem.writeLP(str(tmp_path / "problem.lp"))
    return (tmp_path / "problem.lp").read_text()


def test_the_programme_is_the_one_that_ships(tmp_path):
    # One or two own nodes; none or one rented, which takes jobs of one processor; two policies.
    cluster = cluster_of(
        own([1, 2], cost={"capex_usd": 1000, "lifetime_years": 4}),
        rented([0, 1], 0.125, accepts={"procs": {"at_most": 1}}),
        policy=["easy", "fcfs"],
    )
    programme = master_of(TRACE, cluster, [SOON])
    first = programme.cheapest()
    assert first is not None
    programme.take_out(first)
    problem, _ = programme.problem(programme.sums.usd, {}, None)
    assert text_of(problem, tmp_path) == (GOLDEN / "cheapest_path.lp").read_text()
    # To break ties: the fewest nodes of the second pool, with those of the first given, at a limited cost.
    nodes = programme._order["nodes_1"]
    problem, _ = programme.problem(np.broadcast_to(nodes, programme.sums.usd.shape), {"nodes_0": 2}, 1500.0)
    assert text_of(problem, tmp_path) == (GOLDEN / "earlier_path.lp").read_text()
    # What the files say is solved: their least value is what the search takes.
    assert solve(problem)


def test_the_programme_with_types_is_the_one_that_ships(tmp_path):
    # One or two own nodes of two cores for 250 USD a year each, or of three for 400, at half the speed; none or one rented.
    types = [
        {"name": "thin", "node": {"cores": 2}, "cost": {"capex_usd": 1000, "lifetime_years": 4}},
        {"name": "thick", "node": {"cores": 3, "speed": 0.5}, "cost": {"capex_usd": 1600, "lifetime_years": 4}},
    ]
    pool = {"name": "own", "kind": "on_premises", "nodes": [1, 2], "types": types}
    cluster = cluster_of(pool, rented([0, 1], 0.125, accepts={"procs": {"at_most": 1}}))
    programme = master_of(TRACE, cluster, [SOON])
    problem, _ = programme.problem(programme.sums.usd, {}, None)
    assert text_of(problem, tmp_path) == (GOLDEN / "cheapest_path_of_types.lp").read_text()
    # To break ties: the earliest type of the first pool, at a limited cost.
    types_of_first = programme._order["type_0"]
    problem, _ = programme.problem(np.broadcast_to(types_of_first, programme.sums.usd.shape), {"nodes_0": 2}, 1500.0)
    assert text_of(problem, tmp_path) == (GOLDEN / "earlier_type.lp").read_text()
    assert solve(problem)


def test_a_programme_without_solution_proves_that_no_setup_does():
    plan = search(
        TRACE, cluster_of(own([1]), rented([1], 0.1)), [Target(metric="wait_s", statistic="p50", at_least=9e9)]
    )
    assert (plan.status, plan.chosen, plan.lower_bound_usd_per_year) == ("infeasible", None, math.inf)


TWO = cluster_of(own([1, 2, 3]), rented([0, 1, 2], 0.1, accepts={"procs": {"at_most": 1}}))


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_solver_out_of_time_ends_the_search_with_what_is_known(monkeypatch, after):
    """Until there is something to show it has all the time that it takes; then what is left to the search."""
    limits = []

    def limited(problem, time_limit_s):
        limits.append(time_limit_s)
        if len(limits) > max(1, after):
            raise OutOfTimeError("the time limit was reached")
        return solve(problem)

    monkeypatch.setattr(master, "solve", limited)
    plan = search(TRACE, TWO, [SOON], workers=1, time_limit_s=1000)
    assert limits[0] == math.inf
    assert all(0 < one <= 1000 for one in limits[1:])
    assert plan.stopped == "time_limit"
    assert plan.status in ("best_found", "unknown")
    assert len(plan.setups) == max(1, after)
    monkeypatch.undo()
    assert plan.lower_bound_usd_per_year <= search(TRACE, TWO, [SOON], workers=1).cost_usd_per_year


def test_a_solver_that_gives_up_fails_the_command(monkeypatch, folder, capsys):  # noqa: F811 - a fixture
    def gives_up(problem, time_limit_s):
        raise SolverError(
            "the solver HiGHS gave no proven answer to the model cheapest_path of 6 variables: solve error"
        )

    monkeypatch.setattr(master, "solve", gives_up)
    asked = {
        "name": "two",
        "workload": {"trace": "tiny.swf"},
        "cluster": TWO.model_dump(mode="json", exclude_none=True),
    }
    (folder / "two.yaml").write_text(json.dumps(asked))
    code, _, err = pwsim(capsys, "run", "--no-draws", "two.yaml", "--out", "results", "--workers", "1")
    assert (code, err.splitlines()[-1]) == (
        4,
        "the solver HiGHS gave no proven answer to the model cheapest_path of 6 variables: solve error",
    )
    assert not (folder / "results").exists()


def test_a_dear_choice_does_not_hide_what_cheap_ones_differ_by():
    """Costs go to the solver as shares of the largest: beside the most that is allowed, cents must not be lost."""
    jobs = Trace.from_columns({"submit_s": [0, 0, 9], "run_s": [1, 1, 1], "procs": [1, 2, 3]})
    pools = [
        own([0, 90], "dear", 3, cost={"capex_usd": 1e10, "lifetime_years": 1}, accepts={"procs": {"at_least": 3}}),
        own([1, 2], "more", 3, cost={"capex_usd": 2.01, "lifetime_years": 1}),
        own([0, 1], "less", 1, cost={"capex_usd": 2.00, "lifetime_years": 1}),
    ]
    plan = search(jobs, cluster_of(*pools), [], workers=1, max_setups=20)
    assert (plan.status, plan.chosen and plan.chosen.nodes) == ("optimal", {"dear": 0, "more": 1, "less": 0})
    assert plan.cost_usd_per_year == 2.01


@pytest.mark.parametrize("lifetime_years", [1e-320, 1e-9])
def test_prices_beyond_all_measure_are_refused_with_their_line(folder, capsys, lifetime_years):  # noqa: F811
    pool = own([1, 2], cost={"capex_usd": 9000, "lifetime_years": lifetime_years})
    asked = {"name": "dear", "workload": {"trace": "tiny.swf"}, "cluster": {"pools": [rented(1, 0.1), pool]}}
    (folder / "dear.yaml").write_text(json.dumps(asked, indent=1))
    for command in (["run", "dear.yaml", "--out", "results"], ["validate", "dear.yaml"]):
        code, _, err = pwsim(capsys, *command)
        assert code == 2
        assert "dear.yaml:1" in err
        assert "cluster.pools.1: 2 nodes cost more than 1e+12 USD a year" in err


@pytest.mark.parametrize("price", ["inf", "1e300", "nan", "-1"])
def test_a_price_table_without_measure_is_refused_with_its_line(folder, capsys, price):  # noqa: F811
    (folder / "mine.csv").write_text(
        f"provider,region,instance_type,cores,memory_gib,on_demand_usd_per_hour\nme,here,big,2,8,{price}\n"
    )
    pool = {"name": "rented", "kind": "cloud", "instance": "me/here/big", "nodes": 1}
    asked = {"name": "dear", "workload": {"trace": "tiny.swf"}, "cluster": {"pools": [pool]}}
    (folder / "dear.yaml").write_text(json.dumps({**asked, "economics": {"prices": "mine.csv"}}))
    code, _, err = pwsim(capsys, "validate", "dear.yaml")
    assert code == 2
    assert "mine.csv:2: on_demand_usd_per_hour must be a number of at least 0" in err
