"""Large logs: memory stays flat while they are read, and SWF is read nearly as fast as it can be parsed.

``pytest -m slow tests/test_large_logs.py`` takes minutes and 1.2 GB of disk; ``-m benchmark --benchmark-enable`` measures
the ratio for CEA-Curie.
"""

from __future__ import annotations

import gzip
import io
import statistics
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from pwsim import read_trace
from tests.benchmarks import large_log

READ = """
import json, resource, sys
from pwsim import read_trace
trace = read_trace(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))
print(len(trace), int(trace.procs.sum()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
MAPPING = '{"columns": {"submit_s": "Submit", "start_s": "Start", "end_s": "End", "procs": "NCPUS", "user": "User"}}'


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
    monkeypatch.setattr("pwsim.formats.delimited.BLOCK_BYTES", 10_000)
    parts = read_trace(path)
    for column in whole.table:
        np.testing.assert_array_equal(np.asarray(parts.table[column]), np.asarray(whole.table[column]))


def test_a_fault_far_down_is_named_by_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr("pwsim.formats.delimited.BLOCK_BYTES", 10_000)
    path = tmp_path / "log.psv"
    large_log.write(path, 2000)
    lines = path.read_text().splitlines()
    lines[1700] = lines[1700].replace("COMPLETED|1|", "COMPLETED|one|")
    path.write_text("\n".join(lines))
    with pytest.raises(Exception, match=r"log\.psv:1701: nnodes: must be a whole number, or empty \(got 'one'\)"):
        read_trace(path)


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
