"""The nodes of a pool that come and go: launched and shut down, taken back, failing and repaired (semantics §6)."""

from __future__ import annotations

from bisect import bisect_left, insort


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
        self.job: dict[int, int] = {}
        """The job of each busy node."""
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

    def take(self, count: int, job: int) -> None:
        """Give a job the lowest-numbered idle nodes."""
        self.held[job] = self.idle[:count]
        del self.idle[:count]
        for number in self.held[job]:
            del self.idle_since_s[number]
            self.job[number] = job

    def give_back(self, job: int, now: float) -> None:
        """Take the nodes of a job back."""
        for number in self.held.pop(job):
            del self.job[number]
            self._set_idle(number, now)

    def leave(self, number: int, now: float) -> None:
        """Let an idle node, or one on its way, be gone."""
        if number in self.coming:
            self._forget_coming(number)
        else:
            del self.idle[bisect_left(self.idle, number)]
            del self.idle_since_s[number]
        self._span.pop(number).append(now)

    def there(self, number: int) -> bool:
        """Return whether a node is up or on its way."""
        return number in self._span

    def _set_idle(self, number: int, now: float) -> None:
        insort(self.idle, number)
        self.idle_since_s[number] = now

    def _forget_coming(self, number: int) -> None:
        arrive_s = self.coming.pop(number)
        del self.arrive_s[bisect_left(self.arrive_s, arrive_s)]
