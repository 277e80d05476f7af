"""The same search asked for other targets, again and again: what is replayed is shared, and so is the budget."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from pwsim.search.decided import drawn_columns, undrawn
from pwsim.search.options import Place
from pwsim.search.plan import Plan, Stop
from pwsim.search.targets import Target
from pwsim.search.trail import BudgetSpentError


class Searches:
    """Searches of one space for different targets, within one budget.

    Parameters
    ----------
    ask
        Searches for the cheapest setup that meets some targets: gets them, the setups that count against the limit
        already, to which it adds its own, and how long it may take [s].
    time_limit_s
        Limit for all searches together; none if ``None``.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Target], set[Place], float | None], Plan],
        time_limit_s: float | None,
    ) -> None:
        self._ask, self._time_limit_s = ask, time_limit_s
        self._begun_s = time.monotonic()
        self._spent: set[Place] = set()
        self._asked: list[set[Target]] = []
        self.stopped: Stop | None = None
        """Why the last search was cut short, or not begun; ``None`` if neither is so."""
        self.plans: list[Plan] = []
        """What was found so far; the first is that of the scenario's own targets."""

    def find(self, targets: Sequence[Target]) -> Plan | None:
        """Return what is found for other targets; ``None`` if the budget is spent before there is anything."""
        for asked, plan in zip(self._asked, self.plans, strict=True):
            if asked == set(targets) and plan.stopped is None:
                return plan
        left_s = None if self._time_limit_s is None else self._time_limit_s - (time.monotonic() - self._begun_s)
        if self.plans and left_s is not None and left_s <= 0:
            self.stopped = "time_limit"
        if self.stopped in ("time_limit", "interrupted"):
            return None
        try:
            plan = self._ask(targets, self._spent, left_s)
        except BudgetSpentError:
            self.stopped = "max_setups"
            return None
        except KeyboardInterrupt:
            if not self.plans:
                raise
            self.stopped = "interrupted"
            return None
        self.plans.append(plan)
        self._asked.append(set(targets))
        self.stopped = plan.stopped
        return plan

    def whole(self, plan: Plan) -> Plan:
        """Return a plan with the replays, and the proof, of all searches."""
        told = [one.proof for one in self.plans if one.proof is not None]
        proof = pd.concat(told, ignore_index=True).drop_duplicates(ignore_index=True) if told else None
        return replace(
            plan,
            setups=self._setups(plan.targets),
            proof=proof,
            method=self.plans[0].method._replace(pool_replays=None if proof is None else len(proof)),
            solver=dict(sum((Counter(one.solver) for one in self.plans), Counter())),
        )

    def _setups(self, targets: Sequence[Target]) -> pd.DataFrame:
        """Return the setups of all searches as one table, judged by targets that each of them was asked about.

        Bounds are about the targets, too, and stand in the rows of the first search alone.
        """
        tables = []
        for number, plan in enumerate(self.plans):
            asked = {target.about: f"target_{index}_achieved" for index, target in enumerate(plan.targets)}
            achieved = {
                # What is implied, and so may be missing, is a figure of the whole replay.
                f"target_{index}_achieved": plan.setups[asked.get(target.about, target.metric)]
                for index, target in enumerate(targets)
            }
            left_out = [*asked.values(), *(["lower_bound_usd_per_year"] if number else [])]
            others = plan.setups.drop(columns=[*left_out, *(one for one in plan.setups if _is_of_draws(str(one)))])
            tables.append(others.assign(**achieved, **_drawn(plan, targets, own=not number)))
        table = pd.concat(tables, ignore_index=True)
        table = table.drop_duplicates(_names(table)).reset_index(drop=True)
        met = pd.Series(data=True, index=table.index)
        for index, target in enumerate(targets):
            if target.in_share is None:
                met &= table[f"target_{index}_achieved"].map(target.met)
        if "decision" in table:
            met &= table["decision"] == "accepted"
        return table.assign(step=table.index, meets_targets=met)


def _is_of_draws(column: str) -> bool:
    return column in ("draws", "draws_met", "decision") or column.endswith("_draws_met")


def _drawn(plan: Plan, targets: Sequence[Target], *, own: bool) -> dict[str, Any]:
    """Return what draws decided of the setups of a search as columns; nothing for targets other than its own."""
    if (none := undrawn(targets)) is None:
        return {}
    names = drawn_columns(targets, none)
    kept: dict[str, Any] = {name: plan.setups[name] for name in names} if own else names
    return {**kept, "decision": kept["decision"] if own else pd.Series(pd.NA, plan.setups.index, dtype="str")}


def _names(setups: pd.DataFrame) -> list[str]:
    """Return the columns that tell setups apart."""
    told = ("policy", "limits", "hours")
    return [name for name in map(str, setups) if name in told or name.startswith(("nodes_", "type_"))]
