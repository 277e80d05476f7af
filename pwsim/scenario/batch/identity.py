"""What the results of a scenario depend on, part by part: the same again need not be done, and what changed is told."""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pwsim
from pwsim._version import __version__
from pwsim.common import InputError
from pwsim.results import SCHEMA_VERSION
from pwsim.scenario import Scenario, file_sum

ID_DIGITS = 16
"""Hexadecimal digits of a key."""
_MONEY = re.compile(r"^(cost|commitments|savings_plans|discount_rate|pue)$|usd|price|carbon")
"""Keys of a scenario that say what things cost."""
_LIBRARIES = ("numpy", "pandas", "scipy", "numba", "pulp", "highspy", "simpy", "pyarrow")


class Identity(NamedTuple):
    """Sums of what results depend on."""

    scenario: str
    """What the scenario says, after changes, but for prices; and what is asked of the run beside it."""
    prices: str
    """What things cost, said there or taken from the price table: the scenario with all that is taken over."""
    log: str
    """The bytes of the log, and of what belongs to it."""
    version: str
    """The code of pwsim, and the versions of what it computes with."""

    @property
    def key(self) -> str:
        """Sum of all: the name of the run."""
        return _sum(*self)[:ID_DIGITS]

    def changes(self, before: Identity) -> list[str]:
        """Return which parts differ from those of a run before: ``log``, ``prices``, ``scenario``, ``version``.

        Prices are only told if the scenario is what it was: with another, other prices may be taken.
        """
        found = [part for part in ("log", "scenario", "version") if getattr(self, part) != getattr(before, part)]
        if self.prices != before.prices and not {"scenario", "version"} & set(found):
            found.insert(1 if "log" in found else 0, "prices")
        return found


def identity(scenario: Scenario, asked: str = "") -> Identity:
    """Return what the results of a scenario depend on.

    Parameters
    ----------
    scenario
        The scenario, after changes.
    asked
        What else is asked of the run, as text.

    Raises
    ------
    InputError
        If the log, or a file that goes with it, cannot be read.
    """
    resolved = json.dumps(scenario.resolved(), sort_keys=True)
    code = [text for one in (scenario.cluster, scenario.baseline) if one is not None for text in one.code_texts()]
    return Identity(
        scenario=_sum(json.dumps(_unpriced(json.loads(scenario.said))), asked, *code),
        prices=_sum(resolved),
        log=_sum(*(file_sum(path) for path in _files(scenario))),
        version=code_sum(),
    )


def _unpriced(said: Any) -> Any:
    """Return what a scenario says without what things cost."""
    if isinstance(said, list):
        return [_unpriced(one) for one in said]
    if not isinstance(said, dict):
        return said
    return {key: _unpriced(one) for key, one in said.items() if not _MONEY.search(key)}


def _files(scenario: Scenario) -> list[Path]:
    """Return the log, and the files that go with it.

    Raises
    ------
    InputError
        If one is not there.
    """
    found = []
    for log in (scenario.workload, scenario.workload.mix):
        if log is not None:
            found.append(log.path(scenario.folder))
            if isinstance(log.columns, str):
                found.append(scenario.folder / log.columns)
    for path in found:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
    return found


@functools.cache
def code_sum() -> str:
    """Return the sum of the code that computes results."""
    folder = Path(pwsim.__file__).parent
    texts = [
        f"{path.relative_to(folder).as_posix()}\0{path.read_text('utf-8')}" for path in sorted(folder.rglob("*.py"))
    ]
    versions = [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    return _sum(__version__, str(SCHEMA_VERSION), platform.python_version(), *versions, *texts)


def _sum(*texts: str) -> str:
    """Return the sum of some texts."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()
