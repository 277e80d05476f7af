"""One setup, replayed and judged: what the replay showed, what it costs, and whether the targets are met."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pwsim import costs
from pwsim.cluster import Cluster, Procedure
from pwsim.common import HopelessError, InputError, MachineError
from pwsim.engine import LOST, Engine, Replay, prepare
from pwsim.metrics import Trim
from pwsim.prices import Economics, Start, start_of
from pwsim.results import Result
from pwsim.search import early
from pwsim.search.judgement import at_limit
from pwsim.search.options import types_of
from pwsim.search.plan import Setup
from pwsim.search.replays import Replays
from pwsim.search.targets import Target
from pwsim.trace import Trace


class Ran(NamedTuple):
    """What a whole replay showed."""

    replay: Replay
    bill: costs.Bill
    metrics: dict[str, float]
    at_limit: tuple[bool, ...]
    """For each pool, whether more nodes of it could have made a difference."""


@dataclass(frozen=True)
class Evaluation:
    """One setup, replayed and judged."""

    setup: Setup
    ran: Ran | None
    """``None`` if the replay gave up, or ended early."""
    stopped: str | None
    """Why it did."""
    achieved: tuple[float, ...]
    met: bool | None
    """``None`` if the replay ended early for its cost: then it is not known."""
    miss: float
    """The largest share by which a target is missed."""

    @property
    def cost_usd_per_year(self) -> float:
        """The whole cost [USD a year]; NaN if it is not known."""
        return math.nan if self.ran is None else costs.total(self.ran.bill.cost)

    @property
    def nearness(self) -> tuple[float, float]:
        """How near it is to meeting the targets: the less, the nearer; of equals the cheaper."""
        return self.miss, self.cost_usd_per_year


@contextmanager
def scalable(trace: Trace) -> Iterator[None]:
    """Say what is wrong with the log if costs of jobs cannot be scaled to a year."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"{trace.name}: costs cannot be scaled to a year: {error}") from None


def out_of_memory(setup: Setup) -> MachineError:
    """Return the error for a setup whose replay takes more memory than there is."""
    return MachineError(
        f"the memory was full {in_replay(setup)}; run fewer at once (--workers), or a part of the log (workload.window)"
    )


def in_replay(setup: Setup) -> str:
    """Return in which replay something went wrong."""
    nodes = ", ".join(f"{name} {count}" for name, count in setup.nodes.items())
    return f"in the replay of {nodes} under {setup.policy}"


@dataclass(frozen=True)
class Judge:
    """All that the replay and judgement of a setup need, but the setup."""

    trace: Trace
    cluster: Cluster
    targets: tuple[Target, ...]
    economics: Economics
    engine: Engine
    seed: int
    trim: Trim
    replays: Replays = field(default_factory=Replays)
    """What was replayed before, and whatever is to be."""

    def setup(self, choice: tuple[int, ...], procedure: Procedure) -> Setup:
        """Return the setup that a choice of nodes and types, and a procedure stand for."""
        chosen = zip(self.cluster.pools, choice, strict=True)
        nodes = {pool.name: pool.nodes[one // max(1, len(pool.types))] for pool, one in chosen}
        return Setup(nodes, *procedure, types_of(self.cluster, choice))

    @property
    def start(self) -> Start | None:
        """When the replay begins on the site's clock."""
        return start_of(self.trace, self.economics.start, self.economics.time_zone)

    def evaluate(
        self, choice: tuple[int, ...], procedure: Procedure, most_usd_per_year: float | None = None
    ) -> Evaluation:
        """Replay a setup, or take what is known of it, and judge it.

        Parameters
        ----------
        choice, procedure
            The setup.
        most_usd_per_year
            Cost of a setup that meets the targets [USD a year], infinite if none is known: once it is certain that
            this one misses a target, or costs more, the replay may end.  ``None`` lets it go on to its end.

        Raises
        ------
        MachineError
            If there is not enough memory for it.
        """
        setup = self.setup(choice, procedure)
        try:
            cluster = self.cluster.at(*setup)
            inputs = prepare(self.trace, cluster, self.seed, self.start)
            ends = None if most_usd_per_year is None else early.ends_of(self, cluster, inputs, most_usd_per_year)
            known = self.replays
            seen = known.whole(inputs, self.engine) if ends is None else known.until(inputs, self.engine, ends)
            if isinstance(seen, int):
                return self.without_figures(setup, early.TOLD[seen], met=False if seen == LOST else None)
            return self.judge(setup, Result(self.trace, cluster, seen, self.seed))
        except HopelessError as error:  # this setup misses; others may do
            return self.without_figures(setup, str(error), met=False)
        except MemoryError:
            raise out_of_memory(setup) from None
        except Exception as error:
            error.add_note(in_replay(setup))
            raise

    def without_figures(self, setup: Setup, why: str, *, met: bool | None) -> Evaluation:
        """Return what is known of a setup whose replay did not come to its end."""
        return Evaluation(setup, None, why, (math.nan,) * len(self.targets), met=met, miss=math.inf)

    def judge(self, setup: Setup, result: Result) -> Evaluation:
        """Judge what a replay of a setup showed."""
        result = replace(result, trim=self.trim)
        with scalable(self.trace):
            bill = result.bill(self.economics)
        achieved = tuple(target.achieved(result, bill) for target in self.targets)
        judged = list(zip(self.targets, achieved, strict=True))
        return Evaluation(
            setup=setup,
            ran=Ran(result.replay, bill, result.metrics, at_limit(result)),
            stopped=None,
            achieved=achieved,
            met=all(target.met(value) for target, value in judged),
            miss=max((target.miss(value) for target, value in judged), default=0.0),
        )
