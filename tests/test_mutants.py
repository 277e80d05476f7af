"""Broken rules must be noticed: each mutant of a rule or of the engine falls to the comparison with the reference.

A test suite that passes on a wrong scheduler is worth nothing, so each mutant here changes one line of the source in a
way that is easy to get wrong, and the generated cases have to tell.  Together they take a quarter of an hour.
"""

from __future__ import annotations

import inspect
import signal
import types

import numba
import pytest
from hypothesis import Phase, given, settings
from simpy.core import EmptySchedule

from pwsim import Cluster, Trace, simulate
from pwsim.engine import changing, inputs, kernel, model, nodes
from pwsim.errors import PwsimError
from pwsim.rules import Policy, attempts, backfill, conservative, orders, packing, profile
from tests import test_engine
from tests.conftest import ENGINES
from tests.strategies import (
    changing_clusters,
    clusters,
    feedback_traces,
    gpu_traces,
    machines,
    overdue_traces,
    packed_clusters,
    traces,
)

pytestmark = pytest.mark.slow

MUTANTS = [
    # module, what stands there, what the mutant says instead
    (backfill, "now + estimate_s[position] > shadow_s", "now + estimate_s[position] >= shadow_s"),
    (backfill, "now + estimate_s[position] > shadow_s", "now + estimate_s[position] > shadow_s + 1"),
    (backfill, "if units > extra:", "if units >= extra:"),
    (backfill, "            extra -= units\n", ""),
    (backfill, "        free -= units\n        chosen", "        chosen"),
    (backfill, "shadow_s = max(release_s[last], now + 1.0)", "shadow_s = max(release_s[last], now)"),
    (backfill, "shadow_s = max(release_s[last], now + 1.0)", "shadow_s = release_s[last] + 1.0"),
    (backfill, "max(release_s[last], now + 1.0) <= shadow_s", "max(release_s[last], now + 1.0) < shadow_s"),
    (backfill, "while free < head and (last", "while free <= head and (last"),
    (backfill, "need[position] <= free:", "need[position] < free:"),
    (profile, "profile_s[point] < profile_s[start] + length_s", "profile_s[point] <= profile_s[start] + length_s"),
    (profile, "if profile_free[point] < units:", "if profile_free[point] <= units:"),
    (profile, "if profile_free[point] < 0:", "if False:"),
    (profile, "most = max(most, profile_free[point])", "most = profile_free[point]"),
    (conservative, "if units > most or old_s", "if units >= most or old_s"),
    (conservative, "old_s <= gain_s[0]", "old_s <= gain_s[0] + 1"),
    (conservative, "            gain(vacated_s, left_s, old_s + length_s)\n", ""),
    (conservative, "change(profile_s, profile_free, first, points, now, now + 1.0, sign * units)", "points"),
    (orders, "return -estimate_s", "return estimate_s"),
    (orders, "return float(procs)", "return -float(procs)"),
    (orders, "ratio * ratio * ratio * procs", "ratio * ratio * procs"),
    (orders, "math.log2(max(procs, 2))", "max(procs, 2)"),
    (orders, 'DYNAMIC = ("wfp3", ', 'DYNAMIC = ("none", '),
    (inputs, "here = (pool == REJECTED) & held", "here = held"),
    (inputs, "(needed <= units[index])", "(needed < units[index])"),
    (inputs, "trace.run_s / speed, trace.estimate_s / speed", "trace.run_s / speed, trace.estimate_s"),
    (inputs, "(run_s > estimate_s)", "(run_s >= estimate_s)"),
    (inputs, "depth=cluster.depth or 0,", "depth=0,"),
    (model, "COMPLETION = EventPriority(0)", "COMPLETION = EventPriority(5)"),
    (model, "if self.conservative and now < expected_s:", "if self.conservative and now <= expected_s:"),
    (model, "            self._await_reservation(pool)\n", ""),
    (model, "if pool.due_s == self.env.now:", "if False:"),
    (model, "return self.key[job], job", "return self.key[job], -job"),
    (model, "min(len(pool.queue), 1 + self.depth)", "min(len(pool.queue), self.depth)"),
    (model, "range(self.depth, len(pool.queue))", "range(self.depth + 1, len(pool.queue))"),
    (model, "-self.procs[job])", "self.procs[job])"),
    (kernel, "while count > 0 and end_s[0] <= now:", "while count > 0 and end_s[0] < now:"),
    (kernel, "if reserves and now < expected_s:", "if reserves and now <= expected_s:"),
    (kernel, "units > extra and now + length_s > shadow_s", "units > extra and now + length_s >= shadow_s"),
    (kernel, "return units > free or (", "return units >= free or ("),
    (kernel, "known == tested and shadow_s < now + 1.0", "known == tested and shadow_s < now"),
    (kernel, "            quick = quick and arrived[index] > head\n", "            pass\n"),
    (kernel, "quick = not ended and known != unknown", "quick = known != unknown"),
    (kernel, "if seen > depth and reserved_s", "if seen > depth + 1 and reserved_s"),
    (
        kernel,
        "                    seen += 1\n                    if reserved_s[slot]",
        "                    if reserved_s[slot]",
    ),
    (kernel, "-procs[job], usage", "procs[job], usage"),
]


