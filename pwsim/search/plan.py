"""What a search found: the chosen setup, its proof, and the tables that tell of it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pandas as pd

from pwsim import costs
from pwsim.common import ByContent, card
from pwsim.description import Verdict
from pwsim.engine import compiling_s
from pwsim.hindcasting import Hindcast
from pwsim.metrics import METRIC_COLUMNS
from pwsim.prices import Economics
from pwsim.results import Result
from pwsim.rules import Policy
from pwsim.search.decided import Decided, drawn_columns
from pwsim.search.judgement import Edge, OverTime, Stretch, over_time
from pwsim.search.targets import Target, judged

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pwsim.search.attributing import Attributed
    from pwsim.search.certainty import Certainty
    from pwsim.search.frontier import Point
    from pwsim.search.horizon import Years
    from pwsim.search.judging import Judge
    from pwsim.search.objective import Minimised
    from pwsim.search.sensitivity import Study


Stop = Literal["max_setups", "time_limit", "interrupted", "undecided"]
"""Why a search ended before its proof."""

SETUP_COLUMNS: dict[str, tuple[str, str]] = {
    "step": ("", "order in which the search replayed the setups"),
    "nodes_POOL": ("nodes", "nodes of the pool that is named; one such column a pool"),
    "type_POOL": ("", "type of node of the pool that is named; one such column a pool that has several to choose from"),
    "policy": ("", "order and backfill rule"),
    "limits": ("", "which of the scenario's alternatives of limits, from 0; absent where there is one"),
    "hours": ("", "which of the scenario's alternatives of hours, from 0; absent where there is one"),
    "meets_targets": ("", "whether every target is met; absent where the replay ended before that was known"),
    "stopped": (
        "",
        "why the replay gave up or was ended early, if it was; then what is only known of a whole replay is absent",
    ),
    "at_limit_POOL": (
        "",
        "whether more nodes of the pool that is named could have made a difference; one such column a pool",
    ),
    **costs.BILL_COLUMNS,
    "lower_bound_usd_per_year": (
        "USD/year",
        "no setup that was left at this point, and meets the targets, costs less; absent if replayed for another limit",
    ),
    **METRIC_COLUMNS,
    "target_N_achieved": (
        "",
        "what the setup achieved of the target of that number (from 0), in the unit of its metric",
    ),
    "draws": ("", "draws that were replayed to decide whether it meets the targets with in_share (semantics §10)"),
    "draws_met": ("", "in how many of them it meets these targets, all of them"),
    "decision": (
        "",
        "accepted, refused or undecided by its draws; absent if it misses another target, or could not be the answer",
    ),
    "target_N_draws_met": ("", "in how many of its draws it meets the target of that number (from 0)"),
}
"""Unit and meaning of the columns of :attr:`Plan.setups`; ``POOL`` stands for a pool's name, ``N`` for a number."""


def general_name(column: str) -> str:
    """Return how :data:`SETUP_COLUMNS` calls a column of a pool or a target.

    Examples
    --------
    >>> general_name("nodes_own"), general_name("target_0_achieved"), general_name("wait_s_p95")
    ('nodes_POOL', 'target_N_achieved', 'wait_s_p95')
    """
    return re.sub(r"^target_\d+_", "target_N_", re.sub(r"^(nodes|type|at_limit)_.*", r"\1_POOL", column))


class Method(NamedTuple):
    """How a search came to its answer."""

    method: Literal["by_pool", "by_setup"]
    """``by_pool``: pools do not meet, and were replayed one by one; ``by_setup``: whole setups were."""
    because: str | None
    """Why it was not done by pool; ``None`` if it was."""
    pool_replays: int | None
    """Replays of single pools, which many setups share; ``None`` if whole setups were replayed."""


class Setup(NamedTuple):
    """One point of the search space."""

    nodes: dict[str, int]
    """Number of nodes by pool name."""
    policy: Policy
    """How every pool schedules."""
    limits: int = 0
    """Place among the alternatives of limits."""
    hours: int = 0
    """Place among the alternatives of hours."""
    types: dict[str, str] = {}  # noqa: RUF012 - a tuple's field, which nobody changes
    """Type of node by pool name, of pools that have several to choose from."""

    @property
    def how(self) -> tuple[Policy, int, int]:
        """How it is run: the fields of a :class:`.Procedure`."""
        return self.policy, self.limits, self.hours

    def procedure(self, alternatives: Container[str]) -> dict[str, Any]:
        """Return the columns that tell how it is run.

        Parameters
        ----------
        alternatives
            Which of ``limits`` and ``hours`` the scenario has several of.
        """
        chosen = {"limits": self.limits, "hours": self.hours}
        return {"policy": str(self.policy), **{key: place for key, place in chosen.items() if key in alternatives}}


