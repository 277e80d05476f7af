"""What an answer is worth: the chosen setup on draws of what might have been instead of the log."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from pwsim import costs
from pwsim.cluster import Procedure
from pwsim.common import ByContent, InputError, retyped
from pwsim.metrics import METRIC_COLUMNS
from pwsim.results import in_parallel
from pwsim.search.certainty.intervals import Interval, coverage, interval
from pwsim.search.holding import Holding
from pwsim.search.judging import Judge
from pwsim.search.options import choice_of
from pwsim.search.simulate_and_cut import complete_targets
from pwsim.search.targets import Target
from pwsim.search.trail import Progress
from pwsim.workload import Drawn, Population, undrawable

if TYPE_CHECKING:
    from pwsim.search.plan import Plan, Setup, Stop

Row = dict[str, Any]
"""A draw by the columns of the table."""

DRAWS = 20
"""Draws of the chosen setup where the scenario asks for none."""
FRESH_DRAWS = 39
"""Draws where a setup was chosen by others: smallest and largest of so many are an interval of coverage 95 %."""
TOLD = 5
"""Progress is told once in so many draws."""
LOTLESS = "interruptions and failures are not drawn anew, for no node of the setup is taken back or breaks"
"""Why the seed is left out."""

DRAW_COLUMNS: dict[str, tuple[str, str]] = {
    "draw": ("", "number of the draw"),
    "jobs": ("jobs", "jobs that are submitted in the draw"),
    "meets_targets": ("", "whether every target is met; if some have in_share, every one of those"),
    "stopped": ("", "why the replay gave up, if it did; then the draw counts as missed"),
    **costs.BILL_COLUMNS,
    **METRIC_COLUMNS,
    "target_N_achieved": ("", "what was achieved of the target of that number (from 0), in the unit of its metric"),
    "target_N_met": ("", "whether that is good enough"),
}
"""Unit and meaning of the columns of :attr:`Certainty.draws`; ``N`` stands for a number."""


@dataclass(frozen=True, eq=False)
class Certainty(ByContent):
    """How a setup does on draws that it was not chosen by."""

    by: tuple[Drawn, ...]
    """What is drawn again."""
    left_out: Mapping[Drawn, str]
    """What might be drawn again of other logs, and why not of this."""
    asked: int
    """How many draws were to be made."""
    draws: pd.DataFrame
    """One row a draw (:data:`DRAW_COLUMNS`)."""
    first: int = 1
    """Number of the first of them; those before it are what the setup was chosen by, besides the log."""
    stopped: Stop | None = None
    """Why there are fewer draws than were to be made; ``None`` if there are not."""

    @property
    def held(self) -> int:
        """In how many draws every target is met."""
        return int(self.draws["meets_targets"].sum()) if len(self.draws) else 0

    @property
    def gave_up(self) -> list[int]:
        """The numbers of the draws whose replay gave up."""
        return [int(one) for one in self.draws["draw"][self.draws["stopped"].notna()]] if len(self.draws) else []

    @property
    def coverage(self) -> float:
        """Probability that the next draw is between smallest and largest of these."""
        return coverage(len(self.draws))

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """Intervals by column, of costs and metrics that two draws have."""
        names = [name for name in (*costs.BILL_COLUMNS, *METRIC_COLUMNS) if name in self.draws]
        found = {name: interval(self.draws[name]) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    def of_target(self, index: int) -> Interval | None:
        """Return the intervals of what is achieved of a target; ``None`` if fewer than two draws tell."""
        return interval(self.draws[f"target_{index}_achieved"]) if len(self.draws) else None

    def held_target(self, index: int) -> int:
        """Return in how many draws a target is met."""
        return int(self.draws[f"target_{index}_met"].sum()) if len(self.draws) else 0


def certainty_of(
    plan: Plan,
    population: Population | None = None,
    seen: int = 0,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Certainty:
    """Try the chosen setup of a plan, or the closest, on draws that did not choose it.

    A search that was interrupted, or is at its time limit, makes none.  An interrupt ends the draws; those before it
    count.

    Parameters
    ----------
    plan
        What was found.
    population
        All draws; those of the scenario if left out (``replications``), or else all of ``seed``, ``shake`` and
        ``weeks`` is drawn again that can be of this setup and log.
    seen
        How many draws the search may have looked at: those from the next on are made.
    workers
        How many replays run at once; as many as there are cores if left out.  The draws do not depend on it.
    progress
        Called now and then, with the number of the draw.
    """
    setup = plan.chosen or plan.closest
    assert setup is not None
    left_out: dict[Drawn, str] = {}
    if population is None and (asked := plan.judge.replications) is not None:
        population, seen = plan.judge.population, asked.n
    if population is None:
        by, left_out = _drawable(plan)
        population = Population(plan.judge.trace, by, plan.judge.seed)
    number = FRESH_DRAWS if seen else DRAWS
    stopped: Stop | None = plan.stopped if plan.stopped in ("interrupted", "time_limit") else None
    rows: list[Row] = []
    if stopped is None:
        try:
            numbers = range(seen + 1, seen + number + 1)
            for place, one in enumerate(replayed(plan.judge, setup, population, numbers, workers), 1):
                rows.append(one)
                if progress is not None and (place % TOLD == 0 or place in (1, number)):
                    progress(_reached(plan, place, number))
        except KeyboardInterrupt:
            stopped = "interrupted"
    return Certainty(population.by, left_out, number, as_table(rows), seen + 1, stopped)


def _reached(plan: Plan, place: int, number: int) -> Progress:
    """Return that so many of the draws of an answer are done."""
    return Progress(
        simulated=len(plan.setups),
        in_space=plan.setups_in_space,
        cost_usd_per_year=plan.cost_usd_per_year if plan.chosen else math.nan,
        lower_bound_usd_per_year=plan.lower_bound_usd_per_year,
        engine=plan.result.replay.engine,
        left_at_most=0,
        left_at_most_s=math.nan,
        draw=place,
        draws=number,
        part="the answer on draws that did not choose it" if plan.chosen else "the closest setup on draws",
    )


def replayed(
    judge: Judge, setup: Setup, population: Population, numbers: Iterable[int], workers: int | None
) -> Iterator[Row]:
    """Replay and judge a setup on draws; yield a row of the table for each, in their order.

    What is implied of the log's jobs (:func:`.complete_targets`) is of each draw's.

    Parameters
    ----------
    judge
        Replays and judges setups on the log.
    setup, population, workers
        As for :func:`certainty_of`.
    numbers
        Numbers of the draws.
    """
    implied = set(complete_targets(Holding(judge.trace, judge.cluster), ()))
    anew = tuple(index for index, target in enumerate(judge.targets) if target in implied)
    tasks = ((judge, setup, anew, population, number) for number in numbers)
    return in_parallel(_row, tasks, workers=workers, engine=judge.engine)


def as_table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return draws as a table (:data:`DRAW_COLUMNS`); what is only known of whole replays is absent of others."""
    table = pd.DataFrame(rows, columns=max(map(list, rows), key=len, default=["draw", "stopped"]))
    return retyped(table, {"stopped": "str"})


