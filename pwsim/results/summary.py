"""What was asked of a replay and what was found, as one dictionary of plain values: ``summary.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pwsim import metrics
from pwsim._version import __version__
from pwsim.common import plain
from pwsim.prices import UNDISCOUNTED, Economics
from pwsim.results import record
from pwsim.results.answer import answer
from pwsim.workload import flurries

if TYPE_CHECKING:
    from pwsim.results.result import Result


ASSUMPTIONS = (
    "Jobs run as long as the log says, divided by the speed of the node, whoever else uses memory, network or disks.",
    "The log is taken as one typical year: what its jobs cause is scaled to 8,766 h by the length of the log.",
)
"""What every replay takes for granted, for the report."""
OPEN_LOOP = "Users submit the same jobs at the same times whatever the waits are."
"""What is taken for granted without feedback of users."""
CLOSED_LOOP = (
    "Users who waited for the end of a job in the log wait for it in the replay, and think for as long; they submit "
    "the same jobs whatever the waits are, and neither give up nor put work off to the next day."
)
"""What is taken for granted with feedback of users (:mod:`pwsim.workload.feedback`)."""
NO_FAILURES = "Nodes never fail and are never down for maintenance."
"""What a replay takes for granted unless nodes of a pool fail or are taken back."""


def of_result(result: Result) -> dict[str, Any]:
    """Return the summary of one replay, as ``pwsim simulate`` writes it."""
    summary = {**common_of(result, result.trace.name, id_of(result, "simulate")), "command": "simulate"}
    summary["policy"] = str(result.cluster.the_policy())
    money = ("carbon", "commitment")
    summary["pools"] = [
        {key: value for key, value in pool.items() if "usd" not in key and not key.startswith(money)}
        for pool in pools_of(result)
    ]
    return {**summary, "assumptions": assumptions_of(result), "answer": answer(summary)}


def id_of(result: Result, command: str) -> str:
    """Return the id of what a command made of one replay (:func:`pwsim.results.record.run_id`)."""
    cluster = result.cluster.model_dump(mode="json", exclude_none=True)
    asked = {"cluster": cluster, "metrics": result.trim._asdict(), "seed": result.seed}
    return record.run_id(command, asked, [result.trace], [result.cluster])


def pools_of(result: Result, economics: Economics = UNDISCOUNTED) -> list[dict[str, Any]]:
    """Return each pool: size, use, and cost."""
    pools: list[dict[str, Any]] = plain(result.pool_rows(economics))
    return pools


def common_of(result: Result, name: str, run_id: str) -> dict[str, Any]:
    """Return the part of the summary that all commands share: the replay."""
    trace = result.trace
    common: dict[str, Any] = plain(
        {
            "scenario": name,
            "run_id": run_id,
            "schema_version": record.SCHEMA_VERSION,
            "pwsim_version": __version__,
            "seed": result.seed,
            "engine": result.replay.engine,
            "overrun": result.cluster.overrun,
            "workload": {
                "name": trace.name,
                "format": trace.format,
                "jobs_read": trace.jobs_read,
                "jobs_replayed": len(trace),
                "dropped": dict(trace.dropped),
                "left_out": dict(trace.left_out),
                "left_out_work": dict(trace.left_out_work),
                "changes": list(trace.changes),
                "flurries": trace.remembered("flurries", lambda: flurries.find_flurries(trace).to_dict("records")),
                "rejected": result.metrics["jobs_rejected"],
                "notes": list(trace.notes),
                "sha256": trace.digest(),
                "span_s": result.span_s,
                "acknowledge": trace.header.get("Acknowledge"),
            },
            "metrics": result.metrics,
            "shares": result.shares(),
            "queue": result.queue,
            "work_left_share": result.work_left_share,
            "trim": None if result.trim == metrics.NO_TRIM else result.trim._asdict(),
            "metrics_untrimmed": None if result.trim == metrics.NO_TRIM else result.trimmed().metrics,
        }
    )
    return common


def assumptions_of(result: Result) -> list[str]:
    """Return the assumptions of a replay in sentences."""
    failing = any(pool.interrupted for pool in result.cluster.pools)
    jobs_alone, *others = ASSUMPTIONS
    users = OPEN_LOOP if result.trace.feedback is None else CLOSED_LOOP
    return [jobs_alone, users, *others, *([] if failing else [NO_FAILURES])]
