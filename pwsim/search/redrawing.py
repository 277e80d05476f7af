"""Decisions on draws made again: by the same rule, of replays that are done anew."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pwsim.search.again import Again
from pwsim.search.claims import Claim
from pwsim.search.decided import Decided
from pwsim.search.evidence import Evidence
from pwsim.search.fates import Achieved
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.options import Place, order_of
from pwsim.search.replications import share_of
from pwsim.search.sequential import Sequential
from pwsim.search.targets import Target
from pwsim.search.trail import TIE

Draws = Callable[[Sequence[int]], list[tuple[bool, ...]]]
"""Gives for draws which targets a setup meets."""


class Redrawn:
    """Draws of setups replayed anew, each once.

    Parameters
    ----------
    judge, again
        The question, and what does replays anew.
    measured
        All targets that are decided on draws; only what they measure counts, not their limits.
    """

    def __init__(self, judge: Judge, again: Again, measured: Sequence[Target]) -> None:
        once = {one.about: one for one in measured if one.in_share is not None}
        self._index = {about: place for place, about in enumerate(once)}
        self._judge, self._again = replace(judge, targets=tuple(once.values())), again
        self._known: dict[tuple[Place, int], Achieved] = {}

    def met(self, targets: Sequence[Target], place: Place, numbers: Sequence[int]) -> list[tuple[bool, ...]]:
        """Return for draws which of some targets a setup meets."""
        new = [one for one in numbers if (place, one) not in self._known]
        for number, achieved in zip(new, self._again.draws(self._judge, place, new), strict=True):
            self._known[place, number] = achieved
        return [
            tuple(one.met(self._known[place, number][self._index[one.about]]) for one in targets) for number in numbers
        ]


class Decisions:
    """What draws decide of setups, for the answer and for each point of a frontier.

    Parameters
    ----------
    judge, evidence
        The question, and what the replays of the log show.
    measured
        All targets that any claim is about.
    """

    def __init__(self, judge: Judge, evidence: Evidence, measured: Sequence[Target]) -> None:
        self._judge, self._evidence = judge, evidence
        self._redrawn = Redrawn(judge, evidence.again, measured)
        self._by_targets: dict[tuple[Target, ...], dict[Place, Decided]] = {}
        self._of_points: dict[str, dict[Place, Decided]] = {}
        self._refused: dict[Place, Decided] = {}
        """What was refused at looser points."""
        self._is_lost = False
        """Whether the point before has no setup."""
        self._took: Mapping[Place, int] = {}

    @property
    def of_answer(self) -> dict[Place, Decided]:
        """What is decided of setups for the answer, of those that were drawn."""
        return self._by_targets.get(self._judge.targets, {})

    def of(self, claim: Claim) -> dict[Place, Decided]:
        """Return what is decided of setups for a claim."""
        return self._of_points.get(claim.where, self.of_answer)

    def decide_answer(self, took: Mapping[Place, int], *, cut: bool) -> dict[str, int]:
        """Decide setups for the answer, as :func:`decided_again`; return how many were, and on how many draws."""
        self._took = took
        drawn = self._decide(self._judge.targets, cut=cut)
        return {"setups_drawn": len(drawn), "draws": sum(one.draws for one in drawn.values())}

    def decide_point(self, told: Mapping[str, Any], claim: Claim) -> None:
        """Decide setups for a point of the frontier, after all that are looser.

        One that is told to be cut short rests on what was decided below its bound; one that is told to have no setup,
        as the one before it has none, rests on that.
        """
        if share_of(claim.targets) is None:
            return
        own: dict[Place, Decided] = {}
        if not self._is_lost:
            cut = told["stopped"] in ("time_limit", "interrupted")
            below = told["lower_bound_usd_per_year"] or 0.0 if cut else math.inf
            own = self._decide(claim.targets, below_usd_per_year=below)
        self._is_lost = told["status"] == "infeasible"
        self._of_points[claim.where] = {**self._refused, **own}
        self._refused |= {place: one for place, one in own.items() if one.decision == "refused"}

    def _decide(self, targets: tuple[Target, ...], **how: Any) -> dict[Place, Decided]:
        if targets not in self._by_targets:
            judge, seen = replace(self._judge, targets=targets), self._evidence.judged(targets)
            found = decided_again(judge, self._redrawn, seen, self._took, **how)
            drawn = {
                place: one.decided for place, one in found.items() if one.decided is not None and one.decided.draws
            }
            self._by_targets[targets] = drawn
        return self._by_targets[targets]


def decided_again(
    judge: Judge,
    redrawn: Redrawn,
    seen: Mapping[Place, Evaluation],
    draws: Mapping[Place, int],
    *,
    cut: bool = False,
    below_usd_per_year: float = math.inf,
) -> dict[Place, Evaluation]:
    """Return the judgement of setups with what draws decide of them, in the order of their cost, until one is accepted.

    Parameters
    ----------
    judge, redrawn
        The question, and what replays draws anew.
    seen
        The setups that the search replayed, judged on the log.
    draws
        How many draws the search says that each took: so many are replayed at once, and more if the rule needs them.
    cut
        Whether the search says that it ran out of time: then setups that it did not draw are left.
    below_usd_per_year
        Only setups that cost less are decided [USD a year].
    """
    share = share_of(judge.targets)
    if share is None or judge.replications is None:
        return dict(seen)
    rule, found = Sequential(share, judge.replications), dict(seen)
    left = {place: one for place, one in seen.items() if one.met}
    while left:
        place = _next(judge, left)
        one = left.pop(place)
        if one.cost_usd_per_year >= below_usd_per_year or (cut and not draws[place]):
            break
        decided = _decided(partial(redrawn.met, judge.shared, place), rule, draws.get(place, 0))
        found[place] = replace(one, decided=decided)
        if decided.decision == "accepted":
            break
    return found


def _next(judge: Judge, left: Mapping[Place, Evaluation]) -> Place:
    """Return the cheapest setup; of those that cost as much, the one that is to be preferred."""
    most = min(one.cost_usd_per_year for one in left.values()) * (1 + TIE)
    tied = [place for place, one in left.items() if one.cost_usd_per_year <= most]
    return min(tied, key=lambda place: (*order_of(judge.cluster, place[0]), place[1]))


def _decided(draws: Draws, rule: Sequential, told: int) -> Decided:
    """Decide a setup that is said to have taken so many draws."""
    seen: list[Any] = []

    def held() -> Iterator[bool]:
        for met in _drawn(draws, told, rule.replications.n):
            seen.append(met)
            yield all(met)

    decided = rule.decide(held())
    return decided._replace(by_target=tuple(map(sum, zip(*seen, strict=True))))


def _drawn(draws: Draws, told: int, n: int) -> Iterator[tuple[bool, ...]]:
    told = min(max(told, 0), n)
    yield from draws(range(1, told + 1))
    yield from itertools.chain.from_iterable(draws([number]) for number in range(told + 1, n + 1))
