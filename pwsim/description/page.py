"""The description of a log as a directory: ``description.json``, figures, and one self-contained HTML page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from pwsim.common import text as words
from pwsim.common import writing
from pwsim.description import text
from pwsim.description.description import FILE
from pwsim.figures import OF_LOG, shown, template

if TYPE_CHECKING:
    from pwsim.description.description import Description


FILES = (FILE, "report.html", *(f"figures/{name}.{kind}" for name in OF_LOG for kind in ("svg", "png")))
"""The files of the directory; the first is always there."""


def write(description: Description, directory: Path, *, overwrite: bool = False) -> None:
    """Write a description, all or nothing.

    Raises
    ------
    InputError, MachineError
        If the directory exists and may not be replaced, or cannot be written.
    """
    profile, verdicts = description.profile, description.verdicts
    reserved = writing.reserved(directory, overwrite=overwrite, files=FILES)
    with reserved, writing.new_directory(directory, FILES) as beside:
        (beside / FILE).write_text(description.to_json() + "\n", encoding="utf-8")
        folder = beside / "figures"
        folder.mkdir()
        found = {"profile": profile}
        page = template("description.html").render(
            profile=profile,
            headline=text.headline(profile, verdicts),
            verdicts=text.worst_first(verdicts),
            facts=text.facts(profile),
            figures=[shown(one, found.__getitem__, folder) for one in OF_LOG.values() if one.is_shown(found)],
            marked=_marked,
            words=words,
        )
        (beside / "report.html").write_text(page, encoding="utf-8")


def _marked(words: str) -> Markup:
    """Return a text with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(words))))  # noqa: S704 - it was escaped
