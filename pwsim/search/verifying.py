"""A proof checked again: every replay that it rests on done anew, every bound recomputed, every setup accounted for.

Nothing of a search is run here but its formulas: bounds, sums over pools, judgement of a replay.  The replays are done
without what was kept of them (:mod:`.evidence`), by the other engine where that is affordable; and for each claim
(:mod:`.claims`), :mod:`.accounting` lists all setups.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from pwsim.common import InputError, count, plain
from pwsim.engine import DEAR, LOST
from pwsim.search import accounting, claims, early
from pwsim.search.accounting import Account, Claimed
from pwsim.search.answer import answer
from pwsim.search.around import records
from pwsim.search.bounds import least_limit
from pwsim.search.claims import Claim
from pwsim.search.decomposition import coupling, paths
from pwsim.search.evidence import Evidence, procedure_of, procedures_of
from pwsim.search.frontier import Frontier, Point, share_at_points, table
from pwsim.search.holding import Holding
from pwsim.search.judging import Evaluation, Judge, scalable
from pwsim.search.objective import Objective
from pwsim.search.options import Place, bounds_of, choice_of, in_space
from pwsim.search.redrawing import Decisions
from pwsim.search.replications import share_of
from pwsim.search.routing import Network
from pwsim.search.targets import Target, judged
from pwsim.search.trail import TIE, row
from pwsim.search.verification import Differences, Shown, Verification

NOT_ACCOUNTED_FOR = "was not replayed or does not miss, is cheaper than claimed, and nothing else excludes it"
"""What is said of a setup that breaks the proof."""


def verify(
    judge: Judge,
    summary: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    *,
    objective: Objective | None = None,
    frontier: Frontier | None = None,
    asked: Sequence[Target] = (),
    workers: int | None = None,
    thorough: bool = False,
) -> Verification:
    """Check what a search claims.

    Parameters
    ----------
    judge
        The question, targets complete.
    summary, tables
        What the search wrote: ``summary.json``, and the tables ``setups``, ``proof`` if it was done by pool, and
        ``frontier`` if there is one.
    objective, frontier
        What was asked besides.
    asked
        The targets that hold at each point of a frontier, if it does not vary them; no others are implied there than
        these imply (:func:`.with_implied`).
    workers
        How many replays run at once; as many as there are cores if ``None``.
    thorough
        Whether all replays are done by the other engine, however long that takes.
    """
    return _Check(judge, summary, tables, objective, frontier, asked).run(workers, thorough=thorough)


class _Check:
    def __init__(
        self,
        judge: Judge,
        summary: Mapping[str, Any],
        tables: Mapping[str, pd.DataFrame],
        objective: Objective | None,
        frontier: Frontier | None,
        asked: Sequence[Target],
    ) -> None:
        self.judge, self.cluster, self.summary, self.tables = judge, judge.cluster, summary, tables
        self.objective, self.frontier, self.asked = objective, frontier, asked
        self.holding = Holding(judge.trace, judge.cluster)
        self.points = [] if frontier is None else summary["frontier"]["points"]
        self.differences = Differences()

    def run(self, workers: int | None, *, thorough: bool) -> Verification:
        """Do all checks."""
        if not self.is_consistent():
            return Verification("these results claim one thing.", tuple(self.differences), 0, 0, ())
        self.check_claims()
        network = self.network()
        of_answer = list(claims.of_answer(self.summary, self.judge.targets, in_space(self.cluster), self.objective))
        of_points = (
            []
            if self.frontier is None
            else list(claims.of_points(self.points, self.frontier, self.asked, self.holding))
        )
        every = [*of_answer, *of_points]
        measured = (target for claim in every for target in claim.targets)
        setups, proof = self.tables["setups"], self.tables.get("proof")
        self.evidence = Evidence(
            self.judge, measured, setups, proof, self.summary["engine"], workers, self.differences, thorough=thorough
        )
        self.evidence.gather(network)
        self.draw_again(every, of_points)
        self.check_rows(self.evidence.judged(self.judge.targets, self.decisions.of_answer))
        self.check_answer(of_answer[-1])
        for told, claim in zip(self.points, of_points, strict=True):
            self.check_point(told, claim)
        shown = tuple(Shown(claim.text, self.account(network, claim)) for claim in every)
        again = self.evidence.again
        return Verification(every[0].text, tuple(self.differences), again.replays, again.by_other_engine, shown)

    # -- what is claimed

    def is_consistent(self) -> bool:
        """Return whether what is told goes together: status, chosen and stopped, and the limits of points."""
        points = [(f"summary.json, frontier.points.{index}", one) for index, one in enumerate(self.points)]
        for where, told in (("summary.json", self.summary), *points):
            if told["status"] != (right := claims.right_status(told)):
                self.differences.append(
                    f"{where}: status is told as {told['status']!r}, but by chosen and stopped it is {right!r}"
                )
        required = [] if self.frontier is None else [point.required for point in self.frontier.points()]
        if [one["required"] for one in self.points] != required:
            self.differences.append(f"summary.json, frontier.points: there must be one for each limit of {required}")
        return not self.differences

    def check_claims(self) -> None:
        """Compare what the summary says of the proof with itself."""
        told, proof = self.summary, self.tables.get("proof")
        expected: dict[str, Any] = {
            "setups_in_space": in_space(self.cluster),
            "setups_simulated": len(self.tables["setups"]),
            "gap": claims.right_gap(told),
        }
        if told["status"] == "optimal":
            expected["lower_bound_usd_per_year"] = told["cost_usd_per_year"]
        if proof is not None:
            pool_replays = told["search"]["pool_replays"]
            if pool_replays != len(proof):
                self.differences.append(
                    f"proof.parquet has {count(len(proof), 'row')}, but the search says that it rests on "
                    f"{count(pool_replays or 0, 'replay')} of pools"
                )
        self.differences.compare("summary.json", told, expected)
        if self.objective is not None:
            self.check_objective(told["minimise"])
        if (certificate := told.get("certificate")) is not None:
            same = ("status", "lower_bound_usd_per_year", "setups_in_space", "setups_simulated")
            gap = told["gap"] if self.objective is None else told["minimise"]["gap"]
            self.differences.compare("the certificate", certificate, {**{key: told[key] for key in same}, "gap": gap})
        if self.frontier is not None:
            self.check_points()

    def check_objective(self, told: Mapping[str, Any]) -> None:
        """Compare what the summary says of the objective with the question, and with itself."""
        assert self.objective is not None
        value, least = told["achieved"], told["lower_bound"]
        where = self.objective.where
        expected = {
            "metric": self.objective.metric,
            "statistic": self.objective.statistic,
            "where": None if where is None else where.model_dump(exclude_none=True),
            "gap": None if value is None else (value - least) / value if value else 0.0,
        }
        self.differences.compare("summary.json, minimise", told, expected)
        if self.summary["status"] == "optimal":
            self.differences.compare("summary.json, minimise", told, {"lower_bound": value})

    def check_points(self) -> None:
        """Compare the points of a frontier with one another, and with their table."""
        before: list[float] = []
        for index, told in enumerate(self.points):
            cost = told["cost_usd_per_year"]
            expected = {"gap": claims.right_gap(told), "marginal_usd_per_year": None}
            if told["chosen"] is not None:
                expected["marginal_usd_per_year"] = cost - before[-1] if before else None
                before.append(cost)
            if told["status"] == "optimal":
                expected["lower_bound_usd_per_year"] = cost
            self.differences.compare(f"summary.json, frontier.points.{index}", told, expected)
        assert self.frontier is not None
        drawn = share_at_points(self.frontier, self.asked) is not None
        rows = records(table([self.point(told) for told in self.points], self.cluster, drawn=drawn))
        told_rows = records(self.tables["frontier"])
        if len(rows) != len(told_rows):
            self.differences.append(f"frontier.parquet has {count(len(told_rows), 'row')}, not {len(rows)}")
        for index, (told, shown) in enumerate(zip(told_rows, rows, strict=False)):
            self.differences.compare(f"frontier.parquet, row {index}", told, shown)

    def point(self, told: Mapping[str, Any]) -> Point:
        """Return a point of the summary as a search returns it."""
        chosen = None
        if told["chosen"] is not None:
            choice, procedure = self.shown(told["chosen"])
            chosen = self.judge.setup(choice, self.cluster.procedures[procedure])
        bound = told["lower_bound_usd_per_year"]
        unbounded = math.inf if told["status"] == "infeasible" else math.nan
        known = {**told, "chosen": chosen, "lower_bound_usd_per_year": unbounded if bound is None else bound}
        return Point(**{name: known[name] for name in Point._fields if name in known})

    def network(self) -> Network | None:
        """Return the network of pools where they do not meet; that the search went the way that it says is checked."""
        because = coupling(self.judge.trace, self.cluster, self.judge.economics.savings_plans)
        network = paths(self.holding) if because is None else None
        method = "by_setup" if network is None else "by_pool"
        if self.summary["search"]["method"] != method or ("proof" in self.tables) != (network is not None):
            told = self.summary["search"]["method"]
            raise InputError(f"the search was done {told}, and {method} can be checked here: run the scenario again")
        return network

    def draw_again(self, every: Sequence[Claim], of_points: Sequence[Claim]) -> None:
        """Decide setups on draws again, where targets must hold in a share of them."""
        measured = [target for claim in every for target in claim.targets]
        self.decisions = Decisions(self.judge, self.evidence, measured)
        if self.judge.shared:
            draws = self.tables["setups"]["draws"]
            took = dict(zip(self.evidence.places, map(int, draws), strict=True))
            cut = self.summary["stopped"] in ("time_limit", "interrupted")
            told = {"share": share_of(self.judge.targets), **self.decisions.decide_answer(took, cut=cut)}
            self.differences.compare("summary.json, decisions", self.summary["decisions"], told)
        for told, claim in zip(self.points, of_points, strict=True):
            self.decisions.decide_point(told, claim)

    def judged(self, claim: Claim) -> dict[Place, Evaluation]:
        """Return what each setup shows, judged by the targets of a claim, on the log and on draws."""
        return self.evidence.judged(claim.targets, self.decisions.of(claim))

    # -- what came of the replays

    def check_rows(self, seen: Mapping[Place, Evaluation]) -> None:
        """Compare the rows of ``setups.parquet`` with what their replays show now."""
        places, named = self.evidence.places, self.evidence.named
        if len(set(places)) < len(places):
            self.differences.append("setups.parquet: a setup stands in it twice")
        for place, told in zip(places, records(self.tables["setups"]), strict=True):
            if place not in seen:
                continue
            bound, targets = told["lower_bound_usd_per_year"], self.judge.targets
            shown = row(seen[place], self.cluster, targets, bound)
            if (how := self.ended_early(told, seen[place])) is not None:
                met = False if how == LOST else None
                ended = self.judge.without_figures(seen[place].setup, early.TOLD[how], met=met)
                shown = {**dict.fromkeys(shown), **row(ended, self.cluster, targets, bound)}
            self.differences.compare(f"setups.parquet, {named(place)}", told, shown)
            bound = told["lower_bound_usd_per_year"]
            if seen[place].met and bound > seen[place].cost_usd_per_year * (1 + TIE):
                self.differences.append(f"setups.parquet, {named(place)}: its bound is above its cost")

    def ended_early(self, told: Mapping[str, Any], seen: Evaluation) -> int | None:
        """Return how the replay of a row was ended early, if it was told to be, and its end shows that this is so."""
        if told["stopped"] == early.TOLD[LOST]:
            pairs = zip(self.judge.targets, seen.achieved, strict=True)
            late = any(early.counts_late(one) and not one.met(value) for one, value in pairs if one.in_share is None)
            return LOST if late else None
        return DEAR if told["stopped"] == early.TOLD[DEAR] and self.is_beaten(seen) else None

    def is_beaten(self, one: Evaluation) -> bool:
        """Return whether a setup costs more than the chosen one."""
        chosen = self.summary["chosen"] is not None
        return chosen and one.cost_usd_per_year > self.summary["cost_usd_per_year"] * (1 - TIE)

    def shown(self, told: Mapping[str, Any]) -> Place:
        """Return the setup that an entry of the summary tells of."""
        choice = choice_of(self.cluster, told["nodes"], told.get("types", {}))
        return choice, procedures_of(self.cluster)[procedure_of(told)]

    def check_answer(self, claim: Claim) -> None:
        """Compare the chosen setup, its cost and what it achieves with its replay, and the sentence with both."""
        told, compare = self.summary, self.differences.compare
        compare("summary.json", told, {"answer": answer(told)})
        place = self.shown(told["chosen"] or told["closest"])
        also = [] if self.objective is None else [self.objective.at_most(self.objective.largest)]
        one = self.evidence.judged([*self.judge.targets, *also], self.decisions.of_answer).get(place)
        if one is None or one.ran is None or one.accepted != (told["chosen"] is not None):
            named = self.evidence.named(place)
            self.differences.append(f"summary.json: {named} was not replayed, or not with such an end")
            return
        compare("summary.json", told, {"cost_usd_per_year": one.cost_usd_per_year})
        key = "cost_breakdown_usd_per_year"
        compare(f"summary.json, {key}", told[key], one.ran.bill.cost)
        compare("summary.json, metrics", told["metrics"], plain(one.ran.metrics))
        targets = self.judge.targets
        for index, target in enumerate(judged(targets, row(one, self.cluster, targets, 0.0))):
            compare(f"summary.json, targets.{index}", told["targets"][index], plain(target))
        if self.objective is not None:
            compare("summary.json, minimise", told["minimise"], {"achieved": one.achieved[-1] if one.met else None})
        if one.accepted and (self.objective is None or told["status"] == "optimal"):
            self.check_best(place, claim)

    def check_point(self, told: Mapping[str, Any], claim: Claim) -> None:
        """Compare the chosen setup of a point of the frontier with its replay."""
        if told["chosen"] is None or self.frontier is None:
            return
        place = self.shown(told["chosen"])
        one = self.judged(claim).get(place)
        if one is None or not one.accepted:
            named = self.evidence.named(place)
            self.differences.append(f"{claim.where}: {named} was not replayed, or does not meet the targets")
            return
        pairs = zip(claim.targets, one.achieved, strict=True)
        varied = next(value for target, value in pairs if self.frontier.replaces(target))
        shown = {"cost_usd_per_year": one.cost_usd_per_year, "achieved": varied}
        if one.decided is not None:
            shown |= {"draws": one.decided.draws, "draws_met": one.decided.draws_met}
        self.differences.compare(claim.where, told, shown)
        if told["status"] == "optimal":
            self.check_best(place, claim)

    def check_best(self, place: Place, claim: Claim) -> None:
        """Note it if a setup that was replayed is to be taken rather than the chosen one."""
        seen, evidence = self.judged(claim), self.evidence
        usd = seen[place].cost_usd_per_year
        better = [
            at for at, one in seen.items() if one.accepted and evidence.is_better(at, one.cost_usd_per_year, place, usd)
        ]
        if better:
            said = f"{evidence.named(better[0])} meets the targets and is to be preferred"
            self.differences.append(f"{claim.where}: {said}")

    def account(self, network: Network | None, claim: Claim) -> Account:
        """Account for every setup, and note those that nothing accounts for."""
        judge = replace(self.judge, targets=claim.targets)
        with scalable(judge.trace):
            bounds = bounds_of(self.holding, judge.firm, judge.economics, judge.trim)
        seen = self.judged(claim)
        usd = {place: math.nan if one.excluded else one.cost_usd_per_year for place, one in seen.items()}
        claimed = Claimed(claim.usd_per_year, usd, least_limit(judge.firm, "cost_usd_per_year", math.inf))
        large = in_space(self.cluster) > accounting.MOST_LISTED
        if network is None:
            whole = accounting.by_order if large else accounting.by_setup
            account = accounting.by_variant(self.cluster, bounds, claimed, whole)
        else:
            way = accounting.by_programme if large else accounting.by_pool
            sums = self.evidence.known(judge, bounds, network).sums
            account = way(self.cluster, bounds, network, sums, claimed)
        where = "" if claim.where == "summary.json" else f"{claim.where}: "
        self.differences += [f"{where}{self.evidence.named(place)}: {NOT_ACCOUNTED_FOR}" for place in account.left]
        return account
