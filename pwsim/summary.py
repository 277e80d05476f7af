"""What was asked and what was found, as one dictionary of plain values: ``summary.json``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pwsim import __version__, flurries, metrics, record
from pwsim.money import UNDISCOUNTED, Economics
from pwsim.pools import CloudPool
from pwsim.rules import portable
from pwsim.tariffs import start_of
from pwsim.wording import answer, price

if TYPE_CHECKING:
    from pwsim.description.verdict import Verdict
    from pwsim.plan import Plan, Setup
    from pwsim.result import Result

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
"""What is taken for granted with feedback of users (:mod:`pwsim.feedback`)."""
NO_FAILURES = "Nodes never fail and are never down for maintenance."
"""What a replay takes for granted unless nodes of a pool fail or are taken back."""
STORED = (
    "A job's data is stored where the job ends, from its submission to its end unless a storage time is given, and "
    "taken home once."
)
"""What is taken for granted where data is priced."""
SEARCH_ASSUMPTIONS = (
    "No setup was left out because another failed: a replay that misses a target excludes that setup alone.",
    "Prices and discount rate stay as the scenario gives them.",
)
"""What a search takes for granted besides."""


UNCHECKED = (
    "Whether a replay of the present machine reproduces its real waits could not be checked: the log has no recorded "
    "waits."
)
"""What the report says where a scenario describes the present machine, but its log cannot tell."""


def of_result(result: Result) -> dict[str, Any]:
    """Return the summary of one replay, as ``pwsim simulate`` writes it."""
    summary = {**_common(result, result.trace.name, id_of(result, "simulate")), "command": "simulate"}
    summary["policy"] = str(result.cluster.the_policy())
    money = ("carbon", "commitment")
    summary["pools"] = [
        {key: value for key, value in pool.items() if "usd" not in key and not key.startswith(money)}
        for pool in _pools(result)
    ]
    return {**summary, "assumptions": _assumptions(result), "answer": answer(summary)}


def id_of(result: Result, command: str) -> str:
    """Return the id of what a command made of one replay (:func:`pwsim.record.run_id`)."""
    cluster = result.cluster.model_dump(mode="json", exclude_none=True)
    asked = {"cluster": cluster, "metrics": result.trim._asdict(), "seed": result.seed}
    return record.run_id(command, asked, [result.trace], [result.cluster])


def of_plan(plan: Plan) -> dict[str, Any]:
    """Return the summary of a search, as ``pwsim run`` writes it."""
    summary = plain(
        {
            **_common(plan.result, plan.name, plan.run_id),
            "command": "run",
            "status": plan.status,
            "chosen": _setup(plan.chosen),
            "closest": _setup(plan.closest),
            "cost_usd_per_year": plan.cost_usd_per_year,
            "cost_breakdown_usd_per_year": plan.cost,
            **{name: figure for name, figure in plan.bill._asdict().items() if name != "cost"},
            "lower_bound_usd_per_year": plan.lower_bound_usd_per_year,
            "gap": plan.gap,
            "stopped": plan.stopped,
            "edges": [edge._asdict() for edge in plan.edges],
            "setups_in_space": plan.setups_in_space,
            "setups_simulated": len(plan.setups),
            "targets": plan.judged_targets(),
            "pools": _pools(plan.result, plan.economics),
            "site": [one.model_dump() for one in plan.economics.site],
            "economics": {**plan.economics.model_dump(exclude={"site"}), "prices": _prices(plan)},
            "hindcast": _hindcast(plan),
            "log_verdicts": [_for_scenario(verdict) for verdict in plan.verdicts],
            "tariff_start": _tariff_start(plan),
            "assumptions": [*_assumptions(plan.result), *SEARCH_ASSUMPTIONS, *_money_assumptions(plan)],
        }
    )
    return {**summary, "answer": answer(summary)}


def _hindcast(plan: Plan) -> dict[str, Any] | None:
    """Return the check of the present machine; ``None`` if the scenario does not describe it."""
    if plan.hindcast is not None:
        return plan.hindcast.report
    return {"verdict": None, "text": UNCHECKED, "findings": []} if plan.unchecked else None


def _pools(result: Result, economics: Economics = UNDISCOUNTED) -> list[dict[str, Any]]:
    """Return each pool: size, use, and cost."""
    pools: list[dict[str, Any]] = plain(result.pools(economics).to_dict("records"))
    return pools


def _common(result: Result, name: str, run_id: str) -> dict[str, Any]:
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
                "flurries": flurries.find_flurries(trace).to_dict("records"),
                "rejected": result.metrics["jobs_rejected"],
                "notes": list(trace.notes),
                "sha256": trace.digest(),
                "span_s": result.span_s,
                "acknowledge": trace.header.get("Acknowledge"),
            },
            "metrics": result.metrics,
            "shares": result.shares(),
            "queue": result.queue,
            "trim": None if result.trim == metrics.NO_TRIM else result.trim._asdict(),
            "metrics_untrimmed": None if result.trim == metrics.NO_TRIM else result.trimmed().metrics,
        }
    )
    return common


def _assumptions(result: Result) -> list[str]:
    failing = any(pool.interrupted for pool in result.cluster.pools)
    jobs_alone, *others = ASSUMPTIONS
    users = OPEN_LOOP if result.trace.feedback is None else CLOSED_LOOP
    return [jobs_alone, users, *others, *([] if failing else [NO_FAILURES])]


def _tariff_start(plan: Plan) -> dict[str, str | None] | None:
    """Return when tariffs by the hour begin, and how that is known; ``None`` without such tariffs."""
    start = start_of(plan.result.trace, plan.economics.start, plan.economics.time_zone)
    if start is None or not plan.result.cluster.by_the_hour:
        return None
    local = start.local.isoformat(timespec="minutes")
    return {"local": local, "source": start.source, "time_zone": start.zone.key if start.zone else None}


def _prices(plan: Plan) -> str | None:
    """Return the price table of one's own as ``scenario.yaml`` names it."""
    return None if plan.economics.prices is None else portable(plan.economics.prices)


