"""The task list of the Alibaba GPU cluster trace v2023: counts of the published file, tasks by hand, broken lines."""

from __future__ import annotations

import gzip
import json
import lzma

import numpy as np
import pytest

from pwsim import TraceError, read_trace
from tests.cli.test_hostile import pwsim

HEADER = (
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
)
TASKS = """\
openb-pod-0003,11500,1000,1,460,,LS,Succeeded,100,400,150
openb-pod-0004,500,0,8,1000,,BE,Running,50,400,50
openb-pod-0005,4000,100,0,0,,BE,Pending,60,400,
openb-pod-0006,0,100,0,0,,LS,Failed,70,70,70
"""


def read(tmp_path, content: str | bytes):
    path = tmp_path / "tasks.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_trace(path, format="alibaba-gpu-2023")


def test_tasks_by_hand(tmp_path):
    trace = read(tmp_path, HEADER + TASKS)
    # By creation: task 4 at 50 s (the clock's zero), 6 at 70, 3 at 100; task 5 was never scheduled.
    assert trace.job_id.tolist() == [4, 6, 3]
    assert trace.submit_s.tolist() == [0, 20, 50]
    assert trace.run_s.tolist() == [350, 0, 250]  # deletion - scheduled
    assert trace.estimate_s.tolist() == [350, 1, 250]
    assert trace.procs.tolist() == [1, 1, 12]  # 0.5 and 0 cores count as one; 11.5 as 12
    assert trace.gpus.tolist() == [8, 0, 0.46]
    assert trace.recorded_wait_s.tolist() == [0, 0, 50]
    assert trace.memory_mib.tolist() == [0, 100, 1000]
    assert trace.nodes.tolist() == [1, 1, 1]
    assert list(trace.queue) == ["BE", "LS", "LS"]
    assert list(trace.recorded_status) == ["Running", "Failed", "Succeeded"]
    assert set(trace.user) == {""}
    assert (trace.jobs_read, dict(trace.dropped)) == (4, {"not_started": 1})
    assert trace.notes[0].startswith("1 tasks were still running")


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_packed_file_gives_the_same(pack, tmp_path):
    assert read(tmp_path, pack((HEADER + TASKS).encode())).digest() == read(tmp_path, HEADER + TASKS).digest()


def test_columns_in_another_order(tmp_path):
    rows = [line.split(",") for line in (HEADER + TASKS).splitlines()]
    turned = "\n".join(",".join(reversed(row)) for row in rows)
    assert read(tmp_path, turned).digest() == read(tmp_path, HEADER + TASKS).digest()


BROKEN = {
    "word": (TASKS.replace("11500", "many"), "tasks.csv:2: cpu_milli: must be a whole number, or empty (got 'many')"),
    "negative": (TASKS.replace(",8,", ",-8,"), "tasks.csv:3: num_gpu: must be a whole number from 0"),
    "not a number": (TASKS.replace("50,400,50", "nan,400,50"), "tasks.csv:3: creation_time: must be a number from 0"),
    "too late": (TASKS.replace("70,70,70", "70,1e11,70"), "tasks.csv:5: deletion_time: must be a number from 0"),
    "short line": (TASKS.replace(",Failed", ""), "tasks.csv:5: has 10 fields where there are 11 columns"),
    "long line": (TASKS.replace(",Failed", ",Failed,x"), "tasks.csv:5: has 12 fields where there are 11 columns"),
    "name": (TASKS.replace("openb-pod-0005", "openb"), "tasks.csv:4: name: must end in a number"),
    "blank lines count": ("\n\n" + TASKS.replace("11500", "many"), "tasks.csv:4: cpu_milli"),
    "no tasks": ("", "has no tasks"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_lines(case, tmp_path):
    content, message = BROKEN[case]
    with pytest.raises(TraceError) as error:
        read(tmp_path, HEADER + content)
    assert message in str(error.value)


def test_missing_column(tmp_path):
    with pytest.raises(TraceError, match=r"tasks\.csv:1: column 'qos' is missing"):
        read(tmp_path, HEADER.replace("qos", "class") + TASKS)


def test_file_cut_off(tmp_path):
    with pytest.raises(TraceError, match="gzip file is broken or cut off"):
        read(tmp_path, gzip.compress((HEADER + TASKS).encode())[:-12])


def test_published_list(data_dir, tmp_path, capsys):
    path = data_dir / "traces" / "gpu" / "openb_pod_list_default.csv"
    trace = read_trace(path, format="alibaba-gpu-2023")
    assert (trace.jobs_read, len(trace), dict(trace.dropped)) == (8152, 7255, {"not_started": 897})
    status = trace.recorded_status.value_counts()
    assert (status["Running"], status["Failed"]) == (5193, 1870)
    assert trace.notes[0].startswith("34 tasks were still running")  # of 5193 last seen running, the others end before
    # The data set's description counts 51,471 GPU-hours from schedule to deletion, and 44 tasks with 8 GPUs.
    assert round(float((trace.gpus * trace.run_s).sum()) / 3600) == 51_471
    assert np.unique(trace.gpus[trace.gpus > 1]).tolist() == [2, 4, 8]
    out = tmp_path / "out"
    code, _, err = pwsim(
        capsys, "simulate", str(path), "--format", "alibaba-gpu-2023", "--cores", "125514", "--out", str(out)
    )
    assert code == 0, err
    workload = json.loads((out / "summary.json").read_text())["workload"]
    assert (workload["jobs_read"], workload["dropped"]) == (8152, {"not_started": 897})
    assert workload["notes"] == list(trace.notes)
