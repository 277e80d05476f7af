"""A batch: many scenarios into one directory, each once, whatever happens on the way."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pwsim.common import (
    BAD_INPUT,
    INTERRUPTED,
    MACHINE_FAILED,
    NO_SETUP,
    InputError,
    MachineError,
    PwsimError,
    Times,
    new_file,
    reserved,
    timed,
    timing,
    told,
)
from pwsim.scenario import Changes
from pwsim.scenario.batch import journal, workers
from pwsim.scenario.batch.clearing import clear_litter, drop_old
from pwsim.scenario.batch.identity import Identity, identity
from pwsim.scenario.batch.journal import Entry
from pwsim.scenario.batch.memory import jobs_at_most, replay_job_bytes, shared_out
from pwsim.scenario.batch.profile import profile, total
from pwsim.scenario.batch.running import Elsewhere, Options, Work, failed, finished, lost, results_of, work
from pwsim.scenario.batch.tasks import Task, Unreadable, tasks

log = logging.getLogger("pwsim")

WORST_FIRST = (INTERRUPTED, MACHINE_FAILED, BAD_INPUT, NO_SETUP, 0)
"""Which of several outcomes a batch ends with: the first of these."""
TABLE = "batch.parquet"
"""Name of the table of what became of each scenario, in the directory of the batch."""


class Shard(NamedTuple):
    """A part of the scenarios: every ``of``-th by their order, from ``number`` on, which counts from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that a text such as ``1/8`` names.

        Raises
        ------
        InputError
            If it names none.
        """
        number, _, of = text.partition("/")
        if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
            raise InputError(f"--shard must be a part of all, such as 1/8 (got {text!r})")
        return cls(int(number), int(of))


class Planned(NamedTuple):
    """What is to be done for a scenario, and why."""

    name: str
    """Name of the scenario."""
    because: list[str]
    """Why it is to be run; empty if its results are there."""
    work: Work | None
    """What is to be done; ``None`` if it cannot be."""
    fault: tuple[str, int] | None = None
    """What is wrong with it, and the exit code of that."""

    @property
    def text(self) -> str:
        """What is to be done, in words."""
        if self.fault:
            return "cannot be run"
        return f"run ({', '.join(self.because)})" if self.because else "nothing: its results are there"


class Batch:
    """Many scenarios, and the directory that their results go to.

    Parameters
    ----------
    scenarios
        Files, patterns of them, and manifests.
    directory
        Where the results are, and go.
    changes
        What is to be other in all scenarios.
    options
        What is asked of every scenario.
    shard
        Which part of the scenarios is done here; all if ``None``.
    memory_bytes
        How much memory all that runs at once may take [bytes], by an estimate; no limit if ``None``.

    Raises
    ------
    InputError
        If the scenarios cannot be told.
    """

    def __init__(
        self,
        scenarios: Sequence[str],
        directory: Path,
        *,
        changes: Changes = (),
        options: Options = Options(),  # noqa: B008 - a tuple
        shard: Shard | None = None,
        memory_bytes: int | None = None,
    ) -> None:
        self.directory, self.options, self.shard = directory, options, shard
        self.memory_bytes = memory_bytes
        self.name = journal.now()
        """When it began."""
        self.times = Times()
        """Time that planning took, by part."""
        before = journal.latest(directory)
        with timing(self.times), timed("beside"):
            self.all = [self._planned(one, before) for one in tasks(scenarios, changes)]
        """What all shards together are to do."""

    @property
    def mine(self) -> list[Planned]:
        """What is to be done here."""
        return self.all if self.shard is None else self.all[self.shard.number - 1 :: self.shard.of]

    def _planned(self, task: Task | Unreadable, before: dict[str, Entry]) -> Planned:
        if isinstance(task, Unreadable):
            return Planned(task.name, [], None, (task.why, BAD_INPUT))
        try:
            scenario = task.load()
            known_by = identity(scenario, self.options.text())
            jobs = 0 if self.memory_bytes is None else jobs_at_most(scenario)
            job_bytes = replay_job_bytes(scenario)
        except (PwsimError, OSError) as error:
            return Planned(task.name, [], None, told(error))
        because = self._because(task.name, known_by, before.get(task.name))
        bare = task._replace(loaded=None)  # whoever does the work reads it again: it may have changed meanwhile
        work = Work(bare, known_by, because, self.directory, self.options, self.name, jobs, job_bytes)
        return Planned(task.name, because, work)

    def _because(self, name: str, known_by: Identity, last: Entry | None) -> list[str]:
        """Return why a scenario is to be run."""
        if finished(results_of(self.directory, name, known_by.key)):
            return []
        if last is None or last.known_by is None:
            return ["new"]
        return known_by.changes(last.known_by) or ["unfinished"]

    def run(
        self,
        *,
        at_once: int | None = None,
        executor: Executor | None = None,
        time_limit_s: float | None = None,
        seen: Callable[[Entry], None] = lambda _: None,
    ) -> list[Entry]:
        """Do what is to be done; return what became of each scenario of this shard, in their order.

        One scenario's failure does not stop the others.

        Parameters
        ----------
        at_once
            How many replays run at once; as many as there are cores if ``None``.
        executor
            Who does the work; processes of this machine if ``None``.
        time_limit_s
            Time for all [s]; it is shared out evenly among the scenarios that are left.
        seen
            Called with each entry.

        Raises
        ------
        MachineError
            If the directory cannot be written to.
        """
        at_once = at_once or os.cpu_count() or 1
        self._begin()
        found: dict[str, Entry] = {}
        for one in self.mine:
            if one.fault:
                seen(entry := failed(self.directory, self.name, one.name, *one.fault))
                found[one.name] = entry
        works = [one.work for one in self.mine if one.work is not None]
        for entry in self._all_of(works, at_once, executor, time_limit_s):
            found[entry.scenario] = entry
            seen(entry)
        return [found[one.name] for one in self.mine]

    def _all_of(
        self, works: list[Work], at_once: int, executor: Executor | None, time_limit_s: float | None
    ) -> Iterator[Entry]:
        deadline_s = None if time_limit_s is None else time.monotonic() + time_limit_s
        works, room = shared_out(works, at_once, self.memory_bytes)
        works = [one._replace(time_limit_s=_fair_s(deadline_s, len(works), room.at_once)) for one in works]
        if executor is not None:
            most = room if self.memory_bytes is not None else room._replace(at_once=2 * at_once)
            answers = workers.on_executor(work, works, executor, most)
        elif len([one for one in works if one.because]) > 0:
            answers = workers.on_processes(work, works, room)
        else:
            answers = map(work, works)  # nothing is to be replayed
        for answer in answers:
            if isinstance(answer, workers.Lost):
                why = f"{workers.MOST_LOSSES} workers were lost at it, most likely because the memory was full"
                yield lost(answer.work, why)
            elif isinstance(answer, Elsewhere):
                entry = work(answer.work, wait=True)
                assert isinstance(entry, Entry)
                yield entry
            else:
                yield answer

    def _begin(self) -> None:
        """Make sure, before any work, that the directory can be written to, and clear what killed processes left."""
        with _written(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True)
            journal.check(self.directory)
            clear_litter(self.directory)

    def collect(self) -> pd.DataFrame | None:
        """Write the table of all scenarios, of all shards; return it, or ``None`` if some are still to be done.

        A scenario that failed as it is now counts as done, until the next batch has begun.

        Raises
        ------
        MachineError
            If the table cannot be written.
        """
        last = journal.standing(self.directory)
        rows = []
        for one in self.all:
            key = "" if one.work is None else one.work.identity.key
            entry = last.get(one.name)
            if entry is None or entry.run != key:
                return None
            rows.append({name: getattr(entry, name) for name in _TOLD})
        table = pd.DataFrame(rows, columns=list(_TOLD))
        with _written(self.directory):
            journal.check(self.directory)
        with reserved(self.directory / TABLE, overwrite=True), new_file(self.directory / TABLE) as made:
            table.to_parquet(made, index=False)
        line = {"time": journal.now(), "batch": self.name, "event": journal.COLLECTED}
        with _written(self.directory / journal.NAME):
            journal.note_line(self.directory, line)
        return table

    def drop_old(self, keep: int) -> int:
        """Drop all but the newest runs of each scenario (:func:`.clearing.drop_old`); return how many were dropped."""
        return drop_old(self.directory, keep)

    def profile(self, entries: Sequence[Entry]) -> pd.DataFrame:
        """Return where time went, of what a run of this batch gave (:func:`.profile.profile`), and note it in the log.

        Raises
        ------
        MachineError
            If the run log cannot be written.
        """
        own = {part: one._asdict() for part, one in self.times.spent().items()}
        told = [(one.scenario, one.spent) for one in entries]
        line = {"time": journal.now(), "batch": self.name, "event": journal.PROFILE}
        spent = total([own, *(one.spent for one in entries)])
        with _written(self.directory / journal.NAME):
            journal.note_line(self.directory, {**line, "spent": spent})
        return profile([("(planning the batch)", own), *told])


_TOLD = (
    "scenario", "run", "code", "status", "chosen", "cost_usd_per_year", "lower_bound_usd_per_year", "message",
)  # fmt: skip
"""What the table of a batch tells of each scenario: nothing of when it was done, or how."""


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Tell as the machine's what keeps a path from being written."""
    try:
        yield
    except OSError as error:
        raise MachineError(f"{path}: cannot be written: {error.strerror or error}; what was there stays") from None


def _fair_s(deadline_s: float | None, works: int, at_once: int) -> float | None:
    """Return how long a scenario may take [s]."""
    if deadline_s is None:
        return None
    return max(0.0, deadline_s - time.monotonic()) / max(1, math.ceil(works / at_once))


def worst(codes: Sequence[int]) -> int:
    """Return the exit code of a batch whose scenarios had these."""
    return next(code for code in WORST_FIRST if code in (*codes, 0))
