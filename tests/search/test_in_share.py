"""Targets that must hold in a share of draws: what is chosen, against brute force, by every way a search goes."""

# Questions are plain data here, as in a scenario file.
# mypy: disable-error-code="arg-type, index, union-attr"

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, InputError, Plan, Target, Trace, costs, generate, optimize, simulate
from pwsim.prices import UNDISCOUNTED
from pwsim.search import Progress, complete_targets, decomposition, search, simulate_and_cut, verify
from pwsim.search.deciding import Deciding
from pwsim.search.holding import Holding
from pwsim.search.replications import Replications
from pwsim.workload import Population
from tests.search.test_decomposition import WITH_SPAN
from tests.search.test_plan import cluster_of, own, rented
from tests.search.test_sequential import by_the_book

FREE = Target(metric="rejected_work_share", at_most=1)
SOON = Target(metric="wait_s", statistic="p50", at_most=8)
RULES = st.sampled_from([("0.5", "0.4", "0.4"), ("0.9", "0.6", "0.4"), ("1", "0.6", "0.3")])


def replications_of(rule: tuple[str, str, str], n: int, by: list[str]) -> tuple[float, Replications]:
    """Return the share and the draws of a rule."""
    share, margin, error = map(float, rule)
    return share, Replications(n=n, by=by, margin=margin, error=error)


def every_setup(trace: Trace, cluster: Cluster, targets: list[Target]) -> list[tuple[float, Any, tuple[int, ...]]]:
    """Return cost, nodes with policy, and rank of each setup that meets what must hold in the log's own replay."""
    firm = [one for one in complete_targets(Holding(trace, cluster), targets) if one.in_share is None]
    found = []
    for counts in itertools.product(*(pool.nodes for pool in cluster.pools)):
        nodes = {pool.name: count for pool, count in zip(cluster.pools, counts, strict=True)}
        for place, policy in enumerate(cluster.policy):
            result = simulate(trace, cluster.at(nodes, policy))
            bill = result.bill(UNDISCOUNTED)
            if all(one.met(one.achieved(result, bill)) for one in firm):
                found.append((costs.total(bill.cost), (nodes, policy), (*counts, place)))
    return found


def in_order(every: list[tuple[float, Any, tuple[int, ...]]]) -> list[Any]:
    """Return setups by cost; of those that cost as much as the cheapest that is left, the first in rank."""
    left, found = list(every), []
    while left:
        most = min(usd for usd, _, _ in left) * (1 + 1e-9)
        best = min((one for one in left if one[0] <= most), key=lambda one: one[2])
        left.remove(best)
        found.append(best)
    return found


def held(
    trace: Trace, cluster: Cluster, targets: list[Target], setup: Any, population: Population, n: int
) -> list[bool]:
    """Return in which draws a setup meets the targets with ``in_share``, each replayed by itself."""
    found = []
    for number in range(1, n + 1):
        draw = population.draw(number)
        result = simulate(draw.trace, cluster.at(*setup), seed=draw.seed)
        found.append(all(one.met(one.achieved(result)) for one in targets if one.in_share is not None))
    return found


CHOICES = st.sampled_from(
    [
        [own([0, 1, 2]), rented([0, 1, 2], 0.05)],
        [own([0, 1, 2, 3], cores=1, cost={"capex_usd": 0, "lifetime_years": 5}), rented([0, 2], 0.05)],
    ]
)


