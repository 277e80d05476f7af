"""A proof checked again: every replay that it rests on done anew, every bound recomputed, every setup accounted for.

Nothing of a search is run here but its formulas: bounds, sums over pools, judgement of a replay.  The replays are done
without what was kept of them, by the other engine where that is affordable, and :mod:`.accounting` lists all setups.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pwsim.common import InputError, count, listed, plain
from pwsim.engine import Replay, prepare, steady_replay
from pwsim.results import Result
from pwsim.search import accounting
from pwsim.search.accounting import Account, Claimed, Place
from pwsim.search.again import Again
from pwsim.search.answer import answer
from pwsim.search.around import records
from pwsim.search.decomposition import Known, coupling, paths
from pwsim.search.holding import Holding
from pwsim.search.judging import Evaluation, Judge, scalable
from pwsim.search.options import bounds_of, choice_of, in_space, many, order_of, told_choice
from pwsim.search.proof import by_jobs, digest_of_jobs, digest_of_starts
from pwsim.search.redrawing import decided_again
from pwsim.search.replications import share_of
from pwsim.search.routing import Network
from pwsim.search.targets import judged
from pwsim.search.trail import TIE, row
from pwsim.search.verification import Verification

NOT_ACCOUNTED_FOR = "was not replayed or does not miss, is cheaper than claimed, and nothing else excludes it"
"""What is said of a setup that breaks the proof."""
CLOSE = 1e-9
"""Relative difference up to which figures are the same: sums may be rounded otherwise on another machine."""


def verify(
    judge: Judge,
    summary: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    *,
    workers: int | None = None,
    thorough: bool = False,
) -> Verification:
    """Check what a search claims.

    Parameters
    ----------
    judge
        The question, targets complete.
    summary, tables
        What the search wrote: ``summary.json``, and the tables ``setups`` and, if it was done by pool, ``proof``.
    workers
        How many replays run at once; as many as there are cores if ``None``.
    thorough
        Whether all replays are done by the other engine, however long that takes.
    """
    return _Check(judge, summary, tables, workers, thorough=thorough).run()


class _Check:
    def __init__(
        self,
        judge: Judge,
        summary: Mapping[str, Any],
        tables: Mapping[str, pd.DataFrame],
        workers: int | None,
        *,
        thorough: bool,
    ) -> None:
        self.judge, self.summary, self.setups, self.proof = judge, summary, tables["setups"], tables.get("proof")
        self.cluster = judge.cluster
        self.holding = Holding(judge.trace, judge.cluster)
        with scalable(judge.trace):
            self.bounds = bounds_of(self.holding, judge.firm, judge.economics, judge.trim)
        self.procedures = {
            (str(one.policy), one.limits, one.hours): index for index, one in enumerate(self.cluster.procedures)
        }
        self.differences: list[str] = []
        self.again = Again(judge, summary["engine"], workers, thorough=thorough)

    def run(self) -> Verification:
        """Do all checks."""
        if not self.is_consistent():
            return Verification("these results claim one thing.", tuple(self.differences), 0, 0, None)
        self.check_claims()
        network = self.network()
        known = None if network is None else Known(self.judge, self.bounds, network)
        seen = self.whole_replays() if known is None else self.combined(self.pool_replays(known))
        seen = self.drawn(seen)
        self.check_rows(seen)
        self.check_answer(seen)
        account = self.account(known, self.claimed(seen))
        self.differences += [f"{self.named(place)}: {NOT_ACCOUNTED_FOR}" for place in account.left]
        return Verification(
            self.claim(), tuple(self.differences), self.again.replays, self.again.by_other_engine, account
        )

    # -- what is claimed

    @property
    def threshold_usd_per_year(self) -> float:
        """Below this, no setup is claimed to meet the targets."""
        if self.summary["status"] == "infeasible":
            return math.inf
        bound = self.summary["lower_bound_usd_per_year"]
        return -math.inf if bound is None else float(bound)

    def claim(self) -> str:
        """Say what is claimed."""
        setups = count(in_space(self.cluster), "setup")
        if self.summary["status"] == "infeasible":
            return f"none of the {setups} allowed meets all targets."
        bound = self.threshold_usd_per_year
        return f"none of the {setups} allowed that meets all targets costs less than ${bound:,.2f} a year."

    def is_consistent(self) -> bool:
        """Return whether status, chosen and stopped go together."""
        told = self.summary
        found, proven = told["chosen"] is not None, told["stopped"] is None
        status = {(True, True): "optimal", (True, False): "best_found", (False, True): "infeasible"}
        if told["status"] != (right := status.get((found, proven), "unknown")):
            self.differences.append(
                f"summary.json: status is told as {told['status']!r}, but by chosen and stopped it is {right!r}"
            )
        return not self.differences

    def check_claims(self) -> None:
        """Compare what the summary says of the proof with itself."""
        told = self.summary
        found = told["chosen"] is not None
        cost, bound = told["cost_usd_per_year"], told["lower_bound_usd_per_year"]
        gap = None if not found else 0.0 if not cost else (cost - (bound or 0.0)) / cost
        expected: dict[str, Any] = {
            "setups_in_space": in_space(self.cluster),
            "setups_simulated": len(self.setups),
            "gap": gap,
        }
        if told["status"] == "optimal":
            expected["lower_bound_usd_per_year"] = cost
        if self.proof is not None:
            pool_replays = told["search"]["pool_replays"]
            if pool_replays != len(self.proof):
                self.differences.append(
                    f"proof.parquet has {count(len(self.proof), 'row')}, but the search says that it rests on "
                    f"{count(pool_replays or 0, 'replay')} of pools"
                )
        self.compare("summary.json", told, expected)
        if (certificate := told.get("certificate")) is not None:
            same = ("status", "lower_bound_usd_per_year", "gap", "setups_in_space", "setups_simulated")
            self.compare("the certificate", certificate, {key: told[key] for key in same})

    def network(self) -> Network | None:
        """Return the network of pools where they do not meet; that the search went the way that it says is checked."""
        because = coupling(self.judge.trace, self.cluster, self.judge.economics.savings_plans)
        network = paths(self.holding) if because is None else None
        method = "by_setup" if network is None else "by_pool"
        if self.summary["search"]["method"] != method or (self.proof is None) != (network is None):
            told = self.summary["search"]["method"]
            raise InputError(f"the search was done {told}, and {method} can be checked here: run the scenario again")
        return network

    # -- replays

    def places(self) -> list[Place]:
        """Return the setups of the rows of ``setups.parquet``."""
        found = []
        for index, told in enumerate(records(self.setups)):
            try:
                found.append((told_choice(self.cluster, told), self.procedures[_procedure(told)]))
            except (KeyError, ValueError):
                raise InputError(f"setups.parquet: row {index} is no setup that the scenario allows") from None
        return found

    def whole_replays(self) -> dict[Place, Evaluation]:
        """Replay each row of ``setups.parquet``: those that meet the targets, and then the dearest, first."""
        places = self.places()
        usd = -self.setups["cost_usd_per_year"].fillna(0.0).to_numpy()
        order = np.lexsort((usd, ~self.setups["meets_targets"].to_numpy(dtype=bool))).tolist()
        return dict(zip(places, self.again.setups(places, order), strict=True))

    def drawn(self, seen: Mapping[Place, Evaluation]) -> dict[Place, Evaluation]:
        """Return the judgements with what draws decide, where targets must hold in a share of them."""
        if not self.judge.shared:
            return dict(seen)
        draws = dict(zip(self.places(), map(int, self.setups["draws"]), strict=True))
        cut = self.summary["stopped"] in ("time_limit", "interrupted")
        found = decided_again(self.judge, self.again, seen, draws, cut=cut)
        taken = [one.decided.draws for one in found.values() if one.decided is not None and one.decided.draws]
        told = {"share": share_of(self.judge.targets), "setups_drawn": len(taken), "draws": sum(taken)}
        self.compare("summary.json, decisions", self.summary["decisions"], told)
        return found

    def pool_replays(self, known: Known) -> dict[tuple[int, int, int, str], Replay]:
        """Replay each row of ``proof.parquet``, and put what it shows into the sums."""
        assert self.proof is not None
        arcs = by_jobs(known.network)
        names = {pool.name: index for index, pool in enumerate(self.cluster.pools)}
        keys, rows = [], []
        for index, told in enumerate(records(self.proof)):
            try:
                pool = names[told["pool"]]
                here = self.cluster.pools[pool]
                kind = here.type_index(told["type"]) if here.types else 0
                choice = here.nodes.index(told["nodes"]) * many(here) + kind
                arc = arcs[pool, choice, str(told["jobs_sha256"])]
                keys.append((self.procedures[_procedure(told)], arc))
                rows.append((f"proof.parquet, row {index}", told))
            except (KeyError, ValueError):
                self.differences.append(f"proof.parquet, row {index}: no setup sends such jobs to such a pool")
        seen = {}
        for (procedure, arc), (where, told), result in zip(
            keys, rows, self.again.pools(known.network, keys), strict=True
        ):
            with scalable(self.judge.trace):
                usd = result.pools(self.judge.economics)["cost_usd_per_year"].iloc[arc.pool]
            mine = known.network.held(arc)
            shown = {
                "jobs": int(np.count_nonzero(mine)),
                "starts_sha256": digest_of_starts(result.replay.start_s[mine]),
                "cost_usd_per_year": float(usd),
            }
            self.compare(where, told, shown)
            known.learn(procedure, [arc], result)
            seen[procedure, arc.pool, arc.choice, str(told["jobs_sha256"])] = result.replay
        return seen

    def combined(self, pools: Mapping[tuple[int, int, int, str], Replay]) -> dict[Place, Evaluation]:
        """Judge each row of ``setups.parquet`` by the replays of its pools."""
        found = {}
        for choice, procedure in self.places():
            setup = self.judge.setup(choice, self.cluster.procedures[procedure])
            inputs = prepare(self.judge.trace, self.cluster.at(*setup), self.judge.seed, self.judge.start)
            start_s = np.full(len(self.judge.trace), np.nan)
            missing = []
            for pool, one in enumerate(choice):
                here = inputs.pool == pool
                seen = pools.get((procedure, pool, one, digest_of_jobs(here)))
                if seen is None:
                    missing.append(self.cluster.pools[pool].name)
                else:
                    start_s[here] = seen.start_s[here]
            if missing:
                named = f"{self.named((choice, procedure))} was judged"
                self.differences.append(f"{named}, but proof.parquet has no replay of its pool {listed(missing)}")
                continue
            replayed = steady_replay(self.summary["engine"], inputs, start_s)
            result = Result(self.judge.trace, self.cluster.at(*setup), replayed, self.judge.seed)
            found[choice, procedure] = self.judge.judge(setup, result)
        return found

    # -- what came of them

    def check_rows(self, seen: Mapping[Place, Evaluation]) -> None:
        """Compare the rows of ``setups.parquet`` with what their replays show now."""
        places = self.places()
        if len(set(places)) < len(places):
            self.differences.append("setups.parquet: a setup stands in it twice")
        for place, told in zip(places, records(self.setups), strict=True):
            if place not in seen:
                continue
            shown = row(seen[place], self.cluster, self.judge.targets, told["lower_bound_usd_per_year"])
            if (
                isinstance(told["stopped"], str) and seen[place].stopped is None
            ):  # its replay was not brought to its end
                shown = {"meets_targets": False} if not self.is_beaten(seen[place]) else {}
            self.compare(f"setups.parquet, {self.named(place)}", told, shown)
            bound = told["lower_bound_usd_per_year"]
            if seen[place].met and bound > seen[place].cost_usd_per_year * (1 + TIE):
                self.differences.append(f"setups.parquet, {self.named(place)}: its bound is above its cost")

    def is_beaten(self, one: Evaluation) -> bool:
        """Return whether a setup costs more than the chosen one."""
        chosen = self.summary["chosen"] is not None
        return chosen and one.cost_usd_per_year > self.summary["cost_usd_per_year"] * (1 - TIE)

    def check_answer(self, seen: Mapping[Place, Evaluation]) -> None:
        """Compare the chosen setup, its cost and what it achieves with its replay, and the sentence with both."""
        told = self.summary
        self.compare("summary.json", told, {"answer": answer(told)})
        shown = told["chosen"] or told["closest"]
        choice = choice_of(self.cluster, shown["nodes"], shown.get("types", {}))
        place = choice, self.procedures[_procedure(shown)]
        one = seen.get(place)
        if one is None or one.ran is None or one.accepted != (told["chosen"] is not None):
            self.differences.append(f"summary.json: {self.named(place)} was not replayed, or not with such an end")
            return
        self.compare("summary.json", told, {"cost_usd_per_year": one.cost_usd_per_year})
        key = "cost_breakdown_usd_per_year"
        self.compare(f"summary.json, {key}", told[key], one.ran.bill.cost)
        self.compare("summary.json, metrics", told["metrics"], plain(one.ran.metrics))
        targets = self.judge.targets
        for index, target in enumerate(judged(targets, row(one, self.cluster, targets, 0.0))):
            self.compare(f"summary.json, targets.{index}", told["targets"][index], plain(target))
        if one.accepted and (better := [at for at in seen if self.is_better(at, seen[at], place, one)]):
            self.differences.append(f"summary.json: {self.named(better[0])} meets the targets and is to be preferred")

    def is_better(self, place: Place, one: Evaluation, chosen: Place, best: Evaluation) -> bool:
        """Return whether a setup is to be taken rather than the chosen one: it is cheaper, or wins the tie."""
        if not one.accepted or one.cost_usd_per_year > best.cost_usd_per_year * (1 + TIE):
            return False
        return one.cost_usd_per_year < best.cost_usd_per_year * (1 - TIE) or self.rank(place) < self.rank(chosen)

    def rank(self, place: Place) -> tuple[int, ...]:
        """Return what decides between setups of equal cost, the least first."""
        return (*order_of(self.cluster, place[0]), place[1])

    def claimed(self, seen: Mapping[Place, Evaluation]) -> Claimed:
        """Return what is to be shown of all setups."""
        usd = {place: math.nan if one.excluded else one.cost_usd_per_year for place, one in seen.items()}
        return Claimed(self.threshold_usd_per_year, usd)

    def account(self, known: Known | None, claimed: Claimed) -> Account:
        """Account for every setup."""
        large = in_space(self.cluster) > accounting.MOST_LISTED
        if known is None:
            whole = accounting.by_order if large else accounting.by_setup
            return accounting.by_variant(self.cluster, self.bounds, claimed, whole)
        way = accounting.by_programme if large else accounting.by_pool
        return way(self.cluster, self.bounds, known.network, known.sums, claimed)

    # -- words

    def named(self, place: Place) -> str:
        """Return a setup in words."""
        choice, procedure = place
        setup = self.judge.setup(choice, self.cluster.procedures[procedure])
        types = {name: f" ({one})" for name, one in setup.types.items()}
        nodes = listed([f"{number:,} of pool {name}{types.get(name, '')}" for name, number in setup.nodes.items()])
        rules = [f"{key} {value}" for key, value in setup.procedure(self.cluster.alternatives).items()]
        return f"the setup of {nodes} under {', '.join(rules)}"

    def compare(self, where: str, told: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        """Note each value that is not as it is told."""
        for key, value in shown.items():
            if key not in told:
                self.differences.append(f"{where}: {key} is missing")
            elif not _same(told[key], value):
                self.differences.append(f"{where}: {key} is told as {told[key]!r}, and found to be {value!r}")


def _procedure(told: Mapping[str, Any]) -> tuple[str, int, int]:
    return str(told["policy"]), int(told.get("limits", 0)), int(told.get("hours", 0))


def _same(told: Any, found: Any) -> bool:
    """Return whether two values are the same, numbers up to a rounding, and NaN like nothing."""
    nothing = [one is None or (isinstance(one, float) and math.isnan(one)) for one in (told, found)]
    if any(nothing):
        return all(nothing)
    if isinstance(told, str) or isinstance(found, str | bool | Mapping):
        return bool(told == found)
    if isinstance(found, int | float) and isinstance(told, int | float | np.number):
        return math.isclose(told, found, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(told == found)
