"""Numbers and findings in words that someone who is not an HPC expert understands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pwsim.rules import Policy
from pwsim.units import numeral

METRIC_NAMES = {
    "wait_s": "waiting time",
    "bounded_slowdown": "bounded slowdown",
    "turnaround_s": "time from submission to end",
    "throughput_jobs_per_hour": "jobs completed an hour",
    "delivered_core_hours_per_day": "core-hours delivered a day",
    "utilization": "utilisation",
    "gpu_utilization": "utilisation of GPUs",
    "makespan_s": "time until the last job has ended",
    "jobs_completed": "completed jobs",
    "jobs_killed": "killed jobs",
    "jobs_rejected": "rejected jobs",
    "rejected_work_share": "share of the work that is rejected",
    "jobs_failed": "jobs that failed after too many interruptions",
    "restarts": "restarts after interruptions",
    "lost_core_hours": "core-hours of lost work",
}
"""What each metric is called in sentences."""

SHARES = ("utilization", "gpu_utilization", "rejected_work_share")
"""Metrics that are shares, from 0 to 1."""

PART_NAMES = {
    "capex_usd_per_year": "purchase",
    "opex_usd_per_year": "operation",
    "licence_usd_per_year": "licences",
    "site_usd_per_year": "site and staff",
    "idle_energy_usd_per_year": "energy, idle",
    "busy_energy_usd_per_year": "energy, busy",
    "cloud_usd_per_year": "cloud rent",
    "commitment_usd_per_year": "cloud commitments",
    "storage_usd_per_year": "cloud storage",
    "egress_usd_per_year": "data transfer out",
    "carbon_usd_per_year": "carbon price",
}
"""What each part of the cost is called in tables and figures."""

WHOLE_SETUP = "the setup as a whole"
"""What costs are called that belong to no pool."""

CHECK_NAMES = {
    "wait_s_mean": "mean wait: off by a factor of",
    "wait_s_p50": "median wait: off by a factor of",
    "wait_s_p95": "95th percentile of the wait: off by a factor of",
    "ks_distance_beyond_5_min": "distance of the distributions of waits",
    "queued_jobs_correlation": "correlation of the queue by the hour, of jobs that wait above 5 min",
    "weekly_wait_correlation": "correlation of the mean waits, by week",
    "jobs_compared": "jobs that can be compared",
    "recorded_share_of_time_above_cores": "share of the time in which the log holds more cores than there are",
    "share_of_jobs_too_wide": "share of the jobs that ask for more cores than there are",
    "share_of_work_rejected": "share of the work that cannot run on any pool",
}
"""What is checked of a replay beside the record."""

WAITING_NAMES = {
    "down": "nothing ran: downtime",
    "closed_hours": "cores free, but not at this hour for jobs as long",
    "partition_full": "cores free, but the job's partition as full as it ever gets",
    "held": "cores free, and later jobs that ask for no less start: held back",
    "kept_free": "cores free, and no such job starts: kept for a wider job, or reserved",
    "overtaken": "cores busy, and later jobs that ask for no less go first: priorities",
    "queueing": "cores busy, in turn",
}
"""What waiting time can be of."""

REJECTION_NAMES = {
    "procs": "with more cores than any pool has",
    "gpus": "with more GPUs than any pool has (a pool of mere cores has none)",
    "accepts": "that no pool accepts",
    "other": "that fit no pool that accepts them (memory, nodes or GPUs)",
}
"""Why no pool takes a job."""

DROP_NAMES = {
    "not_started": "had not started when the log ends, or never did",
    "still_running": "were still running when the log ends",
    "unknown_state": "in a state that the format does not know",
    "aborted": "aborted or deleted",
    "duplicate": "recorded twice",
    "no_size": "neither asked for nor got processors",
    "negative_run_time": "unknown run time",
    "negative_submit_time": "unknown submission",
}
"""Why records were dropped, in words."""


TOLD_UNUSED = 0.01
"""From this share on, the answer tells what is held by jobs that did not ask for it."""

_ORDERS = {
    "fcfs": "first come, first served",
    "sjf": "shortest job first",
    "ljf": "longest job first",
    "smallest": "fewest processors first",
    "wfp3": "WFP3 order (wide and short jobs that have waited long come first)",
    "unicef": "UNICEF order (small and short jobs that have waited long come first)",
    "f1": "F1 order (a fitted mix of size and submission time)",
    "f2": "F2 order (a fitted mix of size and submission time)",
    "f3": "F3 order (a fitted mix of size and submission time)",
    "f4": "F4 order (a fitted mix of size and submission time)",
    "multifactor": "multifactor priority (waiting time and each user's fair share, as in Slurm)",
}
_BACKFILLS = {
    "none": "without backfilling",
    "easy": "with EASY backfilling (a later job may start early if that does not delay the first in the queue)",
    "conservative": "with conservative backfilling (a later job may start early if that delays no job before it)",
}


def duration(seconds: float | None) -> str:
    """Return a time in the two units that matter.

    Examples
    --------
    >>> duration(45), duration(15_000), duration(3_600), duration(280_000), duration(0.4), duration(None)
    ('45 s', '4 h 10 min', '1 h', '3 d 6 h', '0.4 s', 'unknown')
    """
    if seconds is None or math.isnan(seconds):
        return "unknown"
    if seconds < 60:
        return f"{numeral(seconds, 3)} s"
    for size, name, small_size, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        smalls = round(seconds / small_size)
        if smalls >= size // small_size:
            large, small = divmod(smalls, size // small_size)
            return f"{large:,} {name} {small} {small_name}" if small and large < 100 else f"{large:,} {name}"
    return f"{seconds:.0f} s"


def within(seconds: float | None) -> str:
    """Return in which time something happens.

    Examples
    --------
    >>> within(0), within(90)
    ('at once', 'within 1 min 30 s')
    """
    return "at once" if seconds == 0 else f"within {duration(seconds)}"


def money(usd: float | None) -> str:
    """Return an amount of US dollars.

    Examples
    --------
    >>> money(98765.4), money(3.456), money(0), money(None)
    ('$98,765', '$3.46', '$0', 'unknown')
    """
    if usd is None or math.isnan(usd):
        return "unknown"
    return f"${usd:,.2f}" if 0 < abs(usd) < 100 else f"${usd:,.0f}"


def price(usd: float | None) -> str:
    """Return a small amount of US dollars, to a tenth of a cent.

    Examples
    --------
    >>> price(0.04567), price(None)
    ('$0.046', '-')
    """
    return "-" if usd is None or math.isnan(usd) else f"${usd:,.3f}"


def mass(kg: float | None) -> str:
    """Return a mass in tonnes, or in kilograms if it is small.

    Examples
    --------
    >>> mass(12_345.0), mass(123.4), mass(None)
    ('12.3 t', '123 kg', 'unknown')
    """
    if kg is None or math.isnan(kg):
        return "unknown"
    return f"{kg / 1000:,.1f} t" if kg >= 1000 else f"{numeral(kg, 3)} kg"


def share(part: float | None) -> str:
    """Return a share in percent.

    Examples
    --------
    >>> share(0.7512), share(1.0), share(0.00012), share(None)
    ('75.1 %', '100 %', '0.012 %', 'unknown')
    """
    if part is None or math.isnan(part):
        return "unknown"
    percent = 100 * part
    return f"{numeral(percent, 3 if percent < 99.95 or percent == 100 else 4)} %"


def share_or_dash(part: float | None) -> str:
    """Return a share in percent, or a dash where there is nothing to be a share of."""
    return "-" if part is None or math.isnan(part) else share(part)


def count(number: float, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one.

    Examples
    --------
    >>> count(1, "node"), count(28489, "job"), count(0, "node")
    ('1 node', '28,489 jobs', '0 nodes')
    """
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def listed(parts: list[str]) -> str:
    """Return parts as a list in a sentence.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def rejections_text(jobs: Mapping[str, int]) -> str:
    """Return why no pool takes how many jobs; at least one of them is given.

    Examples
    --------
    >>> rejections_text({"procs": 0, "gpus": 1200, "accepts": 1})
    '1,200 with more GPUs than any pool has (a pool of mere cores has none) and 1 that no pool accepts'
    """
    parts = [f"{number:,} {REJECTION_NAMES[reason]}" for reason, number in jobs.items() if number]
    return listed(parts)


def policy_text(policy: str) -> str:
    """Return what a policy does.

    Examples
    --------
    >>> policy_text("sjf")
    'shortest job first, without backfilling'
    """
    parsed = Policy.parse(policy)
    if parsed.code is not None:
        file, function = parsed.code
        order = f"the order {function} of {file}"
    else:
        order = _ORDERS[parsed.order]
    passing = f"; {_ORDERS[parsed.passing_order]} among those that pass" if parsed.passing_order else ""
    return f"{order}, {_BACKFILLS[parsed.backfill]}{passing}"


def value_text(metric: str, value: float | None) -> str:
    """Return a value of a metric with its unit."""
    if value is None or math.isnan(value):
        return "no job"
    if metric.endswith("_s"):
        return duration(value)
    if metric in SHARES:
        return share(value)
    return numeral(value, 4)


def statistic_text(metric: str, statistic: str | None) -> str:
    """Return a metric and its statistic in words.

    Examples
    --------
    >>> statistic_text("wait_s", "p95"), statistic_text("wait_s", "mean")
    ('95th percentile of the waiting time', 'mean waiting time')
    """
    name = METRIC_NAMES.get(metric, metric)
    if statistic is None:
        return name
    words = {"mean": f"mean {name}", "max": f"largest {name}", "p50": f"median {name}"}
    return words.get(statistic, f"{statistic[1:]}th percentile of the {name}")


def target_text(target: Mapping[str, Any]) -> str:
    """Return what a target asks for.

    Parameters
    ----------
    target
        ``metric``, ``statistic``, ``at_most`` or ``at_least``, and ``where``, as in a scenario file.

    Examples
    --------
    >>> target_text({"metric": "wait_s", "statistic": "p95", "at_most": 14400.0, "where": {"procs_at_most": 8}})
    '95th percentile of the waiting time at most 4 h, for jobs of at most 8 processors'
    """
    metric = target["metric"]
    sign, limit = ("at most", target.get("at_most")) if target.get("at_most") is not None else (
        "at least", target.get("at_least"),
    )  # fmt: skip
    text = f"{statistic_text(metric, target.get('statistic'))} {sign} {value_text(metric, limit)}"
    where = where_text(target.get("where"))
    return f"{text}, for jobs {where}" if where else text


def where_text(where: Mapping[str, Any] | None) -> str:
    """Return which jobs something is about, to be put behind "jobs"; empty for all.

    Examples
    --------
    >>> where_text({"procs_at_least": 8, "queue": ("a", "b")})
    'of at least 8 processors and of queue a or b'
    """
    where = where or {}
    conditions = []
    if where.get("procs_at_least") is not None:
        conditions.append(f"of at least {count(where['procs_at_least'], 'processor')}")
    if where.get("procs_at_most") is not None:
        conditions.append(f"of at most {count(where['procs_at_most'], 'processor')}")
    for key, words in (("gpus_at_least", "at least"), ("gpus_at_most", "at most")):
        if where.get(key) is not None:
            conditions.append(f"of {words} {numeral(where[key])} {'GPU' if where[key] == 1 else 'GPUs'}")
    conditions += [f"of {key} {' or '.join(where[key])}" for key in ("queue", "user", "user_group") if where.get(key)]
    return " and ".join(conditions)


STOPS = {
    "max_setups": "the limit on setups was reached",
    "time_limit": "the time limit was reached",
    "interrupted": "it was interrupted",
}
"""Why a search ended before its proof."""

LOST_AT_THE_END = 0.25
"""Share of its limit by which the last tenth of the log must miss a target for the answer to say so."""


def answer(summary: Mapping[str, Any]) -> str:
    """Return the finding of a run in plain sentences, the answer first.

    Parameters
    ----------
    summary
        What ``summary.json`` holds.
    """
    if summary["command"] == "simulate":
        gpus, cores = (
            sum(pool["nodes"] * pool[size] for pool in summary["pools"]) for size in ("gpus_per_node", "cores_per_node")
        )
        size = listed([*([count(gpus, "GPU")] if gpus else []), count(cores, "core")])
        return f"On {size} under {policy_name(summary['policy'])}, {_service(summary)}"
    setups, replayed = count(summary["setups_in_space"], "setup"), f"{summary['setups_simulated']:,} replayed"
    proven = f"proven for this log, these rules and seed {summary['seed']}; {replayed}"
    if summary["chosen"] is not None:
        first = f"{_setup(summary, summary['chosen'])}; it costs {money(summary['cost_usd_per_year'])} a year."
        sentences = [capital(first), capital(_service(summary)), *_lost_at_the_end(summary["targets"])]
        if summary["status"] == "optimal":
            sentences.append(f"None of the {setups} allowed that meets all targets is cheaper ({proven}).")
        else:
            sentences.append(
                f"The search was cut short, for {STOPS[summary['stopped']]} ({replayed} of {setups} allowed): a cheaper"
                f" one might exist, but none below {money(summary['lower_bound_usd_per_year'])} a year "
                f"({share(summary['gap'])} less)."
            )
        return " ".join([*sentences, *map(edge_text, summary["edges"]), *_beware(summary)])
    if summary["status"] == "infeasible":
        first = f"None of the {setups} allowed meets all targets ({proven})."
    else:
        first = (
            f"None of the setups replayed meets all targets; the search was cut short, for {STOPS[summary['stopped']]} "
            f"({replayed} of {setups})."
        )
    missed = [
        f"{target['text']} (it reaches {value_text(target['metric'], target['achieved'])})"
        for target in summary["targets"]
        if not target["met"]
    ]
    closest = f"The closest: {_setup(summary, summary['closest'])}, at {money(summary['cost_usd_per_year'])} a year"
    return " ".join([first, f"{closest}; it misses: {'; '.join(missed)}.", *_beyond(summary), *_beware(summary)])


def _beyond(summary: Mapping[str, Any]) -> list[str]:
    """Return that the log has fewer jobs than a target asks for, where no setup can complete as many."""
    hours = summary["workload"]["span_s"] / 3600
    if summary["trim"] is not None or not hours:
        return []
    submitted = summary["workload"]["jobs_replayed"] / hours
    asked = [one["at_least"] for one in summary["targets"] if one["metric"] == "throughput_jobs_per_hour"]
    if submitted >= max(asked, default=0.0):
        return []
    return [f"The log itself submits only {numeral(submitted, 4)} jobs an hour, so no setup can complete more."]


def _beware(summary: Mapping[str, Any]) -> list[str]:
    """Return what the answer must not be believed without: a poor replay of the present machine, a broken log."""
    problems = [one for one in summary["log_verdicts"] if one["level"] == "problem"]
    log = [
        f"Beware: {one['finding'].split('. ')[0].rstrip('.')} (a problem of the log: {one['topic'].lower()})."
        for one in problems[:1]
    ]
    return [*_trust(summary["hindcast"]), *log]


def _lost_at_the_end(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return, of the targets that are met on the whole, those that the last tenth of the log misses clearly."""
    lost = [
        f"{missed_text({**target, 'achieved': target['last_tenth']['achieved']})}"
        for target in targets
        if target["met"] and target["last_tenth"] is not None and target["last_tenth"]["miss"] > LOST_AT_THE_END
    ]
    return [f"But in the last tenth of the log, {listed(lost)}."] if lost else []


