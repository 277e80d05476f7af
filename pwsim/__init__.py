"""Simulate and cost-optimise HPC and AI clusters from their own accounting logs.

>>> import pwsim
>>> trace = pwsim.generate(jobs=200, cores=16, load=0.8, seed=1)
>>> result = pwsim.simulate(trace, cores=16, policy="easy")
>>> len(result.jobs)
200
"""

import importlib as _importlib
import types as _types
import typing as _typing

__version__ = "0.1.0"

if _typing.TYPE_CHECKING:
    from pwsim.accepts import Accepts, Limits, MemoryLimits
    from pwsim.cluster import Cluster, Multifactor
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
    from pwsim.money import Commitment, Economics, OnPremisesCost, SiteCost
    from pwsim.plan import Plan, optimize
    from pwsim.pools import CloudPool, Node, OnPremisesPool
    from pwsim.prices import find_price, load_prices
    from pwsim.resampling import grow, resample
    from pwsim.result import Result
    from pwsim.rules import Policy
    from pwsim.scenario import Scenario, load_scenario
    from pwsim.sweep import simulate_many
    from pwsim.synthetic import generate
    from pwsim.targets import Target, Where
    from pwsim.tariffs import Band
    from pwsim.trace import Trace
    from pwsim.twin import Twin, read_twin
    from pwsim.workload import compress, faster, in_cores, keep, mix, shake, window

_HOMES = {
    "Accepts": "accepts",
    "Band": "tariffs",
    "CloudPool": "pools",
    "Cluster": "cluster",
    "Commitment": "money",
    "Description": "description",
    "Economics": "money",
    "Hindcast": "hindcasting",
    "HopelessError": "errors",
    "InputError": "errors",
    "Limits": "accepts",
    "MachineError": "errors",
    "MemoryLimits": "accepts",
    "Multifactor": "cluster",
    "Node": "pools",
    "OnPremisesCost": "money",
    "OnPremisesPool": "pools",
    "Plan": "plan",
    "Policy": "rules",
    "PwsimError": "errors",
    "Result": "result",
    "Scenario": "scenario",
    "ScenarioError": "errors",
    "SiteCost": "money",
    "SolverError": "errors",
    "Target": "targets",
    "Trace": "trace",
    "TraceError": "errors",
    "Twin": "twin",
    "Where": "targets",
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
    "Policy",
    "Multifactor",
    "OnPremisesPool",
    "OnPremisesCost",
    "Band",
    "CloudPool",
    "Commitment",
    "Node",
    "Accepts",
    "Limits",
    "MemoryLimits",
    "simulate",
    "simulate_many",
    "Result",
    "hindcast",
    "Hindcast",
    "load_scenario",
    "Scenario",
    "Target",
    "Where",
    "Economics",
    "SiteCost",
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


def __getattr__(name: str) -> _typing.Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pwsim' has no attribute {name!r}")
    found = getattr(_importlib.import_module(f"pwsim.{_HOMES[name]}"), name)
    if isinstance(found, _types.FunctionType):
        found = _importlib.import_module("pwsim.values").checked(found)
        found.__module__ = "pwsim"  # so that it can be pickled
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
