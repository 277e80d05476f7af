"""How figures come onto a page: drawn as SVG and PNG, and put into a template."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2

from pwsim.figures import style
from pwsim.figures.figure import Figure


def shown(one: Figure, found: Callable[[str], Any], folder: Path) -> dict[str, Any]:
    """Draw a figure for a page, and write it as SVG and PNG.

    Parameters
    ----------
    one
        The figure.
    found
        Gives what it needs, by name.
    folder
        Where it goes.

    Returns
    -------
    What ``figure.html`` shows; for a figure that stands alone, there is a narrow one in its place on a narrow screen.
    """
    with style.style(style.WIDE if one.wide else style.NARROW):
        svg = style.save(one.plot(found), folder, one.name)
    narrow = None
    if one.wide:
        with style.style():
            narrow = _data_uri(style.svg(one.plot(found)))
    return {"caption": one.caption, "row": one.row, "data": _data_uri(svg), "narrow": narrow}


def _data_uri(svg: str) -> str:
    """Return an SVG figure as an address that holds it, so that a page needs no other file."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


@functools.cache
def template(name: str) -> jinja2.Template:
    """Return a template of a page; reading one takes longer than filling it in."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pwsim", "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
