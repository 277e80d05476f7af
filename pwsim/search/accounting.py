"""Every setup of a space accounted for: a list of all, and why each is not cheaper than what was claimed.

This is the other half of a search, and shares no loop with it: no order, no heap, no solver.  All setups are listed, in
pieces that fit into memory, and each must be one of: replayed; with too few cores; sure to miss a target; at least as
dear as claimed.  What is none of them is a gap in the proof.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from pwsim.cluster import Cluster
from pwsim.metrics import Booleans
from pwsim.search.additive import Sums
from pwsim.search.bounds import Bounds
from pwsim.search.candidates import Candidates
from pwsim.search.master import Master
from pwsim.search.options import AllBounds, Place, many, options
from pwsim.search.routing import Network, Path
from pwsim.search.trail import TIE
from pwsim.trace import Floats, Integers

MOST_LISTED = 100_000_000
"""Choices of nodes that are listed one by one at most."""
PIECE = 1 << 18
"""Choices that are looked at at once."""
MOST_NAMED = 5
"""Setups that nothing accounts for which are named."""

REASONS = {
    "replayed_and_missed": "replayed, a target missed",
    "replayed_and_dearer": "replayed, no cheaper",
    "too_few_cores": "too few cores for the targets",
    "miss_a_target": "a target missed by arithmetic",
    "at_least_as_dear": "no cheaper by arithmetic",
}
"""Why setups are accounted for, in words, in the order in which that is asked."""


class Account(NamedTuple):
    """What accounts for the setups of a space."""

    by_reason: dict[str, int]
    """Setups by key of :data:`REASONS`."""
    left: tuple[Place, ...]
    """Some that nothing accounts for."""
    left_in_all: int
    """How many these are."""


class Claimed(NamedTuple):
    """What is claimed of all setups."""

    usd_per_year: float
    """No setup that meets the targets costs less; infinite if none meets them."""
    replayed: Mapping[Place, float]
    """Cost of each setup that was replayed [USD a year]; NaN if it misses a target."""
    allowed_usd_per_year: float = math.inf
    """What targets let a setup cost."""

    def is_dear(self, usd_per_year: float | Floats) -> Booleans:
        """Return whether costs are not below what is claimed, up to a rounding."""
        dear: Booleans = np.greater_equal(usd_per_year, self.usd_per_year * (1 - TIE))
        return dear

    def is_forbidden(self, usd_per_year: float | Floats) -> Booleans:
        """Return whether costs are above what targets allow, up to a rounding."""
        forbidden: Booleans = np.greater(usd_per_year, self.allowed_usd_per_year * (1 + TIE))
        return forbidden


class _Tally:
    """Counts setups by reason, the first that holds."""

    def __init__(self) -> None:
        self.by_reason: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self.left: list[Place] = []
        self.left_in_all = 0

    def replayed(self, claimed: Claimed) -> None:
        """Count the setups that were replayed."""
        for place, usd in claimed.replayed.items():
            if math.isnan(usd):
                self.by_reason["replayed_and_missed"] += 1
            elif claimed.is_dear(usd):
                self.by_reason["replayed_and_dearer"] += 1
            else:
                self.leave(place)

    def leave(self, place: Place) -> None:
        self.left_in_all += 1
        if len(self.left) < MOST_NAMED:
            self.left.append(place)

    def take(self, open_: Booleans, reason: str, holds: Booleans) -> Booleans:
        """Count those of the open setups for which a reason holds, and return the others."""
        self.by_reason[reason] += int(np.count_nonzero(open_ & holds))
        return open_ & ~holds

    def account(self) -> Account:
        return Account(dict(self.by_reason), tuple(self.left), self.left_in_all)


def _pieces(choices: tuple[int, ...]) -> Iterator[Integers]:
    """Yield all choices of nodes in pieces, each of shape (pools, choices)."""
    for begin in range(0, math.prod(choices), PIECE):
        places = np.arange(begin, min(begin + PIECE, math.prod(choices)))
        yield np.array(np.unravel_index(places, choices))


def _replayed_in(piece: Integers, choices: tuple[int, ...], procedure: int, claimed: Claimed) -> Booleans:
    """Return which choices of a piece were replayed under a procedure, shape (choices,)."""
    first = int(np.ravel_multi_index(tuple(piece[:, 0]), choices))
    found = np.zeros(piece.shape[1], dtype=bool)
    for choice, under in claimed.replayed:
        place = int(np.ravel_multi_index(choice, choices)) - first
        if under == procedure and 0 <= place < len(found):
            found[place] = True
    return found


def _cores(cluster: Cluster, piece: Integers) -> Floats:
    """Return the sum of nodes × cores × speed of choices, shape (choices,)."""
    sizes = (np.array([one.capacity for one in options(pool)]) for pool in cluster.pools)
    cores: Floats = np.sum([size[one] for size, one in zip(sizes, piece, strict=True)], axis=0)
    return cores


def by_pool(cluster: Cluster, known: AllBounds, network: Network, sums: Sums, claimed: Claimed) -> Account:
    """Account for all setups where pools do not meet: by sums of what is known of their pools.

    Parameters
    ----------
    cluster, known, network
        What was searched.
    sums
        What each arc costs and adds to the rows of targets, by replays that were done again, or at least.
    claimed
        What is to be shown.
    """
    tally, choices, limits = _Tally(), network.choices, sums.limits
    tally.replayed(claimed)
    ends = np.array([arc.end for arc in network.arcs])
    for piece in _pieces(choices):
        arcs, begin, base = [], np.zeros(piece.shape[1], dtype=np.int64), 0
        for pool, count in enumerate(choices):
            arcs.append(base + begin * count + piece[pool])
            begin = ends[arcs[-1]]
            base += len(network.sets[pool]) * count
        few = _cores(cluster, piece) < known.needed_cores
        for procedure in range(len(cluster.procedures)):
            open_ = ~_replayed_in(piece, choices, procedure, claimed)
            open_ = tally.take(open_, "too_few_cores", few)
            for amounts, limit in zip(sums.amounts, limits, strict=True):
                amount = np.sum([amounts[procedure, one] for one in arcs], axis=0)
                open_ = tally.take(open_, "miss_a_target", amount > limit)
            usd = np.sum([sums.usd[procedure, one] for one in arcs], axis=0)
            open_ = tally.take(open_, "miss_a_target", claimed.is_forbidden(usd))
            open_ = tally.take(open_, "at_least_as_dear", claimed.is_dear(usd))
            for one in np.flatnonzero(open_):
                tally.leave((tuple(piece[:, one].tolist()), procedure))
    return tally.account()


def by_programme(cluster: Cluster, known: AllBounds, network: Network, sums: Sums, claimed: Claimed) -> Account:
    """Account for a space that is too large to be listed where pools do not meet: the programme is solved again."""
    tally, master = _Tally(), Master(cluster, network, known.needed_cores, sums)
    tally.replayed(claimed)
    for choice, procedure in claimed.replayed:
        master.take_out(Path(procedure, network.path(choice)))
    if math.isfinite(known.needed_cores) and (path := master.cheapest()) is not None:
        usd = math.fsum(sums.usd[path.procedure, list(path.arcs)])
        if not (claimed.is_dear(usd) or claimed.is_forbidden(usd)):
            tally.leave((tuple(network.arcs[arc].choice for arc in path.arcs), path.procedure))
    return tally.account()


def by_variant(
    cluster: Cluster, known: AllBounds, claimed: Claimed, way: Callable[[Cluster, Bounds, Claimed], Account]
) -> Account:
    """Account for all setups where whole ones were replayed: for each choice of types by itself, in a way."""
    by_reason, left, left_in_all = Counter(dict.fromkeys(REASONS, 0)), list[Place](), 0
    types = [many(pool) for pool in cluster.pools]
    for one in known.variants:
        mine = {
            (tuple(place // some for place, some in zip(choice, types, strict=True)), procedure): usd
            for (choice, procedure), usd in claimed.replayed.items()
            if known.of_types(choice) is one
        }
        found = way(one.cluster, one.bounds, claimed._replace(replayed=mine))
        by_reason.update(found.by_reason)
        left_in_all += found.left_in_all
        for choice, procedure in found.left:
            told = zip(choice, types, one.types, strict=True)
            left.append((tuple(place * some + kind for place, some, kind in told), procedure))
    return Account(dict(by_reason), tuple(left[:MOST_NAMED]), left_in_all)


def by_setup(cluster: Cluster, known: Bounds, claimed: Claimed) -> Account:
    """Account for all setups where whole ones were replayed: by their bounds on cost and service."""
    tally, choices = _Tally(), tuple(len(pool.nodes) for pool in cluster.pools)
    tally.replayed(claimed)
    procedures = range(len(cluster.procedures))
    for piece in _pieces(choices):
        few = _cores(cluster, piece) < known.needed_cores
        usd = np.sum([cost[one] for cost, one in zip(known.cost_usd_per_year, piece, strict=True)], axis=0)
        open_ = [~_replayed_in(piece, choices, procedure, claimed) for procedure in procedures]
        for procedure in procedures:
            open_[procedure] = tally.take(open_[procedure], "too_few_cores", few)
            open_[procedure] = tally.take(open_[procedure], "miss_a_target", claimed.is_forbidden(usd))
            open_[procedure] = tally.take(open_[procedure], "at_least_as_dear", claimed.is_dear(usd))
        for one in np.flatnonzero(np.any(open_, axis=0)).tolist():  # these take longer to tell
            choice = tuple(piece[:, one].tolist())
            under = [procedure for procedure in procedures if open_[procedure][one]]
            if _rejects_too_much(known, choice) or claimed.is_forbidden(known.usd_of(choice)):
                tally.by_reason["miss_a_target"] += len(under)
            elif claimed.is_dear(known.usd_of(choice)):
                tally.by_reason["at_least_as_dear"] += len(under)
            else:
                for procedure in under:
                    tally.leave((choice, procedure))
    return tally.account()


def by_order(cluster: Cluster, known: Bounds, claimed: Claimed) -> Account:
    """Account for a space that is too large to be listed: all below the claimed cost, in the order of the search."""
    tally, candidates = _Tally(), Candidates(cluster, known)
    tally.replayed(claimed)
    while (candidate := candidates.take()) is not None:
        if claimed.is_dear(candidate.bound_usd_per_year) or claimed.is_forbidden(candidate.bound_usd_per_year):
            break
        for place in itertools.product([candidate.choice], range(len(cluster.procedures))):
            if place not in claimed.replayed:
                tally.leave(place)
    return tally.account()


def _rejects_too_much(known: Bounds, choice: tuple[int, ...]) -> bool:
    """Return whether a choice of nodes leaves more jobs, or work, without a pool than targets allow."""
    left = np.all(known.job_classes > np.array(choice), axis=1)
    return bool(
        known.job_class_counts[left].sum() > known.rejected_at_most
        or known.job_class_work_shares[left].sum() > known.rejected_work_at_most
    )
