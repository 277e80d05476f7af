"""Both engines under site rules, held against the schedules worked out by hand and the plain reference (semantics §9)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pwsim.cluster import Away, Cluster, Where
from pwsim.common import HopelessError
from pwsim.engine.inputs import without_rules
from pwsim.engine.site.calendar import Calendar, openings_of, pieces_of
from pwsim.engine.site.inputs import prepare_site
from pwsim.engine.site.replaying import replay_site
from pwsim.prices import Start, parse_local
from pwsim.results import simulate
from pwsim.trace import Trace
from tests.site_cases import CASES, Case, drawn, replay
from tests.site_reference import SiteReference
from tests.site_strategies import site_cases

ENGINES = ("simpy", "compiled")


def cluster_of(case: Case) -> Cluster:
    """Return the cluster of a case, with hours in number alone: their times are given by a calendar."""
    pools = []
    for index, pool in enumerate(case.pools):
        node = {"cores": pool.get("cores", 1), "speed": pool.get("speed", 1.0), "gpus": pool.get("gpus", 0)}
        if pool.get("memory"):
            node["memory"] = pool["memory"]
        pools.append(
            {
                "name": f"pool{index}",
                "kind": "cloud" if pool.get("elastic") else "on_premises",
                "nodes": pool["nodes"],
                "node": node,
                "placement": pool.get("placement", "nodes" if pool.get("elastic") else "cores"),
                "checkpoint_interval": float(pool["checkpoint"]) if pool.get("checkpoint") else None,
                "restart_overhead": float(pool.get("overhead", 0)),
                "max_restarts": pool.get("max_restarts", 10),
                **({"burst_after": float(pool["burst_after"])} if pool.get("burst_after", math.inf) < math.inf else {}),
                **(elastic(pool) if pool.get("elastic") else {}),
                **({"mtbf": float(pool["mtbf"]), "repair_time": float(pool["repair"])} if "mtbf" in pool else {}),
            }
        )
    partitions = [
        {
            "name": one["name"],
            "pools": [f"pool{pool}" for pool in one["pools"]],
            "where": conditions(one),
            "tier": one.get("tier", 0),
            "default": one.get("default", False),
            "priority": one.get("priority", 1.0),
            "billing": one.get("billing"),
            "max_time": None if one.get("max_time", math.inf) == math.inf else float(one["max_time"]),
        }
        for one in case.partitions
    ]
    backfill = {"none": "none", "easy": f"easy:{case.passing_order}" if case.passing_order else "easy"}
    return Cluster.model_validate(
        {
            "policy": f"{case.order}-{backfill.get(case.backfill, case.backfill)}",
            "overrun": case.overrun,
            "depth": case.depth,
            "multifactor": case.multifactor,
            "pools": pools,
            "partitions": partitions,
            "limits": [
                {"at_most": one["at_most"], "per": one.get("per", "all"), "where": conditions(one)}
                for one in case.limits
            ],
            "hours": [
                {
                    "open": "sat",
                    "where": conditions(one),
                    "whole": one.get("whole", False),
                    "drain": one.get("drain", False),
                }
                for one in case.hours
            ],
            "scheduler": {
                "period": float(case.period or 0),
                "start_delay": float(case.start_delay),
                "backfill_period": float(case.backfill_period or 0),
                "backfill_window": case.backfill_window,
                "backfill_per_user": case.backfill_per_user,
            },
            "preemption": case.preemption,
            "dependencies": "log" if any(row.get("after") or row.get("array") for row in case.jobs) else None,
        }
    )


def elastic(pool: dict[str, Any]) -> dict[str, Any]:
    """Return what more there is to say of a pool that comes and goes with demand."""
    return {
        "price_usd_per_hour": 1.0,
        "min_nodes": pool.get("min_nodes", 0),
        "boot_time": float(pool.get("boot", 0)),
        "idle_timeout": float(pool.get("idle_timeout", 0)),
        "interruptions_per_hour": 3600.0 / pool["life"] if "life" in pool else 0.0,
    }


def conditions(one: dict[str, Any]) -> dict[str, Any]:
    """Return which jobs something is about, as scenarios have it."""
    return {key: [value] for key, value in one.get("where", {}).items()}


def trace_of(case: Case) -> Trace:
    """Return the jobs of a case, numbered from 1 as they stand there, the first of them at 0."""
    names = {"submit": "submit_s", "run": "run_s", "procs": "procs", "estimate": "estimate_s"}
    columns: dict[str, Any] = {ours: [row[name] for row in case.jobs] for name, ours in names.items()}
    columns |= {name: [row.get(name, 0) for row in case.jobs] for name in ("nodes", "gpus")}
    columns["memory_mib"] = [row.get("memory", 0) for row in case.jobs]
    for name in ("queue", "user", "user_group", "qos"):
        columns[name] = [row.get(name, row.get("account", "") if name == "user_group" else "") for row in case.jobs]
    columns["after"] = [",".join(str(before + 1) for before in row.get("after", [])) for row in case.jobs]
    arrays = sorted({row["array"] for row in case.jobs if row.get("array")})
    columns["job_array"] = [1000 + arrays.index(row["array"]) if row.get("array") else -1 for row in case.jobs]
    columns["array_limit"] = [row.get("array_limit") or 0 for row in case.jobs]
    return Trace.from_columns(columns)


def calendar(case: Case) -> Calendar:
    """Return hours and outages as a case has them: on the clock of the replay."""
    spans = [
        (np.array(one["windows"], dtype=float).reshape(-1, 2), one.get("since", -math.inf), one.get("until", math.inf))
        for one in case.hours
    ]
    away = [
        Away(max(0.0, float(one["start"])), float(one["end"]), one["pool"], one.get("nodes"), one.get("stop", False))
        for one in case.outages
    ]
    whole = [one.get("whole", False) for one in case.hours]
    pieces = [pieces_of(*span, whole=all_of_it) for span, all_of_it in zip(spans, whole, strict=True)]
    return Calendar(pieces, [openings_of(*span) for span in spans], away, math.inf)


def can_be_replayed(case: Case) -> bool:
    """Return whether the clock of a case starts at its first submission, as that of a trace does."""
    return min(row["submit"] for row in case.jobs) == 0


def cluster_or_none(case: Case) -> Cluster | None:
    """Return the cluster of a case; ``None`` where it is refused."""
    try:
        cluster = cluster_of(case)
    except ValueError:
        return None
    return cluster


def compare(case: Case, site: SiteReference, engine: str) -> None:
    """Fail unless an engine says what the reference says."""
    cluster = cluster_or_none(case)
    if cluster is None or not can_be_replayed(case):
        return
    trace = trace_of(case)
    inputs = without_rules(trace, cluster)
    prepared = prepare_site(trace, cluster, inputs, calendar(case))
    got = replay_site(inputs, prepared, engine)
    number_of = (trace.job_id - 1).tolist()  # jobs are in the order of their submissions
    row_of = {number: row for row, number in enumerate(number_of)}
    for job in site.jobs:
        number = row_of[job.number]
        what = f"job {job.number} of {case}"
        status = (
            "rejected" if prepared.reason[number] >= 0
            else "failed" if got.failed[number]
            else "killed" if got.killed[number]
            else "completed"
        )  # fmt: skip
        assert status == job.status, what
        if status == "rejected":
            continue
        start_s, end_s = float(got.start_s[number]), float(got.end_s[number])
        assert (None if math.isnan(start_s) else start_s) == job.start, what
        assert end_s == job.end, what
        assert got.restarts[number] == job.restarts, what
    assert got.attempts is not None
    held = sorted((number_of[int(one[0])], one[2], one[3], int(one[1]), int(one[5])) for one in got.attempts)
    stays = [
        (job.number, *stay[:2], pool, units)
        for job in site.jobs
        for stay in job.stays
        for pool, units in stay[2].items()
    ]
    assert held == sorted(stays), case
    if prepared.changes:
        changing = [index for index, pool in enumerate(cluster.pools) if pool.elastic or pool.fails]
        spans = [(index, *span) for index in changing for span in site.pools[index].spans]
        assert got.spans is not None
        assert sorted(map(tuple, got.spans.tolist())) == sorted(spans), case


REPLAYED = {name: case for name, case in CASES.items() if can_be_replayed(case)}
"""All but those whose clock starts before their first job."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", REPLAYED.values(), ids=REPLAYED)
def test_schedules_worked_out_by_hand(case, engine):
    compare(case, replay(case, drawn), engine)


