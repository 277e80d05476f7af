"""README and ``docs/``: what stands in code blocks runs, what is said of the code is so, and the site can be built."""

from __future__ import annotations

import functools
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import click
import numpy as np
import pytest
from ruamel.yaml import YAML

import pwsim
from pwsim.search import general_name
from pwsim.trace.formats.reading import write_trace
from tests.cli.test_hostile import pwsim as command
from tests.conftest import ENGINES

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
SEMANTICS = ROOT / "docs" / "semantics.md"
SCENARIO = ROOT / "docs" / "howto" / "scenario.md"
"""The page whose whole scenario stands below the parts of scenarios that other pages show."""

PARSED_ONLY = {
    "batch": "tests/scenario/batch does it",
    "history": "tests/scenario/batch does it; it needs what a batch has written",
    "export": "tests/site/test_export.py does it; it needs what a run has written",
    "run": "a search takes long, and tests/scenario/test_scenarios.py runs the shipped ones",
    "verify": "tests/cli/test_verify.py does it; it needs what a run has written",
    "hindcast": "tests/hindcasting/test_hindcast.py runs it, and the page on Python does the same",
    "simulate mylog.swf.gz": "the page on results runs it for another log, and looks at what it writes",
}
"""Beginnings of commands that pages show, but which only have to be spelled right here, and why."""


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str
    line: int
    """Line of the page on which its text begins."""


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page; directives, whose language is in braces, are none."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(one[1], one[2], text.count("\n", 0, one.start(2)) + 1) for one in found]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with the files that the pages take for granted."""
    folder = tmp_path_factory.mktemp("desk")
    for name in ("data", "scenarios"):
        shutil.copytree(ROOT / name, folder / name)
    log = pwsim.read_trace(ROOT / "data" / "sample.swf.gz")
    waits = pwsim.simulate(log, cores=128, engine="simpy").wait_s.round()
    log = log.with_columns(recorded_wait_s=waits).take(np.arange(len(log)) % 5 == 0)
    write_trace(log, folder / "mylog.swf.gz")
    write_trace(log, folder / "training.swf.gz")
    (folder / "mytable.csv").write_text("submitted,minutes,cores\n0,5,1\n60,7.5,4\n")
    shutil.copy(ROOT / "data" / "prices.csv", folder / "my_prices.csv")
    (folder / "site").mkdir()
    (folder / "site" / "slurm.conf").write_text(
        "NodeName=onprem[01-20] CPUs=16\nPartitionName=batch Nodes=ALL Default=YES MaxTime=3-0\n"
    )
    (folder / "micro").mkdir()
    (folder / "micro" / "slurm.conf").write_text(
        "NodeName=n[1-4],m[1-4] CPUs=12 RealMemory=48000\nNodeName=g1 CPUs=12 RealMemory=48000 Gres=gpu:2\n"
        "NodeName=b1 CPUs=12 RealMemory=512000\nSelectTypeParameters=CR_Core_Memory\n"
        "PartitionName=normal Nodes=ALL Default=YES\nPartitionName=debug Nodes=n[1-2]\n"
    )
    (folder / "micro" / "sacct.psv").write_text(
        "JobID|User|Account|Partition|Submit|Start|End|State|NNodes|NCPUS|Timelimit\n"
        "1|u|a|normal|2021-02-11T22:37:08|2021-02-11T22:37:08|2021-02-11T22:57:09|COMPLETED|1|1|00:30:00\n"
    )
    return folder


@pytest.fixture
def desk(files, tmp_path, monkeypatch) -> Path:
    """A copy of it, where the reader is."""
    shutil.copytree(files, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")
    return tmp_path / "desk"


# -- code blocks


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page) and page != SEMANTICS], ids=name_of)
def test_blocks_run(page, desk, capsys):
    """Blocks of a page go together, in their order; all of Python runs, all of YAML is checked, see PARSED_ONLY."""
    names: dict[str, Any] = {}
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        if block.language == "python":
            run_python(block, where, names)
        elif block.language == "yaml":
            check_yaml(block, where, page, desk)
        elif block.language == "sh":
            for arguments in pwsim_commands(block.text):
                check_command(arguments, where, capsys)
        else:
            pytest.fail(f"{where}: nobody knows how to check {block.language!r}")


@pytest.mark.parametrize("engine", ENGINES)
def test_semantics_hold_with_each_engine(engine, monkeypatch):
    monkeypatch.setattr(pwsim, "simulate", functools.partial(pwsim.simulate, engine=engine))
    names: dict[str, Any] = {}
    assert {block.language for block in blocks(SEMANTICS)} == {"python"}
    for block in blocks(SEMANTICS):
        run_python(block, f"semantics.md:{block.line}", names)


