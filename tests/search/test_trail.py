"""What a search remembers: limits, ties, progress and the plan, with replays and a clock that are made up."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pwsim import Target, Trace
from pwsim.costs import PARTS
from pwsim.metrics import NO_TRIM, Trim
from pwsim.prices import UNDISCOUNTED
from pwsim.results import record
from pwsim.search import following
from pwsim.search.candidates import Candidate
from pwsim.search.following import Line
from pwsim.search.holding import Holding
from pwsim.search.judging import Judge
from pwsim.search.options import AllCandidates, bounds_of
from pwsim.search.trail import Progress, Trail
from tests.search.test_plan import cluster_of, own

TRACE = Trace.from_columns({"submit_s": [0, 3600], "run_s": [600, 60], "procs": [1, 1]})
CLUSTER = cluster_of(own([1, 2, 3, 4], cores=1), policy=["fcfs", "easy"])
REJECTED = Target(metric="jobs_rejected", at_most=0)


class Listed(AllCandidates):
    """Candidates that are given."""

    def __init__(self, *candidates):
        self.left = list(candidates)

    def take(self):
        return self.left.pop(0) if self.left else None


def candidate(choice, usd=0.0):
    return Candidate((choice,), usd)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands, and an engine that took no time to compile."""
    now = SimpleNamespace(s=100.0, compiling_s=0.0)
    monkeypatch.setattr("pwsim.search.trail.time", SimpleNamespace(monotonic=lambda: now.s))
    monkeypatch.setattr("pwsim.search.trail.compiling_s", lambda: now.compiling_s)
    return now


def trail_of(cluster=CLUSTER, *, max_setups=None, time_limit_s=None, progress=None, trim=NO_TRIM, seed=1):
    job = Judge(TRACE, cluster, (REJECTED,), UNDISCOUNTED, "simpy", seed, trim)
    known = bounds_of(Holding(TRACE, cluster), job.targets, UNDISCOUNTED, trim)
    return Trail(job, known, max_setups, time_limit_s, progress)


def costing(trail, choice, usd, procedure=0, **judged):
    """A replay of a setup that is said to cost so much."""
    one = trail.job.evaluate((choice,), trail.job.cluster.procedures[procedure])
    assert one.ran is not None
    bill = one.ran.bill._replace(cost={**dict.fromkeys(PARTS, 0.0), "opex_usd_per_year": usd})
    return replace(one, ran=one.ran._replace(bill=bill), **{"met": True, "miss": 0.0, **judged})


def given_up(trail, choice, procedure=0):
    setup = trail.job.setup((choice,), trail.job.cluster.procedures[procedure])
    return trail.job.without_figures(setup, "in vain", met=False)


# -- candidates


def line_of(trail, *candidates):
    return Line(trail, Listed(*candidates), whole=0)


def pending(line):
    return [one.choice for _, one in line.pending]


def test_candidates_are_taken_one_by_one_as_workers_become_free():
    trail = trail_of()
    line = line_of(trail, candidate(0, 5.0), candidate(1, 6.0), candidate(2, 7.0))
    assert trail.bound_usd_per_year == -math.inf
    assert line.begin() is True
    assert (pending(line), trail.bound_usd_per_year) == ([(0,)], 5)
    tasks = line.tasks()
    begun = [next(tasks) for _ in range(3)]
    places = ((0,), 0), ((0,), 1), ((1,), 0)
    assert begun == [(choice, CLUSTER.procedures[one], math.inf, None) for choice, one in places]
    assert pending(line) == [(0,), (1,)]
    assert len(line._candidates.left) == 1


def test_workers_go_ahead_as_far_as_the_window_allows(monkeypatch):
    """Of more candidates than the window has, the first must be judged; what it cost is known a window later."""
    monkeypatch.setattr(following, "AHEAD", 2)
    trail = trail_of(cluster_of(own([1, 2, 3, 4], cores=1)))
    line = line_of(trail, *(candidate(choice, 5.0 + choice) for choice in range(4)))
    assert line.begin()
    assert [choice for choice, *_ in line.tasks()] == [(0,), (1,)]
    line.add([costing(trail, 0, 100.0)])
    line.add([costing(trail, 1, 100.0)])
    assert line.begin()  # what was put back comes next
    assert pending(line) == [(2,)]


