"""Rules of the site in scenario files, and files that describe a site."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from pwsim.cluster import Hours
from pwsim.common import ScenarioError
from pwsim.results import simulate
from pwsim.scenario import Scenario, load_scenario, load_site
from pwsim.trace import write_trace
from pwsim.workload import generate
from tests.cli.test_hostile import pwsim

pytestmark = pytest.mark.usefixtures("blank_figures")

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


def test_a_scenario_with_all_rules_is_checked_and_run(tmp_path, capsys):
    path = scenario(tmp_path, RULES)
    assert pwsim(capsys, "validate", str(path))[:2] == (
        0,
        f"{path}: ok: 50 jobs of simple-2 (format pwsim), 29 setups\n",
    )
    code, _, said = pwsim(
        capsys,
        "run",
        "--no-draws",
        str(path),
        "--out",
        str(tmp_path / "out"),
        "--engine",
        "simpy",
        "--workers",
        "1",
        "--quiet",
    )
    assert (code, said) == (0, "")


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


NIGHT = "hours:\n  - {where: {estimate_above: 1 h}, open: 18:00-06:00}\n"


def written_by(folder: Path, rules: str) -> tuple[Path, Path]:
    """Write a site, and the log that it would have written; return both files."""
    site, path = folder / "site.yaml", folder / "log.swf"
    site.write_text(f"cores: 16\n{rules}")
    trace = generate(jobs=600, cores=16, load=0.6, seed=2)
    trace = replace(trace, header={"UnixStartTime": "1704067200", "TimeZoneString": "Europe/Paris"})
    trace = trace.with_columns(recorded_wait_s=np.zeros(len(trace)))
    write_trace(trace.with_columns(recorded_wait_s=simulate(trace, load_site(site)).wait_s), path)
    return site, path


def test_a_hindcast_is_about_the_machine_with_its_rules(tmp_path, capsys):
    site, log = written_by(tmp_path, NIGHT)
    code, out, _ = pwsim(capsys, "hindcast", str(log), "--site", str(site), "--out", str(tmp_path / "with"))
    assert code == 0
    assert out.startswith("This log and these rules reproduce the site well enough to plan with (good).")
    assert "under EASY backfilling with the site's hours" in out
    report = json.loads((tmp_path / "with/summary.json").read_text())["hindcast"]
    assert (report["verdict"], report["rules"]) == ("good", ["hours"])
    code, out, _ = pwsim(capsys, "hindcast", str(log), "--cores", "16", "--out", str(tmp_path / "without"))
    assert (code, "(poor)" in out) == (0, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--cores or --site: say which machine wrote the log"),
        (["--site", "SITE", "--cores", "16"], "leave --cores out, or change it there"),
        (["--site", "SITE", "--policy", "easy", "--depth", "3"], "leave --policy and --depth out"),
        (["--site", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_a_hindcast_is_about_one_machine(tmp_path, capsys, options, said):
    site, log = written_by(tmp_path, "")
    given = [str(site) if one == "SITE" else one for one in options]
    code, _, error = pwsim(capsys, "hindcast", str(log), *given, "--out", str(tmp_path / "out"))
    assert (code, said in error) == (2, True), error


def test_a_run_checks_the_machine_with_its_rules(tmp_path, capsys):
    """The window begins later than the log; what economics say is about the window's first submission."""
    written_by(tmp_path, NIGHT)
    path = tmp_path / "scenario.yaml"
    pools = POOL.format(name="machine", nodes="{min: 3, max: 5}")
    path.write_text("name: site\nworkload: {trace: log.swf, window: {start: 1 d, length: 60 d}}\n"
                    f"site: site.yaml\ncluster:\n  pools:\n{pools}")  # fmt: skip
    for number, start in enumerate(["", "economics: {start: 2024-01-02T01:30, time_zone: Europe/Paris}\n"]):
        path.write_text(path.read_text() + start)
        code, out, error = pwsim(
            capsys, "run", "--no-draws", str(path), "--out", str(tmp_path / str(number)), "--quiet"
        )
        assert code == 0, error
        assert ("Present machine: This log and these rules reproduce the site well enough" in out) == (not number)
