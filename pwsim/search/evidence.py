"""The replays that results rest on, done anew: rows of ``setups.parquet`` and ``proof.parquet``, and what they show.

A replay is done once, and measured by all that any claim is about; so each claim judges it by targets of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pwsim.cluster import Cluster
from pwsim.common import InputError, listed
from pwsim.engine import prepare, steady_replay
from pwsim.results import Result
from pwsim.search.again import Again
from pwsim.search.around import records
from pwsim.search.decided import Decided, undrawn
from pwsim.search.decomposition import Known
from pwsim.search.judging import Evaluation, Judge, scalable
from pwsim.search.options import AllBounds, Place, many, order_of, told_choice
from pwsim.search.proof import by_jobs, digest_of_jobs, digest_of_starts
from pwsim.search.routing import Arc, Network
from pwsim.search.targets import Target
from pwsim.search.trail import TIE
from pwsim.search.verification import Differences


class Evidence:
    """What the replays that results rest on show now.

    Parameters
    ----------
    judge
        The question.
    measured
        Targets that all claims are about; only what they measure counts, not their limits.
    setups, proof
        The tables; no proof where whole setups were replayed.
    again
        Does the replays.
    differences
        Where what is not as it is told is noted.
    """

    def __init__(
        self,
        judge: Judge,
        measured: Iterable[Target],
        setups: pd.DataFrame,
        proof: pd.DataFrame | None,
        engine: str,
        workers: int | None,
        differences: Differences,
        *,
        thorough: bool,
    ) -> None:
        self.measured = list({target.about: target for target in measured}.values())
        self.judge = replace(judge, targets=tuple(self.measured))
        self.cluster, self.setups, self.proof, self.engine = judge.cluster, setups, proof, engine
        self.again = Again(self.judge, engine, workers, thorough=thorough)
        self.differences = differences
        self.procedures = procedures_of(self.cluster)
        self.places = self._places()
        self.seen: dict[Place, Evaluation] = {}
        """What each setup shows now."""
        self._pools: list[tuple[int, Arc, Result]] = []
        """What each pool shows now, under which procedure."""

    # -- what is told

    def place(self, told: Mapping[str, Any]) -> Place:
        """Return the setup that a row, or an entry of ``summary.json``, tells of.

        Raises
        ------
        KeyError, ValueError
            If the scenario does not allow it.
        """
        return told_choice(self.cluster, told), self.procedures[procedure_of(told)]

    def _places(self) -> list[Place]:
        """Return the setups of the rows of ``setups.parquet``."""
        found = []
        for index, told in enumerate(records(self.setups)):
            try:
                found.append(self.place(told))
            except (KeyError, ValueError):
                raise InputError(f"setups.parquet: row {index} is no setup that the scenario allows") from None
        return found

    def named(self, place: Place) -> str:
        """Return a setup in words."""
        choice, procedure = place
        setup = self.judge.setup(choice, self.cluster.procedures[procedure])
        types = {name: f" ({one})" for name, one in setup.types.items()}
        nodes = listed([f"{number:,} of pool {name}{types.get(name, '')}" for name, number in setup.nodes.items()])
        rules = [f"{key} {value}" for key, value in setup.procedure(self.cluster.alternatives).items()]
        return f"the setup of {nodes} under {', '.join(rules)}"

    # -- what is shown

    def gather(self, network: Network | None) -> None:
        """Do all replays."""
        if network is None:
            self._replay_setups()
        else:
            self._combine(self._replay_pools(network))

    def judged(
        self, targets: Sequence[Target], decided: Mapping[Place, Decided | None] | None = None
    ) -> dict[Place, Evaluation]:
        """Return what each setup shows, judged by targets, and what draws decided of it (nothing if left out)."""
        index = {target.about: place for place, target in enumerate(self.measured)}
        found = {}
        for place, one in self.seen.items():
            achieved = tuple(one.achieved[index[target.about]] for target in targets)
            pairs = list(zip(targets, achieved, strict=True))
            firm = [(target, value) for target, value in pairs if target.in_share is None]
            met = one.ran is not None and all(target.met(value) for target, value in firm)
            miss = max((target.miss(value) for target, value in firm), default=0.0)
            drawn = (decided or {}).get(place) or undrawn(targets)
            found[place] = replace(one, achieved=achieved, met=met, miss=miss, decided=drawn)
        return found

    def known(self, judge: Judge, bounds: AllBounds, network: Network) -> Known:
        """Return what is known of the pools for the targets of a judge: by replays, or at least."""
        known = Known(judge, bounds, network)
        for procedure, arc, result in self._pools:
            known.learn(procedure, [arc], result)
        return known

    def rank(self, place: Place) -> tuple[int, ...]:
        """Return what decides between setups of equal cost, the least first."""
        return (*order_of(self.cluster, place[0]), place[1])

    def is_better(self, place: Place, usd: float, than: Place, than_usd: float) -> bool:
        """Return whether a setup is to be taken rather than another: it is cheaper, or wins the tie."""
        if usd < than_usd * (1 - TIE):
            return True
        return usd <= than_usd * (1 + TIE) and self.rank(place) < self.rank(than)

    def _replay_setups(self) -> None:
        """Replay each row of ``setups.parquet``: those that meet the targets, and then the dearest, first."""
        usd = -self.setups["cost_usd_per_year"].fillna(0.0).to_numpy()
        order = np.lexsort((usd, ~self.setups["meets_targets"].isin([True]).to_numpy())).tolist()
        self.seen = dict(zip(self.places, self.again.setups(self.places, order), strict=True))

    def _replay_pools(self, network: Network) -> dict[tuple[int, int, int, str], Result]:
        """Replay each row of ``proof.parquet``."""
        assert self.proof is not None
        arcs = by_jobs(network)
        names = {pool.name: index for index, pool in enumerate(self.cluster.pools)}
        keys, rows = [], []
        for index, told in enumerate(records(self.proof)):
            try:
                pool = names[told["pool"]]
                here = self.cluster.pools[pool]
                kind = here.type_index(told["type"]) if here.types else 0
                choice = here.nodes.index(told["nodes"]) * many(here) + kind
                keys.append((self.procedures[procedure_of(told)], arcs[pool, choice, str(told["jobs_sha256"])]))
                rows.append((f"proof.parquet, row {index}", told))
            except (KeyError, ValueError):
                self.differences.append(f"proof.parquet, row {index}: no setup sends such jobs to such a pool")
        seen = {}
        for (procedure, arc), (where, told), result in zip(keys, rows, self.again.pools(network, keys), strict=True):
            with scalable(self.judge.trace):
                usd = result.bills(self.judge.economics)[arc.pool]["cost_usd_per_year"]
            mine = network.held(arc)
            shown = {
                "jobs": int(np.count_nonzero(mine)),
                "starts_sha256": digest_of_starts(result.replay.start_s[mine]),
                "cost_usd_per_year": float(usd),
            }
            self.differences.compare(where, told, shown)
            self._pools.append((procedure, arc, result))
            seen[procedure, arc.pool, arc.choice, str(told["jobs_sha256"])] = result
        return seen

    def _combine(self, pools: Mapping[tuple[int, int, int, str], Result]) -> None:
        """Judge each row of ``setups.parquet`` by the replays of its pools."""
        for choice, procedure in self.places:
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
                    start_s[here] = seen.replay.start_s[here]
            if missing:
                named = f"{self.named((choice, procedure))} was judged"
                self.differences.append(f"{named}, but proof.parquet has no replay of its pool {listed(missing)}")
                continue
            replayed = steady_replay(self.engine, inputs, start_s)
            result = Result(self.judge.trace, self.cluster.at(*setup), replayed, self.judge.seed)
            self.seen[choice, procedure] = self.judge.judge(setup, result)


def procedures_of(cluster: Cluster) -> dict[tuple[str, int, int], int]:
    """Return the number of each procedure of a cluster, by :func:`procedure_of` what is told of it."""
    return {(str(one.policy), one.limits, one.hours): index for index, one in enumerate(cluster.procedures)}


def procedure_of(told: Mapping[str, Any]) -> tuple[str, int, int]:
    """Return how a setup is run, of a row that tells of it."""
    return str(told["policy"]), int(told.get("limits", 0)), int(told.get("hours", 0))
