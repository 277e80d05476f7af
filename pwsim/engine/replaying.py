"""One call for a schedule, whatever the engine."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Literal

from pwsim.common import InputError, timed
from pwsim.engine.ending import Ended, Ends
from pwsim.engine.inputs import Inputs, steady_replay
from pwsim.engine.outcome import Replay
from pwsim.rules import ORDERS

log = logging.getLogger("pwsim")

Engine = Literal["auto", "compiled", "simpy"]
"""``simpy``: the reference; ``compiled``: the same schedule, many times faster; ``auto``: compiled where possible."""


def replay(inputs: Inputs, engine: Engine, extend: Callable[[Any], object] | None = None) -> Replay:
    """Replay with an engine; with the SimPy model wherever it is to be extended.

    Raises
    ------
    InputError
        If a user's own order fails, or the compiled engine is asked for what only the SimPy model can do.
    HopelessError
        If an elastic pool launches nodes again and again that never run a job.
    """
    seen = _replay(inputs, engine, extend, None)
    assert isinstance(seen, Replay)  # there is nothing that would end it
    return seen


def replay_until(inputs: Inputs, engine: Engine, ends: Ends) -> Replay | Ended:
    """Replay with an engine, which may end early; the compiled one does, but not under rules of the site.

    Raises
    ------
    InputError, HopelessError
        As :func:`replay`.
    """
    return _replay(inputs, engine, None, ends)


@timed("replays")
def _replay(
    inputs: Inputs, engine: Engine, extend: Callable[[Any], object] | None, ends: Ends | None
) -> Replay | Ended:
    if inputs.site is not None:
        if extend is not None:
            raise InputError("a replay under rules of the site cannot be extended: leave either out")
        from pwsim.engine.site.replaying import replay_site

        return replay_site(inputs, inputs.site, engine)
    if engine != "simpy" and extend is None:
        from pwsim.engine.compiled import steady as kernel

        order = kernel.compiled_order(inputs)
        if order is not None and not _passes_by_submission(inputs):
            if inputs.steady and not inputs.closed:
                start_s = kernel.run(inputs, order, ends)
                return start_s if isinstance(start_s, Ended) else steady_replay("compiled", inputs, start_s)
            from pwsim.engine.compiled import general as changing

            return changing.run(inputs, order, ends)
        cannot = f"numba cannot compile the order of policy {str(inputs.policy)!r}"
        if order is not None:
            cannot = f"policy {str(inputs.policy)!r} ranks jobs by submissions, which feedback of users leaves open"
        if engine == "compiled":
            raise InputError(f"{cannot}; use the simpy engine")
        log.warning("%s: the SimPy engine runs it, which takes longer", cannot)

    from pwsim.engine.model import Model

    model = Model(inputs)
    if extend is not None:
        extend(model)
    return model._run()


def compiling_s() -> float:
    """Return how long this process has compiled engines so far [s]."""
    cache = sys.modules.get("pwsim.engine.compiled.cache")
    return 0.0 if cache is None else float(cache.spent_s[0])


def _passes_by_submission(inputs: Inputs) -> bool:
    """Return whether jobs pass the head in an order by submissions that are not known before the replay."""
    passing = inputs.policy.passing_order
    return inputs.closed and bool(passing) and ORDERS[passing].by_submission
