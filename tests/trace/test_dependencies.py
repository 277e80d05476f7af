"""Which jobs wait for others, as logs tell: read, written, changed with the jobs, and looked up."""

import numpy as np
import pytest

from pwsim import Trace, read_trace
from pwsim.common import TraceError
from pwsim.trace import array_limits, links, tells_dependencies, write_trace
from pwsim.workload import keep, mix, resample, shake

JOBS = {"submit_s": [0, 1, 2, 3], "run_s": [9, 9, 9, 9], "procs": [1, 1, 1, 2]}


def waits(trace: Trace) -> set[tuple[int, int]]:
    """Return who waits for whom, by the numbers of jobs."""
    found = links(trace)
    return {
        (int(trace.job_id[follower]), int(trace.job_id[job]))
        for awaited, follower in zip(found.awaited, found.follower, strict=True)
        for group, job in zip(found.group, found.job, strict=True)
        if group == awaited
    }


def test_a_number_stands_for_all_jobs_and_tasks_that_have_it():
    trace = Trace.from_columns(
        {**JOBS, "job_id": [5, 7, 6, 8], "job_array": [-1, 7, 7, -1], "after": ["", "", "", "5,7"]}
    )
    assert waits(trace) == {(8, 5), (8, 6), (8, 7)}
    again = Trace.from_columns({**JOBS, "job_id": [5, 5, 6, 8], "after": ["", "", "", "5"]})  # requeued
    assert waits(again) == {(8, 5)}
    assert len(links(again).job) == 2


def test_nobody_waits_for_itself_its_array_or_who_is_not_there():
    trace = Trace.from_columns({**JOBS, "job_array": [-1, 40, 40, -1], "after": ["1", "40", "2,40", "99,-1"]})
    assert waits(trace) == {(3, 2)}  # task 3 names task 2 by its own number
    assert links(trace).groups == 1


def test_what_is_dropped_or_filtered_is_waited_for_by_nobody():
    trace = Trace.from_columns({**JOBS, "run_s": [-1, 9, 9, 9], "after": ["", "1", "2", "2"]})
    assert waits(trace) == {(3, 2), (4, 2)}
    assert waits(keep(trace, procs_at_least=2)) == set()
    assert waits(trace.take(np.array([0, 2]))) == {(4, 2)}


def test_later_jobs_and_moved_ones_are_waited_for():
    trace = Trace.from_columns({**JOBS, "after": ["4", "1", "", ""]})
    assert waits(trace) == waits(shake(trace, 100.0)) == {(1, 4), (2, 1)}


def test_many_tasks_that_wait_for_many_take_little_room():
    tasks = 10_000
    columns = {"submit_s": [0] * 2 * tasks, "run_s": [9] * 2 * tasks, "procs": [1] * 2 * tasks}
    array = [100_000] * tasks + [200_000] * tasks
    found = links(Trace.from_columns({**columns, "job_array": array, "after": [""] * tasks + ["100000"] * tasks}))
    assert (found.groups, len(found.job), len(found.follower)) == (1, tasks, tasks)


def test_limits_of_arrays():
    trace = Trace.from_columns({**JOBS, "job_array": [3, -1, 9, 9], "array_limit": [0, 5, 1, 2]})
    array, most = array_limits(trace)
    assert array.tolist() == [-1, -1, 0, 0]
    assert most.tolist() == [2]
    assert array_limits(Trace.from_columns(JOBS))[1].tolist() == []
    assert tells_dependencies(trace)
    assert not tells_dependencies(Trace.from_columns({**JOBS, "after": ["", "-1", "", ""]}))


@pytest.mark.parametrize("after", ["afterok:5", "1.5", "5;6"])
def test_anything_else_is_an_error(after):
    with pytest.raises(TraceError, match="must hold numbers of jobs separated by commas, such as 12 or 12,15"):
        links(Trace.from_columns({**JOBS, "after": ["", "", "", after]}))


def test_jobs_that_are_mixed_in_or_drawn_anew():
    first = Trace.from_columns(
        {**JOBS, "after": ["", "1", "", "2"], "job_array": [-1, -1, 50, 50], "array_limit": [0, 0, 1, 1]}
    )
    second = Trace.from_columns(
        {**JOBS, "job_id": [20, 21, 22, 23], "after": ["", "20", "3", ""], "job_array": [-1, 21, 21, -1]}
    )
    both = mix(first, second, "more")
    raised = int(both.job_id.max()) - 23
    assert raised >= 48  # 3, which is not there, is none of the first either
    assert waits(both) == {(2, 1), (4, 2), (21 + raised, 20 + raised)}
    assert sorted(both.job_array.tolist()) == [-1, -1, -1, -1, 50, 50, 21 + raised, 21 + raised]
    users = {"user": ["ann", "bob", "ann", "bob"]}
    drawn = resample(
        Trace.from_columns({**JOBS, **users, "after": ["", "1", "", ""], "array_limit": [2, 0, 0, 0]}), seed=1
    )
    assert not tells_dependencies(drawn)