def missed_text(target: Mapping[str, Any]) -> str:
    """Return what a target that is missed reaches, and what it asks for.

    Examples
    --------
    >>> missed_text({"metric": "wait_s", "statistic": "p95", "at_most": 14400.0, "achieved": 16200.0})
    'the 95th percentile of the waiting time is 4 h 30 min instead of at most 4 h'
    """
    sign = "at least" if target.get("at_most") is None else "at most"
    limit = target["at_least"] if target.get("at_most") is None else target["at_most"]
    metric, where = target["metric"], where_text(target.get("where"))
    return (
        f"the {statistic_text(metric, target.get('statistic'))}{where and f' of jobs {where}'} is "
        f"{value_text(metric, target['achieved'])} instead of {sign} {value_text(metric, limit)}"
    )


def edge_text(edge: Mapping[str, Any]) -> str:
    """Return a limit of the scenario beyond which something cheaper may lie, as a sentence.

    Parameters
    ----------
    edge
        An entry of ``edges`` in ``summary.json`` (:class:`pwsim.judgement.Edge`).
    """
    pool, nodes = edge["pool"], edge["nodes"]
    if edge["edge"] == "fewest":
        return (
            f"It has the fewest nodes of pool {pool} that the scenario allows ({nodes:,}): allow fewer, which may be "
            "cheaper still."
        )
    first = f"Cheaper setups fail for want of more than the {count(nodes, 'node')} of pool {pool} that are allowed"
    if edge["failing"] is None:
        return f"{first}: with those, they have too few cores for the targets. Allow more, which may be cheaper still."
    others = [f"{number:,} of pool {name}" for name, number in edge["failing"].items() if name != pool and number]
    with_ = f"with those and {listed(others)}" if others else "with those alone"
    return (
        f"{first}: {with_}, at {money(edge['cost_usd_per_year'])} a year, "
        f"{listed([missed_text(target) for target in edge['missed']])}. Allow more, which may be cheaper still."
    )


