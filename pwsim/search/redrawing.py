"""Decisions on draws made again: by the same rule, of replays that are done anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pwsim.search.accounting import Place
from pwsim.search.again import Again
from pwsim.search.decided import Decided
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.options import order_of
from pwsim.search.replications import share_of
from pwsim.search.sequential import Sequential
from pwsim.search.trail import TIE


def decided_again(
    judge: Judge, again: Again, seen: Mapping[Place, Evaluation], draws: Mapping[Place, int], *, cut: bool
) -> dict[Place, Evaluation]:
    """Return the judgement of setups with what draws decide of them, in the order of their cost, until one is accepted.

    Parameters
    ----------
    judge, again
        The question, and what does replays anew.
    seen
        The setups that the search replayed, judged on the log.
    draws
        How many draws the search says that each took: so many are replayed at once, and more if the rule needs them.
    cut
        Whether the search says that it ran out of time: then setups that it did not draw are left.
    """
    share = share_of(judge.targets)
    if share is None or judge.replications is None:
        return dict(seen)
    rule, found = Sequential(share, judge.replications), dict(seen)
    left = {place: one for place, one in seen.items() if one.met}
    while left:
        place = _next(judge, left)
        one = left.pop(place)
        if cut and not draws[place]:
            break
        decided = _decided(again, rule, place, draws[place])
        found[place] = replace(one, decided=decided)
        if decided.decision == "accepted":
            break
    return found


def _next(judge: Judge, left: Mapping[Place, Evaluation]) -> Place:
    """Return the cheapest setup; of those that cost as much, the one that is to be preferred."""
    most = min(one.cost_usd_per_year for one in left.values()) * (1 + TIE)
    tied = [place for place, one in left.items() if one.cost_usd_per_year <= most]
    return min(tied, key=lambda place: (*order_of(judge.cluster, place[0]), place[1]))


def _decided(again: Again, rule: Sequential, place: Place, told: int) -> Decided:
    """Decide a setup that is said to have taken so many draws."""
    seen: list[Any] = []

    def held() -> Iterator[bool]:
        for met in _draws(again, place, told, rule.replications.n):
            seen.append(met)
            yield all(met)

    decided = rule.decide(held())
    return decided._replace(by_target=tuple(map(sum, zip(*seen, strict=True))))


def _draws(again: Again, place: Place, told: int, n: int) -> Iterator[tuple[bool, ...]]:
    told = min(max(told, 0), n)
    yield from again.draws(place, range(1, told + 1))
    yield from itertools.chain.from_iterable(again.draws(place, [number]) for number in range(told + 1, n + 1))
