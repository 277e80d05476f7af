"""All paths through the routing sets at once, where there are not too many: the same answers as :mod:`.master`.

A search asks again and again for the cheapest setup that nothing excludes.  Up to some millions of setups, sums over
all of them take less time than an integer programme, and they are exact; beyond, the programme is asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pwsim.cluster import Cluster
from pwsim.search.additive import Sums
from pwsim.search.options import options
from pwsim.search.routing import Network, Path
from pwsim.trace import Floats, Integers

MOST_LISTED = 4_000_000
"""Setups that are listed at most."""


class Listing:
    """All setups, by the choices of the pools in their order, then by procedure; parameters as of :class:`.Master`."""

    def __init__(self, cluster: Cluster, network: Network, needed_cores: float, sums: Sums) -> None:
        self.network, self.sums = network, sums
        self.at_most = sums.limits  # as in the programme, a row is met up to a rounding of the sum
        self._arcs = self._arcs_by_pool()
        self._taken: set[int] = set()
        self._summed: tuple[tuple[bytes, bytes, int], Floats] | None = None
        self._types = [max(1, len(pool.types)) for pool in cluster.pools]
        self._open = np.ones((*network.choices, len(sums.usd)), dtype=bool)
        if needed_cores:
            size = [np.array([one.capacity for one in options(pool)]) for pool in cluster.pools]
            cores = np.zeros(())
            for one in size:
                cores = np.add.outer(cores, one)
            self._open &= np.greater_equal(cores, needed_cores)[..., np.newaxis]
        self._enough = self._open.copy()

    def _arcs_by_pool(self) -> list[Integers]:
        """Return the number of the arc of each pool by the choices of it and of the pools before."""
        found: list[Integers] = []
        begin = np.zeros((), dtype=np.int64)
        ends = np.array([arc.end for arc in self.network.arcs])
        base = 0
        for pool, count in enumerate(self.network.choices):
            found.append(base + begin[..., np.newaxis] * count + np.arange(count))
            base += len(self.network.sets[pool]) * count
            begin = ends[found[-1]]
        return found

    def _sum(self, values: Floats) -> Floats:
        """Return the sum of values of arcs over each path, shape (choices of each pool, procedures)."""
        total = np.zeros(len(values))
        for arcs in self._arcs:
            total = total[..., np.newaxis, :] + values.T[arcs]
        return total

    def _usd(self) -> Floats:
        """Return the cost of each path, infinite if something excludes it; to be read, for it is summed up once."""
        of = self.sums.usd.tobytes(), self.sums.amounts.tobytes(), len(self._taken)
        if self._summed is None or self._summed[0] != of:
            usd = np.where(self._open, self._sum(self.sums.usd), np.inf)
            for amounts, limit in zip(self.sums.amounts, self.at_most, strict=True):
                usd[self._sum(amounts) > limit] = np.inf
            self._summed = of, usd
        return self._summed[1]

    def take_out(self, path: Path) -> None:
        """Exclude a path from now on."""
        place = (*self._choice(path), path.procedure)
        self._open[place] = False
        self._taken.add(int(np.ravel_multi_index(place, self._open.shape)))

    def cheapest(self) -> Path | None:
        """Return the cheapest path that nothing excludes; ``None`` if there is none."""
        usd = self._usd()
        place = int(np.argmin(usd))
        return None if math.isinf(usd.flat[place]) else self._path(place)

    def dearest_with(self, pool: int, choice: int, usd_below: float) -> Path | None:
        """Return the dearest path that costs less, has a choice of a pool and cores enough, and is not judged."""
        usd = np.where(self._enough, self._sum(self.sums.usd), np.inf)
        here = np.moveaxis(usd, pool, 0)[choice]
        if not (here < usd_below).any():
            return None
        most = np.full(usd.shape, -np.inf)
        np.moveaxis(most, pool, 0)[choice] = np.where(here < usd_below, here, -np.inf)
        place = int(np.argmax(most))
        return None if place in self._taken else self._path(place)

    def left(self, usd_at_most: float) -> int:
        """Return how many paths nothing excludes that cost no more, or any amount if it is NaN."""
        usd = self._usd()
        return int(np.count_nonzero(usd <= (np.finfo(float).max if math.isnan(usd_at_most) else usd_at_most)))

    def earlier(self, best: Path, usd_at_most: float) -> Path | None:
        """Return a path that costs no more and is to be taken rather than the best; ``None`` if there is none."""
        places = np.flatnonzero(self._usd() <= usd_at_most)
        if not len(places):
            return None
        *choice, procedure = np.unravel_index(places, self._open.shape)
        first = int(np.lexsort((procedure, *reversed(self._order(choice))))[0])
        found = self._path(int(places[first]))
        return found if self._rank(found) < self._rank(best) else None

    def _order(self, choice: Sequence[Any]) -> list[Any]:
        """Return what decides between choices of equal cost: nodes of the pools, then their types."""
        both = [(one // many, one % many) for one, many in zip(choice, self._types, strict=True)]
        return [*(nodes for nodes, _ in both), *(place for _, place in both)]

    def _rank(self, path: Path) -> tuple[int, ...]:
        return (*self._order(self._choice(path)), path.procedure)

    def _choice(self, path: Path) -> tuple[int, ...]:
        return tuple(self.network.arcs[arc].choice for arc in path.arcs)

    def _path(self, place: int) -> Path:
        *choice, procedure = (int(one) for one in np.unravel_index(place, self._open.shape))
        return Path(procedure, self.network.path(choice))
