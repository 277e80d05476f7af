"""What becomes of the setup, and of the answer, if one thing is otherwise."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pwsim.common import InputError
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.plan import Plan, Setup, Stop
from pwsim.search.sensitivity.asker import Asker
from pwsim.search.sensitivity.factors import FACTORS


class Outcome(NamedTuple):
    """What becomes of the setup, and of the answer, if one thing is otherwise."""

    factor: str
    """What is otherwise (:data:`.factors.FACTORS`)."""
    value: float
    """Its factor; of a rate, the rate."""
    setup_cost_usd_per_year: float
    """What the setup costs then as it stands [USD a year]; NaN if that is not known."""
    setup_meets_targets: bool | None
    """Whether it meets all targets; ``None`` if that is not known."""
    setup_missed: tuple[dict[str, Any], ...]
    """The targets that it misses (:meth:`.Target.judge`)."""
    achieved: tuple[float, ...]
    """What it achieves of each target; NaN if that is not known."""
    status: str
    """Of the search under the change, as :attr:`.Plan.status`; ``unknown`` also where it was not begun."""
    stopped: Stop | None
    """Why the search ended before its proof, or was not begun; ``None`` if it did not."""
    fault: str | None
    """Why it could not be asked, if that is so."""
    chosen: Setup | None
    """The answer under the change; ``None`` if no setup meets the targets, or none was found."""
    changes: bool | None
    """Whether that is another setup than without it; ``None`` where it is not known."""
    cost_usd_per_year: float
    """What the answer costs [USD a year]; NaN if there is none."""
    lower_bound_usd_per_year: float
    """Proven: no setup that meets the targets costs less; NaN if nothing is known."""


def outcome(asker: Asker, plan: Plan, factor: str, value: float) -> Outcome:
    """Return what becomes of a plan's setup, and of its answer, if one thing is otherwise.

    Parameters
    ----------
    asker
        Asks again.
    plan
        What was found without the change.
    factor, value
        What is otherwise.
    """
    question = FACTORS[factor].change(asker.question, value)
    setup = shown(plan)
    replayed = FACTORS[factor].replayed
    try:
        judge = asker.judge(question, replayed=replayed)
    except InputError as error:  # what is to be drawn cannot be, of this log
        return Outcome(
            factor, value, math.nan, None, (), (), "unknown", None, str(error), None, None, math.nan, math.nan
        )
    part = f"{factor} {value:g}"
    stands = asker.judged(judge, setup, part) if replayed else asker.billed(judge, setup, plan.result, part)
    found, fault = asker.search(question, judge, part)
    return Outcome(factor, value, *_standing(judge, stands), *_answer(asker, plan, found, fault))


def shown(plan: Plan) -> Setup:
    """Return the setup that a plan shows: the chosen one, or the closest where none meets the targets."""
    setup = plan.chosen or plan.closest
    assert setup is not None
    return setup


def _standing(judge: Judge, stands: Evaluation | None) -> tuple[Any, ...]:
    """Return the fields that tell of the setup as it stands."""
    if stands is None:
        return math.nan, None, (), (math.nan,) * len(judge.targets)
    each = stands.judged(judge.targets)
    decided = stands.decided
    meets = None if stands.met and decided is not None and decided.decision == "undecided" else stands.accepted
    missed = () if meets is None else tuple(one for one in each if not one["met"])
    return stands.cost_usd_per_year, meets, missed, stands.achieved


def _answer(asker: Asker, plan: Plan, found: Plan | None, fault: str | None) -> tuple[Any, ...]:
    """Return the fields that tell of the answer under the change."""
    if found is None:
        stopped = None if fault is not None else asker.purse.stopped
        return "unknown", stopped, fault, None, None, math.nan, math.nan
    known = found.stopped in (None, "undecided") if found.chosen is not None else found.stopped is None
    if found.chosen is None:
        changes = (plan.chosen is not None) if known else None
        return found.status, found.stopped, None, None, changes, math.nan, found.lower_bound_usd_per_year
    changes = found.chosen != plan.chosen if known else None
    return (
        found.status, found.stopped, None, found.chosen, changes, found.cost_usd_per_year,
        found.lower_bound_usd_per_year,
    )  # fmt: skip
