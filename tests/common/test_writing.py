"""Files and directories that pwsim writes: whole or absent, by one process at a time, and nothing of others' is lost."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from pwsim import InputError, MachineError, report
from pwsim.common import writing
from tests.cli.test_hostile import GOOD, TINY, check_refused, pwsim
from tests.report.test_results import digests

pytestmark = pytest.mark.usefixtures("blank_figures")
FILES = ("main", "more", "figures/one")
SIMULATE = ["simulate", "tiny.swf", "--cores", "4", "--out", "out", "--engine", "simpy"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "tiny.swf").write_text(TINY)
    (tmp_path / "good.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path, text: str) -> None:
    with writing.new_directory(path, FILES) as made:
        (made / "main").write_text(text)
        (made / "figures").mkdir()
        (made / "figures" / "one").write_text(text)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Without renameat2 the same, in two steps.
@pytest.fixture(params=["swapped", "moved"])
def how(request, monkeypatch):
    if request.param == "moved":
        monkeypatch.setattr(writing, "_moved", lambda *_: False)


def test_a_directory_replaces_another(how, folder):
    put(folder / "r", "old")
    put(folder / "r", "new")
    assert {path.read_text() for path in (folder / "r").rglob("*") if path.is_file()} == {"new"}
    assert names(folder) == {"r", "tiny.swf", "good.yaml"}


def test_what_fails_leaves_what_was_there(how, folder):
    def fail() -> None:
        with writing.new_directory(folder / "r", FILES) as made:
            (made / "main").write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(folder) == {"tiny.swf", "good.yaml"}
    put(folder / "r", "old")
    with pytest.raises(ZeroDivisionError):
        fail()
    assert (folder / "r" / "main").read_text() == "old"
    assert names(folder) == {"r", "tiny.swf", "good.yaml"}


def test_results_are_never_absent_while_they_are_replaced(folder):
    """Where the system can swap, there is no moment without report."""
    put(folder / "r", "old")
    look = subprocess.Popen(
        [sys.executable, "-c", "import os\nprint(flush=True)\nwhile os.path.exists('r/main'): pass\nprint('gone')"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert look.stdout is not None
    look.stdout.readline()
    for number in range(100):
        put(folder / "r", str(number))
    assert look.poll() is None, "there was a moment without results"
    look.kill()
    look.communicate()


def test_stopped_between_the_two_steps(folder):
    """Where the system cannot swap, old results that stand aside are put back."""
    (folder / ".r.pwsim" / "old").mkdir(parents=True)
    (folder / ".r.pwsim" / "old" / "main").write_text("old")
    with pytest.raises(InputError, match="exists already"), writing.reserved(Path("r"), overwrite=False, files=FILES):
        pass
    assert (folder / "r" / "main").read_text() == "old"
    assert names(folder) == {"r", "tiny.swf", "good.yaml"}


def test_what_others_put_into_results_is_not_deleted(how, folder, capsys):
    assert pwsim(capsys, *SIMULATE)[0] == 0
    for other in ("notes.txt", "figures/mine.svg", "notes"):
        path = folder / "out" / other
        path.write_text("mine") if "." in other else path.mkdir()
        words = [f"out: holds {other}, which pwsim did not write", "move"]
        check_refused(folder, capsys, [*SIMULATE, "--overwrite"], words)
        path.unlink() if path.is_file() else path.rmdir()

    put(folder / "r", "old")
    with (
        writing.reserved(folder / "r", overwrite=True, files=FILES),
        writing.new_directory(folder / "r", FILES) as made,
    ):
        (made / "main").write_text("new")
        (folder / "r" / "notes.txt").write_text("mine")  # while the replay is on its way
    assert (folder / "r" / "main").read_text() == "new"
    assert (folder / "r" / "notes.txt").read_text() == "mine"


HOLD = """
import sys
from pathlib import Path
from pwsim.common import writing
with writing.reserved(Path(sys.argv[1]), overwrite=True, files=sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("out", SIMULATE),
        ("out", ["run", "--no-draws", "good.yaml", "--out", "out", "--workers", "1", "--engine", "simpy"]),
        ("out", ["trace", "describe", "tiny.swf", "--out", "out"]),
        ("out.parquet", ["trace", "convert", "tiny.swf", "out.parquet"]),
    ],
)
def test_the_second_to_write_stops_before_it_starts(path, arguments, folder, capsys):
    files = ["summary.json"] if path == "out" else []
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, path, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pwsim.trace.read_trace", None)  # that would be a start
        patch.setattr("pwsim.scenario.optimize", None)
        check_refused(folder, capsys, arguments, [f"{path}: another process of pwsim writes there"])
    # A lock whose process was killed is no obstacle, and goes.
    first.kill()
    first.communicate()
    assert f".{path}.pwsim" in names(folder)
    code, _, err = pwsim(capsys, *arguments)
    assert code == 0, err
    assert names(folder) == {path, "tiny.swf", "good.yaml"}


def test_litter_of_dead_runs_goes(folder, capsys):
    litter = folder / ".out.pwsim" / "new" / "out"
    (litter / "figures").mkdir(parents=True)
    (litter / "figures" / "waits.svg").write_text("half")
    (folder / ".out.pwsim" / "lock").touch()
    assert pwsim(capsys, *SIMULATE)[0] == 0
    assert names(folder) == {"out", "tiny.swf", "good.yaml"}
    before = digests(folder)
    for command in (["report", "out"], [*SIMULATE, "--overwrite"]):
        litter.mkdir(parents=True)
        (litter / "report.html").write_text("half")
        assert pwsim(capsys, *command)[0] == 0
        assert digests(folder) == before
        assert names(folder) == {"out", "tiny.swf", "good.yaml"}