@given(
    trace=WITH_SPAN,
    pools=CHOICES,
    rule=RULES,
    limit=st.sampled_from([0, 2, 8, 60]),
    firm=st.sampled_from([None, Target(metric="wait_s", statistic="mean", at_most=30)]),
    method=st.sampled_from(["by_setup", "listed", "programme"]),
    workers=st.sampled_from([1, 3]),
)
@settings(max_examples=5)
def test_it_decides_in_the_order_of_cost_as_brute_force_does(trace, pools, rule, limit, firm, method, workers):
    """Whichever way the search goes, and however many draws are replayed at once."""
    cluster = cluster_of(*pools, policy=["fcfs", "easy"])
    share, drawn = replications_of(rule, 12, ["shake"])
    late = Target(metric="wait_s", statistic="p50", at_most=limit, in_share=share)
    targets = [late, FREE, *([] if firm is None else [firm])]
    population = Population(trace, drawn.by, 1)
    order = in_order(every_setup(trace, cluster, targets))
    fates = [held(trace, cluster, targets, setup, population, drawn.n) for _, setup, _ in order]
    expected = by_the_book(fates, rule, drawn.n)
    with pytest.MonkeyPatch.context() as patch:
        if method == "by_setup":
            patch.setattr(simulate_and_cut, "coupling", lambda *_: "a test asks for it")
        elif method == "programme":
            patch.setattr(decomposition, "MOST_LISTED", 0)
        plan = search(trace, cluster, targets, workers=workers, replications=drawn)
    check(plan, order, expected)
    if method != "by_setup":  # verify is not told that pools meet
        assert verify(plan.judge, plan.summary, plan.tables()).differences == ()


def check(plan: Plan, order: list[Any], expected: list[tuple[int, int, str]]) -> None:
    """Compare a plan with what is to be decided of each setup in its order."""
    names = [f"nodes_{pool.name}" for pool in plan.result.cluster.pools]
    told = plan.setups[plan.setups["draws"] > 0].set_index([*names, "policy"])
    assert len(told) == len(expected)
    for (usd, (nodes, policy), _), decided in zip(order, expected, strict=False):
        one = told.loc[(*nodes.values(), str(policy))]
        assert (one["draws"], one["draws_met"], one["decision"]) == decided
        assert one["cost_usd_per_year"] == pytest.approx(usd, rel=1e-9)
        assert one["meets_targets"] == (decided[2] == "accepted")
    usd = [one[0] for one in order]
    undecided = [cost for cost, one in zip(usd, expected, strict=False) if one[2] == "undecided"]
    accepted = bool(expected) and expected[-1][2] == "accepted"
    status = {
        (True, False): "optimal",
        (True, True): "best_found",
        (False, False): "infeasible",
        (False, True): "unknown",
    }
    assert plan.status == status[accepted, bool(undecided)]
    assert plan.stopped == ("undecided" if undecided else None)
    if accepted:
        assert (plan.chosen.nodes, plan.chosen.policy) == order[len(expected) - 1][1]
        assert plan.cost_usd_per_year == pytest.approx(usd[len(expected) - 1], rel=1e-9)
    least = min([*undecided, *([plan.cost_usd_per_year] if accepted else [])], default=np.inf)
    assert plan.lower_bound_usd_per_year == pytest.approx(least, rel=1e-9)
    assert plan.summary["answer"]


# On one node of one core, the second job waits for 50 s.  In draws, its submission minus that of the first is 50 s and the
# sum of two uniform moves of up to 60 s; who comes second waits for more than 60 s if that is between -40 and 40 s.  So it is
# in (110 ** 2 - 30 ** 2) / (2 * 120 ** 2) of the draws, and the target holds in 61.1 % of them.
PAIR = Trace.from_columns({"submit_s": [0, 50, 10_000], "run_s": [100, 100, 1], "procs": [1, 1, 1]}, name="pair")
NODES = own([1, 2, 3], cores=1)
WAIT: dict[str, Any] = {"metric": "wait_s", "statistic": "max", "at_most": 60}


def asked(**told: Any) -> Plan:
    """Return what is found for the pair of jobs."""
    question = {"pools": [NODES], "targets": [{**WAIT, "in_share": 0.9}], "replications": {"by": ["shake"]}}
    return optimize(trace=PAIR, **{**question, **told})