@given(site_cases())
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
def test_generated_cases(case):
    if cluster_or_none(case) is not None and can_be_replayed(case):
        site = replay(case, drawn)
        for engine in ENGINES:
            compare(case, site, engine)


@given(site_cases(linked=True))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_generated_cases_of_jobs_that_wait_for_others(case):
    if cluster_or_none(case) is not None and can_be_replayed(case):
        site = replay(case, drawn)
        for engine in ENGINES:
            compare(case, site, engine)


@given(site_cases(backfill="replan"))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_generated_cases_of_plans_made_anew(case):
    if cluster_or_none(case) is not None and can_be_replayed(case):
        site = replay(case, drawn)
        for engine in ENGINES:
            compare(case, site, engine)


@pytest.mark.slow
@given(site_cases())
@settings(max_examples=40_000, suppress_health_check=[HealthCheck.too_slow])
def test_many_generated_cases(case):
    if cluster_or_none(case) is not None and can_be_replayed(case):
        site = replay(case, drawn)
        for engine in ENGINES:
            compare(case, site, engine)


def test_where_is_as_scenarios_have_it():
    assert Where.model_validate(conditions({"where": {"queue": "x"}})).queue == ("x",)


@pytest.mark.parametrize("engine", ENGINES)
def test_who_waits_beyond_what_is_known_is_given_up(engine):
    # An hour a week for jobs of an hour: 261 Mondays up to five years after the last submission, and nine jobs too many.
    trace = Trace.from_columns({"submit_s": range(270), "run_s": [3600] * 270, "procs": [1] * 270})
    pool = {"name": "a", "kind": "on_premises", "nodes": 1, "node": {"cores": 1}}
    cluster = Cluster.model_validate(
        {"policy": "easy", "pools": pool, "hours": [{"open": "mon 08:00-09:00", "whole": True}]}
    )
    result = simulate(trace, cluster, engine=engine, start=Start(parse_local("2026-01-05"), ""))
    assert result.jobs["status"].value_counts()[["completed", "failed", "rejected"]].tolist() == [261, 9, 0]
    counts = [
        result.metrics[name] for name in ("jobs_completed", "jobs_failed", "jobs_rejected", "rejected_work_share")
    ]
    assert counts == [261, 9, 0, 0]
    assert np.isnan(result.wait_s[-9:]).all()
    assert result.metrics["wait_s_max"] == 260 * 7 * 86400 + 8 * 3600 - 260
    assert result.waits.pool.tolist() == [0] * 270


