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

from pwsim._version import __version__ as __version__

if _typing.TYPE_CHECKING:
    from pwsim.calibration import Calibration, calibrate
    from pwsim.cluster import (
        Accepts,
        CloudPool,
        Cluster,
        Limits,
        MemoryLimits,
        Multifactor,
        Node,
        OnPremisesPool,
        Where,
    )
    from pwsim.common import HopelessError, InputError, MachineError, PwsimError, ScenarioError, SolverError, TraceError
    from pwsim.description import Description, describe
    from pwsim.engine.model import Model
    from pwsim.hindcasting import Hindcast, hindcast
    from pwsim.prices import (
        Band,
        Commitment,
        Economics,
        OnPremisesCost,
        SavingsPlan,
        SiteCost,
        find_price,
        load_prices,
    )
    from pwsim.results import Result, simulate, simulate_many, spread_over
    from pwsim.rules import Policy
    from pwsim.scenario import Scenario, load_scenario, optimize, verify
    from pwsim.search import Plan, Target, Verification
    from pwsim.trace import Trace, read_trace
    from pwsim.workload import (
        Twin,
        compress,
        faster,
        find_flurries,
        fit,
        generate,
        grow,
        in_cores,
        keep,
        mix,
        read_twin,
        resample,
        shake,
        window,
        with_feedback,
        without_flurries,
    )

_HOMES = {
    "Accepts": "cluster",
    "Band": "prices",
    "Calibration": "calibration",
    "CloudPool": "cluster",
    "Cluster": "cluster",
    "Commitment": "prices",
    "Description": "description",
    "Economics": "prices",
    "Hindcast": "hindcasting",
    "HopelessError": "common",
    "InputError": "common",
    "Limits": "cluster",
    "MachineError": "common",
    "MemoryLimits": "cluster",
    "Model": "engine.model",
    "Multifactor": "cluster",
    "Node": "cluster",
    "OnPremisesCost": "prices",
    "OnPremisesPool": "cluster",
    "Plan": "search",
    "Policy": "rules",
    "PwsimError": "common",
    "Result": "results",
    "SavingsPlan": "prices",
    "Scenario": "scenario",
    "ScenarioError": "common",
    "SiteCost": "prices",
    "SolverError": "common",
    "Target": "search",
    "Trace": "trace",
    "TraceError": "common",
    "Twin": "workload",
    "Verification": "search",
    "Where": "cluster",
    "calibrate": "calibration",
    "compress": "workload",
    "describe": "description",
    "faster": "workload",
    "find_flurries": "workload",
    "find_price": "prices",
    "fit": "workload",
    "generate": "workload",
    "grow": "workload",
    "hindcast": "hindcasting",
    "in_cores": "workload",
    "keep": "workload",
    "load_prices": "prices",
    "load_scenario": "scenario",
    "mix": "workload",
    "optimize": "scenario",
    "read_trace": "trace",
    "read_twin": "workload",
    "resample": "workload",
    "shake": "workload",
    "simulate": "results",
    "simulate_many": "results",
    "spread_over": "results",
    "verify": "scenario",
    "window": "workload",
    "with_feedback": "workload",
    "without_flurries": "workload",
}
"""Room of each public name; imported on first use, so that ``pwsim --help`` does not wait for pandas."""

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
    "spread_over",
    "Model",
    "Result",
    "hindcast",
    "Hindcast",
    "calibrate",
    "Calibration",
    "load_scenario",
    "SavingsPlan",
    "Scenario",
    "Target",
    "Where",
    "Economics",
    "SiteCost",
    "optimize",
    "Plan",
    "verify",
    "Verification",
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
        found = _importlib.import_module("pwsim.common.values").checked(found)
        found.__module__ = "pwsim"  # so that it can be pickled
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