def test_what_holds_in_the_log_may_be_refused_by_draws():
    firm, plan = asked(targets=[WAIT], replications=None), asked()
    assert (firm.chosen.nodes, plan.chosen.nodes) == ({"own": 1}, {"own": 2})
    one, two = plan.setups.to_dict("records")
    assert (one["decision"], two["decision"]) == ("refused", "accepted")
    assert (one["meets_targets"], two["meets_targets"]) == (False, True)
    assert one["target_0_achieved"] == 50
    assert two["draws"] == two["draws_met"] == plan.decided.draws
    assert "decision" not in firm.setups
    assert "in_share" not in firm.summary["targets"][0]
    assert "decisions" not in firm.summary
    told = plan.summary
    assert "at share 0.9, margin 0.05, error 0.05; 2 replayed" in told["answer"]
    assert told["targets"][0]["text"] == "largest waiting time at most 1 min, in 90 % of the draws"
    assert told["certificate"]["sure"].startswith(
        "At share 0.9, margin 0.05, error 0.05: the chance that the search acc"
    )
    assert told["decisions"]["setups_drawn"] == 2
    assert told["decisions"]["draws"] == one["draws"] + two["draws"]
    [binding, _] = told["binding"]
    assert binding["without_it"]["draws_met"] == one["target_0_draws_met"]
    assert verify(plan.judge, plan.summary, plan.tables()).verified


def test_it_is_chosen_what_misses_in_the_log_but_holds_in_the_draws():
    """Here the log is bad luck: two jobs come at once, and one waits for all of the other's 50 s."""
    unlucky = Trace.from_columns({"submit_s": [0, 0, 10_000], "run_s": [50, 50, 1], "procs": [1, 1, 1]}, name="unlucky")
    often = {**WAIT, "at_most": 49, "in_share": 0.5}  # within 1 s of one another they are in 1.6 % of the draws
    plan = optimize(trace=unlucky, pools=[NODES], targets=[often], replications={"by": ["shake"]})
    assert (plan.chosen.nodes, plan.summary["targets"][0]["met"]) == ({"own": 1}, True)
    assert plan.summary["targets"][0]["achieved"] == 50


def test_too_few_draws_to_decide_are_said_and_nothing_is_called_proven():
    """A target that holds in 61 % of the draws is between 59 and 63 %: 200 draws do not tell."""
    plan = asked(targets=[{**WAIT, "in_share": 0.63}], replications={"by": ["shake"], "margin": 0.04})
    assert (plan.status, plan.stopped, plan.chosen.nodes) == ("best_found", "undecided", {"own": 2})
    one = plan.setups.iloc[0]
    assert (one["decision"], one["meets_targets"]) == ("undecided", False)
    assert plan.lower_bound_usd_per_year == one["cost_usd_per_year"]
    told = plan.summary
    assert [each["nodes"] for each in told["decisions"]["undecided"]] == [{"own": 1}]
    assert "do not decide the setup of 1 of own; easy" in told["answer"]
    assert plan.cut_short_after is None  # nothing depends on the clock
    assert verify(plan.judge, plan.summary, plan.tables()).verified


def test_none_that_holds_often_enough_is_proven():
    plan = asked(pools=[own([1], cores=1)])
    assert (plan.status, plan.chosen) == ("infeasible", None)
    target = plan.summary["targets"][0]
    assert (target["met"], target["draws"]) == (False, plan.setups["draws"][0])
    assert f"it holds in {target['draws_met']} of {target['draws']} draws" in plan.summary["answer"]
    assert plan.summary["relaxations"] == []
    assert verify(plan.judge, plan.summary, plan.tables()).verified


def test_a_limit_on_setups_decides_those_that_are_known():
    plan = asked(pools=[own([1, 2, 3, 4], cores=1)], max_setups=2)
    assert (plan.status, plan.chosen.nodes) == ("optimal", {"own": 2})
    short = asked(max_setups=1)
    assert (short.status, short.stopped, short.chosen) == ("unknown", "max_setups", None)
    assert short.setups["decision"].tolist() == ["refused"]


