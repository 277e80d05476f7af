"""Mappings of published logs, each read by :mod:`pwsim.trace.formats.table` under a name of its own.

``nrel-eagle``
    Jobs of the Eagle supercomputer of NREL (now NLR), as in ``sample_eagle_data.csv`` of
    https://github.com/NREL/eagle-jobs (BSD-3-Clause) and OEDI submission 5860, whose column names these are.  Times are
    local without a zone: ``time_zone: America/Denver`` minds summer time.  Jobs hold whole nodes of 36 cores, whatever
    number of processors they ask for, so replay them with ``placement: nodes``.  The unit of ``mem_req`` is not stated;
    it is not read.
``helios``
    The four GPU clusters of SenseTime in ``cluster_log.csv`` of https://github.com/S-Lab-System-Group/HeliosData
    (CC-BY-4.0), built from its header ``job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,
    duration,queue``.  A virtual cluster (``vc``) is a queue; ``queue`` is the wait.  Q. Hu et al.: Characterization and
    prediction of deep learning workloads in large-scale GPU datacenters. SC 2021, doi:10.1145/3458817.3476223.
``acme``
    ``trace_seren.csv`` and ``trace_kalos.csv`` of https://github.com/InternLM/AcmeTrace, built from the schema in its
    README: times have an offset; ids of Kalos are no numbers, so jobs are numbered by row; ``duration`` is not used,
    since in published rows it holds the wait as well.  Q. Hu et al.: Characterization of large language model
    development in the datacenter. NSDI 2024.
``philly``
    The Philly clusters of Microsoft (https://github.com/msr-fiddle/philly-traces) in the flat form of
    ``philly_trace.csv`` that HeliosData describes for comparison, with the columns ``vc, gpu_num, state, submit_time,
    start_time, end_time``.  The original JSON, with attempts within jobs, is not read.  No CPUs are recorded: each GPU
    counts as one processor.  M. Jeon et al.: Analysis of large-scale multi-tenant GPU clusters for DNN training
    workloads. USENIX ATC 2019.

``hcs``
    What the parsers of the HPC Cost Simulator (https://github.com/aws-samples/hpc-cost-simulator, MIT-0) write for LSF,
    Slurm and Accelerator, or a site itself, as its page "Understanding the CSV format" says.  Times are local without a
    zone.  ``max_mem_gb`` counts GiB (its rows are MiB over 1024); ``run_time`` is not used, since published rows hold
    negative ones; ``eligible_time``, ``queue`` and ``project`` may be absent.

Only ``nrel-eagle`` was tried on published data; the others on rows in the published form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pwsim.trace.formats import table
from pwsim.trace.formats.delimited import header_names
from pwsim.trace.formats.files import first_line
from pwsim.trace.formats.format import Format
from pwsim.trace.formats.mapping import source_column
from pwsim.trace.table import Trace


@dataclass(frozen=True)
class Preset:
    """A mapping, and what tells the logs that it is for."""

    words: str
    """What it is, in Markdown."""
    columns: Mapping[str, Any]
    """Where the table holds what."""
    optional: Mapping[str, str] = field(default_factory=dict)
    """Where it holds what else, if it has these columns."""
    marks: frozenset[str] = frozenset()
    """More columns that tell the log."""
    absent: frozenset[str] = frozenset()
    """Columns that the log does not have."""

    def recognises(self, start: bytes) -> bool:
        """Tell whether a log that starts like this has the columns."""
        names = set(first_line(start).split(","))
        needed = {source_column(source) for source in self.columns.values()}
        return (needed | self.marks) <= names and not self.absent & names

    def reader(self) -> Callable[..., Trace]:
        """Return the reader of the log."""

        def read(path: Path, time_zone: str = "UTC") -> Trace:
            names = header_names(path, ",") if self.optional else []
            more = {name: column for name, column in self.optional.items() if column in names}
            return table.read(path, {**self.columns, **more}, time_zone, kind="csv")

        return read


_TIMES = {"submit_s": "submit_time", "start_s": "start_time", "end_s": "end_time", "recorded_status": "state"}
_GPU_JOB = {**_TIMES, "procs": "cpu_num", "gpus": "gpu_num", "nodes": "node_num", "user": "user"}

PRESETS = {
    "nrel-eagle": Preset(
        "table of [NREL Eagle](https://github.com/NREL/eagle-jobs), mapped",
        {
            **_TIMES,
            "job_id": "job_id",
            "run_s": "run_time",
            "estimate_s": "wallclock_req",
            "procs": "processors_req",
            "nodes": "nodes_req",
            "gpus": "gpus_req",
            "user": "user",
            "user_group": "account",
            "queue": "partition",
            "partition": "partition",
        },
    ),
    "helios": Preset(
        "table of [Helios](https://github.com/S-Lab-System-Group/HeliosData), mapped",
        {**_GPU_JOB, "queue": "vc"},
        marks=frozenset({"duration"}),
    ),
    "acme": Preset(
        "table of [Acme](https://github.com/InternLM/AcmeTrace), mapped",
        _GPU_JOB,
        marks=frozenset({"type", "gpu_time"}),
        absent=frozenset({"vc"}),
    ),
    "philly": Preset(
        "table of [Philly](https://github.com/msr-fiddle/philly-traces) (flat), mapped",
        {**_TIMES, "procs": "gpu_num", "gpus": "gpu_num", "queue": "vc"},
        absent=frozenset({"cpu_num"}),
    ),
    "hcs": Preset(
        "CSV of AWS's [HPC Cost Simulator](https://github.com/aws-samples/hpc-cost-simulator)",
        {
            "job_id": "job_id",
            "submit_s": "submit_time",
            "start_s": "start_time",
            "end_s": "finish_time",
            "procs": "num_cores",
            "nodes": "num_hosts",
            "memory_mib": {"column": "max_mem_gb", "unit": "GiB"},
        },
        optional={"eligible_s": "eligible_time", "queue": "queue", "user_group": "project"},
    ),
}
"""Presets by the name of their format."""

FORMATS = tuple(Format(name, preset.words, preset.reader(), preset.recognises) for name, preset in PRESETS.items())
