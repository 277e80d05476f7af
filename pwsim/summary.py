"""What was asked and what was found, as one dictionary of plain values: ``summary.json``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pwsim import __version__, costs, flurries, metrics
from pwsim.wording import answer

if TYPE_CHECKING:
    from pwsim.plan import Plan, Setup
    from pwsim.result import Result

ASSUMPTIONS = (
    "Jobs run as long as the log says, divided by the speed of the node, whoever else uses memory, network or disks.",
    "Users submit the same jobs at the same times whatever the waits are.",
    "The log is taken as one typical year: what its jobs cause is scaled to 8,766 h by the length of the log.",
)
"""What every replay takes for granted, for the report."""
NO_FAILURES = "Nodes never fail and are never down for maintenance."
"""What a replay takes for granted unless a pool has an ``mtbf``."""
SEARCH_ASSUMPTIONS = (
    "No setup was left out because another failed: a replay that misses a target excludes that setup alone.",
    "Prices and discount rate stay as the scenario gives them.",
)
"""What a search takes for granted besides."""


def of_result(result: Result) -> dict[str, Any]:
    """Return the summary of one replay, as ``pwsim simulate`` writes it."""
    summary = {**_common(result, result.trace.name), "command": "simulate"}
    summary["policy"] = str(result.cluster.the_policy())
    summary["pools"] = plain(
        result.pools().drop(columns=["cost_usd_per_year", "usd_per_core_hour_used", *costs.PARTS]).to_dict("records")
    )
    return {**summary, "assumptions": _assumptions(result), "answer": answer(summary)}


def of_plan(plan: Plan) -> dict[str, Any]:
    """Return the summary of a search, as ``pwsim run`` writes it."""
    summary = plain(
        {
            **_common(plan.result, plan.name),
            "command": "run",
            "status": plan.status,
            "chosen": _setup(plan.chosen),
            "closest": _setup(plan.closest),
            "cost_usd_per_year": plan.cost_usd_per_year,
            "cost_breakdown_usd_per_year": plan.cost,
            "usd_per_core_hour_used": plan.result.usd_per_core_hour_used(plan.discount_rate),
            "lower_bound_usd_per_year": plan.lower_bound_usd_per_year,
            "gap": plan.gap,
            "setups_in_space": plan.setups_in_space,
            "setups_simulated": len(plan.setups),
            "targets": plan.judged_targets(),
            "pools": plan.result.pools(plan.discount_rate).to_dict("records"),
            "discount_rate": plan.discount_rate,
            "assumptions": [*_assumptions(plan.result), *SEARCH_ASSUMPTIONS],
        }
    )
    return {**summary, "answer": answer(summary)}


def _common(result: Result, name: str) -> dict[str, Any]:
    trace = result.trace
    common: dict[str, Any] = plain(
        {
            "scenario": name,
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
                "changes": list(trace.changes),
                "flurries": flurries.find_flurries(trace).to_dict("records"),
                "rejected": result.metrics["jobs_rejected"],
                "notes": list(trace.notes),
                "sha256": trace.digest(),
                "span_s": trace.span_s,
                "acknowledge": trace.header.get("Acknowledge"),
            },
            "metrics": result.metrics,
            "trim": None if result.trim == metrics.NO_TRIM else result.trim._asdict(),
            "metrics_untrimmed": None if result.trim == metrics.NO_TRIM else result.trimmed().metrics,
        }
    )
    return common


def _assumptions(result: Result) -> list[str]:
    failing = any(pool.fails for pool in result.cluster.pools)
    return [*ASSUMPTIONS, *([] if failing else [NO_FAILURES])]


def _setup(setup: Setup | None) -> dict[str, Any] | None:
    return None if setup is None else {"nodes": setup.nodes, "policy": str(setup.policy)}


def plain(value: Any) -> Any:
    """Return the value in the types of JSON; what has no meaning (NaN) or no end is ``None``."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
