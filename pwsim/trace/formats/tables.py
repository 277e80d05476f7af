"""Records as readers gather them: gathered from batches, freed of those that occur twice, and when they could start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from pwsim.trace.table import Floats, Integers

RECORD = ("submit_s", "recorded_wait_s", "run_s", "procs", "estimate_s", "gpus")
"""What tells two records with the same job id apart, beside the id."""


class Moments(NamedTuple):
    """When jobs were to start, arrays of shape (jobs,)."""

    submit_s: Floats
    """When the replay submits them: when they could first start where the log knows it, else their submission."""
    recorded_wait_s: Floats
    """From then to the start; NaN where unknown or negative."""
    held_s: Floats
    """From the log's submission until then; NaN where the log does not say when they could start."""
    unusable: npt.NDArray[np.bool_]
    """Whether the log says that they could start before their submission, or after their start."""


def moments(submit: Floats, eligible: Floats, start: Floats) -> Moments:
    """Return the moments that count, of times in seconds with NaN where unknown.

    Dependencies, begin times and holds are the user's: what the scheduler makes a job wait counts from when it could
    first start.
    """
    submit = np.where(np.isnan(submit), eligible, submit)
    usable = (eligible >= submit) & ~(eligible > start)  # false where unknown
    ready = np.where(usable, eligible, submit)
    wait_s = start - ready
    unusable = ~usable & ~np.isnan(eligible)
    return Moments(
        ready, np.where(wait_s >= 0, wait_s, np.nan), np.where(np.isnan(eligible), np.nan, ready - submit), unusable
    )


class Seen(Counter[str]):
    """What a reader counted, by event (a reason to drop records, or one of :data:`NOTES`), and where it came first."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[str, int] = {}
        """Number of the first record of each event."""

    def add(self, event: str, numbers: Integers, weights: Integers | None = None) -> None:
        """Count an event in the records of these numbers, in their order; each counts once, or by its weight."""
        if len(numbers):
            self[event] += len(numbers) if weights is None else int(weights.sum())
            self.first.setdefault(event, int(numbers[0]))


NOTES = {
    "steps": "rows of job steps were left out; they are no jobs",
    "tasks": "jobs stand in rows that each name a range of array tasks",
    "held": "jobs could first start after their submission (dependency, begin time or hold); the replay submits them "
    "when they could, and held_s is the time until then",
    "unusable": "jobs could, by the log, first start before their submission or after their start, which was not used",
    "wait": "jobs started before they were submitted; their recorded wait was left out",
    "limit": "jobs have no time limit of their own; their estimate is their run time",
    "glued": "spaces were missing between fields of records, and were put in",
    "others": "records of other types (queued, started, reserved, ...) were left out; they tell of no other jobs",
    "unfollowed": "jobs waited for others in a way that is not modelled (after, singleton, expand, or one of several)",
    "again": "records have a job id that came before, with other times (requeued); each attempt is a job",
}
"""What is said of what readers counted, by event."""


def notes(seen: Mapping[str, int]) -> list[str]:
    """Say in words which events readers counted."""
    return [f"{seen[event]} {text}" for event, text in NOTES.items() if seen.get(event)]


class Growing:
    """Columns that grow by a batch at a time; arrays are enlarged where they are, so that nothing is held twice."""

    def __init__(self) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        self._codes: dict[str, dict[str, int]] = {}
        self._count = 0

    def add(self, batch: Mapping[str, Any]) -> None:
        """Put a batch behind what is there; every batch has the same columns."""
        end = self._count + len(next(iter(batch.values())))
        for name, column in batch.items():
            values = self._coded(name, column) if isinstance(column, pd.Categorical) else column
            array = self._arrays.setdefault(name, np.empty(0, dtype=values.dtype))
            if end > len(array):
                array.resize(max(end, len(array) * 5 // 4), refcheck=False)
            array[self._count : end] = values
        self._count = end

    def _coded(self, name: str, column: pd.Categorical[str]) -> npt.NDArray[np.int32]:
        known = self._codes.setdefault(name, {})
        codes = [known.setdefault(category, len(known)) for category in column.categories]
        return np.array(codes, dtype=np.int32)[column.codes] if codes else np.empty(0, dtype=np.int32)

    def table(self) -> dict[str, Any]:
        """Return the columns, empty if no batch was added; nothing can be added any more."""
        for array in self._arrays.values():
            array.resize(self._count, refcheck=False)
        named = {
            name: pd.Categorical.from_codes(self._arrays[name], categories=pd.Index(list(codes), dtype="str"))
            for name, codes in self._codes.items()
        }
        return {**self._arrays, **named}


def drop_duplicates(table: dict[str, Any], keys: Sequence[str], seen: Seen) -> dict[str, Any]:
    """Return the table without records that occur before.

    Parameters
    ----------
    table
        Columns of a trace, of what makes a job's id, and ``record``: the number of the record.
    keys
        The columns that make the id; the first alone is the same for few records.
    seen
        Counts the records that go (``duplicate``), and those whose id still comes again (``again``).
    """
    suspects = np.flatnonzero(pd.Series(table[keys[0]]).duplicated(keep=False).to_numpy())
    if not len(suspects):
        return table
    columns = [*keys, *(name for name in RECORD if name in table)]
    records = pd.DataFrame({name: table[name][suspects] for name in columns})
    twice = records.duplicated().to_numpy()
    again = records[~twice].duplicated(subset=list(keys)).to_numpy()
    seen.add("again", table["record"][suspects[~twice][again]])
    seen.add("duplicate", table["record"][suspects[twice]])
    if not twice.any():
        return table
    kept = np.ones(len(table[keys[0]]), dtype=bool)
    kept[suspects[twice]] = False
    return {name: values[kept] for name, values in table.items()}
