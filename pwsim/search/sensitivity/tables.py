"""What would change an answer, as tables: ``sensitivity.parquet`` and ``headroom.parquet``."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pwsim.cluster import Cluster
from pwsim.common import retyped
from pwsim.search.decided import Decided
from pwsim.search.plan import Setup
from pwsim.search.sensitivity.factors import FACTORS
from pwsim.search.sensitivity.headroom import Headroom
from pwsim.search.sensitivity.study import Study

SENSITIVITY_COLUMNS: dict[str, tuple[str, str]] = {
    "factor": ("", "what is otherwise: a key of `sensitivity` in the scenario"),
    "value": ("", "its factor; of a rate, the rate"),
    "replayed": ("", "whether jobs run otherwise; if not, kept replays are billed anew"),
    "setup_cost_usd_per_year": ("USD/year", "what the setup of the answer costs then as it stands"),
    "setup_meets_targets": ("", "whether it then meets every target; absent where it was not replayed"),
    "target_N_achieved": ("", "what it achieves of the target of that number (from 0)"),
    "status": ("", "of the answer then: optimal; best_found: the search was cut short; infeasible; unknown"),
    "stopped": ("", "why that search ended before its proof, or was not begun; absent if it did not"),
    "fault": ("", "why it could not be asked; absent if it could"),
    "changes": ("", "whether the answer is then another setup; absent where that is not known"),
    "nodes_POOL": ("nodes", "nodes of the pool that is named, of the answer then"),
    "type_POOL": ("", "type of its nodes, of a pool that has several to choose from"),
    "policy": ("", "its order and backfill rule"),
    "limits": ("", "which of the scenario's alternatives of limits it has, from 0; absent where there is one"),
    "hours": ("", "which of the scenario's alternatives of hours it has, from 0; absent where there is one"),
    "cost_usd_per_year": ("USD/year", "what the answer costs then"),
    "lower_bound_usd_per_year": ("USD/year", "no setup that meets the targets costs less then"),
}
"""Unit and meaning of the columns of ``sensitivity.parquet``."""

HEADROOM_COLUMNS: dict[str, tuple[str, str]] = {
    "load": ("", "how many times the work of the log"),
    "jobs": ("jobs", "jobs that are replayed"),
    "meets_targets": ("", "whether the setup meets every target at this load"),
    "draws": ("", "draws by which it was decided, where targets must hold in a share of them; 0: it misses another"),
    "draws_met": ("", "in how many of them it meets these targets, all of them"),
    "decision": ("", "accepted, refused or undecided by these draws, each load by itself; absent if it was not drawn"),
    "cost_usd_per_year": ("USD/year", "what it costs at this load"),
    "target_N_achieved": ("", "what it achieves of the target of that number (from 0)"),
    "target_N_required": ("", "what that target asks for at this load: amounts of jobs or work are in proportion"),
}
"""Unit and meaning of the columns of ``headroom.parquet``."""


def tables(found: Study, cluster: Cluster) -> dict[str, pd.DataFrame]:
    """Return the tables of a study by the name of their file.

    Parameters
    ----------
    found
        The study.
    cluster
        What was searched.
    """
    room = {} if found.headroom is None or not found.headroom.points else {"headroom": _headroom(found.headroom)}
    return {"sensitivity": _sensitivity(found, cluster), **room}


def _sensitivity(found: Study, cluster: Cluster) -> pd.DataFrame:
    typed = [pool.name for pool in cluster.pools if pool.types]
    rules = ["policy", *(one for one in ("limits", "hours") if one in cluster.alternatives)]
    targets = max((len(one.achieved) for one in found.outcomes), default=0)
    names = [
        "factor", "value", "replayed", "setup_cost_usd_per_year", "setup_meets_targets",
        *(f"target_{index}_achieved" for index in range(targets)),
        "status", "stopped", "fault", "changes",
        *(f"nodes_{pool.name}" for pool in cluster.pools), *(f"type_{name}" for name in typed), *rules,
        "cost_usd_per_year", "lower_bound_usd_per_year",
    ]  # fmt: skip
    rows = []
    for one in found.outcomes:
        achieved = {f"target_{index}_achieved": value for index, value in enumerate(one.achieved)}
        known = {name: getattr(one, name) for name in one._fields if name in names}
        chosen = _columns_of(one.chosen, cluster)
        rows.append({**known, **achieved, **chosen, "replayed": FACTORS[one.factor].replayed})
    whole = [*(f"nodes_{pool.name}" for pool in cluster.pools), *(one for one in rules if one != "policy")]
    numbers = [name for name in names if name == "value" or name.endswith(("usd_per_year", "achieved"))]
    kinds: dict[str, Any] = {
        **dict.fromkeys(("factor", "status", "stopped", "fault", "policy", *(f"type_{name}" for name in typed)), "str"),
        **dict.fromkeys(("setup_meets_targets", "changes"), "boolean"),
        **dict.fromkeys(whole, "Int64"),
        **dict.fromkeys(numbers, float),
        "replayed": bool,
    }
    return retyped(pd.DataFrame(rows, columns=names), kinds)


def _columns_of(setup: Setup | None, cluster: Cluster) -> dict[str, Any]:
    if setup is None:
        return {}
    nodes = {f"nodes_{name}": number for name, number in setup.nodes.items()}
    types = {f"type_{name}": one for name, one in setup.types.items()}
    return {**nodes, **types, **setup.procedure(cluster.alternatives)}


def _headroom(room: Headroom) -> pd.DataFrame:
    rows = []
    for point in room.points:
        targets = range(len(point.targets))
        rows.append(
            {
                "load": point.load,
                "jobs": point.jobs,
                "meets_targets": all(map(point.met, targets)),
                **drawn_of(point.decided),
                "cost_usd_per_year": point.cost_usd_per_year,
                **{f"target_{index}_achieved": point.achieved[index] for index in targets},
                **{f"target_{index}_required": point.targets[index].required for index in targets},
            }
        )
    table = pd.DataFrame(rows)
    return retyped(table, {"decision": "str"} if "decision" in table else {})


def drawn_of(decided: Decided | None) -> dict[str, Any]:
    """Return what draws decided of a setup that was looked at alone; nothing where no target asks for that."""
    return {} if decided is None else {name: getattr(decided, name) for name in ("draws", "draws_met", "decision")}
