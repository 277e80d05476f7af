"""Bytes that are kept between processes: whole, within their room, and in nobody's way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pwsim import InputError
from pwsim.common import kept
from pwsim.common.kept import Kept

KEYS = [f"{number:02x}" * 32 for number in range(12)]
SUM = 32


@pytest.fixture(autouse=True)
def _said_anew():
    kept._say_once.cache_clear()


def files_in(folder):
    return {path.name: path.stat().st_size for path in folder.glob("??/*")}


def test_what_is_kept_is_found_again(tmp_path):
    one = Kept(tmp_path / "new")
    assert one.find(KEYS[0]) is None
    one.keep(KEYS[0], b"first")
    one.keep(KEYS[0], b"second")
    assert Kept(tmp_path / "new").find(KEYS[0]) == b"second"
    assert one.find(KEYS[1]) is None
    assert files_in(tmp_path / "new") == {KEYS[0]: SUM + 6}


def test_the_oldest_go_where_there_is_no_room(tmp_path):
    """Room for five: what was asked for last stays, whoever wrote it."""
    for age, key in enumerate(KEYS[:5]):
        Kept(tmp_path, 5 * 132).keep(key, b"x" * 100)
        os.utime(tmp_path / key[:2] / key, (1000 + age, 1000 + age))
    one = Kept(tmp_path, 5 * 132)
    assert one.find(KEYS[0]) == b"x" * 100  # now it is the youngest
    one.keep(KEYS[5], b"y" * 100)
    assert set(files_in(tmp_path)) == {KEYS[0], KEYS[3], KEYS[4], KEYS[5]}  # to nine tenths, so that it lasts
    for key in KEYS[6:]:
        one.keep(key, b"z" * 100)
        assert sum(files_in(tmp_path).values()) <= 5 * 132
        assert one.find(key) == b"z" * 100


def test_what_is_larger_than_the_room_is_not_kept(tmp_path):
    Kept(tmp_path, 100).keep(KEYS[0], b"x" * 69)
    Kept(tmp_path, 0).keep(KEYS[1], b"")
    assert files_in(tmp_path) == {}
    Kept(tmp_path, 100).keep(KEYS[0], b"x" * 68)
    assert files_in(tmp_path) == {KEYS[0]: 100}


def test_a_size_below_nothing_is_refused():
    with pytest.raises(InputError, match=r"^cache_bytes must be 0 or more \(got -1\)$"):
        Kept(most_bytes=-1)


@pytest.mark.parametrize("content", [b"", b"x" * 20, b"x" * 40])
def test_what_is_damaged_counts_as_absent(tmp_path, content, caplog):
    one = Kept(tmp_path)
    one.keep(KEYS[0], b"first")
    path = tmp_path / KEYS[0][:2] / KEYS[0]
    path.write_bytes(content)
    assert one.find(KEYS[0]) is None
    assert f"{path} is not what was written" in caplog.text
    one.keep(KEYS[0], b"first")
    assert one.find(KEYS[0]) == b"first"


def test_what_a_killed_process_left_goes_after_a_day(tmp_path):
    Kept(tmp_path).keep(KEYS[0], b"first")
    parts = [tmp_path / KEYS[0][:2] / f".{KEYS[1]}-1-0123456{number}" for number in range(2)]
    other = tmp_path / KEYS[0][:2] / "notes"
    for path, age_s in zip((*parts, other), (90_000, 80_000, 90_000), strict=True):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age_s,) * 2)
    Kept(tmp_path).keep(KEYS[2], b"third")
    assert not parts[0].exists()
    assert parts[1].exists()
    assert other.exists(), "what is not ours stays"


def fails(number):
    def failing(*_, **__):
        raise OSError(number, os.strerror(number))

    return failing


@pytest.mark.parametrize(("method", "number"), [("write_bytes", 28), ("replace", 30), ("mkdir", 13)])
def test_what_cannot_be_kept_is_said_once(tmp_path, monkeypatch, caplog, method, number):
    """A full disk, a folder that is read-only, one that is somebody else's: the work goes on."""
    monkeypatch.setattr(Path, method, fails(number))
    for key in KEYS[:3]:
        Kept(tmp_path).keep(key, b"x")
    assert [one.message for one in caplog.records] == [
        (
            f"replays cannot be kept in {tmp_path} ({os.strerror(number)}): the search goes on without; PWSIM_REPLAYS_DIR "
            "may name another folder"
        )
    ]
    monkeypatch.undo()
    assert files_in(tmp_path) == {}


def test_what_cannot_be_read_is_said_once(tmp_path, monkeypatch, caplog):
    one = Kept(tmp_path)
    one.keep(KEYS[0], b"x")
    monkeypatch.setattr(Path, "read_bytes", fails(5))
    assert one.find(KEYS[0]) is one.find(KEYS[0]) is None
    assert [one.message for one in caplog.records] == [
        (
            f"replays that are kept in {tmp_path} cannot be read (Input/output error): the search goes on without; "
            "PWSIM_REPLAYS_DIR may name another folder"
        )
    ]


def test_a_folder_may_be_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PWSIM_REPLAYS_DIR", str(tmp_path))
    assert Kept().folder == tmp_path
    monkeypatch.delenv("PWSIM_REPLAYS_DIR")
    assert Kept().folder.parts[-2:] == ("pwsim", "replays")
    assert Kept().most_bytes == 5 * 10**9
