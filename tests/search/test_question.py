"""What a search is asked, what it takes for granted, and how it judges one setup."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from matplotlib.figure import Figure

from pwsim import Cluster, InputError, Target, Trace, simulate
from pwsim.common import HopelessError, SolverError
from pwsim.engine import prepare
from pwsim.metrics import NO_TRIM, Trim
from pwsim.prices import UNDISCOUNTED, Economics
from pwsim.prices.tariffs import Start, parse_local
from pwsim.results import Result
from pwsim.search import judging, replays
from pwsim.search.holding import Holding
from pwsim.search.judging import Judge
from pwsim.search.plan import Setup, general_name
from pwsim.search.simulate_and_cut import check_question, complete_targets, search
from pwsim.search.targets import judged, missed_by
from pwsim.trace import Feedback
from tests.search.test_plan import COST, cluster_of, own, wide_work

TRACE = replace(Trace.from_columns({"submit_s": [0, 50, 100], "run_s": [60] * 3, "procs": [1, 2, 1]}), name="a log")
CLUSTER = cluster_of(own([1, 2, 3]))


def at_most(metric, limit):
    return Target(metric=metric, at_most=limit)


def check(trace=TRACE, cluster=CLUSTER, targets=(), economics=UNDISCOUNTED, trim=NO_TRIM):
    check_question(Holding(trace, cluster), tuple(targets), economics, trim)


# -- targets


def test_a_limit_on_rejections_is_implied_unless_there_is_one():
    holding, none = Holding(TRACE, CLUSTER), at_most("jobs_rejected", 0)
    for own_limit in (at_most("jobs_rejected", 2), at_most("rejected_work_share", 0.5)):
        assert complete_targets(holding, [own_limit]) == (own_limit,)
    for other in (at_most("jobs_killed", 2), Target(metric="jobs_rejected", at_least=0)):
        assert complete_targets(holding, [other]) == (other, none)


def test_a_judged_target_says_what_was_asked_and_what_was_found():
    where = {"procs_at_most": 8, "queue": ("a",)}
    target = Target.model_validate({"metric": "wait_s", "statistic": "p95", "at_most": "1 h", "where": where})
    assert target.judge(7200.0) == {
        "metric": "wait_s", "statistic": "p95", "at_most": 3600.0, "at_least": None, "where": where,
        "text": target.judge(0.0)["text"], "required": 3600.0, "achieved": 7200.0, "met": False,
    }  # fmt: skip
    assert at_most("jobs_killed", 2).judge(2)["where"] is None


# -- questions


def test_a_log_without_jobs_is_refused():
    with pytest.raises(InputError, match=r"^a log: there are no jobs to replay$"):
        check(TRACE.take(np.zeros(0, dtype=int)))


HOURS = {"hours": [{"open": ["mon..fri 08:00-20:00"]}]}
TARIFF = [{"usd_per_kwh": 0.3, "hours": [8, 20]}, {"usd_per_kwh": 0.1}]


@pytest.mark.parametrize(
    ("more", "pool", "about"),
    [
        (HOURS, own([1, 2]), "hours are about the site's clock and a log does not"),
        (
            {},
            own([1, 2], cost={**COST, "electricity_usd_per_kwh": TARIFF}),
            "the price of electricity depends on the hour",
        ),
    ],
)
def test_what_depends_on_the_clock_asks_for_the_start(more, pool, about):
    cluster = Cluster.model_validate({"pools": [pool], **more})
    with pytest.raises(InputError, match=re.escape(about)):
        check(cluster=cluster)
    check(cluster=cluster, economics=Economics(start="2026-01-05T07:00"))


def test_a_hundredth_of_the_work_need_not_be_allowed():
    # 99 jobs of 200 core-seconds, and one of 8 × 25 that fits nowhere.
    run_s = [200.0] * 99 + [25.0]
    columns = {"submit_s": np.arange(100) * 600.0, "run_s": run_s, "procs": [1] * 99 + [8]}
    trace = Trace.from_columns(columns)
    assert Holding(trace, CLUSTER).must_reject.work_share == 0.01
    check(trace)
    with pytest.raises(InputError, match="more than 1 % must be allowed"):
        check(wide_work(0.02))


def test_a_target_must_be_about_some_job_that_is_measured():
    wide = Target.model_validate({"metric": "wait_s", "statistic": "max", "at_most": 1, "where": {"procs_at_least": 2}})
    check(targets=[wide])  # about one of three
    nobody = r"^targets\.1\.where: no job of a log is like this, so the target says nothing$"
    with pytest.raises(InputError, match=nobody):
        check(targets=[at_most("jobs_killed", 1), wide], trim=Trim(60, 0))
    # Where jobs follow others, each setup decides who is measured.
    following = replace(TRACE, feedback=Feedback(np.array([-1, 0, -1]), np.zeros(3)))
    check(following, targets=[wide], trim=Trim(60, 0))


def test_costs_that_cannot_be_scaled_are_refused_with_the_name_of_the_log():
    trace = replace(Trace.from_columns({"submit_s": [0, 0], "run_s": [9, 9], "procs": [1, 1]}), name="at once")
    with pytest.raises(InputError, match=r"^at once: costs cannot be scaled to a year: the measurement window has no"):
        search(trace, CLUSTER, [], workers=1, engine="simpy")


# -- searches


def test_what_a_search_takes_if_nothing_is_said():
    plan = search(TRACE, CLUSTER, [], workers=1, engine="simpy")
    assert (plan.name, plan.asked["seed"], plan.result.seed, plan.result.trim) == ("a log", 1, 1, NO_TRIM)
    assert search(TRACE, CLUSTER, [], workers=1, engine="simpy", name="mine").name == "mine"


def test_bounds_are_those_of_the_trimmed_window():
    # In the 10 s from 55 to 65, 180 an hour are one job, and the first ends at 60; in the whole 100 s, they are five of three.
    target = Target(metric="throughput_jobs_per_hour", at_least=180)
    whole = search(TRACE, CLUSTER, [target], workers=1, engine="simpy")
    assert (whole.status, len(whole.setups), whole.setups["lower_bound_usd_per_year"][0]) == ("infeasible", 1, math.inf)
    assert whole.closest is not None
    assert whole.closest.nodes == {"own": 3}  # the largest shows how far one gets
    trimmed = search(TRACE, CLUSTER, [target], workers=1, engine="simpy", trim=Trim(55, 35))
    assert trimmed.setups["lower_bound_usd_per_year"].max() < math.inf
    assert trimmed.status == "optimal"


def test_a_proof_that_a_replay_contradicts_is_an_error(monkeypatch):
    monkeypatch.setattr("pwsim.search.simulate_and_cut.coupling", lambda *_: "not this time")
    monkeypatch.setattr("pwsim.search.candidates.Candidates.take", lambda _: None)
    with pytest.raises(
        SolverError,
        match=r"^a setup meets the targets that was taken to be unable to: please report this scenario$",
    ):
        search(TRACE, CLUSTER, [], workers=1, engine="simpy")


# -- one setup


def judge(targets=(), **more):
    asked = {"economics": UNDISCOUNTED, "engine": "simpy", "seed": 1, "trim": NO_TRIM, **more}
    return Judge(TRACE, CLUSTER, targets, **asked)


def test_a_setup_is_replayed_as_was_asked(monkeypatch):
    asked = []

    def prepared(_, cluster, seed, start):
        asked.append((cluster.node_counts(), seed, start))
        return prepare(TRACE, cluster, seed, start)

    def in_vain(_, engine):
        asked.append(engine)
        raise HopelessError("in vain")

    monkeypatch.setattr(judging, "prepare", prepared)
    monkeypatch.setattr(replays, "replay", in_vain)
    economics = Economics(start="2026-01-07T01:30", time_zone="Asia/Tokyo")
    one = judge((at_most("jobs_killed", 0),), economics=economics, seed=7)
    found = one.evaluate((1,), CLUSTER.procedures[0])
    start = Start(parse_local("2026-01-07T01:30"), "economics.start, in Asia/Tokyo", ZoneInfo("Asia/Tokyo"))
    assert asked == [((2,), 7, start), "simpy"]
    assert (found.setup.nodes, found.ran, found.stopped, found.met, found.miss) == (
        {"own": 2},
        None,
        "in vain",
        False,
        math.inf,
    )
    assert np.isnan(found.achieved).tolist() == [True]


def test_the_largest_miss_of_a_setup_counts():
    """One node of two cores: the wide job waits for 10 s, the last one for 20; the trimmed window has but the last."""
    setup, result = (
        Setup({"own": 1}, CLUSTER.policy[0]),
        simulate(TRACE, CLUSTER.at({"own": 1}, CLUSTER.policy[0]), engine="simpy"),
    )
    assert isinstance(result, Result)
    assert result.wait_s.tolist() == [0, 10, 20]

    def wait(statistic, limit):
        return Target(metric="wait_s", statistic=statistic, at_most=limit)

    near, far = wait("mean", 8), wait("max", 10)
    assert judge((near, far)).judge(setup, result).miss == 1.0
    assert judge((far, near)).judge(setup, result).miss == 1.0
    assert judge((near,)).judge(setup, result).miss == 0.25
    none = judge().judge(setup, result)
    assert (none.met, none.miss) == (True, 0.0)
    assert judge((near,), trim=Trim(90, 0)).judge(setup, result).achieved == (20,)


# -- what a plan shows


def test_general_names_of_columns():
    names = ["nodes_own", "at_limit_own", "target_12_achieved", "wait_s_p95", "lost_nodes_x", "my_target_0_x"]
    expected = ["nodes_POOL", "at_limit_POOL", "target_N_achieved", *names[3:]]
    assert [general_name(name) for name in names] == expected


def test_columns_that_tell_how_a_setup_is_run():
    setup = Setup({"own": 1}, CLUSTER.policy[0], 3, 4)
    assert setup.procedure(()) == {"policy": "easy"}
    assert setup.procedure(("hours",)) == {"policy": "easy", "hours": 4}
    assert setup.procedure(("limits", "hours")) == {"policy": "easy", "limits": 3, "hours": 4}


def test_a_plan_in_a_notebook():
    met = search(TRACE, CLUSTER, [], workers=1, engine="simpy", name="mine")
    missed = search(TRACE, cluster_of(own([1])), [Target(metric="wait_s", statistic="max", at_most=5)], workers=1,
                    engine="simpy", name="mine")  # fmt: skip
    assert repr(met) == f"<Plan: optimal, {met.chosen}, {len(met.setups)} setups replayed>"
    assert repr(missed) == f"<Plan: infeasible, {missed.closest}, 1 setups replayed>"
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", plan._repr_html_(), re.DOTALL) for plan in (met, missed)]
    usd = [f"${plan.cost_usd_per_year:,.0f} a year" for plan in (met, missed)]
    assert cells[0] == [
        "status", "optimal", "chosen", "own 1; easy", "cost", usd[0], "no setup costs less than", usd[0],
        "setups", f"3, of which {len(met.setups)} were replayed", "rejected jobs at most 0", "met",
    ]  # fmt: skip
    assert cells[1] == [
        "status", "infeasible", "closest; none meets the targets", "own 1; easy", "cost", usd[1],
        "no setup costs less than", "$inf a year", "setups", "1, of which 1 were replayed",
        "largest waiting time at most 5 s", "missed", "rejected jobs at most 0", "met",
    ]  # fmt: skip
    assert "Plan mine" in met._repr_html_()
    two = search(TRACE, cluster_of(own([1], "a"), own([2], "b")), [], workers=1, engine="simpy")
    assert ">a 1, b 2; easy</td>" in two._repr_html_()


def test_the_tables_of_a_plan():
    plan = search(TRACE, CLUSTER, [], workers=1, engine="simpy")
    tables = plan.tables()
    names = ["jobs", "setups", "timeline", "alternatives", "neighbours"]
    assert list(tables) == names
    assert all(tables[name].equals(getattr(plan, name)) for name in tables)
    for name in names[:3]:
        assert plan._shown(name).equals(tables[name])
    assert plan._shown("answer") == plan.summary["answer"]
    hindcast: Any = SimpleNamespace(tables=lambda: {"hindcast": plan.jobs})
    assert list(replace(plan, hindcast=hindcast).tables()) == [*names, "hindcast"]


def test_a_figure_is_drawn_where_one_says():
    plan = search(TRACE, CLUSTER, [], workers=1, engine="simpy")
    ax = Figure().subplots()
    assert plan.plot("cost_breakdown", ax) is ax
    assert plan.plot().get_title() == plan.plot("setups").get_title()


# -- how far a setup is from what is asked


def test_how_far_a_setup_misses_is_the_largest_share_of_a_limit_or_of_the_draws():
    firm = [at_most("jobs_killed", 4), at_most("makespan_s", 100)]
    assert missed_by(firm, {"target_0_achieved": 4, "target_1_achieved": 100}) == 0
    assert missed_by(firm, {"target_0_achieved": 5, "target_1_achieved": 110}) == pytest.approx(0.25)
    assert missed_by(firm, {"target_0_achieved": 4, "target_1_achieved": 110}) == pytest.approx(0.1)
    shared = [replace_target(one, in_share=share) for one, share in zip(firm, (0.9, 0.5), strict=True)]
    drawn = {"target_0_achieved": 9, "target_1_achieved": 10, "draws": 20}
    short = {**drawn, "target_0_draws_met": 15, "target_1_draws_met": 8, "decision": "refused"}
    # 15 and 8 of 20, where 18 and 10 are asked.
    told = [{key: one[key] for key in ("met", "draws", "draws_met")} for one in judged(shared, short)]
    assert told == [{"met": False, "draws": 20, "draws_met": 15}, {"met": False, "draws": 20, "draws_met": 8}]
    assert missed_by(shared, short) == pytest.approx(0.9 - 15 / 20)
    # The first holds often enough by itself, so it is the other that is missed; accepted, none is.
    one = {**short, "target_0_draws_met": 18}
    assert [target["met"] for target in judged(shared, one)] == [True, False]
    assert missed_by(shared, one) == pytest.approx(0.5 - 8 / 20)
    assert missed_by(shared, {**one, "decision": "accepted"}) == 0
    # Each holds often enough by itself, and both together do not.
    both = {**one, "target_1_draws_met": 10}
    assert [target["met"] for target in judged(shared, both)] == [False, False]
    # Nothing was drawn, as the log's own replay misses.
    undrawn = {**drawn, "draws": None, "target_0_draws_met": None, "target_1_draws_met": None, "decision": None}
    assert missed_by(shared, undrawn) == pytest.approx(5 / 4)
    assert [(one["draws"], one["draws_met"]) for one in judged(shared, undrawn)] == [(0, 0)] * 2
    assert [one["draws_met"] for one in judged(shared, {**short, "target_0_draws_met": 0})] == [0, 8]


def replace_target(target, **told):
    return target.model_copy(update=told)
