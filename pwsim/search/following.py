"""The search through whole setups, in the order of their bounds, several at once.

Workers go ahead of what is judged, as far as a window allows; replays are judged in the order of the list, whoever is
quicker.  What ends a replay early is a cost that was known a fixed number of candidates before, and which candidates
replay to their end goes by their place in the list: so the plan is the same for any number of workers.  Where there are
many setups, a few are replayed before the list (:mod:`.probing`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing

from pwsim.cluster import Procedure
from pwsim.results import in_parallel
from pwsim.search.candidates import Candidate
from pwsim.search.judging import Evaluation
from pwsim.search.options import AllCandidates, Place
from pwsim.search.probing import probe
from pwsim.search.renting import ToCome
from pwsim.search.trail import Trail

WHOLE_JOBS = 1_000_000
"""Jobs that the first replays of a search replay in all before any may end early: figures show these setups."""
WHOLE_SETUPS = 4
"""Setups at the beginning that are replayed to their end, however long that takes."""
AHEAD, AHEAD_SHARE = 16, 4
"""How many candidates are begun at most while an earlier one is not judged: so many, or that part of those before."""


def follow(trail: Trail, candidates: AllCandidates, workers: int, whole: int | None = None) -> None:
    """Replay candidates in their order until the search is over.

    Parameters
    ----------
    trail
        What has been seen, to which the replays come.
    candidates
        Which setups are the next.
    workers
        How many replays run at once.
    whole
        How many setups are replayed to their end, whatever they show; by default as many as have
        :data:`WHOLE_JOBS` jobs, :data:`WHOLE_SETUPS` at least.
    """
    job = trail.job
    most = max(WHOLE_SETUPS, WHOLE_JOBS // len(job.trace)) if whole is None else whole
    line, together = Line(trail, candidates, most), len(job.cluster.procedures)
    line.probe(workers)
    while True:
        while line.begin():
            evaluations: list[Evaluation] = []
            answers = in_parallel(job.evaluate, line.tasks(), workers=workers, engine=job.engine)
            try:
                with closing(answers):
                    for one in answers:
                        evaluations.append(one)
                        if len(evaluations) == together:
                            judged, evaluations = evaluations, []  # once, if an interrupt comes while they are
                            line.add(judged)
            finally:  # what was replayed before an interrupt or the time limit counts
                line.add(evaluations)
        if trail.is_settled():
            return
        line.resume()


class Line:
    """Candidates in their order: those that are being replayed, and those that come next.

    While :meth:`tasks` is asked for tasks by one thread, another may call :meth:`add`.

    Parameters
    ----------
    trail, candidates
        As for :func:`follow`.
    whole
        How many setups are replayed to their end.
    """

    def __init__(self, trail: Trail, candidates: AllCandidates, whole: int) -> None:
        self.trail = trail
        self.pending: deque[tuple[int, Candidate]] = deque()
        """Candidates that are being replayed, with their place in the list; the first is the next to be judged."""
        self._candidates, self._whole = candidates, whole
        self._put_back: deque[tuple[int, Candidate]] = deque()
        self._taken = 0
        self._over = False
        self._known = [(-math.inf, math.inf)]  # the least cost after candidates were judged
        self._probed: set[tuple[int, ...]] = set()

    def probe(self, workers: int) -> None:
        """Replay some setups before the first candidate (:mod:`.probing`), which then are not replayed again."""
        if (first := self._take()) is None:
            return
        self._put_back.appendleft(first)
        self._probed = probe(self.trail, first[1], workers, self._whole)
        if self._probed:
            self._whole -= len(self.trail.rows)
            self._known = [(-math.inf, self.trail.cheapest_usd_per_year if self.trail.met else math.inf)]

    def begin(self) -> bool:
        """Take the next candidate to replay; return whether there is one, or the search is over."""
        trail = self.trail
        if self._over:
            return False
        if self.pending:  # the time limit came before it was replayed under all policies
            if trail.has_shown:
                trail.stop("time_limit")
            return not trail.has_shown
        while (taken := self._take()) is not None:
            candidate = taken[1]
            trail.bound_usd_per_year = candidate.bound_usd_per_year
            if trail.is_beaten(candidate.bound_usd_per_year):
                self._put_back.appendleft(taken)
                return False
            if candidate.choice in self._probed or (trail.loses_tie(candidate) and not trail.late):
                continue
            if limit := trail.limit(self._places([taken])):
                trail.stop(limit)
                self._put_back.appendleft(taken)
                return False
            self.pending.append(taken)
            return True
        return False

    def tasks(self) -> Iterator[tuple[tuple[int, ...], Procedure, float | None, ToCome | None]]:
        """Yield what is to be replayed next, what it may cost, and what it does in any case.

        That goes on until the window is full or the search is over.

        The first candidate is begun whatever time it is.  As long as there is nothing to show, what was begun is
        finished.
        """
        trail, procedures = self.trail, self.trail.job.cluster.procedures
        taken: tuple[int, Candidate] | None = self.pending[0]
        first = True
        while taken is not None:
            place, candidate = taken
            most = None if (place + 1) * len(procedures) <= self._whole else self._known_before(place)
            to_come = None if most is None or math.isinf(most) else trail.known.to_come(candidate.choice)
            for procedure in procedures:
                if not first and trail.is_over and (procedure == procedures[0] or trail.has_shown):
                    return
                yield candidate.choice, procedure, most, to_come
            first, taken = False, self._next()

    def add(self, evaluations: Sequence[Evaluation]) -> None:
        """Judge the first candidate by its replays, one under each policy, or some if time is over.

        What was replayed ahead of a proof is left out, so that workers make no difference.
        """
        if not self.pending:
            return
        place, candidate = self.pending[0]
        trail = self.trail
        trail.bound_usd_per_year = max(trail.bound_usd_per_year, candidate.bound_usd_per_year)
        if trail.met and trail.is_beaten(candidate.bound_usd_per_year):
            self._over = True
        if self._over:
            return
        if evaluations and not trail.loses_tie(candidate):
            trail.note(candidate, evaluations)
        if len(evaluations) == len(trail.job.cluster.procedures):
            # In this order: a candidate that is not pending any more is known.
            self._known.append((place, trail.cheapest_usd_per_year if trail.met else math.inf))
            self.pending.popleft()

    def resume(self) -> None:
        """Go on after what was proven to be the cheapest was not accepted: what was begun ahead of it is the next."""
        self._put_back.extendleft(reversed(self.pending))
        self.pending.clear()
        self._over = False

    def _take(self) -> tuple[int, Candidate] | None:
        """Return the next candidate with its place in the list; ``None`` if there is none."""
        if self._put_back:
            return self._put_back.popleft()
        candidate = self._candidates.take()
        self._taken += 1
        return None if candidate is None else (self._taken - 1, candidate)

    def _next(self) -> tuple[int, Candidate] | None:
        """Return the next candidate to be begun ahead of judgement; ``None`` if none is, for now."""
        trail = self.trail
        while not self._over and not trail.is_over and (taken := self._take()) is not None:
            place, candidate = taken
            if candidate.choice in self._probed:
                continue
            pending = list(self.pending)
            full = bool(pending) and pending[0][0] <= place - _window(place)
            limit = trail.limit(self._places([*pending, taken]), begun=bool(pending))
            if full or limit or trail.is_beaten(candidate.bound_usd_per_year):
                self._put_back.appendleft(taken)
                return None
            if not trail.loses_tie(candidate):
                self.pending.append(taken)
                return taken
        return None

    def _places(self, taken: Sequence[tuple[int, Candidate]]) -> list[Place]:
        """Return the setups of candidates, one for each policy."""
        procedures = range(len(self.trail.job.cluster.procedures))
        return [(candidate.choice, procedure) for _, candidate in taken for procedure in procedures]

    def _known_before(self, place: int) -> float:
        """Return the least cost that is known for a candidate, whatever is known besides [USD a year].

        It is that of the candidates before its window; all of these are judged when it is begun.  Where draws may yet
        refuse what is cheapest, none is known.
        """
        if self.trail.deciding is not None:
            return math.inf
        until = place - _window(place)
        return next(usd for judged, usd in reversed(self._known) if judged <= until)


def _window(place: int) -> int:
    """Return how many candidates before one need not be judged when it is begun."""
    return max(AHEAD, place // AHEAD_SHARE)
