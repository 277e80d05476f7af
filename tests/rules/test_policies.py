"""Orders that know more than a job's size: fair share, users' own functions; and depth, by hand."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from click.testing import CliRunner

from pwsim import Cluster, Trace, cli, generate, load_scenario, optimize, simulate
from pwsim.common.errors import InputError, ScenarioError
from pwsim.results.sweep import simulate_many
from pwsim.rules import BACKFILLS, ORDERS, POLICY_PATTERN, Policy, multifactor
from pwsim.rules.orders import PASSING_ORDERS
from pwsim.rules.words import policy_text
from tests.conftest import ENGINES
from tests.engine.test_engine import starts

AGING = '''"""Rules of our site."""

import functools
import json
import math


def aging(now, submit_s, estimate_s, procs):
    return estimate_s - 10 * (now - submit_s)


def by_text(now, submit_s, estimate_s, procs):
    return float(json.dumps(estimate_s))


def broken(now, submit_s, estimate_s, procs):
    return 1 / (procs - 2)


def nothing(now, submit_s, estimate_s, procs):
    return math.nan


@functools.cache
def decorated(now, submit_s, estimate_s, procs):
    return estimate_s


def wraps(now, submit_s, estimate_s, procs):
    return 1.0 / (procs**63 + procs**63)


def three(now, submit_s, estimate_s):
    return 0
'''


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """A folder with a user's rules, which is the current one."""
    (tmp_path / "my-rules.py").write_text(AGING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def machine(policy, pools=None, **more):
    pools = pools or [{"name": "p", "kind": "on_premises", "nodes": 1, "node": {"cores": 1}}]
    return Cluster.model_validate({"policy": policy, "pools": pools, **more})


def by_user(users, runs, submits=None):
    columns = {"submit_s": submits or [0] * len(users), "run_s": runs, "procs": [1] * len(users), "user": users}
    return Trace.from_columns(columns)


def test_every_policy_has_a_name_that_leads_back_to_it():
    names = [f"{order}-{backfill}" for order in ORDERS for backfill in BACKFILLS]
    names += [f"{order}-easy:{passing}" for order in ORDERS for passing in PASSING_ORDERS]
    for name in [*names, "a/b-c.py:own-easy:sjf", "own.py:own"]:
        policy = Policy.parse(name)
        assert Policy.parse(str(policy)) == policy
        assert policy_text(str(policy))


@pytest.mark.parametrize(
    "name", ["easy:wfp3", "conservative:sjf", "easy:", "sjf-", "-easy", "", "none", ".py:f", "x.py:3"]
)
def test_what_is_no_policy_is_refused(name):
    with pytest.raises(ValueError, match="must be a policy"):
        Policy.parse(name)


def test_users_share_the_machine(engine):
    # One processor.  Ann's first job runs from 0 to 10; at 10 she has used all there was: usage 1, share 1/2, so that her
    # factor is 2^-2 = 1/4, Bob's 2^0 = 1.  Bob's job comes next, though it was submitted last, then Ann's.
    trace = by_user(["ann", "ann", "bob"], [10, 5, 5], [0, 1, 2])
    cluster = machine("multifactor", multifactor={"age": 0})
    assert simulate(trace, cluster, engine=engine).replay.start_s.tolist() == [0, 15, 10]
    # With 16 shares of 17, her usage over share is 1.0625: factor 0.479, still less than Bob's 1.
    cluster = machine("multifactor", multifactor={"age": 0, "shares": {"ann": 16}})
    assert simulate(trace, cluster, engine=engine).replay.start_s.tolist() == [0, 15, 10]
    # With age alone, it is first come, first served.
    cluster = machine("multifactor", multifactor={"fair_share": 0})
    assert simulate(trace, cluster, engine=engine).replay.start_s.tolist() == [0, 10, 15]


def test_past_use_fades_by_half_in_a_half_life(engine):
    # Ann used 8 s from 0 to 8, Bob 8 s from 8 to 16 (his job was the only one).  At 16 both have a job: Ann's use has
    # faded more, so hers comes first, though submitted later.
    trace = by_user(["ann", "bob", "bob", "ann"], [8, 8, 4, 4], [0, 1, 9, 10])
    cluster = machine("multifactor", multifactor={"age": 0, "half_life": 8})
    assert simulate(trace, cluster, engine=engine).replay.start_s.tolist() == [0, 8, 20, 16]


def test_usage_is_the_integral_of_what_is_held_with_decay():
    usage, using, since_s = [0.0], [0.0], [0.0]
    decay = math.log(2) / 10
    multifactor.charge(5.0, 0, 3, usage, using, since_s, decay)
    multifactor.charge(25.0, 0, -3, usage, using, since_s, decay)
    seconds = np.arange(5, 25, 1e-3) + 5e-4
    wanted = float((3 * 2.0 ** (-(40 - seconds) / 10)).sum() * 1e-3)
    assert multifactor.decayed(40.0, 0, usage, using, since_s, decay) == pytest.approx(wanted, rel=1e-6)


def test_queues_and_sizes_have_priorities(engine):
    # Machine of 2, busy until 10.  Three jobs wait: the queue "urgent" first, then by size, wide ones first.
    trace = Trace.from_columns(
        {"submit_s": [0, 1, 2, 3], "run_s": [10, 5, 5, 5], "procs": [2, 1, 2, 2], "queue": ["", "", "", "urgent"]}
    )
    pools = [{"name": "p", "kind": "on_premises", "nodes": 2, "node": {"cores": 1}}]
    factors = {"age": 0, "fair_share": 0, "size": 1, "queue": 10, "queues": {"urgent": 5, "test": 1}}
    cluster = machine("multifactor", pools, multifactor=factors)
    assert simulate(trace, cluster, engine=engine).replay.start_s.tolist() == [0, 20, 15, 10]


def test_easy_can_pass_the_head_in_an_order_of_its_own(engine):
    # 4 processors; job 0 (3) until 10.  Head job 1 (4).  One is free; jobs 2 (5 s) and 3 (2 s) come at 1 in one pass.
    # EASY takes job 2 first (1 to 6), then job 3 (6 to 8).  EASY-SJBF takes job 3 first (1 to 3), then job 2 (3 to 8).
    jobs = [(0, 3, 10), (1, 4, 1), (1, 1, 5), (1, 1, 2)]
    assert starts(engine, 4, "easy", jobs) == [0, 10, 1, 6]
    assert starts(engine, 4, "easy:sjf", jobs) == [0, 10, 3, 1]


def test_depth_hides_jobs_from_backfilling(engine):
    # 4 processors; job 0 (3) until 10; head job 1 (4); job 2 (2) never fits beside job 0; job 3 (1, 2 s) would.
    trace = Trace.from_columns({"submit_s": [0, 1, 2, 3], "run_s": [10, 1, 1, 2], "procs": [3, 4, 2, 1]})
    assert simulate(trace, cores=4, policy="easy", engine=engine).replay.start_s.tolist() == [0, 10, 11, 3]
    assert simulate(trace, cores=4, policy="easy", depth=1, engine=engine).replay.start_s.tolist() == [0, 10, 11, 11]
    assert simulate(trace, cores=4, policy="easy", depth=2, engine=engine).replay.start_s.tolist() == [0, 10, 11, 3]
    # Conservative, depth 2: jobs 1 (at 10) and 2 (at 11) hold reservations, job 3 none until job 1 has started.
    got = simulate(trace, cores=4, policy="conservative", depth=2, engine=engine).replay.start_s.tolist()
    assert got == [0, 10, 11, 11]
    assert simulate(trace, cores=4, policy="conservative", engine=engine).replay.start_s.tolist() == [0, 10, 11, 3]


def test_a_users_own_order(rules, engine):
    # One processor until 10.  aging = estimate - 10 x wait: at 10 job 1 has 100 - 90 = 10, job 2 2 - 0 = 2 at 10.
    trace = Trace.from_columns({"submit_s": [0, 1, 10], "run_s": [10, 100, 2], "procs": [1, 1, 1]})
    cluster = machine("my-rules.py:aging")
    assert simulate(trace, cluster, engine=engine).replay.start_s.tolist() == [0, 12, 10]
    assert simulate(trace, cluster, engine=engine).replay.engine == engine


def test_what_numba_cannot_compile_runs_with_simpy_and_says_so(rules, caplog):
    trace = Trace.from_columns({"submit_s": [0, 1, 10], "run_s": [10, 100, 2], "procs": [1, 1, 1]})
    cluster = machine("my-rules.py:by_text-easy")
    result = simulate(trace, cluster)
    assert result.replay.engine == "simpy"
    assert "numba cannot compile" in caplog.text
    with pytest.raises(InputError, match="use the simpy engine"):
        simulate(trace, cluster, engine="compiled")


def test_a_decorated_order_runs_with_simpy(rules):
    trace = Trace.from_columns({"submit_s": [0, 1, 2], "run_s": [10, 100, 2], "procs": [1, 1, 1]})
    result = simulate(trace, machine("my-rules.py:decorated"))
    assert (result.replay.engine, result.replay.start_s.tolist()) == ("simpy", [0, 12, 10])


@pytest.mark.parametrize("kind", ["steady", "elastic"])
def test_an_order_that_only_python_can_work_out_is_refused_when_compiled(rules, kind):
    # Two to the 63rd, twice, is 0 in 64 bits: division by zero there, a small number in Python.
    trace = Trace.from_columns({"submit_s": [0, 1, 2], "run_s": [10, 10, 10], "procs": [4, 4, 2]})
    pool = {"name": "p", "kind": "on_premises", "nodes": 4, "node": {"cores": 1}}
    if kind == "elastic":
        pool = {**pool, "kind": "cloud", "price_usd_per_hour": 1.0}
    cluster = machine("my-rules.py:wraps", [pool])
    with pytest.raises(InputError, match=r"no number when compiled.*use the simpy engine"):
        simulate(trace, cluster)
    assert not np.isnan(simulate(trace, cluster, engine="simpy").replay.start_s).any()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("broken", r"procs=2\) failed: ZeroDivisionError"),
        ("nothing", r"must be a finite number \(got nan\)"),
    ],
)
def test_a_users_order_that_gives_no_number_is_reported(rules, engine, function, message):
    trace = Trace.from_columns({"submit_s": [0, 1, 2], "run_s": [10, 10, 10], "procs": [4, 4, 2]})
    pools = [{"name": "p", "kind": "on_premises", "nodes": 4, "node": {"cores": 1}}]
    with pytest.raises(InputError, match=message):
        simulate(trace, machine(f"my-rules.py:{function}", pools), engine=engine)


