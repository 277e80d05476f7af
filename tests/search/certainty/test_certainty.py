"""Draws of an answer: each against a replay of its own, what is implied in them, ends, words, files and figure."""

# Questions are plain data here, as in a scenario file, and what a plan may lack is there.
# mypy: disable-error-code="arg-type, union-attr, index, misc"

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pwsim import Plan, Target, Trace, costs, generate, optimize, simulate
from pwsim.common import WEEK_S, HopelessError, InputError
from pwsim.prices import Economics
from pwsim.report import read_summary, write_report
from pwsim.search import Certainty, Holding, certainty_of, general_name
from pwsim.search import certainty as room
from pwsim.search.certainty import certainty as module
from pwsim.search.replays import Replays
from pwsim.trace.formats.reading import write_trace
from pwsim.workload import Population
from tests.cli.test_hostile import pwsim
from tests.search.test_plan import own

LOG = generate(jobs=120, cores=8, load=0.9, seed=3)
LOG = LOG.with_columns(procs=np.minimum(LOG.procs, 4))
SOON = {"metric": "wait_s", "statistic": "p90", "at_most": "15 min"}
POOL = own({"min": 2, "max": 8})
SPOT = {
    "name": "spot", "kind": "cloud", "node": {"cores": 2}, "nodes": [0, 8], "price_usd_per_hour": 0.1,
    "market": "spot", "interruptions_per_hour": 0.5, "max_restarts": 3,
}  # fmt: skip


def weekly(weeks: int = 4) -> Trace:
    """Return a log of some weeks, each busier than the one before, in the second of which a job is wider than all others."""
    rng = np.random.default_rng(5)
    week = np.repeat(np.arange(weeks), 6 * (1 + np.arange(weeks)))
    submit_s = np.sort(week * WEEK_S + rng.uniform(0, WEEK_S, len(week)))
    procs = rng.integers(1, 9, len(week))
    procs[10] = 40
    return Trace.from_columns({"submit_s": submit_s, "run_s": rng.uniform(3600, 40 * 3600, len(week)), "procs": procs})


def plan_of(trace: Trace = LOG, pools=(POOL,), targets=(SOON,), **how) -> Plan:
    return optimize(trace=trace, pools=list(pools), targets=list(targets), engine="simpy", workers=1, **how)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of()


# -- draws


@pytest.mark.parametrize("lots", [False, True])
def test_each_draw_is_what_a_replay_of_it_shows(lots):
    trace = weekly()
    pools = [POOL, SPOT | {"nodes": 8}] if lots else [own({"min": 4, "max": 8})]
    loose = {"metric": "wait_s", "statistic": "mean", "at_most": "3 h"}
    allowed = {"metric": "rejected_work_share", "at_most": 1}
    plan = plan_of(trace, pools, [loose, allowed], seed=7)
    found = plan.certainty
    by = (*(["seed"] if lots else []), "shake", "weeks")
    assert found.by == by
    assert ("seed" in found.left_out) is not lots
    setup = plan.chosen or plan.closest
    for row in found.draws.to_dict("records"):
        draw = Population(trace, by, 7).draw(row["draw"])
        result = simulate(draw.trace, plan.judge.cluster.at(*setup), seed=draw.seed, engine="simpy")
        bill = result.bill(Economics())
        assert row["jobs"] == len(draw.trace)
        assert row["cost_usd_per_year"] == costs.total(bill.cost)
        assert row["wait_s_p95"] == result.metrics["wait_s_p95"]
        achieved = result.metrics["wait_s_mean"]
        assert (row["target_0_achieved"], row["target_0_met"]) == (achieved, achieved <= 10800)
        failed = result.metrics["jobs_failed"] > 0
        assert row["meets_targets"] == (achieved <= 10800 and not failed)
    assert list(found.draws["draw"]) == list(range(1, 21))
    assert found.held == found.draws["meets_targets"].sum()
    assert 0 < found.draws["target_0_met"].sum() < 20, "the target is one that some draws miss"


