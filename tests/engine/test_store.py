"""Compiled code between processes: damaged, out of reach, without room; a tiny function stands for the engine."""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from pwsim.engine.compiled import cache as store
from pwsim.engine.compiled import steady as kernel


def tiny(x):
    return x + 1


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder for compiled code."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    store._say_once.cache_clear()
    return tmp_path / "cache"


def made():
    """Load the tiny function, or compile it; return whether it was loaded."""
    function = store.compiled_code(numba.int64(numba.int64), tiny, "a test")
    assert function(41) == 42
    return sum(function.stats.cache_hits.values()) == 1


def files(cache):
    return sorted(path for path in cache.rglob("*") if path.is_file())


def index_and_code(cache):
    (index,) = cache.rglob("*.nbi")
    (code,) = cache.rglob("*.nbc")
    return index, code


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def garbage(path):
    path.write_bytes(b"\x80\x04garbage" * 100)


def remove(path):
    path.unlink()


def test_compiled_code_is_kept(cache, caplog):
    assert not made()
    assert [record.message for record in caplog.records if "a test" in record.message] == [
        "compiling the replay engine for a test: once after each installation, for up to two minutes, which no time limit counts"
    ]
    caplog.clear()
    before = {path: path.stat().st_mtime_ns for path in index_and_code(cache)}
    assert made()
    assert not caplog.records
    assert {path: path.stat().st_mtime_ns for path in index_and_code(cache)} == before
    assert len(list(cache.iterdir())) == 1, "nothing is left beside"


@pytest.mark.parametrize("harm", [half, one_bit, garbage, remove])
@pytest.mark.parametrize("which", ["index", "code", "sums"])
def test_damaged_code_is_dropped_and_compiled_again(which, harm, cache, caplog):
    made()
    index, code = index_and_code(cache)
    harm({"index": index, "code": code, "sums": next(cache.rglob(store.SUMS))}[which])
    assert not made()
    assert "cannot be used" in caplog.text
    assert str(cache) in caplog.text
    assert "it is compiled again" in caplog.text
    caplog.clear()
    assert made()
    assert not caplog.records
    assert len(list(cache.iterdir())) == 1


def test_a_file_in_the_place_of_the_code_is_replaced(cache):
    made()
    (folder,) = cache.iterdir()
    folder.rename(cache / "moved")
    folder.write_text("not a folder")
    assert not made()
    assert made()


def test_code_that_another_process_takes_away_while_it_is_loaded(cache, monkeypatch):
    made()

    def taken(folder):
        for path in files(folder):
            path.unlink()

    with monkeypatch.context() as patch:
        patch.setattr(store, "fault", taken)
        assert not made()
    made()
    assert made()


def test_no_folder_at_all(cache, caplog):
    cache.write_text("a file stands here")
    assert not made()
    assert not made()
    said = [record.message for record in caplog.records if "cannot be kept" in record.message]
    assert len(said) == 1, "once is enough"
    assert str(cache) in said[0]
    assert "NUMBA_CACHE_DIR" in said[0]
    assert cache.read_text() == "a file stands here"


def test_code_is_loaded_where_nothing_can_be_written(cache, caplog, monkeypatch):
    """As on a file system that is mounted to be read."""
    made()
    caplog.clear()
    trial = numba.core.caching.tempfile.TemporaryFile

    def read_only(*args, **more):
        if str(more.get("dir")).startswith(str(cache)):
            raise OSError(errno.EROFS, "Read-only file system", more["dir"])
        return trial(*args, **more)

    monkeypatch.setattr(numba.core.caching.tempfile, "TemporaryFile", read_only)
    assert made()
    assert not caplog.records


