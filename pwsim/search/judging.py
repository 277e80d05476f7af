"""One setup, replayed and judged: what the replay showed, what it costs, and whether the targets are met."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pwsim import costs
from pwsim.cluster import Cluster, Procedure
from pwsim.common import HopelessError, InputError, MachineError, timed
from pwsim.engine import LOST, Engine, Replay, prepare
from pwsim.metrics import Trim
from pwsim.prices import Economics, Start, start_of
from pwsim.results import Result
from pwsim.search import early
from pwsim.search.decided import Decided, drawn_columns, undrawn
from pwsim.search.fates import Achieved, Fates
from pwsim.search.judgement import at_limit
from pwsim.search.options import types_of
from pwsim.search.plan import Setup
from pwsim.search.renting import ToCome
from pwsim.search.replays import Replays
from pwsim.search.replications import Replications
from pwsim.search.targets import Target, judged
from pwsim.trace import Trace
from pwsim.workload import Draw, Population


class Ran(NamedTuple):
    """What a whole replay showed."""

    replay: Replay | None
    """``None`` if it is not held any more."""
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
    """Whether the targets are met that must hold in this replay; ``None`` if it ended early for its cost, so that it is
    not known."""
    miss: float
    """The largest share by which a target is missed."""
    decided: Decided | None = None
    """What draws say of it; ``None`` where no target must hold in a share of them."""

    @property
    def cost_usd_per_year(self) -> float:
        """The whole cost [USD a year]; NaN if it is not known."""
        return math.nan if self.ran is None else costs.total(self.ran.bill.cost)

    @property
    def engine(self) -> str | None:
        """The engine that replayed it; ``None`` if the replay gave up, or is not held any more."""
        return None if self.ran is None or self.ran.replay is None else self.ran.replay.engine

    @property
    def accepted(self) -> bool | None:
        """Whether it is known to meet all targets: those that must hold in a share of draws, if these accepted it."""
        return self.met and (self.decided is None or self.decided.decision == "accepted")

    @property
    def excluded(self) -> bool:
        """Whether it is known not to meet all targets: it misses one in this replay, or draws refused it."""
        return self.met is False or (self.decided is not None and self.decided.decision == "refused")

    def judged(self, targets: Sequence[Target]) -> list[dict[str, Any]]:
        """Return each target and how it is met (:func:`.targets.judged`): on the log, or by draws where it asks so."""
        achieved = {f"target_{index}_achieved": value for index, value in enumerate(self.achieved)}
        drawn = {} if self.decided is None else drawn_columns(targets, self.decided)
        return judged(targets, {**achieved, **drawn})

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
    replications: Replications | None = None
    """What is drawn again, and how sure decisions are that rest on it; ``None`` if the scenario does not say."""
    population: Population | None = None
    """The draws; ``None`` without ``replications``."""
    fates: Fates = field(default_factory=Fates)
    """What setups achieved on draws before."""

    @property
    def firm(self) -> tuple[Target, ...]:
        """The targets that must hold in the replay of the log itself."""
        return tuple(one for one in self.targets if one.in_share is None)

    @property
    def shared(self) -> tuple[Target, ...]:
        """The targets that must hold in a share of the draws, together (semantics §10)."""
        return tuple(one for one in self.targets if one.in_share is not None)

    def setup(self, choice: tuple[int, ...], procedure: Procedure) -> Setup:
        """Return the setup that a choice of nodes and types, and a procedure stand for."""
        chosen = zip(self.cluster.pools, choice, strict=True)
        nodes = {pool.name: pool.nodes[one // max(1, len(pool.types))] for pool, one in chosen}
        return Setup(nodes, *procedure, types_of(self.cluster, choice))

    @property
    def start(self) -> Start | None:
        """When the replay begins on the site's clock."""
        return start_of(self.trace, self.economics.start, self.economics.time_zone)

    def on(self, draw: Draw) -> Judge:
        """Return what judges setups on a draw instead of the log; rules with dates stay on the site's clock.

        In one draw, every target holds or does not, whatever share of them it must hold in.
        """
        economics, start = self.economics, self.start
        if start is not None and draw.trace is not self.trace:
            told = {
                "start": start.before(-draw.later_s).local.isoformat(),
                "time_zone": start.zone.key if start.zone else None,
            }
            economics = economics.model_copy(update=told)
        targets = tuple(one.model_copy(update={"in_share": None}) for one in self.targets)
        return replace(self, trace=draw.trace, seed=draw.seed, economics=economics, targets=targets)

    def evaluate(
        self,
        choice: tuple[int, ...],
        procedure: Procedure,
        most_usd_per_year: float | None = None,
        to_come: ToCome | None = None,
    ) -> Evaluation:
        """Replay a setup, or take what is known of it, and judge it.

        Parameters
        ----------
        choice, procedure
            The setup.
        most_usd_per_year
            Cost of a setup that meets the targets [USD a year], infinite if none is known: once it is certain that
            this one misses a target, or costs more, the replay may end.  ``None`` lets it go on to its end.
        to_come
            What the setup pays in any case, if something is known of it; it only ends the replay sooner.

        Raises
        ------
        MachineError
            If there is not enough memory for it.
        """
        setup = self.setup(choice, procedure)
        try:
            cluster = self.cluster.at(*setup)
            inputs = prepare(self.trace, cluster, self.seed, self.start)
            ends = None
            if most_usd_per_year is not None:
                ends = early.ends_of(self, cluster, inputs, most_usd_per_year, to_come)
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
        nothing = (math.nan,) * len(self.targets)
        return Evaluation(setup, None, why, nothing, met=met, miss=math.inf, decided=undrawn(self.targets))

    def achieves(self, choice: tuple[int, ...], procedure: Procedure) -> Achieved:
        """Return what a replay of a setup achieves of each target; all that :meth:`evaluate` tells besides is left out.

        Of a replay that gives up, nothing is known, so that no target is met: NaN.

        Raises
        ------
        MachineError
            If there is not enough memory for it.
        """
        setup = self.setup(choice, procedure)
        try:
            cluster = self.cluster.at(*setup)
            seen = self.replays.whole(prepare(self.trace, cluster, self.seed, self.start), self.engine)
        except HopelessError:
            return (math.nan,) * len(self.targets)
        except MemoryError:
            raise out_of_memory(setup) from None
        return self.achieved_by(Result(self.trace, cluster, seen, self.seed))

    @timed("judging")
    def achieved_by(self, result: Result) -> Achieved:
        """Return what a replay achieves of each target."""
        result = replace(result, trim=self.trim)
        bill = None
        if any(target.of_bill for target in self.targets):
            with scalable(self.trace):
                bill = result.bill(self.economics)
        return tuple(target.achieved(result, bill) for target in self.targets)

    @timed("judging")
    def judge(self, setup: Setup, result: Result) -> Evaluation:
        """Judge what a replay of a setup showed, by the targets that must hold in it."""
        result = replace(result, trim=self.trim)
        with scalable(self.trace):
            bill = result.bill(self.economics)
        achieved = tuple(target.achieved(result, bill) for target in self.targets)
        judged = [one for one in zip(self.targets, achieved, strict=True) if one[0].in_share is None]
        return Evaluation(
            setup=setup,
            ran=Ran(result.replay, bill, result.metrics, at_limit(result)),
            stopped=None,
            achieved=achieved,
            met=all(target.met(value) for target, value in judged),
            miss=max((target.miss(value) for target, value in judged), default=0.0),
            decided=undrawn(self.targets),
        )