def test_what_is_implied_is_counted_anew():
    """The wide job is in as many weeks of a draw as its week was drawn; each must be rejected by every setup."""
    trace = weekly()
    allowing = replace(trace, table={**trace.table, "run_s": np.where(trace.procs > 8, 60.0, trace.run_s)})
    plan = plan_of(allowing, [own({"min": 4, "max": 8})], [{"metric": "wait_s", "statistic": "mean", "at_most": "9 d"}])
    draws = plan.certainty.draws
    assert {0, 1} < set(draws["target_1_achieved"])
    assert draws["target_1_met"].all()
    must = [int(Holding(Population(allowing, plan.certainty.by, 1).draw(one).trace, plan.judge.cluster).never.sum())
            for one in draws["draw"]]  # fmt: skip
    assert list(draws["jobs_rejected"]) == must
    # Where the scenario says that more may be, that is what counts.
    said = [{"metric": "rejected_work_share", "at_most": 0.0002}]
    draws = plan_of(allowing, [own({"min": 4, "max": 8})], said).certainty.draws
    assert list(draws["target_0_met"]) == list(draws["rejected_work_share"] <= 0.0002)
    assert not draws["target_0_met"].all()


def test_workers_and_engines_make_no_difference(plan):
    one, other = (
        certainty_of(replace(plan, judge=replace(plan.judge, engine=engine, replays=Replays())), workers=workers)
        for engine, workers in (("compiled", 2), ("compiled", 1))
    )
    pd.testing.assert_frame_equal(one.draws, other.draws)
    assert one == other
    pd.testing.assert_frame_equal(one.draws, plan.certainty.draws)


def test_fresh_draws_follow_those_that_chose(plan):
    shaken = Population(LOG, ["shake"], 1)
    found = certainty_of(plan, shaken, seen=30, workers=1)
    assert list(found.draws["draw"]) == list(range(31, 70))
    assert (found.by, found.left_out, found.coverage) == (("shake",), {}, 0.95)
    told = room.of_certainty(found, plan.targets)
    text = room.held_text({**plan.summary, "certainty": told})
    assert "draws that did not choose it of what might have been instead (submissions moved by up to 1 min)" in text


def test_what_must_hold_in_a_share_of_draws_is_what_counts():
    most = {"metric": "cost_usd_per_year", "at_most": 1e9}
    often = {"by": ["shake"], "n": 100, "margin": 0.3}
    plan = plan_of(targets=[{**SOON, "in_share": 0.8}, most], replications=often)
    found = plan.certainty
    assert (found.by, found.first, found.asked, len(found.draws)) == (("shake",), 101, 39, 39)
    assert found.held == found.draws["target_0_met"].sum()
    assert [one["counts"] for one in plan.summary["certainty"]["targets"]] == [True, False, False]
    assert "draws that did not choose it" in plan.summary["answer"]
    missing = replace(plan, judge=replace(plan.judge, targets=(plan.targets[0], Target(**{**most, "at_most": 0}))))
    assert certainty_of(missing, workers=1).held == found.held, "what must hold in the log alone is not asked of draws"


def test_what_was_minimised_is_told_of_the_next_draw():
    plan = plan_of(targets=[], minimise={"metric": "wait_s", "statistic": "mean"})
    waits = plan.summary["certainty"]["intervals"]["wait_s_mean"]
    assert plan.draws["wait_s_mean"].max() == waits["high"]
    assert f", mean waiting time {room.interval_text('wait_s', waits)}." in room.next_text(plan.summary)


def test_of_a_short_log_no_weeks_are_drawn(plan):
    assert plan.certainty.by == ("shake",)
    assert plan.certainty.left_out["weeks"].startswith("weeks cannot be drawn of a log of ")
    assert "replications" not in plan.certainty.left_out["weeks"]
    page = [f"{one[0].upper()}{one[1:]}." for one in plan.certainty.left_out.values()]
    assert room.left_out_texts(plan.summary["certainty"]) == page


def test_nodes_that_are_not_there_draw_no_lots():
    plan = plan_of(pools=[own({"min": 6, "max": 8}), SPOT | {"price_usd_per_hour": 9}])
    assert plan.chosen.nodes["spot"] == 0
    assert "seed" not in plan.certainty.by


# -- ends