def test_where_time_is_over_before_anything_is_decided_nothing_is_chosen():
    plan = asked(time_limit_s=1e-9)
    assert (plan.status, plan.stopped, plan.chosen) == ("unknown", "time_limit", None)
    assert plan.setups["draws"].tolist() == [0]
    assert "No setup is known to meet all targets yet" in plan.summary["answer"]
    assert "on draws it was not decided" in plan.summary["answer"]
    judge = plan.judge
    one = judge.evaluate((1,), judge.cluster.procedures[0])
    deciding = Deciding(judge)
    deciding.note(one.setup, {})
    assert deciding.decide(one, 2, lambda number: number < 9) is None
    assert not deciding.accepted


def test_how_far_a_decision_is_is_told():
    said: list[Progress] = []
    asked(progress=said.append, workers=2)
    assert [one.draw for one in said if one.draw][:1] == [1]
    assert {one.draw for one in said if not one.part} == {0, 1, 21, 41, 61, 81}


def test_targets_that_must_hold_in_draws_bound_nothing_of_the_log():
    """A throughput that the log itself cannot have does not make the search infeasible before any replay."""
    much = {"metric": "throughput_jobs_per_hour", "at_least": 5, "in_share": 0.2}
    plan = asked(targets=[much], replications={"by": ["shake"], "margin": 0.1})
    assert plan.judge.firm == plan.targets[1:]
    assert (plan.status, plan.setups["decision"].tolist()) == ("infeasible", ["refused"] * 3)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"replications": None},
            "targets.0.in_share: a share of draws is asked, but nothing says what is drawn: add `rep",
        ),
        ({"replications": {"by": ["weeks"]}}, "replications.by: weeks cannot be drawn of a log of"),
        ({"replications": {"n": 20}}, "replications.n: 20 draws cannot show that a setup holds in a share of 0.9"),
        ({"minimise": {"metric": "makespan_s"}}, "minimise: does not go with in_share, which targets.0 has"),
    ],
)
def test_what_does_not_go_together_is_said(told, message):
    with pytest.raises(InputError, match=message):
        asked(**told)


@pytest.mark.parametrize("change", ["draws", "draws_met", "decision", "target_0_draws_met"])
def test_whatever_is_changed_of_the_draws_is_noticed(change):
    plan = asked()
    tables = plan.tables()
    value = "undecided" if change == "decision" else tables["setups"][change][0] - 1
    changed = tables["setups"].astype({change: object})
    changed.loc[0, change] = value
    shown = verify(plan.judge, plan.summary, {**tables, "setups": changed})
    assert any(f": {change} is told as" in one for one in shown.differences)


@pytest.mark.slow
def test_it_chooses_what_brute_force_over_1000_draws_of_each_setup_does():
    """Or what differs by no more than the margin: for 30 logs, each with a target of its own."""
    differ = 0
    for seed in range(30):
        trace = generate(jobs=60, cores=6, load=0.7, seed=seed)
        cluster = cluster_of(own([2, 3, 4, 5, 6], cores=1), rented([0, 1, 2], 0.01, cores=1))
        share, drawn = replications_of(("0.8", "0.1", "0.05"), 1000, ["shake"])
        firm = simulate(trace, cluster.at({"own": 5, "rented": 1}, cluster.policy[0])).metrics["wait_s_p90"]
        late = Target(metric="wait_s", statistic="p90", at_most=firm, in_share=share)
        plan = search(trace, cluster, [late, FREE], replications=drawn)
        population = Population(trace, drawn.by, 1)
        order = in_order(every_setup(trace, cluster, [late, FREE]))
        true = [np.mean(held(trace, cluster, [late], setup, population, 1000)) for _, setup, _ in order]
        good = next((index for index, one in enumerate(true) if one >= share), len(order))
        chosen = [index for index, one in enumerate(order) if plan.chosen and one[1] == tuple(plan.chosen)[:2]]
        found = chosen[0] if chosen else len(order)
        assert found <= good or plan.stopped == "undecided"
        assert found == len(order) or true[found] > share - drawn.margin
        differ += found != good
    assert differ <= 10
