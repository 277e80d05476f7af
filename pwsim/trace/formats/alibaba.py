"""The task list of the Alibaba GPU cluster trace v2023 (``openb_pod_list_*.csv``): a row a task, and a task is a job.

Columns: ``name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec, qos, pod_phase, creation_time, deletion_time,
scheduled_time``; times are seconds from an arbitrary zero.  A task on one GPU may ask for a part of it
(``gpu_milli`` below 1000); on several GPUs it has them whole.  A task runs on one node.

Faults of the data: tasks that are ``Pending`` were never scheduled and have no run time, so they are dropped
(``not_started``); a task that is still ``Running`` when the observation ends has that as its deletion time, so its run
time is cut off, which a note says (most tasks of that phase were deleted before).  Nobody asked for a run time, so
estimates are exact.  Arrivals bunch towards the end of the observation.

References
----------
Q. Weng et al.: Beware of fragmentation: scheduling GPU-sharing workloads with fragmentation gradient descent. USENIX
ATC 2023, https://www.usenix.org/conference/atc23/presentation/weng.  Data: https://github.com/alibaba/clusterdata,
for research and study.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from pwsim.common import TraceError
from pwsim.trace.formats.delimited import header_names, read_rows
from pwsim.trace.formats.files import first_line, stem
from pwsim.trace.formats.format import Format
from pwsim.trace.formats.tables import Seen
from pwsim.trace.table import LONGEST_S, WIDEST, Trace

COLUMNS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "qos", "pod_phase", "creation_time",
           "deletion_time", "scheduled_time")  # fmt: skip
"""The columns that are read."""


def read(path: Path) -> Trace:
    """Read a task list.

    Raises
    ------
    TraceError
        If the file cannot be read, a column is missing, or a field makes no sense: names line, field and value.
    """
    names = header_names(path, ",")
    if missing := [column for column in COLUMNS if column not in names]:
        raise TraceError(f"{path}:1: column {missing[0]!r} is missing; the task list has {', '.join(COLUMNS)}")
    tables = []
    for rows in read_rows(path, ",", names, COLUMNS, header=True):
        table = pd.DataFrame({"job_id": rows.parsed("name", _number_of, "int64"), "record": rows.records})
        for column in ("cpu_milli", "memory_mib", "num_gpu", "gpu_milli"):
            table[column] = np.nan_to_num(rows.numbers(column, whole=True, limit=WIDEST))
        for column in ("creation_time", "deletion_time", "scheduled_time"):
            table[column] = rows.numbers(column, limit=LONGEST_S)
        tables.append(table.assign(qos=np.asarray(rows.names("qos")), phase=np.asarray(rows.names("pod_phase"))))
    if not tables:
        raise TraceError(f"{path}: has no tasks")
    return _trace(pd.concat(tables, ignore_index=True), stem(path))


def recognises(start: bytes) -> bool:
    """Tell whether a log that starts like this is a task list."""
    return set(COLUMNS) <= set(first_line(start).split(","))


def _trace(tasks: pd.DataFrame, name: str) -> Trace:
    started = tasks["scheduled_time"].notna()
    seen = Seen()
    seen.add("not_started", tasks["record"].to_numpy()[~started])
    tasks = tasks[started]
    run_s = tasks["deletion_time"] - tasks["scheduled_time"]
    notes = []
    running = tasks["phase"] == "Running"
    if cut := int((running & (tasks["deletion_time"] == tasks["deletion_time"].max())).sum()):
        notes.append(f"{cut} tasks were still running when the observation ended; their run time is cut off there")
    columns = {
        "job_id": tasks["job_id"],
        "submit_s": tasks["creation_time"].fillna(-1),
        "run_s": run_s.fillna(-1),
        "procs": np.maximum(np.ceil(tasks["cpu_milli"] / 1000), 1),
        "nodes": np.ones(len(tasks), dtype=np.int64),
        "memory_mib": tasks["memory_mib"],
        "gpus": tasks["num_gpu"] * tasks["gpu_milli"] / 1000,
        "recorded_wait_s": tasks["scheduled_time"] - tasks["creation_time"],
        "recorded_status": pd.Categorical(tasks["phase"]),
        "queue": pd.Categorical(tasks["qos"]),
    }
    return Trace.from_columns(
        columns,
        name=name,
        notes=tuple(notes),
        dropped=seen,
        first_dropped=seen.first,
        records=tasks["record"].to_numpy(),
    )


def _number_of(text: str) -> int:
    """Return the number at the end of a task's name."""
    found = re.search(r"\d{1,15}$", text, re.ASCII)
    if found is None:
        raise ValueError("must end in a number, such as openb-pod-0001")
    return int(found[0])


FORMATS = (
    Format(
        "alibaba-gpu-2023",
        "task list of the [Alibaba GPU cluster trace v2023](https://github.com/alibaba/clusterdata) (for research and "
        "study)",
        read,
        recognises,
    ),
)
