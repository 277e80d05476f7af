"""Importing Slurm sites: what is modelled, that nothing which matters is dropped in silence, and hostile files."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim.cluster import Account, Resources
from pwsim.common import InputError
from pwsim.scenario import load_site
from pwsim.site import import_site, text_of
from pwsim.site.accounting import tres
from pwsim.site.hostlists import MOST_HOSTS, expand, fold
from pwsim.site.times import minutes
from tests.cli.test_hostile import pwsim

pytestmark = pytest.mark.usefixtures("blank_figures")

NODES = "NodeName=n[1-4] CPUs=8 RealMemory=16000\n"
SMALL = NODES + "PartitionName=all Nodes=ALL Default=YES\n"


def imported(folder: Path, conf: str | bytes = SMALL, **files: str):
    """Import a directory with a slurm.conf and other files, and check that its file can be loaded."""
    folder.mkdir(exist_ok=True)
    (folder / "slurm.conf").write_bytes(conf if isinstance(conf, bytes) else conf.encode())
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    found = import_site(folder)
    (folder / "site.yaml").write_text(text_of(found, folder.name), encoding="utf-8")
    return found, load_site(folder / "site.yaml")


def told(found) -> str:
    return "\n".join([*found.notes.remarks, *found.notes.missing_lines()])


# Pools and partitions


def test_nodes_alike_are_a_pool(tmp_path):
    conf = """\
NodeName=DEFAULT Sockets=2 CoresPerSocket=16 RealMemory=192000 Weight=10
NodeName=n[001-100,105]
NodeName=f[1-4] RealMemory=1500000 Weight=20
NodeName=g1 Gres=gpu:a100:4(S:0-1),gpu:h100:2 Weight=30
NodeName=g2 Gres=gpu:a100:6 Weight=30
NodeName=slow CPUs=64 ThreadsPerCore=2 CoreSpecCount=2 MemSpecLimit=2000
NodeName=later State=FUTURE
SelectTypeParameters=CR_Core_Memory
PartitionName=DEFAULT MaxTime=1-0
PartitionName=all Nodes=n[001-100,105],f[1-4],g[1-2],slow Default=YES
PartitionName=debug Nodes=n[001-002] MaxTime=30 PriorityTier=10 PriorityJobFactor=5
PartitionName=fat Nodes=f[1-4]
"""
    found, site = imported(tmp_path, conf)
    pools = {pool.name: (pool.nodes[0], pool.node.cores, pool.node.memory, pool.node.gpus) for pool in site.pools}
    assert pools == {
        "n": (2, 32, 192000, 0),
        "n-2": (99, 32, 192000, 0),
        "slow": (1, 60, 190000, 0),
        "f": (4, 32, 1500000, 0),
        "g": (2, 32, 192000, 6),
    }
    partitions = {one.name: (one.pools, one.tier, one.priority, one.max_time, one.default) for one in site.partitions}
    assert partitions == {
        "all": (("n", "n-2", "slow", "f", "g"), 1, 1, 86400, True),
        "debug": (("n",), 10, 5, 1800, False),
        "fat": (("f",), 1, 1, 86400, False),
    }
    assert site.partitions[1].where.partition == ("debug",)
    assert "later will only be there in future" in told(found)
    assert "here one of 2 threads of a core" in told(found)


def test_the_order_of_pools_is_that_of_weights(tmp_path):
    conf = "NodeName=a CPUs=8 Weight=9\nNodeName=b CPUs=8 Weight=1\nNodeName=c CPUs=8 Weight=5\nPartitionName=p Nodes=ALL\n"
    assert imported(tmp_path, conf)[1].partitions[0].pools == ("b", "c", "a")


def test_sets_of_nodes(tmp_path):
    conf = """\