SCENARIO = {
    "name": "own",
    "workload": {"trace": "log.swf"},
    "cluster": {
        "policy": ["my-rules.py:aging-easy", "easy"],
        "pools": [
            {
                "name": "p",
                "kind": "on_premises",
                "nodes": [8, 16],
                "node": {"cores": 1},
                "cost": {"capex_usd": 1000, "lifetime_years": 5},
            }
        ],
    },
}


def write_scenario(folder, policy):
    from pwsim.trace.formats import swf

    swf.write(generate(jobs=50, cores=8, load=0.6, seed=1), folder / "log.swf")
    scenario = json.loads(json.dumps(SCENARIO))
    scenario["cluster"]["policy"] = policy
    (folder / "own.yaml").write_text(json.dumps(scenario))
    return folder / "own.yaml"


def test_code_of_a_scenario_runs_only_if_allowed(rules, tmp_path, monkeypatch):
    path = write_scenario(rules, ["my-rules.py:aging-easy", "easy"])
    monkeypatch.chdir(tmp_path.parent)  # the file is looked for beside the scenario
    scenario = load_scenario(path)
    with pytest.raises(InputError, match=r"the function aging in line 8 of .*my-rules.py, and what .*import json"):
        optimize(scenario)
    plan = optimize(scenario, allow_code=True, draws=False)
    assert set(plan.setups["policy"]) == {"my-rules.py:aging-easy", "easy"}
    assert "the order aging of my-rules.py" in policy_text("my-rules.py:aging-easy")


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("my-rules.py:agin-easy", "has no function 'agin'; it has aging, by_text"),
        ("my-rules.py:three", "must take four values by position: now, submit_s, estimate_s, procs"),
        ("gone.py:aging", "cannot be read: No such file"),
        ("log.swf.py:aging", "this is not Python"),
    ],
)
def test_code_that_cannot_run_is_an_error_of_the_scenario(rules, policy, message):
    path = write_scenario(rules, policy)
    (rules / "log.swf.py").write_text("1 2 3\n")
    with pytest.raises(ScenarioError, match=message) as caught:
        load_scenario(path)
    assert "cluster.policy" in str(caught.value)


