"""The way back to Slurm: what is exported and imported again is the same cluster, and the rest is listed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim.cluster import Cluster, Multifactor, Partition, Resources
from pwsim.prices import parse_local
from pwsim.scenario import Site
from pwsim.site import export, import_site
from tests.cli.test_hostile import pwsim
from tests.scenario.test_site import scenario

pytestmark = pytest.mark.usefixtures("blank_figures")

WEIGHTS = st.integers(0, 10**6)
RESOURCES = st.fixed_dictionaries(
    {}, optional={name: st.floats(0, 10**6).map(lambda one: round(one, 7)) for name in ("cpu", "mem", "gpu", "node")}
)
PROMISES = st.just("parent") | st.integers(0, 99)


@st.composite
def factors(draw) -> dict[str, Any]:
    """Return ways to rank jobs that Slurm has words for, with the accounts that limits are about."""
    found: dict[str, Any] = {
        "age": draw(st.integers(1, 10**6)), "max_age": draw(st.integers(1, 10**6)), "size": draw(st.integers(-(10**6), 10**6)),
        "size_relative_to_time": draw(st.booleans()), "partition": draw(WEIGHTS), "tres": draw(RESOURCES),
        "qos": draw(WEIGHTS), "fair_share": draw(WEIGHTS), "half_life": draw(st.integers(1, 10**7)),
        "qos_priorities": draw(st.dictionaries(st.sampled_from(["low", "hi gh", "mid"]), st.integers(0, 10**6))),
        "algorithm": draw(st.sampled_from(["classic", "fair_tree"])), "damping": draw(st.integers(1, 9)),
        "calc_period": 60 * draw(st.integers(1, 99)), "billing": draw(st.none() | RESOURCES),
        "billing_by": draw(st.sampled_from(["sum", "max"])),
    }  # fmt: skip
    accounts: dict[str, Any] = {}
    for name in draw(st.permutations(["c d", "a", "b"])):  # any order: parents may come later in the file
        accounts[name] = {"shares": draw(PROMISES), "users": {one: draw(PROMISES) for one in ("u", "v w")}}
    accounts["a"] |= {"parent": draw(st.sampled_from([None, "b", "c d"]))}
    accounts["b"] |= {"parent": draw(st.sampled_from([None, "c d"]))}
    return {**found, "accounts": accounts}


def again(cluster: Cluster, folder: Path) -> Site:
    """Export a cluster, and import what was written."""
    folder.mkdir(exist_ok=True)
    for name, text in export(cluster).files().items():
        (folder / name).write_text(text)
    return Site.model_validate(import_site(folder).site)


def limits(cluster: Cluster) -> set[tuple[Any, ...]]:
    """Return limits in one form: each resource by itself, and for a group of one as for all of it."""
    found: set[tuple[Any, ...]] = set()
    for limit in cluster.limits[0]:
        where: dict[str, Any] = limit.where.conditions()
        per: str
        wheres: list[dict[str, Any]]
        if limit.per in where and limit.per in ("partition", "qos"):
            wheres, per = [{str(limit.per): (name,)} for name in where[limit.per]], "all"
        else:
            wheres, per = [where], limit.per
        for one in wheres:
            if per == "user" and set(one) == {"account", "user"} and len(one["user"]) == 1:
                per = "all"
            told = tuple((key, tuple(sorted(names))) for key, names in sorted(one.items()))
            found |= {(per, told, resource, most) for resource, most in limit.at_most.caps()}
    return found


def outages(cluster: Cluster) -> set[tuple[Any, ...]]:
    """Return outages in one form: each pool by itself, all nodes as their number."""
    counts = {pool.name: pool.nodes[0] for pool in cluster.pools}
    return {
        (pool, counts[pool] if one.nodes is None else one.nodes, parse_local(one.start), one.length, one.every)
        for one in cluster.outages
        for pool in (one.pools or counts)
    }


def shape(cluster: Cluster) -> dict[str, Any]:
    """Return all of a cluster that Slurm has a word for, in one form."""
    order = cluster.the_policy().order
    return {
        "pools": {(pool.name, pool.nodes, pool.node, pool.placement) for pool in cluster.pools},
        "partitions": {
            one.name: (one.pools, one.tier, one.priority, one.max_time, one.default, one.where, billing(one, cluster))
            for one in cluster.partitions
        },
        "limits": limits(cluster),
        "outages": outages(cluster),
        "policy": cluster.policy,
        "scheduler": (cluster.depth, cluster.overrun, cluster.scheduler, cluster.preemption),
        "multifactor": ranks(cluster.multifactor) if order == "multifactor" else None,
    }


def billing(partition: Partition, cluster: Cluster) -> Resources | None:
    """Return what use counts as in a partition; nothing where nobody looks."""
    looked_at = cluster.the_policy().order == "multifactor" and cluster.multifactor.fair_share
    return (partition.billing or cluster.multifactor.billing) if looked_at else None


def ranks(factors: Multifactor) -> dict[str, Any]:
    """Return how jobs are ranked, without what nothing depends on."""
    found = factors.model_dump(exclude={"billing"})
    found["qos_priorities"] = {name: one for name, one in factors.qos_priorities.items() if one and factors.qos}
    if not factors.fair_share:
        for name in ("half_life", "calc_period", "algorithm", "damping", "billing_by", "accounts"):
            del found[name]
    elif factors.algorithm == "fair_tree":
        del found["damping"]
    return found


@st.composite
def clusters(draw) -> Cluster:
    """Return clusters that Slurm has words for."""
    placement = draw(st.sampled_from(["packed", "nodes"]))
    node = st.fixed_dictionaries(
        {"cores": st.integers(1, 8), "memory": st.integers(1, 9).map(float), "gpus": st.integers(0, 2)}
    )
    same = draw(node)
    number = draw(st.integers(1, 3))
    pools = [
        {"name": name, "kind": "on_premises", "nodes": draw(st.integers(1, 12)), "placement": placement,
         "node": same if placement == "nodes" else draw(node)}
        for name in ["thin", "fat-2", "n"][:number]
    ]  # fmt: skip
    names = [pool["name"] for pool in pools]
    chosen = draw(
        st.lists(
            st.lists(st.sampled_from(names), min_size=1, unique=True).map(lambda some: sorted(some, key=names.index)),
            max_size=2,
        )
    )
    partitions = [
        {"name": f"p{index}", "pools": some, "where": {"partition": [f"p{index}"]}, "tier": draw(st.integers(0, 3)),
         "priority": draw(st.integers(0, 3)), "billing": draw(st.none() | RESOURCES), "max_time": draw(st.none() | st.integers(1, 10**5)), "default": index == 0}
        for index, some in enumerate([names, *chosen])
    ]  # fmt: skip
    doors = [one["name"] for one in partitions]
    caps = st.dictionaries(st.sampled_from(["cores", "nodes", "gpus", "jobs"]), st.integers(0, 99), min_size=1)
    about: Any = st.one_of(
        st.builds(lambda p, per: ({"partition": [p]}, per), st.sampled_from(doors), st.sampled_from(["user", "account", "partition", "all"])),
        st.builds(lambda q, per: ({"qos": [q]}, per), st.sampled_from(["low", "hi gh"]), st.sampled_from(["user", "account", "qos", "all"])),
        st.builds(lambda a: ({"account": [a]}, "all"), st.sampled_from(["a", "b"])),
        st.builds(lambda a, u: ({"account": [a], "user": [u]}, "all"), st.sampled_from(["a", "b"]), st.sampled_from(["u", "v w"])),
        st.just(({}, "all")),
    )  # fmt: skip
    ruled = draw(
        st.lists(
            st.tuples(about, caps),
            max_size=4,
            unique_by=lambda one: str(one[0][0]) + str(one[0][1] in ("user", "account") and one[0][1]),
        )
    )
    away = [
        {"pools": draw(st.none() | st.lists(st.sampled_from(names), min_size=1, unique=True)),
         "nodes": draw(st.none() | st.just(1)), "start": f"2026-0{number}-03T08:0{number}", "length": draw(st.integers(60, 50_000)),
         "every": draw(st.sampled_from([None, "1 d", "1 week"]))}
        for number in range(1, 1 + draw(st.integers(0, 2)))
    ]  # fmt: skip
    tiers = {one["tier"] for one in partitions}
    interrupts = len(tiers) > 1 and draw(st.booleans())
    backfill = ("easy" if placement == "packed" else "conservative") if interrupts else "replan"
    order = draw(st.sampled_from(["fcfs", "multifactor"]))
    policy = draw(st.sampled_from([order, backfill if order == "fcfs" else f"{order}-{backfill}"]))
    plans = st.fixed_dictionaries(
        {
            "backfill_period": st.integers(1, 300),
            "backfill_window": st.integers(1, 43_200).map(lambda minutes: 60 * minutes),
            "backfill_per_user": st.none() | st.integers(1, 99),
        }
    )
    ranked = draw(factors()) if order == "multifactor" else {}
    for (where, _), _ in ruled:  # a limit of an account is one of its parts, too
        if where == {"account": ["b"]} and ranked.get("accounts", {}).get("a", {}).get("parent") == "b":
            where["account"] = ["a", "b"]
    return Cluster.model_validate(
        {
            "pools": pools,
            "partitions": partitions,
            "limits": [
                {"at_most": most, "per": per, **({"where": where} if where else {})} for (where, per), most in ruled
            ],
            "outages": away,
            "policy": policy,
            "multifactor": ranked,
            "depth": draw(st.none() | st.integers(1, 1000)),
            "overrun": draw(st.sampled_from(["allow", "kill"])),
            "scheduler": draw(plans) if policy.endswith("replan") else {"period": draw(st.integers(0, 300))},
            "preemption": interrupts,
        }
    )


@settings(max_examples=60)
@given(clusters())
def test_what_is_exported_and_imported_again_is_the_same(tmp_path_factory, cluster):
    assert shape(again(cluster, tmp_path_factory.mktemp("slurm"))) == shape(cluster)


def test_what_slurm_has_no_word_for_is_listed():
    pool = {"name": "own", "kind": "on_premises", "nodes": 3, "node": {"cores": 4, "speed": 1.5}}
    cloud = {"name": "burst", "kind": "cloud", "nodes": 2, "node": {"cores": 4}, "price_usd_per_hour": 1.0, "burst_after": "1 h",
             "accepts": {"queue": ["q"]}}  # fmt: skip
    machine = {
        "pools": [{**pool, "cost": {"capex_usd": 1, "lifetime_years": 1}}, cloud],
        "policy": "sjf-easy:smallest",
        "partitions": [
            {"name": "p", "pools": ["own"], "where": {"procs_at_most": 3}, "priority": 1.5, "max_time": 0.5}
        ],
        "hours": [{"open": "sat", "from": "2026-01-01"}],
        "limits": [
            {"at_most": {"gpus": 0.5}, "per": "qos", "where": {"qos": "x"}},
            {"at_most": {"jobs": 1}, "per": "user"},
        ],
        "outages": [{"start": "2026-01-01", "length": "1 h", "every": "2 d", "then": "stop"}],
        "scheduler": {"period": 0.5, "start_delay": "1 min"},
    }
    made = export(Cluster.model_validate(machine))
    said = "\n".join(made.missing)
    for words in (
        "pool burst: jobs go to the first pool that takes them", "pool burst: accepts {'queue': ['q']}", "scheduler.period: Slurm's",
        "0.5 s is no whole number", "scheduler.start_delay: 1 min pass", "policy sjf-easy:smallest: Slurm has no order sjf",
        "policy sjf-easy:smallest: Slurm's backfilling", "pool own: is a mere number of cores", "limits: 0.5 gpus is no whole number",
        "limits: {'at_most': {'jobs': 1}, 'per': 'user'}", "partition p: max_time is no whole number", "partition p: priority 1.5",
        "partition p: takes {'procs_at_most': 3}", "outages.0: comes again every 2 d", "outages.0: interrupts jobs",
        "hours: {'open': ['sat'], 'from': '2026-01-01'}", "pool own: runs jobs 1.5 times as fast", "pool burst: jobs come here after 1 h",
        "pool burst: its nodes come and go with demand", "costs",
    ):  # fmt: skip
        assert words in said, words
    assert all(f"# Slurm has no word for this: {one}" in made.files()["slurm.conf"] for one in made.missing)


def test_plans_that_slurm_does_not_make():
    pool = {"name": "own", "kind": "on_premises", "nodes": 3, "node": {"cores": 4}}
    scheduler = {"period": 5, "backfill_window": 90, "start_delay": 0}
    made = export(Cluster.model_validate({"pools": pool, "policy": "replan", "scheduler": scheduler}))
    assert "SchedulerParameters=bf_interval=1,bf_window=2" in made.conf
    said = "\n".join(made.missing)
    for words in ("here each second", "1.5 min is no whole number of minutes", "scheduler.period: Slurm's"):
        assert words in said, words
    unbound = export(Cluster.model_validate({"pools": pool, "policy": "replan"}))
    assert "bf_window=43200" in "\n".join(unbound.conf)
    assert "plans at most 30 days ahead" in "\n".join(unbound.missing)


def test_pools_that_partitions_prefer_differently():
    pools = [{"name": name, "kind": "on_premises", "nodes": 1, "node": {"cores": 4}} for name in "ab"]
    one: dict[str, Any] = {"pools": pools, "partitions": [{"name": "p", "pools": ["b", "a"]}]}
    assert "NodeName=b-1 CPUs=4 Weight=1" in export(Cluster.model_validate(one)).conf
    both = {**one, "partitions": [*one["partitions"], {"name": "q", "pools": ["a", "b"]}]}
    assert any("prefer pools in different orders" in said for said in export(Cluster.model_validate(both)).missing)


@pytest.fixture
def results(tmp_path) -> Path:
    """Write what a run leaves that chose something, without the run: its rules cannot be replayed yet."""
    from pwsim.results.record import scenario_yaml
    from pwsim.scenario import load_scenario

    rules = "  partitions: [{name: all, pools: [thin, fat], where: {partition: [all]}}]\n"
    plain = load_scenario(scenario(tmp_path, rules)).resolved()
    out = tmp_path / "out"
    out.mkdir()
    (out / "scenario.yaml").write_text(scenario_yaml(plain))
    (out / "summary.json").write_text(json.dumps({"chosen": {"nodes": {"thin": 7, "fat": 4}, "policy": "easy"}}))
    return out


def test_a_chosen_setup_is_exported(results, tmp_path, capsys):
    code, said, _ = pwsim(capsys, "export", str(results), "--to", "slurm")
    assert code == 0
    assert "NodeName=thin-[1-7] CPUs=4" in said
    code, said, _ = pwsim(capsys, "export", str(results), "--to", "slurm", "--out", str(tmp_path / "slurm"))
    assert code == 0
    assert re.search(r"^Slurm has no word for this: costs$", said, re.MULTILINE)
    site = Site.model_validate(import_site(tmp_path / "slurm").site)
    assert [(pool.name, pool.nodes) for pool in site.pools] == [("thin", (7,)), ("fat", (4,))]
    assert pwsim(capsys, "export", str(results), "--to", "slurm", "--out", str(tmp_path / "slurm"))[0] == 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("summary.json", None, "is no results directory: summary.json: No such file or directory"),
        ("summary.json", "{", "summary.json is broken"),
        (
            "summary.json",
            '{"chosen": null, "answer": "No setup meets the targets."}',
            "no setup was chosen: No setup meets",
        ),
        ("summary.json", '{"chosen": {"nodes": {"thin": 7}, "policy": "easy"}}', "do not go together"),
        ("scenario.yaml", None, "has no scenario.yaml: only results of `pwsim run` can be exported"),
        ("scenario.yaml", "name: x\n", "scenario.yaml: workload: is missing"),
    ],
)
def test_results_that_cannot_be_exported(results, capsys, name, text, words):
    (results / name).unlink()
    if text is not None:
        (results / name).write_text(text)
    code, _, said = pwsim(capsys, "export", str(results), "--to", "slurm")
    assert code == 2
    assert words in said
