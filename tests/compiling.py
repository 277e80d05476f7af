"""The engine is compiled once, before processes that test side by side would each do it.

``python -m tests.compiling KIND`` compiles it for a kind of cluster.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
STEADY: dict[str, Any] = {"name": "own", "kind": "on_premises", "nodes": 2, "node": {"cores": 1}}
CHANGING = {**STEADY, "placement": "nodes", "mtbf": 86_400}
HOURS = {"hours": [{"open": "mon 08:00-18:00"}]}
KINDS: dict[str, dict[str, Any]] = {
    "changing rules": {"pools": [CHANGING], **HOURS},
    "rules": {"pools": [STEADY], **HOURS},
    "changing": {"pools": [CHANGING]},
    "steady": {"pools": [STEADY]},
}
"""A cluster of each kind for which the engine is compiled by itself; what takes longest comes first."""


def compile_for(kind: str) -> None:
    """Replay a job on a cluster of a kind, which compiles the engine for it unless that was done."""
    from pwsim import Cluster, Trace, simulate
    from pwsim.prices import Start, parse_local

    job = Trace.from_columns({"submit_s": [0], "run_s": [1], "procs": [1]})
    simulate(job, Cluster.model_validate(KINDS[kind]), engine="compiled", start=Start(parse_local("2026-01-05"), ""))


def compile_all() -> bool:
    """Compile for all kinds, in two processes at a time; return whether it could be done: if not, tests will say why."""
    waiting, running, done = list(KINDS), list[subprocess.Popen[bytes]](), True
    while waiting or running:
        if waiting and len(running) < 2:
            running.append(subprocess.Popen([sys.executable, "-m", __name__, waiting.pop(0)], cwd=ROOT))
        else:
            done &= running.pop(0).wait() == 0
    return done


def facts() -> str:
    """Return a name for what is compiled, where, and where it is kept: as long as it stays, nothing is to be done."""
    digest = hashlib.sha256(repr((sys.version, os.environ.get("NUMBA_CACHE_DIR"))).encode())
    for room in ("engine", "rules"):
        for path in sorted((ROOT / "pwsim" / room).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    compile_for(sys.argv[1])
