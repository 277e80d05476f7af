"""LSF's accounting: records written out by position, requeues, broken lines."""

from __future__ import annotations

import pytest

from pwsim import Trace, TraceError, read_trace

RUSAGE = "1.5 0.5 2048 0 -1 0 0 10 0 0 0 0 -1 0 0 0 5 5 -1"
HEAD = '"JOB_FINISH" "10.108" 1700000400 {job} 501 33554434 {asked} {submit} {begin} 0 {start} "ada" "normal" "rusage[mem=4915] span[hosts=1]" "" "" "login1" "/home/ada" "" "out.txt" "" "1700000000.7"'


def record(
    job=7, asked=4, submit=1700000000, begin=0, start=1700000100, hosts='0 2 "n1" "n1"', status=64, idx=0
) -> str:
    head = HEAD.format(job=job, asked=asked, submit=submit, begin=begin, start=start)
    tail = f'60.0 "my job" "echo ""two words"" ; sleep 300" {RUSAGE} "" "project" 0 4 "" "" {idx} 2048 0 "" "" "" ""'
    return f"{head} {hosts} {status} {tail}\n"


def read(tmp_path, *lines: str) -> Trace:
    (tmp_path / "lsb.acct").write_text("".join(lines))
    return read_trace(tmp_path / "lsb.acct")


def test_a_record(tmp_path):
    trace = read(tmp_path, record())
    job = trace.jobs.iloc[0]
    assert (trace.format, job["job_id"], job["run_s"], job["procs"]) == ("lsf", 7, 300, 2)
    assert (job["recorded_wait_s"], job["estimate_s"], job["recorded_status"]) == (100, 300, "DONE")
    assert (job["user"], job["user_group"], job["queue"]) == ("ada", "project", "normal")


@pytest.mark.parametrize(
    ("hosts", "procs"),
    [
        ('0 1 "n1"', 1),
        ('0 3 "n1" "n1" "n2"', 3),
        ('0 2 "16*n1" "16*n2"', 32),
        ('2 "n1" "n2" 1 "8*n1"', 8),  # hosts that were asked for come before those that were used
        ("0 0", 4),  # none are listed: what was asked for
    ],
)
def test_slots(hosts, procs, tmp_path):
    assert read(tmp_path, record(hosts=hosts)).procs.tolist() == [procs]


def test_a_begin_time_is_when_the_job_could_first_start(tmp_path):
    trace = read(tmp_path, record(begin=1700000060))
    assert (trace.recorded_wait_s.tolist(), trace.held_s.tolist()) == ([40], [60])


def test_what_is_no_job_and_what_comes_again(tmp_path):
    trace = read(
        tmp_path,
        record(),
        '"JOB_RESIZE" "10.1" 1700000200 7 0 1\n',
        record(job=8, start=0, status=32),  # deleted while it waited
        record(job=9, idx=1),
        record(job=9, idx=2),
        record(job=9, idx=2),
        record(job=9, idx=2, start=1700000200, status=32),
    )
    assert trace.job_id.tolist() == [7, 9, 9, 9]
    assert (trace.jobs_read, dict(trace.dropped)) == (6, {"not_started": 1, "duplicate": 1})
    assert [note.split()[0] for note in trace.notes] == ["1", "1"]  # another type, an attempt that came again


def test_a_record_of_an_old_version_that_ends_early(tmp_path):
    assert len(read(tmp_path, record().split(' 60.0 "my')[0] + "\n")) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("JOB_FINISH\n", 'lsb.acct:2: must start with the type of a record, "JOB_FINISH"'),
        (record().replace('"ada"', '"ada'), "lsb.acct:2: field 12: has quotes that do not match"),
        (record().replace('"ada"', '"a"da"'), "lsb.acct:2: field 12: has quotes that do not match"),
        (record(submit="soon"), "lsb.acct:2: field 8 (submitTime): must be a number, or empty (got 'soon')"),
        (record(start=10**12), "lsb.acct:2: field 11 (startTime): must be a number from 0 to 10,000,000,000"),
        (record(hosts='0 99 "n1"'), "lsb.acct:2: field"),
        (record(hosts='-1 1 "n1"'), "lsb.acct:2: field 23 (numAskedHosts): must be a whole number from 0"),
        (record()[:60] + "\n", "lsb.acct:2: field"),
    ],
)
def test_broken_lines(line, message, tmp_path):
    with pytest.raises(TraceError) as error:
        read(tmp_path, record(), line)
    assert message in str(error.value)
