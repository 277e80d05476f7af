"""The integer programme over the years: what to buy, keep and sell, and which own nodes to run in each year.

A binary for each year and choice of own nodes; a whole number for each year and line of nodes that may be bought, and
where nodes may be sold early, for each cohort and year after which it may be.  In each year, the nodes that stand are
at least those that run.  The objective is the net present cost: purchases at the beginning of a year; at its end what
it costs to run, known or at least, less what nodes pay back.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pwsim.common.solver import (
    LARGEST_COEFFICIENT,
    OutOfTimeError,
    Problem,
    Variable,
    minimising,
    solve,
    status_text,
    weighted,
    whole_number,
    yes_or_no,
)
from pwsim.search.horizon.capital import Capital
from pwsim.search.horizon.year import Costs, Own
from pwsim.search.options import Option
from pwsim.search.trail import TIE

Terms = list[tuple[Variable, float]]
LEEWAY = 1e-6
"""Rows hold to the solver's tolerance only: a limit on the cost is stated so much above it, relatively."""


class Purchases(NamedTuple):
    """A solution: what is run, bought and sold."""

    own: tuple[Own, ...]
    """Own nodes that run in each year."""
    bought: dict[int, int]
    """Nodes by number of the cohort, of those that are bought or stand at the start."""
    sold: dict[tuple[int, int], int]
    """Nodes that are sold early, by cohort and the year at whose end."""
    usd: float
    """Net present cost [USD]."""


class _Model(NamedTuple):
    problem: Problem
    runs: list[dict[Own, Variable]]
    buys: dict[int, Variable]
    sells: dict[tuple[int, int], Variable]


