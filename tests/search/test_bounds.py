"""What is known of setups before a replay, worked out by hand; that nothing of it is too much is in test_plan.py."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import Cluster, Trace
from pwsim.metrics.measures import NO_TRIM, Trim
from pwsim.prices.terms import UNDISCOUNTED, Economics
from pwsim.search import bounds
from pwsim.search.holding import Holding
from pwsim.search.targets import Target
from pwsim.trace.table import Feedback

SAFE = 1 - 1e-9


def own(nodes, name="own", cores=1, speed=1.0, cost=None, **more):
    node = {"cores": cores, "speed": speed}
    return {
        "name": name, "kind": "on_premises", "nodes": nodes, "node": node,
        "cost": {"capex_usd": 1, "lifetime_years": 1, **(cost or {})}, **more,
    }  # fmt: skip


def cluster_of(*pools, **more):
    return Cluster.model_validate({"pools": list(pools), **more})


def trace_of(*jobs, **columns):
    submit_s, procs, run_s = zip(*jobs, strict=True)
    return Trace.from_columns({"submit_s": submit_s, "procs": procs, "run_s": run_s, **columns})


def throughput(at_least):
    return Target(metric="throughput_jobs_per_hour", at_least=at_least)


def wait(statistic="max", at_most=0.0, **where):
    data = {"metric": "wait_s", "statistic": statistic, "at_most": at_most, **({"where": where} if where else {})}
    return Target.model_validate(data)


def needed(trace, cluster, *targets, trim=NO_TRIM):
    return bounds.analyse(Holding(trace, cluster), targets, UNDISCOUNTED, trim).needed_cores


# -- which setups hold which jobs

MIXED = cluster_of(own([1, 3], "a", accepts={"procs": {"at_most": 4}}), own([0, 2, 4], "b", cores=2, placement="nodes"))
JOBS = trace_of((0, 1, 10), (0, 3, 10), (0, 4, 10), (5, 8, 10), (9, 9, 10), (9, 3, 10))


def test_the_first_choice_that_holds_a_job():
    # Pool a takes up to 4 processors and has 1 or 3; pool b has nodes of 2 cores, of which the jobs need 1, 2, 2, 4, 5, 2.
    expected = [[0, 1], [1, 1], [2, 1], [2, 2], [2, 3], [1, 1]]
    assert Holding(JOBS, MIXED).first.tolist() == expected
    assert Holding(JOBS, MIXED).never.tolist() == [False] * 4 + [True, False]
    known = bounds.analyse(Holding(JOBS, MIXED), [], UNDISCOUNTED)
    assert known.job_classes.tolist() == [[0, 1], [1, 1], [2, 1], [2, 2], [2, 3]]
    assert known.job_class_counts.tolist() == [1, 2, 1, 1, 1]
    assert (known.job_class_work_shares * 28).tolist() == pytest.approx([1, 6, 4, 8, 9])


@pytest.mark.parametrize(
    ("targets", "most"),
    [
        ([], 6),
        ([Target(metric="jobs_rejected", at_most=3)], 3),
        ([Target(metric="jobs_rejected", at_most=3), Target(metric="jobs_rejected", at_most=1)], 1),
        ([Target(metric="jobs_rejected", at_least=2)], 6),
        ([Target(metric="jobs_killed", at_most=0)], 6),
    ],
)
def test_how_many_jobs_may_be_rejected(targets, most):
    assert bounds.analyse(Holding(JOBS, MIXED), targets, UNDISCOUNTED).rejected_at_most == most


# -- costs

KILOWATT = {"capex_usd": 0, "busy_power": 1000, "electricity_usd_per_kwh": 1.0}
HOUR = trace_of((0, 1, 1800), (0, 4, 900), (3600, 2, 360))
"""In a window of an hour jobs of 0.5, 1 and 0.2 core-hours; kilowatts for an hour are 8,766 USD a year."""


def least(cluster, trace=HOUR, economics=UNDISCOUNTED):
    known = bounds.analyse(Holding(trace, cluster), [], economics).cost_usd_per_year
    return [(one / 8766).tolist() for one in known]


def test_each_choice_costs_the_energy_of_the_jobs_that_it_holds():
    # One core holds the first job, two the last too, four all.
    assert least(cluster_of(own([0, 1, 2, 4], cost=KILOWATT))) == [pytest.approx([0, 0.5, 0.7, 1.7])]
    # At twice the speed it is half as much.  A PUE of 1.5, and 250 g/kWh at 2,000 USD/t, which are 0.50 USD/kWh more.
    cost = {**KILOWATT, "pue": 1.5, "carbon_g_per_kwh": 250}
    dear = Economics(discount_rate=0, carbon_usd_per_tonne=2000)
    assert least(cluster_of(own([4], speed=2, cost=cost)), economics=dear) == [pytest.approx([1.7 / 2 * 1.5 * 1.5])]


def test_a_later_pool_runs_for_certain_what_no_earlier_one_could_hold():
    # The job of four cores; the others may have gone to the first.
    pools = own([1, 2], "a", cost=KILOWATT), own([2, 4], "b", cost=KILOWATT)
    assert least(cluster_of(*pools)) == [pytest.approx([0.5, 0.7]), pytest.approx([0, 1])]
    third = own([4], "c", cost=KILOWATT)
    assert least(cluster_of(*pools, third))[2] == [0]


def test_what_jobs_do_not_use_costs_nothing():
    # The first job is killed at its estimate, after a third of its time.
    trace = HOUR.with_columns(estimate_s=np.array([600.0, 900.0, 900.0]))
    pool = own([4], cost=KILOWATT)
    assert least(cluster_of(pool, overrun="kill"), trace) == [pytest.approx([1.7 - 0.5 * 2 / 3])]
    assert least(cluster_of(pool, overrun="allow"), trace) == [pytest.approx([1.7])]


def test_what_stands_there_and_what_is_paid_for_any_setup_is_in_the_bounds():
    economics = Economics.model_validate({"discount_rate": 0.0, "site": [{"name": "staff", "usd_per_year": 876_600.0}]})
    pools = own([0, 2], "a", cost={"capex_usd": 8766}), own([1], "b", cost={"capex_usd": 17_532})
    assert least(cluster_of(*pools), economics=economics) == [pytest.approx([100, 102]), pytest.approx([2])]


def test_how_many_setups_cost_at_most_so_much():
    # 0, 1 or 2, and 0 or 3 USD a year.
    pools = own([0, 1, 2], "a"), own([0, 1], "b", cost={"capex_usd": 3})
    known = bounds.analyse(Holding(HOUR, cluster_of(*pools)), [], UNDISCOUNTED)
    assert [known.setups_up_to(usd) for usd in (-0.5, 0, 2, 2.5, 3, 5, math.nan)] == [0, 1, 3, 3, 4, 6, 6]
    for most, found in ((6, 3), (5, 6)):  # what cannot be listed is counted as a whole
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bounds, "MOST_LISTED", most)
            assert known.setups_up_to(2.5) == found


CLOUD = {"name": "c", "kind": "cloud", "nodes": 1, "node": {"cores": 1}, "price_usd_per_hour": 1}


@pytest.mark.parametrize("at_once", [1, 100])
def test_what_is_left_counts_by_what_setups_cost_as_a_whole(monkeypatch, at_once):
    """Where nodes come and go pools cost little by themselves; what is told of it is true at once, and exact at last."""
    monkeypatch.setattr(bounds, "TOLD_AT_ONCE", at_once)
    pools = own([0, 1, 2, 3]), {**CLOUD, "nodes": [0, 2, 4], "burst_after": 0}
    trace = trace_of((0, 1, 3600), (0, 1, 3600), (0, 1, 3600), (3600, 1, 60))
    known = bounds.analyse(Holding(trace, cluster_of(*pools)), [], UNDISCOUNTED)
    every = list(itertools.product(range(4), range(3)))
    whole = [known.usd_of(choice) for choice in every]
    by_pool = [sum(usd[one] for usd, one in zip(known.cost_usd_per_year, choice, strict=True)) for choice in every]
    assert max(whole) > max(by_pool)
    for most in sorted({*whole, *by_pool}):
        told = [known.setups_up_to(most) for _ in range(12)]
        assert sorted(told, reverse=True) == told
        assert told[0] <= sum(one <= most for one in by_pool)
        assert told[-1] == sum(one <= most for one in whole)


def test_what_is_left_counts_what_a_promised_plan_pays_for():
    """A plan of 2 USD/h is paid by all setups, and pays for two nodes that stand; a third one is rented."""
    rented = {**CLOUD, "price_usd_per_hour": 3, "nodes": [1, 2, 3], "always_up": True, "savings_1yr_usd_per_hour": 1}
    economics = Economics.model_validate({"savings_plans": [{"name": "p", "term": "1yr", "usd_per_hour": 2}]})
    known = bounds.analyse(Holding(HOUR, cluster_of(own([4]), rented)), [], economics)
    assert known.renting is None
    assert [known.usd_of((0, nodes)) / 8766 for nodes in range(3)] == pytest.approx([2, 2, 3], rel=1e-3)
    assert [known.setups_up_to(usd * 8766) for usd in (1.5, 2.5, 3.5)] == [0, 2, 3]


@pytest.mark.parametrize(
    "other",
    [
        own(1, "b", placement="nodes", mtbf=100),  # a job may be given up
        CLOUD,  # likewise, or its data lie elsewhere
        own(4, "b", burst_after=10),  # it may move
    ],
)
def test_nothing_is_certain_where_jobs_may_move_or_be_given_up(other):
    assert least(cluster_of(own([4], "a", cost=KILOWATT), other))[0] == [0]


def test_nothing_is_certain_where_jobs_follow_others():
    feedback = Feedback(np.array([-1, 0, -1]), np.zeros(3))
    assert least(cluster_of(own([4], cost=KILOWATT)), replace(HOUR, feedback=feedback)) == [[0]]


def test_jobs_at_one_instant_cannot_be_scaled():
    with pytest.raises(ValueError, match="no length"):
        least(cluster_of(own([4], cost=KILOWATT)), trace_of((0, 1, 10)))


# -- throughput

WORK = trace_of((0, 1, 10), (0, 2, 10), (0, 1, 30), (3600, 4, 10))
"""Work of 10, 20, 30 and 40 core-seconds, in a window of an hour."""
ONE = cluster_of(own([1, 4]))


@pytest.mark.parametrize(
    ("rate", "work"),
    [(0, 0), (0.1, 10), (1, 10), (2, 30), (2.5, 60), (4, 100), (4.1, math.inf)],
)
def test_throughput_needs_the_work_of_the_smallest_jobs(rate, work):
    assert needed(WORK, ONE, throughput(rate)) == pytest.approx(work / 3600, rel=1e-12 if rate == 0 else 2e-9)
    assert needed(WORK, ONE, throughput(rate)) <= work / 3600


def test_throughput_counts_a_whole_number_of_jobs_where_rounding_says_a_little_more():
    # 0.3 jobs an hour for 10 hours are 3 jobs, though 0.3 × 10.000000000000002 is more.
    trace = trace_of((0, 1, 10), (0, 1, 20), (0, 1, 30), (36_000.000000001, 1, 40))
    assert needed(trace, ONE, throughput(0.3)) == pytest.approx(60 / 36_000, rel=1e-8)


def test_throughput_of_a_trimmed_window():
    # 2 jobs an hour for 50 minutes are 2 jobs, done by the end; for 20 minutes one.
    assert needed(WORK, ONE, throughput(2), trim=Trim(600, 0)) == pytest.approx(30 / 3600, rel=2e-9)
    assert needed(WORK, ONE, throughput(2), trim=Trim(0, 2400)) == pytest.approx(10 / 1200, rel=2e-9)


def test_jobs_that_are_killed_do_not_complete():
    # The first job is killed after 5 s; restarts may let it complete all the same, with as little as it worked then.
    trace = WORK.with_columns(estimate_s=np.array([5.0, 10.0, 30.0, 10.0]))
    assert needed(trace, ONE, throughput(2)) == pytest.approx(30 / 3600, rel=2e-9)
    kill = cluster_of(own([1, 4]), overrun="kill")
    assert needed(trace, kill, throughput(2)) == pytest.approx(50 / 3600, rel=2e-9)
    failing = cluster_of(own([1, 4], placement="nodes", mtbf=1e6), overrun="kill")
    assert needed(trace, failing, throughput(2)) == pytest.approx(25 / 3600, rel=2e-9)
    taken_back = cluster_of(own([1, 4]), {**CLOUD, "interruptions_per_hour": 1}, overrun="kill")
    assert needed(trace, taken_back, throughput(2)) == pytest.approx(25 / 3600, rel=2e-9)


def test_where_jobs_follow_others_the_window_lasts_at_least_until_the_last_that_follows_none():
    # Jobs 0 and 1 follow none, the last is at 1800 s; 3 jobs an hour are then 1.5: 10 core-seconds, and half of 20.
    trace = trace_of((0, 1, 10), (1800, 2, 10), (2000, 1, 30), (3600, 4, 10))
    trace = replace(trace, feedback=Feedback(np.array([-1, -1, 0, 1]), np.zeros(4)))
    assert needed(trace, ONE, throughput(3)) == pytest.approx(20 / 1800, rel=1e-8)
    assert needed(trace, ONE, throughput(2)) == pytest.approx(10 / 1800, rel=2e-9)
    # The whole window is before the first submission that follows none.
    assert needed(replace(trace, feedback=Feedback(np.array([-1, 0, 0, 1]), np.zeros(4))), ONE, throughput(3)) == 0


def test_the_largest_need_counts():
    assert needed(WORK, ONE, throughput(4), throughput(1)) == pytest.approx(100 / 3600, rel=2e-9)
    assert needed(WORK, ONE, throughput(1), throughput(4)) == pytest.approx(100 / 3600, rel=2e-9)
    assert needed(WORK, ONE, Target(metric="throughput_jobs_per_hour", at_most=4)) == 0


# -- waits

RUSH = trace_of((0, 3, 100), (0, 2, 100), (1000, 1, 10))
"""Five cores for 100 s at once, and a little later on."""
FIVE = cluster_of(own([5]))
ALL = Target(metric="jobs_rejected", at_most=0)
"""All jobs are to run: else it is unknown of whose waits a target is."""


@pytest.mark.parametrize(
    ("statistic", "at_most", "cores"),
    [
        ("max", 0, 5),  # 500 core-seconds by 100
        ("max", 100, 2.5),  # by 200
        ("max", 300, 1.25),
        ("p99", 0, 5),
        ("p95", 100, 2.5),
        ("p50", 0, 2),  # two of three must not wait: but for the largest, 200 core-seconds by 100
        ("mean", 0, 0),  # some may wait for long
    ],
)
def test_waits_need_the_work_that_jobs_have_done_by_then(statistic, at_most, cores):
    assert needed(RUSH, FIVE, wait(statistic, at_most), ALL) == pytest.approx(cores * SAFE, rel=1e-12)


def test_waits_by_the_slowest_pool():
    # On nodes of half the speed, which do not reach the work: half of the 500 core-seconds are done by 100.
    slow = cluster_of(own([5], "a", speed=2.0), own([5], "b", speed=0.5))
    assert needed(RUSH, slow, wait(), ALL) == pytest.approx(2.5 * SAFE, rel=1e-12)
    assert needed(RUSH, cluster_of(own([5], speed=3.0)), wait(), ALL) == pytest.approx(5 * SAFE, rel=1e-12)


def test_a_rush_after_a_quiet_time_is_seen():
    # 8 cores for 50 s from 1000 on; before, next to nothing.
    trace = trace_of((0, 1, 1), (1000, 5, 50), (1000, 3, 50))
    assert needed(trace, cluster_of(own([8])), wait(), ALL) == pytest.approx(8 * SAFE, rel=1e-12)


def test_waits_of_some_jobs():
    assert needed(RUSH, FIVE, wait(procs_at_most=2), ALL) == pytest.approx(2 * SAFE, rel=1e-12)
    assert needed(RUSH, FIVE, wait(procs_at_most=1), ALL) == pytest.approx(1 * SAFE, rel=1e-12)
    # The first 100 s are not measured, or all but they.
    assert needed(RUSH, FIVE, wait(), ALL, trim=Trim(100, 0)) == pytest.approx(1 * SAFE, rel=1e-12)
    assert needed(RUSH, FIVE, wait(procs_at_most=1), ALL, trim=Trim(0, 900)) == 0


def test_waits_bound_nothing_where_it_is_unknown_which_jobs_run():
    # Of four processors at most, a job that needs five is rejected for sure; the others run.
    trace = trace_of((0, 5, 100), (0, 2, 100), (0, 3, 100), (1000, 1, 10))
    four = cluster_of(own([4]))
    for most, cores in ((1, 5 * SAFE), (2, 0), (0, 5 * SAFE)):
        assert needed(trace, four, wait(), Target(metric="jobs_rejected", at_most=most)) == pytest.approx(cores)
    # Without a limit each may be rejected.
    assert needed(trace, four, wait()) == 0


def test_waits_bound_nothing_where_jobs_restart_or_follow_others():
    limit = Target(metric="jobs_rejected", at_most=0)
    assert needed(RUSH, FIVE, wait(), limit) == pytest.approx(5 * SAFE)
    assert needed(RUSH, cluster_of(own([5], placement="nodes", mtbf=1e6)), wait(), limit) == 0
    feedback = Feedback(np.array([-1, -1, 0]), np.zeros(3))
    assert needed(replace(RUSH, feedback=feedback), FIVE, wait(), limit) == 0


def test_work_that_is_killed_need_not_be_done():
    trace = RUSH.with_columns(estimate_s=np.array([50.0, 100.0, 10.0]))
    kill = cluster_of(own([5]), overrun="kill")
    # By 50: 3 cores and 2 cores for 50 s.  The first does no more.
    assert bounds.work_s(trace, kill).tolist() == [50, 100, 10]
    assert bounds.work_s(trace, FIVE).tolist() == [100, 100, 10]
    assert needed(trace, kill, wait(), ALL) == pytest.approx(5 * SAFE)


def test_a_job_that_one_pool_alone_takes_is_held():
    both = cluster_of(own([4], "a", accepts={"procs": {"at_least": 3}}), own([2], "b"))
    assert needed(RUSH, both, wait(), ALL) == pytest.approx(5 * SAFE, rel=1e-12)


def test_little_work_needs_little():
    # 100 core-seconds by 400.
    assert needed(trace_of((0, 1, 100), (10, 1, 0)), ONE, wait(at_most=300), ALL) == pytest.approx(0.25 * SAFE)


def test_a_job_that_may_wait_has_worked_since_then_at_least():
    # By 1010 the first job has done its 10 s and the second, which may have started at 1000, too; by 3000 they have done all.
    trace = trace_of((0, 1, 10), (0, 1, 2000), (5000, 1, 0))
    assert needed(trace, ONE, wait(at_most=1000), ALL) == pytest.approx(2010 / 3000 * SAFE, rel=1e-12)
    # With 100 short ones, the time by which they are done tells more: 1,010 core-seconds by 1010.
    trace = trace_of(*[(0, 1, 10)] * 100, (0, 1, 2000), (5000, 1, 0))
    assert needed(trace, ONE, wait(at_most=1000), ALL) == pytest.approx(3000 / 3000 * SAFE, rel=1e-12)
    trace = trace_of(*[(0, 1, 10)] * 300, (0, 1, 2000), (5000, 1, 0))
    assert needed(trace, ONE, wait(at_most=1000), ALL) == pytest.approx(3010 / 1010 * SAFE, rel=1e-12)


def test_the_latest_job_is_one_of_the_largest_whatever_their_order():
    # But for 300 core-seconds, 200 by 100; of four, two may wait: 100 and 0 by 100.
    assert needed(trace_of((0, 2, 100), (0, 3, 100), (1000, 1, 10)), FIVE, wait("p50"), ALL) == pytest.approx(2 * SAFE)
    four = trace_of((0, 2, 100), (0, 4, 100), (0, 1, 100), (1000, 1, 10))
    assert needed(four, FIVE, wait("p50"), ALL) == pytest.approx(1 * SAFE)


def test_no_job_of_hundreds_may_wait_longer_than_the_longest():
    trace = trace_of(*[(0, 1, 100)] * 300)
    assert needed(trace, ONE, wait(), ALL) == pytest.approx(300 * SAFE, rel=1e-12)
    assert needed(trace, ONE, wait("p99"), ALL) == pytest.approx(297 * SAFE, rel=1e-12)


def test_intervals_start_where_a_job_is_submitted():
    # The wide job alone, from 600 to 650.
    trace = trace_of((0, 1, 1), (200, 1, 1), (400, 1, 1), (600, 100, 50), (800, 1, 1), (1000, 1, 1))
    assert needed(trace, cluster_of(own([100])), wait(), ALL) == pytest.approx(100 * SAFE, rel=1e-12)


def test_jobs_of_no_length_need_nothing():
    trace = trace_of((0, 1, 0), (10, 1, 0), (20, 1, 0))
    assert needed(trace, ONE, wait(), ALL) == 0


def test_throughput_of_the_smallest_jobs_whatever_their_order():
    trace = trace_of((0, 4, 10), (0, 1, 30), (0, 2, 10), (3600, 1, 10))
    assert needed(trace, ONE, throughput(2)) == pytest.approx(30 / 3600, rel=2e-9)
    assert needed(trace, ONE, throughput(3)) == pytest.approx(60 / 3600, rel=2e-9)


def test_throughput_of_a_window_of_a_second():
    assert needed(trace_of((0, 1, 10), (1, 1, 30)), ONE, throughput(3600)) == pytest.approx(10, rel=2e-9)
    assert needed(trace_of((0, 1, 10), (0, 1, 30)), ONE, throughput(3600)) == 0


def test_no_throughput_needs_nothing():
    feedback = Feedback(np.array([-1, 0, -1, -1]), np.zeros(4))
    assert needed(replace(WORK, feedback=feedback), ONE, throughput(0)) == 0


def test_nodes_hold_as_many_processors_as_they_have_cores():
    bag = cluster_of(own([0, 1, 3], cores=4))
    trace = trace_of((0, 1, 1), (0, 4, 1), (0, 5, 1), (0, 12, 1), (1, 13, 1))
    assert Holding(trace, bag).first[:, 0].tolist() == [1, 1, 2, 2, 3]


def shuffled(count):
    """Return the numbers from 1 to a count in some order, in which parts that are not sorted out show."""
    return (np.arange(count) * 387) % count + 1


@pytest.mark.parametrize("count", [3, 141, 352, 465, 694, 924, 999])
def test_the_smallest_of_many_jobs_are_taken_whatever_their_order(count):
    # Work of 1 to 1,000 core-seconds: 1 + 2 + ... + count.
    trace = Trace.from_columns({"submit_s": [0] * 999 + [3600], "run_s": [1] * 1000, "procs": shuffled(1000)})
    assert needed(trace, ONE, throughput(count)) == pytest.approx(count * (count + 1) / 2 / 3600, rel=2e-9)


@pytest.mark.parametrize(("jobs", "percent"), [(4, 50), (320, 50), (385, 50), (770, 50), (1000, 90), (1000, 99)])
def test_the_largest_of_many_jobs_may_wait_whatever_their_order(jobs, percent):
    # All are submitted at once, for a second.
    trace = Trace.from_columns({"submit_s": [0] * jobs, "run_s": [1] * jobs, "procs": shuffled(jobs)})
    prompt = -(-jobs * percent // 100)
    known = needed(trace, cluster_of(own([jobs])), wait(f"p{percent}"), ALL)
    assert known == pytest.approx(prompt * (prompt + 1) / 2 * SAFE, rel=1e-12)


def test_the_first_choice_behind_a_door():
    """Pools a and b are behind doors, c is not; the largest a and b hold 3 × 2 cores together."""
    open_to_all = own([0, 2, 3], "c", cores=2, accepts={"procs": {"at_most": 2}})
    partitions = [
        {"name": "wide", "pools": ["a", "b"], "where": {"procs_at_least": 4}},
        {"name": "long", "pools": ["b"], "where": {"estimate_above": 100}, "max_time": 1000},
    ]
    cluster = cluster_of(open_to_all, own([1, 2], "a", cores=2), own([1], "b", cores=2), partitions=partitions)
    jobs = trace_of((0, 6, 10), (0, 7, 10), (1, 1, 500), (2, 1, 5000), (3, 2, 10), (4, 3, 10))
    # 6 cores go through the first door, 7 do not fit behind it; 500 s through the second, which 5000 s are too long for.
    # Two cores go to c, of which no nodes are too few and two are enough; it takes no job of three.
    none = [3, 2, 1]
    expected = [[3, 0, 0], none, [3, 2, 0], none, [1, 2, 1], none]
    assert Holding(jobs, cluster).first.tolist() == expected
    assert Holding(jobs, cluster).never.tolist() == [False, True, False, True, False, True]
    # What each takes by itself, whatever doors there are.
    assert Holding(jobs, cluster).by_pool.tolist()[:3] == [none, none, [1, 0, 0]]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(0, 12))
def test_what_is_certain_is_no_more_than_its_bound(worked, late):
    done = np.array(worked, dtype=float)
    most = bounds._certain_at_most(done, late)
    for first in range(len(done)):
        left = sorted(done[first:])[: max(0, len(done) - first - late)]
        assert sum(left) <= most[first]
    if len(set(worked)) == len(worked) > late:
        assert most[0] == sum(sorted(worked)[: len(worked) - late])
