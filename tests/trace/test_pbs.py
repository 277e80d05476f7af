"""Accounting logs of PBS: the real records, requests worked out by hand, broken lines."""

from __future__ import annotations

import numpy as np
import pytest

from pwsim import Trace, TraceError, read_trace

KEYS = {
    "user": "ada", "group": "maths", "queue": "batch", "ctime": "1000", "qtime": "1000", "etime": "1000", "start": "1060",
    "exec_host": "n1/0+n1/1", "Resource_List.walltime": "01:00:00", "end": "1360", "Exit_status": "0",
    "resources_used.walltime": "00:10:00",
}  # fmt: skip


def record(kind: str = "E", job: str = "7.server", **changes: str | None) -> str:
    keys = {**KEYS, **{key.replace("__", "."): value for key, value in changes.items()}}
    return (
        f"01/31/2024 10:00:00;{kind};{job};" + " ".join(f"{key}={value}" for key, value in keys.items() if value) + "\n"
    )


def read(tmp_path, *lines: str) -> Trace:
    (tmp_path / "log").write_text("".join(lines))
    return read_trace(tmp_path / "log")


def test_a_record(tmp_path):
    trace = read(tmp_path, record(etime="1020"))
    job = trace.jobs.iloc[0]
    assert (trace.format, job["job_id"], job["run_s"], job["estimate_s"]) == ("pbs", 7, 300, 3600)
    assert (job["recorded_wait_s"], job["held_s"], job["procs"]) == (40, 20, 2)
    assert (job["user"], job["user_group"], job["queue"], job["recorded_status"]) == ("ada", "maths", "batch", "0")


@pytest.mark.parametrize(
    ("keys", "procs", "nodes", "memory", "gpus"),
    [
        ({"exec_host": "n1/0-3,6+n2/0"}, 6, 0, 0, 0),  # Torque's ranges: 0 1 2 3 6, and 0
        ({"exec_host": "n1/0*8+n2/0*8"}, 16, 0, 0, 0),  # PBS Professional
        ({"exec_host": "n1/2", "Resource_List__ncpus": "4"}, 4, 0, 0, 0),
        ({"exec_host": None, "Resource_List__nodes": "2:ppn=8"}, 16, 2, 0, 0),
        ({"exec_host": None, "Resource_List__nodes": "2:ppn=4:gpus=1+fat:ppn=8:gpus=2"}, 16, 3, 0, 4),
        ({"exec_host": None, "Resource_List__nodes": "4", "Resource_List__nodect": "4"}, 4, 4, 0, 0),
        ({"exec_host": None, "Resource_List__select": "2:ncpus=6:mem=4gb:ngpus=2+1:ncpus=1"}, 13, 3, 0, 4),
        ({"exec_host": None, "Resource_List__procs": "5"}, 5, 0, 0, 0),
        ({"Resource_List__nodes": "1pn=4", "exec_host": "n/4+n/5+n/6+n/7"}, 4, 1, 0, 0),  # misspelt
        ({"Resource_List__mem": "15gb", "Resource_List__pmem": "1gb"}, 2, 0, 15360, 0),
        ({"Resource_List__pmem": "2666mb"}, 2, 0, 5332, 0),  # for each of 2 processors
        ({"Resource_List__mem": "1048577"}, 2, 0, 2, 0),  # bytes, rounded up
        ({"Resource_List__mem": "1mw"}, 2, 0, 8, 0),  # words of 8 bytes
        ({"Resource_List__ngpus": "3"}, 2, 0, 0, 3),
    ],
)
def test_requests(keys, procs, nodes, memory, gpus, tmp_path):
    job = read(tmp_path, record(**keys)).jobs.iloc[0]
    assert (job["procs"], job["nodes"], job["memory_mib"], job["gpus"]) == (procs, nodes, memory, gpus)


