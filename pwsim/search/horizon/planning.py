"""The plan of least net present cost over some years, with a proof.

The programme (:mod:`.programme`) picks own nodes for each year, at what they cost to run at least.  The cheapest setup
that is left with the nodes that it picked is replayed for that year: its true cost takes the place of the bound if it
meets the targets, and it is left out if not.  Then the programme is solved again.  Its value never falls and is never
above the cost of any plan; so once all that it picks is known, nothing cheaper is left.  Where targets must hold in a
share of draws, a setup is known once draws of that year have accepted it (:mod:`.drawn_year`).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from pwsim.cluster import Cluster, OnPremisesPool
from pwsim.common import HopelessError, InputError
from pwsim.common.solver import OutOfTimeError
from pwsim.costs import capital_recovery_factor
from pwsim.engine import Engine, compiling_s
from pwsim.metrics import NO_TRIM, Trim
from pwsim.prices import Economics
from pwsim.results import in_parallel
from pwsim.search.holding import Holding
from pwsim.search.horizon.capital import Capital
from pwsim.search.horizon.drawn_year import DrawnYear
from pwsim.search.horizon.programme import Programme, Purchases
from pwsim.search.horizon.question import Horizon, error_of_each
from pwsim.search.horizon.year import Own, Year, by_the_year, to_run, workload_of
from pwsim.search.horizon.years import Status, Years
from pwsim.search.judging import Evaluation, Judge
from pwsim.search.options import Option, in_space, options
from pwsim.search.plan import Stop
from pwsim.search.replays import Replays
from pwsim.search.replications import Replications, share_of
from pwsim.search.simulate_and_cut import check_question, complete_targets
from pwsim.search.targets import Target
from pwsim.search.trail import TIE, Progress, tells
from pwsim.trace import Trace
from pwsim.workload import Population

Task = tuple[Year, tuple[int, ...], int]


def plan_years(
    trace: Trace,
    cluster: Cluster,
    targets: Sequence[Target],
    horizon: Horizon,
    *,
    economics: Economics,
    seed: int = 1,
    engine: Engine = "auto",
    workers: int | None = None,
    trim: Trim = NO_TRIM,
    replays: Replays | None = None,
    max_setups: int | None = None,
    time_limit_s: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    stopped: Stop | None = None,
    replications: Replications | None = None,
) -> Years:
    """Find the plan of least net present cost.

    Parameters
    ----------
    trace
        The workload of the first year.
    cluster, targets
        Pools with their choices, and what must be achieved in each year that does not say otherwise.
    horizon
        The years.
    economics, seed, engine, workers, trim, replays
        As for :func:`.search`.
    max_setups
        End before more setups than this are replayed, of all years together.
    time_limit_s
        End after this time [s]; replays that have begun are let end, and compiling does not count.
    progress
        Called after each round of replays; costs are annuities over the years.
    stopped
        Why nothing more is to be replayed, if so.
    replications
        What is drawn again of each year's jobs, where targets must hold in a share of draws.

    Raises
    ------
    InputError
        If the load of some year cannot be made of this log, or its targets do not go with it.
    SolverError
        If the solver gives no proven answer.
    """
    machine, money, replays = to_run(cluster), by_the_year(economics), replays or Replays()
    years: list[Year] = []
    of_each = error_of_each(horizon, cluster, targets, replications)
    for number in range(1, horizon.years + 1):
        jobs = workload_of(trace, horizon, number, seed)
        holding = Holding(jobs, machine)
        asked = complete_targets(holding, horizon.targets_of(number, targets))
        try:
            check_question(holding, asked, money, trim)
            drawn = None if share_of(asked) is None else replications
            population = None if drawn is None else Population(jobs, drawn.by, seed)
        except InputError as error:
            raise InputError(f"horizon: in year {number}: {error}") from None
        judge = Judge(jobs, machine, asked, money, engine, seed, trim, replays, drawn, population)
        work, first = (float((one.procs * one.run_s).sum()) for one in (jobs, trace))
        load = work / first if first else 1.0
        years.append(Year(number, load, judge) if drawn is None else DrawnYear(number, load, judge, of_each))
    capital = Capital(horizon, cluster, economics.discount_rate)
    own: dict[int, Sequence[Option]] = {
        index: options(pool) for index, pool in enumerate(cluster.pools) if isinstance(pool, OnPremisesPool)
    }
    planning = _Planning(years, Programme(capital, own), capital, workers, max_setups, time_limit_s, progress)
    planning.stopped = stopped
    planning.run()
    return planning.told(horizon, cluster, economics)


class _Planning:
    def __init__(
        self,
        years: Sequence[Year],
        programme: Programme,
        capital: Capital,
        workers: int | None,
        max_setups: int | None,
        time_limit_s: float | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.years, self.programme, self.capital = tuple(years), programme, capital
        self.workers = workers or os.cpu_count() or 1
        self.max_setups, self.progress = max_setups, progress
        self.deadline_s = math.inf if time_limit_s is None else time.monotonic() + time_limit_s - compiling_s()
        self.bound_usd = -math.inf
        self.stopped: Stop | None = None
        self.best: Purchases | None = None
        self.engine: str = "auto"

    @property
    def left_s(self) -> float:
        """The time that is left [s]."""
        return self.deadline_s + compiling_s() - time.monotonic()

    @property
    def lost(self) -> list[Year]:
        """The years in which no setup meets the targets."""
        return [year for year in self.years if year.is_lost]

    def run(self) -> None:
        """Plan until the proof, or until a limit."""
        try:
            if self.stopped is None:  # so that there is something to show early; it counts for nothing in the proof
                self._replay([(year, one) for year in self.years if year.is_left(one := year.largest())])
            if self.stopped is None:  # jobs that prefer a small pool may wait there: then with the least of it
                first = [(year, year.next(year.own_of(year.largest()))) for year in self.years if not year.best]
                self._replay([(year, one.choice) for year, one in first if one is not None])
            while self.stopped is None and not self.lost and not self._round():
                pass
            if self.lost:
                self.bound_usd = math.inf
                self._settle()
        except OutOfTimeError:
            self.stopped = "time_limit"
        except KeyboardInterrupt:
            self.stopped = "interrupted"
        self._find_best(math.inf)
        self._mind_undecided()

    def _round(self) -> bool:
        """Solve the programme, and replay what it picked; return whether all of that was known."""
        found = self.programme.cheapest([year.usd_per_year() for year in self.years], self.left_s)
        if found is None:  # of some year, nothing is left but what draws did not decide
            self.stopped = "undecided"
            return True
        self.bound_usd = max(self.bound_usd, found.usd)
        picked = list(zip(self.years, found.own, strict=True))
        due = [(year, own) for year, own in picked if isinstance(year, DrawnYear) and year.is_due(own)]
        self._decide(due)
        open_ = [(year, one.choice) for year, own in picked if (one := year.next(own)) is not None]
        if not due:
            self._replay(open_)
        return not open_ and not due

    def _decide(self, due: Sequence[tuple[DrawnYear, Own]]) -> None:
        """Decide setups on draws, as far as there is time."""
        for year, own in due:
            if not year.decide(own, self.workers, partial(self._may_draw, year)):
                self.stopped = "time_limit"
                return

    def _may_draw(self, year: DrawnYear, number: int) -> bool:
        """Return whether there is time for a draw; tell of it now and then."""
        if self.progress is not None and tells(number, self.workers):
            assert year.judge.replications is not None
            reached = self._reached(f"year {year.number} of {len(self.years)}")
            self.progress(reached._replace(draw=number, draws=year.judge.replications.n))
        return self.left_s > 0

    def _mind_undecided(self) -> None:
        """Say so if a plan might cost less with setups that draws did not decide."""
        undecided = [year.undecided if isinstance(year, DrawnYear) else {} for year in self.years]
        if not any(undecided):
            return
        usd = []
        for year, also in zip(self.years, undecided, strict=True):
            least = year.usd_per_year()
            usd.append({own: min(least.get(own, math.inf), also.get(own, math.inf)) for own in least | also})
        found = self.programme.cheapest(usd, math.inf)
        if found is not None and (self.best is None or found.usd < self.best.usd * (1 - TIE)):
            self.bound_usd = min(self.bound_usd, found.usd)
            self.stopped = self.stopped or "undecided"

    def _replay(self, picked: Sequence[tuple[Year, tuple[int, ...]]]) -> None:
        """Replay choices, each under all procedures, as far as limits allow."""
        procedures = range(len(self.years[0].judge.cluster.procedures))
        if self.max_setups is not None:
            left = self.max_setups - sum(year.replayed for year in self.years)
            allowed = max(0, left // len(procedures))
            if len(picked) > allowed:
                self.stopped, picked = "max_setups", picked[:allowed]
        tasks: list[Task] = [(year, choice, place) for year, choice in picked for place in procedures]
        done: list[Evaluation] = []
        try:
            engine = self.years[0].judge.engine
            done.extend(in_parallel(Year.evaluate, self._in_time(tasks), workers=self.workers, engine=engine))
        finally:  # what was replayed before an interrupt counts, if all procedures were
            for index, (year, choice) in enumerate(picked):
                mine = done[index * len(procedures) : (index + 1) * len(procedures)]
                if len(mine) == len(procedures):
                    year.note(choice, mine)
        if picked and self.progress is not None:
            self._find_best(self.left_s)
            numbers = sorted({year.number for year, _ in picked})
            those = f"year {numbers[0]}" if len(numbers) == 1 else f"years {numbers[0]} to {numbers[-1]}"
            self.engine = next((one.engine for one in done if one.engine is not None), self.engine)
            self.progress(self._reached(f"{those} of {len(self.years)}"))

    def _in_time(self, tasks: Sequence[Task]) -> Iterator[Task]:
        """Yield tasks until the time is over."""
        for task in tasks:
            if self.left_s <= 0:
                self.stopped = "time_limit"
                return
            yield task

    def _settle(self) -> None:
        """Where some year has no setup, tell of the others whether they have one, the largest first."""
        for year in self.years:
            if not year.best and (year.closest is None or year.is_left(year.largest())):
                self._replay([(year, year.largest())])
            while self.stopped is None and not year.best:
                if isinstance(year, DrawnYear) and (own := year.first_due()) is not None:
                    self._decide([(year, own)])
                elif (one := year.first_left()) is not None:
                    self._replay([(year, one.choice)])
                else:
                    break

    def _find_best(self, time_limit_s: float) -> None:
        """Find the best plan of the setups that are known to meet the targets."""
        try:
            found = self.programme.cheapest([year.met_usd_per_year() for year in self.years], time_limit_s)
        except OutOfTimeError:
            return
        if found is not None and (self.best is None or found.usd < self.best.usd):
            self.best = found

    def _reached(self, part: str) -> Progress:
        space = in_space(self.years[0].judge.cluster) * len(self.years)
        replayed = sum(year.replayed for year in self.years)
        rate, years = self.capital.discount_rate, self.capital.years
        yearly = capital_recovery_factor(rate, years)
        return Progress(
            simulated=replayed,
            in_space=space,
            cost_usd_per_year=math.nan if self.best is None else self.best.usd * yearly,
            lower_bound_usd_per_year=self.bound_usd * yearly,
            engine=self.engine,
            left_at_most=sum(year.left for year in self.years),
            left_at_most_s=math.nan,
            part=part,
        )

    def told(self, horizon: Horizon, cluster: Cluster, economics: Economics) -> Years:
        """Return what was found."""
        best, status = self.best, self._status()
        if best is not None:
            best = self.programme.fewest(best, [year.met_usd_per_year() for year in self.years])
        bound = self.bound_usd if best is None or status == "infeasible" else min(self.bound_usd, best.usd)
        return Years(
            horizon, cluster, economics, self.capital, self.programme, self.years, status, self.stopped, best,
            best.usd if best is not None and status == "optimal" else bound, self._chosen(best),
        )  # fmt: skip

    def _status(self) -> Status:
        if self.lost:
            return "infeasible"
        if self.best is None:
            return "unknown"
        return "optimal" if self.stopped is None else "best_found"

    def _chosen(self, best: Purchases | None) -> tuple[Evaluation, ...]:
        """Return the setup of each year, replayed or known."""
        if best is None:
            return ()
        found: list[Any] = []
        for year, own in zip(self.years, best.own, strict=True):
            found.append(year.chosen(own))
        if any(one.ran is None for one in found):  # it came to its end before
            raise HopelessError("the replay of a chosen setup gave up: please report this scenario")
        return tuple(found)
