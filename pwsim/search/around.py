"""What lies around an answer: its neighbours, which target binds, and what would have to give where nothing fits.

The few replays that are missing for this are done once the search is over; they are no steps of its proof.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from pwsim.cluster import Procedure
from pwsim.common import retyped
from pwsim.results import in_parallel
from pwsim.search.options import choice_of, count, largest, many, told_choice, types_told
from pwsim.search.targets import judged
from pwsim.search.trail import TIE, row

if TYPE_CHECKING:
    from pwsim.search.judging import Judge
    from pwsim.search.options import Place
    from pwsim.search.plan import Plan, Setup

NEIGHBOUR_COLUMNS: dict[str, tuple[str, str]] = {
    "change": (
        "",
        "more or fewer nodes of a pool (the next choice allowed), another type of node, or other rules",
    ),
    "changed_pool": ("", "pool whose nodes are others; empty for other rules"),
    "difference_usd_per_year": ("USD/year", "what it costs more than the chosen setup"),
}
"""Unit and meaning of the columns that neighbours have before those of ``setups.parquet``."""

Row = dict[str, Any]
"""A setup that was replayed, by the columns of ``setups.parquet``."""


def place_of(judge: Judge, setup: Setup) -> Place:
    """Return the indices of the choices of a setup."""
    choice = choice_of(judge.cluster, setup.nodes, setup.types)
    return choice, judge.cluster.procedures.index(Procedure(*setup.how))


def rows_of(judge: Judge, setups: pd.DataFrame) -> dict[Place, Row]:
    """Return the replays of a table of setups that came to their end, by setup."""
    procedures = {
        tuple(map(str, (one.policy, one.limits, one.hours))): index
        for index, one in enumerate(judge.cluster.procedures)
    }
    found = {}
    for told in records(setups):
        if not isinstance(told["stopped"], str):
            choice = told_choice(judge.cluster, told)
            rules = tuple(str(told.get(key, 0)) for key in ("policy", "limits", "hours"))
            found[choice, procedures[rules]] = told
    return found


def replayed(plan: Plan, places: Sequence[Place], known: Mapping[Place, Row]) -> dict[Place, Row]:
    """Return setups as rows; what is not known is replayed, unless the search was cut short.

    An interrupt, or the end of the time that was given, leaves out what is not replayed yet.
    """
    judge = plan.judge
    found = {place: known[place] for place in places if place in known}
    over = plan.cut_short_after is not None or plan.interrupted
    missing = [] if over else [place for place in places if place not in known]
    tasks = ((choice, judge.cluster.procedures[procedure]) for choice, procedure in missing)
    in_time = itertools.takewhile(lambda _: plan.left_s > 0, tasks)
    try:
        answers = in_parallel(judge.evaluate, in_time, workers=plan.workers, engine=judge.engine)
        for one, place in zip(answers, missing, strict=False):  # answers first: they are taken to their end
            found[place] = row(one, judge.cluster, judge.targets, math.nan)
    except KeyboardInterrupt:
        pass
    return {place: found[place] for place in places if place in found}


def neighbours(plan: Plan) -> pd.DataFrame:
    """Return the setups next to the chosen one: more or fewer nodes of each pool, other types, and other rules."""
    judge = plan.judge
    names = [*NEIGHBOUR_COLUMNS, *(name for name in plan.setups if name not in ("step", "lower_bound_usd_per_year"))]
    if plan.chosen is None:
        return pd.DataFrame(columns=names)
    changes = dict(_changes(judge, place_of(judge, plan.chosen)))
    rows = [
        {
            "change": changes[place][0],
            "changed_pool": changes[place][1],
            "difference_usd_per_year": told.get("cost_usd_per_year", math.nan) - plan.cost_usd_per_year,
            **told,
        }
        for place, told in replayed(plan, list(changes), rows_of(judge, plan.setups)).items()
    ]
    return retyped(pd.DataFrame(rows, columns=names), {"stopped": "str"})


def _changes(judge: Judge, place: Place) -> Iterator[tuple[Place, tuple[str, str]]]:
    """Yield the neighbours of a setup, each with what is changed, and of which pool."""
    choice, procedure = place
    for index, pool in enumerate(judge.cluster.pools):
        step, first = many(pool), choice[index] - choice[index] % many(pool)
        others = [("more", choice[index] + step), ("fewer", choice[index] - step)]
        if pool.nodes[choice[index] // step]:
            others += [("type", other) for other in range(first, first + step) if other != choice[index]]
        for change, other in others:
            if 0 <= other < count(pool):
                yield ((*choice[:index], other, *choice[index + 1 :]), procedure), (change, pool.name)
    for other in range(len(judge.cluster.procedures)):
        if other != procedure:
            yield (choice, other), ("rules", "")


def missed(plan: Plan, told: Row) -> list[int]:
    """Return which targets a setup misses, by their numbers."""
    return [index for index, one in enumerate(judged(plan.targets, told)) if not one["met"]]


def binding(plan: Plan) -> list[dict[str, Any]]:
    """Return for each target what it costs: which cheaper setups miss it, and the cheapest that misses nothing else.

    It is told of the setups that were replayed to their end; others may be cheaper still.
    """
    if plan.chosen is None:
        return []
    known = [*rows_of(plan.judge, plan.setups).values(), *_whole(plan.neighbours)]
    cheaper = [told for told in known if told["cost_usd_per_year"] < plan.cost_usd_per_year * (1 - TIE)]
    cheaper = list({_name(plan, told): told for told in cheaper}.values())
    found = []
    for index in range(len(plan.targets)):
        missing = [told for told in cheaper if index in missed(plan, told)]
        alone = [told for told in missing if missed(plan, told) == [index] and told.get("draws") != 0]
        best = min(alone, key=lambda told: told["cost_usd_per_year"], default=None)
        found.append(
            {
                "target": index,
                "cheaper_that_miss_it": len(missing),
                "cheaper_that_miss_it_alone": len(alone),
                "without_it": None if best is None else told_of(plan, best, index),
            }
        )
    return found


def relaxations(plan: Plan) -> list[dict[str, Any]]:
    """Return for each target how far it alone would have to give, where no setup meets all of them.

    The smallest of the setups that were replayed to their end, the largest among them; proven if all were.  Where
    targets must hold in a share of draws, setups that miss another were not drawn, and nothing is told.
    """
    if plan.chosen is not None or plan.decided is not None:
        return []
    judge = plan.judge
    most = largest(judge.cluster)
    known = rows_of(judge, plan.setups)
    known |= replayed(plan, [(most, one) for one in range(len(judge.cluster.procedures))], known)
    whole = [told for told in known.values() if not isinstance(told["stopped"], str)]
    found = []
    for index, target in enumerate(plan.targets):
        fitting = [told for told in whole if set(missed(plan, told)) <= {index}]
        reached = [told for told in fitting if not math.isnan(told[f"target_{index}_achieved"])]
        sign = 1 if target.at_least is None else -1
        best = min(
            reached,
            key=lambda told: (sign * told[f"target_{index}_achieved"], told["cost_usd_per_year"]),
            default=None,
        )
        found.append(
            {
                "target": index,
                "proven": len(whole) == plan.setups_in_space,
                "would_do": None if best is None else told_of(plan, best, index),
            }
        )
    return found


def told_of(plan: Plan, told: Row, index: int) -> dict[str, Any]:
    """Return a setup, its cost, and what it achieves of a target."""
    met = f"target_{index}_draws_met"
    return {
        "nodes": {pool.name: int(told[f"nodes_{pool.name}"]) for pool in plan.judge.cluster.pools},
        **types_told(plan.judge.cluster, told),
        **{key: told[key] for key in ("policy", "limits", "hours") if key in told},
        "cost_usd_per_year": float(told["cost_usd_per_year"]),
        "achieved": float(told[f"target_{index}_achieved"]),
        **({"draws": int(told["draws"]), "draws_met": int(told[met])} if met in told else {}),
    }


def records(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table by column."""
    names = [str(name) for name in table]
    return [dict(zip(names, row, strict=True)) for row in table.to_numpy(dtype=object).tolist()]


def _whole(table: pd.DataFrame) -> list[Row]:
    """Return the rows of replays that came to their end."""
    return [told for told in records(table) if not math.isnan(told["cost_usd_per_year"])]


def _name(plan: Plan, told: Row) -> tuple[Any, ...]:
    return (*told_choice(plan.judge.cluster, told), *(told.get(key) for key in ("policy", "limits", "hours")))
