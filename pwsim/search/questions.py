"""What can be asked of a space of setups: the cheapest that meets the targets, the best in a metric, the frontier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pwsim.cluster import Cluster
from pwsim.common import InputError
from pwsim.metrics import NO_TRIM, Trim, inside
from pwsim.results import record
from pwsim.search.frontier import Frontier, Varied, table, trace_frontier
from pwsim.search.holding import Holding
from pwsim.search.objective import Objective, minimise
from pwsim.search.plan import Plan
from pwsim.search.replays import Replays
from pwsim.search.searches import Searches
from pwsim.search.simulate_and_cut import complete_targets, search
from pwsim.search.targets import Target
from pwsim.trace import Trace


def ask(
    trace: Trace,
    cluster: Cluster,
    targets: Sequence[Target],
    *,
    objective: Objective | None = None,
    frontier: Frontier | None = None,
    max_setups: int | None = None,
    time_limit_s: float | None = None,
    **how: Any,
) -> Plan:
    """Find the setup that meets the targets with the least cost, or of another objective, and the frontier besides.

    Parameters
    ----------
    trace, cluster, targets
        As for :func:`.search`.
    objective
        What is to be as small as can be instead of the cost.
    frontier
        The target to vary, and its limits.
    max_setups, time_limit_s
        As for :func:`.search`; for all searches together.
    **how
        What else :func:`.search` takes.

    Raises
    ------
    InputError
        As :func:`.search`; if the objective or the frontier is about no job.
    """
    if objective is None and frontier is None:
        return search(trace, cluster, targets, max_setups=max_setups, time_limit_s=time_limit_s, **how)
    check_goals(trace, targets, objective, frontier, how.get("trim", NO_TRIM))
    holding = Holding(trace, cluster)
    # What is implied about a metric is not, where something is asked of it.
    also = [] if objective is None else [objective.at_most(objective.largest)]
    complete = tuple(one for one in complete_targets(holding, [*targets, *also]) if one not in also)

    how = {**how, "replays": how.get("replays") or Replays()}  # the searches share them

    def find(asked: Sequence[Target], setups: int | None, left_s: float | None) -> Plan:
        return search(trace, cluster, asked, max_setups=setups, time_limit_s=left_s, **how)

    searches = Searches(find, max_setups, time_limit_s)
    plan = searches.find(targets) if objective is None else minimise(objective, complete, searches)
    assert plan is not None  # the first search is always done
    if frontier is not None:
        points = trace_frontier(frontier, targets, searches)
        plan = replace(plan, points=points, frontier=table(points, cluster))
    asked = {**plan.asked, "targets": [one.model_dump(mode="json", exclude_none=True) for one in complete]}
    for name, part in (("minimise", objective), ("frontier", frontier)):
        if part is not None:
            asked[name] = part.model_dump(mode="json", exclude_none=True)
    return replace(plan, asked=asked, run_id=record.run_id("run", asked, [trace], [cluster], plan.cut_short_after))


def check_goals(
    trace: Trace,
    targets: Sequence[Target],
    objective: Objective | None,
    frontier: Frontier | None,
    trim: Trim = NO_TRIM,
) -> None:
    """Make sure that targets, objective and frontier go together, and are about some job of a trace.

    Raises
    ------
    InputError
        If they do not, or are about none.
    """
    if objective is not None and frontier is not None:
        raise InputError("frontier: tells what service costs, so it does not go with minimise: leave one of them out")
    shared = [place for place, one in enumerate(targets) if one.in_share is not None]
    for key, asked in (("minimise", objective), ("frontier", frontier)):
        if asked is not None and shared:
            raise InputError(
                f"{key}: does not go with in_share, which targets.{shared[0]} has: only the cheapest setup is decided "
                f"on draws; leave {key} out, or in_share"
            )
    window = trim.window(trace.span_s)
    if objective is not None:
        _check_jobs("minimise", objective, trace, window)
    if frontier is not None:
        _check_jobs("frontier.target", frontier.target, trace, window)


def _check_jobs(key: str, about: Objective | Varied, trace: Trace, window: tuple[float, float]) -> None:
    """Make sure that something is about some job."""
    where = about.where
    if where is not None and trace.feedback is None:
        admitted = where.admit(trace) & inside(trace.submit_s, window)
        if not admitted.any():
            raise InputError(f"{key}.where: no job of {trace.name} is like this, so it says nothing")
