"""What draws tell of an answer, as plain values: ``certainty`` of ``summary.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pwsim.common import share
from pwsim.search.certainty.certainty import Certainty, counted
from pwsim.search.certainty.intervals import MEAN_COVERAGE, Interval
from pwsim.search.certainty.words import interval_text, money_text
from pwsim.search.targets import Target

if TYPE_CHECKING:
    from pwsim.search.plan import Plan


def of_certainty(found: Certainty | None, targets: Sequence[Target]) -> dict[str, Any] | None:
    """Return what ``summary.json`` tells of draws; ``None`` if they were left out.

    Parameters
    ----------
    found
        The draws.
    targets
        What was asked.
    """
    if found is None:
        return None
    counts = counted(targets)
    each = [(found.held_target(index), found.of_target(index)) for index in range(len(targets))]
    return {
        "draws": len(found.draws),
        "asked": found.asked,
        "first": found.first,
        "by": list(found.by),
        "left_out": dict(found.left_out),
        "stopped": found.stopped,
        "held": found.held,
        "gave_up": found.gave_up,
        "coverage": found.coverage,
        "mean_coverage": MEAN_COVERAGE,
        "worst_target": _worst_target(each, targets),
        "targets": [
            {"held": held, "counts": index in counts, "interval": None if one is None else one._asdict()}
            for index, (held, one) in enumerate(each)
        ],
        "intervals": {name: one._asdict() for name, one in found.intervals.items()},
    }


def _worst_target(each: Sequence[tuple[int, Interval | None]], targets: Sequence[Target]) -> int | None:
    """Return the place of the target that draws miss most often, and of several the one nearest to its limit.

    What is the same in all draws comes last; ``None`` if there is no target that two draws tell of.
    """

    def order(place: int) -> tuple[int, bool, float]:
        (held, one), target = each[place], targets[place]
        assert one is not None
        end = one.high if target.at_least is None else one.low
        return held, one.low == one.high, abs(target.required - end) / (abs(target.required) or 1.0)

    return min((place for place, (_, one) in enumerate(each) if one is not None), key=order, default=None)


def card_rows(plan: Plan) -> list[tuple[str, str]]:
    """Return how often a plan holds, and its figures in the next draw, as rows of a small table."""
    targets = plan.judged_targets()
    told = of_certainty(plan.certainty, plan.targets)
    assert told is not None
    rows = [("draws", f"targets met in {told['held']:,} of {told['draws']:,}")]
    often = f"in the next draw, by {share(told['coverage'])}"
    if "cost_usd_per_year" in told["intervals"]:
        rows.append((often, f"{money_text(told['intervals']['cost_usd_per_year'])} a year"))
    if (index := told["worst_target"]) is not None:
        metric, here = targets[index]["metric"], told["targets"][index]["interval"]
        rows.append((often, f"{interval_text(metric, here)}: {targets[index]['text']}"))
    return rows
