"""What goes from the directory of a batch: old runs, and what processes that were killed have left."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

import filelock

from pwsim import report
from pwsim.common import InputError, reserved
from pwsim.scenario import UNUSED_S, KeptLogs
from pwsim.scenario.batch import journal, tables
from pwsim.scenario.batch.running import LOGS, results_of


def clear_litter(directory: Path) -> None:
    """Remove what processes that were killed left half-written, and logs and locks that nobody has asked for lately."""
    patterns = ("results/*/.*.pwsim", "data/*/*/*/.*.pwsim", f"{LOGS}/.*.pwsim")
    for hidden in (path for pattern in patterns for path in directory.glob(pattern)):
        path = hidden.with_name(hidden.name[1 : -len(".pwsim")])
        files = report.FILES if hidden.parent.parent.name == "results" else ()
        with suppress(InputError), reserved(path, overwrite=True, files=files):
            pass  # it clears as it begins, unless another process is at work there
    for path in directory.glob(".locks/*.lock"):
        with suppress(OSError, filelock.Timeout):
            if time.time() - path.stat().st_mtime > UNUSED_S:
                with filelock.FileLock(path, timeout=0):
                    path.unlink()
    KeptLogs(directory / LOGS).drop_unused()


def drop_old(directory: Path, keep: int) -> int:
    """Drop all but the newest runs of each scenario; return how many were dropped.

    Parameters
    ----------
    directory
        The directory of a batch.
    keep
        How many runs of each scenario stay: those that a batch last answered with.
    """
    newest: dict[str, dict[str, None]] = {}
    for entry in journal.entries(directory):
        if entry.event != "failed":
            runs = newest.setdefault(entry.scenario, {})
            runs.pop(entry.run, None)
            runs[entry.run] = None
    dropped = 0
    for scenario, runs in newest.items():
        for run in list(runs)[:-keep]:
            results = results_of(directory, scenario, run)
            parts = [tables.part(directory / "data", name, scenario, run).parent for name in tables.DATA]
            dropped += results.is_dir()
            for folder in (*parts, results):
                shutil.rmtree(folder, ignore_errors=True)
    return dropped