def test_a_replay_may_cost_what_was_known_a_window_before(monkeypatch):
    monkeypatch.setattr(following, "AHEAD", 2)
    trail = trail_of(cluster_of(own([1, 2, 3, 4], cores=1)))
    line = Line(trail, Listed(*(candidate(choice, 5.0 + choice) for choice in range(4))), whole=1)
    assert line.begin()
    tasks, asked = line.tasks(), []
    for choice, usd in enumerate((100.0, 90.0, 95.0)):
        asked.append(next(tasks)[2])
        line.add([costing(trail, choice, usd)])
    asked.append(next(tasks)[2])
    assert asked == [None, math.inf, 100.0, 90.0]


def test_what_was_taken_before_one_that_is_beaten_is_replayed():
    trail = trail_of()
    trail.note(candidate(3), [costing(trail, 3, 100.0)])
    line = line_of(trail, candidate(0, 90.0), candidate(1, 100.1), candidate(2, 100.2))
    assert line.begin() is True
    assert {choice for choice, *_ in line.tasks()} == {(0,)}
    assert pending(line) == [(0,)]
    beaten = line_of(trail, candidate(1, 100.1))
    assert beaten.begin() is False
    assert trail.stopped is None


def test_what_is_beyond_a_limit_is_the_next():
    trail = trail_of(max_setups=5)
    trail.note(candidate(3), [costing(trail, 3, 100.0, met=False, miss=1.0)])
    line = line_of(trail, candidate(0, 1.0), candidate(1, 2.0), candidate(2, 3.0))
    assert line.begin() is True  # four under two policies; with one more there are seven
    assert {choice for choice, *_ in line.tasks()} == {(0,), (1,)}
    line.add([given_up(trail, 0), given_up(trail, 0, 1)])
    line.add([given_up(trail, 1), given_up(trail, 1, 1)])
    assert line.begin() is False
    assert (trail.stopped, trail.bound_usd_per_year) == ("max_setups", 3)


def test_costs_are_equal_to_nine_digits():
    trail = trail_of()
    assert not trail.is_beaten(math.inf)
    trail.note(candidate(1), [costing(trail, 1, 100.0)])
    beaten = {usd: trail.is_beaten(usd) for usd in (99.9, 100.0, 100 + 5e-8, 100 + 3e-7, 199.0)}
    assert list(beaten.values()) == [False, False, False, True, True]
    # Two nodes meet the targets.  One that has more, and costs as much at best, would not be taken.
    loses = {usd: trail.loses_tie(candidate(2, usd)) for usd in (100 - 3e-7, 100 - 5e-8, 100.0, 100 + 5e-8)}
    assert list(loses.values()) == [False, True, True, True]
    assert not trail.loses_tie(candidate(1, 100.0))  # the same nodes, perhaps under another policy
    assert not trail.loses_tie(candidate(0, 100.0))


def test_what_would_lose_a_tie_is_passed_over_until_the_time_is_over(clock):
    trail = trail_of(time_limit_s=10)
    trail.note(candidate(1), [costing(trail, 1, 100.0)])
    line = line_of(trail, candidate(2, 100.0), candidate(0, 100.0))
    assert line.begin() is True
    assert pending(line) == [(0,)]
    clock.s = 111
    assert line_of(trail, candidate(2, 100.0), candidate(0, 100.0)).begin() is False
    assert (trail.stopped, trail.bound_usd_per_year) == ("time_limit", 100)


# -- time


def test_the_time_in_which_the_engine_is_compiled_does_not_count(clock):
    assert trail_of().deadline_s == math.inf
    clock.compiling_s = 5  # before the search
    trail = trail_of(time_limit_s=10)
    assert trail.deadline_s + clock.compiling_s == 110
    trail.note(candidate(3), [costing(trail, 3, 100.0, met=False)])
    clock.compiling_s = 8  # and 3 s in it
    late = {}
    for clock.s in (110, 113, 113.5):
        late[clock.s] = trail.late
    assert late == {110: False, 113: False, 113.5: True}


