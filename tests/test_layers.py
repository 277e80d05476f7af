"""Rooms: what each is for, and which may import which; heavy libraries are imported in one room each.

The order and the purposes are told in one place, the table of docs/architecture.md; the code is held against it.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from pathlib import Path

import pytest

import pwsim

PACKAGE = Path(pwsim.__file__).parent
PAGE = Path(__file__).parent.parent / "docs" / "architecture.md"
ROOMS = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*) \|$", PAGE.read_text(), flags=re.MULTILINE))
"""Purpose of each room, from the bottom up; a room may import those before it.  ``trace.formats`` is a room in a room."""
FLOORS = [room for room in ROOMS if "." not in room]

HOMES = {
    "simpy": "engine",
    "pulp": "common",
    "matplotlib": "figures",
    "pooch": "trace",
    "pint": "common",
    "joblib": "results",
    "numba": "engine",
    "jinja2": "figures",
}


def files() -> list[Path]:
    """Return every source file."""
    return sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def dotted(path: Path) -> str:
    """Return a file as a module of the package, without ``pwsim``."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def floor(module: str) -> str:
    """Return the room at the bottom of which a module stands."""
    return module.split(".", maxsplit=1)[0]


@functools.cache
def imports(path: Path) -> set[str]:
    """Return what a file imports at run time, as dotted names; imports for type checkers alone do not count."""
    found = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        test = node.test if isinstance(node, ast.If) else None
        if isinstance(test, ast.Name | ast.Attribute) and ast.unparse(test).endswith("TYPE_CHECKING"):
            node.body = []  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if node.module == "pwsim" else {str(node.module)}
    return found


def test_every_file_is_in_a_room():
    assert {floor(dotted(path)) for path in files()} == set(FLOORS)


@pytest.mark.parametrize("room", [room for room in ROOMS if (PACKAGE / Path(*room.split("."))).is_dir()])
def test_rooms_say_what_they_are_for_and_hand_on_names(room):
    module = importlib.import_module(f"pwsim.{room}")
    assert (inspect.getdoc(module) or "").splitlines()[0] == ROOMS[room]
    names = getattr(module, "__all__", [])  # what is in a room in a room may be handed on by the outer one
    assert names or "." in room
    assert len(names) == len(set(names))
    assert all(hasattr(module, name) for name in names)


def test_packages_are_rooms():
    packages = {dotted(path) for path in files() if path.name == "__init__.py"} - {"__init__"}
    assert packages == {room for room in ROOMS if (PACKAGE / Path(*room.split("."))).is_dir()}


def test_no_room_hides_a_public_name():
    assert not set(FLOORS) & set(pwsim.__all__)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards_and_to_rooms(path):
    here = dotted(path)
    for name in imports(path):
        if name.startswith("pwsim."):
            other = name.removeprefix("pwsim.")
            if floor(other) == floor(here):
                continue
            below = FLOORS.index(floor(other)) < FLOORS.index(floor(here))
            assert below, f"{here} imports {other}, which is not below it"
            assert other in ROOMS, f"{here} imports {other}: import from the room, not from its inside"


@pytest.mark.parametrize("library", HOMES)
def test_heavy_libraries_have_one_home(library):
    users = {path for path in files() if any(name.split(".")[0] == library for name in imports(path))}
    assert {floor(dotted(path)) for path in users} == {HOMES[library]}


def test_layers_notice_an_import_upwards(tmp_path):
    (tmp_path / "bad.py").write_text("def f():\n    from pwsim import cli\n    import simpy\n")
    assert imports(tmp_path / "bad.py") == {"pwsim.cli", "simpy"}