def _trust(check: Mapping[str, Any] | None) -> list[str]:
    """Return what to think of the answer if the replay of the present machine does not tell that it can be trusted."""
    if check is None or check["verdict"] in ("good", "rough"):
        return []
    if check["verdict"] is None:
        return ["Whether a replay waits as the real machine does could not be checked: the log has no recorded waits."]
    beware = "Beware: a replay of the present machine does not wait as the log recorded (poor)"
    return [f"{beware}, so take the waits for a comparison of setups, not for a forecast."]


def _setup(summary: Mapping[str, Any], setup: Mapping[str, Any]) -> str:
    """Return what to buy and rent, and of which pools nothing."""
    if not any(pool["nodes"] for pool in summary["pools"]):
        return "buy and rent nothing"
    acts = []
    for kind, verb in (("on_premises", "buy"), ("cloud", "rent")):
        pools = [pool for pool in summary["pools"] if pool["kind"] == kind]
        parts = [
            f"{'up to ' if pool['elastic'] else ''}{count(pool['nodes'], 'node')} of pool {pool['name']} "
            f"({_size(pool)}{_committed(pool)})"
            for pool in pools
            if pool["nodes"]
        ]
        if unused := [pool["name"] for pool in pools if not pool["nodes"]]:
            parts.append(f"none of pool{'s' if len(unused) > 1 else ''} {listed(unused)}")
        acts += [f"{verb} {listed(parts)}"] if parts else []
    return f"{listed(acts)}, scheduled by {policy_name(setup['policy'])}"


