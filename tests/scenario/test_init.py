"""``pwsim trace init``: a first scenario for a log, which runs as it stands."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from pwsim import Trace, generate, load_scenario, read_trace
from pwsim.scenario.drafting import Nodes, Origin, first_scenario
from pwsim.trace.formats.reading import write_trace
from tests.cli.test_hostile import pwsim

pytestmark = pytest.mark.usefixtures("blank_figures")

HOUR_S, DAY_S = 3600.0, 86_400.0


def init(capsys, log: str, *options: str, out: str = "scenario.yaml"):
    """Write a scenario for a log, check it, and return it."""
    code, said, err = pwsim(capsys, "trace", "init", log, "-o", out, *options)
    assert code == 0, err
    assert f"pwsim run {out} --out results/{Path(out).stem}" in said
    code, _, err = pwsim(capsys, "validate", out)
    assert code == 0, err
    return load_scenario(out)


def answered(capsys, tmp_path: Path, out: str = "scenario.yaml"):
    """Run the scenario as it stands, and return the summary and the setups."""
    code, _, err = pwsim(capsys, "run", "--no-draws", out, "--out", str(tmp_path / "out"), "--workers", "1", "--quiet")
    assert code == 0, err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["status"] == "optimal"
    assert 30 <= summary["setups_in_space"] <= 150
    return summary


def drafted(trace: Trace):
    """Return what is written for a trace, as plain data, and the text."""
    text = first_scenario(trace, Origin("log.swf", dataset=False, options={}))
    return YAML(typ="safe").load(text), text


def columns(jobs: int = 200, **more) -> dict[str, object]:
    """Return jobs of 2 processors and an hour, an hour from one another: two processors are busy on average."""
    base = {"submit_s": HOUR_S * np.arange(jobs), "run_s": np.full(jobs, HOUR_S), "procs": np.full(jobs, 2)}
    return {**base, **{name: np.broadcast_to(value, jobs) for name, value in more.items()}}


def test_the_sample_from_its_name_to_an_answer(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scenario = init(capsys, "sample")
    own, burst = scenario.cluster.pools
    assert (own.name, own.kind, burst.name, burst.kind, burst.elastic) == ("own", "on_premises", "burst", "cloud", True)
    assert (own.nodes[0], burst.nodes[0]) == (0, 0)  # all rented and all own are in the space
    assert own.cost is not None
    assert burst.price_usd_per_hour > 0
    summary = answered(capsys, tmp_path)
    assert summary["metrics"]["jobs_rejected"] == 0
    text = Path("scenario.yaml").read_text()
    assert "trace: {dataset: sample}" in text
    assert max(map(len, text.splitlines())) <= 150
    for source in re.findall(r"# .*\[(\d)\]", text):
        assert f"#   [{source}] " in text


def test_a_made_log_with_gpus_from_its_file_to_an_answer(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = pwsim(capsys, "trace", "generate", "ai-training", "ai.parquet", "--jobs", "400", "--cores", "64")
    assert code == 0, err
    scenario = init(capsys, "ai.parquet")
    own, burst = scenario.cluster.pools
    assert (own.node.gpus, burst.node.gpus, own.placement, burst.placement) == (8, 8, "packed", "packed")
    assert burst.instance == "aws/us-east-1/p5.48xlarge"  # of the same model as the own one
    answered(capsys, tmp_path)


def test_what_was_said_of_the_log_is_carried_over_and_paths_start_at_the_scenario(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "asked").mkdir()
    frame = pd.DataFrame(columns(when=0))
    frame["when"] = pd.to_datetime(1.6e9 + frame.pop("submit_s"), unit="s").astype(str)
    frame["run_s"] /= 60
    frame.rename(columns={"run_s": "minutes"}).to_csv(tmp_path / "logs" / "my: log.csv", index=False)
    table = ("--format", "csv", "--columns", "submit_s=when,run_s=minutes:min,procs=procs")
    options = (*table, "--time-zone", "Europe/Paris", "--cores-per-proc", "4")
    scenario = init(capsys, "logs/my: log.csv", *options, out="asked/first.yaml")
    log = scenario.read_log()
    assert (set(log.procs.tolist()), set(log.run_s.tolist())) == ({8}, {HOUR_S})
    said = scenario.workload
    assert (said.trace, said.format, said.time_zone, said.cores_per_proc) == (
        "../logs/my: log.csv", "csv", "Europe/Paris", 4,
    )  # fmt: skip


@pytest.mark.parametrize("names", ["a file", "a list"])
def test_columns_of_a_dump_without_a_header_are_carried_over(names, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = "JobID|Submit|Start|Elapsed|NCPUS|State"
    days = [f"{1 + n // 24:02d}T{n % 24:02d}" for n in range(200)]
    rows = [f"{n}|2024-01-{day}:00:00|2024-01-{day}:10:00|01:00:00|2|COMPLETED" for n, day in enumerate(days)]
    (tmp_path / "jobs.psv").write_text("\n".join(rows))
    (tmp_path / "names.txt").write_text(header)
    (tmp_path / "asked").mkdir()
    given = "names.txt" if names == "a file" else header.replace("|", ",")
    scenario = init(capsys, "jobs.psv", "--columns", given, out="asked/first.yaml")
    assert len(scenario.read_log()) == 200
    assert scenario.workload.columns == ("../names.txt" if names == "a file" else header.split("|"))


def test_an_existing_file_is_replaced_only_on_request(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("scenario.yaml").write_text("mine")
    code, _, err = pwsim(capsys, "trace", "init", "sample", "-o", "scenario.yaml")
    assert (code, "--overwrite" in err, Path("scenario.yaml").read_text()) == (2, True, "mine")
    init(capsys, "sample", "--overwrite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenario.yaml"]


def test_a_log_without_a_span_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_trace(Trace.from_columns({"submit_s": [5, 5], "run_s": [9, 9], "procs": [1, 1]}), tmp_path / "log.swf")
    code, _, err = pwsim(capsys, "trace", "init", "log.swf", "-o", "scenario.yaml")
    assert (code, "submitted at once" in err) == (2, True)
    assert not Path("scenario.yaml").exists()


def test_targets_are_the_recorded_waits_and_the_baseline_is_the_machine_of_the_log():
    wait_s = np.where(np.arange(200) < 180, 100.0, 5.5 * HOUR_S)  # mean 2,070 s
    trace = Trace.from_columns(columns(recorded_wait_s=wait_s), header={"MaxProcs": "100"}, name="log")
    data, text = drafted(trace)
    assert [(one["statistic"], one["at_most"]) for one in data["targets"]] == [("p95", "6 h"), ("mean", "1 h")]
    assert "# in the log 5 h 30 min" in text
    assert data["baseline"] == {"cores": 100, "policy": "easy"}
    assert data["cluster"]["pools"][1]["burst_after"] == "1 h"
    assert 13 in data["cluster"]["pools"][0]["nodes"]  # of 8 cores: the machine of the log
    unknown, text = drafted(Trace.from_columns(columns(), header={"MaxProcs": "100"}))
    assert ("baseline" in unknown, "a guess: the log does not record waits" in text) == (False, True)
    assert [one["at_most"] for one in unknown["targets"]] == ["4 h", "1 h"]
    given = first_scenario(trace, Origin("log.swf", dataset=False, options={}), 64)
    assert YAML(typ="safe").load(given)["baseline"]["cores"] == 64
    at_once, _ = drafted(Trace.from_columns(columns(recorded_wait_s=0.0)))
    assert [one["at_most"] for one in at_once["targets"]] == ["10 min", "10 min"]  # a node must be able to boot


def test_own_nodes_cost_what_was_published_for_their_part():
    data, _ = drafted(Trace.from_columns(columns(), header={"MaxProcs": "1000"}))
    assert data["cluster"]["pools"][0]["node"] == {"cores": 36}
    cost = data["cluster"]["pools"][0]["cost"]
    assert (cost["capex_usd"], cost["busy_power"], cost["idle_power"]) == (14375, "500 W", "161 W")
    assert cost["opex_usd_per_year"] == round(0.5 * 8766 * 0.13)
    small, _ = drafted(Trace.from_columns(columns(), header={"MaxProcs": "64"}))
    assert small["cluster"]["pools"][0]["node"] == {"cores": 8}
    assert small["cluster"]["pools"][0]["cost"]["capex_usd"] == round(14375 * 8 / 36)


def test_memory_decides_own_nodes_and_instance():
    for per_core_gib, instance in ((1, "c7a"), (4, "m7a"), (8, "r7a"), (500, "x2idn")):
        data, _ = drafted(Trace.from_columns(columns(memory_mib=2 * 1024 * per_core_gib)))
        own, burst = data["cluster"]["pools"]
        assert (own["placement"], own["node"]["memory"]) == (
            "packed",
            f"{4 * 2 ** math.ceil(math.log2(per_core_gib))} GiB",
        )
        assert f"/{instance}." in burst["instance"]


def test_few_jobs_with_gpus_are_left_out_and_many_get_nodes():
    few, text = drafted(Trace.from_columns(columns(gpus=np.arange(200) < 4)))
    assert few["workload"]["where"] == {"gpus_at_most": 0}
    assert "4 jobs with GPUs (2 % of the work) left out" in text
    half, _ = drafted(Trace.from_columns(columns(gpus=np.arange(200) % 2)))
    assert [pool["name"] for pool in half["cluster"]["pools"]] == ["own", "burst", "gpu_own", "gpu_burst"]
    setups = math.prod(len(pool["nodes"]) for pool in half["cluster"]["pools"])
    assert setups <= 150
    most, _ = drafted(Trace.from_columns(columns(gpus=np.arange(200) < 180)))
    assert [pool["name"] for pool in most["cluster"]["pools"]] == ["own", "burst"]
    assert "where" not in most["workload"]


def test_gpu_jobs_and_others_each_to_an_answer(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_trace(Trace.from_columns(columns(gpus=np.arange(200) % 2), name="both"), tmp_path / "both.parquet")
    init(capsys, "both.parquet")
    assert answered(capsys, tmp_path)["metrics"]["jobs_rejected"] == 0


def test_a_thin_start_is_cut_off_and_a_long_log_too():
    submit_s = np.concatenate(([0.0, 1.0], 100 * DAY_S + 600 * np.arange(4000)))
    late = {"submit_s": submit_s, "run_s": np.full(4002, 60.0), "procs": np.ones(4002, dtype=int)}
    data, text = drafted(Trace.from_columns(late))
    start = int(data["workload"]["window"]["start"].split()[0])
    assert 93 <= start <= 100
    assert "leaves out 2 jobs, 0.05 % of the work: it starts or ends thinly" in text
    jobs = 60_000
    many = {"submit_s": 60.0 * np.arange(jobs), "run_s": np.full(jobs, 60.0), "procs": np.ones(jobs, dtype=int)}
    data, text = drafted(Trace.from_columns(many))
    assert data["workload"]["window"] == {"start": "0 d", "length": "28 d"}  # 40,320 of 60,000 jobs
    assert "leaves out 19,680 jobs, 32.8 % of the work: the first run takes minutes so" in text
    assert "replay all 60,000 jobs when the rest is right" in text


def thin_start(early: int, run_s: float) -> Trace:
    """Return a log of 100 days with some long jobs at first, and 20 days with 4,000 of a minute after them."""
    submit_s = np.concatenate((np.linspace(0, 99 * DAY_S, early), 100 * DAY_S + 432 * np.arange(4000)))
    runs = np.concatenate((np.full(early, run_s), np.full(4000, 60.0)))
    return Trace.from_columns({"submit_s": submit_s, "run_s": runs, "procs": np.ones(len(runs), dtype=int)})


def test_a_thin_start_that_has_much_of_the_work_stays_and_that_is_said():
    data, text = drafted(thin_start(2, 10 * DAY_S))  # 28,800 of 32,800 minutes
    assert "window" not in data["workload"]
    assert "with 2 jobs; as these have 87.8 % of the work, they stay." in text


def test_what_an_export_by_end_has_of_its_first_days_is_cut_off_loudly():
    data, text = drafted(thin_start(30, DAY_S))  # 43,200 of 47,200 minutes
    assert 90 <= int(data["workload"]["window"]["start"].split()[0]) <= 100
    assert "# BEWARE: 91.5 % of the work is left out here." in text
    assert "leaves out 30 jobs, 91.5 % of the work" in text
    assert max(map(len, text.splitlines())) <= 150


def test_nodes_by_hand():
    # Three jobs at once, of 3, 3 and 6 cores, each for 10 s; then one of 1 core, 100 s after the first.
    trace = Trace.from_columns({"submit_s": [0, 5, 9, 100], "run_s": [10, 10, 10, 10], "procs": [3, 3, 6, 1]})
    node = Nodes(cores=4, gpus=0, memory_mib=None)
    assert node.on_average(trace) == pytest.approx(130 / 100 / 4)
    assert (node.widest(trace), node.at_once(trace)) == (2, 4)  # 12 cores are 3 nodes, and a quarter more
    apart = Trace.from_columns({**dict(trace.jobs[["submit_s", "run_s", "procs"]]), "nodes": [1, 3, 2, 1]})
    assert (node.widest(apart), node.at_once(apart)) == (3, 6)  # each by itself: 1 + 3 + 2


def test_names_that_yaml_would_take_for_something_else():
    for name in ("1e5", "null", "a: b # c", "Ünï", "true", ".5", "x\ny"):
        data, _ = drafted(Trace.from_columns(columns(), name=name))
        assert data["name"] == name


def test_choices_grow_and_nothing_is_asked_for_twice():
    data, _ = drafted(generate(jobs=1000, cores=64, load=0.7, seed=1))
    for pool in data["cluster"]["pools"]:
        assert all(fewer < more for fewer, more in pairwise(pool["nodes"]))


REAL = {
    "KTH-SP2": ("swf/KTH-SP2-1996-2.swf.gz", ()),
    "NASA-iPSC": ("swf/NASA-iPSC-1993-3.1-cln.swf.gz", ()),
    "CEA-Curie": ("swf/CEA-Curie-2011-2.1-cln.swf.gz", ()),
    "Alibaba": ("gpu/openb_pod_list_default.csv", ()),
    "Eagle": ("accounting/nrel-eagle-sample-1000.csv", ("--time-zone", "America/Denver")),
    "phillips": ("accounting/sacct-xdmod-phillips.log", ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("log", REAL)
def test_real_logs_from_their_files_to_an_answer(log, data_dir, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, options = REAL[log]
    init(capsys, str(data_dir / "traces" / file), *options)
    answered(capsys, tmp_path)


@pytest.mark.slow
def test_a_made_log_of_lublin_to_an_answer(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = pwsim(
        capsys, "trace", "generate", "lublin", "made.swf.gz", "--jobs", "5000", "--cores", "256", "--load", "0.8"
    )
    assert code == 0, err
    assert read_trace(tmp_path / "made.swf.gz").header["MaxProcs"] == "256"
    init(capsys, "made.swf.gz")
    answered(capsys, tmp_path)
