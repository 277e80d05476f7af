"""What it costs that targets must hold in a share of draws, and what each saving contributes.

``python -m tests.benchmarks.in_share`` writes the table of ``docs/explanation/certainty.md``, in replays and CPU seconds
(of one core, the engine compiled before); it takes some minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from pwsim import Plan, Scenario, load_scenario
from pwsim.scenario.afterwards import Afterwards
from pwsim.search import Frontier, Replays, Replications, Target, ask
from pwsim.search.fates import Fates
from pwsim.search.frontier import Varied
from pwsim.search.sensitivity import Question, Sensitivity
from pwsim.search.sequential import Sequential
from pwsim.trace import Trace

HERE = Path(__file__).parents[2]
SHARE = 0.95


class Case(NamedTuple):
    """A shipped scenario with targets that must hold in a share of draws."""

    name: str
    replications: Replications
    limits_s: tuple[float, ...]
    """Limits of the 95th percentile of the wait that a frontier asks about [s]."""


CASES = (
    Case("spot-training", Replications(by=["seed"]), (900.0, 1800.0, 3600.0)),
    Case("chips", Replications(by=["shake", "weeks"]), (7200.0, 14400.0, 28800.0)),
)
PRICES = Sensitivity(rent=[0.8, 1.25])


class Cost(NamedTuple):
    """What a way of asking costs."""

    replays: int
    cpu_s: float
    found: str


def asked(case: Case, scenario: Scenario, trace: Trace, targets: tuple[Target, ...], **besides: Any) -> Cost:
    """Ask, and return what it cost."""
    drawn = case.replications if any(one.in_share for one in targets) else None
    replays, frontier = Replays(), besides.get("frontier")
    before_s = time.process_time()
    plan: Plan = ask(
        trace, scenario.cluster, targets, economics=scenario.economics, seed=scenario.seed, workers=1, engine="auto",
        replays=replays, replications=drawn, frontier=frontier,
    )  # fmt: skip
    if "sensitivity" in besides:
        after = Afterwards(besides["sensitivity"])
        question = Question(trace, scenario.cluster, targets, scenario.economics, scenario.seed)
        plan = after.answered(
            plan, question, objective=None, frontier=None, engine="auto", workers=1, replays=replays, progress=None,
            max_setups=None, replications=drawn,
        )  # fmt: skip
    nodes = "none" if plan.chosen is None else "+".join(map(str, plan.chosen.nodes.values()))
    return Cost(replays.done, time.process_time() - before_s, f"{nodes} nodes, {plan.status}")


@contextmanager
def all_draws() -> Iterator[None]:
    """Replay all draws of a setup that is decided, however soon it is."""
    decide = Sequential.decide
    with patch.object(Sequential, "decide", lambda rule, held: decide(rule, list(held))):
        yield


@contextmanager
def unscreened() -> Iterator[None]:
    """Let every draw count for accepting, and every setup have its part of the error."""
    with patch.object(Replications, "screening", 0):
        yield


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Replay whatever is asked again."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(Fates, "find", lambda *_: None))
        stack.enter_context(patch.object(Replays, "_find", lambda *_: None))
        yield


NOTHING: Callable[[], AbstractContextManager[Any]] = ExitStack


def costs(case: Case) -> Iterator[tuple[str, Cost]]:
    """Yield the ways of asking, and what each costs."""
    scenario = load_scenario(HERE / "scenarios" / f"{case.name}.yaml")
    trace = scenario.read_workload()
    firm = tuple(one.model_copy(update={"in_share": None}) for one in scenario.targets)
    often = tuple(one.model_copy(update={"in_share": SHARE}) for one in scenario.targets)
    varied = Frontier(target=Varied(metric="wait_s", statistic="p95"), at_most=case.limits_s)
    asked(case, scenario, trace, firm)  # compiles the engine
    frontier: Mapping[str, Any] = {"frontier": varied}
    prices: Mapping[str, Any] = {"sensitivity": PRICES}
    ways: list[tuple[str, tuple[Target, ...], Mapping[str, Any], Callable[[], AbstractContextManager[Any]]]] = [
        ("in the log alone", firm, {}, NOTHING),
        (f"in a share of {SHARE:g} of the draws", often, {}, NOTHING),
        ("the same, all draws of each setup that is decided", often, {}, all_draws),
        ("the same, no draws that only screen", often, {}, unscreened),
        ("with a frontier of 3 limits", often, frontier, NOTHING),
        ("the same, nothing kept between limits", often, frontier, nothing_kept),
        ("with other prices of rent, and headroom", often, prices, NOTHING),
        ("the same, nothing kept between questions", often, prices, nothing_kept),
    ]
    for name, targets, besides, how in ways:
        with how():
            yield name, asked(case, scenario, trace, targets, **besides)


def main() -> None:
    """Write the table."""
    for case in CASES:
        print(f"| `{case.name}` | replays | CPU [s] | found |\n| --- | ---: | ---: | --- |")  # noqa: T201
        for name, cost in costs(case):
            print(f"| {name} | {cost.replays:,} | {cost.cpu_s:.1f} | {cost.found} |", flush=True)  # noqa: T201
        print(flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
