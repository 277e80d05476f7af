"""Broken rules must be noticed: each mutant of a rule or of an engine falls to the comparison with the reference.

A test suite that passes on a wrong scheduler is worth nothing, so each mutant of :mod:`tests.mutants` changes one line of
the source in a way that is easy to get wrong, and the generated cases have to tell.
``python -m tests.mutants [WORD...]`` prints what becomes of each.
"""

from __future__ import annotations

import pytest

from tests import mutants
from tests.mutants import NAMES


def never_ends(_: int) -> None:
    while True:
        pass


def test_a_mutant_that_never_ends_is_killed():
    assert mutants.verdict(0, never_ends, kill_s=1.0) == "noticed"


def test_every_mutant_is_of_the_source_as_it_stands():
    for _, module, old, new, _ in mutants.CASES:
        assert mutants.source(module, old, new)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(len(NAMES)), ids=NAMES)
def test_mutant_is_noticed(index):
    assert mutants.verdict(index) == "noticed"
