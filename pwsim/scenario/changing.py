"""What is to be other in a scenario than its file says: values at paths of keys."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pwsim.common import Document, InputError, Place, did_you_mean, listed, nearest

Changes = Sequence[tuple[str, Any]]
"""Paths of keys, and what is to stand there, the later over the earlier."""


def parse_change(text: str) -> tuple[str, Any]:
    """Return a change as the command line gives it.

    Parameters
    ----------
    text
        Such as ``cluster.pools.onprem.nodes=[4, 8]``; the value is YAML.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> parse_change("cluster.pools.onprem.nodes=[4, 8]")
    ('cluster.pools.onprem.nodes', [4, 8])
    """
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise InputError(f"a change is a path of keys and a value, such as seed=2 or economics.pue=1.4 (got {text!r})")
    try:
        return key.strip(), YAML(typ="safe").load(io.StringIO(value))
    except (YAMLError, ValueError) as error:
        raise InputError(f"{key}: its value is not YAML: {str(error).splitlines()[0]} (got {value!r})") from None


def make_changes(document: Document, changes: Changes) -> None:
    """Make changes to a scenario's document; what cannot be made becomes one of its problems.

    A part of a path is a key, or in a list a place from 0 or the ``name`` of what stands there.  Of a mapping that goes
    where one is, only the keys that it has are changed; all else is replaced.
    """
    for path, value in changes:
        place: Place = ()
        here = document.data
        *above, last = path.split(".")
        for part in above:
            found = _key(document, place, here, part)
            if found is None:
                break
            if isinstance(here, dict) and here.get(found) is None:
                here[found] = {}
            place, here = (*place, found), here[found]
        else:
            found = _key(document, place, here, last)
            if found is not None:
                _put(here, found, value)


def _key(document: Document, place: Place, here: Any, part: str) -> Any:
    """Return the key or place that a part of a path means; ``None``, and a problem noted, if there is none."""
    if isinstance(here, dict):
        return part
    if not isinstance(here, list):
        document.add(place, f"has no keys, so {part!r} of a change goes nowhere (got {here!r})")
        return None
    if part.isdigit() and int(part) < len(here):
        return int(part)
    names = [one["name"] for one in here if isinstance(one, dict) and isinstance(one.get("name"), str)]
    for index, one in enumerate(here):
        if isinstance(one, dict) and one.get("name") == part:
            return index
    known = f"it has {listed(names)}" if names else f"it has places 0 to {len(here) - 1}" if here else "it is empty"
    hint = did_you_mean(nearest(part, names)) if names else ""
    document.add(place, f"a change asks for {part!r} in this list, but {known}{f'; {hint}' if hint else ''}")
    return None


def _put(here: Any, key: Any, value: Any) -> None:
    """Put a value at a key; a mapping goes into one that is there."""
    old = here.get(key) if isinstance(here, dict) else here[key]
    if isinstance(old, dict) and isinstance(value, Mapping):
        for inner, one in value.items():
            _put(old, str(inner), one)
    else:
        here[key] = value