def test_a_replay_that_gives_up_is_a_miss_and_is_named(plan, monkeypatch):
    third, fifth = (Population(LOG, ["shake"], 1).draw(one).trace.submit_s[1] for one in (3, 5))
    whole = Replays.whole

    def failing(self, inputs, engine):
        if inputs.submit_s[1] == third:
            raise HopelessError("launches nodes in vain")
        if inputs.submit_s[1] == fifth:
            raise InputError("cannot be told")
        return whole(self, inputs, engine)

    monkeypatch.setattr(Replays, "whole", failing)
    found = certainty_of(plan, workers=1)
    assert found.gave_up == [3, 5]
    assert found.held == plan.certainty.held - plan.certainty.draws["meets_targets"][[2, 4]].sum()
    assert list(found.draws["stopped"][[2, 4]]) == ["launches nodes in vain", "cannot be told"]
    assert found.intervals["wait_s_p95"].draws == 18
    assert found.intervals["wait_s_p95"].coverage == 17 / 19
    told = {**plan.summary, "certainty": room.of_certainty(found, plan.targets)}
    assert room.held_text(told).endswith("the replays of draws 3 and 5 gave up.")


def test_an_interrupt_keeps_the_draws_before_it(plan, monkeypatch):
    row = module._row

    def interrupted(judge, setup, anew, population, number):
        if number == 4:
            raise KeyboardInterrupt
        return row(judge, setup, anew, population, number)

    monkeypatch.setattr(module, "_row", interrupted)
    found = certainty_of(plan, workers=1)
    assert (list(found.draws["draw"]), found.stopped, found.asked) == ([1, 2, 3], "interrupted", 20)
    cut = replace(plan, certainty=found)
    assert cut.interrupted
    assert "(20 were to be made, but it was interrupted)" in room.held_text(cut.summary)
    assert cut.summary["status"] == "optimal"


@pytest.mark.parametrize("why", ["time_limit", "interrupted"])
def test_a_search_that_was_stopped_makes_no_draws(plan, why):
    found = certainty_of(replace(plan, stopped=why), workers=1)
    assert (len(found.draws), found.stopped, found.held, found.intervals) == (0, why, 0, {})
    cut = replace(plan, stopped=why, certainty=found)
    assert cut.draws is None
    assert "draws" not in cut.tables()
    assert "How often that holds was not tried, for " in room.held_text(cut.summary)
    assert room.next_text(cut.summary) == ""
    assert "draws" not in cut._repr_html_()
    with pytest.raises(ValueError, match="no draw tells of a target"):
        cut.plot("draws")


def test_a_limit_on_setups_leaves_draws_as_they_are():
    plan = plan_of(max_setups=2)
    assert plan.stopped == "max_setups"
    assert len(plan.certainty.draws) == 20


def test_draws_can_be_left_out(plan):
    without = plan_of(draws=False)
    assert without.certainty is None
    assert without.summary["certainty"] is None
    assert without.run_id != plan.run_id
    assert "draws" not in without.summary["answer"]
    assert without.tables().keys() == plan.tables().keys() - {"draws"}


# -- words, files and figure


def test_the_answer_says_how_often_it_holds(plan):
    told = plan.summary["certainty"]
    held = (
        f"The answer holds in {told['held']} of 20 draws" if told["held"] < 20 else "The answer holds in all 20 draws"
    )
    assert held in plan.summary["answer"]
    cost = told["intervals"]["cost_usd_per_year"]
    assert cost["low"] <= cost["mean_low"] <= cost["mean"] <= cost["mean_high"] <= cost["high"]
    assert "In the next draw, each with a probability of 90.5 %: cost $" in plan.summary["answer"]
    card = plan._repr_html_()
    assert f"targets met in {told['held']} of 20" in card
    assert card.index(plan.status) < card.index("targets met in")  # beside what it says of the setup


def test_of_the_closest_it_is_said_as_such():
    plan = plan_of(targets=[{**SOON, "at_most": 0}], pools=[own([4, 5])])
    assert plan.chosen is None
    assert "The closest meets all targets in 0 of 20 draws" in plan.summary["answer"]


