"""What a student was given to begin with, worked out from the instructor's notebook as nbgrader does it."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config


@dataclass(frozen=True)
class Given:
    """A cell as it was released.

    Attributes
    ----------
    text : str
        Its source without solution and hidden tests.
    checksum : str
        nbgrader's, by which it tells an untouched answer; ``""`` for cells that it does not know.
    """

    text: str
    checksum: str = ""


def released_cells(source: NotebookNode) -> list[Given]:
    """Work out the released text of each cell, and its checksum.

    nbgrader's own preprocessors do it, in the order of ``generate_assignment`` and with its default stubs.

    Parameters
    ----------
    source : NotebookNode
        The instructor's notebook, which stays as it is.

    Returns
    -------
    list of Given
        One a cell.
    """
    return list(_released(json.dumps(source)))


@functools.lru_cache(maxsize=16)
def _released(text: str) -> tuple[Given, ...]:
    """Do it once for all submissions of a class."""
    import nbformat
    from nbgrader.preprocessors import ClearSolutions

    notebook = nbformat.from_dict(json.loads(text))
    ClearSolutions().preprocess(notebook, {})
    return tuple(given_cells(notebook))


def given_cells(cleared: NotebookNode, config: Config | None = None) -> list[Given]:
    """Do the same from a notebook without solutions, which is changed.

    Parameters
    ----------
    cleared : NotebookNode
        The notebook.
    config : Config, optional
        nbgrader's settings.

    Returns
    -------
    list of Given
        One a cell.
    """
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme
    from nbgrader.utils import compute_checksum

    known = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cleared.cells]
    sums = [compute_checksum(cell) if name else "" for name, cell in zip(known, cleared.cells, strict=True)]
    for step in (ClearHiddenTests(config=config), ClearMarkScheme(config=config)):
        step.preprocess(cleared, {})
    return [Given(cell.source, checksum) for cell, checksum in zip(cleared.cells, sums, strict=True)]
