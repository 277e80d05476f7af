"""What was asked of a search and what was found, as one dictionary of plain values: ``summary.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwsim.cluster import CloudPool
from pwsim.common import listed, plain, price
from pwsim.costs import savings
from pwsim.hindcasting import COMPARED_STATISTICS, scaled_waits
from pwsim.prices import Commitment, start_of
from pwsim.results import assumptions_of, common_of, pools_of
from pwsim.rules import portable
from pwsim.search import attributing
from pwsim.search.alternatives import ALTERNATIVE_COLUMNS
from pwsim.search.answer import answer
from pwsim.search.around import NEIGHBOUR_COLUMNS, binding, records, relaxations
from pwsim.search.certainty import of_certainty
from pwsim.search.certificate import certificate
from pwsim.search.early import TOLD
from pwsim.search.frontier import ON_DRAWS, Frontier, share_at_points
from pwsim.search.options import types_told
from pwsim.search.replications import share_of
from pwsim.search.sensitivity.telling import told as told_of_study
from pwsim.search.targets import judged

if TYPE_CHECKING:
    from pwsim.description import Verdict
    from pwsim.search.plan import Plan, Setup

STORED = (
    "A job's data is stored where the job ends, from its submission to its end unless a storage time is given, and "
    "taken home once."
)
"""What is taken for granted where data is priced."""
SAVINGS = (
    "Savings plans are paid every hour of the year, used or not; at every instant their money goes where it saves "
    "most, and work that is left when the log ends pays rent."
)
"""What is taken for granted of savings plans."""
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


def of_plan(plan: Plan) -> dict[str, Any]:
    """Return the summary of a search, as ``pwsim run`` writes it."""
    summary = plain(
        {
            **common_of(plan.result, plan.name, plan.run_id),
            "command": "run",
            "status": plan.status,
            "chosen": _setup(plan.chosen, plan),
            "closest": _setup(plan.closest, plan),
            "cost_usd_per_year": plan.cost_usd_per_year,
            "cost_breakdown_usd_per_year": plan.cost,
            **{name: figure for name, figure in plan.bill._asdict().items() if name != "cost"},
            "lower_bound_usd_per_year": plan.lower_bound_usd_per_year,
            "gap": plan.gap,
            "stopped": plan.stopped,
            "edges": [edge._asdict() for edge in plan.edges],
            "setups_in_space": plan.setups_in_space,
            "setups_simulated": len(plan.setups),
            "setups_ended_early": int(plan.setups["stopped"].isin(TOLD.values()).sum()),
            "search": plan.method._asdict(),
            "minimise": None if plan.minimised is None else plan.minimised._asdict(),
            "frontier": _frontier(plan),
            "sensitivity": _sensitivity(plan),
            "attribution": None if plan.attributed is None else attributing.told(plan, plan.attributed),
            "horizon": None if plan.horizon is None else plan.horizon.summary,
            "certificate": certificate(plan),
            "certainty": of_certainty(plan.certainty, plan.targets),
            **({} if plan.decided is None else {"decisions": _decisions(plan)}),
            "alternatives": [_replayed(plan, told, ALTERNATIVE_COLUMNS) for told in records(plan.alternatives)],
            "neighbours": [_replayed(plan, told, NEIGHBOUR_COLUMNS) for told in records(plan.neighbours)],
            "binding": binding(plan),
            "relaxations": relaxations(plan),
            "targets": plan.judged_targets(),
            "pools": _pools(plan),
            "savings_plans": _savings_plans(plan),
            "site": [one.model_dump() for one in plan.economics.site],
            "economics": {**plan.economics.model_dump(exclude={"site"}), "prices": _prices(plan)},
            "hindcast": _hindcast(plan),
            "scaled_waits": _scaled_waits(plan),
            "log_verdicts": [_for_scenario(verdict) for verdict in plan.verdicts],
            "tariff_start": _tariff_start(plan),
            "assumptions": [
                *assumptions_of(plan.result),
                *SEARCH_ASSUMPTIONS,
                *_drawn(plan),
                *_money_assumptions(plan),
            ],
        }
    )
    return {**summary, "answer": answer(summary)}


def _decisions(plan: Plan) -> dict[str, Any]:
    """Return how sure it is that targets hold often enough, and what draws did not decide."""
    replications, setups = plan.judge.replications, plan.setups
    assert replications is not None
    return {
        **replications.model_dump(),
        "share": share_of(plan.targets),
        "setups_drawn": int((setups["draws"] > 0).sum()),
        "draws": int(setups["draws"].sum()),
        "undecided": [
            {
                "nodes": {pool.name: int(told[f"nodes_{pool.name}"]) for pool in plan.judge.cluster.pools},
                **types_told(plan.judge.cluster, told),
                **{key: told[key] for key in ("policy", "limits", "hours") if key in told},
                **{key: told[key] for key in ("cost_usd_per_year", "draws", "draws_met")},
            }
            for told in records(setups[setups["decision"] == "undecided"])
        ],
    }


def _frontier(plan: Plan) -> dict[str, Any] | None:
    """Return what was varied, and what was found for each limit; ``None`` if nothing was varied."""
    if not plan.points:
        return None
    varied, replications = plan.asked["frontier"], plan.judge.replications
    share = share_at_points(Frontier(**varied), plan.targets)
    points: list[dict[str, Any]] = [{**one._asdict(), "chosen": _setup(one.chosen, plan)} for one in plan.points]
    if share is None:
        points = [{key: value for key, value in one.items() if key not in ON_DRAWS} for one in points]
    sure = {} if share is None or replications is None else {"decisions": {**replications.model_dump(), "share": share}}
    about = {"where": None, "statistic": None, **varied["target"]}
    return {**about, "limit": "at_least" if "at_least" in varied else "at_most", **sure, "points": points}


def _sensitivity(plan: Plan) -> dict[str, Any] | None:
    """Return what would change the answer; ``None`` if that was not asked."""
    return None if plan.study is None else told_of_study(plan, plan.study, lambda setup: _setup(setup, plan))


def _replayed(plan: Plan, told: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """Return an alternative or a neighbour: what it is, what it costs and achieves, and what it misses."""
    known = isinstance(told["policy"], str)
    return {
        **{key: told[key] for key in columns},
        "nodes": {pool.name: int(told[f"nodes_{pool.name}"]) for pool in plan.result.cluster.pools} if known else None,
        **(types_told(plan.judge.cluster, told) if known else {}),
        **{key: told[key] for key in ("policy", "limits", "hours") if key in told},
        "meets_targets": bool(told["meets_targets"]) if known else None,
        "cost_usd_per_year": told["cost_usd_per_year"],
        **({"decision": told["decision"]} if "decision" in told else {}),
        "stopped": told["stopped"],
        "missed": [
            {"target": index, **one}
            for index, one in enumerate(judged(plan.targets, told) if known else [])
            if not one["met"]
        ],
    }


def _hindcast(plan: Plan) -> dict[str, Any] | None:
    """Return the check of the present machine; ``None`` if the scenario does not describe it."""
    if plan.hindcast is not None:
        return plan.hindcast.report
    return {"verdict": None, "text": UNCHECKED, "findings": []} if plan.unchecked else None


def _scaled_waits(plan: Plan) -> list[dict[str, Any]]:
    """Return the waits of the chosen setup scaled by what the hindcast is off by; none unless that is poor."""
    if plan.hindcast is None or plan.chosen is None:
        return []
    waits_s = {name: plan.result.metrics[f"wait_s_{name}"] for name in COMPARED_STATISTICS}
    return scaled_waits(plan.hindcast.report, waits_s)


def _tariff_start(plan: Plan) -> dict[str, str | None] | None:
    """Return when tariffs by the hour begin, and how that is known; ``None`` without such tariffs."""
    start = start_of(plan.result.trace, plan.economics.start, plan.economics.time_zone)
    if start is None or not plan.result.cluster.by_the_hour:
        return None
    local = start.local.isoformat(timespec="minutes")
    return {"local": local, "source": start.source, "time_zone": start.zone.key if start.zone else None}


def _savings_plans(plan: Plan) -> list[dict[str, Any]]:
    """Return each savings plan: which pools it covers, its money, and what it saves."""
    pools = plan.result.cluster.pools
    covered = {
        one.name: [pool.name for pool in pools if savings.price_usd_per_hour(one, pool) is not None]
        for one in plan.economics.savings_plans
    }
    rows: list[Any] = plan.result.savings_plans(plan.economics).to_dict("records")
    return [{**row, "pools": covered[row["name"]]} for row in rows]


def _prices(plan: Plan) -> str | None:
    """Return the price table of one's own as ``scenario.yaml`` names it."""
    return None if plan.economics.prices is None else portable(plan.economics.prices)


