"""Broken rules, each hunted in a process of its own: what :mod:`tests.engine.test_mutants` runs.

A mutant changes one line of the source in a way that is easy to get wrong.  A child process imports the package with
that line, and generated cases are compared with the reference until one tells.  A mutant may well loop for ever or fill
the memory: the child has limits, and the parent kills it when they do not help.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import multiprocessing
import os
import resource
import signal
import sys
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

backfill, profile, conservative, orders, attempts, packing, pools, multifactor = (
    f"pwsim.rules.{name}"
    for name in ("backfill", "profile", "conservative", "orders", "attempts", "packing", "pools", "multifactor")
)
inputs, model, nodes, kernel, changing = (
    f"pwsim.engine.{name}" for name in ("inputs", "model.model", "model.nodes", "compiled.steady", "compiled.general")
)
ENGINES = ("simpy", "compiled")

CASES_PER_MUTANT = 5_000
CASE_S, HUNT_S, KILL_S = 20, 1_200, 3_600
"""Limits: CPU time of a case, after which it counts as one that never ends; of a whole hunt, after which a mutant has
survived; and the time after which a process is killed whatever it does [s]."""
MEMORY_BYTES = 6 << 30
"""Address space of a process; a mutant that wants more is noticed."""
NOTICED, SURVIVED = 0, 3
"""How a process ends; a killed one has noticed, too."""

MUTANTS = [
    # module, what stands there, what the mutant says instead
    (backfill, "now + estimate_s[position] > shadow_s", "now + estimate_s[position] >= shadow_s"),
    (backfill, "now + estimate_s[position] > shadow_s", "now + estimate_s[position] > shadow_s + 1"),
    (backfill, "if units > extra:", "if units >= extra:"),
    (backfill, "            extra -= units\n", ""),
    (backfill, "        free -= units\n        chosen", "        chosen"),
    (backfill, "shadow_s = max(release_s[last], soon_s)", "shadow_s = max(release_s[last], now)"),
    (backfill, "shadow_s = max(release_s[last], soon_s)", "shadow_s = release_s[last] + 1.0"),
    (backfill, "release_s[last] <= shadow_s and soon_s", "release_s[last] < shadow_s and soon_s"),
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
    (orders, "            wfp3,\n            dynamic=True,\n", "            wfp3,\n"),
    (inputs, "here = (pool == REJECTED) & held", "here = held"),
    (inputs, "(needed <= units[index])", "(needed < units[index])"),
    (inputs, "trace.run_s / speed, trace.estimate_s / speed", "trace.run_s / speed, trace.estimate_s"),
    (attempts, "(length_s > estimate_s) & kill", "(length_s >= estimate_s) & kill"),
    (inputs, "depth=cluster.depth or 0,", "depth=0,"),
    (model, "COMPLETION = EventPriority(0)", "COMPLETION = EventPriority(5)"),
    (model, "if self.conservative and now < expected_s:", "if self.conservative and now <= expected_s:"),
    (model, "if due_s < math.inf and due_s != pool.due_s:", "if False:"),
    (conservative, "next_s = min(next_s, reserved_s[position])", "next_s = reserved_s[position]"),
    (conservative, "until_s = math.inf if lost else now + 1.0", "until_s = now if lost else now"),
    (model, "if pool.due_s == self.env.now:", "if False:"),
    (model, "return self.key[job], job", "return self.key[job], -job"),
    (model, "min(len(pool.queue), 1 + self.depth)", "min(len(pool.queue), self.depth)"),
    (model, "self._charge(pool, job, -1.0)", "self._charge(pool, job, 1.0)"),
    (kernel, "while count > 0 and end_s[0] <= now:", "while count > 0 and end_s[0] < now:"),
    (kernel, "if reserves and now < expected_s:", "if reserves and now <= expected_s:"),
    (kernel, "units > extra and now + length_s > shadow_s", "units > extra and now + length_s >= shadow_s"),
    (kernel, "return units > free or (", "return units >= free or ("),
    (kernel, "known == tested and shadow_s < now + 1.0", "known == tested and shadow_s < now"),
    (kernel, "            quick = quick and arrived[index] > head\n", "            pass\n"),
    (kernel, "quick = not ended and known != unknown", "quick = known != unknown"),
    (conservative, "if seen > depth and reserved_s", "if seen > depth + 1 and reserved_s"),
    (
        kernel,
        "                    seen += 1\n                    if reserved_s[slot]",
        "                    if reserved_s[slot]",
    ),
    (kernel, "charge_job(now, job, -1.0, BOOK, priorities)", "charge_job(now, job, 1.0, BOOK, priorities)"),
    (multifactor, "used + (effective - used) * ledger.share[node]", "used"),
    (multifactor, "ledger.before_s[place] == at_s:", "False:"),
    (
        multifactor,
        "return level[node] > level[beside]",
        "return level[node] < level[beside]",
    ),
]


CHANGING_MUTANTS = [
    # the same, where nodes come and go
    (pools, "min(wanted - idle - booting, ", "min(wanted - booting, "),
    (attempts, "math.floor(worked_s / checkpoint_s)", "math.ceil(worked_s / checkpoint_s)"),
    (attempts, "overhead_s + max(1.0, ", "max(1.0, "),
    (attempts, "overhead_s + (run_s - kept_s) / speed", "overhead_s + run_s / speed"),
    (backfill, "arrive_s[node] <= shadow_s", "arrive_s[node] < shadow_s"),
    (profile, "    for point in range(begin, points):", "    for point in range(begin + 1, points):"),
    (pools, "idle_since_s[idle[index]] + timeout_s <= now", "idle_since_s[idle[index]] + timeout_s < now"),
    (pools, "units - held - queued >= need", "units - held >= need"),
    (pools, "waits_since_s + burst_s <= now", "waits_since_s + burst_s < now"),
    (pools, "if waiting > 0 or count", "if count"),
    (pools, "count - chosen + busy <= least", "count + busy <= least"),
    (pools, "range(count - 1, -1, -1)", "range(count)"),
    (attempts, "restarts >= max_restarts", "restarts > max_restarts"),
    (attempts, "return kept_s, kept_s * speed,", "return kept_s, kept_s,"),
]


RESERVING_MUTANTS = [
    # the same, where they do so dozens of times while jobs hold reservations
    (profile, "if 2 * first >= len(profile_s) and not full(profile_s, points):", "if False:"),
    (profile, "            profile_s[point] = profile_s[first + point]\n", ""),
    (profile, "            profile_free[point] = profile_free[first + point]\n", ""),
    (profile, "        points -= first\n", "        points -= first - 1\n"),
    (
        model,
        "            pool.first, pool.points = profile.advance(self.env.now, *table, pool.first, pool.points)\n            pool",
        "            pool",
    ),
    (
        changing,
        "        first, points = advance(now, profile_s, profile_free, state[FIRST], state[POINTS])\n        state",
        "        first, points = state[FIRST], state[POINTS]\n        state",
    ),
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
    (packing, "outlasts = now + estimate_s[position] > shadow_s", "outlasts = now + estimate_s[position] >= shadow_s"),
    (packing, "tried.unfit[shape] >= tried.clock[FREED]", "tried.unfit[shape] > 0"),
    (packing, "tried.delays[shape] == tried.clock[NOW]", "tried.delays[shape] >= tried.clock[FREED]"),
    (
        packing,
        "        cores, memory, gpus = most_free(bins, nodes, count)\n        passed",
        "        cores = memory = gpus = 0\n        passed",
    ),
    (packing, "if left < shares.need[head]:", "if left <= shares.need[head]:"),
    (packing, "                hold_all(bins, shares, places, job, 1)\n", ""),
    (packing, "                hold_all(then, shares, places, job, 1)\n", ""),
    (packing, "            fitting = tried.clock[FITTING] = left\n", "            tried.clock[FITTING] = left\n"),
    # Without a comparison in asks_no_less, or with the other direction of it, 5,000 cases show nothing: test_nodes.py has
    # those of cores, memory and GPUs by hand.  With > or == for >=, what is not known to fit nowhere is tried once more,
    # in vain: the same schedule.
    (packing, "found = choose(bins, numbers, opened, shares, job, shares.need[job], chosen)", "found = 0"),
    (packing, "range(waiting + (another >= 0))", "range(waiting)"),
    (packing, "                    return most\n", "                    return most - 1\n"),
    (nodes, "            if not self.jobs[number]:\n", "            if self.jobs[number] is not None:\n"),
    (model, "sorted(nodes.jobs.get(number, ()))", "nodes.jobs.get(number, [])[:1]"),
    (packing, "return waiting == 0 and choose(bins, nodes, count, shares, job, most, chosen) == most", "return False"),
    (model, "min(len(pool.queue), 1 + self.depth))\n            passed", "len(pool.queue))\n            passed"),
    (packing, "return waiting == 0 and choose", "return choose"),
    (changing, "        chosen[:begun] = np.sort(order[chosen[:begun]])\n    else:", "        pass\n    else:"),
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


HOMES = {
    model: "simpy",
    nodes: "simpy",
    kernel: "compiled",
    changing: "compiled",
    "if waiting > 0 or count": "simpy",  # where jobs wait, the compiled engine does not come to ask
}
POLICIES = {
    "return -estimate_s": "ljf",
    "return float(procs)": "smallest",
    "ratio * ratio * ratio * procs": "wfp3",
    "math.log2(max(procs, 2))": "unicef",
    "known == tested and shadow_s < now + 1.0": "easy",
    "if self.conservative and now < expected_s:": "conservative",
    "if reserves and now < expected_s:": "conservative",
    "if due_s < math.inf and due_s != pool.due_s:": "conservative",
    "            wfp3,\n            dynamic=True,\n": "wfp3",
    "self._charge(pool, job, -1.0)": "multifactor",
    "charge_job(now, job, -1.0, BOOK, priorities)": "multifactor",
    multifactor: "multifactor",
    backfill: "easy",
    profile: "conservative",
    "    for point in range(begin, points):": "conservative",
    "arrive_s[node] <= shadow_s": "easy",
    conservative: "conservative",
    "if seen > depth and reserved_s": "sjf-conservative",  # first come, first served, nobody falls behind
    "next_s = min(next_s, reserved_s[position])": "wfp3-conservative",  # elsewhere, a compiled engine has a heap of these
    'inputs.policy.order == "fcfs" and not inputs.closed': "easy",
    "        self._rank_jobs([event.subject])\n": "f1-easy",
    "if arrived and not w.sorted_queue:": "fcfs",
    "        if inputs.closed:  # some": "easy",
}
"""The policy under which a mutant, or the mutants of a module, are looked for; any where none is given."""
ON_ONE_MACHINE = backfill, profile, conservative, kernel
"""Modules whose rules are looked at one pool at a time: faults show soonest where all jobs compete."""
OVERDUE = ("known == tested and shadow_s < now + 1.0",)
"""Mutants that show where jobs outlive their estimates."""
CROWDED = ("            gain(vacated_s, left_s, old_s + length_s)\n",)
"""Mutants that show where many reservations move."""
CASES = [
    (engine, *mutant, cases)
    for mutants, cases in (
        (MUTANTS, "clusters"),
        (CHANGING_MUTANTS, "changing"),
        (RESERVING_MUTANTS, "reserving"),
        (PACKED_MUTANTS, "packed"),
        (FEEDBACK_MUTANTS, "feedback"),
    )
    for mutant in mutants
    for engine in ENGINES
    if HOMES.get(mutant[1], HOMES.get(mutant[0], engine)) == engine
]
"""Engine, module, what stands there, what the mutant says instead, and what kind of cases tell."""
NAMES = [": ".join((one, module.rpartition(".")[2], old.strip())) for one, module, old, *_ in CASES]


def source(module: str, old: str, new: str) -> str:
    """Return what a module says if one line of it says something else."""
    path = Path(__file__).parent.parent.joinpath(*module.split(".")).with_suffix(".py")
    said = path.read_text()
    assert old in said, f"{module} does not say {old!r}"
    return said.replace(old, new, 1)


class Mutation:
    """Imports one module with another line in it."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self.module, self.old, self.new = module, old, new

    def find_spec(self, fullname: str, path: Sequence[str] | None, *_: object) -> Any:
        if fullname != self.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(fullname, spec.origin, self)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, mutation: Mutation) -> None:
        super().__init__(fullname, path)
        self.mutation = mutation

    def get_code(self, fullname: str) -> types.CodeType:
        return compile(source(fullname, self.mutation.old, self.mutation.new), self.path, "exec")


