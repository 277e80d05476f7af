"""The script for sites: run with commands that pretend to be Slurm's; nothing that it writes tells of a person."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pwsim.scenario import load_site
from pwsim.site import SCRIPT, import_site, text_of
from pwsim.trace import read_trace
from tests.cli.test_hostile import pwsim

PEOPLE = ("alice", "bob", "carol", "physics", "chemistry", "smithlab", "Alice Smith", "root@login")
"""Users, accounts and other words that must not leave."""

SACCT = """\
JobID|JobIDRaw|User|Account|QOS|Partition|Submit|Eligible|Start|End|Elapsed|Timelimit|State|Reason|Constraints|NNodes|NCPUS|ReqTRES|AllocTRES|NodeList
1|1|alice|physics|normal|standard|2024-01-02T08:00:00|2024-01-02T08:00:00|2024-01-02T08:05:00|2024-01-02T09:05:00|01:00:00|02:00:00|COMPLETED|None|bigmem|1|4|cpu=4,mem=8G,node=1|cpu=4,mem=8G,node=1|n1
2|2|bob|physics|smithlab-high|standard|2024-01-02T08:01:00|2024-01-02T08:01:00|2024-01-02T08:05:00|2024-01-02T08:06:00|00:01:00|02:00:00|CANCELLED by 4711|None||1|4|cpu=4|cpu=4|n2
3|3|carol|chemistry|normal|alice-only|2024-01-02T08:02:00|2024-01-02T08:02:00|2024-01-02T08:05:00|2024-01-02T08:15:00|00:10:00|02:00:00|COMPLETED|None||1|4|cpu=4|cpu=4|g1
"""
SUBMITTED = """\
JobIDRaw|SubmitLine
1|/home/alice/bin/sbatch --job-name=physics -p standard --dependency=afterok:17:18_3,singleton --nice run.sh | tee bob.log
2|sbatch --array=1-9%2 --comment "for carol's
 9|second try" -d afterany:1 --nice=-5 --wrap=python /home/bob/x.py --time-min=0-01:00:00
