"""What a setup must achieve: a metric, a statistic, a limit, and the jobs that it is about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from pwsim import metrics
from pwsim.cluster import Where
from pwsim.common import Frozen, numeral, parse_quantity
from pwsim.costs import Bill
from pwsim.metrics import ALL_METRICS
from pwsim.results import Result
from pwsim.search.words import target_text

if TYPE_CHECKING:
    MetricName = str
    StatisticName = str
else:  # type checkers do not know what stands in records
    MetricName = Literal[metrics.TARGET_METRICS]
    StatisticName = Literal[metrics.STATISTICS]


def _parse_limit(value: object, info: ValidationInfo) -> object:
    """Return the limit as a number, in seconds if the metric is in seconds."""
    if "metric" not in info.data:  # the metric itself is wrong, and said to be
        return 0.0
    if ALL_METRICS[info.data["metric"]].unit == "s" and value is not None:
        return parse_quantity(value, "second", "4 h")
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Limit = Annotated[
    Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)] | None,
    BeforeValidator(_parse_limit),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}),
]


def check_statistic(metric: str, statistic: str | None, where: Where | None) -> None:
    """Make sure that a metric of each job is summed up by a statistic, and no other is.

    Raises
    ------
    ValueError
        If that is not so.
    """
    statistics = ALL_METRICS[metric].statistics
    if statistics and statistic is None:
        raise ValueError(f"{metric} is measured of each job: add a statistic ({', '.join(statistics)})")
    if not statistics and (statistic or where):
        key = "statistic" if statistic else "where"
        raise ValueError(f"{metric} is one figure for the whole replay: remove {key}")


class Measure(Frozen):
    """A metric, its statistic and the jobs that it is about."""

    metric: MetricName
    """What is measured (semantics §7)."""
    statistic: StatisticName | None = None
    """For a metric of each job: its mean, nearest-rank percentile or largest value."""
    where: Where | None = None
    """For a metric of each job: the jobs that it is about; all if left out."""

    @model_validator(mode="after")
    def _has_a_statistic(self) -> Self:
        check_statistic(self.metric, self.statistic, self.where)
        return self


class Held(NamedTuple):
    """In how many draws a target held."""

    met: bool
    """Whether that is often enough."""
    draws: int
    """Draws of the setup."""
    draws_met: int
    """In how many of them the target was met."""


class Target(Frozen):
    """A limit on a metric.

    Examples
    --------
    >>> Target(metric="wait_s", statistic="p95", at_most="4 h")
    Target(metric='wait_s', statistic='p95', at_least=None, at_most=14400.0, where=None, in_share=None)
    """

    metric: MetricName
    """What is measured (semantics §7)."""
    statistic: StatisticName | None = None
    """For a metric of each job: its mean, nearest-rank percentile or largest value."""
    at_least: Limit = None
    """The smallest value that is good enough; a time may carry its unit."""
    at_most: Limit = None
    """The largest value that is good enough; a time may carry its unit."""
    where: Where | None = None
    """For a metric of each job: the jobs that the target is about; all if left out."""
    in_share: float | None = Field(default=None, gt=0, le=1)
    """In what share of the draws the target must hold (`replications`); in the log's own replay if left out."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("must have either at_least or at_most")
        limit, metric = self.required, ALL_METRICS[self.metric]
        if metric.is_share and limit > 1:
            raise ValueError(
                f"{self.metric} is a share from 0 to 1: write {numeral(limit / 100)} for {numeral(limit)} % "
                f"(got {numeral(limit)})"
            )
        check_statistic(self.metric, self.statistic, self.where)
        if metric.of == "bill" and self.at_most is None:
            raise ValueError(f"{self.metric} is limited from above: write at_most")
        return self

    @property
    def required(self) -> float:
        """The limit, in the unit of the metric."""
        limit = self.at_most if self.at_least is None else self.at_least
        assert limit is not None
        return limit

    def achieved(self, result: Result, bill: Bill | None = None) -> float:
        """Return what a replay achieved; NaN if it served no job that the target is about.

        Parameters
        ----------
        result
            The replay.
        bill
            Its bill, for a figure of that.

        Raises
        ------
        ValueError
            If the target is about a figure of the bill, and there is none.
        """
        if self.of_bill:
            if bill is None:
                raise ValueError(f"{self.metric} is a figure of the bill: give the bill, too")
            return float(ALL_METRICS[self.metric].compute(bill))
        if self.statistic is None:
            return result.metrics[self.metric]
        if self.where is None:
            return result.metrics[f"{self.metric}_{self.statistic}"]
        return self._of_jobs(result, result.measured)

    def achieved_over(self, result: Result, windows: Sequence[tuple[float, float]]) -> list[float]:
        """Return what a replay achieved in each of some stretches of time (start and end in s).

        Job metrics are those of the jobs submitted in it; NaN where there is none.

        Raises
        ------
        ValueError
            If the metric is one figure for the whole replay.
        """
        if self.statistic is not None:
            return [self._of_jobs(result, metrics.inside(result.submit_s, window)) for window in windows]
        if not self.over_time:
            raise ValueError(f"{self.metric} is one figure for the whole replay")
        return [ALL_METRICS[self.metric].compute(result.seen.during(window)) for window in windows]

    @property
    def over_time(self) -> bool:
        """Whether the metric can be told of a part of the replay."""
        return ALL_METRICS[self.metric].of in ("job", "stretch")

    @property
    def of_bill(self) -> bool:
        """Whether it is about a figure of the bill."""
        return ALL_METRICS[self.metric].of == "bill"

    def _of_jobs(self, result: Result, about: npt.NDArray[np.bool_]) -> float:
        """Return the statistic of some jobs, of those that the target is about and that were served."""
        assert self.statistic is not None
        values = result.by_job[self.metric][about if self.where is None else about & self.where.admit(result.trace)]
        return metrics.statistic(values[~np.isnan(values)], self.statistic)

    def met(self, achieved: float) -> bool:
        """Return whether a value is good enough; NaN never is."""
        return bool(metrics.meets(achieved, at_most=self.at_most, at_least=self.at_least))

    def miss(self, achieved: float) -> float:
        """Return by what share of the limit a value misses it: 0 if it is met, infinite for NaN.

        A limit of 0 counts as 1: of counts, that is one job.
        """
        if self.met(achieved):
            return 0.0
        return math.inf if math.isnan(achieved) else abs(achieved - self.required) / (abs(self.required) or 1.0)

    def judge(self, achieved: float, held: Held | None = None) -> dict[str, Any]:
        """Return the target, what was achieved, and whether that is good enough, as ``summary.json`` tells it.

        Parameters
        ----------
        achieved
            What was achieved in the log's own replay.
        held
            In how many draws it held, if it must hold in a share of them.
        """
        asked = {
            "metric": self.metric,
            "statistic": self.statistic,
            "at_most": self.at_most,
            "at_least": self.at_least,
            "where": None if self.where is None else self.where.model_dump(exclude_none=True),
        }
        known = {"required": self.required, "achieved": achieved, "met": self.met(achieved)}
        if self.in_share is not None and held is not None:
            asked["in_share"] = self.in_share
            known |= held._asdict()
        return {**asked, "text": target_text(asked), **known}


