"""What ``import pwsim`` offers."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import pwsim
from pwsim import Cluster, Trace, TraceError, simulate


def test_all_is_what_can_be_imported():
    for name in pwsim.__all__:
        assert getattr(pwsim, name) is not None
    assert set(pwsim.__all__) == set(pwsim._HOMES)
    assert set(pwsim.__all__) <= set(dir(pwsim))


@pytest.mark.parametrize("name", pwsim.__all__)
def test_every_public_name_is_documented(name):
    thing = getattr(pwsim, name)
    assert inspect.getdoc(thing)
    for member, value in vars(thing).items() if inspect.isclass(thing) else []:
        if not member.startswith("_") and callable(value):
            assert inspect.getdoc(value), f"{name}.{member}"


def test_unknown_name():
    with pytest.raises(AttributeError, match="simulatte"):
        _ = pwsim.simulatte


def test_import_and_help_load_nothing_heavy():
    heavy = {"pandas", "simpy", "pulp", "matplotlib", "pydantic", "pyarrow", "scipy", "numba"}
    code = f"import sys, pwsim.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_a_cluster_says_is_not_said_again():
    trace = Trace.from_columns({"submit_s": [0], "run_s": [1], "procs": [1]})
    for more in ({"policy": "easy"}, {"overrun": "allow"}, {"depth": 3}):
        with pytest.raises(TypeError, match="are those of the cluster"):
            simulate(trace, Cluster.homogeneous(4), **more)


@pytest.mark.parametrize("column", ["memory_mib", "gpus", "data_gib"])
def test_a_trace_has_nothing_negative(column):
    with pytest.raises(TraceError, match=f"record 2: {column} must be a number from 0"):
        Trace.from_columns({"submit_s": [0, 0], "run_s": [1, 1], "procs": [1, 1], column: [1, -1]})
