"""How much load a setup bears before it misses each target: replays at one load after another.

Under backfilling a larger load may be served better than a smaller one, so no load says anything of another.  What is
claimed is about the loads that were replayed: the largest up to which every one of them meets, and the first that
misses.  Where targets must hold in a share of draws, each load is decided on draws by itself, with the error that is
stated; where a load misses another target, nothing is drawn.
"""

from __future__ import annotations

from typing import NamedTuple

from pwsim.search.decided import Decided
from pwsim.search.plan import Plan, Stop
from pwsim.search.sensitivity.asker import Asker
from pwsim.search.sensitivity.factors import FACTORS
from pwsim.search.sensitivity.outcomes import shown
from pwsim.search.targets import Target

GRID = tuple(round(1 + 0.05 * step, 2) for step in range(21))
"""The loads that are replayed, from the log's to twice as much, until each target is missed somewhere."""
FINE = 0.01
"""Step between the last of them that meets a target and the first that does not."""


class Point(NamedTuple):
    """What a setup does at a load."""

    load: float
    """How many times the work of the log."""
    jobs: int
    """Jobs that are replayed."""
    targets: tuple[Target, ...]
    """The targets at this load: those that are amounts of jobs or work are in proportion (:mod:`.proportion`)."""
    achieved: tuple[float, ...]
    """What it achieves of each."""
    cost_usd_per_year: float
    """What it costs [USD a year]."""
    decided: Decided | None = None
    """What draws decided of it at this load; ``None`` where no target must hold in a share of them."""

    def met(self, index: int) -> bool:
        """Return whether a target is met, by its number; those that must hold in a share of draws do so together."""
        if self.targets[index].in_share is not None:
            return self.decided is not None and self.decided.decision == "accepted"
        return self.targets[index].met(self.achieved[index])


class Headroom(NamedTuple):
    """The loads that were replayed, in increasing order."""

    points: tuple[Point, ...]
    stopped: Stop | None
    """Why not all were that should be; ``None`` if they were."""

    def bears(self, index: int | None = None) -> float | None:
        """Return the largest load up to which every one that was replayed meets a target, or all; ``None`` if none."""
        best = None
        for point in self.points:
            if not _met(point, index):
                break
            best = point.load
        return best

    def misses_at(self, index: int | None = None) -> float | None:
        """Return the smallest load that was replayed and misses a target, or any; ``None`` if none does."""
        return next((point.load for point in self.points if not _met(point, index)), None)

    def meets_again_at(self, index: int) -> float | None:
        """Return the smallest load that meets a target though a smaller one misses it; ``None`` if there is none."""
        first = self.misses_at(index)
        later = (point.load for point in self.points if first is not None and point.load > first and point.met(index))
        return next(later, None)


def _met(point: Point, index: int | None) -> bool:
    return all(map(point.met, range(len(point.targets)))) if index is None else point.met(index)


def headroom(asker: Asker, plan: Plan) -> Headroom | None:
    """Return how a plan's setup does at larger and larger loads; ``None`` where loads cannot be made larger.

    Loads are nested: a larger one has the jobs of a smaller one, and more.
    """
    if plan.chosen is None or not FACTORS["load"].concerns(asker.question):
        return None
    points: dict[float, Point] = {}
    for load in GRID:
        if not _replayed(asker, plan, load, points):
            return _told(points, asker)
        if all(_told(points, asker).misses_at(index) is not None for index in range(len(plan.targets))):
            break
    for index in range(len(plan.targets)):
        if not _refined(asker, plan, index, points):
            break
    return _told(points, asker)


def _refined(asker: Asker, plan: Plan, index: int, points: dict[float, Point]) -> bool:
    """Replay loads between the last that meets a target and the first that misses it; return whether all were."""
    so_far = _told(points, asker)
    bears, misses = so_far.bears(index), so_far.misses_at(index)
    if bears is None or misses is None:
        return True
    load = round(bears + FINE, 2)
    while load < misses - FINE / 2:
        if not _replayed(asker, plan, load, points):
            return False
        if not points[load].met(index):
            break
        load = round(load + FINE, 2)
    return True


def _replayed(asker: Asker, plan: Plan, load: float, points: dict[float, Point]) -> bool:
    """Note what a setup does at a load; return whether the budget allowed it."""
    if load in points:
        return True
    question = FACTORS["load"].change(asker.question, load)
    judge = asker.judge(question)
    found = asker.judged(judge, shown(plan), f"headroom, load {load:g}")
    if found is None:
        return False
    points[load] = Point(
        load, len(question.trace), judge.targets, found.achieved, found.cost_usd_per_year, found.decided
    )
    return True


def _told(points: dict[float, Point], asker: Asker) -> Headroom:
    return Headroom(tuple(points[load] for load in sorted(points)), asker.purse.stopped)
