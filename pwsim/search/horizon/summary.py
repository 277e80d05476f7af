"""A plan over years as plain values, and in sentences: ``horizon`` of ``summary.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwsim.cluster import CloudPool, Cluster
from pwsim.common import count, listed, money, numeral, plain, share
from pwsim.costs import WHOLE_SETUP, savings
from pwsim.search.horizon.drawn_year import DrawnYear
from pwsim.search.horizon.table import RUN_PARTS
from pwsim.search.horizon.year import LONG_TERM
from pwsim.search.replications import share_of
from pwsim.search.words import STOPS, missed_text, run_text, sure_text

if TYPE_CHECKING:
    import pandas as pd

    from pwsim.search.horizon.year import Year
    from pwsim.search.horizon.years import Years
    from pwsim.search.plan import Setup

OF_OWN = ("standing", "bought", "retired")
"""What is told of own nodes."""
RESIDUALS = {
    "annuity": "what is left to pay of their price by annuity, as the cost of a single year counts them",
    "linear": "a price that falls evenly over their life",
    "none": "nothing before the end of their life",
}
"""What own nodes are worth, by the rule."""


def of_years(found: Years, rows: pd.DataFrame) -> dict[str, Any]:
    """Return what was asked of some years and what was found.

    Parameters
    ----------
    found
        What was found.
    rows
        The same as a table (:func:`.table.table`).
    """
    summary: dict[str, Any] = plain(
        {
            "years": found.horizon.years,
            "status": found.status,
            "stopped": found.stopped,
            "net_present_cost_usd": found.net_present_cost_usd,
            "lower_bound_usd": found.lower_bound_usd,
            "gap": found.gap,
            "annuity_usd_per_year": found.a_year(found.net_present_cost_usd),
            "discount_rate": found.economics.discount_rate,
            "residual": found.horizon.residual,
            "sell_early": found.horizon.sell_early,
            "setups_in_space": found.setups_in_space,
            "setups_simulated": sum(year.replayed for year in found.years),
            "solver": dict(found.programme.said),
            "elastic": [pool.name for pool in found.cluster.pools if pool.elastic],
            "loads": [year.load for year in found.years],
            "plan": [_year(found, one, rows) for one in range(1, len(found.chosen) + 1)],
            "rows": rows.to_dict("records"),
            "missed": [_lost(year) for year in found.years if year.is_lost],
            "assumptions": _assumptions(found),
            **_decisions(found),
        }
    )
    return {**summary, "text": text(summary)}


def _decisions(found: Years) -> dict[str, Any]:
    """Return how sure it is that targets hold often enough, where they must in a share of draws."""
    drawn = [year for year in found.years if isinstance(year, DrawnYear)]
    if not drawn:
        return {}
    replications, every = drawn[0].judge.replications, [one for year in drawn for one in year.decided.values()]
    assert replications is not None
    sure = {**replications.model_dump(), "share": max(share_of(year.judge.targets) or 0.0 for year in drawn)}
    undecided = sum(one.decision == "undecided" for one in every)
    counted = {"setups_drawn": len(every), "draws": sum(one.draws for one in every), "undecided": undecided}
    return {"decisions": {**sure, **counted}}


def _setup(setup: Setup, cluster: Cluster) -> dict[str, Any]:
    types = {"types": setup.types} if setup.types else {}
    return {"nodes": setup.nodes, **types, **setup.procedure(cluster.alternatives)}


def _year(found: Years, number: int, rows: pd.DataFrame) -> dict[str, Any]:
    """Return what a year of the plan is: its setup, what is bought and leaves, what it costs, how its targets do."""
    year, one = found.years[number - 1], found.chosen[number - 1]
    mine = rows[rows["year"] == number]
    own = mine[mine["standing_nodes"].notna()].groupby("pool", sort=False)
    nodes = {name: {pool: int(count) for pool, count in own[f"{name}_nodes"].sum().items()} for name in OF_OWN}
    summed = {name: float(mine[name].sum()) for name in ("purchase_usd", "returned_usd", "residual_usd")}
    return {
        "year": number,
        "load": year.load,
        **_setup(one.setup, found.cluster),
        **nodes,
        **summed,
        "run_usd": float(mine[list(RUN_PARTS)].sum().sum()),
        **{name: float(mine[name].sum()) for name in ("cost_usd", "discounted_usd")},
        "discounted_residual_usd": summed["residual_usd"] * found.capital.discount(number),
        "targets": one.judged(year.judge.targets),
    }


def _lost(year: Year) -> dict[str, Any]:
    """Return a year in which no setup meets the targets: the closest that was replayed, and what that misses."""
    one = year.closest
    if one is None:
        return {"year": year.number, "load": year.load, "closest": None, "missed": []}
    return {
        "year": year.number,
        "load": year.load,
        "closest": _setup(one.setup, year.judge.cluster),
        "missed": [told for told in one.judged(year.judge.targets) if not told["met"]],
    }


def _assumptions(found: Years) -> list[str]:
    """Return what a plan takes for granted, in sentences."""
    horizon, said = found.horizon, []
    if horizon.grows:
        said.append(
            "More load is more jobs like those of the log, at the hours of the log; its own jobs stay where they are."
        )
    said.append(
        "Purchases are paid at the beginning of a year, all else at its end. "
        "Own nodes that do not run in a year are switched off and cost nothing but their purchase."
    )
    sold = "; they may be sold for that at the end of any year" if horizon.sell_early else ""
    said.append(f"Own nodes are worth {RESIDUALS[horizon.residual]}, when the years are over{sold}.")
    if horizon.capex_change:
        moves = "rises" if horizon.capex_change > 0 else "falls"
        said.append(f"The price of own nodes {moves} by {share(abs(horizon.capex_change))} a year; others stay.")
    else:
        said.append("Prices stay as they are.")
    if any(isinstance(pool, CloudPool) and pool.commitments for pool in found.cluster.pools) or any(
        savings.price_usd_per_hour(plan, pool) for plan in found.economics.savings_plans for pool in found.cluster.pools
    ):
        said.append(_committed(found))
    return said


def _committed(found: Years) -> str:
    """Say how commitments are taken, which may bind several years."""
    open_ = [
        one
        for pool in found.cluster.pools
        if isinstance(pool, CloudPool)
        for one in pool.commitments
        if one.nodes == "best" and one.term == LONG_TERM
    ]
    plans = [one for one in found.economics.savings_plans if one.usd_per_hour == "best" and one.term == LONG_TERM]
    said = "Commitments of a given number or amount are held in every year; what is best is chosen anew each year"
    left = "" if not open_ and not plans else ", so none of three years is made where its number or amount is open"
    return f"{said}{left}."


def text(horizon: Mapping[str, Any]) -> str:
    """Return a plan in sentences, what to do first.

    Parameters
    ----------
    horizon
        ``horizon`` of ``summary.json``.
    """
    years, last = count(horizon["years"], "year"), horizon["loads"][-1]
    flat = all(abs(load - 1) < 5e-4 for load in horizon["loads"])
    over = f"Over {years}" if flat else f"Over {years}, the last with {numeral(last, 3)} times the load"
    if horizon["status"] == "infeasible":
        lost = [_lost_text(one) for one in horizon["missed"]]
        return " ".join([f"{over}: no plan meets the targets.", *lost])
    replayed = f"{horizon['setups_simulated']:,} of {horizon['setups_in_space']:,} setups replayed"
    if not horizon["plan"]:
        return f"{over}: no plan was found, for {STOPS[horizon['stopped']]} ({replayed})."
    cost, yearly = money(horizon["net_present_cost_usd"]), money(horizon["annuity_usd_per_year"])
    said = [
        f"{over}: {_acts(horizon)}.",
        f"That costs {cost} in today's money (at {share(horizon['discount_rate'])} interest), or {yearly} a year.",
    ]
    if horizon["status"] == "optimal":
        said.append(f"No other plan costs less (proven; {replayed}).")
    elif horizon["stopped"] == "undecided":
        setups = count(horizon["decisions"]["undecided"], "setup")
        said.append(
            f"Draws do not decide {setups} of its years: another plan might cost less, but none less than "
            f"{money(horizon['lower_bound_usd'])} ({replayed}); raise replications.n."
        )
    else:
        said.append(
            f"Planning was cut short, for {STOPS[horizon['stopped']]} ({replayed}): another plan might cost less, but "
            f"none less than {money(horizon['lower_bound_usd'])}."
        )
    if draws := horizon.get("decisions"):
        said.append(
            f"Whether a setup serves a year is decided on draws of that year, {sure_text(draws)} over the plan."
        )
    return " ".join(said)


def _lost_text(one: Mapping[str, Any]) -> str:
    """Say of a year that no setup meets its targets, and how near the closest comes."""
    in_year = f"In year {one['year']} ({numeral(one['load'], 3)} times the load) no setup allowed does"
    if one["closest"] is None:
        return f"{in_year}."
    missed = listed([missed_text(target) for target in one["missed"]])
    return f"{in_year}; with the closest ({run_text(one['closest'])}), {missed}."


def _acts(horizon: Mapping[str, Any]) -> str:
    """Say what is bought, rented and retired in which years."""
    rows: Sequence[Mapping[str, Any]] = [one for one in horizon["rows"] if one["pool"] != WHOLE_SETUP]
    kinds = list(dict.fromkeys((one["pool"], one["type"]) for one in rows))
    acts = []
    for verb, column, when in (("buy", "bought_nodes", "in"), ("retire", "retired_nodes", "after")):
        for pool, kind in kinds:
            ends = (
                horizon["years"] if column == "retired_nodes" else None
            )  # what leaves in the end, leaves all the same
            mine = [one for one in rows if (one["pool"], one["type"]) == (pool, kind) and one["year"] != ends]
            steps = [(one["year"], one[column]) for one in mine]
            if any(nodes for _, nodes in steps):
                acts.append(f"{verb} {_steps(steps, pool, kind, when, each=True)}")
    for pool, kind in kinds:
        mine = [one for one in rows if (one["pool"], one["type"]) == (pool, kind) and one["standing_nodes"] is None]
        if any(one["nodes"] for one in mine):
            most = "up to " if pool in horizon["elastic"] else ""
            acts.append(f"rent {most}{_steps([(one['year'], one['nodes']) for one in mine], pool, kind, 'in')}")
    return "; ".join(acts) or "buy and rent nothing"


def _steps(
    steps: Sequence[tuple[int, int | None]], pool: str, kind: str | None, when: str, *, each: bool = False
) -> str:
    """Return numbers of nodes with the years in which they are so many.

    Examples
    --------
    >>> _steps([(1, 10), (2, 3), (3, 3), (4, 0), (5, 1)], "own", None, "in", each=True)
    '10 nodes of pool own in year 1, 3 each in years 2 and 3, 1 in year 5'
    """
    runs: list[tuple[int, list[int]]] = []
    for year, nodes in steps:
        if not nodes:
            continue
        if runs and runs[-1][0] == nodes and runs[-1][1][-1] == year - 1:
            runs[-1][1].append(year)
        else:
            runs.append((nodes, [year]))
    of = f" of pool {pool}{f' (type {kind})' if kind else ''}"
    told = []
    for place, (nodes, years) in enumerate(runs):
        if len(years) == 1:
            span = f"year {years[0]}"
        else:
            span = f"years {years[0]} {'and' if len(years) == 2 else 'to'} {years[-1]}"
        apiece = " each" if each and len(years) > 1 else ""
        what = f"{nodes:,}{apiece}" if place else f"{count(nodes, 'node')}{apiece}{of}"
        told.append(f"{what} {when} {span}")
    return ", ".join(told)
