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

import numpy as np

from pwsim.cluster import Cluster, Procedure, routed
from pwsim.common.solver import OutOfTimeError
from pwsim.costs import standing_carbon_kg
from pwsim.engine import prepare, steady_replay
from pwsim.prices import SavingsPlan
from pwsim.results import Result
from pwsim.rules import attempts
from pwsim.search import additive, proof
from pwsim.search.candidates import Candidate
from pwsim.search.holding import Holding
from pwsim.search.judging import Evaluation, Judge, in_replay, out_of_memory, scalable
from pwsim.search.listing import MOST_LISTED, Listing
from pwsim.search.master import Master
from pwsim.search.options import AllBounds, Option, Place, choice_of, in_space, largest, options
from pwsim.search.plan import Method
from pwsim.search.proof import Key
from pwsim.search.routing import Arc, Network, Path, network_of
from pwsim.search.trail import TIE, Trail
from pwsim.trace import Floats, Integers, Trace

MANY_SETUPS = 256
"""Where there are more, a setup that meets the targets is looked for first, by halving."""


def coupling(trace: Trace, cluster: Cluster, plans: Sequence[SavingsPlan] = ()) -> str | None:
    """Return why a search cannot be done pool by pool; ``None`` if it can.

    Savings plans whose amounts are best couple nothing here: nodes that stand all year are each paid at the least of
    rent and savings prices, and no money is left over (:func:`.savings.at_least`).
    """
    if len(cluster.pools) == 1:
        return "there is one pool"
    if trace.feedback is not None:
        return "users wait for their jobs before they submit others"
    if not cluster.steady:
        return "jobs may move between pools, or nodes come and go, fail or are shared"
    if any(plan.usd_per_hour != "best" for plan in plans):
        return "a savings plan of a given amount covers nodes of several pools"
    shares = any(policy.order == "multifactor" for policy in cluster.policy) and cluster.multifactor.fair_share
    if shares and (cluster.multifactor.accounts or cluster.partitions):
        return "use in one pool counts in the others (fair share)"
    return None


def paths(holding: Holding) -> Network | None:
    """Return the network of all setups, where pools do not meet; ``None`` if it is too large to be stated."""
    first: list[list[Integers]] = [[] for _ in holding.cluster.pools]
    for place in range(max(len(pool.as_types) for pool in holding.cluster.pools)):
        # A door leads to one pool here, so what comes to it depends on no other pool's type.
        pools = tuple(pool.as_types[min(place, len(pool.as_types) - 1)] for pool in holding.cluster.pools)
        plain = holding.cluster.model_copy(update={"pools": pools})
        largest = plain.at({pool.name: pool.nodes[-1] for pool in pools}, plain.policy[0])
        routes, by_pool = routed(holding.trace, largest), Holding(holding.trace, plain).by_pool
        for index, pool in enumerate(holding.cluster.pools):
            if place < len(pool.as_types):
                first[index].append(np.where(routes[index], by_pool[:, index], len(pool.nodes)))
    return network_of([np.column_stack(each) for each in first], [len(pool.nodes) for pool in holding.cluster.pools])


def decompose(trail: Trail, network: Network, workers: int) -> None:
    """Search a cluster whose pools do not meet, until the proof or a limit of the trail."""
    _Search(trail, network, workers).run()