class Programme:
    """The integer programme, solved again as more becomes known.

    Parameters
    ----------
    capital
        Own nodes that there may be.
    options
        Choices of each pool of own nodes, by its number.
    """

    def __init__(self, capital: Capital, options: dict[int, Sequence[Option]]) -> None:
        self.capital, self._options = capital, options
        self.said: Counter[str] = Counter()
        """How often the solver ended with which status."""

    def nodes(self, line: int, own: Own) -> int:
        """Return the nodes of a line that run with a choice of own nodes."""
        pool, place, _, _ = self.capital.lines[line]
        one = self._options[pool][own[list(self._options).index(pool)]]
        return one.nodes if one.type == place else 0

    def cheapest(self, costs: Sequence[Costs], time_limit_s: float = math.inf) -> Purchases | None:
        """Return the purchases of least net present cost; ``None`` if in some year nothing can be run.

        Parameters
        ----------
        costs
            What each choice of own nodes costs to run in each year, those that cannot be chosen left out.
        time_limit_s
            How long the solver may take [s].

        Raises
        ------
        OutOfTimeError
            If the time is over before that is known.
        SolverError
            If the solver gives no proven answer.
        """
        if not all(costs):
            return None
        return self._solved(self.model(costs), costs, time_limit_s)

    def fewest(self, found: Purchases, costs: Sequence[Costs], time_limit_s: float = math.inf) -> Purchases:
        """Return purchases with the same nodes in each year at the same cost: the fewest, and of these the latest.

        Where nodes cost nothing, as many may be bought as there may be; so a plan says what it takes, and no more.
        """
        mine = [{own: usd[own]} for own, usd in zip(found.own, costs, strict=True)]
        try:
            fewer = self._solved(self.model(mine, usd_at_most=found.usd), mine, time_limit_s)
        except OutOfTimeError:
            return found
        return found if fewer is None or fewer.usd > found.usd + TIE * abs(found.usd) else fewer

    def model(self, costs: Sequence[Costs], usd_at_most: float | None = None) -> _Model:
        """Return the PuLP model and its variables.

        Parameters
        ----------
        costs
            As for :meth:`cheapest`.
        usd_at_most
            Ask for the fewest nodes at no more than this cost instead [USD].
        """
        capital, problem = self.capital, minimising("years")
        runs = [
            {own: yes_or_no(problem, f"run_{year}_{number}") for number, own in enumerate(usd)}
            for year, usd in enumerate(costs, 1)
        ]
        buys = {
            number: whole_number(problem, f"buy_{one.line}_{one.first_year}", capital.lines[one.line].most)
            for number, one in enumerate(capital.cohorts)
            if one.is_bought
        }
        sells = {
            (number, year): whole_number(problem, f"sell_{number}_{year}", one.nodes or capital.lines[one.line].most)
            for number, one in enumerate(capital.cohorts)
            for year in capital.may_be_sold_after(one)
        }
        model = _Model(problem, runs, buys, sells)
        money, given = self._money(model, costs)
        scale = 1 / max(1.0, max((abs(usd) for _, usd in money), default=0.0) / LARGEST_COEFFICIENT)
        if usd_at_most is None:
            problem += weighted((one, usd * scale) for one, usd in money)
        else:
            # So little that no number of years is worth a node.
            late = 1 / (1 + capital.years * sum(one.most * capital.years for one in capital.lines))
            problem += weighted((buy, 1 - late * capital.cohorts[number].first_year) for number, buy in buys.items())
            most = usd_at_most - given
            problem += weighted((one, usd * scale) for one, usd in money) <= (most + LEEWAY * abs(most)) * scale, "cost"
        for year, some in enumerate(runs, 1):
            problem += weighted((run, 1.0) for run in some.values()) == 1, f"one_setup_{year}"
        self._state_nodes(model)
        return model

    def _money(self, model: _Model, costs: Sequence[Costs]) -> tuple[Terms, float]:
        """Return the net present cost of each variable, and that of nodes that stand at the start [USD]."""
        capital, money = self.capital, []
        for year, (some, usd) in enumerate(zip(model.runs, costs, strict=True), 1):
            money += [(run, usd[own] * capital.discount(year)) for own, run in some.items()]
        for number, buy in model.buys.items():
            one = capital.cohorts[number]
            money.append((buy, capital.paid_usd(one) - capital.back_usd(one, capital.until(one))))
        for (number, year), sell in model.sells.items():
            one = capital.cohorts[number]
            money.append((sell, capital.back_usd(one, capital.until(one)) - capital.back_usd(one, year)))
        given = -math.fsum(
            one.nodes * capital.back_usd(one, capital.until(one)) for one in capital.cohorts if one.nodes is not None
        )
        return money, given

    def _state_nodes(self, model: _Model) -> None:
        """In each year enough nodes of each line stand, and no more are sold of a cohort than it has."""
        capital, problem = self.capital, model.problem
        for line in range(len(capital.lines)):
            for year, some in enumerate(model.runs, 1):
                terms: Terms = [(run, -float(self.nodes(line, own))) for own, run in some.items()]
                there = 0
                for number in capital.of_line(line):
                    one = capital.cohorts[number]
                    if not capital.stands(one, year):
                        continue
                    there += one.nodes or 0
                    terms += [(model.buys[number], 1.0)] if one.is_bought else []
                    terms += [
                        (sell, -1.0) for (other, after), sell in model.sells.items() if other == number and after < year
                    ]
                problem += weighted(terms) >= -there, f"stand_{line}_{year}"
        for number, one in enumerate(capital.cohorts):
            if sold := [(sell, 1.0) for (other, _), sell in model.sells.items() if other == number]:
                sold += [(model.buys[number], -1.0)] if one.is_bought else []
                problem += weighted(sold) <= (one.nodes or 0), f"sold_{number}"

    def _solved(self, model: _Model, costs: Sequence[Costs], time_limit_s: float) -> Purchases | None:
        """Return the solution of a model, its cost summed up anew; ``None`` if there is none."""
        found = solve(model.problem, time_limit_s)
        self.said[status_text(model.problem)] += 1
        if not found:
            return None
        own = tuple(next(one for one, run in some.items() if run.value() > 0.5) for some in model.runs)
        values = {variable.name: round(variable.value()) for variable in model.problem.variables()}
        money, given = self._money(model, costs)
        capital = self.capital
        standing = {number: one.nodes for number, one in enumerate(capital.cohorts) if one.nodes is not None}
        return Purchases(
            own=own,
            bought={**standing, **{number: values[buy.name] for number, buy in model.buys.items()}},
            sold={key: values[sell.name] for key, sell in model.sells.items() if values[sell.name]},
            usd=math.fsum([given, *(values[one.name] * usd for one, usd in money)]),
        )
