"""Plans over years: against brute force over all purchases, beside the search of one year, and what they refuse."""

# Questions are plain data here, as in a scenario file, and what a plan may lack is there.
# mypy: disable-error-code="arg-type, union-attr, attr-defined, index"

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import Cluster, InputError, Target, Trace, costs, generate, optimize, simulate
from pwsim.common.solver import OutOfTimeError, solve
from pwsim.costs.annual import annuity_usd
from pwsim.prices import Economics
from pwsim.search import Holding, answer, complete_targets, search
from pwsim.search.horizon import Horizon, plan_years, programme
from pwsim.search.horizon.year import workload_of
from tests.search.test_plan import COST, own, rented
from tests.search.test_types import kind, typed
from tests.strategies import traces

FREE = Target(metric="rejected_work_share", at_most=1)
WITH_SPAN = traces.filter(lambda trace: trace.span_s > 2)
MONTHLY = {**COST, "lifetime_years": 2, "residual_share": 0.1, "opex_usd_per_year": 50, "site_usd_per_year": 30}
POOLS = st.sampled_from(
    [
        [own([0, 1, 2], cost=MONTHLY)],
        [own([0, 2], cost={"capex_usd": 400, "lifetime_years": 1}), rented([0, 1], 0.03)],
        [rented([0, 2], 0.02, accepts={"procs": {"at_most": 2}}), own([0, 1, 2], cost=MONTHLY)],
        [own([1, 2]), rented([0, 1], 0.05, always_up=False, placement="nodes", burst_after=1)],
        [own([0, 1], cost=MONTHLY), own([0, 1], "more", 4, cost={"capex_usd": 900, "lifetime_years": 3})],
    ]
)
TARGETS = st.one_of(
    st.just([FREE]),
    st.builds(
        lambda statistic, limit: [Target(metric="wait_s", statistic=statistic, at_most=limit), FREE],
        st.sampled_from(["mean", "p50", "max"]), st.sampled_from([0, 1, 3, 8]),
    ),
)  # fmt: skip
HORIZONS = st.fixed_dictionaries(
    {
        "years": st.sampled_from([2, 3]),
        "load_growth": st.sampled_from([0.0, 0.5, 1.0, -0.5]),
        "capex_change": st.sampled_from([0.0, -0.3, 0.4]),
        "residual": st.sampled_from(["annuity", "linear", "none"]),
        "sell_early": st.booleans(),
        "owned": st.sampled_from([{}, {"own": [{"nodes": 1, "age_years": 0}]}]),
    }
)


def worth_usd(cost, age, rate, residual, price):
    """Return what a node is worth, year by year: interest comes to it and the annuity goes off."""
    if age >= cost.lifetime_years:
        return cost.residual_share * price
    if residual == "none":
        return 0.0
    left = price
    for _ in range(age):
        if residual == "linear":
            left -= (1 - cost.residual_share) * price / cost.lifetime_years
        else:
            left = left * (1 + rate) - annuity_usd(price, cost.residual_share, rate, cost.lifetime_years)
    return left


def runs(trace, cluster, targets, horizon, economics):
    """Return for each year what each choice of own nodes costs to run at least, of all setups that meet the targets."""
    names = [pool.name for pool in cluster.pools if pool.kind == "on_premises"]
    found = []
    for year in range(1, horizon.years + 1):
        jobs, cheapest = workload_of(trace, horizon, year, 1), dict[tuple[int, ...], float]()
        asked = complete_targets(Holding(jobs, cluster), horizon.targets_of(year, targets))
        for counts in itertools.product(*(pool.nodes for pool in cluster.pools)):
            nodes = {pool.name: count for pool, count in zip(cluster.pools, counts, strict=True)}
            for policy in cluster.policy:
                result = simulate(jobs, cluster.at(nodes, policy))
                bill = result.bill(economics)
                if all(one.met(one.achieved(result, bill)) for one in asked):
                    usd = sum(usd for part, usd in bill.cost.items() if part != "capex_usd_per_year")
                    key = tuple(nodes[name] for name in names)
                    cheapest[key] = min(usd, cheapest.get(key, math.inf))
        found.append(cheapest)
    return names, found