def test_a_full_disk_leaves_the_code_in_memory(cache, tmp_path):
    """The limit on the size of files stands for a disk without room; a process of its own has it."""
    code = """
import resource, sys, warnings
import numba
from tests.engine import test_store
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
numba.config.CACHE_DIR = sys.argv[1]
print(test_store.made(), test_store.made())
"""
    done = subprocess.run([sys.executable, "-c", code, str(cache)], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
    assert "Traceback" not in done.stderr
    assert f"compiled code cannot be kept in {cache} (File too large)" in done.stderr
    assert list(cache.iterdir()) == []


def test_two_processes_that_compile_at_once(cache):
    code = "import sys, numba; from tests.engine import test_store; numba.config.CACHE_DIR = sys.argv[1]; input(); test_store.made()"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(cache)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:  # both are ready before one begins
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0
        assert "Traceback" not in said
        assert "cannot be kept" not in said
    assert made()
    assert len(list(cache.iterdir())) == 1


def test_what_a_dead_process_left_beside_goes(cache):
    litter, fresh = (cache / f".kernel.tiny-{16 * 'a'}-{process}-{8 * '0'}" for process in (1, 2))
    others = [cache / name for name in (".ssh", ".git", ".bashrc-1-00000000", f"kernel.tiny-{16 * 'b'}")]
    old = time.time() - store.ABANDONED_S - 60
    for path in (litter, fresh, *others):
        path.mkdir(parents=True)
        (path / "code").write_text("half")
        if path != fresh:
            os.utime(path, (old, old))
    made()
    assert not litter.exists()
    assert fresh.exists(), "its process may still be at work"
    assert all((path / "code").exists() for path in others), "what is not ours stays"


def test_what_nobody_has_loaded_for_a_month_goes(cache):
    unused, used = (cache / f"kernel.tiny-{16 * letter}" for letter in "ab")
    for path in (unused, used):
        path.mkdir(parents=True)
        (path / store.SUMS).write_text("{}")
    old = time.time() - store.UNUSED_S - 60
    os.utime(unused / store.SUMS, (old, old))
    made()
    assert not unused.exists()
    assert used.exists()


def test_one_folder_serves_every_checkout(cache, tmp_path):
    """The text of the sources counts, not where and when it was written."""
    loaded = []
    for place, seconds in (("one", 1_000_000_000), ("other", 1_100_000_000)):
        path = tmp_path / place / "elsewhere.py"
        path.parent.mkdir()
        path.write_text("def tiny(x):\n    return x + 1\n")
        os.utime(path, (seconds, seconds))
        spec = importlib.util.spec_from_file_location("elsewhere", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function = store.compiled_code(numba.int64(numba.int64), module.tiny)
        assert function(41) == 42
        loaded.append(sum(function.stats.cache_hits.values()))
    assert loaded == [0, 1]


def test_threads_that_want_the_same_compile_it_once(cache, monkeypatch):
    """A search replays in threads; all of them come for the engine at once."""
    compiled = []
    save = store._save

    def counting(*arguments):
        compiled.append(threading.get_ident())
        return save(*arguments)

    monkeypatch.setattr(store, "_save", counting)
    monkeypatch.setattr(kernel, "_COMPILED_FOR", {})
    arguments = (np.zeros(1), np.zeros(1))
    before = numba.config.CACHE_DIR

    def add(order, one, other):
        return one + other

    with ThreadPoolExecutor(8) as pool:
        functions = list(pool.map(lambda _: kernel.compiled_for(add, "", arguments), range(8)))
    assert len(compiled) == 1
    assert len(set(map(id, functions))) == 1
    assert before == numba.config.CACHE_DIR


def test_a_function_that_does_not_compile_leaves_nothing_beside(cache):
    def wrong(x):
        return x.no_such_name

    with pytest.raises(numba.core.errors.NumbaError):
        store.compiled_code(numba.int64(numba.int64), wrong)
    assert not cache.exists()


def test_code_depends_on_the_rules_and_the_machine(monkeypatch):
    signature = numba.int64(numba.int64)
    before = store._digest(signature)
    assert store._digest(numba.float64(numba.float64)) != before
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "another")
    assert store._digest(signature) != before


def test_helpers_of_one_name_in_two_modules_are_two(monkeypatch):
    """What a rule calls is what its own module says."""
    modules = []
    for number in (1, 2):
        names = {"__name__": f"pwsim.rules.policy.module_{number}"}
        exec(f"def helper(x, more=0):\n    return x + {number} + more\n\ndef rule(x):\n    return helper(x)\n", names)
        modules.append(names)
    one, other = modules
    other["imported"] = one["rule"]
    exec("def both(x):\n    return rule(x) * 100 + imported(x)\n", other)
    caller = numba.njit(kernel.compiled(other["both"]).py_func)
    assert caller(10) == 12 * 100 + 11
    assert numba.njit(kernel.compiled(one["rule"]).py_func)(10) == 11
