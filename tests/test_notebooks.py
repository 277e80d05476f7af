"""Every notebook runs, says what its kept outputs say, and stays short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def shown(notebook: Any) -> list[str]:
    """Return all that the notebook's cells print or show as text, figures left out."""
    texts: list[str] = []
    for cell in notebook.cells:
        before = ""
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            if before == output.output_type == "stream":  # what is printed comes in as many pieces as it happens to
                texts[-1] += text
            else:
                texts.append(text)
            before = output.output_type
    return [text for text in texts if not text.startswith("<Figure")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")  # of the notebook's machinery
def test_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    assert len(notebook.cells) <= 12
    kept = shown(notebook)
    assert kept, "outputs are kept, so that the notebook can be read without running it"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    assert shown(notebook) == kept


def test_there_are_notebooks():
    assert NOTEBOOKS
