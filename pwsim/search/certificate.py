"""What a search proves, and what the proof rests on, as plain values: ``certificate`` in ``summary.json``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pwsim.common import count, money
from pwsim.metrics import value_text
from pwsim.search.replications import share_of
from pwsim.search.words import STOPS, meaning_text, minimised_text

if TYPE_CHECKING:
    from pwsim.search.plan import Plan

CONDITIONS = {
    "by_pool": (
        "What a pool costs and achieves depends on its nodes, the rules and the jobs that come to it, on nothing else.",
        "Cost, late jobs, work and rejected jobs of a setup are the sums over its pools.",
        "A pool that was not replayed costs what stands there and what its jobs cause at least; at best nobody waits.",
    ),
    "by_setup": (
        "A setup costs at least what stands there anyway, and what its jobs cause at least.",
        "A setup that leaves more jobs without a pool than may be rejected misses a target.",
    ),
}
"""What excludes setups without a replay, by how the search was done."""
CORES = "A setup with fewer cores than the work in time asks for misses a target."
"""What excludes setups in both ways."""


def certificate(plan: Plan) -> dict[str, Any]:
    """Return what a search proves, how, and for what."""
    method, by_pool = plan.method, plan.proof is not None
    trace = plan.result.trace
    code = plan.result.cluster.code_texts()
    return {
        "claim": claim(plan),
        "status": plan.status,
        "lower_bound_usd_per_year": plan.lower_bound_usd_per_year,
        "gap": plan.gap if plan.minimised is None else plan.minimised.gap,
        "method": method.method,
        "because": method.because,
        "setups_in_space": plan.setups_in_space,
        "setups_simulated": len(plan.setups),
        "pool_replays": method.pool_replays,
        "replays_in": "proof.parquet" if by_pool else "setups.parquet",
        "excluded_without_replay": [*CONDITIONS["by_pool" if by_pool else "by_setup"], CORES],
        "solver": dict(plan.solver),
        "holds_for": [
            f"the log: {count(len(trace), 'job')} of {trace.name} (SHA-256 {trace.digest()})",
            "the scenario as scenario.yaml has it: pools, prices, targets and rules, and the setups that it allows",
            f"the rules of pwsim's replay{', and the code that policies name' if code else ''}",
            f"seed {plan.result.seed}",
        ],
        **({} if plan.decided is None else {"sure": sure(plan)}),
        "run_id": plan.run_id,
    }


def sure(plan: Plan) -> str:
    """Return what the certificate says where targets must hold in a share of draws."""
    replications = plan.judge.replications
    assert replications is not None
    return meaning_text({**replications.model_dump(), "share": share_of(plan.targets)})


def claim(plan: Plan) -> str:
    """Return what is proven in a sentence."""
    setups = count(plan.setups_in_space, "setup")
    if plan.status == "infeasible":
        return f"None of the {setups} allowed meets all targets."
    if plan.minimised is not None and plan.chosen is not None:
        about = plan.minimised
        name, least = minimised_text(about._asdict()), value_text(about.metric, about.lower_bound)
        return f"None of the {setups} allowed that meets all targets has less of the {name} than {least}."
    if plan.status == "optimal":
        cost = money(plan.cost_usd_per_year)
        return f"None of the {setups} allowed that meets all targets costs less than the chosen one, {cost} a year."
    assert plan.stopped is not None
    if math.isinf(plan.lower_bound_usd_per_year):
        return f"Nothing is proven: the search was cut short, for {STOPS[plan.stopped]}."
    bound = money(plan.lower_bound_usd_per_year)
    return (
        f"None of the {setups} allowed that meets all targets costs less than {bound} a year; more is not proven, for "
        f"{STOPS[plan.stopped]}."
    )


def solver_text(solver: dict[str, int]) -> str:
    """Return in words what the solver said.

    Examples
    --------
    >>> solver_text({"HiGHS: Optimal Solution Found": 2}), solver_text({})
    ('HiGHS: Optimal Solution Found (2 times)', 'no solver was asked: sums over all setups were listed')
    """
    if not solver:
        return "no solver was asked: sums over all setups were listed"
    return "; ".join(f"{said} ({count(times, 'time')})" for said, times in solver.items())
