"""What can be asked of a space of setups: the cheapest that meets the targets, the best in a metric, the frontier."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pwsim.cluster import Cluster
from pwsim.common import InputError
from pwsim.engine import compiling_s
from pwsim.metrics import NO_TRIM, Trim, inside, value_text
from pwsim.results import record
from pwsim.search.fates import Fates
from pwsim.search.frontier import Frontier, Varied, share_at_points, table, trace_frontier
from pwsim.search.holding import Holding
from pwsim.search.objective import Objective, minimise
from pwsim.search.options import Place, in_space
from pwsim.search.plan import Plan
from pwsim.search.replays import Replays
from pwsim.search.replications import check_draws
from pwsim.search.searches import Searches
from pwsim.search.simulate_and_cut import complete_targets, search
from pwsim.search.targets import Target
from pwsim.search.trail import labelled
from pwsim.trace import Trace
from pwsim.workload import Population


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
        As for :func:`.search`; for all searches together.  A setup counts once, however many searches judge it.
    **how
        What else :func:`.search` takes.

    Raises
    ------
    InputError
        As :func:`.search`; if the objective or the frontier is about no job.
    """
    until_s = math.inf if time_limit_s is None else time.monotonic() + time_limit_s - compiling_s()
    if objective is None and frontier is None:
        alone = search(trace, cluster, targets, max_setups=max_setups, time_limit_s=time_limit_s, **how)
        return replace(alone, until_s=until_s)
    check_goals(trace, targets, objective, frontier, how.get("trim", NO_TRIM))
    check_draws(trace, targets, how.get("replications"), shares_of(frontier))
    complete = with_implied(Holding(trace, cluster), targets, objective, frontier)
    how = {**how, "replays": how.get("replays") or Replays()}  # the searches share them
    how["whole"] = in_space(cluster)  # setups are judged again for other limits, and told by what they achieve
    if (drawn := how.get("replications")) is not None:
        how["population"] = how.get("population") or Population(trace, drawn.by, how.get("seed", 1))
        how["fates"] = how.get("fates") or Fates()
    tell, parts = how.pop("progress", None), _parts(frontier, complete)

    def find(asked: Sequence[Target], spent: set[Place], left_s: float | None) -> Plan:
        said = labelled(tell, parts.get(tuple(asked), ""))
        return search(
            trace, cluster, asked, max_setups=max_setups, spent=spent, time_limit_s=left_s, progress=said, **how
        )

    searches = Searches(find, time_limit_s)
    plan = searches.find(complete) if objective is None else minimise(objective, complete, searches)
    assert plan is not None  # the first search is always done
    if frontier is not None:
        points = trace_frontier(frontier, complete, searches)
        drawn = share_at_points(frontier, complete) is not None
        plan = replace(searches.whole(plan), points=points, frontier=table(points, cluster, drawn=drawn))
    asked = {**plan.asked, "targets": [one.model_dump(mode="json", exclude_none=True) for one in complete]}
    for name, part in (("minimise", objective), ("frontier", frontier)):
        if part is not None:
            asked[name] = part.model_dump(mode="json", exclude_none=True)
    run_id = record.run_id("run", asked, [trace], [cluster], plan.cut_short_after)
    return replace(plan, asked=asked, run_id=run_id, until_s=until_s)


def _parts(frontier: Frontier | None, targets: Sequence[Target]) -> dict[tuple[Target, ...], str]:
    """Return what progress says of the search for each point of a frontier."""
    asked = [] if frontier is None else frontier.asked(targets)
    return {
        one: f"limit {place} of {len(asked)} ({value_text(one[-1].metric, one[-1].required)})"
        for place, one in enumerate(asked, 1)
    }


def shares_of(frontier: Frontier | None) -> dict[str, float | None]:
    """Return the share of draws that a frontier asks for, by its key."""
    return {} if frontier is None else {"frontier.target.in_share": frontier.target.in_share}


def with_implied(
    holding: Holding, targets: Sequence[Target], objective: Objective | None, frontier: Frontier | None
) -> tuple[Target, ...]:
    """Return the targets with those that hold unless others say so (:func:`.complete_targets`).

    Nothing is implied about a metric of which something is asked besides, by an objective or a frontier.
    """
    also = [] if objective is None else [objective.at_most(objective.largest)]
    also += [] if frontier is None else frontier.points()
    return (*targets, *complete_targets(holding, [*targets, *also])[len(targets) + len(also) :])


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
    if objective is not None and shared:
        raise InputError(
            f"minimise: does not go with in_share, which targets.{shared[0]} has: setups are decided on draws in the "
            "order of their cost, until one is accepted; leave minimise out, and ask with frontier what each limit on "
            f"{objective.metric} costs, or leave in_share out"
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
