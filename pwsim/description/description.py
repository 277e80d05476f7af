"""What is in a log, and what is wrong with it.

Two steps: a profile of facts (:mod:`~pwsim.description.profile`), then verdicts, which look at nothing but the profile
(:mod:`~pwsim.description.log_checks`, :mod:`~pwsim.description.job_checks`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pwsim.common import InputError
from pwsim.description import job_checks, log_checks, text
from pwsim.description.profile import profile_of
from pwsim.description.verdict import LEVELS, Verdict
from pwsim.trace import Clock, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FILE = "description.json"
"""The file of a directory that :meth:`Description.write` made."""


@dataclass(frozen=True)
class Description:
    """What is in a log, and what is wrong with it.

    Its text, ``str(description)``, is what ``pwsim trace describe`` prints.
    """

    profile: dict[str, Any]
    """Facts, as plain data: ``log``, ``machine``, ``span``, ``load``, ``arrivals``, ``gaps``, ``users``, ``procs``,
    ``run_s``, ``estimates``, ``waits``, ``flurries``, ..."""
    verdicts: tuple[Verdict, ...]
    """Judgements of the facts, each with a topic, a level (ok, warning, problem), a finding, and advice."""

    def __str__(self) -> str:
        return text.as_text(self.profile, self.verdicts)

    def __repr__(self) -> str:
        found = ", ".join(f"{sum(one.level == level for one in self.verdicts)} {level}" for level in LEVELS)
        return f"<Description of {self.profile['log']['name']!r}: {found}>"

    def to_dict(self) -> dict[str, Any]:
        """Return profile and verdicts in the types of JSON."""
        return {**self.profile, "verdicts": [verdict._asdict() for verdict in self.verdicts]}

    def to_json(self) -> str:
        """Return profile and verdicts as JSON: the same text for the same log."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def plot(self, kind: str = "load", ax: Axes | None = None) -> Axes:
        """Draw a figure of the log.

        Parameters
        ----------
        kind
            Which figure: a name of :data:`pwsim.figures.OF_LOG`, such as ``load``, ``sizes``, ``run_times``,
            ``estimates``, ``waits``, ``hours``, ``weekdays``, ``users``, ``gpu_load`` or ``gpus``.
        ax
            Axes to draw on; new ones if left out.

        Raises
        ------
        ValueError
            If there is no such figure.
        """
        from pwsim import figures

        return figures.plot(figures.OF_LOG, kind, {"profile": self.profile}.__getitem__, ax)

    def write(self, directory: Path | str, *, overwrite: bool = False) -> None:
        """Write ``description.json``, ``report.html`` and ``figures/`` into a new directory, all or nothing.

        Raises
        ------
        InputError, MachineError
            If the directory exists and may not be replaced, or cannot be written.
        """
        from pwsim.description import page

        page.write(self, Path(directory), overwrite=overwrite)


def describe(trace: Trace, cores: int | None = None, time_zone: str = "UTC") -> Description:
    """Describe a log: its contents, and its faults with what to do about each.

    Parameters
    ----------
    trace
        The log, as :func:`pwsim.read_trace` gives it, or changed.
    cores
        Processors of the machine that wrote it; what the header of a log in SWF says (``MaxProcs``) if left out.
    time_zone
        Zone in which hours and weekdays are counted, with its summer time, where the log's times are seconds since 1970
        and its header tells no start.

    Raises
    ------
    InputError
        If the trace has no jobs, ``cores`` is not positive, or there is no such zone.

    Examples
    --------
    >>> import pwsim
    >>> described = describe(pwsim.generate(jobs=500, cores=16, load=0.8, seed=1))
    >>> round(described.profile["load"]["offered_load"], 3)
    0.8
    >>> [verdict.level for verdict in described.verdicts if verdict.topic == "Load"]
    ['ok']
    """
    if not len(trace):
        raise InputError(f"{trace.name}: has no jobs to describe")
    if cores is not None and not 0 < cores <= 10**9:
        raise InputError(f"cores must be a number from 1 to 1,000,000,000 (got {cores!r})")
    try:
        Clock(time_zone)
    except ValueError as error:
        raise InputError(f"time_zone: {error}") from None
    profile = profile_of(trace, cores, time_zone)
    checks = (*log_checks.CHECKS, *job_checks.CHECKS)
    return Description(profile, tuple(verdict for check in checks if (verdict := check(profile)) is not None))