def cohorts_of(horizon, pool, most):
    """Yield all ways to have nodes of a pool: (first year, price, nodes bought, sold after each year)."""
    years, life = horizon.years, int(pool.cost.lifetime_years)
    first: list[Any] = [(1 - one.age_years, 0.0, [one.nodes]) for one in horizon.owned.get(pool.name, ())]
    first += [
        (year, pool.cost.capex_usd * (1 + horizon.capex_change) ** (year - 1), range(most + 1))
        for year in range(1, years + 1)
    ]
    ways = []
    for begin, paid, counts in first:
        after = list(range(max(begin, 1), min(begin + life - 1, years))) if horizon.sell_early else []
        ways.append(
            [
                (begin, paid, count, dict(zip(after, sold, strict=True)))
                for count in counts
                for sold in itertools.product(range(count + 1), repeat=len(after))
                if sum(sold) <= count
            ]
        )
    return itertools.product(*ways)


def of_pool(horizon, pool, rate, most):
    """Return the least capital cost of each row of nodes that stand, by year."""
    cost, years, best = pool.cost, horizon.years, dict[tuple[int, ...], float]()
    life = int(cost.lifetime_years)
    for cohorts in cohorts_of(horizon, pool, most):
        stand, usd = [0] * years, 0.0
        for begin, paid, count, sold in cohorts:
            price = paid or cost.capex_usd
            usd += count * paid / (1 + rate) ** (begin - 1) if paid else 0.0
            left = count
            for year in range(max(begin, 1), min(begin + life - 1, years) + 1):
                stand[year - 1] += left
                last = year == min(begin + life - 1, years)
                leave = left if last else sold.get(year, 0)
                worth = worth_usd(cost, year - begin + 1, rate, horizon.residual, price)
                usd -= leave * worth / (1 + rate) ** year
                left -= leave
        key = tuple(stand)
        best[key] = min(usd, best.get(key, math.inf))
    return best


def brute_force(trace, cluster, targets, horizon, economics):
    """Return the least net present cost of all plans; infinite if there is none."""
    names, cheapest = runs(trace, cluster, targets, horizon, economics)
    rate = economics.discount_rate
    pools = [pool for pool in cluster.pools if pool.name in names]
    capital = [of_pool(horizon, pool, rate, pool.nodes[-1]) for pool in pools]
    best = math.inf
    for stands in itertools.product(*capital):
        usd = sum(each[one] for each, one in zip(capital, stands, strict=True))
        for year, some in enumerate(cheapest):
            can = [cost for own, cost in some.items() if all(n <= s[year] for n, s in zip(own, stands, strict=True))]
            usd += min(can, default=math.inf) / (1 + rate) ** (year + 1)
        best = min(best, usd)
    return best


ASKED = {
    "trace": WITH_SPAN, "pools": POOLS, "targets": TARGETS, "asked": HORIZONS, "rate": st.sampled_from([0.0, 0.05, 0.5]),
    "policy": st.sampled_from([["easy"], ["fcfs", "easy"]]),
}  # fmt: skip


@given(**ASKED)
@settings(max_examples=10, deadline=None)
def test_the_plan_is_what_brute_force_finds(trace, pools, targets, asked, rate, policy):
    compare(trace, pools, targets, asked, rate, policy)


@pytest.mark.slow
@given(**ASKED)
@settings(max_examples=300, deadline=None)
def test_many_plans_are_what_brute_force_finds(trace, pools, targets, asked, rate, policy):
    compare(trace, pools, targets, asked, rate, policy)


def compare(trace, pools, targets, asked, rate, policy):
    cluster = Cluster.model_validate({"policy": policy, "pools": pools})
    horizon, economics = Horizon(**asked), Economics(discount_rate=rate)
    best = brute_force(trace, cluster, targets, horizon, economics)
    found = plan_years(trace, cluster, targets, horizon, economics=economics, workers=1)
    if math.isinf(best):
        assert (found.status, found.purchases, found.lower_bound_usd) == ("infeasible", None, math.inf)
        assert found.summary["missed"]
        return
    assert (found.status, found.gap) == ("optimal", 0)
    assert found.net_present_cost_usd == pytest.approx(best, rel=1e-7, abs=1e-6)
    check_table(found, cluster)


