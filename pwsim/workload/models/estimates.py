"""What users ask for: Tsafrir, Etsion and Feitelson's model of run-time estimates.

Nearly nine in ten estimates are one of some 20 round values, the longest that is allowed first among them; the rest
spread over many values that hardly anybody uses.  Estimates are then dealt out at random to jobs that they are long
enough for, which is what makes them as inaccurate as real ones.

All of the model's figures and formulas are here: the numbers of values, their times, their shares, and the dealing.
One thing is simpler: the model shuffles how popular the round values are within bounds seen in four logs; here one
of the four logs' orders is taken as it is.

References
----------
D. Tsafrir, Y. Etsion, D. G. Feitelson: Modeling user runtime estimates. JSSPP 2005, doi:10.1007/11605300_1, and the
model's own program on the web site of the Parallel Workloads Archive, from which the figures are taken.
"""

from __future__ import annotations

import numpy as np

from pwsim.common import HOUR_S
from pwsim.trace import Floats, Integers

HEAD_SHARE = 0.89
"""Share of jobs that use one of the popular values."""
HEAD_VALUES = 20
"""Popular values."""
HEAD_SIZES = (14.0491, -0.177531, 0.462513)
"""a, b, c: the value of popularity rank x = 2 to 20 is asked for by ``a exp(b x) + c`` percent of the jobs."""
TAIL_EXPONENT = -2.267
"""The value of popularity rank x from 21 on is asked for by a share in proportion to ``x`` to this power."""
TAIL_TIMES = (12.1039, -0.6026)
"""p, q: of K values, the one at a share x of the ranking by time is ``(a - 1) x / (a - x)`` of the longest allowed,
with ``a = 1 + p K ** q``."""
VALUES = ((0, 0), (20, 10), (200, 20), (1_000, 35), (10_000, 90), (70_000, 340), (250_000, 565))
"""Jobs, and the number of different values that they ask for; in between on a line."""
COMMON_S = 60.0 * np.array([5, 10, 15, 20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 720, 1080])
"""The values that are popular in all logs looked at [s]."""
ROUND_S = 60.0 * np.array([12_000, 6_000, 3_000, 600, 300, 120, 60, 20, 10, 5])
"""Multiples of these, from the longest allowed down, are popular next [s]."""
POPULARITY = {
    "SDSC": (3, 1, 4, 17, 13, 7, 8, 18, 2, 6, 16, 10, 5, 15, 14, 19, 11, 12, 9, 20),
    "CTC": (1, 3, 4, 2, 12, 9, 8, 18, 6, 7, 11, 20, 16, 5, 14, 13, 10, 15, 17, 19),
    "KTH": (1, 4, 10, 14, 20, 2, 3, 7, 12, 6, 19, 5, 18, 16, 9, 17, 15, 13, 8, 11),
    "Blue": (1, 6, 5, 3, 7, 2, 18, 19, 4, 11, 20, 9, 10, 14, 13, 16, 15, 17, 8, 12),
}
"""By log: popularity rank of the longest value allowed, then of the other popular values from the shortest on."""


def head_shares() -> Floats:
    """Return the share of jobs that ask for the popular value of each rank, shape (20,), largest first.

    Examples
    --------
    >>> head_shares().sum().round(2), head_shares()[0].round(3)  # the longest allowed: what is left of 89 %
    (np.float64(0.89), np.float64(0.217))
    """
    a, b, c = HEAD_SIZES
    ranks = np.arange(2, HEAD_VALUES + 1)
    others = (a * np.exp(b * ranks) + c) / 100
    return np.concatenate(([HEAD_SHARE - others.sum()], others))


def popular_values(longest_s: float) -> Floats:
    """Return the popular values: the longest allowed, then the others from the shortest on [s], at most 20."""
    values = [longest_s, *COMMON_S[longest_s > COMMON_S]]
    for step_s in ROUND_S:
        for value_s in np.arange(np.floor(longest_s / step_s) * step_s, 0, -step_s):
            if len(values) < HEAD_VALUES and value_s not in values:
                values.append(value_s)
    return np.array([values[0], *sorted(values[1:])])


def distribution(jobs: int, longest_s: float, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Return all values that jobs ask for [s], increasing, and the share of jobs that ask for each.

    Parameters
    ----------
    jobs
        Number of jobs; the more, the more different values.
    longest_s
        The longest that may be asked for [s].
    random
        Draws the order of popularity, and which values of the tail are less rare.
    """
    head_s = popular_values(longest_s)
    order = np.array(POPULARITY[list(POPULARITY)[int(random.integers(len(POPULARITY)))]])[: len(head_s)]
    head = np.sort(head_shares()[: len(head_s)])[::-1][np.argsort(np.argsort(order))]
    count = round(float(np.interp(jobs, *np.array(VALUES, dtype=np.float64).T)))
    p, q = TAIL_TIMES
    a = 1 + p * max(count, 1) ** q
    x = np.arange(1, max(count - len(head_s), 0) + 1) / max(count - len(head_s), 1)
    tail_s = np.setdiff1d(np.round((a - 1) * x / (a - x) * longest_s / 60) * 60, [0.0, longest_s, *head_s])
    tail = random.permutation((HEAD_VALUES + 1.0 + np.arange(len(tail_s))) ** TAIL_EXPONENT)
    tail *= (1 - HEAD_SHARE) / tail.sum() if len(tail) else 1
    values_s, shares = np.concatenate((head_s, tail_s)), np.concatenate((head, tail))
    increasing = np.argsort(values_s)
    return values_s[increasing], shares[increasing] / shares.sum()


def draw(run_s: Floats, longest_s: float, random: np.random.Generator) -> Floats:
    """Return an estimate for each job, at least its run time, shape (jobs,) [s].

    Parameters
    ----------
    run_s
        Run times, none above ``longest_s``, shape (jobs,) [s].
    longest_s
        The longest that may be asked for [s], at least an hour.
    random
        Source of random numbers.
    """
    assert longest_s >= HOUR_S
    values_s, shares = distribution(len(run_s), longest_s, random)
    longest_first = np.argsort(-run_s, kind="stable")
    wanted_s = np.sort(random.choice(values_s, size=len(run_s), p=shares))[::-1]
    # Where the estimates drawn do not cover the k longest jobs, the k-th takes the next value that does.
    enough_s = values_s[np.searchsorted(values_s, run_s[longest_first])]
    wanted_s = np.sort(np.maximum(wanted_s, enough_s))[::-1]
    estimate_s = np.empty(len(run_s))
    estimate_s[longest_first] = _dealt(run_s[longest_first], wanted_s, random)
    return estimate_s


def _dealt(run_s: Floats, estimates_s: Floats, random: np.random.Generator) -> Floats:
    """Deal estimates (decreasing) to jobs (by decreasing run time), each at random from those that are long enough."""
    fitting: Integers = np.searchsorted(-estimates_s, -run_s, side="right")  # so many are at least the run time
    places = (np.arange(len(run_s)) + random.random(len(run_s)) * (fitting - np.arange(len(run_s)))).astype(np.int64)
    left = estimates_s.tolist()
    for job, place in enumerate(places.tolist()):
        left[job], left[place] = left[place], left[job]
    return np.array(left)
