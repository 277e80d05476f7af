"""Converting logs: pwsim's own Parquet gives back the same trace, SWF what it can hold."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import Trace, TraceError, read_trace
from pwsim.trace.formats.reading import write_trace
from pwsim.trace.table import COLUMNS
from tests.cli.test_hostile import pwsim
from tests.trace.test_formats import SAMPLES

jobs = st.lists(
    st.tuples(
        st.integers(-1, 9), st.floats(-1, 9), st.integers(0, 4), st.floats(0, 2), st.sampled_from(["", "ada", "bob ü"])
    ),
    min_size=1,
    max_size=8,
)


def same(one: Trace, other: Trace) -> bool:
    return (
        one.digest() == other.digest()
        and (one.name, one.jobs_read, one.notes) == (other.name, other.jobs_read, other.notes)
        and one.first_submit_s == other.first_submit_s
        and (dict(one.dropped), dict(one.header)) == (dict(other.dropped), dict(other.header))
        and (one.left_out, one.changes, one.first_submit_s) == (other.left_out, other.changes, other.first_submit_s)
        and one.left_out_work == other.left_out_work
    )


@given(jobs)
def test_parquet_gives_back_the_same(rows):
    submit_s, run_s, procs, gpus, user = zip(*rows, strict=True)
    trace = Trace.from_columns(
        {
            "submit_s": submit_s,
            "run_s": run_s,
            "procs": procs,
            "gpus": gpus,
            "user": user,
            "held_s": np.arange(len(rows)) / 3,
        },
        header={"Computer": "ü"},
        dropped={"not_started": 2},
    )
    if len(trace) > 1:
        trace = trace.take(np.arange(len(trace)) > 0)  # with names that no job has any more
    if not len(trace):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        write_trace(trace, path)
        first = path.read_bytes()
        again = read_trace(path)
        write_trace(again, path)
        assert path.read_bytes() == first
    assert again.format == "pwsim"
    assert same(trace, again)


@pytest.mark.parametrize("format_", SAMPLES)
@pytest.mark.parametrize("suffix", ["parquet", "swf", "swf.gz"])
def test_every_format_converts(format_, suffix, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("log").write_text(SAMPLES[format_])
    code, out, err = pwsim(capsys, "trace", "convert", "log", f"out.{suffix}")
    trace, again = read_trace("log"), read_trace(f"out.{suffix}")
    assert (code, err) == (0, "")
    assert out.startswith(f"out.{suffix}: {len(trace)} of {trace.jobs_read} records of log (format {format_})")
    for column in ("job_id", "submit_s", "run_s", "procs", "estimate_s", "recorded_wait_s"):
        np.testing.assert_array_equal(again.table[column], trace.table[column])
    if suffix == "parquet":
        assert same(trace, again)


def test_units_are_in_the_metadata(tmp_path):
    write_trace(Trace.from_columns({"submit_s": [1], "run_s": [2], "procs": [1]}), tmp_path / "x.parquet")
    schema = pq.read_schema(tmp_path / "x.parquet")
    assert schema.names == [column.name for column in COLUMNS]
    assert schema.field("held_s").metadata[b"unit"] == b"s"
    assert schema.field("memory_mib").metadata[b"unit"] == b"MiB"


def test_real_logs_convert(data_dir, tmp_path):
    folder = data_dir / "traces" / "accounting"
    trace = read_trace(folder / "sacct-xdmod-phillips.log", "sacct", columns=folder / "sacct-xdmod-columns.txt")
    write_trace(trace, tmp_path / "x.parquet")
    assert same(trace, read_trace(tmp_path / "x.parquet"))


def test_what_cannot_be_converted(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("log").write_text(SAMPLES["swf"])
    for out, words in (
        ("out.csv", "must end in .parquet, .swf or .swf.gz"),
        ("log", "exists already; add --overwrite"),
        ("no/out.parquet", "cannot be written"),
    ):
        code, _, err = pwsim(capsys, "trace", "convert", "log", out)
        assert (code, words in err) == (2, True), err
    assert {path.name for path in tmp_path.iterdir()} == {"log"}


def test_parquet_that_is_no_trace(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(TraceError, match=r"x\.parquet: holds no trace of pwsim"):
        read_trace(path, "pwsim")
    with pytest.raises(TraceError, match=r"say which column holds what.* has the columns a\."):
        read_trace(path)
    write_trace(Trace.from_columns({"submit_s": [1, 2], "run_s": [2, 2], "procs": [1, 1]}), path)
    table = pq.read_table(path)
    changed = table.set_column(table.schema.get_field_index("run_s"), "run_s", pa.array([1.0, 1e300]))
    pq.write_table(changed, path)
    with pytest.raises(TraceError, match=r"x\.parquet: .*record 2: run_s must be a number of at most"):
        read_trace(path)
    pq.write_table(table.drop_columns(["user"]), path)
    with pytest.raises(TraceError, match=r"x\.parquet: is no trace that pwsim wrote, or was changed"):
        read_trace(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(TraceError, match=r"x\.parquet: "):
        read_trace(path, "pwsim")


@pytest.mark.parametrize("name", ["x.swf", "x.swf.gz", "x.parquet"])
def test_a_log_that_pwsim_made_and_that_ends_early_is_refused(name, tmp_path):
    """Cut anywhere: in a line, after a line, in the header, in what is packed."""
    path = tmp_path / name
    write_trace(Trace.from_columns({"submit_s": range(40), "run_s": [5] * 40, "procs": [1] * 40}), path)
    content = path.read_bytes()
    assert read_trace(path).jobs_read == 40
    for length in range(1, len(content), 7 if name == "x.swf" else len(content) // 60):
        if content[length:].strip():
            path.write_bytes(content[:length])
            with pytest.raises(TraceError):
                read_trace(path)


def test_a_log_that_ends_early_says_so(tmp_path):
    path = tmp_path / "x.swf"
    write_trace(Trace.from_columns({"submit_s": range(40), "run_s": [5] * 40, "procs": [1] * 40}), path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-3]))
    with pytest.raises(TraceError, match="has 37 job lines, but its header says that pwsim wrote 40: it ends early"):
        read_trace(path)
    path.write_text("".join(line for line in lines[:-3] if "PwsimJobs" not in line))
    assert read_trace(path).jobs_read == 37  # whoever cut it on purpose, says so

    write_trace(read_trace(path), tmp_path / "x.parquet")
    whole = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TraceError, match=r"x\.parquet: .*is broken"):
        read_trace(tmp_path / "x.parquet")
    pq.write_table(pq.read_table(pa.BufferReader(whole)).slice(0, 30), tmp_path / "x.parquet")
    with pytest.raises(TraceError, match="has 30 jobs, but says that pwsim wrote 37"):
        read_trace(tmp_path / "x.parquet")


def test_files_of_older_versions_lack_the_quality_of_service(tmp_path):
    write_trace(
        Trace.from_columns({"submit_s": [0], "run_s": [1], "procs": [1], "qos": ["high"]}), tmp_path / "new.parquet"
    )
    assert read_trace(tmp_path / "new.parquet").qos.tolist() == ["high"]
    table = pq.read_table(tmp_path / "new.parquet")
    pq.write_table(table.drop_columns("qos"), tmp_path / "old.parquet")
    assert read_trace(tmp_path / "old.parquet").qos.tolist() == [""]