def mutated(module: types.ModuleType, old: str, new: str) -> dict[str, object]:
    """Return what the module would define if one line of it said something else."""
    source = inspect.getsource(module)
    assert old in source, f"{module.__name__} does not say {old!r}"
    mutant = types.ModuleType(module.__name__)
    mutant.__file__ = module.__file__
    exec(compile(source.replace(old, new, 1), module.__name__, "exec"), mutant.__dict__)
    return {name: value for name, value in vars(mutant).items() if not name.startswith("__")}


CHANGING_MUTANTS = [
    # the same, where nodes come and go
    (attempts, "min(wanted - idle - booting, ", "min(wanted - booting, "),
    (attempts, "math.floor(worked_s / checkpoint_s)", "math.ceil(worked_s / checkpoint_s)"),
    (attempts, "overhead_s + max(1.0, ", "max(1.0, "),
    (attempts, "overhead_s + (run_s - kept_s) / speed", "overhead_s + run_s / speed"),
    (backfill, "arrive_s[node] <= shadow_s", "arrive_s[node] < shadow_s"),
    (profile, "    for point in range(begin, points):", "    for point in range(begin + 1, points):"),
    (model, "nodes.idle_since_s[number] + facts.idle_s <= now", "nodes.idle_since_s[number] + facts.idle_s < now"),
    (model, "- sum(pool.release_need) - pool.queued >=", "- sum(pool.release_need) >="),
    (model, "self.restarts[job] >= facts.max_restarts", "self.restarts[job] > facts.max_restarts"),
    (model, "            if not pool.queue:\n", "            if True:\n"),
    (
        changing,
        "w.idle_since_s[pool, number] + facts[TIMEOUT] <= now",
        "w.idle_since_s[pool, number] + facts[TIMEOUT] < now",
    ),
    (changing, "- state[HELD] - state[QUEUED] >=", "- state[HELD] >="),
    (changing, "w.restarts[job] >= facts[MAX_RESTARTS]", "w.restarts[job] > facts[MAX_RESTARTS]"),
    (changing, "    if state[QUEUE] == 0:\n", "    if True:\n"),
    (changing, "w.kept_s[job] += kept_s * facts[SPEED]", "w.kept_s[job] += kept_s"),
]


