"""A log's statistical twin: what is typical of a log, as a short text that holds no job and no user of it.

Jobs come in *series*: jobs of one user with the same size and the same estimate, each at most
an hour of activity after the one before.  A twin holds

- how arrivals vary with the hour and the weekday.  All else about time is in *activity time*, which runs faster where
  more jobs arrive, so that it knows no cycles;
- classes of size, within them classes of estimate, and for each of these the share of series, the popular sizes and
  estimates, the jobs a series and how much of its estimate a job runs;
- how alike the jobs of a series are in that, and the gaps between them;
- how many users there are, and how many series a user has;
- how much periods of four weeks differ (``tide``), and how far users hold back while much work is about.  Starts of
  series drawn at random would make the work swing more from day to day than in real logs, and waits come out too long.
  So a share ``held_back`` of the series, drawn at random, each take the one of two random half days on which less work
  has been submitted so far.  That users react to the load is known (reference below); to say it in one number is ours.

Tables of quantiles are interpolated on a logarithmic scale.  :func:`.fitting.fit` makes a twin from a log.

References
----------
E. Shmueli, D. G. Feitelson: On simulation and design of parallel-systems schedulers: are we doing the right thing?
IEEE Trans. Parallel Distrib. Syst. 20(7), 2009, doi:10.1109/TPDS.2008.152.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from pwsim.common import InputError, ScenarioError, new_file, problems, read_document
from pwsim.trace import Trace
from pwsim.workload.twin.form import QUANTILES, Form
from pwsim.workload.twin.making import Making


class Twin(Form):
    """What is typical of a log, and logs made of it."""

    def generate(
        self,
        *,
        jobs: int | None = None,
        days: float | None = None,
        load: float | None = None,
        cores: int | None = None,
        seed: int = 1,
    ) -> Trace:
        """Return a log like the one that the twin was made from.

        Parameters
        ----------
        jobs, days
            Number of jobs, or length [days], which the log then has about; by default the jobs of the log.
        load
            Offered load on ``cores``: more or fewer series come, each as it is; the log's own if left out.
        cores
            Processors that the load refers to; those of the log's machine if left out.  Jobs stay as wide as they are:
            a note counts those that are wider.
        seed
            Seed of the random numbers; the same seed gives the same log.

        Raises
        ------
        InputError
            If both jobs and days are given, or a load but no processors, or processors but no load.
        """
        if jobs is not None and days is not None:
            raise InputError("give either a number of jobs or of days, not both: the load ties them together")
        if cores is not None and load is None:
            raise InputError(f"cores say to what the load refers: give a load with them (got cores {cores} alone)")
        cores = cores or self.cores
        busy_cores = self.core_hours_per_day / 24
        if load is not None:
            if not cores:
                raise InputError(f"the twin of {self.of} does not know the machine's size: give cores with the load")
            busy_cores = load * cores
        if jobs is None:
            ratio = busy_cores / (self.core_hours_per_day / 24)
            jobs = self.jobs if days is None else max(1, round(self.jobs * days / self.days * ratio))
        return Making(self, jobs, seed).trace(busy_cores, cores)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the twin as YAML.

        Raises
        ------
        InputError, MachineError
            If the file cannot be written.
        """
        writer = YAML()
        writer.default_flow_style = None
        writer.width = 120
        text = io.StringIO()
        text.write("# A statistical twin made by pwsim: typical values of a log, none of its jobs and users.\n")
        shares = ", ".join(f"{100 * one:g}" for one in QUANTILES)
        text.write(f"# Tables (jobs, accuracy, gap_s, rare_s, series) give the values that {shares} % do not exceed.\n")
        writer.dump(_plain(self.model_dump(exclude_defaults=True)), text)
        with new_file(Path(path)) as beside:
            beside.write_text(text.getvalue(), encoding="utf-8")


def read_twin(path: str | os.PathLike[str]) -> Twin:
    """Read and check a twin.

    Raises
    ------
    ScenarioError
        With every problem of the file: line, path of keys, what is wrong and what would be right.
    """
    document = read_document(Path(path), list(Twin.model_fields))
    try:
        return Twin.model_validate(document.data)
    except ValidationError as error:
        document.add_all(problems(error, document.data, Twin))
    raise ScenarioError(str(path), document.problems)


def _plain(value: Any) -> Any:
    """Return tuples as lists, for YAML."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
