"""The first record that was dropped for each reason: its line and text, whatever the format."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from pwsim import Trace, read_trace
from pwsim.trace.examples import LONGEST_TEXT, Example, dropped_examples
from pwsim.trace.formats.reading import write_trace
from tests.trace import test_alibaba, test_lsf, test_pbs, test_table
from tests.trace.test_sacct import xdmod_row

SWF = """\
; Computer: tiny
; MaxProcs: 4
1 0 -1 10 2 -1 -1 2 20 -1 1 1 1 -1 1 -1 -1 -1

; a comment between the jobs
2 5 -1 10 0 -1 -1 -1 20 -1 1 1 1 -1 1 -1 -1 -1
3 9 -1 -1 1 -1 -1 1 20 -1 1 1 1 -1 1 -1 -1 -1
4 9 -1 -1 1 -1 -1 1 20 -1 1 1 1 -1 1 -1 -1 -1
"""
SACCT = """\
JobID|Submit|Start|End|Elapsed|State|NCPUS
1|2024-01-01T00:00:00|2024-01-01T00:00:00|2024-01-01T00:01:00|00:01:00|COMPLETED|2
1.batch|2024-01-01T00:00:00|2024-01-01T00:00:00|2024-01-01T00:01:00|00:01:00|COMPLETED|2

