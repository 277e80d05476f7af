"""Names that are not known: which known ones were probably meant.

Users write what a thing is (``opex``, ``cpus``, ``price``), and the key says more (``opex_usd_per_year``) or uses
another word (``cores``).  So words are compared before letters are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from functools import lru_cache

SAME_WORDS: tuple[tuple[str, ...], ...] = (
    ("core", "cpu", "ncpu", "vcpu", "proc", "processor", "slot"),
    ("memory", "mem", "ram"),
    ("gpu", "ngpu", "accelerator"),
    ("node", "nnode", "host", "server"),
    ("power", "watt"),
    ("usd", "dollar"),
    ("electricity", "energy"),
    ("submit", "submitted", "submission", "queued"),
    ("eligible", "ready"),
    ("start", "started", "begin"),
    ("end", "ended", "finish", "finished", "completed"),
    ("run", "runtime", "elapsed", "duration"),
    ("estimate", "walltime", "timelimit", "wallclock", "limit"),
    ("user", "username"),
    ("group", "account", "project"),
    ("status", "state"),
    ("statistic", "percentile"),
)
"""Words of which users mean the same, without the s of the plural."""

_CANONICAL = {word: words[0] for words in SAME_WORDS for word in words}
_LONGEST = 60
"""Of longer names only the beginning is compared."""
_TYPO, _ALIKE = 0.8, 0.5
"""Shares of letters in order from which two names differ by a typing error, and from which they are alike at all."""


@lru_cache(maxsize=1000)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name, in small letters, those that mean the same as one.

    Examples
    --------
    >>> words("opex_usd_per_year"), words("ReqCPUS"), words("num-cores")
    (('opex', 'usd', 'per', 'year'), ('req', 'core'), ('num', 'core'))
    """
    parts = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|\d+", name[:_LONGEST])
    singular = [part.lower().removesuffix("s") or part.lower() for part in parts]
    return tuple(_CANONICAL.get(part, part) for part in singular)


def by_words(name: str, known: Collection[str]) -> list[str]:
    """Return which known names were probably meant, by their words; at most three equally likely ones.

    First names that differ by a typing error, then those of the same words, those that begin with them or with the same
    letters, those that have all of them, those that have nothing but them, and those that begin with the first of them.
    """
    name = name[:_LONGEST]
    lower = {one.lower(): one for one in known}
    if typed := difflib.get_close_matches(name.lower(), list(lower), 1, _TYPO):
        return [lower[typed[0]]]
    asked = words(name)
    if not asked:
        return []
    theirs = {one: words(one) for one in known}
    tests = (
        [one for one in known if theirs[one] == asked],
        [one for one in known if theirs[one][: len(asked)] == asked],
        [one for one in known if len(name) > 2 and one.lower().startswith(name.lower())],
        [one for one in known if set(asked) <= set(theirs[one])],
        [one for one in known if theirs[one] and set(theirs[one]) <= set(asked)],
        [one for one in known if theirs[one][:1] == asked[:1]],
    )
    return next((found[:3] for found in tests if found), [])


def nearest(name: str, known: Collection[str]) -> list[str]:
    """Return which known names were probably meant, by their words, else by their letters; none if nothing is like it.

    Examples
    --------
    >>> nearest("opex", ["capex_usd", "opex_usd_per_year"]), nearest("ndoes", ["name", "nodes"])
    (['opex_usd_per_year'], ['nodes'])
    >>> nearest("cpus", ["cores", "memory", "gpus"]), nearest("power", ["idle_power", "busy_power", "pue"])
    (['cores'], ['idle_power', 'busy_power'])
    """
    lower = {one.lower(): one for one in known}
    letters = difflib.get_close_matches(name[:_LONGEST].lower(), list(lower), 1, _ALIKE)
    return by_words(name, known) or [lower[one] for one in letters]


def did_you_mean(near: Collection[str]) -> str:
    """Return ``did you mean 'x'?`` of the names that were probably meant; empty if there are none."""
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""
