"""Named logs: found on this machine or fetched from the Parallel Workloads Archive, and checked.

A log is looked for in the folder that the environment variable ``PWSIM_DATA`` names, then in the user's cache; else it
is downloaded (from ``PWSIM_MIRROR``, if that is set).  What counts is the SHA-256 of the unpacked text, so that it does
not matter who packed it.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from pwsim.common import InputError, MachineError, did_you_mean, nearest

ARCHIVE = "https://www.cs.huji.ac.il/labs/parallel/workload"
"""The Parallel Workloads Archive of D. Feitelson, The Hebrew University."""
GITHUB_ALIBABA = "https://raw.githubusercontent.com/alibaba/clusterdata/master"
"""The cluster traces that Alibaba publishes."""
TIMEOUT_S = 30
"""How long a download may stand still [s]."""


@dataclass(frozen=True)
class Log:
    """A named log."""

    file: str
    """Name of the file."""
    folder: str
    """Folder of the archive, or of ``archive``, that holds it; empty for the log that ships with pwsim."""
    sha256: str
    """SHA-256 of the unpacked text."""
    title: str
    """What it is."""
    cores: int
    """Processors of the machine that wrote it."""
    acknowledge: str = ""
    """Whom the archive asks to acknowledge."""
    archive: str = ARCHIVE
    """Where the folder is."""


NAMES: dict[str, Log] = {
    "kth-sp2": Log(
        "KTH-SP2-1996-2.swf.gz",
        "l_kth_sp2",
        "df76b94e5f670db52179688a98deec3e1887d10adb39f96c900b8e92abb386ab",
        "IBM SP2 of the Swedish Royal Institute of Technology, 1996 to 1997",
        100,
        "Lars Malinowsky, through the Parallel Workloads Archive",
    ),
    "nasa-ipsc": Log(
        "NASA-iPSC-1993-3.1-cln.swf.gz",
        "l_nasa_ipsc",
        "9d997a2c20a7f7b0b6d81638d756ce8b2c524c4f2e9ec78da36001743ca33d76",
        "Intel iPSC/860 of NASA Ames, 1993",
        128,
        "Bill Nitzberg, through the Parallel Workloads Archive",
    ),
    "cea-curie": Log(
        "CEA-Curie-2011-2.1-cln.swf.gz",
        "l_cea_curie",
        "b732a04aea71e2f154c8feee580be549d0bba1462bc91ec581944cb3dd6d442d",
        "Bull cluster Curie of CEA, 2012",
        93312,
        "Joseph Emeras, through the Parallel Workloads Archive",
    ),
    "alibaba-gpu-2023": Log(
        "openb_pod_list_default.csv",
        "cluster-trace-gpu-v2023/csv",
        "1ee7ed79c27a3b0861cda8ddba86a004c6aba904caafa329a76ae93ca63834a8",
        "task list of the Alibaba GPU cluster trace v2023 (for research and study)",
        125514,
        "Q. Weng et al., Beware of Fragmentation, USENIX ATC 2023",
        GITHUB_ALIBABA,
    ),
    "sample": Log("sample.swf.gz", "", "", "generated sample that ships with pwsim", 128),
}
"""The named logs."""


def known(name: str) -> Log:
    """Return a named log.

    Raises
    ------
    InputError
        If there is none of this name; names the nearest.
    """
    if name not in NAMES:
        meant = did_you_mean(nearest(name, NAMES))
        raise InputError(f"there is no data set {name!r}; {meant}{' ' * bool(meant)}known: {', '.join(NAMES)}")
    return NAMES[name]


def shipped(file: str) -> Path:
    """Return the path of a file of the ``data`` folder, in a wheel or in a source checkout."""
    package = Path(__file__).parent.parent
    wheel = package / "_data" / file
    return wheel if wheel.is_file() else package.parent / "data" / file


def fetch(name: str) -> Path:
    """Return the path of a named log on this machine, after downloading it if need be.

    Raises
    ------
    InputError
        If there is no such log, if it cannot be downloaded, or if its content is not what it should be.
    MachineError
        If what was downloaded cannot be written.
    """
    log = known(name)
    if not log.folder:
        return shipped(log.file)
    for path in _places(log):
        if path.is_file():
            _check(path, log)
            return path
    return _download(name, log)


def _places(log: Log) -> list[Path]:
    places = [_cache() / log.file]
    if folder := os.environ.get("PWSIM_DATA"):
        kinds = (Path(), Path("traces") / "swf", Path("traces") / "gpu")
        places = [*(Path(folder) / kind / log.file for kind in kinds), *places]
    return places


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("pwsim"))


def _check(path: Path, log: Log) -> None:
    """Raise unless the unpacked text is the one that is expected."""
    try:
        content = path.read_bytes()
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}); delete it and fetch it again") from None
    if (got := hashlib.sha256(text).hexdigest()) != log.sha256:
        raise InputError(
            f"{path}: is not {log.title}: the SHA-256 of its text is {got}, expected {log.sha256}; "
            "delete it and fetch it again"
        )


def _download(name: str, log: Log) -> Path:
    import pooch

    url = f"{os.environ.get('PWSIM_MIRROR', log.archive).rstrip('/')}/{log.folder}/{log.file}"
    cache = _cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            path = Path(folder) / log.file
            try:
                pooch.HTTPDownloader(progressbar=False, timeout=TIMEOUT_S)(url, str(path), None)
            except Exception as error:  # pooch lets through whatever its HTTP library raises
                if isinstance(error, OSError) and error.errno:  # not the network's, but this machine's
                    raise
                reason = str(error).splitlines()[0][:200]
                raise InputError(
                    f"data set {name!r} cannot be downloaded from {url} ({reason}); download it by hand "
                    f"and set the environment variable PWSIM_DATA to its folder"
                ) from None
            _check(path, log)
            path.replace(cache / log.file)
    except OSError as error:
        raise MachineError(
            f"{cache}: cannot be written to: {error.strerror}; set PWSIM_DATA to a folder of logs"
        ) from None
    return cache / log.file
