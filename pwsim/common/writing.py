"""Files and directories that pwsim writes: complete or absent, and by one process at a time.

What goes to ``results`` is written in ``.results.pwsim`` beside it, and moved when it is whole.  That hidden directory
holds a lock, too, so a second process that would write there stops before it starts.  The system lets go of the lock
of a process that was killed; the next one that writes there takes over, and clears what is left.

::

    .results.pwsim/lock           held as long as something is written to ``results``
    .results.pwsim/new/results    what is being written; results that were replaced, until they are deleted
    .results.pwsim/old            results that are being replaced, where the system cannot swap them for new ones
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pwsim.common.errors import InputError, MachineError

_WRONG_PATH = frozenset(
    {
        errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EACCES, errno.EPERM, errno.EROFS,
        errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL,
    }
)  # fmt: skip
"""Faults of the system that another path would not have; all others are the machine's."""
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""What file systems say that know no locks."""

_held: dict[tuple[Path, int], bool] = {}
"""Hidden directories that this process holds, and the thread that does; whether what is there may be replaced."""
written: list[Path] = []
"""What this process has written so far, each whole, so that an interrupt can be told of truly."""


@contextmanager
def reserved(path: Path, *, overwrite: bool, files: Sequence[str] | None = ()) -> Iterator[Path]:
    """Make sure, before any work, that a path can be written to, and keep other processes from it meanwhile.

    Within it, :func:`new_file` or :func:`new_directory` writes to the path; without ``overwrite``, only as long as
    nobody else has put something there.

    Parameters
    ----------
    path
        A file, or a directory.
    overwrite
        Whether what is there may be replaced.
    files
        For a directory: the files that pwsim writes there, relative to it, without which it is none of pwsim's; the
        first is always there.  ``None`` for a directory of which only some files are replaced.

    Yields
    ------
    The hidden directory beside the path.

    Raises
    ------
    InputError
        If the path cannot be written to, or holds what may not be replaced, or another process writes there.
    MachineError
        If the machine is at fault.
    """
    path = _named(path)
    beside = path.absolute().with_name(f".{path.name}.pwsim")
    holder = (beside, threading.get_ident())
    if holder in _held:
        yield beside
        return
    missing: list[Path] = []
    lock = -1
    try:
        _check(path, overwrite, files)
        try:
            missing += [parent for parent in path.parents if not parent.exists()]
            lock = _locked(beside)
            _held[holder] = overwrite
            _clear(path, beside, files)
        except BlockingIOError:
            raise InputError(f"{path}: another process of pwsim writes there; wait for it, or choose another") from None
        except OSError as error:
            raise _fault(path, error) from None
        _check(path, overwrite, files)
        yield beside
    finally:
        with _undisturbed():
            if lock >= 0:
                with suppress(OSError):
                    _clear(path, beside, files)
                    (beside / "lock").unlink()
                os.close(lock)
                _held.pop(holder, None)
            for empty in (beside / "new", beside, *missing):
                with suppress(OSError):
                    empty.rmdir()


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a path to write a file to, with the same name; it replaces ``path`` once it is whole.

    Raises
    ------
    InputError, MachineError
        As for :func:`reserved`; and if it cannot be written.
    """
    with _made(path, (), _put_file) as made:
        yield made


def also_at(path: Path, file: Path) -> None:
    """Have a file at another path, too: as a second name of it where the file system can do that, or as a copy.

    Raises
    ------
    InputError, MachineError
        As for :func:`new_file`.
    """
    if path.exists() and path.samefile(file):
        return
    with new_file(path) as made:
        try:
            made.hardlink_to(file)
        except OSError:
            shutil.copyfile(file, made)


@contextmanager
def new_directory(path: Path, files: Sequence[str]) -> Iterator[Path]:
    """Give an empty directory; it replaces ``path`` once it is whole, in one step where the system can do that.

    Parameters
    ----------
    path
        The directory.
    files
        As for :func:`reserved`; no others may be written.

    Raises
    ------
    InputError, MachineError
        As for :func:`reserved`; and if it cannot be written.
    """
    with _made(path, files, _put_directory) as made:
        made.mkdir()
        yield made
        assert not (other := _foreign(made, files)), f"{other} is not among the files that pwsim writes"


