"""Targets, edges and ends of a search in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pwsim.common import HOUR_S, YEAR_H, capital, count, duration, listed, money, numeral, price, share
from pwsim.metrics import statistic_text, value_text


def target_text(target: Mapping[str, Any]) -> str:
    """Say what a target asks for.

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
    where, in_share = where_text(target.get("where")), target.get("in_share")
    text = f"{text}, for jobs {where}" if where else text
    return f"{text}, in {share(in_share)} of the draws" if in_share else text


_NAMES = ("queue", "partition", "qos", "user", "user_group", "account")
"""Conditions that are names."""


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
    for key, words in (("estimate_above", "more than"), ("estimate_at_most", "at most")):
        if where.get(key) is not None:
            conditions.append(f"that ask for {words} {duration(where[key])}")
    conditions += [f"of {key} {' or '.join(where[key])}" for key in _NAMES if where.get(key)]
    return " and ".join(conditions)


STOPS = {
    "max_setups": "the limit on setups was reached",
    "time_limit": "the time limit was reached",
    "interrupted": "it was interrupted",
    "undecided": "draws did not decide all setups",
}
"""Why a search ended before its proof."""


def missed_text(target: Mapping[str, Any]) -> str:
    """Say what is reached of a target that is missed, and what it asks for.

    Examples
    --------
    >>> missed = {"metric": "wait_s", "statistic": "p95", "at_most": 14400.0, "achieved": 16200.0}
    >>> missed_text(missed)
    'the 95th percentile of the waiting time is 4 h 30 min instead of at most 4 h'
    >>> missed_text({**missed, "in_share": 0.95, "draws": 8, "draws_met": 2})
    'the 95th percentile of the waiting time is at most 4 h in 2 of 8 draws instead of 95 %'
    """
    sign = "at least" if target.get("at_most") is None else "at most"
    limit = target["at_least"] if target.get("at_most") is None else target["at_most"]
    metric, where = target["metric"], where_text(target.get("where"))
    name = f"the {statistic_text(metric, target.get('statistic'))}{where and f' of jobs {where}'}"
    if target.get("draws"):
        drawn = f"{drawn_text(target)} instead of {share(target['in_share'])}"
        return f"{name} is {sign} {value_text(metric, limit)} in {drawn}"
    return f"{name} is {value_text(metric, target['achieved'])} instead of {sign} {value_text(metric, limit)}"


def drawn_text(told: Mapping[str, Any]) -> str:
    """Return in how many of its draws something is met.

    Examples
    --------
    >>> drawn_text({"draws": 8, "draws_met": 2})
    '2 of 8 draws'
    """
    return f"{told['draws_met']:,} of {count(told['draws'], 'draw')}"


def sure_text(draws: Mapping[str, Any]) -> str:
    """Return how sure decisions are that rest on draws.

    Parameters
    ----------
    draws
        ``decisions`` of ``summary.json``.

    Examples
    --------
    >>> sure_text({"share": 0.95, "margin": 0.05, "error": 0.01})
    'at share 0.95, margin 0.05, error 0.01'
    """
    return ", ".join(
        f"{'at ' if key == 'share' else ''}{key} {numeral(draws[key])}" for key in ("share", "margin", "error")
    )


def meaning_text(draws: Mapping[str, Any]) -> str:
    """Return what that means, as a sentence.

    Examples
    --------
    >>> meaning_text({"share": 0.95, "margin": 0.05, "error": 0.01, "by": ["seed"]}).partition(":")[0]
    'At share 0.95, margin 0.05, error 0.01'
    """
    least, error = share(draws["share"] - draws["margin"]), share(draws["error"])
    return (
        f"{capital(sure_text(draws))}: the chance that the search accepts any setup that holds in {least} of all draws "
        f"or fewer is at most {error}, and so is the chance that it refuses any that holds in {share(draws['share'])} "
        f"or more. Drawn again: {listed(draws['by'])}."
    )


