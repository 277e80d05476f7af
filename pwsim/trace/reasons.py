"""Why records of a log are not replayed: what there is to say of each reason, and what tells that it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class DropReason:
    """Why a record cannot be replayed."""

    name: str
    """What it is called in tables."""
    text: str
    """What is wrong with the record, as a sentence."""
    words: str
    """What is wrong with such records, said after their number."""
    work_lost: bool = True
    """Whether the record may have taken processors away from others, and does not stand elsewhere in the log."""
    fault: Callable[[Mapping[str, Any]], npt.NDArray[np.bool_]] | None = None
    """Which rows of a trace's raw columns have it; ``None`` where only the reader of a format can tell."""


_DROPPED = (
    DropReason(
        "not_started",
        "it had not started when the log ends, or never did",
        "had not started when the log ends, or never did",
        work_lost=False,
    ),
    DropReason(
        "still_running",
        "it was still running when the log ends",
        "were still running when the log ends",
    ),
    DropReason(
        "unknown_state",
        "its state is none that the format knows",
        "in a state that the format does not know",
    ),
    DropReason(
        "aborted",
        "it was aborted or deleted before it could end by itself",
        "aborted or deleted",
        work_lost=False,
    ),
    DropReason(
        "duplicate",
        "the same record occurs before",
        "recorded twice",
        work_lost=False,
    ),
    DropReason(
        "no_size",
        "neither requested nor allocated processors are positive",
        "neither asked for nor got processors",
        fault=lambda raw: raw["procs"] <= 0,
    ),
    DropReason(
        "negative_run_time",
        "the run time is negative (unknown)",
        "unknown run time",
        fault=lambda raw: raw["run_s"] < 0,
    ),
    DropReason(
        "negative_submit_time",
        "the submit time is negative (unknown)",
        "unknown submission",
        fault=lambda raw: raw["submit_s"] < 0,
    ),
)
DROP_REASONS: Mapping[str, DropReason] = {reason.name: reason for reason in _DROPPED}
"""Why a record cannot be replayed (semantics §1), by name; a record with several faults counts under the first."""


@dataclass(frozen=True)
class LeftOutReason:
    """Why a job that could be replayed was left out."""

    name: str
    """What it is called in tables."""
    text: str
    """What such jobs are."""
    asked: bool = True
    """Whether that is a request, and not what a request entails."""


_LEFT_OUT = (
    LeftOutReason("window", "submitted outside the window"),
    LeftOutReason("where", "not among the jobs that were asked for"),
    LeftOutReason("flurries", "part of a flurry of one user"),
    LeftOutReason("growth", "taken away because the workload shrinks"),
    LeftOutReason("partial_week", "in a last week that is not whole, of which nothing is drawn", asked=False),
)
LEFT_OUT_REASONS: Mapping[str, LeftOutReason] = {reason.name: reason for reason in _LEFT_OUT}
"""Why a job that could be replayed was left out, by name."""


def dropped_words(reason: str) -> str:
    """Return a reason to drop records in words; one that only an older version knew, by its name."""
    return DROP_REASONS[reason].words if reason in DROP_REASONS else reason


def left_out_words(reason: str) -> str:
    """Return a reason to leave out jobs in words; one that only an older version knew, by its name."""
    return LEFT_OUT_REASONS[reason].text if reason in LEFT_OUT_REASONS else reason