def _money_assumptions(plan: Plan) -> list[str]:
    pools = plan.result.cluster.pools
    said = [rent(pool) for pool in pools if isinstance(pool, CloudPool)]
    if start := _tariff_start(plan):
        local, source = str(start["local"]).replace("T", " at "), start["source"]
        said.append(
            f"Electricity is priced by the hour: the first submission is on {local} local time ({source}), and "
            + (
                "the clock follows summer time."
                if start["time_zone"]
                else "the clock is never changed: no time zone is named."
            )
        )
    if any(isinstance(pool, CloudPool) and pool.committed_nodes for pool in pools):
        said.append("Commitments are paid every hour of the year, used or not, whatever setup is chosen.")
    if any(
        isinstance(pool, CloudPool) and (pool.storage_usd_per_gib_month or pool.egress_usd_per_gib) for pool in pools
    ):
        said.append(STORED)
    return said


def rent(pool: CloudPool) -> str:
    """Say what a node costs, and who says so since when."""
    kind = f" ({pool.instance}, {pool.market.replace('_', ' ')})" if pool.instance else ""
    told = [pool.price_date and f"price of {pool.price_date}", pool.price_source and f"source: {pool.price_source}"]
    said_by = "".join(f"; {one}" for one in told if one) or ", as the scenario says"
    return f"A node of pool {pool.name}{kind} costs {price(pool.price_usd_per_hour)} an hour{said_by}."


def _for_scenario(verdict: Verdict) -> dict[str, str]:
    """Return a verdict on a log whose advice names keys of scenarios for options of ``pwsim trace describe``."""
    advice = verdict.advice.replace(" (--cores-per-proc N)", "").replace("with --cores", "as --cores")
    return verdict._replace(advice=advice.replace("--cores", "`baseline: {cores: N}`"))._asdict()


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
