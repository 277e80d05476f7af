"""The nodes of a pool that come and go: launched and shut down, taken back, failing and repaired (semantics §6).

Where jobs share them (§5, ``packed``), also what is free on each.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

from pwsim.rules import Bins, Places, Shares, Tried, packing


class Nodes:
    """Which nodes of a pool are idle, busy or on their way; and a record of when each was there.

    Parameters
    ----------
    up
        How many are up, and idle, from the start: numbers 0 to ``up - 1``.
    """

    def __init__(self, up: int) -> None:
        self.idle = list(range(up))
        """Numbers of idle nodes, increasing."""
        self.idle_since_s = dict.fromkeys(range(up), 0.0)
        """Since when each idle node is idle [s]."""
        self.jobs: dict[int, list[int]] = {}
        """The jobs of each busy node; several only where jobs share nodes."""
        self.held: dict[int, list[int]] = {}
        """The nodes of each running job."""
        self.coming: dict[int, float] = {}
        """When each booting or repairing node will be up [s]."""
        self.arrive_s: list[float] = []
        """The same times, increasing."""
        self.launched = up
        """Nodes launched so far; the next one has this number."""
        self.spans: list[list[float]] = [[number, 0.0, 0.0] for number in range(up)]
        """Number, launch (or start of being up again) and being up of each stay of a node [s]; the end comes last."""
        self._span = {number: self.spans[number] for number in range(up)}

    def launch(self, number: int, now: float, arrive_s: float) -> None:
        """Let a node be on its way."""
        self.coming[number] = arrive_s
        insort(self.arrive_s, arrive_s)
        self._span[number] = [number, now, arrive_s]
        self.spans.append(self._span[number])

    def arrive(self, number: int, now: float) -> None:
        """Let a node be up, and idle."""
        self._forget_coming(number)
        self._set_idle(number, now)

    def take(self, numbers: list[int], job: int) -> None:
        """Give a job some nodes."""
        self.held[job] = numbers
        for number in numbers:
            if number not in self.jobs:
                self._forget_idle(number)
                self.jobs[number] = []
            self.jobs[number].append(job)

    def give_back(self, job: int, now: float) -> None:
        """Take the nodes of a job back; those that no other job holds are idle."""
        for number in self.held.pop(job):
            self.jobs[number].remove(job)
            if not self.jobs[number]:
                del self.jobs[number]
                self._set_idle(number, now)

    def leave(self, number: int, now: float) -> None:
        """Let an idle node, or one on its way, be gone."""
        if number in self.coming:
            self._forget_coming(number)
        else:
            self._forget_idle(number)
        self._span.pop(number).append(now)

    def there(self, number: int) -> bool:
        """Return whether a node is up or on its way."""
        return number in self._span

    def _set_idle(self, number: int, now: float) -> None:
        insort(self.idle, number)
        self.idle_since_s[number] = now

    def _forget_idle(self, number: int) -> None:
        del self.idle[bisect_left(self.idle, number)]
        del self.idle_since_s[number]

    def _forget_coming(self, number: int) -> None:
        arrive_s = self.coming.pop(number)
        del self.arrive_s[bisect_left(self.arrive_s, arrive_s)]


class Packed:
    """The nodes of a packed pool: what is free on each, and where the shares of jobs are.

    Parameters
    ----------
    up
        How many are up from the start.
    most
        The most that may be up at once.
    cores, memory, gpus
        What a node has; memory in MiB, 0 where it is not looked at.
    shares
        What each job asks for.
    """

    def __init__(self, up: int, most: int, cores: int, memory: int, gpus: int, shares: Shares) -> None:
        self.cores, self.memory = cores, memory
        self.shares = shares
        self.bins, self.then, self._room = (Bins(gpus, [], [], [], []) for _ in range(3))
        self.there: list[int] = []
        """Numbers of the nodes that are up, increasing."""
        self.running: list[int] = []
        """Running jobs by start plus estimate."""
        first = [0]
        for count in shares.need:
            first.append(first[-1] + count)
        self.places = Places(first, [0] * first[-1], [0] * first[-1])
        self._most = most
        self._roomy: list[bool] = []
        self._chosen = [0] * most
        self._unfit = [0] * packing.REMEMBERED
        shapes = 1 + max(shares.shape, default=0)
        self._tried = Tried([1] * 4, [0.0], [0] * shapes, [0] * shapes)
        self._numbers = range(most + 1)
        self._grow(self._room, most + 1)
        for number in range(up):
            self.add(number)

    def add(self, number: int) -> None:
        """Let a node be up, and empty."""
        for bins in (self.bins, self.then):
            self._grow(bins, number + 1)
        self._roomy += [False] * (number + 1 - len(self._roomy))
        packing.empty(self.bins, number, self.cores, self.memory)
        packing.given_back(self._tried.clock)
        insort(self.there, number)

    def remove(self, number: int) -> None:
        """Let a node be gone."""
        del self.there[bisect_left(self.there, number)]

    def shares_of(self, job: int) -> list[tuple[int, int]]:
        """Return node and GPUs (as bits) of each share of a job that is, or was last, placed."""
        here = slice(self.places.first[job], self.places.first[job] + self.shares.need[job])
        return list(zip(self.places.node[here], self.places.gpus[here], strict=True))

    def free(self, job: int) -> None:
        """Take a job off its nodes."""
        packing.hold_all(self.bins, self.shares, self.places, job, 1)
        packing.given_back(self._tried.clock)

    def place_heads(self, queue: Sequence[int]) -> int:
        """Place the jobs from the head of a queue on that fit; return how many."""
        return packing.place_heads(*self._all(), queue, len(queue), self._chosen)

    def place_past_head(
        self,
        now: float,
        head: int,
        release_s: Sequence[float],
        arrive_s: Sequence[float],
        queue: Sequence[int],
        estimate_s: Sequence[float],
    ) -> list[int]:
        """Place the jobs of a queue that may pass a head which does not fit; return their positions."""
        bins, there, count, shares, places = self._all()
        shadow_s, fitting = packing.packed_reservation(
            now, bins, self.then, there, count, shares, places, head, release_s, self.running, len(release_s),
            arrive_s, len(arrive_s), self._roomy,
        )  # fmt: skip
        passed = [0] * len(queue)
        begun = 0
        if fitting >= 0:
            begun = packing.pack_past_head(
                now, bins, self.then, there, count, shares, places, head, shadow_s, fitting, self._roomy, queue,
                estimate_s, 0, len(queue), self._chosen, self._unfit, self._tried, passed,
            )  # fmt: skip
        return passed[:begun]

    def filled(self, queue: Sequence[int], most: int) -> int:
        """Return how many empty nodes waiting jobs would fill; ``most`` if it is that or more."""
        return packing.filled(
            self._room, self._numbers, self.cores, self.memory, self.shares, queue, len(queue), -1, most, self._chosen
        )

    def has_room(self, queue: Sequence[int], busy: int, job: int) -> bool:
        """Return whether a job may move here, where others wait and hold some nodes."""
        return packing.has_room(
            self._room, self._numbers, self.cores, self.memory, self.bins, self.there, len(self.there), self._most,
            busy, self.shares, queue, len(queue), job, self._chosen,
        )  # fmt: skip

    def _all(self) -> tuple[Bins, list[int], int, Shares, Places]:
        return self.bins, self.there, len(self.there), self.shares, self.places

    def _grow(self, bins: Bins, length: int) -> None:
        for row, width in ((bins.cores, 1), (bins.memory, 1), (bins.gpus, 1), (bins.gpu, bins.width)):
            row.extend([0] * (length * width - len(row)))