def check_table(found, cluster):
    """The table sums up to the net present cost, and its nodes add up from year to year."""
    table = found.table
    assert table["discounted_usd"].sum() == pytest.approx(found.net_present_cost_usd, rel=1e-9, abs=1e-6)
    assert (table["standing_nodes"].dropna() >= table["nodes"][table["standing_nodes"].notna()]).all()
    for pool in cluster.pools:
        mine = table[(table["pool"] == pool.name) & table["standing_nodes"].notna()]
        stood = mine["standing_nodes"].to_numpy()[:-1] - mine["retired_nodes"].to_numpy()[:-1]
        assert (stood + mine["bought_nodes"].to_numpy()[1:] == mine["standing_nodes"].to_numpy()[1:]).all()


@given(trace=WITH_SPAN, pools=POOLS, targets=TARGETS, rate=st.sampled_from([0.0, 0.05, 0.5]))
@settings(max_examples=8, deadline=None)
def test_one_year_costs_what_the_search_finds(trace, pools, targets, rate):
    """At the end of the year, nodes are worth what is left to pay of their annuity."""
    cluster, economics = Cluster.model_validate({"pools": pools}), Economics(discount_rate=rate)
    plan = search(trace, cluster, targets, economics=economics, workers=1)
    found = plan_years(trace, cluster, targets, Horizon(years=1), economics=economics, workers=1)
    assert found.status == plan.status
    if plan.chosen is not None:
        assert found.net_present_cost_usd * (1 + rate) == pytest.approx(plan.cost_usd_per_year, rel=1e-9)
        assert found.chosen[0].setup.nodes == plan.chosen.nodes or found.chosen[0].cost_usd_per_year >= 0


LOG = generate(jobs=120, cores=12, load=0.7, seed=2)
SOON = Target(metric="wait_s", statistic="p95", at_most="4 h")
OWN = own(list(range(1, 9)), cores=4, cost={**COST, "capex_usd": 3000, "lifetime_years": 3})


def planned(*, trace=LOG, pools=(OWN,), targets=(SOON,), economics=Economics(), how=None, **asked):  # noqa: B008 - frozen
    cluster = Cluster.model_validate({"pools": list(pools)})
    return plan_years(trace, cluster, targets, Horizon(**asked), economics=economics, workers=1, **(how or {}))


def test_years_that_sell_at_the_annuity_are_single_years():
    """What may be given back at the end of each year for what is left of its annuity costs the annuity."""
    found = planned(years=3, load_growth=0.4, sell_early=True)
    single = [
        search(year.judge.trace, found.cluster, [SOON], economics=found.economics, workers=1) for year in found.years
    ]
    assert [one.setup.nodes for one in found.chosen] == [one.chosen.nodes for one in single]
    usd = sum(one.cost_usd_per_year / 1.05 ** (1 + year) for year, one in enumerate(single))
    assert found.net_present_cost_usd == pytest.approx(usd, rel=1e-9)


def test_nodes_are_bought_again_when_their_life_is_over():
    found = planned(years=4, owned={"own": [{"nodes": 2, "age_years": 1}, {"nodes": 9, "age_years": 2}]})
    table = found.table
    need = int(table["nodes"][0])
    assert need > 2
    # Eleven stand in the first year, two in the second; what is bought then lasts beyond the end.
    assert table["standing_nodes"].tolist() == [11, need, need, need]
    assert table["bought_nodes"].tolist() == [0, need - 2, 2, 0]
    assert table["retired_nodes"].tolist() == [9, 2, 0, need - 2]
    assert "retire 9 nodes of pool own after year 1, 2 after year 2" in found.summary["text"]


def test_a_price_that_falls_is_waited_for():
    """A node of one year more is dear if the price halves each year: rent takes its place until then."""
    cloud = rented(list(range(9)), 0.08, cores=4)
    found = planned(pools=(own(list(range(9)), cores=4, cost={"capex_usd": 9000, "lifetime_years": 10}), cloud),
                    years=4, capex_change=-0.6, residual="linear")  # fmt: skip
    table = found.table.set_index(["pool", "year"])
    assert table["bought_nodes"]["own"].tolist()[0] == 0
    assert table["bought_nodes"]["own"].sum() > 0
    assert table["nodes"]["rented"].tolist()[0] > 0


