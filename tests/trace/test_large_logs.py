"""Large logs: memory stays flat while they are read, and SWF is read nearly as fast as it can be parsed.

``pytest -m slow tests/trace/test_large_logs.py`` takes minutes and 1.2 GB of disk; ``-m benchmark --benchmark-enable`` measures
the ratio for CEA-Curie.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pwsim import TraceError, read_trace
from pwsim.trace.formats import files
from pwsim.trace.formats.presets import PRESETS
from tests.benchmarks import large_log
from tests.trace.test_hostile_logs import LOGS
from tests.trace.test_hostile_logs import MAPPING as MAPPED

READ = """
import json, resource, sys
from pwsim import read_trace
trace = read_trace(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))
print(len(trace), int(trace.procs.sum()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
MAPPING = '{"columns": {"submit_s": "Submit", "start_s": "Start", "end_s": "End", "procs": "NCPUS", "user": "User"}}'


def zstd(content: bytes) -> bytes:
    return pa.compress(content, "zstd", asbytes=True)


def test_batches_join_to_the_whole_log(tmp_path, monkeypatch):
    """A log of several batches gives what its jobs are, whatever the size of the batches."""
    path = tmp_path / "log.psv"
    large_log.write(path, 5000)
    whole = read_trace(path)
    assert (len(whole), whole.dropped) == (5000, {})
    assert whole.submit_s.tolist() == [6.0 * job for job in range(5000)]
    table = pd.read_csv(path, sep="|")
    assert whole.procs.tolist() == table["NCPUS"].tolist()
    assert list(whole.user) == table["User"].tolist()
    monkeypatch.setattr("pwsim.trace.formats.delimited.BLOCK_BYTES", 10_000)
    parts = read_trace(path)
    for column in whole.table:
        np.testing.assert_array_equal(np.asarray(parts.table[column]), np.asarray(whole.table[column]))


def test_a_fault_far_down_is_named_by_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr("pwsim.trace.formats.delimited.BLOCK_BYTES", 10_000)
    path = tmp_path / "log.psv"
    large_log.write(path, 2000)
    lines = path.read_text().splitlines()
    lines[1700] = lines[1700].replace("COMPLETED|1|", "COMPLETED|one|")
    path.write_text("\n".join(lines))
    with pytest.raises(Exception, match=r"log\.psv:1701: nnodes: must be a whole number, or empty \(got 'one'\)"):
        read_trace(path)


REFUSE = """
import json, resource, sys
import pwsim.trace.formats
from pwsim import TraceError, read_trace
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    try:
        read_trace(path, path.split(".")[-2], **(json.loads(sys.argv[1]) if path.split(".")[-2] in ("csv", "jsonl") else {}))
    except TraceError as error:
        print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss differs")
def test_a_line_without_end_needs_little_memory(tmp_path):
    """A line of 100 MB, behind a good record, as text and as zeros that unpack from a small file."""
    paths = []
    for format_, log in LOGS.items():
        if format_ not in ("alibaba-gpu-2023", *PRESETS):
            for name, more in (("text", b"1" * (100 << 20)), ("zeros", bytes(100 << 20))):
                paths.append(tmp_path / f"{name}.{format_}.gz")
                paths[-1].write_bytes(gzip.compress(log.encode() + more, 1))
    command = [sys.executable, "-c", REFUSE, json.dumps(MAPPED), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent.parent)
    *messages, peak_bytes = done.stdout.splitlines()
    assert len(messages) == len(paths) == 14, done.stdout
    for path, message in zip(paths, messages, strict=True):
        assert message.startswith(str(path)), message
        assert "is longer than 8 MiB" in message or "zero byte" in message, message
    assert int(peak_bytes) < 150e6


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(pack, tmp_path, monkeypatch):
    monkeypatch.setattr("pwsim.trace.formats.files.MOST_UNPACKED", 1 << 20)
    path = tmp_path / "log"
    path.write_bytes(pack(LOGS["swf"].encode() * 40_000))
    with pytest.raises(TraceError, match="log: unpacks to more than 200 times its size, as no log does"):
        read_trace(path)
    path.write_bytes(LOGS["swf"].encode() * 40_000)
    assert len(read_trace(path)) == 160_000


def test_parquet_that_unpacks_to_far_more_is_refused(tmp_path):
    path = tmp_path / "x.parquet"
    rows = pa.table({"submit_s": pa.array(np.zeros(20_000_000, dtype=np.int8))})
    pq.write_table(rows, path)
    assert path.stat().st_size < 100_000
    pq.write_table(rows.append_column("run_s", rows["submit_s"]), path)
    with pytest.raises(TraceError, match=r"x\.parquet: unpacks to more than 200 times its size, as no log does"):
        read_trace(path, columns={"submit_s": "submit_s", "run_s": "run_s", "procs": 1})


def test_swf_in_blocks_is_the_whole_log(tmp_path, monkeypatch):
    """Blocks of some lines give what the log holds; faults far down are named by their line."""
    log = tmp_path / "x.swf"
    lines = [
        f"{job} {job}{'.5' if job > 900 else ''} 5 9 4 -1 -1 8 60 1024 1 7 3 -1 2 1 -1 -1" for job in range(1, 1001)
    ]
    head = "".join(f"; Note: {n}\n" for n in range(200)) + "\n"
    log.write_text(head + "\n".join(lines) + "\n; the end")
    whole = read_trace(log)
    monkeypatch.setattr("pwsim.trace.formats.swf.blocks", partial(files.blocks, size=1000))
    parts = read_trace(log)
    assert parts.header == whole.header
    assert len(parts) == 1000
    for column in whole.table:
        np.testing.assert_array_equal(np.asarray(parts.table[column]), np.asarray(whole.table[column]))
    for fault, message in (
        (lines[800].replace(" 9 ", " nine "), r"x\.swf:1002: field 4 \(run time\): 'nine' is not a number"),
        (lines[800] + " 7", r"x\.swf:1002: has 19 fields; a job line of SWF has 18 numbers"),
    ):
        log.write_text(head + "\n".join([*lines[:800], fault, *lines[801:]]))
        with pytest.raises(TraceError, match=message):
            read_trace(log)
    log.write_text("\n".join([*(line + " 7" for line in lines[:800]), *lines[800:]]))
    with pytest.raises(TraceError, match=r"x\.swf:801: has 18 fields; the lines before have 19"):
        read_trace(log)
    log.write_text("".join(f"; Note: {n}\n" for n in range(2000)))
    monkeypatch.setattr("pwsim.trace.formats.swf.LONGEST_HEADER", 10_000)
    with pytest.raises(TraceError, match="has a header of more than"):
        read_trace(log)


@pytest.mark.parametrize("format_", ["pbs", "lsf"])
def test_records_in_batches_are_the_whole_log(format_, tmp_path, monkeypatch):
    (tmp_path / "log").write_text(LOGS[format_] * 2)
    whole = read_trace(tmp_path / "log")
    assert whole.dropped["duplicate"] == 4
    monkeypatch.setattr("pwsim.trace.formats.lines.BATCH_RECORDS", 3)
    parts = read_trace(tmp_path / "log")
    assert (parts.dropped, parts.notes) == (whole.dropped, whole.notes)
    for column in whole.table:
        np.testing.assert_array_equal(np.asarray(parts.table[column]), np.asarray(whole.table[column]))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss differs")
def test_five_million_jobs_fit_into_two_gigabytes(tmp_path):
    path = tmp_path / "log.psv"
    large_log.write(path, 5_000_000)
    assert path.stat().st_size > 1e9
    for format_, options in (("sacct", "{}"), ("csv", MAPPING)):
        done = subprocess.run(
            [sys.executable, "-c", READ, str(path), format_, options], capture_output=True, text=True, check=True
        )
        jobs, _, peak_bytes = map(int, done.stdout.split())
        assert jobs == 5_000_000
        assert peak_bytes < 2e9, format_


@pytest.mark.benchmark
def test_curie_is_read_within_three_times_gzip_and_pandas(data_dir):
    path = data_dir / "traces" / "swf" / "CEA-Curie-2011-2.1-cln.swf.gz"

    def plain() -> None:
        text = subprocess.run(["gzip", "-dc", str(path)], capture_output=True, check=True).stdout
        pd.read_csv(io.BytesIO(text), sep=r"\s+", comment=";", header=None, engine="c")

    assert len(gzip.decompress(path.read_bytes())) > 1e6
    spent: dict[str, list[float]] = {"plain": [], "read_trace": []}
    for _ in range(5):
        for name, read in (("plain", plain), ("read_trace", lambda: read_trace(path))):
            start = time.perf_counter()
            read()
            spent[name].append(time.perf_counter() - start)
    ratio = statistics.median(spent["read_trace"]) / statistics.median(spent["plain"])
    print(f"CEA-Curie: {ratio:.2f} times gzip -dc and pandas")  # noqa: T201
    assert ratio < 3
