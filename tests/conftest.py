"""Fixtures for all tests."""

import itertools
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


@pytest.fixture(autouse=True)
def _replays_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see what another, or the user, has replayed; the folder is made when something is kept."""
    name = f"replays-{next(_NUMBERS)}"
    monkeypatch.setenv("PWSIM_REPLAYS_DIR", str(tmp_path_factory.getbasetemp() / name))


_NUMBERS = itertools.count()
ENGINES = ("simpy", "compiled")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine in turn."""
    return str(request.param)


@pytest.fixture
def repository() -> Path:
    """The checkout that holds these tests."""
    return Path(__file__).parent.parent
