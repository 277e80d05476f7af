"""Fields of Slurm's accounting: states, trackable resources, memory, time limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pwsim.trace.formats.fields import UNKNOWN, duration_s, memory_mib, number
from pwsim.trace.formats.rows import Rows
from pwsim.trace.table import WIDEST, Floats

REASONS = ("not_started", "still_running", "unknown_state")
"""Why a row is no job to replay, by its fate less one."""

ENDED = ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
         "PREEMPTED", "RECONFIG_FAIL", "REQUEUED", "TIMEOUT")  # fmt: skip
WAITING = ("PENDING", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "REVOKED", "SPECIAL_EXIT")
RUNNING = ("COMPLETING", "CONFIGURING", "EXPEDITING", "POWER_UP_NODE", "RESIZING", "RUNNING", "SIGNALING", "STAGE_OUT",
           "STOPPED", "SUSPENDED")  # fmt: skip

NO_LIMIT = -2.0
"""What :func:`limits_s` gives for a job that has no time limit of its own."""

_PER_CPU_MIB = 2.0**31


def state(text: str) -> str:
    """Return the word of a state: ``CANCELLED by 123`` is CANCELLED."""
    return text.upper().split(" ")[0].rstrip("+")


def fates(rows: Rows, start: Floats, run_s: Floats) -> npt.NDArray[Any]:
    """Return 0 for rows that are jobs to replay, else the place of the reason in :data:`REASONS`, from 1."""
    fate = rows.parsed("state", _fate, "int64") if "state" in rows.columns else np.zeros(len(rows), dtype=np.int64)
    unassigned = rows.parsed("nodelist", lambda text: text.lower() == "none assigned", "bool")
    fate = np.where((fate == 0) & (np.isnan(start) | unassigned), 1, fate)
    return np.where((fate == 0) & np.isnan(run_s), 2, fate)


def _fate(text: str) -> int:
    for code, states in enumerate((ENDED, WAITING, RUNNING)):
        if state(text) in states:
            return code
    return 3


def resources(rows: Rows) -> dict[str, Any]:
    """Return processors, nodes, memory and GPUs of each row, as columns of a trace."""
    asked, given = (
        {key: rows.parsed(column, tres(key)) for key in ("cpu", "node", "mem", "gpu")}
        for column in ("reqtres", "alloctres")
    )
    allocated = [rows.numbers(column, whole=True, limit=WIDEST) for column in ("alloccpus", "ncpus")]
    requested = rows.numbers("reqcpus", whole=True, limit=WIDEST)
    procs = _first(*allocated, given["cpu"], requested, asked["cpu"])
    nodes = _first(asked["node"], rows.numbers("nnodes", whole=True, limit=WIDEST))
    scope = rows.parsed("reqmem", lambda text: _request(text)[1], "int64")
    units = np.select([scope == 1, scope == 2], [np.maximum(nodes, 1), np.maximum(procs, 1)], 1.0)
    memory = _first(given["mem"], asked["mem"], rows.parsed("reqmem", lambda text: _request(text)[0]) * units)
    return {
        "procs": procs.astype(np.int64),
        "nodes": nodes.astype(np.int64),
        "memory_mib": np.ceil(np.minimum(memory, 2.0**52)).astype(np.int64),
        "gpus": _first(given["gpu"], asked["gpu"]),
    }


def _first(*choices: Floats) -> Floats:
    """Return the first choice that is positive, or zero."""
    value = np.zeros(len(choices[0]))
    for choice in choices:
        value = np.where(value > 0, value, np.nan_to_num(choice))
    return value


def tres(key: str) -> Callable[[str], float]:
    """Return the reader of one resource (``cpu``, ``node``, ``mem`` [MiB] or ``gpu``) of a text of trackable resources.

    Examples
    --------
    >>> [tres(key)("billing=12,cpu=12,gres/gpu:a100=4,mem=62.50G,node=1") for key in ("cpu", "mem", "gpu")]
    [12.0, 64000.0, 4.0]
    """

    def parse(text: str) -> float:
        pairs = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
        if key == "mem":
            return memory_mib(pairs["mem"], "m") if "mem" in pairs else math.nan
        if key != "gpu":
            return number(pairs.get(key, ""), whole=True, limit=WIDEST)
        if "gres/gpu" in pairs:  # the sum of the GPUs of all types, which may stand beside it
            return number(pairs["gres/gpu"], whole=True, limit=WIDEST)
        typed = [
            number(value, whole=True, limit=WIDEST) for name, value in pairs.items() if name.startswith("gres/gpu:")
        ]
        return sum(typed) if typed else math.nan

    return parse


def _request(text: str) -> tuple[float, int]:
    """Return ReqMem in MiB, and whether it is the job's (0), a node's (1) or a processor's (2)."""
    if text.lower() in UNKNOWN:
        return math.nan, 0
    scope = {"n": 1, "c": 2}.get(text[-1].lower(), 0)
    value = memory_mib(text[:-1] if scope else text, "m")
    return (value - _PER_CPU_MIB, 2) if scope and value >= _PER_CPU_MIB else (value, scope)


def limits_s(rows: Rows) -> Floats:
    """Return time limits; :data:`NO_LIMIT` where a job has none of its own, NaN where unknown."""
    return rows.parsed("timelimit", _limit_s)


def _limit_s(text: str) -> float:
    return NO_LIMIT if text.lower() in ("unlimited", "partition_limit") else duration_s(text)
