"""Made workloads."""

from __future__ import annotations

import gzip
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import generate, read_trace
from pwsim.trace import datasets


@given(st.integers(1, 300), st.sampled_from([1, 2, 7, 128]), st.sampled_from([0.1, 0.9, 2.0]), st.integers(0, 99))
def test_generated_logs_are_sound(jobs, cores, load, seed):
    trace = generate(jobs=jobs, cores=cores, load=load, seed=seed)
    assert (len(trace), trace.jobs_read) == (jobs, jobs)
    assert trace.procs.min() >= 1
    assert trace.procs.max() <= cores
    for column in ("submit_s", "run_s", "estimate_s"):
        assert (trace.table[column] == np.floor(trace.table[column])).all()
    assert trace.digest() == generate(jobs=jobs, cores=cores, load=load, seed=seed).digest()


@pytest.mark.parametrize("load", [0.7, 0.9, 1.2])
def test_load_is_what_was_asked_for(load):
    trace = generate(jobs=20_000, cores=256, load=load, seed=4)
    assert (trace.procs * trace.run_s).sum() / (256 * trace.span_s) == pytest.approx(load, rel=1e-4)


def test_other_seeds_give_other_logs():
    assert generate(jobs=50, cores=8, load=1, seed=1).digest() != generate(jobs=50, cores=8, load=1, seed=2).digest()


def test_nights_and_weekends_are_quiet():
    trace = generate(jobs=50_000, cores=64, load=0.8, seed=1)
    hour, day = trace.submit_s // 3600 % 24, trace.submit_s // 86400 % 7
    assert (hour < 6).mean() < 0.5 * ((hour >= 9) & (hour < 15)).mean()
    assert (day == 6).mean() < 0.7 * (day == 2).mean()


def test_the_shipped_sample_is_what_its_command_makes(tmp_path):
    command = "trace generate simple sample.swf.gz --jobs 10000 --cores 128 --load 0.75 --seed 1"
    subprocess.run([sys.executable, "-m", "pwsim", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    made = gzip.decompress((tmp_path / "sample.swf.gz").read_bytes())
    assert made == gzip.decompress(datasets.fetch("sample").read_bytes())
    assert len(read_trace(datasets.fetch("sample"))) == 10_000
