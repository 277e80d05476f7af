"""Decisions on draws: by hand, against a plain reading of the rule, and the error over a whole search, measured."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import InputError, Target
from pwsim.search.decided import Decided
from pwsim.search.replications import Replications, faults, share_of
from pwsim.search.sequential import Sequential


def by_the_book(setups: list[list[bool]], rule: tuple[str, str, str], n: int) -> list[tuple[int, int, str]]:
    """Return draws, draws met and decision of each setup until one is accepted, with ratios as exact fractions."""
    s, m, e = map(Fraction, rule)  # share, margin, error
    hit, miss = s / (s - m), (1 - s) / (1 - s + m)
    screening, left, undecided, found = n // 10, 0, 0, []
    for held in setups:
        ratio, later, screened_out = Fraction(1), Fraction(1), False
        decision, number = "undecided", 0
        refuse, accept = e / ((undecided + 1) * (undecided + 2)), None
        for number in range(1, n + 1):
            factor = hit if held[number - 1] else miss
            ratio *= factor
            if ratio <= refuse:
                decision = "refused"
                break
            if number <= screening:
                screened_out = screened_out or ratio <= e / 2
                continue
            if number == screening + 1 and not screened_out:
                left += 1
                accept = left * (left + 1) / e
            later *= factor
            if accept is not None and later >= accept:
                decision = "accepted"
                break
            rest = n - number
            may_accept = accept is not None and later * hit**rest >= accept
            if not may_accept and not (rest and ratio * miss**rest <= refuse):
                break
        found.append((number, sum(held[:number]), decision))
        if decision == "accepted":
            break
        undecided += decision == "undecided"
    return found


@given(
    n=st.integers(1, 40),
    rule=st.sampled_from([("0.5", "0.3", "0.3"), ("0.9", "0.4", "0.2"), ("1", "0.5", "0.25"), ("0.75", "0.5", "0.01")]),
    chances=st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.7, 0.9, 1.0]), min_size=1, max_size=6),
    seed=st.integers(0, 10_000),
)
def test_it_decides_as_the_rule_says(n, rule, chances, seed):
    share, margin, error = rule
    drawn = np.random.default_rng(seed).random((len(chances), n))
    setups = [(drawn[index] < chance).tolist() for index, chance in enumerate(chances)]
    told = Sequential(float(share), Replications(by=["seed"], n=n, margin=float(margin), error=float(error)))
    expected = by_the_book(setups, rule, n)
    found = [told.decide(held)[:3] for held in setups[: len(expected)]]
    assert found == expected


def test_no_more_draws_are_asked_for_than_it_takes():
    asked = itertools.count()
    decided = Sequential(0.95, Replications(by=["seed"])).decide(next(asked) < 0 for _ in range(200))
    assert (decided, next(asked)) == (Decided(6, 0, "refused"), 6)  # 0.025 is above 2 ** -6


def test_where_a_setup_must_always_hold_one_miss_refuses_it():
    drawn = Replications(by=["seed"], n=100)
    assert Sequential(1.0, drawn).decide([True] * 50 + [False] * 50) == Decided(51, 50, "refused")
    assert Sequential(1.0, drawn).decide([True] * 100) == Decided(
        82, 82, "accepted"
    )  # 10 screen, and 0.95 ** 72 is below 0.025


def test_setups_that_clearly_miss_cost_the_others_nothing():
    """However many are refused by the screening, the next is accepted by as few draws as if it were the first."""
    rule = Sequential(0.95, Replications(by=["seed"]))
    alone = rule.decide([True] * 200)
    others = Sequential(0.95, Replications(by=["seed"]))
    for _ in range(1000):
        assert others.decide([False] * 200).decision == "refused"
    assert others.decide([True] * 200) == alone


def wrong(chances: list[float], replications: Replications, share: float, seed: int, common: bool) -> tuple[bool, bool]:
    """Return whether a search over setups of known chances accepts, or refuses, one that it must not."""
    random = np.random.default_rng(seed)
    rule, fate = Sequential(share, replications), random.random(replications.n)
    accepted = refused = False
    for chance in chances:
        held = (fate if common else random.random(replications.n)) < chance
        decision = rule.decide(held.tolist()).decision
        accepted |= decision == "accepted" and chance <= share - replications.margin
        refused |= decision == "refused" and chance >= share
        if decision == "accepted":
            break
    return accepted, refused


SPACES: dict[str, list[float]] = {
    "all just below the margin": [0.9] * 40,
    "all just good enough": [0.95] * 40,
    "both": [0.9] * 10 + [0.95] * 5,
    "from bad to good": [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.93, 0.95, 0.97, 0.99],
    "many that clearly miss": [0.2] * 200 + [0.9] * 5 + [0.97],
}


def measured(trials: int, spaces: dict[str, list[float]], **told: Any) -> dict[str, tuple[float, float]]:
    """Return in what share of trials a search accepts and refuses wrongly, the worse of two kinds of luck."""
    replications = Replications(by=["seed"], **told)
    found = {}
    for name, chances in spaces.items():
        each = [
            np.mean([wrong(chances, replications, 0.95, seed, common) for seed in range(trials)], axis=0)
            for common in (False, True)
        ]
        worst = np.max(each, axis=0)
        found[name] = (float(worst[0]), float(worst[1]))
    return found


def test_errors_over_a_whole_search_are_as_stated():
    """A quick look: a true chance of 5 % gives more than 11 of 80 once in a thousand times."""
    spaces = {"just below the margin": [0.9] * 5, "both": [0.9] * 3 + [0.95] * 3}
    for accepted, refused in measured(80, spaces).values():
        assert max(accepted, refused) <= 11 / 80


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 2000])
@pytest.mark.parametrize("error", [0.05, 0.2])
def test_errors_over_500_searches_are_as_stated(n, error):
    """A true chance of 5 % gives more than 41 of 500 once in a thousand times; of 20 %, more than 129."""
    most = {0.05: 41, 0.2: 129}[error]
    for accepted, refused in measured(500, SPACES, n=n, error=error).values():
        assert max(accepted, refused) <= most / 500


def test_what_is_asked_must_go_with_what_is_drawn():
    often = Target(metric="wait_s", statistic="p95", at_most=60, in_share=0.9)
    oftener = Target(metric="turnaround_s", statistic="p95", at_most=60, in_share=0.95)
    firm = Target(metric="jobs_failed", at_most=0)
    assert (share_of([firm]), share_of([firm, often, oftener])) == (None, 0.95)
    assert faults([firm], None) == []
    [(key, message)] = faults([firm, often], None)
    assert key == "targets.1.in_share"
    assert "add `replications: {by: [seed, shake, weeks]}`" in message
    [(key, message)] = faults([often], Replications(margin=0.9))
    assert (key, message) == (
        "replications.margin",
        "must be below the share that targets.0.in_share asks, 0.9 (got 0.9)",
    )
    [(key, message)] = faults([firm, oftener], Replications(n=75))
    assert key == "replications.n"
    assert message.startswith("75 draws cannot show that a setup holds in a share of 0.95, with margin 0.05")
    assert "write 76 at least" in message
    assert faults([firm, oftener], Replications(n=76)) == []
    assert Sequential(0.95, Replications(n=76)).decide([True] * 76).decision == "accepted"
    assert Sequential(0.95, Replications(n=75)).decide([True] * 75).decision == "undecided"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"by": ["seed", "seed"]}, "seed occurs twice"),
        ({"by": ["luck"]}, "luck"),
        ({"by": []}, "by"),
        ({"n": 0}, "n"),
        ({"margin": 0.0}, "margin"),
        ({"error": 1.0}, "error"),
    ],
)
def test_draws_that_make_no_sense_are_refused(told, message):
    with pytest.raises(InputError, match=message):
        Replications(**told)


@pytest.mark.parametrize("share", [0.0, 1.5, -1])
def test_a_share_is_a_share(share):
    with pytest.raises(InputError, match="in_share"):
        Target(metric="wait_s", statistic="p95", at_most=60, in_share=share)