3|srun --dependency=afterok:alice --array=bob --time-min=carol --exclusive=smithlab --exclusive=user -d 5 --hold a.out
"""
"""The lines by which the jobs were submitted, hostile in the ways that they may be: other options, paths, breaks, bars."""
FIELDS = SACCT.splitlines()[0].replace("|", "  ")
_HEAD = [
    "Cluster",
    "Account",
    "User",
    "Partition",
    "ParentName",
    "Share",
    "GrpJobs",
    "GrpTRES",
    "MaxJobs",
    "QOS",
    "DefQOS",
]
_ROWS = [
    {"Account": "root", "Share": "1"},
    {
        "Account": "physics",
        "ParentName": "root",
        "Share": "60",
        "GrpTRES": "cpu=16",
        "MaxJobs": "5",
        "QOS": "normal,smithlab-high",
    },
    {"Account": "physics", "User": "alice", "Share": "parent", "QOS": "normal"},
    {"Account": "physics", "User": "bob", "Share": "3"},
    {"Account": "chemistry", "ParentName": "root", "Share": "40"},
    {"Account": "chemistry", "User": "carol", "Share": "1"},
    {"Account": "smithlab", "ParentName": "physics", "Share": "1"},
]
ASSOCIATIONS = "".join(
    "|".join(row) + "\n" for row in (_HEAD, *([row.get(head, "") for head in _HEAD] for row in _ROWS))
)
QOS = """\
Name|Priority|GraceTime|Preempt|Flags|UsageFactor|GrpTRES|MaxTRESPU|MaxJobsPU
normal|0|00:00:00|||1.000000||cpu=8|
smithlab-high|1000|00:00:00|normal||1.000000|cpu=12||2
"""
CONF = """\
ClusterName=c
SlurmUser=alice        # ask Alice Smith
SlurmctldHost=root@login
Include parts/nodes.conf
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=60,\\
bf_max_job_test=300
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageEnforce=limits,qos
MailProg=/home/alice/mail
PriorityType = priority/multifactor
PriorityWeightFairshare=1000
PartitionName=standard Nodes=ALL Default=YES MaxTime=2-0 AllowAccounts=physics,chemistry AllowGroups=smithlab QOS=smithlab-high
PartitionName=alice-only Nodes=g1 DenyAccounts=chemistry State=UP
"""
NODES = """\
NodeName=DEFAULT CPUs=8 RealMemory=32000
NodeName=n[1-2] NodeAddr=10.0.0.[1-2] Reason="broken, ask bob [alice@2024]" State=UNKNOWN
NodeName=g1 Gres=gpu:a100:4 Weight=10 Feature="fast"
"""
RESERVATIONS = """\
ReservationName=alice_course StartTime=2024-03-01T08:00:00 EndTime=2024-03-01T18:00:00 Duration=10:00:00 Nodes=n[1-2] NodeCnt=2 Flags=SPEC_NODES Users=alice,bob Accounts=(null) State=INACTIVE
ReservationName=maint StartTime=2024-04-01T08:00:00 EndTime=2024-04-01T18:00:00 Duration=10:00:00 Nodes=n[1-2],g1 NodeCnt=3 Flags=MAINT,WEEKLY Users=root Accounts=(null) State=INACTIVE
"""
EVENTS = """\
NodeName|TimeStart|TimeEnd|State
n1|2024-02-01T00:00:00|2024-02-02T00:00:00|DOWN
n2|2024-02-01T12:00:00|2024-02-02T12:00:00|DRAINED
|2024-01-01T00:00:00|Unknown|
"""
CONFIG = "SLURM_CONF = {conf}\nSLURM_VERSION = 23.02.6\nClusterName = c\nSlurmUser = alice(1000)\nPriorityType = priority/multifactor\n"


def command(folder: Path, name: str, cases: dict[str, str]) -> None:
    """Write a command that prints something for arguments that hold a word."""
    text = '#!/bin/sh\ncase "$*" in\n'
    for number, (word, out) in enumerate(cases.items()):
        (folder / f"{name}.{number}").write_text(out)
        text += f"*'{word}'*) cat '{folder}/{name}.{number}' ;;\n"
    path = folder / name
    path.write_text(text + "esac\n")
    path.chmod(0o755)


def submitted(folder: Path) -> list[str]:
    """Return what is told of the lines by which jobs were submitted."""
    head, *rows = (folder / "out" / "sacct.psv").read_text().splitlines()
    assert head.endswith("|NodeList|SubmitLine")
    return [row.split("|")[-1] for row in rows]


@pytest.fixture
def collected(tmp_path) -> Path:
    """Run the script at a pretended site, and return the folder that it ran in."""
    if os.name == "nt" or shutil.which("sh") is None:
        pytest.skip("needs a POSIX shell")
    bin_, etc = tmp_path / "bin", tmp_path / "etc"
    bin_.mkdir()
    (etc / "parts").mkdir(parents=True)
    (etc / "slurm.conf").write_text(CONF)
    (etc / "parts" / "nodes.conf").write_text(NODES)
    (etc / "gres.conf").write_text("NodeName=g1 Name=gpu Type=a100 Count=4 File=/dev/nvidia[0-3] # bob\n")
    command(
        bin_,
        "sacct",
        {"--helpformat": f"{FIELDS}\nSubmitLine", "--format JobIDRaw,SubmitLine": SUBMITTED, "--format JobID,": SACCT},
    )
    command(bin_, "sacctmgr", {"show assoc": ASSOCIATIONS, "show qos": QOS, "show event": EVENTS})
    command(bin_, "scontrol", {"show reservation": RESERVATIONS, "show config": CONFIG.format(conf=etc / "slurm.conf")})
    (tmp_path / "site.sh").write_text(SCRIPT)
    run(tmp_path)
    return tmp_path


def run(folder: Path) -> str:
    """Run the script; return what it said."""
    done = subprocess.run(["sh", "site.sh", "out", "2024-01-01", "2025-01-01"], cwd=folder, capture_output=True, text=True,
                          env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "done: 4 lines of jobs" in done.stderr
    return done.stderr


def test_nothing_tells_of_a_person(collected):
    files = sorted(path.name for path in (collected / "out").iterdir())
    assert files == ["README.txt", "associations.psv", "config.txt", "events.psv", "gres.conf", "qos.psv", "reservations.txt",
                     "sacct.psv", "slurm.conf"]  # fmt: skip
    for path in (collected / "out").iterdir():
        text = path.read_text()
        for word in (*PEOPLE, "4711", "10.0.0", (collected / "pwsim-site.salt").read_text()):
            assert word.lower() not in text.lower(), (path.name, word)


def test_names_are_the_same_codes_everywhere(collected):
    rows = [line.split("|") for line in (collected / "out" / "sacct.psv").read_text().splitlines()[1:]]
    associations = [line.split("|") for line in (collected / "out" / "associations.psv").read_text().splitlines()[1:]]
    assert {row[3] for row in rows} < {row[1] for row in associations}
    assert {row[2] for row in rows} == {row[2] for row in associations if row[2]}
    conf = (collected / "out" / "slurm.conf").read_text()
    assert f"AllowAccounts={rows[0][3]},{rows[2][3]}" in conf
    assert f"PartitionName={rows[2][5]}" in conf
    before = (collected / "out" / "sacct.psv").read_text()
    shutil.rmtree(collected / "out")
    run(collected)  # with the salt that is there
    assert (collected / "out" / "sacct.psv").read_text() == before
    shutil.rmtree(collected / "out")
    (collected / "pwsim-site.salt").unlink()
    run(collected)
    assert (collected / "out" / "sacct.psv").read_text() != before


def test_what_was_collected_is_a_log_and_a_site(collected, tmp_path, capsys):
    trace = read_trace(collected / "out" / "sacct.psv")
    assert len(trace) == 3
    assert trace.qos.tolist()[0] == "normal"
    path = tmp_path / "site.yaml"
    code, said, _ = pwsim(capsys, "site", "import", str(collected / "out"), "-o", str(path))
    assert code == 0
    assert "Users or Accounts" in said
    site = load_site(path)
    assert [(pool.name, pool.nodes, pool.node.gpus) for pool in site.pools] == [("n", (2,), 0), ("g", (1,), 4)]
    assert site.partitions[0].max_time == 2 * 86400
    assert site.scheduler.backfill_period == 60
    assert site.depth == 300
    assert "of Slurm 23.02.6" in (tmp_path / "site.yaml").read_text()
    assert {limit.at_most.cores for limit in site.limits[0]} == {8, 12, 16, None}
    away = [(one.pools, one.nodes, one.start, one.length, one.every) for one in site.outages]
    assert away == [
        (("n",), None, "2024-03-01T08:00", 36000.0, None),
        (("n",), None, "2024-04-01T08:00", 36000.0, 604800.0),
        (("g",), None, "2024-04-01T08:00", 36000.0, 604800.0),
        (("n",), 1, "2024-02-01T00:00:00", 43200.0, None),
        (("n",), 2, "2024-02-01T12:00:00", 43200.0, None),
        (("n",), 1, "2024-02-02T00:00:00", 43200.0, None),
    ]
    assert text_of(import_site(collected / "out"), "out") == path.read_text()


def test_options_that_matter_stay(collected):
    assert submitted(collected) == [
        "sbatch --dependency=afterok:17:18_3,singleton --nice",
        "sbatch --array=1-9%2 --dependency=afterany:1 --nice=-5 --time-min=0-01:00:00",
        "srun --exclusive=user --hold",
    ]
    trace = read_trace(collected / "out" / "sacct.psv")
    assert trace.after.tolist() == ["17", "1", ""]  # job 18 is of no array here


def test_options_are_not_asked_for_where_slurm_does_not_know_them(collected):
    (collected / "bin" / "sacct.0").write_text(FIELDS)
    (collected / "bin" / "sacct.1").write_text("1|asked for\n")
    shutil.rmtree(collected / "out")
    run(collected)
    assert (collected / "out" / "sacct.psv").read_text().splitlines()[0] == SACCT.splitlines()[0]


def test_options_are_not_needed(collected):
    path = collected / "bin" / "sacct"
    path.write_text(path.read_text().replace(f"cat '{collected}/bin/sacct.1'", "exit 1"))
    shutil.rmtree(collected / "out")
    assert "sacct does not show how jobs were submitted" in run(collected)
    assert (collected / "out" / "sacct.psv").read_text().splitlines()[0] == SACCT.splitlines()[0]


def test_the_script_is_refused_where_there_is_no_slurm(tmp_path):
    if shutil.which("sh") is None:
        pytest.skip("needs a POSIX shell")
    (tmp_path / "site.sh").write_text(SCRIPT)
    done = subprocess.run(["sh", "site.sh"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no command sacct here" in done.stderr
    assert not (tmp_path / "site").exists()


def test_the_script_is_clean(tmp_path):
    if (checker := shutil.which("shellcheck")) is None:
        pytest.skip("needs shellcheck")
    (tmp_path / "site.sh").write_text(SCRIPT)
    done = subprocess.run([checker, "-s", "sh", tmp_path / "site.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