def _drawn(plan: Plan) -> list[str]:
    """Return what is taken for granted of draws, where targets must hold in a share of them."""
    replications = plan.judge.replications
    if plan.decided is None or replications is None:
        return []
    drawn = listed(list(replications.by))
    return [f"What may come is like the draws of what was ({drawn}), each as likely as any other."]


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
    said += _commitment_assumptions([pool for pool in pools if isinstance(pool, CloudPool) and pool.commitments])
    said += _savings_assumptions(plan)
    if any(
        isinstance(pool, CloudPool) and (pool.storage_usd_per_gib_month or pool.egress_usd_per_gib) for pool in pools
    ):
        said.append(STORED)
    return said


def _commitment_assumptions(pools: Sequence[CloudPool]) -> list[str]:
    said = [_price_of(one, f"Committed for {one.term} ({one.kind}), a node of pool {pool.name}")
            for pool in pools for one in pool.commitments]  # fmt: skip
    if any(pool.committed_nodes for pool in pools):
        said.append("Commitments are paid every hour of the year, used or not, whatever setup is chosen.")
    if best := [pool.name for pool in pools if not pool.is_decided]:
        said.append(
            f"Of pool{'s' * (len(best) > 1)} {listed(best)}, so many nodes are committed as make each setup cheapest "
            "by its use in this log; commitments are paid every hour of the year, used or not."
        )
    return said


