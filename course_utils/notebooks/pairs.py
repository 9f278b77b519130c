"""Percent scripts and notebooks: one from the other, with cell ids that stay the same."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

#: What a chapter's file is called: two digits and a topic.
CHAPTER = re.compile(r"^\d\d_[a-z0-9_]+$")

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
#: Without the version: a notebook is not bound to the Python that ran it last.
LANGUAGE_INFO = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}


def chapters(root: Path) -> list[str]:
    """Stems of all chapters under ``root/notebooks``, in order."""
    return sorted(path.stem for path in (root / "notebooks").glob("*.py") if CHAPTER.match(path.stem))


def read_script(path: Path) -> NotebookNode:
    """Read a percent script as a notebook without outputs.

    Parameters
    ----------
    path : Path
        The ``.py`` file. Metadata of cells (``tags=[...]``, ``mystnb={...}``, nbgrader's) is kept.

    Returns
    -------
    NotebookNode
        In format 4.5, with the course's kernel and stable cell ids.
    """
    import jupytext

    notebook = jupytext.read(path, fmt="py:percent")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    extra = {key: value for key, value in notebook.metadata.items() if key not in ("jupytext", "kernelspec")}
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO, **extra}
    )
    set_ids(notebook)
    return notebook


def expected_ids(notebook: NotebookNode) -> list[str]:
    """Cell ids that follow from the text: nbgrader's ``grade_id`` where there is one, else the position."""
    ids = []
    for position, cell in enumerate(notebook.cells):
        grade_id = str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        ids.append(re.sub(r"[^A-Za-z0-9_-]", "-", grade_id)[:64] or f"cell-{position:03d}")
    return ids


def set_ids(notebook: NotebookNode) -> None:
    """Give every cell its `expected_ids`."""
    for cell, identity in zip(notebook.cells, expected_ids(notebook), strict=True):
        cell.id = identity


def pair_differences(script: NotebookNode, notebook: NotebookNode) -> list[str]:
    """Say where a notebook's cells differ from those of its script.

    Parameters
    ----------
    script, notebook : NotebookNode
        What `read_script` gave, and the committed notebook.

    Returns
    -------
    list of str
        One line a cell that differs; empty where text, kind and metadata of all cells agree.
    """
    if len(script.cells) != len(notebook.cells):
        return [f"the script has {len(script.cells)} cells, the notebook {len(notebook.cells)}"]
    found = []
    for position, (want, have) in enumerate(zip(script.cells, notebook.cells, strict=True)):
        for part in ("cell_type", "source", "metadata"):
            if want[part] != have[part]:
                found.append(f"cell {position}: {part} differs from the script's")
    return found


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook aside, then put it in place: a reader never meets half a file."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n", encoding="utf-8")
    os.replace(aside, path)


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook as it is: nothing is upgraded, no id invented."""
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(notebook: NotebookNode) -> list[Any]:
    """Code cells that hold code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
