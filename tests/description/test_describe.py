"""What is in a log and what is wrong with it: a profile worked out by hand, one defect at a time, and real logs."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pwsim
from pwsim import InputError, Trace, read_trace
from pwsim.description import job_checks, log_checks
from pwsim.description.profile import profile_of
from pwsim.description.text import facts
from pwsim.figures import OF_LOG, style
from pwsim.trace.formats.reading import write_trace
from tests.cli.test_hostile import pwsim as command

DAY_S, HOUR_S = 86400.0, 3600.0

# Eight days from a Monday at 6:00.  The machine has 10 processors.
#   job  submit       run     procs  estimate  wait  user     core-hours
#   1    0            7200 s  4      14400     0     ann      8
#   2    3600         3600 s  8      3600      3600  ann      8    starts at 7200, when job 1 has ended
#   3    1 d          0 s     1      60        120   bob      0
#   4    1 d 4 h      36000 s 2      30000     0     bob      20   ran past its estimate
#   5    8 d          90 s    1      (none)    0     (none)   0.025
HAND = {
    "submit_s": [0, 3600, DAY_S, DAY_S + 4 * HOUR_S, 8 * DAY_S],
    "run_s": [7200, 3600, 0, 36000, 90.5],
    "procs": [4, 8, 1, 2, 1],
    "estimate_s": [14400, 3600, 60, 30000, -1],
    "recorded_wait_s": [0, 3600, 120, 0, 0],
    "user": ["ann", "ann", "bob", "bob", ""],
}
MONDAY = {"UnixStartTime": "1704088800", "MaxProcs": "10"}  # 2024-01-01T06:00 UTC


def drawn(profile: dict[str, Any]) -> list[str]:
    """Return the names of the figures that a page of a log shows."""
    return [name for name, one in OF_LOG.items() if one.is_shown({"profile": profile})]


@pytest.fixture
def hand() -> dict[str, Any]:
    return pwsim.describe(Trace.from_columns(HAND, name="hand", header=MONDAY)).profile


def test_load_by_hand(hand):
    work = 8 + 8 + 0 + 20 + 90.5 / 3600
    assert hand["run_s"]["core_hours"] == pytest.approx(work)
    assert hand["load"]["offered_load"] == pytest.approx(work / (10 * 8 * 24))
    first, last = hand["load"]["by_week"]
    assert (first["days"], first["jobs"], first["core_hours"]) == (7, 4, 36)
    assert first["offered_load"] == pytest.approx(36 / (10 * 7 * 24))
    assert (last["days"], last["jobs"]) == (1, 1)
    assert last["offered_load"] == pytest.approx(90.5 / (10 * DAY_S))
    assert hand["machine"] == {
        "cores": 10, "source": "MaxProcs of the header", "nodes": None, "procs": 10, "a_proc_a_node_jobs": 0,
        "most_nodes": 0, "most_in_use": 8, "too_wide_jobs": 0, "too_wide_share": 0.0, "too_wide_work_share": 0.0,
        "widest": 8,
    }  # fmt: skip


def test_calendar_by_hand(hand):
    assert (hand["span"]["first_submit"], hand["span"]["last_submit"]) == ("2024-01-01 06:00", "2024-01-09 06:00")
    assert {hour: jobs for hour, jobs in enumerate(hand["arrivals"]["by_hour"]) if jobs} == {6: 3, 7: 1, 10: 1}
    assert hand["arrivals"]["by_weekday"] == [2, 3, 0, 0, 0, 0, 0]  # the last is a Tuesday
    assert hand["gaps"] == []  # with five jobs, a week without one is chance


def test_estimates_by_hand(hand):
    one = hand["estimates"]
    assert one["missing_share"] == 0.2
    assert (one["used"]["min"], one["used"]["p50"], one["used"]["max"]) == (0, 0.5, 1.2)
    assert [row["jobs"] for row in one["used_classes"]] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1]
    assert (one["at_limit_share"], one["beyond_limit_jobs"]) == (0.2, 1)  # job 2; job 4
    assert one["at_limit_work_share"] == pytest.approx(8 / (36 + 90.5 / 3600))


def test_users_by_hand(hand):
    one = hand["users"]
    assert (one["count"], one["unnamed_share"], one["with_half_of_the_work"]) == (2, 0.2, 1)
    assert [(row["name"], row["jobs"], row["core_hours"], row["widest"]) for row in one["largest"]] == [
        ("bob", 2, 20, 2), ("ann", 2, 16, 8),
    ]  # fmt: skip


def test_sizes_runs_and_waits_by_hand(hand):
    assert [(row["from"], row["to"], row["jobs"], row["core_hours"]) for row in hand["procs"]["classes"]] == [
        (1, 2, 2, pytest.approx(90.5 / 3600)), (2, 3, 1, 20), (3, 5, 1, 8), (5, 9, 1, 8),
    ]  # fmt: skip
    assert (hand["run_s"]["zero_share"], hand["run_s"]["p50"], hand["run_s"]["max"]) == (0.2, 3600, 36000)
    assert (hand["waits"]["zero_share"], hand["waits"]["recorded_s"]["mean"]) == (0.6, 744)
    assert hand["rounding"] == {"submit_s": 1.0, "run_s": None, "recorded_wait_s": None}  # of few times nothing is said
    assert hand["cut_off"] == {
        "jobs": 1,
        "job_share": 0.2,
        "work_share": pytest.approx(90.5 / 3600 / 36.0251, rel=1e-3),
        "different_run_s": 1,
        "said_to_run": 0,
    }


def test_the_zone_of_hours():
    trace = Trace.from_columns({"submit_s": [1704088800, 1704088800 + DAY_S], "run_s": [60, 60], "procs": [1, 1]})
    for zone, hour, day in (("UTC", 6, "2024-01-01 06:00"), ("America/Denver", 23, "2023-12-31 23:00")):
        profile = pwsim.describe(trace, time_zone=zone).profile
        assert (profile["arrivals"]["by_hour"][hour], profile["span"]["first_submit"]) == (2, day)


# A job at 9:10 on the clock of Paris on each day of 2024, a leap year that begins on a Monday; summer time is from 31
# March to 27 October.  By one offset, that of the first, 210 of them would come an hour earlier.
DAILY_S = [
    datetime(2024, 1, 1, 9, 10, tzinfo=ZoneInfo("Europe/Paris")).timestamp() + day * DAY_S - HOUR_S * (90 <= day < 300)
    for day in range(366)
]
OF_2024 = [53, 53, 52, 52, 52, 52, 52]


def hours(profile: dict[str, Any]) -> dict[int, int]:
    return {hour: jobs for hour, jobs in enumerate(profile["arrivals"]["by_hour"]) if jobs}


def test_hours_are_those_of_the_clock_in_summer_too():
    submissions = {"run_s": [60] * 366, "procs": [1] * 366}
    by_option = Trace.from_columns({"submit_s": DAILY_S, **submissions})
    since_s = [at - DAILY_S[0] for at in DAILY_S]
    said = {"UnixStartTime": str(int(DAILY_S[0])), "TimeZone": "3600", "TimeZoneString": "Europe/Paris"}
    by_header = Trace.from_columns({"submit_s": since_s, **submissions}, header=said)
    for trace, zone in ((by_option, "Europe/Paris"), (by_header, "UTC")):
        profile = pwsim.describe(trace, time_zone=zone).profile
        assert hours(profile) == {9: 366}
        assert profile["arrivals"]["by_weekday"] == OF_2024
    assert hours(pwsim.describe(by_option, time_zone="UTC").profile) == {8: 156, 7: 210}
    # Of an offset alone nobody knows whether there is summer time.
    del said["TimeZoneString"]
    offset = Trace.from_columns({"submit_s": since_s, **submissions}, header=said)
    assert hours(pwsim.describe(offset).profile) == {9: 156, 8: 210}


def test_dates_are_those_of_the_clock_in_summer_too():
    """From winter into summer: the last submission, and the start of a gap."""
    at_s = [*DAILY_S[:100], *DAILY_S[200:250]]
    trace = Trace.from_columns({"submit_s": at_s, "run_s": [60] * 150, "procs": [1] * 150})
    profile = pwsim.describe(trace, time_zone="Europe/Paris").profile
    assert (profile["span"]["first_submit"], profile["span"]["last_submit"]) == ("2024-01-01 09:10", "2024-09-06 09:10")
    assert [gap["start"] for gap in profile["gaps"]] == ["2024-04-09 09:10"]


@pytest.mark.parametrize(
    ("file", "first", "last", "end"),
    [
        ("KTH-SP2-1996-2.swf.gz", "1996-09-23 14:00", "1997-08-29 10:34", "Fri Aug 29 10:55:01 CEST 1997"),
        ("NASA-iPSC-1993-3.1-cln.swf.gz", "1993-10-01 00:00", "1993-12-31 23:02", "Fri Dec 31 23:03:45 PST 1993"),
    ],
)
def test_dates_of_real_logs_are_those_of_their_headers(file, first, last, end, data_dir):
    """Both end on the other side of a change of the clock, at a local time that their headers tell (``EndTime``)."""
    trace = read_trace(data_dir / "traces" / "swf" / file)
    profile = pwsim.describe(trace).profile
    assert (profile["span"]["first_submit"], profile["span"]["last_submit"]) == (first, last)
    zone, start_s = ZoneInfo(trace.header["TimeZoneString"]), int(trace.header["UnixStartTime"])
    last_s = float((trace.submit_s + np.nan_to_num(trace.recorded_wait_s) + trace.run_s).max())
    assert trace.header["EndTime"] == end
    assert datetime.fromtimestamp(start_s + last_s, tz=zone).strftime("%a %b %d %H:%M:%S %Z %Y") == end
    local = [datetime.fromtimestamp(start_s + at, tz=zone) for at in trace.submit_s]
    assert profile["arrivals"]["by_hour"] == np.bincount([at.hour for at in local]).tolist()
    assert profile["arrivals"]["by_weekday"] == np.bincount([at.weekday() for at in local]).tolist()


def test_an_arbitrary_clock_has_no_weekdays():
    profile = pwsim.describe(pwsim.generate(jobs=200, cores=8, load=0.5, seed=1)).profile
    assert (profile["span"]["first_submit"], profile["arrivals"]["by_weekday"]) == (None, None)
    assert "weekdays" not in drawn(profile)


# A log with nothing wrong: ten weeks, a job every half hour or so by chance, 20 users, memory, estimates, waits.
def healthy(rows: int = 3360, **changes: Any) -> dict[str, Any]:
    random = np.random.default_rng(1)
    run_s = np.floor(random.uniform(600, 7200, rows))
    columns = {
        "submit_s": np.sort(np.floor(random.uniform(0, 70 * DAY_S, rows))),
        "run_s": run_s,
        "procs": random.integers(1, 9, rows),
        "estimate_s": 60 * np.ceil(run_s / 60 * 2),
        "recorded_wait_s": np.floor(random.exponential(600, rows)),
        "user": np.array([f"user{number}" for number in random.integers(0, 20, rows)]),
        "memory_mib": np.full(rows, 1024),
    }
    new = {name: change(columns) if callable(change) else change for name, change in changes.items()}
    return columns | {name: np.broadcast_to(values, rows) for name, values in new.items()}


def verdicts(columns: dict[str, Any], cores: int | None = 16, **about: Any) -> dict[str, Any]:
    described = pwsim.describe(Trace.from_columns(columns, **about), cores)
    return {verdict.topic: verdict for verdict in described.verdicts}


def test_nothing_is_wrong_with_a_healthy_log():
    found = verdicts(healthy(), cores=48)
    assert {topic: one.finding for topic, one in found.items() if one.level != "ok"} == {}
    assert len(found) == len(log_checks.CHECKS) + len(job_checks.CHECKS) - 3  # no GPUs or nodes, nothing cut off


def where(condition: Any, name: str, value: Any) -> Any:
    """Return what changes a column where a condition on the columns holds."""
    return lambda columns: np.where(condition(columns), value, columns[name])


DEFECTS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    # what: topic, level, changed columns, options
    "lost records": ("Records", "problem", {"run_s": where(lambda c: c["procs"] == 1, "run_s", -1)}, {}),
    "some lost records": ("Records", "warning", {"run_s": where(lambda c: c["submit_s"] < DAY_S, "run_s", -1)}, {}),
    "jobs never started": ("Records", "warning", {}, {"dropped": {"not_started": 1000}}),
    "duplicates": ("Records", "ok", {}, {"dropped": {"duplicate": 100}}),
    "few jobs": ("Number of jobs", "problem", {"rows": 90}, {}),
    "not many jobs": ("Number of jobs", "warning", {"rows": 900}, {}),
    "three weeks": ("Length", "warning", {"submit_s": lambda c: c["submit_s"] * 0.3}, {}),
    "three days": ("Length", "problem", {"submit_s": lambda c: c["submit_s"] * 0.05}, {}),
    "unknown machine": ("Machine", "warning", {}, {"cores": None}),
    "machine too small for what it held": ("Machine", "warning", {}, {"cores": 12}),
    "machine far too large": ("Machine", "warning", {}, {"cores": 1000}),
    "overload": ("Load", "problem", {"submit_s": lambda c: c["submit_s"] * 0.5}, {"cores": 16}),
    "high load": ("Load", "warning", {}, {"cores": 10}),
    "hardly any load": ("Load", "warning", {}, {"cores": 1000}),
    "one wide job": ("Widest job", "warning", {"procs": where(lambda c: c["submit_s"] == c["submit_s"][7], "procs", 99)}, {}),
    "many wide jobs": ("Widest job", "problem", {}, {"cores": 7}),
    "thin first weeks": ("Start and end", "warning", {"procs": where(lambda c: c["submit_s"] < 14 * DAY_S, "procs", 1)}, {}),
    "thin last week": ("Start and end", "warning", {"run_s": where(lambda c: c["submit_s"] > 56 * DAY_S, "run_s", 601)}, {}),
    "exported by end": ("Start and end", "problem", {"submit_s": lambda c: np.append(0, c["submit_s"][1:] * 0.3 + 60 * DAY_S)}, {}),
    "growth": ("Course", "warning", {"procs": where(lambda c: c["submit_s"] > 35 * DAY_S, "procs", 9)}, {}),
    "one busy week": ("Course", "warning", {"procs": where(lambda c: c["submit_s"] // (7 * DAY_S) == 5, "procs", 15)}, {}),
    "a gap of four days": ("Gaps", "warning", {"submit_s": lambda c: c["submit_s"] + np.where(c["submit_s"] > 30 * DAY_S, 4 * DAY_S, 0)}, {}),
    "a gap of two days": ("Gaps", "ok", {"submit_s": lambda c: c["submit_s"] + np.where(c["submit_s"] > 30 * DAY_S, 2 * DAY_S, 0)}, {}),
    "no users": ("Users", "warning", {"user": ""}, {}),
    "one user": ("Users", "warning", {"user": where(lambda c: c["procs"] > 3, "user", "ann")}, {}),
    "a flurry": ("Flurries", "warning", {
        "submit_s": lambda c: np.append(c["submit_s"][:-500], 30 * DAY_S + np.arange(500)),
        "user": lambda c: np.append(c["user"][:-500], ["ann"] * 500),
        "procs": lambda c: np.append(c["procs"][:-500], np.ones(500, int)),
    }, {}),
    "no estimates": ("Estimates", "warning", {"estimate_s": -1}, {}),
    "every other estimate": ("Estimates", "warning", {"estimate_s": where(lambda c: c["procs"] % 2 == 1, "estimate_s", -1)}, {}),
    "loose estimates": ("Estimates", "warning", {"estimate_s": lambda c: c["estimate_s"] * 20}, {}),
    "estimates outlived": ("Estimates", "warning", {"estimate_s": where(lambda c: c["procs"] == 1, "estimate_s", 300)}, {}),
    "cut at limits": ("Limits", "warning", {"run_s": where(lambda c: c["procs"] < 3, "run_s", 7200), "estimate_s": 7200}, {}),
    "cut at a limit that is not recorded": ("Limits", "warning", {"run_s": lambda c: np.minimum(c["run_s"], 3601), "estimate_s": -1}, {}),
    "cut off by the end": ("Unfinished jobs", "problem", {
        "run_s": lambda c: np.where(np.arange(3360) < 40, 71 * DAY_S - c["submit_s"] - c["recorded_wait_s"], c["run_s"]),
    }, {"cores": 400}),
    "ten jobs are all": ("Largest jobs", "warning", {"run_s": where(lambda c: np.arange(len(c["procs"])) % 400 == 3, "run_s", 40 * DAY_S)}, {"cores": 400}),
    "runs of no time": ("Zero run times", "warning", {"run_s": where(lambda c: c["procs"] == 1, "run_s", 0)}, {}),
    "no waits": ("Recorded waits", "warning", {"recorded_wait_s": np.nan}, {}),
    "all waits 0": ("Recorded waits", "warning", {"recorded_wait_s": 0}, {}),
    "submissions by the minute": ("Clock", "warning", {"submit_s": lambda c: c["submit_s"] // 60 * 60 + 17}, {}),
    "waits by the minute": ("Clock", "warning", {"recorded_wait_s": lambda c: c["recorded_wait_s"] // 60 * 60}, {}),
    "no memory": ("Memory", "warning", {"memory_mib": 0}, {}),
    "memory of some": ("Memory", "warning", {"memory_mib": where(lambda c: c["procs"] < 3, "memory_mib", 0)}, {}),
    "GPUs": ("GPUs", "warning", {"gpus": 0.5}, {}),
}  # fmt: skip


# Where several defects share a topic: words by which the verdict is the right one.
WORDS = {
    "lost records": "Their work is missing",
    "jobs never started": "may be demand that went unserved",
    "unknown machine": "By the recorded waits, at most",
    "machine too small for what it held": "jobs held up to",
    "machine far too large": "Check the size",
    "overload": "It cannot do that",
    "high load": "Waits depend on small things",
    "hardly any load": "is of all of it",
    "one wide job": "`where: {procs_at_most: 48}`",
    "thin first weeks": "The first 2 weeks ask",
    "thin last week": "The last full week asks for less than half of what is usual. That makes the machine look idler than it is: cut it off with `window: {length: 56 d}`",
    "exported by end": "hold 1 % of the jobs",
    "growth": "`grow`",
    "one busy week": "decide the long waits",
    "no users": "100 % of the jobs have no user",
    "one user": "user ann has",
    "a flurry": "500 jobs (14.9 %) come in 1 surge",
    "no estimates": "The log has no estimates",
    "every other estimate": "of the jobs have no estimate",
    "loose estimates": "say little",
    "estimates outlived": "`overrun: allow`",
    "cut at limits": "ended at their limit",
    "cut at a limit that is not recorded": "the longest there is",
    "no waits": "Not recorded",
    "all waits 0": "All are 0",
    "submissions by the minute": "Submissions are whole minutes",
    "waits by the minute": "Recorded waits are whole minutes",
    "no memory": "Not recorded",
    "memory of some": "Known of 7",
}


@pytest.mark.parametrize("what", DEFECTS)
def test_defects(what):
    topic, level, changes, options = DEFECTS[what]
    options = {"cores": 48, **options}
    one = verdicts(healthy(**changes), **options)[topic]
    assert one.level == level, one
    assert bool(one.advice) == (level != "ok")
    assert WORDS.get(what, "") in f"{one.finding} {one.advice}"


@pytest.mark.parametrize(("cores", "level"), [(7, "warning"), (8, "ok"), (16, "ok"), (17, "warning")])
def test_machine_by_hand(cores, level):
    """By the recorded waits, the jobs above hold 8 processors at most: more than 7, and less than half of 17."""
    assert verdicts(HAND, cores)["Machine"].level == level


def test_every_check_has_a_defect_that_it_finds():
    """With the test above: no check is without a case in which it speaks up."""
    found = verdicts(healthy(gpus=1.0, recorded_wait_s=0.0, run_s=60.0))
    assert set(found) | {"Unfinished jobs"} == {topic for topic, level, _, _ in DEFECTS.values() if level != "ok"}


def test_advice_is_what_a_scenario_takes():
    """The window that is advised cuts the thin weeks off: described again, the log is fine."""
    thin = where(lambda c: c["submit_s"] * 1.2 < 14 * DAY_S, "procs", 1)
    trace = Trace.from_columns(
        healthy(submit_s=lambda c: c["submit_s"] * 1.2, procs=thin)
    )  # twelve weeks, two of them thin
    before = next(one for one in pwsim.describe(trace, 48).verdicts if one.topic == "Start and end")
    assert "`window: {start: 14 d}`" in before.advice
    after = {one.topic: one.level for one in pwsim.describe(pwsim.window(trace, 14 * DAY_S), 48).verdicts}
    assert after["Start and end"] == "ok"


@pytest.mark.parametrize(("days", "level"), [(55, None), (57, "ok")])
def test_a_log_of_few_weeks_is_too_short_to_tell_a_thin_end(days, level):
    """Its last days may be empty: with less than eight full weeks, nobody looks."""
    one = verdicts(healthy(submit_s=lambda c: c["submit_s"] / 70 * days), cores=60)
    assert (one["Start and end"].level if "Start and end" in one else None) == level


@pytest.mark.parametrize(("days", "level"), [(14, None), (16, "problem")])
def test_a_log_of_two_weeks_is_too_short_to_tell_flurries(days, level):
    """Nine in ten jobs come from bob within eight hours, as many as in no other week of his: in two weeks none is found."""
    random = np.random.default_rng(1)
    usual_s = random.uniform(0, days * DAY_S - 1, 1000)
    columns = {
        "submit_s": np.append(usual_s, 3 * DAY_S + random.uniform(0, 8 * HOUR_S, 8989)),
        "run_s": np.full(9989, 60),
        "procs": np.ones(9989),
        "user": np.array([*(f"user{at % 20}" for at in range(999)), *["bob"] * 8990]),
    }
    found = verdicts(columns, 500)
    assert found["Users"].level == "warning"
    assert (found["Flurries"].level if "Flurries" in found else None) == level


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "all of the same run time: they may have ended together"),
        ({"run_s": [600, 600, 600, 700, 700, 800]}, "of 3 different run times: they may have ended together"),
        ({"run_s": [600, 610, 620, 630, 640, 650]}, "last instant: they were running on"),
        ({"recorded_status": ["RUNNING"] * 5 + ["COMPLETED"]}, "last instant: they were running on"),
        ({"recorded_status": ["COMPLETED"] * 6}, "they may have ended together"),
    ],
)
def test_jobs_that_end_with_the_log_may_be_one_array(changes, words):
    """Six jobs that end at the last instant: of one submission and run time, or cut off after different ones."""
    array = {"recorded_status": [""] * 6, "run_s": [600] * 6} | changes
    submit_s = np.append(np.arange(200) * HOUR_S, 210 * HOUR_S - np.array(array["run_s"]))
    one = verdicts(
        {
            "submit_s": submit_s,
            "run_s": np.append(np.full(200, 600), array["run_s"]),
            "procs": np.ones(206),
            "recorded_wait_s": np.zeros(206),
            "recorded_status": [""] * 200 + array["recorded_status"],
        }
    )["Unfinished jobs"]
    assert one.finding.startswith("6 jobs, with ")
    assert words in one.finding
    assert one.level == "warning"


def test_shares_of_whole_minutes_by_hand():
    """Six instants, five of them at second 7; five different run times of seven, and five of six waits."""
    trace = Trace.from_columns(
        {
            "submit_s": [7, 67, 127, 187, 247, 308, 308],
            "run_s": [0, 60, 60, 120, 180, 61, 62],
            "procs": [1] * 7,
            "recorded_wait_s": [0, 60, 120, 180, 240, 300, 61],
        }
    )
    assert profile_of(trace)["rounding"] == {
        "submit_s": pytest.approx(5 / 6), "run_s": pytest.approx(4 / 6), "recorded_wait_s": pytest.approx(5 / 6),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("submit_s", "finding"),
    [
        ([0], None),
        ([60] * 1000, None),
        ([0, 60, 120, 180], None),
        ([0, 60, 120, 180, 240], "Submissions are whole minutes."),
        ([0, 61, 122, 183, 244], "Times are exact to the second."),
        ([60] * 1000 + list(range(61, 122, 7)), "Times are exact to the second."),  # an array, and nine other jobs
    ],
)
def test_a_handful_of_submissions_tells_nothing_of_the_clock(submit_s, finding):
    found = verdicts({"submit_s": submit_s, "run_s": [60] * len(submit_s), "procs": [1] * len(submit_s)})
    assert (found["Clock"].finding if "Clock" in found else None) == finding


@pytest.mark.parametrize(
    ("first_jobs", "run_s", "said"),
    [(40, 9 * HOUR_S, True), (40, 600, False), (40, 6400, False), (3, 9 * HOUR_S, False)],
)
def test_an_export_by_end_is_told_by_its_first_jobs_being_long(first_jobs, run_s, said):
    """Sixty days with the first hundredth of the jobs, then ten with the others, which run for 2 h at most."""
    rows = 100 * first_jobs
    early = np.arange(rows) < first_jobs
    columns = healthy(
        rows,
        submit_s=lambda c: np.where(early, np.arange(rows) / first_jobs * 60 * DAY_S, 60 * DAY_S + c["submit_s"] / 7),
        run_s=lambda c: np.where(early, run_s, c["run_s"]),
    )
    one = verdicts(columns, cores=400)["Start and end"]
    assert "hold 1 % of the jobs" in one.finding
    assert ("exported by the end of jobs" in one.finding) == said
    assert ("With it goes" in one.advice) == said  # a cut that takes much work away says so


def test_a_thin_start_with_most_of_the_work_is_no_thing_to_cut_off_unseen():
    early = np.arange(400) < 3
    columns = healthy(
        400,
        submit_s=lambda c: np.where(early, np.arange(400) * 20 * DAY_S, 60 * DAY_S + c["submit_s"] / 7),
        run_s=np.where(early, 20 * DAY_S, 60),
        procs=8,
    )
    one = verdicts(columns, cores=400)["Start and end"]
    assert "of the work: look at its jobs before you cut it off" in one.advice


jobs = st.lists(
    st.tuples(
        st.integers(0, 10**7), st.sampled_from([0, 1, 59, 60, 3600, 10**6]), st.integers(1, 300),
        st.sampled_from([-1, 60, 3600]), st.sampled_from([np.nan, 0, 60, 61]), st.sampled_from(["", "ann", "bob"]),
    ),
    min_size=1, max_size=30,
)  # fmt: skip


@settings(max_examples=60)
@given(jobs, st.sampled_from([None, 1, 64]))
def test_nothing_gets_lost(rows, cores):
    """Whatever the log: classes, weeks, hours and users add up to it, in JSON as well, and every check has an answer."""
    submit_s, run_s, procs, estimate_s, wait_s, user = zip(*rows, strict=True)
    trace = Trace.from_columns(
        {"submit_s": submit_s, "run_s": run_s, "procs": procs, "estimate_s": estimate_s, "recorded_wait_s": wait_s, "user": user}
    )  # fmt: skip
    described = pwsim.describe(trace, cores)
    profile = json.loads(described.to_json())
    work = float((trace.run_s * trace.procs).sum()) / 3600
    for tables in (profile["procs"]["classes"], profile["run_s"]["classes"], profile["load"]["by_week"]):
        assert sum(row["jobs"] for row in tables) == len(rows)
        assert sum(row["core_hours"] for row in tables) == pytest.approx(work)
    assert sum(profile["arrivals"]["by_hour"]) == len(rows)
    named = sum(row["job_share"] for row in profile["users"]["largest"])
    assert named + profile["users"]["unnamed_share"] == pytest.approx(1)
    assert sum(row["jobs"] for row in profile["waits"]["classes"]) == np.count_nonzero(~np.isnan(wait_s))
    assert {one["level"] for one in profile["verdicts"]} <= {"ok", "warning", "problem"}
    assert len({one["topic"] for one in profile["verdicts"]}) == len(profile["verdicts"])
    assert all("nan" not in f"{one['finding']} {one['advice']}" for one in profile["verdicts"])
    assert str(described)


@settings(max_examples=60)
@given(jobs)
def test_most_in_use_is_what_a_clock_counts(rows):
    submit_s, run_s, procs, _, _, _ = zip(*rows, strict=True)
    trace = Trace.from_columns(
        {
            "submit_s": [at % 50 for at in submit_s],
            "run_s": [run % 59 for run in run_s],
            "procs": procs,
            "recorded_wait_s": [1] * len(rows),
        }
    )
    start_s = trace.submit_s + 1
    counted = [trace.procs[(start_s <= at) & (at < start_s + trace.run_s)].sum() for at in range(120)]
    assert profile_of(trace)["machine"]["most_in_use"] == max(counted)


def test_figures(tmp_path):
    described = pwsim.describe(Trace.from_columns(healthy(), header=MONDAY), 48)
    assert set(drawn(described.profile)) == set(OF_LOG) - {"gpu_load", "gpus"}
    for kind in drawn(described.profile):
        ax = described.plot(kind)
        assert ax.get_xlabel()
        assert described.plot(kind, ax) is ax
        style.save(ax, tmp_path, kind)
    bars = described.plot("hours")
    assert sum(bar.get_height() for bar in bars.containers[0]) == pytest.approx(100)
    style.save(bars, tmp_path, "hours")
    with pytest.raises(ValueError, match=r"kind must be one of gpu_load, gpus, load, sizes, .*\(got 'lode'\)"):
        described.plot("lode")


def test_logs_of_gpus_are_described_by_their_gpus_first(tmp_path):
    # Two weeks and a day.  Of four jobs, three ask for GPUs: half of one, 2 and 8 of them, for 100 h each.
    columns = {"submit_s": [0, 0, 0, 15 * 86_400], "run_s": [360_000] * 4, "procs": [4] * 4, "gpus": [0.5, 2, 0, 8]}
    described = pwsim.describe(Trace.from_columns(columns))
    profile, hours = described.profile, 15 * 24
    assert [week["gpus_in_demand"] for week in profile["load"]["by_week"]] == pytest.approx([250 / 168, 0, 800 / 24])
    assert profile["gpus"]["gpus_in_demand"] == pytest.approx(1050 / hours)
    rows = [(row["from"], row["jobs"], row["gpu_hours"]) for row in profile["gpus"]["classes"]]
    assert rows == [(0, 1, 50), (1, 0, 0), (2, 1, 200), (3, 0, 0), (5, 1, 800)]
    lines = dict(facts(profile))
    assert lines["Work"] == "1,050 GPU-hours (75 % of the jobs), 1,600 core-hours"
    assert lines["Load"] == "2.917 GPUs in demand on average, 4 cores in demand on average"
    assert lines["GPUs"].startswith("median 2, 95 % at most 8, largest 8 GPUs of the jobs that ask for any; 33.3 %")
    assert list(lines).index("GPUs") < list(lines).index("Sizes")
    assert drawn(profile)[:3] == ["gpu_load", "gpus", "load"]
    described.write(tmp_path / "r")
    page = (tmp_path / "r" / "report.html").read_text()
    assert page.index(OF_LOG["gpu_load"].caption) < page.index(OF_LOG["load"].caption)


@pytest.mark.parametrize("kind", OF_LOG)
def test_figures_of_next_to_nothing(kind, tmp_path):
    described = pwsim.describe(Trace.from_columns({"submit_s": [0], "run_s": [0], "procs": [1]}))
    style.save(described.plot(kind), tmp_path, kind)


def test_what_cannot_be_described():
    one = Trace.from_columns({"submit_s": [0], "run_s": [1], "procs": [1]})
    with pytest.raises(InputError, match="has no jobs to describe"):
        pwsim.describe(one.take(np.array([], dtype=int)))
    with pytest.raises(InputError, match=r"cores must be a number from 1 to 1,000,000,000 \(got 0\)"):
        pwsim.describe(one, cores=0)
    with pytest.raises(InputError, match="time_zone: unknown time zone 'Mars'"):
        pwsim.describe(one, time_zone="Mars")


# Through the command line.

SAMPLE = str(Path(__file__).parent.parent.parent / "data" / "sample.swf.gz")


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_text_json_and_directory_say_the_same(tmp_path, capsys):
    code, text, err = command(capsys, "trace", "describe", SAMPLE)
    assert (code, err) == (0, "")
    assert text.startswith("sample: 10,000 jobs of 60 users over 121 d. Verdicts: 0 problems, 3 warnings, 15 fine.")
    assert max(map(len, text.splitlines())) <= 100
    code, printed, err = command(capsys, "trace", "describe", SAMPLE, "--json", "--out", str(tmp_path / "one"))
    assert code == 0
    assert (tmp_path / "one" / "description.json").read_text() == printed
    assert json.loads(printed)["load"]["offered_load"] == pytest.approx(0.75)
    page = (tmp_path / "one" / "report.html").read_text()
    assert "10,000 jobs of 60 users" in page
    assert len(re.findall(r'<img src="data:image/svg', page)) == 6  # no dates, no waits
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    for one in json.loads(printed)["verdicts"]:
        assert one["topic"] in page
        assert f"{one['level']:<8} {one['topic']}:" in text
    levels = re.findall(r"^(problem|warning|ok) +[A-Z].*:", text, re.MULTILINE)
    assert (levels, len(levels)) == (["warning"] * 3 + ["ok"] * 15, len(json.loads(printed)["verdicts"]))
    # The same bytes again, in place of the first.
    first = digests(tmp_path / "one")
    assert {name.split("/")[0] for name in first} == {"description.json", "report.html", "figures"}
    code, _, err = command(capsys, "trace", "describe", SAMPLE, "--out", str(tmp_path / "one"))
    assert (code, digests(tmp_path / "one")) == (2, first)
    assert "exists already; add --overwrite" in err
    assert command(capsys, "trace", "describe", SAMPLE, "--out", str(tmp_path / "one"), "--overwrite")[0] == 0
    assert digests(tmp_path / "one") == first


def test_names_are_text_on_the_page(tmp_path):
    named = Trace.from_columns(healthy(user=["<b>"] * 3360), name="<script>alert(1)</script>")
    pwsim.describe(named).write(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert "<b>" not in page
    assert "user &lt;b&gt; has 100 % of the core-hours" in page
    assert "<code>where: {user: [...]}</code>" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.swf"], ["missing.swf", "cannot be read"]),
        (["broken.swf"], ["broken.swf:1", "has 3 fields"]),
        (["good.swf", "--cores", "0"], ["--cores", "0 is not in the range"]),
        (["good.swf", "--time-zone", "Europe/Paris"], ["time_zone", "swf takes no options"]),
        (["good.swf", "--out", "full", "--overwrite"], ["full", "is not a results directory (it has no description.json)"]),
        (["good.swf", "--out", "good.swf"], ["good.swf", "exists already; choose a directory"]),
    ],
)  # fmt: skip
def test_refused(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("broken.swf").write_text("1 2 3\n")
    Path("good.swf").write_text("1 0 -1 10 2 -1 -1 2 20 -1 1 1 1 -1 1 -1 -1 -1\n")
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("mine")
    before = digests(tmp_path)
    code, out, err = command(capsys, "trace", "describe", *arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    for word in words:
        assert word in err
    assert digests(tmp_path) == before


@pytest.mark.parametrize(
    ("header", "nodes", "level", "words"),
    [
        ({"MaxNodes": "10"}, None, "warning", "MaxNodes = MaxProcs = 10"),
        ({"MaxNodes": "10", "UnixStartTime": "843480031"}, None, "ok", "Before 2005, most such nodes had one core."),
        ({"MaxNodes": "5"}, None, None, ""),
        ({"MaxNodes": "1", "MaxProcs": "1"}, None, None, ""),
        ({"MaxNodes": "ten"}, None, None, ""),
        ({}, [4, 8, 1, 2, 0], "warning", "4 jobs of which the log tells the nodes have as many processors"),
        ({}, [4, 8, 1, 1, 0], None, ""),
        ({}, [0, 0, 1, 0, 1], None, ""),  # of serial jobs it says nothing
    ],
)
def test_a_processor_may_be_a_node(header, nodes, level, words):
    columns = HAND if nodes is None else {**HAND, "nodes": nodes}
    trace = Trace.from_columns(columns, name="hand", header={**MONDAY, **header})
    found = {one.topic: one for one in pwsim.describe(trace).verdicts}.get("Processors")
    if level is None:
        assert found is None
        return
    assert found is not None
    assert found.level == level
    assert words in found.finding
    assert ("workload: {cores_per_proc: N}" in found.advice) == (level == "warning")
    assert "Processors" not in {one.topic for one in pwsim.describe(pwsim.in_cores(trace, 64)).verdicts}


def test_a_converted_log_keeps_its_dates(tmp_path):
    log = tmp_path / "log.swf"
    log.write_text("; UnixStartTime: 800000000\n1 86400 -1 10 2 -1 -1 2 20 -1 1 1 1 -1 1 -1 -1 -1\n")
    write_trace(read_trace(log), tmp_path / "log.parquet")
    spans = [pwsim.describe(read_trace(path)).profile["span"] for path in (log, tmp_path / "log.parquet")]
    assert spans[0] == spans[1]
    assert spans[0]["first_submit"] == "1995-05-10 06:13"


# Real logs, and what their descriptions say of them.

LOGS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    # name: file, options, and words of verdicts by topic
    "KTH-SP2": ("swf/KTH-SP2-1996-2.swf.gz", {}, {
        "Machine": "100 cores, by MaxProcs of the header. By the recorded times jobs held up to 104 at once.",
        "Clock": "Recorded waits are whole minutes.",
        "Processors": "(MaxNodes = MaxProcs = 100): each is a node. Before 2005",
        "Load": "68.8 %",
        "Start and end": "The first week asks",
    }),
    "CEA-Curie": ("swf/CEA-Curie-2011-2.1-cln.swf.gz", {}, {
        "Records": "19 records of 312,826",
        "Zero run times": "5.52 %",
        "Start and end": "The first 5 weeks ask",
        "Estimates": "Half of the jobs use 1.61 %",
    }),
    "NASA-iPSC": ("swf/NASA-iPSC-1993-3.1-cln.swf.gz", {}, {
        "Recorded waits": "Not recorded.",
        "Estimates": "no estimates",
        "Gaps": "6 d from 1993-12-23 22:40 on",
        "Load": "46.6 %",
    }),
    "Alibaba": ("gpu/openb_pod_list_default.csv", {}, {
        "Records": "897 records of 8,152 (11 %)",
        "Start and end": "The first 115 days of 149 hold 1 % of the jobs, and half of these run longer than nine in ten",
        "Unfinished jobs": "34 jobs, with 64.4 % of the work",
        "GPUs": "6,203 jobs (85.5 %)",
        "Users": "100 % of the jobs have no user",
    }),
    "sacct": ("accounting/sacct-xdmod-phillips.log", {"format": "sacct"}, {
        "Records": "239 records of 4,285 (5.58 %)",
        "Length": "1.5 weeks",
        "Start and end": "The first 7 days of 10 hold 1 % of the jobs.",  # and they run no longer than the others
        "Users": "4 users; user chaff has 65.3 % of the core-hours and one user has 98.8 % of the jobs.",
        "Largest jobs": "96.4 %",
    }),
    "odd sacct rows": ("accounting/sacct-xdmod-odd-rows.log", {"format": "sacct"}, {"Number of jobs": "21 jobs"}),
    "PBS": ("accounting/pbs-torque-accounting.log", {}, {"Records": "4 records of 10 (40 %)"}),
    "Eagle": ("accounting/nrel-eagle-sample-1000.csv", {}, {"Length": "0.3 weeks", "Limits": "1.5 % of the jobs"}),
}  # fmt: skip


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.usefixtures("blank_figures")
def test_real_logs(log, data_dir, tmp_path):
    file, options, words = LOGS[log]
    traces = data_dir / "traces"
    if options.get("format") == "sacct":
        options = {**options, "columns": str(traces / "accounting" / "sacct-xdmod-columns.txt")}
    trace = read_trace(traces / file, **options)
    described = pwsim.describe(trace)
    found = {verdict.topic: verdict for verdict in described.verdicts}
    for topic, text in words.items():
        assert text in found[topic].finding
    dropped = described.profile["log"]["dropped"]
    assert {one["reason"]: one["records"] for one in dropped} == dict(trace.dropped)
    assert all(one["example"] and one["line"] for one in dropped)
    if log in ("CEA-Curie", "Alibaba"):
        described.write(tmp_path / "out")
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"description.json", "report.html", "figures"}
