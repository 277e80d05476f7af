"""Broken rules must be noticed: each mutant of a rule or of the engine falls to the comparison with the reference.

A test suite that passes on a wrong scheduler is worth nothing, so each mutant here changes one line of the source in a
way that is easy to get wrong, and the generated cases have to tell.
"""

from __future__ import annotations

import inspect
import signal
import types

import numba
import pytest
from hypothesis import Phase, given, settings

from pwsim.engine import inputs, kernel, model
from pwsim.rules import Policy, backfill, conservative, orders, profile
from tests import test_engine
from tests.conftest import ENGINES
from tests.strategies import clusters, traces

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
    (backfill, "while last < running and free < head:", "while last < running and free <= head:"),
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
    (inputs, "(pool == REJECTED) & one.admits(trace)", "one.admits(trace)"),
    (inputs, "(needed <= units[index])", "(needed < units[index])"),
    (inputs, "estimate_s=estimate_s / speed,", "estimate_s=estimate_s,"),
    (inputs, "(run_s > estimate_s)", "(run_s >= estimate_s)"),
    (inputs, "depth=cluster.depth or 0,", "depth=0,"),
    (model, "COMPLETION = EventPriority(0)", "COMPLETION = EventPriority(3)"),
    (model, "if self.conservative and now < expected_s:", "if self.conservative and now <= expected_s:"),
    (model, "            self._await_reservation(index, pool)\n", ""),
    (model, "if pool.due_s == self.env.now:", "if False:"),
    (model, "return self.key[job], job", "return self.key[job], -job"),
    (model, "min(len(pool.queue), 1 + self.depth)", "min(len(pool.queue), self.depth)"),
    (model, "range(self.depth, len(pool.queue))", "range(self.depth + 1, len(pool.queue))"),
    (model, "-self.procs[job])", "self.procs[job])"),
    (kernel, "while count > 0 and end_s[0] <= now:", "while count > 0 and end_s[0] < now:"),
    (kernel, "if conservative and now < expected_s:", "if conservative and now <= expected_s:"),
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


HOMES = {"simpy": model, "compiled": kernel}
RULES = (backfill, profile, conservative, orders, inputs)
POLICIES = {
    "return -estimate_s": "ljf",
    "return float(procs)": "smallest",
    "ratio * ratio * ratio * procs": "wfp3",
    "math.log2(max(procs, 2))": "unicef",
    'DYNAMIC = ("wfp3", ': "wfp3",
    "-self.procs[job])": "multifactor",
    "-procs[job], usage": "multifactor",
    backfill: "easy",
    profile: "conservative",
    conservative: "conservative",
}
"""The policy under which a mutant, or the mutants of a module, are looked for; any where none is given."""
CASES = [(engine, *mutant) for mutant in MUTANTS for engine in ENGINES if mutant[0] in (*RULES, HOMES[engine])]


@pytest.mark.parametrize(("engine", "module", "old", "new"), CASES)
def test_mutant_is_noticed(engine, module, old, new, monkeypatch):
    if engine == "compiled":  # as the Python that it is made of: no wait for the compiler
        monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    for name, value in mutated(module, old, new).items():
        monkeypatch.setattr(module, name, value)
        if module is profile and hasattr(conservative, name):
            monkeypatch.setattr(conservative, name, value)
    if engine == "compiled" and module is not kernel:  # it has the rules of its import
        for name, value in mutated(kernel, "", "").items():
            monkeypatch.setattr(kernel, name, value)
    if module is inputs:
        monkeypatch.setattr("pwsim.engine.prepare", inputs.prepare)

    def too_long(*_) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)

    policy = POLICIES.get(old) or POLICIES.get(module)

    def caught(trace, cluster) -> bool:
        if policy is not None:
            cluster = cluster.model_copy(update={"policy": (Policy.parse(policy),)})
        signal.alarm(2)  # a mutant may well loop for ever
        try:
            test_engine.compare(trace, cluster, engine)
        except (AssertionError, IndexError, ValueError, RuntimeError, ZeroDivisionError, TimeoutError):
            return True
        finally:
            signal.alarm(0)
        return False

    @given(trace=traces, cluster=clusters)
    @settings(max_examples=5_000, phases=[Phase.generate], database=None, deadline=None)
    def hunt(trace, cluster):
        assert not caught(trace, cluster)

    with pytest.raises(AssertionError):
        hunt()
