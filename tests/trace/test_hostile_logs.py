"""Broken logs of every format: a trace with right counts, or a message with file and line; never anything else.

Each format has a small good log.  Every field of its middle record is replaced by each of :data:`VALUES`, one at a time;
then whole files are cut, doubled, recoded and packed badly; then Hypothesis edits them at random.
"""

from __future__ import annotations

import gzip
import itertools
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import Trace, TraceError, read_trace
from pwsim.trace.formats.presets import PRESETS
from pwsim.trace.formats.reading import FORMATS, write_trace
from tests.trace.test_alibaba import HEADER, TASKS
from tests.trace.test_lsf import record as lsf_record
from tests.trace.test_pbs import record as pbs_record
from tests.trace.test_sacct import NAMES, row, xdmod_row
from tests.trace.test_table import PRESET_SAMPLES

MAPPING = {"columns": {"submit_s": "at", "run_s": "run", "procs": "n", "memory_mib": "mem", "user": "who"}}
TABLE = [{"at": 10 * job, "run": 60 + job, "n": job + 1, "mem": 5, "who": f"u{job}"} for job in range(4)]
SWF = "".join(f"{job} {job} 5 {10 + job} 4 -1 -1 8 60 1024 1 7 3 -1 2 1 -1 -1\n" for job in range(1, 5))


def preset_log(name: str) -> str:
    """Return four records of a preset, told apart by their size."""
    head, line = PRESET_SAMPLES[name].splitlines()
    return head + "\n" + "".join(line.replace("40", str(40 + job), 1) + "\n" for job in range(4))


LOGS: dict[str, str] = {
    "swf": "; Computer: tiny\n" + SWF,
    "sacct": NAMES + "\n" + "".join(row(JobID=str(job), JobIDRaw=str(job)) for job in range(1, 5)),
    "xdmod": "".join(xdmod_row(JobID=str(job), JobIDRaw=str(job)) for job in range(1, 5)),
    "pbs": "".join(pbs_record(job=f"{job}.s") for job in range(1, 5)),
    "lsf": "".join(lsf_record(job=job) for job in range(1, 5)),
    "alibaba-gpu-2023": HEADER + TASKS,
    "csv": "at,run,n,mem,who\n" + "".join(",".join(map(str, job.values())) + "\n" for job in TABLE),
    "jsonl": "".join(json.dumps(job) + "\n" for job in TABLE),
    **{name: preset_log(name) for name in PRESETS},
}
"""A good log of four records for each format of text."""

SEPARATORS = {"swf": " ", "sacct": "|", "xdmod": "|", "pbs": "[;= +/]", "lsf": " ", "jsonl": "[:,{}]"}

VALUES = (
    "", " ", "0", "-1", "0.5", "-0", "+3", "1e3", "1e300", "-1e300", "nan", "inf", "-inf", "NULL", "None", "Unknown", "true", "0x10",
    "1,5", "1_000", "9" * 25, "9" * 400, "ten", "é\u0660\u0661", "\ufeff", "a b", '"', '""', "'", "\\", "|", ";", "=", "[", "%s", "{}",
    "2024-02-30", "2024-01-01T25:00:00", "9999-12-31T23:59:59", "0001-01-01 00:00:00", "1-2-3", "99:99:99", "-1:00", "1:2:3:4", "1.2.3",
    "\x00", "\x1b[31m", "$(reboot)", "../../etc/passwd", "<script>", "UNLIMITED", "7_[1-3]", "7_[", "7+", "4000Mn", "1e9G", "cpu=", "=4",
    "gres/gpu=-1", "CANCELLED by", "RUNNING", "\t", "\u2028", "\x85",
)  # fmt: skip


def options(format_: str) -> dict[str, Any]:
    return MAPPING if format_ in ("csv", "jsonl", "parquet") else {}


def outcome(path: Path, format_: str) -> Trace | str:
    """Return the trace, or the message if the log is refused; anything else fails the test."""
    try:
        trace = read_trace(path, format_, **options(format_))
    except TraceError as error:
        return str(error)
    assert trace.jobs_read == len(trace) + sum(trace.dropped.values())
    assert all(count > 0 for count in trace.dropped.values())
    assert (trace.procs >= 1).all()
    assert (trace.run_s >= 0).all()
    assert (trace.estimate_s >= 1).all()
    return trace


def test_every_reader_is_tried():
    assert set(LOGS) | {"parquet", "pwsim", "table"} == set(FORMATS)


@pytest.mark.parametrize("format_", LOGS)
def test_the_good_logs_are_good(format_, tmp_path):
    (tmp_path / "log").write_text(LOGS[format_])
    trace = outcome(tmp_path / "log", format_)
    assert isinstance(trace, Trace)
    assert trace.jobs_read == 4


