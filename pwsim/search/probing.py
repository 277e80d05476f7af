"""A good setup before the proof: a few setups replayed first, from the corners of what is allowed and around the best.

The proof takes setups in the order of their bounds, and the cheapest are those that cannot keep up.  A setup that meets
the targets ends replays of dearer ones early, so it is looked for first: by a pattern search (R. Hooke, T. A. Jeeves:
"Direct search" solution of numerical and statistical problems, J. ACM 8, 1961, doi:10.1145/321062.321069).  Whatever it
finds counts as any other replay, and what it does not find changes nothing of the proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from pwsim.results import in_parallel
from pwsim.search.candidates import Candidate, is_allowed
from pwsim.search.judging import Evaluation
from pwsim.search.options import count, in_space, many
from pwsim.search.trail import Trail

Choice = tuple[int, ...]

MANY_SETUPS = 64
"""Where there are more, a setup that meets the targets is looked for first."""
MOST_PROBES = 16
"""Choices of nodes that are replayed for that."""


def probe(trail: Trail, first: Candidate, workers: int, whole: int) -> set[Choice]:
    """Replay some choices of nodes before the list of candidates, where there are many; return which.

    Where no nodes come and go, costs are nearly known before: what comes first in the list is the answer if it fits.

    Parameters
    ----------
    trail
        What has been seen, to which the replays come.
    first
        The first candidate of the list: its bound holds for all setups, and its types of node are taken.
    workers
        How many replays run at once; that changes nothing of what is replayed.
    whole
        How many setups are replayed to their end, whatever they show.
    """
    cluster = trail.job.cluster
    if in_space(cluster) <= MANY_SETUPS or not any(one.elastic for pool in cluster.pools for one in pool.as_types):
        return set()
    return _Probes(trail, first, workers, whole).run()


class _Probes:
    def __init__(self, trail: Trail, first: Candidate, workers: int, whole: int) -> None:
        self.trail, self.workers, self.whole = trail, workers, whole
        self.bound_usd_per_year = first.bound_usd_per_year
        self.steps = [many(pool) for pool in trail.job.cluster.pools]
        """From a number of nodes to the next, types being the same."""
        self.types = [one % step for one, step in zip(first.choice, self.steps, strict=True)]
        self.seen: set[Choice] = set()
        self.over = False

    def run(self) -> set[Choice]:
        """Replay the corners, then around the best at ever smaller distances, until nothing is left or allowed."""
        cluster = self.trail.job.cluster
        self.replay(list(self.corners()))
        far = [count(pool) // step // 2 for pool, step in zip(cluster.pools, self.steps, strict=True)]
        while any(far) and not self.over and (best := self.best()) is not None:
            self.replay(list(self.around(best, far)))
            if self.best() == best:
                far = [one // 2 for one in far]
        return self.seen

    def best(self) -> Choice | None:
        """Return the choice of the cheapest setup that meets the targets, if there is one."""
        best = self.trail.best
        return None if best is None else self.trail.choice_of(best.setup)

    def corners(self) -> Iterator[Choice]:
        """Yield the choice with the most nodes of all pools, and those with the fewest of one, the others being so."""
        cluster = self.trail.job.cluster
        most = [
            count(pool) - step + kind for pool, step, kind in zip(cluster.pools, self.steps, self.types, strict=True)
        ]
        yield tuple(most)
        for pool, kind in enumerate(self.types):
            yield (*most[:pool], kind, *most[pool + 1 :])

    def around(self, best: Choice, far: list[int]) -> Iterator[Choice]:
        """Yield the choices that are so far from the best in one pool, and may be cheaper."""
        for pool, (step, distance) in enumerate(zip(self.steps, far, strict=True)):
            for place in (best[pool] - distance * step, best[pool] + distance * step):
                if distance and 0 <= place < count(self.trail.job.cluster.pools[pool]):
                    yield (*best[:pool], place, *best[pool + 1 :])

    def may_be_better(self, choice: Choice) -> bool:
        """Return whether nothing that is known before its replay says that a choice is not the answer."""
        variant = self.trail.known.of_types(choice)
        nodes = tuple(one // step for one, step in zip(choice, self.steps, strict=True))
        return is_allowed(variant.cluster, variant.bounds, nodes) and not self.trail.is_beaten(
            variant.bounds.usd_of(nodes)
        )

    def replay(self, choices: list[Choice]) -> None:
        """Replay choices that are new, as far as limits allow; all may cost what the best did before them."""
        trail, procedures = self.trail, self.trail.job.cluster.procedures
        new = [one for one in dict.fromkeys(choices) if one not in self.seen and self.may_be_better(one)]
        new = new[: MOST_PROBES - len(self.seen)]
        known = trail.met and trail.deciding is None
        most = trail.cheapest_usd_per_year if known else float("inf")
        tasks = []
        for place, choice in enumerate(new):
            places = [(one, procedure) for one in new[: place + 1] for procedure in range(len(procedures))]
            if trail.is_over or trail.limit(places, begun=place > 0):
                self.over = True
                break
            early = len(trail.rows) + (place + 1) * len(procedures) > self.whole
            to_come = trail.known.to_come(choice) if early and known else None
            tasks += [(choice, procedure, most if early else None, to_come) for procedure in procedures]
        self.over = self.over or len(self.seen) + len(new) >= MOST_PROBES
        evaluations: list[Evaluation] = []
        answers = in_parallel(trail.job.evaluate, tasks, workers=self.workers, engine=trail.job.engine)
        with closing(answers):
            for task, one in zip(tasks, answers, strict=True):
                evaluations.append(one)
                if len(evaluations) == len(procedures):
                    trail.note(Candidate(task[0], self.bound_usd_per_year), evaluations)
                    self.seen.add(task[0])
                    evaluations = []