def run_python(block: Block, where: str, names: dict[str, Any]) -> None:
    """Run a block, so that a traceback shows the line of the page."""
    code = "\n" * (block.line - 1) + block.text
    exec(compile(code, where.rpartition(":")[0], "exec"), names)  # the pages are ours


def check_yaml(block: Block, where: str, page: Path, desk: Path) -> None:
    """Check a scenario, or a part of one, which is laid over a whole one."""
    shown = YAML(typ="safe").load(block.text)
    whole = {"name", "workload", "cluster"} <= set(shown)
    if not whole:
        on_page = [one for one in blocks(page) if "\nworkload:" in one.text and "\ncluster:" in one.text]
        below = (on_page or [one for one in blocks(SCENARIO) if one.language == "yaml"])[0]
        shown = laid_over(YAML(typ="safe").load(below.text), shown)
    path = desk / "shown.yaml"
    with path.open("w") as file:
        YAML(typ="safe").dump(shown, file)
    try:
        pwsim.load_scenario(path)
    except pwsim.ScenarioError as error:
        pytest.fail(f"{where}: {error}")
    if whole:
        shutil.copy(path, desk / f"{shown['name']}.yaml")


def laid_over(below: Any, above: Any) -> Any:
    """Return a mapping with the keys of another in their places; pools of the same name are one."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        kept = {key: value for key, value in below.items() if key not in above}
        return kept | {key: laid_over(below.get(key), value) for key, value in above.items()}
    if isinstance(below, list) and isinstance(above, list) and all("name" in one for one in (*below, *above)):
        pools = {one["name"]: one for one in below}
        for one in above:
            pools[one["name"]] = laid_over(pools.get(one["name"]), one)
        return list(pools.values())
    return above


def pwsim_commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each ``pwsim`` command of a block; other programs are not ours to check."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.partition(" > ")[0], comments=True)
        while words:
            end = words.index("&&") if "&&" in words else len(words)
            if words[0].rpartition("/")[2] == "pwsim":
                yield words[1:end]
            words = words[end + 1 :]


def check_command(arguments: list[str], where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Check that a command is spelled right and, unless it takes long, that it does what it should."""
    parse(arguments, where)
    if not " ".join(arguments).startswith(tuple(PARSED_ONLY)):
        code, _, said = command(capsys, *arguments)
        assert code == 0, f"{where}: {said}"


def parse(arguments: list[str], where: str) -> None:
    """Let click read the arguments of a command."""
    known: click.Command = docs_module("sources").commands()
    rest = list(arguments)
    while isinstance(known, click.Group):
        assert rest, f"{where}: a command is missing"
        assert rest[0] in known.commands, f"{where}: there is no command {rest[0]!r}"
        known = known.commands[rest.pop(0)]
    try:
        known.make_context(known.name, rest)
    except click.UsageError as error:
        pytest.fail(f"{where}: {error.format_message()}")


def docs_module(name: str) -> ModuleType:
    """Return a module of ``docs/``."""
    folder = str(ROOT / "docs")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def test_checks_notice_mistakes(desk, capsys):
    with pytest.raises(pytest.fail.Exception, match="lodd"):
        check_yaml(Block("yaml", "workload: {lodd: 1.2}", 1), "page:1", SCENARIO, desk)
    with pytest.raises(pytest.fail.Exception, match="--polisy"):
        parse(["simulate", "log.swf", "--cores", "4", "--out", "x", "--polisy", "easy"], "page:1")
    with pytest.raises(AssertionError, match="there is no command 'simulat'"):
        parse(["simulat"], "page:1")
    with pytest.raises(AssertionError, match=r"page:1: .*nowhere.swf"):
        check_command(["trace", "describe", "nowhere.swf"], "page:1", capsys)
    assert list(pwsim_commands("a && .venv/bin/pwsim b 'c d' && pwsim e # && pwsim f\n")) == [["b", "c d"], ["e"]]


# -- what is said of the code


def test_start_is_what_a_newcomer_types():
    start = (ROOT / "README.md").read_text().partition("## Start")[2].partition("\n## ")[0]
    job, tests = [one.text for one in blocks(ROOT / "README.md")][:2]
    assert job in start
    assert tests in start
    venv = "python3 -m venv .venv && .venv/bin/pip install "
    assert job == f"{venv}. && .venv/bin/pwsim run scenarios/quickstart.yaml --out results/quickstart\n"
    assert tests == f"{venv}-e '.[test]' && .venv/bin/pytest -n auto\n"


def test_the_answer_that_pages_quote_is_the_answer():
    answer = pwsim.optimize(pwsim.load_scenario(ROOT / "scenarios" / "quickstart.yaml"), workers=1).summary["answer"]
    for page in ("README.md", "docs/index.md"):
        quoted = re.findall(r"^> (.*)$", (ROOT / page).read_text(), re.MULTILINE)
        assert " ".join(quoted) == answer


