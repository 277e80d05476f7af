"""All replays that searches ask for: each is done once, and then known by its content.

Several searches may share them, such as the points of a frontier: a replay depends on jobs, nodes and rules, but on no
price and no target.  What was done by another process is found on disk (:class:`pwsim.common.Kept`).
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pwsim.common import HopelessError, Kept
from pwsim.engine import OPEN, REJECTED, Ended, Ends, Engine, Inputs, Replay, replay, replay_until
from pwsim.results import in_parallel
from pwsim.search import early
from pwsim.search.fingerprint import fingerprint
from pwsim.trace import Floats

MEMORY_BYTES = 256 * 2**20
"""How much of the replays is held in memory; those that were asked for last [bytes]."""
CODEC = "zstd"
"""How replays are packed on disk: at several hundred megabytes a second, to a fraction."""


class Record(NamedTuple):
    """What is kept of a replay."""

    engine: str
    """The engine that ran."""
    columns: dict[str, Any]
    """Arrays by name."""
    hopeless: str | None = None
    """Why it gave up, if it did."""

    @property
    def size_bytes(self) -> int:
        """How much memory it takes [bytes]."""
        return sum((int(column.nbytes) for column in self.columns.values()), start=1000)


class PoolReplay(NamedTuple):
    """The replay of a single pool that meets no other."""

    engine: str
    """The engine that ran."""
    start_s: Floats
    """Start of each job of the pool [s]."""


class Replays:
    """Replays by content.

    Threads may share it; a worker process has what is on disk.

    Parameters
    ----------
    kept
        Where replays are kept on disk; ``None`` keeps them in memory only.
    memory_bytes
        How much is held in memory [bytes].
    """

    def __init__(self, kept: Kept | None = None, memory_bytes: int = MEMORY_BYTES) -> None:
        self.kept = kept
        self.memory_bytes = memory_bytes
        self.done = 0
        """How many replays were done, because they were not known; those of worker processes are not counted."""
        self._memory: OrderedDict[str, Record] = OrderedDict()
        self._held_bytes = 0
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"kept": self.kept, "memory_bytes": self.memory_bytes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def whole(self, inputs: Inputs, engine: Engine) -> Replay:
        """Return the replay of a setup.

        Raises
        ------
        InputError, HopelessError
            As :func:`pwsim.engine.replay`.
        """
        key = fingerprint("whole", inputs, engine)
        record = self._find(key)
        if record is None:
            record = self._note(key, _record(lambda: replay(inputs, engine)))
        if record.hopeless is not None:
            raise HopelessError(record.hopeless)
        return Replay(engine=record.engine, **record.columns)

    def until(self, inputs: Inputs, engine: Engine, ends: Ends) -> Replay | int:
        """Return the replay of a setup, or how it ends early (:data:`.early.TOLD`).

        What is told depends on nothing that is known: a replay that went on to its end, because somebody needed that,
        is told as it would have ended.

        Raises
        ------
        InputError, HopelessError
            As :func:`pwsim.engine.replay`.
        """
        key = fingerprint("whole", inputs, engine)
        record = self._find(key)
        if record is None or record.hopeless is not None:  # it may have given up after it would have ended
            ended_key = None if key is None else hashlib.sha256(f"ended {key}".encode()).hexdigest()
            ended = self._find(ended_key)
            known = None if ended is None else early.decided(ended.columns, ends, inputs.units)
            if known is not None:
                return known
            try:
                found = replay_until(inputs, engine, ends)
            except HopelessError as error:
                record = self._note(key, Record("", {}, str(error)))
            else:
                if isinstance(found, Ended):
                    self._note(ended_key, Record(found.engine, early.columns_of(found, ends)))
                    return found.why
                record = self._note(key, _of(found))
        if record.hopeless is not None:
            raise HopelessError(record.hopeless)
        seen = Replay(engine=record.engine, **record.columns)
        why = ends.end_of(seen, inputs.submit_s)
        return seen if why == OPEN else why

    def of_pools(self, inputs: Inputs, pools: Sequence[int], engine: Engine, workers: int) -> list[PoolReplay]:
        """Return the replays of some pools of a setup in which pools do not meet.

        Parameters
        ----------
        inputs
            The setup.
        pools
            Numbers of the pools.
        engine, workers
            Which engine replays, and how many pools at once.
        """
        keys = [_pool_key(inputs, pool, engine) for pool in pools]
        records = [self._find(key) for key in keys]
        new = [place for place, record in enumerate(records) if record is None]
        tasks = [(inputs, pools[place], engine) for place in new]
        for place, found in zip(new, in_parallel(_replay_pool, tasks, workers=workers, engine=engine), strict=True):
            records[place] = self._note(keys[place], found)
        return [PoolReplay(one.engine, one.columns["start_s"]) for one in records if one is not None]

    def _find(self, key: str | None) -> Record | None:
        if key is None:
            return None
        with self._lock:
            if key in self._memory:
                self._memory.move_to_end(key)
                return self._memory[key]
        packed = None if self.kept is None else self.kept.find(key)
        if packed is None:
            return None
        try:
            record = unpack(packed)
        except (ValueError, KeyError, OSError, pa.ArrowException):  # of another layout: as good as absent
            return None
        self._hold(key, record)
        return record

    def _note(self, key: str | None, record: Record) -> Record:
        with self._lock:
            self.done += 1
        if key is not None:
            self._hold(key, record)
            if self.kept is not None:
                self.kept.keep(key, pack(record))
        return record

    def _hold(self, key: str, record: Record) -> None:
        with self._lock:
            before = self._memory.pop(key, None)
            self._held_bytes += record.size_bytes - (0 if before is None else before.size_bytes)
            self._memory[key] = record
            while self._held_bytes > self.memory_bytes and self._memory:
                _, dropped = self._memory.popitem(last=False)
                self._held_bytes -= dropped.size_bytes


def pack(record: Record) -> bytes:
    """Return a record as bytes."""
    text = json.dumps([record.engine, record.hopeless]).encode()
    file = io.BytesIO()
    # Columns of tables lie one after the other: so they pack better.
    columns: dict[str, Any] = {name: np.asfortranarray(one) for name, one in record.columns.items()}
    np.savez(file, allow_pickle=False, _about=np.frombuffer(text, dtype=np.uint8), **columns)
    raw = file.getvalue()
    packed: bytes = pa.Codec(CODEC, 1).compress(raw, asbytes=True)
    return len(raw).to_bytes(8, "little") + packed


def unpack(packed: bytes) -> Record:
    """Return the record that bytes stand for (:func:`pack`); they are whole."""
    raw = pa.Codec(CODEC).decompress(packed[8:], int.from_bytes(packed[:8], "little"), asbytes=True)
    with np.load(io.BytesIO(raw), allow_pickle=False) as file:
        columns = {name: np.ascontiguousarray(file[name]) for name in file.files}
    engine, hopeless = json.loads(columns.pop("_about").tobytes())
    return Record(engine, columns, hopeless)


def _record(asked: Callable[[], Replay]) -> Record:
    """Return what is kept of a replay, also of one that gives up."""
    try:
        seen = asked()
    except HopelessError as error:
        return Record("", {}, str(error))
    return _of(seen)


def _of(seen: Replay) -> Record:
    """Return what is kept of a replay that went on to its end."""
    values = {field.name: getattr(seen, field.name) for field in fields(seen) if field.name != "engine"}
    return Record(seen.engine, {name: value for name, value in values.items() if value is not None})


def _pool_key(inputs: Inputs, pool: int, engine: Engine) -> str | None:
    """Return the name of the replay of a single pool: other pools, and jobs that go there, are not in it."""
    here = inputs.pool == pool
    alone = replace(
        inputs,
        pool=inputs.pool[:0],
        units=(inputs.units[pool],),
        pools=(inputs.pools[pool],),
        needs=inputs.needs[:0],
        shares=inputs.shares[:, :0],
        seed=0,  # nothing is drawn where nodes stay up
        **{name: getattr(inputs, name)[here] for name in _OF_JOBS},
    )
    # What the multifactor order knows is of all jobs; other orders go by what is above.
    where = (pool, np.flatnonzero(here)) if inputs.order is None else ()
    return fingerprint("pool", alone, engine, *where)


_OF_JOBS = (
    "submit_s", "procs", "logged_estimate_s", "need", "held_s", "estimate_s", "killed", "run_s", "follows", "think_s",
)  # fmt: skip
"""Inputs with an entry for each job."""


def _replay_pool(inputs: Inputs, pool: int, engine: Engine) -> Record:
    """Replay one pool; keep the start of each of its jobs."""
    here = inputs.pool == pool
    seen = replay(replace(inputs, pool=np.where(here, pool, REJECTED)), engine)
    return Record(seen.engine, {"start_s": seen.start_s[here]})
