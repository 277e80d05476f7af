"""Results that were dear to work out, kept on disk between processes by what they were worked out from.

One file each, written beside its place and moved there: whoever is killed leaves nothing half written, and nobody waits
for a lock, so that it works on the network file systems of clusters, where databases in files do not.  A file begins
with the sum of the rest; what is damaged counts as absent.  Nothing that goes wrong here stops anybody: it is said
once, and the work is done without.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path

import platformdirs

from pwsim.common.errors import InputError

log = logging.getLogger("pwsim")

KEEP_BYTES = 5 * 10**9
"""How much is kept on disk, if nobody says otherwise [bytes]."""
FOLDER = "PWSIM_REPLAYS_DIR"
"""Environment variable that names another folder than the one in the user's cache."""
ABANDONED_S = 86_400
"""Age of what a process that was killed left beside, after which it is removed [s]."""
SHARE_LEFT = 0.9
"""Share of the room that is still used after the oldest were dropped, so that it is not done again at once."""
_SUM_BYTES = hashlib.sha256().digest_size
_NAME = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"\.[0-9a-f]{64}-\d+-[0-9a-f]{8}")


class Kept:
    """Bytes by key, at most so many in all; those that nobody has asked for the longest go first.

    Parameters
    ----------
    folder
        Where; that of :data:`FOLDER`, else one in the user's cache, if left out.
    most_bytes
        How much may be kept [bytes].

    Raises
    ------
    InputError
        If ``most_bytes`` is negative.
    """

    def __init__(self, folder: Path | None = None, most_bytes: int = KEEP_BYTES) -> None:
        if most_bytes < 0:
            raise InputError(f"cache_bytes must be 0 or more (got {most_bytes})")
        named = os.environ.get(FOLDER)
        self.folder = folder or (Path(named) if named else Path(platformdirs.user_cache_dir("pwsim")) / "replays")
        self.most_bytes = most_bytes
        self._room_bytes: int | None = None  # how much may be written until the folder is looked through again
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "most_bytes": self.most_bytes}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _room_bytes=None, _lock=threading.Lock())

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def find(self, key: str) -> bytes | None:
        """Return what is kept under a key, of 64 hexadecimal digits; ``None`` if there is nothing whole."""
        path = self._path(key)
        try:
            written = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _say_once(f"replays that are kept in {self.folder} cannot be read", str(error.strerror or error))
            return None
        content = written[_SUM_BYTES:]
        if hashlib.sha256(content).digest() != written[:_SUM_BYTES]:
            log.warning("%s is not what was written: it is left aside, and replayed again", path)
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)  # it is of use
        return content

    def keep(self, key: str, content: bytes) -> None:
        """Keep bytes under a key, and drop the oldest where there is no room."""
        size, path = len(content) + _SUM_BYTES, self._path(key)
        if size > self.most_bytes:
            return
        part = path.with_name(f".{key}-{os.getpid()}-{secrets.token_hex(4)}")
        try:
            self._make_room(size)
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(hashlib.sha256(content).digest() + content)
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            _say_once(f"replays cannot be kept in {self.folder}", str(error.strerror or error))

    def _make_room(self, size: int) -> None:
        with self._lock:
            if self._room_bytes is None or self._room_bytes < size:
                self._room_bytes = self.most_bytes - self._drop(self.most_bytes - size)
            self._room_bytes -= size

    def _drop(self, most_bytes: int) -> int:
        """Drop the oldest until no more than this is left; return how much is [bytes]."""
        found = []
        for path in self.folder.glob("??/*"):
            with suppress(OSError):  # another process was quicker
                about = path.stat()
                if _NAME.fullmatch(path.name):
                    found.append((about.st_mtime, about.st_size, path))
                elif _PART.fullmatch(path.name) and time.time() - about.st_mtime > ABANDONED_S:
                    path.unlink()
        kept_bytes = sum(size for _, size, _ in found)
        if kept_bytes <= most_bytes:
            return kept_bytes
        for _, size, path in sorted(found):
            path.unlink(missing_ok=True)
            kept_bytes -= size
            if kept_bytes <= most_bytes * SHARE_LEFT:
                break
        return kept_bytes


@functools.cache
def _say_once(what: str, why: str) -> None:
    log.warning("%s (%s): the search goes on without; %s may name another folder", what, why, FOLDER)