def judged(targets: Sequence[Target], told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each target as a row of ``setups`` tells of it (:meth:`Target.judge`).

    Of targets that must hold in a share of the draws together, and do not, those are missed that do not by themselves;
    all of them, if each does.  Where nothing was drawn, the log's own replay tells.
    """
    achieved = [float(told[f"target_{index}_achieved"]) for index in range(len(targets))]
    held = {
        index: Held(one.met(achieved[index]), int(told["draws"] or 0), int(told[f"target_{index}_draws_met"] or 0))
        for index, one in enumerate(targets)
        if one.in_share is not None
    }
    if any(one.draws for one in held.values()):
        accepted = told["decision"] == "accepted"
        short = {index for index, one in held.items() if one.draws_met < (targets[index].in_share or 0.0) * one.draws}
        missed = set() if accepted else short or set(held)
        held = {index: one._replace(met=index not in missed) for index, one in held.items()}
    return [target.judge(achieved[index], held.get(index)) for index, target in enumerate(targets)]


def missed_by(targets: Sequence[Target], told: Mapping[str, Any]) -> float:
    """Return by how much a row of ``setups`` misses its targets: the largest share of a limit, or of the draws."""
    each = [
        target.miss(one["achieved"]) if not one.get("draws") else one["in_share"] - one["draws_met"] / one["draws"]
        for target, one in zip(targets, judged(targets, told), strict=True)
        if not one["met"]
    ]
    return max(each, default=0.0)
