"""One call for a schedule under site rules, whatever the engine."""

from __future__ import annotations

from itertools import repeat

import numpy as np

from pwsim.common import InputError
from pwsim.engine.inputs import Inputs
from pwsim.engine.outcome import Replay
from pwsim.engine.site.inputs import Prepared, Records
from pwsim.engine.site.state import State
from pwsim.rules import ORDERS
from pwsim.trace import Floats


def replay_site(inputs: Inputs, prepared: Prepared, engine: str) -> Replay:
    """Replay under site rules with an engine.

    Raises
    ------
    InputError
        If a user's own order fails, or the compiled engine is asked for an order that numba cannot compile.
    HopelessError
        If an elastic pool launches nodes again and again that never run a job.
    """
    set_fixed_keys(inputs, prepared.state)
    arrivals = np.flatnonzero(prepared.reason < 0)
    name, order = "simpy", None
    if engine != "simpy":
        from pwsim.engine.compiled import steady

        order = steady.compiled_order(inputs)
        if order is None and engine == "compiled":
            raise InputError(f"numba cannot compile the order of policy {str(inputs.policy)!r}; use the simpy engine")
    if order is not None:
        from pwsim.engine.site import compiled

        name = "compiled"
        state, noted = compiled.run(inputs, prepared, arrivals, order)
    else:
        from pwsim.engine.site import model

        state, noted = model.run(inputs, prepared, arrivals.tolist())
    return _outcome(name, state, prepared, noted)


def set_fixed_keys(inputs: Inputs, state: State) -> None:
    """Work out the keys of orders that do not change while jobs wait."""
    facts = [row.tolist() for row in (inputs.submit_s, inputs.logged_estimate_s, inputs.procs)]
    if not inputs.dynamic:
        assert inputs.order is not None
        state.jobs.key[:] = list(map(inputs.order, repeat(0.0), *facts))
    if inputs.policy.passing_order:
        passing = ORDERS[inputs.policy.passing_order].key
        assert passing is not None
        state.jobs.passing_key[:] = list(map(passing, repeat(0.0), *facts))


def _outcome(engine: str, state: State, prepared: Prepared, noted: Records) -> Replay:
    """Return the replay, its tables in an order that no engine decides."""
    attempts, waits, spans = (rows.reshape(-1, width) for rows, width in zip(noted[:3], (8, 4, 5), strict=True))
    stays = spans[(spans[:, 2] < noted.end_s) | (noted.end_s == 0)]  # what was launched at the end came after it
    jobs = state.jobs
    packed = attempts[:, 6] >= 0  # a row a share
    places = attempts[packed][:, [0, 1, 2, 3, 6, 7]]
    attempts = np.concatenate((attempts[~packed, :6], _summed(attempts[packed])))
    return Replay(
        engine=engine,
        pool=np.array(jobs.pool, dtype=np.int64),
        start_s=np.array(jobs.start_s, dtype=np.float64),
        end_s=np.array(jobs.end_s, dtype=np.float64),
        killed=np.array(jobs.killed, dtype=bool),
        failed=np.array(jobs.failed, dtype=bool),
        restarts=np.array(jobs.restarts, dtype=np.int64),
        attempts=attempts[np.lexsort((attempts[:, 1], attempts[:, 2], attempts[:, 0], attempts[:, 3]))],
        reason=prepared.reason,
        away=prepared.away,
        places=places[np.lexsort((places[:, 4], places[:, 2], places[:, 0]))] if len(places) else None,
        spans=stays[np.lexsort((stays[:, 4], stays[:, 2], stays[:, 1], stays[:, 0]))] if prepared.changes else None,
        waits=waits[np.lexsort((waits[:, 1], waits[:, 2], waits[:, 0], waits[:, 3]))],
    )


def _summed(rows: Floats) -> Floats:
    """Return attempts in packed pools with a row a pool: job, pool, start, end, seconds that count, units."""
    if not len(rows):
        return np.empty((0, 6))
    _, first, attempt = np.unique(rows[:, :3], axis=0, return_index=True, return_inverse=True)
    summed = rows[first, :6].copy()
    summed[:, 5] = np.bincount(attempt.ravel(), rows[:, 5])
    return summed