@pytest.mark.parametrize("name", ["old", "new", "lock", "files", ".files.pwsim-notes"])
def test_any_name_will_do(name, folder):
    """Names of results that are also names of what is kept beside them."""
    put(folder / name, "old")
    half = folder / f".{name}.pwsim" / "new" / name
    half.mkdir(parents=True)
    (half / "main").write_text("half")  # a process was killed while it wrote
    with writing.reserved(folder / name, overwrite=True, files=FILES):
        assert (folder / name / "main").read_text() == "old"
        put(folder / name, "new")
        second = subprocess.run(
            [sys.executable, "-c", HOLD, name, *FILES], input="", capture_output=True, text=True, check=False
        )
        assert "another process of pwsim writes there" in second.stderr
    assert (folder / name / "main").read_text() == "new"
    assert names(folder) == {name, "tiny.swf", "good.yaml"}


def test_what_came_meanwhile_stays(how, folder):
    """Without leave to overwrite, what somebody else has put there while pwsim was at work is not touched."""

    def directory() -> None:
        with (
            writing.reserved(folder / "r", overwrite=False, files=FILES),
            writing.new_directory(folder / "r", FILES) as made,
        ):
            (made / "main").write_text("new")
            (folder / "r").mkdir()
            (folder / "r" / "main").write_text("theirs")

    def file() -> None:
        with writing.reserved(folder / "f", overwrite=False), writing.new_file(folder / "f") as made:
            made.write_text("new")
            (folder / "f").write_text("theirs")

    for write in (directory, file):
        with pytest.raises(InputError, match="put there meanwhile"):
            write()
    assert (folder / "r" / "main").read_text() == (folder / "f").read_text() == "theirs"
    assert names(folder) == {"r", "f", "tiny.swf", "good.yaml"}


def test_a_report_waits_for_who_writes_the_results(folder, capsys):
    assert pwsim(capsys, *SIMULATE)[0] == 0
    with writing.reserved(folder / "out", overwrite=True, files=report.FILES):
        second = subprocess.run(
            [sys.executable, "-m", "pwsim", "report", "out"], capture_output=True, text=True, check=False
        )
    assert second.returncode == 2
    assert "another process of pwsim writes there" in second.stderr


WRITERS = [
    ["run", "good.yaml", "--out", "{}", "--workers", "1", "--no-draws"],
    ["simulate", "tiny.swf", "--cores", "4", "--out", "{}"],
    ["trace", "describe", "tiny.swf", "--out", "{}"],
    ["trace", "convert", "tiny.swf", "{}.swf"],
    ["trace", "generate", "simple", "{}.swf", "--jobs", "5", "--cores", "4"],
    ["trace", "fit", "tiny.swf", "-o", "{}.yaml"],
]


@pytest.mark.parametrize("arguments", WRITERS, ids=lambda arguments: " ".join(arguments[:2]))
def test_a_path_that_cannot_be_is_told_before_any_work(arguments, folder, capsys, monkeypatch):
    for work in (
        "pwsim.scenario.optimize",
        "pwsim.trace.read_trace",
        "pwsim.workload.generate",
    ):
        monkeypatch.setattr(work, None)
    suffix = arguments[-1 if "{}" in arguments[-1] else 3].removeprefix("{}") if arguments[1] != "generate" else ".swf"
    (folder / "real").mkdir()
    (folder / f"link{suffix}").symlink_to("real" if not suffix else "good.yaml")
    (folder / f"dangling{suffix}").symlink_to("nowhere")
    (folder / f"loop{suffix}").symlink_to(f"loop{suffix}")
    deep = str(folder.joinpath(*["d" * 250] * 15))
    cases = [
        ("link", ["link", "symbolic link", "real" if not suffix else "good.yaml"]),
        ("dangling", ["dangling", "symbolic link", "nowhere"]),
        ("loop", ["loop", "symbolic link"]),
        ("n" * 300, ["nnn", "File name too long"]),
    ]
    if not suffix:  # the directory could be made, its figures could not
        cases.append((f"{deep}/{'e' * (4095 - len(deep) - 12)}", ["eee", "File name too long"]))
    for out, words in cases:
        given = [argument.format(out) for argument in arguments]
        check_refused(folder, capsys, given, words)
        check_refused(folder, capsys, [*given, "--overwrite"], words)
    assert list((folder / "real").iterdir()) == []


def test_a_fault_of_the_machine_before_any_work(folder, monkeypatch):
    """A disk that is full is no fault of the path."""

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.mkdir", full)
    with pytest.raises(MachineError, match="No space left"), writing.reserved(Path("r"), overwrite=True, files=FILES):
        pass


def test_folders_made_on_the_way_go_if_nothing_is_written(folder):
    with writing.reserved(Path("a/b/c"), overwrite=False, files=FILES):
        assert (folder / "a" / "b").is_dir()
    assert names(folder) == {"tiny.swf", "good.yaml"}
    put(folder / "a" / "b" / "c", "new")
    assert (folder / "a" / "b" / "c" / "main").read_text() == "new"


def test_the_current_directory_can_be_the_results(folder, monkeypatch):
    put(folder / "r", "old")
    monkeypatch.chdir(folder / "r")
    put(Path(), "new")
    assert (folder / "r" / "main").read_text() == "new"


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_at_another_path_too(links, folder, monkeypatch):
    if not links:

        def refuse(*_):
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    (folder / "there").mkdir()
    (folder / "there" / "tiny").write_text("old")
    for _ in range(2):  # in the place of another file, and of itself
        writing.also_at(folder / "there" / "tiny", folder / "tiny.swf")
        assert (folder / "there" / "tiny").read_text() == TINY
        assert (folder / "there" / "tiny").samefile(folder / "tiny.swf") == links
    assert names(folder / "there") == {"tiny"}
