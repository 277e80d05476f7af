"""The shell script that collects at a Slurm site what an import needs, with users and accounts as codes.

It is ``collect.sh``, in POSIX shell and awk, for login nodes that have nothing else.
"""

from __future__ import annotations

from pathlib import Path

SCRIPT = Path(__file__).with_name("collect.sh").read_text(encoding="utf-8")
"""The script."""
