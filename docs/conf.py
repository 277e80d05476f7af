"""The documentation: ``sphinx-build -W --keep-going -b html docs docs/_build/html``.

Pages are Markdown.  What the code says already (columns, keys of a scenario, commands, Python) is put in when the site
is built (``pages.py``), and the notebooks are copied from ``notebooks/`` and shown with the outputs that they keep.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import pages  # noqa: E402 - found by the line above

import pwsim  # noqa: E402 - stands with the import above

project = "pwsim"
author = "The pwsim developers"
copyright = author  # noqa: A001 - Sphinx wants this name
version = release = pwsim.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_design",
]
exclude_patterns = ["_build", "jupyter_execute", "**/.ipynb_checkpoints"]
smartquotes = False  # they would make one dash of the two of options

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # a test runs the notebooks; pages show what they keep

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "pwsim"
html_static_path = ["_static"]
html_css_files = ["pwsim.css"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars: dict[str, list[str]] = {"index": []}
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
}

HIDDEN_COLON = "\ufe55"
"""Stands for a colon while napoleon looks; no docstring has it."""


class Generated(SphinxDirective):
    """What a function of ``pages.py`` returns, as if it stood there: ``{generated} columns jobs``."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[Any]:
        """Return the nodes."""
        make, *arguments = self.arguments
        self.env.note_reread()  # the code may have changed
        return self.parse_text_to_nodes(getattr(pages, make)(*arguments), allow_section_headings=True)


def copy_notebooks(*_: Any) -> None:
    """Bring the notebooks into the folder of the pages."""
    for notebook in sorted((HERE.parent / "notebooks").glob("*.ipynb")):
        copy = HERE / "tutorials" / notebook.name
        if not copy.exists() or copy.read_bytes() != notebook.read_bytes():
            shutil.copyfile(notebook, copy)


def hide_colons(_app: Sphinx, what: str, name: str, thing: Any, _options: Any, lines: list[str]) -> None:
    """Keep napoleon from taking what stands before a colon for the type of an attribute."""
    if what in ("attribute", "property"):
        if not lines and name.startswith("pwsim.Trace."):  # autodoc passes over columns whose name says all
            lines.append(str(thing.__doc__))
        lines[:] = [line.replace(":", HIDDEN_COLON) for line in lines]


def show_colons(_app: Sphinx, what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Bring them back; texts of columns begin as sentences do."""
    lines[:] = [line.replace(HIDDEN_COLON, ":") for line in lines]
    if what in ("attribute", "property") and lines:
        lines[0] = lines[0][:1].upper() + lines[0][1:]


def link_semantics(_app: Sphinx, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Make links of what docstrings cite of the semantics."""
    lines[:] = [re.sub(r"[Ss]emantics §(\d+)", r":ref:`semantics §\1 <semantics-\1>`", line) for line in lines]


def short_signature(
    _app: Sphinx, what: str, _name: str, thing: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """Leave out the signature of classes that nobody calls."""
    return ("", returns) if what == "class" and pages.is_record(thing) else (signature, returns)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add all this to Sphinx."""
    app.add_directive("generated", Generated)
    app.connect("config-inited", copy_notebooks)
    app.connect("autodoc-process-docstring", hide_colons, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", show_colons, priority=600)
    app.connect("autodoc-process-docstring", link_semantics)
    app.connect("autodoc-process-signature", short_signature)
    return {"parallel_read_safe": True}