NodeName=n[1-4] CPUs=8 Feature=ib
NodeName=m[1-2] CPUs=8
NodeSet=fast Feature=ib
NodeSet=some Nodes=m1
PartitionName=p Nodes=fast,some
"""
    _, site = imported(tmp_path, conf)
    assert [(pool.name, pool.nodes) for pool in site.pools] == [("n-m", (5,)), ("m", (1,))]
    assert site.partitions[0].pools == ("n-m",)


def test_jobs_that_have_nodes_for_themselves(tmp_path):
    conf = NODES + "PartitionName=p Nodes=n[1-2] OverSubscribe=EXCLUSIVE\nPartitionName=q Nodes=n[3-4]\n"
    found, site = imported(tmp_path, conf)
    assert [pool.placement for pool in site.pools] == ["nodes", "packed"]
    assert str(site.policy[0]) == "replan"
    found, site = imported(tmp_path, conf + "PartitionName=r Nodes=n[1-4]\n")
    assert {pool.placement for pool in site.pools} == {"packed"}
    assert "OverSubscribe=EXCLUSIVE (slurm.conf:2): jobs have nodes for themselves" in told(found)
    found, site = imported(tmp_path, "SelectType=select/linear\n" + SMALL)
    assert [pool.placement for pool in site.pools] == ["nodes"]
    assert str(site.policy[0]) == "replan"


def test_memory_counts_where_slurm_counts_it(tmp_path):
    assert imported(tmp_path, SMALL)[1].pools[0].node.memory is None
    assert imported(tmp_path, "SelectTypeParameters=CR_CPU_Memory\n" + SMALL)[1].pools[0].node.memory == 16000


# Priorities


def test_weights_and_formulas(tmp_path):
    conf = (
        SMALL
        + """\
