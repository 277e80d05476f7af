"""The profile of a log: facts, without judgement.

Everything is plain data (numbers, texts, lists, dictionaries) with the unit in the name.  What a share is of is said
where it is computed; ``None`` stands for what the log does not tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim._version import __version__
from pwsim.common import HOUR_S, plain
from pwsim.description import calendar
from pwsim.trace import DROP_REASONS, Floats, Integers, Trace, dropped_examples
from pwsim.workload import find_flurries

MOST_NAMES = 10
"""Users, groups and queues that are listed, largest first."""

LIMIT_GRACE_S = 120.0
"""A job that ends so soon after its estimate was ended by its limit: Slurm looks at limits every half minute or so and
gives a job ``KillWait`` (30 s) to end, https://slurm.schedmd.com/slurm.conf.html."""

RUNNING = "running"
"""State, in small letters, by which a log says that a job had not ended."""

RUN_BOUNDS_S = (
    0, 1, 10, 60, 300, 900, 1800, *(HOUR_S * np.array([1, 2, 4, 8, 12, 24, 48, 96, 168, 336, 720, 8766])),
)  # fmt: skip
"""Bounds of the classes of run times; those of waits likewise."""

Booleans = npt.NDArray[np.bool_]


def profile_of(trace: Trace, cores: int | None = None, time_zone: str = "UTC") -> dict[str, Any]:
    """Measure the contents of a log.

    Parameters
    ----------
    trace
        The jobs.
    cores
        Processors of the machine that wrote the log; from the header of a log in SWF (``MaxProcs``) if left out.
    time_zone
        Zone in which hours and weekdays are counted, for logs whose times are seconds since 1970.
    """
    work = trace.run_s * trace.procs / HOUR_S
    machine = _machine(trace, cores)
    profile: dict[str, Any] = {
        "pwsim_version": __version__,
        "log": _log(trace),
        "machine": machine,
        **calendar.facts(trace, machine["cores"], time_zone),
        "users": _names(trace.user, trace.procs, work),
        "user_groups": _names(trace.user_group, trace.procs, work),
        "queues": _names(trace.queue, trace.procs, work),
        "procs": _sizes(trace, work),
        "run_s": _runs(trace, work),
        "estimates": _estimates(trace, work),
        "waits": _waits(trace),
        "statuses": _counts(trace.recorded_status),
        "memory": _memory(trace),
        "gpus": _gpus(trace),
        "cut_off": _cut_off(trace, work),
        "flurries": find_flurries(trace).to_dict("records"),
    }
    plain_profile: dict[str, Any] = plain(profile)
    return plain_profile


def spread(values: Floats | Integers) -> dict[str, float] | None:
    """Return mean, least, largest and percentiles (nearest rank); ``None`` of nothing."""
    if not len(values):
        return None
    percents = (0, 5, 25, 50, 75, 95, 99, 100)
    names = ("min", "p5", "p25", "p50", "p75", "p95", "p99", "max")
    found = np.percentile(values, percents, method="inverted_cdf").tolist()
    return {"mean": float(np.mean(values)), **dict(zip(names, found, strict=True))}


def share(chosen: Booleans, weight: Floats | None = None) -> float:
    """Return the share of jobs that are chosen, or of their weight; 0 of nothing."""
    if weight is None:
        return float(np.mean(chosen)) if len(chosen) else 0.0
    total = float(weight.sum())
    return float(weight[chosen].sum()) / total if total else 0.0


def _log(trace: Trace) -> dict[str, Any]:
    examples = dropped_examples(trace)
    dropped = [
        {
            "reason": reason,
            "text": DROP_REASONS[reason].text,
            "records": lost,
            "share": lost / trace.jobs_read,
            "line": examples[reason].line if reason in examples else None,
            "example": examples[reason].text if reason in examples else None,
        }
        for reason, lost in trace.dropped.items()
    ]
    return {
        "name": trace.name,
        "format": trace.format,
        "records_read": trace.jobs_read,
        "jobs": len(trace),
        "dropped": sorted(dropped, key=lambda one: -one["records"]),
        "left_out": dict(trace.left_out),
        "left_out_work": dict(trace.left_out_work),
        "changes": list(trace.changes),
        "notes": list(trace.notes),
        "computer": trace.header.get("Computer"),
        "installation": trace.header.get("Installation"),
        "acknowledge": trace.header.get("Acknowledge"),
        "sha256": trace.digest(),
    }


