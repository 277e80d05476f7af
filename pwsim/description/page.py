"""The description of a log as a directory: ``description.json``, figures, and one self-contained HTML page."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from pwsim import report, wording, writing
from pwsim.description import FILE, text
from pwsim.description.figures import FIGURES, WIDE, drawn

if TYPE_CHECKING:
    from pwsim.description import Description

FILES = (FILE, "report.html", *(f"figures/{name}.{kind}" for name in FIGURES for kind in ("svg", "png")))
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
        shown = []
        for name in drawn(profile):
            draw, caption = partial(description.plot, name), FIGURES[name][1]
            shown.append(report.figure(draw, caption, folder / name, wide=name in WIDE))
        page = report.template("description.html").render(
            profile=profile,
            headline=text.headline(profile, verdicts),
            verdicts=text.worst_first(verdicts),
            facts=text.facts(profile),
            figures=shown,
            marked=_marked,
            words=wording,
        )
        (beside / "report.html").write_text(page, encoding="utf-8")


def _marked(words: str) -> Markup:
    """Return a text with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(words))))  # noqa: S704 - it was escaped