def strategy(module: str, old: str, cases: str) -> Any:
    """Return the cases that tell."""
    from hypothesis import strategies as st

    from tests import strategies as drawn

    if cases == "reserving":
        return drawn.reserving_cases
    if cases == "packed":
        return st.one_of(
            st.tuples(drawn.gpu_traces, drawn.packed_clusters),
            st.tuples(drawn.gpu_traces, drawn.shared_machines),
            st.tuples(drawn.crowded_traces, drawn.shared_machines),
        )
    if cases == "feedback":
        return st.tuples(drawn.feedback_traces, drawn.changing_clusters)
    if cases == "changing":
        return st.tuples(drawn.traces, drawn.changing_clusters)
    traces = drawn.overdue_traces if old in OVERDUE else drawn.crowded_traces if old in CROWDED else drawn.traces
    return st.tuples(traces, drawn.machines if module in ON_ONE_MACHINE else drawn.clusters)


def policy_of(module: str, old: str, cases: str) -> str | None:
    """Return the policy under which a mutant is looked for, if it is one."""
    return POLICIES.get(old) or (POLICIES.get(module) if cases == "clusters" else None)


def hunt(index: int) -> None:
    """Look for a case that tells a mutant from the truth, in this process, which ends with what was found."""
    engine, module, old, new, cases = CASES[index]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.meta_path.insert(0, Mutation(module, old, new))
    import numba

    numba.config.DISABLE_JIT = 1  # the Python that the compiled engine is made of: no wait for the compiler
    from hypothesis import HealthCheck, Phase, given, settings
    from simpy.core import EmptySchedule

    from pwsim.common.errors import PwsimError
    from pwsim.rules.policy import Policy
    from tests.engine import test_engine

    policy = policy_of(module, old, cases)
    telling = (
        AssertionError, IndexError, ValueError, RuntimeError, ZeroDivisionError, TimeoutError, EmptySchedule, KeyError,
        MemoryError, PwsimError,
    )  # fmt: skip

    def too_long(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGVTALRM, too_long)

    @given(case=strategy(module, old, cases))
    @settings(
        max_examples=CASES_PER_MUTANT,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def look(case: Any) -> None:
        if time.process_time() > HUNT_S:
            os._exit(SURVIVED)
        trace, cluster = case
        if policy is not None:
            cluster = cluster.model_copy(update={"policy": (Policy.parse(policy),)})
        signal.setitimer(
            signal.ITIMER_VIRTUAL, CASE_S, 1.0
        )  # a mutant may well loop for ever, and swallow the first alarm
        try:
            test_engine.compare(trace, cluster, engine)
        except telling:
            os._exit(NOTICED)  # past Hypothesis, which would look for a simpler case
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    look()
    sys.exit(SURVIVED)


def verdict(index: int, target: Callable[[int], None] = hunt, kill_s: float = KILL_S) -> str:
    """Hunt a mutant in a process of its own; return ``noticed``, or how it ended otherwise."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["numba", "pandas", "hypothesis", "simpy", "pydantic", "pint"])
    process = context.Process(target=target, args=(index,))
    process.start()
    process.join(kill_s)
    process.kill()
    process.join()
    code = process.exitcode
    assert code is not None
    if code == SURVIVED:
        return "survived"
    return "noticed" if code == NOTICED or code < 0 else f"exit {code}"


def main() -> None:
    """Hunt all mutants, or those whose names hold a word; print what becomes of each."""
    words = sys.argv[1:]
    for index, name in enumerate(NAMES):
        if not words or any(word in name for word in words):
            began = time.monotonic()
            sys.stdout.write(f"{verdict(index)} [{time.monotonic() - began:.0f} s] {name}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