@contextmanager
def new_files(path: Path) -> Iterator[Path]:
    """Give an empty directory; its files replace those of the same names in the directory ``path`` once all are whole.

    Raises
    ------
    InputError, MachineError
        As for :func:`reserved`; and if they cannot be written.
    """
    with _made(path, None, _put_files) as made:
        made.mkdir()
        yield made


@contextmanager
def _made(path: Path, files: Sequence[str] | None, put: Callable[[Path, Path, Path], None]) -> Iterator[Path]:
    """Give a place beside a path to make something in, and have it put there once it is whole.

    Parameters
    ----------
    path, files
        As for :func:`reserved`.
    put
        Moves what was made to where it belongs; it takes both, and the hidden directory.
    """
    path = _named(path)
    with reserved(path, overwrite=True, files=files) as beside, _machine(path):
        made = _new(path, beside)
        yield made
        _flush(made)
        with _undisturbed():
            put(made, path, beside)
            written.append(path)


def _put_file(made: Path, path: Path, beside: Path) -> None:
    if _may_replace(beside):
        made.replace(path)
    else:
        _put(made, path)


def _put_directory(made: Path, path: Path, beside: Path) -> None:
    if not path.exists() or not _may_replace(beside):
        _put(made, path)
    elif not _moved(made, path, _EXCHANGE):
        path.rename(beside / "old")
        made.rename(path)


def _put_files(made: Path, path: Path, beside: Path) -> None:  # noqa: ARG001
    for file in _files(made):
        (path / file).parent.mkdir(exist_ok=True)
        (made / file).replace(path / file)


def _new(path: Path, beside: Path) -> Path:
    """Return where to write what will be at ``path``: with its name, in a place of its own whatever the name is."""
    (beside / "new").mkdir(exist_ok=True)
    return beside / "new" / path.name


def _may_replace(beside: Path) -> bool:
    """Return whether the thread that holds a hidden directory may replace what is there."""
    return _held[beside, threading.get_ident()]


