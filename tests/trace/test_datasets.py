"""Named logs: found, downloaded from a server of our own, and refused when they are not what they should be."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import socket
import threading

import pytest

from pwsim import InputError, MachineError
from pwsim.trace import datasets
from tests.cli.test_machine import no_file_above

TEXT = b"; Computer: pretend\n1 0 5 10 4 -1 -1 8 60 1024 1 7 3 -1 2 1 -1 -1\n"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """An archive on this machine, with a log named ``pretend``; yields its folder."""
    folder = tmp_path / "archive" / "l_pretend"
    folder.mkdir(parents=True)
    (folder / "pretend.swf.gz").write_bytes(gzip.compress(TEXT))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder.parent))

        def log_message(self, *_):
            pass

    log = datasets.Log("pretend.swf.gz", "l_pretend", hashlib.sha256(TEXT).hexdigest(), "a pretended log", 8)
    monkeypatch.setitem(datasets.NAMES, "pretend", log)
    monkeypatch.delenv("PWSIM_DATA", raising=False)
    monkeypatch.setattr(datasets, "_cache", lambda: tmp_path / "cache")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        monkeypatch.setenv("PWSIM_MIRROR", f"http://127.0.0.1:{running.server_address[1]}")
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder
        running.shutdown()


def test_download_is_kept(server, tmp_path):
    path = datasets.fetch("pretend")
    assert gzip.decompress(path.read_bytes()) == TEXT
    (server / "pretend.swf.gz").unlink()
    assert datasets.fetch("pretend") == path
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["pretend.swf.gz"]


def test_the_text_counts_not_who_packed_it(server):
    (server / "pretend.swf.gz").write_bytes(gzip.compress(TEXT, compresslevel=1, mtime=7))
    assert datasets.fetch("pretend").is_file()


@pytest.mark.parametrize(
    "content",
    [gzip.compress(TEXT + b"x", mtime=0), gzip.compress(TEXT, mtime=0)[:-9], b"<html>sorry</html>"],
    ids=["other text", "cut short", "no gzip"],  # gzip bytes hold the time: test names must not
)
def test_wrong_download_is_refused_and_not_kept(content, server, tmp_path):
    (server / "pretend.swf.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"pretend\.swf\.gz"):
        datasets.fetch("pretend")
    assert list((tmp_path / "cache").iterdir()) == []


def test_log_that_the_archive_does_not_have(server, tmp_path):
    (server / "pretend.swf.gz").unlink()
    with pytest.raises(InputError, match=r"404.*by hand.*PWSIM_DATA"):
        datasets.fetch("pretend")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_full_disk_is_the_machines_fault(server, tmp_path):
    with no_file_above(10), pytest.raises(MachineError, match="cache: cannot be written to: File too large; set PWSIM"):
        datasets.fetch("pretend")
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_network(server, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PWSIM_MIRROR", f"http://127.0.0.1:{unused.getsockname()[1]}")
    with pytest.raises(InputError, match=r"cannot be downloaded.*PWSIM_DATA"):
        datasets.fetch("pretend")


def test_folder_of_the_user_comes_first(server, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pretend.swf.gz").write_bytes(TEXT)  # plain, whatever its name
    monkeypatch.setenv("PWSIM_DATA", str(tmp_path / "mine"))
    assert datasets.fetch("pretend").parent == tmp_path / "mine"
    (tmp_path / "mine" / "pretend.swf.gz").write_bytes(TEXT + b" ")
    with pytest.raises(InputError, match="expected"):
        datasets.fetch("pretend")


def test_unknown_name():
    with pytest.raises(InputError, match="did you mean 'kth-sp2'"):
        datasets.fetch("kth-sp")


@pytest.mark.parametrize("name", ["kth-sp2", "nasa-ipsc", "cea-curie"])
def test_real_logs_are_what_the_registry_says(name, data_dir):
    assert datasets.fetch(name).is_relative_to(data_dir)
