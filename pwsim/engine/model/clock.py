"""The clock of the SimPy models: calls that come at exactly their time, at their place in the round."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import simpy
from simpy.events import Event, EventPriority


class Call(Event):
    """An event that calls a function after a delay, at its place in the round."""

    def __init__(
        self,
        env: simpy.Environment,
        delay_s: float,
        priority: EventPriority,
        call: Callable[[Any], None],
        subject: int = 0,
        node: int = 0,
    ) -> None:
        self.env = env
        self.callbacks = [call]
        self._value = None
        self._ok = True
        self.subject = subject
        """The job or pool that the call is about."""
        self.node = node
        """The node that the call is about."""
        env.schedule(self, priority, delay_s)


def delay_until(now: float, time_s: float) -> float:
    """Return the delay [s] which SimPy, adding it to the clock, turns into exactly this time."""
    delay_s = time_s - now
    while now + delay_s < time_s:
        delay_s = math.nextafter(delay_s, math.inf)
    while now + delay_s > time_s:
        delay_s = math.nextafter(delay_s, 0.0)
    return delay_s