def test_what_costs_nothing_is_not_bought_in_plenty():
    found = planned(pools=(own(list(range(9)), cores=4, cost={"capex_usd": 0, "lifetime_years": 3}),), years=2)
    assert found.table["bought_nodes"].sum() == max(one.setup.nodes["own"] for one in found.chosen)


def test_a_type_of_its_own_stands_for_itself_alone():
    pool = typed(own(list(range(7))), kind("small", 4, 2000), kind("large", 8, 3000))
    found = planned(pools=(pool,), years=2, owned={"own": [{"nodes": 3, "age_years": 4, "type": "small"}]})
    table = found.table
    assert set(table["type"]) <= {"small", "large"}
    assert (table["standing_nodes"] >= table["nodes"]).all()
    assert table.loc[(table["year"] == 1) & (table["type"] == "small"), "retired_nodes"].tolist() == [3]


def test_years_that_cannot_be_are_named_with_what_they_miss():
    found = planned(pools=(own([1, 2], cores=6),), years=3, load_growth=[0.0, 4.0])
    assert (found.status, math.isnan(found.net_present_cost_usd), len(found.table)) == ("infeasible", True, 0)
    summary = found.summary
    assert [one["year"] for one in summary["missed"]] == [year.number for year in found.years if not year.best]
    last = summary["missed"][-1]
    assert last["year"] == 3
    nodes = last["closest"]["nodes"]["own"]
    said = rf"In year 3 \(4\.9\d times the load\) no setup allowed does; with the closest \({nodes} of"
    assert re.search(said, summary["text"])  # a level is never passed, so a job's work may be missing
    assert "instead of at most 4 h" in summary["text"]
    assert all(year.best or year.is_lost for year in found.years)


def test_targets_and_classes_by_year():
    loose = Target(metric="wait_s", statistic="max", at_most="1 d")
    tight = {"metric": "wait_s", "statistic": "max", "at_most": "1 min", "from_year": 2}
    pools = Cluster.model_validate({"pools": [OWN]})
    found = plan_years(LOG, pools, [loose], Horizon(years=3, targets=[tight]), economics=Economics(), workers=1)
    nodes = [one.setup.nodes["own"] for one in found.chosen]
    assert nodes[0] < nodes[1] == nodes[2]
    assert [year.judge.targets[0].at_most for year in found.years] == [86400, 60, 60]
    assert all(len(year.judge.targets) == 2 for year in found.years)  # the implied one on rejected jobs besides
    wide = {"where": {"procs_at_least": 3}, "load_growth": 1.0}
    grown = planned(years=2, classes=[wide])
    first, second = (year.judge.trace for year in grown.years)
    for which, times in ((lambda trace: trace.procs >= 3, 2.0), (lambda trace: trace.procs < 3, 1.0)):
        work = [float((one.procs * one.run_s)[which(one)].sum()) for one in (first, second)]
        assert work[1] / work[0] == pytest.approx(times, rel=0.1)


@pytest.mark.parametrize("most", [0, 1, 4, 7])
def test_limits_end_it_with_what_is_known(most):
    whole = planned(years=3, load_growth=0.3)
    cut = planned(years=3, load_growth=0.3, how={"max_setups": most})
    # The largest setup of each year comes first, and does.
    assert (cut.stopped, cut.status) == ("max_setups", "best_found" if most >= 3 else "unknown")
    assert sum(year.replayed for year in cut.years) <= most
    assert cut.lower_bound_usd <= whole.net_present_cost_usd * (1 + 1e-9)
    assert cut.purchases is None or cut.net_present_cost_usd >= whole.net_present_cost_usd * (1 - 1e-9)
    assert "the limit on setups was reached" in cut.summary["text"]


def test_a_limit_on_time_ends_it():
    cut = planned(years=3, how={"time_limit_s": -1.0})
    assert (cut.stopped, cut.status) == ("time_limit", "unknown")


def test_a_solver_out_of_time_ends_it(monkeypatch):
    asked = []

    def limited(problem, time_limit_s):
        asked.append(time_limit_s)
        if len(asked) > 2:
            raise OutOfTimeError("the time limit was reached")
        return solve(problem)

    monkeypatch.setattr(programme, "solve", limited)
    cut = planned(years=3, load_growth=0.3, how={"time_limit_s": 1000.0})
    assert cut.stopped == "time_limit"
    assert cut.status in ("best_found", "unknown")
    assert all(one > 0 for one in asked)