PriorityType=priority/multifactor
PriorityWeightAge=1000
PriorityWeightFairshare=2000
PriorityWeightJobSize=300
PriorityWeightPartition=4
PriorityWeightTRES=CPU=10,Mem=1.5G,GRES/gpu=100
PriorityDecayHalfLife=14-0
PriorityMaxAge=1-0
PriorityFavorSmall=YES
PriorityFlags=NO_FAIR_TREE,MAX_TRES
FairShareDampeningFactor=3
"""
    )
    found, site = imported(tmp_path, conf)
    weights = site.multifactor
    assert (weights.age, weights.fair_share, weights.size) == (1000, 2000, -300)
    assert (weights.max_age, weights.half_life) == (86400, 14 * 86400)
    assert (weights.algorithm, weights.damping, weights.billing_by) == ("classic", 3, "max")
    assert (weights.partition, weights.qos, weights.calc_period) == (4, 0, 300)
    assert weights.tres == Resources(cpu=10, mem=1.5 / 1024, gpu=100)
    assert not found.notes.missing


PRIORITIES = """\
sacctmgr -i add qos normal
sacctmgr -i add qos high Priority=100
sacctmgr -i add qos low Priority=20
"""


def test_weights_of_partitions_and_qualities_of_service(tmp_path):
    conf = (
        "PriorityWeightPartition=10\nPriorityWeightQOS=30\nPriorityWeightAssoc=7\nPriorityFlags={}\n" + NODES
        + "PartitionName=p Nodes=ALL PriorityJobFactor=5\nPartitionName=q Nodes=ALL PriorityJobFactor=20\n"
    )  # fmt: skip
    found, site = imported(tmp_path, conf.format("ACCRUE_ALWAYS,SMALL_RELATIVE_TO_TIME"), qos__sh=PRIORITIES)
    weights = site.multifactor
    assert (weights.partition, weights.qos, weights.qos_priorities) == (10, 30, {"high": 100, "low": 20})
    assert (weights.age, weights.fair_share, weights.size_relative_to_time) == (0, 0, True)
    assert list(found.notes.missing_lines()) == [
        "PriorityWeightAssoc=7 (slurm.conf:3): a part of the priority, by account"
    ]
    # Slurm then multiplies weights by priorities as they are, not by parts of the largest.
    found, site = imported(tmp_path, conf.format("NO_NORMAL_ALL,INCR_ONLY,WARP"), qos__sh=PRIORITIES)
    assert (site.multifactor.partition, site.multifactor.qos) == (10 * 20, 30 * 100)
    for word in ("PriorityFlags=NO_NORMAL_ALL", "PriorityFlags=INCR_ONLY", "WARP (slurm.conf:4): is no flag"):
        assert word in told(found)


def test_what_use_counts_as(tmp_path):
    """Memory counts by the GiB here; Slurm counts MiB, but for a weight with a unit."""
    weights = ["CPU=1.0,Mem=0.25G,GRES/gpu=2.0", "Mem=0.5", "CPU=2,Mem=1T", "CPU=1,License/x=3"]
    lines = [f"PartitionName=p{one} Nodes=ALL TRESBillingWeights={text}\n" for one, text in enumerate(weights)]
    found, site = imported(tmp_path, "PriorityWeightFairshare=1\n" + NODES + "".join(lines))
    assert [one.billing for one in site.partitions] == [
        Resources(cpu=1, mem=0.25, gpu=2), Resources(mem=512), Resources(cpu=2, mem=1 / 1024), Resources(cpu=1),
    ]  # fmt: skip
    assert list(found.notes.missing_lines()) == [
        "License/x=3 (slurm.conf:6): a weight of a resource that pwsim does not weigh"
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("PriorityDecayHalfLife=0\n", (100_000 * 86400, 300)),
        ("PriorityCalcPeriod=2\nPriorityDecayHalfLife=1-0\n", (86400, 120)),
        ("PriorityCalcPeriod=soon\n", (7 * 86400, 300)),
    ],
)
def test_how_use_fades(tmp_path, settings, expected):
    site = imported(tmp_path, "PriorityWeightFairshare=1\n" + settings + SMALL)[1]
    assert (site.multifactor.half_life, site.multifactor.calc_period) == expected


@pytest.mark.parametrize(("version", "tree"), [("18.08.8", False), ("19.05.0", True), ("23.11.1", True)])
def test_fair_share_goes_by_the_version(tmp_path, version, tree):
    conf = SMALL + "PriorityWeightFairshare=2000\n"
    _, site = imported(tmp_path, conf, config__txt=f"SLURM_VERSION           = {version}\n")
    assert (site.multifactor.algorithm == "fair_tree") is tree
    assert f"of Slurm {version}" in (tmp_path / "site.yaml").read_text()


def test_no_weights_are_first_come_first_served(tmp_path):
    assert str(imported(tmp_path, SMALL + "PriorityType=priority/basic\n")[1].policy[0]) == "replan"
    assert str(imported(tmp_path, SMALL + "SchedulerType=sched/builtin\n")[1].policy[0]) == "fcfs"


# Accounts

DUMP = """\
# To edit this file start with a cluster line
Cluster - 'c':Fairshare=1:QOS='normal'
Parent - 'root'
Account - 'physics':Description='physics':Organization='uni':Fairshare=60:GrpTRES='cpu=100,mem=1000'
Account - 'chem':Fairshare=40:MaxJobs=3
Parent - 'physics'
Account - 'lasers':Fairshare=1:GrpJobs=7
User - 'ann':DefaultAccount='physics':Fairshare=1:MaxSubmitJobs=100
Parent - 'chem'
User - 'bob':DefaultAccount='chem':Fairshare=1
User - 'cy':DefaultAccount='chem':Fairshare=2:MaxJobs=9
"""
SCRIPT = """\
sacctmgr -i add cluster c
sacctmgr -i add qos high Priority=100 MaxTRESPerUser=cpu=64 MaxWall=1-0
sacctmgr -i add qos big
sacctmgr -i modify qos big set GrpTRES=node=2,gres/gpu=8 MaxJobsPerAccount=4 Flags=DenyOnLimit
sacctmgr -i add account physics Fairshare=60
sacctmgr -i add account lasers parent=physics
sacctmgr -i add user ann,bob account=lasers Fairshare=parent qos=high,big
sacctmgr -i modify user where name=bob set GrpTRES=cpu=8
"""
ENFORCED = "AccountingStorageEnforce=limits,qos\n"


def limits(site) -> list[tuple[Any, ...]]:
    return [
        (tuple(limit.at_most.caps()), limit.per, tuple(sorted(limit.where.conditions().items())))
        for limit in site.limits[0]
    ]


def test_limits_of_accounts(tmp_path):
    found, site = imported(tmp_path, ENFORCED + SMALL, dump__cfg=DUMP)
    assert limits(site) == [
        ((("cores", 100),), "all", (("account", ("physics", "lasers")),)),
        ((("jobs", 7),), "all", (("account", ("lasers",)),)),
        ((("jobs", 3),), "user", (("account", ("chem",)), ("user", ("bob",)))),
        ((("jobs", 9),), "all", (("account", ("chem",)), ("user", ("cy",)))),
    ]
    assert "mem=1000 (account physics)" in told(found)
    assert "maxsubmit=100 (user ann in account physics)" in told(found)


def test_shares_of_accounts(tmp_path):
    """All users are there, as in Slurm, where those without jobs have their part, too."""
    weighed = "PriorityWeightFairshare=1\n" + SMALL
    _, site = imported(tmp_path, weighed, dump__cfg=DUMP)
    assert site.multifactor.accounts == {
        "physics": Account(shares=60, users={"ann": 1}),
        "chem": Account(shares=40, users={"bob": 1, "cy": 2}),
        "lasers": Account(parent="physics"),
    }
    _, site = imported(tmp_path, SMALL, dump__cfg=DUMP)
    assert site.multifactor.accounts == {}
    table = "Account|User|ParentName|Share\nroot|||1\nroot|root||parent\nphysics||root|3\nphysics|ann||parent\n"
    for name in ("dump.cfg", "site.yaml"):
        (tmp_path / name).unlink()
    _, site = imported(tmp_path, weighed, associations__psv=table)
    assert site.multifactor.accounts == {
        "physics": Account(shares=3, users={"ann": "parent"}),
        "root": Account(shares="parent", users={"root": "parent"}),  # beside the accounts
    }


def test_limits_of_qualities_of_service(tmp_path):
    conf = ENFORCED + NODES + "PartitionName=p Nodes=n[1-2] QOS=big\nPartitionName=q Nodes=n[3-4] QOS=gone\n"
    found, site = imported(tmp_path, conf, sacctmgr__sh=SCRIPT)
    assert limits(site) == [
        ((("cores", 64),), "user", (("qos", ("high",)),)),
        ((("nodes", 2), ("gpus", 8)), "partition", (("partition", ("p",)),)),
        ((("jobs", 4),), "account", (("partition", ("p",)),)),
        ((("nodes", 2), ("gpus", 8)), "qos", (("qos", ("big",)),)),
        ((("jobs", 4),), "account", (("qos", ("big",)),)),
        ((("cores", 8),), "all", (("account", ("lasers",)), ("user", ("bob",)))),
    ]
    for word in ("QOS=gone (slurm.conf:4)", "maxwall=1-0 (QOS high)", "flags=DenyOnLimit (QOS big)"):
        assert word in told(found)


def test_limits_that_are_not_enforced_are_none(tmp_path):
    found, site = imported(tmp_path, SMALL, dump__cfg=DUMP)
    assert site.limits == ((),)
    assert "AccountingStorageEnforce does not name limits" in told(found)


# Preemption and scheduler


def test_preemption(tmp_path):
    two = NODES + "PartitionName=p Nodes=ALL PriorityTier=1\nPartitionName=q Nodes=ALL PriorityTier=2\n"
    conf = "PreemptType=preempt/partition_prio\nPreemptMode={}\n" + two
    assert imported(tmp_path, conf.format("REQUEUE"))[1].preemption
    found, site = imported(tmp_path, conf.format("SUSPEND,GANG"))
    assert site.preemption
    assert "PreemptMode=suspend,gang" in told(found)
    found, site = imported(tmp_path, conf.format("OFF"))
    assert not site.preemption
    assert "interrupts no job: PreemptMode is off" in told(found)
    found, site = imported(tmp_path, "PreemptType=preempt/qos\nPreemptMode=CANCEL\n" + two)
    assert not site.preemption
    assert "PreemptType=preempt/qos" in told(found)


def test_parameters_of_the_scheduler(tmp_path):
    conf = (
        "SchedulerParameters==bf_interval=45,bf_max_job_test=700,bf_window=2880,bf_max_job_user=20,bf_nonsense=3\n"
        + SMALL
    )
    found, site = imported(tmp_path, conf + "OverTimeLimit=UNLIMITED\n")
    assert (str(site.policy[0]), site.depth, site.overrun) == ("replan", 700, "allow")
    scheduler = site.scheduler
    assert (scheduler.period, scheduler.backfill_period) == (0, 45)
    assert (scheduler.backfill_window, scheduler.backfill_per_user) == (2 * 86400, 20)
    for word in ("one `=` too many, which Slurm forgives", "bf_nonsense=3"):
        assert word in told(found)
    assert "SchedulerParameters: bf_max_job_user" not in told(found)


def test_what_slurm_backfills_with_where_nothing_is_set(tmp_path):
    _, site = imported(tmp_path, "SchedulerParameters=bf_max_job_user=0\n" + SMALL)
    scheduler = site.scheduler
    assert (scheduler.backfill_period, scheduler.backfill_window, scheduler.backfill_per_user) == (30, 86400, None)
    assert site.depth is None


def test_plans_do_not_go_with_preemption(tmp_path):
    two = NODES + "PartitionName=p Nodes=ALL PriorityTier=1\nPartitionName=q Nodes=ALL PriorityTier=2\n"
    conf = "PreemptType=preempt/partition_prio\nPreemptMode=REQUEUE\nSchedulerParameters=bf_interval=45,bf_max_job_user=9\n"
    found, site = imported(tmp_path, conf + two)
    assert site.preemption
    assert (str(site.policy[0]), site.scheduler.period, site.scheduler.backfill_period) == ("easy", 45, 0)
    assert "bf_max_job_user=9" in told(found)


# Files


def test_files_are_included_where_they_stand(tmp_path):
    tmp_path.joinpath("etc").mkdir()
    (tmp_path / "etc" / "nodes-c.conf").write_text("NodeName=DEFAULT CPUs=4\n")
    (tmp_path / "parts.conf").write_text("PartitionName=p Nodes=ALL\n")
    conf = (
        "ClusterName=c\ninclude etc/nodes-%c.conf\nNodeName=n[1-3]\nInclude  /etc/slurm/parts.conf   # from the site\n"
    )
    found, site = imported(tmp_path, conf)
    assert (site.pools[0].node.cores, site.partitions[0].name) == (4, "p")
    assert found.read == ["slurm.conf", "nodes-c.conf", "parts.conf"]


def test_a_conf_alone_is_a_site(tmp_path, capsys):
    (tmp_path / "my.conf").write_text(SMALL)
    code, said, _ = pwsim(capsys, "site", "import", str(tmp_path / "my.conf"), "-o", str(tmp_path / "site.yaml"))
    assert code == 0
    assert said.endswith("site.yaml: 1 pool and 1 partition; 0 settings not modelled\n")
    code, _, said = pwsim(capsys, "site", "import", str(tmp_path / "my.conf"), "-o", str(tmp_path / "site.yaml"))
    assert code == 2
    assert "exists already" in said


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "cycle of Include": ("Include slurm.conf\n" + SMALL, "Include slurm.conf: includes itself: left out"),
    "missing Include": ("Include nowhere.conf\n" + SMALL, "Include nowhere.conf: there is no such file beside"),
    "Include of a directory": ("Include .\n" + SMALL, "Include .: there is no such file beside"),
    "unknown keys": ("FluxCapacitor=on\n" + SMALL, "FluxCapacitor=on (slurm.conf:1): is no setting that"),
    "unknown keys of nodes": ("NodeName=n1 CPUs=2 Warp=9\n", "Warp=9 (slurm.conf:1): is no setting of nodes"),
    "unknown keys of partitions": (NODES + "PartitionName=p Nodes=ALL Tea=hot\n", "Tea=hot (slurm.conf:2): is no setting of partitions"),
    "range that goes down": (SMALL + "NodeName=m[4-1] CPUs=2\n", "'m[4-1]': the range 4-1 goes down: left out"),
    "range without end": (SMALL + "NodeName=m[1- CPUs=2\n", "brackets do not match: left out"),
    "range of letters": (SMALL + "NodeName=m[a-c] CPUs=2\n", "'a-c' is no number or range of numbers: left out"),
    "range of millions": (SMALL + "NodeName=m[1-9999999999] CPUs=2\n", "stands for more than 200,000 hosts: left out"),
    "range of ranges": (SMALL + "NodeName=m[1-999][1-999][1-999] CPUs=2\n", "stands for more than 200,000 hosts: left out"),
    "no partitions": (NODES, "describes no partitions"),
    "partition of no nodes": (SMALL + "PartitionName=q\n", "partition q has no nodes: left out"),
    "partition of unknown nodes": (SMALL + "PartitionName=q Nodes=x[1-9]\n", "no line describes the nodes x[1-9]"),
    "partition twice": (SMALL + "PartitionName=all Nodes=n1\n", "partition all comes again"),
    "odd name of a partition": (NODES + "PartitionName=gpu.q@site Nodes=ALL\n", "'gpu.q@site' is called 'gpu-q-site' here"),
    "two defaults": (SMALL + "PartitionName=b Nodes=ALL Default=YES\n", "all, b are all the default one: the last counts"),
    "nodes twice": (SMALL + "NodeName=n[3-6] CPUs=2\n", "n[3-4] is described before"),
    "setting twice": ("SchedulerType=sched/builtin\nSchedulerType=sched/backfill\n" + SMALL, "SchedulerType is sched/backfill, and was sched/builtin in slurm.conf:1"),
    "no number": (SMALL + "NodeName=m1 CPUs=many\n", "cpus=many is no whole number"),
    "no time": (NODES + "PartitionName=p Nodes=ALL MaxTime=soon\n", "MaxTime: 'soon' is no length of time"),
    "no priority": (NODES + "PartitionName=p Nodes=ALL PriorityTier=-3\n", "prioritytier=-3 is no whole number"),
    "words without a value": (SMALL + "this is not a setting\n", "'this is not a setting' is no `key=value`"),
    "unclosed quote": (SMALL + 'NodeName=m1 CPUs=2 Reason="away\n', "is no `key=value`"),
    "huge line": (SMALL + "#" + "x" * 2_000_000 + "\n", "is longer than 1,000,000 characters"),
    "Latin-1": (SMALL.encode() + b"# \xe9t\xe9\nFluxCapacitor=\xe9\n", "is not in UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf" + SMALL.encode(), ""),
    "lines of Windows": (SMALL.replace("\n", "\r\n"), ""),
    "binary": (b"\x7fELF\x02\x01\0\0\0", "is no text in UTF-8"),
    "UTF-16": (SMALL.encode("utf-16"), "is no text in UTF-8"),
    "empty": ("", "describes no nodes"),
    "only comments": ("# nothing\n", "describes no nodes"),
    "unknown scheduler": ("SchedulerType=sched/wiki\n" + SMALL, "a scheduler that pwsim does not know"),
    "odd Gres": (SMALL + "NodeName=m1 CPUs=2 Gres=gpu,mps:200,gpu:x\n", "mps:200"),
    "odd weight of resources": (SMALL + "PriorityWeightTRES=CPU=lots\n", "'CPU=lots' is no weight of a resource"),
    "huge weight": (SMALL + "PriorityWeightAge=4000000000\n", "all divided by 10"),
    "line that goes on at the end": (SMALL + "SchedulerParameters=bf_min_age_reserve=3\\", "bf_min_age_reserve=3"),
    "control characters": (SMALL + "Flux\x1b[2JCapacitor=a\x07b\n", "\\x1b"),
    "YAML in names": (NODES + "PartitionName={a:[b} Nodes=ALL AllowAccounts=#x:\n", "is called"),
    "zero cores": (SMALL + "NodeName=z1 CPUs=0\n", "z1 has no core for jobs"),
    "odd weights": (SMALL + "PriorityWeightAge=lots\n", "PriorityWeightAge=lots is no whole number"),
    "odd parameters": (SMALL + "SchedulerParameters=bf_interval=x,bf_max_job_test=-1\n", "bf_max_job_test=-1 is no number of jobs"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_configurations(tmp_path, case, capsys):
    """Each is read, or refused in one message; nothing is left out without a word."""
    conf, word = HOSTILE[case]
    (tmp_path / "slurm.conf").write_bytes(conf if isinstance(conf, bytes) else conf.encode())
    code, said, error = pwsim(capsys, "site", "import", str(tmp_path), "-o", str(tmp_path / "site.yaml"))
    assert code in (0, 2)
    assert word in (said + error)
    assert "Traceback" not in error
    if code == 0:
        load_site(tmp_path / "site.yaml")
    else:
        assert len(error.splitlines()) == 1
        assert not (tmp_path / "site.yaml").exists()


BESIDE = {
    "binary": (b"\0\1\2" * 100, "is no text in UTF-8"),
    "a story": (b"Once upon a time\nthere was a cluster\n", "is nothing that the import knows: left out"),
    "broken dump": (b"Cluster - 'c'\nParent - 'root'\nAccount - physics\n", "is not understood: left out"),
    "broken script": (
        b"add user name='bob account=x\nadd qos a\nadd qos b\n",
        "cannot be read (No closing quotation): left out",
    ),
    "command about nobody": (
        b"add qos a\nadd qos b\nadd user\nadd event x\n",
        "it is not clear what it is about: left out",
    ),
    "odd amounts": (b"add qos a GrpTRES=cpu:3\nadd qos b MaxJobsPerUser=few\n", "'cpu:3' is no amount of a resource"),
    "short rows": (b"Name|Priority|GrpTRES\nnormal|0\n", "has 2 fields instead of 3: left out"),
    "empty": (b"", ""),
    "accounts in a cycle": (b"add account a parent=b\nadd account b parent=a\nadd user u account=a MaxJobs=2\n", ""),
}


@pytest.mark.parametrize("case", BESIDE)
def test_hostile_files_beside(tmp_path, case):
    content, word = BESIDE[case]
    (tmp_path / "beside").write_bytes(content)
    found, _ = imported(tmp_path, ENFORCED + SMALL + "PriorityWeightFairshare=10\n")
    assert word in told(found)


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("reservations.txt", "ReservationName=r StartTime=now EndTime=later Nodes=n1\n", "'now' is no time such as"),
        ("reservations.txt", "ReservationName=r StartTime=2026-01-02T00:00:00 EndTime=2026-01-01T00:00:00 Nodes=n1", "it ends before it starts"),
        ("reservations.txt", "ReservationName=r StartTime=2026-01-02T00:00:00 Duration=UNLIMITED Nodes=n1", "it has no end"),
        ("reservations.txt", "ReservationName=r StartTime=2026-01-02T00:00:00 Duration=60 Nodes=x[1-9]", "it names no nodes that are described"),
        ("reservations.txt", "ReservationName=r StartTime=2026-01-02T00:00:00 Duration=60 Nodes=n[", "brackets do not match"),
        ("reservations.txt", "ReservationName=r StartTime=2026-01-02T00:00:00 Duration=60 Nodes=n1 Flags=WEEKDAY", "Flags=WEEKDAY"),
        ("reservations.txt", "No reservations in the system\n", ""),
        ("events.psv", "NodeName|State\nn1|DOWN\n", "has no columns NodeName, TimeStart and TimeEnd"),
        ("events.psv", "NodeName|TimeStart|TimeEnd|State\nn1|2026-01-01T00:00:00|Unknown|DOWN\n", "1 events have no end"),
    ],
)  # fmt: skip
def test_hostile_reservations_and_events(tmp_path, name, text, word):
    found, _ = imported(tmp_path, SMALL, **{name.replace(".", "__"): text})
    assert word in told(found)


def test_large_sites_can_still_be_read(tmp_path):
    users = "".join(
        f"add user u{number} account=a{number % 900} Fairshare={number} MaxJobs={number % 90}\n"
        for number in range(4000)
    )
    events = "".join(
        f"n1|2026-01-01T{at // 60:02d}:{at % 60:02d}:00|2026-01-01T{at // 60:02d}:{at % 60:02d}:30|DOWN\n"
        for at in range(1400)
    )
    conf = ENFORCED + "PriorityWeightFairshare=1\n" + SMALL + "rubbish\n" * 5000
    found, site = imported(
        tmp_path, conf, users__script=users, events__psv="NodeName|TimeStart|TimeEnd|State\n" + events
    )
    assert (len(site.limits[0]), len(site.outages)) == (500, 500)
    for words in ("more limits", "900 short outages of nodes"):
        assert words in told(found)
    accounts = site.multifactor.accounts
    assert (len(accounts), sum(len(one.users) for one in accounts.values())) == (900, 4000)
    assert "# and 4,7" in (tmp_path / "site.yaml").read_text()


def test_a_folder_without_a_configuration(tmp_path, capsys):
    for folder, word in ((tmp_path, "has no slurm.conf"), (tmp_path / "gone", "there is no such directory")):
        code, _, said = pwsim(capsys, "site", "import", str(folder), "-o", str(tmp_path / "site.yaml"))
        assert code == 2
        assert word in said


LINES = st.lists(
    st.sampled_from(["NodeName=", "PartitionName=", "Include ", "SchedulerParameters=", "PriorityWeightAge=", "Nodes=", "CPUs=", "=", "\\\n", "\n", " ", '"', "#", "[", "]", ",", "1-3", "n", "ALL", "DEFAULT"])
    | st.text(string.printable, max_size=5),
    max_size=60,
).map("".join)  # fmt: skip


@settings(max_examples=60)
@given(LINES)
def test_no_text_ends_in_a_traceback(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("site")
    (folder / "slurm.conf").write_text(SMALL + text, encoding="utf-8")
    try:
        found = import_site(folder)
    except InputError:
        return
    (folder / "site.yaml").write_text(text_of(found, "site"), encoding="utf-8")
    load_site(folder / "site.yaml")


# Real sites


@pytest.mark.parametrize(("name", "pools", "partitions"), [("ub-micro", 4, 2), ("ub-medium", 5, 2)])
def test_real_sites(data_dir, tmp_path, name, pools, partitions):
    found = import_site(data_dir / "sites" / name)
    (tmp_path / "site.yaml").write_text(text_of(found, name))
    site = load_site(tmp_path / "site.yaml")
    assert (len(site.pools), len(site.partitions)) == (pools, partitions)
    assert str(site.policy[0]) == ("multifactor-replan" if name == "ub-micro" else "multifactor-easy")
    if name == "ub-micro":
        assert [pool.node.gpus for pool in site.pools] == [0, 0, 2, 0]
        assert site.depth == 1200
        scheduler = site.scheduler
        assert (scheduler.period, scheduler.backfill_period, scheduler.backfill_per_user) == (0, 30, 20)
        assert scheduler.backfill_window == 3 * 86400
        assert site.partitions[0].pools == ("n", "n-m", "g", "b")
        assert site.multifactor.qos_priorities == {"supporters": 100}
        assert (site.multifactor.algorithm, site.multifactor.damping) == ("classic", 5)
        assert site.multifactor.accounts["account1"] == Account(shares=100, users={"user1": 1, "user2": 1, "user3": 1})
    else:
        assert [pool.nodes for pool in site.pools] == [(87,), (96,), (24,), (2,), (8,)]
        assert site.preemption
    for word in ("default_queue_depth=1200" if name == "ub-micro" else "bf_window=4320", "Feature"):
        assert word in told(found)
    assert "PriorityWeight" not in told(found)


# Parts


def test_lists_of_hosts():
    assert expand("a[1-2]b[08-10],c") == ["a1b08", "a1b09", "a1b10", "a2b08", "a2b09", "a2b10", "c"]
    assert expand(" a , a,,b ") == ["a", "b"]
    assert fold([]) == ""
    assert len(expand(f"n[1-{MOST_HOSTS}]")) == MOST_HOSTS


@given(st.lists(st.from_regex(r"[a-z]{1,3}[0-9]{0,4}", fullmatch=True), max_size=30))
def test_lists_of_hosts_come_back(hosts):
    assert set(expand(fold(hosts))) == set(hosts)


def test_amounts_and_times():
    assert tres("mem=1T,cpu=2K") == {"mem": 1024.0**2, "cpu": 2000}
    with pytest.raises(ValueError, match="no amount of a resource"):
        tres("cpu")
    with pytest.raises(ValueError, match="no length of time"):
        minutes("1:2:3:4")