def test_when_the_time_is_over_what_was_begun_is_finished_if_there_is_nothing_to_show(clock):
    first, second = [(0,), (0,)], [(1,), (1,)]

    def tasks(trail, *, late_after):
        line, found = line_of(trail, candidate(0), candidate(1)), []
        clock.s = 100.0
        clock.compiling_s = 3.0
        assert line.begin()
        for choice, procedure, *_ in line.tasks():
            found.append(choice)
            assert procedure == CLUSTER.procedures[(len(found) - 1) % 2]
            if len(found) == late_after:
                clock.s = 113.5
        return found

    shown = trail_of(time_limit_s=10)
    shown.note(candidate(3), [costing(shown, 3, 100.0, met=False)])
    # The first choice of nodes is replayed in any case; the next is begun in time only.
    for trail, third in ((trail_of(time_limit_s=10), second), (shown, second[:1])):
        assert tasks(trail, late_after=0) == first + second  # it never is
        assert tasks(trail, late_after=1) == first
        assert tasks(trail, late_after=2) == first
        assert tasks(trail, late_after=3) == first + third
    clock.s = 113.0
    trail = trail_of(time_limit_s=0)
    line = line_of(trail, candidate(0), candidate(1))
    assert line.begin()
    assert len(list(line.tasks())) == 4  # at the last instant it is not over


# -- what was replayed


def test_only_the_cheapest_are_kept_and_the_first_of_the_closest():
    trail = trail_of()
    missed = [costing(trail, 0, 10.0, met=False, miss=0.5), costing(trail, 0, 10.0, 1, met=False, miss=0.5)]
    trail.note(candidate(0), missed)
    assert trail.closest is missed[0]
    dear, cheap, equal = costing(trail, 1, 150.0), costing(trail, 3, 100.0), costing(trail, 2, 100.0 + 5e-8)
    for choice, one in ((1, dear), (3, cheap), (2, equal)):
        trail.note(candidate(choice), [one])
    assert trail.met == [cheap, equal]
    assert trail.best is equal  # it has fewer nodes
    assert [row["step"] for row in trail.rows] == [0, 1, 2, 3, 4]


def test_what_was_replayed_ahead_of_a_proof_is_left_out():
    trail = trail_of()
    line = line_of(trail, candidate(1, 90.0), candidate(2, 101.0), candidate(3, 102.0))
    evaluations = [costing(trail, 1, 100.0), costing(trail, 1, 100.0, 1)]
    line.add(evaluations)
    assert trail.rows == []  # nothing is pending
    assert line.begin()
    assert len(list(line.tasks())) == 6
    for choice in (1, 2, 3):
        line.add([costing(trail, choice, 99.0 + choice), costing(trail, choice, 99.0 + choice, 1)])
    assert len(trail.rows) == 2
    assert line.begin() is False


def test_how_far_a_search_is(clock):
    seen: list[Progress] = []
    trail = trail_of(progress=seen.append)
    trail.note(candidate(0, 1.0), [given_up(trail, 0), given_up(trail, 0, 1)])
    clock.s = 103
    trail.note(candidate(1, 2.0), [given_up(trail, 1), costing(trail, 1, math.inf, 1, met=False)])
    clock.s = 112
    trail.note(candidate(2, 3.0), [costing(trail, 2, 1e9), costing(trail, 2, 1e9, 1)])
    clock.s = 120
    trail.note(candidate(3, 4.0), [costing(trail, 3, 1e9), costing(trail, 3, 1e9, 1)])
    assert [(one.simulated, one.in_space, one.left_at_most) for one in seen] == [
        (2, 8, 6), (4, 8, 4), (6, 8, 2), (8, 8, 0),
    ]  # fmt: skip
    assert [one.lower_bound_usd_per_year for one in seen] == [1, 2, 3, 4]
    assert [one.cost_usd_per_year for one in seen] == [
        pytest.approx(usd, nan_ok=True) for usd in (math.nan,) * 2 + (1e9,) * 2
    ]
    assert [one.engine for one in seen] == ["simpy"] * 4
    # From the first on, 2 setups in 3 s, 4 in 12 s, 6 in 20 s.
    assert [one.left_at_most_s for one in seen] == [
        pytest.approx(left_s, nan_ok=True) for left_s in (math.nan, 6, 6, 0)
    ]


