"""Which format a log has, how it is unpacked, and what the command line and scenarios say of it."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from pwsim import Trace, TraceError, read_trace
from pwsim.trace.formats.reading import FORMATS, detect_format
from tests.cli.test_hostile import GOOD, TINY, pwsim
from tests.trace.test_alibaba import HEADER, TASKS
from tests.trace.test_lsf import record as lsf_record
from tests.trace.test_pbs import record as pbs_record
from tests.trace.test_sacct import NAMES, row, xdmod_row
from tests.trace.test_table import PRESET_SAMPLES

pytestmark = pytest.mark.usefixtures("blank_figures")


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}
TRUNCATED = [name for name in PACKERS if name != "plain"]

SAMPLES = {
    "swf": TINY,
    "pbs": pbs_record(),
    "lsf": lsf_record(),
    "sacct": NAMES + "\n" + row(),
    "xdmod": xdmod_row(),
    "alibaba-gpu-2023": HEADER + TASKS,
    **PRESET_SAMPLES,
}
"""A small good log of each format that is told by its content."""


def test_every_format_has_a_sample():
    assert set(SAMPLES) == {name for name, one in FORMATS.items() if one.recognises is not None}


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("format_", SAMPLES)
def test_content_tells_the_format_whatever_the_name(format_, packing, tmp_path):
    path = tmp_path / "log.dat"
    path.write_bytes(PACKERS[packing](SAMPLES[format_].encode()))
    trace = read_trace(path)
    assert trace.format == format_
    (tmp_path / "plain").write_text(SAMPLES[format_])
    assert trace.digest() == read_trace(tmp_path / "plain", format_).digest()


@pytest.mark.parametrize("format_", SAMPLES)
def test_only_one_format_claims_a_log(format_):
    claims = [name for name, one in FORMATS.items() if one.recognises and one.recognises(SAMPLES[format_].encode())]
    assert claims == [format_]


@pytest.mark.parametrize("packing", TRUNCATED)
def test_packed_file_that_is_cut_off(packing, tmp_path):
    path = tmp_path / "log.swf"
    path.write_bytes(PACKERS[packing](TINY.encode() * 50)[:-6])
    with pytest.raises(TraceError, match=rf"log\.swf: the {packing} file is broken or cut off"):
        read_trace(path)


@pytest.mark.parametrize("packing", TRUNCATED)
def test_packed_file_with_rubbish_inside(packing, tmp_path):
    packed = PACKERS[packing](TINY.encode() * 50)
    path = tmp_path / "log.swf"
    path.write_bytes(packed[:18] + bytes(range(200, 240)) + packed[58:])
    with pytest.raises(TraceError, match=r"log\.swf"):
        read_trace(path)


def test_name_decides_where_content_does_not(tmp_path):
    (tmp_path / "x.swf.gz").write_text("To be, or not to be\n")
    assert detect_format(tmp_path / "x.swf.gz") == "swf"


def test_neither_tells(tmp_path):
    (tmp_path / "x.dat").write_text("To be, or not to be\n")
    with pytest.raises(TraceError, match=r"x\.dat: neither content nor name tells the format; .*--format.*swf"):
        read_trace(tmp_path / "x.dat")


def test_format_that_is_given_wins(tmp_path):
    (tmp_path / "x.swf").write_text(TINY)
    with pytest.raises(TraceError, match=r"x\.swf:1: column 'name' is missing"):
        read_trace(tmp_path / "x.swf", "alibaba-gpu-2023")


def test_unknown_format_and_options(tmp_path):
    (tmp_path / "x.swf").write_text(TINY)
    with pytest.raises(TraceError, match="unknown format 'swg'; known formats: acme, alibaba-gpu-2023, csv"):
        read_trace(tmp_path / "x.swf", "swg")
    with pytest.raises(TraceError, match=r"x\.swf: time_zone: the format swf takes no options"):
        read_trace(tmp_path / "x.swf", time_zone="UTC")


def test_commands_say_the_format(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.swf").write_bytes(gzip.compress(TINY.encode()))
    (tmp_path / "good.yaml").write_text(GOOD)
    _, out, err = pwsim(capsys, "simulate", "tiny.swf", "--cores", "4", "--out", "a")
    assert "Log: tiny, format swf, 8 records, 8 jobs replayed" in out
    assert "tiny: format swf, replaying 8 jobs" in err
    _, out, _ = pwsim(capsys, "run", "--no-draws", "good.yaml", "--out", "b", "--workers", "1")
    assert "Log: tiny, format swf, 8 records, 8 jobs replayed" in out
    assert json.loads((tmp_path / "b" / "summary.json").read_text())["workload"]["format"] == "swf"
    _, out, _ = pwsim(capsys, "validate", "good.yaml")
    assert "8 jobs of tiny (format swf)" in out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "format: csw",
            "good.yaml:4: workload.format: unknown format 'csw'; known formats: acme, alibaba-gpu-2023, csv",
        ),
        ("load: 1.0", "good.yaml:3: workload.trace: "),
    ],
)
def test_scenarios_name_the_line(line, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.dat").write_text(TINY if "format" in line else "nonsense")
    (tmp_path / "good.yaml").write_text(GOOD.replace("trace: tiny.swf", f"trace: tiny.dat\n  {line}"))
    code, _, err = pwsim(capsys, "validate", "good.yaml")
    assert (code, message in err) == (2, True), err


def test_arrays_of_the_caller_stay_as_they_are():
    columns = {"submit_s": np.array([5.0, 3.0]), "run_s": np.array([1.0, 2.0]), "procs": np.array([1, 2])}
    trace = Trace.from_columns(columns, dropped={"aborted": 2, "duplicate": 0})
    columns["run_s"][0] = 9.0
    assert trace.run_s.tolist() == [2, 1]
    assert (trace.jobs_read, trace.dropped) == (4, {"aborted": 2})