def counted(targets: Sequence[Target]) -> list[int]:
    """Return the places of the targets that must be met for a draw to count as held: those with ``in_share``, or all.

    One without must hold in the log's own replay, where others must in a share of draws (semantics §10).
    """
    shared = [index for index, target in enumerate(targets) if target.in_share is not None]
    return shared or list(range(len(targets)))


def _drawable(plan: Plan) -> tuple[tuple[Drawn, ...], dict[Drawn, str]]:
    """Return what can be drawn again of a plan's setup and log, and why the rest cannot."""
    lots = any(pool.interrupted and pool.nodes[0] for pool in plan.result.cluster.pools)
    left_out: dict[Drawn, str] = {} if lots else {"seed": LOTLESS}
    if fault := undrawable(plan.judge.trace, "weeks"):
        # Here nobody asked for it: what to write instead in the scenario is left away.
        left_out["weeks"] = fault.removeprefix("replications.by: ").partition(";")[0]
    every: tuple[Drawn, ...] = ("seed", "shake", "weeks")
    return tuple(one for one in every if one not in left_out), left_out


def _row(judge: Judge, setup: Setup, anew: Sequence[int], population: Population, number: int) -> Row:
    """Replay and judge a setup on a draw, with some targets as they are implied of its jobs; return it as a row."""
    draw = population.draw(number)
    implied = {one.metric: one for one in complete_targets(Holding(draw.trace, judge.cluster), ())}
    here = judge.on(draw)
    told_of = enumerate(here.targets)
    targets = tuple(implied[target.metric] if index in anew else target for index, target in told_of)
    here = replace(here, targets=targets)
    try:
        found = here.evaluate(choice_of(judge.cluster, setup.nodes, setup.types), Procedure(*setup.how))
    except InputError as error:  # of a draw that nothing can be told of, such as one whose jobs come all at once
        found = here.without_figures(setup, str(error), met=False)
    told = list(enumerate(zip(targets, found.achieved, strict=True)))
    return {
        "draw": number,
        "jobs": len(draw.trace),
        "meets_targets": all(targets[index].met(found.achieved[index]) for index in counted(judge.targets)),
        "stopped": found.stopped,
        **(found.ran.bill.figures() if found.ran else {}),
        **(found.ran.metrics if found.ran else {}),
        **{f"target_{index}_achieved": value for index, (_, value) in told},
        **{f"target_{index}_met": target.met(value) for index, (target, value) in told},
    }