def test_types_of_records(tmp_path):
    trace = read(
        tmp_path,
        "01/31/2024 10:00:00;L;license;floating license hour:3\n",
        "01/31/2024 10:00:00;Q;7.server;queue=batch\n",
        "01/31/2024 10:00:00;S;7.server;start=1060\n",
        record("R", end="1100"),  # the first attempt, rerun after 40 s
        record("R", start=None, end=None),  # an older version says no more than that it was rerun
        record("E", etime="1100", start="1160"),
        record("A", job="8.server"),
        "01/31/2024 10:00:00;D;9.server;requestor=ada@host\n" * 2,
        "01/31/2024 10:00:00;D;7.server;requestor=ada@host\n",  # deleted while it ran: it has its E
    )
    assert trace.run_s.tolist() == [40, 200]
    assert (trace.jobs_read, dict(trace.dropped)) == (4, {"aborted": 2})
    assert [note.split()[0] for note in trace.notes] == ["1", "4", "1"]  # held, other types, requeued


def test_arrays_requeues_and_duplicates(tmp_path):
    trace = read(
        tmp_path, record(job="9[1].s"), record(job="9[2].s"), record(job="9[2].s"), record(job="9[2].s", end="1361")
    )
    assert trace.job_id.tolist() == [9, 9, 9]
    assert (trace.jobs_read, dict(trace.dropped)) == (4, {"duplicate": 1})


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"start": None}, "not_started"),
        ({"start": "0"}, "not_started"),
        ({"end": "1059"}, "negative_run_time"),
        ({"exec_host": None}, "no_size"),
        ({"ctime": None, "etime": None}, "negative_submit_time"),
    ],
)
def test_records_that_are_dropped(keys, reason, tmp_path):
    trace = read(tmp_path, record(), record(job="8.s", **keys))
    assert (trace.jobs_read, len(trace), dict(trace.dropped)) == (2, 1, {reason: 1})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("to be\n", "log:2: must be date;type;job;key=value"),
        (record(job="x"), "log:2: job: must be a job id such as 123.server"),
        (record(start="soon"), "log:2: start: must be a number, or empty (got 'soon')"),
        (record(end="1e99"), "log:2: end: must be a number from 0 to 10,000,000,000"),
        (record(Resource_List__walltime="1h"), "log:2: Resource_List.walltime: must be a duration"),
        (record(Resource_List__mem="much"), "log:2: Resource_List.mem: must be a size of memory"),
        (record(Resource_List__ncpus="-1"), "log:2: Resource_List.ncpus: must be a whole number from 0"),
    ],
)
def test_broken_lines(line, message, tmp_path):
    with pytest.raises(TraceError) as error:
        read(tmp_path, record(), line)
    assert message in str(error.value)


def test_no_jobs(tmp_path):
    with pytest.raises(TraceError, match="has no records of jobs that ended"):
        read(tmp_path, "01/31/2024 10:00:00;Q;7.server;queue=batch\n")
    with pytest.raises(TraceError, match="none of the 1 records can be replayed"):
        read(tmp_path, record("A"))


def test_real_records(data_dir):
    trace = read_trace(data_dir / "traces" / "accounting" / "pbs-torque-accounting.log")
    # 10 records: an abort; 21048463 and 21010040 occur twice; one 24940336 ends before it starts; 6 are left.
    assert (trace.format, trace.jobs_read, len(trace)) == ("pbs", 10, 6)
    assert dict(trace.dropped) == {"aborted": 1, "duplicate": 2, "negative_run_time": 1}
    jobs = dict(zip(trace.job_id.tolist(), zip(trace.run_s, trace.procs, trace.memory_mib, strict=True), strict=True))
    assert jobs[21048463] == (1317534104 - 1317509945, 1, 4000)  # the one that lacks a space
    assert jobs[21010040] == (0, 8, 0)  # nodes=1:ppn=8, with and without exec_host
    assert jobs[21414868] == (1426965019 - 1426952875, 4, 4 * 2666)  # nodes=1pn=4: exec_host tells
    assert trace.recorded_wait_s[trace.job_id == 37803854].tolist() == [97]
    assert np.nanmax(trace.held_s) == 0
    assert any(note.startswith("1 spaces were missing") for note in trace.notes)
