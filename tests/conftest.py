"""Fixtures for all tests."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests import compiling

if TYPE_CHECKING:
    from pwsim.figures.figure import Figure

settings.register_profile("pwsim", deadline=None, derandomize=True)
settings.load_profile("pwsim")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the engine before the workers of a run of all tests start, unless that was done: each would do it."""
    config = session.config
    all_tests = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    if not all_tests or hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        return
    cache, facts = getattr(config, "cache", None), compiling.facts()
    if cache is not None and cache.get("pwsim/compiled", None) != facts and compiling.compile_all():
        cache.set("pwsim/compiled", facts)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real logs and prices, which ``PWSIM_DATA`` names."""
    folder = os.environ.get("PWSIM_DATA")
    if not folder:
        pytest.skip("needs real logs: set the environment variable PWSIM_DATA to their folder")
    return Path(folder)


@pytest.fixture(autouse=True, scope="session")
def _no_replays_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let what is made once for several tests not see what the user has replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PWSIM_REPLAYS_DIR", str(tmp_path_factory.getbasetemp() / "replays"))
        yield


@pytest.fixture(autouse=True)
def _replays_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see what another, or the user, has replayed; the folder is made when something is kept."""
    name = f"replays-{next(_NUMBERS)}"
    monkeypatch.setenv("PWSIM_REPLAYS_DIR", str(tmp_path_factory.getbasetemp() / name))


_NUMBERS = itertools.count()


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write pages with all their figures, but none drawn, for tests of anything else: drawing takes most of a report.

    Their files are there, of the kinds that they are of; ``tests/report`` looks at figures that are drawn.
    """
    for page in ("pwsim.report.page", "pwsim.description.page"):
        monkeypatch.setattr(f"{page}.shown", _blank)


def _blank(one: Figure, found: Callable[[str], Any], folder: Path) -> dict[str, Any]:
    """Stand in for :func:`pwsim.figures.shown`."""
    for name in one.needs:
        found(name)
    (folder / f"{one.name}.svg").write_text(BLANK_SVG)
    (folder / f"{one.name}.png").write_bytes(b"\x89PNG")
    return {"caption": one.caption, "row": one.row, "data": "data:image/svg+xml,", "narrow": None}


BLANK_SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'
ENGINES = ("simpy", "compiled")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Every engine in turn."""
    return str(request.param)


@pytest.fixture
def repository() -> Path:
    """The checkout that holds these tests."""
    return Path(__file__).parent.parent
