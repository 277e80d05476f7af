"""Rules of the site in scenario files, and files that describe a site."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from pwsim.cluster import Hours
from pwsim.common import ScenarioError
from pwsim.scenario import Scenario, load_scenario, load_site
from pwsim.trace import write_trace
from pwsim.workload import generate
from tests.cli.test_hostile import pwsim

POOL = """\
    - name: {name}
      kind: on_premises
      nodes: {nodes}
      node: {{cores: 4}}
      cost: {{capex_usd: 9000, lifetime_years: 5}}
"""
RULES = """\
  partitions:
    - {name: standard, pools: [thin], where: {queue: ["1"]}, tier: 0, priority: 1, max_time: 3 d}
    - {name: rest, pools: [thin, fat], tier: 1, default: true}
  limits:
    - {at_most: {cores: 384}, per: user, where: {partition: [standard]}}
  hours:
    - {where: {estimate_above: 4 h}, open: ["mon..fri 17:00-09:00", "sat,sun"], whole: true, from: 1996-10-01, until: 1997-03-01}
  outages:
    - {pools: [thin], nodes: 2, start: 2026-03-02T08:00, length: 8 h, every: 4 weeks, then: drain}
  scheduler: {period: 30 s, start_delay: 2 min}
  preemption: true
"""
SITE = """\
pools:
  - {name: thin, kind: on_premises, nodes: 20, node: {cores: 4}}
  - {name: fat, kind: on_premises, nodes: 4, node: {cores: 4}}
policy: multifactor-easy
""" + "\n".join(line[2:] for line in RULES.splitlines())


def scenario(folder: Path, rules: str = "", *, cluster: str = "", top: str = "") -> Path:
    """Write a scenario with two pools and a made log, and return its path."""
    write_trace(generate(jobs=50, cores=16, load=0.5, seed=2), folder / "log.parquet")
    path = folder / "scenario.yaml"
    pools = POOL.format(name="thin", nodes="{min: 2, max: 30}") + POOL.format(name="fat", nodes=4)
    path.write_text(f"name: site\nworkload: {{trace: log.parquet}}\ncluster:\n{cluster}  pools:\n{pools}{rules}{top}\n"
                    "economics: {start: 1996-09-01T00:00, time_zone: Europe/Paris}\n")  # fmt: skip
    return path


def test_validate_checks_rules_and_run_refuses_them(tmp_path, capsys):
    path = scenario(tmp_path, RULES)
    code, said, _ = pwsim(capsys, "validate", str(path))
    assert code == 0
    assert said.startswith(
        f"{path}: ok: 50 jobs of simple-2 (format pwsim), 29 setups; partitions, limits, hours, outages"
    )
    assert said.endswith("checked, but cannot be replayed yet\n")
    code, _, said = pwsim(capsys, "run", str(path), "--out", str(tmp_path / "out"))
    assert code == 2
    assert said == (
        f"{path}: cluster: partitions, limits, hours, outages, scheduler and preemption: rules of the site are checked, "
        "but cannot be replayed yet; leave them out to replay the machine without them\n"
    )
    assert not (tmp_path / "out").exists()


def test_dates_need_no_quotes(tmp_path):
    rule = load_scenario(scenario(tmp_path, RULES)).cluster.hours[0][0]
    assert (rule.from_, rule.until) == ("1996-10-01", "1997-03-01")


def test_each_mistake_is_told_with_its_line(tmp_path):
    wrong = """\
  partitions:
    - name: p
      pools: [thin,
              fast]
    - {name: p, pools: [fat]}
  hours: {choices: [[], [{open: "sat", where: {partition: q}}]]}
