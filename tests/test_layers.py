"""Imports go downwards only, and heavy libraries are imported in one file each."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pwsim

PACKAGE = Path(pwsim.__file__).parent

LAYERS = [
    {"errors", "names", "units", "values"},
    {"writing"},
    {"trace", "document", "datasets", "rules"},
    {"explain"},
    {"schema"},
    {"wording", "estimates", "ai_training"},
    {"lublin"},
    {"making"},
    {"series"},
    {"formats", "workload", "resampling", "flurries", "feedback", "synthetic", "prices", "tariffs"},
    {"money", "accepts", "choices"},
    {"pools"},
    {"cluster"},
    {"metrics", "costs", "twin"},
    {"schedules", "capacity", "surges"},
    {"comparison"},
    {"evidence", "verdict"},
    {"diagnosis"},
    {"charges", "fitting", "record"},
    {"plots", "summary"},
    {"result", "report"},
    {"engine", "targets", "results"},
    {"sources", "description", "hindcasting"},
    {"changes"},
    {"bounds", "scenario", "sweep"},
    {"drafting", "judgement", "milp"},
    {"plan"},
    {"cli"},
    {"__init__", "__main__"},
]
"""Rooms of the package; each may import what stands above it here, and its own room where order allows."""

HOMES = {
    "simpy": "engine",
    "pulp": "milp",
    "matplotlib": "plots",
    "pooch": "datasets",
    "pint": "units",
    "joblib": "sweep",
    "numba": "engine",
}


def modules() -> dict[Path, str]:
    """Return every source file and the room that it belongs to."""
    files = [path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts]
    return {path: path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in files}


def imports(path: Path) -> set[str]:
    """Return what a file imports at run time, as dotted names; imports for type checkers alone do not count."""
    found = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if node.module == "pwsim" else {str(node.module)}
    return found


def test_every_module_has_a_layer():
    rooms = set(modules().values())
    assert rooms == set().union(*LAYERS)


@pytest.mark.parametrize("path", sorted(modules()), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downwards(path):
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    room = modules()[path]
    for name in imports(path):
        if name.startswith("pwsim.") and name != "pwsim.__version__":
            other = name.split(".")[1]
            assert other == room or level[other] < level[room], f"{room} imports {other}, which is not below it"


@pytest.mark.parametrize("library", HOMES)
def test_heavy_libraries_have_one_home(library):
    users = {path for path in modules() if any(name.split(".")[0] == library for name in imports(path))}
    assert len(users) == 1
    assert {modules()[path] for path in users} == {HOMES[library]}


def test_layers_notice_an_import_upwards(tmp_path):
    (tmp_path / "bad.py").write_text("def f():\n    from pwsim import cli\n    import simpy\n")
    assert imports(tmp_path / "bad.py") == {"pwsim.cli", "simpy"}