@pytest.mark.parametrize("engine", ENGINES)
def test_a_delay_before_the_start_is_neither_run_time_nor_lost(engine):
    # Job 0 is killed at 2 + 5; job 1 holds its core from 0 on and runs from 2 to 6.
    trace = Trace.from_columns({"submit_s": [0, 0], "run_s": [9, 4], "estimate_s": [5, 4], "procs": [1, 1]})
    pool = {"name": "a", "kind": "on_premises", "nodes": 2, "node": {"cores": 1}}
    cluster = Cluster.model_validate({"overrun": "kill", "pools": pool, "scheduler": {"start_delay": 2}})
    result = simulate(trace, cluster, engine=engine)
    assert result.replay.start_s.tolist() == [2, 2]
    assert result.replay.end_s.tolist() == [7, 6]
    assert result.run_s.tolist() == [5, 4]
    assert result.attempts.lost_s.tolist() == [0, 0]
    assert sorted(result.attempts.end_s - result.attempts.start_s) == [6, 7]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_available_is_up_and_not_away(engine):
    # Nodes fail about once in ten minutes; of the three, two are away from 600 to 1800.
    pool = {"name": "a", "kind": "on_premises", "nodes": 3, "node": {"cores": 1}, "placement": "nodes"}
    pool |= {"mtbf": 600, "repair_time": 200}
    outage = {"pools": ["a"], "start": "2026-01-05T00:10", "length": 1200, "nodes": 2}
    cluster = Cluster.model_validate({"policy": "easy", "pools": pool, "outages": [outage]})
    trace = Trace.from_columns({"submit_s": [0, 3600], "run_s": [10, 1], "procs": [1, 1]})
    result = simulate(trace, cluster, engine=engine, start=Start(parse_local("2026-01-05"), ""))
    _, up_s, gone_s = result.stays(0)
    edges = sorted({0.0, 600.0, 1800.0, 3600.0, *(time for time in (*up_s, *gone_s) if time < 3600)})
    there = [np.count_nonzero((up_s <= edge) & (edge < gone_s)) for edge in edges[:-1]]
    left = [max(0, up - 2 * (600 <= edge < 1800)) for up, edge in zip(there, edges, strict=False)]
    assert len(edges) > 8
    assert result.timeline["nodes_up"][0] == pytest.approx(np.dot(left, np.diff(edges)) / 3600)


@pytest.mark.parametrize("engine", ENGINES)
def test_nodes_that_never_run_a_job_end_a_replay_under_rules(engine):
    pool = {"name": "spot", "kind": "cloud", "nodes": 1, "node": {"cores": 1}, "price_usd_per_hour": 1.0}
    pool |= {"boot_time": 3600, "interruptions_per_hour": 3600}
    cluster = Cluster.model_validate({"pools": pool, "limits": [{"at_most": {"jobs": 1}, "per": "all"}]})
    trace = Trace.from_columns({"submit_s": [0], "run_s": [10], "procs": [1]})
    with pytest.raises(HopelessError, match="launched 10,000 nodes in a row"):
        simulate(trace, cluster, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_as_many_failures_are_drawn_as_there_are(engine):
    # A failure a minute for hours: more than are drawn at first.
    pool = {"name": "a", "kind": "on_premises", "nodes": 2, "node": {"cores": 1}, "placement": "packed"}
    pool |= {"mtbf": 60, "repair_time": 1, "checkpoint_interval": 1, "max_restarts": 10_000}
    cluster = Cluster.model_validate(
        {"policy": "easy", "pools": pool, "limits": [{"at_most": {"jobs": 1}, "per": "all"}]}
    )
    trace = Trace.from_columns({"submit_s": [0], "run_s": [5000], "procs": [1]})
    result = simulate(trace, cluster, engine=engine)
    assert len(result.stays(0)[0]) > 2 * 17
    assert result.jobs["status"].tolist() == ["completed"]
