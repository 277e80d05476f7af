"""Broken rules must be noticed: each mutant of a rule or of the engine falls to the comparison with the reference.

A test suite that passes on a wrong scheduler is worth nothing, so each mutant here changes one line of the source in a
way that is easy to get wrong, and the generated cases have to tell.
"""

from __future__ import annotations

import inspect
import signal
import types

import pytest
from hypothesis import Phase, given, settings

from pwsim.engine import inputs, model
from pwsim.rules import backfill, orders
from tests import test_engine
from tests.strategies import clusters, traces

MUTANTS = [
    # module, what stands there, what the mutant says instead
    (backfill, "now + estimate_s[job] > shadow_s", "now + estimate_s[job] >= shadow_s"),
    (backfill, "now + estimate_s[job] > shadow_s", "now + estimate_s[job] > shadow_s + 1"),
    (backfill, "if units > extra:", "if units >= extra:"),
    (backfill, "            extra -= units\n", ""),
    (backfill, "        free -= units\n        chosen", "        chosen"),
    (backfill, "shadow_s = max(release_s[last], now + 1.0)", "shadow_s = max(release_s[last], now)"),
    (backfill, "shadow_s = max(release_s[last], now + 1.0)", "shadow_s = release_s[last] + 1.0"),
    (backfill, "max(release_s[last], now + 1.0) <= shadow_s", "max(release_s[last], now + 1.0) < shadow_s"),
    (backfill, "while last < running and room < head:", "while last < running and room <= head:"),
    (backfill, "need[queue[count]] <= free:", "need[queue[count]] < free:"),
    (backfill, "    elif compress:", "    elif False:"),
    (backfill, "    elif compress:", "    elif True:"),
    (backfill, "if overcommitted(profile_free, points):", "if False:"),
    (backfill, "end_s = max(release_s[index], now + 1.0)", "end_s = max(release_s[index], now)"),
    (backfill, "profile_s[point] < profile_s[start] + length_s", "profile_s[point] <= profile_s[start] + length_s"),
    (backfill, "if profile_free[point] < units:", "if profile_free[point] <= units:"),
    (orders, "return -estimate_s", "return estimate_s"),
    (orders, "return float(procs)", "return -float(procs)"),
    (orders, "ratio * ratio * ratio * procs", "ratio * ratio * procs"),
    (orders, 'DYNAMIC = ("wfp3",)', "DYNAMIC = ()"),
    (inputs, "(pool == REJECTED) & one.admits(trace)", "one.admits(trace)"),
    (inputs, "(needed <= units[index])", "(needed < units[index])"),
    (inputs, "estimate_s=estimate_s / speed,", "estimate_s=estimate_s,"),
    (inputs, "(run_s > estimate_s)", "(run_s >= estimate_s)"),
    (model, "COMPLETION = EventPriority(0)", "COMPLETION = EventPriority(3)"),
    (model, "if self.env.now < expected_s:", "if self.env.now <= expected_s:"),
    (model, "            self._await_reservation(index, pool)\n", ""),
    (model, "if pool.due_s == self.env.now:", "if False:"),
    (model, "return self.key[job], job", "return self.key[job], -job"),
]


def mutated(module: types.ModuleType, old: str, new: str) -> dict[str, object]:
    """Return what the module would define if one line of it said something else."""
    source = inspect.getsource(module)
    assert old in source, f"{module.__name__} does not say {old!r}"
    mutant = types.ModuleType(module.__name__)
    exec(compile(source.replace(old, new, 1), module.__name__, "exec"), mutant.__dict__)
    return {name: value for name, value in vars(mutant).items() if not name.startswith("__")}


@pytest.mark.parametrize(("module", "old", "new"), MUTANTS)
def test_mutant_is_noticed(module, old, new, monkeypatch):
    for name, value in mutated(module, old, new).items():
        monkeypatch.setattr(module, name, value)
    if module is inputs:
        monkeypatch.setattr("pwsim.engine.prepare", inputs.prepare)

    def too_long(*_) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)

    def caught(trace, cluster) -> bool:
        signal.alarm(2)  # a mutant may well loop for ever
        try:
            test_engine.compare(trace, cluster, "simpy")
        except (AssertionError, IndexError, ValueError, RuntimeError, TimeoutError):
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
