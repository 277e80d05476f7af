"""Bad input through the command line: the documented exit code, a message that helps, nothing written.

Each case names the file, what is wrong with it, and words that the message must hold: the place, the value and the
remedy.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pwsim.cli import main

GOOD = """\
name: good
workload:
  trace: tiny.swf
cluster:
  policy: easy
  pools:
    - name: onprem
      kind: on_premises
      nodes: {min: 1, max: 3}
      node: {cores: 2, memory: 4 GiB}
      cost: {capex_usd: 1000, lifetime_years: 5, busy_power: 100 W, electricity_usd_per_kwh: 0.1}
    - name: rented
      kind: cloud
      instance: aws/us-east-1/c7a.xlarge
      always_up: true
      nodes: 0
targets:
  - {metric: wait_s, statistic: p95, at_most: 4 h}
"""
JOB = "{number} {submit} -1 10 2 -1 -1 2 20 -1 1 1 1 -1 1 -1 -1 -1\n"
TINY = "; Computer: tiny\n" + "".join(JOB.format(number=n, submit=5 * n) for n in range(1, 9))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tiny.swf").write_text(TINY)
    (tmp_path / "good.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pwsim(capsys, *arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process; return the exit code, standard output and standard error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pwsim", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
    out, err = capsys.readouterr()
    return int(exit_.value.code or 0), out, err


def check_refused(folder: Path, capsys, arguments: list[str], words: list[str], before: set[str] | None = None) -> None:
    before = before if before is not None else {path.name for path in folder.iterdir()}
    code, _, err = pwsim(capsys, *arguments)
    assert code == 2, err
    assert "Traceback" not in err
    for word in words:
        assert word in err, f"{word!r} is not in the message:\n{err}"
    assert {path.name for path in folder.iterdir()} == before, "something was written"


@pytest.mark.usefixtures("blank_figures")
def test_the_good_scenario_is_good(folder, capsys):
    code, out, err = pwsim(capsys, "run", "--no-draws", "good.yaml", "--out", "results", "--workers", "1")
    assert code == 0, err
    assert "Buy 1 node of pool onprem" in out


SCENARIOS: dict[str, tuple[str, str, list[str]]] = {
    # name: (text to replace, replacement, words of the message)
    "unknown key at the top": ("name: good", "nmae: good", ["bad.yaml:1: nmae", "did you mean 'name'"]),
    "unknown key of a pool": ("nodes: {min: 1", "ndoes: {min: 1", ["bad.yaml:9", "ndoes", "did you mean 'nodes'"]),
    "unknown key of a cloud pool": ("always_up: true", "always_pu: true", ["always_pu", "did you mean 'always_up'"]),
    "unknown key of a target": ("at_most: 4 h", "atmost: 4 h", ["bad.yaml:18: targets.0.atmost", "'at_most'"]),
    "unknown key of the costs": ("capex_usd", "capex", ["bad.yaml:11", "capex", "did you mean 'capex_usd'"]),
    "unit of the wrong kind": ("4 h}", "4 GiB}", ["targets.0.at_most", "4 GiB", "4 h"]),
    "unit that does not exist": ("100 W", "100 watz", ["busy_power", "watz", "550 W"]),
    "quantity that is an expression": ("4 GiB", "2 GiB * 2", ["node.memory", "2 GiB * 2"]),
    "negative node count": ("nodes: 0", "nodes: -4", ["pools.1.nodes", "-4", "from 0 to"]),
    "fraction of a node": ("nodes: 0", "nodes: 2.5", ["pools.1.nodes", "2.5"]),
    "utilisation in percent": (
        "- {metric: wait_s, statistic: p95, at_most: 4 h}",
        "- {metric: utilization, at_least: 80}",
        ["targets.0", "share from 0 to 1", "write 0.8 for 80 %"],
    ),
    "wattage beyond all numbers": ("100 W", "1" + "0" * 400, ["busy_power", "finite"]),
    "negative cores": ("cores: 2", "cores: -2", ["node.cores", "-2", "at least 1"]),
    "no cores": ("cores: 2", "cores: 0", ["node.cores", "(got 0)"]),
    "too many nodes": ("nodes: 0", "nodes: 99999999999", ["pools.1.nodes", "99999999999", "1,000,000"]),
    "empty list of nodes": ("nodes: 0", "nodes: []", ["pools.1.nodes", "[]"]),
    "range upside down": ("min: 1, max: 3", "min: 5, max: 3", ["pools.0.nodes", "min (5)", "max (3)"]),
    "range without a step": ("max: 3}", "max: 3, step: 0}", ["pools.0.nodes", "step", "0"]),
    "range that explodes": ("max: 3}", "max: 1000000}", ["pools.0.nodes", "larger step"]),
    "empty list of policies": ("policy: easy", "policy: []", ["cluster.policy", "at least one"]),
    "unknown policy": ("policy: easy", "policy: eazy", ["cluster.policy", "eazy", "did you mean 'easy'"]),
    "policy that is a number": ("policy: easy", "policy: 7", ["cluster.policy", "7"]),
    "no pools": (
        GOOD[GOOD.index("  pools:") : GOOD.index("targets:")],
        "  pools: []\n",
        ["cluster.pools", "at least 1"],
    ),
    "duplicate pool names": ("name: rented", "name: onprem", ["cluster", "'onprem' occurs 2 times"]),
    "markup in a pool name": ("name: rented", "name: <script>", ["pools.1.name", "<script>", "letters"]),
    "unknown kind": ("kind: cloud", "kind: moon", ["pools.1.kind", "moon", "on_premises or cloud"]),
    "missing kind": ("      kind: cloud\n", "", ["pools.1.kind", "on_premises or cloud"]),
    "missing cost": (
        GOOD[GOOD.index("      cost:") : GOOD.index("    - name: rented")],
        "",
        ["pools.0", "cost is missing"],
    ),
    "missing node": (GOOD[GOOD.index("      node:") : GOOD.index("      cost:")], "", ["pools.0.node", "is missing"]),
    "lifetime of nothing": ("lifetime_years: 5", "lifetime_years: 0", ["lifetime_years", "greater than 0"]),
    "busy below idle": (
        "busy_power: 100 W",
        "busy_power: 1 W, idle_power: 2 W",
        ["busy_power (1 W)", "idle_power (2 W)"],
    ),
    "price that is not a number": ("capex_usd: 1000", "capex_usd: .nan", ["capex_usd", "nan"]),
    "price beyond reason": ("capex_usd: 1000", "capex_usd: 1e300", ["capex_usd", "1e+300"]),
    "infinite price": ("capex_usd: 1000", "capex_usd: .inf", ["capex_usd", "inf"]),
    "text for a number": ("capex_usd: 1000", "capex_usd: cheap", ["capex_usd", "'cheap'", "number"]),
    "unknown instance": ("c7a.xlarge", "c7a.xlrage", ["pools.1.instance", "c7a.xlrage", "aws/us-east-1/c7a.xlarge"]),
    "elastic bag of cores": ("always_up: true", "placement: cores", ["pools.1", "always up", "nodes"]),
    "boot in no time unit": ("always_up: true", "boot_time: 3 parsecs", ["pools.1.boot_time", "3 parsecs", "4 h"]),
    "more nodes always held than allowed": ("always_up: true", "min_nodes: 2", ["pools.1", "min_nodes (2)", "(0)"]),
    "spot without a price": (
        "instance: aws/us-east-1/c7a.xlarge",
        "market: spot\n      instance: aws/us-east-2/hpc6a.48xlarge",
        ["pools.1.instance", "no spot price"],
    ),
    "interruptions of what is always up": (
        "always_up: true",
        "always_up: true\n      interruptions_per_hour: 1",
        ["pools.1", "interruptions_per_hour", "always_up"],
    ),
    "burst into the first pool": (
        "nodes: {min: 1",
        "burst_after: 0\n      nodes: {min: 1",
        ["burst_after", "after the first"],
    ),
    "failures of a bag of cores": (
        "nodes: {min: 1",
        "mtbf: 3 d\n      nodes: {min: 1",
        ["pools.0", "mtbf", "placement: nodes"],
    ),
    "packed placement with conservative": (
        "policy: easy\n  pools:\n    - name: onprem",
        "policy: conservative\n  pools:\n    - placement: packed\n      name: onprem",
        ["cluster", "'onprem' has placement: packed", "'conservative' is not offered", "use easy"],
    ),
    "packed nodes of many GPUs": (
        "node: {cores: 2, memory: 4 GiB}",
        "node: {cores: 2, gpus: 100}\n      placement: packed",
        ["pools.0", "at most 62 GPUs", "100"],
    ),
    "currency": ("targets:", "economics: {currency: EUR}\ntargets:", ["economics.currency", "USD", "EUR"]),
    "discount rate in percent": ("targets:", "economics: {discount_rate: 5}\ntargets:", ["discount_rate", "at most 1"]),
    "unknown metric": ("metric: wait_s", "metric: waits", ["targets.0.metric", "waits", "wait_s"]),
    "metric without its statistic": (", statistic: p95", "", ["targets.0", "statistic", "p95"]),
    "statistic of a single figure": (
        "wait_s, statistic: p95, at_most: 4 h",
        "utilization, statistic: p95, at_most: 0.5",
        ["targets.0", "remove statistic"],
    ),
    "target without a limit": (", at_most: 4 h", "", ["targets.0", "at_least or at_most"]),
    "target with an empty limit": ("at_most: 4 h", "at_most: null", ["targets.0", "at_least or at_most"]),
    "limit that is a list": ("at_most: 4 h", "at_most: [4]", ["targets.0.at_most", "[4]"]),
    "empty key": ("nodes: 0", "nodes:", ["pools.1.nodes", "None"]),
    "target with both limits": ("at_most: 4 h", "at_most: 4 h, at_least: 1 s", ["targets.0", "at_least or at_most"]),
    "targets that are no list": ("targets:\n  - {", "targets: {", ["targets", "must be a list"]),
    "target about nobody": ("at_most: 4 h}", "at_most: 4 h, where: {queue: vip}}", ["targets.0.where", "no job"]),
    "missing log": ("tiny.swf", "nowhere.swf", ["bad.yaml:3: workload.trace", "nowhere.swf"]),
    "log that is a folder": ("tiny.swf", ".", ["workload.trace", "no file", "is a directory"]),
    "unknown data set": ("trace: tiny.swf", "trace: {dataset: kth-sp3}", ["kth-sp3", "did you mean 'kth-sp2'"]),
    "unknown format": (
        "trace: tiny.swf",
        "trace: tiny.swf\n  format: pdf",
        ["bad.yaml:4: workload.format", "pdf", "known formats: acme"],
    ),
    "load of nothing": ("trace: tiny.swf", "trace: tiny.swf\n  load: 0", ["workload.load", "greater than 0"]),
    "window beyond the log": ("trace: tiny.swf", "trace: tiny.swf\n  window: {start: 9 d}", ["no job is submitted"]),
    "window of negative length": (
        "trace: tiny.swf",
        "trace: tiny.swf\n  window: {length: -9 d}",
        ["window.length", "-777600"],
    ),
    "duplicate key": ("name: good", "name: good\nname: bad", ["bad.yaml:2", "name", "once"]),
    "tab": ("  trace:", "\ttrace:", ["bad.yaml:3", "YAML"]),
    "unclosed bracket": ("nodes: 0", "nodes: [0", ["bad.yaml:", "YAML"]),
    "key that is no name": ("name: good", "name: good\n3: 4", ["bad.yaml:2", "keys are names"]),
    "tag": ("name: good", "name: !!python/object:os.system good", ["bad.yaml", "name"]),
    "anchor to itself": ("name: good", "name: good\nseed: &a [*a]", ["bad.yaml"]),
    "several documents": ("targets:", "---\ntargets:", ["bad.yaml:", "YAML"]),
    "list at the top": (GOOD, "- name: good\n", ["bad.yaml:1", "must be a mapping"]),
    "empty file": (GOOD, "", ["bad.yaml", "must be a mapping"]),
    "seed below zero": ("targets:", "seed: -1\ntargets:", ["seed", "-1"]),
    "search of nothing": (
        "targets:",
        "search: {budget: {setups: 0}}\ntargets:",
        ["search.budget.setups", "at least 1"],
    ),
    "search in no time": (
        "targets:",
        "search: {budget: {time: 0 s}}\ntargets:",
        ["search.budget.time", "greater than 0"],
    ),
    "search by its old name": ("targets:", "search: {max_setups: 9}\ntargets:", ["bad.yaml", "budget: {setups: 9}"]),
}


@pytest.mark.parametrize("case", SCENARIOS)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_hostile_scenario(case, command, folder, capsys):
    old, new, words = SCENARIOS[case]
    assert old in GOOD
    (folder / "bad.yaml").write_text(GOOD.replace(old, new, 1))
    arguments = ["run", "bad.yaml", "--out", "results"] if command == "run" else ["validate", "bad.yaml"]
    check_refused(folder, capsys, arguments, words)


def test_every_problem_is_shown_at_once(folder, capsys):
    (folder / "bad.yaml").write_text(
        GOOD.replace("cores: 2", "cores: 0")
        .replace("name: good", "nam: good")
        .replace("4 h", "4 W")
        .replace("nodes: 0", "nodes: x")
    )
    check_refused(
        folder, capsys, ["validate", "bad.yaml"], ["nam:", "node.cores", "pools.1.nodes", "targets.0.at_most"]
    )


@pytest.mark.parametrize(
    ("there", "instead", "meant"),
    [
        ("metric: wait_s", "metric: wait", "wait_s"),
        ("metric: wait_s", "metric: slowdown", "bounded_slowdown"),
        ("metric: wait_s", "metric: WAIT_S", "wait_s"),
        ("p95", "P95", "p95"),
        ("policy: easy", "policy: easy\n  overrun: killed", "kill"),
        ("nodes: 0", "nodes: 0\n      market: ondemand", "on_demand"),
    ],
)
def test_the_word_that_was_meant_is_named(there, instead, meant, folder, capsys):
    (folder / "bad.yaml").write_text(GOOD.replace(there, instead, 1))
    code, _, err = pwsim(capsys, "validate", "bad.yaml")
    assert (code, err.count("\n")) == (2, 1)
    assert f"did you mean '{meant}'?" in err


MEANT = {
    # what is written instead of what, and what was meant
    "opex_usd_per_year": ("capex_usd: 1000", "opex: 1000"),
    "capex_usd": ("capex_usd", "capex"),
    "lifetime_years": ("lifetime_years", "lifetime"),
    "electricity_usd_per_kwh": ("electricity_usd_per_kwh", "electricity"),
    "idle_power' or 'busy_power": ("busy_power", "power"),
    "cores": ("node: {cores", "node: {cpus"),
    "memory": ("memory", "ram"),
    "node.cores": ("node: {cores: 2,", "cpus: 2\n      node: {cores: 2,"),
    "cost.opex_usd_per_year": ("node: {cores: 2,", "opex: 2\n      node: {cores: 2,"),
    "nodes": ("nodes: 0", "max_nodes: 0"),
    "price_usd_per_hour": ("nodes: 0", "nodes: 0\n      price: 1"),
    "idle_timeout": ("nodes: 0", "nodes: 0\n      timeout: 1"),
    "statistic": ("statistic", "percentile"),
    "cluster.policy": ("targets:", "policy: easy\ntargets:"),
    "workload.load": ("targets:", "load: 1.2\ntargets:"),
}


@pytest.mark.parametrize("meant", MEANT)
def test_the_key_that_was_meant_is_named(meant, folder, capsys):
    there, instead = MEANT[meant]
    (folder / "bad.yaml").write_text(GOOD.replace(there, instead, 1))
    code, _, err = pwsim(capsys, "validate", "bad.yaml")
    unknown = [line for line in err.splitlines() if "unknown key; did you mean" in line]
    assert (code, len(unknown)) == (2, 1)
    assert f"'{meant}'" in unknown[0]


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("      kind: onprem\n", "on_premises"), ("      kind: 7\n", ""), ("", ""), ("      kind: []\n", "")],
)
def test_all_mistakes_of_a_pool_of_no_kind_are_shown(kind, meant, folder, capsys):
    text = GOOD.replace("      kind: on_premises\n", kind).replace("capex_usd: 1000", "capex_usd: much, opex: 3")
    (folder / "bad.yaml").write_text(text.replace("nodes: {min: 1, max: 3}", "nodes: -1").replace("4 h", "4 parsecs"))
    code, _, err = pwsim(capsys, "validate", "bad.yaml")
    assert code == 2
    for key in ("pools.0.kind", "pools.0.nodes", "pools.0.cost.capex_usd", "pools.0.cost.opex", "targets.0.at_most"):
        assert err.count(f"{key}: ") == 1, err
    assert len(err.splitlines()) == 5
    assert ("did you mean 'on_premises'" in err) == bool(meant)


def test_a_pool_without_a_kind_is_taken_for_the_one_whose_keys_it_has(folder, capsys):
    text = GOOD.replace("      kind: cloud\n", "").replace("always_up: true", "always_up: 3")
    (folder / "bad.yaml").write_text(text)
    code, _, err = pwsim(capsys, "validate", "bad.yaml")
    assert code == 2
    assert [line.split(": ")[1] for line in err.splitlines()] == ["cluster.pools.1.kind", "cluster.pools.1.always_up"]


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        (["describe", "tiny.swf"], "`pwsim trace describe`"),
        (["trace", "run", "good.yaml"], "`pwsim run`"),
        (["trace", "descirbe", "tiny.swf"], "`pwsim trace describe`"),
        (["vlidate", "good.yaml"], "`pwsim validate`"),
        (["price"], "`pwsim prices`"),
        (["xyzzy"], None),
    ],
)
def test_the_command_that_was_meant_is_named(command, meant, folder, capsys):
    code, _, err = pwsim(capsys, *command)
    assert code == 2
    assert (f"did you mean {meant}?" if meant else "known commands: run, simulate,") in err


def test_a_wrong_entry_is_not_said_to_be_missing(folder, capsys):
    text = (folder / "good.yaml").read_text()
    pools = text[text.index("  pools:") : text.index("targets:")]
    second = pools.index("    - name", pools.index("    - name") + 1)
    (folder / "bad.yaml").write_text(text.replace(pools, pools[:second]).replace("cores: 2", "cores: 2, cpu: 1"))
    code, _, err = pwsim(capsys, "validate", "bad.yaml")
    assert code == 2
    assert "cpu: unknown key" in err
    assert "must have at least" not in err


def test_anchors_that_explode(folder, capsys):
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    (folder / "bad.yaml").write_text(GOOD + text)
    check_refused(folder, capsys, ["validate", "bad.yaml"], ["100,000 values", "anchors"])


def test_problems_without_end(folder, capsys):
    """The first thousand are shown; no more are looked for than can be shown."""
    (folder / "bad.yaml").write_text(GOOD + "".join(f"key{n}: 1\n" for n in range(10_000)))
    start = time.process_time()
    code, _, err = pwsim(capsys, "validate", "bad.yaml")
    assert (code, time.process_time() - start < 5) == (2, True)
    said = err.splitlines()
    assert len(said) == 1001
    assert said[999].startswith("bad.yaml:1018: key999: unknown key")
    assert said[1000] == "bad.yaml: and at least 1 more; these are the first"


@pytest.mark.parametrize("kind", ["at the top", "of a pool", "in one line"])
def test_a_hundred_thousand_unknown_keys(kind, folder, capsys):
    keys = [f"key{n}: 1" for n in range(100_000)]
    text = {
        "at the top": GOOD + "\n".join(keys),
        "of a pool": GOOD.replace("nodes: 0\n", "nodes: 0\n" + "".join(f"      {key}\n" for key in keys)),
        "in one line": GOOD + f"more: {{{', '.join(keys)}}}\n",
    }[kind]
    (folder / "bad.yaml").write_text(text)
    start = time.process_time()
    check_refused(folder, capsys, ["validate", "bad.yaml"], ["bad.yaml", "is longer than 200,000 characters"])
    assert time.process_time() - start < 5


def test_nesting_without_end(folder, capsys):
    (folder / "bad.yaml").write_text(GOOD + "deep: " + "[" * 3000 + "]" * 3000 + "\n")
    check_refused(folder, capsys, ["validate", "bad.yaml"], ["bad.yaml"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00\x01\x02\xff" * 100, ["bad.yaml", "YAML"]),
        (b"name: \xff\xfe\n", ["bad.yaml", "UTF-8"]),
        (gzip.compress(GOOD.encode(), mtime=0), ["bad.yaml", "UTF-8"]),
    ],
)
def test_scenario_that_is_no_text(content, words, folder, capsys):
    (folder / "bad.yaml").write_bytes(content)
    check_refused(folder, capsys, ["run", "bad.yaml", "--out", "results"], words)


def test_scenario_that_is_not_there(folder, capsys):
    check_refused(folder, capsys, ["run", "nowhere.yaml", "--out", "results"], ["nowhere.yaml", "No such file"])
    check_refused(folder, capsys, ["run", ".", "--out", "results"], ["directory"])


def with_job(submit: str) -> bytes:
    """Return the tiny log with one more job, in its tenth line."""
    return (TINY + JOB.format(number=9, submit=submit)).encode()


LOGS: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["bad.swf", "no job lines"]),
    "header only": (b"; Computer: none\n", ["bad.swf", "no job lines"]),
    "binary": (bytes(range(256)) * 10, ["bad.swf"]),
    "truncated gzip": (gzip.compress(TINY.encode())[:-20], ["bad.swf", "gzip", "cut off"]),
    "corrupt gzip": (gzip.compress(TINY.encode())[:20] + b"x" * 60, ["bad.swf", "gzip"]),
    "word for a number": (TINY.encode() + b"9 fast -1 10 2 -1 -1 2 20 -1 1 1 1 -1 1 -1 -1 -1\n",
                          ["bad.swf:10", "field 2 (submit time)", "'fast'"]),
    "not a number": (with_job("nan"), ["bad.swf:10", "submit time", "nan"]),
    "infinite": (with_job("inf"), ["bad.swf:10", "submit time", "inf"]),
    "beyond reason": (with_job("1e300"), ["bad.swf:10", "submit time", "1e300"]),
    "too few fields": (TINY.encode() + b"9 100 -1 10 2\n", ["bad.swf:10", "5 fields", "18"]),
    "too many fields": (with_job("100").replace(b"-1 -1 -1\n", b"-1 -1 -1 7\n", 1), ["bad.swf:2", "19 fields"]),
    "half a processor": (TINY.encode() + b"9 100 -1 10 2.5 -1 -1 -1 20 -1 1 1 1 -1 1 -1 -1 -1\n",
                         ["bad.swf:10", "field 5 (allocated processors)", "2.5", "whole"]),
    "no job that can be replayed": (b"1 5 -1 -1 2 -1 -1 2 20 -1 1 1 1 -1 1 -1 -1 -1\n", ["bad.swf", "none of the 1 records", "run time is negative"]),
}  # fmt: skip


@pytest.mark.parametrize("case", LOGS)
@pytest.mark.parametrize("command", ["run", "simulate"])
def test_hostile_log(case, command, folder, capsys):
    content, words = LOGS[case]
    (folder / "bad.swf").write_bytes(content)
    (folder / "bad.yaml").write_text(GOOD.replace("tiny.swf", "bad.swf"))
    arguments = ["run", "bad.yaml"] if command == "run" else ["simulate", "bad.swf", "--cores", "4"]
    check_refused(folder, capsys, [*arguments, "--out", "results"], words)


def test_all_jobs_at_once_cannot_be_scaled_to_a_year(folder, capsys):
    (folder / "tiny.swf").write_text("".join(JOB.format(number=n, submit=5) for n in range(3)))
    check_refused(folder, capsys, ["run", "good.yaml", "--out", "results"], ["scaled to a year", "same time"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "tiny.swf", "--cores", "0", "--out", "results"], ["--cores", "0"]),
        (["simulate", "tiny.swf", "--cores", "four", "--out", "results"], ["--cores", "four"]),
        (["simulate", "tiny.swf", "--cores", "4", "--policy", "eazy", "--out", "results"], ["--policy", "'easy'"]),
        (["simulate", "tiny.swf", "--cores", "4"], ["--out"]),
        (["simulate", "nowhere.swf", "--cores", "4", "--out", "results"], ["nowhere.swf", "No such file"]),
        (["simulate", "good.yaml", "--cores", "4", "--out", "results"], ["good.yaml", "format"]),
        (["simulate", ".", "--cores", "4", "--format", "swf", "--out", "results"], ["directory"]),
        (["run", "good.yaml", "--out", "results", "--engine", "quantum"], ["--engine", "quantum"]),
        (["run", "good.yaml", "--out", "results", "--workers", "0"], ["--workers", "0"]),
        (["run", "good.yaml", "--out", "tiny.swf"], ["tiny.swf", "exists"]),
        (["run", "good.yaml", "--out", "tiny.swf/results"], ["tiny.swf"]),
        (["run", "good.yaml", "--out", ".", "--overwrite"], ["not a results directory"]),
        (["report", "."], ["summary.json", "results directory"]),
        (["report", "nowhere"], ["nowhere", "results directory"]),
        (["prices", "gpu>=8"], ["gpu", "did you mean 'gpus'"]),
        (["prices", "gpus>=many"], ["gpus", "many"]),
        (["fly"], ["fly"]),
        (["trace", "generate", "simple", "tiny.swf", "--jobs", "5", "--cores", "4"], ["tiny.swf", "exists already"]),
        (["trace", "fit", "tiny.swf", "-o", "good.yaml"], ["good.yaml", "exists already"]),
        (["trace", "generate", "simple", "nowhere/x.swf", "--jobs", "5", "--cores", "4"], ["nowhere/x.swf", "written"]),
    ],
)  # fmt: skip
def test_hostile_options(arguments, words, folder, capsys):
    check_refused(folder, capsys, arguments, words)


def test_results_that_exist_are_not_touched(folder, capsys):
    (folder / "results").mkdir()
    (folder / "results" / "precious").write_text("mine")
    check_refused(folder, capsys, ["run", "good.yaml", "--out", "results"], ["results", "exists", "--overwrite"])
    check_refused(folder, capsys, ["run", "good.yaml", "--out", "results", "--overwrite"], ["not a results directory"])
    assert (folder / "results" / "precious").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written_to(folder, capsys):
    (folder / "locked").mkdir(mode=0o500)
    check_refused(folder, capsys, ["run", "good.yaml", "--out", "locked/results"], ["locked", "cannot be written"])


def test_nothing_is_left_behind_when_writing_fails(folder, capsys, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pwsim.report.directory.write_report", fail)
    before = {path.name for path in folder.iterdir()}
    code, _, err = pwsim(capsys, "run", "--no-draws", "good.yaml", "--out", "results", "--workers", "1")
    assert (code, {path.name for path in folder.iterdir()}) == (3, before)
    assert "Interrupted" in err


def test_markup_in_a_name_stays_text(folder, capsys):
    (folder / "x.yaml").write_text(GOOD.replace("name: good", "name: <script>alert(1)</script>"))
    code, _, err = pwsim(capsys, "run", "--no-draws", "x.yaml", "--out", "results", "--workers", "1")
    assert code == 0, err
    page = (folder / "results" / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_closed_pipe_is_no_traceback(folder):
    command = f"{sys.executable} -m pwsim prices | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("provider,")
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