"""
    with pytest.raises(ScenarioError) as raised:
        load_scenario(scenario(tmp_path, wrong))
    assert [(one.line, one.key) for one in raised.value.problems] == [
        (17, "cluster.partitions.0.pools"),
        (19, "cluster.partitions.1.name"),
        (20, "cluster.hours.choices.1.0.where.partition"),
    ]


def test_hours_need_to_know_when_the_log_begins(tmp_path, capsys):
    path = scenario(tmp_path, RULES)
    path.write_text(path.read_text().replace("start: 1996-09-01T00:00, ", ""))
    code, _, said = pwsim(capsys, "validate", str(path))
    assert code == 2
    assert f"{path}:27: economics.start: is missing, for hours and outages are about the site's clock" in said


def test_a_scenario_as_plain_data_can_be_read_again(tmp_path):
    loaded = load_scenario(scenario(tmp_path, RULES))
    plain = loaded.resolved()
    assert plain["cluster"]["hours"][0]["from"] == "1996-10-01"
    assert Scenario.model_validate(json.loads(json.dumps(plain))).cluster == loaded.cluster


def test_the_schema_knows_the_rules(tmp_path):
    loaded = load_scenario(scenario(tmp_path, RULES))
    jsonschema.Draft202012Validator(Scenario.model_json_schema()).validate(json.loads(json.dumps(loaded.resolved())))
    choices = loaded.resolved()
    choices["cluster"]["hours"] = {"choices": [[{"open": "sat"}], []]}
    jsonschema.Draft202012Validator(Scenario.model_json_schema()).validate(choices)


# Files of a site


def test_what_the_site_does_is_taken_over(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE)
    loaded = load_scenario(scenario(tmp_path, top="site: site.yaml"))
    assert loaded.baseline is not None
    assert loaded.baseline.node_counts() == (20, 4)
    assert [partition.name for partition in loaded.cluster.partitions] == ["standard", "rest"]
    assert loaded.cluster.policy == loaded.baseline.policy
    assert loaded.cluster.hours == loaded.baseline.hours == load_site(tmp_path / "site.yaml").hours
    plain = json.loads(json.dumps(loaded.resolved()))
    again = Scenario.model_validate(plain)
    assert again.cluster == loaded.cluster
    assert again.baseline == loaded.baseline


def test_what_the_cluster_says_comes_first(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE)
    own = "  hours: {choices: [[{open: sat}], []]}\n  policy: easy\n"
    loaded = load_scenario(scenario(tmp_path, cluster=own, top="site: site.yaml"))
    assert loaded.cluster.hours == ((Hours.model_validate({"open": "sat"}),), ())
    assert [str(policy) for policy in loaded.cluster.policy] == ["easy"]
    assert loaded.cluster.scheduler.period == 30


def test_a_site_of_mere_cores(tmp_path):
    (tmp_path / "site.yaml").write_text("cores: 100\nhours: [{open: sat}]\n")
    loaded = load_scenario(scenario(tmp_path, top="site: site.yaml"))
    assert loaded.baseline is not None
    assert loaded.baseline.cores == 100
    assert loaded.cluster.hours == loaded.baseline.hours


WRONG = [
    (SITE.replace("name: fat", "name: fast").replace("thin, fat", "thin, fast"), "", "scenario.yaml:15: site: the rules of site.yaml are about a pool 'fast', which cluster.pools lacks; did you mean 'fat'?"),
    (SITE, "baseline: {cores: 3}\n", "scenario.yaml:16: site: is the present machine, as baseline is: give one of them"),
    (SITE.replace("nodes: 20", "nodes: [20, 30]"), "", "site.yaml:1: is the machine as it is: pool 'thin' must have one number of nodes"),
    (SITE.replace("period", "periode"), "", "site.yaml:14: scheduler.periode: unknown key; did you mean 'period'?"),
    (SITE + "\ntargets: []\n", "", "site.yaml:16: targets: unknown key"),
    ("", "", "site.yaml:1: must be a mapping with the keys policy, overrun"),
    (None, "", "site.yaml: cannot be read: No such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(("site", "more", "message"), WRONG, ids=[message[:40] for _, _, message in WRONG])
def test_what_is_wrong_with_a_site(site, more, message, tmp_path):
    if site is not None:
        (tmp_path / "site.yaml").write_text(site)
    with pytest.raises(ScenarioError) as raised:
        load_scenario(scenario(tmp_path, top=f"{more}site: site.yaml"))
    assert message in str(raised.value)
