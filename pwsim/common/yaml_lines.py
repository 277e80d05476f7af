"""YAML files as plain data that remembers its lines."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pwsim.common.errors import MOST_PROBLEMS, Problem, ScenarioError

LONGEST = 200_000
"""Characters of a file; a longer one is refused unread, since reading YAML takes about 10 s a million."""
MOST_VALUES = 100_000
"""A file that expands to more values than this is refused: anchors can make a small file explode."""
DEEPEST = 50
"""Nesting beyond this is refused."""

Place = tuple[str | int, ...]
"""A path of keys and list positions."""


@dataclass
class Document:
    """A YAML file as plain data, and where each key of it stands."""

    path: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add_all(self, found: Iterable[tuple[Place, str]]) -> None:
        """Note problems; look for no more of them once there are more than can be shown."""
        for place, message in found:
            self.add(place, message)
            if len(self.problems) > MOST_PROBLEMS:
                return

    def add(self, place: Place, message: str) -> None:
        """Note a problem, at the line of the key or of what it is missing from."""
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        key = ".".join(map(str, place))
        self.problems.append(Problem(self.lines.get(known, 1), key, message))


def read_document(path: Path, keys: Sequence[str]) -> Document:
    """Parse YAML 1.2 into plain data with line numbers; the path ``-`` is standard input.

    Raises
    ------
    ScenarioError
        If the file cannot be read, or is not a mapping of plain values in YAML.
    """
    try:
        with nullcontext(sys.stdin) if str(path) == "-" else path.open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
    except OSError as error:
        raise ScenarioError(str(path), [Problem(0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        message = f"is not text in UTF-8 (byte {error.start}); a scenario is a YAML file"
        raise ScenarioError(str(path), [Problem(0, "", message)]) from None
    if len(text) > LONGEST:
        message = f"is longer than {LONGEST:,} characters; keep long lists in files that it names"
        raise ScenarioError(str(path), [Problem(0, "", message)])
    known = _parsed(str(path), text, tuple(keys))
    return Document(known.path, copy.deepcopy(known.data), dict(known.lines))


@functools.lru_cache(maxsize=16)
def _parsed(path: str, text: str, keys: tuple[str, ...]) -> Document:
    """Return a text in YAML as a document, which nobody may change: variants of a scenario are many, its text is one.

    Raises
    ------
    ScenarioError
        As :func:`read_document`.
    """
    document = Document(path)
    try:
        tree = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        message = f"{(error.problem or 'duplicate key').strip()}; every key may occur once"
        raise ScenarioError(path, [Problem(line, "", message)]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"is not valid YAML: {error.problem or error.context}"
        raise ScenarioError(path, [Problem(mark.line + 1 if mark else 0, "", message)]) from None
    except (YAMLError, ValueError, RecursionError) as error:
        message = f"is not valid YAML: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise ScenarioError(path, [Problem(0, "", message)]) from None
    if not isinstance(tree, CommentedMap):
        message = f"must be a mapping with the keys {', '.join(keys)}"
        raise ScenarioError(path, [Problem(1, "", message)])
    document.data = _plain(tree, (), document, [0])
    if document.problems:
        raise ScenarioError(path, document.problems)
    return document


def _plain(node: Any, place: Place, document: Document, count: list[int]) -> Any:
    """Return a YAML node as plain data; note the lines of keys, and what YAML allows but no scenario holds."""
    count[0] += 1
    if count[0] > MOST_VALUES or len(place) > DEEPEST:
        if not document.problems:
            document.add((), f"expands to more than {MOST_VALUES:,} values, or nests deeper than {DEEPEST} (anchors?)")
        return None
    if isinstance(node, CommentedMap):
        plain = {}
        for key in node:
            if not isinstance(key, str):
                document.lines[(*place, str(key))] = node.lc.key(key)[0] + 1
                document.add((*place, str(key)), "is not a name; keys are names")
                continue
            document.lines[(*place, key)] = _line_of(node, key, document.lines.get(place, 1))
            plain[str(key)] = _plain(node[key], (*place, key), document, count)
        return plain
    if isinstance(node, CommentedSeq):
        items = []
        for index, item in enumerate(node):
            document.lines[(*place, index)] = node.lc.item(index)[0] + 1 if index in (node.lc.data or {}) else 1
            items.append(_plain(item, (*place, index), document, count))
        return items
    return _scalar(node, place, document)


def _line_of(node: CommentedMap, key: str, fallback: int) -> int:
    """Return the line of a key; those that a merge (``<<``) brings in have none of their own."""
    return node.lc.key(key)[0] + 1 if key in (node.lc.data or {}) else fallback


def _scalar(node: Any, place: Place, document: Document) -> Any:
    if node is None or isinstance(node, bool):
        return node
    if isinstance(node, date):  # a date or a date and time, which scenarios have as texts
        return node.isoformat()
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    document.add(place, f"must be a number, a text, a list or a mapping (got {short(str(node))})")
    return None


def short(text: str) -> str:
    """Return a text cut to what a message can carry."""
    return text if len(text) <= 80 else text[:77] + "..."