def _machine(trace: Trace, cores: int | None) -> dict[str, Any]:
    """Return the size of the machine, and how much of it the log itself shows in use at once."""
    source = "given"
    if cores is None:
        cores = trace.header_number("MaxProcs")
        source = "MaxProcs of the header" if cores else ""
    wide = trace.procs > (cores or np.inf)
    noded = trace.nodes > 0
    return {
        "cores": cores,
        "source": source,
        "nodes": trace.header_number("MaxNodes"),
        "procs": trace.header_number("MaxProcs"),
        "a_proc_a_node_jobs": int(np.count_nonzero(noded)) if np.all(trace.procs[noded] == trace.nodes[noded]) else 0,
        "most_nodes": int(trace.nodes.max()),
        "most_in_use": _most_in_use(trace),
        "too_wide_jobs": int(np.count_nonzero(wide)) if cores else None,
        "too_wide_share": share(wide) if cores else None,
        "too_wide_work_share": share(wide, trace.run_s * trace.procs) if cores else None,
        "widest": int(trace.procs.max()),
    }


def _most_in_use(trace: Trace) -> int | None:
    """Return the most processors that jobs held at once by the recorded waits; ``None`` if some are not recorded."""
    if np.isnan(trace.recorded_wait_s).any():
        return None
    start_s = trace.submit_s + trace.recorded_wait_s
    times_s = np.concatenate((start_s, start_s + trace.run_s))
    held = np.concatenate((trace.procs, -trace.procs))
    order = np.lexsort((held, times_s))  # who ends at an instant goes before who starts
    return int(np.cumsum(held[order]).max())


def _names(names: pd.Categorical, procs: Any, work: Floats) -> dict[str, Any]:
    """Return who has how many jobs and core-hours; those without a name are nobody."""
    table = pd.DataFrame({"name": np.asarray(names, dtype=object), "jobs": 1, "core_hours": work, "widest": procs})
    rows = table.groupby("name").agg({"jobs": "sum", "core_hours": "sum", "widest": "max"}).reset_index()
    rows["job_share"] = rows["jobs"] / len(table)
    rows["core_hour_share"] = rows["core_hours"] / work.sum() if work.sum() else 0.0
    unnamed = float(rows.loc[rows["name"] == "", "job_share"].sum())
    rows = rows[rows["name"] != ""].sort_values(["core_hours", "jobs", "name"], ascending=[False, False, True])
    half = int(np.searchsorted(np.cumsum(rows["core_hour_share"].to_numpy()), 0.5)) + 1 if len(rows) else 0
    return {
        "count": len(rows),
        "unnamed_share": unnamed,
        "with_half_of_the_work": min(half, len(rows)),
        "most_jobs_share": float(rows["job_share"].max()) if len(rows) else 0.0,
        "largest": rows.head(MOST_NAMES).to_dict("records"),
    }


