"""Years whose targets must hold in a share of draws: against brute force over all setups, draws and purchases."""

# Questions are plain data here, as in a scenario file, and what a plan may lack is there.
# mypy: disable-error-code="arg-type, union-attr, attr-defined, index"

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, InputError, Target, optimize, simulate
from pwsim.prices import Economics
from pwsim.search import Holding, complete_targets
from pwsim.search.horizon import Horizon, plan_years
from pwsim.search.horizon.question import error_of_each
from pwsim.search.horizon.year import workload_of
from pwsim.search.replications import Replications
from pwsim.workload import Population
from tests.search.horizon import test_years
from tests.search.horizon.test_years import FREE, MONTHLY, WITH_SPAN, brute_force
from tests.search.test_in_share import PAIR, held, in_order
from tests.search.test_plan import own, rented
from tests.search.test_sequential import by_the_book

FEW = Replications(n=40, by=["shake"], margin=0.6, error=0.4)
POOLS = st.sampled_from([[own([0, 1, 2], cost=MONTHLY)], [own([0, 2], cost=MONTHLY), rented([0, 1, 2], 0.03)]])


def runs_on_draws(trace, cluster, targets, horizon, economics, found):
    """Return for each year what each choice of own nodes costs to run, of setups that draws accept; note the rest."""
    names = [pool.name for pool in cluster.pools if pool.kind == "on_premises"]
    error = error_of_each(horizon, cluster, targets, FEW)
    cheapest = []
    for year in range(1, horizon.years + 1):
        jobs = workload_of(trace, horizon, year, 1)
        asked = complete_targets(Holding(jobs, cluster), targets)
        population, groups = Population(jobs, FEW.by, 1), dict[tuple[int, ...], list[Any]]()
        for counts in itertools.product(*(pool.nodes for pool in cluster.pools)):
            nodes = {pool.name: count for pool, count in zip(cluster.pools, counts, strict=True)}
            setup = nodes, cluster.policy[0]
            result = simulate(jobs, cluster.at(*setup))
            bill = result.bill(economics)
            if all(one.met(one.achieved(result, bill)) for one in asked if one.in_share is None):
                usd = sum(usd for part, usd in bill.cost.items() if part != "capex_usd_per_year")
                groups.setdefault(tuple(nodes[name] for name in names), []).append((usd, setup, counts))
        accepted = {}
        for group, every in groups.items():
            order = in_order(every)
            fates = [held(jobs, cluster, asked, setup, population, FEW.n) for _, setup, _ in order]
            decided = by_the_book(fates, ("0.9", "0.6", str(error)), FEW.n)
            found += [one[2] for one in decided]
            if decided and decided[-1][2] == "accepted":
                accepted[group] = order[len(decided) - 1][0]
        cheapest.append(accepted)
    return names, cheapest


ASKED = {
    "trace": WITH_SPAN, "pools": POOLS, "limit": st.sampled_from([0, 8, 60]), "growth": st.sampled_from([0.0, 1.0]),
    "sell": st.booleans(),
}  # fmt: skip


@given(**ASKED)
@settings(max_examples=3, deadline=None)
def test_the_plan_is_what_brute_force_over_draws_finds(trace, pools, limit, growth, sell):
    compare(trace, pools, limit, growth, sell)


@pytest.mark.slow
@given(**ASKED)
@settings(max_examples=100, deadline=None)
def test_many_plans_are_what_brute_force_over_draws_finds(trace, pools, limit, growth, sell):
    compare(trace, pools, limit, growth, sell)


def compare(trace, pools, limit, growth, sell):
    cluster, economics = Cluster.model_validate({"pools": pools}), Economics(discount_rate=0.05)
    horizon = Horizon(years=2, load_growth=growth, sell_early=sell)
    targets = [Target(metric="wait_s", statistic="p50", at_most=limit, in_share=0.9), FREE]
    decisions: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_years, "runs", functools.partial(runs_on_draws, found=decisions))
        best = brute_force(trace, cluster, targets, horizon, economics)
    found = plan_years(trace, cluster, targets, horizon, economics=economics, workers=1, replications=FEW)
    if math.isinf(best):
        assert found.purchases is None
        assert (found.status == "infeasible") or "undecided" in decisions
        return
    assert found.net_present_cost_usd == pytest.approx(best, rel=1e-7, abs=1e-6)
    if "undecided" not in decisions:
        assert (found.status, found.gap) == ("optimal", 0)
    for year, one in zip(found.years, found.chosen, strict=True):
        assert one.decided.decision == "accepted"
        assert year.judge.shared