def _put(made: Path, path: Path) -> None:
    """Move something to where nothing is, and raise ``InputError`` if something has come there meanwhile."""
    try:
        in_the_way = not _moved(made, path, _NO_REPLACE) and path.exists()
    except FileExistsError:
        in_the_way = True
    if in_the_way:
        raise InputError(f"{path}: something was put there meanwhile, and stays; choose another, or add --overwrite")
    if made.exists():  # the system cannot move it in one step
        made.rename(path)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put off what asks the process to end until a short piece of work is done."""
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        asked = (getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
        before = {one: signal.getsignal(one) for one in asked if callable(signal.getsignal(one))}
    for one in before:
        signal.signal(one, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        if came:
            signal.raise_signal(came[0])


def _named(path: Path) -> Path:
    """Return a path that ends in a name, as ``.`` does not."""
    return path if path.name not in ("", "..") else path.resolve()


def _check(path: Path, overwrite: bool, files: Sequence[str] | None) -> None:
    """Raise ``InputError`` if what is at a path may not be replaced, or its name cannot be had."""
    try:
        if path.is_symlink():
            raise InputError(
                f"{path}: is a symbolic link; name what it leads to ({path.readlink()}), or choose another"
            )
        if files is None:
            if not path.is_dir():
                raise InputError(f"{path}: is not a directory; name one that holds results")
            return
        if path.is_dir() and not files:
            raise InputError(f"{path}: is a directory; name a file")
        if path.exists() and not path.is_dir() and (files or not path.is_file()):
            raise InputError(f"{path}: exists already; choose a {'directory' if files else 'file'}")
        if path.exists() and not overwrite:
            raise InputError(f"{path}: exists already; add --overwrite to replace it, or choose another")
        if not files and not path.parent.is_dir():
            raise InputError(f"{path}: cannot be written: there is no directory {path.parent}")
        if path.is_dir():
            _check_results(path, files)
        longest = max((len(os.fsencode(file)) for file in files), default=0)
        with suppress(FileNotFoundError, NotADirectoryError):  # paths that are too long are told from those not there
            (path.with_name(f".{path.name}.pwsim") / "new" / path.name / ("x" * longest)).lstat()
    except OSError as error:
        raise _fault(path, error) from None


def _check_results(path: Path, files: Sequence[str]) -> None:
    """Raise ``InputError`` if a directory holds anything that pwsim did not write."""
    if any(path.iterdir()) and not (path / files[0]).is_file():
        raise InputError(
            f"{path}: is not a results directory (it has no {files[0]}), so it is not overwritten; move it away, or "
            "choose another"
        )
    if other := _foreign(path, files):
        raise InputError(
            f"{path}: holds {other}, which pwsim did not write, so it is not overwritten; move {other} away, or choose "
            "another directory"
        )


def _foreign(path: Path, files: Sequence[str]) -> str:
    """Return something in a directory that is none of its files; empty if there is nothing."""
    own = {*files, *(str(parent) for file in files for parent in Path(file).parents)}
    names = (one.relative_to(path).as_posix() for one in path.rglob("*"))
    return next((name for name in names if name not in own), "")


def _fault(path: Path, error: OSError) -> InputError | MachineError:
    """Return the error to raise when a path turns out, before any work, not to be writable."""
    reason = error.strerror or str(error)
    if error.errno in _WRONG_PATH:
        return InputError(f"{path}: cannot be written to: {reason}; choose another")
    return MachineError(f"{path}: cannot be written to: {reason}; nothing was started")


@contextmanager
def _machine(path: Path) -> Iterator[None]:
    """Turn faults of the system into ``MachineError``, which says what is left of ``path``."""
    before = path.exists()
    try:
        yield
    except OSError as error:
        left = "what was there before is as it was" if before else "nothing is left there"
        raise MachineError(f"{path}: cannot be written: {error.strerror or error}; {left}") from error


def _locked(beside: Path) -> int:
    """Make the hidden directory if need be, and return its locked lock; the system lets go of it when we end.

    Raises
    ------
    BlockingIOError
        If another process holds it.
    """
    while True:
        beside.mkdir(parents=True, exist_ok=True)
        try:
            lock = os.open(beside / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # another process has just removed the directory
            continue
        try:
            _lock(lock)
        except BaseException:
            os.close(lock)
            raise
        if os.fstat(lock).st_nlink:
            return lock
        os.close(lock)  # another process has just removed it


def _lock(file: int) -> None:
    """Lock an open file; do nothing where the system or the file system knows no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _clear(path: Path, beside: Path, files: Sequence[str] | None) -> None:
    """Remove what a process has left, after it has put back the old results if it was stopped between the two steps."""
    old = beside / "old"
    if old.exists() and not path.exists():
        old.rename(path)
    for left in (old, beside / "new" / path.name):
        if left.is_dir():
            # What somebody has put into old results while they were being replaced, is theirs: it stays.
            while files and path.is_dir() and (other := _foreign(left, files)):
                (left / other).replace(path / other)
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the system write to the disk now: some file systems only then notice that it is full."""
    for file in _files(path) if path.is_dir() else [""]:
        with (path / file).open("r+b") as content:
            os.fsync(content.fileno())


def _files(directory: Path) -> list[str]:
    """Return the files of a directory and those below it, as paths relative to it."""
    return sorted(str(one.relative_to(directory)) for one in directory.rglob("*") if one.is_file())


_NO_REPLACE, _EXCHANGE = 1, 2
"""Flags of Linux's ``renameat2``: fail where something is; swap what is at two paths."""


def _moved(one: Path, other: Path, flag: int) -> bool:
    """Move something in one step that a flag describes; return whether the system and the file system can do that."""
    at_cwd = -100
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, TypeError, OSError):  # other systems than Linux, old C libraries
        return False
    if renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))
