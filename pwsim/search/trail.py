"""What a search has seen so far, how far it is, and the plan that it comes to."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from pwsim.cluster import Cluster, Procedure
from pwsim.common import InputError, SolverError, retyped
from pwsim.engine import compiling_s
from pwsim.results import Result, record
from pwsim.search.bounds import least_limit
from pwsim.search.candidates import Candidate
from pwsim.search.decided import drawn_columns
from pwsim.search.deciding import Deciding
from pwsim.search.early import TOLD
from pwsim.search.judgement import Edge, edges
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.options import AllBounds, Place, choice_of, in_space, order_of, types_of
from pwsim.search.plan import Method, Plan, Setup, Stop
from pwsim.search.targets import Target

TIE = 1e-9
"""Costs that differ relatively by no more than this are equal: to 9 significant digits."""
TOLD_DRAWS = 20
"""Progress is told once in so many draws."""
YES_OR_NO = ("meets_targets", "at_limit_")
"""Beginnings of the names of columns of yes or no, which are empty where a replay did not come to its end."""


class BudgetSpentError(Exception):
    """A search that shares its budget with others has nothing to show, for they have spent it."""


class Progress(NamedTuple):
    """How far a search is."""

    simulated: int
    """Setups replayed so far."""
    in_space: int
    """Setups that the scenario allows."""
    cost_usd_per_year: float
    """Cost of the best setup so far; NaN if none met the targets."""
    lower_bound_usd_per_year: float
    """No setup that is left costs less."""
    engine: str
    """The engine that replays."""
    left_at_most: int
    """No more setups than this are left to replay: those that might be cheaper than the best."""
    left_at_most_s: float
    """How long these take at the pace so far [s]; NaN at first, for the first replay may have to compile the engine."""
    draw: int = 0
    """Number of the draw by which a setup is being decided or tried; 0 if it is not."""
    draws: int = 0
    """How many draws it gets at most."""
    part: str = ""
    """What this is a part of, in words, if more is asked than the cheapest setup."""


def tells(number: int, workers: int) -> bool:
    """Return whether progress is told at a draw, where so many are replayed at once."""
    return number == 1 or number // TOLD_DRAWS > (number - workers) // TOLD_DRAWS


def labelled(progress: Callable[[Progress], None] | None, part: str) -> Callable[[Progress], None] | None:
    """Return what tells progress with the part that it is of; ``None`` if nothing does."""
    return None if progress is None else lambda at: progress(at._replace(part=part))


class Trail:
    """What a search has seen so far."""

    def __init__(
        self,
        job: Judge,
        known: AllBounds,
        max_setups: int | None,
        time_limit_s: float | None,
        progress: Callable[[Progress], None] | None,
        spent: set[Place] | None = None,
    ) -> None:
        self.job = job
        self.known = known
        self.may_cost_usd_per_year = least_limit(job.firm, "cost_usd_per_year", math.inf)
        """What targets let a setup cost."""
        self.max_setups = max_setups
        self.spent = set() if spent is None else spent
        """Setups that count against that limit: those of this search, and of searches before that share it."""
        self.is_first = not self.spent
        """Whether no search before shares that limit: then there must be something to show, whatever it is."""
        self.progress = progress
        self.deadline_s = math.inf if time_limit_s is None else time.monotonic() + time_limit_s - compiling_s()
        self.first: tuple[float, int] | None = None
        """When the first candidate was replayed [s], and under how many policies."""
        self.rows: list[dict[str, Any]] = []
        self.met: list[Evaluation] = []
        """The cheapest setup that meets the targets, and those that cost as much."""
        self.deciding = Deciding(job) if job.shared else None
        """Decides setups on draws, where targets must hold in a share of them; :attr:`met` then are those that meet the
        other targets, and are not refused or undecided."""
        self.closest: Evaluation | None = None
        self.ended: dict[int, tuple[tuple[int, ...], Procedure]] = {}
        """Setups whose replays were ended early, by their step."""
        self.engine: str | None = None
        """The engine that replayed last; ``None`` as long as no replay came to its end."""
        self.last_met = False
        """Whether the setup that was judged last meets the targets that must hold in the log's own replay."""
        self.bound_usd_per_year = -math.inf
        """No setup that is left costs less."""
        self.stopped: Stop | None = None
        self.method = Method("by_setup", None, None)
        """How the search is done."""
        self.proof: pd.DataFrame | None = None
        """The replays of pools that the proof rests on (:mod:`.proof`); ``None`` if whole setups were replayed."""
        self.workers: int | None = None
        """How many replays run at once."""
        self.solver: Mapping[str, int] = {}
        """How often the solver ended with which status."""
        self.left: Callable[[float], int] = self._not_replayed
        """Gives how many setups are left at most that may cost no more than this, or in all if it is NaN."""

    @property
    def late(self) -> bool:
        """Whether the time limit is reached, and there is something to show."""
        return self.has_shown and self.is_over

    @property
    def is_over(self) -> bool:
        """Whether the time limit is reached."""
        return time.monotonic() > self.deadline_s + compiling_s()

    @property
    def left_s(self) -> float:
        """The time until the limit [s]; infinite without one, and as long as there is nothing to show."""
        return self.deadline_s + compiling_s() - time.monotonic() if self.has_shown else math.inf

    @property
    def has_shown(self) -> bool:
        """Whether some replay has come to its end."""
        return self.closest is not None

    def limit(self, more: Iterable[Place], *, begun: bool = False) -> Stop | None:
        """Return the limit that more setups would pass, if any; until something is shown or begun, none."""
        if not self.has_shown and not begun and self.is_first:
            return None
        if self.max_setups is not None and len(self.spent.union(more)) > self.max_setups:
            return "max_setups"
        return "time_limit" if self.late else None

    def is_beaten(self, bound_usd_per_year: float) -> bool:
        """Return whether what costs at least so much must cost more than a setup that meets the targets, or may."""
        most = min(self.cheapest_usd_per_year, self.may_cost_usd_per_year) if self.met else self.may_cost_usd_per_year
        return bound_usd_per_year > most * (1 + TIE)

    def loses_tie(self, candidate: Candidate) -> bool:
        """Return whether a candidate costs at best as much as the best one, which then is taken all the same."""
        best = self.best
        if self.deciding is not None:  # the best may be refused yet
            return False
        if best is None or candidate.bound_usd_per_year < best.cost_usd_per_year * (1 - TIE):
            return False
        return order_of(self.job.cluster, candidate.choice) > self._rank(best.setup)[:-1]

    def stop(self, why: Stop) -> None:
        """End the search before its proof."""
        self.stopped = why

    @property
    def cheapest_usd_per_year(self) -> float:
        """The least cost of a setup that meets the targets, of which there is one [USD a year]."""
        return min(one.cost_usd_per_year for one in self.met)

    def choice_of(self, setup: Setup) -> tuple[int, ...]:
        """Return the choice of nodes and types of a setup."""
        return choice_of(self.job.cluster, setup.nodes, setup.types)

    def _rank(self, setup: Setup) -> tuple[Any, ...]:
        """Return the key that decides between setups of equal cost."""
        cluster = self.job.cluster
        choice = self.choice_of(setup)
        return *order_of(cluster, choice), cluster.procedures.index(Procedure(*setup.how))

    @property
    def has_answer(self) -> bool:
        """Whether a setup was found that meets all targets."""
        return bool(self.met) if self.deciding is None else self.deciding.accepted

    @property
    def best(self) -> Evaluation | None:
        """The setup to choose, so far."""
        return min(self.met, key=lambda one: self._rank(one.setup), default=None)

    def note(self, candidate: Candidate, evaluations: Sequence[Evaluation]) -> None:
        """Take in evaluations of setups that have the nodes of a candidate."""
        self.bound_usd_per_year = candidate.bound_usd_per_year
        for one in evaluations:
            self.spent.add((candidate.choice, self.job.cluster.procedures.index(Procedure(*one.setup.how))))
            if one.stopped in TOLD.values():
                self.ended[len(self.rows)] = candidate.choice, Procedure(*one.setup.how)
            self.rows.append(
                {
                    "step": len(self.rows),
                    **row(one, self.job.cluster, self.job.targets, candidate.bound_usd_per_year),
                }
            )
            self.last_met = bool(one.met)
            if one.met:
                if self.deciding is not None:
                    self.deciding.note(one.setup, self.rows[-1])
                self._keep(one)
            self.look_at(one)
        if self.progress is not None:
            self.progress(self._reached())

    def look_at(self, one: Evaluation) -> None:
        """Note if a replay that came to its end is closer to the targets than all others."""
        if one.ran is not None:
            self.engine = one.engine
            if self.closest is None or one.nearness < self.closest.nearness:
                self.closest = one

    def _keep(self, one: Evaluation) -> None:
        """Keep a setup that meets the targets, if none that is known is cheaper."""
        self.met.append(one)
        cheap = [other.cost_usd_per_year <= self.cheapest_usd_per_year * (1 + TIE) for other in self.met]
        if self.deciding is not None:
            self.deciding.wait([other for other, keep in zip(self.met, cheap, strict=True) if not keep])
        self.met = [other for other, keep in zip(self.met, cheap, strict=True) if keep]

    def _may_draw(self, number: int) -> bool:
        """Return whether there is time for a draw of the setup that is being decided; tell of it now and then."""
        if self.progress is not None and tells(number, self.workers or 1):
            assert self.job.replications is not None
            self.progress(self._reached()._replace(draw=number, draws=self.job.replications.n))
        return time.monotonic() <= self.deadline_s + compiling_s()

    def is_settled(self) -> bool:
        """Decide what is proven to be the cheapest on draws, if need be; return whether the search is over.

        It is if nothing is left that may be the answer, if that is accepted, or if the time is over.  Where the number
        of setups is limited, those that are known are decided in the order of their cost.
        """
        while self.deciding is not None and self.stopped in (None, "max_setups") and (best := self.best) is not None:
            decided = self.deciding.decide(best, self.workers or 1, self._may_draw)
            if decided is None:
                self.stop("time_limit")
            elif decided.decision == "accepted":
                self.met = [best]
                return True
            else:
                self.deciding.wait(one for one in self.met if one is not best)
                self.met = self.deciding.cheapest_waiting(TIE)
                if self.stopped is None:
                    return False
        return True

    def expect_none_met(self) -> None:
        """Make sure that what cannot meet the targets does not.

        Raises
        ------
        SolverError
            If it does: then a bound is wrong.
        """
        if self.met:
            raise SolverError("a setup meets the targets that was taken to be unable to: please report this scenario")

    def _not_replayed(self, usd_per_year: float) -> int:
        return max(0, self.known.setups_up_to(usd_per_year) * len(self.job.cluster.procedures) - len(self.rows))

    def _reached(self) -> Progress:
        cost, now_s, pace_s = self.cheapest_usd_per_year if self.met else math.nan, time.monotonic(), math.nan
        if self.first is None:
            self.first = now_s, len(self.rows)
        elif len(self.rows) > self.first[1]:
            pace_s = (now_s - self.first[0]) / (len(self.rows) - self.first[1])
        left = self.left(cost)
        return Progress(
            simulated=len(self.rows),
            in_space=in_space(self.job.cluster),
            cost_usd_per_year=cost,
            lower_bound_usd_per_year=self.bound_usd_per_year,
            engine=self.engine or self.job.engine,
            left_at_most=left,
            left_at_most_s=pace_s * left,
        )

    def _edges(self, setups: pd.DataFrame, best: Evaluation) -> tuple[Edge, ...]:
        """Return the limits of the scenario beyond which something cheaper may lie: of each pool the first.

        Those of the chosen types come first; of other types, whether a pool has too many nodes says nothing.
        """
        job, found = self.job, dict[tuple[str, str], Edge]()
        chosen = self.known.of_types(choice_of(self.job.cluster, best.setup.nodes, best.setup.types))
        for variant in (chosen, *(one for one in self.known.variants if one is not chosen)):
            mine = pd.Series(data=True, index=setups.index)
            types = types_of(job.cluster, variant.types)
            for pool, name in types.items():
                mine &= setups[f"type_{pool}"] == name
            for one in edges(
                variant.cluster, variant.bounds, job.targets, setups[mine], best.setup.nodes, best.cost_usd_per_year
            ):
                if one.edge == "most" or variant is chosen:
                    found.setdefault((one.pool, one.edge), one._replace(types=types))
        return tuple(found.values())

    def plan(self, name: str) -> Plan:
        """Return the plan.

        Raises
        ------
        InputError
            If no replay of any setup could be brought to its end.
        """
        job, best, deciding = self.job, self.best, self.deciding
        if deciding is not None and not deciding.accepted:
            best, self.closest = None, deciding.closest() or self.closest
        shown = best or self.closest
        if shown is None or shown.ran is None or shown.ran.replay is None:
            raise InputError(f"no setup could be replayed to its end; the first: {self.rows[0]['stopped']}")
        lower_bound = math.inf if self.stopped is None else self.bound_usd_per_year
        if best is not None:
            lower_bound = min(lower_bound, best.cost_usd_per_year)
        stopped = self.stopped
        if deciding is not None:
            open_usd = (one.cost_usd_per_year for one in self.met)
            lower_bound = min(lower_bound, deciding.undecided_usd_per_year, *open_usd)
            stopped = stopped or ("undecided" if math.isfinite(deciding.undecided_usd_per_year) else None)
        setups = pd.DataFrame(self.rows, columns=max(map(list, self.rows), key=len))
        kinds: dict[Any, Any] = {name: float for name in map(str, setups) if name.endswith("_achieved")}
        kinds |= {name: "boolean" for name in setups if str(name).startswith(YES_OR_NO) and setups[name].isna().any()}
        kinds |= dict.fromkeys(("stopped", "decision") if "decision" in setups else ("stopped",), "str")
        found = self._edges(setups, best) if best else ()
        result = Result(job.trace, job.cluster.at(*shown.setup), shown.ran.replay, job.seed, job.trim)
        vars(result)["metrics"] = shown.ran.metrics  # which the judge measured: it takes as long as a short replay
        asked = {
            "name": name,
            "cluster": job.cluster.model_dump(mode="json", exclude_none=True),
            "targets": [one.model_dump(mode="json", exclude_none=True) for one in job.targets],
            "metrics": job.trim._asdict(),
            "economics": job.economics.model_dump(mode="json", exclude_none=True),
            "search": {} if self.max_setups is None else {"budget": {"setups": self.max_setups}},
            "seed": job.seed,
        }
        if job.replications is not None:
            asked["replications"] = job.replications.model_dump(mode="json")
        return Plan(
            status=_status(proven=stopped is None, found=best is not None),
            stopped=stopped,
            chosen=best.setup if best else None,
            closest=None if best else shown.setup,
            result=result,
            bill=shown.ran.bill,
            lower_bound_usd_per_year=lower_bound,
            setups_in_space=in_space(job.cluster),
            setups=retyped(setups, kinds),
            targets=job.targets,
            economics=job.economics,
            edges=found,
            name=name,
            method=self.method,
            proof=self.proof,
            solver=dict(self.solver),
            judge=job,
            workers=self.workers,
            asked=asked,
            decided=None if deciding is None else deciding.of(shown.setup),
            run_id=record.run_id("run", asked, [job.trace], [job.cluster], len(setups) if self.stopped else None),
        )


def _status(*, proven: bool, found: bool) -> str:
    if found:
        return "optimal" if proven else "best_found"
    return "infeasible" if proven else "unknown"


def row(one: Evaluation, cluster: Cluster, targets: Sequence[Target], bound_usd_per_year: float) -> dict[str, Any]:
    """Return a replayed setup as a row of ``setups``, without its step."""
    return {
        **{f"nodes_{name}": count for name, count in one.setup.nodes.items()},
        **{f"type_{name}": chosen for name, chosen in one.setup.types.items()},
        **one.setup.procedure(cluster.alternatives),
        "meets_targets": one.accepted,
        "stopped": one.stopped,
        **{
            f"at_limit_{name}": None if one.ran is None else one.ran.at_limit[index]
            for index, name in enumerate(one.setup.nodes)
        },
        **(one.ran.bill.figures() if one.ran else {}),
        "lower_bound_usd_per_year": bound_usd_per_year,
        **(one.ran.metrics if one.ran else {}),
        **{f"target_{index}_achieved": value for index, value in enumerate(one.achieved)},
        **({} if one.decided is None else drawn_columns(targets, one.decided)),
    }
