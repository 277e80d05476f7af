"""Rules of a site: their keys, what is refused, doors, hours on the replay's clock, outages (semantics §9)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim.cluster import (
    NO_DOOR,
    AtMost,
    Away,
    Cluster,
    Hours,
    Outage,
    Partition,
    RunLimit,
    Scheduler,
    clock_fault,
    doors,
    open_intervals,
    stated,
    through_doors,
    times_away,
)
from pwsim.common import InputError
from pwsim.engine.site.calendar import in_common, pieces_of
from pwsim.prices import Start, parse_local
from pwsim.results import simulate
from pwsim.trace import Trace
from pwsim.workload import compress

HOUR, DAY = 3600.0, 86400.0


def begin(local: str, zone: ZoneInfo | None = None) -> Start:
    return Start(parse_local(local), "", zone)


MONDAY = begin("2026-01-05")
"""A Monday at 0:00, on a clock that is never changed."""


def pool(name: str, **more):
    return {"name": name, "kind": "on_premises", "nodes": 10, "node": {"cores": 4}, **more}


TWO = (pool("thin"), pool("fat"))


def site(pools=TWO, **rules) -> Cluster:
    return Cluster.model_validate({"pools": list(pools), **rules})


def trace(**columns) -> Trace:
    jobs = len(next(iter(columns.values())))
    return Trace.from_columns({"submit_s": range(jobs), "run_s": [1] * jobs, "procs": [1] * jobs, **columns})


def made(**machine: Any) -> Cluster:
    return Cluster(**machine)


def partition(name: str, **more) -> Partition:
    return Partition.model_validate({"name": name, "pools": ["x"], **more})


def rule(open_, **more) -> Hours:
    return Hours.model_validate({"open": open_, **more})


def outage(**more) -> Outage:
    return Outage.model_validate(more)


# Keys


def test_a_cluster_without_rules_states_none():
    cluster = site()
    assert stated(cluster) == []
    assert cluster.limits == cluster.hours == ((),)


def test_rules_are_read_as_the_contract_has_them():
    cluster = site(
        partitions=[
            {"name": "standard", "pools": ["thin", "fat"], "where": {"partition": ["10"]}, "tier": 1, "priority": 2,
             "max_time": "3 d", "default": True},
            {"name": "low", "pools": "fat"},
        ],
        limits=[{"at_most": {"cores": 384}, "per": "user", "where": {"partition": ["standard"]}}],
        hours=[{"where": {"estimate_above": "4 h"}, "open": ["mon..fri 17:00-09:00", "sat,sun"], "whole": True,
                "drain": False, "from": "1996-10-01", "until": "1997-03-01"}],
        outages=[{"pools": ["thin"], "nodes": 10, "start": "2026-03-02T08:00", "length": "8 h", "every": "4 weeks"}],
        scheduler={"period": "30 s", "start_delay": "2 min"},
        preemption=True,
    )  # fmt: skip
    assert stated(cluster) == ["partitions", "limits", "hours", "outages", "scheduler", "preemption"]
    assert cluster.partitions[0].max_time == 3 * DAY
    assert cluster.partitions[1].pools == ("fat",)
    assert list(cluster.limits[0][0].at_most.caps()) == [("cores", 384)]
    assert cluster.hours[0][0].from_ == "1996-10-01"
    assert cluster.outages[0].every == 28 * DAY
    assert cluster.scheduler == Scheduler(period=30, start_delay=120)


def test_hours_and_limits_may_be_choices_of_the_search():
    night = {"open": "18:00-08:00"}
    cap = {"at_most": {"jobs": 2}, "per": "all"}
    cluster = site(hours={"choices": [[night], []]}, limits={"choices": [[], [cap]]})
    assert cluster.hours == ((rule("18:00-08:00"),), ())
    assert cluster.limits == ((), (RunLimit(at_most=AtMost(jobs=2), per="all"),))
    assert stated(cluster) == ["limits", "hours"]


@pytest.mark.parametrize("hours", [[{"open": "sat"}], {"choices": [[{"open": "sat", "from": "2026-01-01"}], []]}, []])
def test_a_cluster_as_plain_data_is_the_same_cluster(hours):
    cluster = site(hours=hours, partitions=[{"name": "p", "pools": ["thin"]}])
    plain = cluster.model_dump(mode="json", exclude_none=True, by_alias=True)
    assert Cluster.model_validate(plain) == cluster
    assert Cluster.model_validate(dict(cluster)) == cluster
    assert hash(Cluster.model_validate(plain)) == hash(cluster)


REFUSED = [
    ({"partitions": [{"name": "p", "pools": ["thinn"]}]}, "partitions.0.pools: there is no pool 'thinn'; did you mean 'thin'?"),
    ({"partitions": [{"name": "p", "pools": []}]}, "partitions.0.pools: must have at least 1 entry"),
    ({"partitions": [{"name": "p", "pools": ["thin", "thin"]}]}, "partitions.0.pools: names pool 'thin' twice"),
    ({"partitions": [{"name": "p", "pools": "thin"}] * 2}, "partitions.1.name: is that of another partition, too: names must differ (got 'p')"),
    ({"partitions": [{"name": n, "pools": "thin", "default": True} for n in "pq"]}, "partitions.1.default: only one partition can be the default one, which 'p' is"),
    ({"partitions": [{"name": "p", "pools": "thin", "max_time": "soon"}]}, "partitions.0.max_time: must be a quantity such as '30 d'"),
    ({"partitions": [{"name": "p", "pools": "thin", "wher": {}}]}, "partitions.0.wher: unknown key; did you mean 'where'?"),
    ({"partitions": [{"name": "p", "pools": "thin", "where": {"sice": 3}}]}, "partitions.0.where.sice: unknown key"),
    ({"limits": [{"at_most": {}, "per": "all"}]}, "limits.0.at_most: must cap something: give cores, nodes, gpus or jobs, such as {cores: 384}"),
    ({"limits": [{"at_most": {"cores": 4}}]}, "limits.0.per: is missing"),
    ({"limits": [{"at_most": {"cores": 4}, "per": "usr"}]}, "limits.0.per: must be user, account, user_group, qos, partition or all (got 'usr'); did you mean 'user'?"),
    ({"limits": [{"at_most": {"cores": 4}, "per": "partition"}]}, "limits.0.per: there are no partitions: give cluster.partitions, or another per"),
    ({"limits": [{"at_most": {"cores": 4}, "per": "all", "where": {"partition": "p"}}]}, "limits.0.where.partition: there is no partition 'p'; there are none; rules are about the partitions of the scenario"),
    ({"hours": {"choices": [[], [{"open": "sat", "where": {"partition": "p"}}]]}}, "hours.choices.1.0.where.partition: there is no partition 'p'"),
    ({"hours": [{"open": "25:00-26:00"}]}, "hours.0.open: must be days, hours or both, such as 'mon..fri 17:00-09:00' (to 9:00 of the next day), 'sat,sun' (all day) or '08:00-12:00' (every day); 25:00 is no time of a day"),
    ({"hours": [{"open": ["sat", "monday"]}]}, "hours.0.open.1: must be days, hours or both"),
    ({"hours": [{"open": "mon 08:00-08:00"}]}, "a window must not be empty, and 24:00 is an end: a whole day is 00:00-24:00"),
    ({"hours": [{"open": "mon 24:00-08:00"}]}, "a window must not be empty, and 24:00 is an end"),
    ({"hours": [{"open": ["", "sat"]}]}, "hours.0.open.0: must be days, hours or both"),
    ({"hours": [{"open": 8}]}, "hours.0.open: must be a text (got 8)"),
    ({"hours": [{"open": []}]}, "hours.0.open: must have at least 1 entry"),
    ({"hours": [{"open": "sat", "form": "2026-01-01"}]}, "hours.0.form: unknown key; did you mean 'from'? known keys: drain, from, open, until, where, whole"),
    ({"hours": [{"open": "sat", "from": "soon"}]}, "hours.0.from: must be a local date and time from 1900 to 2999"),
    ({"hours": [{"open": "sat", "from": "2026-02-01", "until": "2026-02-01"}]}, "hours.0: until (2026-02-01) must be after from (2026-02-01)"),
    ({"hours": {"chioces": [[]]}}, "hours.chioces: unknown key; did you mean 'choices'? known keys: choices"),
    ({"hours": {"choices": []}}, "hours.choices: must have at least 1 entry"),
    ({"hours": "sat"}, "hours: must be a list (got 'sat')"),
    ({"outages": [{"pools": ["slim"], "start": "2026-03-02", "length": "8 h"}]}, "outages.0.pools: there is no pool 'slim'"),
    ({"outages": [{"pools": ["thin"], "nodes": 11, "start": "2026-03-02", "length": "8 h"}]}, "outages.0.nodes: pool 'thin' has at most 10 (got 11); leave it out for all"),
    ({"outages": [{"start": "2026-03-02 at 8", "length": "8 h"}]}, "outages.0.start: must be a local date and time"),
    ({"outages": [{"start": "2026-03-02", "length": "8 h", "every": "8 h"}]}, "outages.0: every (8 h) must be longer than length (8 h), and than 1 min: else nothing is ever back"),
    ({"outages": [{"start": "2026-03-02", "length": "8 h", "then": "kill"}]}, "outages.0.then: must be drain or stop (got 'kill')"),
    ({"scheduler": {"period": "-3 s"}}, "scheduler.period: must be at least 0"),
    ({"scheduler": {"periode": 3}}, "scheduler.periode: unknown key; did you mean 'period'?"),
    ({"preemption": True}, "preemption: jobs of higher tiers interrupt others: give partitions different tiers, or leave it out"),
    ({"preemption": "tier"}, "preemption: "),
    ({"scheduler": {"backfill_period": 30}}, "scheduler.backfill_period: is about plans that each pass makes anew: give a policy of that kind, such as multifactor-replan, or leave it out (got policy 'easy')"),
    ({"scheduler": {"backfill_window": 30}, "policy": "conservative"}, "scheduler.backfill_window: is about plans"),
    ({"scheduler": {"backfill_per_user": 0}, "policy": "replan"}, "scheduler.backfill_per_user: must be at least 1"),
    ({"scheduler": {"backfill_window": 0}, "policy": "replan"}, "scheduler.backfill_window: must be greater than 0"),
    ({"scheduler": {"backfill_period": 40, "period": 30}, "policy": "replan"}, "scheduler.backfill_period: must be a multiple of period, for jobs start at multiples of that alone (got 40 s and 30 s)"),
    ({"preemption": True, "policy": ["easy", "sjf-replan"], "partitions": [{"name": n, "pools": "thin", "tier": int(n == "p"), "where": {"queue": n}} for n in "pq"]}, "preemption: is not offered under a replan policy"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_what_is_wrong_is_said_with_its_place(rules, message):
    with pytest.raises(InputError) as raised:
        made(pools=[pool("thin"), pool("fat")], **rules)
    assert message in str(raised.value)


CLOUD = {"name": "cloud", "kind": "cloud", "nodes": 4, "node": {"cores": 4}, "price_usd_per_hour": 1.0}
MISFITS = [
    ([pool("a"), CLOUD], "pool 'cloud' comes and goes with demand; pools of partitions are always up (always_up: true)"),
    ([pool("a"), pool("b", placement="nodes")], "pools of a partition have one placement: 'a' has cores, 'b' nodes"),
    ([pool("a", placement="nodes"), pool("b", placement="nodes", node={"cores": 8})], "pools of a partition with placement: nodes have equal nodes, but for their speed; those of 'a' and 'b' differ"),
    ([pool("a"), pool("b", accepts={"queue": "q"})], "`where` of partitions alone says which jobs come to pool 'b': leave its accepts out"),
    ([pool("a"), pool("b", burst_after="1 h")], "jobs burst into pool 'b', which no partition may name then"),
]  # fmt: skip


@pytest.mark.parametrize(("pools", "message"), MISFITS, ids=[message[:40] for _, message in MISFITS])
def test_pools_of_a_partition_go_together(pools, message):
    with pytest.raises(InputError, match=r"partitions\.0\.pools") as raised:
        made(pools=pools, partitions=[{"name": "p", "pools": [one["name"] for one in pools]}])
    assert message in str(raised.value)


def test_pools_of_a_partition_may_differ_in_speed():
    nodes = [
        pool(name, placement="nodes", node={"cores": 4, "speed": speed}) for name, speed in (("a", 1.0), ("b", 2.0))
    ]
    assert made(pools=nodes, partitions=[{"name": "p", "pools": ["a", "b"]}]).partitions


def test_outages_are_of_pools_that_are_always_up():
    with pytest.raises(
        InputError, match=r"outages\.0\.pools: pool 'cloud' comes and goes with demand: it has no outages"
    ):
        made(pools=[pool("a"), CLOUD], outages=[{"pools": "cloud", "start": "2026-01-01", "length": "1 h"}])
    everywhere = made(pools=[pool("a"), CLOUD], outages=[{"start": "2026-01-01", "length": "1 h"}])
    assert [away.pool for away in times_away(everywhere.outages, everywhere.pools, MONDAY, DAY)] == []
    assert [away.pool for away in times_away(everywhere.outages, everywhere.pools, begin("2025-12-31"), 9 * DAY)] == [0]


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(InputError) as raised:
        made(
            pools=[pool("thin")],
            partitions=[{"name": "p", "pools": ["a"]}, {"name": "q", "pools": ["b"]}],
            limits=[{"at_most": {"jobs": 1}, "per": "all", "where": {"partition": "r"}}],
        )
    assert len(str(raised.value).splitlines()) == 3


def test_rules_are_not_left_out_in_silence():
    with pytest.raises(InputError, match="the site's clock"):
        simulate(trace(procs=[1]), site(hours=[{"open": "sat"}]))


# Doors


def test_the_first_partition_that_takes_a_job_is_its_door():
    log = trace(partition=["a", "b", "c", "a"], qos=["", "urgent", "", "urgent"], procs=[1, 1, 1, 9])
    urgent = partition("urgent", where={"qos": "urgent"})
    first = partition("first", where={"partition": ["a", "b"]})
    assert doors(log, [urgent, first]).tolist() == [1, 0, NO_DOOR, 0]
    assert doors(log, [first, urgent]).tolist() == [0, 0, NO_DOOR, 0]
    rest = partition("rest", where={"procs_at_least": 5}, default=True)
    assert doors(log, [rest, first]).tolist() == [1, 1, 0, 0]
    assert doors(log, []).tolist() == [NO_DOOR] * 4


def test_a_partition_without_where_takes_all():
    log = trace(procs=[1, 2])
    assert doors(log, [partition("p"), partition("q")]).tolist() == [0, 0]


def test_rules_are_about_the_partitions_of_the_scenario():
    log = trace(partition=["q", "p", "z"])
    swapped = [
        partition("p", where={"partition": "q"}),
        partition("q", where={"partition": "p"}),
    ]
    assert through_doors(log, swapped).partition.tolist() == ["p", "q", ""]
    assert log.partition.tolist() == ["q", "p", "z"]


def test_classes_of_jobs():
    log = trace(estimate_s=[3600, 14400, 14401], user_group=["a", "b", "a"], gpus=[0, 1, 0.5])
    admitted = {
        "estimate_above": ("4 h", [False, False, True]),
        "estimate_at_most": ("4 h", [True, True, False]),
        "account": ("a", [True, False, True]),
        "user_group": (["b"], [False, True, False]),
        "gpus_at_least": (0.5, [False, True, True]),
    }
    for key, (value, expected) in admitted.items():
        assert partition("p", where={key: value}).where.admit(log).tolist() == expected, key


# Hours


def hours(*open_: str, start: Start = MONDAY, until_s: float = 7 * DAY, **more: Any) -> list[tuple[float, float]]:
    """Return the open intervals in hours."""
    return [(a / HOUR, b / HOUR) for a, b in open_intervals(rule(open_, **more), start, until_s)]


def test_windows_of_a_week():
    assert hours("mon 08:00-12:00") == [(8, 12)]
    assert hours("mon,wed 8:00-12:00", "mon 12:00-13:30") == [(8, 13.5), (56, 60)]
    assert hours("sat,sun") == [(120, 168)]
    assert hours("fri 17:00-09:00") == [(113, 129)]
    assert hours("20:00-24:00", until_s=2 * DAY) == [(20, 24), (44, 48)]
    assert hours("20:00-00:00", until_s=2 * DAY) == [(20, 24), (44, 48)]
    assert hours("sun..mon 00:00-01:00", until_s=6 * DAY) == [(0, 1)]


def test_windows_that_touch_are_one():
    # Friday 17:00 until Sunday 24:00 is uninterrupted; the first hours of Monday would be of Sunday's night.
    assert hours("mon..fri 17:00-09:00", "sat,sun") == [(17, 33), (41, 57), (65, 81), (89, 105), (113, 168)]


def test_a_window_of_sunday_night_reaches_into_the_week():
    assert hours("sun 22:00-06:00", until_s=DAY) == [(-2, 6)]


def test_a_rule_that_is_always_open_never_closes():
    assert hours("mon..sun") == [(-math.inf, math.inf)]
    assert hours("00:00-12:00", "12:00-24:00") == [(-math.inf, math.inf)]


def test_outside_from_and_until_everything_is_allowed():
    tuesday, thursday = "2026-01-06", "2026-01-08T12:00"
    assert hours("12:00-13:00", from_=tuesday) == [
        (-math.inf, 24),
        (36, 37),
        (60, 61),
        (84, 85),
        (108, 109),
        (132, 133),
        (156, 157),
    ]
    assert hours("12:00-13:00", until=thursday) == [(12, 13), (36, 37), (60, 61), (84, math.inf)]
    assert hours("sat", from_=tuesday, until=thursday) == [(-math.inf, 24), (84, math.inf)]
    assert hours("sat", until="2025-12-24") == [(-288, math.inf)]


def test_the_last_interval_is_whole():
    assert hours("mon..fri 17:00-09:00", until_s=18 * HOUR) == [(17, 33)]


PARIS = ZoneInfo("Europe/Paris")


def test_summer_time():
    # On 2026-03-29 the clock goes from 2:00 to 3:00.
    spring = begin("2026-03-29", PARIS)
    assert hours("02:30-05:00", start=spring, until_s=DAY) == [(2, 4)]
    assert hours("01:00-02:30", start=spring, until_s=DAY) == [(1, 2)]
    assert hours("12:00-13:00", start=spring, until_s=DAY) == [(11, 12)]
    # On 2026-10-25 it goes from 3:00 back to 2:00.
    autumn = begin("2026-10-25", PARIS)
    assert hours("02:00-02:30", start=autumn, until_s=DAY) == [(2, 2.5), (3, 3.5)]
    assert hours("01:00-04:00", start=autumn, until_s=DAY) == [(1, 5)]


TIMES = st.integers(0, 47).map(lambda half: f"{half // 2:02d}:{half % 2 * 30:02d}")
WINDOWS = st.tuples(
    st.sampled_from(["mon", "tue..thu", "fri,sun", "sat..mon", "mon..sun"]), TIMES, TIMES
).filter(lambda window: window[1] != window[2])  # fmt: skip


@given(
    windows=st.lists(WINDOWS, min_size=1, max_size=3),
    start=st.datetimes(parse_local("2025-12-01"), parse_local("2026-12-01")).map(
        lambda one: one.replace(minute=0, second=0, microsecond=0)
    ),
    zone=st.sampled_from([None, PARIS, ZoneInfo("America/New_York")]),
    held=st.tuples(st.integers(0, 30), st.integers(1, 30)) | st.none(),
)
def test_an_instant_is_open_if_the_clock_shows_a_time_of_a_window(windows, start, zone, held):
    if zone is not None:  # a clock that shows this time, and only once
        start = start.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0)
    more = (
        {}
        if held is None
        else {"from": str(start.date() + timedelta(held[0])), "until": str(start.date() + timedelta(sum(held)))}
    )
    windowed = rule([f"{days} {a}-{b}" for days, a, b in windows], **more)
    until_s = 40 * DAY
    intervals = open_intervals(windowed, Start(start, "", zone), until_s)
    assert (intervals[:, 0] < intervals[:, 1]).all()
    assert (intervals[1:, 0] > intervals[:-1, 1]).all()
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    def day_is_in(days: str, day: int) -> bool:
        for part in days.split(","):
            first, _, last = part.partition("..")
            a, b = names.index(first), names.index(last or first)
            if (day - a) % 7 <= (b - a) % 7:
                return True
        return False

    for half in range(0, int(until_s / 1800), 7):
        t = half * 1800.0 + 900.0
        if zone is None:
            shown = start + timedelta(seconds=t)
        else:
            shown = datetime.fromtimestamp(start.replace(tzinfo=zone).timestamp() + t, zone).replace(tzinfo=None)
        clock = shown.strftime("%H:%M")
        expected = any(
            (a <= clock < b and day_is_in(days, shown.weekday()))
            or (b < a and clock >= a and day_is_in(days, shown.weekday()))
            or (b < a and clock < b and day_is_in(days, (shown.weekday() - 1) % 7))
            for days, a, b in windows
        )
        if more and not datetime.fromisoformat(more["from"]) <= shown < datetime.fromisoformat(more["until"]):
            expected = True
        found = bool(((intervals[:, 0] <= t) & (t < intervals[:, 1])).any())
        assert found == expected, (t, shown)


def test_several_rules_must_all_allow():
    nights = pieces_of(open_intervals(rule("18:00-08:00"), MONDAY, 3 * DAY), -math.inf, math.inf, whole=True)
    early = pieces_of(open_intervals(rule("mon..fri 00:00-06:00"), MONDAY, 3 * DAY), -math.inf, math.inf, whole=False)
    both = in_common([nights, early])
    both = both[both[:, 0] < 3 * DAY]
    assert (both / HOUR)[:3].tolist() == [[0, 6, 8], [24, 30, 32], [48, 54, 56]]
    assert in_common([early]).tolist() == early.tolist()


def test_rules_of_the_clock_do_not_go_with_compressed_arrivals():
    denser = compress(trace(submit_s=[0, 10, 50], procs=[1, 1, 1]), 2)
    for rules in ({"hours": [{"open": "sat"}]}, {"outages": [{"start": "2026-01-05T08:00", "length": "1 h"}]}):
        with pytest.raises(InputError, match="jobs come at other hours"):
            simulate(denser, site(**rules), start=MONDAY)
    simulate(denser, site(scheduler={"period": 30}), engine="simpy", start=MONDAY)


def test_rules_of_the_clock_need_a_date():
    log = trace(procs=[1])
    cluster = site(hours=[{"open": "sat"}], outages=[{"start": "2026-01-01", "length": "1 h"}])
    fault = clock_fault(log, cluster, None)
    assert fault is not None
    assert fault.startswith("economics.start: is missing, for hours and outages are about the site's clock")
    assert clock_fault(log, cluster, "2026-01-01T00:00") is None
    assert clock_fault(log, site(scheduler={"period": 30}), None) is None


# Outages

THIN, FAT = site().pools


def away(begins: Start = MONDAY, until_s: float = 30 * DAY, **more) -> list[Away]:
    return times_away([outage(**more)], [THIN, FAT], begins, until_s)


def test_an_outage_of_all_pools():
    assert away(start="2026-01-06T08:00", length="8 h") == [
        Away(32 * HOUR, 40 * HOUR, 0, None, False),
        Away(32 * HOUR, 40 * HOUR, 1, None, False),
    ]


def test_an_outage_that_comes_again():
    weekly = away(
        pools="fat", nodes=3, start="2026-01-06T08:00", length="8 h", every="1 week", then="stop", until_s=15 * DAY
    )
    assert weekly == [Away(day * DAY + 8 * HOUR, day * DAY + 16 * HOUR, 1, 3, True) for day in (1, 8)]


def test_outages_before_the_replay():
    assert away(pools="thin", start="2026-01-04T20:00", length="8 h") == [Away(0.0, 4 * HOUR, 0, None, False)]
    assert away(pools="thin", start="2026-01-04T20:00", length="4 h") == []
    assert away(pools="thin", start="1999-01-04T00:00", length="1 h", every="1 week", until_s=8 * DAY) == [
        Away(0.0, HOUR, 0, None, False),
        Away(7 * DAY, 7 * DAY + HOUR, 0, None, False),
    ]


def test_outages_keep_the_hour_of_the_clock():
    march = begin("2026-03-22", PARIS)  # a Sunday; on the next, an hour is skipped
    found = away(march, pools="thin", start="2026-03-22T08:00", length="2 h", every="1 week", until_s=8 * DAY)
    assert [(one.start_s / HOUR, one.end_s / HOUR) for one in found] == [(8, 10), (7 * 24 + 7, 7 * 24 + 9)]


def test_outages_are_in_order():
    outages = [
        outage(start="2026-01-07", length="1 h"),
        outage(pools="fat", start="2026-01-06", length="1 h", every="1 d"),
    ]
    found = times_away(outages, [THIN, FAT], MONDAY, 3 * DAY)
    assert [(one.start_s / DAY, one.pool) for one in found] == [(1, 1), (2, 0), (2, 1), (2, 1)]
    assert np.all(np.diff([one.start_s for one in found]) >= 0)