def test_an_interrupt_leaves_what_was_found(monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    cut = planned(years=3, how={"progress": interrupted})
    assert cut.stopped == "interrupted"


def test_workers_make_no_difference():
    asked = {"years": 3, "load_growth": 0.3}
    one, other = planned(**asked), planned(**asked)
    two = plan_years(LOG, one.cluster, [SOON], Horizon(**asked), economics=Economics(), workers=2)
    for found in (other, two):
        assert found.table.equals(one.table)
        assert found.summary == one.summary


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"years": 0}, "years"),
        ({"years": 3, "load_growth": [0.1]}, "has 1 numbers"),
        ({"years": 4, "load_growth": [0.1, 0.2]}, "load_growth: has 2 numbers, but 4 years have 3 steps"),
        ({"years": 3, "load_growth": -1}, "above -1"),
        ({"years": 3, "load_growth": "more"}, "must be the growth a year, such as 0.2"),
        ({"years": 30, "load_growth": 1.0}, "times the load of the first year"),
        ({"years": 2, "targets": [{"metric": "utilization", "at_least": 0.5, "from_year": 3}]}, "after the last"),
        ({"years": 2, "growth": 1}, "load_growth"),
    ],
)
def test_wrong_years_are_refused(asked, wrong):
    if asked == {"years": 3, "load_growth": [0.1]}:  # one for all
        assert Horizon(**asked).load_growth == (0.1,)
        return
    with pytest.raises(InputError, match=wrong):
        Horizon(**asked)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"targets": [Target(metric="cost_usd_per_year", at_most=1)]}, "targets.0: limits a year's cost"),
        ({"minimise": {"metric": "wait_s", "statistic": "p95"}}, "does not go with minimise"),
        ({"pools": [own([1], cost={"capex_usd": 1, "lifetime_years": 2.5})]}, r"cluster.pools.0: .*\(got 2.5\)"),
        ({"horizon": {"years": 2, "owned": {"else": [{"nodes": 1, "age_years": 1}]}}}, "'else' is no pool of own"),
        ({"horizon": {"years": 2, "owned": {"own": [{"nodes": 1, "age_years": 4}]}}}, "horizon.owned.own.0.age_years"),
        ({"horizon": {"years": 2, "owned": {"own": [{"nodes": 1, "age_years": 1, "type": "x"}]}}}, "left out"),
        ({"pools": [own({"max": 500}), own({"max": 500}, "b")]}, "at most 200,000 setups"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, wrong):
    asked = {"trace": LOG, "pools": [own([1, 2])], "targets": [SOON], "horizon": {"years": 2}, **changes}
    with pytest.raises(InputError, match=wrong):
        optimize(**asked)


def test_python_plans_years_as_well():
    plan = optimize(trace=LOG, pools=[OWN], targets=[SOON], horizon={"years": 2, "load_growth": 0.2})
    assert plan.asked["horizon"]["load_growth"] == 0.2
    assert answer.is_found(plan.summary)
    assert len(re.findall(r"Over 2 years, the last with 1\.(?:19|2) times the load: buy", plan.summary["answer"])) == 1
    assert plan.tables()["horizon"].equals(plan.horizon.table)
    assert np.isfinite(plan.summary["horizon"]["annuity_usd_per_year"])


def test_the_cost_of_years_sums_the_parts():
    found = planned(years=2, economics=Economics(discount_rate=0.0, site=[{"name": "staff", "usd_per_year": 500}]))
    whole = found.table[found.table["pool"] == costs.WHOLE_SETUP]
    assert whole["site_usd_per_year"].tolist() == [500, 500]
    ran = [one.cost_usd_per_year for one in found.chosen]
    parts = [name for name in found.table if name.endswith("usd_per_year")]
    assert found.table.groupby("year")[parts].sum().sum(axis=1).tolist() == pytest.approx(ran)


def test_a_trace_of_nothing_but_ties():
    trace = Trace.from_columns({"submit_s": [0, 0, 9], "run_s": [1, 1, 1], "procs": [1, 1, 1]})
    found = planned(trace=trace, pools=(own([1, 2]), own([0, 1], "same")), targets=(), years=2)
    assert found.status == "optimal"