def _size(pool: Mapping[str, Any]) -> str:
    """Return the cores of a pool, and before them its GPUs if it has some."""
    cores = count(pool["nodes"] * pool["cores_per_node"], "core")
    return f"{count(pool['nodes'] * pool['gpus_per_node'], 'GPU')}, {cores}" if pool["gpus_per_node"] else cores


def _committed(pool: Mapping[str, Any]) -> str:
    return f", commitments for {count(pool['committed_nodes'], 'node')}" if pool["committed_nodes"] else ""


def _service(summary: Mapping[str, Any]) -> str:
    """Return how jobs are served."""
    metrics = summary["metrics"]
    if metrics["wait_s_p95"] is None:
        return "no job can run."
    if metrics["wait_s_max"] == 0:
        waits = "every job starts at once"
    else:
        waits = f"half of the jobs start {within(metrics['wait_s_p50'])}, 95 % {within(metrics['wait_s_p95'])}"
        if metrics["wait_s_p95"] == 0:
            waits = "95 % of the jobs start at once"
    rejected = metrics["jobs_rejected"]
    failed, restarts = metrics["jobs_failed"], metrics["restarts"]
    if restarts or failed:
        waits += (
            f"; {count(restarts, 'restart')} after interruptions lost {count(metrics['lost_core_hours'], 'core-hour')}"
        )
    if failed:
        waits += f", and {count(failed, 'job')} failed for good"
    of_work = share(metrics["rejected_work_share"])
    left_out = f"; {count(rejected, 'job')} with {of_work} of the work cannot run on any pool" if rejected else ""
    of, kind = ("GPUs", "gpu") if metrics["gpu_utilization"] is not None else ("cores", "core")
    held = summary["shares"][f"unused_{kind}_share"]
    unused = f" (another {share(held)} of the {of} are held, but not used)" if held and held >= TOLD_UNUSED else ""
    use = "" if metrics["utilization"] is None else f", and {busy(metrics)} on average{unused}"
    return f"{waits}{use}{left_out}."


def busy(metrics: Mapping[str, Any]) -> str:
    """Return which share of the cores is busy, and first of the GPUs if there are any.

    Examples
    --------
    >>> busy({"gpu_utilization": 0.75, "utilization": 0.5}), busy({"gpu_utilization": None, "utilization": 0.5})
    ('75 % of the GPUs and 50 % of the cores are busy', '50 % of the cores are busy')
    """
    gpus = metrics["gpu_utilization"]
    of_gpus = "" if gpus is None else f"{share(gpus)} of the GPUs and "
    return f"{of_gpus}{share(metrics['utilization'])} of the cores are busy"


def policy_name(policy: str) -> str:
    """Return what a policy is called in sentences."""
    return {
        "fcfs": "first come, first served",
        "easy": "EASY backfilling",
        "conservative": "conservative backfilling",
    }.get(policy, policy)


def capital(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[0].upper() + text[1:]