def test_the_engine_that_is_told_is_the_one_that_replayed():
    seen: list[Progress] = []
    trail = trail_of(progress=seen.append)
    trail.job = Judge(*{**vars(trail.job), "engine": "auto"}.values())
    trail.note(candidate(0), [given_up(trail, 0)])
    assert seen[-1].engine == "auto"  # none has
    ran = costing(trail, 0, 1.0)
    trail.note(candidate(0), [given_up(trail, 0), ran])
    assert seen[-1].engine == ran.ran.replay.engine != "auto"


# -- the plan


def test_a_plan_says_what_was_asked():
    trail = trail_of(trim=Trim(10.0, 20.0), seed=7, max_setups=5)
    trail.note(candidate(1, 2.0), [given_up(trail, 0), costing(trail, 1, 100.0, met=False)])
    plan = trail.plan("a name")
    assert plan.name == "a name"
    pool, *others = plan.asked["cluster"]["pools"]
    assert (pool["name"], pool["nodes"], others) == ("own", [1, 2, 3, 4], [])
    assert plan.asked == {
        "name": "a name",
        "cluster": CLUSTER.model_dump(mode="json", exclude_none=True),
        "targets": [{"metric": "jobs_rejected", "at_most": 0.0}],
        "metrics": {"warm_up_s": 10.0, "cool_down_s": 20.0},
        "economics": {
            "discount_rate": 0.0,
            "carbon_usd_per_tonne": 0.0,
            "currency": "USD",
            "site": [],
            "savings_plans": [],
        },
        "search": {"budget": {"setups": 5}},
        "seed": 7,
    }
    assert trail_of().job.seed == 1
    assert (plan.result.seed, plan.result.trim) == (7, Trim(10.0, 20.0))
    assert plan.run_id == record.run_id("run", plan.asked, [TRACE], [CLUSTER])
    # Whoever asks for no limit is not said to have asked.
    unlimited = trail_of()
    unlimited.note(candidate(1), [costing(unlimited, 1, 100.0, met=False)])
    assert unlimited.plan("x").asked["search"] == {}
    # A search that was stopped has another answer.
    trail.stop("max_setups")
    assert trail.plan("a name").run_id == record.run_id("run", plan.asked, [TRACE], [CLUSTER], 2)


def test_the_table_of_setups_has_the_columns_of_whole_replays_in_their_order():
    trail = trail_of()
    trail.note(candidate(0), [given_up(trail, 0), costing(trail, 0, 100.0, 1, met=False)])
    plan = trail.plan("x")
    assert next(iter(plan.setups)) == "step"
    assert list(plan.setups) == list(trail.rows[1])
    assert plan.setups["target_0_achieved"].dtype == float
    whole = trail_of()
    whole.note(candidate(0), [costing(whole, 0, 100.0, met=False)])
    assert whole.plan("x").setups["target_0_achieved"].dtype == float


def test_a_search_that_found_none_has_no_bound_if_it_is_proven():
    trail = trail_of()
    trail.note(candidate(0, 5.0), [costing(trail, 0, 100.0, met=False)])
    plan = trail.plan("x")
    assert (plan.status, plan.lower_bound_usd_per_year, plan.chosen) == ("infeasible", math.inf, None)
    assert plan.closest is not None
    assert plan.closest.nodes == {"own": 1}
    trail.stop("time_limit")
    plan = trail.plan("x")
    assert (plan.status, plan.lower_bound_usd_per_year) == ("unknown", 5)
    found = trail_of()
    found.note(candidate(1, 5.0), [costing(found, 1, 100.0)])
    plan = found.plan("x")
    assert (plan.status, plan.lower_bound_usd_per_year, plan.closest) == ("optimal", 100, None)
    assert plan.chosen is not None