def test_simulate_runs_code_only_if_allowed(rules):
    path = write_scenario(rules, "easy").with_name("log.swf")
    command = ["simulate", str(path), "--cores", "8", "--policy", "my-rules.py:aging-easy", "--out", "out"]
    refused = CliRunner().invoke(cli.commands, command)
    assert isinstance(refused.exception, InputError)
    assert "--allow-code" in str(refused.exception)
    assert not (rules / "out").exists()
    allowed = CliRunner().invoke(cli.commands, [*command, "--allow-code", "--depth", "5"])
    assert allowed.exit_code == 0, allowed.output
    assert json.loads((rules / "out" / "summary.json").read_text())["engine"] == "compiled"


@pytest.mark.parametrize("engine", ENGINES)
def test_many_setups_do_not_depend_on_the_number_of_workers(engine):
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    clusters = [Cluster.homogeneous(cores, policy) for cores in (16, 18) for policy in ("easy", "sjf")]
    one, two = (list(simulate_many(trace, clusters, engine=engine, workers=workers)) for workers in (1, 2))
    for first, second, cluster in zip(one, two, clusters, strict=True):
        np.testing.assert_array_equal(first.replay.start_s, second.replay.start_s)
        np.testing.assert_array_equal(first.replay.start_s, simulate(trace, cluster).replay.start_s)


NAMES = """easy none easy-none sjf sjf-easy:f1 fcfs-easy:fcfs easy:wfp3 conservative:sjf sjf-none own.py:aging
a/own.py:aging-easy:sjf .py:aging own.py:aging-none:sjf sjfeasy sjf-"""
"""Names of policies, some of which are wrong."""


@pytest.mark.parametrize("name", [*NAMES.split(), ""])
def test_the_schema_knows_a_policy_where_it_is_read(name):
    try:
        Policy.parse(name)
        known = True
    except ValueError:
        known = False
    assert (re.search(POLICY_PATTERN, name) is not None) == known