def _counts(names: pd.Categorical) -> dict[str, int]:
    """Return how often each name occurs, the most frequent first; the empty name is left out."""
    counted = np.bincount(names.codes[names.codes >= 0], minlength=len(names.categories))
    pairs = sorted(zip(map(str, names.categories), counted.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return {name: jobs for name, jobs in pairs if name and jobs}


def classes(values: Floats | Integers, bounds: Any, work: Floats) -> list[dict[str, float]]:
    """Return jobs and core-hours of the classes from each bound (included) to the next, empty ones at the end cut."""
    place = np.clip(np.searchsorted(bounds, values, side="right") - 1, 0, len(bounds) - 1)
    last = int(place.max()) + 1 if len(place) else 0
    jobs = np.bincount(place, minlength=last)
    hours = np.bincount(place, weights=work, minlength=last)
    ends = [*bounds[1:], np.inf]
    return [
        {"from": float(bounds[at]), "to": float(ends[at]), "jobs": int(jobs[at]), "core_hours": float(hours[at])}
        for at in range(last)
    ]


def _sizes(trace: Trace, work: Floats) -> dict[str, Any]:
    procs = trace.procs
    exponents = range(int(np.ceil(np.log2(procs.max()))) + 1)
    bounds = [1.0, *(2.0**power + 1 for power in exponents)]  # 1, 2, 3-4, 5-8, ...
    return {
        **(spread(procs) or {}),
        "serial_share": share(procs == 1),
        "power_of_two_share": share((procs & (procs - 1)) == 0),
        "nodes_known_share": share(trace.nodes > 0),
        "classes": classes(procs, bounds, work),
    }


def _runs(trace: Trace, work: Floats) -> dict[str, Any]:
    run_s, longest_s = trace.run_s, float(trace.run_s.max())
    long = run_s > longest_s / 2
    return {
        **(spread(run_s) or {}),
        "core_hours": float(work.sum()),
        "largest_ten_work_share": float(np.sort(work)[-10:].sum() / work.sum()) if work.sum() else 0.0,
        "zero_share": share(run_s == 0),
        "at_longest_jobs": int(np.count_nonzero(run_s > 0.98 * longest_s)),
        "at_longest_share_of_long": share(run_s[long] > 0.98 * longest_s),
        "classes": classes(run_s, RUN_BOUNDS_S, work),
    }


def _estimates(trace: Trace, work: Floats) -> dict[str, Any]:
    """Return how run times compare with what users asked for.

    A trace has the run time as estimate where the log has none.  Limits are mostly whole minutes; so an estimate that
    is the run time to the second, and no whole minutes, counts as missing.
    """
    run_s, estimate_s = trace.run_s, trace.estimate_s
    missing = (estimate_s == np.maximum(run_s, 1)) & (estimate_s % 60 != 0)
    given = ~missing
    used = run_s[given] / estimate_s[given]
    limits, jobs = np.unique(estimate_s[given], return_counts=True)
    common = np.lexsort((limits, -jobs))[:MOST_NAMES]
    bounds = np.append(np.arange(10) / 10, [1.0, np.nextafter(1.0, 2)])  # full use is a class of its own
    over_s = run_s - estimate_s
    at_limit = given & (over_s >= 0) & (over_s <= LIMIT_GRACE_S)
    return {
        "missing_share": share(missing),
        "used": spread(used),
        "used_classes": classes(used, bounds, work[given]),
        "at_limit_share": share(at_limit),
        "at_limit_work_share": share(at_limit, work),
        "beyond_limit_share": share(given & (over_s > LIMIT_GRACE_S)),
        "beyond_limit_jobs": int(np.count_nonzero(given & (over_s > LIMIT_GRACE_S))),
        "different": len(limits),
        "longest_s": float(limits.max()) if len(limits) else None,
        "common": [
            {"estimate_s": float(limits[at]), "jobs": int(jobs[at]), "share": float(jobs[at] / len(trace))}
            for at in common
        ],
    }


def _waits(trace: Trace) -> dict[str, Any]:
    known = ~np.isnan(trace.recorded_wait_s)
    wait_s, held = trace.recorded_wait_s[known], trace.held_s > 0
    return {
        "known_share": share(known),
        "zero_share": share(wait_s == 0),
        "recorded_s": spread(wait_s),
        "classes": classes(wait_s, RUN_BOUNDS_S, (trace.run_s * trace.procs)[known] / HOUR_S),
        "held_share": share(held),
        "held_s": spread(trace.held_s[held]),
    }


def _cut_off(trace: Trace, work: Floats) -> dict[str, Any] | None:
    """Return the jobs that end at the last instant of the log; ``None`` if the log does not tell ends."""
    end_s = trace.submit_s + trace.recorded_wait_s + trace.run_s
    if np.isnan(end_s).any():
        return None
    last = end_s == end_s.max()
    states = np.char.lower(np.asarray(trace.recorded_status)[last].astype(str))
    return {
        "jobs": int(np.count_nonzero(last)),
        "job_share": share(last),
        "work_share": share(last, work),
        "different_run_s": len(np.unique(trace.run_s[last])),
        "said_to_run": int(np.count_nonzero(states == RUNNING)),
    }


def _memory(trace: Trace) -> dict[str, Any]:
    known = trace.memory_mib > 0
    return {"known_share": share(known), "mib_per_core": spread(trace.memory_mib[known] / trace.procs[known])}


def _gpus(trace: Trace) -> dict[str, Any]:
    with_gpus, hours = trace.gpus > 0, trace.gpus * trace.run_s / HOUR_S
    exponents = range(2, int(np.ceil(np.log2(max(trace.gpus.max(), 4.0)))) + 1)
    bounds = [0.0, 1.0, 2.0, 3.0, *(2.0**power + 1 for power in exponents)]  # a part of one, 1, 2, 3-4, 5-8, ...
    rows = classes(trace.gpus[with_gpus], bounds, hours[with_gpus])
    return {
        "jobs": int(np.count_nonzero(with_gpus)),
        "job_share": share(with_gpus),
        "gpus_in_demand": float((trace.gpus * trace.run_s).sum() / trace.span_s) if trace.span_s else None,
        "gpu_hours": float(hours.sum()),
        "gpus": spread(trace.gpus[with_gpus]),
        "part_share": share(trace.gpus[with_gpus] < 1),
        "classes": [{**row, "gpu_hours": row.pop("core_hours")} for row in rows],
    }