class _Search:
    def __init__(self, trail: Trail, network: Network, workers: int) -> None:
        self.trail, self.network, self.workers = trail, network, workers
        self.known = Known(trail.job, trail.known, network)
        listed = in_space(trail.job.cluster) <= MOST_LISTED
        self.master: Listing | Master = (Listing if listed else Master)(
            trail.job.cluster, network, trail.known.needed_cores, self.known.sums
        )
        if isinstance(self.master, Listing):
            trail.left = self.master.left

    def run(self) -> None:
        """Search, and look then at what limits kept from being the answer; note what the proof rests on."""
        trail = self.trail
        try:
            self.search()
            if not trail.rows and trail.stopped is None:
                self.show_largest()
            self.look_at_edges()
        finally:  # an interrupt leaves what was proven
            trail.proof = proof.table(trail.job, self.network, self.known.learnt, self.known.starts)
            if isinstance(self.master, Master):
                trail.solver = self.master.said

    def look_at_edges(self) -> None:
        """Look at what the limits of the scenario kept from being the answer."""
        trail = self.trail
        for pool, some in enumerate(self.known.options):
            for choice in range(len(some)):
                most = some[choice].nodes == some[-1].nodes
                if most and trail.stopped is None and trail.best is not None:
                    self.look_at_edge(pool, choice)

    def show_largest(self) -> None:
        """Show how far the largest setup gets, where none can do it."""
        most = largest(self.trail.job.cluster)
        for procedure in range(len(self.trail.job.cluster.procedures)):
            if self.trail.limit([(most, procedure)]) is None:  # that none can do it is proven without it
                self.look_at(Path(procedure, self.network.path(most)), math.inf)
        self.trail.expect_none_met()

    def look_at_edge(self, pool: int, choice: int) -> None:
        """Judge the dearest setup with a choice of a pool that costs less than the answer, with one more on top.

        It misses, and if more nodes could have made a difference, it shows what the limit on them costs.
        """
        if not isinstance(self.master, Listing) or len(self.trail.job.cluster.pools[pool].nodes) < 2:
            return
        one_more = self.trail.known.of_one_more(pool, choice)
        path = self.master.dearest_with(pool, choice, self.trail.cheapest_usd_per_year * (1 - TIE) - one_more)
        if path is not None and self.trail.limit([self.place(path)]) is None:
            self.look_at(path, self.trail.bound_usd_per_year)

    def search(self) -> None:
        """Take the cheapest path again and again, until it cannot be cheaper than what was found, or time is over."""
        try:
            self._search()
            while not self.trail.is_settled():
                self._search()
        except OutOfTimeError:  # what was found until then counts, and so does the last bound
            self.trail.stop("time_limit")

    def _cheapest(self) -> Path | None:
        """Return the cheapest path that nothing excludes; ``None`` if there is none."""
        self._allow_what_is_left()
        return self.master.cheapest()

    def _allow_what_is_left(self) -> None:
        """Let the solver take no longer than the search may."""
        if isinstance(self.master, Master):
            self.master.limit(self.trail.left_s)

    def _search(self) -> None:
        trail = self.trail
        if math.isinf(trail.known.needed_cores):
            return
        while (path := self._cheapest()) is not None:
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

    def place(self, path: Path) -> Place:
        """Return the setup that a path is."""
        return tuple(self.network.arcs[arc].choice for arc in path.arcs), path.procedure

    def look_at(self, path: Path, bound_usd_per_year: float) -> bool:
        """Judge a path, and never take it again; return whether a limit of the search allows it."""
        choice, procedure = self.place(path)
        if stop := self.trail.limit([(choice, procedure)]):
            self.trail.bound_usd_per_year = bound_usd_per_year
            self.trail.stop(stop)
            return False
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
        types = [max(1, len(pool.types)) for pool in self.trail.job.cluster.pools]
        # Nodes are halved; the types stay those of the cheapest.
        middle = high = [
            count - many + one % many for count, many, one in zip(self.network.choices, types, low, strict=True)
        ]
        while low != high:
            if not self.look_at(Path(cheapest.procedure, self.network.path(middle)), bound):
                return
            if self.trail.last_met:
                high = middle
            elif middle is high:
                return
            else:
                low = middle
            middle = [
                one + (other - one) // (2 * many) * many for one, other, many in zip(low, high, types, strict=True)
            ]
            if middle == low:
                return

    def break_ties(self) -> None:
        """Make sure that of setups that cost the same, the one to be taken is.

        That is the one with the fewest nodes of the first pool, then of the next, then with the earliest types of node,
        then with the earliest procedure.
        """
        while (best := self.trail.best) is not None:
            choice = choice_of(self.trail.job.cluster, best.setup.nodes, best.setup.types)
            procedure = self.trail.job.cluster.procedures.index(Procedure(*best.setup.how))
            most = self.trail.cheapest_usd_per_year * (1 + TIE)
            self._allow_what_is_left()
            path = self.master.earlier(Path(procedure, self.network.path(choice)), most)
            if path is None or not self.look_at(path, self.trail.bound_usd_per_year):
                return


