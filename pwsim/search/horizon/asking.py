"""Planning years after a search: of the same question, with what was replayed for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pwsim.cluster import Cluster
from pwsim.common import InputError
from pwsim.results import record
from pwsim.search.horizon.planning import plan_years
from pwsim.search.horizon.question import Horizon, faults, faults_on_draws, shares_of_years
from pwsim.search.objective import Objective
from pwsim.search.plan import Plan
from pwsim.search.replications import Replications
from pwsim.search.replications import faults as draw_faults
from pwsim.search.targets import Target


def check_years(
    horizon: Horizon | None,
    cluster: Cluster,
    targets: Sequence[Target],
    objective: Objective | None = None,
    replications: Replications | None = None,
) -> None:
    """Make sure that years can be planned for a question.

    Raises
    ------
    InputError
        If not; names the key.
    """
    if horizon is None:
        return
    on_draws = faults_on_draws(horizon, cluster, targets, replications)
    for place, message in (*faults(horizon, cluster, targets, objective), *on_draws):
        raise InputError(f"{'.'.join(map(str, place))}: {message}")
    for key, message in draw_faults(targets, replications, shares_of_years(horizon)):
        raise InputError(f"{key}: {message}")


def with_years(plan: Plan, horizon: Horizon | None, targets: Sequence[Target], **limits: Any) -> Plan:
    """Return a plan for one year with the years that are to be planned; itself where none are.

    Parameters
    ----------
    plan
        The answer for the workload as it is, and what it was found by.
    horizon
        The years.
    targets
        What must be achieved, as it was asked.
    **limits
        ``max_setups``, for this and the plan together; ``progress`` (:func:`plan_years`).  The time is what is left
        of the plan's.

    Raises
    ------
    InputError, SolverError
        As for :func:`plan_years`.
    """
    if horizon is None:
        return plan
    judge, most = plan.judge, limits.pop("max_setups", None)
    found = plan_years(
        judge.trace,
        judge.cluster,
        targets,
        horizon,
        economics=judge.economics,
        seed=judge.seed,
        engine=judge.engine,
        workers=plan.workers,
        trim=judge.trim,
        replays=judge.replays,
        max_setups=None if most is None else max(0, most - len(plan.setups)),
        time_limit_s=None if math.isinf(plan.left_s) else plan.left_s,
        stopped="interrupted" if plan.stopped == "interrupted" else None,
        replications=judge.replications,
        **limits,
    )
    plan = replace(plan, horizon=found)
    asked = {**plan.asked, "horizon": horizon.model_dump(mode="json", exclude_none=True)}
    run_id = record.run_id("run", asked, [judge.trace], [judge.cluster], plan.cut_short_after)
    return replace(plan, asked=asked, run_id=run_id)
