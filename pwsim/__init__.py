"""Simulate and cost-optimise HPC and AI clusters from their own accounting logs.

>>> import pwsim
>>> trace = pwsim.generate(jobs=200, cores=16, load=0.8, seed=1)
>>> result = pwsim.simulate(trace, cores=16, policy="easy")
>>> len(result.jobs)
200
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pwsim.cluster import Cluster
    from pwsim.description import Description, describe
    from pwsim.engine import simulate
    from pwsim.errors import (
        HopelessError,
        InputError,
        MachineError,
        PwsimError,
        ScenarioError,
        SolverError,
        TraceError,
    )
    from pwsim.feedback import with_feedback
    from pwsim.fitting import fit
    from pwsim.flurries import find_flurries, without_flurries
    from pwsim.formats import read_trace
    from pwsim.hindcasting import Hindcast, hindcast
    from pwsim.money import Economics
    from pwsim.plan import Plan, optimize
    from pwsim.prices import find_price, load_prices
    from pwsim.resampling import grow, resample
    from pwsim.result import Result
    from pwsim.scenario import Scenario, load_scenario
    from pwsim.sweep import simulate_many
    from pwsim.synthetic import generate
    from pwsim.targets import Target
    from pwsim.trace import Trace
    from pwsim.twin import Twin, read_twin
    from pwsim.workload import compress, faster, in_cores, keep, mix, shake, window

_HOMES = {
    "Cluster": "cluster",
    "Description": "description",
    "Economics": "money",
    "Hindcast": "hindcasting",
    "HopelessError": "errors",
    "InputError": "errors",
    "MachineError": "errors",
    "Plan": "plan",
    "PwsimError": "errors",
    "Result": "result",
    "Scenario": "scenario",
    "ScenarioError": "errors",
    "SolverError": "errors",
    "Target": "targets",
    "Trace": "trace",
    "TraceError": "errors",
    "Twin": "twin",
    "compress": "workload",
    "describe": "description",
    "faster": "workload",
    "find_flurries": "flurries",
    "find_price": "prices",
    "fit": "fitting",
    "generate": "synthetic",
    "grow": "resampling",
    "hindcast": "hindcasting",
    "in_cores": "workload",
    "keep": "workload",
    "load_prices": "prices",
    "load_scenario": "scenario",
    "mix": "workload",
    "optimize": "plan",
    "read_trace": "formats",
    "read_twin": "twin",
    "resample": "resampling",
    "shake": "workload",
    "simulate": "engine",
    "simulate_many": "sweep",
    "window": "workload",
    "with_feedback": "feedback",
    "without_flurries": "flurries",
}
"""Module of each public name; imported on first use, so that ``pwsim --help`` does not wait for pandas."""

__all__ = [  # noqa: RUF022 - in the order of use
    "read_trace",
    "generate",
    "Trace",
    "describe",
    "Description",
    "in_cores",
    "window",
    "keep",
    "compress",
    "faster",
    "shake",
    "mix",
    "resample",
    "grow",
    "find_flurries",
    "without_flurries",
    "with_feedback",
    "fit",
    "Twin",
    "read_twin",
    "Cluster",
    "simulate",
    "simulate_many",
    "Result",
    "hindcast",
    "Hindcast",
    "load_scenario",
    "Scenario",
    "Target",
    "Economics",
    "optimize",
    "Plan",
    "load_prices",
    "find_price",
    "PwsimError",
    "InputError",
    "ScenarioError",
    "TraceError",
    "HopelessError",
    "MachineError",
    "SolverError",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"pwsim.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'pwsim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