class Known:
    """What is known of the arcs: from replays, or before them as bounds."""

    def __init__(self, job: Judge, known: AllBounds, network: Network) -> None:
        self.job, self.network = job, network
        trace, cluster = job.trace, job.cluster
        self.rows = additive.rows(trace, job.firm, job.trim.window(trace.span_s))
        self.carbon_kg = [one.required for one in job.firm if one.metric == "carbon_kg_per_year"]
        procedures, arcs = len(cluster.procedures), len(network.arcs)
        self.options = [options(pool) for pool in cluster.pools]
        least = known.cost_usd_per_year()
        usd = np.array([least[arc.pool][arc.choice] for arc in network.arcs])
        self.sums = additive.Sums(
            usd=np.tile(usd, (procedures, 1)),
            amounts=np.empty((len(self.rows) + len(self.carbon_kg), procedures, arcs)),
            at_most=np.array([*(row.at_most for row in self.rows), *(one * (1 + TIE) for one in self.carbon_kg)]),
        )
        """What each arc costs and adds to each row, or at least; the first pool bears the site."""
        self.starts: dict[Key, Floats] = {}
        """Starts of the jobs of each pool that was replayed [s]."""
        self.learnt: dict[Key, float] = {}
        """Cost of each pool whose replay counts already [USD a year]."""
        self.engine = ""
        """The engine that replayed."""
        self.alike: dict[tuple[int, int, bytes], list[int]] = {}
        """Numbers of the arcs that have the same replay, by pool, choice and jobs."""
        for number, arc in enumerate(network.arcs):
            self.alike.setdefault((arc.pool, arc.choice, arc.held), []).append(number)
        self._times = [[self._times_in(pool.node.speed) for pool in one.as_types] for one in cluster.pools]
        before: dict[tuple[int, int, bytes], Floats] = {}
        for number, arc in enumerate(network.arcs):
            jobs = arc.pool, self._option(arc).type, arc.held
            if jobs not in before:
                before[jobs] = self._amounts_of(arc, None)
            amounts = before[jobs] + self._per_core(arc)
            nodes, _, pool = self._option(arc)
            standing_kg = standing_carbon_kg(pool, nodes)
            self.sums.amounts[:, :, number] = np.append(amounts, [standing_kg] * len(self.carbon_kg))[:, np.newaxis]

    def _option(self, arc: Arc) -> Option:
        return self.options[arc.pool][arc.choice]

    def _times_in(self, speed: float) -> tuple[Floats, np.ndarray]:
        """Return how long each job holds its cores on nodes of a speed [s], and whether it is killed there."""
        trace = self.job.trace
        run_s, estimate_s = trace.run_s / speed, trace.estimate_s / speed
        killed = attempts.is_killed(run_s, estimate_s, self.job.cluster.overrun == "kill")
        return np.where(killed, estimate_s, run_s), killed

    def _amounts_of(self, arc: Arc, start_s: Floats | None) -> Floats:
        """Return what the jobs of an arc add to each row, shape (rows,)."""
        held_s, killed = self._times[arc.pool][self._option(arc).type]
        here = additive.PoolJobs(self.network.held(arc), held_s, killed, start_s)
        return np.array([row.amount(here) for row in self.rows])

    def _per_core(self, arc: Arc) -> Floats:
        """Return what the cores of an arc add to each row, shape (rows,)."""
        nodes, _, pool = self._option(arc)
        return np.array([row.per_core * nodes * pool.node.cores for row in self.rows])

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
        try:
            replayed = job.replays.of_pools(inputs, [arc.pool for arc in new], job.engine, workers)
        except MemoryError:
            raise out_of_memory(setup) from None
        except Exception as error:
            error.add_note(in_replay(setup))
            raise
        for arc, (engine, start_s) in zip(new, replayed, strict=True):
            self.engine = engine
            self.starts[path.procedure, arc.pool, arc.choice, arc.held] = start_s
        start_s = np.full(len(job.trace), np.nan)
        for arc, key in zip(arcs, keys, strict=True):
            start_s[self.network.held(arc)] = self.starts[key]
        result = Result(job.trace, cluster, steady_replay(self.engine, inputs, start_s), job.seed)
        if new:
            self.learn(path.procedure, new, result)
        return job.judge(setup, result)

    def learn(self, procedure: int, arcs: Sequence[Arc], result: Result) -> None:
        """Put what a replay showed of some pools in the place of what was assumed."""
        with scalable(self.job.trace):
            bills = result.bills(self.job.economics)
        for arc in arcs:
            usd, carbon_kg = (bills[arc.pool][name] for name in ("cost_usd_per_year", "carbon_kg_per_year"))
            alike = self.alike[arc.pool, arc.choice, arc.held]
            site_usd = self.job.economics.site_usd_per_year if arc.pool == 0 else 0.0
            self.sums.usd[procedure, alike] = usd + site_usd
            self.learnt[procedure, arc.pool, arc.choice, arc.held] = usd
            amounts = self._amounts_of(arc, result.replay.start_s) + self._per_core(arc)
            known = np.append(amounts, [carbon_kg] * len(self.carbon_kg))
            self.sums.amounts[:, procedure, alike] = known[:, np.newaxis]