def spoiled(format_: str) -> Iterator[tuple[str, str, int]]:
    """Yield logs in which a field of the second-last record is replaced, with the value and the line."""
    lines = LOGS[format_].splitlines()
    target = len(lines) - 2
    separator = SEPARATORS.get(format_, ",")
    parts = re.split(f"({separator})" if separator.startswith("[") else f"({re.escape(separator)})", lines[target])
    for place in range(0, len(parts), 2):
        for value in VALUES:
            line = "".join([*parts[:place], value, *parts[place + 1 :]])
            yield "\n".join([*lines[:target], line, *lines[target + 1 :]]) + "\n", value, target + 1


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 11])  # 64 values: each field has others
@pytest.mark.parametrize("format_", LOGS)
def test_a_spoiled_field(format_, every, tmp_path):
    """The record is read, dropped and counted, or refused by its line; values take turns if not all are tried."""
    path = tmp_path / "log"
    cases = refused = 0
    for content, value, line in itertools.islice(spoiled(format_), 0, None, every):
        path.write_text(content, encoding="utf-8", newline="")
        result = outcome(path, format_)
        cases += 1
        if isinstance(result, str):
            refused += 1
            quoting = '"' in value and format_ in ("csv", "alibaba-gpu-2023", *PRESETS)  # it swallows the lines below
            assert result.startswith(f"{path}:{line}: " if not quoting else f"{path}:"), (value, result)
        elif format_ in ("sacct", "xdmod"):
            # "7.batch"-like ids are steps; a range of tasks stands for several jobs.
            assert result.jobs_read in (3, 4, 6), (value, result)
        elif format_ in ("pbs", "lsf") or (format_ == "swf" and value == ";"):
            # Another type of record is no job, nor is a remark.
            assert result.jobs_read in (3, 4), (value, result)
        else:
            assert result.jobs_read == 4, (value, result)
    assert cases >= 200 // every
    assert refused >= 20 // every


WRECKED: dict[str, Any] = {
    "empty": lambda _: b"",
    "blank lines": lambda _: b"\n \n\t\n",
    "zeros": lambda _: bytes(1000),
    "every byte": lambda _: bytes(range(256)) * 20,
    "first half": lambda log: log[: len(log) // 2],
    "second half": lambda log: log[len(log) // 2 :],
    "last byte lost": lambda log: log[:-2],
    "Windows": lambda log: log.replace(b"\n", b"\r\n"),
    "old Macintosh": lambda log: log.replace(b"\n", b"\r"),
    "no line ends": lambda log: log.replace(b"\n", b" "),
    "byte-order mark": lambda log: b"\xef\xbb\xbf" + log,
    "UTF-16": lambda log: log.decode().encode("utf-16"),
    "Latin-1": lambda log: log.replace(b"a", b"\xe4"),
    "zero bytes between": lambda log: log.replace(b"\n", b"\0\n"),
    "twice": lambda log: log * 2,
    "upside down": lambda log: b"\n".join(reversed(log.split(b"\n"))),
    "shuffled columns": lambda log: log.replace(b",", b";").replace(b"|", b","),
    "shouted": bytes.upper,
    "whispered": bytes.lower,
    "digits gone": lambda log: re.sub(rb"\d", b"", log),
    "digits only": lambda log: re.sub(rb"[^\d\n]", b"", log),
    "one long line": lambda log: log.rstrip(b"\n") + b"9" * 3_000_000,
    "gzip cut off": lambda log: gzip.compress(log)[:-5],
    "gzip of nothing": lambda _: gzip.compress(b""),
    "gzip twice": lambda log: gzip.compress(gzip.compress(log)),
    "gzip magic": lambda log: b"\x1f\x8b" + log,
    "bzip2 magic": lambda log: b"BZh" + log,
    "xz magic": lambda log: b"\xfd7zXZ\x00" + log,
    "zstd magic": lambda log: b"\x28\xb5\x2f\xfd" + log,
    "Parquet magic": lambda log: b"PAR1" + log + b"PAR1",
    "web page": lambda _: b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n",
    "a quote opened": lambda log: log.replace(b"\n", b'\n"', 2),
}  # fmt: skip
"""What may happen to a whole file."""


@pytest.mark.parametrize("case", WRECKED)
@pytest.mark.parametrize("format_", [*LOGS, "parquet", "pwsim", "told by content"])
def test_a_wrecked_file(format_, case, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(WRECKED[case](LOGS.get(format_, LOGS["sacct"]).encode()))
    if format_ == "told by content":
        try:
            result: Trace | str = read_trace(path)
        except TraceError as error:
            result = str(error)
    else:
        result = outcome(path, format_)
    if isinstance(result, str):
        assert result.startswith(f"{path}:")
    if case in ("Windows", "byte-order mark") and format_ in LOGS:
        assert isinstance(result, Trace), result
        assert result.jobs_read == 4


SAMPLES = st.sampled_from(sorted(LOGS))


@given(SAMPLES, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), st.binary(max_size=6)), min_size=1, max_size=3))
def test_random_edits(format_, edits):
    content = LOGS[format_].encode()
    for where, cut, put in edits:
        at = int(where * len(content))
        content = content[:at] + put + content[at + cut :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_bytes(content)
        result = outcome(path, format_)
        if isinstance(result, str):
            assert result.startswith(f"{path}:")


@given(SAMPLES, st.lists(st.integers(0, 5), max_size=8))
def test_lines_lost_doubled_and_moved(format_, order):
    lines = LOGS[format_].splitlines()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.write_text("".join(lines[place] + "\n" for place in order if place < len(lines)))
        result = outcome(path, format_)
        if isinstance(result, str):
            assert result.startswith(f"{path}:")
        elif format_ in ("swf", "jsonl", "pbs", "lsf"):
            header = 1 if format_ == "swf" else 0
            assert result.jobs_read == sum(header <= place < len(lines) for place in order)


@pytest.mark.parametrize("kind", ["parquet", "pwsim"])
def test_parquet_with_bytes_changed(kind, tmp_path):
    path = tmp_path / "log"
    if kind == "parquet":
        pd.DataFrame(TABLE).to_parquet(path)
    else:
        (tmp_path / "swf").write_text(SWF)
        write_trace(read_trace(tmp_path / "swf", "swf"), tmp_path / "x.parquet")
        path = tmp_path / "x.parquet"
    good = path.read_bytes()
    for at in range(0, len(good), max(len(good) // 150, 1)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
        result = outcome(path, kind)
        if isinstance(result, str):
            assert result.startswith(f"{path}")
