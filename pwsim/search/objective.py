"""Another objective than the cost: the setup that meets the targets with the least of a metric.

A search for the cheapest setup is asked again and again, with one target more: to have less of the metric than the best
setup so far.  Where that is proven impossible, the last setup found is the best there is, and of those that do as well
it is the cheapest.  The limit that is asked next lies halfway to what is proven impossible, and after a proof just
below the best value of all setups that were replayed, so that few searches do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self

from pydantic import model_validator

from pwsim.common import InputError
from pwsim.metrics import ALL_METRICS
from pwsim.search.plan import Plan, Stop
from pwsim.search.searches import Searches
from pwsim.search.targets import Measure, Target

BETTER = 2e-9
"""What differs relatively by no more than this, or by so many of its units, is as good."""
CLOSE = 0.02
"""Where no more than this share of the best value is left open, it is no longer halved: any improvement will do."""
MORE_IS_BETTER = (
    "utilization", "gpu_utilization", "throughput_jobs_per_hour", "delivered_core_hours_per_day", "jobs_completed",
)  # fmt: skip
LEAST = {"bounded_slowdown": 1.0}
"""The least that a metric can be, where that is not 0."""


class Objective(Measure):
    """What is to be as small as can be, instead of the cost.

    Examples
    --------
    >>> Objective(metric="wait_s", statistic="p95")
    Objective(metric='wait_s', statistic='p95', where=None)
    """

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.metric == "cost_usd_per_year":
            raise ValueError("without minimise, the cost is as small as it can be: remove it")
        if self.metric in MORE_IS_BETTER:
            raise ValueError(f"more of {self.metric} is better: set a target on it instead")
        return self

    @property
    def largest(self) -> float:
        """More than this it never is."""
        return 1.0 if ALL_METRICS[self.metric].is_share else 1e15

    @property
    def least(self) -> float:
        """Less than this it never is."""
        return LEAST.get(self.metric, 0.0)

    @staticmethod
    def below(value: float) -> float:
        """Return the most that is less than a value, and not as good up to a rounding."""
        return value * (1 - BETTER) - BETTER

    def at_most(self, value: float) -> Target:
        """Return the target that a setup has no more of it than this."""
        return Target(metric=self.metric, statistic=self.statistic, where=self.where, at_most=value)


class Minimised(NamedTuple):
    """What is known of the objective."""

    metric: str
    """Its metric, statistic and jobs, as the scenario says."""
    statistic: str | None
    where: dict[str, Any] | None
    achieved: float
    """What the chosen setup has of it, in the unit of the metric; NaN if none was chosen."""
    lower_bound: float
    """Proven: no setup that meets the targets has less."""
    gap: float
    """By what share of ``achieved`` another setup might have less; 0 is a proof, NaN if none was chosen."""
    searches: int
    """How often a search was asked, each time with another limit on it."""


def minimise(objective: Objective, targets: Sequence[Target], searches: Searches) -> Plan:
    """Find the setup that meets the targets with the least of an objective, and of several the cheapest.

    Parameters
    ----------
    objective
        What is to be small.
    targets
        What must be achieved besides, complete (:func:`.complete_targets`).
    searches
        Finds the cheapest setup for other targets.

    Raises
    ------
    InputError
        If no setup that meets the targets serves a job that the objective is about.

    Returns
    -------
    The plan of the setup that was found.  Its lower bound on the cost is about setups that have no more of the
    objective.
    """
    # A setup that serves no job that the objective is about is none: it has no value.
    best = searches.find([*targets, objective.at_most(objective.largest)])
    assert best is not None  # the first search is always done
    if best.chosen is None and best.stopped is None:
        without = searches.find(targets)
        if without is not None and without.chosen is not None:
            raise InputError("minimise: no setup that meets the targets serves a job that it is about")
    least, bold, value = objective.least, True, math.nan
    while best.chosen is not None and searches.stopped is None:
        value = _lowest(len(targets), searches)
        as_good = objective.below(value)
        if as_good <= least:
            least = value
            break
        limit = (value + least) / 2 if bold and value - least > CLOSE * value else as_good
        found = searches.find([*targets, objective.at_most(limit)])
        if found is None:
            break
        if found.chosen is not None:
            best, bold = found, True
        elif found.stopped is None:
            # Often that was because there is nothing better at all: that is asked before another half is.
            least, bold = value if limit == as_good else limit, False
    stopped = searches.stopped
    # A dearer setup than the cheapest within a limit may have had less of the objective.
    if best.chosen is not None and (lowest := _lowest(len(targets), searches)) < _achieved(objective, best):
        found = searches.find([*targets, objective.at_most(lowest)])
        best = best if found is None or found.chosen is None else found
    return _told(objective, targets, best, least, stopped or searches.stopped, searches)


def _lowest(place: int, searches: Searches) -> float:
    """Return the least of the objective that any setup has that was replayed and meets the targets.

    Parameters
    ----------
    place
        Number of the target that limits the objective in each search; what it is limited to does not count.
    searches
        What was asked so far.
    """
    lowest = math.inf
    for plan in searches.plans:
        others = [(index, target) for index, target in enumerate(plan.targets) if index != place]
        values = plan.setups[f"target_{place}_achieved"]
        for index, target in others:
            values = values[plan.setups.loc[values.index, f"target_{index}_achieved"].map(target.met).astype(bool)]
        lowest = min(lowest, float(values.min())) if values.notna().any() else lowest
    return lowest


def _achieved(objective: Objective, plan: Plan) -> float:
    return objective.at_most(0.0).achieved(plan.result, plan.bill)


def _told(
    objective: Objective,
    targets: Sequence[Target],
    best: Plan,
    least: float,
    stopped: Stop | None,
    searches: Searches,
) -> Plan:
    """Return the plan of the best setup with the setups of all searches, and what is known of the objective."""
    value = math.nan if best.chosen is None else _achieved(objective, best)
    gap = (value - least) / value if value else 0.0
    where = None if objective.where is None else objective.where.model_dump(exclude_none=True)
    status = best.status
    if stopped is not None:
        status = "unknown" if best.chosen is None else "best_found"
    plan = replace(
        best,
        status=status,
        stopped=stopped,
        targets=tuple(targets),
        judge=replace(best.judge, targets=tuple(targets)),
        edges=(),
        minimised=Minimised(objective.metric, objective.statistic, where, value, least, gap, len(searches.plans)),
    )
    return searches.whole(plan)
