"""Which jobs come to which pool, for all choices of nodes at once: a network of routing sets.

A job goes to the first pool that accepts it and is large enough for it (semantics §5).  So which jobs come to a pool
depends on the choices of the pools before it, but only through the jobs that those hold; and many choices hold the
same.  A *routing set* is what is left for a pool and those after it; an *arc* is a choice of a pool's nodes at such a
set, and leads to the set that is left for the next pool.  A setup is a path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pwsim.metrics import Booleans
from pwsim.trace import Integers

MOST_ARCS = 200_000
"""With more, no model of the paths is stated."""


class Arc(NamedTuple):
    """A choice of a pool's nodes where a routing set is left."""

    pool: int
    """Index of the pool."""
    choice: int
    """Index of its choice of nodes."""
    begin: int
    """Number of the routing set that is left for the pool, among those of the pool."""
    end: int
    """Number of the set that is left for the next pool, among those of that."""
    held: bytes
    """Which classes of jobs the pool holds, packed: arcs of one choice with the same jobs have the same replay."""


class Path(NamedTuple):
    """A setup as a path."""

    procedure: int
    """Index of the procedure."""
    arcs: tuple[int, ...]
    """Number of the arc of each pool."""


class Network(NamedTuple):
    """All routing sets and arcs of the choices of a cluster."""

    choices: tuple[int, ...]
    """The number of choices of each pool: by nodes, then by type."""
    members: Integers
    """Class of each job, shape (jobs,): jobs that every choice treats alike are of one class."""
    sets: tuple[tuple[Booleans, ...], ...]
    """By pool, and at last behind all pools: the routing sets, each of shape (classes,)."""
    arcs: tuple[Arc, ...]
    """The arcs: by pool, of each by routing set, of each by choice."""

    def arc(self, pool: int, choice: int, begin: int) -> int:
        """Return the number of an arc."""
        choices = self.choices[pool]
        return sum(len(self.sets[one]) * self.choices[one] for one in range(pool)) + begin * choices + choice

    def path(self, choice: Sequence[int]) -> tuple[int, ...]:
        """Return the numbers of the arcs that a choice of nodes takes, by pool."""
        numbers: list[int] = []
        begin = 0
        for pool, one in enumerate(choice):
            numbers.append(self.arc(pool, one, begin))
            begin = self.arcs[numbers[-1]].end
        return tuple(numbers)

    def leading_to(self, arc: Arc) -> tuple[int, ...]:
        """Return choices of all pools under which the jobs of an arc come to its pool."""
        choice, begin = [0] * len(self.choices), arc.begin
        choice[arc.pool] = arc.choice
        for pool in reversed(range(arc.pool)):
            before = next(one for one in self.arcs if one.pool == pool and one.end == begin)
            choice[pool], begin = before.choice, before.begin
        return tuple(choice)

    def jobs(self, classes: Booleans) -> Booleans:
        """Return which jobs are of some classes, shape (jobs,)."""
        some: Booleans = classes[self.members]
        return some

    def held(self, arc: Arc) -> Booleans:
        """Return which jobs a pool holds, shape (jobs,)."""
        return self.packed(arc.held)

    def packed(self, classes: bytes) -> Booleans:
        """Return which jobs are of some classes, packed as :attr:`Arc.held` has them, shape (jobs,)."""
        bits = np.unpackbits(np.frombuffer(classes, dtype=np.uint8), count=len(self.sets[0][0]))
        return self.jobs(bits.astype(bool))


def network_of(first: Sequence[Integers], nodes: Sequence[int]) -> Network | None:
    """Return the network of routing sets; ``None`` if it has more than :data:`MOST_ARCS` arcs.

    Parameters
    ----------
    first
        By pool, for each job and type of node the place of the first number of nodes that holds the job, or how many
        numbers there are if none does, shape (jobs, types).
    nodes
        How many numbers of nodes each pool has to choose from.

    Examples
    --------
    Two jobs, two pools: the first pool holds the first job with any of its two choices, the second from the second on.

    >>> network = network_of([np.array([[0], [1]]), np.array([[0], [0]])], (2, 1))
    >>> [(arc.pool, arc.choice, arc.begin, arc.end) for arc in network.arcs]
    [(0, 0, 0, 0), (0, 1, 0, 1), (1, 0, 0, 0), (1, 0, 1, 0)]
    """
    classes, members = np.unique(np.column_stack(first), axis=0, return_inverse=True)
    types = [one.shape[1] for one in first]
    choices = tuple(count * many for count, many in zip(nodes, types, strict=True))
    sets: list[tuple[Booleans, ...]] = [(np.ones(len(classes), dtype=bool),)]
    arcs: list[Arc] = []
    for pool, count in enumerate(choices):
        left: dict[bytes, int] = {}
        kept: list[Booleans] = []
        column = sum(types[:pool])
        for begin, here in enumerate(sets[-1]):
            for choice in range(count):
                held = here & (classes[:, column + choice % types[pool]] <= choice // types[pool])
                after = here & ~held
                key = np.packbits(after).tobytes()
                if key not in left:
                    left[key] = len(kept)
                    kept.append(after)
                arcs.append(Arc(pool, choice, begin, left[key], np.packbits(held).tobytes()))
                if len(arcs) > MOST_ARCS:
                    return None
        sets.append(tuple(kept))
    return Network(choices, members.ravel(), tuple(sets), tuple(arcs))