OWN = own([1, 2, 3], cores=1)
LATE = {"metric": "wait_s", "statistic": "max", "at_most": 60}


def planned(targets, **how):
    """Return the plan over two years for the pair of jobs."""
    asked = {"horizon": Horizon(years=2), "economics": Economics(), "workers": 1, **how}
    cluster = Cluster.model_validate({"pools": [OWN]})
    return plan_years(PAIR, cluster, targets, asked.pop("horizon"), **asked)


def test_a_year_takes_what_its_draws_accept():
    """In the log, one node does; in draws, 61 % do (tests/search/test_in_share.py)."""
    often, drawn = Target(**LATE, in_share=0.9), Replications(by=["shake"], n=200)
    firm, found = planned([Target(**LATE)]), planned([often], replications=drawn)
    assert [one.setup.nodes["own"] for one in firm.chosen] == [1, 1]
    assert [one.setup.nodes["own"] for one in found.chosen] == [2, 2]
    # Two years of three choices: a ratio of 2 × 6 / 0.05 accepts, and (18/17)^96 is the first above; 20 draws screen.
    assert [one.decided.draws for one in found.chosen] == [20 + 96] * 2
    told = found.summary
    assert told["decisions"]["share"] == 0.9
    assert "at share 0.9, margin 0.05, error 0.05 over the plan" in told["text"]
    assert told["plan"][0]["targets"][0]["draws"] == found.chosen[0].decided.draws
    assert "decisions" not in firm.summary


def test_a_target_may_ask_for_a_share_from_some_year_on():
    horizon = Horizon(years=2, targets=[{**LATE, "in_share": 0.9, "from_year": 2}])
    found = planned([Target(**LATE)], horizon=horizon, replications=Replications(by=["shake"], n=200))
    assert [one.setup.nodes["own"] for one in found.chosen] == [1, 2]


def test_what_draws_do_not_decide_is_not_called_proven():
    """A target that holds in 61 % of the draws is between 59 and 63 %."""
    near = Target(**LATE, in_share=0.63)
    found = planned([near], replications=Replications(by=["shake"], n=200, margin=0.04))
    assert (found.status, found.stopped) == ("best_found", "undecided")
    assert found.lower_bound_usd < found.net_present_cost_usd
    assert "Draws do not decide 2 setups of its years" in found.summary["text"]


def test_years_without_a_setup_are_said_with_their_draws():
    cluster = Cluster.model_validate({"pools": [own([1], cores=1)]})
    often = Target(**LATE, in_share=0.9)
    found = plan_years(
        PAIR,
        cluster,
        [often],
        Horizon(years=2),
        economics=Economics(),
        workers=1,
        replications=Replications(by=["shake"]),
    )
    assert (found.status, found.purchases) == ("infeasible", None)
    assert "draws instead of 90 %" in found.summary["text"]


def test_no_time_for_draws_is_said():
    found = planned([Target(**LATE, in_share=0.9)], replications=Replications(by=["shake"]), time_limit_s=1e-9)
    assert (found.status, found.stopped) == ("unknown", "time_limit")


def test_too_few_draws_for_a_plan_are_said_before_it():
    often = {**LATE, "in_share": 0.9}
    with pytest.raises(
        InputError, match=r"replications\.n: 100 draws cannot show .* horizon shares the error 0.05 out"
    ):
        optimize(
            trace=PAIR, pools=[OWN], targets=[often], horizon={"years": 2}, replications={"by": ["shake"], "n": 100}
        )


def test_the_error_is_shared_out_to_years_on_draws_and_choices_of_own_nodes():
    cluster = Cluster.model_validate({"pools": [own([1, 2, 3], cores=1), rented([0, 2], 0.05)]})
    plain, often = Target(**LATE), Target(**LATE, in_share=0.9)
    later = Horizon(years=5, targets=[{**LATE, "in_share": 0.9, "from_year": 4}])
    assert error_of_each(Horizon(years=5), cluster, [often], FEW) == pytest.approx(0.4 / 15)
    assert error_of_each(later, cluster, [plain], FEW) == pytest.approx(0.4 / 6)
