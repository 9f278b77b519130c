"""The instructor's side of an assignment for nbgrader's own commands: notebook and gradebook together."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory

from course_utils.grading.plan import Plan, make_plan
from course_utils.grading.released import Given, given_cells


class SourceError(RuntimeError):
    """The instructor's notebook is missing, or does not fit the gradebook."""


@dataclass(frozen=True)
class Source:
    """What a submission of one notebook is marked by.

    Attributes
    ----------
    notebook : NotebookNode
        The instructor's, with solutions and hidden tests.
    plan : Plan
        Its plan.
    given : list of Given
        Its cells as they were released.
    siblings : collection of str
        File names of all notebooks of the assignment.
    outdated : list of str
        Cells whose text in the notebook is not that of the gradebook.
    """

    notebook: NotebookNode
    plan: Plan
    given: list[Given]
    siblings: Collection[str]
    outdated: list[str]


def source_of(directory: CourseDirectory, assignment: str, name: str, config: Any = None) -> Source:
    """Read the instructor's notebook; tests, points and stubs are those that the gradebook holds.

    nbgrader keeps the cells as ``generate_assignment`` saw them (with automatic tests written out) and marks
    by them; only the instructor's own answers, and cells that it does not know, come from the notebook.

    Parameters
    ----------
    directory : CourseDirectory
        nbgrader's rules for names of folders.
    assignment, name : str
        The assignment and the notebook in it.
    config : Config, optional
        nbgrader's settings.

    Returns
    -------
    Source
        With the gradebook's tests.

    Raises
    ------
    SourceError
        If there is no such notebook, or it is not for Python.
    PlanError
        If it can't be planned.
    """
    folder = Path(directory.format_path(directory.source_directory, ".", assignment))
    path = folder / f"{name}.ipynb"
    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise SourceError(f"{path} is missing: submissions are marked by the instructor's notebook") from None
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise SourceError(f"{path} is for {language}; only Python can be marked")
    with Gradebook(directory.db_url, directory.course_id) as book:
        found = book.find_notebook(name, assignment)
        rows = {cell.name: (cell.source, cell.cell_type) for cell in found.source_cells}
        points = {cell.name: cell.max_score for cell in [*found.grade_cells, *found.task_cells]}
        siblings = {f"{other.name}.ipynb" for other in found.assignment.notebooks}
    notebook.nbformat_minor = max(5, notebook.nbformat_minor)
    cleared, outdated = copy.deepcopy(notebook), []
    for number, (cell, clear) in enumerate(zip(notebook.cells, cleared.cells, strict=True)):
        cell.setdefault("id", f"cell-{number}")
        info = cell.metadata.get("nbgrader", {})
        grade_id = info.get("grade_id")
        if grade_id in rows:
            clear.source = rows[grade_id][0]
            if not info.get("solution"):
                outdated += [grade_id] if cell.source != clear.source else []
                cell.source = clear.source
        if grade_id in points:
            info["points"] = clear.metadata.nbgrader["points"] = points[grade_id]
    return Source(notebook, make_plan(notebook), given_cells(cleared, config), siblings, outdated)