def test_the_picture_is_small():
    picture = ROOT / "docs" / "images" / "quickstart.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 150_000


def test_links_of_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text()
    linked = re.findall(r"\]\(([^)#]+)", text) + re.findall(r'src="([^"]+)"', text)
    assert linked
    for target in linked:
        assert (ROOT / target).exists(), target


def test_all_pages_are_linked():
    """By tables of contents, which Sphinx checks; and the main ones by README, for those who read the text."""
    for page in ROOT.glob("docs/*/*.md"):
        if page.parent.name in ("howto", "explanation") and page.name not in ("index.md", "trust.md"):
            assert f"({name_of(page)})" in (ROOT / "README.md").read_text()


def test_sections_of_the_semantics_that_the_code_cites_exist():
    text = SEMANTICS.read_text()
    sections = set(re.findall(r"^## (\d+)\. ", text, re.MULTILINE))
    assert sections == {str(number) for number in range(1, 11)}
    assert all(f"(semantics-{number})=\n\n## {number}. " in text for number in sections)
    for path in Path(pwsim.__file__).parent.rglob("*.py"):
        for cited in re.findall(r"[Ss]emantics ((?:§\d+(?:, | to | and )?)+)", path.read_text()):
            assert set(re.findall(r"\d+", cited)) <= sections, path


def test_every_section_of_the_semantics_has_an_example():
    parts = re.split(r"^## ", SEMANTICS.read_text(), flags=re.MULTILINE)[1:]
    assert all("```python\n" in part and "assert " in part for part in parts)


# -- what is generated


def test_columns_are_all_there():
    sources = docs_module("sources")
    plan = sources.tiny_plan()
    log = pwsim.generate(jobs=200, cores=16, load=0.8, seed=1)
    log = log.with_columns(recorded_wait_s=np.zeros(len(log)))
    check = pwsim.hindcast(log, cores=16, engine="simpy")
    for name, table in {**plan.tables(), **check.tables(), "trace": log.jobs}.items():
        told = {row.name for row in sources.columns(name)}
        of_setups = name in ("setups", "alternatives", "neighbours")
        told |= {row.name for row in sources.columns("setups")} if of_setups else set()
        shown = {general_name(column) if of_setups else column for column in table}
        assert shown <= told, name
    told = {row.name for row in sources.columns("flurries")}
    assert set(pwsim.find_flurries(log)) == told


@pytest.mark.parametrize(
    "table",
    [
        "trace",
        "jobs",
        "setups",
        "frontier",
        "horizon",
        "sensitivity",
        "headroom",
        "attribution",
        "proof",
        "alternatives",
        "neighbours",
        "timeline",
        "comparison",
        "comparison_hourly",
        "flurries",
    ],
)
def test_columns_are_explained(table):
    for row in docs_module("sources").columns(table):
        unit_like = row.name.replace("_", " ")
        assert row.text, row
        assert row.text != unit_like or "_" not in row.name, row


def test_keys_of_the_summary_are_explained():
    page = (ROOT / "docs" / "reference" / "summary.md").read_text()
    told = {
        key for cells in re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE) for key in re.findall(r"`(\w+)`", cells)
    }
    log = pwsim.generate(jobs=200, cores=16, load=0.8, seed=1)
    check = pwsim.hindcast(log.with_columns(recorded_wait_s=np.zeros(len(log))), cores=16, engine="simpy")
    plan, replay = docs_module("sources").tiny_plan(), pwsim.simulate(log, cores=16, engine="simpy")
    keys = {*plan.summary, *check.summary, *replay.summary}
    assert told == keys | {"decisions"}  # where targets must hold in a share of draws


def test_reference_of_scenarios_has_every_key():
    text = docs_module("pages").scenario()
    schema = pwsim.Scenario.model_json_schema()
    for name, kind in {"Scenario": schema, **schema["$defs"]}.items():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(kind["properties"]), name


def test_reference_of_python_has_every_name():
    text = docs_module("pages").api()
    assert re.findall(r"^\.\. auto(?:class|function):: pwsim\.(\w+)", text, re.MULTILINE) == pwsim.__all__
    assert set(docs_module("sources").API_SECTIONS.values()) <= set(pwsim.__all__)


@pytest.mark.slow  # it takes half a minute, and .ci/run builds the site after these tests
def test_site_can_be_built(tmp_path):
    pytest.importorskip("sphinx", reason="needs Sphinx: pip install -e '.[docs]'")
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run([*build, ROOT / "docs", tmp_path / "html"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "tutorials" / "01_quickstart.html").exists()
    assert "semantics.html#semantics-5" in (tmp_path / "html" / "reference" / "api.html").read_text()
