"""The frontier of cost against service: one target is varied, and the cheapest setup found for each of its limits.

The points are looked at from the loosest limit on.  A tighter one never costs less, so what is proven of a looser point
is a bound on the next.  Where targets must hold in a share of draws, each limit is decided by itself, with the error
that is stated; all share the draws.  A setup that holds too rarely at a looser limit does so at a tighter one, so what
was refused there is out here, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import pandas as pd
from pydantic import Field, model_validator

from pwsim.cluster import Cluster
from pwsim.common import Frozen, numeral, retyped
from pwsim.search.plan import Plan, Setup, Stop
from pwsim.search.replications import share_of
from pwsim.search.searches import Searches
from pwsim.search.targets import Measure, Target


class Varied(Measure):
    """The target that is varied, without its limit."""

    in_share: float | None = Field(default=None, gt=0, le=1)
    """In what share of the draws it must hold (`replications`); if left out, in that of the scenario's target whose
    place it takes, or else in the log's own replay."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.metric == "cost_usd_per_year":
            raise ValueError("the frontier shows what service costs: vary a target on the service")
        return self


class Frontier(Frozen):
    """One target, varied over a list of limits.

    Examples
    --------
    >>> frontier = Frontier(target={"metric": "wait_s", "statistic": "p95"}, at_most=["1 h", "4 h"])
    >>> [point.at_most for point in frontier.points()]
    [14400.0, 3600.0]
    """

    target: Varied
    """What is varied: a target of the scenario on the same metric, statistic and jobs is left out."""
    at_most: tuple[Any, ...] | None = Field(default=None, strict=False, min_length=1, max_length=100)
    """Largest values, one after the other; times may carry their units."""
    at_least: tuple[Any, ...] | None = Field(default=None, strict=False, min_length=1, max_length=100)
    """Smallest values, one after the other, where more is better."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("must have either at_least or at_most, a list of limits")
        required = [point.required for point in self.points()]
        twice = [one for index, one in enumerate(required) if one in required[:index]]
        if twice:
            raise ValueError(f"the limit {numeral(twice[0])} occurs twice")
        return self

    @property
    def limit(self) -> str:
        """From which side the target is limited: ``at_most`` or ``at_least``."""
        return "at_most" if self.at_least is None else "at_least"

    def replaces(self, target: Target) -> bool:
        """Return whether a target of the scenario is about the same, from the same side, and so is varied."""
        varied = self.target
        same = (varied.metric, varied.statistic, varied.where) == target.about
        return same and getattr(target, self.limit) is not None

    def points(self) -> list[Target]:
        """Return the target with each limit, the loosest first."""
        key, limits = self.limit, getattr(self, self.limit)
        asked = self.target.model_dump()
        found = [Target(**asked, **{key: limit}) for limit in limits or ()]
        return sorted(found, key=lambda target: target.required, reverse=key == "at_most")

    def asked(self, targets: Sequence[Target]) -> list[tuple[Target, ...]]:
        """Return what is asked at each point besides targets, the point's own last; the loosest first."""
        others = [target for target in targets if not self.replaces(target)]
        shares = [target.in_share for target in targets if self.replaces(target) and target.in_share]
        share = self.target.in_share or max(shares, default=None)
        return [(*others, point.model_copy(update={"in_share": share})) for point in self.points()]


class Point(NamedTuple):
    """The cheapest setup for one limit of the varied target."""

    required: float
    """The limit, in the unit of the metric."""
    status: str
    """As :attr:`.Plan.status`."""
    stopped: Stop | None
    """Why the search for it ended before its proof, or was not begun; ``None`` if it did not."""
    chosen: Setup | None
    """The cheapest setup found that meets all targets; ``None`` if none does, or none was found."""
    achieved: float
    """What it achieves of the varied target; NaN if there is none."""
    cost_usd_per_year: float
    """What it costs [USD a year]; NaN if there is none."""
    lower_bound_usd_per_year: float
    """Proven: no setup that meets the targets costs less; infinite if none does."""
    gap: float
    """By what share of its cost it might be undercut; 0 is a proof."""
    marginal_usd_per_year: float
    """What it costs beyond the next looser point that has a setup [USD a year]; NaN if there is none."""
    draws: int | None = None
    """Draws by which it was accepted; ``None`` if there is none, or no target must hold in a share of draws."""
    draws_met: int | None = None
    """In how many of them it meets the targets with ``in_share``."""


def trace_frontier(frontier: Frontier, targets: Sequence[Target], searches: Searches) -> tuple[Point, ...]:
    """Return the cheapest setup for each limit of a frontier, the loosest first.

    Parameters
    ----------
    frontier
        What is varied.
    targets
        What must be achieved besides.
    searches
        Finds the cheapest setup for other targets.
    """
    points: list[Point] = []
    for asked in frontier.asked(targets):
        if points and points[-1].status == "infeasible":  # nothing meets a looser limit
            points.append(points[-1]._replace(required=asked[-1].required))
            continue
        plan = searches.find(asked)
        points.append(_point(asked[-1], plan, searches.stopped, points))
    return tuple(points)