def undecided_text(draws: Mapping[str, Any]) -> str:
    """Return which setups draws did not decide, as a sentence; empty if they decided all.

    Examples
    --------
    >>> one = {"nodes": {"own": 2}, "policy": "easy", "cost_usd_per_year": 9000.0, "draws": 200, "draws_met": 186}
    >>> undecided_text({"n": 200, "undecided": [one]})
    '200 draws do not decide the setup of 2 of own; easy (186 of 200 draws; $9,000 a year): raise replications.n.'
    """
    if not draws["undecided"]:
        return ""
    each = [
        f"{run_text(one)} ({drawn_text(one)}; {money(one['cost_usd_per_year'])} a year)" for one in draws["undecided"]
    ]
    setups = "the setup" if len(each) == 1 else "the setups"
    return f"{count(draws['n'], 'draw')} do not decide {setups} of {listed(each)}: raise replications.n."


TERM_YEARS = {"1yr": 1, "3yr": 3}
"""Years of each term of a commitment."""


def committed_text(pool: Mapping[str, Any]) -> str:
    """Return how many nodes of a pool are committed for how long; empty if none is.

    Parameters
    ----------
    pool
        An entry of ``pools`` in ``summary.json``.

    Examples
    --------
    >>> committed_text({"committed_nodes_1yr": 2, "committed_nodes_3yr": 1})
    '2 nodes for 1 year and 1 node for 3 years'
    """
    parts = [
        f"{count(nodes, 'node')} for {count(years, 'year')}"
        for term, years in TERM_YEARS.items()
        if (nodes := pool.get(f"committed_nodes_{term}"))
    ]
    return listed(parts) if parts else ""


