"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("pwsim", deadline=None, derandomize=True)
settings.load_profile("pwsim")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real logs and prices, which ``PWSIM_DATA`` names."""
    folder = os.environ.get("PWSIM_DATA")
    if not folder:
        pytest.skip("needs real logs: set the environment variable PWSIM_DATA to their folder")
    return Path(folder)


ENGINES = ("simpy", "compiled")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine in turn."""
    return str(request.param)


@pytest.fixture
def repository() -> Path:
    """The checkout that holds these tests."""
    return Path(__file__).parent.parent