def _point(target: Target, plan: Plan | None, stopped: Stop | None, before: Sequence[Point]) -> Point:
    """Return what was found for a limit, after what was found for looser ones."""
    proven = max((one.lower_bound_usd_per_year for one in before), default=0.0)
    if plan is None or plan.chosen is None:
        status = "unknown" if plan is None else plan.status
        bound = proven if plan is None else max(proven, plan.lower_bound_usd_per_year)
        why = None if status == "infeasible" else stopped
        return Point(target.required, status, why, None, math.nan, math.nan, bound, math.nan, math.nan)
    cost = plan.cost_usd_per_year
    bound = min(cost, max(proven, plan.lower_bound_usd_per_year))
    status = "optimal" if bound == cost else plan.status
    costs = [one.cost_usd_per_year for one in before if one.chosen is not None]
    return Point(
        required=target.required,
        status=status,
        stopped=None if status == "optimal" else stopped,
        chosen=plan.chosen,
        achieved=target.achieved(plan.result, plan.bill),
        cost_usd_per_year=cost,
        lower_bound_usd_per_year=bound,
        gap=(cost - bound) / cost if cost else 0.0,
        marginal_usd_per_year=cost - costs[-1] if costs else math.nan,
        draws=None if plan.decided is None else plan.decided.draws,
        draws_met=None if plan.decided is None else plan.decided.draws_met,
    )


FRONTIER_COLUMNS: dict[str, tuple[str, str]] = {
    "required": ("", "limit of the varied target, in the unit of its metric"),
    "status": ("", "optimal; best_found: the search was cut short; infeasible; unknown"),
    "stopped": ("", "why the search for it ended before its proof; absent if it did not"),
    "nodes_POOL": ("nodes", "nodes of the pool that is named, of the cheapest setup found"),
    "type_POOL": ("", "type of its nodes, of a pool that has several to choose from"),
    "policy": ("", "its order and backfill rule"),
    "limits": ("", "which of the scenario's alternatives of limits it has, from 0; absent where there is one"),
    "hours": ("", "which of the scenario's alternatives of hours it has, from 0; absent where there is one"),
    "achieved": ("", "what it achieves of the varied target"),
    "cost_usd_per_year": ("USD/year", "what it costs"),
    "lower_bound_usd_per_year": ("USD/year", "no setup that meets the targets with this limit costs less"),
    "gap": ("", "by what share of its cost it might be undercut; 0 is a proof"),
    "marginal_usd_per_year": ("USD/year", "its cost beyond that of the next looser limit that some setup meets"),
    "draws": ("", "draws by which it was accepted, where targets must hold in a share of them"),
    "draws_met": ("", "in how many of them it meets these targets"),
}
"""Unit and meaning of the columns of :attr:`.Plan.frontier`; ``POOL`` stands for a pool's name."""
ON_DRAWS = ("draws", "draws_met")
"""Those of them that are there only where targets must hold in a share of draws."""


def share_at_points(frontier: Frontier, targets: Sequence[Target]) -> float | None:
    """Return in what share of draws targets must hold at the points of a frontier; ``None`` if in none."""
    return share_of(frontier.asked(targets)[0])


def table(points: Sequence[Point], cluster: Cluster, *, drawn: bool) -> pd.DataFrame:
    """Return a frontier as a table, one row a point (:data:`FRONTIER_COLUMNS`).

    Parameters
    ----------
    points
        The points, the loosest first.
    cluster
        What was searched.
    drawn
        Whether targets must hold in a share of draws.
    """
    alternatives, typed, rows = cluster.alternatives, [pool.name for pool in cluster.pools if pool.types], []
    figures = [one for one in Point._fields[4:] if drawn or one not in ON_DRAWS]
    names = ["policy", *(one for one in ("limits", "hours") if one in alternatives)]
    for point in points:
        nodes = {} if point.chosen is None else point.chosen.nodes
        types = {} if point.chosen is None else point.chosen.types
        procedure = {} if point.chosen is None else point.chosen.procedure(alternatives)
        rows.append(
            {
                **{name: getattr(point, name) for name in ("required", "status", "stopped")},
                **{f"nodes_{pool.name}": nodes.get(pool.name) for pool in cluster.pools},
                **{f"type_{name}": types.get(name) for name in typed},
                **{name: procedure.get(name) for name in names},
                **{name: getattr(point, name) for name in figures},
            }
        )
    whole = [*(f"nodes_{pool.name}" for pool in cluster.pools), *(one for one in names if one != "policy")]
    whole += [one for one in ON_DRAWS if drawn]
    kinds: dict[Any, Any] = {"status": "str", "stopped": "str", "policy": "str", **dict.fromkeys(whole, "Int64")}
    return retyped(pd.DataFrame(rows), kinds)