PACKED_MUTANTS = [
    # the same, where jobs share nodes
    (packing, "bins.cores[node] < shares.cores[job] or", "bins.cores[node] <= shares.cores[job] or"),
    (packing, "bins.memory[node] < shares.memory[job]", "False"),
    (packing, "milli < WHOLE and bins.gpu[gpu] >= milli", "milli < WHOLE and bins.gpu[gpu] > milli"),
    (packing, "idle * WHOLE >= milli", "idle * WHOLE > milli"),
    (packing, "bins.gpus[node] * asks, bins", "bins.gpus[node], bins"),
    (packing, "asks, bins.cores[node], bins.memory[node], node)", "asks, bins.memory[node], bins.cores[node], node)"),
    (packing, "bins.memory[node], node)", "bins.memory[node], -node)"),
    (packing, "(not some or left < best)", "(not some or left > best)"),
    (packing, "free < bins.gpu[first + best]", "free > bins.gpu[first + best]"),
    (packing, "(best < 0 or free <", "(best < 0 or free <="),
    (packing, "while fitting < shares.need[head] and", "while fitting <= shares.need[head] and"),
    (packing, "max(release_s[last], now + 1.0) <= shadow_s", "max(release_s[last], now + 1.0) < shadow_s"),
    (packing, "            fitting += 1\n            coming += 1", "            coming += 1"),
    (packing, "if not roomy[node] and fits(then, node, shares, head)", "if fits(then, node, shares, head)"),
    (packing, "if now + estimate_s[position] > shadow_s:", "if now + estimate_s[position] >= shadow_s:"),
    (packing, "if left < shares.need[head]:", "if left <= shares.need[head]:"),
    (packing, "                hold_all(bins, shares, places, job, 1)\n", ""),
    (packing, "                hold_all(then, shares, places, job, 1)\n", ""),
    (packing, "            fitting = left\n", ""),
    (packing, "            and shares.cores[job] >= shares.cores[other]\n", ""),
    (packing, "            and shares.milli[job] >= shares.milli[other]\n", ""),
    (packing, "found = choose(bins, numbers, opened, shares, job, shares.need[job], chosen)", "found = 0"),
    (packing, "range(waiting + (another >= 0))", "range(waiting)"),
    (packing, "                    return most\n", "                    return most - 1\n"),
    (nodes, "            if not self.jobs[number]:\n", "            if self.jobs[number] is not None:\n"),
    (model, "sorted(nodes.jobs.get(number, ()))", "nodes.jobs.get(number, [])[:1]"),
    (model, "return fills <= left or (not pool.queue and pool.packed.fits(job))", "return fills <= left"),
    (model, "min(len(pool.queue), 1 + self.depth))\n            passed", "len(pool.queue))\n            passed"),
    (changing, "return state[QUEUE] == 0 and choose", "return choose"),
    (changing, "    chosen[:begun] = np.sort(order[chosen[:begun]])\n    start_chosen", "    start_chosen"),
    (changing, "    while w.packs.jobs_on[pool, number] > 0:\n", "    if True:\n"),
    (
        changing,
        "        if w.packs.jobs_on[pool, number] == 0:\n            set_idle",
        "        if True:\n            set_idle",
    ),
]


FEEDBACK_MUTANTS = [
    # the same, where jobs follow others
    (inputs, "np.where(pool[follows] != REJECTED, follows, -1)", "follows"),
    (model, "self.submit_s[follower] = self.waits_since_s[follower] = submit_s", "self.submit_s[follower] = submit_s"),
    (model, "self.env.now + self.think_s[follower]", "self.submit_s[job] + self.think_s[follower]"),
    (model, "            if self.pool_of[follower] != REJECTED:\n", "            if True:\n"),
    (model, 'inputs.policy.order == "fcfs" and not inputs.closed', 'inputs.policy.order == "fcfs"'),
    (model, "        self._rank_jobs([event.subject])\n", ""),
    (
        model,
        "            self._end(job)\n            return\n",
        "            self.end_s[job] = self.env.now\n            return\n",
    ),
    (changing, "w.submit_s[follower] = w.waits_since_s[follower] = now", "w.submit_s[follower] = now"),
    (changing, "        if w.pool_of[follower] >= 0:\n", "        if True:\n"),
    (changing, "if event[1] == COMPLETION else (0, jobs)", "if event[1] == COMPLETION else (0, 0)"),
    (changing, "                        if w.end_s[job] == now:\n", "                        if True:\n"),
    (changing, "if arrived and not w.sorted_queue:", "if False:"),
    (changing, "        if inputs.closed:  # some", "        if False:  # some"),
    (changing, "following[job], first[before] = first[before], job", "first[before] = job"),
]


