"""A site as a file: keys in blocks with what is to be said of them, and at the end what is not modelled."""

from __future__ import annotations

import io
import textwrap
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from pwsim._version import __version__
from pwsim.site.importing import Imported

WIDTH = 116
MOST_LINES = 300
"""Notes that the file holds; the command line prints all."""
_ORDER = (
    "policy", "overrun", "depth", "multifactor", "pools", "partitions", "limits", "outages", "scheduler", "preemption",
)  # fmt: skip


def text_of(imported: Imported, source: str) -> str:
    """Return the file of a site, with comments.

    Parameters
    ----------
    imported
        The site.
    source
        What it was read from.
    """
    lines = _comment(
        f"What pwsim {__version__} found in {source} ({', '.join(imported.read)}). A scenario that names this file as "
        "`site:` has its machine as baseline, and its rules."
    )
    lines += _list(imported.notes.remarks)
    for key in _ORDER:
        if key not in imported.site:
            continue
        lines.append("")
        for said in imported.comments.get(key, ()):
            lines += _comment(said)
        lines += _block(key, imported.site[key])
    lines += ["", *_comment("Not modelled:" if imported.notes.missing else "All that was found is modelled.")]
    lines += _list(imported.notes.missing_lines())
    return "\n".join(lines) + "\n"


def _list(texts: list[str]) -> list[str]:
    """Return texts as a list in comments; of very many, the first."""
    lines = [line for text in texts[:MOST_LINES] for line in _comment(text, "- ")]
    return lines + (_comment(f"and {len(texts) - MOST_LINES:,} more") if len(texts) > MOST_LINES else [])


def _comment(text: str, sign: str = "") -> list[str]:
    """Return a text as lines of comments; what a file says may hold signs that end a line."""
    plain = "".join(one if one.isprintable() else "?" for one in text)
    return textwrap.wrap(plain, WIDTH, initial_indent=f"# {sign}", subsequent_indent="# " + " " * len(sign),
                         break_on_hyphens=False) or ["#"]  # fmt: skip


def _block(key: str, value: Any) -> list[str]:
    yaml = YAML()
    yaml.width = WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.allow_unicode = True
    out = io.StringIO()
    yaml.dump({key: _flowing(value, 0)}, out)
    return out.getvalue().rstrip("\n").splitlines()


def _flowing(value: Any, depth: int) -> Any:
    """Return plain data for YAML: entries of lists, and of mappings such as those of accounts, on one line each."""
    if isinstance(value, dict):
        many = bool(value) and all(isinstance(one, dict) for one in value.values())
        made = CommentedMap((name, _flowing(one, depth + 1)) for name, one in value.items())
        if depth and not (many and depth == 1):
            made.fa.set_flow_style()
        return made
    if isinstance(value, list):
        sequence = CommentedSeq([_flowing(one, depth + 1) for one in value])
        if depth > 1 or not any(isinstance(one, dict) for one in value):
            sequence.fa.set_flow_style()
        return sequence
    return value
