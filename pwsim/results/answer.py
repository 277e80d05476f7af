"""The finding of a replay in a sentence, for someone who is not an HPC expert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pwsim.common import count, listed, share, within
from pwsim.rules import policy_name

TOLD_LEFT = 0.1
"""From this share of the work on, the answer tells what is left to do when the last job is submitted."""
TOLD_UNUSED = 0.01
"""From this share on, the answer tells what is held by jobs that did not ask for it."""


def answer(summary: Mapping[str, Any]) -> str:
    """Return the finding of a replay in a sentence.

    Parameters
    ----------
    summary
        What ``summary.json`` of ``pwsim simulate`` holds.
    """
    gpus, cores = (
        sum(pool["nodes"] * pool[size] for pool in summary["pools"]) for size in ("gpus_per_node", "cores_per_node")
    )
    size = listed([*([count(gpus, "GPU")] if gpus else []), count(cores, "core")])
    return " ".join([f"On {size} under {policy_name(summary['policy'])}, {service(summary)}", *left(summary)])


def left(summary: Mapping[str, Any]) -> list[str]:
    """Return a sentence on the work that is left when the last job is submitted, where that is much."""
    if summary["work_left_share"] < TOLD_LEFT:
        return []
    still = f"When the last job is submitted, {share(summary['work_left_share'])} of the work is still to be done"
    return [f"{still}: the log is too short, or its load too high, to tell of a year; what jobs cost counts all of it."]


def service(summary: Mapping[str, Any]) -> str:
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