HOMES = {model: "simpy", nodes: "simpy", kernel: "compiled", changing: "compiled"}
POLICIES = {
    "return -estimate_s": "ljf",
    "return float(procs)": "smallest",
    "ratio * ratio * ratio * procs": "wfp3",
    "math.log2(max(procs, 2))": "unicef",
    "known == tested and shadow_s < now + 1.0": "easy",
    "if self.conservative and now < expected_s:": "conservative",
    "if reserves and now < expected_s:": "conservative",
    "            self._await_reservation(pool)\n": "conservative",
    'DYNAMIC = ("wfp3", ': "wfp3",
    "-self.procs[job])": "multifactor",
    "-procs[job], usage": "multifactor",
    backfill: "easy",
    profile: "conservative",
    "    for point in range(begin, points):": "conservative",
    "arrive_s[node] <= shadow_s": "easy",
    conservative: "conservative",
    'inputs.policy.order == "fcfs" and not inputs.closed': "easy",
    "        self._rank_jobs([event.subject])\n": "f1-easy",
    "if arrived and not w.sorted_queue:": "fcfs",
    "        if inputs.closed:  # some": "easy",
}
"""The policy under which a mutant, or the mutants of a module, are looked for; any where none is given."""
ON_ONE_MACHINE = backfill, profile, conservative, kernel
"""Modules whose rules are looked at one pool at a time: faults show soonest where all jobs compete."""
OVERDUE = {"known == tested and shadow_s < now + 1.0": overdue_traces}
"""Mutants that show where jobs outlive their estimates."""
CASES = [
    (
        engine,
        *mutant,
        OVERDUE.get(mutant[1], logs),
        machines if drawn is clusters and mutant[0] in ON_ONE_MACHINE else drawn,
    )
    for mutants, logs, drawn in (
        (MUTANTS, traces, clusters),
        (CHANGING_MUTANTS, traces, changing_clusters),
        (PACKED_MUTANTS, gpu_traces, packed_clusters),
        (FEEDBACK_MUTANTS, feedback_traces, changing_clusters),
    )
    for mutant in mutants
    for engine in ENGINES
    if HOMES.get(mutant[0], engine) == engine
]
NAMES = [": ".join((str(one), getattr(module, "__name__", ""), str(old).strip())) for one, module, old, *_ in CASES]


IMPORTERS = {profile: [conservative], nodes: [model]}
"""Modules that import names of another, and so must have the mutant's."""


def patch(module, old, new, monkeypatch) -> None:
    """Let a module be what it would be if one line of it said something else."""
    for name, value in mutated(module, old, new).items():
        monkeypatch.setattr(module, name, value)
        for importer in IMPORTERS.get(module, ()):
            if hasattr(importer, name):
                monkeypatch.setattr(importer, name, value)


@pytest.fixture(scope="module", autouse=True)
def compiled_before():
    """Compile the engine for nodes that come and go, which no alarm may interrupt."""
    pool = {"name": "a", "kind": "cloud", "nodes": 1, "node": {"cores": 1}, "price_usd_per_hour": 1}
    trace = Trace.from_columns({"submit_s": [0], "run_s": [1], "procs": [1]})
    simulate(trace, Cluster.model_validate({"pools": [pool]}), engine="compiled")


@pytest.mark.parametrize(("engine", "module", "old", "new", "logs", "drawn"), CASES, ids=NAMES)
def test_mutant_is_noticed(engine, module, old, new, logs, drawn, monkeypatch):
    if module not in (kernel, changing):
        patch(module, old, new, monkeypatch)
    if engine == "compiled":  # made anew with these rules, as the Python that it is made of: no wait for the compiler
        monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
        for home in (kernel, changing):
            was, is_ = (old, new) if home is module else ("", "")
            patch(home, was, is_, monkeypatch)
    if module is inputs:
        monkeypatch.setattr("pwsim.engine.prepare", inputs.prepare)

    def too_long(*_) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)

    policy = POLICIES.get(old) or (
        None if drawn is packed_clusters or drawn is changing_clusters else POLICIES.get(module)
    )

    def caught(trace, cluster) -> bool:
        if policy is not None:
            cluster = cluster.model_copy(update={"policy": (Policy.parse(policy),)})
        signal.alarm(20)  # a mutant may well loop for ever
        try:
            test_engine.compare(trace, cluster, engine)
        except (
            AssertionError,
            IndexError,
            ValueError,
            RuntimeError,
            ZeroDivisionError,
            TimeoutError,
            EmptySchedule,
            KeyError,
            PwsimError,
        ):
            return True
        finally:
            signal.alarm(0)
        return False

    @given(trace=logs, cluster=drawn)
    @settings(max_examples=5_000, phases=[Phase.generate], database=None, deadline=None)
    def hunt(trace, cluster):
        assert not caught(trace, cluster)

    with pytest.raises(AssertionError):
        hunt()