def savings_texts(plans: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what savings plans promise and save, a sentence each; none of those that promise nothing.

    Parameters
    ----------
    plans
        ``savings_plans`` of ``summary.json``.

    Examples
    --------
    >>> plan = {"name": "all", "term": "1yr", "usd_per_hour": 2.5, "savings_usd_per_year": 21915.0}
    >>> savings_texts([{**plan, "unused_usd_per_year": 2191.5, "saved_usd_per_year": 4383.0}])
    ['Promise $2.500 an hour for 1 year by savings plan all: it saves $4,383 a year against rent, and 90 % is used.']
    """
    said = []
    for plan in plans:
        if promised := plan["savings_usd_per_year"]:
            used = share(1 - plan["unused_usd_per_year"] / promised)
            saved, years = plan["saved_usd_per_year"], count(TERM_YEARS[plan["term"]], "year")
            does = f"it saves {money(saved)}" if saved >= 0 else f"it costs {money(-saved)} more"
            said.append(
                f"Promise {price(plan['usd_per_hour'])} an hour for {years} by savings plan {plan['name']}: {does} "
                f"a year {'against' if saved >= 0 else 'than'} rent, and {used} is used."
            )
    return said


def beyond_log_text(pools: Sequence[Mapping[str, Any]], span_s: float, plans: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return that commitments last longer than the log that they are chosen by, as a sentence; empty if none does.

    Parameters
    ----------
    pools
        ``pools`` of ``summary.json``.
    span_s
        Length of the log [s].
    plans
        ``savings_plans`` of ``summary.json``.
    """
    used = [
        years
        for term, years in TERM_YEARS.items()
        if any(pool[f"committed_nodes_{term}"] for pool in pools)
        or any(plan["usd_per_hour"] for plan in plans if plan["term"] == term)
    ]
    years = [one for one in used if one * YEAR_H * HOUR_S > span_s]
    if not years:
        return ""
    return (
        f"The commitments last {listed([count(one, 'year') for one in years])}, the log {duration(span_s)}: they pay "
        "if use goes on like this."
    )


def run_text(setup: Mapping[str, Any]) -> str:
    """Return a setup in few words: the nodes of each pool that has some, and how it is run.

    Parameters
    ----------
    setup
        ``chosen`` of ``summary.json``.

    Examples
    --------
    >>> run_text({"nodes": {"own": 12, "burst": 0}, "policy": "easy"})
    '12 of own; easy'
    """
    nodes = [f"{count:,} of {name}" for name, count in setup["nodes"].items() if count]
    run_by = [str(setup["policy"]), *(f"{key} {setup[key]}" for key in ("limits", "hours") if key in setup)]
    return f"{listed(nodes) if nodes else 'no nodes'}; {', '.join(run_by)}"


def frontier_text(frontier: Mapping[str, Any]) -> str:
    """Return what better service costs, step by step, as a sentence.

    Parameters
    ----------
    frontier
        ``frontier`` of ``summary.json``.

    Examples
    --------
    >>> points = [{"required": 14400.0, "chosen": {}, "marginal_usd_per_year": None},
    ...     {"required": 3600.0, "chosen": {}, "marginal_usd_per_year": 104.0},
    ...     {"required": 9.0, "chosen": None, "marginal_usd_per_year": None, "status": "infeasible"}]
    >>> frontier_text({"metric": "wait_s", "statistic": "p95", "where": None, "points": points})
    'Of the 95th percentile of the waiting time, from 4 h to 1 h costs $104 a year more; no setup allowed reaches 9 s.'
    """
    metric, points = frontier["metric"], frontier["points"]
    where = where_text(frontier["where"])
    about = f"Of the {statistic_text(metric, frontier['statistic'])}{where and f' of jobs {where}'}"
    reached = [point for point in points if point["chosen"] is not None]
    steps = [
        f"from {value_text(metric, one['required'])} to {value_text(metric, other['required'])} costs "
        f"{money(other['marginal_usd_per_year'])} a year more"
        for one, other in pairwise(reached)
    ]
    never = [value_text(metric, point["required"]) for point in points if point.get("status") == "infeasible"]
    parts = [", ".join(steps)] if steps else []
    if never:
        parts.append(f"no setup allowed reaches {' or '.join(never)}")
    if unknown := [value_text(metric, point["required"]) for point in points if point.get("stopped")]:
        parts.append(f"the search was cut short before a proof for {' or '.join(unknown)}")
    if parts and (draws := frontier.get("decisions")):
        parts[-1] += f" (each limit by itself {sure_text(draws)})"
    return f"{about}, {'; '.join(parts)}." if parts else ""


def minimised_text(minimised: Mapping[str, Any]) -> str:
    """Return what an objective is, and its value, in words.

    Parameters
    ----------
    minimised
        ``minimise`` of ``summary.json``.
    """
    where = where_text(minimised["where"])
    name = statistic_text(minimised["metric"], minimised["statistic"])
    return f"{name}{where and f' of jobs {where}'}"


def edge_text(edge: Mapping[str, Any]) -> str:
    """Return a limit of the scenario beyond which something cheaper may lie, as a sentence.

    Parameters
    ----------
    edge
        An entry of ``edges`` in ``summary.json`` (:class:`pwsim.search.judgement.Edge`).
    """
    types, nodes = edge.get("types", {}), edge["nodes"]
    pool = f"{edge['pool']} of type {types[edge['pool']]}" if edge["pool"] in types else edge["pool"]
    if edge["edge"] == "fewest":
        return (
            f"It has the fewest nodes of pool {pool} that the scenario allows ({nodes:,}): allow fewer, which may be "
            "cheaper still."
        )
    first = f"Cheaper setups fail for want of more than the {count(nodes, 'node')} of pool {pool} that are allowed"
    if edge["failing"] is None:
        return f"{first}: with those, they have too few cores for the targets. Allow more, which may be cheaper still."
    others = [
        f"{number:,} of pool {name}" for name, number in edge["failing"].items() if name != edge["pool"] and number
    ]
    with_ = f"with those and {listed(others)}" if others else "with those alone"
    return (
        f"{first}: {with_}, at {money(edge['cost_usd_per_year'])} a year, "
        f"{listed([missed_text(target) for target in edge['missed']])}. Allow more, which may be cheaper still."
    )