1|2024-01-01T00:00:00|2024-01-01T00:00:00|2024-01-01T00:01:00|00:01:00|COMPLETED|2
2|2024-01-01T00:00:00|2024-01-01T00:00:00|Unknown|00:01:00|RUNNING|2
3|2024-01-01T00:00:00|Unknown|Unknown|00:00:00|PENDING|2
4|2024-01-01T00:00:00|2024-01-01T00:00:00|2024-01-01T00:01:00|00:01:00|BAR|2
5|2024-01-01T00:00:00|2024-01-01T00:00:00|2024-01-01T00:01:00|00:01:00|COMPLETED|0
6|2024-01-01T00:00:00|Unknown|Unknown|00:00:00|PENDING|2
"""


def found(path: Path, **options) -> dict[str, Example]:
    trace = read_trace(path, **options)
    assert set(trace.first_dropped) == set(trace.dropped)
    return dropped_examples(trace)


@pytest.mark.parametrize("packed", [False, True])
def test_swf(packed, tmp_path):
    path = tmp_path / "log.swf"
    path.write_bytes(gzip.compress(SWF.encode()) if packed else SWF.encode())
    assert found(path) == {
        "no_size": Example(6, "2 5 -1 10 0 -1 -1 -1 20 -1 1 1 1 -1 1 -1 -1 -1"),
        "negative_run_time": Example(7, "3 9 -1 -1 1 -1 -1 1 20 -1 1 1 1 -1 1 -1 -1 -1"),
    }


def test_sacct(tmp_path):
    (tmp_path / "log.psv").write_text(SACCT)
    examples = found(tmp_path / "log.psv")
    assert {reason: one.line for reason, one in examples.items()} == {
        "duplicate": 5, "still_running": 6, "not_started": 7, "unknown_state": 8, "no_size": 9,
    }  # fmt: skip
    assert examples["unknown_state"].text == SACCT.splitlines()[7]


def test_sacct_without_a_header(tmp_path):
    header, _, rows = SACCT.partition("\n")
    (tmp_path / "log").write_text(rows)
    examples = found(tmp_path / "log", format="sacct", columns=header.split("|"))
    assert examples["no_size"] == Example(8, rows.splitlines()[7])
    dump = xdmod_row(JobID="1", JobIDRaw="1") + xdmod_row(JobID="2", JobIDRaw="2", State="RUNNING", End="Unknown")
    (tmp_path / "xdmod").write_text(dump)
    assert found(tmp_path / "xdmod") == {"still_running": Example(2, dump.splitlines()[1])}


def test_sacct_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("pwsim.trace.formats.delimited.BLOCK_BYTES", 300)
    (tmp_path / "log.psv").write_text(SACCT)
    assert found(tmp_path / "log.psv")["no_size"].line == 9


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_tables(kind, tmp_path):
    path = test_table.write(tmp_path, kind)
    examples = found(path, format=kind, columns=test_table.COLUMNS)
    first = {"csv": 2, "jsonl": 1, "parquet": 1}[kind]
    assert {reason: one.line for reason, one in examples.items()} == {
        "not_started": first + 2, "still_running": first + 3,
    }  # fmt: skip
    assert "eve" in examples["not_started"].text


def test_a_quoted_line_break_is_within_a_record(tmp_path):
    (tmp_path / "log.csv").write_text('who,at,n,long\n"a\nb",0,1,5\nc,1,1,5\n"d\ne",2,0,5\n')
    examples = found(tmp_path / "log.csv", columns={"submit_s": "at", "procs": "n", "run_s": "long", "user": "who"})
    assert examples == {"no_size": Example(5, "d e,2,0,5")}


@pytest.mark.parametrize("batch", [1, 50_000])
def test_jsonl_with_empty_lines(batch, tmp_path, monkeypatch):
    monkeypatch.setattr("pwsim.trace.formats.structured.BATCH_ROWS", batch)
    lines = [json.dumps({"at": at, "n": at - 1, "long": 1}) for at in (2, 1)]
    (tmp_path / "log.jsonl").write_text(f"\n{lines[0]}\n\n{lines[1]}\n")
    examples = found(tmp_path / "log.jsonl", columns={"submit_s": "at", "procs": "n", "run_s": "long"})
    assert examples == {"no_size": Example(4, lines[1])}


def test_pbs_records(tmp_path):
    lines = [
        test_pbs.record(), "\n", test_pbs.record(), test_pbs.record("A", "8.server"), test_pbs.record("D", "7.server"),
        test_pbs.record("D", "9.server"), test_pbs.record(job="10.server", start=None),
        test_pbs.record(job="11.server", end=None),
    ]  # fmt: skip
    (tmp_path / "log").write_text("".join(lines))
    examples = found(tmp_path / "log")
    assert {reason: one.line for reason, one in examples.items()} == {
        "duplicate": 3, "aborted": 4, "not_started": 7, "negative_run_time": 8,
    }  # fmt: skip
    assert examples["aborted"].text == lines[3].strip()


def test_pbs_deleted_jobs_that_ended_are_no_example(tmp_path):
    lines = [test_pbs.record("D", "7.server"), test_pbs.record("D", "9.server"), test_pbs.record()]
    (tmp_path / "log").write_text("".join(lines))
    assert found(tmp_path / "log")["aborted"].line == 2


def test_lsf_records(tmp_path):
    (tmp_path / "lsb.acct").write_text(test_lsf.record() + test_lsf.record(job=8, start=0) + test_lsf.record())
    examples = found(tmp_path / "lsb.acct")
    assert {reason: one.line for reason, one in examples.items()} == {"not_started": 2, "duplicate": 3}
    assert len(examples["not_started"].text) <= LONGEST_TEXT


def test_alibaba_tasks(tmp_path):
    (tmp_path / "tasks.csv").write_text(test_alibaba.HEADER + test_alibaba.TASKS)
    assert found(tmp_path / "tasks.csv") == {
        "not_started": Example(4, "openb-pod-0005,4000,100,0,0,,BE,Pending,60,400,")
    }


def test_nobody_knows_the_example(tmp_path):
    """A trace from memory, from a converted log, or from a log that is gone has counts but no examples."""
    made = Trace.from_columns({"submit_s": [0, 1], "run_s": [1, -1], "procs": [1, 1]})
    assert (dict(made.dropped), dict(made.first_dropped)) == ({"negative_run_time": 1}, {"negative_run_time": 2})
    assert dropped_examples(made) == {}
    path = tmp_path / "log.swf"
    path.write_text(SWF)
    trace = read_trace(path)
    write_trace(trace, tmp_path / "log.parquet")
    assert dropped_examples(read_trace(tmp_path / "log.parquet")) == {}
    path.write_text(SWF[:100])
    assert dropped_examples(trace) == {}
    path.unlink()
    assert dropped_examples(trace) == {}


def test_long_records_are_cut(tmp_path):
    table = pd.DataFrame({"at": [0, 1], "n": [1, 0], "long": [1, 1], "name": ["x" * 1000] * 2})
    table.to_csv(tmp_path / "log.csv", index=False)
    text = found(tmp_path / "log.csv", columns={"submit_s": "at", "procs": "n", "run_s": "long"})["no_size"].text
    assert len(text) == LONGEST_TEXT
    assert text.endswith("x...")
