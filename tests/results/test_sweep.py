"""Workers: what becomes of them when nobody needs them any more."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

PARENT = """
import os, signal, time
from pwsim.results import in_parallel

def worker(number):
    time.sleep(0.2)
    return os.getpid()

if __name__ == "__main__":
    print(*in_parallel(worker, [(one,) for one in range(8)], workers=2, engine="simpy"), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_workers_end_soon_after_their_parent_was_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    with (tmp_path / "said").open("w+") as said:  # no pipe, whose end workers would hold
        done = subprocess.run([sys.executable, str(tmp_path / "parent.py")], stdout=said, check=False)
        said.seek(0)
        pids = set(map(int, said.read().split()))
    assert done.returncode == -signal.SIGKILL
    assert pids
    until_s = time.monotonic() + 60
    while any(map(lives, pids)) and time.monotonic() < until_s:
        time.sleep(0.1)
    assert not [pid for pid in pids if lives(pid)]
