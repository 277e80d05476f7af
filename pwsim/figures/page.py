"""How figures come onto a page: drawn as SVG and PNG, and put into a template."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2

from pwsim.figures import style


def figure(draw: Callable[[], Any], caption: str, path: Path, *, wide: bool = False) -> dict[str, Any]:
    """Draw a figure for a page, and write it as SVG and PNG.

    Parameters
    ----------
    draw
        Returns its axes.
    caption
        What it shows.
    path
        Where it goes, without an ending.
    wide
        Whether it stands alone on a page; on a narrow screen, there is a narrow one in its place.
    """
    with style.style(style.WIDE if wide else style.NARROW):
        shown = style.save(draw(), path.parent, path.name)
    narrow = None
    if wide:
        with style.style():
            narrow = _data_uri(style.svg(draw()))
    return {"caption": caption, "data": _data_uri(shown), "narrow": narrow}


def _data_uri(svg: str) -> str:
    """Return an SVG figure as an address that holds it, so that a page needs no other file."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def template(name: str) -> jinja2.Template:
    """Return a template of a page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pwsim", "report/templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