def test_without_targets_there_is_none_to_draw():
    plan = plan_of(targets=[])
    assert plan.summary["certainty"]["worst_target"] == 0, "that no more jobs are rejected than must be is implied"
    assert isinstance(plan.plot("draws").figure, Figure)


def told(held: list[int], ends: list[tuple[float, float]], limits: list[float]) -> int | None:
    """Return which target is the worst, all of them at_most."""
    targets = [Target(metric="restarts", at_most=limit) for limit in limits]
    names = [f"target_{index}_{kind}" for index in range(len(limits)) for kind in ("achieved", "met")]
    rows = [
        [value for index, pair in enumerate(ends) for value in (pair[row], row >= 2 - held[index])] for row in (0, 1)
    ]
    draws = pd.DataFrame(rows, columns=names).assign(draw=[1, 2], stopped=None, meets_targets=True)
    return room.of_certainty(Certainty(("shake",), {}, 2, draws), targets)["worst_target"]


def test_the_worst_target_is_missed_most_often_or_nearest_to_its_limit():
    assert told([2, 1], [(0, 1), (0, 1)], [10, 10]) == 1
    assert told([2, 2], [(0, 1), (0, 9)], [10, 10]) == 1
    assert told([2, 2], [(0, 6), (0, 99)], [10, 1000]) == 0
    assert told([2, 2], [(10, 10), (0, 1)], [10, 10]) == 1, "what never changes tells nothing"


SCENARIO = """\
name: drawn
workload: {trace: log.parquet}
cluster:
  pools:
    - name: own
      kind: on_premises
      nodes: {min: 2, max: 8}
      node: {cores: 2}
      cost: {capex_usd: 1000, lifetime_years: 4, idle_power: 100 W, busy_power: 300 W, electricity_usd_per_kwh: 0.2}
targets: [{metric: wait_s, statistic: p90, at_most: 15 min}]
"""


def test_a_run_tells_of_its_draws(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_trace(LOG, tmp_path / "log.parquet")
    (tmp_path / "s.yaml").write_text(SCENARIO)
    same = ("--engine", "simpy", "--quiet")
    code, out, _ = pwsim(capsys, "run", "s.yaml", "--out", "one", "--workers", "1", *same)
    assert code == 0
    assert (tmp_path / "one" / "figures" / "draws.svg").exists()
    summary = read_summary(tmp_path / "one")
    draws = pd.read_parquet(tmp_path / "one" / "draws.parquet")
    assert summary["certainty"]["held"] == draws["meets_targets"].sum()
    assert room.held_text(summary) in out
    low, high = (summary["certainty"]["intervals"]["wait_s_mean"][end] for end in ("low", "high"))
    assert (low, high) == (draws["wait_s_mean"].min(), draws["wait_s_mean"].max())
    page = (tmp_path / "one" / "report.html").read_text()
    assert "If things had come differently" in page
    assert room.money_text(summary["certainty"]["intervals"]["busy_energy_usd_per_year"]) in page
    write_report(tmp_path / "one")
    assert (tmp_path / "one" / "report.html").read_text() == page
    assert pwsim(capsys, "verify", "one", "--workers", "1")[0] == 0
    changed = json.loads((tmp_path / "one" / "summary.json").read_text())
    changed["certainty"] = None
    (tmp_path / "one" / "summary.json").write_text(json.dumps(changed))
    assert pwsim(capsys, "verify", "one", "--workers", "1")[0] == 1


def test_every_column_has_its_meaning(plan):
    assert list(dict.fromkeys(map(general_name, plan.draws))) == list(room.DRAW_COLUMNS)


def test_the_figure_shows_every_draw(plan):
    axes = plan.plot("draws")
    dots = np.concatenate([np.asarray(one.get_offsets()) for one in axes.collections])
    achieved = np.sort(plan.draws["target_0_achieved"])
    assert np.sort(dots[:, 1]).tolist() == pytest.approx([5 * one for one in range(1, 21)])
    assert any(np.allclose(np.sort(dots[:, 0]) * unit_s, achieved) for unit_s in (1, 60, 3600))
    labels = axes.get_legend_handles_labels()[1]
    assert "at most 15 min" in labels
    assert any(one.startswith("the log itself: ") for one in labels)