def test_swf_tells_one_job_in_field_17(tmp_path):
    line = "{} {} 0 9 1 -1 -1 1 9 -1 1 1 1 -1 1 1 {} {}\n"
    path = tmp_path / "log.swf"
    path.write_text("; MaxProcs: 4\n" + line.format(1, 0, -1, -1) + line.format(2, 5, 1, 30) + line.format(3, 6, 0, -1))
    trace = read_trace(path)
    assert waits(trace) == {(2, 1)}
    write_trace(trace, tmp_path / "again.swf.gz")
    assert waits(read_trace(tmp_path / "again.swf.gz")) == {(2, 1)}
    several = Trace.from_columns({**JOBS, "after": ["", "", "", "1,3"]})
    write_trace(several, tmp_path / "last.swf")
    assert waits(read_trace(tmp_path / "last.swf")) == {(4, 3)}
    path.write_text(line.format(1, 0, 1.5, -1))
    with pytest.raises(
        TraceError, match=r"log\.swf:1: field 17 \(preceding job\): must be a whole number \(got 1\.5\)"
    ):
        read_trace(path)


def test_parquet_keeps_it(tmp_path):
    trace = Trace.from_columns(
        {**JOBS, "after": ["", "1", "", "1,2"], "job_array": [-1, -1, 9, 9], "array_limit": [0, 0, 2, 2]}
    )
    write_trace(trace, tmp_path / "log.parquet")
    again = read_trace(tmp_path / "log.parquet")
    assert again.jobs.equals(trace.jobs)
    assert again.digest() == trace.digest()


def test_a_table_tells_it(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("id,at,len,n,pre,arr,most\n1,0,9,1,,,\n2,1,9,1,1,,\n3,2,9,1,,9,2\n")
    columns = {
        "job_id": "id",
        "submit_s": "at",
        "run_s": "len",
        "procs": "n",
        "after": "pre",
        "job_array": "arr",
        "array_limit": "most",
    }
    trace = read_trace(path, columns=columns)
    assert waits(trace) == {(2, 1)}
    assert trace.job_array.tolist() == [-1, -1, 9]
    assert trace.array_limit.tolist() == [0, 0, 2]


SACCT = """JobID|JobIDRaw|Submit|Start|Elapsed|State|NCPUS|SubmitLine
12|12|2024-01-01T00:00:00|2024-01-01T00:00:00|00:00:10|COMPLETED|1|sbatch -d 5 -a 7 a.sh
13_1|14|2024-01-01T00:00:00|2024-01-01T00:00:00|00:00:10|COMPLETED|1|sbatch a.sh
13_2|15|2024-01-01T00:00:00|2024-01-01T00:00:00|00:00:10|COMPLETED|1|sbatch a.sh
13_[3-4%2]|13|2024-01-01T00:00:00|Unknown|00:00:00|PENDING|1|sbatch a.sh
16_0|16|2024-01-01T00:00:00|2024-01-01T00:00:00|00:00:10|COMPLETED|1|sbatch --array=0-9%3 a.sh
17|17|2024-01-01T00:00:01|2024-01-01T00:00:30|00:00:10|COMPLETED|1|sbatch -d afterok:12,afterany:13_2:99_1 a.sh
18|18|2024-01-01T00:00:01|2024-01-01T00:00:30|00:00:10|COMPLETED|1|sbatch --dependency=singleton a.sh
19|19|2024-01-01T00:00:01|2024-01-01T00:00:30|00:00:10|COMPLETED|1|sbatch --dependency afterany:13 a.sh
"""


def test_sacct_tells_in_job_ids_and_in_the_line_of_submission(tmp_path):
    path = tmp_path / "log.psv"
    path.write_text(SACCT)
    trace = read_trace(path)
    assert waits(trace) == {(17, 12), (17, 15), (19, 14), (19, 15)}
    assert dict(zip(trace.job_id.tolist(), trace.job_array.tolist(), strict=True)) == {
        12: -1, 14: 13, 15: 13, 16: 16, 17: -1, 18: -1, 19: -1,
    }  # fmt: skip
    assert trace.array_limit.tolist() == [0, 2, 2, 3, 0, 0, 0]  # that of 13 stands in a row that is no job
    assert any(note.startswith("1 jobs waited for others in a way that is not modelled") for note in trace.notes)


def test_sacct_with_a_column_of_dependencies(tmp_path):
    path = tmp_path / "log.psv"
    lines = ["|".join((*line.split("|")[:-1], "(null)")) for line in SACCT.splitlines()]
    lines[0] = lines[0].replace("(null)", "Dependency")
    lines[-1] = lines[-1].replace("(null)", "afterok:12(unfulfilled),after:14")
    path.write_text("\n".join(lines))
    trace = read_trace(path)
    assert waits(trace) == {(19, 12)}
    assert any(note.startswith("1 jobs waited for others in a way that is not modelled") for note in trace.notes)


def test_a_log_without_such_columns_is_read_as_before(tmp_path):
    path = tmp_path / "log.psv"
    path.write_text("\n".join(line.rpartition("|")[0] for line in SACCT.splitlines() if "%" not in line))
    assert not tells_dependencies(read_trace(path))
