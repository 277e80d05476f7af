"""The same search asked for other targets, again and again: what is replayed is shared, and so is the budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pandas as pd

from pwsim.search.plan import Plan, Stop
from pwsim.search.targets import Target


class Searches:
    """Searches of one space for different targets, within one budget.

    Parameters
    ----------
    ask
        Searches for the cheapest setup that meets some targets: gets them, how many setups may be replayed, and how
        long that may take [s].
    max_setups, time_limit_s
        Limits for all searches together; none if ``None``.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Target], int | None, float | None], Plan],
        max_setups: int | None,
        time_limit_s: float | None,
    ) -> None:
        self._ask, self._max_setups, self._time_limit_s = ask, max_setups, time_limit_s
        self._begun_s = time.monotonic()
        self._seen: set[tuple[object, ...]] = set()
        self._asked: list[set[Target]] = []
        self.stopped: Stop | None = None
        """Why no search can be begun any more, or the last was cut short; ``None`` if neither is so."""
        self.plans: list[Plan] = []
        """What was found so far; the first is that of the scenario's own targets."""

    def find(self, targets: Sequence[Target]) -> Plan | None:
        """Return what is found for other targets; ``None`` if the budget is spent."""
        for asked, plan in zip(self._asked, self.plans, strict=True):
            if asked == set(targets) and plan.stopped is None:
                return plan
        setups = None if self._max_setups is None else self._max_setups - len(self._seen)
        left_s = None if self._time_limit_s is None else self._time_limit_s - (time.monotonic() - self._begun_s)
        if self.plans:
            if setups is not None and setups <= 0:
                self.stopped = "max_setups"
            elif left_s is not None and left_s <= 0:
                self.stopped = "time_limit"
            if self.stopped is not None:
                return None
        try:
            plan = self._ask(targets, setups, left_s)
        except KeyboardInterrupt:
            if not self.plans:
                raise
            self.stopped = "interrupted"
            return None
        self.plans.append(plan)
        self._asked.append(set(targets))
        self.stopped = plan.stopped
        self._seen |= set(map(tuple, plan.setups[_names(plan.setups)].to_numpy().tolist()))
        return plan

    def setups(self, targets: Sequence[Target]) -> pd.DataFrame:
        """Return the setups of all searches as one table, judged by the targets of the first search.

        A target of theirs that a later search was not asked about has no value in the rows of that search.  Bounds are
        about the targets, too, and stand in the rows of the first search alone.
        """
        tables = []
        for number, plan in enumerate(self.plans):
            asked = {f"target_{index}_achieved": target for index, target in enumerate(plan.targets)}
            achieved = {
                f"target_{index}_achieved": plan.setups[name]
                for index, target in enumerate(targets)
                for name, other in asked.items()
                if _about(other) == _about(target)
            }
            left_out = [*asked, *(["lower_bound_usd_per_year"] if number else [])]
            others = plan.setups.drop(columns=left_out)
            tables.append(others.assign(**achieved))
        table = pd.concat(tables, ignore_index=True)
        table = table.drop_duplicates(_names(table)).reset_index(drop=True)
        met = pd.Series(data=True, index=table.index)
        for index, target in enumerate(targets):
            met &= table[f"target_{index}_achieved"].map(target.met)
        return table.assign(step=table.index, meets_targets=met)


def _about(target: Target) -> tuple[object, ...]:
    """Return what a target measures, without its limit."""
    return target.metric, target.statistic, target.where


def _names(setups: pd.DataFrame) -> list[str]:
    """Return the columns that tell setups apart."""
    told = ("policy", "limits", "hours")
    return [name for name in map(str, setups) if name in told or name.startswith(("nodes_", "type_"))]
