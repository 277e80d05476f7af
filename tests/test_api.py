"""What ``import pwsim`` offers."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import pwsim


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
