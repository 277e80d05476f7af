"""What can go wrong, and how it is said.

::

    PwsimError
    ├── InputError          a scenario, a log, a price or an option is wrong (exit code 2)
    │   ├── ScenarioError   a scenario file; carries every problem found in it
    │   ├── TraceError      a workload log
    │   └── HopelessError   a setup whose replay would never end
    ├── MachineError        the machine failed: a full disk, a lost worker, a file that cannot be written (exit code 4)
    └── SolverError         the optimiser gave no answer that can be trusted (exit code 4)

A message says what is wrong, where (file, line, key or field), the value that was got and what would be
right; where the machine failed, it says what is left.  The command line prints it as it is, without a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NO_SETUP, BAD_INPUT, INTERRUPTED, MACHINE_FAILED = 1, 2, 3, 4
"""Exit codes beside 0; 1 also says that a proof does not hold, or that an answer changed."""


class PwsimError(Exception):
    """The base of every error that pwsim raises on purpose."""


class InputError(PwsimError):
    """Something that the user gave is wrong."""


class TraceError(InputError):
    """A workload log cannot be read or makes no sense."""


class HopelessError(InputError):
    """A replay that would never end: a pool launches nodes in vain while jobs wait (semantics §6).

    The message is the reason.  It is about one setup: others of the same scenario may do.
    """


class MachineError(PwsimError):
    """The machine failed: its disk is full, a worker process was lost, a file could not be written."""


class SolverError(PwsimError):
    """The optimiser gave no answer that can be trusted."""


def told(error: Exception) -> tuple[str, int]:
    """Return message and exit code of an error that pwsim or the machine raised; an empty one of a bug."""
    if isinstance(error, PwsimError):
        return str(error), MACHINE_FAILED if isinstance(error, MachineError | SolverError) else BAD_INPUT
    if isinstance(error, MemoryError):
        why = f" ({error})" if str(error) else ""
        more = "Run fewer at once (--workers), or take a part of the log."
        return f"Out of memory{why}; nothing was written.  {more}", MACHINE_FAILED
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}; nothing was written.", MACHINE_FAILED
    return "", 0


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a file.

    Examples
    --------
    >>> print(Problem(4, "cluster.pools.0.nodes", "must be at least 1 (got 0)").at("demo.yaml"))
    demo.yaml:4: cluster.pools.0.nodes: must be at least 1 (got 0)
    """

    line: int
    """Line in the file, from 1; 0 where none is known."""
    key: str
    """Path of keys, joined by dots; empty for the file as a whole."""
    message: str
    """What is wrong, the value that was got, and what would be right."""

    def at(self, path: str) -> str:
        """Return the problem as one line of text, with its place in front."""
        where = f"{path}:{self.line}" if self.line else path
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


MOST_PROBLEMS = 1000
"""Problems of a file that are shown."""


class ScenarioError(InputError):
    """A scenario file is wrong; ``problems`` holds what was found, at most :data:`MOST_PROBLEMS`, in order of line."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        self.path = path
        found = sorted(set(problems))
        self.problems = found[:MOST_PROBLEMS]
        said = [problem.at(path) for problem in self.problems]
        if len(found) > MOST_PROBLEMS:
            said.append(f"{path}: and at least {len(found) - MOST_PROBLEMS:,} more; these are the first")
        super().__init__("\n".join(said))