@dataclass(frozen=True, eq=False, repr=False)
class Plan(ByContent):
    """What a search found."""

    status: str
    """``optimal``: proven cheapest; ``best_found``: the search was cut short; ``infeasible``: proven that none meets
    the targets; ``unknown``: cut short before one was found."""
    stopped: Stop | None
    """Why the search ended before its proof; ``None`` if it did not."""
    chosen: Setup | None
    """The cheapest setup found that meets every target."""
    closest: Setup | None
    """If there is none: of the setups replayed to their end the one that misses the targets by the least share."""
    result: Result
    """The replay of the chosen setup, or of the closest."""
    bill: costs.Bill
    """What it costs, and what that comes to."""
    lower_bound_usd_per_year: float
    """Proven: no setup that meets the targets costs less; infinite if there is none."""
    setups_in_space: int
    """Setups that the scenario allows."""
    setups: pd.DataFrame
    """One row a replayed setup, in the order of the search (:data:`SETUP_COLUMNS`)."""
    targets: tuple[Target, ...]
    """What was asked, the implied limit on rejected jobs included."""
    economics: Economics
    """How money was counted."""
    edges: tuple[Edge, ...]
    """Limits of the scenario beyond which something cheaper may lie."""
    name: str
    """Name of the scenario."""
    method: Method
    """How it was found, and why so."""
    asked: Mapping[str, Any]
    """What was asked as plain data, every default filled in and every price taken: ``scenario.yaml``."""
    run_id: str
    """Hash of all that the answer depends on (:func:`pwsim.results.record.run_id`)."""
    judge: Judge = field(compare=False)
    """What replays and judges a setup: the question, without an answer."""
    workers: int | None = field(default=None, compare=False)
    """How many replays run at once."""
    until_s: float = field(default=math.inf, compare=False)
    """When the time is over that was given for all [s, on the clock of the process]."""
    proof: pd.DataFrame | None = None
    """One row a replay of a pool that the proof rests on (:data:`.proof.PROOF_COLUMNS`); ``None`` if whole setups were
    replayed, which are :attr:`setups` then."""
    solver: Mapping[str, int] = field(default_factory=dict)
    """How often the solver ended with which status; empty if it was not asked."""
    hindcast: Hindcast | None = None
    """The replay of the present machine beside the record, if the scenario describes it and the log recorded waits."""
    unchecked: bool = False
    """Whether the scenario describes the present machine, but the log recorded no waits."""
    verdicts: tuple[Verdict, ...] = ()
    """What is wrong with the log (:func:`pwsim.describe`): warnings and problems."""
    decided: Decided | None = None
    """What draws say of the chosen setup, or of the closest; ``None`` where no target must hold in a share of them."""
    minimised: Minimised | None = None
    """What is known of the objective, where that is not the cost."""
    points: tuple[Point, ...] = ()
    """The frontier, where one was asked for: the cheapest setup for each limit of a target, the loosest first."""
    frontier: pd.DataFrame | None = None
    """The same as a table, one row a limit (:data:`.frontier.FRONTIER_COLUMNS`)."""
    study: Study | None = None
    """What would change the answer, where that was asked for."""
    attributed: Attributed | None = None
    """Who causes what, where that was asked for."""
    horizon: Years | None = field(default=None, compare=False)
    """What to buy, rent and retire in which year, where years were to be planned."""

    certainty: Certainty | None = None
    """How the setup does on draws of what might have been instead of the log; ``None`` if they were left out."""

    def __repr__(self) -> str:
        return f"<Plan: {self.status}, {self.chosen or self.closest}, {len(self.setups)} setups replayed>"

    def _repr_html_(self) -> str:
        """Return the plan as a small table, for notebooks."""
        shown = self.chosen or self.closest
        assert shown is not None
        types = {name: f" of type {one}" for name, one in shown.types.items()}
        nodes = ", ".join(f"{name} {count}{types.get(name, '')}" for name, count in shown.nodes.items())
        rows: list[tuple[str, str]] = [
            ("status", self.status),
            ("chosen" if self.chosen else "closest; none meets the targets", f"{nodes}; {shown.policy}"),
            ("cost", f"${self.cost_usd_per_year:,.0f} a year"),
            ("no setup costs less than", f"${self.lower_bound_usd_per_year:,.0f} a year"),
            ("setups", f"{self.setups_in_space:,}, of which {len(self.setups):,} were replayed"),
        ]
        rows += [(one["text"], "met" if one["met"] else "missed") for one in self.judged_targets()]
        if self.draws is not None:
            from pwsim.search.certainty import card_rows

            rows += card_rows(self)
        return card(f"Plan {self.name}", rows)

    @property
    def cost(self) -> costs.Breakdown:
        """Cost of the chosen setup, or of the closest, by part [USD a year]."""
        return self.bill.cost

    @property
    def cost_usd_per_year(self) -> float:
        """Cost of the chosen setup, or of the closest [USD a year]."""
        return costs.total(self.cost)

    @property
    def gap(self) -> float:
        """By what share of its cost the chosen setup might be undercut; 0 is a proof, NaN if none was chosen."""
        if self.chosen is None:
            return math.nan
        if self.cost_usd_per_year == 0:
            return 0.0
        return (self.cost_usd_per_year - self.lower_bound_usd_per_year) / self.cost_usd_per_year

    @property
    def left_s(self) -> float:
        """What is left of the time that was given for all [s]; that of compiling an engine does not count."""
        return self.until_s + compiling_s() - time.monotonic()

    @property
    def stops(self) -> set[Stop]:
        """Why the search, that for a point of the frontier, or what came after it ended early; empty if none did."""
        after = [one for one in (self.study, self.attributed, self.horizon) if one is not None]
        every = (self.stopped, *(point.stopped for point in self.points), *(one.stopped for one in after))
        return {one for one in every if one is not None}

    @property
    def cut_short_after(self) -> int | None:
        """After how many setups a search ended before its proof; ``None`` if none did."""
        return len(self.setups) if self.stops - {"undecided"} else None

    @property
    def interrupted(self) -> bool:
        """Whether somebody interrupted the search, that for a point of the frontier, or the draws after it."""
        return "interrupted" in {*self.stops, None if self.certainty is None else self.certainty.stopped}

    @property
    def jobs(self) -> pd.DataFrame:
        """One row a job of the chosen setup, or of the closest."""
        return self.result.jobs

    @cached_property
    def timeline(self) -> pd.DataFrame:
        """One row an hour and pool of the chosen setup, or of the closest."""
        return self.result.hourly(self.economics)

    @property
    def draws(self) -> pd.DataFrame | None:
        """One row a draw (:data:`.certainty.DRAW_COLUMNS`); ``None`` if none was made."""
        return None if self.certainty is None or not len(self.certainty.draws) else self.certainty.draws

    @cached_property
    def neighbours(self) -> pd.DataFrame:
        """One row a setup next to the chosen one: more or fewer nodes, other rules; replayed when it is asked for."""
        from pwsim.search import around

        return around.neighbours(self)

    @cached_property
    def alternatives(self) -> pd.DataFrame:
        """The chosen setup, the cheapest of each other kind, and different ones that cost little more."""
        from pwsim.search.alternatives import alternatives

        return alternatives(self)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was asked and what was found, as plain values: ``summary.json`` of ``pwsim run``."""
        from pwsim.search.summary import of_plan

        return of_plan(self)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the name of their Parquet file."""
        from pwsim.search.sensitivity.tables import tables as study_tables

        compared = {} if self.hindcast is None else self.hindcast.tables()
        proof = {} if self.proof is None else {"proof": self.proof}
        varied = {} if self.frontier is None else {"frontier": self.frontier}
        planned = {} if self.horizon is None else {"horizon": self.horizon.table}
        drawn = {} if self.draws is None else {"draws": self.draws}
        around = {"alternatives": self.alternatives, "neighbours": self.neighbours, **varied, **drawn}
        changed = {} if self.study is None else study_tables(self.study, self.judge.cluster)
        causes = {} if self.attributed is None else {"attribution": self.attributed.table}
        found = {**proof, **around, **planned, **changed, **causes, **compared}
        timeline = self.timeline  # takes room while it is made: before the jobs are there
        return {"jobs": self.jobs, "setups": self.setups, "timeline": timeline, **found}

    def judged_targets(self) -> list[dict[str, Any]]:
        """Return each target, what was achieved, and whether that is good enough: on the whole, by weeks, at the end.

        The keys beside those of :meth:`.Target.judge` are those of :class:`.judgement.OverTime`.
        """
        return self._judged_targets

    @cached_property
    def _judged_targets(self) -> list[dict[str, Any]]:
        courses = []
        for target in self.targets:
            course = over_time(target, self.result) or OverTime(0, 0, None, None)
            parts = course._asdict().items()
            told = {name: part._asdict() if isinstance(part, Stretch) else part for name, part in parts}
            courses.append(told)
        achieved = {
            f"target_{index}_achieved": target.achieved(self.result, self.bill)
            for index, target in enumerate(self.targets)
        }
        drawn = {} if self.decided is None else drawn_columns(self.targets, self.decided)
        each = judged(self.targets, {**achieved, **drawn})
        return [{**one, **course} for one, course in zip(each, courses, strict=True)]

    def plot(self, kind: str = "setups", ax: Axes | None = None) -> Axes:
        """Draw ``setups``, ``search``, ``cost_breakdown``, or a figure of :meth:`pwsim.Result.plot`.

        Parameters
        ----------
        kind
            Which figure: a name of :data:`pwsim.figures.OF_SEARCH`, :data:`pwsim.figures.OF_HORIZON` or
            :data:`pwsim.figures.OF_REPLAY`.
        ax
            Axes to draw on; new ones if left out.

        Raises
        ------
        ValueError
            If there is no such figure.
        """
        from pwsim import figures

        after = {**figures.OF_HORIZON, **figures.OF_SENSITIVITY, **figures.OF_ATTRIBUTION}
        kinds = {**figures.OF_SEARCH, **after, **figures.OF_REPLAY}
        return figures.plot(kinds, kind, self._shown, ax)

    def _shown(self, name: str) -> Any:
        """Return what a figure needs."""
        if name == "headroom":
            from pwsim.search.sensitivity.tables import tables

            return None if self.study is None else tables(self.study, self.judge.cluster).get(name)
        return getattr(self, name) if name in ("setups", "jobs", "timeline", "draws") else self.summary[name]
