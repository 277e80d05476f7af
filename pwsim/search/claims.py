"""What the results of a search claim, each as one statement: no setup that meets some targets costs less than that.

A frontier claims that for each of its points.  An objective claims two things: no setup that meets the targets has less
of it, whatever it costs; and of those that have no more of it than the chosen one, none costs less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pwsim.common import count
from pwsim.metrics import value_text
from pwsim.search.frontier import Frontier
from pwsim.search.holding import Holding
from pwsim.search.objective import Objective
from pwsim.search.simulate_and_cut import complete_targets
from pwsim.search.targets import Target
from pwsim.search.words import minimised_text


class Claim(NamedTuple):
    """No setup that meets some targets costs less than so much."""

    where: str
    """What claims it."""
    targets: tuple[Target, ...]
    """The targets, complete."""
    usd_per_year: float
    """The cost [USD a year]; infinite if no setup meets them."""
    text: str
    """The claim in words."""


def of_answer(
    summary: Mapping[str, Any], targets: tuple[Target, ...], setups: int, objective: Objective | None
) -> Iterator[Claim]:
    """Yield what is claimed of the answer.

    Parameters
    ----------
    summary
        What the search wrote, as ``summary.json`` has it.
    targets
        What is asked, complete.
    setups
        Setups that the scenario allows.
    objective
        What was to be small instead of the cost.
    """
    usd = threshold_usd(summary)
    none = f"none of the {count(setups, 'setup')} allowed"
    if objective is None:
        yield Claim("summary.json", targets, usd, f"{none} {_meeting(usd)}.")
        return
    told = summary["minimise"]
    name, achieved, least = minimised_text(told), told["achieved"], told["lower_bound"]
    below = objective.below(least)
    if below > objective.least:
        text = f"{none} that meets all targets has less of the {name} than {value_text(told['metric'], least)}."
        yield Claim("summary.json, minimise", (*targets, objective.at_most(below)), math.inf, text)
    most = objective.largest if achieved is None else achieved
    as_low = "" if achieved is None else f" with no more of the {name} than {value_text(told['metric'], most)}"
    yield Claim("summary.json", (*targets, objective.at_most(most)), usd, f"{none}{as_low} {_meeting(usd)}.")


def of_points(
    told: Sequence[Mapping[str, Any]], frontier: Frontier, targets: Sequence[Target], holding: Holding
) -> Iterator[Claim]:
    """Yield what is claimed of each point of a frontier.

    Parameters
    ----------
    told
        The points as ``summary.json`` has them.
    frontier, targets, holding
        What is varied, what is asked besides, and of what.
    """
    for index, (point, asked) in enumerate(zip(told, frontier.asked(targets), strict=True)):
        usd, target = threshold_usd(point), asked[-1]
        limit = f"{frontier.limit.replace('_', ' ')} {value_text(target.metric, target.required)}"
        where = f"summary.json, frontier.points.{index}"
        yield Claim(where, complete_targets(holding, asked), usd, f"{limit}: none {_meeting(usd)}.")


def threshold_usd(told: Mapping[str, Any]) -> float:
    """Return the cost below which no setup is claimed to meet the targets, of an answer or a point [USD a year]."""
    if told["status"] == "infeasible":
        return math.inf
    bound = told["lower_bound_usd_per_year"]
    return -math.inf if bound is None else float(bound)


def right_status(told: Mapping[str, Any]) -> str:
    """Return the status that an answer or a point has, by what was chosen, and why the search was stopped."""
    found, proven = told["chosen"] is not None, told["stopped"] is None
    status = {(True, True): "optimal", (True, False): "best_found", (False, True): "infeasible"}
    return status.get((found, proven), "unknown")


def right_gap(told: Mapping[str, Any]) -> float | None:
    """Return by what share of its cost the chosen setup of an answer or a point might be undercut; ``None`` without."""
    cost, bound = told["cost_usd_per_year"], told["lower_bound_usd_per_year"]
    if told["chosen"] is None:
        return None
    return (cost - (bound or 0.0)) / cost if cost else 0.0


def _meeting(usd: float) -> str:
    return (
        "meets all targets"
        if math.isinf(usd) and usd > 0
        else f"that meets all targets costs less than ${usd:,.2f} a year"
    )
