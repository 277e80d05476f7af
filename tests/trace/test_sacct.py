"""Slurm's accounting: the real logs and their counts, rows worked out by hand, local times, broken rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pwsim import Trace, TraceError, read_trace
from pwsim.trace.formats import sacct, slurm_fields
from pwsim.trace.formats.clock import Clock
from tests.cli.test_hostile import GOOD, pwsim

pytestmark = pytest.mark.usefixtures("blank_figures")

NAMES = "JobID|JobIDRaw|User|Account|Partition|Submit|Eligible|Start|End|Elapsed|State|NNodes|NCPUS|ReqCPUS|ReqMem|ReqTRES|AllocTRES|Timelimit"
GOOD_ROW = {
    "JobID": "7", "JobIDRaw": "7", "User": "ada", "Account": "maths", "Partition": "main",
    "Submit": "2024-01-01T00:00:00", "Eligible": "2024-01-01T00:00:00", "Start": "2024-01-01T00:01:00",
    "End": "2024-01-01T01:01:00", "Elapsed": "01:00:00", "State": "COMPLETED", "NNodes": "2", "NCPUS": "8",
    "ReqCPUS": "6", "ReqMem": "", "ReqTRES": "", "AllocTRES": "", "Timelimit": "02:00:00",
}  # fmt: skip


def row(**values: str) -> str:
    return "|".join({**GOOD_ROW, **values}[name] for name in NAMES.split("|")) + "\n"


def xdmod_row(**values: str) -> str:
    """Return a row in the columns of XDMoD, in whose dumps there is no header."""
    known = {name.lower(): value for name, value in {**GOOD_ROW, **values}.items()}
    return "|".join(known.get(name, "x") for name in sacct.XDMOD) + "\n"


def read(tmp_path: Path, *rows: str, header: str = NAMES + "\n", **options) -> Trace:
    (tmp_path / "jobs.psv").write_text(header + "".join(rows), encoding="utf-8")
    return read_trace(tmp_path / "jobs.psv", **options)


def only(tmp_path: Path, **values: str) -> dict[str, Any]:
    trace = read(tmp_path, row(**values))
    assert len(trace) == 1
    return {str(name): value for name, value in trace.jobs.iloc[0].items()}


def test_a_row(tmp_path):
    job = only(tmp_path)
    assert (job["job_id"], job["run_s"], job["estimate_s"], job["recorded_wait_s"], job["held_s"]) == (
        7,
        3600,
        7200,
        60,
        0,
    )
    assert (job["procs"], job["nodes"], job["memory_mib"], job["gpus"]) == (8, 2, 0, 0)
    assert (job["user"], job["user_group"], job["queue"], job["partition"]) == ("ada", "maths", "main", "main")
    assert job["recorded_status"] == "COMPLETED"


def test_the_replay_submits_when_a_job_can_start(tmp_path):
    # Held for 30 s by a dependency, then 30 s of waiting: the scheduler is to blame for the latter only.
    trace = read(tmp_path, row(Eligible="2024-01-01T00:00:30"), row(JobID="8", JobIDRaw="8"))
    assert trace.job_id.tolist() == [8, 7]
    assert trace.submit_s.tolist() == [0, 30]
    assert trace.recorded_wait_s.tolist() == [60, 30]
    assert trace.held_s.tolist() == [0, 30]
    assert any(note.startswith("1 jobs could first start after") for note in trace.notes)


@pytest.mark.parametrize("eligible", ["Unknown", "None", "", "2023-12-31T23:00:00", "2024-01-01T00:02:00"])
def test_an_eligible_that_makes_no_sense_is_not_used(eligible, tmp_path):
    job = only(tmp_path, Eligible=eligible)
    assert job["recorded_wait_s"] == 60
    assert np.isnan(job["held_s"]) == (eligible[:2] != "20")


@pytest.mark.parametrize(
    ("values", "procs", "nodes", "memory", "gpus"),
    [
        ({"ReqMem": "4000Mn"}, 8, 2, 8000, 0),  # 2 nodes
        ({"ReqMem": "4000Mc"}, 8, 2, 32000, 0),  # 8 processors
        ({"ReqMem": "312.50G"}, 8, 2, 320000, 0),  # the whole job
        ({"ReqMem": "2147486648Mn"}, 8, 2, 24000, 0),  # 2^31 + 3000: 3000 MiB a processor
        ({"ReqMem": "0n"}, 8, 2, 0, 0),
        ({"NCPUS": "0", "ReqMem": "1Gc"}, 6, 2, 6144, 0),  # nothing allocated: what was asked for
        ({"AllocTRES": "billing=9,cpu=9,gres/gpu=2,mem=62.50G,node=3"}, 8, 2, 64000, 2),
        ({"NCPUS": "", "AllocTRES": "cpu=9,mem=1T"}, 9, 2, 1048576, 0),
        ({"ReqTRES": "cpu=4,gres/gpu:a100=4,mem=512K,node=1"}, 8, 1, 1, 4),  # half a MiB is rounded up
        ({"AllocTRES": "gres/gpu:a100=2,gres/gpu:v100=1"}, 8, 2, 0, 3),
        ({"AllocTRES": "gres/gpu:a100=2,gres/gpu=2,gres/gpumem=80G"}, 8, 2, 0, 2),
        ({"AllocTRES": "gres/gpu=1", "ReqTRES": "gres/gpu=8"}, 8, 2, 0, 1),
    ],
)
def test_resources(values, procs, nodes, memory, gpus, tmp_path):
    job = only(tmp_path, **values)
    assert (job["procs"], job["nodes"], job["memory_mib"], job["gpus"]) == (procs, nodes, memory, gpus)


@pytest.mark.parametrize(
    ("limit", "estimate_s"),
    [
        ("1-00:00:00", 86400),
        ("12-14:16:39", 1_088_199),
        ("00:30:00", 1800),
        ("UNLIMITED", 3600),
        ("Partition_Limit", 3600),
        ("", 3600),
    ],
)
def test_time_limits(limit, estimate_s, tmp_path):
    assert only(tmp_path, Timelimit=limit)["estimate_s"] == estimate_s


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"State": "PENDING", "Start": "Unknown", "End": "Unknown", "Elapsed": "00:00:00"}, "not_started"),
        ({"State": "CANCELLED by 12", "Start": "None", "Elapsed": "00:00:00"}, "not_started"),
        ({"State": "RUNNING", "End": "Unknown"}, "still_running"),
        ({"State": "SUSPENDED"}, "still_running"),
        ({"State": "FOO"}, "unknown_state"),
        ({"Elapsed": "", "End": "Unknown"}, "still_running"),
        ({"NCPUS": "0", "ReqCPUS": "0"}, "no_size"),
        ({"Submit": "Unknown", "Eligible": "Unknown"}, "negative_submit_time"),
        ({"Elapsed": "", "End": "2024-01-01T00:00:59"}, "negative_run_time"),
    ],
)
def test_rows_that_are_dropped(values, reason, tmp_path):
    trace = read(tmp_path, row(), row(JobID="8", JobIDRaw="8", **values))
    assert (trace.jobs_read, len(trace), dict(trace.dropped)) == (2, 1, {reason: 1})


def test_every_documented_state_has_one_fate():
    states = [*slurm_fields.ENDED, *slurm_fields.WAITING, *slurm_fields.RUNNING]
    assert len(states) == len(set(states))


def test_steps_are_no_jobs(tmp_path):
    steps = [row(JobID=f"7.{step}", JobIDRaw=f"7.{step}", NCPUS="1") for step in ("batch", "extern", "0")]
    trace = read(tmp_path, row(), *steps)
    assert (trace.jobs_read, len(trace), dict(trace.dropped)) == (1, 1, {})
    assert trace.notes[0].startswith("3 rows of job steps")


def test_arrays_and_heterogeneous_jobs(tmp_path):
    trace = read(
        tmp_path,
        row(JobID="9_1", JobIDRaw="9"),
        row(JobID="9_2", JobIDRaw="10"),
        row(JobID="20+0", JobIDRaw="20"),
        row(JobID="20+1", JobIDRaw="21"),
        row(JobID="30_[1-3,7,10-20:5%2]", JobIDRaw="30"),  # 1 2 3 7 10 15 20
        row(JobID="40_[0-999]", JobIDRaw="40", State="PENDING", Start="Unknown"),
    )
    assert trace.job_id.tolist() == [9, 10, 20, 21, *[30] * 7]
    assert (trace.jobs_read, dict(trace.dropped)) == (4 + 7 + 1000, {"not_started": 1000})


def test_tasks_without_raw_ids_are_not_taken_for_duplicates(tmp_path):
    names = NAMES.replace("|JobIDRaw", "")
    rows = [row(JobID=f"9_{task}").replace("|7|", "|", 1) for task in (1, 2, 2)]
    trace = read(tmp_path, *rows, header=names + "\n")
    assert (trace.job_id.tolist(), dict(trace.dropped)) == ([9, 9], {"duplicate": 1})


def test_requeued_job_is_a_job_for_each_attempt(tmp_path):
    again = {"Submit": "2024-01-01T02:00:00", "Eligible": "2024-01-01T02:00:00", "Start": "2024-01-01T03:00:00"}
    trace = read(tmp_path, row(State="NODE_FAIL"), row(**again), row(**again))
    assert trace.submit_s.tolist() == [0, 7200]
    assert (trace.jobs_read, dict(trace.dropped)) == (3, {"duplicate": 1})
    assert any(note.startswith("1 records have a job id that came before") for note in trace.notes)


def test_any_order_of_columns_a_trailing_bar_and_a_header_in_the_midst(tmp_path):
    wanted = read(tmp_path, row(), row(JobID="8", JobIDRaw="8"))
    lines = (NAMES + "\n" + row() + NAMES + "\n" + row(JobID="8", JobIDRaw="8")).splitlines()
    turned = ["|".join(reversed(line.split("|"))) + "|\n" for line in lines]
    assert read(tmp_path, *turned, header="").digest() == wanted.digest()


@pytest.mark.parametrize(
    "columns", [NAMES, NAMES.split("|"), NAMES.replace("|", ","), NAMES.lower().replace("|", "\n"), "names.txt"]
)
def test_columns_of_a_log_without_header(columns, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text(NAMES + "\n")
    trace = read(tmp_path, row(), header="", format="sacct", columns=columns)
    assert trace.digest() == read(tmp_path, row()).digest()


def test_time_zone_and_summer_time(tmp_path):
    # Paris leaves summer time on 2024-10-27 at 03:00, which becomes 02:00 again: 02:30 occurs twice, an hour apart.
    # Submitted at 02:50 (the first, 00:50 UTC) and started at 02:10 (only the second, 01:10 UTC, is later): 20 minutes.
    times = {"Submit": "2024-10-27T02:50:00", "Eligible": "2024-10-27T02:50:00", "Start": "2024-10-27T02:10:00"}
    before = {"Submit": "2024-10-27T01:50:00", "Eligible": "2024-10-27T01:50:00", "Start": "2024-10-27T01:50:00"}
    trace = read(tmp_path, row(JobID="6", JobIDRaw="6", **before), row(**times), time_zone="Europe/Paris")
    assert trace.submit_s.tolist() == [0, 3600]
    assert trace.recorded_wait_s.tolist() == [0, 1200]
    assert any("3 times fall into an hour that the clock of Europe/Paris shows twice" in note for note in trace.notes)
    # In UTC the same row has a start before its submission, which is said and not used.
    trace = read(tmp_path, row(**times))
    assert np.isnan(trace.recorded_wait_s[0])


def test_time_that_does_not_exist(tmp_path):
    # On 2024-03-31 Paris goes from 02:00 to 03:00, which is 01:00 UTC.
    times = {"Submit": "2024-03-31T02:30:00", "Eligible": "2024-03-31T02:30:00", "Start": "2024-03-31T03:00:10"}
    trace = read(tmp_path, row(**times), time_zone="Europe/Paris")
    assert trace.recorded_wait_s.tolist() == [10]
    assert any("2 times do not exist on the clock" in note for note in trace.notes)
    assert Clock("Europe/Paris").parse("2024-03-31T02:30:00") == Clock("UTC").parse("2024-03-31T01:00:00")


@pytest.mark.parametrize(
    "stamp", ["1704067200", "2024-01-01 00:00:00", "2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00"]
)
def test_ways_to_write_a_time(stamp, tmp_path):
    job = only(tmp_path, Submit=stamp, Eligible=stamp, Start="1704067260")
    assert job["recorded_wait_s"] == 60


BROKEN = {
    "time": ({"Start": "yesterday"}, "jobs.psv:3: start: must be a time such as 2016-12-22T07:15:12, or seconds since 1970 (got 'yesterday')"),
    "month 13": ({"Submit": "2024-13-01T00:00:00"}, "jobs.psv:3: submit: must be a time such as"),
    "year 3000": ({"Submit": "3000-01-01T00:00:00"}, "jobs.psv:3: submit: must be a time from 1970 to 2286"),
    "duration": ({"Elapsed": "1h"}, "jobs.psv:3: elapsed: must be a duration such as 1-02:03:04"),
    "size": ({"NCPUS": "eight"}, "jobs.psv:3: ncpus: must be a whole number, or empty (got 'eight')"),
    "half a processor": ({"NCPUS": "1.5"}, "jobs.psv:3: ncpus: must be a whole number from 0"),
    "too wide": ({"NCPUS": "99999999999"}, "jobs.psv:3: ncpus: must be a whole number from 0 to 1,000,000,000"),
    "negative": ({"NNodes": "-2"}, "jobs.psv:3: nnodes: must be a whole number from 0"),
    "memory": ({"ReqMem": "lots"}, "jobs.psv:3: reqmem: must be a size of memory"),
    "endless memory": ({"ReqMem": "9e99Mn"}, "jobs.psv:3: reqmem: must be a size of memory"),
    "resources": ({"AllocTRES": "cpu=many"}, "jobs.psv:3: alloctres: must be a whole number, or empty (got 'cpu=many')"),
    "limit": ({"Timelimit": "forever"}, "jobs.psv:3: timelimit: must be a duration"),
    "job id": ({"JobID": "abc"}, "jobs.psv:3: jobid: must be a job id such as 123"),
    "range": ({"JobID": "7_[5-1]"}, "jobs.psv:3: jobid: has a range of array tasks that makes no sense ('5-1')"),
    "endless range": ({"JobID": "7_[0-999999999]"}, "jobs.psv:3: jobid: has more than 4,000,001 array tasks"),
    "bar in a name": ({"Account": "a|b"}, "jobs.psv:3: has 19 fields where there are 18 columns"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_rows_name_line_field_and_value(case, tmp_path):
    values, message = BROKEN[case]
    with pytest.raises(TraceError) as error:
        read(tmp_path, row(), row(**values), row(JobID="9"))
    assert message in str(error.value)


def test_missing_columns_and_headers(tmp_path):
    with pytest.raises(TraceError, match=r"jobs\.psv:1: column start is missing; `pwsim trace sacct-command`"):
        read(tmp_path, row(), header=NAMES.replace("|Start", "|Begin") + "\n")
    with pytest.raises(TraceError, match=r"jobs\.psv:1: has no header line with JobID; name the columns"):
        read(tmp_path, row(), header="", format="sacct")
    with pytest.raises(TraceError, match="other columns than those that were given"):
        read(tmp_path, row(), columns="jobid,submit")
    with pytest.raises(TraceError, match="time_zone: unknown time zone 'Paris'"):
        read(tmp_path, row(), time_zone="Paris")
    with pytest.raises(TraceError, match=r"columns: nowhere\.txt: No such file"):
        read(tmp_path, row(), header="", format="sacct", columns="nowhere.txt")
    with pytest.raises(TraceError, match="has no rows"):
        read(tmp_path)


def test_rows_of_sacct_without_a_header_are_known_and_asked_for_their_columns(tmp_path):
    with pytest.raises(TraceError) as error:
        read(tmp_path, row(), header="")  # the content tells the format
    for words in ("name the columns in order (--columns", "18 fields are: 1 7, 2 7, 3 ada, 4 maths", "15 (empty)"):
        assert words in str(error.value)
    assert "xdmod" not in str(error.value)
    with pytest.raises(TraceError, match="look like those of XDMoD: try the format xdmod"):
        read(tmp_path, xdmod_row(), header="", format="sacct")


def test_dumps_for_xdmod_need_no_names(tmp_path):
    rows = [xdmod_row(), xdmod_row(JobID="8_[1-3]", JobIDRaw="8", Submit="Unknown"), xdmod_row(State="CANCELLED by 7")]
    trace = read(tmp_path, *rows, header="")
    assert trace.format == "xdmod"
    named = read(tmp_path, *rows, header="", format="sacct", columns="|".join(sacct.XDMOD))
    assert trace.digest() == named.digest()
    with pytest.raises(TraceError, match="the format xdmod takes time_zone"):
        read(tmp_path, *rows, header="", columns="jobid,submit")
    with pytest.raises(TraceError, match="other columns than those that were given"):
        read(tmp_path, row(), format="xdmod")


@pytest.mark.parametrize("values", [{"Elapsed": "long"}, {"State": "done"}, {"NCPUS": "8.5"}, {"Submit": "yesterday"}])
def test_other_dumps_of_26_columns_are_not_xdmods(values):
    assert sacct.recognises_xdmod(xdmod_row().encode())
    assert not sacct.recognises_xdmod(xdmod_row(**values).encode())
    assert not sacct.recognises_xdmod(b"x|" + xdmod_row().encode())


def test_real_dumps_for_xdmod(data_dir):
    folder = data_dir / "traces" / "accounting"
    for name in ("phillips", "odd-rows"):
        path = folder / f"sacct-xdmod-{name}.log"
        trace = read_trace(path)
        assert trace.format == "xdmod"
        assert trace.digest() == read_trace(path, "sacct", columns=folder / "sacct-xdmod-columns.txt").digest()


def test_phillips(data_dir, tmp_path, capsys):
    folder = data_dir / "traces" / "accounting"
    log, columns = folder / "sacct-xdmod-phillips.log", folder / "sacct-xdmod-columns.txt"
    trace = read_trace(log, "sacct", columns=columns)
    # 239 jobs were cancelled before any node was assigned, all of them among the 261 with zero elapsed.
    assert (trace.jobs_read, len(trace), dict(trace.dropped)) == (4285, 4046, {"not_started": 239})
    status = trace.recorded_status.value_counts()
    assert (status["COMPLETED"], status["FAILED"], status["CANCELLED"], status["TIMEOUT"]) == (2324, 1717, 243 - 239, 1)
    assert int((trace.run_s == 0).sum()) == 261 - 239
    assert (len(trace.user.categories), trace.procs.max()) == (4, 64)
    assert trace.estimate_s.max() == 37 * 86400 + 14 * 3600
    # 2147486648Mn is 3000M a processor, which AllocTRES confirms: mem=24000M for 8 processors.
    assert int(trace.memory_mib[trace.job_id == 167758][0]) == 24000
    assert float(trace.gpus[trace.job_id == 163485][0]) == 2
    out = tmp_path / "out"
    code, answer, _ = pwsim(
        capsys,
        "simulate",
        str(log),
        "--format",
        "sacct",
        "--columns",
        str(columns),
        "--cores",
        "256",
        "--out",
        str(out),
    )
    assert code == 0
    assert "format sacct, 4,285 records, 4,046 jobs replayed" in answer
    assert json.loads((out / "summary.json").read_text())["workload"]["dropped"] == {"not_started": 239}


def test_odd_rows(data_dir):
    folder = data_dir / "traces" / "accounting"
    trace = read_trace(folder / "sacct-xdmod-odd-rows.log", "sacct", columns=folder / "sacct-xdmod-columns.txt")
    # 15 rows: 3 of a job each; one without any size; task 100; ranges of 3, 2, 4, 4 and 9 tasks; running; pending; two
    # states made up; a job with an odd name.  The ranges overlap in tasks 1, 9, 10, 11, 20 and (with task 100) 100.
    assert trace.jobs_read == 3 + 1 + 1 + 22 + 1 + 1 + 2 + 1
    assert dict(trace.dropped) == {
        "no_size": 1, "still_running": 1, "not_started": 1, "unknown_state": 2, "duplicate": 6,
    }  # fmt: skip
    assert len(trace) == 21
    assert trace.memory_mib[trace.job_id == 4107219].tolist() == [144000]  # 3000M for each of 48 processors
    assert any(note.startswith("22 jobs stand in rows") for note in trace.notes)


def test_steps_sample(data_dir, tmp_path):
    lines = (data_dir / "traces" / "accounting" / "sacct-steps-sample.psv").read_text().splitlines()
    with pytest.raises(TraceError, match=r"sacct-steps-sample\.psv:1: column submit or eligible is missing"):
        read_trace(data_dir / "traces" / "accounting" / "sacct-steps-sample.psv")
    # The sample has no times of day; with some put beside, its rows of 8 jobs and 17 steps can be read.
    times = "|2024-01-01T00:00:00|2024-01-01T00:00:00\n"
    trace = read(tmp_path, *(line + times for line in lines[1:]), header=lines[0] + "|Submit|Start\n")
    assert (trace.jobs_read, len(trace), dict(trace.dropped)) == (8, 8, {})
    assert trace.notes[0].startswith("17 rows of job steps")
    place = {int(job): index for index, job in enumerate(trace.job_id)}
    unlimited, task, wide = place[6196869], place[39895850], place[8205048]
    assert trace.estimate_s[unlimited] == trace.run_s[unlimited] == 1_088_199  # 12-14:16:39
    assert trace.memory_mib[[unlimited, task, wide]].tolist() == [20 * 191846, 8192, 320000]
    assert (trace.procs[wide], trace.nodes[wide]) == (80, 4)


def test_the_printed_command_gives_what_is_read(tmp_path, capsys):
    _, command, _ = pwsim(capsys, "trace", "sacct-command")
    assert command.startswith("TZ=UTC sacct ")
    names = command.split("--format ")[1].split(" ")[0].lower().split(",")
    assert set(names) | {"alloccpus"} == set(sacct.COLUMNS)


SCENARIO = GOOD.replace(
    "trace: tiny.swf", "trace: jobs.psv\n  format: sacct\n  columns: [COLUMNS]\n  time_zone: Europe/Paris"
)


def test_a_scenario_names_columns_and_zone(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        row(JobID=str(job), JobIDRaw=str(job), NCPUS="2", Submit=f"2024-01-01T00:00:{job}") for job in range(10, 20)
    ]
    (tmp_path / "jobs.psv").write_text("".join(rows))
    (tmp_path / "names.txt").write_text(NAMES)
    for columns in (f"[{', '.join(NAMES.split('|'))}]", "names.txt"):
        (tmp_path / "x.yaml").write_text(SCENARIO.replace("[COLUMNS]", columns))
        code, out, err = pwsim(capsys, "validate", "x.yaml")
        assert code == 0, err
        assert "10 jobs of jobs (format sacct)" in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[COLUMNS]", "nowhere.txt", "x.yaml:5: workload.columns: there is no file 'nowhere.txt'"),
        ("[COLUMNS]", "[]", "x.yaml:5: workload.columns"),
        ("[COLUMNS]", "[1, 2]", "x.yaml:5: workload.columns"),
        ("Europe/Paris", "Gallia", "x.yaml:6: workload.time_zone: unknown time zone 'Gallia'"),
        ("format: sacct", "format: swf", "x.yaml:5: workload.columns: the format swf takes no options"),
    ],
)
def test_a_scenario_with_wrong_options(old, new, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.psv").write_text(row())
    (tmp_path / "x.yaml").write_text(SCENARIO.replace(old, new))
    code, _, err = pwsim(capsys, "validate", "x.yaml")
    assert (code, message in err) == (2, True), err