def _savings_assumptions(plan: Plan) -> list[str]:
    said = []
    for one in plan.economics.savings_plans:
        for pool in plan.result.cluster.pools:
            usd = savings.price_usd_per_hour(one, pool)
            if isinstance(pool, CloudPool) and usd is not None:
                told = pool.savings_price_date, pool.savings_price_source
                said.append(
                    _told(f"Under savings plan {one.name} ({one.term}), a node of pool {pool.name}", usd, *told)
                )
        if one.usd_per_hour == "best":
            said.append(f"Savings plan {one.name} promises what makes each setup cheapest by its use in this log.")
    return [*said, SAVINGS] if said else []


def rent(pool: CloudPool) -> str:
    """Say what a node costs, and who says so since when."""
    kind = f" ({pool.instance}, {pool.market.replace('_', ' ')})" if pool.instance else ""
    return _price_of(pool, f"A node of pool {pool.name}{kind}")


def _price_of(what: CloudPool | Commitment, name: str) -> str:
    """Say what something costs, and who says so since when."""
    return _told(name, what.price_usd_per_hour, what.price_date, what.price_source)


def _told(name: str, usd_per_hour: float, date: str, source: str) -> str:
    """Say what something costs, and who says so since when."""
    told = [date and f"price of {date}", source and f"source: {source}"]
    said_by = "".join(f"; {one}" for one in told if one) or ", as the scenario says"
    return f"{name} costs {price(usd_per_hour)} an hour{said_by}."


def _for_scenario(verdict: Verdict) -> dict[str, str]:
    """Return a verdict on a log whose advice names keys of scenarios for options of ``pwsim trace describe``."""
    advice = verdict.advice.replace(" (--cores-per-proc N)", "").replace("with --cores", "as --cores")
    return verdict._replace(advice=advice.replace("--cores", "`baseline: {cores: N}`"))._asdict()


def _pools(plan: Plan) -> list[dict[str, Any]]:
    """Return the pools of the replay, with the type of node of those that have several to choose from."""
    shown = plan.chosen or plan.closest
    types = {} if shown is None else shown.types
    pools = pools_of(plan.result, plan.economics)
    return [{**pool, **({"type": types[pool["name"]]} if pool["name"] in types else {})} for pool in pools]


def _setup(setup: Setup | None, plan: Plan) -> dict[str, Any] | None:
    if setup is None:
        return None
    types = {"types": setup.types} if setup.types else {}
    return {"nodes": setup.nodes, **types, **setup.procedure(plan.setups.columns)}
