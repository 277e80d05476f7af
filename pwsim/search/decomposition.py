"""The search where pools do not meet: one integer programme over paths, and replays of single pools.

Where nodes are always up and jobs stay where they are routed, what happens in a pool depends on its nodes, the
procedure and the jobs that come to it, on nothing else: many setups share the replay of a pool, and cost, late jobs
and work are sums over pools.  The programme (:mod:`.master`) takes of each pool that is not replayed the least that it
can cost and the best that it can do, so its solution is a bound on all setups.  The pools of the solution that are not
known are replayed, what they show replaces what was assumed, and it is solved again.  A solution of known pools
whose replay as a whole meets the targets is the cheapest setup that does.  Nothing assumes that more nodes are better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pwsim.cluster import Cluster, Procedure, routed
from pwsim.costs import standing_carbon_kg
from pwsim.engine import REJECTED, Engine, Inputs, prepare, replay, steady_replay
from pwsim.results import Result, in_parallel
from pwsim.rules import attempts
from pwsim.search import additive
from pwsim.search.bounds import Bounds
from pwsim.search.candidates import Candidate
from pwsim.search.holding import Holding
from pwsim.search.judging import Evaluation, Judge, scalable
from pwsim.search.listing import MOST_LISTED, Listing
from pwsim.search.master import Master
from pwsim.search.plan import Method
from pwsim.search.routing import Arc, Network, Path, network_of
from pwsim.search.trail import TIE, Trail, in_space
from pwsim.trace import Floats, Trace

MANY_SETUPS = 256
"""Where there are more, a setup that meets the targets is looked for first, by halving."""
Key = tuple[int, int, int, bytes]
"""Procedure, pool, choice and jobs: what the replay of a pool depends on."""


def coupling(trace: Trace, cluster: Cluster) -> str | None:
    """Return why a search cannot be done pool by pool; ``None`` if it can."""
    if len(cluster.pools) == 1:
        return "there is one pool"
    if trace.feedback is not None:
        return "users wait for their jobs before they submit others"
    if not cluster.steady:
        return "jobs may move between pools, or nodes come and go, fail or are shared"
    shares = any(policy.order == "multifactor" for policy in cluster.policy) and cluster.multifactor.fair_share
    if shares and (cluster.multifactor.accounts or cluster.partitions):
        return "use in one pool counts in the others (fair share)"
    return None


def paths(holding: Holding) -> Network | None:
    """Return the network of all setups, where pools do not meet; ``None`` if it is too large to be stated."""
    trace, cluster = holding.trace, holding.cluster
    largest = cluster.at({pool.name: pool.nodes[-1] for pool in cluster.pools}, cluster.policy[0])
    choices = tuple(len(pool.nodes) for pool in cluster.pools)
    return network_of(np.where(routed(trace, largest).T, holding.by_pool, choices), choices)


def decompose(trail: Trail, network: Network, workers: int) -> None:
    """Search a cluster whose pools do not meet, until the proof or a limit of the trail."""
    _Search(trail, network, workers).run()


class _Search:
    def __init__(self, trail: Trail, network: Network, workers: int) -> None:
        self.trail, self.network, self.workers = trail, network, workers
        self.known = _Known(trail.job, trail.known, network)
        listed = in_space(trail.job.cluster) <= MOST_LISTED
        self.master: Listing | Master = (Listing if listed else Master)(
            trail.job.cluster, network, trail.known.needed_cores, self.known.sums
        )
        if isinstance(self.master, Listing):
            trail.left = self.master.left

    def run(self) -> None:
        """Search, and look then at what the limits of the scenario kept from being the answer."""
        self.search()
        trail = self.trail
        for pool in range(len(self.network.choices)):
            if trail.stopped is None and trail.best is not None and trail.limit(1) is None:
                self.look_at_edge(pool)

    def look_at_edge(self, pool: int) -> None:
        """Judge the dearest setup with the most nodes of a pool that costs less than the answer, with one more on top.

        It misses, and if more nodes could have made a difference, it shows what the limit on them costs.
        """
        if not isinstance(self.master, Listing) or self.network.choices[pool] < 2:
            return
        one_more = self.trail.known.of_one_more(pool, self.trail.job.cluster.pools[pool].nodes)
        path = self.master.dearest_with_most(pool, self.trail.cheapest_usd_per_year * (1 - TIE) - one_more)
        if path is not None:
            self.look_at(path, self.trail.bound_usd_per_year)

    def search(self) -> None:
        """Take the cheapest path again and again, until it cannot be cheaper than what was found."""
        trail = self.trail
        if math.isinf(trail.known.needed_cores):
            return
        while (path := self.master.cheapest()) is not None:
            bound = max(self.known.usd_of(path), trail.bound_usd_per_year)
            if trail.is_beaten(bound):
                return
            if trail.best is not None and bound >= trail.cheapest_usd_per_year * (1 - TIE):
                trail.bound_usd_per_year = bound
                self.break_ties()
                return
            if not trail.rows and in_space(trail.job.cluster) > MANY_SETUPS:
                trail.bound_usd_per_year = bound
                self.descend(path)
            elif not self.look_at(path, bound):
                return

    def look_at(self, path: Path, bound_usd_per_year: float) -> bool:
        """Judge a path, and never take it again; return whether a limit of the search allows it."""
        if stop := self.trail.limit(1):
            self.trail.bound_usd_per_year = bound_usd_per_year
            self.trail.stop(stop)
            return False
        choice = tuple(self.network.arcs[arc].choice for arc in path.arcs)
        evaluation = self.known.evaluate(path, self.workers)
        self.trail.method = Method("by_pool", None, len(self.known.starts))
        self.master.take_out(path)
        self.trail.note(Candidate(choice, bound_usd_per_year), [evaluation])
        return True

    def descend(self, cheapest: Path) -> None:
        """Look for a setup that meets the targets, by halving the way from the cheapest to the largest.

        It need not be there, nor be a good one: what is cheaper is found by what follows, and the proof is the same.
        """
        bound = self.trail.bound_usd_per_year
        low = [self.network.arcs[arc].choice for arc in cheapest.arcs]
        middle = high = [count - 1 for count in self.network.choices]
        while low != high:
            if not self.look_at(Path(cheapest.procedure, self.network.path(middle)), bound):
                return
            if self.trail.rows[-1]["meets_targets"]:
                high = middle
            elif middle is high:
                return
            else:
                low = middle
            middle = [one + (other - one) // 2 for one, other in zip(low, high, strict=True)]
            if middle == low:
                return

    def break_ties(self) -> None:
        """Make sure that of setups that cost the same, the one to be taken is.

        That is the one with the fewest nodes of the first pool, then of the next, then with the earliest procedure.
        """
        while (best := self.trail.best) is not None:
            choice = [pool.nodes.index(best.setup.nodes[pool.name]) for pool in self.trail.job.cluster.pools]
            procedure = self.trail.job.cluster.procedures.index(Procedure(*best.setup[1:]))
            most = self.trail.cheapest_usd_per_year * (1 + TIE)
            path = self.master.earlier(Path(procedure, self.network.path(choice)), most)
            if path is None or not self.look_at(path, self.trail.bound_usd_per_year):
                return


class _Known:
    """What is known of the arcs: from replays, or before them as bounds."""

    def __init__(self, job: Judge, known: Bounds, network: Network) -> None:
        self.job, self.network = job, network
        trace, cluster = job.trace, job.cluster
        self.rows = additive.rows(trace, job.targets, job.trim.window(trace.span_s))
        self.carbon_kg = [one.required for one in job.targets if one.metric == "carbon_kg_per_year"]
        procedures, arcs = len(cluster.procedures), len(network.arcs)
        usd = np.array([known.cost_usd_per_year[arc.pool][arc.choice] for arc in network.arcs])
        self.sums = additive.Sums(
            usd=np.tile(usd, (procedures, 1)),
            amounts=np.empty((len(self.rows) + len(self.carbon_kg), procedures, arcs)),
            at_most=np.array([*(row.at_most for row in self.rows), *(one * (1 + TIE) for one in self.carbon_kg)]),
        )
        """What each arc costs and adds to each row, or at least; the first pool bears the site."""
        self.starts: dict[Key, Floats] = {}
        """Starts of the jobs of each pool that was replayed [s]."""
        self.engine = ""
        """The engine that replayed."""
        self.alike: dict[tuple[int, int, bytes], list[int]] = {}
        """Numbers of the arcs that have the same replay, by pool, choice and jobs."""
        for number, arc in enumerate(network.arcs):
            self.alike.setdefault((arc.pool, arc.choice, arc.held), []).append(number)
        self._times = [self._times_in(pool) for pool in range(len(cluster.pools))]
        before: dict[tuple[int, bytes], Floats] = {}
        for number, arc in enumerate(network.arcs):
            jobs = arc.pool, arc.held
            if jobs not in before:
                before[jobs] = self._amounts_of(arc, None)
            amounts = before[jobs] + self._per_core(arc)
            standing_kg = standing_carbon_kg(cluster.pools[arc.pool], cluster.pools[arc.pool].nodes[arc.choice])
            self.sums.amounts[:, :, number] = np.append(amounts, [standing_kg] * len(self.carbon_kg))[:, np.newaxis]

    def _times_in(self, pool: int) -> tuple[Floats, np.ndarray]:
        """Return how long each job holds its cores in a pool [s], and whether it is killed there."""
        trace, speed = self.job.trace, self.job.cluster.pools[pool].node.speed
        run_s, estimate_s = trace.run_s / speed, trace.estimate_s / speed
        killed = attempts.is_killed(run_s, estimate_s, self.job.cluster.overrun == "kill")
        return np.where(killed, estimate_s, run_s), killed

    def _amounts_of(self, arc: Arc, start_s: Floats | None) -> Floats:
        """Return what the jobs of an arc add to each row, shape (rows,)."""
        held_s, killed = self._times[arc.pool]
        here = additive.PoolJobs(self.network.held(arc), held_s, killed, start_s)
        return np.array([row.amount(here) for row in self.rows])

    def _per_core(self, arc: Arc) -> Floats:
        """Return what the cores of an arc add to each row, shape (rows,)."""
        pool = self.job.cluster.pools[arc.pool]
        return np.array([row.per_core * pool.nodes[arc.choice] * pool.node.cores for row in self.rows])

    def usd_of(self, path: Path) -> float:
        """Return what a path costs, or costs at least [USD a year]."""
        return math.fsum(self.sums.usd[path.procedure, list(path.arcs)])

    def evaluate(self, path: Path, workers: int) -> Evaluation:
        """Judge a setup; its pools that are not known yet are replayed, and then they are known."""
        job = self.job
        arcs = [self.network.arcs[one] for one in path.arcs]
        setup = job.setup(tuple(arc.choice for arc in arcs), job.cluster.procedures[path.procedure])
        cluster = job.cluster.at(*setup)
        inputs = prepare(job.trace, cluster, job.seed, job.start)
        keys: list[Key] = [(path.procedure, arc.pool, arc.choice, arc.held) for arc in arcs]
        new = [arc for arc, key in zip(arcs, keys, strict=True) if key not in self.starts]
        tasks = [(inputs, arc.pool, job.engine) for arc in new]
        replayed = in_parallel(_replay_pool, tasks, workers=workers, engine=job.engine)
        for arc, (engine, start_s) in zip(new, replayed, strict=True):
            self.engine = engine
            self.starts[path.procedure, arc.pool, arc.choice, arc.held] = start_s
        start_s = np.full(len(job.trace), np.nan)
        for arc, key in zip(arcs, keys, strict=True):
            start_s[self.network.held(arc)] = self.starts[key]
        result = Result(job.trace, cluster, steady_replay(self.engine, inputs, start_s), job.seed)
        if new:
            self._learn(path.procedure, new, result)
        return job.judge(setup, result)

    def _learn(self, procedure: int, arcs: Sequence[Arc], result: Result) -> None:
        """Put what a replay showed of some pools in the place of what was assumed."""
        with scalable(self.job.trace):
            pools = result.pools(self.job.economics)
        usd, carbon_kg = (pools[name].to_numpy() for name in ("cost_usd_per_year", "carbon_kg_per_year"))
        for arc in arcs:
            alike = self.alike[arc.pool, arc.choice, arc.held]
            site_usd = self.job.economics.site_usd_per_year if arc.pool == 0 else 0.0
            self.sums.usd[procedure, alike] = usd[arc.pool] + site_usd
            amounts = self._amounts_of(arc, result.replay.start_s) + self._per_core(arc)
            known = np.append(amounts, [carbon_kg[arc.pool]] * len(self.carbon_kg))
            self.sums.amounts[:, procedure, alike] = known[:, np.newaxis]


def _replay_pool(inputs: Inputs, pool: int, engine: Engine) -> tuple[str, Floats]:
    """Replay one pool; return the engine that ran, and the start of each of its jobs [s]."""
    here = inputs.pool == pool
    seen = replay(replace(inputs, pool=np.where(here, pool, REJECTED)), engine)
    return seen.engine, seen.start_s[here]
