"""``slurm.conf`` as Slurm reads it: settings, nodes and partitions, each with the line on which it stands.

Keys are read in any case; a setting that comes again counts as it comes last; ``DEFAULT`` lines add to the defaults of
the lines after them; a backslash at the end of a line continues it; text after ``#`` is a comment; ``Include`` puts a
file in its place.  Slips that Slurm forgives are forgiven and told: a second ``=``, blanks around it.

References
----------
https://slurm.schedmd.com/slurm.conf.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pwsim.common import InputError, short

LONGEST_BYTES = 50_000_000
"""Files beyond this are no configuration."""
LONGEST_LINE = 1_000_000
"""Lines beyond this are no configuration: the longest lists of nodes have some thousand characters."""
DEEPEST = 20
"""Files that include files this deep are refused as a cycle."""
_PAIR = re.compile(
    r'\s*(?P<key>[A-Za-z0-9_./-]+)\s*[-+*/]?=(?P<more>=*)\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>(?!")\S*))(?=\s|$)'
)
_LISTS = ("nodename", "partitionname", "nodeset", "downnodes", "frontendname", "switchname", "blockname")
"""Keys that begin a line of their own, which describes one thing."""


@dataclass(frozen=True)
class Setting:
    """A key, its value, and where it stands."""

    name: str
    """The key as it is written."""
    value: str
    place: str
    """File and line."""


@dataclass
class Entry:
    """A line that describes one thing, such as nodes or a partition: its keys in small letters, defaults included."""

    name: str
    keys: dict[str, Setting]
    place: str

    def get(self, key: str, default: str = "") -> str:
        """Return the value of a key."""
        found = self.keys.get(key)
        return default if found is None else found.value


@dataclass
class Conf:
    """A configuration; ``remarks`` are things noticed on reading, with their places."""

    settings: dict[str, Setting] = field(default_factory=dict)
    """By key in small letters."""
    entries: dict[str, list[Entry]] = field(default_factory=lambda: {kind: [] for kind in _LISTS})
    """Lines of their own, by kind of line."""
    remarks: list[str] = field(default_factory=list)
    read: list[Path] = field(default_factory=list)
    """Files that were read."""

    def get(self, key: str, default: str = "") -> str:
        """Return the value of a setting."""
        found = self.settings.get(key.lower())
        return default if found is None else found.value


def read_text(path: Path) -> tuple[str, str]:
    """Return the text of a file, and what was noticed about it.

    Raises
    ------
    InputError
        If it cannot be read, or is no text.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(raw) > LONGEST_BYTES:
        raise InputError(f"{path}: is larger than {LONGEST_BYTES // 10**6} MB; that is no configuration")
    if b"\0" in raw:
        raise InputError(f"{path}: is no text in UTF-8 (byte {raw.index(0)} is 0)")
    noticed = ""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = raw.decode("latin-1")
        noticed = f"{path.name}: is not in UTF-8 (byte {error.start}); read as Latin-1"
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{path}:{number}: is longer than {LONGEST_LINE:,} characters; that is no configuration")
    return text, noticed


def read_conf(path: Path) -> Conf:
    """Read a configuration and the files that it includes.

    Raises
    ------
    InputError
        If the file cannot be read or is no text; what an included file lacks is a remark.
    """
    conf = Conf()
    _read(path, path.parent, conf, ())
    return conf


def _read(path: Path, folder: Path, conf: Conf, within: tuple[Path, ...]) -> None:
    text, noticed = read_text(path)
    conf.read.append(path)
    if noticed:
        conf.remarks.append(noticed)
    defaults: dict[str, dict[str, Setting]] = conf.__dict__.setdefault("_defaults", {kind: {} for kind in _LISTS})
    for number, line in _lines(text):
        place = f"{path.name}:{number}"
        included = re.fullmatch(r"\s*include\s+(\S.*?)\s*", line, flags=re.IGNORECASE)
        if included:
            _include(included[1].strip('"'), place, folder, conf, (*within, path))
            continue
        pairs, left = _pairs(line, place, conf)
        if left:
            conf.remarks.append(f"{place}: {short(left)!r} is no `key=value`: it was left out")
        if not pairs:
            continue
        kind = pairs[0].name.lower()
        if kind not in _LISTS:
            for setting in pairs:
                _set(setting, conf)
            continue
        keys = {setting.name.lower(): setting for setting in pairs[1:]}
        if pairs[0].value.upper() == "DEFAULT":
            defaults[kind].update(keys)
        else:
            conf.entries[kind].append(Entry(pairs[0].value, {**defaults[kind], **keys}, place))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers: without comments, continued ones joined, empty ones left out."""
    joined, begun = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.split(r"(?<!\\)#", raw, maxsplit=1)[0].rstrip()
        begun = begun or number
        if line.endswith("\\"):
            joined += line[:-1]
            continue
        joined += line
        if joined.strip():
            yield begun, joined.replace("\\#", "#")
        joined, begun = "", 0
    if joined.strip():
        yield begun, joined


def _pairs(line: str, place: str, conf: Conf) -> tuple[list[Setting], str]:
    """Return the settings of a line, and what is left of it if it cannot be read to its end."""
    found: list[Setting] = []
    at = 0
    while at < len(line) and line[at:].strip():
        pair = _PAIR.match(line, at)
        if pair is None:
            return found, line[at:].strip()
        value = pair["quoted"] if pair["quoted"] is not None else pair["plain"]
        if pair["more"]:
            conf.remarks.append(f"{place}: {pair['key']}=={short(value)}: one `=` too many, which Slurm forgives")
        found.append(Setting(pair["key"], value.lstrip("=") if pair["more"] else value, place))
        at = pair.end()
    return found, ""


def _set(setting: Setting, conf: Conf) -> None:
    before = conf.settings.get(setting.name.lower())
    if before is not None and before.value != setting.value:
        conf.remarks.append(
            f"{setting.place}: {setting.name} is {short(setting.value)}, and was {short(before.value)} in "
            f"{before.place}: the last counts"
        )
    conf.settings[setting.name.lower()] = setting


def _include(name: str, place: str, folder: Path, conf: Conf, within: tuple[Path, ...]) -> None:
    """Read an included file: the path as it stands from the folder of the configuration, else its name alone there."""
    name = name.replace("%c", conf.get("clustername"))
    try:
        found = next((one for one in (folder / name, folder / PurePosixPath(name).name) if one.is_file()), None)
    except (OSError, ValueError):
        found = None
    if found is None:
        conf.remarks.append(f"{place}: Include {short(name)}: there is no such file beside: its settings are missing")
    elif found.resolve() in [one.resolve() for one in within] or len(within) >= DEEPEST:
        conf.remarks.append(f"{place}: Include {short(name)}: includes itself: left out")
    else:
        try:
            _read(found, folder, conf, within)
        except InputError as error:
            conf.remarks.append(f"{place}: Include {short(name)}: {error}: its settings are missing")
