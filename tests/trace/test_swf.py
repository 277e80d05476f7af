"""The SWF reader: real logs, odd but good files, round trips, and broken lines."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pwsim import Trace, TraceError, read_trace
from pwsim.trace.formats import swf

JOB = "1 0 5 10 4 -1 -1 8 60 1024 1 7 3 -1 2 1 -1 -1\n"


def read(tmp_path, content: str | bytes, name: str = "x.swf") -> Trace:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_trace(path)


def test_fields(tmp_path):
    jobs = read(tmp_path, JOB).jobs.iloc[0]
    assert (jobs["procs"], jobs["run_s"], jobs["estimate_s"], jobs["recorded_wait_s"]) == (8, 10, 60, 5)
    assert (jobs["user"], jobs["user_group"], jobs["queue"], jobs["partition"]) == ("7", "3", "2", "1")
    assert (jobs["recorded_status"], jobs["memory_mib"]) == ("1", 8)


def test_unknown_values_fall_back(tmp_path):
    jobs = read(tmp_path, "1 0 -1 10 4 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n").jobs.iloc[0]
    assert (jobs["procs"], jobs["estimate_s"], jobs["user"], jobs["memory_mib"]) == (4, 10, "", 0)
    assert np.isnan(jobs["recorded_wait_s"])


def test_records_that_cannot_be_replayed_are_counted(tmp_path):
    lines = ["1 0 -1 10 0 -1 -1 -1", "2 1 -1 -1 4 -1 -1 4", "3 -1 -1 10 4 -1 -1 4", "4 9 -1 10 4 -1 -1 4"]
    trace = read(tmp_path, "".join(f"{line} 20 -1 1 1 1 -1 1 -1 -1 -1\n" for line in lines))
    assert (trace.jobs_read, len(trace)) == (4, 1)
    assert trace.dropped == {"no_size": 1, "negative_run_time": 1, "negative_submit_time": 1}


ODD: dict[str, str | bytes] = {
    "Windows line ends": JOB.replace("\n", "\r\n") * 2,
    "blank lines": f"\n\n{JOB}\n\n{JOB}\n",
    "tabs and indentation": f"  {JOB.replace(' ', chr(9))}   {JOB}",
    "comments in the midst": f"{JOB}; a remark\n{JOB}",
    "comment behind a job": f"{JOB[:-1]} ; a remark\n{JOB}",
    "no line end at the end": f"{JOB}{JOB[:-1]}",
    "header of garbage": b"; Computer: \xff\xfe\xe9\n;\tmore\n;;;\n; no colon here\n" + JOB.encode() * 2,
    "gzip without the suffix": gzip.compress(JOB.encode() * 2),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_files_that_are_good(case, tmp_path):
    trace = read(tmp_path, ODD[case])
    assert (len(trace), trace.procs.tolist()) == (2, [8, 8])


def test_header(tmp_path):
    trace = read(tmp_path, "; Computer: X\n; Note: one\n;\tgoes on\n; Note: two\n; MaxProcs: 8\n" + JOB)
    assert trace.header == {"Computer": "X", "Note": "one goes on two", "MaxProcs": "8"}


def test_jobs_out_of_order_are_put_in_order_and_noted(tmp_path):
    trace = read(tmp_path, JOB.replace("1 0", "1 90") + JOB.replace("1 0", "2 30") + JOB.replace("1 0", "3 30"))
    assert trace.job_id.tolist() == [2, 3, 1]
    assert trace.submit_s.tolist() == [0, 0, 60]
    assert "put in order" in trace.notes[0]


def test_fractions_of_seconds_are_kept(tmp_path):
    trace = read(tmp_path, JOB + JOB.replace("1 0", "1 0.1"))
    assert trace.submit_s.tolist() == [0, 0.1]


BROKEN = {
    "word": (JOB + JOB.replace(" 10 ", " ten "), "x.swf:2: field 4 (run time): 'ten' is not a number"),
    "empty number": (JOB + JOB.replace(" 10 ", " - "), "x.swf:2: field 4 (run time): '-' is not a number"),
    "two points": (JOB + JOB.replace(" 10 ", " 1.2.3 "), "x.swf:2: field 4 (run time): '1.2.3'"),
    "comma": (JOB + JOB.replace(" 10 ", " 1,5 "), "x.swf:2: field 4 (run time): '1,5'"),
    "clock time": (JOB + JOB.replace(" 10 ", " 00:10:00 "), "x.swf:2: field 4 (run time): '00:10:00'"),
    "hexadecimal": (JOB + JOB.replace(" 10 ", " 0x1f "), "x.swf:2: field 4 (run time): '0x1f'"),
    "17 fields": (JOB + JOB.replace(" 10 ", " "), "x.swf:2: has 17 fields"),
    "17 fields first": (JOB.replace(" 10 ", " ") + JOB, "x.swf:1: has 17 fields"),
    "all lines short": (JOB.replace(" 10 ", " ") * 3, "x.swf:1: has 17 fields"),
    "19 fields": (JOB + JOB.replace(" 10 ", " 10 10 "), "x.swf:2: has 19 fields"),
    "19 fields first": (JOB.replace(" 10 ", " 10 10 ") + JOB, "x.swf:1: has 19 fields"),
    "cut off": (JOB + JOB[:20], "x.swf:2: has"),
    "nan": (
        JOB + JOB.replace(" 10 ", " nan "),
        "x.swf:2: field 4 (run time): must be a number of at most 10,000,000,000 (got nan)",
    ),
    "inf": (JOB + JOB.replace(" 10 ", " -inf "), "x.swf:2: field 4 (run time): must be a number"),
    "1e300": (JOB + JOB.replace(" 10 ", " 1e300 "), "x.swf:2: field 4 (run time): must be a number"),
    "too long": (JOB + JOB.replace(" 10 ", " 99999999999 "), "x.swf:2: field 4 (run time)"),
    "too wide": (JOB + JOB.replace(" 4 ", " 99999999999 "), "x.swf:2: field 5 (allocated processors)"),
    "overflow": (JOB + JOB.replace(" 10 ", f" {'9' * 400} "), "x.swf:2: field 4 (run time)"),
    "half a processor": (JOB + JOB.replace(" 8 ", " 7.5 "), "x.swf:2: field 8 (requested processors): must be a whole"),
    "half a user": (JOB + JOB.replace(" 7 ", " 7.5 "), "x.swf:2: field 12 (user): must be a whole number (got 7.5)"),
    "text": ("To be, or not to be\n", "x.swf:1: field 1 (job number): 'To' is not a number"),
    "html": ("<html>\n<body>404</body></html>\n", "x.swf:1: field 1 (job number): '<html>'"),
    "line numbers count the header": ("; a\n; b\n" + JOB + "1 2 3\n", "x.swf:4: has 3 fields"),
    "zero byte": (JOB + "\0" + JOB, "x.swf:2: holds a zero byte"),
    "empty": ("", "x.swf: has no job lines"),
    "spaces": ("  \n\t\n", "x.swf: has no job lines"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_name_line_field_and_value(case, tmp_path):
    content, message = BROKEN[case]
    with pytest.raises(TraceError) as error:
        read(tmp_path, content)
    assert message in str(error.value)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_trace_or_a_message(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.swf"
        path.write_bytes(content)
        try:
            outcome = f"x.swf: {len(read_trace(path))} jobs"
        except TraceError as error:
            outcome = str(error)
        assert "x.swf" in outcome


MORE = JOB.rstrip() + ' 3.5 gpu"s -1\n'


@pytest.mark.parametrize("space", [" ", "  ", "\t"])
def test_fields_of_the_site_behind_the_18_are_counted_and_not_read(tmp_path, space):
    content = "; MaxProcs: 8\n" + MORE.replace(" ", space) * 3
    trace = read(tmp_path, content)
    assert (len(trace), trace.procs.tolist(), trace.run_s.tolist()) == (3, [8] * 3, [10] * 3)
    assert trace.notes == ("each job line has 3 fields beyond the 18 of SWF, not read",)
    (tmp_path / "unnamed").write_text(MORE * 2)
    assert read_trace(tmp_path / "unnamed").format == "swf"
    assert read(tmp_path, (JOB.rstrip() + " 1\n") * 2).notes == (
        "each job line has 1 field beyond the 18 of SWF, not read",
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((MORE, JOB), "x.swf:1: has 21 fields; a job line of SWF has 18 numbers, or all lines have the same number"),
        ((MORE, JOB.rstrip() + " 7\n"), "x.swf:1: has 21 fields"),
        ((MORE, MORE.replace(" 10 ", " ten ")), "x.swf:2: field 4 (run time): 'ten' is not a number"),
        ((JOB, JOB.rstrip() + " " + JOB), "x.swf:2: has 36 fields"),  # two lines in one
    ],
)
def test_lines_of_different_lengths_are_broken(tmp_path, lines, message):
    with pytest.raises(TraceError) as error:
        read(tmp_path, "".join(lines))
    assert message in str(error.value)


numbers = st.integers(-2, 10**6)


@given(st.lists(st.tuples(numbers, st.integers(-1, 10**6), st.integers(-1, 100), st.integers(-5, 10**6)), min_size=1))
def test_what_is_written_is_read(rows):
    submit_s, run_s, procs, estimate_s = zip(*rows, strict=True)
    user = [f"u{row[1] % 3}" for row in rows]
    trace = Trace.from_columns(
        {"submit_s": submit_s, "run_s": run_s, "procs": procs, "estimate_s": estimate_s, "user": user}
    )
    if not len(trace):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.swf.gz"
        swf.write(trace, path)
        first = path.read_bytes()
        again = read_trace(path)
        swf.write(again, path)
        assert path.read_bytes() == first
    for column in ("job_id", "submit_s", "run_s", "procs", "estimate_s"):
        np.testing.assert_array_equal(again.table[column], trace.table[column])
    assert pd.factorize(again.user)[0].tolist() == pd.factorize(trace.user)[0].tolist()


REAL = [
    ("KTH-SP2-1996-2", 28_489, {}, 339.9, 100),
    ("NASA-iPSC-1993-3.1-cln", 18_239, {}, 92.0, 128),
    ("CEA-Curie-2011-2.1-cln", 312_826, {"no_size": 19}, 253.7, 93_312),
]


@pytest.mark.parametrize(("name", "records", "dropped", "days", "cores"), REAL)
def test_real_logs(name, records, dropped, days, cores, data_dir):
    trace = read_trace(data_dir / "traces" / "swf" / f"{name}.swf.gz")
    assert (trace.name, trace.jobs_read, dict(trace.dropped)) == (name, records, dropped)
    assert len(trace) == records - sum(dropped.values())
    assert round(trace.span_s / 86400, 1) == days
    assert int(trace.header["MaxProcs"]) == cores
    assert trace.header["Acknowledge"]


def test_curie_in_numbers(data_dir):
    trace = read_trace(data_dir / "traces" / "swf" / "CEA-Curie-2011-2.1-cln.swf.gz")
    # All records without allocated processors ran for no time; nearly all of them asked for some and are replayed.
    assert int((trace.run_s == 0).sum()) == 17_286 - 19
    assert trace.procs.max() <= 93_312


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(TraceError, match=r"nowhere\.swf: cannot be read: No such file"):
        read_trace(tmp_path / "nowhere.swf")
    with pytest.raises(TraceError, match=r"nowhere: cannot be read"):
        read_trace(tmp_path / "nowhere")
